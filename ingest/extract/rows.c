/* rows.c - see rows.h. */
#include "ingest/extract/rows.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROWS_MAX_CELLS 16384
#define TITLES_MAX     3   /* lines of one cell above a table */
#define TITLE_BYTES    160 /* a longer one is no heading */

void rows_begin(rows *t, emitter *e, size_t block_bytes)
{
    *t = (rows){.e = e, .block_bytes = block_bytes};
    bytes_init(&t->block, SIZE_MAX / 4);
    bytes_init(&t->header, SIZE_MAX / 4);
    bytes_init(&t->row, SIZE_MAX / 4);
    bytes_init(&t->held, SIZE_MAX / 4);
}

static void close_cell(rows *t)
{
    size_t end = t->row.len, n = t->cell_start;

    /* One line, single spaces: a row is a line. */
    for (size_t i = t->cell_start; i < end; i++) {
        char c = t->row.data[i];
        if (c == '\n' || c == '\t' || c == '\r')
            c = ' ';
        if (c != ' ' || (n > t->cell_start && t->row.data[n - 1] != ' '))
            t->row.data[n++] = c;
    }
    while (n > t->cell_start && t->row.data[n - 1] == ' ')
        n--;
    if (t->row.data)
        t->row.data[t->row.len = n] = 0;
    if (n > t->cell_start) {
        t->last_full = n;
        t->last_row_cells = t->cells;
    }
}

static void next_cell(rows *t)
{
    if (t->cells)
        close_cell(t);
    if (t->cells && t->cells < ROWS_MAX_CELLS)
        bytes_append(&t->row, " | ", 3);
    t->cells++;
    t->cell_start = t->row.len;
}

static bool is_covered(const rows *t)
{
    return t->spans && t->cells < ROWS_SPAN_COLUMNS && t->spans->rows[t->cells];
}

/* A cell of the rows above that reaches into the next column. */
static void put_covered(rows *t)
{
    size_t at = t->cells;

    t->spans->rows[at]--;
    next_cell(t);
    bytes_append_str(&t->row, t->spans->words[at]);
}

bool rows_cell_to(rows *t, size_t columns)
{
    while (t->cells < columns)
        if (is_covered(t))
            put_covered(t);
        else
            next_cell(t);
    return !is_covered(t);
}

void rows_cell_begin(rows *t)
{
    while (is_covered(t))
        put_covered(t);
    next_cell(t);
}

void rows_cell_spans(rows *t, unsigned wide, unsigned down)
{
    size_t at = t->cells - 1, end = t->row.len;

    if (!t->cells || at >= ROWS_SPAN_COLUMNS)
        return;
    wide = wide > ROWS_SPAN_COLUMNS - at ? (unsigned)(ROWS_SPAN_COLUMNS - at) : wide;
    down = down > ROWS_SPAN_ROWS ? ROWS_SPAN_ROWS : down;
    if (down > 1 && !t->spans && !(t->spans = calloc(1, sizeof *t->spans))) {
        emit_fail(t->e, CAIRN_ENOMEM, "a table");
        return;
    }
    for (size_t i = 0; i < (wide ? wide : 1); i++) {
        size_t n = i ? 0 : end - t->cell_start;
        if (down > 1) {
            t->spans->rows[at + i] = down - 1;
            snprintf(t->spans->words[at + i], ROWS_SPAN_BYTES, "%.*s", n < ROWS_SPAN_BYTES ? (int)n : 0, n ? t->row.data + t->cell_start : "");
        }
        if (i)
            next_cell(t);
        if (wide > 1)
            t->wide |= (uint64_t)1 << (at + i);
    }
}

/* Behind its last line of names, or the first table's end. */
static void add_line(rows *t, const char *line, size_t len, size_t cells, uint32_t number, bool split)
{
    if (cells > 1 && !t->header.len && t->widest == 1)
        rows_flush(t); /* lines of one cell above the table are text */
    if (cells > t->widest)
        t->widest = cells;
    if (split && t->block.len + len > t->block_bytes && t->n_rows)
        rows_flush(t);
    if (!t->block.len && t->header.len)
        bytes_append(&t->block, t->header.data, t->header.len);
    if (t->block.len)
        bytes_append(&t->block, "\n", 1);
    bytes_append(&t->block, line, len);
    if (!t->header.len && cells > 1 && len < t->block_bytes / 4)
        bytes_append(&t->header, line, len);
    t->widest = cells > t->widest ? cells : t->widest;
    if (!t->n_rows++)
        t->first_number = number;
    t->last_number = number;
    if (cells && cells - 1 > t->last_column)
        t->last_column = (unsigned)cells - 1;
}

static const char *held_line(const rows *t, size_t i, size_t *len)
{
    size_t from = i ? t->held_end[i - 1] : 0;

    *len = t->held_end[i] - from;
    return t->held.data + from;
}

/* Single cells above a table say what it is. */
static void give_title(rows *t, const char *line, size_t len, bool first)
{
    if (first && t->title_level && len <= TITLE_BYTES) {
        emit_block(t->e, INGEST_HEADING, t->title_level, line, len);
        t->titled = true;
    } else {
        emit_block(t->e, INGEST_PARAGRAPH, 0, line, len);
    }
}

/* The rows that are held: a title, names, rows; or, behind a gap, more of the same table. */
static void decide(rows *t)
{
    table_lines l = {.n = 0};
    size_t titles = 0, n = t->n_held, names;
    bool begins = true;

    t->decided = true;
    t->n_held = 0;
    if (!n)
        return;
    for (size_t i = 0; i < n; i++) {
        l.line[i] = held_line(t, i, &l.len[i]);
        l.wide[i] = t->held_wide[i];
        l.n++;
    }
    if (t->gap)
        begins = table_head_begins(&l);
    while (begins && titles < n && t->held_cells[titles] < 2)
        titles++;
    if (titles == n || titles > TITLES_MAX)
        titles = 0;
    if (begins && t->gap) {
        rows_flush(t);
        bytes_reset(&t->header);
        t->widest = 0;
    }
    t->gap = false;
    for (size_t i = 0; i < titles; i++)
        give_title(t, l.line[i], l.len[i], i == 0);
    for (size_t i = 0; i + titles < n; i++) {
        l.line[i] = l.line[i + titles];
        l.len[i] = l.len[i + titles];
        l.wide[i] = l.wide[i + titles];
    }
    l.n = n - titles;
    names = begins && t->held_cells[titles] > 1 ? table_head_count(&l) : 1;
    if (names > 1) {
        bytes head;
        size_t cells = 0;
        bytes_init(&head, SIZE_MAX / 4);
        for (size_t i = 0; i <= names && titles + i < n; i++)
            cells = t->held_cells[titles + i] > cells ? t->held_cells[titles + i] : cells;
        if (table_head_join(&l, names, &head))
            emit_fail(t->e, CAIRN_ENOMEM, "a table");
        else
            add_line(t, head.data, head.len, cells, t->held_number[titles], false);
        bytes_clear(&head);
    } else {
        names = 0;
    }
    for (size_t i = titles + names; i < n; i++)
        add_line(t, l.line[i - titles], l.len[i - titles], t->held_cells[i], t->held_number[i], false);
    bytes_reset(&t->held);
}

static void hold(rows *t)
{
    size_t i = t->n_held++;

    bytes_append(&t->held, t->row.data, t->row.len);
    t->held_end[i] = t->held.len;
    t->held_cells[i] = t->last_row_cells;
    t->held_wide[i] = t->wide;
    t->held_number[i] = t->number;
    if (t->n_held == TABLE_HEAD_LOOK)
        decide(t);
}

void rows_gap(rows *t)
{
    bool table = t->decided;

    for (size_t i = 0; i < t->n_held; i++)
        table |= t->held_cells[i] > 1;
    if (!table)
        return;
    decide(t);
    t->gap = true;
    t->decided = false;
}

bool rows_end_row(rows *t)
{
    bool says = false;

    while (is_covered(t))
        put_covered(t);
    if (t->cells)
        close_cell(t);
    if (t->last_full && t->row.data) {
        t->row.data[t->row.len = t->last_full] = 0;
        says = true;
        if (t->decided)
            add_line(t, t->row.data, t->row.len, t->last_row_cells, t->number, true);
        else
            hold(t);
    } else if (t->cells) {
        rows_gap(t);
    }
    bytes_reset(&t->row);
    t->cells = t->last_full = t->cell_start = t->last_row_cells = 0;
    t->wide = 0;
    return says;
}

void rows_flush(rows *t)
{
    if (!t->decided)
        decide(t);
    if (t->block.len && t->n_rows) {
        if (t->before)
            t->before(t->ctx);
        if (t->widest > 1)
            emit_block(t->e, INGEST_TABLE, 1, t->block.data, t->block.len);
        else
            emit_block(t->e, INGEST_PARAGRAPH, 0, t->block.data, t->block.len);
    }
    bytes_reset(&t->block);
    t->n_rows = 0;
    t->first_number = t->last_number = 0;
    t->last_column = 0;
}

void rows_end(rows *t)
{
    rows_flush(t);
    bytes_clear(&t->block);
    bytes_clear(&t->header);
    bytes_clear(&t->row);
    bytes_clear(&t->held);
    free(t->spans);
    t->spans = NULL;
}

static void column_name(unsigned column, char out[8])
{
    char back[8];
    int n = 0, i = 0;

    for (column++; column && n < 7; column = (column - 1) / 26)
        back[n++] = (char)('A' + (column - 1) % 26);
    while (n)
        out[i++] = back[--n];
    out[i] = 0;
}

void rows_range(char out[64], uint32_t first_row, uint32_t last_row, unsigned last_column)
{
    char column[8];

    column_name(last_column, column);
    snprintf(out, 64, "A%u:%s%u", first_row, column, last_row);
}
