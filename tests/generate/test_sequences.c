/* test_sequences.c - many sequences over one decoder: whatever joins, leaves, is cut short, branches
 * off or finds no memory, each sequence's logits are those it has alone, to the byte. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "generate/decode/decoder.h"
#include "tests/generate/tiny_model.h"

#define VOCAB     100
#define MAX_SEQ   6
#define MAX_CTX   200
#define MAX_BATCH 48

typedef struct twin {
    decoder_sequence *s;
    token_id ids[MAX_CTX];
    size_t n;
} twin;

static const tiny_model shapes[] = {
    {.arch = "llama", .type = TENSOR_Q8_0, .layers = 2, .width = 64, .heads = 4, .kv_heads = 2,
     .head_dim = 16, .ff = 96, .vocab = VOCAB, .seed = 1},
    {.arch = "gemma3", .type = TENSOR_Q4_0, .layers = 7, .width = 64, .heads = 4, .kv_heads = 1,
     .head_dim = 32, .ff = 128, .vocab = VOCAB, .window = 11, .seed = 3},
};

/* The last `n` rows of t's tokens, from a decoder of its own. */
static void alone(decoder *d, const twin *t, size_t n, float *out)
{
    decoder_truncate(d, 0);
    assert_int_equal(decoder_eval(d, t->ids, t->n - n, DECODER_NO_LOGITS, NULL, NULL), CAIRN_OK);
    assert_int_equal(decoder_eval(d, t->ids + t->n - n, n, DECODER_ALL, out, NULL), CAIRN_OK);
}

/* A pass over some of the sequences; the logits are checked. Returns false when memory was short. */
static bool pass(decoder *d, decoder *judge, twin *all, uint64_t *seed, float *got, float *want)
{
    decoder_item items[MAX_SEQ];
    twin *of[MAX_SEQ];
    size_t n_items = 0, left = MAX_BATCH;
    cairn_error err;
    cairn_status st;

    for (size_t i = 0; i < MAX_SEQ; i++) {
        twin *t = &all[i];
        size_t n = 1 + (tiny_random(seed) % 3 ? 0 : tiny_random(seed) % 30);
        if (!t->s || !(tiny_random(seed) % 3) || n > left || t->n + n > MAX_CTX)
            continue;
        for (size_t j = 0; j < n; j++)
            t->ids[t->n + j] = (token_id)(tiny_random(seed) % VOCAB);
        items[n_items] = (decoder_item){t->s, t->ids + t->n, n, tiny_random(seed) % 3, NULL};
        of[n_items++] = t;
        left -= n;
    }
    st = decoder_eval_many(d, items, n_items, got, &err);
    if (st) {
        assert_int_equal(st, CAIRN_ELIMIT);
        for (size_t i = 0; i < n_items; i++)
            assert_int_equal(decoder_sequence_past(of[i]->s), of[i]->n);
        return false;
    }
    for (size_t i = 0; i < n_items; i++) {
        size_t n = items[i].n, rows = items[i].want == DECODER_ALL    ? n
                                      : items[i].want == DECODER_LAST ? 1
                                                                      : 0;
        of[i]->n += n;
        assert_int_equal(decoder_sequence_past(of[i]->s), of[i]->n);
        if (rows) {
            alone(judge, of[i], rows, want);
            assert_memory_equal(got, want, rows * VOCAB * sizeof *got);
        }
        got += rows * VOCAB;
    }
    return true;
}

static void change_one(decoder *d, twin *all, uint64_t *seed)
{
    twin *t = &all[tiny_random(seed) % MAX_SEQ], *other = &all[tiny_random(seed) % MAX_SEQ];

    switch (tiny_random(seed) % 4) {
    case 0: /* leaves, or a new one joins */
        if (t->s) {
            decoder_sequence_destroy(d, t->s);
            t->s = NULL;
        } else {
            assert_int_equal(decoder_sequence_create(&t->s, d, NULL), CAIRN_OK);
        }
        t->n = 0;
        break;
    case 1: /* is cut short */
        if (t->s && t->n) {
            t->n = tiny_random(seed) % t->n;
            decoder_sequence_truncate(d, t->s, t->n);
        }
        break;
    default: /* branches off */
        if (t == other || !other->s)
            break;
        decoder_sequence_destroy(d, t->s);
        t->n = other->n ? tiny_random(seed) % (other->n + 1) : 0;
        memcpy(t->ids, other->ids, t->n * sizeof *t->ids);
        assert_int_equal(decoder_sequence_fork(&t->s, d, other->s, t->n, NULL), CAIRN_OK);
        break;
    }
}

static void sequences_do_not_feel_each_other(void **state)
{
    const char *given = getenv("CAIRN_SEED");
    uint64_t seed = given ? strtoull(given, NULL, 10) : 4711;
    float *got = malloc(MAX_BATCH * VOCAB * sizeof *got), *want = malloc(MAX_BATCH * VOCAB * 4);
    size_t passes = 0, refused = 0;
    pool *p;
    (void)state;
    print_message("CAIRN_SEED=%llu\n", (unsigned long long)seed);
    assert_int_equal(pool_create(&p, 3, NULL), CAIRN_OK);
    for (int round = 0; round < 8; round++) {
        decoder_options o = {.n_ctx = MAX_CTX, .n_kv = round & 1 ? 5 * 64 : MAX_SEQ * 256,
                             .n_batch = MAX_BATCH, .exact = round / 2 == 2,
                             .kv = round / 2 == 3 ? DECODER_KV_INT8 : DECODER_KV_F16,
                             .pool = round & 2 ? p : NULL};
        decoder_options alone_o = {.n_ctx = MAX_CTX, .exact = o.exact, .kv = o.kv};
        twin all[MAX_SEQ] = {0};
        gguf *g;
        decoder_model *m;
        decoder *d, *judge;
        size_t len;
        uint8_t *data = tiny_model_bytes(&shapes[round % 2], &len);
        assert_int_equal(gguf_open_memory(&g, data, len, "tiny.gguf", NULL), CAIRN_OK);
        assert_int_equal(decoder_model_open(&m, g, NULL, NULL), CAIRN_OK);
        assert_int_equal(decoder_create(&d, m, &o, NULL), CAIRN_OK);
        assert_int_equal(decoder_create(&judge, m, &alone_o, NULL), CAIRN_OK);
        for (int step = 0; step < 150; step++) {
            change_one(d, all, &seed);
            if (pass(d, judge, all, &seed, got, want))
                passes++;
            else
                refused++;
        }
        for (size_t i = 0; i < MAX_SEQ; i++)
            decoder_sequence_destroy(d, all[i].s);
        /* Nothing leaks: all pages are free again. */
        assert_int_equal(decoder_free_tokens(d), (o.n_kv + 63) / 64 * 64);
        decoder_destroy(d);
        decoder_destroy(judge);
        decoder_model_close(m);
        gguf_close(g);
        free(data);
    }
    print_message("%zu passes, %zu without memory\n", passes, refused);
    assert_true(passes > 400 && refused > 10);
    pool_destroy(p);
    free(got);
    free(want);
}

static void passes_are_bounded(void **state)
{
    decoder_options o = {.n_ctx = 64, .n_batch = 16};
    token_id ids[40] = {0};
    float row[VOCAB];
    gguf *g;
    decoder_model *m;
    decoder *d;
    decoder_sequence *s;
    size_t len;
    uint8_t *data = tiny_model_bytes(&tiny_default, &len);
    (void)state;
    assert_int_equal(gguf_open_memory(&g, data, len, "tiny.gguf", NULL), CAIRN_OK);
    assert_int_equal(decoder_model_open(&m, g, NULL, NULL), CAIRN_OK);
    assert_int_equal(decoder_create(&d, m, &o, NULL), CAIRN_OK);
    assert_int_equal(decoder_sequence_create(&s, d, NULL), CAIRN_OK);
    decoder_item items[] = {{s, ids, 12, DECODER_LAST, NULL},
                            {decoder_own_sequence(d), ids, 5, 0, NULL}};
    assert_int_equal(decoder_eval_many(d, items, 2, row, NULL), CAIRN_EUSAGE);
    items[1].n = 0;
    assert_int_equal(decoder_eval_many(d, items, 2, row, NULL), CAIRN_EUSAGE);
    items[1].n = 4;
    assert_int_equal(decoder_eval_many(d, items, 2, row, NULL), CAIRN_ELIMIT); /* one page for two */
    assert_int_equal(decoder_sequence_past(s), 0);
    assert_int_equal(decoder_eval_many(d, items, 1, row, NULL), CAIRN_OK);
    assert_int_equal(decoder_sequence_past(s), 12);
    assert_int_equal(decoder_eval_many(d, items, 0, row, NULL), CAIRN_OK);
    decoder_cancel(d);
    assert_int_equal(decoder_eval_many(d, items, 1, row, NULL), CAIRN_ECANCELLED);
    assert_int_equal(decoder_sequence_past(s), 12);
    decoder_sequence_destroy(d, s);
    decoder_destroy(d);
    decoder_model_close(m);
    gguf_close(g);
    free(data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sequences_do_not_feel_each_other),
        cmocka_unit_test(passes_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
