/* test_device_encoder.c - encoders on the imitated device: vectors, token vectors and scores have the bytes
 * that they have on the processor, for every form of weights, whatever the shapes and lengths. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <sys/mman.h>
#include <sys/wait.h>

#include "generate/decode/device.h"
#include "generate/encode/encoder.h"
#include "tests/generate/toy_bert.h"
#include "tests/generate/toy_folder.h"

#define MOST_FLOATS 65536
#define MOST_TEXTS  64
#define MOST_TOKENS 8192

/* The module under test: the imitated one, or a real one (scripts/cuda). */
static const char *module_path(void)
{
    const char *real = getenv("CAIRN_TEST_CUDA");
    return real ? real : CAIRN_BINARY_DIR "/generate/cairn-cuda-imitated.so";
}

typedef struct work {
    char path[300];
    int32_t ids[MOST_TOKENS];
    size_t offsets[MOST_TEXTS + 1], n;
    unsigned bits; /* of float weights; 0: the default */
    bool score;    /* pairs of texts instead of ids */
} work;

typedef struct outcome {
    cairn_status st;
    cairn_error err;
    char device[160];
    size_t n; /* floats */
    float out[MOST_FLOATS];
} outcome;

static void work_off(const work *w, outcome *o)
{
    const encoder_text query = {"the old river", 13},
                       texts[] = {{"the mill runs to the sea.", 25}, {"a sea", 5}, {"", 0}};
    encoder *e;

    o->st = encoder_open(&e, w->path, &(encoder_options){.bits = w->bits}, &o->err);
    if (o->st)
        return;
    if (w->score) {
        o->n = 3;
        o->st = encoder_score(e, &query, texts, 3, o->out, &o->err);
    } else {
        o->n = w->n * encoder_dim(e);
        o->st = encoder_embed_ids(e, w->ids, w->offsets, w->n, o->out, &o->err);
    }
    if (!o->st) { /* the rows themselves, not their sum */
        float *rows = NULL;
        size_t n = 0;
        o->st = encoder_token_vectors(e, &texts[0], ENCODER_PLAIN, &rows, &n, &o->err);
        for (size_t i = 0; !o->st && i < n * encoder_dim(e); i++)
            o->out[o->n++] = rows[i];
        free(rows);
    }
    encoder_close(e);
    snprintf(o->device, sizeof o->device, "%s", device_name());
}

/* A child each, because a process looks for a device once. */
static outcome *in_child(const char *device, const char *module, const work *w)
{
    outcome *o = mmap(NULL, sizeof *o, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    int status;
    pid_t pid;

    assert_ptr_not_equal(o, MAP_FAILED);
    pid = fork();
    assert_true(pid >= 0);
    if (!pid) {
        setenv("CAIRN_DEVICE", device, 1);
        setenv("CAIRN_CUDA", module, 1);
        work_off(w, o);
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

static void write_toy(toy *y, work *w)
{
    toy_fill(y);
    snprintf(w->path, sizeof w->path, "%s/%s", folder, y->gguf ? "toy.gguf" : "toy");
    if (y->gguf)
        toy_write_gguf(y, w->path);
    else
        toy_write_safetensors(y, w->path);
    toy_free(y);
}

static void add_text(work *w, size_t tokens, toy *random)
{
    const size_t from = w->offsets[w->n];

    for (size_t i = 0; i < tokens; i++)
        w->ids[from + i] = (int32_t)((toy_random(random) + 1) / 2 * (double)(TOY_VOCAB - 1));
    w->offsets[++w->n] = from + tokens;
}

static void compare(const work *w, const char *device, const char *what)
{
    outcome *cpu = in_child("cpu", module_path(), w), *there = in_child(device, module_path(), w);

    if (cpu->st || there->st)
        fail_msg("%s: here %s, there %s", what, cpu->err.text, there->err.text);
    assert_string_equal(cpu->device, "cpu");
    assert_memory_equal(there->device, "cuda: ", 6);
    assert_int_equal(cpu->n, there->n);
    for (size_t i = 0; i < cpu->n; i++)
        if (memcmp(cpu->out + i, there->out + i, 4))
            fail_msg("%s: float %zu is %.9g on the device, %.9g here", what, i, (double)there->out[i],
                     (double)cpu->out[i]);
    assert_true(cpu->out[0] == cpu->out[0] && (cpu->out[0] != 0 || cpu->out[1] != 0));
    drop(cpu);
    drop(there);
}

static void every_form_of_weights(void **state)
{
    static const struct {
        const char *what;
        bool gguf;
        tensor_type type;
        size_t hidden, layers, heads, ff;
        size_t lengths[6];
        unsigned bits;
        bool first; /* the first token's row is the vector */
    } kinds[] = {
        {"rounded weights, heads of 32", false, TENSOR_F32, 64, 2, 2, 96, {1, 2, 17, 33, 64, 65}, 0, false},
        {"rounded weights, heads of 16", true, TENSOR_Q8_0, 64, 1, 4, 64, {31, 5, 32, 3}, 0, false},
        {"4-bit weights, a head of 96", true, TENSOR_Q4_0, 96, 2, 1, 160, {5, 40, 129}, 0, false},
        {"4-bit weights, heads of 24", true, TENSOR_Q4_0, 96, 1, 4, 96, {48, 1}, 0, false},
        {"8-bit weights, heads of 32", false, TENSOR_F32, 64, 2, 2, 96, {1, 2, 17, 33, 64, 65}, 8, false},
        {"8-bit weights, the first rows", true, TENSOR_F16, 96, 2, 3, 160, {5, 40, 129}, 8, true},
        {"rounded weights, the first rows", true, TENSOR_F32, 64, 2, 2, 96, {33, 2, 64}, 16, true},
    };

    (void)state;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        toy y = toy_default;
        work w = {0};
        y.gguf = kinds[i].gguf;
        y.type = kinds[i].type;
        y.hidden = kinds[i].hidden;
        y.layers = kinds[i].layers;
        y.heads = kinds[i].heads;
        y.ff = kinds[i].ff;
        y.positions = 160;
        y.seed = 31 + i;
        y.cls = kinds[i].first;
        w.bits = kinds[i].bits;
        for (size_t t = 0; t < 6 && kinds[i].lengths[t]; t++)
            add_text(&w, kinds[i].lengths[t], &y);
        write_toy(&y, &w);
        compare(&w, "cuda", kinds[i].what);
    }
}

static void scores_of_pairs(void **state)
{
    toy y = toy_default;
    work w = {.score = true};

    (void)state;
    y.labels = 1;
    write_toy(&y, &w);
    compare(&w, "cuda", "a cross-encoder");
}

/* Random models and lengths; CAIRN_SEED replays one. */
static void any_shape(void **state)
{
    static const tensor_type types[] = {TENSOR_F32, TENSOR_F16, TENSOR_Q8_0, TENSOR_Q4_0};
    static const size_t heads[] = {1, 2, 4, 8};
    const char *given = getenv("CAIRN_SEED");
    toy y = toy_default;
    work w = {0};
    char what[64];
    const uint64_t seed = given ? strtoull(given, NULL, 10) : (uint64_t)getpid();

    (void)state;
    snprintf(what, sizeof what, "CAIRN_SEED=%llu", (unsigned long long)seed);
    print_message("%s\n", what);
    y.seed = seed;
    for (int i = 0; i < 8; i++)
        (void)toy_random(&y);
    y.gguf = true;
    y.layers = 1;
    y.positions = 140;
    y.type = types[(size_t)((toy_random(&y) + 1) * 1.999)];
    y.hidden = 32 * (1 + (size_t)((toy_random(&y) + 1) * 1.999));
    y.heads = heads[(size_t)((toy_random(&y) + 1) * 1.999)];
    y.ff = 32 * (1 + (size_t)((toy_random(&y) + 1) * 2.999));
    for (int i = 0; i < 3; i++)
        add_text(&w, 1 + (size_t)((toy_random(&y) + 1) * 69), &y);
    write_toy(&y, &w);
    compare(&w, "cuda", what);
}

/* Unasked, a device is opened once much has been run; batches that are too long for it stay here. */
static void unasked(void **state)
{
    toy y = toy_default;
    work w = {0};

    (void)state;
    y.hidden = y.heads = 64; /* the imitation takes 1,000 rows, and a batch has 1,024 */
    y.layers = 1;
    y.positions = 128;
    for (int i = 0; i < 40; i++)
        add_text(&w, 128, &y);
    add_text(&w, 3, &y);
    write_toy(&y, &w);
    compare(&w, "auto", "unasked");
}

static void without_a_device(void **state)
{
    toy y = toy_default;
    work w = {0};
    outcome *o;

    (void)state;
    add_text(&w, 3, &y);
    write_toy(&y, &w);
    o = in_child("cuda", "/nowhere/cairn-cuda.so", &w);
    assert_int_equal(o->st, CAIRN_EUNSUPPORTED);
    assert_non_null(strstr(o->err.text, "CAIRN_CUDA"));
    drop(o);
    o = in_child("auto", "/nowhere/cairn-cuda.so", &w);
    assert_int_equal(o->st, CAIRN_OK);
    drop(o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_form_of_weights), cmocka_unit_test(scores_of_pairs),
        cmocka_unit_test(any_shape),             cmocka_unit_test(unasked),
        cmocka_unit_test(without_a_device),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
