/* table_calendar.c - months, quarters and halves of years: as cells ("Feb", "2026-02", "02/2026", "Q2 2026", "3" below "Month"), as a
 * question names them ("in the second quarter of 2026", "im 2. Halbjahr", "au T3"), and years, quarters, months and weeks by the day it
 * is ("this year", "letzten Monat", "el trimestre pasado"). Also the order of day and month in dates with strokes. */
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/utf8.h"
#include "engine/table_reading.h"
#include "retrieve/quantity.h"
#include "retrieve/query_tree.h"

#define DAY_NS (86400 * INT64_C(1000000000))

static const char quarters[] = " quarter quarters quartal quartals trimestre trimestres ";
static const char halves[] = " half halbjahr halbjahrs halbjahres semestre ";
static const char places[4][120] = {" first 1st 1er 1 ersten erstes erste erster premier première primer primero primera ",
                                    " second 2nd 2e 2ème 2 zweiten zweites zweite zweiter deuxième seconde segundo segunda ",
                                    " third 3rd 3e 3ème 3 dritten drittes dritte dritter troisième tercer tercero tercera ",
                                    " fourth 4th 4e 4ème 4 vierten viertes vierte vierter quatrième cuarto cuarta "};

int table_month_of(arena *memory, const char *form)
{
    char text[96];
    quantity *q;
    size_t n;

    if (strlen(form) < 3 || strlen(form) > 40 || isdigit((unsigned char)*form))
        return 0;
    snprintf(text, sizeof text, "1 %s 2000", form);
    return !quantities_find(text, strlen(text), memory, &q, &n, NULL) && n == 1 && q[0].kind == QUANTITY_DATE ? q[0].month : 0;
}

/* "Q2", "T2", "H1": the months; false: it is none. */
static bool short_span(const char *form, int *from, int *to)
{
    bool half = tolower((unsigned char)*form) == 'h';

    if (!strchr("qthQTH", *form) || !*form || form[1] < '1' || form[1] > (half ? '2' : '4') || form[2])
        return false;
    *from = (form[1] - '1') * (half ? 6 : 3) + 1;
    *to = *from + (half ? 5 : 2);
    return true;
}

/* ---- cells ---- */

/* A month as tables shorten it, beyond what texts do. */
static int cell_month(const solving *s, const char *word)
{
    static const struct {
        const char *word;
        int month;
    } all[] = {{"janv", 1}, {"j\xc3\xa4nner", 1}, {"ene", 1},  {"f\xc3\xa9vr", 2}, {"fev", 2}, {"febr", 2}, {"m\xc3\xa4r", 3}, {"mrz", 3}, {"avr", 4},
               {"abr", 4},  {"juil", 7}, {"ago", 8}, {"okt", 10}, {"dez", 12}, {"d\xc3\xa9" "c", 12}, {"dic", 12}};
    char form[32];

    utf8_fold_latin(word, strlen(word), form); /* as long as the word */
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (!strcmp(form, all[i].word))
            return all[i].month;
    return table_month_of(s->memory, form);
}

/* A cell of one or two words, and the sign between them. */
static size_t split_cell(const char *cell, char part[2][32], char *sign)
{
    size_t n = 0;

    *sign = ' ';
    for (const char *p = cell; *p; n++) {
        size_t len = strcspn(p, " /-.");
        if (n == 2 || !len || len >= 32)
            return 0;
        snprintf(part[n], 32, "%.*s", (int)len, p);
        p += len;
        if (*p && p[strspn(p, " .")]) {
            *sign = *p == '.' && p[1] == ' ' ? ' ' : *p;
            p += *p == '.' && p[1] == ' ' ? 2 : 1;
        } else {
            p += strlen(p);
        }
    }
    return n;
}

static int digits_of(const char *text, int least, int most)
{
    long x = strspn(text, "0123456789") == strlen(text) && *text && strlen(text) < 6 ? strtol(text, NULL, 10) : 0;

    return x >= least && x <= most ? (int)x : 0;
}

/* The months that a cell names, and the year: 0 where it says none. */
static bool read_period(const solving *s, const char *cell, bool numbers, int *year, int *from, int *to)
{
    char part[2][32], sign;
    size_t n = split_cell(cell, part, &sign), name = 0;

    *year = 0;
    if (n == 1 && numbers && (*from = digits_of(part[0], 1, 12)) > 0) {
        *to = *from;
        return true;
    }
    if (n == 2 && (*year = digits_of(part[0], 1500, 2200)) > 0)
        name = 1; /* "2026-02", "2026 Q2" */
    else if (n == 2 && !(*year = digits_of(part[1], 1500, 2200)))
        return false;
    if (!n || (n == 2 && sign == '.'))
        return false;
    if (short_span(part[name], from, to))
        return true;
    *from = n == 2 && strchr("/-", sign) ? digits_of(part[name], 1, 12) : 0; /* "02/2026" */
    if (!*from)
        *from = cell_month(s, part[name]);
    *to = *from;
    return *from > 0;
}

/* Is column k called "month", so that 1 to 12 are months? */
static bool called_month(const column *c)
{
    for (size_t i = 0; i < c->n_names; i++)
        if (table_word_in(" month months monat monate mois mes meses ", c->names[i].form))
            return true;
    return false;
}

cairn_status table_read_periods(solving *s, size_t k)
{
    column *c = &s->columns[k];
    size_t n = 0, with_year = 0;
    double *from, *to;

    if (!c->filled || c->dates * 2 > c->filled)
        return CAIRN_OK;
    from = arena_calloc(s->memory, s->rows + 1, sizeof *from);
    to = arena_calloc(s->memory, s->rows + 1, sizeof *to);
    if (!from || !to)
        return cairn_fail(s->err, CAIRN_ENOMEM, "a table");
    for (size_t r = 0; r < s->rows; r++) {
        const char *cell = table_cell(s, r, k);
        int year, first, last;
        from[r] = to[r] = NAN;
        if (!*cell)
            continue;
        if (!read_period(s, cell, called_month(c), &year, &first, &last)) {
            if (r + 1 == s->rows || n < 2) /* "Total" at the end is none */
                continue;
            return CAIRN_OK;
        }
        from[r] = year * DATE_YEAR + first * DATE_MONTH;
        to[r] = year * DATE_YEAR + last * DATE_MONTH + DATE_MONTH - 1;
        with_year += year > 0;
        n++;
    }
    if (n < 2 || n + 1 < c->filled || (with_year && with_year < n))
        return CAIRN_OK;
    c->from = from;
    c->to = to;
    c->in_years = with_year > 0;
    c->numbers = 0; /* what 2 and 3 are of "Month" adds up to nothing */
    return CAIRN_OK;
}

/* "05/02/2026" is the fifth of February but where another cell of the column has a second number that is no month. */
void table_order_dates(solving *s, size_t k)
{
    column *c = &s->columns[k];
    bool swaps = false, stays = false, either = false;

    for (int pass = 0; pass < 2; pass++)
        for (size_t r = 0; r < s->rows; r++) {
            unsigned a, b, y;
            if (isnan(c->value[r]) || sscanf(table_cell(s, r, k), "%2u/%2u/%4u", &a, &b, &y) != 3)
                continue;
            swaps |= b > 12;
            stays |= a > 12;
            either |= a != b;
            if (pass && swaps && !stays && a <= 12 && b <= 12)
                c->value[r] += ((double)a - b) * DATE_MONTH + (double)b - a;
        }
    c->order_unsure = either && (swaps == stays) && (swaps || !strcmp(s->langs[0], "en"));
}

/* ---- the question ---- */

/* The place that word i names, 0 to 3; -1: none. */
static int place_of(const word *w)
{
    for (int p = 0; p < 4; p++)
        if (table_word_in(places[p], w->form))
            return p;
    return -1;
}

size_t table_named_span(const solving *s, size_t i, named_date *out)
{
    const word *w = &s->words[i], *next = i + 1 < s->n ? w + 1 : NULL;
    bool half = next && table_word_in(halves, next->form);
    int place, year;

    *out = (named_date){.start = w->start, .end = w->end};
    if (short_span(w->form, &out->month, &out->month_to))
        return 1;
    if (next && (half || table_word_in(quarters, next->form)) && (place = place_of(w)) >= 0 && place < (half ? 2 : 4)) {
        out->month = place * (half ? 6 : 3) + 1;
        out->month_to = out->month + (half ? 5 : 2);
        out->end = next->end;
        return 2;
    }
    if (next && s->question[w->end] == '/' && next->start == w->end + 1 && s->question[next->end] != '/' &&
        (!w->start || s->question[w->start - 1] != '/') && (out->month = digits_of(w->form, 1, 12)) > 0 &&
        (year = digits_of(next->form, 1500, 2200)) > 0) { /* "02/2026" */
        out->year = year;
        out->end = next->end;
        return 2;
    }
    return 0;
}

/* "this year" of text[from, to), as the days [*lo, *hi). */
static bool relative(const char *text, size_t from, size_t to, int64_t today, int64_t *lo, int64_t *hi)
{
    bool named = query_named_date(text + from, text + to, today, lo, hi);

    *lo /= DAY_NS;
    *hi /= DAY_NS;
    return named;
}

static bool says_unit(const char *form)
{
    return table_word_in(" year month quarter week jahr jahres monat monats quartal woche année an mois trimestre semaine año mes semana ", form);
}

static void civil_day(int64_t day, int *year, int *month, int *of_month)
{
    time_t t = (time_t)(day * 86400);
    struct tm tm;

    gmtime_r(&t, &tm);
    *year = tm.tm_year + 1900;
    *month = tm.tm_mon + 1;
    *of_month = tm.tm_mday;
}

double table_day_value(int64_t day)
{
    int year, month, of_month;

    civil_day(day, &year, &month, &of_month);
    return year * DATE_YEAR + month * DATE_MONTH + of_month;
}

size_t table_relative_date(const solving *s, size_t i, named_date *out)
{
    const word *w = &s->words[i];
    int64_t lo = 0, hi = 0;
    int year, month, of_month;

    if (!s->g->today || i + 1 >= s->n || (!says_unit(w->form) && !says_unit(w[1].form)) || !relative(s->question, w->start, w[1].end, s->g->today, &lo, &hi))
        return 0;
    *out = (named_date){.start = w->start, .end = w[1].end};
    civil_day(lo, &out->year, &out->month, &out->day);
    civil_day(hi - 1, &out->year_to, &out->month_to, &out->day_to);
    if (out->day == 1) /* whole months: their days begin before the first and end behind the last */
        out->day = 0;
    civil_day(hi, &year, &month, &of_month);
    if (of_month == 1)
        out->day_to = 0;
    return 2;
}

/* The words of such dates are no words of degree ("last year", "first quarter"). */
void table_blank_dates(char *question, int64_t today)
{
    for (char *p = question + strspn(question, " "); *p; p += strspn(p, " ")) {
        size_t n = strcspn(p, " "), m;
        char *next = p + n + strspn(p + n, " "), one[32] = "", two[32] = "";
        int64_t lo = 0, hi = 0;
        m = strcspn(next, " ?.,");
        snprintf(one, sizeof one, "%.*s", (int)(n < 31 ? n : 0), p);
        snprintf(two, sizeof two, "%.*s", (int)(m < 31 ? m : 0), next);
        bool place = false;
        for (int i = 0; i < 4; i++)
            place |= table_word_in(places[i], one) && (table_word_in(quarters, two) || table_word_in(halves, two));
        if (place || (*two && today && (says_unit(one) || says_unit(two)) &&
                      relative(question, (size_t)(p - question), (size_t)(next + m - question), today, &lo, &hi)))
            memset(p, ' ', (size_t)(next + m - p));
        else
            p += n;
    }
}
