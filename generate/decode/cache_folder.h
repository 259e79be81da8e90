/* cache_folder.h - a folder of files that can be made again: written so that a crash leaves nothing
 * half, kept within a budget, least recently used first. Used by weight_cache.c and prefix_cache.c.
 *
 * Threads  any; several processes may share a folder. */
#ifndef CAIRN_GENERATE_DECODE_CACHE_FOLDER_H
#define CAIRN_GENERATE_DECODE_CACHE_FOLDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CACHE_TEMPORARY ".tmp" /* behind the name of a file that is being written */

/* Make the folder and the ones above it. */
bool cache_folder_make(const char *path);
/* A regular file that nobody but us (or root) could have written. */
bool cache_file_is_ours(int fd);
/* It was used just now. */
void cache_file_touch(int fd);
/* The temporary file `path`, locked and empty; -1 where another process is writing it. */
int cache_open_temporary(const char *path);
bool cache_write_all(int fd, const void *data, size_t n, uint64_t at);
/* Make the bytes of fd last and give the file its name; closes fd. False (errno) and the file removed
 * when that failed. */
bool cache_publish(int fd, const char *folder, const char *temporary, const char *path);
/* Remove temporary files that nobody writes, files of this suffix that are stale (NULL: none is) and,
 * while all of them exceed the budget, the least recently used ones. The file named `keep` stays. */
void cache_folder_sweep(const char *folder, const char *suffix, uint64_t budget, const char *keep,
                        bool (*is_stale)(int folder, const char *name));

#endif
