/* rows.h - tables on their way to blocks: cells joined by " | ", a row a line, and where a table is
 * long, several blocks that each begin with its first row.
 *
 *   rows_begin(&t, e);  { rows_cell_begin(&t); append to t.row; ... rows_end_row(&t); }
 * rows_end(&t);
 *
 * Empty cells at a row's end and empty rows are left out. A table of one column is paragraphs. */
#ifndef CAIRN_INGEST_EXTRACT_ROWS_H
#define CAIRN_INGEST_EXTRACT_ROWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "ingest/emit.h"

typedef struct rows {
    emitter *e;
    bytes block, header, row;
    size_t cells, last_full; /* of the row in hand; end of its last cell that says something */
    size_t cell_start, last_row_cells;
    size_t n_rows, widest, block_bytes;
    /* Called before a block is given, for who wants to say where it lies. May be NULL. */
    void (*before)(void *ctx);
    void *ctx;
} rows;

void rows_begin(rows *t, emitter *e, size_t block_bytes);
void rows_cell_begin(rows *t);
/* Returns false when the row said nothing. */
bool rows_end_row(rows *t);
/* Give what is in hand; the next row begins a new block (under the same header). */
void rows_flush(rows *t);
void rows_end(rows *t);

/* "A3:D40" of a sheet: rows from 1, columns from 0. */
void rows_range(char out[64], uint32_t first_row, uint32_t last_row, unsigned last_column);

#endif
