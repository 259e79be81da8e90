/* shingles.h - the sets of word triples of two texts compared (Broder, 1997): who repeats whom.
 *
 * Words are runs of letters and digits, case folded for ASCII; a text of fewer than three words is one
 * shingle. */
#ifndef CAIRN_RETRIEVE_SHINGLES_H
#define CAIRN_RETRIEVE_SHINGLES_H

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/status.h"

typedef struct shingle_set {
    uint64_t *hashes; /* [n] rising, each once */
    size_t n;
} shingle_set;

/* Every shingle of a text in its order, repeated ones again. */
void shingles_each(const char *text, size_t len, void (*fn)(void *ctx, uint64_t shingle), void *ctx);
/* Into the arena. CAIRN_ENOMEM. */
cairn_status shingles_make(const char *text, size_t len, arena *a, shingle_set *out, cairn_error *err);
/* All shingles of both. */
cairn_status shingles_join(const shingle_set *x, const shingle_set *y, arena *a, shingle_set *out,
                           cairn_error *err);
size_t shingles_common(const shingle_set *x, const shingle_set *y);
/* Share of x that is in y; 0 for an empty x. */
float shingles_contained(const shingle_set *x, const shingle_set *y);
/* Common ones against all of both; 0 where both are empty. */
float shingles_jaccard(const shingle_set *x, const shingle_set *y);

#endif
