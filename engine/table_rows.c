/* table_rows.c - the rows that a question means: its words that are no column's are looked for in cells, a run of words that stand together
 * in one column where it has them, those between "and", "or" and "not" each by itself; a column that says whether something is so
 * keeps the rows of which it is (table_states.c). */
#include <math.h>
#include <string.h>

#include "engine/table_reading.h"

cairn_status table_say_where(solving *s, const char *fmt, const char *a, const char *b)
{
    cairn_status st = s->where.len ? bytes_append_str(&s->where, ", ") : CAIRN_OK;

    return st ? st : bytes_printf(&s->where, fmt, a, b);
}

/* The rows of which the cell in column k has all of words[from, to). */
static size_t rows_with(solving *s, size_t k, const size_t *at, size_t n, bool *rows, bool *exact, cairn_status *st)
{
    size_t found = 0;

    *exact = true;
    for (size_t r = 0; r < s->rows && !*st; r++) {
        const char *cell = table_cell(s, r, k);
        rows[r] = *cell != '\0' && n && !table_is_total(s, r);
        for (size_t i = 0; i < n && rows[r]; i++) {
            bool e;
            rows[r] = table_text_has(s, cell, &s->words[at[i]], &e, st);
            if (rows[r])
                *exact &= e;
        }
        found += rows[r];
    }
    return found;
}

typedef struct run_of_words {
    size_t at[WORDS_MAX], n;
    bool denied;
} run_of_words;

/* Is word i a number behind the name of a column: "group 1"? */
bool table_is_numbered(const solving *s, size_t i)
{
    if (!i || !s->words[i].digits || !isnan(s->words[i].bound) || s->words[i].taken || s->words[i].start != s->words[i - 1].end + 1)
        return false;
    for (size_t k = 0; k < s->g->n_columns; k++)
        if (table_names(&s->columns[k], &s->words[i - 1]))
            return true;
    return false;
}

/* ... of another than k? */
static bool numbers_another(const solving *s, const run_of_words *run, size_t k)
{
    for (size_t i = 0; i < run->n; i++)
        if (table_is_numbered(s, run->at[i]) && !table_names(&s->columns[k], &s->words[run->at[i] - 1]))
            return true;
    return false;
}

/* The column of which cells have most of a run's words together; marks them. `rows` is theirs. */
static cairn_status place_run(solving *s, run_of_words *run, size_t *col, bool *rows)
{
    bool *trial = arena_calloc(s->memory, s->rows + 1, sizeof *trial), exact, best_exact = false;
    size_t best = 0;
    run_of_words kept = {0};
    cairn_status st = trial ? CAIRN_OK : cairn_fail(s->err, CAIRN_ENOMEM, "a table");

    *col = SIZE_MAX;
    for (size_t k = 0; k < s->g->n_columns && !st; k++) {
        run_of_words in = {.denied = run->denied};
        size_t found = 0;
        if (numbers_another(s, run, k))
            continue;
        for (size_t i = 0; i < run->n && !st; i++) { /* words that stand in no cell of the column are left out */
            if (table_is_measure(&s->columns[k]) && !s->words[run->at[i]].digits)
                continue;
            if (rows_with(s, k, &run->at[i], 1, trial, &exact, &st))
                in.at[in.n++] = run->at[i];
        }
        if (st || !in.n)
            continue;
        found = rows_with(s, k, in.at, in.n, trial, &exact, &st);
        if (st || !found || found == s->rows || in.n < best || (in.n == best && (best_exact || !exact)))
            continue;
        best = in.n;
        best_exact = exact;
        *col = k;
        kept = in;
        memcpy(rows, trial, s->rows * sizeof *rows);
    }
    *run = kept;
    for (size_t i = 0; i < kept.n; i++)
        s->words[kept.at[i]].by = BY_CELL;
    return st;
}

/* Are some of the cells that have `n` words those words alone, and others more? */
static bool is_mixed(solving *s, size_t col, size_t n, const bool *rows, cairn_status *st)
{
    bool alone = false, more = false;

    for (size_t r = 0; r < s->rows && !*st; r++) {
        const char *cell = table_cell(s, r, col);
        size_t at = 0, words = 0;
        word t;
        while (rows[r] && table_next_word(s, cell, strlen(cell), &at, false, &t, st))
            words++;
        alone |= rows[r] && words == n;
        more |= rows[r] && words > n;
    }
    return alone && more;
}

/* A run of words that stand together, by the columns that have them: what one does not have is looked for in the next. `of`
 * [column] gets the rows that the runs name in it. */
static cairn_status apply_run(solving *s, run_of_words *run, bool **of, bool *placed)
{
    cairn_status st = CAIRN_OK;

    *placed = false;
    while (run->n && !st) {
        bool *rows = arena_calloc(s->memory, s->rows + 1, sizeof *rows);
        run_of_words all = *run, left = {.denied = run->denied};
        size_t col = SIZE_MAX, n = 0;
        st = rows ? place_run(s, run, &col, rows) : cairn_fail(s->err, CAIRN_ENOMEM, "a table");
        if (!st && col == SIZE_MAX && all.n > 1 && (s->does == TABLE_RATIO || s->does == TABLE_DIFFERENCE))
            for (size_t i = 0; i < all.n && !st; i++) { /* two things that nothing stands between */
                run_of_words one = {.at = {all.at[i]}, .n = 1, .denied = all.denied};
                bool found;
                st = apply_run(s, &one, of, &found);
                *placed |= found;
            }
        if (st || col == SIZE_MAX)
            break;
        *placed = true;
        for (size_t i = 0; i < all.n; i++)
            if (!s->words[all.at[i]].by)
                left.at[left.n++] = all.at[i];
        for (size_t r = 0; r < s->rows; r++)
            n += rows[r];
        /* What is counted is no condition where most rows are called so, or a remark of a row has the word. */
        if (s->does == TABLE_COUNT && run->n == 1 && &s->words[run->at[0]] == table_counted(s) &&
            table_counted_in(s, table_counted(s)) == SIZE_MAX &&
            (n * 2 >= s->rows || col > s->label) &&
            !(run->at[0] + 1 < s->n && s->words[run->at[0] + 1].content)) {
            *run = left;
            continue;
        }
        if (!of[col] && !(of[col] = arena_calloc(s->memory, s->rows + 1, 1)))
            return cairn_fail(s->err, CAIRN_ENOMEM, "a table");
        for (size_t r = 0; r < s->rows; r++)
            if (run->denied)
                s->keep[r] &= !rows[r];
            else
                of[col][r] |= rows[r];
        if (run->denied && !s->filtered[col])
            of[col] = NULL;
        if (s->g->strict && is_mixed(s, col, run->n, rows, &st)) /* "paid" and "partly paid" */
            s->does = TABLE_NOTHING;
        s->filtered[col] = true;
        s->denied_cell |= run->denied;
        if (!st)
            st = table_say_where(s, "%s%s", run->denied ? "not " : "", s->g->columns[col]);
        for (size_t i = 0; i < run->n && !st; i++)
            st = bytes_printf(&s->where, "%s%s", i ? " " : ": ", s->words[run->at[i]].form);
        *run = left;
    }
    return st;
}

/* Does word i name column k, and a later one, too? */
static bool named_again(const solving *s, size_t k, size_t i)
{
    bool again = false;

    for (size_t n = i + 1; n < s->n; n++)
        again |= s->words[n].content && !s->words[n].by && table_names(&s->columns[k], &s->words[n]);
    return again && table_names(&s->columns[k], &s->words[i]);
}

/* Word i as the name of a column that says whether something is so, denied or not. */
static cairn_status read_state(solving *s, size_t i, bool *denied)
{
    word *w = &s->words[i];

    for (size_t k = 0; k < s->g->n_columns; k++) {
        const column *c = &s->columns[k];
        bool undone = table_names_undone(c, w), yes = *denied == undone;
        if (!table_is_state(s, k) || s->filtered[k] || !(undone || table_names(c, w)))
            continue;
        w->by = BY_NAME;
        if (named_again(s, k, i)) /* "returned the key" of "Key returned" */
            return CAIRN_OK;
        if (!table_keep_state(s, k, yes) && !s->g->strict)
            s->does = TABLE_NOTHING;
        *denied = false;
        return table_say_where(s, "%s: %s", s->g->columns[k], yes ? "yes" : table_says_yes_or_no(c) ? "no" : "not yes");
    }
    return CAIRN_OK;
}

/* Runs of words that stand for rows: those between separators may each be met. *open: a "not" that belongs to nothing. */
cairn_status table_read_rows(solving *s, bool *open)
{
    bool *of[COLUMNS_MAX] = {0}, denied = false, placed;
    run_of_words run = {0};
    cairn_status st = CAIRN_OK;

    for (size_t i = 0; i <= s->n && !st; i++) {
        word *w = i < s->n ? &s->words[i] : NULL;
        bool own = w && w->content && !w->by && isnan(w->bound);
        if (own && (st = read_state(s, i, &denied)) == CAIRN_OK && w->by)
            own = false;
        if (run.n && (!w || w->separates || w->denies)) {
            run.denied = denied;
            st = apply_run(s, &run, of, &placed);
            denied &= !placed;
            run = (run_of_words){0};
        }
        if (own)
            run.at[run.n++] = i;
        if (w && w->denies)
            denied = true;
    }
    *open = denied;
    for (size_t k = 0; k < s->g->n_columns; k++)
        for (size_t r = 0; r < s->rows && of[k]; r++)
            s->keep[r] &= of[k][r];
    return st;
}
