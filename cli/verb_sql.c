/* verb_sql.c - cairn sql DOCUMENT [QUERY]: the tables of a document, asked in SQL. */
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "engine/tables.h"

enum { OPT_LIMIT = 0x2000 };

typedef struct table_listing {
    json_t *list; /* NULL: they are printed */
    size_t n;
} table_listing;

static bool show_table(void *ctx, const cairn_table *t)
{
    table_listing *shown = ctx;
    json_t *list = shown->list, *columns;

    shown->n++;
    if (list) {
        columns = json_array();
        for (size_t i = 0; i < t->n_columns; i++)
            json_array_append_new(columns, json_str(t->columns[i]));
        json_array_append_new(list, json_pack("{s:s,s:o,s:I,s:o}", "name", t->name, "columns", columns, "rows",
                                              (json_int_t)t->n_rows, "page",
                                              t->page ? json_integer(t->page) : json_null()));
        return true;
    }
    printf("%s  %zu rows", t->name, t->n_rows);
    if (t->page)
        printf(", page %u", t->page);
    for (size_t i = 0; i < t->n_columns; i++) {
        printf("%s", i ? ", " : ": ");
        cli_put_text(stdout, t->columns[i], strlen(t->columns[i]));
    }
    putchar('\n');
    return true;
}

static int list_tables(cli *c, cairn *engine, const char *document)
{
    json_t *list = c->json ? json_array() : NULL;
    table_listing shown = {.list = list};
    cairn_error err = {0};
    cairn_status st = cairn_table_list(engine, document, show_table, &shown, &err);

    if (st) {
        json_decref(list);
        return cli_fail(c, st, &err);
    }
    if (c->json)
        (void)cli_print_json(c, json_pack("{s:o}", "tables", list));
    if (!shown.n && !c->quiet)
        fprintf(stderr, "cairn sql: no tables are in it\n");
    return shown.n ? CLI_DONE : CLI_NOTHING;
}

static void put_line(const cairn_rows *r, const char *const *cells)
{
    for (size_t i = 0; i < r->n_columns; i++) {
        if (i)
            fputs(" | ", stdout);
        if (cells[i])
            cli_put_text(stdout, cells[i], strlen(cells[i]));
    }
    putchar('\n');
}

static json_t *list_json(const char *const *cells, size_t n)
{
    json_t *list = json_array();

    for (size_t i = 0; i < n; i++)
        json_array_append_new(list, cells[i] ? json_str(cells[i]) : json_null());
    return list;
}

static int run_query(cli *c, cairn *engine, const char *document, const char *sql, size_t most)
{
    cairn_error err = {0};
    cairn_rows *r;
    cairn_status st = cairn_sql(engine, strcmp(document, "-") ? document : NULL, sql, most, &r, &err);
    bool any;

    if (st)
        return cli_fail(c, st, &err);
    any = r->n_rows > 0;
    if (c->json) {
        json_t *rows = json_array();
        for (size_t i = 0; i < r->n_rows; i++)
            json_array_append_new(rows, list_json(r->cells + i * r->n_columns, r->n_columns));
        (void)cli_print_json(c, json_pack("{s:o,s:o,s:o,s:b}", "uri", json_str(r->uri), "columns",
                                          list_json(r->columns, r->n_columns), "rows", rows, "cut", r->cut));
    } else {
        put_line(r, r->columns);
        for (size_t i = 0; i < r->n_rows; i++)
            put_line(r, r->cells + i * r->n_columns);
        if (r->cut && !c->quiet)
            fprintf(stderr, "cairn sql: there are more rows; --limit shows more\n");
    }
    cairn_rows_free(r);
    return any ? CLI_DONE : CLI_NOTHING;
}

static int run(cli *c, int argc, char **argv)
{
    static const struct option extra[] = {{"limit", required_argument, NULL, OPT_LIMIT}, {0}};
    size_t most = 0;
    cairn *engine;
    int o, code;

    while ((o = cli_next_option(c, argc, argv, extra)) != -1)
        if (o == '?' || !cli_parse_size(c, "--limit", optarg, 1, CAIRN_ROWS_MAX, &most))
            return CLI_USAGE;
    if (argc - optind < 1 || argc - optind > 2)
        return cli_usage_error(c, "name a document, and a query in quotes");
    code = cli_open(c, &engine, CLI_READ);
    if (code)
        return code;
    code = argc - optind == 1 ? list_tables(c, engine, argv[optind])
                              : run_query(c, engine, argv[optind], argv[optind + 1], most);
    cairn_close(engine);
    return code;
}

const cli_verb cli_verb_sql = {
    "sql", "ask the tables of a document in SQL",
    "Usage: cairn sql [--limit N] DOCUMENT [QUERY]\n\n"
    "The tables of a document (CSV files, spreadsheets, Markdown, pages) become t1, t2, ... in memory, with the\n"
    "words of their first line as columns; without QUERY they are listed. QUERY is one SELECT, as SQLite\n"
    "understands it; nothing is written anywhere. Cells that are numbers are numbers. With - for DOCUMENT there\n"
    "are no tables, only SQL's arithmetic and dates. Exits with 1 when no row comes.\n\n"
    "  --limit N   rows at most (default 1000)\n\n"
    "Examples:\n"
    "  cairn sql ~/prices.csv\n"
    "  cairn sql ~/prices.csv \"SELECT description FROM t1 WHERE price_eur < 20 ORDER BY price_eur\"\n"
    "  cairn sql - \"SELECT date('2025-03-01', '+90 days')\"\n",
    run};
