/* documents.c - documents of a snapshot: by id, by address, by content, and in order. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/base64.h"
#include "opensearch/txn.h"
#include "store/record.h"

/* The record of a document. */
static cairn_status decode_record(const json_t *record, json_int_t id, store_doc *out, arena *a, cairn_error *err)
{
    bool no_memory = false, good;
    char what[64];
    bytes b;

    snprintf(what, sizeof what, "document %lld", (long long)id);
    bytes_init(&b, RECORD_BYTES);
    good = json_is_string(record) && id > 0 &&
           !base64_decode(&b, json_string_value(record), json_string_length(record)) &&
           record_get_doc((const uint8_t *)(b.data ? b.data : ""), b.len, out, a, &no_memory);
    bytes_clear(&b);
    if (!good)
        return no_memory ? cairn_fail(err, CAIRN_ENOMEM, "%s", what) : os_bad_record(what, err);
    out->id = (doc_id)id;
    return CAIRN_OK;
}

/* The record of a document's _source. */
static cairn_status decode_doc(const json_t *source, store_doc *out, arena *a, cairn_error *err)
{
    return decode_record(json_object_get(source, "record"), json_integer_value(json_object_get(source, "doc")), out,
                         a, err);
}

cairn_status os_doc_get(const store_snapshot *handle, doc_id id, store_doc *out, arena *a,
                        cairn_error *err)
{
    struct os_snapshot *snap = os_snapshot_of(handle);
    cairn_status st =
        os_kept(snap->fetched_docs, id) ? CAIRN_OK : os_fetch(snap, NULL, 0, &id, 1, err);
    const json_t *source = st ? NULL : os_kept(snap->fetched_docs, id);

    if (!st && !json_is_object(source))
        return cairn_fail(err, CAIRN_ENOTFOUND, "there is no document %llu",
                          (unsigned long long)id);
    return st ? st : decode_doc(source, out, a, err);
}

cairn_status os_doc_shown(const store_snapshot *handle, const store_chunk *chunk, store_doc *out, arena *a,
                          cairn_error *err)
{
    struct os_snapshot *snap = os_snapshot_of(handle);
    const json_t *shown = json_object_get(os_kept(snap->fetched_chunks, chunk->id), "shown");

    if (os_is_stranger(&snap->state, chunk->doc))
        return cairn_fail(err, CAIRN_ENOTFOUND, "there is no document %llu", (unsigned long long)chunk->doc);
    return json_string_length(shown) ? decode_record(shown, (json_int_t)chunk->doc, out, a, err)
                                     : os_doc_get(handle, chunk->doc, out, a, err);
}

/* A document that was found, or listed, is likely to be changed next, or its passages to be read. */
static cairn_status keep_doc(struct os_snapshot *snap, doc_id id, json_t *source, cairn_error *err)
{
    char text[24];

    if (json_object_size(snap->fetched_docs) > (snap->s->is_writer ? LISTED_MOST : FETCHED_MOST))
        json_object_clear(snap->fetched_docs);
    snprintf(text, sizeof text, "%llu", (unsigned long long)id);
    return json_object_set(snap->fetched_docs, text, source)
               ? cairn_fail(err, CAIRN_ENOMEM, "an answer of the cluster")
               : CAIRN_OK;
}

cairn_status os_read_doc(struct os_store *s, doc_id id, store_doc *out, uint64_t *text_bytes,
                         arena *a, cairn_error *err)
{
    char path[PATH_BYTES];
    json_t *reply = NULL, *source;
    long status;
    cairn_status st;

    /* The writer alone changes documents: what a snapshot of its last commit has read is still so.
     */
    source = s->is_writer && s->kept_version == s->held.version && s->kept_docs
                 ? os_kept(s->kept_docs, id)
                 : NULL;
    if (json_is_object(source)) {
        *text_bytes = os_number(source, "text_bytes");
        return decode_doc(source, out, a, err);
    }
    snprintf(path, sizeof path, "/%s/_doc/%llu", s->documents, (unsigned long long)id);
    st = os_call(s, "GET", path, NULL, &status, &reply, err);
    source = json_object_get(reply, "_source");
    if (!st && status == 404)
        st = cairn_fail(err, CAIRN_ENOTFOUND, "there is no document %llu", (unsigned long long)id);
    if (!st)
        st = decode_doc(source, out, a, err);
    *text_bytes = st ? 0 : (uint64_t)json_integer_value(json_object_get(source, "text_bytes"));
    json_decref(reply);
    return st;
}

static json_t *of_uri(const char *uri)
{
    char id[40];

    os_name_id('u', uri, id);
    return json_pack("{s:{s:s}}", "term", "uri_id", id);
}

cairn_status os_find_uri(struct os_store *s, const char *uri, doc_id *id, cairn_error *err)
{
    json_t *hits;
    char name[40];
    cairn_status st;

    *id = 0;
    os_name_id('u', uri, name);
    if (os_is_absent(s, name))
        return CAIRN_OK;
    st = os_hits(s, s->documents,
                 json_pack("{s:o,s:i,s:[s],s:[{s:s}]}", "query", of_uri(uri), "size", 1, "_source",
                           "doc", "sort", "doc", "desc"),
                 &hits, err);

    *id = st ? 0
             : (doc_id)json_integer_value(
                   json_object_get(json_object_get(json_array_get(hits, 0), "_source"), "doc"));
    json_decref(hits);
    return st;
}

cairn_status os_doc_find(const store_snapshot *handle, const char *uri, store_doc *out, arena *a,
                         cairn_error *err)
{
    struct os_snapshot *snap = os_snapshot_of(handle);
    json_t *hits, *source;
    char name[40];
    cairn_status st;

    os_name_id('u', uri, name);
    if (os_is_absent(snap->s, name))
        return cairn_fail(err, CAIRN_ENOTFOUND, "there is no document %s", uri);
    st = os_hits(
        snap->s, snap->s->documents,
        json_pack("{s:o,s:i,s:[{s:s}]}", "query", of_uri(uri), "size", 1, "sort", "doc", "desc"),
        &hits, err);

    source = json_object_get(json_array_get(hits, 0), "_source");
    if (!st && !source)
        st = cairn_fail(err, CAIRN_ENOTFOUND, "there is no document %s", uri);
    if (!st)
        st = decode_doc(source, out, a, err);
    if (!st)
        st = keep_doc(snap, out->id, source, err);
    json_decref(hits);
    return st;
}

bool os_hash_text(const uint8_t hash[16], char out[33])
{
    uint8_t any = 0;

    for (int i = 0; i < 16; i++) {
        snprintf(out + 2 * i, 3, "%02x", hash[i]);
        any |= hash[i];
    }
    return any;
}

cairn_status os_doc_by_hash(const store_snapshot *handle, const uint8_t hash[16], doc_id *ids,
                            size_t max, size_t *n, cairn_error *err)
{
    struct os_store *s = os_snapshot_of(handle)->s;
    char text[33];
    json_t *hits;
    cairn_status st;

    *n = 0;
    if (os_hash_text(hash, text) && os_is_absent(s, text))
        return CAIRN_OK;
    st = os_hits(s, s->documents,
                 json_pack("{s:{s:{s:s}},s:i,s:b,s:[s],s:[s]}", "query", "term", "hash", text,
                           "size", (int)(max < PAGE ? max : PAGE), "_source", 0, "docvalue_fields",
                           "doc", "sort", "doc"),
                 &hits, err);
    *n = st ? 0 : os_take_ids(hits, "doc", ids, max);
    json_decref(hits);
    return st;
}

/* ---- lists of documents ---- */

struct os_list {
    store_head head;
    struct os_snapshot *snap;
    char *prefix;
    json_t *hits, *after;
    size_t at;
    bool over;
};

cairn_status os_doc_iter_open(const store_snapshot *handle, const char *prefix,
                              store_doc_iter **out, cairn_error *err)
{
    struct os_list *it = calloc(1, sizeof *it);

    *out = NULL;
    if (!it || !(it->prefix = strdup(prefix ? prefix : ""))) {
        free(it);
        return cairn_fail(err, CAIRN_ENOMEM, "list of documents");
    }
    it->head.ops = &opensearch_backend;
    it->snap = os_snapshot_of(handle);
    *out = (store_doc_iter *)it;
    return CAIRN_OK;
}

static cairn_status next_page(struct os_list *it, cairn_error *err)
{
    json_t *body = json_pack("{s:{s:{s:{s:o}}},s:i,s:[s,s,s],s:[s,s]}", "query", "prefix", "uri",
                             "value", client_text(it->prefix, strlen(it->prefix)), "size", PAGE,
                             "_source", "doc", "record", "text_bytes", "sort", "uri", "doc");
    cairn_status st;

    if (it->after)
        json_object_set(body, "search_after", it->after);
    json_decref(it->hits);
    it->hits = NULL;
    it->at = 0;
    st = os_hits(it->snap->s, it->snap->s->documents, body, &it->hits, err);
    if (!st && json_array_size(it->hits)) {
        json_decref(it->after);
        it->after = json_incref(
            json_object_get(json_array_get(it->hits, json_array_size(it->hits) - 1), "sort"));
    }
    return st;
}

cairn_status os_doc_iter_next(store_doc_iter *handle, store_doc *out, arena *a, cairn_error *err)
{
    struct os_list *it = (struct os_list *)handle;
    cairn_status st = CAIRN_OK;

    while (!it->over && !st) {
        json_t *source;
        if (it->at == json_array_size(it->hits)) {
            it->over = it->hits && json_array_size(it->hits) < PAGE;
            if (!it->over)
                st = next_page(it, err);
            it->over |= !st && !json_array_size(it->hits);
            continue;
        }
        source = json_object_get(json_array_get(it->hits, it->at++), "_source");
        st = decode_doc(source, out, a, err);
        if (!st)
            st = keep_doc(it->snap, out->id, source, err);
        if (st || !strncmp(out->uri, it->prefix, strlen(it->prefix)))
            return st;
    }
    return st ? st : CAIRN_ENOTFOUND;
}

void os_doc_iter_close(store_doc_iter *handle)
{
    struct os_list *it = (struct os_list *)handle;

    json_decref(it->hits);
    json_decref(it->after);
    free(it->prefix);
    free(it);
}
