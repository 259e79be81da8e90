/* test_tool_calls.c - the grammar of calls against texts, the reader against every way to cut a text, and
 * what is no list of tools. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "generate/grammar/grammar.h"
#include "generate/grammar/tool_calls.h"

static const char weather[] =
    "[{\"type\":\"function\",\"function\":{\"name\":\"weather\",\"parameters\":{\"type\":\"object\","
    "\"properties\":{\"city\":{\"type\":\"string\",\"pattern\":\"^K\"}},\"required\":[\"city\"]}}},"
    "{\"type\":\"function\",\"function\":{\"name\":\"now\"}}]";

#define CALL(name, arguments) \
    "<tool_call>\n{\"name\": \"" name "\", \"arguments\": " arguments "}\n</tool_call>"
#define KIEL CALL("weather", "{\"city\": \"Kiel {<tool_call>\"}")

/* 0: no beginning of a text; 1: a beginning; 2: a whole text. */
static int match(const tool_rules *rules, const char *text)
{
    automaton a;
    bytes grammar;
    cairn_error err = {0};
    uint32_t s = AUTOMATON_START;
    int found;

    bytes_init(&grammar, (size_t)1 << 20);
    if (tool_calls_grammar(rules, &grammar, &err) || grammar_compile(&a, grammar.data, grammar.len, &err))
        fail_msg("%s", err.text);
    for (; *text && s != AUTOMATON_DEAD; text++)
        s = a.step(a.ctx, s, (uint8_t)*text);
    found = s == AUTOMATON_DEAD ? 0 : a.accepts(a.ctx, s) ? 2 : 1;
    automaton_destroy(&a);
    bytes_clear(&grammar);
    return found;
}

static void the_grammar_allows_calls_and_text(void **state)
{
    static const struct {
        tool_choice choice;
        const char *only;
        bool single;
        const char *text;
        int want;
    } rows[] = {
        {TOOL_CHOICE_AUTO, NULL, false, "", 2},
        {TOOL_CHOICE_AUTO, NULL, false, "It is 3 < 4, <b>, <<to and <tool_cal", 2},
        {TOOL_CHOICE_AUTO, NULL, false, "a <t<tool_call>", 1},
        {TOOL_CHOICE_AUTO, NULL, false, "a <tool_call> b", 0},
        {TOOL_CHOICE_AUTO, NULL, false, "Let me see.\n" KIEL, 2},
        {TOOL_CHOICE_AUTO, NULL, false, KIEL "\n" CALL("now", "{}"), 2},
        {TOOL_CHOICE_AUTO, NULL, true, KIEL "\n", 0},
        {TOOL_CHOICE_AUTO, NULL, false, KIEL " and more", 0},
        {TOOL_CHOICE_REQUIRED, NULL, false, "It", 0},
        {TOOL_CHOICE_REQUIRED, NULL, false, KIEL, 2},
        {TOOL_CHOICE_REQUIRED, NULL, false, "", 1},
        {TOOL_CHOICE_REQUIRED, "now", false, KIEL, 0},
        {TOOL_CHOICE_REQUIRED, "now", true, CALL("now", "{}"), 2},
        {TOOL_CHOICE_REQUIRED, NULL, false, CALL("weather", "{\"city\": 7}"), 0},
        {TOOL_CHOICE_REQUIRED, NULL, false, CALL("weather", "{}"), 0},
        {TOOL_CHOICE_REQUIRED, NULL, false, CALL("storm", "{}"), 0},
    };
    json_t *tools = json_loads(weather, 0, NULL);

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        tool_rules rules = {tools, rows[i].choice, rows[i].only, rows[i].single};
        int got = match(&rules, rows[i].text);
        if (got != rows[i].want)
            fail_msg("row %zu: %d instead of %d: %s", i, got, rows[i].want, rows[i].text);
    }
    json_decref(tools);
}

/* Definitions of one tool are not another's, and a schema may refer to itself. */
static void schemas_with_definitions_stand_side_by_side(void **state)
{
    json_t *tools = json_loads(
        "[{\"function\":{\"name\":\"a\",\"parameters\":{\"type\":\"object\",\"properties\":{\"x\":{\"$ref\":"
        "\"#/$defs/t\"}},\"required\":[\"x\"],\"$defs\":{\"t\":{\"type\":\"integer\"}}}}},"
        "{\"function\":{\"name\":\"b\",\"parameters\":{\"type\":\"object\",\"properties\":{\"x\":{\"$ref\":"
        "\"#/$defs/t\"}},\"required\":[\"x\"],\"$defs\":{\"t\":{\"type\":\"boolean\"}}}}}]", 0, NULL);
    tool_rules rules = {.tools = tools, .choice = TOOL_CHOICE_REQUIRED};

    (void)state;
    assert_non_null(tools);
    assert_int_equal(match(&rules, CALL("a", "{\"x\": 1}")), 2);
    assert_int_equal(match(&rules, CALL("a", "{\"x\": true}")), 0);
    assert_int_equal(match(&rules, CALL("b", "{\"x\": true}")), 2);
    assert_int_equal(match(&rules, CALL("b", "{\"x\": 1}")), 0);
    json_decref(tools);
}

static void what_is_no_tool_is_refused(void **state)
{
    static const struct {
        const char *tools, *only;
        cairn_status want;
    } rows[] = {
        {"[]", NULL, CAIRN_EINPUT},
        {"{}", NULL, CAIRN_EINPUT},
        {"[1]", NULL, CAIRN_EINPUT},
        {"[{\"function\":{}}]", NULL, CAIRN_EINPUT},
        {"[{\"function\":{\"name\":\"a b\"}}]", NULL, CAIRN_EINPUT},
        {"[{\"function\":{\"name\":\"a\\\"\"}}]", NULL, CAIRN_EINPUT},
        {"[{\"function\":{\"name\":\"a\",\"parameters\":[]}}]", NULL, CAIRN_EINPUT},
        {"[{\"function\":{\"name\":\"a\",\"parameters\":{\"type\":\"string\"}}}]", NULL, CAIRN_EINPUT},
        {"[{\"function\":{\"name\":\"a\"}}]", "b", CAIRN_EINPUT},
        {"[{\"function\":{\"name\":\"a\",\"strict\":true,\"parameters\":{\"type\":\"object\",\"properties\":"
         "{\"x\":{\"type\":\"string\",\"pattern\":\"a\"}}}}}]", NULL, CAIRN_EUNSUPPORTED},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        json_t *tools = json_loads(rows[i].tools, 0, NULL);
        bytes grammar;
        bytes_init(&grammar, (size_t)1 << 20);
        if (tool_calls_grammar(&(tool_rules){.tools = tools, .only = rows[i].only}, &grammar, NULL) !=
            rows[i].want)
            fail_msg("row %zu: %s", i, rows[i].tools);
        bytes_clear(&grammar);
        json_decref(tools);
    }
}

/* Everything told, one after the other. */
static bool note_text(void *ctx, const char *text, size_t len)
{
    return !bytes_append(ctx, text, len);
}

static bool note_call(void *ctx, size_t index, const char *name, const char *arguments, size_t len)
{
    if (name && bytes_printf(ctx, "|%zu:%s:", index, name))
        return false;
    return !bytes_append(ctx, arguments, len);
}

static void read_pieces(const char *text, size_t first, size_t second, const char *want)
{
    tool_reader r = {0};
    bytes told;
    tool_sink sink = {note_text, note_call, &told};
    size_t len = strlen(text);

    bytes_init(&told, 4096);
    assert_true(tool_reader_feed(&r, text, first, &sink));
    assert_true(tool_reader_feed(&r, text + first, second - first, &sink));
    assert_true(tool_reader_feed(&r, text + second, len - second, &sink));
    assert_true(tool_reader_finish(&r, &sink));
    assert_false(bytes_append_byte(&told, 0));
    assert_string_equal(told.data, want);
    bytes_clear(&told);
}

static void texts_are_read_however_they_are_cut(void **state)
{
    static const char *const rows[][2] = {
        {"", ""},
        {"2 < 3 <tool <<tool_cal", "2 < 3 <tool <<tool_cal"},
        {"Look:\n" KIEL "\n" CALL("now", "{}"),
         "Look:\n|0:weather:{\"city\": \"Kiel {<tool_call>\"}|1:now:{}"},
        {"<<tool_call>\n{\"name\": \"f\", \"arguments\": {\"a\": [\"\\\"}\", {}]", "<|0:f:{\"a\": [\"\\\"}\", {}]"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        size_t len = strlen(rows[i][0]);
        for (size_t a = 0; a <= len; a++)
            for (size_t b = a; b <= len; b += 1 + (b - a) / 8)
                read_pieces(rows[i][0], a, b, rows[i][1]);
    }
}

static bool refuse_text(void *ctx, const char *text, size_t len)
{
    (void)ctx, (void)text, (void)len;
    return false;
}

static void a_sink_may_stop_the_reader(void **state)
{
    tool_reader r = {0};

    (void)state;
    assert_false(tool_reader_feed(&r, "a", 1, &(tool_sink){refuse_text, note_call, NULL}));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_grammar_allows_calls_and_text),
        cmocka_unit_test(schemas_with_definitions_stand_side_by_side),
        cmocka_unit_test(what_is_no_tool_is_refused),
        cmocka_unit_test(texts_are_read_however_they_are_cut),
        cmocka_unit_test(a_sink_may_stop_the_reader),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
