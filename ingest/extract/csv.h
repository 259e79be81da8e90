/* csv.h - cells of CSV (RFC 4180), for files and for what a converter writes. */
#ifndef CAIRN_INGEST_EXTRACT_CSV_H
#define CAIRN_INGEST_EXTRACT_CSV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"

typedef struct csv {
    const char *s;
    size_t len, at;
    uint32_t line; /* of s[at], from 1 */
    char separator;
} csv;

/* Append the cell at c->at without its quotes, line breaks in it as spaces, and step behind it. *last: it
 * ended its row, or the text. `whole`: everything up to the row's end is one cell. */
cairn_status csv_cell(csv *c, bytes *out, bool *last, bool whole);

#endif
