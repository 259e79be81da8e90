/* store.c - opening and closing: the directory, the writer lock, generations, orphans.
 *
 *   <dir>/store-0000000000000001.mdb         LMDB's data file; the number is its generation
 *   <dir>/store-0000000000000001.mdb-lock    LMDB's table of readers
 *   <dir>/write.lock                         flock'ed by the writer, holds its process id
 *   <dir>/segments/<16 hex digits>.seg       named in the manifest, or an orphan
 *
 * The generation with the highest number is the store. A new one (creation, compaction) is written
 * under another name, synced and renamed, so it is whole from its first moment; the writer then
 * unlinks the older one, and readers notice by its link count. Between rename and unlink both hold
 * the same, because compaction holds the writer lock. */
#include "store/store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "store/room.h"

#define VERIFY_DEFAULT ((size_t)1 << 20)
#define NAME_PREFIX    "store-"

/* ---- paths ---- */

char *store_generation_path(const char *dir, uint64_t generation, const char *suffix)
{
    char *p;
    if (asprintf(&p, "%s/" NAME_PREFIX "%016" PRIx64 ".%s", dir, generation, suffix) < 0)
        return NULL;
    return p;
}

char *store_segment_path(const store *s, segment_id id, const char *suffix)
{
    char *p;
    if (asprintf(&p, "%s/%016" PRIx64 ".%s", s->segments_dir, id, suffix) < 0)
        return NULL;
    return p;
}

/* A name of the form PREFIX, 16 hex digits, ".SUFFIX". */
static bool parse_name(const char *name, const char *prefix, const char *suffix, uint64_t *id)
{
    size_t n = strlen(prefix);
    uint64_t v = 0;

    if (strncmp(name, prefix, n))
        return false;
    for (name += n, n = 0; n < 16; n++, name++) {
        int d = *name >= '0' && *name <= '9'   ? *name - '0'
                : *name >= 'a' && *name <= 'f' ? *name - 'a' + 10
                                               : -1;
        if (d < 0)
            return false;
        v = v << 4 | (unsigned)d;
    }
    *id = v;
    return *name == '.' && !strcmp(name + 1, suffix);
}

cairn_status store_sync_dir(const char *dir, cairn_error *err)
{
    cairn_status st = CAIRN_OK;
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd < 0)
        return cairn_fail_errno(err, errno, "open %s", dir);
    if (fsync(fd) && errno != EINVAL)
        st = cairn_fail_errno(err, errno, "sync %s", dir);
    close(fd);
    return st;
}

static cairn_status make_dirs(const char *dir, cairn_error *err)
{
    char path[4096];
    size_t n = strlen(dir);

    if (n >= sizeof path)
        return cairn_fail(err, CAIRN_EUSAGE, "the path %s is too long", dir);
    memcpy(path, dir, n + 1);
    for (size_t i = 1; i <= n; i++) {
        if (path[i] != '/' && path[i] != '\0')
            continue;
        char was = path[i];
        path[i] = '\0';
        if (mkdir(path, 0755) && errno != EEXIST)
            return cairn_fail_errno(err, errno, "make the folder %s", path);
        path[i] = was;
    }
    return CAIRN_OK;
}

/* ---- generations ---- */

cairn_status store_generation_newest(const char *dir, uint64_t *generation, cairn_error *err)
{
    DIR *d = opendir(dir);

    *generation = 0;
    if (!d && (errno == ENOENT || errno == ENOTDIR))
        return CAIRN_OK;
    if (!d)
        return cairn_fail_errno(err, errno, "open %s", dir);
    for (struct dirent *e; (e = readdir(d));) {
        uint64_t g;
        if (parse_name(e->d_name, NAME_PREFIX, "mdb", &g) && g > *generation)
            *generation = g;
    }
    closedir(d);
    return CAIRN_OK;
}

static cairn_status lmdb_make(const char *path, size_t map_bytes, store_fill_fn *fill, void *ctx,
                              cairn_error *err)
{
    MDB_env *lmdb = NULL;
    MDB_txn *txn = NULL;
    MDB_dbi dbi;
    int rc = mdb_env_create(&lmdb);

    if (!rc)
        rc = mdb_env_set_mapsize(lmdb, map_bytes);
    if (!rc)
        rc = mdb_env_open(lmdb, path, MDB_NOSUBDIR | MDB_NOLOCK | MDB_NOSYNC, 0644);
    if (!rc)
        rc = mdb_txn_begin(lmdb, NULL, 0, &txn);
    if (!rc) {
        rc = mdb_dbi_open(txn, NULL, 0, &dbi);
        if (!rc)
            rc = mdb_txn_commit(txn);
        else
            mdb_txn_abort(txn);
    }
    cairn_status st = CAIRN_OK;
    if (rc == EFBIG || rc == ENOSPC)
        st = cairn_fail(err, CAIRN_EFULL, "create %s: no space", path);
    else if (rc > 0)
        st = cairn_fail_errno(err, rc, "create %s", path);
    else if (rc)
        st = cairn_fail(err, CAIRN_EIO, "create %s: %s", path, mdb_strerror(rc));
    if (!st)
        st = fill(ctx, lmdb, dbi, err);
    if (!st) {
        rc = mdb_env_sync(lmdb, 1);
        if (rc)
            st = cairn_fail_errno(err, rc, "sync %s", path);
    }
    if (lmdb)
        mdb_env_close(lmdb);
    return st;
}

cairn_status store_write_failed(const char *what, const char *path, int rc, cairn_error *err)
{
    if (rc == EIO || rc == EFBIG)
        rc = ENOSPC; /* a write cut short */
    if (rc > 0)
        return cairn_fail_errno(err, rc, "%s %s", what, path);
    return cairn_fail(err, CAIRN_EIO, "%s %s: %s", what, path, mdb_strerror(rc));
}

cairn_status store_generation_make(const char *dir, uint64_t generation, size_t map_bytes,
                                   store_fill_fn *fill, void *ctx, cairn_error *err)
{
    char *tmp = store_generation_path(dir, generation, "tmp");
    char *path = store_generation_path(dir, generation, "mdb");
    cairn_status st = CAIRN_OK;

    if (!tmp || !path)
        st = cairn_fail(err, CAIRN_ENOMEM, "path in %s", dir);
    if (!st) {
        unlink(tmp);
        st = lmdb_make(tmp, map_bytes, fill, ctx, err);
        if (!st && rename(tmp, path))
            st = cairn_fail_errno(err, errno, "rename %s", tmp);
        if (st)
            unlink(tmp);
        /* Not surely on disk: it must not be found later beside an older one that went on. */
        if (!st && (st = store_sync_dir(dir, err)))
            unlink(path);
    }
    free(tmp);
    free(path);
    return st;
}

static cairn_status fill_empty(void *ctx, MDB_env *lmdb, MDB_dbi dbi, cairn_error *err)
{
    record_state state = {
        .format = STORE_FORMAT_VERSION, .next_doc = 1, .next_chunk = 1, .next_segment = 1};
    record_key k = record_key_table(RECORD_STATE);
    MDB_txn *txn = NULL;
    bytes b;

    (void)ctx;
    bytes_init(&b, 4096);
    cairn_status st = record_put_state(&b, &state);
    if (!st)
        st = record_seal(&k, &b);
    if (st) {
        bytes_clear(&b);
        return cairn_fail(err, st, "first record of the store");
    }
    MDB_val key = {k.n, k.b}, value = {b.len, b.data};
    int rc = mdb_txn_begin(lmdb, NULL, 0, &txn);
    if (!rc) {
        rc = mdb_put(txn, dbi, &key, &value, 0);
        if (!rc)
            rc = mdb_txn_commit(txn);
        else
            mdb_txn_abort(txn);
    }
    bytes_clear(&b);
    if (rc == EIO || rc == EFBIG)
        rc = ENOSPC; /* a write cut short; nothing else fails in a new file of a few pages */
    return rc ? cairn_fail_errno(err, rc > 0 ? rc : EINVAL, "create the store") : CAIRN_OK;
}

/* ---- opening ---- */

/* Network file systems do not keep the promises of mmap and locks that LMDB needs. */
static cairn_status refuse_network(const char *dir, cairn_error *err)
{
    static const struct {
        unsigned long magic;
        const char *name;
    } network[] = {{0x6969, "NFS"},     {0xFF534D42, "CIFS"}, {0xFE534D42, "SMB2"},
                   {0x517B, "SMB"},     {0x01021997, "9p"},   {0x00C36400, "Ceph"},
                   {0x5346414F, "AFS"}, {0x73757245, "Coda"}, {0x0BD00BD0, "Lustre"},
                   {0x47504653, "GPFS"}};
    struct statfs fs;

    if (statfs(dir, &fs))
        return cairn_fail_errno(err, errno, "look at %s", dir);
    for (size_t i = 0; i < sizeof network / sizeof *network; i++)
        if (((unsigned long)fs.f_type & 0xFFFFFFFFul) == network[i].magic)
            return cairn_fail(err, CAIRN_EUNSUPPORTED,
                              "%s is on a network file system (%s), where a store cannot be kept "
                              "safely; choose a local folder with --home",
                              dir, network[i].name);
    return CAIRN_OK;
}

cairn_status store_check_pid(const store *s, cairn_error *err)
{
    if (s->pid != getpid())
        return cairn_fail(err, CAIRN_EUSAGE,
                          "%s: the store was opened before a fork; open it again", s->dir);
    return CAIRN_OK;
}

static cairn_status open_newest(store *s, env **out, uint64_t *generation, cairn_error *err)
{
    cairn_status st = CAIRN_OK;

    /* The generation found may be unlinked before it is opened; then there is a newer one. */
    for (int i = 0; i < 20; i++) {
        uint64_t g;
        st = store_generation_newest(s->dir, &g, err);
        if (st)
            return st;
        if (g == 0)
            return cairn_fail(err, CAIRN_ENOTFOUND, "there is no store in %s", s->dir);
        char *path = store_generation_path(s->dir, g, "mdb");
        if (!path)
            return cairn_fail(err, CAIRN_ENOMEM, "path in %s", s->dir);
        *generation = g;
        st = env_open(out, path, s->opt.map_bytes, err);
        free(path);
        if (st != CAIRN_ENOTFOUND)
            break;
    }
    return st;
}

cairn_status store_follow_generation(store *s, cairn_error *err)
{
    env *fresh = NULL;
    uint64_t generation;
    cairn_status st = CAIRN_OK;

    pthread_mutex_lock(&s->mutex);
    if (env_is_stale(s->env)) {
        st = open_newest(s, &fresh, &generation, err);
        if (!st) {
            env_close(s->env);
            s->env = fresh;
            s->generation = generation;
        }
    }
    pthread_mutex_unlock(&s->mutex);
    return st;
}

cairn_status store_tree_get(const tree *t, const record_key *k, const uint8_t **v, size_t *n,
                            cairn_error *err)
{
    cairn_status st = tree_get(t, k->b, k->n, v, n, err);
    return st ? st : record_open(t->path, k->b, k->n, *v, n, err);
}

cairn_status store_read_state(const tree *t, record_state *state, cairn_error *err)
{
    const uint8_t *v;
    size_t n;
    record_key k = record_key_table(RECORD_STATE);
    cairn_status st = store_tree_get(t, &k, &v, &n, err);

    if (st == CAIRN_ENOTFOUND || (!st && n < 4))
        return cairn_fail(err, CAIRN_ECORRUPT,
                          "%s: no state record; this is not a store of Cairn, "
                          "or it is damaged",
                          t->path);
    if (st)
        return st;
    bool whole = record_get_state(v, n, state);
    memcpy(&state->format, v, 4);
    if (state->format != STORE_FORMAT_VERSION)
        return cairn_fail(err, CAIRN_EUNSUPPORTED,
                          "%s: store format %" PRIu32 "; this build reads %d", t->path,
                          state->format, STORE_FORMAT_VERSION);
    if (!whole)
        return record_bad(t->path, k.b, k.n, "it does not parse", err);
    return CAIRN_OK;
}

cairn_status store_pin(store *s, env_pin_state *pin, record_state *state, cairn_error *err)
{
    cairn_status st = env_pin(s->env, pin, err);

    if (!st)
        st = store_read_state(&pin->tree, state, err);
    if (st)
        env_unpin(pin);
    return st;
}

/* ---- the writer ---- */

static cairn_status lock_once(store *s, int fd, bool *got, cairn_error *err)
{
    *got = flock(fd, LOCK_EX | LOCK_NB) == 0;
    if (!*got && errno != EWOULDBLOCK && errno != EINTR)
        return cairn_fail_errno(err, errno, "lock %s/write.lock", s->dir);
    return CAIRN_OK;
}

static cairn_status lock_busy(store *s, int fd, cairn_error *err)
{
    char who[32] = "";
    ssize_t n = pread(fd, who, sizeof who - 1, 0);

    who[n > 0 ? n : 0] = '\0';
    return cairn_fail(err, CAIRN_EBUSY,
                      "another process%s%.*s writes %s; wait for it (--wait) or try again later",
                      who[0] ? " " : "", (int)strcspn(who, "\n"), who, s->dir);
}

static cairn_status lock_take(store *s, int64_t wait_ns, cairn_error *err)
{
    char *path;
    int64_t start = clock_mono_ns();
    long pause_ns = 2000000;
    bool got = false;

    if (asprintf(&path, "%s/write.lock", s->dir) < 0)
        return cairn_fail(err, CAIRN_ENOMEM, "path in %s", s->dir);
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    cairn_status st = CAIRN_OK;
    if (fd < 0)
        st = cairn_fail_errno(err, errno, "%s cannot be written: open %s", s->dir, path);
    free(path);
    while (!st) {
        st = lock_once(s, fd, &got, err);
        if (st || got)
            break;
        if (wait_ns >= 0 && clock_mono_ns() - start >= wait_ns) {
            st = lock_busy(s, fd, err);
            break;
        }
        nanosleep(&(struct timespec){.tv_nsec = pause_ns}, NULL);
        if (pause_ns < 50000000)
            pause_ns *= 2;
    }
    if (st) {
        if (fd >= 0)
            close(fd);
        return st;
    }
    char who[32];
    int n = snprintf(who, sizeof who, "%ld\n", (long)getpid());
    /* Only a hint for the message of others: a full disk must not stop us here. */
    if (ftruncate(fd, 0) == 0 && pwrite(fd, who, (size_t)n, 0) != n)
        log_write(LOG_LEVEL_WARN, "store", "could not note the process id in %s/write.lock",
                  s->dir);
    s->lock_fd = fd;
    return CAIRN_OK;
}

/* Files of one folder that `keep` does not want go away. */
typedef bool keep_fn(void *ctx, const char *name);

static cairn_status sweep(const char *dir, keep_fn *keep, void *ctx, cairn_error *err)
{
    DIR *d = opendir(dir);

    if (!d)
        return cairn_fail_errno(err, errno, "open %s", dir);
    for (struct dirent *e; (e = readdir(d));) {
        if (e->d_name[0] == '.' || keep(ctx, e->d_name))
            continue;
        if (unlinkat(dirfd(d), e->d_name, 0) == 0)
            log_write(LOG_LEVEL_INFO, "store", "removed the orphan %s/%s", dir, e->d_name);
    }
    closedir(d);
    return CAIRN_OK;
}

/* Anything that is not of our naming is not ours to remove. */
static bool keep_segment(void *ctx, const char *name)
{
    const store_manifest *m = ctx;
    uint64_t id;

    if (parse_name(name, "", "tmp", &id))
        return false;
    if (!parse_name(name, "", "seg", &id))
        return true;
    for (size_t i = 0; i < m->n; i++)
        if (m->seg[i].id == id)
            return true;
    return false;
}

static bool keep_generation(void *ctx, const char *name)
{
    const uint64_t *newest = ctx;
    uint64_t g;

    if (parse_name(name, NAME_PREFIX, "tmp", &g) || parse_name(name, NAME_PREFIX, "tmp-lock", &g))
        return false;
    if (parse_name(name, NAME_PREFIX, "mdb", &g) || parse_name(name, NAME_PREFIX, "mdb-lock", &g))
        return g >= *newest;
    return true;
}

cairn_status store_remove_orphans(store *s, cairn_error *err)
{
    env_pin_state pin;
    record_state state;
    store_manifest m = {0};
    uint64_t newest;
    cairn_status st = store_pin(s, &pin, &state, err);

    if (st)
        return st;
    st = store_manifest_read(s, &pin.tree, &m, false, err);
    if (!st)
        st = sweep(s->segments_dir, keep_segment, &m, err);
    if (!st)
        st = store_generation_newest(s->dir, &newest, err);
    if (!st)
        st = sweep(s->dir, keep_generation, &newest, err);
    if (!st) {
        pthread_mutex_lock(&s->mutex);
        if (state.next_segment > s->next_segment)
            s->next_segment = state.next_segment;
        pthread_mutex_unlock(&s->mutex);
    }
    store_manifest_clear(&m);
    env_unpin(&pin);
    return st;
}

/* We hold the lock: bring the directory into order. */
static cairn_status become_writer(store *s, cairn_error *err)
{
    if (mkdir(s->segments_dir, 0755) && errno != EEXIST)
        return cairn_fail_errno(err, errno, "make the folder %s", s->segments_dir);
    cairn_status st = store_follow_generation(s, err);
    if (!st && env_is_lockless(s->env))
        st = cairn_fail(err, CAIRN_EIO, "%s cannot be written", env_path(s->env));
    if (st)
        return st;
    env_clear_dead_readers(s->env);
    return store_remove_orphans(s, err);
}

cairn_status local_lock_writer(store *s, int64_t wait_ns, cairn_error *err)
{
    cairn_status st = store_check_pid(s, err);

    if (st || s->lock_fd >= 0)
        return st;
    st = lock_take(s, wait_ns, err);
    if (st)
        return st;
    st = become_writer(s, err);
    if (st)
        local_unlock_writer(s);
    return st;
}

/* Unlocked by name, because a child that another thread is just forking holds a copy of the
 * descriptor; a child of ours must not unlock what its parent holds. */
void local_unlock_writer(store *s)
{
    if (s->lock_fd < 0)
        return;
    if (s->pid == getpid())
        flock(s->lock_fd, LOCK_UN);
    close(s->lock_fd);
    s->lock_fd = -1;
}

bool local_is_writer(const store *s)
{
    return s->lock_fd >= 0;
}

/* ---- open and close ---- */

static cairn_status open_env(store *s, cairn_error *err)
{
    uint64_t g;
    cairn_status st = store_generation_newest(s->dir, &g, err);

    if (st)
        return st;
    if (g == 0 && !(s->opt.create && !s->opt.read_only))
        return cairn_fail(err, CAIRN_ENOTFOUND, "there is no store in %s", s->dir);
    if (g == 0) {
        st = store_generation_make(s->dir, 1, (size_t)1 << 20, fill_empty, NULL, err);
        if (st)
            return st;
    }
    return open_newest(s, &s->env, &s->generation, err);
}

static cairn_status open_in_dir(store *s, cairn_error *err)
{
    struct stat sb;
    env_pin_state pin;
    record_state state;
    cairn_status st = CAIRN_OK;
    bool writer = !s->opt.read_only;

    if (writer && s->opt.create)
        st = make_dirs(s->dir, err);
    else if (stat(s->dir, &sb))
        st = errno == ENOENT ? cairn_fail(err, CAIRN_ENOTFOUND, "there is no store in %s", s->dir)
                             : cairn_fail_errno(err, errno, "open %s", s->dir);
    if (!st)
        st = refuse_network(s->dir, err);
    if (!st && writer && !s->opt.create) {
        uint64_t g; /* do not leave a lock file in a folder that is no store */
        st = store_generation_newest(s->dir, &g, err);
        if (!st && g == 0)
            st = cairn_fail(err, CAIRN_ENOTFOUND, "there is no store in %s", s->dir);
    }
    if (!st && writer)
        st = lock_take(s, s->opt.wait_ns, err);
    if (!st)
        st = open_env(s, err);
    if (!st && writer)
        return become_writer(s, err);
    if (!st)
        st = store_pin(s, &pin, &state, err);
    if (!st)
        env_unpin(&pin);
    return st;
}

cairn_status store_open(store **out, const char *dir, const store_options *opt, cairn_error *err)
{
    store *s = calloc(1, sizeof *s);

    *out = NULL;
    if (!s)
        return cairn_fail(err, CAIRN_ENOMEM, "store handle");
    s->head.ops = &local_backend;
    if (opt)
        s->opt = *opt;
    if (s->opt.verify_bytes == 0)
        s->opt.verify_bytes = VERIFY_DEFAULT;
    s->lock_fd = -1;
    s->pid = getpid();
    s->next_segment = 1;
    pthread_mutex_init(&s->mutex, NULL);
    text_init(&s->text);
    s->dir = strdup(dir);
    if (asprintf(&s->segments_dir, "%s/segments", dir) < 0)
        s->segments_dir = NULL;
    cairn_status st = CAIRN_OK;
    if (!s->dir || !s->segments_dir)
        st = cairn_fail(err, CAIRN_ENOMEM, "store handle");
    if (!st)
        st = open_in_dir(s, err);
    if (st) {
        local_close(s);
        return st;
    }
    *out = s;
    return CAIRN_OK;
}

void local_close(store *s)
{
    if (!s)
        return;
    for (size_t i = 0; i < s->n_cached; i++)
        segment_release(s->cached[i]);
    free(s->cached);
    env_close(s->env);
    local_unlock_writer(s);
    text_clear(&s->text);
    pthread_mutex_destroy(&s->mutex);
    free(s->segments_dir);
    free(s->dir);
    free(s);
}

const char *local_dir(const store *s)
{
    return s->dir;
}
