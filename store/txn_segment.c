/* txn_segment.c - segments in a write transaction: tombstones, adding, merging, removing.
 *
 * Order of a commit that adds a segment: its file was written and synced under a temporary name
 * (segment_writer_finish), is renamed when it is added here, the folder is synced, then LMDB
 * commits. A crash in between leaves an orphan. A removed segment's file is unlinked after the
 * commit; a crash in between leaves an orphan too. Orphans are swept by the next writer.
 *
 * Tombstones are kept as one bitset a segment in memory and written by blocks of 16384 rows. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/checked.h"
#include "store/txn.h"

cairn_status txn_segments_init(store_txn *t, cairn_error *err)
{
    t->segments = calloc(t->manifest.n + 1, sizeof *t->segments);
    return t->segments ? CAIRN_OK : cairn_fail(err, CAIRN_ENOMEM, "list of segments");
}

void txn_segments_clear(store_txn *t)
{
    for (size_t i = 0; t->segments && i < t->manifest.n; i++) {
        free(t->segments[i].dirty);
        free(t->segments[i].path);
    }
    free(t->segments);
    store_manifest_clear(&t->manifest);
}

/* The segment's mapped file, or NULL with CAIRN_OK when it is damaged and damage is tolerated. */
static cairn_status need_file(store_txn *t, size_t i, const segment_file **out, cairn_error *err)
{
    store_segment *seg = &t->manifest.seg[i];
    segment_file *f;

    *out = seg->file;
    if (seg->file)
        return CAIRN_OK;
    cairn_status st = store_segment_load(t->s, seg->id, &t->manifest.rec[i], &f, err);
    if (!st)
        *out = seg->file = f;
    else if ((st == CAIRN_ECORRUPT || st == CAIRN_ENOTFOUND) && t->s->opt.tolerate_damage)
        st = CAIRN_OK;
    else if (st == CAIRN_ENOTFOUND)
        st = cairn_fail(err, CAIRN_ECORRUPT, "the file of segment %" PRIu64 " is missing in %s",
                        seg->id, t->s->segments_dir);
    return st;
}

static cairn_status kill_row(store_txn *t, size_t i, uint32_t row, cairn_error *err)
{
    store_segment *seg = &t->manifest.seg[i];
    txn_segment *ts = &t->segments[i];
    size_t words = row_set_words(seg->n_rows);
    size_t blocks = words / RECORD_BLOCK_WORDS + 1;

    if (!seg->deleted)
        seg->deleted = calloc(words, sizeof(uint64_t));
    if (!ts->dirty)
        ts->dirty = calloc(blocks / 64 + 1, sizeof(uint64_t));
    if (!seg->deleted || !ts->dirty)
        return cairn_fail(err, CAIRN_ENOMEM, "tombstones of segment %" PRIu64, seg->id);
    uint64_t *bits = (uint64_t *)seg->deleted;
    if (row_set_has(bits, row))
        return CAIRN_OK;
    bits[row >> 6] |= UINT64_C(1) << (row & 63);
    size_t block = (row >> 6) / RECORD_BLOCK_WORDS;
    ts->dirty[block >> 6] |= UINT64_C(1) << (block & 63);
    ts->record_dirty = true;
    seg->n_deleted++;
    t->manifest.rec[i].n_deleted = seg->n_deleted;
    return CAIRN_OK;
}

/* Vectors that were put aside are vectors. */
static bool is_of_kind(const store_segment *seg, int kind)
{
    return (int)seg->kind == kind || (kind == SEGMENT_VECTOR && seg->kind == SEGMENT_ASIDE);
}

cairn_status txn_tombstone(store_txn *t, int kind, chunk_id chunk, cairn_error *err)
{
    for (size_t i = 0; i < t->manifest.n; i++) {
        const segment_file *f;
        uint32_t row;
        if (t->segments[i].removed || (kind && !is_of_kind(&t->manifest.seg[i], kind)))
            continue;
        cairn_status st = need_file(t, i, &f, err);
        if (!st && f && segment_chunk_row(f, chunk, &row))
            st = kill_row(t, i, row, err);
        if (st)
            return st;
    }
    return CAIRN_OK;
}

cairn_status local_rows_tombstone(store_txn *t, segment_kind kind, const chunk_id *chunks, size_t n,
                                  cairn_error *err)
{
    cairn_error mine = {0};
    cairn_status st = CAIRN_OK;

    for (size_t i = 0; i < n && !st; i++)
        st = txn_tombstone(t, (int)kind, chunks[i], &mine);
    return txn_failed(t, st, &mine, err);
}

/* ---- adding and removing ---- */

/* Append the finished file to the manifest of this transaction. */
static cairn_status place(store_txn *t, segment_writer *w, size_t *index, cairn_error *err)
{
    size_t n = t->manifest.n;
    record_segment rec;
    segment_id id = segment_writer_id(w);
    segment_file *f;
    char *path;

    if (segment_writer_store(w) != t->s || !segment_writer_is_finished(w)) {
        segment_writer_abandon(w);
        return cairn_fail(err, CAIRN_EUSAGE, "segment %" PRIu64 " was not finished", id);
    }
    store_segment *seg = checked_realloc(t->manifest.seg, n + 1, sizeof *seg);
    if (seg)
        t->manifest.seg = seg;
    record_segment *recs = checked_realloc(t->manifest.rec, n + 1, sizeof *recs);
    if (recs)
        t->manifest.rec = recs;
    txn_segment *ts = checked_realloc(t->segments, n + 2, sizeof *ts);
    if (ts)
        t->segments = ts;
    if (!seg || !recs || !ts) {
        segment_writer_abandon(w);
        return cairn_fail(err, CAIRN_ENOMEM, "list of segments");
    }
    cairn_status st = segment_writer_place(w, &rec, &path, err);
    if (st)
        return st;
    st = segment_file_open(&f, path, id, &rec, t->s->opt.verify_bytes, err);
    if (st) {
        unlink(path);
        free(path);
        return st;
    }
    t->manifest.rec[n] = rec;
    t->manifest.seg[n] =
        (store_segment){.id = id, .kind = rec.kind, .n_rows = rec.n_rows, .file = f};
    t->segments[n] = (txn_segment){.added = true, .record_dirty = true, .path = path};
    t->manifest.n = n + 1;
    if (id >= t->state.next_segment)
        t->state.next_segment = id + 1;
    *index = n;
    return CAIRN_OK;
}

static cairn_status segment_add(store_txn *t, segment_writer *w, segment_id *id, cairn_error *err)
{
    size_t at = 0;
    cairn_status st = place(t, w, &at, err);

    if (st)
        return st;
    const store_segment *seg = &t->manifest.seg[at];
    for (uint32_t row = 0; row < seg->n_rows && !st; row++) {
        bool exists = txn_chunk_exists(t, segment_row_chunk(seg->file, row), &st, err);
        if (!st && !exists)
            st = kill_row(t, at, row, err);
    }
    if (id)
        *id = seg->id;
    return st;
}

cairn_status local_segment_add(store_txn *t, segment_writer *w, segment_id *id, cairn_error *err)
{
    cairn_error mine = {0};
    return txn_failed(t, segment_add(t, w, id, &mine), &mine, err);
}

static cairn_status find_segment(const store_txn *t, segment_id id, size_t *index, cairn_error *err)
{
    for (size_t i = 0; i < t->manifest.n; i++)
        if (t->manifest.seg[i].id == id && !t->segments[i].removed) {
            *index = i;
            return CAIRN_OK;
        }
    return cairn_fail(err, CAIRN_ENOTFOUND, "no segment %" PRIu64, id);
}

/* Mark the rows of `merged` whose chunk has a live row in segment `input` of the manifest. Rows of an
 * input mostly follow one another in the result as well, so the next one is looked for behind the
 * last before it is searched. */
static cairn_status mark_alive(store_txn *t, size_t input, const segment_file *merged,
                               uint64_t *alive, cairn_error *err)
{
    const segment_file *f;
    uint32_t at = 0;
    cairn_status st = need_file(t, input, &f, err);

    if (st || !f)
        return st;
    const uint64_t *dead = t->manifest.seg[input].deleted;
    for (uint32_t row = 0; row < t->manifest.seg[input].n_rows; row++) {
        if (dead && row_set_has(dead, row))
            continue;
        chunk_id chunk = segment_row_chunk(f, row);
        if (segment_row_chunk(merged, at) != chunk && !segment_chunk_row(merged, chunk, &at))
            continue;
        alive[at >> 6] |= UINT64_C(1) << (at & 63);
        at++;
    }
    return CAIRN_OK;
}

static cairn_status segment_merge(store_txn *t, segment_writer *w, const segment_id *inputs,
                                  size_t n, segment_id *id, cairn_error *err)
{
    size_t *index = checked_malloc(n, sizeof *index), at = 0;
    cairn_status st = index ? CAIRN_OK : cairn_fail(err, CAIRN_ENOMEM, "inputs of a merge");

    for (size_t i = 0; i < n && !st; i++)
        st = find_segment(t, inputs[i], &index[i], err);
    if (st) {
        segment_writer_abandon(w);
        free(index);
        return st;
    }
    st = place(t, w, &at, err);
    const store_segment *seg = st ? NULL : &t->manifest.seg[at];
    uint64_t *alive = NULL;
    if (seg) {
        alive = calloc(row_set_words(seg->n_rows) + 1, sizeof *alive);
        st = alive ? CAIRN_OK : cairn_fail(err, CAIRN_ENOMEM, "rows of a merge");
    }
    for (size_t i = 0; i < n && !st; i++)
        st = mark_alive(t, index[i], seg->file, alive, err);
    for (uint32_t row = 0; !st && row < seg->n_rows; row++)
        if (!row_set_has(alive, row))
            st = kill_row(t, at, row, err);
    for (size_t i = 0; i < n && !st; i++)
        t->segments[index[i]].removed = true;
    if (!st && id)
        *id = seg->id;
    free(alive);
    free(index);
    return st;
}

cairn_status local_segment_merge(store_txn *t, segment_writer *w, const segment_id *inputs,
                                 size_t n, segment_id *id, cairn_error *err)
{
    cairn_error mine = {0};
    return txn_failed(t, segment_merge(t, w, inputs, n, id, &mine), &mine, err);
}

cairn_status local_segment_remove(store_txn *t, segment_id id, cairn_error *err)
{
    size_t at = 0;
    cairn_status st = find_segment(t, id, &at, err);

    if (!st)
        t->segments[at].removed = true;
    return st;
}

cairn_status local_segment_set_aside(store_txn *t, segment_id id, bool aside, cairn_error *err)
{
    segment_kind kind = aside ? SEGMENT_ASIDE : SEGMENT_VECTOR;
    size_t at = 0;
    cairn_status st = find_segment(t, id, &at, err);

    if (!st && t->manifest.seg[at].kind == SEGMENT_LEXICAL)
        st = cairn_fail(err, CAIRN_EUSAGE, "segment %" PRIu64 " holds no vectors", id);
    if (st)
        return st;
    t->manifest.seg[at].kind = t->manifest.rec[at].kind = kind;
    t->segments[at].record_dirty = true;
    return CAIRN_OK;
}

/* ---- commit ---- */

static cairn_status write_block(store_txn *t, size_t i, size_t block, cairn_error *err)
{
    const store_segment *seg = &t->manifest.seg[i];
    size_t words = row_set_words(seg->n_rows), at = block * RECORD_BLOCK_WORDS;
    size_t n = words - at < RECORD_BLOCK_WORDS ? words - at : RECORD_BLOCK_WORDS;
    record_key k = record_key_id2(RECORD_TOMBSTONE, seg->id, (uint32_t)block);

    bytes_reset(&t->value);
    if (bytes_append(&t->value, seg->deleted + at, n * sizeof *seg->deleted))
        return cairn_fail(err, CAIRN_ENOMEM, "tombstones");
    return txn_put(t, &k, err);
}

static cairn_status write_segment(store_txn *t, size_t i, cairn_error *err)
{
    const txn_segment *ts = &t->segments[i];
    size_t blocks = row_set_words(t->manifest.seg[i].n_rows) / RECORD_BLOCK_WORDS + 1;
    record_key k = record_key_id(RECORD_SEGMENT, t->manifest.seg[i].id);
    cairn_status st = CAIRN_OK;

    for (size_t b = 0; ts->dirty && b < blocks && !st; b++)
        if (row_set_has(ts->dirty, (uint32_t)b))
            st = write_block(t, i, b, err);
    if (st || !ts->record_dirty)
        return st;
    bytes_reset(&t->value);
    if (record_put_segment(&t->value, &t->manifest.rec[i]))
        return cairn_fail(err, CAIRN_ENOMEM, "a segment's record");
    return txn_put(t, &k, err);
}

static cairn_status forget_segment(store_txn *t, segment_id id, cairn_error *err)
{
    record_key k = record_key_id(RECORD_SEGMENT, id), found;
    const uint8_t *v;
    size_t n;
    cairn_status st = txn_del(t, &k, err);

    if (st && st != CAIRN_ENOTFOUND)
        return st;
    for (;;) {
        k = record_key_id2(RECORD_TOMBSTONE, id, 0);
        st = txn_seek(t, &k, 9, &found, &v, &n, err);
        if (st)
            return st == CAIRN_ENOTFOUND ? CAIRN_OK : st;
        st = txn_del(t, &found, err);
        if (st)
            return st;
    }
}

cairn_status txn_segments_write(store_txn *t, cairn_error *err)
{
    bool new_files = false;
    cairn_status st = CAIRN_OK;

    for (size_t i = 0; i < t->manifest.n && !st; i++) {
        const txn_segment *ts = &t->segments[i];
        if (!ts->removed) {
            st = write_segment(t, i, err);
            new_files |= ts->added;
        } else if (!ts->added) {
            st = forget_segment(t, t->manifest.seg[i].id, err);
        }
    }
    if (!st && new_files)
        st = store_sync_dir(t->s->segments_dir, err);
    return st;
}

void txn_segments_done(store_txn *t)
{
    for (size_t i = 0; i < t->manifest.n; i++) {
        if (!t->segments[i].removed)
            continue;
        char *path = store_segment_path(t->s, t->manifest.seg[i].id, "seg");
        if (path)
            unlink(path);
        free(path);
    }
}

void txn_segments_undo(store_txn *t)
{
    for (size_t i = 0; t->segments && i < t->manifest.n; i++)
        if (t->segments[i].added && t->segments[i].path)
            unlink(t->segments[i].path);
}
