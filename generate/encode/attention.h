/* attention.h - softmax(Q K^T / sqrt(d)) V for one head of one sequence, with or without terms by relative positions.
 *
 * Owns     nothing; scratch is the worker's. */
#ifndef CAIRN_GENERATE_ENCODE_ATTENTION_H
#define CAIRN_GENERATE_ENCODE_ATTENTION_H

#include <stdbool.h>
#include <stddef.h>

#include "generate/encode/encode_kernels.h"

/* What relative positions add to a head's scores (relative.h): to that of query q and key k the product of q with the
 * position's key, and that of k with the position's query. The position is row step[k - q] of either table. */
typedef struct attention_positions {
    const int32_t *step; /* for -(n - 1) to n - 1: rising, by one up to `near` from 0 */
    size_t near, rows; /* rows: of the tables, a multiple of 32 */
    const void *keys; /* panels of 32 rows, as keys are packed: floats, or 16 bits with scales; NULL: no such term */
    const float *key_scale;
    const void *queries; /* [rows][width padded to 32], likewise */
    const float *query_scale;
} attention_positions;

typedef struct attention_head {
    const float *q, *k, *v; /* [n][width] at stride ld */
    size_t ld;
    float *out; /* [n][width] at stride out_ld */
    size_t out_ld;
    size_t n, width;  /* tokens; width of the head */
    size_t n_queries; /* of them, from the first on, those whose outputs are wanted */
    size_t terms;     /* scores are divided by sqrt(terms * width) */
    const attention_positions *positions; /* NULL: none */
} attention_head;

/* Scratch bytes for sequences of up to n tokens, with tables of `rows` positions (a multiple of 32) or 0. */
size_t attention_scratch(size_t n, size_t width, size_t rows, bool exact);
void attention_run(const encode_kernels *kernels, const attention_head *head, bool exact,
                   void *scratch);

#endif
