/* table_when.c - dates that a question names, as bounds on the rows of a table: "in March 2024", "between May and July", "since
 * 2019", "vor dem 1. Juli", "entre enero y marzo de 2025". They are asked of the column of dates that the question names, else of
 * the first one, else of a column of years. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "engine/table_reading.h"
#include "retrieve/quantity.h"

#define SPANS_MAX 6
enum { WHEN_IN, WHEN_BEFORE, WHEN_UNTIL, WHEN_AFTER, WHEN_SINCE };

/* A month by itself is one where its word may be nothing else, or behind a word of time. */
static bool is_month(const solving *s, size_t i)
{
    static const char behind[] = " in since before after until from between and of im seit vor nach bis ab zwischen und en desde antes hasta de entre y "
                                 "depuis avant après et early late during ";
    const char *w = s->words[i].form;

    if (s->words[i].digits || !table_month_of(s->memory, w))
        return false;
    return (strcmp(w, "may") && strcmp(w, "march") && strcmp(w, "mar") && strcmp(w, "mars") && strcmp(w, "sep") && strcmp(w, "dec")) ||
           (i && table_word_in(behind, s->words[i - 1].form));
}

/* A bare number is a year behind a word of time, or where it is one of our days and bounds nothing. */
static bool is_year(const solving *s, size_t i, double x)
{
    static const char behind[] = " in since before after until from im seit vor nach bis ab en desde antes hasta depuis avant après during year jahr año année ";

    if (i && table_word_in(behind, s->words[i - 1].form))
        return true;
    if (i > 1 && !strcmp(s->words[i - 1].form, "de") && table_word_in(" antes después despues partir ", s->words[i - 2].form))
        return true;
    return isnan(s->words[i].bound) && x >= 1900 && x < 2100;
}

/* Is the year w that of a date before it, with no more between them than "of"? */
static bool is_year_of(const solving *s, const named_date *d, const word *w)
{
    if (d->year || !d->month_to)
        return false;
    for (size_t i = 0; i < s->n; i++)
        if (s->words[i].start >= d->end && s->words[i].start < w->start && !table_word_in(" of in im von des vom de del du en l year jahres jahr año année ", s->words[i].form))
            return false;
    return true;
}

static size_t find_dates(const solving *s, named_date *out)
{
    quantity *q;
    size_t n_q, n = 0, k = 0;

    if (quantities_find(s->question, strlen(s->question), s->memory, &q, &n_q, NULL))
        return 0;
    for (size_t i = 0; i < s->n && n < SPANS_MAX; i++) {
        const word *w = &s->words[i];
        named_date span;
        size_t taken = table_named_span(s, i, &span);
        if (!taken)
            taken = table_relative_date(s, i, &span);
        if (taken) {
            out[n++] = span;
            i += taken - 1;
            continue;
        }
        while (k < n_q && q[k].end <= w->start)
            k++;
        if (k < n_q && q[k].start <= w->start && q[k].kind == QUANTITY_DATE && (q[k].year || q[k].month)) {
            if (!n || out[n - 1].end <= q[k].start)
                out[n++] = (named_date){.start = q[k].start, .end = q[k].end, .year = q[k].year, .month = q[k].month, .day = q[k].day};
        } else if (k < n_q && q[k].start == w->start && q[k].year_like && w->digits && is_year(s, i, q[k].value[0])) {
            if (n && is_year_of(s, &out[n - 1], w)) { /* "the second quarter of 2026" */
                out[n - 1].year = (int)q[k].value[0];
                out[n - 1].end = w->end;
            } else {
                out[n++] = (named_date){.start = w->start, .end = w->end, .year = (int)q[k].value[0]};
            }
        } else if (is_month(s, i)) {
            out[n++] = (named_date){.start = w->start, .end = w->end, .month = table_month_of(s->memory, w->form)};
        }
    }
    return n;
}

/* Is a word between a word of time and its date ("before the end of June"), or something of its own ("on timber in 2025")? */
static bool leads_to_date(const word *w)
{
    static const char times[] = " year years month months week quarter end start beginning middle early late spring summer autumn winter date day "
                                "jahr jahre jahres monat monats ende anfang mitte beginn tag datum año mes fin final finales principio principios día fecha "
                                "année mois début jour semaine woche semana ";

    return !w->content || table_word_in(times, w->form);
}

/* What the words before a date make of it; *first: the place of the word that does. */
static int relation(const solving *s, size_t start, size_t *first)
{
    static const struct {
        int does;
        const char *words;
    } all[] = {{WHEN_UNTIL, " until till through up bis hasta jusqu jusqu'au "}, {WHEN_SINCE, " since from seit ab desde depuis starting "},
               {WHEN_BEFORE, " before vor antes avant earlier "}, {WHEN_AFTER, " after nach después despues tras après later "},
               {WHEN_IN, " in during on of im am en de del for während durante pendant "}};
    size_t i = 0, seen = 0;

    while (i < s->n && s->words[i].start < start)
        i++;
    *first = i;
    for (; i-- > 0 && seen < 3; seen++) {
        bool of_time = false;
        for (size_t k = 0; k < sizeof all / sizeof *all; k++)
            if (table_word_in(all[k].words, s->words[i].form)) {
                of_time = true;
                *first = i;
                if (all[k].does != WHEN_IN)
                    return all[k].does;
            }
        if (!of_time && !leads_to_date(&s->words[i]))
            break;
    }
    return WHEN_IN;
}

static bool is_years(const solving *s, size_t k)
{
    const column *c = &s->columns[k];

    if (!table_is_measure(c) || c->kind != TABLE_DATE || c->dates)
        return false;
    for (size_t r = 0; r < s->rows; r++)
        if (!isnan(c->value[r]) && (c->value[r] < 1500 || c->value[r] > 2200 || c->value[r] != floor(c->value[r])))
            return false;
    return true;
}

/* The column that dates of the question are asked of: that it names, else of dates, months or years. `sure`: no other suits it alike. */
static size_t column_of_dates(const solving *s, bool *years, bool *sure)
{
    size_t best = SIZE_MAX;
    int most = -1;

    *sure = true;
    for (size_t k = 0; k < s->g->n_columns; k++) {
        const column *c = &s->columns[k];
        bool dates = table_is_measure(c) && c->dates * 2 > c->numbers;
        int points = dates ? 2 : c->from ? 1 : 0;
        if (!dates && !c->from && !is_years(s, k))
            continue;
        for (size_t i = 0; i < s->n; i++)
            points += s->words[i].content && table_names(c, &s->words[i]) ? 3 : 0;
        *sure = points > most || (*sure && points < most);
        if (points > most) {
            most = points;
            best = k;
            *years = !dates && !c->from;
        }
    }
    return best;
}

static double low(const named_date *d)
{
    return d->year * DATE_YEAR + d->month * DATE_MONTH + d->day;
}

static double high(const named_date *d)
{
    int year = d->year_to ? d->year_to : d->year, month = d->month_to ? d->month_to : d->month, day = d->month_to ? d->day_to : d->day;

    return year * DATE_YEAR + (month ? month : 12) * DATE_MONTH + (day ? day : DATE_MONTH - 1);
}

/* Does [from, to] lie where the date says (1), elsewhere (0), or partly (-1)? */
static int lies(double from, double to, double a, double b, int does)
{
    switch (does) {
    case WHEN_BEFORE:
        return to < a ? 1 : from >= a ? 0 : -1;
    case WHEN_UNTIL:
        return to <= b ? 1 : from > b ? 0 : -1;
    case WHEN_AFTER:
        return from > b ? 1 : to <= b ? 0 : -1;
    case WHEN_SINCE:
        return from >= a ? 1 : to < a ? 0 : -1;
    default:
        return from >= a && to <= b ? 1 : to < a || from > b ? 0 : -1;
    }
}

/* Of the rows that were kept before: those of one date more where `or`, else those of this date, too. A row that lies in it partly
 * makes the question none of this table; so do rows of several years where the question, asked of no table, names none. */
static void keep_between(solving *s, size_t col, bool years, const named_date *from, const named_date *to, int does, bool or, const bool *before)
{
    const column *c = &s->columns[col];
    bool no_year = !years && (!from->year || (c->from && !c->in_years));
    double a = years ? from->year : low(from), b = years ? (to->year_to ? to->year_to : to->year) : high(to), of_year = NAN;

    if (no_year) {
        a = fmod(a, DATE_YEAR);
        b = fmod(b, DATE_YEAR);
    }
    for (size_t r = 0; r < s->rows; r++) {
        double f = c->from ? c->from[r] : c->value[r], t = c->from ? c->to[r] : f, year = floor(f / DATE_YEAR);
        int in = 0;
        if (!isnan(f)) {
            f = no_year ? fmod(f, DATE_YEAR) : f;
            t = no_year ? fmod(t, DATE_YEAR) : t;
            in = lies(f, t, a, b, does);
        }
        if (before[r] && s->g->strict && (in < 0 || (in && no_year && !isnan(of_year) && year != of_year)))
            s->does = TABLE_NOTHING;
        of_year = in && before[r] && no_year ? year : of_year;
        s->keep[r] = or ? s->keep[r] || (before[r] && in > 0) : s->keep[r] && in > 0;
    }
}

/* A year beside months that name none: of a column of years, or of the title; false: of neither. */
static bool keep_year(solving *s, size_t col, const named_date *from, const named_date *to)
{
    char year[16];
    word w = {.digits = true};
    bool exact;
    cairn_status st = CAIRN_OK;

    if (from->year != (to->year_to ? to->year_to : to->year))
        return false;
    for (size_t k = 0; k < s->g->n_columns; k++)
        if (k != col && is_years(s, k)) {
            for (size_t r = 0; r < s->rows; r++)
                s->keep[r] &= s->columns[k].value[r] == from->year;
            s->filtered[k] = true;
            return true;
        }
    snprintf(year, sizeof year, "%d", from->year);
    memcpy(w.form, year, sizeof year);
    return table_text_has(s, s->g->title, &w, &exact, &st) && exact;
}

static bool between(const solving *s, const named_date *a, const named_date *b, size_t *first)
{
    static const char opens[] = " between zwischen entre from vom von del desde du ";
    static const char joins[] = " and und y et to bis until till through a al au hasta ";
    size_t i = 0, j, seen = 0;
    bool joined = false;

    while (i < s->n && s->words[i].start < a->start)
        i++;
    for (j = i; j < s->n && s->words[j].start < b->start; j++)
        if (s->words[j].start >= a->end) {
            joined |= table_word_in(joins, s->words[j].form);
            seen++;
        }
    if (!joined || seen > 3)
        return false;
    for (seen = 0; i-- > 0 && seen < 3; seen++)
        if (table_word_in(opens, s->words[i].form)) {
            *first = i;
            return true;
        }
    return false;
}

static bool named_in_question(const solving *s, size_t col)
{
    for (size_t i = 0; i < s->n; i++)
        if (s->words[i].content && table_names(&s->columns[col], &s->words[i]))
            return true;
    return false;
}

/* "Date", "Order date", "Monat": when a row was, and not the one thing that was done then ("Joined", "Date cancelled"). */
static bool called_date(const column *c)
{
    static const char dates[] = " date dates datum day month months quarter year years period tag monat quartal jahr zeitraum jour mois trimestre année période "
                                "fecha día mes año período since seit depuis desde ";
    bool called = false;

    for (size_t i = 0; i < c->n_names; i++) {
        called |= table_word_in(dates, c->names[i].form);
        if (table_is_participle(c->names[i].form))
            return false;
    }
    return called;
}

static bool called_since(const column *c)
{
    for (size_t i = 0; i < c->n_names; i++)
        if (table_word_in(" since seit depuis desde ", c->names[i].form))
            return true;
    return false;
}

/* From the first of January to the last of December? */
static bool covers_years(const named_date *from, const named_date *to)
{
    return (!from->month || (from->month == 1 && from->day <= 1)) && (to->month_to ? to->month_to == 12 && (!to->day_to || to->day_to == 31) : !to->month);
}

cairn_status table_apply_dates(solving *s)
{
    named_date d[SPANS_MAX];
    bool years = false;
    bool sure = true;
    size_t n = find_dates(s, d), col = n ? column_of_dates(s, &years, &sure) : SIZE_MAX, first;
    bool *before = arena_alloc(s->memory, s->rows + 1), some = false; /* some: a date that rows are in was named before */
    cairn_status st = before ? CAIRN_OK : CAIRN_ENOMEM;

    for (size_t i = n; i-- > 1;) /* "in January and March 2024" */
        if (!d[i - 1].year && d[i].year)
            d[i - 1].year = d[i].year;
    if (before)
        memcpy(before, s->keep, s->rows);
    for (size_t i = 0; i < n && col != SIZE_MAX && !st; i++) {
        named_date *from = &d[i], *to = from;
        int does = WHEN_IN;
        if (i + 1 < n && between(s, from, &d[i + 1], &first)) {
            to = &d[++i];
            if (!from->year)
                from->year = to->year;
            if (!to->year)
                to->year = from->year;
        } else {
            does = relation(s, from->start, &first);
        }
        if (years && !from->year)
            continue;
        if (s->g->strict && does == WHEN_SINCE && called_since(&s->columns[col]))
            s->does = TABLE_NOTHING; /* "customers since 2016" of a column "Since": those of that year, or later ones? */
        if (s->g->strict && !named_in_question(s, col) && !called_date(&s->columns[col]))
            s->does = TABLE_NOTHING; /* "the fees in 2026" are not those of who joined then */
        if (s->g->strict && (!sure || (years && from->month && !covers_years(from, to)) || (s->columns[col].order_unsure && !covers_years(from, to))))
            s->does = TABLE_NOTHING;
        if (from->year && s->columns[col].from && !s->columns[col].in_years && !keep_year(s, col, from, to))
            s->does = TABLE_NOTHING;
        keep_between(s, col, years, from, to, does, some && does == WHEN_IN, before);
        some |= does == WHEN_IN;
        for (size_t k = first; k < s->n && s->words[k].start < to->end; k++) {
            s->words[k].by = s->words[k].content ? BY_CELL : s->words[k].by;
            s->words[k].separates = false;
            s->words[k].bound = NAN;
            s->words[k].taken = true;
        }
        s->filtered[col] = s->dated = true;
        size_t said = first < s->n && s->words[first].start < from->start ? s->words[first].start : from->start;
        st = bytes_printf(&s->where, "%s%s: %.*s", s->where.len ? ", " : "", s->g->columns[col], (int)(to->end - said), s->question + said);
    }
    return st ? cairn_fail(s->err, st, "a table") : CAIRN_OK;
}
