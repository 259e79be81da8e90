/* query_dates.c - dates and ranges of dates as people type them. */
#include <ctype.h>
#include <string.h>

#include "retrieve/query_tokens.h"

#define DAY_NS (86400 * INT64_C(1000000000))

/* Days from 1970-01-01 to the first of a month of the Gregorian calendar; month may be 13. */
int64_t query_days_to(int64_t year, int64_t month, int64_t day)
{
    if (month > 12) {
        month -= 12;
        year++;
    }
    int64_t y = month <= 2 ? year - 1 : year;
    int64_t era = (y >= 0 ? y : y - 399) / 400, of_era = y - era * 400;
    int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;

    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

static bool read_digits(const char **p, const char *end, int n, int64_t *out)
{
    *out = 0;
    for (int i = 0; i < n; i++, (*p)++) {
        if (*p == end || !isdigit((unsigned char)**p))
            return false;
        *out = *out * 10 + (**p - '0');
    }
    return true;
}

/* 2025, 2025-09, 2025-09-30, "last-week" or the like as the half-open range it names. */
static bool read_date(const char *s, const char *end, int64_t today, int64_t *lo, int64_t *hi)
{
    int64_t year, month = 0, day = 0;

    if (s < end && query_is_letter(*s))
        return query_named_date(s, end, today, lo, hi);

    if (!read_digits(&s, end, 4, &year) || year < 1700 || year > 2250)
        return false;
    if (s < end) {
        if (*s++ != '-' || !read_digits(&s, end, 2, &month) || month < 1 || month > 12)
            return false;
        if (s < end && (*s++ != '-' || !read_digits(&s, end, 2, &day) || day < 1 ||
                        day > query_days_to(year, month + 1, 1) - query_days_to(year, month, 1)))
            return false;
    }
    if (s != end)
        return false;
    *lo = query_days_to(year, month ? month : 1, day ? day : 1) * DAY_NS;
    *hi = day     ? *lo + DAY_NS
          : month ? query_days_to(year, month + 1, 1) * DAY_NS
                  : query_days_to(year + 1, 1, 1) * DAY_NS;
    return true;
}

/* >D, >=D, <D, <=D: the half-open range behind, from, before or up to it. */
static bool read_compared(const char *s, const char *end, int64_t today, filter_value *out)
{
    bool less = *s == '<', equal = s + 1 < end && s[1] == '=';
    int64_t lo, hi;

    if (!read_date(s + 1 + equal, end, today, &lo, &hi))
        return false;
    out->lo = less ? INT64_MIN : equal ? lo : hi;
    out->hi = !less ? INT64_MAX : equal ? hi : lo;
    return true;
}

bool query_read_dates(const char *s, size_t len, int64_t today, filter_value *out)
{
    const char *end = s + len, *split = memchr(s, '/', len), *to;
    size_t width = 1;
    int64_t unused;

    if (len && (*s == '<' || *s == '>'))
        return read_compared(s, end, today, out);
    if (!split) {
        split = memmem(s, len, "..", 2);
        width = 2;
    }
    if (!split)
        return read_date(s, end, today, &out->lo, &out->hi);
    to = split + width;
    if (split == s && to == end)
        return false;
    out->lo = INT64_MIN;
    out->hi = INT64_MAX;
    return (split == s || read_date(s, split, today, &out->lo, &unused)) &&
           (to == end || read_date(to, end, today, &unused, &out->hi)) && out->lo < out->hi;
}
