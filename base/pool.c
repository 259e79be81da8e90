/* pool.c - workers wait for a new `generation`, take task numbers from one counter, and report when
 * they find none left.
 *
 * The ticket carries the generation in its high half and the tasks left in its low half. A worker
 * that wakes late, from an old call, either finds none left or loses the compare-and-swap; only
 * after winning it does it read fn, ctx and n_tasks, which the caller cannot change before every
 * task it handed out is finished.
 *
 * A worker spins for a bounded number of loads before it sleeps on the condition variable. The
 * caller publishes under the mutex only when somebody sleeps. On a machine with fewer free cores
 * than threads, spinning costs the others their time slice, so after a short busy phase workers
 * call sched_yield.
 *
 * On such a machine a worker also loses its processor in the middle of a task, and the caller waits for
 * it longer than it would have needed for all tasks alone. So the caller keeps account: what its own pace
 * says that all tasks would have taken, less what they did take. After WATCHED_NS of calls that came out
 * a loss it works alone for a while, twice as long each time that this repeats, and then tries again. */
#include "base/pool.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/checked.h"
#include "base/clock.h"

#define WATCHED_NS    10000000
#define ALONE_NS      10000000 /* at first */
#define MOST_ALONE_NS 320000000
#define SPIN_LOADS  2000
#define YIELD_TURNS 50

typedef struct worker_arg {
    pool *p;
    size_t index;
} worker_arg;

struct pool {
    size_t n_threads;
    pthread_t *threads;
    worker_arg *args;
    size_t n_started;

    /* One call's work, written before `ticket` is released. */
    pool_task *fn;
    void *ctx;
    uint32_t n_tasks, first; /* first: number of task 0 */
    uint32_t generation;

    /* The caller's account of what sharing gains. */
    int64_t gained_ns, watched_ns;
    int64_t alone_ns, alone_until; /* how long next time; 0: together */

    _Alignas(64) atomic_uint_fast64_t ticket; /* generation << 32 | tasks left */
    _Alignas(64) atomic_uint_fast32_t unfinished;
    _Alignas(64) atomic_uint_fast32_t sleepers;
    atomic_bool stop;
    pthread_mutex_t lock;
    pthread_cond_t wake;
};

static _Thread_local bool inside_task;

static inline void cpu_relax(void)
{
    __builtin_ia32_pause();
}

/* Work on `generation` until its tasks are handed out; how many were done here. */
static size_t take_tasks(pool *p, uint32_t generation, size_t worker)
{
    for (size_t done = 0;;) {
        uint_fast64_t t = atomic_load_explicit(&p->ticket, memory_order_acquire);
        if ((uint32_t)(t >> 32) != generation || !(uint32_t)t)
            return done;
        if (!atomic_compare_exchange_weak_explicit(&p->ticket, &t, t - 1, memory_order_acq_rel,
                                                   memory_order_acquire))
            continue;
        inside_task = true;
        p->fn(p->ctx, p->first + p->n_tasks - (uint32_t)t, worker);
        inside_task = false;
        atomic_fetch_sub_explicit(&p->unfinished, 1, memory_order_acq_rel);
        done++;
    }
}

static bool has_work(pool *p, uint32_t seen)
{
    return atomic_load_explicit(&p->stop, memory_order_acquire) ||
           (uint32_t)(atomic_load_explicit(&p->ticket, memory_order_acquire) >> 32) != seen;
}

static void wait_for_work(pool *p, uint32_t seen)
{
    for (int i = 0; i < SPIN_LOADS; i++) {
        if (has_work(p, seen))
            return;
        cpu_relax();
    }
    for (int i = 0; i < YIELD_TURNS; i++) {
        if (has_work(p, seen))
            return;
        sched_yield();
    }
    pthread_mutex_lock(&p->lock);
    atomic_fetch_add(&p->sleepers, 1);
    while (!has_work(p, seen))
        pthread_cond_wait(&p->wake, &p->lock);
    atomic_fetch_sub(&p->sleepers, 1);
    pthread_mutex_unlock(&p->lock);
}

static void *worker_main(void *arg)
{
    worker_arg *w = arg;
    pool *p = w->p;
    uint32_t seen = 0;

    for (;;) {
        wait_for_work(p, seen);
        if (atomic_load_explicit(&p->stop, memory_order_acquire))
            return NULL;
        seen = (uint32_t)(atomic_load_explicit(&p->ticket, memory_order_acquire) >> 32);
        take_tasks(p, seen, w->index);
    }
}

size_t pool_online_cpus(void)
{
    cpu_set_t set;

    if (sched_getaffinity(0, sizeof set, &set) == 0 && CPU_COUNT(&set) > 0)
        return (size_t)CPU_COUNT(&set);
    return 1;
}

cairn_status pool_create(pool **out, size_t n_threads, cairn_error *err)
{
    pool *p;

    *out = NULL;
    if (!n_threads)
        n_threads = pool_online_cpus();
    if (n_threads > 1024)
        n_threads = 1024;
    p = checked_aligned(1, sizeof *p);
    if (!p)
        return cairn_fail(err, CAIRN_ENOMEM, "thread pool");
    *p = (pool){.n_threads = n_threads, .alone_ns = ALONE_NS};
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->wake, NULL);
    p->threads = calloc(n_threads, sizeof *p->threads);
    p->args = calloc(n_threads, sizeof *p->args);
    if (!p->threads || !p->args) {
        pool_destroy(p);
        return cairn_fail(err, CAIRN_ENOMEM, "thread pool of %zu threads", n_threads);
    }
    for (size_t i = 1; i < n_threads; i++) {
        int rc;
        p->args[i] = (worker_arg){.p = p, .index = i};
        rc = pthread_create(&p->threads[i], NULL, worker_main, &p->args[i]);
        if (rc) {
            pool_destroy(p);
            return cairn_fail_errno(err, rc, "start thread %zu of %zu", i, n_threads);
        }
        p->n_started++;
    }
    *out = p;
    return CAIRN_OK;
}

void pool_destroy(pool *p)
{
    if (!p)
        return;
    pthread_mutex_lock(&p->lock);
    atomic_store(&p->stop, true);
    pthread_cond_broadcast(&p->wake);
    pthread_mutex_unlock(&p->lock);
    for (size_t i = 1; i <= p->n_started; i++)
        pthread_join(p->threads[i], NULL);
    pthread_mutex_destroy(&p->lock);
    pthread_cond_destroy(&p->wake);
    free(p->threads);
    free(p->args);
    free(p);
}

size_t pool_threads(const pool *p)
{
    return p ? p->n_threads : 1;
}

size_t pool_sharing(const pool *p)
{
    return inside_task ? 1 : pool_threads(p);
}

/* A call of n tasks, of which the caller did `own` until own_end. */
static void keep_account(pool *p, size_t n, size_t own, int64_t start, int64_t own_end)
{
    int64_t end = clock_mono_ns();

    /* Without tasks of its own, or with few of unlike sizes, there is no pace to go by. */
    if (!own || n < 4 * p->n_threads)
        return;
    p->gained_ns += (own_end - start) / (int64_t)own * (int64_t)n - (end - start);
    p->watched_ns += end - start;
    if (p->watched_ns < WATCHED_NS)
        return;
    if (p->gained_ns < 0) {
        p->alone_until = end + p->alone_ns;
        if (p->alone_ns < MOST_ALONE_NS)
            p->alone_ns *= 2;
    } else {
        p->alone_ns = ALONE_NS;
    }
    p->gained_ns = p->watched_ns = 0;
}

/* The first tasks of a call that falls into a time alone; how many were done. A long call is shared again
 * when that time is over. */
static size_t start_alone(pool *p, size_t n, pool_task *fn, void *ctx)
{
    size_t i = 0;

    while (p->alone_until && i < n) {
        if (clock_mono_ns() >= p->alone_until) {
            p->alone_until = 0;
            break;
        }
        inside_task = true;
        fn(ctx, i++, 0);
        inside_task = false;
    }
    return i;
}

static void run_batch(pool *p, uint32_t n_tasks)
{
    int64_t start = clock_mono_ns(), own_end;
    size_t own;
    int turns = 0;

    p->n_tasks = n_tasks;
    p->generation++;
    if (!p->generation) /* 0 is what a fresh worker has seen */
        p->generation = 1;
    atomic_store_explicit(&p->unfinished, n_tasks, memory_order_relaxed);
    /* Sequentially consistent against the sleeper's count: either it sees the new ticket before it
     * sleeps, or we see it asleep and wake it. */
    atomic_store(&p->ticket, (uint_fast64_t)p->generation << 32 | n_tasks);
    if (atomic_load(&p->sleepers)) {
        pthread_mutex_lock(&p->lock);
        pthread_cond_broadcast(&p->wake);
        pthread_mutex_unlock(&p->lock);
    }
    own = take_tasks(p, p->generation, 0);
    own_end = clock_mono_ns();
    while (atomic_load_explicit(&p->unfinished, memory_order_acquire)) {
        if (++turns < SPIN_LOADS)
            cpu_relax();
        else
            sched_yield();
    }
    keep_account(p, n_tasks, own, start, own_end);
}

void pool_run(pool *p, size_t n_tasks, pool_task *fn, void *ctx)
{
    size_t done = 0;

    /* A ticket counts to 32 bits; no caller has four billion tasks worth sharing. */
    bool shared = p && p->n_threads > 1 && n_tasks > 1 && n_tasks <= UINT32_MAX && !inside_task;

    if (shared)
        done = start_alone(p, n_tasks, fn, ctx);
    if (shared && n_tasks - done > 1) {
        p->fn = fn;
        p->ctx = ctx;
        p->first = (uint32_t)done;
        run_batch(p, (uint32_t)(n_tasks - done));
        return;
    }
    for (; done < n_tasks; done++)
        fn(ctx, done, 0);
}
