/* test_near.c - signatures of documents against the exact Jaccard index of random sets, the sections they are kept in
 * against broken bytes and a failing world, and the file that format 1 wrote. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "index/near/near_format.h"
#include "tests/index/vector/memory_sections.h"
#include "tests/index/vector/packed_sections.h"

#define SET 400 /* shingles of a set */

static uint64_t rng;

static uint64_t next(void)
{
    rng += 0x9E3779B97F4A7C15u;
    uint64_t z = rng;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}

static void seed(void)
{
    rng = test_seed();
    print_message("CAIRN_SEED=%llu\n", (unsigned long long)rng);
}

static near_signature sign(const uint64_t *set, size_t n)
{
    near_sketch s;
    near_signature out;

    near_sketch_init(&s);
    for (size_t i = 0; i < n; i++)
        near_sketch_add(&s, set[i]);
    assert_true(near_sketch_sign(&s, &out));
    return out;
}

/* Two sets of SET numbers that have `common` of them in common; their Jaccard index. */
static double make_pair(uint64_t *a, uint64_t *b, size_t common)
{
    for (size_t i = 0; i < SET; i++) {
        a[i] = next();
        b[i] = i < common ? a[i] : next();
    }
    return (double)common / (double)(2 * SET - common);
}

static void estimates_follow_the_exact_index(void **state)
{
    enum { PAIRS = 2000 };
    uint64_t a[SET], b[SET];
    double off = 0, square = 0;

    (void)state;
    seed();
    for (size_t i = 0; i < PAIRS; i++) {
        double exact = make_pair(a, b, next() % (SET + 1));
        near_signature x = sign(a, SET), y = sign(b, SET);
        double error = near_likeness(&x, &y) - exact;
        assert_true(error > -0.4 && error < 0.4); /* six deviations */
        off += error;
        square += error * error;
    }
    /* A mean of 2,000 with a deviation of at most 0.0625 each: five of its own deviations. */
    assert_true(off / PAIRS > -0.007 && off / PAIRS < 0.007);
    assert_true(square / PAIRS < 0.0625 * 0.0625);
}

static void order_and_repetition_do_not_count(void **state)
{
    uint64_t a[SET], twice[2 * SET];
    near_signature x, y;

    (void)state;
    seed();
    for (size_t i = 0; i < SET; i++)
        twice[2 * SET - 1 - i] = twice[i] = a[i] = next();
    x = sign(a, SET);
    y = sign(twice, 2 * SET);
    assert_memory_equal(&x, &y, sizeof x);
}

static void few_shingles_have_no_signature(void **state)
{
    near_sketch s;
    near_signature out;

    (void)state;
    near_sketch_init(&s);
    for (uint64_t i = 0; i < NEAR_FEW; i++) {
        assert_false(near_sketch_sign(&s, &out));
        near_sketch_add(&s, i);
    }
    assert_true(near_sketch_sign(&s, &out));
}

/* ---- sections ---- */

static void write_docs(memory_sections *mem, const uint64_t *docs, const near_signature *s, size_t n)
{
    section_sink sink = memory_sink(mem);
    cairn_error err = {0};
    near_writer *w;

    assert_int_equal(near_writer_create(&w, &err), 0);
    for (size_t i = 0; i < n; i++)
        assert_int_equal(near_writer_add(w, docs[i], &s[i], &err), 0);
    assert_int_equal(near_writer_finish(w, &sink, NULL, &err), 0);
    near_writer_destroy(w);
}

typedef struct found {
    const uint64_t *want;
    size_t n;
    bool *seen;
} found;

static bool mark(void *ctx, uint64_t doc, const near_signature *s)
{
    found *f = ctx;

    (void)s;
    for (size_t i = 0; i < f->n; i++)
        if (f->want[i] == doc) {
            f->seen[i] = true;
            return true;
        }
    fail_msg("document %llu was never written", (unsigned long long)doc);
    return false;
}

/* Pairs at and above 0.7 meet in a band; the plain twin: every key of every document compared. */
static void pairs_that_are_alike_meet(void **state)
{
    enum { PAIRS = 1500 };
    near_signature *s = calloc(2 * PAIRS, sizeof *s);
    uint64_t *docs = calloc(2 * PAIRS, sizeof *docs), a[SET], b[SET];
    memory_sections mem = {0};
    near_reader *r;
    size_t missed = 0, tried = 0;

    (void)state;
    seed();
    assert_true(s && docs);
    for (size_t i = 0; i < PAIRS; i++) {
        make_pair(a, b, 330 + next() % 71); /* 0.70 and more */
        s[2 * i] = sign(a, SET);
        s[2 * i + 1] = sign(b, SET);
        docs[2 * i] = 10 * i + 7; /* added neither in order nor one behind the other */
        docs[2 * i + 1] = 1000000 - 3 * i;
    }
    write_docs(&mem, docs, s, 2 * PAIRS);
    section_source source = memory_source(&mem);
    assert_int_equal(near_reader_open(&r, &source, NULL), 0);
    assert_int_equal(near_reader_docs(r), 2 * PAIRS);
    for (size_t i = 0; i < 2 * PAIRS; i++) {
        bool *seen = calloc(2 * PAIRS, sizeof *seen);
        uint32_t at;
        assert_non_null(seen);
        assert_true(near_reader_find(r, docs[i], &at));
        assert_int_equal(near_reader_doc(r, at), docs[i]);
        assert_memory_equal(near_reader_signature(r, at), &s[i], sizeof *s);
        near_reader_matches(r, &s[i], mark, &(found){docs, 2 * PAIRS, seen});
        for (size_t k = 0; i % 100 == 0 && k < 2 * PAIRS; k++) {
            bool meet = false;
            for (size_t band = 0; band < NEAR_BANDS; band++)
                meet |= near_key(&s[i], band) == near_key(&s[k], band);
            assert_int_equal(seen[k], meet);
        }
        tried++;
        missed += !seen[i ^ 1];
        free(seen);
    }
    assert_true(missed * 200 < tried); /* 2 in 10,000 at 0.7, fewer above */
    near_reader_close(r);
    memory_clear(&mem);
    free(s);
    free(docs);
}

static void a_document_keeps_its_first_signature(void **state)
{
    uint64_t a[SET], b[SET], docs[] = {9, 4, 9};
    near_signature s[3];
    memory_sections mem = {0};
    near_reader *r;
    uint32_t at;

    (void)state;
    seed();
    make_pair(a, b, 0);
    s[0] = sign(a, SET);
    s[1] = s[2] = sign(b, SET);
    write_docs(&mem, docs, s, 3);
    section_source source = memory_source(&mem);
    assert_int_equal(near_reader_open(&r, &source, NULL), 0);
    assert_int_equal(near_reader_docs(r), 2);
    assert_true(near_reader_find(r, 9, &at));
    assert_memory_equal(near_reader_signature(r, at), &s[0], sizeof *s);
    assert_false(near_reader_find(r, 5, &at));
    assert_false(near_reader_find(r, 10, &at));
    near_reader_close(r);
    memory_clear(&mem);
}

static memory_section *section(memory_sections *m, const char *name)
{
    for (size_t i = 0; i < m->n; i++)
        if (!strcmp(m->at[i].name, name))
            return &m->at[i];
    fail_msg("no section %s", name);
    return NULL;
}

static void make_small(memory_sections *mem)
{
    uint64_t docs[] = {1, 2, 3}, a[SET];
    near_signature s[3];

    for (size_t i = 0; i < 3; i++) {
        for (size_t k = 0; k < SET; k++)
            a[k] = i * 100 + k; /* neighbours share three quarters */
        s[i] = sign(a, SET);
    }
    write_docs(mem, docs, s, 3);
}

static cairn_status open_it(memory_sections *mem)
{
    section_source source = memory_source(mem);
    near_reader *r;
    cairn_status st = near_reader_open(&r, &source, NULL);

    near_reader_close(r);
    return st;
}

static void open_refuses_broken_bytes(void **state)
{
    static const struct {
        const char *section;
        size_t at;
        uint8_t value;
        cairn_status want;
    } rows[] = {
        {"near.meta", 0, 2, CAIRN_EUNSUPPORTED},
        {"near.meta", 4, 4, CAIRN_ECORRUPT},
        {"near.meta", 7, 0x80, CAIRN_ECORRUPT},
        {"near.meta", 8, 65, CAIRN_EUNSUPPORTED},
        {"near.meta", 12, 22, CAIRN_EUNSUPPORTED},
    };
    static const char *const names[] = {"near.meta", "near.docs", "near.sigs", "near.bands"};

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        memory_sections mem = {0};
        make_small(&mem);
        section(&mem, rows[i].section)->data[rows[i].at] = rows[i].value;
        assert_int_equal(open_it(&mem), rows[i].want);
        memory_clear(&mem);
    }
    for (size_t i = 0; i < 4; i++) {
        memory_sections mem = {0};
        make_small(&mem);
        section(&mem, names[i])->len--;
        assert_int_equal(open_it(&mem), CAIRN_ECORRUPT);
        strcpy(section(&mem, names[i])->name, "else");
        assert_int_equal(open_it(&mem), i ? CAIRN_ECORRUPT : CAIRN_ENOTFOUND);
        memory_clear(&mem);
    }
}

static bool count(void *ctx, uint64_t doc, const near_signature *s)
{
    (void)s;
    assert_true(doc >= 1 && doc <= 3);
    ++*(size_t *)ctx;
    return true;
}

/* A band whose places lead outside is passed over. */
static void places_are_tested_when_followed(void **state)
{
    memory_sections mem = {0};
    near_reader *r;
    size_t n = 0;

    (void)state;
    make_small(&mem);
    memory_section *bands = section(&mem, "near.bands");
    for (size_t i = 4; i < bands->len; i += 8)
        memset(bands->data + i, 0xFF, 4);
    section_source source = memory_source(&mem);
    assert_int_equal(near_reader_open(&r, &source, NULL), 0);
    near_reader_matches(r, near_reader_signature(r, 0), count, &n);
    assert_int_equal(n, 0);
    near_reader_close(r);
    memory_clear(&mem);
}

static void a_full_disk_is_told(void **state)
{
    cairn_error err = {0};
    cairn_status st = CAIRN_EFULL;

    (void)state;
    for (long calls = 1; st; calls++) {
        memory_sections mem = {.fail_after = calls};
        section_sink sink = memory_sink(&mem);
        near_signature s = {{1, 2, 3}};
        near_writer *w;
        assert_int_equal(near_writer_create(&w, &err), 0);
        assert_int_equal(near_writer_add(w, 1, &s, &err), 0);
        st = near_writer_finish(w, &sink, NULL, &err);
        assert_true(!st || st == CAIRN_EFULL);
        assert_true(calls < 100);
        near_writer_destroy(w);
        memory_clear(&mem);
    }
}

/* ---- golden ---- */

static void old_formats_stay_readable(void **state)
{
    memory_sections mem = {0}, made = {0};
    char path[1024];
    uint8_t *data = malloc(1 << 16);
    FILE *f;

    (void)state;
    make_small(&made);
    snprintf(path, sizeof path, "%s/tests/index/near/golden/v%u.bin", CAIRN_SOURCE_DIR, NEAR_FORMAT_VERSION);
    if (getenv("CAIRN_GOLDEN_WRITE")) {
        f = fopen(path, "wb");
        assert_non_null(f);
        assert_int_equal(packed_write(&made, f), 0);
        assert_int_equal(fclose(f), 0);
    }
    f = fopen(path, "rb");
    if (!f || !data)
        fail_msg("%s is missing", path);
    packed_read(&mem, data, fread(data, 1, 1 << 16, f));
    fclose(f);
    free(data);
    assert_int_equal(open_it(&mem), 0);
    assert_int_equal(mem.n, made.n);
    for (size_t i = 0; i < mem.n; i++) {
        assert_string_equal(mem.at[i].name, made.at[i].name);
        assert_int_equal(mem.at[i].len, made.at[i].len);
        assert_memory_equal(mem.at[i].data, made.at[i].data, mem.at[i].len);
    }
    memory_clear(&mem);
    memory_clear(&made);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(estimates_follow_the_exact_index),
        cmocka_unit_test(order_and_repetition_do_not_count),
        cmocka_unit_test(few_shingles_have_no_signature),
        cmocka_unit_test(pairs_that_are_alike_meet),
        cmocka_unit_test(a_document_keeps_its_first_signature),
        cmocka_unit_test(open_refuses_broken_bytes),
        cmocka_unit_test(places_are_tested_when_followed),
        cmocka_unit_test(a_full_disk_is_told),
        cmocka_unit_test(old_formats_stay_readable),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
