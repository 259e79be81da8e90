/* test_hnsw_golden.c - graphs written by earlier builds still open, verify and are walked.
 *
 * golden/hnsw-v1.bin: vec.meta 1 with its graph, 300 rows of 16 dimensions, m 6, as release 0.1
 * wrote it. golden/hnsw-v2.bin: hnsw.meta 2 with walk codes, 300 rows of 128 dimensions, m 6.
 * golden/hnsw-v3.bin: hnsw.meta 3, the same rows after a merge took out 20 more.
 *
 * CAIRN_WRITE_GOLDEN=FILE writes the same rows in today's format to FILE; a new format gets a new
 * file, an old file is never written again. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "index/vector/vector_format.h"
#include "tests/index/vector/packed_sections.h"

#define ROWS       300u
#define DIM_V1     16u
#define DIM_V2     128u
#define REMOVED    20u
#define GOLDEN_DIR CAIRN_SOURCE_DIR "/tests/index/vector/golden/"

static void golden_row(uint32_t row, uint32_t dim, float *v)
{
    uint64_t state = row + 1, centre = 1000 + row % 7;

    for (uint32_t i = 0; i < dim; i++)
        v[i] = (float)(test_uniform(&centre) - 0.5 + 0.8 * (test_uniform(&state) - 0.5));
}

static void load(const char *name, memory_sections *m)
{
    char path[1024];
    uint8_t *data = malloc(1 << 20);

    assert_non_null(data);
    snprintf(path, sizeof path, "%s%s", GOLDEN_DIR, name);
    FILE *f = fopen(path, "rb");
    if (!f)
        fail_msg("%s is missing", path);
    size_t n = fread(data, 1, 1 << 20, f);
    fclose(f);
    packed_read(m, data, n);
    free(data);
}

static void check_golden(const char *name, uint32_t dim, bool walk_codes, uint32_t removed)
{
    memory_sections mem;
    cairn_error err = {0};
    vector_reader *r;

    load(name, &mem);
    section_source source = memory_source(&mem);
    if (vector_reader_open(&r, &source, &err) || vector_verify(r, &err))
        fail_msg("%s: %s", name, err.text);
    assert_int_equal(vector_reader_rows(r), ROWS);
    assert_int_equal(vector_reader_dim(r), dim);
    assert_true(vector_reader_has_graph(r));
    assert_int_equal(r->graph.walk_code != NULL, walk_codes);
    assert_int_equal(r->graph.removed, removed);
    vector_segment seg = {r, NULL, NULL};
    for (uint32_t row = 0; row < ROWS; row++) {
        float v[DIM_V2], back[DIM_V2], work[DIM_V2];
        vector_hit got[10], want[10];
        size_t n_got, n_want;

        golden_row(row, dim, v);
        vector_normalize(v, dim);
        vector_reader_get(r, row, back);
        assert_memory_equal(v, back, dim * sizeof *v);
        assert_int_equal(vector_search(&seg, 1, v, dim, 10, NULL, NULL, got, &n_got, &err), 0);
        assert_int_equal(vector_search_exact(&seg, 1, v, dim, 10, NULL, want, &n_want, &err), 0);
        assert_int_equal(n_got, 10);
        assert_memory_equal(got, want, sizeof got);

        /* The walk by itself: so small a segment is scanned otherwise. */
        int8_t code[256];
        vector_query q = {.code = code};
        hnsw_candidate out[40];
        hnsw_search_stats stats;
        size_t n;
        vector_query_encode(&r->walk, v, work, &q);
        assert_int_equal(
            hnsw_search(&r->graph, &r->walk, &q, 40, NULL, NULL, 0, NULL, out, &n, &stats, &err),
            0);
        assert_int_equal(n, 40);
        assert_int_equal(out[0].row, row);
        assert_true(stats.scored < ROWS);
    }
    vector_reader_close(r);
    memory_clear(&mem);
}

static void a_graph_of_version_1_opens_and_finds(void **state)
{
    (void)state;
    check_golden("hnsw-v1.bin", DIM_V1, false, 0);
}

static void a_graph_of_version_2_opens_and_finds(void **state)
{
    (void)state;
    check_golden("hnsw-v2.bin", DIM_V2, true, 0);
}

static void a_graph_of_version_3_opens_and_finds(void **state)
{
    (void)state;
    check_golden("hnsw-v3.bin", DIM_V2, true, REMOVED);
}

/* The rows after REMOVED others, which a merge then takes out. */
static int write_golden(const char *path)
{
    memory_sections mem = {0}, merged = {0};
    section_sink sink = memory_sink(&mem);
    vector_options o = {.force = true, .m = 6};
    uint64_t deleted[(ROWS + REMOVED + 63) / 64] = {((uint64_t)1 << REMOVED) - 1};
    vector_reader *r = NULL;
    vector_writer *w;
    float v[DIM_V2];
    int failed = 0;

    if (vector_writer_create(&w, DIM_V2, VECTOR_COSINE, &o, NULL))
        return 1;
    for (uint32_t row = 0; row < ROWS + REMOVED && !failed; row++) {
        golden_row(row < REMOVED ? ROWS + row : row - REMOVED, DIM_V2, v);
        failed = vector_writer_add(w, v, NULL) != CAIRN_OK;
    }
    failed = failed || vector_writer_finish(w, &sink, NULL, NULL);
    vector_writer_destroy(w);
    section_source source = memory_source(&mem);
    failed = failed || vector_reader_open(&r, &source, NULL);
    vector_merge_input in = {r, deleted};
    sink = memory_sink(&merged);
    failed = failed || vector_merge(&in, 1, &o, &sink, NULL, NULL);
    vector_reader_close(r);
    FILE *f = failed ? NULL : fopen(path, "wb");
    failed = !f || packed_write(&merged, f);
    if (f && fclose(f))
        failed = 1;
    memory_clear(&merged);
    memory_clear(&mem);
    return failed;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_graph_of_version_1_opens_and_finds),
        cmocka_unit_test(a_graph_of_version_2_opens_and_finds),
        cmocka_unit_test(a_graph_of_version_3_opens_and_finds),
    };
    const char *path = getenv("CAIRN_WRITE_GOLDEN");

    if (path && *path)
        return write_golden(path);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
