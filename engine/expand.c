/* expand.c - see expand.h. */
#include "engine/expand.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/utf8.h"
#include "engine/prompts.h"
#include "retrieve/acronyms.h"
#include "retrieve/aliases.h"

#define SHORT_FORMS   4   /* of a question */
#define DEFINING      100 /* passages that hold a short form and are looked through for what it means */
#define MEANINGS      16  /* different ones that are counted */
#define SPELLED_OUT   20  /* best passages by words that may give a short form of what the question spells out */
#define ALIASES       4   /* other names of what the question asks for */
#define ALIAS_LEAST   4   /* bytes of a name of one word */
#define CLAUSES       32
#define SHOWN_BYTES   4096
#define LONGEST_QUESTION 300 /* bytes of one that the generator writes */
#define MADE_TOKENS   96  /* of the generator */
#define HOP_PASSAGES  2
#define HOP_NAMES     8

typedef struct expanding {
    cairn *c;
    const view *v;
    const retrieve_corpus *corpus;
    const retrieve_query *query;
    arena *memory;
    expansion *out;
    bytes shown;
} expanding;

static cairn_status show(expanding *x, const char *what, const char *text, size_t len)
{
    cairn_status st = x->shown.len ? bytes_append_byte(&x->shown, '\n') : CAIRN_OK;

    if (!st)
        st = bytes_append_str(&x->shown, what);
    if (!st)
        st = bytes_append_str(&x->shown, ": ");
    return st ? st : bytes_append(&x->shown, text, len);
}

/* Words that may occur, for `weight` of those that were asked. */
static cairn_status add_words(expanding *x, const char *text, size_t len, double weight, cairn_error *err)
{
    char *copy;

    if (!x->out->clauses && !(x->out->clauses = arena_calloc(x->memory, CLAUSES, sizeof *x->out->clauses)))
        return cairn_fail(err, CAIRN_ENOMEM, "expansion of a question");
    if (x->out->n_clauses == CLAUSES)
        return CAIRN_OK;
    copy = arena_strndup(x->memory, text, len);
    if (!copy)
        return cairn_fail(err, CAIRN_ENOMEM, "expansion of a question");
    x->out->clauses[x->out->n_clauses++] = (lexical_clause){
        .occur = LEXICAL_SHOULD, .kind = LEXICAL_WORDS, .text = copy, .len = len, .boost = (float)weight};
    return CAIRN_OK;
}

/* ---- acronyms ---- */

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + 'a' - 'A') : c;
}

static bool same_text(const char *x, const char *y, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (lower(x[i]) != lower(y[i]))
            return false;
    return true;
}

/* Does the question hold these words, whatever their case? */
static bool holds(const char *question, size_t len, const char *text, size_t n)
{
    for (size_t i = 0; i + n <= len; i++)
        if (same_text(question + i, text, n))
            return true;
    return false;
}

/* The best passages by the words of `text` alone, as chunks. */
static cairn_status find_by_words(expanding *x, const char *text, size_t k, retrieve_result *found, cairn_error *err)
{
    retrieve_corpus words = *x->corpus;
    retrieve_params params;
    retrieve_query query;
    analyzer *an;
    cairn_status st = retrieve_query_plain(&query, text, NULL, x->memory, err);

    words.embed = NULL;
    words.n_vector = 0;
    retrieve_params_default(&params);
    params.depth = k;
    if (!st)
        st = engine_analyzer(x->c, &an, err);
    return st ? st : retrieve_search(&words, &query, RETRIEVE_LEXICAL, k, NULL, &params, an, NULL, x->memory, found, err);
}

typedef struct meaning {
    const char *text;
    size_t len, passages;
} meaning;

/* What the passages say the short form stands for: the meaning that most of them give. */
static cairn_status find_meaning(expanding *x, const char *acronym, size_t n, meaning *out, cairn_error *err)
{
    meaning seen[MEANINGS];
    size_t n_seen = 0;
    retrieve_result found = {0};
    cairn_status st = find_by_words(x, acronym, DEFINING, &found, err);

    *out = (meaning){0};
    if (!st)
        st = engine_fetch_hits(x->v, &found, DEFINING, x->memory, err);
    for (size_t i = 0; !st && i < found.n_hits; i++) {
        store_chunk chunk;
        acronym_pair pair;
        size_t at = 0, j;
        st = store_chunk_get(x->v->snapshot, found.hits[i].chunk, &chunk, x->memory, err);
        while (!st && acronym_next(chunk.text, chunk.text_len, &at, &pair)) {
            if (pair.acronym_len != n || memcmp(pair.acronym, acronym, n) != 0)
                continue;
            for (j = 0; j < n_seen; j++)
                if (seen[j].len == pair.meaning_len && same_text(seen[j].text, pair.meaning, pair.meaning_len))
                    break;
            if (j == n_seen && n_seen < MEANINGS)
                seen[n_seen++] = (meaning){pair.meaning, pair.meaning_len, 0};
            if (j < n_seen)
                seen[j].passages++;
            break; /* a passage has one voice */
        }
    }
    for (size_t j = 0; !st && j < n_seen; j++)
        if (seen[j].passages > out->passages)
            *out = seen[j];
    return st;
}

static bool is_word_byte(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || (unsigned char)c >= 0x80;
}

/* Short forms in the question: what they mean. */
static cairn_status spell_out(expanding *x, cairn_error *err)
{
    const char *q = x->query->text;
    size_t len = x->query->text_len, forms = 0;
    cairn_status st = CAIRN_OK;

    for (size_t at = 0, end; !st && at < len && forms < SHORT_FORMS; at = end + 1) {
        char acronym[16];
        meaning m;
        for (end = at; end < len && is_word_byte(q[end]); end++)
            ;
        if (!acronym_like(q + at, end - at))
            continue;
        forms++;
        memcpy(acronym, q + at, end - at);
        acronym[end - at] = '\0';
        st = find_meaning(x, acronym, end - at, &m, err);
        if (st || !m.passages || holds(q, len, m.text, m.len))
            continue;
        st = add_words(x, m.text, m.len, x->c->settings.acronyms, err);
        if (!st)
            st = show(x, acronym, m.text, m.len);
    }
    return st;
}

/* ---- other names ---- */

/* As `holds`, of whole words. */
static bool asks_for(const expanding *x, const char *text, size_t n)
{
    const char *q = x->query->text;
    size_t len = x->query->text_len;

    for (size_t i = 0; i + n <= len; i++)
        if (same_text(q + i, text, n) && (!i || !is_word_byte(q[i - 1])) && (i + n == len || !is_word_byte(q[i + n])))
            return true;
    return false;
}

/* Does the question ask for the thing that the clause ends with? */
static bool asks_for_end(const expanding *x, const char *s, size_t len)
{
    for (size_t n = ALIAS_WORDS; n; n--) {
        size_t span;
        const char *name = alias_last_words(s, len, n, &span);
        if (name && (n > 1 || span >= ALIAS_LEAST) && asks_for(x, name, span))
            return true;
    }
    return false;
}

/* What the passage calls the thing that the question asks for, too. */
static cairn_status call_otherwise(expanding *x, const store_chunk *chunk, size_t *left, cairn_error *err)
{
    alias_pair pair;
    size_t at = 0;
    cairn_status st = CAIRN_OK;

    while (!st && *left && alias_next(chunk->text, chunk->text_len, &at, &pair)) {
        const char *name = NULL;
        size_t n = 0;
        if (pair.after_len >= ALIAS_LEAST && asks_for(x, pair.after, pair.after_len)) {
            name = alias_name_at_end(pair.before, pair.before_len, &n);
        } else if (asks_for_end(x, pair.before, pair.before_len)) {
            name = pair.after;
            n = pair.after_len;
        }
        for (size_t j = 0; name && j < x->out->n_clauses; j++)
            if (x->out->clauses[j].len == n && same_text(x->out->clauses[j].text, name, n))
                name = NULL;
        if (!name || n < 2 || asks_for(x, name, n))
            continue;
        --*left;
        st = add_words(x, name, n, x->c->settings.other_names, err);
        if (!st)
            st = show(x, "also called", name, n);
    }
    return st;
}

/* Words of the question that these passages shorten, or have another name for. */
static cairn_status shorten_by(expanding *x, const chunk_id *ids, size_t n, cairn_error *err)
{
    const char *q = x->query->text;
    size_t len = x->query->text_len, forms = x->c->settings.acronyms > 0 ? 0 : SHORT_FORMS;
    size_t names = x->c->settings.other_names > 0 ? ALIASES : 0;
    cairn_status st = CAIRN_OK;

    for (size_t i = 0; !st && i < n; i++) {
        store_chunk chunk;
        acronym_pair pair;
        size_t at = 0;
        st = store_chunk_get(x->v->snapshot, ids[i], &chunk, x->memory, err);
        while (!st && forms < SHORT_FORMS && acronym_next(chunk.text, chunk.text_len, &at, &pair)) {
            bool known = holds(q, len, pair.acronym, pair.acronym_len);
            for (size_t j = 0; j < x->out->n_clauses; j++)
                known |= x->out->clauses[j].len == pair.acronym_len &&
                         !memcmp(x->out->clauses[j].text, pair.acronym, pair.acronym_len);
            if (known || !holds(q, len, pair.meaning, pair.meaning_len))
                continue;
            forms++;
            st = add_words(x, pair.acronym, pair.acronym_len, x->c->settings.acronyms, err);
            if (!st)
                st = show(x, "short form", pair.acronym, pair.acronym_len);
        }
        if (!st)
            st = call_otherwise(x, &chunk, &names, err);
    }
    return st;
}

/* Words of the question that documents shorten: by the best passages for them. */
static cairn_status shorten(expanding *x, cairn_error *err)
{
    chunk_id ids[SPELLED_OUT];
    retrieve_result found = {0};
    cairn_status st = find_by_words(x, x->query->text, SPELLED_OUT, &found, err);

    for (size_t i = 0; i < found.n_hits; i++)
        ids[i] = found.hits[i].chunk;
    return st ? st : shorten_by(x, ids, found.n_hits, err);
}

/* A question in capitals throughout, of three words and more, has no short forms that can be told from its words. */
static bool is_shouted(const char *s, size_t len)
{
    size_t words = 0;

    for (size_t i = 0; i < len; i++) {
        if (s[i] >= 'a' && s[i] <= 'z')
            return false;
        words += is_word_byte(s[i]) && (!i || !is_word_byte(s[i - 1]));
    }
    return words > 2;
}

/* ---- what the generator writes ---- */

static cairn_status write_with(expanding *x, const char *prompt, generate_result *made, cairn_error *err)
{
    generate_params p = {.max_tokens = MADE_TOKENS};
    char *text;
    json_t *messages;
    cairn_status st = prompt_load(prompt, x->c->settings.prompt_dir, &text, err);

    if (st)
        return st;
    messages = json_pack("[{s:s,s:s},{s:s,s:o}]", "role", "system", "content", text, "role", "user", "content",
                         json_stringn(x->query->text, x->query->text_len));
    free(text);
    if (!messages)
        return cairn_fail(err, CAIRN_EUSAGE, "the question is not valid UTF-8");
    st = engine_chat(x->c, false, messages, &p, NULL, made, err);
    json_decref(messages);
    return st;
}

/* One text: words that may occur, and a direction. */
static cairn_status add_text(expanding *x, const char *what, const char *text, size_t len, double weight,
                             cairn_error *err)
{
    char *copy = arena_strndup(x->memory, text, len);
    cairn_status st;

    if (!copy)
        return cairn_fail(err, CAIRN_ENOMEM, "expansion of a question");
    st = add_words(x, copy, len, weight, err);
    if (!st && x->out->n_texts < EXPAND_TEXTS)
        x->out->texts[x->out->n_texts++] = (encoder_text){copy, len};
    return st ? st : show(x, what, copy, len);
}

/* A line of a list without its number or bullet. */
static const char *skip_bullet(const char *s, const char *end)
{
    const char *at = s;

    while (at < end && strchr(" \t-*0123456789.)", *at))
        at++;
    return at < end ? at : s;
}

static cairn_status ask_otherwise(expanding *x, cairn_error *err)
{
    generate_result made = {0};
    double weight = x->c->settings.expand_words;
    cairn_status st = write_with(x, "rephrase.v1", &made, err);

    for (const char *at = st ? "" : made.text, *end; !st && *at && x->out->n_texts < EXPAND_TEXTS - 1;
         at = end + (*end != '\0')) {
        const char *from;
        end = at + strcspn(at, "\n");
        from = skip_bullet(at, end);
        if (end - from < 8 || end - from > LONGEST_QUESTION || (*end == '\0' && made.finish == GENERATE_LENGTH))
            continue; /* nothing, no question, or one that breaks off */
        st = add_text(x, "also asked", from, (size_t)(end - from), weight / 3, err);
    }
    generate_result_clear(&made);
    x->out->role = ENCODER_QUERY;
    return st;
}

static cairn_status imagine(expanding *x, cairn_error *err)
{
    generate_result made = {0};
    cairn_status st = write_with(x, "hyde.v1", &made, err);

    if (!st && made.text_len)
        st = add_text(x, "imagined", made.text, made.text_len, x->c->settings.expand_words / 3, err);
    generate_result_clear(&made);
    x->out->role = ENCODER_PASSAGE;
    return st;
}

/* ---- all ---- */

static cairn_status finish(expanding *x, cairn_status st, cairn_error *err)
{
    if (!st && x->shown.len &&
        !(x->out->shown = arena_strndup(x->memory, (const char *)x->shown.data, x->shown.len)))
        st = cairn_fail(err, CAIRN_ENOMEM, "expansion of a question");
    bytes_clear(&x->shown);
    return st;
}

static bool may_know_short_forms(const cairn *c, const engine_query *e, const retrieve_query *query)
{
    return (c->settings.acronyms > 0 || c->settings.other_names > 0) && !e->as_you_type && query->has_words && query->text_len &&
           e->mode != RETRIEVE_VECTOR && !is_shouted(query->text, query->text_len);
}

cairn_status engine_expand_after(cairn *c, const view *v, const engine_query *e, const retrieve_query *query,
                                 arena *memory, expansion *out, cairn_error *err)
{
    expanding x = {c, v, NULL, query, memory, out, {0}};
    chunk_id ids[SPELLED_OUT];
    size_t n;

    *out = (expansion){0};
    if (!v->index || !may_know_short_forms(c, e, query))
        return CAIRN_OK;
    bytes_init(&x.shown, SHOWN_BYTES);
    n = v->index->remote->best(v->index->ctx, ids, SPELLED_OUT);
    return finish(&x, shorten_by(&x, ids, n, err), err);
}

cairn_status engine_expand(cairn *c, const view *v, const engine_query *e, const retrieve_corpus *corpus,
                           const retrieve_query *query, arena *memory, expansion *out, cairn_error *err)
{
    expanding x = {c, v, corpus, query, memory, out, {0}};
    bool asks = !strcmp(c->settings.expand, "multi-query"), imagines = !strcmp(c->settings.expand, "hyde");
    cairn_error why = {0};
    cairn_status st = CAIRN_OK;

    *out = (expansion){0};
    bytes_init(&x.shown, SHOWN_BYTES);
    if (e->as_you_type || !query->has_words || !query->text_len)
        return CAIRN_OK;
    if (may_know_short_forms(c, e, query)) {
        if (c->settings.acronyms > 0)
            st = spell_out(&x, err);
        if (!st && !v->index)
            st = shorten(&x, err);
    }
    if (!st && (asks || imagines)) {
        cairn_status made = asks ? ask_otherwise(&x, &why) : imagine(&x, &why);
        if (made)
            log_write(LOG_LEVEL_WARN, "engine", "the question is searched as it is: %s", why.text);
    }
    return finish(&x, st, err);
}

/* ---- second hop ---- */

static bool begins_capital(const char *s)
{
    return *s >= 'A' && *s <= 'Z';
}

/* The name that begins at `at`: words in capitals, side by side. */
static size_t name_length(const char *text, size_t len, size_t at)
{
    size_t end = at, next;

    for (;;) {
        for (next = end; next < len && is_word_byte(text[next]); next++)
            ;
        end = next;
        if (next + 1 >= len || text[next] != ' ' || !begins_capital(text + next + 1))
            return end - at;
        end = next + 1;
    }
}

static bool is_number(const char *s, size_t len)
{
    size_t n = 0;

    while (n < len && s[n] >= '0' && s[n] <= '9')
        n++;
    return n == len;
}

/* Names in a text that the question lacks. A word at the beginning of a sentence is no name for that alone. */
static cairn_status add_names(expanding *x, const char *text, size_t len, size_t *left, cairn_error *err)
{
    cairn_status st = CAIRN_OK;
    bool fresh = true; /* a sentence begins */

    for (size_t at = 0, n; !st && *left && at < len; at += n ? n : 1) {
        bool known;
        n = 0;
        if (strchr(".!?\n", text[at])) {
            fresh = true;
            continue;
        }
        if (!is_word_byte(text[at]))
            continue;
        for (n = 0; at + n < len && is_word_byte(text[at + n]); n++)
            ;
        known = !begins_capital(text + at);
        if (!known)
            n = name_length(text, len, at);
        known |= (fresh && !memchr(text + at, ' ', n)) || n < 4 ||
                 holds(x->query->text, x->query->text_len, text + at, n);
        fresh = fresh && is_number(text + at, n); /* of a heading or a list: "2.1 Before you travel" */
        for (size_t j = 0; !known && j < x->out->n_clauses; j++)
            known = x->out->clauses[j].len == n && !memcmp(x->out->clauses[j].text, text + at, n);
        if (known)
            continue;
        --*left;
        st = add_words(x, text + at, n, x->c->settings.hop_words, err);
        if (!st)
            st = show(x, "second hop", text + at, n);
    }
    return st;
}

cairn_status engine_second_hop(cairn *c, const view *v, const retrieve_query *query, const retrieve_result *first,
                               arena *memory, expansion *out, cairn_error *err)
{
    expanding x = {c, v, NULL, query, memory, out, {0}};
    size_t left = HOP_NAMES;
    cairn_status st = CAIRN_OK;

    *out = (expansion){0};
    bytes_init(&x.shown, SHOWN_BYTES);
    for (size_t i = 0; !st && i < first->n_hits && i < HOP_PASSAGES; i++) {
        store_chunk chunk;
        st = store_chunk_get(v->snapshot, first->hits[i].chunk, &chunk, memory, err);
        if (!st)
            st = add_names(&x, chunk.text, chunk.text_len, &left, err);
    }
    return finish(&x, st, err);
}
