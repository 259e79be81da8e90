/* bench_scan.c - how near the scan comes to what the memory allows, by rows and dimension.
 *
 *   bench_scan ROWS DIM [--codes i8|i4|b1] [--storage f32|f16|bf16|i8] [--metric cosine|dot|l2]
 *              [--threads 1] [--repeats 31] [--filter SHARE] [--rescore N]
 *
 * Rows are made up (clusters), so no data are needed. Four things take turns, `repeats` times, so
 * that what else the machine does meets them alike: a plain read of the codes ("read_only"), the
 * scan kernel with nothing kept ("scan_kernel"), a whole vector_search for ten rows ("search") and
 * the exact search over the originals ("exact"; every tenth time). One JSON line each with the keys
 * of the peers' bench_scan, and cpu_ms, the median of the CPU time; then "share": the read's CPU
 * time by the search's, and the recall of the searches. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "bench/bench_vectors.h"
#include "index/vector/vector_format.h"

#define QUERIES 64u

static volatile uint64_t sink_value;

/* As wide as the machine loads; other orders of reading (more streams, prefetching) gained at most
 * a tenth. */
__attribute__((target_clones("avx512f", "avx2", "default"))) static void
read_codes(const uint8_t *code, size_t n)
{
    typedef uint64_t lane __attribute__((vector_size(64)));
    lane s[4] = {{0}};

    for (size_t i = 0; i + 256 <= n; i += 256)
        for (size_t j = 0; j < 4; j++) {
            lane x;
            memcpy(&x, code + i + 64 * j, 64);
            s[j] ^= x;
        }
    s[0] ^= s[1] ^ s[2] ^ s[3];
    sink_value = s[0][0] ^ s[0][3] ^ s[0][7];
}

typedef struct timing {
    const char *name;
    double *wall, *cpu;
    size_t n;
} timing;

static int64_t process_cpu(void)
{
    struct timespec t;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

static int rising_double(const void *pa, const void *pb)
{
    double a = *(const double *)pa, b = *(const double *)pb;

    return (a > b) - (a < b);
}

static double middle(double *v, size_t n)
{
    qsort(v, n, sizeof *v, rising_double);
    return n ? v[n / 2] : 0;
}

static int word(const char *text, const char *const *names, int n)
{
    for (int i = 0; i < n; i++)
        if (!strcmp(text, names[i]))
            return i;
    fprintf(stderr, "bench_scan: unknown kind %s\n", text);
    exit(2);
}

static void make_row(uint64_t *state, uint32_t dim, float *v)
{
    uint64_t centre = 77 + test_random(state) % 500;

    for (uint32_t i = 0; i < dim; i++)
        v[i] = (float)(test_uniform(&centre) - 0.5 + (test_uniform(state) - 0.5));
}

int main(int argc, char **argv)
{
    static const char *const codes[] = {"i8", "i4", "b1"},
                             *const storages[] = {"f32", "f16", "bf16", "i8"},
                             *const metrics[] = {"cosine", "dot", "l2"};
    vector_options o = {.index = VECTOR_SCAN};
    vector_metric metric = VECTOR_COSINE;
    size_t threads = 1, repeats = 31;
    double share = 1;
    vector_params p = {0};

    if (argc < 3)
        return 2;
    uint32_t n = (uint32_t)strtoul(argv[1], NULL, 10), dim = (uint32_t)strtoul(argv[2], NULL, 10);
    for (int i = 3; i + 1 < argc; i += 2) {
        if (!strcmp(argv[i], "--codes"))
            o.codes = (vector_code_kind)word(argv[i + 1], codes, 3);
        else if (!strcmp(argv[i], "--storage"))
            o.storage = (vector_storage)word(argv[i + 1], storages, 4);
        else if (!strcmp(argv[i], "--metric"))
            metric = (vector_metric)word(argv[i + 1], metrics, 3);
        else if (!strcmp(argv[i], "--threads"))
            threads = strtoul(argv[i + 1], NULL, 10);
        else if (!strcmp(argv[i], "--repeats"))
            repeats = strtoul(argv[i + 1], NULL, 10);
        else if (!strcmp(argv[i], "--rescore"))
            p.rescore = strtoul(argv[i + 1], NULL, 10);
        else if (!strcmp(argv[i], "--filter"))
            share = strtod(argv[i + 1], NULL);
    }
    memory_sections mem = {0};
    section_sink sink = memory_sink(&mem);
    vector_writer *w;
    pool *workers = NULL;
    uint64_t state = 1;
    float *v = room(dim, sizeof *v);
    must(pool_create(&workers, threads, &bench_error), "threads");
    must(vector_writer_create(&w, dim, metric, &o, &bench_error), "writer");
    for (uint32_t i = 0; i < n; i++) {
        make_row(&state, dim, v);
        must(vector_writer_add(w, v, &bench_error), "add");
    }
    must(vector_writer_finish(w, &sink, workers, &bench_error), "finish");
    vector_writer_destroy(w);
    section_source source = memory_source(&mem);
    vector_reader *r;
    must(vector_reader_open(&r, &source, &bench_error), "open");
    uint64_t *allowed = share < 1 ? bench_bits(n) : NULL;
    for (uint32_t i = 0; allowed && i < n; i++)
        if (test_uniform(&state) < share)
            bench_set(allowed, i);
    float *queries = room((size_t)QUERIES * dim, sizeof *queries);
    for (uint32_t i = 0; i < QUERIES; i++)
        make_row(&state, dim, queries + (size_t)i * dim);

    const vector_codes *c = &r->codes;
    const vector_kernels *k = vector_kernels_get();
    vector_query q = {.code = room(vector_query_bytes(c->kind, c->dim), 1)};
    vector_segment seg = {r, NULL, allowed};
    timing t[4] = {
        {.name = "read_only"}, {.name = "scan_kernel"}, {.name = "search"}, {.name = "exact"}};
    for (size_t i = 0; i < 4; i++) {
        t[i].wall = room(repeats, sizeof(double));
        t[i].cpu = room(repeats, sizeof(double));
    }
    size_t both = 0, all = 0;
    for (size_t rep = 0; rep < repeats; rep++) {
        const float *query = queries + (rep % QUERIES) * dim;
        vector_hit got[BENCH_K], want[BENCH_K];
        size_t n_got = 0, n_want = 0;
        for (size_t what = 0; what < 4; what++) {
            if (what == 3 && rep % 10)
                continue;
            int64_t wall = clock_mono_ns(), cpu = process_cpu();
            if (what == 0) {
                read_codes(c->code, (size_t)c->rows * c->stride);
            } else if (what == 1) {
                int32_t dots[64], sum = 0;
                vector_query_encode(c, query, v, &q);
                for (uint32_t at = 0; at < n; at += 64) {
                    k->code[c->kind]->scan(c->code + (size_t)at * c->stride, c->stride,
                                           n - at < 64 ? n - at : 64, q.code, c->stride, q.bias,
                                           dots);
                    sum += dots[0];
                }
                sink_value = (uint64_t)sum;
            } else if (what == 2) {
                must(vector_search(&seg, 1, query, dim, BENCH_K, &p, workers, got, &n_got,
                                   &bench_error),
                     "search");
            } else {
                must(vector_search_exact(&seg, 1, query, dim, BENCH_K, workers, want, &n_want,
                                         &bench_error),
                     "exact search");
            }
            t[what].wall[t[what].n] = (double)(clock_mono_ns() - wall) / 1e6;
            t[what].cpu[t[what].n++] = (double)(process_cpu() - cpu) / 1e6;
        }
        for (size_t i = 0; i < n_want; i++)
            for (size_t j = 0; j < n_got; j++)
                both += got[j].row == want[i].row;
        all += n_want;
    }
    double bytes = (double)c->rows * (double)c->stride, cpu[4];
    for (size_t i = 0; i < 4; i++) {
        cpu[i] = middle(t[i].cpu, t[i].n);
        double wall = middle(t[i].wall, t[i].n),
               size = i == 3 ? (double)n * (double)r->originals.stride : bytes;
        emit("{\"bench\": \"limit\", \"peer\": \"cairn_%s_%s\", \"n\": %u, \"dim\": %u, "
             "\"threads\": %zu, "
             "\"median_ms\": %.4f, \"best_ms\": %.4f, \"cpu_ms\": %.4f, \"GBps_median\": %.1f, "
             "\"GBps_best\": %.1f, \"scan_qps_median\": %.1f}",
             t[i].name, codes[c->kind], n, dim, threads, wall, t[i].wall[0], cpu[i],
             size / wall / 1e6, size / t[i].wall[0] / 1e6, 1e3 / wall);
    }
    emit("{\"bench\": \"limit_share\", \"peer\": \"cairn_scan_%s\", \"n\": %u, \"dim\": %u, "
         "\"threads\": %zu, "
         "\"filter\": %g, \"storage\": \"%s\", \"share_cpu\": %.3f, \"share_kernel\": %.3f, "
         "\"share_best\": %.3f, "
         "\"recall10\": %.4f}",
         codes[c->kind], n, dim, threads, share, storages[o.storage], cpu[0] / cpu[2],
         cpu[0] / cpu[1], t[0].wall[0] / t[2].wall[0], (double)both / (double)all);
    vector_reader_close(r);
    memory_clear(&mem);
    pool_destroy(workers);
    return 0;
}
