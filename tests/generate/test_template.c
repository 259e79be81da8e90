/* test_template.c - the three chat models' templates byte for byte, and the language by itself. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "generate/template/chat_template.h"
#include "tests/generate/reference.h"

static cairn_status render(const char *jinja, size_t len, const json_t *messages,
                           const json_t *tools, bool prompt, bytes *out, cairn_error *err)
{
    chat_template *t;
    cairn_status st = chat_template_compile(&t, jinja, len, err);
    if (st)
        return st;
    st = chat_template_render(t, messages, tools, prompt, "<s>", "</s>", out, err);
    chat_template_destroy(t);
    return st;
}

static void matches_the_reference(void **state)
{
    (void)state;
    void *f = reference_open("templates.jsonl.gz");
    size_t rows = 0, bad = 0;
    json_t *row;

    if (!f) {
        print_message("skipped: no reference\n");
        skip();
    }
    json_t *head = reference_line(f);
    const json_t *templates = json_object_get(head, "templates");
    for (; (row = reference_line(f)); rows++) {
        const json_t *text =
            json_object_get(templates, json_string_value(json_object_get(row, "template")));
        const json_t *want = json_object_get(row, "expected");
        const json_t *tools = json_object_get(row, "tools");
        cairn_error err = { 0 };
        bytes out;
        bytes_init(&out, 1 << 24);
        cairn_status st =
            render(json_string_value(text), json_string_length(text),
                   json_object_get(row, "messages"), json_is_null(tools) ? NULL : tools,
                   json_is_true(json_object_get(row, "add_generation_prompt")), &out, &err);
        bool good = want ? !st && out.len == json_string_length(want) &&
                               !memcmp(out.data ? out.data : "", json_string_value(want), out.len)
                         : st == CAIRN_EINPUT;
        if (!good && bad++ < 5)
            fprintf(stderr, "%s %s: status %d %s\nwant %s\ngot  %s\n",
                    json_string_value(json_object_get(row, "model")),
                    json_string_value(json_object_get(row, "case")), st, err.text,
                    want ? json_string_value(want) : "an error", out.data ? out.data : "");
        bytes_clear(&out);
        json_decref(row);
    }
    json_decref(head);
    reference_close(f);
    print_message("%zu rows, %zu wrong\n", rows, bad);
    assert_int_equal(bad, 0);
    assert_true(rows >= 90);
}

/* Expected texts are those of Jinja 3.1.6 with the settings of transformers. */
static const struct {
    const char *jinja, *want; /* NULL: an error when rendering */
} cases[] = {
    { "a{{ 1 + 2 * 3 }}b", "a7b" },
    { "{{ 7 // 2 }} {{ -7 // 2 }} {{ -7 % 3 }} {{ 7 / 2 }} {{ 2.0 }}", "3 -4 2 3.5 2.0" },
    { "{{ 1 ~ 'x' ~ none ~ true }}", "1xNoneTrue" },
    { "{{ 'a' if 1 > 2 else 'b' }}{{ 'c' if false }}", "b" },
    { "{{ 1 < 2 < 3 }} {{ 1 < 3 < 2 }} {{ 'b' in 'abc' }} {{ 2 not in [1, 3] }}",
      "True False True True" },
    { "{{ 0 or 'x' }}{{ '' and 1 }}{{ not 0 }}", "xTrue" },
    { "{{ missing }}|{{ missing is defined }}|{{ missing | default('d') }}", "|False|d" },
    { "{{ missing.x }}", NULL },
    { "{{ 'x' + missing }}", NULL },
    { "{{ 'x' + none }}", NULL },
    { "{{ none.x }}|{{ messages[9] }}|{{ messages[-1].content }}", "||Bye" },
    { "{{ raise_exception('no') }}", NULL },
    { "{% for m in messages %}{{ loop.index }}{{ m.role }}{% if not loop.last %},{% endif %}"
      "{% endfor %}", "1user,2assistant" },
    { "{% for x in [] %}a{% else %}none{% endfor %}", "none" },
    { "{% for x in [1,2,3,4] if x is even %}{{ x }}{{ loop.length }}{% endfor %}", "2242" },
    { "{% for k, v in {'a': 1, 'b': 2}.items() %}{{ k }}{{ v }}{% endfor %}", "a1b2" },
    { "{% for x in range(9) %}{% if x == 2 %}{% continue %}{% endif %}{% if x == 4 %}{% break %}"
      "{% endif %}{{ x }}{% endfor %}", "013" },
    { "{% set x = 1 %}{% for i in [1] %}{% set x = 2 %}{{ x }}{% endfor %}{{ x }}", "21" },
    { "{% set ns = namespace(n=0) %}{% for i in [1,2,3] %}{% set ns.n = ns.n + i %}{% endfor %}"
      "{{ ns.n }}", "6" },
    { "{% set d = {'a': 1} %}{% set d.a = 2 %}", NULL },
    { "{% set t %}x{{ 1 }}{% endset %}[{{ t }}]", "[x1]" },
    { "{% macro f(a, b='z') %}<{{ a }}{{ b }}>{% endmacro %}{{ f('x') }}{{ f('x', b='y') }}",
      "<xz><xy>" },
    { "{% macro f(a) %}1{{ a }}{% endmacro %}{{ f(1) }}{% macro f(a) %}2{{ a }}{% endmacro %}{{ f(1) }}",
      "1121" },
    { "{{ f() }}{% macro f() %}{% endmacro %}", NULL },
    { "{% macro f(a) %}{% macro f(a) %}in{{ a }}{% endmacro %}{{ f(a) }}{% endmacro %}{{ f(3) }}",
      "in3" },
    { "{% set g = 'G' %}{% macro f() %}{{ g }}{{ i }}{% endmacro %}"
      "{% for i in [1, 2] %}{{ f() }}{% endfor %}", "GG" },
    { "{{ [1,2,3][1:] }}{{ 'abc'[::-1] }}{{ 'abc'[-1] }}{{ [1,2,3][:-1] | length }}", "[2, 3]cbac2" },
    { "{{ '  x ' | trim }}{{ ' y '.strip() }}{{ 'xxyxx'.strip('x') }}{{ 'a-b'.split('-') }}",
      "xyy['a', 'b']" },
    { "{{ 'hello World' | title }} {{ 'aBC' | capitalize }} {{ 'é' | upper }}", "Hello World Abc É" },
    { "{{ 'a.b.c'.replace('.', '/') }}{{ 'abc'.startswith('ab') }}{{ 'abc'.endswith(('x','c')) }}",
      "a/b/cTrueTrue" },
    { "{{ {'a': [1, 2.5, none, true], 'é': '<\"\\n>'} | tojson }}",
      "{\"a\": [1, 2.5, null, true], \"é\": \"<\\\"\\n>\"}" },
    { "{{ {'a': [1], 'b': {}} | tojson(indent=2) }}",
      "{\n  \"a\": [\n    1\n  ],\n  \"b\": {}\n}" },
    { "{{ [1, 'a', {'k': none}] }}", "[1, 'a', {'k': None}]" },
    { "{{ messages | selectattr('role', 'equalto', 'user') | list | length }}", "1" },
    { "{{ messages | map(attribute='role') | join(', ') }}", "user, assistant" },
    { "{{ '3' | int + 1 }}{{ 'x' | length }}{{ [1,2] | first }}{{ [1,2] | last }}", "4112" },
    { "{{ 1e0 if false else 1.5e0 if false else 2 }}", "!unexpected" },
    { "{{ 'a' is string }}{{ 1 is number }}{{ [] is iterable }}{{ {} is mapping }}"
      "{{ none is none }}{{ 3 is not divisibleby 2 }}", "TrueTrueTrueTrueTrueTrue" },
    { "{{ bos_token }}{{ eos_token }}{{ add_generation_prompt }}{{ tools }}", "<s></s>TrueNone" },
    /* white space */
    { "a\n{% if true %}\nb\n{% endif %}\nc\n", "a\nb\nc" },
    { "a\n   {% if true %}\n  b\n   {% endif %}\nc", "a\n  b\nc" },
    { "a  {{- 'x' -}}  b", "axb" },
    { "a\n  {%- if true -%}\n  b\n{%- endif %}\nc", "abc" },
    { "  {%+ if true %}x{% endif +%}\ny", "  x\ny" },
    { "a\n  {# note #}\nb", "a\nb" },
    { "x {# a -#}  y", "x y" },
    { "  {{ 1 }}\n  {{ 2 }}", "  1\n  2" },
    { "x{% if true %} {% endif %}y", "x y" },
    { "a\r\nb", "a\nb" },
    { "{{ '}}' }}{{ {'a': {'b': 1}}['a']['b'] }}{{ \"it's\" }}", "}}1it's" },
    { "{{ 'it' + \"s\" }}{{ 1 + 2 * 3 }}{{ 1 / 2 }}", "its70.5" },
    { "{% for m in messages if m.role == 'user' %}{{ m.role }}{% else %}none{% endfor %}", "user" },
    { "{% set t %}in{{ 1 }}{% endset %}{{ t|upper }}", "IN1" },
    { "{{ 'abc'[::1] }}{{ [1,2,3][::-1]|tojson }}{{ 'x' if false }}", "abc[3, 2, 1]" },
    { "{{ '\xE4\xB8\xAD\xE6\x96\x87'[1] }}{{ '\xE4\xB8\xAD\xE6\x96\x87'|length }}",
      "\xE6\x96\x87" "2" },
    { "{{ ''.__class__.__mro__ }}", NULL },
    { "{{ 'a' + 1 }}", NULL },
    { "{{ 1 // 0 }}", NULL },
    /* refused by name, when compiled */
    { "{{ open('/etc/passwd') }}", "!open" },
    { "{{ 'a'.format(1) }}", "!format" },
    { "a\nb\n{% if true %}", "!line 3" },
    { "{% endif %}", "!endif" },
    { "{{ 1 + }}", "!missing" },
    { "{% include 'x' %}", "!include" },
    { "{{ x | frobnicate }}", "!frobnicate" },
    { "{{ x.frobnicate() }}", "!frobnicate" },
    { "{{ 'a' 'b' }}", "!two strings" },
    { "{{ frobnicate() }}", "!frobnicate" },
    { "{{ x is frobnicated }}", "!frobnicated" },
    { "{% for x in y recursive %}{% endfor %}", "!recursive" },
    { "{{ 2 ** 3 }}", "!**" },
    { "{% if x %}", "!endif" },
    { "{{ 'x", "!not closed" },
    { "{{ ( }}", "!" },
    { "{# never", "!not closed" },
    { "{{ }}", "!missing" },
};

static void speaks_the_language(void **state)
{
    (void)state;
    json_t *messages = json_loads("[{\"role\":\"user\",\"content\":\"Hi\"},"
                                  "{\"role\":\"assistant\",\"content\":\"Bye\"}]", 0, NULL);
    size_t bad = 0;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *want = cases[i].want;
        cairn_error err = { 0 };
        bytes out;
        bytes_init(&out, 1 << 20);
        cairn_status st =
            render(cases[i].jinja, strlen(cases[i].jinja), messages, NULL, true, &out, &err);
        bool good = !want            ? st == CAIRN_EINPUT
                    : want[0] == '!' ? st == CAIRN_EMODEL && strstr(err.text, want + 1)
                                     : !st && !strcmp(out.data ? out.data : "", want);
        if (!good && ++bad)
            fprintf(stderr, "%s\n  want %s\n  got  %s (%s)\n", cases[i].jinja, want ? want : "error",
                    out.data ? out.data : "", err.text);
        if (st)
            assert_int_equal(out.len, 0);
        bytes_clear(&out);
    }
    json_decref(messages);
    assert_int_equal(bad, 0);
}

/* A template is foreign: it must end, within bounds. */
static void hostile_templates_end(void **state)
{
    (void)state;
    static const char *const loops[] = {
        "{% for a in range(99999) %}{% for b in range(99999) %}{{ a }}{% endfor %}{% endfor %}",
        "{% set ns = namespace(s='xxxxxxxx') %}{% for i in range(60) %}{% set ns.s = ns.s + ns.s %}"
        "{% endfor %}",
        "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}",
        "{% set ns = namespace(l=[1]) %}{% for i in range(60) %}{% set ns.l = ns.l + ns.l %}"
        "{% endfor %}",
        "{{ range(10000000) }}",
    };
    json_t *messages = json_array();
    cairn_error err;
    bytes out;

    bytes_init(&out, 1 << 20);
    for (size_t i = 0; i < sizeof loops / sizeof *loops; i++)
        assert_int_equal(render(loops[i], strlen(loops[i]), messages, NULL, false, &out, &err),
                         CAIRN_ELIMIT);
    static const char *const nested[] = { "(", "[", "-", "not ", "1+", "x.y." };
    for (size_t i = 0; i < sizeof nested / sizeof *nested; i++) {
        bytes t;
        bytes_init(&t, 1 << 20);
        bytes_append_str(&t, "{{ ");
        while (t.len < 600000)
            bytes_append_str(&t, nested[i]);
        bytes_append_str(&t, "1 }}");
        assert_int_equal(render(t.data, t.len, messages, NULL, false, &out, &err), CAIRN_EMODEL);
        bytes_clear(&t);
    }
    bytes_clear(&out);
    json_decref(messages);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(matches_the_reference),
        cmocka_unit_test(speaks_the_language),
        cmocka_unit_test(hostile_templates_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
