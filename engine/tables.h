/* tables.h - SQL over the tables of a document, read-only, in memory.
 *
 * The tables of a document (of a CSV file, a spreadsheet, a page, a Markdown file) are rebuilt from its passages,
 * as t1, t2, ... in reading order, with the words of their first line as columns. A cell that is a number is one;
 * everything else is text as it stands ("24 months"). Without a document there are no tables, but SQL still
 * calculates, with dates too: SELECT date('2025-03-01', '+90 days').
 *
 * Nothing can be written, attached or read beside the tables: one SELECT, a bounded number of steps, rows and
 * bytes. */
#ifndef CAIRN_TABLES_H
#define CAIRN_TABLES_H

#include "engine/cairn.h"

#ifdef __cplusplus
extern "C" {
#endif

#define CAIRN_SQL_MAX   (64u << 10) /* bytes of a query */
#define CAIRN_ROWS_MAX  100000      /* of a result, and of one document's tables together */

typedef struct cairn_table {
    const char *name; /* "t1" */
    const char *const *columns;
    size_t n_columns, n_rows;
    uint32_t page; /* where it begins; 0: no pages */
} cairn_table;

/* The tables of a document (by uri or number, as cairn_get); the strings live until fn returns, false stops. */
cairn_status cairn_table_list(cairn *c, const char *document, bool (*fn)(void *ctx, const cairn_table *t), void *ctx,
                              cairn_error *err);

typedef struct cairn_rows {
    const char **columns;
    size_t n_columns, n_rows;
    const char **cells; /* [n_rows * n_columns]; NULL: SQL's NULL */
    bool cut;           /* there were more rows */
    const char *uri;    /* of the document; "" without one */
    void *memory;
} cairn_rows;

/* Run one SELECT over the tables of `document` (NULL: none). most 0: 1,000 rows. CAIRN_EUSAGE: not a SELECT, or SQL
 * that is wrong, with SQLite's words; CAIRN_ELIMIT: it takes too many steps. */
cairn_status cairn_sql(cairn *c, const char *document, const char *sql, size_t most, cairn_rows **out,
                       cairn_error *err);
void cairn_rows_free(cairn_rows *r);

/* Each table of a document that has two columns, two rows and at most `most`, with its rows, read once; *more false stops. */
typedef cairn_status engine_table_fn(void *ctx, const cairn_table *t, const cairn_rows *rows, bool *more);
cairn_status engine_tables_read(cairn *c, const char *document, size_t most, engine_table_fn *fn, void *ctx, cairn_error *err);

/* One passage of a document, as it is stored: UTF-8, borrowed. */
typedef struct cairn_table_passage {
    const char *text;
    size_t len;
    uint32_t page;
} cairn_table_passage;

/* The same over the tables of passages that are at hand, without a collection. */
cairn_status cairn_sql_passages(const cairn_table_passage *passages, size_t n, const char *sql, size_t most,
                                cairn_rows **out, cairn_error *err);

#ifdef __cplusplus
}
#endif
#endif
