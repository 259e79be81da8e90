/* scan_backend.c - rows of int8 codes on the device, and a search over all of them: SCAN_QUERIES
 * queries at a time, one search of a set of rows at a time. */
#include "generate/cuda/scan_backend.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "generate/cuda/kernels.h"
#include "generate/cuda/scan.h"

struct device_codes {
    pthread_mutex_t lock;  /* of what follows `rows` */
    device_code_rows rows; /* the device's pointers */
    size_t n, keep;        /* queries and hits that there is room for */
    void *all;             /* one allocation; the rest point into it */
    int8_t *codes;
    scan_query *queries;
    uint64_t *eligible;
    uint32_t *keys, *bins;
    scan_state *states;
    device_code_hit *hits;
};

static cairn_status upload(const void *src, size_t bytes, const void *out, cairn_error *err)
{
    void *there = NULL;
    cairn_status st = device_alloc(&there, bytes, "vectors on the device", err);

    if (st)
        return st;
    memcpy((void *)out, &there, sizeof there); /* `out` points at a pointer to what is there */
    return device_upload(there, src, bytes, err);
}

void scan_backend_destroy(device_codes *c)
{
    if (!c)
        return;
    device_free((void *)c->rows.code);
    device_free((void *)c->rows.scale);
    device_free((void *)c->rows.bias);
    device_free(c->all);
    pthread_mutex_destroy(&c->lock);
    free(c);
}

cairn_status scan_backend_create(device_codes **out, const device_code_rows *rows, cairn_error *err)
{
    const size_t floats = rows->rows * sizeof(float);
    device_codes *c = calloc(1, sizeof *c);
    cairn_status st;

    *out = NULL;
    if (!c)
        return cairn_fail(err, CAIRN_ENOMEM, "vectors on the device");
    pthread_mutex_init(&c->lock, NULL);
    c->rows.rows = rows->rows;
    c->rows.stride = rows->stride;
    st = upload(rows->code, rows->rows * rows->stride, &c->rows.code, err);
    if (!st)
        st = upload(rows->scale, floats, &c->rows.scale, err);
    if (!st && rows->bias)
        st = upload(rows->bias, floats, &c->rows.bias, err);
    if (st) {
        scan_backend_destroy(c);
        return st;
    }
    *out = c;
    return CAIRN_OK;
}

static cairn_status reserve(device_codes *c, size_t n, size_t keep, cairn_error *err)
{
    const size_t rows = c->rows.rows;

    if (n <= c->n && keep <= c->keep)
        return CAIRN_OK;
    n = n > c->n ? n : c->n;
    keep = keep > c->keep ? keep : c->keep;
    device_free(c->all);
    c->all = NULL;
    c->n = c->keep = 0;
    const struct {
        void *at; /* a pointer to a pointer */
        size_t count, each;
    } parts[] = {
        {&c->codes, SCAN_QUERIES, c->rows.stride},
        {&c->queries, n, sizeof *c->queries},
        {&c->eligible, rows / 64 + 1, 8},
        {&c->keys, n, rows * sizeof *c->keys},
        {&c->bins, n, SCAN_BINS * 4},
        {&c->states, n, sizeof *c->states},
        {&c->hits, n, keep * sizeof *c->hits},
    };
    size_t total = 0, at[sizeof parts / sizeof *parts];
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        size_t bytes;
        at[i] = total;
        if (!checked_mul(parts[i].count, parts[i].each, &bytes) ||
            !checked_add(bytes, 255, &bytes) || !checked_add(total, bytes & ~(size_t)255, &total))
            return cairn_fail(err, CAIRN_ENOMEM, "a vector search for %zu rows", keep);
    }
    cairn_status st = device_alloc(&c->all, total, "a vector search on the device", err);
    if (st)
        return st;
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        void *there = (uint8_t *)c->all + at[i];
        memcpy(parts[i].at, &there, sizeof there);
    }
    c->n = n;
    c->keep = keep;
    return CAIRN_OK;
}

/* The queries' codes and numbers, n <= SCAN_QUERIES. */
static cairn_status load_queries(device_codes *c, const device_code_query *q, size_t n,
                                 cairn_error *err)
{
    const size_t stride = c->rows.stride;
    scan_query numbers[SCAN_QUERIES];
    int8_t *codes = calloc(SCAN_QUERIES, stride);
    cairn_status st;

    if (!codes)
        return cairn_fail(err, CAIRN_ENOMEM, "a vector search on the device");
    for (size_t i = 0; i < n; i++) {
        memcpy(codes + i * stride, q[i].code, stride);
        numbers[i] = (scan_query){q[i].scale, q[i].offset, q[i].bias};
    }
    st = device_upload(c->codes, codes, SCAN_QUERIES * stride, err);
    free(codes);
    return st ? st : device_upload(c->queries, numbers, n * sizeof *numbers, err);
}

/* n <= SCAN_QUERIES queries; hits[n][keep]. */
static cairn_status run_queries(device_codes *c, const device_code_scan *s, size_t first, size_t n,
                                device_code_hit *hits, size_t *n_hits, cairn_error *err)
{
    scan_state states[SCAN_QUERIES];
    cairn_status st = load_queries(c, s->queries + first, n, err);
    const scan_step step = {.rows = c->rows,
                            .n = (uint32_t)n,
                            .keep = (uint32_t)s->keep,
                            .codes = c->codes,
                            .queries = c->queries,
                            .eligible = s->eligible ? c->eligible : NULL,
                            .keys = c->keys,
                            .bins = c->bins,
                            .states = c->states,
                            .hits = c->hits};

    if (st)
        return st;
    step_scan_score(&step);
    step_scan_select(&step);
    st = device_wait(err);
    if (!st)
        st = device_download(states, c->states, n * sizeof *states, err);
    if (!st)
        st = device_download(hits, c->hits, n * s->keep * sizeof *hits, err);
    for (size_t i = 0; !st && i < n; i++)
        n_hits[i] = states[i].found < s->keep ? states[i].found : s->keep;
    return st;
}

cairn_status scan_backend_run(device_codes *c, const device_code_scan *s, device_code_hit *hits,
                              size_t *n_hits, cairn_error *err)
{
    const size_t rows = c->rows.rows, most = s->n < SCAN_QUERIES ? s->n : SCAN_QUERIES;
    cairn_status st;

    if (!rows || !s->n || !s->keep || s->keep > rows)
        return cairn_fail(err, CAIRN_EUSAGE, "%zu hits of %zu rows", s->keep, rows);
    pthread_mutex_lock(&c->lock);
    st = reserve(c, most, s->keep, err);
    if (!st && s->eligible)
        st = device_upload(c->eligible, s->eligible, (rows + 63) / 64 * 8, err);
    for (size_t i = 0; !st && i < s->n; i += SCAN_QUERIES)
        st = run_queries(c, s, i, s->n - i < SCAN_QUERIES ? s->n - i : SCAN_QUERIES,
                         hits + i * s->keep, n_hits + i, err);
    pthread_mutex_unlock(&c->lock);
    return st;
}
