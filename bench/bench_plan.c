/* bench_plan.c - what the planner predicts beside what it takes: for numbers of rows and shares of
 * eligible ones, a scan and an index search each, one JSON line a case.
 *
 *   bench_plan --data DIR [--rows N ...] [--share S ...] [--ef 64] [--probe N]
 *              [--index hnsw|ivf_flat|ivf_sq8|ivf_pq] [--queries 100] [--keep FOLDER] [--out FILE]
 *
 * DIR holds base.npy and queries.npy; the first N rows make a segment, and --keep stores it in
 * FOLDER/N (or takes it from there). Times are medians over the queries in CPU milliseconds,
 * predictions those of vector_plan.c; "choice" is what a search does, "right" whether that was the
 * faster one, and "lost" the time that a wrong choice costs, as a share of the faster. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/bench_vectors.h"
#include "index/vector/vector_plan.h"
#include "index/vector/vector_scan.h"

typedef struct options {
    const char *data, *keep;
    double rows[16], share[16];
    size_t n_rows, n_share, ef, queries;
    uint32_t probe;
    vector_choice index;
} options;

static vector_choice index_named(const char *name)
{
    static const char *const names[] = {"auto", "scan", "hnsw", "ivf_flat", "ivf_sq8", "ivf_pq"};

    for (int i = VECTOR_HNSW; i <= VECTOR_IVF_PQ; i++)
        if (!strcmp(name, names[i]))
            return (vector_choice)i;
    fprintf(stderr, "bench_plan: unknown index %s\n", name);
    exit(2);
}

/* The first n rows with their index, from the folder or made. */
static void get_segment(const options *o, const matrix *base, uint32_t n, memory_sections *mem)
{
    char path[4096] = "";
    vector_options made = {.index = o->index, .force = true};
    section_sink sink = memory_sink(mem);
    vector_writer *w;
    pool *workers;

    if (o->keep) {
        snprintf(path, sizeof path, "%s/%d-%u", o->keep, (int)o->index, n);
        if (bench_load(mem, path))
            return;
    }
    must(pool_create(&workers, 0, &bench_error), "threads");
    must(vector_writer_create(&w, (uint32_t)base->d, VECTOR_COSINE, &made, &bench_error), "writer");
    for (size_t i = 0; i < n; i++)
        must(vector_writer_add(w, row_of(base, i), &bench_error), "add");
    must(vector_writer_finish(w, &sink, workers, &bench_error), "finish");
    vector_writer_destroy(w);
    pool_destroy(workers);
    if (o->keep)
        bench_save(mem, path);
}

/* Median CPU milliseconds of a query, one pass after a warm-up. */
static double time_queries(const vector_segment *seg, const matrix *q, size_t n,
                           const vector_params *p, vector_hit *hits)
{
    double *t = room(n, sizeof *t);
    bench_run r = {
        .segments = seg, .n_segments = 1, .queries = q, .nq = n, .params = *p, .hits = hits};

    for (size_t i = 0; i < n && i < 10; i++)
        bench_query(&r, i, 0);
    for (size_t i = 0; i < n; i++) {
        int64_t start = clock_cpu_ns();
        bench_query(&r, i, 0);
        t[i] = (double)(clock_cpu_ns() - start) / 1e6;
    }
    double median = bench_median(t, n);
    free(t);
    return median;
}

static double share_found(const vector_hit *got, const vector_hit *want, size_t n)
{
    size_t both = 0, all = 0;

    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < BENCH_K; j++) {
            if (want[i * BENCH_K + j].row == UINT32_MAX)
                continue;
            all++;
            for (size_t h = 0; h < BENCH_K; h++)
                both += got[i * BENCH_K + h].row == want[i * BENCH_K + j].row;
        }
    return all ? (double)both / (double)all : 1;
}

static void measure(const options *o, const vector_reader *r, double share, const matrix *queries)
{
    uint32_t n = vector_reader_rows(r);
    uint64_t state = 3, *allowed = share < 1 ? bench_bits(n) : NULL;
    size_t nq = o->queries < queries->n ? o->queries : queries->n;
    vector_hit *scanned = room(nq * BENCH_K, sizeof *scanned),
               *walked = room(nq * BENCH_K, sizeof *walked);

    for (uint32_t i = 0; allowed && i < n; i++)
        if (test_uniform(&state) < share)
            bench_set(allowed, i);
    vector_segment seg = {r, NULL, allowed};
    size_t eligible = vector_count_eligible(&seg), keep = 42;
    vector_plan plan =
        vector_plan_segment(r, eligible, o->ef > keep ? o->ef : keep, o->probe, keep);
    vector_params scan = {.no_graph = true},
                  index = {.no_scan = true, .ef = o->ef, .n_probe = o->probe};
    double scan_ms = time_queries(&seg, queries, nq, &scan, scanned),
           index_ms = time_queries(&seg, queries, nq, &index, walked);
    double better = scan_ms < index_ms ? scan_ms : index_ms,
           chosen = plan.scan ? scan_ms : index_ms;
    emit("{\"bench\": \"plan\", \"n\": %u, \"dim\": %u, \"share\": %g, \"eligible\": %zu, \"ef\": "
         "%zu, "
         "\"choice\": \"%s\", \"right\": %s, \"lost\": %.3f, \"scan_ms_predicted\": %.4f, "
         "\"scan_ms\": %.4f, \"index_ms_predicted\": %.4f, \"index_ms\": %.4f, \"recall10_index\": "
         "%.4f}",
         n, vector_reader_dim(r), share, eligible, o->ef, plan.scan ? "scan" : "index",
         chosen <= better ? "true" : "false", chosen / better - 1, plan.scan_ns / 1e6, scan_ms,
         plan.index_ns < 1e300 ? plan.index_ns / 1e6 : -1, index_ms,
         share_found(walked, scanned, nq));
    free(allowed);
    free(scanned);
    free(walked);
}

static size_t take_numbers(int argc, char **argv, int *i, double *out)
{
    size_t n = 0;

    for (; n < 16 && *i + 1 < argc && argv[*i + 1][0] != '-'; (*i)++)
        out[n++] = strtod(argv[*i + 1], NULL);
    return n;
}

int main(int argc, char **argv)
{
    options o = {.rows = {1000, 3000, 10000, 30000, 100000},
                 .n_rows = 5,
                 .share = {1, 0.5, 0.2, 0.1, 0.05, 0.02, 0.01, 0.001},
                 .n_share = 8,
                 .ef = 64,
                 .queries = 100,
                 .index = VECTOR_HNSW};

    for (int i = 1; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : "";
        if (!strcmp(argv[i], "--rows")) {
            o.n_rows = take_numbers(argc, argv, &i, o.rows);
            continue;
        }
        if (!strcmp(argv[i], "--share")) {
            o.n_share = take_numbers(argc, argv, &i, o.share);
            continue;
        }
        if (!strcmp(argv[i], "--data"))
            o.data = value;
        else if (!strcmp(argv[i], "--keep"))
            o.keep = value;
        else if (!strcmp(argv[i], "--ef"))
            o.ef = strtoul(value, NULL, 10);
        else if (!strcmp(argv[i], "--probe"))
            o.probe = (uint32_t)strtoul(value, NULL, 10);
        else if (!strcmp(argv[i], "--queries"))
            o.queries = strtoul(value, NULL, 10);
        else if (!strcmp(argv[i], "--index"))
            o.index = index_named(value);
        else if (!strcmp(argv[i], "--out"))
            bench_out = fopen(value, "a");
        i++;
    }
    if (!o.data) {
        fprintf(stderr,
                "usage: bench_plan --data DIR [--rows N ...] [--share S ...] [--ef 64] "
                "[--probe N] [--index hnsw] [--queries 100] [--keep FOLDER] [--out FILE]\n");
        return 2;
    }
    matrix base = bench_npy(o.data, "base.npy", "<f4", 4, false),
           queries = bench_npy(o.data, "queries.npy", "<f4", 4, false);
    for (size_t i = 0; i < o.n_rows; i++) {
        memory_sections mem = {0};
        vector_reader *r;
        uint32_t n = (uint32_t)(o.rows[i] < (double)base.n ? o.rows[i] : (double)base.n);
        get_segment(&o, &base, n, &mem);
        section_source source = memory_source(&mem);
        must(vector_reader_open(&r, &source, &bench_error), "open");
        for (size_t s = 0; s < o.n_share; s++)
            measure(&o, r, o.share[s], &queries);
        vector_reader_close(r);
        memory_clear(&mem);
    }
    free(base.data);
    free(queries.data);
    return 0;
}
