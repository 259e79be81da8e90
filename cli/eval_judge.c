/* eval_judge.c - see eval_judge.h. */
#include "cli/eval_judge.h"

#include <string.h>

#include "engine/eval.h"

static double share(size_t part, size_t of)
{
    return of ? (double)part / (double)of : 0;
}

static bool show_judged(void *ctx, const cairn_judged *j)
{
    static const char *const outcomes[] = {"A", "neither", "B"};
    const cli *c = ctx;

    if (c->verbose)
        fprintf(stderr, "%s: %s\n   A: %s\n   B: %s\n", outcomes[j->outcome + 1], j->question, j->a, j->b);
    return !cli_cancelled;
}

static json_t *json_judgement(const cairn_judgement *r)
{
    const cairn_comparison *p = &r->preference;
    json_t *preference = json_pack("{s:f,s:f,s:f,s:f,s:f,s:f}", "a", p->a, "b", p->b, "difference", p->difference, "low", p->low,
                                   "high", p->high, "p", p->p);
    json_t *bias = json_pack("{s:I,s:f,s:f,s:f,s:f,s:f,s:f,s:I,s:f,s:I,s:f}", "asked", (json_int_t)r->n_asked, "consistent",
                             share(r->n_consistent, r->n_asked), "same_place", share(r->n_placed, r->n_asked), "same_answer",
                             share(r->n_decided, r->n_asked), "said_first", share(r->said_first, 2 * r->n_asked),
                             "said_second", share(r->said_second, 2 * r->n_asked), "said_tie",
                             share(r->said_tie, 2 * r->n_asked), "of_unlike_length", (json_int_t)r->n_lengths, "longer_won",
                             share(r->longer_won, r->n_lengths), "checked", (json_int_t)r->n_checked, "agreed",
                             share(r->agreed, r->n_checked));

    return json_pack("{s:s?,s:b,s:I,s:I,s:I,s:I,s:I,s:o,s:o}", "winner", r->winner ? r->winner < 0 ? "A" : "B" : NULL, "place_bias",
                     (int)r->place_bias, "questions", (json_int_t)r->n_questions, "same", (json_int_t)r->n_same,
                     "a_won", (json_int_t)r->a_won, "b_won", (json_int_t)r->b_won, "ties", (json_int_t)r->ties,
                     "preference", preference, "bias", bias);
}

static void print_verdict(const cairn_judgement *r)
{
    const cairn_comparison *p = &r->preference;

    printf("A won %zu, B won %zu, %zu ties (%zu of them with the same answer) of %zu questions\n", r->a_won, r->b_won, r->ties,
           r->n_same, r->n_questions);
    printf("preference  %.3f -> %.3f  %+.3f  [%+.3f, %+.3f]  p %.4f\n", p->a, p->b, p->difference, p->low, p->high, p->p);
    printf("winner      %s\n", r->winner ? r->winner < 0 ? "A" : "B" : "none: chance alone may make such a difference");
}

int cli_eval_judge(cli *c, const char *dump_a, const char *dump_b)
{
    cairn_judgement r;
    cairn_error err = {0};
    cairn *engine;
    int code = cli_open(c, &engine, CLI_READ);
    cairn_status st;

    if (code)
        return code;
    st = cairn_eval_judge(engine, dump_a, dump_b, show_judged, c, &r, &err);
    cairn_close(engine);
    if (st)
        return cli_fail(c, st, &err);
    if (c->json)
        return cli_print_json(c, json_judgement(&r));
    if (r.place_bias)
        printf("No winner: the judge named the same place in both orders of %zu of %zu pairs and the same answer in %zu, and the accepted\n"
               "answers do not bear out what it leans to besides (%zu of %zu). That is its place bias, no verdict; a larger model (--model)\n"
               "may judge. %zu of %zu questions have the same answer.\n",
               r.n_placed, r.n_asked, r.n_decided, r.agreed, r.n_checked, r.n_same, r.n_questions);
    else
        print_verdict(&r);
    printf("\nthe judge   %zu pairs, each in both orders\n", r.n_asked);
    printf("  the same place in both  %.3f\n", share(r.n_placed, r.n_asked));
    printf("  named the same in both  %.3f\n", share(r.n_consistent, r.n_asked));
    printf("  named the first         %.3f, the second %.3f, neither %.3f\n", share(r.said_first, 2 * r.n_asked),
           share(r.said_second, 2 * r.n_asked), share(r.said_tie, 2 * r.n_asked));
    printf("  the longer answer won   %.3f of %zu\n", share(r.longer_won, r.n_lengths), r.n_lengths);
    printf("  as the accepted answers %.3f of %zu\n", share(r.agreed, r.n_checked), r.n_checked);
    if (!r.place_bias && r.n_asked && (r.a_won + r.b_won) * 10 < r.n_asked && !c->quiet)
        fprintf(stderr, "cairn eval: this model hardly decides between answers; a larger one does (--model)\n");
    return CLI_DONE;
}

static json_t *json_guardrails(const cairn_guard_result *r)
{
    json_t *groups = json_array(), *pii = json_array();

    for (size_t i = 0; i < r->n_groups; i++) {
        const cairn_guard_group *g = &r->groups[i];
        json_array_append_new(groups, json_pack("{s:s,s:o,s:I,s:I,s:f,s:f,s:f}", "of", g->attack ? "attacks" : "clean",
                                                "category", json_str(g->category), "texts", (json_int_t)g->n,
                                                "kept_out", (json_int_t)g->kept_out, "share", g->share, "low", g->low,
                                                "high", g->high));
    }
    for (size_t i = 0; i < r->n_pii; i++) {
        const cairn_guard_pii *x = &r->pii[i];
        json_array_append_new(pii, json_pack("{s:s,s:I,s:I,s:I,s:f,s:f,s:f}", "type", x->type, "expected",
                                             (json_int_t)x->expected, "found", (json_int_t)x->found, "right",
                                             (json_int_t)x->right, "precision", x->precision, "recall", x->recall, "f1",
                                             x->f1));
    }
    return json_pack("{s:o,s:o}", "groups", groups, "pii", pii);
}

int cli_eval_guardrails(cli *c, const char *attacks, const char *clean, const char *pii)
{
    cairn_guard_result r;
    cairn_error err = {0};
    cairn_status st = cairn_eval_guardrails(attacks, clean, pii, &r, &err);

    if (st)
        return cli_fail(c, st, &err);
    if (c->json) {
        int code = cli_print_json(c, json_guardrails(&r));
        cairn_guard_result_clear(&r);
        return code;
    }
    for (size_t i = 0; i < r.n_groups; i++) {
        const cairn_guard_group *g = &r.groups[i];
        printf("%s %zu of %zu %s kept out  %.4f  [%.4f, %.4f]", *g->category ? "  " : "", g->kept_out, g->n,
               g->attack ? "attacks" : "clean texts", g->share, g->low, g->high);
        if (*g->category)
            printf("  ");
        cli_put_text(stdout, g->category, strlen(g->category));
        printf("\n");
    }
    if (r.n_pii)
        printf("%-12s %8s %6s %6s %9s %7s %7s\n", "type", "expected", "found", "right", "precision", "recall", "F1");
    for (size_t i = 0; i < r.n_pii; i++)
        printf("%-12s %8zu %6zu %6zu %9.3f %7.3f %7.3f\n", r.pii[i].type, r.pii[i].expected, r.pii[i].found, r.pii[i].right,
               r.pii[i].precision, r.pii[i].recall, r.pii[i].f1);
    cairn_guard_result_clear(&r);
    return CLI_DONE;
}
