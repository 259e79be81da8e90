/* test_template.c - chat templates against the reference renderings
 * (../shared/reference/templates.jsonl.gz), rules of white space, refusals, bounds. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "generate/template/chat_template.h"

#define REFERENCE CAIRN_SHARED_DIR "/reference/templates.jsonl.gz"

static cairn_status render(const char *text, const char *messages, bytes *out, cairn_error *err)
{
    chat_template *t;
    json_t *m = json_loads(messages, 0, NULL);
    cairn_status st = chat_template_compile(&t, text, strlen(text), err);

    assert_non_null(m);
    bytes_reset(out);
    if (!st) {
        st = chat_template_render(t, m, NULL, true, "<s>", "</s>", out, err);
        chat_template_destroy(t);
    }
    json_decref(m);
    return st;
}

static void renderings_equal_the_reference(void **state)
{
    json_t *head = NULL;
    char *line = NULL;
    size_t cap = 0, rows = 0;
    bytes out;
    FILE *f;

    if (access(REFERENCE, R_OK)) {
        print_message("skipped: no reference outputs at %s\n", REFERENCE);
        skip();
    }
    bytes_init(&out, SIZE_MAX);
    f = popen("gzip -dc " REFERENCE, "r");
    assert_non_null(f);
    while (getline(&line, &cap, f) > 0) {
        json_t *j = json_loads(line, 0, NULL);
        const char *name = json_string_value(json_object_get(j, "template"));
        const json_t *tools = json_object_get(j, "tools");
        const char *expected = json_string_value(json_object_get(j, "expected"));
        const char *text;
        chat_template *t;
        cairn_error err = {0};
        cairn_status st;
        assert_non_null(j);
        if (!head) {
            head = j;
            continue;
        }
        text = json_string_value(json_object_get(json_object_get(head, "templates"), name));
        assert_int_equal(chat_template_compile(&t, text, strlen(text), &err), CAIRN_OK);
        bytes_reset(&out);
        st = chat_template_render(t, json_object_get(j, "messages"),
                                  json_is_null(tools) ? NULL : tools,
                                  json_is_true(json_object_get(j, "add_generation_prompt")), "", "",
                                  &out, &err);
        if (!expected)
            assert_int_equal(st, CAIRN_EINPUT);
        else if (st || strcmp(out.data ? out.data : "", expected))
            fail_msg("%s, %s: %s\n--- got\n%s\n--- expected\n%s", name,
                     json_string_value(json_object_get(j, "case")), err.text, out.data, expected);
        chat_template_destroy(t);
        json_decref(j);
        rows++;
    }
    assert_int_equal(pclose(f), 0);
    assert_true(rows >= 90);
    json_decref(head);
    free(line);
    bytes_clear(&out);
}

#define MESSAGES "[{\"role\":\"user\",\"content\":\" Hi \"},{\"role\":\"assistant\",\"content\":\"yo\",\"n\":2.5}]"

static const struct {
    const char *template, *want;
} rendered[] = {
    {"a\n{% if true %}\nb\n{% endif %}\nc", "a\nb\nc"},
    {"a\n  {%- if true -%}\n  b\n  {%- endif %}\nc", "abc"},
    {"  {% if true %}x{% endif %}", "x"},
    {"y {% if true %}x{% endif %}", "y x"},
    {"a{# note #}b {#- note -#} c", "abc"},
    {"{{ 'it' + \"s\" }}{{ 1 + 2 * 3 }}{{ 7 // 2 }}{{ -7 % 3 }}{{ 1 / 2 }}{{ 'a' ~ 1 }}", "its7320.5a1"},
    {"{{ messages[0].content | trim }}{{ messages[-1]['role'] }}{{ messages|length }}", "Hiassistant2"},
    {"{% for m in messages %}{{ loop.index }}{{ m.role[0] }}{% if not loop.last %},{% endif %}{% endfor %}", "1u,2a"},
    {"{% for m in messages if m.role == 'user' %}{{ m.role }}{% else %}none{% endfor %}", "user"},
    {"{% for x in [] %}{% else %}none{% endfor %}", "none"},
    {"{% set ns = namespace(n=0) %}{% for m in messages %}{% set ns.n = ns.n + 1 %}{% endfor %}{{ ns.n }}", "2"},
    {"{% set x = 1 %}{% for m in messages %}{% set x = 2 %}{% endfor %}{{ x }}", "1"},
    {"{% macro f(a, b='q') %}<{{ a }}{{ b }}>{% endmacro %}{{ f('x') }}{{ f(1, b=2) }}", "<xq><12>"},
    {"{% set t %}in{{ 1 }}{% endset %}{{ t|upper }}", "IN1"},
    {"{{ messages[1] | tojson }}", "{\"role\": \"assistant\", \"content\": \"yo\", \"n\": 2.5}"},
    {"{{ [1, 'a', true, none] }}{{ [1,2,3][1:] | tojson }}{{ 'abc'[::1] }}{{ [1,2,3][::-1]|tojson }}",
     "[1, 'a', True, None][2, 3]abc[3, 2, 1]"},
    {"{{ 'x' if false }}{{ 'y' if true else 'z' }}{{ nothing }}{{ nothing is defined }}", "yFalse"},
    {"{{ 'a,b'.split(',') | join('-') }}{{ 'abc'.startswith('ab') }}{{ 'b' in 'abc' }}{{ 'x' not in ['x'] }}",
     "a-bTrueTrueFalse"},
    {"{% for k, v in {'a': 1, 'b': 2}.items() %}{{ k }}{{ v }}{% endfor %}", "a1b2"},
    {"{{ messages | selectattr('role', 'equalto', 'user') | map(attribute='content') | list | first }}", " Hi "},
    {"{% for i in range(3) %}{% if i == 1 %}{% continue %}{% endif %}{{ i }}{% endfor %}", "02"},
    {"{{ bos_token }}{{ eos_token }}{{ 1 < 2 < 3 }}{{ not true }}{{ none is none }}", "<s></s>TrueFalseTrue"},
    {"{{ '\xE4\xB8\xAD\xE6\x96\x87'[1] }}{{ '\xE4\xB8\xAD\xE6\x96\x87'|length }}", "\xE6\x96\x87" "2"},
};

static void language(void **state)
{
    bytes out;

    bytes_init(&out, SIZE_MAX);
    for (size_t i = 0; i < sizeof rendered / sizeof *rendered; i++) {
        cairn_error err = {0};
        if (render(rendered[i].template, MESSAGES, &out, &err) ||
            strcmp(out.data ? out.data : "", rendered[i].want))
            fail_msg("%s\n got  %s (%s)\n want %s", rendered[i].template, out.data, err.text,
                     rendered[i].want);
    }
    bytes_clear(&out);
}

static const struct {
    const char *template;
    cairn_status status;
    const char *word;
} refused[] = {
    {"{{ x | frobnicate }}", CAIRN_EMODEL, "frobnicate"},
    {"{{ x is wonderful }}", CAIRN_EMODEL, "wonderful"},
    {"{% include 'x' %}", CAIRN_EMODEL, "include"},
    {"{{ open('/etc/passwd') }}", CAIRN_EMODEL, "open"},
    {"{{ 'a'.format(1) }}", CAIRN_EMODEL, "format"},
    {"{{ 'a'.__class__ }}{{ ''.__class__.__mro__ }}", CAIRN_EINPUT, "__mro__"},
    {"a\nb\n{% if true %}", CAIRN_EMODEL, "line 3"},
    {"{% endif %}", CAIRN_EMODEL, "endif"},
    {"{{ 'a", CAIRN_EMODEL, "not closed"},
    {"{{ ", CAIRN_EMODEL, "not closed"},
    {"{# ", CAIRN_EMODEL, "not closed"},
    {"{{ 1 + }}", CAIRN_EMODEL, "missing"},
    {"{{ raise_exception('no tools here') }}", CAIRN_EINPUT, "no tools here"},
    {"{{ nothing.x }}", CAIRN_EINPUT, "undefined"},
    {"{{ 'a' + 1 }}", CAIRN_EINPUT, "str and int"},
    {"{{ 1 // 0 }}", CAIRN_EINPUT, "zero"},
    {"{% for i in range(99999) %}{% for j in range(99999) %}{{ i }}{% endfor %}{% endfor %}", CAIRN_ELIMIT, "long"},
    {"{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}", CAIRN_ELIMIT, "deeply"},
    {"{% set x = 'aaaaaaaaaaaaaaaa' %}{% set ns = namespace(s=x) %}{% for i in range(60) %}"
     "{% set ns.s = ns.s ~ ns.s %}{% endfor %}", CAIRN_ELIMIT, "long"},
};

static void refusals_name_what_and_where(void **state)
{
    bytes out;

    bytes_init(&out, SIZE_MAX);
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        cairn_error err = {0};
        cairn_status st = render(refused[i].template, MESSAGES, &out, &err);
        if (st != refused[i].status || !strstr(err.text, refused[i].word))
            fail_msg("%s: %s (%s)", refused[i].template, cairn_status_name(st), err.text);
    }
    bytes_clear(&out);
}

static void deep_nesting_is_bounded(void **state)
{
    static const char *const opens[] = {"{% if true %}", "{{ (", "{{ [", "{{ not ", "{{ -", "{{ {'a':"};
    bytes out;

    bytes_init(&out, SIZE_MAX);
    for (size_t i = 0; i < sizeof opens / sizeof *opens; i++) {
        size_t n = strlen(opens[i]), times = 20000;
        char *text = malloc(n * times + 1);
        cairn_error err;
        assert_non_null(text);
        for (size_t k = 0; k < times; k++)
            memcpy(text + k * n, k && opens[i][1] == '{' ? opens[i] + 3 : opens[i],
                   k && opens[i][1] == '{' ? n - 3 : n);
        /* The shorter pieces behind the first leave a gap: lay them side by side. */
        if (opens[i][1] == '{') {
            size_t at = n;
            for (size_t k = 1; k < times; k++, at += n - 3)
                memcpy(text + at, opens[i] + 3, n - 3);
            text[at] = '\0';
        } else {
            text[n * times] = '\0';
        }
        assert_int_equal(render(text, "[]", &out, &err), CAIRN_EMODEL);
        free(text);
    }
    bytes_clear(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(renderings_equal_the_reference),
        cmocka_unit_test(language),
        cmocka_unit_test(refusals_name_what_and_where),
        cmocka_unit_test(deep_nesting_is_bounded),
    };
    return cmocka_run_group_tests_name("chat template", tests, NULL, NULL);
}
