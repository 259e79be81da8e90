/* watch.h - which paths changed below some folders, by inotify, gathered until they are quiet.
 *
 * Events are hints: they say where to look, never what is there. A rescan is the truth, and is asked
 * for when the kernel lost events.
 *
 * watcher_add must be called for a folder before its names are read (a walk's `entered` does), so
 * that what is made meanwhile is either read or told. Folders that move away are forgotten, and
 * watched again under their new name by the walk that finds them.
 *
 * Where the system's limit of watches is reached, the rest of the folders are not watched and
 * watcher_unwatched counts them: look at those from time to time.
 *
 * Owns     one inotify descriptor. Threads  one owner. */
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

typedef struct watch_options {
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

/* CAIRN_ELIMIT when the system gives no inotify instance. */
cairn_status watcher_open(watcher **out, const watch_options *options, cairn_error *err);
void watcher_close(watcher *w); /* NULL is fine */

/* The folders that were named, before they are walked: when one of them comes, goes or is replaced, or something is
 * mounted in it, that is a rescan, seen within a second (roots.h). CAIRN_ENOMEM. */
cairn_status watcher_name(watcher *w, const char *const *paths, size_t n, cairn_error *err);

/* Watch a folder; one that cannot be watched is counted as unwatched. Watching one twice is fine. */
void watcher_add(watcher *w, const char *path);
size_t watcher_folders(const watcher *w);
size_t watcher_unwatched(const watcher *w);
void watcher_forget_unwatched(watcher *w); /* before a walk that counts them anew */

/* Wait until there are changes and they are quiet, `timeout_ms` are over (< 0: never), or *cancel is
 * set (seen within a second; may be NULL). With `hold`, changes do not end the waiting.
 * True: changes wait to be taken. */
bool watcher_wait(watcher *w, int64_t timeout_ms, bool hold, const volatile sig_atomic_t *cancel);
/* Take what changed; watch_changes_clear frees it. */
void watcher_take(watcher *w, watch_changes *out);
void watch_changes_clear(watch_changes *c);

#endif
