/* lists.c - the cluster as a retrieve_index: both ranked lists by one _msearch.
 *
 * Of a hit only its score and its chunk's number come back, from the columns: no stored document is
 * read. The texts of the few hits that are shown are fetched afterwards, at once (store_prefetch).
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "opensearch/room.h"
#include "opensearch/row.h"

static cairn_status no_memory(cairn_error *err)
{
    return cairn_fail(err, CAIRN_ENOMEM, "a question to the cluster");
}

static json_t *bare(size_t size)
{
    return json_pack("{s:i,s:s,s:[s],s:b}", "size",
                     (int)(size < OPENSEARCH_DEPTH_MAX ? size : OPENSEARCH_DEPTH_MAX),
                     "stored_fields", "_none_", "docvalue_fields", "chunk", "track_total_hits", 0);
}

/* ---- requests ---- */

static json_t *words_body(const os_question *q)
{
    json_t *body = bare(q->ask->params->depth);
    json_t *all =
        json_pack("{s:O,s:O,s:O}", "must", q->must, "should", q->should, "filter", q->conditions);

    if (q->needs_should && json_array_size(q->should))
        json_object_set_new(all, "minimum_should_match", json_integer(1));
    json_object_set_new(body, "query", json_pack("{s:o}", "bool", all));
    return body;
}

static json_t *vectors_body(const os_question *q)
{
    size_t depth =
        q->ask->params->depth < OPENSEARCH_DEPTH_MAX ? q->ask->params->depth : OPENSEARCH_DEPTH_MAX;
    json_t *body = bare(depth), *vector = json_array(), *knn;
    char field[FIELD_BYTES];

    os_vector_field(&q->snap->state, field);
    for (uint32_t i = 0; vector && i < q->ask->dim; i++)
        json_array_append_new(vector, json_real((double)q->ask->question[i]));
    knn = json_pack("{s:o,s:i}", "vector", vector, "k", (int)depth);
    if (json_array_size(q->conditions))
        json_object_set_new(knn, "filter", json_pack("{s:{s:O}}", "bool", "filter", q->conditions));
    json_object_set_new(body, "query", json_pack("{s:{s:o}}", "knn", field, knn));
    return body;
}

/* The first chunk of each document that the conditions leave. */
static json_t *documents_body(const os_question *q)
{
    json_t *body = bare(q->ask->k);

    json_object_set_new(body, "query", json_pack("{s:{s:O}}", "bool", "filter", q->conditions));
    json_object_set_new(body, "collapse", json_pack("{s:s}", "field", "doc"));
    json_object_set_new(body, "sort", json_pack("[s]", "chunk"));
    return body;
}

static json_t *count_body(const os_question *q)
{
    json_t *filter;

    if (row_filter(&q->ask->query->filter, &filter, NULL))
        return NULL;
    return json_pack("{s:i,s:b,s:o}", "size", 0, "track_total_hits", 1, "query", filter);
}

/* A search of the request: its head and its body (taken over). */
static cairn_status add_search(const os_question *q, bytes *lines, json_t *body, bool global,
                               cairn_error *err)
{
    json_t *head = json_pack("{s:s}", "index", q->snap->s->chunks);
    cairn_status st;

    /* Frequencies over all shards: a score does not depend on where a passage lies. */
    if (head && global)
        json_object_set_new(head, "search_type", json_string("dfs_query_then_fetch"));
    st = client_dump(lines, head, err);
    if (!st)
        st = bytes_append_byte(lines, '\n');
    if (!st)
        st = client_dump(lines, body, err);
    if (!st)
        st = bytes_append_byte(lines, '\n');
    json_decref(head);
    json_decref(body);
    return st;
}

/* ---- replies ---- */

static int by_score(const void *a, const void *b)
{
    const fuse_item *x = a, *y = b;

    if (x->score != y->score)
        return x->score > y->score ? -1 : 1;
    return x->id < y->id ? -1 : x->id > y->id;
}

/* A search of its own that failed, or whose shards did. */
static cairn_status check_response(const json_t *r, cairn_error *err)
{
    long status = (long)json_integer_value(json_object_get(r, "status"));
    const json_t *shards = json_object_get(r, "_shards");

    if (!json_is_object(r))
        return cairn_fail(err, CAIRN_EIO, "the cluster answers fewer searches than were asked for");
    if (json_object_get(r, "error"))
        return client_refused("search", status ? status : 500, r, err);
    if (json_is_true(json_object_get(r, "timed_out")))
        return cairn_fail(err, CAIRN_ELIMIT, "the cluster did not finish the search in time");
    if (json_integer_value(json_object_get(shards, "failed")) > 0)
        return cairn_fail(
            err, CAIRN_EBUSY,
            "%lld of the collection's shards do not answer: their nodes are away; try again",
            (long long)json_integer_value(json_object_get(shards, "failed")));
    return CAIRN_OK;
}

/* The hits as items, by falling score and rising id. */
static cairn_status take_list(const json_t *response, bool cosine, arena *a, retrieve_list *out,
                              cairn_error *err)
{
    const json_t *hits = json_object_get(json_object_get(response, "hits"), "hits");
    size_t n = json_array_size(hits);
    cairn_status st = check_response(response, err);

    if (st)
        return st;
    out->items = arena_calloc(a, n + 1, sizeof *out->items);
    out->docs = arena_calloc(a, n + 1, sizeof *out->docs);
    if (!out->items || !out->docs)
        return no_memory(err);
    for (size_t i = 0; i < n; i++) {
        const json_t *h = json_array_get(hits, i);
        json_int_t id = json_integer_value(
            json_array_get(json_object_get(json_object_get(h, "fields"), "chunk"), 0));
        double score = json_number_value(json_object_get(h, "_score"));
        if (id <= 0 || !isfinite(score))
            return cairn_fail(err, CAIRN_EIO, "a hit of the cluster has no number or no score");
        out->items[out->n++] = (fuse_item){(uint64_t)id, (float)(cosine ? 2 * score - 1 : score)};
    }
    if (out->n)
        qsort(out->items, out->n, sizeof *out->items, by_score);
    for (size_t i = 0; i < out->n; i++)
        out->docs[i] = os_doc_of(out->items[i].id);
    return CAIRN_OK;
}

static cairn_status take_documents(const json_t *response, const retrieve_ask *ask,
                                   retrieve_lists *out, cairn_error *err)
{
    const json_t *hits = json_object_get(json_object_get(response, "hits"), "hits");
    cairn_status st = check_response(response, err);

    out->documents = arena_calloc(ask->a, ask->k + 1, sizeof *out->documents);
    if (!st && !out->documents)
        st = no_memory(err);
    for (size_t i = 0; !st && i < json_array_size(hits) && i < ask->k; i++) {
        const json_t *fields = json_object_get(json_array_get(hits, i), "fields");
        chunk_id id =
            (chunk_id)json_integer_value(json_array_get(json_object_get(fields, "chunk"), 0));
        if (id)
            out->documents[out->n_documents++] = (retrieve_hit){.chunk = id, .doc = os_doc_of(id)};
    }
    return st;
}

/* ---- asking ---- */

static cairn_status send(const os_question *q, const bytes *lines, json_t **responses,
                         cairn_error *err)
{
    struct os_store *s = q->snap->s;
    client_request r = {
        .method = "POST",
        .path = "/_msearch?filter_path=responses.status,responses.error,responses.timed_out,"
                "responses._shards.failed,"
                "responses.hits.total.value,responses.hits.hits._score,responses.hits.hits.fields",
        .body = lines->data,
        .len = lines->len,
        .lines = true,
        .limits = s->limits};
    json_t *reply = NULL;
    long status;
    cairn_status st = client_call(s->client, &r, &status, &reply, err);

    if (!st && status / 100 != 2)
        st = client_refused("search", status, reply, err);
    *responses = st ? NULL : json_incref(json_object_get(reply, "responses"));
    json_decref(reply);
    return st;
}

static cairn_status ask_lists(const os_question *q, retrieve_lists *out, cairn_error *err)
{
    const retrieve_ask *ask = q->ask;
    bool words =
        ask->words && !ask->documents &&
        (json_array_size(q->must) || json_array_size(q->should) || ask->query->has_required);
    bool vectors = ask->question && !ask->documents && q->snap->state.dim;
    json_t *responses = NULL;
    size_t at = 0;
    bytes lines;
    cairn_status st = CAIRN_OK;

    bytes_init(&lines, CLIENT_REPLY_BYTES);
    if (words)
        st = add_search(q, &lines, words_body(q), true, err);
    if (!st && vectors)
        st = add_search(q, &lines, vectors_body(q), false, err);
    if (!st && ask->documents)
        st = add_search(q, &lines, documents_body(q), false, err);
    if (!st && ask->query->filter.n)
        st = add_search(q, &lines, count_body(q), false, err);
    if (!st && lines.len)
        st = send(q, &lines, &responses, err);
    if (!st && words)
        st = take_list(json_array_get(responses, at++), false, ask->a, &out->words, err);
    if (!st && vectors)
        st = take_list(json_array_get(responses, at++), true, ask->a, &out->vectors, err);
    if (!st && ask->documents)
        st = take_documents(json_array_get(responses, at++), ask, out, err);
    if (!st && ask->query->filter.n) {
        const json_t *total =
            json_object_get(json_object_get(json_array_get(responses, at), "hits"), "total");
        st = check_response(json_array_get(responses, at), err);
        out->n_allowed = (uint64_t)json_integer_value(json_object_get(total, "value"));
    }
    json_decref(responses);
    bytes_clear(&lines);
    return st;
}

static cairn_status lists(void *ctx, const retrieve_ask *ask, retrieve_lists *out, cairn_error *err)
{
    const struct os_snapshot *snap = ctx;
    int64_t start = clock_mono_ns();
    os_question q;
    cairn_status st;

    if (ask->params->matches)
        return cairn_fail(
            err, CAIRN_EUNSUPPORTED,
            "this walks over all matches, which a collection on a cluster does not give");
    st = os_question_make(&q, snap, ask, err);
    out->n_rows = out->n_allowed = snap->state.counts.chunks;
    if (!st)
        st = ask_lists(&q, out, err);
    os_question_clear(&q);
    if (ask->words)
        out->words.ns = clock_mono_ns() - start;
    else
        out->vectors.ns = clock_mono_ns() - start;
    return st;
}

retrieve_index opensearch_index(const store_snapshot *snap)
{
    return (retrieve_index){(void *)snap, lists, NULL};
}
