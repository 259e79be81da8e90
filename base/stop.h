/* stop.h - a flag by which a signal handler or another thread tells work to end.
 *
 * The public type is `volatile sig_atomic_t`, which may be set in a handler; between threads it is read and
 * written by these, whole and without order: whoever raises it does not hand anything over with it. */
#ifndef CAIRN_BASE_STOP_H
#define CAIRN_BASE_STOP_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>

static inline void stop_raise(volatile sig_atomic_t *flag)
{
    __atomic_store_n(flag, 1, __ATOMIC_RELAXED);
}

/* NULL: nobody can. */
static inline bool stop_raised(const volatile sig_atomic_t *flag)
{
    return flag && __atomic_load_n(flag, __ATOMIC_RELAXED);
}

#endif
