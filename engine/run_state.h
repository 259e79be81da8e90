/* run_state.h - how far the run at work is, for other processes: a small file beside the store.
 *
 * The file run.state holds one JSON object; it is replaced by rename at most once a second and removed at the end of
 * the run. One that a killed run left names a process that is gone, and counts as none. Losing or
 * damaging it loses nothing: what is done is in the store.
 *
 * The rate at which vectors came last is kept in the store (META_RATE), for who asks between runs. */
#ifndef CAIRN_ENGINE_RUN_STATE_H
#define CAIRN_ENGINE_RUN_STATE_H

#include "engine/care.h"
#include "engine/engine.h"

#define META_RATE "embed_rate" /* vectors a second, as text */

typedef struct run_state {
    char path[4096], tmp[4096]; /* "" where the path is too long: nothing is written */
    int64_t written_ns;
} run_state;

void run_state_init(run_state *s, const cairn *c);
/* Say it, unless that was done less than a second ago. */
void run_state_tell(run_state *s, const cairn_progress *p);
void run_state_clear(run_state *s);

/* What the run at work in `dir` says; out->active is false where there is none. */
void run_state_read(const char *dir, cairn_running *out);

#endif
