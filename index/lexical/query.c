/* query.c - from clauses to groups of terms with weights. */
#include "index/lexical/query.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "index/lexical/compound.h"
#include "index/lexical/encode.h"

#define LANGUAGES_MAX 16     /* stems of the languages with most rows are tried */
#define WORDS_MAX     LEXICAL_WORDS_MAX
#define SEQUENCE_MAX  1024   /* words of a phrase */
#define PART_BOOST    0.3f   /* of a compound's part beside the whole: measured, docs/lexical.md */
/* Of compounds, measured in docs/lexical.md: */
#define COMPOUND_PARTS_BOOST  0.3f  /* of the parts beside the whole */
#define COMPOUND_WINDOW       30    /* other words between the parts */
#define COMPOUND_BOOST        0.15f /* of a word's compounds beside it */
#define COMPOUND_FIRST_FACTOR 0.5f  /* of those that it begins, on their frequencies */
#define SUM_MAX       0x1p29 /* of a row's score in integer units */
#define PROXIMITY_DEPTH_MAX 100000
#define SLOP_MAX      100000 /* places: more is the whole field */
#define POSTINGS_MAX  ((uint64_t)48 << 20) /* read for the patterns of a query */

void lexical_params_default(lexical_params *p)
{
    *p = (lexical_params){
        .k1 = 1.2f,
        .b = {0.75f, 0.0f, 0.75f, 0.75f},
        .weight = {1.5f, 0.1f, 1.0f, 1.0f},
        .proximity_depth = 20,
    };
}

typedef struct builder {
    query_plan *plan;
    arena *memory;
    analyzer *analyzer;
    const lexical_params *params;
    const char *lang[LANGUAGES_MAX]; /* of the collection, most rows first */
    size_t n_langs;
    const char *stop_lang; /* whose function words don't score; NULL: none */
    size_t words_left;
    uint64_t postings_left; /* for patterns */
    size_t cap_terms, cap_groups;
    uint32_t ids; /* groups made so far */
    const lexical_segment *segments;
    size_t n_segments;
    const lexical_clause *clause; /* at hand, and the groups it became */
    query_leaf *leaf;
    size_t cap_leaf;
    bool binding; /* groups made now are what conditions on the clause look at */
    cairn_error *err;
} builder;

static cairn_status no_memory(builder *b)
{
    return cairn_fail(b->err, CAIRN_ENOMEM, "no memory for the query");
}

/* Room for one more element of an arena array. */
static void *grown(arena *a, void *old, size_t n, size_t *cap, size_t size)
{
    void *more;
    if (n < *cap)
        return old;
    more = arena_calloc(a, *cap * 2 + 16, size);
    if (!more)
        return NULL;
    if (n)
        memcpy(more, old, n * size);
    *cap = *cap * 2 + 16;
    return more;
}

/* ---- languages ---- */

static void list_languages(builder *b, const lexical_segment *segments, size_t n)
{
    lexical_lang all[LANGUAGES_MAX * 4] = {{{0}, 0}};
    size_t count = 0;

    for (size_t s = 0; s < n; s++) {
        const lexical_reader *r = segments[s].reader;
        for (size_t i = 0; i < r->n_langs; i++) {
            size_t j = 0;
            while (j < count && memcmp(all[j].code, r->langs[i].code, 4))
                j++;
            if (j == LANGUAGES_MAX * 4)
                continue;
            if (j == count)
                memcpy(all[count++].code, r->langs[i].code, 4);
            all[j].rows += r->langs[i].rows;
        }
    }
    while (b->n_langs < LANGUAGES_MAX && b->n_langs < count) {
        size_t best = 0;
        for (size_t j = 1; j < count; j++)
            if (all[j].rows > all[best].rows)
                best = j;
        if (!all[best].rows)
            break;
        b->lang[b->n_langs++] = arena_strdup(b->memory, all[best].code);
        all[best].rows = 0;
    }
    if (!b->n_langs)
        b->lang[b->n_langs++] = "";
}

/* Whose function words to drop: the hint's, or else of the collection's languages the one whose
 * list covers most words of the question. */
static cairn_status choose_stop_language(builder *b, const lexical_query *q)
{
    size_t most = 0;

    if (b->params->keep_stop_words)
        return CAIRN_OK;
    if (q->lang_hint && *q->lang_hint) {
        b->stop_lang = q->lang_hint;
        return CAIRN_OK;
    }
    for (size_t l = 0; l < b->n_langs; l++) {
        size_t count = 0;
        for (size_t i = 0; i < q->n; i++) {
            const analyzer_token *t;
            size_t n;
            cairn_status st;
            if (q->clauses[i].kind != LEXICAL_WORDS)
                continue;
            st = analyzer_run(b->analyzer, b->lang[l], q->clauses[i].text, q->clauses[i].len, &t,
                              &n, b->err);
            if (st)
                return st;
            for (size_t j = 0; j < n; j++)
                count += t[j].stop;
        }
        if (count > most) {
            most = count;
            b->stop_lang = b->lang[l];
        }
    }
    return CAIRN_OK;
}

/* ---- terms, planes, groups ---- */

static cairn_status term_index(builder *b, const char *text, size_t len, uint32_t *out)
{
    query_plan *p = b->plan;
    query_term *more;

    for (size_t i = 0; i < p->n_terms; i++)
        if (p->terms[i].len == len && !memcmp(p->terms[i].text, text, len)) {
            *out = (uint32_t)i;
            return CAIRN_OK;
        }
    more = grown(b->memory, p->terms, p->n_terms, &b->cap_terms, sizeof *more);
    if (!more)
        return no_memory(b);
    p->terms = more;
    more[p->n_terms] = (query_term){.text = arena_strndup(b->memory, text, len), .len = len};
    if (!more[p->n_terms].text)
        return no_memory(b);
    *out = (uint32_t)p->n_terms++;
    return CAIRN_OK;
}

static uint32_t plane_index(builder *b, uint32_t mask)
{
    query_plan *p = b->plan;
    query_plane *plane;
    float largest = 0;

    mask &= LEXICAL_ALL_FIELDS;
    if (!mask)
        mask = LEXICAL_ALL_FIELDS;
    for (size_t i = 0; i < p->n_planes; i++)
        if (p->planes[i].mask == mask)
            return (uint32_t)i;
    plane = &p->planes[p->n_planes]; /* one for each mask: there are 15 */
    plane->mask = mask;
    for (size_t f = 0; f < LEXICAL_FIELDS; f++) {
        plane->weight[f] = mask >> f & 1 ? b->params->weight[f] : 0;
        largest = fmaxf(largest, plane->weight[f]);
    }
    for (size_t f = 0; f < LEXICAL_FIELDS; f++) {
        if (largest <= 0)
            plane->weight[f] = mask >> f & 1 ? 1.0f : 0.0f;
        else if (mask != LEXICAL_ALL_FIELDS) /* a search in the path alone is a full search */
            plane->weight[f] /= largest;
    }
    length_weights(plane->weight, b->params->b, plane->length_weight);
    plane->lengths = row_lengths_of(plane->weight, b->params->b);
    return (uint32_t)p->n_planes++;
}

static bool same_alt(const query_alt *a, const query_alt *b)
{
    return a->n == b->n && a->n_spans == b->n_spans &&
           !memcmp(a->words, b->words, a->n * sizeof *a->words) &&
           (!a->n_spans || !memcmp(a->spans, b->spans, a->n_spans * sizeof *a->spans));
}

static bool same_group(const query_group *a, const query_group *b)
{
    if (a->occur != b->occur || a->plane != b->plane || a->n_alts != b->n_alts ||
        a->expansion != b->expansion)
        return false;
    for (size_t i = 0; i < a->n_alts && !a->expansion; i++)
        if (!same_alt(&a->alts[i], &b->alts[i]))
            return false;
    return true;
}

/* The clause at hand became this group. */
static cairn_status note_leaf(builder *b, uint32_t id)
{
    uint32_t *more;

    if (!b->binding)
        return CAIRN_OK;
    more = grown(b->memory, b->leaf->ids, b->leaf->n, &b->cap_leaf, sizeof *more);

    if (!more)
        return no_memory(b);
    b->leaf->ids = more;
    more[b->leaf->n++] = id;
    return CAIRN_OK;
}

/* A word asked for twice counts twice: its boosts add up. */
static cairn_status add_group(builder *b, const query_group *g)
{
    query_plan *p = b->plan;
    query_group *more;

    for (size_t i = 0; i < p->n_groups; i++)
        if (same_group(&p->groups[i], g)) {
            p->groups[i].boost += g->boost;
            return note_leaf(b, p->groups[i].id);
        }
    more = grown(b->memory, p->groups, p->n_groups, &b->cap_groups, sizeof *more);
    if (!more)
        return no_memory(b);
    p->groups = more;
    more[p->n_groups] = *g;
    more[p->n_groups].id = b->ids++;
    more[p->n_groups].clause = b->clause;
    return note_leaf(b, more[p->n_groups++].id);
}

/* Add an alternative unless it is there. */
static cairn_status add_alt(builder *b, query_group *g, const query_alt *alt)
{
    for (size_t i = 0; i < g->n_alts; i++)
        if (same_alt(&g->alts[i], alt))
            return CAIRN_OK;
    if (g->n_alts % LANGUAGES_MAX == 0) {
        query_alt *more = arena_calloc(b->memory, g->n_alts + LANGUAGES_MAX, sizeof *more);
        if (!more)
            return no_memory(b);
        if (g->n_alts)
            memcpy(more, g->alts, g->n_alts * sizeof *more);
        g->alts = more;
    }
    g->alts[g->n_alts++] = *alt;
    return CAIRN_OK;
}

/* ---- clauses ---- */

typedef struct clause_word {
    uint32_t start, end;
    bool stop;
    bool replaced; /* by a synonym */
    bool extra;  /* a part of a compound, or another way to type the word before */
    bool beside; /* the word before it, which it only backs, is in some dictionary */
    bool nowhere; /* a word that has extra ones and is in no dictionary */
    query_group group;
} clause_word;

/* Is the term in any dictionary? */
static cairn_status is_known(builder *b, const analyzer_token *t, bool *known)
{
    cairn_status st = CAIRN_OK;

    *known = false;
    for (size_t s = 0; s < b->n_segments && !*known && !st; s++) {
        dict_term found;
        st = dict_find(&b->segments[s].reader->dict, t->term, t->len, &found, known, b->err);
    }
    return st;
}

/* The words of a clause over all languages, matched by their place in the text. The parts of a
 * compound count less beside the whole, and fully when nobody wrote the whole. */
static cairn_status clause_words(builder *b, const lexical_clause *c, uint32_t plane, float boost,
                                 clause_word **out, size_t *n_out)
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
            if (t[i].guess && known)
                continue;
            if (i + 1 < n && !t[i].extra && t[i + 1].extra && (st = is_known(b, &t[i], &known)))
                return st;
            word = arena_calloc(b->memory, 1, sizeof *word);
            if (!word)
                return no_memory(b);
            st = term_index(b, t[i].term, t[i].len, &word->term);
            if (st)
                return st;
            while (j < n_words && (words[j].start != t[i].start || words[j].end != t[i].end))
                j++;
            if (j == n_words) {
                if (!b->words_left) /* the rest is left out */
                    break;
                b->words_left--;
                words = grown(b->memory, words, n_words, &cap, sizeof *words);
                if (!words)
                    return no_memory(b);
                words[n_words++] =
                    (clause_word){.start = t[i].start,
                                  .end = t[i].end,
                                  .extra = t[i].extra,
                                  .beside = t[i].extra && known,
                                  .nowhere = i + 1 < n && !t[i].extra && t[i + 1].extra && !known,
                                  .group = {.occur = c->occur,
                                            .plane = plane,
                                            .boost = t[i].extra && known ? boost * PART_BOOST
                                                                         : boost,
                                            .start = t[i].start,
                                            .end = t[i].end}};
            }
            if (b->stop_lang == b->lang[l])
                words[j].stop = t[i].stop;
            st = add_alt(b, &words[j].group, &(query_alt){.words = word, .n = 1});
            if (st)
                return st;
        }
    }
    *out = words;
    *n_out = n_words;
    return CAIRN_OK;
}

/* A hint that names no language of the collection still has function words. */
static cairn_status mark_stops(builder *b, const lexical_clause *c, clause_word *words, size_t n)
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

/* Whether a condition on the clause is one on this word. Of a word that has parts beside it, it is the
 * word, or the parts where nobody wrote the whole; parts alone exclude nothing. */
static bool binds(const clause_word *w, lexical_occur occur)
{
    if (occur == LEXICAL_MUST_NOT)
        return !w->extra;
    return w->extra ? !w->beside : !w->nowhere;
}

/* Append the words of `text` to words; offsets count from the first. *n grows by them. */
static cairn_status add_sequence(builder *b, size_t lang, const char *text, size_t len,
                                 query_word **words, size_t *n, size_t *cap)
{
    const analyzer_token *t;
    size_t n_tokens;
    cairn_status st =
        analyzer_run(b->analyzer, b->lang[lang], text, len, &t, &n_tokens, b->err);

    for (size_t i = 0; i < n_tokens && !st; i++) {
        query_word *more;
        if (i && t[i].position == t[i - 1].position) /* another way to write the same word */
            continue;
        more = grown(b->memory, *words, *n, cap, sizeof *more);
        if (!more)
            return no_memory(b);
        *words = more;
        if (*n == SEQUENCE_MAX || !b->words_left)
            break;
        b->words_left -= !lang;
        st = term_index(b, t[i].term, t[i].len, &more[*n].term);
        more[(*n)++].offset = t[i].position - t[0].position;
    }
    return st;
}

/* Alternatives of the group: a text's words in a row, in each language. */
static cairn_status add_texts(builder *b, query_group *g, const char *text, size_t len)
{
    cairn_status st = CAIRN_OK;

    for (size_t l = 0; l < b->n_langs && !st; l++) {
        query_word *words = NULL;
        size_t n = 0, cap = 0;
        st = add_sequence(b, l, text, len, &words, &n, &cap);
        if (!st && n)
            st = add_alt(b, g, &(query_alt){.words = words, .n = n});
    }
    return st;
}

/* A clause's words in the order of its text, without the extra ones. */
typedef struct main_words {
    const char **forms; /* case-folded, NUL-terminated */
    uint32_t *at;       /* indexes of clause_words; UINT32_MAX: none there */
    size_t n;
} main_words;

static cairn_status list_main_words(builder *b, const lexical_clause *c, const clause_word *words,
                                    size_t n, main_words *out)
{
    const analyzer_token *t;
    size_t n_tokens;
    cairn_status st = analyzer_run(b->analyzer, b->lang[0], c->text, c->len, &t, &n_tokens, b->err);

    if (st)
        return st;
    *out = (main_words){.forms = arena_calloc(b->memory, n_tokens + 1, sizeof *out->forms),
                        .at = arena_calloc(b->memory, n_tokens + 1, sizeof *out->at)};
    if (!out->forms || !out->at)
        return no_memory(b);
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
            return no_memory(b);
    }
    return CAIRN_OK;
}

/* What one synonym rule makes of the words [first, first + m->n_words). A single word that stays gets
 * the synonyms as alternatives, of which the best scores. Several words that may occur stay as
 * they are and gain a group beside them; where they must, or where the rule replaces them, the
 * group stands for them all. */
static cairn_status apply_rule(builder *b, const lexical_clause *c, uint32_t plane, float boost,
                               clause_word *words, const main_words *all, size_t first,
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
        st = add_texts(b, &g, c->text + start, end - start);
    for (size_t i = 0; i < m->n && !st; i++, p += strlen(p) + 1)
        st = add_texts(b, to, p, strlen(p));
    if (st || single || !g.n_alts)
        return st;
    /* Beside words that are asked for themselves it binds nothing. */
    b->binding = !(m->keep && c->occur == LEXICAL_SHOULD);
    st = add_group(b, &g);
    b->binding = true;
    return st;
}

/* The user's own stop words and synonyms. */
static cairn_status apply_rules(builder *b, const lexical_clause *c, uint32_t plane, float boost,
                                clause_word *words, size_t n)
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

static cairn_status add_words(builder *b, const lexical_clause *c, uint32_t plane, float boost)
{
    clause_word *words = NULL;
    size_t n = 0, kept = 0;
    cairn_status st = clause_words(b, c, plane, boost, &words, &n);

    if (!st)
        st = mark_stops(b, c, words, n);
    if (!st)
        st = apply_rules(b, c, plane, boost, words, n);
    if (st)
        return st;
    for (size_t i = 0; i < n; i++)
        kept += !words[i].stop;
    for (size_t i = 0; i < n && !st; i++) {
        if (words[i].replaced)
            continue;
        if (words[i].stop && kept && c->occur != LEXICAL_MUST_NOT)
            continue;
        b->binding = binds(&words[i], c->occur);
        if (b->binding || c->occur == LEXICAL_SHOULD)
            st = add_group(b, &words[i].group);
        b->binding = true;
    }
    return st;
}

/* Spans of a phrase whose words may be moved by `slop` places in all. */
static cairn_status slop_spans(builder *b, query_alt *alt, uint32_t slop)
{
    query_span *spans = arena_calloc(b->memory, alt->n, sizeof *spans);
    query_word *words = arena_calloc(b->memory, alt->n, sizeof *words);

    if (!spans || !words)
        return no_memory(b);
    for (size_t i = 0; i < alt->n; i++) {
        uint32_t offset = alt->words[i].offset;
        spans[i] = (query_span){(uint32_t)i, 1, offset, offset + slop};
        words[i] = (query_word){alt->words[i].term, 0};
    }
    alt->words = words;
    alt->spans = spans;
    alt->n_spans = alt->n;
    alt->window = slop + 1;
    return CAIRN_OK;
}

static uint32_t bounded_slop(uint32_t slop)
{
    return slop < SLOP_MAX ? slop : SLOP_MAX;
}

static cairn_status add_phrase(builder *b, const lexical_clause *c, uint32_t plane, float boost)
{
    query_group g = {.occur = c->occur, .plane = plane, .boost = boost};

    for (size_t l = 0; l < b->n_langs; l++) {
        query_word *words = NULL;
        query_alt alt = {0};
        size_t cap = 0;
        cairn_status st = add_sequence(b, l, c->text, c->len, &words, &alt.n, &cap);
        alt.words = words;
        if (!st && c->slop && alt.n > 1 && alt.n <= NEAR_SPANS_MAX)
            st = slop_spans(b, &alt, bounded_slop(c->slop));
        if (!st && alt.n)
            st = add_alt(b, &g, &alt);
        if (st)
            return st;
    }
    return g.n_alts ? add_group(b, &g) : CAIRN_OK;
}

/* The parts' words as one alternative of language l; parts without a word are left out. */
static cairn_status near_alt(builder *b, const lexical_clause *c, size_t l, query_alt *alt)
{
    query_span *spans = arena_calloc(b->memory, c->n_parts + 1, sizeof *spans);
    query_word *words = NULL;
    size_t cap = 0;
    uint32_t window = bounded_slop(c->slop);

    if (!spans)
        return no_memory(b);
    for (size_t i = 0; i < c->n_parts && alt->n_spans < NEAR_SPANS_MAX; i++) {
        size_t first = alt->n;
        cairn_status st =
            add_sequence(b, l, c->parts[i].text, c->parts[i].len, &words, &alt->n, &cap);
        if (st)
            return st;
        if (alt->n == first)
            continue;
        if (alt->n - first > NEAR_WORDS_MAX)
            alt->n = first + NEAR_WORDS_MAX;
        spans[alt->n_spans++] = (query_span){(uint32_t)first, (uint32_t)(alt->n - first), 0,
                                             words[alt->n - 1].offset + 1};
        window += words[alt->n - 1].offset + 1;
    }
    for (size_t i = 0; i < alt->n_spans; i++)
        spans[i].hi = window - spans[i].hi;
    alt->words = words;
    alt->spans = spans;
    alt->window = window;
    return CAIRN_OK;
}

static cairn_status add_near(builder *b, const lexical_clause *c, uint32_t plane, float boost)
{
    query_group g = {.occur = c->occur, .plane = plane, .boost = boost};

    for (size_t l = 0; l < b->n_langs; l++) {
        query_alt alt = {0};
        cairn_status st = near_alt(b, c, l, &alt);
        if (!st && alt.n)
            st = add_alt(b, &g, &alt);
        if (st)
            return st;
    }
    return g.n_alts ? add_group(b, &g) : CAIRN_OK;
}

/* A pattern is expanded when it is met; the same pattern once. */
static cairn_status add_pattern(builder *b, const lexical_clause *c, uint32_t plane, float boost)
{
    query_plan *p = b->plan;
    query_group g = {.occur = c->occur, .plane = plane, .boost = boost};
    query_expansion *x = NULL;
    cairn_status st = CAIRN_OK;

    for (size_t i = 0; i < p->n_expansions && !x; i++) {
        query_expansion *e = p->expansions[i];
        if (e->kind == c->kind && e->len == c->len && !memcmp(e->text, c->text, c->len) &&
            e->edits == c->edits && e->plane == plane)
            x = e;
    }
    if (!x) {
        if (p->n_expansions == LEXICAL_PATTERNS_MAX)
            return cairn_fail(b->err, CAIRN_ELIMIT, "a query of more than %d patterns",
                              LEXICAL_PATTERNS_MAX);
        x = arena_calloc(b->memory, 1, sizeof *x);
        if (!x)
            return no_memory(b);
        *x = (query_expansion){.kind = c->kind,
                               .text = c->text,
                               .len = c->len,
                               .edits = c->edits,
                               .plane = plane};
        st = expansion_make(x, p, b->analyzer, b->lang, b->n_langs, b->segments, b->n_segments,
                            &b->postings_left, b->err);
        p->expansions[p->n_expansions++] = x;
    }
    g.expansion = x;
    if (!st)
        st = add_alt(b, &g, &(query_alt){0});
    return st ? st : add_group(b, &g);
}

static cairn_status add_clause(builder *b, const lexical_clause *c)
{
    uint32_t plane;
    float boost = c->boost > 0 ? c->boost : 1;

    if (c->kind == LEXICAL_TREE)
        return CAIRN_OK;
    plane = plane_index(b, c->field_mask);
    switch (c->kind) {
    case LEXICAL_PHRASE:
        return add_phrase(b, c, plane, boost);
    case LEXICAL_NEAR:
        return add_near(b, c, plane, boost);
    case LEXICAL_WILDCARD:
    case LEXICAL_FUZZY:
    case LEXICAL_REGEX:
        return add_pattern(b, c, plane, boost);
    default:
        return add_words(b, c, plane, boost);
    }
}

/* ---- compounds ---- */

/* Words of the question that may have compounds, or be one. */
typedef struct compounding {
    compound_words known;
    compound_search words[COMPOUND_WORDS_MAX];
    query_group group[COMPOUND_WORDS_MAX]; /* what the groups of each have in common */
    const lexical_clause *clause[COMPOUND_WORDS_MAX];
    size_t n;
} compounding;

/* The language whose compounds are parted, that of the question or else of most rows; NULL: none. */
static const char *choose_compound_language(const builder *b, const lexical_query *q)
{
    const char *lang = q->lang_hint && *q->lang_hint ? q->lang_hint
                       : b->stop_lang                ? b->stop_lang
                                                     : b->lang[0];

    for (size_t l = 0; l < b->n_langs; l++)
        if (!strcmp(b->lang[l], lang) && compound_language(lang))
            return b->lang[l];
    return NULL;
}

static cairn_status list_compounding(builder *b, const lexical_clause *c, compounding *out)
{
    const analyzer_token *t;
    size_t n;
    cairn_status st = analyzer_run(b->analyzer, out->known.lang, c->text, c->len, &t, &n, b->err);

    for (size_t i = 0; i < n && !st && out->n < COMPOUND_WORDS_MAX; i++) {
        char form[ANALYZER_FORM_MAX];
        size_t len = analyzer_form(c->text + t[i].start, t[i].end - t[i].start, form);
        if (t[i].extra || t[i].stop || !len || len > FORM_MAX)
            continue;
        out->words[out->n] = (compound_search){.form = arena_strndup(b->memory, form, len),
                                               .form_len = len,
                                               .term = arena_strndup(b->memory, t[i].term, t[i].len),
                                               .term_len = t[i].len};
        if (!out->words[out->n].form || !out->words[out->n].term)
            return no_memory(b);
        out->group[out->n] = (query_group){.occur = LEXICAL_SHOULD,
                                           .plane = plane_index(b, c->field_mask),
                                           .boost = c->boost > 0 ? c->boost : 1,
                                           .start = t[i].start,
                                           .end = t[i].end};
        out->clause[out->n++] = c;
    }
    return st;
}

/* The parts of a word that is a compound, near each other in any order. They count less beside a whole
 * that somebody wrote. */
static cairn_status add_parts(builder *b, const compounding *k, size_t i)
{
    const compound_search *w = &k->words[i];
    query_group g = k->group[i];
    query_alt alt = {0};
    query_word *words = arena_calloc(b->memory, COMPOUND_PARTS_MAX, sizeof *words);
    query_span *spans = arena_calloc(b->memory, COMPOUND_PARTS_MAX, sizeof *spans);
    bool known;
    compound_split *parts = arena_calloc(b->memory, 1, sizeof *parts);
    cairn_status st = words && spans && parts ? CAIRN_OK : no_memory(b);

    if (!st)
        st = compound_part(&k->known, w->form, w->form_len, parts, b->err);
    for (size_t j = 0; !st && j < parts->n; j++) {
        const analyzer_token *t;
        size_t n;
        st = analyzer_run(b->analyzer, k->known.lang, parts->part[j], parts->len[j], &t, &n,
                          b->err);
        if (!st && n)
            st = term_index(b, t[0].term, t[0].len, &words[alt.n++].term);
    }
    if (st || alt.n < 2)
        return st;
    alt.words = words;
    alt.spans = spans;
    alt.n_spans = alt.n;
    alt.window = COMPOUND_WINDOW + (uint32_t)alt.n;
    for (size_t j = 0; j < alt.n; j++)
        spans[j] = (query_span){(uint32_t)j, 1, 0, alt.window - 1};
    st = is_known(b, &(analyzer_token){.term = w->term, .len = (uint32_t)w->term_len}, &known);
    g.boost *= known ? COMPOUND_PARTS_BOOST : 1;
    if (!st)
        st = add_alt(b, &g, &alt);
    return st ? st : add_group(b, &g);
}

/* The compounds of a word, as one word with many spellings. */
static cairn_status add_compounds_of(builder *b, const compounding *k, size_t i)
{
    const compound_search *w = &k->words[i];
    query_plan *p = b->plan;
    query_group g = k->group[i];
    query_expansion *x = arena_calloc(b->memory, 1, sizeof *x);
    expansion_word *words = arena_calloc(b->memory, w->n + 1, sizeof *words);
    const char *name =
        arena_printf(b->memory, "compounds of %.*s", (int)w->form_len, w->form);
    cairn_status st;

    if (!x || !words || !name)
        return no_memory(b);
    for (size_t j = 0; j < w->n; j++)
        words[j] = (expansion_word){w->found[j].text, w->found[j].len,
                                    w->found[j].first ? COMPOUND_FIRST_FACTOR : 1};
    *x = (query_expansion){.text = name, .len = strlen(name), .plane = g.plane};
    st = expansion_of_words(x, p, words, w->n, b->segments, b->n_segments, &b->postings_left,
                            b->err);
    p->expansions[p->n_expansions++] = x;
    g.expansion = x;
    g.boost *= COMPOUND_BOOST;
    if (!st)
        st = add_alt(b, &g, &(query_alt){0});
    return st ? st : add_group(b, &g);
}

/* Beside the words that may occur in a row stand their compounds and their parts. They bind nothing. */
static cairn_status add_compounds(builder *b, const lexical_query *q)
{
    compounding *k;
    cairn_status st = CAIRN_OK;
    const char *lang = b->params->compounds ? choose_compound_language(b, q) : NULL;

    if (!lang)
        return CAIRN_OK;
    k = arena_calloc(b->memory, 1, sizeof *k);
    if (!k)
        return no_memory(b);
    k->known = (compound_words){b->segments, b->n_segments, lang, b->analyzer};
    for (size_t i = 0; i < q->n && !st; i++)
        if (q->clauses[i].kind == LEXICAL_WORDS && q->clauses[i].occur == LEXICAL_SHOULD)
            st = list_compounding(b, &q->clauses[i], k);
    if (!st && k->n)
        st = compound_find(&k->known, k->words, k->n, b->memory, b->err);
    b->binding = false;
    for (size_t i = 0; i < k->n && !st; i++) {
        b->clause = k->clause[i];
        st = add_parts(b, k, i);
        if (!st && k->words[i].n)
            st = add_compounds_of(b, k, i);
    }
    b->binding = true;
    return st;
}

/* The trees, their depth and indexes checked. */
static cairn_status check_node(builder *b, const lexical_query *q, const lexical_node *node,
                               unsigned depth)
{
    cairn_status st = CAIRN_OK;

    if (depth > LEXICAL_TREE_DEPTH)
        return cairn_fail(b->err, CAIRN_ELIMIT, "a condition nested more than %d deep",
                          LEXICAL_TREE_DEPTH);
    if (node->kind == LEXICAL_NODE_CLAUSE &&
        (node->clause >= q->n || q->clauses[node->clause].kind == LEXICAL_TREE))
        return cairn_fail(b->err, CAIRN_EUSAGE, "a condition on a clause that is none");
    if (node->kind == LEXICAL_NODE_NOT && node->n_parts != 1)
        return cairn_fail(b->err, CAIRN_EUSAGE, "a negation of %zu conditions", node->n_parts);
    for (size_t i = 0; i < node->n_parts && !st; i++)
        st = check_node(b, q, &node->parts[i], depth + 1);
    return st;
}

static cairn_status take_trees(builder *b, const lexical_query *q)
{
    query_plan *p = b->plan;
    const lexical_node **trees = arena_calloc(b->memory, q->n + 1, sizeof *trees);
    cairn_status st = trees ? CAIRN_OK : no_memory(b);

    for (size_t i = 0; i < q->n && !st; i++)
        if (q->clauses[i].kind == LEXICAL_TREE && q->clauses[i].tree) {
            trees[p->n_trees++] = q->clauses[i].tree;
            st = check_node(b, q, q->clauses[i].tree, 1);
        }
    p->trees = trees;
    return st;
}

static int by_sign(const void *a, const void *b)
{
    const query_group *x = a, *y = b;
    int p = x->occur < LEXICAL_MUST_NOT ? 0 : (int)x->occur;
    int q = y->occur < LEXICAL_MUST_NOT ? 0 : (int)y->occur;
    return p - q;
}

/* Positive groups first, then what excludes, then what is only tested. */
static cairn_status order_groups(builder *b)
{
    query_plan *p = b->plan;

    p->n_all = p->n_groups;
    p->by_id = arena_calloc(b->memory, p->n_all + 1, sizeof(query_group *));
    if (!p->by_id)
        return no_memory(b);
    if (p->n_groups)
        qsort(p->groups, p->n_groups, sizeof *p->groups, by_sign);
    for (size_t i = 0; i < p->n_all; i++) {
        query_group *g = &p->groups[i];
        p->by_id[g->id] = g;
        p->n_positive += g->occur < LEXICAL_MUST_NOT;
        p->n_must += g->occur == LEXICAL_MUST;
        p->n_groups -= g->occur == LEXICAL_TEST;
    }
    return CAIRN_OK;
}

/* ---- statistics ---- */

static cairn_status look_up(builder *b, const lexical_segment *segments, size_t n)
{
    query_plan *p = b->plan;

    p->found = arena_calloc(b->memory, n * p->n_terms + 1, sizeof *p->found);
    if (!p->found)
        return no_memory(b);
    for (size_t s = 0; s < n; s++)
        for (size_t t = 0; t < p->n_terms; t++) {
            dict_term *found = &p->found[s * p->n_terms + t];
            bool there;
            cairn_status st = dict_find(&segments[s].reader->dict, p->terms[t].text,
                                        p->terms[t].len, found, &there, b->err);
            if (st)
                return st;
            if (!there)
                found->df = 0;
            p->terms[t].df += found->df;
        }
    return CAIRN_OK;
}

static void weigh_planes(builder *b, const lexical_segment *segments, size_t n, double rows)
{
    query_plan *p = b->plan;
    double average[LEXICAL_FIELDS] = {0};

    for (size_t s = 0; s < n; s++)
        for (size_t f = 0; f < LEXICAL_FIELDS; f++)
            average[f] += (double)segments[s].reader->total[f];
    for (size_t i = 0; i < p->n_planes; i++) {
        query_plane *plane = &p->planes[i];
        double all = 0, fixed = 0;
        for (size_t f = 0; f < LEXICAL_FIELDS; f++) {
            double share = (double)plane->weight[f] * average[f] / rows;
            all += share;
            fixed += share * (1 - (double)b->params->b[f]);
        }
        plane->k0 = (float)((double)b->params->k1 * (all > 0 ? fixed / all : 1));
        plane->k1 =
            (float)(all > 0 ? (double)b->params->k1 * (double)plane->lengths.unit / all : 0);
    }
}

/* Weights of the alternatives, scaled so that no row's sum passes SUM_MAX. */
static void weigh_groups(query_plan *p)
{
    double sum = 0;
    int exponent;

    for (size_t i = 0; i < p->n_all; i++) {
        query_group *g = &p->groups[i];
        double largest = 0;
        for (size_t j = 0; j < g->n_alts; j++) {
            double w = g->expansion ? (double)g->expansion->idf : 0;
            /* A word that is nowhere cannot match and must not take up the scale. */
            bool there = !g->expansion || g->expansion->df;
            for (size_t k = 0; k < g->alts[j].n; k++) {
                w += (double)p->terms[g->alts[j].words[k].term].idf;
                there = there && p->terms[g->alts[j].words[k].term].df;
            }
            w = there ? w * (double)g->boost : 0;
            g->alts[j].w = (float)w;
            largest = fmax(largest, w);
        }
        if (g->occur < LEXICAL_MUST_NOT)
            sum += largest;
    }
    if (!(sum > 1e-30))
        sum = 1e-30;
    frexp(SUM_MAX / sum, &exponent);
    p->scale = ldexp(1, exponent - 1);
    for (size_t i = 0; i < p->n_all; i++)
        for (size_t j = 0; j < p->groups[i].n_alts; j++) {
            query_alt *alt = &p->groups[i].alts[j];
            alt->w = (float)((double)alt->w * p->scale);
            if (p->groups[i].occur >= LEXICAL_MUST_NOT)
                alt->w = 1024; /* only whether it matches counts */
        }
}

static cairn_status check(const lexical_query *q, const lexical_params *p, cairn_error *err)
{
    if (!(p->k1 >= 0 && p->k1 < 1e6f))
        return cairn_fail(err, CAIRN_EUSAGE, "k1 must be between 0 and 1e6");
    if (!(p->proximity >= 0 && p->proximity < 1e6f) || p->proximity_depth > PROXIMITY_DEPTH_MAX)
        return cairn_fail(err, CAIRN_EUSAGE, "proximity must be 0..1e6, its depth at most %d",
                          PROXIMITY_DEPTH_MAX);
    for (size_t f = 0; f < LEXICAL_FIELDS; f++)
        if (!(p->b[f] >= 0 && p->b[f] <= 1) || !(p->weight[f] >= 0 && p->weight[f] < 1e6f))
            return cairn_fail(err, CAIRN_EUSAGE, "b must be 0..1 and field weights 0..1e6");
    for (size_t i = 0; i < q->n; i++)
        if (!(q->clauses[i].boost >= 0 && q->clauses[i].boost < 1e6f))
            return cairn_fail(err, CAIRN_EUSAGE, "a boost must be between 0 and 1e6");
    return CAIRN_OK;
}

cairn_status query_plan_make(query_plan *plan, arena *memory, analyzer *a,
                             const lexical_segment *segments, size_t n, const lexical_query *query,
                             const lexical_params *params, cairn_error *err)
{
    builder b = {.plan = plan,
                 .memory = memory,
                 .analyzer = a,
                 .params = params,
                 .words_left = WORDS_MAX,
                 .postings_left = POSTINGS_MAX,
                 .segments = segments,
                 .n_segments = n,
                 .binding = true,
                 .err = err};
    double rows = 0;
    cairn_status st = check(query, params, err);

    *plan = (query_plan){.memory = memory, .scale = 1};
    plan->planes = arena_calloc(memory, LEXICAL_ALL_FIELDS + 1, sizeof *plan->planes);
    plan->leaves = arena_calloc(memory, query->n + 1, sizeof *plan->leaves);
    plan->expansions = arena_calloc(memory, LEXICAL_PATTERNS_MAX + COMPOUND_WORDS_MAX,
                                    sizeof(query_expansion *));
    if (!plan->planes || !plan->leaves || !plan->expansions)
        return no_memory(&b);
    list_languages(&b, segments, n);
    if (!st)
        st = choose_stop_language(&b, query);
    for (size_t i = 0; i < query->n && !st; i++) {
        b.clause = &query->clauses[i];
        b.leaf = &plan->leaves[i];
        b.cap_leaf = 0;
        st = add_clause(&b, b.clause);
    }
    if (!st)
        st = add_compounds(&b, query);
    if (!st)
        st = take_trees(&b, query);
    if (!st)
        st = order_groups(&b);
    if (!st)
        st = look_up(&b, segments, n);
    if (st)
        return st;
    for (size_t s = 0; s < n; s++)
        rows += segments[s].reader->n_rows;
    for (size_t t = 0; t < plan->n_terms; t++) {
        double df = (double)plan->terms[t].df;
        plan->terms[t].idf = (float)log(1 + (rows - df + 0.5) / (df + 0.5));
    }
    for (size_t x = 0; x < plan->n_expansions; x++) {
        double df = (double)plan->expansions[x]->df;
        plan->expansions[x]->idf = (float)log(1 + (rows - df + 0.5) / (df + 0.5));
    }
    weigh_planes(&b, segments, n, rows > 0 ? rows : 1);
    weigh_groups(plan);
    return CAIRN_OK;
}

cairn_status query_codes(const query_plan *plan, const query_plane *plane, const lexical_reader *r,
                         const uint8_t **out, cairn_error *err)
{
    row_lengths own = row_lengths_of(r->weight, r->b);
    uint8_t *made;

    if (!memcmp(own.ratio, plane->lengths.ratio, sizeof own.ratio)) {
        *out = reader_codes(r);
    } else {
        made = arena_alloc(plan->memory, (size_t)r->n_rows + 3);
        if (made)
            reader_fill_codes(r, &plane->lengths, made);
        *out = made;
    }
    return *out ? CAIRN_OK
                : cairn_fail(err, CAIRN_ENOMEM, "no memory for the lengths of %u rows", r->n_rows);
}
