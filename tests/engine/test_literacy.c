/* test_literacy.c - short questions without function words, told to be in another language or left alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "engine/literacy.h"

static const char *told(const char *question, const char *one, const char *other)
{
    const char *const codes[] = {one, other};

    return literacy_detect(question, strlen(question), codes, other ? 2 : 1);
}

static void a_question_without_function_words_is_told(void **state)
{
    static const struct {
        const char *question, *lang; /* over English passages; NULL: left alone */
    } cases[] = {
        {"¿Qué tradujo Marlee Matlin?", "es"},
        {"¿Qué motivó a Lutero a escribir himnos?", "es"},
        {"¿Cuándo llegó Y. pestis a Inglaterra?", "es"},
        {"Verliert Karthago?", NULL}, /* two words may be anything */
        {"Qué tradujo Marlee Matlin", NULL}, /* nor need it be a question */
        {"dangerous Tollmien Schlichting", NULL}, /* "German" */
        {"What did Marlee Matlin translate?", NULL},
        {"Leyenda de Azul", NULL},
        {"shock wave boundary layer interaction", NULL},
        {"Lady Gaga Super Bowl", NULL},
        {"kestrel grinder K2 oil change", NULL},
        {"Qué is the English for Schadenfreude?", NULL}, /* function words of the passages' language */
        {"", NULL},
        {"\xff\xfe\xff\xfe\xff\xfe", NULL},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *got = told(cases[i].question, "en", NULL);
        if ((got != NULL) != (cases[i].lang != NULL) || (got && strcmp(got, cases[i].lang) != 0))
            fail_msg("%s: %s", cases[i].question, got ? got : "left alone");
    }
    assert_null(told(cases[0].question, "en", "es"));
    assert_null(told(cases[0].question, "es-MX", "en"));
    assert_null(told(cases[0].question, "", NULL)); /* nobody knows what the passages are in */
    assert_string_equal(told(cases[0].question, "de", "en"), "es");
    assert_null(literacy_detect(cases[0].question, strlen(cases[0].question), NULL, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_question_without_function_words_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
