/* passage_cache.h - keys and values of passages kept on disk, in a form that does not depend on where a
 * passage stands in a prompt (decoder_export_run).
 *
 * A passage's keys and values are those it has behind a frame: what the prompts that it comes in begin
 * with (the system prompt). A file is for one model file, frame and list of tokens. It is the same on
 * every CPU row (one order of summation). As in prefix_cache.h: checksummed, bounded, least recently
 * used first, may be deleted at any time, and nothing fails because of it. */
#ifndef CAIRN_GENERATE_DECODE_PASSAGE_CACHE_H
#define CAIRN_GENERATE_DECODE_PASSAGE_CACHE_H

#include "generate/decode/decoder.h"

typedef struct passage_cache_options {
    const char *folder;    /* made where it is missing; NULL: no cache */
    uint64_t budget_bytes; /* of all files together; 0: no cache */
} passage_cache_options;

typedef struct passage_cache passage_cache;

/* g: the model's file on disk; variant: decoder_model_variant. NULL where there is no cache to be had. */
passage_cache *passage_cache_open(const passage_cache_options *o, const gguf *g, decoder_kv kv,
                                  uint64_t variant);
void passage_cache_close(passage_cache *c); /* NULL is fine */

typedef struct kept_passage {
    uint8_t *file;       /* to be freed; holds what `kept` points at */
    const uint8_t *kept; /* decoder_run_bytes of its tokens */
} kept_passage;

/* n tokens behind the frame; false: not there. `bytes` is what decoder_run_bytes gives for them. */
bool passage_cache_load(passage_cache *c, const token_id *frame, size_t n_frame,
                        const token_id *ids, size_t n, size_t bytes, kept_passage *out);
bool passage_cache_has(const passage_cache *c, const token_id *frame, size_t n_frame,
                       const token_id *ids, size_t n);
void passage_cache_store(passage_cache *c, const token_id *frame, size_t n_frame,
                         const token_id *ids, size_t n, const uint8_t *kept, size_t bytes);

#endif
