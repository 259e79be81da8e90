/* audit.c - does the collection's vector search still find what is there?
 *
 * A graph is right most of the time by construction, and nobody sees when it is not: the answers
 * only get a little worse. So a run that changed many vectors ends with a measurement on the
 * collection as it is stored:
 *
 *   1. A sample of live vectors; for each, the ten nearest others by the search that questions use
 *      and by the exact search. The share found is recall@10. Among equal scores any rows will do.
 *   2. In every segment with a graph, the live rows that no link leads to are counted.
 *   3. A segment with such rows is merged with itself, which connects them; one whose share of the
 * misses puts it below `audit_recall` gets a new index. Either goes through a segment writer and
 * one transaction, as every merge does, so a crash leaves the old or the new segment.
 *   4. What was repaired is measured again, and the result is kept in the store's meta values.
 *
 * A collection whose vectors are too alike for the index to tell apart would be rebuilt at every
 * run in vain; what a rebuild did not help is remembered (`gave_up`) and left alone until somebody
 * asks.
 *
 * The record, 64 bytes little-endian: u32 version 1, u32 gave_up (0 or 1), f64 recall, i64 time,
 * u64 samples, vectors, unreachable, repaired, newest segment. Anything else reads as "never
 * measured". */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/checked.h"
#include "base/clock.h"
#include "base/cursor.h"
#include "engine/care.h"
#include "engine/columns.h"
#include "engine/merge.h"
#include "engine/view.h"

#define K            10u
#define RECORD_BYTES 64u
#define MIN_JUDGED   50u /* neighbours in a segment from which its recall means something */
#define TRIES        64u /* draws for one live row before a sample is given up */
#define TIE          1e-6f

typedef struct audit_record {
    cairn_audit audit;
    bool gave_up;
    segment_id newest; /* the vector segments of that time had ids up to this one */
} audit_record;

/* What was counted in one segment. */
typedef struct audited {
    segment_id id;
    uint64_t wanted, missed; /* true neighbours in it, and those not found */
    uint32_t unreachable;
    bool indexed; /* has a graph or lists: something to rebuild */
} audited;

/* ---- the record ---- */

static cairn_status record_read(const store_snapshot *s, audit_record *out, cairn_error *err)
{
    const uint8_t *data;
    uint64_t bits;
    size_t len;
    cursor c;
    arena memory;
    cairn_status st;

    *out = (audit_record){0};
    arena_init(&memory, 4096);
    st = store_meta_get(s, META_AUDIT, &memory, &data, &len, err);
    if (!st && len == RECORD_BYTES) {
        cursor_init(&c, data, len);
        uint32_t version = cursor_u32(&c);
        out->gave_up = cursor_u32(&c) != 0;
        bits = cursor_u64(&c);
        memcpy(&out->audit.recall10, &bits, sizeof bits);
        out->audit.measured_ns = cursor_i64(&c);
        out->audit.samples = cursor_u64(&c);
        out->audit.vectors = cursor_u64(&c);
        out->audit.unreachable = cursor_u64(&c);
        out->audit.repaired = cursor_u64(&c);
        out->newest = cursor_u64(&c);
        out->audit.known = version == 1 && out->audit.recall10 >= 0 && out->audit.recall10 <= 1;
        if (!out->audit.known)
            *out = (audit_record){0};
    }
    arena_clear(&memory);
    return st == CAIRN_ENOTFOUND ? CAIRN_OK : st;
}

cairn_status audit_read(const store_snapshot *s, cairn_audit *out, cairn_error *err)
{
    audit_record record;
    cairn_status st = record_read(s, &record, err);

    *out = record.audit;
    return st;
}

static cairn_status record_write(run *r, const audit_record *record, cairn_error *err)
{
    const cairn_audit *a = &record->audit;
    store_txn *t;
    uint64_t bits;
    bytes b;
    cairn_status st;

    memcpy(&bits, &a->recall10, sizeof bits);
    bytes_init(&b, RECORD_BYTES);
    if (bytes_append_u32(&b, 1) || bytes_append_u32(&b, record->gave_up) ||
        bytes_append_u64(&b, bits) || bytes_append_u64(&b, (uint64_t)a->measured_ns) ||
        bytes_append_u64(&b, a->samples) || bytes_append_u64(&b, a->vectors) ||
        bytes_append_u64(&b, a->unreachable) || bytes_append_u64(&b, a->repaired) ||
        bytes_append_u64(&b, record->newest)) {
        bytes_clear(&b);
        return cairn_fail(err, CAIRN_ENOMEM, "the result of an audit");
    }
    st = store_txn_begin(r->c->store, &t, err);
    if (!st) {
        st = store_meta_put(t, META_AUDIT, b.data, b.len, err);
        if (st)
            store_txn_abort(t);
        else
            st = store_txn_commit(t, err);
    }
    bytes_clear(&b);
    return st;
}

/* ---- measuring ---- */

typedef struct measuring {
    run *r;
    view v;
    pool *workers;
    audited *segments; /* [v.n_vector] */
    uint64_t live, wanted, found, samples, unreachable;
    uint64_t random;
    float *query; /* [dim] */
} measuring;

static uint64_t next_random(measuring *m)
{
    uint64_t z = m->random += 0x9e3779b97f4a7c15u; /* splitmix64 */

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static void measuring_close(measuring *m)
{
    free(m->segments);
    free(m->query);
    view_close(&m->v);
}

static cairn_status measuring_open(measuring *m, run *r, cairn_error *err)
{
    cairn_status st;

    *m = (measuring){.r = r};
    st = engine_pool(r->c, &m->workers, err);
    if (!st)
        st = view_open(r->c, &m->v, err);
    if (st)
        return st;
    m->segments = calloc(m->v.n_vector + 1, sizeof *m->segments);
    m->query = m->v.n_vector
                   ? checked_malloc(vector_reader_dim(m->v.vector[0].reader), sizeof *m->query)
                   : NULL;
    if (!m->segments || (m->v.n_vector && !m->query)) {
        measuring_close(m);
        return cairn_fail(err, CAIRN_ENOMEM, "an audit of the vectors");
    }
    for (size_t i = 0; i < m->v.n_vector; i++) {
        const store_segment *seg = m->v.vector_of[i];
        m->segments[i] =
            (audited){.id = seg->id, .indexed = vector_options_of(m->v.vector[i].reader).force};
        m->live += seg->n_rows - seg->n_deleted;
        m->random ^= seg->id * seg->n_rows; /* other samples after every change */
    }
    return CAIRN_OK;
}

/* A live row, each as likely as another; false when the draws met deleted rows alone. */
static bool draw_row(measuring *m, uint32_t *segment, uint32_t *row)
{
    uint64_t rows = 0, at;

    for (size_t i = 0; i < m->v.n_vector; i++)
        rows += m->v.vector_of[i]->n_rows;
    for (size_t try = 0; rows && try < TRIES; try++) {
        at = next_random(m) % rows;
        for (*segment = 0; at >= m->v.vector_of[*segment]->n_rows; (*segment)++)
            at -= m->v.vector_of[*segment]->n_rows;
        *row = (uint32_t)at;
        if (!(m->v.vector[*segment].deleted && row_set_has(m->v.vector[*segment].deleted, *row)))
            return true;
    }
    return false;
}

/* Take the sample itself out of its neighbours; at most K stay. */
static size_t without_self(vector_hit *hits, size_t n, uint32_t segment, uint32_t row)
{
    size_t kept = 0;

    for (size_t i = 0; i < n && kept < K; i++)
        if (hits[i].segment != segment || hits[i].row != row)
            hits[kept++] = hits[i];
    return kept;
}

static bool among(const vector_hit *hits, size_t n, vector_hit h)
{
    for (size_t i = 0; i < n; i++)
        if (hits[i].segment == h.segment && hits[i].row == h.row)
            return true;
    return false;
}

static void compare(measuring *m, const vector_hit *got, size_t n_got, const vector_hit *want,
                    size_t n_want)
{
    size_t found = 0;

    if (!n_want)
        return;
    float least = want[n_want - 1].score;
    least -= TIE * fabsf(least);
    for (size_t i = 0; i < n_got; i++)
        found += got[i].score >= least;
    size_t missed = n_want - (found < n_want ? found : n_want);
    m->wanted += n_want;
    m->found += n_want - missed;
    for (size_t i = 0; i < n_want; i++) {
        audited *a = &m->segments[want[i].segment];
        a->wanted++;
        if (missed && !among(got, n_got, want[i])) {
            a->missed++;
            missed--;
        }
    }
}

static cairn_status measure_one(measuring *m, cairn_error *err)
{
    const vector_params index = {.no_scan = true}; /* it is the index that is audited */
    vector_hit got[K + 1], want[K + 1];
    uint32_t segment, row;
    size_t n_got, n_want;
    cairn_status st;

    if (!draw_row(m, &segment, &row))
        return CAIRN_OK;
    uint32_t dim = vector_reader_dim(m->v.vector[segment].reader);
    if (dim != vector_reader_dim(m->v.vector[0].reader))
        return cairn_fail(err, CAIRN_ECORRUPT, "segments of different dimensions");
    vector_reader_get(m->v.vector[segment].reader, row, m->query);
    st = vector_search(m->v.vector, m->v.n_vector, m->query, dim, K + 1, &index, m->workers, got,
                       &n_got, err);
    if (!st)
        st = vector_search_exact(m->v.vector, m->v.n_vector, m->query, dim, K + 1, m->workers, want,
                                 &n_want, err);
    if (st)
        return st;
    n_got = without_self(got, n_got, segment, row);
    n_want = without_self(want, n_want, segment, row);
    compare(m, got, n_got, want, n_want);
    m->samples++;
    return CAIRN_OK;
}

static cairn_status measure(measuring *m, cairn_error *err)
{
    const settings *s = &m->r->c->settings;
    size_t most = (size_t)s->audit_samples;
    int64_t end_ns = clock_mono_ns() + (int64_t)(s->audit_seconds * 1e9);
    cairn_status st = CAIRN_OK;

    for (size_t i = 0; i < m->v.n_vector && !st; i++) {
        st = vector_count_unreachable(m->v.vector[i].reader, m->v.vector[i].deleted,
                                      &m->segments[i].unreachable, err);
        m->unreachable += m->segments[i].unreachable;
    }
    for (size_t i = 0; m->live > 1 && i < most && !st; i++) {
        run_progress(m->r, "audit", i, most, NULL, i == 0);
        if (run_cancelled(m->r))
            return cairn_fail(err, CAIRN_ECANCELLED, "stopped while the vectors were measured");
        if (i && clock_mono_ns() > end_ns)
            break;
        st = measure_one(m, err);
    }
    return st;
}

static double recall_of(uint64_t found, uint64_t wanted)
{
    return wanted ? (double)found / (double)wanted : 1;
}

/* ---- repairing ---- */

/* The live rows' chunks and documents, in order. */
static cairn_status finish_rows(const store_segment *seg, segment_writer *w, cairn_error *err)
{
    size_t live = seg->n_rows - seg->n_deleted, n = 0;
    chunk_id *chunks = checked_malloc(live + 1, sizeof *chunks);
    doc_id *docs = checked_malloc(live + 1, sizeof *docs);
    cairn_status st;

    if (!chunks || !docs) {
        free(chunks);
        free(docs);
        return cairn_fail(err, CAIRN_ENOMEM, "rows of a repair");
    }
    for (uint32_t row = 0; row < seg->n_rows; row++)
        if (!(seg->deleted && row_set_has(seg->deleted, row))) {
            chunks[n] = segment_row_chunk(seg->file, row);
            docs[n++] = segment_row_doc(seg->file, row);
        }
    st = segment_writer_finish(w, chunks, docs, (uint32_t)n, err);
    free(chunks);
    free(docs);
    return st;
}

static cairn_status step(void *ctx, uint64_t bytes, cairn_error *err)
{
    const measuring *m = ctx;

    (void)bytes;
    return run_cancelled(m->r)
               ? cairn_fail(err, CAIRN_ECANCELLED, "stopped while a vector segment was repaired")
               : CAIRN_OK;
}

/* The segment's sections by a merge with itself. A graph whose lists are broken is made afresh. */
static cairn_status write_sections(measuring *m, size_t i, bool fresh, segment_writer *w,
                                   cairn_error *err)
{
    vector_merge_input rows = {m->v.vector[i].reader, m->v.vector[i].deleted};
    filter_merge_input columns = {.reader = m->v.vector_filter[i],
                                  .deleted = m->v.vector[i].deleted};
    vector_options o = vector_options_of(rows.reader);
    pace steps = {step, m, 0};
    cairn_status st;

    if (fresh) { /* owes nothing to the old one, its width included */
        o.rebuild = true;
        o.m = 0;
    }
    st = vector_merge_with(&rows, 1, &o, segment_writer_sink(w), &steps, m->workers, err);
    if (!st)
        st = columns_fill(m->v.snapshot, m->v.vector_of[i]->file, m->v.vector_of[i]->n_rows,
                          columns.deleted, columns.reader, &steps, &columns.fill, err);
    if (!st)
        st = filter_merge(&columns, 1, segment_writer_sink(w), err);
    filter_merge_fill_clear(&columns.fill);
    return st ? st : finish_rows(m->v.vector_of[i], w, err);
}

static cairn_status rewrite(measuring *m, size_t i, bool fresh, cairn_error *err)
{
    segment_id id = m->segments[i].id;
    segment_writer *w;
    store_txn *t = NULL;
    cairn_status st = segment_writer_create(&w, m->r->c->store, SEGMENT_VECTOR, err);

    if (st)
        return st;
    st = write_sections(m, i, fresh, w, err);
    if (!st)
        st = store_txn_begin(m->r->c->store, &t, err);
    if (st) {
        segment_writer_abandon(w);
        return st == CAIRN_ECORRUPT && !fresh ? rewrite(m, i, true, err) : st;
    }
    st = store_segment_merge(t, w, &id, 1, NULL, err);
    if (st)
        store_txn_abort(t);
    else
        st = store_txn_commit(t, err);
    return st;
}

static bool is_low(const measuring *m, const audited *a)
{
    return a->indexed && a->wanted >= MIN_JUDGED &&
           recall_of(a->wanted - a->missed, a->wanted) < m->r->c->settings.audit_recall;
}

/* Rewrite what is bad. `rebuild`: also segments whose recall alone is low. */
static cairn_status repair_bad(measuring *m, bool rebuild, uint64_t *repaired, cairn_error *err)
{
    cairn_status st = CAIRN_OK;

    for (size_t i = 0; i < m->v.n_vector && !st; i++) {
        bool low = rebuild && is_low(m, &m->segments[i]);
        if (!low && !m->segments[i].unreachable)
            continue;
        run_progress(m->r, "audit", i, m->v.n_vector, NULL, true);
        st = rewrite(m, i, low, err);
        *repaired += !st;
    }
    return st;
}

/* ---- the whole ---- */

/* Did more than `audit_share` of the vectors come, go or move to a new segment since then? */
static bool is_due(const measuring *m, const audit_record *last)
{
    const settings *s = &m->r->c->settings;
    uint64_t newer = 0, gone, all;

    if (s->audit_samples < 1 || m->live < 2)
        return false;
    if (!last->audit.known)
        return true;
    for (size_t i = 0; i < m->v.n_vector; i++) {
        const store_segment *seg = m->v.vector_of[i];
        newer += seg->id > last->newest ? seg->n_rows - seg->n_deleted : 0;
    }
    gone = last->audit.vectors > m->live - newer ? last->audit.vectors - (m->live - newer) : 0;
    all = m->live > last->audit.vectors ? m->live : last->audit.vectors;
    return (double)(newer > gone ? newer : gone) > s->audit_share * (double)all;
}

static cairn_status conclude(measuring *m, audit_record *record, cairn_error *err)
{
    record->audit.known = true;
    record->audit.recall10 = recall_of(m->found, m->wanted);
    record->audit.samples = m->samples;
    record->audit.vectors = m->live;
    record->audit.unreachable = m->unreachable;
    record->audit.measured_ns = clock_wall_ns();
    record->newest = 0;
    for (size_t i = 0; i < m->v.n_vector; i++)
        if (m->segments[i].id > record->newest)
            record->newest = m->segments[i].id;
    return record_write(m->r, record, err);
}

cairn_status run_audit(run *r, bool always, bool repair, cairn_error *err)
{
    audit_record last, now = {0};
    measuring m;
    bool low = false;
    cairn_status st = measuring_open(&m, r, err);

    if (st)
        return st;
    st = record_read(m.v.snapshot, &last, err);
    if (st || (!always && !is_due(&m, &last)))
        goto done;
    st = measure(&m, err);
    if (!st && repair)
        st = repair_bad(&m, always || !last.gave_up, &now.audit.repaired, err);
    if (!st && now.audit.repaired) {
        measuring_close(&m);
        st = measuring_open(&m, r, err);
        if (st)
            return st;
        st = measure(&m, err);
    }
    if (st)
        goto done;
    for (size_t i = 0; i < m.v.n_vector; i++)
        low |= is_low(&m, &m.segments[i]);
    now.gave_up = low && (repair || last.gave_up);
    st = conclude(&m, &now, err);
done:
    measuring_close(&m);
    return st;
}

cairn_status cairn_audit_vectors(cairn *c, bool repair, const cairn_index_options *options,
                                 cairn_audit *out, cairn_error *err)
{
    cairn_index_report report;
    store_snapshot *s;
    run r;
    cairn_status st = run_begin(&r, c, options, &report, err);

    *out = (cairn_audit){0};
    if (!st)
        st = run_audit(&r, true, repair, err);
    if (!st)
        st = store_snapshot_open(c->store, &s, err);
    if (!st) {
        st = audit_read(s, out, err);
        store_snapshot_close(s);
    }
    merger_destroy(r.merger);
    batch_destroy(r.batch);
    cairn_index_report_clear(&report);
    return st;
}

double cairn_audit_floor(const cairn *c)
{
    return c->settings.audit_recall;
}
