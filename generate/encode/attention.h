/* attention.h - softmax(Q K^T / sqrt(d)) V for one head of one sequence.
 *
 * Owns     nothing; scratch is the worker's. */
#ifndef CAIRN_GENERATE_ENCODE_ATTENTION_H
#define CAIRN_GENERATE_ENCODE_ATTENTION_H

#include <stdbool.h>
#include <stddef.h>

#include "generate/encode/encode_kernels.h"

typedef struct attention_head {
    const float *q, *k, *v; /* [n][width] at stride ld */
    size_t ld;
    float *out; /* [n][width] at stride out_ld */
    size_t out_ld;
    size_t n, width;  /* tokens; width of the head */
    size_t n_queries; /* of them, from the first on, those whose outputs are wanted */
} attention_head;

/* Scratch bytes for sequences of up to n tokens. */
size_t attention_scratch(size_t n, size_t width, bool exact);
void attention_run(const encode_kernels *kernels, const attention_head *head, bool exact,
                   void *scratch);

#endif
