/* watch_way.h - what the watcher (watch.c) and its ways of watching say to each other.
 *
 * A way is handed folders and tells what changed in them. Both ways tell the same: where to look. Every end of a move is
 * told by itself, as the folder and the name there; the run that looks at both finds that one document went from here
 * to there. That some events are missing is told, too, and everything is looked at then.
 *
 * Threads  the watcher holds its lock around every call, and so around what the ear hears. */
#ifndef CAIRN_INGEST_WATCH_WAY_H
#define CAIRN_INGEST_WATCH_WAY_H

#include <stdbool.h>
#include <stddef.h>

#include "base/status.h"
#include "ingest/watch.h"

typedef struct watch_ear {
    void *ctx;
    /* Something happened to `name` in `folder`, or ("") to the folder itself. False: that folder is none of ours any
     * more. */
    bool (*changed)(void *ctx, const char *folder, const char *name);
    void (*lost)(void *ctx, const char *why); /* events */
    void (*ended)(void *ctx, const char *folder); /* it was removed, or what it lay on was unmounted */
} watch_ear;

typedef enum watch_added {
    WATCH_ADDED,
    WATCH_GONE,      /* it is not there: its parent tells */
    WATCH_REFUSED,   /* by a limit */
    WATCH_ELSEWHERE, /* not on such a file system, by this way */
} watch_added;

/* ---- one watch a folder (watch_inotify.c) ---- */

typedef struct watch_inotify watch_inotify;

/* CAIRN_ELIMIT: the system gives no instance. */
cairn_status watch_inotify_open(watch_inotify **out, const watch_ear *ear, cairn_error *err);
void watch_inotify_close(watch_inotify *w); /* NULL is fine */
int watch_inotify_fd(const watch_inotify *w);
/* `full`: only a folder that is watched already. */
watch_added watch_inotify_add(watch_inotify *w, const char *path, bool full);
size_t watch_inotify_folders(const watch_inotify *w);
void watch_inotify_drain(watch_inotify *w);

/* ---- one mark a file system (watch_fanotify.c) ---- */

typedef struct watch_fanotify watch_fanotify;

/* CAIRN_EUNSUPPORTED: the kernel or the rights of this process do not allow it; the text says which. */
cairn_status watch_fanotify_open(watch_fanotify **out, const watch_ear *ear, cairn_error *err);
void watch_fanotify_close(watch_fanotify *w); /* NULL is fine */
int watch_fanotify_fd(const watch_fanotify *w);
/* `ends`: tell by `ended` when this folder is removed. `full`: only a folder that is watched already. */
watch_added watch_fanotify_add(watch_fanotify *w, const char *path, bool ends, bool full);
size_t watch_fanotify_folders(const watch_fanotify *w);
void watch_fanotify_drain(watch_fanotify *w);
/* Before all folders are added again: those that are not are forgotten. */
void watch_fanotify_begin(watch_fanotify *w);
/* The file systems met since, in that order. */
bool watch_fanotify_place(const watch_fanotify *w, size_t i, watch_place *out);

#endif
