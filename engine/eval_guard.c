/* eval_guard.c - cairn_eval_guardrails: how many planted orders the guards keep out, how many honest texts they keep
 * out with them, and how much of personal data they find. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "base/utf8.h"
#include "engine/eval.h"
#include "engine/eval_lines.h"
#include "retrieve/injection.h"
#include "retrieve/metrics.h"
#include "retrieve/pii.h"
#include "retrieve/sentences.h"

#define SEED       0x47554152u
#define GROUPS_MAX 500
#define LINE_MEMORY ((size_t)64 << 20)

/* NULL after reporting. */
static const char *text_of(const json_t *line, size_t *len, cairn_error *err)
{
    const json_t *value = json_object_get(line, "text");

    *len = json_string_length(value);
    if (!json_is_string(value))
        cairn_fail(err, CAIRN_EINPUT, "needs \"text\"");
    return json_string_value(value);
}

/* ---- planted orders ---- */

typedef struct grouped {
    cairn_guard_group group;
    double *values; /* 1 where kept out */
    size_t cap;
} grouped;

typedef struct guarding {
    grouped at[GROUPS_MAX];
    size_t n, all; /* `all`: the group of the file that is read */
    bool attack;
} guarding;

static cairn_status is_kept_out(const char *text, size_t len, bool *out, cairn_error *err)
{
    text_span *s = NULL;
    float *score = NULL;
    size_t n = 0;
    cairn_status st = sentences_split(text, len, false, true, &s, &n, err);

    *out = false;
    if (!st && n && !(score = checked_realloc(NULL, n, sizeof *score)))
        st = cairn_fail(err, CAIRN_ENOMEM, "sentences");
    if (!st && n)
        injection_scores(text, len, s, n, score);
    for (size_t i = 0; !st && i < n && !*out; i++)
        *out = score[i] >= INJECTION_SENTENCE;
    free(score);
    free(s);
    return st;
}

static cairn_status add(grouped *g, bool kept_out, cairn_error *err)
{
    if (g->group.n == g->cap) {
        size_t cap = g->cap ? g->cap * 2 : 64;
        double *at = checked_realloc(g->values, cap, sizeof *at);
        if (!at)
            return cairn_fail(err, CAIRN_ENOMEM, "texts");
        g->values = at;
        g->cap = cap;
    }
    g->values[g->group.n++] = kept_out;
    g->group.kept_out += kept_out;
    return CAIRN_OK;
}

static cairn_status group_of(guarding *g, const char *category, grouped **out, cairn_error *err)
{
    cairn_guard_group fresh = {.attack = g->attack};
    size_t i = g->all + 1;

    snprintf(fresh.category, sizeof fresh.category, "%.*s",
             (int)utf8_floor(category, strnlen(category, sizeof fresh.category - 1)), category);
    while (i < g->n && strcmp(g->at[i].group.category, fresh.category) != 0)
        i++;
    if (i == GROUPS_MAX)
        return cairn_fail(err, CAIRN_EINPUT, "more than %d categories", GROUPS_MAX - 2);
    if (i == g->n)
        g->at[g->n++].group = fresh;
    *out = &g->at[i];
    return CAIRN_OK;
}

static cairn_status guard_text(void *ctx, json_t *line, cairn_error *err)
{
    guarding *g = ctx;
    const char *category = json_string_value(json_object_get(line, "category"));
    size_t len;
    const char *text = text_of(line, &len, err);
    grouped *own = NULL;
    bool kept_out;
    cairn_status st = text ? CAIRN_OK : CAIRN_EINPUT;

    if (!st)
        st = is_kept_out(text, len, &kept_out, err);
    if (!st)
        st = add(&g->at[g->all], kept_out, err);
    if (!st && category)
        st = group_of(g, category, &own, err);
    if (!st && own)
        st = add(own, kept_out, err);
    return st;
}

static cairn_status guard_file(guarding *g, const char *path, bool attack, cairn_error *err)
{
    cairn_status st;

    if (g->n == GROUPS_MAX)
        return cairn_fail(err, CAIRN_EINPUT, "%s: more than %d categories", path, GROUPS_MAX - 2);
    g->attack = attack;
    g->all = g->n++;
    g->at[g->all].group.attack = attack;
    st = eval_each_line(path, guard_text, g, err);
    if (!st && !g->at[g->all].group.n)
        st = cairn_fail(err, CAIRN_EINPUT, "%s holds no text", path);
    return st;
}

static cairn_status finish_groups(guarding *g, cairn_guard_result *out, cairn_error *err)
{
    cairn_status st = CAIRN_OK;

    out->groups = out->memory = calloc(g->n + 1, sizeof *out->groups);
    if (!out->groups)
        return cairn_fail(err, CAIRN_ENOMEM, "categories");
    for (size_t i = 0; !st && i < g->n; i++) {
        metrics_interval in;
        st = metrics_bootstrap(g->at[i].values, g->at[i].group.n, 0, SEED, &in, err);
        g->at[i].group.share = in.mean;
        g->at[i].group.low = in.low;
        g->at[i].group.high = in.high;
        out->groups[out->n_groups++] = g->at[i].group;
    }
    return st;
}

/* ---- personal data ---- */

static const struct {
    const char *name;
    pii_type type;
} presidio[] = {
    {"EMAIL_ADDRESS", PII_EMAIL}, {"PHONE_NUMBER", PII_PHONE}, {"IBAN_CODE", PII_IBAN},
    {"CREDIT_CARD", PII_CARD},    {"IP_ADDRESS", PII_IP},      {"DOMAIN_NAME", PII_URL},
    {"URL", PII_URL},             {"US_SSN", PII_NATIONAL_ID}, {"US_DRIVER_LICENSE", PII_NATIONAL_ID},
    {"US_PASSPORT", PII_NATIONAL_ID},
};

static bool type_of(const char *name, pii_type *out)
{
    for (int t = 0; t < PII_TYPES; t++)
        if (!strcmp(name, pii_name((pii_type)t))) {
            *out = (pii_type)t;
            return true;
        }
    for (size_t i = 0; i < sizeof presidio / sizeof *presidio; i++)
        if (!strcmp(name, presidio[i].name)) {
            *out = presidio[i].type;
            return true;
        }
    return false;
}

/* The byte at which character `at` begins, `len` for the end; SIZE_MAX for what is not of the text. */
static size_t byte_of(const char *text, size_t len, json_int_t at)
{
    size_t i = 0;
    json_int_t k;

    for (k = 0; k < at && i < len; k++)
        i += utf8_decode(text + i, len - i, &(uint32_t){0}, NULL);
    return k == at ? i : SIZE_MAX;
}

static cairn_status find_text(void *ctx, json_t *line, cairn_error *err)
{
    cairn_guard_pii *of = ctx;
    const json_t *spans = json_object_get(line, "spans"), *span;
    pii_match *found = NULL;
    size_t len, n = 0, i;
    const char *text = text_of(line, &len, err);
    arena memory;
    cairn_status st;

    if (!text)
        return CAIRN_EINPUT;
    if (!json_is_array(spans))
        return cairn_fail(err, CAIRN_EINPUT, "needs \"spans\", a list");
    arena_init(&memory, LINE_MEMORY);
    st = pii_find(text, len, PII_ALL, &memory, &found, &n, err);
    for (size_t k = 0; !st && k < n; k++)
        of[found[k].type].found++;
    json_array_foreach(spans, i, span) {
        const char *name = json_string_value(json_object_get(span, "type"));
        const json_t *start = json_object_get(span, "start"), *end = json_object_get(span, "end");
        pii_type type;
        if (st)
            break;
        if (!name || !json_is_integer(start) || !json_is_integer(end)) {
            st = cairn_fail(err, CAIRN_EINPUT, "a span needs \"type\", \"start\" and \"end\"");
            break;
        }
        if (!type_of(name, &type))
            continue;
        of[type].expected++;
        for (size_t k = 0; k < n; k++)
            of[type].right += found[k].type == type && found[k].start == byte_of(text, len, json_integer_value(start)) &&
                              found[k].end == byte_of(text, len, json_integer_value(end));
    }
    arena_clear(&memory);
    return st;
}

static cairn_status find_file(const char *path, cairn_guard_result *out, cairn_error *err)
{
    cairn_guard_pii of[PII_TYPES] = {0};
    cairn_status st;

    _Static_assert(PII_TYPES == CAIRN_PII_TYPES, "a row for every type");
    st = eval_each_line(path, find_text, of, err);
    for (int t = 0; !st && t < PII_TYPES; t++) {
        cairn_guard_pii *x = &of[t];
        x->type = pii_name((pii_type)t);
        x->precision = x->found ? (double)x->right / (double)x->found : 1;
        x->recall = x->expected ? (double)x->right / (double)x->expected : 1;
        x->f1 = x->found + x->expected ? 2 * (double)x->right / (double)(x->found + x->expected) : 1;
        out->pii[out->n_pii++] = *x;
    }
    return st;
}

cairn_status cairn_eval_guardrails(const char *attacks, const char *clean, const char *pii, cairn_guard_result *out,
                                   cairn_error *err)
{
    guarding *g = calloc(1, sizeof *g);
    cairn_status st = CAIRN_OK;

    *out = (cairn_guard_result){0};
    if (!g)
        return cairn_fail(err, CAIRN_ENOMEM, "categories");
    if (!attacks && !clean && !pii)
        st = cairn_fail(err, CAIRN_EUSAGE, "nothing to measure: name attacks, clean texts or personal data");
    if (!st && attacks)
        st = guard_file(g, attacks, true, err);
    if (!st && clean)
        st = guard_file(g, clean, false, err);
    if (!st)
        st = finish_groups(g, out, err);
    if (!st && pii)
        st = find_file(pii, out, err);
    for (size_t i = 0; i < g->n; i++)
        free(g->at[i].values);
    free(g);
    if (st)
        cairn_guard_result_clear(out);
    return st;
}

void cairn_guard_result_clear(cairn_guard_result *r)
{
    free(r->memory);
    *r = (cairn_guard_result){0};
}
