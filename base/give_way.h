/* give_way.h - work that rests while others, who go first, wait for the processor.
 *
 * A lower priority (priority.h) alone still gives such work its tenth of a processor that is wanted by others; all
 * who stand in line wait for that. So the work asks, at each of its steps: does somebody wait? While somebody does,
 * each thread rests GIVE_WAY_REST times as long as it has worked since its last step: it goes on with a fiftieth of a
 * processor, and is never starved: no rest is longer than GIVE_WAY_MOST_NS, and it ends as soon as nobody waits.
 *
 * A step is taken where no lock is held that those others need.
 *
 * Threads  `wanted` is called by any of the threads that work. A give_way_account belongs to one thread. */
#ifndef CAIRN_BASE_GIVE_WAY_H
#define CAIRN_BASE_GIVE_WAY_H

#include <stdbool.h>
#include <stdint.h>

#define GIVE_WAY_REST    49
#define GIVE_WAY_MOST_NS ((int64_t)5 * 1000000000)

typedef struct give_way {
    bool (*wanted)(void *ctx); /* NULL: nobody goes first. False also when the work is to end */
    void *ctx;
} give_way;

/* What one thread has worked; begin with {0} before its first step, which only takes note. */
typedef struct give_way_account {
    int64_t cpu_ns; /* of the thread, at its last step; 0: none yet */
} give_way_account;

/* Does somebody wait? `g` may be NULL, here and below. */
bool give_way_wanted(const give_way *g);
/* A step: rest for what this thread, and `helpers` others that work for it as hard, has worked since its last step. */
void give_way_step(const give_way *g, give_way_account *a, unsigned helpers);
/* The same for `worked_ns` of whatever processor. Says how long the rest was. */
int64_t give_way_rest(const give_way *g, int64_t worked_ns);

#endif
