/* refine.c - the stages, in the order of refine.h; each leaves hits[] sorted by falling score. */
#include "retrieve/refine.h"

#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "base/clock.h"
#include "retrieve/boilerplate.h"
#include "retrieve/shingles.h"

#define DEPTH        50
#define BATCH        4
#define TOLD_SHARE   0.7f /* of a passage's triples that the assistant's turns hold */
#define COPY_SHARE   0.8f /* of the triples of two passages that are common */
#define POOL_FACTOR  4    /* diversity chooses among so many times k hits */
#define POOL_LEAST   20

void refine_params_default(refine_params *p)
{
    *p = (refine_params){.like_depth = DEPTH,
                         .rerank_depth = DEPTH,
                         .told_depth = DEPTH,
                         .prior_depth = DEPTH,
                         .recurring_depth = 20,
                         .recurring_documents = 5};
}

typedef struct refining {
    retrieve_hit *hits;
    size_t n;
    const refine_params *params;
    const refine_source *source;
    arena *a;
    refine_report *report;
    /* by place in `of`, because stages move hits */
    chunk_id *of;
    refine_passage *passages;
    shingle_set *shingles;
    bool *cut; /* shingles are made */
    size_t n_read;
} refining;

/* The passage of a hit, read once. */
static cairn_status read_passage(refining *r, chunk_id chunk, size_t *at, cairn_error *err)
{
    cairn_status st;

    for (*at = 0; *at < r->n_read; ++*at)
        if (r->of[*at] == chunk)
            return CAIRN_OK;
    st = r->source->passage(r->source->ctx, chunk, r->a, &r->passages[r->n_read], err);
    if (!st)
        r->of[r->n_read++] = chunk;
    return st;
}

static cairn_status read_shingles(refining *r, chunk_id chunk, const shingle_set **out, cairn_error *err)
{
    size_t at;
    cairn_status st = read_passage(r, chunk, &at, err);

    if (!st && !r->cut[at]) {
        st = shingles_make(r->passages[at].text, r->passages[at].text_len, r->a, &r->shingles[at], err);
        r->cut[at] = !st;
    }
    *out = &r->shingles[at];
    return st;
}

/* Insertion keeps hits of one score in their order. */
static void settle(retrieve_hit *hits, size_t n)
{
    for (size_t i = 1; i < n; i++) {
        retrieve_hit h = hits[i];
        size_t j = i;
        for (; j && hits[j - 1].score < h.score; j--)
            hits[j] = hits[j - 1];
        hits[j] = h;
    }
}

/* ---- neighbours ---- */

/* The vectors of the first n hits; NULL for one that has none. */
static const float **read_vectors(refining *r, size_t n)
{
    size_t dim = r->source->dim, floats;
    const float **vectors = arena_calloc(r->a, n, sizeof *vectors);
    float *all = checked_mul(n, dim, &floats) ? arena_calloc(r->a, floats, sizeof *all) : NULL;

    if (!vectors || !all)
        return NULL;
    for (size_t i = 0; i < n; i++)
        if (r->source->vector(r->source->ctx, r->hits[i].chunk, all + i * dim))
            vectors[i] = all + i * dim;
    return vectors;
}

static cairn_status even_out(refining *r, cairn_error *err)
{
    const refine_params *p = r->params;
    size_t n = p->like_depth < r->n ? p->like_depth : r->n;
    float best = r->n ? r->hits[0].score : 0, *shares;
    const float **vectors;
    cairn_status st;

    if (!(p->like.neighbours > 0 || p->like.centre > 0) || !r->source->vector || !r->source->dim || n < 2 ||
        !(best > 0))
        return CAIRN_OK;
    shares = arena_calloc(r->a, n, sizeof *shares);
    vectors = read_vectors(r, n);
    if (!shares || !vectors)
        return cairn_fail(err, CAIRN_ENOMEM, "likeness of passages");
    for (size_t i = 0; i < n; i++)
        shares[i] = r->hits[i].score / best;
    st = neighbours_even_out(shares, vectors, n, r->source->dim, &p->like, r->a, err);
    if (st)
        return st;
    for (size_t i = 0; i < n; i++)
        r->hits[i].score = shares[i] * best;
    settle(r->hits, n);
    for (size_t i = n; i < r->n; i++) /* those below stay below */
        if (r->hits[i].score > r->hits[i - 1].score)
            r->hits[i].score = r->hits[i - 1].score;
    r->report->likened = n;
    return CAIRN_OK;
}

/* ---- rerank ---- */

/* Mix the scores of the hits at places[n] and deal those hits out over the same places, best first. */
static cairn_status mix_scores(refining *r, const size_t *places, const float *scores, size_t n,
                               cairn_error *err)
{
    retrieve_hit *block = arena_calloc(r->a, n, sizeof *block);
    float weight = r->params->rerank_weight, most = 0, fused = r->hits[0].score;

    if (!block)
        return cairn_fail(err, CAIRN_ENOMEM, "reranking");
    for (size_t i = 0; i < n; i++)
        most = scores[i] > most ? scores[i] : most;
    for (size_t i = 0; i < n; i++) {
        float own = scores[i] > 0 ? scores[i] / most : 0;
        block[i] = r->hits[places[i]];
        block[i].rerank_score = scores[i];
        block[i].score = (1 - weight) * block[i].score + weight * own * fused;
    }
    settle(block, n);
    for (size_t i = 0; i < n; i++)
        r->hits[places[i]] = block[i];
    return CAIRN_OK;
}

/* Hits that nobody scored count as having nothing in common with the question; one that kept its place among
 * others gets no more than the one above it, so that scores fall along the list. */
static void level_scores(refining *r, const size_t *places, size_t n)
{
    size_t next = 0;

    for (size_t i = 0; i < r->n; i++) {
        if (next < n && places[next] == i)
            next++;
        else
            r->hits[i].score *= 1 - r->params->rerank_weight;
        if (i && r->hits[i].score > r->hits[i - 1].score)
            r->hits[i].score = r->hits[i - 1].score;
    }
}

static cairn_status rerank(refining *r, cairn_error *err)
{
    const refine_params *p = r->params;
    size_t depth = p->rerank_depth < r->n ? p->rerank_depth : r->n, n = 0, next = 0;
    size_t batch = p->rerank_batch ? p->rerank_batch : BATCH;
    refine_passage *passages;
    size_t *places;
    float *scores;
    int64_t start = clock_mono_ns();
    cairn_status st = CAIRN_OK;

    if (!p->score || depth < 2 || !(r->hits[0].score > 0))
        return CAIRN_OK;
    scores = arena_calloc(r->a, depth, sizeof *scores);
    places = arena_calloc(r->a, depth, sizeof *places);
    passages = arena_calloc(r->a, batch, sizeof *passages);
    if (!scores || !places || !passages)
        return cairn_fail(err, CAIRN_ENOMEM, "reranking");
    while (!st && next < depth && (!p->deadline_ns || clock_mono_ns() < p->deadline_ns)) {
        size_t m = 0;
        for (; !st && next < depth && m < batch; next++) {
            size_t at = 0;
            st = read_passage(r, r->hits[next].chunk, &at, err);
            if (st || r->passages[at].foreign)
                continue;
            places[n + m] = next;
            passages[m++] = r->passages[at];
        }
        if (!st && m)
            st = p->score(p->score_ctx, passages, m, scores + n, err);
        n += m;
    }
    if (!st && n > 1)
        st = mix_scores(r, places, scores, n, err);
    if (st)
        return st;
    if (n > 1)
        level_scores(r, places, n);
    r->report->reranked = n;
    r->report->rerank_ns = clock_mono_ns() - start;
    return CAIRN_OK;
}

/* ---- priors ---- */

/* The score that stands for nothing in common. */
static float least_score(const refining *r)
{
    float last = r->hits[r->n - 1].score;

    return r->params->from_zero && last >= 0 ? 0 : last;
}

static cairn_status weigh(refining *r, cairn_error *err)
{
    const refine_params *p = r->params;
    size_t depth = p->prior_depth < r->n ? p->prior_depth : r->n;
    prior_passage *passages;
    float *factor, least, below;
    cairn_status st = CAIRN_OK;

    if (!priors_wanted(&p->priors) || !r->source->facts || depth < 2)
        return CAIRN_OK;
    passages = arena_calloc(r->a, depth, sizeof *passages);
    factor = arena_calloc(r->a, depth, sizeof *factor);
    if (!passages || !factor)
        return cairn_fail(err, CAIRN_ENOMEM, "priors");
    for (size_t i = 0; !st && i < depth; i++) {
        size_t at = 0;
        passages[i].folder = 1;
        if (p->priors.recency > 0 || p->priors.folders || p->priors.newest)
            st = r->source->facts(r->source->ctx, r->hits[i].chunk, r->a, &passages[i], err);
        if (!st && p->priors.quality > 0 && !(st = read_passage(r, r->hits[i].chunk, &at, err))) {
            passages[i].text = r->passages[at].text;
            passages[i].len = r->passages[at].text_len;
        }
    }
    if (!st)
        st = priors_weigh(&p->priors, passages, depth, factor, err);
    if (st)
        return st;
    least = least_score(r);
    below = depth < r->n ? r->hits[depth].score : least;
    for (size_t i = 0; i < depth; i++) {
        float score = least + (r->hits[i].score - least) * factor[i];
        r->report->weighed += factor[i] < 1 || factor[i] > 1;
        factor[i] = score > below ? score : below; /* those that were not looked at stay below */
    }
    if (p->priors.newest)
        st = priors_newest_first(passages, depth, least, factor, err);
    for (size_t i = 0; !st && i < depth; i++)
        r->hits[i].score = factor[i];
    if (st)
        return st;
    settle(r->hits, depth);
    return CAIRN_OK;
}

/* ---- recurring lines ---- */

static cairn_status put_back_boilerplate(refining *r, cairn_error *err)
{
    const refine_params *p = r->params;
    size_t depth = p->recurring_depth < r->n ? p->recurring_depth : r->n;
    boilerplate_passage *passages;
    float *share, least;
    cairn_status st = CAIRN_OK;

    if (!(p->recurring > 0) || !p->question || depth < 2)
        return CAIRN_OK;
    passages = arena_calloc(r->a, depth, sizeof *passages);
    share = arena_calloc(r->a, depth, sizeof *share);
    if (!passages || !share)
        return cairn_fail(err, CAIRN_ENOMEM, "lines that recur");
    for (size_t i = 0; !st && i < depth; i++) {
        size_t at = 0;
        st = read_passage(r, r->hits[i].chunk, &at, err);
        if (!st)
            passages[i] = (boilerplate_passage){r->passages[at].text, r->passages[at].text_len,
                                                r->hits[i].doc};
    }
    if (!st)
        st = boilerplate_shares(passages, depth, p->question, p->recurring_documents, r->a, share, err);
    least = least_score(r);
    for (size_t i = 0; !st && i < depth; i++) {
        if (!(share[i] > 0))
            continue;
        r->hits[i].score = least + (r->hits[i].score - least) * (1 - p->recurring * share[i]);
        r->report->recurring++;
    }
    if (!st && r->report->recurring)
        settle(r->hits, r->n);
    return st;
}

/* ---- told ---- */

static cairn_status told_set(refining *r, shingle_set *out, cairn_error *err)
{
    cairn_status st = CAIRN_OK;

    *out = (shingle_set){0};
    for (size_t i = 0; !st && i < r->params->n_turns; i++) {
        const retrieve_turn *t = &r->params->turns[i];
        shingle_set one, both;
        if (t->user)
            continue;
        st = shingles_make(t->text, strlen(t->text), r->a, &one, err);
        if (!st)
            st = shingles_join(out, &one, r->a, &both, err);
        if (!st)
            *out = both;
    }
    return st;
}

static cairn_status step_back(refining *r, cairn_error *err)
{
    size_t depth = r->params->told_depth < r->n ? r->params->told_depth : r->n;
    const shingle_set *own;
    shingle_set told;
    float least;
    cairn_status st = CAIRN_OK;

    if (!(r->params->told > 0) || !r->params->n_turns || !depth)
        return CAIRN_OK;
    st = told_set(r, &told, err);
    if (st || !told.n)
        return st;
    least = r->hits[r->n - 1].score;
    for (size_t i = 0; !st && i < depth; i++) {
        st = read_shingles(r, r->hits[i].chunk, &own, err);
        if (st || shingles_contained(own, &told) < TOLD_SHARE)
            continue;
        r->hits[i].score = least + (r->hits[i].score - least) * (1 - r->params->told);
        r->report->told++;
    }
    if (!st && r->report->told)
        settle(r->hits, r->n);
    return st;
}

/* ---- fewer, and others ---- */

static bool too_many_of(const refining *r, const retrieve_hit *kept, size_t n, doc_id doc)
{
    size_t of_doc = 0;

    for (size_t i = 0; i < n; i++)
        of_doc += kept[i].doc == doc;
    return r->params->per_document && of_doc >= r->params->per_document;
}

/* Keep `want` hits, or all there are, of which none is a copy of an earlier one or one too many of its
 * document. */
static cairn_status thin_out(refining *r, size_t want, cairn_error *err)
{
    size_t n = 0;
    cairn_status st = CAIRN_OK;

    if (!r->params->collapse && !r->params->per_document)
        return CAIRN_OK;
    for (size_t i = 0; !st && i < r->n && n < want; i++) {
        const shingle_set *own, *other;
        bool copy = false;
        if (too_many_of(r, r->hits, n, r->hits[i].doc)) {
            r->report->grouped++;
            continue;
        }
        if (r->params->collapse)
            st = read_shingles(r, r->hits[i].chunk, &own, err);
        for (size_t j = 0; !st && r->params->collapse && j < n && !copy; j++) {
            st = read_shingles(r, r->hits[j].chunk, &other, err);
            copy = !st && shingles_jaccard(own, other) >= COPY_SHARE;
        }
        r->report->collapsed += copy;
        if (!st && !copy)
            r->hits[n++] = r->hits[i];
    }
    r->n = n;
    return st;
}

/* s as a share of the spread between two scores. */
static float scaled(float s, float least, float most)
{
    return most > least ? (s - least) / (most - least) : 1;
}

/* Chooses k of the first pool hits; the score shown stays the hit's own. */
static cairn_status diversify(refining *r, size_t k, cairn_error *err)
{
    float lambda = 1 - r->params->diversity, most, least, *nearest;
    size_t pool = k * POOL_FACTOR > POOL_LEAST ? k * POOL_FACTOR : POOL_LEAST;
    cairn_status st = CAIRN_OK;

    if (!(r->params->diversity > 0) || r->n < 2)
        return CAIRN_OK;
    pool = pool < r->n ? pool : r->n;
    nearest = arena_calloc(r->a, pool, sizeof *nearest);
    if (!nearest)
        return cairn_fail(err, CAIRN_ENOMEM, "diversity");
    most = r->hits[0].score;
    least = r->hits[pool - 1].score;
    for (size_t n = 0; !st && n < k && n < pool; n++) {
        const shingle_set *chosen, *other;
        retrieve_hit h;
        float best = 0, value, near;
        size_t at = n;
        for (size_t i = n; i < pool; i++) {
            value = lambda * scaled(r->hits[i].score, least, most) - (1 - lambda) * nearest[i];
            if (i == n || value > best) {
                best = value;
                at = i;
            }
        }
        h = r->hits[at];
        near = nearest[at];
        memmove(r->hits + n + 1, r->hits + n, (at - n) * sizeof h);
        memmove(nearest + n + 1, nearest + n, (at - n) * sizeof near);
        r->hits[n] = h;
        nearest[n] = near;
        st = read_shingles(r, h.chunk, &chosen, err);
        for (size_t i = n + 1; !st && i < pool; i++) {
            st = read_shingles(r, r->hits[i].chunk, &other, err);
            if (st)
                break;
            near = shingles_jaccard(chosen, other);
            if (r->hits[i].doc == h.doc && near < 0.5f)
                near = 0.5f; /* another part of a document that is listed */
            nearest[i] = near > nearest[i] ? near : nearest[i];
        }
    }
    r->report->diversified = !st;
    return st;
}

cairn_status retrieve_refine(retrieve_hit *hits, size_t *n, size_t k, const refine_params *params,
                             const refine_source *source, arena *a, refine_report *report,
                             cairn_error *err)
{
    refining r = {.hits = hits, .n = *n, .params = params, .source = source, .a = a, .report = report};
    size_t want = params->diversity > 0 ? k * POOL_FACTOR + POOL_LEAST : k;
    int64_t start = clock_mono_ns();
    cairn_status st;

    *report = (refine_report){0};
    r.of = arena_calloc(a, *n + 1, sizeof *r.of);
    r.passages = arena_calloc(a, *n + 1, sizeof *r.passages);
    r.shingles = arena_calloc(a, *n + 1, sizeof *r.shingles);
    r.cut = arena_calloc(a, *n + 1, sizeof *r.cut);
    if (!r.of || !r.passages || !r.shingles || !r.cut)
        return cairn_fail(err, CAIRN_ENOMEM, "reranking");
    st = even_out(&r, err);
    if (!st)
        st = rerank(&r, err);
    if (!st)
        st = weigh(&r, err);
    if (!st)
        st = put_back_boilerplate(&r, err);
    if (!st)
        st = step_back(&r, err);
    if (!st)
        st = thin_out(&r, want, err);
    if (!st)
        st = diversify(&r, k, err);
    *n = r.n < k ? r.n : k;
    report->total_ns = clock_mono_ns() - start;
    return st;
}
