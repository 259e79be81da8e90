/* calculator.c - see calculator.h. Recursive descent, one function a level of precedence. */
#include "engine/calculator.h"

#include <ctype.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEPTH_MAX  50
#define VALUES_MAX 100 /* of min, max, sum and mean */
#define DAY_MIN    (-719162) /* 0001-01-01 */
#define DAY_MAX    2932896   /* 9999-12-31 */

typedef struct reader {
    const char *text, *at, *end;
    size_t depth;
    cairn_error *err;
} reader;

static cairn_status sum(reader *r, double *out);

static void skip_blanks(reader *r)
{
    while (r->at < r->end && isspace((unsigned char)*r->at))
        r->at++;
}

static bool take(reader *r, char c)
{
    skip_blanks(r);
    if (r->at == r->end || *r->at != c)
        return false;
    r->at++;
    return true;
}

static cairn_status unread(const reader *r, const char *wanted)
{
    return r->at < r->end
               ? cairn_fail(r->err, CAIRN_EUSAGE, "%s is expected at character %zu of the expression", wanted,
                            (size_t)(r->at - r->text) + 1)
               : cairn_fail(r->err, CAIRN_EUSAGE, "%s is expected at the end of the expression", wanted);
}

/* ---- functions ---- */

typedef struct function {
    const char *name;
    size_t least, most;
    double (*run)(const double *x, size_t n);
} function;

static double run_sqrt(const double *x, size_t n)
{
    (void)n;
    return sqrt(x[0]);
}

static double run_abs(const double *x, size_t n)
{
    (void)n;
    return fabs(x[0]);
}

static double run_round(const double *x, size_t n)
{
    double by = pow(10, n > 1 ? trunc(x[1]) : 0);

    return round(x[0] * by) / by;
}

static double run_floor(const double *x, size_t n)
{
    (void)n;
    return floor(x[0]);
}

static double run_ceil(const double *x, size_t n)
{
    (void)n;
    return ceil(x[0]);
}

static double run_ln(const double *x, size_t n)
{
    (void)n;
    return log(x[0]);
}

static double run_log10(const double *x, size_t n)
{
    (void)n;
    return log10(x[0]);
}

static double run_exp(const double *x, size_t n)
{
    (void)n;
    return exp(x[0]);
}

static double run_min(const double *x, size_t n)
{
    double best = x[0];

    for (size_t i = 1; i < n; i++)
        best = fmin(best, x[i]);
    return best;
}

static double run_max(const double *x, size_t n)
{
    double best = x[0];

    for (size_t i = 1; i < n; i++)
        best = fmax(best, x[i]);
    return best;
}

static double run_sum(const double *x, size_t n)
{
    double all = 0;

    for (size_t i = 0; i < n; i++)
        all += x[i];
    return all;
}

static double run_mean(const double *x, size_t n)
{
    return run_sum(x, n) / (double)n;
}

static const function functions[] = {
    {"sqrt", 1, 1, run_sqrt},        {"abs", 1, 1, run_abs},          {"round", 1, 2, run_round},
    {"floor", 1, 1, run_floor},      {"ceil", 1, 1, run_ceil},        {"ln", 1, 1, run_ln},
    {"log10", 1, 1, run_log10},      {"exp", 1, 1, run_exp},          {"min", 1, VALUES_MAX, run_min},
    {"max", 1, VALUES_MAX, run_max}, {"sum", 1, VALUES_MAX, run_sum}, {"mean", 1, VALUES_MAX, run_mean},
};

static cairn_status call(reader *r, const function *f, double *out)
{
    double x[VALUES_MAX];
    size_t n = 0;
    cairn_status st = CAIRN_OK;

    if (!take(r, '('))
        return unread(r, "\"(\"");
    do {
        if (n == f->most)
            return cairn_fail(r->err, CAIRN_EUSAGE, "%s takes %zu values at most", f->name, f->most);
        st = sum(r, &x[n++]);
    } while (!st && take(r, ','));
    if (!st && !take(r, ')'))
        st = unread(r, "\")\"");
    if (!st && n < f->least)
        st = cairn_fail(r->err, CAIRN_EUSAGE, "%s takes %zu values at least", f->name, f->least);
    if (!st)
        *out = f->run(x, n);
    return st;
}

/* ---- levels of precedence, the tightest first ---- */

static cairn_status number(reader *r, double *out)
{
    char copy[64];
    size_t n = 0;
    const char *p = r->at;

    while (p < r->end && (isdigit((unsigned char)*p) || *p == '.'))
        p++;
    if (p < r->end && (*p == 'e' || *p == 'E')) {
        const char *q = p + 1;
        if (q < r->end && (*q == '-' || *q == '+'))
            q++;
        if (q < r->end && isdigit((unsigned char)*q)) {
            while (q < r->end && isdigit((unsigned char)*q))
                q++;
            p = q;
        }
    }
    n = (size_t)(p - r->at);
    if (n >= sizeof copy)
        return cairn_fail(r->err, CAIRN_EUSAGE, "a number of more than %zu digits", sizeof copy - 1);
    memcpy(copy, r->at, n);
    copy[n] = '\0';
    char *stop;
    *out = strtod(copy, &stop);
    if (*stop || stop == copy)
        return unread(r, "a number");
    r->at = p;
    return CAIRN_OK;
}

static cairn_status word(reader *r, double *out)
{
    const char *start = r->at;
    size_t n;

    while (r->at < r->end && isalnum((unsigned char)*r->at))
        r->at++;
    n = (size_t)(r->at - start);
    for (size_t i = 0; i < sizeof functions / sizeof *functions; i++)
        if (strlen(functions[i].name) == n && !memcmp(functions[i].name, start, n))
            return call(r, &functions[i], out);
    if ((n == 2 && !memcmp(start, "pi", 2)) || (n == 1 && *start == 'e')) {
        *out = n == 2 ? acos(-1) : exp(1);
        return CAIRN_OK;
    }
    r->at = start;
    return unread(r, "a number or a function");
}

static cairn_status atom(reader *r, double *out)
{
    cairn_status st;

    skip_blanks(r);
    if (take(r, '(')) {
        if (++r->depth > DEPTH_MAX)
            return cairn_fail(r->err, CAIRN_ELIMIT, "brackets are more than %d deep", DEPTH_MAX);
        st = sum(r, out);
        r->depth--;
        return st ? st : take(r, ')') ? CAIRN_OK : unread(r, "\")\"");
    }
    if (r->at < r->end && isalpha((unsigned char)*r->at)) {
        if (++r->depth > DEPTH_MAX)
            return cairn_fail(r->err, CAIRN_ELIMIT, "functions are more than %d deep", DEPTH_MAX);
        st = word(r, out);
        r->depth--;
        return st;
    }
    if (r->at < r->end && (isdigit((unsigned char)*r->at) || *r->at == '.'))
        return number(r, out);
    return unread(r, "a number");
}

/* What stands behind a value: 15%. */
static cairn_status percent(reader *r, double *out)
{
    cairn_status st = atom(r, out);

    while (!st && take(r, '%'))
        *out /= 100;
    return st;
}

static cairn_status sign(reader *r, double *out);

/* To the right: 2^3^2 is 2^9. */
static cairn_status power(reader *r, double *out)
{
    double by;
    cairn_status st = percent(r, out);

    if (!st && take(r, '^')) {
        if (++r->depth > DEPTH_MAX)
            return cairn_fail(r->err, CAIRN_ELIMIT, "powers are more than %d deep", DEPTH_MAX);
        st = sign(r, &by);
        r->depth--;
        if (!st)
            *out = pow(*out, by);
    }
    return st;
}

/* -2^2 is -4. */
static cairn_status sign(reader *r, double *out)
{
    bool minus = false;
    cairn_status st;

    for (;;) {
        if (take(r, '-'))
            minus = !minus;
        else if (!take(r, '+'))
            break;
    }
    st = power(r, out);
    if (minus)
        *out = -*out;
    return st;
}

static bool take_of(reader *r)
{
    skip_blanks(r);
    if (r->end - r->at < 3 || memcmp(r->at, "of", 2) || isalnum((unsigned char)r->at[2]))
        return false;
    r->at += 2;
    return true;
}

static cairn_status product(reader *r, double *out)
{
    double by;
    cairn_status st = sign(r, out);

    while (!st) {
        if (take(r, '*') || take_of(r)) {
            st = sign(r, &by);
            *out *= st ? 1 : by;
        } else if (take(r, '/')) {
            st = sign(r, &by);
            if (!st && by == 0)
                st = cairn_fail(r->err, CAIRN_EUSAGE, "a division by zero");
            *out /= st ? 1 : by;
        } else {
            break;
        }
    }
    return st;
}

static cairn_status sum(reader *r, double *out)
{
    double by;
    cairn_status st = product(r, out);

    while (!st) {
        bool minus = take(r, '-');
        if (!minus && !take(r, '+'))
            break;
        st = product(r, &by);
        if (!st)
            *out += minus ? -by : by;
    }
    return st;
}

cairn_status calculator_eval(const char *text, size_t len, double *out, cairn_error *err)
{
    reader r = {.text = text, .at = text, .end = text + len, .err = err};
    cairn_status st;

    if (len > CALCULATOR_MAX)
        return cairn_fail(err, CAIRN_EUSAGE, "an expression has %d bytes at most", CALCULATOR_MAX);
    st = sum(&r, out);
    skip_blanks(&r);
    if (!st && r.at < r.end)
        st = unread(&r, "an operator");
    if (!st && !isfinite(*out))
        st = cairn_fail(err, CAIRN_EUSAGE, "the result is not a number");
    return st;
}

void calculator_format(double x, char out[32])
{
    if (fabs(x) < 1e15 && x == trunc(x))
        snprintf(out, 32, "%.0f", x == 0 ? 0.0 : x);
    else
        snprintf(out, 32, "%.15g", x);
}

/* ---- dates ---- */

/* Howard Hinnant's days_from_civil and civil_from_days,
 * http://howardhinnant.github.io/date_algorithms.html, for years from 1. */
static int64_t days_to(int64_t year, int64_t month, int64_t day)
{
    int64_t y = month <= 2 ? year - 1 : year, of_era = y % 400;
    int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;

    return y / 400 * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

static void date_of(int64_t day, int64_t *year, int64_t *month, int64_t *of_month)
{
    int64_t z = day + 719468, era = z / 146097, of_era = z % 146097;
    int64_t of_400 = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    int64_t of_year = of_era - (365 * of_400 + of_400 / 4 - of_400 / 100), m = (5 * of_year + 2) / 153;

    *of_month = of_year - (153 * m + 2) / 5 + 1;
    *month = m < 10 ? m + 3 : m - 9;
    *year = of_400 + era * 400 + (*month <= 2);
}

static int64_t month_days(int64_t year, int64_t month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

    return days[month - 1] + (month == 2 && year % 4 == 0 && (year % 100 != 0 || year % 400 == 0));
}

cairn_status calculator_day(const char *text, int64_t *day, cairn_error *err)
{
    int year, month, of_month, end = 0;

    if (strlen(text) != 10 || strspn(text, "0123456789-") != 10 ||
        sscanf(text, "%4d-%2d-%2d%n", &year, &month, &of_month, &end) != 3 || end != 10 || year < 1 || month < 1 ||
        month > 12 || of_month < 1 || of_month > month_days(year, month))
        return cairn_fail(err, CAIRN_EUSAGE, "a date is written 2025-03-31: \"%.40s\" is none", text);
    *day = days_to(year, month, of_month);
    return CAIRN_OK;
}

void calculator_day_text(int64_t day, char out[16])
{
    int64_t year, month, of_month;

    date_of(day, &year, &month, &of_month);
    snprintf(out, 16, "%04d-%02d-%02d", (int)(year % 10000), (int)(month % 100), (int)(of_month % 100));
}

const char *calculator_weekday(int64_t day)
{
    static const char *const names[] = {"Monday", "Tuesday",  "Wednesday", "Thursday",
                                        "Friday", "Saturday", "Sunday"};

    return names[((day + 3) % 7 + 7) % 7]; /* 1970-01-01 was a Thursday */
}

static int64_t add_months(int64_t day, int64_t months)
{
    int64_t year, month, of_month, last;

    date_of(day, &year, &month, &of_month);
    months += year * 12 + month - 1;
    if (months < 12 || months >= 10000 * 12)
        return DAY_MAX + 1;
    year = months / 12;
    month = months % 12 + 1;
    last = month_days(year, month);
    return days_to(year, month, of_month < last ? of_month : last);
}

cairn_status calculator_add(int64_t day, const char *span, int64_t *out, cairn_error *err)
{
    static const char *const units[] = {"day", "week", "month", "year"};
    char unit[16] = "";
    int end = 0;
    int n;
    size_t u = 0, len;

    if (strlen(span) > 40 || sscanf(span, "%6d %15[a-z]%n", &n, unit, &end) != 2 || span[end])
        return cairn_fail(err, CAIRN_EUSAGE, "a span is written \"+90 days\" or \"-2 months\": \"%.40s\" is none", span);
    len = strlen(unit);
    if (len > 1 && unit[len - 1] == 's')
        unit[len - 1] = '\0';
    while (u < 4 && strcmp(units[u], unit))
        u++;
    if (u == 4)
        return cairn_fail(err, CAIRN_EUSAGE, "a span is counted in days, weeks, months or years, not in \"%.20s\"", unit);
    *out = u < 2 ? day + (int64_t)n * (u ? 7 : 1) : add_months(day, (int64_t)n * (u == 2 ? 1 : 12));
    return *out < DAY_MIN || *out > DAY_MAX
               ? cairn_fail(err, CAIRN_EUSAGE, "the date lies outside the years 1 to 9999")
               : CAIRN_OK;
}
