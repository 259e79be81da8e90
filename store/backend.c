/* backend.c - store.h's functions, each handed to the back end that the handle belongs to. */
#include "store/local.h"

const store_backend local_backend = {
    .close = local_close,
    .dir = local_dir,
    .lock_writer = local_lock_writer,
    .unlock_writer = local_unlock_writer,
    .is_writer = local_is_writer,
    .snapshot_open = local_snapshot_open,
    .txn_begin = local_txn_begin,
    .write = local_write,
    .check = local_check,
    .compact = local_compact,
    .usage_get = local_usage_get,
    .snapshot_close = local_snapshot_close,
    .snapshot_version = local_snapshot_version,
    .snapshot_counts = local_snapshot_counts,
    .segment_count = local_segment_count,
    .segment_at = local_segment_at,
    .doc_get = local_doc_get,
    .doc_find = local_doc_find,
    .doc_by_hash = local_doc_by_hash,
    .doc_chunks = local_doc_chunks,
    .chunk_get = local_chunk_get,
    .chunk_next = local_chunk_next,
    .doc_iter_open = local_doc_iter_open,
    .meta_get = local_meta_get,
    .failure_each = local_failure_each,
    .failure_find = local_failure_find,
    .pending_next = local_pending_next,
    .copy = local_copy,
    .snapshot_generation = local_snapshot_generation,
    .doc_iter_next = local_doc_iter_next,
    .doc_iter_close = local_doc_iter_close,
    .txn_commit = local_txn_commit,
    .txn_abort = local_txn_abort,
    .txn_new_doc_id = local_txn_new_doc_id,
    .txn_new_chunk_id = local_txn_new_chunk_id,
    .doc_put = local_doc_put,
    .doc_update = local_doc_update,
    .doc_delete = local_doc_delete,
    .txn_doc_find = local_txn_doc_find,
    .chunk_put = local_chunk_put,
    .rows_tombstone = local_rows_tombstone,
    .pending_add = local_pending_add,
    .pending_remove = local_pending_remove,
    .failure_put = local_failure_put,
    .failure_remove = local_failure_remove,
    .meta_put = local_meta_put,
    .segment_add = local_segment_add,
    .segment_merge = local_segment_merge,
    .segment_remove = local_segment_remove,
    .segment_set_aside = local_segment_set_aside,
    .prefetch = local_prefetch,
};

static const store_backend *ops_of(const void *handle)
{
    return ((const store_head *)handle)->ops;
}

void store_close(store *s)
{
    if (s)
        ops_of(s)->close(s);
}

const char *store_dir(const store *s)
{
    return ops_of(s)->dir(s);
}

cairn_status store_lock_writer(store *s, int64_t wait_ns, cairn_error *err)
{
    return ops_of(s)->lock_writer(s, wait_ns, err);
}

void store_unlock_writer(store *s)
{
    ops_of(s)->unlock_writer(s);
}

bool store_is_writer(const store *s)
{
    return ops_of(s)->is_writer(s);
}

cairn_status store_snapshot_open(store *s, store_snapshot **out, cairn_error *err)
{
    return ops_of(s)->snapshot_open(s, out, err);
}

cairn_status store_txn_begin(store *s, store_txn **out, cairn_error *err)
{
    return ops_of(s)->txn_begin(s, out, err);
}

cairn_status store_write(store *s, store_write_fn *fn, void *ctx, cairn_error *err)
{
    return ops_of(s)->write(s, fn, ctx, err);
}

cairn_status store_check(store *s, bool deep, store_problem_fn *fn, void *ctx, cairn_error *err)
{
    return ops_of(s)->check(s, deep, fn, ctx, err);
}

cairn_status store_compact(store *s, cairn_error *err)
{
    return ops_of(s)->compact(s, err);
}

cairn_status store_usage_get(store *s, bool slow, store_usage *out, cairn_error *err)
{
    return ops_of(s)->usage_get(s, slow, out, err);
}

void store_snapshot_close(store_snapshot *snap)
{
    if (snap)
        ops_of(snap)->snapshot_close(snap);
}

uint64_t store_snapshot_version(const store_snapshot *snap)
{
    return ops_of(snap)->snapshot_version(snap);
}

store_counts store_snapshot_counts(const store_snapshot *snap)
{
    return ops_of(snap)->snapshot_counts(snap);
}

size_t store_segment_count(const store_snapshot *snap)
{
    return ops_of(snap)->segment_count(snap);
}

const store_segment *store_segment_at(const store_snapshot *snap, size_t i)
{
    return ops_of(snap)->segment_at(snap, i);
}

cairn_status store_doc_get(const store_snapshot *snap, doc_id id, store_doc *out, arena *a,
                           cairn_error *err)
{
    return ops_of(snap)->doc_get(snap, id, out, a, err);
}

cairn_status store_doc_find(const store_snapshot *snap, const char *uri, store_doc *out, arena *a,
                            cairn_error *err)
{
    return ops_of(snap)->doc_find(snap, uri, out, a, err);
}

cairn_status store_doc_by_hash(const store_snapshot *snap, const uint8_t hash[16], doc_id *ids,
                               size_t max, size_t *n, cairn_error *err)
{
    return ops_of(snap)->doc_by_hash(snap, hash, ids, max, n, err);
}

cairn_status store_doc_chunks(const store_snapshot *snap, doc_id doc, chunk_id **ids, size_t *n,
                              arena *a, cairn_error *err)
{
    return ops_of(snap)->doc_chunks(snap, doc, ids, n, a, err);
}

cairn_status store_chunk_get(const store_snapshot *snap, chunk_id id, store_chunk *out, arena *a,
                             cairn_error *err)
{
    return ops_of(snap)->chunk_get(snap, id, out, a, err);
}

cairn_status store_chunk_next(const store_snapshot *snap, chunk_id after, chunk_id *ids, size_t max,
                              size_t *n, cairn_error *err)
{
    return ops_of(snap)->chunk_next(snap, after, ids, max, n, err);
}

cairn_status store_doc_iter_open(const store_snapshot *snap, const char *prefix,
                                 store_doc_iter **out, cairn_error *err)
{
    return ops_of(snap)->doc_iter_open(snap, prefix, out, err);
}

cairn_status store_meta_get(const store_snapshot *snap, const char *key, arena *a,
                            const uint8_t **data, size_t *len, cairn_error *err)
{
    return ops_of(snap)->meta_get(snap, key, a, data, len, err);
}

cairn_status store_failure_each(const store_snapshot *snap, store_failure_fn *fn, void *ctx,
                                cairn_error *err)
{
    return ops_of(snap)->failure_each(snap, fn, ctx, err);
}

cairn_status store_failure_find(const store_snapshot *snap, const char *path, store_failure *out,
                                arena *a, cairn_error *err)
{
    return ops_of(snap)->failure_find(snap, path, out, a, err);
}

cairn_status store_pending_next(const store_snapshot *snap, chunk_id after, chunk_id *ids,
                                size_t max, size_t *n, cairn_error *err)
{
    return ops_of(snap)->pending_next(snap, after, ids, max, n, err);
}

cairn_status store_copy(const store_snapshot *snap, const char *dir, uint64_t generation,
                        const char *earlier, store_copy_step *step, void *ctx,
                        store_copy_report *out, cairn_error *err)
{
    return ops_of(snap)->copy(snap, dir, generation, earlier, step, ctx, out, err);
}

uint64_t store_snapshot_generation(const store_snapshot *snap)
{
    return ops_of(snap)->snapshot_generation(snap);
}

cairn_status store_doc_iter_next(store_doc_iter *it, store_doc *out, arena *a, cairn_error *err)
{
    return ops_of(it)->doc_iter_next(it, out, a, err);
}

void store_doc_iter_close(store_doc_iter *it)
{
    if (it)
        ops_of(it)->doc_iter_close(it);
}

cairn_status store_txn_commit(store_txn *t, cairn_error *err)
{
    return ops_of(t)->txn_commit(t, err);
}

void store_txn_abort(store_txn *t)
{
    if (t)
        ops_of(t)->txn_abort(t);
}

doc_id store_txn_new_doc_id(store_txn *t)
{
    return ops_of(t)->txn_new_doc_id(t);
}

chunk_id store_txn_new_chunk_id(store_txn *t)
{
    return ops_of(t)->txn_new_chunk_id(t);
}

cairn_status store_doc_put(store_txn *t, const store_doc *doc, doc_id *id, cairn_error *err)
{
    return ops_of(t)->doc_put(t, doc, id, err);
}

cairn_status store_doc_update(store_txn *t, const store_doc *doc, cairn_error *err)
{
    return ops_of(t)->doc_update(t, doc, err);
}

cairn_status store_doc_delete(store_txn *t, doc_id id, cairn_error *err)
{
    return ops_of(t)->doc_delete(t, id, err);
}

cairn_status store_txn_doc_find(store_txn *t, const char *uri, doc_id *id, cairn_error *err)
{
    return ops_of(t)->txn_doc_find(t, uri, id, err);
}

cairn_status store_chunk_put(store_txn *t, const store_chunk *chunk, chunk_id *id, cairn_error *err)
{
    return ops_of(t)->chunk_put(t, chunk, id, err);
}

cairn_status store_rows_tombstone(store_txn *t, segment_kind kind, const chunk_id *chunks, size_t n,
                                  cairn_error *err)
{
    return ops_of(t)->rows_tombstone(t, kind, chunks, n, err);
}

cairn_status store_pending_add(store_txn *t, const chunk_id *chunks, size_t n, cairn_error *err)
{
    return ops_of(t)->pending_add(t, chunks, n, err);
}

cairn_status store_pending_remove(store_txn *t, const chunk_id *chunks, size_t n, cairn_error *err)
{
    return ops_of(t)->pending_remove(t, chunks, n, err);
}

cairn_status store_failure_put(store_txn *t, const store_failure *f, cairn_error *err)
{
    return ops_of(t)->failure_put(t, f, err);
}

cairn_status store_failure_remove(store_txn *t, const char *path, cairn_error *err)
{
    return ops_of(t)->failure_remove(t, path, err);
}

cairn_status store_meta_put(store_txn *t, const char *key, const void *data, size_t len,
                            cairn_error *err)
{
    return ops_of(t)->meta_put(t, key, data, len, err);
}

cairn_status store_segment_add(store_txn *t, segment_writer *w, segment_id *id, cairn_error *err)
{
    return ops_of(t)->segment_add(t, w, id, err);
}

cairn_status store_segment_merge(store_txn *t, segment_writer *w, const segment_id *inputs,
                                 size_t n, segment_id *id, cairn_error *err)
{
    return ops_of(t)->segment_merge(t, w, inputs, n, id, err);
}

cairn_status store_segment_remove(store_txn *t, segment_id id, cairn_error *err)
{
    return ops_of(t)->segment_remove(t, id, err);
}

cairn_status store_segment_set_aside(store_txn *t, segment_id id, bool aside, cairn_error *err)
{
    return ops_of(t)->segment_set_aside(t, id, aside, err);
}

cairn_status store_prefetch(const store_snapshot *snap, const chunk_id *chunks, size_t n,
                            cairn_error *err)
{
    return ops_of(snap)->prefetch(snap, chunks, n, err);
}

cairn_status store_doc_shown(const store_snapshot *snap, const store_chunk *chunk, store_doc *out, arena *a,
                             cairn_error *err)
{
    const store_backend *ops = ops_of(snap);

    return ops->doc_shown ? ops->doc_shown(snap, chunk, out, a, err) : ops->doc_get(snap, chunk->doc, out, a, err);
}
