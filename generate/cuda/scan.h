/* scan.h - what scan_backend.c asks of the device: score all rows of int8 codes against some
 * queries, and find the best of each.
 *
 * All pointers are the device's. A score is that of the processor's scan (index/vector), bit for
 * bit. Rows are told apart by a key of 64 bits, the score's bits in rising order above the
 * complement of the row: a higher score is better, then a lower row, and no two keys are equal. */
#ifndef CAIRN_GENERATE_CUDA_SCAN_H
#define CAIRN_GENERATE_CUDA_SCAN_H

#include <stdint.h>

#include "generate/decode/device_codes.h"

#define SCAN_QUERIES 8u   /* scored together: a code is read once for all of them */
#define SCAN_BINS    256u /* a digit of the key */

/* One a query: where the search for the least key of the best `keep` stands. */
typedef struct scan_state {
    uint64_t least; /* the digits known so far; the rest 0 */
    uint32_t left;  /* how many of the best lie below those that are surely among them */
    uint32_t done;  /* `least` is known */
    uint32_t found; /* hits written */
    uint32_t unused;
} scan_state;

typedef struct scan_query {
    float scale, offset;
    int32_t bias;
} scan_query;

typedef struct scan_step {
    device_code_rows rows;
    uint32_t n, keep;          /* queries, at most SCAN_QUERIES; hits wanted, 1 .. rows */
    const int8_t *codes;       /* [SCAN_QUERIES][stride] */
    const scan_query *queries; /* [n] */
    const uint64_t *eligible;  /* a bit a row; NULL: all rows */
    uint32_t *keys;            /* [n][rows]: the upper half of the key, 0: not a hit */
    uint32_t *bins;            /* [n][SCAN_BINS], zeros between steps */
    scan_state *states;        /* [n] */
    device_code_hit *hits;     /* [n][keep] */
} scan_step;

/* Fill keys. */
void step_scan_score(const scan_step *s);
/* From keys to hits, in no order; states[i].found says how many. */
void step_scan_select(const scan_step *s);

#endif
