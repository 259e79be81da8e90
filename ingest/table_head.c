/* table_head.c - see table_head.h. A line below the first is one of names where the file says so, where it holds nothing but
 * units in brackets, or where it divides a cell above it and what follows below is measured. */
#include "ingest/table_head.h"

#include <ctype.h>
#include <string.h>

#define COLUMNS_MAX 200

typedef struct cells {
    const char *at[COLUMNS_MAX];
    size_t len[COLUMNS_MAX], n;
} cells;

bool table_next_cell(const char **at, const char *end, const char **cell, size_t *len)
{
    const char *sep, *start = *at;

    if (!start || start > end)
        return false;
    *cell = start;
    *len = 0;
    if (end - start >= 2 && !memcmp(start, "| ", 2)) { /* an empty one: the blank before is another's, or was cut off */
        *at = start + 2;
        return true;
    }
    sep = memmem(start, (size_t)(end - start), " | ", 3);
    *at = sep ? sep + 3 : NULL;
    if (!sep && end - start >= 2 && !memcmp(end - 2, " |", 2)) { /* the last one is empty */
        sep = end - 2;
        *at = end;
    }
    *len = (size_t)((sep ? sep : end) - start);
    while (*len && isspace((unsigned char)**cell)) {
        ++*cell;
        --*len;
    }
    while (*len && isspace((unsigned char)(*cell)[*len - 1]))
        --*len;
    return true;
}

static void read_cells(const table_lines *t, size_t line, cells *c)
{
    const char *at = line < t->n ? t->line[line] : NULL;

    c->n = 0;
    while (c->n < COLUMNS_MAX && at && table_next_cell(&at, t->line[line] + t->len[line], &c->at[c->n], &c->len[c->n]))
        c->n++;
}

size_t table_line_cells(const char *line, size_t len)
{
    const char *at = line, *cell;
    size_t n, full = 0;

    while (table_next_cell(&at, line + len, &cell, &n))
        full += n > 0;
    return full;
}

static bool says(const cells *c, size_t k)
{
    return k < c->n && c->len[k];
}

/* "2024", "2024/25" */
static bool is_year(const char *s, size_t len)
{
    bool first = len >= 4 && (s[0] == '1' || s[0] == '2') && (s[1] == '9' || s[1] == '0');

    for (size_t i = 2; i < 4 && first; i++)
        first = isdigit((unsigned char)s[i]) != 0;
    return first && (len == 4 || (len <= 7 && s[4] == '/'));
}

bool table_cell_measures(const char *cell, size_t len)
{
    size_t digits = 0, letters = 0;

    if (!len || isalpha((unsigned char)*cell) || is_year(cell, len))
        return false;
    for (size_t i = 0; i < len; i++) {
        digits += isdigit((unsigned char)cell[i]) != 0;
        letters += isalpha((unsigned char)cell[i]) != 0;
    }
    return digits && letters <= digits + 4;
}

/* Nothing but units: "(km)", "[min]". */
static bool is_of_units(const cells *c)
{
    size_t units = 0;

    for (size_t k = 0; k < c->n; k++) {
        const char *s = c->at[k];
        size_t len = c->len[k];
        if (!len)
            continue;
        if (len < 3 || len > 24 || !((s[0] == '(' && s[len - 1] == ')') || (s[0] == '[' && s[len - 1] == ']')))
            return false;
        for (size_t i = 0; i < len; i++)
            if (isdigit((unsigned char)s[i]) && !(i && (isalpha((unsigned char)s[i - 1]) || s[i - 1] == '^')))
                return false; /* "(123)" is less than nothing; "m2" a unit */
        units++;
    }
    return units > 0;
}

/* The columns that a cell of `above` reaches over: as the file says, else where it leaves columns empty that `below` fills. */
static uint64_t grouped(uint64_t wide, const cells *above, const cells *below)
{
    uint64_t mask = 0;
    size_t holder = SIZE_MAX;

    if (wide)
        return wide;
    for (size_t k = 0; k < below->n && k < 64; k++) {
        if (says(above, k)) {
            holder = k;
        } else if (holder != SIZE_MAX && says(below, k) && (k == holder + 1 || mask >> (k - 1) & 1)) {
            mask |= (uint64_t)1 << k | (uint64_t)1 << holder;
        }
    }
    return mask;
}

static bool same_cell(const cells *a, const cells *b, size_t k)
{
    return says(a, k) && says(b, k) && a->len[k] == b->len[k] && !memcmp(a->at[k], b->at[k], a->len[k]);
}

static bool has_measures(const cells *c)
{
    for (size_t k = 0; k < c->n; k++)
        if (table_cell_measures(c->at[k], c->len[k]))
            return true;
    return false;
}

/* Does line i + 1 divide cells of line i? */
static bool divides(const table_lines *t, size_t i)
{
    cells above, below, values;
    uint64_t mask;
    size_t measured = 0, filled = 0;

    read_cells(t, i, &above);
    read_cells(t, i + 1, &below);
    read_cells(t, i + 2, &values);
    mask = grouped(t->wide[i], &above, &below);
    if (!mask || has_measures(&below))
        return false;
    if (!t->wide[i] && says(&above, 0) && says(&below, 0) && !same_cell(&above, &below, 0))
        return false;
    for (size_t k = 0; k < 64; k++) {
        if (!(mask >> k & 1))
            continue;
        if (!says(&below, k))
            return false;
        filled += says(&values, k);
        measured += says(&values, k) && table_cell_measures(values.at[k], values.len[k]);
    }
    if (i + 2 < t->n && t->wide[i + 1] && !filled)
        return true;
    return measured && measured * 2 >= filled;
}

size_t table_head_count(const table_lines *t)
{
    size_t k = 1;
    cells c;

    while (k < TABLE_HEAD_LINES && k < t->n) {
        read_cells(t, k, &c);
        if (!is_of_units(&c) && !(k < t->certain && table_line_cells(t->line[k], t->len[k]) > 1 && !has_measures(&c)) && !divides(t, k - 1) &&
            !(k + 2 < t->n && t->wide[k] && t->wide[k - 1] && divides(t, k)))
            break;
        k++;
    }
    return k;
}

/* What line i says of column k: its own cell, or that which reaches over it. */
static bool cell_over(const cells *c, uint64_t mask, size_t k, const char **at, size_t *len)
{
    size_t from = k;

    if (!says(c, k) && k < 64 && mask >> k & 1)
        while (from && !says(c, from) && mask >> (from - 1) & 1)
            from--;
    if (!says(c, from))
        return false;
    *at = c->at[from];
    *len = c->len[from];
    return true;
}

cairn_status table_head_join(const table_lines *t, size_t n, bytes *out)
{
    cells all[TABLE_HEAD_LINES];
    uint64_t mask[TABLE_HEAD_LINES] = {0};
    size_t columns = 0;
    cairn_status st = CAIRN_OK;

    for (size_t i = 0; i < n; i++) {
        read_cells(t, i, &all[i]);
        columns = all[i].n > columns ? all[i].n : columns;
    }
    for (size_t i = 0; i < n; i++) {
        mask[i] = i + 1 < n ? grouped(t->wide[i], &all[i], &all[i + 1]) : t->wide[i];
        for (size_t k = columns; k < 64 && mask[i] >> k & 1; k++)
            columns = k + 1;
    }
    for (size_t k = 0; k < columns && !st; k++) {
        size_t start;
        st = k ? bytes_append_str(out, " | ") : CAIRN_OK;
        start = out->len;
        for (size_t i = 0; i < n && !st; i++) {
            const char *at;
            size_t len;
            if (!cell_over(&all[i], mask[i], k, &at, &len) || (out->len > start && memmem(out->data + start, out->len - start, at, len)))
                continue;
            st = out->len > start ? bytes_append_byte(out, ' ') : CAIRN_OK;
            if (!st)
                st = bytes_append(out, at, len);
        }
    }
    return st;
}

bool table_head_begins(const table_lines *t)
{
    size_t i = 0, n;
    cells names, values;

    while (i < t->n && table_line_cells(t->line[i], t->len[i]) < 2)
        i++;
    if (i > 2 || i + 1 >= t->n)
        return false;
    table_lines rest = {.n = t->n - i};
    for (size_t k = 0; k < rest.n; k++) {
        rest.line[k] = t->line[i + k];
        rest.len[k] = t->len[i + k];
        rest.wide[k] = t->wide[i + k];
    }
    n = table_head_count(&rest);
    read_cells(&rest, 0, &names);
    read_cells(&rest, n, &values);
    if (n >= rest.n || has_measures(&names))
        return false;
    for (size_t k = 0; k < values.n; k++)
        if ((says(&names, k) || n > 1) && table_cell_measures(values.at[k], values.len[k]))
            return true;
    return false;
}
