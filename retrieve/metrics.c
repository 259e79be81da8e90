/* metrics.c - judgements as one sorted array of (query, document, grade); a query's are a run in it. */
#include "retrieve/metrics.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"

#define NDCG_DEPTH   10
#define RECALL_DEPTH 100
#define MRR_DEPTH    10
#define P_DEPTH      10
#define ROUNDS       2000
#define FLIP_ROUNDS  10000

typedef struct judgement {
    char *query, *doc; /* one allocation, owned by query */
    long grade;
    size_t order; /* line of the file */
} judgement;

typedef struct judged_query {
    const char *name;
    size_t first, n;   /* its run of judgements, by document */
    size_t n_relevant; /* grade >= 1 */
    size_t order;
} judged_query;

struct metrics_qrels {
    judgement *items; /* by query, then document */
    size_t n, cap;
    judged_query *queries; /* by name */
    judged_query **in_order; /* those with a relevant document, in the file's order */
    size_t n_queries, n_in_order;
};

const char *metrics_name(metrics_kind kind)
{
    static const char *const names[METRICS_KINDS] = {"nDCG@10", "Recall@100", "MAP", "MRR@10",
                                                     "P@10"};

    return names[kind];
}

void metrics_qrels_free(metrics_qrels *q)
{
    if (!q)
        return;
    for (size_t i = 0; i < q->n; i++)
        free(q->items[i].query);
    free(q->items);
    free(q->queries);
    free(q->in_order);
    free(q);
}

/* ---- reading ---- */

/* Cut a line into at most 4 fields at tabs, or at blanks where there is no tab. */
static size_t split(char *line, char *fields[4])
{
    const char *separators = strchr(line, '\t') ? "\t\r\n" : " \r\n";
    char *save = NULL;
    size_t n = 0;

    for (char *f = strtok_r(line, separators, &save); f && n < 4;
         f = strtok_r(NULL, separators, &save))
        fields[n++] = f;
    return n;
}

static bool parse_grade(const char *text, long *out)
{
    char *end;

    errno = 0;
    *out = strtol(text, &end, 10);
    while (isspace((unsigned char)*end))
        end++;
    return !errno && end != text && !*end;
}

static cairn_status add(metrics_qrels *q, const char *query, const char *doc, long grade,
                        size_t order)
{
    size_t query_len = strlen(query) + 1, doc_len = strlen(doc) + 1;
    char *names;

    if (q->n == q->cap) {
        size_t cap = q->cap ? q->cap * 2 : 1024;
        judgement *more = checked_realloc(q->items, cap, sizeof *more);
        if (!more)
            return CAIRN_ENOMEM;
        q->items = more;
        q->cap = cap;
    }
    names = malloc(query_len + doc_len);
    if (!names)
        return CAIRN_ENOMEM;
    memcpy(names, query, query_len);
    memcpy(names + query_len, doc, doc_len);
    q->items[q->n++] = (judgement){names, names + query_len, grade, order};
    return CAIRN_OK;
}

static cairn_status take_line(metrics_qrels *q, const char *path, size_t number, char *line,
                              cairn_error *err)
{
    char *fields[4];
    size_t n = split(line, fields);
    long grade;

    if (!n)
        return CAIRN_OK;
    if (n < 3 || !parse_grade(fields[n - 1], &grade)) {
        if (number == 1)
            return CAIRN_OK; /* the header */
        return cairn_fail(err, CAIRN_EINPUT, "%s, line %zu: needs query, document and grade", path,
                          number);
    }
    if (add(q, fields[0], n == 4 ? fields[2] : fields[1], grade, number))
        return cairn_fail(err, CAIRN_ENOMEM, "judgements");
    return CAIRN_OK;
}

static unsigned char name_byte(char c)
{
    return isspace((unsigned char)c) ? '_' : (unsigned char)c;
}

int metrics_names_cmp(const char *a, const char *b)
{
    while (*a && name_byte(*a) == name_byte(*b)) {
        a++;
        b++;
    }
    return (int)name_byte(*a) - (int)name_byte(*b);
}

static int by_query_and_doc(const void *a, const void *b)
{
    const judgement *x = a, *y = b;
    int c = metrics_names_cmp(x->query, y->query);

    if (!c)
        c = metrics_names_cmp(x->doc, y->doc);
    if (!c)
        c = (x->order > y->order) - (x->order < y->order);
    return c;
}

static int by_order(const void *a, const void *b)
{
    const judged_query *x = *(judged_query *const *)a, *y = *(judged_query *const *)b;

    return (x->order > y->order) - (x->order < y->order);
}

static cairn_status build_index(metrics_qrels *q)
{
    size_t n = 0;

    qsort(q->items, q->n, sizeof *q->items, by_query_and_doc);
    q->queries = checked_malloc(q->n, sizeof *q->queries);
    q->in_order = checked_malloc(q->n, sizeof *q->in_order);
    if (!q->queries || !q->in_order)
        return CAIRN_ENOMEM;
    for (size_t i = 0; i < q->n; i++) {
        const judgement *j = &q->items[i];
        judged_query *last = n ? &q->queries[n - 1] : NULL;
        if (!last || metrics_names_cmp(last->name, j->query)) {
            last = &q->queries[n++];
            *last = (judged_query){.name = j->query, .first = i, .order = j->order};
        }
        last->n++;
        /* A document judged twice counts once, by its first line. */
        if (j->grade >= 1 && (last->n == 1 || metrics_names_cmp(j[-1].doc, j->doc)))
            last->n_relevant++;
        if (j->order < last->order)
            last->order = j->order;
    }
    q->n_queries = n;
    for (size_t i = 0; i < n; i++)
        if (q->queries[i].n_relevant)
            q->in_order[q->n_in_order++] = &q->queries[i];
    qsort(q->in_order, q->n_in_order, sizeof *q->in_order, by_order);
    return CAIRN_OK;
}

cairn_status metrics_qrels_read(metrics_qrels **out, const char *path, cairn_error *err)
{
    metrics_qrels *q = calloc(1, sizeof *q);
    FILE *f = fopen(path, "re");
    char *line = NULL;
    size_t cap = 0, number = 0;
    cairn_status st = CAIRN_OK;

    *out = NULL;
    if (!f)
        st = cairn_fail(err, CAIRN_EINPUT, "open %s: %s", path, strerror(errno));
    else if (!q)
        st = cairn_fail(err, CAIRN_ENOMEM, "judgements");
    while (!st && getline(&line, &cap, f) >= 0)
        st = take_line(q, path, ++number, line, err);
    if (!st && ferror(f))
        st = cairn_fail_errno(err, errno, "read %s", path);
    if (!st && build_index(q))
        st = cairn_fail(err, CAIRN_ENOMEM, "judgements");
    free(line);
    if (f)
        fclose(f);
    if (st)
        metrics_qrels_free(q);
    else
        *out = q;
    return st;
}

size_t metrics_qrels_queries(const metrics_qrels *q)
{
    return q->n_in_order;
}

const char *metrics_qrels_query(const metrics_qrels *q, size_t i)
{
    return q->in_order[i]->name;
}

static const judged_query *find_query(const metrics_qrels *q, const char *name)
{
    size_t lo = 0, hi = q->n_queries;

    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        int c = metrics_names_cmp(q->queries[mid].name, name);
        if (!c)
            return &q->queries[mid];
        if (c < 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    return NULL;
}

bool metrics_qrels_has(const metrics_qrels *q, const char *query)
{
    const judged_query *found = find_query(q, query);

    return found && found->n_relevant;
}

/* ---- measuring ---- */

/* The judgement of a document, or NULL. */
static const judgement *judgement_of(const metrics_qrels *q, const judged_query *of,
                                     const char *doc)
{
    size_t lo = of->first, hi = of->first + of->n;

    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (metrics_names_cmp(q->items[mid].doc, doc) < 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo < of->first + of->n && !metrics_names_cmp(q->items[lo].doc, doc) ? &q->items[lo] : NULL;
}

static double discount(size_t rank)
{
    return 1.0 / log2((double)rank + 1);
}

static int falling(const void *a, const void *b)
{
    long x = *(const long *)a, y = *(const long *)b;

    return (x < y) - (x > y);
}

/* The nDCG denominator: the best order there can be. */
static cairn_status ideal_gain(const metrics_qrels *q, const judged_query *of, double *out)
{
    long *grades = checked_malloc(of->n, sizeof *grades);
    size_t n = 0;

    if (!grades)
        return CAIRN_ENOMEM;
    for (size_t i = of->first; i < of->first + of->n; i++)
        if (i == of->first || strcmp(q->items[i].doc, q->items[i - 1].doc))
            grades[n++] = q->items[i].grade;
    qsort(grades, n, sizeof *grades, falling);
    *out = 0;
    for (size_t i = 0; i < n && i < NDCG_DEPTH && grades[i] > 0; i++)
        *out += (double)grades[i] * discount(i + 1);
    free(grades);
    return CAIRN_OK;
}

cairn_status metrics_query(const metrics_qrels *q, const char *query, const char *const *docs,
                           size_t n, double out[METRICS_KINDS])
{
    const judged_query *of = find_query(q, query);
    size_t rank = 0, found = 0, recalled = 0, early = 0;
    double gain = 0, ideal = 0, precision = 0, reciprocal = 0;
    bool *counted;
    cairn_status st;

    memset(out, 0, METRICS_KINDS * sizeof *out);
    if (!of || !of->n_relevant)
        return CAIRN_ENOTFOUND;
    counted = calloc(of->n, sizeof *counted);
    if (!counted)
        return CAIRN_ENOMEM;
    st = ideal_gain(q, of, &ideal);
    for (size_t i = 0; !st && i < n; i++) {
        const judgement *j = judgement_of(q, of, docs[i]);
        if (j && counted[j - &q->items[of->first]])
            continue; /* a repeated name stands where it stood first */
        rank++;
        if (!j)
            continue;
        counted[j - &q->items[of->first]] = true;
        if (rank <= NDCG_DEPTH && j->grade > 0)
            gain += (double)j->grade * discount(rank);
        if (j->grade < 1)
            continue;
        found++;
        precision += (double)found / (double)rank;
        recalled += rank <= RECALL_DEPTH;
        early += rank <= P_DEPTH;
        if (found == 1 && rank <= MRR_DEPTH)
            reciprocal = 1.0 / (double)rank;
    }
    free(counted);
    out[METRICS_NDCG_10] = ideal > 0 ? gain / ideal : 0;
    out[METRICS_RECALL_100] = (double)recalled / (double)of->n_relevant;
    out[METRICS_MAP] = precision / (double)of->n_relevant;
    out[METRICS_MRR_10] = reciprocal;
    out[METRICS_P_10] = (double)early / P_DEPTH;
    return st;
}

/* SplitMix64: small, and the same everywhere. */
static uint64_t next_random(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15u;

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

static int rising(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

cairn_status metrics_bootstrap(const double *values, size_t n, size_t rounds, uint64_t seed,
                               metrics_interval *out, cairn_error *err)
{
    double *means, sum = 0;

    *out = (metrics_interval){0};
    if (!n)
        return CAIRN_OK;
    if (!rounds)
        rounds = ROUNDS;
    means = checked_malloc(rounds, sizeof *means);
    if (!means)
        return cairn_fail(err, CAIRN_ENOMEM, "bootstrap of %zu rounds", rounds);
    for (size_t i = 0; i < n; i++)
        sum += values[i];
    out->mean = sum / (double)n;
    for (size_t r = 0; r < rounds; r++) {
        double s = 0;
        for (size_t i = 0; i < n; i++)
            s += values[next_random(&seed) % n];
        means[r] = s / (double)n;
    }
    qsort(means, rounds, sizeof *means, rising);
    out->low = means[(size_t)(0.025 * (double)(rounds - 1) + 0.5)];
    out->high = means[(size_t)(0.975 * (double)(rounds - 1) + 0.5)];
    free(means);
    return CAIRN_OK;
}

cairn_status metrics_compare(const double *a, const double *b, size_t n, size_t rounds, uint64_t seed,
                             metrics_paired *out, cairn_error *err)
{
    double *d = checked_malloc(n + 1, sizeof *d), seen = 0;
    metrics_interval i;
    size_t as_large = 1;
    cairn_status st;

    *out = (metrics_paired){.p = 1};
    if (!d)
        return cairn_fail(err, CAIRN_ENOMEM, "comparison of %zu queries", n);
    if (!rounds)
        rounds = FLIP_ROUNDS;
    for (size_t q = 0; q < n; q++) {
        d[q] = b[q] - a[q];
        seen += d[q];
        out->better += d[q] > 0;
        out->worse += d[q] < 0;
    }
    out->equal = n - out->better - out->worse;
    st = metrics_bootstrap(d, n, 0, seed, &i, err);
    out->difference = i.mean;
    out->low = i.low;
    out->high = i.high;
    for (size_t r = 0; !st && r < rounds; r++) {
        double sum = 0;
        uint64_t bits = 0;
        for (size_t q = 0; q < n; q++) {
            bits = q % 64 ? bits >> 1 : next_random(&seed);
            sum += bits & 1 ? d[q] : -d[q];
        }
        as_large += fabs(sum) >= fabs(seen) - 1e-12;
    }
    if (!st && n)
        out->p = (double)as_large / (double)(rounds + 1);
    free(d);
    return st;
}

static void put_name(FILE *f, const char *name)
{
    for (; *name; name++)
        fputc(name_byte(*name), f);
}

void metrics_run_line(FILE *f, const char *query, const char *doc, size_t rank, double score,
                      const char *tag)
{
    put_name(f, query);
    fputs(" Q0 ", f);
    put_name(f, doc);
    fprintf(f, " %zu %.9g %s\n", rank, score, tag);
}
