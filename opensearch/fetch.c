/* fetch.c - what a snapshot asks of the cluster: hits of a search, and records by their ids, which
 * it keeps. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "opensearch/txn.h"

cairn_status os_hits(struct os_store *s, const char *index, json_t *body, json_t **hits,
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

size_t os_take_ids(const json_t *hits, const char *field, uint64_t *ids, size_t max)
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

cairn_status os_bad_record(const char *what, cairn_error *err)
{
    return cairn_fail(err, CAIRN_ECORRUPT,
                      "%s: its record does not parse; cairn check --repair takes it out", what);
}

/* ---- records by id ---- */

json_t *os_chunk_source(void)
{
    return json_pack("[s,s,s,s,s,s,s,s,s,s,s,s,s,s,s]", "shown", "chunk", "ordinal", "byte_start", "byte_end",
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

json_t *os_proof_body(void)
{
    return json_pack("{s:i,s:b,s:{s:{s:[s,s]}}}", "size", 2, "track_total_hits", 0, "query", "ids", "values", STATE_ID,
                     RULES_ID);
}

cairn_status os_take_proof(struct os_snapshot *snap, const json_t *response, cairn_error *err)
{
    static const char *const ids[] = {STATE_ID, RULES_ID};
    const json_t *hits = json_object_get(json_object_get(response, "hits"), "hits");
    cairn_status st = os_check_response(response, err);

    for (size_t k = 0; k < 2 && !st; k++) {
        const json_t *source = NULL;
        for (size_t i = 0; i < json_array_size(hits); i++) {
            const char *id = json_string_value(json_object_get(json_array_get(hits, i), "_id"));
            if (id && !strcmp(id, ids[k]))
                source = json_object_get(json_array_get(hits, i), "_source");
        }
        st = prove(snap, ids[k], source, err);
    }
    if (!st)
        snap->relied = false;
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

uint64_t os_number(const json_t *source, const char *key)
{
    json_int_t v = json_integer_value(json_object_get(source, key));

    return v > 0 ? (uint64_t)v : 0;
}

json_t *os_kept(json_t *in, uint64_t id)
{
    char text[24];

    snprintf(text, sizeof text, "%llu", (unsigned long long)id);
    return json_object_get(in, text);
}

/* Is the chunk read, and its document's record with it? */
static bool is_shown(const struct os_snapshot *snap, chunk_id id)
{
    return json_string_length(json_object_get(os_kept(snap->fetched_chunks, id), "shown")) > 0;
}

/* What is asked for: chunks, then their documents where no record comes with them (`behind`: the chunks were
 * asked for, and some came without), then documents by themselves. */
static cairn_status add_all(json_t *list, struct os_snapshot *snap, const chunk_id *chunks, size_t n_chunks,
                            const doc_id *docs, size_t n_docs, bool behind, cairn_error *err)
{
    json_t *source = os_chunk_source();
    cairn_status st = source ? CAIRN_OK : cairn_fail(err, CAIRN_ENOMEM, "what to ask for");
    doc_id last = 0;

    for (size_t i = 0; i < n_chunks && !st; i++)
        if (!os_kept(snap->fetched_chunks, chunks[i]))
            st = add_wanted(list, snap->s->chunks, chunks[i], source, err);
    for (size_t i = 0; i < n_chunks && !st; i++) {
        doc_id doc = os_doc_of(chunks[i]);
        const json_t *kept = os_kept(snap->fetched_chunks, chunks[i]);
        bool may_come = !kept && snap->s->shows && !behind, gone = json_is_null(kept);
        if (doc != last && !may_come && !gone && !is_shown(snap, chunks[i]) && !os_kept(snap->fetched_docs, doc)) {
            st = add_wanted(list, snap->s->documents, doc, NULL, err);
            last = doc;
        }
    }
    for (size_t i = 0; i < n_docs && !st; i++)
        if (!os_kept(snap->fetched_docs, docs[i]))
            st = add_wanted(list, snap->s->documents, docs[i], NULL, err);
    json_decref(source);
    return st;
}

/* One _mget, again while parts of it cannot be read. */
static cairn_status get_all(struct os_snapshot *snap, json_t *list, cairn_error *err)
{
    os_patience patience = {0};
    cairn_status st = CAIRN_OK;

    while (json_array_size(list)) {
        json_t *reply = NULL;
        st = os_ask(
            snap->s, "ask for what is stored", "POST",
            "/_mget?realtime=false&filter_path=docs._index,docs._id,docs.found,docs.error.type,"
            "docs._source",
            json_pack("{s:O}", "docs", list), &reply, err);
        if (st)
            break;
        st = keep_fetched(snap, reply, err);
        json_decref(reply);
        if (st != CAIRN_EBUSY || !os_wait_again(snap->s, &patience))
            break;
    }
    return st;
}

/* What a commit made visible is what is shown: realtime=false asks the same view that a search
 * sees. */
cairn_status os_fetch(struct os_snapshot *snap, const chunk_id *chunks, size_t n_chunks,
                      const doc_id *docs, size_t n_docs, cairn_error *err)
{
    bool proves = false;
    cairn_status st = CAIRN_OK;

    if (json_object_size(snap->fetched_chunks) > FETCHED_MOST)
        json_object_clear(snap->fetched_chunks);
    if (json_object_size(snap->fetched_docs) > (snap->s->is_writer ? LISTED_MOST : FETCHED_MOST))
        json_object_clear(snap->fetched_docs);
    for (int round = 0; round < 2 && !st; round++) {
        json_t *list = json_array();
        st = list ? add_all(list, snap, chunks, n_chunks, docs, n_docs, round, err)
                  : cairn_fail(err, CAIRN_ENOMEM, "what to ask for");
        proves = !st && snap->relied && (json_array_size(list) || (!n_chunks && !n_docs));
        if (proves)
            st = add_proof(list, snap, err);
        if (!st)
            st = get_all(snap, list, err);
        if (proves && !st)
            snap->relied = false;
        json_decref(list);
    }
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
