/* test_device.c - the CUDA back end's source on an imitated device: the same bytes as the processor's rows
 * for every architecture, block format and way of feeding; and what is said when there is no device. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "generate/decode/device.h"
#include "tests/generate/tiny_model.h"

#define VOCAB 100
#define N     11

/* Tokens fed at a time. The window of gemma3 is shorter than the text. */
static const size_t steps[] = {N, 1};
#define N_STEPS (sizeof steps / sizeof *steps)

static const tiny_model models[] = {
    {.arch = "llama", .type = TENSOR_Q8_0, .layers = 2, .width = 64, .heads = 4, .kv_heads = 2, .head_dim = 16,
     .ff = 96, .vocab = VOCAB, .seed = 1},
    {.arch = "qwen2", .type = TENSOR_Q5_0, .layers = 2, .width = 96, .heads = 6, .kv_heads = 2, .head_dim = 16,
     .ff = 160, .vocab = VOCAB, .seed = 2},
    {.arch = "gemma3", .type = TENSOR_Q4_0, .layers = 6, .width = 64, .heads = 4, .kv_heads = 1, .head_dim = 32,
     .ff = 128, .vocab = VOCAB, .window = 5, .seed = 3},
#define FORMAT(T)                                                                                            \
    {.arch = "llama", .type = TENSOR_##T, .layers = 1, .width = 256, .heads = 4, .kv_heads = 2, .head_dim = 64, \
     .ff = 256, .vocab = VOCAB, .seed = 4}
    FORMAT(Q4_0), FORMAT(Q4_1), FORMAT(Q5_0), FORMAT(Q5_1), FORMAT(Q8_0), FORMAT(Q4_K), FORMAT(Q5_K),
    FORMAT(Q6_K), FORMAT(Q3_K), FORMAT(F32), FORMAT(F16), FORMAT(BF16),
};
#define N_MODELS (sizeof models / sizeof *models)
#define FLOATS   (N_MODELS * N_STEPS * N * VOCAB)

/* Longer texts, and matrices of few and of many rows and columns: other ways of working. */
static const tiny_model longer[] = {
    {.arch = "llama", .type = TENSOR_Q8_0, .layers = 1, .width = 32, .heads = 2, .kv_heads = 1, .head_dim = 48,
     .ff = 800, .vocab = VOCAB, .seed = 5},
    {.arch = "gemma3", .type = TENSOR_Q4_0, .layers = 2, .width = 96, .heads = 2, .kv_heads = 1, .head_dim = 64,
     .ff = 288, .vocab = VOCAB, .window = 37, .seed = 6},
    {.arch = "smollm3", .type = TENSOR_Q8_0, .layers = 4, .width = 64, .heads = 4, .kv_heads = 2, .head_dim = 16,
     .ff = 96, .vocab = VOCAB, .seed = 12},
    {.arch = "qwen2", .type = TENSOR_Q5_1, .layers = 1, .width = 128, .heads = 4, .kv_heads = 2, .head_dim = 48,
     .ff = 544, .vocab = VOCAB, .seed = 7},
};
/* Tokens of their passes. */
static const size_t passes[] = {70, 1, 5, 18, 1};
#define N_LONGER (sizeof longer / sizeof *longer)
#define N_PASSES (sizeof passes / sizeof *passes)
#define LONG     95
#define LONG_FLOATS (N_LONGER * LONG * VOCAB)

/* What happened in a child: a child each, because a process looks for a device once. */
typedef struct outcome {
    cairn_status st;
    cairn_error err;
    char device[160];
    float logits[FLOATS], more[LONG_FLOATS];
} outcome;

static void feed(const decoder_model *m, size_t step, float *out)
{
    decoder *d;
    uint64_t seed = 7;
    token_id ids[N];

    for (int i = 0; i < N; i++)
        ids[i] = (token_id)(tiny_random(&seed) % VOCAB);
    if (decoder_create(&d, m, &(decoder_options){.n_ctx = 32}, NULL))
        _exit(3);
    for (size_t i = 0; i < N; i += step)
        if (decoder_eval(d, ids + i, N - i < step ? N - i : step, DECODER_ALL, out + i * VOCAB, NULL))
            _exit(4);
    /* Going back and feeding only for the last one's logits gives them again. */
    decoder_truncate(d, N - 4);
    if (decoder_eval(d, ids + N - 4, 4, DECODER_LAST, out + (N - 1) * VOCAB, NULL))
        _exit(5);
    decoder_destroy(d);
}

static void feed_long(const decoder_model *m, float *out)
{
    decoder *d;
    uint64_t seed = 8;
    token_id ids[LONG];
    size_t at = 0;

    for (int i = 0; i < LONG; i++)
        ids[i] = (token_id)(tiny_random(&seed) % VOCAB);
    if (decoder_create(&d, m, &(decoder_options){.n_ctx = 112}, NULL))
        _exit(3);
    for (size_t i = 0; i < N_PASSES; at += passes[i++])
        if (decoder_eval(d, ids + at, passes[i], DECODER_ALL, out + at * VOCAB, NULL))
            _exit(4);
    decoder_destroy(d);
}

static void run_longer(outcome *o)
{
    for (size_t i = 0; i < N_LONGER; i++) {
        decoder_model *m;
        gguf *g;
        size_t len;
        uint8_t *data = tiny_model_bytes(&longer[i], &len);

        if (!data || gguf_open_memory(&g, data, len, "tiny.gguf", NULL) ||
            decoder_model_open(&m, g, NULL, NULL))
            _exit(2);
        feed_long(m, o->more + i * LONG * VOCAB);
        decoder_model_close(m);
        gguf_close(g);
        free(data);
    }
}

static void run_models(outcome *o)
{
    float *out = o->logits;

    for (size_t i = 0; i < N_MODELS; i++) {
        decoder_model *m;
        gguf *g;
        size_t len;
        uint8_t *data = tiny_model_bytes(&models[i], &len);

        if (!data || gguf_open_memory(&g, data, len, "tiny.gguf", NULL) ||
            decoder_model_open(&m, g, NULL, NULL))
            _exit(2);
        for (size_t s = 0; s < N_STEPS; s++, out += N * VOCAB)
            feed(m, steps[s], out);
        decoder_model_close(m);
        gguf_close(g);
        free(data);
    }
}

static outcome *in_child(const char *device, const char *module, bool whole)
{
    outcome *o = mmap(NULL, sizeof *o, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    int status;
    pid_t pid;

    assert_ptr_not_equal(o, MAP_FAILED);
    pid = fork();
    assert_true(pid >= 0);
    if (!pid) {
        const device_backend *b;
        setenv("CAIRN_DEVICE", device, 1);
        setenv("CAIRN_CUDA", module, 1);
        o->st = device_get(&b, &o->err);
        snprintf(o->device, sizeof o->device, "%s", device_name());
        if (whole) {
            run_models(o);
            run_longer(o);
        }
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    return o;
}

static void drop(outcome *o)
{
    munmap(o, sizeof *o);
}

/* The module under test: the imitated one, or a real one (scripts/cuda). */
static const char *module_path(void)
{
    const char *real = getenv("CAIRN_TEST_CUDA");
    return real ? real : CAIRN_BINARY_DIR "/generate/cairn-cuda-imitated.so";
}

static void every_byte_is_the_processors(void **state)
{
    outcome *cpu = in_child("cpu", module_path(), true), *there = in_child("cuda", module_path(), true);
    (void)state;

    assert_string_equal(cpu->device, "cpu");
    assert_int_equal(there->st, CAIRN_OK);
    assert_memory_equal(there->device, "cuda: ", 6);
    for (size_t i = 0; i < N_MODELS * N_STEPS * N; i++) {
        const float *want = cpu->logits + i * VOCAB, *got = there->logits + i * VOCAB;
        for (size_t v = 0; v < VOCAB; v++)
            if (memcmp(want + v, got + v, 4))
                fail_msg("model %zu, step %zu, token %zu, logit %zu: %.9g on the device, %.9g here",
                         i / N / N_STEPS, steps[i / N % N_STEPS], i % N, v, (double)got[v], (double)want[v]);
        assert_true(want[0] == want[0] && (want[0] != 0 || want[1] != 0));
    }
    for (size_t i = 0; i < LONG_FLOATS; i++)
        if (memcmp(cpu->more + i, there->more + i, 4))
            fail_msg("longer model %zu, token %zu, logit %zu: %.9g on the device, %.9g here", i / VOCAB / LONG,
                     i / VOCAB % LONG, i % VOCAB, (double)there->more[i], (double)cpu->more[i]);
    for (size_t i = 0; i < N_LONGER * LONG; i++)
        assert_true(cpu->more[i * VOCAB] == cpu->more[i * VOCAB] && cpu->more[i * VOCAB] != cpu->more[i * VOCAB + 1]);
    drop(cpu);
    drop(there);
}

static void without_a_device(void **state)
{
    outcome *o = in_child("cuda", "/nowhere/cairn-cuda.so", false);
    (void)state;

    assert_int_equal(o->st, CAIRN_EUNSUPPORTED);
    assert_non_null(strstr(o->err.text, "CAIRN_CUDA"));
    drop(o);
    o = in_child("auto", "/nowhere/cairn-cuda.so", false);
    assert_int_equal(o->st, CAIRN_OK);
    assert_string_equal(o->device, "cpu");
    drop(o);
    o = in_child("gpu", module_path(), false);
    assert_int_equal(o->st, CAIRN_EUSAGE);
    assert_non_null(strstr(o->err.text, "auto, cpu or cuda"));
    drop(o);
    o = in_child("auto", module_path(), false);
    assert_memory_equal(o->device, "cuda: ", 6);
    drop(o);
}

/* Some other shared library is not taken for the module. */
static void a_foreign_module(void **state)
{
    outcome *o = in_child("cuda", CAIRN_BINARY_DIR "/index/cairn-faiss.so", false);
    (void)state;

    assert_int_equal(o->st, CAIRN_EUNSUPPORTED);
    assert_non_null(strstr(o->err.text, "not the one of this program"));
    drop(o);
}

/* For a real module on a machine without a device (--without-device). */
static void a_module_without_a_device(void **state)
{
    outcome *o = in_child("cuda", module_path(), false);
    (void)state;

    assert_int_equal(o->st, CAIRN_EUNSUPPORTED);
    assert_non_null(strstr(o->err.text, "no CUDA device"));
    drop(o);
    o = in_child("auto", module_path(), true); /* the processor does the work */
    assert_int_equal(o->st, CAIRN_OK);
    assert_string_equal(o->device, "cpu");
    drop(o);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_byte_is_the_processors),
        cmocka_unit_test(without_a_device),
        cmocka_unit_test(a_foreign_module),
    };
    const struct CMUnitTest none[] = {cmocka_unit_test(a_module_without_a_device)};

    if (argc > 1 && !strcmp(argv[1], "--without-device"))
        return cmocka_run_group_tests(none, NULL, NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
