/* prefix_cache.h - keys and values of prompts' beginnings kept on disk, so that the next process does
 * not compute the system prompt again.
 *
 * A file holds the tokens of a beginning and their keys and values, in the bytes that the decoder
 * would compute (one order of summation), for one model file and mode. What is found has its
 * checksum verified and its tokens compared; anything else about the folder is as in weight_cache.h:
 * bounded, never trusted, may be deleted at any time, and nothing fails because of it. */
#ifndef CAIRN_GENERATE_DECODE_PREFIX_CACHE_H
#define CAIRN_GENERATE_DECODE_PREFIX_CACHE_H

#include "generate/decode/decoder.h"

typedef struct prefix_cache_options {
    const char *folder;    /* made where it is missing; NULL: no cache */
    uint64_t budget_bytes; /* of all files together; 0: no cache */
} prefix_cache_options;

typedef struct prefix_cache prefix_cache;

/* g: the model's file on disk; variant: decoder_model_variant. NULL where there is no cache to be had. */
prefix_cache *prefix_cache_open(const prefix_cache_options *o, const gguf *g, bool exact,
                                decoder_kv kv, uint64_t variant);
void prefix_cache_close(prefix_cache *c); /* NULL is fine */
/* Put the longest beginning of ids[0, n) that is kept and longer than `beyond` into d's own sequence,
 * which is emptied. Returns its length; 0: none, the sequence is untouched unless a file could not
 * be read after all (then it is empty). */
size_t prefix_cache_load(prefix_cache *c, decoder *d, const token_id *ids, size_t n, size_t beyond);
/* Keep the first n of d's own tokens ids (a multiple of DECODER_KEEP_UNIT), unless they are kept. */
void prefix_cache_store(prefix_cache *c, decoder *d, const token_id *ids, size_t n);

#endif
