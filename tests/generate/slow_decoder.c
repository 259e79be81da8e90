/* slow_decoder.c - whole models against the reference log-probabilities (F32 run of llama.cpp on
 * dequantised weights), in the exact and in the fast mode. Skips where model or reference is absent.
 *
 * Exact: within ten times the reference's own floor between F32 batch and F32 token by token. The
 * rows have five decimals, so half a unit there (5e-6) is added. gemma3's floor is wide because the
 * reference computes GELU through a table of half floats, and so is our distance from it.
 * Fast: the mean distance to the F32 run must not be larger than llama.cpp's own quantised run has
 * (floors.json), the perplexity within 1 %. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/generate/logits.h"

static const struct {
    const char *name, *model, *text;
    size_t exact_rows;     /* how many positions the slow mode takes */
    double mean, most;     /* ten times the floors: mean and largest of the next token */
    double fast_mean;      /* llama.cpp's own distance */
} runs[] = {
    {"smollm2", "smollm2-135m", "text", 256, 2e-5, 1e-4, 0.05787},
    {"smollm2", "smollm2-135m", "rag", 256, 2e-5, 1e-4, 0.05679},
    {"qwen05", "qwen2.5-coder-0.5b", "text", 160, 2e-5, 1e-4, 0.03855},
    {"qwen05", "qwen2.5-coder-0.5b", "rag", 160, 2e-5, 1e-4, 0.03246},
    {"gemma3", "gemma3-270m", "text", 256, 4.3e-3, 2e-2, 0.07357},
    {"gemma3", "gemma3-270m", "rag", 256, 4.3e-3, 2e-2, 0.06512},
};

static void measure(size_t i, bool exact, size_t most, logits_distance *x)
{
    decoder_options o = {.n_ctx = 2048, .exact = exact};
    char path[1024], file[128];
    cairn_error err = {0};
    logits_rows rows;
    decoder_model *m;
    decoder *d;
    gguf *g;

    snprintf(file, sizeof file, "logits.%s.%s.f32.jsonl.gz", runs[i].name, runs[i].text);
    if (!reference_model(runs[i].model, path, sizeof path)) {
        print_message("SKIP: no model %s\n", runs[i].model);
        skip();
    }
    if (!logits_read(file, most, &rows)) {
        print_message("SKIP: no ../shared/reference/%s\n", file);
        skip();
    }
    if (gguf_open(&g, path, &err) || decoder_model_open(&m, g, &(decoder_model_options){.mapped = true}, &err) ||
        decoder_create(&d, m, &o, &err) ||
        logits_measure(d, decoder_model_shape(m)->n_vocab, &rows, LOGITS_BATCH, x, &err))
        fail_msg("%s", err.text);
    print_message("%s %s %s: %zu positions, mean %.2e, largest %.2e, top ten %.2e, perplexity %.4f "
                  "(reference %.4f), top-1 changed %zu times at margins up to %.3f\n",
                  runs[i].name, runs[i].text, exact ? "exact" : "fast", rows.n, x->mean_next,
                  x->max_next, x->max_top, exp(x->mean_nll), exp(x->ref_nll), x->top1_changed,
                  x->max_margin);
    decoder_destroy(d);
    decoder_model_close(m);
    gguf_close(g);
    logits_rows_clear(&rows);
}

static void exact_meets_the_floor(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof runs / sizeof *runs; i++) {
        logits_distance x;
        measure(i, true, runs[i].exact_rows, &x);
        assert_true(x.mean_next < runs[i].mean + 5e-6);
        assert_true(x.max_next < runs[i].most + 5e-6);
        assert_true(x.top1_changed == 0 || x.max_margin < 0.02);
    }
}

static void fast_is_no_farther_than_llama_cpp(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof runs / sizeof *runs; i++) {
        logits_distance x;
        measure(i, false, 4000, &x);
        assert_true(x.mean_next <= runs[i].fast_mean);
        assert_true(fabs(exp(x.mean_nll - x.ref_nll) - 1) < 0.01);
        assert_true(x.max_margin < 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(exact_meets_the_floor),
        cmocka_unit_test(fast_is_no_farther_than_llama_cpp),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
