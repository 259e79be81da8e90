/* sampler.c - the chain of steps from logits to a token.
 *
 *   penalties    for a token seen `c` > 0 times among the recent ones: its logit is divided by
 *                repeat_penalty if positive, else multiplied (Keskar et al., arXiv:1909.05858,
 *                section 4.1, with the sign handled), then lowered by c * frequency + presence
 *   top-k        the k largest logits (Fan et al., arXiv:1805.04833)
 *   typical      the smallest set of mass > p whose surprise is nearest to the entropy (Meister et
 *                al., arXiv:2202.00666)
 *   top-p        the smallest set of largest ones with mass >= p (Holtzman et al., arXiv:1904.09751)
 *   min-p        those with p >= min_p * the largest p (Nguyen et al., arXiv:2407.01082)
 *   temperature  logits divided by it; 0 leaves the largest alone
 *   bias         added to the logits of given tokens
 *   DRY          dry.h
 *   mirostat     those with a surprise (-log2 p) up to mu, at least one; after the draw mu moves by
 *                eta * (tau - surprise of the token, among those kept); mu begins at 2 tau (Basu et
 *                al., arXiv:2007.14966, version 2)
 *
 * The definitions of the edges (>= or >, when a set counts as full) are llama.cpp's, and the test
 * holds the outcome against it.
 *
 * Nothing sorts a whole vocabulary: what a cut keeps is taken off a heap, largest first, so a step
 * costs O(n + kept log n). Probabilities are doubles; ties go to the lower id everywhere. */
#include "generate/sample/sampler.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "generate/sample/dry.h"

struct sampler {
    sampler_params params;
    sampler_step_kind steps[SAMPLER_MAX_STEPS];
    size_t n_steps;

    token_id *window; /* ring of the last repeat_last_n accepted tokens; NULL when all count */
    size_t n_window, next;
    uint32_t *counts; /* [n_counts] by id: how often among the recent ones */
    size_t n_counts;
    uint64_t drawn; /* random numbers used so far */

    const uint8_t *allowed; /* borrowed; NULL: all */
    sampler_bias *bias;
    double mu;          /* of mirostat */
    token_list history; /* accepted tokens, for DRY */
    size_t *dry_scratch;
    dry_repeat *repeats;
    size_t dry_cap;

    sampler_candidate *c; /* [cap], the first n are alive */
    size_t n, cap;
    bool sorted;    /* by falling logit, ties by id */
};

sampler_params sampler_params_default(void)
{
    return (sampler_params){ .top_k = 0,
                             .typical_p = 1,
                             .top_p = 1,
                             .repeat_penalty = 1,
                             .repeat_last_n = 64,
                             .min_keep = 1,
                             .dry_base = 1.75f,
                             .dry_allowed_length = 2,
                             .dry_last_n = -1,
                             .mirostat_tau = 5,
                             .mirostat_eta = 0.1f };
}

static bool is_sane(const sampler_params *p)
{
    return isfinite(p->temperature) && isfinite(p->top_p) && isfinite(p->min_p) &&
           isfinite(p->typical_p) && isfinite(p->frequency_penalty) &&
           isfinite(p->presence_penalty) && isfinite(p->repeat_penalty) && p->repeat_penalty > 0 &&
           p->repeat_last_n <= 1 << 24 && isfinite(p->dry_multiplier) && isfinite(p->dry_base) &&
           (p->dry_multiplier == 0 || (p->dry_multiplier > 0 && p->dry_base >= 1 &&
                                       p->dry_allowed_length >= 1)) &&
           isfinite(p->mirostat_tau) && isfinite(p->mirostat_eta) &&
           (!p->mirostat || (p->mirostat_tau > 0 && p->mirostat_eta > 0));
}

static bool sane_bias(const sampler_params *p)
{
    for (size_t i = 0; i < p->n_bias; i++)
        if (p->bias[i].id < 0 || isnan(p->bias[i].bias) || p->bias[i].bias == INFINITY)
            return false;
    return true;
}

static bool sane_steps(const sampler_step_kind *steps, size_t n)
{
    for (size_t i = 0; i + 1 < n; i++)
        if (steps[i] == SAMPLER_MIROSTAT)
            return false;
    return n >= 1 && n <= SAMPLER_MAX_STEPS;
}

cairn_status sampler_create_chain(sampler **out, const sampler_params *p,
                                  const sampler_step_kind *steps, size_t n_steps, cairn_error *err)
{
    *out = NULL;
    if (!sane_steps(steps, n_steps) || !is_sane(p) || !sane_bias(p))
        return cairn_fail(err, CAIRN_EUSAGE, "sampling settings make no sense: every number must be "
                          "finite, the repetition penalty above 0, DRY's multiplier 0 or more, its "
                          "base and allowed length 1 or more, mirostat's numbers above 0");
    sampler *s = calloc(1, sizeof *s);
    if (!s)
        return cairn_fail(err, CAIRN_ENOMEM, "sampler");
    s->params = *p;
    if (s->params.min_keep == 0)
        s->params.min_keep = 1;
    memcpy(s->steps, steps, n_steps * sizeof *steps);
    s->n_steps = n_steps;
    s->mu = 2.0 * (double)p->mirostat_tau;
    if (p->repeat_last_n > 0)
        s->window = checked_malloc((size_t)p->repeat_last_n, sizeof *s->window);
    s->bias = checked_malloc(p->n_bias, sizeof *s->bias);
    if ((p->repeat_last_n > 0 && !s->window) || !s->bias) {
        sampler_destroy(s);
        return cairn_fail(err, CAIRN_ENOMEM, "sampler");
    }
    if (p->n_bias)
        memcpy(s->bias, p->bias, p->n_bias * sizeof *s->bias);
    *out = s;
    return CAIRN_OK;
}

cairn_status sampler_create(sampler **out, const sampler_params *p, cairn_error *err)
{
    static const sampler_step_kind usual[] = {
        SAMPLER_BIAS,    SAMPLER_PENALTIES, SAMPLER_DRY,   SAMPLER_TOP_K,
        SAMPLER_TYPICAL, SAMPLER_TOP_P,     SAMPLER_MIN_P, SAMPLER_TEMPERATURE };
    /* The last one only with temperature. */
    static const sampler_step_kind short_one[] = { SAMPLER_BIAS, SAMPLER_PENALTIES, SAMPLER_DRY,
                                                   SAMPLER_TEMPERATURE, SAMPLER_MIROSTAT };
    if (p->temperature <= 0 || p->mirostat)
        return sampler_create_chain(out, p, short_one, p->temperature <= 0 ? 4 : 5, err);
    return sampler_create_chain(out, p, usual, sizeof usual / sizeof *usual, err);
}

void sampler_set_mask(sampler *s, const uint8_t *allowed)
{
    s->allowed = allowed;
}

void sampler_destroy(sampler *s)
{
    if (!s)
        return;
    free(s->window);
    free(s->bias);
    token_list_clear(&s->history);
    free(s->dry_scratch);
    free(s->repeats);
    free(s->counts);
    free(s->c);
    free(s);
}

void sampler_reset(sampler *s)
{
    s->n_window = s->next = 0;
    s->drawn = 0;
    s->mu = 2.0 * (double)s->params.mirostat_tau;
    s->history.n = 0;
    if (s->counts)
        memset(s->counts, 0, s->n_counts * sizeof *s->counts);
}

cairn_status sampler_accept(sampler *s, token_id id)
{
    if (id < 0)
        return CAIRN_EUSAGE;
    if (s->params.dry_multiplier > 0 && token_list_push(&s->history, id))
        return CAIRN_ENOMEM;
    if (s->params.repeat_last_n == 0)
        return CAIRN_OK;
    if ((size_t)id >= s->n_counts) {
        size_t n = (size_t)id + 1 + (size_t)id / 2;
        uint32_t *counts = checked_realloc(s->counts, n, sizeof *counts);
        if (!counts)
            return CAIRN_ENOMEM;
        memset(counts + s->n_counts, 0, (n - s->n_counts) * sizeof *counts);
        s->counts = counts;
        s->n_counts = n;
    }
    if (s->window) {
        size_t cap = (size_t)s->params.repeat_last_n;
        if (s->n_window == cap)
            s->counts[s->window[s->next]]--;
        else
            s->n_window++;
        s->window[s->next] = id;
        s->next = (s->next + 1) % cap;
    }
    s->counts[id]++;
    return CAIRN_OK;
}

static bool ahead(const sampler_candidate *a, const sampler_candidate *b)
{
    return a->logit != b->logit ? a->logit > b->logit : a->id < b->id;
}

static int by_logit(const void *a, const void *b)
{
    return ahead(a, b) ? -1 : ahead(b, a);
}

/* Heap with the foremost candidate in front of v[0, n). */
static void sift(sampler_candidate *v, size_t n, size_t i)
{
    sampler_candidate x = v[i];
    for (;;) {
        size_t child = 2 * i + 1;
        if (child >= n)
            break;
        if (child + 1 < n && ahead(&v[child + 1], &v[child]))
            child++;
        if (!ahead(&v[child], &x))
            break;
        v[i] = v[child];
        i = child;
    }
    v[i] = x;
}

static void heapify(sampler_candidate *v, size_t n)
{
    for (size_t i = n / 2; i-- > 0;)
        sift(v, n, i);
}

static void sort(sampler *s)
{
    if (!s->sorted)
        qsort(s->c, s->n, sizeof *s->c, by_logit);
    s->sorted = true;
}

static void apply_penalties(sampler *s)
{
    const sampler_params *p = &s->params;
    if (p->repeat_penalty == 1 && p->frequency_penalty == 0 && p->presence_penalty == 0)
        return;
    for (size_t i = 0; i < s->n; i++) {
        sampler_candidate *c = &s->c[i];
        if ((size_t)c->id >= s->n_counts || !s->counts[c->id])
            continue;
        c->logit = c->logit <= 0 ? c->logit * p->repeat_penalty : c->logit / p->repeat_penalty;
        c->logit -= (float)s->counts[c->id] * p->frequency_penalty + p->presence_penalty;
    }
    s->sorted = false;
}

static void apply_bias(sampler *s)
{
    /* Candidates stand at their ids as long as no step has moved them. */
    for (size_t b = 0; b < s->params.n_bias; b++) {
        size_t id = (size_t)s->bias[b].id;
        if (id < s->n && s->c[id].id == s->bias[b].id) {
            s->c[id].logit += s->bias[b].bias;
            continue;
        }
        for (size_t i = 0; i < s->n; i++)
            if (s->c[i].id == s->bias[b].id)
                s->c[i].logit += s->bias[b].bias;
    }
    if (s->params.n_bias)
        s->sorted = false;
}

static bool is_breaker(const void *ctx, token_id id)
{
    const sampler_params *p = ctx;
    return (size_t)id < p->n_dry_breakers && p->dry_breakers[id >> 3] >> (id & 7) & 1;
}

static int find_repeat(const void *id, const void *repeat)
{
    token_id a = *(const token_id *)id, b = ((const dry_repeat *)repeat)->id;
    return (a > b) - (a < b);
}

static bool apply_dry(sampler *s)
{
    const sampler_params *p = &s->params;
    size_t n = s->history.n, found;
    if (p->dry_multiplier <= 0 || !p->dry_last_n || !n)
        return true;
    if (p->dry_last_n > 0 && n > (size_t)p->dry_last_n)
        n = (size_t)p->dry_last_n;
    if (n > s->dry_cap) {
        size_t cap = 2 * n + 64;
        size_t *scratch = checked_realloc(s->dry_scratch, cap, sizeof *scratch);
        dry_repeat *repeats = checked_realloc(s->repeats, cap, sizeof *repeats);
        s->dry_scratch = scratch ? scratch : s->dry_scratch;
        s->repeats = repeats ? repeats : s->repeats;
        if (!scratch || !repeats)
            return false;
        s->dry_cap = cap;
    }
    found = dry_repeats(s->history.ids + s->history.n - n, n, (size_t)p->dry_allowed_length,
                        is_breaker, p, s->dry_scratch, s->repeats);
    for (size_t i = 0; found && i < s->n; i++) {
        const dry_repeat *r =
            bsearch(&s->c[i].id, s->repeats, found, sizeof *s->repeats, find_repeat);
        double over = r ? (double)(r->length - (size_t)p->dry_allowed_length) : 0;
        double penalty = r ? p->dry_multiplier * pow(p->dry_base, over) : 0;
        if (r)
            s->c[i].logit -= penalty < FLT_MAX ? (float)penalty : FLT_MAX;
    }
    if (found)
        s->sorted = false;
    return true;
}

/* Behind the others in the heap of the k best so far: the worst of them is in front. */
static void sift_worst(sampler_candidate *v, size_t n, size_t i)
{
    sampler_candidate x = v[i];
    for (;;) {
        size_t child = 2 * i + 1;
        if (child >= n)
            break;
        if (child + 1 < n && ahead(&v[child], &v[child + 1]))
            child++;
        if (!ahead(&x, &v[child]))
            break;
        v[i] = v[child];
        i = child;
    }
    v[i] = x;
}

static void cut_top_k(sampler *s)
{
    if (s->params.top_k <= 0)
        return;
    size_t k = (size_t)s->params.top_k;
    if (k < s->n && !s->sorted) {
        for (size_t i = k / 2; i-- > 0;)
            sift_worst(s->c, k, i);
        for (size_t i = k; i < s->n; i++)
            if (ahead(&s->c[i], &s->c[0])) {
                s->c[0] = s->c[i];
                sift_worst(s->c, k, 0);
            }
    }
    if (k < s->n)
        s->n = k;
    sort(s);
}

static float largest_logit(const sampler *s)
{
    if (s->sorted)
        return s->c[0].logit;
    float max = s->c[0].logit;
    for (size_t i = 1; i < s->n; i++)
        max = s->c[i].logit > max ? s->c[i].logit : max;
    return max;
}

/* Fill p of every candidate that is alive. */
static void softmax(sampler *s)
{
    double max = largest_logit(s), sum = 0;
    for (size_t i = 0; i < s->n; i++)
        sum += exp(s->c[i].logit - max);
    for (size_t i = 0; i < s->n; i++)
        s->c[i].p = (float)(exp(s->c[i].logit - max) / sum);
}

static void cut_top_p(sampler *s)
{
    const double p = s->params.top_p;
    double mass = 0;
    size_t kept = 0;
    if (p >= 1)
        return;
    softmax(s);
    if (s->sorted) {
        while (kept < s->n && (kept < s->params.min_keep || mass < p))
            mass += s->c[kept++].p;
        s->n = kept;
        return;
    }
    /* Take the largest off the heap until the mass is there; they gather at the array's end. */
    size_t n = s->n;
    heapify(s->c, n);
    while (kept < s->n && (kept < s->params.min_keep || mass < p)) {
        sampler_candidate top = s->c[0];
        s->c[0] = s->c[--n];
        s->c[n] = top;
        sift(s->c, n, 0);
        mass += top.p;
        kept++;
    }
    /* c[n, s->n) holds the kept ones, the last of them first. */
    memmove(s->c, s->c + s->n - kept, kept * sizeof *s->c);
    for (size_t a = 0, b = kept; a + 1 < b; a++, b--) {
        sampler_candidate c = s->c[a];
        s->c[a] = s->c[b - 1];
        s->c[b - 1] = c;
    }
    s->n = kept;
    s->sorted = true;
}

static void cut_min_p(sampler *s)
{
    if (s->params.min_p <= 0)
        return;
    float least = largest_logit(s) + logf(s->params.min_p);
    size_t kept = 0;
    for (size_t i = 0; i < s->n; i++)
        kept += s->c[i].logit >= least;
    if (kept >= s->params.min_keep) {
        kept = 0;
        for (size_t i = 0; i < s->n; i++)
            if (s->c[i].logit >= least)
                s->c[kept++] = s->c[i];
        s->n = kept;
        return;
    }
    sort(s);
    if (s->n > s->params.min_keep)
        s->n = s->params.min_keep;
}

typedef struct odd {
    double distance; /* of a candidate's surprise from the entropy */
    sampler_candidate c;
} odd;

static int by_distance(const void *a, const void *b)
{
    const odd *x = a, *y = b;
    if (x->distance != y->distance)
        return x->distance < y->distance ? -1 : 1;
    return x->c.id < y->c.id ? -1 : x->c.id > y->c.id;
}

static bool cut_typical(sampler *s)
{
    double entropy = 0, mass = 0;
    size_t kept = 0;
    if (s->params.typical_p >= 1)
        return true;
    odd *v = checked_malloc(s->n, sizeof *v);
    if (!v)
        return false;
    softmax(s);
    for (size_t i = 0; i < s->n; i++)
        if (s->c[i].p > 0)
            entropy -= s->c[i].p * log(s->c[i].p);
    for (size_t i = 0; i < s->n; i++)
        v[i] = (odd){ s->c[i].p > 0 ? fabs(-log(s->c[i].p) - entropy) : HUGE_VAL, s->c[i] };
    qsort(v, s->n, sizeof *v, by_distance);
    while (kept < s->n && (kept < s->params.min_keep || mass <= s->params.typical_p))
        mass += v[kept++].c.p;
    for (size_t i = 0; i < kept; i++)
        s->c[i] = v[i].c;
    s->n = kept;
    s->sorted = false;
    free(v);
    return true;
}

static void apply_temperature(sampler *s)
{
    float t = s->params.temperature;
    if (t > 0) {
        for (size_t i = 0; i < s->n; i++)
            s->c[i].logit /= t;
        return;
    }
    size_t best = 0;
    for (size_t i = 1; i < s->n; i++)
        if (ahead(&s->c[i], &s->c[best]))
            best = i;
    s->c[0] = s->c[best];
    s->n = 1;
    s->sorted = true;
}

static void cut_mirostat(sampler *s)
{
    size_t kept = 1;
    sort(s);
    softmax(s);
    while (kept < s->n && -log2((double)s->c[kept].p) <= s->mu)
        kept++;
    s->n = kept;
}

/* `id` was drawn from what mirostat kept, with their probabilities. */
static void learn_surprise(sampler *s, token_id id)
{
    for (size_t i = 0; i < s->n; i++)
        if (s->c[i].id == id)
            s->mu -= (double)s->params.mirostat_eta *
                     (-log2((double)s->c[i].p) - (double)s->params.mirostat_tau);
}

/* Run the chain. CAIRN_EINPUT: no logit is above minus infinity. */
static cairn_status run_chain(sampler *s, const float *logits, size_t n_vocab)
{
    bool any = false;
    if (n_vocab == 0 || n_vocab > INT32_MAX)
        return CAIRN_EUSAGE;
    if (s->cap < n_vocab) {
        sampler_candidate *c = checked_realloc(s->c, n_vocab, sizeof *c);
        if (!c)
            return CAIRN_ENOMEM;
        s->c = c;
        s->cap = n_vocab;
    }
    for (size_t i = 0; i < n_vocab; i++) {
        float l = logits[i];
        if (!(l >= -FLT_MAX)) /* also NaN */
            l = -INFINITY;
        else if (l > FLT_MAX)
            l = FLT_MAX;
        if (s->allowed && !(s->allowed[i >> 3] >> (i & 7) & 1))
            l = -INFINITY;
        any = any || l > -INFINITY;
        s->c[i] = (sampler_candidate){ (token_id)i, l, 0 };
    }
    if (!any)
        return CAIRN_EINPUT;
    s->n = n_vocab;
    s->sorted = false;
    for (size_t i = 0; i < s->n_steps; i++)
        switch (s->steps[i]) {
        case SAMPLER_PENALTIES:
            apply_penalties(s);
            break;
        case SAMPLER_TOP_K:
            cut_top_k(s);
            break;
        case SAMPLER_TYPICAL:
            if (!cut_typical(s))
                return CAIRN_ENOMEM;
            break;
        case SAMPLER_TOP_P:
            cut_top_p(s);
            break;
        case SAMPLER_MIN_P:
            cut_min_p(s);
            break;
        case SAMPLER_TEMPERATURE:
            apply_temperature(s);
            break;
        case SAMPLER_BIAS:
            apply_bias(s);
            break;
        case SAMPLER_DRY:
            if (!apply_dry(s))
                return CAIRN_ENOMEM;
            break;
        case SAMPLER_MIROSTAT:
            cut_mirostat(s);
            break;
        }
    if (largest_logit(s) == -INFINITY) /* everything was banned */
        return CAIRN_EINPUT;
    softmax(s);
    return CAIRN_OK;
}

/* The i-th number in [0, 1) of the stream `seed`: SplitMix64 of the counter (Steele, Lea and Flood,
 * OOPSLA 2014), 53 bits. */
static double random_number(uint64_t seed, uint64_t i)
{
    uint64_t z = seed * UINT64_C(0xD1342543DE82EF95) + (i + 1) * UINT64_C(0x9E3779B97F4A7C15);
    z = (z ^ z >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ z >> 27) * UINT64_C(0x94D049BB133111EB);
    z ^= z >> 31;
    return (double)(z >> 11) * 0x1p-53;
}

/* A random candidate by its probability. */
static token_id draw(sampler *s)
{
    double total = 0, at = 0;
    for (size_t i = 0; i < s->n; i++)
        total += s->c[i].p;
    double u = random_number(s->params.seed, s->drawn++) * total;
    token_id last = TOKEN_NONE;
    for (size_t i = 0; i < s->n; i++) {
        if (s->c[i].p <= 0)
            continue;
        at += s->c[i].p;
        last = s->c[i].id;
        if (u < at)
            break;
    }
    return last;
}

bool sampler_is_greedy(const sampler *s)
{
    return s->params.temperature <= 0 && s->steps[s->n_steps - 1] == SAMPLER_TEMPERATURE;
}

/* Nothing but the largest logit counts: the chain needs no candidates. */
static bool is_plain_greedy(const sampler *s)
{
    const sampler_params *p = &s->params;
    return sampler_is_greedy(s) && s->n_steps == 4 && s->steps[0] == SAMPLER_BIAS &&
           s->steps[1] == SAMPLER_PENALTIES && s->steps[2] == SAMPLER_DRY && !p->n_bias &&
           p->repeat_penalty == 1 && p->frequency_penalty == 0 && p->presence_penalty == 0 &&
           p->dry_multiplier <= 0;
}

/* The larger of logits[i] and *best, as run_chain reads logits; ties keep the earlier one. */
static void take_larger(const float *logits, size_t i, float *best, token_id *id)
{
    float l = logits[i] > FLT_MAX ? FLT_MAX : logits[i];
    if (l > *best && l >= -FLT_MAX) { /* false for NaN */
        *best = l;
        *id = (token_id)i;
    }
}

static token_id largest(const sampler *s, const float *logits, size_t n)
{
    float best = -INFINITY;
    token_id id = TOKEN_NONE;
    if (!s->allowed) {
        for (size_t i = 0; i < n; i++)
            take_larger(logits, i, &best, &id);
        return id;
    }
    for (size_t i = 0; i < n; i += 8)
        for (unsigned bits = s->allowed[i >> 3], at = 0; bits; bits >>= 1, at++)
            if (bits & 1 && i + at < n)
                take_larger(logits, i + at, &best, &id);
    return id;
}

token_id sampler_pick(sampler *s, const float *logits, size_t n_vocab)
{
    token_id id;
    if (n_vocab && n_vocab <= INT32_MAX && is_plain_greedy(s))
        return largest(s, logits, n_vocab);
    if (run_chain(s, logits, n_vocab))
        return TOKEN_NONE;
    id = s->n == 1 ? s->c[0].id : draw(s);
    if (s->steps[s->n_steps - 1] == SAMPLER_MIROSTAT)
        learn_surprise(s, id);
    return id;
}

double sampler_logprob(const float *logits, size_t n_vocab, token_id id, size_t n_top,
                       token_id *top, double *top_logprob)
{
    double max = -INFINITY, sum = 0;
    size_t have = 0;
    for (size_t i = 0; i < n_vocab; i++)
        max = logits[i] > max ? logits[i] : max; /* false for NaN */
    for (size_t i = 0; i < n_vocab; i++)
        sum += logits[i] > -INFINITY ? exp(logits[i] - max) : 0;
    double base = max + log(sum);
    /* Insertion into the few best: most tokens fail the first comparison. */
    for (size_t i = 0; n_top && i < n_vocab; i++) {
        double l = logits[i] > -INFINITY ? logits[i] - base : -INFINITY;
        size_t at;
        if (have == n_top && !(l > top_logprob[have - 1]))
            continue;
        for (at = have < n_top ? have++ : have - 1; at && l > top_logprob[at - 1]; at--) {
            top[at] = top[at - 1];
            top_logprob[at] = top_logprob[at - 1];
        }
        top[at] = (token_id)i;
        top_logprob[at] = l;
    }
    return id >= 0 && (size_t)id < n_vocab && logits[id] > -INFINITY ? logits[id] - base : -INFINITY;
}

cairn_status sampler_distribution(sampler *s, const float *logits, size_t n_vocab,
                                  const sampler_candidate **out, size_t *n, cairn_error *err)
{
    cairn_status st = run_chain(s, logits, n_vocab);
    if (st)
        return cairn_fail(err, st, "sampling from %zu logits: %s", n_vocab,
                          st == CAIRN_EINPUT ? "none is a number above minus infinity"
                                             : cairn_status_name(st));
    sort(s);
    *out = s->c;
    *n = s->n;
    return CAIRN_OK;
}
