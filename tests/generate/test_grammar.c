/* test_grammar.c - constraints on generated text: grammars against lists of texts, what must be refused,
 * masks against their definition, and whole answers of random models, which must obey. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <unistd.h>

#include "generate/decode/generate.h"
#include "generate/grammar/grammar.h"
#include "generate/grammar/json_schema.h"
#include "generate/grammar/quote.h"
#include "generate/grammar/token_mask.h"
#include "tests/generate/tiny_model.h"

/* 0: no beginning of a text; 1: a beginning; 2: a whole text (and perhaps a beginning). */
static int match(automaton *a, const char *text)
{
    uint32_t s = AUTOMATON_START;

    for (; *text && s != AUTOMATON_DEAD; text++)
        s = a->step(a->ctx, s, (uint8_t)*text);
    return s == AUTOMATON_DEAD ? 0 : a->accepts(a->ctx, s) ? 2 : 1;
}

static void texts_match_as_they_should(void **state)
{
    static const struct {
        const char *grammar, *text;
        int want;
    } rows[] = {
        {"root ::= \"yes\" | \"no\"", "yes", 2},
        {"root ::= \"yes\" | \"no\"", "ye", 1},
        {"root ::= \"yes\" | \"no\"", "", 1},
        {"root ::= \"yes\" | \"no\"", "yesno", 0},
        {"root ::= [a-c]*", "", 2},
        {"root ::= [a-c]*", "abcab", 2},
        {"root ::= [a-c]*", "abd", 0},
        {"root ::= [a-c]{2,3}", "a", 1},
        {"root ::= [a-c]{2,3}", "ab", 2},
        {"root ::= [a-c]{2,3}", "abc", 2},
        {"root ::= [a-c]{2,3}", "abca", 0},
        {"root ::= [a-c]{2}", "ab", 2},
        {"root ::= [a-c]{2,}", "abcabcabc", 2},
        {"root ::= [a-c]{0,2} \"x\"", "x", 2},
        {"root ::= \"a\"? \"b\"+ \"c\"*", "bbb", 2},
        {"root ::= \"a\"? \"b\"+ \"c\"*", "ac", 0},
        {"root ::= (\"a\" | \"b\" \"c\")* \"d\"", "abcad", 2},
        {"root ::= (\"a\" | \"b\" \"c\")* \"d\"", "abd", 0},
        {"root ::= \"(\" root \")\" | \"x\"", "((x))", 2},
        {"root ::= \"(\" root \")\" | \"x\"", "((x)", 1},
        {"root ::= \"(\" root \")\" | \"x\"", "((x)))", 0},
        {"# words\nroot ::= word (\" \" word)* # and more\nword ::= [a-z]+\n", "one two", 2},
        {"root ::= word (\" \" word)*\nword ::= [a-z]+\n", "one  two", 0},
        {"root ::=\n  \"a\" |\n  \"b\"\nother ::= \"c\"", "b", 2},
        {"root ::= (\"a\"\n \"b\")", "ab", 2},
        {"root ::= [^a-z]", "A", 2},
        {"root ::= [^a-z]", "q", 0},
        {"root ::= [^a-z]", "\xc3\xa4", 2},
        {"root ::= [^a-z]", "\xc3", 1},
        {"root ::= [^a-z]", "\x80", 0},
        {"root ::= [^a-z]", "\xf0\x9f\x98\x80", 2},
        {"root ::= [^a-z]", "\xed\xa0\x80", 0}, /* a surrogate */
        {"root ::= [^a-z]", "\xc0\x80", 0},     /* overlong */
        {"root ::= [\xc3\xa4-\xc3\xb6]", "\xc3\xa5", 2},
        {"root ::= [\xc3\xa4-\xc3\xb6]", "\xc3\xb7", 0},
        {"root ::= [\\u4e00-\\u9fff]+", "\xe4\xb8\xad\xe6\x96\x87", 2},
        {"root ::= [\\u4e00-\\u9fff]+", "\xe3\x81\x82", 0},
        {"root ::= [\\U00010000-\\U0010ffff]", "\xf4\x8f\xbf\xbf", 2},
        {"root ::= [\\U00010000-\\U0010ffff]", "\xef\xbf\xbf", 0},
        {"root ::= .", "\n", 0},
        {"root ::= .", "x", 2},
        {"root ::= \"\\x41\\n\\\"\\\\\"", "A\n\"\\", 2},
        {"root ::= [-a]", "-", 2},
        {"root ::= [a-]", "-", 2},
        {"root ::= [\\]\\-]", "]", 2},
        {"root ::= \"\"", "", 2},
        {"root ::= \"\"", "x", 0},
        {"root ::= (\"a\"?){3} \"b\"", "aab", 2},
        {"root ::= list\nlist ::= \"1\" (\",\" list)?", "1,1,1,1,1,1", 2},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        automaton a;
        cairn_error err = {0};
        if (grammar_compile(&a, rows[i].grammar, strlen(rows[i].grammar), &err))
            fail_msg("%s: %s", rows[i].grammar, err.text);
        if (match(&a, rows[i].text) != rows[i].want)
            fail_msg("row %zu: %s: \"%s\" gives %d", i, rows[i].grammar, rows[i].text,
                     match(&a, rows[i].text));
        automaton_destroy(&a);
    }
}

static void bad_grammars_are_refused(void **state)
{
    static const struct {
        const char *grammar, *says;
    } rows[] = {
        {"", "root"},
        {"start ::= \"a\"", "root"},
        {"root := \"a\"", "::="},
        {"root ::= \"a", "no end"},
        {"root ::= [a", "no end"},
        {"root ::= (\"a\"", "no end"},
        {"root ::= \"a\")", ")"},
        {"root ::= other", "other"},
        {"root ::= root \"a\"", "itself"},
        {"root ::= \"a\"? root", "itself"},
        {"root ::= a\na ::= b \"x\"\nb ::= (\"y\" | a)", "itself"},
        {"root ::= (\"a\"*)*", "itself"},
        {"root ::= \"a\"\nroot ::= \"b\"", "before"},
        {"root ::= *", "unexpected"},
        {"root ::= \"\"*", "repeat"},
        {"root ::= \"a\"{3,1}", "less"},
        {"root ::= \"a\"{2000}", "1000"},
        {"root ::= \"a\"{,2}", "number"},
        {"root ::= [z-a]", "begins"},
        {"root ::= \"\\q\"", "escape"},
        {"root ::= \"\\ud800\"", "escape"},
        {"root ::= \"\xff\"", "UTF-8"},
        {"root ::= %", "unexpected"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        automaton a;
        cairn_error err = {0};
        if (grammar_compile(&a, rows[i].grammar, strlen(rows[i].grammar), &err) != CAIRN_EINPUT)
            fail_msg("accepted: %s (%s)", rows[i].grammar, err.text);
        if (!strstr(err.text, rows[i].says))
            fail_msg("%s: the sentence is: %s", rows[i].grammar, err.text);
        assert_null(a.step);
    }
    /* Deep nesting is an error, not the end of the stack. */
    char *deep = malloc(3000);
    automaton a;
    snprintf(deep, 3000, "root ::= ");
    memset(deep + 9, '(', 2900);
    deep[2909] = '\0';
    assert_int_equal(grammar_compile(&a, deep, strlen(deep), NULL), CAIRN_EINPUT);
    free(deep);
    /* A grammar with 2^60 ways to say nothing is compiled at once. */
    char *ways = malloc(8000);
    size_t at = (size_t)snprintf(ways, 8000, "root ::= r0 \"x\"\n");
    for (int i = 0; i < 60; i++)
        at += (size_t)snprintf(ways + at, 8000 - at, "r%d ::= r%d | r%d\n", i, i + 1, i + 1);
    snprintf(ways + at, 8000 - at, "r60 ::= \"a\"?\n");
    assert_int_equal(grammar_compile(&a, ways, strlen(ways), NULL), CAIRN_OK);
    assert_int_equal(match(&a, "ax"), 2);
    assert_int_equal(match(&a, "x"), 2);
    automaton_destroy(&a);
    free(ways);
    /* Recursion of a text without end stops at a depth, too. */
    const char *nest = "root ::= \"(\" root \")\" | \"x\"";
    assert_int_equal(grammar_compile(&a, nest, strlen(nest), NULL), CAIRN_OK);
    uint32_t s = AUTOMATON_START;
    int n = 0;
    while ((s = a.step(a.ctx, s, '(')) != AUTOMATON_DEAD && n < 100000)
        n++;
    assert_in_range(n, GRAMMAR_MAX_DEPTH - 5, GRAMMAR_MAX_DEPTH + 5);
    automaton_destroy(&a);
}

/* ---- with a model ---- */

static char path[64];

static void write_model(void)
{
    tiny_model t = tiny_default;
    size_t len;
    uint8_t *data;
    int fd;

    t.words = true;
    t.seed = 5;
    strcpy(path, "/tmp/cairn-grammar-XXXXXX");
    fd = mkstemp(path);
    data = tiny_model_bytes(&t, &len);
    assert_int_equal(write(fd, data, len), len);
    close(fd);
    free(data);
}

static generator *open_generator(void)
{
    generator_options o = {.n_ctx = 255};
    generator *g;

    assert_int_equal(generator_open(&g, path, &o, NULL), CAIRN_OK);
    return g;
}

static void masks_are_what_they_mean(void **state)
{
    static const char *const grammars[] = {
        "root ::= [a-d]{1,5} (\"ab\" | \" \" [^x])*", "root ::= \"abab\" | \"aab\"",
        "root ::= \"{\" ([!-~] \",\")* \"}\"", "root ::= [0-9]+ (\"\\n\" [0-9]+)*"};
    generator *g = open_generator();
    const tokenizer *t = generator_tokenizer(g);
    uint64_t seed = 9;
    token_trie *trie;
    (void)state;
    assert_int_equal(token_trie_create(&trie, t, 100, NULL), CAIRN_OK);
    for (size_t i = 0; i < sizeof grammars / sizeof *grammars; i++) {
        automaton a, twin;
        token_mask *m;
        uint32_t s = AUTOMATON_START;
        assert_int_equal(grammar_compile(&a, grammars[i], strlen(grammars[i]), NULL), CAIRN_OK);
        assert_int_equal(grammar_compile(&twin, grammars[i], strlen(grammars[i]), NULL), CAIRN_OK);
        assert_int_equal(token_mask_create(&m, trie, a, NULL), CAIRN_OK);
        for (int step = 0; step < 60; step++) {
            const uint8_t *bits = token_mask_allowed(m);
            token_id allowed[100];
            size_t n = 0;
            for (token_id id = 0; id < 100; id++) {
                bytes text;
                uint32_t to = s;
                bool want;
                bytes_init(&text, 100);
                assert_int_equal(tokenizer_piece(t, id, false, &text), CAIRN_OK);
                for (size_t j = 0; j < text.len && to != AUTOMATON_DEAD; j++)
                    to = twin.step(twin.ctx, to, (uint8_t)text.data[j]);
                want = id == 99 ? twin.accepts(twin.ctx, s) : text.len && to != AUTOMATON_DEAD;
                if (want != (bits[id >> 3] >> (id & 7) & 1) || want != token_mask_allows(m, id))
                    fail_msg("%s, step %d: token %d", grammars[i], step, id);
                if (want && id != 99)
                    allowed[n++] = id;
                bytes_clear(&text);
            }
            if (!n)
                break;
            token_id id = allowed[tiny_random(&seed) % n];
            bytes text;
            bytes_init(&text, 100);
            assert_int_equal(tokenizer_piece(t, id, false, &text), CAIRN_OK);
            for (size_t j = 0; j < text.len; j++)
                s = twin.step(twin.ctx, s, (uint8_t)text.data[j]);
            bytes_clear(&text);
            assert_true(token_mask_accept(m, id));
        }
        assert_false(token_mask_accept(m, 97)); /* a control token, and from then on nothing */
        assert_int_equal(token_mask_allowed(m)[0], 0);
        token_mask_destroy(m);
        automaton_destroy(&twin);
    }
    token_trie_destroy(trie);
    generator_close(g);
}

static void what_has_no_choice_is_known(void **state)
{
    static const struct {
        const char *grammar, *begun, *forced;
    } rows[] = {{"root ::= \"hello\" [0-9]", "", "hello"},    {"root ::= \"hello\" [0-9]", "hel", "lo"},
                {"root ::= \"hello\" [0-9]", "hello", ""},    {"root ::= \"hello\" [0-9]", "hello1", ""},
                {"root ::= \"abc\" | \"abd\"", "", "ab"},     {"root ::= \"ab\" \"cde\"?", "", "ab"},
                {"root ::= \"(\" root \")\" | \"x\"", "((x", "))"}};
    generator *g = open_generator();
    token_trie *trie;
    (void)state;
    assert_int_equal(token_trie_create(&trie, generator_tokenizer(g), 100, NULL), CAIRN_OK);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        token_list ids = {0};
        char text[64] = "";
        automaton a;
        token_mask *m;
        size_t n;
        assert_int_equal(grammar_compile(&a, rows[i].grammar, strlen(rows[i].grammar), NULL), CAIRN_OK);
        assert_int_equal(token_mask_create(&m, trie, a, NULL), CAIRN_OK);
        assert_int_equal(tokenizer_encode(generator_tokenizer(g), rows[i].begun, strlen(rows[i].begun), 0, &ids, NULL),
                         CAIRN_OK);
        for (size_t j = 0; j < ids.n; j++)
            assert_true(token_mask_accept(m, ids.ids[j]));
        n = token_mask_forced(m, text, sizeof text);
        assert_int_equal(n, strlen(rows[i].forced));
        assert_memory_equal(text, rows[i].forced, n);
        assert_int_equal(token_mask_forced(m, text, 1), n ? 1 : 0);
        token_list_clear(&ids);
        token_mask_destroy(m);
    }
    token_trie_destroy(trie);
    generator_close(g);
}

/* A constraint that leaves little choice: what is forced rides along, and the text is the same. */
static void forced_tokens_save_passes(void **state)
{
    generate_params p = {.max_tokens = 60,
                         .grammar = "root ::= \"the quick brown fox \" [a-c] \" jumps over the lazy dog\""};
    generator *g = open_generator();
    generate_result with = {0}, without = {0};
    (void)state;
    assert_int_equal(generator_complete(g, "say", 3, 0, &p, &with, NULL), CAIRN_OK);
    p.no_drafts = true;
    assert_int_equal(generator_complete(g, "say", 3, 0, &p, &without, NULL), CAIRN_OK);
    assert_string_equal(with.text, without.text);
    assert_int_equal(without.forced_tokens, 0);
    assert_true(with.forced_held > 20 && with.forced_held <= with.forced_tokens);
    assert_int_equal(with.passes + with.forced_held + with.copied_tokens, without.passes);
    generate_result_clear(&with);
    generate_result_clear(&without);
    generator_close(g);
}

/* Answers to p, greedy and sampled, with and without drafts: the same, and given to check. */
static size_t answers(generator *g, generate_params p, void (*check)(const char *text, void *ctx),
                      void *ctx)
{
    static const char prompt[] = "say \"abc abc\" or {\"a\": 1} [1, 2] true";
    size_t whole = 0;

    for (uint64_t seed = 0; seed < 12; seed++) {
        sampler_params s = sampler_params_default();
        generate_result with = {0}, without = {0};
        cairn_error err = {0};
        s.temperature = seed ? 0.4f + 0.1f * (float)seed : 0;
        s.seed = seed;
        p.sampling = &s;
        p.no_drafts = false;
        if (generator_complete(g, prompt, sizeof prompt - 1, 0, &p, &with, &err))
            fail_msg("%s", err.text);
        p.no_drafts = true;
        assert_int_equal(generator_complete(g, prompt, sizeof prompt - 1, 0, &p, &without, &err),
                         CAIRN_OK);
        assert_string_equal(with.text, without.text);
        assert_int_equal(with.finish, without.finish);
        if (with.finish == GENERATE_END) {
            check(with.text, ctx);
            whole++;
        }
        generate_result_clear(&with);
        generate_result_clear(&without);
    }
    return whole;
}

static void check_grammar(const char *text, void *ctx)
{
    if (match(ctx, text) != 2)
        fail_msg("not of the grammar: %s", text);
}

static void answers_obey_grammars(void **state)
{
    static const char *const grammars[] = {
        "root ::= \"yes\" | \"no\" (\" because \" [a-z]{3,9})?",
        "root ::= item (\", \" item){2,4}\nitem ::= [a-z] [0-9]{1,2}",
        "root ::= \"(\" root \")\" | \"ab\"? \"x\"", "root ::= [\\u00e0-\\u00ff]{0,0} \"a\"{7}"};
    generator *g = open_generator();
    (void)state;
    for (size_t i = 0; i < sizeof grammars / sizeof *grammars; i++) {
        generate_params p = {.max_tokens = 60, .grammar = grammars[i]};
        automaton a;
        size_t n;
        assert_int_equal(grammar_compile(&a, grammars[i], strlen(grammars[i]), NULL), CAIRN_OK);
        n = answers(g, p, check_grammar, &a);
        if (n < 3)
            fail_msg("%s: %zu whole answers", grammars[i], n);
        automaton_destroy(&a);
    }
    generate_params bad = {.grammar = "root ::= (", .max_tokens = 3};
    generate_params both = {.grammar = "root ::= \"a\"", .quotable = "a", .max_tokens = 3};
    generate_params impossible = {.grammar = "root ::= \"\\u4e00\"", .max_tokens = 3};
    generate_result r = {0};
    assert_int_equal(generator_complete(g, "a", 1, 0, &bad, &r, NULL), CAIRN_EINPUT);
    assert_int_equal(generator_complete(g, "a", 1, 0, &both, &r, NULL), CAIRN_EUSAGE);
    /* This vocabulary cannot write it. */
    assert_int_equal(generator_complete(g, "a", 1, 0, &impossible, &r, NULL), CAIRN_EMODEL);
    generate_result_clear(&r);
    generator_close(g);
}

/* ---- JSON ---- */

/* Does v obey the part of a schema that the rows use? Written from the keywords' definitions. */
static bool obeys(const json_t *v, const json_t *s, const json_t *whole)
{
    const json_t *x;
    const char *key;
    json_t *item;
    size_t i;

    if (json_is_true(s))
        return true;
    if ((x = json_object_get(s, "$ref")))
        return obeys(v, !strcmp(json_string_value(x), "#")
                            ? whole
                            : json_object_get(json_object_get(whole, "$defs"),
                                              json_string_value(x) + 8), whole);
    if ((x = json_object_get(s, "const")))
        return json_equal(v, x);
    if ((x = json_object_get(s, "enum"))) {
        json_array_foreach((json_t *)x, i, item)
            if (json_equal(v, item))
                return true;
        return false;
    }
    if ((x = json_object_get(s, "anyOf"))) {
        json_array_foreach((json_t *)x, i, item)
            if (obeys(v, item, whole))
                return true;
        return false;
    }
    if ((x = json_object_get(s, "type"))) {
        static const struct {
            const char *name;
            json_type a, b;
        } types[] = {{"string", JSON_STRING, JSON_STRING}, {"integer", JSON_INTEGER, JSON_INTEGER},
                     {"number", JSON_INTEGER, JSON_REAL},  {"boolean", JSON_TRUE, JSON_FALSE},
                     {"null", JSON_NULL, JSON_NULL},       {"array", JSON_ARRAY, JSON_ARRAY},
                     {"object", JSON_OBJECT, JSON_OBJECT}};
        bool good = false;
        for (i = 0; i < 7; i++) {
            bool named = json_is_string(x) && !strcmp(json_string_value(x), types[i].name);
            for (size_t j = 0; j < json_array_size(x); j++)
                named |= !strcmp(json_string_value(json_array_get(x, j)), types[i].name);
            good |= named && (json_typeof(v) == types[i].a || json_typeof(v) == types[i].b);
        }
        if (!good)
            return false;
    }
    if (json_is_string(v) && (x = json_object_get(s, "maxLength")) &&
        json_string_length(v) > (size_t)json_integer_value(x))
        return false;
    if (json_is_array(v)) {
        if ((x = json_object_get(s, "minItems")) &&
            json_array_size(v) < (size_t)json_integer_value(x))
            return false;
        if ((x = json_object_get(s, "maxItems")) &&
            json_array_size(v) > (size_t)json_integer_value(x))
            return false;
        x = json_object_get(s, "items");
        json_array_foreach((json_t *)v, i, item)
            if (x && !obeys(item, x, whole))
                return false;
    }
    if (json_is_object(v)) {
        json_array_foreach(json_object_get(s, "required"), i, item)
            if (!json_object_get(v, json_string_value(item)))
                return false;
        json_object_foreach((json_t *)v, key, item)
        {
            x = json_object_get(json_object_get(s, "properties"), key);
            if (!x)
                x = json_object_get(s, "additionalProperties");
            if (!x || json_is_false(x) || !obeys(item, x, whole))
                return false;
        }
    }
    return true;
}

static void check_json(const char *text, void *ctx)
{
    json_t *v = json_loads(text, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);

    if (!v)
        fail_msg("no JSON: %s", text);
    if (!obeys(v, ctx, ctx))
        fail_msg("not of the schema: %s", text);
    json_decref(v);
}

static void answers_obey_json_schemas(void **state)
{
    static const char *const schemas[] = {
        "{\"enum\":[\"red\",3,null,{\"a\":[1]}]}",
        "{\"const\":\"a \\\"quoted\\\" \\\\ text\"}",
        "{\"type\":[\"integer\",\"boolean\",\"null\"]}",
        "{\"type\":\"string\",\"maxLength\":5}",
        "{\"type\":\"array\",\"items\":{\"type\":\"boolean\"},\"minItems\":2,\"maxItems\":3}",
        "{\"type\":\"array\",\"items\":{\"const\":1},\"maxItems\":0}",
        "{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"boolean\"},\"b\":{\"enum\":[1,2]},"
        "\"c\":{\"type\":\"null\"}},\"required\":[\"b\"],\"additionalProperties\":false}",
        "{\"type\":\"object\",\"properties\":{\"a\":{\"const\":1},\"b\":{\"const\":2}}}",
        "{\"type\":\"object\",\"title\":\"t\",\"properties\":{\"x\":{\"anyOf\":[{\"type\":\"null\"},"
        "{\"$ref\":\"#/$defs/pair\"}]}},\"required\":[\"x\"],\"$defs\":{\"pair\":{\"type\":\"array\","
        "\"items\":{\"type\":\"boolean\"},\"minItems\":2,\"maxItems\":2}}}",
        "{\"anyOf\":[{\"const\":0},{\"type\":\"object\",\"properties\":{\"next\":{\"$ref\":\"#\"}},"
        "\"required\":[\"next\"]}]}",
    };
    generator *g = open_generator();
    size_t whole = 0;
    (void)state;
    for (size_t i = 0; i < sizeof schemas / sizeof *schemas; i++) {
        json_t *s = json_loads(schemas[i], 0, NULL);
        generate_params p = {.max_tokens = 120, .json_schema = s};
        size_t n;
        assert_non_null(s);
        n = answers(g, p, check_json, s);
        if (!n)
            fail_msg("no whole answer: %s", schemas[i]);
        whole += n;
        json_decref(s);
    }
    print_message("%zu whole answers\n", whole);
    generator_close(g);
}

static void schemas_by_hand(void **state)
{
    static const struct {
        const char *schema, *text;
        int want;
    } rows[] = {
        {"true", "{\"a\": [1, 2.5e3, \"x\\u00e4\\n\", null]}", 2},
        {"{}", "[]", 2},
        {"{\"type\":\"object\"}", "[]", 0},
        {"{\"type\":\"number\"}", "-0.5e+10", 2},
        {"{\"type\":\"number\"}", "01", 0},
        {"{\"type\":\"integer\"}", "12.", 0},
        {"{\"type\":\"string\",\"minLength\":2}", "\"a\"", 0},
        {"{\"type\":\"string\",\"minLength\":2}", "\"\xc3\xa4\xc3\xa4\"", 2},
        {"{\"type\":\"string\"}", "\"a\nb\"", 0},
        {"{\"type\":\"object\",\"properties\":{\"a\":{}},\"required\":[\"a\"]}", "{}", 0},
        {"{\"type\":\"object\",\"properties\":{\"a\":{},\"b\":{}}}", "{\"b\":1}", 2},
        {"{\"type\":\"object\",\"properties\":{\"a\":{},\"b\":{}}}", "{\"b\":1,\"a\":1}", 0},
        {"{\"type\":\"object\",\"properties\":{\"a\":{},\"b\":{}}}", "{\"a\":1,\"b\":1}", 2},
        {"{\"type\":\"object\",\"properties\":{\"a\":{}}}", "{\"z\":1}", 0},
        {"{\"type\":\"object\",\"properties\":{\"a\":{}},\"additionalProperties\":true}", "{\"z\":1}", 2},
        {"{\"type\":\"object\",\"additionalProperties\":{\"type\":\"null\"}}", "{\"z\":null,\"y\":null}",
         2},
        {"{\"prefixItems\":[{\"const\":1},{\"const\":2}]}", "[1, 2]", 2},
        {"{\"prefixItems\":[{\"const\":1},{\"const\":2}]}", "[1]", 0},
    };
    static const struct {
        const char *schema, *says;
    } bad[] = {{"{\"pattern\":\"a\"}", "pattern"},
               {"{\"type\":\"date\"}", "date"},
               {"{\"$ref\":\"#/$defs/x\"}", "#/$defs/x"},
               {"{\"$ref\":\"http://x\"}", "http"},
               {"{\"enum\":[]}", "enum"},
               {"{\"minLength\":-1,\"type\":\"string\"}", "minLength"},
               {"{\"type\":\"object\",\"required\":[\"q\"]}", "q"},
               {"false", "nothing"},
               {"3", "object"}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        json_t *s = json_loads(rows[i].schema, JSON_DECODE_ANY, NULL);
        cairn_error err = {0};
        automaton a;
        bytes text;
        bytes_init(&text, GRAMMAR_MAX_TEXT);
        if (json_schema_grammar(s, &text, &err) || grammar_compile(&a, text.data, text.len, &err))
            fail_msg("%s: %s", rows[i].schema, err.text);
        if (match(&a, rows[i].text) != rows[i].want)
            fail_msg("%s: %s gives %d", rows[i].schema, rows[i].text, match(&a, rows[i].text));
        automaton_destroy(&a);
        bytes_clear(&text);
        json_decref(s);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        json_t *s = json_loads(bad[i].schema, JSON_DECODE_ANY, NULL);
        cairn_error err = {0};
        bytes text;
        bytes_init(&text, GRAMMAR_MAX_TEXT);
        if (!json_schema_grammar(s, &text, &err) || !strstr(err.text, bad[i].says))
            fail_msg("%s: the sentence is: %s", bad[i].schema, err.text);
        bytes_clear(&text);
        json_decref(s);
    }
}

/* ---- quotations ---- */

static void check_quotes(const char *text, void *ctx)
{
    for (const char *open = strchr(text, '"'); open; open = strchr(open, '"')) {
        const char *close = strchr(open + 1, '"');
        char part[512];
        if (!close)
            fail_msg("a quotation without an end: %s", text);
        snprintf(part, sizeof part, "%.*s", (int)(close - open - 1), open + 1);
        if (!strstr(ctx, part))
            fail_msg("never said: %s", part);
        open = close + 1;
    }
}

static void quotations_were_said(void **state)
{
    static char said[] = "the burrs last 400 kg of coffee; abc abc, then 18 months";
    static const struct {
        const char *text;
        int want;
    } rows[] = {{"He said \"400 kg\".", 2},      {"\"400 kg", 1},
                {"\"401", 0},                    {"\"\"", 2},
                {"\"coffee; abc\" and \"c a\"", 2}, {"\xe2\x80\x9cx", 0},
                {"\xe2\x80\x93x \xe2\x82\xac", 2},  {"\xc2\xab", 0},
                {"\xc2\xa7 1", 2}};
    generator *g = open_generator();
    generate_params p = {.max_tokens = 200, .quotable = said};
    automaton a;
    (void)state;
    assert_int_equal(quote_compile(&a, said, strlen(said), NULL), CAIRN_OK);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (match(&a, rows[i].text) != rows[i].want)
            fail_msg("%s gives %d", rows[i].text, match(&a, rows[i].text));
    automaton_destroy(&a);
    answers(g, p, check_quotes, said);
    generator_close(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_match_as_they_should),
        cmocka_unit_test(bad_grammars_are_refused),
        cmocka_unit_test(masks_are_what_they_mean),
        cmocka_unit_test(what_has_no_choice_is_known),
        cmocka_unit_test(forced_tokens_save_passes),
        cmocka_unit_test(answers_obey_grammars),
        cmocka_unit_test(answers_obey_json_schemas),
        cmocka_unit_test(schemas_by_hand),
        cmocka_unit_test(quotations_were_said),
    };
    int failed;

    write_model();
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    unlink(path);
    return failed;
}
