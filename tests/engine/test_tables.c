/* test_tables.c - tables rebuilt from passages, and what a query may and may not do to them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <ftw.h>
#include <unistd.h>

#include "engine/engine.h"
#include "engine/tables.h"

typedef struct world {
    char home[64];
    cairn *c;
} world;

static void must(cairn_status st, const cairn_error *err)
{
    if (st)
        fail_msg("%s: %s", cairn_status_name(st), err->text);
}

static int remove_entry(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
    (void)st, (void)flag, (void)ftw;
    return remove(path);
}

static void add_document(world *w, const char *uri, const char *const *chunks, size_t n)
{
    cairn_error err = {0};
    store_doc doc = {.uri = uri};
    store_txn *t;
    doc_id id;

    must(store_txn_begin(w->c->store, &t, &err), &err);
    must(store_doc_put(t, &doc, &id, &err), &err);
    for (size_t i = 0; i < n; i++) {
        store_chunk chunk = {.doc = id, .ordinal = (uint32_t)i, .text = chunks[i], .text_len = strlen(chunks[i]),
                             .byte_start = 1000 * i, .byte_end = 1000 * i + strlen(chunks[i]),
                             .page_first = (uint32_t)i + 1};
        must(store_chunk_put(t, &chunk, NULL, &err), &err);
    }
    must(store_txn_commit(t, &err), &err);
}

static const char *const prices[] = {
    "Prices of the year.\n\npart | Price | price | note\nB-1 | 14.20 | 3 | two words\nB-2 | 16 | 007 | a, b",
    "part | Price | price | note\nB-3 | -6.5 | 1,200 | 24 months\nB-4 |  |  | ",
    "Some words.\n\nname | weight\npump | 12.5\n\nNo | table here, one line alone.\n\nlast | one\nx | y | z",
};

static int set_up(void **state)
{
    world *w = calloc(1, sizeof *w);
    cairn_error err = {0};

    assert_non_null(w);
    strcpy(w->home, "/tmp/cairn-tables-XXXXXX");
    assert_non_null(mkdtemp(w->home));
    must(cairn_open(&w->c, &(cairn_options){.home = w->home, .config_file = "/dev/null"}, &err), &err);
    add_document(w, "/prices", prices, 3);
    *state = w;
    return 0;
}

static int tear_down(void **state)
{
    world *w = *state;

    cairn_close(w->c);
    nftw(w->home, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
    free(w);
    return 0;
}

/* The rows as text: cells by ',', rows by ';'. */
static void expect(world *w, const char *sql, const char *text)
{
    char got[2000] = "";
    cairn_error err = {0};
    cairn_rows *r;

    must(cairn_sql(w->c, "/prices", sql, 0, &r, &err), &err);
    for (size_t i = 0; i < r->n_rows; i++)
        for (size_t k = 0; k < r->n_columns; k++) {
            const char *cell = r->cells[i * r->n_columns + k];
            strcat(strcat(got, cell ? cell : "NULL"), k + 1 < r->n_columns ? "," : ";");
        }
    assert_string_equal(got, text);
    assert_string_equal(r->uri, "/prices");
    cairn_rows_free(r);
}

static bool note_table(void *ctx, const cairn_table *t)
{
    char *list = ctx;

    sprintf(list + strlen(list), "%s %zu p%u:", t->name, t->n_rows, t->page);
    for (size_t i = 0; i < t->n_columns; i++)
        strcat(strcat(list, " "), t->columns[i]);
    strcat(list, ";");
    return true;
}

static void tables_are_put_together_from_passages(void **state)
{
    world *w = *state;
    char list[1000] = "";
    cairn_error err = {0};

    must(cairn_table_list(w->c, "/prices", note_table, list, &err), &err);
    assert_string_equal(list, "t1 4 p1: part Price price_3 note;t2 1 p3: name weight;t3 1 p3: last one;");
    expect(w, "SELECT * FROM t1",
           "B-1,14.2,3,two words;B-2,16,007,a, b;B-3,-6.5,1,200,24 months;B-4,NULL,NULL,NULL;");
    expect(w, "SELECT typeof(\"Price\"), typeof(price_3) FROM t1",
           "real,integer;integer,text;real,text;null,null;");
    expect(w, "SELECT sum(Price), max(Price) FROM t1 WHERE part LIKE 'B-%';", "23.7,16;");
    expect(w, "SELECT t2.name, t1.part FROM t2 JOIN t1 WHERE t1.Price > t2.weight", "pump,B-1;pump,B-2;");
    expect(w, "SELECT * FROM t3", "x,y;"); /* a cell too many is left out */
    expect(w, "SELECT 1 WHERE 0", "");
    expect(w, "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3) SELECT i FROM n", "1;2;3;");
}

/* Passages at hand, the last cell at the very end of its bytes: a sign is no number, nor is what no number can hold. */
static void cells_end_where_the_passage_does(void **state)
{
    static const char *const last[] = {"-", "0", "-0", ".", "-7", "99999999999999999999999999999", "1e5"};
    static const char *const types[] = {"text", "integer", "integer", "text", "integer", "real", "text"};

    (void)state;
    for (size_t i = 0; i < sizeof last / sizeof *last; i++) {
        size_t len = strlen("a | b\nx | ") + strlen(last[i]);
        char *text = malloc(len + 1), *exact = malloc(len);
        cairn_table_passage p = {exact, len, 1};
        cairn_error err = {0};
        cairn_rows *r;
        assert_true(text && exact);
        sprintf(text, "a | b\nx | %s", last[i]);
        memcpy(exact, text, len);
        must(cairn_sql_passages(&p, 1, "SELECT typeof(b) FROM t1", 0, &r, &err), &err);
        assert_int_equal(r->n_rows, 1);
        assert_string_equal(r->cells[0], types[i]);
        cairn_rows_free(r);
        free(text);
        free(exact);
    }
}

/* Blanks around a passage are cut off, and with them those of an empty first or last cell. */
static void empty_cells_at_the_ends_are_cells(void **state)
{
    static const char text[] = "| number | remark |\n| 1 | a |\n| 4 |  | b\nlast | 9 |";
    static const char *const want[] = {NULL, "1", "a", NULL, /**/ NULL, "4", NULL, "b", /**/ "last", "9", NULL, NULL};
    cairn_table_passage p = {text, sizeof text - 1, 1};
    cairn_error err = {0};
    cairn_rows *r;

    (void)state;
    must(cairn_sql_passages(&p, 1, "SELECT * FROM t1", 0, &r, &err), &err);
    assert_int_equal(r->n_columns, 4);
    assert_string_equal(r->columns[1], "number");
    assert_string_equal(r->columns[2], "remark");
    assert_int_equal(r->n_rows, 3);
    for (size_t i = 0; i < 12; i++) {
        if (!want[i])
            assert_null(r->cells[i]);
        else
            assert_string_equal(r->cells[i], want[i]);
    }
    cairn_rows_free(r);
}

static void nothing_but_reading_is_allowed(void **state)
{
    world *w = *state;
    static const char *const refused[] = {
        "",
        "DROP TABLE t1",
        "DELETE FROM t1",
        "INSERT INTO t1 VALUES (1,2,3,4)",
        "UPDATE t1 SET part = 'x'",
        "ATTACH '/tmp/x.db' AS x",
        "PRAGMA database_list",
        "VACUUM INTO '/tmp/x.db'",
        "CREATE TABLE x (y)",
        "SELECT load_extension('/tmp/x.so')",
        "SELECT 1; DROP TABLE t1",
        "SELECT 1; SELECT 2",
        "SELECT nothing FROM t1",
        "SELECT * FROM t9",
        "SELECT",
        "-- nothing",
        "SELECT '\xff'",
    };
    cairn_error err = {0};
    cairn_rows *r;

    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
        if (cairn_sql(w->c, "/prices", refused[i], 0, &r, &err) != CAIRN_EUSAGE)
            fail_msg("not refused: %s (%s)", refused[i], err.text);
    assert_int_equal(access("/tmp/x.db", F_OK), -1);
    assert_int_equal(cairn_sql(w->c, "/prices",
                               "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n", 0,
                               &r, &err),
                     CAIRN_ELIMIT);
    assert_int_not_equal(cairn_sql(w->c, "/prices", "SELECT randomblob(900000000)", 0, &r, &err), CAIRN_OK);
    assert_int_equal(cairn_sql(w->c, "/none", "SELECT 1", 0, &r, &err), CAIRN_ENOTFOUND);
    must(cairn_sql(w->c, "/prices", "SELECT part FROM t1", 2, &r, &err), &err);
    assert_int_equal(r->n_rows, 2);
    assert_true(r->cut);
    cairn_rows_free(r);
    must(cairn_sql(w->c, NULL, "SELECT date('2025-03-01', '+90 days'), 6 * 7", 0, &r, &err), &err);
    assert_string_equal(r->cells[0], "2025-05-30");
    assert_string_equal(r->cells[1], "42");
    assert_false(r->cut);
    cairn_rows_free(r);
}

/* Any bytes that look like rows are read. */
static void any_bytes_are_read(void **state)
{
    world *w = *state;
    const char *env = getenv("CAIRN_SEED");
    uint64_t seed = env ? strtoull(env, NULL, 10) : 20261127;
    static const char *const parts[] = {" | ", "\n", "\"", "'", ";", "a", "1", " ", "\n\n", "|", "\xC3\xA4", "x | y\n"};
    char list[100000] = "", uri[32];
    cairn_error err = {0};

    print_message("CAIRN_SEED=%llu\n", (unsigned long long)seed);
    for (int round = 0; round < 60; round++) {
        char text[600] = "";
        const char *chunk = text;
        for (int i = 0; i < 60; i++) {
            seed = seed * 6364136223846793005u + 1442695040888963407u;
            strcat(text, parts[(seed >> 33) % (sizeof parts / sizeof *parts)]);
        }
        snprintf(uri, sizeof uri, "/r%d", round);
        add_document(w, uri, &chunk, 1);
        must(cairn_table_list(w->c, uri, note_table, list, &err), &err);
    }
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(tables_are_put_together_from_passages),
        cmocka_unit_test(cells_end_where_the_passage_does),
        cmocka_unit_test(empty_cells_at_the_ends_are_cells),
        CASE(nothing_but_reading_is_allowed),
        CASE(any_bytes_are_read),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
