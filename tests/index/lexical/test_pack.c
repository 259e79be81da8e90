/* test_pack.c - every row of kernels against the scalar one, bit for bit. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/checked.h"
#include "index/lexical/format.h"
#include "index/lexical/pack.h"

static uint64_t x = 88172645463325252u;

static uint64_t next_random(void)
{
    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    return x;
}

static void rows_unpack_alike(void **state)
{
    uint32_t v[PACK_N], *a = checked_aligned(PACK_N, 4), *b = checked_aligned(PACK_N, 4);
    (void)state;

    for (size_t round = 0; round < 3000; round++) {
        size_t shift = next_random() % 64, n_groups = 1 + next_random() % 8, at = 0;
        unsigned most = (unsigned)(next_random() % 33);
        uint8_t *mem, *src;
        uint64_t widths = 0;
        uint32_t prev = round % 5 ? (uint32_t)next_random() : UINT32_MAX;
        uint32_t add = (uint32_t)next_random() % 2;
        for (size_t g = 0; g < n_groups; g++)
            widths |= next_random() % (most + 1) << 8 * g;
        mem = malloc(shift + 8 * 64 + 64);
        src = mem + shift;
        memset(mem, 0xA5, shift + 8 * 64 + 64);
        for (size_t g = 0; g < n_groups; g++) {
            unsigned bits = widths >> 8 * g & 0xFF;
            for (size_t i = 16 * g; i < 16 * g + 16; i++)
                v[i] = (uint32_t)(next_random() & ((1ull << bits) - 1));
            pack_write(v + 16 * g, 16, bits, src + at);
            at += 2 * bits;
        }
        /* A block of its own size and the 64 bytes that may be read. */
        src = memcpy(malloc(at + 64), src, at);
        memset(src + at, 0x5A, 64);
        pack_scalar.unpack(src, widths, n_groups, add, a);
        for (size_t i = 0; i < 16 * n_groups; i++)
            assert_int_equal(a[i], v[i] + add);
        for (cpu_level l = CPU_AVX2; l <= cpu_level_max(); l++) {
            pack_scalar.unpack(src, widths, n_groups, add, a);
            pack_at(l)->unpack(src, widths, n_groups, add, b);
            assert_memory_equal(a, b, 64 * n_groups);
            pack_scalar.unpack_docs(src, widths, n_groups, prev, a);
            pack_at(l)->unpack_docs(src, widths, n_groups, prev, b);
            assert_memory_equal(a, b, 64 * n_groups);
        }
        free(src);
        free(mem);
    }
    free(a);
    free(b);
}

static void rows_score_alike(void **state)
{
    enum { ROWS = 1000 };
    uint8_t *codes = checked_aligned(ROWS + 3, 1);
    float *tf = checked_aligned(PACK_N, 4);
    float *tf2 = checked_aligned(PACK_N, 4);
    uint32_t *docs = checked_aligned(PACK_N, 4), *src = checked_aligned(PACK_N, 4);
    int32_t *a = checked_aligned(PACK_N, 4), *b = checked_aligned(PACK_N, 4);
    (void)state;

    for (size_t i = 0; i < ROWS; i++)
        codes[i] = (uint8_t)next_random();
    for (size_t round = 0; round < 500; round++) {
        pack_score s = {codes, (float)(next_random() % 0x20000000), 0.3f,
                        (float)(next_random() % 1000) / 50000};
        size_t n = 1 + next_random() % PACK_N, padded = (n + 15) & ~(size_t)15;
        for (size_t i = 0; i < PACK_N; i++) {
            docs[i] = (uint32_t)(next_random() % ROWS);
            src[i] = (uint32_t)(next_random() % (round % 2 ? 4 : 70000));
        }
        for (cpu_level l = CPU_SCALAR; l <= cpu_level_max(); l++) {
            const pack_kernels *k = pack_at(l);
            pack_scalar.weigh(src, 0.7f, 0, tf);
            pack_scalar.weigh(src, 0.1f, 1, tf);
            k->weigh(src, 0.7f, 0, tf2);
            k->weigh(src, 0.1f, 1, tf2);
            assert_memory_equal(tf, tf2, PACK_N * 4);
            pack_scalar.score(&s, docs, tf, n, a);
            k->score(&s, docs, tf, n, b);
            assert_memory_equal(a, b, padded * 4);
            assert_int_equal(pack_score_one(&s, docs[0], tf[0]), a[0]);
        }
    }
    free(codes);
    free(tf);
    free(tf2);
    free(docs);
    free(src);
    free(a);
    free(b);
}

/* Marked groups of 16 sums are taken, the others stay. */
static void pick_marked(const pack_kernels *k, int32_t *sums, int32_t *copy, size_t n, int32_t *u,
                        int32_t *v)
{
    static uint16_t a[4096 + 16], b[4096 + 16];
    uint64_t marks[4] = {0}, same[4];
    size_t n_a, n_b;

    for (size_t i = 0; i < n; i++) {
        sums[i] = copy[i] = 1 + (int32_t)(next_random() % 3);
        if (next_random() % 40 == 0)
            marks[i >> 10] |= 1ull << (i >> 4 & 63);
    }
    memcpy(same, marks, sizeof marks);
    n_a = pack_scalar.above_marked(sums, marks, (n + 1023) / 1024, 1, a, u);
    memcpy(marks, same, sizeof marks);
    n_b = k->above_marked(copy, marks, (n + 1023) / 1024, 1, b, v);
    assert_int_equal(n_a, n_b);
    assert_memory_equal(a, b, n_a * 2);
    assert_memory_equal(u, v, n_a * 4);
    assert_memory_equal(sums, copy, n * 4);
    for (size_t i = 0; i < n; i++)
        assert_int_equal(sums[i] == 0, same[i >> 10] >> (i >> 4 & 63) & 1);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(marks[i], 0);
}

static void rows_pick_alike(void **state)
{
    enum { N = 4096 };
    int32_t *sums = checked_aligned(N, 4), *copy = checked_aligned(N, 4);
    uint16_t *a = checked_aligned(N + 16, 2), *b = checked_aligned(N + 16, 2);
    int32_t *u = checked_aligned(N + 16, 4), *v = checked_aligned(N + 16, 4);
    (void)state;

    for (size_t round = 0; round < 100; round++) {
        size_t n = 16 * (1 + next_random() % (N / 16)), n_a, n_b;
        for (cpu_level l = CPU_AVX2; l <= cpu_level_max(); l++) {
            for (size_t i = 0; i < n; i++)
                sums[i] = copy[i] = (int32_t)(next_random() % (round % 3 ? 3 : 1000));
            n_a = pack_scalar.above(sums, n, 1, a, u);
            n_b = pack_at(l)->above(copy, n, 1, b, v);
            assert_int_equal(n_a, n_b);
            assert_memory_equal(a, b, n_a * 2);
            assert_memory_equal(u, v, n_a * 4);
            assert_memory_equal(sums, copy, n * 4);
            for (size_t i = 0; i < n; i++)
                assert_int_equal(sums[i], 0);
            pick_marked(pack_at(l), sums, copy, n, u, v);
        }
    }
    free(sums);
    free(copy);
    free(a);
    free(b);
    free(u);
    free(v);
}

static void lengths_fit_a_byte(void **state)
{
    uint32_t before = 0;
    (void)state;

    for (unsigned c = 0; c < 250; c++) {
        uint32_t v = length_value((uint8_t)c);
        if (c <= 40)
            assert_int_equal(v, c);
        if (v < 1u << 30)
            assert_int_equal(length_code(v), c);
        assert_true(c == 0 || v > before);
        if (c && v < 1u << 30) {
            assert_int_equal(length_code(v - 1), c - 1);
            assert_int_equal(length_most((uint8_t)(c - 1)), v - 1);
        }
        before = v;
    }
    for (uint32_t v = 0; v < 100000; v++) {
        assert_true(length_value(length_code(v)) <= v);
        assert_true((double)length_value(length_code(v)) >= 0.875 * v - 1);
    }
    assert_true(length_value(length_code(UINT32_MAX)) <= 1u << 30);
}

static void single_values_read_back(void **state)
{
    (void)state;
    for (unsigned bits = 1; bits <= 32; bits++) {
        uint32_t v[100];
        uint8_t *p = malloc(pack_bytes(100, bits) + 8);
        for (size_t i = 0; i < 100; i++)
            v[i] = (uint32_t)(next_random() & ((1ull << bits) - 1));
        pack_write(v, 100, bits, p);
        for (size_t i = 0; i < 100; i++)
            assert_int_equal(pack_read(p, i * bits, bits), v[i]);
        free(p);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_unpack_alike),       cmocka_unit_test(rows_score_alike),
        cmocka_unit_test(rows_pick_alike),         cmocka_unit_test(lengths_fit_a_byte),
        cmocka_unit_test(single_values_read_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
