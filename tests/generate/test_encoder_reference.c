/* test_encoder_reference.c - the real embedders against other engines: MiniLM against ONNX
 * Runtime's vectors of 300 texts, multilingual-e5-small against its package's own library
 * (golden/). Skipped where a model or the reference is absent. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>

#include "generate/encode/encoder.h"
#include "tests/generate/reference.h"

#define DIM 384
#ifdef CAIRN_SANITIZED /* some 30 times slower: a part of the texts */
#define MINILM_TEXTS 24
#define E5_TEXTS 8
#else
#define MINILM_TEXTS 300
#define E5_TEXTS 64
#endif

static const char *model_path(const char *name, const char *file, char *path, size_t cap)
{
    const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");

    snprintf(path, cap, "%s%s/cairn/models/%s",
             cache && *cache ? cache
             : home          ? home
                             : "",
             cache && *cache ? "" : "/.cache", name);
    if (*file) {
        size_t n = strlen(path);
        snprintf(path + n, cap - n, "/%s", file);
    }
    return access(path, R_OK) ? NULL : path;
}

static encoder *open_model(const char *path, pool *p, bool exact)
{
    encoder_options options = {.pool = p, .exact = exact};
    cairn_error err = {0};
    encoder *e;

    if (encoder_open(&e, path, &options, &err))
        fail_msg("%s", err.text);
    return e;
}

static double distance(const float *a, const float *b)
{
    double ab = 0, aa = 0, bb = 0;

    for (size_t i = 0; i < DIM; i++) {
        ab += (double)a[i] * b[i];
        aa += (double)a[i] * a[i];
        bb += (double)b[i] * b[i];
    }
    return 1 - ab / sqrt(aa * bb);
}

/* The rows of embed.npy (a header, then floats), or NULL. */
static float *load_vectors(size_t n)
{
    char path[1024];
    uint8_t head[10];
    float *v = malloc(n * DIM * sizeof *v);
    bool ok;
    FILE *f;

    snprintf(path, sizeof path, "%s/reference/embed.npy", CAIRN_SHARED_DIR);
    f = fopen(path, "rb");
    ok = f && v && fread(head, 1, sizeof head, f) == sizeof head &&
         !fseek(f, head[8] | head[9] << 8, SEEK_CUR) && fread(v, DIM * sizeof *v, n, f) == n;
    if (f)
        fclose(f);
    if (!ok) {
        free(v);
        return NULL;
    }
    return v;
}

static void minilm_equals_onnxruntime(void **state)
{
    enum { N = MINILM_TEXTS };
    char path[1024];
    void *file = reference_open("embed.jsonl.gz");
    float *want = load_vectors(N), *out = malloc(N * DIM * sizeof *out);
    encoder_text texts[N];
    json_t *rows[N];
    cairn_error err = {0};

    if (!model_path("all-minilm-l6-v2", "", path, sizeof path) || !file || !want) {
        print_message("skipped: all-minilm-l6-v2 or ../shared/reference/embed.* is absent\n");
        reference_close(file);
        free(want);
        free(out);
        skip();
    }
    for (size_t i = 0; i < N; i++) {
        const json_t *text;
        rows[i] = reference_line(file);
        text = json_object_get(rows[i], "text");
        texts[i] = (encoder_text){json_string_value(text), json_string_length(text)};
    }
    for (int exact = 0; exact < 2; exact++) {
        encoder *e = open_model(path, NULL, exact);
        double worst = 0;
        assert_int_equal(encoder_max_tokens(e), 256);
        for (size_t i = 0; i < N; i++)
            assert_int_equal(encoder_count_tokens(e, texts[i].text, texts[i].len),
                             json_integer_value(json_object_get(rows[i], "pieces")));
        assert_int_equal(encoder_embed(e, texts, N, ENCODER_QUERY, out, &err), CAIRN_OK);
        for (size_t i = 0; i < N; i++)
            worst = fmax(worst, distance(out + i * DIM, want + i * DIM));
        print_message("%s: largest 1 - cosine of %d texts: %.3g\n", exact ? "exact" : "fast", N,
                      worst);
        assert_true(worst < (exact ? 1e-9 : 1e-5));
        encoder_close(e);
    }
    for (size_t i = 0; i < N; i++)
        json_decref(rows[i]);
    reference_close(file);
    free(want);
    free(out);
}

static bool from_base64(const char *s, uint8_t *out, size_t n)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    uint32_t bits = 0;
    size_t have = 0, at = 0;

    for (; *s && *s != '=' && at < n; s++) {
        const char *d = strchr(digits, *s);
        if (!d)
            return false;
        bits = bits << 6 | (uint32_t)(d - digits);
        have += 6;
        if (have >= 8) {
            have -= 8;
            out[at++] = (uint8_t)(bits >> have);
        }
    }
    return at == n;
}

/* The rows of the golden file; to be released. */
static json_t *golden(void)
{
    json_t *all = json_load_file(CAIRN_SOURCE_DIR "/tests/generate/golden/e5_small.json", 0, NULL);
    json_t *rows = json_incref(json_object_get(all, "rows"));

    json_decref(all);
    assert_true(json_array_size(rows) > 20); /* of the whole file, whatever is used of it */
    while (json_array_size(rows) > E5_TEXTS)
        json_array_remove(rows, json_array_size(rows) - 1);
    return rows;
}

static void e5_equals_its_own_library(void **state)
{
    char path[1024];
    json_t *rows = golden();
    cairn_error err = {0};

    if (!model_path("multilingual-e5-small", "e5-small-q4.bin", path, sizeof path)) {
        print_message("skipped: multilingual-e5-small is absent\n");
        json_decref(rows);
        skip();
    }
    for (int exact = 0; exact < 2; exact++) {
        encoder *e = open_model(path, NULL, exact);
        double worst = 0, sum = 0;
        assert_int_equal(encoder_max_tokens(e), 512);
        for (size_t i = 0; i < json_array_size(rows); i++) {
            const json_t *row = json_array_get(rows, i), *text = json_object_get(row, "text");
            encoder_text t = {json_string_value(text), json_string_length(text)};
            float want[DIM], out[DIM];
            double d;
            assert_true(from_base64(json_string_value(json_object_get(row, "vector")),
                                    (uint8_t *)want, sizeof want));
            assert_int_equal(encoder_embed(e, &t, 1,
                                           json_is_true(json_object_get(row, "query"))
                                               ? ENCODER_QUERY
                                               : ENCODER_PASSAGE,
                                           out, &err),
                             CAIRN_OK);
            d = distance(out, want);
            if (d > 1e-3)
                print_message("row %zu: 1 - cosine %.3g\n", i, d);
            worst = fmax(worst, d);
            sum += d;
        }
        print_message("%s: 1 - cosine of %zu texts: mean %.3g, largest %.3g\n",
                      exact ? "exact" : "fast", json_array_size(rows),
                      sum / (double)json_array_size(rows), worst);
        assert_true(worst < 1e-3);
        encoder_close(e);
    }
    json_decref(rows);
}

static void e5_bytes_do_not_depend_on_the_batch(void **state)
{
    char path[1024];
    json_t *rows = golden();
    const size_t n = json_array_size(rows);
    encoder_text texts[64];
    float *want = malloc(n * DIM * 4), *out = malloc(n * DIM * 4);
    cairn_error err = {0};

    if (!model_path("multilingual-e5-small", "e5-small-q4.bin", path, sizeof path) || n > 64) {
        print_message("skipped: multilingual-e5-small is absent\n");
        free(want);
        free(out);
        json_decref(rows);
        skip();
    }
    for (size_t threads = 1; threads <= 3; threads += 2) {
        pool *p;
        encoder *e;
        assert_int_equal(pool_create(&p, threads, &err), CAIRN_OK);
        e = open_model(path, p, false);
        for (size_t i = 0; i < n; i++) {
            const json_t *text = json_object_get(json_array_get(rows, i), "text");
            texts[i] = (encoder_text){json_string_value(text), json_string_length(text)};
            if (threads == 1)
                assert_int_equal(
                    encoder_embed(e, &texts[i], 1, ENCODER_PASSAGE, want + i * DIM, &err),
                    CAIRN_OK);
        }
        assert_int_equal(encoder_embed(e, texts, n, ENCODER_PASSAGE, out, &err), CAIRN_OK);
        assert_memory_equal(want, out, n * DIM * 4);
        encoder_close(e);
        pool_destroy(p);
    }
    free(want);
    free(out);
    json_decref(rows);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(e5_equals_its_own_library),
        cmocka_unit_test(e5_bytes_do_not_depend_on_the_batch),
        cmocka_unit_test(minilm_equals_onnxruntime),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
