/* The adapters that are compiled in: told by the size of the model's file, and good for the model where it is there. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/model.h"
#include "engine/taught.h"
#include "generate/decode/adapter.h"
#include "generate/decode/decoder.h"
#include "generate/formats/gguf.h"

static void a_file_is_told_by_its_size(void **state)
{
    char path[] = "/tmp/cairn-taught-XXXXXX";
    int fd = mkstemp(path);
    taught_adapter a = {0};
    (void)state;
    assert_true(fd >= 0);
    assert_false(taught_for("/nowhere/model.gguf", &a));
    assert_false(taught_for(path, &a));
    assert_int_equal(ftruncate(fd, 491400063), 0);
    assert_false(taught_for(path, &a));
    assert_int_equal(ftruncate(fd, 491400064), 0);
    assert_true(taught_for(path, &a));
    assert_string_equal(a.prompt, "answer.v2");
    assert_true(a.len > 4096 && a.len < 1 << 20);
    assert_memory_equal(a.data, "GGUF", 4);
    close(fd);
    unlink(path);
}

/* A model that is sure of an answer carries more weight over German passages than over Chinese ones. */
static void a_reading_weighs_by_language(void **state)
{
    const taught_adapter a = {.evidence = 1.0f, .reading = 0.4f, .offset = 1.0f};
    const taught_adapter de = taught_over(&a, "de"), zh = taught_over(&a, "zh");
    const float sure[] = {8, 0}, unsure[] = {0, 8};

    (void)state;
    assert_true(taught_chance(&de, 0.05f, sure, 2, 1) > 0.35f);
    assert_true(taught_chance(&zh, 0.05f, sure, 2, 1) < 0.35f);
    assert_true(taught_chance(&de, 0.75f, unsure, 2, 1) < 0.35f);
    assert_true(taught_chance(&zh, 0.75f, unsure, 2, 1) > 0.35f);
    assert_true(taught_chance(&zh, 0.6f, sure, 2, 1) > taught_chance(&zh, 0.6f, unsure, 2, 1));
}

static void settings_decide(void **state)
{
    char path[] = "/tmp/cairn-taught-XXXXXX.gguf";
    int fd = mkstemps(path, 5);
    settings *s = calloc(1, sizeof *s);
    taught_adapter a;
    (void)state;
    assert_non_null(s);
    assert_true(fd >= 0);
    assert_int_equal(ftruncate(fd, 491400064), 0);
    settings_init(s);
    assert_true(taught_wanted(s, path, &a));
    s->ask_taught = 0;
    assert_false(taught_wanted(s, path, &a));
    s->ask_taught = 1;
    snprintf(s->prompt, sizeof s->prompt, "answer.v1");
    assert_false(taught_wanted(s, path, &a));
    snprintf(s->prompt, sizeof s->prompt, "answer.v2");
    snprintf(s->adapters, sizeof s->adapters, "mine.gguf");
    assert_false(taught_wanted(s, path, &a));
    close(fd);
    unlink(path);
    free(s);
}

/* The more it would rather refuse, and the less the evidence gives, the less likely; nothing breaks at the ends. */
static void the_chance_weighs_both(void **state)
{
    const taught_adapter a = {.evidence = 1, .reading = 0.5f, .offset = 0};
    float logits[4] = {1, 1, 1, 1}, even = taught_chance(&a, 0.5f, logits, 4, 2), none, all;
    (void)state;
    assert_float_equal(even, 1 / (1 + expf(-0.5f * logf(3))), 1e-5f);
    logits[2] = 5;
    assert_true(taught_chance(&a, 0.5f, logits, 4, 2) < even);
    assert_true(taught_chance(&a, 0.9f, logits, 4, 2) > taught_chance(&a, 0.5f, logits, 4, 2));
    logits[2] = 1e30f;
    none = taught_chance(&a, 1, logits, 4, 2);
    logits[2] = -1e30f;
    all = taught_chance(&a, 0, logits, 4, 2);
    assert_true(none >= 0 && none <= 1 && all >= 0 && all <= 1);
}

/* More evidence never makes an answer less likely, whatever the model's logits are; and it is always a chance. */
static void the_chance_rises_with_the_evidence(void **state)
{
    static const float odd[] = {0, -3, 40, 1e30f, -1e30f, INFINITY, -INFINITY, NAN};
    static const float evidence[] = {-INFINITY, -1, 0, 1e-9f, 0.02f, 0.35f, 0.5f, 0.99f, 1, 2, INFINITY};
    const taught_adapter a = {.evidence = 1, .reading = 0.3f, .offset = 1};
    const size_t n = sizeof odd / sizeof *odd;
    (void)state;
    for (size_t i = 0; i < n * n * n; i++) {
        float logits[] = {odd[i % n], odd[i / n % n], odd[i / n / n]}, before = 0;
        for (size_t k = 0; k < sizeof evidence / sizeof *evidence; k++) {
            float chance = taught_chance(&a, evidence[k], logits, 3, 1);
            assert_true(chance >= before && chance <= 1);
            before = chance;
        }
        assert_true(isfinite(taught_chance(&a, NAN, logits, 3, 1)));
    }
    assert_true(taught_chance(&a, 0.5f, odd, 1, 0) < 0.1f); /* nothing but the refusal could be said */
}

/* Every factor fits a matrix of the model, and the model computes with it. */
static void it_fits_its_model(void **state)
{
    char path[4096];
    taught_adapter a;
    adapter *opened;
    decoder_model *m;
    gguf *g;
    cairn_error err = {0};
    (void)state;
    if (cairn_model_path("qwen2.5-coder-0.5b", path, sizeof path, NULL)) {
        print_message("no qwen2.5-coder-0.5b here: left out\n");
        skip();
    }
    assert_true(taught_for(path, &a));
    assert_int_equal(gguf_open(&g, path, NULL), CAIRN_OK);
    assert_int_equal(decoder_model_open(&m, g, &(decoder_model_options){.mapped = true}, NULL), CAIRN_OK);
    if (adapter_open_memory(&opened, a.data, a.len, NULL, "taught", m, &err))
        fail_msg("%s", err.text);
    adapter_close(opened);
    const decoder_adapter list = {.path = "taught", .scale = 1, .data = a.data, .len = a.len};
    assert_int_equal(decoder_model_variant(m), 0);
    assert_int_equal(decoder_model_adapt(m, &list, 1, NULL), CAIRN_OK);
    assert_int_not_equal(decoder_model_variant(m), 0);
    decoder_model_close(m);
    gguf_close(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_is_told_by_its_size),
        cmocka_unit_test(a_reading_weighs_by_language), cmocka_unit_test(settings_decide),
        cmocka_unit_test(the_chance_weighs_both),
        cmocka_unit_test(the_chance_rises_with_the_evidence),
        cmocka_unit_test(it_fits_its_model),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
