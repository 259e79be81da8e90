/* eval_report.c - tables, a histogram as inline SVG, and the queries that went worst. */
#include "engine/eval.h"
#include "engine/eval_report.h"

#include <math.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"

#define BINS  10
#define WORST 50

static void put_text(FILE *f, const char *s)
{
    for (; *s; s++)
        switch (*s) {
        case '<':
            fputs("&lt;", f);
            break;
        case '>':
            fputs("&gt;", f);
            break;
        case '&':
            fputs("&amp;", f);
            break;
        case '"':
            fputs("&quot;", f);
            break;
        default:
            fputc((unsigned char)*s < 0x20 ? ' ' : *s, f);
        }
}

static void put_head(FILE *f, const char *title)
{
    fputs("<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\"><title>", f);
    put_text(f, title);
    fputs("</title>\n<style>body{font:15px/1.45 sans-serif;max-width:60em;margin:2em auto;padding:0 1em}"
          "table{border-collapse:collapse;margin:1em 0}td,th{padding:.25em .8em;text-align:left;"
          "border-bottom:1px solid #ccc}td.n,th.n{text-align:right;font-variant-numeric:tabular-nums}"
          "rect{fill:#4472a8}text{font:12px sans-serif}</style>\n<h1>", f);
    put_text(f, title);
    fputs("</h1>\n", f);
}

static void put_table(FILE *f, const cairn_metric *m, size_t n)
{
    fputs("<table><tr><th>measure<th class=n>mean<th class=n>95 % interval</tr>\n", f);
    for (size_t k = 0; k < n; k++)
        fprintf(f, "<tr><td>%s<td class=n>%.4f<td class=n>%.4f &ndash; %.4f</tr>\n", m[k].name, m[k].value, m[k].low, m[k].high);
    fputs("</table>\n", f);
}

static void put_metrics(FILE *f, const cairn_eval_result *r)
{
    put_table(f, r->metrics, r->n_metrics);
    fprintf(f, "<p>%zu judged queries; a query took %.2f ms (median), %.2f ms (99 %%).</p>\n",
            r->n_queries, r->query_ms_median, r->query_ms_p99);
}

/* Of slices by the field `by`. */
static void put_slice_head(FILE *f, const char *by, const char *of, const cairn_metric *m, size_t n)
{
    fputs("<h2>By slice: ", f);
    put_text(f, by);
    fputs("</h2>\n<table><tr><th>", f);
    put_text(f, by);
    fprintf(f, "<th class=n>%s", of);
    for (size_t k = 0; k < n; k++)
        fprintf(f, "<th class=n>%s", m[k].name);
    fputs("</tr>\n", f);
}

/* One slice of `of` queries below all[n_all]; it may lack some of the measures. */
static void put_slice(FILE *f, const char *value, size_t of, const cairn_metric *all, size_t n_all, const cairn_metric *m, size_t n, int digits)
{
    fputs("<tr><td>", f);
    put_text(f, *value ? value : "(none)");
    fprintf(f, "<td class=n>%zu", of);
    for (size_t k = 0, at = 0; k < n_all; k++) {
        if (at < n && !strcmp(m[at].name, all[k].name))
            fprintf(f, "<td class=n>%.*f", digits, m[at++].value);
        else
            fputs("<td class=n>&ndash;", f);
    }
    fputs("</tr>\n", f);
}

static void put_slices(FILE *f, const char *by, const cairn_eval_result *r)
{
    if (!r->n_slices)
        return;
    put_slice_head(f, by, "queries", r->metrics, r->n_metrics);
    for (size_t s = 0; s < r->n_slices; s++)
        put_slice(f, r->slices[s].value, r->slices[s].n_queries, r->metrics, r->n_metrics, r->slices[s].metrics, r->n_metrics, 4);
    fputs("</table>\n", f);
}

static void count_value(size_t bins[BINS], double value)
{
    size_t b = value > 0 ? (size_t)(value * BINS) : 0;

    bins[b < BINS ? b : BINS - 1]++;
}

static void put_bars(FILE *f, const char *heading, const size_t bins[BINS])
{
    size_t most = 1;

    for (size_t b = 0; b < BINS; b++)
        most = bins[b] > most ? bins[b] : most;
    fprintf(f, "<h2>%s</h2>\n<svg width=620 height=220 role=img>\n", heading);
    for (size_t b = 0; b < BINS; b++) {
        double high = 170.0 * (double)bins[b] / (double)most;
        fprintf(f, "<rect x=%zu y=%.1f width=50 height=%.1f /><text x=%zu y=%.1f>%zu</text>"
                   "<text x=%zu y=210>%.1f</text>\n",
                10 + b * 60, 190 - high, high, 12 + b * 60, 185 - high, bins[b], 12 + b * 60,
                (double)b / BINS);
    }
    fputs("</svg>\n", f);
}

/* How many queries have which nDCG@10. */
static void put_histogram(FILE *f, const eval_query *queries, size_t n)
{
    size_t bins[BINS] = {0};

    for (size_t i = 0; i < n; i++)
        count_value(bins, queries[i].values[0]);
    put_bars(f, "Queries by nDCG@10", bins);
}

static int by_first_value(const void *a, const void *b)
{
    const eval_query *x = *(const eval_query *const *)a, *y = *(const eval_query *const *)b;

    if (x->values[0] < y->values[0] || x->values[0] > y->values[0])
        return x->values[0] < y->values[0] ? -1 : 1;
    return x < y ? -1 : x > y;
}

static cairn_status put_worst(FILE *f, const eval_query *queries, size_t n, cairn_error *err)
{
    const eval_query **order = checked_malloc(n + 1, sizeof *order);

    if (!order)
        return cairn_fail(err, CAIRN_ENOMEM, "report");
    for (size_t i = 0; i < n; i++)
        order[i] = &queries[i];
    qsort(order, n, sizeof *order, by_first_value);
    fputs("<h2>Worst queries</h2>\n<table><tr><th>query<th>text<th class=n>nDCG@10<th class=n>Recall@100"
          "<th>first document</tr>\n", f);
    for (size_t i = 0; i < n && i < WORST; i++) {
        fputs("<tr><td>", f);
        put_text(f, order[i]->id);
        fputs("<td>", f);
        put_text(f, order[i]->text);
        fprintf(f, "<td class=n>%.3f<td class=n>%.3f<td>", order[i]->values[0], order[i]->values[1]);
        put_text(f, order[i]->first ? order[i]->first : "(nothing found)");
        fputs("</tr>\n", f);
    }
    fputs("</table>\n", f);
    free(order);
    return CAIRN_OK;
}

cairn_status eval_report_write(const char *path, const char *title, const char *slice, const cairn_eval_result *r,
                               const eval_query *queries, size_t n, cairn_error *err)
{
    FILE *f = fopen(path, "we");
    bool bad;
    cairn_status st;

    if (!f)
        return cairn_fail_errno(err, errno, "write %s", path);
    put_head(f, title);
    put_metrics(f, r);
    put_slices(f, slice, r);
    put_histogram(f, queries, n);
    st = put_worst(f, queries, n, err);
    fputs("</html>\n", f);
    bad = ferror(f) != 0;
    if ((fclose(f) || bad) && !st)
        st = cairn_fail_errno(err, errno, "write %s", path);
    return st;
}

/* ---- answers ---- */

static void put_answer_slices(FILE *f, const char *by, const cairn_answers_result *r)
{
    if (!r->n_slices)
        return;
    put_slice_head(f, by, "questions", r->metrics, r->n_metrics);
    for (size_t s = 0; s < r->n_slices; s++)
        put_slice(f, r->slices[s].value, r->slices[s].n, r->metrics, r->n_metrics, r->slices[s].metrics, r->slices[s].n_metrics, 3);
    fputs("</table>\n", f);
}

static void put_wrong(FILE *f, const eval_answer *answers, size_t n)
{
    size_t shown = 0;

    fputs("<h2>Not right</h2>\n<table><tr><th>question<th>accepted<th>answer<th class=n>token F1</tr>\n", f);
    for (size_t i = 0; i < n && shown < WORST; i++) {
        if (answers[i].right)
            continue;
        shown++;
        fputs("<tr><td>", f);
        put_text(f, answers[i].question);
        fputs("<td>", f);
        put_text(f, *answers[i].gold ? answers[i].gold : "(not answerable)");
        fputs("<td>", f);
        put_text(f, answers[i].answer);
        if (isnan(answers[i].f1))
            fputs("<td class=n>&ndash;</tr>\n", f);
        else
            fprintf(f, "<td class=n>%.3f</tr>\n", answers[i].f1);
    }
    fputs("</table>\n", f);
}

cairn_status eval_report_answers(const char *path, const char *title, const char *slice, const cairn_answers_result *r,
                                 const eval_answer *answers, size_t n, cairn_error *err)
{
    FILE *f = fopen(path, "we");
    size_t bins[BINS] = {0};
    bool bad;

    if (!f)
        return cairn_fail_errno(err, errno, "write %s", path);
    put_head(f, title);
    put_table(f, r->metrics, r->n_metrics);
    fprintf(f, "<p>%zu questions, %zu of them not answerable; %zu answers in the documents' own words; %.0f ms an answer (median).</p>\n",
            r->n, r->n_unanswerable, r->n_extractive, r->total_ms_median);
    put_answer_slices(f, slice, r);
    for (size_t i = 0; i < n; i++)
        if (!isnan(answers[i].f1))
            count_value(bins, answers[i].f1);
    put_bars(f, "Answerable questions by token F1", bins);
    put_wrong(f, answers, n);
    fputs("</html>\n", f);
    bad = ferror(f) != 0;
    return fclose(f) || bad ? cairn_fail_errno(err, errno, "write %s", path) : CAIRN_OK;
}
