/* memory_sections.h - a section sink and source in memory, for tests. Each section becomes its own
 * heap block of exactly its size (64-byte aligned), so that ASan sees a read one byte too far. */
#ifndef CAIRN_TESTS_MEMORY_SECTIONS_H
#define CAIRN_TESTS_MEMORY_SECTIONS_H

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/sections.h"

#define MEMORY_SECTIONS_MAX 16

typedef struct memory_sections {
    char name[MEMORY_SECTIONS_MAX][SECTION_NAME_MAX + 1];
    uint8_t *data[MEMORY_SECTIONS_MAX];
    size_t len[MEMORY_SECTIONS_MAX];
    size_t n;
    bytes open;
} memory_sections;

static inline cairn_status memory_begin(void *ctx, const char *name, cairn_error *err)
{
    memory_sections *m = ctx;
    (void)err;
    if (m->n == MEMORY_SECTIONS_MAX)
        abort();
    strcpy(m->name[m->n], name);
    bytes_init(&m->open, (size_t)8 << 30);
    return CAIRN_OK;
}

static inline cairn_status memory_write(void *ctx, const void *data, size_t n, cairn_error *err)
{
    memory_sections *m = ctx;
    (void)err;
    return bytes_append(&m->open, data, n);
}

static inline cairn_status memory_end(void *ctx, cairn_error *err)
{
    memory_sections *m = ctx;
    void *p = NULL;
    (void)err;
    m->len[m->n] = m->open.len;
    if (posix_memalign(&p, 64, m->open.len ? m->open.len : 1))
        abort();
    if (m->open.len)
        memcpy(p, m->open.data, m->open.len);
    m->data[m->n++] = p;
    bytes_clear(&m->open);
    return CAIRN_OK;
}

static inline bool memory_find(void *ctx, const char *name, const uint8_t **data, size_t *len)
{
    memory_sections *m = ctx;
    for (size_t i = 0; i < m->n; i++)
        if (!strcmp(m->name[i], name)) {
            *data = m->data[i];
            *len = m->len[i];
            return true;
        }
    return false;
}

static inline section_sink memory_sink(memory_sections *m)
{
    return (section_sink){m, memory_begin, memory_write, memory_end};
}

static inline section_source memory_source(memory_sections *m)
{
    return (section_source){m, memory_find};
}

static inline size_t memory_bytes(const memory_sections *m)
{
    size_t sum = 0;
    for (size_t i = 0; i < m->n; i++)
        sum += m->len[i];
    return sum;
}

static inline void memory_clear(memory_sections *m)
{
    for (size_t i = 0; i < m->n; i++)
        free(m->data[i]);
    bytes_clear(&m->open);
    memset(m, 0, sizeof *m);
}

#endif
