/* watch_state.h - how a collection's folders are watched, for other processes: a small file beside the store.
 *
 * The file watch.state holds one JSON object; `cairn watch` replaces it by rename when it has looked at everything, and
 * removes it at its end. One that a killed watch left names a process that is gone, and counts as none. Of two
 * watches the one that looked last is told. */
#ifndef CAIRN_ENGINE_WATCH_STATE_H
#define CAIRN_ENGINE_WATCH_STATE_H

#include "engine/engine.h"
#include "ingest/watch.h"

/* A line about one file system: "one mark for the file system (fanotify)", "a watch for each folder (inotify); btrfs: ..." */
#define WATCH_STATE_TEXT 320
void watch_state_describe(const watch_place *place, char out[WATCH_STATE_TEXT]);

/* `w` may be NULL: by time alone. */
void watch_state_tell(const cairn *c, watcher *w);
void watch_state_clear(const cairn *c);

/* What the watch at work in `dir` says; out->active is false where there is none. Texts are of `memory`. */
void watch_state_read(const char *dir, arena *memory, cairn_watching *out);

#endif
