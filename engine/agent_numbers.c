/* agent_numbers.c - where the numbers and words of a plan's call come from: the question, earlier results, or nowhere. */
#include <string.h>

#include "engine/agent.h"
#include "retrieve/quantity.h"
#include "retrieve/terms.h"

/* Does the question speak of spans of time? */
static bool speaks_of_time(const char *question)
{
    static const char *const words[] = {"year",   "month",  "week",    "day",    "hour",   "minute", "second", "quarter", "annual",
                                        "jahr",   "jähr",   "monat",   "woche",  " tag",   "täg",    "stunde", "quartal", "año",
                                        " mes",   "semana", "día",     "diari",  "hora",   "trimes", "anual",  "année",   " ans",
                                        "mois",   "semaine", "jour",   "heure",  "год",    "лет",    "месяц",  "недел",   "день",
                                        "дней",   "час",    "年",      "月",     "周",     "天",     "小时"};

    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strcasestr(question, words[i]))
            return true;
    return false;
}

/* Does the question speak of two of a thing, or of its half? */
static bool speaks_of_two(const char *question)
{
    static const char *const words[] = {"double", "twice", "half", "both", "pair", "doppel", "zweimal", "hälfte", "halb", "beide", "paar",
                                        "doble", "mitad", "ambos", "ambas", "dos veces", "moitié", "deux fois", "les deux", "demi"};

    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strcasestr(question, words[i]))
            return true;
    return false;
}

/* Numbers that a sum may have from nowhere: those of shares and prefixes beside a division ("$1 / $2 * 100", "$1 / 1000"), and of
 * the calendar where the question is of time. A model that multiplies by five, or by ten, has made the number up. */
static bool constant(double x, const char *question, bool divides)
{
    static const double shares[] = {10, 100, 1000}, of_time[] = {4, 7, 12, 24, 30, 52, 60, 365};

    if (x == 0 || x == 1)
        return true;
    if (x == 2)
        return speaks_of_two(question);
    for (size_t i = 0; i < sizeof shares / sizeof *shares; i++)
        if (x == shares[i])
            return divides;
    for (size_t i = 0; i < sizeof of_time / sizeof *of_time; i++)
        if (x == of_time[i])
            return speaks_of_time(question);
    return false;
}

/* The quantities of the question and of a call's text. */
typedef struct both_numbers {
    quantity *asked, *used;
    size_t n_asked, n_used;
} both_numbers;

static cairn_status read_both(agent *a, const char *text, both_numbers *out)
{
    const char *question = a->request->question;
    cairn_status st = quantities_find(question, strlen(question), a->memory, &out->asked, &out->n_asked, NULL);

    return st ? st : quantities_find(text, strlen(text), a->memory, &out->used, &out->n_used, NULL);
}

/* Is it this number of the question, in either reading? */
static bool is_asked(const quantity *used, const quantity *asked)
{
    return used->value[0] == asked->value[0] || used->value[0] == asked->value[1];
}

cairn_status agent_numbers_known(agent *a, const char *text, bool *known, bool *grounded)
{
    both_numbers b;
    cairn_status st = read_both(a, text, &b);

    *known = true;
    *grounded = false;
    for (size_t i = 0; !st && i < b.n_used && *known; i++) {
        bool found = false;
        for (size_t j = 0; j < b.n_asked && !found; j++)
            found = b.used[i].kind == QUANTITY_NUMBER && b.asked[j].kind == QUANTITY_NUMBER
                        ? is_asked(&b.used[i], &b.asked[j])
                        : quantity_equal(&b.asked[j], &b.used[i]);
        for (size_t j = 0; j < a->n_values && !found; j++)
            found = a->values[j].is_number && b.used[i].value[0] == a->values[j].number;
        *grounded |= found;
        *known = found || (b.used[i].kind == QUANTITY_NUMBER && constant(b.used[i].value[0], a->request->question, strchr(text, '/') != NULL));
    }
    return st;
}

cairn_status agent_shared_words(agent *a, const char *text, double *share, cairn_error *err)
{
    const char *question = a->request->question, *lang = terms_language(NULL, NULL, question, strlen(question));
    term_list asked = {0}, used = {0};
    analyzer *an;
    size_t weighty = 0, shared = 0;
    cairn_status st = engine_analyzer(a->c, &an, err);

    if (!st)
        st = terms_read(an, lang, question, strlen(question), &asked, err);
    if (!st)
        st = terms_read(an, lang, text, strlen(text), &used, err);
    for (size_t i = 0; !st && i < used.n; i++) {
        if (used.at[i].weight <= 0)
            continue;
        weighty++;
        shared += terms_have(asked.at, asked.n, used.at[i].key);
    }
    *share = weighty ? (double)shared / (double)weighty : 1;
    term_list_clear(&asked);
    term_list_clear(&used);
    return st;
}

cairn_status agent_counts_twice(agent *a, const char *text, bool *twice)
{
    both_numbers b;
    cairn_status st = read_both(a, text, &b);

    *twice = false;
    for (size_t i = 0; !st && i < b.n_used && !*twice; i++) {
        bool theirs = constant(b.used[i].value[0], a->request->question, true);
        for (size_t j = 0; j < b.n_asked && !theirs; j++)
            theirs = is_asked(&b.used[i], &b.asked[j]);
        for (size_t j = 0; j < i && !theirs; j++)
            *twice |= b.used[j].value[0] == b.used[i].value[0];
    }
    return st;
}
