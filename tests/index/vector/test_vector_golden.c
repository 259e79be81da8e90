/* test_vector_golden.c - a segment's sections as each format version wrote them, kept for ever in
 * golden/vN.bin: they must open, verify and answer. The rows are drawn anew here, so the
 * files are checked against the rows, not against themselves.
 *
 * CAIRN_GOLDEN_WRITE=1 writes the files of the present version first (a new format number: do it
 * once).
 *
 * A golden file is a run of { 16 bytes name padded with 0, uint64 length, bytes }. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "index/vector/vector_format.h"
#include "tests/index/vector/golden_file.h"

#define ROWS 150u
#define DIM  20u

static void golden_row(uint32_t row, float *v)
{
    uint64_t state = 1000 + row;

    for (uint32_t i = 0; i < DIM; i++)
        v[i] = (float)((int)(test_random(&state) % 201) - 100) / 64.0f;
}

static void write_present(const char *name, vector_metric metric, const vector_options *o)
{
    cairn_error err = {0};
    memory_sections mem = {0};
    section_sink sink = memory_sink(&mem);
    vector_writer *w;
    float v[DIM];

    assert_int_equal(vector_writer_create(&w, DIM, metric, o, &err), 0);
    for (uint32_t r = 0; r < ROWS; r++) {
        golden_row(r, v);
        assert_int_equal(vector_writer_add(w, v, &err), 0);
    }
    assert_int_equal(vector_writer_finish(w, &sink, NULL, &err), 0);
    vector_writer_destroy(w);
    write_golden(&mem, name);
    memory_clear(&mem);
}

/* Storage, codes, their dimension: one file each of the present version. */
static const struct kind {
    const char *name;
    vector_metric metric;
    vector_options options;
} kinds[] = {
    {"v2", VECTOR_COSINE, {.force = true, .m = 4}},
    {"v2-f16-i4-l2", VECTOR_L2, {.storage = VECTOR_F16, .codes = VECTOR_CODE_I4}},
    {"v2-bf16-b1-dot", VECTOR_DOT, {.storage = VECTOR_BF16, .codes = VECTOR_CODE_B1}},
    {"v2-i8-part", VECTOR_COSINE, {.storage = VECTOR_I8, .code_dim = 12}},
    {"v2-i8-alone", VECTOR_L2, {.storage = VECTOR_I8}},
};

static void check_golden(const char *name, const struct kind *kind)
{
    memory_sections mem = {0};
    cairn_error err = {0};
    vector_reader *reader;
    float v[DIM], back[DIM], want[DIM], scale;
    uint8_t stored[4 * DIM];
    vector_hit hits[5], exact[5];
    size_t n, found = 0;

    read_golden(&mem, name);
    section_source source = memory_source(&mem);
    if (vector_reader_open(&reader, &source, &err) || vector_verify(reader, &err))
        fail_msg("%s: %s", name, err.text);
    assert_int_equal(vector_reader_rows(reader), ROWS);
    assert_int_equal(vector_reader_dim(reader), DIM);
    assert_int_equal(vector_reader_metric(reader), kind->metric);
    assert_int_equal(vector_reader_storage(reader), kind->options.storage);
    assert_int_equal(vector_reader_codes(reader), kind->options.codes);
    assert_int_equal(vector_reader_has_graph(reader), kind->options.force);
    vector_segment seg = {reader, NULL, NULL};
    for (uint32_t r = 0; r < ROWS; r++) {
        golden_row(r, v);
        if (kind->metric == VECTOR_COSINE)
            assert_true(vector_normalize(v, DIM));
        assert_true(vector_original_put(kind->options.storage, v, DIM, stored, &scale));
        vector_originals o = {kind->options.storage, DIM, 0, stored, &scale};
        vector_original_get(&o, 0, want);
        vector_reader_get(reader, r, back);
        assert_memory_equal(want, back, sizeof back);
        assert_int_equal(vector_search(&seg, 1, v, DIM, 5, NULL, NULL, hits, &n, &err), 0);
        assert_int_equal(n, 5);
        assert_int_equal(vector_search_exact(&seg, 1, v, DIM, 5, NULL, exact, &n, &err), 0);
        for (size_t i = 0; i < 5; i++)
            for (size_t j = 0; j < 5; j++)
                found += hits[i].row == exact[j].row;
        if (kind->metric != VECTOR_DOT)
            assert_int_equal(hits[0].row, r);
    }
    assert_true(found >= ROWS * 5 - 5);
    vector_reader_close(reader);
    memory_clear(&mem);
}

static void version_1_still_reads(void **state)
{
    (void)state;
    check_golden("v1", &kinds[0]);
}

static void version_2_reads(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        check_golden(kinds[i].name, &kinds[i]);
}

/* Set the version of a meta section, and make it `more` bytes longer: a newer format may be. */
static void set_version(memory_section *s, uint32_t version, size_t more)
{
    uint8_t *data = calloc(1, s->len + more);

    assert_non_null(data);
    memcpy(data, s->data, s->len);
    memcpy(data, &version, sizeof version);
    free(s->data);
    s->data = data;
    s->len += more;
}

/* What a newer program wrote is not damaged; it says so, and how to go on. */
static void a_newer_format_is_named_with_its_cure(void **state)
{
    static const struct {
        const char *file, *section;
    } cases[] = {{"v2", "vec.meta"}, {"v2", "hnsw.meta"}, {"ivf1-sq8", "ivf.meta"}};
    static const struct {
        uint32_t version;
        size_t more;
        cairn_status want;
    } versions[] = {{0, 0, CAIRN_ECORRUPT},
                    {1000, 0, CAIRN_EUNSUPPORTED},
                    {1000, 8, CAIRN_EUNSUPPORTED},
                    {UINT32_MAX, 4, CAIRN_EUNSUPPORTED}};

    (void)state;
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++)
        for (size_t i = 0; i < sizeof versions / sizeof *versions; i++) {
            memory_sections mem = {0};
            vector_reader *reader = NULL;
            cairn_error err = {0};
            read_golden(&mem, cases[c].file);
            memory_section *meta = memory_get(&mem, cases[c].section);
            assert_non_null(meta);
            set_version(meta, versions[i].version, versions[i].more);
            section_source source = memory_source(&mem);
            if (vector_reader_open(&reader, &source, &err) != versions[i].want)
                fail_msg("%s of version %u: %s", cases[c].section, versions[i].version, err.text);
            assert_null(reader);
            assert_non_null(strstr(err.text, cases[c].section));
            if (versions[i].want == CAIRN_EUNSUPPORTED)
                assert_non_null(strstr(err.text, "cairn index"));
            memory_clear(&mem);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(version_1_still_reads),
        cmocka_unit_test(version_2_reads),
        cmocka_unit_test(a_newer_format_is_named_with_its_cure),
    };

    for (size_t i = 0; getenv("CAIRN_GOLDEN_WRITE") && i < sizeof kinds / sizeof *kinds; i++)
        write_present(kinds[i].name, kinds[i].metric, &kinds[i].options);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
