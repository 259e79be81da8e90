/* watch_inotify.c - a watch for each folder; see watch_way.h.
 *
 * A watch descriptor is a small number that the kernel never gives twice, so `at` maps it to
 * the folder's path by open addressing. A folder that moves keeps its watch under a name that is no
 * longer true; so everything below a name that moved away is dropped at once. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "base/checked.h"
#include "ingest/watch_way.h"

#define EVENTS                                                                                     \
    (IN_CLOSE_WRITE | IN_MOVED_FROM | IN_MOVED_TO | IN_CREATE | IN_DELETE | IN_ATTRIB |            \
     IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR | IN_EXCL_UNLINK)

typedef struct folder {
    int wd; /* 0 = free, -1 = removed */
    char *path;
} folder;

struct watch_inotify {
    int fd;
    watch_ear ear;
    folder *at; /* [cap], cap a power of two */
    size_t cap, used, n;
};

cairn_status watch_inotify_open(watch_inotify **out, const watch_ear *ear, cairn_error *err)
{
    watch_inotify *w = calloc(1, sizeof *w);

    *out = NULL;
    if (!w)
        return cairn_fail(err, CAIRN_ENOMEM, "a watch of folders");
    w->ear = *ear;
    w->fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    if (w->fd < 0) {
        cairn_status st = cairn_fail(err, CAIRN_ELIMIT, "inotify: %s", strerror(errno));
        free(w);
        return st;
    }
    *out = w;
    return CAIRN_OK;
}

void watch_inotify_close(watch_inotify *w)
{
    if (!w)
        return;
    close(w->fd);
    for (size_t i = 0; i < w->cap; i++)
        free(w->at[i].path);
    free(w->at);
    free(w);
}

int watch_inotify_fd(const watch_inotify *w)
{
    return w->fd;
}

size_t watch_inotify_folders(const watch_inotify *w)
{
    return w->n;
}

/* ---- the table of folders ---- */

static folder *find(const watch_inotify *w, int wd)
{
    size_t i = (size_t)wd * 0x9E3779B97F4A7C15u;

    if (w->cap)
        for (i &= w->cap - 1; w->at[i].wd; i = (i + 1) & (w->cap - 1))
            if (w->at[i].wd == wd)
                return &w->at[i];
    return NULL;
}

static bool grow(watch_inotify *w)
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

static void forget(watch_inotify *w, folder *f)
{
    free(f->path);
    f->path = NULL;
    f->wd = -1;
    w->n--;
}

/* All folders below `folder`/`name`. */
static void forget_below(watch_inotify *w, const char *folder_path, const char *name)
{
    size_t n = strlen(folder_path), m = strlen(name);

    if (n && folder_path[n - 1] == '/')
        n--;
    for (size_t i = 0; i < w->cap; i++) {
        const char *path = w->at[i].wd > 0 ? w->at[i].path : NULL;
        if (path && !strncmp(path, folder_path, n) && path[n] == '/' && !strncmp(path + n + 1, name, m) &&
            (!path[n + 1 + m] || path[n + 1 + m] == '/')) {
            inotify_rm_watch(w->fd, w->at[i].wd);
            forget(w, &w->at[i]);
        }
    }
}

watch_added watch_inotify_add(watch_inotify *w, const char *path, bool full)
{
    char *copy = NULL;
    size_t i;
    int wd;
    folder *f;

    if ((w->used + 1) * 2 > w->cap && !grow(w))
        return WATCH_REFUSED;
    wd = inotify_add_watch(w->fd, path, EVENTS);
    if (wd < 0)
        return errno == ENOENT || errno == ENOTDIR ? WATCH_GONE : WATCH_REFUSED;
    copy = strdup(path);
    f = find(w, wd);
    if (!copy || (!f && full)) {
        inotify_rm_watch(w->fd, wd);
        if (f)
            forget(w, f);
        free(copy);
        return WATCH_REFUSED;
    }
    if (f) { /* known, perhaps by another name */
        free(f->path);
        f->path = copy;
        return WATCH_ADDED;
    }
    for (i = ((size_t)wd * 0x9E3779B97F4A7C15u) & (w->cap - 1); w->at[i].wd;)
        i = (i + 1) & (w->cap - 1);
    w->at[i] = (folder){.wd = wd, .path = copy};
    w->n++;
    w->used++;
    return WATCH_ADDED;
}

/* ---- events ---- */

static void take_event(watch_inotify *w, const struct inotify_event *e)
{
    folder *f = e->wd > 0 ? find(w, e->wd) : NULL;
    const char *name = e->len ? e->name : "";

    if (e->mask & IN_Q_OVERFLOW) {
        w->ear.lost(w->ear.ctx, "events were lost");
        return;
    }
    if (!f)
        return; /* of a folder that was forgotten meanwhile */
    if (e->mask & IN_IGNORED) {
        w->ear.ended(w->ear.ctx, f->path);
        forget(w, f);
        return;
    }
    w->ear.changed(w->ear.ctx, f->path, name);
    if (*name && (e->mask & IN_MOVED_FROM) && (e->mask & IN_ISDIR))
        forget_below(w, f->path, name);
}

void watch_inotify_drain(watch_inotify *w)
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
