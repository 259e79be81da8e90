/* test_rules - what ignore files and globs leave out: the matcher against a slow twin, the language
 * of gitignore(5) by example, and hostile patterns. */
#include "tests/ingest/probe.h"


#include "base/clock.h"
#include "ingest/rules.h"

static const struct {
    const char *pattern, *path;
    bool match;
} pairs[] = {
    {"*.o", "x.o", true},
    {"*.o", "x.oo", false},
    {"*.o", "a/x.o", false},
    {"a?c", "abc", true},
    {"a?c", "a/c", false},
    {"gr?n", "gr\xC3\xBCn", true},
    {"[a-c]x", "bx", true},
    {"[!a-c]x", "bx", false},
    {"[^a-c]x", "dx", true},
    {"[]]x", "]x", true},
    {"[x", "[x", true},
    {"\\*", "*", true},
    {"\\*", "a", false},
    {"\\?", "a", false},
    {"**/foo", "foo", true},
    {"**/foo", "a/b/foo", true},
    {"a/**", "a/b/c", true},
    {"a/**", "a", false},
    {"a/**/b", "a/b", true},
    {"a/**/b", "a/x/y/b", true},
    {"a/**/b/**/c", "a/b/x/b/c", true},
    {"a/**/b", "a/x/bb", false},
    {"a/*/c", "a/b/c", true},
    {"a/*/c", "a/b/b/c", false},
    {"*a*b*c*", "xxaxxbxxc", true},
    {"*a*b*c*", "xxaxxcxxb", false},
    {"", "", true},
};

static void known_pairs(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++)
        if (rules_match(pairs[i].pattern, strlen(pairs[i].pattern), pairs[i].path,
                        strlen(pairs[i].path)) != pairs[i].match)
            fail_msg("%s on %s", pairs[i].pattern, pairs[i].path);
}

/* The definition, without a thought for time. Letters, '*', '?' and double stars only. */
static bool slow(const char *p, const char *s)
{
    if (p[0] == '*' && p[1] == '*' && (p[2] == '/' || !p[2])) {
        if (!p[2])
            return *s != 0;
        if (slow(p + 3, s))
            return true;
        for (; *s; s++)
            if (*s == '/' && slow(p + 3, s + 1))
                return true;
        return false;
    }
    if (*p == '*') {
        if (slow(p + 1, s))
            return true;
        return *s && *s != '/' && slow(p, s + 1);
    }
    if (!*p || !*s)
        return *p == *s;
    if (*p == '?' ? *s == '/' : *p != *s)
        return false;
    return slow(p + 1, s + 1);
}

static void random_pairs_against_the_twin(void **state)
{
    const char *given = getenv("CAIRN_SEED");
    unsigned long seed = given ? strtoul(given, NULL, 10) : (unsigned long)clock_wall_ns() % 1000000;
    unsigned short at[3] = {(unsigned short)seed, (unsigned short)(seed >> 16), 7};
    size_t hits = 0;
    (void)state;

    print_message("CAIRN_SEED=%lu\n", seed);
    for (int round = 0; round < 60000; round++) {
        char pattern[64], path[64];
        size_t n = 0, m = 0;
        for (int parts = 1 + (int)(nrand48(at) % 4); parts--;) {
            static const char *const some[] = {"a", "b", "*", "**", "a*", "*b", "?", "a?b", "*a*"};
            n += (size_t)snprintf(pattern + n, sizeof pattern - n, "%s%s", some[nrand48(at) % 9],
                                  parts ? "/" : "");
        }
        for (int parts = 1 + (int)(nrand48(at) % 5); parts--;) {
            static const char *const some[] = {"a", "b", "ab", "aab", "ba"};
            m += (size_t)snprintf(path + m, sizeof path - m, "%s%s", some[nrand48(at) % 5],
                                  parts ? "/" : "");
        }
        bool want = slow(pattern, path);
        hits += want;
        if (rules_match(pattern, n, path, m) != want)
            fail_msg("%s on %s should be %d", pattern, path, want);
    }
    assert_true(hits > 1000);
}

static void hostile_pattern_ends(void **state)
{
    char pattern[1025], path[4097];
    (void)state;

    for (size_t i = 0; i < 1024; i++)
        pattern[i] = i % 2 ? 'a' : '*';
    pattern[1023] = 'b';
    memset(path, 'a', 4096);
    assert_false(rules_match(pattern, 1024, path, 255));
    for (size_t i = 0; i < 1024; i += 4)
        memcpy(pattern + i, "**/a", 4), pattern[i + 3] = i + 4 < 1024 ? '/' : 'b';
    for (size_t i = 0; i < 4096; i++)
        path[i] = i % 2 ? '/' : 'a';
    assert_false(rules_match(pattern, 1024, path, 4095));
}

static rules_verdict ask(const char *lines, const char *path, bool folder)
{
    rules r;
    rules_verdict v;

    rules_init(&r);
    assert_int_equal(rules_push(&r, "test", 5, lines, strlen(lines), NULL), CAIRN_OK);
    v = rules_check(&r, path, folder, NULL);
    rules_clear(&r);
    return v;
}

static void lines_of_a_file(void **state)
{
    rules r;
    rules_reason why;
    (void)state;

    assert_int_equal(ask("*.o\n", "/base/a/b.o", false), RULES_IGNORE);
    assert_int_equal(ask("*.o\n!b.o\n", "/base/a/b.o", false), RULES_TAKE);
    assert_int_equal(ask("!b.o\n*.o\n", "/base/a/b.o", false), RULES_IGNORE);
    assert_int_equal(ask("/b.o\n", "/base/a/b.o", false), RULES_SILENT);
    assert_int_equal(ask("/b.o\n", "/base/b.o", false), RULES_IGNORE);
    assert_int_equal(ask("a/b.o\n", "/base/a/b.o", false), RULES_IGNORE);
    assert_int_equal(ask("build/\n", "/base/x/build", true), RULES_IGNORE);
    assert_int_equal(ask("build/\n", "/base/x/build", false), RULES_SILENT);
    assert_int_equal(ask("# x\n\n   \n", "/base/# x", false), RULES_SILENT);
    assert_int_equal(ask("\\#x\r\n", "/base/#x", false), RULES_IGNORE);
    assert_int_equal(ask("x  \n", "/base/x", false), RULES_IGNORE);
    assert_int_equal(ask("x\\ \n", "/base/x ", false), RULES_IGNORE);
    assert_int_equal(ask("*", "/base", true), RULES_SILENT); /* never the folder itself */

    rules_init(&r);
    assert_int_equal(rules_push(&r, "one", 5, "a\n*.txt\n", 8, NULL), CAIRN_OK);
    assert_int_equal(rules_push(&r, "two", 7, "!keep.txt\n", 10, NULL), CAIRN_OK);
    assert_int_equal(rules_check(&r, "/base/x/keep.txt", false, &why), RULES_TAKE);
    assert_string_equal(why.source, "two");
    rules_pop(&r, 1);
    assert_int_equal(rules_check(&r, "/base/x/keep.txt", false, &why), RULES_IGNORE);
    assert_int_equal(why.line, 2);
    assert_string_equal(why.pattern, "*.txt");
    rules_clear(&r);
}

static void too_many_lines_are_refused(void **state)
{
    size_t len = 2 * (RULES_FILE_LINES + 1);
    char *text = malloc(len);
    cairn_error err = {0};
    rules r;
    (void)state;

    for (size_t i = 0; i < len; i += 2)
        memcpy(text + i, "a\n", 2);
    rules_init(&r);
    assert_int_equal(rules_push(&r, "many", 0, text, len, &err), CAIRN_ELIMIT);
    assert_non_null(strstr(err.text, "many"));
    assert_int_equal(r.n, 0);
    rules_clear(&r);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_pairs),
        cmocka_unit_test(random_pairs_against_the_twin),
        cmocka_unit_test(hostile_pattern_ends),
        cmocka_unit_test(lines_of_a_file),
        cmocka_unit_test(too_many_lines_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
