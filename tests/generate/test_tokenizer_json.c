/* test_tokenizer_json.c - tokenizer.json files of type Unigram: ids, and what stands around a text
 * and between the two of a pair, equal those of the library tokenizers, on what
 * golden/make_tokenizer_json.py wrote down; what is unknown is refused by name. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "generate/tokenize/tokenizer.h"
#include "tests/generate/toy_folder.h"

#define GOLDEN CAIRN_SOURCE_DIR "/tests/generate/golden/tokenizer_json.json"

static json_t *load_golden(void)
{
    json_error_t why;
    json_t *j = json_load_file(GOLDEN, 0, &why);

    if (!j)
        fail_msg("%s: %s", GOLDEN, why.text);
    return j;
}

/* The character map goes where the file says "MAP". */
static void put_map(json_t *o, json_t *map)
{
    const char *text = json_string_value(json_object_get(o, "precompiled_charsmap"));
    json_t *step;
    size_t i;

    if (text && !strcmp(text, "MAP"))
        json_object_set(o, "precompiled_charsmap", map);
    json_array_foreach(json_object_get(o, "normalizers"), i, step) put_map(step, map);
}

/* A whole tokenizer.json of a row. */
static json_t *make_file(const json_t *all, size_t row)
{
    json_t *file =
        json_deep_copy(json_object_get(json_array_get(json_object_get(all, "files"), row), "file"));

    json_object_set_new(file, "model",
                        json_pack("{s:s,s:i,s:O}", "type", "Unigram", "unk_id", 3, "vocab",
                                  json_object_get(all, "vocab")));
    put_map(json_object_get(file, "normalizer"), json_object_get(all, "charsmap"));
    return file;
}

static cairn_status open_file(tokenizer **t, const json_t *file, cairn_error *err)
{
    char path[300];

    snprintf(path, sizeof path, "%s/tokenizer.json", folder);
    assert_int_equal(json_dump_file(file, path, JSON_COMPACT), 0);
    return tokenizer_from_json(t, folder, err);
}

static bool same_ids(const token_list *got, const json_t *want)
{
    for (size_t i = 0; i < got->n; i++)
        if (got->ids[i] != json_integer_value(json_array_get(want, i)))
            return false;
    return got->n == json_array_size(want);
}

static void check_pair(const tokenizer *t, const json_t *row)
{
    const json_t *want = json_object_get(row, "pair"), *types = json_object_get(row, "types");
    token_list pair = {0};

    assert_int_equal(token_list_push(&pair, tokenizer_bos(t)), CAIRN_OK);
    assert_int_equal(tokenizer_encode(t, "a river", 7, 0, &pair, NULL), CAIRN_OK);
    for (int i = 0; i < tokenizer_pair_separators(t); i++)
        assert_int_equal(token_list_push(&pair, tokenizer_eos(t)), CAIRN_OK);
    assert_int_equal(tokenizer_encode(t, "the sea", 7, 0, &pair, NULL), CAIRN_OK);
    assert_int_equal(token_list_push(&pair, tokenizer_eos(t)), CAIRN_OK);
    assert_true(same_ids(&pair, want));
    assert_int_equal(tokenizer_pair_has_types(t),
                     json_integer_value(json_array_get(types, pair.n - 1)));
    token_list_clear(&pair);
}

static void ids_are_those_of_the_library(void **state)
{
    json_t *all = load_golden(), *row, *text;
    size_t r, i, checked = 0;
    (void)state;
    json_array_foreach(json_object_get(all, "files"), r, row)
    {
        const char *name = json_string_value(json_object_get(row, "name"));
        json_t *file = make_file(all, r);
        cairn_error err = {0};
        tokenizer *t;
        if (open_file(&t, file, &err))
            fail_msg("%s: %s", name, err.text);
        assert_int_equal(tokenizer_get_kind(t), TOKENIZER_UNIGRAM);
        assert_true(tokenizer_adds_bos(t) && tokenizer_adds_eos(t));
        json_array_foreach(json_object_get(all, "texts"), i, text)
        {
            token_list got = {0};
            assert_int_equal(tokenizer_encode(t, json_string_value(text), json_string_length(text),
                                              TOKENIZE_ADD_SPECIAL, &got, NULL),
                             CAIRN_OK);
            if (!same_ids(&got, json_array_get(json_object_get(row, "ids"), i))) {
                for (size_t k = 0; k < got.n; k++)
                    print_message("%d ", (int)got.ids[k]);
                fail_msg("%s, text %zu: \"%s\"", name, i, json_string_value(text));
            }
            token_list_clear(&got);
            checked++;
        }
        check_pair(t, row);
        tokenizer_destroy(t);
        json_decref(file);
    }
    assert_true(checked == 7 * 160);
    json_decref(all);
}

/* Special tokens that a text merely spells are text; only our own prompts make them. */
static void special_tokens_are_made_on_request(void **state)
{
    static const char text[] = "a </s><mask> b";
    json_t *all = load_golden(), *file = make_file(all, 0);
    const token_id mask = (token_id)json_array_size(json_object_get(all, "vocab")) - 1;
    token_list plain = {0}, parsed = {0};
    cairn_error err = {0};
    tokenizer *t;
    size_t found = 0;

    (void)state;
    assert_int_equal(open_file(&t, file, &err), CAIRN_OK);
    assert_int_equal(tokenizer_pad(t), 1);
    assert_int_equal(tokenizer_unk(t), 3);
    assert_int_equal(tokenizer_encode(t, text, sizeof text - 1, 0, &plain, &err), CAIRN_OK);
    for (size_t i = 0; i < plain.n; i++)
        assert_true(plain.ids[i] > 2 && plain.ids[i] != mask);
    assert_int_equal(
        tokenizer_encode(t, text, sizeof text - 1, TOKENIZE_PARSE_SPECIAL, &parsed, &err),
        CAIRN_OK);
    for (size_t i = 0; i + 1 < parsed.n; i++)
        found += parsed.ids[i] == 2 && parsed.ids[i + 1] == mask;
    assert_int_equal(found, 1);
    token_list_clear(&plain);
    token_list_clear(&parsed);
    tokenizer_destroy(t);
    json_decref(file);
    json_decref(all);
}

static json_t *parsed(const char *text)
{
    json_t *j = json_loads(text, JSON_DECODE_ANY, NULL);

    if (!j)
        fail_msg("no JSON: %s", text);
    return j;
}

static void the_unknown_is_refused_by_name(void **state)
{
    static const struct {
        const char *key, *value, *says;
        cairn_status status;
    } rows[] = {
        {"normalizer", "{\"type\":\"NFKD\"}", "NFKD", CAIRN_EUNSUPPORTED},
        {"normalizer", "{\"type\":\"Replace\",\"pattern\":{\"Regex\":\"a+\"},\"content\":\"\"}",
         "Replace", CAIRN_EUNSUPPORTED},
        {"normalizer", "{\"type\":\"Replace\",\"pattern\":{\"String\":\"\"},\"content\":\"x\"}",
         "Replace", CAIRN_EUNSUPPORTED},
        {"normalizer", "{\"type\":\"Precompiled\",\"precompiled_charsmap\":\"????\"}", "base64",
         CAIRN_EMODEL},
        {"normalizer", "{\"type\":\"Precompiled\",\"precompiled_charsmap\":\"AAAA\"}", "broken",
         CAIRN_EMODEL},
        {"pre_tokenizer", "{\"type\":\"ByteLevel\"}", "ByteLevel", CAIRN_EUNSUPPORTED},
        {"pre_tokenizer", "{\"type\":\"Metaspace\",\"replacement\":\"_\"}", "Metaspace",
         CAIRN_EUNSUPPORTED},
        {"pre_tokenizer",
         "{\"type\":\"Metaspace\",\"replacement\":\"\xE2\x96\x81\",\"prepend_scheme\":\"last\"}",
         "Metaspace", CAIRN_EUNSUPPORTED},
        {"pre_tokenizer",
         "{\"type\":\"Sequence\",\"pretokenizers\":[{\"type\":\"WhitespaceSplit\"},{\"type\":"
         "\"Metaspace\",\"replacement\":"
         "\"\xE2\x96\x81\",\"prepend_scheme\":\"first\"}]}",
         "first", CAIRN_EUNSUPPORTED},
        {"pre_tokenizer", "null", "pre_tokenizer", CAIRN_EUNSUPPORTED},
        {"model", "{\"type\":\"BPE\"}", "BPE", CAIRN_EUNSUPPORTED},
        {"model", "{\"type\":\"Unigram\",\"vocab\":[]}", "0 pieces", CAIRN_EMODEL},
        {"model", "{\"type\":\"Unigram\",\"vocab\":[[\"a\"]]}", "vocab[0]", CAIRN_EMODEL},
        {"model", "{\"type\":\"Unigram\",\"unk_id\":-1,\"vocab\":[[\"a\",0]]}", "unk_id",
         CAIRN_EMODEL},
        {"added_tokens", "[{\"id\":-4,\"content\":\"x\"}]", "added_tokens[0]", CAIRN_EMODEL},
        {"added_tokens", "[{\"id\":7}]", "added_tokens[0]", CAIRN_EMODEL},
    };
    json_t *all = load_golden();
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        json_t *file = make_file(all, 0);
        cairn_error err = {0};
        cairn_status st;
        tokenizer *t;
        json_object_set_new(file, rows[i].key, parsed(rows[i].value));
        st = open_file(&t, file, &err);
        if (st != rows[i].status || !strstr(err.text, rows[i].says))
            fail_msg("row %zu: %d: %s", i, (int)st, err.text);
        assert_null(t);
        json_decref(file);
    }
    json_decref(all);
}

/* Then an encoder says what it needs, and a static embedder does not care. */
static void what_stands_around_a_text_may_be_unknown(void **state)
{
    static const char *const rows[] = {
        "{\"type\":\"ByteLevel\"}",
        "{\"type\":\"TemplateProcessing\",\"single\":[{\"SpecialToken\":{\"id\":\"<x>\"}}]}",
        "{\"type\":\"TemplateProcessing\",\"single\":[]}",
        "{\"type\":\"RobertaProcessing\",\"sep\":[\"</s>\",9999999],\"cls\":[\"<s>\",0]}",
    };
    json_t *all = load_golden();

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        json_t *file = make_file(all, 0);
        cairn_error err = {0};
        tokenizer *t;
        json_object_set_new(file, "post_processor", parsed(rows[i]));
        assert_int_equal(open_file(&t, file, &err), CAIRN_OK);
        assert_false(tokenizer_adds_bos(t) || tokenizer_adds_eos(t));
        assert_int_equal(tokenizer_bos(t), TOKEN_NONE);
        tokenizer_destroy(t);
        json_decref(file);
    }
    json_decref(all);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ids_are_those_of_the_library),
        cmocka_unit_test(special_tokens_are_made_on_request),
        cmocka_unit_test(the_unknown_is_refused_by_name),
        cmocka_unit_test(what_stands_around_a_text_may_be_unknown),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
