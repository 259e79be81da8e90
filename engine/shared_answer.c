/* shared_answer.c - text from a model that others use, too (shared_model.h).
 *
 * The caller hands its request to the batcher and waits here, looking at its cancel flag now and then. */
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "base/clock.h"
#include "engine/engine.h"
#include "engine/shared_model.h"

typedef struct waiting {
    pthread_mutex_t mutex;
    pthread_cond_t came;
    bool done;
    cairn_status st;
    cairn_error *err;
    generate_result *out;
    const generate_params *params;
    atomic_bool begun; /* the first text is there */
} waiting;

/* In the batcher's thread. */
static bool take_text(void *ctx, const char *text, size_t len)
{
    waiting *w = ctx;

    atomic_store(&w->begun, true);
    return !w->params->on_text || w->params->on_text(w->params->ctx, text, len);
}

/* The same for the first logits, which have the same ctx. */
static bool take_first(void *ctx, const float *logits, size_t n)
{
    waiting *w = ctx;

    return w->params->on_first(w->params->ctx, logits, n);
}

static void answer_came(void *ctx, cairn_status st, const cairn_error *error,
                        generate_result *result)
{
    waiting *w = ctx;

    pthread_mutex_lock(&w->mutex);
    w->st = st;
    if (st && w->err && error)
        *w->err = *error;
    *w->out = *result;
    memset(result, 0, sizeof *result);
    w->done = true;
    pthread_cond_signal(&w->came);
    pthread_mutex_unlock(&w->mutex);
}

/* Until the answer is there; true when the deadline passed before it began. */
static bool wait_for(waiting *w, batcher *b, batch_ticket ticket,
                     const volatile sig_atomic_t *cancel, int64_t deadline_ns)
{
    bool told = false, late = false;

    pthread_mutex_lock(&w->mutex);
    while (!w->done) {
        shared_model_sleep(&w->came, &w->mutex, 0);
        if (w->done || told)
            continue;
        late = deadline_ns && !atomic_load(&w->begun) && clock_mono_ns() >= deadline_ns;
        told = late || engine_cancelled(cancel);
        if (told) { /* without the lock: the batcher may be about to take it */
            pthread_mutex_unlock(&w->mutex);
            batcher_cancel(b, ticket);
            pthread_mutex_lock(&w->mutex);
        }
    }
    pthread_mutex_unlock(&w->mutex);
    return late;
}

static cairn_status answer_in_company(batcher *b, const token_list *prompt, int priority,
                                      const generate_params *params,
                                      const volatile sig_atomic_t *cancel, int64_t deadline_ns,
                                      generate_result *out, cairn_error *err)
{
    waiting w = {.err = err, .out = out, .params = params};
    batch_request r = {.prompt = prompt->ids,
                       .n_prompt = prompt->n,
                       .params = *params,
                       .priority = priority,
                       .on_done = answer_came,
                       .done_ctx = &w};
    batch_ticket ticket;
    bool late = false;
    cairn_status st;

    r.params.on_text = take_text;
    r.params.on_first = params->on_first ? take_first : NULL;
    r.params.ctx = &w;
    pthread_mutex_init(&w.mutex, NULL);
    shared_model_cond_init(&w.came);
    st = batcher_submit(b, &r, &ticket, err);
    if (!st) {
        late = wait_for(&w, b, ticket, cancel, deadline_ns);
        st = w.st;
    }
    pthread_cond_destroy(&w.came);
    pthread_mutex_destroy(&w.mutex);
    if (!st && late && out->finish == GENERATE_CANCELLED)
        st = cairn_fail(err, CAIRN_EBUSY,
                        "the model was busy with other questions until the time was up");
    return st;
}

/* Take one's turn. */
static cairn_status answer_alone(shared_model *s, const json_t *messages, const token_list *prompt,
                                 const generate_params *params,
                                 const volatile sig_atomic_t *cancel, int64_t deadline_ns,
                                 generate_result *out, cairn_error *err)
{
    generator *g = shared_model_generator(s);
    cairn_status st = shared_model_enter(s, cancel, deadline_ns, err);

    if (st)
        return st;
    st = messages ? generator_chat(g, messages, params, out, err)
                  : generator_complete_tokens(g, prompt->ids, prompt->n, params, out, err);
    shared_model_leave(s);
    return st;
}

cairn_status shared_model_answer_tokens(shared_model *s, const token_list *prompt, int priority,
                                        const generate_params *params,
                                        const volatile sig_atomic_t *cancel, int64_t deadline_ns,
                                        generate_result *out, cairn_error *err)
{
    batcher *b = shared_model_batcher(s);
    cairn_status st;

    if (!b)
        return answer_alone(s, NULL, prompt, params, cancel, deadline_ns, out, err);
    generate_result_clear(out);
    shared_model_count(s, true);
    st = answer_in_company(b, prompt, priority, params, cancel, deadline_ns, out, err);
    shared_model_count(s, false);
    return st;
}

cairn_status shared_model_answer(shared_model *s, const json_t *messages,
                                 const generate_params *params, const memory_share *share,
                                 const volatile sig_atomic_t *cancel, int64_t deadline_ns,
                                 generate_result *out, cairn_error *err)
{
    batcher *b = shared_model_batcher(s);
    token_list ids = {0};
    size_t bytes = 0;
    cairn_status st;

    if (!b)
        return answer_alone(s, messages, NULL, params, cancel, deadline_ns, out, err);
    st = generator_prompt(shared_model_generator(s), messages, &ids, err);
    if (!st && share) {
        bytes = batcher_request_bytes(b, ids.n, params->max_tokens);
        st = models_take_share(shared_model_home(s), share, bytes, err);
    }
    if (!st) {
        st = shared_model_answer_tokens(s, &ids, 0, params, cancel, deadline_ns, out, err);
        if (share)
            models_give_share(shared_model_home(s), share, bytes);
    }
    token_list_clear(&ids);
    return st;
}
