/* txn.h - the inside of a write transaction, shared by txn.c and txn_segment.c. */
#ifndef CAIRN_STORE_TXN_H
#define CAIRN_STORE_TXN_H

#include "store/room.h"

/* What a transaction knows about manifest.seg[i] beyond the manifest. */
typedef struct txn_segment {
    bool added, removed;
    uint64_t *dirty; /* bitset of tombstone blocks to write, NULL = none */
    bool record_dirty;
    char *path; /* of an added file */
} txn_segment;

struct store_txn {
    store_head head;
    store *s;
    MDB_txn *txn; /* NULL once it was handed to the commit */
    MDB_dbi dbi;
    env_pin_state pin; /* the state it started from; tree.seen = pages tested */
    record_state state;
    store_manifest manifest; /* with this transaction's tombstones; files opened on demand */
    txn_segment *segments;   /* [manifest.n] */
    ZSTD_CCtx *cctx;
    bytes value, packed;
    doc_id doc; /* the document at hand, 0 = none */
    uint32_t doc_chunks;
    bool doc_changed;
    uint32_t learnt; /* version of the dictionary trained here */
    bool map_full;
    cairn_error failed;
};

/* Remember a failure (see txn.c) and pass it on. */
cairn_status txn_failed(store_txn *t, cairn_status st, cairn_error *mine, cairn_error *err);
/* Opened value, borrowed until the next write. CAIRN_ENOTFOUND without text. */
cairn_status txn_get(store_txn *t, const record_key *k, const uint8_t **v, size_t *n,
                     cairn_error *err);
/* Seal and put t->value. */
cairn_status txn_put(store_txn *t, const record_key *k, cairn_error *err);
/* The value is an id, or empty for 0. */
cairn_status txn_put_id(store_txn *t, const record_key *k, uint64_t id, cairn_error *err);
cairn_status txn_del(store_txn *t, const record_key *k, cairn_error *err);
/* First record at or after `from` that shares its first `same` bytes. */
cairn_status txn_seek(store_txn *t, const record_key *from, size_t same, record_key *found,
                      const uint8_t **v, size_t *n, cairn_error *err);
bool txn_chunk_exists(store_txn *t, chunk_id id, cairn_status *st, cairn_error *err);

cairn_status txn_segments_init(store_txn *t, cairn_error *err);
/* Tombstone a chunk's row in every segment of one kind, 0 = of all kinds. */
cairn_status txn_tombstone(store_txn *t, int kind, chunk_id chunk, cairn_error *err);
/* Before the commit: write tombstones and records, sync the folder. */
cairn_status txn_segments_write(store_txn *t, cairn_error *err);
void txn_segments_done(store_txn *t); /* after the commit: unlink what was removed */
void txn_segments_undo(store_txn *t); /* after an abort: unlink what was added */
void txn_segments_clear(store_txn *t);

#endif
