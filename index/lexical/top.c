/* top.c - a heap for few, counting and selection for many. */
#include "index/lexical/top.h"

#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "index/lexical/reader.h"

/* Of scores, when many are cut down or sorted. */
#define BUCKETS 1024

cairn_status top_init(top *t, size_t k, cairn_error *err)
{
    *t = (top){.k = k, .cap = k};
    if (k > TOP_HEAP_MAX && !checked_mul(k, 2, &t->cap))
        t->cap = k;
    t->best = checked_malloc(t->cap, sizeof *t->best);
    return t->best ? CAIRN_OK : cairn_fail(err, CAIRN_ENOMEM, "no memory for %zu hits", k);
}

void top_clear(top *t)
{
    free(t->best);
    t->best = NULL;
}

static inline int32_t score_of(uint64_t v)
{
    return (int32_t)(v >> 32);
}

/* Move the k greatest to the front (Hoare's selection, the middle of three as pivot). */
static void select_greatest(uint64_t *v, size_t n, size_t k)
{
    size_t low = 0, high = n - 1;

    while (low < high) {
        uint64_t a = v[low], b = v[low + (high - low) / 2], c = v[high];
        uint64_t pivot = a > b ? (b > c ? b : a > c ? c : a) : (a > c ? a : b > c ? c : b);
        size_t i = low, j = high;
        for (;;) {
            uint64_t swap;
            while (v[i] > pivot)
                i++;
            while (v[j] < pivot)
                j--;
            if (i >= j)
                break;
            swap = v[i];
            v[i++] = v[j];
            v[j--] = swap;
        }
        /* v[low..j] >= pivot >= v[j+1..high], but for a pivot met by both. */
        if (i == j && v[j] < pivot)
            j--;
        if (j + 1 >= k && j < high)
            high = j;
        else if (j + 1 < k)
            low = j + 1;
        else
            break;
    }
}

static void sift_down(uint64_t *h, size_t n, uint64_t v)
{
    size_t i = 0;
    for (;;) {
        size_t child = 2 * i + 1;
        if (child >= n)
            break;
        child += child + 1 < n && h[child + 1] < h[child];
        if (h[child] >= v)
            break;
        h[i] = h[child];
        i = child;
    }
    h[i] = v;
}

/* Throw away what cannot be among the best k of a full buffer, and raise the floor. The scores are
 * counted in buckets between the least and the greatest; everything from the bucket of the k-th on
 * stays, usually a few more than k. */
static void prune(top *t)
{
    uint32_t count[BUCKETS] = {0}, least = UINT32_MAX, most = 0;
    uint64_t *v = t->best;
    size_t kept = 0, above = 0;
    unsigned shift = 0, edge = BUCKETS - 1;
    uint64_t floor;

    for (size_t i = 0; i < t->n; i++) {
        uint32_t score = (uint32_t)(v[i] >> 32);
        least = score < least ? score : least;
        most = score > most ? score : most;
    }
    while ((most - least) >> shift >= BUCKETS)
        shift++;
    for (size_t i = 0; i < t->n; i++)
        count[((uint32_t)(v[i] >> 32) - least) >> shift]++;
    for (above = count[edge]; above < t->k;)
        above += count[--edge];
    floor = (uint64_t)(least + (edge << shift)) << 32;
    for (size_t i = 0; i < t->n; i++) { /* keeps their order: rows rise among equal scores */
        v[kept] = v[i];
        kept += v[i] >= floor;
    }
    t->n = kept;
    t->floor = (int32_t)(floor >> 32) - 1;
    if (t->n > t->k + t->k / 2) { /* crowded: exactly, then */
        uint64_t last = UINT64_MAX;
        select_greatest(v, t->n, t->k);
        t->n = t->k;
        for (size_t i = 0; i < t->n; i++)
            last = v[i] < last ? v[i] : last;
        t->floor = score_of(last);
    }
}

void top_full(top *t, uint64_t v)
{
    size_t i;

    if (t->k > TOP_HEAP_MAX) {
        prune(t);
        if (score_of(v) > t->floor)
            t->best[t->n++] = v;
        return;
    }
    if (t->n == t->k) {
        sift_down(t->best, t->n, v);
    } else {
        for (i = t->n++; i && t->best[(i - 1) / 2] > v; i = (i - 1) / 2)
            t->best[i] = t->best[(i - 1) / 2];
        t->best[i] = v;
    }
    if (t->n == t->k)
        t->floor = score_of(t->best[0]);
}

static int greatest_first(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x < y) - (x > y);
}

/* Sort n values into `other`, best first: by buckets of their scores, then each bucket by insertion
 * or, when it is large, by qsort. */
static void sort_many(const uint64_t *v, uint64_t *other, size_t n)
{
    uint32_t at[BUCKETS + 1] = {0}, least = UINT32_MAX, most = 0;
    unsigned shift = 0;

    for (size_t i = 0; i < n; i++) {
        uint32_t score = (uint32_t)(v[i] >> 32);
        least = score < least ? score : least;
        most = score > most ? score : most;
    }
    while ((most - least) >> shift >= BUCKETS)
        shift++;
    for (size_t i = 0; i < n; i++)
        at[((most - (uint32_t)(v[i] >> 32)) >> shift) + 1]++;
    for (size_t b = 0; b < BUCKETS; b++)
        at[b + 1] += at[b];
    for (size_t i = 0; i < n; i++)
        other[at[(most - (uint32_t)(v[i] >> 32)) >> shift]++] = v[i];
    for (size_t b = 0, from = 0; b < BUCKETS && from < n; from = at[b++]) {
        size_t size = at[b] - from;
        if (size > 32)
            qsort(other + from, size, sizeof *other, greatest_first);
        else
            for (size_t i = from + 1; i < at[b]; i++) {
                uint64_t x = other[i];
                size_t j = i;
                for (; j > from && other[j - 1] < x; j--)
                    other[j] = other[j - 1];
                other[j] = x;
            }
    }
}

void top_settle(top *t)
{
    if (t->n > t->k) {
        select_greatest(t->best, t->n, t->k);
        t->n = t->k;
    }
    if (t->n > 256 && t->cap >= 2 * t->n) {
        sort_many(t->best, t->best + t->n, t->n);
        memcpy(t->best, t->best + t->n, t->n * sizeof *t->best);
    } else {
        qsort(t->best, t->n, sizeof *t->best, greatest_first);
    }
}

size_t top_take(top *t, const lexical_segment *segments, double scale, lexical_hit *hits)
{
    top_settle(t);
    for (size_t i = 0; i < t->n; i++) {
        uint32_t row = UINT32_MAX - (uint32_t)t->best[i], s = 0;
        while (row >= segments[s].reader->n_rows)
            row -= segments[s++].reader->n_rows;
        hits[i] = (lexical_hit){s, row, (float)((double)score_of(t->best[i]) / scale)};
    }
    return t->n;
}
