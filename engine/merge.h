/* merge.h - fewer, larger segments, made in the background while a run goes on.
 *
 * The merger has one merge at work at a time, on a thread of its own. What that thread reads are
 * segment files and tombstones it holds itself: no snapshot is pinned and no transaction is open
 * while it works, so the database does not grow and the run's own commits are not held up. The
 * finished file is put in the place of its inputs by merger_poll, on the run's thread, between two
 * of its transactions: some milliseconds. Rows that were deleted meanwhile are dead in it, too.
 *
 * The thread has the idle class of I/O priority and a lower CPU priority, and writes at most
 * [index] merge_mb_per_second, so searches and the run go first. A merge that is given up or killed
 * leaves a file without a name in the manifest, which the next writer removes.
 *
 * Threads  all functions belong to the thread of the handle. */
#ifndef CAIRN_ENGINE_MERGE_H
#define CAIRN_ENGINE_MERGE_H

#include "engine/care.h"
#include "engine/run.h"

typedef struct merger merger;

/* `way`, borrowed, is the run's: while others wait, a merge rests as the run does. */
cairn_status merger_create(merger **out, cairn *c, const give_way *way, cairn_error *err);
/* Gives up the merge at work within a tenth of a second. NULL is fine. */
void merger_destroy(merger *m);
/* Between two transactions: put a finished merge in place, and begin the next where one is due. A
 * merge that fails loses nothing and does not stop the run: no more are begun, and merger_drain
 * tells why. */
void merger_poll(merger *m);
/* Do every merge that is due, with progress; `all`: everything of a kind into one segment.
 * CAIRN_ECANCELLED when the run was: what is finished is in place. */
cairn_status merger_drain(merger *m, run *r, bool all, cairn_error *err);

/* Fill in the tiers of the status, and whether a merge is due. */
void merge_describe(const store_snapshot *s, cairn_status_info *out);

#endif
