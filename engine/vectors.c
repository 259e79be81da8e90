/* vectors.c - what a collection of the user's own vectors is, and searching it by a vector. */
#include "engine/vectors.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "base/clock.h"
#include "engine/search.h"

#define SEARCH_BYTES ((size_t)1 << 30)

static const char *const metric_names[] = {"cosine", "dot", "l2"};

const char *vectors_metric_name(vector_metric metric)
{
    return metric_names[metric];
}

void vectors_identity_text(const vectors_identity *id, char out[VECTORS_IDENTITY_BYTES])
{
    snprintf(out, VECTORS_IDENTITY_BYTES, "own vectors, %" PRIu32 " dimensions, %s", id->dim,
             metric_names[id->metric]);
}

bool vectors_are_own(const void *data, size_t len, vectors_identity *out)
{
    char text[VECTORS_IDENTITY_BYTES], metric[16];
    uint32_t dim;

    if (len >= sizeof text)
        return false;
    memcpy(text, data, len);
    text[len] = '\0';
    if (sscanf(text, "own vectors, %" SCNu32 " dimensions, %15s", &dim, metric) != 2)
        return false;
    for (int m = 0; m < 3; m++) {
        if (strcmp(metric, metric_names[m]) != 0)
            continue;
        if (out)
            *out = (vectors_identity){dim, (vector_metric)m};
        return true;
    }
    return false;
}

cairn_status vectors_identity_get(const store_snapshot *s, vectors_identity *out, bool *own,
                                  bool *any, cairn_error *err)
{
    const uint8_t *data;
    size_t len;
    arena memory;
    cairn_status st;

    *own = *any = false;
    arena_init(&memory, 4096);
    st = store_meta_get(s, META_EMBEDDER, &memory, &data, &len, err);
    if (!st) {
        *any = true;
        *own = vectors_are_own(data, len, out);
    }
    arena_clear(&memory);
    return st == CAIRN_ENOTFOUND ? CAIRN_OK : st;
}

cairn_status engine_refuse_own_vectors(cairn *c, cairn_error *err)
{
    vectors_identity id;
    store_snapshot *s;
    bool own, any;
    cairn_status st = store_snapshot_open(c->store, &s, err);

    if (st)
        return st;
    st = vectors_identity_get(s, &id, &own, &any, err);
    store_snapshot_close(s);
    if (!st && own)
        st = cairn_fail(
            err, CAIRN_EUSAGE,
            "collection %s holds vectors of your own (%u dimensions, %s): put documents into "
            "another one with --collection",
            c->collection, id.dim, vectors_metric_name(id.metric));
    return st;
}

/* ---- searching by a vector ---- */

/* Stands where the embedder of a question does. */
typedef struct given_vector {
    const float *v;
    uint32_t dim;
} given_vector;

static cairn_status give_vector(void *ctx, const char *text, size_t len, float *out,
                                cairn_error *err)
{
    const given_vector *g = ctx;

    (void)text;
    (void)len;
    (void)err;
    memcpy(out, g->v, (size_t)g->dim * sizeof *out);
    return CAIRN_OK;
}

static cairn_status search_view(cairn *c, const view *v, given_vector *given,
                                const cairn_search_request *request, arena *memory,
                                cairn_search_result **out, cairn_error *err)
{
    size_t k = request->k ? request->k : 10;
    retrieve_corpus corpus;
    retrieve_params params;
    retrieve_query query;
    retrieve_result found = {0};
    analyzer *an;
    pool *workers;
    cairn_status st = engine_corpus(v, memory, &corpus, err);

    corpus.embed = give_vector;
    corpus.embed_ctx = given;
    if (!st)
        st = engine_words(c, err);
    if (!st)
        st = engine_analyzer(c, &an, err);
    if (!st)
        st = engine_pool(c, &workers, err);
    if (!st)
        st = retrieve_query_parse(&query, "", request->filter, memory, err);
    if (st)
        return st;
    retrieve_params_default(&params);
    params.depth = k;
    query.text = "vector"; /* for the search to have a direction; nobody reads it */
    query.text_len = strlen(query.text);
    if (engine_dim(v))
        st = retrieve_search(&corpus, &query, RETRIEVE_VECTOR, k, NULL, &params, an, workers,
                             memory, &found, err);
    return st ? st : engine_present(c, v, &query, &found, out, err);
}

cairn_status cairn_search_vector(cairn *c, const float *vector, uint32_t dim,
                                 const cairn_search_request *request, cairn_search_result **out,
                                 cairn_error *err)
{
    static const cairn_search_request nothing;
    int64_t start = clock_mono_ns();
    given_vector given = {vector, dim};
    arena memory;
    view v;
    cairn_status st = view_open(c, &v, err);

    *out = NULL;
    if (st)
        return st;
    if (engine_dim(&v) && engine_dim(&v) != dim)
        st = cairn_fail(err, CAIRN_EUSAGE, "a query vector of %u dimensions over vectors of %u",
                        dim, engine_dim(&v));
    arena_init(&memory, SEARCH_BYTES);
    if (!st)
        st = search_view(c, &v, &given, request ? request : &nothing, &memory, out, err);
    if (!st)
        (*out)->took_ms = (double)(clock_mono_ns() - start) / 1e6;
    arena_clear(&memory);
    view_close(&v);
    return st;
}

/* ---- a file of query vectors ---- */

static cairn_status read_all(cairn_matrix *out, vector_source *s, const char *file,
                             cairn_error *err)
{
    size_t cap = 0, floats;
    vector_row row;
    cairn_status st;

    while (!(st = vector_source_next(s, &row, err))) {
        if (row.bad)
            return cairn_fail(err, CAIRN_EINPUT, "%s: %s", file, row.bad);
        if (out->n && row.dim != out->dim)
            return cairn_fail(err, CAIRN_EINPUT, "%s: vectors of %u and of %u dimensions", file,
                              out->dim, row.dim);
        out->dim = row.dim;
        if (out->n == cap) {
            cap = cap ? cap * 2 : 64;
            float *rows = NULL;
            if (checked_mul(cap, row.dim, &floats))
                rows = checked_realloc(out->rows, floats, sizeof *rows);
            if (!rows)
                return cairn_fail(err, CAIRN_ENOMEM, "%s: %zu vectors", file, cap);
            out->rows = rows;
        }
        memcpy(out->rows + out->n++ * row.dim, row.v, (size_t)row.dim * sizeof *row.v);
    }
    return st == CAIRN_ENOTFOUND ? CAIRN_OK : st;
}

cairn_status cairn_matrix_read(cairn_matrix *out, const char *file, cairn_error *err)
{
    vector_source *s;
    cairn_status st;

    *out = (cairn_matrix){0};
    st = vector_source_open(&s, file, CAIRN_VECTORS_BY_NAME, NULL, false, err);
    if (st)
        return st;
    st = read_all(out, s, file, err);
    vector_source_close(s);
    if (!st && !out->n)
        st = cairn_fail(err, CAIRN_EINPUT, "%s holds no vector", file);
    if (st)
        cairn_matrix_clear(out);
    return st;
}

void cairn_matrix_clear(cairn_matrix *m)
{
    free(m->rows);
    *m = (cairn_matrix){0};
}
