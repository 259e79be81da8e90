/* bench_embed.c - speed of one embedder; prints one JSON line with the keys of the peer's script.
 *
 * usage: bench_embed MODEL [--threads 1] [--reps 5] [--batch 8] [--seq 256] [--exact]
 *
 * Like the peer it feeds ready token ids: texts a second for `seq`-token texts in batches and one
 * by one, and the latency of a 10-token query; medians and best of `reps`, wall and CPU time.
 * Beyond the peer's keys: open_ms and first_query_ms (a new process's first text, tokenised,
 * weights not yet touched), and query_text_ms (the same text again). */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/cpu.h"
#include "generate/encode/encoder.h"

#define MAX_REPS 101

static double cpu_s(void)
{
    struct rusage r;
    getrusage(RUSAGE_SELF, &r);
    return (double)(r.ru_utime.tv_sec + r.ru_stime.tv_sec) +
           (double)(r.ru_utime.tv_usec + r.ru_stime.tv_usec) * 1e-6;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *v, size_t n)
{
    qsort(v, n, sizeof *v, by_value);
    return n % 2 ? v[n / 2] : (v[n / 2 - 1] + v[n / 2]) / 2;
}

static void check(cairn_status st, const cairn_error *err)
{
    if (!st)
        return;
    fprintf(stderr, "%s\n", err->text);
    exit(1);
}

typedef struct result {
    double wall_med, wall_best, cpu_med; /* seconds a call */
} result;

/* `reps` times `inner` calls on `batch` sequences of `seq` tokens. */
static result run(encoder *e, size_t batch, size_t seq, size_t reps, size_t inner)
{
    int32_t *ids = malloc(batch * seq * sizeof *ids);
    size_t *offsets = malloc((batch + 1) * sizeof *offsets);
    float *out = malloc(batch * encoder_dim(e) * sizeof *out);
    double wall[MAX_REPS], cpu[MAX_REPS];
    cairn_error err = {0};
    result r;

    for (size_t i = 0; i < batch * seq; i++)
        ids[i] = 1000 + (int32_t)(i * 7919 % 28000);
    for (size_t i = 0; i <= batch; i++)
        offsets[i] = i * seq;
    check(encoder_embed_ids(e, ids, offsets, batch, out, &err), &err);
    for (size_t i = 0; i < reps; i++) {
        int64_t w = clock_mono_ns();
        double c = cpu_s();
        for (size_t j = 0; j < inner; j++)
            check(encoder_embed_ids(e, ids, offsets, batch, out, &err), &err);
        wall[i] = (double)(clock_mono_ns() - w) * 1e-9 / (double)inner;
        cpu[i] = (cpu_s() - c) / (double)inner;
    }
    r.wall_med = median(wall, reps);
    r.wall_best = wall[0];
    r.cpu_med = median(cpu, reps);
    free(ids);
    free(offsets);
    free(out);
    return r;
}

static double text_ms(encoder *e)
{
    static const char text[] = "when does the night train to the coast leave";
    encoder_text t = {text, sizeof text - 1};
    float *out = malloc(encoder_dim(e) * sizeof *out);
    cairn_error err = {0};
    int64_t start = clock_mono_ns();

    check(encoder_embed(e, &t, 1, ENCODER_QUERY, out, &err), &err);
    free(out);
    return (double)(clock_mono_ns() - start) * 1e-6;
}

int main(int argc, char **argv)
{
    size_t threads = 1, reps = 5, batch = 8, seq = 256;
    double open_ms, first_ms, again_ms, load[1] = {0};
    encoder_options options = {0};
    cairn_error err = {0};
    struct rusage usage;
    struct stat sb = {0};
    result rb, r1, rq;
    encoder *e;
    pool *p = NULL;
    int64_t start;

    if (argc < 2) {
        fprintf(stderr, "usage: bench_embed MODEL [--threads N] [--reps N] [--batch N] [--seq N] "
                        "[--exact]\n");
        return 2;
    }
    for (int i = 2; i < argc; i++) {
        if (!strcmp(argv[i], "--exact")) {
            options.exact = true;
        } else if (i + 1 < argc) {
            size_t v = strtoul(argv[i + 1], NULL, 10);
            *(!strcmp(argv[i], "--threads") ? &threads
              : !strcmp(argv[i], "--reps")  ? &reps
              : !strcmp(argv[i], "--batch") ? &batch
                                            : &seq) = v ? v : 1;
            i++;
        }
    }
    reps = reps < MAX_REPS ? reps : MAX_REPS;
    start = clock_mono_ns();
    if (threads > 1)
        check(pool_create(&p, threads, &err), &err);
    options.pool = p;
    check(encoder_open(&e, argv[1], &options, &err), &err);
    open_ms = (double)(clock_mono_ns() - start) * 1e-6;
    first_ms = text_ms(e);
    again_ms = text_ms(e);
    if (seq > encoder_max_tokens(e))
        seq = encoder_max_tokens(e);
    rb = run(e, batch, seq, reps, 1);
    r1 = run(e, 1, seq, reps, 2);
    rq = run(e, 1, 10, reps, 20);
    getrusage(RUSAGE_SELF, &usage);
    stat(argv[1], &sb);
    if (getloadavg(load, 1) < 1)
        load[0] = -1;
    printf(
        "{\"tool\":\"cairn\",\"model\":\"%s\",\"cpu\":\"%s\",\"exact\":%s,\"bytes\":%" PRId64
        ",\"threads\":%zu,\"load_s\":%.3f,"
        "\"texts_s_batch\":{\"batch\":%zu,\"seq\":%zu,\"wall_med\":%.2f,\"wall_best\":%.2f,"
        "\"cpu_med\":%.2f},\"texts_s_b1\":{\"wall_med\":%.2f,\"wall_best\":%.2f,\"cpu_med\":%.2f},"
        "\"query10_ms\":{\"wall_med\":%.2f,\"wall_best\":%.2f,\"cpu_med\":%.2f},"
        "\"open_ms\":%.2f,\"first_query_ms\":%.2f,\"query_text_ms\":%.2f,"
        "\"rss_peak_mib\":%ld,\"loadavg\":%.2f}\n",
        encoder_identity(e), cpu_level_name(cpu_level_get()), options.exact ? "true" : "false",
        (int64_t)sb.st_size, threads, open_ms * 1e-3, batch, seq, (double)batch / rb.wall_med,
        (double)batch / rb.wall_best, (double)batch / rb.cpu_med, 1 / r1.wall_med, 1 / r1.wall_best,
        1 / r1.cpu_med, rq.wall_med * 1e3, rq.wall_best * 1e3, rq.cpu_med * 1e3, open_ms, first_ms,
        again_ms, usage.ru_maxrss / 1024, load[0]);
    encoder_close(e);
    pool_destroy(p);
    return 0;
}
