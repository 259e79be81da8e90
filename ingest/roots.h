/* roots.h - do the named folders still stand where they stood?
 *
 * A watch hangs on a folder, not on its name: who unmounts a disk, removes a folder and makes it again, or mounts
 * something over it, leaves the watch where nothing happens any more. So the names are looked at from time to time (one
 * stat each), and the table of mounts when the kernel says that it changed.
 *
 * Owns     one descriptor, of /proc/self/mounts. Threads  one owner. */
#ifndef CAIRN_INGEST_ROOTS_H
#define CAIRN_INGEST_ROOTS_H

#include <stdbool.h>
#include <stddef.h>

typedef struct roots roots;

/* The names, as they stand now; NULL without memory. A name need not exist. */
roots *roots_create(const char *const *paths, size_t n);
void roots_destroy(roots *r); /* NULL is fine */

/* Since it was asked last: has a named folder come, gone or been replaced, or was something mounted or unmounted at or
 * below one? Named files do not count. */
bool roots_changed(roots *r);

/* Is this folder one of the named ones, at or below one, or the one that a named file lies in? By where the names led when
 * they were seen last. */
bool roots_hold(const roots *r, const char *folder);
bool roots_is_named(const roots *r, const char *folder);

/* The watch of this folder has ended: if it is a named one, it counts as gone until it is seen again, even where the
 * next folder of the name has the inode of the last. */
void roots_lost(roots *r, const char *path);

/* Is the path this folder, or below it? */
bool roots_below(const char *path, const char *top);

#endif
