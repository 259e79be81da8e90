/* test_families.c - every architecture, window, scale, cap and rotary scaling against the same written
 * plainly in double precision (plain_decoder.h) and against llama.cpp's logits of the same files
 * (golden/families.json, made by golden/make_families.py), and what must be refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <jansson.h>

#include "generate/decode/decoder.h"
#include "tests/generate/plain_decoder.h"
#include "tests/generate/tiny_model.h"

#define N     50
#define VOCAB 100

#define TINY(ARCH, ...)                                                                            \
    {.arch = ARCH, .type = TENSOR_Q8_0, .layers = 7, .width = 64, .heads = 4, .kv_heads = 2,        \
     .head_dim = 32, .ff = 96, .vocab = VOCAB, __VA_ARGS__}

static const struct {
    const char *name;
    tiny_model t;
    size_t n_ctx; /* 0: 64 */
} families[] = {
    {"llama", TINY("llama", .seed = 1), 0},
    {"llama, F16", {.arch = "llama", .type = TENSOR_F16, .layers = 2, .width = 64, .heads = 4,
                     .kv_heads = 1, .head_dim = 16, .ff = 96, .vocab = VOCAB, .seed = 2}, 0},
    {"llama 3.1", TINY("llama", .rope_freqs = true, .seed = 3,
                       .floats = {{"rope.freq_base", 500000.0f}}), 0},
    {"linear", TINY("llama", .rope_type = "linear", .seed = 4,
                    .floats = {{"rope.scaling.factor", 4.0f}}), 0},
    {"qwen2", TINY("qwen2", .seed = 5), 0},
    {"qwen2, yarn", TINY("qwen2", .rope_type = "yarn", .seed = 6,
                         .floats = {{"rope.scaling.factor", 4.0f}, {"rope.freq_base", 100.0f}}), 0},
    {"qwen3", TINY("qwen3", .seed = 7,
                   .floats = {{"attention.layer_norm_rms_epsilon", 1e-6f}}), 0},
    {"qwen3, yarn", TINY("qwen3", .rope_type = "yarn", .seed = 8,
                         .floats = {{"rope.scaling.factor", 2.0f},
                                    {"rope.scaling.attn_factor", 0.9f}}), 0},
    {"gemma2", TINY("gemma2", .window = 9, .seed = 9,
                    .floats = {{"attn_logit_softcapping", 0.5f}, {"final_logit_softcapping", 3.0f}}),
     0},
    {"gemma2, usual caps", TINY("gemma2", .window = 4096, .seed = 10), 0},
    {"gemma3", TINY("gemma3", .window = 11, .seed = 11, .floats = {{"rope.freq_base", 1e6f}}), 0},
    {"gemma3, scaled", TINY("gemma3", .window = 11, .rope_type = "linear", .seed = 12,
                            .floats = {{"rope.freq_base", 1e6f}, {"rope.scaling.factor", 8.0f}}), 0},
    {"phi3", TINY("phi3", .seed = 13), 0},
    {"phi3, window", TINY("phi3", .window = 17, .seed = 14), 0},
    {"phi3, Q4_0", {.arch = "phi3", .type = TENSOR_Q4_0, .layers = 2, .width = 64, .heads = 4,
                    .kv_heads = 4, .head_dim = 16, .ff = 96, .vocab = VOCAB, .seed = 15}, 0},
    {"phi3, short factors", TINY("phi3", .long_rope = true, .rope_type = "longrope", .seed = 16,
                                 .floats = {{"rope.scaling.attn_factor", 1.19f}}), 32},
    {"phi3, long factors", TINY("phi3", .long_rope = true, .rope_type = "longrope", .seed = 16,
                                .floats = {{"rope.scaling.attn_factor", 1.19f}}), 64},
    {"granite", TINY("granite", .seed = 17,
                     .floats = {{"embedding_scale", 12.0f}, {"residual_scale", 0.22f},
                                {"attention.scale", 0.015625f}, {"logit_scale", 8.0f}}), 0},
    {"smollm3", TINY("smollm3", .seed = 18, .floats = {{"rope.freq_base", 5e6f}}), 0},
    {"smollm3, yarn", TINY("smollm3", .rope_type = "yarn", .seed = 19,
                           .floats = {{"rope.scaling.factor", 2.0f}, {"rope.freq_base", 100.0f}}), 0},
    {"olmo2", TINY("olmo2", .seed = 20), 0},
    {"olmo2, untied", TINY("olmo2", .untied = true, .seed = 21, .floats = {{"rope.freq_base", 5e5f}}), 0},
    {"olmo3", TINY("olmo2", .untied = true, .window = 9, .rope_type = "yarn", .seed = 22,
                   .floats = {{"rope.scaling.factor", 4.0f}, {"rope.freq_base", 100.0f}}), 0},
};

static void families_agree_with_the_plain_ones(void **state)
{
    (void)state;
    for (size_t f = 0; f < sizeof families / sizeof *families; f++) {
        size_t n_ctx = families[f].n_ctx ? families[f].n_ctx : 64, n = n_ctx < N ? n_ctx : N, len;
        decoder_options exact = {.n_ctx = n_ctx, .exact = true};
        uint8_t *data = tiny_model_bytes(&families[f].t, &len);
        float *got = malloc(n * VOCAB * sizeof *got);
        double *want = malloc(n * VOCAB * sizeof *want), worst = 0, size = 0;
        uint64_t seed = 99;
        token_id ids[N];
        cairn_error err = {0};
        gguf *g;
        decoder_model *m;
        decoder *d;
        for (size_t i = 0; i < n; i++)
            ids[i] = (token_id)(tiny_random(&seed) % VOCAB);
        if (gguf_open_memory(&g, data, len, "tiny.gguf", &err) ||
            decoder_model_open(&m, g, NULL, &err) || decoder_create(&d, m, &exact, &err) ||
            decoder_eval(d, ids, n, DECODER_ALL, got, &err))
            fail_msg("%s: %s", families[f].name, err.text);
        plain_logits(g, ids, n, n_ctx, want);
        for (size_t i = 0; i < n * VOCAB; i++) {
            double gap = fabs((double)got[i] - want[i]);
            if (!(gap <= worst)) /* NaN, too */
                worst = gap;
            size = fmax(size, fabs(want[i]));
        }
        print_message("%-20s largest logit %.3f, difference %.1e\n", families[f].name, size, worst);
        if (!(worst < 2e-5 * fmax(size, 1)) || size < 1e-3)
            fail_msg("%s: differs by %g", families[f].name, worst);
        decoder_destroy(d);
        decoder_model_close(m);
        gguf_close(g);
        free(data);
        free(got);
        free(want);
    }
}

#define OF_LLAMA(ARCH, ...)                                                                        \
    {.arch = ARCH, .type = TENSOR_F32, .words = true, .layers = 6, .width = 64, .heads = 4,          \
     .kv_heads = 2, .head_dim = 16, .ff = 96, .vocab = VOCAB,                                        \
     .floats = {{"attention.layer_norm_rms_epsilon", 1e-6f}, __VA_ARGS__}

static const struct {
    const char *name;
    tiny_model t;
} llama_cpp[] = {
    {"llama", OF_LLAMA("llama"), .seed = 21}},
    {"llama-3", OF_LLAMA("llama", {"rope.freq_base", 500000.0f}), .rope_freqs = true, .seed = 22}},
    {"llama-linear", OF_LLAMA("llama", {"rope.scaling.factor", 4.0f}), .rope_type = "linear", .seed = 23}},
    {"llama-linear-as-first-called", OF_LLAMA("llama", {"rope.scale_linear", 2.0f}), .seed = 24}},
    {"llama-yarn", OF_LLAMA("llama", {"rope.scaling.factor", 4.0f}, {"rope.freq_base", 100.0f}), .rope_type = "yarn",
                    .seed = 25}},
    {"llama-fused", OF_LLAMA("llama"), .fused = true, .heads_each = true, .seed = 26}},
    {"llama-longrope", OF_LLAMA("llama", {"rope.scaling.attn_factor", 1.19f}), .rope_type = "longrope",
                        .long_rope = true, .seed = 27}},
    {"qwen2", OF_LLAMA("qwen2"), .seed = 28}},
    {"qwen3", OF_LLAMA("qwen3", {"rope.freq_base", 1e6f}), .seed = 29}},
    {"gemma2", OF_LLAMA("gemma2", {"attn_logit_softcapping", 0.5f}, {"final_logit_softcapping", 3.0f}), .window = 9,
                .seed = 30}},
    {"gemma2-layer-by-layer", OF_LLAMA("gemma2", {"rope.freq_base", 1e6f}, {"rope.freq_base_swa", 5000.0f},
                               {"rope.scaling.factor", 4.0f}), .rope_type = "linear", .window = 9,
                               .local_layers = "100110", .seed = 31}},
    {"gemma3", OF_LLAMA("gemma3", {"rope.freq_base", 1e6f}, {"rope.scaling.factor", 8.0f}), .rope_type = "linear",
                .window = 11, .seed = 32}},
    {"gemma3-layer-by-layer", OF_LLAMA("gemma3", {"rope.freq_base", 1e6f}, {"rope.freq_base_swa", 5000.0f},
                               {"final_logit_softcapping", 3.0f}), .window = 11, .local_layers = "011010",
                               .seed = 33}},
    {"phi3", OF_LLAMA("phi3"), .seed = 34}},
    {"phi3-longrope", OF_LLAMA("phi3", {"rope.scaling.attn_factor", 1.19f}), .rope_type = "longrope",
                       .long_rope = true, .seed = 35}},
    {"granite", OF_LLAMA("granite", {"embedding_scale", 12.0f}, {"residual_scale", 0.22f},
                 {"attention.scale", 0.015625f}, {"logit_scale", 8.0f}), .seed = 36}},
    {"smollm3", OF_LLAMA("smollm3", {"rope.freq_base", 5e6f}), .seed = 37}},
    {"smollm3-yarn", OF_LLAMA("smollm3", {"rope.scaling.factor", 4.0f}, {"rope.freq_base", 100.0f}), .rope_type = "yarn",
                      .seed = 38}},
    {"olmo2", OF_LLAMA("olmo2", {"rope.freq_base", 5e5f}), .untied = true, .seed = 39}},
    {"olmo3", OF_LLAMA("olmo2", {"rope.freq_base", 5e5f}, {"rope.scaling.factor", 4.0f}), .rope_type = "yarn", .window = 9,
               .untied = true, .seed = 40}},
};

/* Exact logits of one file's tokens 0, 7, 14, ... (modulo the vocabulary), all positions. */
static void exact_logits(const char *name, uint8_t *data, size_t len, float *out)
{
    decoder_options exact = {.n_ctx = 64, .exact = true};
    cairn_error err = {0};
    token_id ids[N];
    decoder_model *m;
    decoder *d;
    gguf *g;

    for (size_t i = 0; i < N; i++)
        ids[i] = (token_id)(7 * i % VOCAB);
    if (gguf_open_memory(&g, data, len, "tiny.gguf", &err) || decoder_model_open(&m, g, NULL, &err) ||
        decoder_create(&d, m, &exact, &err) || decoder_eval(d, ids, N, DECODER_ALL, out, &err))
        fail_msg("%s: %s", name, err.text);
    decoder_destroy(d);
    decoder_model_close(m);
    gguf_close(g);
}

/* The logits of some positions that llama.cpp computed with F32 weights and F32 keys and values. It takes gemma's
 * GELU from a table of half floats, the others are as near as float sums are. */
static void families_agree_with_llama_cpp(void **state)
{
    const char *folder = getenv("CAIRN_WRITE_FAMILIES");
    json_t *all = folder ? NULL : json_load_file(CAIRN_SOURCE_DIR "/tests/generate/golden/families.json", 0, NULL);
    (void)state;
    assert_true(folder || all);
    for (size_t f = 0; f < sizeof llama_cpp / sizeof *llama_cpp; f++) {
        const bool table = !strncmp(llama_cpp[f].name, "gemma", 5);
        json_t *rows = json_object_get(all, llama_cpp[f].name), *row;
        float *got = malloc(N * VOCAB * sizeof *got);
        double worst = 0, size = 0;
        uint8_t *data;
        size_t len, i;
        data = tiny_model_bytes(&llama_cpp[f].t, &len);
        if (folder) { /* for make_families.py */
            char path[512];
            FILE *out;
            snprintf(path, sizeof path, "%s/%s.gguf", folder, llama_cpp[f].name);
            out = fopen(path, "we");
            assert_non_null(out);
            assert_int_equal(fwrite(data, 1, len, out), len);
            assert_int_equal(fclose(out), 0);
        } else {
            exact_logits(llama_cpp[f].name, data, len, got);
            assert_true(json_array_size(rows) > 1);
            json_array_foreach(rows, i, row) {
                size_t pos = (size_t)json_integer_value(json_array_get(row, 0));
                for (size_t j = 0; j < VOCAB; j++) {
                    double want = json_number_value(json_array_get(row, j + 1)), gap;
                    gap = fabs((double)got[pos * VOCAB + j] - want);
                    worst = gap <= worst ? worst : gap; /* NaN, too */
                    size = fmax(size, fabs(want));
                }
            }
            print_message("%-28s largest logit %.3f, difference %.1e\n", llama_cpp[f].name, size, worst);
            if (!(worst < (table ? 5e-4 : 5e-6) * size) || size < 0.02)
                fail_msg("%s: differs by %g of %g", llama_cpp[f].name, worst, size);
        }
        free(data);
        free(got);
    }
    json_decref(all);
}

/* Fast and batched, they give the same bytes in any batch, as the others do. */
static void batches_change_no_byte(void **state)
{
    (void)state;
    for (size_t f = 0; f < sizeof families / sizeof *families; f++) {
        decoder_options o = {.n_ctx = 64};
        size_t len;
        uint8_t *data = tiny_model_bytes(&families[f].t, &len);
        float *whole = malloc(N * VOCAB * sizeof *whole), *single = malloc(VOCAB * sizeof *single);
        token_id ids[N];
        uint64_t seed = 5;
        gguf *g;
        decoder_model *m;
        decoder *d;
        for (size_t i = 0; i < N; i++)
            ids[i] = (token_id)(tiny_random(&seed) % VOCAB);
        assert_int_equal(gguf_open_memory(&g, data, len, "tiny.gguf", NULL), CAIRN_OK);
        assert_int_equal(decoder_model_open(&m, g, NULL, NULL), CAIRN_OK);
        assert_int_equal(decoder_create(&d, m, &o, NULL), CAIRN_OK);
        assert_int_equal(decoder_eval(d, ids, N, DECODER_ALL, whole, NULL), CAIRN_OK);
        decoder_truncate(d, 0);
        for (size_t i = 0; i < N; i++) {
            assert_int_equal(decoder_eval(d, ids + i, 1, DECODER_LAST, single, NULL), CAIRN_OK);
            assert_memory_equal(single, whole + i * VOCAB, VOCAB * sizeof *single);
        }
        decoder_destroy(d);
        decoder_model_close(m);
        gguf_close(g);
        free(data);
        free(whole);
        free(single);
    }
}

static void what_is_not_known_is_refused(void **state)
{
    static const struct {
        const char *name, *says;
        tiny_model t;
        cairn_status want;
    } bad[] = {
        {"soft caps elsewhere", "softcapping", TINY("qwen3", .extra_key = "attn_logit_softcapping"),
         CAIRN_EUNSUPPORTED},
        {"scales elsewhere", "residual_scale", TINY("llama", .extra_key = "residual_scale"),
         CAIRN_EUNSUPPORTED},
        {"other rope scaling", "su", TINY("phi3", .rope_type = "su"), CAIRN_EUNSUPPORTED},
        {"qwen3 without its norms", "attn_q_norm",
         TINY("qwen3", .leave_out = "blk.3.attn_q_norm.weight"), CAIRN_EMODEL},
        {"gemma2 without its norms", "post_attention_norm",
         TINY("gemma2", .leave_out = "blk.0.post_attention_norm.weight"), CAIRN_EMODEL},
        {"phi3 with a row too many", "attn_qkv", TINY("phi3", .reshape = "blk.1.attn_qkv.weight"),
         CAIRN_EMODEL},
        {"phi3 without gate", "ffn_up", TINY("phi3", .reshape = "blk.1.ffn_up.weight"), CAIRN_EMODEL},
        {"short factors missing", "rope_factors_short",
         TINY("phi3", .rope_type = "longrope", .long_rope = true,
              .leave_out = "rope_factors_short.weight"), CAIRN_EMODEL},
        {"no original context", "original_context_length",
         TINY("qwen2", .rope_type = "yarn", .leave_out = "rope.scaling.original_context_length"),
         CAIRN_EMODEL},
        {"a tensor of another family", "ffn_gate.bias", TINY("llama", .extra_tensor = "blk.0.ffn_gate.bias"),
         CAIRN_EUNSUPPORTED},
        {"too few windows", "sliding_window_pattern", TINY("gemma3", .window = 9, .local_layers = "1", .few = true),
         CAIRN_EMODEL},
        {"absurd scale", "logit_scale", TINY("granite", .floats = {{"logit_scale", -1.0f}}),
         CAIRN_EMODEL},
    };
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        size_t len;
        uint8_t *data = tiny_model_bytes(&bad[i].t, &len);
        cairn_error err = {0};
        gguf *g;
        decoder_model *m;
        assert_int_equal(gguf_open_memory(&g, data, len, "tiny.gguf", NULL), CAIRN_OK);
        if (decoder_model_open(&m, g, NULL, &err) != bad[i].want)
            fail_msg("%s: %s", bad[i].name, err.text);
        if (!strstr(err.text, bad[i].says))
            fail_msg("%s: the sentence is: %s", bad[i].name, err.text);
        gguf_close(g);
        free(data);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(families_agree_with_the_plain_ones),
        cmocka_unit_test(families_agree_with_llama_cpp),
        cmocka_unit_test(batches_change_no_byte),
        cmocka_unit_test(what_is_not_known_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
