/* model_draft.h - drafts by a smaller model of the same vocabulary (Leviathan et al., arXiv:2211.17192; here
 * with the rule of answer.h: a token counts only if it is what would have been sampled anyhow, so the text
 * is that of plain decoding, to the byte).
 *
 * The small model decodes greedily from the same tokens. How many it proposes follows from how its proposals
 * fared in this answer: each whole success one more, else as many as held and one; after too many failures it
 * is silent for the rest. No clock decides. */
#ifndef CAIRN_GENERATE_DECODE_MODEL_DRAFT_H
#define CAIRN_GENERATE_DECODE_MODEL_DRAFT_H

#include "generate/decode/generator.h"

typedef struct model_draft model_draft;

/* The small model is the draft's own afterwards, also after an error. CAIRN_EMODEL: a vocabulary of its
 * own. */
cairn_status model_draft_create(model_draft **out, generator *small, const generator *big,
                                cairn_error *err);
void model_draft_destroy(model_draft *d); /* NULL is fine */
/* A new answer begins. */
void model_draft_begin(model_draft *d);
/* What may follow `sequence` and then the token `last`: at most `most` tokens into draft. Returns how many; 0
 * where it has nothing to say, or fails. */
size_t model_draft_propose(model_draft *d, const token_list *sequence, token_id last, size_t most,
                           token_id *draft);
/* So many of the proposed tokens held. */
void model_draft_judge(model_draft *d, size_t proposed, size_t held);

#endif
