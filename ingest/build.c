/* build.c - gathering blocks; see build.h. */
#include "ingest/build.h"

#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "base/utf8.h"

/* What a document may hold beside its text: block records, spans, metadata. */
#define BUILDER_OVERHEAD ((size_t)64 << 20)

static cairn_status level_open(document_builder *b, builder_level **out, cairn_error *err)
{
    builder_level *l = calloc(1, sizeof *l);
    size_t most;

    *out = NULL;
    if (l)
        l->doc = calloc(1, sizeof *l->doc);
    if (!l || !l->doc) {
        free(l);
        return cairn_fail(err, CAIRN_ENOMEM, "a document");
    }
    if (!checked_mul(b->max_text, 8, &most) || !checked_add(most, BUILDER_OVERHEAD, &most))
        most = SIZE_MAX / 2;
    arena_init(&l->doc->memory, most);
    l->doc->mime = l->doc->title = l->doc->author = l->doc->lang = l->doc->note = "";
    l->doc->member = l->doc->reason = "";
    l->doc->positions = INGEST_POSITIONS_TEXT;
    *out = l;
    return CAIRN_OK;
}

static void level_close(builder_level *l)
{
    if (!l)
        return;
    ingest_document_free(l->doc);
    free(l->blocks);
    free(l);
}

cairn_status builder_init(document_builder *b, size_t max_text, cairn_error *err)
{
    memset(b, 0, sizeof *b);
    b->max_text = max_text;
    b->last = &b->members;
    return level_open(b, &b->at[0], err);
}

void builder_clear(document_builder *b)
{
    for (size_t i = 0; i <= BUILDER_MAX_NESTING; i++) {
        level_close(b->at[i]);
        b->at[i] = NULL;
    }
    ingest_document_free(b->members);
    b->members = NULL;
    b->last = &b->members;
    b->depth = 0;
}

static bool spans_ok(const ingest_block *in)
{
    for (size_t i = 0; i < in->n_spans; i++) {
        const ingest_span *s = &in->spans[i];
        if (s->text >= in->len || s->file < in->byte_start || s->file > in->byte_end)
            return false;
        if (i && (s->text <= s[-1].text || s->file < s[-1].file))
            return false;
    }
    return true;
}

static cairn_status take_block(void *ctx, const ingest_block *in, cairn_error *err)
{
    document_builder *b = ctx;
    builder_level *l = b->at[b->depth];
    ingest_document *doc = l->doc;
    ingest_block *out;

    if (in->kind < INGEST_HEADING || in->kind > INGEST_SYMBOL || in->level > 6 ||
        ((in->kind == INGEST_HEADING || in->kind == INGEST_SYMBOL) && !in->level) || !in->len || in->len > UINT32_MAX ||
        in->byte_end < in->byte_start || in->line_last < in->line_first || !spans_ok(in) ||
        memchr(in->text, 0, in->len) || !utf8_valid(in->text, in->len))
        return cairn_fail(err, CAIRN_EINPUT, "block %zu breaks the rules of a document",
                          doc->n_blocks);
    if (in->len > b->max_text - b->text_bytes)
        return cairn_fail(err, CAIRN_ELIMIT, "holds more than %zu MiB of text", b->max_text >> 20);
    if (doc->n_blocks == l->cap) {
        size_t cap = l->cap ? l->cap * 2 : 32;
        ingest_block *more = checked_realloc(l->blocks, cap, sizeof *more);
        if (!more)
            return cairn_fail(err, CAIRN_ENOMEM, "%zu blocks", cap);
        l->blocks = more;
        l->cap = cap;
    }
    out = &l->blocks[doc->n_blocks];
    *out = *in;
    out->text = arena_strndup(&doc->memory, in->text, in->len);
    out->spans = NULL;
    if (in->n_spans) {
        ingest_span *spans = arena_calloc(&doc->memory, in->n_spans, sizeof *spans);
        if (spans)
            memcpy(spans, in->spans, in->n_spans * sizeof *spans);
        out->spans = spans;
    }
    if (!out->text || (in->n_spans && !out->spans))
        return cairn_fail(err, CAIRN_ENOMEM, "the text of a document");
    doc->n_blocks++;
    doc->text_bytes += in->len;
    b->text_bytes += in->len;
    if (in->page > doc->n_pages)
        doc->n_pages = in->page;
    return CAIRN_OK;
}

/* Keywords may come one at a time: a second value of a key follows the first, as long as there is room. */
static cairn_status join_meta(ingest_document *doc, ingest_meta *m, const char *value, size_t len,
                              cairn_error *err)
{
    size_t n = strlen(m->value);
    char *both;

    if (n + len + 2 > EMIT_FIELD_BYTES * 4)
        return CAIRN_OK;
    both = arena_alloc(&doc->memory, n + len + 3);
    if (!both)
        return cairn_fail(err, CAIRN_ENOMEM, "the metadata of a document");
    memcpy(both, m->value, n);
    memcpy(both + n, ", ", 2);
    memcpy(both + n + 2, value, len);
    both[n + 2 + len] = 0;
    m->value = both;
    return CAIRN_OK;
}

static cairn_status take_text(void *ctx, document_field field, const char *key, const char *value,
                              size_t len, cairn_error *err)
{
    document_builder *b = ctx;
    builder_level *l = b->at[b->depth];
    ingest_document *doc = l->doc;
    const char *copy, **slot = NULL;

    if (len > EMIT_FIELD_BYTES * 4 || memchr(value, 0, len) || !utf8_valid(value, len))
        return cairn_fail(err, CAIRN_EINPUT, "a metadata field breaks the rules of a document");
    switch (field) {
    case FIELD_MIME:
        slot = &doc->mime;
        break;
    case FIELD_TITLE:
        slot = &doc->title;
        break;
    case FIELD_AUTHOR:
        slot = &doc->author;
        break;
    case FIELD_LANG:
        slot = &doc->lang;
        break;
    case FIELD_NOTE:
        slot = &doc->note;
        break;
    case FIELD_META:
        break;
    default:
        return cairn_fail(err, CAIRN_EINPUT, "unknown metadata field %d", (int)field);
    }
    for (size_t i = 0; !slot && i < doc->n_meta; i++)
        if (!strcmp(l->meta[i].key, key))
            return join_meta(doc, &l->meta[i], value, len, err);
    if (!slot && doc->n_meta == BUILDER_MAX_META)
        return CAIRN_OK; /* enough is known about it */
    copy = arena_strndup(&doc->memory, value, len);
    if (!copy)
        return cairn_fail(err, CAIRN_ENOMEM, "the metadata of a document");
    if (slot) {
        *slot = copy;
        return CAIRN_OK;
    }
    l->meta[doc->n_meta].value = copy;
    l->meta[doc->n_meta].key = arena_strdup(&doc->memory, key);
    if (!l->meta[doc->n_meta].key)
        return cairn_fail(err, CAIRN_ENOMEM, "the metadata of a document");
    doc->n_meta++;
    return CAIRN_OK;
}

static cairn_status take_number(void *ctx, document_field field, int64_t value, cairn_error *err)
{
    const document_builder *b = ctx;
    ingest_document *doc = b->at[b->depth]->doc;

    switch (field) {
    case FIELD_DATE:
        doc->date_ns = value;
        return CAIRN_OK;
    case FIELD_CREATED:
        doc->created_ns = value;
        return CAIRN_OK;
    case FIELD_PAGES:
        if (value >= 0 && value <= INT32_MAX) {
            doc->n_pages = (uint32_t)value;
            return CAIRN_OK;
        }
        break;
    case FIELD_POSITIONS:
        if (value == INGEST_POSITIONS_FILE || value == INGEST_POSITIONS_TEXT) {
            doc->positions = (ingest_positions)value;
            return CAIRN_OK;
        }
        break;
    default:
        break;
    }
    return cairn_fail(err, CAIRN_EINPUT, "metadata number %d is out of range", (int)field);
}

/* Give the document of a level its blocks and metadata; the level keeps neither. */
static cairn_status level_finish(builder_level *l, cairn_error *err)
{
    ingest_document *doc = l->doc;

    if (doc->n_blocks) {
        ingest_block *blocks = arena_calloc(&doc->memory, doc->n_blocks, sizeof *blocks);
        if (!blocks)
            return cairn_fail(err, CAIRN_ENOMEM, "%zu blocks", doc->n_blocks);
        memcpy(blocks, l->blocks, doc->n_blocks * sizeof *blocks);
        doc->blocks = blocks;
    }
    if (doc->n_meta) {
        ingest_meta *meta = arena_calloc(&doc->memory, doc->n_meta, sizeof *meta);
        if (!meta)
            return cairn_fail(err, CAIRN_ENOMEM, "the metadata of a document");
        memcpy(meta, l->meta, doc->n_meta * sizeof *meta);
        doc->meta = meta;
    }
    return CAIRN_OK;
}

/* A part that is empty, "." or ".." could lead a reader of paths out of the container. */
static bool is_good_name(const char *name)
{
    for (const char *at = name;; at++) {
        size_t n = strcspn(at, "/");
        if (!n || (n == 1 && at[0] == '.') || (n == 2 && at[0] == '.' && at[1] == '.'))
            return false;
        at += n;
        if (!*at)
            return true;
    }
}

static cairn_status take_member(void *ctx, const emit_member_info *m, cairn_error *err)
{
    document_builder *b = ctx;
    const char *outer = b->at[b->depth]->doc->member;
    size_t n = strlen(outer), len = strlen(m->name);
    builder_level *l;
    char *name;
    cairn_status st;

    if (!is_good_name(m->name) || !utf8_valid(m->name, len))
        return cairn_fail(err, CAIRN_EINPUT, "a member's name breaks the rules of a document");
    if (b->depth == BUILDER_MAX_NESTING)
        return cairn_fail(err, CAIRN_ELIMIT, "files nested more than %d deep", BUILDER_MAX_NESTING);
    if (b->n_members == BUILDER_MAX_MEMBERS)
        return cairn_fail(err, CAIRN_ELIMIT, "holds more than %d files", BUILDER_MAX_MEMBERS);
    if (n + len + 2 > BUILDER_MAX_NAME)
        return cairn_fail(err, CAIRN_ELIMIT, "holds a file whose path has more than %d bytes",
                          BUILDER_MAX_NAME);
    st = level_open(b, &l, err);
    if (st)
        return st;
    name = arena_calloc(&l->doc->memory, n + len + 3, 1);
    if (!name) {
        level_close(l);
        return cairn_fail(err, CAIRN_ENOMEM, "a member's name");
    }
    memcpy(name, outer, n);
    if (n)
        memcpy(name + n, "!/", 2);
    memcpy(name + n + (n ? 2 : 0), m->name, len);
    l->doc->member = name;
    l->doc->size = m->size;
    l->doc->mtime_ns = m->mtime_ns;
    memcpy(l->doc->hash, m->hash, sizeof l->doc->hash);
    b->at[++b->depth] = l;
    b->n_members++;
    return CAIRN_OK;
}

static cairn_status take_member_end(void *ctx, cairn_status status, const char *reason,
                                    cairn_error *err)
{
    document_builder *b = ctx;
    builder_level *l = b->at[b->depth];
    cairn_status st = CAIRN_OK;

    if (!b->depth)
        return cairn_fail(err, CAIRN_EINPUT, "the end of a member that did not begin");
    if (status)
        l->doc->n_blocks = l->doc->n_meta = 0; /* half of it is nothing to rely on */
    l->doc->status = status;
    l->doc->reason = arena_strdup(&l->doc->memory, reason);
    if (!l->doc->reason || !utf8_valid(reason, strlen(reason)))
        l->doc->reason = "broken";
    st = level_finish(l, err);
    b->at[b->depth--] = NULL;
    if (st) {
        level_close(l);
        return st;
    }
    *b->last = l->doc;
    b->last = &l->doc->next;
    l->doc = NULL;
    level_close(l);
    return CAIRN_OK;
}

bool builder_salvage(document_builder *b, cairn_status status, const char *reason)
{
    if (!b->depth && !b->members)
        return false;
    if (b->depth && take_member_end(b, status, reason, NULL))
        return false;
    while (b->depth)
        if (take_member_end(b, CAIRN_OK, "", NULL))
            return false;
    return true;
}

block_sink builder_sink(document_builder *b)
{
    return (block_sink){.ctx = b,
                        .block = take_block,
                        .text = take_text,
                        .number = take_number,
                        .member = take_member,
                        .member_end = take_member_end};
}

cairn_status builder_finish(document_builder *b, ingest_document **out, cairn_error *err)
{
    cairn_status st;

    if (b->depth)
        return cairn_fail(err, CAIRN_EINPUT, "the answer ends inside a member");
    st = level_finish(b->at[0], err);
    if (st)
        return st;
    *out = b->at[0]->doc;
    (*out)->members = b->members;
    b->at[0]->doc = NULL;
    b->members = NULL;
    builder_clear(b);
    return CAIRN_OK;
}
