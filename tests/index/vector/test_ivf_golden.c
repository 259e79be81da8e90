/* test_ivf_golden.c - inverted lists as format 1 wrote them, kept for ever in golden/ivf1-KIND.bin:
 * they must open, verify and find every row by itself. The rows are drawn anew here.
 *
 * CAIRN_GOLDEN_WRITE=1 writes the files instead (a new format number: do it once). FAISS learns
 * product quantizers from ten thousand rows; the small one of the golden file has a grid for
 * codebook. The files are runs of { 16 bytes name padded with 0, uint64 length, bytes }. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "index/vector/vector_format.h"
#include "tests/index/vector/golden_file.h"

#define ROWS 200u
#define DIM  8u
#define PART 2u

static const char *const names[] = {"ivf1-flat", "ivf1-sq8", "ivf1-pq"};

static cairn_error error;

static void ok(cairn_status st)
{
    if (st)
        fail_msg("%s", error.text);
}

static void golden_row(uint32_t row, float *v)
{
    uint64_t state = 500 + row;

    for (uint32_t i = 0; i < DIM; i++)
        v[i] = (float)((int)(test_random(&state) % 201) - 100) / 64.0f;
}

static void build(memory_sections *mem, vector_choice index)
{
    vector_options o = {.index = index, .force = true, .n_lists = 5};
    section_sink sink = memory_sink(mem);
    vector_writer *w;
    float v[DIM];

    ok(vector_writer_create(&w, DIM, VECTOR_L2, &o, &error));
    for (uint32_t r = 0; r < ROWS; r++) {
        golden_row(r, v);
        ok(vector_writer_add(w, v, &error));
    }
    ok(vector_writer_finish(w, &sink, NULL, &error));
    vector_writer_destroy(w);
}

/* The lists of `from` with codes of a grid: word j of a part is ((j % 16) / 4 - 2, (j / 16) / 4 -
 * 2). */
static void write_grid(const vector_reader *from, memory_sections *out)
{
    static float book[DIM * 256], bias[ROWS];
    static uint8_t code[ROWS * DIM / PART];
    section_sink sink = memory_sink(out);
    ivf_lists l = from->lists;
    float v[DIM];

    for (uint32_t i = 0; i < DIM; i++)
        for (uint32_t j = 0; j < 256; j++)
            book[i * 256 + j] = (float)(i % PART ? j / 16 : j % 16) / 4 - 2;
    for (uint32_t list = 0; list < l.n_lists; list++)
        for (uint32_t at = l.start[list]; at < l.start[list + 1]; at++) {
            double square = 0;
            golden_row(l.row[at], v);
            for (uint32_t i = 0; i < DIM; i++) {
                float centre = l.centroid[list * DIM + i];
                long step = lroundf((v[i] - centre + 2) * 4);
                step = step < 0 ? 0 : step > 15 ? 15 : step;
                uint8_t *c = &code[at * (DIM / PART) + i / PART];
                *c = (uint8_t)(i % PART ? *c | step << 4 : step);
                double x = (double)centre + (double)step / 4 - 2;
                square += x * x;
            }
            bias[at] = (float)(-square / 2);
        }
    l.kind = IVF_PQ;
    l.pq_bytes = DIM / PART;
    l.code_bytes = l.pq_bytes;
    l.code = code;
    l.bias = bias;
    l.book = book;
    l.scale = NULL;
    ok(ivf_put(&l, &sink, &error));
}

static void write_all(void)
{
    for (size_t kind = 0; kind < 3; kind++) {
        memory_sections mem = {0}, pq = {0};
        build(&mem, kind ? VECTOR_IVF_SQ8 : VECTOR_IVF_FLAT);
        if (kind == 2) {
            section_source source = memory_source(&mem);
            section_sink sink = memory_sink(&pq);
            vector_reader *r;
            ok(vector_reader_open(&r, &source, &error));
            for (size_t i = 0; i < mem.n; i++)
                if (strncmp(mem.at[i].name, "ivf.", 4) != 0)
                    ok(vector_put_section(&sink, mem.at[i].name, mem.at[i].data, mem.at[i].len,
                                          &error));
            write_grid(r, &pq);
            vector_reader_close(r);
        }
        write_golden(kind == 2 ? &pq : &mem, names[kind]);
        memory_clear(&mem);
        memory_clear(&pq);
    }
}

static void test_golden(void **state)
{
    (void)state;
    for (size_t kind = 0; kind < 3; kind++) {
        memory_sections mem = {0};
        vector_params few = {.n_probe = 1, .rescore = 30};
        vector_reader *r;
        float v[DIM], back[DIM];
        vector_hit hits[3];
        size_t n;

        read_golden(&mem, names[kind]);
        section_source source = memory_source(&mem);
        ok(vector_reader_open(&r, &source, &error));
        assert_int_equal(vector_reader_rows(r), ROWS);
        assert_int_equal(vector_reader_metric(r), VECTOR_L2);
        assert_int_equal(r->lists.kind, kind + 1);
        assert_int_equal(r->lists.n_lists, 5);
        ok(vector_verify(r, &error));
        vector_segment seg = {r, NULL, NULL};
        for (uint32_t row = 0; row < ROWS; row++) {
            golden_row(row, v);
            vector_reader_get(r, row, back);
            assert_memory_equal(v, back, sizeof v);
            ok(vector_search(&seg, 1, v, DIM, 3, &few, NULL, hits, &n, &error));
            assert_int_equal(n, 3);
            assert_int_equal(hits[0].row, row);
            assert_true(hits[0].score == 0);
        }
        vector_reader_close(r);
        memory_clear(&mem);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_golden)};

    if (getenv("CAIRN_GOLDEN_WRITE"))
        write_all();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
