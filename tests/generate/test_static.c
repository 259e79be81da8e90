/* test_static.c - static embedders: sums over made tables in every layout against the plain loop; what
 * does not fit is refused; and the vectors that the package of the catalogue's model computes
 * (golden/make_static.py). */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <jansson.h>
#include <string.h>

#include "base/bytes.h"
#include "generate/encode/encoder.h"
#include "tests/generate/reference.h"
#include "tests/generate/toy_folder.h"

#define GOLDEN CAIRN_SOURCE_DIR "/tests/generate/golden/static.json"
#define DIM    8
#define PIECES 6
#define ROWS   4

static const char *const word_pieces =
    "{\"added_tokens\":[{\"id\":0,\"content\":\"[UNK]\"}],\"normalizer\":{\"type\":\"BertNormalizer\"},"
    "\"pre_tokenizer\":{\"type\":\"BertPreTokenizer\"},\"model\":{\"type\":\"WordPiece\",\"unk_token\":\"[UNK]\","
    "\"vocab\":{\"[UNK]\":0,\"river\":1,\"runs\":2,\"mill\":3,\"##s\":4,\"sea\":5}}}";
/* "river runs" by its pieces; the unknown is "sea", a piece of its own. */
static const char *const unigram_pieces =
    "{\"added_tokens\":[{\"id\":0,\"content\":\"<pad>\"}],\"normalizer\":null,"
    "\"pre_tokenizer\":{\"type\":\"Sequence\",\"pretokenizers\":[{\"type\":\"WhitespaceSplit\"},"
    "{\"type\":\"Metaspace\",\"replacement\":\"\\u2581\",\"prepend_scheme\":\"always\"}]},"
    "\"model\":{\"type\":\"Unigram\",\"unk_id\":5,\"vocab\":[[\"<pad>\",0],[\"\\u2581river\",-2],[\"\\u2581runs\",-2],"
    "[\"\\u2581mill\",-2],[\"s\",-3],[\"\\u2581sea\",-4]]}}";

typedef struct layout {
    const char *tokenizer, *type;       /* of the rows: F32 or I8 */
    const char *map_type, *weight_type; /* NULL: not there */
    int rows, mapped, weighted, dim;    /* sizes; 0: as they should be */
    int64_t far;                        /* the last piece's row, where it is not 0 */
} layout;

static float value(int row, int i)
{
    return (float)((row * 37 + i * 11) % 23 - 11);
}

static int row_of(const layout *l, int piece)
{
    return l->map_type ? (piece * 3 + 1) % ROWS : piece;
}

static float weight_of(const layout *l, int piece)
{
    return l->weight_type ? 0.25f * (float)(piece + 1) : 1;
}

static void put_tensor(bytes *header, bytes *data, const char *name, const char *type, int rows, int cols, size_t start)
{
    char shape[40];

    snprintf(shape, sizeof shape, cols ? "%d,%d" : "%d", rows, cols);
    assert_int_equal(bytes_printf(header, "%s\"%s\":{\"dtype\":\"%s\",\"shape\":[%s],\"data_offsets\":[%zu,%zu]}",
                                  header->len > 1 ? "," : "", name, type, shape, start, data->len), 0);
}

static void save(const char *name, const void *data, size_t len)
{
    char path[320];
    FILE *f;

    snprintf(path, sizeof path, "%s/%s", folder, name);
    f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(data, 1, len, f), len);
    fclose(f);
}

static void make_model(const layout *l)
{
    int rows = l->rows ? l->rows : l->map_type ? ROWS : PIECES, dim = l->dim ? l->dim : DIM;
    int mapped = l->mapped ? l->mapped : PIECES, weighted = l->weighted ? l->weighted : PIECES;
    bytes header, data, file;
    size_t start = 0;
    uint64_t len;

    bytes_init(&header, 1 << 20);
    bytes_init(&data, 1 << 20);
    bytes_init(&file, 1 << 20);
    bytes_append_str(&header, "{");
    for (int r = 0; r < rows; r++)
        for (int i = 0; i < dim; i++) {
            float v = value(r, i);
            int8_t narrow = (int8_t)v;
            if (strcmp(l->type, "I8"))
                bytes_append(&data, &v, sizeof v);
            else
                bytes_append(&data, &narrow, 1);
        }
    put_tensor(&header, &data, "embeddings", l->type, rows, dim, start);
    start = data.len;
    for (int i = 0; l->map_type && i < mapped; i++) {
        int64_t wide = l->far && i == mapped - 1 ? l->far : row_of(l, i);
        int32_t narrow = (int32_t)wide;
        bytes_append(&data, !strcmp(l->map_type, "I64") ? (void *)&wide : &narrow, !strcmp(l->map_type, "I64") ? 8 : 4);
    }
    if (l->map_type)
        put_tensor(&header, &data, "mapping", l->map_type, mapped, 0, start);
    start = data.len;
    for (int i = 0; l->weight_type && i < weighted; i++) {
        float narrow = weight_of(l, i);
        double wide = (double)narrow;
        bytes_append(&data, !strcmp(l->weight_type, "F64") ? (void *)&wide : &narrow, !strcmp(l->weight_type, "F64") ? 8 : 4);
    }
    if (l->weight_type)
        put_tensor(&header, &data, "weights", l->weight_type, weighted, 0, start);
    bytes_append_str(&header, "}");
    len = header.len;
    bytes_append(&file, &len, 8);
    bytes_append(&file, header.data, header.len);
    bytes_append(&file, data.data, data.len);
    save("model.safetensors", file.data, file.len);
    save("tokenizer.json", l->tokenizer, strlen(l->tokenizer));
    bytes_clear(&header);
    bytes_clear(&data);
    bytes_clear(&file);
}

/* The twin: the sum over the named pieces at unit length. */
static void expect(const layout *l, encoder *e, const char *text, const int *pieces, int n)
{
    double want[DIM] = {0}, square = 0;
    encoder_text t = {text, strlen(text)};
    float got[DIM];
    cairn_error err = {0};

    for (int p = 0; p < n; p++)
        for (int i = 0; i < DIM; i++)
            want[i] += (double)weight_of(l, pieces[p]) * (double)value(row_of(l, pieces[p]), i);
    for (int i = 0; i < DIM; i++)
        square += want[i] * want[i];
    if (encoder_embed(e, &t, 1, ENCODER_PASSAGE, got, &err))
        fail_msg("%s: %s", text, err.text);
    for (int i = 0; i < DIM; i++)
        if (fabs((double)got[i] - (square > 0 ? want[i] / sqrt(square) : 0)) > 1e-6)
            fail_msg("%s: component %d is %g", text, i, (double)got[i]);
}

static void sums_of_every_layout(void **state)
{
    static const char *const types[] = {"F32", "I8"}, *const maps[] = {NULL, "I32", "I64"}, *const weights[] = {NULL, "F32", "F64"};

    (void)state;
    for (int words = 0; words < 2; words++)
        for (int n = 0; n < 18; n++) {
            layout l = {.tokenizer = words ? word_pieces : unigram_pieces, .type = types[n % 2], .map_type = maps[n / 2 % 3],
                        .weight_type = weights[n / 6]};
            cairn_error err = {0};
            encoder *e;

            make_model(&l);
            if (encoder_open(&e, folder, NULL, &err))
                fail_msg("layout %d: %s", n, err.text);
            assert_int_equal(encoder_dim(e), DIM);
            assert_non_null(strstr(encoder_identity(e), "static"));
            expect(&l, e, "river runs", (int[]){1, 2}, 2);
            expect(&l, e, "  mills   runs mill ", (int[]){3, 4, 2, 3}, 4);
            expect(&l, e, "", NULL, 0);
            if (words)
                expect(&l, e, "xyzzy River", (int[]){1}, 1); /* the unknown is left out */
            else
                expect(&l, e, "xyz river sea", (int[]){5, 1, 5}, 3); /* or is the piece that stands for it */
            assert_int_equal(encoder_count_tokens(e, "mills runs", 10), 3);
            encoder_close(e);
        }
}

/* A unigram vocabulary without a piece for what it does not know leaves that out. */
static void nothing_stands_for_the_unknown(void **state)
{
    char pieces[512];
    layout l = {.tokenizer = pieces, .type = "F32"};
    char *named = strcpy(pieces, unigram_pieces) + (strstr(unigram_pieces, "\"unk_id\":5,") - unigram_pieces);
    encoder *e;

    (void)state;
    memset(named, ' ', strlen("\"unk_id\":5,"));
    make_model(&l);
    assert_int_equal(encoder_open(&e, folder, NULL, NULL), CAIRN_OK);
    expect(&l, e, "xyz river \xE4\xB8\xAD sea", (int[]){1, 5}, 2);
    expect(&l, e, "xyz", NULL, 0);
    encoder_close(e);
}

static void what_does_not_fit_is_refused(void **state)
{
    static const struct {
        layout l;
        const char *says;
    } broken[] = {
        {{.type = "F32", .rows = 3}, "piece 3 has row 3"},
        {{.type = "F32", .map_type = "I64", .far = 4}, "piece 5 has row 4"},
        {{.type = "F32", .map_type = "I64", .far = -1}, "piece 5 has row -1"},
        {{.type = "F32", .map_type = "I32", .mapped = 5}, "mapping is no list"},
        {{.type = "F32", .weight_type = "F32", .weighted = 5}, "weights is no list"},
        {{.type = "F32", .dim = 4}, "no shape of"},
    };
    static const struct {
        const char *json, *says;
    } tokenizers[] = {
        {"{", "not JSON"},
        {"{\"model\":{\"type\":\"BPE\"}}", "BPE"},
        {"{\"model\":{\"type\":\"Unigram\",\"vocab\":[]}}", "0 pieces"},
        {"{\"model\":{\"type\":\"Unigram\",\"vocab\":[[\"a\",-1]],\"unk_id\":1},\"pre_tokenizer\":{\"type\":\"Metaspace\"}}", "unk_id"},
        {"{\"model\":{\"type\":\"Unigram\",\"vocab\":[[\"a\",-1]]},\"pre_tokenizer\":{\"type\":\"Digits\"}}", "pre_tokenizer Digits"},
        {"{\"model\":{\"type\":\"Unigram\",\"vocab\":[[\"a\",\"b\"]]},"
         "\"pre_tokenizer\":{\"type\":\"Metaspace\",\"replacement\":\"\\u2581\"}}", "vocab[0]"},
        {"{\"normalizer\":{\"type\":\"NFD\"},\"model\":{\"type\":\"Unigram\",\"vocab\":[[\"a\",-1]]},"
         "\"pre_tokenizer\":{\"type\":\"Metaspace\",\"replacement\":\"\\u2581\"}}", "normalizer NFD"},
        {"{\"normalizer\":{\"type\":\"Precompiled\",\"precompiled_charsmap\":\"AAA\"},\"model\":{\"type\":\"Unigram\","
         "\"vocab\":[[\"a\",-1]]},\"pre_tokenizer\":{\"type\":\"Metaspace\",\"replacement\":\"\\u2581\"}}", "precompiled_charsmap"},
    };
    cairn_error err;
    encoder *e;

    (void)state;
    for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
        layout l = broken[i].l;
        l.tokenizer = word_pieces;
        make_model(&l);
        err = (cairn_error){0};
        assert_int_equal(encoder_open(&e, folder, NULL, &err), CAIRN_EMODEL);
        if (!strstr(err.text, broken[i].says))
            fail_msg("%s: %s", broken[i].says, err.text);
    }
    for (size_t i = 0; i < sizeof tokenizers / sizeof *tokenizers; i++) {
        make_model(&(layout){.tokenizer = tokenizers[i].json, .type = "F32"});
        err = (cairn_error){0};
        assert_int_not_equal(encoder_open(&e, folder, NULL, &err), CAIRN_OK);
        assert_null(e);
        if (!strstr(err.text, tokenizers[i].says))
            fail_msg("%s: %s", tokenizers[i].says, err.text);
    }
}

static void vectors_are_those_of_the_package(void **state)
{
    json_t *golden = json_load_file(GOLDEN, 0, NULL), *row;
    char path[1024], *end;
    cairn_error err = {0};
    encoder *e;
    size_t i;

    (void)state;
    assert_non_null(golden);
    (void)reference_model("static-64", path, sizeof path); /* names model.gguf in the folder that is looked for */
    end = strrchr(path, '/');
    strcpy(end, "/model.safetensors");
    if (access(path, R_OK)) {
        json_decref(golden);
        skip();
    }
    *end = '\0';
    if (encoder_open(&e, path, NULL, &err))
        fail_msg("%s", err.text);
    assert_int_equal(encoder_dim(e), 64);
    json_array_foreach(golden, i, row)
    {
        const json_t *text = json_object_get(row, "text"), *want = json_object_get(row, "vector");
        encoder_text t = {json_string_value(text), json_string_length(text)};
        float got[64];
        assert_int_equal(encoder_embed(e, &t, 1, ENCODER_QUERY, got, &err), 0);
        for (size_t j = 0; j < 64; j++)
            if (fabs((double)got[j] - json_number_value(json_array_get(want, j))) > 1e-6)
                fail_msg("%s: component %zu is %g", t.text, j, (double)got[j]);
    }
    assert_int_equal(i, json_array_size(golden));
    encoder_close(e);
    json_decref(golden);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sums_of_every_layout),
        cmocka_unit_test(nothing_stands_for_the_unknown),
        cmocka_unit_test(what_does_not_fit_is_refused),
        cmocka_unit_test(vectors_are_those_of_the_package),
    };

    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
