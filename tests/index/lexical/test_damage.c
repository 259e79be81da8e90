/* test_damage.c - broken bytes in any section: an error or an answer, never a crash. Run it under
 * ASan; every section is a heap block of its own size. */
#include "tests/index/lexical/corpus.h"

static cairn_status null_begin(void *ctx, const char *name, cairn_error *err)
{
    (void)ctx, (void)name, (void)err;
    return CAIRN_OK;
}

static cairn_status null_write(void *ctx, const void *data, size_t n, cairn_error *err)
{
    (void)ctx, (void)data, (void)n, (void)err;
    return CAIRN_OK;
}

static cairn_status null_end(void *ctx, cairn_error *err)
{
    (void)ctx, (void)err;
    return CAIRN_OK;
}

static void expect(cairn_status st, const char *what)
{
    if (st && st != CAIRN_ECORRUPT && st != CAIRN_EUNSUPPORTED)
        fail_msg("%s: %s", what, cairn_status_name(st));
}

/* Use everything of an index whose bytes may be anything. Returns whether anything complained. */
static bool use(memory_sections *m, analyzer *a, random_state *r)
{
    static lexical_hit hits[100];
    section_source source = memory_source(m);
    section_sink sink = {NULL, null_begin, null_write, null_end};
    lexical_reader *reader;
    lexical_merge_input in;
    bool complained = false;
    cairn_status st = lexical_reader_open(&reader, &source, NULL);

    expect(st, "open");
    if (st)
        return true;
    st = lexical_reader_verify(reader, NULL);
    expect(st, "verify");
    complained = st != CAIRN_OK;
    for (size_t i = 0; i < 6; i++) {
        lexical_segment seg = {reader, NULL, NULL};
        question q;
        size_t n;
        question_random(&q, r, 40, i % 2);
        st = i < 4 ? lexical_search(a, &seg, 1, &q.query, NULL, 100, hits, &n, NULL)
                   : lexical_search_exhaustive(a, &seg, 1, &q.query, NULL, 100, hits, &n, NULL);
        expect(st, "search");
        for (size_t j = 0; j < n && !st; j++)
            assert_true(hits[j].row < lexical_reader_rows(reader));
    }
    in = (lexical_merge_input){reader, NULL};
    expect(lexical_merge(&in, 1, &sink, NULL), "merge");
    lexical_reader_close(reader);
    return complained;
}

static void copy_sections(memory_sections *to, const memory_sections *from)
{
    memset(to, 0, sizeof *to);
    for (size_t i = 0; i < from->n; i++) {
        section_sink sink = memory_sink(to);
        memory_begin(to, from->name[i], NULL);
        sink.write(to, from->data[i], from->len[i], NULL);
        memory_end(to, NULL);
    }
}

static void damaged_bytes_never_crash(void **state)
{
    random_state r = random_seeded();
    test_index ix;
    analyzer *a;
    size_t rounds = 1200, noticed = 0;
    (void)state;

    assert_int_equal(analyzer_create(&a, NULL), CAIRN_OK);
    index_random(&ix, &r, 700, 40, false);
    for (size_t round = 0; round < rounds; round++) {
        memory_sections m;
        size_t s, changes = 1 + random_below(&r, 3);
        copy_sections(&m, &ix.sections);
        s = random_below(&r, m.n);
        for (size_t i = 0; i < changes && m.len[s]; i++) {
            static const uint8_t edge[] = {0, 1, 0x7F, 0x80, 0xFF};
            /* Mostly near the front, where the counts and the skip tables are. */
            size_t at = random_below(&r, random_below(&r, 2) ? m.len[s] : m.len[s] % 400 + 1);
            uint8_t *b = &m.data[s][at < m.len[s] ? at : 0];
            *b = random_below(&r, 2) ? (uint8_t)random_next(&r) : edge[random_below(&r, 5)];
        }
        noticed += use(&m, a, &r);
        memory_clear(&m);
    }
    print_message("%zu of %zu damaged indexes were noticed\n", noticed, rounds);
    index_close(&ix);
    analyzer_destroy(a);
}

static void cut_sections_are_refused(void **state)
{
    random_state r = random_seeded();
    test_index ix;
    analyzer *a;
    (void)state;

    assert_int_equal(analyzer_create(&a, NULL), CAIRN_OK);
    index_random(&ix, &r, 500, 40, true);
    for (size_t s = 0; s < ix.sections.n; s++)
        for (size_t i = 0; i < 20; i++) {
            memory_sections m;
            size_t len = ix.sections.len[s];
            if (!len) /* words without a stem have no forms */
                continue;
            copy_sections(&m, &ix.sections);
            len = i < 4 ? len - 1 - i : random_below(&r, len);
            m.data[s] = realloc(m.data[s], len ? len : 1);
            m.len[s] = len;
            if (!use(&m, a, &r))
                fail_msg("%s cut to %zu bytes was accepted", m.name[s], len);
            memory_clear(&m);
        }
    for (size_t s = 0; s < ix.sections.n; s++) {
        memory_sections m;
        section_source source = memory_source(&m);
        lexical_reader *reader;
        if (!strcmp(ix.sections.name[s], "lex.ends")) /* words are walked without it */
            continue;
        copy_sections(&m, &ix.sections);
        m.name[s][0] = 'x';
        assert_int_equal(lexical_reader_open(&reader, &source, NULL), CAIRN_ECORRUPT);
        memory_clear(&m);
    }
    index_close(&ix);
    analyzer_destroy(a);
}

static void other_versions_are_refused(void **state)
{
    random_state r = random_seeded();
    test_index ix;
    (void)state;

    index_random(&ix, &r, 10, 40, true);
    for (size_t at = 4; at <= 8; at += 4) { /* format, analyzer */
        memory_sections m;
        section_source source = memory_source(&m);
        lexical_reader *reader;
        cairn_error err;
        copy_sections(&m, &ix.sections);
        assert_string_equal(m.name[0], "lex.meta");
        m.data[0][at] = 99;
        assert_int_equal(lexical_reader_open(&reader, &source, &err), CAIRN_EUNSUPPORTED);
        assert_non_null(strstr(err.text, "rebuild"));
        memory_clear(&m);
    }
    index_close(&ix);
}

/* A sink whose n-th call fails. */
typedef struct failing {
    size_t left;
} failing;

static cairn_status count_down(failing *f, cairn_error *err)
{
    return f->left-- ? CAIRN_OK : cairn_fail(err, CAIRN_EFULL, "the disk is full");
}

static cairn_status failing_begin(void *ctx, const char *name, cairn_error *err)
{
    (void)name;
    return count_down(ctx, err);
}

static cairn_status failing_write(void *ctx, const void *data, size_t n, cairn_error *err)
{
    (void)data, (void)n;
    return count_down(ctx, err);
}

static cairn_status failing_end(void *ctx, cairn_error *err)
{
    return count_down(ctx, err);
}

/* Every failure of the sink comes back to the caller, and nothing leaks. */
static void a_full_disk_is_reported(void **state)
{
    random_state r = random_seeded();
    test_index ix;
    cairn_status st = CAIRN_EFULL;
    size_t n;
    (void)state;

    index_random(&ix, &r, 300, 40, false);
    for (n = 0; st; n++) {
        failing f = {n};
        section_sink sink = {&f, failing_begin, failing_write, failing_end};
        lexical_merge_input in = {ix.reader, NULL};
        st = lexical_merge(&in, 1, &sink, NULL);
        assert_true(st == CAIRN_OK || st == CAIRN_EFULL);
        assert_true(n < 100);
    }
    assert_true(n > 12);
    for (n = 0, st = CAIRN_EFULL; st; n++) {
        failing f = {n};
        section_sink sink = {&f, failing_begin, failing_write, failing_end};
        lexical_doc d = {.lang = "en"};
        lexical_writer *w;
        assert_int_equal(lexical_writer_create(&w, NULL, NULL), CAIRN_OK);
        d.field[LEXICAL_BODY].text = "one two two";
        d.field[LEXICAL_BODY].len = 11;
        assert_int_equal(lexical_writer_add(w, &d, NULL, NULL), CAIRN_OK);
        st = lexical_writer_finish(w, &sink, NULL);
        assert_true(st == CAIRN_OK || st == CAIRN_EFULL);
        assert_int_equal(lexical_writer_finish(w, &sink, NULL), CAIRN_EUSAGE);
        lexical_writer_destroy(w);
    }
    index_close(&ix);
}

/* No rows, empty rows, and a merge of nothing are indexes too. */
static void empty_indexes_work(void **state)
{
    lexical_clause c = {.text = "word", .len = 4};
    lexical_query q = {&c, 1, "en"};
    (void)state;

    for (size_t rows = 0; rows < 3; rows++) {
        test_index ix = {0}, merged = {0};
        lexical_writer *w;
        section_sink sink = memory_sink(&ix.sections), to = memory_sink(&merged.sections);
        lexical_doc d = {.lang = NULL};
        lexical_segment seg[2];
        lexical_merge_input in;
        lexical_hit hit;
        uint64_t all = UINT64_MAX;
        size_t n;
        assert_int_equal(lexical_writer_create(&w, NULL, NULL), CAIRN_OK);
        for (size_t i = 0; i < rows; i++)
            assert_int_equal(lexical_writer_add(w, &d, NULL, NULL), CAIRN_OK);
        assert_int_equal(lexical_writer_finish(w, &sink, NULL), CAIRN_OK);
        lexical_writer_destroy(w);
        index_open(&ix);
        in = (lexical_merge_input){ix.reader, &all};
        assert_int_equal(lexical_merge(&in, rows ? 1 : 0, &to, NULL), CAIRN_OK);
        index_open(&merged);
        assert_int_equal(lexical_reader_rows(merged.reader), 0);
        seg[0] = (lexical_segment){ix.reader, NULL, NULL};
        seg[1] = (lexical_segment){merged.reader, NULL, NULL};
        assert_int_equal(lexical_search(NULL, seg, 2, &q, NULL, 1, &hit, &n, NULL), CAIRN_OK);
        assert_int_equal(n, 0);
        assert_int_equal(lexical_search_exhaustive(NULL, seg, 2, &q, NULL, 1, &hit, &n, NULL),
                         CAIRN_OK);
        assert_int_equal(n, 0);
        index_close(&ix);
        index_close(&merged);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cut_sections_are_refused),   cmocka_unit_test(damaged_bytes_never_crash),
        cmocka_unit_test(other_versions_are_refused), cmocka_unit_test(a_full_disk_is_reported),
        cmocka_unit_test(empty_indexes_work),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
