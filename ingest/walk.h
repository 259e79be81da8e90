/* walk.h - find the files below some paths, in a fixed order, without surprises.
 *
 * Regular files only. A named pipe, socket or device is never opened; it is reported. Folders are
 * read whole and sorted by byte order, so two runs over the same tree give the same sequence.
 * Symbolic links inside a folder are left alone unless follow_symlinks is set; a folder is entered
 * once however many ways lead to it, so loops end. A path named by the caller is always taken:
 * through a symbolic link, hidden or not, and whatever its name.
 *
 * Names are bytes. Newlines and invalid UTF-8 in them survive unchanged.
 *
 * Left out by default inside a folder, in this order:
 *   - the folder `own`;
 *   - what `exclude` names;
 *   - what ignore files say: .cairnignore anywhere, .gitignore and .git/info/exclude inside a
 *     repository, also those of the folders above a named path. A line with '!' takes a name in
 *     although one of the rules below would leave it out;
 *   - names that begin with a dot; the folders of version control, package managers and caches
 *     (walk_is_ignored lists them);
 *   - folders that say what they are: a cache (CACHEDIR.TAG), a build tree (CMakeCache.txt,
 *     meson-private), a virtual environment (pyvenv.cfg); kernel file systems (/proc, /sys...);
 *   - files that `include` does not name, where it is given.
 *
 * Threads  any number of walks at once; the callbacks run in the caller's thread. */
#ifndef CAIRN_INGEST_WALK_H
#define CAIRN_INGEST_WALK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

#define WALK_MAX_FILE_BYTES ((int64_t)256 << 20)
#define WALK_MAX_DEPTH      256

typedef struct walk_options {
    int64_t max_file_bytes; /* larger files are reported, not given; 0 = WALK_MAX_FILE_BYTES */
    bool hidden;            /* also names that begin with a dot */
    bool no_ignores;        /* also the folders of walk_is_ignored */
    bool follow_symlinks;
    bool no_ignore_files;    /* also what the next one says */
    const char *ignore_file; /* rules relative to each named path, weaker than those found there */
    /* Lines in the language of rules.h, relative to each named path; NULL = none. */
    const char *exclude, *include;
    /* Look only at these absolute paths and what is below them, with the rules that a whole walk would
     * apply on the way there. Sorted by bytes. NULL = everything. */
    const char *const *only;
    size_t n_only;
    /* A folder that is never entered, whatever leads to it: where the caller keeps its own files. NULL = none. */
    const char *own;
    /* Before a folder is read. May be NULL. */
    void (*entered)(void *ctx, const char *path);
    /* What is left out, and why ("ignored by /home/me/.cairnignore line 3: *.iso"). May be NULL. */
    void (*skipped)(void *ctx, const char *path, bool folder, const char *reason);
} walk_options;

typedef struct walk_entry {
    const char *path; /* absolute; realpath of the named path plus the names below. Borrowed. */
    int64_t size;     /* bytes */
    int64_t mtime_ns;
    uint64_t dev, ino;
} walk_entry;

/* One regular file. Return false to stop the walk. */
typedef bool walk_fn(void *ctx, const walk_entry *entry);
/* Something that was skipped, with a human reason ("named pipe, not a regular file", "larger than
 * 256 MiB", "Permission denied"). The walk goes on. `code` is a cairn_status that fits. */
typedef void walk_fail_fn(void *ctx, const char *path, cairn_status code, const char *reason);

/* Walk the n paths in sorted order; a path below another named folder is not walked twice.
 * `options` may be NULL, and so may `failed`. A named path that does not exist is reported and is
 * no error. Errors: CAIRN_ECANCELLED when `found` said stop, CAIRN_ENOMEM. */
cairn_status ingest_walk(const char *const *paths, size_t n, const walk_options *options,
                         walk_fn *found, walk_fail_fn *failed, void *ctx, cairn_error *err);

/* True for a name left out by default ("node_modules", ".git", "__pycache__", ".DS_Store", "report.txt~"...). */
bool walk_is_ignored(const char *name);

#endif
