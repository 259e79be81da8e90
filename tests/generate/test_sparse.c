/* test_sparse.c - learned sparse weights on small random models: against their twin in double precision, and
 * on files without the head or with a broken one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "generate/encode/sparse.h"
#include "tests/generate/toy_bert.h"
#include "tests/generate/toy_folder.h"

static const char *save(toy *y, char path[300])
{
    toy_fill(y);
    snprintf(path, 300, "%s/toy", folder);
    toy_write_safetensors(y, path);
    return path;
}

/* The weight of every word of the toy's vocabulary in a text, by the formula of sparse.h. */
static void twin_weights(const toy *y, const int32_t *ids, size_t n, double out[TOY_VOCAB])
{
    const size_t h = y->hidden, dense = y->n - 5;
    double *rows = twin_rows(y, ids, NULL, n), *x = malloc(h * sizeof *x);

    for (size_t t = 0; t < TOY_VOCAB; t++)
        out[t] = 0;
    for (size_t i = 0; i < n; i++) {
        twin_linear(y, dense, rows + i * h, x);
        for (size_t c = 0; c < h; c++)
            x[c] = x[c] * 0.5 * (1 + erf(x[c] / sqrt(2)));
        twin_norm(y, dense + 2, x);
        for (size_t t = 0; t < TOY_VOCAB; t++) {
            double logit = y->t[dense + 4].v[t];
            for (size_t c = 0; c < h; c++)
                logit += x[c] * (double)y->t[0].v[t * h + c];
            if (logit > 0)
                out[t] = fmax(out[t], log1p(logit));
        }
    }
    free(rows);
    free(x);
}

static const struct {
    const char *text;
    int32_t ids[8];
    size_t n;
} texts[] = {
    {"the old river runs", {TOY_CLS, 9, 13, 6, 7, TOY_SEP}, 6},
    {"a mill", {TOY_CLS, 5, 11, TOY_SEP}, 4},
    {"the sea", {TOY_CLS, 9, 10, TOY_SEP}, 4},
};
#define N_TEXTS (sizeof texts / sizeof *texts)

static void agrees_with_its_twin(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed < 6; seed++) {
        toy y = toy_default;
        encoder_text all[N_TEXTS];
        sparse_weight found[TOY_VOCAB], few[3];
        float scores[N_TEXTS], alone;
        double query[TOY_VOCAB], other[TOY_VOCAB];
        size_t n, n_few;
        char path[300];
        cairn_error err = {0};
        sparse_encoder *e;

        y.lm = true;
        y.seed = seed;
        if (sparse_encoder_open(&e, save(&y, path), NULL, 0, &err))
            fail_msg("%s", err.text);
        for (size_t i = 0; i < N_TEXTS; i++)
            all[i] = (encoder_text){texts[i].text, strlen(texts[i].text)};
        assert_int_equal(sparse_weigh(e, &all[0], found, TOY_VOCAB, &n, &err), CAIRN_OK);
        twin_weights(&y, texts[0].ids, texts[0].n, query);
        for (size_t t = 0; t < TOY_VOCAB; t++) {
            double have = 0;
            for (size_t i = 0; i < n; i++)
                if (found[i].token == (token_id)t)
                    have = found[i].weight;
            if (fabs(have - query[t]) > 2e-3)
                fail_msg("seed %llu, token %zu: %g, not %g", (unsigned long long)seed, t, have, query[t]);
        }
        for (size_t i = 1; i < n; i++)
            assert_true(found[i - 1].weight >= found[i].weight);
        assert_int_equal(sparse_weigh(e, &all[0], few, 3, &n_few, &err), CAIRN_OK);
        assert_int_equal(n_few, n < 3 ? n : 3);
        assert_memory_equal(few, found, n_few * sizeof *few);

        assert_int_equal(sparse_score(e, found, n, all, N_TEXTS, scores, &err), CAIRN_OK);
        for (size_t i = 0; i < N_TEXTS; i++) {
            double sum = 0;
            twin_weights(&y, texts[i].ids, texts[i].n, other);
            for (size_t t = 0; t < TOY_VOCAB; t++)
                sum += query[t] * other[t];
            if (fabs(scores[i] - sum) > 1e-2)
                fail_msg("seed %llu, text %zu: %g, not %g", (unsigned long long)seed, i, (double)scores[i], sum);
            assert_int_equal(sparse_score(e, found, n, &all[i], 1, &alone, &err), CAIRN_OK);
            assert_memory_equal(&alone, &scores[i], sizeof alone); /* whatever else is in the call */
        }
        assert_int_equal(sparse_score(e, found, 0, all, N_TEXTS, scores, &err), CAIRN_OK);
        assert_true(scores[0] == 0);
        found[0].token = TOY_VOCAB;
        assert_int_equal(sparse_score(e, found, n, all, 1, scores, &err), CAIRN_EUSAGE);
        sparse_encoder_close(e);
        toy_free(&y);
    }
}

static void long_and_empty_texts_are_fine(void **state)
{
    static char flood[4000];
    encoder_text all[] = {{flood, sizeof flood}, {"", 0}};
    sparse_weight found[TOY_VOCAB];
    float scores[2];
    toy y = toy_default;
    size_t n;
    char path[300];
    cairn_error err = {0};
    sparse_encoder *e;

    (void)state;
    y.lm = true;
    for (size_t i = 0; i < sizeof flood; i++)
        flood[i] = "a river "[i % 8];
    assert_int_equal(sparse_encoder_open(&e, save(&y, path), NULL, 0, &err), CAIRN_OK);
    assert_int_equal(sparse_weigh(e, &all[0], found, TOY_VOCAB, &n, &err), CAIRN_OK);
    assert_int_equal(sparse_score(e, found, n, all, 2, scores, &err), CAIRN_OK);
    assert_true(isfinite(scores[0]) && isfinite(scores[1]));
    sparse_encoder_close(e);
    toy_free(&y);
}

static void broken_heads_are_refused(void **state)
{
    static const struct {
        const char *leave_out, *reshape;
        bool lm;
        cairn_status status;
    } cases[] = {
        {NULL, NULL, false, CAIRN_EUNSUPPORTED},
        {"cls.predictions.transform.dense.bias", NULL, true, CAIRN_EMODEL},
        {"cls.predictions.transform.LayerNorm.weight", NULL, true, CAIRN_EMODEL},
        {"cls.predictions.bias", NULL, true, CAIRN_EMODEL},
        {NULL, "cls.predictions.transform.dense.weight", true, CAIRN_EMODEL},
        {NULL, "cls.predictions.bias", true, CAIRN_EMODEL},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        toy y = toy_default;
        char path[300];
        cairn_error err = {0};
        sparse_encoder *e;

        y.lm = cases[i].lm;
        y.leave_out = cases[i].leave_out;
        y.reshape = cases[i].reshape;
        if (sparse_encoder_open(&e, save(&y, path), NULL, 0, &err) != cases[i].status)
            fail_msg("case %zu: %s", i, err.text);
        assert_null(e);
        toy_free(&y);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(agrees_with_its_twin),
        cmocka_unit_test(long_and_empty_texts_are_fine),
        cmocka_unit_test(broken_heads_are_refused),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
