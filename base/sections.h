/* sections.h - how a data structure gives and takes named runs of bytes without knowing the store.
 *
 * A segment is a set of named sections. The rooms that build one (lexical, vector, filter) write
 * through a section_sink and read through a section_source; whoever owns the file provides both.
 *
 * Rows of a segment are uint32_t 0 .. n - 1. A set of rows is a bitset of uint64_t words: row r is
 * bit r & 63 of word r >> 6. A NULL set means "none deleted" or "all allowed", as the name says. */
#ifndef CAIRN_BASE_SECTIONS_H
#define CAIRN_BASE_SECTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

#define SECTION_NAME_MAX 15

/* Sections are written one after the other: begin, write any number of times, end. */
typedef struct section_sink {
    void *ctx;
    /* `name` has 1..SECTION_NAME_MAX bytes and is unique in its segment. */
    cairn_status (*begin)(void *ctx, const char *name, cairn_error *err);
    cairn_status (*write)(void *ctx, const void *data, size_t n, cairn_error *err);
    cairn_status (*end)(void *ctx, cairn_error *err);
} section_sink;

/* The bytes found are aligned to 64 and live as long as the source. Their checksum was verified,
 * which proves that the disk kept them, not that their content makes sense: readers still check
 * every length. */
typedef struct section_source {
    void *ctx;
    bool (*find)(void *ctx, const char *name, const uint8_t **data, size_t *len);
} section_source;

static inline bool row_set_has(const uint64_t *set, uint32_t row)
{
    return set[row >> 6] >> (row & 63) & 1;
}

static inline size_t row_set_words(uint32_t n_rows)
{
    return ((size_t)n_rows + 63) / 64;
}

#endif
