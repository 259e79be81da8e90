/* eval.c - cairn_eval_retrieval: every judged query, chunks collapsed to their documents; the figures of all and
 * of slices. */
#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "base/clock.h"
#include "engine/eval.h"
#include "engine/eval_lines.h"
#include "engine/eval_report.h"
#include "engine/search.h"
#include "retrieve/metrics.h"

#define CHUNKS_A_QUERY 2000 /* enough for 1,000 documents of two chunks each */
#define DOCS_A_QUERY   1000
#define QUERY_BYTES    ((size_t)1 << 30)
#define BOOTSTRAP_SEED 20240607

typedef struct evaluation {
    cairn *c;
    view v;
    metrics_qrels *qrels;
    retrieve_mode mode;
    FILE *run;
    arena names;         /* uris by document id, kept over the queries */
    const char **uri_of; /* [n_uris], NULL = not looked up yet */
    size_t n_uris;
    eval_query *queries; /* [n], their strings in `names` */
    double *query_ms;
    size_t n, cap;
    const char *slice;
    double budget_ms;
    json_t *histories; /* by query: a list of {"role","content"}; NULL: none */
} evaluation;

static cairn_status uri_of(evaluation *e, const retrieve_hit *hit, const char **out, cairn_error *err)
{
    store_chunk chunk = {.id = hit->chunk, .doc = hit->doc};
    doc_id id = hit->doc;
    store_doc doc;
    cairn_status st;

    if (id >= e->n_uris) {
        size_t n = (size_t)id * 2 + 1024;
        const char **more = checked_realloc(e->uri_of, n, sizeof *more);
        if (!more)
            return cairn_fail(err, CAIRN_ENOMEM, "document names");
        memset(more + e->n_uris, 0, (n - e->n_uris) * sizeof *more);
        e->uri_of = more;
        e->n_uris = n;
    }
    if (!e->uri_of[id]) {
        st = store_doc_shown(e->v.snapshot, &chunk, &doc, &e->names, err);
        if (st)
            return st;
        e->uri_of[id] = doc.uri;
    }
    *out = e->uri_of[id];
    return CAIRN_OK;
}

static cairn_status need_room(evaluation *e, cairn_error *err)
{
    size_t cap = e->cap ? e->cap * 2 : 256;
    eval_query *more;
    double *ms;

    if (e->n < e->cap)
        return CAIRN_OK;
    more = checked_realloc(e->queries, cap, sizeof *more);
    if (more)
        e->queries = more;
    ms = checked_realloc(e->query_ms, cap, sizeof *ms);
    if (ms)
        e->query_ms = ms;
    if (!more || !ms)
        return cairn_fail(err, CAIRN_ENOMEM, "measurements");
    e->cap = cap;
    return CAIRN_OK;
}

/* Of a collection that is elsewhere: the names that are not known yet, by one request. */
static cairn_status fetch_names(evaluation *e, const retrieve_result *found, cairn_error *err)
{
    chunk_id *ids = e->v.index ? checked_malloc(found->n_hits + 1, sizeof *ids) : NULL;
    size_t n = 0;
    cairn_status st;

    if (!e->v.index)
        return CAIRN_OK;
    if (!ids)
        return cairn_fail(err, CAIRN_ENOMEM, "document names");
    for (size_t i = 0; i < found->n_hits && n < DOCS_A_QUERY; i++)
        if (found->hits[i].doc >= e->n_uris || !e->uri_of[found->hits[i].doc])
            ids[n++] = found->hits[i].chunk;
    st = n ? store_prefetch(e->v.snapshot, ids, n, err) : CAIRN_OK;
    free(ids);
    return st;
}

/* A document counts where its best chunk stands. */
static cairn_status collapse(evaluation *e, const retrieve_result *found, const char **docs,
                             float *scores, size_t *n, cairn_error *err)
{
    cairn_status st = fetch_names(e, found, err);

    *n = 0;
    for (size_t i = 0; !st && i < found->n_hits && *n < DOCS_A_QUERY; i++) {
        const char *uri = NULL;
        bool known = false;
        st = uri_of(e, &found->hits[i], &uri, err);
        /* The same document has the same pointer. */
        for (size_t j = 0; !st && !known && j < *n; j++)
            known = docs[j] == uri;
        if (!st && !known) {
            docs[*n] = uri;
            scores[(*n)++] = found->hits[i].score;
        }
    }
    return st;
}

/* The history of a query, where there is one; its strings stay the evaluation's. */
static cairn_status history_of(const evaluation *e, const char *id, arena *memory, engine_query *q,
                               cairn_error *err)
{
    const json_t *list = json_object_get(e->histories, id);
    cairn_turn *turns = arena_calloc(memory, json_array_size(list) + 1, sizeof *turns);
    size_t i;
    json_t *turn;

    if (!turns)
        return cairn_fail(err, CAIRN_ENOMEM, "history");
    json_array_foreach(list, i, turn) {
        const char *text = json_string_value(json_object_get(turn, "content"));
        turns[i] = (cairn_turn){json_string_value(json_object_get(turn, "role")),
                                text ? text : json_string_value(json_object_get(turn, "text"))};
    }
    q->history = turns;
    q->n_history = json_array_size(list);
    return CAIRN_OK;
}

static cairn_status measure_query(evaluation *e, const char *id, const char *text, const char *slice,
                                  cairn_error *err)
{
    const char *docs[DOCS_A_QUERY];
    float scores[DOCS_A_QUERY];
    eval_query *record;
    retrieve_query query;
    retrieve_result found;
    arena memory;
    size_t n;
    engine_query q = {.text = text,
                      .plain = true,
                      .mode = e->mode,
                      .k = CHUNKS_A_QUERY,
                      .depth = CHUNKS_A_QUERY,
                      .budget_ms = e->budget_ms,
                      .unhurried = true};
    int64_t start = clock_mono_ns();
    cairn_status st = need_room(e, err);

    if (st)
        return st;
    arena_init(&memory, QUERY_BYTES);
    st = history_of(e, id, &memory, &q, err);
    if (!st)
        st = engine_search_with(e->c, &e->v, &q, &memory, &query, &found, NULL, err);
    e->query_ms[e->n] = (double)(clock_mono_ns() - start) / 1e6;
    if (!st && found.mode != e->mode && found.n_hits && !(found.unread && e->mode == RETRIEVE_HYBRID))
        st = cairn_fail(err, CAIRN_EMODEL, "query %s could not be answered in this mode: %s", id,
                        found.note ? found.note : "no vectors");
    if (!st)
        st = collapse(e, &found, docs, scores, &n, err);
    if (!st)
        st = metrics_query(e->qrels, id, docs, n, e->queries[e->n].values);
    if (!st) {
        record = &e->queries[e->n++];
        record->id = arena_strdup(&e->names, id);
        record->text = arena_strdup(&e->names, text);
        record->slice = slice;
        record->first = n ? docs[0] : NULL;
        if (!record->id || !record->text)
            st = cairn_fail(err, CAIRN_ENOMEM, "measurements");
    }
    if (!st) {
        /* Equal scores fall by the least step: other readers of runs put equal ones in an order of their own. */
        float below = INFINITY;
        for (size_t i = 0; e->run && i < n; i++) {
            below = scores[i] < below ? scores[i] : nextafterf(below, -INFINITY);
            metrics_run_line(e->run, id, docs[i], i + 1, (double)below, "cairn");
        }
    }
    arena_clear(&memory);
    return st;
}

/* Lines {"_id", "history": [{"role", "content" or "text"}, ...]}. */
static cairn_status take_history(void *ctx, json_t *line, cairn_error *err)
{
    evaluation *e = ctx;
    const char *id = json_string_value(json_object_get(line, "_id"));
    json_t *list = json_object_get(line, "history");

    if (!id || !json_is_array(list))
        return cairn_fail(err, CAIRN_EINPUT, "needs \"_id\" and \"history\"");
    return json_object_set(e->histories, id, list) ? cairn_fail(err, CAIRN_ENOMEM, "histories") : CAIRN_OK;
}

static cairn_status read_histories(evaluation *e, const char *path, cairn_error *err)
{
    e->histories = json_object();
    return e->histories ? eval_each_line(path, take_history, e, err) : cairn_fail(err, CAIRN_ENOMEM, "histories");
}

static cairn_status take_query(void *ctx, json_t *line, cairn_error *err)
{
    evaluation *e = ctx;
    const json_t *id = json_object_get(line, "_id");
    const char *query = json_string_value(json_object_get(line, "text"));
    char buf[32];
    const char *name = json_string_value(id), *slice;
    cairn_status st = CAIRN_OK;

    if (json_is_integer(id)) {
        snprintf(buf, sizeof buf, "%" JSON_INTEGER_FORMAT, json_integer_value(id));
        name = buf;
    }
    if (!line || !name || !query)
        st = cairn_fail(err, CAIRN_EINPUT, "needs \"_id\" and \"text\"");
    else if (metrics_qrels_has(e->qrels, name) && !(st = eval_slice_of(line, e->slice, query, &e->names, &slice, err)))
        st = measure_query(e, name, query, slice, err);
    return st;
}

static cairn_status run_queries(evaluation *e, const char *path, cairn_error *err)
{
    cairn_status st = eval_each_line(path, take_query, e, err);

    if (!st && !e->n)
        st = cairn_fail(err, CAIRN_EINPUT, "%s: no query has a relevant document in the judgements",
                        path);
    return st;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

/* The measures of the queries with this slice; NULL: of all. */
static cairn_status measures_of(const evaluation *e, const char *slice, cairn_metric out[CAIRN_METRICS],
                                size_t *n, cairn_error *err)
{
    double *values = checked_malloc(e->n + 1, sizeof *values);
    cairn_status st = values ? CAIRN_OK : cairn_fail(err, CAIRN_ENOMEM, "measurements");

    for (size_t k = 0; !st && k < METRICS_KINDS; k++) {
        metrics_interval i;
        *n = 0;
        for (size_t q = 0; q < e->n; q++)
            if (!slice || !strcmp(e->queries[q].slice, slice))
                values[(*n)++] = e->queries[q].values[k];
        st = metrics_bootstrap(values, *n, 0, BOOTSTRAP_SEED, &i, err);
        out[k] = (cairn_metric){metrics_name((metrics_kind)k), i.mean, i.low, i.high};
    }
    free(values);
    return st;
}

static int by_queries(const void *a, const void *b)
{
    const cairn_eval_slice *x = a, *y = b;

    if (x->n_queries != y->n_queries)
        return x->n_queries < y->n_queries ? 1 : -1;
    return strcmp(x->value, y->value);
}

static cairn_status summarise_slices(const evaluation *e, cairn_eval_result *out, cairn_error *err)
{
    cairn_status st = CAIRN_OK;

    out->slices = arena_calloc(out->memory, e->n + 1, sizeof *out->slices);
    if (!out->slices)
        return cairn_fail(err, CAIRN_ENOMEM, "slices");
    for (size_t q = 0; !st && q < e->n; q++) {
        cairn_eval_slice *s = &out->slices[out->n_slices];
        size_t i = 0;
        while (i < out->n_slices && strcmp(out->slices[i].value, e->queries[q].slice) != 0)
            i++;
        if (i < out->n_slices)
            continue;
        out->n_slices++;
        s->value = arena_strdup(out->memory, e->queries[q].slice);
        st = s->value ? measures_of(e, s->value, s->metrics, &s->n_queries, err)
                      : cairn_fail(err, CAIRN_ENOMEM, "slices");
    }
    if (!st)
        qsort(out->slices, out->n_slices, sizeof *out->slices, by_queries);
    return st;
}

static cairn_status summarise(evaluation *e, cairn_eval_result *out, cairn_error *err)
{
    cairn_status st;

    out->memory = malloc(sizeof(arena));
    if (!out->memory)
        return cairn_fail(err, CAIRN_ENOMEM, "measurements");
    arena_init(out->memory, QUERY_BYTES);
    st = measures_of(e, NULL, out->metrics, &out->n_queries, err);
    out->n_metrics = METRICS_KINDS;
    if (!st && e->slice)
        st = summarise_slices(e, out, err);
    qsort(e->query_ms, e->n, sizeof *e->query_ms, by_value);
    out->query_ms_median = e->query_ms[e->n / 2];
    out->query_ms_p99 = e->query_ms[(size_t)(0.99 * (double)(e->n - 1) + 0.5)];
    return st;
}

void cairn_eval_result_clear(cairn_eval_result *r)
{
    if (r->memory)
        arena_clear(r->memory);
    free(r->memory);
    *r = (cairn_eval_result){0};
}

cairn_status cairn_eval_retrieval(cairn *c, const cairn_eval_request *request, cairn_eval_result *out,
                                  cairn_error *err)
{
    evaluation e = {.c = c, .mode = engine_mode(request->mode), .budget_ms = request->budget_ms};
    const char *run_file = request->run_file;
    char title[512];
    cairn_status st;

    _Static_assert(METRICS_KINDS == CAIRN_METRICS, "one place each");
    *out = (cairn_eval_result){0};
    st = engine_need_whole(c, err);
    if (st)
        return st;
    e.slice = request->slice;
    arena_init(&e.names, QUERY_BYTES);
    st = metrics_qrels_read(&e.qrels, request->qrels, err);
    if (!st && request->history)
        st = read_histories(&e, request->history, err);
    if (!st)
        st = view_open(c, &e.v, err);
    if (!st && run_file && !(e.run = fopen(run_file, "we")))
        st = cairn_fail_errno(err, errno, "write %s", run_file);
    if (!st)
        st = run_queries(&e, request->queries, err);
    if (e.run && fclose(e.run) && !st)
        st = cairn_fail_errno(err, errno, "write %s", run_file);
    if (!st)
        st = summarise(&e, out, err);
    if (!st && request->html_file) {
        snprintf(title, sizeof title, "Retrieval from %s", c->collection);
        st = eval_report_write(request->html_file, title, e.slice, out, e.queries, e.n, err);
    }
    if (st)
        cairn_eval_result_clear(out);
    view_close(&e.v);
    metrics_qrels_free(e.qrels);
    json_decref(e.histories);
    arena_clear(&e.names);
    free(e.uri_of);
    free(e.query_ms);
    free(e.queries);
    return st;
}
