/* table_shares.c - parts of a whole, one row against another, and the first few: "what share of the costs has the pool", "how many times
 * as long is A as B", "the three largest"; and what was done, as JSON. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "engine/calculator.h"
#include "engine/table_reading.h"

#define CALL_ROWS ((size_t)200) /* bytes of the rows of a call */

static bool row_used(const solving *s, const table_result *r, size_t row)
{
    bool named = false;

    for (size_t i = 0; i < r->n_rows; i++)
        named |= r->rows[i] == row;
    if (s->few)
        return named;
    return s->keep[row] && !table_is_total(s, row) && (s->target == SIZE_MAX || !isnan(table_row_value(s, row)));
}

cairn_status table_answer_share(solving *s, table_result *out, bytes *text)
{
    double part = 0, all = 0;
    size_t n = 0, of = 0, conditions = 0;
    char shown[32];

    for (size_t k = 0; k < s->g->n_columns; k++)
        conditions += s->filtered[k];
    if (conditions != 1 || s->bounded || (s->target != SIZE_MAX && s->columns[s->target].mixed))
        return CAIRN_OK;
    for (size_t r = 0; r < s->rows; r++) {
        double x = table_row_value(s, r);
        if (table_is_total(s, r) || isnan(x))
            continue;
        if (x < 0)
            return CAIRN_OK;
        all += x;
        of++;
        if (s->keep[r]) {
            part += x;
            n++;
            if (out->n_rows < sizeof out->rows / sizeof *out->rows)
                out->rows[out->n_rows++] = r;
        }
    }
    if (!n || n == of || !(all > 0))
        return CAIRN_OK;
    out->is_number = out->figure = true;
    out->number = 100 * part / all;
    calculator_format(round(out->number * 100) / 100, shown);
    table_say_decimals(table_lang(s), shown);
    cairn_status st = bytes_printf(text, "%s%% (%s ", shown, table_say(s, SAY_SHARE));
    if (!st)
        st = table_put_number(s, s->target, part, text);
    if (!st)
        st = bytes_printf(text, " %s ", table_say(s, SAY_OUT_OF));
    if (!st)
        st = table_put_number(s, s->target, all, text);
    if (!st)
        st = bytes_printf(text, "%s%s, ", s->target != SIZE_MAX ? ", " : "", s->target != SIZE_MAX ? s->g->columns[s->target] : "");
    if (!st)
        st = table_say_rows(table_lang(s), n, of, text);
    return st ? st : bytes_append_byte(text, ')');
}

/* Where the question first names a row: by a word that the other one has not. */
static size_t named_at(solving *s, size_t row, size_t other, cairn_status *st)
{
    for (size_t i = 0; i < s->n && !*st; i++) {
        if (s->words[i].by != BY_CELL)
            continue;
        for (size_t k = 0; k < s->g->n_columns && !*st; k++) {
            bool e;
            if (s->filtered[k] && table_text_has(s, table_cell(s, row, k), &s->words[i], &e, st) && !*st &&
                !table_text_has(s, table_cell(s, other, k), &s->words[i], &e, st))
                return i;
        }
    }
    return SIZE_MAX;
}

cairn_status table_answer_ratio(solving *s, table_result *out, bytes *text)
{
    const column *c = &s->columns[s->target];
    size_t row[2] = {0}, n = 0, at[2];
    char shown[32];
    cairn_status st = CAIRN_OK;

    for (size_t r = 0; r < s->rows; r++)
        if (s->keep[r] && !isnan(c->value[r])) {
            if (n == 2)
                return CAIRN_OK;
            row[n++] = r;
        }
    if (n != 2 || c->dates || c->mixed)
        return CAIRN_OK;
    at[0] = named_at(s, row[0], row[1], &st);
    if (!st)
        at[1] = named_at(s, row[1], row[0], &st);
    if (st || at[0] == SIZE_MAX || at[1] == SIZE_MAX || at[0] == at[1])
        return st;
    if (at[1] < at[0]) {
        size_t first = row[1];
        row[1] = row[0];
        row[0] = first;
    }
    if (!(c->value[row[1]] > 0) || !(c->value[row[0]] >= 0))
        return CAIRN_OK;
    out->is_number = out->figure = true;
    out->number = c->value[row[0]] / c->value[row[1]];
    calculator_format(round(out->number * 1e4) / 1e4, shown);
    table_say_decimals(table_lang(s), shown);
    st = bytes_printf(text, "%s %s (", shown, table_say(s, SAY_TIMES));
    for (size_t i = 0; i < 2 && !st; i++) {
        st = i ? bytes_append_str(text, "; ") : CAIRN_OK;
        if (!st)
            st = table_put_row(s, row[i], true, out, text);
    }
    return st ? st : bytes_append_byte(text, ')');
}

size_t table_rows_wanted(const solving *s)
{
    size_t n = 1;

    for (size_t i = 0; i < s->n; i++) {
        const word *w = &s->words[i];
        unsigned x = table_word_number(w->form);
        if (!x || w->taken || !isnan(w->bound) || w->by == BY_CELL || w->by == BY_NAME || (i && table_word_in(" of von de ", s->words[i - 1].form)))
            continue;
        if (n > 1)
            return SIZE_MAX; /* two numbers */
        n = x;
    }
    return n;
}

/* "1-3, 7": rows that were used, counted from 1; many runs end with "...". */
static cairn_status say_rows(const solving *s, const table_result *r, bytes *out)
{
    cairn_status st = CAIRN_OK;

    for (size_t i = 0; i < s->rows && !st; i++) {
        size_t from = i;
        while (i < s->rows && row_used(s, r, i))
            i++;
        if (i == from)
            continue;
        if (out->len > CALL_ROWS)
            return bytes_append_str(out, ", ...");
        st = bytes_printf(out, "%s%zu", out->len ? ", " : "", from + 1);
        if (!st && i - from > 1)
            st = bytes_printf(out, "-%zu", i);
    }
    return st;
}

cairn_status table_write_call(const solving *s, table_result *out)
{
    static const char *const does[] = {"", "count", "sum", "mean", "most", "least", "difference", "share", "ratio", "list"};
    json_t *j = json_pack("{s:s,s:s}", "tool", "table", "operation", does[s->does]);
    cairn_status st;
    bytes rows;
    char *text;

    bytes_init(&rows, 4 * CALL_ROWS);
    st = say_rows(s, out, &rows);
    if (s->target != SIZE_MAX) {
        json_object_set_new(j, "column", json_string(s->g->columns[s->target]));
        if (s->columns[s->target].unit)
            json_object_set_new(j, "unit", json_string(s->columns[s->target].unit));
    }
    if (s->factor != SIZE_MAX)
        json_object_set_new(j, "times", json_string(s->g->columns[s->factor]));
    if (s->where.len)
        json_object_set_new(j, "where", json_string(s->where.data));
    if (s->group != SIZE_MAX)
        json_object_set_new(j, "by", json_string(s->g->columns[s->group]));
    if (rows.len)
        json_object_set_new(j, "rows", json_string(rows.data));
    bytes_clear(&rows);
    text = st ? NULL : json_dumps(j, JSON_COMPACT);
    json_decref(j);
    out->call = text ? arena_strdup(s->memory, text) : NULL;
    free(text);
    return out->call ? CAIRN_OK : cairn_fail(s->err, CAIRN_ENOMEM, "a table");
}
