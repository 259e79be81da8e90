/* dry.h - DRY ("don't repeat yourself"): what a token would repeat if it came next (P. E. Weidmann,
 * text-generation-webui pull request 5677; the edges are llama.cpp's).
 *
 * A token that followed an earlier occurrence of the run that now ends the sequence would make that
 * run longer. From dry_allowed_length tokens on it is penalised by multiplier * base^(length -
 * allowed). Runs do not reach across a breaker (a token with a line break, a quotation mark ...). */
#ifndef CAIRN_GENERATE_SAMPLE_DRY_H
#define CAIRN_GENERATE_SAMPLE_DRY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "generate/tokenize/tokenizer.h"

typedef struct dry_repeat {
    token_id id;
    size_t length; /* of the longest run that it would make longer */
} dry_repeat;

/* For text[0, n), its last tokens being the newest: the tokens that would go on a run of at least
 * `least` (>= 1) tokens, each once. is_breaker(ctx, id) ends runs. out holds n; `scratch` holds n.
 * Returns how many. O(n log n). */
size_t dry_repeats(const token_id *text, size_t n, size_t least,
                   bool (*is_breaker)(const void *ctx, token_id id), const void *ctx,
                   size_t *scratch, dry_repeat *out);

#endif
