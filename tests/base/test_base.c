/* test_base.c - the ground floor: codecs against their definitions, bounds against broken input,
 * the pool against a plain loop. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "base/arena.h"
#include "base/base64.h"
#include "base/bytes.h"
#include "base/checked.h"
#include "base/clock.h"
#include "base/cpu.h"
#include "base/cursor.h"
#include "base/log.h"
#include "base/pace.h"
#include "base/pool.h"
#include "base/priority.h"
#include "base/status.h"
#include "base/utf8.h"
#include "base/varint.h"

static void error_text_is_printable_and_whole(void **state)
{
    cairn_error err;
    char big[2000];

    assert_int_equal(cairn_fail(&err, CAIRN_EINPUT, "bad \x1b[31m%s", "file\nname"), CAIRN_EINPUT);
    assert_string_equal(err.text, "bad ?[31mfile?name");
    memset(big, 'a', sizeof big);
    big[sizeof err.text - 2] = '\xC3'; /* a two-byte character across the cut */
    big[sizeof err.text - 1] = '\xA9';
    big[sizeof big - 1] = '\0';
    cairn_fail(&err, CAIRN_EINPUT, "%s", big);
    assert_int_equal(strlen(err.text), sizeof err.text - 2);
    cairn_fail(&err, CAIRN_EIO, "inner");
    assert_int_equal(cairn_error_prefix(&err, "outer %d", 7), CAIRN_EIO);
    assert_string_equal(err.text, "outer 7: inner");
    assert_int_equal(cairn_fail_errno(&err, ENOSPC, "write x"), CAIRN_EFULL);
    assert_non_null(strstr(err.text, "write x: "));
    assert_int_equal(cairn_fail(NULL, CAIRN_EIO, "ignored"), CAIRN_EIO);
}

static void sizes_do_not_wrap(void **state)
{
    size_t out = 5;

    assert_false(checked_mul(SIZE_MAX, 2, &out));
    assert_false(checked_add(SIZE_MAX, 1, &out));
    assert_int_equal(out, 5);
    assert_true(checked_mul(3, 4, &out));
    assert_int_equal(out, 12);
    assert_null(checked_malloc(SIZE_MAX / 2, 3));
    assert_null(checked_aligned(SIZE_MAX, 1));
    assert_null(checked_large(SIZE_MAX, 1));
    assert_null(checked_large(SIZE_MAX / 2, 3));
    for (size_t n = 1; n < 32u << 20; n *= 7) { /* below and above the size of large pages */
        unsigned char *large = checked_large(n, 1);
        assert_non_null(large);
        assert_int_equal((uintptr_t)large % 64, 0);
        large[0] = large[n - 1] = 1;
        free(large);
    }
}

static void arena_keeps_its_maximum(void **state)
{
    arena a;
    char *s;

    arena_init(&a, 100000);
    assert_null(arena_alloc(&a, 100001));
    assert_null(arena_calloc(&a, SIZE_MAX, 2));
    for (int i = 0; i < 1000; i++) {
        void *p = arena_alloc(&a, 33);
        assert_non_null(p);
        assert_int_equal((uintptr_t)p % 16, 0);
        memset(p, i, 33);
    }
    assert_non_null(arena_alloc(&a, 50000)); /* larger than a block */
    arena_reset(&a);
    assert_int_equal(a.used, 0);
    s = arena_printf(&a, "%d-%s", 12, "x");
    assert_string_equal(s, "12-x");
    assert_string_equal(arena_strndup(&a, "abcdef", 3), "abc");
    arena_clear(&a);
}

static void bytes_keep_their_maximum(void **state)
{
    bytes b;
    size_t len;
    char *p;

    bytes_init(&b, 10);
    assert_int_equal(bytes_append_str(&b, "12345"), CAIRN_OK);
    assert_int_equal(bytes_append_str(&b, "678901"), CAIRN_ELIMIT);
    assert_string_equal(b.data, "12345");
    assert_int_equal(bytes_append_str(&b, "67890"), CAIRN_OK);
    assert_int_equal(bytes_append_byte(&b, 1), CAIRN_ELIMIT);
    p = bytes_detach(&b, &len);
    assert_string_equal(p, "1234567890");
    assert_int_equal(len, 10);
    free(p);
    bytes_init(&b, SIZE_MAX);
    assert_int_equal(bytes_append_u32(&b, 0x01020304), CAIRN_OK);
    assert_int_equal(bytes_append_u64(&b, 0x1122334455667788), CAIRN_OK);
    assert_int_equal(bytes_append_f32(&b, 1.5f), CAIRN_OK);
    assert_memory_equal(b.data, "\x04\x03\x02\x01\x88\x77\x66\x55\x44\x33\x22\x11\x00\x00\xc0\x3f",
                        16);
    bytes_reset(&b);
    assert_int_equal(bytes_printf(&b, "%05d", 42), CAIRN_OK);
    assert_string_equal(b.data, "00042");
    bytes_clear(&b);
}

static void cursor_stops_at_the_end(void **state)
{
    /* A heap copy of exactly this size lets ASan see a read one byte too far. */
    uint8_t *m = malloc(7);
    cursor c;

    memcpy(m, "\x01\x02\x03\x04\x05\x06\x07", 7);
    cursor_init(&c, m, 7);
    assert_int_equal(cursor_u32(&c), 0x04030201);
    assert_int_equal(cursor_u32(&c), 0);
    assert_true(c.failed);
    assert_int_equal(cursor_u8(&c), 0); /* failed stays failed */
    cursor_init(&c, m, 7);
    assert_null(cursor_take(&c, UINT64_MAX));
    cursor_init(&c, m, 7);
    cursor_seek(&c, 8);
    assert_true(c.failed);
    cursor_init(&c, m, 7);
    cursor_seek(&c, 7);
    assert_false(c.failed);
    assert_int_equal(cursor_left(&c), 0);
    cursor_init(&c, NULL, 0);
    assert_non_null(cursor_take(&c, 0));
    free(m);
}

static void varints_round_trip_and_refuse(void **state)
{
    static const struct {
        size_t len;
        uint8_t bytes[12];
    } refused[] = {
        {0, {0}},
        {1, {0x80}},
        {10, {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02}},
        {11, {0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01}},
    };
    for (unsigned shift = 0; shift < 64; shift++) {
        uint64_t vs[2] = {(uint64_t)1 << shift, ((uint64_t)1 << shift) - 1};
        for (int i = 0; i < 2; i++) {
            uint8_t buf[VARINT_MAX_BYTES];
            uint64_t back = 0;
            size_t n = varint_encode(buf, vs[i]);
            assert_int_equal(varint_decode(buf, buf + n, &back), n);
            assert_true(back == vs[i]);
            assert_true(zigzag_decode(zigzag_encode((int64_t)vs[i])) == (int64_t)vs[i]);
        }
    }
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        uint64_t v;
        cursor c;
        assert_int_equal(varint_decode(refused[i].bytes, refused[i].bytes + refused[i].len, &v), 0);
        cursor_init(&c, refused[i].bytes, refused[i].len);
        cursor_varint(&c);
        assert_true(c.failed);
    }
}

static void utf8_follows_the_standard(void **state)
{
    /* Unicode 15, table 3-8: maximal subparts. */
    static const char broken[] = "\x61\xF1\x80\x80\xE1\x80\xC2\x62\x80\x63\x80\xBF\x64";
    static const char *const invalid[] = {"\xC0\xAF",         "\xED\xA0\x80", "\xF4\x90\x80\x80",
                                          "\xE0\x80\x80",     "\xFF",         "\xF5\x80\x80\x80",
                                          "\xF0\x80\x80\x80", "\xC3",         "\xE2\x82"};
    bytes out;

    bytes_init(&out, 1000);
    assert_int_equal(utf8_sanitize(&out, broken, sizeof broken - 1), CAIRN_OK);
    assert_string_equal(out.data, "a\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD"
                                  "b\xEF\xBF\xBD"
                                  "c\xEF\xBF\xBD\xEF\xBF\xBD"
                                  "d");
    bytes_clear(&out);
    for (size_t i = 0; i < sizeof invalid / sizeof *invalid; i++)
        assert_false(utf8_valid(invalid[i], strlen(invalid[i])));
    for (uint32_t cp = 0; cp < 0x110000; cp++) {
        char s[4];
        uint32_t back;
        bool ok;
        size_t n = utf8_encode(cp, s);
        assert_int_equal(utf8_decode(s, n, &back, &ok), n);
        assert_true(ok);
        assert_int_equal(back, cp >= 0xD800 && cp <= 0xDFFF ? UTF8_REPLACEMENT : cp);
        for (size_t cut = 0; cut < n; cut++)
            assert_int_equal(utf8_floor(s, cut), 0);
        assert_int_equal(utf8_floor(s, n), n);
    }
    assert_int_equal(utf8_length("a\xC3\xA9\xFFz", 5), 4);
}

typedef struct loop {
    atomic_int hits[5000];
    pool *p;
} loop;

static void count_task(void *ctx, size_t task, size_t worker)
{
    loop *l = ctx;

    assert_true(worker < pool_threads(l->p));
    atomic_fetch_add(&l->hits[task], 1);
}

static void pool_runs_every_task_once(void **state)
{
    static const size_t sizes[] = {0, 1, 2, 3, 17, 5000};
    loop *l = calloc(1, sizeof *l);

    for (size_t threads = 0; threads < 5; threads++) {
        assert_int_equal(pool_create(&l->p, threads, NULL), CAIRN_OK);
        for (int round = 0; round < 300; round++) {
            size_t n = sizes[(size_t)round % (sizeof sizes / sizeof *sizes)];
            memset(l->hits, 0, sizeof l->hits);
            pool_run(l->p, n, count_task, l);
            for (size_t i = 0; i < 5000; i++)
                assert_int_equal(l->hits[i], i < n ? 1 : 0);
        }
        pool_destroy(l->p);
    }
    free(l);
}

typedef struct slow_worker {
    atomic_int hits[64], others;
    bool slow;
} slow_worker;

static void slow_elsewhere(void *ctx, size_t task, size_t worker)
{
    slow_worker *s = ctx;
    struct timespec pause = {0, 3000000};

    atomic_fetch_add(&s->hits[task], 1);
    if (!worker)
        return;
    atomic_fetch_add(&s->others, 1);
    if (s->slow)
        nanosleep(&pause, NULL);
}

/* Workers that lose their processor in every task: the caller ends up doing calls alone, each task once;
 * and when they are well again, they are asked again. */
static void pool_does_without_workers_that_hold_it_up(void **state)
{
    slow_worker *s = calloc(1, sizeof *s);
    pool *p;
    int alone = 0;
    (void)state;
    assert_int_equal(pool_create(&p, 3, NULL), CAIRN_OK);
    s->slow = true;
    /* Calls to which a worker comes take milliseconds, so this ends: fifty in a row without one. */
    for (int call = 0; alone < 50; call++) {
        memset(s->hits, 0, sizeof s->hits);
        atomic_store(&s->others, 0);
        pool_run(p, 64, slow_elsewhere, s);
        for (size_t i = 0; i < 64; i++)
            assert_int_equal(s->hits[i], 1);
        alone = atomic_load(&s->others) ? 0 : alone + 1;
        assert_true(call < 100000);
    }
    /* A call that begins alone and is long enough goes on together: each task once, too. */
    s->slow = false;
    for (int call = 0; call < 2000; call++) {
        memset(s->hits, 0, sizeof s->hits);
        pool_run(p, 64, slow_elsewhere, s);
        for (size_t i = 0; i < 64; i++)
            assert_int_equal(s->hits[i], 1);
    }
    pool_destroy(p);
    free(s);
}

typedef struct numbered {
    uint16_t key;
    uint32_t at;
} numbered;

static int by_key(const void *a, const void *b, void *ctx)
{
    const numbered *x = a, *y = b;

    ++*(uint64_t *)ctx;
    if (x->key != y->key)
        return x->key < y->key ? -1 : 1;
    return x->at < y->at ? -1 : x->at > y->at;
}

typedef struct stepping {
    uint64_t *compared, last, longest; /* comparisons in all, at the last step, between two */
    long steps, stop_at;
} stepping;

static cairn_status count_step(void *ctx, uint64_t bytes, cairn_error *err)
{
    stepping *s = ctx;

    assert_int_equal(bytes, 0);
    if (*s->compared - s->last > s->longest)
        s->longest = *s->compared - s->last;
    s->last = *s->compared;
    return ++s->steps == s->stop_at ? cairn_fail(err, CAIRN_ECANCELLED, "enough") : CAIRN_OK;
}

static void a_paced_sort_sorts_and_stops(void **state)
{
    static const size_t sizes[] = {0, 1, 2, 1023, 1024, 1025, 2048, 5000, 70000, 100001};

    (void)state;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        for (uint32_t kind = 0; kind < 3; kind++) { /* any order, rising, falling */
            size_t n = sizes[i];
            numbered *a = calloc(n + 1, sizeof *a);
            uint64_t compared = 0;
            stepping s = {.compared = &compared};
            pace p = {count_step, &s, 0};
            cairn_error err = {0};
            for (uint32_t k = 0; k < n; k++)
                a[k] = (numbered){(uint16_t)(kind == 0   ? k * 2654435761u >> 16
                                             : kind == 1 ? k / 2
                                                         : 65535 - k / 2),
                                  k};
            assert_int_equal(pace_sort(a, n, sizeof *a, by_key, &compared, &p, &err), CAIRN_OK);
            for (size_t k = 1; k < n; k++)
                assert_true(by_key(&a[k - 1], &a[k], &(uint64_t){0}) < 0);
            assert_true(s.longest <= PACE_UNITS + 2 * 10240);
            for (s.stop_at = 1 + s.steps / 2, s.steps = 0; n > 60000 && s.stop_at;) {
                uint64_t before = compared;
                s.last = compared;
                p.units = 0;
                assert_int_equal(pace_sort(a, n, sizeof *a, by_key, &compared, &p, &err),
                                 CAIRN_ECANCELLED);
                assert_true(s.last == compared && compared > before); /* nothing after the no */
                s.stop_at /= 2;
                s.steps = 0;
            }
            assert_int_equal(pace_sort(a, n, sizeof *a, by_key, &compared, NULL, &err), CAIRN_OK);
            free(a);
        }
}

static void cpu_level_is_usable(void **state)
{
    assert_true(cpu_level_get() <= cpu_level_max());
    assert_string_equal(cpu_level_name(CPU_AVX2), "avx2");
}

static void keep_line(void *ctx, log_level level, const char *json, size_t len)
{
    (void)level;
    assert_true(len < 4000);
    memcpy(ctx, json, len + 1);
}

static void log_lines_are_json(void **state)
{
    static char line[4096];

    log_set_sink(keep_line, line, LOG_LEVEL_INFO);
    log_write(LOG_LEVEL_DEBUG, "base", "hidden");
    assert_string_equal(line, "");
    log_write(LOG_LEVEL_WARN, "base", "say \"%s\"\n\xFF", "x\\y");
    assert_non_null(strstr(line, "\"level\":\"warn\",\"room\":\"base\",\"msg\":"
                                 "\"say \\\"x\\\\y\\\"\\u000a\xEF\xBF\xBD\"}"));
    log_write_with(LOG_LEVEL_INFO, "base", "\"status\":200", "served");
    assert_non_null(strstr(line, "\"msg\":\"served\",\"status\":200}"));
    log_set_sink(NULL, NULL, LOG_LEVEL_INFO);
}

static void base64_there_and_back(void **state)
{
    uint8_t data[64];
    bytes text, back;

    (void)state;
    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (uint8_t)(i * 37 + 251);
    bytes_init(&text, 4096);
    bytes_init(&back, 4096);
    for (size_t n = 0; n <= sizeof data; n++) {
        bytes_reset(&text);
        bytes_reset(&back);
        assert_int_equal(base64_append(&text, data, n), CAIRN_OK);
        assert_int_equal(text.len, (n + 2) / 3 * 4);
        assert_int_equal(base64_decode(&back, text.data ? text.data : "", text.len), CAIRN_OK);
        assert_int_equal(back.len, n);
        if (n)
            assert_memory_equal(back.data, data, n);
    }
    assert_int_equal(base64_decode(&back, "AAA", 3), CAIRN_EINPUT);
    assert_int_equal(base64_decode(&back, "AA=A", 4), CAIRN_EINPUT);
    assert_int_equal(base64_decode(&back, "AA==AAAA", 8), CAIRN_EINPUT);
    assert_int_equal(base64_decode(&back, "A\0AA", 4), CAIRN_EINPUT);
    assert_int_equal(back.len, sizeof data); /* as before */
    bytes_reset(&text);
    assert_int_equal(base64_append(&text, "foobar", 5), CAIRN_OK); /* RFC 4648, section 10 */
    assert_string_equal(text.data, "Zm9vYmE=");
    bytes_reset(&text);
    assert_int_equal(base64url_append(&text, "\xFB\xEF\xFF\xFE", 4), CAIRN_OK);
    assert_string_equal(text.data, "--___g");
    bytes_clear(&text);
    bytes_init(&text, 7);
    assert_int_equal(base64_append(&text, data, 6), CAIRN_ELIMIT);
    assert_int_equal(text.len, 0);
    bytes_clear(&text);
    bytes_clear(&back);
}

static void stored_times_keep_within_64_bits(void **state)
{
    (void)state;
    assert_true(clock_stored_ns((struct timespec){.tv_sec = 1700000000, .tv_nsec = 5}) == INT64_C(1700000000000000005));
    assert_true(clock_stored_ns((struct timespec){.tv_sec = -1, .tv_nsec = 999999999}) == -1);
    assert_true(clock_stored_ns((struct timespec){.tv_sec = 9223372036, .tv_nsec = 854775807}) == INT64_MAX);
    assert_true(clock_stored_ns((struct timespec){.tv_sec = 9223372036, .tv_nsec = 854775808}) == INT64_MAX);
    assert_true(clock_stored_ns((struct timespec){.tv_sec = 15032385535}) == INT64_MAX); /* ext4's last second */
    assert_true(clock_stored_ns((struct timespec){.tv_sec = -15032385535}) == INT64_MIN);
}

/* What was seen in the tick in which it was written may be written again and look the same. */
static void a_tick_is_over_or_not(void **state)
{
    static const int64_t at = INT64_C(1700000000123456789), hundredth = INT64_C(1700000000120000000),
                         second = INT64_C(1700000000000000000), ms = 1000000;

    (void)state;
    assert_true(clock_same_tick(at, at));
    assert_false(clock_same_tick(at, at + 20 * ms));
    assert_false(clock_same_tick(at, at - 20 * ms)); /* a time to come: whoever writes then gives another */
    assert_true(clock_same_tick(hundredth, hundredth + 9 * ms));
    assert_false(clock_same_tick(hundredth, hundredth + 20 * ms));
    assert_true(clock_same_tick(second, second + 1999 * ms));
    assert_true(clock_same_tick(second, second - 1999 * ms)); /* clocks of two machines */
    assert_false(clock_same_tick(second, second + 2000 * ms));
    assert_false(clock_same_tick(second, second - 2000 * ms));
    assert_false(clock_same_tick(INT64_MIN, at));
    assert_false(clock_same_tick(INT64_MAX, -at));
}

static void clocks_go_forward(void **state)
{
    int64_t a = clock_mono_ns();

    assert_true(clock_mono_ns() >= a);
    assert_true(clock_wall_ns() > 1600000000000000000);
    assert_true(clock_cpu_ns() >= 0);
}

/* The priority of the thread that calls, and of one that it starts. */
static void *priority_now(void *arg)
{
    *(int *)arg = getpriority(PRIO_PROCESS, 0);
    return NULL;
}

static void *lower_and_start_another(void *arg)
{
    int *told = arg;
    pthread_t other;

    priority_lower(3);
    priority_idle_disk();
    priority_now(&told[0]);
    assert_int_equal(pthread_create(&other, NULL, priority_now, &told[1]), 0);
    pthread_join(other, NULL);
    priority_lower(PRIORITY_LEAST);
    priority_now(&told[2]);
    return NULL;
}

static void priority_is_a_threads_own_and_inherited(void **state)
{
    int before = getpriority(PRIO_PROCESS, 0), told[3], want = before + 3 > 19 ? 19 : before + 3;
    pthread_t thread;

    assert_int_equal(pthread_create(&thread, NULL, lower_and_start_another, told), 0);
    pthread_join(thread, NULL);
    assert_int_equal(told[0], want);
    assert_int_equal(told[1], want);
    assert_true(told[2] >= told[0]);
    assert_int_equal(getpriority(PRIO_PROCESS, 0), before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(error_text_is_printable_and_whole),
        cmocka_unit_test(sizes_do_not_wrap),
        cmocka_unit_test(arena_keeps_its_maximum),
        cmocka_unit_test(bytes_keep_their_maximum),
        cmocka_unit_test(cursor_stops_at_the_end),
        cmocka_unit_test(varints_round_trip_and_refuse),
        cmocka_unit_test(utf8_follows_the_standard),
        cmocka_unit_test(pool_runs_every_task_once),
        cmocka_unit_test(pool_does_without_workers_that_hold_it_up),
        cmocka_unit_test(a_paced_sort_sorts_and_stops),
        cmocka_unit_test(cpu_level_is_usable),
        cmocka_unit_test(log_lines_are_json),
        cmocka_unit_test(base64_there_and_back),
        cmocka_unit_test(stored_times_keep_within_64_bits),
        cmocka_unit_test(a_tick_is_over_or_not),
        cmocka_unit_test(clocks_go_forward),
        cmocka_unit_test(priority_is_a_threads_own_and_inherited),
    };
    return cmocka_run_group_tests_name("base", tests, NULL, NULL);
}
