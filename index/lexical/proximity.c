/* proximity.c - the best rows once more, with a bonus for question words that stand close together.
 *
 * Buettcher, Clarke and Lushman (Term Proximity Scoring for Ad-Hoc Retrieval on Very Large Text
 * Collections, 2006), on the rows that BM25F found best: wherever two different words of the question
 * stand next to each other among the question's words of a field, d places apart, each gathers the
 * other's idf / d^2, times a factor that we added: 1 for words that follow each other in the question too,
 * 0.5 for those the other way round, 0.3 for others (docs/lexical.md has the measurement); then
 *
 *   bonus = proximity * sum over words of  min(1, idf) * gathered / (gathered + K of the row)
 *
 * in the units of the score, K as in lexical.h. The bonus is never negative, so the rows looked at stay above the others, and
 * the answer is defined whatever found the first list: the exhaustive search comes here too. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "index/lexical/query.h"
#include "index/lexical/words_at.h"

#define GROUPS_MAX 32   /* of a question: the first */
#define FARTHEST   16   /* places; two words farther apart add less than 1/256 */
#define EVENTS_MAX 4096 /* occurrences looked at in a field; few fields have so many: */
#define EVENTS_FEW 256
#define REVERSED   0.5f
#define FAR_ASKED  0.3f

typedef struct event {
    uint32_t position, group;
} event;

typedef struct near_words {
    const query_plan *plan;
    const query_group *group[GROUPS_MAX];
    float idf[GROUPS_MAX];
    size_t n;
    words_at **at; /* [group][alternative] of the segment at hand */
    event *events;
    size_t cap_events;
    cairn_error *err;
} near_words;

static cairn_status no_memory(cairn_error *err)
{
    return cairn_fail(err, CAIRN_ENOMEM, "no memory to score proximity");
}

/* The groups that are words by themselves; names of several words have these beside them. */
static void choose_groups(near_words *w, const query_plan *plan)
{
    for (size_t i = 0; i < plan->n_positive && w->n < GROUPS_MAX; i++) {
        const query_group *g = &plan->groups[i];
        float idf = 0;
        bool words = !g->expansion && !g->whole;
        for (size_t j = 0; j < g->n_alts; j++) {
            words = words && g->alts[j].n == 1 && !g->alts[j].n_spans;
            if (words && plan->terms[g->alts[j].words[0].term].df)
                idf = fmaxf(idf, plan->terms[g->alts[j].words[0].term].idf);
        }
        if (!words || !(idf > 0))
            continue;
        w->group[w->n] = g;
        w->idf[w->n++] = idf;
    }
}

size_t proximity_depth(const query_plan *plan, const lexical_params *params, size_t k)
{
    near_words w = {.plan = plan};

    if (!(params->proximity > 0) || !params->proximity_depth)
        return k;
    choose_groups(&w, plan);
    return w.n > 1 && k < params->proximity_depth ? params->proximity_depth : k;
}

static bool before(const event *x, const event *y)
{
    return x->position != y->position ? x->position < y->position : x->group < y->group;
}

static int by_position(const void *a, const void *b)
{
    return before(a, b) ? -1 : before(b, a);
}

/* Mostly few, and each word's in order already. */
static void sort_events(event *e, size_t n)
{
    if (n > 48) {
        qsort(e, n, sizeof *e, by_position);
        return;
    }
    for (size_t i = 1; i < n; i++) {
        event one = e[i];
        size_t j = i;
        for (; j && before(&one, &e[j - 1]); j--)
            e[j] = e[j - 1];
        e[j] = one;
    }
}

/* Open the words' lists of segment s. */
static cairn_status open_words(near_words *w, const lexical_reader *r, size_t s)
{
    for (size_t i = 0; i < w->n; i++)
        for (size_t j = 0; j < w->group[i]->n_alts; j++) {
            uint32_t term = w->group[i]->alts[j].words[0].term;
            const dict_term *t = &w->plan->found[s * w->plan->n_terms + term];
            cairn_status st;
            words_at_clear(&w->at[i][j]);
            if (!t->df)
                continue;
            st = words_at_open(&w->at[i][j], r, t, w->err);
            if (st)
                return st;
        }
    return CAIRN_OK;
}

/* Room for as many events as are looked at. */
static bool more_events(near_words *w, size_t n)
{
    event *more;

    if (w->cap_events == EVENTS_MAX)
        return true;
    more = arena_alloc(w->plan->memory, EVENTS_MAX * sizeof *more);
    if (!more)
        return false;
    memcpy(more, w->events, n * sizeof *more);
    w->events = more;
    w->cap_events = EVENTS_MAX;
    return true;
}

/* Occurrences of the groups in field f of the row, by place. */
static cairn_status gather(near_words *w, uint32_t row, unsigned f, size_t *n)
{
    *n = 0;
    for (size_t i = 0; i < w->n; i++)
        for (size_t j = 0; j < w->group[i]->n_alts; j++) {
            words_at *at = &w->at[i][j];
            uint32_t found;
            cairn_status st;
            if (!at->p || !(w->plan->planes[w->group[i]->plane].mask >> f & 1))
                continue;
            st = words_at_seek(at, row, &found, w->err);
            if (!st && found == row)
                st = words_at_positions(at, f, w->err);
            if (st)
                return st;
            if (found != row)
                continue;
            if (*n + at->n_pos > w->cap_events && !more_events(w, *n))
                return no_memory(w->err);
            for (size_t k = 0; k < at->n_pos && *n < w->cap_events; k++)
                w->events[(*n)++] = (event){at->pos[k], (uint32_t)i};
        }
    sort_events(w->events, *n);
    return CAIRN_OK;
}

/* What two words d places apart in this order are worth. */
static float closeness(const near_words *w, uint32_t first, uint32_t second, uint32_t d)
{
    uint32_t a = w->group[first]->id, b = w->group[second]->id;
    float order = b == a + 1 ? 1 : a == b + 1 ? REVERSED : FAR_ASKED;

    return order / (float)(d * d);
}

static cairn_status bonus_of(near_words *w, const lexical_reader *r, uint32_t row, float *bonus)
{
    float gathered[GROUPS_MAX] = {0};

    *bonus = 0;
    for (unsigned f = 0; f < LEXICAL_FIELDS; f++) {
        size_t n;
        cairn_status st;
        if (f == LEXICAL_PATH || !reader_length(r, f, row))
            continue;
        st = gather(w, row, f, &n);
        if (st)
            return st;
        for (size_t i = 1; i < n; i++) {
            const event *a = &w->events[i - 1], *b = &w->events[i];
            uint32_t d = b->position - a->position;
            float close;
            if (a->group == b->group || !d || d > FARTHEST)
                continue;
            close = closeness(w, a->group, b->group, d);
            gathered[a->group] += w->idf[b->group] * close;
            gathered[b->group] += w->idf[a->group] * close;
        }
    }
    for (size_t i = 0; i < w->n; i++) {
        const query_plane *plane = &w->plan->planes[w->group[i]->plane];
        float length = 0, weight = fminf(1, w->idf[i]) * w->group[i]->boost;
        if (!(gathered[i] > 0))
            continue;
        for (unsigned f = 0; f < LEXICAL_FIELDS; f++)
            length += plane->lengths.ratio[f] * (float)length_value(reader_length(r, f, row));
        *bonus += weight * gathered[i] / (gathered[i] + plane->k0 + plane->k1 * length);
    }
    return CAIRN_OK;
}

static int by_row(const void *a, const void *b, void *ctx)
{
    const lexical_hit *hits = ctx, *x = &hits[*(const uint32_t *)a], *y = &hits[*(const uint32_t *)b];
    if (x->segment != y->segment)
        return x->segment < y->segment ? -1 : 1;
    return (x->row > y->row) - (x->row < y->row);
}

static int best_first(const void *a, const void *b)
{
    const lexical_hit *x = a, *y = b;
    if (x->score != y->score)
        return x->score < y->score ? 1 : -1;
    if (x->segment != y->segment)
        return x->segment < y->segment ? -1 : 1;
    return (x->row > y->row) - (x->row < y->row);
}

cairn_status proximity_rescore(const query_plan *plan, const lexical_segment *segments,
                               const lexical_params *params, lexical_hit *hits, size_t n,
                               cairn_error *err)
{
    near_words w = {.plan = plan, .err = err};
    uint32_t *order = NULL, segment = UINT32_MAX;
    words_at *at = NULL;
    cairn_status st = CAIRN_OK;

    n = n < params->proximity_depth ? n : params->proximity_depth;
    if (!(params->proximity > 0) || n < 2)
        return CAIRN_OK;
    choose_groups(&w, plan);
    if (w.n < 2)
        return CAIRN_OK;
    order = arena_calloc(plan->memory, n, sizeof *order);
    w.events = arena_alloc(plan->memory, EVENTS_FEW * sizeof *w.events);
    w.cap_events = EVENTS_FEW;
    w.at = arena_calloc(plan->memory, w.n, sizeof(words_at *));
    if (!order || !w.events || !w.at)
        return no_memory(err);
    for (size_t i = 0; i < w.n; i++) {
        w.at[i] = at = arena_calloc(plan->memory, w.group[i]->n_alts, sizeof *at);
        if (!at)
            return no_memory(err);
    }
    for (size_t i = 0; i < n; i++)
        order[i] = (uint32_t)i;
    qsort_r(order, n, sizeof *order, by_row, hits); /* the lists are read forward */
    for (size_t i = 0; i < n && !st; i++) {
        lexical_hit *h = &hits[order[i]];
        float bonus = 0;
        if (h->segment != segment)
            st = open_words(&w, segments[h->segment].reader, h->segment);
        segment = h->segment;
        if (!st)
            st = bonus_of(&w, segments[segment].reader, h->row, &bonus);
        h->score += params->proximity * bonus;
    }
    for (size_t i = 0; i < w.n; i++)
        for (size_t j = 0; j < w.group[i]->n_alts; j++)
            words_at_clear(&w.at[i][j]);
    if (!st)
        qsort(hits, n, sizeof *hits, best_first);
    return st;
}
