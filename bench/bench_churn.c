/* bench_churn.c - does a graph keep its quality? Deletes 30 % of the rows and inserts as many new
 * ones, ten times over, and compares the result of every round with a graph built afresh from the
 * same rows.
 *
 *   bench_churn --data DIR [--rounds 10] [--share 0.3] [--fresh-every 1] [--fresh 1] [--nq 500]
 *               [--M 24] [--efc 200] [--ef N ...] [--repeats 3] [--threads 1] [--seed 9]
 *               [--tombstones] [--cache DIR] [--out FILE]
 *
 * DIR holds base.npy, queries.npy and extra.npy. The rows of base are live at first; the new rows
 * of a round are drawn from all that are not live (extra, and what was deleted in earlier rounds).
 * A round is what the engine does: the segment with tombstones and a segment of the new rows are
 * merged. Two graphs of the same rows differ by their seeds alone, so one pair says little about a
 * narrow search: --fresh N builds N fresh graphs a round, each with its own seed, and --seed draws
 * other rows and another graph for the whole run. One JSON line a round and ef:
 *   recall10, qps1_cpu, bytes                        of the merged segment
 *   fresh_recall10, fresh_qps1_cpu, fresh_bytes      of the fresh ones, measured in turn with it,
 * on average; fresh_recalls has each build_us, insert_us  CPU time a row, of the fresh builds and
 * of the merge (repair of the old graph included) divided by its new rows; insert_cost is their
 * ratio tombstones_recall10, tombstones_qps1_cpu  with --tombstones: the old segment with its
 * deleted rows, before the merge The truth is a scan with 1,000 rows scored exactly. */
#include "bench/bench_vectors.h"

typedef struct churn {
    matrix base, extra, queries;
    size_t nq, efs[32], n_efs;
    uint32_t m, efc;
    int repeats, n_fresh;
    bool tombstones;
    pool *workers;
    uint32_t *live; /* [base.n] the row of the pool (base, then extra) behind each row */
    uint8_t *is_live;
    uint64_t seed, rng;
} churn;

#define TRUTH_ROWS 1000
#define MOST_FRESH 8

typedef struct segment {
    memory_sections mem;
    section_source source;
    vector_reader *reader;
} segment;

static const float *pool_row(const churn *c, uint32_t at)
{
    return at < c->base.n ? row_of(&c->base, at) : row_of(&c->extra, at - c->base.n);
}

static vector_options options_of(const churn *c, uint64_t seed)
{
    return (vector_options){.m = c->m, .ef_construction = c->efc, .force = true, .seed = seed};
}

static void open_segment(segment *s)
{
    s->source = memory_source(&s->mem);
    must(vector_reader_open(&s->reader, &s->source, &bench_error), "open");
}

static void close_segment(segment *s)
{
    vector_reader_close(s->reader);
    memory_clear(&s->mem);
}

/* CPU seconds to build a segment of rows[0, n). */
static double build(const churn *c, const uint32_t *rows, size_t n, bool graph, uint64_t seed,
                    segment *out)
{
    vector_options o = options_of(c, seed);
    section_sink sink = memory_sink(&out->mem);
    double cpu = bench_process_cpu_s();
    vector_writer *w;

    o.force = graph;
    o.hnsw_from_rows = SIZE_MAX;
    must(vector_writer_create(&w, (uint32_t)c->base.d, VECTOR_COSINE, &o, &bench_error), "writer");
    for (size_t i = 0; i < n; i++)
        must(vector_writer_add(w, pool_row(c, rows[i]), &bench_error), "add");
    must(vector_writer_finish(w, &sink, c->workers, &bench_error), "finish");
    vector_writer_destroy(w);
    cpu = bench_process_cpu_s() - cpu;
    open_segment(out);
    return cpu;
}

/* Marks `share` of the rows deleted. */
static uint64_t *draw_dead(churn *c, size_t n_dead)
{
    uint64_t *dead = bench_bits(c->base.n);

    for (size_t have = 0; have < n_dead;) {
        size_t r = test_random(&c->rng) % c->base.n;
        if (row_set_has(dead, (uint32_t)r))
            continue;
        bench_set(dead, r);
        c->is_live[c->live[r]] = 0;
        have++;
    }
    return dead;
}

/* Rows of the pool that are not live, at random; they are live afterwards. `dead` rows of this
 * round don't come back in it as long as there are others. */
static uint32_t *draw_new(churn *c, const uint64_t *dead, size_t n)
{
    size_t pool_rows = c->base.n + c->extra.n, n_out = 0;
    uint8_t *fresh_dead = room(pool_rows, 1);
    uint32_t *out = room(n, sizeof *out);

    memset(fresh_dead, 0, pool_rows);
    for (size_t r = 0; r < c->base.n; r++)
        if (row_set_has(dead, (uint32_t)r))
            fresh_dead[c->live[r]] = 1;
    for (size_t tries = 0; n_out < n; tries++) {
        uint32_t at = (uint32_t)(test_random(&c->rng) % pool_rows);
        if (c->is_live[at] || (fresh_dead[at] && tries < 100 * pool_rows))
            continue;
        c->is_live[at] = 1;
        out[n_out++] = at;
    }
    free(fresh_dead);
    return out;
}

static vector_hit *truth_of(const churn *c, const segment *s, const uint64_t *dead)
{
    vector_segment seg = {s->reader, dead, NULL};
    bench_run r = {.segments = &seg,
                   .n_segments = 1,
                   .queries = &c->queries,
                   .nq = c->nq,
                   .params = {.no_graph = true, .rescore = TRUTH_ROWS},
                   .hits = room(c->nq * BENCH_K, sizeof *r.hits)};

    for (size_t i = 0; i < c->nq; i++)
        bench_query(&r, i, 0);
    return r.hits;
}

static bench_speed speed_of(const churn *c, const segment *s, const uint64_t *dead, size_t ef,
                            const vector_hit *truth)
{
    vector_segment seg = {s->reader, dead, NULL};
    bench_run r = {.segments = &seg,
                   .n_segments = 1,
                   .queries = &c->queries,
                   .nq = c->nq,
                   .params = {.ef = ef, .rescore = ef && ef < 42 ? ef : 0}};

    return bench_time(&r, truth, c->repeats);
}

typedef struct round_state {
    int number;
    size_t n_new, n_fresh;
    double merge_cpu, build_cpu;   /* of one fresh build */
    segment *now, *fresh;          /* fresh[n_fresh] */
    const bench_speed *tombstones; /* [n_efs], or NULL */
} round_state;

/* What the fresh segments give at this ef, each measured between two passes over the merged one,
 * as the end of a JSON line; *now becomes the average of all passes. */
static void compare_fresh(const churn *c, const round_state *s, size_t ef, const vector_hit *truth,
                          bench_speed *now, char *more, size_t cap)
{
    double recall = 0, qps = 0, now_qps = now->qps1_cpu, bytes = 0;
    char each[16 * MOST_FRESH] = "";

    for (size_t i = 0; i < s->n_fresh; i++) {
        bench_speed fresh = speed_of(c, &s->fresh[i], NULL, ef, truth);
        now_qps += speed_of(c, s->now, NULL, ef, truth).qps1_cpu;
        recall += fresh.recall10 / (double)s->n_fresh;
        qps += fresh.qps1_cpu / (double)s->n_fresh;
        bytes += (double)bench_bytes(&s->fresh[i].mem) / (double)s->n_fresh;
        snprintf(each + strlen(each), sizeof each - strlen(each), "%s%.4f", i ? ", " : "",
                 fresh.recall10);
    }
    now->qps1_cpu = now_qps / (double)(s->n_fresh + 1);
    snprintf(more, cap,
             ", \"fresh_recall10\": %.4f, \"fresh_qps1_cpu\": %.1f, \"fresh_bytes\": %.0f, "
             "\"fresh_recalls\": [%s]",
             recall, qps, bytes, each);
}

static void report(const churn *c, const round_state *s)
{
    vector_hit *truth = truth_of(c, s->now, NULL);
    double build_us = s->build_cpu * 1e6 / (double)c->base.n;
    double insert_us = s->n_new ? s->merge_cpu * 1e6 / (double)s->n_new : 0;

    must(vector_verify(s->now->reader, &bench_error), "verify");
    for (size_t e = 0; e < c->n_efs; e++) {
        bench_speed now = speed_of(c, s->now, NULL, c->efs[e], truth);
        char more[512] = "", old[128] = "";
        if (s->n_fresh)
            compare_fresh(c, s, c->efs[e], truth, &now, more, sizeof more);
        if (s->tombstones)
            snprintf(old, sizeof old,
                     ", \"tombstones_recall10\": %.4f, \"tombstones_qps1_cpu\": %.1f",
                     s->tombstones[e].recall10, s->tombstones[e].qps1_cpu);
        emit("{\"bench\": \"churn\", \"peer\": \"cairn\", \"n\": %zu, \"dim\": %zu, \"M\": %u, "
             "\"efc\": %u, \"seed\": %llu, \"round\": %d, \"ef\": %zu, \"recall10\": %.4f, "
             "\"qps1_cpu\": %.1f, \"bytes\": %zu, \"build_us\": %.1f, \"insert_us\": %.1f, "
             "\"insert_cost\": %.3f%s%s}",
             c->base.n, c->base.d, c->m, c->efc, (unsigned long long)c->seed, s->number, c->efs[e],
             now.recall10, now.qps1_cpu, bench_bytes(&s->now->mem), build_us, insert_us,
             build_us > 0 ? insert_us / build_us : 0, old, more);
    }
    free(truth);
}

static void tombstone_speeds(const churn *c, const segment *s, const uint64_t *dead,
                             bench_speed *out)
{
    vector_hit *truth = truth_of(c, s, dead);

    for (size_t e = 0; e < c->n_efs; e++)
        out[e] = speed_of(c, s, dead, c->efs[e], truth);
    free(truth);
}

/* One round: *now becomes the merged segment. *build_cpu is what a fresh build takes, where known.
 */
static void churn_round(churn *c, int number, size_t n_new, double *build_cpu, bool fresh,
                        segment *now)
{
    bench_speed tombstones[32];
    uint64_t *dead = draw_dead(c, n_new);
    uint32_t *added = draw_new(c, dead, n_new);
    segment more = {0}, merged = {0}, again[MOST_FRESH] = {0};
    vector_options o = options_of(c, c->seed);
    size_t n_fresh = fresh ? (size_t)c->n_fresh : 0;

    if (c->tombstones)
        tombstone_speeds(c, now, dead, tombstones);
    build(c, added, n_new, false, c->seed, &more);
    vector_merge_input in[2] = {{now->reader, dead}, {more.reader, NULL}};
    section_sink sink = memory_sink(&merged.mem);
    double cpu = bench_process_cpu_s();
    must(vector_merge(in, 2, &o, &sink, c->workers, &bench_error), "merge");
    cpu = bench_process_cpu_s() - cpu;
    close_segment(&more);
    close_segment(now);
    *now = merged;
    open_segment(now); /* its source must point into *now */
    size_t at = 0;
    for (size_t r = 0; r < c->base.n; r++)
        if (!row_set_has(dead, (uint32_t)r))
            c->live[at++] = c->live[r];
    memcpy(c->live + at, added, n_new * sizeof *added);
    if (n_fresh)
        *build_cpu = 0;
    for (size_t i = 0; i < n_fresh; i++)
        *build_cpu += build(c, c->live, c->base.n, true, c->seed + 1000 * (uint64_t)number + 1 + i,
                            &again[i]) /
                      (double)n_fresh;
    round_state s = {.number = number,
                     .n_new = n_new,
                     .n_fresh = n_fresh,
                     .merge_cpu = cpu,
                     .build_cpu = *build_cpu,
                     .now = now,
                     .fresh = again,
                     .tombstones = c->tombstones ? tombstones : NULL};
    report(c, &s);
    for (size_t i = 0; i < n_fresh; i++)
        close_segment(&again[i]);
    free(dead);
    free(added);
}

static void run_rounds(churn *c, int rounds, double share, int fresh_every, const char *cache)
{
    segment now = {0};
    size_t pool_rows = c->base.n + c->extra.n, n_new = (size_t)((double)c->base.n * share);
    double build_cpu = 0;

    c->live = room(c->base.n, sizeof *c->live);
    c->is_live = room(pool_rows, 1);
    for (uint32_t r = 0; r < c->base.n; r++)
        c->live[r] = r;
    memset(c->is_live, 0, pool_rows);
    memset(c->is_live, 1, c->base.n);
    if (cache && bench_load(&now.mem, cache)) {
        open_segment(&now);
    } else {
        build_cpu = build(c, c->live, c->base.n, true, c->seed, &now);
        if (cache)
            bench_save(&now.mem, cache);
    }
    round_state s = {.build_cpu = build_cpu, .now = &now};
    report(c, &s);
    for (int i = 1; i <= rounds; i++)
        churn_round(c, i, n_new, &build_cpu, fresh_every && i % fresh_every == 0, &now);
    close_segment(&now);
    free(c->live);
    free(c->is_live);
}

int main(int argc, char **argv)
{
    churn c = {.m = 24, .efc = 200, .nq = 500, .repeats = 3, .n_fresh = 1, .seed = 9};
    const char *data = NULL, *cache = NULL;
    int rounds = 10, fresh_every = 1, threads = 1;
    double share = 0.3;

    for (int i = 1; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : "";
        if (!strcmp(argv[i], "--data"))
            data = value;
        else if (!strcmp(argv[i], "--rounds"))
            rounds = atoi(value);
        else if (!strcmp(argv[i], "--share"))
            share = atof(value);
        else if (!strcmp(argv[i], "--fresh-every"))
            fresh_every = atoi(value);
        else if (!strcmp(argv[i], "--fresh"))
            c.n_fresh = atoi(value);
        else if (!strcmp(argv[i], "--seed"))
            c.seed = strtoull(value, NULL, 10);
        else if (!strcmp(argv[i], "--tombstones")) {
            c.tombstones = true;
            continue;
        } else if (!strcmp(argv[i], "--nq"))
            c.nq = (size_t)atoi(value);
        else if (!strcmp(argv[i], "--M"))
            c.m = (uint32_t)atoi(value);
        else if (!strcmp(argv[i], "--efc"))
            c.efc = (uint32_t)atoi(value);
        else if (!strcmp(argv[i], "--repeats"))
            c.repeats = atoi(value);
        else if (!strcmp(argv[i], "--threads"))
            threads = atoi(value);
        else if (!strcmp(argv[i], "--cache"))
            cache = value;
        else if (!strcmp(argv[i], "--out"))
            bench_out = fopen(value, "a");
        else if (!strcmp(argv[i], "--ef")) {
            for (; c.n_efs < 32 && i + 1 < argc && argv[i + 1][0] != '-'; i++)
                c.efs[c.n_efs++] = (size_t)atoi(argv[i + 1]);
            continue;
        } else
            data = NULL, i = argc;
        i++;
    }
    if (!data || share <= 0 || share > 0.9 || c.n_fresh < 1 || c.n_fresh > MOST_FRESH) {
        fprintf(stderr, "usage: bench_churn --data DIR [--rounds 10] [--share 0.3] "
                        "[--fresh-every 1] [--fresh 1] [--nq 500] [--M 24] [--efc 200] "
                        "[--ef N ...] [--repeats 3] [--threads 1] [--seed 9] [--tombstones] "
                        "[--cache DIR] [--out FILE]\n");
        return 2;
    }
    if (!c.n_efs) {
        static const size_t usual[] = {16, 32, 64};
        memcpy(c.efs, usual, sizeof usual);
        c.n_efs = 3;
    }
    c.rng = c.seed;
    c.base = bench_npy(data, "base.npy", "<f4", 4, false);
    c.queries = bench_npy(data, "queries.npy", "<f4", 4, false);
    c.extra = bench_npy(data, "extra.npy", "<f4", 4, false);
    if (c.extra.d != c.base.d || c.queries.d != c.base.d ||
        (double)c.extra.n < share * (double)c.base.n) {
        fprintf(stderr, "bench: extra.npy has too few rows for this share\n");
        return 1;
    }
    c.nq = c.nq && c.nq < c.queries.n ? c.nq : c.queries.n;
    must(pool_create(&c.workers, (size_t)(threads < 1 ? 1 : threads), &bench_error), "threads");
    run_rounds(&c, rounds, share, fresh_every, cache);
    pool_destroy(c.workers);
    free(c.base.data);
    free(c.queries.data);
    free(c.extra.data);
    if (bench_out)
        fclose(bench_out);
    return 0;
}
