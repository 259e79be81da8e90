/* mapped_file.h - a whole regular file as read-only bytes.
 *
 * Owns     the mapping; the descriptor is closed at once. A file that somebody cuts short while it
 *          is mapped faults on access, as with every mapping: models are replaced by rename.
 * Threads  immutable after open.
 * Errors   CAIRN_EMODEL: there is no such file, or it is no regular file; CAIRN_EIO. */
#ifndef CAIRN_GENERATE_FORMATS_MAPPED_FILE_H
#define CAIRN_GENERATE_FORMATS_MAPPED_FILE_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

typedef struct mapped_file {
    const uint8_t *data; /* not NULL after open, even for an empty file */
    size_t len;
    void *mapping; /* NULL when nothing is mapped */
} mapped_file;

cairn_status mapped_file_open(mapped_file *f, const char *path, cairn_error *err);
void mapped_file_close(mapped_file *f); /* a zeroed one is fine */

#endif
