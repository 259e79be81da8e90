/* text_memo.c - see text_memo.h. Sets of four, chosen by the hash: no list to keep, and what is not
 * asked for goes. 512 vectors of 384 numbers take 0.8 MB. */
#include "engine/text_memo.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "base/checked.h"

#define SETS 128u
#define WAYS 4u

typedef struct slot {
    XXH128_hash_t hash;
    uint64_t used; /* 0: empty */
} slot;

struct text_memo {
    size_t dim;
    uint64_t now;
    slot slots[SETS * WAYS];
    float *vectors; /* [SETS * WAYS][dim] */
};

text_memo *text_memo_create(size_t dim)
{
    text_memo *m = calloc(1, sizeof *m);
    size_t floats;

    if (!m || !checked_mul(dim, SETS * WAYS, &floats) ||
        !(m->vectors = checked_malloc(floats, sizeof *m->vectors))) {
        free(m);
        return NULL;
    }
    m->dim = dim;
    return m;
}

void text_memo_destroy(text_memo *m)
{
    if (m)
        free(m->vectors);
    free(m);
}

static size_t first_of(XXH128_hash_t hash)
{
    return (size_t)(hash.low64 % SETS) * WAYS;
}

const float *text_memo_find(text_memo *m, const char *text, size_t len)
{
    XXH128_hash_t hash = XXH3_128bits(text, len);

    for (size_t i = first_of(hash), end = i + WAYS; i < end; i++)
        if (m->slots[i].used && XXH128_isEqual(m->slots[i].hash, hash)) {
            m->slots[i].used = ++m->now;
            return m->vectors + i * m->dim;
        }
    return NULL;
}

void text_memo_put(text_memo *m, const char *text, size_t len, const float *vector)
{
    XXH128_hash_t hash = XXH3_128bits(text, len);
    size_t at = first_of(hash);

    for (size_t i = at + 1, end = at + WAYS; i < end; i++)
        if (m->slots[i].used < m->slots[at].used)
            at = i;
    m->slots[at] = (slot){hash, ++m->now};
    memcpy(m->vectors + at * m->dim, vector, m->dim * sizeof *vector);
}
