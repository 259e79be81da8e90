/* copy.c - one pinned state written as a store of its own: what a backup is, and a restored one.
 *
 * Segments never change, so a copy of their bytes is exact whatever a writer does meanwhile; one
 * that was merged away is still mapped by the snapshot and is written from there. The records are
 * appended in key order to a fresh LMDB file, as they are: texts stay packed, seals stay valid.
 * Nothing is copied unseen: each record's seal is tested before, each segment's sections after it
 * was written. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/room.h"

#define BATCH_BYTES ((size_t)32 << 20)
#define PIECE_BYTES ((size_t)4 << 20)

typedef struct copying {
    const store_snapshot *snap;
    const char *dir, *earlier;
    store_copy_step *step;
    void *ctx;
    uint64_t done, total;
    store_copy_report *out;
} copying;

static cairn_status advance(copying *c, uint64_t n, cairn_error *err)
{
    c->done += n;
    if (c->step && !c->step(c->ctx, c->done, c->total > c->done ? c->total : c->done))
        return cairn_fail(err, CAIRN_ECANCELLED, "copy of %s", c->snap->s->dir);
    return CAIRN_OK;
}

/* ---- segments ---- */

static cairn_status write_file(copying *c, const char *path, const segment_file *f,
                               cairn_error *err)
{
    const uint8_t *base = segment_file_base(f);
    uint64_t len = segment_file_bytes(f), at = 0;
    cairn_status st = CAIRN_OK;
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);

    if (fd < 0)
        return cairn_fail_errno(err, errno, "create %s", path);
    while (!st && at < len) {
        size_t piece = len - at < PIECE_BYTES ? (size_t)(len - at) : PIECE_BYTES;
        ssize_t n = write(fd, base + at, piece);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            st = cairn_fail_errno(err, errno, "write %s", path);
        else
            st = advance(c, (uint64_t)n, err);
        at += n > 0 ? (uint64_t)n : 0;
    }
    if (!st && fsync(fd))
        st = cairn_fail_errno(err, errno, "sync %s", path);
    if (close(fd) && !st)
        st = cairn_fail_errno(err, errno, "close %s", path);
    return st;
}

/* Whether the file at `path` is segment i of the snapshot, whole. */
static cairn_status verify_file(const copying *c, size_t i, const char *path, cairn_error *err)
{
    const store_manifest *m = &c->snap->manifest;
    segment_file *f;
    cairn_status st = segment_file_open(&f, path, m->seg[i].id, &m->rec[i], 0, err);

    if (st)
        return st;
    st = segment_verify(f, err);
    segment_release(f);
    return st;
}

static cairn_status copy_segment(copying *c, size_t i, cairn_error *err)
{
    const store_segment *seg = &c->snap->manifest.seg[i];
    char *path = NULL, *old = NULL;
    cairn_status st = CAIRN_OK;
    bool linked = false;

    if (!seg->file)
        return cairn_fail(err, CAIRN_ECORRUPT, "segment %016" PRIx64 " of %s is missing or damaged",
                          seg->id, c->snap->s->dir);
    if (asprintf(&path, "%s/segments/%016" PRIx64 ".seg", c->dir, seg->id) < 0)
        return cairn_fail(err, CAIRN_ENOMEM, "path in %s", c->dir);
    if (c->earlier && asprintf(&old, "%s/segments/%016" PRIx64 ".seg", c->earlier, seg->id) < 0) {
        free(path);
        return cairn_fail(err, CAIRN_ENOMEM, "path in %s", c->earlier);
    }
    if (old && verify_file(c, i, old, NULL) == CAIRN_OK)
        linked = link(old, path) == 0;
    if (linked) {
        c->out->bytes_linked += segment_file_bytes(seg->file);
        st = advance(c, segment_file_bytes(seg->file), err);
    } else {
        st = write_file(c, path, seg->file, err);
        if (!st)
            st = verify_file(c, i, path, err);
    }
    c->out->bytes += segment_file_bytes(seg->file);
    free(path);
    free(old);
    return st;
}

static cairn_status copy_segments(copying *c, cairn_error *err)
{
    char *folder;
    cairn_status st = CAIRN_OK;

    if (asprintf(&folder, "%s/segments", c->dir) < 0)
        return cairn_fail(err, CAIRN_ENOMEM, "path in %s", c->dir);
    if (mkdir(folder, 0755))
        st = cairn_fail_errno(err, errno, "make the folder %s", folder);
    for (size_t i = 0; !st && i < c->snap->manifest.n; i++)
        st = copy_segment(c, i, err);
    if (!st)
        st = store_sync_dir(folder, err);
    free(folder);
    return st;
}

/* ---- records ---- */

static cairn_status append_record(copying *c, const tree_cursor *at, MDB_txn *txn, MDB_dbi dbi,
                                  cairn_error *err)
{
    size_t n = at->value_len;
    cairn_status st = record_open(c->snap->pin.tree.path, at->key, at->key_len, at->value, &n, err);
    MDB_val key = {at->key_len, (void *)at->key}, value = {at->value_len, (void *)at->value};
    int rc;

    if (st)
        return st;
    rc = mdb_put(txn, dbi, &key, &value, MDB_APPEND);
    if (rc == MDB_KEYEXIST)
        return cairn_fail(err, CAIRN_ECORRUPT, "%s: its keys are out of order", c->snap->pin.tree.path);
    return rc ? store_write_failed("copy to", c->dir, rc, err) : CAIRN_OK;
}

/* Records from the cursor on, at most BATCH_BYTES of them, as one transaction. */
static cairn_status copy_batch(copying *c, tree_cursor *at, MDB_env *lmdb, MDB_dbi dbi,
                               cairn_error *err)
{
    MDB_txn *txn = NULL;
    cairn_status st = CAIRN_OK;
    size_t batch = 0;
    int rc = mdb_txn_begin(lmdb, NULL, 0, &txn);

    if (rc)
        return store_write_failed("copy to", c->dir, rc, err);
    while (!st && !at->end && batch < BATCH_BYTES) {
        st = append_record(c, at, txn, dbi, err);
        batch += at->key_len + at->value_len;
        if (!st)
            st = tree_next(at, err);
    }
    if (st) {
        mdb_txn_abort(txn);
        return st;
    }
    rc = mdb_txn_commit(txn);
    return rc ? store_write_failed("copy to", c->dir, rc, err) : advance(c, batch, err);
}

static cairn_status copy_records(void *ctx, MDB_env *lmdb, MDB_dbi dbi, cairn_error *err)
{
    copying *c = ctx;
    tree_cursor at;
    cairn_status st = tree_seek(&at, &c->snap->pin.tree, "", 0, err);

    while (!st && !at.end)
        st = copy_batch(c, &at, lmdb, dbi, err);
    return st;
}

/* ---- */

cairn_status local_copy(const store_snapshot *snap, const char *dir, uint64_t generation,
                        const char *earlier, store_copy_step *step, void *ctx,
                        store_copy_report *out, cairn_error *err)
{
    copying c = {
        .snap = snap, .dir = dir, .earlier = earlier, .step = step, .ctx = ctx, .out = out};
    const tree *t = &snap->pin.tree;
    uint64_t pages = (t->meta.last_page + 1) * t->page_bytes;
    cairn_status st = store_check_pid(snap->s, err);
    struct stat sb;
    char *path;

    *out = (store_copy_report){0};
    c.total = pages;
    for (size_t i = 0; i < snap->manifest.n; i++)
        c.total += snap->manifest.rec[i].file_bytes;
    if (!st)
        st = copy_segments(&c, err);
    /* Appending fills pages better than the source has them; twice its size is room enough. */
    if (!st)
        st = store_generation_make(dir, generation, (size_t)pages * 2 + ((size_t)64 << 20),
                                   copy_records, &c, err);
    if (st)
        return st;
    path = store_generation_path(dir, generation, "mdb");
    if (!path)
        return cairn_fail(err, CAIRN_ENOMEM, "path in %s", dir);
    if (!stat(path, &sb))
        out->bytes += (uint64_t)sb.st_size;
    free(path);
    return CAIRN_OK;
}

uint64_t local_snapshot_generation(const store_snapshot *snap)
{
    return snap->generation;
}
