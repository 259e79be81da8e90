/* ask_bridge.c - questions about a thing that they describe ("Where was the director of Thirteen
 * Umbrellas born?").
 *
 * The whole question is searched and judged as ever. Where its best sentence has little of it, as
 * is so when two documents share it, the description is searched by itself; names in and around the
 * sentence that answers to it take its place in the question, which is then searched and judged,
 * too. Of several names the one whose question has the best evidence is kept. Its best sentences
 * and the one that gave the name stand before the others.
 *
 * No hop, and nothing but its time is lost: where the whole question has its words in one place,
 * where the description has no evidence, where none of the names leads to a sentence that holds the
 * name and answers. */
#include <ctype.h>
#include <string.h>

#include "base/log.h"
#include "engine/ask.h"
#include "index/text/stopwords.h"

#define WHOLE_COVER                                                                                \
    0.65f /* of the whole question in and around its best sentence: with more there is no second   \
             place */
#define INNER_CHANCE 0.2f  /* that the description is answered */
#define OUTER_CHANCE 0.35f /* that the question with the name is */
#define NAMES_MAX    4
#define NAME_BYTES   80
#define NAME_WORDS   6

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

/* Is half of the name's capitalised words in the question? It is another name of what is known, or
 * of its surroundings. */
static bool is_known(const char *question, const char *name, size_t len)
{
    size_t n = 0, known = 0;

    for (size_t i = 0; i < len;) {
        size_t end = i;
        while (end < len && !strchr(" ,.-()", name[end]))
            end++;
        if (end > i + 1 && (!islower((unsigned char)name[i]) || n == 0)) {
            const char *at = memmem(question, strlen(question), name + i, end - i);
            known += at && (at == question || !isalnum((unsigned char)at[-1])) &&
                     !isalnum((unsigned char)at[end - i]);
            n++;
        }
        i = end + 1;
    }
    return n && known * 2 >= n;
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
    if (names->n == NAMES_MAX || len < 2 || len > NAME_BYTES || is_known(a->asked, text, len))
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

/* Names of a run of text; in German, where nouns have capitals, only those that no article stands
 * before. */
static void add_mentions(asking *a, found_names *names, const char *lang, const char *text,
                         size_t len)
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
        if (!noun)
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
    if (answer_names_visible(lang) &&
        evidence_short_answer(a->an, a->apart.namer, &who, p, s, &brief))
        add_name(a, names, lang, p->text.text + brief.start, brief.end - brief.start);
    if (p->text.title && isupper((unsigned char)*p->text.title))
        add_name(a, names, lang, p->text.title, strlen(p->text.title));
    for (size_t i = 0; i < 2 && i < inner->evidence.n && !inner->evidence.sentences[i].planted;
         i++) {
        const evidence_sentence *x = &inner->evidence.sentences[i];
        const cite_passage *text = &a->read[x->passage].text;
        if (x->passage == s->passage)
            add_mentions(a, names, lang, text->text + x->start, x->end - x->start);
    }
}

/* The question with this name, searched and judged; its evidence, where the name leads to any. */
static cairn_status follow(asking *a, const view *v, const engine_query *e,
                           const retrieve_query *query, retrieve_result *found, const char *name,
                           const ask_part *inner, ask_part *best, const char **best_name,
                           cairn_error *err)
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
    if (a->hits->hits[s->passage].doc ==
        a->hits->hits[inner->evidence.sentences[0].passage].doc) /* no other place */
        return CAIRN_OK;
    if (outer.evidence.answerable < OUTER_CHANCE ||
        outer.evidence.answerable <= a->evidence.answerable || s->feature[EVIDENCE_NAMES] < 0.99f ||
        (*best_name && outer.evidence.answerable <= best->evidence.answerable))
        return CAIRN_OK;
    *best = outer;
    *best_name = name;
    return CAIRN_OK;
}

cairn_status ask_bridge(asking *a, const view *v, const engine_query *e,
                        const retrieve_query *query, retrieve_result *found, cairn_error *err)
{
    ask_part inner, outer = {0};
    found_names names = {.n = 0};
    const evidence *whole = &a->evidence;
    const char *name = NULL;
    cairn_status st;

    if (a->apart.kind != DECOMPOSE_BRIDGE)
        return CAIRN_OK;
    inner = (ask_part){.question = a->apart.parts[0].question};
    a->apart.n_parts = 0;
    if (whole->n > whole->n_planted &&
        whole->sentences[0].feature[EVIDENCE_COVER_AROUND] >= WHOLE_COVER) {
        a->apart.kind = DECOMPOSE_NONE;
        return CAIRN_OK;
    }
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
        inner.evidence.answerable >= INNER_CHANCE)
        find_names(a, &inner, &names);
    for (size_t i = 0; !st && i < names.n; i++)
        st = follow(a, v, e, query, found, names.name[i], &inner, &outer, &name, err);
    if (st || !name) {
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
