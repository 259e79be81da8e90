/* bench_vectors.h - what bench_ann_filter and bench_churn share: matrices from .npy files, exact
 * neighbours, the timing of single queries as the peers' scripts do it, and a segment kept in a
 * folder so that a second run need not build it again. A failure ends the program. */
#ifndef CAIRN_BENCH_VECTORS_H
#define CAIRN_BENCH_VECTORS_H

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/clock.h"
#include "index/vector/vector.h"
#include "tests/index/vector/memory_sections.h"

#define BENCH_K 10

static cairn_error bench_error;
static FILE *bench_out;

static inline void must(cairn_status st, const char *what)
{
    if (st) {
        fprintf(stderr, "bench: %s: %s\n", what, bench_error.text);
        exit(1);
    }
}

static inline void *room(size_t n, size_t size)
{
    void *p = checked_aligned(n ? n : 1, size);

    if (!p) {
        fprintf(stderr, "bench: no memory for %zu x %zu\n", n, size);
        exit(1);
    }
    return p;
}

static inline uint64_t *bench_bits(size_t n)
{
    size_t words = row_set_words((uint32_t)n);
    uint64_t *bits = room(words, sizeof *bits);

    memset(bits, 0, words * sizeof *bits);
    return bits;
}

static inline void bench_set(uint64_t *bits, size_t i)
{
    bits[i >> 6] |= (uint64_t)1 << (i & 63);
}

/* One JSON line to stdout and to --out. */
__attribute__((format(printf, 1, 2))) static inline void emit(const char *format, ...)
{
    char line[4096];
    va_list ap;

    va_start(ap, format);
    vsnprintf(line, sizeof line, format, ap);
    va_end(ap);
    puts(line);
    fflush(stdout);
    if (bench_out)
        fprintf(bench_out, "%s\n", line);
}

/* ---- input ---- */

typedef struct matrix {
    size_t n, d; /* d is 1 for a plain array */
    void *data;
} matrix;

/* A .npy file of format 1 or 2, C order, of elements of this type ("<f4", "|u1"). An absent file
 * gives n = 0 when `optional`. */
static inline matrix bench_npy(const char *dir, const char *name, const char *type, size_t size,
                               bool optional)
{
    char path[4096], head[1024] = "", *at;
    unsigned char start[12];
    matrix m = {0, 0, NULL};

    snprintf(path, sizeof path, "%s/%s", dir, name);
    FILE *f = fopen(path, "rb");
    if (!f && optional)
        return m;
    if (!f || fread(start, 1, 10, f) != 10 || memcmp(start, "\x93NUMPY", 6) != 0)
        goto bad;
    size_t head_len = start[8] | (size_t)start[9] << 8;
    if (start[6] >= 2) {
        if (fread(start + 10, 1, 2, f) != 2)
            goto bad;
        head_len |= (size_t)start[10] << 16 | (size_t)start[11] << 24;
    }
    if (head_len >= sizeof head || fread(head, 1, head_len, f) != head_len)
        goto bad;
    at = strstr(head, "'shape': (");
    if (!strstr(head, type) || !strstr(head, "'fortran_order': False") || !at)
        goto bad;
    if (sscanf(at, "'shape': (%zu, %zu)", &m.n, &m.d) != 2)
        m.d = 1;
    if (!m.n)
        goto bad;
    m.data = room(m.n * m.d, size);
    if (fread(m.data, size, m.n * m.d, f) != m.n * m.d)
        goto bad;
    fclose(f);
    return m;
bad:
    fprintf(stderr, "bench: %s: not a .npy file of %s\n", path, type);
    exit(1);
}

static inline const float *row_of(const matrix *m, size_t r)
{
    return (const float *)m->data + r * m->d;
}

/* ---- a segment in a folder ---- */

static inline void bench_save(const memory_sections *mem, const char *dir)
{
    char path[4096];

    mkdir(dir, 0755);
    for (size_t i = 0; i < mem->n; i++) {
        snprintf(path, sizeof path, "%s/%s", dir, mem->at[i].name);
        FILE *f = fopen(path, "wb");
        if (!f || fwrite(mem->at[i].data, 1, mem->at[i].len, f) != mem->at[i].len || fclose(f)) {
            fprintf(stderr, "bench: %s cannot be written\n", path);
            exit(1);
        }
    }
    snprintf(path, sizeof path, "%s/names", dir);
    FILE *f = fopen(path, "w");
    for (size_t i = 0; f && i < mem->n; i++)
        fprintf(f, "%s\n", mem->at[i].name);
    if (!f || fclose(f))
        exit(1);
}

static inline bool bench_load(memory_sections *mem, const char *dir)
{
    char path[4096], name[SECTION_NAME_MAX + 2];
    struct stat info;
    size_t len;

    snprintf(path, sizeof path, "%s/names", dir);
    FILE *names = fopen(path, "r");
    if (!names)
        return false;
    while (mem->n < 32 && fgets(name, sizeof name, names)) {
        memory_section *s = &mem->at[mem->n++];
        len = strcspn(name, "\n");
        if (len > SECTION_NAME_MAX)
            exit(1);
        name[len] = 0;
        memcpy(s->name, name, len + 1);
        snprintf(path, sizeof path, "%s/%s", dir, name);
        FILE *f = fopen(path, "rb");
        if (!f || fstat(fileno(f), &info)) {
            fprintf(stderr, "bench: %s cannot be read\n", path);
            exit(1);
        }
        s->len = s->cap = (size_t)info.st_size;
        s->data = room(s->len, 1);
        if (fread(s->data, 1, s->len, f) != s->len)
            exit(1);
        fclose(f);
    }
    fclose(names);
    return true;
}

static inline size_t bench_bytes(const memory_sections *mem)
{
    size_t bytes = 0;

    for (size_t i = 0; i < mem->n; i++)
        bytes += mem->at[i].len;
    return bytes;
}

/* ---- time ---- */

static inline double bench_process_cpu_s(void)
{
    struct timespec t;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static inline int bench_rising(const void *pa, const void *pb)
{
    double a = *(const double *)pa, b = *(const double *)pb;

    return (a > b) - (a < b);
}

static inline double bench_median(double *v, size_t n)
{
    qsort(v, n, sizeof *v, bench_rising);
    return n % 2 ? v[n / 2] : (v[n / 2 - 1] + v[n / 2]) / 2;
}

typedef struct bench_speed {
    double qps1, qps1_cpu, qps1_best, p99_us, recall10;
} bench_speed;

typedef struct bench_run {
    const vector_segment *segments;
    size_t n_segments;
    const matrix *queries;
    size_t nq;
    vector_params params;
    vector_hit *hits; /* [nq * BENCH_K] */
    bool exact;
} bench_run;

static inline void bench_query(void *ctx, size_t i, size_t worker)
{
    const bench_run *r = ctx;
    vector_hit *hits = r->hits + i * BENCH_K;
    uint32_t d = (uint32_t)r->queries->d;
    size_t n = 0;

    (void)worker;
    for (size_t j = 0; j < BENCH_K; j++)
        hits[j] = (vector_hit){UINT32_MAX, UINT32_MAX, 0};
    if (r->exact)
        must(vector_search_exact(r->segments, r->n_segments, row_of(r->queries, i), d, BENCH_K,
                                 NULL, hits, &n, &bench_error),
             "search");
    else
        must(vector_search(r->segments, r->n_segments, row_of(r->queries, i), d, BENCH_K,
                           &r->params, NULL, hits, &n, &bench_error),
             "search");
}

/* The exact neighbours of every query, [nq * BENCH_K]. */
static inline vector_hit *bench_truth(const vector_segment *segments, size_t n,
                                      const matrix *queries, size_t nq)
{
    bench_run r = {.segments = segments,
                   .n_segments = n,
                   .queries = queries,
                   .nq = nq,
                   .hits = room(nq * BENCH_K, sizeof *r.hits),
                   .exact = true};

    for (size_t i = 0; i < nq; i++)
        bench_query(&r, i, 0);
    return r.hits;
}

static inline double bench_recall(const vector_hit *got, const vector_hit *want, size_t nq)
{
    size_t both = 0, all = 0;

    for (size_t i = 0; i < nq; i++)
        for (size_t j = 0; j < BENCH_K; j++) {
            const vector_hit *w = &want[i * BENCH_K + j];
            if (w->row == UINT32_MAX)
                continue;
            all++;
            for (size_t h = 0; h < BENCH_K; h++) {
                const vector_hit *g = &got[i * BENCH_K + h];
                both += g->row == w->row && g->segment == w->segment;
            }
        }
    return all ? (double)both / (double)all : 1;
}

/* Every query by itself, `repeats` times over. */
static inline bench_speed bench_time(bench_run *r, const vector_hit *truth, int repeats)
{
    double *best = room(r->nq, sizeof *best), cpu[16], wall[16], sum = 0;
    bench_speed s;

    r->hits = room(r->nq * BENCH_K, sizeof *r->hits);
    repeats = repeats < 1 ? 1 : repeats > 16 ? 16 : repeats;
    for (size_t i = 0; i < r->nq; i++) {
        best[i] = 1e9;
        bench_query(r, i, 0); /* warm */
    }
    s.recall10 = bench_recall(r->hits, truth, r->nq);
    for (int rep = 0; rep < repeats; rep++) {
        int64_t c = clock_cpu_ns(), all = 0;
        for (size_t i = 0; i < r->nq; i++) {
            int64_t t = clock_mono_ns();
            bench_query(r, i, 0);
            t = clock_mono_ns() - t;
            all += t;
            best[i] = (double)t / 1e9 < best[i] ? (double)t / 1e9 : best[i];
        }
        cpu[rep] = (double)r->nq * 1e9 / (double)(clock_cpu_ns() - c);
        wall[rep] = (double)r->nq * 1e9 / (double)all;
    }
    for (size_t i = 0; i < r->nq; i++)
        sum += best[i];
    qsort(best, r->nq, sizeof *best, bench_rising);
    s.qps1 = bench_median(wall, (size_t)repeats);
    s.qps1_cpu = bench_median(cpu, (size_t)repeats);
    s.qps1_best = (double)r->nq / sum;
    s.p99_us = best[(r->nq - 1) * 99 / 100] * 1e6;
    free(best);
    free(r->hits);
    r->hits = NULL;
    return s;
}

#endif
