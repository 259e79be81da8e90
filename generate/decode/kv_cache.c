/* kv_cache.c - see kv_cache.h. */
#include "generate/decode/kv_cache.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/checked.h"

/* Of one position and head, keys and values. */
static size_t kv_row_bytes(const kv_cache *c)
{
    size_t sum = 0;

    for (size_t i = 0; i < c->n_planes; i++)
        sum += c->planes[i].row;
    return sum;
}

cairn_status kv_cache_init(kv_cache *c, size_t n_layers, size_t n_kv_heads, size_t head_dim,
                           size_t n_positions, kv_format format, cairn_error *err)
{
    static const size_t element[] = {[KV_F32] = 4, [KV_F16] = 2, [KV_INT8] = 1};
    const size_t row = head_dim * element[format], scales = head_dim / KV_GROUP * sizeof(float);
    size_t rows = 0, positions;
    uint8_t *at;

    *c = (kv_cache){.n_layers = n_layers,
                    .n_kv_heads = n_kv_heads,
                    .head_dim = head_dim,
                    .format = format,
                    .n_planes = format == KV_INT8 ? 4 : 2,
                    .planes = {{NULL, row}, {NULL, row}, {NULL, scales}, {NULL, scales}}};
    if (!checked_add(n_positions, KV_PAGE - 1, &positions) ||
        (c->n_pages = positions / KV_PAGE) > UINT32_MAX ||
        !checked_mul(n_layers * n_kv_heads, c->n_pages * KV_PAGE, &rows) ||
        !checked_mul(rows, kv_row_bytes(c), &c->mapped_bytes))
        return cairn_fail(err, CAIRN_ENOMEM, "keys and values of %zu positions", n_positions);
    at = mmap(NULL, c->mapped_bytes, PROT_READ | PROT_WRITE,
              MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (at == MAP_FAILED)
        return cairn_fail(err, CAIRN_ENOMEM, "keys and values of %zu positions: %zu bytes",
                          n_positions, c->mapped_bytes);
    for (size_t i = 0; i < c->n_planes; i++) {
        c->planes[i].data = at;
        at += rows * c->planes[i].row;
    }
    c->free = checked_malloc(c->n_pages, sizeof *c->free);
    c->users = calloc(c->n_pages + 1, sizeof *c->users);
    if (!c->free || !c->users) {
        kv_cache_clear(c);
        return cairn_fail(err, CAIRN_ENOMEM, "keys and values of %zu positions", n_positions);
    }
    for (size_t i = 0; i < c->n_pages; i++) /* taken from the end: page 0 first */
        c->free[i] = (uint32_t)(c->n_pages - 1 - i);
    return CAIRN_OK;
}

void kv_cache_clear(kv_cache *c)
{
    if (c->planes[0].data)
        munmap(c->planes[0].data, c->mapped_bytes);
    free(c->free);
    free(c->users);
    *c = (kv_cache){0};
}

size_t kv_cache_page_bytes(const kv_cache *c)
{
    return c->n_layers * c->n_kv_heads * KV_PAGE * kv_row_bytes(c);
}

/* Attention reads up to 15 positions behind the last one, with probability 0: what another sequence
 * left there must not be an infinity. */
static void clear_values(kv_cache *c, uint32_t page)
{
    for (size_t i = KV_VALUES; i < c->n_planes; i += KV_VALUE_SCALES - KV_VALUES) {
        const kv_plane *plane = &c->planes[i];
        size_t bytes = KV_PAGE * plane->row;
        for (size_t head = 0; head < c->n_layers * c->n_kv_heads; head++)
            memset(plane->data + (head * c->n_pages + page) * bytes, 0, bytes);
    }
}

static uint32_t take_page(kv_cache *c)
{
    uint32_t id = c->free[c->n_pages - ++c->n_used];
    c->users[id] = 1;
    clear_values(c, id);
    return id;
}

static void drop_page(kv_cache *c, uint32_t id)
{
    if (--c->users[id] == 0)
        c->free[c->n_pages - c->n_used--] = id;
}

static size_t pages_of(size_t positions)
{
    return (positions + KV_PAGE - 1) / KV_PAGE;
}

/* The page that position `from` falls into is begun already, and not ours alone. */
static bool must_copy(const kv_cache *c, const kv_pages *p, size_t from)
{
    return from % KV_PAGE && c->users[p->ids[from / KV_PAGE]] > 1;
}

size_t kv_pages_missing(const kv_cache *c, const kv_pages *p, size_t from, size_t to)
{
    size_t need = pages_of(to);
    return to > from ? (need > p->n ? need - p->n : 0) + must_copy(c, p, from) : 0;
}

static void copy_page(kv_cache *c, uint32_t from, uint32_t to)
{
    for (size_t i = 0; i < c->n_planes; i++) {
        const kv_plane *plane = &c->planes[i];
        size_t bytes = KV_PAGE * plane->row;
        for (size_t head = 0; head < c->n_layers * c->n_kv_heads; head++) {
            uint8_t *base = plane->data + head * c->n_pages * bytes;
            memcpy(base + to * bytes, base + from * bytes, bytes);
        }
    }
}

static bool grow(kv_pages *p, size_t n)
{
    uint32_t *ids;

    if (n <= p->cap)
        return true;
    ids = checked_realloc(p->ids, 2 * n, sizeof *ids);
    if (!ids)
        return false;
    p->ids = ids;
    p->cap = 2 * n;
    return true;
}

cairn_status kv_pages_reserve(kv_cache *c, kv_pages *p, size_t from, size_t to, cairn_error *err)
{
    if (to <= from)
        return CAIRN_OK;
    if (kv_pages_missing(c, p, from, to) > c->n_pages - c->n_used)
        return cairn_fail(err, CAIRN_ELIMIT, "no memory for keys and values is free: all %zu pages "
                                             "of %zu tokens are taken", c->n_pages, KV_PAGE);
    if (!grow(p, pages_of(to)))
        return cairn_fail(err, CAIRN_ENOMEM, "%zu positions", to);
    if (must_copy(c, p, from)) {
        uint32_t *id = &p->ids[from / KV_PAGE], own = take_page(c);
        copy_page(c, *id, own);
        drop_page(c, *id);
        *id = own;
    }
    while (p->n < pages_of(to))
        p->ids[p->n++] = take_page(c);
    return CAIRN_OK;
}

cairn_status kv_pages_append(kv_cache *c, kv_pages *p, const uint32_t *ids, size_t n,
                             cairn_error *err)
{
    if (!grow(p, p->n + n))
        return cairn_fail(err, CAIRN_ENOMEM, "%zu pages of keys and values", p->n + n);
    for (size_t i = 0; i < n; i++) {
        p->ids[p->n++] = ids[i];
        c->users[ids[i]]++;
    }
    return CAIRN_OK;
}

void kv_pages_truncate(kv_cache *c, kv_pages *p, size_t n)
{
    while (p->n > pages_of(n))
        drop_page(c, p->ids[--p->n]);
}

cairn_status kv_pages_share(kv_cache *c, kv_pages *dst, const kv_pages *src, size_t n,
                            cairn_error *err)
{
    dst->n = 0;
    return kv_pages_append(c, dst, src->ids, pages_of(n), err);
}

void kv_pages_clear(kv_cache *c, kv_pages *p)
{
    kv_pages_truncate(c, p, 0);
    free(p->ids);
    *p = (kv_pages){0};
}

size_t kv_run_bytes(const kv_cache *c, size_t n)
{
    return c->n_layers * c->n_kv_heads * n * kv_row_bytes(c);
}

/* Between pages and a run of bytes: layer by layer, head by head, plane by plane. */
static void move_run(const kv_cache *c, const kv_pages *p, size_t from, size_t n, uint8_t *run,
                     bool out)
{
    for (size_t layer = 0; layer < c->n_layers; layer++)
        for (size_t head = 0; head < c->n_kv_heads; head++)
            for (size_t i = 0; i < c->n_planes; i++)
                for (size_t pos = from, part; pos < from + n; pos += part) {
                    uint8_t *here = kv_at(c, (kv_part)i, p, layer, head, pos);
                    part = KV_PAGE - pos % KV_PAGE; /* to the end of the page */
                    part = from + n - pos < part ? from + n - pos : part;
                    memcpy(out ? run : here, out ? here : run, part * c->planes[i].row);
                    run += part * c->planes[i].row;
                }
}

void kv_run_get(const kv_cache *c, const kv_pages *p, size_t from, size_t n, uint8_t *out)
{
    move_run(c, p, from, n, out, true);
}

void kv_run_put(kv_cache *c, const kv_pages *p, size_t from, size_t n, const uint8_t *in)
{
    move_run(c, p, from, n, (uint8_t *)in, false);
}

/* One position's key: its dimensions lie 16 apart. */
static void put_apart(void *at, const void *from, size_t n, size_t size)
{
    for (size_t i = 0; i < n; i++)
        memcpy((uint8_t *)at + i * 16 * size, (const uint8_t *)from + i * size, size);
}

/* One head's key and value, rounded to int8 a group at a time. */
static void put_int8(kv_cache *c, const kernels *kern, const kv_pages *p, size_t layer, size_t head,
                     size_t pos, const float *k, const float *v)
{
    const size_t dim = c->head_dim, groups = dim / KV_GROUP, lane = pos % 16, first = pos - lane;
    int8_t *keys = (int8_t *)kv_at(c, KV_KEYS, p, layer, head, first) + lane, rounded[dim];
    int8_t *values = (int8_t *)kv_at(c, KV_VALUES, p, layer, head, first) + lane * dim;
    float *key_scales = (float *)kv_at(c, KV_KEY_SCALES, p, layer, head, first) + lane;
    float *value_scales = (float *)kv_at(c, KV_VALUE_SCALES, p, layer, head, first) + lane * groups;

    for (size_t g = 0; g < groups; g++) {
        size_t at = g * KV_GROUP;
        key_scales[g * 16] = kern->to_int8(k + at, KV_GROUP, rounded + at);
        value_scales[g] = kern->to_int8(v + at, KV_GROUP, values + at);
    }
    put_apart(keys, rounded, dim, 1);
}

void kv_cache_put(kv_cache *c, const kernels *kern, const kv_pages *p, size_t layer, size_t pos,
                  const float *k, const float *v)
{
    const size_t dim = c->head_dim, lane = pos % 16, row = lane * dim;

    for (size_t h = 0; h < c->n_kv_heads; h++, k += dim, v += dim) {
        uint8_t *keys = kv_at(c, KV_KEYS, p, layer, h, pos - lane);
        uint8_t *values = kv_at(c, KV_VALUES, p, layer, h, pos - lane);
        if (c->format == KV_INT8) {
            put_int8(c, kern, p, layer, h, pos, k, v);
        } else if (c->format == KV_F16) {
            uint16_t as_half[dim];
            kern->to_half(k, dim, as_half);
            put_apart((uint16_t *)keys + lane, as_half, dim, sizeof *as_half);
            kern->to_half(v, dim, (uint16_t *)values + row);
        } else {
            put_apart((float *)keys + lane, k, dim, sizeof *k);
            memcpy((float *)values + row, v, dim * sizeof *v);
        }
    }
}

/* The opposite of put_apart. */
static void get_apart(const void *at, void *to, size_t n, size_t size)
{
    for (size_t i = 0; i < n; i++)
        memcpy((uint8_t *)to + i * size, (const uint8_t *)at + i * 16 * size, size);
}

static void get_int8(const kv_cache *c, const kv_pages *p, size_t layer, size_t head, size_t pos,
                     float *k, float *v)
{
    const size_t dim = c->head_dim, groups = dim / KV_GROUP, lane = pos % 16, first = pos - lane;
    const int8_t *keys = (int8_t *)kv_at(c, KV_KEYS, p, layer, head, first) + lane;
    const int8_t *values = (int8_t *)kv_at(c, KV_VALUES, p, layer, head, first) + lane * dim;
    const float *ks = (float *)kv_at(c, KV_KEY_SCALES, p, layer, head, first) + lane;
    const float *vs = (float *)kv_at(c, KV_VALUE_SCALES, p, layer, head, first) + lane * groups;

    for (size_t i = 0; i < dim; i++) {
        k[i] = (float)keys[i * 16] * ks[i / KV_GROUP * 16];
        v[i] = (float)values[i] * vs[i / KV_GROUP];
    }
}

void kv_cache_get(const kv_cache *c, const kernels *kern, const kv_pages *p, size_t layer,
                  size_t head, size_t pos, float *k, float *v)
{
    const size_t dim = c->head_dim, lane = pos % 16;
    const uint8_t *keys = kv_at(c, KV_KEYS, p, layer, head, pos - lane);
    const uint8_t *values = kv_at(c, KV_VALUES, p, layer, head, pos - lane);

    if (c->format == KV_INT8) {
        get_int8(c, p, layer, head, pos, k, v);
    } else if (c->format == KV_F16) {
        uint16_t as_half[dim];
        get_apart((const uint16_t *)keys + lane, as_half, dim, sizeof *as_half);
        kern->from_half(as_half, dim, k);
        kern->from_half((const uint16_t *)values + lane * dim, dim, v);
    } else {
        get_apart((const float *)keys + lane, k, dim, sizeof *k);
        memcpy(v, (const float *)values + lane * dim, dim * sizeof *v);
    }
}
