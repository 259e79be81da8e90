/* test_word_filter.c - words that are masked, as they are written and not as parts of others. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "engine/word_filter.h"

static analyzer *an;

static cairn_status load(const char *text, size_t len, word_filter **out, cairn_error *err)
{
    char path[] = "/tmp/cairn-words-XXXXXX";
    int fd = mkstemp(path);
    cairn_status st;

    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, len), len);
    close(fd);
    st = word_filter_load(out, path, an, err);
    unlink(path);
    return st;
}

static void masked_is(const word_filter *f, const char *text, const char *masked, size_t n)
{
    cairn_error err = {0};
    size_t found;
    bytes out;

    bytes_init(&out, 1 << 20);
    if (word_filter_mask(f, an, text, strlen(text), &out, &found, &err))
        fail_msg("%s", err.text);
    assert_int_equal(found, n);
    assert_int_equal(out.len, strlen(masked));
    assert_memory_equal(out.data ? out.data : "", masked, out.len);
    bytes_clear(&out);
}

static void words_and_runs_of_words_are_masked(void **state)
{
    static const char list[] = "# what must not be said\nfalcon\n\nproject Blue Heron  # both words\nproject\n\xE9\x87\x91\xE5\xBA\x93\nStra\xC3\x9F" "e\r\n";
    word_filter *f, *same, *other;
    cairn_error err = {0};

    (void)state;
    assert_int_equal(load(list, sizeof list - 1, &f, &err), CAIRN_OK);
    masked_is(f, "The FALCON flies.", "The [filtered] flies.", 1);
    masked_is(f, "Falcons and falconry stay.", "Falcons and falconry stay.", 0);
    masked_is(f, "Project  blue-heron, and a project.", "[filtered], and a [filtered].", 2);
    masked_is(f, "A blue heron stood there.", "A blue heron stood there.", 0);
    masked_is(f, "STRASSE", "[filtered]", 1);
    masked_is(f, "", "", 0);
    masked_is(f, "\xE9\x87\x91\xE5\xBA\x93\xE5\x9C\xA8\xE8\xBF\x99\xE9\x87\x8C", "[filtered]\xE5\x9C\xA8\xE8\xBF\x99\xE9\x87\x8C", 1);
    assert_int_equal(load("falcon", 6, &other, &err), CAIRN_OK);
    assert_int_equal(load(list, sizeof list - 1, &same, &err), CAIRN_OK);
    assert_true(word_filter_hash(f) == word_filter_hash(same) && word_filter_hash(f) != word_filter_hash(other));
    word_filter_free(f);
    word_filter_free(same);
    word_filter_free(other);
}

static void what_is_no_list_is_refused(void **state)
{
    static char big[WORD_FILTER_BYTES + 2];
    word_filter *f;
    cairn_error err = {0};

    (void)state;
    assert_int_equal(word_filter_load(&f, "/nonexistent/words", an, &err), CAIRN_EINPUT);
    assert_non_null(strstr(err.text, "/nonexistent/words"));
    assert_int_equal(load("a\xff" "b", 3, &f, &err), CAIRN_EINPUT);
    memset(big, 'a', sizeof big);
    assert_int_equal(load(big, sizeof big, &f, &err), CAIRN_EINPUT);
    assert_int_equal(load("a b c d e f g h i j k l m n o p q", 33, &f, &err), CAIRN_EINPUT);
    assert_non_null(strstr(err.text, "line 1"));
    assert_null(f);
}

static int open_analyzer(void **state)
{
    (void)state;
    return analyzer_create(&an, NULL);
}

static int close_analyzer(void **state)
{
    (void)state;
    analyzer_destroy(an);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_and_runs_of_words_are_masked),
        cmocka_unit_test(what_is_no_list_is_refused),
    };

    return cmocka_run_group_tests(tests, open_analyzer, close_analyzer);
}
