/* test_filter.c - filter columns: every operator, random rows against the plain twin
 * filter_matches, merging, broken bytes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "index/filter/filter_format.h"
#include "tests/index/vector/memory_sections.h"
#include "tests/index/watched_merge.h"

#define DAY (86400 * INT64_C(1000000000))

static uint64_t rng;

static filter_reader *write_and_open(memory_sections *mem, section_source *src,
                                     const filter_row *rows, uint32_t n)
{
    filter_writer *w;
    filter_reader *r;
    cairn_error err = {0};
    section_sink sink = memory_sink(mem);

    assert_int_equal(filter_writer_create(&w, &err), 0);
    for (uint32_t i = 0; i < n; i++)
        assert_int_equal(filter_writer_add(w, &rows[i], &err), 0);
    assert_int_equal(filter_writer_rows(w), n);
    if (filter_writer_finish(w, &sink, &err))
        fail_msg("%s", err.text);
    assert_int_equal(filter_writer_finish(w, &sink, &err), CAIRN_EUSAGE);
    filter_writer_destroy(w);
    *src = memory_source(mem);
    if (filter_reader_open(&r, src, &err))
        fail_msg("%s", err.text);
    assert_int_equal(filter_reader_rows(r), n);
    return r;
}

/* ---- operators ---- */

static const char *const tags_a[] = {"Work", "urgent"};
static const char *const tags_b[] = {"work", "work"};
static const filter_row library[] = {
    {"/home/eva/notes/plan.md", "The Annual Plan", "md", "en", "text/markdown", "Eva Müller", 10 * DAY,
     500, 0, tags_a, 2, NULL, 0, 0, 0},
    {"/home/eva/notes/old/plan.pdf", "planet earth", "pdf", "en", "application/pdf",
     "Bob <bob@example.org>", 20 * DAY, 2000000, 12, tags_b, 2, NULL, 0, 0, 0},
    {"mail/2025/42.eml", "RE: ÜBERSICHT", "eml", "de", "message/rfc822", "carol@example.org", 30 * DAY,
     0, 3, NULL, 0, NULL, 0, 0, 0},
    {"日本/計画.txt", "来年の計画書", "txt", "ja", "text/plain", NULL, 0, -1, 0, NULL, 0, NULL, 0, 0, 0},
    {"plain", NULL, NULL, NULL, NULL, NULL, -5 * DAY, INT64_MAX - 1, UINT32_MAX, NULL, 0, NULL, 0, 0, 0},
};
#define LIBRARY_ROWS (sizeof library / sizeof *library)

static const struct {
    filter_field field;
    filter_op op;
    const char *text;
    unsigned rows; /* bit i: row i matches */
} cases[] = {
    {FILTER_EXT, FILTER_EQ, "PDF", 2},
    {FILTER_EXT, FILTER_EQ, "pd", 0},
    {FILTER_EXT, FILTER_EQ, "", 16},
    {FILTER_LANG, FILTER_EQ, "en", 3},
    {FILTER_MIME, FILTER_PREFIX, "text/", 9},
    {FILTER_AUTHOR, FILTER_CONTAINS, "müller", 1},
    {FILTER_AUTHOR, FILTER_CONTAINS, "MÜLLER", 1},
    {FILTER_AUTHOR, FILTER_CONTAINS, "@example.org", 6},
    {FILTER_TITLE, FILTER_WORD, "plan", 1},
    {FILTER_TITLE, FILTER_WORD, "annual plan", 1},
    {FILTER_TITLE, FILTER_WORD, "plane", 0},
    {FILTER_TITLE, FILTER_WORD, "übersicht", 4},
    {FILTER_TITLE, FILTER_WORD, "計画", 8},
    {FILTER_TITLE, FILTER_CONTAINS, "plan", 3},
    {FILTER_TAG, FILTER_EQ, "work", 3},
    {FILTER_TAG, FILTER_EQ, "URGENT", 1},
    {FILTER_URI, FILTER_PREFIX, "/home/eva", 3},
    {FILTER_URI, FILTER_PREFIX, "/Home/eva", 0},
    {FILTER_URI, FILTER_DIR, "/home/eva", 3},
    {FILTER_URI, FILTER_DIR, "/home/eva/notes/", 3},
    {FILTER_URI, FILTER_DIR, "/home/ev", 0},
    {FILTER_URI, FILTER_DIR, "/notes", 0},
    {FILTER_URI, FILTER_DIR, "notes", 3},
    {FILTER_URI, FILTER_DIR, "notes/old", 2},
    {FILTER_URI, FILTER_DIR, "otes", 0},
    {FILTER_URI, FILTER_DIR, "mail", 4},
    {FILTER_URI, FILTER_DIR, "./mail", 4},
    {FILTER_URI, FILTER_DIR, "plan.md", 0},
    {FILTER_URI, FILTER_DIR, "plain", 0},
    {FILTER_URI, FILTER_DIR, "/", 15},
    {FILTER_URI, FILTER_CONTAINS, "PLAN", 3},
    {FILTER_URI, FILTER_GLOB, "*.pdf", 2},
    {FILTER_URI, FILTER_GLOB, "*/PLAN.*", 3},
    {FILTER_URI, FILTER_GLOB, "日?/計画.txt", 8},
    {FILTER_URI, FILTER_GLOB, "pl?in", 16},
    {FILTER_URI, FILTER_GLOB, "pl??", 0},
    {FILTER_URI, FILTER_GLOB, "*", 31},
};

static void each_operator_finds_its_rows(void **state)
{
    memory_sections mem = {0};
    section_source src;
    cairn_error err = {0};
    filter_reader *r = write_and_open(&mem, &src, library, LIBRARY_ROWS);

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (int negated = 0; negated < 2; negated++) {
            filter_value v = {.text = cases[i].text};
            filter_predicate p = {cases[i].field, cases[i].op, negated != 0, &v, 1};
            filter_expr e = {&p, 1};
            uint64_t bits[1];
            uint32_t n, bound;
            unsigned want = negated ? 31 & ~cases[i].rows : cases[i].rows;
            assert_int_equal(filter_eval(r, &e, bits, &n, &err), 0);
            if (bits[0] != want)
                fail_msg("field %d op %d '%s' negated %d: rows %llx, not %x", (int)p.field,
                         (int)p.op, cases[i].text, negated, (unsigned long long)bits[0], want);
            assert_int_equal(n, __builtin_popcount(want));
            assert_int_equal(filter_estimate(r, &e, &bound, &err), 0);
            assert_true(bound >= n && bound <= LIBRARY_ROWS);
            for (size_t row = 0; row < LIBRARY_ROWS; row++)
                assert_int_equal(filter_matches(&library[row], &e), want >> row & 1);
        }
    filter_reader_close(r);
    memory_clear(&mem);
}

static void dates_values_and_combinations(void **state)
{
    memory_sections mem = {0};
    section_source src;
    cairn_error err = {0};
    uint64_t bits[1];
    uint32_t n;
    filter_reader *r = write_and_open(&mem, &src, library, LIBRARY_ROWS);

    (void)state;
    filter_value range[2] = {{.lo = 10 * DAY, .hi = 20 * DAY}, {.lo = INT64_MIN, .hi = 0}};
    filter_value exts[2] = {{.text = "md"}, {.text = "pdf"}};
    filter_predicate p[2] = {{FILTER_DATE, FILTER_RANGE, false, range, 1},
                             {FILTER_EXT, FILTER_EQ, false, exts, 2}};
    filter_expr e = {p, 1};
    assert_int_equal(filter_eval(r, &e, bits, &n, &err), 0);
    assert_int_equal(bits[0], 1); /* the end is exclusive */
    p[0].n_values = 2;
    assert_int_equal(filter_eval(r, &e, bits, &n, &err), 0);
    assert_int_equal(bits[0], 17); /* no date is in no range */
    p[0].negated = true;
    assert_int_equal(filter_eval(r, &e, bits, &n, &err), 0);
    assert_int_equal(bits[0], 14);
    e.n = 2;
    assert_int_equal(filter_eval(r, &e, bits, &n, &err), 0);
    assert_int_equal(bits[0], 2);
    e.n = 0;
    assert_int_equal(filter_eval(r, &e, bits, &n, &err), 0);
    assert_int_equal(bits[0], 31);
    assert_int_equal(n, 5);
    p[0] = (filter_predicate){FILTER_DATE, FILTER_EQ, false, exts, 1};
    e.n = 1;
    assert_int_equal(filter_eval(r, &e, bits, &n, &err), CAIRN_EUSAGE);
    p[0] = (filter_predicate){FILTER_EXT, FILTER_RANGE, false, range, 1};
    assert_int_equal(filter_eval(r, &e, bits, &n, &err), CAIRN_EUSAGE);
    p[0] = (filter_predicate){FILTER_EXT, FILTER_DIR, false, exts, 1};
    assert_int_equal(filter_estimate(r, &e, &n, &err), CAIRN_EUSAGE);
    assert_false(filter_matches(&library[0], &e));
    filter_reader_close(r);
    memory_clear(&mem);
}

static void sizes_and_pages_are_ranges_too(void **state)
{
    static const struct {
        filter_field field;
        int64_t lo, hi;
        unsigned rows;
    } ranges[] = {
        {FILTER_SIZE, 500, 2000000, 1},
        {FILTER_SIZE, 0, 1, 4}, /* an empty file has a size, row 3 has none */
        {FILTER_SIZE, INT64_MIN, INT64_MAX, 23},
        {FILTER_SIZE, 2000001, INT64_MAX, 16},
        {FILTER_SIZE, 7, 7, 0},
        {FILTER_PAGES, 3, 13, 6},
        {FILTER_PAGES, INT64_MIN, 12, 4}, /* no pages are not 0 pages */
        {FILTER_PAGES, 13, INT64_MAX, 16},
    };
    memory_sections mem = {0};
    section_source src;
    cairn_error err = {0};
    uint64_t bits[1];
    uint32_t n;
    filter_reader *r = write_and_open(&mem, &src, library, LIBRARY_ROWS);

    (void)state;
    for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++)
        for (unsigned negated = 0; negated < 2; negated++) {
            filter_value v = {.lo = ranges[i].lo, .hi = ranges[i].hi};
            filter_predicate p = {ranges[i].field, FILTER_RANGE, negated, &v, 1};
            filter_expr e = {&p, 1};
            assert_int_equal(filter_eval(r, &e, bits, &n, &err), 0);
            assert_int_equal(bits[0], negated ? 31 & ~ranges[i].rows : ranges[i].rows);
            for (size_t row = 0; row < LIBRARY_ROWS; row++)
                assert_int_equal(filter_matches(&library[row], &e), bits[0] >> row & 1);
        }
    for (filter_op op = 0; op < FILTER_RANGE; op++) {
        filter_value v = {.text = "12"};
        filter_predicate p = {FILTER_PAGES, op, false, &v, 1};
        assert_int_equal(filter_eval(r, &(filter_expr){&p, 1}, bits, &n, &err), CAIRN_EUSAGE);
    }
    filter_reader_close(r);
    memory_clear(&mem);
}

/* ---- random rows ---- */

typedef struct random_rows {
    filter_row *rows;
    char (*text)[64];
    uint32_t n;
} random_rows;

/* `distinct` uris: above FILTER_CODES_FROM the column changes its kind. */
static random_rows make_rows(uint32_t n, uint32_t distinct)
{
    static const char *const exts[] = {"pdf", "PDF", "md", "txt", ""};
    static const char *const langs[] = {"en", "de", "ja"};
    static const char *const tags[] = {"a", "b", "work", "late", "ÄÖ", "a b"};
    random_rows x = {calloc(n, sizeof(filter_row)), calloc(n, 64), n};

    for (uint32_t i = 0; i < n; i++) {
        filter_row *r = &x.rows[i];
        uint64_t u = test_random(&rng) % distinct;
        if (i && test_random(&rng) % 3) { /* chunks of one document follow each other */
            *r = x.rows[i - 1];
            continue;
        }
        snprintf(x.text[i], 64, "/d%llu/e%llu/File %llu.txt", (unsigned long long)(u % 7),
                 (unsigned long long)(u % 3), (unsigned long long)u);
        r->uri = x.text[i];
        r->title = u % 5 ? x.text[i] + 1 : NULL;
        r->ext = exts[test_random(&rng) % 5];
        r->lang = langs[test_random(&rng) % 3];
        r->author = exts[test_random(&rng) % 5];
        r->date_ns = test_random(&rng) % 4 ? (int64_t)(test_random(&rng) % 100) * DAY : 0;
        r->size = test_random(&rng) % 5 ? (int64_t)(test_random(&rng) % 100) * 1000 : -1;
        r->pages = test_random(&rng) % 2 ? (uint32_t)(test_random(&rng) % 100) : 0;
        r->tags = tags + test_random(&rng) % 4;
        r->n_tags = test_random(&rng) % 3;
        r->modified_ns = test_random(&rng) % 9 ? (int64_t)(test_random(&rng) % 100) * DAY : 0;
        r->created_ns = test_random(&rng) % 2 ? (int64_t)(test_random(&rng) % 100) * DAY : 0;
        r->places = &x.rows[test_random(&rng) % (i + 1)].uri; /* of another document, or its own */
        r->n_places = test_random(&rng) % 4 == 0;
    }
    return x;
}

static void free_rows(random_rows *x)
{
    free(x->rows);
    free(x->text);
}

static void make_predicate(filter_predicate *p, filter_value *v)
{
    static const struct {
        filter_field field;
        filter_op op;
        const char *text;
    } choice[] = {
        {FILTER_URI, FILTER_DIR, "/d3"},        {FILTER_URI, FILTER_DIR, "e1"},
        {FILTER_URI, FILTER_CONTAINS, "file 1"}, {FILTER_URI, FILTER_GLOB, "*2.txt"},
        {FILTER_TITLE, FILTER_WORD, "file"},    {FILTER_TITLE, FILTER_EQ, ""},
        {FILTER_EXT, FILTER_EQ, "pdf"},         {FILTER_LANG, FILTER_EQ, "de"},
        {FILTER_TAG, FILTER_EQ, "a"},           {FILTER_TAG, FILTER_EQ, "äö"},
        {FILTER_TAG, FILTER_PREFIX, "a"},       {FILTER_AUTHOR, FILTER_PREFIX, "m"},
    };
    static const struct {
        filter_field field;
        int64_t unit;
    } ranges[] = {{FILTER_DATE, DAY}, {FILTER_SIZE, 1000}, {FILTER_PAGES, 1},
                  {FILTER_MODIFIED, DAY}, {FILTER_CREATED, DAY}};
    size_t c = test_random(&rng) % (sizeof choice / sizeof *choice + 5);

    *p = (filter_predicate){.negated = test_random(&rng) % 3 == 0, .values = v};
    p->n_values = 1 + test_random(&rng) % 2;
    if (c >= sizeof choice / sizeof *choice) {
        size_t which = test_random(&rng) % (sizeof ranges / sizeof *ranges);
        p->field = ranges[which].field;
        p->op = FILTER_RANGE;
        for (size_t i = 0; i < p->n_values; i++) {
            v[i].lo = (int64_t)(test_random(&rng) % 100) * ranges[which].unit;
            v[i].hi = v[i].lo + (int64_t)(test_random(&rng) % 40) * ranges[which].unit;
            if (test_random(&rng) % 8 == 0) /* open at an end, as >= and < are */
                v[i].lo = INT64_MIN;
            else if (test_random(&rng) % 8 == 0)
                v[i].hi = INT64_MAX;
        }
        return;
    }
    p->field = choice[c].field;
    p->op = choice[c].op;
    v[0].text = choice[c].text;
    v[1].text = choice[(c + 1) % (sizeof choice / sizeof *choice)].text;
}

static void check_against_twin(const filter_reader *r, const filter_row *rows, uint32_t n,
                               int rounds)
{
    uint64_t *bits = malloc(row_set_words(n) * 8 + 8);
    cairn_error err = {0};

    for (int round = 0; round < rounds; round++) {
        filter_value v[3][2];
        filter_predicate p[3];
        filter_expr e = {p, test_random(&rng) % 4};
        uint32_t found, bound, count = 0;
        for (size_t i = 0; i < e.n; i++)
            make_predicate(&p[i], v[i]);
        if (filter_eval(r, &e, bits, &found, &err))
            fail_msg("%s", err.text);
        for (uint32_t i = 0; i < n; i++) {
            bool want = filter_matches(&rows[i], &e);
            count += want;
            if (row_set_has(bits, i) != want)
                fail_msg("row %u of %u: %d, not %d (%s)", i, n, !want, want, rows[i].uri);
        }
        assert_int_equal(found, count);
        assert_int_equal(filter_estimate(r, &e, &bound, &err), 0);
        assert_true(bound >= found);
    }
    free(bits);
}

static void random_rows_agree_with_the_plain_twin(void **state)
{
    static const struct {
        uint32_t n, distinct;
    } sizes[] = {{1, 1}, {64, 5}, {65, 100}, {1000, 300}, {9000, 1000000}};

    (void)state;
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        random_rows x = make_rows(sizes[s].n, sizes[s].distinct);
        memory_sections mem = {0};
        section_source src;
        filter_reader *r = write_and_open(&mem, &src, x.rows, x.n);
        if (sizes[s].distinct > 100000)
            assert_int_equal(r->column[FILTER_URI].kind, FILTER_KIND_CODES);
        check_against_twin(r, x.rows, x.n, 60);
        filter_reader_close(r);
        memory_clear(&mem);
        free_rows(&x);
    }
}

static void merges_agree_with_the_plain_twin(void **state)
{
    (void)state;
    for (int round = 0; round < 10; round++) {
        random_rows x[3] = {make_rows(500, 50), make_rows(6000, round % 2 ? 100000 : 300),
                            make_rows(70, 70)};
        memory_sections mem[3], out = {0};
        section_source src[3], merged_src;
        filter_reader *r[3], *merged;
        uint64_t *deleted[3];
        filter_merge_input in[3];
        filter_row *live = calloc(7000, sizeof *live);
        uint32_t n = 0;
        cairn_error err = {0};
        memset(mem, 0, sizeof mem);
        for (int i = 0; i < 3; i++) {
            r[i] = write_and_open(&mem[i], &src[i], x[i].rows, x[i].n);
            deleted[i] = calloc(row_set_words(x[i].n), 8);
            for (uint32_t row = 0; row < x[i].n; row++)
                if (round && (test_random(&rng) % 4 == 0 || (round == 5 && i == 1)))
                    deleted[i][row >> 6] |= (uint64_t)1 << (row & 63);
                else
                    live[n++] = x[i].rows[row];
            in[i] = (filter_merge_input){.reader = r[i], .deleted = round ? deleted[i] : NULL};
        }
        section_sink sink = memory_sink(&out);
        uint32_t *order = NULL;
        if (round >= 6) { /* in a random order */
            filter_row *plain = calloc(n + 1, sizeof *plain);
            memcpy(plain, live, n * sizeof *live);
            order = calloc(n + 1, sizeof *order);
            for (uint32_t i = 0; i < n; i++)
                order[i] = i;
            for (uint32_t i = n; i > 1; i--) {
                uint32_t j = (uint32_t)(test_random(&rng) % i), was = order[i - 1];
                order[i - 1] = order[j];
                order[j] = was;
            }
            for (uint32_t i = 0; i < n; i++)
                live[i] = plain[order[i]];
            free(plain);
        }
        if (order ? filter_merge_with(in, 3, &(filter_merge_options){.order = order}, &sink, &err)
                  : filter_merge(in, 3, &sink, &err))
            fail_msg("%s", err.text);
        free(order);
        merged_src = memory_source(&out);
        assert_int_equal(filter_reader_open(&merged, &merged_src, &err), 0);
        assert_int_equal(filter_reader_rows(merged), n);
        check_against_twin(merged, live, n, 40);
        /* A merge writes what a writer would have written: nothing of the deleted rows is left. */
        memory_sections fresh = {0};
        section_source fresh_src;
        filter_reader *f = write_and_open(&fresh, &fresh_src, live, n);
        for (size_t i = 0; i < fresh.n; i++) {
            assert_int_equal(fresh.at[i].len, out.at[i].len);
            assert_memory_equal(fresh.at[i].data, out.at[i].data, out.at[i].len);
        }
        filter_reader_close(f);
        memory_clear(&fresh);
        filter_reader_close(merged);
        memory_clear(&out);
        for (int i = 0; i < 3; i++) {
            filter_reader_close(r[i]);
            memory_clear(&mem[i]);
            free(deleted[i]);
            free_rows(&x[i]);
        }
        free(live);
    }
}

/* A merge of columns asks in every stage whether to go on, and ends where it is told to. */
static void a_merge_steps_in_every_stage(void **state)
{
    enum { ROWS = 20000, COLUMNS = 6 };
    filter_row *rows = calloc(ROWS, sizeof *rows);
    char (*uri)[32] = calloc(ROWS, sizeof *uri);
    uint32_t *order = calloc(2 * ROWS, sizeof *order);
    memory_sections mem = {0};
    section_source src;
    filter_merge_input in[2];
    filter_reader *r;

    (void)state;
    for (uint32_t i = 0; i < ROWS; i++) {
        snprintf(uri[i], sizeof uri[i], "/a/%08x", (uint32_t)test_random(&rng));
        rows[i] = (filter_row){.uri = uri[i],
                               .date_ns = 1 + (int64_t)(test_random(&rng) >> 8),
                               .size = (int64_t)(test_random(&rng) >> 40),
                               .pages = i % 7};
    }
    r = write_and_open(&mem, &src, rows, ROWS);
    for (size_t i = 0; i < 2; i++)
        in[i] = (filter_merge_input){.reader = r};
    for (uint32_t i = 0; i < 2 * ROWS; i++)
        order[i] = 2 * ROWS - 1 - i;
    for (int ordered = 0; ordered < 2; ordered++) {
        watched_merge all = {0};
        pace steps = {watched_step, &all, 0};
        filter_merge_options o = {.order = ordered ? order : NULL, .pace = &steps};
        section_sink sink = watched_sink(&all);
        cairn_error err = {0};
        if (filter_merge_with(in, 2, &o, &sink, &err))
            fail_msg("%s", err.text);
        assert_int_equal(all.late, 0);
        /* Gathering takes a unit a row and column, */
        assert_true(all.section[0].begun >= 2 * ROWS * COLUMNS / (long)PACE_UNITS);
        /* and what is sorted before it is written about ten a value. */
        assert_true(watched_before(&all, "flt.uri") >= 8 * ROWS / (long)PACE_UNITS);
        assert_true(watched_before(&all, "flt.date") >= 16 * ROWS / (long)PACE_UNITS);
        assert_true(watched_before(&all, "flt.size") >= 16 * ROWS / (long)PACE_UNITS);
        for (long at = 1; at <= all.steps; at += 1 + all.steps / 10) {
            watched_merge w = {.stop_at = at};
            steps = (pace){watched_step, &w, 0};
            sink = watched_sink(&w);
            assert_int_equal(filter_merge_with(in, 2, &o, &sink, &err), CAIRN_ECANCELLED);
            assert_int_equal(w.steps, at);
            assert_int_equal(w.late, 0);
        }
    }
    filter_reader_close(r);
    memory_clear(&mem);
    free(rows);
    free(uri);
    free(order);
}

static void an_empty_segment_works(void **state)
{
    memory_sections mem = {0}, out = {0};
    section_source src;
    cairn_error err = {0};
    uint32_t n = 7;
    filter_reader *r = write_and_open(&mem, &src, NULL, 0);
    filter_expr none = {NULL, 0};
    section_sink sink = memory_sink(&out);
    filter_merge_input in = {.reader = r};

    (void)state;
    assert_int_equal(filter_eval(r, &none, NULL, &n, &err), 0);
    assert_int_equal(n, 0);
    assert_int_equal(filter_merge(&in, 1, &sink, &err), 0);
    filter_reader_close(r);
    memory_clear(&mem);
    memory_clear(&out);
}

static void a_failing_sink_is_reported(void **state)
{
    long n = 1;

    (void)state;
    for (;; n++) {
        memory_sections mem = {.fail_after = n};
        section_sink sink = memory_sink(&mem);
        filter_writer *w;
        cairn_error err = {0};
        assert_int_equal(filter_writer_create(&w, &err), 0);
        for (size_t i = 0; i < LIBRARY_ROWS; i++)
            assert_int_equal(filter_writer_add(w, &library[i], &err), 0);
        cairn_status st = filter_writer_finish(w, &sink, &err);
        filter_writer_destroy(w);
        memory_clear(&mem);
        if (st == CAIRN_OK)
            break;
        assert_int_equal(st, CAIRN_EFULL);
    }
    assert_true(n > 20);
}

static void broken_sections_are_refused_or_harmless(void **state)
{
    random_rows x = make_rows(3000, 1000000);
    memory_sections mem = {0};
    section_source src;
    cairn_error err = {0};
    filter_reader *r = write_and_open(&mem, &src, x.rows, x.n);
    uint64_t *bits = malloc(row_set_words(x.n) * 8);
    size_t refused = 0;

    (void)state;
    filter_reader_close(r);
    for (int round = 0; round < 3000; round++) {
        memory_section *s = &mem.at[test_random(&rng) % mem.n], whole = *s;
        uint8_t *copy = checked_aligned(whole.len, 1);
        memcpy(copy, whole.data, whole.len);
        for (int c = 1 + (int)(test_random(&rng) % 6); c > 0; c--) {
            /* headers and lists, at the front, hit as often as the rest */
            size_t span = test_random(&rng) & 1 && whole.len > 64 ? 64 : whole.len;
            copy[test_random(&rng) % span] = (uint8_t)test_random(&rng);
        }
        s->data = copy;
        if (test_random(&rng) % 5 == 0)
            s->len = test_random(&rng) % (whole.len + 1);
        cairn_status st = filter_reader_open(&r, &src, &err);
        if (st) {
            assert_true(st == CAIRN_ECORRUPT || st == CAIRN_EUNSUPPORTED);
            refused++;
        } else if (filter_reader_rows(r) <= x.n) {
            for (int i = 0; i < 4; i++) {
                filter_value v[2];
                filter_predicate p;
                filter_expr e = {&p, 1};
                uint32_t n;
                make_predicate(&p, v);
                st = filter_eval(r, &e, bits, &n, &err);
                assert_true(st == CAIRN_OK || st == CAIRN_ECORRUPT);
                (void)filter_estimate(r, &e, &n, &err);
            }
            if (round % 20 == 0) {
                memory_sections out = {0};
                section_sink sink = memory_sink(&out);
                filter_merge_input in = {.reader = r};
                st = filter_merge(&in, 1, &sink, &err);
                assert_true(st == CAIRN_OK || st == CAIRN_ECORRUPT);
                memory_clear(&out);
            }
        }
        filter_reader_close(r); /* NULL when refused */
        *s = whole;
        free(copy);
    }
    assert_true(refused > 200);
    free(bits);
    memory_clear(&mem);
    free_rows(&x);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_operator_finds_its_rows),
        cmocka_unit_test(dates_values_and_combinations),
        cmocka_unit_test(sizes_and_pages_are_ranges_too),
        cmocka_unit_test(random_rows_agree_with_the_plain_twin),
        cmocka_unit_test(merges_agree_with_the_plain_twin),
        cmocka_unit_test(a_merge_steps_in_every_stage),
        cmocka_unit_test(an_empty_segment_works),
        cmocka_unit_test(a_failing_sink_is_reported),
        cmocka_unit_test(broken_sections_are_refused_or_harmless),
    };

    rng = test_seed();
    print_message("CAIRN_SEED=%llu\n", (unsigned long long)rng);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
