/* calculator.h - sums and dates, for tools that a model or a program calls: no state, no names but the functions'.
 *
 * Owns     nothing.
 * Threads  any. */
#ifndef CAIRN_ENGINE_CALCULATOR_H
#define CAIRN_ENGINE_CALCULATOR_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

#define CALCULATOR_MAX 1000 /* bytes of an expression */

/* + - * / ^, brackets, 15% (0.15) and "15% of 80", 1 200.5 without the blank, 1e3, pi and e, and the functions sqrt, abs,
 * round(x) and round(x, digits), floor, ceil, min, max, sum, mean, ln, log10, exp. CAIRN_EUSAGE: it does not read,
 * with the place; CAIRN_ELIMIT: brackets more than 50 deep; CAIRN_EUSAGE, too, where the result is not a number
 * (a division by zero, a root of less than zero, more than 1e308). */
cairn_status calculator_eval(const char *text, size_t len, double *out, cairn_error *err);

/* The shortest text that is read as the same number up to 15 digits; whole numbers without an exponent up to 1e15. */
void calculator_format(double x, char out[32]);

/* "2025-03-31" as days since 1970-01-01 (Gregorian, years 1 to 9999). CAIRN_EUSAGE. */
cairn_status calculator_day(const char *text, int64_t *day, cairn_error *err);
/* The same back; and "Monday" .. "Sunday" (static). */
void calculator_day_text(int64_t day, char out[16]);
const char *calculator_weekday(int64_t day);
/* "+90 days", "-2 weeks", "3 months", "1 year": months and years keep the day, or take the month's last one. CAIRN_EUSAGE: it
 * does not read, or leaves the years 1 to 9999. */
cairn_status calculator_add(int64_t day, const char *span, int64_t *out, cairn_error *err);

#endif
