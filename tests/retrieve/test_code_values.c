/* test_code_values.c - values that parameters and constants of programs have. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "retrieve/code_values.h"

static const char python[] = "import time\n\nMAX_ATTEMPTS = 4\nTIMEOUT_S: float = 8.5  # seconds\n\n\ndef fetch(url, day, attempts=MAX_ATTEMPTS, *, fee: float = 15.0):\n    wait = 0.5\n    again = fetch_all(url)\n"
                             "    return again\n\n\ndef upload(path, server=\"data.example\", retries=6):\n    for n in range(retries):\n        put(path, n)\n";
static const char go[] = "const defaultPort = 8470\n\nconst grace = 15 * time.Second\n\nfunc (s *Server) Listen(addr string) error {\n\tbacklog := 32\n\treturn nil\n}\n\nfunc main() {\n\tport := flag.Int(\"port\", defaultPort, \"port\")\n}\n";
static const char c[] = "#define TIDE_MAX_STATIONS 256\n\nstatic int open_all(const char *path, int flags)\n{\n    int max_files = 12;\n    return read_all(path, max_files);\n}\n";

static void check(const char *text, text_span at, bool found, const char *want)
{
    if (!want ? found : !found || at.end - at.start != strlen(want) || memcmp(text + at.start, want, strlen(want)) != 0)
        fail_msg("%s: %.*s", want ? want : "nothing", found ? (int)(at.end - at.start) : 0, text + (found ? at.start : 0));
}

static void defaults_of_functions(void **state)
{
    static const struct {
        const char *text, *function, *words, *value;
    } cases[] = {
        {python, "fetch", "attempts", "MAX_ATTEMPTS"}, {python, "fetch", "attempt", "MAX_ATTEMPTS"}, {python, "fetch", "fees late", "15.0"},
        {python, "upload", "retries", "6"}, {python, "upload", "server", "\"data.example\""}, {python, "fetch", "retries", NULL},
        {python, "upload", "attempts", NULL}, {python, "fetch_all", "attempts", NULL}, {go, "Listen", "backlog", "32"}, {c, "open_all", "files", "12"},
        {c, "read_all", "files", NULL},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        text_span parameters, body, value = {0};
        size_t len = strlen(cases[i].text);
        bool found = code_function(cases[i].text, len, cases[i].function, strlen(cases[i].function), &parameters, &body);
        found = found && (code_named_value(cases[i].text, parameters, true, cases[i].words, &value) ||
                          code_named_value(cases[i].text, body, false, cases[i].words, &value));
        check(cases[i].text, value, found, cases[i].value);
    }
}

static void constants(void **state)
{
    static const struct {
        const char *text, *name, *value;
    } cases[] = {
        {python, "MAX_ATTEMPTS", "4"}, {python, "TIMEOUT_S", "8.5"}, {python, "attempts", NULL}, {go, "defaultPort", "8470"}, {go, "grace", "15 * time.Second"},
        {c, "TIDE_MAX_STATIONS", "256"}, {c, "MAX_STATIONS", NULL},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        text_span value = {0};
        bool found = code_constant(cases[i].text, strlen(cases[i].text), cases[i].name, strlen(cases[i].name), &value);
        check(cases[i].text, value, found, cases[i].value);
    }
    assert_true(code_is_source("/src/fetch.py"));
    assert_false(code_is_source("/docs/fetch.md"));
    assert_true(code_is_name("MAX_ATTEMPTS", 12));
    assert_true(code_is_name("defaultPort", 11));
    assert_false(code_is_name("Oslo", 4));
    assert_false(code_is_name("the port", 8));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(defaults_of_functions), cmocka_unit_test(constants)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
