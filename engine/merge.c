/* merge.c - see merge.h; merge_policy.c says what is merged.
 *
 * 1. begin(): a view of the newest state; the policy picks inputs; their files are retained, their
 *    tombstones copied, and the view is closed.
 * 2. On the thread: index sections, filter columns and row tables go into a segment file through
 *    a sink that paces and can be told to stop; the file is synced.
 * 3. commit(): store_segment_merge in a transaction of its own.
 *
 * The state between the threads is small and under `lock`: the bytes made, the flags. */
#include "engine/care.h"
#include "engine/merge.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/checked.h"
#include "base/clock.h"
#include "base/priority.h"
#include "engine/columns.h"
#include "engine/likeness.h"
#include "engine/merge_policy.h"
#include "engine/second.h"
#include "engine/view.h"

#define REORDER_ROWS 65536 /* of a merge that reorders, if asked to; a compaction does from 2 on   \
                            */
#define LOOK_NS       20000000 /* how often a wait looks at the cancel flag */
#define PIECE         ((size_t)256 << 10)

typedef struct merge_input {
    segment_id id;
    uint32_t n_rows, n_deleted;
    segment_file *file; /* retained */
    uint64_t *deleted;  /* a copy; NULL: none */
    lexical_reader *lexical;
    vector_reader *vector;
    filter_reader *filter;
} merge_input;

struct merger {
    cairn *c;
    /* The merge at hand; the thread's while `started` and not `finished`. */
    segment_kind kind;
    merge_input *in;
    size_t n;
    uint32_t rows; /* of the result */
    bool all;
    uint32_t *order; /* [rows] of the result: the row that comes i-th; NULL: as the inputs are */
    segment_writer *w;
    pool *workers; /* for vectors, when nobody else uses the pool */
    section_sink sink;
    uint64_t expected; /* bytes that will pass slow_down(), roughly */
    cairn_status status;
    cairn_error error;
    cairn_error failed; /* of a merge in the background; code CAIRN_OK: none */
    const give_way *run_way;
    give_way way;             /* the same, and false once the merge is given up */
    give_way_account account; /* of the thread, and of the merge at hand */
    pthread_t thread;
    bool started;
    /* Between the threads. */
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool finished, cancel;
    uint64_t bytes;
    int64_t begin_ns;
};

/* ---- the thread ---- */

static void wait_until(merger *m, int64_t ns)
{
    struct timespec until = {ns / 1000000000, ns % 1000000000};

    pthread_cond_timedwait(&m->changed, &m->lock, &until);
}

/* One of what lies between the threads. */
static bool is_set(merger *m, const bool *flag)
{
    bool set;

    pthread_mutex_lock(&m->lock);
    set = *flag;
    pthread_mutex_unlock(&m->lock);
    return set;
}

static bool others_wait(void *ctx)
{
    merger *m = ctx;

    return !is_set(m, &m->cancel) && give_way_wanted(m->run_way);
}

/* Count bytes, let others go first, wait where they came too fast, and tell when to stop. */
static cairn_status slow_down(void *ctx, uint64_t bytes, cairn_error *err)
{
    merger *m = ctx;
    double rate = m->c->settings.merge_mb_per_second * 1e6;
    bool cancel;

    give_way_step(&m->way, &m->account, 0);
    pthread_mutex_lock(&m->lock);
    m->bytes += bytes;
    if (rate > 0) {
        int64_t due = m->begin_ns + (int64_t)((double)m->bytes / rate * 1e9);
        while (!m->cancel && clock_mono_ns() < due)
            wait_until(m, due);
    }
    cancel = m->cancel;
    pthread_mutex_unlock(&m->lock);
    return cancel ? cairn_fail(err, CAIRN_ECANCELLED, "the merge was given up") : CAIRN_OK;
}

static cairn_status sink_begin(void *ctx, const char *name, cairn_error *err)
{
    merger *m = ctx;
    const section_sink *to = segment_writer_sink(m->w);

    return to->begin(to->ctx, name, err);
}

static cairn_status sink_write(void *ctx, const void *data, size_t n, cairn_error *err)
{
    merger *m = ctx;
    const section_sink *to = segment_writer_sink(m->w);
    const char *p = data;
    cairn_status st = CAIRN_OK;

    while (n && !st) {
        size_t piece = n < PIECE ? n : PIECE;
        st = slow_down(m, piece, err);
        if (!st)
            st = to->write(to->ctx, p, piece, err);
        p += piece;
        n -= piece;
    }
    return st;
}

static cairn_status sink_end(void *ctx, cairn_error *err)
{
    merger *m = ctx;
    const section_sink *to = segment_writer_sink(m->w);

    return to->end(to->ctx, err);
}

static cairn_status open_readers(merger *m, cairn_error *err)
{
    cairn_status st = CAIRN_OK;

    for (size_t i = 0; i < m->n && !st; i++) {
        merge_input *in = &m->in[i];
        section_source source = segment_source(in->file);
        st = filter_reader_open(&in->filter, &source, err);
        if (!st && m->kind == SEGMENT_LEXICAL)
            st = lexical_reader_open(&in->lexical, &source, err);
        else if (!st)
            st = vector_reader_open(&in->vector, &source, err);
        if (st)
            cairn_error_prefix(err, "%s", segment_file_path(in->file));
    }
    return st;
}

static cairn_status find_order(merger *m, const lexical_merge_input *in,
                               const lexical_merge_options *o, cairn_error *err)
{
    m->order = checked_malloc((size_t)m->rows + 1, sizeof *m->order);
    if (!m->order)
        return cairn_fail(err, CAIRN_ENOMEM, "order of a merge");
    return lexical_reorder(in, m->n, o, m->workers, m->order, err);
}

static cairn_status write_words(merger *m, cairn_error *err)
{
    lexical_merge_options o = {.memory_budget = (size_t)(m->c->settings.memory_mb * 1048576),
                               .spill_dir = m->c->dir,
                               .step = slow_down,
                               .step_ctx = m};
    lexical_merge_input in[MERGE_MOST];
    bool reorder = !strcmp(m->c->settings.reorder, "on") && (m->all || m->rows >= REORDER_ROWS);
    cairn_status st = CAIRN_OK;

    for (size_t i = 0; i < m->n; i++)
        in[i] = (lexical_merge_input){m->in[i].lexical, m->in[i].deleted};
    if (reorder)
        st = find_order(m, in, &o, err);
    o.order = m->order;
    return st ? st : lexical_merge_with(in, m->n, &o, &m->sink, err);
}

static cairn_status write_vectors(merger *m, cairn_error *err)
{
    vector_merge_input in[MERGE_MOST];
    vector_options o = engine_vector_options(m->c);
    pace steps = {slow_down, m, 0};

    for (size_t i = 0; i < m->n; i++)
        in[i] = (vector_merge_input){m->in[i].vector, m->in[i].deleted};
    return vector_merge_with(in, m->n, &o, &m->sink, &steps, m->workers, err);
}

static cairn_status write_columns(merger *m, cairn_error *err)
{
    filter_merge_input in[MERGE_MOST];
    pace steps = {slow_down, m, 0};
    filter_merge_options o = {.order = m->order, .pace = &steps};
    store_snapshot *snapshot;
    cairn_status st = store_snapshot_open(m->c->store, &snapshot, err);

    if (st)
        return st;
    memset(in, 0, m->n * sizeof *in);
    for (size_t i = 0; i < m->n && !st; i++) {
        const merge_input *of = &m->in[i];
        in[i].reader = of->filter;
        in[i].deleted = of->deleted;
        st = columns_fill(snapshot, of->file, of->n_rows, of->deleted, of->filter, &steps,
                          &in[i].fill, err);
    }
    store_snapshot_close(snapshot);
    if (!st)
        st = filter_merge_with(in, m->n, &o, &m->sink, err);
    for (size_t i = 0; i < m->n; i++)
        filter_merge_fill_clear(&in[i].fill);
    return st;
}

static cairn_status write_signatures(merger *m, cairn_error *err)
{
    pace steps = {slow_down, m, 0};
    near_writer *w;
    store_snapshot *snapshot = NULL;
    cairn_status st = near_writer_create(&w, err);

    if (st)
        return st;
    st = store_snapshot_open(m->c->store, &snapshot, err);
    for (size_t i = 0; !st && i < m->n; i++)
        st = likeness_merge(snapshot, m->in[i].file, m->in[i].n_rows, m->in[i].deleted, w, &steps, err);
    store_snapshot_close(snapshot);
    if (!st)
        st = near_writer_finish(w, &m->sink, &steps, err);
    near_writer_destroy(w);
    return st;
}

/* Chunk and document of every live row, in the order of the merge. */
static cairn_status finish_rows(merger *m, cairn_error *err)
{
    chunk_id *chunks = checked_malloc(m->rows, sizeof *chunks);
    doc_id *docs = checked_malloc(m->rows, sizeof *docs);
    uint32_t *place = m->order ? checked_malloc(m->rows, sizeof *place) : NULL;
    size_t n = 0;
    cairn_status st;

    if (!chunks || !docs || (m->order && !place)) {
        free(chunks);
        free(docs);
        free(place);
        return cairn_fail(err, CAIRN_ENOMEM, "rows of a merge");
    }
    for (uint32_t i = 0; place && i < m->rows; i++)
        place[m->order[i]] = i;
    for (size_t i = 0; i < m->n; i++) {
        const merge_input *in = &m->in[i];
        for (uint32_t row = 0; row < in->n_rows && n < m->rows; row++) {
            if (in->deleted && row_set_has(in->deleted, row))
                continue;
            size_t to = place ? place[n] : n;
            chunks[to] = segment_row_chunk(in->file, row);
            docs[to] = segment_row_doc(in->file, row);
            n++;
        }
    }
    st = slow_down(m, 0, err);
    if (!st)
        st = segment_writer_finish(m->w, chunks, docs, (uint32_t)n, err);
    free(chunks);
    free(docs);
    free(place);
    return st;
}

static void *work(void *ctx)
{
    merger *m = ctx;
    cairn_status st;

    priority_lower(10); /* everyone else first */
    priority_idle_disk();
    st = open_readers(m, &m->error);
    if (!st)
        st = m->kind == SEGMENT_LEXICAL ? write_words(m, &m->error) : write_vectors(m, &m->error);
    if (!st)
        st = write_columns(m, &m->error);
    if (!st && m->kind == SEGMENT_LEXICAL)
        st = write_signatures(m, &m->error);
    if (!st)
        st = finish_rows(m, &m->error);
    m->status = st;
    pthread_mutex_lock(&m->lock);
    m->finished = true;
    pthread_cond_broadcast(&m->changed);
    pthread_mutex_unlock(&m->lock);
    return NULL;
}

/* ---- one merge ---- */

/* Drop what the merge at hand holds, the unfinished file, too. */
static void clear(merger *m)
{
    for (size_t i = 0; m->in && i < m->n; i++) {
        lexical_reader_close(m->in[i].lexical);
        vector_reader_close(m->in[i].vector);
        filter_reader_close(m->in[i].filter);
        segment_release(m->in[i].file);
        free(m->in[i].deleted);
    }
    free(m->in);
    free(m->order);
    segment_writer_abandon(m->w);
    m->in = NULL;
    m->order = NULL;
    m->n = 0;
    m->w = NULL;
    m->started = m->finished = false;
}

static cairn_status hold_input(merger *m, const store_segment *s, cairn_error *err)
{
    merge_input *in = &m->in[m->n++];

    *in = (merge_input){.id = s->id,
                        .n_rows = s->n_rows,
                        .n_deleted = s->n_deleted,
                        .file = segment_retain(s->file)};
    m->rows += s->n_rows - s->n_deleted;
    m->expected += segment_file_bytes(s->file);
    if (!s->deleted)
        return CAIRN_OK;
    in->deleted = checked_malloc(row_set_words(s->n_rows) + 1, sizeof *in->deleted);
    if (!in->deleted)
        return cairn_fail(err, CAIRN_ENOMEM, "tombstones of a merge");
    memcpy(in->deleted, s->deleted, row_set_words(s->n_rows) * sizeof *in->deleted);
    return CAIRN_OK;
}

static bool is_outdated(const store_segment *s)
{
    section_source source;

    if (!s->file)
        return false;
    source = segment_source(s->file);
    return filter_is_outdated(&source) || (s->kind == SEGMENT_LEXICAL && likeness_is_missing(s->file));
}

/* What of this kind is due, held by m; m->n stays 0 when nothing is. */
static cairn_status choose(merger *m, segment_kind kind, bool all, cairn_error *err)
{
    store_snapshot *snapshot;
    const store_segment **of;
    merge_candidate *candidates;
    size_t picked[MERGE_MOST], n = 0, n_picked;
    cairn_status st = store_snapshot_open(m->c->store, &snapshot, err);

    if (st)
        return st;
    of = checked_malloc(store_segment_count(snapshot), sizeof *of);
    candidates = checked_malloc(store_segment_count(snapshot), sizeof *candidates);
    m->in = checked_malloc(MERGE_MOST, sizeof *m->in);
    if (!of || !candidates || !m->in)
        st = cairn_fail(err, CAIRN_ENOMEM, "inputs of a merge");
    for (size_t i = 0; !st && i < store_segment_count(snapshot); i++) {
        const store_segment *s = store_segment_at(snapshot, i);
        if (s->kind != kind)
            continue;
        of[n] = s;
        candidates[n++] = (merge_candidate){s->n_rows, s->n_deleted, is_outdated(s)};
    }
    n_picked = st ? 0 : merge_choose(candidates, n, all, picked);
    m->n = 0;
    m->rows = 0;
    m->expected = 0;
    for (size_t i = 0; i < n_picked && !st; i++)
        st = hold_input(m, of[picked[i]], err);
    free(of);
    free(candidates);
    store_snapshot_close(snapshot);
    return st;
}

/* Start the next merge that is due, if any. */
static cairn_status begin(merger *m, segment_kind kind, bool all, pool *workers, cairn_error *err)
{
    cairn_status st = choose(m, kind, all, err);
    int e;

    if (!st && m->n)
        st = segment_writer_create(&m->w, m->c->store, kind == SEGMENT_LEXICAL ? kind : SEGMENT_VECTOR, err);
    if (st || !m->n) {
        clear(m);
        return st;
    }
    m->kind = kind;
    m->all = all;
    m->workers = workers;
    m->sink = (section_sink){m, sink_begin, sink_write, sink_end};
    m->expected *= kind == SEGMENT_LEXICAL ? 2 : 1; /* once as lists, once as sections */
    m->cancel = false;
    m->bytes = 0;
    m->begin_ns = clock_mono_ns();
    m->account = (give_way_account){0};
    m->error = (cairn_error){0};
    e = pthread_create(&m->thread, NULL, work, m);
    if (e) {
        clear(m);
        return cairn_fail_errno(err, e, "start the thread of a merge");
    }
    m->started = true;
    return CAIRN_OK;
}

/* Put the finished merge in the place of its inputs. */
static cairn_status commit(merger *m, cairn_error *err)
{
    segment_id inputs[MERGE_MOST], id;
    store_txn *t;
    cairn_status st = store_txn_begin(m->c->store, &t, err);

    if (st)
        return st;
    for (size_t i = 0; i < m->n; i++)
        inputs[i] = m->in[i].id;
    st = store_segment_merge(t, m->w, inputs, m->n, &id, err);
    m->w = NULL; /* taken over, whatever the outcome */
    if (!st && m->kind == SEGMENT_ASIDE)
        st = store_segment_set_aside(t, id, true, err);
    if (st) {
        store_txn_abort(t);
        return st;
    }
    return store_txn_commit(t, err);
}

/* Join the thread, which has finished or is about to, and take what it made. */
static cairn_status take(merger *m, cairn_error *err)
{
    cairn_status st;

    pthread_join(m->thread, NULL);
    st = m->status;
    if (st && err)
        *err = m->error;
    if (!st)
        st = commit(m, err);
    clear(m);
    return st;
}

static void give_up(merger *m)
{
    if (!m->started)
        return;
    pthread_mutex_lock(&m->lock);
    m->cancel = true;
    pthread_cond_broadcast(&m->changed);
    pthread_mutex_unlock(&m->lock);
    pthread_join(m->thread, NULL);
    clear(m);
}

/* ---- the merger ---- */

cairn_status merger_create(merger **out, cairn *c, const give_way *way, cairn_error *err)
{
    merger *m = calloc(1, sizeof *m);
    pthread_condattr_t monotonic;

    *out = m;
    if (!m)
        return cairn_fail(err, CAIRN_ENOMEM, "merger");
    m->c = c;
    m->run_way = way;
    m->way = (give_way){others_wait, m};
    pthread_mutex_init(&m->lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&m->changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
    return CAIRN_OK;
}

void merger_destroy(merger *m)
{
    if (!m)
        return;
    give_up(m);
    pthread_cond_destroy(&m->changed);
    pthread_mutex_destroy(&m->lock);
    free(m);
}

/* What is merged. Vectors aside only where they are a second embedder's, and searched. */
static const segment_kind kinds[] = {SEGMENT_LEXICAL, SEGMENT_VECTOR, SEGMENT_ASIDE};

static size_t n_kinds(const cairn *c)
{
    return second_is_set(c) ? 3 : 2;
}

void merger_poll(merger *m)
{
    cairn_error why = {0};
    cairn_status st = m->failed.code;

    if (!st && m->started && is_set(m, &m->finished))
        st = take(m, &why);
    for (size_t k = 0; k < n_kinds(m->c) && !st && !m->started; k++)
        st = begin(m, kinds[k], false, NULL, &why);
    if (st && !m->failed.code) {
        m->failed = why;
        m->failed.code = st;
    }
}

/* Wait for the merge at work, telling how far it is. */
static cairn_status await(merger *m, run *r, cairn_error *err)
{
    for (;;) {
        double share;
        bool finished;
        pthread_mutex_lock(&m->lock);
        if (!m->finished)
            wait_until(m, clock_mono_ns() + LOOK_NS);
        share = m->expected ? (double)m->bytes / (double)m->expected : 0;
        finished = m->finished;
        pthread_mutex_unlock(&m->lock);
        if (finished)
            break;
        if (run_cancelled(r)) {
            give_up(m);
            return cairn_fail(err, CAIRN_ECANCELLED,
                              "stopped while merging; nothing is lost, the "
                              "next run merges");
        }
        share = share < 0.99 ? share : 0.99;
        run_progress(r, "merge", (size_t)(share * m->rows), m->rows, NULL, false);
    }
    run_progress(r, "merge", m->rows, m->rows, NULL, true);
    return take(m, err);
}

cairn_status merger_drain(merger *m, run *r, bool all, cairn_error *err)
{
    pool *workers;
    cairn_status st = m->failed.code;

    if (st && err)
        *err = m->failed;
    if (!st)
        st = engine_pool(m->c, &workers, err);
    if (!st && m->started)
        st = await(m, r, err);
    for (size_t k = 0; k < n_kinds(m->c); k++) {
        while (!st) {
            st = run_cancelled(r) ? cairn_fail(err, CAIRN_ECANCELLED, "stopped before merging")
                                  : begin(m, kinds[k], all, workers, err);
            if (!st && !m->started)
                break;
            if (!st)
                st = await(m, r, err);
        }
    }
    return st;
}

/* ---- status ---- */

/* Describe the segments of one kind; any that are due set out->merge_due. */
static void describe_kind(const store_snapshot *s, segment_kind kind, cairn_status_info *out)
{
    merge_candidate few[256];
    cairn_tier tiers[MERGE_TIERS] = {{0}};
    size_t picked[MERGE_MOST], n = 0;

    for (size_t i = 0; i < store_segment_count(s); i++) {
        const store_segment *seg = store_segment_at(s, i);
        merge_candidate c = {seg->n_rows, seg->n_deleted, is_outdated(seg)};
        cairn_tier *t = &tiers[merge_tier(&c)];
        if (seg->kind != kind)
            continue;
        if (n < sizeof few / sizeof *few)
            few[n++] = c;
        t->segments++;
        t->rows += seg->n_rows - seg->n_deleted;
        t->deleted_rows += seg->n_deleted;
        t->bytes += seg->file ? segment_file_bytes(seg->file) : 0;
    }
    out->merge_due |= merge_choose(few, n, false, picked) != 0;
    for (size_t i = 0; i < MERGE_TIERS && out->n_tiers < CAIRN_TIERS_MAX; i++) {
        if (!tiers[i].segments)
            continue;
        tiers[i].vectors = kind == SEGMENT_VECTOR;
        tiers[i].rows_up_to = i + 1 < MERGE_TIERS ? merge_tier_rows(i) : 0;
        out->tiers[out->n_tiers++] = tiers[i];
    }
}

void merge_describe(const store_snapshot *s, cairn_status_info *out)
{
    describe_kind(s, SEGMENT_LEXICAL, out);
    describe_kind(s, SEGMENT_VECTOR, out);
}

/* ---- compacting ---- */

cairn_status cairn_compact(cairn *c, const cairn_index_options *options, uint64_t *bytes_before,
                           uint64_t *bytes_after, cairn_error *err)
{
    cairn_index_report report;
    store_usage usage;
    run r;
    cairn_status st = run_begin(&r, c, options, &report, err);

    if (!st)
        st = store_usage_get(c->store, false, &usage, err);
    if (!st) {
        *bytes_before = usage.lmdb_bytes + usage.segment_bytes;
        st = merger_drain(r.merger, &r, true, err);
    }
    if (!st && !run_cancelled(&r))
        st = run_audit(&r, false, true, err);
    if (!st && run_cancelled(&r))
        st = cairn_fail(err, CAIRN_ECANCELLED, "stopped before the database was rewritten");
    if (!st)
        st = store_compact(c->store, err);
    if (!st)
        st = store_usage_get(c->store, false, &usage, err);
    if (!st)
        *bytes_after = usage.lmdb_bytes + usage.segment_bytes;
    merger_destroy(r.merger);
    batch_destroy(r.batch);
    cairn_index_report_clear(&report);
    return st;
}
