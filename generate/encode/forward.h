/* forward.h - run packed sequences through a BERT.
 *
 * A batch is a run of T token rows: sequences laid back to back, no padding. Every matrix product
 * goes over all rows at once; only attention and pooling look at where a sequence ends.
 *
 * Owns     the repacked weights (made at the first run) and the buffers of a batch, which grow to
 *          the largest batch seen.
 * Threads  one run at a time; the pool works inside. */
#ifndef CAIRN_GENERATE_ENCODE_FORWARD_H
#define CAIRN_GENERATE_ENCODE_FORWARD_H

#include "base/pool.h"
#include "generate/encode/bert.h"
#include "generate/encode/encode_kernels.h"

typedef struct forward forward;

typedef struct forward_batch {
    const int32_t *ids;    /* [offsets[n]], each < vocab */
    const uint8_t *types;  /* [offsets[n]], each < types; NULL: all 0 */
    const size_t *offsets; /* [n + 1], from 0; each sequence 1 .. max_tokens long */
    size_t n;
    bool sum;   /* wanted is the sum of each sequence's rows, not the rows */
    bool first; /* wanted is each sequence's first row */
} forward_batch;

/* `b` and `p` (may be NULL) are borrowed. `bits` that float weights are kept in, 8 or 16; 0: 8
 * where 16 are more than 32 MiB and the model has no head. */
cairn_status forward_create(forward **out, const bert *b, pool *p, bool exact, unsigned bits,
                            const encode_kernels *kernels, cairn_error *err);
void forward_destroy(forward *f);

/* Rows that make a good batch: enough to spread the cost of unpacking weights, few enough to stay
 * in the caches. */
#define FORWARD_ROWS 1024
/* The same for this one: a device wants more of them. */
size_t forward_batch_rows(const forward *f);

/* The hidden rows of the last layer, [offsets[n]][hidden], or their sums or the first ones, [n][hidden]; valid until
 * the next run. On a device (generate/decode/device.h) once enough has been run to pay for opening
 * it: the bytes are the same. */
cairn_status forward_run(forward *f, const forward_batch *batch, const float **hidden,
                         cairn_error *err);

#endif
