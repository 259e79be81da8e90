/* test_decoder.c - small random models in memory: one order of summation (batch, threads, CPU row,
 * truncation change no byte), every block format, and files that must be refused with a sentence. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <sys/wait.h>
#include <unistd.h>

#include "generate/decode/decoder.h"
#include "tests/generate/tiny_model.h"

typedef struct loaded {
    uint8_t *data;
    gguf *g;
    decoder_model *m;
} loaded;

static cairn_status load(const tiny_model *t, loaded *l, cairn_error *err)
{
    size_t len;
    cairn_status st;

    memset(l, 0, sizeof *l);
    l->data = tiny_model_bytes(t, &len);
    assert_non_null(l->data);
    st = gguf_open_memory(&l->g, l->data, len, "tiny.gguf", err);
    return st ? st : decoder_model_open(&l->m, l->g, NULL, err);
}

static void unload(loaded *l)
{
    decoder_model_close(l->m);
    gguf_close(l->g);
    free(l->data);
}

#define N      50
#define VOCAB  100

static void prompt(token_id ids[N])
{
    uint64_t seed = 7;
    for (int i = 0; i < N; i++)
        ids[i] = (token_id)(tiny_random(&seed) % VOCAB);
}

typedef enum mode { FAST, EXACT, FAST_INT8, MODES } mode;
static const char *const mode_names[] = {"", " exact", " with int8 keys and values"};

/* Logits of all N tokens, fed `step` at a time. */
static void run(const decoder_model *m, size_t step, size_t n_batch, mode how, pool *p, float *out)
{
    decoder_options o = {.n_ctx = 64,
                         .n_batch = n_batch,
                         .exact = how == EXACT,
                         .kv = how == FAST_INT8 ? DECODER_KV_INT8 : DECODER_KV_F16,
                         .pool = p};
    token_id ids[N];
    decoder *d;

    prompt(ids);
    assert_int_equal(decoder_create(&d, m, &o, NULL), CAIRN_OK);
    for (size_t i = 0; i < N; i += step) {
        size_t n = N - i < step ? N - i : step;
        assert_int_equal(decoder_eval(d, ids + i, n, DECODER_ALL, out + i * VOCAB, NULL), CAIRN_OK);
    }
    assert_int_equal(decoder_past(d), N);
    decoder_destroy(d);
}

static const tiny_model shapes[] = {
    {.arch = "llama", .type = TENSOR_Q8_0, .layers = 2, .width = 64, .heads = 4, .kv_heads = 2,
     .head_dim = 16, .ff = 96, .vocab = VOCAB, .seed = 1},
    {.arch = "qwen2", .type = TENSOR_Q5_0, .layers = 3, .width = 96, .heads = 6, .kv_heads = 2,
     .head_dim = 16, .ff = 160, .vocab = VOCAB, .seed = 2},
    {.arch = "gemma3", .type = TENSOR_Q4_0, .layers = 7, .width = 64, .heads = 4, .kv_heads = 1,
     .head_dim = 32, .ff = 128, .vocab = VOCAB, .window = 11, .seed = 3},
};

static void batch_and_threads_change_no_byte(void **state)
{
    static const struct {
        size_t step, n_batch;
        bool threads;
    } ways[] = {{N, 0, false}, {N, 0, true}, {1, 0, false}, {1, 0, true}, {7, 0, false}, {N, 16, true}};
    pool *p;
    (void)state;
    assert_int_equal(pool_create(&p, 3, NULL), CAIRN_OK);
    for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++)
        for (mode how = 0; how < MODES; how++) {
            float *want = malloc(N * VOCAB * 4), *got = malloc(N * VOCAB * 4);
            loaded l;
            assert_int_equal(load(&shapes[s], &l, NULL), CAIRN_OK);
            for (size_t w = 0; w < sizeof ways / sizeof *ways; w++) {
                run(l.m, ways[w].step, ways[w].n_batch, how, ways[w].threads ? p : NULL, got);
                if (!w)
                    memcpy(want, got, N * VOCAB * 4);
                for (size_t i = 0; i < N; i++)
                    if (memcmp(want + i * VOCAB, got + i * VOCAB, VOCAB * 4))
                        fail_msg("%s%s, way %zu: position %zu differs", shapes[s].arch,
                                 mode_names[how], w, i);
                assert_true(got[N * VOCAB - 1] == got[N * VOCAB - 1]);
            }
            unload(&l);
            free(want);
            free(got);
        }
    pool_destroy(p);
}

/* Whole models in every CPU row: a child process each, since a process picks its row once. Runs first,
 * before this process has picked one. */
static void rows_change_no_byte(void **state)
{
    uint64_t digests[3][3 * MODES];
    (void)state;
    for (int level = CPU_SCALAR; level <= (int)cpu_level_max(); level++) {
        int fd[2];
        pid_t child;
        assert_int_equal(pipe(fd), 0);
        child = fork();
        if (!child) {
            float *out = malloc(N * VOCAB * 4);
            setenv("CAIRN_CPU", cpu_level_name((cpu_level)level), 1);
            for (size_t i = 0; i < 3 * MODES; i++) {
                uint64_t digest = 14695981039346656037u;
                loaded l;
                if (load(&shapes[i / MODES], &l, NULL) || kernels_get()->level != (cpu_level)level)
                    _exit(1);
                run(l.m, N, 0, (mode)(i % MODES), NULL, out);
                for (size_t j = 0; j < N * VOCAB * 4; j++)
                    digest = (digest ^ ((uint8_t *)out)[j]) * 1099511628211u;
                unload(&l);
                if (write(fd[1], &digest, sizeof digest) != sizeof digest)
                    _exit(1);
            }
            free(out);
            _exit(0);
        }
        close(fd[1]);
        for (size_t i = 0; i < 3 * MODES; i++)
            assert_int_equal(read(fd[0], &digests[level][i], 8), 8);
        close(fd[0]);
        waitpid(child, NULL, 0);
        for (size_t i = 0; i < 3 * MODES; i++)
            if (digests[level][i] != digests[0][i])
                fail_msg("%s%s: %s differs from scalar", shapes[i / MODES].arch, mode_names[i % MODES],
                         cpu_level_name((cpu_level)level));
    }
}

/* The fast mode stays near the exact one, and a window really hides what lies before it. */
static void fast_is_near_exact(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2 * sizeof shapes / sizeof *shapes; i++) {
        size_t s = i / 2;
        mode how = i % 2 ? FAST_INT8 : FAST;
        float *fast = malloc(N * VOCAB * 4), *exact = malloc(N * VOCAB * 4);
        double gap = 0, size = 0;
        loaded l;
        assert_int_equal(load(&shapes[s], &l, NULL), CAIRN_OK);
        run(l.m, N, 0, how, NULL, fast);
        run(l.m, N, 0, EXACT, NULL, exact);
        for (size_t j = 0; j < N * VOCAB; j++) {
            gap += (double)(fast[j] - exact[j]) * (double)(fast[j] - exact[j]);
            size += (double)exact[j] * (double)exact[j];
        }
        if (!(gap < size * 1e-3) || size == 0)
            fail_msg("%s%s: relative distance %g", shapes[s].arch, mode_names[how], gap / size);
        unload(&l);
        free(fast);
        free(exact);
    }
}

static void every_format_runs(void **state)
{
    static const tensor_type types[] = {TENSOR_F32,  TENSOR_F16,  TENSOR_BF16, TENSOR_Q4_0,
                                        TENSOR_Q4_1, TENSOR_Q5_0, TENSOR_Q5_1, TENSOR_Q8_0,
                                        TENSOR_Q4_K, TENSOR_Q5_K, TENSOR_Q6_K, TENSOR_Q2_K,
                                        TENSOR_Q3_K, TENSOR_IQ4_NL};
    (void)state;
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        tiny_model t = {.arch = "llama", .type = types[i], .layers = 1, .width = 256, .heads = 16,
                        .kv_heads = 16, .head_dim = 16, .ff = 256, .vocab = VOCAB, .seed = i};
        float *fast = malloc(N * VOCAB * 4), *exact = malloc(N * VOCAB * 4);
        double gap = 0, size = 0;
        loaded l;
        assert_int_equal(load(&t, &l, NULL), CAIRN_OK);
        run(l.m, N, 0, FAST, NULL, fast);
        run(l.m, N, 0, EXACT, NULL, exact);
        for (size_t j = 0; j < N * VOCAB; j++) {
            gap += (double)(fast[j] - exact[j]) * (double)(fast[j] - exact[j]);
            size += (double)exact[j] * (double)exact[j];
        }
        if (!(gap < size * 1e-3) || size == 0)
            fail_msg("%s: relative distance %g", tensor_type_get(types[i])->name, gap / size);
        unload(&l);
        free(fast);
        free(exact);
    }
}

static void truncate_cancel_and_full_context(void **state)
{
    decoder_options o = {.n_ctx = 40};
    token_id ids[N];
    float first[VOCAB], again[VOCAB];
    cairn_error err = {0};
    loaded l;
    decoder *d;
    (void)state;
    prompt(ids);
    assert_int_equal(load(&tiny_default, &l, NULL), CAIRN_OK);
    assert_int_equal(decoder_create(&d, l.m, &o, NULL), CAIRN_OK);
    assert_int_equal(decoder_eval(d, ids, 20, DECODER_LAST, first, &err), CAIRN_OK);
    /* Other tokens behind, then the same ones again. */
    assert_int_equal(decoder_eval(d, ids + 20, 20, DECODER_NO_LOGITS, NULL, &err), CAIRN_OK);
    assert_int_equal(decoder_eval(d, ids, 1, DECODER_LAST, again, &err), CAIRN_ELIMIT);
    assert_non_null(strstr(err.text, "40"));
    assert_int_equal(decoder_past(d), 40);
    decoder_truncate(d, 5);
    assert_int_equal(decoder_eval(d, ids + 5, 15, DECODER_LAST, again, &err), CAIRN_OK);
    assert_memory_equal(first, again, sizeof first);
    decoder_cancel(d);
    assert_int_equal(decoder_eval(d, ids, 3, DECODER_LAST, again, &err), CAIRN_ECANCELLED);
    assert_int_equal(decoder_past(d), 20);
    decoder_resume(d);
    assert_int_equal(decoder_eval(d, ids, 0, DECODER_LAST, again, &err), CAIRN_OK);
    ids[1] = VOCAB;
    assert_int_equal(decoder_eval(d, ids, 3, DECODER_LAST, again, &err), CAIRN_EUSAGE);
    ids[1] = -1;
    assert_int_equal(decoder_eval(d, ids, 3, DECODER_LAST, again, &err), CAIRN_EUSAGE);
    assert_int_equal(decoder_past(d), 20);
    decoder_destroy(d);
    o.n_ctx = DECODER_MAX_CTX + 1;
    assert_int_equal(decoder_create(&d, l.m, &o, &err), CAIRN_EUSAGE);
    unload(&l);
}

static void broken_models_are_refused(void **state)
{
    static const struct {
        const char *name, *arch, *leave_out, *reshape, *change, *extra, *wrong_type;
        uint32_t to;
        cairn_status want;
        const char *says;
    } bad[] = {
        {.name = "other architecture", .arch = "mamba", .want = CAIRN_EUNSUPPORTED, .says = "mamba"},
        {.name = "no layers", .change = "block_count", .to = 0, .says = "block_count"},
        {.name = "layers without tensors", .change = "block_count", .to = 3, .says = "blk.2."},
        {.name = "absurd layers", .change = "block_count", .to = 4000000000u, .says = "block_count"},
        {.name = "absurd width", .change = "embedding_length", .to = 1u << 31,
         .says = "embedding_length"},
        {.name = "width of another model", .change = "embedding_length", .to = 128, .says = "128"},
        {.name = "no heads", .change = "attention.head_count", .to = 0, .says = "head_count"},
        {.name = "other heads", .change = "attention.head_count", .to = 8, .says = "attn_q.weight"},
        {.name = "heads that cannot share", .change = "attention.head_count_kv", .to = 3,
         .says = "share"},
        {.name = "absurd key heads", .change = "attention.head_count_kv", .to = 1u << 30,
         .says = "head_count_kv"},
        {.name = "crooked head size", .change = "attention.key_length", .to = 24, .says = "16"},
        {.name = "absurd head size", .change = "attention.key_length", .to = 1u << 20,
         .says = "key_length"},
        {.name = "other feed-forward", .change = "feed_forward_length", .to = 64,
         .says = "ffn_gate.weight"},
        {.name = "rope wider than a head", .change = "rope.dimension_count", .to = 64,
         .says = "dimension_count"},
        {.name = "odd rope", .change = "rope.dimension_count", .to = 15, .says = "pairs"},
        {.name = "no context", .change = "context_length", .to = 0, .says = "context_length"},
        {.name = "no layer count", .leave_out = "block_count", .says = "block_count"},
        {.name = "no embeddings", .leave_out = "token_embd.weight", .says = "token_embd.weight"},
        {.name = "no norm", .leave_out = "output_norm.weight", .says = "output_norm.weight"},
        {.name = "a missing matrix", .leave_out = "blk.1.ffn_up.weight", .says = "blk.1.ffn_up"},
        {.name = "a row too many", .reshape = "blk.0.attn_v.weight", .says = "attn_v.weight"},
        {.name = "a long norm", .reshape = "blk.0.attn_norm.weight", .says = "attn_norm.weight"},
        {.name = "a quantised norm", .wrong_type = "blk.0.ffn_norm.weight", .says = "Q8_0"},
        {.name = "qwen2 without bias", .arch = "qwen2", .leave_out = "blk.0.attn_k.bias",
         .says = "attn_k.bias"},
        {.name = "gemma3 without its norms", .arch = "gemma3",
         .leave_out = "blk.1.post_ffw_norm.weight", .says = "post_ffw_norm"},
        {.name = "experts", .extra = "expert_count", .want = CAIRN_EUNSUPPORTED,
         .says = "expert_count"},
        {.name = "soft caps", .extra = "final_logit_softcapping", .want = CAIRN_EUNSUPPORTED,
         .says = "softcapping"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        tiny_model t = tiny_default;
        cairn_error err = {0};
        cairn_status st, want = bad[i].want ? bad[i].want : CAIRN_EMODEL;
        loaded l;
        if (bad[i].arch)
            t.arch = bad[i].arch;
        t.leave_out = bad[i].leave_out;
        t.reshape = bad[i].reshape;
        t.change = bad[i].change;
        t.change_to = bad[i].to;
        t.extra_key = bad[i].extra;
        t.wrong_type = bad[i].wrong_type;
        st = load(&t, &l, &err);
        if (st != want)
            fail_msg("%s: %s (%s)", bad[i].name, cairn_status_name(st), err.text);
        if (!strstr(err.text, bad[i].says) || !strstr(err.text, "tiny.gguf"))
            fail_msg("%s: the sentence is: %s", bad[i].name, err.text);
        unload(&l);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_change_no_byte),
        cmocka_unit_test(batch_and_threads_change_no_byte),
        cmocka_unit_test(fast_is_near_exact),
        cmocka_unit_test(every_format_runs),
        cmocka_unit_test(truncate_cancel_and_full_context),
        cmocka_unit_test(broken_models_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
