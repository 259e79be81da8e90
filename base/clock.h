/* clock.h - time in int64 nanoseconds. */
#ifndef CAIRN_BASE_CLOCK_H
#define CAIRN_BASE_CLOCK_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

int64_t clock_mono_ns(void); /* monotonic: for durations and deadlines */
int64_t clock_wall_ns(void); /* since 1970-01-01 UTC: for stored times */
int64_t clock_cpu_ns(void);  /* CPU time of the calling thread */

/* A stored time such as a file's; beyond the years 1677 to 2262 the nearest there is. */
int64_t clock_stored_ns(struct timespec t);

/* Whether a file that bears the time `written_ns` and was looked at at `seen_ns` (clock_wall_ns) may be written again and
 * bear the same time: file systems count in ticks, of a few milliseconds, or two seconds where the time is a whole one
 * (FAT). Only what was seen after its tick is known to have changed by its time alone. */
bool clock_same_tick(int64_t written_ns, int64_t seen_ns);

#endif
