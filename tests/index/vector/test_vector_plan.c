/* test_vector_plan.c - the cost model behaves as costs do, on every CPU level, and its choice is
 * kept by the search. Whether its numbers are true is for bench/bench_plan to say. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "index/vector/vector_plan.h"
#include "index/vector/vector_scan.h"
#include "tests/index/vector/memory_sections.h"

static void costs_are_there_for_every_level(void **state)
{
    (void)state;
    for (int level = CPU_SCALAR; level <= CPU_AVX512; level++) {
        const vector_costs *v = vector_costs_for((cpu_level)level);
        assert_true(v->word > 0);
        for (int kind = 0; kind < VECTOR_CODE_KINDS; kind++)
            for (int size = 0; size < COST_SIZES; size++) {
                const vector_row_cost *s = &v->scan[kind][size], *g = &v->gather[kind][size];
                assert_true(s->row >= 0 && s->byte >= 0 && g->row >= 0 && g->byte >= 0);
                assert_true(s->row + 64 * s->byte > 0);
                assert_true(s->row + 64 * s->byte < g->row + 64 * g->byte);
            }
    }
    for (int size = 1; size < COST_SIZES; size++)
        assert_true(vector_cost_sizes[size] > vector_cost_sizes[size - 1]);
}

static void a_scan_costs_more_the_more_it_reads(void **state)
{
    static const uint32_t dims[] = {64, 384, 1024, 4096};

    (void)state;
    for (int kind = 0; kind < VECTOR_CODE_KINDS; kind++)
        for (size_t d = 0; d < 4; d++) {
            vector_codes c = vector_codes_of((vector_code_kind)kind, dims[d], dims[d], VECTOR_DOT);
            double before = 0;
            for (size_t rows = 1000; rows < 100000000; rows *= 2) {
                double all = vector_scan_ns(&c, rows, rows);
                assert_true(all > before);
                assert_true(vector_scan_ns(&c, rows, rows / 100) < all);
                assert_true(vector_scan_ns(&c, rows, rows / 1000) <=
                            vector_scan_ns(&c, rows, rows / 100));
                before = all;
            }
            size_t from = vector_graph_from_rows(&c);
            assert_true(vector_scan_ns(&c, from, from) > 10e6);
            assert_true(vector_scan_ns(&c, from - 1, from - 1) <= 10e6);
            if (d)
                assert_true(from <
                            vector_graph_from_rows(&(vector_codes){
                                .kind = c.kind, .dim = 64, .stride = vector_stride(c.kind, 64)}));
        }
}

static void small_segments_are_scanned_large_ones_walked(void **state)
{
    vector_reader r = {.dim = 384, .metric = VECTOR_COSINE, .has_graph = true};

    (void)state;
    r.graph.m = 16;
    r.codes = vector_codes_of(VECTOR_CODE_I8, 384, 384, VECTOR_COSINE);
    r.codes.rows = 500;
    assert_true(vector_plan_segment(&r, 500, 64, 0, 42).scan);
    r.codes.rows = 5000000;
    assert_false(vector_plan_segment(&r, 5000000, 64, 0, 42).scan);
    assert_false(vector_plan_segment(&r, 1000000, 64, 0, 42).scan);
    assert_true(vector_plan_segment(&r, 500, 64, 0, 42).scan);          /* of five million */
    assert_true(vector_plan_segment(&r, 5000000, 2000000, 0, 42).scan); /* a walk everywhere */
    r.has_graph = false;
    vector_plan p = vector_plan_segment(&r, 5000000, 64, 0, 42);
    assert_true(p.scan && isinf(p.index_ns));
    r.lists = (ivf_lists){.kind = IVF_SQ8, .rows = 5000000, .dim = 384, .n_lists = 8000};
    assert_false(vector_plan_segment(&r, 5000000, 64, 64, 42).scan);
    assert_true(vector_plan_segment(&r, 5000000, 64, 8000, 42).scan); /* all lists */
}

/* Why `auto` builds no inverted lists: wherever an index is built at all, a walk costs less than
 * reading the lists that give as good an answer. */
static void a_graph_beats_lists_where_an_index_is_built(void **state)
{
    static const uint32_t dims[] = {128, 384, 1024};

    (void)state;
    for (size_t d = 0; d < 3; d++) {
        vector_reader graph = {.dim = dims[d], .metric = VECTOR_COSINE, .has_graph = true};
        vector_reader lists = {.dim = dims[d], .metric = VECTOR_COSINE};
        graph.codes = vector_codes_of(VECTOR_CODE_I8, dims[d], dims[d], VECTOR_COSINE);
        for (double rows = (double)vector_graph_from_rows(&graph.codes); rows < 1e8; rows *= 2) {
            graph.codes.rows = (uint32_t)rows;
            graph.graph.m = 16;
            graph.walk = hnsw_walk_codes_of(&graph.codes);
            lists.codes = graph.codes;
            lists.lists = (ivf_lists){.kind = IVF_SQ8,
                                      .rows = graph.codes.rows,
                                      .dim = dims[d],
                                      .n_lists = (uint32_t)(4 * sqrt(rows))};
            size_t n = graph.codes.rows;
            double walk = vector_plan_segment(&graph, n, 64, 0, 42).index_ns,
                   read = vector_plan_segment(&lists, n, 64, 0, 42).index_ns;
            assert_true(walk < read);
        }
    }
}

/* A walk costs more the more candidates it keeps and the fewer rows may be returned. */
static void a_walk_costs_more_the_harder_it_is(void **state)
{
    vector_reader r = {.dim = 384, .metric = VECTOR_COSINE, .has_graph = true};
    double before = 0;

    (void)state;
    r.codes = vector_codes_of(VECTOR_CODE_I8, 384, 384, VECTOR_COSINE);
    r.codes.rows = 1000000;
    r.graph.m = 16;
    r.walk = hnsw_walk_codes_of(&r.codes);
    for (size_t ef = 16; ef <= 1024; ef *= 2) {
        double ns = vector_plan_segment(&r, 1000000, ef, 0, 42).index_ns;
        assert_true(ns > before);
        before = ns;
    }
    before = 0;
    for (size_t eligible = 500000; eligible >= 25000; eligible /= 2) {
        double ns = vector_plan_segment(&r, eligible, 64, 0, 42).index_ns;
        assert_true(isfinite(ns) && ns >= before);
        before = ns;
    }
    assert_true(isinf(vector_plan_segment(&r, 1000, 64, 0, 42).index_ns)); /* not to be walked */
}

/* Short codes are for rows that are scanned and long enough; who asks for a kind gets that. */
static void short_codes_are_for_scans(void **state)
{
    static const struct {
        vector_options o;
        size_t rows;
        uint32_t dim;
        vector_code_kind want;
    } cases[] = {
        {{.short_codes = true}, 1000, 384, VECTOR_CODE_I4},
        {{.short_codes = true}, 1000, 128, VECTOR_CODE_I4},
        {{.short_codes = true}, 1000, 127, VECTOR_CODE_I8},
        {{.short_codes = true}, 10000000, 384, VECTOR_CODE_I8}, /* a graph */
        {{.short_codes = true, .index = VECTOR_SCAN}, 10000000, 384, VECTOR_CODE_I4},
        {{.short_codes = true, .force = true}, 1000, 384, VECTOR_CODE_I8},
        {{.short_codes = true, .index = VECTOR_IVF_SQ8}, 10000000, 384, VECTOR_CODE_I8},
        {{.short_codes = true, .storage = VECTOR_I8}, 1000, 384, VECTOR_CODE_I8},
        {{.short_codes = true, .code_dim = 256}, 1000, 384, VECTOR_CODE_I8},
        {{.short_codes = true, .codes = VECTOR_CODE_B1}, 1000, 384, VECTOR_CODE_B1},
        {{.short_codes = false}, 1000, 384, VECTOR_CODE_I8},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        vector_options o = vector_options_effective(&cases[i].o);
        vector_codes c = vector_wants_codes(&o, cases[i].rows, cases[i].dim, VECTOR_COSINE);
        if (c.kind != cases[i].want)
            fail_msg("case %zu: codes of kind %d", i, (int)c.kind);
    }
}

/* Without a vector's neighbours a graph cannot find it: who does find it has scanned. */
static void the_search_does_as_planned(void **state)
{
    enum { ROWS = 3000, DIM = 16 };
    vector_options force = {.force = true};
    memory_sections mem = {0};
    section_sink sink = memory_sink(&mem);
    cairn_error err = {0};
    uint64_t seed = 5;
    vector_writer *w;
    float v[DIM], lost[DIM] = {0};

    (void)state;
    assert_int_equal(vector_writer_create(&w, DIM, VECTOR_COSINE, &force, &err), 0);
    for (int r = 0; r < ROWS; r++) {
        for (int i = 0; i < DIM; i++)
            v[i] = (float)(test_uniform(&seed) - 0.5);
        if (r == 1234)
            memcpy(lost, v, sizeof v);
        assert_int_equal(vector_writer_add(w, v, &err), 0);
    }
    assert_int_equal(vector_writer_finish(w, &sink, NULL, &err), 0);
    vector_writer_destroy(w);
    section_source source = memory_source(&mem);
    vector_reader *r;
    assert_int_equal(vector_reader_open(&r, &source, &err), 0);
    if (r->graph.entry == 1234)
        skip();
    memory_section *links = memory_get(&mem, "hnsw.link0"), *up = memory_get(&mem, "hnsw.up");
    for (int part = 0; part < 2; part++) {
        memory_section *s = part ? up : links;
        for (size_t i = 0; i + 4 <= s->len; i += 4) {
            uint32_t to;
            memcpy(&to, s->data + i, 4);
            if (to == 1234) {
                to = 0;
                memcpy(s->data + i, &to, 4);
            }
        }
    }
    vector_segment seg = {r, NULL, NULL};
    vector_hit hits[1];
    size_t n;
    vector_plan plan = vector_plan_segment(r, ROWS, VECTOR_EF, 0, 33);
    assert_int_equal(vector_search(&seg, 1, lost, DIM, 1, NULL, NULL, hits, &n, &err), 0);
    assert_true((n == 1 && hits[0].row == 1234) == plan.scan);
    vector_params p = {.ef = 64, .no_scan = true};
    assert_int_equal(vector_search(&seg, 1, lost, DIM, 1, &p, NULL, hits, &n, &err), 0);
    assert_true(n == 1 && hits[0].row != 1234);
    p = (vector_params){.no_graph = true};
    assert_int_equal(vector_search(&seg, 1, lost, DIM, 1, &p, NULL, hits, &n, &err), 0);
    assert_true(n == 1 && hits[0].row == 1234);
    vector_reader_close(r);
    memory_clear(&mem);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(costs_are_there_for_every_level),
        cmocka_unit_test(a_scan_costs_more_the_more_it_reads),
        cmocka_unit_test(small_segments_are_scanned_large_ones_walked),
        cmocka_unit_test(a_graph_beats_lists_where_an_index_is_built),
        cmocka_unit_test(a_walk_costs_more_the_harder_it_is),
        cmocka_unit_test(short_codes_are_for_scans),
        cmocka_unit_test(the_search_does_as_planned),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
