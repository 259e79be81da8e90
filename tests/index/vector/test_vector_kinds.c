/* test_vector_kinds.c - every metric, storage, kind of code and a range of dimensions against brute
 * force in double precision over the rows as they were added. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "index/vector/vector_format.h"
#include "tests/index/vector/memory_sections.h"

#define K 10u

static uint64_t rng;

static const char *const metric_name[] = {"cosine", "dot", "l2"};
static const char *const storage_name[] = {"f32", "f16", "bf16", "i8"};
static const char *const code_name[] = {"i8", "i4", "b1"};

typedef struct rows {
    uint32_t n, dim;
    float *v; /* [n * dim] */
} rows;

/* Clusters with a few large components, as real embeddings have; lengths differ. */
static void make_row(float *v, uint32_t dim)
{
    uint64_t centre = 7 + test_random(&rng) % 12;
    double size = 0.5 + test_uniform(&rng);

    for (uint32_t i = 0; i < dim; i++) {
        double x = test_uniform(&centre) - 0.5 + 1.2 * (test_uniform(&rng) - 0.5);
        v[i] = (float)(size * x * (i % 61 == 3 ? 4 : 1));
    }
}

static rows make_rows(uint32_t n, uint32_t dim)
{
    rows r = {n, dim, malloc((size_t)n * dim * sizeof(float))};

    assert_non_null(r.v);
    for (uint32_t i = 0; i < n; i++)
        make_row(r.v + (size_t)i * dim, dim);
    return r;
}

static double true_score(vector_metric metric, const float *row, const float *q, uint32_t dim)
{
    double dot = 0, rr = 0, qq = 0, d2 = 0;

    for (uint32_t i = 0; i < dim; i++) {
        dot += (double)row[i] * q[i];
        rr += (double)row[i] * row[i];
        qq += (double)q[i] * q[i];
        d2 += ((double)row[i] - q[i]) * ((double)row[i] - q[i]);
    }
    return metric == VECTOR_L2 ? -d2 : metric == VECTOR_DOT ? dot : dot / sqrt(rr * qq);
}

typedef struct segment {
    memory_sections mem;
    section_source source;
    vector_reader *reader;
} segment;

static void open_segment(segment *s)
{
    cairn_error err = {0};

    s->source = memory_source(&s->mem);
    if (vector_reader_open(&s->reader, &s->source, &err))
        fail_msg("open: %s", err.text);
    if (vector_verify(s->reader, &err))
        fail_msg("verify: %s", err.text);
}

static void build(segment *s, const rows *r, uint32_t from, uint32_t to, vector_metric metric,
                  const vector_options *o, pool *workers)
{
    section_sink sink = memory_sink(&s->mem);
    cairn_error err = {0};
    vector_writer *w;

    assert_int_equal(vector_writer_create(&w, r->dim, metric, o, &err), 0);
    for (uint32_t i = from; i < to; i++)
        if (vector_writer_add(w, r->v + (size_t)i * r->dim, &err))
            fail_msg("add: %s", err.text);
    if (vector_writer_finish(w, &sink, workers, &err))
        fail_msg("finish: %s", err.text);
    vector_writer_destroy(w);
    open_segment(s);
}

static void drop(segment *s)
{
    vector_reader_close(s->reader);
    memory_clear(&s->mem);
    memset(s, 0, sizeof *s);
}

/* How far the rounding of a storage may move a score, as a share of |row| |q|. */
static double slack(vector_storage storage)
{
    static const double s[] = {1e-5, 1e-3, 1e-2, 2e-2};

    return s[storage];
}

/* Recall of the true ten of the rows as added; checks every score on the way. */
static double recall(const segment *segs, size_t n_segs, const uint32_t *starts, const rows *r,
                     vector_metric metric, vector_storage storage, int queries)
{
    double *truth = malloc(r->n * sizeof *truth), found = 0;
    float *q = malloc(r->dim * sizeof *q);
    vector_segment at[4];

    for (size_t s = 0; s < n_segs; s++)
        at[s] = (vector_segment){segs[s].reader, NULL, NULL};
    for (int i = 0; i < queries; i++) {
        vector_hit hits[K];
        cairn_error err = {0};
        size_t n;
        double qq = 0;
        make_row(q, r->dim);
        for (uint32_t j = 0; j < r->dim; j++)
            qq += (double)q[j] * q[j];
        for (uint32_t j = 0; j < r->n; j++)
            truth[j] = true_score(metric, r->v + (size_t)j * r->dim, q, r->dim);
        if (vector_search(at, n_segs, q, r->dim, K, NULL, NULL, hits, &n, &err))
            fail_msg("search: %s", err.text);
        assert_int_equal(n, K);
        for (size_t h = 0; h < n; h++) {
            uint32_t row = starts[hits[h].segment] + hits[h].row;
            const float *v = r->v + (size_t)row * r->dim;
            double rr = 0, better = 0;
            for (uint32_t j = 0; j < r->dim; j++)
                rr += (double)v[j] * v[j];
            double size =
                metric == VECTOR_COSINE ? 1 : sqrt(rr * qq) + (metric == VECTOR_L2 ? rr + qq : 0);
            if (fabs(hits[h].score - truth[row]) > slack(storage) * size)
                fail_msg("score %g of row %u, not %g", hits[h].score, row, truth[row]);
            assert_true(h == 0 || hits[h - 1].score >= hits[h].score);
            for (uint32_t j = 0; j < r->n; j++)
                better += truth[j] > truth[row];
            found += better < K;
        }
    }
    free(truth);
    free(q);
    return found / (K * (double)queries);
}

/* A floor each: what is lost comes from rounding the originals, and for 1-bit codes of few
 * dimensions from the codes. */
static double floor_of(vector_storage storage, vector_code_kind codes, uint32_t dim)
{
    double least = storage == VECTOR_I8 ? 0.9 : storage == VECTOR_BF16 ? 0.95 : 0.99;

    return codes == VECTOR_CODE_B1 && dim < 100 ? least - 0.06 : least;
}

static void every_kind_finds_what_brute_force_finds(void **state)
{
    static const uint32_t dims[] = {64, 97, 384};
    static const uint32_t zero = 0;

    (void)state;
    for (size_t d = 0; d < sizeof dims / sizeof *dims; d++) {
        rows r = make_rows(2500, dims[d]);
        for (int metric = 0; metric <= VECTOR_L2; metric++)
            for (int storage = 0; storage < VECTOR_STORAGES; storage++)
                for (int codes = 0; codes < VECTOR_CODE_KINDS; codes++) {
                    vector_options o = {.storage = (vector_storage)storage,
                                        .codes = (vector_code_kind)codes};
                    segment s = {0};
                    build(&s, &r, 0, r.n, (vector_metric)metric, &o, NULL);
                    assert_int_equal(vector_reader_storage(s.reader), storage);
                    assert_int_equal(vector_reader_codes(s.reader), codes);
                    double got = recall(&s, 1, &zero, &r, (vector_metric)metric, o.storage, 12);
                    if (got < floor_of(o.storage, o.codes, r.dim))
                        fail_msg("%s %s %s, %u dimensions: recall %.3f", metric_name[metric],
                                 storage_name[storage], code_name[codes], r.dim, got);
                    drop(&s);
                }
        free(r.v);
    }
}

/* From 1 to 4,096 and beyond, odd ones among them. */
static void every_dimension_works(void **state)
{
    static const uint32_t dims[] = {1,   2,   7,    33,   63,   65,   127,  129,  255,
                                    511, 768, 1000, 1023, 1024, 1536, 3072, 4095, 4096};
    static const uint32_t zero = 0;

    (void)state;
    for (size_t d = 0; d < sizeof dims / sizeof *dims; d++) {
        rows r = make_rows(200, dims[d]);
        for (int codes = 0; codes < VECTOR_CODE_KINDS; codes++)
            for (int metric = VECTOR_DOT; metric <= VECTOR_L2; metric++) {
                vector_options o = {.codes = (vector_code_kind)codes,
                                    .storage = (vector_storage)(d % VECTOR_STORAGES)};
                segment s = {0};
                build(&s, &r, 0, r.n, (vector_metric)metric, &o, NULL);
                double got = recall(&s, 1, &zero, &r, (vector_metric)metric, o.storage, 4);
                if (r.dim >= 33 && got < floor_of(o.storage, o.codes, r.dim) - 0.05)
                    fail_msg("%s %s, %u dimensions: recall %.3f", metric_name[metric],
                             code_name[codes], r.dim, got);
                drop(&s);
            }
        free(r.v);
    }
}

/* The first half of the components decides most, the rest is there for the exact scores. */
static void codes_of_a_part_find_what_the_whole_finds(void **state)
{
    static const uint32_t zero = 0;
    rows r = make_rows(2500, 192);

    (void)state;
    for (uint32_t i = 0; i < r.n; i++)
        for (uint32_t j = 96; j < r.dim; j++)
            r.v[(size_t)i * r.dim + j] *= 0.15f;
    for (int metric = 0; metric <= VECTOR_L2; metric++)
        for (int codes = 0; codes < VECTOR_CODE_KINDS; codes++) {
            vector_options o = {.codes = (vector_code_kind)codes, .code_dim = 96};
            segment s = {0};
            build(&s, &r, 0, r.n, (vector_metric)metric, &o, NULL);
            assert_int_equal(vector_reader_code_dim(s.reader), 96);
            assert_int_equal(vector_reader_dim(s.reader), 192);
            double got = recall(&s, 1, &zero, &r, (vector_metric)metric, VECTOR_F32, 20);
            if (got < 0.95)
                fail_msg("%s %s: recall %.3f", metric_name[metric], code_name[codes], got);
            drop(&s);
        }
    free(r.v);
}

/* Graphs are built over int8 codes and walked over the segment's own. */
static void graphs_are_walked_over_every_kind_of_code(void **state)
{
    static const uint32_t zero = 0;
    rows r = make_rows(3000, 96);

    (void)state;
    for (int metric = 0; metric <= VECTOR_L2; metric++)
        for (int codes = 0; codes < VECTOR_CODE_KINDS; codes++) {
            vector_options o = {.codes = (vector_code_kind)codes,
                                .force = true,
                                .storage = codes ? VECTOR_F16 : VECTOR_I8};
            segment s = {0};
            build(&s, &r, 0, r.n, (vector_metric)metric, &o, NULL);
            assert_true(vector_reader_has_graph(s.reader));
            double got = recall(&s, 1, &zero, &r, (vector_metric)metric, o.storage, 20);
            if (got < floor_of(o.storage, o.codes, r.dim))
                fail_msg("%s %s: recall %.3f", metric_name[metric], code_name[codes], got);
            hnsw_candidate out[256];
            hnsw_search_stats stats;
            vector_query q = {.code = malloc(vector_query_bytes(o.codes, r.dim))};
            float work[96];
            cairn_error err = {0};
            size_t n, found = 0;
            for (uint32_t i = 0; i < 40; i++) {
                vector_query_encode(&s.reader->codes, r.v + (size_t)i * r.dim, work, &q);
                assert_int_equal(hnsw_search(&s.reader->graph, &s.reader->codes, &q, 256, NULL,
                                             NULL, 0, NULL, out, &n, &stats, &err),
                                 0);
                for (size_t h = 0; h < n; h++)
                    found += out[h].row == i;
            }
            if (metric != VECTOR_DOT) /* a row is its own nearest */
                assert_true(found >= 38);
            free(q.code);
            drop(&s);
        }
    free(r.v);
}

/* Settings change over the years: segments of several kinds side by side, then merged into another.
 */
static void mixed_segments_are_searched_and_merged(void **state)
{
    static const uint32_t starts[4] = {0, 500, 1100, 1500}, zero = 0;
    rows r = make_rows(2000, 100);
    cairn_error err = {0};

    (void)state;
    for (int metric = 0; metric <= VECTOR_L2; metric++) {
        const vector_options kinds[4] = {{0},
                                         {.storage = VECTOR_F16, .codes = VECTOR_CODE_B1},
                                         {.storage = VECTOR_I8, .codes = VECTOR_CODE_I8},
                                         {.storage = VECTOR_BF16, .codes = VECTOR_CODE_I4}};
        segment s[4] = {0};
        vector_merge_input in[4];
        for (int i = 0; i < 4; i++) {
            build(&s[i], &r, starts[i], i < 3 ? starts[i + 1] : r.n, (vector_metric)metric,
                  &kinds[i], NULL);
            in[i] = (vector_merge_input){s[i].reader, NULL};
        }
        double got = recall(s, 4, starts, &r, (vector_metric)metric, VECTOR_I8, 15);
        if (got < 0.93)
            fail_msg("%s, mixed: recall %.3f", metric_name[metric], got);
        for (int storage = 0; storage < VECTOR_STORAGES; storage++)
            for (int codes = 0; codes < VECTOR_CODE_KINDS; codes++) {
                vector_options o = {.storage = (vector_storage)storage,
                                    .codes = (vector_code_kind)codes,
                                    .force = (storage + codes) % 2 == 1};
                segment out = {0};
                section_sink sink = memory_sink(&out.mem);
                if (vector_merge(in, 4, &o, &sink, NULL, &err))
                    fail_msg("merge: %s", err.text);
                open_segment(&out);
                assert_int_equal(vector_reader_rows(out.reader), r.n);
                assert_int_equal(vector_reader_storage(out.reader), storage);
                got = recall(&out, 1, &zero, &r, (vector_metric)metric, VECTOR_I8, 8);
                if (got < floor_of(VECTOR_I8, o.codes, r.dim))
                    fail_msg("%s merged to %s %s: recall %.3f", metric_name[metric],
                             storage_name[storage], code_name[codes], got);
                drop(&out);
            }
        for (int i = 0; i < 4; i++)
            drop(&s[i]);
    }
    free(r.v);
}

static void what_does_not_fit_is_refused(void **state)
{
    cairn_error err = {0};
    vector_writer *w;
    float v[4] = {1, 2, 65520.0f, 4};
    vector_options o = {.storage = VECTOR_F16};

    (void)state;
    assert_int_equal(vector_writer_create(&w, 4, VECTOR_DOT, &o, &err), 0);
    assert_int_equal(vector_writer_add(w, v, &err), CAIRN_EUSAGE);
    v[2] = 65504.0f;
    assert_int_equal(vector_writer_add(w, v, &err), 0);
    vector_writer_destroy(w);
    o.storage = VECTOR_BF16;
    assert_int_equal(vector_writer_create(&w, 4, VECTOR_DOT, &o, &err), 0);
    v[2] = 3.4e38f; /* rounds up to infinity */
    assert_int_equal(vector_writer_add(w, v, &err), CAIRN_EUSAGE);
    v[2] = 3.3e38f;
    assert_int_equal(vector_writer_add(w, v, &err), 0);
    vector_writer_destroy(w);
    o.storage = (vector_storage)4;
    assert_int_equal(vector_writer_create(&w, 4, VECTOR_DOT, &o, &err), CAIRN_EUSAGE);
    o = (vector_options){.codes = (vector_code_kind)3};
    assert_int_equal(vector_writer_create(&w, 4, VECTOR_DOT, &o, &err), CAIRN_EUSAGE);
    assert_int_equal(vector_writer_create(&w, 4, (vector_metric)3, NULL, &err), CAIRN_EUSAGE);
}

static void broken_sections_are_refused_or_harmless(void **state)
{
    rows r = make_rows(300, 40);
    cairn_error err = {0};
    size_t refused = 0;

    (void)state;
    for (int storage = 0; storage < VECTOR_STORAGES; storage++)
        for (int codes = 0; codes < VECTOR_CODE_KINDS; codes++) {
            vector_options o = {.storage = (vector_storage)storage,
                                .codes = (vector_code_kind)codes,
                                .force = storage == 1};
            segment s = {0};
            build(&s, &r, 0, r.n, (vector_metric)((storage + codes) % 3), &o, NULL);
            vector_reader_close(s.reader);
            for (int round = 0; round < 300; round++) {
                memory_section *m = &s.mem.at[test_random(&rng) % s.mem.n], whole = *m;
                uint8_t *copy = checked_aligned(whole.len, 1);
                memcpy(copy, whole.data, whole.len);
                for (int c = 1 + (int)(test_random(&rng) % 4); c > 0 && whole.len; c--)
                    copy[test_random(&rng) % whole.len] = (uint8_t)test_random(&rng);
                m->data = copy;
                if (test_random(&rng) % 4 == 0)
                    m->len = test_random(&rng) % (whole.len + 1);
                if (vector_reader_open(&s.reader, &s.source, &err)) {
                    assert_true(err.code == CAIRN_ECORRUPT || err.code == CAIRN_EUNSUPPORTED);
                    refused++;
                } else {
                    vector_segment seg = {s.reader, NULL, NULL};
                    vector_hit hits[K];
                    size_t n;
                    (void)vector_search(&seg, 1, r.v, r.dim, K, NULL, NULL, hits, &n, &err);
                    (void)vector_verify(s.reader, &err);
                    vector_reader_close(s.reader);
                }
                *m = whole;
                free(copy);
            }
            memory_clear(&s.mem);
        }
    assert_true(refused > 300);
    free(r.v);
}

/* Codes cannot be made of what is no number; rows that are copied as they are stay as they are. */
static void a_merge_refuses_to_convert_damaged_rows(void **state)
{
    static const float bad[] = {NAN, INFINITY, -INFINITY};
    rows r = make_rows(100, 40);
    (void)state;

    for (size_t b = 0; b < sizeof bad / sizeof *bad; b++)
        for (int metric = 0; metric <= VECTOR_L2; metric++) {
            const vector_options plain = {0}, small = {.codes = VECTOR_CODE_I4},
                                 half = {.storage = VECTOR_F16};
            segment s = {0}, out = {0};
            cairn_error err = {0};
            build(&s, &r, 0, r.n, (vector_metric)metric, &plain, NULL);
            vector_merge_input in = {s.reader, NULL};
            memcpy(memory_get(&s.mem, "vec.f32")->data + (7 * 40 + 3) * sizeof bad[b], &bad[b],
                   sizeof bad[b]);
            section_sink sink = memory_sink(&out.mem);
            assert_int_equal(vector_merge(&in, 1, &small, &sink, NULL, &err), CAIRN_ECORRUPT);
            assert_non_null(strstr(err.text, "vector 7"));
            memory_clear(&out.mem);
            assert_int_equal(vector_merge(&in, 1, &half, &sink, NULL, &err), CAIRN_ECORRUPT);
            memory_clear(&out.mem);
            assert_int_equal(vector_merge(&in, 1, &plain, &sink, NULL, &err), CAIRN_OK);
            memory_clear(&out.mem);
            drop(&s);
        }
    free(r.v);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_finds_what_brute_force_finds),
        cmocka_unit_test(every_dimension_works),
        cmocka_unit_test(codes_of_a_part_find_what_the_whole_finds),
        cmocka_unit_test(graphs_are_walked_over_every_kind_of_code),
        cmocka_unit_test(mixed_segments_are_searched_and_merged),
        cmocka_unit_test(what_does_not_fit_is_refused),
        cmocka_unit_test(a_merge_refuses_to_convert_damaged_rows),
        cmocka_unit_test(broken_sections_are_refused_or_harmless),
    };

    rng = test_seed();
    print_message("CAIRN_SEED=%llu\n", (unsigned long long)rng);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
