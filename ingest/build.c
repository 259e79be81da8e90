/* build.c - gathering blocks; see build.h. */
#include "ingest/build.h"

#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "base/utf8.h"

/* What a document may hold beside its text: block records, spans, metadata. */
#define BUILDER_OVERHEAD ((size_t)64 << 20)

cairn_status builder_init(document_builder *b, size_t max_text, cairn_error *err)
{
    size_t most;

    memset(b, 0, sizeof *b);
    b->max_text = max_text;
    b->doc = calloc(1, sizeof *b->doc);
    if (!b->doc)
        return cairn_fail(err, CAIRN_ENOMEM, "a document");
    if (!checked_mul(max_text, 8, &most) || !checked_add(most, BUILDER_OVERHEAD, &most))
        most = SIZE_MAX / 2;
    arena_init(&b->doc->memory, most);
    b->doc->mime = b->doc->title = b->doc->author = b->doc->lang = b->doc->note = "";
    b->doc->positions = INGEST_POSITIONS_TEXT;
    return CAIRN_OK;
}

void builder_clear(document_builder *b)
{
    ingest_document_free(b->doc);
    free(b->blocks);
    b->doc = NULL;
    b->blocks = NULL;
    b->cap = 0;
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
    ingest_document *doc = b->doc;
    ingest_block *out;

    if (in->kind < INGEST_HEADING || in->kind > INGEST_QUOTE || in->level > 6 ||
        (in->kind == INGEST_HEADING && !in->level) || !in->len || in->len > UINT32_MAX ||
        in->byte_end < in->byte_start || in->line_last < in->line_first || !spans_ok(in) ||
        memchr(in->text, 0, in->len) || !utf8_valid(in->text, in->len))
        return cairn_fail(err, CAIRN_EINPUT, "block %zu breaks the rules of a document",
                          doc->n_blocks);
    if (in->len > b->max_text - doc->text_bytes)
        return cairn_fail(err, CAIRN_ELIMIT, "holds more than %zu MiB of text", b->max_text >> 20);
    if (doc->n_blocks == b->cap) {
        size_t cap = b->cap ? b->cap * 2 : 32;
        ingest_block *more = checked_realloc(b->blocks, cap, sizeof *more);
        if (!more)
            return cairn_fail(err, CAIRN_ENOMEM, "%zu blocks", cap);
        b->blocks = more;
        b->cap = cap;
    }
    out = &b->blocks[doc->n_blocks];
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
    if (in->page > doc->n_pages)
        doc->n_pages = in->page;
    return CAIRN_OK;
}

static cairn_status take_text(void *ctx, document_field field, const char *key, const char *value,
                              size_t len, cairn_error *err)
{
    document_builder *b = ctx;
    ingest_document *doc = b->doc;
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
    if (!slot && doc->n_meta == BUILDER_MAX_META)
        return CAIRN_OK; /* enough is known about it */
    copy = arena_strndup(&doc->memory, value, len);
    if (!copy)
        return cairn_fail(err, CAIRN_ENOMEM, "the metadata of a document");
    if (slot) {
        *slot = copy;
        return CAIRN_OK;
    }
    b->meta[doc->n_meta].value = copy;
    b->meta[doc->n_meta].key = arena_strdup(&doc->memory, key);
    if (!b->meta[doc->n_meta].key)
        return cairn_fail(err, CAIRN_ENOMEM, "the metadata of a document");
    doc->n_meta++;
    return CAIRN_OK;
}

static cairn_status take_number(void *ctx, document_field field, int64_t value, cairn_error *err)
{
    ingest_document *doc = ((document_builder *)ctx)->doc;

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

block_sink builder_sink(document_builder *b)
{
    return (block_sink){.ctx = b, .block = take_block, .text = take_text, .number = take_number};
}

cairn_status builder_finish(document_builder *b, ingest_document **out, cairn_error *err)
{
    ingest_document *doc = b->doc;

    if (doc->n_blocks) {
        ingest_block *blocks = arena_calloc(&doc->memory, doc->n_blocks, sizeof *blocks);
        if (!blocks)
            return cairn_fail(err, CAIRN_ENOMEM, "%zu blocks", doc->n_blocks);
        memcpy(blocks, b->blocks, doc->n_blocks * sizeof *blocks);
        doc->blocks = blocks;
    }
    if (doc->n_meta) {
        ingest_meta *meta = arena_calloc(&doc->memory, doc->n_meta, sizeof *meta);
        if (!meta)
            return cairn_fail(err, CAIRN_ENOMEM, "the metadata of a document");
        memcpy(meta, b->meta, doc->n_meta * sizeof *meta);
        doc->meta = meta;
    }
    *out = doc;
    b->doc = NULL;
    builder_clear(b);
    return CAIRN_OK;
}
