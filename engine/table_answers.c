/* table_answers.c - what is said of the rows that table_solve.c kept and the column that it chose:
 * their number, their sum or mean, the one with the most, how far two lie apart. Each of these is a
 * function that writes the answer's sentence, or nothing where the numbers bear none; above them,
 * how a row and a number are put into words. Shares, ratios and groups: table_shares.c,
 * table_groups.c. */
#include <math.h>
#include <string.h>

#include "engine/table_reading.h"

#define NAMED_MAX 5 /* rows that an answer names */

const char *table_lang(const solving *s)
{
    return s->langs[LANGUAGES - 1];
}

const char *table_say(const solving *s, table_phrase what)
{
    return table_phrase_in(table_lang(s), what);
}

cairn_status table_say_figure(const solving *s, table_phrase of, bytes *text)
{
    bool column = s->target != SIZE_MAX, product = column && s->factor != SIZE_MAX;

    return bytes_printf(text, " (%s%s%s%s%s%s%s", table_say(s, of), column ? " " : "",
                        column ? table_say(s, SAY_OF) : "", column ? " " : "",
                        column ? s->g->columns[s->target] : "", product ? " x " : "",
                        product ? s->g->columns[s->factor] : "");
}

static cairn_status put_value(const solving *s, size_t row, bytes *out)
{
    return bytes_printf(out, "%s: %s", s->g->columns[s->target], table_cell(s, row, s->target));
}

/* A row in short: what it is called, and one more cell of text. */
static cairn_status put_label(const solving *s, size_t row, bytes *out)
{
    size_t said = 0;
    cairn_status st = CAIRN_OK;

    if (s->label != SIZE_MAX && *table_cell(s, row, s->label)) {
        st = bytes_append_str(out, table_cell(s, row, s->label));
        said = 1;
    }
    for (size_t k = 0; k < s->g->n_columns && !st && said < 2; k++) {
        if (k == s->target || k == s->label || !*table_cell(s, row, k) ||
            (said && table_is_measure(&s->columns[k])) || table_says_yes_or_no(&s->columns[k]))
            continue;
        st = said ? bytes_append_str(out, ", ") : CAIRN_OK;
        if (!st && table_is_measure(&s->columns[k]))
            st = bytes_printf(out, "%s ", s->g->columns[k]);
        if (!st)
            st = bytes_append_str(out, table_cell(s, row, k));
        said++;
    }
    return st;
}

cairn_status table_put_row(const solving *s, size_t row, bool value, table_result *out, bytes *text)
{
    cairn_status st;

    if (out->n_rows < sizeof out->rows / sizeof *out->rows)
        out->rows[out->n_rows++] = row;
    st = put_label(s, row, text);
    if (!st && value)
        st = bytes_append_str(text, ", ");
    return st || !value ? st : put_value(s, row, text);
}

static cairn_status put_rows(solving *s, const bool *rows, table_result *out, bytes *text,
                             bool values)
{
    cairn_status st = CAIRN_OK;
    size_t n = 0;

    for (size_t r = 0; r < s->rows && !st; r++) {
        if (!rows[r])
            continue;
        if (n == NAMED_MAX) {
            st = bytes_append_str(text, "; ...");
            break;
        }
        st = n++ ? bytes_append_str(text, "; ") : CAIRN_OK;
        if (!st)
            st = table_put_row(s, r, values, out, text);
    }
    return st;
}

static cairn_status say_number(solving *s, double x, table_phrase of, size_t n, bool name_rows,
                               table_result *out, bytes *text)
{
    cairn_status st;

    out->is_number = out->figure = true;
    out->number = x;
    st = table_put_number(s, s->target, x, text);
    if (!st)
        st = table_say_figure(s, of, text);
    if (!st)
        st = bytes_append_str(text, ", ");
    if (!st)
        st = table_say_rows(table_lang(s), n, s->rows, text);
    if (!st && name_rows && n && n < s->rows && n <= NAMED_MAX) {
        st = bytes_append_str(text, ": ");
        if (!st)
            st = put_rows(s, s->keep, out, text, s->target != SIZE_MAX);
    }
    if (!st)
        st = table_say_unsaid(s, text);
    return st ? st : bytes_append_byte(text, ')');
}

cairn_status table_answer_sum(solving *s, table_result *out, bytes *text)
{
    double sum = 0;
    size_t n = 0;

    for (size_t r = 0; r < s->rows; r++) {
        if (!s->keep[r])
            continue;
        s->keep[r] = !isnan(table_row_value(s, r)) && !table_is_total(s, r);
        sum += s->keep[r] ? table_row_value(s, r) : 0;
        n += s->keep[r];
    }
    if (!n || (s->target != SIZE_MAX && s->columns[s->target].mixed))
        return CAIRN_OK; /* euros and dollars are no sum */
    return say_number(s, s->does == TABLE_MEAN ? sum / (double)n : sum,
                      s->does == TABLE_MEAN ? SAY_MEAN : SAY_SUM, n, true, out, text);
}

/* "The three largest": as many rows, the first of them first; not where the last is as good as the
 * next. */
static cairn_status find_first_few(solving *s, size_t wanted, table_result *out, bytes *text)
{
    const double *v = s->columns[s->target].value;
    size_t said = 0;
    bool date = s->columns[s->target].dates * 2 > s->columns[s->target].numbers;
    double last = NAN;
    cairn_status st = CAIRN_OK;

    if (wanted * 2 > s->kept + 1 || date)
        return CAIRN_OK;
    for (; said <= wanted && !st; said++) {
        size_t best = SIZE_MAX;
        for (size_t r = 0; r < s->rows; r++)
            if (s->keep[r] && !isnan(v[r]) &&
                (best == SIZE_MAX ||
                 (s->does == TABLE_MOST ? v[r] > v[best] : v[r] < v[best])))
                best = r;
        if (best == SIZE_MAX || (said == wanted && v[best] == last)) {
            bytes_reset(text);
            return CAIRN_OK;
        }
        if (said == wanted)
            break;
        st = said ? bytes_append_str(text, "; ") : CAIRN_OK;
        if (!st)
            st = table_put_row(s, best, true, out, text);
        last = v[best];
        s->keep[best] = false;
        s->few = true;
    }
    return st;
}

cairn_status table_answer_extreme(solving *s, table_result *out, bytes *text)
{
    const double *v = s->columns[s->target].value;
    double best;
    size_t n = 0, wanted = s->rank > 1 ? 1 : table_rows_wanted(s);

    if (s->columns[s->target].mixed || wanted == SIZE_MAX)
        return CAIRN_OK;
    if (wanted > 1)
        return find_first_few(s, wanted, out, text);

    best = table_ranked(v, s->keep, s->rows, s->rank, s->does == TABLE_MOST);
    for (size_t r = 0; r < s->rows; r++) {
        s->keep[r] = s->keep[r] && v[r] == best && !table_is_total(s, r);
        n += s->keep[r];
    }
    if (!n || n * 2 > s->rows) /* what half of the rows have is no answer */
        return CAIRN_OK;
    out->is_number = n && s->columns[s->target].dates * 2 <= s->columns[s->target].numbers;
    out->number = best;
    return put_rows(s, s->keep, out, text, true);
}

cairn_status table_answer_difference(solving *s, table_result *out, bytes *text)
{
    const double *v = s->columns[s->target].value;
    double x[2];
    size_t n = 0;
    cairn_status st;

    for (size_t r = 0; r < s->rows; r++) {
        if (s->keep[r] && !isnan(v[r])) {
            if (n == 2)
                return CAIRN_OK;
            x[n++] = v[r];
        }
    }
    if (n != 2 || s->columns[s->target].mixed ||
        s->columns[s->target].dates * 2 > s->columns[s->target].numbers)
        return CAIRN_OK;
    out->is_number = out->figure = true;
    out->number = fabs(x[0] - x[1]);
    st = table_put_number(s, s->target, out->number, text);
    if (!st)
        st = bytes_append_str(text, " (");
    if (!st)
        st = put_rows(s, s->keep, out, text, true);
    return st ? st : bytes_append_byte(text, ')');
}

static bool only_quantity(const solving *s, size_t k)
{
    size_t n = 0;

    for (size_t i = 0; i < s->g->n_columns; i++)
        n += s->columns[i].kind == TABLE_QUANTITY && table_is_measure(&s->columns[i]);
    return n == 1 && s->columns[k].kind == TABLE_QUANTITY;
}

/* Different texts of a column: numbers that name things have no unit and are no sum. */
static cairn_status say_distinct(solving *s, size_t n, table_result *out, bytes *text)
{
    return say_number(s, (double)n, SAY_DISTINCT, s->kept, false, out, text);
}

/* "How many plots" of a column "Plot" whose numbers name plots. */
static bool numbers_things(const solving *s, size_t k, const word *what)
{
    static const char numbered[] = " plot locker lane aisle pitch bay platform gate zone berth group team route parzelle schließfach gleis linie gruppe "
                                   "stellplatz liegeplatz parcelle casier quai ligne groupe parcela taquilla andén línea grupo ";
    const column *c = &s->columns[k];

    return c->n_names == 1 && table_word_in(numbered, c->names[0].form) && strcmp(c->names[0].form, what->form) != 0 && table_is_measure(c) && !c->dates && !c->unit;
}

/* "How many beds" of a column "Beds" of whole numbers: there are so many in each row. */
static bool is_plural_of_column(const solving *s, size_t k, const word *what)
{
    const column *c = &s->columns[k];
    size_t len = strlen(what->form);

    if (c->n_names != 1 || strcmp(c->names[0].form, what->form) != 0 || len < 4 || what->form[len - 1] != 's' || c->unit || table_is_identifier(s, k))
        return false;
    for (size_t r = 0; r < s->rows; r++)
        if (!isnan(c->value[r]) && (c->value[r] != floor(c->value[r]) || c->value[r] < 0 || c->value[r] > 1e6))
            return false;
    return strcmp(table_lang(s), "de") != 0;
}

cairn_status table_answer_count(solving *s, table_result *out, bytes *text)
{
    const word *what = table_counted(s);
    size_t n = 0, filled;

    if (what && what->by == BY_NOTHING) /* nothing says that the rows are what is counted */
        return CAIRN_OK;
    s->target = table_counted_in(s, what);
    if (s->unclear)
        return CAIRN_OK;
    if (s->target != SIZE_MAX) { /* "how many trout were caught": of a column "Caught" */
        s->does = TABLE_SUM;
        return table_answer_sum(s, out, text);
    }
    /* "how many hammers": it is written beside them */
    for (size_t k = 0; what && k < s->g->n_columns; k++)
        if (s->columns[k].kind == TABLE_QUANTITY && only_quantity(s, k) &&
            table_is_measure(&s->columns[k]) && !s->columns[k].dates &&
            (what->by == BY_CELL ||
             (s->label != SIZE_MAX && (s->whole || s->g->n_columns == 2) &&
              table_names(&s->columns[s->label], what) && !table_has_repeats(s, s->label)))) {
            s->target = k;
            s->does = TABLE_SUM;
            return table_answer_sum(s, out, text);
        }
    for (size_t k = 0; what && k < s->g->n_columns; k++) {
        if (!table_names(&s->columns[k], what))
            continue;
        if (table_is_identifier(s, k)) /* "how many orders": of order_id */
            break;
        if (s->g->strict && k != s->label && numbers_things(s, k, what) && (n = table_distinct(s, k, &filled)) > 0 && filled == s->kept) {
            s->target = k;
            return say_distinct(s, n, out, text);
        }
        /* "how many goals": it is written there */
        if (table_is_measure(&s->columns[k]) && !s->columns[k].dates) {
            s->target = k;
            for (size_t r = 0; r < s->rows; r++)
                n += s->keep[r] && !isnan(s->columns[k].value[r]);
            s->does = TABLE_SUM;
            return n == 1 || ((s->whole || (s->g->strict && is_plural_of_column(s, k, what))) && n) ? table_answer_sum(s, out, text) : CAIRN_OK;
        }
        if (k && !s->filtered[k] && (n = table_distinct(s, k, &filled)) && n < s->kept)
            return say_distinct(s, n, out, text);
        break;
    }
    n = 0;
    for (size_t r = 0; r < s->rows; r++) {
        s->keep[r] &= !table_is_total(s, r);
        n += s->keep[r];
    }
    s->target = SIZE_MAX;
    return n || s->stated ? say_number(s, (double)n, SAY_COUNT, n, true, out, text) : CAIRN_OK;
}
