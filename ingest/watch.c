/* watch.c - see watch.h.
 *
 * A watch descriptor is a small number that the kernel never gives twice, so `folder_of` maps it to
 * the folder's path by open addressing. A folder that moves keeps its watch under a name that is no
 * longer true; so everything below a name that moved away is dropped at once. */
#include "ingest/watch.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "base/checked.h"
#include "base/clock.h"
#include "ingest/roots.h"

#define EVENTS                                                                                     \
    (IN_CLOSE_WRITE | IN_MOVED_FROM | IN_MOVED_TO | IN_CREATE | IN_DELETE | IN_ATTRIB |            \
     IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR | IN_EXCL_UNLINK)
#define SLICE_MS 1000 /* how fast a cancel is seen */

typedef struct folder {
    int wd; /* 0 = free, -1 = removed */
    char *path;
} folder;

struct watcher {
    int fd;
    watch_options opt;
    folder *at; /* [cap], cap a power of two */
    size_t cap, used, n;
    size_t unwatched;
    char **changed;
    size_t n_changed, changed_cap;
    const char *rescan; /* why, or NULL */
    roots *roots;       /* NULL: none were named */
    int64_t roots_ns;   /* when they were looked at */
    int64_t first_ns, last_ns; /* of the changes in hand */
};

cairn_status watcher_open(watcher **out, const watch_options *options, cairn_error *err)
{
    watcher *w = calloc(1, sizeof *w);

    *out = NULL;
    if (!w)
        return cairn_fail(err, CAIRN_ENOMEM, "a watcher");
    if (options)
        w->opt = *options;
    if (w->opt.quiet_ms <= 0)
        w->opt.quiet_ms = 300;
    if (w->opt.at_most_ms <= 0)
        w->opt.at_most_ms = 1500;
    w->fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    if (w->fd < 0) {
        cairn_status st = cairn_fail(err, CAIRN_ELIMIT, "inotify: %s", strerror(errno));
        free(w);
        return st;
    }
    *out = w;
    return CAIRN_OK;
}

void watcher_close(watcher *w)
{
    if (!w)
        return;
    close(w->fd);
    for (size_t i = 0; i < w->cap; i++)
        free(w->at[i].path);
    for (size_t i = 0; i < w->n_changed; i++)
        free(w->changed[i]);
    free(w->at);
    free(w->changed);
    roots_destroy(w->roots);
    free(w);
}

cairn_status watcher_name(watcher *w, const char *const *paths, size_t n, cairn_error *err)
{
    roots *r = roots_create(paths, n);

    if (!r)
        return cairn_fail(err, CAIRN_ENOMEM, "the names of %zu folders", n);
    roots_destroy(w->roots);
    w->roots = r;
    return CAIRN_OK;
}

/* ---- the table of folders ---- */

static folder *find(const watcher *w, int wd)
{
    size_t i = (size_t)wd * 0x9E3779B97F4A7C15u;

    if (w->cap)
        for (i &= w->cap - 1; w->at[i].wd; i = (i + 1) & (w->cap - 1))
            if (w->at[i].wd == wd)
                return &w->at[i];
    return NULL;
}

static bool grow(watcher *w)
{
    size_t cap = w->n * 4 < 64 ? 64 : 1;
    folder *more;

    while (cap < w->n * 4)
        cap *= 2;
    more = checked_malloc(cap, sizeof *more);
    if (!more)
        return false;
    memset(more, 0, cap * sizeof *more);
    for (size_t k = 0; k < w->cap; k++)
        if (w->at[k].wd > 0) {
            size_t i = ((size_t)w->at[k].wd * 0x9E3779B97F4A7C15u) & (cap - 1);
            while (more[i].wd)
                i = (i + 1) & (cap - 1);
            more[i] = w->at[k];
        }
    free(w->at);
    w->at = more;
    w->cap = cap;
    w->used = w->n;
    return true;
}

static void forget(watcher *w, folder *f)
{
    free(f->path);
    f->path = NULL;
    f->wd = -1;
    w->n--;
}

static bool is_below(const char *path, const char *top)
{
    size_t n = strlen(top);

    return !strncmp(path, top, n) && (!path[n] || path[n] == '/');
}

static void forget_below(watcher *w, const char *path)
{
    for (size_t i = 0; i < w->cap; i++)
        if (w->at[i].wd > 0 && is_below(w->at[i].path, path)) {
            inotify_rm_watch(w->fd, w->at[i].wd);
            forget(w, &w->at[i]);
        }
}

void watcher_add(watcher *w, const char *path)
{
    char *copy = NULL;
    size_t i;
    int wd;
    folder *f;

    if ((w->used + 1) * 2 > w->cap && !grow(w))
        goto failed;
    wd = inotify_add_watch(w->fd, path, EVENTS);
    if (wd < 0) {
        if (errno == ENOENT || errno == ENOTDIR)
            return; /* gone again: its parent tells */
        goto failed;
    }
    copy = strdup(path);
    f = find(w, wd);
    if (!copy || (!f && w->opt.max_folders && w->n >= w->opt.max_folders)) {
        inotify_rm_watch(w->fd, wd);
        if (f)
            forget(w, f);
        goto failed;
    }
    if (f) { /* known, perhaps by another name */
        free(f->path);
        f->path = copy;
        return;
    }
    for (i = ((size_t)wd * 0x9E3779B97F4A7C15u) & (w->cap - 1); w->at[i].wd;)
        i = (i + 1) & (w->cap - 1);
    w->at[i] = (folder){.wd = wd, .path = copy};
    w->n++;
    w->used++;
    return;
failed:
    free(copy);
    w->unwatched++;
}

size_t watcher_folders(const watcher *w)
{
    return w->n;
}

size_t watcher_unwatched(const watcher *w)
{
    return w->unwatched;
}

void watcher_forget_unwatched(watcher *w)
{
    w->unwatched = 0;
}

/* ---- events ---- */

/* Takes `path` over. */
static void changed(watcher *w, char *path)
{
    int64_t now = clock_mono_ns();

    if (!w->n_changed && !w->rescan)
        w->first_ns = now;
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

static void take_event(watcher *w, const struct inotify_event *e)
{
    folder *f = e->wd > 0 ? find(w, e->wd) : NULL;
    const char *name = e->len ? e->name : "";
    char *path;

    if (e->mask & IN_Q_OVERFLOW) {
        w->rescan = "events were lost";
        changed(w, NULL);
        return;
    }
    if (!f)
        return; /* of a folder that was forgotten meanwhile */
    if (e->mask & IN_IGNORED) {
        if (w->roots)
            roots_lost(w->roots, f->path);
        forget(w, f);
        return;
    }
    /* A change of rules may concern everything beside and below. */
    if (!strcmp(name, ".cairnignore") || !strcmp(name, ".gitignore") || !strcmp(name, ".cairn.conf"))
        name = "";
    path = *name ? join(f->path, name) : strdup(f->path);
    if (path && (e->mask & IN_MOVED_FROM) && (e->mask & IN_ISDIR))
        forget_below(w, path);
    changed(w, path);
}

static void drain(watcher *w)
{
    char buf[65536] __attribute__((aligned(__alignof__(struct inotify_event))));
    ssize_t n;

    while ((n = read(w->fd, buf, sizeof buf)) > 0 || (n < 0 && errno == EINTR))
        for (ssize_t at = 0; at < n;) {
            const struct inotify_event *e = (const void *)(buf + at);
            take_event(w, e);
            at += (ssize_t)(sizeof *e + e->len);
        }
}

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

bool watcher_wait(watcher *w, int64_t timeout_ms, bool hold, const volatile sig_atomic_t *cancel)
{
    int64_t end = timeout_ms < 0 ? INT64_MAX : clock_mono_ns() + timeout_ms * 1000000;

    for (;;) {
        struct pollfd p = {.fd = w->fd, .events = POLLIN};
        int64_t now = clock_mono_ns(), wait_ms = SLICE_MS;

        if (cancel && *cancel)
            return false;
        look_at_roots(w, now);
        if (!hold && (w->n_changed || w->rescan)) {
            int64_t quiet = w->last_ns + w->opt.quiet_ms * 1000000,
                    late = w->first_ns + w->opt.at_most_ms * 1000000,
                    due = quiet < late ? quiet : late;
            if (now >= due) {
                drain(w); /* the other half of a move */
                return true;
            }
            if ((due - now) / 1000000 + 1 < wait_ms)
                wait_ms = (due - now) / 1000000 + 1;
        }
        if (now >= end)
            return !hold && (w->n_changed || w->rescan);
        if ((end - now) / 1000000 + 1 < wait_ms)
            wait_ms = (end - now) / 1000000 + 1;
        if (poll(&p, 1, (int)wait_ms) > 0)
            drain(w);
    }
}

static int by_bytes(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

void watcher_take(watcher *w, watch_changes *out)
{
    size_t kept = 0;

    *out = (watch_changes){.path = w->changed, .n = w->n_changed, .rescan = w->rescan};
    w->changed = NULL;
    w->n_changed = w->changed_cap = 0;
    w->rescan = NULL;
    if (out->n)
        qsort(out->path, out->n, sizeof *out->path, by_bytes);
    for (size_t i = 0; i < out->n; i++)
        if (kept && is_below(out->path[i], out->path[kept - 1]))
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
