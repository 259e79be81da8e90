/* pace.h - long work that lets its caller slow it down or end it.
 *
 * The work counts what it does in units, each some tens of nanoseconds, and tells every PACE_UNITS
 * of them: about a millisecond. What the step returns other than CAIRN_OK ends the work with that
 * status.
 *
 * Threads  one pace a thread; the step itself may be called from several. */
#ifndef CAIRN_BASE_PACE_H
#define CAIRN_BASE_PACE_H

#include <stddef.h>
#include <stdint.h>

#include "base/pool.h"
#include "base/status.h"

#define PACE_UNITS 16384u

/* `bytes` were made since the last step, where the work makes any. */
typedef cairn_status (*pace_step_fn)(void *ctx, uint64_t bytes, cairn_error *err);

typedef struct pace {
    pace_step_fn step; /* NULL: nobody looks */
    void *ctx;
    uint64_t units; /* since the last step */
} pace;

/* Step now. `p` may be NULL, here and below. */
static inline cairn_status pace_step(pace *p, uint64_t bytes, cairn_error *err)
{
    if (!p)
        return CAIRN_OK;
    p->units = 0;
    return p->step ? p->step(p->ctx, bytes, err) : CAIRN_OK;
}

/* Some units are done. */
static inline cairn_status pace_work(pace *p, uint64_t units, cairn_error *err)
{
    if (!p || (p->units += units) < PACE_UNITS)
        return CAIRN_OK;
    return pace_step(p, 0, err);
}

/* pool_run with a step first and before each task of the caller's thread. After a failed step the
 * tasks that are left are not run, and its status is returned. */
cairn_status pace_run(pace *p, pool *workers, size_t n_tasks, pool_task *fn, void *ctx,
                      cairn_error *err);

/* qsort_r with a unit for each comparison. CAIRN_ENOMEM without room for a second array; after a
 * failure the array holds rubbish. */
cairn_status pace_sort(void *at, size_t n, size_t size,
                       int (*compare)(const void *, const void *, void *), void *ctx, pace *p,
                       cairn_error *err);

#endif
