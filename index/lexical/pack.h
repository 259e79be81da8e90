/* pack.h - the hot loops: unpack a block, score it, pick the candidates. One table a CPU row.
 *
 * Packed numbers are one stream of bits, low bits first: value i of width b is bits i*b .. i*b+b-1.
 * A block is up to eight groups of 16 values; each has its own width and takes exactly 2 * width
 * bytes, so that a group starts on a byte and lies in one 64-byte load. The scalar row is the
 * definition; tests hold the others to it bit for bit, scores included (no fused multiply-add, one
 * division, round to nearest even).
 *
 * Arrays of the kernels are 64-byte aligned; packed input is not, and 64 bytes may be read from
 * where a group starts. */
#ifndef CAIRN_INDEX_LEXICAL_PACK_H
#define CAIRN_INDEX_LEXICAL_PACK_H

#include <math.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cpu.h"
#include "index/lexical/format.h"

#define PACK_N     128
#define PACK_GROUP 16

typedef struct pack_score {
    const uint8_t *codes; /* length code of each row; three more bytes readable */
    float w;              /* upper limit of the score, in units of the integer sum */
    float k0, k1;         /* K = k0 + k1 * length_value(codes[row]) */
} pack_score;

/* The score of one posting: what `score` below does to each. */
static inline int32_t pack_score_one(const pack_score *s, uint32_t doc, float tf)
{
    float k = s->k0 + s->k1 * (float)(int32_t)length_value(s->codes[doc]);
    long v = lrintf(s->w * tf / (tf + k));
    return tf > 0 ? (int32_t)(v < 1 ? 1 : v) : 0;
}

typedef struct pack_kernels {
    const char *name;
    /* n_groups * 16 values, `add` added to each. widths: a byte a group from the lowest up, 0..32.
     */
    void (*unpack)(const uint8_t *src, uint64_t widths, size_t n_groups, uint32_t add,
                   uint32_t *dst);
    /* The same of gaps: dst[i] = prev + 1 + gap 0 + ... + 1 + gap i, modulo 2^32. */
    void (*unpack_docs)(const uint8_t *src, uint64_t widths, size_t n_groups, uint32_t prev,
                        uint32_t *dst);
    /* tf[i] = (add ? tf[i] : 0) + w * src[i], i < 128 */
    void (*weigh)(const uint32_t *src, float w, int add, float *tf);
    /* out[i] = tf[i] > 0 ? max(1, round(w * tf[i] / (tf[i] + K of docs[i]))) : 0. n is rounded up
     * to a multiple of 16: the inputs must be valid up to there. */
    void (*score)(const pack_score *s, const uint32_t *docs, const float *tf, size_t n,
                  int32_t *out);
    /* Take out the sums above `floor`: idx gets their i < n (n a multiple of 16, at most 65536),
     * ascending, and value the sums; all sums become 0. Returns how many. idx and value have room
     * for n + 16. */
    size_t (*above)(int32_t *sums, size_t n, int32_t floor, uint16_t *idx, int32_t *value);
    /* The same of the sums that are marked, a bit for 16 of them, 1024 for each of n marks. The
     * marks become 0, too. */
    size_t (*above_marked)(int32_t *sums, uint64_t *marks, size_t n, int32_t floor, uint16_t *idx,
                           int32_t *value);
} pack_kernels;

const pack_kernels *pack_get(void);           /* by cpu_level_get() */
const pack_kernels *pack_at(cpu_level level); /* for tests; level <= cpu_level_max() */

extern const pack_kernels pack_scalar, pack_avx2, pack_avx512;

/* Bytes of n values. */
static inline size_t pack_bytes(size_t n, unsigned bits)
{
    return (n * bits + 7) / 8;
}
/* Write n values of width bits (0..32) at dst, which has pack_bytes + 8 bytes of room, the 8
 * scratch. */
void pack_write(const uint32_t *v, size_t n, unsigned bits, uint8_t *dst);
/* The value of width bits (0..32) at bit `at`; may read 8 bytes from where it starts. */
static inline uint32_t pack_read(const uint8_t *src, size_t at, unsigned bits)
{
    uint64_t v;
    __builtin_memcpy(&v, src + at / 8, 8);
    return (uint32_t)(v >> (at & 7) & ((1ull << bits) - 1));
}

/* Of sixteen values of one width: the 32-bit word each begins in, and the bit of that word. */
typedef struct pack_places {
    uint32_t word[PACK_GROUP], shift[PACK_GROUP];
} pack_places;
extern const pack_places *pack_places_of; /* [33], set by pack_get */

#endif
