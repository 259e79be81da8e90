/* query.c - from clauses to groups of terms with weights. */
#include "index/lexical/query.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "index/lexical/encode.h"

#define LANGUAGES_MAX 16     /* stems of the languages with most rows are tried */
#define WORDS_MAX     4096   /* of a query, over all clauses */
#define SUM_MAX       0x1p29 /* of a row's score in integer units */

void lexical_params_default(lexical_params *p)
{
    *p = (lexical_params){
        .k1 = 1.2f,
        .b = {0.75f, 0.0f, 0.75f, 0.75f},
        .weight = {1.5f, 0.1f, 1.0f, 1.0f},
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
    size_t cap_terms, cap_groups;
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
    return (uint32_t)p->n_planes++;
}

static bool same_group(const query_group *a, const query_group *b)
{
    if (a->occur != b->occur || a->plane != b->plane || a->n_alts != b->n_alts)
        return false;
    for (size_t i = 0; i < a->n_alts; i++)
        if (a->alts[i].n != b->alts[i].n ||
            memcmp(a->alts[i].words, b->alts[i].words, a->alts[i].n * sizeof(query_word)))
            return false;
    return true;
}

/* A word asked for twice counts twice: its boosts add up. */
static cairn_status add_group(builder *b, const query_group *g)
{
    query_plan *p = b->plan;
    query_group *more;

    for (size_t i = 0; i < p->n_groups; i++)
        if (same_group(&p->groups[i], g)) {
            p->groups[i].boost += g->boost;
            return CAIRN_OK;
        }
    more = grown(b->memory, p->groups, p->n_groups, &b->cap_groups, sizeof *more);
    if (!more)
        return no_memory(b);
    p->groups = more;
    p->groups[p->n_groups++] = *g;
    return CAIRN_OK;
}

/* Add an alternative unless it is there. */
static cairn_status add_alt(builder *b, query_group *g, const query_word *words, size_t n)
{
    for (size_t i = 0; i < g->n_alts; i++)
        if (g->alts[i].n == n && !memcmp(g->alts[i].words, words, n * sizeof *words))
            return CAIRN_OK;
    if (!g->alts)
        g->alts = arena_calloc(b->memory, LANGUAGES_MAX, sizeof *g->alts);
    if (!g->alts)
        return no_memory(b);
    g->alts[g->n_alts++] = (query_alt){words, n, 0}; /* one a language at most */
    return CAIRN_OK;
}

/* ---- clauses ---- */

typedef struct clause_word {
    uint32_t start, end;
    bool stop;
    query_group group;
} clause_word;

/* The words of a clause over all languages, matched by their place in the text. */
static cairn_status clause_words(builder *b, const lexical_clause *c, uint32_t plane, float boost,
                                 clause_word **out, size_t *n_out)
{
    clause_word *words = NULL;
    size_t n_words = 0, cap = 0;

    for (size_t l = 0; l < b->n_langs; l++) {
        const analyzer_token *t;
        size_t n;
        cairn_status st = analyzer_run(b->analyzer, b->lang[l], c->text, c->len, &t, &n, b->err);
        if (st)
            return st;
        for (size_t i = 0; i < n; i++) {
            query_word *word = arena_calloc(b->memory, 1, sizeof *word);
            size_t j = 0;
            if (!word)
                return no_memory(b);
            st = term_index(b, t[i].term, t[i].len, &word->term);
            if (st)
                return st;
            while (j < n_words && (words[j].start != t[i].start || words[j].end != t[i].end))
                j++;
            if (j == n_words) {
                if (!b->words_left--)
                    return cairn_fail(b->err, CAIRN_ELIMIT, "a query of more than %d words",
                                      WORDS_MAX);
                words = grown(b->memory, words, n_words, &cap, sizeof *words);
                if (!words)
                    return no_memory(b);
                words[n_words++] =
                    (clause_word){t[i].start, t[i].end, false, {c->occur, plane, boost, NULL, 0}};
            }
            if (b->stop_lang == b->lang[l])
                words[j].stop = t[i].stop;
            st = add_alt(b, &words[j].group, word, 1);
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

static cairn_status add_words(builder *b, const lexical_clause *c, uint32_t plane, float boost)
{
    clause_word *words = NULL;
    size_t n = 0, kept = 0;
    cairn_status st = clause_words(b, c, plane, boost, &words, &n);

    if (!st)
        st = mark_stops(b, c, words, n);
    if (st)
        return st;
    for (size_t i = 0; i < n; i++)
        kept += !words[i].stop;
    for (size_t i = 0; i < n && !st; i++)
        if (!words[i].stop || !kept || c->occur == LEXICAL_MUST_NOT)
            st = add_group(b, &words[i].group);
    return st;
}

static cairn_status add_phrase(builder *b, const lexical_clause *c, uint32_t plane, float boost)
{
    query_group g = {c->occur, plane, boost, NULL, 0};

    for (size_t l = 0; l < b->n_langs; l++) {
        const analyzer_token *t;
        query_word *words;
        size_t n;
        cairn_status st = analyzer_run(b->analyzer, b->lang[l], c->text, c->len, &t, &n, b->err);
        if (st)
            return st;
        if (!n)
            continue;
        if (n > b->words_left)
            return cairn_fail(b->err, CAIRN_ELIMIT, "a query of more than %d words", WORDS_MAX);
        b->words_left -= l ? 0 : n;
        words = arena_calloc(b->memory, n, sizeof *words);
        if (!words)
            return no_memory(b);
        for (size_t i = 0; i < n; i++) {
            st = term_index(b, t[i].term, t[i].len, &words[i].term);
            if (st)
                return st;
            words[i].offset = t[i].position - t[0].position;
        }
        st = add_alt(b, &g, words, n);
        if (st)
            return st;
    }
    return g.n_alts ? add_group(b, &g) : CAIRN_OK;
}

static int by_sign(const void *a, const void *b)
{
    const query_group *x = a, *y = b;
    int p = x->occur == LEXICAL_MUST_NOT, q = y->occur == LEXICAL_MUST_NOT;
    return p - q;
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
        plane->k1 = (float)(all > 0 ? (double)b->params->k1 / all : 0);
    }
}

/* Weights of the alternatives, scaled so that no row's sum passes SUM_MAX. */
static void weigh_groups(query_plan *p)
{
    double sum = 0;
    int exponent;

    for (size_t i = 0; i < p->n_groups; i++) {
        query_group *g = &p->groups[i];
        double largest = 0;
        for (size_t j = 0; j < g->n_alts; j++) {
            double w = 0;
            bool there = true; /* or it cannot match and must not take up the scale */
            for (size_t k = 0; k < g->alts[j].n; k++) {
                w += (double)p->terms[g->alts[j].words[k].term].idf;
                there = there && p->terms[g->alts[j].words[k].term].df;
            }
            w = there ? w * (double)g->boost : 0;
            g->alts[j].w = (float)w;
            largest = fmax(largest, w);
        }
        if (g->occur != LEXICAL_MUST_NOT)
            sum += largest;
    }
    if (!(sum > 1e-30))
        sum = 1e-30;
    frexp(SUM_MAX / sum, &exponent);
    p->scale = ldexp(1, exponent - 1);
    for (size_t i = 0; i < p->n_groups; i++)
        for (size_t j = 0; j < p->groups[i].n_alts; j++) {
            query_alt *alt = &p->groups[i].alts[j];
            alt->w = (float)((double)alt->w * p->scale);
            if (p->groups[i].occur == LEXICAL_MUST_NOT)
                alt->w = 1024; /* only whether it matches counts */
        }
}

static cairn_status check(const lexical_query *q, const lexical_params *p, cairn_error *err)
{
    if (!(p->k1 >= 0 && p->k1 < 1e6f))
        return cairn_fail(err, CAIRN_EUSAGE, "k1 must be between 0 and 1e6");
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
                 .err = err};
    double rows = 0;
    cairn_status st = check(query, params, err);

    *plan = (query_plan){.memory = memory, .scale = 1};
    plan->planes = arena_calloc(memory, LEXICAL_ALL_FIELDS + 1, sizeof *plan->planes);
    if (!plan->planes)
        return no_memory(&b);
    list_languages(&b, segments, n);
    if (!st)
        st = choose_stop_language(&b, query);
    for (size_t i = 0; i < query->n && !st; i++) {
        const lexical_clause *c = &query->clauses[i];
        uint32_t plane = plane_index(&b, c->field_mask);
        float boost = c->boost > 0 ? c->boost : 1;
        st = c->kind == LEXICAL_PHRASE ? add_phrase(&b, c, plane, boost)
                                       : add_words(&b, c, plane, boost);
    }
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
    if (plan->n_groups) /* stable by construction: MUST_NOT go last, order inside is irrelevant */
        qsort(plan->groups, plan->n_groups, sizeof *plan->groups, by_sign);
    for (size_t i = 0; i < plan->n_groups; i++) {
        plan->n_positive += plan->groups[i].occur != LEXICAL_MUST_NOT;
        plan->n_must += plan->groups[i].occur == LEXICAL_MUST;
    }
    weigh_planes(&b, segments, n, rows > 0 ? rows : 1);
    weigh_groups(plan);
    return CAIRN_OK;
}

cairn_status query_lengths(const query_plan *plan, const query_plane *plane,
                           const lexical_reader *r, const float **out, cairn_error *err)
{
    float own[LEXICAL_FIELDS], *made;

    length_weights(r->weight, r->b, own);
    if (!memcmp(own, plane->length_weight, sizeof own)) {
        *out = reader_lengths(r);
    } else {
        made = arena_calloc(plan->memory, (size_t)r->n_rows + 1, sizeof *made);
        if (made)
            reader_fill_lengths(r, plane->length_weight, made);
        *out = made;
    }
    return *out ? CAIRN_OK
                : cairn_fail(err, CAIRN_ENOMEM, "no memory for the lengths of %u rows", r->n_rows);
}
