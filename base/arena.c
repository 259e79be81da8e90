/* arena.c - blocks in a singly linked list, newest first; a request larger than a block gets one of
 * its own. Block sizes double up to 1 MiB, so small arenas stay small. */
#include "base/arena.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"

struct arena_block {
    arena_block *next;
    size_t cap, used;
    _Alignas(16) unsigned char data[];
};

#define ARENA_FIRST_BLOCK ((size_t)4096)
#define ARENA_LARGEST_BLOCK ((size_t)1 << 20)

void arena_init(arena *a, size_t max_bytes)
{
    a->head = NULL;
    a->used = 0;
    a->max = max_bytes;
}

void arena_clear(arena *a)
{
    while (a->head) {
        arena_block *next = a->head->next;
        free(a->head);
        a->head = next;
    }
    a->used = 0;
}

void arena_reset(arena *a)
{
    arena_block *keep = a->head;

    a->used = 0;
    if (!keep)
        return;
    a->head = keep->next;
    arena_clear(a);
    keep->next = NULL;
    keep->used = 0;
    a->head = keep;
}

static arena_block *add_block(arena *a, size_t need)
{
    size_t cap = a->head ? a->head->cap * 2 : ARENA_FIRST_BLOCK;
    size_t total;
    arena_block *b;

    if (cap > ARENA_LARGEST_BLOCK)
        cap = ARENA_LARGEST_BLOCK;
    if (cap < need)
        cap = need;
    if (!checked_add(cap, sizeof *b, &total))
        return NULL;
    b = malloc(total);
    if (!b)
        return NULL;
    b->cap = cap;
    b->used = 0;
    b->next = a->head;
    a->head = b;
    return b;
}

void *arena_alloc(arena *a, size_t n)
{
    arena_block *b = a->head;
    size_t need;
    void *p;

    if (!checked_add(n, 15, &need))
        return NULL;
    need &= ~(size_t)15;
    if (!need)
        need = 16;
    if (need > a->max || a->used > a->max - need)
        return NULL;
    if (!b || b->cap - b->used < need) {
        b = add_block(a, need);
        if (!b)
            return NULL;
    }
    p = b->data + b->used;
    b->used += need;
    a->used += need;
    return p;
}

void *arena_calloc(arena *a, size_t n, size_t size)
{
    size_t total;
    void *p;

    if (!checked_mul(n, size, &total))
        return NULL;
    p = arena_alloc(a, total);
    if (p)
        memset(p, 0, total);
    return p;
}

char *arena_strndup(arena *a, const char *s, size_t len)
{
    size_t total;
    char *p;

    if (!checked_add(len, 1, &total))
        return NULL;
    p = arena_alloc(a, total);
    if (p) {
        if (len)
            memcpy(p, s, len);
        p[len] = '\0';
    }
    return p;
}

char *arena_strdup(arena *a, const char *s)
{
    return arena_strndup(a, s, strlen(s));
}

char *arena_printf(arena *a, const char *fmt, ...)
{
    va_list ap;
    int n;
    char *p;

    va_start(ap, fmt);
    n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    if (n < 0)
        return NULL;
    p = arena_alloc(a, (size_t)n + 1);
    if (!p)
        return NULL;
    va_start(ap, fmt);
    vsnprintf(p, (size_t)n + 1, fmt, ap);
    va_end(ap);
    return p;
}
