/* test_sampler.c - distributions against llama.cpp's (../shared/reference/samplers.jsonl.gz), and
 * the laws that need no reference. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "generate/sample/sampler.h"

#define N_VOCAB 1000
#define REFERENCE CAIRN_SHARED_DIR "/reference/samplers.jsonl.gz"

static double number(const json_t *list, size_t i, double absent)
{
    const json_t *v = json_array_get(list, i);

    return v ? json_number_value(v) : absent;
}

/* One [name, arguments...] of a chain into *p; returns the step. */
static sampler_step_kind read_step(const json_t *step, sampler_params *p)
{
    const char *name = json_string_value(json_array_get(step, 0));

    if (!strcmp(name, "penalties")) {
        p->repeat_last_n = (int32_t)number(step, 1, 0);
        p->repeat_penalty = (float)number(step, 2, 1);
        p->frequency_penalty = (float)number(step, 3, 0);
        p->presence_penalty = (float)number(step, 4, 0);
        return SAMPLER_PENALTIES;
    }
    p->min_keep = (uint32_t)number(step, 2, 1);
    if (!strcmp(name, "top_k"))
        p->top_k = (int32_t)number(step, 1, 0);
    else if (!strcmp(name, "top_p"))
        p->top_p = (float)number(step, 1, 1);
    else if (!strcmp(name, "min_p"))
        p->min_p = (float)number(step, 1, 0);
    else if (!strcmp(name, "typical"))
        p->typical_p = (float)number(step, 1, 1);
    else
        p->temperature = (float)number(step, 1, 1);
    return !strcmp(name, "top_k")   ? SAMPLER_TOP_K
           : !strcmp(name, "top_p") ? SAMPLER_TOP_P
           : !strcmp(name, "min_p") ? SAMPLER_MIN_P
           : !strcmp(name, "typical") ? SAMPLER_TYPICAL
                                      : SAMPLER_TEMPERATURE;
}

static void check_row(const json_t *chain, const json_t *vector, const json_t *row)
{
    sampler_params p = sampler_params_default();
    sampler_step_kind steps[SAMPLER_MAX_STEPS];
    float logits[N_VOCAB];
    const sampler_candidate *c;
    const json_t *ids = json_object_get(row, "ids"), *ps = json_object_get(row, "p"), *v;
    const char *config = json_string_value(json_object_get(row, "config"));
    sampler *s;
    size_t n, i;

    p.temperature = 1;
    for (i = 0; i < json_array_size(chain); i++)
        steps[i] = read_step(json_array_get(chain, i), &p);
    assert_int_equal(sampler_create_chain(&s, &p, steps, json_array_size(chain), NULL), CAIRN_OK);
    json_array_foreach(json_object_get(vector, "logits"), i, v)
        logits[i] = (float)json_number_value(v);
    json_array_foreach(json_object_get(vector, "accepted"), i, v)
        assert_int_equal(sampler_accept(s, (token_id)json_integer_value(v)), CAIRN_OK);
    assert_int_equal(sampler_distribution(s, logits, N_VOCAB, &c, &n, NULL), CAIRN_OK);
    if (n != (size_t)json_integer_value(json_object_get(row, "kept")))
        fail_msg("%s: %zu kept instead of %d", config, n,
                 (int)json_integer_value(json_object_get(row, "kept")));
    for (i = 0; i < json_array_size(ids); i++) {
        double want = json_number_value(json_array_get(ps, i));
        if (c[i].id != json_integer_value(json_array_get(ids, i)) ||
            fabs((double)c[i].p - want) > 1e-6)
            fail_msg("%s, place %zu: id %d p %.9f, expected %d %.9f", config, i, c[i].id,
                     (double)c[i].p, (int)json_integer_value(json_array_get(ids, i)), want);
    }
    sampler_destroy(s);
}

static void distributions_equal_the_reference(void **state)
{
    json_t *head = NULL, *vectors[64] = {0};
    char *line = NULL;
    size_t cap = 0, rows = 0;
    FILE *f;

    if (access(REFERENCE, R_OK)) {
        print_message("skipped: no reference outputs at %s\n", REFERENCE);
        skip();
    }
    f = popen("gzip -dc " REFERENCE, "r");
    assert_non_null(f);
    while (getline(&line, &cap, f) > 0) {
        json_t *j = json_loads(line, 0, NULL);
        size_t v = (size_t)json_integer_value(json_object_get(j, "v"));
        assert_non_null(j);
        if (!head) {
            head = j;
        } else if (json_object_get(j, "logits")) {
            assert_true(v < 64);
            vectors[v] = j;
        } else {
            const char *config = json_string_value(json_object_get(j, "config"));
            check_row(json_object_get(json_object_get(head, "configs"), config), vectors[v], j);
            rows++;
            json_decref(j);
        }
    }
    assert_int_equal(pclose(f), 0);
    assert_int_equal(rows, 400);
    for (size_t i = 0; i < 64; i++)
        json_decref(vectors[i]);
    json_decref(head);
    free(line);
}

static void draws_follow_the_distribution_and_the_seed(void **state)
{
    float logits[4] = {0, logf(2), logf(3), logf(4)};
    sampler_params p = sampler_params_default();
    size_t hits[4] = {0};
    sampler *a, *b;

    p.temperature = 1;
    p.seed = 42;
    assert_int_equal(sampler_create(&a, &p, NULL), CAIRN_OK);
    assert_int_equal(sampler_create(&b, &p, NULL), CAIRN_OK);
    for (int i = 0; i < 100000; i++) {
        token_id id = sampler_pick(a, logits, 4);
        assert_int_equal(id, sampler_pick(b, logits, 4));
        hits[id]++;
    }
    /* Five standard deviations of a binomial with n = 100,000. */
    for (int i = 0; i < 4; i++)
        assert_true(fabs((double)hits[i] / 1e5 - (i + 1) / 10.0) < 0.008);
    sampler_reset(a);
    sampler_destroy(b);
    assert_int_equal(sampler_create(&b, &p, NULL), CAIRN_OK);
    for (int i = 0; i < 100; i++)
        assert_int_equal(sampler_pick(a, logits, 4), sampler_pick(b, logits, 4));
    sampler_destroy(a);
    sampler_destroy(b);
}

static void greedy_takes_the_largest_and_the_lower_id(void **state)
{
    float logits[5] = {1, 3, 3, NAN, -INFINITY};
    float nothing[2] = {-INFINITY, NAN};
    sampler_params p = sampler_params_default();
    sampler *s;

    assert_int_equal(sampler_create(&s, &p, NULL), CAIRN_OK);
    assert_int_equal(sampler_pick(s, logits, 5), 1);
    assert_int_equal(sampler_pick(s, nothing, 2), TOKEN_NONE);
    sampler_destroy(s);
    p.repeat_penalty = 2;
    assert_int_equal(sampler_create(&s, &p, NULL), CAIRN_OK);
    sampler_accept(s, 1);
    assert_int_equal(sampler_pick(s, logits, 5), 2);
    sampler_accept(s, 2);
    assert_int_equal(sampler_pick(s, logits, 5), 1);
    sampler_destroy(s);
}

static void senseless_numbers_are_refused(void **state)
{
    sampler_params p = sampler_params_default();
    sampler *s;

    p.repeat_penalty = 0;
    assert_int_equal(sampler_create(&s, &p, NULL), CAIRN_EUSAGE);
    p = sampler_params_default();
    p.top_p = NAN;
    assert_int_equal(sampler_create(&s, &p, NULL), CAIRN_EUSAGE);
    p = sampler_params_default();
    assert_int_equal(sampler_create_chain(&s, &p, NULL, 0, NULL), CAIRN_EUSAGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(distributions_equal_the_reference),
        cmocka_unit_test(draws_follow_the_distribution_and_the_seed),
        cmocka_unit_test(greedy_takes_the_largest_and_the_lower_id),
        cmocka_unit_test(senseless_numbers_are_refused),
    };
    return cmocka_run_group_tests_name("sampler", tests, NULL, NULL);
}
