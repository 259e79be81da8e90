/* relative.h - attention by relative positions (He et al., arXiv:2006.03654, section 3.1): what its table gives through
 * each layer's key and query matrices. It does not depend on a text: it is computed once a model and kept, in the form
 * that attention.h reads.
 *
 * Rows stand in falling order of the query's distance from the key, so that for one query the keys of a text read
 * neighbouring rows. Only rows that a text of the model's length can reach are kept. Distances farther than half the
 * buckets share rows by their logarithm (arXiv:2111.09543's models: 256 buckets for 512 positions).
 *
 * Owns     the tables. The model is borrowed.
 * Threads  relative_fill: one; the pool works inside. What comes after: any number.
 * Errors   CAIRN_ENOMEM; CAIRN_ELIMIT: the tables would take more than 1 GiB. */
#ifndef CAIRN_GENERATE_ENCODE_RELATIVE_H
#define CAIRN_GENERATE_ENCODE_RELATIVE_H

#include "generate/encode/attention.h"
#include "generate/encode/linear.h"

typedef struct relative relative;

/* For a model with b->relative.span. */
cairn_status relative_create(relative **out, const bert *b, bool exact, const encode_kernels *kernels,
                             cairn_error *err);
void relative_destroy(relative *r); /* NULL is fine */

/* Rows of a table, a multiple of 32. */
size_t relative_rows(const relative *r);
/* Scratch bytes a worker needs for relative_fill. */
size_t relative_scratch(const relative *r);
/* Make the tables, where they are not there yet. linears[n_layers * BERT_LINEARS] are packed; scratch: [workers]. */
cairn_status relative_fill(relative *r, const linear *linears, pool *p, void *const *scratch, cairn_error *err);

/* Of one head, after relative_fill; valid as long as r. */
attention_positions relative_head(const relative *r, size_t layer, size_t head);

#endif
