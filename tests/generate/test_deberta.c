/* test_deberta.c - encoders with attention by relative positions, on small random models: against the library
 * transformers (golden/make_deberta.py), against themselves in other batches and threads, and on settings that are
 * refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>

#define TOY_MAX 96
#include "generate/encode/bert.h"
#include "generate/encode/encoder.h"
#include "generate/encode/forward.h"
#include "generate/encode/relative.h"
#include "tests/generate/toy_bert.h"
#include "tests/generate/toy_folder.h"
#include "tests/generate/toy_onnx.h"

#define MOST_TOKENS 520

static const char *const pieces[TOY_VOCAB] = {
    "[PAD]", "[CLS]", "[SEP]", "[UNK]", "\xE2\x96\x81", "a", "\xE2\x96\x81river", "\xE2\x96\x81runs", "\xE2\x96\x81to",
    "\xE2\x96\x81the", "\xE2\x96\x81sea", "\xE2\x96\x81mill", "s", "\xE2\x96\x81old", "\xE2\x96\x81query",
    "\xE2\x96\x81passage", ":", "[MASK]"};

static size_t number(const json_t *config, const char *key)
{
    json_int_t v = json_integer_value(json_object_get(config, key));

    return v > 0 ? (size_t)v : 0;
}

static bool flag(const json_t *config, const char *key)
{
    return json_is_true(json_object_get(config, key));
}

static bool has_term(const json_t *config, const char *term)
{
    const json_t *v = json_object_get(config, "pos_att_type"), *each;
    bool found = json_is_string(v) && strstr(json_string_value(v), term);
    size_t i;

    json_array_foreach((json_t *)v, i, each) found = found || !strcmp(json_string_value(each), term);
    return found;
}

static void add_norm(toy *y, const char *prefix, const char *stem, size_t width)
{
    char name[100];

    snprintf(name, sizeof name, "%s%s", prefix, stem);
    toy_pair(y, name, 0, width, TENSOR_F32);
}

static void fill_layer(toy *y, const json_t *config, const char *prefix, size_t l, tensor_type type)
{
    static const char *const self[] = {"query_proj", "key_proj", "value_proj", "pos_key_proj", "pos_query_proj"};
    const size_t h = y->hidden;
    const bool own = flag(config, "relative_attention") && !flag(config, "share_att_key");
    char stem[64], name[100];

    snprintf(stem, sizeof stem, "%sencoder.layer.%zu.", prefix, l);
    for (size_t i = 0; i < 5; i++) {
        if (i >= 3 && !(own && has_term(config, i == 3 ? "c2p" : "p2c")))
            continue;
        snprintf(name, sizeof name, "%sattention.self.%s", stem, self[i]);
        toy_pair(y, name, h, h, type);
    }
    snprintf(name, sizeof name, "%sattention.output.dense", stem);
    toy_pair(y, name, h, h, type);
    add_norm(y, stem, "attention.output.LayerNorm", h);
    snprintf(name, sizeof name, "%sintermediate.dense", stem);
    toy_pair(y, name, y->ff, h, type);
    snprintf(name, sizeof name, "%soutput.dense", stem);
    toy_pair(y, name, h, y->ff, type);
    add_norm(y, stem, "output.LayerNorm", h);
}

/* The tensors in the order of golden/make_deberta.py. */
static void fill(toy *y, const json_t *config)
{
    const char *prefix = y->labels ? "deberta." : "", *norm = json_string_value(json_object_get(config, "norm_rel_ebd"));
    const size_t h = y->hidden, own = number(config, "embedding_size"), narrow = own ? own : h;
    const size_t buckets = number(config, "position_buckets"), farthest = number(config, "max_relative_positions");
    char name[100];

    snprintf(name, sizeof name, "%sembeddings.word_embeddings.weight", prefix);
    toy_add(y, name, TOY_VOCAB, narrow, y->type, 0, 0.5);
    snprintf(name, sizeof name, "%sembeddings.position_embeddings.weight", prefix);
    if (flag(config, "position_biased_input"))
        toy_add(y, name, y->positions, narrow, TENSOR_F32, 0, 0.5);
    snprintf(name, sizeof name, "%sembeddings.token_type_embeddings.weight", prefix);
    if (number(config, "type_vocab_size"))
        toy_add(y, name, number(config, "type_vocab_size"), narrow, TENSOR_F32, 0, 0.5);
    snprintf(name, sizeof name, "%sembeddings.embed_proj.weight", prefix);
    if (narrow != h)
        toy_add(y, name, h, narrow, y->type, 0, 0.2);
    add_norm(y, prefix, "embeddings.LayerNorm", h);
    snprintf(name, sizeof name, "%sencoder.rel_embeddings.weight", prefix);
    if (flag(config, "relative_attention")) {
        toy_add(y, name, 2 * (buckets ? buckets : farthest ? farthest : y->positions), h, TENSOR_F32, 0, 0.5);
        if (norm && !strcmp(norm, "layer_norm"))
            add_norm(y, prefix, "encoder.LayerNorm", h);
    }
    for (size_t l = 0; l < y->layers; l++)
        fill_layer(y, config, prefix, l, y->type);
    if (y->labels) {
        toy_pair(y, "pooler.dense", h, h, y->type);
        toy_pair(y, "classifier", y->labels, h, TENSOR_F32);
    }
    for (size_t i = 0; y->poison && i < y->n; i++)
        if (!strcmp(y->t[i].name, y->poison))
            memcpy(y->t[i].raw, &(float){NAN}, 4);
}

static void write_tokenizer(const char *path)
{
    char file[400];
    bytes b;

    bytes_init(&b, 1 << 20);
    bytes_append_str(&b, "{\"added_tokens\":[");
    for (size_t i = 0; i < TOY_VOCAB; i++)
        if (pieces[i][0] == '[')
            bytes_printf(&b, "%s{\"id\":%zu,\"content\":\"%s\",\"special\":true}", i ? "," : "", i, pieces[i]);
    bytes_append_str(
        &b, "],\"normalizer\":{\"type\":\"Sequence\",\"normalizers\":[{\"type\":\"Strip\",\"strip_left\":true,"
            "\"strip_right\":true},{\"type\":\"Replace\",\"pattern\":{\"Regex\":\" {2,}\"},\"content\":\" \"}]},"
            "\"pre_tokenizer\":{\"type\":\"Sequence\",\"pretokenizers\":[{\"type\":\"Metaspace\",\"replacement\":"
            "\"\xE2\x96\x81\",\"prepend_scheme\":\"always\",\"split\":true}]},\"post_processor\":{\"type\":"
            "\"TemplateProcessing\",\"single\":[{\"SpecialToken\":{\"id\":\"[CLS]\",\"type_id\":0}},{\"Sequence\":"
            "{\"id\":\"A\",\"type_id\":0}},{\"SpecialToken\":{\"id\":\"[SEP]\",\"type_id\":0}}],\"pair\":["
            "{\"SpecialToken\":{\"id\":\"[CLS]\",\"type_id\":0}},{\"Sequence\":{\"id\":\"A\",\"type_id\":0}},"
            "{\"SpecialToken\":{\"id\":\"[SEP]\",\"type_id\":0}},{\"Sequence\":{\"id\":\"B\",\"type_id\":1}},"
            "{\"SpecialToken\":{\"id\":\"[SEP]\",\"type_id\":1}}],\"special_tokens\":{\"[CLS]\":{\"id\":\"[CLS]\","
            "\"ids\":[1],\"tokens\":[\"[CLS]\"]},\"[SEP]\":{\"id\":\"[SEP]\",\"ids\":[2],\"tokens\":[\"[SEP]\"]}}},"
            "\"model\":{\"type\":\"Unigram\",\"unk_id\":3,\"vocab\":[");
    for (size_t i = 0; i < TOY_VOCAB; i++)
        bytes_printf(&b, "%s[\"%s\",%d]", i ? "," : "", pieces[i], pieces[i][0] == '[' ? 0 : -2);
    bytes_append_str(&b, "]}}");
    snprintf(file, sizeof file, "%s/tokenizer.json", path);
    toy_save(file, &b, 0);
    bytes_clear(&b);
}

/* A folder with the model that `config` describes; `told` is written as config.json. */
static toy save_as(char path[300], const json_t *config, const json_t *told, toy change)
{
    toy y = change;
    char *text = json_dumps(told, 0);

    y.hidden = number(config, "hidden_size");
    y.layers = number(config, "num_hidden_layers");
    y.heads = number(config, "num_attention_heads");
    y.ff = number(config, "intermediate_size");
    y.positions = number(config, "max_position_embeddings");
    y.config = text;
    snprintf(path, 300, "%s/toy", folder);
    fill(&y, config);
    toy_write_safetensors(&y, path);
    write_tokenizer(path);
    y.config = NULL;
    free(text);
    return y;
}

static encoder *open_folder(const char *path, pool *p, bool exact, unsigned bits)
{
    encoder_options options = {.pool = p, .exact = exact, .bits = bits};
    cairn_error err = {0};
    encoder *e;

    if (encoder_open(&e, path, &options, &err))
        fail_msg("%s", err.text);
    return e;
}

static json_t *golden(void)
{
    json_t *all = json_load_file(CAIRN_SOURCE_DIR "/tests/generate/golden/deberta.json", 0, NULL);
    json_t *rows = json_incref(json_object_get(all, "rows"));

    json_decref(all);
    assert_int_equal(json_array_size(rows), 11);
    return rows;
}

/* ---- the library ---- */

static size_t read_ids(const json_t *list, int32_t ids[MOST_TOKENS])
{
    const size_t n = json_array_size(list);

    assert_in_range(n, 1, MOST_TOKENS);
    for (size_t i = 0; i < n; i++)
        ids[i] = (int32_t)json_integer_value(json_array_get(list, i));
    return n;
}

/* The largest difference of a component, in parts of the vector's length, which is 1. */
static double expect_vectors(encoder *e, const json_t *row, size_t *checked)
{
    const json_t *all = json_object_get(row, "ids"), *sequence;
    double worst = 0;
    cairn_error err = {0};
    size_t i;

    json_array_foreach((json_t *)all, i, sequence)
    {
        const json_t *want = json_array_get(json_object_get(row, "vectors"), i);
        int32_t ids[MOST_TOKENS];
        size_t offsets[2] = {0, read_ids(sequence, ids)};
        float out[128];
        assert_int_equal(json_array_size(want), encoder_dim(e));
        assert_int_equal(encoder_embed_ids(e, ids, offsets, 1, out, &err), CAIRN_OK);
        for (size_t k = 0; k < encoder_dim(e); k++)
            worst = fmax(worst, fabs((double)out[k] - json_number_value(json_array_get(want, k))));
        ++*checked;
    }
    return worst;
}

/* The difference that a score has, or with three labels any of the head's outputs. */
static double expect_scores(encoder *e, const json_t *row, size_t *checked)
{
    const json_t *query = json_object_get(row, "query"), *text;
    const encoder_text q = {json_string_value(query), json_string_length(query)};
    const size_t labels = encoder_labels(e);
    double worst = 0;
    cairn_error err = {0};
    size_t i;

    json_array_foreach(json_object_get(row, "texts"), i, text)
    {
        const json_t *logits = json_array_get(json_object_get(row, "logits"), i);
        const encoder_text t = {json_string_value(text), json_string_length(text)};
        float score, out[3];
        double want[3];
        assert_int_equal(json_array_size(logits), labels);
        assert_in_range(labels, 1, 3);
        assert_int_equal(encoder_classify(e, &q, &t, 1, out, &err), CAIRN_OK);
        for (size_t k = 0; k < labels; k++) {
            want[k] = json_number_value(json_array_get(logits, k));
            worst = fmax(worst, fabs((double)out[k] - want[k]));
        }
        if (encoder_can_score(e)) {
            assert_int_equal(encoder_score(e, &q, &t, 1, &score, &err), CAIRN_OK);
            worst = fmax(worst, fabs((double)score - (labels == 1 ? want[0] : want[1] - want[0])));
        }
        ++*checked;
    }
    return worst;
}

static void agrees_with_transformers(void **state)
{
    json_t *rows = golden(), *row;
    size_t r, checked = 0;

    (void)state;
    json_array_foreach(rows, r, row)
    {
        const json_t *config = json_object_get(row, "config");
        const size_t labels = number(row, "labels");
        char path[300];
        toy y = save_as(path, config, config, (toy){.labels = labels, .seed = number(row, "seed")});
        for (int exact = 0; exact < 2; exact++) {
            encoder *e = open_folder(path, NULL, exact, 0);
            double worst;
            assert_true(encoder_can_score(e) == (labels == 1 || labels == 2));
            worst = labels ? expect_scores(e, row, &checked) : expect_vectors(e, row, &checked);
            print_message("row %zu, %s: %.2g\n", r, exact ? "exact" : "fast", worst);
            if (!(worst < (exact ? 5e-6 : 5e-3)))
                fail_msg("row %zu, exact %d: %g", r, exact, worst);
            encoder_close(e);
        }
        toy_free(&y);
    }
    assert_int_equal(checked, 2 * (6 + 5 + 3 + 3 + 3 + 3 + 2 + 2 + 10 + 10 + 10));
    json_decref(rows);
}

/* ---- itself ---- */

static void bytes_do_not_depend_on_the_batch(void **state)
{
    static const tensor_type types[] = {TENSOR_F32, TENSOR_F16};
    json_t *rows = golden();
    cairn_error err = {0};

    (void)state;
    for (size_t r = 0; r < 5; r++) /* of vectors, and each way of positions */
        for (int exact = 0; exact < 2; exact++) {
            const json_t *row = json_array_get(rows, r), *config = json_object_get(row, "config");
            const json_t *lists = json_object_get(row, "ids");
            const size_t n = json_array_size(lists), dim = number(config, "hidden_size");
            int32_t ids[8 * MOST_TOKENS];
            size_t offsets[9] = {0};
            float want[8 * 128], out[8 * 128];
            char path[300];
            toy y = save_as(path, config, config, (toy){.type = types[r % 2], .seed = r + 3});
            encoder *e = open_folder(path, NULL, exact, 0);
            assert_in_range(n, 1, 8);
            for (size_t i = 0; i < n; i++) {
                size_t own[2] = {0, read_ids(json_array_get(lists, i), ids + offsets[i])};
                offsets[i + 1] = offsets[i] + own[1];
                assert_int_equal(encoder_embed_ids(e, ids + offsets[i], own, 1, want + i * dim, &err), 0);
            }
            encoder_close(e);
            for (size_t threads = 1; threads <= 3; threads++) {
                pool *p;
                assert_int_equal(pool_create(&p, threads, &err), CAIRN_OK);
                e = open_folder(path, p, exact, 0);
                for (int again = 0; again < 2; again++) {
                    assert_int_equal(encoder_embed_ids(e, ids, offsets, n, out, &err), CAIRN_OK);
                    assert_memory_equal(out, want, n * dim * sizeof *out);
                }
                encoder_close(e);
                pool_destroy(p);
            }
            toy_free(&y);
        }
    json_decref(rows);
}

/* The first row alone, as a head wants it, is that of all rows; every CPU row gives the same bytes in the fast mode. */
static void rows_of_kernels_agree(void **state)
{
    json_t *rows = golden();
    cairn_error err = {0};

    (void)state;
    for (size_t r = 0; r < 6; r++)
        for (int exact = 0; exact < 2; exact++) {
            const json_t *row = json_array_get(rows, r), *config = json_object_get(row, "config");
            int32_t ids[MOST_TOKENS];
            const size_t n = read_ids(json_array_get(json_object_get(row, "ids"), 1), ids);
            const size_t offsets[2] = {0, n}, cells = n * number(config, "hidden_size");
            const forward_batch all = {.ids = ids, .offsets = offsets, .n = 1};
            const forward_batch first = {.ids = ids, .offsets = offsets, .n = 1, .first = true};
            float *want = malloc(cells * sizeof *want);
            char path[300];
            toy y = save_as(path, config, config, (toy){.seed = r + 3});
            bert *b;
            assert_int_equal(bert_open(&b, path, &err), CAIRN_OK);
            for (int level = CPU_SCALAR; level <= CPU_AVX512; level++) {
                const encode_kernels *kernels = encode_kernels_for((cpu_level)level);
                const float *got;
                forward *f;
                if (!kernels)
                    continue;
                assert_int_equal(forward_create(&f, b, NULL, exact, 0, kernels, &err), CAIRN_OK);
                assert_int_equal(forward_run(f, &all, &got, &err), CAIRN_OK);
                if (level == CPU_SCALAR)
                    memcpy(want, got, cells * sizeof *want);
                else if (!exact)
                    assert_memory_equal(want, got, cells * sizeof *want);
                for (size_t i = 0; i < cells; i++)
                    assert_true(fabs((double)want[i] - got[i]) < 1e-4);
                if (!exact) {
                    assert_int_equal(forward_run(f, &first, &got, &err), CAIRN_OK);
                    assert_memory_equal(want, got, number(config, "hidden_size") * sizeof *want);
                }
                forward_destroy(f);
            }
            bert_close(b);
            free(want);
            toy_free(&y);
        }
    json_decref(rows);
}

/* In 8 bits the tables of positions keep 16: near the vectors of 16 bits. Weights of 16 bits are read, too. */
static void other_widths_of_weights_are_near(void **state)
{
    json_t *rows = golden();
    const json_t *row = json_array_get(rows, 1), *config = json_object_get(row, "config");
    int32_t ids[MOST_TOKENS];
    size_t offsets[2] = {0, read_ids(json_array_get(json_object_get(row, "ids"), 4), ids)};
    float want[64], out[64];
    cairn_error err = {0};
    char path[300];

    (void)state;
    for (int half = 0; half < 2; half++) {
        toy y = save_as(path, config, config, (toy){.type = half ? TENSOR_BF16 : TENSOR_F32, .seed = 3});
        for (unsigned bits = 8; bits <= 16; bits += 8) {
            encoder *exact = open_folder(path, NULL, true, 0), *e = open_folder(path, NULL, false, bits);
            double cosine = 0;
            assert_int_equal(encoder_embed_ids(exact, ids, offsets, 1, want, &err), CAIRN_OK);
            assert_int_equal(encoder_embed_ids(e, ids, offsets, 1, out, &err), CAIRN_OK);
            for (size_t i = 0; i < 64; i++)
                cosine += (double)want[i] * out[i];
            assert_true(cosine > (bits == 8 ? 1 - 1e-3 : 1 - 1e-6));
            encoder_close(exact);
            encoder_close(e);
        }
        toy_free(&y);
    }
    json_decref(rows);
}

/* The same weights as an exporter writes them, whose matrices lie turned and without names: the same scores. */
static void an_onnx_file_scores_the_same(void **state)
{
    static const onnx_shape shape = {.kind = ONNX_MATMUL};
    json_t *rows = golden();
    const encoder_text query = {"the river", 9}, text = {"a river runs to the sea", 23};
    cairn_error err = {0};

    (void)state;
    for (size_t r = 8; r < 11; r += 2) {
        const json_t *row = json_array_get(rows, r), *config = json_object_get(row, "config");
        float want[3], out[3];
        char path[300], file[400];
        bytes graph;
        toy y = save_as(path, config, config, (toy){.labels = number(row, "labels"), .seed = 3});
        encoder *e = open_folder(path, NULL, false, 0);
        assert_int_equal(encoder_classify(e, &query, &text, 1, want, &err), CAIRN_OK);
        encoder_close(e);
        toy_onnx(&y, &shape, &graph);
        snprintf(file, sizeof file, "%s/model.safetensors", path);
        unlink(file);
        snprintf(file, sizeof file, "%s/model.onnx", path);
        toy_save(file, &graph, 0);
        e = open_folder(path, NULL, false, 0);
        assert_int_equal(encoder_classify(e, &query, &text, 1, out, &err), CAIRN_OK);
        assert_memory_equal(out, want, y.labels * sizeof *out);
        encoder_close(e);
        unlink(file);
        bytes_clear(&graph);
        toy_free(&y);
    }
    json_decref(rows);
}

/* Models that differ in how positions are read are not one model. */
static void the_identity_tells_positions_apart(void **state)
{
    json_t *rows = golden(), *config = json_deep_copy(json_object_get(json_array_get(rows, 2), "config"));
    char path[300], one[320];
    encoder *e;
    toy y = save_as(path, config, config, (toy){.seed = 3});

    (void)state;
    e = open_folder(path, NULL, false, 0);
    snprintf(one, sizeof one, "%s", encoder_identity(e));
    encoder_close(e);
    toy_free(&y);
    json_object_set_new(config, "pos_att_type", json_string("p2c"));
    y = save_as(path, config, config, (toy){.seed = 3});
    e = open_folder(path, NULL, false, 0);
    assert_string_not_equal(one, encoder_identity(e));
    encoder_close(e);
    toy_free(&y);
    json_decref(config);
    json_decref(rows);
}

/* ---- what is refused ---- */

static void settings_are_refused(void **state)
{
    static const struct {
        const char *key, *value; /* JSON */
        cairn_status status;
        const char *says;
    } cases[] = {
        {"conv_kernel_size", "3", CAIRN_EUNSUPPORTED, "convolution"},
        {"hidden_act", "\"relu\"", CAIRN_EUNSUPPORTED, "hidden_act relu"},
        {"pooler_hidden_act", "\"mish\"", CAIRN_EUNSUPPORTED, "pooler_hidden_act mish"},
        {"pooler_hidden_size", "128", CAIRN_EUNSUPPORTED, "pooler_hidden_size"},
        {"attention_head_size", "16", CAIRN_EUNSUPPORTED, "attention_head_size"},
        {"attention_head_size", "1073741824", CAIRN_EUNSUPPORTED, "attention_head_size"},
        {"norm_rel_ebd", "\"batch_norm\"", CAIRN_EUNSUPPORTED, "norm_rel_ebd batch_norm"},
        {"pos_att_type", "\"c2p|p2p\"", CAIRN_EUNSUPPORTED, "pos_att_type p2p"},
        {"pos_att_type", "[7]", CAIRN_EUNSUPPORTED, "pos_att_type ?"},
        {"pos_att_type", "[\"c2p and more\"]", CAIRN_EUNSUPPORTED, "pos_att_type"},
        {"position_buckets", "1", CAIRN_EMODEL, "position_buckets 1"},
        {"position_buckets", "1000000", CAIRN_EMODEL, "position_buckets 1000000"},
        {"position_buckets", "94", CAIRN_EMODEL, "position_buckets 94 do not fit 48"},
        {"position_buckets", "4000000000", CAIRN_EMODEL, "position_buckets"},
        {"position_buckets", "-2", CAIRN_EMODEL, "position_buckets"},
        {"position_buckets", "0.5", CAIRN_EMODEL, "position_buckets"},
        {"position_buckets", "16", CAIRN_EMODEL, "rel_embeddings.weight has 96 rows of 64, expected 32"},
        {"max_relative_positions", "1000000", CAIRN_EMODEL, "impossible sizes"},
        {"max_relative_positions", "49", CAIRN_EMODEL, "rel_embeddings.weight has 96 rows"},
        {"max_position_embeddings", "0", CAIRN_EMODEL, "max_position_embeddings"},
        {"max_position_embeddings", "1000000", CAIRN_EMODEL, "impossible sizes"},
        {"max_position_embeddings", "4", CAIRN_EMODEL, "rel_embeddings"},
        {"embedding_size", "0", CAIRN_EMODEL, "embedding_size"},
        {"embedding_size", "48", CAIRN_EUNSUPPORTED, "multiples of 32"},
        {"embedding_size", "32", CAIRN_EMODEL, "word_embeddings.weight"},
        {"embedding_size", "1073741824", CAIRN_EMODEL, "impossible sizes"},
        {"type_vocab_size", "2", CAIRN_EMODEL, "token_type_embeddings"},
        {"position_biased_input", "true", CAIRN_EMODEL, "position_embeddings"},
        {"share_att_key", "false", CAIRN_EMODEL, "pos_key_proj"},
        {"num_attention_heads", "3", CAIRN_EMODEL, "impossible sizes"},
        {"num_hidden_layers", "3", CAIRN_EMODEL, "encoder.layer.2"},
        {"model_type", "\"deberta\"", CAIRN_EUNSUPPORTED, "model_type deberta is not supported"},
    };
    json_t *rows = golden();
    const json_t *config = json_object_get(json_array_get(rows, 0), "config");

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        json_t *told = json_deep_copy(config);
        char path[300];
        cairn_error err = {0};
        encoder *e = NULL;
        cairn_status st;
        toy y;
        assert_int_equal(json_object_set_new(told, cases[i].key, json_loads(cases[i].value, JSON_DECODE_ANY, NULL)), 0);
        y = save_as(path, config, told, (toy){.seed = 3});
        st = encoder_open(&e, path, NULL, &err);
        if (st != cases[i].status || !strstr(err.text, cases[i].says))
            fail_msg("%s %s: %s: %s", cases[i].key, cases[i].value, cairn_status_name(st), err.text);
        assert_null(e);
        json_decref(told);
        toy_free(&y);
    }
    json_decref(rows);
}

/* A small file must not ask for tables of many times its size: 256 layers that share 16,384 rows. */
static void tables_stay_in_bounds(void **state)
{
    bert_layer *layers = calloc(256, sizeof *layers);
    bert b = {.hidden = 1024, .n_layers = 256, .heads = 1024, .ff = 32, .max_tokens = 32768, .layers = layers,
              .name = (char *)"hostile", .relative = {.span = 16384, .farthest = 16384, .keys = true}};
    cairn_error err = {0};
    relative *r;

    (void)state;
    assert_non_null(layers);
    assert_int_equal(relative_create(&r, &b, true, encode_kernels_get(), &err), CAIRN_ELIMIT);
    assert_non_null(strstr(err.text, "1 GiB"));
    assert_null(r);
    free(layers);
}

static void weights_that_are_no_numbers_are_named(void **state)
{
    json_t *rows = golden();
    const json_t *config = json_object_get(json_array_get(rows, 0), "config");
    int32_t ids[3] = {1, 5, 2};
    size_t offsets[2] = {0, 3};
    float out[64];
    cairn_error err = {0};
    char path[300];
    toy y = save_as(path, config, config, (toy){.seed = 3, .poison = "encoder.layer.1.output.LayerNorm.bias"});
    encoder *e = open_folder(path, NULL, true, 0);

    (void)state;
    assert_int_equal(encoder_embed_ids(e, ids, offsets, 1, out, &err), CAIRN_EMODEL);
    encoder_close(e);
    toy_free(&y);
    json_decref(rows);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(agrees_with_transformers),
        cmocka_unit_test(bytes_do_not_depend_on_the_batch),
        cmocka_unit_test(rows_of_kernels_agree),
        cmocka_unit_test(other_widths_of_weights_are_near),
        cmocka_unit_test(an_onnx_file_scores_the_same),
        cmocka_unit_test(the_identity_tells_positions_apart),
        cmocka_unit_test(settings_are_refused),
        cmocka_unit_test(tables_stay_in_bounds),
        cmocka_unit_test(weights_that_are_no_numbers_are_named),
    };

    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
