/* metrics_run.c - run files read back: one array of lines by query and score, with the names beside it. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "retrieve/metrics.h"

typedef struct run_line {
    char *query; /* one allocation with the document */
    const char *doc;
    double score;
    long rank;
    size_t order; /* line of the file */
} run_line;

struct metrics_run {
    run_line *lines;
    size_t n, cap;
    const char **docs; /* [n], in the order of lines */
};

void metrics_run_free(metrics_run *r)
{
    if (!r)
        return;
    for (size_t i = 0; i < r->n; i++)
        free(r->lines[i].query);
    free(r->lines);
    free(r->docs);
    free(r);
}

static int by_query_and_score(const void *a, const void *b)
{
    const run_line *x = a, *y = b;
    int c = strcmp(x->query, y->query);

    if (!c && x->score != y->score)
        c = x->score < y->score ? 1 : -1;
    if (!c)
        c = (x->rank > y->rank) - (x->rank < y->rank);
    return c ? c : (x->order > y->order) - (x->order < y->order);
}

static cairn_status add(metrics_run *r, const char *query, const char *doc, double score, long rank,
                        size_t order)
{
    size_t query_len = strlen(query) + 1, doc_len = strlen(doc) + 1;
    char *names;

    if (r->n == r->cap) {
        size_t cap = r->cap ? r->cap * 2 : 1024;
        run_line *more = checked_realloc(r->lines, cap, sizeof *more);
        if (!more)
            return CAIRN_ENOMEM;
        r->lines = more;
        r->cap = cap;
    }
    names = malloc(query_len + doc_len);
    if (!names)
        return CAIRN_ENOMEM;
    memcpy(names, query, query_len);
    memcpy(names + query_len, doc, doc_len);
    r->lines[r->n++] = (run_line){names, names + query_len, score, rank, order};
    return CAIRN_OK;
}

static bool number(const char *text, double *out)
{
    char *end;

    errno = 0;
    *out = strtod(text, &end);
    return end != text && !*end && isfinite(*out);
}

static cairn_status take_line(metrics_run *r, const char *path, size_t at, char *line, cairn_error *err)
{
    char *fields[6], *save = NULL;
    size_t n = 0;
    double rank, score;

    for (char *f = strtok_r(line, " \t\r\n", &save); f && n < 6; f = strtok_r(NULL, " \t\r\n", &save))
        fields[n++] = f;
    if (!n)
        return CAIRN_OK;
    if (n < 5 || !number(fields[3], &rank) || !number(fields[4], &score) || fabs(rank) > 1e15)
        return cairn_fail(err, CAIRN_EINPUT,
                          "%s, line %zu: needs query, Q0, document, rank, score and tag", path, at);
    if (add(r, fields[0], fields[2], score, (long)rank, at))
        return cairn_fail(err, CAIRN_ENOMEM, "run file");
    return CAIRN_OK;
}

cairn_status metrics_run_read(metrics_run **out, const char *path, cairn_error *err)
{
    metrics_run *r = calloc(1, sizeof *r);
    FILE *f = fopen(path, "re");
    char *line = NULL;
    size_t cap = 0, at = 0;
    cairn_status st = CAIRN_OK;

    *out = NULL;
    if (!f)
        st = cairn_fail(err, CAIRN_EINPUT, "open %s: %s", path, strerror(errno));
    else if (!r)
        st = cairn_fail(err, CAIRN_ENOMEM, "run file");
    while (!st && getline(&line, &cap, f) >= 0)
        st = take_line(r, path, ++at, line, err);
    if (!st && ferror(f))
        st = cairn_fail_errno(err, errno, "read %s", path);
    if (!st && !(r->docs = checked_malloc(r->n + 1, sizeof *r->docs)))
        st = cairn_fail(err, CAIRN_ENOMEM, "run file");
    if (!st && r->n) {
        qsort(r->lines, r->n, sizeof *r->lines, by_query_and_score);
        for (size_t i = 0; i < r->n; i++)
            r->docs[i] = r->lines[i].doc;
    }
    free(line);
    if (f)
        fclose(f);
    if (st)
        metrics_run_free(r);
    else
        *out = r;
    return st;
}

const char *const *metrics_run_docs(const metrics_run *r, const char *query, size_t *n)
{
    size_t lo = 0, hi = r->n, end;

    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (metrics_names_cmp(r->lines[mid].query, query) < 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    for (end = lo; end < r->n && !metrics_names_cmp(r->lines[end].query, query); end++)
        ;
    *n = end - lo;
    return r->docs + lo;
}
