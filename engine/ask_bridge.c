/* ask_bridge.c - questions about a thing that they describe ("Where was the director of Thirteen
 * Umbrellas born?").
 *
 * The whole question is searched and judged as ever. Where its best sentence has little of it, as
 * is so when two documents share it, the description is searched by itself; names in and around the
 * sentence that answers to it take its place in the question, which is then searched and judged,
 * too. Before, the index says which names lead nowhere (no passage of another document has them
 * with all that the question names) and about which another document says most of what is asked;
 * these come first. Of several names the one whose question has the best evidence is kept. Its best
 * sentences and the one that gave the name stand before the others.
 *
 * No hop, and nothing but its time is lost: where the whole question has its words in one place,
 * where the description has no evidence, where none of the names leads to a sentence that holds the
 * name and answers. */
#include <ctype.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "engine/ask.h"
#include "index/text/stopwords.h"
#include "retrieve/terms.h"

#define WHOLE_COVER                                                                                \
    0.65f /* of the whole question in and around its best sentence: with more there is no second   \
             place */
#define CLAIM_COVER                                                                                \
    0.9f /* ... and of a statement with a question at its end, most of which is the statement */
#define INNER_CHANCE  0.2f /* that the description is answered */
#define CLAIM_INNER   0.5f /* ... by a statement */
#define CLAIM_OUTER   0.65f
#define OUTER_CHANCE  0.35f /* that the question with the name is */
#define ENOUGH_CHANCE 0.9f  /* ... beyond which no other name is tried */
#define FOLLOWED_MAX  3     /* names, of those that may lead anywhere */
#define ALL_NAMES     0.99f /* of the question, in the passage */
#define COMMON_ROWS   30 /* passages of other documents with a name of one word, beyond which ... */
#define COMMON_SHARE  0.04f /* ... it is no name of one thing, in so many of all ("American") */
#define NAMES_MAX     6
#define NAMES_PLAIN   4 /* of a description that says itself what it is */
#define NAME_BYTES    80
#define NAME_WORDS    6

typedef struct found_names {
    const char *name[NAMES_MAX];
    size_t n;
} found_names;

static bool holds_text(const char *text, const char *what, size_t n)
{
    for (size_t len = strlen(text), i = 0; i + n <= len; i++)
        if (!strncasecmp(text + i, what, n))
            return true;
    return false;
}

/* Has the name the noun of the description ("which network?") as a word of its own: "Cartoon
 * Network"? */
static bool has_noun(const asking *a, const char *name, size_t len)
{
    const char *side = a->apart.parts[0].side, *noun = side ? strrchr(side, ' ') : NULL;
    size_t n;

    noun = noun ? noun + 1 : side;
    n = noun ? strlen(noun) : 0;
    for (size_t i = 0; n > 2 && i + n <= len; i++)
        if (!strncasecmp(name + i, noun, n) && (!i || name[i - 1] == ' ') &&
            (i + n == len || !isalpha((unsigned char)name[i + n])))
            return true;
    return false;
}

/* Is half of the name's capitalised words in the question? It is another name of what is known, or
 * of its surroundings. */
static bool is_known(const asking *a, const char *name, size_t len)
{
    const char *question = a->asked;
    size_t n = 0, known = 0;

    for (size_t i = 0; i < len;) {
        size_t end = i;
        while (end < len && !strchr(" ,.-()", name[end]))
            end++;
        bool noun =
            a->apart.claims &&
            has_noun(a, name + i,
                     end - i); /* "a university": "Bethel University" is none of the question's */
        if (end > i + 1 && !noun && (!islower((unsigned char)name[i]) || n == 0)) {
            const char *at = memmem(question, strlen(question), name + i, end - i);
            known += at && (at == question || !isalnum((unsigned char)at[-1])) &&
                     !isalnum((unsigned char)at[end - i]);
            n++;
        }
        i = end + 1;
    }
    return n && (a->apart.claims && has_noun(a, name, len) ? known == n : known * 2 >= n);
}

/* A name for the place of the description: not one of the question's own, nor of a name that is
 * there. */
static void add_name(asking *a, found_names *names, const char *lang, const char *text, size_t len)
{
    char low[NAME_BYTES + 1];
    size_t words = 1;

    while (len && (isspace((unsigned char)*text) || strchr("\"'(*#", *text))) {
        text++;
        len--;
    }
    while (len && (isspace((unsigned char)text[len - 1]) || strchr("\"')*#,.;:", text[len - 1])))
        len--;
    if (len > 2 && !memcmp(text + len - 2, "'s", 2))
        len -= 2;
    if (names->n == (a->apart.claims ? NAMES_MAX : NAMES_PLAIN) || len < 2 || len > NAME_BYTES ||
        is_known(a, text, len))
        return;
    for (size_t i = 0; i < len; i++) {
        low[i] = (char)tolower((unsigned char)text[i]);
        words += text[i] == ' ';
        if (text[i] == '\n' || text[i] == '|')
            return;
    }
    low[len] = '\0';
    if (words > NAME_WORDS || (words == 1 && stopwords_has(lang, low, len)))
        return;
    for (size_t i = 0; i < names->n; i++)
        if (holds_text(names->name[i], text, len))
            return;
    names->name[names->n] = arena_strndup(&a->memory, text, len);
    names->n += names->name[names->n] != NULL;
}

/* "Trent Reznor of Nine Inch Nails": who it is, before where from. */
static void add_bearer(asking *a, found_names *names, const char *lang, const char *text,
                       size_t len)
{
    const char *of = memmem(text, len, " of ", 4),
               *blank = of ? memchr(text, ' ', (size_t)(of - text)) : NULL;

    if (blank && isupper((unsigned char)blank[1]))
        add_name(a, names, lang, text, (size_t)(of - text));
}

/* Names of a run of text; in German, where nouns have capitals, only those that no article stands
 * before. */
static void add_mentions(asking *a, found_names *names, const char *lang, const char *text,
                         size_t len, bool with_noun)
{
    static const char *const articles[] = {"der", "die",  "das",   "den",   "dem",   "des",
                                           "ein", "eine", "einen", "einem", "einer", "eines",
                                           "am",  "im",   "zum",   "zur",   "vom",   "beim"};
    text_span *at;
    quantity *q;
    size_t n_q, n;

    if (quantities_find(text, len, &a->memory, &q, &n_q, NULL) ||
        answer_mentions(ANSWER_WHO, 0, text, len, q, n_q, &a->memory, &at, &n, NULL))
        return;
    for (size_t i = 0; i < n; i++) {
        size_t end = at[i].start, begin;
        bool noun = false;
        while (end && text[end - 1] == ' ')
            end--;
        for (begin = end; begin && isalpha((unsigned char)text[begin - 1]);)
            begin--;
        for (size_t k = 0; !answer_names_visible(lang) && k < sizeof articles / sizeof *articles;
             k++)
            noun |= end - begin == strlen(articles[k]) &&
                    !strncasecmp(text + begin, articles[k], end - begin);
        const char *last = text + at[i].end - 1;
        if (at[i].end < len && *last != '.' && last[1] == '.' && isupper((unsigned char)*last) &&
            (at[i].end - at[i].start < 2 || last[-1] == ' '))
            continue; /* "Ann B" of "Ann B. Davis" */
        if (noun || (with_noun && !has_noun(a, text + at[i].start, at[i].end - at[i].start)))
            continue;
        if (a->apart.claims)
            add_bearer(a, names, lang, text + at[i].start, at[i].end - at[i].start);
        add_name(a, names, lang, text + at[i].start, at[i].end - at[i].start);
    }
}

/* What the description may be called: the name nearest to its words in the best sentence, the
 * document's title, then other names of that sentence and of the second one. */
static void find_names(asking *a, const ask_part *inner, found_names *names)
{
    const evidence_sentence *s = &inner->evidence.sentences[0];
    const evidence_passage *p = &a->read[s->passage];
    const char *lang = p->text.lang ? p->text.lang : "";
    evidence who = inner->evidence;
    text_span brief;

    who.type = ANSWER_WHO;
    if (a->apart.claims)
        add_mentions(a, names, lang, p->text.text + s->before, s->after - s->before, true);
    if (answer_names_visible(lang) &&
        evidence_short_answer(a->an, a->apart.namer, &who, p, s, &brief)) {
        if (a->apart.claims)
            add_bearer(a, names, lang, p->text.text + brief.start, brief.end - brief.start);
        add_name(a, names, lang, p->text.text + brief.start, brief.end - brief.start);
    }
    if (p->text.title && isupper((unsigned char)*p->text.title))
        add_name(a, names, lang, p->text.title, strlen(p->text.title));
    for (size_t i = 0; i < 2 && i < inner->evidence.n && !inner->evidence.sentences[i].planted;
         i++) {
        const evidence_sentence *x = &inner->evidence.sentences[i];
        const cite_passage *text = &a->read[x->passage].text;
        if (x->passage == s->passage)
            add_mentions(a, names, lang, text->text + x->start, x->end - x->start, false);
    }
    if (a->apart.claims)
        add_mentions(a, names, lang, p->text.text + s->before, s->after - s->before, false);
}

/* What a sentence must have to be the name's other place: it is about all that the question names,
 * in another document. */
static bool may_take(const asking *a, const evidence_sentence *s, size_t hit)
{
    return a->hits->hits[hit].doc != a->hop_from && s->feature[EVIDENCE_NAMES] >= ALL_NAMES;
}

bool ask_bridge_may_take(const asking *a, const evidence_sentence *const *s, size_t n,
                         const size_t *of)
{
    for (size_t i = 0; a->hop_from && i < n; i++)
        if (may_take(a, s[i], of ? of[s[i]->passage] : s[i]->passage))
            return true;
    return !a->hop_from;
}

/* Appends the words of a name that begin with a capital or a digit, with blanks between. */
static cairn_status append_large(bytes *words, const char *name)
{
    cairn_status st = CAIRN_OK;

    for (const char *w = name; !st && *w;) {
        size_t len = strcspn(w, " ");
        if (len && !islower((unsigned char)*w))
            st = bytes_printf(words, "%.*s ", (int)len, w);
        w += len;
        w += strspn(w, " ");
    }
    return st;
}

/* What a passage that the name leads to must have: the name's large words, and all that the
 * question with it names; NULL: nothing. */
static cairn_status needed_words(asking *a, const char *name, const char **out, cairn_error *err)
{
    const char *question = decompose_outer(&a->apart, name, &a->memory);
    term_list terms = {0};
    bytes words;
    cairn_status st = question ? CAIRN_OK : cairn_fail(err, CAIRN_ENOMEM, "a bridge");

    bytes_init(&words, ANSWER_BYTES);
    if (!st)
        st = terms_read(a->an, a->apart.lang, question, strlen(question), &terms, err);
    if (!st)
        st = append_large(&words, name);
    for (size_t i = 0; !st && i < terms.n; i++)
        if (terms.at[i].weight > 0 && (terms.at[i].name || terms.at[i].identifier))
            st = bytes_printf(&words, "%.*s ", (int)(terms.at[i].end - terms.at[i].start),
                              question + terms.at[i].start);
    *out = !st && words.len ? arena_strndup(&a->memory, words.data, words.len) : NULL;
    if (!st && words.len && !*out)
        st = cairn_fail(err, CAIRN_ENOMEM, "a bridge");
    term_list_clear(&terms);
    bytes_clear(&words);
    return st;
}

/* Take those of the document that gave the name out of the rows; how many are left. */
static size_t drop_own(const asking *a, const view *v, size_t segment, uint64_t *rows)
{
    const segment_file *file = v->lexical_of[segment]->file;
    size_t n = 0;

    for (size_t w = 0; w < row_set_words(lexical_reader_rows(v->lexical[segment].reader)); w++) {
        for (uint64_t bits = rows[w]; bits; bits &= bits - 1) {
            uint32_t row = (uint32_t)(w * 64) + (uint32_t)__builtin_ctzll(bits);
            if (segment_row_doc(file, row) == a->hop_from)
                rows[w] ^= bits & -bits;
        }
        n += (size_t)__builtin_popcountll(rows[w]);
    }
    return n;
}

/* The rows of other documents that have these words, as those allowed in segments[]. */
static cairn_status find_elsewhere(asking *a, const view *v, const char *words,
                                   lexical_segment *segments, size_t *n, cairn_error *err)
{
    const lexical_clause must = {
        .occur = LEXICAL_MUST, .kind = LEXICAL_WORDS, .text = words, .len = strlen(words)};
    const lexical_query query = {.clauses = &must, .n = 1};
    uint64_t **rows = arena_calloc(&a->memory, v->n_lexical + 1, sizeof *rows);
    cairn_status st = rows ? CAIRN_OK : cairn_fail(err, CAIRN_ENOMEM, "a bridge");

    *n = 0;
    for (size_t s = 0; s < v->n_lexical && !st; s++) {
        size_t room = row_set_words(lexical_reader_rows(v->lexical[s].reader)) + 1;
        if (!(rows[s] = arena_calloc(&a->memory, room, sizeof **rows)))
            st = cairn_fail(err, CAIRN_ENOMEM, "a bridge");
    }
    if (!st)
        st = lexical_match(a->an, v->lexical, v->n_lexical, &query, NULL, rows, err);
    for (size_t s = 0; s < v->n_lexical && !st; s++) {
        segments[s] = v->lexical[s];
        segments[s].allowed = rows[s];
        *n += drop_own(a, v, s, rows[s]);
    }
    return st;
}

/* A word in so many passages is no name of one thing: "American", "Chairman". */
static cairn_status is_common(asking *a, const view *v, const char *name, bool *common,
                              cairn_error *err)
{
    lexical_segment *segments = arena_calloc(&a->memory, v->n_lexical + 1, sizeof *segments);
    size_t n = 0, rows = 0;
    cairn_status st = segments ? CAIRN_OK : cairn_fail(err, CAIRN_ENOMEM, "a bridge");

    *common = false;
    if (st || strchr(name, ' '))
        return st;
    st = find_elsewhere(a, v, name, segments, &n, err);
    for (size_t i = 0; i < v->n_lexical; i++)
        rows += lexical_reader_rows(v->lexical[i].reader);
    *common = !st && n > COMMON_ROWS && (float)n > COMMON_SHARE * (float)rows;
    return st;
}

/* How well the rest of the question's words are met where another document than a->hop_from has the
 * name in one passage; < 0: none has, and no search would find one. */
static cairn_status weigh_name(asking *a, const view *v, const char *name, float *out,
                               cairn_error *err)
{
    const char *rest = arena_printf(&a->memory, "%s %s", a->apart.before, a->apart.after);
    lexical_segment *segments = arena_calloc(&a->memory, v->n_lexical + 1, sizeof *segments);
    const char *words = NULL;
    lexical_hit best;
    size_t found = 0, n = 0;
    bool common = false;
    cairn_status st = segments && rest ? CAIRN_OK : cairn_fail(err, CAIRN_ENOMEM, "a bridge");

    *out = 0;
    if (!st && !v->index && a->apart.claims)
        st = is_common(a, v, name, &common, err);
    if (!st && common) {
        *out = -1;
        return CAIRN_OK;
    }
    if (!st && !v->index)
        st = needed_words(a, name, &words, err);
    if (!st && words)
        st = find_elsewhere(a, v, words, segments, &n, err);
    if (st || !words)
        return st;
    *out = -1;
    if (!n)
        return CAIRN_OK;
    const lexical_clause may = {
        .occur = LEXICAL_SHOULD, .kind = LEXICAL_WORDS, .text = rest, .len = strlen(rest)};
    const lexical_query query = {.clauses = &may, .n = 1};
    st = lexical_search(a->an, segments, v->n_lexical, &query, NULL, 1, &best, &found, err);
    *out = found ? best.score : 0;
    return st;
}

/* The names that another document has, those first about which it says most of what is asked. */
static cairn_status order_names(asking *a, const view *v, found_names *names, cairn_error *err)
{
    float weight[NAMES_MAX];
    bool with_noun = false; /* "Cartoon Network", where a network is meant: no other name is that */
    size_t n = 0;
    cairn_status st = CAIRN_OK;

    for (size_t i = 0; a->apart.claims && i < names->n; i++)
        with_noun |= has_noun(a, names->name[i], strlen(names->name[i]));
    for (size_t i = 0; i < names->n && !st; i++) {
        const char *name = names->name[i];
        float w;
        size_t at = n;
        if (with_noun && !has_noun(a, name, strlen(name)))
            continue;
        st = weigh_name(a, v, name, &w, err);
        if (st || w < 0) {
            log_write(LOG_LEVEL_DEBUG, "engine", "bridge: %s leads nowhere", name);
            continue;
        }
        for (; at && weight[at - 1] < w; at--) {
            weight[at] = weight[at - 1];
            names->name[at] = names->name[at - 1];
        }
        weight[at] = w;
        names->name[at] = name;
        n++;
    }
    names->n = n;
    return st;
}

/* The question with this name, searched and judged; its evidence, where the name leads to any. */
static cairn_status follow(asking *a, const view *v, const engine_query *e,
                           const retrieve_query *query, retrieve_result *found, const char *name,
                           ask_part *best, const char **best_name, cairn_error *err)
{
    ask_part outer = {.question = decompose_outer(&a->apart, name, &a->memory)};
    const evidence_sentence *s;
    cairn_status st = outer.question ? ask_parts_find(a, v, e, query, found, &outer, err)
                                     : cairn_fail(err, CAIRN_ENOMEM, "a bridge");

    if (!st)
        log_write(LOG_LEVEL_DEBUG, "engine", "bridge: %s %.2f, cover %.2f", outer.question,
                  (double)outer.evidence.answerable,
                  outer.evidence.n
                      ? (double)outer.evidence.sentences[0].feature[EVIDENCE_COVER_AROUND]
                      : 0.0);
    if (st || !outer.evidence.n || outer.evidence.sentences[0].planted)
        return st;
    s = &outer.evidence.sentences[0];
    if (!may_take(a, s, s->passage) ||
        outer.evidence.answerable < (a->apart.claims ? CLAIM_OUTER : OUTER_CHANCE) ||
        (!a->apart.claims &&
         outer.evidence.answerable <=
             a->evidence.answerable) || /* a statement is answered by what it says itself */
        (*best_name && outer.evidence.answerable <= best->evidence.answerable))
        return CAIRN_OK;
    *best = outer;
    *best_name = name;
    return CAIRN_OK;
}

/* Is nothing of what is asked beside the description in or around the sentence, however much of the
 * description is? "Who directed the film that was shot in Leland?" is not answered where films that
 * were shot in Leland are told. */
static cairn_status is_asked_elsewhere(asking *a, const evidence_sentence *s, bool *elsewhere,
                                       cairn_error *err)
{
    const cite_passage *p = &a->read[s->passage].text;
    const char *rest = arena_printf(&a->memory, "%s %s", a->apart.before, a->apart.after);
    term_list asked = {0}, here = {0};
    size_t n = 0, found = 0;
    cairn_status st = rest ? terms_read(a->an, a->apart.lang, rest, strlen(rest), &asked, err)
                           : cairn_fail(err, CAIRN_ENOMEM, "a bridge");

    if (!st)
        st =
            terms_read(a->an, a->apart.lang, p->text + s->before, s->after - s->before, &here, err);
    for (size_t i = 0; i < asked.n && !st; i++) {
        if (!(asked.at[i].weight > 0))
            continue;
        n++;
        found += terms_have(here.at, here.n, asked.at[i].key);
    }
    *elsewhere = !st && n && !found;
    term_list_clear(&asked);
    term_list_clear(&here);
    return st;
}

/* Need no further names be followed: has one led to what surely answers, or is the time over? */
static bool is_over(const asking *a, int64_t start, const ask_part *best)
{
    double ms = (double)(clock_mono_ns() - start) / 1e6, most = a->c->settings.ask_hop_ms;

    return (best && best->evidence.answerable >= ENOUGH_CHANCE) || (most > 0 && ms >= most);
}

cairn_status ask_bridge(asking *a, const view *v, const engine_query *e,
                        const retrieve_query *query, retrieve_result *found, cairn_error *err)
{
    ask_part inner, outer = {0};
    found_names names = {.n = 0};
    const evidence *whole = &a->evidence;
    const char *name = NULL;
    int64_t start = clock_mono_ns();
    bool elsewhere = false;
    cairn_status st;

    if (a->apart.kind != DECOMPOSE_BRIDGE)
        return CAIRN_OK;
    inner = (ask_part){.question = a->apart.parts[0].question};
    a->apart.n_parts = 0;
    if (whole->n > whole->n_planted && !a->apart.claims &&
        (st = is_asked_elsewhere(a, &whole->sentences[0], &elsewhere, err)))
        return st;
    if (whole->n > whole->n_planted && !elsewhere &&
        whole->sentences[0].feature[EVIDENCE_COVER_AROUND] >=
            (a->apart.claims ? CLAIM_COVER : WHOLE_COVER)) {
        a->apart.kind = DECOMPOSE_NONE;
        return CAIRN_OK;
    }
    a->described = a->apart.parts[0].side;
    st = ask_parts_find(a, v, e, query, found, &inner, err);
    if (!st)
        log_write(
            LOG_LEVEL_DEBUG, "engine",
            "bridge: %s %.2f, cover %.2f, names %.2f; the whole question %.2f", inner.question,
            (double)inner.evidence.answerable,
            inner.evidence.n ? (double)inner.evidence.sentences[0].feature[EVIDENCE_COVER_AROUND]
                             : 0.0,
            inner.evidence.n ? (double)inner.evidence.sentences[0].feature[EVIDENCE_NAMES] : 0.0,
            (double)whole->answerable);
    if (!st && inner.evidence.n && !inner.evidence.sentences[0].planted &&
        inner.evidence.answerable >= (a->apart.claims ? CLAIM_INNER : INNER_CHANCE)) {
        find_names(a, &inner, &names);
        a->hop_from = a->hits->hits[inner.evidence.sentences[0].passage].doc;
        st = order_names(a, v, &names, err);
    }
    for (size_t i = 0; !st && i < names.n && i < FOLLOWED_MAX; i++) {
        if (i && is_over(a, start, name ? &outer : NULL))
            break;
        st = follow(a, v, e, query, found, names.name[i], &outer, &name, err);
    }
    a->hop_from = 0;
    if (st || !name) {
        a->uncrossed = a->apart.claims;
        a->apart.kind = DECOMPOSE_NONE;
        return st;
    }
    a->parts[0] = outer;
    a->parts[1] = inner;
    a->apart.n_parts = 2;
    a->apart.parts[1] = a->apart.parts[0];
    a->apart.parts[0] = (decompose_part){outer.question, name};
    a->hop = name;
    return ask_parts_promote(a, err);
}

void ask_bridge_end(asking *a)
{
    a->evidence = a->parts[0].evidence;
    a->question = a->parts[0].question;
    a->n_promoted = 0;
}
