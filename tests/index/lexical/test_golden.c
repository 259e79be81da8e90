/* test_golden.c - files of each format, kept since that format was new.
 *
 * format1.bin and format2.bin hold the same 300 random rows, ends1.bin is section lex.ends of them,
 * which is younger. The terms carry the analyzer's version
 * of their day, which is set to today's first: the files are about lists, not words. */
#include "tests/index/lexical/corpus.h"
#include "tests/index/lexical/packed_sections.h"

static const uint8_t *golden_file(const char *name, size_t *n)
{
    static uint8_t data[1 << 17];
    char path[1024];
    FILE *f;

    snprintf(path, sizeof path, "%s/tests/index/lexical/golden/%s", CAIRN_SOURCE_DIR, name);
    f = fopen(path, "rb");
    assert_non_null(f);
    *n = fread(data, 1, sizeof data, f);
    fclose(f);
    return data;
}

static void golden(memory_sections *m, const char *name, bool adopt)
{
    size_t n;
    const uint8_t *data = golden_file(name, &n);
    uint32_t version = ANALYZER_VERSION;

    packed_read(m, data, n);
    assert_true(m->n >= 6);
    assert_string_equal(m->name[0], "lex.meta");
    if (adopt)
        memcpy(m->data[0] + 8, &version, 4);
}

/* A merge decodes all of a file and writes it again: the same bytes, or reader or writer changed.
 */
static void format_2_reads_and_writes_as_ever(void **state)
{
    test_index ix = {0};
    memory_sections again = {0};
    section_sink sink = memory_sink(&again);
    lexical_merge_input in;
    const uint8_t *ends;
    size_t n;
    (void)state;

    golden(&ix.sections, "format2.bin", true);
    index_open(&ix);
    assert_int_equal(lexical_reader_rows(ix.reader), 300);
    assert_int_equal(lexical_reader_terms(ix.reader), 300);
    assert_int_equal(lexical_reader_postings(ix.reader), 7741);
    in = (lexical_merge_input){ix.reader, NULL};
    assert_int_equal(lexical_merge(&in, 1, &sink, NULL), CAIRN_OK);
    assert_int_equal(again.n, ix.sections.n + 1);
    assert_string_equal(again.name[ix.sections.n], "lex.ends");
    ends = golden_file("ends1.bin", &n);
    assert_int_equal(again.len[ix.sections.n], n);
    assert_memory_equal(again.data[ix.sections.n], ends, n);
    for (size_t i = 0; i < ix.sections.n; i++) {
        assert_string_equal(again.name[i], ix.sections.name[i]);
        assert_int_equal(again.len[i], ix.sections.len[i]);
        assert_memory_equal(again.data[i], ix.sections.data[i], again.len[i]);
    }
    memory_clear(&again);
    index_close(&ix);
}

static void format_1_is_refused_with_the_cure(void **state)
{
    memory_sections m;
    section_source source = memory_source(&m);
    lexical_reader *reader;
    cairn_error err;
    (void)state;

    golden(&m, "format1.bin", false);
    assert_int_equal(lexical_reader_open(&reader, &source, &err), CAIRN_EUNSUPPORTED);
    assert_non_null(strstr(err.text, "format 1"));
    assert_non_null(strstr(err.text, "rebuild"));
    memory_clear(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(format_2_reads_and_writes_as_ever),
        cmocka_unit_test(format_1_is_refused_with_the_cure),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
