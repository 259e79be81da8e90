/* test_vector_device.c - scans of vectors on the imitated device: the kernels against a plain sort, searches
 * through the seam of index/vector against the processor's, and when a segment goes to the device. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <unistd.h>

#include "engine/vector_device.h"
#include "generate/decode/device.h"
#include "index/vector/vector_format.h"
#include "tests/index/vector/memory_sections.h"

static uint64_t seed;

static uint64_t draw(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed;
}

static float draw_float(void)
{
    return (float)(draw() >> 40) / (float)(1 << 23) - 1;
}

/* ---- the right answer ---- */

static int by_rank(const void *pa, const void *pb)
{
    const vector_hit *a = pa, *b = pb;

    if (a->score != b->score)
        return a->score > b->score ? -1 : 1;
    return a->row < b->row ? -1 : a->row > b->row;
}

/* All rows that may be returned, best first. */
static size_t plain_scan(const vector_device_rows *r, const vector_device_query *q, vector_hit *out)
{
    size_t n = 0;

    for (uint32_t row = 0; row < r->rows; row++) {
        int32_t dot = -q->bias;
        float score;
        if (q->eligible && !(q->eligible[row / 64] >> (row % 64) & 1))
            continue;
        for (size_t i = 0; i < r->stride; i++)
            dot += r->code[row * r->stride + i] * q->code[i];
        score = (float)dot * (r->scale[row] * q->scale);
        score = r->bias ? score + (r->bias[row] + q->offset) : score + q->offset;
        if (!isnan(score))
            out[n++] = (vector_hit){0, row, score};
    }
    qsort(out, n, sizeof *out, by_rank);
    return n < q->keep ? n : q->keep;
}

/* ---- the kernels ---- */

#define MOST_QUERIES 11

/* Rows of few different codes, so that many scores are equal; some scales that are no number. */
static void one_scan(const device_backend *device)
{
    const size_t rows = 1 + draw() % (draw() % 2 ? 5000 : 90), stride = 64 * (1 + draw() % 3);
    const size_t n = 1 + draw() % MOST_QUERIES, keep = 1 + draw() % rows, kinds = 1 + draw() % rows;
    const bool biased = draw() % 2, some = draw() % 2;
    uint8_t *code = malloc(rows * stride);
    float *scale = malloc(rows * sizeof *scale), *bias = malloc(rows * sizeof *bias);
    uint64_t *eligible = malloc((rows / 64 + 1) * 8);
    int8_t *asked = malloc(n * stride);
    device_code_query queries[MOST_QUERIES];
    device_code_hit *hits = malloc(n * keep * sizeof *hits);
    vector_hit *want = malloc(rows * sizeof *want), *got = malloc(keep * sizeof *got);
    size_t n_hits[MOST_QUERIES];
    device_codes *there;

    for (size_t row = 0; row < rows; row++) {
        const size_t like = row < kinds ? row : draw() % kinds;
        for (size_t i = 0; i < stride; i++)
            code[row * stride + i] =
                row < kinds ? (uint8_t)(1 + draw() % 255) : code[like * stride + i];
        scale[row] = row < kinds ? draw() % 50 ? fabsf(draw_float()) : draw() % 2 ? 0 : NAN
                                 : scale[like];
        bias[row] = row < kinds ? -fabsf(draw_float()) : bias[like];
    }
    for (size_t w = 0; w <= rows / 64; w++)
        eligible[w] = draw() & draw();
    for (size_t q = 0; q < n; q++) {
        for (size_t i = 0; i < stride; i++)
            asked[q * stride + i] = (int8_t)(draw() % 255 - 127);
        queries[q] = (device_code_query){asked + q * stride, draw_float(), draw_float(), (int32_t)(draw() % 999)};
    }
    const device_code_rows up = {code, scale, biased ? bias : NULL, rows, stride};
    const device_code_scan scan = {queries, n, some ? eligible : NULL, keep};
    assert_int_equal(device->codes_create(&there, &up, NULL), CAIRN_OK);
    assert_int_equal(device->codes_scan(there, &scan, hits, n_hits, NULL), CAIRN_OK);
    for (size_t q = 0; q < n; q++) {
        const vector_device_rows plain = {code, scale, up.bias, (uint32_t)rows, stride};
        const vector_device_query ask = {queries[q].code, queries[q].scale, queries[q].offset,
                                         queries[q].bias, scan.eligible,    keep};
        assert_int_equal(plain_scan(&plain, &ask, want), n_hits[q]);
        for (size_t i = 0; i < n_hits[q]; i++)
            got[i] = (vector_hit){0, hits[q * keep + i].row, hits[q * keep + i].score};
        qsort(got, n_hits[q], sizeof *got, by_rank);
        for (size_t i = 0; i < n_hits[q]; i++)
            if (got[i].row != want[i].row || got[i].score != want[i].score)
                fail_msg("query %zu of %zu, hit %zu of %zu, %zu rows: row %u (%g) for %u (%g)", q, n, i, keep,
                         rows, got[i].row, (double)got[i].score, want[i].row, (double)want[i].score);
    }
    device->codes_destroy(there);
    free(code);
    free(scale);
    free(bias);
    free(eligible);
    free(asked);
    free(hits);
    free(want);
    free(got);
}

static void the_best_rows_of_any_scores(void **state)
{
    const device_backend *device;

    (void)state;
    assert_int_equal(device_get(&device, NULL), CAIRN_OK);
    assert_non_null(device);
    for (int i = 0; i < 6; i++)
        one_scan(device);
}

/* ---- searches ---- */

typedef struct made {
    memory_sections sections;
    section_source source;
    vector_reader *here, *there; /* the same segment, without and with a device */
} made;

static void make(made *m, uint32_t rows, uint32_t dim, vector_metric metric, const vector_device *d)
{
    const vector_options options = {.index = VECTOR_SCAN};
    section_sink sink = memory_sink(&m->sections);
    float *v = malloc(dim * sizeof *v);
    vector_writer *w;

    m->source = memory_source(&m->sections);
    assert_int_equal(vector_writer_create(&w, dim, metric, &options, NULL), CAIRN_OK);
    for (uint32_t row = 0; row < rows; row++) {
        for (uint32_t i = 0; i < dim && (row % 5 || !row); i++) /* each fifth is the one before */
            v[i] = draw_float();
        assert_int_equal(vector_writer_add(w, v, NULL), CAIRN_OK);
    }
    assert_int_equal(vector_writer_finish(w, &sink, NULL, NULL), CAIRN_OK);
    vector_writer_destroy(w);
    free(v);
    assert_int_equal(vector_reader_open(&m->here, &m->source, NULL), CAIRN_OK);
    assert_int_equal(vector_reader_open(&m->there, &m->source, NULL), CAIRN_OK);
    assert_int_equal(vector_reader_use_device(m->there, d, NULL), CAIRN_OK);
}

static void unmake(made *m)
{
    vector_reader_close(m->here);
    vector_reader_close(m->there);
    memory_clear(&m->sections);
}

/* One search of both; the hits must have the same bytes. */
static void same_hits(const made *m, const uint64_t *deleted, const uint64_t *allowed, size_t k)
{
    const uint32_t dim = vector_reader_dim(m->here);
    const vector_segment here = {m->here, deleted, allowed}, there = {m->there, deleted, allowed};
    vector_hit *a = calloc(k, sizeof *a), *b = calloc(k, sizeof *b);
    float *q = malloc(dim * sizeof *q);
    size_t n_a, n_b;

    for (uint32_t i = 0; i < dim; i++)
        q[i] = draw_float();
    assert_int_equal(vector_search(&here, 1, q, dim, k, NULL, NULL, a, &n_a, NULL), CAIRN_OK);
    assert_int_equal(vector_search(&there, 1, q, dim, k, NULL, NULL, b, &n_b, NULL), CAIRN_OK);
    assert_int_equal(n_a, n_b);
    assert_memory_equal(a, b, k * sizeof *a);
    free(a);
    free(b);
    free(q);
}

static void searches_find_the_same(void **state)
{
    static const vector_metric metrics[] = {VECTOR_COSINE, VECTOR_DOT, VECTOR_L2};
    settings s = {.vector_device = "auto"};

    (void)state;
    for (int i = 0; i < 3; i++) {
        const uint32_t rows = 200 + (uint32_t)(draw() % 1500);
        uint64_t deleted[32], allowed[32];
        made m = {0};
        make(&m, rows, 48 + 16 * (uint32_t)i, metrics[i], engine_vector_device(&s));
        for (int w = 0; w < 32; w++) {
            deleted[w] = draw() & draw() & draw();
            allowed[w] = draw() & draw();
        }
        assert_false(vector_reader_on_device(m.there));
        same_hits(&m, NULL, NULL, 10);
        assert_true(vector_reader_on_device(m.there));
        same_hits(&m, deleted, NULL, 100);
        same_hits(&m, deleted, allowed, 1);
        same_hits(&m, NULL, allowed, rows);
        memset(allowed, 0, sizeof allowed);
        same_hits(&m, NULL, allowed, 5);
        allowed[2] = 1;
        same_hits(&m, NULL, allowed, 5);
        unmake(&m);
    }
    strcpy(s.vector_device, "off");
    assert_null(engine_vector_device(&s));
}

/* ---- the seam ---- */

/* A device that is a plain loop. */
typedef struct pretence {
    vector_device_rows rows;
    int placed, dropped, scanned;
    bool absent, full, broken;
} pretence;

static cairn_status pretend_place(void *ctx, vector_device_copy **out, const vector_device_rows *rows,
                                  cairn_error *err)
{
    pretence *p = ctx;

    *out = NULL;
    p->placed++;
    if (p->full)
        return cairn_fail(err, CAIRN_ENOMEM, "no room");
    p->rows = *rows;
    *out = p->absent ? NULL : (vector_device_copy *)p;
    return CAIRN_OK;
}

static void pretend_drop(void *ctx, vector_device_copy *copy)
{
    pretence *p = ctx;

    assert_ptr_equal(copy, p);
    p->dropped++;
}

static cairn_status pretend_scan(void *ctx, vector_device_copy *copy, const vector_device_query *q,
                                 vector_hit *hits, size_t *n_hits, cairn_error *err)
{
    pretence *p = ctx;
    vector_hit *all = malloc(p->rows.rows * sizeof *all);

    assert_ptr_equal(copy, p);
    p->scanned++;
    if (!p->broken) {
        *n_hits = plain_scan(&p->rows, q, all);
        memcpy(hits, all, *n_hits * sizeof *hits);
    }
    free(all);
    return p->broken ? cairn_fail(err, CAIRN_EIO, "it fell off") : CAIRN_OK;
}

static vector_device pretend(pretence *p, bool at_once)
{
    return (vector_device){p, at_once, false, pretend_place, pretend_drop, pretend_scan};
}

static void what_fails_is_done_here(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++) {
        pretence p = {.absent = i == 0, .full = i == 1, .broken = i == 2};
        const vector_device d = pretend(&p, true);
        made m = {0};
        make(&m, 300, 32, VECTOR_COSINE, &d);
        same_hits(&m, NULL, NULL, 10);
        same_hits(&m, NULL, NULL, 10);
        assert_false(vector_reader_on_device(m.there));
        assert_int_equal(p.placed, 1);
        assert_int_equal(p.scanned, p.broken);
        unmake(&m);
        assert_int_equal(p.dropped, p.broken);
    }
}

/* Small segments stay here; large ones go once searching them has cost what the copy costs, as the model of
 * costs has it. */
static void it_must_pay(void **state)
{
    pretence p = {0};
    const vector_device d = pretend(&p, false);
    made m = {0};
    int searches = 0;

    (void)state;
    make(&m, 300, 32, VECTOR_COSINE, &d);
    for (int i = 0; i < 100; i++)
        same_hits(&m, NULL, NULL, 10);
    assert_int_equal(p.placed, 0);
    unmake(&m);

    m = (made){0};
    make(&m, 1500, 8192, VECTOR_COSINE, &d);
    while (!vector_reader_on_device(m.there) && searches < 3000) {
        const vector_segment there = {.reader = m.there};
        static float q[8192] = {1};
        vector_hit hit;
        size_t n;
        assert_int_equal(vector_search(&there, 1, q, 8192, 1, NULL, NULL, &hit, &n, NULL), CAIRN_OK);
        searches++;
    }
    assert_true(vector_reader_on_device(m.there));
    assert_true(searches > 10);
    assert_int_equal(p.placed, 1);
    same_hits(&m, NULL, NULL, 10);
    assert_int_equal(p.scanned, 2);
    unmake(&m);
    assert_int_equal(p.dropped, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_best_rows_of_any_scores),
        cmocka_unit_test(searches_find_the_same),
        cmocka_unit_test(what_fails_is_done_here),
        cmocka_unit_test(it_must_pay),
    };
    const char *given = getenv("CAIRN_SEED"), *real = getenv("CAIRN_TEST_CUDA");

    seed = given ? strtoull(given, NULL, 10) : (uint64_t)getpid() * 2654435761u + 1;
    printf("CAIRN_SEED=%llu\n", (unsigned long long)seed);
    setenv("CAIRN_DEVICE", "cuda", 1);
    setenv("CAIRN_CUDA", real ? real : CAIRN_BINARY_DIR "/generate/cairn-cuda-imitated.so", 1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
