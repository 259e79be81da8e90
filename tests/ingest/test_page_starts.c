/* Where pages begin inside passages: written once, asked by byte; and hostile texts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ingest/page_starts.h"

static const ingest_block blocks[] = {{.page = 1, .byte_start = 0},    {.page = 1, .byte_start = 400},  {.page = 2, .byte_start = 1000},
                                      {.page = 4, .byte_start = 2000}, {.page = 4, .byte_start = 2500}, {.page = 5, .byte_start = 3000}};

static void only_pages_inside_a_passage_are_kept(void **state)
{
    const ingest_document d = {.blocks = blocks, .n_blocks = 6};
    const ingest_chunk chunks[] = {{.page_first = 1, .page_last = 1}, {.page_first = 1, .page_last = 4}, {.page_first = 5, .page_last = 5}};
    bytes out;

    (void)state;
    bytes_init(&out, PAGE_STARTS_MAX + 1);
    assert_int_equal(page_starts_write(&d, chunks, 3, &out), CAIRN_OK);
    assert_string_equal(out.data, "2=1000;4=2000");
    bytes_reset(&out);
    assert_int_equal(page_starts_write(&d, chunks, 1, &out), CAIRN_OK);
    assert_int_equal(out.len, 0);
    bytes_clear(&out);
}

static void a_byte_is_on_the_last_page_that_begins_before_it(void **state)
{
    static const struct {
        const char *starts;
        uint32_t first, last;
        uint64_t at;
        uint32_t page;
    } rows[] = {{"2=1000;4=2000", 1, 4, 999, 1},  {"2=1000;4=2000", 1, 4, 1000, 2}, {"2=1000;4=2000", 1, 4, 2700, 4},
                {"2=1000;4=2000", 1, 2, 2700, 2}, {"2=1000;4=2000", 4, 4, 1500, 4}, {NULL, 3, 9, 50, 3},
                {"", 3, 9, 50, 3},                {"2", 1, 2, 50, 1},               {"2=", 1, 2, 50, 1},
                {"=;=", 1, 2, 50, 1},             {"2=10;x", 1, 3, 50, 2},          {"99999999999999999999=1", 1, 3, 50, 1}};

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (page_at(rows[i].starts, rows[i].first, rows[i].last, rows[i].at) != rows[i].page)
            fail_msg("row %zu: page %u", i, page_at(rows[i].starts, rows[i].first, rows[i].last, rows[i].at));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(only_pages_inside_a_passage_are_kept),
                                       cmocka_unit_test(a_byte_is_on_the_last_page_that_begins_before_it)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
