/* run.h - one indexing run: its report, its progress, its cancel flag, and the stages behind
 * reading (vectors, merging) that every kind of run ends with. */
#ifndef CAIRN_ENGINE_RUN_H
#define CAIRN_ENGINE_RUN_H

#include "base/give_way.h"
#include "engine/batch.h"
#include "engine/care.h"
#include "engine/engine.h"
#include "engine/run_state.h"

typedef struct run {
    cairn *c;
    const cairn_index_options *options; /* never NULL */
    cairn_index_report *report;
    batch *batch;
    struct merger *merger; /* merge.h; NULL while an embedder is built */
    cairn_index_report committed; /* the counts of `report` when the last batch was committed; nothing else of it */
    int64_t start_ns, told_ns;
    const char *told_stage; /* a constant; NULL: nothing was told yet */
    size_t failed_cap;
    uint64_t bytes_done, bytes_total;
    run_state state;
    give_way way;              /* for every thread of the run: false, too, once it is cancelled */
    give_way_account account;  /* of the thread that calls */
    unsigned helpers;          /* the threads of the pool that work beside it at this stage */
} run;

/* `options` may be NULL. The report is cleared first. */
cairn_status run_begin(run *r, cairn *c, const cairn_index_options *options,
                       cairn_index_report *report, cairn_error *err);
/* Flush what was collected, embed and merge (as the options say), fill in the seconds and give the
 * run's status: `st` where it is a failure. What was collected is committed also after a cancel; where that fails, the
 * report counts what was committed before. */
cairn_status run_end(run *r, cairn_status st, cairn_error *err);

/* Commit what was collected, and let the merger go on. The caller's snapshot is changed for one of
 * the new state: a long run that kept its first would keep every page that its own commits free. */
cairn_status run_flush(run *r, store_snapshot **renew, cairn_error *err);

bool run_cancelled(const run *r);
typedef enum run_failed {
    RUN_FAILED_FILE,   /* one that `seen` counts */
    RUN_FAILED_INSIDE, /* a file inside one */
    RUN_FAILED_PLACE   /* nothing that is counted: a folder, a path that does not exist */
} run_failed;
/* Add to the report's failures (copies). */
cairn_status run_fail(run *r, run_failed what, const char *path, const char *reason, cairn_error *err);
/* Tell the caller what happens to a path. */
void run_event(run *r, const cairn_index_event *e);
/* A step is done: tell the caller how far the run is, at most ten times a second (`last` tells in any case), and let
 * others go first (base/give_way.h). */
void run_progress(run *r, const char *stage, size_t done, size_t total, const char *current,
                  bool last);

/* Vectors for the chunks that wait (embed.c). */
cairn_status run_embed(run *r, cairn_error *err);
/* Vectors aside for the chunks that have none there, by the handle's embedder. */
struct literacy;
typedef struct run_aside {
    const struct literacy *reads; /* what it reads: no vectors are made of the rest; NULL: they are of all */
    const char *stage;            /* of the progress */
    size_t done;                  /* by calls so far; 0 before the first */
} run_aside;

/* For a while: *left says how many are missing then. */
cairn_status run_embed_aside(run *r, run_aside *how, size_t *left, cairn_error *err);
/* Measure the vectors' recall and mend what is bad (audit.c). Not `always`: only when enough of them
 * changed since the last time and the settings allow it. */
cairn_status run_audit(run *r, bool always, bool repair, cairn_error *err);
/* The last result; out->known is false when there is none. */
cairn_status audit_read(const store_snapshot *s, cairn_audit *out, cairn_error *err);

#endif
