/* bench.c - speeds of a model on this machine, with the keys of llama.cpp's side
 * (../shared/peers, peer_llama.py), and how near they come to the machine's limits.
 *
 * wall_* are tokens per second of wall clock, cpu_med tokens per second of processor time of the
 * whole process: with one thread that is what an undisturbed core gives. The limits are measured in
 * the same run: int8 operations in registers, and bytes read in order from a block far larger than
 * the caches. Decoding reads the weights once a token; prefill computes two operations a weight. */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include "base/checked.h"
#include "base/clock.h"
#include "generate/decode/generator.h"
#include "generate/kernels/kernels.h"

#define MAX_REPS  64
#define READ_SIZE ((size_t)128 << 20)
#define READ_AHEAD ((size_t)4096) /* floats: as far ahead as decoding asks for its weights */

typedef struct timing {
    double wall[MAX_REPS], cpu[MAX_REPS]; /* seconds */
    size_t n;
} timing;

typedef struct clocks {
    int64_t wall;
    double cpu;
} clocks;

static double process_cpu(void)
{
    struct rusage r;
    getrusage(RUSAGE_SELF, &r);
    return (double)(r.ru_utime.tv_sec + r.ru_stime.tv_sec) +
           (double)(r.ru_utime.tv_usec + r.ru_stime.tv_usec) / 1e6;
}

static clocks clocks_now(void)
{
    return (clocks){clock_mono_ns(), process_cpu()};
}

static void timing_add(timing *t, clocks start)
{
    t->wall[t->n] = (double)(clock_mono_ns() - start.wall) / 1e9;
    t->cpu[t->n++] = process_cpu() - start.cpu;
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double quantile(double *v, size_t n, double q)
{
    qsort(v, n, sizeof *v, by_size);
    return v[(size_t)(q * (double)(n - 1) + 0.5)];
}

static double rounded(double v, double unit)
{
    return (double)(int64_t)(v / unit + 0.5) * unit;
}

/* Tokens a second over n tokens a run. */
static json_t *summary(timing *t, double n)
{
    return json_pack("{s:f,s:f,s:f,s:I}", "wall_med",
                     rounded(n / quantile(t->wall, t->n, 0.5), 0.1), "wall_best",
                     rounded(n / quantile(t->wall, t->n, 0.0), 0.1), "cpu_med",
                     rounded(n / quantile(t->cpu, t->n, 0.5), 0.1), "reps", (json_int_t)t->n);
}

typedef struct bench {
    generator *g;
    const generate_bench_options *o;
    size_t reps, tg, threads;
    uint64_t random;
    token_id *ids;
    cairn_error *err;
} bench;

/* Any ids do: they only have to be inside the vocabulary and not repeat. */
static const token_id *some_tokens(bench *b, size_t n)
{
    size_t most = b->g->n_pick < 40000 ? b->g->n_pick : 40000, least = most > 400 ? 200 : 0;

    for (size_t i = 0; i < n; i++) {
        b->random = b->random * 6364136223846793005u + 1442695040888963407u;
        b->ids[i] = (token_id)(least + (b->random >> 33) % (most - least));
    }
    return b->ids;
}

static cairn_status prefill_once(bench *b, size_t n, timing *t)
{
    const token_id *ids = some_tokens(b, n);
    clocks start;
    cairn_status st;

    generator_truncate(b->g, 0);
    start = clocks_now();
    st = generator_feed(b->g, ids, n, DECODER_LAST, b->g->logits, b->err);
    timing_add(t, start);
    return st;
}

static cairn_status bench_prefill(bench *b, size_t n, timing *t)
{
    cairn_status st = CAIRN_OK;

    for (size_t i = 0; !st && i < b->reps; i++)
        st = prefill_once(b, n, t);
    return st;
}

static cairn_status bench_decode(bench *b, size_t depth, timing *t, double *each, size_t *n_each)
{
    cairn_status st = CAIRN_OK;

    generator_truncate(b->g, 0);
    *n_each = 0;
    if (depth)
        st = generator_feed(b->g, some_tokens(b, depth), depth, DECODER_NO_LOGITS, NULL, b->err);
    for (size_t rep = 0; !st && rep < b->reps; rep++) {
        clocks start;
        generator_truncate(b->g, depth);
        start = clocks_now();
        for (size_t i = 0; !st && i < b->tg; i++) {
            int64_t from = clock_mono_ns();
            st = generator_feed(b->g, some_tokens(b, 1), 1, DECODER_LAST, b->g->logits, b->err);
            each[(*n_each)++] = (double)(clock_mono_ns() - from) / 1e9;
        }
        timing_add(t, start);
    }
    return st;
}

/* ---- the machine's limits ---- */

typedef struct limit_job {
    const kernels *k;
    const float *block;
    size_t floats; /* of a task */
    uint32_t *out;
} limit_job;

static void spin_task(void *ctx, size_t task, size_t worker)
{
    const limit_job *j = ctx;
    (void)worker;
    j->out[task] = j->k->spin(2000000);
}

static void read_task(void *ctx, size_t task, size_t worker)
{
    const limit_job *j = ctx;
    const float *from = j->block + task * j->floats;
    float most = 0;

    (void)worker;
    for (size_t i = 0; i < j->floats; i += READ_AHEAD) {
        size_t n = j->floats - i < READ_AHEAD ? j->floats - i : READ_AHEAD;
        for (size_t k = 0; k < n; k += 16)
            __builtin_prefetch(from + i + READ_AHEAD + k, 0, 2);
        most += j->k->max(from + i, n);
    }
    j->out[task] = (uint32_t)most;
}

/* The best of five, all threads at once. */
static double seconds_of(pool *p, size_t tasks, pool_task *fn, limit_job *j)
{
    double best = 1e9;

    for (int i = 0; i < 5; i++) {
        int64_t start = clock_mono_ns();
        double s;
        pool_run(p, tasks, fn, j);
        s = (double)(clock_mono_ns() - start) / 1e9;
        best = s < best ? s : best;
    }
    return best;
}

static cairn_status measure_limits(pool *p, size_t threads, double *ops, double *bytes,
                                   cairn_error *err)
{
    uint32_t out[1024];
    float *block = aligned_alloc((size_t)2 << 20, READ_SIZE);
    size_t floats = READ_SIZE / sizeof(float) / threads;
    limit_job j = {kernels_get(), block, floats, out};

    if (!block)
        return cairn_fail(err, CAIRN_ENOMEM, "a block to read");
    madvise(block, READ_SIZE, MADV_HUGEPAGE);
    memset(block, 1, READ_SIZE);
    *ops = 2000000.0 * KERNEL_SPIN_OPS * (double)threads / seconds_of(p, threads, spin_task, &j);
    *bytes = (double)(floats * threads * sizeof(float)) / seconds_of(p, threads, read_task, &j);
    free(block);
    return CAIRN_OK;
}

/* ---- one object ---- */

static void put_key(json_t *into, size_t n, json_t *value)
{
    char key[24];
    snprintf(key, sizeof key, "%zu", n);
    json_object_set_new(into, key, value);
}

static cairn_status measure(bench *b, json_t *out, double *best_prefill, double *best_decode)
{
    const generate_bench_options *o = b->o;
    double *each = checked_malloc(b->reps * b->tg, sizeof *each);
    json_t *pp = json_object(), *tg = json_object();
    cairn_status st = each ? CAIRN_OK : cairn_fail(b->err, CAIRN_ENOMEM, "timings");

    json_object_set_new(out, "pp", pp);
    json_object_set_new(out, "tg", tg);
    for (size_t i = 0; !st && i < o->n_pp; i++) {
        timing t = {.n = 0};
        st = bench_prefill(b, o->pp[i], &t);
        if (!st) {
            double rate = (double)o->pp[i] / quantile(t.wall, t.n, 0.0);
            *best_prefill = rate > *best_prefill ? rate : *best_prefill;
            put_key(pp, o->pp[i], summary(&t, (double)o->pp[i]));
        }
    }
    for (size_t i = 0; !st && i < o->n_depth; i++) {
        timing t = {.n = 0};
        size_t n;
        st = bench_decode(b, o->depth[i], &t, each, &n);
        if (!st) {
            json_t *s = summary(&t, (double)b->tg);
            double p50 = quantile(each, n, 0.5), p10 = quantile(each, n, 0.1);
            double best = quantile(each, n, 0.0);
            json_object_set_new(s, "tok_p50", json_real(rounded(1 / p50, 0.1)));
            json_object_set_new(s, "tok_p10", json_real(rounded(1 / p10, 0.1)));
            json_object_set_new(s, "tok_best", json_real(rounded(1 / best, 0.1)));
            *best_decode = 1 / p10 > *best_decode ? 1 / p10 : *best_decode;
            put_key(tg, o->depth[i], s);
        }
    }
    if (!st && o->ttft) {
        timing t = {.n = 0};
        st = bench_prefill(b, o->ttft, &t);
        if (!st)
            json_object_set_new(out, "ttft",
                                json_pack("{s:I,s:f,s:f,s:f,s:I}", "prompt", (json_int_t)o->ttft,
                                          "wall_med_s", rounded(quantile(t.wall, t.n, 0.5), 0.001),
                                          "wall_best_s", rounded(quantile(t.wall, t.n, 0.0), 0.001),
                                          "cpu_med_s", rounded(quantile(t.cpu, t.n, 0.5), 0.001),
                                          "reps", (json_int_t)t.n));
    }
    free(each);
    return st;
}

/* What a first load leaves to be done beside the first answers, by itself. */
static void put_repacking(const decoder_model *m, json_t *out)
{
    clocks start = clocks_now();

    decoder_model_settle(m);
    if (decoder_model_was_cached(m))
        return;
    json_object_set_new(out, "repack_s",
                        json_real(rounded((double)(clock_mono_ns() - start.wall) / 1e9, 0.001)));
    json_object_set_new(out, "repack_cpu_s", json_real(rounded(process_cpu() - start.cpu, 0.001)));
}

static cairn_status run_all(bench *b, const char *path, clocks start, pool *p, json_t *out)
{
    const decoder_model *m = b->g->model;
    const char *slash = strrchr(path, '/');
    double ops = 1, bytes = 1, prefill = 0, decode = 0, load[3] = {0};
    struct rusage usage;
    cairn_status st;

    json_object_set_new(out, "tool", json_string("cairn"));
    json_object_set_new(out, "model", json_string(slash ? slash + 1 : path));
    json_object_set_new(out, "name", json_string(b->g->name));
    json_object_set_new(out, "cpu", json_string(cpu_level_name(kernels_get()->level)));
    json_object_set_new(out, "bytes", json_integer((json_int_t)gguf_file_bytes(b->g->file)));
    json_object_set_new(out, "threads", json_integer((json_int_t)b->threads));
    json_object_set_new(out, "load_s",
                        json_real(rounded((double)(clock_mono_ns() - start.wall) / 1e9, 0.001)));
    json_object_set_new(out, "load_cpu_s", json_real(rounded(process_cpu() - start.cpu, 0.001)));
    json_object_set_new(out, "weights_cached", json_boolean(decoder_model_was_cached(m)));
    put_repacking(m, out);
    st = prefill_once(b, 8, &(timing){.n = 0}); /* warm up */
    if (!st)
        st = measure(b, out, &prefill, &decode);
    getrusage(RUSAGE_SELF, &usage); /* before the limits take memory of their own */
    if (!st)
        st = measure_limits(p, b->threads, &ops, &bytes, b->err);
    if (st)
        return st;
    json_object_set_new(out, "rss_peak_mib",
                        json_real(rounded((double)usage.ru_maxrss / 1024.0, 0.1)));
    json_object_set_new(
        out, "limits",
        json_pack("{s:f,s:f,s:f,s:f}", "int8_gops", rounded(ops / 1e9, 0.1), "read_gbs",
                  rounded(bytes / 1e9, 0.1), "decode_share",
                  rounded(decode * (double)decoder_model_token_bytes(m) / bytes, 0.001),
                  "prefill_share",
                  rounded(prefill * 2 * decoder_model_macs(m, false) / ops, 0.001)));
    if (getloadavg(load, 3) > 0)
        json_object_set_new(out, "loadavg", json_real(load[0]));
    return CAIRN_OK;
}

cairn_status generate_bench(json_t **out, const char *gguf_path,
                            const generate_bench_options *options, cairn_error *err)
{
    bench b = {.o = options, .random = 1, .err = err};
    generator_options o = {.weights = options->weights, .kv = options->kv};
    size_t longest = 8;
    clocks start = clocks_now();
    pool *p = NULL;
    cairn_status st;

    *out = NULL;
    b.reps = options->reps ? options->reps : 3;
    b.tg = options->tg ? options->tg : 32;
    if (b.reps > MAX_REPS || b.tg > 65536)
        return cairn_fail(err, CAIRN_EUSAGE, "at most %d repetitions of at most 65536 tokens",
                          MAX_REPS);
    for (size_t i = 0; i < options->n_pp; i++)
        longest = options->pp[i] > longest ? options->pp[i] : longest;
    longest = options->ttft > longest ? options->ttft : longest;
    for (size_t i = 0; i < options->n_depth; i++)
        if (options->depth[i] <= DECODER_MAX_CTX && options->depth[i] + b.tg > longest)
            longest = options->depth[i] + b.tg;
    o.n_ctx = longest + 64;
    st = pool_create(&p, options->threads, err);
    o.pool = p;
    b.threads = pool_threads(p);
    if (!st)
        st = generator_open(&b.g, gguf_path, &o, err);
    if (!st && !(b.ids = checked_malloc(longest, sizeof *b.ids)))
        st = cairn_fail(err, CAIRN_ENOMEM, "%zu tokens", longest);
    if (!st && !(*out = json_object()))
        st = cairn_fail(err, CAIRN_ENOMEM, "results");
    if (!st)
        st = run_all(&b, gguf_path, start, p, *out);
    if (st) {
        json_decref(*out);
        *out = NULL;
    }
    free(b.ids);
    generator_close(b.g);
    pool_destroy(p);
    return st;
}
