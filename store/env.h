/* env.h - one LMDB file, opened once a process, with the locks and the address space around it.
 *
 * LMDB must not open a file twice in one process (its lock table would be lost with the first
 * close), so handles on the same file share one env, counted. Reading does not go through LMDB's
 * own mapping but through a tree_map (tree.h); the LMDB read transaction of a pin only holds the
 * place in the table of readers. That also makes growing LMDB's map safe while readers are at work:
 * nothing of ours points into it.
 *
 * Threads  all functions may be called from any thread. */
#ifndef CAIRN_STORE_ENV_H
#define CAIRN_STORE_ENV_H

#include <lmdb.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "store/tree.h"

typedef struct env env;

/* A pinned state of the file. Zero it before env_pin; env_unpin of a zeroed one is a no-op. */
typedef struct env_pin_state {
    env *e;
    MDB_txn *txn;
    struct env_map *map;
    tree tree;
} env_pin_state;

/* Open `path` (exists, was made by env_make) or share it. CAIRN_ENOTFOUND when the file is gone. */
cairn_status env_open(env **out, const char *path, size_t map_bytes, cairn_error *err);
env *env_retain(env *e); /* one more reference */
void env_close(env *e);  /* NULL is fine */
const char *env_path(const env *e);
/* The file was replaced by a newer one and unlinked. */
bool env_is_stale(const env *e);
/* Opened without LMDB's lock file, because the directory cannot be written. */
bool env_is_lockless(const env *e);
/* Size of the file. */
uint64_t env_file_bytes(const env *e);

/* Pin the newest state for reading. */
cairn_status env_pin(env *e, env_pin_state *pin, cairn_error *err);
void env_unpin(env_pin_state *pin);

/* Begin the write transaction; *pin gets the state it starts from, with pages to be marked in
 * tree.seen (freed by env_unpin), for tree_guard. `room` bytes of the map are free then, or half of
 * it when room is 0. */
cairn_status env_begin(env *e, size_t room, MDB_txn **txn, MDB_dbi *dbi, env_pin_state *pin,
                       cairn_error *err);
cairn_status env_commit(env *e, MDB_txn *txn, cairn_error *err);
void env_abort(env *e, MDB_txn *txn);
size_t env_map_bytes(env *e);
/* Drop places in the table of readers whose process is dead. */
void env_clear_dead_readers(env *e);

/* Turn an LMDB return code into a status and a sentence that names the file. */
cairn_status env_fail(const env *e, int rc, const char *what, cairn_error *err);

#endif
