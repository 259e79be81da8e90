/* packed_sections.h - sections of a segment in one file, for golden files and fuzzing.
 *
 * A section is a name of 16 bytes (padded with zeros), its length as uint32 (little-endian), and
 * its bytes; the next one follows at once. Whatever does not fit that shape ends the list. */
#ifndef CAIRN_TESTS_PACKED_SECTIONS_H
#define CAIRN_TESTS_PACKED_SECTIONS_H

#include <stdio.h>

#include "tests/index/vector/memory_sections.h"

static inline void packed_read(memory_sections *m, const uint8_t *data, size_t n)
{
    memset(m, 0, sizeof *m);
    while (n >= 20 && m->n < sizeof m->at / sizeof *m->at) {
        memory_section *s = &m->at[m->n];
        uint32_t len;

        memcpy(s->name, data, SECTION_NAME_MAX);
        memcpy(&len, data + 16, 4);
        data += 20;
        n -= 20;
        if (len > n)
            len = (uint32_t)n;
        s->data = checked_aligned(len, 1);
        if (!s->data)
            return;
        if (len)
            memcpy(s->data, data, len);
        s->len = s->cap = len;
        data += len;
        n -= len;
        m->n++;
    }
}

static inline int packed_write(const memory_sections *m, FILE *f)
{
    for (size_t i = 0; i < m->n; i++) {
        char name[16] = "";
        uint32_t len = (uint32_t)m->at[i].len;

        memcpy(name, m->at[i].name, strlen(m->at[i].name));
        if (fwrite(name, 1, 16, f) != 16 || fwrite(&len, 4, 1, f) != 1 ||
            fwrite(m->at[i].data, 1, len, f) != len)
            return -1;
    }
    return 0;
}

#endif
