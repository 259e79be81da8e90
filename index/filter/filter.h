/* filter.h - which rows of a segment carry which metadata.
 *
 * Every segment, lexical or vector, has its own filter columns, one entry a row, so one filter
 * expression serves both sides and the listing. Text columns (uri, title, ext, lang, mime, author,
 * tag) are dictionaries whose values point at Roaring bitmaps of rows, or at a code a row where
 * there are many values; date, size and pages are sorted columns of numbers.
 *
 * Comparisons of text fold case (Unicode simple folding), except FILTER_PREFIX and FILTER_DIR on a
 * uri, which follow the file system.
 *
 * Owns     a writer copies what it is given; a reader borrows its source's bytes.
 * Threads  one writer a thread; readers are immutable and shared.
 * Errors   CAIRN_ECORRUPT for broken sections, CAIRN_EUSAGE for a predicate without meaning. */
#ifndef CAIRN_INDEX_FILTER_H
#define CAIRN_INDEX_FILTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/pace.h"
#include "base/sections.h"
#include "base/status.h"

typedef enum filter_field {
    FILTER_URI,
    FILTER_TITLE,
    FILTER_EXT,  /* without the dot */
    FILTER_LANG, /* "de" */
    FILTER_MIME,
    FILTER_AUTHOR, /* also the sender of a mail */
    FILTER_TAG,    /* several a row */
    FILTER_PLACE,  /* several a row: further uris with the same bytes; asked for through FILTER_URI */
    FILTER_DATE,   /* nanoseconds since 1970-01-01 UTC */
    FILTER_SIZE,   /* bytes of the file */
    FILTER_PAGES,  /* of the document */
    FILTER_MODIFIED, /* when the file was written to, as FILTER_DATE */
    FILTER_CREATED,  /* what the document says of its own beginning, likewise */
    FILTER_FIELDS
} filter_field;

/* The metadata of one row. NULL text counts as ""; a date of 0, a negative size and 0 pages mean
 * unknown, which is in no range. What is asked of the uri is asked of every place, too. */
typedef struct filter_row {
    const char *uri, *title, *ext, *lang, *mime, *author;
    int64_t date_ns;
    int64_t size;
    uint32_t pages;
    const char *const *tags;
    size_t n_tags;
    const char *const *places;
    size_t n_places;
    int64_t modified_ns, created_ns;
} filter_row;

/* ---- writing and reading ---- */

typedef struct filter_writer filter_writer;
typedef struct filter_reader filter_reader;

cairn_status filter_writer_create(filter_writer **out, cairn_error *err);
cairn_status filter_writer_add(filter_writer *w, const filter_row *row, cairn_error *err);
uint32_t filter_writer_rows(const filter_writer *w);
size_t filter_writer_memory(const filter_writer *w);
/* Writes sections "flt.meta" and one "flt.<field>" a column. The writer is spent afterwards. */
cairn_status filter_writer_finish(filter_writer *w, const section_sink *sink, cairn_error *err);
void filter_writer_destroy(filter_writer *w);

cairn_status filter_reader_open(filter_reader **out, const section_source *source,
                                cairn_error *err);
void filter_reader_close(filter_reader *r);
uint32_t filter_reader_rows(const filter_reader *r);

/* Whether the columns have size and pages. Format 1 had not: there they are unknown for all rows.
 */
bool filter_reader_has_numbers(const filter_reader *r);
/* The same of both times, which formats 1 and 2 had not. */
bool filter_reader_has_times(const filter_reader *r);

/* Whether the columns of this segment are of an older format that a merge brings up to date. Looks
 * at "flt.meta" alone; what is broken is not outdated. */
bool filter_is_outdated(const section_source *source);

/* What a merge puts into the place of numbers that the input lacks: [rows of the reader]
 * each, unknown as in filter_row; NULL: unknown for all. Ignored where the input has them. */
typedef struct filter_merge_fill {
    int64_t *size; /* allocated by whoever fills it; a merge only reads */
    uint32_t *pages;
    int64_t *modified, *created;
} filter_merge_fill;

void filter_merge_fill_clear(filter_merge_fill *fill);

typedef struct filter_merge_input {
    const filter_reader *reader;
    const uint64_t *deleted; /* NULL: none */
    filter_merge_fill fill;
} filter_merge_input;

/* All may be zero. */
typedef struct filter_merge_options {
    const uint32_t *order; /* [live rows], a permutation: the row that comes i-th is order[i] of the
                              plain order. NULL: that one */
    pace *pace; /* steps while values and rows are gathered, sorted and written, without bytes: those pass
                   the sink */
} filter_merge_options;

/* Output rows: the live rows of in[0], then those of in[1], and so on, each in order. */
cairn_status filter_merge(const filter_merge_input *in, size_t n, const section_sink *sink,
                          cairn_error *err);
cairn_status filter_merge_with(const filter_merge_input *in, size_t n,
                               const filter_merge_options *options, const section_sink *sink,
                               cairn_error *err);

/* ---- expressions ---- */

typedef enum filter_op {
    FILTER_EQ,       /* the whole value */
    FILTER_PREFIX,   /* the value begins so */
    FILTER_CONTAINS, /* the value contains it anywhere */
    FILTER_WORD,     /* the value contains it between word boundaries */
    FILTER_GLOB,     /* * any run, ? one character, on the whole value */
    FILTER_DIR,      /* on FILTER_URI: "/a/b" is a folder above the file; "b" or "b/c" are whole
                        consecutive folder names anywhere above it */
    FILTER_RANGE     /* on a field of numbers: lo <= number < hi */
} filter_op;

typedef struct filter_value {
    const char *text; /* NUL-terminated; unused by FILTER_RANGE */
    int64_t lo, hi;
} filter_value;

/* True for a row when any of the values matches (and, negated, when none does). */
typedef struct filter_predicate {
    filter_field field;
    filter_op op;
    bool negated;
    const filter_value *values;
    size_t n_values;
} filter_predicate;

/* All predicates must hold. n = 0 allows every row. */
typedef struct filter_expr {
    const filter_predicate *predicates;
    size_t n;
} filter_expr;

/* Write to bits[row_set_words(rows)] the set of rows for which `expr` holds, bits past the last
 * row 0; *n_rows (may be NULL) gets their number. Looks at each distinct value of a column once. */
cairn_status filter_eval(const filter_reader *r, const filter_expr *expr, uint64_t *bits,
                         uint32_t *n_rows, cairn_error *err);
/* The same question of one row's metadata, without a segment: for listings, and the plain twin
 * that the tests compare filter_eval with. */
bool filter_matches(const filter_row *row, const filter_expr *expr);
/* Append s[0, len) as comparisons of text see it: its letter case folded. */
struct bytes;
cairn_status filter_fold(struct bytes *out, const char *s, size_t len);
/* Does a comparison by this predicate fold case? */
bool filter_folds(const filter_predicate *p);
/* An upper bound on the matching rows that opens no bitmap. */
cairn_status filter_estimate(const filter_reader *r, const filter_expr *expr, uint32_t *rows,
                             cairn_error *err);

#endif
