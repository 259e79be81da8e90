/* doubts.c - which words of a question may be slips, and what was meant. The request of a search asks, beside its lists, how many
 * rows hold the stems of each word, and which words like it the cluster's dictionary has, with how many rows each (its term
 * suggester). Where a word in few rows has a frequent neighbour, one more request tells how many rows hold each
 * neighbour together with the other words. No passage is fetched. The bounds and the choice are those of
 * index/lexical/suggest.c. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "index/lexical/outline.h"
#include "index/lexical/suggest.h"
#include "opensearch/room.h"
#include "opensearch/row.h"

#define RARE          2  /* rows: a word of no more may be a slip */
#define LEAST_LETTERS 3  /* of a word that is corrected */
#define LIKE_MOST     40 /* words like one that are looked at */
#define STEMS_MOST    8  /* of a word, in the collection's languages */

static cairn_status no_memory(cairn_error *err)
{
    return cairn_fail(err, CAIRN_ENOMEM, "a question to the cluster");
}

/* ---- the words ---- */

cairn_status os_list_forms(analyzer *an, const char *text, size_t len, os_forms *out,
                           cairn_error *err)
{
    const analyzer_token *t;
    size_t n_tokens;
    cairn_status st = analyzer_run(an, "", text, len, &t, &n_tokens, err);

    out->n = 0;
    for (size_t i = 0; !st && i < n_tokens && out->n < FORMS_MOST; i++) {
        size_t length = t[i].end - t[i].start, form = 0;
        if (!t[i].extra && length < ANALYZER_FORM_MAX / 4)
            form = analyzer_form(text + t[i].start, length, out->form[out->n]);
        out->form[out->n][form] = '\0';
        out->n += form > 0;
    }
    return st;
}

/* Does the list hold the text? */
static bool is_listed(const json_t *list, const char *text)
{
    json_t *one;
    size_t i;

    json_array_foreach(list, i, one) if (!strcmp(json_string_value(one), text)) return true;
    return false;
}

/* The stems of a word in the collection's languages, each once. */
static cairn_status list_stems(struct os_snapshot *snap, analyzer *an, const char *form, json_t *out,
                               cairn_error *err)
{
    static const char *const none[] = {""};
    const char *const *codes;
    size_t n = os_languages(snap, &codes);
    cairn_status st = CAIRN_OK;

    if (!n)
        codes = none, n = 1;
    for (size_t l = 0; l < n && !st && json_array_size(out) < STEMS_MOST; l++) {
        const analyzer_token *t;
        char term[ANALYZER_TERM_MAX + 1];
        size_t n_tokens;
        st = analyzer_run(an, codes[l], form, strlen(form), &t, &n_tokens, err);
        if (st || !n_tokens || t[0].len > ANALYZER_TERM_MAX)
            continue;
        memcpy(term, t[0].term, t[0].len);
        term[t[0].len] = '\0';
        if (!is_listed(out, term) && json_array_append_new(out, client_text(term, t[0].len)))
            st = no_memory(err);
    }
    return st;
}

/* ---- the question about them ---- */

static json_t *seen_rows(const struct os_snapshot *snap)
{
    return snap->hidden ? json_pack("{s:{s:[O]}}", "bool", "must_not", snap->hidden)
                        : json_pack("{s:{}}", "match_all");
}

cairn_status os_doubting(struct os_snapshot *snap, analyzer *an, const os_forms *forms, json_t **body,
                         cairn_error *err)
{
    const char *texts[FORMS_MOST];
    json_t *filters = json_object(), *like;
    cairn_status st = filters ? CAIRN_OK : no_memory(err);

    *body = NULL;
    for (size_t i = 0; i < forms->n && !st; i++) {
        json_t *stems = json_array(), *one;
        size_t k;
        texts[i] = forms->form[i];
        st = stems ? list_stems(snap, an, texts[i], stems, err) : no_memory(err);
        json_array_foreach(stems, k, one)
        {
            char key[48];
            snprintf(key, sizeof key, "%zu.%zu", i, k);
            if (!st && json_object_set_new(filters, key, os_holds(json_string_value(one), false)))
                st = no_memory(err);
        }
        json_decref(stems);
    }
    if (!st) {
        like = json_pack("{s:{s:o,s:{s:s,s:s,s:s,s:i,s:i,s:i,s:i,s:i,s:s,s:f}}}", "like", "text",
                         row_terms(texts, forms->n), "term", "field", ROW_FORMS, "analyzer", "cairn_words",
                         "suggest_mode", "always", "max_edits", 2, "prefix_length", 0, "min_word_length",
                         LEAST_LETTERS, "max_term_freq", RARE, "size", LIKE_MOST, "sort", "frequency",
                         "accuracy", 0.1);
        *body = like ? json_pack("{s:i,s:b,s:o,s:{s:{s:{s:O}}},s:o}", "size", 0, "track_total_hits", 0,
                                 "query", seen_rows(snap), "aggs", "rows", "filters", "filters", filters,
                                 "suggest", like)
                     : NULL;
    }
    json_decref(filters);
    return st || *body ? st : no_memory(err);
}

/* The dictionary's words like the form, [[word, rows], ...]; NULL without memory. */
static json_t *words_like(const json_t *response, const char *form)
{
    const json_t *like = json_object_get(json_object_get(response, "suggest"), "like"), *one, *option;
    json_t *term = row_term(form, strlen(form)), *out = json_array();
    size_t i, k;
    bool bad = !term || !out;

    json_array_foreach(like, i, one)
    {
        if (bad || !json_equal(json_object_get(one, "text"), term))
            continue;
        json_array_foreach(json_object_get(one, "options"), k, option)
        {
            json_t *text = json_object_get(option, "text"), *rows = json_object_get(option, "freq");
            if (json_is_string(text) && json_integer_value(rows) > 0)
                bad |= json_array_append_new(out, json_pack("[O,O]", text, rows)) != 0;
        }
        break;
    }
    json_decref(term);
    if (bad)
        json_decref(out);
    return bad ? NULL : out;
}

/* Rows with the stem of the i-th form that most of them hold. */
static json_int_t rows_of(const json_t *response, size_t i)
{
    const json_t *buckets = json_object_get(
        json_object_get(json_object_get(response, "aggregations"), "rows"), "buckets");
    json_int_t most = 0;

    for (size_t k = 0; k < STEMS_MOST; k++) {
        char key[48];
        snprintf(key, sizeof key, "%zu.%zu", i, k);
        json_int_t n = json_integer_value(json_object_get(json_object_get(buckets, key), "doc_count"));
        most = n > most ? n : most;
    }
    return most;
}

cairn_status os_take_doubts(struct os_snapshot *snap, const json_t *response, const os_forms *forms,
                            cairn_error *err)
{
    cairn_status st = os_check_response(response, err);

    if (!st && !snap->doubts && !(snap->doubts = json_object()))
        st = no_memory(err);
    for (size_t i = 0; i < forms->n && !st; i++) {
        json_int_t rows = rows_of(response, i);
        json_t *like = rows > RARE ? json_array() : words_like(response, forms->form[i]);
        if (!like || json_object_set_new(snap->doubts, forms->form[i],
                                         json_pack("{s:I,s:o}", "rows", rows, "like", like)))
            st = no_memory(err);
    }
    if (!st)
        os_doubts_keep(snap);
    return st;
}

/* ---- the correction ---- */

typedef struct correcting {
    struct os_snapshot *snap;
    analyzer *an;
    const char *text; /* the question */
    size_t len;
    bool asked; /* about all of it, by a search of its own */
} correcting;

static cairn_status ask_about(correcting *c, cairn_error *err)
{
    json_t *body, *responses = NULL;
    os_forms forms;
    bytes lines;
    cairn_status st = os_list_forms(c->an, c->text, c->len, &forms, err);

    c->asked = true;
    if (st || !forms.n)
        return st;
    bytes_init(&lines, CLIENT_REPLY_BYTES);
    st = os_doubting(c->snap, c->an, &forms, &body, err);
    if (!st)
        st = client_dump_search(&lines, json_pack("{s:s}", "index", c->snap->s->chunks), body, err);
    if (!st)
        st = os_msearch(c->snap, &lines, &responses, err);
    if (!st)
        st = os_take_doubts(c->snap, json_array_get(responses, 0), &forms, err);
    json_decref(responses);
    bytes_clear(&lines);
    return st;
}

/* What is known of a word: *out NULL where it is none that is looked at. */
static cairn_status look_up(correcting *c, const char *word, size_t len, const json_t **out, cairn_error *err)
{
    char form[FORM_BYTES];
    cairn_status st = CAIRN_OK;

    *out = NULL;
    if (len >= ANALYZER_FORM_MAX / 4)
        return CAIRN_OK;
    form[analyzer_form(word, len, form)] = '\0';
    *out = json_object_get(c->snap->doubts, form);
    if (!*out && !c->asked && !(st = ask_about(c, err)))
        *out = json_object_get(c->snap->doubts, form);
    return st;
}

static cairn_status word_rows(void *ctx, const char *word, size_t len, uint64_t *rows, cairn_error *err)
{
    const json_t *known;
    cairn_status st = look_up(ctx, word, len, &known, err);

    *rows = known ? os_number(known, "rows") : RARE + 1;
    return st;
}

/* How many rows each of the words is in that may be seen. */
static cairn_status count_seen(const struct os_snapshot *snap, suggest_word *words, size_t n, cairn_error *err)
{
    const char *texts[LIKE_MOST];
    uint64_t rows[LIKE_MOST];
    cairn_status st;

    for (size_t i = 0; i < n; i++)
        texts[i] = words[i].text;
    st = os_rows_where(snap, seen_rows(snap), texts, n, true, rows, err);
    for (size_t i = 0; i < n && !st; i++)
        words[i].count = rows[i];
    return st;
}

static cairn_status near_words(void *ctx, const char *word, size_t len, size_t k, arena *memory,
                               suggest_word *words, size_t *n_words, cairn_error *err)
{
    correcting *c = ctx;
    suggest_word found[LIKE_MOST];
    const json_t *known, *like, *one;
    size_t n = 0, i;
    cairn_status st = look_up(c, word, len, &known, err);

    *n_words = 0;
    like = json_object_get(known, "like");
    json_array_foreach(like, i, one)
    {
        const json_t *text = json_array_get(one, 0);
        if (n < LIKE_MOST)
            found[n++] = (suggest_word){.text = json_string_value(text),
                                        .len = json_string_length(text),
                                        .count = (uint64_t)json_integer_value(json_array_get(one, 1))};
    }
    if (!st && n && c->snap->hidden)
        st = count_seen(c->snap, found, n, err);
    if (!st && n)
        st = suggest_rank(word, len, k, memory, found, &n, err);
    if (!st && n) {
        memcpy(words, found, n * sizeof *words);
        *n_words = n;
    }
    return st;
}

/* Rows that hold all words of the text, as a query's filters. */
static cairn_status all_words(correcting *c, const char *text, arena *memory, json_t *filters, cairn_error *err)
{
    lexical_clause clause = {.occur = LEXICAL_MUST, .kind = LEXICAL_WORDS, .text = text, .len = strlen(text)};
    lexical_query query = {.clauses = &clause, .n = 1};
    lexical_params params;
    lexical_outline outline;
    cairn_status st;

    lexical_params_default(&params);
    params.n_languages = os_languages(c->snap, &params.languages);
    st = lexical_outline_make(c->an, &query, &params, memory, &outline, err);
    for (size_t g = 0; !st && g < outline.n_groups; g++) {
        json_t *any = json_array();
        for (size_t i = 0; any && i < outline.groups[g].n_alts; i++) {
            const outline_alt *alt = &outline.groups[g].alts[i];
            if (alt->n_runs == 1 && alt->runs[0].n == 1)
                json_array_append_new(any, os_holds(alt->runs[0].terms[0], false));
        }
        if (any && !json_array_size(any)) {
            json_decref(any);
            continue;
        }
        if (json_array_append_new(filters, json_pack("{s:{s:o}}", "bool", "should", any)))
            st = no_memory(err);
    }
    return st;
}

static cairn_status rows_together(void *ctx, const suggest_word *words, size_t n, const char *others,
                                  uint64_t *rows, cairn_error *err)
{
    correcting *c = ctx;
    json_t *with = json_pack("[o]", seen_rows(c->snap)), *filters = json_object(), *reply = NULL;
    arena memory;
    cairn_status st = with && filters ? CAIRN_OK : no_memory(err);

    arena_init(&memory, (size_t)64 << 20);
    if (!st)
        st = all_words(c, others, &memory, with, err);
    for (size_t i = 0; i < n && !st; i++) {
        json_t *holds = json_array();
        char key[24];
        snprintf(key, sizeof key, "%zu", i);
        st = holds ? all_words(c, words[i].text, &memory, holds, err) : no_memory(err);
        if (!st && json_object_set_new(filters, key, json_pack("{s:{s:O}}", "bool", "filter", holds)))
            st = no_memory(err);
        json_decref(holds);
    }
    if (!st)
        st = os_count_by(c->snap, json_pack("{s:{s:O}}", "bool", "filter", with), json_incref(filters), &reply, err);
    if (!st)
        os_take_counts(reply, n, rows);
    json_decref(reply);
    json_decref(with);
    json_decref(filters);
    arena_clear(&memory);
    return st;
}

/* Which there are is known, not of how many rows: one that is there is held. */
static void languages_held(void *ctx, const char *code, uint64_t *rows, uint64_t *all)
{
    const correcting *c = ctx;
    const char *const *codes;
    size_t n = os_languages(c->snap, &codes);

    *rows = 0;
    *all = *code ? 1 : 0;
    for (size_t i = 0; i < n; i++)
        *rows += *code && !strcmp(codes[i], code);
}

cairn_status os_correct(void *ctx, analyzer *an, const char *text, size_t len, arena *memory, const char **out,
                        cairn_error *err)
{
    correcting c = {.snap = ctx, .an = an, .text = text, .len = len};
    suggest_source from = {&c, word_rows, near_words, rows_together, NULL, languages_held};

    return suggest_query_from(an, &from, text, len, NULL, 0, memory, out, err);
}
