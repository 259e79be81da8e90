/* batcher.c - see batcher.h.
 *
 * Reading order: batcher_submit puts a job into the queue; the thread (run) admits jobs, and step is
 * one pass: plan_pass says who takes part with how many tokens, decoder_eval_many runs it, and
 * after_pass hands the logits on. finish_job ends a job whichever way.
 *
 * Locks: `lock` guards the queue, the list of active jobs and the numbers. The decoder, the
 * sequences, the tree and the inside of active jobs belong to the thread alone. No callback is
 * called under the lock. */
#include "generate/decode/batcher.h"

#include <pthread.h>
#include <string.h>

#include "base/arena.h"
#include "base/checked.h"
#include "base/clock.h"
#include "generate/decode/answer.h"
#include "generate/decode/generator.h"
#include "generate/decode/kv_cache.h"
#include "generate/decode/prefix_tree.h"

#define TOKENS_LEAST 512 /* of the context of a request, where memory is bounded */
#define DRAFT_TOKENS 16 /* of a pass, over all who answer: two tiles of the kernels */
#define MANY_READERS 4 /* requests whose prompts are still to be read */

typedef struct job {
    batch_ticket ticket;
    int priority;
    int64_t deadline_ns;
    batch_done *on_done;
    void *done_ctx;
    atomic_bool cancel;
    arena memory; /* what the params point at, and the prompt */
    token_id *prompt;
    size_t n_prompt;
    size_t need; /* tokens it may hold at most, in whole pages */
    answer a;
    generate_result result;
    /* While active: */
    decoder_sequence *s; /* NULL until the first pass it takes part in */
    size_t n_pass;       /* tokens in the running pass */
    cairn_status broken; /* why it could not begin */
} job;

struct batcher {
    generator *g;
    decoder *d;
    pool *pool;
    size_t n_ctx, n_kv, max_active, max_queued, n_prompt;
    uint8_t *breakers; /* DRY's usual ones */
    float *logits;     /* [max_rows][n_vocab] */
    decoder_item *items;
    prefix_tree *tree; /* NULL on a device */
    bool unsaved;      /* it may have what belongs on disk */

    pthread_mutex_t lock;
    pthread_cond_t wake;
    pthread_t thread;
    bool started;
    atomic_bool stop;
    job **queue, **active;
    size_t n_queue, n_active;
    size_t promised; /* sum of the active jobs' needs */
    batch_ticket last_ticket;
    batcher_stats stats;
};

static size_t whole_pages(size_t tokens)
{
    return (tokens + KV_PAGE - 1) / KV_PAGE * KV_PAGE;
}

/* ---- jobs ---- */

static void free_job(batcher *b, job *j)
{
    if (!j)
        return;
    decoder_sequence_destroy(b->d, j->s);
    generate_result_clear(&j->result);
    arena_clear(&j->memory);
    free(j);
}

/* Copies of everything that the params point at. */
static bool copy_params(batcher *b, job *j, const generate_params *p, generate_params *out,
                        sampler_params *sampling)
{
    char **stops = arena_calloc(&j->memory, p->n_stop + 1, sizeof *stops);
    sampler_bias *bias;

    *out = *p;
    *sampling = p->sampling ? *p->sampling : sampler_params_default();
    bias = arena_calloc(&j->memory, sampling->n_bias + 1, sizeof *bias);
    if (!stops || !bias)
        return false;
    for (size_t i = 0; i < p->n_stop; i++)
        if (!(stops[i] = arena_strdup(&j->memory, p->stop[i])))
            return false;
    if (sampling->n_bias)
        memcpy(bias, sampling->bias, sampling->n_bias * sizeof *bias);
    out->stop = (const char *const *)stops;
    out->sampling = sampling;
    sampling->bias = bias;
    if (sampling->dry_multiplier > 0) {
        if (sampling->dry_breakers) {
            uint8_t *own = arena_calloc(&j->memory, sampling->n_dry_breakers / 8 + 1, 1);
            if (!own)
                return false;
            memcpy(own, sampling->dry_breakers, (sampling->n_dry_breakers + 7) / 8);
            sampling->dry_breakers = own;
        } else {
            sampling->dry_breakers = b->breakers;
            sampling->n_dry_breakers = b->g->n_pick;
        }
    }
    return true;
}

/* Tokens that a request may hold at most, in whole pages. */
static size_t need_of(const batcher *b, size_t n_prompt, size_t max_tokens)
{
    bool bounded = max_tokens && n_prompt < b->n_ctx && max_tokens < b->n_ctx - n_prompt;

    return whole_pages(bounded ? n_prompt + max_tokens : b->n_ctx);
}

size_t batcher_request_bytes(const batcher *b, size_t n_prompt, size_t max_tokens)
{
    return need_of(b, n_prompt, max_tokens) * decoder_token_bytes(b->g->dec);
}

static cairn_status make_job(batcher *b, const batch_request *r, job **out, cairn_error *err)
{
    job *j = calloc(1, sizeof *j);
    sampler_params *sampling;
    generate_params p;
    cairn_status st;

    *out = NULL;
    if (!j)
        return cairn_fail(err, CAIRN_ENOMEM, "request");
    arena_init(&j->memory, (size_t)64 << 20);
    j->priority = r->priority;
    j->deadline_ns = r->deadline_ns;
    j->on_done = r->on_done;
    j->done_ctx = r->done_ctx;
    j->n_prompt = r->n_prompt;
    j->prompt = arena_calloc(&j->memory, r->n_prompt, sizeof *j->prompt);
    sampling = arena_calloc(&j->memory, 1, sizeof *sampling);
    if (!j->prompt || !sampling || !copy_params(b, j, &r->params, &p, sampling)) {
        free_job(b, j);
        return cairn_fail(err, CAIRN_ENOMEM, "request");
    }
    memcpy(j->prompt, r->prompt, r->n_prompt * sizeof *j->prompt);
    j->need = need_of(b, r->n_prompt, p.max_tokens);
    st = answer_begin(&j->a, b->g, &p, j->prompt, j->n_prompt, &j->cancel, &j->result, err);
    if (st) {
        answer_end(&j->a, st, NULL);
        free_job(b, j);
        return st;
    }
    j->result.prompt_tokens = j->n_prompt;
    *out = j;
    return CAIRN_OK;
}

/* It is in no list any more. */
static void finish_job(batcher *b, job *j, cairn_status st, cairn_error *err)
{
    st = answer_end(&j->a, st, err);
    pthread_mutex_lock(&b->lock);
    if (st)
        b->stats.failed++;
    else if (j->result.finish == GENERATE_CANCELLED)
        b->stats.cancelled++;
    else
        b->stats.finished++;
    b->stats.prompt_tokens += j->n_prompt;
    b->stats.cached_tokens += j->result.cached_tokens;
    b->stats.made_tokens += j->result.tokens.n;
    pthread_mutex_unlock(&b->lock);
    j->on_done(j->done_ctx, st, err, &j->result);
    free_job(b, j);
}

static bool given_up(const batcher *b, const job *j, int64_t now)
{
    return b->stop || atomic_load_explicit(&j->cancel, memory_order_relaxed) ||
           (j->deadline_ns && now >= j->deadline_ns);
}

/* ---- what prompts begin with ---- */

static size_t past_of(const job *j)
{
    return j->s ? decoder_sequence_past(j->s) : 0;
}

static bool reading(const job *j)
{
    return past_of(j) < j->n_prompt;
}

/* Others may begin with what j has read of its prompt. */
static void share_prompt(batcher *b, const job *j)
{
    if (b->tree && j->s)
        prefix_tree_put(b->tree, j->s, j->prompt, past_of(j));
}

/* And with the answer behind it, when j is done. */
static void share_all(batcher *b, const job *j)
{
    size_t past = past_of(j);
    token_id *ids;

    if (!b->tree || past <= j->n_prompt || past - j->n_prompt > j->result.tokens.n ||
        !(ids = checked_malloc(past, sizeof *ids)))
        return;
    memcpy(ids, j->prompt, j->n_prompt * sizeof *ids);
    memcpy(ids + j->n_prompt, j->result.tokens.ids, (past - j->n_prompt) * sizeof *ids);
    prefix_tree_put(b->tree, j->s, ids, past);
    free(ids);
}

/* A sequence for the job that begins with as much of its prompt as is there already. It begins with the
 * job's first pass, when those before it have read what they share. */
static cairn_status begin_sequence(batcher *b, job *j, cairn_error *err)
{
    cairn_status st = b->tree ? prefix_tree_begin(b->tree, j->prompt, j->n_prompt - 1, &j->s, err)
                              : decoder_sequence_create(&j->s, b->d, err);

    if (!st)
        j->result.cached_tokens = past_of(j);
    b->unsaved = b->tree && b->g->prefixes;
    return st;
}

/* ---- the queue ---- */

static void remove_at(job **list, size_t *n, size_t i)
{
    memmove(list + i, list + i + 1, (--*n - i) * sizeof *list);
}

/* End those in the queue that nobody waits for any more. */
static void end_given_up(batcher *b)
{
    int64_t now = clock_mono_ns();
    job *j;

    do {
        j = NULL;
        pthread_mutex_lock(&b->lock);
        for (size_t i = 0; i < b->n_queue && !j; i++)
            if (given_up(b, b->queue[i], now)) {
                j = b->queue[i];
                remove_at(b->queue, &b->n_queue, i);
            }
        pthread_mutex_unlock(&b->lock);
        if (j)
            finish_job(b, j, CAIRN_ECANCELLED, NULL);
    } while (j);
}

/* Let in whoever is next, as long as there is memory to promise. */
static void admit(batcher *b)
{
    pthread_mutex_lock(&b->lock);
    while (b->n_queue && b->n_active < b->max_active &&
           b->promised + b->queue[0]->need <= b->n_kv) {
        job *j = b->queue[0];
        remove_at(b->queue, &b->n_queue, 0);
        b->active[b->n_active++] = j;
        b->promised += j->need;
    }
    pthread_mutex_unlock(&b->lock);
}

/* Take active job i out and end it. */
static void end_active(batcher *b, size_t i, cairn_status st, cairn_error *err)
{
    job *j = b->active[i];

    if (!st)
        share_all(b, j);
    pthread_mutex_lock(&b->lock);
    remove_at(b->active, &b->n_active, i);
    b->promised -= j->need;
    pthread_mutex_unlock(&b->lock);
    finish_job(b, j, st, err);
}

/* ---- a pass ---- */

/* Tokens of its prompt that j reads in a pass with room for so many. */
static size_t plan_reading(batcher *b, job *j, size_t room)
{
    cairn_error err;
    size_t left;

    if (!room || j->broken)
        return 0;
    if (!j->s && (j->broken = begin_sequence(b, j, &err)))
        return 0;
    left = j->n_prompt - past_of(j);
    return left < room ? left : room;
}

/* Who takes part with what; those that take no part have n_pass 0. */
static size_t plan_pass(batcher *b)
{
    size_t answering = 0, tokens = 0, room, most, n_items = 0;

    for (size_t i = 0; i < b->n_active; i++)
        answering += !reading(b->active[i]);
    /* A wider pass reads cheaper (64 tokens 12 % dearer each than 128), and many wait for theirs to begin. */
    most = b->n_active - answering >= MANY_READERS ? 2 * b->n_prompt : b->n_prompt;
    for (size_t i = 0; i < b->n_active; i++) {
        job *j = b->active[i];
        size_t past = past_of(j), share;
        j->n_pass = 0;
        if (reading(j))
            continue;
        share = DRAFT_TOKENS / answering ? DRAFT_TOKENS / answering : 1;
        /* Within what it was promised, too. */
        room = (j->need < b->n_ctx ? j->need : b->n_ctx) - past;
        j->n_pass = answer_propose(&j->a, room < share ? room : share);
        tokens += j->n_pass;
    }
    room = decoder_batch_tokens(b->d) - tokens;
    if (answering && room > most)
        room = most;
    for (size_t i = 0; i < b->n_active; i++) {
        job *j = b->active[i];
        size_t past;
        if (reading(j))
            room -= j->n_pass = plan_reading(b, j, room);
        if (!j->n_pass)
            continue;
        past = past_of(j); /* what it shares is there by now */
        if (past < j->n_prompt)
            b->items[n_items++] = (decoder_item){
                j->s, j->prompt + past, j->n_pass,
                past + j->n_pass == j->n_prompt ? DECODER_LAST : DECODER_NO_LOGITS,
                NULL};
        else
            b->items[n_items++] = (decoder_item){j->s, j->a.batch, j->n_pass, DECODER_ALL,
                                                  NULL};
    }
    return n_items;
}

/* The logits of the pass to those that took part. */
static void after_pass(batcher *b)
{
    const size_t vocab = decoder_model_shape(b->g->model)->n_vocab;
    const float *rows = b->logits;

    for (size_t i = 0; i < b->n_active; i++) {
        job *j = b->active[i];
        size_t past = past_of(j), n = j->n_pass, kept = n;
        bool first = past == j->n_prompt, mine = n && past >= j->n_prompt;
        cairn_error err = {0};
        cairn_status st;
        if (n && past <= j->n_prompt)
            share_prompt(b, j);
        if (!mine)
            continue;
        if (first)
            n = 1; /* of a piece of the prompt only the last row was wanted */
        if (first)
            answer_look(&j->a, rows);
        st = j->a.done ? CAIRN_OK : answer_consume(&j->a, rows, vocab, n, &kept, &err);
        rows += n * vocab;
        if (!first)
            decoder_sequence_truncate(b->d, j->s, past - (n - kept));
        if (!st && !j->a.done && decoder_sequence_past(j->s) >= b->n_ctx)
            answer_finish(&j->a, GENERATE_CONTEXT);
        if (st || j->a.done)
            end_active(b, i--, st, &err);
    }
}

static void step(batcher *b)
{
    int64_t now = clock_mono_ns();
    cairn_error err = {0};
    size_t n, tokens = 0;
    cairn_status st;

    for (size_t i = 0; i < b->n_active; i++)
        if (given_up(b, b->active[i], now)) {
            answer_finish(&b->active[i]->a, GENERATE_CANCELLED);
            end_active(b, i--, CAIRN_OK, NULL);
        }
    n = plan_pass(b);
    for (size_t i = 0; i < b->n_active; i++)
        if (b->active[i]->broken) {
            st = cairn_fail(&err, b->active[i]->broken, "memory for a request's sequence");
            end_active(b, i--, st, &err);
        }
    if (!n)
        return;
    for (size_t i = 0; i < n; i++)
        tokens += b->items[i].n;
    do
        st = decoder_eval_many(b->d, b->items, n, b->logits, &err);
    while (st == CAIRN_ELIMIT && b->tree && prefix_tree_drop(b->tree));
    pthread_mutex_lock(&b->lock);
    b->stats.passes++;
    b->stats.pass_tokens += st ? 0 : tokens;
    b->stats.kept_tokens = b->tree ? prefix_tree_tokens(b->tree) : 0;
    b->stats.kept_runs = b->tree ? prefix_tree_nodes(b->tree) : 0;
    b->stats.kv_tokens_used = b->n_kv - decoder_free_tokens(b->d);
    pthread_mutex_unlock(&b->lock);
    if (!st) {
        after_pass(b);
        return;
    }
    while (b->n_active) {
        cairn_error each = err;
        end_active(b, b->n_active - 1, st, &each);
    }
}

/* Nobody waits: write one beginning to disk, without the lock, which the caller holds. False: there is
 * none to write, and the lock was held all the time. */
static bool save_unlocked(batcher *b)
{
    bool saved;

    if (!b->unsaved)
        return false;
    pthread_mutex_unlock(&b->lock);
    saved = prefix_tree_save(b->tree);
    pthread_mutex_lock(&b->lock);
    b->unsaved = saved;
    return true;
}

static void *run(void *ctx)
{
    batcher *b = ctx;

    for (;;) {
        bool idle, stop;
        pthread_mutex_lock(&b->lock);
        while (!b->stop && !b->n_queue && !b->n_active && !save_unlocked(b))
            pthread_cond_wait(&b->wake, &b->lock);
        idle = !b->n_queue && !b->n_active;
        stop = b->stop;
        pthread_mutex_unlock(&b->lock);
        if (stop && idle) {
            while (b->unsaved && prefix_tree_save(b->tree))
                continue;
            return NULL;
        }
        end_given_up(b);
        admit(b);
        step(b);
    }
}

/* ---- the way in ---- */

static size_t or_default(size_t v, size_t absent)
{
    return v ? v : absent;
}

static cairn_status take_memory(batcher *b, cairn_error *err)
{
    size_t rows = DRAFT_TOKENS + 2 * b->max_active, floats;

    b->breakers = generator_make_breakers(b->g);
    b->queue = checked_malloc(b->max_queued, sizeof *b->queue);
    b->active = checked_malloc(b->max_active, sizeof *b->active);
    b->items = checked_malloc(b->max_active, sizeof *b->items);
    if (checked_mul(rows, decoder_model_shape(b->g->model)->n_vocab, &floats))
        b->logits = checked_aligned(floats, sizeof *b->logits);
    return b->breakers && b->queue && b->active && b->items && b->logits
               ? CAIRN_OK
               : cairn_fail(err, CAIRN_ENOMEM, "batcher");
}

/* No more keys and values than so many bytes, for all requests together. */
static cairn_status fit_memory(batcher *b, size_t bytes, cairn_error *err)
{
    size_t token = decoder_token_bytes(b->g->dec), fit = bytes / token / KV_PAGE * KV_PAGE;
    size_t least = b->n_ctx < TOKENS_LEAST ? b->n_ctx : TOKENS_LEAST;

    if (fit < least)
        return cairn_fail(err, CAIRN_EUSAGE,
                          "%zu MiB hold the keys and values of %zu tokens of this model; %zu are needed, "
                          "which takes %zu MiB (models.context_memory_mb)",
                          bytes >> 20, fit, least, (least * token >> 20) + 1);
    if (b->n_kv > fit)
        b->n_kv = fit;
    if (b->n_ctx > fit)
        b->n_ctx = fit;
    return CAIRN_OK;
}

cairn_status batcher_create(batcher **out, generator *g, const batcher_options *options,
                            cairn_error *err)
{
    const batcher_options o = options ? *options : (batcher_options){0};
    decoder_options d = {.exact = g->exact, .kv = g->kv};
    batcher *b;
    cairn_status st;

    *out = NULL;
    if (o.max_active > 256 || o.max_queued > 100000 || o.n_prompt > 4096)
        return cairn_fail(err, CAIRN_EUSAGE, "a batcher of more than 256 requests at once, 100000 in "
                                             "the queue or 4096 tokens a pass");
    b = calloc(1, sizeof *b);
    if (!b)
        return cairn_fail(err, CAIRN_ENOMEM, "batcher");
    pthread_mutex_init(&b->lock, NULL);
    pthread_cond_init(&b->wake, NULL);
    b->g = g;
    b->max_active = or_default(o.max_active, 16);
    b->max_queued = or_default(o.max_queued, 64);
    b->n_prompt = or_default(o.n_prompt, 64);
    b->n_ctx = or_default(o.n_ctx, decoder_ctx(g->dec));
    b->n_kv = whole_pages(or_default(o.n_kv, 4 * b->n_ctx));
    if (b->n_kv < whole_pages(b->n_ctx))
        b->n_kv = whole_pages(b->n_ctx);
    st = o.kv_bytes ? fit_memory(b, o.kv_bytes, err) : CAIRN_OK;
    if (!st)
        st = take_memory(b, err);
    if (!st)
        st = pool_create(&b->pool, o.n_threads, err);
    d.n_ctx = b->n_ctx;
    d.n_kv = b->n_kv;
    d.n_batch = 2 * b->n_prompt + b->max_active + DRAFT_TOKENS;
    if (d.n_batch < DECODER_DEFAULT_BATCH)
        d.n_batch = DECODER_DEFAULT_BATCH;
    d.pool = b->pool;
    if (!st)
        st = decoder_create(&b->d, g->model, &d, err);
    if (!st) {
        st = prefix_tree_create(&b->tree, b->d, or_default(o.max_kept, b->n_kv), g->prefixes, err);
        if (st == CAIRN_EUNSUPPORTED)
            st = CAIRN_OK; /* a device */
    }
    if (!st && decoder_batch_tokens(b->d) < b->max_active + DRAFT_TOKENS)
        st = cairn_fail(err, CAIRN_EUNSUPPORTED, "passes of %zu tokens are too short for %zu requests "
                                                 "at once", decoder_batch_tokens(b->d), b->max_active);
    if (!st && pthread_create(&b->thread, NULL, run, b))
        st = cairn_fail(err, CAIRN_ENOMEM, "the batcher's thread");
    b->started = !st;
    if (st) {
        batcher_destroy(b);
        return st;
    }
    *out = b;
    return CAIRN_OK;
}

void batcher_destroy(batcher *b)
{
    if (!b)
        return;
    pthread_mutex_lock(&b->lock);
    b->stop = true;
    pthread_cond_signal(&b->wake);
    pthread_mutex_unlock(&b->lock);
    if (b->started)
        pthread_join(b->thread, NULL);
    prefix_tree_destroy(b->tree);
    decoder_destroy(b->d);
    pool_destroy(b->pool);
    pthread_cond_destroy(&b->wake);
    pthread_mutex_destroy(&b->lock);
    free(b->breakers);
    free(b->queue);
    free(b->active);
    free(b->items);
    free(b->logits);
    free(b);
}

static cairn_status check_prompt(const batcher *b, const batch_request *r, cairn_error *err)
{
    if (!r->n_prompt || !r->on_done)
        return cairn_fail(err, CAIRN_EUSAGE, r->on_done ? "an empty prompt" : "no on_done");
    if (r->n_prompt >= b->n_ctx)
        return cairn_fail(err, CAIRN_ELIMIT,
                          "the prompt has %zu tokens and the context holds %zu: shorten the prompt "
                          "or give the model a larger context",
                          r->n_prompt, b->n_ctx);
    for (size_t i = 0; i < r->n_prompt; i++)
        if (r->prompt[i] < 0 || (size_t)r->prompt[i] >= b->g->n_pick)
            return cairn_fail(err, CAIRN_EUSAGE, "token %d is outside the vocabulary of %zu",
                              r->prompt[i], b->g->n_pick);
    return CAIRN_OK;
}

/* Behind all of the same or a higher priority. */
static void enqueue(batcher *b, job *j)
{
    size_t at = b->n_queue++;

    for (; at && b->queue[at - 1]->priority < j->priority; at--)
        b->queue[at] = b->queue[at - 1];
    b->queue[at] = j;
}

cairn_status batcher_submit(batcher *b, const batch_request *r, batch_ticket *ticket,
                            cairn_error *err)
{
    job *j;
    cairn_status st = check_prompt(b, r, err);

    *ticket = 0;
    if (!st)
        st = make_job(b, r, &j, err);
    if (st)
        return st;
    pthread_mutex_lock(&b->lock);
    if (b->stop)
        st = cairn_fail(err, CAIRN_ECANCELLED, "the batcher is being closed");
    else if (b->n_queue >= b->max_queued)
        st = cairn_fail(err, CAIRN_EBUSY, "%zu requests are waiting already: try again later",
                        b->n_queue);
    b->stats.refused += st != CAIRN_OK;
    if (!st) {
        b->stats.accepted++;
        *ticket = j->ticket = ++b->last_ticket;
        enqueue(b, j);
        pthread_cond_signal(&b->wake);
    }
    pthread_mutex_unlock(&b->lock);
    if (st) {
        answer_end(&j->a, st, NULL);
        free_job(b, j);
    }
    return st;
}

void batcher_cancel(batcher *b, batch_ticket ticket)
{
    pthread_mutex_lock(&b->lock);
    for (size_t i = 0; i < b->n_queue; i++)
        if (b->queue[i]->ticket == ticket)
            atomic_store_explicit(&b->queue[i]->cancel, true, memory_order_relaxed);
    for (size_t i = 0; i < b->n_active; i++)
        if (b->active[i]->ticket == ticket)
            atomic_store_explicit(&b->active[i]->cancel, true, memory_order_relaxed);
    pthread_mutex_unlock(&b->lock);
}

void batcher_get_stats(batcher *b, batcher_stats *out)
{
    pthread_mutex_lock(&b->lock);
    *out = b->stats;
    out->active = b->n_active;
    out->queued = b->n_queue;
    out->kv_tokens = b->n_kv;
    pthread_mutex_unlock(&b->lock);
}

/* ---- waiting for an answer ---- */

typedef struct waiting {
    pthread_mutex_t lock;
    pthread_cond_t came;
    bool done;
    cairn_status st;
    cairn_error *err;
    generate_result *out;
} waiting;

static void answer_came(void *ctx, cairn_status st, const cairn_error *error,
                        generate_result *result)
{
    waiting *w = ctx;

    pthread_mutex_lock(&w->lock);
    *w->out = *result;
    *result = (generate_result){0};
    w->st = st;
    if (st && w->err && error)
        *w->err = *error;
    w->done = true;
    pthread_cond_signal(&w->came);
    pthread_mutex_unlock(&w->lock);
}

cairn_status batcher_run(batcher *b, const token_id *prompt, size_t n,
                         const generate_params *params, int priority, int64_t deadline_ns,
                         generate_result *out, cairn_error *err)
{
    waiting w = {.err = err, .out = out};
    batch_request r = {.prompt = prompt,
                       .n_prompt = n,
                       .params = params ? *params : (generate_params){0},
                       .priority = priority,
                       .deadline_ns = deadline_ns,
                       .on_done = answer_came,
                       .done_ctx = &w};
    batch_ticket ticket;
    cairn_status st;

    generate_result_clear(out);
    pthread_mutex_init(&w.lock, NULL);
    pthread_cond_init(&w.came, NULL);
    st = batcher_submit(b, &r, &ticket, err);
    if (!st) {
        pthread_mutex_lock(&w.lock);
        while (!w.done)
            pthread_cond_wait(&w.came, &w.lock);
        pthread_mutex_unlock(&w.lock);
        st = w.st;
    }
    pthread_cond_destroy(&w.came);
    pthread_mutex_destroy(&w.lock);
    return st;
}

cairn_status batcher_chat(batcher *b, const json_t *messages, const generate_params *params,
                          int priority, int64_t deadline_ns, generate_result *out, cairn_error *err)
{
    token_list prompt = {0};
    cairn_status st = generator_prompt(b->g, messages, &prompt, err);

    if (st)
        generate_result_clear(out);
    else
        st = batcher_run(b, prompt.ids, prompt.n, params, priority, deadline_ns, out, err);
    token_list_clear(&prompt);
    return st;
}
