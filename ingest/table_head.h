/* table_head.h - the lines of a table as text ("a | b | c"): its cells, and the names of its columns where they stand in
 * more than one line.
 *
 *   Product | Units sold | | Revenue      a cell over several columns, and what it is divided into below:
 *    | Q1 | Q2 | Q1 | Q2                  "Product | Units sold Q1 | Units sold Q2 | Revenue Q1 | Revenue Q2"
 *   Trail | Distance | Time               units below the names:
 *    | (km) | (min)                       "Trail | Distance (km) | Time (min)"
 *
 * Owns     nothing; lines are borrowed.
 * Threads  any; no state. */
#ifndef CAIRN_INGEST_TABLE_HEAD_H
#define CAIRN_INGEST_TABLE_HEAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"

#ifdef __cplusplus
extern "C" {
#endif

#define TABLE_HEAD_LINES 4 /* that names may stand in */
#define TABLE_HEAD_LOOK  6 /* lines that are looked at to tell */

typedef struct table_lines {
    const char *line[TABLE_HEAD_LOOK];
    size_t len[TABLE_HEAD_LOOK], n;
    uint64_t wide[TABLE_HEAD_LOOK]; /* bit c: column c lies under a cell that reaches over several; 0: none is known */
    size_t certain;                 /* so many first lines are known to be names */
} table_lines;

/* The next cell of a table's line, without the blanks around it: what stands before the next " | ". A line that begins with
 * "| " or ends with " |" has an empty cell there. false at its end; *at begins at the line's first byte. */
bool table_next_cell(const char **at, const char *end, const char **cell, size_t *len);

/* How many of its cells say something. */
size_t table_line_cells(const char *line, size_t len);
/* Does a cell hold a number, an amount or a date, as cells below the names do? A year by itself may be a name. */
bool table_cell_measures(const char *cell, size_t len);
/* In how many lines do the names stand? At least 1. */
size_t table_head_count(const table_lines *t);
/* The first n lines as one. */
cairn_status table_head_join(const table_lines *t, size_t n, bytes *out);
/* Are the names of a table followed by values below them? Of lines behind a gap: is it another table? */
bool table_head_begins(const table_lines *t);

#ifdef __cplusplus
}
#endif
#endif
