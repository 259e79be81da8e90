/* table_values.c - what the cells of a column are worth: numbers with their units, as a spreadsheet shows them ("1,234.50 (1234.5)"),
 * with marks of footnotes ("12[2]", "3.4%*"), less than nothing in brackets ("(300)"), dates with a time; the unit that all cells have
 * in common; and which rows are sums of others. */
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "engine/calculator.h"
#include "engine/table_reading.h"
#include "retrieve/quantity.h"
#include "retrieve/word_byte.h"

#define CELL_BYTES 64
#define UNIT_BYTES 24

/* The cell without marks behind it and blanks of groups; 0: too long. */
static size_t plain_cell(const char *cell, char out[CELL_BYTES], bool *negative)
{
    static const char *const marks[] = {"\xc2\xb9", "\xc2\xb2", "\xc2\xb3", "\xe2\x80\xa0", "\xe2\x80\xa1"};
    size_t len = strlen(cell), n = 0;
    const char *open;

    *negative = false;
    if (!len || len >= CELL_BYTES)
        return 0;
    while (len && cell[len - 1] == '*')
        len--;
    if (len > 3 && cell[len - 1] == ']' && (open = memrchr(cell, '[', len)) != NULL && len - (size_t)(open - cell) <= 5 && open > cell)
        len = (size_t)(open - cell); /* "12[2]" */
    while (len && (cell[len - 1] == '*' || cell[len - 1] == ' '))
        len--;
    for (size_t m = 0; m < sizeof marks / sizeof *marks; m++) {
        size_t k = strlen(marks[m]);
        if (len > k && !memcmp(cell + len - k, marks[m], k) && !isalpha((unsigned char)cell[len - k - 1]))
            len -= k;
    }
    if (len > 2 && cell[0] == '(' && cell[len - 1] == ')') {
        *negative = true;
        cell++;
        len -= 2;
    }
    for (size_t i = 0; i < len; i++) {
        static const char *const blanks[] = {"\xc2\xa0", "\xe2\x80\xaf", "\xe2\x80\x89"};
        size_t skip = 0;
        for (size_t b = 0; b < 3; b++)
            if (len - i >= strlen(blanks[b]) && !memcmp(cell + i, blanks[b], strlen(blanks[b])))
                skip = strlen(blanks[b]);
        out[n++] = skip ? ' ' : cell[i];
        i += skip ? skip - 1 : 0;
    }
    /* the mark of a note behind a sign: "12 €1" */
    if (n > 4 && isdigit((unsigned char)out[n - 1]) && isdigit((unsigned char)out[0]) && ((unsigned char)out[n - 2] == 0xac || out[n - 2] == '%'))
        n--;
    out[n] = '\0';
    return n;
}

/* What a spreadsheet holds behind what it shows: "1,234.50 (1234.5)". */
static bool read_precise(const char *cell, double *out)
{
    const char *open = strrchr(cell, '(');
    size_t len = strlen(cell), at, digits = 0;
    double sign = 1, x = 0, scale = 0;

    if (!open || open < cell + 2 || open[-1] != ' ' || cell[len - 1] != ')' || !isdigit((unsigned char)cell[strcspn(cell, "0123456789(")]))
        return false;
    at = (size_t)(open - cell) + 1;
    if (cell[at] == '-')
        sign = -1, at++;
    for (; at + 1 < len; at++) {
        if (cell[at] == '.' && !scale) {
            scale = 1;
        } else if (isdigit((unsigned char)cell[at])) {
            x = x * 10 + (cell[at] - '0');
            scale *= 10;
            digits++;
        } else {
            return false;
        }
    }
    *out = sign * (scale > 1 ? x / scale : x);
    return digits && digits < 18;
}

bool table_read_value(solving *s, const char *cell, bool grouped, double *out, bool *date)
{
    char plain[CELL_BYTES];
    bool negative;
    size_t n, len = plain_cell(cell, plain, &negative);
    quantity *q;

    *date = false;
    if (read_precise(cell, out))
        return true;
    if (!len || quantities_find(plain, len, s->memory, &q, &n, NULL) || n < 1 || n > 2)
        return false;
    if (n == 2 && !(q[0].kind == QUANTITY_DATE && q[0].year && q[1].kind == QUANTITY_TIME))
        return false;
    for (size_t i = 0; i < len; i++)
        if (is_word_byte(plain[i]) && (i < q[0].start || i >= q[0].end) && (n == 1 || i < q[1].start || i >= q[1].end) && (unsigned char)plain[i] < 0x80 &&
            !(n == 2 && plain[i] == 'T'))
            return false;
    *date = q[0].kind == QUANTITY_DATE && q[0].year;
    if (q[0].kind == QUANTITY_DATE && !q[0].year)
        return false;
    *out = *date ? q[0].year * DATE_YEAR + q[0].month * DATE_MONTH + q[0].day
                 : grouped ? fmax(q[0].value[0], q[0].value[1]) : fmin(q[0].value[0], q[0].value[1]);
    if (!*date && (negative || (q[0].start && strchr("-", plain[q[0].start - 1])) || !strncmp(plain, "\xe2\x88\x92", 3)) && *out > 0)
        *out = -*out;
    else if (!*date && *plain == '-' && *out > 0)
        *out = -*out;
    return isfinite(*out);
}

/* What stands around the digits of a cell, "€" of "€28" and of "28 €"; more than a unit has: "?". */
static void unit_of(const char *cell, char out[UNIT_BYTES])
{
    char plain[CELL_BYTES];
    bool negative;
    size_t len = plain_cell(cell, plain, &negative), n = 0, first = len, last = 0;
    char *open = memchr(plain, '(', len);

    *out = '\0';
    if (open && open > plain) { /* the precise number of a spreadsheet */
        len = (size_t)(open - plain);
        while (len && plain[len - 1] == ' ')
            len--;
    }
    for (size_t i = 0; i < len; i++)
        if (isdigit((unsigned char)plain[i])) {
            first = i < first ? i : first;
            last = i + 1;
        }
    for (size_t i = 0; i < len; i++) {
        if (i >= first && i < last)
            continue;
        if (strchr(" +-", plain[i]) && (i < first || !n || plain[i] != ' '))
            continue;
        if (n + 1 >= UNIT_BYTES) {
            snprintf(out, UNIT_BYTES, "?");
            return;
        }
        out[n++] = plain[i];
    }
    while (n && out[n - 1] == ' ')
        n--;
    out[n] = '\0';
}

/* The unit in a column's name: "Mileage (km)", "Weight in kg", "amount_nok". */
static const char *unit_of_name(solving *s, const char *name)
{
    static const char units[] = " eur usd gbp chf nok sek dkk pln jpy kg g mg t km m cm mm l ml kwh mwh kw w h min s ms kb mb gb ha kcal ";
    const char *open = strrchr(name, '('), *close = open ? strchr(open, ')') : NULL, *tail;
    char small[16] = "";
    size_t n;

    if (!open && (open = strrchr(name, '[')) != NULL)
        close = strchr(open, ']');
    if (open && close && close > open + 1 && close - open <= 16 && !isdigit((unsigned char)open[1]))
        return arena_strndup(s->memory, open + 1, (size_t)(close - open - 1));
    tail = name + strlen(name);
    while (tail > name && tail[-1] != ' ' && tail[-1] != '_')
        tail--;
    n = strlen(tail);
    if (tail == name || n >= sizeof small)
        return NULL;
    for (size_t i = 0; i < n; i++)
        small[i] = (char)tolower((unsigned char)tail[i]);
    if (!table_word_in(units, small) || (tail[-1] == ' ' && !(tail - name > 4 && !strncmp(tail - 4, " in ", 4))))
        return NULL;
    if (n == 3 && table_word_in(" eur usd gbp chf nok sek dkk pln jpy ", small))
        for (size_t i = 0; i < n; i++)
            small[i] = (char)toupper((unsigned char)small[i]);
    return arena_strdup(s->memory, small);
}

void table_read_unit(solving *s, size_t k)
{
    column *c = &s->columns[k];
    char unit[UNIT_BYTES], first[UNIT_BYTES] = "";

    c->unit = unit_of_name(s, s->g->columns[k]);
    for (size_t r = 0; r < s->rows; r++) {
        if (isnan(c->value[r]))
            continue;
        unit_of(table_cell(s, r, k), unit);
        if (!*unit)
            continue;
        if (!*first)
            memcpy(first, unit, sizeof first);
        else if (strcasecmp(first, unit) != 0)
            c->mixed = true;
    }
    if (!c->mixed && *first && strcmp(first, "?") != 0)
        c->unit = arena_strdup(s->memory, first);
}

/* ---- rows of sums ---- */

static bool begins_with_word(const char *cell, const char *word)
{
    size_t n = strlen(word);

    return !strncasecmp(cell, word, n) && !isalnum((unsigned char)cell[n]) && (unsigned char)cell[n] < 0x80;
}

/* Does row r hold the sum of the rows above it, back to the last of the kind or to the first, in some column of numbers? */
static bool adds_up_here(const solving *s, size_t row)
{
    for (size_t k = 0; k < s->g->n_columns; k++) {
        const column *c = &s->columns[k];
        double part = 0, all = 0;
        size_t n = 0;
        if (!c->value || isnan(c->value[row]) || c->dates)
            continue;
        for (size_t r = row; r-- > 0;) {
            if (s->total && s->total[r]) {
                if (n > 0 && fabs(part - c->value[row]) <= fabs(c->value[row]) * 1e-3 + 1e-6)
                    return true;
                continue;
            }
            if (isnan(c->value[r]))
                continue;
            part += c->value[r];
            all += c->value[r];
            n++;
        }
        if (n > 1 && fabs(all - c->value[row]) <= fabs(c->value[row]) * 1e-3 + 1e-6)
            return true;
    }
    return false;
}

static bool sums(const solving *s, size_t row)
{
    static const char *const whole[] = {"total", "totals", "sum", "summe", "gesamt", "insgesamt", "gesamtsumme", "zwischensumme", "gesamtbetrag", "grand total",
                                        "subtotal", "sub-total", "average", "mean", "durchschnitt", "mittelwert", "moyenne", "sous-total", "somme", "ensemble",
                                        "total général", "total general", "suma", "media", "promedio", "totale", "overall", "all"};
    static const char *const opens[] = {"total", "totals", "grand total", "subtotal", "sub-total", "sous-total", "zwischensumme", "gesamtsumme", "summe", "gesamt",
                                        "suma", "somme", "total général", "average", "sum"};

    for (size_t k = 0; k < s->g->n_columns && k < 3; k++) {
        const char *cell = table_cell(s, row, k);
        size_t len = strlen(cell);
        bool empty = false;
        if (!len)
            continue;
        if (cell[len - 1] == ':')
            len--;
        for (size_t i = 0; i < sizeof whole / sizeof *whole; i++)
            if (strlen(whole[i]) == len && !strncasecmp(cell, whole[i], len) && (strcmp(whole[i], "all") || adds_up_here(s, row)))
                return true;
        for (size_t q = 0; q < s->g->n_columns; q++)
            empty |= q != k && !*table_cell(s, row, q) && s->columns[q].filled * 2 > s->rows && !table_is_measure(&s->columns[q]);
        for (size_t i = 0; i < sizeof opens / sizeof *opens; i++)
            if (begins_with_word(cell, opens[i]) && (empty || adds_up_here(s, row)))
                return true;
        if (!table_is_measure(&s->columns[k]))
            break;
    }
    return false;
}

cairn_status table_find_totals(solving *s)
{
    bool *total = arena_calloc(s->memory, s->rows + 1, sizeof *total);

    if (!total)
        return cairn_fail(s->err, CAIRN_ENOMEM, "a table");
    s->total = total;
    for (size_t r = 0; r < s->rows; r++) {
        total[r] = sums(s, r);
        if (total[r])
            s->keep[r] = false;
        s->totals += total[r];
    }
    return CAIRN_OK;
}

bool table_is_total(const solving *s, size_t row)
{
    return s->total && s->total[row];
}

cairn_status table_put_number(const solving *s, size_t k, double x, bytes *out)
{
    char shown[32];
    const char *unit = k != SIZE_MAX ? s->columns[k].unit : NULL;

    calculator_format(round(x * 1e6) / 1e6, shown);
    table_say_decimals(table_lang(s), shown);
    return bytes_printf(out, "%s%s%s", shown, unit && strcmp(unit, "%") ? " " : "", unit ? unit : "");
}
