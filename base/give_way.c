/* give_way.c - see give_way.h. */
#include "base/give_way.h"

#include <time.h>

#include "base/clock.h"

#define LOOK_NS 10000000 /* how often a rest looks whether somebody still waits */

bool give_way_wanted(const give_way *g)
{
    return g && g->wanted && g->wanted(g->ctx);
}

int64_t give_way_rest(const give_way *g, int64_t worked_ns)
{
    int64_t began = clock_mono_ns(), now = began, until;

    if (worked_ns <= 0)
        return 0;
    until = began + (worked_ns < GIVE_WAY_MOST_NS / GIVE_WAY_REST ? worked_ns * GIVE_WAY_REST : GIVE_WAY_MOST_NS);
    while (now < until && give_way_wanted(g)) {
        struct timespec nap = {.tv_nsec = until - now < LOOK_NS ? until - now : LOOK_NS};
        nanosleep(&nap, NULL);
        now = clock_mono_ns();
    }
    return now - began;
}

void give_way_step(const give_way *g, give_way_account *a, unsigned helpers)
{
    int64_t now, before = a->cpu_ns;

    if (!g || !g->wanted)
        return;
    a->cpu_ns = now = clock_cpu_ns();
    if (before)
        give_way_rest(g, (now - before) * (1 + (int64_t)helpers));
}
