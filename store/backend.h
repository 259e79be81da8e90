/* backend.h - where a store's documents are kept, as a table of functions: the seam below store.h.
 *
 * store.h is what the rooms above call. Each of its functions asks the handle's own table. The
 * embedded store (LMDB and segment files, this room) has one; another room hands out a store of its
 * own by making handles that begin with a store_head of its table. Every function keeps the
 * contract that store.h states for the one of its name, ownership and errors included. What a back
 * end cannot do it answers with CAIRN_EUNSUPPORTED and a sentence that says what to do instead.
 *
 * A back end that indexes rows and vectors by itself (retrieve/index.h) has no segments:
 * segment_count is 0 and what takes segments is CAIRN_EUNSUPPORTED. */
#ifndef CAIRN_STORE_BACKEND_H
#define CAIRN_STORE_BACKEND_H

#include "store/store.h"

typedef struct store_backend {
    void (*close)(store *s);
    const char *(*dir)(const store *s);
    cairn_status (*lock_writer)(store *s, int64_t wait_ns, cairn_error *err);
    void (*unlock_writer)(store *s);
    bool (*is_writer)(const store *s);
    cairn_status (*snapshot_open)(store *s, store_snapshot **out, cairn_error *err);
    cairn_status (*txn_begin)(store *s, store_txn **out, cairn_error *err);
    cairn_status (*write)(store *s, store_write_fn *fn, void *ctx, cairn_error *err);
    cairn_status (*check)(store *s, bool deep, store_problem_fn *fn, void *ctx, cairn_error *err);
    cairn_status (*compact)(store *s, cairn_error *err);
    cairn_status (*usage_get)(store *s, bool slow, store_usage *out, cairn_error *err);
    void (*snapshot_close)(store_snapshot *snap);
    uint64_t (*snapshot_version)(const store_snapshot *snap);
    store_counts (*snapshot_counts)(const store_snapshot *snap);
    size_t (*segment_count)(const store_snapshot *snap);
    const store_segment *(*segment_at)(const store_snapshot *snap, size_t i);
    cairn_status (*doc_get)(const store_snapshot *snap, doc_id id, store_doc *out, arena *a,
                            cairn_error *err);
    cairn_status (*doc_find)(const store_snapshot *snap, const char *uri, store_doc *out, arena *a,
                             cairn_error *err);
    cairn_status (*doc_by_hash)(const store_snapshot *snap, const uint8_t hash[16], doc_id *ids,
                                size_t max, size_t *n, cairn_error *err);
    cairn_status (*doc_chunks)(const store_snapshot *snap, doc_id doc, chunk_id **ids, size_t *n,
                               arena *a, cairn_error *err);
    cairn_status (*chunk_get)(const store_snapshot *snap, chunk_id id, store_chunk *out, arena *a,
                              cairn_error *err);
    cairn_status (*chunk_next)(const store_snapshot *snap, chunk_id after, chunk_id *ids,
                               size_t max, size_t *n, cairn_error *err);
    cairn_status (*doc_iter_open)(const store_snapshot *snap, const char *prefix,
                                  store_doc_iter **out, cairn_error *err);
    cairn_status (*meta_get)(const store_snapshot *snap, const char *key, arena *a,
                             const uint8_t **data, size_t *len, cairn_error *err);
    cairn_status (*failure_each)(const store_snapshot *snap, store_failure_fn *fn, void *ctx,
                                 cairn_error *err);
    cairn_status (*failure_find)(const store_snapshot *snap, const char *path, store_failure *out,
                                 arena *a, cairn_error *err);
    cairn_status (*pending_next)(const store_snapshot *snap, chunk_id after, chunk_id *ids,
                                 size_t max, size_t *n, cairn_error *err);
    cairn_status (*copy)(const store_snapshot *snap, const char *dir, uint64_t generation,
                         const char *earlier, store_copy_step *step, void *ctx,
                         store_copy_report *out, cairn_error *err);
    uint64_t (*snapshot_generation)(const store_snapshot *snap);
    cairn_status (*doc_iter_next)(store_doc_iter *it, store_doc *out, arena *a, cairn_error *err);
    void (*doc_iter_close)(store_doc_iter *it);
    cairn_status (*txn_commit)(store_txn *t, cairn_error *err);
    void (*txn_abort)(store_txn *t);
    doc_id (*txn_new_doc_id)(store_txn *t);
    chunk_id (*txn_new_chunk_id)(store_txn *t);
    cairn_status (*doc_put)(store_txn *t, const store_doc *doc, doc_id *id, cairn_error *err);
    cairn_status (*doc_update)(store_txn *t, const store_doc *doc, cairn_error *err);
    cairn_status (*doc_delete)(store_txn *t, doc_id id, cairn_error *err);
    cairn_status (*txn_doc_find)(store_txn *t, const char *uri, doc_id *id, cairn_error *err);
    cairn_status (*chunk_put)(store_txn *t, const store_chunk *chunk, chunk_id *id,
                              cairn_error *err);
    cairn_status (*rows_tombstone)(store_txn *t, segment_kind kind, const chunk_id *chunks,
                                   size_t n, cairn_error *err);
    cairn_status (*pending_add)(store_txn *t, const chunk_id *chunks, size_t n, cairn_error *err);
    cairn_status (*pending_remove)(store_txn *t, const chunk_id *chunks, size_t n,
                                   cairn_error *err);
    cairn_status (*failure_put)(store_txn *t, const store_failure *f, cairn_error *err);
    cairn_status (*failure_remove)(store_txn *t, const char *path, cairn_error *err);
    cairn_status (*meta_put)(store_txn *t, const char *key, const void *data, size_t len,
                             cairn_error *err);
    cairn_status (*segment_add)(store_txn *t, segment_writer *w, segment_id *id, cairn_error *err);
    cairn_status (*segment_merge)(store_txn *t, segment_writer *w, const segment_id *inputs,
                                  size_t n, segment_id *id, cairn_error *err);
    cairn_status (*segment_remove)(store_txn *t, segment_id id, cairn_error *err);
    cairn_status (*segment_set_aside)(store_txn *t, segment_id id, bool aside, cairn_error *err);
    /* NULL: doc_get of the chunk's document. */
    cairn_status (*doc_shown)(const store_snapshot *snap, const store_chunk *chunk, store_doc *out, arena *a,
                              cairn_error *err);
    /* The next calls for these chunks and their documents are likely: fetch them at once where that
     * saves time. A chunk that is not there is no error here. */
    cairn_status (*prefetch)(const store_snapshot *snap, const chunk_id *chunks, size_t n,
                             cairn_error *err);
} store_backend;

/* The first member of every back end's store, snapshot, list of documents and transaction. */
typedef struct store_head {
    const store_backend *ops;
} store_head;

#endif
