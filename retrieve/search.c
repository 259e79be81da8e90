/* search.c - the question's vector, the index's lists, fusion: in this order, each stage timed. The
 * index is the segments of the corpus or whatever else was handed in (index.h). */
#include "retrieve/search.h"

#include "base/clock.h"
#include "retrieve/feedback.h"
#include "retrieve/segments.h"

#define DEFAULT_DEPTH   1000
#define ZERO_SHARE      (1.0 / 6)
#define ZERO_RANK_LEAST 100 /* the scores of fewer are no scale */
#define N_LISTS         3   /* words, vectors, the second model's vectors */

void retrieve_params_default(retrieve_params *p)
{
    *p = (retrieve_params){.depth = DEFAULT_DEPTH,
                           .fusion = {.method = FUSE_CONVEX, .weight = {0.4, 0.6}},
                           .zero_share = ZERO_SHARE,
                           .zero_most = DEFAULT_DEPTH};
    lexical_params_default(&p->lexical);
}

static void *scratch(arena *a, size_t n, size_t size, cairn_status *st, cairn_error *err)
{
    void *p = arena_calloc(a, n ? n : 1, size);

    if (!p && !*st)
        *st = cairn_fail(err, CAIRN_ENOMEM, "search");
    return p;
}

static void add_note(retrieve_result *out, arena *a, const char *note)
{
    if (!out->note)
        out->note = note;
    else if (note)
        out->note = arena_printf(a, "%s; %s", out->note, note);
}

/* The question's direction by one model. */
typedef struct embedding {
    retrieve_embed_fn *fn; /* NULL: not asked */
    void *ctx;
    const retrieve_query *query;
    float *vector;
    bool failed;
    cairn_error why;
} embedding;

static cairn_status prepare(embedding *e, uint32_t dim, arena *a, cairn_error *err)
{
    cairn_status st = CAIRN_OK;

    if (e->fn)
        e->vector = scratch(a, dim, sizeof *e->vector, &st, err);
    return st;
}

static void embed(embedding *e)
{
    if (e->fn)
        e->failed = e->fn(e->ctx, e->query->text, e->query->text_len, e->vector, &e->why) != CAIRN_OK;
}

/* NULL, with a note why, where the embedder failed: the search goes on `without` it then. */
static const float *vector_of(const embedding *e, const char *without, arena *a,
                              retrieve_result *result)
{
    if (e->fn && e->failed)
        add_note(result, a, arena_printf(a, "searched %s: %s", without, e->why.text));
    return e->fn && !e->failed ? e->vector : NULL;
}

typedef struct together {
    const retrieve_corpus *corpus;
    embedding *one, *two;
} together;

static void embed_task(void *ctx, size_t task, size_t worker)
{
    const together *t = ctx;

    (void)worker;
    if (task < 2)
        embed(task ? t->two : t->one);
    else
        t->corpus->beside(t->corpus->beside_ctx);
}

/* The question's directions by the first embedder and, where it is asked, the second: side by side,
 * each on a thread of its own, where that may be. */
static cairn_status embed_question(const retrieve_corpus *c, bool second, retrieve_ask *ask,
                                   retrieve_result *result, cairn_error *err)
{
    embedding one = {.fn = c->embed, .ctx = c->embed_ctx, .query = ask->query};
    embedding two = {.fn = second ? c->embed_second : NULL, .ctx = c->embed_ctx, .query = ask->query};
    together both = {c, &one, &two};
    int64_t start = clock_mono_ns();
    cairn_status st = prepare(&one, c->dim, ask->a, err);

    if (!st)
        st = prepare(&two, c->second_dim, ask->a, err);
    if (st)
        return st;
    if (second && c->embed_together && pool_threads(ask->workers) > 1) {
        pool_run(ask->workers, c->beside ? 3 : 2, embed_task, &both);
    } else {
        embed(&one);
        embed(&two);
    }
    ask->question =
        vector_of(&one, second ? "without the first embedder" : "by words alone", ask->a, result);
    ask->second = vector_of(&two, "without the second embedder", ask->a, result);
    result->embed_ns = clock_mono_ns() - start;
    return CAIRN_OK;
}

/* A list as it is fused: its own items, or these scored again. */
typedef struct fused_list {
    const retrieve_list *list;
    feedback_list again;
} fused_list;

/* From 1; 0: the list does not hold it. */
static uint32_t rank_in(const fused_list *l, uint32_t fused)
{
    return fused && l->again.items ? l->again.rank[fused - 1] : fused;
}

static float score_in(const fused_list *l, uint32_t rank)
{
    return rank ? l->list->items[rank - 1].score : 0;
}

/* A share, so that what is far from the question is the same in a small collection and in a large one. */
static size_t zero_rank(const retrieve_params *p, uint64_t passages)
{
    const double rank = p->zero_share * (double)passages;

    if (!(p->zero_share > 0))
        return 0;
    if (rank > (double)p->zero_most)
        return p->zero_most;
    return rank > ZERO_RANK_LEAST ? (size_t)rank : ZERO_RANK_LEAST;
}

/* What the lists weigh: all, or one of them where the other is not there. */
static fuse_params weights_of(const retrieve_ask *ask, const retrieve_lists *found)
{
    bool words = ask->words, vectors = ask->question || ask->second;
    fuse_params p = ask->params->fusion;

    if (!words || !vectors)
        return (fuse_params){.method = FUSE_CONVEX, .weight = {words ? 1 : 0, vectors ? 1 : 0}};
    p.zero_rank = zero_rank(ask->params, found->n_allowed);
    if (!ask->second) { /* its weight is the first model's then, and the other way round */
        p.weight[1] += p.weight[2];
        p.weight[2] = 0;
    } else if (!ask->question) {
        p.weight[2] += p.weight[1];
        p.weight[1] = 0;
    }
    return p;
}

static cairn_status fuse_all(const retrieve_ask *ask, const retrieve_lists *found, const fused_list *from,
                             fuse_hit *fused, size_t *n, cairn_error *err)
{
    const fuse_params weights = weights_of(ask, found);
    fuse_list lists[N_LISTS];

    for (size_t l = 0; l < N_LISTS; l++)
        lists[l] = (fuse_list){.items = from[l].again.items ? from[l].again.items : from[l].list->items,
                               .n = from[l].list->n,
                               .sole = from[l].again.items ? from[l].again.sole : from[l].list->sole,
                               .sole_of = N_LISTS - l}; /* of the two lists of vectors the other one */
    return fuse_lists(lists, N_LISTS, &weights, ask->k, fused, n, err);
}

/* The lists of vectors scored again by what was fused first. */
typedef struct feeding {
    feedback_from from[N_LISTS];
    feedback_list *again[N_LISTS];
    size_t list[N_LISTS], n_lists;
    const fuse_hit *first;
    size_t n_first;
} feeding;

static void feed_task(void *ctx, size_t task, size_t worker)
{
    feeding *f = ctx;

    (void)worker;
    feedback_score(&f->from[task], f->first, f->n_first, f->list[task], f->again[task]);
}

static cairn_status feed_back(const retrieve_ask *ask, const retrieve_index *index,
                              const fuse_hit *first, size_t n, fused_list *from, cairn_error *err)
{
    feeding all = {.first = first, .n_first = n};
    cairn_status st = CAIRN_OK;

    for (size_t l = 1; !st && l < N_LISTS; l++) {
        const bool second = l == 2;
        feedback_from *f = &all.from[all.n_lists];
        *f = (feedback_from){.index = index,
                             .share = ask->params->feedback,
                             .list = from[l].list,
                             .second = second,
                             .question = second ? ask->second : ask->question,
                             .dim = second ? ask->second_dim : ask->dim};
        if (!f->question || !f->list->n || !f->list->places)
            continue;
        st = feedback_prepare(f, ask->a, &from[l].again, err);
        all.list[all.n_lists] = l;
        all.again[all.n_lists++] = &from[l].again;
    }
    if (!st)
        pool_run(ask->workers, all.n_lists, feed_task, &all);
    return st;
}

static cairn_status fuse(const retrieve_ask *ask, const retrieve_index *index, const retrieve_lists *found,
                         retrieve_result *out, cairn_error *err)
{
    fused_list from[N_LISTS] = {{.list = &found->words}, {.list = &found->vectors}, {.list = &found->second}};
    bool both = ask->words && (ask->question || ask->second);
    cairn_status st = CAIRN_OK;
    fuse_hit *fused = scratch(ask->a, ask->k, sizeof *fused, &st, err);
    int64_t start = clock_mono_ns();
    size_t n = 0;

    out->hits = scratch(ask->a, ask->k, sizeof *out->hits, &st, err);
    if (!st)
        st = fuse_all(ask, found, from, fused, &n, err);
    if (!st && both && ask->params->feedback > 0 && index->vector) {
        st = feed_back(ask, index, fused, n, from, err);
        if (!st)
            st = fuse_all(ask, found, from, fused, &n, err);
    }
    for (size_t i = 0; !st && i < n; i++) {
        const fuse_hit *f = &fused[i];
        retrieve_hit *h = &out->hits[i];
        uint32_t rank[N_LISTS];
        *h = (retrieve_hit){.chunk = f->id, .fused_rank = (uint32_t)i + 1};
        for (size_t l = 0; l < N_LISTS; l++) {
            rank[l] = rank_in(&from[l], f->list_rank[l]);
            if (rank[l] && !h->doc)
                h->doc = from[l].list->docs[rank[l] - 1];
            h->sole |= rank[l] && from[l].list->sole && from[l].list->sole[rank[l] - 1];
        }
        h->lexical_rank = rank[0];
        h->vector_rank = rank[1];
        h->second_rank = rank[2];
        h->lexical_score = score_in(&from[0], rank[0]);
        h->vector_score = score_in(&from[1], rank[1]);
        h->second_score = score_in(&from[2], rank[2]);
        /* A single list shows its own scores. */
        h->score = both ? f->score : ask->words ? h->lexical_score : h->vector_score;
    }
    out->n_hits = n;
    out->fuse_ns = clock_mono_ns() - start;
    return st;
}

static void take_counts(const retrieve_lists *lists, retrieve_result *out)
{
    out->n_rows = lists->n_rows;
    out->n_allowed = lists->n_allowed;
    out->matches = lists->matches;
    out->matching_documents = lists->matching_documents;
    out->filter_ns = lists->filter_ns;
    out->n_lexical = lists->words.n;
    out->lexical_ns = lists->words.ns;
    out->n_vector = lists->vectors.n;
    out->n_second = lists->second.n;
    out->vector_ns = lists->vectors.ns + lists->second.ns;
    if (lists->side_by_side)
        out->vector_ns = lists->vectors.ns > lists->second.ns ? lists->vectors.ns : lists->second.ns;
}

cairn_status retrieve_search(const retrieve_corpus *corpus, const retrieve_query *query,
                             retrieve_mode mode, size_t k, const char *lang,
                             const retrieve_params *params, analyzer *an, pool *workers, arena *a,
                             retrieve_result *out, cairn_error *err)
{
    retrieve_params defaults;
    segments_search own;
    retrieve_index segments = segments_index(&own, corpus);
    const retrieve_index *index = corpus->index ? corpus->index : &segments;
    bool vectors = mode != RETRIEVE_LEXICAL, second;
    retrieve_ask ask = {.query = query,
                        .params = params ? params : &defaults,
                        .lang = lang,
                        .words = mode != RETRIEVE_VECTOR,
                        .dim = corpus->dim,
                        .second_dim = corpus->second_dim,
                        .readable = corpus->readable,
                        .second_readable = corpus->second_readable,
                        .documents = !query->has_words &&
                                     (query->filter.n || query->has_required || query->has_excluded),
                        .k = k,
                        .an = an,
                        .workers = workers,
                        .a = a};
    retrieve_lists lists = {0};
    int64_t start = clock_mono_ns();
    cairn_status st = CAIRN_OK;

    *out = (retrieve_result){.mode = mode};
    retrieve_params_default(&defaults);
    if (vectors && (!corpus->embed || !(corpus->n_vector || corpus->index))) {
        vectors = false;
        out->note = "searched by words alone: there are no vectors yet";
    }
    /* Without text, or with exclusions alone, there is no direction to search in. */
    vectors = vectors && query->text_len && !ask.documents;
    second = vectors && mode == RETRIEVE_HYBRID && corpus->embed_second && corpus->n_second && ask.params->fusion.weight[2] > 0;
    if (vectors)
        st = embed_question(corpus, second, &ask, out, err);
    ask.words = ask.words || !ask.question;
    if (!st)
        st = index->lists(index->ctx, &ask, &lists, err);
    take_counts(&lists, out);
    if (!st && ask.documents) {
        if (query->has_excluded)
            out->note = "no word to search for: listed are the documents without what is excluded, first indexed first";
        add_note(out, a, query->note);
        out->hits = lists.documents;
        out->n_hits = lists.n_documents;
        out->mode = RETRIEVE_LEXICAL;
    } else if (!st) {
        add_note(out, a, query->note);
        out->mode = !ask.question && !ask.second ? RETRIEVE_LEXICAL : ask.words ? RETRIEVE_HYBRID : RETRIEVE_VECTOR;
        st = fuse(&ask, index, &lists, out, err);
        if (!st && ask.words && ask.params->explain && index->explain)
            st = index->explain(index->ctx, &ask, out, err);
    }
    out->total_ns = clock_mono_ns() - start;
    return st;
}
