/* pool.h - a fixed set of worker threads for data-parallel loops.
 *
 * pool_run hands out task numbers 0 .. n_tasks - 1 from one atomic counter; the caller's thread
 * works too, as worker 0. A call returns when every task is done. Workers spin briefly between
 * calls and then sleep, so back-to-back calls (a model's layers) cost about a microsecond. Where the
 * machine is so busy that sharing takes longer than working alone, the caller works alone for a while.
 *
 * Threads  pool_run may be called by one thread at a time; calls from inside a task run serially. */
#ifndef CAIRN_BASE_POOL_H
#define CAIRN_BASE_POOL_H

#include <stddef.h>

#include "base/status.h"

typedef struct pool pool;

/* `worker` is 0 .. pool_threads() - 1: an index for per-thread scratch. */
typedef void pool_task(void *ctx, size_t task, size_t worker);

/* n_threads includes the caller's; 0 means one per online CPU (affinity respected). */
cairn_status pool_create(pool **out, size_t n_threads, cairn_error *err);
void pool_destroy(pool *p); /* NULL is fine */
size_t pool_threads(const pool *p); /* 1 for NULL */
/* A NULL pool runs everything in the caller's thread. */
void pool_run(pool *p, size_t n_tasks, pool_task *fn, void *ctx);
/* Threads that a call from here is shared by: one inside a task. */
size_t pool_sharing(const pool *p);
/* CPUs this process may run on. */
size_t pool_online_cpus(void);

#endif
