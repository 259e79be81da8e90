/* test_access.c - rules about who may read what, by a table; files that change under a reader. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/access.h"

typedef struct place {
    char dir[64], path[96];
} place;

static int make_place(void **state)
{
    place *p = calloc(1, sizeof *p);

    *state = p;
    strcpy(p->dir, "/tmp/cairn-access-XXXXXX");
    if (!mkdtemp(p->dir))
        return -1;
    snprintf(p->path, sizeof p->path, "%s/access", p->dir);
    return 0;
}

static int remove_place(void **state)
{
    place *p = *state;

    unlink(p->path);
    rmdir(p->dir);
    free(p);
    return 0;
}

static void put(const place *p, const char *text)
{
    FILE *f = fopen(p->path, "we");

    assert_non_null(f);
    assert_int_equal(fwrite(text, 1, strlen(text), f), strlen(text));
    assert_int_equal(fclose(f), 0);
}

static void the_last_rule_that_fits_decides(void **state)
{
    static const char rules[] = "# comment\n"
                                "\n"
                                "-          /home/team\n"
                                "hr,ann     /home/team/hr/\r\n"
                                "  *        /home/team/hr/holiday plan.pdf  \n"
                                "-          *.DRAFT.*\n"
                                "bob        /box.zip\n"
                                "-          /box.zip!/secret\n";
    static const struct {
        const char *who, *uri;
        bool want;
    } rows[] = {
        {"bob", "/elsewhere/a.txt", true},
        {"bob", "/home/team/a.txt", false},
        {"bob", "/home/team", false},
        {"bob", "/home/teams/a.txt", true},
        {"bob", "/home/team/hr/pay.txt", false},
        {"bob", "/home/team/hr/holiday plan.pdf", true},
        {"bob", "/HOME/team/hr/pay.txt", true}, /* another folder */
        {"ann", "/home/team/hr/pay.txt", true},
        {"carl,hr", "/home/team/hr/pay.txt", true},
        {"carl,h", "/home/team/hr/pay.txt", false},
        {"carl,hr2", "/home/team/hr/pay.txt", false},
        {"ann", "/home/team/hr/pay.draft.txt", false},
        {"bob", "/x.draft.md", false},
        {"bob", "/box.zip", true},
        {"bob", "/box.zip!/in/a.txt", true},
        {"bob", "/box.zip!/secret/a.txt", false},
        {"ann", "/box.zip!/in/a.txt", false},
        {"ann", "/box.zipper", true},
    };
    const place *p = *state;

    put(p, rules);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        access_rules *a;
        assert_int_equal(access_create(&a, rows[i].who, p->path, NULL), CAIRN_OK);
        assert_int_equal(access_refresh(a, NULL), CAIRN_OK);
        if (access_allows(a, rows[i].uri) != rows[i].want)
            fail_msg("row %zu: %s, %s", i, rows[i].who, rows[i].uri);
        access_destroy(a);
    }
}

static void without_rules_everything_is_open(void **state)
{
    const place *p = *state;
    access_rules *a;

    assert_int_equal(access_create(&a, "bob", p->path, NULL), CAIRN_OK);
    assert_int_equal(access_refresh(a, NULL), CAIRN_OK);
    assert_true(access_allows(a, "/any"));
    access_destroy(a);
}

static void rules_count_from_when_they_are_written(void **state)
{
    const place *p = *state;
    access_rules *a;
    uint64_t version;

    put(p, "- /a\n");
    assert_int_equal(access_create(&a, "bob", p->path, NULL), CAIRN_OK);
    assert_int_equal(access_refresh(a, NULL), CAIRN_OK);
    version = access_version(a);
    assert_false(access_allows(a, "/a/b"));
    assert_int_equal(access_refresh(a, NULL), CAIRN_OK);
    assert_int_equal(access_version(a), version);
    put(p, "- /a\n* /a\n");
    assert_int_equal(access_refresh(a, NULL), CAIRN_OK);
    assert_true(access_version(a) > version);
    assert_true(access_allows(a, "/a/b"));
    unlink(p->path);
    assert_int_equal(access_refresh(a, NULL), CAIRN_OK);
    assert_true(access_allows(a, "/a/b"));
    access_destroy(a);
}

/* Rules of the same length, written in the tick of the file system's time in which the ones before were read. */
static void rules_written_at_once_count_too(void **state)
{
    const place *p = *state;
    access_rules *a;

    assert_int_equal(access_create(&a, "bob", p->path, NULL), CAIRN_OK);
    for (int i = 0; i < 300; i++) {
        put(p, i % 2 ? "- /a\n" : "- /b\n");
        assert_int_equal(access_refresh(a, NULL), CAIRN_OK);
        if (access_allows(a, "/a/x.txt") != (i % 2 == 0))
            fail_msg("round %d: the rules before it are in force", i);
    }
    access_destroy(a);
}

/* Until the file can be read again, every look at it fails: nobody reads by half a rule. */
static void broken_rules_open_nothing(void **state)
{
    static const char *const broken[] = {"* /a\nbob\n", "bob \xff\xfe\n", "bob   \n"};
    const place *p = *state;
    access_rules *a;

    assert_int_equal(access_create(&a, "bob", p->path, NULL), CAIRN_OK);
    for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
        cairn_error err = {0};
        put(p, broken[i]);
        assert_int_equal(access_refresh(a, &err), CAIRN_EINPUT);
        assert_non_null(strstr(err.text, i ? "line 1" : "line 2"));
        assert_int_equal(access_refresh(a, &err), CAIRN_EINPUT);
        assert_int_equal(access_check(broken[i], strlen(broken[i]), &err), CAIRN_EINPUT);
    }
    put(p, "- /a\n");
    assert_int_equal(access_refresh(a, NULL), CAIRN_OK);
    assert_false(access_allows(a, "/a"));
    access_destroy(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_last_rule_that_fits_decides, make_place, remove_place),
        cmocka_unit_test_setup_teardown(without_rules_everything_is_open, make_place, remove_place),
        cmocka_unit_test_setup_teardown(rules_count_from_when_they_are_written, make_place, remove_place),
        cmocka_unit_test_setup_teardown(rules_written_at_once_count_too, make_place, remove_place),
        cmocka_unit_test_setup_teardown(broken_rules_open_nothing, make_place, remove_place),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
