/* documents.c - look at documents, take them out, say how things stand. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/cpu.h"
#include "engine/batch.h"
#include "engine/care.h"
#include "engine/cluster.h"
#include "engine/columns.h"
#include "engine/copies.h"
#include "engine/embedder.h"
#include "engine/labels.h"
#include "engine/merge.h"
#include "engine/model.h"
#include "engine/run.h"
#include "engine/second.h"
#include "engine/vectors.h"
#include "engine/watch_state.h"
#include "retrieve/query.h"

#define DOCUMENT_BYTES ((size_t)1 << 30)
#define FILTER_BYTES   ((size_t)64 << 20) /* to read an expression */

/* "#12" or "12": a document's number; 0 when it is none. */
static doc_id parse_number(const char *text)
{
    char *end;
    unsigned long long v;

    if (*text == '#')
        text++;
    if (*text < '0' || *text > '9')
        return 0;
    errno = 0;
    v = strtoull(text, &end, 10);
    return errno || *end ? 0 : v;
}

/* The absolute path, also of a file inside a file ("old.zip!/a.txt"). Malloced; NULL: there is none. */
static char *real_name(const char *name)
{
    char *real = realpath(name, NULL), *outer, *whole = NULL;

    for (const char *at = name; !real && (at = strstr(at, "!/")); at += 2) {
        outer = strndup(name, (size_t)(at - name));
        real = outer ? realpath(outer, NULL) : NULL;
        free(outer);
        if (real) {
            if (asprintf(&whole, "%s%s", real, at) < 0)
                whole = NULL;
            free(real);
            return whole;
        }
    }
    return real;
}

bool engine_is_below(const char *uri, const char *folder)
{
    size_t n = strlen(folder);

    return !strncmp(uri, folder, n) &&
           (uri[n] == '/' || (n && folder[n - 1] == '/') || (uri[n] == '!' && uri[n + 1] == '/'));
}

/* As given, as an absolute path, then as a number. */
cairn_status engine_find_any(const store_snapshot *s, const char *name, store_doc *out, arena *memory,
                             cairn_error *err)
{
    cairn_status st = store_doc_find(s, name, out, memory, err);
    char *real;

    if (st == CAIRN_ENOTFOUND && (real = real_name(name))) {
        st = store_doc_find(s, real, out, memory, err);
        free(real);
    }
    if (st == CAIRN_ENOTFOUND && parse_number(name))
        st = store_doc_get(s, parse_number(name), out, memory, err);
    if (st == CAIRN_ENOTFOUND)
        cairn_fail(err, st, "\"%s\" is not in the index", name);
    return st;
}

cairn_status engine_find_document(cairn *c, const store_snapshot *s, const char *name,
                                  store_doc *out, arena *memory, cairn_error *err)
{
    cairn_status st = engine_refresh_access(c, err);

    if (!st)
        st = engine_find_any(s, name, out, memory, err);
    if (!st && !engine_shows_document(c, out, memory)) /* as if it were not there */
        st = cairn_fail(err, CAIRN_ENOTFOUND, "\"%s\" is not in the index", name);
    return st;
}

static cairn_status public_document(const cairn *c, const store_doc *d, arena *memory, cairn_document *out,
                                    cairn_error *err)
{
    doc_labels l;
    cairn_status st = labels_read(d, memory, &l, err);

    if (!st && c->access) {
        engine_keep_places(c, d->uri, l.places, &l.n_places);
        l.same_as = 0; /* the number of one that perhaps it may not see */
    }
    *out = (cairn_document){.id = d->id,
                            .uri = d->uri,
                            .title = d->title,
                            .author = d->author,
                            .lang = d->lang,
                            .mime = d->mime,
                            .size = d->size,
                            .mtime_ns = d->mtime_ns,
                            .date_ns = d->date_ns,
                            .indexed_ns = d->indexed_ns,
                            .n_pages = d->n_pages,
                            .n_chunks = d->n_chunks,
                            .created_ns = l.created_ns,
                            .tags = l.tags,
                            .n_tags = l.n_tags,
                            .n_user = l.n_user,
                            .places = l.places,
                            .n_places = l.n_places,
                            .same_as = l.same_as};
    return st;
}

/* Bytes at the start of `text` that the end of `before` holds too: the overlap of two chunks. */
static size_t common_overlap(const char *before, size_t before_len, const char *text, size_t len)
{
    size_t max = len < before_len ? len : before_len;

    for (size_t n = max < 4096 ? max : 4096; n > 0; n--)
        if (!memcmp(before + before_len - n, text, n))
            return n;
    return 0;
}

/* The chunk before, where it matters for the next one. */
typedef struct joining {
    const char *heading;
    uint64_t end; /* of the chunk before, in the document's positions */
} joining;

/* Chunks one after the other: a heading where it changes, overlaps once. */
static cairn_status append_chunk(bytes *out, const store_chunk *c, joining *before)
{
    size_t skip = 0;
    cairn_status st = CAIRN_OK;

    if (out->len && c->byte_start < before->end)
        skip = common_overlap(out->data, out->len, c->text, c->text_len);
    if (out->len && !skip)
        st = bytes_append_str(out, "\n\n");
    if (!st && *c->heading && strcmp(c->heading, before->heading))
        st = bytes_printf(out, "%s%s\n\n", skip ? "\n\n" : "", c->heading);
    before->heading = c->heading;
    before->end = c->byte_end;
    return st ? st : bytes_append(out, c->text + skip, c->text_len - skip);
}

/* What stands between two chunks of an extracted text: headings, which are kept apart from the
 * chunks. Tries the last 1, 2, ... parts of the heading path until the length is right; blanks
 * where none is, so that positions stay true. */
static cairn_status append_gap(bytes *out, const char *heading, size_t gap)
{
    const char *part = heading + strlen(heading);
    cairn_status st = CAIRN_OK;
    size_t lead = out->len ? 2 : 0, need = lead;

    do {
        const char *end = *part ? part - 3 : part, *start = end;
        while (start > heading && (start - heading < 3 || memcmp(start - 3, " > ", 3)))
            start--;
        need += (size_t)(end - start) + 2;
        part = start;
    } while (need < gap && part > heading);
    if (need == gap && *part) {
        if (lead)
            st = bytes_append_str(out, "\n\n");
        while (!st && *part) {
            const char *end = strstr(part, " > ");
            st = bytes_append(out, part, end ? (size_t)(end - part) : strlen(part));
            if (!st)
                st = bytes_append_str(out, "\n\n");
            part = end ? end + 3 : part + strlen(part);
        }
        return st;
    }
    while (!st && gap--)
        st = bytes_append_byte(out, '\n');
    return st;
}

/* A chunk at its own place in the extracted text. */
static cairn_status place_chunk(bytes *out, const store_chunk *c)
{
    size_t skip = 0;
    cairn_status st = CAIRN_OK;

    if (c->byte_start > out->len)
        st = append_gap(out, c->heading, (size_t)c->byte_start - out->len);
    else
        skip = out->len - (size_t)c->byte_start;
    if (!st && skip < c->text_len)
        st = bytes_append(out, c->text + skip, c->text_len - skip);
    /* A seam between blocks may be a byte or two shorter in the chunk than in the text. */
    while (!st && out->len < c->byte_end)
        st = bytes_append_byte(out, '\n');
    return st;
}

/* The document's text again from its chunks. Where positions count the extracted text, each chunk
 * begins at its own position there. */
cairn_status engine_document_text(const store_snapshot *s, const store_doc *doc, bytes *out,
                                arena *memory, cairn_error *err)
{
    joining before = {.heading = ""};
    store_chunk *chunks = NULL;
    chunk_id *ids;
    size_t n;
    bool placed = strstr(doc->meta_json, "\"positions\":\"text\"") != NULL;
    doc_labels labels;
    cairn_status st = labels_read(doc, memory, &labels, err);

    if (!st)
        st = store_doc_chunks(s, labels.same_as ? labels.same_as : doc->id, &ids, &n, memory, err);

    if (!st && !(chunks = arena_calloc(memory, n + 1, sizeof *chunks)))
        st = cairn_fail(err, CAIRN_ENOMEM, "text of document %llu", (unsigned long long)doc->id);
    for (size_t i = 0; !st && i < n; i++) {
        st = store_chunk_get(s, ids[i], &chunks[i], memory, err);
        placed = placed && !st && chunks[i].byte_end - chunks[i].byte_start >= chunks[i].text_len;
    }
    for (size_t i = 0; !st && i < n; i++) {
        st = placed ? place_chunk(out, &chunks[i]) : append_chunk(out, &chunks[i], &before);
        if (st)
            cairn_fail(err, st, "text of document %llu", (unsigned long long)doc->id);
    }
    return st;
}

cairn_status cairn_get(cairn *c, const char *uri_or_id, cairn_document **out, cairn_error *err)
{
    store_snapshot *s;
    store_doc doc;
    bytes text;
    arena *memory = malloc(sizeof *memory);
    cairn_status st;

    *out = NULL;
    if (!memory)
        return cairn_fail(err, CAIRN_ENOMEM, "document");
    arena_init(memory, DOCUMENT_BYTES);
    bytes_init(&text, DOCUMENT_BYTES);
    st = engine_refresh_access(c, err);
    if (!st)
        st = store_snapshot_open(c->store, &s, err);
    if (!st) {
        st = engine_find_document(c, s, uri_or_id, &doc, memory, err);
        if (!st)
            st = engine_document_text(s, &doc, &text, memory, err);
        store_snapshot_close(s);
    }
    if (!st && !(*out = arena_calloc(memory, 1, sizeof **out)))
        st = cairn_fail(err, CAIRN_ENOMEM, "document");
    if (!st) {
        st = public_document(c, &doc, memory, *out, err);
        (*out)->text_len = text.len;
        (*out)->text = arena_strndup(memory, text.data ? text.data : "", text.len);
        (*out)->memory = memory;
        if (!st && !(*out)->text)
            st = cairn_fail(err, CAIRN_ENOMEM, "document");
    }
    bytes_clear(&text);
    if (st) {
        *out = NULL;
        arena_clear(memory);
        free(memory);
    }
    return st;
}

void cairn_document_free(cairn_document *d)
{
    arena *memory;

    if (!d)
        return;
    memory = d->memory; /* *d itself lives in it */
    arena_clear(memory);
    free(memory);
}

/* Every document that passes; `filter` NULL: all. */
static cairn_status list_documents(cairn *c, const char *prefix, const retrieve_query *filter,
                                   bool (*fn)(void *ctx, const cairn_document *d), void *ctx,
                                   cairn_error *err)
{
    store_snapshot *s;
    store_doc_iter *it;
    store_doc doc;
    arena memory;
    cairn_status st = engine_refresh_access(c, err);

    if (!st)
        st = store_snapshot_open(c->store, &s, err);
    if (st)
        return st;
    arena_init(&memory, DOCUMENT_BYTES);
    st = store_doc_iter_open(s, prefix ? prefix : "", &it, err);
    if (!st) {
        while (!(st = store_doc_iter_next(it, &doc, &memory, err))) {
            cairn_document d;
            filter_row row;
            st = columns_of(&doc, &memory, &row, err);
            if (!st)
                st = public_document(c, &doc, &memory, &d, err);
            if (st || (engine_shows(c, doc.uri) && (!filter || retrieve_filter_matches(filter, &row)) &&
                       !fn(ctx, &d)))
                break;
            arena_reset(&memory);
        }
        store_doc_iter_close(it);
        if (st == CAIRN_ENOTFOUND)
            st = CAIRN_OK;
    }
    arena_clear(&memory);
    store_snapshot_close(s);
    return st;
}

cairn_status cairn_list(cairn *c, const char *prefix,
                        bool (*fn)(void *ctx, const cairn_document *d), void *ctx,
                        cairn_error *err)
{
    return list_documents(c, prefix, NULL, fn, ctx, err);
}

cairn_status cairn_list_filtered(cairn *c, const char *prefix, const char *filter,
                                 bool (*fn)(void *ctx, const cairn_document *d), void *ctx,
                                 char **note, cairn_error *err)
{
    retrieve_query q;
    arena memory;
    cairn_status st;

    if (note)
        *note = NULL;
    arena_init(&memory, FILTER_BYTES);
    st = retrieve_query_parse(&q, "", filter, &memory, err);
    if (!st)
        st = list_documents(c, prefix, &q, fn, ctx, err);
    if (!st && note && q.note && !(*note = strdup(q.note)))
        st = cairn_fail(err, CAIRN_ENOMEM, "a note about the filter");
    arena_clear(&memory);
    return st;
}

/* A copies_unfit_fn: what lies in the folder that is being removed. */
static bool is_in_folder(void *ctx, const char *uri)
{
    return engine_is_below(uri, ctx);
}

/* Every document below the folder; none is not an error here. */
static cairn_status delete_below(copies *x, const store_snapshot *s, const char *folder, size_t *n,
                                 cairn_error *err)
{
    store_doc_iter *it;
    store_doc doc;
    arena memory;
    cairn_status st = store_doc_iter_open(s, folder, &it, err);

    if (st)
        return st;
    arena_init(&memory, DOCUMENT_BYTES);
    while (!(st = store_doc_iter_next(it, &doc, &memory, err))) {
        if (is_in_folder((void *)folder, doc.uri)) {
            st = copies_remove(x, s, &doc, is_in_folder, (void *)folder, NULL, err);
            if (st)
                break;
            ++*n;
        }
        arena_reset(&memory);
    }
    store_doc_iter_close(it);
    arena_clear(&memory);
    return st == CAIRN_ENOTFOUND ? CAIRN_OK : st;
}

cairn_status cairn_delete(cairn *c, const char *uri_or_id, size_t *n_removed, cairn_error *err)
{
    store_snapshot *s = NULL;
    batch *b = NULL;
    copies x = {0};
    store_doc doc;
    arena memory;
    char *real = NULL;
    cairn_status st = engine_need_writer(c, err);

    *n_removed = 0;
    if (!st && !*uri_or_id) /* an unset variable of a script must not mean everything */
        st = cairn_fail(err, CAIRN_EUSAGE, "an empty name removes nothing: name a document or a "
                                           "folder");
    if (st)
        return st;
    arena_init(&memory, DOCUMENT_BYTES);
    st = batch_create(&b, c, err);
    if (!st)
        st = store_snapshot_open(c->store, &s, err);
    if (!st)
        st = copies_init(&x, c, b, s, err);
    if (st)
        goto done;
    st = engine_find_document(c, s, uri_or_id, &doc, &memory, err);
    if (!st) {
        st = copies_remove(&x, s, &doc, is_in_folder, (void *)doc.uri, NULL, err);
        *n_removed = !st;
        if (!st)
            st = delete_below(&x, s, doc.uri, n_removed, err); /* the files inside it */
    } else if (st == CAIRN_ENOTFOUND) {
        cairn_error not_found = err ? *err : (cairn_error){0};
        real = realpath(uri_or_id, NULL); /* the folder may be gone: then as it was given */
        st = delete_below(&x, s, real ? real : uri_or_id, n_removed, err);
        if (!st && !*n_removed) {
            st = CAIRN_ENOTFOUND;
            if (err)
                *err = not_found;
        }
    }
    if (!st)
        st = copies_note(&x, err);
    if (!st)
        st = batch_flush(b, err);
    if (!st)
        st = copies_settle(&x, err);
    if (st)
        *n_removed = 0;
done:
    copies_clear(&x);
    free(real);
    store_snapshot_close(s);
    batch_destroy(b);
    arena_clear(&memory);
    return st;
}

typedef struct failure_list {
    cairn_status_info *info;
    size_t cap;
} failure_list;

static bool take_failure(void *ctx, const store_failure *f)
{
    failure_list *l = ctx;
    cairn_status_info *info = l->info;
    char *path, *reason;

    if (info->n_failed == l->cap) {
        size_t cap = l->cap ? l->cap * 2 : 64;
        cairn_failure *more = realloc(info->failed, cap * sizeof *more);
        if (!more)
            return false;
        info->failed = more;
        l->cap = cap;
    }
    path = arena_strdup(info->memory, f->path);
    reason = arena_strdup(info->memory, f->reason);
    if (!path || !reason)
        return false;
    info->failed[info->n_failed++] = (cairn_failure){path, reason};
    return true;
}

/* Path of a model, or the reason why there is none. */
static void describe_model(arena *memory, const char *name, const char **path, const char **note)
{
    char buf[8192];
    cairn_error why;

    if (cairn_model_path(name, buf, sizeof buf, &why))
        *note = arena_strdup(memory, why.text);
    else
        *path = arena_strdup(memory, buf);
}

static cairn_status read_rate(const store_snapshot *s, arena *memory, double *out, cairn_error *err)
{
    const uint8_t *text;
    size_t len;
    cairn_status st = store_meta_get(s, META_RATE, memory, &text, &len, err);

    *out = st ? 0 : strtod((const char *)text, NULL);
    if (!(*out > 0 && *out < 1e9))
        *out = 0;
    return st == CAIRN_ENOTFOUND ? CAIRN_OK : st;
}

/* One truth about the vectors to come: the run that makes them knows how far it is, between two flushes, too. */
static void vectors_left(cairn_status_info *out)
{
    const cairn_running *r = &out->running;

    out->vectors_seconds_left = -1;
    if (r->active && !strcmp(r->stage, "embed")) {
        out->vectors_per_second = r->per_second;
        out->vectors_seconds_left = r->seconds_left;
    } else if (!out->pending_vectors) {
        out->vectors_seconds_left = 0;
    } else if (out->vectors_per_second > 0) {
        out->vectors_seconds_left = (double)out->pending_vectors / out->vectors_per_second;
    }
}

static cairn_status describe_second(cairn *c, const store_snapshot *s, arena *memory, cairn_status_info *out,
                                    cairn_error *err)
{
    second_state second;
    cairn_status st = second_describe(c, memory, &second, err);

    out->second_name = second_named(c);
    out->second_lacking = second_lacking(c);
    out->second_vectors = out->second_name && !c->access ? embedder_count_vectors(s, SEGMENT_ASIDE) : 0;
    out->second_unread = out->second_name && !c->access ? second.unread : 0;
    out->second_searched = second.searched;
    return st;
}

cairn_status cairn_status_get(cairn *c, cairn_status_info *out, cairn_error *err)
{
    failure_list failures = {.info = out};
    store_snapshot *s;
    store_usage usage;
    store_counts counts;
    vectors_identity own_id;
    bool own, any;
    arena *memory = malloc(sizeof *memory);
    cairn_status st;

    *out = (cairn_status_info){0};
    if (!memory)
        return cairn_fail(err, CAIRN_ENOMEM, "status");
    arena_init(memory, DOCUMENT_BYTES);
    out->memory = memory;
    st = engine_refresh_access(c, err);
    if (!st)
        st = store_snapshot_open(c->store, &s, err);
    if (st)
        return st;
    counts = store_snapshot_counts(s);
    st = engine_follow_embedder(c, s, err);
    out->documents = counts.docs;
    out->chunks = counts.chunks;
    out->text_bytes = counts.text_bytes;
    out->pending_vectors = counts.pending;
    out->failures = counts.failures;
    out->segments = store_segment_count(s);
    for (size_t i = 0; i < out->segments; i++) {
        const store_segment *seg = store_segment_at(s, i);
        out->deleted_rows += seg->n_deleted;
        if (seg->kind == SEGMENT_VECTOR)
            out->vectors += seg->n_rows - seg->n_deleted;
    }
    if (cluster_has(c))
        out->vectors = counts.chunks - (counts.pending < counts.chunks ? counts.pending : counts.chunks);
    merge_describe(s, out);
    if (!st)
        st = describe_second(c, s, memory, out, err);
    if (!st)
        st = store_failure_each(s, take_failure, &failures, err);
    if (!st)
        st = vectors_identity_get(s, &own_id, &own, &any, err);
    if (!st)
        st = audit_read(s, &out->audit, err);
    if (!st)
        st = read_rate(s, memory, &out->vectors_per_second, err);
    if (!st && c->access)
        st = engine_count_shown(c, s, out, err);
    store_snapshot_close(s);
    if (!st)
        st = store_usage_get(c->store, false, &usage, err);
    if (st)
        return st;
    out->disk_bytes = c->access ? 0 : usage.lmdb_bytes + usage.segment_bytes;
    if (!c->access) {
        run_state_read(c->dir, &out->running);
        watch_state_read(c->dir, memory, &out->watching);
    }
    vectors_left(out);
    out->version = cairn_version();
    out->home = c->home;
    out->collection = c->collection;
    out->cpu = cpu_level_name(cpu_level_get());
    out->n_threads = c->n_threads;
    out->embedder_name = c->settings.embedder;
    out->generator_name = c->settings.generator;
    if (own) {
        char text[VECTORS_IDENTITY_BYTES];
        vectors_identity_text(&own_id, text);
        out->embedder_name = arena_strdup(memory, text);
    } else {
        describe_model(memory, out->embedder_name, &out->embedder, &out->embedder_note);
    }
    describe_model(memory, out->generator_name, &out->generator, &out->generator_note);
    return CAIRN_OK;
}

void cairn_status_clear(cairn_status_info *info)
{
    if (info->memory) {
        arena_clear(info->memory);
        free(info->memory);
    }
    free(info->failed);
    *info = (cairn_status_info){0};
}
