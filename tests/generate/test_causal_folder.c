/* test_causal_folder.c - Qwen3-Embedding's layout as a folder: ids of the library tokenizers, and vectors of the
 * architecture written down with numpy (golden/make_qwen3_embedding.py), from one file of weights and from several;
 * caches of weights that have changed are not used; what is broken or asks for more is refused. No published folder
 * of this kind was at hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <math.h>
#include <sys/stat.h>

#include "generate/decode/weight_cache.h"
#include "generate/encode/encoder.h"
#include "generate/tokenize/bpe_files.h"
#include "generate/tokenize/tokenizer.h"
#include "tests/generate/shards.h"
#include "tests/generate/toy_folder.h"

#define GOLDEN CAIRN_SOURCE_DIR "/tests/generate/golden/qwen3_embedding.json"
enum { WIDTH = 64, LAYERS = 2, HEADS = 4, KV_HEADS = 2, DIM = 32, FF = 96, VOCAB = 420 };

static json_t *load_golden(void)
{
    json_error_t why;
    json_t *j = json_load_file(GOLDEN, 0, &why);

    if (!j)
        fail_msg("%s: %s", GOLDEN, why.text);
    return j;
}

/* ---- the folder ---- */

typedef struct toy {
    uint64_t seed;
    const char *prefix; /* of tensor names */
    json_t *header;
    bytes data;
} toy;

static double toy_random(toy *y)
{
    y->seed = y->seed * 6364136223846793005u + 1442695040888963407u;
    return (double)(y->seed >> 33) / (double)(1u << 31) * 2 - 1;
}

static void toy_add(toy *y, const char *name, size_t rows, size_t cols, double middle, double spread)
{
    const size_t first = y->data.len;
    char full[96];
    json_t *shape = rows ? json_pack("[I,I]", (json_int_t)rows, (json_int_t)cols) : json_pack("[I]", (json_int_t)cols);

    snprintf(full, sizeof full, "%s%s", y->prefix, name);
    for (size_t i = 0; i < (rows ? rows : 1) * cols; i++) {
        float v = (float)(middle + spread * toy_random(y));
        uint32_t bits;
        memcpy(&bits, &v, 4);
        bits += 0x7FFF + (bits >> 16 & 1); /* to BF16, the nearest, ties to even */
        bytes_append_u16(&y->data, (uint16_t)(bits >> 16));
    }
    json_object_set_new(y->header, full,
                        json_pack("{s:s,s:o,s:[I,I]}", "dtype", "BF16", "shape", shape, "data_offsets", (json_int_t)first,
                                  (json_int_t)y->data.len));
}

static void toy_layer(toy *y, int i)
{
    static const struct {
        const char *name;
        size_t rows, cols;
    } parts[] = {{"input_layernorm", 0, WIDTH},
                 {"post_attention_layernorm", 0, WIDTH},
                 {"self_attn.q_norm", 0, DIM},
                 {"self_attn.k_norm", 0, DIM},
                 {"self_attn.q_proj", HEADS * DIM, WIDTH},
                 {"self_attn.k_proj", KV_HEADS * DIM, WIDTH},
                 {"self_attn.v_proj", KV_HEADS * DIM, WIDTH},
                 {"self_attn.o_proj", WIDTH, HEADS * DIM},
                 {"mlp.gate_proj", FF, WIDTH},
                 {"mlp.up_proj", FF, WIDTH},
                 {"mlp.down_proj", WIDTH, FF}};
    char name[80];

    for (size_t k = 0; k < sizeof parts / sizeof *parts; k++) {
        snprintf(name, sizeof name, "layers.%d.%s.weight", i, parts[k].name);
        toy_add(y, name, parts[k].rows, parts[k].cols, parts[k].rows ? 0 : 1, .3);
    }
}

static void put_text(const char *name, const char *text)
{
    char path[400];
    FILE *f;

    snprintf(path, sizeof path, "%s/%s", folder, name);
    f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(text, 1, strlen(text), f), strlen(text));
    assert_int_equal(fclose(f), 0);
}

static void take_away(const char *name)
{
    char path[400];

    snprintf(path, sizeof path, "%s/%s", folder, name);
    unlink(path);
}

static void put_weights(const char *prefix, bool head, uint64_t seed)
{
    toy y = {.seed = seed, .prefix = prefix, .header = json_object()};
    char path[400], *text;
    uint64_t len;
    FILE *f;

    bytes_init(&y.data, 1 << 22);
    toy_add(&y, "embed_tokens.weight", VOCAB, WIDTH, 0, .5);
    for (int i = 0; i < LAYERS; i++)
        toy_layer(&y, i);
    toy_add(&y, "norm.weight", 0, WIDTH, 1, .3);
    if (head) {
        y.prefix = "";
        toy_add(&y, "lm_head.weight", VOCAB, WIDTH, 0, .5);
    }
    text = json_dumps(y.header, JSON_COMPACT);
    len = strlen(text);
    snprintf(path, sizeof path, "%s/model.safetensors", folder);
    f = fopen(path, "wb");
    assert_non_null(f);
    assert_true(fwrite(&len, 1, 8, f) == 8 && fwrite(text, 1, len, f) == len &&
                fwrite(y.data.data, 1, y.data.len, f) == y.data.len);
    assert_int_equal(fclose(f), 0);
    free(text);
    json_decref(y.header);
    bytes_clear(&y.data);
}

static const char config[] = "{\"model_type\":\"qwen3\",\"hidden_size\":64,\"num_hidden_layers\":2,\"intermediate_size\":96,"
                             "\"num_attention_heads\":4,\"num_key_value_heads\":2,\"head_dim\":32,\"rms_norm_eps\":1e-06,"
                             "\"max_position_embeddings\":32768,\"rope_theta\":1000000,\"rope_scaling\":null,"
                             "\"attention_bias\":false,\"use_sliding_window\":false,\"sliding_window\":null,"
                             "\"hidden_act\":\"silu\",\"vocab_size\":420,\"tie_word_embeddings\":true}";

/* Everything but the weights. */
static void put_files(const json_t *all)
{
    char path[400];
    json_t *j;

    snprintf(path, sizeof path, "%s/1_Pooling", folder);
    mkdir(path, 0700);
    put_text("config.json", config);
    put_text("1_Pooling/config.json", "{\"word_embedding_dimension\":64,\"pooling_mode_cls_token\":false,"
                                      "\"pooling_mode_mean_tokens\":false,\"pooling_mode_lasttoken\":true,\"include_prompt\":true}");
    put_text("modules.json", "[{\"idx\":0,\"name\":\"0\",\"path\":\"\",\"type\":\"sentence_transformers.models.Transformer\"},"
                             "{\"idx\":1,\"name\":\"1\",\"path\":\"1_Pooling\",\"type\":\"sentence_transformers.models.Pooling\"},"
                             "{\"idx\":2,\"name\":\"2\",\"path\":\"2_Normalize\",\"type\":\"sentence_transformers.models.Normalize\"}]");
    put_text("sentence_bert_config.json", "{\"max_seq_length\":48,\"do_lower_case\":false}");
    put_text("tokenizer_config.json", "{\"model_max_length\":131072}");
    j = json_pack("{s:{s:O,s:s},s:n}", "prompts", "query", json_object_get(all, "query"), "document", "", "default_prompt_name");
    snprintf(path, sizeof path, "%s/config_sentence_transformers.json", folder);
    assert_int_equal(json_dump_file(j, path, 0), 0);
    json_decref(j);
    snprintf(path, sizeof path, "%s/tokenizer.json", folder);
    assert_int_equal(json_dump_file(json_object_get(all, "tokenizer"), path, JSON_COMPACT), 0);
}

static encoder *open_folder(const encoder_options *o)
{
    cairn_error err = {0};
    encoder *e;

    if (encoder_open(&e, folder, o, &err))
        fail_msg("%s", err.text);
    return e;
}

/* ---- what it gives ---- */

static void ids_are_those_of_the_library(void **state)
{
    json_t *all = load_golden(), *text;
    cairn_error err = {0};
    gguf_keys w = {0};
    tokenizer *t;
    bytes keys;
    gguf *g;
    size_t i;

    (void)state;
    bytes_init(&keys, 1 << 22);
    w.b = &keys;
    put_files(all);
    if (bpe_json_keys(&w, folder, &err) || gguf_open_parts(&g, keys.data, keys.len, w.n, NULL, 0, folder, &err) ||
        tokenizer_from_gguf(&t, g, &err))
        fail_msg("%s", err.text);
    assert_int_equal(w.st, CAIRN_OK);
    assert_true(tokenizer_adds_eos(t) && !tokenizer_adds_bos(t));
    json_array_foreach(json_object_get(all, "texts"), i, text)
    {
        const json_t *want = json_array_get(json_object_get(all, "ids"), i);
        token_list got = {0};
        bool same;
        assert_int_equal(tokenizer_encode(t, json_string_value(text), json_string_length(text), TOKENIZE_ADD_SPECIAL, &got, NULL),
                         CAIRN_OK);
        same = got.n == json_array_size(want);
        for (size_t k = 0; same && k < got.n; k++)
            same = got.ids[k] == json_integer_value(json_array_get(want, k));
        if (!same)
            fail_msg("text %zu: \"%s\"", i, json_string_value(text));
        token_list_clear(&got);
    }
    assert_int_equal(i, 220);
    tokenizer_destroy(t);
    gguf_close(g);
    bytes_clear(&keys);
    json_decref(all);
}

#define ROWS 80

/* All vectors of the golden file: out[ROWS][WIDTH]. */
static void embed_rows(encoder *e, const json_t *all, float *out)
{
    json_t *row;
    size_t i;

    json_array_foreach(json_object_get(all, "rows"), i, row)
    {
        const json_t *text = json_object_get(row, "text");
        const encoder_text t = {json_string_value(text), json_string_length(text)};
        const bool query = !strcmp(json_string_value(json_object_get(row, "kind")), "query");
        assert_true(i < ROWS);
        assert_int_equal(encoder_embed(e, &t, 1, query ? ENCODER_QUERY : ENCODER_PASSAGE, out + i * WIDTH, NULL), CAIRN_OK);
    }
    assert_int_equal(i, ROWS);
}

static void check_rows(const json_t *all, const float *got, double most, double least_cosine)
{
    double worst = 0, least = 1;

    for (size_t i = 0; i < ROWS; i++) {
        const json_t *want = json_object_get(json_array_get(json_object_get(all, "rows"), i), "vector");
        double cosine = 0;
        for (size_t k = 0; k < WIDTH; k++) {
            double v = json_number_value(json_array_get(want, k)), apart = fabs(v - (double)got[i * WIDTH + k]);
            cosine += v * (double)got[i * WIDTH + k];
            worst = apart > worst ? apart : worst;
        }
        least = cosine < least ? cosine : least;
    }
    print_message("within %.1e, cosine %.7f\n", worst, least);
    assert_true(worst < most && least > least_cosine);
}

static void vectors_are_those_of_the_architecture(void **state)
{
    static float exact[ROWS * WIDTH], fast[ROWS * WIDTH], again[ROWS * WIDTH];
    json_t *all = load_golden();
    const uint64_t seed = (uint64_t)json_integer_value(json_object_get(all, "seed"));
    char identity[320];
    encoder *e;

    (void)state;
    put_files(all);
    put_weights("", false, seed);
    e = open_folder(&(encoder_options){.exact = true});
    assert_int_equal(encoder_dim(e), WIDTH);
    assert_int_equal(encoder_max_tokens(e), 48);
    assert_string_equal(encoder_name(e), strrchr(folder, '/') + 1);
    embed_rows(e, all, exact);
    check_rows(all, exact, 1e-5, 1 - 1e-6);
    encoder_close(e);
    e = open_folder(NULL);
    embed_rows(e, all, fast);
    check_rows(all, fast, 0.02, 0.999);
    snprintf(identity, sizeof identity, "%s", encoder_identity(e));
    encoder_close(e);
    for (size_t n = 2; n <= 5; n++) { /* in several files, under the names of a whole model, with a head */
        put_weights(n & 1 ? "model." : "", n & 1, seed);
        split_safetensors(folder, n);
        e = open_folder(NULL);
        embed_rows(e, all, again);
        assert_memory_equal(again, fast, sizeof fast);
        assert_string_equal(encoder_identity(e), identity);
        encoder_close(e);
        take_away(SAFETENSORS_INDEX);
    }
    json_decref(all);
}

/* A cache of packed weights belongs to the weights, in whichever of the files they have changed. */
static void changed_weights_are_not_taken_from_a_cache(void **state)
{
    static float first[ROWS * WIDTH], cached[ROWS * WIDTH], other[ROWS * WIDTH], plain[ROWS * WIDTH];
    json_t *all = load_golden();
    char cache[300], kept[340], shard[340], command[1200];
    const weight_cache_options w = {cache, 1 << 30};
    const encoder_options o = {.weights = &w};
    encoder *e;

    (void)state;
    snprintf(cache, sizeof cache, "%s/cache", folder);
    snprintf(kept, sizeof kept, "%s/kept", folder);
    snprintf(shard, sizeof shard, "%s/model-00001-of-00002.safetensors", folder);
    put_files(all);
    for (int round = 0; round < 2; round++) { /* the second time only the second file is another */
        put_weights("", false, 11 + (uint64_t)round);
        split_safetensors(folder, 2);
        if (round)
            snprintf(command, sizeof command, "cp -p '%s' '%s'", kept, shard);
        else
            snprintf(command, sizeof command, "cp -p '%s' '%s'", shard, kept);
        assert_int_equal(system(command), 0);
        e = open_folder(&o);
        embed_rows(e, all, round ? other : first);
        encoder_close(e);
        e = open_folder(&o);
        embed_rows(e, all, cached);
        assert_memory_equal(cached, round ? other : first, sizeof first);
        encoder_close(e);
    }
    e = open_folder(NULL);
    embed_rows(e, all, plain);
    assert_memory_equal(plain, other, sizeof plain);
    assert_memory_not_equal(first, other, sizeof first);
    encoder_close(e);
    take_away(SAFETENSORS_INDEX);
    json_decref(all);
}

/* ---- what is refused ---- */

static void expect(cairn_status want, const char *what, const char *says)
{
    cairn_error err = {0};
    encoder *e;
    cairn_status st = encoder_open(&e, folder, NULL, &err);

    if (st != want || !strstr(err.text, says))
        fail_msg("%s: %d, %s", what, (int)st, err.text);
    assert_null(e);
}

/* config.json with one value more or another one. */
static void other_configs_are_refused(void **state)
{
    static const struct {
        const char *key, *value, *says;
        cairn_status want;
    } rows[] = {
        {"hidden_size", "\"64\"", "hidden_size", CAIRN_EMODEL},
        {"hidden_size", "128", "attn_norm", CAIRN_EMODEL},
        {"num_hidden_layers", "3", "blk.2.", CAIRN_EMODEL},
        {"num_hidden_layers", "-1", "num_hidden_layers", CAIRN_EMODEL},
        {"head_dim", "64", "attn_q", CAIRN_EMODEL},
        {"head_dim", "null", "head_dim", CAIRN_EMODEL},
        {"num_key_value_heads", "3", "share", CAIRN_EMODEL},
        {"rms_norm_eps", "2", "epsilon", CAIRN_EMODEL},
        {"max_position_embeddings", "0", "max_position_embeddings", CAIRN_EMODEL},
        {"attention_bias", "true", "attention_bias", CAIRN_EUNSUPPORTED},
        {"use_sliding_window", "true", "use_sliding_window", CAIRN_EUNSUPPORTED},
        {"hidden_act", "\"gelu\"", "gelu", CAIRN_EUNSUPPORTED},
        {"layer_types", "[\"full_attention\",\"sliding_attention\"]", "sliding_attention", CAIRN_EUNSUPPORTED},
        {"rope_scaling", "{\"rope_type\":\"yarn\",\"factor\":4.0}", "yarn", CAIRN_EUNSUPPORTED},
        {"rope_parameters", "{\"rope_type\":\"linear\",\"rope_theta\":1e6}", "linear", CAIRN_EUNSUPPORTED},
        {"model_type", "\"qwen2\"", "qwen2", CAIRN_EUNSUPPORTED},
    };
    json_t *all = load_golden();

    (void)state;
    put_files(all);
    put_weights("", false, 11);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        json_t *j = json_loads(config, 0, NULL);
        char path[400];
        json_object_set_new(j, rows[i].key, json_loads(rows[i].value, JSON_DECODE_ANY, NULL));
        if (!strcmp(rows[i].key, "max_position_embeddings")) {
            take_away("sentence_bert_config.json");
            take_away("tokenizer_config.json");
        }
        snprintf(path, sizeof path, "%s/config.json", folder);
        assert_int_equal(json_dump_file(j, path, 0), 0);
        expect(rows[i].want, rows[i].key, rows[i].says);
        json_decref(j);
    }
    json_decref(all);
}

static void other_files_are_refused(void **state)
{
    static const struct {
        const char *name, *text, *says; /* text NULL: the file is taken away */
        cairn_status want;
    } rows[] = {
        {"1_Pooling/config.json", NULL, "a generator", CAIRN_EUNSUPPORTED},
        {"1_Pooling/config.json", "{\"pooling_mode_mean_tokens\":true}", "last-token", CAIRN_EUNSUPPORTED},
        {"1_Pooling/config.json", "{\"pooling_mode_max_tokens\":true}", "1_Pooling", CAIRN_EUNSUPPORTED},
        {"1_Pooling/config.json", "[", "JSON", CAIRN_EMODEL},
        {"modules.json", "[{\"type\":\"sentence_transformers.models.Dense\"}]", "Dense", CAIRN_EUNSUPPORTED},
        {"tokenizer.json", NULL, "tokenizer.json", CAIRN_EMODEL},
        {"tokenizer.json", "{", "JSON", CAIRN_EMODEL},
        {"tokenizer.json", "{\"model\":{\"type\":\"Unigram\"}}", "Unigram", CAIRN_EUNSUPPORTED},
        {"model.safetensors", NULL, "model.safetensors", CAIRN_EMODEL},
        {"model.safetensors", "12345678", "safetensors", CAIRN_EMODEL},
    };
    json_t *all = load_golden();

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        put_files(all);
        put_weights("", false, 11);
        if (rows[i].text)
            put_text(rows[i].name, rows[i].text);
        else
            take_away(rows[i].name);
        expect(rows[i].want, rows[i].name, rows[i].says);
    }
    json_decref(all);
}

/* tokenizer.json with one part another. */
static void other_tokenizers_are_refused(void **state)
{
    static const struct {
        const char *at, *key, *value, *says; /* at "": the whole */
        cairn_status want;
    } rows[] = {
        {"", "normalizer", "{\"type\":\"NFKC\"}", "NFKC", CAIRN_EUNSUPPORTED},
        {"", "normalizer", "{\"type\":\"Sequence\",\"normalizers\":[{\"type\":\"NFC\"},{\"type\":\"Lowercase\"}]}", "Sequence",
         CAIRN_EUNSUPPORTED},
        {"", "pre_tokenizer", "{\"type\":\"Whitespace\"}", "Whitespace", CAIRN_EUNSUPPORTED},
        {"", "pre_tokenizer", "{\"type\":\"ByteLevel\",\"add_prefix_space\":true}", "ByteLevel", CAIRN_EUNSUPPORTED},
        {"", "pre_tokenizer", "{\"type\":\"Split\",\"pattern\":{\"Regex\":\"a+\"},\"behavior\":\"Isolated\"}", "a+", CAIRN_EUNSUPPORTED},
        {"", "pre_tokenizer", "null", "pre_tokenizer", CAIRN_EUNSUPPORTED},
        {"", "post_processor", "null", "end token", CAIRN_EMODEL},
        {"", "post_processor", "{\"type\":\"TemplateProcessing\",\"single\":[{\"SpecialToken\":{\"id\":\"a\"}},{\"Sequence\":{\"id\":\"A\"}}],"
             "\"special_tokens\":{\"a\":{\"ids\":[1]}}}", "post_processor", CAIRN_EUNSUPPORTED},
        {"", "post_processor", "{\"type\":\"TemplateProcessing\",\"single\":[{\"Sequence\":{\"id\":\"A\"}},{\"SpecialToken\":{\"id\":\"a\"}}],"
             "\"special_tokens\":{\"a\":{\"ids\":[999]}}}", "post_processor", CAIRN_EUNSUPPORTED},
        {"", "added_tokens", "[{\"id\":3,\"content\":\"<other>\"}]", "number of another", CAIRN_EMODEL},
        {"", "added_tokens", "[{\"id\":-3,\"content\":\"<other>\"}]", "added_tokens[0]", CAIRN_EMODEL},
        {"", "added_tokens", "[{\"id\":416,\"content\":\"<x>\",\"special\":false,\"lstrip\":true}]", "lstrip", CAIRN_EUNSUPPORTED},
        {"", "added_tokens", "[{\"id\":419,\"content\":\"<x>\"},{\"id\":420,\"content\":\"<y>\"}]", "embeddings for 420", CAIRN_EMODEL},
        {"model", "unk_token", "\"?\"", "unk_token", CAIRN_EUNSUPPORTED},
        {"model", "dropout", "0.1", "dropout", CAIRN_EUNSUPPORTED},
        {"model", "end_of_word_suffix", "\"</w>\"", "end_of_word_suffix", CAIRN_EUNSUPPORTED},
        {"model", "byte_fallback", "true", "byte_fallback", CAIRN_EUNSUPPORTED},
        {"model", "merges", "{}", "merges", CAIRN_EMODEL},
        {"model", "merges", "[[\"a\"]]", "merges[0]", CAIRN_EMODEL},
        {"model", "merges", "[[\"a b\",\"c\"]]", "merges[0]", CAIRN_EMODEL},
        {"model", "merges", "[7]", "merges[0]", CAIRN_EMODEL},
        {"model", "vocab", "[]", "vocab", CAIRN_EMODEL},
        {"model", "vocab", "{\"a\":0,\"b\":0}", "two pieces", CAIRN_EMODEL},
        {"model", "vocab", "{\"a\":99999999}", "sensible number", CAIRN_EMODEL},
        {"model", "ignore_merges", "true", "does not know", CAIRN_EUNSUPPORTED},
    };
    json_t *all = load_golden();

    (void)state;
    put_files(all);
    put_weights("", false, 11);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        json_t *j = json_deep_copy(json_object_get(all, "tokenizer")), *in = *rows[i].at ? json_object_get(j, rows[i].at) : j;
        char path[400];
        json_object_set_new(in, rows[i].key, json_loads(rows[i].value, JSON_DECODE_ANY, NULL));
        snprintf(path, sizeof path, "%s/tokenizer.json", folder);
        assert_int_equal(json_dump_file(j, path, JSON_COMPACT), 0);
        expect(rows[i].want, rows[i].value, rows[i].says);
        json_decref(j);
    }
    json_decref(all);
}

/* A tensor that is not the architecture's has a part in the arithmetic that is not known here. */
static void other_tensors_are_refused(void **state)
{
    json_t *all = load_golden();

    (void)state;
    put_files(all);
    put_weights("model.language_model.", false, 11);
    expect(CAIRN_EUNSUPPORTED, "other names", "model.language_model.");
    json_decref(all);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(ids_are_those_of_the_library, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(vectors_are_those_of_the_architecture, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(changed_weights_are_not_taken_from_a_cache, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(other_configs_are_refused, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(other_files_are_refused, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(other_tokenizers_are_refused, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(other_tensors_are_refused, make_folder, remove_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
