/* standing_order.c - which of two statements was written later, by documents and by the entries of one document. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "retrieve/quantity.h"
#include "retrieve/standing_inside.h"
#include "retrieve/word_byte.h"

#define HOUR_NS     (3600 * INT64_C(1000000000))
#define LABEL_BYTES 60
#define LABEL_WORDS 4 /* besides its date or version */

typedef standing_stamp stamp;

/* ---- of documents ---- */

const char *standing_name_of(const char *uri)
{
    const char *slash = uri ? strrchr(uri, '/') : NULL;

    return !uri ? "" : slash ? slash + 1 : uri;
}

/* "2.10.1" as a number that has the order of versions. */
static double version_number(const char *s, const char **end)
{
    double value = 0, unit = 1e6;

    for (int i = 0; i < 3 && isdigit((unsigned char)*s); i++, unit /= 1e3) {
        char *behind;
        unsigned long part = strtoul(s, &behind, 10);
        value += (double)(part > 999999 ? 999999 : part) * unit;
        s = behind;
        if (*s != '.' || !isdigit((unsigned char)s[1]))
            break;
        s++;
    }
    *end = s;
    return value;
}

/* "v2", "version 2.1", "rev. 3" in a title or the name of a file. */
static double version_in(const char *s)
{
    static const char *const words[] = {"version", "fassung", "versión", "release", "rev", "v"};
    char text[STANDING_FOLDED + 1];

    standing_fold(s, strlen(s), text);
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        size_t len = strlen(words[i]);
        for (const char *from = text, *at; (at = strstr(from, words[i])); from = at + len) {
            const char *digit = at + len;
            if (at > text && is_word_byte(at[-1]))
                continue;
            digit += strspn(digit, ". -_");
            if (isdigit((unsigned char)*digit))
                return version_number(digit, &digit);
        }
    }
    return -1;
}

static int digits(const char *s, size_t n)
{
    int value = 0;

    for (size_t i = 0; i < n; i++) {
        if (!isdigit((unsigned char)s[i]))
            return -1;
        value = value * 10 + (s[i] - '0');
    }
    return value;
}

/* "minutes-2025-03-11.md", "20250311 list.pdf", "prices_2025": a year with what is behind it. */
static bool date_in_name(const char *s, stamp *out)
{
    for (size_t i = 0, n = strlen(s); i + 4 <= n; i++) {
        int year = digits(s + i, 4), month, day;
        size_t at = i + 4;
        if (year < 1990 || year > 2099 || (i && isdigit((unsigned char)s[i - 1])))
            continue;
        at += at < n && strchr("-_. ", s[at]);
        month = at + 2 <= n ? digits(s + at, 2) : -1;
        if (month < 1 || month > 12) {
            if (isdigit((unsigned char)s[i + 4])) /* a longer number */
                continue;
            *out = (stamp){.year = year, .version = out->version};
            return true;
        }
        at += 2;
        at += at < n && strchr("-_. ", s[at]);
        day = at + 2 <= n ? digits(s + at, 2) : -1;
        *out = (stamp){.year = year, .month = month, .day = day >= 1 && day <= 31 ? day : 0, .version = out->version};
        return true;
    }
    return false;
}

static bool date_in_title(const char *s, stamp *out)
{
    quantity *q;
    size_t n;
    arena a;
    bool found = false;

    arena_init(&a, STANDING_ARENA);
    if (quantities_find(s, strlen(s), &a, &q, &n, NULL))
        n = 0;
    for (size_t i = 0; i < n && !found; i++) {
        found = true;
        if (q[i].kind == QUANTITY_DATE && q[i].year)
            *out = (stamp){q[i].year, q[i].month, q[i].day, out->version};
        else if (q[i].year_like && q[i].value[0] >= 1990 && q[i].value[0] < 2100)
            *out = (stamp){.year = (int)q[i].value[0], .version = out->version};
        else
            found = false;
    }
    arena_clear(&a);
    return found;
}

/* What a document's title and name say, else its own date. *named: the former. */
static stamp stamp_of(const standing_text *t, bool *named)
{
    const char *title = t->title ? t->title : "", *name = standing_name_of(t->uri);
    stamp s = {.version = version_in(title)};

    if (s.version < 0)
        s.version = version_in(name);
    *named = date_in_title(title, &s) || date_in_name(name, &s);
    return s;
}

int64_t standing_date(const char *title, const char *uri)
{
    stamp s = {0};
    struct tm tm = {0};

    if (!date_in_title(title ? title : "", &s) && !date_in_name(standing_name_of(uri), &s))
        return 0;
    tm.tm_year = s.year - 1900;
    tm.tm_mon = s.month ? s.month - 1 : 0;
    tm.tm_mday = s.day ? s.day : 1;
    return (int64_t)timegm(&tm) * 1000000000;
}

void standing_stamp_day(int64_t ns, stamp *s)
{
    time_t at = (time_t)(ns / 1000000000);
    struct tm tm;

    gmtime_r(&at, &tm);
    s->year = tm.tm_year + 1900;
    s->month = tm.tm_mon + 1;
    s->day = tm.tm_mday;
}

/* By what both say; 0: the same, as far as that goes. */
static int compare_stamps(const stamp *x, const stamp *y)
{
    if (x->year != y->year)
        return x->year < y->year ? -1 : 1;
    if (!x->month || !y->month || x->month != y->month)
        return !x->month || !y->month ? 0 : x->month < y->month ? -1 : 1;
    return !x->day || !y->day || x->day == y->day ? 0 : x->day < y->day ? -1 : 1;
}

standing_time standing_order(const standing_text *x, const standing_text *y, int *order)
{
    bool named[2];
    stamp a = stamp_of(x, &named[0]), b = stamp_of(y, &named[1]);

    *order = 0;
    if (a.version >= 0 && b.version >= 0 && a.version != b.version) {
        *order = a.version < b.version ? -1 : 1;
        return STANDING_BY_DATE;
    }
    if (named[0] && named[1] && (*order = compare_stamps(&a, &b)))
        return STANDING_BY_DATE;
    if (x->date_ns && y->date_ns && x->date_ns != y->date_ns) {
        *order = x->date_ns < y->date_ns ? -1 : 1;
        return STANDING_BY_DATE;
    }
    if (!named[0] && x->date_ns)
        standing_stamp_day(x->date_ns, &a);
    if (!named[1] && y->date_ns)
        standing_stamp_day(y->date_ns, &b);
    if (a.year && b.year && (*order = compare_stamps(&a, &b)))
        return STANDING_BY_DATE;
    if ((a.year && b.year) || !x->modified_ns || !y->modified_ns)
        return STANDING_UNKNOWN;
    if (x->modified_ns + HOUR_NS < y->modified_ns)
        *order = -1;
    else if (y->modified_ns + HOUR_NS < x->modified_ns)
        *order = 1;
    return *order ? STANDING_BY_FILE : STANDING_UNKNOWN;
}


/* ---- of entries of one document ---- */

static bool is_blank_line(const char *s, size_t start, size_t end)
{
    while (start < end && (s[start] == ' ' || s[start] == '\t' || s[start] == '\r'))
        start++;
    return start >= end;
}

/* A short line by itself without a sign at its end: "8 April 2025", "Version 1.3", "Corrections". */
static bool is_label(const char *s, size_t start, size_t end)
{
    size_t before = start;

    while (end > start && strchr(" \r\t", s[end - 1]))
        end--;
    if (end == start || end - start > LABEL_BYTES || strchr(".!?;,", s[end - 1]) || memmem(s + start, end - start, " | ", 3) ||
        !strncmp(s + start, "- ", 2) || !strncmp(s + start, "* ", 2))
        return false;
    if (!start)
        return true;
    while (before > 1 && s[before - 2] != '\n')
        before--;
    before -= before > 0;
    return is_blank_line(s, before, start - 1);
}

void standing_drop_label(standing_text *t)
{
    const char *s = t->passage;
    size_t end = t->start + strcspn(s + t->start, "\n");

    if ((!t->start || s[t->start - 1] == '\n') && end + 1 < t->end && s[end + 1] != '\n' && is_label(s, t->start, end))
        t->start = end + 1;
}

bool standing_is_label(const standing_text *t)
{
    const char *s = t->passage;
    size_t end = t->start + strcspn(s + t->start, "\n");

    return (!t->start || s[t->start - 1] == '\n') && t->end >= end && s[end] == '\n' && is_label(s, t->start, end);
}

bool standing_label(const standing_text *t, text_span *line, const char **text)
{
    const char *s = t->passage, *last;
    size_t at = t->start;

    while (at && s[at - 1] != '\n')
        at--;
    while (at) {
        size_t end = at - 1, start = end;
        while (start && s[start - 1] != '\n')
            start--;
        if (is_label(s, start, end)) {
            *line = (text_span){start, end};
            *text = s;
            return true;
        }
        at = start;
    }
    last = t->heading && *t->heading ? t->heading : NULL;
    for (const char *next = last; next && (next = strstr(next, " > "));)
        last = next += 3;
    if (!last)
        return false;
    *line = (text_span){(size_t)(last - t->heading), strlen(t->heading)};
    *text = t->heading;
    return true;
}

/* Words of letters in bytes that are no part of a date. */
static size_t words_of_letters(const char *s, size_t start, size_t end)
{
    size_t n = 0;

    for (size_t i = start; i < end; i++)
        n += is_word_byte(s[i]) && !isdigit((unsigned char)s[i]) && (i == start || !is_word_byte(s[i - 1]));
    return n;
}

/* The day of s[0, len) and, where `at` is no NULL, its bytes: where `begins`, its first word is the date's, and a sign parts it from what is
 * said. */
static bool day_of(const char *s, size_t len, bool begins, stamp *out, text_span *at)
{
    quantity *q;
    size_t n = 0, first = 0;
    arena a;
    bool found = false;

    arena_init(&a, STANDING_ARENA);
    while (first < len && strchr(" -*#[(\t", s[first]))
        first++;
    if (quantities_find(s, len, &a, &q, &n, NULL))
        n = 0;
    for (size_t i = 0; i < n && !found; i++) {
        size_t behind = q[i].end;
        if (q[i].kind != QUANTITY_DATE || !q[i].month || !q[i].year || (begins && q[i].start != first))
            continue;
        behind += strspn(s + behind, begins ? " ])*" : "");
        found = !begins || strchr(":-", s[behind]) || !strncmp(s + behind, "\xE2\x80\x93", 3) || !strncmp(s + behind, "\xE2\x80\x94", 3) || first;
        if (!begins)
            found = words_of_letters(s, 0, q[i].start) + words_of_letters(s, q[i].end, len) <= LABEL_WORDS;
        if (found)
            *out = (stamp){q[i].year, q[i].month, q[i].day, out->version};
        if (found && at)
            *at = (text_span){q[i].start, q[i].end};
    }
    arena_clear(&a);
    return found;
}

/* The version of a label: "2.4", "[2.4] - 2025-03-01", "Version 1.3"; not that of "4.2 Notice". */
static double label_version(const char *s, size_t len)
{
    char line[LABEL_BYTES + 1];
    const char *end;
    double version;

    if (len > LABEL_BYTES)
        len = LABEL_BYTES;
    memcpy(line, s, len);
    line[len] = '\0';
    line[strcspn(line, ",")] = '\0'; /* "2.4, 2.3": headings of several parts, of which the first is that of what stands first */
    if ((version = version_in(line)) >= 0)
        return version;
    s = line + strspn(line, " #[");
    if (!isdigit((unsigned char)*s))
        return -1;
    version = version_number(s, &end);
    if (end == s || !memchr(s, '.', (size_t)(end - s)))
        return -1;
    end += strspn(end, "] ");
    return !*end || *end == '(' || *end == '-' || !strncmp(end, "\xE2\x80\x93", 3) ? version : -1;
}

/* The parts of a path of headings above its last one, which begins at `end`: "Changes > [1.3.0] - 2026-05-02 > Added". */
static bool part_above(const char *heading, size_t end, stamp *out)
{
    while (end > 3) {
        size_t start = end -= 3;
        while (start && !(start >= 3 && !memcmp(heading + start - 3, " > ", 3)))
            start--;
        out->version = label_version(heading + start, end - start);
        if (day_of(heading + start, end - start, false, out, NULL) || out->version >= 0)
            return true;
        end = start;
    }
    return false;
}

/* What the entry that a sentence is of says of when it was written. */
static bool entry_of(const standing_text *t, stamp *out)
{
    const char *s = t->passage;
    standing_text at = *t;

    *out = (stamp){.version = -1};
    while (at.start && s[at.start - 1] != '\n')
        at.start--;
    if (day_of(s + at.start, strcspn(s + at.start, "\n"), true, out, NULL))
        return true;
    for (text_span line;;) {
        const char *text;
        if (!standing_label(&at, &line, &text))
            return false;
        out->version = label_version(text + line.start, line.end - line.start);
        if (day_of(text + line.start, line.end - line.start, false, out, NULL) || out->version >= 0)
            return true;
        if (text != s)
            return part_above(t->heading, line.start, out);
        at.start = line.start; /* "Added" below "2.4" */
    }
}

bool standing_entry_date(const standing_text *t, text_span *at)
{
    const char *s = t->passage;
    stamp day = {.version = -1};

    if ((t->start && s[t->start - 1] != '\n') || !day_of(s + t->start, t->end - t->start, true, &day, at))
        return false;
    at->start += t->start;
    at->end += t->start;
    return true;
}

bool standing_order_within(const standing_text *x, const standing_text *y, int *order)
{
    stamp a, b;

    *order = 0;
    if (!entry_of(x, &a) || !entry_of(y, &b))
        return false;
    if (a.version >= 0 && b.version >= 0 && a.version != b.version)
        *order = a.version < b.version ? -1 : 1;
    else if (a.year && b.year)
        *order = compare_stamps(&a, &b);
    return *order != 0;
}

int64_t standing_day_number(int year, int month, int day)
{
    struct tm tm = {.tm_year = year - 1900, .tm_mon = month - 1, .tm_mday = day};

    return (int64_t)timegm(&tm) / 86400;
}

int64_t standing_written(const standing_text *t)
{
    bool named;
    stamp s;

    if (entry_of(t, &s) && s.year)
        return standing_day_number(s.year, s.month ? s.month : 1, s.day ? s.day : 1);
    s = stamp_of(t, &named);
    if (named)
        return standing_day_number(s.year, s.month ? s.month : 1, s.day ? s.day : 1);
    if (t->date_ns)
        return t->date_ns / 1000000000 / 86400;
    return t->modified_ns ? t->modified_ns / 1000000000 / 86400 : STANDING_NO_DAY;
}
