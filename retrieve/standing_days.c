/* standing_days.c - the days within which a sentence says that something holds, and the day a question is asked for. */
#include <stdlib.h>
#include <string.h>

#include "retrieve/quantity.h"
#include "retrieve/standing_inside.h"
#include "retrieve/word_byte.h"
#include "retrieve/word_list.h"

#define REACH_BYTES 64 /* before a date, that say what it limits */
#define EARLY_DAYS  60 /* "from 1 May" in a mail of 20 May */

typedef enum limit_kind { FROM, AFTER, SINCE, RANGE, UNTIL, BEFORE, LIMIT_KINDS } limit_kind;

/* What stands right before a date, articles left out, longest first where one ends another. RANGE alone is none: it needs a second date. */
static const struct {
    const char *words;
    limit_kind kind;
} leads[] = {
    {"with effect from", FROM}, {"effective from", FROM}, {"effective as of", FROM}, {"effective", FROM}, {"as from", FROM}, {"as of", FROM},
    {"starting from", FROM}, {"starting on", FROM}, {"starting", FROM}, {"beginning on", FROM}, {"from", FROM}, {"since", SINCE}, {"after", AFTER},
    {"between", RANGE}, {"until", UNTIL}, {"till", UNTIL}, {"up to", UNTIL}, {"valid to", UNTIL}, {"before", BEFORE},
    {"mit wirkung vom", FROM}, {"mit wirkung zum", FROM}, {"mit wirkung ab", FROM}, {"ab", FROM}, {"seit", SINCE}, {"nach", AFTER}, {"vom", RANGE},
    {"von", RANGE}, {"zwischen", RANGE}, {"bis einschließlich", UNTIL}, {"bis zum", UNTIL}, {"bis", UNTIL}, {"vor", BEFORE},
    {"a partir del", FROM}, {"a partir de", FROM}, {"con efecto desde", FROM}, {"con efecto del", FROM}, {"a contar desde", FROM}, {"desde", FROM},
    {"después del", AFTER}, {"después de", AFTER}, {"del", RANGE}, {"entre", RANGE}, {"hasta", UNTIL}, {"antes del", BEFORE}, {"antes de", BEFORE},
    {"à partir du", FROM}, {"à partir de", FROM}, {"à compter du", FROM}, {"à compter de", FROM}, {"dès", FROM}, {"depuis", SINCE}, {"après", AFTER},
    {"du", RANGE}, {"jusqu'au", UNTIL}, {"jusqu'à", UNTIL}, {"jusqu’au", UNTIL}, {"jusqu’à", UNTIL}, {"avant", BEFORE},
};
static const char fillers[] = " the on of end and including inclusive incl dem den der zum zur einschließlich ende el la le les fin finales día des ";
/* Between two dates of a range. */
static const char *const joins[] = {"to", "until", "till", "through", "and", "bis", "bis zum", "und", "und dem", "al", "hasta el", "y el", "y", "au", "jusqu'au", "et le", "et",
                                    "-", "\xE2\x80\x93", "- "};

/* Does the folded text end with the words, as words? */
static bool ends_with(const char *text, size_t len, const char *words)
{
    size_t n = strlen(words);

    return len >= n && !memcmp(text + len - n, words, n) && (len == n || !is_word_byte(text[len - n - 1]));
}

static size_t without_blanks(const char *text, size_t len)
{
    while (len && strchr(" ,(", text[len - 1]))
        len--;
    return len;
}

/* What the words before text[start) say of a date there; LIMIT_KINDS: nothing. */
static limit_kind kind_before(const char *text, size_t start)
{
    char before[STANDING_FOLDED + 1];
    size_t from = start > REACH_BYTES ? start - REACH_BYTES : 0, len;

    while (from && from < start && ((unsigned char)text[from] & 0xC0) == 0x80)
        from++;
    standing_fold(text + from, start - from, before);
    len = without_blanks(before, strlen(before));
    for (int left = 4; left > 0 && len; left--) {
        size_t word = len;
        for (size_t i = 0; i < sizeof leads / sizeof *leads; i++)
            if (ends_with(before, len, leads[i].words))
                return leads[i].kind;
        while (word && is_word_byte(before[word - 1]))
            word--;
        if (word == len || !word_list_has(fillers, before + word, len - word))
            break;
        len = without_blanks(before, word);
    }
    return LIMIT_KINDS;
}

static bool joins_dates(const char *text, size_t from, size_t to)
{
    char between[STANDING_FOLDED + 1];
    const char *s;
    size_t len;

    if (to - from > 24)
        return false;
    s = standing_fold(text + from, to - from, between);
    s += strspn(s, " ");
    len = without_blanks(s, strlen(s));
    for (size_t i = 0; i < sizeof joins / sizeof *joins; i++)
        if (len == strlen(joins[i]) && !memcmp(s, joins[i], len))
            return true;
    return !strcmp(s, "\xE2\x80\x93") || !strncmp(s, "to the", len) || !strncmp(s, "bis zum", len);
}

static int days_in(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

    return month == 2 && ((year % 4 == 0 && year % 100) || year % 400 == 0) ? 29 : days[month - 1];
}

/* The first or the last day of what a date says. */
static int64_t edge(const quantity *q, int year, bool last)
{
    int month = q->month ? q->month : last ? 12 : 1;

    return standing_day_number(year, month, q->day ? q->day : last ? days_in(year, month) : 1);
}

static bool is_date(const quantity *q)
{
    return q->kind == QUANTITY_DATE ? q->month || q->year : q->year_like && !q->unit;
}

/* A bare year as a date of it. */
static quantity as_date(const quantity *q)
{
    quantity d = *q;

    if (d.kind != QUANTITY_DATE)
        d = (quantity){.kind = QUANTITY_DATE, .start = q->start, .end = q->end, .year = (int)q->value[0]};
    return d;
}

static int year_of(int64_t day)
{
    standing_stamp s;

    standing_stamp_day(day * 86400 * 1000000000, &s);
    return s.year;
}

/* The day of a date; where it says no year, the last one up to `written` (`past`), else the first one from two months before it on. */
static bool day_of(const quantity *q, int64_t written, bool past, bool last, int64_t *day)
{
    if (q->year) {
        *day = edge(q, q->year, last);
        return true;
    }
    if (written == STANDING_NO_DAY)
        return false;
    for (int step = 1; step >= -1; step--) {
        int64_t d = edge(q, year_of(written) + step, last);
        if (past ? d <= written : d >= written - EARLY_DAYS)
            *day = d;
        if (past && d <= written)
            break;
    }
    return true;
}

static bool read_limit(const quantity *d, limit_kind kind, int64_t written, standing_days *out)
{
    *out = (standing_days){INT64_MIN, INT64_MAX};
    switch (kind) {
    case FROM:
        return day_of(d, written, false, false, &out->from);
    case SINCE:
        return day_of(d, written, true, false, &out->from);
    case AFTER:
        return day_of(d, written, false, true, &out->from) && ++out->from;
    case UNTIL:
        return day_of(d, written, false, true, &out->until);
    case BEFORE:
        return day_of(d, written, false, false, &out->until) && out->until--;
    default:
        return false;
    }
}

cairn_status standing_limits(const char *text, size_t len, int64_t written, arena *a, standing_limit **out, size_t *n, cairn_error *err)
{
    char folded[STANDING_FOLDED + 1];
    quantity *q;
    size_t n_q;
    bool moves;
    cairn_status st = quantities_find(text, len, a, &q, &n_q, err);

    *n = 0;
    if (!st && !(*out = arena_calloc(a, n_q + 1, sizeof **out)))
        st = cairn_fail(err, CAIRN_ENOMEM, "limits");
    if (st)
        return st;
    moves = standing_has_change(standing_fold(text, len, folded));
    for (size_t i = 0; i < n_q; i++) {
        standing_limit l = {.start = q[i].start, .end = q[i].end};
        limit_kind kind = is_date(&q[i]) ? kind_before(text, q[i].start) : LIMIT_KINDS;
        quantity first, second;
        if (kind == LIMIT_KINDS)
            continue;
        first = as_date(&q[i]);
        if ((kind == FROM || kind == RANGE) && i + 1 < n_q && is_date(&q[i + 1]) && joins_dates(text, q[i].end, q[i + 1].start)) {
            second = as_date(&q[i + 1]);
            first.year = first.year ? first.year : second.year;
            l.end = q[++i].end;
            if (!moves && day_of(&first, written, false, false, &l.days.from) &&
                day_of(&second, l.days.from + EARLY_DAYS, false, true, &l.days.until) && l.days.from <= l.days.until)
                (*out)[(*n)++] = l;
            continue;
        }
        if (kind == RANGE && !strncmp(text + q[i].end, " an", 3) && !is_word_byte(text[q[i].end + 3]))
            kind = FROM; /* "vom 1. Mai an" */
        if (!(moves && (kind == UNTIL || kind == BEFORE)) && read_limit(&first, kind, written, &l.days))
            (*out)[(*n)++] = l;
    }
    return CAIRN_OK;
}

/* ---- of one value ---- */

/* Where the next clause begins in text[from, to), outside limits: at a sign or a word that joins; `to` where there is none. */
static size_t clause_break(const char *text, size_t from, size_t to, const standing_limit *limits, size_t n_limits)
{
    static const char *const words[] = {"; ", ", ", " and ", " but ", " then ", " und ", " aber ", " dann ", " y ", " pero ", " luego ", " et ", " mais ", " puis ", " / "};

    for (size_t at = from; at < to; at++) {
        bool inside = false;
        for (size_t i = 0; i < n_limits; i++)
            inside |= at >= limits[i].start && at < limits[i].end;
        for (size_t i = 0; !inside && i < sizeof words / sizeof *words; i++)
            if (to - at >= strlen(words[i]) && !memcmp(text + at, words[i], strlen(words[i])))
                return at;
    }
    return to;
}

static bool limits_between(const standing_limit *limits, size_t n, size_t from, size_t to, standing_days *out)
{
    bool found = false;

    *out = (standing_days){INT64_MIN, INT64_MAX};
    for (size_t i = 0; i < n; i++)
        if (limits[i].start >= from && limits[i].start < to) {
            out->from = limits[i].days.from > out->from ? limits[i].days.from : out->from;
            out->until = limits[i].days.until < out->until ? limits[i].days.until : out->until;
            found = true;
        }
    return found;
}

static bool says(const char *text, size_t from, size_t to, const char *const *entries, size_t n)
{
    char folded[STANDING_FOLDED + 1];

    return standing_has_entry(standing_fold(text + from, to - from, folded), entries, n);
}

bool standing_days_of(const char *text, size_t len, const text_span *values, size_t n_values, size_t which, const standing_limit *limits,
                      size_t n_limits, standing_days *out)
{
    static const char *const then[] = {"then", "afterwards", "thereafter", "after that", "danach", "dann", "anschließend", "después", "luego", "ensuite", "puis"};
    static const char *const before[] = {"before that", "before then", "previously", "until then", "davor", "vorher", "zuvor", "bis dahin", "antes", "hasta entonces", "avant",
                                         "jusque-là", "auparavant"};
    size_t start = 0, end = len, last_start = 0;
    standing_days near;

    if (!n_limits || which >= n_values)
        return false;
    if (which) {
        start = clause_break(text, values[which - 1].end, values[which].start, limits, n_limits);
        last_start = which > 1 ? clause_break(text, values[which - 2].end, values[which - 1].start, limits, n_limits) : 0;
    }
    if (which + 1 < n_values)
        end = clause_break(text, values[which].end, values[which + 1].start, limits, n_limits);
    if (limits_between(limits, n_limits, start, end, out))
        return true;
    if (which && limits_between(limits, n_limits, last_start, start, &near)) {
        if (says(text, start, end, then, sizeof then / sizeof *then) && near.until < INT64_MAX)
            *out = (standing_days){near.until + 1, INT64_MAX};
        else if (says(text, start, end, before, sizeof before / sizeof *before) && near.from > INT64_MIN)
            *out = (standing_days){INT64_MIN, near.from - 1};
        else
            *out = near;
        return true;
    }
    if (which + 1 < n_values) { /* "12 euros, and 14 euros from 1 May" */
        size_t next_end = which + 2 < n_values ? clause_break(text, values[which + 1].end, values[which + 2].start, limits, n_limits) : len;
        if (limits_between(limits, n_limits, end, next_end, &near) && near.from > INT64_MIN && near.until == INT64_MAX) {
            *out = (standing_days){INT64_MIN, near.from - 1};
            return true;
        }
    }
    return false;
}

/* ---- the day that is asked for ---- */

standing_asked standing_day_asked(const char *question, int64_t today, int64_t *day)
{
    static const char *const days_themselves[] = {"from when", "since when", "until when", "till when", "how long", "from what date", "from which date", "ab wann", "seit wann",
                                                  "bis wann", "wie lange", "von wann", "ab welchem", "desde cuándo", "hasta cuándo", "a partir de cuándo", "cuánto tiempo",
                                                  "depuis quand", "jusqu'à quand", "à partir de quand", "combien de temps", "effective date", "valid from", "valid until", "gültig ab", "gültig bis"};
    static const char *const no_day[] = {"was", "were", "did", "had", "used to", "will", "next", "last", "war", "waren", "wurde", "wurden", "hatte", "hatten", "wird", "werden", "nächst~",
                                         "letzt~", "künftig~", "fue", "fueron", "era", "eran", "había", "costaba", "será", "serán", "costará", "próxim~", "était", "étaient", "fut",
                                         "furent", "avait", "coûtait", "sera", "seront", "coûtera", "prochain~", "future", "history", "changes", "changed", "change"};
    char text[STANDING_FOLDED + 1];
    quantity *q;
    size_t n = 0;
    bool named = false;
    arena a;

    *day = today;
    standing_fold(question, strlen(question), text);
    if (!strncmp(text, "was ", 4)) /* "Was kostet" */
        memset(text, ' ', 3);
    if (standing_has_entry(text, days_themselves, sizeof days_themselves / sizeof *days_themselves))
        return STANDING_ANY;
    arena_init(&a, STANDING_ARENA);
    if (quantities_find(question, strlen(question), &a, &q, &n, NULL))
        n = 0;
    for (size_t i = 0; i < n; i++) {
        quantity d = as_date(&q[i]);
        if (!is_date(&q[i]) || (named && !d.month))
            continue;
        if (d.year)
            *day = (edge(&d, d.year, false) + edge(&d, d.year, true)) / 2;
        else
            *day = edge(&d, year_of(today), false);
        if (d.year && !d.month && d.year == year_of(today))
            *day = today;
        named = true;
    }
    arena_clear(&a);
    if (named)
        return STANDING_ON;
    return standing_has_entry(text, no_day, sizeof no_day / sizeof *no_day) ? STANDING_ANY : STANDING_TODAY;
}
