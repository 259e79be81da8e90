/* answer.h - one answer in the making: tokens are chosen from logits, drafts judged, text streamed.
 * What feeds the model (generate.c for one sequence, batcher.c for many) hands in logits.
 *
 * Text goes out as soon as it is safe: whole characters, and nothing that may turn out to be the
 * beginning of a stop string.
 *
 * A pass of the model runs over the token chosen last and a draft of the next ones. Row i of its
 * logits says what follows the first i tokens of the draft; as long as what is sampled there is what
 * was drafted, the next row holds too. So every token is sampled from the same bytes, in the same
 * order, as without drafts. */
#ifndef CAIRN_GENERATE_DECODE_ANSWER_H
#define CAIRN_GENERATE_DECODE_ANSWER_H

#include "generate/decode/copy_draft.h"
#include "generate/decode/generate.h"
#include "generate/grammar/token_mask.h"

typedef struct answer {
    generate_params p;
    const tokenizer *tok;
    size_t n_pick;               /* ids that may be chosen */
    const char *name;            /* of the model, for errors */
    const atomic_bool *cancel;
    generate_result *out;
    int64_t start_ns;

    sampler *pick;
    token_mask *mask;   /* of what may come next; NULL: anything */
    copy_draft *drafts; /* NULL: none */
    size_t match, n_draft;
    struct model_draft *model; /* drafts where there is nothing to copy; NULL: none */
    const token_list *sequence; /* with model: the tokens that the pass's follow */
    bool guessed; /* the draft is the model's */
    bool forced;  /* the draft is what the constraint leaves no choice in */
    token_id batch[COPY_DRAFT_MAX + 1];
    bytes raw;    /* the text as the tokens gave it */
    size_t given; /* of raw, handed to the callback */
    bool stopped; /* a stop string was found, raw ends before it */
    bool refused; /* the callback said no */
    bool done;    /* out->finish says how */
} answer;

/* What may be sampled and drafted follows from the params (copied; what they point at is borrowed)
 * and the prompt. *out is cleared. answer_end must follow, also after a failure. */
cairn_status answer_begin(answer *a, generator *g, const generate_params *p, const token_id *prompt,
                          size_t n, const atomic_bool *cancel, generate_result *out,
                          cairn_error *err);
/* The next pass: the token chosen last and, as far as `room` more tokens fit the context, a draft.
 * Returns how many (>= 1 for room >= 1); they stand in a->batch. */
size_t answer_propose(answer *a, size_t room);
/* rows[n][stride] are the logits after each token of that pass (or, the first time, after the
 * prompt: n = 1). *kept: how many of the pass's tokens belong to the sequence. Sets a->done. */
cairn_status answer_consume(answer *a, const float *rows, size_t stride, size_t n, size_t *kept,
                            cairn_error *err);
/* Show the logits of the first token to whoever wants to see them; may set a->done. */
void answer_look(answer *a, const float *logits);
/* Set how it ended where that was not the model's doing. */
void answer_finish(answer *a, generate_finish how);
/* The rest of the text goes out, and all of it into *out. Returns st, or what went wrong here. */
cairn_status answer_end(answer *a, cairn_status st, cairn_error *err);

#endif
