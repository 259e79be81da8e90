/* table_strict.c - may a table answer a question that was not asked of tables? Only where nothing of the question is left over: each
 * word that says something is accounted for, what is counted is what a row is (or what a column is called), no word that may be a
 * condition was passed over, and no sentence of prose that the search prefers, or that stands beside the table, says it itself. */
#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine/table_reading.h"
#include "retrieve/sentences.h"

#define NUMBERED_MAX 500 /* rows whose numbers are compared with one another */

/* Words that say nothing by themselves, but restrict what they stand before. */
static const char restricts[] = " only just half double twice doppelt doppelte halbe hälfte mitad doble moitié double above below over under against within during again further such own same other another outside "
                                "inside nur bloß gegen während über unter innerhalb außerhalb solo sólo sobre bajo durante dentro fuera "
                                "seulement sur sous pendant dans hors ";
static const char of_time[] = " before after until till since vor nach bis seit antes después hasta desde avant après depuis jusqu'à ";
/* What a count may say beside the question word without meaning another operation. */
static const char counts[] = " how many number numbers count counts counted total totals totally altogether overall sum all viele wieviele wie "
                             "anzahl zahl insgesamt gesamt gesamtzahl combien nombre cuántos cuántas cuantos cuantas número numero en tout ";
static const char letters[] = " a e o u y à s t "; /* words, and what an apostrophe leaves */
static const char lists[] = " liste verzeichnis tabelle übersicht register kartei ";
static const char names_rows[] = " id ids no nr nummer num número name names namen nombre nom ";
/* "How many years of warranty" asks for what is written in a cell. */
static const char spans[] = " year years month months week weeks day days hour hours minute minutes second seconds time times percent "
                            "jahr jahre jahren monat monate monaten woche wochen tag tage tagen stunde stunden minute minuten sekunden mal prozent "
                            "año años mes meses semana semanas día días dia dias hora horas minutos segundos veces "
                            "an ans année années mois semaine semaines jour jours heure heures secondes fois ";
static const char asks_which[] = " which welche welcher welches welchen welchem quel quelle quels quelles qué cuál ";

/* Is this what the table's title, its heading or its file's name say that a row is? "customers" of "Customers of the north" and of
 * "customer list", not of "customer orders". */
static bool is_row(solving *s, const word *w, cairn_status *st)
{
    for (const char *p = s->g->heads, *nl; p && *p && !*st; p = nl ? nl + 1 : p + strlen(p)) {
        size_t len = (nl = strchr(p, '\n')) ? (size_t)(nl - p) : strlen(p), at = 0;
        char *line = arena_strndup(s->memory, p, len);
        word t, last = {.form = ""};
        bool exact = false;
        if (!line) {
            *st = cairn_fail(s->err, CAIRN_ENOMEM, "a table");
            return false;
        }
        while (table_next_word(s, line, len, &at, true, &t, st)) {
            size_t n = strlen(w->form);
            if (table_word_in(" of for from in at by with to on de des der von für aus im zu del la du en para ", t.form))
                break; /* what follows tells whose they are */
            exact |= !strcmp(t.form, w->form);
            if (strlen(t.form) > n && !memcmp(t.form, w->form, n))
                exact |= table_word_in(lists, t.form + n); /* "Kundenliste" */
            if (!t.digits && !table_word_is_generic(t.form))
                last = t;
        }
        if (exact)
            return true;
        if (*last.form)
            line[last.end] = '\0';
        if (*last.form && table_text_has(s, line + last.start, w, &exact, st))
            return true;
    }
    return false;
}

/* Is a column called so, and not only "customer satisfaction"? */
static bool is_column(const solving *s, const word *w)
{
    for (size_t k = 0; k < s->g->n_columns; k++) {
        column one = {.n_names = 0};
        for (size_t i = 0; i < s->columns[k].n_names; i++) {
            const word *name = &s->columns[k].names[i];
            if (one.n_names && table_word_in(" d de du des del of von ", name->form))
                break; /* "chiffre d'affaires" is one of "chiffre" */
            if (!table_word_in(names_rows, name->form) && !table_word_unit(name->form)) {
                one.names[0] = *name;
                one.n_names = 1;
            }
        }
        if (one.n_names && table_names(&one, w))
            return true;
    }
    return false;
}

/* Beginnings of words that stand for each other in names of columns. Kinds (table_words.h) are wider: a salary is no price, and who was
 * founded was not sold. */
static const struct {
    table_kind kind;
    const char *words;
} families[] = {
    {TABLE_PRICE, " salar sueldo gehalt lohn gana verdien earn wage "},
    {TABLE_PRICE, " price cost expens cheap dear preis kost teuer billig prix coût cher precio cuesta caro cara "},
    {TABLE_PRICE, " amount betrag montant importe "}, /* "paid by": or to? */
    {TABLE_WEIGHT, " weight weigh heav gewicht wieg schwer leicht light poids pèse peso pesa mass "},
    {TABLE_HEAT, " temperatur hot heat warm cold "},
    {TABLE_SPEED, " speed tempo geschwindigkeit "},
    {TABLE_DATE, " date year when datum jahr fecha año année annee since seit latest newest earliest recent neuest frühest récent recient "},
    {TABLE_QUANTITY, " quantit qty pcs menge stück cantidad units unidades pieces "},
    {TABLE_SPAN, " duration dauer laufzeit term "},
    {TABLE_LENGTH, " height tall höhe "},
    {TABLE_LENGTH, " length länge "},
};

static bool begins_in(const char *list, const char *form)
{
    for (const char *p = list + strspn(list, " "); *p; p += strspn(p, " ")) {
        size_t n = strcspn(p, " ");
        if (!strncmp(p, form, n))
            return true;
        p += n;
    }
    return false;
}

/* Is the column called by a word that stands for this one? */
static bool stands_for(const column *c, const char *form)
{
    for (size_t f = 0; f < sizeof families / sizeof *families; f++)
        for (size_t i = 0; i < c->n_names && families[f].kind == c->kind; i++)
            if (begins_in(families[f].words, c->names[i].form) && begins_in(families[f].words, form))
                return true;
    return false;
}

/* A word that only the kind of a column accounts for. */
static bool is_of_kind(const solving *s, const word *w)
{
    const char *unit = table_word_unit(w->form);

    for (size_t k = 0; k < s->g->n_columns; k++)
        if (table_is_measure(&s->columns[k]) &&
            (stands_for(&s->columns[k], w->form) || (unit && s->columns[k].unit && !strcasecmp(unit, s->columns[k].unit))))
            return true;
    return w->taken;
}

/* Is it clear which dates are compared: those that the question names ("joined last"), or the only ones that are called so, by a word
 * of degree with no other meaning ("the latest invoice", not "the oldest member")? */
static bool means_dates(const solving *s)
{
    const column *c = s->target != SIZE_MAX ? &s->columns[s->target] : NULL;
    bool named = false, degree = false;
    size_t others = 0;

    if (!c || c->dates * 2 <= c->numbers || c->order_unsure)
        return false;
    for (size_t i = 0; i < s->n; i++) {
        named |= s->words[i].content && s->words[i].by == BY_NAME && table_names(c, &s->words[i]);
        degree |= stands_for(c, s->words[i].form);
    }
    for (size_t k = 0; k < s->g->n_columns; k++)
        others += k != s->target && s->columns[k].kind == TABLE_DATE;
    return named || (degree && !others);
}

/* Does the question say which numbers it means: by a word for the column, or, of the most and the least, by a degree that has no other
 * meaning ("cheapest", "heaviest", not "largest", "oldest")? */
static bool means_target(const solving *s)
{
    static const char degrees[] = " expensiv cheap dear teuer billig cher caro cara heav light schwer leicht lourd pesad liger hot warm cold heiß kalt fast slow schnell ";
    const column *c = s->target != SIZE_MAX ? &s->columns[s->target] : NULL;

    if (!c)
        return s->does == TABLE_COUNT || s->does == TABLE_LIST || s->group != SIZE_MAX || s->does == TABLE_SHARE;
    if ((s->does == TABLE_MOST || s->does == TABLE_LEAST) && s->kind == TABLE_DATE)
        return means_dates(s); /* "the first album" may be the first of the list, or of its singer */
    for (size_t i = 0; i < s->n; i++) {
        const word *w = &s->words[i];
        if (w->content && ((w->by == BY_NAME && table_names(c, w)) || stands_for(c, w->form)))
            return true;
        if ((s->does == TABLE_MOST || s->does == TABLE_LEAST) && c->kind == s->kind && begins_in(degrees, w->form) &&
            (c->kind != TABLE_PRICE || stands_for(c, "price")))
            return true;
    }
    return s->does != TABLE_MOST && s->does != TABLE_LEAST && s->all_told;
}

bool table_numbers_rows(const solving *s, size_t k)
{
    const column *c = &s->columns[k];

    if (k || c->kind || c->unit || c->dates || c->numbers < s->rows - s->totals)
        return false;
    for (size_t r = 0; r < s->rows; r++)
        for (size_t o = 0; o <= r && r < NUMBERED_MAX; o++)
            if (c->value[r] != floor(c->value[r]) || (o < r && c->value[o] == c->value[r]))
                return false;
    return true;
}

/* Is a number bounded right behind? */
static bool before_bound(const solving *s, size_t i)
{
    for (size_t k = i + 1; k < s->n && k <= i + 2; k++)
        if (!isnan(s->words[k].bound))
            return true;
    return false;
}

/* Is a column that the word names what was compared or added up, a condition, or what the rows are called by? */
static bool column_is_used(const solving *s, const word *w)
{
    for (size_t k = 0; k < s->g->n_columns; k++)
        if ((table_names(&s->columns[k], w) || table_names_undone(&s->columns[k], w)) &&
            (k == s->target || k == s->factor || k == s->group || k == s->label || s->filtered[k] || table_is_identifier(s, k)))
            return true;
    return false;
}

/* "The most orders". */
static bool names_what_most(const solving *s)
{
    for (size_t i = 0; i + 1 < s->n; i++)
        if (table_word_operates(s->words[i].form) && s->words[i + 1].content)
            return true;
    return false;
}

/* Are the names of the columns names? Where the first row of a table is lost, numbers and dates stand for them. */
static bool has_names(solving *s)
{
    for (size_t k = 0; k < s->g->n_columns; k++) {
        double x;
        bool date;
        if (table_read_value(s, s->g->columns[k], false, &x, &date) && (date || x < 1500 || x > 2200 || x != floor(x)))
            return false;
    }
    return true;
}

/* Did a page give a row fewer cells than the table has, so that its number stands below another name ("20/02/2026 Hall rent", "(320.00)",
 * nothing)? */
static bool has_shifted_rows(solving *s)
{
    size_t last = s->g->n_columns - 1;

    for (size_t r = 0; r < s->rows && last; r++)
        for (size_t k = 0; k < last && !table_is_total(s, r) && !*table_cell(s, r, last); k++) {
            double x;
            bool date;
            const char *cell = table_cell(s, r, k);
            if (!table_is_measure(&s->columns[k]) && !s->columns[k].from && cell[strcspn(cell, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")] == '\0' && table_read_value(s, table_cell(s, r, k), false, &x, &date))
                return true;
        }
    return false;
}

/* "A-t-il", "y a-t-elle". */
static bool is_inverted(const solving *s, size_t i)
{
    const char *w = s->words[i].form, *next = i + 1 < s->n ? s->words[i + 1].form : "";

    return (!strcmp(w, "a") && !strcmp(next, "t")) || (!strcmp(w, "t") && table_word_in(" il elle on ils elles ", next));
}

bool table_taken_whole(solving *s, table_result *out, cairn_status *st)
{
    const word *what = s->does == TABLE_COUNT ? table_counted(s) : NULL;

    if (!has_names(s) || has_shifted_rows(s) || table_says_more(s))
        return false;
    if ((s->does == TABLE_COUNT && (!what || !what->by)) || !means_target(s))
        return false;
    if (s->target == SIZE_MAX && (s->does == TABLE_MOST || s->does == TABLE_LEAST) && !names_what_most(s))
        return false; /* "ordered the most": times, or pieces? */
    if (what && s->label != SIZE_MAX && table_names(&s->columns[s->label], what) && !is_row(s, what, st) &&
        (table_has_repeats(s, s->label) || s->columns[s->label].filled + s->totals < s->rows))
        return false; /* rows, or different ones? An empty cell may stand for the one above. */
    for (size_t i = 0; i < s->n && !*st; i++) {
        const word *w = &s->words[i];
        if ((w->content && (!w->by || (w->by == BY_KIND && !is_of_kind(s, w)))) || (table_word_in(restricts, w->form) && !w->by && !w->taken && !before_bound(s, i)) ||
            (table_word_in(of_time, w->form) && !s->dated && !s->bounded && s->group == SIZE_MAX))
            return false;
        if (s->does == TABLE_COUNT && !s->bounded && !w->by && table_word_operates(w->form) && !table_word_in(counts, w->form))
            return false;
        if (!w->by && !w->taken && isnan(w->bound) && table_word_number(w->form) && table_word_number(w->form) != s->kept &&
            ((s->does != TABLE_MOST && s->does != TABLE_LEAST) || table_rows_wanted(s) == 1))
            return false; /* "for two nights" */
        if (!w->by && strlen(w->form) == 1 && !w->digits && !w->taken &&
            ((!table_word_in(letters, w->form) && s->question[w->end] != '\'') || (s->question[w->end] == '-' && !is_inverted(s, i))))
            return false; /* "below 10 m", "e-bikes" */
        if (w->content && w->by == BY_NAME && !w->taken && w != what && !column_is_used(s, w) && !is_row(s, w, st))
            return false; /* "are rented" of a column "Rented to" */
        if (i && table_word_in(asks_which, s->words[i - 1].form) && w->content && !is_column(s, w) && !is_row(s, w, st))
            return false;
        out->own |= w->content && is_row(s, w, st);
    }
    return *st || !what || (!table_word_in(spans, what->form) && !table_word_unit(what->form) && (is_column(s, what) || is_row(s, what, st)));
}

/* A number that is no year. */
static bool counts_something(const char *form)
{
    size_t n = strspn(form, "0123456789");

    return (n && !(n == 4 && !form[n] && (*form == '1' || *form == '2'))) || table_word_number(form) || !strcmp(form, "eleven") || !strcmp(form, "twelve") ||
           !strcmp(form, "elf") || !strcmp(form, "zwölf");
}

/* Has a sentence all that the question names, with a number, and for what is not counted the question's own word of degree? */
static bool says_it(solving *s, const char *text, size_t len, table_operation does, cairn_status *st)
{
    char *line = arena_strndup(s->memory, text, len);
    size_t at = 0, n = 0;
    bool number = false, degree = does == TABLE_COUNT, exact;
    word t;

    if (!line) {
        *st = cairn_fail(s->err, CAIRN_ENOMEM, "a table");
        return false;
    }
    while (table_next_word(s, line, len, &at, false, &t, st)) {
        number |= counts_something(t.form);
        for (size_t i = 0; i < s->n && !degree; i++)
            degree = table_word_operates(t.form) && !strcmp(s->words[i].form, t.form);
    }
    for (size_t i = 0; i < s->n && number && degree && !*st; i++) {
        if (!s->words[i].content)
            continue;
        if (!table_text_has(s, line, &s->words[i], &exact, st))
            return false;
        n++;
    }
    return number && degree && n;
}

cairn_status table_told_beside(solving *s, table_operation does, bool *told)
{
    cairn_status st = CAIRN_OK;

    *told = false;
    for (size_t p = 0; p < s->g->n_prose && !st && !*told; p++) {
        const char *text = s->g->prose[p];
        text_span *spans = NULL;
        size_t n = 0;
        st = sentences_rows(text, strlen(text), sentences_dotted_ordinals(s->langs[0]), &spans, &n, s->err);
        for (size_t i = 0; i < n && !st && !*told; i++) {
            size_t len = spans[i].end - spans[i].start;
            const char *from = text + spans[i].start;
            while (len && isspace((unsigned char)from[len - 1]))
                len--;
            if (len && len < 1000 && strchr(".!?", from[len - 1]) && !memmem(from, len, " | ", 3))
                *told = says_it(s, from, len, does, &st);
        }
        free(spans);
    }
    return st;
}
