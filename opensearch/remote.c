/* remote.c - the cluster as a retrieve_remote: what may be seen through a snapshot, samples of
 * passages for suggestions, an exact place among the vectors. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "opensearch/passages.h"
#include "opensearch/room.h"
#include "opensearch/row.h"

#define CLAUSES_MOST 900 /* of rules; a cluster takes 1,024 in one query */
#define TURNS_MOST   60  /* from closed to open and back, one inside the other */
#define SAMPLE       200 /* passages of one */

static cairn_status no_memory(cairn_error *err)
{
    return cairn_fail(err, CAIRN_ENOMEM, "a question to the cluster");
}

/* ---- rules ---- */

/* A run of rules that are all open or all closed, as it grows. */
typedef struct turn {
    json_t *names; /* uris, exactly */
    json_t *other; /* queries */
} turn;

static bool turn_begin(turn *t)
{
    *t = (turn){json_array(), json_array()};
    return t->names && t->other;
}

static void turn_clear(turn *t)
{
    json_decref(t->names);
    json_decref(t->other);
    *t = (turn){0};
}

/* Equality folds case and a beginning does not: both of one text are the name itself. */
static const char *is_name(const filter_expr *e)
{
    const filter_predicate *p = e->predicates;
    bool name = e->n == 2 && p[0].field == FILTER_URI && p[1].field == FILTER_URI &&
                p[0].op == FILTER_EQ && p[1].op == FILTER_PREFIX && p[0].n_values == 1 &&
                p[1].n_values == 1 && !p[0].negated && !p[1].negated &&
                !strcmp(p[0].values[0].text, p[1].values[0].text);

    return name ? p[0].values[0].text : NULL;
}

static cairn_status turn_add(turn *t, const retrieve_rule *rule, size_t *clauses, cairn_error *err)
{
    cairn_status st = CAIRN_OK;

    for (size_t i = 0; i < rule->n && !st; i++) {
        const char *name = is_name(&rule->any[i]);
        json_t *one = NULL;
        if (name) {
            if (json_array_append_new(t->names, client_text(name, strlen(name))))
                st = no_memory(err);
            continue;
        }
        *clauses += 2 * rule->any[i].n; /* the uri and the places of copies */
        st = row_filter(&rule->any[i], &one, err);
        if (!st && json_array_append_new(t->other, one))
            st = no_memory(err);
    }
    return st;
}

/* Rows that one of the turn's rules fits. */
static json_t *turn_query(const turn *t)
{
    json_t *any = json_array();

    json_array_extend(any, t->other);
    if (json_array_size(t->names)) {
        json_array_append_new(any, json_pack("{s:{s:O}}", "terms", "uri", t->names));
        json_array_append_new(any, json_pack("{s:{s:O}}", "terms", "places", t->names));
    }
    return json_pack("{s:{s:o,s:i}}", "bool", "should", any, "minimum_should_match", 1);
}

/* *hidden: rows that the rules so far hide (NULL: none), and now those of another turn. */
static cairn_status turn_end(turn *t, bool open, json_t **hidden, cairn_error *err)
{
    json_t *fits = turn_query(t), *now;

    if (!fits)
        return no_memory(err);
    if (open)
        now = *hidden ? json_pack("{s:{s:[O],s:[O]}}", "bool", "filter", *hidden, "must_not", fits)
                      : NULL;
    else
        now = *hidden ? json_pack("{s:{s:[O,O],s:i}}", "bool", "should", *hidden, fits,
                                  "minimum_should_match", 1)
                      : json_incref(fits);
    json_decref(fits);
    if (!now && (*hidden || !open))
        return no_memory(err);
    json_decref(*hidden);
    *hidden = now;
    turn_clear(t);
    return CAIRN_OK;
}

static cairn_status hide(void *ctx, const retrieve_rule *rules, size_t n, cairn_error *err)
{
    struct os_snapshot *snap = ctx;
    size_t clauses = 0, turns = 0;
    json_t *hidden = NULL;
    cairn_status st = CAIRN_OK;
    turn t = {0};

    for (size_t i = 0; i < n && !st; i++) {
        if (!hidden && !t.names && rules[i].open)
            continue; /* nothing is closed yet */
        if (!t.names && !turn_begin(&t))
            st = no_memory(err);
        if (!st)
            st = turn_add(&t, &rules[i], &clauses, err);
        if (!st && (i + 1 == n || rules[i + 1].open != rules[i].open)) {
            st = turn_end(&t, rules[i].open, &hidden, err);
            turns++;
        }
    }
    turn_clear(&t);
    if (!st && (clauses > CLAUSES_MOST || turns > TURNS_MOST))
        st = cairn_fail(
            err, CAIRN_ELIMIT,
            "the rules about who may read what are too many for a cluster: some %d patterns, and "
            "%d changes between open and closed ones; say it with folders",
            CLAUSES_MOST / 4, TURNS_MOST);
    json_decref(snap->hidden);
    snap->hidden = st ? NULL : hidden;
    if (st)
        json_decref(hidden);
    return st;
}

/* ---- facts ---- */

static const char *rules_kept(void *ctx)
{
    return ((struct os_snapshot *)ctx)->rules;
}

static uint64_t rows(void *ctx)
{
    return ((struct os_snapshot *)ctx)->state.counts.chunks;
}

static uint32_t dim(void *ctx)
{
    return ((struct os_snapshot *)ctx)->state.dim;
}

/* ---- samples ---- */

static json_t *with_text(json_t *query, const struct os_snapshot *snap)
{
    json_t *all = json_pack("{s:[o]}", "must", query);

    if (all && snap->hidden)
        json_object_set_new(all, "must_not", json_pack("[O]", snap->hidden));
    return json_pack("{s:i,s:b,s:[s,s,s,s,s,s],s:{s:o}}", "size", SAMPLE, "track_total_hits", 0,
                     "_source", "chunk", "lang", "title", "path_words", "heading", "text", "query",
                     "bool", all);
}

static cairn_status sample(void *ctx, analyzer *an, const char *text, size_t len, lexical_reader **out,
                           void **held, bool *all, cairn_error *err)
{
    struct os_snapshot *snap = ctx;
    json_t *hits = NULL;
    os_passage passages[SAMPLE] = {0};
    os_passages *memory = NULL;
    size_t n = 0;
    const char *last;
    os_forms forms;
    cairn_status st = os_list_forms(an, text, len, &forms, err);

    *out = NULL;
    *held = NULL;
    *all = false;
    if (st || !forms.n)
        return st;
    last = forms.form[forms.n - 1];
    st = os_hits(snap->s, snap->s->chunks,
                 with_text(json_pack("{s:{s:o}}", "prefix", ROW_FORMS, row_term(last, strlen(last))), snap), &hits, err);
    for (size_t i = 0; i < json_array_size(hits) && i < SAMPLE; i++)
        passages[n++].source = json_object_get(json_array_get(hits, i), "_source");
    if (!st && n)
        st = os_passages_open(passages, n, NULL, 0, NULL, out, &memory, err);
    *held = memory;
    *all = n < SAMPLE;
    json_decref(hits);
    return st;
}

static void release(void *held)
{
    os_passages_free(held);
}

/* ---- vectors ---- */

/* Rows with a vector by their cosines with the question, exactly. */
static json_t *scored(const struct os_snapshot *snap, json_t *filter, const float *question,
                      size_t most)
{
    char field[FIELD_BYTES];
    json_t *vector = json_array();
    json_t *must_not = json_array();

    os_vector_field(&snap->state, field);
    for (uint32_t i = 0; vector && i < snap->state.dim; i++)
        json_array_append_new(vector, json_real((double)question[i]));
    if (snap->hidden)
        json_array_append(must_not, snap->hidden);
    return json_pack(
        "{s:i,s:b,s:b,s:{s:{s:{s:{s:[o,{s:{s:s}}],s:o}},s:{s:s,s:s,s:{s:s,s:o,s:s}}}}}", "size",
        (int)most, "_source", 0, "track_total_hits", 1, "query", "script_score", "query", "bool",
        "filter", filter, "exists", "field", field, "must_not", must_not, "script", "lang", "knn",
        "source", "knn_score", "params", "field", field, "query_value", vector, "space_type",
        "cosinesimil");
}

static cairn_status place(void *ctx, doc_id doc, const float *question, uint32_t n_dim,
                          uint64_t *out, cairn_error *err)
{
    struct os_snapshot *snap = ctx;
    char path[PATH_BYTES];
    json_t *reply = NULL, *body;
    const json_t *best;
    cairn_status st;

    *out = 0;
    if (!snap->state.dim || n_dim != snap->state.dim)
        return CAIRN_OK;
    snprintf(
        path, sizeof path,
        "/%s/"
        "_search?allow_partial_search_results=false&filter_path=hits.total.value,hits.hits._score",
        snap->s->chunks);
    st = os_ask(snap->s, "look for the document's vectors", "POST", path,
                scored(snap, json_pack("{s:{s:I}}", "term", "doc", (json_int_t)doc), question, 1),
                &reply, err);
    best = json_object_get(
        json_array_get(json_object_get(json_object_get(reply, "hits"), "hits"), 0), "_score");
    if (st || !json_is_number(best)) {
        json_decref(reply);
        return st;
    }
    body = scored(snap, json_pack("{s:{}}", "match_all"), question, 0);
    if (body)
        json_object_set_new(
            body, "min_score",
            json_real((double)nextafterf((float)json_number_value(best), INFINITY)));
    json_decref(reply);
    reply = NULL;
    st = os_ask(snap->s, "count nearer vectors", "POST", path, body, &reply, err);
    if (!st)
        *out = 1 + (uint64_t)json_integer_value(json_object_get(
                       json_object_get(json_object_get(reply, "hits"), "total"), "value"));
    json_decref(reply);
    return st;
}

static const retrieve_remote remote = {.is_current = os_is_current,
                                       .rules = rules_kept,
                                       .hide = hide,
                                       .rows = rows,
                                       .dim = dim,
                                       .languages = os_languages,
                                       .rows_with = os_rows_with,
                                       .idf = os_idf,
                                       .best = os_best,
                                       .facet = os_facet,
                                       .vectors = os_vectors,
                                       .correct = os_correct,
                                       .sample = sample,
                                       .release = release,
                                       .place = place};

retrieve_index opensearch_index(const store_snapshot *snap)
{
    return (retrieve_index){os_snapshot_of(snap), os_lists, NULL, &remote, NULL};
}
