/* backup.c - a collection written to another folder, and back.
 *
 * A home and a backup have the same layout, so both ways are one function: a copy of the collection
 * under a hidden name beside its place, checked, synced, then exchanged with what is there. What is
 * copied: the store (one snapshot), user.db (through SQLite, so that a chat may go on meanwhile),
 * collection.conf, access (who may read what), and the files uploaded to the server, which lie
 * nowhere else. */
#include <errno.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/folders.h"
#include "engine/care.h"
#include "engine/cluster.h"
#include "engine/engine.h"

#define FRESH        ".new-"
#define SQLITE_TRIES 600 /* of 100 ms */

typedef struct copy_job {
    cairn *from;
    const char *home; /* where to */
    uint64_t generation;
    const cairn_index_options *options;
    cairn_copy_report *out;
    int64_t start;
    uint64_t needed, room; /* bytes of the copy, and free where it goes, before it begins */
    char *folder, *place, *fresh;                                   /* of the collection */
    char *uploads, *uploads_folder, *uploads_place, *uploads_fresh; /* of the files */
    bool has_uploads;
} copy_job;

static bool go_on(void *ctx)
{
    const copy_job *j = ctx;

    return !engine_cancelled(j->options->cancel);
}

static bool tell(void *ctx, uint64_t done, uint64_t total)
{
    const copy_job *j = ctx;
    double seconds = (double)(clock_mono_ns() - j->start) / 1e9;
    cairn_progress p = {.stage = "copy",
                        .done = (size_t)(done >> 20),
                        .total = (size_t)(total >> 20),
                        .bytes_done = done,
                        .bytes_total = total,
                        .seconds = seconds,
                        .seconds_left =
                            done ? seconds * (double)(total - done) / (double)done : -1};

    if (j->options->progress)
        j->options->progress(j->options->progress_ctx, &p);
    return go_on(ctx);
}

/* ---- user.db, collection.conf and access ---- */

static cairn_status sqlite_fail(const char *path, sqlite3 *db, int rc, cairn_error *err)
{
    cairn_status st = rc == SQLITE_NOMEM                            ? CAIRN_ENOMEM
                      : rc == SQLITE_FULL                           ? CAIRN_EFULL
                      : rc == SQLITE_BUSY                           ? CAIRN_EBUSY
                      : rc == SQLITE_CORRUPT || rc == SQLITE_NOTADB ? CAIRN_ECORRUPT
                                                                    : CAIRN_EIO;

    return cairn_fail(err, st, "copy %s: %s", path, db ? sqlite3_errmsg(db) : sqlite3_errstr(rc));
}

/* In one go, between the transactions of whoever has it open. */
static cairn_status copy_database(const copy_job *j, const char *from, const char *to,
                                  cairn_error *err)
{
    sqlite3 *a = NULL, *b = NULL;
    sqlite3_backup *copying = NULL;
    cairn_status st = CAIRN_OK;
    int rc = sqlite3_open_v2(from, &a, SQLITE_OPEN_READONLY, NULL);

    if (rc == SQLITE_OK)
        rc = sqlite3_open_v2(to, &b, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL);
    if (rc == SQLITE_OK && !(copying = sqlite3_backup_init(b, "main", a, "main")))
        rc = sqlite3_errcode(b);
    for (int i = 0; rc == SQLITE_OK; i++) {
        rc = sqlite3_backup_step(copying, -1);
        if ((rc == SQLITE_BUSY || rc == SQLITE_LOCKED) && i < SQLITE_TRIES && go_on((void *)j)) {
            sqlite3_sleep(100);
            rc = SQLITE_OK;
        }
    }
    if (rc != SQLITE_DONE)
        st = sqlite_fail(from, copying ? b : NULL, rc, err);
    sqlite3_backup_finish(copying);
    sqlite3_close(b);
    sqlite3_close(a);
    if (!st && chmod(to, 0600))
        st = cairn_fail_errno(err, errno, "permissions of %s", to);
    return st;
}

/* One file of the collection's folder beside the store; none there is fine. */
static cairn_status copy_extra(const copy_job *j, const char *name, bool database, cairn_error *err)
{
    char *from = NULL, *to = NULL;
    cairn_status st = CAIRN_OK;

    if (asprintf(&from, "%s/%s", j->from->dir, name) < 0)
        from = NULL;
    if (asprintf(&to, "%s/%s", j->fresh, name) < 0)
        to = NULL;
    if (!from || !to)
        st = cairn_fail(err, CAIRN_ENOMEM, "%s", name);
    else if (!access(from, F_OK))
        st = database ? copy_database(j, from, to, err) : folders_copy_file(from, to, err);
    free(from);
    free(to);
    return st;
}

/* ---- room ---- */

static uint64_t free_bytes(const char *folder)
{
    struct statvfs v;

    return statvfs(folder, &v) ? 0 : (uint64_t)v.f_bavail * v.f_frsize;
}

static void look_at_room(copy_job *j)
{
    char *extra = NULL;
    store_usage usage;
    struct stat sb;

    j->room = free_bytes(j->folder);
    if (!store_usage_get(j->from->store, false, &usage, NULL))
        j->needed = usage.lmdb_bytes - usage.lmdb_free + usage.segment_bytes;
    j->needed += folders_bytes(j->uploads);
    if (asprintf(&extra, "%s/user.db", j->from->dir) >= 0 && !stat(extra, &sb))
        j->needed += (uint64_t)sb.st_size;
    free(extra);
}

/* Say how much would be enough; the sentence before names the file. */
static cairn_status no_room(const copy_job *j, cairn_error *err)
{
    cairn_error why = err ? *err : (cairn_error){0};

    return cairn_fail(err, CAIRN_EFULL,
                      "%s: the copy takes up to %.1f MB, less what an earlier one there shares, and %s had %.1f MB free; nothing of it was kept",
                      why.text, (double)j->needed / 1e6, j->home, (double)j->room / 1e6);
}

/* ---- the copy ---- */

static cairn_status check_copy(const copy_job *j, cairn_error *err)
{
    store_options o = {.read_only = true};
    store *s;
    cairn_status st = store_open(&s, j->fresh, &o, err);

    if (st)
        return st;
    st = store_check(s, false, NULL, NULL, err);
    store_close(s);
    return st;
}

static cairn_status copy_store(copy_job *j, cairn_error *err)
{
    store_snapshot *snap;
    store_copy_report done;
    uint64_t generation;
    cairn_status st = store_snapshot_open(j->from->store, &snap, err);

    if (st)
        return st;
    generation = store_snapshot_generation(snap);
    generation = (generation > j->generation ? generation : j->generation) + 1;
    st = store_copy(snap, j->fresh, generation, j->place, tell, j, &done, err);
    j->out->documents = store_snapshot_counts(snap).docs;
    j->out->chunks = store_snapshot_counts(snap).chunks;
    j->out->bytes = done.bytes;
    j->out->bytes_linked = done.bytes_linked;
    store_snapshot_close(snap);
    return st;
}

static cairn_status copy_everything(copy_job *j, cairn_error *err)
{
    cairn_status st = engine_make_folders(j->folder, err);

    if (!st)
        look_at_room(j);
    if (!st)
        st = folders_remove(j->fresh, err); /* what a broken-off copy left */
    if (!st)
        st = folders_remove(j->uploads_fresh, err);
    if (!st && mkdir(j->fresh, 0700))
        st = cairn_fail_errno(err, errno, "make the folder %s", j->fresh);
    if (!st)
        st = copy_store(j, err);
    if (!st)
        st = check_copy(j, err);
    if (!st)
        st = copy_extra(j, "user.db", true, err);
    if (!st)
        st = copy_extra(j, "collection.conf", false, err);
    if (!st)
        st = copy_extra(j, "access", false, err); /* without it everything would be open to everybody */
    j->has_uploads = !access(j->uploads, F_OK);
    if (!st && j->has_uploads)
        st = engine_make_folders(j->uploads_folder, err);
    if (!st && j->has_uploads)
        st = folders_copy(j->uploads, j->uploads_fresh, go_on, j, err);
    return st ? st : folders_sync(j->fresh, err);
}

static cairn_status place_one(const char *fresh, const char *place, const char *folder,
                              cairn_error *err)
{
    bool exchanged;
    cairn_status st = folders_place(fresh, place, &exchanged, err);

    if (!st)
        st = folders_sync(folder, err);
    if (!st && exchanged)
        st = folders_remove(fresh, err);
    return st;
}

static void job_clear(copy_job *j)
{
    free(j->folder);
    free(j->place);
    free(j->fresh);
    free(j->uploads);
    free(j->uploads_folder);
    free(j->uploads_place);
    free(j->uploads_fresh);
}

static cairn_status job_paths(copy_job *j, cairn_error *err)
{
    const char *name = j->from->collection;

    if (asprintf(&j->folder, "%s/collections", j->home) < 0 ||
        asprintf(&j->place, "%s/%s", j->folder, name) < 0 ||
        asprintf(&j->fresh, "%s/" FRESH "%s", j->folder, name) < 0 ||
        asprintf(&j->uploads, "%s/uploads/%s", j->from->home, name) < 0 ||
        asprintf(&j->uploads_folder, "%s/uploads", j->home) < 0 ||
        asprintf(&j->uploads_place, "%s/%s", j->uploads_folder, name) < 0 ||
        asprintf(&j->uploads_fresh, "%s/" FRESH "%s", j->uploads_folder, name) < 0)
        return cairn_fail(err, CAIRN_ENOMEM, "paths of the copy");
    return CAIRN_OK;
}

/* Refuse to replace a folder that is no collection. */
static cairn_status look_at_place(copy_job *j, cairn_error *err)
{
    uint64_t generation = 0;
    cairn_status st = store_generation_newest(j->place, &generation, err);

    if (!st && !generation && !access(j->place, F_OK))
        st = cairn_fail(err, CAIRN_EUSAGE,
                        "%s is there and is no collection of Cairn's: choose another folder",
                        j->place);
    if (generation > j->generation)
        j->generation = generation;
    return st;
}

/* Copy j->from to j->home and put it in its place. */
static cairn_status run_copy(copy_job *j, const cairn_index_options *options, cairn_error *err)
{
    static const cairn_index_options nothing;
    cairn_status st;

    j->options = options ? options : &nothing;
    j->start = clock_mono_ns();
    *j->out = (cairn_copy_report){0};
    st = job_paths(j, err);
    if (!st)
        st = look_at_place(j, err);
    if (!st)
        st = copy_everything(j, err);
    if (!st && j->has_uploads)
        st = place_one(j->uploads_fresh, j->uploads_place, j->uploads_folder, err);
    if (!st)
        st = place_one(j->fresh, j->place, j->folder, err);
    if (st && j->fresh && j->uploads_fresh) {
        folders_remove(j->fresh, NULL);
        folders_remove(j->uploads_fresh, NULL);
        rmdir(j->folder); /* where they are empty */
        rmdir(j->uploads_folder);
    }
    if (st == CAIRN_EFULL)
        st = no_room(j, err);
    j->out->seconds = (double)(clock_mono_ns() - j->start) / 1e9;
    job_clear(j);
    return st;
}

/* ---- both ways ---- */

/* Whether the two folders are one, or the second lies in the first. */
static bool lies_within(const char *outer, const char *inner)
{
    char *a = realpath(outer, NULL), *b = realpath(inner, NULL);
    size_t n = a ? strlen(a) : 0;
    bool within = a && b && !strncmp(a, b, n) && (b[n] == '/' || b[n] == '\0');

    free(a);
    free(b);
    return within;
}

cairn_status cairn_backup(cairn *c, const char *dir, const cairn_index_options *options,
                          cairn_copy_report *out, cairn_error *err)
{
    copy_job j = {.from = c, .home = dir, .out = out};
    cairn_status st;

    if (cluster_has(c))
        return cluster_backup(c, dir, options, out, err);
    st = engine_make_folders(dir, err);

    if (!st && lies_within(c->home, dir))
        st = cairn_fail(err, CAIRN_EUSAGE,
                        "%s lies in the home %s itself: choose a folder elsewhere", dir, c->home);
    return st ? st : run_copy(&j, options, err);
}

/* Open the collection that is to be replaced, so that no one else writes to it; NULL where there is
 * none. */
static cairn_status hold_old(const cairn_options *where, bool replace, cairn **out,
                             cairn_error *err)
{
    cairn_options o = *where;
    cairn_status st;

    o.read_only = false;
    o.must_exist = true;
    st = cairn_open(out, &o, err);
    if (st == CAIRN_ENOTFOUND) {
        *out = NULL;
        return CAIRN_OK;
    }
    if (!st && !replace) {
        st = cairn_fail(err, CAIRN_EUSAGE,
                        "there is a collection \"%s\" in %s already: replace it with --replace",
                        (*out)->collection, (*out)->home);
        cairn_close(*out);
        *out = NULL;
    }
    return st;
}

cairn_status cairn_restore(const cairn_options *where, const char *dir, bool replace,
                           const cairn_index_options *options, cairn_copy_report *out,
                           cairn_error *err)
{
    cairn_options source = *where;
    copy_job j = {.out = out};
    cairn *from = NULL, *old = NULL;
    char *home = NULL;
    cairn_status st = engine_describe(&old, where, err);

    if (!st && cluster_is_chosen(&old->settings)) {
        st = cluster_restore(old, dir, replace, options, out, err);
        cairn_close(old);
        return st;
    }
    cairn_close(old);
    old = NULL;
    source.home = dir;
    source.read_only = source.must_exist = true;
    if (!st)
        st = cairn_open(&from, &source, err);
    if (!st)
        st = store_check(from->store, true, NULL, NULL, err);
    if (!st)
        st = hold_old(where, replace, &old, err);
    if (!st)
        st = engine_home(where, &home, err);
    if (!st && lies_within(dir, home))
        st = cairn_fail(err, CAIRN_EUSAGE, "%s is the home itself, not a backup of it", dir);
    j.from = from;
    j.home = home;
    if (!st)
        st = run_copy(&j, options, err);
    cairn_close(old);
    cairn_close(from);
    free(home);
    return st;
}
