/* compact.c - write the LMDB file anew, without free pages and with one dictionary.
 *
 * All records are read in key order through the checked tree and appended to a fresh file
 * (generation + 1), texts packed again with a dictionary trained on the whole collection. Appending
 * in order fills the pages, so the result is as small as it gets. The fresh file appears under its
 * final name complete and synced; the older one is unlinked then. A damaged record stops the
 * compaction: nothing is dropped silently.
 *
 * LMDB's own copy function is not used: it would follow damaged pages, and could not pack again. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "store/room.h"

#define BATCH_BYTES ((size_t)32 << 20)

typedef struct copy {
    store *s;
    const tree *t;
    record_state state;
    uint32_t dictionary; /* version for all texts */
    bool learnt;
    uint8_t *dict;
    size_t dict_len;
    ZSTD_CCtx *cctx;
    bytes value, packed, text;
    MDB_env *lmdb;
    MDB_dbi dbi;
    MDB_txn *txn;
    size_t batch;
} copy;

static cairn_status copy_flush(copy *c, cairn_error *err)
{
    if (!c->txn)
        return CAIRN_OK;
    int rc = mdb_txn_commit(c->txn);
    c->txn = NULL;
    c->batch = 0;
    return rc ? store_write_failed("compact", c->t->path, rc, err) : CAIRN_OK;
}

/* Append c->value, sealed here. */
static cairn_status copy_put(copy *c, const record_key *k, cairn_error *err)
{
    int rc = 0;

    if (record_seal(k, &c->value))
        return cairn_fail(err, CAIRN_ENOMEM, "compact %s", c->t->path);
    if (!c->txn)
        rc = mdb_txn_begin(c->lmdb, NULL, 0, &c->txn);
    MDB_val key = {k->n, (void *)k->b}, value = {c->value.len, c->value.data};
    if (!rc)
        rc = mdb_put(c->txn, c->dbi, &key, &value, MDB_APPEND);
    if (rc == MDB_KEYEXIST)
        return cairn_fail(err, CAIRN_ECORRUPT, "%s: its keys are out of order", c->t->path);
    if (rc)
        return store_write_failed("compact", c->t->path, rc, err);
    c->batch += c->value.len;
    return c->batch >= BATCH_BYTES ? copy_flush(c, err) : CAIRN_OK;
}

static cairn_status copy_chunk(copy *c, const tree_cursor *at, size_t n, cairn_error *err)
{
    store_chunk ch;
    record_text text;
    bool no_memory;
    arena a;
    chunk_id id = record_key_tail64(at->key, at->key_len);
    cairn_status st = CAIRN_OK;

    arena_init(&a, (size_t)STORE_TEXT_MAX);
    bytes_reset(&c->value);
    bytes_reset(&c->text);
    if (!record_get_chunk(at->value, n, &ch, &text, &a, &no_memory))
        st = no_memory ? cairn_fail(err, CAIRN_ENOMEM, "chunk %" PRIu64, id)
                       : record_bad(c->t->path, at->key, at->key_len, "it does not parse", err);
    if (!st && bytes_reserve(&c->text, ch.text_len + 1))
        st = cairn_fail(err, CAIRN_ENOMEM, "text of chunk %" PRIu64, id);
    if (!st)
        st = text_expand(&c->s->text, c->t, id, &text, c->text.data, ch.text_len, err);
    if (!st)
        st = text_pack(&c->s->text, c->cctx, c->t, c->dictionary, c->text.data, ch.text_len,
                       &c->packed, &text, err);
    if (!st && record_put_chunk(&c->value, &ch, &text))
        st = cairn_fail(err, CAIRN_ENOMEM, "chunk %" PRIu64, id);
    arena_clear(&a);
    return st;
}

/* The record of key `at` into c->value, without seal. *skip: it is not copied. */
static cairn_status copy_value(copy *c, const tree_cursor *at, size_t n, bool *skip,
                               cairn_error *err)
{
    *skip = false;
    switch (at->key[0]) {
    case RECORD_CHUNK:
        return copy_chunk(c, at, n, err);
    case RECORD_DICT: /* written by copy_all, after everything that sorts before it */
        *skip = true;
        return CAIRN_OK;
    case RECORD_STATE:
        bytes_reset(&c->value);
        c->state.dictionary = c->dictionary;
        c->state.dictionary_at_bytes = c->dictionary ? c->state.counts.text_bytes : 0;
        return record_put_state(&c->value, &c->state)
                   ? cairn_fail(err, CAIRN_ENOMEM, "the state record")
                   : CAIRN_OK;
    default:
        bytes_reset(&c->value);
        return bytes_append(&c->value, at->value, n) ? cairn_fail(err, CAIRN_ENOMEM, "a record")
                                                     : CAIRN_OK;
    }
}

static cairn_status copy_all(void *ctx, MDB_env *lmdb, MDB_dbi dbi, cairn_error *err)
{
    copy *c = ctx;
    tree_cursor at;

    c->lmdb = lmdb;
    c->dbi = dbi;
    cairn_status st = tree_seek(&at, c->t, "", 0, err);
    for (; !st && !at.end; st = st ? st : tree_next(&at, err)) {
        record_key k = {.n = at.key_len};
        size_t n = at.value_len;
        bool skip;
        if (at.key_len > sizeof k.b) {
            st = record_bad(c->t->path, at.key, 1, "its key is too long", err);
            break;
        }
        memcpy(k.b, at.key, at.key_len);
        st = record_open(c->t->path, at.key, at.key_len, at.value, &n, err);
        if (!st)
            st = copy_value(c, &at, n, &skip, err);
        if (!st && !skip)
            st = copy_put(c, &k, err);
    }
    if (!st && c->dictionary) {
        record_key k = record_key_id2(RECORD_DICT, 0, c->dictionary);
        bytes_reset(&c->value);
        st = bytes_append(&c->value, c->dict, c->dict_len);
        if (st)
            cairn_fail(err, st, "dictionary");
        else
            st = copy_put(c, &k, err);
    }
    if (!st)
        st = copy_flush(c, err);
    if (c->txn)
        mdb_txn_abort(c->txn);
    c->txn = NULL;
    return st;
}

/* A dictionary of the whole collection, or the newest one we have when there is too little text. */
static cairn_status choose_dictionary(copy *c, cairn_error *err)
{
    cairn_status st = CAIRN_OK;
    uint32_t newest = c->state.dictionary;

    if (c->state.counts.chunks >= 100)
        st = text_train(&c->s->text, c->t, &c->state, &c->dict, &c->dict_len, err);
    if (st)
        return st;
    if (c->dict) {
        c->dictionary = newest + 1;
        st = text_learn(&c->s->text, c->dictionary, c->dict, c->dict_len, err);
        c->learnt = !st;
        return st;
    }
    if (newest == 0)
        return CAIRN_OK;
    const uint8_t *v;
    record_key k = record_key_id2(RECORD_DICT, 0, newest);
    st = store_tree_get(c->t, &k, &v, &c->dict_len, err);
    if (st == CAIRN_ENOTFOUND)
        return cairn_fail(err, CAIRN_ECORRUPT, "%s: dictionary %" PRIu32 " is missing", c->t->path,
                          newest);
    if (st)
        return st;
    c->dict = malloc(c->dict_len ? c->dict_len : 1);
    if (!c->dict)
        return cairn_fail(err, CAIRN_ENOMEM, "dictionary");
    memcpy(c->dict, v, c->dict_len);
    c->dictionary = newest;
    return CAIRN_OK;
}

/* Unlink the old file, which is what makes every handle move on. If that fails the new one goes
 * instead: two generations must not both be written to. */
static cairn_status change_over(store *s, uint64_t old, cairn_error *err)
{
    char *path = store_generation_path(s->dir, old, "mdb");
    char *lock = store_generation_path(s->dir, old, "mdb-lock");
    char *fresh = store_generation_path(s->dir, old + 1, "mdb");
    cairn_status st = CAIRN_OK;

    if (!path || !lock || !fresh)
        st = cairn_fail(err, CAIRN_ENOMEM, "path in %s", s->dir);
    if (!st && unlink(path))
        st = cairn_fail_errno(err, errno, "remove %s", path);
    if (!st)
        unlink(lock);
    else if (fresh)
        unlink(fresh);
    free(path);
    free(lock);
    free(fresh);
    return st ? st : store_follow_generation(s, err);
}

cairn_status local_compact(store *s, cairn_error *err)
{
    env_pin_state pin = {0};
    copy c = {.s = s};
    cairn_status st = store_check_pid(s, err);

    if (!st && (s->lock_fd < 0 || s->txn))
        st = cairn_fail(err, CAIRN_EUSAGE, "%s must be open for writing, without a transaction",
                        s->dir);
    if (st)
        return st;
    uint64_t generation = s->generation;
    bytes_init(&c.value, (size_t)STORE_TEXT_MAX * 2);
    bytes_init(&c.packed, (size_t)STORE_TEXT_MAX * 2);
    bytes_init(&c.text, (size_t)STORE_TEXT_MAX * 2);
    c.cctx = ZSTD_createCCtx();
    st = c.cctx ? CAIRN_OK : cairn_fail(err, CAIRN_ENOMEM, "zstd context");
    if (!st)
        st = store_pin(s, &pin, &c.state, err);
    c.t = &pin.tree;
    if (!st) {
        pthread_mutex_lock(&s->mutex);
        if (s->next_segment > c.state.next_segment)
            c.state.next_segment = s->next_segment;
        pthread_mutex_unlock(&s->mutex);
        st = choose_dictionary(&c, err);
    }
    if (!st) {
        /* Packing again may also make a text longer; twice the old file is room enough. */
        size_t map =
            (size_t)(pin.tree.meta.last_page + 1) * pin.tree.page_bytes * 2 + ((size_t)64 << 20);
        st = store_generation_make(s->dir, generation + 1, map, copy_all, &c, err);
    }
    env_unpin(&pin);
    if (!st)
        st = change_over(s, generation, err);
    else if (c.learnt)
        text_unlearn(&s->text, c.dictionary);
    ZSTD_freeCCtx(c.cctx);
    bytes_clear(&c.value);
    bytes_clear(&c.packed);
    bytes_clear(&c.text);
    free(c.dict);
    return st;
}
