/* bench_walks.c - time searches of graphs and of inverted lists and fit the cost model's numbers to
 * them: what is pasted into index/vector/vector_costs.c as vector_index_cost.
 *
 *   bench_walks [--number 60] --queries DIR SEGMENT ... [--queries DIR SEGMENT ...]
 *
 * DIR holds queries.npy for the segments behind it, each SEGMENT is a folder that bench_plan --keep
 * made. How many rows a walk scores depends on the vectors, so give it more than one set. Every
 * index is searched at several ef or numbers of lists and shares of eligible rows, by itself,
 * without the exact scores that follow every kind of search. A case is the median over the queries
 * of CPU time, the least of PASSES times; the fit makes the squares of the relative errors least,
 * with no number below 0. Prints a JSON line a case (with the prediction of the numbers in force)
 * and the new numbers. Run it on a quiet machine: beside other work times are three to ten times as
 * long. */
#include <math.h>

#include "bench/bench_vectors.h"
#include "index/vector/vector_plan.h"
#include "index/vector/vector_scan.h"

#define MOST_CASES 512
#define WAYS       3
#define PASSES     5

typedef struct one_case {
    vector_index_way way;
    double term[COST_TERMS], ns;
} one_case;

typedef struct fitting {
    one_case at[MOST_CASES];
    size_t n;
    double scored[WAYS]; /* the most rows scored for each of 64 candidates */
} fitting;

/* One search by the index alone; the rows scored, 0 where lists are read; false: it gave up. */
static bool search_once(const vector_reader *r, const vector_segment *seg, size_t eligible,
                        const float *v, size_t ef, uint32_t n_probe, uint32_t *scored)
{
    const vector_codes *c = r->has_graph ? &r->walk : &r->codes;
    float *work = room(r->dim, sizeof *work);
    vector_query q = {.code = room(vector_query_bytes(c->kind, c->dim), 1)};
    hnsw_candidate *out = room(ef, sizeof *out);
    hnsw_search_stats stats = {0};
    bool scan = false;
    size_t n = 0;

    vector_query_encode(c, v, work, &q);
    if (!r->has_graph) {
        ivf_query lists = {v, &q, &r->codes, ef, n_probe, NULL, seg->allowed};
        must(ivf_search(&r->lists, &lists, eligible, out, &n, &scan, &bench_error), "lists");
    } else if (vector_walk_filtered(r->codes.rows, eligible)) {
        must(hnsw_search_filtered(&r->graph, &r->walk, &q, ef, NULL, seg->allowed, eligible, 0, out,
                                  &n, &stats, &bench_error),
             "filtered walk");
    } else {
        must(hnsw_search(&r->graph, &r->walk, &q, ef, NULL, seg->allowed, 0, NULL, out, &n, &stats,
                         &bench_error),
             "walk");
    }
    *scored = stats.scored;
    free(work);
    free(q.code);
    free(out);
    return !scan;
}

static void time_case(fitting *f, const vector_reader *r, const vector_segment *seg,
                      const matrix *queries, size_t nq, double share, size_t ef, uint32_t n_probe)
{
    size_t eligible = vector_count_eligible(seg);
    double *t = room(nq, sizeof *t), term[COST_TERMS], scored = 0;
    vector_index_way way = vector_plan_terms(r, eligible, ef, n_probe, ef, term);
    vector_plan plan = vector_plan_segment(r, eligible, ef, n_probe, ef);
    uint32_t rows = 0;

    for (size_t i = 0; i < nq; i++)
        if (!search_once(r, seg, eligible, row_of(queries, i), ef, n_probe, &rows)) {
            free(t);
            return;
        }
    double ns = INFINITY;
    for (int pass = 0; pass < PASSES; pass++) {
        for (size_t i = 0; i < nq; i++) {
            int64_t start = clock_cpu_ns();
            (void)search_once(r, seg, eligible, row_of(queries, i), ef, n_probe, &rows);
            t[i] = (double)(clock_cpu_ns() - start);
            scored += (double)rows / PASSES;
        }
        ns = fmin(ns, bench_median(t, nq));
    }
    emit(
        "{\"bench\": \"walks\", \"way\": %d, \"n\": %u, \"share\": %g, \"ef\": %zu, \"probe\": %u, "
        "\"us\": %.2f, \"us_predicted\": %.2f, \"scored\": %.0f}",
        (int)way, r->codes.rows, share, ef, n_probe, ns / 1e3, plan.index_ns / 1e3,
        scored / (double)nq);
    free(t);
    if (f->n == MOST_CASES)
        return;
    one_case *c = &f->at[f->n++];
    c->way = way;
    c->ns = ns;
    memcpy(c->term, term, sizeof term);
    if (way != WAY_LISTS && ef == 64)
        f->scored[way] = fmax(f->scored[way], scored / (double)nq / term[3]);
}

static void time_segment(fitting *f, const vector_reader *r, const matrix *queries, size_t nq)
{
    static const double shares[] = {1, 0.5, 0.2, 0.1, 0.05, 0.025};
    static const size_t efs[] = {32, 64, 128, 256};
    uint32_t n = vector_reader_rows(r);

    for (size_t s = 0; s < sizeof shares / sizeof *shares; s++) {
        uint64_t state = 3, *allowed = shares[s] < 1 ? bench_bits(n) : NULL;
        for (uint32_t i = 0; allowed && i < n; i++)
            if (test_uniform(&state) < shares[s])
                bench_set(allowed, i);
        vector_segment seg = {r, NULL, allowed};
        for (size_t e = 0; e < sizeof efs / sizeof *efs; e++) {
            if (r->has_graph && shares[s] * n > 8.0 * (double)efs[e]) /* else it is not walked */
                time_case(f, r, &seg, queries, nq, shares[s], efs[e], 0);
            else if (!r->has_graph)
                time_case(f, r, &seg, queries, nq, shares[s], 42,
                          ivf_default_probe(r->lists.n_lists) * (uint32_t)efs[e] / 64);
        }
        free(allowed);
    }
}

/* ---- the fit ---- */

/* Solve a x = b of n <= COST_TERMS unknowns by elimination; false where there is no one answer. */
static bool solve(double a[COST_TERMS][COST_TERMS + 1], int n, double *x)
{
    for (int i = 0; i < n; i++) {
        int best = i;
        for (int j = i + 1; j < n; j++)
            best = fabs(a[j][i]) > fabs(a[best][i]) ? j : best;
        if (fabs(a[best][i]) < 1e-9)
            return false;
        for (int k = 0; k <= n; k++) {
            double t = a[i][k];
            a[i][k] = a[best][k];
            a[best][k] = t;
        }
        for (int j = 0; j < n; j++) {
            double times = j == i ? 0 : a[j][i] / a[i][i];
            for (int k = i; k <= n && times != 0; k++)
                a[j][k] -= times * a[i][k];
        }
    }
    for (int i = 0; i < n; i++)
        x[i] = a[i][n] / a[i][i];
    return true;
}

/* Least squares of the relative errors over the terms of `used` (bits); the sum, INFINITY where
 * there is no answer or one below 0. */
static double fit_some(const fitting *f, int way, unsigned used, double cost[COST_TERMS])
{
    double a[COST_TERMS][COST_TERMS + 1] = {{0}}, x[COST_TERMS], scale[COST_TERMS] = {0}, error = 0;
    int which[COST_TERMS], n = 0;

    if (used >> 1 & 1) /* known, not fitted */
        return INFINITY;
    for (int i = 0; i < COST_TERMS; i++)
        if (used >> i & 1)
            which[n++] = i;
    for (size_t c = 0; c < f->n; c++)
        for (int i = 0; f->at[c].way == (vector_index_way)way && i < n; i++)
            scale[i] += fabs(f->at[c].term[which[i]] / f->at[c].ns);
    for (int i = 0; i < n; i++)
        if (!(scale[i] > 0))
            return INFINITY;
    for (size_t c = 0; c < f->n; c++) {
        const one_case *at = &f->at[c];
        for (int i = 0; at->way == (vector_index_way)way && i < n; i++) {
            double t = at->term[which[i]] / at->ns / scale[i];
            for (int j = 0; j < n; j++)
                a[i][j] += 1e6 * t * at->term[which[j]] / at->ns / scale[j];
            a[i][n] += 1e6 * t * (1 - at->term[1] / at->ns);
        }
    }
    if (!solve(a, n, x))
        return INFINITY;
    memset(cost, 0, COST_TERMS * sizeof *cost);
    cost[1] = 1;
    for (int i = 0; i < n; i++) {
        if (x[i] < 0)
            return INFINITY;
        cost[which[i]] = x[i] / scale[i];
    }
    for (size_t c = 0; c < f->n; c++) {
        double off = -1;
        if (f->at[c].way != (vector_index_way)way)
            continue;
        for (int i = 0; i < COST_TERMS; i++)
            off += cost[i] * f->at[c].term[i] / f->at[c].ns;
        error += off * off;
    }
    return error;
}

static void print_fit(const fitting *f, int way, const char *name)
{
    double best = INFINITY, cost[COST_TERMS], kept[COST_TERMS] = {0};
    size_t n = 0;

    for (unsigned used = 1; used < 1u << COST_TERMS; used++) {
        double error = fit_some(f, way, used, cost);
        if (error < best) {
            best = error;
            memcpy(kept, cost, sizeof kept);
        }
    }
    for (size_t c = 0; c < f->n; c++)
        n += f->at[c].way == (vector_index_way)way;
    if (!n)
        return;
    printf("    .%s = {", name);
    for (int i = 0; i < COST_TERMS; i++)
        printf("%s%.4g", i ? ", " : "", kept[i]);
    printf("}, /* %zu cases, typically off by %.0f %% */\n", n, 100 * sqrt(best / (double)n));
}

int main(int argc, char **argv)
{
    fitting *f = calloc(1, sizeof *f);
    matrix queries = {0};
    size_t number = 60;
    int i = 1;

    for (; f && i < argc; i++) {
        if (!strcmp(argv[i], "--queries") && i + 2 < argc) {
            free(queries.data);
            queries = bench_npy(argv[++i], "queries.npy", "<f4", 4, false);
            continue;
        }
        if (!strcmp(argv[i], "--number") && i + 1 < argc) {
            number = strtoul(argv[++i], NULL, 10);
            continue;
        }
        if (!queries.data || !number)
            break;
        memory_sections mem = {0};
        vector_reader *r;
        if (!bench_load(&mem, argv[i])) {
            fprintf(stderr, "bench_walks: no segment in %s\n", argv[i]);
            return 1;
        }
        section_source source = memory_source(&mem);
        must(vector_reader_open(&r, &source, &bench_error), "open");
        if (r->dim != queries.d) {
            fprintf(stderr, "bench_walks: %s has other dimensions than the queries\n", argv[i]);
            return 1;
        }
        if (r->has_graph || r->lists.kind != IVF_NONE)
            time_segment(f, r, &queries, number < queries.n ? number : queries.n);
        vector_reader_close(r);
        memory_clear(&mem);
    }
    if (!f || i < argc || !queries.data) {
        fprintf(stderr, "usage: bench_walks [--number 60] --queries DIR SEGMENT ... "
                        "[--queries DIR SEGMENT ...]\n");
        free(f);
        return 2;
    }
    print_fit(f, WAY_WALK, "walk");
    print_fit(f, WAY_FILTERED, "filtered");
    print_fit(f, WAY_LISTS, "lists");
    printf("    .walk_scored = %.1f,\n    .fit_scored = %.1f,\n", f->scored[WAY_WALK],
           f->scored[WAY_FILTERED]);
    free(queries.data);
    free(f);
    return 0;
}
