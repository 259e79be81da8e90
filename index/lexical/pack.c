/* pack.c - the scalar row of the kernels, the writer, and the choice of a row. */
#include "index/lexical/pack.h"

#include <math.h>
#include <pthread.h>
#include <string.h>

#include "index/lexical/format.h"

static void unpack_scalar(const uint8_t *src, unsigned bits, uint32_t *dst)
{
    if (!bits) {
        memset(dst, 0, PACK_N * sizeof *dst);
        return;
    }
    for (size_t i = 0; i < PACK_N; i++)
        dst[i] = pack_read(src, i, bits);
}

static void unpack_docs_scalar(const uint8_t *src, unsigned bits, uint32_t prev, uint32_t *dst)
{
    unpack_scalar(src, bits, dst);
    for (size_t i = 0; i < PACK_N; i++) {
        prev += dst[i] + 1;
        dst[i] = prev;
    }
}

static void weigh_scalar(const uint32_t *src, float w, int add, float *tf)
{
    for (size_t i = 0; i < PACK_N; i++)
        tf[i] = (add ? tf[i] : 0.0f) + w * (float)(int32_t)src[i];
}

static void score_scalar(const pack_score *s, const uint32_t *docs, const float *tf, size_t n,
                         int32_t *out)
{
    n = (n + 15) & ~(size_t)15;
    for (size_t i = 0; i < n; i++) {
        float k = s->k0 + s->k1 * s->lengths[docs[i]];
        long v = lrintf(s->w * tf[i] / (tf[i] + k));
        out[i] = tf[i] > 0 ? (int32_t)(v < 1 ? 1 : v) : 0;
    }
}

static size_t above_scalar(int32_t *sums, size_t n, int32_t floor, uint16_t *idx, int32_t *value)
{
    size_t out = 0;
    for (size_t i = 0; i < n; i++) {
        idx[out] = (uint16_t)i;
        value[out] = sums[i];
        out += sums[i] > floor;
        sums[i] = 0;
    }
    return out;
}

const pack_kernels pack_scalar = {
    "scalar", unpack_scalar, unpack_docs_scalar, weigh_scalar, score_scalar, above_scalar,
};

void pack_write(const uint32_t *v, size_t n, unsigned bits, uint8_t *dst)
{
    uint64_t acc = 0;
    unsigned have = 0;

    if (!bits)
        return;
    for (size_t i = 0; i < n; i++) {
        acc |= (uint64_t)v[i] << have;
        have += bits;
        while (have >= 8) {
            *dst++ = (uint8_t)acc;
            acc >>= 8;
            have -= 8;
        }
    }
    if (have)
        *dst = (uint8_t)acc;
}

static float lengths[256];
const float *pack_lengths = lengths;
static pack_shuffle shuffles[PACK_BITS_MAX + 1][2];
const pack_shuffle (*pack_shuffles)[2] = (const pack_shuffle (*)[2])shuffles;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void make_tables(void)
{
    for (unsigned code = 0; code < 256; code++)
        lengths[code] = (float)length_value((uint8_t)code);
    for (unsigned bits = 0; bits <= PACK_BITS_MAX; bits++)
        for (unsigned half = 0; half < 2; half++)
            for (unsigned i = 0; i < 4; i++) {
                unsigned bit = half * 4 + i * bits;
                for (unsigned j = 0; j < 4; j++)
                    shuffles[bits][half].byte[4 * i + j] = (uint8_t)(bit / 8 + j);
                shuffles[bits][half].shift[i] = bit % 8;
            }
}

const pack_kernels *pack_at(cpu_level level)
{
    pthread_once(&once, make_tables);
    switch (level) {
    case CPU_AVX512:
        return &pack_avx512;
    case CPU_AVX2:
        return &pack_avx2;
    default:
        return &pack_scalar;
    }
}

const pack_kernels *pack_get(void)
{
    return pack_at(cpu_level_get());
}
