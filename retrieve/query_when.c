/* query_when.c - dates in words, in English, German, French and Spanish: "last week", "past 3 days", "in March 2024",
 * "since yesterday", "letzten Monat", "im März 2024", "on 22 July 2025", "seit dem 1. Juli 2025", "before 2025-07-01",
 * "last March", "la semaine dernière", "desde julio de 2025", "el 22 de julio de 2025".
 *
 * Days are calendar days of UTC, as in date:, counted from the day it is where the question is asked. A week
 * begins on Monday. "last" names the calendar week, month, quarter or year before this one, and of a month or day of the
 * week the last one before this; with a number, and with "past", so many days up to now. "hier" is German, too, and is
 * read as no date. */
#include <ctype.h>
#include <string.h>
#include <time.h>

#include "retrieve/query_tokens.h"

#define DAY_NS    (86400 * INT64_C(1000000000))
#define WORD_MAX  16
#define WORDS_MAX 8 /* "desde el 1 de julio de 2025" has 7 */
#define DATED_SINCE 1990 /* documents have dates from then on: "before 1 May 1945" is about the text */

typedef enum unit { DAY, WEEK, MONTH, QUARTER, YEAR } unit;

typedef enum meaning {
    LAST,  /* the one before this */
    PAST,  /* up to now */
    THIS,
    IN,    /* before a month; value: also before a year by itself */
    SINCE,
    BEFORE, /* value: the named span itself, too ("until") */
    AFTER,
    ON,      /* before a day alone; IN may be so, too */
    ARTICLE,
    UNIT,  /* value: the unit */
    BEHIND, /* "dernier", "pasado": LAST behind its unit; value: 1 in Spanish */
    MES,    /* a month in Spanish, "my" in French */
    NAMED_WEEKDAY, /* value: 0 is Monday */
    NAMED_MONTH, /* value: 1..12 */
    NAMED_DAY,   /* value: days back */
    NUMBER,
    ISO_DAY, /* value: the day */
    OTHER
} meaning;

typedef struct word {
    meaning is;
    int64_t value;
    bool digits4;    /* a NUMBER that may be a year */
    const char *end; /* behind the word, signs of the sentence left out */
    const char *next; /* behind its signs and blanks */
    bool last;       /* a sign or the end follows: the phrase goes no further */
} word;

static const struct {
    const char *text;
    meaning is;
    int64_t value;
} known[] = {
    {"last", LAST, 0}, {"previous", LAST, 0}, {"letzte", LAST, 0}, {"letzten", LAST, 0}, {"letzter", LAST, 0},
    {"letztes", LAST, 0}, {"letztem", LAST, 0}, {"vergangene", LAST, 0}, {"vergangenen", LAST, 0},
    {"vergangener", LAST, 0}, {"vergangenes", LAST, 0}, {"vorige", LAST, 0}, {"vorigen", LAST, 0},
    {"voriger", LAST, 0}, {"voriges", LAST, 0}, {"past", PAST, 0},
    {"this", THIS, 0}, {"diese", THIS, 0}, {"diesen", THIS, 0}, {"dieser", THIS, 0}, {"dieses", THIS, 0},
    {"diesem", THIS, 0},
    {"in", IN, 1}, {"from", IN, 0}, {"of", IN, 0}, {"during", IN, 1}, {"im", IN, 1}, {"vom", IN, 0},
    {"von", IN, 0}, {"aus", IN, 0}, {"since", SINCE, 0}, {"seit", SINCE, 0},
    {"before", BEFORE, 0}, {"vor", BEFORE, 0}, {"until", BEFORE, 1}, {"till", BEFORE, 1}, {"bis", BEFORE, 1}, {"after", AFTER, 0}, {"nach", AFTER, 0},
    {"on", ON, 0}, {"am", ON, 0}, {"dem", ARTICLE, 0}, {"zum", ARTICLE, 0}, {"the", ARTICLE, 0},
    {"day", UNIT, DAY}, {"days", UNIT, DAY}, {"tag", UNIT, DAY}, {"tage", UNIT, DAY}, {"tagen", UNIT, DAY},
    {"week", UNIT, WEEK}, {"weeks", UNIT, WEEK}, {"woche", UNIT, WEEK}, {"wochen", UNIT, WEEK},
    {"month", UNIT, MONTH}, {"months", UNIT, MONTH}, {"monat", UNIT, MONTH}, {"monats", UNIT, MONTH},
    {"monate", UNIT, MONTH}, {"monaten", UNIT, MONTH}, {"quarter", UNIT, QUARTER}, {"quarters", UNIT, QUARTER},
    {"quartal", UNIT, QUARTER}, {"quartale", UNIT, QUARTER}, {"quartals", UNIT, QUARTER},
    {"year", UNIT, YEAR}, {"years", UNIT, YEAR}, {"jahr", UNIT, YEAR}, {"jahre", UNIT, YEAR},
    {"jahren", UNIT, YEAR}, {"jahres", UNIT, YEAR},
    {"today", NAMED_DAY, 0}, {"heute", NAMED_DAY, 0}, {"yesterday", NAMED_DAY, 1}, {"gestern", NAMED_DAY, 1},
    {"vorgestern", NAMED_DAY, 2},
    {"january", NAMED_MONTH, 1}, {"januar", NAMED_MONTH, 1}, {"february", NAMED_MONTH, 2},
    {"februar", NAMED_MONTH, 2}, {"march", NAMED_MONTH, 3}, {"märz", NAMED_MONTH, 3}, {"april", NAMED_MONTH, 4},
    {"may", NAMED_MONTH, 5}, {"mai", NAMED_MONTH, 5}, {"june", NAMED_MONTH, 6}, {"juni", NAMED_MONTH, 6},
    {"july", NAMED_MONTH, 7}, {"juli", NAMED_MONTH, 7}, {"august", NAMED_MONTH, 8},
    {"september", NAMED_MONTH, 9}, {"october", NAMED_MONTH, 10}, {"oktober", NAMED_MONTH, 10},
    {"november", NAMED_MONTH, 11}, {"december", NAMED_MONTH, 12}, {"dezember", NAMED_MONTH, 12},
    {"monday", NAMED_WEEKDAY, 0}, {"tuesday", NAMED_WEEKDAY, 1}, {"wednesday", NAMED_WEEKDAY, 2},
    {"thursday", NAMED_WEEKDAY, 3}, {"friday", NAMED_WEEKDAY, 4}, {"saturday", NAMED_WEEKDAY, 5},
    {"sunday", NAMED_WEEKDAY, 6}, {"montag", NAMED_WEEKDAY, 0}, {"dienstag", NAMED_WEEKDAY, 1},
    {"mittwoch", NAMED_WEEKDAY, 2}, {"donnerstag", NAMED_WEEKDAY, 3}, {"freitag", NAMED_WEEKDAY, 4},
    {"samstag", NAMED_WEEKDAY, 5}, {"sonntag", NAMED_WEEKDAY, 6}, {"lundi", NAMED_WEEKDAY, 0},
    {"mardi", NAMED_WEEKDAY, 1}, {"mercredi", NAMED_WEEKDAY, 2}, {"jeudi", NAMED_WEEKDAY, 3},
    {"vendredi", NAMED_WEEKDAY, 4}, {"samedi", NAMED_WEEKDAY, 5}, {"dimanche", NAMED_WEEKDAY, 6},
    {"lunes", NAMED_WEEKDAY, 0}, {"martes", NAMED_WEEKDAY, 1}, {"miércoles", NAMED_WEEKDAY, 2},
    {"jueves", NAMED_WEEKDAY, 3}, {"viernes", NAMED_WEEKDAY, 4}, {"sábado", NAMED_WEEKDAY, 5},
    {"domingo", NAMED_WEEKDAY, 6},
    /* French */
    {"dernier", BEHIND, 0}, {"dernière", BEHIND, 0}, {"derniers", BEHIND, 0}, {"dernières", BEHIND, 0},
    {"passé", BEHIND, 0}, {"passée", BEHIND, 0}, {"ce", THIS, 0}, {"cette", THIS, 0}, {"en", IN, 1},
    {"de", IN, 0}, {"du", IN, 0}, {"depuis", SINCE, 0}, {"avant", BEFORE, 0}, {"après", AFTER, 0},
    {"le", ON, 1}, {"la", ARTICLE, 0}, {"les", ARTICLE, 0}, {"jour", UNIT, DAY}, {"jours", UNIT, DAY},
    {"semaine", UNIT, WEEK}, {"semaines", UNIT, WEEK}, {"mois", UNIT, MONTH}, {"trimestre", UNIT, QUARTER},
    {"trimestres", UNIT, QUARTER}, {"année", UNIT, YEAR}, {"années", UNIT, YEAR}, {"an", UNIT, YEAR},
    {"ans", UNIT, YEAR}, {"janvier", NAMED_MONTH, 1}, {"février", NAMED_MONTH, 2}, {"mars", NAMED_MONTH, 3},
    {"avril", NAMED_MONTH, 4}, {"juin", NAMED_MONTH, 6}, {"juillet", NAMED_MONTH, 7}, {"août", NAMED_MONTH, 8},
    {"septembre", NAMED_MONTH, 9}, {"octobre", NAMED_MONTH, 10}, {"novembre", NAMED_MONTH, 11},
    {"décembre", NAMED_MONTH, 12},
    /* Spanish */
    {"pasado", BEHIND, 1}, {"pasada", BEHIND, 1}, {"últimos", LAST, 0}, {"últimas", LAST, 0}, {"este", THIS, 0},
    {"esta", THIS, 0}, {"del", IN, 0}, {"desde", SINCE, 0}, {"antes", BEFORE, 0}, {"hasta", BEFORE, 1},
    {"después", AFTER, 0}, {"el", ON, 1}, {"los", ARTICLE, 0}, {"las", ARTICLE, 0}, {"hoy", NAMED_DAY, 0},
    {"ayer", NAMED_DAY, 1}, {"día", UNIT, DAY}, {"días", UNIT, DAY}, {"semana", UNIT, WEEK},
    {"semanas", UNIT, WEEK}, {"mes", MES, MONTH}, {"meses", UNIT, MONTH}, {"año", UNIT, YEAR},
    {"años", UNIT, YEAR}, {"enero", NAMED_MONTH, 1}, {"febrero", NAMED_MONTH, 2}, {"marzo", NAMED_MONTH, 3},
    {"abril", NAMED_MONTH, 4}, {"mayo", NAMED_MONTH, 5}, {"junio", NAMED_MONTH, 6}, {"julio", NAMED_MONTH, 7},
    {"agosto", NAMED_MONTH, 8}, {"septiembre", NAMED_MONTH, 9}, {"octubre", NAMED_MONTH, 10},
    {"noviembre", NAMED_MONTH, 11}, {"diciembre", NAMED_MONTH, 12},
};

/* ---- spans of days ---- */

typedef struct civil {
    int64_t year, month; /* 1..12 */
} civil;

static civil civil_of(int64_t day)
{
    time_t t = (time_t)(day * 86400);
    struct tm tm;

    gmtime_r(&t, &tm);
    return (civil){tm.tm_year + 1900, tm.tm_mon + 1};
}

/* The first day of the month so many months after (before) that of `c`. */
static int64_t month_start(civil c, int64_t months)
{
    int64_t at = c.year * 12 + c.month - 1 + months;

    return query_days_to(at / 12, at % 12 + 1, 1);
}

/* The unit that `day` lies in, `back` units earlier. */
static void span_of(unit u, int64_t day, int64_t back, int64_t *lo, int64_t *hi)
{
    civil c = civil_of(day);
    int64_t monday = day - ((day + 3) % 7 + 7) % 7, step = u == QUARTER ? 3 : u == YEAR ? 12 : 1;

    if (u == DAY || u == WEEK) {
        *lo = u == DAY ? day - back : monday - 7 * back;
        *hi = *lo + (u == DAY ? 1 : 7);
        return;
    }
    c.month = u == YEAR ? 1 : u == QUARTER ? (c.month - 1) / 3 * 3 + 1 : c.month;
    *lo = month_start(c, -back * step);
    *hi = month_start(c, (1 - back) * step);
}

/* So many units up to now, the day itself counted in. */
static void rolling(unit u, int64_t day, int64_t n, int64_t *lo, int64_t *hi)
{
    static const int64_t days[] = {1, 7, 30, 91, 365};

    *hi = day + 1;
    *lo = *hi - n * days[u];
}

int64_t retrieve_today(void)
{
    time_t now = time(NULL);
    struct tm tm;

    localtime_r(&now, &tm);
    return query_days_to(tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday);
}

int retrieve_year_of(int64_t day)
{
    return (int)civil_of(day).year;
}

/* ---- words ---- */

static bool is_between(char c)
{
    return query_is_blank(c) || c == '-' || c == '_';
}

/* "2025-07-01" */
static bool read_iso(const char *s, const char *end, word *out)
{
    int64_t part[3] = {0};
    size_t at = 0;

    for (size_t i = 0; i < 3; i++) {
        size_t digits = i ? 2 : 4;
        for (size_t k = 0; k < digits; k++, at++) {
            if (s + at >= end || !isdigit((unsigned char)s[at]))
                return false;
            part[i] = part[i] * 10 + (s[at] - '0');
        }
        if (i < 2 && (s + at >= end || s[at++] != '-'))
            return false;
    }
    if ((s + at < end && (query_is_letter(s[at]) || isdigit((unsigned char)s[at]) || s[at] == '-')) || part[1] < 1 || part[1] > 12 ||
        part[2] < 1 || part[2] > 31)
        return false;
    *out = (word){.is = ISO_DAY, .value = query_days_to(part[0], part[1], part[2]), .end = s + at};
    return true;
}

/* The word at s. `joined`: a minus parts words, too (date:last-week). */
static bool read_one(const char *s, const char *end, bool joined, word *out)
{
    char text[WORD_MAX];
    size_t n = 0;
    const char *p = s;

    *out = (word){.is = OTHER};
    if (!joined && read_iso(s, end, out))
        p = out->end;
    while (out->is != ISO_DAY && p < end && (query_is_letter(*p) || isdigit((unsigned char)*p))) {
        if (n + 1 == sizeof text)
            return false;
        text[n++] = (char)tolower((unsigned char)*p++);
        if (n == 1 && text[0] == 'l' && p < end && *p == '\'') { /* "l'année" */
            p++;
            n = 0;
        }
    }
    if (!n && out->is != ISO_DAY)
        return false;
    text[n] = 0;
    out->end = p;
    while (p < end && strchr(",.;:!?", *p))
        p++;
    out->last = p != out->end || p == end;
    if (p < end && !(joined ? is_between(*p) : query_is_blank(*p)))
        return false;
    while (p < end && (joined ? is_between(*p) : query_is_blank(*p)))
        p++;
    out->next = p;
    out->last |= p == end;
    if (out->is == ISO_DAY)
        return true;
    if (isdigit((unsigned char)text[0])) {
        out->digits4 = n == 4;
        for (size_t i = 0; i < n; i++) {
            if (!isdigit((unsigned char)text[i]) || n > 4)
                return false;
            out->value = out->value * 10 + (text[i] - '0');
        }
        out->is = NUMBER;
        if (n < 3 && out->value >= 1 && out->value <= 31 && p != end && (*out->end == '.' || *out->end == ',') && out->end + 1 < p)
            out->last = false; /* "1. Juli", "July 1, 2025" */
        return true;
    }
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (!strcmp(text, known[i].text)) {
            out->is = known[i].is;
            out->value = known[i].value;
        }
    return true;
}

static size_t read_words(const char *s, const char *end, bool joined, word out[WORDS_MAX])
{
    size_t n = 0;

    while (n < WORDS_MAX && s < end && read_one(s, end, joined, &out[n])) {
        s = out[n].next;
        if (out[n++].last)
            break;
    }
    return n;
}

static bool is_year(const word *w)
{
    return w->is == NUMBER && w->digits4 && w->value >= 1700 && w->value < 2250;
}

/* The last month, or day of the week, of that name before this one. */
static void last_named(const word *w, int64_t today, int64_t *lo, int64_t *hi)
{
    civil now = civil_of(today);

    if (w->is == NAMED_WEEKDAY) {
        int64_t back = ((today + 3) % 7 - w->value + 7) % 7;
        *lo = today - (back ? back : 7);
        *hi = *lo + 1;
        return;
    }
    now.year -= w->value >= now.month;
    *lo = query_days_to(now.year, w->value, 1);
    *hi = query_days_to(now.year, w->value + 1, 1);
}

/* The same with "last" behind it: "la semaine dernière", "el mes pasado", "les 3 derniers jours". */
static size_t read_last_behind(const word *w, size_t n, int64_t today, int64_t *lo, int64_t *hi)
{
    if (n >= 3 && w[0].is == NUMBER && w[0].value > 0 && w[0].value <= 1000 && w[1].is == BEHIND && w[2].is == UNIT) {
        rolling((unit)w[2].value, today, w[0].value, lo, hi);
        return 3;
    }
    if (n < 2 || w[1].is != BEHIND)
        return 0;
    if (w[0].is == NAMED_MONTH || w[0].is == NAMED_WEEKDAY) {
        last_named(w, today, lo, hi);
        return 2;
    }
    if (w[0].is == UNIT || (w[0].is == MES && w[1].value)) {
        span_of((unit)w[0].value, today, 1, lo, hi);
        return 2;
    }
    return 0;
}

/* The place behind a "de" at `at`, where there is one. */
static size_t behind_of(const word *w, size_t n, size_t at)
{
    return at < n && w[at].is == IN && !w[at].value ? at + 1 : at;
}

/* "1 de julio de 2025" */
static size_t read_day_of(const word *w, size_t n, int64_t *lo, int64_t *hi)
{
    size_t month = behind_of(w, n, 1), year = behind_of(w, n, month + 1);

    if (year >= n || w[0].is != NUMBER || w[0].digits4 || w[0].value < 1 || w[0].value > 31 ||
        w[month].is != NAMED_MONTH || !is_year(&w[year]))
        return 0;
    *lo = query_days_to(w[year].value, w[month].value, w[0].value);
    *hi = *lo + 1;
    return year + 1;
}

/* A span in words [w, w + n): how many of them it takes; 0: none. *named: a month or a year, which the text
 * of a document may name itself. */
static size_t read_span(const word *w, size_t n, int64_t today, int64_t *lo, int64_t *hi, bool *named)
{
    size_t taken = read_last_behind(w, n, today, lo, hi), year = behind_of(w, n, 1);

    *named = false;
    if (taken)
        return taken;
    if (n >= 2 && w[0].is == LAST && (w[1].is == NAMED_MONTH || w[1].is == NAMED_WEEKDAY) && !(n > 2 && is_year(&w[2]))) {
        last_named(&w[1], today, lo, hi);
        return 2;
    }
    if (n >= 2 && w[0].is == THIS && w[1].is == MES) {
        span_of(MONTH, today, 0, lo, hi);
        return 2;
    }
    if (n >= 3 && (w[0].is == LAST || w[0].is == PAST) && w[1].is == NUMBER && w[1].value > 0 &&
        w[1].value <= 1000 && w[2].is == UNIT) {
        rolling((unit)w[2].value, today, w[1].value, lo, hi);
        return 3;
    }
    if (n >= 2 && w[0].is == PAST && w[1].is == UNIT) {
        rolling((unit)w[1].value, today, 1, lo, hi);
        return 2;
    }
    if (n >= 2 && (w[0].is == LAST || w[0].is == THIS) && w[1].is == UNIT) {
        span_of((unit)w[1].value, today, w[0].is == LAST, lo, hi);
        return 2;
    }
    if (n >= 1 && w[0].is == NAMED_DAY) {
        span_of(DAY, today, w[0].value, lo, hi);
        return 1;
    }
    *named = true;
    if (n >= 1 && w[0].is == ISO_DAY) {
        *lo = w[0].value;
        *hi = *lo + 1;
        return 1;
    }
    for (size_t month = 0; n >= 3 && month < 2; month++) { /* 1 July 2025, July 1 2025 */
        const word *m = &w[month ? 0 : 1], *d = &w[month ? 1 : 0];
        if (m->is != NAMED_MONTH || d->is != NUMBER || d->digits4 || d->value < 1 || d->value > 31 || !is_year(&w[2]))
            continue;
        *lo = query_days_to(w[2].value, m->value, d->value);
        *hi = *lo + 1;
        return 3;
    }
    if ((taken = read_day_of(w, n, lo, hi)))
        return taken;
    if (n >= 2 && year < n && w[0].is == NAMED_MONTH && is_year(&w[year])) {
        *lo = query_days_to(w[year].value, w[0].value, 1);
        *hi = query_days_to(w[year].value, w[0].value + 1, 1);
        return year + 1;
    }
    if (n >= 1 && is_year(&w[0])) {
        *lo = query_days_to(w[0].value, 1, 1);
        *hi = query_days_to(w[0].value + 1, 1, 1);
        return 1;
    }
    return 0;
}

bool query_named_date(const char *s, const char *end, int64_t today, int64_t *lo, int64_t *hi)
{
    word w[WORDS_MAX];
    bool named;
    size_t n = read_words(s, end, true, w), taken;

    if (!n || w[n - 1].next != end)
        return false;
    taken = read_span(w, n, today, lo, hi, &named);
    *lo *= taken ? DAY_NS : 1;
    *hi *= taken ? DAY_NS : 1;
    return taken == n;
}

/* ---- in the middle of a query ---- */

static query_node *date_node(query_reader *q, int64_t lo, int64_t hi)
{
    query_node *n = query_new_node(q, QUERY_FILTER);
    filter_value *v = arena_calloc(q->a, 1, sizeof *v);

    q->failed |= !v;
    if (!n || !v)
        return NULL;
    *v = (filter_value){.lo = lo, .hi = hi};
    n->predicate = (filter_predicate){FILTER_DATE, FILTER_RANGE, false, v, 1};
    q->n_leaves++;
    return n;
}

/* The date, or the words that name it in the text. */
static query_node *date_or_words(query_reader *q, query_node *date, const char *s, const char *end)
{
    query_node *any = query_new_node(q, QUERY_OR), *words = query_new_node(q, QUERY_CLAUSE);

    if (!any || !words)
        return date;
    words->clause = (lexical_clause){.kind = LEXICAL_PHRASE, .text = s, .len = (size_t)(end - s)};
    query_append(any, date);
    query_append(any, words);
    any->required = true;
    q->n_leaves += 2;
    return any;
}

query_node *query_read_when(query_reader *q)
{
    const char *s = q->p;
    word w[WORDS_MAX];
    size_t n = read_words(s, q->end, false, w), lead, taken;
    int64_t lo, hi;
    bool named;
    query_node *date;

    if (!n || w[0].is == OTHER || ((w[0].is == UNIT || w[0].is == MES) && (n < 2 || w[1].is != BEHIND)) || !query_has_room(q))
        return NULL;
    bool bound = w[0].is == BEFORE || w[0].is == AFTER;
    lead = n > 1 && !w[0].last && (w[0].is == IN || w[0].is == SINCE || w[0].is == ON || bound);
    if (lead && w[0].is != IN && n > 2 && !w[1].last &&
        (w[1].is == ARTICLE || (w[1].is == ON && w[1].value) || (bound && w[1].is == IN && !w[1].value)))
        lead = 2; /* "seit dem", "desde el", "antes del" */
    taken = read_span(w + lead, n - lead, q->today, &lo, &hi, &named);
    if ((bound || w[0].is == ON) && (!taken || !named || hi - lo != 1 || (bound && lo < query_days_to(DATED_SINCE, 1, 1))))
        return NULL; /* of a day alone: "before 1900" is about the text */
    if (lead && w[0].is == IN && !w[0].value && taken == 1 && hi - lo == 1)
        lead = 0; /* "from 2025-07-01": a range may follow */
    if (taken == 1 && named && lead && w[0].is == IN && !w[0].value)
        return NULL; /* "2000 of 2024" */
    /* Without a word before it, a day, a month or a year may mean anything. */
    if (!taken || (!lead && (named || w[0].is == NAMED_DAY)))
        return NULL;
    for (size_t i = lead; i + 1 < lead + taken; i++)
        if (w[i].end != w[i].next && w[i].last)
            return NULL; /* a sign of the sentence stands between */
    if (w[0].is == BEFORE) {
        hi = w[0].value ? hi : lo;
        date = date_node(q, INT64_MIN, hi * DAY_NS);
    } else if (w[0].is == AFTER) {
        date = date_node(q, hi * DAY_NS, INT64_MAX);
    } else {
        date = date_node(q, lo * DAY_NS, lead && w[0].is == SINCE ? INT64_MAX : hi * DAY_NS);
    }
    if (!date)
        return NULL;
    const word *final = &w[lead + taken - 1];
    const char *from = lead ? w[0].next : s;
    if (lead > 1)
        from = w[1].next;
    if (w[0].is == SINCE || bound)
        from = s;
    query_remark(q, "read as a date (in quotes it is words): ", from, (size_t)(final->end - from), "");
    q->p = final->end;
    while (q->p < q->end && strchr(",.;:!?", *q->p) && !query_is_blank(*q->p))
        q->p++;
    return named && (w[0].is == IN || w[0].is == ON) ? date_or_words(q, date, from, final->end) : date;
}
