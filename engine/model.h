/* model.h - the models by themselves: what `cairn model ...` shows. The streaming verbs read JSON
 * lines and write JSON lines, so one process measures or serves a whole file.
 *
 * A model is named by its name in the catalogue, or by the path of a file or folder. */
#ifndef CAIRN_ENGINE_MODEL_H
#define CAIRN_ENGINE_MODEL_H

#include <stdio.h>

#include "engine/cairn.h"

typedef struct cairn_model_flags {
    bool add_special, parse_special; /* tokenize */
    bool exact;                      /* dequantised weights, float activations */
    bool query;                      /* embed with the query prefix instead of the passage one */
    size_t n_threads, n_ctx;
    const char *draft;    /* a smaller model that drafts, of generate; NULL: as the settings say */
    const char *adapters; /* FILE[:SCALE], with commas, of generate and perplexity; NULL: as the settings say */
    const char *kv; /* "f16" or "int8": keys and values; NULL: as the settings say */
    const char *config_file; /* for the caches of generate, perplexity and bench; NULL: the usual */
    const volatile sig_atomic_t *cancel;
} cairn_model_flags;

/* The path a name stands for; CAIRN_EMODEL with the command that fetches it when it is missing. */
cairn_status cairn_model_path(const char *name, char *out, size_t cap, cairn_error *err);
/* Call fn for every model of the catalogue; path is NULL where it is not on this machine. */
void cairn_model_catalogue(void (*fn)(void *ctx, const char *name, const char *use,
                                      const char *path), void *ctx);

/* A model that is to get a name of its own, so that --model NAME and the settings find it. */
typedef struct cairn_model_source {
    const char *from;   /* add: a file (GGUF, or the default embedder's) or a folder with model.safetensors or model.onnx;
                           pull: the address of such a file */
    const char *name;   /* NULL: that of the file, without its suffix */
    const char *sha256; /* what the file must have, 64 hexadecimal digits; NULL: whatever it has */
    void (*progress)(void *ctx, uint64_t done, uint64_t total); /* bytes, total 0: unknown; may be NULL */
    void *progress_ctx;
    const volatile sig_atomic_t *cancel;
    const char *config_file; /* of the cache of packed weights; NULL: the usual one */
} cairn_model_source;

/* Copy a model to where models are looked for ($CAIRN_MODELS, or $XDG_DATA_HOME/cairn/models), after it was opened
 * to see whether it can be used, and say {"name","path","bytes","sha256"}. The default
 * embedder's own form becomes GGUF; the hash is that of what was given. It appears whole or not at all. A generator's weights are
 * packed into the cache at once, so that its first load is as fast as any.
 * CAIRN_EUSAGE: the name is taken by another model; the same one again is fine. */
cairn_status cairn_model_add(const cairn_model_source *s, FILE *out, cairn_error *err);
/* Fetch one over HTTP(S), then the same. What came before an interruption is kept, and the same call goes on from there
 * where the server allows it (Range; If-Range by its ETag). Plain http to another machine only with a
 * SHA-256. Says also {"resumed_from"}. CAIRN_EINPUT: another SHA-256; the file is thrown away. */
cairn_status cairn_model_pull(const cairn_model_source *s, FILE *out, cairn_error *err);

/* One JSON document about the file: architecture, shapes, types, tokenizer, template, sizes. */
cairn_status cairn_model_info(const char *model, FILE *out, cairn_error *err);
/* Lines in: {"id","text"} or {"id","b64"}; out: {"id","tokens"}. */
cairn_status cairn_model_tokenize(const char *model, const cairn_model_flags *flags, FILE *in,
                                  FILE *out, cairn_error *err);
/* {"id","messages"[,"tools","add_generation_prompt"]} to {"id","text"}. */
cairn_status cairn_model_template(const char *model, const cairn_model_flags *flags, FILE *in,
                                  FILE *out, cairn_error *err);
/* {"id","text"} to {"id","vector"}. */
cairn_status cairn_model_embed(const char *model, const cairn_model_flags *flags, FILE *in,
                               FILE *out, cairn_error *err);
/* {"id","query","text"} to {"id","score"}. */
cairn_status cairn_model_rerank(const char *model, const cairn_model_flags *flags, FILE *in,
                                FILE *out, cairn_error *err);
/* {"id","premise","hypothesis"} to {"id","entailment","neutral","contradiction"}, chances. */
cairn_status cairn_model_entail(const char *model, const cairn_model_flags *flags, FILE *in, FILE *out, cairn_error *err);
/* {"id","prompt"|"messages","max_tokens","temperature","seed",...} to {"id","text","tokens","timings"}. */
cairn_status cairn_model_generate(const char *model, const cairn_model_flags *flags, FILE *in,
                                  FILE *out, cairn_error *err);
/* A text file to JSON lines {"pos","token","next","logprob","top"}, last {"mean_nll","ppl","tokens"}. */
cairn_status cairn_model_perplexity(const char *model, const cairn_model_flags *flags,
                                    const char *file, size_t top, FILE *out, cairn_error *err);
typedef struct cairn_quantize_options {
    const char *type; /* "Q8_0", "Q6_K", "Q5_0", "Q4_K", "Q4_0", "F16", "BF16", "F32"; NULL: each tensor's own */
    const char *adapters; /* FILE[:SCALE], with commas: added to the weights; NULL: none */
    const char *path; /* the GGUF file to write */
    const char *text; /* a file to state the perplexity of before and after; or NULL */
    void (*progress)(void *ctx, size_t done, size_t total); /* bytes; may be NULL */
    void *progress_ctx;
} cairn_quantize_options;

/* A copy of a GGUF model in another type (generate/decode/quantize.h says which tensors become what): one
 * JSON document {"model","output","type","bytes_before","bytes_after","tensors","quantised_before",
 * "seconds","ppl_before","ppl_after"}. The file appears whole or not at all. */
cairn_status cairn_model_quantize(const char *model, const cairn_quantize_options *options,
                                  const cairn_model_flags *flags, FILE *out, cairn_error *err);
/* Speeds as JSON lines, one a setting. */
cairn_status cairn_model_bench(const char *model, const cairn_model_flags *flags, const size_t *pp,
                               size_t n_pp, const size_t *depth, size_t n_depth, size_t tg,
                               FILE *out, cairn_error *err);

#endif
