/* packed_sections.h - the sections of an index in one file, for golden files and fuzzing.
 *
 * A section is a name of 16 bytes (padded with zeros), its length as uint32 (little-endian), and
 * its bytes; the next one follows at once. Whatever does not fit that shape ends the list. */
#ifndef CAIRN_TESTS_LEXICAL_PACKED_SECTIONS_H
#define CAIRN_TESTS_LEXICAL_PACKED_SECTIONS_H

#include "tests/index/lexical/memory_sections.h"

static inline void packed_read(memory_sections *m, const uint8_t *data, size_t n)
{
    memset(m, 0, sizeof *m);
    while (n >= 20 && m->n < MEMORY_SECTIONS_MAX) {
        char name[16];
        uint32_t len;
        memcpy(name, data, sizeof name);
        name[15] = 0;
        memcpy(&len, data + 16, 4);
        data += 20;
        n -= 20;
        len = len < n ? len : (uint32_t)n;
        memory_begin(m, name, NULL);
        if (memory_write(m, data, len, NULL))
            abort();
        memory_end(m, NULL);
        data += len;
        n -= len;
    }
}

#endif
