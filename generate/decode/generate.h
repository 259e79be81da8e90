/* generate.h - a generator: a model file, its tokenizer, its chat template and one sequence, from
 * messages to streamed text.
 *
 * Consecutive calls share what they have in common: the tokens at the front of the new prompt that
 * are already in the sequence are not computed again. Nor is a conversation's system prompt that
 * another process has computed (kv_files.h). The bytes that come out do not depend on it.
 *
 * Owns     the file mapping, the packed weights, the sequence. The pool is borrowed.
 * Threads  one call at a time, except generator_cancel (any thread, signal-safe) and the constant
 *          getters. The callback runs in the caller's thread. */
#ifndef CAIRN_GENERATE_DECODE_GENERATE_H
#define CAIRN_GENERATE_DECODE_GENERATE_H

#include <jansson.h>

#include "generate/decode/decoder.h"
#include "generate/decode/kv_files.h"
#include "generate/sample/sampler.h"

typedef struct generator generator;

typedef struct generator_options {
    size_t n_ctx; /* 0: as decoder_options */
    pool *pool;
    bool exact;
    decoder_kv kv; /* of the fast mode */
    const char *draft; /* a smaller model's file, of the same vocabulary, that drafts (model_draft.h); NULL: none */
    const decoder_adapter *adapters; /* applied on top of the model */
    size_t n_adapters;
    weight_cache_options weights;  /* where repacked weights are kept; zero: nowhere */
    kv_files_options prefixes; /* where beginnings of prompts are kept; zero: nowhere */
    kv_files_options passages; /* where passages are kept; zero: nowhere */
} generator_options;

/* options may be NULL. */
cairn_status generator_open(generator **out, const char *gguf_path,
                            const generator_options *options, cairn_error *err);
void generator_close(generator *g); /* NULL is fine */

const tokenizer *generator_tokenizer(const generator *g);
const decoder_model *generator_model(const generator *g);
const gguf *generator_file(const generator *g);
size_t generator_ctx(const generator *g);
const char *generator_name(const generator *g); /* general.name of the file, or its file name */
bool generator_has_template(const generator *g);
/* Nanoseconds generator_open took, and resident bytes of weights, keys, values and scratch. */
int64_t generator_load_ns(const generator *g);
size_t generator_bytes(const generator *g);

typedef enum generate_finish {
    GENERATE_END,      /* the model ended its answer */
    GENERATE_STOP,     /* a stop string came; it is not part of the text */
    GENERATE_LENGTH,   /* max_tokens were made */
    GENERATE_CONTEXT,  /* the context is full */
    GENERATE_CANCELLED /* generator_cancel or the callback */
} generate_finish;

/* "end", "stop", "length", "context", "cancelled". */
const char *generate_finish_name(generate_finish f);

/* Text as it is made: whole UTF-8 characters only, never a part of a stop string. Return false to
 * cancel. */
typedef bool generate_callback(void *ctx, const char *text, size_t len);

typedef struct generate_text {
    const char *text;
    size_t len;
} generate_text;

typedef struct generate_params {
    size_t max_tokens;              /* 0: as many as fit */
    const sampler_params *sampling; /* NULL: greedy. DRY without breakers gets the usual ones: tokens
                                       with a line break, ':', '"' or '*' */
    const char *const *stop;        /* stop strings, may be NULL */
    size_t n_stop;
    bool ignore_end;            /* go on after the end token (for benchmarks) */
    bool logprobs;              /* fill in the result's log-probabilities */
    size_t n_top_logprobs;      /* and so many likely tokens a position; at most 100 */
    /* What the text must be; at most one of them. Read during the call (or batcher_submit) only. */
    const char *grammar;        /* as grammar.h */
    const json_t *json_schema;  /* as json_schema.h */
    const char *quotable;       /* whatever stands between quotation marks is a run of this text */
    /* Texts of which the messages may hold runs (the passages that the prompt was made from). Where their
     * keys and values are kept on disk they are used, in place of computing them anew; the answer is then near
     * that of a full pass, not the same to the byte. generator_keep_passages keeps the others. Only
     * generator_chat looks at them. */
    const generate_text *passages;
    size_t n_passages;
    /* Looked at when the prompt has been read, before anything is chosen: the logits [n] of the first token. False ends the call
     * (GENERATE_CANCELLED). NULL: not wanted. ctx is that of on_text, and so is the thread. */
    bool (*on_first)(void *ctx, const float *logits, size_t n);
    bool no_drafts;             /* a pass for every token; the text is the same (copy_draft.h) */
    generate_callback *on_text; /* may be NULL */
    void *ctx;
} generate_params;

#define GENERATE_MAX_TOP 100

/* Zero-initialise before the first use; generate_result_clear frees. Filled in on success and, as
 * far as it got, on failure. */
typedef struct generate_result {
    char *text; /* NUL-terminated UTF-8, broken bytes replaced by U+FFFD; never NULL on success */
    size_t text_len;
    token_list tokens; /* the generated ids, with the end token where there was one */
    /* With params.logprobs, for each token: what the model itself gave it (natural log, before bias,
     * penalties and cuts), and the n_top likeliest, [tokens.n][n_top]. */
    double *logprobs;
    token_id *top_ids;
    double *top_logprobs;
    size_t n_top, cap_logprobs;
    size_t prompt_tokens;
    size_t cached_tokens; /* of these, found in the sequence or on disk and not computed again */
    size_t reused_tokens; /* and so many were taken from kept passages */
    double reuse_distance; /* how far kept values were from those computed at the same places, 0..; where it
                              is too much, the prompt was computed in full */
    generate_finish finish;
    /* Speculation by copying: passes of the model after the prompt's, tokens proposed to them, and
     * tokens of these that came true, each of which saved a pass. */
    size_t passes, drafted_tokens, copied_tokens;
    /* The same by a draft model, and of what a constraint leaves no choice in, apart from those. */
    size_t guessed_tokens, guesses_held;
    size_t forced_tokens, forced_held;
    /* CPU time of choosing tokens from logits, masks of a constraint included, and of making ready for a
     * constraint (its automaton, and once a generator the sorted texts of all tokens). */
    int64_t choose_cpu_ns, constrain_cpu_ns;
    int64_t ttft_ns;  /* from the call to the first token chosen */
    int64_t total_ns; /* the whole call */
} generate_result;
void generate_result_clear(generate_result *r);

/* Render messages with the model's own template and answer. CAIRN_EMODEL when the file has none;
 * CAIRN_ELIMIT when the prompt does not fit the context (the sentence gives both numbers). A
 * cancelled call is CAIRN_OK with finish GENERATE_CANCELLED. params may be NULL. */
cairn_status generator_chat(generator *g, const json_t *messages, const generate_params *params,
                            generate_result *out, cairn_error *err);
/* Does the template show tools to the model, and calls and their results? */
bool generator_takes_tools(const generator *g);
/* Compute and keep those passages of the last prompts that are not kept yet. For when nobody waits: each
 * costs a pass over its tokens. */
cairn_status generator_keep_passages(generator *g, cairn_error *err);
/* The prompt text those messages give, to be freed; for token budgets and `model template`. */
cairn_status generator_render(const generator *g, const json_t *messages, bool add_generation_prompt,
                              char **text, size_t *len, cairn_error *err);
/* The tokens of that prompt as generator_chat feeds them, with control tokens inside the messages
 * broken (generate.c says why); appended to *out. Threads: any. */
cairn_status generator_prompt(const generator *g, const json_t *messages, token_list *out,
                              cairn_error *err);
/* The same with tools for a template that takes them; NULL: none. */
cairn_status generator_prompt_tools(const generator *g, const json_t *messages, const json_t *tools,
                                    token_list *out, cairn_error *err);
/* The tokens of a raw prompt (flags as tokenizer_encode), appended to *out. Threads: any. */
cairn_status generator_tokens(const generator *g, const char *prompt, size_t len, unsigned flags,
                              token_list *out, cairn_error *err);
/* Go on from a raw prompt: text (flags as tokenizer_encode) or tokens. */
cairn_status generator_complete(generator *g, const char *prompt, size_t len, unsigned flags,
                                const generate_params *params, generate_result *out,
                                cairn_error *err);
cairn_status generator_complete_tokens(generator *g, const token_id *prompt, size_t n,
                                       const generate_params *params, generate_result *out,
                                       cairn_error *err);
/* Stop the running call, or the next one; a call clears the request when it ends. */
void generator_cancel(generator *g);

/* ---- perplexity (`cairn model perplexity`) ---- */

typedef struct perplexity_row {
    size_t pos;
    token_id token;
    token_id next;       /* TOKEN_NONE at the last position */
    double logprob;      /* natural, of next; 0 at the last position */
    const token_id *top; /* the n_top likeliest by falling log-probability, ties by lower id */
    const double *top_logprob;
    size_t n_top;
} perplexity_row;
/* Return false to cancel (CAIRN_ECANCELLED). */
typedef bool perplexity_callback(void *ctx, const perplexity_row *row);

typedef struct perplexity_result {
    double mean_nll, ppl; /* over tokens - 1 predictions; 0 and 1 for fewer than two tokens */
    size_t tokens;
} perplexity_result;

/* Log-probabilities of text (with add-special and parse-special) or of the given tokens. The text
 * must fit the context: CAIRN_ELIMIT otherwise. Forgets the sequence. */
cairn_status generator_perplexity(generator *g, const char *text, size_t len, size_t n_top,
                                  perplexity_callback *fn, void *ctx, perplexity_result *out,
                                  cairn_error *err);
cairn_status generator_perplexity_tokens(generator *g, const token_id *ids, size_t n, size_t n_top,
                                         perplexity_callback *fn, void *ctx, perplexity_result *out,
                                         cairn_error *err);

/* ---- bench (`cairn model bench`) ---- */

typedef struct generate_bench_options {
    const size_t *pp; /* prompt lengths to measure */
    size_t n_pp;
    const size_t *depth; /* tokens in the sequence before decoding */
    size_t n_depth;
    size_t tg;      /* tokens decoded per measurement; 0: 32 */
    size_t ttft;    /* prompt length of the time to first token; 0: none */
    size_t reps;    /* 0: 3 */
    size_t threads; /* 0: one per CPU */
    decoder_kv kv;
    weight_cache_options weights; /* as generator_options */
} generate_bench_options;

/* Open the file in fast mode, measure, and give one JSON object with the keys of
 * shared/peers/scripts/peer_llama.py, and "limits": what one core of this machine can do (int8
 * operations a second, bytes read a second; measured here) and the shares reached. To be freed with
 * json_decref. */
cairn_status generate_bench(json_t **out, const char *gguf_path,
                            const generate_bench_options *options, cairn_error *err);

#endif
