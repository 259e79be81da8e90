/* clock.c - see clock.h. */
#include "base/clock.h"

#include <time.h>

static int64_t read_clock(clockid_t id)
{
    struct timespec ts;

    clock_gettime(id, &ts);
    return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

int64_t clock_mono_ns(void)
{
    return read_clock(CLOCK_MONOTONIC);
}

int64_t clock_wall_ns(void)
{
    return read_clock(CLOCK_REALTIME);
}

int64_t clock_cpu_ns(void)
{
    return read_clock(CLOCK_THREAD_CPUTIME_ID);
}

int64_t clock_stored_ns(struct timespec t)
{
    int64_t ns;

    if (__builtin_mul_overflow((int64_t)t.tv_sec, INT64_C(1000000000), &ns) ||
        __builtin_add_overflow(ns, (int64_t)t.tv_nsec, &ns))
        return t.tv_sec < 0 ? INT64_MIN : INT64_MAX;
    return ns;
}

#define SECOND_NS INT64_C(1000000000)
#define HUNDREDTH_NS INT64_C(10000000) /* exFAT, and a kernel's clock of 100 Hz */

bool clock_same_tick(int64_t written_ns, int64_t seen_ns)
{
    struct timespec step = {.tv_nsec = HUNDREDTH_NS};
    int64_t tick, apart;

    clock_getres(CLOCK_REALTIME_COARSE, &step);
    tick = clock_stored_ns(step);
    if (written_ns % HUNDREDTH_NS == 0 && tick < HUNDREDTH_NS)
        tick = HUNDREDTH_NS;
    if (written_ns % SECOND_NS == 0)
        tick = 2 * SECOND_NS;
    return !__builtin_sub_overflow(seen_ns, written_ns, &apart) && apart > -tick && apart < tick;
}
