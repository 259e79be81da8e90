/* copy_draft.h - drafts for speculative decoding, copied from what the sequence already holds.
 *
 * An answer from documents repeats runs of its passages. After each token the longest run that ends
 * the sequence and stood in it before is known; what followed it there is the draft (the idea:
 * "inference with reference", Yang et al., arXiv:2304.04487). The model then judges the whole draft in one pass; a wrong draft costs time, never a different token.
 *
 * How far to draft follows from how often drafts after runs of that length held so far in this
 * answer, and what a pass over n tokens costs against one over a single token. No clock is asked:
 * the same sequence gives the same drafts.
 *
 * Threads  one owner. */
#ifndef CAIRN_GENERATE_DECODE_COPY_DRAFT_H
#define CAIRN_GENERATE_DECODE_COPY_DRAFT_H

#include "base/status.h"
#include "generate/tokenize/tokenizer.h"

#define COPY_DRAFT_MAX 15 /* tokens of a draft: with the token before it two tiles of the kernels */

typedef struct copy_draft copy_draft;

cairn_status copy_draft_create(copy_draft **out, cairn_error *err);
void copy_draft_destroy(copy_draft *d); /* NULL is fine */
/* The sequence goes on. O(1) amortised. After CAIRN_ENOMEM the token is missing: destroy it. */
cairn_status copy_draft_append(copy_draft *d, token_id id);
size_t copy_draft_length(const copy_draft *d); /* tokens appended */
/* Length of the longest run that ends the sequence and ended elsewhere in it before. */
size_t copy_draft_match(const copy_draft *d);
/* What is likely to follow: up to `most` (at most COPY_DRAFT_MAX) tokens into out; 0: no idea worth
 * a wider pass. */
size_t copy_draft_propose(const copy_draft *d, size_t most, token_id *out);
/* Of the draft just proposed, with the match it was made from, `right` of `n` tokens held. */
void copy_draft_judge(copy_draft *d, size_t match, size_t n, size_t right);


/* The automaton by itself: where a run goes on. State 0 is the empty run; COPY_DRAFT_NOWHERE: the run
 * and this token behind it are nowhere in the sequence. */
#define COPY_DRAFT_NOWHERE UINT32_MAX
uint32_t copy_draft_next(const copy_draft *d, uint32_t state, token_id id);

#endif
