/* kv_cache.h - keys and values of many sequences, in pages of 64 positions (the idea: Kwon et al.,
 * "PagedAttention", arXiv:2309.06180).
 *
 * Memory of one layer and head:
 *   keys    [page][64 / 16][head_dim][16]   so that one lane of a product is one position
 *   values  [page][64][head_dim]
 * as half floats or int8 (fast mode) or floats (exact mode). With int8, KV_GROUP neighbouring
 * dimensions of a position have a float scale, the largest of their sizes / 127:
 *   scales of keys    [page][64 / 16][head_dim / KV_GROUP][16]
 *   scales of values  [page][64][head_dim / KV_GROUP]
 * A page number is the same in all layers and heads. A sequence is a list of pages; sequences with a common beginning share its pages, and a
 * page that two share is copied before one of them writes to it.
 *
 * Threads  one owner; reading may be parallel. */
#ifndef CAIRN_GENERATE_DECODE_KV_CACHE_H
#define CAIRN_GENERATE_DECODE_KV_CACHE_H

#include "base/status.h"
#include "generate/kernels/kernels.h"

#define KV_PAGE  ((size_t)64) /* positions */
#define KV_GROUP ((size_t)16) /* dimensions to a scale; head_dim is a multiple of it */

typedef enum kv_format { KV_F32, KV_F16, KV_INT8 } kv_format;

typedef enum kv_part { KV_KEYS, KV_VALUES, KV_KEY_SCALES, KV_VALUE_SCALES, KV_PARTS } kv_part;

/* [layer][kv_head][n_pages * 64] rows of so many bytes; int8 alone has the scales. */
typedef struct kv_plane {
    uint8_t *data;
    size_t row;
} kv_plane;

typedef struct kv_cache {
    kv_plane planes[KV_PARTS];
    size_t n_planes;
    size_t n_layers, n_kv_heads, head_dim;
    size_t n_pages, n_used;
    kv_format format;
    size_t mapped_bytes;
    uint32_t *free;  /* numbers of free pages, [n_pages - n_used] */
    uint32_t *users; /* [n_pages] sequences that hold it */
} kv_cache;

/* Pages of one sequence. Zero-initialise. */
typedef struct kv_pages {
    uint32_t *ids;
    size_t n, cap;
} kv_pages;

/* Memory is taken from the system as pages are filled. */
cairn_status kv_cache_init(kv_cache *c, size_t n_layers, size_t n_kv_heads, size_t head_dim,
                           size_t n_positions, kv_format format, cairn_error *err);
void kv_cache_clear(kv_cache *c);
size_t kv_cache_page_bytes(const kv_cache *c);

/* Let the sequence, now of `from` positions, write positions from .. to - 1. CAIRN_ELIMIT: no page is
 * free; the sequence is as before. */
cairn_status kv_pages_reserve(kv_cache *c, kv_pages *p, size_t from, size_t to, cairn_error *err);
/* Pages that reserve would take from the free ones. */
size_t kv_pages_missing(const kv_cache *c, const kv_pages *p, size_t from, size_t to);
/* Append n pages that others hold as well. */
cairn_status kv_pages_append(kv_cache *c, kv_pages *p, const uint32_t *ids, size_t n,
                             cairn_error *err);
/* Keep what the first n positions need. */
void kv_pages_truncate(kv_cache *c, kv_pages *p, size_t n);
/* dst (empty) gets the first n positions of src. */
cairn_status kv_pages_share(kv_cache *c, kv_pages *dst, const kv_pages *src, size_t n,
                            cairn_error *err);
void kv_pages_clear(kv_cache *c, kv_pages *p);

/* Keys and values of n positions from `from` on (multiples of 16) as one run of bytes, and back into
 * reserved pages. */
size_t kv_run_bytes(const kv_cache *c, size_t n);
void kv_run_get(const kv_cache *c, const kv_pages *p, size_t from, size_t n, uint8_t *out);
void kv_run_put(kv_cache *c, const kv_pages *p, size_t from, size_t n, const uint8_t *in);

/* Store one position's key and value of every head: k, v are [n_kv_heads * head_dim]. The position
 * was reserved. */
void kv_cache_put(kv_cache *c, const kernels *kern, const kv_pages *p, size_t layer, size_t pos,
                  const float *k, const float *v);
/* One stored position of one head as floats, [head_dim] each. */
void kv_cache_get(const kv_cache *c, const kernels *kern, const kv_pages *p, size_t layer,
                  size_t head, size_t pos, float *k, float *v);

/* Keys, values or scales of one head from position pos on, a multiple of 16; they are contiguous up to
 * the end of the page. */
static inline uint8_t *kv_at(const kv_cache *c, kv_part part, const kv_pages *p, size_t layer,
                             size_t head, size_t pos)
{
    size_t first = (layer * c->n_kv_heads + head) * c->n_pages + p->ids[pos / KV_PAGE];
    return c->planes[part].data + (first * KV_PAGE + pos % KV_PAGE) * c->planes[part].row;
}

#endif
