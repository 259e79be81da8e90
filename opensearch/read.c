/* read.c - one state of a collection on a cluster: documents, chunks, values, failures, what waits
 * for vectors.
 *
 * A snapshot holds the state record and what prefetch brought; everything else is asked for when it
 * is. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "base/base64.h"
#include "base/checked.h"
#include "opensearch/txn.h"
#include "store/record.h"

#define VECTORS_A_CALL 1000
#define PAGE           500  /* documents of a list asked for at once */
#define FETCHED_MOST   4096 /* passages, documents, that a snapshot remembers */
#define LISTED_MOST    32768 /* documents that were listed, for a writer, who may be about to change them */
#define RECORD_BYTES   ((size_t)128 << 20)

/* ---- opening ---- */

static int by_chunks(const void *a, const void *b, void *ctx)
{
    const os_state *s = ctx;
    int64_t x = s->language[*(const size_t *)a].chunks, y = s->language[*(const size_t *)b].chunks;

    return x > y ? -1 : x < y;
}

/* Snapshots of one version read the same, so what one fetched serves the next; but while a commit
 * is only seen in part, nothing is kept. */
static bool share_fetched(struct os_store *s, struct os_snapshot *snap)
{
    bool whole = snap->state.shown == snap->state.version;

    if (whole && s->kept_chunks && s->kept_version == snap->state.version) {
        snap->fetched_chunks = json_incref(s->kept_chunks);
        snap->fetched_docs = json_incref(s->kept_docs);
        snap->fetched_values = json_incref(s->kept_values);
        return true;
    }
    snap->fetched_chunks = json_object();
    snap->fetched_docs = json_object();
    snap->fetched_values = json_object();
    if (!snap->fetched_chunks || !snap->fetched_docs || !snap->fetched_values)
        return false;
    if (whole) {
        json_decref(s->kept_chunks);
        json_decref(s->kept_docs);
        json_decref(s->kept_values);
        s->kept_chunks = json_incref(snap->fetched_chunks);
        s->kept_docs = json_incref(snap->fetched_docs);
        s->kept_values = json_incref(snap->fetched_values);
        s->kept_version = snap->state.version;
    }
    return true;
}

/* The state: what was seen before, where that is relied on, or what it is now. */
static cairn_status take_state(struct os_store *s, struct os_snapshot *snap, cairn_error *err)
{
    cairn_status st;

    if (s->rely && s->seen_rules) {
        snap->relied = true;
        snap->rules = strdup(s->seen_rules);
        return snap->rules ? os_state_copy(&snap->state, &s->seen, err)
                           : cairn_fail(err, CAIRN_ENOMEM, "snapshot");
    }
    st = os_state_read_with(s, &snap->state, &snap->rules, err);
    os_state_see(s, st ? NULL : &snap->state, snap->rules);
    return st;
}

cairn_status os_snapshot_open(store *handle, store_snapshot **out, cairn_error *err)
{
    struct os_store *s = os_store_of(handle);
    struct os_snapshot *snap = calloc(1, sizeof *snap);
    size_t order[LANGUAGES_MAX];
    cairn_status st =
        snap ? take_state(s, snap, err) : cairn_fail(err, CAIRN_ENOMEM, "snapshot");

    *out = NULL;
    if (!st && !share_fetched(s, snap))
        st = cairn_fail(err, CAIRN_ENOMEM, "snapshot");
    if (st) {
        os_snapshot_close((store_snapshot *)snap);
        return st;
    }
    snap->head.ops = &opensearch_backend;
    snap->s = s;
    for (size_t i = 0; i < snap->state.n_languages; i++)
        order[i] = i;
    qsort_r(order, snap->state.n_languages, sizeof *order, by_chunks, &snap->state);
    for (size_t i = 0; i < snap->state.n_languages; i++)
        snap->codes[i] = snap->state.language[order[i]].code;
    *out = (store_snapshot *)snap;
    return CAIRN_OK;
}

void os_snapshot_close(store_snapshot *handle)
{
    struct os_snapshot *snap = os_snapshot_of(handle);

    if (!snap)
        return;
    json_decref(snap->fetched_chunks);
    json_decref(snap->fetched_docs);
    json_decref(snap->fetched_values);
    json_decref(snap->matching);
    json_decref(snap->doubts);
    json_decref(snap->hidden);
    free(snap->rules);
    os_state_clear(&snap->state);
    free(snap);
}

uint64_t os_snapshot_version(const store_snapshot *handle)
{
    const os_state *state = &os_snapshot_of(handle)->state;

    /* What is kept under the number of a commit that is only seen in part is not found later on. */
    return 2 * state->version + (state->shown == state->version);
}

size_t os_languages(void *ctx, const char *const **out)
{
    struct os_snapshot *snap = ctx;

    *out = snap->codes;
    return snap->state.n_languages;
}

void os_keep_docs(struct os_store *s, uint64_t before, const doc_id *changed, size_t n)
{
    json_t *docs = s->kept_docs && s->kept_version == before ? json_copy(s->kept_docs) : json_object();
    char text[24];

    for (size_t i = 0; docs && i < n; i++) {
        snprintf(text, sizeof text, "%llu", (unsigned long long)changed[i]);
        json_object_del(docs, text);
    }
    json_decref(s->kept_chunks);
    json_decref(s->kept_docs);
    json_decref(s->kept_values);
    s->kept_docs = docs;
    s->kept_chunks = json_object();
    s->kept_values = json_object();
    if (!s->kept_docs || !s->kept_chunks || !s->kept_values) {
        json_decref(s->kept_chunks); /* nothing is kept then */
        s->kept_chunks = NULL;
    }
    s->kept_version = s->held.version;
}

static uint64_t count_where(struct os_store *s, const char *index, json_t *query)
{
    char path[PATH_BYTES];
    json_t *reply = NULL;
    uint64_t n = 0;

    snprintf(path, sizeof path, "/%s/_count", index);
    if (!os_ask(s, "count", "POST", path, json_pack("{s:o}", "query", query), &reply, NULL))
        n = (uint64_t)json_integer_value(json_object_get(reply, "count"));
    json_decref(reply);
    return n;
}

/* What waits and what failed is counted by the cluster when somebody asks. */
store_counts os_snapshot_counts(const store_snapshot *handle)
{
    struct os_snapshot *snap = os_snapshot_of(handle);
    store_counts c = snap->state.counts;

    c.pending = count_where(snap->s, snap->s->chunks, json_pack("{s:{s:b}}", "term", "pending", 1));
    c.failures =
        count_where(snap->s, snap->s->state, json_pack("{s:{s:s}}", "term", "kind", "failure"));
    return c;
}

/* ---- asking for pages ---- */

/* Hits of a search in one index; *hits is a new reference to their array. */
static cairn_status search(struct os_store *s, const char *index, json_t *body, json_t **hits,
                           cairn_error *err)
{
    char path[PATH_BYTES];
    json_t *reply = NULL;
    cairn_status st;

    *hits = NULL;
    snprintf(path, sizeof path,
             "/%s/"
             "_search?allow_partial_search_results=false&filter_path=hits.hits._id,hits.hits._"
             "source,hits.hits.sort,hits.hits.fields",
             index);
    st = os_ask(s, "ask for what is stored", "POST", path, body, &reply, err);
    if (!st) {
        json_t *found = json_object_get(json_object_get(reply, "hits"), "hits");
        *hits = found ? json_incref(found) : json_array();
        if (!*hits)
            st = cairn_fail(err, CAIRN_ENOMEM, "an answer of the cluster");
    }
    json_decref(reply);
    return st;
}

void os_name_id(char kind, const char *name, char out[40])
{
    XXH128_hash_t h = XXH3_128bits(name, strlen(name));

    snprintf(out, 40, "%c-%016llx%016llx", kind, (unsigned long long)h.high64,
             (unsigned long long)h.low64);
}

/* ---- documents ---- */

static cairn_status bad_record(const char *what, cairn_error *err)
{
    return cairn_fail(err, CAIRN_ECORRUPT,
                      "%s: its record does not parse; cairn check --repair takes it out", what);
}

/* The record of a document's _source. */
static cairn_status decode_doc(const json_t *source, store_doc *out, arena *a, cairn_error *err)
{
    const json_t *record = json_object_get(source, "record");
    json_int_t id = json_integer_value(json_object_get(source, "doc"));
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
        return no_memory ? cairn_fail(err, CAIRN_ENOMEM, "%s", what) : bad_record(what, err);
    out->id = (doc_id)id;
    return CAIRN_OK;
}

json_t *os_chunk_source(void)
{
    return json_pack("[s,s,s,s,s,s,s,s,s,s,s,s,s,s]", "chunk", "ordinal", "byte_start", "byte_end",
                     "page_first", "page_last", "line_first", "line_last", "tokens", "heading",
                     "text", "title", "path_words", "lang");
}

/* A chunk (with what of its _source), or a document, as an item of an _mget. */
static cairn_status add_wanted(json_t *list, const char *index, uint64_t id, json_t *source,
                               cairn_error *err)
{
    char text[24];
    json_t *one;

    snprintf(text, sizeof text, "%llu", (unsigned long long)id);
    one = source ? json_pack("{s:s,s:s,s:O}", "_index", index, "_id", text, "_source", source)
                 : json_pack("{s:s,s:s}", "_index", index, "_id", text);
    return json_array_append_new(list, one) ? cairn_fail(err, CAIRN_ENOMEM, "what to ask for")
                                            : CAIRN_OK;
}

/* What the state record, or that of the rules, is now (NULL: it is not there), beside what was
 * relied on. */
static cairn_status prove(struct os_snapshot *snap, const char *id, const json_t *source,
                          cairn_error *err)
{
    char *rules = NULL;
    cairn_status st = CAIRN_OK;

    if (!strcmp(id, STATE_ID)) {
        const json_t *version = json_object_get(json_object_get(source, "state"), "version");
        snap->is_stale |= !json_is_integer(version) ||
                          (uint64_t)json_integer_value(version) != snap->state.version;
    } else if (!(st = os_rules_decode(snap->s, source, &rules, err))) {
        snap->is_stale |= strcmp(rules, snap->rules) != 0;
    }
    free(rules);
    if (snap->is_stale)
        os_state_see(snap->s, NULL, NULL);
    return st;
}

static cairn_status keep_fetched(struct os_snapshot *snap, const json_t *reply, cairn_error *err)
{
    json_t *docs = json_object_get(reply, "docs"), *one;
    size_t i;

    json_array_foreach(docs, i, one)
    {
        const char *index = json_string_value(json_object_get(one, "_index"));
        const char *id = json_string_value(json_object_get(one, "_id"));
        bool found = json_is_true(json_object_get(one, "found"));
        if (json_object_get(one, "error"))
            return cairn_fail(
                err, CAIRN_EBUSY,
                "some of what is stored cannot be read now: its node is away; try again");
        json_t *source = found ? json_object_get(one, "_source") : NULL;
        json_t *into;
        if (!index || !id)
            return cairn_fail(err, CAIRN_EIO, "the cluster's answer to a multi-get is none");
        if (!strcmp(index, snap->s->state)) {
            cairn_status st = prove(snap, id, source, err);
            if (st)
                return st;
            continue;
        }
        into = !strcmp(index, snap->s->chunks) ? snap->fetched_chunks : snap->fetched_docs;
        if (json_object_set_new(into, id, source ? json_incref(source) : json_null()))
            return cairn_fail(err, CAIRN_ENOMEM, "an answer of the cluster");
    }
    return CAIRN_OK;
}

/* Both records that tell whether a state is still that of the collection. */
static cairn_status add_proof(json_t *list, const struct os_snapshot *snap, cairn_error *err)
{
    static const char *const ids[] = {STATE_ID, RULES_ID};

    for (size_t i = 0; i < 2; i++)
        if (json_array_append_new(list,
                                  json_pack("{s:s,s:s}", "_index", snap->s->state, "_id", ids[i])))
            return cairn_fail(err, CAIRN_ENOMEM, "what to ask for");
    return CAIRN_OK;
}

static uint64_t number(const json_t *source, const char *key)
{
    json_int_t v = json_integer_value(json_object_get(source, key));

    return v > 0 ? (uint64_t)v : 0;
}

static json_t *kept(json_t *in, uint64_t id)
{
    char text[24];

    snprintf(text, sizeof text, "%llu", (unsigned long long)id);
    return json_object_get(in, text);
}

/* What a commit made visible is what is shown: realtime=false asks the same view that a search
 * sees. */
cairn_status os_fetch(struct os_snapshot *snap, const chunk_id *chunks, size_t n_chunks,
                      const doc_id *docs, size_t n_docs, cairn_error *err)
{
    json_t *list = json_array(), *source = os_chunk_source(), *reply = NULL;
    os_patience patience = {0};
    cairn_status st = list && source ? CAIRN_OK : cairn_fail(err, CAIRN_ENOMEM, "what to ask for");
    doc_id last = 0;
    bool proves;

    if (json_object_size(snap->fetched_chunks) > FETCHED_MOST)
        json_object_clear(snap->fetched_chunks);
    if (json_object_size(snap->fetched_docs) > (snap->s->is_writer ? LISTED_MOST : FETCHED_MOST))
        json_object_clear(snap->fetched_docs);

    for (size_t i = 0; i < n_chunks && !st; i++)
        if (!kept(snap->fetched_chunks, chunks[i]))
            st = add_wanted(list, snap->s->chunks, chunks[i], source, err);
    for (size_t i = 0; i < n_chunks && !st; i++) {
        doc_id doc = os_doc_of(chunks[i]);
        if (doc != last && !kept(snap->fetched_docs, doc))
            st = add_wanted(list, snap->s->documents, doc, NULL, err);
        last = doc;
    }
    for (size_t i = 0; i < n_docs && !st; i++)
        if (!kept(snap->fetched_docs, docs[i]))
            st = add_wanted(list, snap->s->documents, docs[i], NULL, err);
    proves = !st && snap->relied && (json_array_size(list) || (!n_chunks && !n_docs));
    if (proves)
        st = add_proof(list, snap, err);
    while (!st && json_array_size(list)) {
        st = os_ask(
            snap->s, "ask for what is stored", "POST",
            "/_mget?realtime=false&filter_path=docs._index,docs._id,docs.found,docs.error.type,"
            "docs._source",
            json_pack("{s:O}", "docs", list), &reply, err);
        if (st)
            break;
        st = keep_fetched(snap, reply, err);
        json_decref(reply);
        reply = NULL;
        if (st != CAIRN_EBUSY || !os_wait_again(snap->s, &patience))
            break;
        st = CAIRN_OK;
    }
    if (proves && !st)
        snap->relied = false;
    json_decref(source);
    json_decref(list);
    return st;
}

cairn_status os_is_current(void *ctx, bool *current, cairn_error *err)
{
    struct os_snapshot *snap = ctx;
    cairn_status st = snap->relied ? os_fetch(snap, NULL, 0, NULL, 0, err) : CAIRN_OK;

    *current = !snap->is_stale;
    return st;
}

cairn_status os_prefetch(const store_snapshot *handle, const chunk_id *chunks, size_t n,
                         cairn_error *err)
{
    return os_fetch(os_snapshot_of(handle), chunks, n, NULL, 0, err);
}

cairn_status os_doc_get(const store_snapshot *handle, doc_id id, store_doc *out, arena *a,
                        cairn_error *err)
{
    struct os_snapshot *snap = os_snapshot_of(handle);
    cairn_status st =
        kept(snap->fetched_docs, id) ? CAIRN_OK : os_fetch(snap, NULL, 0, &id, 1, err);
    const json_t *source = st ? NULL : kept(snap->fetched_docs, id);

    if (!st && !json_is_object(source))
        return cairn_fail(err, CAIRN_ENOTFOUND, "there is no document %llu",
                          (unsigned long long)id);
    return st ? st : decode_doc(source, out, a, err);
}

/* A document that was found, or listed by a writer, is likely to be changed next. */
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

    /* The writer alone changes documents: what a snapshot of its last commit has read is still so. */
    source = s->is_writer && s->kept_version == s->held.version && s->kept_docs
                 ? kept(s->kept_docs, id)
                 : NULL;
    if (json_is_object(source)) {
        *text_bytes = number(source, "text_bytes");
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
    st = search(s, s->documents,
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
    st = search(
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

/* The numbers in `field` of each hit's stored columns. */
static size_t take_ids(const json_t *hits, const char *field, uint64_t *ids, size_t max)
{
    size_t n = 0;

    for (size_t i = 0; i < json_array_size(hits) && n < max; i++) {
        const json_t *fields = json_object_get(json_array_get(hits, i), "fields");
        json_int_t v = json_integer_value(json_array_get(json_object_get(fields, field), 0));
        if (v > 0)
            ids[n++] = (uint64_t)v;
    }
    return n;
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
    st = search(s, s->documents,
                json_pack("{s:{s:{s:s}},s:i,s:b,s:[s],s:[s]}", "query", "term", "hash", text,
                          "size", (int)(max < PAGE ? max : PAGE), "_source", 0, "docvalue_fields",
                          "doc", "sort", "doc"),
                &hits, err);
    *n = st ? 0 : take_ids(hits, "doc", ids, max);
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
    st = search(it->snap->s, it->snap->s->documents, body, &it->hits, err);
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
        if (!st && it->snap->s->is_writer)
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

/* ---- chunks ---- */

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
        kept(snap->fetched_chunks, id) ? CAIRN_OK : os_fetch(snap, &id, 1, NULL, 0, err);
    const json_t *source = st ? NULL : kept(snap->fetched_chunks, id), *text, *heading;

    if (st)
        return st;
    if (!json_is_object(source))
        return cairn_fail(err, CAIRN_ENOTFOUND, "there is no chunk %llu", (unsigned long long)id);
    text = json_object_get(source, "text");
    heading = json_object_get(source, "heading");
    if (!json_is_string(text) || !json_is_string(heading) || number(source, "chunk") != id)
        return cairn_fail(err, CAIRN_ECORRUPT, "chunk %llu: its record does not parse",
                          (unsigned long long)id);
    *out = (store_chunk){.id = id,
                         .doc = os_doc_of(id),
                         .ordinal = (uint32_t)number(source, "ordinal"),
                         .byte_start = number(source, "byte_start"),
                         .byte_end = number(source, "byte_end"),
                         .page_first = (uint32_t)number(source, "page_first"),
                         .page_last = (uint32_t)number(source, "page_last"),
                         .line_first = (uint32_t)number(source, "line_first"),
                         .line_last = (uint32_t)number(source, "line_last"),
                         .n_tokens = (uint32_t)number(source, "tokens"),
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
    st = search(snap->s, snap->s->chunks,
                json_pack("{s:{s:{s:o}},s:i,s:b,s:[s],s:[s]}", "query", "bool", "filter", filter,
                          "size", (int)(max < OPENSEARCH_DEPTH_MAX ? max : OPENSEARCH_DEPTH_MAX),
                          "_source", 0, "docvalue_fields", "chunk", "sort", "chunk"),
                &hits, err);
    *n = st ? 0 : take_ids(hits, "chunk", ids, max);
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

/* ---- values and failures ---- */

/* The record's data in base64, or null where there is none; a new reference. */
static cairn_status ask_data(struct os_snapshot *snap, const char *id, json_t **out,
                             cairn_error *err)
{
    char path[PATH_BYTES];
    json_t *reply = NULL, *data;
    long status;
    cairn_status st;

    snprintf(path, sizeof path, "/%s/_doc/%s", snap->s->state, id);
    st = os_call(snap->s, "GET", path, NULL, &status, &reply, err);
    data = json_object_get(json_object_get(reply, "_source"), "data");
    if (!st && status != 404 && !json_is_string(data))
        st = bad_record(id, err);
    *out = st ? NULL : status == 404 ? json_null() : json_incref(data);
    json_decref(reply);
    if (st)
        return st;
    if (json_object_size(snap->fetched_values) > FETCHED_MOST)
        json_object_clear(snap->fetched_values);
    return json_object_set(snap->fetched_values, id, *out)
               ? cairn_fail(err, CAIRN_ENOMEM, "an answer of the cluster")
               : CAIRN_OK;
}

/* The bytes of a record in the state index, in `out`; CAIRN_ENOTFOUND without text. */
static cairn_status read_data(struct os_snapshot *snap, const char *id, bytes *out,
                              cairn_error *err)
{
    json_t *data = NULL;
    cairn_status st = CAIRN_OK;

    if (os_is_absent(snap->s, id))
        return CAIRN_ENOTFOUND;
    data = json_incref(json_object_get(snap->fetched_values, id));
    if (!data)
        st = ask_data(snap, id, &data, err);
    if (!st && json_is_null(data))
        st = CAIRN_ENOTFOUND;
    else if (!st && base64_decode(out, json_string_value(data), json_string_length(data)))
        st = bad_record(id, err);
    json_decref(data);
    return st;
}

cairn_status os_meta_get(const store_snapshot *handle, const char *key, arena *a,
                         const uint8_t **data, size_t *len, cairn_error *err)
{
    char id[40];
    bytes b;
    cairn_status st;

    os_name_id('m', key, id);
    bytes_init(&b, STORE_TEXT_MAX + 16);
    st = read_data(os_snapshot_of(handle), id, &b, err);
    if (st == CAIRN_ENOTFOUND)
        cairn_fail(err, st, "there is no value %s", key);
    *len = b.len;
    *data = st ? NULL : (const uint8_t *)arena_strndup(a, b.data ? b.data : "", b.len);
    if (!st && !*data)
        st = cairn_fail(err, CAIRN_ENOMEM, "value %s", key);
    bytes_clear(&b);
    return st;
}

static cairn_status decode_failure(const uint8_t *data, size_t len, store_failure *out, arena *a,
                                   cairn_error *err)
{
    bool no_memory = false;

    if (record_get_failure(data, len, out, a, &no_memory))
        return CAIRN_OK;
    return no_memory ? cairn_fail(err, CAIRN_ENOMEM, "a failure") : bad_record("a failure", err);
}

cairn_status os_failure_find(const store_snapshot *handle, const char *path, store_failure *out,
                             arena *a, cairn_error *err)
{
    char id[40];
    bytes b;
    cairn_status st;

    os_name_id('f', path, id);
    bytes_init(&b, RECORD_BYTES);
    st = read_data(os_snapshot_of(handle), id, &b, err);
    if (!st)
        st = decode_failure((const uint8_t *)(b.data ? b.data : ""), b.len, out, a, err);
    bytes_clear(&b);
    return st;
}

static cairn_status tell_failure(const json_t *hit, store_failure_fn *fn, void *ctx, bool *more,
                                 cairn_error *err)
{
    const json_t *data = json_object_get(json_object_get(hit, "_source"), "data");
    store_failure f;
    arena memory;
    bytes b;
    cairn_status st = CAIRN_OK;

    bytes_init(&b, RECORD_BYTES);
    arena_init(&memory, RECORD_BYTES);
    if (!json_is_string(data) ||
        base64_decode(&b, json_string_value(data), json_string_length(data)))
        st = bad_record("a failure", err);
    if (!st)
        st = decode_failure((const uint8_t *)(b.data ? b.data : ""), b.len, &f, &memory, err);
    if (!st)
        *more = fn(ctx, &f);
    arena_clear(&memory);
    bytes_clear(&b);
    return st;
}

cairn_status os_failure_each(const store_snapshot *handle, store_failure_fn *fn, void *ctx,
                             cairn_error *err)
{
    struct os_store *s = os_snapshot_of(handle)->s;
    json_t *after = NULL, *hits = NULL;
    bool more = true;
    cairn_status st = CAIRN_OK;

    while (more && !st) {
        json_t *body = json_pack("{s:{s:{s:s}},s:i,s:[s,s]}", "query", "term", "kind", "failure",
                                 "size", PAGE, "sort", "path", "path_id");
        if (after)
            json_object_set(body, "search_after", after);
        json_decref(hits);
        st = search(s, s->state, body, &hits, err);
        for (size_t i = 0; !st && more && i < json_array_size(hits); i++)
            st = tell_failure(json_array_get(hits, i), fn, ctx, &more, err);
        more = more && !st && json_array_size(hits) == PAGE;
        json_decref(after);
        after = st ? NULL
                   : json_incref(
                         json_object_get(json_array_get(hits, json_array_size(hits) - 1), "sort"));
    }
    json_decref(after);
    json_decref(hits);
    return st;
}

/* ---- vectors ---- */

static bool take_vector(const json_t *list, uint32_t dim, float *row)
{
    if (json_array_size(list) != dim)
        return false;
    for (uint32_t i = 0; i < dim; i++)
        row[i] = (float)json_number_value(json_array_get(list, i));
    return true;
}

static cairn_status some_vectors(struct os_snapshot *snap, const chunk_id *chunks, size_t n,
                                 float *rows, bool *has, cairn_error *err)
{
    char field[FIELD_BYTES];
    uint32_t dim = snap->state.dim;
    json_t *ids = json_array(), *hits = NULL;
    cairn_status st = ids ? CAIRN_OK : cairn_fail(err, CAIRN_ENOMEM, "vectors");

    os_vector_field(&snap->state, field);
    for (size_t i = 0; i < n && !st; i++)
        if (json_array_append_new(ids, json_integer((json_int_t)chunks[i])))
            st = cairn_fail(err, CAIRN_ENOMEM, "vectors");
    if (!st)
        st = search(snap->s, snap->s->chunks,
                    json_pack("{s:{s:{s:O}},s:i,s:[s,s],s:[s]}", "query", "terms", "chunk", ids,
                              "size", (int)n, "_source", "chunk", field, "sort", "chunk"),
                    &hits, err);
    for (size_t i = 0; !st && i < json_array_size(hits); i++) {
        const json_t *source = json_object_get(json_array_get(hits, i), "_source");
        uint64_t id = number(source, "chunk");
        for (size_t k = 0; k < n; k++)
            if (chunks[k] == id)
                has[k] = take_vector(json_object_get(source, field), dim, rows + k * dim);
    }
    json_decref(ids);
    json_decref(hits);
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
