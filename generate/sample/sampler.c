/* sampler.c - the chain over one array of candidates, cut shorter by each step.
 *
 * The array starts as the whole vocabulary in id order. A step that cuts needs an order: `sorted`
 * says whether the candidates stand by falling logit (ties by id). Probabilities are a softmax over
 * what is left, in double precision, at the moment a step asks for them.
 *
 * Sources: repetition penalty, Keskar et al., CTRL (arXiv:1909.05858), section 4.1; typical, Meister
 * et al. (arXiv:2202.00666); top-p, Holtzman et al. (arXiv:1904.09751); min-p, Nguyen et al.
 * (arXiv:2407.01082). Where these leave a choice (ties, at least how many stay, the side on which the
 * threshold falls) it is made as in llama.cpp, so that a distribution can be compared with it. */
#include "generate/sample/sampler.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"

struct sampler {
    sampler_params p;
    sampler_step_kind steps[SAMPLER_MAX_STEPS];
    size_t n_steps;
    sampler_candidate *c; /* [cap] */
    double *work;         /* [cap] */
    size_t n, cap;
    bool sorted;
    token_id *accepted; /* every token so far, oldest first */
    size_t n_accepted, accepted_cap;
    uint64_t draws;
};

sampler_params sampler_params_default(void)
{
    return (sampler_params){.temperature = 0,
                            .top_k = 0,
                            .typical_p = 1,
                            .top_p = 1,
                            .min_p = 0,
                            .repeat_penalty = 1,
                            .repeat_last_n = 64,
                            .min_keep = 1};
}

cairn_status sampler_create_chain(sampler **out, const sampler_params *p,
                                  const sampler_step_kind *steps, size_t n_steps,
                                  cairn_error *err)
{
    sampler *s;

    *out = NULL;
    if (!n_steps || n_steps > SAMPLER_MAX_STEPS)
        return cairn_fail(err, CAIRN_EUSAGE, "a sampler chain has 1 to %d steps",
                          SAMPLER_MAX_STEPS);
    if (!(p->repeat_penalty > 0) || isinf(p->repeat_penalty) || isnan(p->temperature) ||
        isnan(p->top_p) || isnan(p->min_p) || isnan(p->typical_p) ||
        !isfinite(p->frequency_penalty) || !isfinite(p->presence_penalty))
        return cairn_fail(err, CAIRN_EUSAGE,
                          "sampling numbers must be finite and the repetition penalty above 0");
    s = calloc(1, sizeof *s);
    if (!s)
        return cairn_fail(err, CAIRN_ENOMEM, "sampler");
    s->p = *p;
    memcpy(s->steps, steps, n_steps * sizeof *steps);
    s->n_steps = n_steps;
    *out = s;
    return CAIRN_OK;
}

cairn_status sampler_create(sampler **out, const sampler_params *p, cairn_error *err)
{
    static const sampler_step_kind chain[] = {SAMPLER_PENALTIES, SAMPLER_TOP_K, SAMPLER_TYPICAL,
                                              SAMPLER_TOP_P,     SAMPLER_MIN_P, SAMPLER_TEMPERATURE};

    return sampler_create_chain(out, p, chain, sizeof chain / sizeof *chain, err);
}

void sampler_destroy(sampler *s)
{
    if (!s)
        return;
    free(s->c);
    free(s->work);
    free(s->accepted);
    free(s);
}

cairn_status sampler_accept(sampler *s, token_id id)
{
    if (s->n_accepted == s->accepted_cap) {
        size_t cap = s->accepted_cap ? s->accepted_cap * 2 : 256;
        token_id *more = checked_realloc(s->accepted, cap, sizeof *more);
        if (!more)
            return CAIRN_ENOMEM;
        s->accepted = more;
        s->accepted_cap = cap;
    }
    s->accepted[s->n_accepted++] = id;
    return CAIRN_OK;
}

void sampler_reset(sampler *s)
{
    s->n_accepted = 0;
    s->draws = 0;
}

/* ---- the candidates ---- */

static cairn_status load(sampler *s, const float *logits, size_t n_vocab)
{
    if (n_vocab > s->cap) {
        sampler_candidate *c = checked_realloc(s->c, n_vocab, sizeof *c);
        double *work;
        if (!c)
            return CAIRN_ENOMEM;
        s->c = c;
        work = checked_realloc(s->work, n_vocab, sizeof *work);
        if (!work)
            return CAIRN_ENOMEM;
        s->work = work;
        s->cap = n_vocab;
    }
    for (size_t i = 0; i < n_vocab; i++)
        s->c[i] = (sampler_candidate){.id = (token_id)i,
                                      .logit = isnan(logits[i]) ? -INFINITY : logits[i]};
    s->n = n_vocab;
    s->sorted = false;
    return CAIRN_OK;
}

static int by_logit(const void *a, const void *b)
{
    const sampler_candidate *x = a, *y = b;

    if (x->logit != y->logit)
        return x->logit < y->logit ? 1 : -1;
    return (x->id > y->id) - (x->id < y->id);
}

static void sort(sampler *s)
{
    if (!s->sorted)
        qsort(s->c, s->n, sizeof *s->c, by_logit);
    s->sorted = true;
}

static bool stands_before(const sampler_candidate *x, const sampler_candidate *y)
{
    return by_logit(x, y) < 0;
}

/* Let the candidate at `i` of a heap of n (weakest on top) sink to its place. */
static void sift_down(sampler_candidate *h, size_t n, size_t i)
{
    for (;;) {
        size_t weakest = i;
        sampler_candidate t;
        for (size_t child = 2 * i + 1; child <= 2 * i + 2 && child < n; child++)
            if (stands_before(&h[weakest], &h[child]))
                weakest = child;
        if (weakest == i)
            return;
        t = h[i];
        h[i] = h[weakest];
        h[weakest] = t;
        i = weakest;
    }
}

/* Keep the k strongest, sorted: a heap of k over the rest, O(n log k). */
static void keep_strongest(sampler *s, size_t k)
{
    if (!s->sorted && k < s->n) {
        for (size_t i = k / 2; i-- > 0;)
            sift_down(s->c, k, i);
        for (size_t i = k; i < s->n; i++) {
            if (stands_before(&s->c[i], &s->c[0])) {
                s->c[0] = s->c[i];
                sift_down(s->c, k, 0);
            }
        }
    }
    if (k < s->n)
        s->n = k;
    sort(s);
}

static float largest_logit(const sampler *s)
{
    float best = -INFINITY;

    for (size_t i = 0; i < s->n; i++)
        if (s->c[i].logit > best)
            best = s->c[i].logit;
    return best;
}

/* work[i] = softmax of candidate i over all that are left. */
static void softmax(sampler *s)
{
    double best = (double)largest_logit(s), sum = 0;

    for (size_t i = 0; i < s->n; i++) {
        s->work[i] = isinf(best) ? 1.0 : exp((double)s->c[i].logit - best);
        sum += s->work[i];
    }
    for (size_t i = 0; i < s->n; i++)
        s->work[i] /= sum;
}

/* ---- the steps ---- */

static int by_id(const void *a, const void *b)
{
    token_id x = *(const token_id *)a, y = *(const token_id *)b;

    return (x > y) - (x < y);
}

static void penalise_one(sampler *s, token_id id, size_t times)
{
    sampler_candidate *c = NULL;

    /* In id order before anything was cut or sorted: then the place is the id. */
    if (!s->sorted && (size_t)id < s->n && s->c[id].id == id) {
        c = &s->c[id];
    } else {
        for (size_t i = 0; i < s->n && !c; i++)
            if (s->c[i].id == id)
                c = &s->c[i];
    }
    if (!c || isinf(c->logit))
        return;
    if (c->logit <= 0)
        c->logit *= s->p.repeat_penalty;
    else
        c->logit /= s->p.repeat_penalty;
    c->logit -= (float)times * s->p.frequency_penalty + s->p.presence_penalty;
}

static void step_penalties(sampler *s)
{
    size_t n = s->n_accepted;
    token_id *recent;

    if (s->p.repeat_last_n >= 0 && n > (size_t)s->p.repeat_last_n)
        n = (size_t)s->p.repeat_last_n;
    if (!n || (s->p.repeat_penalty == 1 && s->p.frequency_penalty == 0 &&
               s->p.presence_penalty == 0))
        return;
    recent = checked_malloc(n, sizeof *recent);
    if (!recent)
        return;
    memcpy(recent, s->accepted + (s->n_accepted - n), n * sizeof *recent);
    qsort(recent, n, sizeof *recent, by_id);
    for (size_t i = 0, run; i < n; i += run) {
        for (run = 1; i + run < n && recent[i + run] == recent[i]; run++)
            ;
        if (recent[i] >= 0)
            penalise_one(s, recent[i], run);
    }
    free(recent);
    s->sorted = false;
}

static size_t min_keep(const sampler *s)
{
    return s->p.min_keep ? s->p.min_keep : 1;
}

static void step_top_k(sampler *s)
{
    if (s->p.top_k > 0)
        keep_strongest(s, (size_t)s->p.top_k);
}

/* The smallest set of the likeliest whose mass reaches top_p. */
static void step_top_p(sampler *s)
{
    double mass = 0;

    if (s->p.top_p >= 1)
        return;
    sort(s);
    softmax(s);
    for (size_t i = 0; i < s->n; i++) {
        mass += s->work[i];
        if (mass >= (double)s->p.top_p && i + 1 >= min_keep(s)) {
            s->n = i + 1;
            return;
        }
    }
}

/* p >= min_p * p_max, which needs no sum: logit >= largest + ln(min_p). */
static void step_min_p(sampler *s)
{
    float least;

    if (s->p.min_p <= 0 || !s->n)
        return;
    sort(s);
    least = s->c[0].logit + logf(s->p.min_p);
    for (size_t i = min_keep(s); i < s->n; i++) {
        if (s->c[i].logit < least) {
            s->n = i;
            return;
        }
    }
}

typedef struct typical {
    double distance, p;
    sampler_candidate c;
} typical;

static int by_distance(const void *a, const void *b)
{
    const typical *x = a, *y = b;

    if (x->distance != y->distance)
        return x->distance < y->distance ? -1 : 1;
    return by_logit(&x->c, &y->c);
}

/* Those whose surprise is nearest to the entropy, until their mass exceeds typical_p. */
static void step_typical(sampler *s)
{
    double entropy = 0, mass = 0;
    typical *t;
    size_t kept;

    if (s->p.typical_p >= 1)
        return;
    t = checked_malloc(s->n, sizeof *t);
    if (!t)
        return;
    softmax(s);
    for (size_t i = 0; i < s->n; i++)
        if (s->work[i] > 0)
            entropy -= s->work[i] * log(s->work[i]);
    for (size_t i = 0; i < s->n; i++) {
        double surprise = s->work[i] > 0 ? -log(s->work[i]) : INFINITY;
        t[i] = (typical){fabs(surprise - entropy), s->work[i], s->c[i]};
    }
    qsort(t, s->n, sizeof *t, by_distance);
    kept = s->n;
    for (size_t i = 0; i < s->n; i++) {
        mass += t[i].p;
        if (mass > (double)s->p.typical_p && i + 1 >= min_keep(s)) {
            kept = i + 1;
            break;
        }
    }
    for (size_t i = 0; i < kept; i++)
        s->c[i] = t[i].c;
    s->n = kept;
    s->sorted = false;
    free(t);
}

static void step_temperature(sampler *s)
{
    if (s->p.temperature <= 0) {
        keep_strongest(s, 1);
        return;
    }
    for (size_t i = 0; i < s->n; i++)
        s->c[i].logit /= s->p.temperature;
}

static void run_chain(sampler *s)
{
    for (size_t i = 0; i < s->n_steps; i++) {
        switch (s->steps[i]) {
        case SAMPLER_PENALTIES:
            step_penalties(s);
            break;
        case SAMPLER_TOP_K:
            step_top_k(s);
            break;
        case SAMPLER_TYPICAL:
            step_typical(s);
            break;
        case SAMPLER_TOP_P:
            step_top_p(s);
            break;
        case SAMPLER_MIN_P:
            step_min_p(s);
            break;
        case SAMPLER_TEMPERATURE:
            step_temperature(s);
            break;
        }
    }
}

/* ---- the choice ---- */

/* SplitMix64 of (seed, number of the draw): no state but a counter. */
static double next_uniform(sampler *s)
{
    uint64_t z = s->p.seed + ++s->draws * 0x9e3779b97f4a7c15u;

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    z ^= z >> 31;
    return (double)(z >> 11) * 0x1p-53;
}

/* Penalties alone, then the largest: what temperature 0 means whatever else is set. */
static token_id pick_greedy(sampler *s)
{
    const sampler_candidate *best = NULL;

    step_penalties(s);
    for (size_t i = 0; i < s->n; i++)
        if (!isinf(s->c[i].logit) || s->c[i].logit > 0)
            if (!best || stands_before(&s->c[i], best))
                best = &s->c[i];
    return best ? best->id : TOKEN_NONE;
}

token_id sampler_pick(sampler *s, const float *logits, size_t n_vocab)
{
    const sampler_candidate *c;
    size_t n;
    double u, mass = 0;

    if (s->p.temperature <= 0) {
        if (load(s, logits, n_vocab))
            return TOKEN_NONE;
        return pick_greedy(s);
    }
    if (sampler_distribution(s, logits, n_vocab, &c, &n, NULL) || !n || isinf(c[0].logit))
        return TOKEN_NONE;
    u = next_uniform(s);
    for (size_t i = 0; i < n; i++) {
        mass += s->work[i];
        if (u < mass)
            return c[i].id;
    }
    return c[n - 1].id;
}

cairn_status sampler_distribution(sampler *s, const float *logits, size_t n_vocab,
                                  const sampler_candidate **out, size_t *n, cairn_error *err)
{
    *out = NULL;
    *n = 0;
    if (!n_vocab || load(s, logits, n_vocab))
        return cairn_fail(err, n_vocab ? CAIRN_ENOMEM : CAIRN_EUSAGE, "sampling over %zu logits",
                          n_vocab);
    run_chain(s);
    sort(s);
    softmax(s);
    for (size_t i = 0; i < s->n; i++)
        s->c[i].p = (float)s->work[i];
    *out = s->c;
    *n = s->n;
    return CAIRN_OK;
}
