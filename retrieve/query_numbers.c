/* query_numbers.c - sizes, counts and ranges of them as people type them. */
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "retrieve/query_tree.h"

#define NUMBER_MAX (INT64_MAX / 4) /* leaves room for the end of a half-open range */

/* What stands behind a number of bytes. Decimal like every size that is printed; the "i" of the
 * IEC is what makes it binary. */
static const struct {
    const char *name;
    int64_t bytes;
} units[] = {
    {"", 1},
    {"b", 1},
    {"k", 1000},
    {"kb", 1000},
    {"kib", INT64_C(1) << 10},
    {"m", 1000000},
    {"mb", 1000000},
    {"mib", INT64_C(1) << 20},
    {"g", 1000000000},
    {"gb", 1000000000},
    {"gib", INT64_C(1) << 30},
    {"t", INT64_C(1000000000000)},
    {"tb", INT64_C(1000000000000)},
    {"tib", INT64_C(1) << 40},
};

/* The unit [s, end) names; 0: none. */
static int64_t read_unit(const char *s, const char *end)
{
    size_t len = (size_t)(end - s);

    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        if (strlen(units[i].name) == len && strncasecmp(units[i].name, s, len) == 0)
            return units[i].bytes;
    return 0;
}

/* "12", or where units are allowed "1.5mb": digits, at most 9 of them behind a point, a unit. What
 * a fraction leaves below a byte is dropped. */
static bool read_number(const char *s, const char *end, bool with_unit, int64_t *out)
{
    int64_t whole = 0, part = 0, unit = 1, parts = 1;
    const char *begin = s;

    for (; s < end && isdigit((unsigned char)*s); s++) {
        if (whole > (NUMBER_MAX - 9) / 10)
            return false;
        whole = whole * 10 + (*s - '0');
    }
    if (s == begin)
        return false;
    if (with_unit && s < end && *s == '.') {
        for (begin = ++s; s < end && isdigit((unsigned char)*s); s++) {
            if (s - begin == 9)
                return false;
            part = part * 10 + (*s - '0');
            parts *= 10;
        }
        if (s == begin)
            return false;
    }
    if (with_unit)
        unit = read_unit(s, end);
    else if (s != end)
        return false;
    if (unit == 0 || (unit == 1 && parts > 1) || whole > NUMBER_MAX / unit - 1)
        return false;
    /* part * unit may pass 2^63, so the unit is taken apart */
    *out = whole * unit + part * (unit / parts) + part * (unit % parts) / parts;
    return true;
}

/* >N, >=N, <N, <=N: the half-open range behind, from, before or up to it. */
static bool read_compared(const char *s, const char *end, bool with_unit, filter_value *out)
{
    bool less = *s == '<', equal = s + 1 < end && s[1] == '=';
    int64_t n;

    if (!read_number(s + 1 + equal, end, with_unit, &n))
        return false;
    out->lo = less ? INT64_MIN : n + !equal;
    out->hi = !less ? INT64_MAX : n + equal;
    return true;
}

bool query_read_numbers(const char *s, size_t len, bool with_unit, filter_value *out)
{
    const char *end = s + len, *split = memmem(s, len, "..", 2), *to;
    int64_t from, until;

    if (len && (*s == '<' || *s == '>'))
        return read_compared(s, end, with_unit, out);
    to = split ? split + 2 : NULL;
    if (!split && (split = memchr(s, '-', len)))
        to = split + 1;
    if (!split) {
        if (!read_number(s, end, with_unit, &from))
            return false;
        out->lo = from;
        out->hi = from + 1;
        return true;
    }
    if ((split == s || to == end) && *split == '-') /* "-5" and "5-" are no ranges */
        return false;
    if (split == s && to == end)
        return false;
    out->lo = INT64_MIN;
    out->hi = INT64_MAX;
    if (split > s) {
        if (!read_number(s, split, with_unit, &from))
            return false;
        out->lo = from;
    }
    if (to < end) {
        if (!read_number(to, end, with_unit, &until))
            return false;
        out->hi = until + 1;
    }
    return out->lo < out->hi;
}
