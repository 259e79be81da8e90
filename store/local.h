/* local.h - the embedded back end's functions, by the names of store.h; private. */
#ifndef CAIRN_STORE_LOCAL_H
#define CAIRN_STORE_LOCAL_H

#include "store/backend.h"

extern const store_backend local_backend;

void local_close(store *s);
const char *local_dir(const store *s);
cairn_status local_lock_writer(store *s, int64_t wait_ns, cairn_error *err);
void local_unlock_writer(store *s);
bool local_is_writer(const store *s);
cairn_status local_snapshot_open(store *s, store_snapshot **out, cairn_error *err);
cairn_status local_txn_begin(store *s, store_txn **out, cairn_error *err);
cairn_status local_write(store *s, store_write_fn *fn, void *ctx, cairn_error *err);
cairn_status local_check(store *s, bool deep, store_problem_fn *fn, void *ctx, cairn_error *err);
cairn_status local_compact(store *s, cairn_error *err);
cairn_status local_usage_get(store *s, bool slow, store_usage *out, cairn_error *err);
void local_snapshot_close(store_snapshot *snap);
uint64_t local_snapshot_version(const store_snapshot *snap);
store_counts local_snapshot_counts(const store_snapshot *snap);
size_t local_segment_count(const store_snapshot *snap);
const store_segment *local_segment_at(const store_snapshot *snap, size_t i);
cairn_status local_doc_get(const store_snapshot *snap, doc_id id, store_doc *out, arena *a,
                           cairn_error *err);
cairn_status local_doc_find(const store_snapshot *snap, const char *uri, store_doc *out, arena *a,
                            cairn_error *err);
cairn_status local_doc_by_hash(const store_snapshot *snap, const uint8_t hash[16], doc_id *ids,
                               size_t max, size_t *n, cairn_error *err);
cairn_status local_doc_chunks(const store_snapshot *snap, doc_id doc, chunk_id **ids, size_t *n,
                              arena *a, cairn_error *err);
cairn_status local_chunk_get(const store_snapshot *snap, chunk_id id, store_chunk *out, arena *a,
                             cairn_error *err);
cairn_status local_chunk_next(const store_snapshot *snap, chunk_id after, chunk_id *ids, size_t max,
                              size_t *n, cairn_error *err);
cairn_status local_doc_iter_open(const store_snapshot *snap, const char *prefix,
                                 store_doc_iter **out, cairn_error *err);
cairn_status local_meta_get(const store_snapshot *snap, const char *key, arena *a,
                            const uint8_t **data, size_t *len, cairn_error *err);
cairn_status local_failure_each(const store_snapshot *snap, store_failure_fn *fn, void *ctx,
                                cairn_error *err);
cairn_status local_failure_find(const store_snapshot *snap, const char *path, store_failure *out,
                                arena *a, cairn_error *err);
cairn_status local_pending_next(const store_snapshot *snap, chunk_id after, chunk_id *ids,
                                size_t max, size_t *n, cairn_error *err);
cairn_status local_copy(const store_snapshot *snap, const char *dir, uint64_t generation,
                        const char *earlier, store_copy_step *step, void *ctx,
                        store_copy_report *out, cairn_error *err);
uint64_t local_snapshot_generation(const store_snapshot *snap);
cairn_status local_doc_iter_next(store_doc_iter *it, store_doc *out, arena *a, cairn_error *err);
void local_doc_iter_close(store_doc_iter *it);
cairn_status local_txn_commit(store_txn *t, cairn_error *err);
void local_txn_abort(store_txn *t);
doc_id local_txn_new_doc_id(store_txn *t);
chunk_id local_txn_new_chunk_id(store_txn *t);
cairn_status local_doc_put(store_txn *t, const store_doc *doc, doc_id *id, cairn_error *err);
cairn_status local_doc_update(store_txn *t, const store_doc *doc, cairn_error *err);
cairn_status local_doc_delete(store_txn *t, doc_id id, cairn_error *err);
cairn_status local_txn_doc_find(store_txn *t, const char *uri, doc_id *id, cairn_error *err);
cairn_status local_chunk_put(store_txn *t, const store_chunk *chunk, chunk_id *id,
                             cairn_error *err);
cairn_status local_rows_tombstone(store_txn *t, segment_kind kind, const chunk_id *chunks, size_t n,
                                  cairn_error *err);
cairn_status local_pending_add(store_txn *t, const chunk_id *chunks, size_t n, cairn_error *err);
cairn_status local_pending_remove(store_txn *t, const chunk_id *chunks, size_t n, cairn_error *err);
cairn_status local_failure_put(store_txn *t, const store_failure *f, cairn_error *err);
cairn_status local_failure_remove(store_txn *t, const char *path, cairn_error *err);
cairn_status local_meta_put(store_txn *t, const char *key, const void *data, size_t len,
                            cairn_error *err);
cairn_status local_segment_add(store_txn *t, segment_writer *w, segment_id *id, cairn_error *err);
cairn_status local_segment_merge(store_txn *t, segment_writer *w, const segment_id *inputs,
                                 size_t n, segment_id *id, cairn_error *err);
cairn_status local_segment_remove(store_txn *t, segment_id id, cairn_error *err);
cairn_status local_segment_set_aside(store_txn *t, segment_id id, bool aside, cairn_error *err);
cairn_status local_prefetch(const store_snapshot *snap, const chunk_id *chunks, size_t n,
                            cairn_error *err);

#endif
