/* test_model.c - random adds, deletes, merges, filters and reopens of vector segments against a
 * plain array of the same vectors. The array says what is alive and what the exact answer is;
 * whatever happened before, the exact search must give just that, the approximate one a floor of
 * it, and no segment may break an invariant. CAIRN_SEED= replays a run. Also: what merges make of
 * damaged graphs. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "index/vector/vector_format.h"
#include "tests/index/vector/memory_sections.h"

#define DIM      24u
#define MOST     12000u /* vectors ever made */
#define SEGMENTS 8u

#ifdef CAIRN_SANITIZED
#define STEPS 60
#else
#define STEPS 220
#endif

static uint64_t rng;

typedef struct segment {
    memory_sections mem;
    section_source source;
    vector_reader *reader;
    uint32_t *id; /* [rows] index into the array */
    uint64_t *deleted, *allowed;
} segment;

typedef struct model {
    vector_metric metric;
    float (*v)[DIM]; /* [MOST] as given */
    uint8_t *alive;
    uint32_t n;
    segment seg[SEGMENTS];
    size_t n_seg;
    pool *workers;
    double recall, walk_recall;
    size_t searches, walks;
} model;

static void make_vector(float *v)
{
    uint64_t centre = 7 + test_random(&rng) % 30;

    for (uint32_t i = 0; i < DIM; i++)
        v[i] = (float)(test_uniform(&centre) - 0.5 + 1.2 * (test_uniform(&rng) - 0.5));
}

static double score(vector_metric metric, const float *a, const float *b)
{
    double dot = 0, aa = 0, bb = 0;

    for (uint32_t i = 0; i < DIM; i++) {
        dot += (double)a[i] * b[i];
        aa += (double)a[i] * a[i];
        bb += (double)b[i] * b[i];
    }
    if (metric == VECTOR_COSINE)
        return dot / sqrt(aa * bb);
    return metric == VECTOR_DOT ? dot : 2 * dot - aa - bb; /* L2: minus the squared distance */
}

/* ---- segments ---- */

static void open_segment(segment *s, bool mended)
{
    cairn_error err = {0};
    uint32_t unreachable;

    s->source = memory_source(&s->mem);
    if (vector_reader_open(&s->reader, &s->source, &err) || vector_verify(s->reader, &err))
        fail_msg("%s", err.text);
    assert_int_equal(vector_count_unreachable(s->reader, NULL, &unreachable, &err), CAIRN_OK);
    assert_true(!mended || unreachable == 0);
    size_t words = row_set_words(vector_reader_rows(s->reader));
    s->deleted = calloc(words, sizeof *s->deleted);
    s->allowed = calloc(words, sizeof *s->allowed);
    assert_true(s->deleted && s->allowed);
}

static void drop_segment(segment *s)
{
    vector_reader_close(s->reader);
    memory_clear(&s->mem);
    free(s->id);
    free(s->deleted);
    free(s->allowed);
    memset(s, 0, sizeof *s);
}

static vector_options random_options(void)
{
    return (vector_options){.force = test_random(&rng) % 3 != 0,
                            .hnsw_from_rows = SIZE_MAX,
                            .m = 8,
                            .ef_construction = 60,
                            .rebuild = test_random(&rng) % 6 == 0};
}

static void add_rows(model *m)
{
    uint32_t rows = 1 + (uint32_t)(test_random(&rng) % (test_random(&rng) % 4 ? 150 : 1200));
    vector_options o = random_options();
    cairn_error err = {0};
    vector_writer *w;

    if (m->n_seg == SEGMENTS || m->n + rows > MOST)
        return;
    segment *s = &m->seg[m->n_seg++];
    section_sink sink = memory_sink(&s->mem);
    s->id = calloc(rows, sizeof *s->id);
    assert_non_null(s->id);
    assert_int_equal(vector_writer_create(&w, DIM, m->metric, &o, &err), CAIRN_OK);
    for (uint32_t r = 0; r < rows; r++) {
        make_vector(m->v[m->n]);
        m->alive[m->n] = 1;
        s->id[r] = m->n++;
        assert_int_equal(vector_writer_add(w, m->v[s->id[r]], &err), CAIRN_OK);
    }
    if (vector_writer_finish(w, &sink, test_random(&rng) % 2 ? m->workers : NULL, &err))
        fail_msg("%s", err.text);
    vector_writer_destroy(w);
    open_segment(s, true);
}

static void delete_rows(model *m)
{
    if (!m->n_seg)
        return;
    segment *s = &m->seg[test_random(&rng) % m->n_seg];
    double share = test_random(&rng) % 8 ? 0.3 * test_uniform(&rng) : 1;

    for (uint32_t r = 0; r < vector_reader_rows(s->reader); r++)
        if (test_uniform(&rng) < share) {
            s->deleted[r >> 6] |= (uint64_t)1 << (r & 63);
            m->alive[s->id[r]] = 0;
        }
}

/* Join `n` segments from `first` on. */
static void merge_rows(model *m)
{
    size_t n = m->n_seg ? 1 + test_random(&rng) % m->n_seg : 0, live = 0;
    size_t first = n ? test_random(&rng) % (m->n_seg - n + 1) : 0;
    vector_options o = random_options();
    vector_merge_input in[SEGMENTS];
    cairn_error err = {0};
    segment out = {0};

    if (!n)
        return;
    out.id = calloc(m->n + 1, sizeof *out.id);
    assert_non_null(out.id);
    for (size_t i = 0; i < n; i++) {
        const segment *s = &m->seg[first + i];
        in[i] = (vector_merge_input){s->reader, s->deleted};
        for (uint32_t r = 0; r < vector_reader_rows(s->reader); r++)
            if (!row_set_has(s->deleted, r))
                out.id[live++] = s->id[r];
    }
    section_sink sink = memory_sink(&out.mem);
    if (vector_merge(in, n, &o, &sink, test_random(&rng) % 2 ? m->workers : NULL, &err))
        fail_msg("%s", err.text);
    for (size_t i = 0; i < n; i++)
        drop_segment(&m->seg[first + i]);
    memmove(&m->seg[first + 1], &m->seg[first + n], (m->n_seg - first - n) * sizeof *m->seg);
    memset(&m->seg[m->n_seg - n + 1], 0, (n - 1) * sizeof *m->seg);
    m->n_seg -= n - 1;
    m->seg[first] = out;
    open_segment(&m->seg[first], true);
    assert_int_equal(vector_reader_rows(m->seg[first].reader), live);
    for (size_t i = 0; i < m->n_seg; i++) /* they moved: their sources pointed into them */
        m->seg[i].source = memory_source(&m->seg[i].mem);
}

static void reopen(model *m)
{
    cairn_error err = {0};

    for (size_t i = 0; i < m->n_seg; i++) {
        segment *s = &m->seg[i];
        vector_reader_close(s->reader);
        s->source = memory_source(&s->mem);
        assert_int_equal(vector_reader_open(&s->reader, &s->source, &err), CAIRN_OK);
        assert_int_equal(vector_verify(s->reader, &err), CAIRN_OK);
    }
}

/* ---- searches ---- */

static void draw_filter(model *m, double share)
{
    for (size_t i = 0; i < m->n_seg; i++) {
        segment *s = &m->seg[i];
        uint32_t rows = vector_reader_rows(s->reader);
        memset(s->allowed, 0, row_set_words(rows) * sizeof *s->allowed);
        for (uint32_t r = 0; r < rows; r++)
            if (test_uniform(&rng) < share)
                s->allowed[r >> 6] |= (uint64_t)1 << (r & 63);
    }
}

static int falling(const void *pa, const void *pb)
{
    double a = *(const double *)pa, b = *(const double *)pb;

    return (a < b) - (a > b);
}

/* The scores of the k best of the array, best first; returns how many. */
static size_t plain_best(const model *m, const float *q, bool filtered, size_t k, double *best)
{
    double *all = malloc((m->n + 1) * sizeof *all);
    size_t n = 0;

    assert_non_null(all);
    for (size_t i = 0; i < m->n_seg; i++)
        for (uint32_t r = 0; r < vector_reader_rows(m->seg[i].reader); r++)
            if (m->alive[m->seg[i].id[r]] && (!filtered || row_set_has(m->seg[i].allowed, r)))
                all[n++] = score(m->metric, q, m->v[m->seg[i].id[r]]);
    qsort(all, n, sizeof *all, falling);
    n = n < k ? n : k;
    memcpy(best, all, n * sizeof *best);
    free(all);
    return n;
}

static void check_hits(const model *m, const float *q, bool filtered, const vector_hit *hits,
                       size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const segment *s = &m->seg[hits[i].segment];
        assert_true(m->alive[s->id[hits[i].row]]);
        assert_true(!filtered || row_set_has(s->allowed, hits[i].row));
        double want = score(m->metric, q, m->v[s->id[hits[i].row]]);
        if (fabs(want - hits[i].score) > 1e-4 * (1 + fabs(want)))
            fail_msg("score %g, the array says %g", hits[i].score, want);
        for (size_t j = 0; j < i; j++)
            assert_false(hits[j].segment == hits[i].segment && hits[j].row == hits[i].row);
    }
}

static void search(model *m)
{
    static const double shares[] = {0.9, 0.5, 0.2, 0.03, 0};
    size_t k = 1 + test_random(&rng) % 20, n, n_again, n_want, found = 0;
    bool filtered = test_random(&rng) % 2;
    vector_segment seg[SEGMENTS];
    vector_hit hits[20], again[20];
    double want[20];
    cairn_error err = {0};
    float q[DIM];

    make_vector(q);
    if (filtered)
        draw_filter(m, shares[test_random(&rng) % 5]);
    for (size_t i = 0; i < m->n_seg; i++)
        seg[i] = (vector_segment){m->seg[i].reader, m->seg[i].deleted,
                                  filtered ? m->seg[i].allowed : NULL};
    n_want = plain_best(m, q, filtered, k, want);
    if (vector_search_exact(seg, m->n_seg, q, DIM, k, m->workers, hits, &n, &err))
        fail_msg("%s", err.text);
    assert_int_equal(n, n_want);
    check_hits(m, q, filtered, hits, n);
    for (size_t i = 0; i < n; i++)
        if (fabs(want[i] - hits[i].score) > 1e-4 * (1 + fabs(want[i])))
            fail_msg("exact hit %zu scores %g, the array has %g", i, hits[i].score, want[i]);
    if (vector_search(seg, m->n_seg, q, DIM, k, NULL, m->workers, hits, &n, &err) ||
        vector_search(seg, m->n_seg, q, DIM, k, NULL, NULL, again, &n_again, &err))
        fail_msg("%s", err.text);
    assert_int_equal(n, n_want); /* a filter never makes results disappear */
    assert_int_equal(n_again, n);
    assert_memory_equal(hits, again, n * sizeof *hits); /* any number of threads */
    check_hits(m, q, filtered, hits, n);
    if (!n_want)
        return;
    for (size_t i = 0; i < n; i++)
        found += hits[i].score >= want[n_want - 1] - 1e-4 * (1 + fabs(want[n_want - 1]));
    m->recall += (double)found / (double)n_want;
    m->searches++;
}

/* The filtered walk by itself: vector_search would scan segments of this size. */
static void walk(model *m)
{
    uint8_t code[64 * 4];
    vector_query q = {.code = (int8_t *)code};
    hnsw_candidate got[40], want[10];
    hnsw_search_stats stats;
    cairn_error err = {0};
    size_t n, n_want = 0, found = 0, eligible = 0;

    if (!m->n_seg)
        return;
    const segment *s = &m->seg[test_random(&rng) % m->n_seg];
    const vector_reader *r = s->reader;
    if (!r->has_graph)
        return;
    draw_filter(m, 0.1 + 0.9 * test_uniform(&rng));
    vector_query_of_row(&r->codes, (uint32_t)(test_random(&rng) % r->codes.rows), &q);
    for (uint32_t row = 0; row < r->codes.rows; row++) {
        if (row_set_has(s->deleted, row) || !row_set_has(s->allowed, row))
            continue;
        hnsw_candidate x = {vector_score_row(vector_kernels_get(), &r->codes, &q, row), row};
        eligible++;
        size_t at = n_want < 10 ? n_want++ : 10;
        if (at == 10 && x.score <= want[9].score)
            continue;
        for (at = at == 10 ? 9 : at; at && want[at - 1].score < x.score; at--)
            want[at] = want[at - 1];
        want[at] = x;
    }
    if (hnsw_search_filtered(&r->graph, &r->codes, &q, 40, s->deleted, s->allowed, eligible, 0, got,
                             &n, &stats, &err))
        fail_msg("%s", err.text);
    for (size_t i = 0; i < n; i++) {
        assert_false(row_set_has(s->deleted, got[i].row));
        assert_true(row_set_has(s->allowed, got[i].row));
        assert_true(i == 0 || got[i - 1].score >= got[i].score);
        found += n_want && got[i].score >= want[n_want - 1].score;
    }
    if (!n_want)
        return;
    m->walk_recall += (double)(found < n_want ? found : n_want) / (double)n_want;
    m->walks++;
}

static void random_steps(vector_metric metric)
{
    cairn_error err = {0};
    model m = {.metric = metric, .v = calloc(MOST, sizeof *m.v), .alive = calloc(MOST, 1)};

    assert_true(m.v && m.alive);
    assert_int_equal(pool_create(&m.workers, 3, &err), CAIRN_OK);
    for (int step = 0; step < STEPS; step++) {
        switch (test_random(&rng) % 8) {
        case 0:
        case 1:
            add_rows(&m);
            break;
        case 2:
            delete_rows(&m);
            break;
        case 3:
            merge_rows(&m);
            break;
        case 4:
            reopen(&m);
            break;
        case 5:
            walk(&m);
            walk(&m);
            break;
        default:
            search(&m);
        }
    }
    print_message("%zu searches, recall %.4f; %zu walks, recall %.4f; %u vectors\n", m.searches,
                  m.recall / (double)m.searches, m.walks, m.walk_recall / (double)m.walks, m.n);
    assert_true(m.searches > STEPS / 20);
    assert_true(m.recall >= 0.97 * (double)m.searches);
    assert_true(m.walk_recall >= 0.9 * (double)m.walks);
    for (size_t i = 0; i < m.n_seg; i++)
        drop_segment(&m.seg[i]);
    pool_destroy(m.workers);
    free(m.v);
    free(m.alive);
}

static void cosine_against_an_array(void **state)
{
    random_steps(VECTOR_COSINE);
}

static void dot_against_an_array(void **state)
{
    random_steps(VECTOR_DOT);
}

static void distance_against_an_array(void **state)
{
    random_steps(VECTOR_L2);
}

/* ---- merges and graphs ---- */

/* A segment of `rows` rows, with a graph of m 16 or without. */
static void make_segment(segment *s, int rows, bool graph)
{
    vector_options o = {.force = graph, .hnsw_from_rows = SIZE_MAX, .m = 16, .ef_construction = 40};
    section_sink sink = memory_sink(&s->mem);
    cairn_error err = {0};
    vector_writer *w;
    float v[DIM];

    assert_int_equal(vector_writer_create(&w, DIM, VECTOR_COSINE, &o, &err), CAIRN_OK);
    for (int r = 0; r < rows; r++) {
        make_vector(v);
        assert_int_equal(vector_writer_add(w, v, &err), CAIRN_OK);
    }
    assert_int_equal(vector_writer_finish(w, &sink, NULL, &err), CAIRN_OK);
    vector_writer_destroy(w);
    open_segment(s, true);
    assert_int_equal(vector_reader_has_graph(s->reader), graph);
}

static void graph_segment(segment *s)
{
    make_segment(s, 600, true);
}

static void merge_two(const segment *a, const segment *b, bool rebuild, segment *out)
{
    vector_options o = {.force = true, .m = 16, .ef_construction = 40, .rebuild = rebuild};
    vector_merge_input in[2] = {{a->reader, a->deleted}, {b->reader, b->deleted}};
    section_sink sink = memory_sink(&out->mem);
    cairn_error err = {0};

    if (vector_merge(in, 2, &o, &sink, NULL, &err))
        fail_msg("%s", err.text);
    open_segment(out, true);
}

static bool same_links(const segment *a, const segment *b)
{
    const hnsw_graph *g = &a->reader->graph, *h = &b->reader->graph;

    return g->rows == h->rows && g->m == h->m &&
           !memcmp(g->link0, h->link0, (size_t)g->rows * 2 * g->m * sizeof *g->link0);
}

/* A quarter of the rows is replaced again and again. The graph says how many rows were taken out of
 * it, a merge that only adds rows changes nothing about that, and the merge that wears it out gives
 * just the graph that building afresh gives. */
static void merges_build_a_worn_graph_afresh(void **state)
{
    uint32_t removed = 0, afresh = 0;
    segment now = {0}, more = {0};

    make_segment(&now, 400, true);
    assert_int_equal(now.reader->graph.removed, 0);
    for (int round = 1; round <= 40; round++) {
        segment merged = {0}, rebuilt = {0};
        uint32_t rows = vector_reader_rows(now.reader), dead = round % 10 == 0 ? 0 : rows / 4;
        make_segment(&more, (int)dead + 10, false);
        for (uint32_t n = 0; n < dead;) {
            uint32_t r = (uint32_t)(test_random(&rng) % rows);
            n += !row_set_has(now.deleted, r);
            now.deleted[r >> 6] |= (uint64_t)1 << (r & 63);
        }
        merge_two(&now, &more, false, &merged);
        merge_two(&now, &more, true, &rebuilt);
        assert_int_equal(rebuilt.reader->graph.removed, 0);
        bool worn = hnsw_is_worn(&now.reader->graph, dead, rows + 10);
        removed = worn ? 0 : removed + dead;
        afresh += worn;
        assert_int_equal(merged.reader->graph.removed, removed);
        assert_int_equal(same_links(&merged, &rebuilt), worn);
        drop_segment(&rebuilt);
        drop_segment(&more);
        drop_segment(&now);
        now = merged;
        now.source = memory_source(&now.mem);
    }
    drop_segment(&now);
    assert_in_range(afresh, 1, 3);
}

/* Past its largest value the count stays there. */
static void a_count_of_removed_rows_does_not_wrap(void **state)
{
    hnsw_graph g = {.rows = 100, .removed = UINT32_MAX - 5};

    assert_true(hnsw_is_worn(&g, 10, 100));
    g.removed = 0;
    assert_false(hnsw_is_worn(&g, 100, 100));
    assert_true(hnsw_is_worn(&g, 100, 20));
    g.removed = UINT32_MAX;
    assert_false(hnsw_is_worn(&g, 0, 1)); /* rows are only added: nothing gets worse */
}

/* A merge copies the walk codes of the rows whose codes it copies, and makes the others': under
 * whatever kinds of old and new segments, deleted rows among them, they belong to the codes. */
static void merges_keep_walk_codes_true(void **state)
{
    enum { WIDE = 160, ROWS = 300 };
    static const vector_options kinds[] = {
        {.storage = VECTOR_F32},
        {.storage = VECTOR_F16},
        {.storage = VECTOR_F32, .codes = VECTOR_CODE_I4},
        {.storage = VECTOR_F32, .code_dim = 144},
    };
    const size_t n = sizeof kinds / sizeof *kinds;
    cairn_error err = {0};

    for (size_t at = 0; at < n * n; at++) {
        vector_options from = kinds[at / n], to = kinds[at % n];
        segment old = {0}, out = {0};
        section_sink sink = memory_sink(&old.mem);
        uint64_t dead[(ROWS + 63) / 64] = {0x8000000000000001u, 0xff00, 0, 1, 2};
        vector_writer *w;
        float v[WIDE];

        from.force = to.force = true;
        from.m = to.m = 8;
        from.ef_construction = to.ef_construction = 32;
        assert_int_equal(vector_writer_create(&w, WIDE, VECTOR_COSINE, &from, &err), CAIRN_OK);
        for (uint32_t r = 0; r < ROWS; r++) {
            for (uint32_t i = 0; i < WIDE; i++)
                v[i] = (float)(test_uniform(&rng) - 0.5);
            assert_int_equal(vector_writer_add(w, v, &err), CAIRN_OK);
        }
        assert_int_equal(vector_writer_finish(w, &sink, NULL, &err), CAIRN_OK);
        vector_writer_destroy(w);
        old.source = memory_source(&old.mem);
        assert_int_equal(vector_reader_open(&old.reader, &old.source, &err), CAIRN_OK);
        vector_merge_input in[2] = {{old.reader, dead}, {old.reader, NULL}};
        sink = memory_sink(&out.mem);
        assert_int_equal(vector_merge(in, 2, &to, &sink, NULL, &err), CAIRN_OK);
        out.source = memory_source(&out.mem);
        assert_int_equal(vector_reader_open(&out.reader, &out.source, &err), CAIRN_OK);
        assert_true(vector_reader_has_graph(out.reader));
        if (vector_verify(out.reader, &err))
            fail_msg("kind %zu to %zu: %s", at / n, at % n, err.text);
        drop_segment(&old);
        drop_segment(&out);
    }
}

/* ---- damaged graphs ---- */

/* Any bytes of the graph may be wrong: a merge keeps such a graph only when its lists are whole,
 * says so when they are not, and does without it when told to. It always ends. */
static void merges_refuse_broken_graphs(void **state)
{
    uint64_t some_deleted[10] = {0x1111, 0, 0xff00};
    cairn_error err = {0};
    segment s = {0};
    int refused = 0, taken = 0;

    graph_segment(&s);
    for (int round = 0; round < 200; round++) {
        size_t at;
        do
            at = test_random(&rng) % s.mem.n;
        while (strncmp(s.mem.at[at].name, "hnsw.", 5) != 0 || !s.mem.at[at].len);
        memory_section *part = &s.mem.at[at], whole = *part;
        uint8_t *copy = checked_aligned(whole.len, 1);
        assert_non_null(copy);
        memcpy(copy, whole.data, whole.len);
        for (int c = 1 + (int)(test_random(&rng) % 6); c > 0; c--)
            copy[test_random(&rng) % whole.len] = (uint8_t)test_random(&rng);
        part->data = copy;
        vector_reader *r = NULL;
        if (vector_reader_open(&r, &s.source, &err) == CAIRN_OK) {
            vector_merge_input in = {r, some_deleted};
            vector_options o = {.force = true, .m = 16, .ef_construction = 40};
            memory_sections out = {0};
            section_sink sink = memory_sink(&out);
            cairn_status st = vector_merge(&in, 1, &o, &sink, NULL, &err);
            /* A worn graph is not looked at. */
            if (hnsw_is_worn(&r->graph, 12, r->graph.rows - 12))
                assert_int_equal(st, CAIRN_OK);
            else
                assert_int_equal(st, hnsw_verify_lists(&r->graph, NULL, NULL));
            assert_true(st == CAIRN_OK || st == CAIRN_ECORRUPT);
            refused += st == CAIRN_ECORRUPT;
            taken += st == CAIRN_OK;
            memory_clear(&out);
            o.rebuild = true;
            sink = memory_sink(&out);
            if (round % 10 == 0) {
                assert_int_equal(vector_merge(&in, 1, &o, &sink, NULL, &err), CAIRN_OK);
                section_source source = memory_source(&out);
                vector_reader *again;
                assert_int_equal(vector_reader_open(&again, &source, &err), CAIRN_OK);
                if (vector_verify(again, &err))
                    fail_msg("%s", err.text);
                vector_reader_close(again);
                memory_clear(&out);
            }
        }
        vector_reader_close(r);
        *part = whole;
        free(copy);
    }
    print_message("%d broken graphs refused, %d changed ones taken\n", refused, taken);
    assert_true(refused > 20);
    drop_segment(&s);
}

/* Links to some rows are gone: the lists are whole, the rows are out of reach, a merge brings them
 * back. */
static void merges_connect_rows_out_of_reach(void **state)
{
    cairn_error err = {0};
    segment s = {0}, out = {0};
    uint32_t n, first;

    graph_segment(&s);
    uint32_t *link0 = (uint32_t *)memory_get(&s.mem, "hnsw.link0")->data;
    for (uint32_t r = 0; r < 600; r++)
        for (uint32_t i = 0, kept = 0; i < 32; i++) {
            uint32_t to = link0[r * 32 + i];
            link0[r * 32 + i] = HNSW_NONE;
            if (to != HNSW_NONE && to % 7 != 0)
                link0[r * 32 + kept++] = to;
        }
    assert_int_equal(hnsw_count_unreachable(&s.reader->graph, NULL, &n, &first, &err), CAIRN_OK);
    assert_in_range(n, 80, 86);
    assert_int_equal(first % 7, 0);
    uint64_t gone[10] = {0};
    for (uint32_t r = 0; r < 600; r += 7)
        gone[r >> 6] |= (uint64_t)1 << (r & 63);
    assert_int_equal(vector_count_unreachable(s.reader, gone, &n, &err), CAIRN_OK);
    assert_int_equal(n, 0); /* nobody misses deleted rows */
    assert_int_equal(vector_verify(s.reader, &err), CAIRN_ECORRUPT);
    assert_non_null(strstr(err.text, "(I6)"));
    vector_options o = vector_options_of(s.reader);
    assert_true(o.force && o.m == 16);
    vector_merge_input in = {s.reader, NULL};
    section_sink sink = memory_sink(&out.mem);
    assert_int_equal(vector_merge(&in, 1, &o, &sink, NULL, &err), CAIRN_OK);
    open_segment(&out, true);
    assert_int_equal(vector_reader_rows(out.reader), 600);
    drop_segment(&out);
    drop_segment(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cosine_against_an_array),
        cmocka_unit_test(dot_against_an_array),
        cmocka_unit_test(distance_against_an_array),
        cmocka_unit_test(merges_build_a_worn_graph_afresh),
        cmocka_unit_test(a_count_of_removed_rows_does_not_wrap),
        cmocka_unit_test(merges_keep_walk_codes_true),
        cmocka_unit_test(merges_refuse_broken_graphs),
        cmocka_unit_test(merges_connect_rows_out_of_reach),
    };

    rng = test_seed();
    print_message("CAIRN_SEED=%llu\n", (unsigned long long)rng);
    return cmocka_run_group_tests_name("vectors against an array", tests, NULL, NULL);
}
