/* rows.h - tables on their way to blocks: cells joined by " | ", a row a line, and where a table is
 * long, several blocks that each begin with its names of columns.
 *
 *   rows_begin(&t, e);  { rows_cell_begin(&t); append to t.row; ... rows_end_row(&t); }
 * rows_end(&t);
 *
 * Empty cells at a row's end and empty rows are left out. A table of one column is paragraphs. A cell that reaches down
 * is said again in each row, one that reaches across leaves its other columns empty. The first rows are held until it is
 * known how many of them are names (ingest/table_head.h): these become one line; single cells above them, a title, are a
 * paragraph or a heading. Behind an empty row another table may begin. */
#ifndef CAIRN_INGEST_EXTRACT_ROWS_H
#define CAIRN_INGEST_EXTRACT_ROWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "ingest/emit.h"
#include "ingest/table_head.h"

#define ROWS_SPAN_COLUMNS 64  /* cells further right cover nothing but themselves */
#define ROWS_SPAN_BYTES   200 /* of longer cells nothing is said again */
#define ROWS_SPAN_ROWS    1000

/* The cells of the rows above that reach into the row in hand. */
typedef struct rows_spans {
    unsigned rows[ROWS_SPAN_COLUMNS]; /* that the cell of this column still covers */
    char words[ROWS_SPAN_COLUMNS][ROWS_SPAN_BYTES];
} rows_spans;

typedef struct rows {
    emitter *e;
    bytes block, header, row;
    size_t cells, last_full; /* of the row in hand; end of its last cell that says something */
    size_t cell_start, last_row_cells;
    size_t n_rows, widest, block_bytes;
    rows_spans *spans; /* NULL until a cell reaches down */
    uint64_t wide;     /* columns of the row in hand that lie under a cell over several */
    /* Rows that are held. */
    bytes held;
    size_t held_end[TABLE_HEAD_LOOK], held_cells[TABLE_HEAD_LOOK], n_held;
    uint64_t held_wide[TABLE_HEAD_LOOK];
    uint32_t held_number[TABLE_HEAD_LOOK];
    bool decided, gap;
    unsigned title_level; /* of a heading that the title becomes; 0: a paragraph */
    bool titled;          /* it did */
    /* The caller's number of the row in hand, and those of the block: its first and last row, its last column from 0. */
    uint32_t number, first_number, last_number;
    unsigned last_column;
    /* Called before a block is given, for who wants to say where it lies. May be NULL. */
    void (*before)(void *ctx);
    void *ctx;
} rows;

void rows_begin(rows *t, emitter *e, size_t block_bytes);
void rows_cell_begin(rows *t);
/* Empty cells, or those that reach down from above, until so many columns stand; false: the next one is covered from above. */
bool rows_cell_to(rows *t, size_t columns);
/* The cell in hand reaches over so many columns and rows, itself included. Its columns further right follow at once; who has
 * cells for what is covered leaves them out. */
void rows_cell_spans(rows *t, unsigned wide, unsigned down);
/* Returns false when the row said nothing. */
bool rows_end_row(rows *t);
/* An empty row: what comes next may be another table, unless there was no more than a title. */
void rows_gap(rows *t);
/* Give what is in hand; the next row begins a new block (under the same header). */
void rows_flush(rows *t);
void rows_end(rows *t);

/* "A3:D40" of a sheet: rows from 1, columns from 0. */
void rows_range(char out[64], uint32_t first_row, uint32_t last_row, unsigned last_column);

#endif
