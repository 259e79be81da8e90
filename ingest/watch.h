/* watch.h - which paths changed below some folders, gathered until they are quiet.
 *
 * By one mark for a whole file system (fanotify), where the kernel, the rights of this process and the file system
 * allow it, else by a watch for each folder (inotify); what is told is the same. Events are hints: they say where to
 * look, never what is there. A rescan is the truth, and is asked for when events were lost.
 *
 * watcher_add must be called for a folder before its names are read (a walk's `entered` does), so
 * that what is made meanwhile is either read or told. A folder that moves is added again, under its new name, by the
 * walk that finds it; by inotify it is forgotten until then.
 *
 * Where the system's limit of watches is reached, the rest of the folders are not watched and
 * watcher_unwatched counts them: look at those from time to time.
 *
 * Events are read by a thread of the watcher's own, so that the kernel's queue does not fill up while its owner is busy.
 *
 * Owns     the descriptors and the thread. Threads  one owner. */
#ifndef CAIRN_INGEST_WATCH_H
#define CAIRN_INGEST_WATCH_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

/* More changed paths than this are a rescan. */
#define WATCH_MAX_CHANGES 10000

typedef struct watcher watcher;

typedef enum watch_way {
    WATCH_BY_ANY, /* the best that each file system allows */
    WATCH_BY_FANOTIFY,
    WATCH_BY_INOTIFY,
} watch_way;

typedef struct watch_options {
    watch_way way;
    int64_t quiet_ms;   /* changes are told when none came for so long; 0 = 300 */
    int64_t at_most_ms; /* or when the first is so old; 0 = 1500 */
    size_t max_folders; /* 0 = as many as the system allows */
} watch_options;

/* Absolute paths, sorted, without repeats; few lie below another. */
typedef struct watch_changes {
    char **path;
    size_t n;
    const char *rescan; /* why everything is to be looked at, or NULL */
} watch_changes;

/* How folders are watched on one file system. Borrowed until the next call of another function. */
typedef struct watch_place {
    const char *path; /* where it is mounted; "" = all of them */
    watch_way way;
    const char *why; /* not by fanotify, or NULL: nobody asked for it */
} watch_place;

/* CAIRN_ELIMIT when the system gives no inotify instance, CAIRN_EUNSUPPORTED when WATCH_BY_FANOTIFY is asked for and not
 * allowed. */
cairn_status watcher_open(watcher **out, const watch_options *options, cairn_error *err);
void watcher_close(watcher *w); /* NULL is fine */

/* The folders that were named, before they are walked: when one of them comes, goes or is replaced, or something is
 * mounted in it, that is a rescan, seen within a second (roots.h). CAIRN_ENOMEM. */
cairn_status watcher_name(watcher *w, const char *const *paths, size_t n, cairn_error *err);

/* Before all folders are added, or added again: what is not added again may be forgotten. */
void watcher_begin(watcher *w);
/* Watch a folder; one that cannot be watched is counted as unwatched. Watching one twice is fine. */
void watcher_add(watcher *w, const char *path);
size_t watcher_folders(watcher *w);
size_t watcher_unwatched(watcher *w); /* since watcher_begin */
/* The i-th file system that folders were added on since then; false: there are no more. */
bool watcher_place(watcher *w, size_t i, watch_place *out);

/* Wait until there are changes and they are quiet, `timeout_ms` are over (< 0: never), or *cancel is
 * set (seen within a second; may be NULL). With `hold`, changes do not end the waiting.
 * True: changes wait to be taken. */
bool watcher_wait(watcher *w, int64_t timeout_ms, bool hold, const volatile sig_atomic_t *cancel);
/* Take what changed; watch_changes_clear frees it. */
void watcher_take(watcher *w, watch_changes *out);
void watch_changes_clear(watch_changes *c);

#endif
