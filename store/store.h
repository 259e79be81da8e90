/* store.h - documents, chunks, the manifest of segments and everything else that must survive.
 *
 * A store is one directory: an LMDB file, which is the only commit point, and segments/, a folder
 * of immutable files (segment.h). docs/store.md has the layout and the reasons.
 *
 * Processes  Any number may read, one may write. Opening for writing takes a lock on the file
 *            write.lock that dies with the process; a second writer gets CAIRN_EBUSY or waits.
 *            Readers never wait. Network file systems are refused (CAIRN_EUNSUPPORTED).
 * Snapshots  store_snapshot_open pins one committed state: documents, chunks and the segments it
 *            names stay as they were until the snapshot closes, whatever a writer does meanwhile.
 *            A snapshot kept for long makes the LMDB file grow: close it after the query.
 * Writes     happen in a store_txn, one at a time. Nothing is visible before store_txn_commit
 *            returns CAIRN_OK; then it is durable.
 * Threads    a store may be used from several threads; a snapshot may be READ from several threads
 *            at once; a store_txn belongs to the thread that began it. Several handles on one
 *            directory in one process are fine.
 * fork       a store does not survive fork: every call in the child answers CAIRN_EUSAGE. Close it
 *            in the parent as usual; in the child store_close only frees memory.
 * Errors     CAIRN_ECORRUPT names the file; damaged bytes never crash a reader. CAIRN_EFULL: the
 *            disk is full; the transaction is lost, everything committed before is not. */
#ifndef CAIRN_STORE_STORE_H
#define CAIRN_STORE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/status.h"
#include "store/segment.h"

#define STORE_FORMAT_VERSION 1
#define STORE_URI_MAX        8192        /* bytes of a uri or path */
#define STORE_TEXT_MAX       (64u << 20) /* bytes of one chunk's text or one meta value */
#define STORE_META_KEY_MAX   200         /* bytes of a meta key */

typedef struct store store;
typedef struct store_snapshot store_snapshot;
typedef struct store_txn store_txn;

typedef struct store_options {
    bool read_only;       /* do not take the writer lock */
    bool create;          /* make the directory and an empty store where there is none */
    bool tolerate_damage; /* snapshots list damaged or missing segments with file == NULL instead of
                             failing, so that a repair can drop and rebuild them */
    int64_t wait_ns;      /* for the writer lock: 0 = CAIRN_EBUSY at once, < 0 = for ever */
    size_t map_bytes;     /* address space to reserve for LMDB at first; 0 = default (64 GiB) */
    size_t verify_bytes;  /* check sections up to this size at first use; 0 = default (1 MiB),
                             SIZE_MAX = all */
} store_options;

/* Open the store in directory `dir`; NULL options = {0}: for writing, must exist. CAIRN_ENOTFOUND:
 * no store there. CAIRN_EBUSY: another process writes. CAIRN_ECORRUPT, CAIRN_EUNSUPPORTED (network
 * file system, newer format), CAIRN_EIO (permissions). As a writer, removes what a crash left
 * behind (orphaned segment files, temporaries, stale reader slots). A reader without permission to
 * write the directory works too, but then locks writers out while it has a snapshot open. */
cairn_status store_open(store **out, const char *dir, const store_options *opt, cairn_error *err);
/* Snapshots and transactions of this store must be closed before. NULL is fine. */
void store_close(store *s);
const char *store_dir(const store *s);

/* Turn a read-only handle into the writer and back, for a server that writes now and then. Locking
 * twice is fine. store_unlock_writer with a transaction open is a programming error. */
cairn_status store_lock_writer(store *s, int64_t wait_ns, cairn_error *err);
void store_unlock_writer(store *s);
bool store_is_writer(const store *s);

/* ---- what is stored ---- */

/* On read, strings are never NULL ("" when absent) and live in the arena given. On write, NULL
 * stands for "". */
typedef struct store_doc {
    doc_id id;
    const char *uri, *title, *author, *lang, *mime, *ext, *meta_json;
    int64_t size, mtime_ns, date_ns, indexed_ns;
    uint8_t hash[16]; /* of the file's bytes; all zero = unknown, not indexed by hash */
    uint32_t n_pages;
    uint32_t n_chunks; /* kept by the store; ignored on write */
} store_doc;

typedef struct store_chunk {
    chunk_id id;
    doc_id doc;
    uint32_t ordinal; /* 0.. within the document, unique there */
    uint64_t byte_start, byte_end;
    uint32_t page_first, page_last; /* 0 = no pages */
    uint32_t line_first, line_last;
    uint32_t n_tokens;
    const char *heading; /* path joined by " > " */
    const char *text;    /* NUL-terminated on read */
    size_t text_len;
} store_chunk;

typedef struct store_failure {
    const char *path, *reason;
    int64_t size, mtime_ns;
} store_failure;

typedef struct store_counts {
    uint64_t docs, chunks;
    uint64_t text_bytes; /* of all chunks, uncompressed */
    uint64_t pending;    /* chunks that wait for a vector */
    uint64_t failures;
} store_counts;

/* One segment as a snapshot sees it. Lives as long as the snapshot. */
typedef struct store_segment {
    segment_id id;
    segment_kind kind;
    uint32_t n_rows;
    uint32_t n_deleted;
    const uint64_t *deleted;  /* row_set_words(n_rows) words, or NULL when none is deleted */
    const segment_file *file; /* NULL only under tolerate_damage */
} store_segment;

/* ---- reading: one pinned state ---- */

cairn_status store_snapshot_open(store *s, store_snapshot **out, cairn_error *err);
void store_snapshot_close(store_snapshot *snap); /* NULL is fine */
/* Grows with every commit; equal numbers of one store handle mean the same state. */
uint64_t store_snapshot_version(const store_snapshot *snap);
store_counts store_snapshot_counts(const store_snapshot *snap);

/* By rising segment id. */
size_t store_segment_count(const store_snapshot *snap);
const store_segment *store_segment_at(const store_snapshot *snap, size_t i);

/* CAIRN_ENOTFOUND when there is none. Strings go into the arena. */
cairn_status store_doc_get(const store_snapshot *snap, doc_id id, store_doc *out, arena *a,
                           cairn_error *err);
cairn_status store_doc_find(const store_snapshot *snap, const char *uri, store_doc *out, arena *a,
                            cairn_error *err);
/* Ids of documents with these file bytes, rising; at most max of them, *n the number written. */
cairn_status store_doc_by_hash(const store_snapshot *snap, const uint8_t hash[16], doc_id *ids,
                               size_t max, size_t *n, cairn_error *err);
/* The document's chunks in ordinal order, in the arena. */
cairn_status store_doc_chunks(const store_snapshot *snap, doc_id doc, chunk_id **ids, size_t *n,
                              arena *a, cairn_error *err);
/* Heading and text go into the arena. a == NULL: neither is read (both "", text_len is right). */
cairn_status store_chunk_get(const store_snapshot *snap, chunk_id id, store_chunk *out, arena *a,
                             cairn_error *err);
/* Every chunk by rising id, greater than `after` (0 at first); *n = 0 at the end. */
cairn_status store_chunk_next(const store_snapshot *snap, chunk_id after, chunk_id *ids, size_t max,
                              size_t *n, cairn_error *err);

/* Documents whose uri starts with `prefix` ("" = all), in byte order of the uri (uris that agree in
 * their first 200 bytes and are longer come in no particular order). */
typedef struct store_doc_iter store_doc_iter;
cairn_status store_doc_iter_open(const store_snapshot *snap, const char *prefix,
                                 store_doc_iter **out, cairn_error *err);
/* CAIRN_ENOTFOUND at the end. */
cairn_status store_doc_iter_next(store_doc_iter *it, store_doc *out, arena *a, cairn_error *err);
void store_doc_iter_close(store_doc_iter *it); /* NULL is fine */

/* The value put under this key, in the arena with a NUL behind it; CAIRN_ENOTFOUND. */
cairn_status store_meta_get(const store_snapshot *snap, const char *key, arena *a,
                            const uint8_t **data, size_t *len, cairn_error *err);

/* Failures by path, same order as documents. fn returns false to stop early (CAIRN_OK then). */
typedef bool store_failure_fn(void *ctx, const store_failure *f);
cairn_status store_failure_each(const store_snapshot *snap, store_failure_fn *fn, void *ctx,
                                cairn_error *err);
cairn_status store_failure_find(const store_snapshot *snap, const char *path, store_failure *out,
                                arena *a, cairn_error *err);

/* Chunks that wait for a vector, by rising id, greater than `after`; *n = 0 at the end. */
cairn_status store_pending_next(const store_snapshot *snap, chunk_id after, chunk_id *ids,
                                size_t max, size_t *n, cairn_error *err);

/* The document of a chunk that was read, as a hit shows it: all but n_chunks, which is 0 where a back end
 * keeps the document with its chunks. CAIRN_ENOTFOUND: it is not there any more. */
cairn_status store_doc_shown(const store_snapshot *snap, const store_chunk *chunk, store_doc *out, arena *a,
                             cairn_error *err);

/* The texts of these chunks, and their documents, are about to be read: a back end that has to ask for them
 * elsewhere asks once. The embedded store does nothing. */
cairn_status store_prefetch(const store_snapshot *snap, const chunk_id *chunks, size_t n,
                            cairn_error *err);

/* ---- writing ---- */

/* One transaction at a time per store. CAIRN_EUSAGE: the handle is not the writer, or a transaction
 * is open. The address space grows here, ahead of need: after begin at least half of the reserved
 * map is free. A single transaction that writes more than that fails with CAIRN_ELIMIT ("commit in
 * smaller steps"); at the default reservation that is 32 GiB. */
cairn_status store_txn_begin(store *s, store_txn **out, cairn_error *err);
/* Frees the transaction, whatever the outcome. CAIRN_OK: durable. Anything else: nothing of it
 * happened. After any write call in it failed (other than CAIRN_ENOTFOUND and CAIRN_EUSAGE),
 * commit refuses with that status. */
cairn_status store_txn_commit(store_txn *t, cairn_error *err);
void store_txn_abort(store_txn *t); /* NULL is fine */

/* Begin, run fn, commit; fn runs again in a fresh transaction after the map was grown when it was
 * too large, so fn must not keep state that a second run would count twice. If fn fails the
 * transaction is aborted and its status returned. */
typedef cairn_status store_write_fn(void *ctx, store_txn *t, cairn_error *err);
cairn_status store_write(store *s, store_write_fn *fn, void *ctx, cairn_error *err);

/* Ids for new things, known before they are put. */
doc_id store_txn_new_doc_id(store_txn *t);
chunk_id store_txn_new_chunk_id(store_txn *t);

/* id 0 = new; *id (may be NULL) gets the id. CAIRN_EUSAGE: the uri or id is taken already (delete
 * the old document first, in the same transaction). */
cairn_status store_doc_put(store_txn *t, const store_doc *doc, doc_id *id, cairn_error *err);
/* Replace everything but chunks of document doc->id: new uri, mtime, title... */
cairn_status store_doc_update(store_txn *t, const store_doc *doc, cairn_error *err);
/* Remove the document, its chunks and their pending marks, and tombstone their rows in every
 * segment. CAIRN_ENOTFOUND when there is none. */
cairn_status store_doc_delete(store_txn *t, doc_id id, cairn_error *err);
/* Sees what this transaction did. CAIRN_ENOTFOUND. */
cairn_status store_txn_doc_find(store_txn *t, const char *uri, doc_id *id, cairn_error *err);

/* id 0 = new; *id (may be NULL) gets the id. The document must have been put before; the ordinal
 * must be free. */
cairn_status store_chunk_put(store_txn *t, const store_chunk *chunk, chunk_id *id,
                             cairn_error *err);

/* Tombstone the rows of these chunks in every segment of one kind, vectors that are aside among the vectors; the chunks stay. Chunks without
 * a row are passed over. For example a moved file: new lexical rows, vectors kept. */
cairn_status store_rows_tombstone(store_txn *t, segment_kind kind, const chunk_id *chunks, size_t n,
                                  cairn_error *err);

/* Mark chunks as waiting for a vector, or not any longer. Adding twice or removing what is not
 * there is fine. The chunk must exist to be added. */
cairn_status store_pending_add(store_txn *t, const chunk_id *chunks, size_t n, cairn_error *err);
cairn_status store_pending_remove(store_txn *t, const chunk_id *chunks, size_t n, cairn_error *err);

/* Remember that a path could not be indexed, replacing an earlier failure of the same path. */
cairn_status store_failure_put(store_txn *t, const store_failure *f, cairn_error *err);
/* Fine when there is none. */
cairn_status store_failure_remove(store_txn *t, const char *path, cairn_error *err);

/* A caller's own value under a key of 1..STORE_META_KEY_MAX bytes; data == NULL removes it. */
cairn_status store_meta_put(store_txn *t, const char *key, const void *data, size_t len,
                            cairn_error *err);

/* Name a finished segment in the manifest: it is renamed into place now and becomes visible with
 * the commit. Takes the writer over whatever the outcome; if the transaction does not commit, the
 * file is removed. Rows whose chunk does not exist (deleted while the segment was being built) are
 * tombstoned at once. *id may be NULL. */
cairn_status store_segment_add(store_txn *t, segment_writer *w, segment_id *id, cairn_error *err);
/* The same for the merge of inputs[0, n): a row stays alive only where its chunk's row is alive in
 * one of the inputs now (deletes that happened during the merge are carried over), and the inputs
 * are removed. */
cairn_status store_segment_merge(store_txn *t, segment_writer *w, const segment_id *inputs,
                                 size_t n, segment_id *id, cairn_error *err);
/* Put a segment of vectors aside (SEGMENT_ASIDE from now on), or back (SEGMENT_VECTOR). CAIRN_ENOTFOUND,
 * CAIRN_EUSAGE for one of words. */
cairn_status store_segment_set_aside(store_txn *t, segment_id id, bool aside, cairn_error *err);
/* Take a segment out of the manifest; its file is unlinked after the commit (readers that have it
 * mapped keep it). Works for a damaged segment too. */
cairn_status store_segment_remove(store_txn *t, segment_id id, cairn_error *err);

/* ---- care ---- */

typedef struct store_problem {
    const char *file; /* path of the damaged file */
    const char *part; /* "page 17", "section postings", "chunk 12"... */
    const char *text; /* what is wrong, in a sentence */
} store_problem;
typedef void store_problem_fn(void *ctx, const store_problem *p);

/* Check the newest committed state: structure of the LMDB file and its page accounting, every
 * record's checksum and references, counts, each segment's table; with `deep` also every section's
 * checksum and every row's chunk. Reports each problem (fn may be NULL). CAIRN_OK: clean.
 * CAIRN_ECORRUPT: problems were found; *err holds the first. May run beside a writer. */
cairn_status store_check(store *s, bool deep, store_problem_fn *fn, void *ctx, cairn_error *err);

/* Rewrite the LMDB file without free pages and with all texts under the newest dictionary, and
 * change over to it. The handle must be the writer without a transaction; readers keep their
 * snapshots and find the new file at their next one. A crash leaves the old or the new file. */
cairn_status store_compact(store *s, cairn_error *err);

typedef struct store_copy_report {
    uint64_t bytes;        /* of the copy's files */
    uint64_t bytes_linked; /* of these, shared with the earlier copy */
} store_copy_report;
/* Called now and then with the bytes written; false ends the copy with CAIRN_ECANCELLED. */
typedef bool store_copy_step(void *ctx, uint64_t done, uint64_t total);

/* Write the state of a snapshot as a store of its own into the folder `dir`, which exists and is empty;
 * writers and mergers may go on meanwhile. Every record and every section is checked on the way.
 * `generation` becomes its number; higher than any this content had before, so that no two states share a
 * version. `earlier` (may be NULL) is the folder of an earlier copy: segments that it holds already are
 * linked instead of written, where the file system can. On failure what was written stays for the caller
 * to remove. CAIRN_ECORRUPT: the source is damaged. */
cairn_status store_copy(const store_snapshot *snap, const char *dir, uint64_t generation,
                        const char *earlier, store_copy_step *step, void *ctx,
                        store_copy_report *out, cairn_error *err);
uint64_t store_snapshot_generation(const store_snapshot *snap);
/* The newest generation in a directory: its number, 0 when there is no store. */
cairn_status store_generation_newest(const char *dir, uint64_t *generation, cairn_error *err);

typedef struct store_usage {
    uint64_t lmdb_bytes;    /* size of the LMDB file */
    uint64_t lmdb_free;     /* of these, in pages free for reuse */
    uint64_t segment_bytes; /* of the segments of the newest state */
    uint64_t dictionaries;  /* trained so far */
    uint64_t stored_text;   /* bytes of chunk text as stored; 0 unless `slow` was asked for */
} store_usage;
/* slow = true walks every chunk. */
cairn_status store_usage_get(store *s, bool slow, store_usage *out, cairn_error *err);

#endif
