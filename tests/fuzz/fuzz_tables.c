/* fuzz_tables - passages from a stranger as tables, and a query from a stranger over them. Lines up to the
 * first NUL are passages, parted by a form feed; what follows is the query. Whatever comes, a query
 * ends, changes nothing and gives rows of one width, and a table's cells come back as text. What follows is a question, too,
 * that the first table is asked by counting. */
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "engine/table_question.h"
#include "engine/tables.h"
#include "tests/fuzz/fuzz_run.h"

#define PASSAGES_MAX 8

static void ask(const cairn_table_passage *p, size_t n, const char *sql)
{
    cairn_error err = {0};
    cairn_rows *r = NULL;
    cairn_status st = cairn_sql_passages(p, n, sql, 100, &r, &err);

    if (st) {
        if ((st != CAIRN_EUSAGE && st != CAIRN_ELIMIT) || r || !err.text[0])
            abort();
        return;
    }
    if (r->n_rows > 100 || !r->n_columns)
        abort();
    for (size_t i = 0; i < r->n_rows * r->n_columns; i++)
        if (r->cells[i] && strlen(r->cells[i]) > (1u << 20))
            abort();
    cairn_rows_free(r);
}

/* The first table, asked in words: an answer names rows that are there. */
static void count(const cairn_table_passage *p, size_t n, const char *question)
{
    static analyzer *an;
    cairn_error err = {0};
    cairn_rows *r = NULL;
    table_result found;
    arena memory;

    if ((!an && analyzer_create(&an, &err)) || cairn_sql_passages(p, n, "SELECT * FROM t1", 100, &r, &err))
        return;
    arena_init(&memory, (size_t)64 << 20);
    if (table_solve(an, question, &(table_grid){.title = "A title", .lang = "en", .columns = r->columns, .cells = r->cells, .n_columns = r->n_columns, .n_rows = r->n_rows, .strict = r->n_rows % 2, .heads = "A title"}, &memory, &found, &err) &&
        !err.text[0])
        abort();
    for (size_t i = 0; found.text && i < found.n_rows; i++)
        if (found.rows[i] >= r->n_rows)
            abort();
    arena_clear(&memory);
    cairn_rows_free(r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *nul = size ? memchr(data, 0, size) : NULL;
    size_t n = nul ? (size_t)(nul - data) : size, rest = nul ? size - n - 1 : 0, count_of = 0;
    const char *p = (const char *)data, *end = p + n;
    cairn_table_passage passages[PASSAGES_MAX];
    char *sql = malloc(rest + 1);

    if (!sql)
        return 0;
    while (p <= end && count_of < PASSAGES_MAX) {
        const char *next = memchr(p, '\f', (size_t)(end - p));
        size_t len = (size_t)((next ? next : end) - p);
        if (utf8_valid(p, len)) { /* what the store holds is UTF-8 always */
            passages[count_of] = (cairn_table_passage){p, len, (uint32_t)count_of + 1};
            count_of++;
        }
        if (!next)
            break;
        p = next + 1;
    }
    memcpy(sql, nul ? (const char *)nul + 1 : "", rest);
    sql[rest] = '\0';
    ask(passages, count_of, rest ? sql : "SELECT 1");
    ask(passages, count_of, "SELECT * FROM t1");
    ask(passages, count_of, "SELECT count(*), sum(rowid) FROM t1 JOIN t2");
    count(passages, count_of, sql);
    count(passages, count_of, "How many are there, and which costs the most?");
    count(passages, count_of, "What is the total of all?");
    free(sql);
    return 0;
}
