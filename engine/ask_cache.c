/* ask_cache.c - answers of the generator that were given already.
 *
 * Retrieval and the judgement of the evidence are done anew for every question; what the cache spares is the
 * generator, which is nearly all of the time. An entry is found by the question and everything else that bears
 * on the answer (the state of the collection, the settings, the prompt, the model, the filter, what was said
 * before), so a change of any of these finds nothing. Only greedy answers are kept.
 *
 * With ask.cache = semantic, the answer to another question will do, too, when both differ in one word of
 * meaning at most, ask for the same kind of thing, name the same things and numbers, deny the same, lie close
 * for the embedder, and every passage that the answer cites was retrieved for this question as well.
 *
 * Entries lie in user.db; those of another state of the collection go with the next one that is kept. A cache
 * that cannot be read or written is no error: the answer is made. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <xxhash.h>

#include "base/clock.h"
#include "base/cpu.h"
#include "base/log.h"
#include "engine/answer_json.h"
#include "engine/ask.h"
#include "engine/model.h"
#include "engine/user_data.h"
#include "retrieve/terms.h"

#define ENTRIES_MAX  1000 /* kept at most */
#define LOOKED_MAX   200  /* other questions that one is compared with, the latest first */
#define NEAR_COSINE  0.95f
#define QUESTION_BYTES ((size_t)64 << 10)

static void hash_json(const json_t *j, char out[33])
{
    char *text = json_dumps(j, JSON_COMPACT | JSON_SORT_KEYS | JSON_REAL_PRECISION(17));
    XXH128_canonical_t h;

    out[0] = '\0';
    if (!text)
        return;
    XXH128_canonicalFromHash(&h, XXH3_128bits(text, strlen(text)));
    for (size_t i = 0; i < sizeof h.digest; i++)
        snprintf(out + 2 * i, 3, "%02x", h.digest[i]);
    free(text);
}

/* The file of the model, by size and time: reading it whole would take longer than an answer. */
static json_t *model_file(const char *name)
{
    char path[8192];
    struct stat st;

    if (!*name || cairn_model_path(name, path, sizeof path, NULL) || stat(path, &st))
        return json_null();
    return json_pack("[s,I,I,I]", path, (json_int_t)st.st_size, (json_int_t)st.st_mtim.tv_sec,
                     (json_int_t)st.st_mtim.tv_nsec);
}

static json_t *said_before(const cairn_ask_request *q)
{
    json_t *list = json_array();

    for (size_t i = 0; i < q->n_history; i++)
        json_array_append_new(list, json_pack("[s,s]", q->history[i].role, q->history[i].content));
    for (size_t i = 0; i < q->n_facts; i++)
        json_array_append_new(list, json_string(q->facts[i]));
    return list;
}

/* Everything but the question that bears on an answer. "": nothing is to be kept. */
static void scope_of(asking *a, char out[33])
{
    const cairn_ask_request *q = a->request;
    const prompt_parts *p = &a->prompt;
    const settings *s = &a->c->settings;
    const char *entailer = ask_entail_name(a);
    json_t *settings = NULL, *j;

    out[0] = '\0';
    if (!entailer || settings_to_json(s, &settings, NULL))
        return;
    j = json_pack("{s:o,s:I,s:[b,b,s,s,s,s,s],s:o,s:o,s:o,s:s,s:s,s:i,s:I,s:s,s:I,s:[s,s,s,s,s,s*,s*]}", "entailment",
                  model_file(entailer), "words",
                  a->filter ? (json_int_t)word_filter_hash(a->filter) : 0, "way", a->large, a->remote, s->large, s->gateway_url, s->gateway_model, s->gateway_use, s->gateway_redact,
                  "settings", settings, "model",
                  model_file(s->generator), "said", said_before(q), "version", cairn_version(), "cpu",
                  cpu_level_name(cpu_level_get()), "mode", (int)q->mode, "max", (json_int_t)q->max_tokens,
                  "filter", q->filter ? q->filter : "", "day", q->filter || q->n_history || a->standing.by_day ? (json_int_t)q->day : 0, "prompt", p->system, p->open, p->close, p->user,
                  p->marker, p->earlier, p->facts);
    if (j)
        hash_json(j, out);
    json_decref(j);
}

/* Blanks at the ends and runs of them do not make another question. */
static char *squeezed(const char *text, arena *memory)
{
    size_t len = strlen(text), n = 0;
    char *out = len < QUESTION_BYTES ? arena_alloc(memory, len + 1) : NULL;

    for (size_t i = 0; out && i < len; i++)
        if (!strchr(" \t\r\n", text[i]))
            out[n++] = text[i];
        else if (n && out[n - 1] != ' ')
            out[n++] = ' ';
    if (!out)
        return NULL;
    while (n && out[n - 1] == ' ')
        n--;
    out[n] = '\0';
    return out;
}

static bool wanted(const asking *a)
{
    return !a->request->no_cache && a->request->temperature <= 0 && strcmp(a->c->settings.ask_cache, "off") != 0;
}

/* ---- is it the same question? ---- */

typedef struct asked_for {
    term_list terms;
    quantity *quantities;
    size_t n_quantities;
    answer_type type;
    unsigned units;
    bool denies;
} asked_for;

static bool denial(const char *s, size_t len)
{
    static const char *const words[] = {"not", "no", "never", "without", "nicht", "kein", "keine", "keinen",
                                        "ohne", "nie", "sin", "nunca", "sans", "jamais", "except", "außer"};
    char low[16];

    if (len >= sizeof low)
        return false;
    for (size_t i = 0; i < len; i++)
        low[i] = (char)(s[i] >= 'A' && s[i] <= 'Z' ? s[i] + 32 : s[i]);
    low[len] = '\0';
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (!strcmp(words[i], low))
            return true;
    return len > 3 && !strcmp(low + len - 3, "n't");
}

static bool read_asked(asking *a, const char *text, asked_for *out)
{
    size_t len = strlen(text);

    *out = (asked_for){.type = answer_type_of(text, len), .units = answer_units_of(text, len)};
    if (terms_read(a->an, terms_language(NULL, NULL, text, len), text, len, &out->terms, NULL) ||
        quantities_find(text, len, &a->memory, &out->quantities, &out->n_quantities, NULL))
        return false;
    for (size_t i = 0; i < out->terms.n; i++)
        out->denies ^= denial(text + out->terms.at[i].start, out->terms.at[i].end - out->terms.at[i].start);
    return true;
}

/* How many words of meaning of x are not in y; a number, a name or an identifier counts for many. */
static size_t missing(const asked_for *x, const asked_for *y)
{
    size_t n = 0;

    for (size_t i = 0; i < x->terms.n; i++) {
        const text_term *t = &x->terms.at[i];
        bool single = t->end - t->start < 2;
        if ((t->weight > 0 || single) && !terms_have(y->terms.at, y->terms.n, t->key))
            n += t->number || t->identifier || t->name || single ? 100 : 1;
    }
    for (size_t i = 0; i < x->n_quantities; i++) {
        bool found = false;
        for (size_t j = 0; j < y->n_quantities && !found; j++)
            found = quantity_equal(&x->quantities[i], &y->quantities[j]);
        n += found ? 0 : 100;
    }
    return n;
}

static bool same_question(asking *a, const char *mine, const char *other)
{
    asked_for x, y = {0};
    bool same = read_asked(a, mine, &x) && read_asked(a, other, &y) && x.type == y.type && x.units == y.units &&
                x.denies == y.denies && missing(&x, &y) <= 1 && missing(&y, &x) <= 1;

    term_list_clear(&x.terms);
    term_list_clear(&y.terms);
    return same;
}

static bool all_retrieved(const asking *a, const cairn_chat_turn *t)
{
    for (size_t i = 0; i < t->n_citations; i++) {
        bool here = false;
        for (size_t j = 0; j < a->hits->n_hits && !here; j++)
            here = a->hits->hits[j].chunk == t->citations[i].chunk;
        if (!here)
            return false;
    }
    return true;
}

/* ---- finding ---- */

/* Of a query over "cached" and "answer". */
#define COLUMNS USER_ANSWER_COLUMNS ", prompt_tokens, completion_tokens, vector, entailed"

static const char *text_of(const json_t *j, const char *key, arena *memory)
{
    const char *s = json_string_value(json_object_get(j, key));

    return s ? arena_strdup(memory, s) : NULL;
}

/* What answer_entailment_json wrote. Anything else is none. */
static void read_chances(const char *text, cairn_answer *out, arena *memory)
{
    json_t *j = text && *text ? json_loads(text, 0, NULL) : NULL, *list = json_object_get(j, "sentences");
    size_t n = json_array_size(list);

    if (n > ASK_ENTAILED_MAX)
        n = ASK_ENTAILED_MAX;
    out->entailed = n ? arena_calloc(memory, n, sizeof *out->entailed) : NULL;
    out->entailer = out->entailed ? text_of(j, "model", memory) : NULL;
    for (size_t i = 0; out->entailer && i < n; i++) {
        const json_t *x = json_array_get(list, i);
        cairn_entailed e = {.text = text_of(x, "text", memory),
                            .uri = text_of(x, "uri", memory),
                            .entails = (float)json_number_value(json_object_get(x, "entailment")),
                            .neutral = (float)json_number_value(json_object_get(x, "neutral")),
                            .contradicts = (float)json_number_value(json_object_get(x, "contradiction")),
                            .held = json_is_true(json_object_get(x, "held"))};
        if (e.text && e.uri)
            out->entailed[out->n_entailed++] = e;
    }
    json_decref(j);
}

static bool take(asking *a, sqlite3 *db, sqlite3_stmt *s, cairn_chat_turn *t, cairn_answer *out, arena *memory)
{
    if (user_answer_read(db, s, 0, memory, t, NULL) || !all_retrieved(a, t))
        return false;
    out->prompt_tokens = (size_t)sqlite3_column_int64(s, 9);
    out->completion_tokens = (size_t)sqlite3_column_int64(s, 10);
    read_chances((const char *)sqlite3_column_text(s, 12), out, memory);
    return true;
}

static bool find_exact(asking *a, sqlite3 *db, const char *question, cairn_chat_turn *t, cairn_answer *out,
                       arena *memory)
{
    sqlite3_stmt *s = NULL;
    bool row = false;

    if (!user_data_prepare(db, &s, NULL,
                           "SELECT " COLUMNS " FROM cached JOIN answer ON answer.id = cached.answer"
                           " WHERE scope = ? AND asked = ? AND snapshot = ?",
                           "ssi", a->cache_scope, question, (int64_t)a->snapshot))
        row = !user_data_step(s, &row, NULL) && row && take(a, db, s, t, out, memory);
    sqlite3_finalize(s);
    return row;
}

static float dot(const float *x, const float *y, size_t n)
{
    float sum = 0;

    for (size_t i = 0; i < n; i++)
        sum += x[i] * y[i];
    return sum;
}

static float *embedded(asking *a, const char *question, size_t *dim)
{
    encoder_text text = {question, strlen(question)};
    encoder *e;
    float *v;

    if (a->hits->mode == CAIRN_LEXICAL || engine_encoder(a->c, &e, NULL))
        return NULL;
    *dim = encoder_dim(e);
    v = arena_calloc(&a->memory, *dim, sizeof *v);
    return v && !engine_embed(a->c, &text, 1, ENCODER_QUERY, a->request->cancel, v, NULL) ? v : NULL;
}

static bool find_near(asking *a, sqlite3 *db, const char *question, cairn_chat_turn *t, cairn_answer *out,
                      arena *memory)
{
    sqlite3_stmt *s = NULL;
    bool row = true, found = false;
    size_t dim = 0;
    float *v = embedded(a, question, &dim);

    if (v && !user_data_prepare(db, &s, NULL,
                                "SELECT " COLUMNS " FROM cached JOIN answer"
                                " ON answer.id = cached.answer WHERE scope = ? AND snapshot = ?"
                                " AND length(vector) = ? ORDER BY answer.id DESC LIMIT ?",
                                "siii", a->cache_scope, (int64_t)a->snapshot, (int64_t)(dim * sizeof *v),
                                (int64_t)LOOKED_MAX))
        while (!found && !user_data_step(s, &row, NULL) && row) {
            const char *other = (const char *)sqlite3_column_text(s, 2);
            float *w = arena_alloc(&a->memory, dim * sizeof *w);
            if (!w || !other)
                break;
            memcpy(w, sqlite3_column_blob(s, 11), dim * sizeof *w);
            found = dot(v, w, dim) >= NEAR_COSINE && same_question(a, question, other) &&
                    take(a, db, s, t, out, memory);
        }
    sqlite3_finalize(s);
    return found;
}

bool ask_cache_find(asking *a, cairn_answer *out, arena *memory)
{
    char *question = squeezed(a->request->question, &a->memory);
    cairn_chat_turn t;
    sqlite3 *db;
    bool exact;

    if (!wanted(a) || !question)
        return false;
    scope_of(a, a->cache_scope);
    if (!*a->cache_scope || user_data_open(a->c, false, &db, NULL))
        return false;
    exact = find_exact(a, db, question, &t, out, memory);
    if (!exact &&
        (strcmp(a->c->settings.ask_cache, "semantic") || !find_near(a, db, question, &t, out, memory)))
        return false;
    out->cached = exact ? "exact" : "semantic";
    out->cached_question = exact ? NULL : t.question;
    out->text = t.text;
    out->extractive = t.extractive;
    out->citations = (cairn_citation *)t.citations;
    out->n_citations = t.n_citations;
    log_write(LOG_LEVEL_DEBUG, "engine", "answered from the cache (%s)", out->cached);
    return true;
}

/* ---- keeping ---- */

/* To be freed; NULL: none was asked. */
static char *chances_text(const cairn_answer *made)
{
    json_t *j = made->entailer ? answer_entailment_json(made) : NULL;
    char *text = j ? json_dumps(j, JSON_COMPACT | JSON_REAL_PRECISION(9)) : NULL;

    json_decref(j);
    return text;
}

static cairn_status put(asking *a, sqlite3 *db, const char *question, const cairn_chat_turn *t,
                        const cairn_answer *made)
{
    sqlite3_stmt *s = NULL;
    int64_t id = 0;
    size_t dim = 0;
    bool row = false, near = !strcmp(a->c->settings.ask_cache, "semantic");
    float *v = near ? embedded(a, question, &dim) : NULL;
    char *chances;
    cairn_status st = user_data_begin(db, NULL);

    if (st)
        return st;
    chances = chances_text(made);
    /* Of another state of the collection, of this very question, and more than are kept. */
    st = user_data_do(db, NULL,
                      "DELETE FROM answer WHERE id IN (SELECT answer FROM cached) AND (snapshot <> ?1 OR"
                      " id IN (SELECT answer FROM cached WHERE scope = ?2 AND asked = ?3) OR id IN (SELECT answer"
                      " FROM cached ORDER BY answer DESC LIMIT -1 OFFSET ?4))",
                      "issi", (int64_t)a->snapshot, a->cache_scope, question, (int64_t)ENTRIES_MAX - 1);
    if (!st)
        st = user_answer_put(db, t, &id, NULL);
    if (!st)
        st = user_data_prepare(db, &s, NULL, "INSERT INTO cached (scope, asked, answer, prompt_tokens, completion_tokens, entailed,"
                               " vector) VALUES (?,?,?,?,?,?,?)", "ssiiis", a->cache_scope, question, id,
                               (int64_t)made->prompt_tokens, (int64_t)made->completion_tokens, chances ? chances : "");
    if (!st && v)
        sqlite3_bind_blob(s, 7, v, (int)(dim * sizeof *v), SQLITE_STATIC);
    if (!st)
        st = user_data_step(s, &row, NULL);
    sqlite3_finalize(s);
    free(chances);
    return user_data_end(db, st, NULL);
}

void ask_cache_put(asking *a, const cairn_answer *out)
{
    char *question = squeezed(a->request->question, &a->memory);
    cairn_chat_turn t = {.question = question,
                         .filter = a->request->filter,
                         .text = out->text,
                         .model = out->model,
                         .extractive = out->extractive,
                         .snapshot = a->snapshot,
                         .citations = out->citations,
                         .n_citations = out->n_citations};
    sqlite3 *db;

    if (!wanted(a) || !*a->cache_scope || !question || user_answer_check(&t, NULL))
        return;
    if (user_data_open(a->c, true, &db, NULL) || put(a, db, question, &t, out))
        log_write(LOG_LEVEL_DEBUG, "engine", "the answer could not be kept in the cache");
}
