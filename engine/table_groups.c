/* table_groups.c - rows of a table by what they have in common: "which customer ordered most in total", "the total per category",
 * "how many orders per country". */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "engine/table_reading.h"

#define GROUPS_MAX  200
#define GROUPS_SAID 12

typedef struct group {
    const char *name;
    double sum;
    size_t n, first; /* rows; the first of them */
} group;

static int by_sum(const void *x, const void *y)
{
    const group *a = x, *b = y;

    if (a->sum != b->sum)
        return a->sum < b->sum ? 1 : -1;
    return (a->first > b->first) - (a->first < b->first);
}

static int by_text(const void *x, const void *y)
{
    return strcasecmp(*(const char *const *)x, *(const char *const *)y);
}

size_t table_distinct(const solving *s, size_t k, size_t *filled)
{
    const char **all = arena_alloc(s->memory, (s->rows + 1) * sizeof *all);
    size_t n = 0, different = 0;

    for (size_t r = 0; r < s->rows && all; r++)
        if (s->keep[r] && *table_cell(s, r, k))
            all[n++] = table_cell(s, r, k);
    if (n)
        qsort(all, n, sizeof *all, by_text);
    for (size_t i = 0; i < n; i++)
        different += !i || strcasecmp(all[i], all[i - 1]) != 0;
    *filled = n;
    return different;
}

bool table_is_of_both(const solving *s, size_t k)
{
    const char **all = arena_alloc(s->memory, (s->rows + 1) * sizeof *all);
    size_t n = 0;
    bool both = false;

    if (!all)
        return true; /* then nothing is told */
    for (size_t r = 0; r < s->rows; r++)
        if (s->keep[r])
            all[n++] = table_cell(s, r, k);
    qsort(all, n, sizeof *all, by_text);
    for (size_t r = 0; r < s->rows && n && !both; r++) {
        const char *name = table_cell(s, r, k);
        both = !s->keep[r] && !table_is_total(s, r) && bsearch(&name, all, n, sizeof *all, by_text) != NULL;
    }
    return both;
}

bool table_has_repeats(const solving *s, size_t k)
{
    size_t filled;

    return table_distinct(s, k, &filled) < filled;
}

/* "Per category", "for each country", "pro Lieferant", "por ciudad": the column that is named so; SIZE_MAX: none. */
size_t table_group_column(solving *s)
{
    for (size_t i = 0; i + 1 < s->n; i++) {
        if (!table_word_groups(s->words[i].form) || s->words[i].taken)
            continue;
        size_t next = i + 1 + (i + 2 < s->n && table_word_groups(s->words[i + 1].form));
        for (size_t k = 0; k < s->g->n_columns; k++) {
            if (k == s->target || table_is_measure(&s->columns[k]) || !table_names(&s->columns[k], &s->words[next]) || !table_has_repeats(s, k))
                continue;
            for (size_t w = i; w <= next; w++)
                s->words[w].by = BY_NAME;
            return k;
        }
    }
    return SIZE_MAX;
}

static cairn_status say_group(const solving *s, const group *g, bytes *text)
{
    double x = s->does == TABLE_MEAN ? g->sum / (double)g->n : g->sum;
    cairn_status st = bytes_printf(text, "%s: ", g->name);

    return st ? st : table_put_number(s, s->target, x, text);
}

static cairn_status say_what(const solving *s, table_phrase of, size_t rows, bytes *text)
{
    cairn_status st = table_say_figure(s, of, text);

    if (!st)
        st = bytes_printf(text, " %s %s, ", table_say(s, SAY_BY), s->g->columns[s->group]);
    if (!st)
        st = table_say_rows(table_lang(s), rows, s->rows, text);
    return st ? st : bytes_append_byte(text, ')');
}

/* The value that a row adds; NAN: none. */
double table_row_value(const solving *s, size_t row)
{
    double x = s->target == SIZE_MAX ? 1 : s->columns[s->target].value[row];

    return s->factor == SIZE_MAX ? x : x * s->columns[s->factor].value[row];
}

/* The group at the place that is asked for, of groups in falling order; `n`: none, or it is shared. */
static size_t ranked(const solving *s, const group *all, size_t n)
{
    size_t at = s->does == TABLE_MOST ? s->rank - 1 : n - s->rank;

    if (s->rank > n)
        return n;
    for (size_t k = s->does == TABLE_MOST ? 0 : at; k + 1 < n && k <= (s->does == TABLE_MOST ? at : n - 1); k++)
        if (all[k].sum == all[k + 1].sum)
            return n;
    return at && all[at - 1].sum == all[at].sum ? n : at;
}

cairn_status table_answer_groups(solving *s, table_result *out, bytes *text)
{
    group *all = arena_calloc(s->memory, GROUPS_MAX, sizeof *all);
    size_t n = 0, rows = 0, from = 0, to;
    bool extreme = s->does == TABLE_MOST || s->does == TABLE_LEAST;
    table_phrase of = s->does == TABLE_MEAN ? SAY_MEAN : s->target == SIZE_MAX ? SAY_COUNT : SAY_SUM;
    cairn_status st = CAIRN_OK;

    if (!all)
        return cairn_fail(s->err, CAIRN_ENOMEM, "a table");
    for (size_t r = 0; r < s->rows; r++) {
        const char *name = table_cell(s, r, s->group);
        double x = table_row_value(s, r);
        size_t k = 0;
        if (!s->keep[r] || !*name || isnan(x) || table_is_total(s, r))
            continue;
        while (k < n && strcasecmp(all[k].name, name) != 0)
            k++;
        if (k == GROUPS_MAX)
            return CAIRN_OK;
        if (k == n)
            all[n++] = (group){name, 0, 0, r};
        all[k].sum += x;
        all[k].n++;
        rows++;
    }
    if (n < 2)
        return CAIRN_OK;
    qsort(all, n, sizeof *all, by_sum);
    to = n < GROUPS_SAID ? n : GROUPS_SAID;
    if (extreme && s->rank > 1)
        from = ranked(s, all, n);
    if (from >= n)
        return CAIRN_OK;
    if (extreme && s->rank > 1) {
        to = from + 1;
    } else if (extreme) { /* the first of them, or those that are alike */
        for (to = 1; s->does == TABLE_MOST && to < n && all[to].sum == all[0].sum;)
            to++;
        if (s->does == TABLE_LEAST)
            for (to = n, from = n - 1; from && all[from - 1].sum == all[n - 1].sum;)
                from--;
    }
    if (extreme) {
        if ((to - from) * 2 > n) /* what half of them have is no answer */
            return CAIRN_OK;
        out->is_number = true;
        out->number = all[from].sum;
    }
    for (size_t i = from; i < to && !st; i++) {
        st = i > from ? bytes_append_str(text, "; ") : CAIRN_OK;
        if (!st)
            st = say_group(s, &all[i], text);
        if (out->n_rows < sizeof out->rows / sizeof *out->rows)
            out->rows[out->n_rows++] = all[i].first;
    }
    if (!st && !extreme && to < n)
        st = bytes_printf(text, "; ... (%zu)", n - to);
    return st ? st : say_what(s, of, rows, text);
}
