/* room.h - what the files of this room share and nobody else sees: the insides of a store, a
 * segment file and a transaction. */
#ifndef CAIRN_STORE_ROOM_H
#define CAIRN_STORE_ROOM_H

#include <pthread.h>
#include <stdatomic.h>
#include <sys/types.h>
#include <zstd.h>

#include "base/bytes.h"
#include "store/env.h"
#include "store/local.h"
#include "store/record.h"

/* ---- segment files ---- */

#define SEGMENT_MAGIC     "CAIRNSEG"
#define SEGMENT_TOC_MAGIC "CAIRNTOC"
enum { SEGMENT_ALIGN = 64, SEGMENT_HEADER = 64, SEGMENT_TRAILER = 64, SEGMENT_TOC_ENTRY = 48 };

/* Map and test a segment file. `expect` (may be NULL) is the manifest's record of it.
 * CAIRN_ENOTFOUND when the file is not there. */
cairn_status segment_file_open(segment_file **out, const char *path, segment_id id,
                               const record_segment *expect, size_t verify_bytes, cairn_error *err);
/* Its bytes, segment_file_bytes of them, alive as long as the file is. */
const uint8_t *segment_file_base(const segment_file *f);
/* Give the parts of a finished writer to the transaction: rename it into place. The record and the
 * path are filled; the writer is freed in any case. */
cairn_status segment_writer_place(segment_writer *w, record_segment *rec, char **path,
                                  cairn_error *err);
struct store *segment_writer_store(const segment_writer *w);
bool segment_writer_is_finished(const segment_writer *w);

/* ---- dictionaries ---- */

typedef struct text_dict {
    uint32_t version;
    ZSTD_DDict *expand;
    ZSTD_CDict *pack; /* only of the version in use for writing */
} text_dict;

#define TEXT_CONTEXTS 8
typedef struct text_store { /* under its own mutex */
    pthread_mutex_t mutex;
    text_dict *dicts;
    size_t n_dicts;
    ZSTD_DCtx *idle[TEXT_CONTEXTS];
    size_t n_idle;
} text_store;

void text_init(text_store *ts);
void text_clear(text_store *ts);
/* Expand a chunk's text into dst[0, len). Dictionaries are read from the tree when not known. */
cairn_status text_expand(text_store *ts, const tree *t, chunk_id id, const record_text *text,
                         char *dst, size_t len, cairn_error *err);
/* Pack with dictionary `version` (0 = none; `dict` its bytes may be NULL when known already). The
 * result borrows from `out` or from the text itself. */
cairn_status text_pack(text_store *ts, ZSTD_CCtx *cctx, const tree *t, uint32_t version,
                       const char *src, size_t len, bytes *out, record_text *text,
                       cairn_error *err);
/* Make a dictionary known before it is committed. */
cairn_status text_learn(text_store *ts, uint32_t version, const void *dict, size_t len,
                        cairn_error *err);
/* Drop a dictionary whose transaction did not commit; nothing else can have used it. */
void text_unlearn(text_store *ts, uint32_t version);
/* Is it time to train? And train from texts of the tree: *dict is malloc'd; *len = 0 when the
 * samples are too few or too alike. */
bool text_wants_training(const record_state *state);
cairn_status text_train(text_store *ts, const tree *t, const record_state *state, uint8_t **dict,
                        size_t *len, cairn_error *err);

/* ---- the store ---- */

struct store {
    store_head head;
    char *dir;
    char *segments_dir;
    store_options opt;
    pid_t pid;
    int lock_fd;           /* of write.lock while we are the writer, else -1 */
    pthread_mutex_t mutex; /* guards env, the segment cache and the id counter below */
    env *env;
    uint64_t generation;   /* of env's file */
    segment_file **cached; /* segments of the newest snapshot so far, one reference each */
    size_t n_cached;
    uint64_t cached_version;
    segment_id next_segment; /* for writers of segments; only grows */
    store_txn *txn;
    text_store text;
};

/* Path of a generation's LMDB file; malloc'd, NULL without memory. */
char *store_generation_path(const char *dir, uint64_t generation, const char *suffix);
char *store_segment_path(const store *s, segment_id id, const char *suffix);
/* Make a generation: `fill` writes the records into a fresh file that appears under its final name
 * only when it is complete and on disk. */
typedef cairn_status store_fill_fn(void *ctx, MDB_env *lmdb, MDB_dbi dbi, cairn_error *err);
cairn_status store_generation_make(const char *dir, uint64_t generation, size_t map_bytes,
                                   store_fill_fn *fill, void *ctx, cairn_error *err);
/* What LMDB answered, not 0, while a fresh file was written. */
cairn_status store_write_failed(const char *what, const char *path, int rc, cairn_error *err);
/* fsync of a directory. */
cairn_status store_sync_dir(const char *dir, cairn_error *err);
/* Use the newest generation from now on, if ours was replaced. */
cairn_status store_follow_generation(store *s, cairn_error *err);
cairn_status store_check_pid(const store *s, cairn_error *err);
/* Remove files of the directory that the manifest does not name. The writer's business only. */
cairn_status store_remove_orphans(store *s, cairn_error *err);
/* Pin the newest state and read its state record. */
cairn_status store_pin(store *s, env_pin_state *pin, record_state *state, cairn_error *err);
cairn_status store_read_state(const tree *t, record_state *state, cairn_error *err);
/* Value of a key, opened (checksum tested). CAIRN_ENOTFOUND. */
cairn_status store_tree_get(const tree *t, const record_key *k, const uint8_t **v, size_t *n,
                            cairn_error *err);
/* A mapped segment, from the cache or from disk; one reference for the caller. */
cairn_status store_segment_load(store *s, segment_id id, const record_segment *rec,
                                segment_file **out, cairn_error *err);

/* The segments a tree names, with their tombstones. Filled by store_manifest_read, also for
 * transactions and checks. */
typedef struct store_manifest {
    store_segment *seg;
    record_segment *rec;
    size_t n;
} store_manifest;
/* CAIRN_ENOTFOUND: a file vanished, because a newer commit dropped it: pin again. */
cairn_status store_manifest_read(store *s, const tree *t, store_manifest *m, bool open_files,
                                 cairn_error *err);
void store_manifest_clear(store_manifest *m);

struct store_snapshot {
    store_head head;
    store *s;
    env *e; /* a reference, since the store may move to a newer file */
    uint64_t generation;
    env_pin_state pin;
    record_state state;
    store_manifest manifest;
    int shared_lock; /* of write.lock for a lockless env, else -1 */
};

#endif
