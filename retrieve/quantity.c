/* quantity.c - see quantity.h. One pass from left to right; at each word or digit the longest
 * reading wins: date, time, number with its unit. */
#include "retrieve/quantity.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/checked.h"
#include "retrieve/quantity_words.h"
#include "retrieve/word_list.h"

#define MAX_QUANTITIES 4096 /* of one text; more are left out */

/* ---- digits ---- */

static bool plausible(int year, int month, int day)
{
    return year >= 0 && year <= 2999 && month >= 1 && month <= 12 && day >= 0 && day <= 31;
}

/* 2027-03-31, 31.03.2027, 3/4/2027. */
static bool numeric_date(const char *s, size_t len, size_t at, quantity *q)
{
    int a, b, c;
    size_t p = at;
    char sign;

    if (!quantity_digits(s, len, &p, 1, 4, &a) || p >= len)
        return false;
    sign = s[p++];
    if (!strchr("-./", sign) || !quantity_digits(s, len, &p, 1, 2, &b) || p >= len || s[p++] != sign ||
        !quantity_digits(s, len, &p, 2, 4, &c))
        return false;
    if (p < len && (isalnum((unsigned char)s[p]) || (s[p] == sign && p + 1 < len && isdigit((unsigned char)s[p + 1]))))
        return false; /* 1.2.3.4, 2027-03-31x */
    *q = (quantity){.kind = QUANTITY_DATE, .start = at, .end = p};
    if (a >= 1000) {
        q->year = a, q->month = b, q->day = c;
    } else {
        q->day = a, q->month = b;
        q->year = c < 100 ? (c < 70 ? 2000 : 1900) + c : c;
        if (sign == '/' || q->month > 12) {
            q->day_or_month = q->month <= 12 && q->day <= 12;
            if (q->month > 12)
                q->day = b, q->month = a;
        }
    }
    return plausible(q->year, q->month, q->day);
}

/* A year of four digits behind blanks, "de" and commas; at when there is none. */
static size_t year_after(const char *s, size_t len, size_t at, int *year)
{
    size_t p = at;

    if (p < len && (s[p] == ',' || s[p] == '.'))
        p++;
    p = quantity_skip_blank(s, len, p);
    if (len - p > 3 && !memcmp(s + p, "de ", 3))
        p += 3;
    if (quantity_digits(s, len, &p, 4, 4, year) && *year >= 1000 && *year < 2200)
        return p;
    *year = 0;
    return at;
}

/* 31 March 2027, 31. März 2027, 31 de marzo de 2027, 31st March; from a number. */
static bool day_month(const char *s, size_t len, size_t at, quantity *q)
{
    size_t p = at, end;
    int day, month, year;

    if (!quantity_digits(s, len, &p, 1, 2, &day) || day < 1 || day > 31)
        return false;
    if (len - p >= 2 && (!strncmp(s + p, "st", 2) || !strncmp(s + p, "nd", 2) ||
                         !strncmp(s + p, "rd", 2) || !strncmp(s + p, "th", 2) ||
                         !strncmp(s + p, "er", 2) || !strncmp(s + p, "\xC2\xBA", 2) || !strncmp(s + p, "\xC2\xB0", 2)))
        p += 2; /* 1er mai, 1º de mayo, 1° maggio */
    else if (p < len && s[p] == '.')
        p++;
    p = quantity_skip_blank(s, len, p);
    if (len - p > 3 && (!memcmp(s + p, "de ", 3) || !memcmp(s + p, "of ", 3)))
        p += 3;
    month = quantity_month_at(s, len, p, &end);
    if (!month)
        return false;
    end = year_after(s, len, end, &year);
    *q = (quantity){.kind = QUANTITY_DATE, .start = at, .end = end, .year = year, .month = month,
                    .day = day};
    return true;
}

/* March 31, 2027, March 2027; from the month. A bare "may" is no date. */
static bool month_first(const char *s, size_t len, size_t at, quantity *q)
{
    size_t end, p;
    int month = quantity_month_at(s, len, at, &end), day = 0, year = 0;

    if (!month || !(isupper((unsigned char)s[at]) || strchr("efmajsondégl", s[at]) || (unsigned char)s[at] == 0xD0))
        return false;
    p = end;
    if (p < len && s[p] == '.')
        p++;
    p = quantity_skip_blank(s, len, p);
    size_t before = p;
    if (quantity_digits(s, len, &p, 1, 2, &day) && day >= 1 && day <= 31) {
        if (len - p >= 2 && (!strncmp(s + p, "st", 2) || !strncmp(s + p, "nd", 2) ||
                             !strncmp(s + p, "rd", 2) || !strncmp(s + p, "th", 2)))
            p += 2;
        end = year_after(s, len, p, &year);
    } else {
        day = 0;
        p = year_after(s, len, before, &year);
        end = year ? p : end;
    }
    if (!day && !year)
        return false;
    *q = (quantity){.kind = QUANTITY_DATE, .start = at, .end = end, .year = year, .month = month,
                    .day = day};
    return true;
}

/* The number at s[at] in its one or two readings; returns its end. */
static size_t plain_number(const char *s, size_t len, size_t at, double value[2])
{
    char plain[64];
    size_t n = 0, p = at, groups = 0, last = 0, signs = 0;
    char first_sign = 0, last_sign = 0;

    /* The run of digits with separators between them, each followed by a digit. */
    while (p < len && n + 1 < sizeof plain) {
        size_t skip = 0;
        if (isdigit((unsigned char)s[p])) {
            plain[n++] = s[p++];
            continue;
        }
        if (strchr(".,'", s[p]) && s[p])
            skip = 1;
        else if (len - p > 2 && (!memcmp(s + p, "\xC2\xA0", 2)))
            skip = 2;
        else if (len - p > 3 && !memcmp(s + p, "\xE2\x80\xAF", 3))
            skip = 3;
        else if (s[p] == ' ' && n && n <= 3 + 3 * groups)
            skip = 1; /* 1 200: checked below */
        if (!skip || p + skip >= len || !isdigit((unsigned char)s[p + skip]))
            break;
        if (s[p] == ' ' || skip > 1) { /* blanks part thousands alone */
            size_t d = p + skip;
            while (d < len && isdigit((unsigned char)s[d]))
                d++;
            if (d - p - skip != 3 || signs > groups)
                break;
        }
        signs++;
        last = n;
        last_sign = skip > 1 ? ' ' : s[p];
        if (!first_sign)
            first_sign = last_sign;
        groups++;
        p += skip;
    }
    plain[n] = '\0';
    if (!signs) {
        value[0] = value[1] = strtod(plain, NULL);
        return p;
    }
    double whole = strtod(plain, NULL), part = whole / pow(10, (double)(n - last));
    if (last_sign == ' ' || last_sign == '\'' || (signs > 1 && first_sign == last_sign))
        value[0] = value[1] = whole; /* 1 200 000, 1.200.000 */
    else if (signs > 1)
        value[0] = value[1] = part; /* 1.234,56 */
    else if (n - last == 3 && last <= 3 && plain[0] != '0')
        value[0] = whole, value[1] = part; /* 1.200 */
    else
        value[0] = value[1] = part;
    return p;
}

/* Multiply by a word like "million" that follows. */
static size_t scaled(const char *s, size_t len, size_t at, double value[2])
{
    static const struct {
        const char *word;
        double factor;
    } chinese[] = {{"万亿", 1e12}, {"千万", 1e7}, {"百万", 1e6}, {"亿", 1e8}, {"万", 1e4}};
    char word[QUANTITY_WORD];
    size_t p = quantity_skip_blank(s, len, at), e = quantity_word_end(s, len, p);
    double factor;

    for (size_t i = 0; i < sizeof chinese / sizeof *chinese; i++)
        if (len - p >= strlen(chinese[i].word) && !memcmp(s + p, chinese[i].word, strlen(chinese[i].word))) {
            value[0] *= chinese[i].factor;
            value[1] *= chinese[i].factor;
            return p + strlen(chinese[i].word);
        }
    if (e == p || !quantity_fold(s + p, e - p, word) || !(factor = quantity_scale_of(word)))
        return at;
    value[0] *= factor;
    value[1] *= factor;
    return e;
}

static void finish_number(const char *s, size_t len, quantity *q)
{
    uint16_t unit = 0;
    size_t start = q->start;

    q->end = scaled(s, len, q->end, q->value);
    q->end = quantity_unit_at(s, len, q->end, &q->unit, &q->class);
    if (!q->unit && (start = quantity_currency_before(s, q->start, &unit)) < q->start) {
        q->unit = unit;
        q->class = UNIT_MONEY;
        q->start = start;
    }
}

static bool number_at(const char *s, size_t len, size_t at, quantity *q)
{
    size_t end;

    *q = (quantity){.kind = QUANTITY_NUMBER, .start = at};
    end = plain_number(s, len, at, q->value);
    if (end < len && (isalpha((unsigned char)s[end]) || s[end] == '_')) {
        /* 5km is a number with its unit, 3D and 2nd are words. */
        uint16_t unit = 0;
        unit_class class;
        if (quantity_unit_at(s, len, end, &unit, &class) == end) {
            q->end = end;
            return false;
        }
    }
    q->end = end;
    q->year_like = end - at == 4 && q->value[0] >= 1000 && q->value[0] < 2200;
    finish_number(s, len, q);
    if (q->year_like && q->unit == U_YEAR && len - end > 2 && (unsigned char)s[end + 1] == 0xD0 && q->value[0] > 1000) {
        q->unit = 0; /* "в 1985 году", "1985 года" */
        q->class = UNIT_NONE;
        q->end = end;
    }
    q->year_like = q->year_like && !q->unit;
    return true;
}

/* "due", "sei" and "otto" are numbers before Italian units; alone they are an English word, a German one and a name. */
static bool numeral_before_unit(const char *s, size_t len, size_t end, const char *word, double *value)
{
    static const char units[] = " giorni settimane mesi anni ore minuti secondi volte euro persone litri metri ";
    char next[QUANTITY_WORD];
    size_t p = quantity_skip_blank(s, len, end), e = quantity_word_end(s, len, p);

    *value = !strcmp(word, "due") ? 2 : !strcmp(word, "sei") ? 6 : !strcmp(word, "otto") ? 8 : 0;
    return *value > 0 && e > p && quantity_fold(s + p, e - p, next) && word_list_has(units, next, strlen(next));
}

static bool numeral_at(const char *s, size_t len, size_t at, size_t end, quantity *q)
{
    char word[QUANTITY_WORD];
    double value, factor;

    if (!quantity_fold(s + at, end - at, word))
        return false;
    if (quantity_numeral(word, &value) || numeral_before_unit(s, len, end, word, &value)) {
        *q = (quantity){.kind = QUANTITY_NUMBER, .start = at, .end = end, .word = true,
                        .value = {value, value}};
        /* twenty-one, treinta y uno stay two numbers unless joined by a hyphen */
        if (value >= 20 && end < len && s[end] == '-') {
            size_t e = quantity_word_end(s, len, end + 1);
            double ones;
            if (quantity_fold(s + end + 1, e - end - 1, word) && quantity_numeral(word, &ones) && ones < 10) {
                q->value[0] = q->value[1] = value + ones;
                q->end = e;
            }
        }
    } else if ((factor = quantity_scale_of(word)) >= 100 && strcmp(word, "mil")) {
        *q = (quantity){.kind = QUANTITY_NUMBER, .start = at, .end = end, .word = true,
                        .value = {factor, factor}};
    } else {
        return false;
    }
    finish_number(s, len, q);
    return true;
}

/* "4. The treasurer", "12) Fees" */
static bool numbers_item(const char *s, size_t len, const quantity *q)
{
    size_t from = q->start;

    if (q->kind != QUANTITY_NUMBER || q->unit || q->word || q->end - q->start > 3 || q->end + 1 >= len || !strchr(".)", s[q->end]) || s[q->end + 1] != ' ')
        return false;
    while (from && (s[from - 1] == ' ' || s[from - 1] == '\t' || s[from - 1] == '('))
        from--;
    return !from || s[from - 1] == '\n';
}

cairn_status quantities_find(const char *s, size_t len, arena *a, quantity **out, size_t *n,
                             cairn_error *err)
{
    quantity *found = NULL, q;
    size_t cap = 0;

    *out = NULL;
    *n = 0;
    for (size_t i = 0; i < len && *n < MAX_QUANTITIES;) {
        bool got = false;
        size_t end = i + 1;
        if (isdigit((unsigned char)s[i])) {
            got = quantity_chinese(s, len, i, &q) || numeric_date(s, len, i, &q) || day_month(s, len, i, &q) ||
                  quantity_clock(s, len, i, &q) || number_at(s, len, i, &q);
            end = q.end > i ? q.end : i + 1;
            if (!got) /* an identifier: leave its digits alone */
                while (end < len && (isalnum((unsigned char)s[end]) || s[end] == '_'))
                    end++;
        } else if (isalpha((unsigned char)s[i]) || (unsigned char)s[i] == 0xC3 ||
                   (unsigned char)s[i] == 0xD0 || (unsigned char)s[i] == 0xD1) { /* Latin or Cyrillic */
            end = quantity_word_end(s, len, i);
            if (end == i)
                end = i + 1;
            got = end - i > 1 && (month_first(s, len, i, &q) || quantity_clock_words(s, len, i, &q) || numeral_at(s, len, i, end, &q));
            if (got)
                end = q.end;
            else /* K2, EN60335, LK-88: digits inside a word belong to it */
                while (end < len && (isalnum((unsigned char)s[end]) || s[end] == '_' ||
                                     (s[end] == '-' && end + 1 < len &&
                                      isdigit((unsigned char)s[end + 1]))))
                    end++;
        } else if ((unsigned char)s[i] >= 0xE3 && (unsigned char)s[i] <= 0xE9) {
            got = quantity_chinese(s, len, i, &q);
            end = got ? q.end : i + 3 <= len ? i + 3 : len;
        }
        i = end;
        if (!got)
            continue;
        if (*n == cap) {
            cap = cap ? cap * 2 : 16;
            quantity *more = checked_realloc(found, cap, sizeof *more);
            if (!more) {
                free(found);
                return cairn_fail(err, CAIRN_ENOMEM, "quantities");
            }
            found = more;
        }
        q.item = numbers_item(s, len, &q);
        found[(*n)++] = q;
    }
    if (*n) {
        *out = arena_alloc(a, *n * sizeof **out);
        if (*out)
            memcpy(*out, found, *n * sizeof **out);
        else
            *n = 0;
    }
    free(found);
    return *n || !cap ? CAIRN_OK : cairn_fail(err, CAIRN_ENOMEM, "quantities");
}

/* ---- comparing ---- */

static bool near(double x, double y)
{
    return fabs(x - y) <= 1e-9 * fmax(fabs(x), fabs(y));
}

static bool date_equal(const quantity *want, const quantity *have)
{
    if (want->year && want->year != have->year)
        return false;
    if (!want->month)
        return !want->day || want->day == have->day;
    if (want->month == have->month && (!want->day || want->day == have->day))
        return true;
    return (want->day_or_month || have->day_or_month) && want->month == have->day &&
           want->day == have->month;
}

bool quantity_equal(const quantity *want, const quantity *have)
{
    if (want->kind == QUANTITY_NUMBER && have->kind == QUANTITY_DATE)
        return want->value[0] == have->year ||
               (!want->year_like && !want->unit && want->value[0] == have->day);
    if (want->kind == QUANTITY_DATE && have->kind == QUANTITY_NUMBER)
        return !want->month && have->year_like && have->value[0] == want->year;
    if (want->kind != have->kind)
        return false;
    if (want->kind == QUANTITY_DATE)
        return date_equal(want, have);
    if ((want->unit && have->unit && want->unit != have->unit) || (want->unit && have->item))
        return false;
    for (int i = 0; i < 2; i++)
        for (int j = 0; j < 2; j++)
            if (near(want->value[i], have->value[j]))
                return true;
    return false;
}

/* What a unit is of the smallest of its kind; 0: it is compared with itself alone. */
static double unit_size(uint16_t unit)
{
    static const struct {
        uint16_t unit;
        double size;
    } sizes[] = {{U_SECOND, 1},     {U_MINUTE, 60},    {U_HOUR, 3600},    {U_DAY, 86400},  {U_WEEK, 604800}, {U_MONTH, 2629746},
                 {U_YEAR, 31556952}, {U_UM, 1e-6},      {U_MM, 1e-3},      {U_CM, 1e-2},    {U_M, 1},         {U_KM, 1e3},
                 {U_INCH, 0.0254},  {U_FOOT, 0.3048},  {U_MILE, 1609.344}, {U_M2, 1},      {U_KM2, 1e6},     {U_HA, 1e4},
                 {U_ACRE, 4046.856}, {U_ML, 1e-3},      {U_L, 1},          {U_M3, 1e3},     {U_MG, 1e-6},     {U_G, 1e-3},
                 {U_KG, 1},         {U_TONNE, 1e3},    {U_OUNCE, 0.02835}};

    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        if (sizes[i].unit == unit)
            return sizes[i].size;
    return 0;
}

static int order_of(double x, double y)
{
    return (x > y) - (x < y);
}

/* Parts of a date from the greatest on, while both say them. */
static bool compare_dates(const quantity *x, const quantity *y, int *order)
{
    const int a[] = {x->year, x->month, x->day}, b[] = {y->year, y->month, y->day};
    bool said = false;

    if (!a[0] != !b[0])
        return false;
    for (size_t i = 0; i < 3; i++) {
        if (!a[i] && !b[i])
            continue;
        if (!a[i] || !b[i])
            return false;
        if (i && (x->day_or_month || y->day_or_month))
            return false;
        said = true;
        if ((*order = order_of(a[i], b[i])) != 0)
            return true;
    }
    return said;
}

bool quantity_compare(const quantity *x, const quantity *y, int *order)
{
    quantity a = *x, b = *y;
    double by_a = 1, by_b = 1;

    *order = 0;
    if (a.kind == QUANTITY_NUMBER && b.kind == QUANTITY_DATE && a.year_like)
        a = (quantity){.kind = QUANTITY_DATE, .year = (int)a.value[0]};
    if (b.kind == QUANTITY_NUMBER && a.kind == QUANTITY_DATE && b.year_like)
        b = (quantity){.kind = QUANTITY_DATE, .year = (int)b.value[0]};
    if (a.kind != b.kind)
        return false;
    if (a.kind == QUANTITY_DATE)
        return compare_dates(&a, &b, order);
    if (a.kind == QUANTITY_NUMBER && a.unit != b.unit) {
        by_a = unit_size(a.unit);
        by_b = unit_size(b.unit);
        if (a.class != b.class || by_a <= 0 || by_b <= 0)
            return false;
    }
    *order = order_of(a.value[0] * by_a, b.value[0] * by_b);
    return a.kind == QUANTITY_TIME || (*order == order_of(a.value[1] * by_a, b.value[1] * by_b) &&
                                       *order == order_of(a.value[0] * by_a, b.value[1] * by_b) &&
                                       *order == order_of(a.value[1] * by_a, b.value[0] * by_b));
}
