/* test_vector_golden.c - a segment's sections as each format version wrote them, kept for ever in
 * golden/vN.bin: they must open, verify and answer. The rows are drawn anew here, so the
 * files are checked against the rows, not against themselves.
 *
 * CAIRN_GOLDEN_WRITE=1 writes the file of the present version instead (a new format number: do it once).
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
#include "tests/index/vector/memory_sections.h"

#define ROWS 150u
#define DIM 20u

static void golden_row(uint32_t row, float *v)
{
    uint64_t state = 1000 + row;

    for (uint32_t i = 0; i < DIM; i++)
        v[i] = (float)((int)(test_random(&state) % 201) - 100) / 64.0f;
}

static void golden_path(char *out, size_t n, unsigned version)
{
    snprintf(out, n, "%s/tests/index/vector/golden/v%u.bin", CAIRN_SOURCE_DIR, version);
}

static void write_golden(const memory_sections *mem, unsigned version)
{
    char path[1024];

    golden_path(path, sizeof path, version);
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    for (size_t i = 0; i < mem->n; i++) {
        char name[16] = {0};
        uint64_t len = mem->at[i].len;
        memcpy(name, mem->at[i].name, strlen(mem->at[i].name));
        assert_int_equal(fwrite(name, 1, 16, f), 16);
        assert_int_equal(fwrite(&len, 1, 8, f), 8);
        assert_int_equal(fwrite(mem->at[i].data, 1, len, f), len);
    }
    assert_int_equal(fclose(f), 0);
}

static void read_golden(memory_sections *mem, unsigned version)
{
    char path[1024], name[17] = {0};
    section_sink sink = memory_sink(mem);
    cairn_error err = {0};
    uint64_t len;

    golden_path(path, sizeof path, version);
    FILE *f = fopen(path, "rb");
    if (!f)
        fail_msg("%s is missing", path);
    while (fread(name, 1, 16, f) == 16) {
        assert_int_equal(fread(&len, 1, 8, f), 8);
        assert_true(len < 1 << 20);
        uint8_t *data = malloc(len + 1);
        assert_non_null(data);
        assert_int_equal(fread(data, 1, len, f), len);
        assert_int_equal(sink.begin(sink.ctx, name, &err), 0);
        assert_int_equal(sink.write(sink.ctx, data, len, &err), 0);
        assert_int_equal(sink.end(sink.ctx, &err), 0);
        free(data);
    }
    fclose(f);
}

/* Cosine, float originals, int8 codes, a graph. */
static void write_present(void)
{
    vector_options o = {.force = true, .m = 4};
    cairn_error err = {0};
    memory_sections mem = {0};
    section_sink sink = memory_sink(&mem);
    vector_writer *w;
    float v[DIM];

    assert_int_equal(vector_writer_create(&w, DIM, VECTOR_COSINE, &o, &err), 0);
    for (uint32_t r = 0; r < ROWS; r++) {
        golden_row(r, v);
        assert_int_equal(vector_writer_add(w, v, &err), 0);
    }
    assert_int_equal(vector_writer_finish(w, &sink, NULL, &err), 0);
    vector_writer_destroy(w);
    write_golden(&mem, VECTOR_FORMAT_VERSION);
    memory_clear(&mem);
}

static void check_golden(unsigned version)
{
    memory_sections mem = {0};
    cairn_error err = {0};
    vector_reader *reader;
    float v[DIM], back[DIM];
    vector_hit hits[5];
    size_t n;

    read_golden(&mem, version);
    section_source source = memory_source(&mem);
    if (vector_reader_open(&reader, &source, &err))
        fail_msg("version %u: %s", version, err.text);
    assert_int_equal(vector_reader_rows(reader), ROWS);
    assert_int_equal(vector_reader_dim(reader), DIM);
    assert_int_equal(vector_reader_metric(reader), VECTOR_COSINE);
    assert_true(vector_reader_has_graph(reader));
    if (vector_verify(reader, &err))
        fail_msg("version %u: %s", version, err.text);
    vector_segment seg = {reader, NULL, NULL};
    for (uint32_t r = 0; r < ROWS; r++) {
        golden_row(r, v);
        assert_true(vector_normalize(v, DIM));
        vector_reader_get(reader, r, back);
        assert_memory_equal(v, back, sizeof v);
        assert_int_equal(vector_search(&seg, 1, v, DIM, 5, NULL, NULL, hits, &n, &err), 0);
        assert_int_equal(n, 5);
        assert_int_equal(hits[0].row, r);
        assert_true(fabsf(hits[0].score - 1) < 1e-6f);
    }
    vector_reader_close(reader);
    memory_clear(&mem);
}

static void version_1_still_reads(void **state)
{
    (void)state;
    check_golden(1);
}

static void version_2_reads(void **state)
{
    (void)state;
    check_golden(2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(version_1_still_reads),
        cmocka_unit_test(version_2_reads),
    };

    if (getenv("CAIRN_GOLDEN_WRITE"))
        write_present();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
