/* test_folders.c - trees of files removed, copied and exchanged. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/folders.h"

static char top[64];

static const char *in(const char *name)
{
    static char paths[4][256];
    static int at;
    char *p = paths[at++ & 3];

    snprintf(p, sizeof paths[0], "%s/%s", top, name);
    return p;
}

static void put(const char *name, const char *text)
{
    FILE *f = fopen(in(name), "w");

    assert_non_null(f);
    fputs(text, f);
    assert_int_equal(fclose(f), 0);
}

static void is(const char *name, const char *text)
{
    char got[100] = "";
    FILE *f = fopen(in(name), "r");

    assert_non_null(f);
    (void)!fgets(got, sizeof got, f);
    fclose(f);
    assert_string_equal(got, text);
}

static int make(void **state)
{
    (void)state;
    strcpy(top, "/tmp/cairn-folders-XXXXXX");
    if (!mkdtemp(top) || mkdir(in("a"), 0755) || mkdir(in("a/b"), 0755))
        return -1;
    put("a/one", "1");
    put("a/b/two", "2");
    return symlink("one", in("a/link"));
}

static int clear(void **state)
{
    (void)state;
    return folders_remove(top, NULL) ? -1 : 0;
}

static bool never(void *ctx)
{
    ++*(int *)ctx;
    return false;
}

static void copies(void **state)
{
    cairn_error err = {0};
    struct stat sb;
    int asked = 0;

    (void)state;
    assert_int_equal(chmod(in("a/one"), 0640), 0);
    assert_int_equal(folders_copy(in("a"), in("c"), NULL, NULL, &err), CAIRN_OK);
    is("c/one", "1");
    is("c/b/two", "2");
    assert_int_equal(lstat(in("c/link"), &sb), -1);
    assert_int_equal(stat(in("c/one"), &sb), 0);
    assert_int_equal(sb.st_mode & 0777, 0640);
    assert_int_equal(folders_copy(in("a"), in("c"), NULL, NULL, &err), CAIRN_EIO); /* it is there */
    assert_int_equal(folders_copy(in("none"), in("d"), NULL, NULL, &err), CAIRN_ENOTFOUND);
    assert_int_equal(folders_copy(in("a"), in("e"), never, &asked, &err), CAIRN_ECANCELLED);
    assert_int_equal(asked, 1);
    assert_int_equal(folders_copy_file(in("a/none"), in("f"), &err), CAIRN_ENOTFOUND);
    assert_int_equal(folders_copy_file(in("a/one"), in("c/one"), &err), CAIRN_EIO);
    is("c/one", "1");
}

static void removes(void **state)
{
    cairn_error err = {0};
    struct stat sb;

    (void)state;
    put("kept", "k");
    assert_int_equal(symlink(in("kept"), in("a/b/out")), 0);
    assert_int_equal(folders_remove(in("a"), &err), CAIRN_OK);
    assert_int_equal(lstat(in("a"), &sb), -1);
    is("kept", "k");
    assert_int_equal(folders_remove(in("a"), &err), CAIRN_OK);
}

static void places(void **state)
{
    cairn_error err = {0};
    bool exchanged = true;

    (void)state;
    assert_int_equal(mkdir(in("new"), 0755), 0);
    put("new/one", "fresh");
    assert_int_equal(folders_place(in("new"), in("a"), &exchanged, &err), CAIRN_OK);
    assert_true(exchanged);
    is("a/one", "fresh");
    is("new/one", "1");
    assert_int_equal(folders_place(in("new"), in("free"), &exchanged, &err), CAIRN_OK);
    assert_false(exchanged);
    is("free/one", "1");
    assert_int_equal(access(in("new"), F_OK), -1);
    assert_int_not_equal(folders_place(in("new"), in("free"), &exchanged, &err), CAIRN_OK);
    is("free/one", "1");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test_setup_teardown(copies, make, clear),
                                       cmocka_unit_test_setup_teardown(removes, make, clear),
                                       cmocka_unit_test_setup_teardown(places, make, clear)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
