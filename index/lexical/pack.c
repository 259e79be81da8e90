/* pack.c - the scalar row of the kernels, the writer, and the choice of a row. */
#include "index/lexical/pack.h"

#include <pthread.h>
#include <string.h>

static void unpack_scalar(const uint8_t *src, uint64_t widths, size_t n_groups, uint32_t add,
                          uint32_t *dst)
{
    for (size_t g = 0; g < n_groups; g++, widths >>= 8) {
        unsigned bits = widths & 0xFF;
        for (size_t i = 0; i < PACK_GROUP; i++)
            *dst++ = pack_read(src, i * bits, bits) + add;
        src += (size_t)2 * bits;
    }
}

static void unpack_docs_scalar(const uint8_t *src, uint64_t widths, size_t n_groups, uint32_t prev,
                               uint32_t *dst)
{
    unpack_scalar(src, widths, n_groups, 1, dst);
    for (size_t i = 0; i < n_groups * PACK_GROUP; i++)
        prev = dst[i] += prev;
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
    for (size_t i = 0; i < n; i++)
        out[i] = pack_score_one(s, docs[i], tf[i]);
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

static size_t above_marked_scalar(int32_t *sums, uint64_t *marks, size_t n, int32_t floor,
                                  uint16_t *idx, int32_t *value)
{
    size_t out = 0;
    for (size_t w = 0; w < n; w++) {
        for (uint64_t m = marks[w]; m; m &= m - 1) {
            size_t at = w << 10 | (size_t)__builtin_ctzll(m) << 4;
            for (size_t i = at; i < at + 16; i++) {
                idx[out] = (uint16_t)i;
                value[out] = sums[i];
                out += sums[i] > floor;
                sums[i] = 0;
            }
        }
        marks[w] = 0;
    }
    return out;
}

const pack_kernels pack_scalar = {
    "scalar",     unpack_scalar, unpack_docs_scalar,  weigh_scalar,
    score_scalar, above_scalar,  above_marked_scalar,
};

void pack_write(const uint32_t *v, size_t n, unsigned bits, uint8_t *dst)
{
    uint64_t acc = 0;
    unsigned have = 0;

    for (size_t i = 0; i < n; i++) {
        acc |= (uint64_t)v[i] << have;
        have += bits;
        if (have >= 32) {
            memcpy(dst, &acc, 4);
            dst += 4;
            acc >>= 32;
            have -= 32;
        }
    }
    memcpy(dst, &acc, 8);
}

static pack_places places[33];
const pack_places *pack_places_of = places;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void make_tables(void)
{
    for (unsigned bits = 0; bits <= 32; bits++)
        for (unsigned i = 0; i < PACK_GROUP; i++) {
            places[bits].word[i] = i * bits / 32;
            places[bits].shift[i] = i * bits % 32;
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
