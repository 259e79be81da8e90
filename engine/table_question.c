/* table_question.c - table_question: a search for the question, the tables of what it finds, the one that has most of the
 * question's words; of equals, the one of the document that was found first. */
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/utf8.h"
#include "engine/table_question.h"
#include "engine/table_words.h"
#include "engine/tables.h"
#include "retrieve/injection.h"

#define HITS        30
#define DOCUMENTS   8 /* whose tables are looked at */
#define DOCUMENTS_PLAIN 4 /* ... for a plain question */
#define TABLES      6 /* of one document */
#define ROWS        50000
#define LINE_MAX_   400 /* bytes of a cited line */
#define LINES_MAX   1200 /* ... of several */

typedef struct asking_tables {
    cairn *c;
    const char *question;
    bool strict;
    int64_t today;
    bool torn; /* more tables answer than are told, and not the same */
    size_t n;  /* of `out` */
    arena *memory;
    analyzer *an;
    table_answer *out;
    cairn_error *err;
} asking_tables;

static const char *file_of(const char *uri)
{
    const char *slash = strrchr(uri, '/');

    return slash ? slash + 1 : uri;
}

/* Title, headings and the file's name: what the table is about. */
static const char *about(arena *memory, const cairn_hit *h)
{
    return arena_printf(memory, "%s %s %s", h->title, h->heading ? h->heading : "", file_of(h->uri));
}

/* The line of the document that holds most of the cells, as the place of the citation. */
static cairn_status find_line(asking_tables *q, const cairn_document *d, const char *const *cells, size_t n, cairn_citation *x)
{
    const char *best = NULL, *end = d->text + d->text_len;
    size_t best_len = 0, most = 0;

    for (const char *line = d->text, *next; line < end; line = next) {
        const char *nl = memchr(line, '\n', (size_t)(end - line));
        size_t len = (size_t)((nl ? nl : end) - line), found = 0;
        next = nl ? nl + 1 : end;
        for (size_t i = 0; i < n && len <= LINE_MAX_; i++)
            found += cells[i] && *cells[i] && memmem(line, len, cells[i], strlen(cells[i])) != NULL;
        if (found > most) {
            most = found;
            best = line;
            best_len = len;
        }
    }
    x->text = best ? arena_strndup(q->memory, best, best_len) : "";
    x->start = best ? (uint64_t)(best - d->text) : 0;
    x->end = x->start + best_len;
    return x->text ? CAIRN_OK : cairn_fail(q->err, CAIRN_ENOMEM, "a table");
}

/* The lines from the first of the rows that the answer names to the last, where they stand near each other; false: they do not. */
static cairn_status find_lines(asking_tables *q, const cairn_document *d, const cairn_rows *rows, const table_result *r, cairn_citation *x, bool *near)
{
    cairn_citation first = {0}, last = {0};
    cairn_status st = find_line(q, d, rows->cells + r->rows[0] * rows->n_columns, rows->n_columns, &first);

    if (!st)
        st = find_line(q, d, rows->cells + r->rows[r->n_rows - 1] * rows->n_columns, rows->n_columns, &last);
    *near = !st && first.end > first.start && last.start > first.start && last.end - first.start <= LINES_MAX;
    if (!*near)
        return st;
    x->start = first.start;
    x->end = last.end;
    x->text = arena_strndup(q->memory, d->text + x->start, (size_t)(x->end - x->start));
    return x->text ? CAIRN_OK : cairn_fail(q->err, CAIRN_ENOMEM, "a table");
}

/* The place of the rows that the answer names, or of the table's names of columns. */
static cairn_status cite(asking_tables *q, const cairn_hit *h, const cairn_rows *rows, const table_result *r, cairn_citation *x)
{
    const char *const *cells = r->n_rows == 1 ? rows->cells + r->rows[0] * rows->n_columns : rows->columns;
    bool found = false;
    cairn_document *d = NULL;
    cairn_status st = cairn_get(q->c, h->uri, &d, q->err);

    if (st)
        return st;
    *x = (cairn_citation){.doc = h->doc, .chunk = h->chunk, .uri = arena_strdup(q->memory, h->uri), .title = arena_strdup(q->memory, h->title),
                          .page = h->page, .supported = true};
    x->page_label = h->page_label ? arena_strdup(q->memory, h->page_label) : NULL;
    st = x->uri && x->title ? CAIRN_OK : cairn_fail(q->err, CAIRN_ENOMEM, "a table");
    if (!st && q->strict && r->n_rows > 1)
        st = find_lines(q, d, rows, r, x, &found);
    if (!st && !found)
        st = find_line(q, d, cells, rows->n_columns, x);
    cairn_document_free(d);
    return st;
}

/* The call with the table that it was done on. */
static const char *name_table(asking_tables *q, const char *call, const char *table, const cairn_hit *h)
{
    json_t *j = json_loads(call, 0, NULL);
    const char *named = NULL;
    char *text;

    if (!j)
        return NULL;
    json_object_set_new(j, "table", json_string(table));
    json_object_set_new(j, "document", json_string(h->uri));
    if (h->heading && *h->heading)
        json_object_set_new(j, "heading", json_string(h->heading));
    text = json_dumps(j, JSON_COMPACT);
    json_decref(j);
    named = text ? arena_strdup(q->memory, text) : NULL;
    free(text);
    return named;
}

typedef struct document_tables {
    asking_tables *q;
    const cairn_hit *h;
    const char *heads;
    const char **prose; /* of the hits before the document's, and its own */
    size_t n_prose;
    size_t n;
} document_tables;

/* Is an answer one to be told? For a plan the best one is. A plain question is answered by tables whose rows are what it names before
 * others (a table of invoices has not all customers), and by each of those that are alike where they say different things. */
static bool is_new(asking_tables *q, const table_result *r)
{
    if (!q->strict) {
        bool better = !q->n || r->cover > q->out->result.cover;
        q->n = better ? 0 : q->n;
        return better;
    }
    if (q->n && q->out->result.own != r->own) {
        if (q->out->result.own)
            return false;
        q->n = 0;
        q->torn = false;
    }
    for (size_t i = 0; i < q->n; i++) {
        const table_result *b = &q->out[i].result;
        if (b->is_number && r->is_number && b->figure == r->figure ? b->number == r->number : !strcmp(r->text, b->text))
            return false;
    }
    return true;
}

static const char *name_of(const asking_tables *q, const cairn_hit *h)
{
    return arena_strdup(q->memory, h->title && *h->title ? h->title : file_of(h->uri));
}

/* Names that are alike give way to those of the files, and these to the tables'. */
static bool tell_apart(asking_tables *q)
{
    for (int step = 0; step < 2; step++) {
        bool alike = false;
        for (size_t i = 0; i < q->n; i++)
            for (size_t k = 0; k < i; k++)
                alike |= !strcmp(q->out[i].name, q->out[k].name);
        for (size_t i = 0; i < q->n && alike; i++) {
            const char *file = file_of(q->out[i].source.uri);
            q->out[i].name = step ? arena_printf(q->memory, "%s, %s", file, q->out[i].table) : arena_strdup(q->memory, file);
            if (!q->out[i].name)
                return false;
        }
    }
    return true;
}

static cairn_status try_table(void *ctx, const cairn_table *t, const cairn_rows *rows, bool *more)
{
    document_tables *d = ctx;
    asking_tables *q = d->q;
    table_grid g = {about(q->memory, d->h), d->h->lang, rows->columns, rows->cells, rows->n_columns, rows->n_rows,
                    q->strict, q->today, d->heads, d->prose, d->n_prose};
    table_result r;
    table_answer *x;
    cairn_status st = g.title ? table_solve(q->an, q->question, &g, q->memory, &r, q->err) : cairn_fail(q->err, CAIRN_ENOMEM, "a table");

    *more = ++d->n < TABLES;
    if (st || !r.text || !is_new(q, &r))
        return st;
    if (q->n == TABLE_ANSWERS_MAX) {
        q->torn = true;
        return CAIRN_OK;
    }
    x = &q->out[q->n];
    *x = (table_answer){.result = r, .table = arena_strdup(q->memory, t->name), .name = name_of(q, d->h)};
    x->result.call = name_table(q, r.call, t->name, d->h);
    st = x->table && x->name && x->result.call ? cite(q, d->h, rows, &r, &x->source) : cairn_fail(q->err, CAIRN_ENOMEM, "a table");
    q->n += !st;
    return st;
}

/* What the rows may be called by, a line each; the signs between a file name's words are none. */
static const char *heads(arena *memory, const cairn_hit *h)
{
    const char *file = file_of(h->uri), *dot = strrchr(file, '.');
    char *name = arena_strndup(memory, file, dot ? (size_t)(dot - file) : strlen(file));

    for (char *p = name; p && *p; p++)
        *p = strchr("-_.+", *p) ? ' ' : *p;
    return name ? arena_printf(memory, "%s\n%s\n%s", h->title, h->heading ? h->heading : "", name) : NULL;
}

/* A document whose tables do not read has none. */
static cairn_status try_document(asking_tables *q, const cairn_hit *h, const cairn_search_result *found)
{
    document_tables d = {.q = q, .h = h};
    cairn_error why = {0};
    cairn_status st;

    if (q->strict) {
        d.heads = heads(q->memory, h);
        d.prose = arena_calloc(q->memory, found->n_hits + 1, sizeof *d.prose);
        if (!d.heads || !d.prose)
            return cairn_fail(q->err, CAIRN_ENOMEM, "a table");
        for (size_t i = 0; i < found->n_hits; i++)
            if (&found->hits[i] < h || found->hits[i].doc == h->doc)
                d.prose[d.n_prose++] = found->hits[i].text;
    }
    st = engine_tables_read(q->c, h->uri, ROWS, try_table, &d, &why);
    return st == CAIRN_ENOMEM ? cairn_fail(q->err, st, "a table") : CAIRN_OK;
}

/* The documents among the hits, in their order, as often as `most`. */
static cairn_status try_documents(asking_tables *q, const cairn_search_result *found, size_t most)
{
    size_t looked = 0;
    cairn_status st = CAIRN_OK;

    for (size_t i = 0; !st && i < found->n_hits && looked < most; i++) {
        const cairn_hit *h = &found->hits[i];
        bool seen = false;
        for (size_t k = 0; k < i && !seen; k++)
            seen = found->hits[k].doc == h->doc && strstr(found->hits[k].text, " | ");
        if (seen || !strstr(h->text, " | "))
            continue;
        looked++;
        st = try_document(q, h, found);
    }
    return st;
}

cairn_status table_question(cairn *c, const cairn_ask_request *request, arena *memory, table_answer *out, cairn_error *err)
{
    asking_tables q = {.c = c, .question = request->question, .memory = memory, .out = out, .err = err};
    cairn_search_result *found = NULL;
    cairn_status st = engine_analyzer(c, &q.an, err);

    *out = (table_answer){0};
    if (!st)
        st = cairn_search(c, &(cairn_search_request){.query = request->question, .plain = true, .filter = request->filter, .mode = request->mode, .k = HITS,
                                                     .budget_ms = -1, .cancel = request->cancel},
                          &found, err);
    if (!st)
        st = try_documents(&q, found, DOCUMENTS);
    cairn_search_result_free(found);
    return st;
}

/* Does the question ask for anything that is done with tables? */
static bool asks_of_tables(const char *question, arena *memory)
{
    char *small = arena_alloc(memory, strlen(question) + 2);
    table_kind kind;
    bool whole;

    if (!small)
        return true; /* who looks on tells */
    utf8_fold_latin(question, strlen(question), small);
    small += !strncmp(small, "\xC2\xBF", 2) ? 2 : 0;
    return table_operation_of(small, &kind, &whole) != TABLE_NOTHING || table_operation_unsaid(small, &whole) != TABLE_NOTHING;
}

cairn_status table_question_plain(cairn *c, const char *question, int64_t today, const cairn_search_result *hits, arena *memory, table_answer *out,
                                  size_t *n, cairn_error *err)
{
    asking_tables q = {.c = c, .question = question, .strict = true, .today = today, .memory = memory, .out = out, .err = err};
    cairn_status st = engine_analyzer(c, &q.an, err);

    *n = 0;
    if (!st && asks_of_tables(question, memory))
        st = try_documents(&q, hits, DOCUMENTS_PLAIN);
    for (size_t i = 0; i < q.n && !st; i++)
        q.torn |= injection_score(out[i].source.text, strlen(out[i].source.text)) >= INJECTION_SENTENCE;
    if (!st && !tell_apart(&q))
        st = cairn_fail(err, CAIRN_ENOMEM, "a table");
    *n = st || q.torn ? 0 : q.n;
    return st;
}
