/* fuzz_tables - passages from a stranger as tables, and a query from a stranger over them. Lines up to the
 * first NUL are passages, parted by a form feed; what follows is the query. Whatever comes, a query
 * ends, changes nothing and gives rows of one width, and a table's cells come back as text. */
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *nul = size ? memchr(data, 0, size) : NULL;
    size_t n = nul ? (size_t)(nul - data) : size, rest = nul ? size - n - 1 : 0, count = 0;
    const char *p = (const char *)data, *end = p + n;
    cairn_table_passage passages[PASSAGES_MAX];
    char *sql = malloc(rest + 1);

    if (!sql)
        return 0;
    while (p <= end && count < PASSAGES_MAX) {
        const char *next = memchr(p, '\f', (size_t)(end - p));
        size_t len = (size_t)((next ? next : end) - p);
        if (utf8_valid(p, len)) { /* what the store holds is UTF-8 always */
            passages[count] = (cairn_table_passage){p, len, (uint32_t)count + 1};
            count++;
        }
        if (!next)
            break;
        p = next + 1;
    }
    memcpy(sql, nul ? (const char *)nul + 1 : "", rest);
    sql[rest] = '\0';
    ask(passages, count, rest ? sql : "SELECT 1");
    ask(passages, count, "SELECT * FROM t1");
    ask(passages, count, "SELECT count(*), sum(rowid) FROM t1 JOIN t2");
    free(sql);
    return 0;
}
