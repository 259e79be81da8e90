/* pack.h - the hot loops: unpack a block, score it, pick the candidates. One table a CPU row.
 *
 * Packed numbers are one stream of bits, low bits first: value i of width b is bits i*b .. i*b+b-1.
 * 128 values take exactly 16 * b bytes, and eight values start on a byte whatever b is, which is
 * what the SIMD rows stand on. The scalar row is the definition; tests hold the others to it bit
 * for bit, scores included (no fused multiply-add, one division, round to nearest even).
 *
 * Arrays of the kernels are 64-byte aligned; packed input is not. */
#ifndef CAIRN_INDEX_LEXICAL_PACK_H
#define CAIRN_INDEX_LEXICAL_PACK_H

#include <stddef.h>
#include <stdint.h>

#include "base/cpu.h"

#define PACK_N        128
#define PACK_BITS_MAX 24 /* for unpack and unpack_docs */

typedef struct pack_score {
    const float *lengths; /* weighted length of each row */
    float w;              /* upper limit of the score, in units of the integer sum */
    float k0, k1;         /* K = k0 + k1 * lengths[row] */
} pack_score;

typedef struct pack_kernels {
    const char *name;
    /* 128 values of `bits` <= PACK_BITS_MAX. May read 16 bytes past the packed bytes. */
    void (*unpack)(const uint8_t *src, unsigned bits, uint32_t *dst);
    /* The same of gaps: dst[i] = prev + 1 + gap 0 + ... + 1 + gap i, modulo 2^32. */
    void (*unpack_docs)(const uint8_t *src, unsigned bits, uint32_t prev, uint32_t *dst);
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
} pack_kernels;

const pack_kernels *pack_get(void);           /* by cpu_level_get() */
const pack_kernels *pack_at(cpu_level level); /* for tests; level <= cpu_level_max() */

extern const pack_kernels pack_scalar, pack_avx2, pack_avx512;

/* Bytes of n values. */
static inline size_t pack_bytes(size_t n, unsigned bits)
{
    return (n * bits + 7) / 8;
}
/* Append n values of width bits (0..32) at dst, which has pack_bytes + 8 bytes of room, the 8
 * scratch. */
void pack_write(const uint32_t *v, size_t n, unsigned bits, uint8_t *dst);
/* Value i; may read 8 bytes from where it starts. bits 0..32. */
static inline uint32_t pack_read(const uint8_t *src, size_t i, unsigned bits)
{
    size_t bit = i * bits;
    uint64_t v;
    __builtin_memcpy(&v, src + bit / 8, 8);
    return (uint32_t)(v >> (bit & 7) & ((1ull << bits) - 1));
}

/* length_value() of each code, as floats; set by pack_get. */
extern const float *pack_lengths;

/* Shuffles and shifts for four values: [bits][0 or 4 bits into the first byte]. */
typedef struct pack_shuffle {
    uint8_t byte[16];
    uint32_t shift[4];
} pack_shuffle;
extern const pack_shuffle (*pack_shuffles)[2]; /* [PACK_BITS_MAX + 1], set by pack_get */

#endif
