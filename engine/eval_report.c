/* eval_report.c - tables, a histogram as inline SVG, and the queries that went worst. */
#include "engine/eval.h"
#include "engine/eval_report.h"

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

static void put_metrics(FILE *f, const cairn_eval_result *r)
{
    fputs("<table><tr><th>measure<th class=n>mean<th class=n>95 % interval</tr>\n", f);
    for (size_t k = 0; k < r->n_metrics; k++)
        fprintf(f, "<tr><td>%s<td class=n>%.4f<td class=n>%.4f &ndash; %.4f</tr>\n", r->metrics[k].name,
                r->metrics[k].value, r->metrics[k].low, r->metrics[k].high);
    fprintf(f, "</table>\n<p>%zu judged queries; a query took %.2f ms (median), %.2f ms (99 %%).</p>\n",
            r->n_queries, r->query_ms_median, r->query_ms_p99);
}

static void put_slices(FILE *f, const cairn_eval_result *r)
{
    if (!r->n_slices)
        return;
    fputs("<h2>By slice</h2>\n<table><tr><th>value<th class=n>queries", f);
    for (size_t k = 0; k < r->n_metrics; k++)
        fprintf(f, "<th class=n>%s", r->metrics[k].name);
    fputs("</tr>\n", f);
    for (size_t s = 0; s < r->n_slices; s++) {
        fputs("<tr><td>", f);
        put_text(f, *r->slices[s].value ? r->slices[s].value : "(none)");
        fprintf(f, "<td class=n>%zu", r->slices[s].n_queries);
        for (size_t k = 0; k < r->n_metrics; k++)
            fprintf(f, "<td class=n>%.4f", r->slices[s].metrics[k].value);
        fputs("</tr>\n", f);
    }
    fputs("</table>\n", f);
}

/* How many queries have which nDCG@10. */
static void put_histogram(FILE *f, const eval_query *queries, size_t n)
{
    size_t bins[BINS] = {0}, most = 1;

    for (size_t i = 0; i < n; i++) {
        size_t b = (size_t)(queries[i].values[0] * BINS);
        bins[b < BINS ? b : BINS - 1]++;
    }
    for (size_t b = 0; b < BINS; b++)
        most = bins[b] > most ? bins[b] : most;
    fputs("<h2>Queries by nDCG@10</h2>\n<svg width=620 height=220 role=img>\n", f);
    for (size_t b = 0; b < BINS; b++) {
        double high = 170.0 * (double)bins[b] / (double)most;
        fprintf(f, "<rect x=%zu y=%.1f width=50 height=%.1f /><text x=%zu y=%.1f>%zu</text>"
                   "<text x=%zu y=210>%.1f</text>\n",
                10 + b * 60, 190 - high, high, 12 + b * 60, 185 - high, bins[b], 12 + b * 60,
                (double)b / BINS);
    }
    fputs("</svg>\n", f);
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

cairn_status eval_report_write(const char *path, const char *title, const cairn_eval_result *r,
                               const eval_query *queries, size_t n, cairn_error *err)
{
    FILE *f = fopen(path, "we");
    bool bad;
    cairn_status st;

    if (!f)
        return cairn_fail_errno(err, errno, "write %s", path);
    put_head(f, title);
    put_metrics(f, r);
    put_slices(f, r);
    put_histogram(f, queries, n);
    st = put_worst(f, queries, n, err);
    fputs("</html>\n", f);
    bad = ferror(f) != 0;
    if ((fclose(f) || bad) && !st)
        st = cairn_fail_errno(err, errno, "write %s", path);
    return st;
}
