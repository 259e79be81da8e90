/* test_classify.c - heads of several labels: against transformers (golden/make_entailment.py), against the twin in double
 * precision, and a model made by hand of which it is known what it says of a pair. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <jansson.h>

#include "generate/encode/entailment.h"
#include "tests/generate/toy_bert.h"
#include "tests/generate/toy_folder.h"

static const char *const english[] = {"Contradiction", "ENTAILMENT", "neutral"};

static const char *write_toy(const toy *y, char path[300])
{
    snprintf(path, 300, y->gguf ? "%s/toy.gguf" : "%s/toy", folder);
    if (y->gguf)
        toy_write_gguf(y, path);
    else
        toy_write_safetensors(y, path);
    return path;
}

static encoder *open_toy(const toy *y, pool *p, bool exact)
{
    encoder_options options = {.pool = p, .exact = exact};
    cairn_error err = {0};
    char path[300];
    encoder *e;

    if (encoder_open(&e, write_toy(y, path), &options, &err))
        fail_msg("%s", err.text);
    return e;
}

static encoder_text text_of(const char *s)
{
    return (encoder_text){s, strlen(s)};
}

/* ---- transformers ---- */

static void expect_row(const json_t *row, bool exact)
{
    const json_t *pairs = json_object_get(row, "pairs"), *pair;
    toy y = toy_default;
    cairn_error err = {0};
    encoder_text first[16], second[16];
    float logits[16 * 4];
    encoder *e;
    size_t i, n = json_array_size(pairs);

    y.seed = (uint64_t)json_integer_value(json_object_get(row, "seed"));
    y.heads = (size_t)json_integer_value(json_object_get(row, "heads"));
    y.labels = (size_t)json_integer_value(json_object_get(row, "labels"));
    y.roberta = json_is_true(json_object_get(row, "roberta"));
    toy_fill(&y);
    e = open_toy(&y, NULL, exact);
    assert_int_equal(encoder_labels(e), y.labels);
    assert_in_range(n, 4, 16);
    json_array_foreach(pairs, i, pair) {
        first[i] = text_of(json_string_value(json_array_get(pair, 0)));
        second[i] = text_of(json_string_value(json_array_get(pair, 1)));
    }
    assert_int_equal(encoder_classify(e, first, second, n, logits, &err), CAIRN_OK);
    for (i = 0; i < n; i++)
        for (size_t l = 0; l < y.labels; l++) {
            double want = json_real_value(json_array_get(json_array_get(json_object_get(row, "logits"), i), l));
            double got = (double)logits[i * y.labels + l];
            if (!(fabs(got - want) < (exact ? 1e-5 : 2e-2)))
                fail_msg("pair %zu, label %zu: %g, there %g", i, l, got, want);
        }
    encoder_close(e);
    toy_free(&y);
}

static void agrees_with_transformers(void **state)
{
    json_t *all = json_load_file(CAIRN_SOURCE_DIR "/tests/generate/golden/entailment.json", 0, NULL), *row;
    size_t r;

    (void)state;
    assert_int_equal(json_array_size(json_object_get(all, "rows")), 5);
    json_array_foreach(json_object_get(all, "rows"), r, row)
        for (int exact = 0; exact < 2; exact++)
            expect_row(row, exact);
    json_decref(all);
}

/* ---- the twin, batches and names ---- */

static void every_format_agrees_with_the_twin(void **state)
{
    static const int32_t bert_ids[] = {2, 9, 6, 3, 5, 6, 7, 8, 9, 10, 17, 3}, roberta_ids[] = {0, 9, 6, 2, 2, 4, 5, 6, 7, 8, 9, 10, 16, 2};
    static const uint8_t types[16] = {0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1};
    const encoder_text first = text_of("the river"), second = text_of("a river runs to the sea.");
    const encoder_text colon = text_of("a river runs to  the sea:");

    (void)state;
    for (int gguf = 0; gguf < 2; gguf++)
        for (int roberta = 0; roberta < 2; roberta++) {
            toy y = toy_default;
            double want[3];
            float got[3];
            cairn_error err = {0};
            encoder *e;
            y.labels = 3;
            y.gguf = gguf;
            y.roberta = roberta;
            y.called = english;
            y.seed = 31;
            toy_fill(&y);
            e = open_toy(&y, NULL, true);
            for (size_t i = 0; i < 3; i++)
                assert_string_equal(encoder_label(e, i), english[i]);
            assert_null(encoder_label(e, 3));
            assert_false(encoder_can_score(e));
            assert_int_equal(encoder_classify(e, &first, roberta ? &colon : &second, 1, got, &err), CAIRN_OK);
            if (roberta)
                twin_logits(&y, roberta_ids, NULL, 14, want);
            else
                twin_logits(&y, bert_ids, types, 12, want);
            for (size_t i = 0; i < 3; i++)
                assert_float_equal(got[i], want[i], 1e-5);
            encoder_close(e);
            toy_free(&y);
        }
}

/* Many pairs of many lengths: each gives the bytes that it gives alone, with other threads, too. */
static void pairs_are_the_same_in_company(void **state)
{
    enum { N = 600 };
    static char words[2][N][200];
    static const char *const of[] = {"a ", "river ", "runs ", "old ", "mills ", "sea "};
    static float together[N * 3];
    encoder_text first[N], second[N];
    cairn_error err = {0};
    toy y = toy_default;
    pool *p;

    (void)state;
    for (size_t i = 0; i < N; i++)
        for (size_t side = 0; side < 2; side++) {
            words[side][i][0] = '\0';
            for (size_t w = 0; w < (i * (side ? 7 : 5) + side) % 33; w++)
                strcat(words[side][i], of[(i + w * w) % 6]);
            (side ? second : first)[i] = text_of(words[side][i]);
        }
    y.labels = 3;
    toy_fill(&y);
    assert_int_equal(pool_create(&p, 3, &err), CAIRN_OK);
    for (int threads = 0; threads < 2; threads++) {
        encoder *e = open_toy(&y, threads ? p : NULL, false);
        if (!threads)
            assert_int_equal(encoder_classify(e, first, second, N, together, &err), CAIRN_OK);
        for (size_t i = 0; i < N; i += threads ? 1 : 37) {
            float alone[3];
            assert_int_equal(encoder_classify(e, &first[i], &second[i], 1, alone, &err), CAIRN_OK);
            assert_memory_equal(alone, together + i * 3, sizeof alone);
        }
        assert_int_equal(encoder_classify(e, first, second, 0, NULL, &err), CAIRN_OK);
        encoder_close(e);
    }
    pool_destroy(p);
    toy_free(&y);
}

static void says_which_heads_tell_nothing(void **state)
{
    static const struct {
        size_t labels;
        const char *called[4];
        int entails, neutral, contradicts; /* -2: refused */
        const char *says;
    } kinds[] = {
        {3, {"contradiction", "neutral", "entailment"}, 2, 1, 0, NULL},
        {3, {"ENTAILMENT", "NEUTRAL", "CONTRADICTION"}, 0, 1, 2, NULL},
        {2, {"entailment", "not_entailment"}, 0, 1, -1, NULL},
        {2, {"not-entailment", "Entailment"}, 1, 0, -1, NULL},
        {2, {"contradiction", "entailment"}, 1, -1, 0, NULL},
        {3, {"LABEL_0", "LABEL_1", "LABEL_2"}, -2, 0, 0, "\"id2label\": {\"0\": \"contradiction\""},
        {3, {"entailment", "entailment", "neutral"}, -2, 0, 0, "entailment, entailment, neutral"},
        {2, {"contradiction", "neutral"}, -2, 0, 0, "config.json"},
        {3, {"negative", "entailment", "positive"}, -2, 0, 0, "negative"},
        {4, {"entailment", "neutral", "contradiction", "other"}, -2, 0, 0, "4 outputs"},
        {3, {NULL}, -2, 0, 0, "(no name)"},
        {1, {"entailment"}, -2, 0, 0, "1 outputs"},
        {0, {NULL}, -2, 0, 0, "no classification head"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        toy y = toy_default;
        cairn_error err = {0};
        entailment_head head;
        encoder *e;
        cairn_status st;
        y.labels = kinds[i].labels;
        y.called = kinds[i].called[0] ? kinds[i].called : NULL;
        toy_fill(&y);
        e = open_toy(&y, NULL, true);
        st = entailment_head_read(&head, e, &err);
        if ((st != CAIRN_OK) != (kinds[i].entails == -2))
            fail_msg("kind %zu: %d %s", i, st, err.text);
        if (st && (st != CAIRN_EUNSUPPORTED || !strstr(err.text, kinds[i].says)))
            fail_msg("kind %zu: %s", i, err.text);
        if (!st && (head.entails != kinds[i].entails || head.neutral != kinds[i].neutral || head.contradicts != kinds[i].contradicts))
            fail_msg("kind %zu: %d %d %d", i, head.entails, head.neutral, head.contradicts);
        if (!y.labels) {
            const encoder_text t = text_of("a");
            assert_int_equal(encoder_labels(e), 0);
            assert_int_equal(encoder_classify(e, &t, &t, 1, NULL, &err), CAIRN_EUNSUPPORTED);
        }
        encoder_close(e);
        toy_free(&y);
    }
}

/* id2label as it should not be: names nothing, or less. */
static void strange_names_are_passed_over(void **state)
{
    static const char *const given[] = {"[\"entailment\"]", "{\"x\":\"a\",\"-1\":\"b\",\"2\":\"c\"}", "{\"0\":7,\"1\":\"b\",\"99999999999999999999\":\"c\"}", "\"no\""};
    static const char *const second[] = {NULL, NULL, "b", NULL};

    (void)state;
    for (size_t i = 0; i < sizeof given / sizeof *given; i++) {
        char config[512];
        toy y = toy_default;
        encoder *e;
        snprintf(config, sizeof config,
                 "{\"model_type\":\"bert\",\"hidden_size\":64,\"num_hidden_layers\":2,\"num_attention_heads\":4,"
                 "\"intermediate_size\":96,\"id2label\":%s}", given[i]);
        y.labels = 3;
        y.config = config;
        toy_fill(&y);
        e = open_toy(&y, NULL, true);
        assert_null(encoder_label(e, 0));
        assert_true(second[i] ? !strcmp(encoder_label(e, 1), second[i]) : !encoder_label(e, 1));
        encoder_close(e);
        toy_free(&y);
    }
}

/* ---- made by hand ---- */

static toy_tensor *named(toy *y, const char *name)
{
    for (size_t i = 0; i < y->n; i++)
        if (!strcmp(y->t[i].name, name))
            return &y->t[i];
    fail_msg("no tensor %s", name);
    return NULL;
}

static void put(toy *y, const char *name, size_t row, size_t col, float v)
{
    toy_tensor *t = named(y, name);

    memcpy(t->raw + 4 * (row * t->cols + col), &v, 4);
}

/* All tokens are seen alike by the first one, whose row is its own and the mean of all; "runs" stands out in one dimension,
 * "old" in another, and the head knows these two. */
static void make_by_hand(toy *y)
{
    for (size_t i = 0; i < y->n; i++) {
        const char *norm = strstr(y->t[i].name, "LayerNorm.weight");
        for (size_t k = 0; k < y->t[i].bytes / 4; k++) {
            float v = norm ? 1 : 0;
            memcpy(y->t[i].raw + 4 * k, &v, 4);
        }
    }
    for (size_t d = 0; d < 64; d++) {
        put(y, "bert.encoder.layer.0.attention.self.value.weight", d, d, 1);
        put(y, "bert.encoder.layer.0.attention.output.dense.weight", d, d, 1);
    }
    for (size_t w = 0; w < TOY_VOCAB; w++) /* a common length */
        put(y, "bert.embeddings.word_embeddings.weight", w, 5, 3);
    put(y, "bert.embeddings.word_embeddings.weight", 7, 1, 9);  /* runs */
    put(y, "bert.embeddings.word_embeddings.weight", 13, 2, 9); /* old */
    for (size_t d = 1; d < 3; d++)
        put(y, "bert.pooler.dense.weight", d, d, 1);
    put(y, "classifier.weight", 1, 1, 30);
    put(y, "classifier.weight", 0, 2, 30);
    put(y, "classifier.bias", 0, 2, 3); /* neutral, where nothing is said; a vector is one row */
}

static void tells_what_it_was_made_to_tell(void **state)
{
    static const char *const text[][2] = {{"the river runs", "the sea"}, {"the river", "the mill is old"}, {"a river", "the sea"}, {"", "runs"}};
    encoder_text premises[4], hypotheses[4];
    cairn_error err = {0};
    entailment_head head;
    entailment is[4];
    toy y = toy_default;
    encoder *e;

    (void)state;
    y.labels = 3;
    y.layers = 1;
    y.called = english;
    toy_fill(&y);
    make_by_hand(&y);
    for (size_t i = 0; i < 4; i++) {
        premises[i] = text_of(text[i][0]);
        hypotheses[i] = text_of(text[i][1]);
    }
    for (int exact = 0; exact < 2; exact++) {
        e = open_toy(&y, NULL, exact);
        assert_int_equal(entailment_head_read(&head, e, &err), CAIRN_OK);
        assert_int_equal(entailment_judge(e, &head, premises, hypotheses, 4, is, &err), CAIRN_OK);
        for (size_t i = 0; i < 4; i++)
            assert_float_equal(is[i].entails + is[i].neutral + is[i].contradicts, 1, 1e-5);
        assert_true(is[0].entails > 0.9f);
        assert_true(is[1].contradicts > 0.9f);
        assert_true(is[2].neutral > 0.8f);
        assert_true(is[3].entails > 0.9f);
        encoder_close(e);
    }
    put(&y, "classifier.weight", 2, 5, NAN);
    e = open_toy(&y, NULL, true);
    assert_int_equal(entailment_judge(e, &head, premises, hypotheses, 4, is, &err), CAIRN_EMODEL);
    encoder_close(e);
    toy_free(&y);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(agrees_with_transformers),
        cmocka_unit_test(every_format_agrees_with_the_twin),
        cmocka_unit_test(pairs_are_the_same_in_company),
        cmocka_unit_test(says_which_heads_tell_nothing),
        cmocka_unit_test(strange_names_are_passed_over),
        cmocka_unit_test(tells_what_it_was_made_to_tell),
    };

    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
