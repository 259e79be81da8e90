/* mcp_tools.c - the tools that a model may call. One table says name, description and parameters; the
 * JSON schema that clients see and the check of what they send both come from it. */
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/utf8.h"
#include "engine/calculator.h"
#include "engine/care.h"
#include "engine/tables.h"
#include "server/args.h"
#include "engine/json_text.h"
#include "server/audit.h"
#include "server/mcp/mcp.h"
#include "server/present.h"

#define QUERY_BYTES 8192.0
#define TEXT_BYTES  65536 /* of a document, unless asked otherwise */
#define MOST_BYTES  ((double)(1 << 20))
#define URIS_MOST   20

typedef struct tool_args {
    const char *query, *question, *filter, *collection, *uri, *expression, *from, *to, *add;
    cairn_mode mode;
    size_t k, start, max_bytes;
    bool extractive;
    json_t *uris;
} tool_args;

typedef struct tool {
    const char *name, *title, *description;
    const arg_field *fields;
    const char *const *about; /* of each field */
    size_t n;
    /* *text: what the model reads, malloced; *data: the same as JSON */
    cairn_status (*run)(const mcp_call *call, const tool_args *a, bytes *text, json_t **data,
                        cairn_error *err);
} tool;

cairn_status mcp_acquire(const mcp_call *call, const char *collection, cairn **out,
                         cairn_error *err)
{
    const char *name = collection && *collection ? collection
                                                 : service_default_collection(call->s);
    cairn_status st = service_need(call->caller, name, SERVICE_READ, err);

    *out = NULL;
    return st ? st : service_acquire(call->s, call->caller, name, out, err);
}

/* ---- search ---- */

static const arg_field search_fields[] = {
    ARG_FIELD(tool_args, "query", query, ARG_TEXT, true, 1, QUERY_BYTES),
    ARG_FIELD(tool_args, "k", k, ARG_SIZE, false, 1, 50),
    ARG_FIELD(tool_args, "mode", mode, ARG_MODE, false, 0, 0),
    ARG_FIELD(tool_args, "filter", filter, ARG_TEXT, false, 0, QUERY_BYTES),
    ARG_FIELD(tool_args, "collection", collection, ARG_TEXT, false, 0, 100),
};
static const char *const search_about[] = {
    ("Words or a question; \"words in a row\", -without, ext:pdf, dir:\"a b\", date:2025, lang:de, "
     "from:name are understood."),
    "How many passages, 10 unless given.",
    "hybrid (words and meaning), lexical (words) or vector (meaning).",
    "field:value terms that restrict without scoring.",
    "Which collection, the default one unless given.",
};

/* As a reader would look for it: what the document calls it, or its number. */
static cairn_status put_page(bytes *text, uint32_t page, const char *label)
{
    if (label)
        return bytes_printf(text, ", page %s", label);
    return page ? bytes_printf(text, ", page %u", page) : CAIRN_OK;
}

static cairn_status put_hit(bytes *text, const cairn_hit *h)
{
    cairn_status st = bytes_printf(text, "[%zu] %s\n    %s (document %llu", h->rank, h->title, h->uri,
                                   (unsigned long long)h->doc);

    if (!st)
        st = put_page(text, h->page, h->page_label);
    if (!st && h->line)
        st = bytes_printf(text, ", line %u", h->line);
    if (!st)
        st = bytes_append_str(text, ")\n");
    for (size_t i = 0; !st && i < h->n_versions; i++)
        st = bytes_printf(text, "    %s version, %.0f %% alike: %s\n",
                          h->versions[i].mtime_ns > h->modified_ns ? "newer" : "older", h->versions[i].likeness * 100,
                          h->versions[i].uri);
    if (!st)
        st = bytes_append(text, h->text, h->text_len);
    return st ? st : bytes_append_str(text, "\n\n");
}

static cairn_status search(const mcp_call *call, const tool_args *a, bytes *text, json_t **data,
                           cairn_error *err)
{
    cairn_search_request q = {
        .query = a->query, .filter = a->filter, .k = a->k ? a->k : 10, .mode = a->mode, .versions = VERSIONS_COMPARED};
    cairn_search_result *found = NULL;
    cairn *c;
    cairn_status st = mcp_acquire(call, a->collection, &c, err);

    if (!st)
        st = cairn_search(c, &q, &found, err);
    for (size_t i = 0; !st && i < found->n_hits; i++)
        st = put_hit(text, &found->hits[i]);
    if (!st && !found->n_hits)
        st = bytes_append_str(text, "Nothing found.");
    if (!st)
        *data = present_search(a->query, found, false);
    cairn_search_result_free(found);
    service_release(call->s, c);
    return st;
}

/* ---- get and multi_get ---- */

static const arg_field get_fields[] = {
    ARG_FIELD(tool_args, "uri", uri, ARG_TEXT, true, 1, QUERY_BYTES),
    ARG_FIELD(tool_args, "start", start, ARG_SIZE, false, 0, 4294967295.0),
    ARG_FIELD(tool_args, "max_bytes", max_bytes, ARG_SIZE, false, 1, MOST_BYTES),
    ARG_FIELD(tool_args, "collection", collection, ARG_TEXT, false, 0, 100),
};
static const char *const get_about[] = {
    "The document's uri, or its number.",
    "Byte of the text to begin at, 0 unless given.",
    "How much text at most, 65536 unless given.",
    "Which collection, the default one unless given.",
};

static cairn_status put_document(cairn *c, const char *uri, size_t start, size_t max, bytes *text,
                                 json_t **data, cairn_error *err)
{
    cairn_document *d = NULL;
    size_t end;
    cairn_status st = cairn_get(c, uri, &d, err);

    if (st)
        return st;
    start = utf8_floor(d->text, start < d->text_len ? start : d->text_len);
    end = utf8_floor(d->text, max < d->text_len - start ? start + max : d->text_len);
    *data = present_document(d);
    json_object_set_new(*data, "start", json_integer((json_int_t)start));
    json_object_set_new(*data, "end", json_integer((json_int_t)end));
    json_object_set_new(*data, "length", json_integer((json_int_t)d->text_len));
    json_object_set_new(*data, "text", json_text(d->text + start, end - start));
    st = bytes_printf(text, "%s\n%s (document %llu, bytes %zu to %zu of %zu)\n\n", d->title, d->uri,
                      (unsigned long long)d->id, start, end, d->text_len);
    if (!st)
        st = bytes_append(text, d->text + start, end - start);
    if (!st)
        st = bytes_append_str(text, "\n\n");
    cairn_document_free(d);
    return st;
}

static cairn_status get(const mcp_call *call, const tool_args *a, bytes *text, json_t **data,
                        cairn_error *err)
{
    cairn *c;
    cairn_status st = mcp_acquire(call, a->collection, &c, err);

    if (!st)
        st = put_document(c, a->uri, a->start, a->max_bytes ? a->max_bytes : TEXT_BYTES, text, data,
                          err);
    service_release(call->s, c);
    return st;
}

static const arg_field multi_fields[] = {
    ARG_FIELD(tool_args, "uris", uris, ARG_LIST, true, 1, URIS_MOST),
    ARG_FIELD(tool_args, "max_bytes", max_bytes, ARG_SIZE, false, 1, MOST_BYTES),
    ARG_FIELD(tool_args, "collection", collection, ARG_TEXT, false, 0, 100),
};
static const char *const multi_about[] = {
    "Uris or numbers of 1 to 20 documents.",
    "How much text of all together at most, 65536 unless given.",
    "Which collection, the default one unless given.",
};

/* What cannot be had is said in its place; the others come all the same. */
static cairn_status multi_get(const mcp_call *call, const tool_args *a, bytes *text, json_t **data,
                              cairn_error *err)
{
    size_t n = json_array_size(a->uris), share = a->max_bytes ? a->max_bytes : TEXT_BYTES;
    json_t *all = json_array();
    cairn *c;
    cairn_status st = mcp_acquire(call, a->collection, &c, err);

    for (size_t i = 0; !st && i < n; i++) {
        const char *uri = json_string_value(json_array_get(a->uris, i));
        json_t *one = NULL;
        cairn_error problem = {0};
        if (!uri) {
            st = cairn_fail(err, CAIRN_EUSAGE, "\"uris\" is a list of texts");
            break;
        }
        if (put_document(c, uri, 0, share / n ? share / n : 1, text, &one, &problem)) {
            json_decref(one);
            one = json_pack("{s:o,s:o}", "uri", json_str(uri), "error", json_str(problem.text));
            st = bytes_printf(text, "%s: %s\n\n", uri, problem.text);
        }
        json_array_append_new(all, one);
    }
    service_release(call->s, c);
    *data = st ? NULL : json_pack("{s:O}", "documents", all);
    json_decref(all);
    return st;
}

/* ---- ask and status ---- */

static const arg_field ask_fields[] = {
    ARG_FIELD(tool_args, "question", question, ARG_TEXT, true, 1, QUERY_BYTES),
    ARG_FIELD(tool_args, "filter", filter, ARG_TEXT, false, 0, QUERY_BYTES),
    ARG_FIELD(tool_args, "mode", mode, ARG_MODE, false, 0, 0),
    ARG_FIELD(tool_args, "extractive", extractive, ARG_BOOL, false, 0, 0),
    ARG_FIELD(tool_args, "collection", collection, ARG_TEXT, false, 0, 100),
};
static const char *const ask_about[] = {
    "A question in plain language.",
    "field:value terms that restrict the documents.",
    "hybrid (words and meaning), lexical (words) or vector (meaning).",
    "Answer with the documents' own sentence, at once; no language model writes.",
    "Which collection, the default one unless given.",
};

/* What it was taken apart into, a line each. */
static cairn_status put_parts(bytes *text, const char *parts)
{
    cairn_status st = CAIRN_OK;

    while (!st && parts && *parts) {
        size_t len = strcspn(parts, "\n");
        st = bytes_printf(text, "\nAsked in parts: %.*s\n", (int)len, parts);
        parts += len + (parts[len] == '\n');
    }
    return st;
}

/* What the model of models.entailment made of each sentence, as `cairn ask --explain` tells it. */
static cairn_status put_entailed(bytes *text, const cairn_answer *a)
{
    cairn_status st = a->n_entailed ? bytes_append(text, "\n", 1) : CAIRN_OK;

    for (size_t i = 0; !st && i < a->n_entailed; i++) {
        const cairn_entailed *x = &a->entailed[i];
        st = bytes_printf(text, "%s (%.2f; neutral %.2f, contradiction %.2f): %s\n",
                          x->held ? "Follows" : "Does not follow", (double)x->entails, (double)x->neutral,
                          (double)x->contradicts, x->text);
    }
    return st;
}

static cairn_status ask(const mcp_call *call, const tool_args *a, bytes *text, json_t **data,
                        cairn_error *err)
{
    cairn_ask_request q = {
        .question = a->question, .filter = a->filter, .mode = a->mode, .extractive = a->extractive,
        .cancel = call->cancel};
    cairn_answer *answer = NULL;
    cairn *c;
    cairn_status st = mcp_acquire(call, a->collection, &c, err);

    if (!st)
        st = cairn_ask(c, &q, NULL, NULL, &answer, err);
    if (!st)
        st = bytes_printf(text, "%s\n", answer->text);
    for (size_t i = 0; !st && i < answer->n_citations; i++) {
        const cairn_citation *x = &answer->citations[i];
        st = bytes_printf(text, "\n[%zu] %s", x->n, x->uri);
        if (!st)
            st = put_page(text, x->page, x->page_label);
        if (!st)
            st = bytes_printf(text, "%s\n    %s\n", x->supported ? "" : " (not confirmed)", x->text);
    }
    if (!st)
        st = put_parts(text, answer->parts);
    if (!st)
        st = put_entailed(text, answer);
    if (!st)
        *data = present_answer(answer);
    cairn_answer_free(answer);
    service_release(call->s, c);
    return st;
}

static const arg_field status_fields[] = {
    ARG_FIELD(tool_args, "collection", collection, ARG_TEXT, false, 0, 100),
};
static const char *const status_about[] = {"Which collection, the default one unless given."};

static cairn_status status(const mcp_call *call, const tool_args *a, bytes *text, json_t **data,
                           cairn_error *err)
{
    cairn_status_info info = {0};
    cairn *c;
    cairn_status st = mcp_acquire(call, a->collection, &c, err);

    if (!st)
        st = cairn_status_get(c, &info, err);
    if (!st)
        st = bytes_printf(text, "%llu documents, %llu passages, %llu vectors (%llu still to make), %llu "
                                "files could not be read.",
                          (unsigned long long)info.documents, (unsigned long long)info.chunks,
                          (unsigned long long)info.vectors,
                          (unsigned long long)info.pending_vectors,
                          (unsigned long long)info.failures);
    if (!st)
        *data = present_status(&info);
    cairn_status_clear(&info);
    service_release(call->s, c);
    return st;
}

/* ---- tables, sums and dates ---- */

static const arg_field tables_fields[] = {
    ARG_FIELD(tool_args, "uri", uri, ARG_TEXT, true, 1, QUERY_BYTES),
    ARG_FIELD(tool_args, "collection", collection, ARG_TEXT, false, 0, 100),
};
static const char *const tables_about[] = {
    "The document's uri, or its number.",
    "Which collection, the default one unless given.",
};

typedef struct listing {
    bytes *text;
    json_t *all;
    cairn_status st;
} listing;

static bool put_table(void *ctx, const cairn_table *t)
{
    listing *l = ctx;
    json_t *columns = json_array();

    l->st = bytes_printf(l->text, "%s (%zu rows):", t->name, t->n_rows);
    for (size_t i = 0; i < t->n_columns; i++) {
        json_array_append_new(columns, json_str(t->columns[i]));
        if (!l->st)
            l->st = bytes_printf(l->text, "%s %s", i ? "," : "", t->columns[i]);
    }
    if (!l->st)
        l->st = bytes_append_byte(l->text, '\n');
    json_array_append_new(l->all, json_pack("{s:s,s:o,s:I,s:o}", "name", t->name, "columns", columns, "rows",
                                            (json_int_t)t->n_rows, "page",
                                            t->page ? json_integer(t->page) : json_null()));
    return !l->st;
}

static cairn_status tables(const mcp_call *call, const tool_args *a, bytes *text, json_t **data,
                           cairn_error *err)
{
    listing l = {.text = text, .all = json_array()};
    cairn *c;
    cairn_status st = mcp_acquire(call, a->collection, &c, err);

    if (!st)
        st = cairn_table_list(c, a->uri, put_table, &l, err);
    if (!st)
        st = l.st;
    if (!st && !json_array_size(l.all))
        st = bytes_append_str(text, "No tables.");
    service_release(call->s, c);
    *data = st ? NULL : json_pack("{s:O}", "tables", l.all);
    json_decref(l.all);
    return st;
}

static const arg_field sql_fields[] = {
    ARG_FIELD(tool_args, "query", query, ARG_TEXT, true, 1, CAIRN_SQL_MAX),
    ARG_FIELD(tool_args, "uri", uri, ARG_TEXT, false, 1, QUERY_BYTES),
    ARG_FIELD(tool_args, "k", k, ARG_SIZE, false, 1, 1000),
    ARG_FIELD(tool_args, "collection", collection, ARG_TEXT, false, 0, 100),
};
static const char *const sql_about[] = {
    "One SELECT, in SQLite's SQL.",
    ("The document whose tables are asked, as t1, t2 and so on (see tables): its uri, or its number. Without one the "
     "query has no tables."),
    "How many rows at most, 100 unless given.",
    "Which collection, the default one unless given.",
};

static cairn_status put_rows(bytes *text, const cairn_rows *r, json_t *columns, json_t *rows)
{
    cairn_status st = CAIRN_OK;

    for (size_t i = 0; i < r->n_columns && !st; i++) {
        json_array_append_new(columns, json_str(r->columns[i]));
        st = bytes_printf(text, "%s%s", i ? " | " : "", r->columns[i]);
    }
    for (size_t i = 0; i < r->n_rows && !st; i++) {
        json_t *row = json_array();
        st = bytes_append_byte(text, '\n');
        for (size_t k = 0; k < r->n_columns && !st; k++) {
            const char *cell = r->cells[i * r->n_columns + k];
            json_array_append_new(row, json_str(cell));
            st = bytes_printf(text, "%s%s", k ? " | " : "", cell ? cell : "");
        }
        json_array_append_new(rows, row);
    }
    return !st && r->cut ? bytes_append_str(text, "\n(there are more rows)") : st;
}

static cairn_status sql(const mcp_call *call, const tool_args *a, bytes *text, json_t **data, cairn_error *err)
{
    json_t *columns = json_array(), *rows = json_array();
    cairn_rows *r = NULL;
    cairn *c;
    cairn_status st = mcp_acquire(call, a->collection, &c, err);

    if (!st)
        st = cairn_sql(c, a->uri, a->query, a->k ? a->k : 100, &r, err);
    if (!st)
        st = put_rows(text, r, columns, rows);
    if (!st)
        *data = json_pack("{s:O,s:O,s:b,s:o}", "columns", columns, "rows", rows, "cut", r->cut, "uri",
                          json_str(r->uri));
    cairn_rows_free(r);
    service_release(call->s, c);
    json_decref(columns);
    json_decref(rows);
    return st;
}

static const arg_field calculate_fields[] = {
    ARG_FIELD(tool_args, "expression", expression, ARG_TEXT, true, 1, CALCULATOR_MAX),
};
static const char *const calculate_about[] = {
    "A sum: + - * / ^, brackets, percentages (15% of 80), sqrt, abs, round, floor, ceil, min, max, sum, mean, ln, log10, "
    "exp, pi, e.",
};

static cairn_status calculate(const mcp_call *call, const tool_args *a, bytes *text, json_t **data,
                              cairn_error *err)
{
    char shown[32];
    double x;
    cairn_status st = calculator_eval(a->expression, strlen(a->expression), &x, err);

    (void)call;
    if (st)
        return st;
    calculator_format(x, shown);
    *data = json_pack("{s:f}", "value", x);
    return bytes_append_str(text, shown);
}

static const arg_field dates_fields[] = {
    ARG_FIELD(tool_args, "from", from, ARG_TEXT, true, 10, 10),
    ARG_FIELD(tool_args, "to", to, ARG_TEXT, false, 10, 10),
    ARG_FIELD(tool_args, "add", add, ARG_TEXT, false, 1, 40),
};
static const char *const dates_about[] = {
    "A date: 2025-03-31.",
    "Another date: the answer says how many days lie between.",
    "What to add, +90 days, -2 weeks, 3 months or 1 year: the answer is the date then.",
};

static cairn_status dates(const mcp_call *call, const tool_args *a, bytes *text, json_t **data,
                          cairn_error *err)
{
    int64_t from, to, days;
    char shown[16];
    cairn_status st = calculator_day(a->from, &from, err);

    (void)call;
    if (!st && a->to && a->add)
        st = cairn_fail(err, CAIRN_EUSAGE, "\"to\" or \"add\", not both");
    to = from;
    if (!st && a->to)
        st = calculator_day(a->to, &to, err);
    if (!st && a->add)
        st = calculator_add(from, a->add, &to, err);
    if (st)
        return st;
    days = to - from;
    calculator_day_text(to, shown);
    *data = json_pack("{s:s,s:s,s:I}", "date", shown, "weekday", calculator_weekday(to), "days", (json_int_t)days);
    return bytes_printf(text, "%s, a %s; %lld days from %s", shown, calculator_weekday(to), (long long)days, a->from);
}

/* ---- the table ---- */

static const tool tools[] = {
    {"search", "Search documents",
     "Find passages in the user's documents by words and meaning. Gives ranked passages with document, "
     "page or line.",
     search_fields, search_about, ARG_COUNT(search_fields), search},
    {"get", "Read a document", "Read the text of one document, or a part of it.", get_fields,
     get_about, ARG_COUNT(get_fields), get},
    {"multi_get", "Read several documents", "Read the beginnings of several documents.", multi_fields,
     multi_about, ARG_COUNT(multi_fields), multi_get},
    {"ask", "Ask the documents",
     "Let the local model answer a question from the documents, with checked citations; says so when "
     "the documents do not hold the answer.",
     ask_fields, ask_about, ARG_COUNT(ask_fields), ask},
    {"status", "Index status", "How many documents there are and whether the index is complete.",
     status_fields, status_about, ARG_COUNT(status_fields), status},
    {"tables", "Tables of a document", "The tables of a spreadsheet, a CSV file or a document, with their columns.",
     tables_fields, tables_about, ARG_COUNT(tables_fields), tables},
    {"sql", "Query tables", "Ask the tables of a document in SQL. Nothing can be changed.", sql_fields, sql_about,
     ARG_COUNT(sql_fields), sql},
    {"calculate", "Calculator", "Work out a sum exactly.", calculate_fields, calculate_about,
     ARG_COUNT(calculate_fields), calculate},
    {"dates", "Dates", "Days between two dates, a date some time later or earlier, the day of the week.",
     dates_fields, dates_about, ARG_COUNT(dates_fields), dates},
};

static json_t *field_schema(const arg_field *f, const char *about)
{
    json_t *j;

    switch (f->kind) {
    case ARG_SIZE:
        j = json_pack("{s:s,s:I,s:I}", "type", "integer", "minimum", (json_int_t)f->least, "maximum",
                      (json_int_t)f->most);
        break;
    case ARG_MODE:
        j = json_pack("{s:s,s:[s,s,s]}", "type", "string", "enum", "hybrid", "lexical", "vector");
        break;
    case ARG_BOOL:
        j = json_pack("{s:s}", "type", "boolean");
        break;
    case ARG_LIST:
        j = json_pack("{s:s,s:{s:s},s:I,s:I}", "type", "array", "items", "type", "string", "minItems",
                      (json_int_t)f->least, "maxItems", (json_int_t)f->most);
        break;
    default:
        j = json_pack("{s:s,s:I,s:I}", "type", "string", "minLength", (json_int_t)f->least,
                      "maxLength", (json_int_t)f->most);
    }
    json_object_set_new(j, "description", json_string(about));
    return j;
}

static json_t *tool_schema(const tool *t)
{
    json_t *properties = json_object(), *required = json_array();

    for (size_t i = 0; i < t->n; i++) {
        json_object_set_new(properties, t->fields[i].name, field_schema(&t->fields[i], t->about[i]));
        if (t->fields[i].required)
            json_array_append_new(required, json_string(t->fields[i].name));
    }
    return json_pack("{s:s,s:o,s:o,s:b}", "type", "object", "properties", properties, "required",
                     required, "additionalProperties", 0);
}

json_t *mcp_tools_list(void)
{
    json_t *all = json_array();

    for (size_t i = 0; i < ARG_COUNT(tools); i++)
        json_array_append_new(all, json_pack("{s:s,s:s,s:s,s:o,s:{s:b,s:b}}", "name", tools[i].name,
                                             "title", tools[i].title, "description",
                                             tools[i].description, "inputSchema",
                                             tool_schema(&tools[i]), "annotations", "readOnlyHint", 1,
                                             "openWorldHint", 0));
    return all;
}

static json_t *tool_result(const char *text, size_t len, json_t *data, bool error)
{
    json_t *j = json_pack("{s:[{s:s,s:o}],s:b}", "content", "type", "text", "text",
                          json_text(text ? text : "", len), "isError", (int)error);

    if (data)
        json_object_set_new(j, "structuredContent", data);
    return j;
}

static json_t *run_tool(const mcp_call *call, const tool *t, const json_t *arguments)
{
    tool_args a = {0};
    json_t *data = NULL, *result;
    cairn_error err = {0};
    cairn_status st = CAIRN_OK;
    bytes text;

    bytes_init(&text, (size_t)16 << 20);
    st = args_read(arguments, t->fields, t->n, true, &a, &err);
    if (!st)
        st = t->run(call, &a, &text, &data, &err);
    if (st) {
        json_decref(data);
        result = tool_result(err.text[0] ? err.text : cairn_status_name(st),
                             strlen(err.text[0] ? err.text : cairn_status_name(st)), NULL, true);
    } else {
        result = tool_result(text.data, text.len, data, false);
    }
    bytes_clear(&text);
    return result;
}

cairn_status mcp_tool_call(const mcp_call *call, const char *name, const json_t *arguments,
                           json_t **result, cairn_error *err)
{
    json_t *none = arguments ? NULL : json_object();

    *result = NULL;
    service_audit(call->s, call->caller, "mcp", "", "", name, arguments);
    for (size_t i = 0; !*result && i < ARG_COUNT(tools); i++)
        if (!strcmp(tools[i].name, name))
            *result = run_tool(call, &tools[i], arguments ? arguments : none);
    json_decref(none);
    return *result ? CAIRN_OK
                   : cairn_fail(err, CAIRN_ENOTFOUND, "there is no tool \"%s\"", name);
}
