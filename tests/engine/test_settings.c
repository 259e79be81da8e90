/* test_settings.c - the configuration file, the embedded text of a chunk, prompts and catalogue. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/embed.h"
#include "engine/model.h"
#include "engine/prompts.h"
#include "engine/settings.h"

static const char *write_file(const char *text)
{
    static char path[] = "/tmp/cairn-settings-XXXXXX";
    int fd;

    strcpy(path, "/tmp/cairn-settings-XXXXXX");
    fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
    return path;
}

static void defaults_and_file(void **state)
{
    settings s;
    const char *path = write_file("# mine\n[index]\nchunk_tokens = 128\n[models]\nembedder = /a b/c\n");

    settings_init(&s);
    assert_true(s.chunk_tokens == 256);
    assert_string_equal(s.generator, "qwen2.5-coder-0.5b");
    assert_int_equal(settings_read(&s, path, 1, NULL), CAIRN_OK);
    assert_true(s.chunk_tokens == 128);
    assert_string_equal(s.embedder, "/a b/c");
    unlink(path);
    path = write_file("[index]\nocr = sometimes\n");
    assert_int_equal(settings_read(&s, path, 1, NULL), CAIRN_EUSAGE);
    unlink(path);
    assert_int_equal(settings_read(&s, "/no/such/file", 0, NULL), CAIRN_OK);
    assert_int_equal(settings_read(&s, "/no/such/file", 1, NULL), CAIRN_EIO);
}

static void words_become_vector_options(void **state)
{
    settings s;
    vector_options o;
    const char *path = write_file("[index]\nvector_index = scan\nvector_storage = bf16\n"
                                  "vector_codes = 1bit\nvector_dims = 256\n");

    settings_init(&s);
    assert_int_equal(settings_vector_options(&s, &o, NULL), CAIRN_OK);
    assert_true(o.index == VECTOR_AUTO && o.storage == VECTOR_F32 && o.codes == VECTOR_CODE_I8 &&
                o.short_codes && o.code_dim == 0);
    assert_int_equal(settings_read(&s, path, 1, NULL), CAIRN_OK);
    assert_int_equal(settings_vector_options(&s, &o, NULL), CAIRN_OK);
    assert_true(o.index == VECTOR_SCAN && o.storage == VECTOR_BF16 && o.codes == VECTOR_CODE_B1 &&
                !o.short_codes && o.code_dim == 256);
    unlink(path);
}

static const struct {
    const char *text, *word; /* which must stand in the error */
} refused[] = {
    {"[index]\nchunk_tokenz = 1\n", "chunk_tokenz"},
    {"[index]\nchunk_tokens = 9999999\n", "8192"},
    {"[index]\nchunk_tokens = many\n", "many"},
    {"[index]\nchunk_tokens = nan\n", "nan"},
    {"[nowhere]\nx = 1\n", "nowhere"},
    {"[index]\nno equals sign\n", "line 2"},
    {"[search]\nfusion = magic\n", "magic"},
    {"[index]\nvector_index = tree\n", "tree"},
    {"[index]\nvector_storage = f8\n", "f8"},
    {"[index]\nvector_codes = 2bit\n", "2bit"},
    {"[index]\nvector_dims = -1\n", "16384"},
};

static void bad_lines_are_named(void **state)
{
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        settings s;
        cairn_error err = {0};
        const char *path = write_file(refused[i].text);
        settings_init(&s);
        if (settings_read(&s, path, 1, &err) != CAIRN_EUSAGE || !strstr(err.text, refused[i].word))
            fail_msg("accepted or misnamed: %s (%s)", refused[i].text, err.text);
        unlink(path);
    }
}

static void embedded_text(void **state)
{
    static const struct {
        const char *title, *heading, *text, *want;
    } rows[] = {
        {"", "", "body", "body"},
        {"Lease", "", "body", "Lease\nbody"},
        {"Lease", "Lease > Rent", "body", "Lease. Rent\nbody"},
        {"Lease", "Rent > When", "body", "Lease. Rent > When\nbody"},
        {"Lease", "Lease", "body", "Lease\nbody"},
        {"", "Rent", "body", "Rent\nbody"},
    };
    bytes out;

    bytes_init(&out, 1000);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_int_equal(embed_text(&out, rows[i].title, rows[i].heading, rows[i].text, 4), 0);
        assert_string_equal(out.data, rows[i].want);
    }
    bytes_clear(&out);
}

static void prompts_load_and_are_replaceable(void **state)
{
    char *text;
    char dir[] = "/tmp/cairn-prompts-XXXXXX", path[128];
    FILE *f;

    assert_int_equal(prompt_load("answer.v1", "", &text, NULL), CAIRN_OK);
    assert_non_null(strstr(text, "=== system\n"));
    free(text);
    assert_int_equal(prompt_load("no-such", NULL, &text, NULL), CAIRN_ENOTFOUND);
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/answer.v1.txt", dir);
    f = fopen(path, "w");
    fputs("mine", f);
    fclose(f);
    assert_int_equal(prompt_load("answer.v1", dir, &text, NULL), CAIRN_OK);
    assert_string_equal(text, "mine");
    free(text);
    unlink(path);
    rmdir(dir);
}

static void unknown_models_say_the_cure(void **state)
{
    char path[4096];
    cairn_error err;

    assert_int_equal(cairn_model_path("/no/such/model", path, sizeof path, &err), CAIRN_EMODEL);
    assert_non_null(strstr(err.text, "cairn model list"));
    setenv("CAIRN_MODELS", "/nonexistent", 1);
    setenv("XDG_CACHE_HOME", "/nonexistent", 1);
    setenv("XDG_DATA_HOME", "/nonexistent", 1);
    assert_int_equal(cairn_model_path("smollm2-135m", path, sizeof path, &err), CAIRN_EMODEL);
    assert_non_null(strstr(err.text, "scripts/setup"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_and_file),
        cmocka_unit_test(bad_lines_are_named),
        cmocka_unit_test(words_become_vector_options),
        cmocka_unit_test(embedded_text),
        cmocka_unit_test(prompts_load_and_are_replaceable),
        cmocka_unit_test(unknown_models_say_the_cure),
    };
    return cmocka_run_group_tests_name("engine settings", tests, NULL, NULL);
}
