/* pace.c - a merge sort that steps; see pace.h.
 *
 * Runs of RUN elements are sorted by qsort_r, then merged two by two between the array and a second
 * one. Two runs that are in order already are copied, so sorted input costs one comparison a run.
 */
#include "base/pace.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"

#define RUN 1024u

typedef struct sorting {
    size_t size;
    int (*compare)(const void *, const void *, void *);
    void *ctx;
    pace *p;
    cairn_error *err;
} sorting;

/* Merge from[0, mid) and from[mid, n) into `to`. */
static cairn_status merge(const sorting *s, const char *from, size_t mid, size_t n, char *to)
{
    size_t i = 0, j = mid;
    cairn_status st = CAIRN_OK;

    if (mid >= n || s->compare(from + (mid - 1) * s->size, from + mid * s->size, s->ctx) <= 0) {
        memcpy(to, from, n * s->size);
        return pace_work(s->p, 1, s->err);
    }
    while (i < mid && j < n && !st) {
        size_t *next = s->compare(from + i * s->size, from + j * s->size, s->ctx) <= 0 ? &i : &j;
        memcpy(to, from + (*next)++ * s->size, s->size);
        to += s->size;
        st = pace_work(s->p, 1, s->err);
    }
    memcpy(to, from + i * s->size, (mid - i) * s->size);
    memcpy(to + (mid - i) * s->size, from + j * s->size, (n - j) * s->size);
    return st;
}

cairn_status pace_sort(void *at, size_t n, size_t size,
                       int (*compare)(const void *, const void *, void *), void *ctx, pace *p,
                       cairn_error *err)
{
    sorting s = {size, compare, ctx, p, err};
    char *from = at, *to, *room;
    cairn_status st = CAIRN_OK;

    for (size_t i = 0; i < n && !st; i += RUN) {
        size_t run = n - i < RUN ? n - i : RUN;
        qsort_r(from + i * size, run, size, compare, ctx);
        st = pace_work(p, 10 * (uint64_t)run, err); /* log2(RUN) comparisons each */
    }
    if (st || n <= RUN)
        return st;
    room = to = checked_malloc(n, size);
    if (!room)
        return cairn_fail(err, CAIRN_ENOMEM, "no memory to sort %zu elements", n);
    for (size_t width = RUN; width < n && !st; width *= 2) {
        char *other = from;
        for (size_t i = 0; i < n && !st; i += 2 * width) {
            size_t left = n - i, mid = width < left ? width : left;
            st =
                merge(&s, from + i * size, mid, 2 * width < left ? 2 * width : left, to + i * size);
        }
        from = to;
        to = other;
    }
    if (!st && from != (char *)at)
        memcpy(at, from, n * size);
    free(room);
    return st;
}

/* ---- many threads ---- */

typedef struct paced {
    pace *p;
    pool_task *fn;
    void *ctx;
    atomic_bool ended;
    cairn_status st; /* of the caller's thread */
    cairn_error *err;
} paced;

static void paced_task(void *ctx, size_t task, size_t worker)
{
    paced *j = ctx;

    if (worker == 0 && !atomic_load_explicit(&j->ended, memory_order_relaxed)) {
        j->st = pace_step(j->p, 0, j->err);
        if (j->st)
            atomic_store_explicit(&j->ended, true, memory_order_relaxed);
    }
    if (!atomic_load_explicit(&j->ended, memory_order_relaxed))
        j->fn(j->ctx, task, worker);
}

cairn_status pace_run(pace *p, pool *workers, size_t n_tasks, pool_task *fn, void *ctx,
                      cairn_error *err)
{
    paced j = {.p = p, .fn = fn, .ctx = ctx, .err = err, .st = pace_step(p, 0, err)};

    if (j.st)
        return j.st;
    if (!p || !p->step)
        pool_run(workers, n_tasks, fn, ctx);
    else
        pool_run(workers, n_tasks, paced_task, &j);
    return j.st;
}
