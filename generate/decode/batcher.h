/* batcher.h - many answers at once from one model: requests join and leave a running batch.
 *
 * One thread of the batcher's own runs pass after pass of the model. A pass takes one token (and a
 * draft, while few requests run) of every request that is answering, and beside them a piece of the
 * prompts that are still to be read, oldest first. So nobody waits for another's long prompt or long
 * answer, and weights are read once for all. Each request's text is the one it would get alone from
 * a generator, to the byte, whoever else is running (decoder_eval_many).
 *
 * Waiting requests are admitted by priority, then by arrival; none is passed over because a smaller
 * one behind it would fit. A request is admitted when the memory for keys and values that it may
 * need at most (prompt and max_tokens) is not promised to others, so a running request never runs
 * out of it. What requests compute goes into a tree (prefix_tree.h) and stays there until the memory is
 * needed: a prompt that begins like an earlier one or a running one (the system prompt, the same first
 * passages, a conversation that goes on) shares it. What two requests have met is written to disk when
 * nobody waits, where the generator keeps beginnings of prompts.
 *
 *     batcher *b;
 *     batcher_create(&b, g, NULL, err);
 *     ... in any number of threads:
 *     st = batcher_chat(b, messages, &params, 0, 0, &result, err);
 *     ... or without waiting: generator_prompt, batcher_submit, later on_done.
 *
 * Owns     copies of what a request holds. The generator is borrowed: its own calls (generator_chat)
 *          may go on beside the batcher, in another thread, but then compete for the processor.
 * Threads  all functions but batcher_create and batcher_destroy: any, at any time, also from the
 *          callbacks (batcher_run and batcher_chat not from those: they wait). The callbacks run in
 *          the batcher's thread, one at a time; a slow one holds up everybody. */
#ifndef CAIRN_GENERATE_DECODE_BATCHER_H
#define CAIRN_GENERATE_DECODE_BATCHER_H

#include "generate/decode/generate.h"

typedef struct batcher batcher;

typedef struct batcher_options {
    size_t n_ctx;      /* most tokens of one request; 0: the generator's context */
    size_t n_kv;       /* of all requests and the tree together; 0: 4 * n_ctx */
    size_t kv_bytes;   /* the same as memory, instead of n_kv: a request then has n_ctx tokens only as far as they
                          fit; 0: n_kv. CAIRN_EUSAGE where hardly a request would fit */
    size_t max_active; /* requests that run together; 0: 16 */
    size_t max_queued; /* requests that may wait; 0: 64 */
    size_t max_kept;   /* tokens that the tree holds at most; 0: as many as there is memory for */
    size_t n_prompt;   /* prompt tokens a pass reads beside answers; 0: 64; twice as many while four or
                          more requests wait to be read. More: prompts are read faster, answers come
                          in larger steps */
    size_t n_threads;  /* for the passes; 0: one per CPU */
} batcher_options;

/* options may be NULL. */
cairn_status batcher_create(batcher **out, generator *g, const batcher_options *options,
                            cairn_error *err);
/* Requests that wait or run end as cancelled; their on_done is called before this returns. */
void batcher_destroy(batcher *b); /* NULL is fine */

/* st: as generator_complete's. Take *result by copying it and zeroing the original; what is left is
 * freed. */
typedef void batch_done(void *ctx, cairn_status st, const cairn_error *error,
                        generate_result *result);

typedef struct batch_request {
    const token_id *prompt; /* copied, as everything that params points at (not ctx) */
    size_t n_prompt;
    generate_params params; /* on_text may be NULL; it returns false to cancel */
    int priority;           /* higher ones are admitted first */
    int64_t deadline_ns;    /* clock_mono_ns() at which it ends as cancelled; 0: none */
    batch_done *on_done;    /* called exactly once for every request that was accepted */
    void *done_ctx;
} batch_request;

typedef uint64_t batch_ticket; /* never 0 */

/* CAIRN_EBUSY at once when max_queued requests wait already: "try again later". CAIRN_ELIMIT: the
 * prompt does not fit the context. CAIRN_EUSAGE: settings that make no sense. */
cairn_status batcher_submit(batcher *b, const batch_request *r, batch_ticket *ticket,
                            cairn_error *err);
/* It ends soon, as GENERATE_CANCELLED with what it has. Unknown and finished tickets are fine. */
void batcher_cancel(batcher *b, batch_ticket ticket);

/* Submit and wait. A cancelled request is CAIRN_OK with finish GENERATE_CANCELLED. */
cairn_status batcher_run(batcher *b, const token_id *prompt, size_t n,
                         const generate_params *params, int priority, int64_t deadline_ns,
                         generate_result *out, cairn_error *err);
/* The same from messages, as generator_chat. */
cairn_status batcher_chat(batcher *b, const json_t *messages, const generate_params *params,
                          int priority, int64_t deadline_ns, generate_result *out,
                          cairn_error *err);

/* Memory that a request of so many tokens is promised for keys and values, in bytes; `max_tokens` as
 * generate_params has it. */
size_t batcher_request_bytes(const batcher *b, size_t n_prompt, size_t max_tokens);

typedef struct batcher_stats {
    size_t active, queued;              /* now */
    size_t kept_tokens, kept_runs;      /* in the tree: tokens, and edges */
    size_t kv_tokens, kv_tokens_used;   /* memory for keys and values, in tokens; what is kept counts
                                           as used */
    uint64_t accepted, refused, finished, cancelled, failed; /* requests since the beginning */
    uint64_t passes, pass_tokens;       /* of the model, and tokens in them */
    uint64_t prompt_tokens, cached_tokens, made_tokens;
} batcher_stats;
void batcher_get_stats(batcher *b, batcher_stats *out);

#endif
