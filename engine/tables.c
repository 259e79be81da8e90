/* tables.c - see tables.h. A passage of a table is lines with " | " between cells, the names of the columns on
 * top of each; passages that begin with the same first line one after the other are one table. */
#include "engine/tables.h"

#include <ctype.h>
#include <math.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "engine/engine.h"
#include "ingest/table_head.h"

#define TABLE_BYTES  ((size_t)1 << 30)
#define COLUMNS_MAX  200
#define NAME_MAX_    60               /* bytes of a column's name */
#define CELL_MAX     (1 << 20)        /* bytes of any value */
#define STEPS_MAX    (50 * 1000000)   /* of SQLite's machine, for a query */
#define STEPS_EACH   100000
#define ROWS_DEFAULT 1000
#define WHOLE_MAX    9007199254740992.0 /* up to here a double is a whole number exactly */

typedef struct table {
    char name[16];
    const char *head; /* its first line, in the arena */
    size_t head_len;
    const char *columns[COLUMNS_MAX];
    size_t n_columns, n_rows;
    uint32_t page;
    bool sectioned; /* its last column is what the lines of one cell between its rows say */
} table;

typedef struct loading {
    sqlite3 *db;
    arena *memory;
    table *open; /* that rows go to; NULL: none */
    table *last; /* that an empty line ended */
    const char *section; /* the line of one cell that the rows below it belong to */
    size_t section_len;
    table **all;
    size_t n, cap, rows;
    sqlite3_stmt *insert;
    bool verbatim; /* cells as they are written: 55.000 may be 55,000 */
    cairn_error *err;
} loading;

static bool same_word(const char *a, const char *b)
{
    return !strcasecmp(a, b);
}

/* A name for the column: its words, or "c3"; one that is there already gets a number. */
static const char *column_name(const table *t, const char *cell, size_t len, arena *memory)
{
    size_t n = len > NAME_MAX_ ? utf8_floor(cell, NAME_MAX_) : len;
    const char *name = n ? arena_strndup(memory, cell, n) : arena_printf(memory, "c%zu", t->n_columns + 1);

    for (size_t i = 0; name && i < t->n_columns; i++)
        if (same_word(t->columns[i], name)) {
            name = arena_printf(memory, "%s_%zu", name, t->n_columns + 1);
            i = (size_t)-1;
        }
    return name;
}

static bool is_row(const char *line, size_t len)
{
    return memmem(line, len, " | ", 3) != NULL;
}

static cairn_status sqlite_status(loading *l, int rc)
{
    return rc == SQLITE_OK || rc == SQLITE_DONE
               ? CAIRN_OK
               : cairn_fail(l->err, rc == SQLITE_NOMEM ? CAIRN_ENOMEM : CAIRN_ELIMIT, "a table cannot be read: %s",
                            sqlite3_errmsg(l->db));
}

/* CREATE TABLE and the INSERT that fills it. */
static cairn_status create(loading *l, table *t)
{
    bytes create, insert;
    cairn_status st;

    bytes_init(&create, CELL_MAX);
    bytes_init(&insert, CELL_MAX);
    st = bytes_printf(&create, "CREATE TABLE %s (", t->name);
    if (!st)
        st = bytes_printf(&insert, "INSERT INTO %s VALUES (", t->name);
    for (size_t i = 0; !st && i < t->n_columns; i++) {
        char *quoted = sqlite3_mprintf("%s\"%w\"", i ? ", " : "", t->columns[i]);
        st = quoted ? bytes_append_str(&create, quoted) : CAIRN_ENOMEM;
        sqlite3_free(quoted);
        if (!st)
            st = bytes_append_str(&insert, i ? ",?" : "?");
    }
    if (!st)
        st = bytes_append_byte(&create, ')');
    if (!st)
        st = bytes_append_byte(&insert, ')');
    if (st) {
        cairn_fail(l->err, st, "table");
    } else {
        st = sqlite_status(l, sqlite3_exec(l->db, create.data, NULL, NULL, NULL));
        sqlite3_finalize(l->insert);
        l->insert = NULL;
        if (!st)
            st = sqlite_status(l, sqlite3_prepare_v2(l->db, insert.data, -1, &l->insert, NULL));
    }
    bytes_clear(&create);
    bytes_clear(&insert);
    return st;
}

static cairn_status begin(loading *l, const char *names, size_t names_len, const char *head, size_t len, uint32_t page)
{
    const char *at = names, *cell;
    table *t = arena_calloc(l->memory, 1, sizeof *t);
    size_t n;

    if (l->n == l->cap) {
        size_t cap = l->cap ? 2 * l->cap : 16;
        table **all = arena_calloc(l->memory, cap, sizeof *all);
        if (all && l->n)
            memcpy(all, l->all, l->n * sizeof *all);
        l->all = all;
        l->cap = cap;
    }
    if (!t || !l->all)
        return cairn_fail(l->err, CAIRN_ENOMEM, "table");
    t->head = arena_strndup(l->memory, head, len);
    t->head_len = len;
    t->page = page;
    while (t->n_columns < COLUMNS_MAX && table_next_cell(&at, names + names_len, &cell, &n)) {
        t->columns[t->n_columns] = column_name(t, cell, n, l->memory);
        if (!t->head || !t->columns[t->n_columns++])
            return cairn_fail(l->err, CAIRN_ENOMEM, "table");
    }
    snprintf(t->name, sizeof t->name, "t%zu", l->n + 1);
    l->all[l->n++] = t;
    l->open = t;
    l->section = NULL;
    return create(l, t);
}

/* "North" by itself between rows: a column more, for the rows below. */
static cairn_status begin_section(loading *l, const char *line, size_t len)
{
    table *t = l->open;
    char sql[64 + COLUMNS_MAX * 2];
    int n;

    l->section = arena_strndup(l->memory, line, len);
    l->section_len = len;
    if (!l->section)
        return cairn_fail(l->err, CAIRN_ENOMEM, "table");
    if (t->sectioned || t->n_columns == COLUMNS_MAX)
        return CAIRN_OK;
    t->columns[t->n_columns] = column_name(t, "section", 7, l->memory);
    if (!t->columns[t->n_columns])
        return cairn_fail(l->err, CAIRN_ENOMEM, "table");
    snprintf(sql, sizeof sql, "ALTER TABLE %s ADD COLUMN \"%s\"", t->name, t->columns[t->n_columns]);
    sqlite3_finalize(l->insert);
    l->insert = NULL;
    if (sqlite3_exec(l->db, sql, NULL, NULL, NULL))
        return sqlite_status(l, SQLITE_ERROR);
    t->n_columns++;
    t->sectioned = true;
    n = snprintf(sql, sizeof sql, "INSERT INTO %s VALUES (?", t->name);
    for (size_t i = 1; i < t->n_columns; i++)
        n += snprintf(sql + n, sizeof sql - (size_t)n, ",?");
    snprintf(sql + n, sizeof sql - (size_t)n, ")");
    return sqlite_status(l, sqlite3_prepare_v2(l->db, sql, -1, &l->insert, NULL));
}

/* A cell that is a number by itself is one; not 007, not 1e5, not 1,200 (which may be 1.2). */
static bool number(const char *s, size_t len, double *out)
{
    char copy[32], *end;
    size_t digits = 0, i = len && s[0] == '-';

    if (i == len || len >= sizeof copy || (s[i] == '0' && i + 1 < len && s[i + 1] != '.'))
        return false;
    for (size_t j = i; j < len; j++) {
        digits += isdigit((unsigned char)s[j]) != 0;
        if (!isdigit((unsigned char)s[j]) && s[j] != '.')
            return false;
    }
    memcpy(copy, s, len);
    copy[len] = '\0';
    *out = strtod(copy, &end);
    return digits && !*end;
}

static cairn_status add_row(loading *l, const char *line, size_t len)
{
    const char *at = line, *cell;
    table *t = l->open;
    size_t n;
    double x;
    bool empty = true;

    if (l->rows++ == CAIRN_ROWS_MAX)
        return cairn_fail(l->err, CAIRN_ELIMIT, "the tables of this document have more than %d rows", CAIRN_ROWS_MAX);
    sqlite3_reset(l->insert);
    sqlite3_clear_bindings(l->insert);
    for (size_t i = 0; i + t->sectioned < t->n_columns && table_next_cell(&at, line + len, &cell, &n); i++) {
        if (!n)
            continue;
        empty = false;
        if (l->verbatim)
            sqlite3_bind_text(l->insert, (int)i + 1, cell, (int)n, SQLITE_TRANSIENT);
        else if (number(cell, n, &x) && fabs(x) <= WHOLE_MAX && !memchr(cell, '.', n))
            sqlite3_bind_int64(l->insert, (int)i + 1, (int64_t)x);
        else if (number(cell, n, &x))
            sqlite3_bind_double(l->insert, (int)i + 1, x);
        else
            sqlite3_bind_text(l->insert, (int)i + 1, cell, (int)n, SQLITE_TRANSIENT);
    }
    if (empty) /* a line between groups of rows */
        return CAIRN_OK;
    if (t->sectioned && l->section)
        sqlite3_bind_text(l->insert, (int)t->n_columns, l->section, (int)l->section_len, SQLITE_STATIC);
    t->n_rows++;
    return sqlite_status(l, sqlite3_step(l->insert));
}

/* Begin a table at line p: its names may stand in several lines. *next: behind them. */
static cairn_status begin_names(loading *l, const char *p, const char *end, uint32_t page, const char **next)
{
    table_lines t = {.n = 0};
    const char *after[TABLE_HEAD_LOOK];
    bytes names;
    size_t n;
    cairn_status st;

    while (t.n < TABLE_HEAD_LOOK && p < end) {
        const char *nl = memchr(p, '\n', (size_t)(end - p));
        t.line[t.n] = p;
        t.len[t.n] = (size_t)((nl ? nl : end) - p);
        if (!is_row(p, t.len[t.n]))
            break;
        p = nl ? nl + 1 : end;
        after[t.n++] = p;
    }
    n = table_head_count(&t);
    *next = after[n - 1];
    if (n == 1)
        return begin(l, t.line[0], t.len[0], t.line[0], t.len[0], page);
    bytes_init(&names, CELL_MAX);
    st = table_head_join(&t, n, &names);
    st = st ? cairn_fail(l->err, st, "table") : begin(l, names.data, names.len, t.line[0], t.len[0], page);
    bytes_clear(&names);
    return st;
}

static size_t count_bars(const char *line, size_t len)
{
    size_t n = 0;

    for (const char *at = line, *end = line + len; at < end && (at = memmem(at, (size_t)(end - at), " | ", 3)) != NULL; at += 3)
        n++;
    return n;
}

/* Names, a line of one cell, then a row of as many cells as there are names. */
static bool section_follows(const char *names, size_t len, const char *next, size_t next_len, const char *end)
{
    const char *row = next + next_len + 1, *nl;

    if (!next_len || next_len > NAME_MAX_ * 2 || row >= end)
        return false;
    nl = memchr(row, '\n', (size_t)(end - row));
    return count_bars(names, len) > 0 && count_bars(row, (size_t)((nl ? nl : end) - row)) == count_bars(names, len);
}

/* The runs of rows in a passage. A run of one line is no table unless it goes on with one. A line of one cell between rows is what
 * those below it have in common; behind an empty line a table goes on where its first line stands again. */
static cairn_status read_passage(loading *l, const cairn_table_passage *c)
{
    const char *p = c->text, *end = c->text + c->len;
    bool first = true;
    cairn_status st = CAIRN_OK;

    while (!st && p < end) {
        const char *nl = memchr(p, '\n', (size_t)(end - p)), *next = nl ? nl + 1 : end;
        size_t len = (size_t)((nl ? nl : end) - p);
        const char *after = next < end ? memchr(next, '\n', (size_t)(end - next)) : NULL;
        size_t next_len = next < end ? (size_t)((after ? after : end) - next) : 0;
        bool row = is_row(p, len);
        if (row && !l->open && l->last && len == l->last->head_len && !memcmp(p, l->last->head, len) && l->last == l->all[l->n - 1]) {
            l->open = l->last;
        } else if (!row && len && l->open && !first && len <= NAME_MAX_ * 2 && is_row(next, next_len)) {
            st = begin_section(l, p, len);
        } else if (!row) {
            l->last = len ? NULL : l->open ? l->open : l->last;
            l->open = first && len == 0 ? l->open : NULL;
        } else if (l->open && first && len == l->open->head_len && !memcmp(p, l->open->head, len)) {
            ; /* the first line again, on top of the table's next passage */
        } else if (l->open && !first) {
            st = add_row(l, p, len);
        } else if (is_row(next, next_len) || section_follows(p, len, next, next_len, end)) {
            st = begin_names(l, p, end, c->page, &next);
        } else {
            l->open = NULL;
        }
        first = false;
        p = next;
    }
    return st;
}

static cairn_status load(cairn *c, const char *document, loading *l, const char **uri, cairn_error *err)
{
    store_snapshot *s;
    store_chunk chunk;
    store_doc doc;
    chunk_id *ids = NULL;
    size_t n = 0;
    cairn_status st = store_snapshot_open(c->store, &s, err);

    if (st)
        return st;
    st = engine_find_document(c, s, document, &doc, l->memory, err);
    if (!st)
        st = store_doc_chunks(s, doc.id, &ids, &n, l->memory, err);
    if (!st)
        st = sqlite_status(l, sqlite3_exec(l->db, "BEGIN", NULL, NULL, NULL));
    for (size_t i = 0; !st && i < n; i++) {
        st = store_chunk_get(s, ids[i], &chunk, l->memory, err);
        if (!st)
            st = read_passage(l, &(cairn_table_passage){chunk.text, chunk.text_len, chunk.page_first});
    }
    if (!st)
        st = sqlite_status(l, sqlite3_exec(l->db, "COMMIT", NULL, NULL, NULL));
    if (!st)
        *uri = doc.uri;
    store_snapshot_close(s);
    return st;
}

static cairn_status open_memory(loading *l, arena *memory, cairn_error *err)
{
    *l = (loading){.memory = memory, .err = err};
    if (sqlite3_open_v2(":memory:", &l->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL))
        return cairn_fail(err, CAIRN_ENOMEM, "tables");
    sqlite3_limit(l->db, SQLITE_LIMIT_LENGTH, CELL_MAX);
    sqlite3_limit(l->db, SQLITE_LIMIT_SQL_LENGTH, CAIRN_SQL_MAX);
    sqlite3_limit(l->db, SQLITE_LIMIT_ATTACHED, 0);
    sqlite3_limit(l->db, SQLITE_LIMIT_EXPR_DEPTH, 200);
    sqlite3_limit(l->db, SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 1000);
    return CAIRN_OK;
}

static void close_memory(loading *l)
{
    sqlite3_finalize(l->insert);
    sqlite3_close(l->db);
}

cairn_status cairn_table_list(cairn *c, const char *document, bool (*fn)(void *ctx, const cairn_table *t), void *ctx,
                              cairn_error *err)
{
    const char *uri;
    arena memory;
    loading l;
    cairn_status st;

    arena_init(&memory, TABLE_BYTES);
    st = open_memory(&l, &memory, err);
    if (!st)
        st = load(c, document, &l, &uri, err);
    for (size_t i = 0; !st && i < l.n; i++) {
        cairn_table t = {l.all[i]->name, l.all[i]->columns, l.all[i]->n_columns, l.all[i]->n_rows, l.all[i]->page};
        if (!fn(ctx, &t))
            break;
    }
    close_memory(&l);
    arena_clear(&memory);
    return st;
}

/* ---- queries ---- */

/* What a query may do: read the tables and call functions that touch nothing else. */
static int allow(void *ctx, int action, const char *a, const char *b, const char *schema, const char *trigger)
{
    (void)ctx, (void)a, (void)schema, (void)trigger;
    switch (action) {
    case SQLITE_SELECT:
    case SQLITE_READ:
    case SQLITE_RECURSIVE:
        return SQLITE_OK;
    case SQLITE_FUNCTION:
        return b && (!sqlite3_stricmp(b, "load_extension") || !sqlite3_stricmp(b, "fts3_tokenizer")) ? SQLITE_DENY
                                                                                                     : SQLITE_OK;
    default:
        return SQLITE_DENY;
    }
}

static int count_steps(void *ctx)
{
    int64_t *left = ctx;

    *left -= STEPS_EACH;
    return *left <= 0;
}

/* What SQLite says; of a name that is not there, with the names that are. */
static cairn_status says_what_there_is(loading *l, const char *said, cairn_error *err)
{
    bytes b;
    cairn_status st = CAIRN_OK;

    bytes_init(&b, sizeof err->text * 4);
    if (!strncmp(said, "no such ", 8) && !strstr(said, "function"))
        for (size_t i = 0; !st && i < l->n && b.len < sizeof err->text; i++) {
            st = bytes_printf(&b, "; %s has", l->all[i]->name);
            for (size_t k = 0; !st && k < l->all[i]->n_columns && b.len < sizeof err->text; k++) {
                const char *name = l->all[i]->columns[k];
                bool plain = *name && !isdigit((unsigned char)*name);
                for (const char *p = name; *p; p++)
                    plain &= isalnum((unsigned char)*p) || *p == '_';
                st = bytes_printf(&b, plain ? "%s %s" : "%s \"%s\"", k ? "," : "", name);
            }
        }
    (void)cairn_fail(err, CAIRN_EUSAGE, "%s%.*s", said, st ? 0 : (int)b.len, b.len ? (const char *)b.data : "");
    bytes_clear(&b);
    return CAIRN_EUSAGE;
}

static cairn_status query_status(loading *l, int rc, cairn_error *err)
{
    switch (rc & 0xff) {
    case SQLITE_OK:
    case SQLITE_ROW:
    case SQLITE_DONE:
        return CAIRN_OK;
    case SQLITE_INTERRUPT:
        return cairn_fail(err, CAIRN_ELIMIT, "the query takes too many steps");
    case SQLITE_NOMEM:
        return cairn_fail(err, CAIRN_ENOMEM, "query");
    case SQLITE_AUTH:
        return cairn_fail(err, CAIRN_EUSAGE, "only a SELECT over the document's tables may be run");
    default:
        return says_what_there_is(l, sqlite3_errmsg(l->db), err);
    }
}

static cairn_status prepare(loading *l, const char *sql, sqlite3_stmt **out, cairn_error *err)
{
    const char *tail = "";
    cairn_status st;

    if (!sql || !*sql)
        return cairn_fail(err, CAIRN_EUSAGE, "no query");
    if (strnlen(sql, CAIRN_SQL_MAX + 1) > CAIRN_SQL_MAX || !utf8_valid(sql, strlen(sql)))
        return cairn_fail(err, CAIRN_EUSAGE, "a query is UTF-8 of at most %u bytes", CAIRN_SQL_MAX);
    sqlite3_set_authorizer(l->db, allow, NULL);
    st = query_status(l, sqlite3_prepare_v2(l->db, sql, -1, out, &tail), err);
    while (!st && *tail && (isspace((unsigned char)*tail) || *tail == ';'))
        tail++;
    if (!st && (*tail || !*out || !sqlite3_stmt_readonly(*out) || !sqlite3_column_count(*out)))
        st = cairn_fail(err, CAIRN_EUSAGE, "one SELECT is run, nothing else");
    return st;
}

static cairn_status fetch(loading *l, sqlite3_stmt *s, size_t most, cairn_rows *r, cairn_error *err)
{
    size_t cap = 0;
    cairn_status st = CAIRN_OK;
    int rc;

    r->n_columns = (size_t)sqlite3_column_count(s);
    r->columns = arena_calloc(l->memory, r->n_columns, sizeof *r->columns);
    for (size_t i = 0; r->columns && i < r->n_columns; i++)
        r->columns[i] = arena_strdup(l->memory, sqlite3_column_name(s, (int)i));
    while ((rc = sqlite3_step(s)) == SQLITE_ROW && r->columns) {
        if (r->n_rows == most) {
            r->cut = true;
            return CAIRN_OK;
        }
        if (r->n_rows == cap) {
            const char **cells = arena_calloc(l->memory, (cap ? 2 * cap : 64) * r->n_columns, sizeof *cells);
            if (!cells)
                return cairn_fail(err, CAIRN_ENOMEM, "rows");
            if (cap)
                memcpy(cells, r->cells, cap * r->n_columns * sizeof *cells);
            r->cells = cells;
            cap = cap ? 2 * cap : 64;
        }
        for (size_t i = 0; i < r->n_columns; i++) {
            const char *text = (const char *)sqlite3_column_text(s, (int)i);
            const char **cell = &r->cells[r->n_rows * r->n_columns + i];
            *cell = text ? arena_strdup(l->memory, text) : NULL;
            if (text && !*cell)
                return cairn_fail(err, CAIRN_ENOMEM, "rows");
        }
        r->n_rows++;
    }
    st = query_status(l, rc, err);
    return st || r->columns ? st : cairn_fail(err, CAIRN_ENOMEM, "rows");
}

cairn_status engine_tables_read(cairn *c, const char *document, size_t most, engine_table_fn *fn, void *ctx, cairn_error *err)
{
    const char *uri;
    arena memory;
    loading l;
    bool more = true;
    cairn_status st;

    arena_init(&memory, TABLE_BYTES);
    st = open_memory(&l, &memory, err);
    l.verbatim = true;
    if (!st)
        st = load(c, document, &l, &uri, err);
    for (size_t i = 0; !st && i < l.n && more; i++) {
        char sql[64];
        sqlite3_stmt *s = NULL;
        cairn_rows r = {.uri = uri};
        cairn_table t = {l.all[i]->name, l.all[i]->columns, l.all[i]->n_columns, l.all[i]->n_rows, l.all[i]->page};
        if (t.n_rows < 2 || t.n_columns < 2 || t.n_rows > most)
            continue;
        snprintf(sql, sizeof sql, "SELECT * FROM %s", t.name);
        st = sqlite_status(&l, sqlite3_prepare_v2(l.db, sql, -1, &s, NULL));
        if (!st)
            st = fetch(&l, s, most, &r, err);
        sqlite3_finalize(s);
        if (!st)
            st = fn(ctx, &t, &r, &more);
    }
    close_memory(&l);
    arena_clear(&memory);
    return st;
}

static cairn_status load_passages(loading *l, const cairn_table_passage *passages, size_t n)
{
    cairn_status st = sqlite_status(l, sqlite3_exec(l->db, "BEGIN", NULL, NULL, NULL));

    for (size_t i = 0; !st && i < n; i++)
        st = read_passage(l, &passages[i]);
    return st ? st : sqlite_status(l, sqlite3_exec(l->db, "COMMIT", NULL, NULL, NULL));
}

/* Where the tables of a query come from: a document of a collection, passages, or nowhere. */
typedef struct tables_of {
    cairn *c;
    const char *document;
    const cairn_table_passage *passages;
    size_t n;
} tables_of;

static cairn_status run_query(const tables_of *from, const char *sql, size_t most, cairn_rows **out, cairn_error *err)
{
    arena *memory = malloc(sizeof *memory);
    int64_t steps = STEPS_MAX;
    sqlite3_stmt *s = NULL;
    cairn_rows *r;
    loading l;
    cairn_status st;

    *out = NULL;
    if (!memory)
        return cairn_fail(err, CAIRN_ENOMEM, "rows");
    arena_init(memory, TABLE_BYTES);
    r = arena_calloc(memory, 1, sizeof *r);
    st = open_memory(&l, memory, err);
    if (!st && !r)
        st = cairn_fail(err, CAIRN_ENOMEM, "rows");
    if (!st)
        r->uri = "";
    if (!st && from->document)
        st = load(from->c, from->document, &l, &r->uri, err);
    if (!st && from->n)
        st = load_passages(&l, from->passages, from->n);
    if (!st)
        st = prepare(&l, sql, &s, err);
    if (!st) {
        sqlite3_progress_handler(l.db, STEPS_EACH, count_steps, &steps);
        st = fetch(&l, s, most ? most < CAIRN_ROWS_MAX ? most : CAIRN_ROWS_MAX : ROWS_DEFAULT, r, err);
    }
    sqlite3_finalize(s);
    close_memory(&l);
    if (st) {
        arena_clear(memory);
        free(memory);
        return st;
    }
    r->memory = memory;
    *out = r;
    return CAIRN_OK;
}

cairn_status cairn_sql(cairn *c, const char *document, const char *sql, size_t most, cairn_rows **out,
                       cairn_error *err)
{
    return run_query(&(tables_of){.c = c, .document = document}, sql, most, out, err);
}

cairn_status cairn_sql_passages(const cairn_table_passage *passages, size_t n, const char *sql, size_t most,
                                cairn_rows **out, cairn_error *err)
{
    return run_query(&(tables_of){.passages = passages, .n = n}, sql, most, out, err);
}

void cairn_rows_free(cairn_rows *r)
{
    arena *memory;

    if (!r)
        return;
    memory = r->memory; /* *r itself lives in it */
    arena_clear(memory);
    free(memory);
}
