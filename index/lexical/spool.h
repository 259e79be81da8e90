/* spool.h - bytes written now and read back once, in order: in memory while they are few, in an
 * unlinked temporary file when they are many.
 *
 * Sections go out one after the other, but lists, positions and dictionary grow side by side. */
#ifndef CAIRN_INDEX_LEXICAL_SPOOL_H
#define CAIRN_INDEX_LEXICAL_SPOOL_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/bytes.h"
#include "base/sections.h"

typedef struct spool {
    bytes head;    /* what is not in the file yet */
    FILE *file;    /* NULL while everything fits in memory */
    uint64_t size; /* bytes written in all */
} spool;

void spool_init(spool *s);
void spool_clear(spool *s);
cairn_status spool_write(spool *s, const void *data, size_t n, cairn_error *err);
/* Write everything as section `name`, `pad` zero bytes behind it. */
cairn_status spool_emit(spool *s, const section_sink *sink, const char *name, size_t pad,
                        cairn_error *err);

#endif
