/* plan_words.c - from a clause of words to groups: each word with its stems in all languages of the
 * collection, its parts beside it, without function words, with the user's own stop words and
 * synonyms.
 *
 * A name of several words (ada@example.org) that is in some dictionary has a group behind those of its
 * words. It scores beside them where it may occur; where the clause binds, the name binds and not its words.
 * One that is nowhere is just its words. */
#include "index/lexical/plan.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#define PART_BOOST 0.3f /* of an identifier's part beside the whole: measured, docs/lexical.md */

typedef struct clause_word {
    uint32_t start, end;
    bool stop;
    bool replaced; /* by a synonym */
    bool extra;    /* a part of a compound, or another way to type the word before */
    bool beside;   /* the word before it, which it only backs, is in some dictionary */
    bool nowhere;  /* a word that has extra ones and is in no dictionary */
    bool named;    /* within a name that is in some dictionary */
    query_group group;
} clause_word;

/* Where the name that begins at `at` begins with what is no part of its term: the www and the scheme of
 * a URL. */
static uint32_t name_begin(const char *text, uint32_t at)
{
    if (at >= 4 && !strncasecmp(text + at - 4, "www.", 4))
        at -= 4;
    if (at > 3 && !memcmp(text + at - 3, "://", 3))
        for (at -= 3; at && isalnum((unsigned char)text[at - 1]); at--)
            ;
    return at;
}

/* Mark the words of names, and the names within others. */
static void mark_named(const lexical_clause *c, clause_word *words, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const clause_word *name = &words[i];
        uint32_t start;
        if (!name->group.whole)
            continue;
        start = name_begin(c->text, name->start);
        for (size_t j = 0; j < n; j++)
            words[j].named |= j != i && start <= words[j].start && words[j].end <= name->end;
    }
}

/* The words of a clause over all languages, matched by their place in the text. The parts of a
 * compound count less beside the whole, and fully when nobody wrote the whole. */
static cairn_status clause_words(plan_builder *b, const lexical_clause *c, uint32_t plane,
                                 float boost, clause_word **out, size_t *n_out)
{
    clause_word *words = NULL;
    size_t n_words = 0, cap = 0;

    for (size_t l = 0; l < b->n_langs; l++) {
        const analyzer_token *t;
        size_t n;
        bool known = false; /* the last word that has extra ones */
        cairn_status st = analyzer_run(b->analyzer, b->lang[l], c->text, c->len, &t, &n, b->err);
        if (st)
            return st;
        for (size_t i = 0; i < n; i++) {
            query_word *word;
            size_t j = 0;
            bool has_parts = i + 1 < n && !t[i].extra && t[i + 1].extra && !t[i + 1].whole;
            bool beside = t[i].extra && !t[i].whole && known, there = true;
            if (t[i].guess && known)
                continue;
            if (has_parts)
                st = plan_is_known(b, &t[i], &known);
            else if (t[i].whole)
                st = plan_is_known(b, &t[i], &there);
            if (st)
                return st;
            if (!there)
                continue;
            word = arena_calloc(b->memory, 1, sizeof *word);
            if (!word)
                return plan_no_memory(b);
            st = plan_term(b, t[i].term, t[i].len, &word->term);
            if (st)
                return st;
            while (j < n_words && (words[j].start != t[i].start || words[j].end != t[i].end))
                j++;
            if (j == n_words) {
                if (!b->words_left) /* the rest is left out */
                    break;
                b->words_left--;
                words = plan_grown(b->memory, words, n_words, &cap, sizeof *words);
                if (!words)
                    return plan_no_memory(b);
                words[n_words++] = (clause_word){
                    .start = t[i].start,
                    .end = t[i].end,
                    .extra = t[i].extra,
                    .beside = beside,
                    .nowhere = has_parts && !known,
                    .group = {.occur = c->occur,
                              .plane = plane,
                              .boost = beside ? boost * PART_BOOST : boost,
                              .whole = t[i].whole,
                              .start = t[i].start,
                              .end = t[i].end}};
            }
            if (b->stop_lang == b->lang[l])
                words[j].stop = t[i].stop;
            st = plan_add_alt(b, &words[j].group, &(query_alt){.words = word, .n = 1});
            if (st)
                return st;
        }
    }
    mark_named(c, words, n_words);
    *out = words;
    *n_out = n_words;
    return CAIRN_OK;
}

/* A hint that names no language of the collection still has function words. */
static cairn_status mark_stops(plan_builder *b, const lexical_clause *c, clause_word *words,
                               size_t n)
{
    const analyzer_token *t;
    size_t n_tokens;
    cairn_status st;

    if (!b->stop_lang)
        return CAIRN_OK;
    for (size_t l = 0; l < b->n_langs; l++)
        if (b->stop_lang == b->lang[l])
            return CAIRN_OK;
    st = analyzer_run(b->analyzer, b->stop_lang, c->text, c->len, &t, &n_tokens, b->err);
    for (size_t i = 0; i < n_tokens && !st; i++)
        for (size_t j = 0; j < n; j++)
            if (words[j].start == t[i].start && words[j].end == t[i].end)
                words[j].stop = t[i].stop;
    return st;
}

/* Whether a condition on the clause is one on this word. Of a name it is one on the whole. Of a word that has parts beside it, it is
 * the word, or the parts where nobody wrote the whole; parts alone exclude nothing. */
static bool binds(const clause_word *w, lexical_occur occur)
{
    if (w->named || w->group.whole)
        return !w->named;
    if (occur == LEXICAL_MUST_NOT)
        return !w->extra;
    return w->extra ? !w->beside : !w->nowhere;
}

/* A clause's words in the order of its text, without the extra ones. */
typedef struct main_words {
    const char **forms; /* case-folded, NUL-terminated */
    uint32_t *at;       /* indexes of clause_words; UINT32_MAX: none there */
    size_t n;
} main_words;

static cairn_status list_main_words(plan_builder *b, const lexical_clause *c,
                                    const clause_word *words, size_t n, main_words *out)
{
    const analyzer_token *t;
    size_t n_tokens;
    cairn_status st = analyzer_run(b->analyzer, b->lang[0], c->text, c->len, &t, &n_tokens, b->err);

    if (st)
        return st;
    *out = (main_words){.forms = arena_calloc(b->memory, n_tokens + 1, sizeof *out->forms),
                        .at = arena_calloc(b->memory, n_tokens + 1, sizeof *out->at)};
    if (!out->forms || !out->at)
        return plan_no_memory(b);
    for (size_t i = 0; i < n_tokens; i++) {
        char form[ANALYZER_FORM_MAX];
        size_t len, j = 0;
        if (t[i].extra)
            continue;
        len = analyzer_form(c->text + t[i].start, t[i].end - t[i].start, form);
        while (j < n && (words[j].start != t[i].start || words[j].end != t[i].end))
            j++;
        out->at[out->n] = j < n ? (uint32_t)j : UINT32_MAX;
        out->forms[out->n] = arena_strndup(b->memory, form, len);
        if (!out->forms[out->n++])
            return plan_no_memory(b);
    }
    return CAIRN_OK;
}

/* What one synonym rule makes of the words [first, first + m->n_words). A single word that stays
 * gets the synonyms as alternatives, of which the best scores. Several words that may occur stay as
 * they are and gain a group beside them; where they must, or where the rule replaces them, the
 * group stands for them all. */
static cairn_status apply_rule(plan_builder *b, const lexical_clause *c, uint32_t plane,
                               float boost, clause_word *words, const main_words *all, size_t first,
                               const synonym_match *m)
{
    query_group g = {.occur = c->occur, .plane = plane, .boost = boost}, *to = &g;
    const char *p = m->phrases;
    uint32_t start = UINT32_MAX, end = 0;
    bool single = m->n_words == 1 && m->keep;
    cairn_status st = CAIRN_OK;

    for (size_t i = first; i < first + m->n_words; i++) {
        if (all->at[i] == UINT32_MAX)
            return CAIRN_OK;
        clause_word *w = &words[all->at[i]];
        start = w->start < start ? w->start : start;
        end = w->end > end ? w->end : end;
        if (single)
            to = &w->group;
        else if (!m->keep || c->occur == LEXICAL_MUST || c->occur == LEXICAL_TEST)
            w->replaced = true;
    }
    g.start = start;
    g.end = end;
    if (m->keep && !single)
        st = plan_add_texts(b, &g, c->text + start, end - start);
    for (size_t i = 0; i < m->n && !st; i++, p += strlen(p) + 1)
        st = plan_add_texts(b, to, p, strlen(p));
    if (st || single || !g.n_alts)
        return st;
    /* Beside words that are asked for themselves it binds nothing. */
    b->binding = !(m->keep && c->occur == LEXICAL_SHOULD);
    st = plan_add_group(b, &g);
    b->binding = true;
    return st;
}

/* The user's own stop words and synonyms. */
static cairn_status apply_rules(plan_builder *b, const lexical_clause *c, uint32_t plane,
                                float boost, clause_word *words, size_t n)
{
    const stop_list *stops = b->params->stop_words;
    const synonyms *rules = b->params->synonyms;
    main_words all;
    cairn_status st;

    if (!stops && !rules)
        return CAIRN_OK;
    st = list_main_words(b, c, words, n, &all);
    for (size_t i = 0; stops && i < all.n && !st; i++) {
        stop_verdict v = stop_list_find(stops, all.forms[i], strlen(all.forms[i]));
        if (v != STOP_UNSAID && all.at[i] != UINT32_MAX && !b->params->keep_stop_words)
            words[all.at[i]].stop = v == STOP_YES;
    }
    for (size_t i = 0; rules && i < all.n && !st;) {
        synonym_match m;
        if (!synonyms_find(rules, all.forms + i, all.n - i, &m)) {
            i++;
            continue;
        }
        st = apply_rule(b, c, plane, boost, words, &all, i, &m);
        i += m.n_words;
    }
    return st;
}

/* The words by themselves in other spellings: AB1234 is AB-1234, too. */
static cairn_status spell_words(plan_builder *b, const lexical_clause *c, clause_word *words, size_t n)
{
    cairn_status st = CAIRN_OK;
    size_t added = 0;

    for (size_t i = 0; i < n && !st; i++)
        if (!words[i].extra && !words[i].replaced)
            st = plan_spell_identifier(b, &words[i].group, c->text + words[i].start, words[i].end - words[i].start, &added);
    return st;
}

cairn_status plan_add_words(plan_builder *b, const lexical_clause *c, uint32_t plane, float boost)
{
    clause_word *words = NULL;
    query_group identifier;
    bool identified = false;
    size_t n = 0, kept = 0;
    cairn_status st = clause_words(b, c, plane, boost, &words, &n);

    if (!st)
        st = mark_stops(b, c, words, n);
    if (!st)
        st = apply_rules(b, c, plane, boost, words, n);
    if (!st)
        st = spell_words(b, c, words, n);
    if (!st)
        st = plan_find_identifier(b, c, plane, boost, &identifier, &identified);
    if (st)
        return st;
    for (size_t i = 0; i < n; i++)
        kept += !words[i].stop;
    /* Names come behind all words: the order of these counts for proximity. */
    for (size_t i = 0; i < 2 * n && !st; i++) {
        const clause_word *w = &words[i % n];
        if (w->replaced || w->group.whole != (i >= n))
            continue;
        if (w->stop && kept && c->occur != LEXICAL_MUST_NOT)
            continue;
        b->binding = binds(w, c->occur) && !identified;
        if (b->binding || c->occur == LEXICAL_SHOULD)
            st = plan_add_group(b, &w->group);
        b->binding = true;
    }
    if (!st && identified)
        st = plan_add_group(b, &identifier);
    return st ? st : plan_add_identifiers(b, c, plane, boost);
}
