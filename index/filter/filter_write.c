/* filter_write.c - gather the metadata of rows column by column, and write or merge the columns.
 *
 * A text column numbers its distinct values as they come (an open-addressing table), one number a
 * row, or (row, number) pairs for tags. When it is written the values are sorted and renumbered.
 * Chunks of one document arrive one behind the other, so the last value is tried first. */
#include "index/filter/filter_format.h"

#include <stdlib.h>
#include <string.h>

#include <roaring/roaring.h>

#include "base/bytes.h"
#include "base/checked.h"

#define TEXT_MAX 0x7fffffffu /* bytes of distinct values a column */
#define PIECE    512         /* numbers handed to the sink at once */

typedef struct column_writer {
    bytes text;
    uint32_t *end;   /* [n_values]: where each value's text ends */
    uint32_t n_values, cap_values;
    uint32_t *slot;  /* [n_slots], a power of two: value + 1, or 0 */
    uint32_t n_slots;
    uint32_t last;   /* the value found last */
    uint32_t *code;  /* value of entry i */
    uint32_t *row;   /* its row; NULL: entry i is row i */
    size_t n, cap;   /* entries */
    bool many;       /* several entries a row */
} column_writer;

typedef struct numbered_row {
    int64_t value;
    uint32_t row;
} numbered_row;

typedef struct number_writer {
    numbered_row *at;
    size_t n, cap;
} number_writer;

struct filter_writer {
    column_writer column[FILTER_FIELDS];  /* of the text fields */
    number_writer numbers[FILTER_FIELDS]; /* of the others */
    uint32_t rows;
    bool spent;
    pace *pace; /* of a merge */
};

/* ---- values ---- */

static uint64_t hash_text(const char *s, size_t len)
{
    uint64_t h = 0xcbf29ce484222325u; /* FNV-1a, with a last mix for the low bits */

    for (size_t i = 0; i < len; i++)
        h = (h ^ (uint8_t)s[i]) * 0x100000001b3u;
    return h ^ (h >> 29);
}

static const char *value_text(const column_writer *c, uint32_t v, size_t *len)
{
    uint32_t start = v ? c->end[v - 1] : 0;

    *len = c->end[v] - start;
    return *len ? c->text.data + start : "";
}

static bool same_value(const column_writer *c, uint32_t v, const char *s, size_t len)
{
    size_t n;
    const char *t = value_text(c, v, &n);

    return n == len && memcmp(t, s, len) == 0;
}

static cairn_status grow_values(column_writer *c, cairn_error *err)
{
    uint32_t cap = c->cap_values ? c->cap_values * 2 : 16, n_slots = cap * 2;
    uint32_t *end = checked_realloc(c->end, cap, sizeof *end), *slot;

    if (!end)
        return cairn_fail(err, CAIRN_ENOMEM, "filter values");
    c->end = end;
    slot = calloc(n_slots, sizeof *slot);
    if (!slot)
        return cairn_fail(err, CAIRN_ENOMEM, "filter values");
    for (uint32_t v = 0; v < c->n_values; v++) {
        size_t len;
        const char *s = value_text(c, v, &len);
        uint64_t h = hash_text(s, len);
        while (slot[h & (n_slots - 1)])
            h++;
        slot[h & (n_slots - 1)] = v + 1;
    }
    free(c->slot);
    c->slot = slot;
    c->n_slots = n_slots;
    c->cap_values = cap;
    return CAIRN_OK;
}

/* The number of this value, a new one when it was not seen before. */
static cairn_status intern(column_writer *c, const char *s, size_t len, uint32_t *value,
                           cairn_error *err)
{
    if (c->n_values && same_value(c, c->last, s, len)) {
        *value = c->last;
        return CAIRN_OK;
    }
    if (c->n_values == c->cap_values) {
        cairn_status st = grow_values(c, err);
        if (st)
            return st;
    }
    uint64_t h = hash_text(s, len);
    for (;; h++) {
        uint32_t v = c->slot[h & (c->n_slots - 1)];
        if (v == 0)
            break;
        if (same_value(c, v - 1, s, len)) {
            *value = c->last = v - 1;
            return CAIRN_OK;
        }
    }
    cairn_status st = bytes_append(&c->text, s, len);
    if (st)
        return cairn_fail(err, st, "filter values of %zu bytes", c->text.len + len);
    c->end[c->n_values] = (uint32_t)c->text.len;
    c->slot[h & (c->n_slots - 1)] = c->n_values + 1;
    *value = c->last = c->n_values++;
    return CAIRN_OK;
}

static cairn_status add_entry(column_writer *c, uint32_t row, uint32_t value, cairn_error *err)
{
    if (c->n == c->cap) {
        size_t cap = c->cap ? c->cap * 2 : 256;
        uint32_t *code = checked_realloc(c->code, cap, sizeof *code);
        if (!code)
            return cairn_fail(err, CAIRN_ENOMEM, "filter column");
        c->code = code;
        if (c->many) {
            uint32_t *rows = checked_realloc(c->row, cap, sizeof *rows);
            if (!rows)
                return cairn_fail(err, CAIRN_ENOMEM, "filter column");
            c->row = rows;
        }
        c->cap = cap;
    }
    if (c->many)
        c->row[c->n] = row;
    c->code[c->n++] = value;
    return CAIRN_OK;
}

static cairn_status add_text(column_writer *c, uint32_t row, const char *s, size_t len,
                             cairn_error *err)
{
    uint32_t value = 0;
    cairn_status st = intern(c, s, len, &value, err);

    return st ? st : add_entry(c, row, value, err);
}

static cairn_status add_number(filter_writer *w, filter_field f, uint32_t row, int64_t value,
                               cairn_error *err)
{
    number_writer *c = &w->numbers[f];

    if (!filter_number_known(f, value))
        return CAIRN_OK;
    numbered_row *at = checked_room(c->at, c->n, &c->cap, sizeof *at);
    if (!at)
        return cairn_fail(err, CAIRN_ENOMEM, "filter numbers");
    c->at = at;
    c->at[c->n++] = (numbered_row){value, row};
    return CAIRN_OK;
}

/* ---- the writer ---- */

cairn_status filter_writer_create(filter_writer **out, cairn_error *err)
{
    filter_writer *w = calloc(1, sizeof *w);

    *out = w;
    if (!w)
        return cairn_fail(err, CAIRN_ENOMEM, "filter writer");
    for (filter_field f = 0; f < FILTER_FIELDS; f++)
        bytes_init(&w->column[f].text, TEXT_MAX);
    w->column[FILTER_TAG].many = w->column[FILTER_PLACE].many = true;
    return CAIRN_OK;
}

void filter_writer_destroy(filter_writer *w)
{
    if (!w)
        return;
    for (filter_field f = 0; f < FILTER_FIELDS; f++) {
        column_writer *c = &w->column[f];
        bytes_clear(&c->text);
        free(c->end);
        free(c->slot);
        free(c->code);
        free(c->row);
        free(w->numbers[f].at);
    }
    free(w);
}

uint32_t filter_writer_rows(const filter_writer *w)
{
    return w->rows;
}

size_t filter_writer_memory(const filter_writer *w)
{
    size_t n = sizeof *w;

    for (filter_field f = 0; f < FILTER_FIELDS; f++) {
        const column_writer *c = &w->column[f];
        n += c->text.cap + (c->cap_values + c->n_slots) * sizeof(uint32_t) +
             c->cap * sizeof(uint32_t) * (c->many ? 2 : 1) +
             w->numbers[f].cap * sizeof(numbered_row);
    }
    return n;
}

/* Take back the entries of a row that was added in part. */
static void drop_row(filter_writer *w, uint32_t row)
{
    for (filter_field f = 0; f < FILTER_FIELDS; f++) {
        column_writer *c = &w->column[f];
        number_writer *d = &w->numbers[f];
        if (!c->many)
            c->n = c->n > row ? row : c->n;
        while (c->many && c->n && c->row[c->n - 1] == row)
            c->n--;
        while (d->n && d->at[d->n - 1].row == row)
            d->n--;
    }
}

cairn_status filter_writer_add(filter_writer *w, const filter_row *row, cairn_error *err)
{
    const char *text[FILTER_FIELDS] = {
        [FILTER_URI] = row->uri,   [FILTER_TITLE] = row->title, [FILTER_EXT] = row->ext,
        [FILTER_LANG] = row->lang, [FILTER_MIME] = row->mime,   [FILTER_AUTHOR] = row->author,
    };
    cairn_status st = CAIRN_OK;

    if (w->spent || w->rows >= FILTER_MAX_ROWS)
        return cairn_fail(err, CAIRN_EUSAGE, "the filter columns take no more rows");
    for (filter_field f = 0; f < FILTER_FIELDS && !st; f++)
        if (filter_field_is_text(f) && !filter_field_is_many(f))
            st = add_text(&w->column[f], w->rows, text[f] ? text[f] : "",
                          text[f] ? strlen(text[f]) : 0, err);
    for (size_t i = 0; i < row->n_tags && !st; i++)
        st = add_text(&w->column[FILTER_TAG], w->rows, row->tags[i], strlen(row->tags[i]), err);
    for (size_t i = 0; i < row->n_places && !st; i++)
        st = add_text(&w->column[FILTER_PLACE], w->rows, row->places[i], strlen(row->places[i]),
                      err);
    if (!st)
        st = add_number(w, FILTER_DATE, w->rows, row->date_ns, err);
    if (!st)
        st = add_number(w, FILTER_SIZE, w->rows, row->size, err);
    if (!st)
        st = add_number(w, FILTER_PAGES, w->rows, row->pages, err);
    if (!st)
        st = add_number(w, FILTER_MODIFIED, w->rows, row->modified_ns, err);
    if (!st)
        st = add_number(w, FILTER_CREATED, w->rows, row->created_ns, err);
    if (st)
        drop_row(w, w->rows);
    else
        w->rows++;
    return st;
}

/* ---- writing a column ---- */

typedef struct sorted_value {
    const char *text;
    size_t len;
    uint32_t value;
} sorted_value;

static int by_text(const void *pa, const void *pb, void *ctx)
{
    const sorted_value *a = pa, *b = pb;
    size_t n = a->len < b->len ? a->len : b->len;
    int c = n ? memcmp(a->text, b->text, n) : 0;

    return c ? c : (a->len > b->len) - (a->len < b->len);
}

/* Everything a column needs while it is written. */
typedef struct column_out {
    uint32_t n_values;       /* that some row carries; a merge leaves others behind */
    sorted_value *sorted;    /* [n_values] */
    uint32_t *rank;          /* [n_values]: a value's place in the sorted order */
    uint32_t *first;         /* [n_values + 1]: where a sorted value's rows begin in `rows` */
    uint32_t *rows;          /* [n entries], grouped by sorted value */
    uint32_t *ends, *counts; /* [n_values] */
    uint32_t *bitmap_ends;   /* [n_values] */
    bytes text, bitmaps;
} column_out;

static void column_out_clear(column_out *o)
{
    free(o->sorted);
    free(o->rank);
    free(o->first);
    free(o->rows);
    free(o->ends);
    free(o->counts);
    free(o->bitmap_ends);
    bytes_clear(&o->text);
    bytes_clear(&o->bitmaps);
}

static bool column_out_alloc(column_out *o, const column_writer *c)
{
    size_t v = c->n_values;

    bytes_init(&o->text, TEXT_MAX);
    bytes_init(&o->bitmaps, 0xffffffffu);
    o->sorted = checked_malloc(v, sizeof *o->sorted);
    o->rank = calloc(v + 1, sizeof *o->rank);
    o->first = calloc(v + 1, sizeof *o->first);
    o->rows = checked_malloc(c->n, sizeof *o->rows);
    o->ends = checked_malloc(v, sizeof *o->ends);
    o->counts = calloc(v + 1, sizeof *o->counts);
    o->bitmap_ends = checked_malloc(v, sizeof *o->bitmap_ends);
    return o->sorted && o->rank && o->first && o->rows && o->ends && o->counts && o->bitmap_ends;
}

/* Sort the values and group the rows by them (a counting sort, so rows stay in order). */
static cairn_status sort_column(column_out *o, const column_writer *c, pace *p, cairn_error *err)
{
    uint32_t v = 0;
    cairn_status st;

    for (size_t i = 0; i < c->n; i++)
        o->rank[c->code[i]] = 1;
    for (uint32_t i = 0; i < c->n_values; i++)
        if (o->rank[i]) {
            o->sorted[v].text = value_text(c, i, &o->sorted[v].len);
            o->sorted[v++].value = i;
        }
    o->n_values = v;
    st = pace_sort(o->sorted, v, sizeof *o->sorted, by_text, NULL, p, err);
    for (uint32_t i = 0; i < v && !st; i++) {
        o->rank[o->sorted[i].value] = i;
        st = bytes_append(&o->text, o->sorted[i].text, o->sorted[i].len);
        if (st)
            return cairn_fail(err, st, "values of %zu bytes", o->text.len + o->sorted[i].len);
        o->ends[i] = (uint32_t)o->text.len;
        st = pace_work(p, 1, err);
    }
    if (st)
        return st;
    for (size_t i = 0; i < c->n; i++)
        o->first[o->rank[c->code[i]] + 1]++;
    for (uint32_t i = 0; i < v; i++)
        o->first[i + 1] += o->first[i];
    for (size_t i = 0; i < c->n; i++) {
        uint32_t r = o->rank[c->code[i]];
        o->rows[o->first[r] + o->counts[r]++] = c->many ? c->row[i] : (uint32_t)i;
    }
    return pace_work(p, c->n / 8, err); /* three plain loops */
}

static cairn_status make_bitmaps(column_out *o, pace *p, cairn_error *err)
{
    for (uint32_t i = 0; i < o->n_values; i++) {
        uint32_t rows = o->counts[i];
        roaring_bitmap_t *set = roaring_bitmap_of_ptr(rows, o->rows + o->first[i]);
        if (!set)
            return cairn_fail(err, CAIRN_ENOMEM, "no memory for the bitmaps of a filter column");
        roaring_bitmap_run_optimize(set);
        o->counts[i] = (uint32_t)roaring_bitmap_get_cardinality(set); /* a tag may come twice */
        size_t n = roaring_bitmap_portable_size_in_bytes(set);
        cairn_status st = bytes_reserve(&o->bitmaps, n);
        if (!st) {
            roaring_bitmap_portable_serialize(set, o->bitmaps.data + o->bitmaps.len);
            o->bitmaps.len += n;
            o->bitmaps.data[o->bitmaps.len] = 0;
        }
        roaring_bitmap_free(set);
        if (st)
            return cairn_fail(err, st, "bitmaps of %zu bytes", o->bitmaps.len + n);
        o->bitmap_ends[i] = (uint32_t)o->bitmaps.len;
        st = pace_work(p, 8 + rows / 8, err);
        if (st)
            return st;
    }
    return CAIRN_OK;
}

static cairn_status put(const section_sink *sink, const void *data, size_t n, cairn_error *err)
{
    return n ? sink->write(sink->ctx, data, n, err) : CAIRN_OK;
}

static cairn_status write_column(const filter_writer *w, filter_field f, const section_sink *sink,
                                 cairn_error *err)
{
    const column_writer *c = &w->column[f];
    uint32_t rows = w->rows;
    column_out o = {0};
    cairn_status st = column_out_alloc(&o, c)
                          ? sort_column(&o, c, w->pace, err)
                          : cairn_fail(err, CAIRN_ENOMEM, "no memory for %u rows", rows);
    uint32_t v = o.n_values;
    bool bitmaps = c->many || v < FILTER_CODES_FROM;

    if (!st && bitmaps)
        st = make_bitmaps(&o, w->pace, err);
    if (st) {
        cairn_error_prefix(err, "section %s", filter_section_name(f));
        goto done;
    }
    if (!bitmaps)
        for (size_t i = 0; i < c->n; i++) /* the groups are no longer needed: reuse their room */
            o.rows[i] = o.rank[c->code[i]];
    uint32_t head[8] = {FILTER_FORMAT_VERSION, rows, v,
                        bitmaps ? FILTER_KIND_BITMAPS : FILTER_KIND_CODES};
    uint64_t lens[2] = {o.text.len, o.bitmaps.len};
    memcpy(head + 4, lens, sizeof lens);
    st = sink->begin(sink->ctx, filter_section_name(f), err);
    if (!st)
        st = put(sink, head, sizeof head, err);
    if (!st)
        st = put(sink, o.ends, (size_t)v * 4, err);
    if (!st)
        st = put(sink, o.counts, (size_t)v * 4, err);
    if (!st)
        st = bitmaps ? put(sink, o.bitmap_ends, (size_t)v * 4, err)
                     : put(sink, o.rows, (size_t)rows * 4, err);
    if (!st)
        st = put(sink, o.text.data, o.text.len, err);
    if (!st)
        st = put(sink, o.bitmaps.data, o.bitmaps.len, err);
    if (!st)
        st = sink->end(sink->ctx, err);
done:
    column_out_clear(&o);
    return st;
}

static int by_number(const void *pa, const void *pb, void *ctx)
{
    const numbered_row *a = pa, *b = pb;

    if (a->value != b->value)
        return a->value < b->value ? -1 : 1;
    return (a->row > b->row) - (a->row < b->row);
}

static cairn_status write_numbers(filter_writer *w, filter_field f, const section_sink *sink,
                                  cairn_error *err)
{
    number_writer *c = &w->numbers[f];
    uint32_t head[4] = {FILTER_FORMAT_VERSION, w->rows, (uint32_t)c->n, 0};
    int64_t values[PIECE];
    uint32_t rows[PIECE];
    cairn_status st = sink->begin(sink->ctx, filter_section_name(f), err);

    if (!st)
        st = pace_sort(c->at, c->n, sizeof *c->at, by_number, NULL, w->pace, err);
    if (!st)
        st = put(sink, head, sizeof head, err);
    for (size_t i = 0, n; i < c->n && !st; i += n) {
        for (n = 0; n < PIECE && i + n < c->n; n++)
            values[n] = c->at[i + n].value;
        st = put(sink, values, n * sizeof *values, err);
    }
    for (size_t i = 0, n; i < c->n && !st; i += n) {
        for (n = 0; n < PIECE && i + n < c->n; n++)
            rows[n] = c->at[i + n].row;
        st = put(sink, rows, n * sizeof *rows, err);
    }
    return st ? st : sink->end(sink->ctx, err);
}

cairn_status filter_writer_finish(filter_writer *w, const section_sink *sink, cairn_error *err)
{
    uint32_t meta[2] = {FILTER_FORMAT_VERSION, w->rows};
    cairn_status st;

    if (w->spent)
        return cairn_fail(err, CAIRN_EUSAGE, "a filter writer was finished twice");
    w->spent = true;
    st = sink->begin(sink->ctx, "flt.meta", err);
    if (!st)
        st = put(sink, meta, sizeof meta, err);
    if (!st)
        st = sink->end(sink->ctx, err);
    for (filter_field f = 0; f < FILTER_FIELDS && !st; f++)
        st = filter_field_is_text(f) ? write_column(w, f, sink, err)
                                     : write_numbers(w, f, sink, err);
    return st;
}

/* ---- merging ---- */

/* One input's column while it is carried over. */
typedef struct carry {
    column_writer *to;
    const uint32_t *new_row; /* [rows]: UINT32_MAX for a deleted one */
    uint32_t *row_value;     /* [rows], for columns of one value a row */
    uint32_t value;
    pace *pace;
    cairn_status st;
    cairn_error *err;
} carry;

static void carry_row(void *ctx, uint32_t row)
{
    carry *c = ctx;

    if (!c->to->many)
        c->row_value[row] = c->value;
    else if (!c->st && c->new_row[row] != UINT32_MAX)
        c->st = add_entry(c->to, c->new_row[row], c->value, c->err);
    if (!c->st)
        c->st = pace_work(c->pace, 1, c->err);
}

static cairn_status merge_column(filter_writer *w, filter_field f, const filter_reader *r,
                                 const uint32_t *new_row, uint32_t *row_value, cairn_error *err)
{
    const filter_column *in = &r->column[f];
    carry c = {&w->column[f], new_row, row_value, 0, w->pace, CAIRN_OK, err};
    uint32_t empty = 0, *renumbered = checked_malloc((size_t)in->n_values + 1, sizeof *renumbered);
    cairn_status st = CAIRN_OK;

    if (!renumbered)
        return cairn_fail(err, CAIRN_ENOMEM, "merging filter columns");
    if (!c.to->many) { /* a row that broken bytes leave without a value gets "" */
        st = intern(c.to, "", 0, &empty, err);
        for (uint32_t i = 0; i < r->rows; i++)
            row_value[i] = empty;
    }
    for (uint32_t v = 0; v < in->n_values && !st; v++) {
        size_t len;
        const char *text = filter_value_text(in, v, &len);
        st = intern(c.to, text, len, &c.value, err);
        renumbered[v] = c.value;
        if (!st && in->kind == FILTER_KIND_BITMAPS)
            st = filter_value_rows(r, f, v, carry_row, &c, err);
        if (!st)
            st = c.st;
        if (!st)
            st = pace_work(w->pace, 2, err);
    }
    if (!st && in->kind == FILTER_KIND_CODES)
        for (uint32_t i = 0; i < r->rows; i++)
            if (in->code[i] < in->n_values)
                row_value[i] = renumbered[in->code[i]];
    for (uint32_t i = 0; !c.to->many && i < r->rows && !st; i++)
        if (new_row[i] != UINT32_MAX && !(st = add_entry(c.to, new_row[i], row_value[i], err)))
            st = pace_work(w->pace, 1, err);
    free(renumbered);
    return st;
}

void filter_merge_fill_clear(filter_merge_fill *fill)
{
    free(fill->size);
    free(fill->pages);
    free(fill->modified);
    free(fill->created);
    *fill = (filter_merge_fill){0};
}

static cairn_status merge_numbers(filter_writer *w, filter_field f, const filter_reader *r,
                                  const uint32_t *new_row, cairn_error *err)
{
    const filter_numbers *in = &r->numbers[f];
    cairn_status st = CAIRN_OK;

    for (uint32_t i = 0; i < in->n && !st; i++)
        if (in->row[i] < r->rows && new_row[in->row[i]] != UINT32_MAX &&
            !(st = add_number(w, f, new_row[in->row[i]], in->value[i], err)))
            st = pace_work(w->pace, 1, err);
    return st;
}

/* Numbers that the columns of the input lack. */
static cairn_status fill_numbers(filter_writer *w, const filter_merge_input *in,
                                 const uint32_t *new_row, cairn_error *err)
{
    bool sizes = !filter_reader_has_numbers(in->reader);
    cairn_status st = CAIRN_OK;

    for (uint32_t i = 0; i < in->reader->rows && !st; i++) {
        if (new_row[i] == UINT32_MAX)
            continue;
        if (sizes && in->fill.size)
            st = add_number(w, FILTER_SIZE, new_row[i], in->fill.size[i], err);
        if (!st && sizes && in->fill.pages)
            st = add_number(w, FILTER_PAGES, new_row[i], in->fill.pages[i], err);
        if (!st && in->fill.modified)
            st = add_number(w, FILTER_MODIFIED, new_row[i], in->fill.modified[i], err);
        if (!st && in->fill.created)
            st = add_number(w, FILTER_CREATED, new_row[i], in->fill.created[i], err);
        if (!st)
            st = pace_work(w->pace, 1, err);
    }
    return st;
}

static cairn_status merge_input(filter_writer *w, const filter_merge_input *in, cairn_error *err)
{
    const filter_reader *r = in->reader;
    uint32_t *new_row = checked_malloc(r->rows, sizeof *new_row);
    uint32_t *row_value = checked_malloc(r->rows, sizeof *row_value);
    cairn_status st = CAIRN_OK;

    if (!new_row || !row_value) {
        st = cairn_fail(err, CAIRN_ENOMEM, "merging filter columns of %u rows", r->rows);
        goto done;
    }
    uint32_t at = w->rows;
    for (uint32_t i = 0; i < r->rows; i++)
        new_row[i] = in->deleted && row_set_has(in->deleted, i) ? UINT32_MAX : at++;
    for (filter_field f = 0; f < FILTER_FIELDS && !st; f++)
        st = filter_field_is_text(f) ? merge_column(w, f, r, new_row, row_value, err)
                                     : merge_numbers(w, f, r, new_row, err);
    if (!st && !filter_reader_has_times(r))
        st = fill_numbers(w, in, new_row, err);
    w->rows = at;
done:
    free(new_row);
    free(row_value);
    return st;
}

/* Put the rows of a whole writer in another order. */
static cairn_status reorder(filter_writer *w, const uint32_t *order, cairn_error *err)
{
    uint32_t *place = checked_malloc(w->rows, sizeof *place);
    uint32_t *code = checked_malloc(w->rows, sizeof *code);
    cairn_status st = CAIRN_OK;

    if (!place || !code) {
        free(place);
        free(code);
        return cairn_fail(err, CAIRN_ENOMEM, "reordering filter columns of %u rows", w->rows);
    }
    for (uint32_t i = 0; i < w->rows; i++)
        place[order[i]] = i;
    for (filter_field f = 0; f < FILTER_FIELDS && !st; f++) {
        column_writer *c = &w->column[f];
        number_writer *d = &w->numbers[f];
        st = pace_work(w->pace, w->rows / 8, err);
        for (size_t i = 0; i < d->n; i++)
            d->at[i].row = place[d->at[i].row];
        if (!filter_field_is_text(f))
            continue;
        for (size_t i = 0; c->many && i < c->n; i++)
            c->row[i] = place[c->row[i]];
        for (uint32_t i = 0; !c->many && i < w->rows; i++)
            code[i] = c->code[order[i]];
        if (!c->many && w->rows)
            memcpy(c->code, code, w->rows * sizeof *code);
    }
    free(place);
    free(code);
    return st;
}

cairn_status filter_merge(const filter_merge_input *in, size_t n, const section_sink *sink,
                          cairn_error *err)
{
    return filter_merge_with(in, n, &(filter_merge_options){NULL, NULL}, sink, err);
}

cairn_status filter_merge_with(const filter_merge_input *in, size_t n,
                               const filter_merge_options *options, const section_sink *sink,
                               cairn_error *err)
{
    filter_writer *w;
    uint64_t rows = 0;
    cairn_status st = filter_writer_create(&w, err);

    if (st)
        return st;
    w->pace = options->pace;
    for (size_t i = 0; i < n; i++)
        rows += in[i].reader->rows;
    if (rows > FILTER_MAX_ROWS)
        st = cairn_fail(err, CAIRN_ELIMIT, "a segment holds at most %u rows", FILTER_MAX_ROWS);
    for (size_t i = 0; i < n && !st; i++)
        st = merge_input(w, &in[i], err);
    if (!st && options->order)
        st = reorder(w, options->order, err);
    if (!st)
        st = filter_writer_finish(w, sink, err);
    filter_writer_destroy(w);
    return st;
}
