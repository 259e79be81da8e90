/* test_table_head.c - names of columns in several lines, units below them, and what merged cells of an HTML table become. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "ingest/table_head.h"
#include "tests/ingest/probe.h"

static extractor *ex;

static int open_all(void **state)
{
    if (probe_setup(state))
        return -1;
    ex = probe_extractor(WORKER, 120000);
    return 0;
}

static int close_all(void **state)
{
    extractor_destroy(ex);
    return probe_teardown(state);
}

static const struct {
    const char *lines[TABLE_HEAD_LOOK];
    uint64_t wide[2];
    size_t certain;
    const char *head; /* the line that the names become */
    size_t n;         /* of lines */
} heads[] = {
    {{"Product | Units |  | Revenue", " | Q1 | Q2 | Q1 | Q2", "Lamps | 3 | 4 | 500 | 600"}, {0x1e, 0}, 0,
     "Product | Units Q1 | Units Q2 | Revenue Q1 | Revenue Q2", 2},
    /* nothing says that cells reach over others: what is empty above and filled below does */
    {{"Product,kind | Units |  | Revenue", " | Q1 | Q2 | Q1 | Q2", "Lamps | 3 | 4 | 500 | 600"}, {0}, 0,
     "Product,kind | Units Q1 | Units Q2 | Revenue Q1 | Revenue Q2", 2},
    {{" | 2024 |  | 2025", "Region | T1 | T2 | T1 | T2", "Norte | 1 | 2 | 3 | 4"}, {0}, 0, "Region | 2024 T1 | 2024 T2 | 2025 T1 | 2025 T2", 2},
    {{"Trail | Distance | Time", " | (km) | (min)", "Ridge | 9.5 | 120"}, {0}, 0, "Trail | Distance (km) | Time (min)", 2},
    {{"Name | Points", "Ann | 3", "Bo | 4"}, {0}, 0, "Name | Points", 1},
    {{"Name | Debt", "Ann | (300)", "Bo | (20)"}, {0}, 0, "Name | Debt", 1}, /* less than nothing, no unit */
    /* a form is no table of measures */
    {{"Name | John Smith", "Street | Main St | City | Leeds", "Phone | yes | Mail | no"}, {0xe, 0}, 0, "Name | John Smith", 1},
    {{"Kurs | Teilnehmer |  | Beginn", "Kurs | Frauen | Männer | Beginn", "Yoga | 3 | 10 | 2025-10-07"}, {0x6, 0}, 0,
     "Kurs | Teilnehmer Frauen | Teilnehmer Männer | Beginn", 2},
    {{"Name | Town", "first | last", "Ann | Leeds"}, {0}, 2, "Name first | Town last", 2},
    {{"Name | Note | Points", "Ann |  | 3", "Bo | late | 4"}, {0}, 0, "Name | Note | Points", 1},
    {{"Name | Note", "Ann", "Bo"}, {0}, 0, "Name | Note", 1},
};

static void names_of_several_lines_become_one(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof heads / sizeof *heads; i++) {
        table_lines t = {.certain = heads[i].certain};
        bytes out;
        for (; t.n < TABLE_HEAD_LOOK && heads[i].lines[t.n]; t.n++) {
            t.line[t.n] = heads[i].lines[t.n];
            t.len[t.n] = strlen(t.line[t.n]);
            t.wide[t.n] = t.n < 2 ? heads[i].wide[t.n] : 0;
        }
        size_t n = table_head_count(&t);
        if (n != heads[i].n)
            fail_msg("%s: %zu lines of names", heads[i].lines[0], n);
        if (n == 1)
            continue;
        bytes_init(&out, 4096);
        assert_int_equal(table_head_join(&t, n, &out), CAIRN_OK);
        assert_string_equal(out.data, heads[i].head);
        bytes_clear(&out);
    }
}

static void cells_that_measure(void **state)
{
    static const char *const yes[] = {"12", "1.234,50 €", "£15.50", "-3", "(£3,000)", "12 cm", "96.2%", "2025-03-01", "1 560,6 (1560.6)"};
    static const char *const no[] = {"", "2024", "2024/25", "Q1", "T2", "Frauen", "(km)", "-", "B-11"};

    (void)state;
    for (size_t i = 0; i < sizeof yes / sizeof *yes; i++)
        if (!table_cell_measures(yes[i], strlen(yes[i])))
            fail_msg("%s", yes[i]);
    for (size_t i = 0; i < sizeof no / sizeof *no; i++)
        if (table_cell_measures(no[i], strlen(no[i])))
            fail_msg("%s", no[i]);
}

static ingest_document *read_html(const char *html)
{
    return probe_read(ex, probe_file("table.html", html, strlen(html)));
}

static void merged_cells_of_html(void **state)
{
    (void)state;
    ingest_document *doc = read_html("<h1>Results</h1><table><tr><th colspan=5>All results</th></tr>"
                                     "<tr><th rowspan=2>Product<th colspan=2>Units<th colspan=2>Revenue</tr>"
                                     "<tr><th>Q1<th>Q2<th>Q1<th>Q2</tr><tr><td rowspan=2>Lamps<td>3<td>4<td>500<td>600</tr>"
                                     "<tr><td>5<td>6<td>700<td>800</tr></table>");
    const ingest_block *b = probe_block(doc, INGEST_TABLE, "Lamps");

    assert_non_null(b);
    assert_string_equal(b->text, "Product | Units Q1 | Units Q2 | Revenue Q1 | Revenue Q2\nLamps | 3 | 4 | 500 | 600\nLamps | 5 | 6 | 700 | 800");
    assert_int_equal(b->level, 1);
    assert_non_null(probe_block(doc, INGEST_PARAGRAPH, "All results"));
    ingest_document_free(doc);
}

/* Sizes that no table has: bounded, and read. */
static void hostile_spans_of_html(void **state)
{
    (void)state;
    ingest_document *doc = read_html("<table><tr><th colspan=1000000000>A<th rowspan=1000000000>B</tr><tr><td colspan=-7>1<td rowspan=99999999999999999999>2</tr>"
                                     "<tr><td>3<td>4</tr></table>");

    assert_non_null(probe_block(doc, INGEST_TABLE, "3"));
    ingest_document_free(doc);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_of_several_lines_become_one),
        cmocka_unit_test(cells_that_measure),
        cmocka_unit_test(merged_cells_of_html),
        cmocka_unit_test(hostile_spans_of_html),
    };

    return cmocka_run_group_tests(tests, open_all, close_all);
}
