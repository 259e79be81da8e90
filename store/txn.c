/* txn.c - the write transaction: documents, chunks, marks, values. Segments: txn_segment.c.
 *
 * Every LMDB call is preceded by tree_guard, which tests the pages it is going to touch in the
 * committed state the transaction started from (pages the transaction made itself are in memory
 * and come from tested ones). Counters, tombstones and the chunk count of the document at hand are
 * kept here and written once, at commit.
 *
 * A failed write call leaves the transaction in a state nobody can describe to the user, so it is
 * remembered and commit refuses. "Not found" and misuse change nothing and are not remembered. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "store/txn.h"

/* ---- LMDB, guarded ---- */

cairn_status txn_failed(store_txn *t, cairn_status st, cairn_error *mine, cairn_error *err)
{
    if (st && st != CAIRN_ENOTFOUND && st != CAIRN_EUSAGE && !t->failed.code)
        t->failed = *mine;
    if (st && err)
        *err = *mine;
    return st;
}

static cairn_status lmdb_failed(store_txn *t, int rc, const char *what, cairn_error *err)
{
    if (rc == MDB_MAP_FULL || rc == MDB_TXN_FULL)
        t->map_full = true;
    return env_fail(t->pin.e, rc, what, err);
}

cairn_status txn_get(store_txn *t, const record_key *k, const uint8_t **v, size_t *n,
                     cairn_error *err)
{
    MDB_val key = {k->n, (void *)k->b}, value;
    cairn_status st = tree_guard(&t->pin.tree, k->b, k->n, err);

    if (st)
        return st;
    int rc = mdb_get(t->txn, t->dbi, &key, &value);
    if (rc == MDB_NOTFOUND)
        return CAIRN_ENOTFOUND;
    if (rc)
        return lmdb_failed(t, rc, "read", err);
    *v = value.mv_data;
    *n = value.mv_size;
    return record_open(t->pin.tree.path, k->b, k->n, *v, n, err);
}

cairn_status txn_put(store_txn *t, const record_key *k, cairn_error *err)
{
    cairn_status st = record_seal(k, &t->value);

    if (st)
        return cairn_fail(err, st, "a record is too large");
    st = tree_guard(&t->pin.tree, k->b, k->n, err);
    if (st)
        return st;
    MDB_val key = {k->n, (void *)k->b}, value = {t->value.len, t->value.data};
    int rc = mdb_put(t->txn, t->dbi, &key, &value, 0);
    return rc ? lmdb_failed(t, rc, "write", err) : CAIRN_OK;
}

cairn_status txn_put_id(store_txn *t, const record_key *k, uint64_t id, cairn_error *err)
{
    bytes_reset(&t->value);
    if (id && bytes_append_u64(&t->value, id))
        return cairn_fail(err, CAIRN_ENOMEM, "a record");
    return txn_put(t, k, err);
}

cairn_status txn_del(store_txn *t, const record_key *k, cairn_error *err)
{
    MDB_val key = {k->n, (void *)k->b};
    cairn_status st = tree_guard(&t->pin.tree, k->b, k->n, err);

    if (st)
        return st;
    int rc = mdb_del(t->txn, t->dbi, &key, NULL);
    if (rc == MDB_NOTFOUND)
        return CAIRN_ENOTFOUND;
    return rc ? lmdb_failed(t, rc, "delete", err) : CAIRN_OK;
}

cairn_status txn_seek(store_txn *t, const record_key *from, size_t same, record_key *found,
                      const uint8_t **v, size_t *n, cairn_error *err)
{
    MDB_val key = {from->n, (void *)from->b}, value;
    MDB_cursor *c;
    cairn_status st = tree_guard(&t->pin.tree, from->b, from->n, err);

    if (st)
        return st;
    int rc = mdb_cursor_open(t->txn, t->dbi, &c);
    if (rc)
        return lmdb_failed(t, rc, "read", err);
    rc = mdb_cursor_get(c, &key, &value, MDB_SET_RANGE);
    mdb_cursor_close(c);
    if (rc == MDB_NOTFOUND)
        return CAIRN_ENOTFOUND;
    if (rc)
        return lmdb_failed(t, rc, "read", err);
    if (key.mv_size < same || key.mv_size > sizeof found->b || memcmp(key.mv_data, from->b, same))
        return CAIRN_ENOTFOUND;
    memcpy(found->b, key.mv_data, key.mv_size);
    found->n = key.mv_size;
    *v = value.mv_data;
    *n = value.mv_size;
    return record_open(t->pin.tree.path, found->b, found->n, *v, n, err);
}

/* ---- begin, commit, abort ---- */

static void txn_free(store_txn *t)
{
    store *s = t->s;

    txn_segments_clear(t);
    env_unpin(&t->pin);
    ZSTD_freeCCtx(t->cctx);
    bytes_clear(&t->value);
    bytes_clear(&t->packed);
    s->txn = NULL;
    free(t);
}

/* The texts of this transaction are packed with the dictionary trained here, if any. */
static cairn_status train(store_txn *t, cairn_error *err)
{
    uint8_t *dict;
    size_t len;

    if (!text_wants_training(&t->state))
        return CAIRN_OK;
    cairn_status st = text_train(&t->s->text, &t->pin.tree, &t->state, &dict, &len, err);
    if (st)
        return st;
    t->state.dictionary_at_bytes = t->state.counts.text_bytes;
    if (!dict)
        return CAIRN_OK;
    uint32_t version = t->state.dictionary + 1;
    record_key k = record_key_id2(RECORD_DICT, 0, version);
    bytes_reset(&t->value);
    st = bytes_append(&t->value, dict, len);
    if (st)
        cairn_fail(err, st, "dictionary %" PRIu32, version);
    if (!st)
        st = txn_put(t, &k, err);
    if (!st)
        st = text_learn(&t->s->text, version, dict, len, err);
    if (!st) {
        t->learnt = version;
        t->state.dictionary = version;
    }
    free(dict);
    return st;
}

static cairn_status begin(store *s, size_t room, store_txn **out, cairn_error *err)
{
    cairn_status st = store_check_pid(s, err);

    *out = NULL;
    if (st)
        return st;
    if (s->lock_fd < 0)
        return cairn_fail(err, CAIRN_EUSAGE, "%s is not open for writing", s->dir);
    if (s->txn)
        return cairn_fail(err, CAIRN_EUSAGE, "%s: a transaction is open already", s->dir);
    store_txn *t = calloc(1, sizeof *t);
    if (!t)
        return cairn_fail(err, CAIRN_ENOMEM, "transaction");
    t->head.ops = &local_backend;
    t->s = s;
    bytes_init(&t->value, (size_t)STORE_TEXT_MAX * 2);
    bytes_init(&t->packed, (size_t)STORE_TEXT_MAX * 2);
    t->cctx = ZSTD_createCCtx();
    st = t->cctx ? CAIRN_OK : cairn_fail(err, CAIRN_ENOMEM, "zstd context");
    if (!st)
        st = env_begin(s->env, room, &t->txn, &t->dbi, &t->pin, err);
    if (!st)
        st = store_read_state(&t->pin.tree, &t->state, err);
    if (!st)
        st = store_manifest_read(s, &t->pin.tree, &t->manifest, false, err);
    if (!st)
        st = txn_segments_init(t, err);
    s->txn = t;
    if (!st)
        st = train(t, err);
    if (st) {
        local_txn_abort(t);
        return st;
    }
    *out = t;
    return CAIRN_OK;
}

cairn_status local_txn_begin(store *s, store_txn **out, cairn_error *err)
{
    return begin(s, 0, out, err);
}

void local_txn_abort(store_txn *t)
{
    if (!t)
        return;
    if (t->txn) {
        env_abort(t->pin.e, t->txn);
        txn_segments_undo(t);
    }
    if (t->learnt)
        text_unlearn(&t->s->text, t->learnt);
    txn_free(t);
}

/* Write the chunk count of the document at hand into its record. */
static cairn_status flush_doc(store_txn *t, cairn_error *err)
{
    const uint8_t *v;
    size_t n;

    if (!t->doc_changed)
        return CAIRN_OK;
    t->doc_changed = false;
    record_key k = record_key_id(RECORD_DOC, t->doc);
    cairn_status st = txn_get(t, &k, &v, &n, err);
    if (st)
        return st == CAIRN_ENOTFOUND
                   ? cairn_fail(err, CAIRN_ECORRUPT, "%s: document %" PRIu64 " vanished",
                                t->pin.tree.path, t->doc)
                   : st;
    bytes_reset(&t->value);
    if (bytes_append(&t->value, v, n))
        return cairn_fail(err, CAIRN_ENOMEM, "a record");
    record_patch_doc_chunks((uint8_t *)t->value.data, t->doc_chunks);
    return txn_put(t, &k, err);
}

static cairn_status write_state(store_txn *t, cairn_error *err)
{
    record_key k = record_key_table(RECORD_STATE);

    pthread_mutex_lock(&t->s->mutex);
    if (t->s->next_segment > t->state.next_segment)
        t->state.next_segment = t->s->next_segment;
    pthread_mutex_unlock(&t->s->mutex);
    bytes_reset(&t->value);
    if (record_put_state(&t->value, &t->state))
        return cairn_fail(err, CAIRN_ENOMEM, "the state record");
    return txn_put(t, &k, err);
}

static cairn_status commit(store_txn *t, bool *map_full, cairn_error *err)
{
    cairn_status st = t->failed.code;

    if (st && err)
        *err = t->failed;
    if (!st)
        st = flush_doc(t, err);
    if (!st)
        st = txn_segments_write(t, err);
    if (!st)
        st = write_state(t, err);
    if (st) {
        *map_full = t->map_full;
        local_txn_abort(t);
        return st;
    }
    st = env_commit(t->pin.e, t->txn, err);
    t->txn = NULL;
    if (st) {
        /* Whether the last page reached the disk is unknown, so the new files stay: if the commit
         * did not happen, they are orphans of the next opening. */
        *map_full = st == CAIRN_ELIMIT;
        local_txn_abort(t);
        return st;
    }
    txn_segments_done(t);
    txn_free(t);
    return CAIRN_OK;
}

cairn_status local_txn_commit(store_txn *t, cairn_error *err)
{
    bool map_full;
    return commit(t, &map_full, err);
}

cairn_status local_write(store *s, store_write_fn *fn, void *ctx, cairn_error *err)
{
    cairn_status st = CAIRN_OK;
    size_t room = 0;

    for (int i = 0; i < 24; i++) {
        store_txn *t;
        bool map_full = false;
        st = begin(s, room, &t, err);
        if (st)
            return st;
        st = fn(ctx, t, err);
        if (!st) {
            st = commit(t, &map_full, err);
        } else {
            map_full = t->map_full;
            local_txn_abort(t);
        }
        if (!st || !map_full)
            return st;
        room = room ? room * 2 : env_map_bytes(s->env);
    }
    return st;
}

doc_id local_txn_new_doc_id(store_txn *t)
{
    return t->state.next_doc++;
}

chunk_id local_txn_new_chunk_id(store_txn *t)
{
    return t->state.next_chunk++;
}

/* ---- documents ---- */

static bool hash_known(const uint8_t hash[16])
{
    static const uint8_t zero[16];
    return memcmp(hash, zero, 16) != 0;
}

static cairn_status check_doc(const store_doc *d, cairn_error *err)
{
    size_t n = d->uri ? strnlen(d->uri, STORE_URI_MAX + 1) : 0;

    if (n == 0)
        return cairn_fail(err, CAIRN_EUSAGE, "a document needs a uri");
    if (n > STORE_URI_MAX)
        return cairn_fail(err, CAIRN_EUSAGE, "a uri is longer than %d bytes: %.100s...",
                          STORE_URI_MAX, d->uri);
    return CAIRN_OK;
}

/* The id under a uri. */
static cairn_status find_uri(store_txn *t, const char *uri, doc_id *id, cairn_error *err)
{
    record_key k = record_key_path(RECORD_URI, uri);
    const uint8_t *v;
    size_t n;
    cairn_status st = txn_get(t, &k, &v, &n, err);

    if (st)
        return st;
    return record_get_id(v, n, id)
               ? CAIRN_OK
               : record_bad(t->pin.tree.path, k.b, k.n, "it does not parse", err);
}

/* Document, uri and hash records. */
static cairn_status write_doc(store_txn *t, const store_doc *d, cairn_error *err)
{
    record_key k = record_key_id(RECORD_DOC, d->id);

    bytes_reset(&t->value);
    cairn_status st = record_put_doc(&t->value, d);
    if (st)
        return cairn_fail(err, st, "metadata of %s", d->uri);
    st = txn_put(t, &k, err);
    k = record_key_path(RECORD_URI, d->uri);
    if (!st)
        st = txn_put_id(t, &k, d->id, err);
    k = record_key_hash(d->hash, d->id);
    if (!st && hash_known(d->hash))
        st = txn_put_id(t, &k, 0, err);
    return st;
}

static cairn_status doc_put(store_txn *t, const store_doc *doc, doc_id *id, cairn_error *err)
{
    store_doc d = *doc;
    doc_id other;
    const uint8_t *v;
    size_t n;
    cairn_status st = check_doc(doc, err);

    if (!st)
        st = flush_doc(t, err);
    if (!st) {
        st = find_uri(t, d.uri, &other, err);
        if (!st)
            return cairn_fail(err, CAIRN_EUSAGE, "%s is stored already", d.uri);
        st = st == CAIRN_ENOTFOUND ? CAIRN_OK : st;
    }
    if (!st && d.id) {
        record_key k = record_key_id(RECORD_DOC, d.id);
        st = txn_get(t, &k, &v, &n, err);
        if (!st)
            return cairn_fail(err, CAIRN_EUSAGE, "document %" PRIu64 " is stored already", d.id);
        st = st == CAIRN_ENOTFOUND ? CAIRN_OK : st;
    }
    if (st)
        return st;
    if (d.id == 0)
        d.id = local_txn_new_doc_id(t);
    if (d.id >= t->state.next_doc)
        t->state.next_doc = d.id + 1;
    d.n_chunks = 0;
    st = write_doc(t, &d, err);
    if (st)
        return st;
    t->state.counts.docs++;
    t->doc = d.id;
    t->doc_chunks = 0;
    if (id)
        *id = d.id;
    return CAIRN_OK;
}

cairn_status local_doc_put(store_txn *t, const store_doc *doc, doc_id *id, cairn_error *err)
{
    cairn_error mine = {0};
    return txn_failed(t, doc_put(t, doc, id, &mine), &mine, err);
}

/* A document's record, its strings in the arena. */
static cairn_status read_doc(store_txn *t, doc_id id, store_doc *d, arena *a, cairn_error *err)
{
    record_key k = record_key_id(RECORD_DOC, id);
    const uint8_t *v;
    size_t n;
    bool no_memory = false;
    cairn_status st = txn_get(t, &k, &v, &n, err);

    if (st == CAIRN_ENOTFOUND)
        return cairn_fail(err, CAIRN_ENOTFOUND, "no document %" PRIu64, id);
    if (st)
        return st;
    memset(d, 0, sizeof *d);
    d->id = id;
    if (record_get_doc(v, n, d, a, &no_memory))
        return CAIRN_OK;
    if (no_memory)
        return cairn_fail(err, CAIRN_ENOMEM, "document %" PRIu64, id);
    return record_bad(t->pin.tree.path, k.b, k.n, "it does not parse", err);
}

static cairn_status unlink_doc(store_txn *t, const store_doc *d, cairn_error *err)
{
    record_key k = record_key_path(RECORD_URI, d->uri);
    cairn_status st = txn_del(t, &k, err);

    if (hash_known(d->hash) && (!st || st == CAIRN_ENOTFOUND)) {
        k = record_key_hash(d->hash, d->id);
        st = txn_del(t, &k, err);
    }
    return st == CAIRN_ENOTFOUND ? CAIRN_OK : st;
}

static cairn_status doc_update(store_txn *t, const store_doc *doc, arena *a, cairn_error *err)
{
    store_doc old, d = *doc;
    doc_id other;
    cairn_status st = check_doc(doc, err);

    if (!st)
        st = flush_doc(t, err);
    if (!st)
        st = read_doc(t, d.id, &old, a, err);
    if (!st) {
        st = find_uri(t, d.uri, &other, err);
        if (!st && other != d.id)
            return cairn_fail(err, CAIRN_EUSAGE, "%s is stored already", d.uri);
        st = st == CAIRN_ENOTFOUND ? CAIRN_OK : st;
    }
    if (!st)
        st = unlink_doc(t, &old, err);
    d.n_chunks = old.n_chunks;
    return st ? st : write_doc(t, &d, err);
}

cairn_status local_doc_update(store_txn *t, const store_doc *doc, cairn_error *err)
{
    cairn_error mine = {0};
    arena a;

    arena_init(&a, (size_t)STORE_TEXT_MAX * 2);
    cairn_status st = txn_failed(t, doc_update(t, doc, &a, &mine), &mine, err);
    arena_clear(&a);
    return st;
}

cairn_status local_txn_doc_find(store_txn *t, const char *uri, doc_id *id, cairn_error *err)
{
    cairn_error mine = {0};
    cairn_status st = find_uri(t, uri, id, &mine);

    if (st == CAIRN_ENOTFOUND)
        cairn_fail(&mine, st, "no document %s", uri);
    return txn_failed(t, st, &mine, err);
}

/* ---- deleting ---- */

static cairn_status pending_drop(store_txn *t, chunk_id id, cairn_error *err)
{
    record_key k = record_key_id(RECORD_PENDING, id);
    cairn_status st = txn_del(t, &k, err);

    if (!st && t->state.counts.pending)
        t->state.counts.pending--;
    return st == CAIRN_ENOTFOUND ? CAIRN_OK : st;
}

static cairn_status chunk_drop(store_txn *t, chunk_id id, cairn_error *err)
{
    record_key k = record_key_id(RECORD_CHUNK, id);
    const uint8_t *v;
    size_t n;
    store_chunk c;
    record_text text;
    bool no_memory;
    cairn_status st = txn_get(t, &k, &v, &n, err);

    if (st == CAIRN_ENOTFOUND)
        return record_bad(t->pin.tree.path, k.b, k.n, "it is missing", err);
    if (st)
        return st;
    if (!record_get_chunk(v, n, &c, &text, NULL, &no_memory))
        return record_bad(t->pin.tree.path, k.b, k.n, "it does not parse", err);
    st = txn_del(t, &k, err);
    if (!st)
        st = pending_drop(t, id, err);
    if (!st)
        st = txn_tombstone(t, 0, id, err);
    if (!st) {
        t->state.counts.chunks--;
        t->state.counts.text_bytes -= c.text_len;
    }
    return st;
}

static cairn_status doc_delete(store_txn *t, doc_id id, arena *a, cairn_error *err)
{
    store_doc d;
    cairn_status st = flush_doc(t, err);

    if (!st)
        st = read_doc(t, id, &d, a, err);
    if (st)
        return st;
    if (t->doc == id)
        t->doc = 0;
    for (;;) {
        record_key from = record_key_id2(RECORD_ORDER, id, 0), found;
        const uint8_t *v;
        size_t n;
        chunk_id chunk;
        st = txn_seek(t, &from, 9, &found, &v, &n, err);
        if (st == CAIRN_ENOTFOUND)
            break;
        if (st)
            return st;
        if (!record_get_id(v, n, &chunk))
            return record_bad(t->pin.tree.path, found.b, found.n, "it does not parse", err);
        st = chunk_drop(t, chunk, err);
        if (!st)
            st = txn_del(t, &found, err);
        if (st)
            return st;
    }
    st = unlink_doc(t, &d, err);
    record_key k = record_key_id(RECORD_DOC, id);
    if (!st)
        st = txn_del(t, &k, err);
    if (!st)
        t->state.counts.docs--;
    return st;
}

cairn_status local_doc_delete(store_txn *t, doc_id id, cairn_error *err)
{
    cairn_error mine = {0};
    arena a;

    arena_init(&a, (size_t)STORE_TEXT_MAX * 2);
    cairn_status st = txn_failed(t, doc_delete(t, id, &a, &mine), &mine, err);
    arena_clear(&a);
    return st;
}

/* ---- chunks ---- */

/* Make `doc` the document at hand, whose chunk count is kept in memory. */
static cairn_status take_doc(store_txn *t, doc_id doc, cairn_error *err)
{
    record_key k = record_key_id(RECORD_DOC, doc);
    const uint8_t *v;
    size_t n;

    if (t->doc == doc && doc)
        return CAIRN_OK;
    cairn_status st = flush_doc(t, err);
    if (!st)
        st = txn_get(t, &k, &v, &n, err);
    if (st == CAIRN_ENOTFOUND)
        return cairn_fail(err, CAIRN_EUSAGE, "a chunk of document %" PRIu64 ", which is not stored",
                          doc);
    if (st)
        return st;
    if (n < 4)
        return record_bad(t->pin.tree.path, k.b, k.n, "it does not parse", err);
    memcpy(&t->doc_chunks, v, sizeof t->doc_chunks);
    t->doc = doc;
    return CAIRN_OK;
}

static cairn_status key_is_free(store_txn *t, const record_key *k, cairn_error *err)
{
    const uint8_t *v;
    size_t n;
    cairn_status st = txn_get(t, k, &v, &n, err);

    if (st == CAIRN_ENOTFOUND)
        return CAIRN_OK;
    return st ? st : CAIRN_EUSAGE;
}

static cairn_status chunk_put(store_txn *t, const store_chunk *chunk, chunk_id *id,
                              cairn_error *err)
{
    store_chunk c = *chunk;
    record_text text;

    if (c.text_len > STORE_TEXT_MAX)
        return cairn_fail(err, CAIRN_EUSAGE, "a chunk of %zu bytes; at most %u", c.text_len,
                          STORE_TEXT_MAX);
    cairn_status st = take_doc(t, c.doc, err);
    record_key order = record_key_id2(RECORD_ORDER, c.doc, c.ordinal);
    if (!st && (st = key_is_free(t, &order, err)) == CAIRN_EUSAGE)
        return cairn_fail(err, st, "chunk %" PRIu32 " of document %" PRIu64 " is stored already",
                          c.ordinal, c.doc);
    record_key k = record_key_id(RECORD_CHUNK, c.id);
    if (!st && c.id && (st = key_is_free(t, &k, err)) == CAIRN_EUSAGE)
        return cairn_fail(err, st, "chunk %" PRIu64 " is stored already", c.id);
    if (!st)
        st = text_pack(&t->s->text, t->cctx, &t->pin.tree, t->state.dictionary,
                       c.text ? c.text : "", c.text_len, &t->packed, &text, err);
    if (st)
        return st;
    if (c.id == 0)
        c.id = local_txn_new_chunk_id(t);
    if (c.id >= t->state.next_chunk)
        t->state.next_chunk = c.id + 1;
    bytes_reset(&t->value);
    st = record_put_chunk(&t->value, &c, &text);
    if (st)
        return cairn_fail(err, st, "chunk %" PRIu64, c.id);
    k = record_key_id(RECORD_CHUNK, c.id);
    st = txn_put(t, &k, err);
    if (!st)
        st = txn_put_id(t, &order, c.id, err);
    if (st)
        return st;
    t->doc_chunks++;
    t->doc_changed = true;
    t->state.counts.chunks++;
    t->state.counts.text_bytes += c.text_len;
    if (id)
        *id = c.id;
    return CAIRN_OK;
}

cairn_status local_chunk_put(store_txn *t, const store_chunk *chunk, chunk_id *id, cairn_error *err)
{
    cairn_error mine = {0};
    return txn_failed(t, chunk_put(t, chunk, id, &mine), &mine, err);
}

bool txn_chunk_exists(store_txn *t, chunk_id id, cairn_status *st, cairn_error *err)
{
    record_key k = record_key_id(RECORD_CHUNK, id);
    const uint8_t *v;
    size_t n;

    *st = txn_get(t, &k, &v, &n, err);
    if (*st == CAIRN_ENOTFOUND) {
        *st = CAIRN_OK;
        return false;
    }
    return *st == CAIRN_OK;
}

cairn_status local_pending_add(store_txn *t, const chunk_id *chunks, size_t n, cairn_error *err)
{
    cairn_error mine = {0};
    cairn_status st = CAIRN_OK;

    for (size_t i = 0; i < n && !st; i++) {
        record_key k = record_key_id(RECORD_PENDING, chunks[i]);
        bool exists = txn_chunk_exists(t, chunks[i], &st, &mine);
        if (!st && !exists)
            st = cairn_fail(&mine, CAIRN_EUSAGE, "chunk %" PRIu64 " is not stored", chunks[i]);
        if (!st)
            st = key_is_free(t, &k, &mine);
        if (st == CAIRN_EUSAGE && exists) {
            st = CAIRN_OK;
            continue;
        }
        if (!st)
            st = txn_put_id(t, &k, 0, &mine);
        if (!st)
            t->state.counts.pending++;
    }
    return txn_failed(t, st, &mine, err);
}

cairn_status local_pending_remove(store_txn *t, const chunk_id *chunks, size_t n, cairn_error *err)
{
    cairn_error mine = {0};
    cairn_status st = CAIRN_OK;

    for (size_t i = 0; i < n && !st; i++)
        st = pending_drop(t, chunks[i], &mine);
    return txn_failed(t, st, &mine, err);
}

/* ---- failures and values ---- */

cairn_status local_failure_put(store_txn *t, const store_failure *f, cairn_error *err)
{
    cairn_error mine = {0};
    size_t len = f->path ? strnlen(f->path, STORE_URI_MAX + 1) : 0;

    if (len == 0 || len > STORE_URI_MAX)
        return cairn_fail(err, CAIRN_EUSAGE, "a failure needs a path of at most %d bytes",
                          STORE_URI_MAX);
    record_key k = record_key_path(RECORD_FAILURE, f->path);
    cairn_status st = key_is_free(t, &k, &mine);
    bool fresh = st == CAIRN_OK;
    if (st == CAIRN_EUSAGE)
        st = CAIRN_OK;
    bytes_reset(&t->value);
    if (!st && (st = record_put_failure(&t->value, f)))
        cairn_fail(&mine, st, "failure of %s", f->path);
    if (!st)
        st = txn_put(t, &k, &mine);
    if (!st && fresh)
        t->state.counts.failures++;
    return txn_failed(t, st, &mine, err);
}

cairn_status local_failure_remove(store_txn *t, const char *path, cairn_error *err)
{
    cairn_error mine = {0};
    record_key k = record_key_path(RECORD_FAILURE, path);
    cairn_status st = txn_del(t, &k, &mine);

    if (!st && t->state.counts.failures)
        t->state.counts.failures--;
    return txn_failed(t, st == CAIRN_ENOTFOUND ? CAIRN_OK : st, &mine, err);
}

cairn_status local_meta_put(store_txn *t, const char *key, const void *data, size_t len,
                            cairn_error *err)
{
    cairn_error mine = {0};
    size_t n = strnlen(key, STORE_META_KEY_MAX + 1);
    cairn_status st;

    if (n == 0 || n > STORE_META_KEY_MAX || len > STORE_TEXT_MAX)
        return cairn_fail(err, CAIRN_EUSAGE,
                          "a value needs a key of 1 to %d bytes and at most %u "
                          "bytes of data",
                          STORE_META_KEY_MAX, STORE_TEXT_MAX);
    record_key k = record_key_name(RECORD_META, key);
    if (!data) {
        st = txn_del(t, &k, &mine);
        return txn_failed(t, st == CAIRN_ENOTFOUND ? CAIRN_OK : st, &mine, err);
    }
    bytes_reset(&t->value);
    st = bytes_append(&t->value, data, len);
    if (st)
        cairn_fail(&mine, st, "value %s", key);
    else
        st = txn_put(t, &k, &mine);
    return txn_failed(t, st, &mine, err);
}
