/* watch.c - see watch.h.
 *
 * The lock guards everything but the owner's options. The reader thread waits for either way's descriptor, has the way
 * tell what happened, and wakes the owner by an event descriptor, so that a signal ends the owner's waiting, too. */
#include "ingest/watch.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/checked.h"
#include "base/clock.h"
#include "ingest/roots.h"
#include "ingest/watch_way.h"

#define SLICE_MS 1000 /* how fast a cancel is seen */
/* A mark tells of the whole file system: so long the reader lets events gather, the kernel joining equal ones, before it
 * looks again. */
#define GATHER_MS 20

struct watcher {
    watch_options opt;
    watch_fanotify *marks;   /* NULL: not allowed, or not wanted */
    watch_inotify *watches;  /* NULL: not wanted */
    char no_marks[160];      /* why, or "" */
    pthread_mutex_t lock;
    pthread_t reader;
    int wake, stop; /* event descriptors: for the owner, for the reader */
    bool reading;   /* the reader was started */
    size_t unwatched;
    char **changed;
    size_t n_changed, changed_cap;
    const char *rescan; /* why, or NULL */
    roots *roots;       /* NULL: none were named */
    int64_t roots_ns;   /* when they were looked at */
    int64_t first_ns, last_ns; /* of the changes in hand */
};

/* ---- what is heard, with the lock held ---- */

/* Takes `path` over. */
static void changed(watcher *w, char *path)
{
    int64_t now = clock_mono_ns();
    uint64_t one = 1;

    if (!w->n_changed && !w->rescan) {
        w->first_ns = now;
        (void)!write(w->wake, &one, sizeof one);
    }
    w->last_ns = now;
    if (path && w->n_changed && !strcmp(w->changed[w->n_changed - 1], path)) {
        free(path);
        return;
    }
    if (path && w->n_changed == w->changed_cap && w->n_changed < WATCH_MAX_CHANGES) {
        size_t cap = w->changed_cap ? w->changed_cap * 2 : 64;
        char **more = checked_realloc(w->changed, cap, sizeof *more);
        if (more) {
            w->changed = more;
            w->changed_cap = cap;
        }
    }
    if (!path || w->n_changed == w->changed_cap || w->n_changed >= WATCH_MAX_CHANGES) {
        free(path);
        if (!w->rescan)
            w->rescan = "too much changed at once"; /* or there is no memory to say what */
        return;
    }
    w->changed[w->n_changed++] = path;
}

static char *join(const char *folder, const char *name)
{
    size_t n = strlen(folder), m = strlen(name);
    char *path = malloc(n + m + 2);

    if (!path)
        return NULL;
    memcpy(path, folder, n);
    if (n && path[n - 1] != '/')
        path[n++] = '/';
    memcpy(path + n, name, m + 1);
    return path;
}

static bool hear_change(void *ctx, const char *folder, const char *name)
{
    watcher *w = ctx;

    if (w->roots && !roots_hold(w->roots, folder))
        return false;
    /* A change of rules may concern everything beside and below. */
    if (!strcmp(name, ".cairnignore") || !strcmp(name, ".gitignore") || !strcmp(name, ".cairn.conf"))
        name = "";
    changed(w, *name ? join(folder, name) : strdup(folder));
    return true;
}

static void hear_loss(void *ctx, const char *why)
{
    watcher *w = ctx;

    w->rescan = why;
    changed(w, NULL);
}

static void hear_end(void *ctx, const char *folder)
{
    watcher *w = ctx;

    if (w->roots)
        roots_lost(w->roots, folder);
}

/* ---- the reader ---- */

static void drain(watcher *w)
{
    pthread_mutex_lock(&w->lock);
    if (w->marks)
        watch_fanotify_drain(w->marks);
    if (w->watches)
        watch_inotify_drain(w->watches);
    pthread_mutex_unlock(&w->lock);
}

static void *read_events(void *ctx)
{
    watcher *w = ctx;
    struct pollfd p[] = {{.fd = w->stop, .events = POLLIN},
                         {.fd = w->marks ? watch_fanotify_fd(w->marks) : -1, .events = POLLIN},
                         {.fd = w->watches ? watch_inotify_fd(w->watches) : -1, .events = POLLIN}};

    while (!p[0].revents) {
        if (poll(p, 3, -1) < 0)
            continue;
        if (p[1].revents || p[2].revents)
            drain(w);
        if (p[1].revents && !p[0].revents)
            poll(p, 1, GATHER_MS);
    }
    return NULL;
}

static cairn_status start_reader(watcher *w, cairn_error *err)
{
    sigset_t all, before;
    int rc;

    w->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    w->stop = eventfd(0, EFD_CLOEXEC);
    if (w->wake < 0 || w->stop < 0)
        return cairn_fail(err, CAIRN_ELIMIT, "a watch: %s", strerror(errno));
    sigfillset(&all); /* signals are the owner's */
    pthread_sigmask(SIG_SETMASK, &all, &before);
    rc = pthread_create(&w->reader, NULL, read_events, w);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (rc)
        return cairn_fail(err, CAIRN_ELIMIT, "a thread for a watch: %s", strerror(rc));
    w->reading = true;
    return CAIRN_OK;
}

/* ---- the owner ---- */

cairn_status watcher_open(watcher **out, const watch_options *options, cairn_error *err)
{
    watcher *w = calloc(1, sizeof *w);
    watch_ear ear = {.ctx = w, .changed = hear_change, .lost = hear_loss, .ended = hear_end};
    cairn_error why = {0};
    cairn_status st = CAIRN_OK;

    *out = NULL;
    if (!w)
        return cairn_fail(err, CAIRN_ENOMEM, "a watcher");
    w->wake = w->stop = -1;
    pthread_mutex_init(&w->lock, NULL);
    if (options)
        w->opt = *options;
    if (w->opt.quiet_ms <= 0)
        w->opt.quiet_ms = 300;
    if (w->opt.at_most_ms <= 0)
        w->opt.at_most_ms = 1500;
    if (w->opt.way != WATCH_BY_INOTIFY && watch_fanotify_open(&w->marks, &ear, &why)) {
        snprintf(w->no_marks, sizeof w->no_marks, "%.150s", why.text);
        if (w->opt.way == WATCH_BY_FANOTIFY)
            st = cairn_fail(err, CAIRN_EUNSUPPORTED, "%.150s", why.text);
    }
    if (!st && w->opt.way != WATCH_BY_FANOTIFY) {
        st = watch_inotify_open(&w->watches, &ear, err);
        if (st && w->marks)
            st = CAIRN_OK; /* what has no mark is not watched, and counted */
    }
    if (!st)
        st = start_reader(w, err);
    if (st) {
        watcher_close(w);
        return st;
    }
    *out = w;
    return CAIRN_OK;
}

void watcher_close(watcher *w)
{
    uint64_t one = 1;

    if (!w)
        return;
    if (w->reading && write(w->stop, &one, sizeof one) == sizeof one)
        pthread_join(w->reader, NULL);
    if (w->wake >= 0)
        close(w->wake);
    if (w->stop >= 0)
        close(w->stop);
    watch_fanotify_close(w->marks);
    watch_inotify_close(w->watches);
    for (size_t i = 0; i < w->n_changed; i++)
        free(w->changed[i]);
    free(w->changed);
    roots_destroy(w->roots);
    pthread_mutex_destroy(&w->lock);
    free(w);
}

cairn_status watcher_name(watcher *w, const char *const *paths, size_t n, cairn_error *err)
{
    roots *r = roots_create(paths, n);

    if (!r)
        return cairn_fail(err, CAIRN_ENOMEM, "the names of %zu folders", n);
    pthread_mutex_lock(&w->lock);
    roots_destroy(w->roots);
    w->roots = r;
    pthread_mutex_unlock(&w->lock);
    return CAIRN_OK;
}

static size_t count_folders(const watcher *w)
{
    return (w->marks ? watch_fanotify_folders(w->marks) : 0) + (w->watches ? watch_inotify_folders(w->watches) : 0);
}

void watcher_begin(watcher *w)
{
    pthread_mutex_lock(&w->lock);
    w->unwatched = 0;
    if (w->marks)
        watch_fanotify_begin(w->marks);
    pthread_mutex_unlock(&w->lock);
}

void watcher_add(watcher *w, const char *path)
{
    watch_added added = WATCH_ELSEWHERE;
    bool full;

    pthread_mutex_lock(&w->lock);
    full = w->opt.max_folders && count_folders(w) >= w->opt.max_folders;
    if (w->marks)
        added = watch_fanotify_add(w->marks, path, w->roots && roots_is_named(w->roots, path), full);
    if (added == WATCH_ELSEWHERE && w->watches)
        added = watch_inotify_add(w->watches, path, full);
    if (added == WATCH_ELSEWHERE || added == WATCH_REFUSED)
        w->unwatched++;
    pthread_mutex_unlock(&w->lock);
}

size_t watcher_folders(watcher *w)
{
    size_t n;

    pthread_mutex_lock(&w->lock);
    n = count_folders(w);
    pthread_mutex_unlock(&w->lock);
    return n;
}

size_t watcher_unwatched(watcher *w)
{
    size_t n;

    pthread_mutex_lock(&w->lock);
    n = w->unwatched;
    pthread_mutex_unlock(&w->lock);
    return n;
}

bool watcher_place(watcher *w, size_t i, watch_place *out)
{
    bool there;

    if (!w->marks) {
        *out = (watch_place){.path = "", .way = WATCH_BY_INOTIFY, .why = *w->no_marks ? w->no_marks : NULL};
        return !i;
    }
    pthread_mutex_lock(&w->lock);
    there = watch_fanotify_place(w->marks, i, out);
    pthread_mutex_unlock(&w->lock);
    return there;
}

/* With the lock held. */
static void look_at_roots(watcher *w, int64_t now)
{
    if (!w->roots || now - w->roots_ns < (int64_t)SLICE_MS * 1000000)
        return;
    w->roots_ns = now;
    if (roots_changed(w->roots)) {
        w->rescan = "a folder or a disk came or went";
        changed(w, NULL);
    }
}

/* When changes are due, or INT64_MAX: there are none. */
static int64_t due_ns(watcher *w)
{
    int64_t now = clock_mono_ns(), due = INT64_MAX;

    pthread_mutex_lock(&w->lock);
    look_at_roots(w, now);
    if (w->n_changed || w->rescan) {
        int64_t quiet = w->last_ns + w->opt.quiet_ms * 1000000, late = w->first_ns + w->opt.at_most_ms * 1000000;
        due = quiet < late ? quiet : late;
    }
    pthread_mutex_unlock(&w->lock);
    return due;
}

bool watcher_wait(watcher *w, int64_t timeout_ms, bool hold, const volatile sig_atomic_t *cancel)
{
    int64_t end = timeout_ms < 0 ? INT64_MAX : clock_mono_ns() + timeout_ms * 1000000;

    for (;;) {
        struct pollfd p = {.fd = w->wake, .events = POLLIN};
        int64_t due, now, wait_ms = SLICE_MS;
        uint64_t n;

        if (cancel && *cancel)
            return false;
        due = due_ns(w);
        now = clock_mono_ns();
        if (!hold && due != INT64_MAX) {
            if (now >= due) {
                drain(w); /* the other half of a move */
                return true;
            }
            if ((due - now) / 1000000 + 1 < wait_ms)
                wait_ms = (due - now) / 1000000 + 1;
        }
        if (now >= end)
            return !hold && due != INT64_MAX;
        if ((end - now) / 1000000 + 1 < wait_ms)
            wait_ms = (end - now) / 1000000 + 1;
        if (poll(&p, 1, (int)wait_ms) > 0)
            (void)!read(w->wake, &n, sizeof n);
    }
}

static int by_bytes(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

void watcher_take(watcher *w, watch_changes *out)
{
    size_t kept = 0;

    pthread_mutex_lock(&w->lock);
    *out = (watch_changes){.path = w->changed, .n = w->n_changed, .rescan = w->rescan};
    w->changed = NULL;
    w->n_changed = w->changed_cap = 0;
    w->rescan = NULL;
    pthread_mutex_unlock(&w->lock);
    if (out->n)
        qsort(out->path, out->n, sizeof *out->path, by_bytes);
    for (size_t i = 0; i < out->n; i++)
        if (kept && roots_below(out->path[i], out->path[kept - 1]))
            free(out->path[i]);
        else
            out->path[kept++] = out->path[i];
    out->n = kept;
}

void watch_changes_clear(watch_changes *c)
{
    for (size_t i = 0; i < c->n; i++)
        free(c->path[i]);
    free(c->path);
    *c = (watch_changes){0};
}
