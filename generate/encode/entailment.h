/* entailment.h - what the outputs of a model of natural language inference mean: whether a text (the premise) holds,
 * leaves open or denies a statement (the hypothesis).
 *
 * Models of this kind differ in the order of their outputs and say it in id2label of config.json. Three outputs:
 * entailment, neutral, contradiction; two: entailment and one other, which counts as neutral ("not_entailment") or
 * contradiction, as it is called.
 *
 * Owns     nothing. Threads any. */
#ifndef CAIRN_GENERATE_ENCODE_ENTAILMENT_H
#define CAIRN_GENERATE_ENCODE_ENTAILMENT_H

#include "generate/encode/encoder.h"

typedef struct entailment_head {
    size_t labels;                      /* 2 or 3 */
    int entails, neutral, contradicts; /* outputs; -1: there is none */
} entailment_head;

/* Chances that sum to 1; of an output that there is none of, 0. */
typedef struct entailment {
    float entails, neutral, contradicts;
} entailment;

/* CAIRN_EUNSUPPORTED: no head, one of another number of outputs, or outputs that are not called so; the sentence says
 * what to write into config.json. */
cairn_status entailment_head_read(entailment_head *out, const encoder *e, cairn_error *err);
/* Whether the folder's config.json calls its outputs so; nothing else of it is opened. */
bool entailment_is_folder(const char *folder);
/* logits[h->labels] to chances (softmax). */
void entailment_read(const entailment_head *h, const float *logits, entailment *out);
/* Premises first[n] and hypotheses second[n]; out[n]. The encoder is used as encoder_classify uses it. */
cairn_status entailment_judge(encoder *e, const entailment_head *h, const encoder_text *premises,
                              const encoder_text *hypotheses, size_t n, entailment *out, cairn_error *err);

#endif
