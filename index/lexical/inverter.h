/* inverter.h - from passages to sorted runs of postings: the in-memory half of a lexical writer.
 *
 * An inverter takes rows in rising order (with gaps: several inverters share the rows of a segment)
 * and keeps, for each term, a stream of its postings. When it has grown past its share of memory
 * its streams are written out in the order of the terms, a run, and it begins anew. A posting_run
 * reads such a run, or the streams that are still in memory, term by term.
 *
 * A stream is, posting by posting, rows rising:
 *
 *   varint  2 * (row - row before) + simple     simple: once in the body, nowhere else; the row
 *                                               before the first is -1
 *   byte    bit per field, then a varint frequency for each of them (unless simple)
 *   varints positions, field by field, as gaps
 *
 * Threads  one an inverter. A run may be read on another thread once its inverter rests. */
#ifndef CAIRN_INDEX_LEXICAL_INVERTER_H
#define CAIRN_INDEX_LEXICAL_INVERTER_H

#include "base/bytes.h"
#include "index/lexical/format.h"
#include "index/lexical/forms.h"

typedef struct inverter inverter;

/* Words of a row, field by field. */
typedef struct row_length {
    uint32_t words[LEXICAL_FIELDS];
} row_length;

/* `dir`: of the runs (spool.h), borrowed. `a`: borrowed; NULL: its own. */
cairn_status inverter_create(inverter **out, const char *dir, analyzer *a, cairn_error *err);
void inverter_destroy(inverter *v); /* NULL is fine */
/* Keep these terms alone, and no written forms (lexical_writer_options). Before the first row. */
cairn_status inverter_want(inverter *v, const char *const *terms, size_t n, cairn_error *err);
/* Add a row above all before. After a failure the inverter can only be destroyed, except when
 * inverter_broken says that nothing of the row had been taken yet. */
cairn_status inverter_add(inverter *v, const lexical_doc *doc, uint32_t row, row_length *length,
                          cairn_error *err);
/* Move the written forms of all rows so far to a table. They are kept beside the runs, outside
 * inverter_memory: about 20 bytes a distinct word. */
cairn_status inverter_forms(inverter *v, forms_table *to, cairn_error *err);
bool inverter_broken(const inverter *v);
size_t inverter_memory(const inverter *v); /* bytes in use */
bool inverter_spilled(const inverter *v); /* it has written a run */
uint64_t inverter_postings(const inverter *v);
/* Write what is in memory as a run and begin anew with the same memory, or, with `last`, give the
 * memory back. Fine when there is nothing. */
cairn_status inverter_spill(inverter *v, bool last, cairn_error *err);

/* ---- runs ---- */

typedef struct posting_run {
    const char *term; /* at hand, borrowed until the next call; NULL at the end */
    size_t len;
    uint64_t prefix; /* its first eight bytes, big-endian: runs are compared by it first */
    /* private */
    const inverter *v;
    uint32_t *order; /* of the terms in memory; NULL: a run in the file */
    size_t at;
    uint8_t *buffer;
    size_t cap, begin, filled; /* bytes [begin, filled) of the buffer are still to be read */
    uint64_t next, end;        /* of the file */
    uint64_t stream;           /* bytes of the stream at hand, not read yet */
    char text[ANALYZER_TERM_MAX];
} posting_run;

/* Runs of this inverter: those in its file and, last, what is still in memory. */
size_t inverter_runs(const inverter *v);
/* Open run i and stand on its first term. `buffer` bytes are used to read a file, at least 16 KiB. */
cairn_status posting_run_open(posting_run *r, inverter *v, size_t i, size_t buffer,
                              cairn_error *err);
void posting_run_close(posting_run *r);
/* Append the stream of the term at hand to *out and step to the next term. */
cairn_status posting_run_take(posting_run *r, bytes *out, cairn_error *err);

#endif
