/* fuzz_grammar - a grammar, a zero byte, a text; or, after a first byte of 1, a JSON schema: it compiles
 * or is refused, and matching ends. */
#include <stdlib.h>
#include <string.h>

#include "generate/grammar/grammar.h"
#include "generate/grammar/json_schema.h"
#include "generate/grammar/tool_calls.h"
#include "tests/fuzz/fuzz_run.h"

static void match(automaton *a, const uint8_t *text, size_t n)
{
    uint32_t s = AUTOMATON_START;

    for (size_t i = 0; i < n && s != AUTOMATON_DEAD; i++) {
        a->accepts(a->ctx, s);
        if (a->step(a->ctx, s, text[i]) != a->step(a->ctx, s, text[i]))
            abort();
        s = a->step(a->ctx, s, text[i]);
    }
    if (a->step(a->ctx, AUTOMATON_DEAD, 'x') != AUTOMATON_DEAD)
        abort();
    automaton_destroy(a);
}

static void schema(const uint8_t *data, size_t size)
{
    json_t *s = json_loadb((const char *)data, size, JSON_DECODE_ANY, NULL);
    automaton a;
    bytes text;

    if (!s)
        return;
    bytes_init(&text, GRAMMAR_MAX_TEXT);
    if (!json_schema_grammar(s, &text, NULL) && !grammar_compile(&a, text.data, text.len, NULL))
        match(&a, data, size);
    bytes_clear(&text);
    json_decref(s);
}

static bool take_text(void *ctx, const char *text, size_t len)
{
    (void)text;
    *(size_t *)ctx += len;
    return true;
}

static bool take_call(void *ctx, size_t index, const char *name, const char *arguments, size_t len)
{
    if (name && strlen(name) >= TOOL_NAME_BYTES)
        abort();
    (void)arguments;
    *(size_t *)ctx += len + index;
    return true;
}

/* Functions as JSON, a zero byte, and the text of a model. */
static void tools(const uint8_t *data, size_t size)
{
    const uint8_t *zero = memchr(data, 0, size);
    size_t len = zero ? (size_t)(zero - data) : size, told = 0;
    json_t *list = json_loadb((const char *)data, len, 0, NULL);
    tool_reader r = {0};
    tool_sink sink = {take_text, take_call, &told};
    automaton a;
    bytes text;

    bytes_init(&text, GRAMMAR_MAX_TEXT);
    if (list && !tool_calls_grammar(&(tool_rules){.tools = list}, &text, NULL) &&
        !grammar_compile(&a, text.data, text.len, NULL))
        match(&a, data, size);
    bytes_clear(&text);
    json_decref(list);
    if (!tool_reader_feed(&r, (const char *)data + len, size - len, &sink) ||
        !tool_reader_finish(&r, &sink))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *zero = size ? memchr(data, 0, size) : NULL;
    size_t len = zero ? (size_t)(zero - data) : size;
    automaton a;

    if (size && (data[0] == 1 || data[0] == 2)) {
        (data[0] == 1 ? schema : tools)(data + 1, size - 1);
        return 0;
    }
    if (!grammar_compile(&a, (const char *)data, len, NULL))
        match(&a, zero ? zero + 1 : data, zero ? size - len - 1 : 0);
    return 0;
}
