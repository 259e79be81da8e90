/* query.c - from clauses to groups of terms with weights: what all kinds of clauses share (plan.h says
 * where each kind is). */
#include "index/lexical/plan.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "index/lexical/compound.h"
#include "index/lexical/encode.h"

#define WORDS_MAX           LEXICAL_WORDS_MAX
#define ALTS_STEP           16 /* alternatives of a group are allocated by so many */
#define SUM_MAX             0x1p29 /* of a row's score in integer units */
#define PROXIMITY_DEPTH_MAX 100000
#define POSTINGS_MAX        ((uint64_t)48 << 20) /* read for the patterns of a query */

void lexical_params_default(lexical_params *p)
{
    *p = (lexical_params){
        .k1 = 1.2f,
        .b = {0.75f, 0.0f, 0.75f, 0.75f},
        .weight = {1.5f, 0.1f, 1.0f, 1.0f},
        .proximity_depth = 20,
    };
}

cairn_status plan_no_memory(plan_builder *b)
{
    return cairn_fail(b->err, CAIRN_ENOMEM, "no memory for the query");
}

/* Room for one more element of an arena array. */
void *plan_grown(arena *a, void *old, size_t n, size_t *cap, size_t size)
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

static void list_languages(plan_builder *b, const lexical_segment *segments, size_t n)
{
    lexical_lang all[PLAN_LANGUAGES_MAX * 4] = {{{0}, 0}};
    size_t count = 0;

    for (size_t i = 0; i < b->params->n_languages && i < PLAN_LANGUAGES_MAX; i++)
        b->lang[b->n_langs++] = b->params->languages[i];
    if (b->n_langs)
        return;

    for (size_t s = 0; s < n; s++) {
        const lexical_reader *r = segments[s].reader;
        for (size_t i = 0; i < r->n_langs; i++) {
            size_t j = 0;
            while (j < count && memcmp(all[j].code, r->langs[i].code, 4))
                j++;
            if (j == PLAN_LANGUAGES_MAX * 4)
                continue;
            if (j == count)
                memcpy(all[count++].code, r->langs[i].code, 4);
            all[j].rows += r->langs[i].rows;
        }
    }
    while (b->n_langs < PLAN_LANGUAGES_MAX && b->n_langs < count) {
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
static cairn_status choose_stop_language(plan_builder *b, const lexical_query *q)
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

cairn_status plan_term(plan_builder *b, const char *text, size_t len, uint32_t *out)
{
    query_plan *p = b->plan;
    query_term *more;

    for (size_t i = 0; i < p->n_terms; i++)
        if (p->terms[i].len == len && !memcmp(p->terms[i].text, text, len)) {
            *out = (uint32_t)i;
            return CAIRN_OK;
        }
    more = plan_grown(b->memory, p->terms, p->n_terms, &b->cap_terms, sizeof *more);
    if (!more)
        return plan_no_memory(b);
    p->terms = more;
    more[p->n_terms] = (query_term){.text = arena_strndup(b->memory, text, len), .len = len};
    if (!more[p->n_terms].text)
        return plan_no_memory(b);
    *out = (uint32_t)p->n_terms++;
    return CAIRN_OK;
}

uint32_t plan_plane(plan_builder *b, uint32_t mask)
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
static cairn_status note_leaf(plan_builder *b, uint32_t id)
{
    uint32_t *more;

    if (!b->binding)
        return CAIRN_OK;
    more = plan_grown(b->memory, b->leaf->ids, b->leaf->n, &b->cap_leaf, sizeof *more);

    if (!more)
        return plan_no_memory(b);
    b->leaf->ids = more;
    more[b->leaf->n++] = id;
    return CAIRN_OK;
}

/* A word asked for twice counts twice: its boosts add up. */
cairn_status plan_add_group(plan_builder *b, const query_group *g)
{
    query_plan *p = b->plan;
    query_group *more;

    for (size_t i = 0; i < p->n_groups; i++)
        if (same_group(&p->groups[i], g)) {
            p->groups[i].boost += g->boost;
            return note_leaf(b, p->groups[i].id);
        }
    more = plan_grown(b->memory, p->groups, p->n_groups, &b->cap_groups, sizeof *more);
    if (!more)
        return plan_no_memory(b);
    p->groups = more;
    more[p->n_groups] = *g;
    more[p->n_groups].id = b->ids++;
    more[p->n_groups].clause = b->clause;
    return note_leaf(b, more[p->n_groups++].id);
}

/* Add an alternative unless it is there. */
cairn_status plan_add_alt(plan_builder *b, query_group *g, const query_alt *alt)
{
    for (size_t i = 0; i < g->n_alts; i++)
        if (same_alt(&g->alts[i], alt))
            return CAIRN_OK;
    if (g->n_alts % ALTS_STEP == 0) {
        query_alt *more = arena_calloc(b->memory, g->n_alts + ALTS_STEP, sizeof *more);
        if (!more)
            return plan_no_memory(b);
        if (g->n_alts)
            memcpy(more, g->alts, g->n_alts * sizeof *more);
        g->alts = more;
    }
    g->alts[g->n_alts++] = *alt;
    return CAIRN_OK;
}

/* Is the term in any dictionary? */
cairn_status plan_is_known(plan_builder *b, const analyzer_token *t, bool *known)
{
    cairn_status st = CAIRN_OK;

    *known = false;
    if (b->params->is_known)
        return b->params->is_known(b->params->is_known_ctx, t->term, t->len, known, b->err);
    for (size_t s = 0; s < b->n_segments && !*known && !st; s++) {
        dict_term found;
        st = dict_find(&b->segments[s].reader->dict, t->term, t->len, &found, known, b->err);
    }
    return st;
}

/* ---- clauses ---- */

/* A pattern is expanded when it is met; the same pattern once. */
static cairn_status add_pattern(plan_builder *b, const lexical_clause *c, uint32_t plane, float boost)
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
            return plan_no_memory(b);
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
        st = plan_add_alt(b, &g, &(query_alt){0});
    return st ? st : plan_add_group(b, &g);
}

static cairn_status add_clause(plan_builder *b, const lexical_clause *c)
{
    uint32_t plane;
    float boost = c->boost > 0 ? c->boost : 1;

    if (c->kind == LEXICAL_TREE)
        return CAIRN_OK;
    plane = plan_plane(b, c->field_mask);
    switch (c->kind) {
    case LEXICAL_PHRASE:
    case LEXICAL_NEAR:
        return plan_add_phrase(b, c, plane, boost);
    case LEXICAL_WILDCARD:
    case LEXICAL_FUZZY:
    case LEXICAL_REGEX:
        return add_pattern(b, c, plane, boost);
    default:
        return plan_add_words(b, c, plane, boost);
    }
}

/* The trees, their depth and indexes checked. */
static cairn_status check_node(plan_builder *b, const lexical_query *q, const lexical_node *node,
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

static cairn_status take_trees(plan_builder *b, const lexical_query *q)
{
    query_plan *p = b->plan;
    const lexical_node **trees = arena_calloc(b->memory, q->n + 1, sizeof *trees);
    cairn_status st = trees ? CAIRN_OK : plan_no_memory(b);

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
static cairn_status order_groups(plan_builder *b)
{
    query_plan *p = b->plan;

    p->n_all = p->n_groups;
    p->by_id = arena_calloc(b->memory, p->n_all + 1, sizeof(query_group *));
    if (!p->by_id)
        return plan_no_memory(b);
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

static cairn_status look_up(plan_builder *b, const lexical_segment *segments, size_t n)
{
    query_plan *p = b->plan;

    p->found = arena_calloc(b->memory, n * p->n_terms + 1, sizeof *p->found);
    if (!p->found)
        return plan_no_memory(b);
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
    for (size_t t = 0; b->params->statistics && t < p->n_terms; t++) {
        const lexical_statistics *s = b->params->statistics;
        cairn_status st = s->rows_of(s->ctx, p->terms[t].text, p->terms[t].len, &p->terms[t].df, b->err);
        if (st)
            return st;
    }
    return CAIRN_OK;
}

static void weigh_planes(plan_builder *b, const lexical_segment *segments, size_t n, double rows)
{
    query_plan *p = b->plan;
    const lexical_statistics *given = b->params->statistics;
    double average[LEXICAL_FIELDS] = {0};

    for (size_t f = 0; given && f < LEXICAL_FIELDS; f++)
        average[f] = given->total[f];
    for (size_t s = 0; !given && s < n; s++)
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
        for (size_t j = 0; j < g->n_alts && g->spellings; j++) {
            double w = (double)g->alts[j].w;
            largest = w > 0 && w < largest ? w : largest;
        }
        for (size_t j = 0; j < g->n_alts && g->spellings; j++)
            g->alts[j].w = g->alts[j].w > 0 ? (float)largest : 0;
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
    plan_builder b = {.plan = plan,
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
        return plan_no_memory(&b);
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
        st = plan_add_compounds(&b, query);
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
    if (params->statistics)
        rows = params->statistics->rows;
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
