/* checked.h - size arithmetic that cannot wrap round. Every size computed from outside bytes goes
 * through these. They return false and leave *out alone when the true result does not fit. */
#ifndef CAIRN_BASE_CHECKED_H
#define CAIRN_BASE_CHECKED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>

static inline bool checked_mul(size_t a, size_t b, size_t *out)
{
    size_t r;
    if (__builtin_mul_overflow(a, b, &r))
        return false;
    *out = r;
    return true;
}

static inline bool checked_add(size_t a, size_t b, size_t *out)
{
    size_t r;
    if (__builtin_add_overflow(a, b, &r))
        return false;
    *out = r;
    return true;
}

/* malloc of n elements of `size` bytes; NULL when the product overflows or memory ran out. A
 * request of zero bytes gives a unique pointer that can be freed. */
static inline void *checked_malloc(size_t n, size_t size)
{
    size_t bytes;
    if (!checked_mul(n, size, &bytes))
        return NULL;
    return malloc(bytes ? bytes : 1);
}

/* realloc to n elements of `size` bytes, with the same rules; the old block survives a failure. */
static inline void *checked_realloc(void *p, size_t n, size_t size)
{
    size_t bytes;
    if (!checked_mul(n, size, &bytes))
        return NULL;
    return realloc(p, bytes ? bytes : 1);
}

/* Room for one element more behind the n of a growing array: the array, perhaps moved and then with
 * *cap elements, a half more than before; NULL when memory ran out, and the old one survives. */
static inline void *checked_room(void *array, size_t n, size_t *cap, size_t size)
{
    size_t more = *cap + *cap / 2 + 64;
    void *moved;
    if (n < *cap)
        return array;
    moved = checked_realloc(array, more, size);
    if (moved)
        *cap = more;
    return moved;
}

/* 64-byte aligned, for kernels; release with free(). */
static inline void *checked_aligned(size_t n, size_t size)
{
    size_t bytes;
    if (!checked_mul(n, size, &bytes) || !checked_add(bytes, 63, &bytes))
        return NULL;
    bytes &= ~(size_t)63;
    return aligned_alloc(64, bytes ? bytes : 64);
}

#define CHECKED_HUGE_PAGE ((size_t)2 << 20)

/* The same for arrays that are read here and there: from 4 MiB on in pages of 2 MiB where the
 * system has some, and without a page walk for each row. The advice may fail; release with
 * free(). */
static inline void *checked_large(size_t n, size_t size)
{
    size_t bytes;
    if (!checked_mul(n, size, &bytes) || !checked_add(bytes, CHECKED_HUGE_PAGE - 1, &bytes))
        return NULL;
    bytes &= ~(CHECKED_HUGE_PAGE - 1);
    if (bytes < 2 * CHECKED_HUGE_PAGE)
        return checked_aligned(n, size);
    void *p = aligned_alloc(CHECKED_HUGE_PAGE, bytes);
    if (p)
        (void)madvise(p, bytes, MADV_HUGEPAGE);
    return p;
}

#endif
