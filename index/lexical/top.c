/* top.c - a heap for few, selection for many. */
#include "index/lexical/top.h"

#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "index/lexical/reader.h"

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

void top_full(top *t, uint64_t v)
{
    size_t i;

    if (t->k > TOP_HEAP_MAX) {
        uint64_t least = UINT64_MAX;
        select_greatest(t->best, t->n, t->k);
        t->n = t->k;
        for (i = 0; i < t->n; i++)
            least = t->best[i] < least ? t->best[i] : least;
        t->floor = score_of(least);
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

/* Sort n values by falling score through three counting passes over eleven bits each, then by row
 * inside each run of equal scores. `other` has room for n too. */
static void sort_many(uint64_t *v, uint64_t *other, size_t n)
{
    static const size_t digits = 1 << 11;
    size_t count[1 << 11];

    for (unsigned shift = 32; shift < 64; shift += 11) {
        uint64_t *swap = v;
        size_t at = 0;
        memset(count, 0, sizeof count);
        for (size_t i = 0; i < n; i++)
            count[~(v[i] >> shift) & (digits - 1)]++;
        for (size_t d = 0; d < digits; d++) {
            size_t c = count[d];
            count[d] = at;
            at += c;
        }
        for (size_t i = 0; i < n; i++)
            other[count[~(v[i] >> shift) & (digits - 1)]++] = v[i];
        v = other;
        other = swap;
    }
    memcpy(other, v, n * sizeof *v); /* an odd number of passes: back to where it was */
    v = other;
    for (size_t i = 0, j; i < n; i = j) {
        for (j = i + 1; j < n && v[j] >> 32 == v[i] >> 32; j++)
            ;
        if (j - i > 1)
            qsort(v + i, j - i, sizeof *v, greatest_first);
    }
}

void top_settle(top *t)
{
    if (t->n > t->k) {
        select_greatest(t->best, t->n, t->k);
        t->n = t->k;
    }
    if (t->n > 256 && t->cap >= 2 * t->n)
        sort_many(t->best, t->best + t->n, t->n);
    else
        qsort(t->best, t->n, sizeof *t->best, greatest_first);
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
