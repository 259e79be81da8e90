/* test_blocks.c - the meaning of quantised blocks, bit for bit against the reference file, and the
 * packed kernels' own reading of them against dequantize_row, in every CPU row. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>

#include "base/checked.h"
#include "generate/kernels/matrix.h"
#include "tests/generate/reference.h"

static const struct {
    const char *name;
    tensor_type type;
} types[] = {
    {"F16", TENSOR_F16},   {"BF16", TENSOR_BF16}, {"Q4_0", TENSOR_Q4_0}, {"Q4_1", TENSOR_Q4_1},
    {"Q5_0", TENSOR_Q5_0}, {"Q5_1", TENSOR_Q5_1}, {"Q8_0", TENSOR_Q8_0}, {"Q2_K", TENSOR_Q2_K},
    {"Q3_K", TENSOR_Q3_K}, {"Q4_K", TENSOR_Q4_K}, {"Q5_K", TENSOR_Q5_K}, {"Q6_K", TENSOR_Q6_K},
    {"IQ4_NL", TENSOR_IQ4_NL},
};
#define N_TYPES (sizeof types / sizeof *types)

static uint8_t *load(const char *type, const char *part, size_t *bytes)
{
    char member[32];
    snprintf(member, sizeof member, "%s_%s", type, part);
    return reference_npz("blocks.npz", member, bytes);
}

static void rows_equal_the_reference(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_TYPES; i++) {
        size_t raw_bytes, want_bytes;
        uint8_t *raw = load(types[i].name, "raw", &raw_bytes);
        uint8_t *want = load(types[i].name, "f32", &want_bytes);
        float *got;
        if (!raw || !want) {
            print_message("SKIP: no ../shared/reference/blocks.npz\n");
            skip();
        }
        got = malloc(want_bytes);
        assert_non_null(got);
        assert_true(dequantize_row(types[i].type, raw, got, want_bytes / 4));
        if (memcmp(got, want, want_bytes))
            fail_msg("%s differs", types[i].name);
        free(got);
        free(raw);
        free(want);
    }
}

/* 20 rows (so that the last strip is part empty) of the reference's blocks, packed and unpacked. */
static void strips_equal_the_rows(void **state)
{
    weight_heap *heap;
    (void)state;
    assert_int_equal(weight_heap_create(&heap, NULL), CAIRN_OK);
    for (size_t i = 0; i < N_TYPES; i++) {
        const tensor_type_info *info = tensor_type_get(types[i].type);
        size_t raw_bytes, rows = 20, per_row, cols;
        uint8_t *raw = load(types[i].name, "raw", &raw_bytes);
        float *want, *got;
        matrix *m;
        tensor t;
        if (!raw) {
            print_message("SKIP: no ../shared/reference/blocks.npz\n");
            weight_heap_destroy(heap);
            skip();
        }
        per_row = raw_bytes / info->block_bytes / rows;
        cols = per_row * info->block_size;
        t = (tensor){.name = types[i].name, .type = types[i].type, .n_dims = 2, .data = raw,
                     .dims = {cols, rows, 1, 1}, .bytes = rows * per_row * info->block_bytes};
        assert_int_equal(matrix_create(&m, &t, heap, NULL, NULL), CAIRN_OK);
        want = malloc(cols * rows * 4);
        got = malloc(cols * 16 * 4);
        assert_true(want && got);
        dequantize_row(t.type, raw, want, cols * rows);
        for (int level = CPU_SCALAR; level <= (int)cpu_level_max(); level++) {
            for (size_t s = 0; s < m->strips; s++) {
                kernels_for((cpu_level)level)->unpack[m->type](m->data + s * m->strip_bytes, cols, 0,
                                                               cols, got);
                for (size_t r = s * 16; r < rows && r < s * 16 + 16; r++)
                    for (size_t c = 0; c < cols; c++)
                        if (memcmp(&got[c * 16 + r % 16], &want[r * cols + c], 4))
                            fail_msg("%s, %s: row %zu column %zu: %g, not %g", types[i].name,
                                     cpu_level_name((cpu_level)level), r, c,
                                     (double)got[c * 16 + r % 16], (double)want[r * cols + c]);
            }
        }
        free(want);
        free(got);
        free(raw);
    }
    weight_heap_destroy(heap);
}

static void halves_convert_both_ways(void **state)
{
    (void)state;
    for (uint32_t h = 0; h < 65536; h++) {
        float f = half_to_float((uint16_t)h), simd[16];
        uint16_t in[16], back;
        if (f == f && float_to_half(f) != h)
            fail_msg("half %04x comes back as %04x", h, float_to_half(f));
        for (int level = CPU_SCALAR; level <= (int)cpu_level_max(); level++) {
            for (int i = 0; i < 16; i++)
                in[i] = (uint16_t)h;
            kernels_for((cpu_level)level)->from_half(in, 16, simd);
            assert_memory_equal(&simd[7], &f, 4);
        }
        /* Just above the middle between two halves, and the tie itself, in every row. */
        for (int nudge = -1; nudge <= 1 && (h & 0x7c00) != 0x7c00; nudge++) {
            float next = half_to_float((uint16_t)(h + 1)), x[16];
            float mid = (h & 0x7fff) == 0x7bff ? 65520.0f : f + (next - f) / 2;
            uint16_t out[16];
            for (int i = 0; i < 16; i++)
                x[i] = nudge < 0 ? nextafterf(mid, 0) : nudge ? nextafterf(mid, 1e9f) : mid;
            back = float_to_half(x[0]);
            for (int level = CPU_SCALAR; level <= (int)cpu_level_max(); level++) {
                kernels_for((cpu_level)level)->to_half(x, 16, out);
                assert_int_equal(out[3], back);
            }
        }
    }
    assert_int_equal(float_to_bfloat(1.00390625f), 0x3f80); /* tie to even */
    assert_int_equal(float_to_bfloat(1.01171875f), 0x3f82);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_equal_the_reference),
        cmocka_unit_test(strips_equal_the_rows),
        cmocka_unit_test(halves_convert_both_ways),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
