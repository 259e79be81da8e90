/* cache_folder.h - a folder of files that can be made again: written so that a crash leaves nothing
 * half, kept within a budget, least recently used first. Used by weight_cache.c and kv_files.c.
 *
 * Threads  any; several processes may share a folder. */
#ifndef CAIRN_GENERATE_DECODE_CACHE_FOLDER_H
#define CAIRN_GENERATE_DECODE_CACHE_FOLDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "generate/formats/gguf.h"

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

/* A key for what is computed from the model file as it is on disk, with this version and mode: XXH3 of
 * its size, time of change, metadata and both. False where there is no such file. */
bool cache_model_key(const gguf *g, uint64_t version, uint64_t mode, uint64_t *out);
/* The bytes of a file that ends with their XXH3, which is verified and left out of *len; to be freed.
 * NULL: no such file, longer than `most`, not ours, or damaged. It counts as used now. */
uint8_t *cache_file_read(const char *path, size_t most, size_t *len);
/* Write *file and its XXH3 as `path` in the folder, which is made where it is missing and then swept.
 * Whether it worked. */
bool cache_file_write(const char *folder, const char *path, const char *suffix, uint64_t budget,
                      bytes *file);

#endif
