/* txn.h - the functions of the back end's table that live in read.c, txn.c and check.c; private. */
#ifndef CAIRN_OPENSEARCH_TXN_H
#define CAIRN_OPENSEARCH_TXN_H

#include "opensearch/room.h"

cairn_status os_renew(struct os_store *s, cairn_error *err);
void os_extend_lease(const struct os_store *s, os_state *state);
/* Lend more ids: `state` is the transaction's. */
cairn_status os_lend_more(struct os_store *s, os_state *state, cairn_error *err);

cairn_status os_check(store *s, bool deep, store_problem_fn *fn, void *ctx, cairn_error *err);
cairn_status os_chunk_get(const store_snapshot *snap, chunk_id id, store_chunk *out, arena *a,
                          cairn_error *err);
cairn_status os_chunk_next(const store_snapshot *snap, chunk_id after, chunk_id *ids, size_t max,
                           size_t *n, cairn_error *err);
cairn_status os_chunk_put(store_txn *t, const store_chunk *chunk, chunk_id *id, cairn_error *err);
cairn_status os_doc_by_hash(const store_snapshot *snap, const uint8_t hash[16], doc_id *ids,
                            size_t max, size_t *n, cairn_error *err);
cairn_status os_doc_chunks(const store_snapshot *snap, doc_id doc, chunk_id **ids, size_t *n,
                           arena *a, cairn_error *err);
cairn_status os_doc_delete(store_txn *t, doc_id id, cairn_error *err);
cairn_status os_doc_find(const store_snapshot *snap, const char *uri, store_doc *out, arena *a,
                         cairn_error *err);
cairn_status os_doc_get(const store_snapshot *snap, doc_id id, store_doc *out, arena *a,
                        cairn_error *err);
cairn_status os_doc_shown(const store_snapshot *snap, const store_chunk *chunk, store_doc *out, arena *a,
                          cairn_error *err);
cairn_status os_doc_iter_next(store_doc_iter *it, store_doc *out, arena *a, cairn_error *err);
cairn_status os_doc_iter_open(const store_snapshot *snap, const char *prefix, store_doc_iter **out,
                              cairn_error *err);
cairn_status os_doc_put(store_txn *t, const store_doc *doc, doc_id *id, cairn_error *err);
cairn_status os_doc_update(store_txn *t, const store_doc *doc, cairn_error *err);
cairn_status os_failure_each(const store_snapshot *snap, store_failure_fn *fn, void *ctx,
                             cairn_error *err);
cairn_status os_failure_find(const store_snapshot *snap, const char *path, store_failure *out,
                             arena *a, cairn_error *err);
cairn_status os_failure_put(store_txn *t, const store_failure *f, cairn_error *err);
cairn_status os_failure_remove(store_txn *t, const char *path, cairn_error *err);
cairn_status os_meta_get(const store_snapshot *snap, const char *key, arena *a,
                         const uint8_t **data, size_t *len, cairn_error *err);
cairn_status os_meta_put(store_txn *t, const char *key, const void *data, size_t len,
                         cairn_error *err);
cairn_status os_pending_add(store_txn *t, const chunk_id *chunks, size_t n, cairn_error *err);
cairn_status os_pending_next(const store_snapshot *snap, chunk_id after, chunk_id *ids, size_t max,
                             size_t *n, cairn_error *err);
cairn_status os_pending_remove(store_txn *t, const chunk_id *chunks, size_t n, cairn_error *err);
cairn_status os_snapshot_open(store *s, store_snapshot **out, cairn_error *err);
cairn_status os_txn_begin(store *s, store_txn **out, cairn_error *err);
cairn_status os_txn_commit(store_txn *t, cairn_error *err);
cairn_status os_txn_doc_find(store_txn *t, const char *uri, doc_id *id, cairn_error *err);
cairn_status os_write(store *s, store_write_fn *fn, void *ctx, cairn_error *err);
chunk_id os_txn_new_chunk_id(store_txn *t);
doc_id os_txn_new_doc_id(store_txn *t);
store_counts os_snapshot_counts(const store_snapshot *snap);
uint64_t os_snapshot_version(const store_snapshot *snap);
void os_doc_iter_close(store_doc_iter *it);
void os_snapshot_close(store_snapshot *snap);
void os_txn_abort(store_txn *t);
cairn_status os_prefetch(const store_snapshot *snap, const chunk_id *chunks, size_t n,
                         cairn_error *err);
/* The document of this uri; *id 0: there is none. */
cairn_status os_find_uri(struct os_store *s, const char *uri, doc_id *id, cairn_error *err);
/* A document and the bytes of text in its chunks, past every cache. CAIRN_ENOTFOUND. */
cairn_status os_read_doc(struct os_store *s, doc_id id, store_doc *out, uint64_t *text_bytes,
                         arena *a, cairn_error *err);

#endif
