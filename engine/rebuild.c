/* rebuild.c - see rebuild.h. A rebuild may be cut off at any commit: the store keeps a note from the
 * transaction that takes the segments away until every chunk has its words again, and the next run
 * goes on where this one stopped. */
#include "engine/rebuild.h"

#include <stdlib.h>
#include <string.h>

#include "engine/vectors.h"
#include "engine/view.h"

#define META_REBUILD "rebuild"

/* Which chunks have a live row of this kind: marked in seen[], a byte a chunk id. */
static void mark_rows(const store_segment *seg, uint8_t *seen, size_t n_ids, uint8_t bit)
{
    for (uint32_t row = 0; row < seg->n_rows; row++) {
        chunk_id id = segment_row_chunk(seg->file, row);
        if (!(seg->deleted && row_set_has(seg->deleted, row)) && id < n_ids)
            seen[id] |= bit;
    }
}

cairn_status rebuild_survey(const store_snapshot *s, const segment_id *leave_out, size_t n_out,
                            uint8_t **out, size_t *n_ids, cairn_error *err)
{
    static const uint8_t bits[] = {[SEGMENT_LEXICAL] = REBUILD_HAS_WORDS,
                                   [SEGMENT_VECTOR] = REBUILD_HAS_VECTOR,
                                   [SEGMENT_ASIDE] = REBUILD_HAS_ASIDE};
    chunk_id ids[1024], after = 0, last = 0;
    size_t n;
    cairn_status st;

    *out = NULL;
    while (!(st = store_chunk_next(s, last, ids, 1024, &n, err)) && n)
        last = ids[n - 1];
    if (st)
        return st;
    *n_ids = (size_t)last + 1;
    *out = calloc(*n_ids, 1);
    if (!*out)
        return cairn_fail(err, CAIRN_ENOMEM, "survey of %zu chunks", *n_ids);
    while (!(st = store_chunk_next(s, after, ids, 1024, &n, err)) && n) {
        for (size_t i = 0; i < n; i++)
            (*out)[ids[i]] |= REBUILD_EXISTS;
        after = ids[n - 1];
    }
    after = 0;
    while (!st && !(st = store_pending_next(s, after, ids, 1024, &n, err)) && n) {
        for (size_t i = 0; i < n; i++)
            if (ids[i] < *n_ids)
                (*out)[ids[i]] |= REBUILD_WAITS;
        after = ids[n - 1];
    }
    for (size_t i = 0; !st && i < store_segment_count(s); i++) {
        const store_segment *seg = store_segment_at(s, i);
        bool bad = !seg->file;
        for (size_t j = 0; j < n_out; j++)
            bad |= leave_out[j] == seg->id;
        if (!bad)
            mark_rows(seg, *out, *n_ids, bits[seg->kind]);
    }
    if (st) {
        free(*out);
        *out = NULL;
    }
    return st;
}

cairn_status rebuild_drop(cairn *c, const segment_id *ids, size_t n, cairn_error *err)
{
    store_txn *t;
    cairn_status st = store_txn_begin(c->store, &t, err);

    if (st)
        return st;
    st = store_meta_put(t, META_REBUILD, "1", 1, err);
    for (size_t i = 0; !st && i < n; i++)
        st = store_segment_remove(t, ids[i], err);
    if (st)
        store_txn_abort(t);
    else
        st = store_txn_commit(t, err);
    return st;
}

static cairn_status fill_words(cairn *c, run *r, const store_snapshot *s, const uint8_t *seen,
                               size_t n_ids, cairn_error *err)
{
    batch *b;
    size_t total = 0, done = 0;
    cairn_status st = batch_create(&b, c, err);

    for (size_t id = 1; id < n_ids; id++)
        total += (seen[id] & REBUILD_EXISTS) && !(seen[id] & REBUILD_HAS_WORDS);
    for (chunk_id id = 1; !st && id < n_ids; id++) {
        if (!(seen[id] & REBUILD_EXISTS) || seen[id] & REBUILD_HAS_WORDS)
            continue;
        st = batch_reindex(b, s, &id, 1, err);
        if (!st && batch_is_due(b))
            st = batch_flush(b, err);
        done++;
        if (r)
            run_progress(r, "rebuild", done, total, NULL, done == total);
        if (!st && r && run_cancelled(r))
            st = cairn_fail(err, CAIRN_ECANCELLED, "stopped while the words were indexed again; "
                                                   "the next run goes on");
    }
    if (!st || st == CAIRN_ECANCELLED) {
        cairn_status last = batch_flush(b, st ? NULL : err);
        st = st ? st : last;
    }
    batch_destroy(b);
    return st;
}

cairn_status rebuild_missing(cairn *c, run *r, cairn_error *err)
{
    store_snapshot *s;
    store_txn *t = NULL;
    uint8_t *seen = NULL;
    size_t n_ids = 0;
    cairn_status st = store_snapshot_open(c->store, &s, err);

    if (st)
        return st;
    st = rebuild_survey(s, NULL, 0, &seen, &n_ids, err);
    if (!st)
        st = fill_words(c, r, s, seen, n_ids, err);
    if (!st)
        st = store_txn_begin(c->store, &t, err);
    for (chunk_id id = 1; !st && id < n_ids; id++)
        if ((seen[id] & REBUILD_EXISTS) && !(seen[id] & (REBUILD_HAS_VECTOR | REBUILD_WAITS)))
            st = store_pending_add(t, &id, 1, err);
    if (!st)
        st = store_meta_put(t, META_REBUILD, "0", 1, err);
    if (t && st)
        store_txn_abort(t);
    else if (t)
        st = store_txn_commit(t, err);
    free(seen);
    store_snapshot_close(s);
    return st;
}

/* Does another version's reader own this segment? Damage is not ours to judge here. */
static bool is_foreign(const store_segment *seg)
{
    section_source source;
    filter_reader *columns = NULL;
    lexical_reader *words = NULL;
    vector_reader *vectors = NULL;
    cairn_status st;

    if (!seg->file)
        return false;
    source = segment_source(seg->file);
    st = filter_reader_open(&columns, &source, NULL);
    if (!st)
        st = seg->kind == SEGMENT_LEXICAL ? lexical_reader_open(&words, &source, NULL)
                                          : vector_reader_open(&vectors, &source, NULL);
    filter_reader_close(columns);
    lexical_reader_close(words);
    vector_reader_close(vectors);
    return st == CAIRN_EUNSUPPORTED;
}

cairn_status rebuild_due(run *r, cairn_error *err)
{
    cairn *c = r->c;
    store_snapshot *s;
    segment_id foreign[1024];
    size_t n = 0;
    arena memory;
    const uint8_t *note;
    size_t len;
    bool due, own, any;
    cairn_status st = store_snapshot_open(c->store, &s, err);

    if (st)
        return st;
    st = vectors_identity_get(s, NULL, &own, &any, err);
    for (size_t i = 0; !st && i < store_segment_count(s) && n < sizeof foreign / sizeof *foreign; i++) {
        if (!is_foreign(store_segment_at(s, i)))
            continue;
        foreign[n++] = store_segment_at(s, i)->id;
        if (own && store_segment_at(s, i)->kind == SEGMENT_VECTOR)
            st = cairn_fail(err, CAIRN_EUNSUPPORTED,
                            "the vectors of collection %s are in a format of another version of this program, "
                            "and nothing else holds them: export them with that version", c->collection);
    }
    arena_init(&memory, 4096);
    due = !store_meta_get(s, META_REBUILD, &memory, &note, &len, NULL) && len == 1 && *note == '1';
    arena_clear(&memory);
    store_snapshot_close(s);
    if (!st && n)
        st = rebuild_drop(c, foreign, n, err);
    return !st && (n || due) ? rebuild_missing(c, r, err) : st;
}
