/* filter_format.h - the sections of filter columns, and what the files of this folder share.
 *
 * Integers are little-endian. "flt.meta": u32 version (3), u32 rows. The
 * version of every section of a segment is the same.
 *
 * A text column ("flt.uri", "flt.title", "flt.ext", "flt.lang", "flt.mime", "flt.author",
 * "flt.tag", "flt.place"):
 *
 *   at  size  field
 *   0   4     version, as in "flt.meta"
 *   4   4     rows, as in "flt.meta"
 *   8   4     values: distinct texts, in byte order
 *   12  4     kind: 1 a bitmap a value, 2 a code a row
 *   16  8     bytes of text
 *   24  8     bytes of bitmaps, 0 for kind 2
 *   32  4v    where each value's text ends, counted from the first text byte
 *       4v    rows that carry the value
 *       4v    kind 1: where each bitmap ends, counted from the first bitmap byte
 *       4r    kind 2: the value's number, a row
 *       ..    the texts, then the bitmaps (Roaring's portable format), nothing behind them
 *
 * A column of numbers ("flt.date", "flt.size", "flt.pages", "flt.modified", "flt.created"): u32 version, u32 rows, u32 rows with a
 * number d, u32 0; then d x i64 numbers, rising; then d x u32 the row of each. Rows whose number is
 * not known are not in it.
 *
 * Kind 2 is used for columns of one value a row from FILTER_CODES_FROM values on: a bitmap a value
 * costs about 20 bytes and an allocation to open, a code 4 bytes a row.
 *
 * v3 since 0.1. v2 had no "flt.place", "flt.modified" and "flt.created"; v1 had no "flt.size" and
 * "flt.pages" either. What is missing is read as unknown, and a merge writes v3. */
#ifndef CAIRN_INDEX_FILTER_FORMAT_H
#define CAIRN_INDEX_FILTER_FORMAT_H

#include "index/filter/filter.h"

#define FILTER_FORMAT_VERSION 3u
#define FILTER_FORMAT_OLDEST  1u
#define FILTER_COLUMN_HEADER 32u
#define FILTER_CODES_FROM 1024u
#define FILTER_MAX_ROWS 0x7fffffffu

enum { FILTER_KIND_BITMAPS = 1, FILTER_KIND_CODES = 2 };

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "sections are mapped as they are");

/* Section name of a field. */
const char *filter_section_name(filter_field f);
static inline bool filter_field_is_text(filter_field f)
{
    return f < FILTER_DATE;
}

typedef struct filter_column {
    uint32_t n_values, kind;
    const uint32_t *text_end, *count;
    const uint32_t *bitmap_end; /* kind 1 */
    const uint32_t *code;       /* kind 2 */
    const char *text;
    const uint8_t *bitmaps;
    uint32_t text_len, bitmaps_len;
} filter_column;

/* A column of numbers: sorted, with the row of each. */
typedef struct filter_numbers {
    uint32_t n;
    const int64_t *value; /* [n] */
    const uint32_t *row;  /* [n] */
} filter_numbers;

struct filter_reader {
    uint32_t version, rows;
    filter_column column[FILTER_FIELDS];   /* of the text fields */
    filter_numbers numbers[FILTER_FIELDS]; /* of the others */
};

/* Several values a row? */
static inline bool filter_field_is_many(filter_field f)
{
    return f == FILTER_TAG || f == FILTER_PLACE;
}
/* The format that brought the field. */
static inline uint32_t filter_field_since(filter_field f)
{
    return f == FILTER_PLACE || f == FILTER_MODIFIED || f == FILTER_CREATED ? 3
           : f == FILTER_SIZE || f == FILTER_PAGES                         ? 2
                                                                           : 1;
}

/* Whether a row that has this number in a field without texts has one. */
static inline bool filter_number_known(filter_field f, int64_t v)
{
    return f == FILTER_SIZE ? v >= 0 : v != 0;
}

/* Text of value v; "" when broken bytes point outside. */
static inline const char *filter_value_text(const filter_column *c, uint32_t v, size_t *len)
{
    uint32_t start = v ? c->text_end[v - 1] : 0, end = c->text_end[v];

    *len = start <= end && end <= c->text_len ? end - start : 0;
    return *len ? c->text + start : "";
}

/* Call fn for every row < rows that carries value v of a column of kind 1, rising unless the bytes
 * are broken. CAIRN_ECORRUPT when the bitmap cannot be read. */
cairn_status filter_value_rows(const filter_reader *r, filter_field f, uint32_t v,
                               void (*fn)(void *ctx, uint32_t row), void *ctx, cairn_error *err);

#endif
