/* decoder.h - a decoder-only transformer over tokens: llama (SmolLM2), qwen2, qwen3, gemma2, gemma3,
 * phi3, granite.
 *
 * A decoder_model holds the weights, repacked once; a decoder is one sequence over them with its
 * own keys and values. Feeding tokens in one call or one by one gives the same bytes, and so does
 * any number of threads (design, "one order of summation").
 *
 * Fast mode rounds activations to int8, 16 to a scale, before integer products and keeps keys and
 * values as half floats, or as int8 (kv_cache.h) where the options say so. Exact mode uses dequantised weights, float activations, float keys and
 * values: it is the reference, about ten times slower.
 *
 * Errors   CAIRN_EMODEL: a tensor is missing or its shape disagrees with the hyperparameters, or a
 *          hyperparameter is absurd (the sentence names it); CAIRN_EUNSUPPORTED: an architecture or
 *          a feature this build does not know; CAIRN_ELIMIT: the context is full; CAIRN_ECANCELLED.
 */
#ifndef CAIRN_GENERATE_DECODE_DECODER_H
#define CAIRN_GENERATE_DECODE_DECODER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/pool.h"
#include "base/status.h"
#include "generate/decode/weight_cache.h"
#include "generate/formats/gguf.h"
#include "generate/tokenize/tokenizer.h"

typedef enum decoder_arch {
    DECODER_LLAMA,
    DECODER_QWEN2,
    DECODER_GEMMA3,
    DECODER_QWEN3,
    DECODER_GEMMA2,
    DECODER_PHI3,
    DECODER_GRANITE,
    DECODER_SMOLLM3,
    DECODER_OLMO2
} decoder_arch;

/* YaRN (Peng et al., arXiv:2309.00071, section 3.4): pairs that turn often keep their angles, slow
 * ones are interpolated, with a ramp between the two. */
typedef struct rope_yarn {
    bool on;
    float low, high; /* pair numbers between which the ramp lies */
} rope_yarn;

typedef struct decoder_shape {
    decoder_arch arch;
    const char *arch_name; /* static: "llama", "qwen2", ... */
    size_t n_layers, width, ff, n_heads, n_kv_heads, head_dim, n_vocab;
    size_t n_ctx_train;
    size_t window;         /* positions a local layer sees; 0 = all */
    size_t window_pattern; /* every window_pattern-th layer is global; 0 = all are; SIZE_MAX: none */
    size_t rope_dims;
    float rope_base, rope_scale, norm_eps;
    float rope_base_local, rope_scale_local; /* of local layers; a scale of 0: they are not turned */
    bool turns_apart;                        /* which are not the others' */
    float rope_magnitude; /* cosines and sines are multiplied by it */
    rope_yarn yarn;
    float attn_scale;     /* of scores; 0: 1 / sqrt(head_dim) */
    float attn_softcap;   /* scores become cap * tanh(score / cap); 0: they don't */
    float logit_softcap;  /* the same for logits */
    float logit_scale;    /* logits are multiplied by it */
    float residual_scale; /* and what a half of a layer adds by this */
    bool gelu;            /* the gate's activation, by the tanh form; else SiLU */
    bool norm_after;      /* no norm before the halves of a layer, and one over all queries and one over all keys */
    bool tied; /* the output head is the embedding table */
} decoder_shape;

typedef struct decoder_model decoder_model;

typedef struct decoder_model_options {
    bool mapped; /* g was opened from a file (not from memory): then pages of repacked tensors are
                    given back, so that weights are resident once */
    const weight_cache_options *cache; /* with `mapped`: where repacked weights are kept; may be
                                          NULL */
    pool *pool; /* used during the call only; NULL: this thread */
    bool no_head; /* rows of logits are the final norm's instead, [width]; stays off a device */
} decoder_model_options;

/* Read, check and repack; with `mapped` and without a cache file to map, repacking goes on in a thread
 * beside what is computed meanwhile (packing.h). The embedding table stays in the file: `g` must outlive
 * the model. options may be NULL. */
cairn_status decoder_model_open(decoder_model **out, const gguf *g,
                                const decoder_model_options *options, cairn_error *err);
void decoder_model_close(decoder_model *m); /* NULL is fine */
const decoder_shape *decoder_model_shape(const decoder_model *m);
/* Nothing in its arithmetic but what llama, qwen2, qwen3 and gemma3 have (see device.h). */
bool decoder_shape_is_plain(const decoder_shape *s);
/* Bytes of packed weights, and of those the bytes that one decoded token reads. */
size_t decoder_model_bytes(const decoder_model *m);
size_t decoder_model_token_bytes(const decoder_model *m);
/* Wait until all weights are packed. */
void decoder_model_settle(const decoder_model *m);
/* The packed weights were found in the cache. */
bool decoder_model_was_cached(const decoder_model *m);
/* Multiply-adds of one token without attention, with or without the output head. */
double decoder_model_macs(const decoder_model *m, bool with_head);

/* Low-rank adapters (adapter.h): the model computes with all of them, each times its scale, on top of its
 * own weights. To be called once, before a decoder is made. CAIRN_EMODEL: a file that is broken or made for another
 * model; CAIRN_EUNSUPPORTED: a kind of adapter that is not read, or a device. */
typedef struct decoder_adapter {
    const char *path; /* with data: what it is called in errors */
    float scale;
    const void *data; /* [len] bytes of a GGUF file instead of the path's; NULL: the path */
    size_t len;
} decoder_adapter;
#define DECODER_MAX_ADAPTERS 8
cairn_status decoder_model_adapt(decoder_model *m, const decoder_adapter *list, size_t n,
                                 cairn_error *err);
/* A number for the adapters and their scales; 0: none. What is kept of a model's results belongs to it. */
uint64_t decoder_model_variant(const decoder_model *m);

typedef struct decoder decoder;

/* What keys and values are kept as in fast mode. */
typedef enum decoder_kv { DECODER_KV_F16, DECODER_KV_INT8 } decoder_kv;
/* "f16", "int8". */
const char *decoder_kv_name(decoder_kv kv);
bool decoder_kv_named(const char *name, decoder_kv *out);

typedef struct decoder_options {
    size_t n_ctx;   /* of a sequence; 0: the smaller of the model's own and DECODER_DEFAULT_CTX */
    size_t n_kv;    /* tokens of all sequences together, shared beginnings once; 0: n_ctx */
    size_t n_batch; /* tokens run through a layer together; 0: DECODER_DEFAULT_BATCH */
    bool exact;
    decoder_kv kv;
    pool *pool; /* borrowed; NULL: the caller's thread alone */
} decoder_options;

#define DECODER_DEFAULT_CTX   4096
#define DECODER_DEFAULT_BATCH 256
#define DECODER_MAX_CTX       ((size_t)1 << 20)

/* The model must outlive the decoder. CAIRN_EUNSUPPORTED: int8 keys and values on a device. */
cairn_status decoder_create(decoder **out, const decoder_model *m, const decoder_options *o,
                            cairn_error *err);
void decoder_destroy(decoder *d); /* NULL is fine */

typedef enum decoder_want {
    DECODER_NO_LOGITS,
    DECODER_LAST, /* logits[n_vocab] of the last token */
    DECODER_ALL   /* logits[n][n_vocab] */
} decoder_want;

/* Append n tokens to the decoder's own sequence. On CAIRN_ECANCELLED or another error the sequence
 * is what it was before the call. Cost: O(n * (weights + n_past)). */
cairn_status decoder_eval(decoder *d, const token_id *ids, size_t n, decoder_want want,
                          float *logits, cairn_error *err);
size_t decoder_past(const decoder *d); /* tokens in the sequence */
size_t decoder_ctx(const decoder *d);  /* the most a sequence can hold */
/* Forget all tokens from n_past on (n_past <= decoder_past). O(1). */
void decoder_truncate(decoder *d, size_t n_past);

/* ---- keys and values that may stand elsewhere (decoder_runs.c) ---- */

/* Positions first .. first + n - 1 of the own sequence, in a form that does not depend on where they
 * stand: keys turned back and without their bias, both rounded to int8. Not on a device (0 bytes). */
size_t decoder_run_bytes(const decoder *d, size_t n);
void decoder_export_run(decoder *d, size_t first, size_t n, uint8_t *out);

typedef struct decoder_run {
    const uint8_t *kept; /* decoder_run_bytes(n_kept), of decoder_export_run */
    size_t n_kept;
    size_t from, n; /* those of them that are taken */
    size_t at;      /* position of the first one in the sequence */
} decoder_run;

/* Append n_new positions to the own sequence, of which the runs (apart, inside of the new ones) are
 * filled in, turned to their places. The others have no keys and values yet: decoder_eval_at computes
 * them. CAIRN_EUSAGE: a run outside; CAIRN_ELIMIT; CAIRN_EUNSUPPORTED on a device. */
cairn_status decoder_append_runs(decoder *d, size_t n_new, const decoder_run *runs, size_t n_runs,
                                 cairn_error *err);
/* Compute n positions of the own sequence (rising), each of which attends to all before it; logits of
 * the last one. After an error their keys and values are undefined. */
cairn_status decoder_eval_at(decoder *d, const token_id *ids, const size_t *at, size_t n,
                             float *logits, cairn_error *err);
/* How far the keys and values at the run's positions are from the ones kept, whatever was computed there
 * since: the mean over layers of |difference| / |kept|, of the values. */
double decoder_run_distance(decoder *d, const decoder_run *run);

/* ---- several sequences over one decoder ---- */

typedef struct decoder_sequence decoder_sequence;

cairn_status decoder_sequence_create(decoder_sequence **out, decoder *d, cairn_error *err);
/* A new sequence that begins with the first n tokens of another; their keys and values are shared.
 * CAIRN_EUNSUPPORTED on a device. */
cairn_status decoder_sequence_fork(decoder_sequence **out, decoder *d, const decoder_sequence *from,
                                   size_t n, cairn_error *err);
void decoder_sequence_destroy(decoder *d, decoder_sequence *s); /* NULL is fine */
decoder_sequence *decoder_own_sequence(decoder *d);             /* of decoder_eval */
size_t decoder_sequence_past(const decoder_sequence *s);
void decoder_sequence_truncate(decoder *d, decoder_sequence *s, size_t n_past);
/* Tokens that still fit beside what all sequences hold, in whole pages of KV_PAGE. */
size_t decoder_free_tokens(const decoder *d);
size_t decoder_token_bytes(const decoder *d);  /* of keys and values, a token */
size_t decoder_batch_tokens(const decoder *d); /* the most of one decoder_eval_many */

/* Keys and values of n tokens of a sequence from `from` on (multiples of DECODER_KEEP_UNIT) as bytes, so
 * that another decoder of the same model and mode can go on from there: what it computes then has
 * the same bytes. decoder_keep_bytes is 0 where that cannot be done (on a device). */
#define DECODER_KEEP_UNIT ((size_t)16)
size_t decoder_keep_bytes(const decoder *d, size_t n);
void decoder_keep(const decoder *d, const decoder_sequence *s, size_t from, size_t n, uint8_t *out);
/* The sequence, of a multiple of DECODER_KEEP_UNIT tokens, goes on with those n. CAIRN_EINPUT: not as many
 * bytes as they have; CAIRN_ELIMIT: they do not fit. After an error it is as before. */
cairn_status decoder_restore(decoder *d, decoder_sequence *s, const uint8_t *kept, size_t n_bytes,
                             size_t n, cairn_error *err);
/* There is memory for a sequence s that goes on to `to` tokens. */
bool decoder_has_room(const decoder *d, const decoder_sequence *s, size_t to);

typedef struct decoder_item {
    decoder_sequence *s; /* each at most once a call */
    const token_id *ids;
    size_t n; /* >= 1 */
    decoder_want want;
    const size_t *at; /* [n]: not new tokens, but positions that the sequence has already, rising, whose
                         keys and values are computed again; DECODER_ALL is not for them. NULL: new */
} decoder_item;

/* One pass over the tokens of all items together. logits gets the rows that the items want, in their
 * order. A sequence's bytes do not depend on who else is in the pass. All items together have at most
 * decoder_batch_tokens tokens (CAIRN_EUSAGE). CAIRN_ELIMIT: a context is full, or the memory for keys
 * and values. After any error every sequence is what it was before. */
cairn_status decoder_eval_many(decoder *d, const decoder_item *items, size_t n_items, float *logits,
                               cairn_error *err);
/* Stop a running or the next decoder_eval soon: any thread, signal-safe. decoder_resume clears it.
 */
void decoder_cancel(decoder *d);
void decoder_resume(decoder *d);
/* Bytes of keys, values and scratch. */
size_t decoder_bytes(const decoder *d);

#endif
