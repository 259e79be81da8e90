/* spool.h - bytes written now and read back later: in memory while they are few, in a temporary
 * file without a name when they are many.
 *
 * Sections go out one after the other, but lists, positions and dictionary grow side by side. */
#ifndef CAIRN_INDEX_LEXICAL_SPOOL_H
#define CAIRN_INDEX_LEXICAL_SPOOL_H

#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/sections.h"

/* ---- temporary files ---- */

/* Open a temporary file that has no name from the first moment on: it is gone with its descriptor,
 * also after a kill. In $TMPDIR when that is set, else in `dir` (NULL: /var/tmp). */
cairn_status spill_open(int *fd, const char *dir, cairn_error *err);
/* Append, or read n bytes at `at`. CAIRN_EFULL says what to free. */
cairn_status spill_write(int fd, const void *data, size_t n, cairn_error *err);
cairn_status spill_read(int fd, uint64_t at, void *out, size_t n, cairn_error *err);

/* ---- spools ---- */

typedef struct spool {
    bytes head;      /* what is not in the file yet */
    size_t memory;   /* bytes of it at most; set after init to change it */
    const char *dir; /* for the file, borrowed; NULL: the default */
    int fd;          /* -1 while everything fits in memory */
    uint64_t filed;  /* bytes in the file */
    uint64_t size;   /* bytes written in all */
} spool;

void spool_init(spool *s);
void spool_clear(spool *s);
/* Forget the bytes, keep the memory. */
void spool_reset(spool *s);
cairn_status spool_write(spool *s, const void *data, size_t n, cairn_error *err);
/* Write everything as section `name`, `pad` zero bytes behind it. */
cairn_status spool_emit(spool *s, const section_sink *sink, const char *name, size_t pad,
                        cairn_error *err);

#endif
