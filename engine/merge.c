/* merge.c - fewer, larger segments. Tiered: segments of like size (a factor of four) are merged
 * once there are MERGE_FACTOR of them; a segment of which a third is deleted is rewritten. */
#include <stdlib.h>

#include "base/checked.h"
#include "engine/run.h"
#include "engine/view.h"

#define MERGE_FACTOR  8
#define SMALLEST_TIER 1024

/* One kind's segments, side by side: the generic part of a merge. */
typedef struct merge_set {
    const store_segment *segments[256];
    size_t index[256]; /* into the view's arrays of this kind */
    size_t n;
} merge_set;

static uint32_t live_rows(const store_segment *s)
{
    return s->n_rows - s->n_deleted;
}

static int tier_of(uint32_t rows)
{
    int tier = 0;

    while (rows > SMALLEST_TIER) {
        rows /= 4;
        tier++;
    }
    return tier;
}

static void add_segment(merge_set *set, const store_segment *seg, size_t i)
{
    if (set->n < sizeof set->segments / sizeof *set->segments) {
        set->segments[set->n] = seg;
        set->index[set->n++] = i;
    }
}

/* What to merge next among the n segments of one kind; an empty set when nothing is due. */
static void choose(const store_segment *const *of, size_t n, bool all, merge_set *set)
{
    set->n = 0;
    if (all) {
        if (n > 1 || (n == 1 && of[0]->n_deleted))
            for (size_t i = 0; i < n; i++)
                add_segment(set, of[i], i);
        return;
    }
    for (size_t i = 0; i < n; i++) {
        if (of[i]->n_deleted > of[i]->n_rows / 3) {
            add_segment(set, of[i], i);
            return;
        }
    }
    for (int tier = 0; tier < 16; tier++) {
        set->n = 0;
        for (size_t i = 0; i < n; i++)
            if (tier_of(live_rows(of[i])) == tier)
                add_segment(set, of[i], i);
        if (set->n >= MERGE_FACTOR)
            return;
    }
    set->n = 0;
}

static cairn_status write_lexical(const view *v, const merge_set *set, segment_writer *w,
                                  cairn_error *err)
{
    lexical_merge_input words[256];
    filter_merge_input columns[256];
    cairn_status st;

    for (size_t i = 0; i < set->n; i++) {
        size_t at = set->index[i];
        words[i] = (lexical_merge_input){v->lexical[at].reader, v->lexical[at].deleted};
        columns[i] = (filter_merge_input){v->lexical_filter[at], v->lexical[at].deleted};
    }
    st = lexical_merge(words, set->n, segment_writer_sink(w), err);
    return st ? st : filter_merge(columns, set->n, segment_writer_sink(w), err);
}

static cairn_status write_vectors(cairn *c, const view *v, const merge_set *set, segment_writer *w,
                                  cairn_error *err)
{
    vector_merge_input rows[256];
    filter_merge_input columns[256];
    pool *workers;
    cairn_status st = engine_pool(c, &workers, err);

    for (size_t i = 0; i < set->n; i++) {
        size_t at = set->index[i];
        rows[i] = (vector_merge_input){v->vector[at].reader, v->vector[at].deleted};
        columns[i] = (filter_merge_input){v->vector_filter[at], v->vector[at].deleted};
    }
    if (!st)
        st = vector_merge(rows, set->n, NULL, segment_writer_sink(w), workers, err);
    return st ? st : filter_merge(columns, set->n, segment_writer_sink(w), err);
}

/* Chunk and document of every live row, in the order of the merge. */
static cairn_status finish_rows(const merge_set *set, segment_writer *w, cairn_error *err)
{
    size_t total = 0, n = 0;
    chunk_id *chunks;
    doc_id *docs;
    cairn_status st;

    for (size_t i = 0; i < set->n; i++)
        total += live_rows(set->segments[i]);
    chunks = checked_malloc(total, sizeof *chunks);
    docs = checked_malloc(total, sizeof *docs);
    if (!chunks || !docs) {
        free(chunks);
        free(docs);
        return cairn_fail(err, CAIRN_ENOMEM, "rows of a merge");
    }
    for (size_t i = 0; i < set->n; i++) {
        const store_segment *s = set->segments[i];
        for (uint32_t row = 0; row < s->n_rows; row++) {
            if (s->deleted && row_set_has(s->deleted, row))
                continue;
            chunks[n] = segment_row_chunk(s->file, row);
            docs[n++] = segment_row_doc(s->file, row);
        }
    }
    st = segment_writer_finish(w, chunks, docs, (uint32_t)n, err);
    free(chunks);
    free(docs);
    return st;
}

static cairn_status merge_one(cairn *c, const view *v, segment_kind kind, const merge_set *set,
                              cairn_error *err)
{
    segment_id inputs[256];
    segment_writer *w;
    store_txn *t = NULL;
    cairn_status st = segment_writer_create(&w, c->store, kind, err);

    if (st)
        return st;
    for (size_t i = 0; i < set->n; i++)
        inputs[i] = set->segments[i]->id;
    if (kind == SEGMENT_LEXICAL)
        st = write_lexical(v, set, w, err);
    else
        st = write_vectors(c, v, set, w, err);
    if (!st)
        st = finish_rows(set, w, err);
    if (!st)
        st = store_txn_begin(c->store, &t, err);
    if (st) {
        segment_writer_abandon(w);
        return st;
    }
    st = store_segment_merge(t, w, inputs, set->n, NULL, err);
    if (st)
        store_txn_abort(t);
    else
        st = store_txn_commit(t, err);
    return st;
}

/* One merge of this kind, if any is due. */
static cairn_status merge_next(run *r, segment_kind kind, bool all, bool *did, cairn_error *err)
{
    merge_set set;
    view v;
    cairn_status st = view_open(r->c, &v, err);

    *did = false;
    if (st)
        return st;
    if (kind == SEGMENT_LEXICAL)
        choose(v.lexical_of, v.n_lexical, all, &set);
    else
        choose(v.vector_of, v.n_vector, all, &set);
    if (set.n) {
        run_progress(r, "merge", 0, set.n, NULL, true);
        st = merge_one(r->c, &v, kind, &set, err);
        *did = !st;
    }
    view_close(&v);
    return st;
}

cairn_status run_merge(run *r, bool all, cairn_error *err)
{
    static const segment_kind kinds[] = {SEGMENT_LEXICAL, SEGMENT_VECTOR};
    cairn_status st = CAIRN_OK;

    for (size_t k = 0; k < 2; k++) {
        bool did = true;
        /* With `all` one merge takes everything (up to 256 segments at a time). */
        while (!st && did && !run_cancelled(r))
            st = merge_next(r, kinds[k], all, &did, err);
    }
    return st;
}

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
        st = run_merge(&r, true, err);
    }
    if (!st && run_cancelled(&r))
        st = cairn_fail(err, CAIRN_ECANCELLED, "stopped before the database was rewritten");
    if (!st)
        st = store_compact(c->store, err);
    if (!st)
        st = store_usage_get(c->store, false, &usage, err);
    if (!st)
        *bytes_after = usage.lmdb_bytes + usage.segment_bytes;
    batch_destroy(r.batch);
    cairn_index_report_clear(&report);
    return st;
}
