/* chunks.c - passages of a snapshot, those that wait for vectors, and vectors. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/base64.h"
#include "base/cursor.h"
#include "opensearch/txn.h"

#define VECTORS_A_CALL 1000

cairn_status os_doc_chunks(const store_snapshot *handle, doc_id doc, chunk_id **ids, size_t *n,
                           arena *a, cairn_error *err)
{
    arena memory;
    store_doc d = {0};
    cairn_status st;

    *n = 0;
    *ids = NULL;
    arena_init(&memory, RECORD_BYTES);
    st = os_doc_get(handle, doc, &d, &memory, err);
    arena_clear(&memory);
    if (st == CAIRN_ENOTFOUND)
        st = CAIRN_OK;
    if (st)
        return st;
    *ids = arena_calloc(a, (size_t)d.n_chunks + 1, sizeof **ids);
    if (!*ids)
        return cairn_fail(err, CAIRN_ENOMEM, "chunks of document %llu", (unsigned long long)doc);
    for (uint32_t i = 0; i < d.n_chunks; i++)
        (*ids)[(*n)++] = os_chunk_of(doc, i);
    return CAIRN_OK;
}

cairn_status os_chunk_get(const store_snapshot *handle, chunk_id id, store_chunk *out, arena *a,
                          cairn_error *err)
{
    struct os_snapshot *snap = os_snapshot_of(handle);
    cairn_status st =
        os_kept(snap->fetched_chunks, id) ? CAIRN_OK : os_fetch(snap, &id, 1, NULL, 0, err);
    const json_t *source = st ? NULL : os_kept(snap->fetched_chunks, id), *text, *heading;

    if (st)
        return st;
    if (!json_is_object(source))
        return cairn_fail(err, CAIRN_ENOTFOUND, "there is no chunk %llu", (unsigned long long)id);
    text = json_object_get(source, "text");
    heading = json_object_get(source, "heading");
    if (!json_is_string(text) || !json_is_string(heading) || os_number(source, "chunk") != id)
        return cairn_fail(err, CAIRN_ECORRUPT, "chunk %llu: its record does not parse",
                          (unsigned long long)id);
    *out = (store_chunk){.id = id,
                         .doc = os_doc_of(id),
                         .ordinal = (uint32_t)os_number(source, "ordinal"),
                         .byte_start = os_number(source, "byte_start"),
                         .byte_end = os_number(source, "byte_end"),
                         .page_first = (uint32_t)os_number(source, "page_first"),
                         .page_last = (uint32_t)os_number(source, "page_last"),
                         .line_first = (uint32_t)os_number(source, "line_first"),
                         .line_last = (uint32_t)os_number(source, "line_last"),
                         .n_tokens = (uint32_t)os_number(source, "tokens"),
                         .heading = "",
                         .text = "",
                         .text_len = json_string_length(text)};
    if (!a)
        return CAIRN_OK;
    out->heading = arena_strndup(a, json_string_value(heading), json_string_length(heading));
    out->text = arena_strndup(a, json_string_value(text), json_string_length(text));
    return out->heading && out->text
               ? CAIRN_OK
               : cairn_fail(err, CAIRN_ENOMEM, "text of chunk %llu", (unsigned long long)id);
}

static cairn_status chunks_after(const struct os_snapshot *snap, chunk_id after, bool pending,
                                 chunk_id *ids, size_t max, size_t *n, cairn_error *err)
{
    json_t *filter = json_pack("[{s:{s:{s:I}}}]", "range", "chunk", "gt", (json_int_t)after), *hits;
    cairn_status st;

    if (pending)
        json_array_append_new(filter, json_pack("{s:{s:b}}", "term", "pending", 1));
    st = os_hits(snap->s, snap->s->chunks,
                 json_pack("{s:{s:{s:o}},s:i,s:b,s:[s],s:[s]}", "query", "bool", "filter", filter,
                           "size", (int)(max < OPENSEARCH_DEPTH_MAX ? max : OPENSEARCH_DEPTH_MAX),
                           "_source", 0, "docvalue_fields", "chunk", "sort", "chunk"),
                 &hits, err);
    *n = st ? 0 : os_take_ids(hits, "chunk", ids, max);
    json_decref(hits);
    return st;
}

cairn_status os_chunk_next(const store_snapshot *handle, chunk_id after, chunk_id *ids, size_t max,
                           size_t *n, cairn_error *err)
{
    return chunks_after(os_snapshot_of(handle), after, false, ids, max, n, err);
}

cairn_status os_pending_next(const store_snapshot *handle, chunk_id after, chunk_id *ids,
                             size_t max, size_t *n, cairn_error *err)
{
    return chunks_after(os_snapshot_of(handle), after, true, ids, max, n, err);
}

/* ---- vectors ---- */

/* A list of numbers, or the floats themselves in base64. */
static bool take_vector(const json_t *value, uint32_t dim, float *row)
{
    bytes floats;
    cursor c;
    bool good;

    if (json_is_string(value)) {
        bytes_init(&floats, (size_t)dim * sizeof(float));
        good = !base64_decode(&floats, json_string_value(value), json_string_length(value)) &&
               floats.len == (size_t)dim * sizeof(float);
        if (good)
            cursor_init(&c, floats.data, floats.len);
        for (uint32_t i = 0; good && i < dim; i++)
            row[i] = cursor_f32(&c);
        bytes_clear(&floats);
        return good;
    }
    if (json_array_size(value) != dim)
        return false;
    for (uint32_t i = 0; i < dim; i++)
        row[i] = (float)json_number_value(json_array_get(value, i));
    return true;
}

/* The chunks' records with the field of vectors, by one _mget. What else of a chunk is not read yet comes with it. */
static json_t *vectors_wanted(const struct os_snapshot *snap, const chunk_id *chunks, size_t n, const char *field)
{
    json_t *list = json_array(), *all = os_chunk_source();

    if (all)
        json_array_append_new(all, json_string(field));
    for (size_t i = 0; list && all && i < n; i++) {
        char id[24];
        snprintf(id, sizeof id, "%llu", (unsigned long long)chunks[i]);
        if (json_array_append_new(list, os_kept(snap->fetched_chunks, chunks[i])
                                            ? json_pack("{s:s,s:s,s:[s]}", "_index", snap->s->chunks, "_id", id,
                                                        "_source", field)
                                            : json_pack("{s:s,s:s,s:O}", "_index", snap->s->chunks, "_id", id, "_source",
                                                        all))) {
            json_decref(list);
            list = NULL;
        }
    }
    json_decref(all);
    return list;
}

static cairn_status take_vectors(struct os_snapshot *snap, const json_t *reply, const char *field, size_t n, float *rows,
                                 bool *has, bool *passing, cairn_error *err)
{
    const json_t *docs = json_object_get(reply, "docs");
    uint32_t dim = snap->state.dim;

    *passing = false;
    if (json_array_size(docs) != n)
        return cairn_fail(err, CAIRN_EIO, "the cluster's answer to a multi-get is none");
    for (size_t i = 0; i < n; i++) {
        const json_t *one = json_array_get(docs, i);
        json_t *source = json_object_get(one, "_source");
        const char *id = json_string_value(json_object_get(one, "_id"));
        if (json_object_get(one, "error")) {
            *passing = true;
            return cairn_fail(err, CAIRN_EBUSY, "some vectors cannot be read now: their node is away; try again");
        }
        has[i] = take_vector(json_object_get(source, field), dim, rows + i * dim);
        if (!json_object_get(source, "chunk") || !id)
            continue;
        json_object_del(source, field);
        if (json_object_set(snap->fetched_chunks, id, source))
            return cairn_fail(err, CAIRN_ENOMEM, "vectors");
    }
    return CAIRN_OK;
}

/* From one of the fields that hold them. */
static cairn_status vectors_of(struct os_snapshot *snap, const char *field, const chunk_id *chunks, size_t n, float *rows,
                               bool *has, cairn_error *err)
{
    json_t *list;
    os_patience patience = {0};
    bool passing;
    cairn_status st;

    list = vectors_wanted(snap, chunks, n, field);
    if (!list)
        return cairn_fail(err, CAIRN_ENOMEM, "vectors");
    do {
        json_t *reply = NULL;
        passing = false;
        st = os_ask(snap->s, "ask for vectors", "POST",
                    "/_mget?realtime=false&filter_path=docs._id,docs.found,docs.error.type,docs._source",
                    json_pack("{s:O}", "docs", list), &reply, err);
        if (!st)
            st = take_vectors(snap, reply, field, n, rows, has, &passing, err);
        json_decref(reply);
    } while (passing && os_wait_again(snap->s, &patience));
    json_decref(list);
    return st;
}

/* As bytes; of those that have none so, as numbers. */
static cairn_status some_vectors(struct os_snapshot *snap, const chunk_id *chunks, size_t n,
                                 float *rows, bool *has, cairn_error *err)
{
    char field[FIELD_BYTES];
    uint32_t dim = snap->state.dim;
    bool any = false, more = false;
    size_t at = 0;
    cairn_status st = CAIRN_OK;

    if (!snap->s->unpacked) {
        os_bytes_field(&snap->state, field);
        st = vectors_of(snap, field, chunks, n, rows, has, err);
        for (size_t i = 0; i < n; i++)
            any |= has[i];
    }
    os_vector_field(&snap->state, field);
    while (!st && at < n) { /* runs of passages without */
        size_t from = at;
        while (from < n && has[from])
            from++;
        for (at = from; at < n && !has[at]; at++)
            ;
        if (at > from)
            st = vectors_of(snap, field, chunks + from, at - from, rows + from * dim, has + from, err);
        for (size_t i = from; i < at; i++)
            more |= has[i];
    }
    snap->s->unpacked |= !st && more && !any;
    return st;
}

cairn_status os_vectors(void *ctx, const chunk_id *chunks, size_t n, uint32_t dim, float *rows,
                        bool *has, cairn_error *err)
{
    struct os_snapshot *snap = ctx;
    cairn_status st = CAIRN_OK;

    memset(has, 0, n * sizeof *has);
    if (!dim || dim != snap->state.dim)
        return CAIRN_OK;
    for (size_t at = 0; at < n && !st; at += VECTORS_A_CALL)
        st = some_vectors(snap, chunks + at, n - at < VECTORS_A_CALL ? n - at : VECTORS_A_CALL,
                          rows + at * dim, has + at, err);
    return st;
}
