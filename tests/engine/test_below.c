/* test_below.c - what lies below a folder or inside a file, by a table: removing, tagging, planning
 * a run and the rules about who may read what all ask this one function. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "engine/engine.h"

static void what_is_below(void **state)
{
    static const struct {
        const char *uri, *folder;
        bool below;
    } rows[] = {
        {"/a/b", "/a", true},
        {"/a/b/c", "/a", true},
        {"/a/b", "/a/", true},
        {"/a", "/a", false},
        {"/ab", "/a", false},
        {"/b/a", "/a", false},
        {"/a", "/", true},
        {"/a.zip!/x", "/a.zip", true},
        {"/a.zip!x", "/a.zip", false},
        {"/a.zip!", "/a.zip", false},
        {"/a.zip!/x", "/a.zip!", true},
        {"/a.zip!/x/y", "/a.zip!/x", true},
        {"/a.zip!/xy", "/a.zip!/x", false},
        {"a", "", false},
        {"", "/a", false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (engine_is_below(rows[i].uri, rows[i].folder) != rows[i].below)
            fail_msg("\"%s\" below \"%s\"", rows[i].uri, rows[i].folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(what_is_below)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
