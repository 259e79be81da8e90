/* run.c - see run.h. */
#include "engine/rebuild.h"

#include "engine/cluster.h"
#include "engine/merge.h"
#include "engine/second.h"

#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "base/clock.h"

#define REPORT_BYTES ((size_t)256 << 20)
#define TELL_EVERY_NS 100000000

static cairn_status follow_embedder(cairn *c, cairn_error *err)
{
    store_snapshot *s;
    cairn_status st = store_snapshot_open(c->store, &s, err);

    if (st)
        return st;
    st = engine_follow_embedder(c, s, err);
    store_snapshot_close(s);
    return st;
}

static bool others_wait(void *ctx)
{
    const run *r = ctx;

    return !run_cancelled(r) && r->options->give_way(r->options->give_way_ctx);
}

cairn_status run_begin(run *r, cairn *c, const cairn_index_options *options,
                       cairn_index_report *report, cairn_error *err)
{
    static const cairn_index_options nothing;
    arena *memory = malloc(sizeof *memory);
    cairn_status st;

    *report = (cairn_index_report){0};
    *r = (run){.c = c,
               .options = options ? options : &nothing,
               .report = report,
               .start_ns = clock_mono_ns()};
    if (r->options->give_way)
        r->way = (give_way){others_wait, r};
    if (!memory)
        return cairn_fail(err, CAIRN_ENOMEM, "report");
    arena_init(memory, REPORT_BYTES);
    report->memory = memory;
    if (r->options->dry_run)
        return CAIRN_OK;
    cluster_limit_gently(c, r->options->cancel);
    st = engine_need_writer(c, err);
    if (!st)
        st = follow_embedder(c, err);
    if (!st)
        run_state_init(&r->state, c);
    if (!st)
        st = batch_create(&r->batch, c, err);
    if (!st)
        st = rebuild_due(r, err);
    if (!st)
        st = merger_create(&r->merger, c, &r->way, err);
    return st;
}

void cairn_index_report_clear(cairn_index_report *report)
{
    if (report->memory) {
        arena_clear(report->memory);
        free(report->memory);
    }
    free(report->failed);
    *report = (cairn_index_report){0};
}

/* Commit what was collected, and remember the counts that hold then. */
static cairn_status commit(run *r, cairn_error *err)
{
    cairn_status st = batch_flush(r->batch, err);

    if (!st)
        r->committed = *r->report;
    return st;
}

/* What was counted since the last commit is in no collection. */
static void take_back(run *r)
{
    r->report->indexed = r->committed.indexed;
    r->report->moved = r->committed.moved;
    r->report->removed = r->committed.removed;
    r->report->chunks = r->committed.chunks;
}

cairn_status run_flush(run *r, store_snapshot **renew, cairn_error *err)
{
    cairn_status st = commit(r, err);

    if (st)
        return st;
    merger_poll(r->merger);
    store_snapshot_close(*renew);
    *renew = NULL;
    return store_snapshot_open(r->c->store, renew, err);
}

bool run_cancelled(const run *r)
{
    return engine_cancelled(r->options->cancel);
}

cairn_status run_fail(run *r, run_failed what, const char *path, const char *reason, cairn_error *err)
{
    cairn_index_report *p = r->report;
    char *path_copy, *reason_copy;

    if (p->n_failed == r->failed_cap) {
        size_t cap = r->failed_cap ? r->failed_cap * 2 : 64;
        cairn_failure *more = checked_realloc(p->failed, cap, sizeof *more);
        if (!more)
            return cairn_fail(err, CAIRN_ENOMEM, "report");
        p->failed = more;
        r->failed_cap = cap;
    }
    path_copy = arena_strdup(p->memory, path);
    reason_copy = arena_strdup(p->memory, reason);
    if (!path_copy || !reason_copy)
        return cairn_fail(err, CAIRN_ENOMEM, "report");
    p->failed[p->n_failed++] = (cairn_failure){path_copy, reason_copy};
    p->unread += what == RUN_FAILED_FILE;
    p->n_failed_inside += what == RUN_FAILED_INSIDE;
    run_event(r, &(cairn_index_event){.kind = "fail", .path = path, .reason = reason});
    return CAIRN_OK;
}

void run_event(run *r, const cairn_index_event *e)
{
    if (r->options->event)
        r->options->event(r->options->event_ctx, e);
}

void run_progress(run *r, const char *stage, size_t done, size_t total, const char *current,
                  bool last)
{
    int64_t now = clock_mono_ns();
    cairn_progress p = {.stage = stage,
                        .done = done,
                        .total = total,
                        .bytes_done = r->bytes_done,
                        .bytes_total = r->bytes_total,
                        .current = current,
                        .seconds_left = -1};

    give_way_step(&r->way, &r->account, r->helpers);
    if (last || !r->told_stage || strcmp(r->told_stage, stage) != 0) { /* a stage's beginning and end are told at once */
        r->told_ns = r->state.written_ns = 0;
        r->told_stage = stage;
    }
    if (now - r->told_ns < TELL_EVERY_NS)
        return;
    r->told_ns = now;
    p.seconds = (double)(now - r->start_ns) / 1e9;
    /* Bytes say more about the time left than a count of files of any size. The first second says
     * nothing: workers are starting. */
    if (p.seconds < 1)
        p.seconds_left = -1;
    else if (r->bytes_total && r->bytes_done)
        p.seconds_left = p.seconds * (double)(r->bytes_total - r->bytes_done) /
                         (double)r->bytes_done;
    else if (total && done)
        p.seconds_left = p.seconds * (double)(total - done) / (double)done;
    if (!r->options->dry_run)
        run_state_tell(&r->state, &p);
    if (r->options->progress)
        r->options->progress(r->options->progress_ctx, &p);
}

/* Every file that was seen came to one thing. */
static void count_the_rest(cairn_index_report *p)
{
    const size_t done = p->indexed + p->unchanged + p->moved + p->unread;

    p->not_reached = p->seen > done ? p->seen - done : 0;
}

static cairn_status later_stages(run *r, cairn_error *err)
{
    cairn_status st = CAIRN_OK;

    r->bytes_done = r->bytes_total = 0;
    r->start_ns = clock_mono_ns(); /* each stage has its own rate and time left */
    if (!r->options->no_vectors)
        st = run_embed(r, err);
    if (st == CAIRN_EFULL)
        cairn_error_prefix(err, "no room for all vectors: everything is found by its words, and with more room the same again goes on");
    if (!st && !r->options->no_vectors)
        st = run_second(r, err);
    if (!st || st == CAIRN_EMODEL) {
        cairn_error merge_error = {0};
        cairn_status merged = merger_drain(r->merger, r, false, &merge_error);
        if (!st && merged) {
            st = merged;
            if (err)
                *err = merge_error;
        }
    }
    if (!st)
        st = run_audit(r, false, true, err);
    return st;
}

cairn_status run_end(run *r, cairn_status st, cairn_error *err)
{
    int64_t start_ns = r->start_ns;

    cluster_limit_gently(r->c, r->options->cancel); /* what was collected is committed also after a cancel */
    if (r->batch && (!st || st == CAIRN_ECANCELLED)) {
        cairn_error flush_error = {0};
        cairn_status flushed = commit(r, &flush_error);
        if (flushed) {
            st = flushed;
            if (err)
                *err = flush_error;
        }
    }
    batch_destroy(r->batch);
    r->batch = NULL;
    if (st && st != CAIRN_ECANCELLED)
        take_back(r);
    if (st == CAIRN_EFULL && !r->c->remote)
        cairn_error_prefix(err, "no room for more: what was committed stays (%zu files of this run), and with more room the same again goes on",
                           r->report->indexed);
    if (!st && !r->options->dry_run)
        st = later_stages(r, err);
    cluster_limit_gently(r->c, NULL);
    merger_destroy(r->merger);
    r->merger = NULL;
    run_state_clear(&r->state);
    count_the_rest(r->report);
    r->report->seconds = (double)(clock_mono_ns() - start_ns) / 1e9;
    return st;
}
