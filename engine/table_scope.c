/* table_scope.c - words that change what the conditions of a plain question mean, and that the rules would pass over: what must or may be
 * is not what is ("invoices that have to be paid"), "or" between conditions of several columns, "neither ... nor", a second question
 * behind the first ("and why?"), a date that belongs to what was done ("paid in March") where the dates are of something else. Such
 * questions are left alone. */
#include <string.h>

#include "engine/table_reading.h"

static const char modal[] = " must should shall will would can could might need needs needed needn ought muss müssen musst musste mussten soll sollen sollte sollten "
                            "kann können konnte konnten könnte darf dürfen wird werden würde würden doit doivent devrait devraient devra devront peut peuvent "
                            "pourrait pourraient faut sera seront debe deben debería deberían puede pueden podría podrían será serán ";
static const char either[] = " or oder ou o u ";
static const char neither[] = " neither nor weder ni else except unless wenn if si falls ";
static const char second[] = " why when where how what whose warum weshalb wann wo wie wieviel wessen pourquoi quand où comment combien cuándo dónde cómo cuánto ";

/* "To be paid", "have to pay", "zu bezahlen", "à payer", "por pagar". */
static bool is_to_be(const solving *s, size_t i)
{
    const char *w = s->words[i].form, *next = i + 1 < s->n ? s->words[i + 1].form : "", *before = i ? s->words[i - 1].form : "";

    if (!strcmp(w, "to"))
        return !strcmp(next, "be") || table_word_in(" have has had are is were was ", before);
    return (!strcmp(w, "zu") || !strcmp(w, "\xc3\xa0") || !strcmp(w, "por")) && i + 1 < s->n && s->words[i + 1].content && i + 2 >= s->n;
}

static size_t conditions(const solving *s)
{
    size_t n = 0;

    for (size_t k = 0; k < s->g->n_columns; k++)
        n += s->filtered[k];
    return n;
}

/* Is the column that the dates of the question were asked of named by it? */
static bool names_its_dates(const solving *s)
{
    for (size_t i = 0; i < s->n; i++)
        for (size_t k = 0; k < s->g->n_columns; k++)
            if (s->words[i].content && s->filtered[k] && table_names(&s->columns[k], &s->words[i]) &&
                (s->columns[k].from || s->columns[k].dates * 2 > s->columns[k].numbers) && !table_says_yes_or_so(&s->columns[k]))
                return true;
    return false;
}

bool table_says_more(const solving *s)
{
    bool asks = s->does == TABLE_LIST || s->flows || s->stated || s->dated, denies = false, alternative = false;

    for (size_t i = 0; i < s->n; i++) {
        const word *w = &s->words[i];
        if (w->taken)
            continue;
        denies |= w->denies;
        alternative |= table_word_in(either, w->form);
        if (table_word_in(neither, w->form) || (asks && (table_word_in(modal, w->form) || is_to_be(s, i))))
            return true;
        if (i > 2 && table_word_in(second, w->form))
            return true;
        /* "are no longer paid" */
        if (asks && !s->bounded && !w->by && table_word_operates(w->form) && s->does == TABLE_LIST)
            return true;
    }
    if (alternative && (denies || conditions(s) > 1))
        return true;
    return s->stated && s->dated && !names_its_dates(s);
}
