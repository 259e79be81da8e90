/* kv_files.h - keys and values of runs of tokens kept on disk, so that the next process does not compute
 * them again.
 *
 * Two kinds of runs, each in a folder of its own:
 *   KV_FILES_BEGINNINGS  beginnings of prompts, in the bytes that the decoder would compute (one order of
 *                        summation). A long one may lie in several files, each of which goes on where
 *                        another ends: a path of the tree in prefix_tree.h.
 *   KV_FILES_PASSAGES    passages, in a form that does not depend on where they stand in a prompt
 *                        (decoder_export_run), as they are behind what prompts begin with (the frame).
 *
 * A file is for one model file, its adapters, form of keys and values, row of kernels, the tokens before
 * the run and the run's own. What is found has its checksum verified and its tokens compared; anything
 * else about a folder is as in weight_cache.h: bounded, least recently used first, never trusted, may be
 * deleted at any time, and nothing fails because of it.
 *
 * Threads  a handle is immutable: any. */
#ifndef CAIRN_GENERATE_DECODE_KV_FILES_H
#define CAIRN_GENERATE_DECODE_KV_FILES_H

#include "generate/decode/decoder.h"

typedef enum kv_files_kind { KV_FILES_BEGINNINGS, KV_FILES_PASSAGES } kv_files_kind;

typedef struct kv_files_options {
    const char *folder;    /* made where it is missing; NULL: no cache */
    uint64_t budget_bytes; /* of all files together; 0: no cache */
} kv_files_options;

typedef struct kv_files kv_files;

/* g: the model's file on disk; variant: decoder_model_variant. NULL where there is no cache to be had. */
kv_files *kv_files_open(const kv_files_options *o, kv_files_kind kind, const gguf *g, bool exact,
                        decoder_kv kv, uint64_t variant);
void kv_files_close(kv_files *c); /* NULL is fine */

/* n tokens that stand behind n_before others. */
typedef struct kv_run {
    const token_id *before;
    size_t n_before;
    const token_id *ids;
    size_t n;
} kv_run;

typedef struct kv_file {
    uint8_t *file;       /* to be freed; holds what `kept` points at */
    const uint8_t *kept; /* the run's keys and values */
} kv_file;

/* False: it is not there. `bytes`: how long the keys and values of such a run are. */
bool kv_files_load(const kv_files *c, const kv_run *run, size_t bytes, kv_file *out);
bool kv_files_has(const kv_files *c, const kv_run *run);
void kv_files_store(const kv_files *c, const kv_run *run, const uint8_t *kept, size_t bytes);

/* ---- beginnings ---- */

#define KV_FILES_LEAST ((size_t)32) /* tokens worth a file */

/* s holds the first tokens of ids[0, n), in d. Take as many more as files have; how many it holds then.
 * It never gets fewer, unless a file could not be read after all. */
size_t kv_files_extend(const kv_files *c, decoder *d, decoder_sequence *s, const token_id *ids,
                       size_t n);
/* Keep the first n of s's tokens ids, rounded down to DECODER_KEEP_UNIT, as far as no file has them.
 * Whether a file was written. */
bool kv_files_keep(const kv_files *c, decoder *d, const decoder_sequence *s, const token_id *ids,
                   size_t n);

#endif
