/* test_prompts.c - prompts by name and family, from a folder and compiled in; every one has its sections. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "engine/prompts.h"

static void write_file(const char *dir, const char *name, const char *text)
{
    char path[200];
    FILE *f;

    snprintf(path, sizeof path, "%s/%s", dir, name);
    f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static void is(const char *name, const char *family, const char *dir, const char *begins)
{
    cairn_error err = {0};
    char *text;

    if (prompt_load_for(name, family, dir, &text, &err))
        fail_msg("%s", err.text);
    assert_int_equal(strncmp(text, begins, strlen(begins)), 0);
    free(text);
}

static void a_family_has_its_own_prompt_or_the_common_one(void **state)
{
    char dir[] = "/tmp/cairn-prompts-XXXXXX", command[100];
    cairn_error err = {0};
    char *text;

    (void)state;
    assert_non_null(mkdtemp(dir));
    write_file(dir, "mine.v1.txt", "common");
    write_file(dir, "mine.v1.llama.txt", "for llama");
    is("mine.v1", NULL, dir, "common");
    is("mine.v1", "", dir, "common");
    is("mine.v1", "qwen2", dir, "common");
    is("mine.v1", "llama", dir, "for llama");
    is("answer.v2", "qwen2", dir, "=== system"); /* compiled in */
    write_file(dir, "answer.v2.txt", "another");
    is("answer.v2", NULL, dir, "another");
    write_file(dir, "answer.v2.gemma3.txt", "for gemma");
    is("answer.v2", "gemma3", dir, "for gemma");
    assert_int_equal(prompt_load_for("none.v1", "llama", dir, &text, &err), CAIRN_ENOTFOUND);
    assert_non_null(strstr(err.text, "none.v1"));
    snprintf(command, sizeof command, "rm -rf '%s'", dir);
    assert_int_equal(system(command), 0);
}

static bool begins(const char *s, const char *with)
{
    return !strncmp(s, with, strlen(with));
}

/* A prompt that is compiled in is complete, and a variant of one that exists, for a family that exists. */
static void compiled_prompts_are_whole(void **state)
{
    static const char *const answer[] = {"system", "passage-open", "passage-close", "user", "refusal", "refusal-marker"};
    static const char *const plan[] = {"system", "question", "refusal"};
    size_t seen = 0;
    arena memory;

    (void)state;
    arena_init(&memory, 1 << 22);
    for (const prompt_file *p = prompt_files; p->name; p++) {
        const char *version = strchr(p->name, '.'), *family = version ? strchr(version + 1, '.') : NULL;
        bool known = !family;
        assert_non_null(version);
        assert_true(version[1] == 'v');
        for (size_t i = 0; family && prompt_families[i]; i++)
            known |= !strcmp(prompt_families[i], family + 1);
        assert_true(known);
        for (size_t i = 0; begins(p->name, "answer.") && i < sizeof answer / sizeof *answer; i++)
            assert_non_null(prompt_section(p->text, answer[i], &memory));
        for (size_t i = 0; begins(p->name, "plan.") && i < sizeof plan / sizeof *plan; i++)
            assert_non_null(prompt_section(p->text, plan[i], &memory));
        if (begins(p->name, "answer."))
            assert_non_null(strstr(prompt_section(p->text, "user", &memory), "{question}"));
        if (begins(p->name, "plan."))
            assert_non_null(strstr(prompt_section(p->text, "system", &memory), "{tools}"));
        seen++;
    }
    assert_true(seen >= 4);
    arena_clear(&memory);
}

static void sections_end_where_the_next_begins(void **state)
{
    static const char file[] = "=== one\nfirst\nline\n=== two\n\n=== three\n=== four\nlast\n";
    arena memory;

    (void)state;
    arena_init(&memory, 1 << 20);
    assert_string_equal(prompt_section(file, "one", &memory), "first\nline");
    assert_string_equal(prompt_section(file, "two", &memory), "");
    assert_string_equal(prompt_section(file, "three", &memory), "");
    assert_string_equal(prompt_section(file, "four", &memory), "last");
    assert_null(prompt_section(file, "five", &memory));
    assert_null(prompt_section(file, "tw", &memory));
    arena_clear(&memory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_family_has_its_own_prompt_or_the_common_one),
        cmocka_unit_test(compiled_prompts_are_whole),
        cmocka_unit_test(sections_end_where_the_next_begins),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
