/* test_page_match - the lines of a page that a passage was made of, and pages drawn by the worker.
 */
#include "tests/ingest/probe.h"

#include "ingest/extract/page_match.h"

#define LINES 16

/* Lines of the page that are marked, as a string of 0 and 1. */
static void marked(const char *const *lines, const char *text, char out[LINES + 1])
{
    letters page = {0}, passage = {0};
    bool *covered;
    size_t n = 0;

    for (; lines[n]; n++) {
        assert_int_equal(letters_add(&page, lines[n], strlen(lines[n]), (uint32_t)n), CAIRN_OK);
        out[n] = '0';
    }
    out[n] = 0;
    assert_int_equal(letters_add(&passage, text, strlen(text), 0), CAIRN_OK);
    covered =
        malloc(page.n ? page.n : 1); /* of exactly that size: a sanitizer sees a write past it */
    assert_non_null(covered);
    assert_int_equal(page_match(&page, &passage, covered), CAIRN_OK);
    for (size_t i = 0; i < page.n; i++)
        if (covered[i])
            out[page.place[i]] = '1';
    free(covered);
    letters_clear(&page);
    letters_clear(&passage);
}

static void lines_are_found(void **state)
{
    static const char *const page[] = {"Kestrel Grinders",
                                       "The motor control-",
                                       "ler stops at 95 degrees; the",
                                       "\xEF\xAC\x81rst fuse sits in the winding.",
                                       "Caf\xC3\xA9 | 12 | 30",
                                       "Page 5 of 5",
                                       NULL};
    static const struct {
        const char *passage, *lines;
    } rows[] = {
        {"the motor controller stops at 95 degrees; the first fuse sits in the winding.", "011100"},
        {"Before it, on the page before. The motor controller stops at 95 degrees", "011000"},
        {"Cafe\xCC\x81 12 30 Page 5", "000011"},   /* an accent apart from its letter */
        {"the motor is something else", "000000"}, /* a few words are no evidence */
        {"fuse sits", "000100"},                   /* all of a short passage is */
        {"fuse stands", "000000"},
        {"", "000000"},
        {"... --- !!!", "000000"},
        {"Page 5 of 5", "000001"},
    };
    char got[LINES + 1];
    (void)state;

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        marked(page, rows[i].passage, got);
        if (strcmp(got, rows[i].lines) != 0)
            fail_msg("%s: %s instead of %s", rows[i].passage, got, rows[i].lines);
    }
}

static void repetition_ends(void **state)
{
    static const char *page[LINES + 1];
    char line[512], text[4096], got[LINES + 1];
    (void)state;

    memset(line, 'a', sizeof line - 1);
    line[sizeof line - 1] = 0;
    memset(text, 'a', sizeof text - 1);
    text[sizeof text - 1] = 0;
    for (size_t i = 0; i < LINES; i++)
        page[i] = line;
    marked(page, text, got);
    assert_string_equal(got, "1111111111111111");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_are_found),
        cmocka_unit_test(repetition_ends),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
