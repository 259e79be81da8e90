/* source_end.h - where a function or class ends, by how its lines are indented. */
#ifndef CAIRN_INGEST_EXTRACT_SOURCE_END_H
#define CAIRN_INGEST_EXTRACT_SOURCE_END_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Is that worth asking in this language, by ctags' name of it? Where programs indent what belongs together, and ctags
 * does not say where it ends. */
bool source_end_knows(const char *language);

/* The last line (from 1) of `name`, which begins in line `first`. `line` has n_lines + 1 offsets into `s`: where each line begins,
 * and the end of the last. */
uint32_t source_end(const char *s, const size_t *line, uint32_t n_lines, uint32_t first, const char *name);

#endif
