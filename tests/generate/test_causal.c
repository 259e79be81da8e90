/* test_causal.c - a decoder as embedder (the layout of Qwen3-Embedding): vectors against the architecture written
 * plainly in double precision, on small random models; the same bytes in any company; what is put around a text; what
 * is refused. No published file of this kind was at hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <math.h>
#include <unistd.h>

#include "generate/encode/encoder.h"
#include "generate/tokenize/tokenizer.h"
#include "tests/generate/plain_decoder.h"
#include "tests/generate/tiny_model.h"

#define WIDTH 64
#define TEXTS 70
#define LONG  250

static tiny_model embedder(tensor_type type)
{
    tiny_model t = tiny_default;

    t.arch = "qwen3";
    t.type = type;
    t.pooling = 3;
    t.words = true;
    t.seed = 21;
    return t;
}

static void write_model(const tiny_model *t, char path[64])
{
    size_t len;
    uint8_t *data = tiny_model_bytes(t, &len);
    int fd;

    strcpy(path, "/tmp/cairn-causal-XXXXXX");
    fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, data, len), len);
    close(fd);
    free(data);
}

static encoder *open_encoder(const char *path, const encoder_options *o)
{
    cairn_error err = {0};
    encoder *e;

    if (encoder_open(&e, path, o, &err))
        fail_msg("%s", err.text);
    return e;
}

/* Texts from 1 token to more than a pass takes. */
static size_t random_texts(int32_t *ids, size_t offsets[TEXTS + 1])
{
    uint64_t seed = 4;
    size_t n = 0;

    offsets[0] = 0;
    for (size_t i = 0; i < TEXTS; i++) {
        size_t len = i == 5 ? LONG : 1 + tiny_random(&seed) % 40;
        while (len--)
            ids[n++] = (int32_t)(tiny_random(&seed) % 97);
        offsets[i + 1] = n;
    }
    return n;
}

static void plain_vector(const gguf *g, const int32_t *ids, size_t n, double out[WIDTH])
{
    plain p;
    double *x = plain_states(&p, g, ids, n, 256), square = 0;

    assert_int_equal(p.width, WIDTH);
    for (size_t i = 0; i < WIDTH; i++)
        square += x[(n - 1) * WIDTH + i] * x[(n - 1) * WIDTH + i];
    for (size_t i = 0; i < WIDTH; i++)
        out[i] = x[(n - 1) * WIDTH + i] / sqrt(square);
    free(x);
}

static void vectors_agree_with_the_plain_ones(void **state)
{
    static const tensor_type types[] = {TENSOR_F32, TENSOR_Q8_0, TENSOR_Q4_0, TENSOR_F16};
    static int32_t ids[TEXTS * 40 + LONG];
    size_t offsets[TEXTS + 1];
    (void)state;
    random_texts(ids, offsets);
    for (size_t k = 0; k < sizeof types / sizeof *types; k++) {
        tiny_model t = embedder(types[k]);
        float *exact = malloc(TEXTS * WIDTH * sizeof *exact), *fast = malloc(TEXTS * WIDTH * sizeof *fast);
        double worst = 0, cosine = 1;
        char path[64];
        gguf *g;
        write_model(&t, path);
        assert_int_equal(gguf_open(&g, path, NULL), CAIRN_OK);
        for (int mode = 0; mode < 2; mode++) {
            encoder *e = open_encoder(path, &(encoder_options){.exact = mode == 0});
            assert_int_equal(encoder_dim(e), WIDTH);
            assert_int_equal(encoder_embed_ids(e, ids, offsets, TEXTS, mode ? fast : exact, NULL), CAIRN_OK);
            encoder_close(e);
        }
        for (size_t i = 0; i < TEXTS; i++) {
            double want[WIDTH], dot = 0;
            plain_vector(g, ids + offsets[i], offsets[i + 1] - offsets[i], want);
            for (size_t j = 0; j < WIDTH; j++) {
                double apart = fabs(want[j] - (double)exact[i * WIDTH + j]);
                worst = apart > worst ? apart : worst;
                dot += want[j] * (double)fast[i * WIDTH + j];
            }
            cosine = dot < cosine ? dot : cosine;
        }
        print_message("%s: exact within %.1e, fast cosine %.6f\n", tensor_type_get(types[k])->name, worst, cosine);
        assert_true(worst < 1e-5 && cosine > 0.999);
        gguf_close(g);
        unlink(path);
        free(exact);
        free(fast);
    }
}

static void company_changes_no_byte(void **state)
{
    static int32_t ids[TEXTS * 40 + LONG];
    static float together[TEXTS * WIDTH], alone[WIDTH];
    size_t offsets[TEXTS + 1];
    tiny_model t = embedder(TENSOR_Q8_0);
    char path[64];
    encoder *e;
    pool *p;
    (void)state;
    random_texts(ids, offsets);
    write_model(&t, path);
    assert_int_equal(pool_create(&p, 3, NULL), CAIRN_OK);
    e = open_encoder(path, &(encoder_options){.pool = p});
    assert_int_equal(encoder_embed_ids(e, ids, offsets, TEXTS, together, NULL), CAIRN_OK);
    encoder_close(e);
    e = open_encoder(path, NULL);
    for (size_t i = TEXTS; i--;) {
        size_t own[2] = {0, offsets[i + 1] - offsets[i]};
        assert_int_equal(encoder_embed_ids(e, ids + offsets[i], own, 1, alone, NULL), CAIRN_OK);
        assert_memory_equal(alone, together + i * WIDTH, sizeof alone);
    }
    encoder_close(e);
    pool_destroy(p);
    unlink(path);
}

static void embed_text(encoder *e, const char *text, encoder_role role, float out[WIDTH])
{
    encoder_text t = {text, strlen(text)};
    assert_int_equal(encoder_embed(e, &t, 1, role, out, NULL), CAIRN_OK);
}

/* As the tokens of `text` and the end token. */
static void must_be(encoder *e, const tokenizer *tok, const char *text, size_t most, const float got[WIDTH])
{
    token_list ids = {0};
    float want[WIDTH];
    size_t offsets[2] = {0};

    assert_int_equal(tokenizer_encode(tok, text, strlen(text), 0, &ids, NULL), CAIRN_OK);
    if (ids.n > most - 1)
        ids.n = most - 1;
    assert_int_equal(token_list_push(&ids, tokenizer_eos(tok)), CAIRN_OK);
    offsets[1] = ids.n;
    assert_int_equal(encoder_embed_ids(e, ids.ids, offsets, 1, want, NULL), CAIRN_OK);
    assert_memory_equal(got, want, sizeof want);
    token_list_clear(&ids);
}

static void questions_carry_the_instruction(void **state)
{
    static const char query[] = "Instruct: Given a web search query, retrieve relevant passages that answer the "
                                "query\nQuery:how far?";
    tiny_model t = embedder(TENSOR_Q8_0);
    char path[64], many[400];
    float got[WIDTH], cut[WIDTH];
    double square = 0;
    tokenizer *tok;
    encoder *e;
    gguf *g;
    (void)state;
    write_model(&t, path);
    assert_int_equal(gguf_open(&g, path, NULL), CAIRN_OK);
    assert_int_equal(tokenizer_from_gguf(&tok, g, NULL), CAIRN_OK);
    e = open_encoder(path, NULL);
    assert_int_equal(encoder_max_tokens(e), 256);
    assert_int_equal(encoder_text_budget(e), 255);
    embed_text(e, "how far?", ENCODER_QUERY, got);
    must_be(e, tok, query, 256, got);
    for (size_t i = 0; i < WIDTH; i++)
        square += (double)got[i] * (double)got[i];
    assert_true(fabs(square - 1) < 1e-6);
    embed_text(e, "how far?", ENCODER_PASSAGE, got);
    must_be(e, tok, "how far?", 256, got);
    embed_text(e, "", ENCODER_PLAIN, got);
    must_be(e, tok, "", 256, got);
    memset(many, 'x', sizeof many - 1);
    many[sizeof many - 1] = '\0';
    embed_text(e, many, ENCODER_PASSAGE, got);
    must_be(e, tok, many, 256, got);
    encoder_close(e);
    e = open_encoder(path, &(encoder_options){.max_tokens = 20});
    embed_text(e, many, ENCODER_PASSAGE, cut);
    must_be(e, tok, many, 20, cut);
    assert_false(encoder_can_score(e));
    encoder_close(e);
    tokenizer_destroy(tok);
    gguf_close(g);
    unlink(path);
}

static void what_does_not_fit_is_refused(void **state)
{
    static const struct {
        const char *what, *says;
        tiny_model t;
        cairn_status want;
    } rows[] = {
        {"mean pooling", "pooling_type 1", {.pooling = 1}, CAIRN_EUNSUPPORTED},
        {"a generator", "no embedder", {.pooling = 0}, CAIRN_EUNSUPPORTED},
        {"a tensor of another shape", "attn_q", {.pooling = 3, .reshape = "blk.0.attn_q.weight"}, CAIRN_EMODEL},
        {"no final norm", "output_norm", {.pooling = 3, .leave_out = "output_norm.weight"}, CAIRN_EMODEL},
        {"a width that is not the tensors'", "embedding_length",
         {.pooling = 3, .change = "embedding_length", .change_to = 1u << 30}, CAIRN_EMODEL},
        {"as many layers as there is no room for", "block_count",
         {.pooling = 3, .change = "block_count", .change_to = UINT32_MAX}, CAIRN_EMODEL},
        {"no room for a text", "tokens only", {.pooling = 3, .change = "context_length", .change_to = 4}, CAIRN_EMODEL},
        {"experts", "expert_count", {.pooling = 3, .extra_key = "expert_count"}, CAIRN_EUNSUPPORTED},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        tiny_model t = embedder(TENSOR_Q8_0);
        cairn_error err = {0};
        cairn_status st;
        char path[64];
        encoder *e;
        t.pooling = rows[i].t.pooling;
        t.reshape = rows[i].t.reshape;
        t.leave_out = rows[i].t.leave_out;
        t.change = rows[i].t.change;
        t.change_to = rows[i].t.change_to;
        t.extra_key = rows[i].t.extra_key;
        write_model(&t, path);
        st = encoder_open(&e, path, NULL, &err);
        if (st != rows[i].want || !strstr(err.text, rows[i].says))
            fail_msg("%s: %d, %s", rows[i].what, (int)st, err.text);
        assert_null(e);
        unlink(path);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(vectors_agree_with_the_plain_ones),
        cmocka_unit_test(company_changes_no_byte),
        cmocka_unit_test(questions_carry_the_instruction),
        cmocka_unit_test(what_does_not_fit_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
