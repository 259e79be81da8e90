/* test_sampler.c - every distribution of the reference to 1e-6, the draw, the edges. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <float.h>
#include <math.h>

#include "generate/sample/sampler.h"
#include "tests/generate/reference.h"

#define N_VOCAB 1000
#define N_VECTORS 64

static float logits[N_VECTORS][N_VOCAB];
static json_t *accepted[N_VECTORS];

static double number(const json_t *args, size_t i, double absent)
{
    const json_t *v = json_array_get(args, i);
    return v ? json_number_value(v) : absent;
}

/* [["top_k",40],["top_p",0.9,3],...] as a sampler. */
static sampler *from_config(const json_t *config)
{
    static const struct {
        const char *name;
        sampler_step_kind kind;
    } kinds[] = { { "penalties", SAMPLER_PENALTIES }, { "top_k", SAMPLER_TOP_K },
                  { "typical", SAMPLER_TYPICAL },     { "top_p", SAMPLER_TOP_P },
                  { "min_p", SAMPLER_MIN_P },         { "temp", SAMPLER_TEMPERATURE } };
    sampler_params p = sampler_params_default();
    sampler_step_kind steps[SAMPLER_MAX_STEPS];
    size_t n = 0, i;
    json_t *step;
    sampler *s = NULL;

    json_array_foreach((json_t *)config, i, step)
    {
        const char *name = json_string_value(json_array_get(step, 0));
        size_t k = 0;
        while (k < 6 && strcmp(kinds[k].name, name))
            k++;
        assert_true(k < 6);
        steps[n++] = kinds[k].kind;
        switch (kinds[k].kind) {
        case SAMPLER_PENALTIES:
            p.repeat_last_n = (int32_t)number(step, 1, 0);
            p.repeat_penalty = (float)number(step, 2, 1);
            p.frequency_penalty = (float)number(step, 3, 0);
            p.presence_penalty = (float)number(step, 4, 0);
            break;
        case SAMPLER_TOP_K:
            p.top_k = (int32_t)number(step, 1, 0);
            break;
        case SAMPLER_TYPICAL:
            p.typical_p = (float)number(step, 1, 1);
            break;
        case SAMPLER_TOP_P:
            p.top_p = (float)number(step, 1, 1);
            p.min_keep = (uint32_t)number(step, 2, 1);
            break;
        case SAMPLER_MIN_P:
            p.min_p = (float)number(step, 1, 0);
            break;
        case SAMPLER_TEMPERATURE:
            p.temperature = (float)number(step, 1, 1);
            break;
        default:
            break;
        }
    }
    assert_int_equal(sampler_create_chain(&s, &p, steps, n, NULL), 0);
    return s;
}

/* Rows give p with six digits, hence 1e-6 and half a unit of the last one. */
static bool row_agrees(const json_t *configs, const json_t *row, double *worst)
{
    size_t v = (size_t)json_integer_value(json_object_get(row, "v")), n, i;
    const json_t *ids = json_object_get(row, "ids"), *ps = json_object_get(row, "p");
    const sampler_candidate *c;
    bool good = true;
    json_t *id;
    sampler *s = from_config(
        json_object_get(configs, json_string_value(json_object_get(row, "config"))));

    json_array_foreach(accepted[v], i, id)
        assert_int_equal(sampler_accept(s, (token_id)json_integer_value(id)), 0);
    assert_int_equal(sampler_distribution(s, logits[v], N_VOCAB, &c, &n, NULL), 0);
    good = n == (size_t)json_integer_value(json_object_get(row, "kept"));
    json_array_foreach((json_t *)ids, i, id)
    {
        double p = json_number_value(json_array_get(ps, i));
        if (i >= n || c[i].id != json_integer_value(id) || fabs(c[i].p - p) > 1e-6) {
            /* Equal to the digits given: either order is right. */
            bool swapped = i < n && fabs(c[i].p - p) <= 1e-6;
            good = good && swapped;
        }
        if (i < n && fabs(c[i].p - p) > *worst)
            *worst = fabs(c[i].p - p);
    }
    sampler_destroy(s);
    return good;
}

static void matches_the_reference(void **state)
{
    (void)state;
    void *f = reference_open("samplers.jsonl.gz");
    json_t *row;
    size_t rows = 0, bad = 0;
    double worst = 0;

    if (!f) {
        print_message("skipped: no reference\n");
        skip();
    }
    json_t *head = reference_line(f);
    const json_t *configs = json_object_get(head, "configs");
    while ((row = reference_line(f))) {
        size_t v = (size_t)json_integer_value(json_object_get(row, "v")), i;
        const json_t *l = json_object_get(row, "logits");
        json_t *x;
        assert_true(v < N_VECTORS);
        if (l) {
            json_array_foreach((json_t *)l, i, x)
                logits[v][i] = (float)json_number_value(x);
            accepted[v] = json_incref(json_object_get(row, "accepted"));
        } else {
            rows++;
            if (!row_agrees(configs, row, &worst) && bad++ < 10)
                fprintf(stderr, "vector %zu, %s\n", v,
                        json_string_value(json_object_get(row, "config")));
        }
        json_decref(row);
    }
    for (size_t v = 0; v < N_VECTORS; v++)
        json_decref(accepted[v]);
    json_decref(head);
    reference_close(f);
    print_message("%zu rows, %zu wrong, largest difference of p %.2g\n", rows, bad, worst);
    assert_int_equal(rows, 400);
    assert_int_equal(bad, 0);
}

static void draws_follow_the_distribution(void **state)
{
    (void)state;
    const float l[] = { 0, 1, 2, -INFINITY, NAN };
    sampler_params p = sampler_params_default();
    sampler *s;
    size_t seen[5] = { 0 };
    token_id first[16];

    p.temperature = 1;
    p.seed = 7;
    assert_int_equal(sampler_create(&s, &p, NULL), 0);
    for (size_t i = 0; i < 30000; i++) {
        token_id id = sampler_pick(s, l, 5);
        assert_in_range(id, 0, 2);
        if (i < 16)
            first[i] = id;
        seen[id]++;
    }
    for (int i = 0; i < 3; i++)
        assert_true(fabs((double)seen[i] / 30000 - exp(i) / (1 + exp(1) + exp(2))) < 0.015);
    sampler_reset(s); /* the same numbers again */
    for (size_t i = 0; i < 16; i++)
        assert_int_equal(sampler_pick(s, l, 5), first[i]);
    sampler_destroy(s);
}

static void greedy_takes_the_first_of_equals(void **state)
{
    (void)state;
    const float l[] = { 1, 3, 3, -2 }, none[] = { -INFINITY, NAN }, huge[] = { 0, INFINITY };
    sampler_params p = sampler_params_default();
    sampler *s;

    assert_int_equal(sampler_create(&s, &p, NULL), 0);
    assert_int_equal(sampler_pick(s, l, 4), 1);
    assert_int_equal(sampler_pick(s, none, 2), TOKEN_NONE);
    assert_int_equal(sampler_pick(s, huge, 2), 1);
    assert_int_equal(sampler_pick(s, l, 0), TOKEN_NONE);
    sampler_destroy(s);

    p.repeat_penalty = 4;
    p.repeat_last_n = 2;
    assert_int_equal(sampler_create(&s, &p, NULL), 0);
    assert_int_equal(sampler_accept(s, 1), 0);
    assert_int_equal(sampler_pick(s, l, 4), 2);
    assert_int_equal(sampler_accept(s, 2), 0);
    assert_int_equal(sampler_pick(s, l, 4), 0);
    assert_int_equal(sampler_accept(s, 3), 0); /* 1 leaves the window */
    assert_int_equal(sampler_pick(s, l, 4), 1);
    sampler_destroy(s);

    p.repeat_penalty = 0;
    assert_int_equal(sampler_create(&s, &p, NULL), CAIRN_EUSAGE);
}

/* top-p over the heap (nothing sorted before) and over a sorted list agree. */
static void both_ways_of_top_p_agree(void **state)
{
    (void)state;
    const sampler_step_kind with_sort[] = { SAMPLER_TOP_K, SAMPLER_TOP_P };
    const sampler_step_kind without[] = { SAMPLER_TOP_P };
    uint64_t x = 88172645463325252u;
    float l[777];

    for (int round = 0; round < 50; round++) {
        sampler_params p = sampler_params_default();
        sampler *a, *b;
        const sampler_candidate *ca, *cb;
        size_t na, nb;
        for (size_t i = 0; i < 777; i++) {
            x ^= x << 13, x ^= x >> 7, x ^= x << 17;
            l[i] = (float)(x % 64) / 8;
        }
        p.top_k = 777;
        p.top_p = 0.02f * (float)round;
        assert_int_equal(sampler_create_chain(&a, &p, with_sort, 2, NULL), 0);
        assert_int_equal(sampler_create_chain(&b, &p, without, 1, NULL), 0);
        assert_int_equal(sampler_distribution(a, l, 777, &ca, &na, NULL), 0);
        assert_int_equal(sampler_distribution(b, l, 777, &cb, &nb, NULL), 0);
        assert_int_equal(na, nb);
        for (size_t i = 0; i < na; i++)
            assert_int_equal(ca[i].id, cb[i].id);
        sampler_destroy(a);
        sampler_destroy(b);
    }
}

static uint32_t next_random(uint64_t *x)
{
    *x ^= *x << 13, *x ^= *x >> 7, *x ^= *x << 17;
    return (uint32_t)(*x >> 32);
}

/* DRY by its definition: for each token the longest run at the end that stood before it, no token
 * of which is a breaker. */
static void dry_agrees_with_its_definition(void **state)
{
    uint64_t x = 88172645463325252u;
    (void)state;
    for (int round = 0; round < 300; round++) {
        enum { VOCAB = 8 };
        size_t n = next_random(&x) % 120, last_n, used;
        token_id text[120];
        float l[VOCAB], want[VOCAB];
        uint8_t breakers[1] = {(uint8_t)(1u << next_random(&x) % 16)};
        sampler_params p = sampler_params_default();
        const sampler_step_kind steps[] = {SAMPLER_DRY};
        const sampler_candidate *c;
        size_t kept;
        sampler *s;
        p.dry_multiplier = 0.5f + (float)(next_random(&x) % 4);
        p.dry_base = 1.5f;
        p.dry_allowed_length = 1 + (int32_t)(next_random(&x) % 4);
        p.dry_last_n = next_random(&x) % 2 ? -1 : (int32_t)(next_random(&x) % 60);
        p.dry_breakers = breakers;
        p.n_dry_breakers = VOCAB;
        for (size_t i = 0; i < n; i++)
            text[i] = i > 10 && next_random(&x) % 4 ? text[i - 1 - next_random(&x) % 7]
                                                    : (token_id)(next_random(&x) % VOCAB);
        last_n = p.dry_last_n < 0 ? n : (size_t)p.dry_last_n;
        used = n < last_n ? n : last_n;
        const token_id *t = text + n - used;
        for (int id = 0; id < VOCAB; id++) {
            size_t longest = 0;
            l[id] = want[id] = (float)(next_random(&x) % 100) / 10;
            for (size_t at = 0; at < used; at++) {
                size_t run = 0;
                if (t[at] != id)
                    continue;
                while (run < at && t[at - 1 - run] == t[used - 1 - run] &&
                       !(breakers[0] >> t[at - 1 - run] & 1))
                    run++;
                longest = run > longest ? run : longest;
            }
            if (longest >= (size_t)p.dry_allowed_length)
                want[id] -= (float)(p.dry_multiplier *
                                    pow(1.5, (double)(longest - (size_t)p.dry_allowed_length)));
        }
        assert_int_equal(sampler_create_chain(&s, &p, steps, 1, NULL), 0);
        for (size_t i = 0; i < n; i++)
            assert_int_equal(sampler_accept(s, text[i]), 0);
        assert_int_equal(sampler_distribution(s, l, VOCAB, &c, &kept, NULL), 0);
        assert_int_equal(kept, VOCAB);
        for (size_t i = 0; i < kept; i++)
            if (fabsf(c[i].logit - want[c[i].id]) > 1e-4f * (1 + fabsf(want[c[i].id])))
                fail_msg("round %d, token %d: %g, wanted %g", round, c[i].id, (double)c[i].logit,
                         (double)want[c[i].id]);
        sampler_destroy(s);
    }
}

static void mirostat_steers_surprise(void **state)
{
    float l[400];
    sampler_params p = sampler_params_default();
    sampler *s, *again;
    double mu, mean = 0;
    (void)state;
    for (int i = 0; i < 400; i++)
        l[i] = -1.1f * logf(1.0f + (float)i); /* Zipf's law */
    p.temperature = 1;
    p.mirostat = true;
    p.mirostat_tau = 3;
    p.mirostat_eta = 0.1f;
    p.seed = 5;
    mu = 6;
    assert_int_equal(sampler_create(&s, &p, NULL), 0);
    assert_int_equal(sampler_create(&again, &p, NULL), 0);
    for (int i = 0; i < 3000; i++) {
        /* The state by hand: which are kept, and how mu moves. */
        double sum = 0, kept_mass = 0, mine;
        size_t kept = 0, n;
        const sampler_candidate *c;
        token_id id;
        for (int j = 0; j < 400; j++)
            sum += exp((double)l[j]);
        while (kept < 400 && (kept < 1 || -log2(exp((double)l[kept]) / sum) <= mu))
            kept_mass += exp((double)l[kept++]);
        assert_int_equal(sampler_distribution(s, l, 400, &c, &n, NULL), 0);
        assert_true(n + 1 >= kept && n <= kept + 1); /* p is a float at the edge */
        id = sampler_pick(s, l, 400);
        assert_int_equal(id, sampler_pick(again, l, 400));
        assert_in_range(id, 0, (int)n - 1);
        mine = -log2(exp((double)l[id]) / kept_mass);
        mu -= 0.1 * (mine - 3);
        mean += i >= 1000 ? mine / 2000 : 0;
    }
    assert_true(fabs(mean - 3) < 0.1);
    sampler_destroy(s);
    sampler_destroy(again);
    p.mirostat_tau = 0;
    assert_int_equal(sampler_create(&s, &p, NULL), CAIRN_EUSAGE);
}

static void bias_and_bans(void **state)
{
    const float l[] = {1, 2, 3, 0};
    const sampler_bias bias[] = {{0, 5}, {2, -INFINITY}, {77, 9}};
    const sampler_bias all[] = {{0, -INFINITY}, {1, -INFINITY}, {2, -INFINITY}, {3, -INFINITY}};
    const sampler_bias bad[] = {{0, INFINITY}};
    sampler_params p = sampler_params_default();
    const sampler_candidate *c;
    size_t n;
    sampler *s;
    (void)state;
    p.bias = bias;
    p.n_bias = 3;
    assert_int_equal(sampler_create(&s, &p, NULL), 0);
    assert_int_equal(sampler_pick(s, l, 4), 0);
    sampler_destroy(s);
    p.temperature = 1;
    assert_int_equal(sampler_create(&s, &p, NULL), 0);
    assert_int_equal(sampler_distribution(s, l, 4, &c, &n, NULL), 0);
    for (size_t i = 0; i < n; i++) {
        double want[] = {6, 2, 0, 0}, sum = exp(6) + exp(2) + exp(0);
        assert_true(fabs(c[i].p - (c[i].id == 2 ? 0 : exp(want[c[i].id]) / sum)) < 1e-6);
    }
    sampler_destroy(s);
    p.bias = all;
    p.n_bias = 4;
    assert_int_equal(sampler_create(&s, &p, NULL), 0);
    assert_int_equal(sampler_pick(s, l, 4), TOKEN_NONE);
    sampler_destroy(s);
    p.bias = bad;
    p.n_bias = 1;
    assert_int_equal(sampler_create(&s, &p, NULL), CAIRN_EUSAGE);
}

static void logprobs_are_the_models_own(void **state)
{
    uint64_t x = 1234567;
    (void)state;
    for (int round = 0; round < 50; round++) {
        float l[300];
        token_id top[9];
        double got[9], sum = 0;
        for (int i = 0; i < 300; i++) {
            l[i] = (float)(next_random(&x) % 50) / 5;
            sum += exp((double)l[i]);
        }
        l[17] = NAN;
        sum = 0;
        for (int i = 0; i < 300; i++)
            sum += i == 17 ? 0 : exp((double)l[i]);
        assert_true(fabs(sampler_logprob(l, 300, 5, 9, top, got) - ((double)l[5] - log(sum))) < 1e-9);
        assert_true(isinf(sampler_logprob(l, 300, 17, 0, NULL, NULL)));
        assert_true(isinf(sampler_logprob(l, 300, 300, 0, NULL, NULL)));
        for (int i = 0; i < 9; i++) {
            /* Exactly i tokens are ahead of the i-th. */
            int ahead = 0;
            for (int j = 0; j < 300; j++)
                ahead += j != 17 && (l[j] > l[top[i]] || (l[j] == l[top[i]] && j < top[i]));
            assert_int_equal(ahead, i);
            assert_true(fabs(got[i] - ((double)l[top[i]] - log(sum))) < 1e-9);
        }
    }
}

/* Temperature 0 has a short way through the vocabulary: it picks what a chain of candidates picks. */
static void the_short_way_of_greedy_agrees(void **state)
{
    static const sampler_step_kind step = SAMPLER_TEMPERATURE;
    static const float odd[] = {NAN, INFINITY, -INFINITY, FLT_MAX, -FLT_MAX, 3, 3, -0.0f, 0};
    sampler_params p = sampler_params_default();
    sampler *quick, *chain;
    uint64_t seed = 5;
    (void)state;
    assert_int_equal(sampler_create(&quick, &p, NULL), CAIRN_OK);
    assert_int_equal(sampler_create_chain(&chain, &p, &step, 1, NULL), CAIRN_OK);
    assert_true(sampler_is_greedy(quick));
    for (int round = 0; round < 4000; round++) {
        float v[45];
        uint8_t mask[6];
        size_t n = 1 + (size_t)round % 45;
        for (size_t i = 0; i < n; i++) {
            seed = seed * 6364136223846793005u + 1442695040888963407u;
            v[i] = round % 3 ? odd[(seed >> 33) % 9] : (float)((seed >> 33) % 7) - 4;
        }
        for (size_t i = 0; i < sizeof mask; i++)
            mask[i] = (uint8_t)((seed >> (i * 8)) & (round % 2 ? 0xFF : 0x11));
        sampler_set_mask(quick, round % 5 ? mask : NULL);
        sampler_set_mask(chain, round % 5 ? mask : NULL);
        assert_int_equal(sampler_pick(quick, v, n), sampler_pick(chain, v, n));
    }
    sampler_destroy(quick);
    sampler_destroy(chain);
    p.temperature = 0.5f;
    assert_int_equal(sampler_create(&quick, &p, NULL), CAIRN_OK);
    assert_false(sampler_is_greedy(quick));
    sampler_destroy(quick);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(matches_the_reference),
        cmocka_unit_test(draws_follow_the_distribution),
        cmocka_unit_test(greedy_takes_the_first_of_equals),
        cmocka_unit_test(both_ways_of_top_p_agree),
        cmocka_unit_test(dry_agrees_with_its_definition),
        cmocka_unit_test(mirostat_steers_surprise),
        cmocka_unit_test(bias_and_bans),
        cmocka_unit_test(the_short_way_of_greedy_agrees),
        cmocka_unit_test(logprobs_are_the_models_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
