/* dates.c - a reader of numeric dates; calendar arithmetic by days from the civil epoch. */
#include "ingest/extract/dates.h"

#include <ctype.h>

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

bool date_parse(const char *s, size_t len, int64_t *ns)
{
    reader r = {s, s + len};
    int year, month = 1, day = 1, hour = 0, minute = 0, second = 0, zone_h = 0, zone_m = 0;
    int sign = 1;

    while (r.p < r.end && isspace((unsigned char)*r.p))
        r.p++;
    if (r.end - r.p > 2 && r.p[0] == 'D' && r.p[1] == ':')
        r.p += 2;
    if (!digits(&r, 4, &year))
        return false;
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
