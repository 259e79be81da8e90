/* words.c - a parsed question as queries of OpenSearch.
 *
 * A word is a `combined_fields` query, which is BM25F: frequencies and lengths are added up over
 * the fields, weighted, before they are saturated. Its weights must be 1 or more, so the path,
 * which counts a tenth and without its length, is a clause of its own beside it, with what a tenth
 * of an occurrence comes to at k1 = 1.2. The alternatives of a word (stems of several languages,
 * synonyms) are a `dis_max`: the best scores. A phrase is matched field by field; a NEAR by spans;
 * a pattern against the written forms and the stems, with one score for all rows that hold it. */
#include <stdio.h>
#include <string.h>

#include "index/lexical/outline.h"
#include "opensearch/room.h"
#include "opensearch/row.h"

#define PATH_SHARE                                                                                 \
    1.7 /* a match in the path alone, at weight 0.1, scores 0.17 of one in a short text */
#define PATTERN_SCORE                                                                              \
    3.0 /* of a row that a pattern matches: a word's in the middle of the list                     \
         */

static float weight_of(const os_question *q, unsigned f)
{
    return q->ask->params->lexical.weight[f];
}

static bool in_mask(uint32_t mask, unsigned f)
{
    return !mask || mask >> f & 1;
}

/* The factor that makes the least of the weights 1. */
static double scale_of(const os_question *q, uint32_t mask)
{
    double least = 0;

    for (unsigned f = 0; f < LEXICAL_FIELDS; f++) {
        double w = (double)weight_of(q, f);
        if (f != LEXICAL_PATH && in_mask(mask, f) && w > 0 && (least <= 0 || w < least))
            least = w;
    }
    return least > 0 ? 1 / least : 1;
}

/* The fields of the mask with their weights, but for the path; NULL: there are none. */
static json_t *weighed_fields(const os_question *q, uint32_t mask)
{
    json_t *fields = json_array();
    double scale = scale_of(q, mask);
    char text[64];

    for (unsigned f = 0; fields && f < LEXICAL_FIELDS; f++) {
        double w = (double)weight_of(q, f) * scale;
        if (f == LEXICAL_PATH || !in_mask(mask, f) || !(w > 0))
            continue;
        snprintf(text, sizeof text, "%s^%g", row_field[f], w);
        json_array_append_new(fields, json_string(text));
    }
    if (json_array_size(fields))
        return fields;
    json_decref(fields);
    return NULL;
}

static json_t *term_query(const char *field, const char *term, double boost)
{
    return json_pack("{s:{s:{s:o,s:f}}}", "term", field, "value", row_term(term, strlen(term)),
                     "boost", boost);
}

/* Append what one term scores in the fields of the mask. */
static void add_term(const os_question *q, uint32_t mask, const char *term, json_t *alternatives)
{
    json_t *fields = weighed_fields(q, mask);
    bool path_alone = mask == 1u << LEXICAL_PATH;

    if (fields)
        json_array_append_new(alternatives,
                              json_pack("{s:{s:o,s:o}}", "combined_fields", "query",
                                        row_term(term, strlen(term)), "fields", fields));
    if (path_alone || (in_mask(mask, LEXICAL_PATH) && weight_of(q, LEXICAL_PATH) > 0))
        json_array_append_new(
            alternatives,
            term_query(row_field[LEXICAL_PATH], term,
                       path_alone ? 1 : PATH_SHARE * (double)weight_of(q, LEXICAL_PATH)));
}

static json_t *span_of_run(const char *field, const outline_run *run)
{
    json_t *parts = json_array();

    if (run->n == 1) {
        json_decref(parts);
        return json_pack("{s:{s:o}}", "span_term", field,
                         row_term(run->terms[0], strlen(run->terms[0])));
    }
    for (size_t i = 0; parts && i < run->n; i++)
        json_array_append_new(parts, json_pack("{s:{s:o}}", "span_term", field,
                                               row_term(run->terms[i], strlen(run->terms[i]))));
    return json_pack("{s:{s:o,s:i,s:b}}", "span_near", "clauses", parts, "slop", 0, "in_order", 1);
}

/* Several words of one field. */
static json_t *in_field(const outline_group *g, const outline_alt *alt, const char *field,
                        double boost)
{
    json_t *spans;

    if (g->kind != LEXICAL_NEAR || alt->n_runs == 1)
        return json_pack("{s:{s:{s:o,s:s,s:i,s:f}}}", "match_phrase", field, "query",
                         row_terms(alt->runs[0].terms, alt->runs[0].n), "analyzer", "cairn_words", "slop", (int)g->slop,
                         "boost", boost);
    spans = json_array();
    for (size_t i = 0; spans && i < alt->n_runs; i++)
        json_array_append_new(spans, span_of_run(field, &alt->runs[i]));
    return json_pack("{s:{s:o,s:i,s:b,s:f}}", "span_near", "clauses", spans, "slop", (int)g->slop,
                     "in_order", 0, "boost", boost);
}

static void add_alt(const os_question *q, const outline_group *g, const outline_alt *alt,
                    json_t *alternatives)
{
    if (alt->n_runs == 1 && alt->runs[0].n == 1) {
        add_term(q, g->field_mask, alt->runs[0].terms[0], alternatives);
        return;
    }
    for (unsigned f = 0; f < LEXICAL_FIELDS; f++)
        if (in_mask(g->field_mask, f))
            json_array_append_new(
                alternatives,
                in_field(g, alt, row_field[f], weight_of(q, f) > 0 ? (double)weight_of(q, f) : 1));
}

/* A pattern held against one field. */
static json_t *pattern_in(const outline_group *g, const char *field)
{
    json_t *text = row_term(g->text, g->len);

    switch (g->kind) {
    case LEXICAL_FUZZY:
        return json_pack("{s:{s:{s:o,s:i,s:b,s:i}}}", "fuzzy", field, "value", text, "fuzziness",
                         (int)g->edits, "transpositions", 1, "max_expansions", 200);
    case LEXICAL_REGEX:
        return json_pack("{s:{s:{s:o,s:s,s:b}}}", "regexp", field, "value", text, "flags", "NONE",
                         "case_insensitive", 1);
    default:
        return json_pack("{s:{s:{s:o,s:b}}}", "wildcard", field, "value", text, "case_insensitive",
                         1);
    }
}

static json_t *pattern_query(const os_question *q, const outline_group *g)
{
    json_t *any = json_array();
    uint32_t mask = g->field_mask;

    (void)q;
    if (any && (!mask || mask == LEXICAL_ALL_FIELDS))
        json_array_append_new(any, pattern_in(g, ROW_FORMS));
    for (unsigned f = 0; any && f < LEXICAL_FIELDS; f++)
        if (in_mask(mask, f))
            json_array_append_new(any, pattern_in(g, row_field[f]));
    return json_pack("{s:{s:{s:{s:o}},s:f}}", "constant_score", "filter", "bool", "should", any,
                     "boost", PATTERN_SCORE * (double)g->boost);
}

static json_t *group_query(const os_question *q, const outline_group *g)
{
    json_t *alternatives;

    if (g->kind == LEXICAL_WILDCARD || g->kind == LEXICAL_FUZZY || g->kind == LEXICAL_REGEX)
        return pattern_query(q, g);
    alternatives = json_array();
    for (size_t i = 0; alternatives && i < g->n_alts; i++)
        add_alt(q, g, &g->alts[i], alternatives);
    return json_pack("{s:{s:o,s:f}}", "dis_max", "queries", alternatives, "boost",
                     (double)g->boost);
}

/* ---- conditions ---- */

/* NULL: a clause without words, which is left out. *bad: memory ran out. */
static json_t *node_query(const os_question *q, const lexical_node *n, bool *bad)
{
    json_t *parts, *out = NULL;

    if (n->kind == LEXICAL_NODE_ROWS) {
        *bad |= row_predicate(&q->ask->query->predicates[n->clause], &out, NULL) != CAIRN_OK;
        return out;
    }
    parts = json_array();
    if (n->kind == LEXICAL_NODE_CLAUSE) {
        const outline_leaf *leaf = &q->outline->leaves[n->clause];
        for (size_t i = 0; i < leaf->n; i++)
            *bad |= json_array_append_new(
                        parts, group_query(q, &q->outline->groups[leaf->groups[i]])) != 0;
    } else {
        for (size_t i = 0; i < n->n_parts; i++) {
            json_t *part = node_query(q, &n->parts[i], bad);
            if (part)
                *bad |= json_array_append_new(parts, part) != 0;
        }
    }
    if (!json_array_size(parts)) {
        json_decref(parts);
        return NULL;
    }
    if (n->kind == LEXICAL_NODE_NOT)
        out = json_pack("{s:{s:o}}", "bool", "must_not", parts);
    else if (n->kind == LEXICAL_NODE_OR || (n->kind == LEXICAL_NODE_CLAUSE && n->any))
        out = json_pack("{s:{s:o,s:i}}", "bool", "should", parts, "minimum_should_match", 1);
    else
        out = json_pack("{s:{s:o}}", "bool", "filter", parts);
    *bad |= !out;
    return out;
}

static cairn_status no_memory(cairn_error *err)
{
    return cairn_fail(err, CAIRN_ENOMEM, "a question to the cluster");
}

static cairn_status add_conditions(os_question *q, cairn_error *err)
{
    const retrieve_query *query = q->ask->query;
    bool bad = false;

    for (size_t i = 0; i < query->n_clauses && !bad; i++) {
        const lexical_clause *c = &query->clauses[i];
        json_t *node = c->kind == LEXICAL_TREE && c->tree ? node_query(q, c->tree, &bad) : NULL;
        if (node)
            bad |= json_array_append_new(q->conditions, node) != 0;
    }
    for (size_t i = 0; i < q->outline->n_groups && !bad; i++) {
        const outline_group *g = &q->outline->groups[i];
        if (g->occur == LEXICAL_MUST)
            bad |= json_array_append_new(q->conditions, group_query(q, g)) != 0;
        else if (g->occur == LEXICAL_MUST_NOT)
            bad |= json_array_append_new(q->conditions, json_pack("{s:{s:o}}", "bool", "must_not",
                                                                  group_query(q, g))) != 0;
    }
    return bad ? no_memory(err) : CAIRN_OK;
}

/* Asked for words with parts beside them and names alone, and once each. */
cairn_status os_is_known(void *ctx, const char *term, size_t len, bool *known, cairn_error *err)
{
    os_question *q = ctx;
    char text[ANALYZER_TERM_MAX + 1];
    const char *terms[1] = {text};
    const json_t *before;
    uint64_t rows = 0;
    cairn_status st;

    *known = false;
    if (len > ANALYZER_TERM_MAX)
        return CAIRN_OK;
    memcpy(text, term, len);
    text[len] = '\0';
    if ((before = json_object_get(q->known, text))) {
        *known = json_is_true(before);
        return CAIRN_OK;
    }
    st = os_rows_with(q->snap, terms, 1, false, &rows, err);
    *known = rows > 0;
    if (!st && json_object_set_new(q->known, text, json_boolean(*known)))
        st = cairn_fail(err, CAIRN_ENOMEM, "a question to the cluster");
    return st;
}

cairn_status os_question_make(os_question *q, struct os_snapshot *snap, const retrieve_ask *ask,
                              cairn_error *err)
{
    lexical_query words = {ask->query->clauses, ask->query->n_clauses, ask->lang};
    lexical_params params = ask->params->lexical;
    json_t *filter;
    cairn_status st;

    *q = (os_question){.ask = ask,
                       .snap = snap,
                       .clauses = ask->query->clauses,
                       .n_clauses = ask->query->n_clauses,
                       .known = json_object(),
                       .conditions = json_array(),
                       .must = json_array(),
                       .should = json_array(),
                       .outline = arena_calloc(ask->a, 1, sizeof *q->outline),
                       .needs_should = true};
    if (!q->known || !q->conditions || !q->must || !q->should || !q->outline)
        return no_memory(err);
    params.n_languages = os_languages(snap, &params.languages);
    params.is_known = os_is_known;
    params.is_known_ctx = q;
    st = lexical_outline_make(ask->an, &words, &params, ask->a, q->outline, err);
    for (size_t i = 0; !st && i < q->outline->n_groups; i++) {
        const outline_group *g = &q->outline->groups[i];
        json_t *into = g->occur == LEXICAL_MUST     ? q->must
                       : g->occur == LEXICAL_SHOULD ? q->should
                                                    : NULL;
        if (into && json_array_append_new(into, group_query(q, g)))
            st = no_memory(err);
    }
    if (!st)
        st = add_conditions(q, err);
    if (!st && snap->hidden &&
        json_array_append_new(q->conditions,
                              json_pack("{s:{s:O}}", "bool", "must_not", snap->hidden)))
        st = no_memory(err);
    json_t *voids = st ? NULL : os_void_rows(&snap->state);
    if (voids && json_array_append_new(q->conditions, json_pack("{s:{s:o}}", "bool", "must_not", voids)))
        st = no_memory(err);
    q->needs_should = !ask->query->has_required;
    if (!st && ask->query->filter.n) {
        st = row_filter(&ask->query->filter, &filter, err);
        if (!st && json_array_append_new(q->conditions, filter))
            st = no_memory(err);
    }
    return st;
}

void os_question_clear(os_question *q)
{
    json_decref(q->known);
    json_decref(q->conditions);
    json_decref(q->must);
    json_decref(q->should);
}
