/* filter_read.c - open filter columns.
 *
 * Opening reads the headers and compares lengths. What an entry points at is checked when it is
 * used: a text range against the texts, a bitmap by Roaring's own checked reader, a row
 * against the number of rows. */
#include "index/filter/filter_format.h"

#include <stdlib.h>

#include <roaring/roaring.h>

#include "base/checked.h"
#include "base/cursor.h"

const char *filter_section_name(filter_field f)
{
    static const char *const names[FILTER_FIELDS] = {
        [FILTER_URI] = "flt.uri",     [FILTER_TITLE] = "flt.title", [FILTER_EXT] = "flt.ext",
        [FILTER_LANG] = "flt.lang",   [FILTER_MIME] = "flt.mime",   [FILTER_AUTHOR] = "flt.author",
        [FILTER_TAG] = "flt.tag",     [FILTER_DATE] = "flt.date",   [FILTER_SIZE] = "flt.size",
        [FILTER_PAGES] = "flt.pages", [FILTER_PLACE] = "flt.place",
        [FILTER_MODIFIED] = "flt.modified", [FILTER_CREATED] = "flt.created",
    };
    return names[f];
}

static cairn_status corrupt(filter_field f, const char *what, cairn_error *err)
{
    return cairn_fail(err, CAIRN_ECORRUPT, "section %s: %s", filter_section_name(f), what);
}

/* Length of the parts behind the header, or false when it does not fit a size_t. */
static bool column_size(uint32_t rows, uint32_t values, uint32_t kind, uint64_t text,
                        uint64_t bitmaps, size_t *out)
{
    size_t lists, ends;

    return checked_mul(values, kind == FILTER_KIND_BITMAPS ? 12 : 8, &lists) &&
           checked_mul(kind == FILTER_KIND_CODES ? rows : 0, 4, &ends) &&
           checked_add(lists, ends, &lists) && checked_add(lists, text, &lists) &&
           checked_add(lists, bitmaps, &lists) && checked_add(lists, FILTER_COLUMN_HEADER, out);
}

static cairn_status open_column(filter_reader *r, filter_field f, const section_source *src,
                                cairn_error *err)
{
    filter_column *c = &r->column[f];
    const uint8_t *data;
    size_t len, want;
    cursor in;

    if (!src->find(src->ctx, filter_section_name(f), &data, &len))
        return corrupt(f, "missing or damaged", err);
    cursor_init(&in, data, len);
    uint32_t version = cursor_u32(&in), rows = cursor_u32(&in);
    c->n_values = cursor_u32(&in);
    c->kind = cursor_u32(&in);
    uint64_t text = cursor_u64(&in), bitmaps = cursor_u64(&in);
    if (in.failed)
        return corrupt(f, "shorter than its header", err);
    if (version != r->version)
        return corrupt(f, "of another format than flt.meta", err);
    if (rows != r->rows || (c->kind != FILTER_KIND_BITMAPS && c->kind != FILTER_KIND_CODES) ||
        (filter_field_is_many(f) && c->kind != FILTER_KIND_BITMAPS) || text > UINT32_MAX ||
        bitmaps > UINT32_MAX || (c->kind == FILTER_KIND_CODES && bitmaps))
        return corrupt(f, "impossible header", err);
    if (!column_size(rows, c->n_values, c->kind, text, bitmaps, &want) || want != len)
        return corrupt(f, "its length does not fit its header", err);
    if ((uintptr_t)data % 4)
        return corrupt(f, "not aligned", err);
    c->text_len = (uint32_t)text;
    c->bitmaps_len = (uint32_t)bitmaps;
    c->text_end = (const uint32_t *)cursor_take(&in, (uint64_t)c->n_values * 4);
    c->count = (const uint32_t *)cursor_take(&in, (uint64_t)c->n_values * 4);
    if (c->kind == FILTER_KIND_BITMAPS)
        c->bitmap_end = (const uint32_t *)cursor_take(&in, (uint64_t)c->n_values * 4);
    else
        c->code = (const uint32_t *)cursor_take(&in, (uint64_t)rows * 4);
    c->text = (const char *)cursor_take(&in, text);
    c->bitmaps = cursor_take(&in, bitmaps);
    return in.failed ? corrupt(f, "its length does not fit its header", err) : CAIRN_OK;
}

static cairn_status open_numbers(filter_reader *r, filter_field f, const section_source *src,
                                 cairn_error *err)
{
    filter_numbers *c = &r->numbers[f];
    const uint8_t *data;
    size_t len;
    cursor in;

    if (!src->find(src->ctx, filter_section_name(f), &data, &len))
        return corrupt(f, "missing or damaged", err);
    cursor_init(&in, data, len);
    uint32_t version = cursor_u32(&in), rows = cursor_u32(&in), n = cursor_u32(&in);
    uint32_t zero = cursor_u32(&in);
    if (in.failed || version != r->version || rows != r->rows || n > rows || zero ||
        len - 16 != (size_t)n * 12)
        return corrupt(f, "impossible header or length", err);
    if ((uintptr_t)data % 8)
        return corrupt(f, "not aligned", err);
    c->n = n;
    c->value = (const int64_t *)cursor_take(&in, (uint64_t)n * 8);
    c->row = (const uint32_t *)cursor_take(&in, (uint64_t)n * 4);
    return CAIRN_OK;
}

cairn_status filter_reader_open(filter_reader **out, const section_source *source,
                                cairn_error *err)
{
    const uint8_t *data;
    size_t len;
    cursor in;
    cairn_status st = CAIRN_OK;

    *out = NULL;
    if (!source->find(source->ctx, "flt.meta", &data, &len))
        return cairn_fail(err, CAIRN_ECORRUPT, "section flt.meta is missing or damaged");
    cursor_init(&in, data, len);
    uint32_t version = cursor_u32(&in), rows = cursor_u32(&in);
    if (version > FILTER_FORMAT_VERSION)
        return cairn_fail(err, CAIRN_EUNSUPPORTED,
                          "section flt.meta: format %u, this program reads up to %u; cairn index "
                          "makes the columns anew from the store",
                          version, FILTER_FORMAT_VERSION);
    if (in.failed || cursor_left(&in) || version < FILTER_FORMAT_OLDEST || rows > FILTER_MAX_ROWS)
        return cairn_fail(err, CAIRN_ECORRUPT, "section flt.meta is broken");
    filter_reader *r = calloc(1, sizeof *r);
    if (!r)
        return cairn_fail(err, CAIRN_ENOMEM, "filter reader");
    r->version = version;
    r->rows = rows;
    for (filter_field f = 0; f < FILTER_FIELDS && !st; f++)
        if (version < filter_field_since(f))
            r->column[f].kind = FILTER_KIND_BITMAPS; /* of no values */
        else
            st = filter_field_is_text(f) ? open_column(r, f, source, err)
                                         : open_numbers(r, f, source, err);
    if (st) {
        free(r);
        return st;
    }
    *out = r;
    return CAIRN_OK;
}

void filter_reader_close(filter_reader *r)
{
    free(r);
}

uint32_t filter_reader_rows(const filter_reader *r)
{
    return r->rows;
}

bool filter_is_outdated(const section_source *source)
{
    const uint8_t *data;
    size_t len;
    cursor in;

    if (!source->find(source->ctx, "flt.meta", &data, &len))
        return false;
    cursor_init(&in, data, len);
    uint32_t version = cursor_u32(&in);
    return !in.failed && version >= FILTER_FORMAT_OLDEST && version < FILTER_FORMAT_VERSION;
}

bool filter_reader_has_numbers(const filter_reader *r)
{
    return r->version >= 2;
}

bool filter_reader_has_times(const filter_reader *r)
{
    return r->version >= 3;
}

typedef struct visit_rows {
    uint32_t rows;
    void (*fn)(void *ctx, uint32_t row);
    void *ctx;
} visit_rows;

static bool visit_row(uint32_t row, void *param)
{
    const visit_rows *v = param;

    if (row < v->rows)
        v->fn(v->ctx, row);
    return true;
}

cairn_status filter_value_rows(const filter_reader *r, filter_field f, uint32_t v,
                               void (*fn)(void *ctx, uint32_t row), void *ctx, cairn_error *err)
{
    const filter_column *c = &r->column[f];
    uint32_t start = v ? c->bitmap_end[v - 1] : 0, end = c->bitmap_end[v];

    if (start > end || end > c->bitmaps_len)
        return corrupt(f, "a bitmap lies outside the section", err);
    roaring_bitmap_t *set = roaring_bitmap_portable_deserialize_safe(
        (const char *)c->bitmaps + start, end - start);
    if (!set)
        return corrupt(f, "a bitmap cannot be read", err);
    visit_rows visitor = {r->rows, fn, ctx};
    roaring_iterate(set, visit_row, &visitor);
    roaring_bitmap_free(set);
    return CAIRN_OK;
}
