/* counts.c - how often: rows that hold a word, documents by field. Each is an aggregation, all of
 * one question in one request. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "index/lexical/outline.h"
#include "opensearch/room.h"
#include "opensearch/row.h"

#define DISTINCT_EXACT                                                                             \
    40000 /* documents up to which a count of distinct ones is exact (the most that OpenSearch     \
             takes) */

static cairn_status no_memory(cairn_error *err)
{
    return cairn_fail(err, CAIRN_ENOMEM, "counts of the cluster");
}

json_t *os_holds(const char *term, bool forms)
{
    json_t *should;

    if (forms)
        return json_pack("{s:{s:o}}", "term", ROW_FORMS, row_term(term, strlen(term)));
    should = json_array();
    for (size_t f = 0; should && f < LEXICAL_FIELDS; f++)
        json_array_append_new(
            should, json_pack("{s:{s:o}}", "term", row_field[f], row_term(term, strlen(term))));
    return json_pack("{s:{s:o}}", "bool", "should", should);
}

static json_t *by_term(const char *const *terms, size_t n, bool forms)
{
    json_t *filters = json_object();
    char key[24];

    for (size_t i = 0; filters && i < n; i++) {
        snprintf(key, sizeof key, "%zu", i);
        json_object_set_new(filters, key, os_holds(terms[i], forms));
    }
    return filters;
}

/* A search that counts the rows of each filter among those of the query; both are taken over. */
static json_t *counting(json_t *query, json_t *filters)
{
    return json_pack("{s:i,s:b,s:o,s:{s:{s:{s:o}}}}", "size", 0, "track_total_hits", 0, "query", query,
                     "aggs", "rows", "filters", "filters", filters);
}

json_t *os_counting(const char *const *terms, size_t n, bool forms)
{
    return counting(json_pack("{s:{}}", "match_all"), by_term(terms, n, forms));
}

void os_take_counts(const json_t *response, size_t n, uint64_t *rows)
{
    const json_t *buckets = json_object_get(
        json_object_get(json_object_get(response, "aggregations"), "rows"), "buckets");
    char key[24];

    for (size_t i = 0; i < n; i++) {
        snprintf(key, sizeof key, "%zu", i);
        rows[i] = (uint64_t)json_integer_value(
            json_object_get(json_object_get(buckets, key), "doc_count"));
    }
}

cairn_status os_count_by(const struct os_snapshot *snap, json_t *query, json_t *filters, json_t **reply,
                         cairn_error *err)
{
    char path[PATH_BYTES];

    *reply = NULL;
    snprintf(path, sizeof path,
             "/%s/_search?allow_partial_search_results=false&filter_path=aggregations",
             snap->s->chunks);
    return os_ask(snap->s, "count words", "POST", path, counting(query, filters), reply, err);
}

cairn_status os_rows_where(const struct os_snapshot *snap, json_t *query, const char *const *words, size_t n,
                           bool forms, uint64_t *rows, cairn_error *err)
{
    json_t *reply = NULL;
    cairn_status st;

    memset(rows, 0, n * sizeof *rows);
    if (!n) {
        json_decref(query);
        return CAIRN_OK;
    }
    st = os_count_by(snap, query, by_term(words, n, forms), &reply, err);
    if (!st)
        os_take_counts(reply, n, rows);
    json_decref(reply);
    return st;
}

cairn_status os_rows_with(void *ctx, const char *const *words, size_t n, bool forms, uint64_t *rows,
                          cairn_error *err)
{
    return os_rows_where(ctx, json_pack("{s:{}}", "match_all"), words, n, forms, rows, err);
}

cairn_status os_idf(void *ctx, analyzer *a, const char *word, size_t len, double *idf,
                    cairn_error *err)
{
    struct os_snapshot *snap = ctx;
    lexical_clause clause = {
        .occur = LEXICAL_SHOULD, .kind = LEXICAL_WORDS, .text = word, .len = len};
    lexical_query query = {.clauses = &clause, .n = 1};
    const char *terms[64];
    uint64_t rows[64];
    lexical_params params;
    lexical_outline outline;
    double all = (double)snap->state.counts.chunks + 1;
    size_t n = 0;
    arena memory;
    cairn_status st;

    lexical_params_default(&params);
    params.keep_stop_words = true;
    params.n_languages = os_languages(snap, &params.languages);
    arena_init(&memory, (size_t)64 << 20);
    st = lexical_outline_make(a, &query, &params, &memory, &outline, err);
    for (size_t g = 0; !st && g < outline.n_groups; g++)
        for (size_t i = 0; i < outline.groups[g].n_alts && n < 64; i++)
            if (outline.groups[g].alts[i].n_runs && outline.groups[g].alts[i].runs[0].n == 1)
                terms[n++] = outline.groups[g].alts[i].runs[0].terms[0];
    if (!st)
        st = os_rows_with(snap, terms, n, false, rows, err);
    *idf = log(1 + (all + 0.5) / 0.5); /* in no passage */
    for (size_t i = 0, found = 0; !st && i < n; i++) {
        double one = log(1 + (all - (double)rows[i] + 0.5) / ((double)rows[i] + 0.5));
        if (rows[i] && (!found++ || one > *idf))
            *idf = one;
    }
    arena_clear(&memory);
    return st;
}

/* ---- documents by field ---- */

json_t *os_documents_counted(void)
{
    return json_pack("{s:{s:s,s:i}}", "cardinality", "field", "doc", "precision_threshold",
                     DISTINCT_EXACT);
}

static cairn_status take_values(const json_t *by, arena *memory, retrieve_value *out, size_t *n,
                                size_t most, cairn_error *err)
{
    const json_t *buckets = json_object_get(by, "buckets"), *one;
    size_t i;

    *n = 0;
    json_array_foreach(buckets, i, one)
    {
        const char *key = json_string_value(json_object_get(one, "key"));
        json_int_t count =
            json_integer_value(json_object_get(json_object_get(one, "docs"), "value"));
        if (*n == most)
            break;
        if (!key || !(out[*n].text = arena_strdup(memory, key)))
            return no_memory(err);
        out[(*n)++].count = (uint64_t)count;
    }
    return CAIRN_OK;
}

cairn_status os_facet(void *ctx, const char *name, size_t most, arena *memory, retrieve_value *out,
                      size_t *n, size_t *distinct, cairn_error *err)
{
    const struct os_snapshot *snap = ctx;
    bool years = !strcmp(name, "year");
    char path[PATH_BYTES], field[64];
    json_t *order, *reply = NULL;
    const json_t *aggregations;
    cairn_status st;

    *n = *distinct = 0;
    if (!snap->matching || !most)
        return CAIRN_OK;
    snprintf(field, sizeof field, "facet_%s", name);
    snprintf(path, sizeof path,
             "/%s/_search?allow_partial_search_results=false&filter_path=aggregations",
             snap->s->chunks);
    order = years ? json_pack("[{s:s}]", "_key", "desc")
                  : json_pack("[{s:s},{s:s}]", "docs", "desc", "_key", "asc");
    st = os_ask(snap->s, "count documents", "POST", path,
                json_pack("{s:i,s:b,s:O,s:{s:{s:{s:s,s:i,s:o},s:{s:o}},s:{s:{s:s,s:i}}}}", "size",
                          0, "track_total_hits", 0, "query", snap->matching, "aggs", "by", "terms",
                          "field", field, "size", (int)most, "order", order, "aggs", "docs",
                          os_documents_counted(), "values", "cardinality", "field", field,
                          "precision_threshold", DISTINCT_EXACT),
                &reply, err);
    aggregations = json_object_get(reply, "aggregations");
    *distinct = (size_t)json_integer_value(
        json_object_get(json_object_get(aggregations, "values"), "value"));
    if (!st)
        st = take_values(json_object_get(aggregations, "by"), memory, out, n, most, err);
    json_decref(reply);
    return st;
}
