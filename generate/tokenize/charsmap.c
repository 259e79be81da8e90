/* charsmap.c - see charsmap.h. */
#include "generate/tokenize/charsmap.h"

#include <string.h>

#define LEAF UINT32_C(0x80000000)

static uint32_t read_u32(const uint8_t *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

bool charsmap_open(charsmap *m, const uint8_t *data, size_t len)
{
    size_t trie = len >= 4 ? read_u32(data) : 0;

    *m = (charsmap){0};
    if (!len)
        return true;
    if (len < 4 || trie % 4 || !trie || trie > len - 4 || trie == len - 4 || data[len - 1])
        return false;
    *m = (charsmap){data + 4, trie / 4, (const char *)data + 4 + trie, len - 4 - trie};
    return true;
}

/* Where the children of a unit are, relative to it. */
static uint32_t offset_of(uint32_t unit)
{
    return (unit >> 10 & 0x1FFFFF) << (unit & 1u << 9 ? 8 : 0);
}

/* The runs of the map at the front of s[0, len), the shortest first; *to is the last one's, or the first one's. */
static size_t walk(const charsmap *m, const char *s, size_t len, bool first, const char **to, size_t *to_len)
{
    size_t best = 0, at = 0;
    uint32_t unit;

    if (!m->n_units)
        return 0;
    unit = read_u32(m->units);
    at ^= offset_of(unit);
    for (size_t i = 0; i < len && s[i]; i++) { /* units that hold nothing look like a NUL's */
        at ^= (uint8_t)s[i];
        if (at >= m->n_units)
            break;
        unit = read_u32(m->units + 4 * at);
        if ((unit & (LEAF | 0xFF)) != (uint8_t)s[i]) /* another byte's, or a leaf */
            break;
        at ^= offset_of(unit);
        if (unit >> 8 & 1) {
            uint32_t leaf = at < m->n_units ? read_u32(m->units + 4 * at) : 0;
            size_t value = leaf & ~LEAF;
            if (!(leaf & LEAF) || value >= m->texts_len)
                break;
            best = i + 1;
            *to = m->texts + value;
            *to_len = strlen(*to); /* the last byte of all is a NUL */
            if (first)
                break;
        }
    }
    return best;
}

size_t charsmap_longest(const charsmap *m, const char *s, size_t len, const char **to, size_t *to_len)
{
    return walk(m, s, len, false, to, to_len);
}

size_t charsmap_shortest(const charsmap *m, const char *s, size_t len, const char **to, size_t *to_len)
{
    return walk(m, s, len, true, to, to_len);
}
