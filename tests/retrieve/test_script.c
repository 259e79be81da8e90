/* test_script.c - which languages are written alike, and texts in a script that none of some languages uses. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "retrieve/script.h"

static const char *foreign(const char *text, const char *a, const char *b)
{
    const char *codes[] = {a, b};

    return script_foreign_to(text, strlen(text), codes, 2);
}

static void texts_in_another_script(void **state)
{
    (void)state;
    assert_string_equal(foreign("Налоговый консультант фирмы Kestrel Grinders", "en", "de"), "ru");
    assert_null(foreign("Налоговый консультант фирмы Kestrel Grinders", "en", "ru"));
    assert_null(foreign("Налоговый консультант фирмы", "uk", "en")); /* written alike */
    assert_string_equal(foreign("超级碗50在哪里举行?", "en", "en"), "zh");
    assert_null(foreign("超级碗50在哪里举行?", "ja", "en"));
    assert_string_equal(foreign("أين أقيمت المباراة؟", "en", "zh"), "ar");
    /* Half of the letters decide: a foreign name makes no foreign text. */
    assert_null(foreign("Who is the tax adviser called Иван in the letters?", "en", "en"));
    assert_null(foreign("Wer ist der Steuerberater?", "en", "en"));
    assert_null(foreign("42", "en", "en"));
    assert_null(foreign("", "en", "en"));
    assert_null(script_foreign_to("\xff\xd0", 2, NULL, 0));
}

static bool shared(const char *code, const char *a, const char *b)
{
    const char *codes[] = {a, b};

    return script_is_shared(code, codes, 2);
}

static void languages_written_alike(void **state)
{
    (void)state;
    assert_true(shared("de", "en", "en"));
    assert_true(shared("vi", "en", "en"));
    assert_true(shared("en-GB", "en", "en"));
    assert_true(shared("", "en", "en"));
    assert_false(shared("ru", "en", "de"));
    assert_true(shared("ru", "en", "uk"));
    assert_false(shared("zh", "en", "en"));
    assert_false(shared("zh-TW", "en", "en"));
    assert_true(shared("zh", "en", "ja"));
    assert_false(shared("ja", "en", "en"));
    assert_false(shared("en", "ru", "ar"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_in_another_script),
        cmocka_unit_test(languages_written_alike),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
