/* arena.h - memory that is given back all at once: a query's scratch, a file's blocks.
 *
 * Owns     every block handed out, until arena_reset or arena_clear.
 * Threads  one arena per thread.
 * Errors   an allocation past the arena's maximum, or without memory, returns NULL. */
#ifndef CAIRN_BASE_ARENA_H
#define CAIRN_BASE_ARENA_H

#include <stddef.h>

typedef struct arena_block arena_block;

typedef struct arena {
    arena_block *head; /* newest block first */
    size_t used;       /* bytes handed out since the last reset, with alignment */
    size_t max;        /* never hand out more than this */
} arena;

/* `max_bytes` is mandatory: what this arena may hold at the very most. */
void arena_init(arena *a, size_t max_bytes);
/* Free everything. The arena may be used again afterwards. */
void arena_clear(arena *a);
/* Forget everything but keep one block for reuse. */
void arena_reset(arena *a);

/* Uninitialised, aligned to 16 bytes. */
void *arena_alloc(arena *a, size_t bytes);
/* Zeroed array; NULL when n * size overflows. */
void *arena_calloc(arena *a, size_t n, size_t size);
/* Copy of s[0, len) with a NUL behind it. */
char *arena_strndup(arena *a, const char *s, size_t len);
char *arena_strdup(arena *a, const char *s);
char *arena_printf(arena *a, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
