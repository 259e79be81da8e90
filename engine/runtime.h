/* runtime.h - models that the handles of one process share, and those models by themselves.
 *
 * A server opens several `cairn` handles, one a request at work. Handed the same `cairn_models`
 * (cairn_options.models), they use one copy of each model: a model is opened by the first that
 * needs it and stays open until cairn_models_destroy. A generator answers several calls at
 * once (generate/decode/batcher.h), each as it would alone; an encoder works for one at a time, and the
 * others wait in line, first come first served, until it is free, their `cancel` flag is set, or
 * their deadline passes.
 *
 *     cairn_models *models;
 *     cairn_models_create(&models, NULL, 0, &err);
 *     cairn_open(&a, &(cairn_options){.models = models, .read_only = true}, &err);
 *     cairn_open(&b, &(cairn_options){.models = models, .read_only = true}, &err);
 *     ... a and b on a thread each ...
 *     cairn_close(a); cairn_close(b);
 *     cairn_models_destroy(models);
 *
 * Owns     the models and the threads that compute in them.
 * Threads  any, for every function but cairn_models_destroy.
 * Errors   CAIRN_EMODEL: missing, broken, or not of the kind asked for; CAIRN_EBUSY: the deadline
 *          passed while others had the model, or too many wait; CAIRN_ECANCELLED. */
#ifndef CAIRN_ENGINE_RUNTIME_H
#define CAIRN_ENGINE_RUNTIME_H

#include "engine/cairn.h"

#ifdef __cplusplus
extern "C" {
#endif

/* config_file: as cairn_options (where caches of models are); n_threads: of each model, 0: one a CPU. */
cairn_status cairn_models_create(cairn_models **out, const char *config_file, size_t n_threads,
                                 cairn_error *err);
/* Every handle that was given them must be closed before. NULL is fine. */
void cairn_models_destroy(cairn_models *m);
/* How many calls wait for a model or work in one now. */
size_t cairn_models_in_use(cairn_models *m);

/* ---- vectors ---------------------------------------------------------------------------------- */

/* Models trained with prefixes put a question's or a passage's before the text. */
typedef enum cairn_embed_role {
    CAIRN_EMBED_PLAIN,
    CAIRN_EMBED_QUERY,
    CAIRN_EMBED_PASSAGE
} cairn_embed_role;

typedef struct cairn_text {
    const char *text; /* UTF-8 */
    size_t len;
} cairn_text;

typedef struct cairn_embed_request {
    const char *model; /* a name of the catalogue or a path */
    const cairn_text *texts;
    size_t n_texts;
    cairn_embed_role role;
    const volatile sig_atomic_t *cancel; /* looked at while waiting and between groups of texts */
    int64_t deadline_ns; /* on the monotonic clock; 0: none */
} cairn_embed_request;

/* A row of unit length for each text; free with cairn_matrix_clear. `n_tokens` (may be NULL): of all
 * texts. A text longer than the model reads is cut. */
cairn_status cairn_models_embed(cairn_models *m, const cairn_embed_request *request,
                                cairn_matrix *out, size_t *n_tokens, cairn_error *err);
/* scores[n]: relevance of each text to the query, higher is better, by a cross-encoder, or by a sparse
 * encoder (SPLADE: the sum of products of weights, 0 and more). */
cairn_status cairn_models_rerank(cairn_models *m, const char *query,
                                 const cairn_embed_request *request, float *scores,
                                 cairn_error *err);

/* ---- text ------------------------------------------------------------------------------------- */

typedef struct cairn_token_bias {
    int32_t token;
    float bias; /* added to its logit */
} cairn_token_bias;

typedef struct cairn_token_choice {
    char *text; /* the token's bytes; may be a part of a character */
    size_t len;
    double logprob;
} cairn_token_choice;

typedef struct cairn_call {
    char *name, *arguments; /* arguments: JSON; cut off where the answer was */
} cairn_call;

typedef struct cairn_generate_request {
    const char *model;
    const cairn_turn *turns; /* a conversation, rendered by the model's own template: roles "system",
                                "user", "assistant"; or ... */
    size_t n_turns;
    const char *messages; /* ... the same as JSON, a list of messages as OpenAI's interface has them, with
                             "tool_calls" and results of role "tool"; or ... */
    const char *prompt;   /* ... a text to go on from */
    size_t max_tokens;  /* 0: as many as fit */
    float temperature;  /* 0: greedy */
    float top_p;        /* 0 or 1: all */
    int32_t top_k;      /* 0: all */
    uint64_t seed;
    float frequency_penalty, presence_penalty; /* 0: none */
    const cairn_token_bias *bias;              /* may be NULL */
    size_t n_bias;
    const char *const *stop; /* may be NULL */
    size_t n_stop;
    const char *json_schema; /* JSON text: the answer is JSON that it allows; NULL: any text */
    /* JSON text: a list of functions that the model may call (generate/grammar/tool_calls.h); NULL: none.
     * `tool` is the only one that may be called then, NULL: any. */
    const char *tools, *tool;
    bool must_call, one_call;
    /* A call begins (name set), or its arguments go on (name NULL); as `stream`. May be NULL. */
    bool (*on_call)(void *ctx, size_t index, const char *name, const char *arguments, size_t len);
    bool logprobs;      /* fill in the log-probabilities of the tokens */
    size_t top_logprobs; /* and of so many likely ones at each place, at most 20 */
    int priority;       /* higher ones are admitted first */
    const volatile sig_atomic_t *cancel;
    int64_t deadline_ns; /* for the first text to come; on the monotonic clock, 0: none */
} cairn_generate_request;

typedef struct cairn_generated {
    char *text; /* NUL-terminated */
    size_t text_len;
    size_t prompt_tokens, completion_tokens, cached_tokens;
    const char *finish; /* static: "end", "stop", "length" or "context" */
    double ttft_ms, total_ms;
    cairn_call *calls;
    size_t n_calls;
    /* With logprobs: for each token of the text itself [0], then the likeliest: [n_tokens][1 + n_top]. */
    cairn_token_choice *tokens;
    size_t n_tokens, n_top;
} cairn_generated;

/* `text` is what was said, without calls. `stream` (may be NULL) gets whole characters as they come, in another thread than the caller's, and
 * must not block: others wait for the model meanwhile; false from it is CAIRN_ECANCELLED. Clear *out in any case. */
cairn_status cairn_models_generate(cairn_models *m, const cairn_generate_request *request,
                                   cairn_stream_fn *stream, void *stream_ctx, cairn_generated *out,
                                   cairn_error *err);
void cairn_generated_clear(cairn_generated *g);

#ifdef __cplusplus
}
#endif
#endif
