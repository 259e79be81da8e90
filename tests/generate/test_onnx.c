/* test_onnx.c - encoders whose weights lie in an ONNX file: the same vectors and scores as from safetensors, by
 * every way in which exporters write a layer; what is refused; files that are cut short or changed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/checked.h"
#include "generate/encode/encoder.h"
#include "generate/encode/linear.h"
#include "generate/formats/onnx.h"
#include "tests/generate/toy_folder.h"
#include "tests/generate/toy_onnx.h"

static const onnx_shape plain = {.kind = ONNX_MATMUL};

/* The toy as a folder: of safetensors, and of ONNX in `file` of it. */
static void save(toy *y, const onnx_shape *s, const char *file, char st[300], char ox[300])
{
    char path[400];
    bytes b;

    toy_fill(y);
    snprintf(st, 300, "%s/toy", folder);
    snprintf(ox, 300, "%s/onnx/toy", folder); /* the same name: it is part of the identity */
    snprintf(path, sizeof path, "rm -rf '%s' '%s'", st, ox);
    assert_int_equal(system(path), 0);
    snprintf(path, sizeof path, "%s/onnx", folder);
    mkdir(path, 0700);
    toy_write_safetensors(y, st);
    toy_write_safetensors(y, ox);
    snprintf(path, sizeof path, "%s/model.safetensors", ox);
    unlink(path);
    if (strchr(file, '/')) {
        snprintf(path, sizeof path, "%s/onnx", ox);
        mkdir(path, 0700);
    }
    toy_onnx(y, s, &b);
    snprintf(path, sizeof path, "%s/%s", ox, file);
    toy_save(path, &b, y->cut);
    bytes_clear(&b);
}

static encoder *open_it(const char *path, bool exact, unsigned bits)
{
    const encoder_options options = {.exact = exact, .bits = bits};
    cairn_error err = {0};
    encoder *e;

    if (encoder_open(&e, path, &options, &err))
        fail_msg("%s", err.text);
    return e;
}

static const encoder_text texts[] = {{"The old mill runs to the sea.", 29}, {"river", 5}, {"a : a", 5}};
#define N 3

static void same_vectors(const char *st, const char *ox)
{
    static const struct {
        bool exact;
        unsigned bits;
    } ways[] = {{true, 0}, {false, 16}, {false, 8}};

    for (size_t w = 0; w < sizeof ways / sizeof *ways; w++) {
        encoder *a = open_it(st, ways[w].exact, ways[w].bits), *b = open_it(ox, ways[w].exact, ways[w].bits);
        float va[N][64], vb[N][64];
        assert_int_equal(encoder_embed(a, texts, N, ENCODER_PASSAGE, va[0], NULL), 0);
        assert_int_equal(encoder_embed(b, texts, N, ENCODER_PASSAGE, vb[0], NULL), 0);
        assert_memory_equal(va, vb, sizeof va);
        assert_string_equal(encoder_identity(a), encoder_identity(b));
        assert_int_equal(encoder_can_score(a), encoder_can_score(b));
        if (encoder_can_score(a)) {
            float sa[N], sb[N];
            assert_int_equal(encoder_score(a, texts, texts, N, sa, NULL), 0);
            assert_int_equal(encoder_score(b, texts, texts, N, sb, NULL), 0);
            assert_memory_equal(sa, sb, sizeof sa);
        }
        assert_int_equal(encoder_labels(a), encoder_labels(b));
        if (encoder_labels(a)) {
            float la[N * 4], lb[N * 4];
            assert_int_equal(encoder_classify(a, texts, texts, N, la, NULL), 0);
            assert_int_equal(encoder_classify(b, texts, texts, N, lb, NULL), 0);
            assert_memory_equal(la, lb, N * encoder_labels(a) * sizeof *la);
        }
        encoder_close(a);
        encoder_close(b);
    }
}

/* Panel by panel, whichever way the matrix lies in its file. */
static void same_panels(const char *st, const char *ox)
{
    static const linear_width ways[] = {LINEAR_EXACT, LINEAR_16_BITS, LINEAR_8_BITS};
    cairn_error err = {0};
    bert *models[2];

    assert_int_equal(bert_open(&models[0], st, &err), 0);
    assert_int_equal(bert_open(&models[1], ox, &err), 0);
    for (size_t w = 0; w < sizeof ways / sizeof *ways; w++)
        for (size_t at = 0; at < models[0]->n_layers * BERT_LINEARS; at++) {
            uint8_t *rooms[2];
            size_t bytes[2];
            for (int m = 0; m < 2; m++) {
                const bert_linear *src = &models[m]->layers[at / BERT_LINEARS].linear[at % BERT_LINEARS];
                void *scratch;
                linear l;
                linear_init(&l, src, ways[w]);
                bytes[m] = linear_room(&l);
                rooms[m] = checked_aligned(bytes[m], 1);
                scratch = checked_aligned(linear_pack_scratch(&l), 1);
                assert_non_null(rooms[m]);
                assert_non_null(scratch);
                memset(rooms[m], 0xA5, bytes[m]);
                linear_place(&l, rooms[m]);
                for (size_t panel = 0; panel < src->out / ENCODE_PANEL; panel++)
                    linear_pack_panel(&l, encode_kernels_get(), panel, scratch);
                free(scratch);
            }
            assert_int_equal(bytes[0], bytes[1]);
            assert_memory_equal(rooms[0], rooms[1], bytes[0]);
            free(rooms[0]);
            free(rooms[1]);
        }
    bert_close(models[0]);
    bert_close(models[1]);
}

static void gives_the_bytes_of_safetensors(void **state)
{
    static const struct {
        onnx_shape shape;
        tensor_type type;
        size_t labels;
        bool roberta;
        const char *file;
    } kinds[] = {
        {{.kind = ONNX_MATMUL}, TENSOR_F32, 0, false, "model.onnx"},
        {{.kind = ONNX_MATMUL, .swapped_sum = true, .packed_dims = true}, TENSOR_F32, 0, false, "onnx/model.onnx"},
        {{.kind = ONNX_GEMM}, TENSOR_F32, 1, false, "model.onnx"},
        {{.kind = ONNX_GEMM_TURNING}, TENSOR_F32, 2, false, "model.onnx"},
        {{.kind = ONNX_MATMUL, .float_data = true}, TENSOR_F32, 1, false, "model.onnx"},
        {{.kind = ONNX_GEMM}, TENSOR_F32, 3, false, "model.onnx"},
        {{.kind = ONNX_MATMUL}, TENSOR_F16, 0, false, "model.onnx"},
        {{.kind = ONNX_MATMUL}, TENSOR_BF16, 0, true, "model.onnx"},
        {{.kind = ONNX_MATMUL, .swapped_sum = true}, TENSOR_F32, 1, true, "onnx/model.onnx"},
    };
    char st[300], ox[300];

    (void)state;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        toy y = toy_default;
        y.type = kinds[i].type;
        y.labels = kinds[i].labels;
        y.roberta = kinds[i].roberta;
        y.seed = i + 3;
        save(&y, &kinds[i].shape, kinds[i].file, st, ox);
        same_vectors(st, ox);
        same_panels(st, ox);
        toy_free(&y);
    }
}

static void says_what_it_cannot_read(void **state)
{
    static const struct {
        onnx_shape shape;
        const char *leave_out, *word;
    } kinds[] = {
        {{.kind = ONNX_MATMUL, .outside = true}, NULL, "beside it"},
        {{.kind = ONNX_MATMUL, .op = "DynamicQuantizeLinear"}, NULL, "quantised or fused (DynamicQuantizeLinear)"},
        {{.kind = ONNX_MATMUL, .op = "SkipLayerNormalization", .domain = "com.microsoft"}, NULL, "fused (Skip"},
        {{.kind = ONNX_MATMUL}, "encoder.layer.1.attention.self.key.weight", "no tensor encoder.layer.1.attention.self.key.weight"},
        /* without its bias a matrix keeps its number */
        {{.kind = ONNX_MATMUL}, "encoder.layer.0.output.dense.bias", "no tensor encoder.layer.0.output.dense.weight"},
    };
    char st[300], ox[300];

    (void)state;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        cairn_error err = {0};
        toy y = toy_default;
        encoder *e;
        y.leave_out = kinds[i].leave_out;
        save(&y, &kinds[i].shape, "model.onnx", st, ox);
        assert_int_not_equal(encoder_open(&e, ox, NULL, &err), CAIRN_OK);
        if (!strstr(err.text, kinds[i].word) || !strstr(err.text, "/toy/model.onnx"))
            fail_msg("case %zu: %s", i, err.text);
        toy_free(&y);
    }
}

/* A copy of exactly these bytes, so that a sanitizer sees what is read behind them. */
static cairn_status open_bytes(const char *data, size_t len, cairn_error *err)
{
    uint8_t *copy = malloc(len ? len : 1);
    cairn_status st;
    onnx *o;

    assert_non_null(copy);
    memcpy(copy, data, len);
    st = onnx_open_memory(&o, copy, len, "test.onnx", err);
    if (!st)
        onnx_close(o);
    free(copy);
    return st;
}

static void small_file(bytes *b)
{
    toy y = toy_default;

    y.hidden = y.ff = 32;
    y.heads = y.layers = 1;
    toy_fill(&y);
    toy_onnx(&y, &plain, b);
    toy_free(&y);
}

static void refuses_files_that_are_cut_short(void **state)
{
    bytes b;

    (void)state;
    small_file(&b);
    assert_int_equal(open_bytes(b.data, b.len, NULL), CAIRN_OK);
    for (size_t len = 0; len < b.len; len += len < 600 ? 1 : 97) {
        cairn_error err = {0};
        if (open_bytes(b.data, len, &err) != CAIRN_EMODEL)
            fail_msg("%zu of %zu bytes were taken for a model", len, b.len);
        assert_non_null(strstr(err.text, "test.onnx"));
    }
    bytes_clear(&b);
}

static void survives_changed_bytes(void **state)
{
    uint64_t seed = 20261126;
    bytes b;

    (void)state;
    small_file(&b);
    for (size_t i = 0; i < 4000; i++) {
        char *at, was;
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        at = b.data + (seed >> 33) % b.len;
        was = *at;
        *at = (char)(seed >> 20);
        (void)open_bytes(b.data, b.len, NULL);
        *at = was;
    }
    bytes_clear(&b);
}

static void one_value(bytes *file, const size_t *dims, size_t n_dims, size_t len, int times)
{
    static const uint8_t data[64];
    bytes graph;

    bytes_init(&graph, 1 << 16);
    bytes_init(file, 1 << 16);
    for (int i = 0; i < times; i++)
        onnx_value(&graph, &plain, "w", dims, n_dims, TENSOR_F32, data, len);
    pb_bytes(file, 7, graph.data, graph.len);
    bytes_clear(&graph);
}

static void checks_shapes(void **state)
{
    static const struct {
        size_t dims[5], n_dims, len;
        int times;
        const char *word; /* NULL: it opens */
    } cases[] = {
        {{2, 4}, 2, 32, 1, NULL},
        {{2, 4}, 2, 31, 1, "holds 31 bytes, its shape needs 32"},
        {{2, 4}, 2, 32, 2, "there twice"},
        {{SIZE_MAX / 2, 4}, 2, 32, 1, NULL},     /* no size at all: left out */
        {{SIZE_MAX / 8, 4}, 2, 32, 1, "holds"},  /* its bytes do not fit */
        {{1, 1, 1, 1, 8}, 5, 32, 1, NULL},       /* more dimensions than a weight has: left out */
        {{0, 4}, 2, 0, 1, NULL},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        cairn_error err = {0};
        bytes b;
        one_value(&b, cases[i].dims, cases[i].n_dims, cases[i].len, cases[i].times);
        const cairn_status st = open_bytes(b.data, b.len, &err);
        if (cases[i].word ? st != CAIRN_EMODEL || !strstr(err.text, cases[i].word) : st != CAIRN_OK)
            fail_msg("case %zu: %d %s", i, (int)st, err.text);
        bytes_clear(&b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gives_the_bytes_of_safetensors),
        cmocka_unit_test(says_what_it_cannot_read),
        cmocka_unit_test(refuses_files_that_are_cut_short),
        cmocka_unit_test(survives_changed_bytes),
        cmocka_unit_test(checks_shapes),
    };
    return cmocka_run_group_tests_name("onnx", tests, make_folder, remove_folder);
}
