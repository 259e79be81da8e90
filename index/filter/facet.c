/* facet.c - see facet.h. A column is counted by value first, an array in the order of its
 * dictionary; only values that were met become texts of the table, which joins the segments. */
#include "index/filter/facet.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/checked.h"
#include "index/filter/filter_format.h"

#define TEXTS_MAX ((size_t)1 << 30)

typedef struct entry {
    size_t text, len; /* in texts */
    uint64_t count;
} entry;

struct facet_counts {
    facet_kind kind;
    bytes texts; /* each with a NUL behind it */
    entry *entries;
    size_t n, cap;
    uint32_t *slots; /* entry + 1, 0 = empty; a power of two, at most half full */
    size_t n_slots;
};

static const struct {
    const char *name;
    filter_field field;
} kinds[FACET_KINDS] = {
    [FACET_TYPE] = {"type", FILTER_MIME},     [FACET_EXT] = {"ext", FILTER_EXT},
    [FACET_FOLDER] = {"folder", FILTER_URI},  [FACET_AUTHOR] = {"author", FILTER_AUTHOR},
    [FACET_LANG] = {"lang", FILTER_LANG},     [FACET_TAG] = {"tag", FILTER_TAG},
    [FACET_YEAR] = {"year", FILTER_DATE},
};

facet_kind facet_kind_find(const char *name, size_t len)
{
    for (facet_kind k = 0; k < FACET_KINDS; k++)
        if (strlen(kinds[k].name) == len && !memcmp(kinds[k].name, name, len))
            return k;
    return FACET_KINDS;
}

const char *facet_kind_name(facet_kind kind)
{
    return kinds[kind].name;
}

static cairn_status no_memory(cairn_error *err)
{
    return cairn_fail(err, CAIRN_ENOMEM, "no memory to count a facet");
}

cairn_status facet_counts_create(facet_counts **out, facet_kind kind, cairn_error *err)
{
    facet_counts *f = calloc(1, sizeof *f);

    *out = f;
    if (!f)
        return no_memory(err);
    f->kind = kind;
    bytes_init(&f->texts, TEXTS_MAX);
    return CAIRN_OK;
}

void facet_counts_destroy(facet_counts *f)
{
    if (!f)
        return;
    bytes_clear(&f->texts);
    free(f->entries);
    free(f->slots);
    free(f);
}

static uint64_t hash_text(const char *s, size_t n)
{
    uint64_t h = n * 0x9E3779B97F4A7C15u;
    for (size_t i = 0; i < n; i++)
        h = (h ^ (uint8_t)s[i]) * 0x100000001B3u;
    return h ^ h >> 32;
}

static bool grow(facet_counts *f)
{
    size_t cap = f->cap ? f->cap * 2 : 64, n_slots = cap * 2;
    entry *entries = checked_realloc(f->entries, cap, sizeof *entries);
    uint32_t *slots;

    if (!entries)
        return false;
    f->entries = entries;
    slots = calloc(n_slots, sizeof *slots);
    if (!slots)
        return false;
    for (size_t i = 0; i < f->n; i++) {
        size_t at = hash_text(f->texts.data + entries[i].text, entries[i].len) & (n_slots - 1);
        while (slots[at])
            at = (at + 1) & (n_slots - 1);
        slots[at] = (uint32_t)i + 1;
    }
    free(f->slots);
    f->slots = slots;
    f->n_slots = n_slots;
    f->cap = cap;
    return true;
}

static cairn_status add_text(facet_counts *f, const char *s, size_t n, uint64_t count,
                             cairn_error *err)
{
    size_t at;

    if (!n || !count)
        return CAIRN_OK;
    if (f->n == f->cap && !grow(f))
        return no_memory(err);
    at = hash_text(s, n) & (f->n_slots - 1);
    for (; f->slots[at]; at = (at + 1) & (f->n_slots - 1)) {
        entry *e = &f->entries[f->slots[at] - 1];
        if (e->len == n && !memcmp(f->texts.data + e->text, s, n)) {
            e->count += count;
            return CAIRN_OK;
        }
    }
    f->entries[f->n] = (entry){f->texts.len, n, count};
    if (bytes_append(&f->texts, s, n) || bytes_append_byte(&f->texts, 0))
        return no_memory(err);
    f->slots[at] = (uint32_t)++f->n;
    return CAIRN_OK;
}

/* ---- one segment ---- */

typedef struct bitmap_count {
    const uint64_t *bits;
    uint64_t n;
} bitmap_count;

static void count_row(void *ctx, uint32_t row)
{
    bitmap_count *c = ctx;
    c->n += c->bits[row >> 6] >> (row & 63) & 1;
}

/* The folder above a file; 0 when there is none. */
static size_t folder_length(const char *s, size_t n)
{
    while (n && s[n - 1] != '/')
        n--;
    return n > 1 ? n - 1 : n; /* "/" stays */
}

static cairn_status add_value(facet_counts *f, const filter_column *c, uint32_t v, uint64_t count,
                              cairn_error *err)
{
    size_t len;
    const char *s = filter_value_text(c, v, &len);

    return add_text(f, s, f->kind == FACET_FOLDER ? folder_length(s, len) : len, count, err);
}

static cairn_status count_codes(facet_counts *f, const filter_reader *r, const filter_column *c,
                                const uint64_t *bits, cairn_error *err)
{
    uint32_t *counts = calloc((size_t)c->n_values + 1, sizeof *counts);
    cairn_status st = CAIRN_OK;

    if (!counts)
        return no_memory(err);
    for (size_t w = 0; w < row_set_words(r->rows); w++)
        for (uint64_t left = bits[w]; left; left &= left - 1) {
            uint32_t code = c->code[64 * w + (size_t)__builtin_ctzll(left)];
            if (code >= c->n_values) {
                free(counts);
                return cairn_fail(err, CAIRN_ECORRUPT, "section %s: a code without a value",
                                  filter_section_name(kinds[f->kind].field));
            }
            counts[code]++;
        }
    for (uint32_t v = 0; v < c->n_values && !st; v++)
        st = add_value(f, c, v, counts[v], err);
    free(counts);
    return st;
}

#define LAST_YEAR 2262 /* that 64 bits of nanoseconds reach, in April; they begin in September 1677 */

/* The first nanosecond of a year, by the days of the Gregorian calendar; the nearest there is, where it lies beyond. */
static int64_t year_start(int64_t year)
{
    int64_t y = year - 1, before = y / 4 - y / 100 + y / 400, ns;
    int64_t seconds = (365 * (year - 1970) + before - 477) * 86400;

    if (__builtin_mul_overflow(seconds, INT64_C(1000000000), &ns))
        return seconds < 0 ? INT64_MIN : INT64_MAX;
    return ns;
}

static int64_t year_of(int64_t ns)
{
    int64_t year = 1970 + ns / (INT64_C(31556952) * 1000000000);

    while (year_start(year) > ns)
        year--;
    while (year < LAST_YEAR && year_start(year + 1) <= ns)
        year++;
    return year;
}

static cairn_status count_years(facet_counts *f, const filter_reader *r, const uint64_t *bits,
                                cairn_error *err)
{
    const filter_numbers *dates = &r->numbers[FILTER_DATE];
    cairn_status st = CAIRN_OK;

    for (uint32_t i = 0; i < dates->n && !st;) {
        int64_t year = year_of(dates->value[i]);
        int64_t end = year_start(year + 1);
        uint64_t n = 0;
        char text[24];
        do {
            uint32_t row = dates->row[i];
            if (row < r->rows)
                n += bits[row >> 6] >> (row & 63) & 1;
            i++;
        } while (i < dates->n && dates->value[i] < end);
        st = add_text(f, text, (size_t)snprintf(text, sizeof text, "%lld", (long long)year), n,
                      err);
    }
    return st;
}

static cairn_status count_texts(facet_counts *f, const filter_reader *r, filter_field field,
                                const uint64_t *bits, cairn_error *err)
{
    const filter_column *c = &r->column[field];
    cairn_status st = CAIRN_OK;

    if (c->kind == FILTER_KIND_CODES)
        return count_codes(f, r, c, bits, err);
    for (uint32_t v = 0; v < c->n_values && !st; v++) {
        bitmap_count count = {bits, 0};
        st = filter_value_rows(r, field, v, count_row, &count, err);
        if (!st)
            st = add_value(f, c, v, count.n, err);
    }
    return st;
}

cairn_status facet_counts_add(facet_counts *f, const filter_reader *r, const uint64_t *bits,
                              cairn_error *err)
{
    cairn_status st;

    if (f->kind == FACET_YEAR)
        return count_years(f, r, bits, err);
    st = count_texts(f, r, kinds[f->kind].field, bits, err);
    if (!st && f->kind == FACET_FOLDER)
        st = count_texts(f, r, FILTER_PLACE, bits, err);
    return st;
}

/* ---- the answer ---- */

static int by_rank(const void *a, const void *b, void *ctx)
{
    const facet_counts *f = ctx;
    const entry *x = &f->entries[*(const uint32_t *)a], *y = &f->entries[*(const uint32_t *)b];
    const char *s = f->texts.data + x->text, *t = f->texts.data + y->text;

    if (f->kind == FACET_YEAR) {
        long p = strtol(s, NULL, 10), q = strtol(t, NULL, 10);
        return (p < q) - (p > q);
    }
    if (x->count != y->count)
        return x->count < y->count ? 1 : -1;
    return strcmp(s, t);
}

cairn_status facet_counts_best(const facet_counts *f, size_t k, facet_value *out, size_t *n,
                               size_t *distinct, cairn_error *err)
{
    uint32_t *order = checked_malloc(f->n + 1, sizeof *order);

    *n = 0;
    if (!order)
        return no_memory(err);
    for (size_t i = 0; i < f->n; i++)
        order[i] = (uint32_t)i;
    qsort_r(order, f->n, sizeof *order, by_rank, (void *)f);
    for (; *n < k && *n < f->n; ++*n) {
        const entry *e = &f->entries[order[*n]];
        out[*n] = (facet_value){f->texts.data + e->text, e->count};
    }
    if (distinct)
        *distinct = f->n;
    free(order);
    return CAIRN_OK;
}
