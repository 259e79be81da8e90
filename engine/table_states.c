/* table_states.c - columns that say of each row whether something is so: "Paid: yes, no", a cross or nothing, a date where it was done
 * and nothing where it was not. A question that names one ("not paid", "unpaid", "impayée") keeps the rows of which it is so, or not. */
#include <ctype.h>
#include <math.h>
#include <string.h>

#include "engine/table_reading.h"

int table_cell_answers(const char *cell)
{
    char small[16] = "";
    size_t len = strlen(cell);

    for (size_t i = 0; i < len && len < sizeof small; i++)
        small[i] = (char)tolower((unsigned char)cell[i]);
    return *small ? table_cell_says(small) : -1;
}

bool table_says_yes_or_no(const column *c)
{
    return c->filled && c->answers == c->filled;
}

/* "yes", "no" and "half": a condition, too, of which what is not "yes" is not. */
bool table_says_yes_or_so(const column *c)
{
    return table_says_yes_or_no(c) || (c->filled >= 3 && !c->numbers && c->answers * 2 >= c->filled);
}

/* "Answer: no" is an answer. */
static bool says_what_was_said(const column *c)
{
    static const char said[] = " answer answers reply replies response responses decision vote votes result rsvp antwort antworten r\xc3\xbc" "ckmeldung entscheidung "
                               "ergebnis stimme r\xc3\xa9ponse d\xc3\xa9" "cision r\xc3\xa9sultat respuesta decisi\xc3\xb3n voto resultado ";

    return c->n_names && table_word_in(said, c->names[c->n_names - 1].form);
}

bool table_is_participle(const char *form)
{
    static const char *const ends[] = {"ed", "\xc3\xa9", "\xc3\xa9" "e", "\xc3\xa9s", "\xc3\xa9" "es", "ado", "ada", "ido", "ida", "uelto", "uelta"};
    static const char more[] = " paid sent sold done left seen lent bought built made read given taken met rendu rendue vendu vendue re\xc3\xa7u re\xc3\xa7ue hecho escrito "
                               "bezahlt erledigt versandt verkauft erhalten ";
    size_t len = strlen(form);

    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        size_t n = strlen(ends[i]);
        if (len > n + 2 && !strcmp(form + len - n, ends[i]))
            return true;
    }
    return table_word_in(more, form) || (len > 5 && (!strncmp(form, "ge", 2) || strstr(form, "ckge")) && (form[len - 1] == 't' || !strcmp(form + len - 2, "en")));
}

/* The day it was done, or nothing: only of plain questions, which ask for no more than whether. A day to come is a plan. */
static bool is_done_or_empty(const solving *s, size_t k)
{
    const column *c = &s->columns[k];
    bool done = false;

    if (!s->g->strict || c->dates < 2 || c->dates != c->filled || c->filled + s->totals >= s->rows || s->filtered[k] ||
        (s->does != TABLE_LIST && s->does != TABLE_COUNT && s->does != TABLE_SUM && s->does != TABLE_MEAN))
        return false;
    for (size_t i = 0; i < c->n_names; i++)
        done |= table_is_participle(c->names[i].form);
    for (size_t r = 0; r < s->rows && done && s->g->today; r++)
        if (!isnan(c->value[r]) && c->value[r] > table_day_value(s->g->today))
            return false;
    return done;
}

bool table_is_state(const solving *s, size_t k)
{
    return (table_says_yes_or_so(&s->columns[k]) && !(s->g->strict && says_what_was_said(&s->columns[k]))) || is_done_or_empty(s, k);
}

bool table_names_undone(const column *c, const word *w)
{
    size_t cut = !strncmp(w->form, "un", 2) || !strncmp(w->form, "im", 2) ? 2 : 0;

    for (size_t i = 0; i < c->n_names && cut; i++)
        if (!strcmp(w->form + cut, c->names[i].form) || (strlen(w->form) > 7 && table_akin(w->form + cut, c->names[i].form)))
            return true;
    return false;
}

/* Cells that say yes, and no. */
static void count_answers(const solving *s, size_t k, size_t *yes, size_t *no)
{
    *yes = *no = 0;
    for (size_t r = 0; r < s->rows; r++) {
        int says = table_cell_answers(table_cell(s, r, k));
        *yes += says == 1;
        *no += says == 0;
    }
}

bool table_keep_state(solving *s, size_t k, bool yes)
{
    size_t found = 0, crosses, noes;
    bool plain = table_says_yes_or_no(&s->columns[k]), done = is_done_or_empty(s, k);

    count_answers(s, k, &crosses, &noes);
    for (size_t r = 0; r < s->rows; r++) {
        const char *cell = table_cell(s, r, k);
        int says = table_cell_answers(cell);
        if (done || (plain && !noes && !*cell)) /* a column of crosses */
            says = *cell != '\0';
        else if (!*cell && s->keep[r])
            s->unsaid++;
        s->keep[r] &= yes || plain || done ? says == yes : says != 1 && *cell;
        found += s->keep[r];
    }
    s->filtered[k] = s->stated = true;
    s->stated_so |= yes;
    return found > 0;
}
