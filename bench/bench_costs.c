/* bench_costs.c - time the inner loops of vector search and print them as the table of
 * index/vector/vector_costs.c.
 *
 *   bench_costs        one row, for the CPU level in force (CAIRN_CPU pins a lower one)
 *
 * For each kind of code and each size of codes, rows of 64 and of 1,024 bytes (1-bit: 8 and 128)
 * are scanned in order and gathered at random with the search's own functions, one segment in
 * memory; two row lengths give the cost of a row and of a byte. The median of several passes is
 * taken, in CPU time. Run it on a quiet machine, alone on its core: taskset -c 1
 * build/release/bench/bench_costs. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "bench/bench_vectors.h"
#include "index/vector/vector_plan.h"
#include "index/vector/vector_scan.h"

#define PASSES 9
#define SETS   40u
#define SHARE  0.02 /* of the rows are gathered */

static int rising_double(const void *pa, const void *pb)
{
    double a = *(const double *)pa, b = *(const double *)pb;

    return (a > b) - (a < b);
}

/* Nanoseconds a row for scanning (share 1) or gathering (share small) n rows of these codes. */
static double time_rows(vector_codes *c, uint32_t n, uint64_t *const *allowed, uint32_t eligible,
                        vector_query *q)
{
    vector_reader r = {.dim = c->dim, .metric = c->metric, .codes = *c};
    vector_segment seg = {&r, NULL, NULL};
    bool which = true;
    vector_scan scan = {&seg, 1, &which, q, NULL, 42, NULL};
    double t[PASSES];

    r.codes.rows = n;
    size_t rounds = 1 + 400000 / ((size_t)eligible + n / 64 + 1); /* at least some milliseconds */
    if (allowed && rounds < SETS)
        rounds = SETS;
    for (int pass = 0; pass < PASSES; pass++) {
        int64_t start = clock_cpu_ns();
        for (size_t i = 0; i < rounds; i++) {
            vector_hit hits[42];
            size_t n_hits = 0;
            seg.allowed = allowed ? allowed[i % SETS] : NULL; /* else the rows stay in the cache */
            must(vector_scan_run(&scan, NULL, hits, &n_hits, &bench_error), "scan");
        }
        t[pass] = (double)(clock_cpu_ns() - start) / (double)rounds / eligible;
    }
    qsort(t, PASSES, sizeof *t, rising_double);
    return t[PASSES / 2];
}

int main(void)
{
    static const uint32_t dims[VECTOR_CODE_KINDS][2] = {{64, 1024}, {128, 2048}, {64, 1024}};
    size_t most = (size_t)vector_cost_sizes[COST_SIZES - 1];
    uint8_t *code = room(most + 65536, 1);
    uint64_t state = 1;
    double scan[VECTOR_CODE_KINDS][COST_SIZES][2], gather[VECTOR_CODE_KINDS][COST_SIZES][2],
        word = 0;

    for (size_t i = 0; i + 8 <= most; i += 8) {
        uint64_t x = test_random(&state) | 0x0101010101010101u;
        memcpy(code + i, &x, 8);
    }
    for (int kind = 0; kind < VECTOR_CODE_KINDS; kind++)
        for (int size = 0; size < COST_SIZES; size++)
            for (int d = 0; d < 2; d++) {
                vector_codes c = vector_codes_of((vector_code_kind)kind, dims[kind][d],
                                                 dims[kind][d], VECTOR_DOT);
                uint32_t n = (uint32_t)(vector_cost_sizes[size] / (double)c.stride);
                float *scale = room(n, sizeof *scale), *v = room(c.dim, sizeof *v),
                      *work = room(c.dim, sizeof *work);
                uint64_t *allowed[SETS];
                vector_query q = {.code = room(vector_query_bytes(c.kind, c.dim), 1)};
                size_t eligible = 0;
                for (uint32_t i = 0; i < c.dim; i++)
                    v[i] = (float)test_uniform(&state) - 0.5f;
                for (uint32_t i = 0; i < n; i++)
                    scale[i] = (float)(0.9 + 0.2 * test_uniform(&state));
                for (size_t s = 0; s < SETS; s++) {
                    allowed[s] = bench_bits(n);
                    for (double at = 0; at < n;
                         at += 1 + 2 * (1 / SHARE - 1) * test_uniform(&state)) {
                        eligible += !(allowed[s][(size_t)at >> 6] >> ((size_t)at & 63) & 1);
                        bench_set(allowed[s], (size_t)at);
                    }
                }
                eligible = eligible / SETS + 1;
                c.code = code;
                c.scale = scale;
                vector_query_encode(&c, v, work, &q);
                scan[kind][size][d] = time_rows(&c, n, NULL, n, &q);
                gather[kind][size][d] = time_rows(&c, n, allowed, (uint32_t)eligible, &q);
                if (kind == 0 && size == 2 && d == 0) { /* nothing eligible: the words alone */
                    for (size_t s = 0; s < SETS; s++)
                        memset(allowed[s], 0, row_set_words(n) * 8);
                    word = time_rows(&c, n, allowed, n, &q) * 64;
                }
                fprintf(stderr, "kind %d, %.0f bytes, rows of %zu: scan %.2f, gather %.2f ns\n",
                        kind, vector_cost_sizes[size], c.stride, scan[kind][size][d],
                        gather[kind][size][d]);
                free(scale);
                free(v);
                free(work);
                for (size_t s = 0; s < SETS; s++)
                    free(allowed[s]);
                free(q.code);
            }
    char level[16];
    snprintf(level, sizeof level, "%s", cpu_level_name(cpu_level_get()));
    for (char *at = level; *at; at++)
        *at = (char)toupper((unsigned char)*at);
    printf("    [CPU_%s] = {\n", level);
    for (int what = 0; what < 2; what++) {
        printf("        .%s = {", what ? "gather" : "scan");
        for (int kind = 0; kind < VECTOR_CODE_KINDS; kind++) {
            double s0 = (double)vector_stride((vector_code_kind)kind, dims[kind][0]),
                   s1 = (double)vector_stride((vector_code_kind)kind, dims[kind][1]);
            printf("%s{", kind ? ",\n                   " : "");
            for (int size = 0; size < COST_SIZES; size++) {
                const double *t = what ? gather[kind][size] : scan[kind][size];
                double passing = what ? word / 64 / SHARE : 0, byte = (t[1] - t[0]) / (s1 - s0);
                byte = byte > 0 ? byte : 0;
                if (t[0] - passing < s0 * byte) /* a row costs nothing but its bytes */
                    byte = (t[1] - passing) / s1;
                printf("%s{%.2f, %.4f}", size ? ", " : "",
                       t[0] - passing > s0 * byte ? t[0] - passing - s0 * byte : 0, byte);
            }
            printf("}");
        }
        printf("},\n");
    }
    printf("        .word = %.2f,\n    },\n", word);
    return 0;
}
