/* bench_ann_filter.c - filtered vector search and one round of deletes and inserts, on the inputs
 * of the peers' script peer_ann_filter.py and with its keys.
 *
 *   bench_ann_filter --data DIR [--masks DIR] [--nq 500] [--M 24] [--efc 200] [--ef N ...]
 *                    [--repeats 3] [--filter NAME] [--no-churn] [--cache DIR] [--out FILE]
 *
 * DIR holds base.npy, queries.npy and extra.npy. Filters: 50, 10, 1 and 0.1 % of the rows at random
 * ("50%" ...), and "corr1%", the hundredth of the rows nearest to one of them. --masks names a
 * folder with the very masks of the peers' script as mask.50.npy, mask.10.npy, mask.1.npy,
 * mask.0.1.npy and mask.corr1.npy (uint8, a byte a row); without it masks are drawn here. --ef 0
 * leaves the choice to the search. --cache keeps the built segment in a folder.
 *
 * Churn as there: 30 % of the rows deleted at random ("deleted30": the segment with tombstones),
 * then as many new rows added by a merge ("deleted30_inserted30"). bench_churn does it ten times
 * over. */
#include "bench/bench_vectors.h"

#include <math.h>

typedef struct bench {
    matrix base, queries, extra;
    size_t nq, efs[32], n_efs;
    uint32_t m, efc;
    int repeats;
    double build_s, build_cpu_s;
    memory_sections mem;
    section_source source;
    vector_reader *reader;
    pool *workers;
    const char *masks, *cache;
} bench;

static vector_options options_of(const bench *b)
{
    return (vector_options){.m = b->m, .ef_construction = b->efc, .force = true};
}

/* A segment of rows[0, n); `graph` false: without a graph. */
static void build(const bench *b, const matrix *rows, bool graph, memory_sections *mem)
{
    vector_options o = options_of(b);
    section_sink sink = memory_sink(mem);
    vector_writer *w;

    o.force = graph;
    o.hnsw_from_rows = SIZE_MAX;
    must(vector_writer_create(&w, (uint32_t)rows->d, VECTOR_COSINE, &o, &bench_error), "writer");
    for (size_t i = 0; i < rows->n; i++)
        must(vector_writer_add(w, row_of(rows, i), &bench_error), "add");
    must(vector_writer_finish(w, &sink, b->workers, &bench_error), "finish");
    vector_writer_destroy(w);
}

static void measure(bench *b, const vector_segment *seg, size_t n_seg, const char *what,
                    const char *name, const char *more)
{
    vector_hit *truth = bench_truth(seg, n_seg, &b->queries, b->nq);

    for (size_t e = 0; e < b->n_efs; e++) {
        size_t ef = b->efs[e];
        bench_run r = {.segments = seg,
                       .n_segments = n_seg,
                       .queries = &b->queries,
                       .nq = b->nq,
                       .params = {.ef = ef, .rescore = ef && ef < 42 ? ef : 0}};
        bench_speed s = bench_time(&r, truth, b->repeats);
        emit("{\"bench\": \"ann_filter\", \"peer\": \"cairn\", \"n\": %zu, \"dim\": %zu, "
             "\"M\": %u, \"efc\": %u, \"build_s\": %.1f, \"build_cpu_s\": %.1f, \"%s\": \"%s\", "
             "\"ef\": %zu, \"via\": \"bitset\", \"recall10\": %.4f, \"qps1\": %.1f, "
             "\"qps1_cpu\": %.1f, \"qps1_best\": %.1f, \"p99_us\": %.1f%s}",
             b->base.n, b->base.d, b->m, b->efc, b->build_s, b->build_cpu_s, what, name, ef,
             s.recall10, s.qps1, s.qps1_cpu, s.qps1_best, s.p99_us, more);
    }
    free(truth);
}

/* ---- filters ---- */

typedef struct near_row {
    float score;
    uint32_t row;
} near_row;

static int nearest_first(const void *pa, const void *pb)
{
    const near_row *a = pa, *b = pb;

    return a->score != b->score ? (a->score < b->score ? 1 : -1) : a->row < b->row ? -1 : 1;
}

/* The share of the rows at random, or for a negative share the nearest to one row. */
static uint64_t *draw_mask(const bench *b, double share)
{
    size_t n = b->base.n, want = (size_t)((double)n * fabs(share));
    uint64_t *bits = bench_bits(n), state = 5;

    if (share > 0) {
        for (size_t have = 0; have < want;) {
            size_t r = test_random(&state) % n;
            if (!row_set_has(bits, (uint32_t)r)) {
                bench_set(bits, r);
                have++;
            }
        }
        return bits;
    }
    near_row *all = room(n, sizeof *all);
    float *centre = room(b->base.d, sizeof *centre);
    vector_reader_get(b->reader, (uint32_t)(test_random(&state) % n), centre);
    for (uint32_t r = 0; r < n; r++)
        all[r] = (near_row){vector_reader_score(b->reader, r, centre), r};
    qsort(all, n, sizeof *all, nearest_first);
    for (size_t i = 0; i < want; i++)
        bench_set(bits, all[i].row);
    free(all);
    free(centre);
    return bits;
}

static uint64_t *get_mask(const bench *b, const char *name, double share)
{
    char file[64];
    size_t len = strlen(name);

    if (!b->masks)
        return draw_mask(b, share);
    snprintf(file, sizeof file, "mask.%.*s.npy", (int)(len - 1), name); /* without the % */
    matrix m = bench_npy(b->masks, file, "|u1", 1, false);
    if (m.n != b->base.n || m.d != 1) {
        fprintf(stderr, "bench: %s does not belong to these vectors\n", file);
        exit(1);
    }
    uint64_t *bits = bench_bits(m.n);
    for (size_t r = 0; r < m.n; r++)
        if (((const uint8_t *)m.data)[r])
            bench_set(bits, r);
    free(m.data);
    return bits;
}

static void one_filter(bench *b, const char *name, double share)
{
    uint64_t *allowed = get_mask(b, name, share);
    vector_segment seg = {b->reader, NULL, allowed};

    measure(b, &seg, 1, "filter", name, "");
    free(allowed);
}

static void filters(bench *b, const char *only)
{
    static const struct {
        const char *name;
        double share;
    } filter[] = {{"50%", 0.5}, {"10%", 0.1}, {"1%", 0.01}, {"0.1%", 0.001}, {"corr1%", -0.01}};

    for (size_t f = 0; f < sizeof filter / sizeof *filter; f++)
        if (!only || !strcmp(only, filter[f].name)) {
            one_filter(b, filter[f].name, filter[f].share);
            only = only ? "" : NULL; /* done */
        }
    if (only && *only) { /* a share of one's own: "3%", "corr5%" */
        bool near = !strncmp(only, "corr", 4);
        double share = atof(near ? only + 4 : only) / 100;
        b->masks = NULL;
        if (share > 0 && share <= 1)
            one_filter(b, only, near ? -share : share);
    }
}

/* ---- churn ---- */

static void churn(bench *b)
{
    size_t n = b->base.n;
    uint64_t *dead = bench_bits(n), state = 9;
    vector_segment seg = {b->reader, NULL, NULL};
    memory_sections fresh = {0}, merged = {0};
    vector_reader *added, *joined;
    char more[128];

    for (size_t have = 0; have < n * 3 / 10;) {
        size_t r = test_random(&state) % n;
        have += !row_set_has(dead, (uint32_t)r);
        bench_set(dead, r);
    }
    measure(b, &seg, 1, "churn", "before", "");
    seg.deleted = dead;
    measure(b, &seg, 1, "churn", "deleted30", ", \"delete_s\": 0");
    build(b, &b->extra, false, &fresh);
    section_source source = memory_source(&fresh), out = memory_source(&merged);
    must(vector_reader_open(&added, &source, &bench_error), "open");
    vector_merge_input in[2] = {{b->reader, dead}, {added, NULL}};
    vector_options o = options_of(b);
    section_sink sink = memory_sink(&merged);
    double cpu = bench_process_cpu_s();
    int64_t wall = clock_mono_ns();
    must(vector_merge(in, 2, &o, &sink, b->workers, &bench_error), "merge");
    snprintf(more, sizeof more, ", \"delete_s\": 0, \"insert_s\": %.2f, \"insert_cpu_s\": %.2f",
             (double)(clock_mono_ns() - wall) / 1e9, bench_process_cpu_s() - cpu);
    must(vector_reader_open(&joined, &out, &bench_error), "open");
    seg = (vector_segment){joined, NULL, NULL};
    measure(b, &seg, 1, "churn", "deleted30_inserted30", more);
    vector_reader_close(added);
    vector_reader_close(joined);
    memory_clear(&fresh);
    memory_clear(&merged);
    free(dead);
}

int main(int argc, char **argv)
{
    bench b = {.repeats = 3, .m = 24, .efc = 200, .nq = 500};
    const char *data = NULL, *only = NULL;
    bool no_churn = false;

    for (int i = 1; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : "";
        if (!strcmp(argv[i], "--data"))
            data = value;
        else if (!strcmp(argv[i], "--masks"))
            b.masks = value;
        else if (!strcmp(argv[i], "--cache"))
            b.cache = value;
        else if (!strcmp(argv[i], "--filter"))
            only = value;
        else if (!strcmp(argv[i], "--M"))
            b.m = (uint32_t)atoi(value);
        else if (!strcmp(argv[i], "--efc"))
            b.efc = (uint32_t)atoi(value);
        else if (!strcmp(argv[i], "--nq"))
            b.nq = (size_t)atoi(value);
        else if (!strcmp(argv[i], "--repeats"))
            b.repeats = atoi(value);
        else if (!strcmp(argv[i], "--out"))
            bench_out = fopen(value, "a");
        else if (!strcmp(argv[i], "--no-churn")) {
            no_churn = true;
            continue;
        } else if (!strcmp(argv[i], "--ef")) {
            for (; b.n_efs < 32 && i + 1 < argc && argv[i + 1][0] != '-'; i++)
                b.efs[b.n_efs++] = (size_t)atoi(argv[i + 1]);
            continue;
        } else
            data = NULL, i = argc;
        i++;
    }
    if (!data) {
        fprintf(stderr,
                "usage: bench_ann_filter --data DIR [--masks DIR] [--filter NAME] [--nq 500] "
                "[--M 24] [--efc 200] [--ef N ...] [--repeats 3] [--no-churn] "
                "[--cache DIR] [--out FILE]\n");
        return 2;
    }
    if (!b.n_efs) {
        static const size_t usual[] = {0, 32, 128};
        memcpy(b.efs, usual, sizeof usual);
        b.n_efs = 3;
    }
    b.base = bench_npy(data, "base.npy", "<f4", 4, false);
    b.queries = bench_npy(data, "queries.npy", "<f4", 4, false);
    b.extra = bench_npy(data, "extra.npy", "<f4", 4, no_churn);
    b.nq = b.nq && b.nq < b.queries.n ? b.nq : b.queries.n;
    must(pool_create(&b.workers, 2, &bench_error), "threads");
    if (!b.cache || !bench_load(&b.mem, b.cache)) {
        double cpu = bench_process_cpu_s();
        int64_t wall = clock_mono_ns();
        build(&b, &b.base, true, &b.mem);
        b.build_s = (double)(clock_mono_ns() - wall) / 1e9;
        b.build_cpu_s = bench_process_cpu_s() - cpu;
        if (b.cache)
            bench_save(&b.mem, b.cache);
    }
    b.source = memory_source(&b.mem);
    must(vector_reader_open(&b.reader, &b.source, &bench_error), "open");
    filters(&b, only);
    if (!no_churn)
        churn(&b);
    vector_reader_close(b.reader);
    memory_clear(&b.mem);
    pool_destroy(b.workers);
    free(b.base.data);
    free(b.queries.data);
    free(b.extra.data);
    if (bench_out)
        fclose(bench_out);
    return 0;
}
