/* env.c - opening, sharing, growing and pinning one LMDB file. See env.h.
 *
 * Order of locks: registry, then env->mutex. Neither is held while a transaction runs, only while
 * one begins or ends. LMDB's map is resized under env->mutex with no write transaction open; open
 * read transactions do not mind, since they never look at the map (tree.h reads through another
 * mapping). LMDB's own lock of writers is asked for under env->mutex, and env->mutex is taken by its
 * holder: no deadlock, because a holder in this process has set `writing`, and env_begin does not
 * ask for the lock then (tests/tsan.supp).
 *
 * Which state did a read transaction pin? LMDB does not say where its root is. Transaction n wrote
 * meta page n & 1, so right after the begin that page still carries n unless a writer has committed
 * twice in between; then the begin is repeated. */
#include "store/env.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/log.h"

#define MAP_DEFAULT  ((size_t)64 << 30)
#define MAP_LEAST    ((size_t)1 << 20)
#define MAX_READERS  1024
#define PIN_ATTEMPTS 100

typedef struct env_map {
    const uint8_t *base;
    size_t len;
    unsigned refs; /* under the env's mutex */
} env_map;

struct env {
    env *next; /* in the registry */
    unsigned refs;
    dev_t dev;
    ino_t ino;
    char *path;
    int fd; /* for size, link count and our own mapping */
    bool lockless;
    pid_t pid;
    MDB_env *lmdb;
    MDB_dbi dbi;
    pthread_mutex_t mutex; /* guards everything below */
    env_map *map;          /* the newest mapping, or NULL */
    size_t map_bytes;      /* of LMDB's own */
    bool writing;
};

static pthread_mutex_t registry_mutex = PTHREAD_MUTEX_INITIALIZER;
static env *registry;

cairn_status env_fail(const env *e, int rc, const char *what, cairn_error *err)
{
    switch (rc) {
    case MDB_MAP_FULL:
    case MDB_TXN_FULL:
        return cairn_fail(
            err, CAIRN_ELIMIT,
            "%s: one transaction writes more than the reserved map holds (%s); commit "
            "in smaller steps",
            e->path, what);
    case MDB_CORRUPTED:
    case MDB_PAGE_NOTFOUND:
    case MDB_INVALID:
    case MDB_CURSOR_FULL:
        return cairn_fail(err, CAIRN_ECORRUPT, "%s: %s: %s", e->path, what, mdb_strerror(rc));
    case MDB_VERSION_MISMATCH:
        return cairn_fail(err, CAIRN_EUNSUPPORTED, "%s: made by another LMDB version", e->path);
    case MDB_READERS_FULL:
        return cairn_fail(err, CAIRN_EBUSY, "%s: more than %d readers at once", e->path,
                          MAX_READERS);
    case MDB_PANIC:
        return cairn_fail(err, CAIRN_EIO,
                          "%s: an earlier write failed half way; close the store and open it again",
                          e->path);
    case EFBIG:
        return cairn_fail(err, CAIRN_EFULL, "%s: %s: the limit on file sizes was reached (ulimit -f)",
                          e->path, what);
    case EIO: {
        /* LMDB answers EIO for a write that was cut short, which is what a full disk does. */
        struct statvfs v;
        if (statvfs(e->path, &v) == 0 && (uint64_t)v.f_bavail * v.f_frsize < (1u << 20))
            return cairn_fail(err, CAIRN_EFULL, "%s: %s: the disk is full", e->path, what);
        return cairn_fail_errno(err, rc, "%s: %s", e->path, what);
    }
    default:
        if (rc > 0)
            return cairn_fail_errno(err, rc, "%s: %s", e->path, what);
        return cairn_fail(err, CAIRN_EIO, "%s: %s: %s", e->path, what, mdb_strerror(rc));
    }
}

static size_t used_bytes(const tree_meta *m)
{
    return (size_t)(m->last_page + 1) * m->page_bytes;
}

/* One attempt with a map of this size. */
static int lmdb_try(MDB_env **out, const char *path, unsigned flags, size_t map_bytes)
{
    MDB_env *lmdb = NULL;
    int rc = mdb_env_create(&lmdb);

    if (rc)
        return rc;
    rc = mdb_env_set_mapsize(lmdb, map_bytes);
    if (!rc)
        rc = mdb_env_set_maxreaders(lmdb, MAX_READERS);
    if (!rc)
        rc = mdb_env_open(lmdb, path, flags, 0644);
    if (rc) {
        mdb_env_close(lmdb);
        return rc;
    }
    *out = lmdb;
    return 0;
}

static cairn_status replaced(const env *e, cairn_error *err)
{
    return cairn_fail(err, CAIRN_ENOTFOUND, "%s was replaced while it was being opened", e->path);
}

/* Open the LMDB environment of e->path; reserve less when there is no room for the whole map. */
static cairn_status lmdb_start(env *e, const tree_meta *meta, size_t map_bytes, cairn_error *err)
{
    unsigned flags = MDB_NOSUBDIR | MDB_NOTLS;
    size_t least = used_bytes(meta) * 2;
    size_t want = map_bytes ? map_bytes : MAP_DEFAULT;
    int rc;

    if (least < MAP_LEAST)
        least = MAP_LEAST;
    if (want < least)
        want = least;
    for (;;) {
        want &= ~(size_t)4095;
        rc = lmdb_try(&e->lmdb, e->path, flags, want);
        if ((rc == EACCES || rc == EROFS || rc == EPERM) && !(flags & MDB_NOLOCK)) {
            flags |= MDB_RDONLY | MDB_NOLOCK;
            e->lockless = true;
        } else if (rc == ENOMEM && want / 2 >= least) {
            want /= 2;
        } else {
            break;
        }
    }
    if (rc == ENOENT) /* read only, so LMDB made none in its place: see same_file */
        return replaced(e, err);
    if (rc)
        return env_fail(e, rc, "open", err);
    e->map_bytes = want;
    MDB_txn *txn;
    rc = mdb_txn_begin(e->lmdb, NULL, MDB_RDONLY, &txn);
    if (rc)
        return env_fail(e, rc, "open", err);
    rc = mdb_dbi_open(txn, NULL, 0, &e->dbi);
    if (rc)
        mdb_txn_abort(txn);
    else
        rc = mdb_txn_commit(txn);
    return rc ? env_fail(e, rc, "open", err) : CAIRN_OK;
}

static void env_free(env *e)
{
    if (!e)
        return;
    if (e->lmdb && e->pid == getpid())
        mdb_env_close(e->lmdb);
    if (e->map) {
        munmap((void *)e->map->base, e->map->len);
        free(e->map);
    }
    if (e->fd >= 0)
        close(e->fd);
    pthread_mutex_destroy(&e->mutex);
    free(e->path);
    free(e);
}

/* Whether LMDB opened the file that we did, and not one it made because ours had been unlinked meanwhile
 * (such a file is of an old generation and goes with the next writer). */
static bool same_file(const env *e)
{
    struct stat sb;
    int fd;

    return mdb_env_get_fd(e->lmdb, &fd) == 0 && fstat(fd, &sb) == 0 && sb.st_dev == e->dev &&
           sb.st_ino == e->ino;
}

/* Under the registry's mutex. CAIRN_ENOTFOUND: the file was replaced by a newer generation meanwhile. */
static cairn_status env_new(env **out, const char *path, int fd, const struct stat *sb,
                            size_t map_bytes, cairn_error *err)
{
    tree_meta meta;
    env *e = calloc(1, sizeof *e);

    if (!e) {
        close(fd);
        return cairn_fail(err, CAIRN_ENOMEM, "handle of %s", path);
    }
    e->refs = 1;
    e->fd = fd;
    e->dev = sb->st_dev;
    e->ino = sb->st_ino;
    e->pid = getpid();
    pthread_mutex_init(&e->mutex, NULL);
    e->path = strdup(path);
    cairn_status st = CAIRN_OK;
    if (!e->path)
        st = cairn_fail(err, CAIRN_ENOMEM, "handle of %s", path);
    if (!st)
        st = tree_meta_of_file(fd, (uint64_t)sb->st_size, path, &meta, err);
    if (!st)
        st = lmdb_start(e, &meta, map_bytes, err);
    if (!st && !same_file(e))
        st = replaced(e, err);
    if (st) {
        env_free(e);
        return st;
    }
    e->next = registry;
    registry = e;
    *out = e;
    return CAIRN_OK;
}

cairn_status env_open(env **out, const char *path, size_t map_bytes, cairn_error *err)
{
    struct stat sb;
    cairn_status st = CAIRN_OK;
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    *out = NULL;
    if (fd < 0 && errno == ENOENT)
        return cairn_fail(err, CAIRN_ENOTFOUND, "%s does not exist", path);
    if (fd < 0)
        return cairn_fail_errno(err, errno, "open %s", path);
    if (fstat(fd, &sb)) {
        st = cairn_fail_errno(err, errno, "stat %s", path);
        close(fd);
        return st;
    }
    pthread_mutex_lock(&registry_mutex);
    env *e = registry;
    while (e && (e->dev != sb.st_dev || e->ino != sb.st_ino || e->pid != getpid()))
        e = e->next;
    if (e) {
        e->refs++;
        close(fd);
        *out = e;
    } else {
        st = env_new(out, path, fd, &sb, map_bytes, err);
    }
    pthread_mutex_unlock(&registry_mutex);
    return st;
}

env *env_retain(env *e)
{
    pthread_mutex_lock(&registry_mutex);
    e->refs++;
    pthread_mutex_unlock(&registry_mutex);
    return e;
}

void env_close(env *e)
{
    if (!e)
        return;
    pthread_mutex_lock(&registry_mutex);
    if (--e->refs == 0) {
        env **at = &registry;
        while (*at && *at != e)
            at = &(*at)->next;
        if (*at)
            *at = e->next;
        env_free(e);
    }
    pthread_mutex_unlock(&registry_mutex);
}

const char *env_path(const env *e)
{
    return e->path;
}

bool env_is_stale(const env *e)
{
    struct stat sb;
    return fstat(e->fd, &sb) == 0 && sb.st_nlink == 0;
}

bool env_is_lockless(const env *e)
{
    return e->lockless;
}

uint64_t env_file_bytes(const env *e)
{
    struct stat sb;
    return fstat(e->fd, &sb) == 0 ? (uint64_t)sb.st_size : 0;
}

size_t env_map_bytes(env *e)
{
    pthread_mutex_lock(&e->mutex);
    size_t n = e->map_bytes;
    pthread_mutex_unlock(&e->mutex);
    return n;
}

/* ---- our own mapping ---- */

static void map_drop(env_map *m)
{
    if (m && --m->refs == 0) {
        munmap((void *)m->base, m->len);
        free(m);
    }
}

/* A mapping that covers the file as it is now, counted for the caller. Longer than the file, so
 * that it lasts while the file grows; nobody looks past the file's end (tree.n_pages). */
static cairn_status map_take(env *e, uint64_t *file_bytes, env_map **out, cairn_error *err)
{
    struct stat sb;

    if (fstat(e->fd, &sb))
        return cairn_fail_errno(err, errno, "stat %s", e->path);
    uint64_t size = (uint64_t)sb.st_size;
    if (!e->map || e->map->len < size) {
        env_map *m = calloc(1, sizeof *m);
        if (!m)
            return cairn_fail(err, CAIRN_ENOMEM, "mapping of %s", e->path);
        m->len = ((size_t)size + (size >> 1) + ((size_t)1 << 24)) & ~(size_t)4095;
        void *p = mmap(NULL, m->len, PROT_READ, MAP_SHARED, e->fd, 0);
        if (p == MAP_FAILED) {
            free(m);
            return cairn_fail_errno(err, errno, "map %s", e->path);
        }
        m->base = p;
        m->refs = 1; /* the env's own */
        map_drop(e->map);
        e->map = m;
    }
    e->map->refs++;
    *file_bytes = size;
    *out = e->map;
    return CAIRN_OK;
}

/* Fill pin->tree with the state that transaction `txn` wrote. CAIRN_EBUSY: that meta page was
 * overwritten meanwhile, begin again. */
static cairn_status pin_tree(env *e, env_pin_state *pin, uint64_t txn, cairn_error *err)
{
    uint64_t file_bytes = 0;
    uint8_t copy[TREE_META_BYTES];
    tree_meta first;
    cairn_status st = map_take(e, &file_bytes, &pin->map, err);

    if (st)
        return st;
    pin->e = e;
    if (file_bytes < 1024)
        return cairn_fail(err, CAIRN_ECORRUPT, "%s: cut short before its meta pages", e->path);
    memcpy(copy, pin->map->base, sizeof copy);
    st = tree_meta_read(copy, sizeof copy, 0, e->path, &first, err);
    if (st)
        return st;
    unsigned index = txn & 1;
    uint64_t at = index ? first.page_bytes : 0;
    if (at + sizeof copy > file_bytes)
        return cairn_fail(err, CAIRN_ECORRUPT, "%s: cut short before its meta pages", e->path);
    tree *t = &pin->tree;
    memset(t, 0, sizeof *t);
    for (int i = 0; i < 2; i++) {
        memcpy(copy, pin->map->base + at, sizeof copy);
        st = tree_meta_read(copy, sizeof copy, index, e->path, &t->meta, err);
        if (st)
            return st;
        if (t->meta.txn != txn)
            return CAIRN_EBUSY;
    }
    t->base = pin->map->base;
    t->page_bytes = t->meta.page_bytes;
    t->path = e->path;
    t->n_pages = file_bytes / t->page_bytes;
    if (t->n_pages > t->meta.last_page + 1)
        t->n_pages = t->meta.last_page + 1;
    return CAIRN_OK;
}

/* Another process made the file larger than our map, or we need room: under e->mutex. */
static int map_resize(env *e, size_t want)
{
    want = (want + 4095) & ~(size_t)4095;
    int rc = mdb_env_set_mapsize(e->lmdb, want);
    if (!rc)
        e->map_bytes = want;
    return rc;
}

/* Follow the file's growth by another process. */
static int map_follow(env *e)
{
    tree_meta meta;
    if (tree_meta_of_file(e->fd, env_file_bytes(e), e->path, &meta, NULL))
        return MDB_CORRUPTED;
    size_t want = used_bytes(&meta) * 2;
    return map_resize(e, want > e->map_bytes ? want : e->map_bytes);
}

static cairn_status read_begin(env *e, MDB_txn **txn, cairn_error *err)
{
    int rc = MDB_MAP_RESIZED;

    for (int i = 0; i < PIN_ATTEMPTS && rc; i++) {
        rc = mdb_txn_begin(e->lmdb, NULL, MDB_RDONLY, txn);
        if (rc == MDB_MAP_RESIZED) {
            int rc2 = map_follow(e);
            if (rc2)
                return env_fail(e, rc2, "follow its growth", err);
        } else if (rc == MDB_READERS_FULL) {
            int dead = 0;
            mdb_reader_check(e->lmdb, &dead);
            if (!dead)
                break;
        } else if (rc) {
            break;
        }
    }
    return rc ? env_fail(e, rc, "begin reading", err) : CAIRN_OK;
}

cairn_status env_pin(env *e, env_pin_state *pin, cairn_error *err)
{
    cairn_status st = CAIRN_OK;

    memset(pin, 0, sizeof *pin);
    if (e->pid != getpid())
        return cairn_fail(err, CAIRN_EUSAGE,
                          "%s: the store was opened before a fork; open it again", e->path);
    pthread_mutex_lock(&e->mutex);
    for (int i = 0; i < PIN_ATTEMPTS; i++) {
        st = read_begin(e, &pin->txn, err);
        if (!st)
            st = pin_tree(e, pin, mdb_txn_id(pin->txn), err);
        if (!st)
            break;
        if (pin->txn)
            mdb_txn_abort(pin->txn);
        map_drop(pin->map);
        memset(pin, 0, sizeof *pin);
        if (st != CAIRN_EBUSY)
            break;
        st = cairn_fail(err, CAIRN_EBUSY, "%s: commits come too fast to pin a state", e->path);
    }
    pthread_mutex_unlock(&e->mutex);
    return st;
}

void env_unpin(env_pin_state *pin)
{
    env *e = pin->e;

    if (!e)
        return;
    pthread_mutex_lock(&e->mutex);
    if (pin->txn && e->pid == getpid())
        mdb_txn_abort(pin->txn);
    map_drop(pin->map);
    pthread_mutex_unlock(&e->mutex);
    free(pin->tree.seen);
    memset(pin, 0, sizeof *pin);
}

/* ---- writing ---- */

static cairn_status grow_ahead(env *e, size_t room, cairn_error *err)
{
    tree_meta meta;
    cairn_status st = tree_meta_of_file(e->fd, env_file_bytes(e), e->path, &meta, err);

    if (st)
        return st;
    size_t used = used_bytes(&meta), want = e->map_bytes;
    if (room == 0)
        room = want / 2;
    if (used <= want && want - used >= room)
        return CAIRN_OK;
    while (want < used || want - used < room) {
        if (want > SIZE_MAX / 4)
            return cairn_fail(err, CAIRN_ELIMIT, "%s: too large for the address space", e->path);
        want *= 2;
    }
    int rc = map_resize(e, want);
    return rc ? env_fail(e, rc, "grow the map", err) : CAIRN_OK;
}

cairn_status env_begin(env *e, size_t room, MDB_txn **txn, MDB_dbi *dbi, env_pin_state *pin,
                       cairn_error *err)
{
    memset(pin, 0, sizeof *pin);
    *txn = NULL;
    if (e->pid != getpid())
        return cairn_fail(err, CAIRN_EUSAGE,
                          "%s: the store was opened before a fork; open it again", e->path);
    if (e->lockless)
        return cairn_fail(err, CAIRN_EIO, "%s: no permission to write here", e->path);
    pthread_mutex_lock(&e->mutex);
    cairn_status st = CAIRN_OK;
    if (e->writing)
        st = cairn_fail(err, CAIRN_EBUSY, "%s: a transaction is open already", e->path);
    if (!st)
        st = grow_ahead(e, room, err);
    if (!st) {
        int rc = mdb_txn_begin(e->lmdb, NULL, 0, txn);
        if (rc == MDB_MAP_RESIZED && !(rc = map_follow(e)))
            rc = mdb_txn_begin(e->lmdb, NULL, 0, txn);
        if (rc)
            st = env_fail(e, rc, "begin writing", err);
    }
    if (!st) {
        st = pin_tree(e, pin, mdb_txn_id(*txn) - 1, err);
        if (st == CAIRN_EBUSY)
            st = cairn_fail(err, CAIRN_ECORRUPT, "%s: its meta pages disagree", e->path);
        if (!st) {
            pin->tree.seen = calloc(pin->tree.n_pages / 64 + 1, sizeof(uint64_t));
            if (!pin->tree.seen)
                st = cairn_fail(err, CAIRN_ENOMEM, "page set of %s", e->path);
        }
        if (!st)
            st = tree_guard_free(&pin->tree, err);
        if (st) {
            mdb_txn_abort(*txn);
            *txn = NULL;
        }
    }
    e->writing = e->writing || !st;
    pthread_mutex_unlock(&e->mutex);
    if (st)
        env_unpin(pin);
    *dbi = e->dbi;
    return st;
}

cairn_status env_commit(env *e, MDB_txn *txn, cairn_error *err)
{
    int rc = mdb_txn_commit(txn);

    pthread_mutex_lock(&e->mutex);
    e->writing = false;
    pthread_mutex_unlock(&e->mutex);
    return rc ? env_fail(e, rc, "commit", err) : CAIRN_OK;
}

void env_abort(env *e, MDB_txn *txn)
{
    if (!txn)
        return;
    if (e->pid == getpid())
        mdb_txn_abort(txn);
    pthread_mutex_lock(&e->mutex);
    e->writing = false;
    pthread_mutex_unlock(&e->mutex);
}

void env_clear_dead_readers(env *e)
{
    int dead = 0;

    if (e->lockless)
        return;
    mdb_reader_check(e->lmdb, &dead);
    if (dead)
        log_write(LOG_LEVEL_INFO, "store", "%s: dropped %d readers that had died", e->path, dead);
}
