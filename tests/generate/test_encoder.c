/* test_encoder.c - the encoder on small random models of every file kind: against its twin in
 * double precision, against itself in other batches and threads, and on broken files. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <jansson.h>

#include "base/checked.h"
#include "generate/encode/bert.h"
#include "generate/encode/encoder.h"
#include "generate/encode/forward.h"
#include "tests/generate/shards.h"
#include "tests/generate/toy_bert.h"

static char folder[256];

static int make_folder(void **state)
{
    snprintf(folder, sizeof folder, "/tmp/cairn-encoder-XXXXXX");
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
    char command[320];
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    return system(command);
}

/* Write the toy; its path is in `path`. */
static const char *save(toy *y, char path[300])
{
    toy_fill(y);
    if (y->gguf) {
        snprintf(path, 300, "%s/toy.gguf", folder);
        toy_write_gguf(y, path);
    } else {
        snprintf(path, 300, "%s/toy", folder);
        toy_write_safetensors(y, path);
    }
    return path;
}

static encoder *open_in_bits(const char *path, pool *p, bool exact, unsigned bits)
{
    encoder_options options = {.pool = p, .exact = exact, .bits = bits};
    cairn_error err = {0};
    encoder *e;

    if (encoder_open(&e, path, &options, &err))
        fail_msg("%s", err.text);
    return e;
}

static encoder *open_toy(const char *path, pool *p, bool exact)
{
    return open_in_bits(path, p, exact, 0);
}

/* 12 sequences of 1 .. 48 tokens. */
static size_t sequences(int32_t ids[400], size_t offsets[13])
{
    static const size_t lengths[12] = {1, 2, 3, 16, 17, 31, 32, 33, 47, 48, 5, 40};

    offsets[0] = 0;
    for (size_t i = 0; i < 12; i++) {
        offsets[i + 1] = offsets[i] + lengths[i];
        for (size_t j = offsets[i]; j < offsets[i + 1]; j++)
            ids[j] = (int32_t)((j * 7 + i * 3) % TOY_VOCAB);
    }
    return 12;
}

static void agrees_with_its_twin(void **state)
{
    static const struct {
        bool gguf;
        tensor_type type;
        size_t heads;
        double fast; /* 1 - cosine allowed in the fast mode */
        bool roberta;
        unsigned bits;
    } kinds[] = {
        {false, TENSOR_F32, 4, 1e-6, false, 0}, {false, TENSOR_F32, 2, 1e-6, false, 0}, {false, TENSOR_F32, 1, 1e-6, false, 0},
        {true, TENSOR_F32, 4, 1e-6, false, 0}, {true, TENSOR_F16, 4, 1e-6, false, 0}, {true, TENSOR_Q8_0, 2, 1e-6, false, 0},
        {true, TENSOR_Q4_0, 2, 1e-3, false, 0}, {false, TENSOR_F32, 4, 1e-6, true, 0}, {false, TENSOR_F16, 2, 1e-6, true, 0},
        {false, TENSOR_BF16, 1, 1e-6, true, 0}, {true, TENSOR_F16, 4, 1e-6, true, 0}, {true, TENSOR_Q8_0, 2, 1e-6, true, 0},
        {false, TENSOR_F32, 4, 3e-4, false, 8}, {true, TENSOR_F16, 2, 3e-4, true, 8},
    };
    int32_t ids[400];
    size_t offsets[13], n = sequences(ids, offsets);
    cairn_error err = {0};
    char path[300];

    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        toy y = toy_default;
        y.gguf = kinds[i].gguf;
        y.type = kinds[i].type;
        y.heads = kinds[i].heads;
        y.roberta = kinds[i].roberta;
        y.seed = i + 7;
        save(&y, path);
        for (int exact = 0; exact < 2; exact++) {
            encoder *e = open_in_bits(path, NULL, exact, kinds[i].bits);
            float out[12][64];
            double worst = 0;
            assert_int_equal(encoder_dim(e), 64);
            assert_int_equal(encoder_max_tokens(e), 48);
            assert_int_equal(encoder_text_budget(e), 46);
            assert_int_equal(encoder_embed_ids(e, ids, offsets, n, out[0], &err), CAIRN_OK);
            for (size_t s = 0; s < n; s++)
                worst = fmax(worst, twin_distance(&y, ids + offsets[s], offsets[s + 1] - offsets[s],
                                                  false, out[s]));
            if (worst > (exact ? 1e-11 : kinds[i].fast))
                fail_msg("kind %zu, exact %d: 1 - cosine is %g", i, exact, worst);
            encoder_close(e);
        }
        toy_free(&y);
    }
}

/* At its second run the model has panels of its own instead of the file's blocks: the same bytes. */
static void kept_weights_change_nothing(void **state)
{
    int32_t ids[400];
    size_t offsets[13], n = sequences(ids, offsets);
    float first[12][64], again[12][64];
    toy y = toy_default;
    cairn_error err = {0};
    char path[300];
    encoder *e;

    (void)state;
    y.gguf = true;
    y.type = TENSOR_Q4_0;
    e = open_toy(save(&y, path), NULL, false);
    assert_int_equal(encoder_embed_ids(e, ids, offsets, n, first[0], &err), CAIRN_OK);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(encoder_embed_ids(e, ids, offsets, n, again[0], &err), CAIRN_OK);
        assert_memory_equal(first, again, sizeof first);
    }
    encoder_close(e);
    toy_free(&y);
}

/* Rounded to 8 bits a vector is another one, and near the one of 16. */
static void bits_of_weights_are_chosen(void **state)
{
    int32_t ids[400];
    size_t offsets[13], n = sequences(ids, offsets);
    static const unsigned bits[] = {0, 16, 8};
    float out[3][12][64];
    toy y = toy_default;
    cairn_error err = {0};
    char path[300];

    (void)state;
    save(&y, path);
    for (size_t i = 0; i < 3; i++) {
        encoder *e = open_in_bits(path, NULL, false, bits[i]);
        assert_int_equal(encoder_embed_ids(e, ids, offsets, n, out[i][0], &err), CAIRN_OK);
        encoder_close(e);
    }
    assert_memory_equal(out[0], out[1], sizeof out[0]); /* so small a model keeps 16 */
    assert_memory_not_equal(out[0], out[2], sizeof out[0]);
    for (size_t s = 0; s < n; s++) {
        double dot = 0;
        for (size_t i = 0; i < 64; i++)
            dot += (double)out[0][s][i] * out[2][s][i];
        assert_true(dot > 0.999);
    }
    toy_free(&y);
}

static void settings_beside_the_model_count(void **state)
{
    static const char pooling[] = "{\"pooling_mode_cls_token\": true}";
    static const char sentence[] = "{\"max_seq_length\": 20}";
    toy y = toy_default;
    int32_t ids[400];
    size_t offsets[13];
    float out[64];
    char path[300], file[400];
    cairn_error err = {0};
    encoder *e;
    FILE *f;

    sequences(ids, offsets);
    save(&y, path);
    snprintf(file, sizeof file, "%s/1_Pooling", path);
    mkdir(file, 0700);
    snprintf(file, sizeof file, "%s/1_Pooling/config.json", path);
    f = fopen(file, "w");
    fputs(pooling, f);
    fclose(f);
    snprintf(file, sizeof file, "%s/sentence_bert_config.json", path);
    f = fopen(file, "w");
    fputs(sentence, f);
    fclose(f);
    e = open_toy(path, NULL, true);
    assert_int_equal(encoder_max_tokens(e), 20);
    offsets[0] = 0;
    offsets[1] = 20;
    assert_int_equal(encoder_embed_ids(e, ids, offsets, 1, out, &err), CAIRN_OK);
    assert_true(twin_distance(&y, ids, 20, true, out) < 1e-11);
    offsets[1] = 21;
    assert_int_equal(encoder_embed_ids(e, ids, offsets, 1, out, &err), CAIRN_EUSAGE);
    encoder_close(e);
    unlink(file);
    snprintf(file, sizeof file, "%s/1_Pooling/config.json", path);
    unlink(file);
    toy_free(&y);
}

static void clear_folder(const char *path)
{
    char command[320];

    snprintf(command, sizeof command, "rm -rf '%s'", path);
    assert_int_equal(system(command), 0);
}

static void put_file(const char *path, const char *name, const char *text)
{
    char file[400];
    FILE *f;

    snprintf(file, sizeof file, "%s/%s", path, name);
    f = fopen(file, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

/* The least of the lengths counts, prompts come in front, and what would change the vectors is refused. */
static void files_of_sentence_transformers_count(void **state)
{
    toy y = toy_default;
    encoder_text asked = {"river", 5}, whole = {"old river", 9};
    float out[64], want[64];
    char path[300];
    cairn_error err = {0};
    encoder *e;

    (void)state;
    y.roberta = true;
    save(&y, path);
    put_file(path, "sentence_bert_config.json", "{\"max_seq_length\": 40}");
    put_file(path, "tokenizer_config.json", "{\"model_max_length\": 30}");
    put_file(path, "config_sentence_transformers.json", "{\"prompts\": {\"query\": \"old \", \"document\": \"\"}}");
    put_file(path, "modules.json", "[{\"type\": \"sentence_transformers.models.Transformer\"},"
                                   "{\"type\": \"sentence_transformers.models.Pooling\"}]");
    e = open_toy(path, NULL, true);
    assert_int_equal(encoder_max_tokens(e), 30);
    assert_int_equal(encoder_embed(e, &asked, 1, ENCODER_QUERY, out, &err), CAIRN_OK);
    assert_int_equal(encoder_embed(e, &whole, 1, ENCODER_PASSAGE, want, &err), CAIRN_OK);
    assert_memory_equal(out, want, sizeof out);
    encoder_close(e);
    put_file(path, "tokenizer_config.json", "{\"model_max_length\": 1000000000000000019884624838656}"); /* none */
    e = open_toy(path, NULL, true);
    assert_int_equal(encoder_max_tokens(e), 40);
    encoder_close(e);
    put_file(path, "modules.json", "[{\"type\": \"sentence_transformers.models.Dense\"}]");
    assert_int_equal(encoder_open(&e, path, NULL, &err), CAIRN_EUNSUPPORTED);
    assert_non_null(strstr(err.text, "models.Dense"));
    toy_free(&y);
    clear_folder(path);
}

/* Weights in a form that is not read are named, with the way out. */
static void other_forms_of_weights_are_named(void **state)
{
    static const struct {
        const char *file, *says;
        cairn_status want;
    } rows[] = {{"pytorch_model.bin", "save_pretrained", CAIRN_EUNSUPPORTED}, {SAFETENSORS_INDEX, "not JSON", CAIRN_EMODEL}};
    char path[300], file[400];

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        toy y = toy_default;
        cairn_error err = {0};
        encoder *e;
        save(&y, path);
        snprintf(file, sizeof file, "%s/model.safetensors", path);
        unlink(file);
        put_file(path, rows[i].file, "x");
        assert_int_equal(encoder_open(&e, path, NULL, &err), rows[i].want);
        assert_non_null(strstr(err.text, rows[i].says));
        toy_free(&y);
        clear_folder(path);
    }
}

/* Weights in several files give the vectors of one. */
static void several_files_are_as_good_as_one(void **state)
{
    int32_t ids[400];
    size_t offsets[13], n = sequences(ids, offsets);
    char path[300];
    cairn_error err = {0};

    (void)state;
    for (int roberta = 0; roberta < 2; roberta++) {
        toy y = toy_default;
        float want[12][64], out[12][64];
        char identity[320];
        encoder *e;
        y.roberta = roberta;
        e = open_toy(save(&y, path), NULL, false);
        assert_int_equal(encoder_embed_ids(e, ids, offsets, n, want[0], &err), CAIRN_OK);
        snprintf(identity, sizeof identity, "%s", encoder_identity(e));
        encoder_close(e);
        split_safetensors(path, 3);
        e = open_toy(path, NULL, false);
        assert_int_equal(encoder_embed_ids(e, ids, offsets, n, out[0], &err), CAIRN_OK);
        assert_memory_equal(out, want, sizeof out);
        assert_string_equal(encoder_identity(e), identity);
        encoder_close(e);
        toy_free(&y);
        clear_folder(path);
    }
}

/* The same bytes whatever stands beside a text, however many threads work. */
static void bytes_do_not_depend_on_the_batch(void **state)
{
    static const tensor_type types[] = {TENSOR_F32, TENSOR_Q4_0, TENSOR_BF16};
    int32_t ids[400];
    size_t offsets[13], n = sequences(ids, offsets);
    char path[300];
    cairn_error err = {0};

    for (size_t t = 0; t < 3; t++)
        for (int exact = 0; exact < 2; exact++) {
            toy y = toy_default;
            float want[12][64], out[12][64];
            encoder *e;
            y.gguf = t < 2;
            y.roberta = t == 2;
            y.type = types[t];
            save(&y, path);
            e = open_toy(path, NULL, exact);
            for (size_t i = 0; i < n; i++) {
                size_t own[2] = {0, offsets[i + 1] - offsets[i]};
                assert_int_equal(encoder_embed_ids(e, ids + offsets[i], own, 1, want[i], &err), 0);
            }
            encoder_close(e);
            for (size_t threads = 1; threads <= 4; threads++) {
                pool *p;
                assert_int_equal(pool_create(&p, threads, &err), CAIRN_OK);
                e = open_toy(path, p, exact);
                for (int again = 0; again < 2; again++) {
                    assert_int_equal(encoder_embed_ids(e, ids, offsets, n, out[0], &err), CAIRN_OK);
                    assert_memory_equal(out, want, sizeof out);
                }
                encoder_close(e);
                pool_destroy(p);
            }
            toy_free(&y);
        }
}

/* The fast mode gives the same bytes on every CPU row, the exact mode nearly. */
static void rows_of_kernels_agree(void **state)
{
    static const tensor_type types[] = {TENSOR_F32, TENSOR_Q4_0, TENSOR_F32};
    static const unsigned bits[] = {16, 0, 8};
    int32_t ids[400];
    size_t offsets[13], n = sequences(ids, offsets), cells = offsets[n] * 64;
    forward_batch batch = {.ids = ids, .offsets = offsets, .n = n};
    float *want = malloc(cells * sizeof *want);
    cairn_error err = {0};
    char path[300];

    for (size_t t = 0; t < 3; t++)
        for (int exact = 0; exact < 2; exact++) {
            toy y = toy_default;
            bert *b;
            y.gguf = true;
            y.type = types[t];
            assert_int_equal(bert_open(&b, save(&y, path), &err), CAIRN_OK);
            for (int level = CPU_SCALAR; level <= CPU_AVX512; level++) {
                const encode_kernels *kernels = encode_kernels_for((cpu_level)level);
                const float *rows;
                forward *f;
                if (!kernels)
                    continue;
                assert_int_equal(forward_create(&f, b, NULL, exact, bits[t], kernels, &err), CAIRN_OK);
                assert_int_equal(forward_run(f, &batch, &rows, &err), CAIRN_OK);
                if (level == CPU_SCALAR)
                    memcpy(want, rows, cells * sizeof *want);
                else if (!exact)
                    assert_memory_equal(want, rows, cells * sizeof *want);
                for (size_t i = 0; i < cells; i++)
                    assert_true(fabs((double)want[i] - rows[i]) < 1e-4);
                forward_destroy(f);
            }
            bert_close(b);
            toy_free(&y);
        }
    free(want);
}

static void texts_are_cut_and_counted(void **state)
{
    static const char text[] = "The old mills: a river runs to the sea.";
    static const int32_t want[] = {2, 9, 13, 11, 12, 16, 5, 6, 7, 8, 9, 10, 17, 3};
    toy y = toy_default;
    char path[300], *longer = malloc(6 * 1000 + 1);
    encoder_text texts[2] = {{text, sizeof text - 1}, {longer, 6000}};
    float out[2][64], again[64];
    size_t offsets[2] = {0, 14};
    cairn_error err = {0};
    encoder *e;

    for (int i = 0; i < 1000; i++)
        memcpy(longer + 6 * i, "river ", 7);
    e = open_toy(save(&y, path), NULL, false);
    assert_int_equal(encoder_count_tokens(e, text, sizeof text - 1), 12);
    assert_int_equal(encoder_embed(e, texts, 2, ENCODER_QUERY, out[0], &err), CAIRN_OK);
    assert_int_equal(encoder_embed_ids(e, want, offsets, 1, again, &err), CAIRN_OK);
    assert_memory_equal(out[0], again, sizeof again);
    texts[1].len = 6 * 46; /* what is left of it */
    assert_int_equal(encoder_embed(e, &texts[1], 1, ENCODER_PASSAGE, again, &err), CAIRN_OK);
    assert_memory_equal(out[1], again, sizeof again);
    texts[0] = (encoder_text){NULL, 0};
    assert_int_equal(encoder_embed(e, texts, 1, ENCODER_PLAIN, again, &err), CAIRN_OK);
    assert_int_equal(encoder_embed(e, texts, 0, ENCODER_PLAIN, NULL, &err), CAIRN_OK);
    offsets[1] = 1;
    assert_int_equal(encoder_embed_ids(e, &(int32_t){TOY_VOCAB}, offsets, 1, again, &err),
                     CAIRN_EUSAGE);
    assert_int_equal(encoder_embed_ids(e, &(int32_t){-1}, offsets, 1, again, &err), CAIRN_EUSAGE);
    assert_false(encoder_can_score(e));
    assert_int_equal(encoder_score(e, texts, texts, 1, again, &err), CAIRN_EUNSUPPORTED);
    encoder_close(e);
    toy_free(&y);
    free(longer);
}

static void scores_agree_with_the_twin(void **state)
{
    static const char query[] = "the river";
    static const char *const text[] = {"a river runs to the sea.", "old mills", ""};
    static const int32_t ids[3][16] = {
        {2, 9, 6, 3, 5, 6, 7, 8, 9, 10, 17, 3}, {2, 9, 6, 3, 13, 11, 12, 3}, {2, 9, 6, 3, 3}};
    static const size_t n[3] = {12, 8, 5};
    static const uint8_t types[16] = {0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1};
    encoder_text q = {query, sizeof query - 1}, texts[3];
    char path[300];
    cairn_error err = {0};

    for (size_t i = 0; i < 3; i++)
        texts[i] = (encoder_text){text[i], strlen(text[i])};
    for (size_t labels = 1; labels <= 3; labels++)
        for (int gguf = 0; gguf < 2; gguf++)
            for (int exact = 0; exact < 2; exact++) {
                toy y = toy_default;
                float scores[3];
                encoder *e;
                y.labels = labels;
                y.gguf = gguf;
                y.seed = labels;
                e = open_toy(save(&y, path), NULL, exact);
                assert_true(encoder_can_score(e) == (labels < 3));
                if (labels == 3)
                    assert_int_equal(encoder_score(e, &q, texts, 3, scores, &err),
                                     CAIRN_EUNSUPPORTED);
                else
                    assert_int_equal(encoder_score(e, &q, texts, 3, scores, &err), CAIRN_OK);
                for (size_t i = 0; i < 3 && labels < 3; i++) {
                    double want = twin_score(&y, ids[i], types, n[i]);
                    if (!(fabs(scores[i] - want) < (exact ? 1e-5 : 2e-3)))
                        fail_msg("score %g, twin %g", (double)scores[i], want);
                }
                encoder_close(e);
                toy_free(&y);
            }
}

/* XLM-RoBERTa has two end tokens in the middle of a pair and one type. */
static void scores_of_roberta_agree_with_the_twin(void **state)
{
    static const char *const text[] = {"a river runs to  the sea:", "old mills", ""};
    static const int32_t ids[3][20] = {{0, 9, 6, 2, 2, 4, 5, 6, 7, 8, 9, 10, 16, 2}, {0, 9, 6, 2, 2, 13, 11, 12, 2}, {0, 9, 6, 2, 2, 2}};
    static const size_t n[3] = {14, 9, 6};
    static const uint8_t types[20];
    encoder_text q = {"the river", 9}, texts[3];
    char path[300];
    cairn_error err = {0};

    (void)state;
    for (size_t i = 0; i < 3; i++)
        texts[i] = (encoder_text){text[i], strlen(text[i])};
    for (size_t labels = 1; labels <= 2; labels++)
        for (int gguf = 0; gguf < 2; gguf++)
            for (int exact = 0; exact < 2; exact++) {
                toy y = toy_default;
                float scores[3];
                encoder *e;
                y.labels = labels;
                y.gguf = gguf;
                y.roberta = true;
                y.seed = labels;
                e = open_toy(save(&y, path), NULL, exact);
                assert_int_equal(encoder_count_tokens(e, text[0], strlen(text[0])), 8);
                assert_int_equal(encoder_score(e, &q, texts, 3, scores, &err), CAIRN_OK);
                for (size_t i = 0; i < 3; i++) {
                    double want = twin_score(&y, ids[i], types, n[i]);
                    if (!(fabs(scores[i] - want) < (exact ? 1e-5 : 2e-3)))
                        fail_msg("score %g, twin %g", (double)scores[i], want);
                }
                encoder_close(e);
                toy_free(&y);
            }
}

/* ---- the library transformers, in batches with padding (golden/make_xlm_roberta.py) ---- */

static size_t expect_vectors(encoder *e, const json_t *row, double least)
{
    const json_t *all = json_object_get(row, "ids"), *sequence;
    cairn_error err = {0};
    size_t i;

    json_array_foreach(all, i, sequence) {
        const json_t *want = json_array_get(json_object_get(row, "vectors"), i);
        size_t offsets[2] = {0, json_array_size(sequence)};
        double cosine = 0;
        int32_t ids[48];
        float out[64];
        assert_in_range(offsets[1], 1, 48);
        for (size_t k = 0; k < offsets[1]; k++)
            ids[k] = (int32_t)json_integer_value(json_array_get(sequence, k));
        assert_int_equal(encoder_embed_ids(e, ids, offsets, 1, out, &err), CAIRN_OK);
        for (size_t k = 0; k < 64; k++)
            cosine += (double)out[k] * json_real_value(json_array_get(want, k));
        if (!(cosine > least))
            fail_msg("sequence %zu: cosine %.9g", i, cosine);
    }
    return i;
}

static size_t expect_scores(encoder *e, const json_t *row, double most)
{
    const json_t *texts = json_object_get(row, "texts"), *query = json_object_get(row, "query"), *text;
    const encoder_text q = {json_string_value(query), json_string_length(query)};
    cairn_error err = {0};
    size_t i;

    json_array_foreach(texts, i, text) {
        const double want = json_number_value(json_array_get(json_object_get(row, "scores"), i));
        const encoder_text t = {json_string_value(text), json_string_length(text)};
        float score;
        assert_int_equal(encoder_score(e, &q, &t, 1, &score, &err), CAIRN_OK);
        if (!(fabs((double)score - want) < most))
            fail_msg("text %zu: %g, there %g", i, (double)score, want);
    }
    return i;
}

static void roberta_agrees_with_transformers(void **state)
{
    json_t *all = json_load_file(CAIRN_SOURCE_DIR "/tests/generate/golden/xlm_roberta.json", 0, NULL), *row;
    size_t r, checked = 0;

    (void)state;
    json_array_foreach(json_object_get(all, "rows"), r, row) {
        toy y = toy_default;
        char path[300];
        y.roberta = true;
        y.seed = (uint64_t)json_integer_value(json_object_get(row, "seed"));
        y.heads = (size_t)json_integer_value(json_object_get(row, "heads"));
        y.labels = (size_t)json_integer_value(json_object_get(row, "labels"));
        save(&y, path);
        for (int exact = 0; exact < 2; exact++) {
            encoder *e = open_toy(path, NULL, exact);
            checked += y.labels ? expect_scores(e, row, exact ? 2e-5 : 2e-2) : expect_vectors(e, row, exact ? 1 - 1e-6 : 0.999);
            encoder_close(e);
        }
        toy_free(&y);
    }
    assert_int_equal(checked, 5 * 2 * 12);
    json_decref(all);
}

/* The mean over the query's tokens of the best cosine less the average one, from the twin's rows. */
static double twin_late(const toy *y, const double *query, size_t n_query, const double *rows, size_t n)
{
    double sum = 0;

    for (size_t q = 1; q + 1 < n_query; q++) {
        double most = -1, mean = 0;
        for (size_t t = 1; t + 1 < n; t++) {
            double xy = 0, xx = 0, yy = 0;
            for (size_t d = 0; d < y->hidden; d++) {
                double a = query[q * y->hidden + d], b = rows[t * y->hidden + d];
                xy += a * b;
                xx += a * a;
                yy += b * b;
            }
            mean += xy / sqrt(xx * yy) / (double)(n - 2);
            most = xy / sqrt(xx * yy) > most ? xy / sqrt(xx * yy) : most;
        }
        sum += n > 2 ? most - mean : 0;
    }
    return sum / (double)(n_query - 2);
}

static void late_interaction_agrees_with_the_twin(void **state)
{
    static const char query[] = "the river", *const text[] = {"a river runs to the sea.", "old mills", ""};
    static const int32_t asked[] = {2, 9, 6, 3}, ids[3][16] = {{2, 5, 6, 7, 8, 9, 10, 17, 3}, {2, 13, 11, 12, 3}, {2, 3}};
    static const uint8_t types[16];
    static const size_t n[3] = {9, 5, 2};
    encoder_text q = {query, sizeof query - 1}, texts[3];
    char path[300];
    cairn_error err = {0};

    (void)state;
    for (size_t i = 0; i < 3; i++)
        texts[i] = (encoder_text){text[i], strlen(text[i])};
    for (int exact = 0; exact < 2; exact++) {
        toy y = toy_default;
        float scores[3], *tokens;
        size_t n_tokens;
        encoder *e = open_toy(save(&y, path), NULL, exact);
        double *rows = twin_rows(&y, asked, types, 4);
        assert_int_equal(encoder_token_vectors(e, &q, ENCODER_QUERY, &tokens, &n_tokens, &err), CAIRN_OK);
        assert_int_equal(n_tokens, 2);
        assert_int_equal(encoder_late_score(e, tokens, n_tokens, texts, 3, scores, &err), CAIRN_OK);
        for (size_t i = 0; i < 3; i++) {
            double *passage = twin_rows(&y, ids[i], types, n[i]);
            assert_float_equal(scores[i], twin_late(&y, rows, 4, passage, n[i]), exact ? 1e-5 : 2e-3);
            free(passage);
        }
        assert_true(scores[0] > 0 && scores[2] == 0);
        free(tokens);
        free(rows);
        assert_int_equal(encoder_token_vectors(e, &texts[2], ENCODER_QUERY, &tokens, &n_tokens, &err), CAIRN_OK);
        assert_int_equal(n_tokens, 0);
        free(tokens);
        encoder_close(e);
        toy_free(&y);
    }
}

/* Broken in one way each; the sentence must hold `says`. */
static void broken_models_are_refused(void **state)
{
#define SIZES(hidden, layers, heads, ff)                                                           \
    "{\"model_type\":\"bert\",\"hidden_size\":" hidden ",\"num_hidden_layers\":" layers            \
    ",\"num_attention_heads\":" heads ",\"intermediate_size\":" ff "}"
    static const struct {
        toy change;
        cairn_status status;
        const char *says;
    } cases[] = {
        {{.leave_out = "encoder.layer.1.attention.self.key.weight"},
         CAIRN_EMODEL,
         "encoder.layer.1.attention.self.key.weight"},
        {{.leave_out = "embeddings.LayerNorm.bias"}, CAIRN_EMODEL, "embeddings.LayerNorm"},
        {{.leave_out = "embeddings.word_embeddings.weight"}, CAIRN_EMODEL, "word_embeddings"},
        {{.reshape = "encoder.layer.0.output.dense.weight"},
         CAIRN_EMODEL,
         "encoder.layer.0.output.dense.weight has 65 rows of 96, expected 64"},
        {{.reshape = "encoder.layer.0.output.dense.bias"}, CAIRN_EMODEL, "dense.bias"},
        {{.config = SIZES("64", "3", "4", "96")}, CAIRN_EMODEL, "encoder.layer.2"},
        {{.config = SIZES("96", "2", "4", "96")}, CAIRN_EMODEL, "word_embeddings"},
        {{.config = SIZES("64", "2", "5", "96")}, CAIRN_EMODEL, "impossible sizes"},
        {{.config = SIZES("1000000000", "2", "4", "96")}, CAIRN_EMODEL, "impossible sizes"},
        {{.config = SIZES("64", "1000000000", "4", "96")}, CAIRN_EMODEL, "impossible sizes"},
        {{.config = SIZES("-64", "2", "4", "96")}, CAIRN_EMODEL, "hidden_size"},
        {{.config = SIZES("\"a\"", "2", "4", "96")}, CAIRN_EMODEL, "hidden_size"},
        {{.config = "{"}, CAIRN_EMODEL, "config.json"},
        {{.config = "[]"}, CAIRN_EMODEL, "config.json"},
        {{.config = "{\"model_type\":\"llama\"}"}, CAIRN_EUNSUPPORTED, "model_type llama"},
        {{.config = "{\"model_type\":\"mpnet\"}"}, CAIRN_EUNSUPPORTED, "relative positions"},
        {{.config = "{\"model_type\":\"bloom\"}"}, CAIRN_EUNSUPPORTED, "model_type bloom; only bert, xlm-roberta"},
        {{.roberta = true, .leave_out = "embeddings.token_type_embeddings.weight"}, CAIRN_EMODEL, "token_type"},
        {{.roberta = true,
          .config = "{\"model_type\":\"xlm-roberta\",\"pad_token_id\":49,\"hidden_size\":64,\"num_hidden_layers\":2,"
                    "\"num_attention_heads\":4,\"intermediate_size\":96}"}, CAIRN_EMODEL, "rows of positions"},
        {{.cut = 4}, CAIRN_EMODEL, "model.safetensors"},
        {{.cut = 200000}, CAIRN_EMODEL, "model.safetensors"},
        {{.gguf = true, .leave_out = "blk.1.ffn_up.bias"}, CAIRN_EMODEL, "blk.1.ffn_up.bias"},
        {{.gguf = true, .reshape = "blk.0.attn_q.weight"}, CAIRN_EMODEL, "blk.0.attn_q.weight"},
        {{.gguf = true, .cut = 100}, CAIRN_EMODEL, "toy.gguf"},
    };
    char path[300];

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        toy y = toy_default;
        cairn_error err = {0};
        cairn_status st;
        encoder *e = NULL;
        y.gguf = cases[i].change.gguf;
        y.roberta = cases[i].change.roberta;
        y.leave_out = cases[i].change.leave_out;
        y.reshape = cases[i].change.reshape;
        y.config = cases[i].change.config;
        y.cut = cases[i].change.cut;
        st = encoder_open(&e, save(&y, path), NULL, &err);
        if (st != cases[i].status || !strstr(err.text, cases[i].says))
            fail_msg("case %zu: %s: %s", i, cairn_status_name(st), err.text);
        assert_null(e);
        toy_free(&y);
    }
}

static void weights_that_are_no_numbers_are_named(void **state)
{
    toy y = toy_default;
    int32_t ids[400];
    size_t offsets[13], n = sequences(ids, offsets);
    float out[12][64];
    char path[300];
    cairn_error err = {0};
    encoder *e;

    y.poison = "encoder.layer.1.output.LayerNorm.bias";
    e = open_toy(save(&y, path), NULL, false);
    assert_int_equal(encoder_embed_ids(e, ids, offsets, n, out[0], &err), CAIRN_EMODEL);
    encoder_close(e);
    toy_free(&y);
}

static void absent_models_are_named(void **state)
{
    cairn_error err = {0};
    char path[300];
    encoder *e;
    FILE *f;

    assert_int_equal(encoder_open(&e, "/nonexistent/model", NULL, &err), CAIRN_EMODEL);
    assert_non_null(strstr(err.text, "/nonexistent/model"));
    assert_int_equal(encoder_open(&e, "/dev/null", NULL, &err), CAIRN_EMODEL);
    snprintf(path, sizeof path, "%s/empty", folder);
    mkdir(path, 0700);
    assert_int_equal(encoder_open(&e, path, NULL, &err), CAIRN_EMODEL);
    assert_non_null(strstr(err.text, "config.json"));
    snprintf(path, sizeof path, "%s/text.bin", folder);
    f = fopen(path, "w");
    fputs("no model", f);
    fclose(f);
    assert_int_equal(encoder_open(&e, path, NULL, &err), CAIRN_EUNSUPPORTED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(agrees_with_its_twin),
        cmocka_unit_test(kept_weights_change_nothing),
        cmocka_unit_test(bits_of_weights_are_chosen),
        cmocka_unit_test(settings_beside_the_model_count),
        cmocka_unit_test(files_of_sentence_transformers_count),
        cmocka_unit_test(other_forms_of_weights_are_named),
        cmocka_unit_test(several_files_are_as_good_as_one),
        cmocka_unit_test(bytes_do_not_depend_on_the_batch),
        cmocka_unit_test(rows_of_kernels_agree),
        cmocka_unit_test(texts_are_cut_and_counted),
        cmocka_unit_test(scores_agree_with_the_twin),
        cmocka_unit_test(scores_of_roberta_agree_with_the_twin),
        cmocka_unit_test(roberta_agrees_with_transformers),
        cmocka_unit_test(late_interaction_agrees_with_the_twin),
        cmocka_unit_test(broken_models_are_refused),
        cmocka_unit_test(weights_that_are_no_numbers_are_named),
        cmocka_unit_test(absent_models_are_named),
    };

    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
