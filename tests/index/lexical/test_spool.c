/* test_spool.c - what is spooled comes back, from memory and from a file. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "index/lexical/spool.h"
#include "index/lexical/top.h"

/* A sink that checks instead of keeping: byte i of the stream must be i * 7 + i / 251. */
typedef struct checker {
    size_t at, wrong, end;
} checker;

static uint8_t byte_at(size_t i)
{
    return (uint8_t)(i * 7 + i / 251);
}

static cairn_status check_begin(void *ctx, const char *name, cairn_error *err)
{
    (void)ctx, (void)err;
    assert_string_equal(name, "x");
    return CAIRN_OK;
}

static cairn_status check_write(void *ctx, const void *data, size_t n, cairn_error *err)
{
    checker *c = ctx;
    const uint8_t *b = data;
    (void)err;
    for (size_t i = 0; i < n; i++, c->at++)
        c->wrong += b[i] != (c->at < c->end ? byte_at(c->at) : 0);
    return CAIRN_OK;
}

static cairn_status check_end(void *ctx, cairn_error *err)
{
    (void)ctx, (void)err;
    return CAIRN_OK;
}

static void spooled_bytes_come_back(void **state)
{
    static const size_t sizes[] = {0, 1, 1000, (size_t)70 << 20};
    static uint8_t step[1 << 20];
    (void)state;

    for (size_t s = 0; s < 4; s++) {
        checker c = {.end = sizes[s]};
        section_sink sink = {&c, check_begin, check_write, check_end};
        spool sp;
        spool_init(&sp);
        for (size_t at = 0, n; at < sizes[s]; at += n) {
            n = sizes[s] - at < sizeof step - at % 77 ? sizes[s] - at : sizeof step - at % 77;
            for (size_t i = 0; i < n; i++)
                step[i] = byte_at(at + i);
            assert_int_equal(spool_write(&sp, step, n, NULL), CAIRN_OK);
        }
        assert_int_equal(sp.size, sizes[s]);
        assert_true((sp.fd >= 0) == (sizes[s] > (32u << 20)));
        assert_int_equal(spool_emit(&sp, &sink, "x", 64, NULL), CAIRN_OK);
        assert_int_equal(c.at, sizes[s] + 64);
        assert_int_equal(c.wrong, 0);
        spool_clear(&sp);
    }
}

static void a_bad_folder_is_an_error(void **state)
{
    char *chunk = calloc(1, 40u << 20);
    cairn_error err = {0};
    spool sp;
    (void)state;

    setenv("TMPDIR", "/nonexistent", 1);
    spool_init(&sp);
    assert_int_equal(spool_write(&sp, chunk, 40u << 20, &err), CAIRN_EIO);
    assert_non_null(strstr(err.text, "/nonexistent"));
    spool_clear(&sp);
    unsetenv("TMPDIR");
    free(chunk);
}

static int greatest_first(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x < y) - (x > y);
}

/* The best k by heap and by selection, against sorting. */
static void the_best_are_kept(void **state)
{
    enum { N = 5000 };
    static const size_t ks[] = {1, 2, 3, 10, 63, 64, 65, 66, 100, 999, 2500, 4999, 5000, 6000};
    static uint64_t all[N];
    uint64_t x = 88172645463325252u;
    (void)state;

    for (size_t i = 0; i < sizeof ks / sizeof *ks; i++)
        for (int32_t spread = 1; spread < 1 << 20; spread *= 7) {
            top t;
            assert_int_equal(top_init(&t, ks[i], NULL), CAIRN_OK);
            for (uint32_t row = 0; row < N; row++) {
                int32_t score;
                x ^= x << 13;
                x ^= x >> 7;
                x ^= x << 17;
                score = 1 + (int32_t)(x % (uint64_t)spread) + (spread & 1 ? (int32_t)row / 9 : 0);
                all[row] = (uint64_t)(uint32_t)score << 32 | (UINT32_MAX - row);
                top_add(&t, score, row);
            }
            qsort(all, N, sizeof *all, greatest_first);
            top_settle(&t);
            assert_int_equal(t.n, ks[i] < N ? ks[i] : N);
            assert_memory_equal(t.best, all, t.n * sizeof *all);
            top_clear(&t);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(spooled_bytes_come_back),
        cmocka_unit_test(a_bad_folder_is_an_error),
        cmocka_unit_test(the_best_are_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
