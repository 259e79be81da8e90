/* shared_model.h - the inside of `cairn_models`: a list of models, each with a line of callers.
 *
 * Owns     a shared_model belongs to its cairn_models and lives as long.
 * Threads  any. An opened model's constant getters may be used by everybody; the rest only between
 *          a successful shared_model_enter and shared_model_leave. */
#ifndef CAIRN_ENGINE_SHARED_MODEL_H
#define CAIRN_ENGINE_SHARED_MODEL_H

#include <pthread.h>

#include "base/pool.h"
#include "engine/runtime.h"
#include "engine/settings.h"
#include "engine/text_memo.h"
#include "generate/decode/batcher.h"
#include "generate/decode/generate.h"
#include "generate/encode/encoder.h"
#include "generate/encode/sparse.h"

/* MODEL_ANSWERER: a generator with the adapter that was taught to answer (taught.h), where there is one for it; its packed weights
 * are those of the plain one, mapped from the same cache. */
typedef enum model_kind { MODEL_ENCODER, MODEL_GENERATOR, MODEL_ANSWERER, MODEL_SPARSE } model_kind;

typedef struct shared_model shared_model;

/* The models of one handle, which compute in its own pool (borrowed). */
cairn_status models_create_private(cairn_models **out, const settings *s, pool *workers,
                                   cairn_error *err);

/* The model by name or path, opened; waits while another thread opens it. */
cairn_status models_get(cairn_models *m, model_kind kind, const char *name,
                        const volatile sig_atomic_t *cancel, shared_model **out, cairn_error *err);
encoder *shared_model_encoder(const shared_model *s);
generator *shared_model_generator(const shared_model *s);
sparse_encoder *shared_model_sparse(const shared_model *s);

/* What answers several at once; NULL for private models, whose generator one has in turns. */
batcher *shared_model_batcher(const shared_model *s);

/* Whose memory an answer takes, and how much of it all of theirs may take at once: keys and values, in bytes. */
typedef struct memory_share {
    const char *who;   /* a collection */
    size_t most_bytes; /* 0: no bound */
} memory_share;

/* Take `bytes` of it: CAIRN_EBUSY while others of the same name have too much, CAIRN_ELIMIT when that much is never
 * allowed. What was taken is given back by the same numbers. */
cairn_status models_take_share(cairn_models *m, const memory_share *share, size_t bytes, cairn_error *err);
void models_give_share(cairn_models *m, const memory_share *share, size_t bytes);

/* Answer messages: with the others at work where models are shared, else in one's turn. `deadline_ns` (0:
 * none) is for the first piece of text to come: CAIRN_EBUSY after it. Cancelled is CAIRN_OK with finish
 * GENERATE_CANCELLED. params->on_text is called in another thread than this one, while this one waits; a slow
 * one holds up everybody. The text is the same in any company. `share` (NULL: none) counts where models are
 * shared. */
cairn_status shared_model_answer(shared_model *s, const json_t *messages,
                                 const generate_params *params, const memory_share *share,
                                 const volatile sig_atomic_t *cancel, int64_t deadline_ns,
                                 generate_result *out, cairn_error *err);
/* The same for tokens; `priority` as batch_request has it, where models are shared. */
cairn_status shared_model_answer_tokens(shared_model *s, const token_list *prompt, int priority,
                                        const generate_params *params,
                                        const volatile sig_atomic_t *cancel, int64_t deadline_ns,
                                        generate_result *out, cairn_error *err);

/* A condition on the monotonic clock, and a wait on it that ends at the latest when it is time to look at a
 * cancel flag again, which is set without waking anybody, or at the deadline (0: none). */
void shared_model_cond_init(pthread_cond_t *c);
void shared_model_sleep(pthread_cond_t *c, pthread_mutex_t *mutex, int64_t deadline_ns);

cairn_models *shared_model_home(shared_model *s);
/* One more call, or one less, in cairn_models_in_use. */
void shared_model_count(shared_model *s, bool more);

/* Take one's turn. `cancel` may be NULL; deadline_ns 0: wait for as long as it takes. CAIRN_EBUSY and
 * CAIRN_ECANCELLED leave the line. */
cairn_status shared_model_enter(shared_model *s, const volatile sig_atomic_t *cancel,
                                int64_t deadline_ns, cairn_error *err);
void shared_model_leave(shared_model *s);
/* What an encoder remembers of the passages it read for evidence, in one's turn; NULL: nothing, memory is short. */
text_memo *shared_model_memo(shared_model *s);

#endif
