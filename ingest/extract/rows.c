/* rows.c - see rows.h. */
#include "ingest/extract/rows.h"

#include <stdio.h>
#include <string.h>

#define ROWS_MAX_CELLS 16384

void rows_begin(rows *t, emitter *e, size_t block_bytes)
{
    *t = (rows){.e = e, .block_bytes = block_bytes};
    bytes_init(&t->block, SIZE_MAX / 4);
    bytes_init(&t->header, SIZE_MAX / 4);
    bytes_init(&t->row, SIZE_MAX / 4);
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

void rows_cell_begin(rows *t)
{
    if (t->cells)
        close_cell(t);
    if (t->cells && t->cells < ROWS_MAX_CELLS)
        bytes_append(&t->row, " | ", 3);
    t->cells++;
    t->cell_start = t->row.len;
}

bool rows_end_row(rows *t)
{
    bool says = false;

    if (t->cells)
        close_cell(t);
    if (t->last_full && t->row.data) {
        t->row.data[t->row.len = t->last_full] = 0;
        says = true;
        if (t->last_row_cells > t->widest)
            t->widest = t->last_row_cells;
        if (t->block.len + t->row.len > t->block_bytes && t->n_rows)
            rows_flush(t);
        if (!t->block.len && t->header.len)
            bytes_append(&t->block, t->header.data, t->header.len);
        if (t->block.len)
            bytes_append(&t->block, "\n", 1);
        bytes_append(&t->block, t->row.data, t->row.len);
        if (!t->header.len && t->row.len < t->block_bytes / 4)
            bytes_append(&t->header, t->row.data, t->row.len);
        t->n_rows++;
    }
    bytes_reset(&t->row);
    t->cells = t->last_full = t->cell_start = t->last_row_cells = 0;
    return says;
}

void rows_flush(rows *t)
{
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
}

void rows_end(rows *t)
{
    rows_flush(t);
    bytes_clear(&t->block);
    bytes_clear(&t->header);
    bytes_clear(&t->row);
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
