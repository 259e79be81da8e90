/* neighbours.h - scores evened out among passages of like meaning.
 *
 * A passage that answers a question seldom stands alone among those found: others say nearly the
 * same (the cluster hypothesis, van Rijsbergen 1979; graph-based reranking, Diaz, CIKM 2005;
 * feedback from the best passages, Rocchio 1971). The new score of passage i is
 *
 *   (1 - n - c) f(i)  +  n mean of f over the three passages most like i  +  c likeness of i to the
 * centre
 *
 * where f is the score as a share of the best, the centre the sum of the vectors, each weighted by
 * exp(10 (f - 1)), and likeness to it runs from 0 for the least to 1 for the most alike. Passages
 * without a vector keep their score and are nobody's neighbours.
 *
 * Threads  any. Time O(n * n * dim). */
#ifndef CAIRN_RETRIEVE_NEIGHBOURS_H
#define CAIRN_RETRIEVE_NEIGHBOURS_H

#include <stddef.h>

#include "base/arena.h"
#include "base/status.h"

typedef struct neighbours_params {
    float neighbours, centre; /* the weights above; their sum is at most 1 */
} neighbours_params;

/* Replace shares[n], of which the best is 1, by the new scores. vectors[i] is a unit vector[dim] or
 * NULL. CAIRN_ENOMEM. */
cairn_status neighbours_even_out(float *shares, const float *const *vectors, size_t n, size_t dim,
                                 const neighbours_params *params, arena *a, cairn_error *err);

#endif
