/* eval_gate.c - may what is new replace what is old? Two rankings or two runs over the same questions, query by
 * query.
 *
 * It may when the new one is not worse than the margin allows, even at the pessimistic end of the interval of
 * the difference (non-inferiority: a small test set cannot show that, and then the answer is no), and when it
 * is in no other measure worse by more than the margin with a chance below alpha. */
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "engine/eval_compare.h"
#include "engine/eval_lines.h"

#define LEAST_PAIRS 10

static void say(cairn_gate *g, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void say(cairn_gate *g, const char *fmt, ...)
{
    size_t n = strlen(g->reason);
    va_list args;

    va_start(args, fmt);
    vsnprintf(g->reason + n, sizeof g->reason - n, fmt, args);
    va_end(args);
}

static void judge(cairn_gate *g, const cairn_gate_options *o)
{
    bool known = false;

    g->passed = true;
    for (size_t i = 0; i < g->n_comparisons; i++) {
        const cairn_comparison *x = &g->comparisons[i];
        if (!strcmp(x->name, o->measure)) {
            known = true;
            if (x->low < -o->margin) {
                g->passed = false;
                say(g, "%s may be worse by %.3f (margin %.3f). ", x->name, -x->low, o->margin);
            }
            if (o->better && !(x->difference > 0 && x->p < o->alpha)) {
                g->passed = false;
                say(g, "%s is not shown to be better (difference %+.3f, p %.3f). ", x->name, x->difference, x->p);
            }
        } else if (x->difference < -o->margin && x->p < o->alpha) {
            g->passed = false;
            say(g, "%s is worse by %.3f (p %.3f). ", x->name, -x->difference, x->p);
        }
    }
    if (!known)
        g->passed = false;
    if (g->passed)
        say(g, "no worse than %.3f in %s over %zu queries. ", o->margin, o->measure, g->n_queries);
}

static cairn_status check_options(const cairn_gate_options *o, cairn_error *err)
{
    if (!(o->margin >= 0 && o->margin <= 1))
        return cairn_fail(err, CAIRN_EUSAGE, "a margin is from 0 to 1");
    if (!(o->alpha > 0 && o->alpha < 1))
        return cairn_fail(err, CAIRN_EUSAGE, "alpha is between 0 and 1");
    return CAIRN_OK;
}

static cairn_status known_measure(const cairn_gate *g, const char *measure, cairn_error *err)
{
    char list[256] = "";

    for (size_t i = 0; i < g->n_comparisons; i++) {
        if (!strcmp(g->comparisons[i].name, measure))
            return CAIRN_OK;
        snprintf(list + strlen(list), sizeof list - strlen(list), "%s%s", i ? ", " : "", g->comparisons[i].name);
    }
    return cairn_fail(err, CAIRN_EUSAGE, "there is no measure \"%s\"; there are %s", measure, list);
}

cairn_status cairn_eval_gate(const char *qrels, const char *old_run, const char *new_run,
                             const cairn_gate_options *options, cairn_gate *out, cairn_error *err)
{
    cairn_gate_options o = *options;
    cairn_status st;

    *out = (cairn_gate){0};
    o.measure = o.measure ? o.measure : "nDCG@10";
    st = check_options(&o, err);
    if (!st)
        st = cairn_eval_compare(qrels, old_run, new_run, out->comparisons, &out->n_queries, err);
    if (st)
        return st;
    out->n_comparisons = CAIRN_METRICS;
    st = known_measure(out, o.measure, err);
    if (!st)
        judge(out, &o);
    return st;
}

/* ---- answers ---- */

enum { RIGHT, KEPT, REFUSED, KINDS }; /* of a pair, where it has them */

static const char *const kind_names[KINDS] = {"right", "answered_answerable", "refused_unanswerable"};

/* Whether it is answerable, and what each measure gives it; < 0: it does not count for it. */
static void grade(const json_t *j, double out[KINDS])
{
    bool answerable = eval_dump_answerable(j);
    bool refused = json_is_true(json_object_get(j, "refused"));

    out[RIGHT] = answerable ? json_is_true(json_object_get(j, "right")) : -1;
    out[KEPT] = answerable ? !refused : -1;
    out[REFUSED] = answerable ? -1 : refused;
}

static cairn_status compare_kind(json_t *a, json_t *b, int kind, cairn_gate *out, cairn_error *err)
{
    size_t cap = json_object_size(a) + 1, n = 0;
    double *of_a = checked_malloc(cap, sizeof *of_a), *of_b = checked_malloc(cap, sizeof *of_b);
    const char *question;
    json_t *line;
    cairn_status st = of_a && of_b ? CAIRN_OK : cairn_fail(err, CAIRN_ENOMEM, "comparison");

    if (!st)
        json_object_foreach(a, question, line) {
            json_t *other = json_object_get(b, question);
            double x[KINDS], y[KINDS];
            if (!other)
                continue;
            grade(line, x);
            grade(other, y);
            if (x[kind] < 0 || y[kind] < 0)
                continue;
            of_a[n] = x[kind];
            of_b[n++] = y[kind];
        }
    if (!st && n)
        st = eval_compare_values(kind_names[kind], of_a, of_b, n, &out->comparisons[out->n_comparisons++], err);
    out->n_queries += kind != KEPT ? n : 0;
    free(of_a);
    free(of_b);
    return st;
}

cairn_status cairn_eval_gate_answers(const char *old_dump, const char *new_dump,
                                     const cairn_gate_options *options, cairn_gate *out, cairn_error *err)
{
    cairn_gate_options o = *options;
    json_t *a = NULL, *b = NULL;
    cairn_status st;

    *out = (cairn_gate){0};
    o.measure = o.measure ? o.measure : kind_names[RIGHT];
    st = check_options(&o, err);
    if (!st)
        st = eval_dump_read(old_dump, &a, err);
    if (!st)
        st = eval_dump_read(new_dump, &b, err);
    for (int kind = 0; !st && kind < KINDS; kind++)
        st = compare_kind(a, b, kind, out, err);
    json_decref(a);
    json_decref(b);
    if (!st && out->n_queries < LEAST_PAIRS)
        st = cairn_fail(err, CAIRN_EINPUT, "the two have %zu questions in common: at least %d are needed",
                        out->n_queries, LEAST_PAIRS);
    if (!st)
        st = known_measure(out, o.measure, err);
    if (!st)
        judge(out, &o);
    return st;
}
