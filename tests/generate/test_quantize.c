/* test_quantize.c - blocks made here against plain ones made by the formats' obvious formulas, and whole
 * files: what becomes of which tensor, that the model still says nearly the same, what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <math.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "generate/decode/decoder.h"
#include "generate/decode/quantize.h"
#include "generate/kernels/quantize_blocks.h"
#include "tests/generate/tiny_model.h"

#define N 256

static double normal(uint64_t *seed)
{
    double sum = 0;
    for (int i = 0; i < 12; i++)
        sum += (double)(tiny_random(seed) % 100000) / 100000.0;
    return sum - 6;
}

static double squared(const float *a, const float *b)
{
    double sum = 0;
    for (int i = 0; i < N; i++)
        sum += (double)(a[i] - b[i]) * (double)(a[i] - b[i]);
    return sum;
}

/* x rounded with the plainest scales a format allows, in floats, each `n` numbers by themselves. */
static void plain(const float *x, int n, int levels, bool span, float *y)
{
    for (int at = 0; at < N; at += n) {
        float low = 0, high = 0, d;
        for (int i = 0; i < n; i++) {
            low = fminf(low, x[at + i]);
            high = fmaxf(high, x[at + i]);
        }
        if (span)
            d = (high - low) / (float)(levels - 1);
        else
            d = fmaxf(high, -low) / (float)(levels / 2 - 1);
        for (int i = 0; i < n; i++) {
            float base = span ? low : 0;
            y[at + i] = d > 0 ? base + d * rintf((x[at + i] - base) / d) : 0;
        }
    }
}

/* Never worse than the plain way, on the whole and nearly never on a row. */
static void beats_the_plain_way(void **state)
{
    static const struct {
        tensor_type type;
        int n, levels;
        bool span;
        double most; /* share of the plain error over all rows */
    } kinds[] = {{TENSOR_Q4_0, 32, 16, false, 0.85}, {TENSOR_Q5_0, 32, 32, false, 0.9},
                 {TENSOR_Q8_0, 32, 256, false, 1.03}, {TENSOR_Q4_K, 32, 16, true, 0.95},
                 {TENSOR_Q6_K, 16, 64, false, 0.97}};
    const char *text = getenv("CAIRN_SEED");
    uint64_t first = text ? strtoull(text, NULL, 10) : (uint64_t)time(NULL);
    (void)state;
    print_message("CAIRN_SEED=%llu\n", (unsigned long long)first);
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
        uint64_t seed = first;
        double ours = 0, theirs = 0;
        int worse = 0;
        for (int row = 0; row < 400; row++) {
            float x[N], got[N], want[N], size = powf(10, (float)(tiny_random(&seed) % 3) - 2);
            uint8_t block[N * 4];
            for (int i = 0; i < N; i++)
                x[i] = (float)normal(&seed) * size;
            if (row % 10 == 0)
                x[tiny_random(&seed) % N] *= 20; /* an outlier */
            quantize_row(kinds[k].type, x, N, block);
            dequantize_row(kinds[k].type, block, got, N);
            plain(x, kinds[k].n, kinds[k].levels, kinds[k].span, want);
            ours += squared(x, got) / (double)(size * size);
            theirs += squared(x, want) / (double)(size * size);
            worse += squared(x, got) > squared(x, want) * 1.05;
        }
        print_message("%s: %.3f of the plain error, worse in %d of 400 rows\n",
                      tensor_type_get(kinds[k].type)->name, ours / theirs, worse);
        assert_true(ours <= theirs * kinds[k].most);
        assert_true(worse <= 12);
    }
}

static void odd_rows(void **state)
{
    static const tensor_type types[] = {TENSOR_F32, TENSOR_F16, TENSOR_BF16, TENSOR_Q4_0, TENSOR_Q5_0,
                                        TENSOR_Q8_0, TENSOR_Q4_K, TENSOR_Q6_K};
    static const float sizes[] = {0, 1e-40f, 1e-9f, 1e-3f, 1, 60000};
    (void)state;
    for (size_t k = 0; k < sizeof types / sizeof *types; k++)
        for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++)
            for (int shape = 0; shape < 4; shape++) {
                float x[N], y[N];
                uint8_t block[N * 4];
                for (int i = 0; i < N; i++)
                    x[i] = sizes[s] * (shape == 0   ? 1.0f
                                       : shape == 1 ? -1.0f
                                       : shape == 2 ? (i % 2 ? 1.0f : -1.0f)
                                                    : (i == 77));
                quantize_row(types[k], x, N, block);
                dequantize_row(types[k], block, y, N);
                for (int i = 0; i < N; i++)
                    if (!(fabsf(y[i] - x[i]) <= 0.08f * sizes[s] + 1e-4f))
                        fail_msg("%s, size %g, shape %d: %g for %g", tensor_type_get(types[k])->name,
                                 (double)sizes[s], shape, (double)y[i], (double)x[i]);
            }
    assert_false(quantize_supported(TENSOR_Q2_K));
    assert_false(quantize_supported(TENSOR_I32));
    assert_false(quantize_supported((tensor_type)1000));
}

/* ---- files ---- */

static char folder[64];

static int make_folder(void **state)
{
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/cairn-quantize-XXXXXX");
    return mkdtemp(folder) ? 0 : -1;
}

static int drop_folder(void **state)
{
    char cmd[128];
    (void)state;
    snprintf(cmd, sizeof cmd, "rm -rf %s", folder);
    return system(cmd);
}

static char *in_folder(const char *name)
{
    static char path[2][128];
    static int turn;
    turn = !turn;
    snprintf(path[turn], sizeof path[turn], "%s/%s", folder, name);
    return path[turn];
}

static const tiny_model wide = {.arch = "llama", .type = TENSOR_F32, .layers = 2, .width = 256, .heads = 4,
                                .kv_heads = 2, .head_dim = 64, .ff = 512, .vocab = 100, .seed = 5};
/* Rows that blocks of 256 cannot fill. */
static const tiny_model narrow = {.arch = "qwen2", .type = TENSOR_F16, .layers = 2, .width = 96, .heads = 6,
                                  .kv_heads = 2, .head_dim = 16, .ff = 160, .vocab = 100, .seed = 6};

static gguf *source_of(const tiny_model *t, uint8_t **data)
{
    size_t len;
    gguf *g;
    *data = tiny_model_bytes(t, &len);
    assert_non_null(*data);
    assert_int_equal(gguf_open_memory(&g, *data, len, "tiny.gguf", NULL), CAIRN_OK);
    return g;
}

static void logits_of(const gguf *g, float *out)
{
    static const token_id ids[] = {1, 5, 9, 33, 71, 2};
    decoder_model *m;
    decoder *d;
    assert_int_equal(decoder_model_open(&m, g, NULL, NULL), CAIRN_OK);
    assert_int_equal(decoder_create(&d, m, &(decoder_options){.n_ctx = 32, .exact = true}, NULL), CAIRN_OK);
    assert_int_equal(decoder_eval(d, ids, 6, DECODER_LAST, out, NULL), CAIRN_OK);
    decoder_destroy(d);
    decoder_model_close(m);
}

static void expect(const gguf *g, const char *name, tensor_type want)
{
    const gguf_tensor *t = gguf_find_tensor(g, name);
    assert_non_null(t);
    if (t->type != want)
        fail_msg("%s is %s", name, tensor_type_get(t->type)->name);
}

static void whole_files(void **state)
{
    static const struct {
        const tiny_model *from;
        tensor_type type, layer, end;
        double most; /* relative squared distance of the logits */
    } kinds[] = {{&wide, TENSOR_Q8_0, TENSOR_Q8_0, TENSOR_Q8_0, 5e-4},
                 {&wide, TENSOR_Q6_K, TENSOR_Q6_K, TENSOR_Q6_K, 2e-3},
                 {&wide, TENSOR_Q5_0, TENSOR_Q5_0, TENSOR_Q5_0, 1e-2},
                 {&wide, TENSOR_Q4_K, TENSOR_Q4_K, TENSOR_Q6_K, 3e-2},
                 {&wide, TENSOR_Q4_0, TENSOR_Q4_0, TENSOR_Q6_K, 6e-2},
                 {&wide, TENSOR_F16, TENSOR_F16, TENSOR_F16, 1e-6},
                 {&narrow, TENSOR_Q4_K, TENSOR_Q5_0, TENSOR_Q8_0, 1e-2},
                 {&narrow, TENSOR_Q6_K, TENSOR_Q8_0, TENSOR_Q8_0, 5e-4},
                 {&narrow, TENSOR_F32, TENSOR_F32, TENSOR_F32, 0}};
    (void)state;
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
        quantize_options o = {.type = kinds[k].type};
        quantize_report r;
        uint8_t *data;
        gguf *from = source_of(kinds[k].from, &data), *to;
        const char *path = in_folder("small.gguf");
        float want[100], got[100];
        double gap = 0, size = 0;
        cairn_error err;
        struct stat sb;

        if (quantize_file(from, path, &o, &r, &err))
            fail_msg("%s", err.text);
        assert_int_equal(stat(path, &sb), 0);
        assert_int_equal(sb.st_size, r.bytes_after);
        assert_int_equal(gguf_open(&to, path, &err), CAIRN_OK);
        assert_int_equal(gguf_tensor_count(to), gguf_tensor_count(from));
        expect(to, "blk.0.ffn_up.weight", kinds[k].layer);
        expect(to, "blk.1.attn_q.weight", kinds[k].layer);
        expect(to, "token_embd.weight", kinds[k].end);
        expect(to, "blk.0.attn_norm.weight", TENSOR_F32);
        assert_false(r.again);
        for (size_t i = 0; i < gguf_kv_count(from); i++) {
            const gguf_kv *a = gguf_kv_at(from, i), *b = gguf_find_kv(to, a->key);
            assert_non_null(b);
            if (!strcmp(a->key, "general.file_type"))
                continue;
            assert_int_equal(a->type, b->type);
            assert_int_equal(a->bytes, b->bytes);
            assert_memory_equal(a->data, b->data, a->bytes);
        }
        logits_of(from, want);
        logits_of(to, got);
        for (int i = 0; i < 100; i++) {
            gap += (double)(want[i] - got[i]) * (double)(want[i] - got[i]);
            size += (double)want[i] * (double)want[i];
        }
        print_message("%s from %s: %.2g\n", tensor_type_get(kinds[k].type)->name,
                      tensor_type_get(kinds[k].from->type)->name, gap / size);
        assert_true(gap <= kinds[k].most * size && size > 0);
        gguf_close(to);
        gguf_close(from);
        free(data);
    }
}

/* What was quantised before can be again; it is said. */
static void again(void **state)
{
    tiny_model t = wide;
    quantize_report r;
    uint8_t *data;
    gguf *g;
    (void)state;
    t.type = TENSOR_Q8_0;
    g = source_of(&t, &data);
    assert_int_equal(quantize_file(g, in_folder("again.gguf"), &(quantize_options){.type = TENSOR_Q4_0}, &r, NULL),
                     CAIRN_OK);
    assert_true(r.again);
    assert_true(r.bytes_after < r.bytes_before);
    gguf_close(g);
    free(data);
}

static bool is_empty(void)
{
    char cmd[128];
    snprintf(cmd, sizeof cmd, "test -z \"$(ls -A %s)\"", folder);
    return !system(cmd);
}

static void refused(void **state)
{
    volatile sig_atomic_t cancel = 1;
    quantize_report r;
    cairn_error err;
    uint8_t *data;
    gguf *g = source_of(&wide, &data), *same;
    const gguf_tensor *t = gguf_find_tensor(g, "blk.1.ffn_down.weight");
    float bad = NAN, huge = 1e9f;
    (void)state;

    assert_int_equal(quantize_file(g, in_folder("x"), &(quantize_options){.type = TENSOR_Q2_K}, &r, &err),
                     CAIRN_EUSAGE);
    assert_int_equal(quantize_file(g, "/nowhere/x", &(quantize_options){.type = TENSOR_Q8_0}, &r, &err), CAIRN_EIO);
    assert_int_equal(quantize_file(g, in_folder("x"), &(quantize_options){.type = TENSOR_Q8_0, .cancel = &cancel},
                                   &r, &err), CAIRN_ECANCELLED);
    memcpy((uint8_t *)t->data + 400, &bad, 4);
    assert_int_equal(quantize_file(g, in_folder("x"), &(quantize_options){.type = TENSOR_Q8_0}, &r, &err),
                     CAIRN_EMODEL);
    assert_non_null(strstr(err.text, "blk.1.ffn_down.weight"));
    memcpy((uint8_t *)t->data + 400, &huge, 4);
    assert_int_equal(quantize_file(g, in_folder("x"), &(quantize_options){.type = TENSOR_F16}, &r, &err),
                     CAIRN_EMODEL);
    assert_true(is_empty());
    assert_int_equal(quantize_file(g, in_folder("x"), &(quantize_options){.type = TENSOR_BF16}, &r, &err), CAIRN_OK);
    assert_int_equal(gguf_open(&same, in_folder("x"), &err), CAIRN_OK);
    assert_int_equal(quantize_file(same, in_folder("x"), &(quantize_options){.type = TENSOR_Q8_0}, &r, &err),
                     CAIRN_EUSAGE);
    gguf_close(same);
    gguf_close(g);
    free(data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(beats_the_plain_way),
        cmocka_unit_test(odd_rows),
        cmocka_unit_test_setup_teardown(whole_files, make_folder, drop_folder),
        cmocka_unit_test_setup_teardown(again, make_folder, drop_folder),
        cmocka_unit_test_setup_teardown(refused, make_folder, drop_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
