/* dates.c - a reader of dates, numeric and with English names of months; calendar arithmetic by days from the civil epoch. */
#include "ingest/extract/dates.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

typedef struct reader {
    const char *p, *end;
} reader;

static bool digits(reader *r, int n, int *out)
{
    int v = 0;

    if (r->end - r->p < n)
        return false;
    for (int i = 0; i < n; i++) {
        if (!isdigit((unsigned char)r->p[i]))
            return false;
        v = v * 10 + (r->p[i] - '0');
    }
    r->p += n;
    *out = v;
    return true;
}

static bool accept(reader *r, const char *set)
{
    for (; r->p < r->end && *set; set++)
        if (*r->p == *set) {
            r->p++;
            return true;
        }
    return false;
}

/* Days since 1970-01-01 in the Gregorian calendar: years begin in March, so that the leap day is
 * the last of them. */
static int64_t days_from_civil(int y, int m, int d)
{
    int64_t era, year_of_era, day_of_year, day_of_era;

    y -= m <= 2;
    era = (y >= 0 ? y : y - 399) / 400;
    year_of_era = y - era * 400;
    day_of_year = (153 * (m + (m > 2 ? -3 : 9)) + 2) / 5 + d - 1;
    day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * 146097 + day_of_era - 719468;
}

/* 1..12 for a name of at least three letters that is the beginning of a month's; 0: none. */
static int month_of(const char *s, size_t n)
{
    static const char *const names[] = {"january", "february", "march",     "april",   "may",      "june",
                                        "july",    "august",   "september", "october", "november", "december"};

    for (int i = 0; n >= 3 && i < 12; i++)
        if (n <= strlen(names[i]) && !strncasecmp(s, names[i], n))
            return i + 1;
    return 0;
}

/* A day and a year around the name of a month, in the order of either side of the sea; then, perhaps,
 * "10:00:00 +0200". Other words and commas are stepped over. */
static bool date_in_words(const char *s, size_t len, int64_t *ns)
{
    const char *p = s, *end = s + (len < 80 ? len : 80);
    int year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0, zone = 0, sign = 1;

    while (p < end) {
        const char *from = p;
        reader r;
        if (isalpha((unsigned char)*p)) {
            while (p < end && isalpha((unsigned char)*p))
                p++;
            if (!month)
                month = month_of(from, (size_t)(p - from));
        } else if ((*p == '+' || *p == '-') && year) {
            r = (reader){p + 1, end};
            sign = *p == '-' ? -1 : 1;
            if (!digits(&r, 4, &zone))
                zone = 0;
            p = r.p > p ? r.p : p + 1;
        } else if (isdigit((unsigned char)*p)) {
            int n, value = 0;
            while (p < end && isdigit((unsigned char)*p))
                p++;
            n = (int)(p - from);
            for (int i = 0; i < n && i < 4; i++)
                value = value * 10 + (from[i] - '0');
            if (n == 4 && !year) {
                year = value;
            } else if (n <= 2 && p < end && *p == ':' && !hour) {
                r = (reader){p + 1, end};
                hour = value;
                if (digits(&r, 2, &minute) && accept(&r, ":"))
                    digits(&r, 2, &second);
                p = r.p;
            } else if (n <= 2 && !day) {
                day = value;
            }
        } else {
            p++;
        }
    }
    if (!month || year < 1700 || year > 2250 || day > 31 || hour > 23 || minute > 59 || second > 60 ||
        zone / 100 > 15 || zone % 100 > 59)
        return false;
    *ns = (days_from_civil(year, month, day ? day : 1) * 86400 + hour * 3600 + minute * 60 + second -
           sign * (zone / 100 * 3600 + zone % 100 * 60)) *
          1000000000;
    return true;
}

bool date_parse(const char *s, size_t len, int64_t *ns)
{
    reader r = {s, s + len};
    int year, month = 1, day = 1, hour = 0, minute = 0, second = 0, zone_h = 0, zone_m = 0;
    int sign = 1;

    while (r.p < r.end && (isspace((unsigned char)*r.p) || *r.p == '<' || *r.p == '['))
        r.p++;
    if (r.end - r.p > 2 && r.p[0] == 'D' && r.p[1] == ':')
        r.p += 2;
    if (!digits(&r, 4, &year))
        return date_in_words(s, len, ns);
    accept(&r, "-/.");
    if (digits(&r, 2, &month)) {
        accept(&r, "-/.");
        if (digits(&r, 2, &day)) {
            accept(&r, "Tt ");
            if (digits(&r, 2, &hour)) {
                accept(&r, ":");
                if (digits(&r, 2, &minute)) {
                    accept(&r, ":");
                    digits(&r, 2, &second);
                    if (accept(&r, ".,"))
                        while (r.p < r.end && isdigit((unsigned char)*r.p))
                            r.p++;
                }
            }
            accept(&r, " ");
            if (r.p < r.end && (*r.p == '+' || *r.p == '-')) {
                sign = *r.p++ == '-' ? -1 : 1;
                if (digits(&r, 2, &zone_h)) {
                    accept(&r, ":'");
                    digits(&r, 2, &zone_m);
                }
            }
        }
    }
    if (year < 1 || month < 1 || month > 12 || day < 1 || day > 31 || hour > 24 || minute > 59 ||
        second > 60 || zone_h > 15 || year > 2250 || year < 1700)
        return false;
    *ns = (days_from_civil(year, month, day) * 86400 + hour * 3600 + minute * 60 + second -
           sign * (zone_h * 3600 + zone_m * 60)) *
          1000000000;
    return true;
}
