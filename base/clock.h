/* clock.h - time in int64 nanoseconds. */
#ifndef CAIRN_BASE_CLOCK_H
#define CAIRN_BASE_CLOCK_H

#include <stdint.h>
#include <time.h>

int64_t clock_mono_ns(void); /* monotonic: for durations and deadlines */
int64_t clock_wall_ns(void); /* since 1970-01-01 UTC: for stored times */
int64_t clock_cpu_ns(void);  /* CPU time of the calling thread */

/* A stored time such as a file's; beyond the years 1677 to 2262 the nearest there is. */
int64_t clock_stored_ns(struct timespec t);

#endif
