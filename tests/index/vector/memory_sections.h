/* memory_sections.h - sections kept in memory, for tests: what a segment file does, without a file.
 * Each section is its own 64-byte aligned block of exactly its size (rounded up to 64 by the
 * allocator's contract), so that a read past the end has a chance to be seen. */
#ifndef CAIRN_TESTS_MEMORY_SECTIONS_H
#define CAIRN_TESTS_MEMORY_SECTIONS_H

#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "base/sections.h"

typedef struct memory_section {
    char name[SECTION_NAME_MAX + 1];
    uint8_t *data;
    size_t len, cap;
} memory_section;

typedef struct memory_sections {
    memory_section at[32];
    size_t n;
    long fail_after; /* > 0: that many sink calls succeed, then all fail */
} memory_sections;

static inline cairn_status memory_tick(memory_sections *m, cairn_error *err)
{
    if (m->fail_after > 0 && --m->fail_after == 0) {
        m->fail_after = 1;
        return cairn_fail(err, CAIRN_EFULL, "no room left");
    }
    return CAIRN_OK;
}

static inline cairn_status memory_begin(void *ctx, const char *name, cairn_error *err)
{
    memory_sections *m = ctx;
    cairn_status st = memory_tick(m, err);

    if (st)
        return st;
    if (m->n == 32 || strlen(name) == 0 || strlen(name) > SECTION_NAME_MAX)
        return cairn_fail(err, CAIRN_EUSAGE, "section name %s", name);
    for (size_t i = 0; i < m->n; i++)
        if (strcmp(m->at[i].name, name) == 0)
            return cairn_fail(err, CAIRN_EUSAGE, "section %s twice", name);
    memory_section *s = &m->at[m->n++];
    memset(s, 0, sizeof *s);
    strcpy(s->name, name);
    return CAIRN_OK;
}

static inline cairn_status memory_write(void *ctx, const void *data, size_t n, cairn_error *err)
{
    memory_sections *m = ctx;
    memory_section *s = &m->at[m->n - 1];
    cairn_status st = memory_tick(m, err);

    if (st)
        return st;
    if (s->len + n > s->cap) {
        size_t cap = (s->len + n) * 2;
        uint8_t *p = checked_aligned(cap, 1);
        if (!p)
            return cairn_fail(err, CAIRN_ENOMEM, "memory section");
        if (s->len)
            memcpy(p, s->data, s->len);
        free(s->data);
        s->data = p;
        s->cap = cap;
    }
    if (n)
        memcpy(s->data + s->len, data, n);
    s->len += n;
    return CAIRN_OK;
}

static inline cairn_status memory_end(void *ctx, cairn_error *err)
{
    memory_sections *m = ctx;
    memory_section *s = &m->at[m->n - 1];
    cairn_status st = memory_tick(m, err);

    if (st)
        return st;
    uint8_t *p = checked_aligned(s->len, 1); /* no slack behind the section */
    if (!p)
        return cairn_fail(err, CAIRN_ENOMEM, "memory section");
    if (s->len)
        memcpy(p, s->data, s->len);
    free(s->data);
    s->data = p;
    s->cap = s->len;
    return CAIRN_OK;
}

static inline bool memory_find(void *ctx, const char *name, const uint8_t **data, size_t *len)
{
    const memory_sections *m = ctx;

    for (size_t i = 0; i < m->n; i++)
        if (strcmp(m->at[i].name, name) == 0) {
            *data = m->at[i].data;
            *len = m->at[i].len;
            return true;
        }
    return false;
}

static inline memory_section *memory_get(memory_sections *m, const char *name)
{
    for (size_t i = 0; i < m->n; i++)
        if (strcmp(m->at[i].name, name) == 0)
            return &m->at[i];
    return NULL;
}

static inline section_sink memory_sink(memory_sections *m)
{
    return (section_sink){m, memory_begin, memory_write, memory_end};
}

static inline section_source memory_source(memory_sections *m)
{
    return (section_source){m, memory_find};
}

static inline void memory_clear(memory_sections *m)
{
    for (size_t i = 0; i < m->n; i++)
        free(m->at[i].data);
    memset(m, 0, sizeof *m);
}

/* A reproducible stream of numbers; CAIRN_SEED replays another one. */
static inline uint64_t test_seed(void)
{
    const char *s = getenv("CAIRN_SEED");

    return s && *s ? strtoull(s, NULL, 10) : 20260131;
}

static inline uint64_t test_random(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15u;

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static inline double test_uniform(uint64_t *state)
{
    return (double)(test_random(state) >> 11) * 0x1p-53;
}

#endif
