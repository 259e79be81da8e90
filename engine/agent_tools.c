/* agent_tools.c - see agent.h. */
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "engine/agent.h"
#include "engine/calculator.h"
#include "engine/memory.h"
#include "engine/tables.h"
#include "retrieve/cite.h"
#include "retrieve/injection.h"
#include "retrieve/quantity.h"
#include "retrieve/sentences.h"

#define SEARCH_HITS   5
#define LISTED_MAX    10
#define OPENED_BYTES  600
#define COLUMNS_TOLD  12
#define COLUMN_BYTES  30
#define TABLES_TOLD   4
#define ROWS_TOLD     20
#define SHARED_LEAST  0.5 /* of the words of what is looked up: also in the question, or in a result */

typedef struct parameter {
    const char *name, *about;
    bool required;
} parameter;

typedef struct tool {
    const char *name, *about;
    parameter parameters[3];
    bool writes;
    cairn_status (*run)(agent *a, const json_t *call, const char **problem, cairn_error *err);
} tool;

static const char *text_of(const json_t *call, const char *name)
{
    const char *s = json_string_value(json_object_get(call, name));

    return s && *s ? s : NULL;
}

/* Why a call is not run, for the planner. */
static cairn_status refuse(agent *a, const char **problem, const char *why)
{
    *problem = arena_strdup(a->memory, why);
    return *problem ? CAIRN_OK : CAIRN_ENOMEM;
}

/* A tool that failed has only failed: the plan goes on. Memory and cancelling are another thing. */
static cairn_status failed(agent *a, cairn_status st, const cairn_error *why, const char **problem, cairn_error *err)
{
    if (st == CAIRN_ENOMEM || st == CAIRN_ECANCELLED || st == CAIRN_ECORRUPT) {
        if (err)
            *err = *why;
        return st;
    }
    return refuse(a, problem, why->text[0] ? why->text : cairn_status_name(st));
}

/* ---- results in parameters ---- */

/* $1 .. $16 at `p`: the result, *len the bytes it takes; NULL: none there, or not yet. */
static const agent_value *reference(const agent *a, const char *p, size_t *len)
{
    char *end;
    unsigned long k;

    if (*p != '$' || !isdigit((unsigned char)p[1]))
        return NULL;
    k = strtoul(p + 1, &end, 10);
    *len = (size_t)(end - p);
    return k && k <= a->n_values && a->values[k - 1].found ? &a->values[k - 1] : NULL;
}

/* `text` with results in place of their references: numbers for sums, else as the documents write them. */
static cairn_status fill_in(agent *a, const char *text, bool numbers, char **out, const char **problem)
{
    bytes all;
    cairn_status st = CAIRN_OK;

    *out = NULL;
    bytes_init(&all, 16 * AGENT_TEXT_MAX);
    for (const char *p = text; !st && *p;) {
        char shown[32];
        size_t len = 1;
        const agent_value *v = reference(a, p, &len);
        if (*p == '$' && (!v || (numbers && !v->is_number))) {
            bytes_clear(&all);
            return refuse(a, problem, !v      ? "there is no such result yet: call look_up first"
                                      : "that result is no number: look up something else");
        }
        if (v && numbers) {
            calculator_format(v->number, shown);
            st = bytes_printf(&all, v->number < 0 ? "(%s)" : "%s", shown);
        } else if (v && v->is_date) {
            calculator_day_text(v->day, shown);
            st = bytes_append_str(&all, shown);
        } else if (v) {
            st = bytes_append_str(&all, v->text ? v->text : "");
        } else {
            st = bytes_append(&all, p, 1);
        }
        p += len;
    }
    if (!st)
        *out = arena_strndup(a->memory, all.data ? all.data : "", all.len);
    bytes_clear(&all);
    return *out ? CAIRN_OK : CAIRN_ENOMEM;
}

/* ---- documents ---- */

/* The handle of a document, d1 and so on; 0 when there are too many. */
static size_t handle_of(agent *a, const char *uri)
{
    for (size_t i = 0; i < a->n_documents; i++)
        if (!strcmp(a->documents[i], uri))
            return i + 1;
    if (a->n_documents == AGENT_DOCUMENTS_MAX ||
        !(a->documents[a->n_documents] = arena_strdup(a->memory, uri)))
        return 0;
    return ++a->n_documents;
}

static const char *document_of(const agent *a, const char *handle)
{
    char *end = NULL;
    unsigned long k = handle && handle[0] == 'd' && isdigit((unsigned char)handle[1]) ? strtoul(handle + 1, &end, 10) : 0;

    return k && !*end && k <= a->n_documents ? a->documents[k - 1] : NULL;
}

static cairn_status cite(agent *a, const cairn_citation *from, size_t *number)
{
    size_t n = 0;

    for (size_t i = 0; i < a->n_citations; i++) {
        if (a->citations[i].chunk == from->chunk && a->citations[i].start == from->start) {
            *number = a->citations[i].n;
            return CAIRN_OK;
        }
        n = a->citations[i].n > n ? a->citations[i].n : n;
    }
    *number = n + 1;
    if (a->n_citations == sizeof a->citations / sizeof *a->citations)
        return CAIRN_OK;
    cairn_citation *x = &a->citations[a->n_citations++];
    *x = *from;
    x->n = *number;
    x->uri = arena_strdup(a->memory, from->uri);
    x->title = arena_strdup(a->memory, from->title ? from->title : "");
    x->text = arena_strdup(a->memory, from->text);
    x->page_label = from->page_label ? arena_strdup(a->memory, from->page_label) : NULL;
    return x->uri && x->title && x->text && (x->page_label || !from->page_label) ? CAIRN_OK : CAIRN_ENOMEM;
}

/* ---- look_up ---- */

/* The value of what was found: its first number, amount or date. */
static cairn_status read_value(agent *a, const cairn_answer *found, agent_value *v)
{
    quantity *q = NULL;
    size_t n = 0;
    const char *brief = found->short_answer;
    cairn_status st;

    v->found = true;
    if (!brief)
        return CAIRN_OK;
    v->text = arena_strdup(a->memory, brief);
    st = v->text ? quantities_find(v->text, strlen(v->text), a->memory, &q, &n, NULL) : CAIRN_ENOMEM;
    if (st || !n)
        return st;
    if (q[0].kind == QUANTITY_DATE && q[0].year && q[0].month && q[0].day) {
        char text[32];
        snprintf(text, sizeof text, "%04d-%02d-%02d", q[0].year, q[0].month, q[0].day);
        v->is_date = !calculator_day(text, &v->day, NULL);
    } else if (q[0].kind == QUANTITY_NUMBER && isfinite(q[0].value[0])) {
        v->is_number = true;
        v->number = q[0].value[0];
    }
    return CAIRN_OK;
}

/* A span of time in the words that `dates` reads, for the planner: numbers and units are the engine's. */
static const char *span_unit(const char *text)
{
    static const char *const units[][2] = {{"day", "days"},   {"Tag", "days"},    {"week", "weeks"}, {"Woche", "weeks"},
                                           {"month", "months"}, {"Monat", "months"}, {"year", "years"}, {"Jahr", "years"}};

    for (size_t i = 0; text && i < sizeof units / sizeof *units; i++)
        if (strcasestr(text, units[i][0]))
            return units[i][1];
    return NULL;
}

static cairn_status tell_value(agent *a, const agent_value *v)
{
    char shown[32];
    const char *unit;

    if (v->is_date) {
        calculator_day_text(v->day, shown);
        return bytes_append_str(&a->told, shown);
    }
    if (!v->is_number)
        return bytes_append_str(&a->told, "found, a text");
    calculator_format(v->number, shown);
    unit = span_unit(v->text);
    return bytes_printf(&a->told, "%s%s%s", shown, unit ? " " : "", unit ? unit : "");
}

cairn_status agent_look_up(agent *a, const char *question, const char **problem, cairn_error *err)
{
    cairn_ask_request q = {.question = question,
                           .filter = a->request->filter,
                           .mode = a->request->mode,
                           .cancel = a->request->cancel,
                           .extractive = true,
                           .no_cache = true};
    cairn_answer *found = NULL;
    cairn_error why = {0};
    char *plain = NULL;
    size_t number = 0;
    cairn_status st = cairn_ask(a->c, &q, NULL, NULL, &found, &why);

    if (st)
        return failed(a, st, &why, problem, err);
    if (found->confidence > a->out->confidence)
        a->out->confidence = found->confidence;
    if (found->refused) {
        st = refuse(a, problem, "not in the documents");
    } else {
        st = cite_strip_markers(found->text, strlen(found->text), a->memory, &plain, err);
        if (!st)
            st = read_value(a, found, &a->values[a->n_values]);
        if (!st)
            st = tell_value(a, &a->values[a->n_values]);
        if (!st)
            st = bytes_append_str(&a->result, plain);
        if (!st)
            st = bytes_append_str(&a->answer, plain);
        for (size_t i = 0; !st && i < found->n_citations; i++) {
            st = cite(a, &found->citations[i], &number);
            if (!st)
                st = bytes_printf(&a->answer, " [%zu]", number);
        }
    }
    cairn_answer_free(found);
    return st;
}

static cairn_status look_up(agent *a, const json_t *call, const char **problem, cairn_error *err)
{
    const char *text = text_of(call, "question");
    char *question = NULL;
    double share;
    cairn_status st = fill_in(a, text, false, &question, problem);

    if (st || *problem)
        return st;
    st = agent_shared_words(a, text, &share, err);
    if (!st && share < SHARED_LEAST)
        return refuse(a, problem, "that is not what the user asked: look up what the question is about");
    return st ? st : agent_look_up(a, question, problem, err);
}

/* ---- calculate and dates ---- */

static cairn_status calculate(agent *a, const json_t *call, const char **problem, cairn_error *err)
{
    char *filled = NULL, shown[32];
    bool known = false, twice = false, grounded = false;
    double x = 0;
    cairn_error why = {0};
    cairn_status st = fill_in(a, text_of(call, "expression"), true, &filled, problem);

    (void)err;
    if (st || *problem)
        return st;
    st = agent_numbers_known(a, filled, &known, &grounded);
    if (st)
        return st;
    if (!known)
        return refuse(a, problem, "a number there is neither in the question nor a result: look it up first");
    st = agent_counts_twice(a, filled, &twice);
    if (st)
        return st;
    if (twice)
        return refuse(a, problem, "a result counts once in a sum");
    if (calculator_eval(filled, strlen(filled), &x, &why))
        return refuse(a, problem, why.text);
    if (!grounded)
        return refuse(a, problem, "no number there is the question's or a result: look it up first");
    calculator_format(x, shown);
    if (!strcmp(filled, shown))
        return refuse(a, problem, "that is no sum");
    a->values[a->n_values] = (agent_value){.found = true, .is_number = true, .number = x,
                                    .text = arena_strdup(a->memory, shown)};
    st = bytes_append_str(&a->told, shown);
    if (!st)
        st = bytes_printf(&a->result, "%s = %s", filled, shown);
    return st ? st : bytes_printf(&a->answer, "%s = %s", filled, shown);
}

static cairn_status dates(agent *a, const json_t *call, const char **problem, cairn_error *err)
{
    const char *to_text = text_of(call, "to"), *add_text = text_of(call, "add");
    char *from_filled = NULL, *other = NULL, shown[16];
    bool known = true, grounded;
    int64_t from, to;
    cairn_error why = {0};
    agent_value *v = &a->values[a->n_values];
    cairn_status st;

    (void)err;
    if (!to_text == !add_text)
        return refuse(a, problem, "dates needs \"from\" and either \"to\" or \"add\"");
    st = fill_in(a, text_of(call, "from"), false, &from_filled, problem);
    if (!st && !*problem)
        st = fill_in(a, to_text ? to_text : add_text, false, &other, problem);
    if (st || *problem)
        return st;
    if (!strchr(text_of(call, "from"), '$'))
        st = agent_numbers_known(a, from_filled, &known, &grounded);
    if (!st && known && !strchr(to_text ? to_text : add_text, '$'))
        st = agent_numbers_known(a, other, &known, &grounded);
    if (st)
        return st;
    if (!known)
        return refuse(a, problem, "a date or number there is neither in the question nor a result: look it up first");
    if (calculator_day(from_filled, &from, &why) ||
        (to_text ? calculator_day(other, &to, &why) : calculator_add(from, other, &to, &why)))
        return refuse(a, problem, why.text);
    calculator_day_text(to, shown);
    *v = (agent_value){.found = true};
    if (to_text) {
        v->is_number = true;
        v->number = (double)(to - from);
        st = bytes_printf(&a->told, "%lld days", (long long)(to - from));
        if (!st)
            st = bytes_printf(&a->result, "from %s to %s: %lld days", from_filled, shown, (long long)(to - from));
    } else {
        v->is_date = true;
        v->day = to;
        st = bytes_append_str(&a->told, shown);
        if (!st)
            st = bytes_printf(&a->result, "%s %s: %s, a %s", from_filled, other, shown, calculator_weekday(to));
    }
    return st ? st : bytes_append(&a->answer, a->result.data, a->result.len);
}

/* ---- search, list, open, sql ---- */

static cairn_status tell_documents(agent *a, size_t found, size_t first, size_t last)
{
    cairn_status st = bytes_printf(&a->told, "%zu found", found);

    a->values[a->n_values] = (agent_value){.found = found > 0, .is_number = true, .number = (double)found};
    if (!st && last > first)
        st = bytes_printf(&a->told, ", d%zu to d%zu", first + 1, last);
    return st;
}

static cairn_status search(agent *a, const json_t *call, const char **problem, cairn_error *err)
{
    const char *text = text_of(call, "query");
    char *query = NULL;
    cairn_search_result *found = NULL;
    cairn_error why = {0};
    size_t first = a->n_documents;
    double share;
    cairn_status st = fill_in(a, text, false, &query, problem);

    if (st || *problem)
        return st;
    st = agent_shared_words(a, text, &share, err);
    if (!st && share < SHARED_LEAST)
        return refuse(a, problem, "that is not what the user asked: search for what the question is about");
    if (st)
        return st;
    st = cairn_search(a->c,
                      &(cairn_search_request){
                          .query = query, .filter = a->request->filter, .mode = a->request->mode, .k = SEARCH_HITS},
                      &found, &why);
    if (st)
        return failed(a, st, &why, problem, err);
    for (size_t i = 0; !st && i < found->n_hits; i++) {
        const cairn_hit *h = &found->hits[i];
        cairn_citation x = {.doc = h->doc, .chunk = h->chunk, .uri = h->uri, .title = h->title, .page = h->page, .page_label = h->page_label,
                            .start = h->byte_start, .end = h->byte_end, .supported = true, .text = ""};
        size_t number;
        if (!handle_of(a, h->uri))
            continue;
        st = cite(a, &x, &number);
        if (!st)
            st = bytes_printf(&a->result, "%s%s", i ? "; " : "", h->uri);
        if (!st)
            st = bytes_printf(&a->answer, "%s%s [%zu]", i ? "; " : "", *h->title ? h->title : h->uri, number);
    }
    if (!st)
        st = tell_documents(a, found->n_hits, first, a->n_documents);
    cairn_search_result_free(found);
    return st;
}

typedef struct listing {
    agent *a;
    size_t n;
    cairn_status st;
} listing;

static bool note_document(void *ctx, const cairn_document *d)
{
    listing *l = ctx;

    if (l->n++ < LISTED_MAX && handle_of(l->a, d->uri))
        l->st = bytes_printf(&l->a->result, "%s%s", l->a->result.len ? "; " : "", d->uri);
    return !l->st;
}

static cairn_status list(agent *a, const json_t *call, const char **problem, cairn_error *err)
{
    const char *filter = text_of(call, "filter");
    listing l = {.a = a};
    size_t first = a->n_documents;
    cairn_error why = {0};
    char *both = filter && a->request->filter ? arena_printf(a->memory, "(%s) AND (%s)", a->request->filter, filter) : NULL;
    cairn_status st = cairn_list_filtered(a->c, NULL, both ? both : filter ? filter : a->request->filter, note_document,
                                          &l, NULL, &why);

    if (st)
        return failed(a, st, &why, problem, err);
    st = l.st ? l.st : tell_documents(a, l.n, first, a->n_documents);
    if (!st)
        st = bytes_printf(&a->answer, "%zu documents: ", l.n);
    if (!st)
        st = bytes_append(&a->answer, a->result.data, a->result.len);
    return !st && l.n > LISTED_MAX ? bytes_append_str(&a->answer, "; ...") : st;
}

/* A column's name as the planner may see it: few plain letters, nothing that speaks to a model. */
static bool plain_name(const char *name)
{
    size_t len = strlen(name), words = 1;

    for (size_t i = 0; i < len; i++) {
        if (!isalnum((unsigned char)name[i]) && !strchr(" _-.", name[i]))
            return false;
        words += name[i] == ' ';
    }
    return len && len <= COLUMN_BYTES && words <= 4 && injection_score(name, len) < INJECTION_BESIDE;
}

static bool tell_table(void *ctx, const cairn_table *t)
{
    listing *l = ctx;
    bytes *told = &l->a->told;

    if (l->n++ >= TABLES_TOLD)
        return false;
    l->st = bytes_printf(told, "%s%s(", l->n > 1 ? ", " : ", tables ", t->name);
    for (size_t i = 0; !l->st && i < t->n_columns && i < COLUMNS_TOLD; i++)
        l->st = plain_name(t->columns[i]) ? bytes_printf(told, "%s\"%s\"", i ? ", " : "", t->columns[i])
                                          : bytes_printf(told, "%s?", i ? ", " : "");
    if (!l->st)
        l->st = bytes_append_byte(told, ')');
    return !l->st;
}

/* The beginning of a document's text without sentences that speak to a model. */
static cairn_status put_beginning(agent *a, const cairn_document *d)
{
    size_t len = d->text_len < OPENED_BYTES ? d->text_len : utf8_floor(d->text, OPENED_BYTES), n = 0;
    text_span *s = NULL;
    cairn_status st = sentences_split(d->text, len, false, true, &s, &n, NULL);
    float *score = st ? NULL : arena_calloc(a->memory, n + 1, sizeof *score);

    if (!st && !score)
        st = CAIRN_ENOMEM;
    if (!st)
        injection_scores(d->text, len, s, n, score);
    for (size_t i = 0; !st && i < n; i++)
        if (score[i] < INJECTION_BESIDE) {
            st = a->answer.len ? bytes_append_byte(&a->answer, ' ') : CAIRN_OK;
            for (size_t k = s[i].start; !st && k < s[i].end; k++)
                st = bytes_append_byte(&a->answer, strchr("\r\n", d->text[k]) ? ' ' : (uint8_t)d->text[k]);
        }
    free(s);
    return st;
}

static cairn_status open_document(agent *a, const json_t *call, const char **problem, cairn_error *err)
{
    const char *uri = document_of(a, text_of(call, "document"));
    listing l = {.a = a};
    cairn_document *d = NULL;
    cairn_error why = {0};
    cairn_citation x;
    size_t number;
    cairn_status st;

    if (!uri)
        return refuse(a, problem, "there is no such document: search or list gives d1, d2 and so on");
    st = cairn_get(a->c, uri, &d, &why);
    if (st)
        return failed(a, st, &why, problem, err);
    a->values[a->n_values].found = true;
    x = (cairn_citation){.doc = d->id, .uri = d->uri, .title = d->title, .supported = true, .text = "",
                         .end = d->text_len < OPENED_BYTES ? d->text_len : OPENED_BYTES};
    st = put_beginning(a, d);
    if (!st)
        st = cite(a, &x, &number);
    if (!st)
        st = bytes_printf(&a->answer, " [%zu]", number);
    if (!st)
        st = bytes_append_str(&a->result, d->uri);
    if (!st)
        st = bytes_append_str(&a->told, "opened");
    if (!st && cairn_table_list(a->c, uri, tell_table, &l, &why))
        l.st = CAIRN_OK; /* a document without readable tables is one without tables */
    cairn_document_free(d);
    return st ? st : l.st;
}

static cairn_status put_rows(agent *a, const cairn_rows *r)
{
    cairn_status st = CAIRN_OK;

    for (size_t i = 0; !st && i < r->n_rows && i < ROWS_TOLD; i++) {
        if (i)
            st = bytes_append_str(&a->result, "; ");
        for (size_t k = 0; !st && k < r->n_columns; k++) {
            const char *cell = r->cells[i * r->n_columns + k];
            st = bytes_printf(&a->result, "%s%s: %s", k ? ", " : "", r->columns[k], cell ? cell : "");
        }
    }
    return st;
}

static cairn_status sql(agent *a, const json_t *call, const char **problem, cairn_error *err)
{
    const char *uri = document_of(a, text_of(call, "document"));
    cairn_error why = {0};
    agent_value *v = &a->values[a->n_values];
    cairn_rows *r = NULL;
    cairn_citation x;
    size_t number;
    char *end;
    cairn_status st;

    if (!uri)
        return refuse(a, problem, "there is no such document: search or list gives d1, d2 and so on");
    st = cairn_sql(a->c, uri, text_of(call, "query"), ROWS_TOLD, &r, &why);
    if (st)
        return failed(a, st, &why, problem, err);
    *v = (agent_value){.found = r->n_rows > 0};
    if (r->n_rows == 1 && r->n_columns == 1 && r->cells[0]) {
        v->text = arena_strdup(a->memory, r->cells[0]);
        v->number = strtod(r->cells[0], &end);
        v->is_number = end != r->cells[0] && !*end && isfinite(v->number);
        st = tell_value(a, v);
    } else {
        st = bytes_printf(&a->told, "%zu rows", r->n_rows);
    }
    x = (cairn_citation){.uri = r->uri, .title = "", .supported = true, .text = ""};
    if (!st)
        st = put_rows(a, r);
    if (!st && v->found)
        st = cite(a, &x, &number);
    if (!st && v->found)
        st = bytes_append(&a->answer, a->result.data, a->result.len);
    if (!st && v->found)
        st = bytes_printf(&a->answer, " [%zu]", number);
    cairn_rows_free(r);
    return st;
}

/* ---- what writes ---- */

static cairn_status remember(agent *a, const json_t *call, const char **problem, cairn_error *err)
{
    const char *fact = text_of(call, "fact");
    cairn_error why = {0};
    const char *action;
    uint64_t id;
    double share;
    cairn_status st = agent_shared_words(a, fact, &share, err);

    if (st)
        return st;
    if (share < 1 || strchr(fact, '$'))
        return refuse(a, problem, "only what the user wrote can be remembered");
    action = arena_printf(a->memory, "remember: %s", fact);
    if (!action)
        return CAIRN_ENOMEM;
    if (!a->request->allow || !a->request->allow(a->request->allow_ctx, action))
        return refuse(a, problem, "the user did not allow it");
    st = cairn_fact_add(a->c, fact, &id, &why);
    if (st)
        return failed(a, st, &why, problem, err);
    a->values[a->n_values].found = true;
    st = bytes_append_str(&a->told, "done");
    if (!st)
        st = bytes_printf(&a->result, "remembered: %s", fact);
    return st ? st : bytes_append(&a->answer, a->result.data, a->result.len);
}

/* ---- the table ---- */

static const tool tools[] = {
    {"look_up", "one fact from the documents", {{"question", "\"...?\"", true}}, false, look_up},
    {"calculate", "a sum with numbers of the question and results", {{"expression", "\"2 * $1\"", true}}, false, calculate},
    {"dates",
     "a date later or earlier (add), or the days until another (to)",
     {{"from", "\"$1\"", true}, {"to", "\"2024-05-01\" (or none)", false}, {"add", "\"3 months\" (or none)", false}},
     false,
     dates},
    {"search", "documents with these words", {{"query", "\"words\"", true}}, false, search},
    {"list", "how many documents, and which", {{"filter", "\"ext:pdf\" (or none)", false}}, false, list},
    {"open", "the beginning of a document that search or list found, and the names of its tables", {{"document", "\"d1\"", true}}, false, open_document},
    {"sql",
     "asks the tables of an opened document",
     {{"document", "\"d1\"", true}, {"query", "\"SELECT ... FROM t1\"", true}},
     false,
     sql},
    {"remember", "only when the user says: remember", {{"fact", "\"...\"", true}}, true, remember},
};

#define TOOLS     (sizeof tools / sizeof *tools)
#define PARAMETERS 3

cairn_status agent_describe(bytes *out)
{
    cairn_status st = CAIRN_OK;

    for (size_t i = 0; !st && i < TOOLS; i++) {
        st = bytes_printf(out, "%s{\"tool\": \"%s\"", i ? "\n" : "", tools[i].name);
        for (size_t k = 0; !st && k < PARAMETERS && tools[i].parameters[k].name; k++)
            st = bytes_printf(out, ", \"%s\": %s", tools[i].parameters[k].name, tools[i].parameters[k].about);
        if (!st)
            st = bytes_printf(out, "}  %s", tools[i].about);
    }
    return st;
}

json_t *agent_schema(void)
{
    json_t *any = json_array();

    for (size_t i = 0; i < TOOLS; i++) {
        json_t *properties = json_object(), *required = json_pack("[s]", "tool");
        json_object_set_new(properties, "tool", json_pack("{s:s}", "const", tools[i].name));
        for (size_t k = 0; k < PARAMETERS && tools[i].parameters[k].name; k++) {
            json_object_set_new(properties, tools[i].parameters[k].name,
                                json_pack("{s:s,s:i,s:i}", "type", "string", "minLength", 1, "maxLength", AGENT_TEXT_MAX));
            if (tools[i].parameters[k].required)
                json_array_append_new(required, json_string(tools[i].parameters[k].name));
        }
        json_array_append_new(any, json_pack("{s:s,s:o,s:o,s:b}", "type", "object", "properties", properties, "required",
                                             required, "additionalProperties", 0));
    }
    json_array_append_new(any, json_pack("{s:s,s:{s:{s:s}},s:[s],s:b}", "type", "object", "properties", "tool", "const",
                                         "answer", "required", "tool", "additionalProperties", 0));
    return json_pack("{s:o}", "anyOf", any);
}

/* A call against the table, whoever wrote it: the grammar has seen to the planner's. */
static const tool *checked(agent *a, const json_t *call, const char **problem)
{
    const char *name = text_of(call, "tool"), *key;
    const json_t *value;
    const tool *t = NULL;

    for (size_t i = 0; name && i < TOOLS; i++)
        if (!strcmp(tools[i].name, name))
            t = &tools[i];
    if (!t) {
        *problem = "there is no such tool";
        return NULL;
    }
    for (size_t k = 0; k < PARAMETERS && t->parameters[k].name; k++)
        if (t->parameters[k].required && !text_of(call, t->parameters[k].name)) {
            *problem = arena_printf(a->memory, "%s needs \"%s\"", t->name, t->parameters[k].name);
            return NULL;
        }
    json_object_foreach((json_t *)(uintptr_t)call, key, value)
    {
        bool known = !strcmp(key, "tool");
        for (size_t k = 0; k < PARAMETERS && t->parameters[k].name && !known; k++)
            known = !strcmp(t->parameters[k].name, key);
        if (!known || !json_is_string(value) || json_string_length(value) > AGENT_TEXT_MAX * 4 ||
            strlen(json_string_value(value)) != json_string_length(value)) {
            *problem = arena_printf(a->memory, "%s takes no such \"%.40s\"", t->name, key);
            return NULL;
        }
    }
    return t;
}

cairn_status agent_run(agent *a, const json_t *call, bool *end, const char **problem, cairn_error *err)
{
    const char *name = text_of(call, "tool");
    cairn_step *step = &a->steps[a->n];
    const tool *t;

    *problem = NULL;
    *end = name && !strcmp(name, "answer");
    if (*end)
        return CAIRN_OK;
    bytes_reset(&a->told);
    bytes_reset(&a->result);
    bytes_reset(&a->answer);
    a->values[a->n_values] = (agent_value){0};
    t = checked(a, call, problem);
    step->tool = arena_strdup(a->memory, name ? name : "");
    if (!step->tool)
        return cairn_fail(err, CAIRN_ENOMEM, "step");
    if (!t)
        return *problem ? CAIRN_OK : cairn_fail(err, CAIRN_ENOMEM, "step");
    step->writes = t->writes;
    return t->run(a, call, problem, err);
}
