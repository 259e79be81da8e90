/* eval_judge.c - cairn_eval_judge: the generator compares the answers of two runs.
 *
 * A model that judges leans to what stands in front, to what is longer and to what it would have said itself. A small
 * one names the first nearly always. So each pair is asked in both orders, and what counts is how much likelier "A"
 * is than "B" (the difference of their log-probabilities), less the same with the answers exchanged: the pull of the
 * place is in both and falls out. The report says what the letters alone would have said, how often the longer answer
 * won, and how often the winner is the one that the accepted answers call right. The text of the question is
 * engine/prompts/judge.v1.txt; the reply is held to one letter. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "engine/engine.h"
#include "engine/eval_compare.h"
#include "engine/eval_lines.h"
#include "engine/prompts.h"
#include "generate/decode/decoder.h"

#define PROMPT      "judge.v1"
#define MEMORY      ((size_t)64 << 20)
#define ANSWER_MAX  ((size_t)64 << 10) /* bytes of a filled-in question */
#define LIKELY      GENERATE_MAX_TOP
#define BORNE_OUT   0.05 /* chance of as many agreements with the accepted answers */
#define TIE         0.05 /* nats: nearer together than that is neither */

typedef struct judging {
    cairn *c;
    char *system, *user, *unanswerable;
    arena memory; /* of the prompt's sections */
    token_id letters[2]; /* "A" and "B" */
    bool (*fn)(void *ctx, const cairn_judged *j);
    void *ctx;
    cairn_judgement *out;
    double *of_a, *of_b; /* points */
} judging;

/* What stands in the place of {name}. */
typedef struct filling {
    const char *name, *text;
} filling;

/* In one pass, so that nothing is filled into what was filled in. */
static cairn_status fill(bytes *out, const char *text, const filling *with, size_t n)
{
    cairn_status st = CAIRN_OK;

    while (!st && *text) {
        size_t i = 0, len = strcspn(text, "{");
        if (len) {
            st = bytes_append(out, text, len);
            text += len;
            continue;
        }
        while (i < n && strncmp(text, with[i].name, strlen(with[i].name)) != 0)
            i++;
        st = i < n ? bytes_append_str(out, with[i].text) : bytes_append_byte(out, '{');
        text += i < n ? strlen(with[i].name) : 1;
    }
    return st;
}

static cairn_status find_letter(const tokenizer *t, const char *letter, token_id *out, cairn_error *err)
{
    token_list ids = {0};
    cairn_status st = tokenizer_encode(t, letter, 1, 0, &ids, err);

    if (!st && ids.n != 1)
        st = cairn_fail(err, CAIRN_EUNSUPPORTED, "this model cannot judge: \"%s\" is no token of its own", letter);
    if (!st)
        *out = ids.ids[0];
    token_list_clear(&ids);
    return st;
}

static cairn_status load_prompt(judging *g, cairn_error *err)
{
    generator *model;
    char *file = NULL;
    cairn_status st = engine_generator(g->c, &model, err);

    if (!st)
        st = prompt_load_for(PROMPT, decoder_model_shape(generator_model(model))->arch_name, g->c->settings.prompt_dir,
                             &file, err);
    if (st)
        return st;
    for (int i = 0; !st && i < 2; i++)
        st = find_letter(generator_tokenizer(model), i ? "B" : "A", &g->letters[i], err);
    g->system = prompt_section(file, "system", &g->memory);
    g->user = prompt_section(file, "user", &g->memory);
    g->unanswerable = prompt_section(file, "unanswerable", &g->memory);
    free(file);
    if (st)
        return st;
    if (!g->system || !g->user || !g->unanswerable)
        return cairn_fail(err, CAIRN_EINPUT, "the prompt %s lacks a section: system, user and unanswerable", PROMPT);
    return CAIRN_OK;
}

/* The accepted answers of a line, or that there is none. */
static cairn_status reference_of(const judging *g, const json_t *line, bytes *out)
{
    const json_t *answers = json_object_get(line, "answers"), *one;
    cairn_status st = CAIRN_OK;
    size_t i;

    if (!eval_dump_answerable(line))
        return bytes_append_str(out, g->unanswerable);
    json_array_foreach(answers, i, one) {
        if (!st && i)
            st = bytes_append_str(out, " / ");
        if (!st && json_is_string(one))
            st = bytes_append_str(out, json_string_value(one));
    }
    return st;
}

/* The log-probability of a letter as the first token; what is not among the likely ones has that of the last of them. */
static double likelihood(const generate_result *r, token_id letter)
{
    for (size_t i = 0; i < r->n_top; i++)
        if (r->top_ids[i] == letter)
            return r->top_logprobs[i];
    return r->n_top ? r->top_logprobs[r->n_top - 1] : 0;
}

static cairn_status ask(judging *g, const char *question, const char *reference, const char *first, const char *second,
                        cairn_verdict *out, double *lean, cairn_error *err)
{
    static const char letters[] = "root ::= \"A\" | \"B\" | \"C\"";
    const filling with[] = {
        {"{question}", question}, {"{reference}", reference}, {"{first}", first}, {"{second}", second}};
    generate_params p = {.max_tokens = 1, .grammar = letters, .logprobs = true, .n_top_logprobs = LIKELY};
    generate_result made = {0};
    json_t *messages = NULL;
    bytes text;
    cairn_status st;

    bytes_init(&text, ANSWER_MAX);
    st = fill(&text, g->user, with, sizeof with / sizeof *with);
    if (st)
        st = cairn_fail(err, st, "the question \"%.60s\" and its answers are too long for a judge", question);
    else if (!(messages = json_pack("[{s:s,s:s},{s:s,s:o}]", "role", "system", "content", g->system, "role", "user",
                                    "content", json_stringn((const char *)text.data, text.len))))
        st = cairn_fail(err, CAIRN_ENOMEM, "the judge's messages");
    if (!st)
        st = engine_chat(g->c, false, messages, &p, NULL, &made, err);
    if (!st) {
        *out = !strcmp(made.text, "A")   ? CAIRN_VERDICT_FIRST
               : !strcmp(made.text, "B") ? CAIRN_VERDICT_SECOND
                                         : CAIRN_VERDICT_TIE;
        *lean = likelihood(&made, g->letters[0]) - likelihood(&made, g->letters[1]);
    }
    generate_result_clear(&made);
    json_decref(messages);
    bytes_clear(&text);
    return st;
}

static void count_place(cairn_judgement *out, cairn_verdict v)
{
    out->said_first += v == CAIRN_VERDICT_FIRST;
    out->said_second += v == CAIRN_VERDICT_SECOND;
    out->said_tie += v == CAIRN_VERDICT_TIE;
}

/* Both orders; what it leaves is counted. */
static cairn_status judge_pair(judging *g, const json_t *a, const json_t *b, cairn_judged *j, cairn_error *err)
{
    cairn_judgement *out = g->out;
    bool right_a = json_is_true(json_object_get(a, "right")), right_b = json_is_true(json_object_get(b, "right"));
    double straight = 0, swapped = 0;
    bytes reference;
    cairn_status st;

    bytes_init(&reference, ANSWER_MAX);
    st = reference_of(g, a, &reference);
    if (!st)
        st = bytes_append_byte(&reference, 0);
    if (st)
        st = cairn_fail(err, st, "the accepted answers of \"%.60s\" are too long for a judge", j->question);
    if (!st)
        st = ask(g, j->question, (const char *)reference.data, j->a, j->b, &j->straight, &straight, err);
    if (!st)
        st = ask(g, j->question, (const char *)reference.data, j->b, j->a, &j->swapped, &swapped, err);
    bytes_clear(&reference);
    if (st)
        return st;
    j->lean = (swapped - straight) / 2;
    j->outcome = fabs(j->lean) < TIE ? 0 : j->lean < 0 ? -1 : 1;
    out->n_asked++;
    out->n_consistent += (j->straight == CAIRN_VERDICT_TIE) == (j->swapped == CAIRN_VERDICT_TIE) &&
                         (j->straight == CAIRN_VERDICT_TIE || j->straight != j->swapped);
    out->n_decided += j->straight != CAIRN_VERDICT_TIE && j->swapped != CAIRN_VERDICT_TIE && j->straight != j->swapped;
    out->n_placed += j->straight != CAIRN_VERDICT_TIE && j->straight == j->swapped;
    count_place(out, j->straight);
    count_place(out, j->swapped);
    if (j->outcome && strlen(j->a) != strlen(j->b)) {
        out->n_lengths++;
        out->longer_won += (j->outcome > 0) == (strlen(j->b) > strlen(j->a));
    }
    if (j->outcome && right_a != right_b) {
        out->n_checked++;
        out->agreed += (j->outcome > 0) == right_b;
    }
    return CAIRN_OK;
}

static const char *answer_of(const json_t *line)
{
    const char *s = json_string_value(json_object_get(line, "answer"));

    return s ? s : "";
}

static cairn_status judge_all(judging *g, const json_t *a, const json_t *b, cairn_error *err)
{
    cairn_judgement *out = g->out;
    const char *question;
    json_t *line;
    cairn_status st = CAIRN_OK;

    json_object_foreach((json_t *)a, question, line) {
        const json_t *other = json_object_get(b, question);
        cairn_judged j = {.question = question, .a = answer_of(line), .b = answer_of(other)};
        if (!other)
            continue;
        if (!strcmp(j.a, j.b)) {
            out->n_same++;
        } else {
            st = judge_pair(g, line, other, &j, err);
            if (st)
                return st;
        }
        out->a_won += j.outcome < 0;
        out->b_won += j.outcome > 0;
        out->ties += j.outcome == 0;
        g->of_a[out->n_questions] = 0.5 - 0.5 * j.outcome;
        g->of_b[out->n_questions++] = 0.5 + 0.5 * j.outcome;
        if (strcmp(j.a, j.b) != 0 && g->fn && !g->fn(g->ctx, &j))
            return cairn_fail(err, CAIRN_ECANCELLED, "stopped after %zu questions", out->n_questions);
    }
    return CAIRN_OK;
}

/* How likely a coin shows heads in k or more of n throws. */
static double by_chance(size_t k, size_t n)
{
    double sum = 0;

    for (size_t i = k; i <= n; i++)
        sum += exp(lgamma((double)n + 1) - lgamma((double)i + 1) - lgamma((double)(n - i) + 1) - (double)n * log(2));
    return sum < 1 ? sum : 1;
}

cairn_status cairn_eval_judge(cairn *c, const char *dump_a, const char *dump_b,
                              bool (*fn)(void *ctx, const cairn_judged *j), void *ctx, cairn_judgement *out,
                              cairn_error *err)
{
    judging g = {.c = c, .fn = fn, .ctx = ctx, .out = out};
    json_t *a = NULL, *b = NULL;
    cairn_status st;

    *out = (cairn_judgement){0};
    arena_init(&g.memory, MEMORY);
    st = eval_dump_read(dump_a, &a, err);
    if (!st)
        st = eval_dump_read(dump_b, &b, err);
    if (!st) {
        g.of_a = checked_malloc(json_object_size(a) + 1, sizeof *g.of_a);
        g.of_b = checked_malloc(json_object_size(a) + 1, sizeof *g.of_b);
        st = g.of_a && g.of_b ? load_prompt(&g, err) : cairn_fail(err, CAIRN_ENOMEM, "judgements");
    }
    if (!st)
        st = judge_all(&g, a, b, err);
    if (!st && !out->n_questions)
        st = cairn_fail(err, CAIRN_EINPUT, "the two have no question in common");
    if (!st)
        st = eval_compare_values("preference", g.of_a, g.of_b, out->n_questions, &out->preference, err);
    if (!st) {
        const cairn_comparison *p = &out->preference;
        out->place_bias = out->n_placed && out->n_placed >= out->n_decided && by_chance(out->agreed, out->n_checked) > BORNE_OUT;
        out->winner = out->place_bias ? 0 : p->low > 0 ? 1 : p->high < 0 ? -1 : 0;
    }
    free(g.of_a);
    free(g.of_b);
    json_decref(a);
    json_decref(b);
    arena_clear(&g.memory);
    return st;
}
