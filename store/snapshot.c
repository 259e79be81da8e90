/* snapshot.c - one pinned state: the manifest with its mapped segments, documents, chunks, lists.
 *
 * Opening pins an LMDB read transaction, reads the manifest from the tree it names and maps the
 * segment files. A writer may commit and unlink a segment between the first and the last step; then
 * a file is missing, a newer state exists, and the snapshot is opened again on that. Once open,
 * nothing is taken away: unlinked files stay mapped, and LMDB reuses no page of a pinned state.
 *
 * Reading never calls LMDB, only the tree, so one snapshot may serve many threads. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/checked.h"
#include "store/room.h"

#define OPEN_ATTEMPTS 20

/* ---- the manifest ---- */

void store_manifest_clear(store_manifest *m)
{
    for (size_t i = 0; i < m->n; i++) {
        segment_release((segment_file *)m->seg[i].file);
        free((uint64_t *)m->seg[i].deleted);
    }
    free(m->seg);
    free(m->rec);
    memset(m, 0, sizeof *m);
}

static cairn_status manifest_append(store_manifest *m, segment_id id, const record_segment *rec,
                                    cairn_error *err)
{
    store_segment *seg = checked_realloc(m->seg, m->n + 1, sizeof *seg);
    if (seg)
        m->seg = seg;
    record_segment *recs = checked_realloc(m->rec, m->n + 1, sizeof *recs);
    if (recs)
        m->rec = recs;
    if (!seg || !recs)
        return cairn_fail(err, CAIRN_ENOMEM, "list of segments");
    m->rec[m->n] = *rec;
    m->seg[m->n++] = (store_segment){
        .id = id, .kind = rec->kind, .n_rows = rec->n_rows, .n_deleted = rec->n_deleted};
    return CAIRN_OK;
}

/* The tombstones of one segment; their number must be the one its record gives. */
static cairn_status read_tombstones(const tree *t, store_segment *seg, cairn_error *err)
{
    size_t words = row_set_words(seg->n_rows);
    record_key k = record_key_id2(RECORD_TOMBSTONE, seg->id, 0);
    tree_cursor c;
    uint64_t count = 0;

    if (seg->n_deleted == 0)
        return CAIRN_OK;
    uint64_t *bits = checked_malloc(words, sizeof *bits);
    if (!bits)
        return cairn_fail(err, CAIRN_ENOMEM, "tombstones of segment %" PRIu64, seg->id);
    memset(bits, 0, words * sizeof *bits);
    seg->deleted = bits;
    cairn_status st = tree_seek(&c, t, k.b, k.n, err);
    for (; !st && !c.end && c.key_len == 13 && !memcmp(c.key, k.b, 9); st = tree_next(&c, err)) {
        size_t n = c.value_len;
        st = record_open(t->path, c.key, c.key_len, c.value, &n, err);
        if (st)
            return st;
        size_t at = (size_t)record_key_tail32(c.key, c.key_len) * RECORD_BLOCK_WORDS;
        if (n % 8 || n > RECORD_BLOCK_WORDS * 8 || at > words || n / 8 > words - at)
            return record_bad(t->path, c.key, c.key_len, "it has a wrong length", err);
        memcpy(bits + at, c.value, n);
    }
    if (st)
        return st;
    for (size_t i = 0; i < words; i++)
        count += (uint64_t)__builtin_popcountll(bits[i]);
    if (words && seg->n_rows % 64 && bits[words - 1] >> (seg->n_rows % 64))
        count = UINT64_MAX;
    if (count != seg->n_deleted)
        return cairn_fail(err, CAIRN_ECORRUPT,
                          "%s: segment %" PRIu64 ": its tombstones do not add up", t->path,
                          seg->id);
    return CAIRN_OK;
}

cairn_status store_segment_load(store *s, segment_id id, const record_segment *rec,
                                segment_file **out, cairn_error *err)
{
    *out = NULL;
    pthread_mutex_lock(&s->mutex);
    for (size_t i = 0; i < s->n_cached && !*out; i++)
        if (segment_file_id(s->cached[i]) == id)
            *out = segment_retain(s->cached[i]);
    pthread_mutex_unlock(&s->mutex);
    if (*out)
        return CAIRN_OK;
    char *path = store_segment_path(s, id, "seg");
    if (!path)
        return cairn_fail(err, CAIRN_ENOMEM, "path of segment %" PRIu64, id);
    cairn_status st = segment_file_open(out, path, id, rec, s->opt.verify_bytes, err);
    free(path);
    return st;
}

cairn_status store_manifest_read(store *s, const tree *t, store_manifest *m, bool open_files,
                                 cairn_error *err)
{
    record_key k = record_key_table(RECORD_SEGMENT);
    tree_cursor c;
    cairn_status st = tree_seek(&c, t, k.b, k.n, err);

    for (; !st && !c.end && c.key[0] == RECORD_SEGMENT; st = tree_next(&c, err)) {
        record_segment rec;
        size_t n = c.value_len;
        st = record_open(t->path, c.key, c.key_len, c.value, &n, err);
        if (st)
            return st;
        if (c.key_len != 9 || !record_get_segment(c.value, n, &rec))
            return record_bad(t->path, c.key, c.key_len, "it does not parse", err);
        st = manifest_append(m, record_key_tail64(c.key, c.key_len), &rec, err);
        if (!st)
            st = read_tombstones(t, &m->seg[m->n - 1], err);
        if (st)
            return st;
    }
    for (size_t i = 0; i < m->n && !st && open_files; i++) {
        segment_file *f;
        st = store_segment_load(s, m->seg[i].id, &m->rec[i], &f, err);
        if (!st)
            m->seg[i].file = f;
        else if (st == CAIRN_ECORRUPT && s->opt.tolerate_damage)
            st = CAIRN_OK;
    }
    return st;
}

/* Keep the newest snapshot's segments mapped for the next one. */
static void cache_segments(store *s, const store_snapshot *snap)
{
    const store_manifest *m = &snap->manifest;

    pthread_mutex_lock(&s->mutex);
    if (local_snapshot_version(snap) > s->cached_version) {
        segment_file **fresh = checked_malloc(m->n, sizeof *fresh);
        if (fresh) {
            size_t n = 0;
            for (size_t i = 0; i < m->n; i++)
                if (m->seg[i].file)
                    fresh[n++] = segment_retain(m->seg[i].file);
            for (size_t i = 0; i < s->n_cached; i++)
                segment_release(s->cached[i]);
            free(s->cached);
            s->cached = fresh;
            s->n_cached = n;
            s->cached_version = local_snapshot_version(snap);
        }
    }
    pthread_mutex_unlock(&s->mutex);
}

/* ---- open and close ---- */

/* Without LMDB's table of readers a writer could reuse our pages: keep writers out meanwhile. */
static cairn_status lock_out_writers(store *s, store_snapshot *snap, cairn_error *err)
{
    char *path;

    if (asprintf(&path, "%s/write.lock", s->dir) < 0)
        return cairn_fail(err, CAIRN_ENOMEM, "path in %s", s->dir);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    free(path);
    if (fd < 0) /* never written since it was made or copied here, or a read-only medium */
        return CAIRN_OK;
    if (flock(fd, LOCK_SH | LOCK_NB)) {
        close(fd);
        return cairn_fail(err, CAIRN_EBUSY,
                          "another process writes %s, and without permission to write there this "
                          "one cannot read beside it; try again later",
                          s->dir);
    }
    snap->shared_lock = fd;
    return CAIRN_OK;
}

static cairn_status snapshot_try(store *s, store_snapshot *snap, cairn_error *err)
{
    cairn_status st = store_follow_generation(s, err);
    if (st)
        return st;
    pthread_mutex_lock(&s->mutex);
    snap->e = env_retain(s->env);
    snap->generation = s->generation;
    pthread_mutex_unlock(&s->mutex);
    if (env_is_lockless(snap->e))
        st = lock_out_writers(s, snap, err);
    if (!st)
        st = env_pin(snap->e, &snap->pin, err);
    if (!st)
        st = store_read_state(&snap->pin.tree, &snap->state, err);
    if (!st)
        st = store_manifest_read(s, &snap->pin.tree, &snap->manifest, true, err);
    return st;
}

static void snapshot_drop(store_snapshot *snap)
{
    store_manifest_clear(&snap->manifest);
    env_unpin(&snap->pin);
    env_close(snap->e);
    snap->e = NULL;
    if (snap->shared_lock >= 0)
        close(snap->shared_lock);
    snap->shared_lock = -1;
}

cairn_status local_snapshot_open(store *s, store_snapshot **out, cairn_error *err)
{
    store_snapshot *snap;
    uint64_t last = 0;
    cairn_status st = store_check_pid(s, err);

    *out = NULL;
    if (st)
        return st;
    snap = calloc(1, sizeof *snap);
    if (!snap)
        return cairn_fail(err, CAIRN_ENOMEM, "snapshot");
    snap->head.ops = &local_backend;
    snap->s = s;
    snap->shared_lock = -1;
    for (int i = 0; i < OPEN_ATTEMPTS; i++) {
        st = snapshot_try(s, snap, err);
        /* A file that is missing from the state we saw before is missing for good. */
        uint64_t seen = snap->pin.e ? snap->pin.tree.meta.txn : 0;
        bool again = st == CAIRN_ENOTFOUND && (seen == 0 || seen != last);
        if (st == CAIRN_ENOTFOUND && !again && s->opt.tolerate_damage && snap->pin.e) {
            for (size_t k = 0; k < snap->manifest.n; k++) {
                segment_file *f;
                if (!snap->manifest.seg[k].file &&
                    store_segment_load(s, snap->manifest.seg[k].id, &snap->manifest.rec[k], &f,
                                       NULL) == CAIRN_OK)
                    snap->manifest.seg[k].file = f;
            }
            st = CAIRN_OK;
        }
        if (!st)
            break;
        snapshot_drop(snap);
        if (!again)
            break;
        last = seen;
    }
    if (st == CAIRN_ENOTFOUND && err)
        err->code = CAIRN_ECORRUPT;
    if (st) {
        free(snap);
        return st == CAIRN_ENOTFOUND ? CAIRN_ECORRUPT : st;
    }
    cache_segments(s, snap);
    *out = snap;
    return CAIRN_OK;
}

void local_snapshot_close(store_snapshot *snap)
{
    if (!snap)
        return;
    snapshot_drop(snap);
    free(snap);
}

uint64_t local_snapshot_version(const store_snapshot *snap)
{
    return snap->generation << 40 | snap->pin.tree.meta.txn;
}

store_counts local_snapshot_counts(const store_snapshot *snap)
{
    return snap->state.counts;
}

size_t local_segment_count(const store_snapshot *snap)
{
    return snap->manifest.n;
}

const store_segment *local_segment_at(const store_snapshot *snap, size_t i)
{
    return &snap->manifest.seg[i];
}

/* ---- documents ---- */

static cairn_status not_parsed(const tree *t, const record_key *k, bool no_memory, cairn_error *err)
{
    if (no_memory)
        return cairn_fail(err, CAIRN_ENOMEM, "the arena is too small for a record");
    return record_bad(t->path, k->b, k->n, "it does not parse", err);
}

cairn_status local_doc_get(const store_snapshot *snap, doc_id id, store_doc *out, arena *a,
                           cairn_error *err)
{
    const tree *t = &snap->pin.tree;
    record_key k = record_key_id(RECORD_DOC, id);
    const uint8_t *v;
    size_t n;
    bool no_memory = false;
    cairn_status st = store_tree_get(t, &k, &v, &n, err);

    memset(out, 0, sizeof *out);
    if (st == CAIRN_ENOTFOUND)
        return cairn_fail(err, CAIRN_ENOTFOUND, "no document %" PRIu64, id);
    if (st)
        return st;
    out->id = id;
    if (!record_get_doc(v, n, out, a, &no_memory))
        return not_parsed(t, &k, no_memory, err);
    return CAIRN_OK;
}

cairn_status local_doc_find(const store_snapshot *snap, const char *uri, store_doc *out, arena *a,
                            cairn_error *err)
{
    const tree *t = &snap->pin.tree;
    record_key k = record_key_path(RECORD_URI, uri);
    const uint8_t *v;
    size_t n;
    doc_id id;
    cairn_status st = store_tree_get(t, &k, &v, &n, err);

    if (st == CAIRN_ENOTFOUND)
        return cairn_fail(err, CAIRN_ENOTFOUND, "no document %s", uri);
    if (st)
        return st;
    if (!record_get_id(v, n, &id))
        return not_parsed(t, &k, false, err);
    st = local_doc_get(snap, id, out, a, err);
    if (st == CAIRN_ENOTFOUND)
        return record_bad(t->path, k.b, k.n, "it names a document that is not there", err);
    return st;
}

cairn_status local_doc_by_hash(const store_snapshot *snap, const uint8_t hash[16], doc_id *ids,
                               size_t max, size_t *n, cairn_error *err)
{
    record_key k = record_key_hash(hash, 0);
    tree_cursor c;

    *n = 0;
    cairn_status st = tree_seek(&c, &snap->pin.tree, k.b, k.n, err);
    for (; !st && !c.end && *n < max && c.key_len == 25 && !memcmp(c.key, k.b, 17);
         st = tree_next(&c, err))
        ids[(*n)++] = record_key_tail64(c.key, c.key_len);
    return st;
}

cairn_status local_doc_chunks(const store_snapshot *snap, doc_id doc, chunk_id **ids, size_t *n,
                              arena *a, cairn_error *err)
{
    const tree *t = &snap->pin.tree;
    record_key k = record_key_id2(RECORD_ORDER, doc, 0);
    tree_cursor c;
    size_t cap = 0;

    *n = 0;
    *ids = NULL;
    /* Two passes, so that the arena gets one block of the right size. */
    for (int pass = 0; pass < 2; pass++) {
        size_t i = 0;
        cairn_status st = tree_seek(&c, t, k.b, k.n, err);
        for (; !st && !c.end && c.key_len == 13 && !memcmp(c.key, k.b, 9);
             st = tree_next(&c, err), i++) {
            size_t len = c.value_len;
            if (pass == 0)
                continue;
            st = record_open(t->path, c.key, c.key_len, c.value, &len, err);
            if (st)
                return st;
            if (i >= cap || !record_get_id(c.value, len, &(*ids)[i]))
                return record_bad(t->path, c.key, c.key_len, "it does not parse", err);
        }
        if (st)
            return st;
        if (pass == 0) {
            cap = i;
            *ids = arena_calloc(a, cap ? cap : 1, sizeof **ids);
            if (!*ids)
                return cairn_fail(err, CAIRN_ENOMEM, "%zu chunk ids", cap);
        }
    }
    *n = cap;
    return CAIRN_OK;
}

/* ---- chunks ---- */

cairn_status local_chunk_get(const store_snapshot *snap, chunk_id id, store_chunk *out, arena *a,
                             cairn_error *err)
{
    const tree *t = &snap->pin.tree;
    record_key k = record_key_id(RECORD_CHUNK, id);
    const uint8_t *v;
    size_t n, bytes_needed;
    bool no_memory = false;
    record_text text;
    cairn_status st = store_tree_get(t, &k, &v, &n, err);

    memset(out, 0, sizeof *out);
    if (st == CAIRN_ENOTFOUND)
        return cairn_fail(err, CAIRN_ENOTFOUND, "no chunk %" PRIu64, id);
    if (st)
        return st;
    out->id = id;
    out->text = "";
    if (!record_get_chunk(v, n, out, &text, a, &no_memory))
        return not_parsed(t, &k, no_memory, err);
    if (!a || out->text_len == 0)
        return CAIRN_OK;
    char *s = checked_add(out->text_len, 1, &bytes_needed) ? arena_alloc(a, bytes_needed) : NULL;
    if (!s)
        return cairn_fail(err, CAIRN_ENOMEM, "text of chunk %" PRIu64, id);
    st = text_expand(&snap->s->text, t, id, &text, s, out->text_len, err);
    if (st)
        return st;
    s[out->text_len] = '\0';
    out->text = s;
    return CAIRN_OK;
}

/* Ids at the end of the 9-byte keys of one table, greater than `after`. */
static cairn_status ids_after(const store_snapshot *snap, uint8_t table, uint64_t after,
                              uint64_t *ids, size_t max, size_t *n, cairn_error *err)
{
    record_key k = record_key_id(table, after + 1);
    tree_cursor c;

    *n = 0;
    if (after == UINT64_MAX)
        return CAIRN_OK;
    cairn_status st = tree_seek(&c, &snap->pin.tree, k.b, k.n, err);
    for (; !st && !c.end && *n < max && c.key[0] == table && c.key_len == 9;
         st = tree_next(&c, err))
        ids[(*n)++] = record_key_tail64(c.key, c.key_len);
    return st;
}

cairn_status local_chunk_next(const store_snapshot *snap, chunk_id after, chunk_id *ids, size_t max,
                              size_t *n, cairn_error *err)
{
    return ids_after(snap, RECORD_CHUNK, after, ids, max, n, err);
}

cairn_status local_pending_next(const store_snapshot *snap, chunk_id after, chunk_id *ids,
                                size_t max, size_t *n, cairn_error *err)
{
    return ids_after(snap, RECORD_PENDING, after, ids, max, n, err);
}

/* ---- lists ---- */

struct store_doc_iter {
    store_head head;
    const store_snapshot *snap;
    tree_cursor c;
    char *prefix;
    size_t prefix_len;
    size_t key_prefix; /* bytes of a key that the prefix settles, table byte included */
    bool started;
};

cairn_status local_doc_iter_open(const store_snapshot *snap, const char *prefix,
                                 store_doc_iter **out, cairn_error *err)
{
    store_doc_iter *it = calloc(1, sizeof *it);

    *out = NULL;
    if (it)
        it->prefix = strdup(prefix ? prefix : "");
    if (!it || !it->prefix) {
        free(it);
        return cairn_fail(err, CAIRN_ENOMEM, "list of documents");
    }
    it->head.ops = &local_backend;
    it->snap = snap;
    it->prefix_len = strlen(it->prefix);
    *out = it;
    return CAIRN_OK;
}

static cairn_status iter_step(store_doc_iter *it, cairn_error *err)
{
    if (it->started)
        return tree_next(&it->c, err);
    record_key k = record_key_table(RECORD_URI);
    size_t n = it->prefix_len < RECORD_PATH_KEY ? it->prefix_len : RECORD_PATH_KEY;
    memcpy(k.b + 1, it->prefix, n);
    k.n += n;
    it->key_prefix = k.n;
    it->started = true;
    return tree_seek(&it->c, &it->snap->pin.tree, k.b, k.n, err);
}

cairn_status local_doc_iter_next(store_doc_iter *it, store_doc *out, arena *a, cairn_error *err)
{
    const tree *t = &it->snap->pin.tree;

    for (;;) {
        doc_id id;
        cairn_status st = iter_step(it, err);
        if (st)
            return st;
        size_t n = it->c.value_len, cut = it->key_prefix - 1;
        if (it->c.end || it->c.key_len < it->key_prefix || it->c.key[0] != RECORD_URI ||
            memcmp(it->c.key + 1, it->prefix, cut))
            return CAIRN_ENOTFOUND;
        st = record_open(t->path, it->c.key, it->c.key_len, it->c.value, &n, err);
        if (st)
            return st;
        if (!record_get_id(it->c.value, n, &id))
            return record_bad(t->path, it->c.key, it->c.key_len, "it does not parse", err);
        st = local_doc_get(it->snap, id, out, a, err);
        if (st == CAIRN_ENOTFOUND)
            return record_bad(t->path, it->c.key, it->c.key_len,
                              "it names a document that is not there", err);
        if (st || !strncmp(out->uri, it->prefix, it->prefix_len))
            return st;
    }
}

void local_doc_iter_close(store_doc_iter *it)
{
    if (!it)
        return;
    free(it->prefix);
    free(it);
}

cairn_status local_meta_get(const store_snapshot *snap, const char *key, arena *a,
                            const uint8_t **data, size_t *len, cairn_error *err)
{
    record_key k = record_key_name(RECORD_META, key);
    const uint8_t *v;
    size_t n;

    *data = NULL;
    *len = 0;
    cairn_status st = strlen(key) > STORE_META_KEY_MAX
                          ? CAIRN_ENOTFOUND
                          : store_tree_get(&snap->pin.tree, &k, &v, &n, err);
    if (st == CAIRN_ENOTFOUND)
        return cairn_fail(err, CAIRN_ENOTFOUND, "no value %s", key);
    if (st)
        return st;
    char *copy = arena_strndup(a, (const char *)v, n);
    if (!copy)
        return cairn_fail(err, CAIRN_ENOMEM, "value %s", key);
    *data = (const uint8_t *)copy;
    *len = n;
    return CAIRN_OK;
}

cairn_status local_failure_each(const store_snapshot *snap, store_failure_fn *fn, void *ctx,
                                cairn_error *err)
{
    const tree *t = &snap->pin.tree;
    record_key k = record_key_table(RECORD_FAILURE);
    tree_cursor c;
    arena scratch;
    cairn_status st = tree_seek(&c, t, k.b, k.n, err);

    arena_init(&scratch, (size_t)1 << 20);
    for (; !st && !c.end && c.key[0] == RECORD_FAILURE; st = tree_next(&c, err)) {
        store_failure f;
        bool no_memory;
        size_t n = c.value_len;
        st = record_open(t->path, c.key, c.key_len, c.value, &n, err);
        if (st)
            break;
        arena_reset(&scratch);
        if (!record_get_failure(c.value, n, &f, &scratch, &no_memory)) {
            st = no_memory ? cairn_fail(err, CAIRN_ENOMEM, "list of failures")
                           : record_bad(t->path, c.key, c.key_len, "it does not parse", err);
            break;
        }
        if (!fn(ctx, &f))
            break;
    }
    arena_clear(&scratch);
    return st;
}

cairn_status local_failure_find(const store_snapshot *snap, const char *path, store_failure *out,
                                arena *a, cairn_error *err)
{
    const tree *t = &snap->pin.tree;
    record_key k = record_key_path(RECORD_FAILURE, path);
    const uint8_t *v;
    size_t n;
    bool no_memory;
    cairn_status st = store_tree_get(t, &k, &v, &n, err);

    if (st == CAIRN_ENOTFOUND)
        return cairn_fail(err, CAIRN_ENOTFOUND, "no failure of %s", path);
    if (st)
        return st;
    if (!record_get_failure(v, n, out, a, &no_memory))
        return not_parsed(t, &k, no_memory, err);
    return CAIRN_OK;
}

/* Everything is mapped already. */
cairn_status local_prefetch(const store_snapshot *snap, const chunk_id *chunks, size_t n,
                            cairn_error *err)
{
    (void)snap, (void)chunks, (void)n, (void)err;
    return CAIRN_OK;
}
