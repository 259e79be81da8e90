/* lists.c - the cluster as a retrieve_index: both ranked lists by one _msearch.
 *
 * Of a hit only its score and its chunk's number come back: no stored document is read. The texts
 * of the few hits that are shown are fetched afterwards, at once (store_prefetch).
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "index/lexical/outline.h"
#include "opensearch/rescore.h"
#include "opensearch/room.h"
#include "opensearch/row.h"

#define AGAIN_MAX  200  /* passages that are scored again at most */
#define NOVEL_MOST 0.25 /* share of late searches with passages that had to be read first, up to which they are not asked for */
#define NOVEL_PACE 0.125

static cairn_status no_memory(cairn_error *err)
{
    return cairn_fail(err, CAIRN_ENOMEM, "a question to the cluster");
}

/* A hit is its sort values alone, score and chunk: half of what JSON makes of columns, and chunks
 * of one score come in their order also where the list ends. */
static json_t *bare(size_t size)
{
    return json_pack("{s:i,s:s,s:[s,s],s:b}", "size",
                     (int)(size < OPENSEARCH_DEPTH_MAX ? size : OPENSEARCH_DEPTH_MAX),
                     "stored_fields", "_none_", "sort", "_score", "chunk", "track_total_hits", 0);
}

/* ---- requests ---- */

static json_t *words_body(const os_question *q, size_t depth)
{
    json_t *body = bare(depth);
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
    json_t *body = bare(depth), *vector = json_array(), *conditions = json_copy(q->conditions), *knn, *readable;
    char field[FIELD_BYTES];

    os_vector_field(&q->snap->state, field);
    for (uint32_t i = 0; vector && i < q->ask->dim; i++)
        json_array_append_new(vector, json_real((double)q->ask->question[i]));
    knn = json_pack("{s:o,s:i}", "vector", vector, "k", (int)depth);
    if (q->ask->readable.n && !row_filter(&q->ask->readable, &readable, NULL))
        json_array_append_new(conditions, readable);
    if (json_array_size(conditions))
        json_object_set_new(knn, "filter", json_pack("{s:{s:O}}", "bool", "filter", conditions));
    json_decref(conditions);
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

/* The first passages of the list of words, with what they are made of. */
static json_t *passages_body(const os_question *q)
{
    json_t *body = words_body(q, q->ask->params->lexical.proximity_depth);

    json_object_del(body, "stored_fields");
    json_object_set_new(body, "_source", os_chunk_source());
    return body;
}

/* What the query matches, as a query: all that its conditions leave and, where nothing is required,
 * that holds any of its words. */
static json_t *matching_query(const os_question *q)
{
    json_t *all = json_pack("{s:O}", "filter", q->conditions);

    if (q->ask->words && q->needs_should && json_array_size(q->should)) {
        json_object_set(all, "should", q->should);
        json_object_set_new(all, "minimum_should_match", json_integer(1));
    }
    return json_pack("{s:o}", "bool", all);
}

static json_t *matches_body(const os_question *q)
{
    return json_pack("{s:i,s:b,s:O,s:{s:o}}", "size", 0, "track_total_hits", 0, "query",
                     q->snap->matching, "aggs", "docs", os_documents_counted());
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

    /* Frequencies over all shards: a score does not depend on where a passage lies. */
    if (head && global)
        json_object_set_new(head, "search_type", json_string("dfs_query_then_fetch"));
    return client_dump_search(lines, head, body, err);
}

/* ---- replies ---- */

static int by_score(const void *a, const void *b)
{
    const fuse_item *x = a, *y = b;

    if (x->score != y->score)
        return x->score > y->score ? -1 : 1;
    return x->id < y->id ? -1 : x->id > y->id;
}

cairn_status os_check_response(const json_t *r, cairn_error *err)
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
    cairn_status st = os_check_response(response, err);

    if (st)
        return st;
    out->items = arena_calloc(a, n + 1, sizeof *out->items);
    out->docs = arena_calloc(a, n + 1, sizeof *out->docs);
    if (!out->items || !out->docs)
        return no_memory(err);
    for (size_t i = 0; i < n; i++) {
        const json_t *sort = json_object_get(json_array_get(hits, i), "sort");
        json_int_t id = json_integer_value(json_array_get(sort, 1));
        double score = json_is_number(json_array_get(sort, 0))
                           ? json_number_value(json_array_get(sort, 0))
                           : NAN;
        if (id <= 0 || !isfinite(score))
            return cairn_fail(err, CAIRN_EIO, "a hit of the cluster has no number or no score");
        out->items[out->n++] = (fuse_item){(uint64_t)id, (float)(cosine ? 2 * score - 1 : score)};
    }
    if (out->n)
        qsort(out->items, out->n, sizeof *out->items, by_score);
    return CAIRN_OK;
}

static cairn_status take_documents(const json_t *response, const retrieve_ask *ask,
                                   retrieve_lists *out, cairn_error *err)
{
    const json_t *hits = json_object_get(json_object_get(response, "hits"), "hits");
    cairn_status st = os_check_response(response, err);

    out->documents = arena_calloc(ask->a, ask->k + 1, sizeof *out->documents);
    if (!st && !out->documents)
        st = no_memory(err);
    for (size_t i = 0; !st && i < json_array_size(hits) && i < ask->k; i++) {
        chunk_id id = (chunk_id)json_integer_value(
            json_array_get(json_object_get(json_array_get(hits, i), "sort"), 0));
        if (id)
            out->documents[out->n_documents++] = (retrieve_hit){.chunk = id, .doc = os_doc_of(id)};
    }
    return st;
}

/* ---- asking ---- */

#define TERMS_MAX 256 /* whose rows are counted; a longer question is not scored again */

/* What is asked for and in which order it comes. */
typedef struct asking {
    os_question *q;
    bool words, again, vectors, documents, matches, counted, doubts, proof;
    bool at_hand; /* the passages that are scored again are likely to be read already: their records are not asked for */
    size_t depth; /* of the list of words */
    bool listed;  /* the passages that are scored again are all of that list */
    os_forms forms; /* of the words that may be slips */
    const char *terms[TERMS_MAX]; /* of the question */
    size_t n_terms;
    uint64_t rows[TERMS_MAX]; /* with each; counted now unless `known` */
    bool known;
    json_t *index; /* term: its place there */
} asking;

/* The distinct terms of all groups. False: too many. */
static bool list_terms(asking *k)
{
    const lexical_outline *o = k->q->outline;

    for (size_t g = 0; g < o->n_groups; g++)
        for (size_t a = 0; a < o->groups[g].n_alts; a++)
            for (size_t r = 0; r < o->groups[g].alts[a].n_runs; r++) {
                const outline_run *run = &o->groups[g].alts[a].runs[r];
                for (size_t i = 0; i < run->n; i++) {
                    if (json_object_get(k->index, run->terms[i]))
                        continue;
                    if (k->n_terms == TERMS_MAX ||
                        json_object_set_new_nocheck(k->index, run->terms[i],
                                                    json_integer((json_int_t)k->n_terms)))
                        return false;
                    k->terms[k->n_terms++] = run->terms[i];
                }
            }
    return k->n_terms > 1;
}

static cairn_status plan_asking(asking *k, os_question *q, cairn_error *err)
{
    const retrieve_ask *ask = q->ask;
    const lexical_params *p = &ask->params->lexical;

    *k = (asking){.q = q, .index = json_object()};
    if (!k->index)
        return no_memory(err);
    k->documents = ask->documents;
    k->words = ask->words && !ask->documents &&
               (json_array_size(q->must) || json_array_size(q->should) || ask->query->has_required);
    k->vectors = ask->question && !ask->documents && q->snap->state.dim;
    k->counted = ask->query->filter.n > 0;
    k->matches = ask->params->matches;
    k->again = k->words && p->proximity > 0 && p->proximity_depth > 1 &&
               p->proximity_depth <= AGAIN_MAX && list_terms(k);
    /* To be fused, a list is as long as the other; by itself no longer than anybody looks. */
    k->depth = k->vectors || ask->k > ask->params->depth ? ask->params->depth : ask->k;
    k->at_hand = k->again && os_at_hand_serves(q->snap) && q->snap->s->novel < NOVEL_MOST;
    k->known = k->again && os_rows_kept(q->snap, k->terms, k->n_terms, k->rows);
    k->listed = k->again && !k->at_hand && k->depth <= p->proximity_depth;
    k->doubts = k->words && ask->params->suggests && ask->query->text_len;
    if (k->doubts) {
        cairn_status st =
            os_list_forms(ask->an, ask->query->text, ask->query->text_len, &k->forms, err);
        if (st)
            return st;
        k->doubts = k->forms.n > 0 && !os_doubts_kept(q->snap, &k->forms);
    }
    k->proof = q->snap->relied;
    if (k->matches) {
        json_decref(q->snap->matching);
        q->snap->matching = matching_query(q);
        if (!q->snap->matching)
            return no_memory(err);
    }
    return CAIRN_OK;
}

/* Has a search failed for want of a node or of time? */
static bool some_passed_by(const json_t *responses)
{
    json_t *r;
    size_t i;

    json_array_foreach(responses, i,
                       r) if (os_is_passing(json_integer_value(json_object_get(r, "status"))) ||
                              json_integer_value(json_object_get(json_object_get(r, "_shards"),
                                                                 "failed")) > 0) return true;
    return false;
}

cairn_status os_msearch(const struct os_snapshot *snap, const bytes *lines, json_t **responses,
                        cairn_error *err)
{
    struct os_store *s = snap->s;
    client_request r = {
        .method = "POST",
        .path = "/_msearch?filter_path=responses.status,responses.error,responses.timed_out,"
                "responses._shards.failed,"
                "responses.hits.total.value,responses.hits.hits.sort,responses.hits.hits._id,"
                "responses.hits.hits._source,"
                "responses.aggregations,responses.suggest",
        .body = lines->data,
        .len = lines->len,
        .lines = true,
        .limits = s->limits};
    os_patience patience = {0};

    do {
        json_t *reply = NULL;
        long status;
        cairn_status st = client_call(s->client, &r, &status, &reply, err);
        if (!st && status / 100 != 2)
            st = client_refused("search", status, reply, err);
        *responses = st ? NULL : json_incref(json_object_get(reply, "responses"));
        json_decref(reply);
        if (st || !some_passed_by(*responses) || !os_wait_again(s, &patience))
            return st;
        json_decref(*responses);
    } while (true);
}

static cairn_status write_request(const asking *k, bytes *lines, cairn_error *err)
{
    const os_question *q = k->q;
    cairn_status st = CAIRN_OK;

    if (k->words && !k->listed) /* and long enough for what is scored again */
        st = add_search(q, lines,
                        words_body(q, k->at_hand && k->depth < q->ask->params->lexical.proximity_depth
                                          ? q->ask->params->lexical.proximity_depth
                                          : k->depth),
                        true, err);
    if (!st && k->again && !k->at_hand)
        st = add_search(q, lines, passages_body(q), true, err);
    if (!st && k->again && !k->known)
        st = add_search(q, lines, os_counting(k->terms, k->n_terms, false), false, err);
    if (!st && k->vectors)
        st = add_search(q, lines, vectors_body(q), false, err);
    if (!st && k->documents)
        st = add_search(q, lines, documents_body(q), false, err);
    if (!st && k->matches)
        st = add_search(q, lines, matches_body(q), false, err);
    if (!st && k->counted)
        st = add_search(q, lines, count_body(q), false, err);
    if (!st && k->doubts) {
        json_t *body;
        st = os_doubting(q->snap, q->ask->an, &k->forms, &body, err);
        if (!st)
            st = add_search(q, lines, body, false, err);
    }
    if (!st && k->proof && lines->len)
        st = client_dump_search(lines, json_pack("{s:s}", "index", q->snap->s->state), os_proof_body(), err);
    return st;
}

/* The passages are remembered: they are likely to be read next. ids[n], again[n]: which, and was it remembered before? */
static cairn_status keep_passages(struct os_snapshot *snap, const json_t *hits, chunk_id *ids, bool *again, size_t *n,
                                  cairn_error *err)
{
    for (size_t i = 0; i < json_array_size(hits) && *n < AGAIN_MAX; i++) {
        const json_t *h = json_array_get(hits, i);
        const char *id = json_string_value(json_object_get(h, "_id"));
        json_t *source = json_object_get(h, "_source");
        if (!id || !source)
            continue;
        ids[*n] = os_number(source, "chunk");
        again[*n] = json_is_object(os_kept(snap->fetched_chunks, ids[*n]));
        if (!again[*n] && json_object_set(snap->fetched_chunks, id, source))
            return no_memory(err);
        ++*n;
    }
    return CAIRN_OK;
}

/* The first passages of the list, which are remembered or are read now. */
static cairn_status read_passages(struct os_snapshot *snap, const retrieve_list *list, size_t depth, chunk_id *ids, bool *again,
                                  size_t *n, cairn_error *err)
{
    bool all = true;

    for (; *n < list->n && *n < depth && *n < AGAIN_MAX; ++*n) {
        ids[*n] = list->items[*n].id;
        again[*n] = json_is_object(os_kept(snap->fetched_chunks, ids[*n]));
        all &= again[*n];
    }
    return !all ? os_fetch(snap, ids, *n, NULL, 0, err) : CAIRN_OK;
}

/* passages, counts: NULL where they were not asked for. */
static cairn_status take_again(asking *k, const json_t *passages, const json_t *counts, retrieve_list *list,
                               cairn_error *err)
{
    struct os_snapshot *snap = k->q->snap;
    chunk_id ids[AGAIN_MAX];
    bool again[AGAIN_MAX], all = true;
    size_t n = 0;
    cairn_status st = passages ? os_check_response(passages, err) : CAIRN_OK;

    if (!st && counts && !(st = os_check_response(counts, err))) {
        os_take_counts(counts, k->n_terms, k->rows);
        os_rows_keep(snap, k->terms, k->n_terms, k->rows);
    }
    if (!st && passages)
        st = keep_passages(snap, json_object_get(json_object_get(passages, "hits"), "hits"), ids, again, &n, err);
    else if (!st)
        st = read_passages(snap, list, k->q->ask->params->lexical.proximity_depth, ids, again, &n, err);
    if (st || !n)
        return st;
    for (size_t i = 0; i < n; i++)
        all &= again[i];
    snap->s->novel += NOVEL_PACE * ((all ? 0 : 1) - snap->s->novel);
    st = os_rescore(k->q, ids, again, n, k->terms, k->rows, k->n_terms, list, err);
    for (size_t i = 0; !st && i < list->n && i < n && i < BEST_MAX; i++)
        snap->best[snap->n_best++] = list->items[i].id;
    return st;
}

size_t os_best(void *ctx, chunk_id *ids, size_t max)
{
    const struct os_snapshot *snap = ctx;
    size_t n = snap->n_best < max ? snap->n_best : max;

    memcpy(ids, snap->best, n * sizeof *ids);
    return n;
}

static cairn_status take_responses(asking *k, const json_t *responses, retrieve_lists *out,
                                   cairn_error *err)
{
    const retrieve_ask *ask = k->q->ask;
    size_t at = 0;
    cairn_status st = CAIRN_OK;

    if (k->words)
        st = take_list(json_array_get(responses, at), false, ask->a, &out->words, err);
    at += k->words && !k->listed;
    k->q->snap->n_best = 0;
    if (!st && k->again) {
        const json_t *passages = k->at_hand ? NULL : json_array_get(responses, at++);
        const json_t *counts = k->known ? NULL : json_array_get(responses, at++);
        if ((!passages && !k->at_hand) || (!counts && !k->known))
            st = os_check_response(NULL, err);
        if (!st)
            st = take_again(k, passages, counts, &out->words, err);
    }
    if (!st && k->vectors)
        st = take_list(json_array_get(responses, at++), true, ask->a, &out->vectors, err);
    if (!st && k->documents)
        st = take_documents(json_array_get(responses, at++), ask, out, err);
    if (!st && k->matches) {
        const json_t *r = json_array_get(responses, at++);
        st = os_check_response(r, err);
        out->matching_documents = (uint64_t)json_integer_value(
            json_object_get(json_object_get(json_object_get(r, "aggregations"), "docs"), "value"));
    }
    if (!st && k->counted) {
        const json_t *r = json_array_get(responses, at++);
        st = os_check_response(r, err);
        out->n_allowed = (uint64_t)json_integer_value(
            json_object_get(json_object_get(json_object_get(r, "hits"), "total"), "value"));
    }
    if (!st && k->doubts)
        st = os_take_doubts(k->q->snap, json_array_get(responses, at++), &k->forms, err);
    if (!st && k->proof)
        st = os_take_proof(k->q->snap, json_array_get(responses, at++), err);
    for (retrieve_list *l = &out->words; !st && l; l = l == &out->words ? &out->vectors : NULL)
        for (size_t i = 0; i < l->n; i++)
            l->docs[i] = os_doc_of(l->items[i].id);
    return st;
}

/* Leave out passages that are none of this state: of a run that was cut off, or of one that is not over. Their texts may
 * stand in others that were committed. */
static void drop_strangers(const asking *k, json_t *responses)
{
    json_t *r;
    size_t at;

    json_array_foreach(responses, at, r)
    {
        json_t *hits = json_object_get(json_object_get(r, "hits"), "hits");
        for (size_t i = json_array_size(hits); i-- > 0;) {
            const json_t *sort = json_object_get(json_array_get(hits, i), "sort");
            json_int_t id = json_integer_value(json_array_get(sort, json_array_size(sort) - 1));
            if (id > 0 && os_is_stranger(&k->q->snap->state, os_doc_of((chunk_id)id)))
                json_array_remove(hits, i);
        }
    }
}

static cairn_status ask_lists(os_question *q, retrieve_lists *out, cairn_error *err)
{
    json_t *responses = NULL;
    asking k;
    bytes lines;
    cairn_status st = plan_asking(&k, q, err);

    bytes_init(&lines, CLIENT_REPLY_BYTES);
    if (!st)
        st = write_request(&k, &lines, err);
    if (!st && lines.len)
        st = os_msearch(q->snap, &lines, &responses, err);
    if (!st && lines.len) {
        drop_strangers(&k, responses);
        st = take_responses(&k, responses, out, err);
    }
    json_decref(responses);
    json_decref(k.index);
    bytes_clear(&lines);
    return st;
}

cairn_status os_lists(void *ctx, const retrieve_ask *ask, retrieve_lists *out, cairn_error *err)
{
    struct os_snapshot *snap = ctx;
    int64_t start = clock_mono_ns();
    os_question q;
    cairn_status st = os_question_make(&q, snap, ask, err);
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
