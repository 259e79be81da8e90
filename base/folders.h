/* folders.h - whole trees of files: remove one, copy one, exchange two by name. */
#ifndef CAIRN_BASE_FOLDERS_H
#define CAIRN_BASE_FOLDERS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"

/* Remove what `path` names with all below it; symbolic links are removed, not followed, and other
 * file systems mounted below are left alone. Nothing there is fine. */
cairn_status folders_remove(const char *path, cairn_error *err);
/* Bytes of the files below a folder, which need not be there. */
uint64_t folders_bytes(const char *path);

/* Copy the folders and regular files below `from` into the new folder `to`, each synced; links,
 * sockets and the like are left out. `go_on` (may be NULL) is asked before each file; false:
 * CAIRN_ECANCELLED. What was written stays on failure. CAIRN_ENOTFOUND: there is no folder `from`.
 */
cairn_status folders_copy(const char *from, const char *to, bool (*go_on)(void *ctx), void *ctx,
                          cairn_error *err);
/* One file, with its permissions, times not kept, synced; `to` must not be there yet. */
cairn_status folders_copy_file(const char *from, const char *to, cairn_error *err);

/* Give `fresh` the name `path`; what had it is then called `fresh` (*exchanged says whether there
 * was something). One step where the system can exchange two names: no moment without a folder of
 * that name. */
cairn_status folders_place(const char *fresh, const char *path, bool *exchanged, cairn_error *err);

/* Sync the folder itself, which makes names in it durable. */
cairn_status folders_sync(const char *path, cairn_error *err);

#endif
