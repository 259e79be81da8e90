/* evidence_model.h - the coefficients of evidence.c. */
#ifndef CAIRN_RETRIEVE_EVIDENCE_MODEL_H
#define CAIRN_RETRIEVE_EVIDENCE_MODEL_H

#include "retrieve/evidence.h"

/* log-odds = bias + sum weight[i] * feature[i] */
typedef struct sentence_model {
    float bias;
    float weight[EVIDENCE_FEATURES];
} sentence_model;

typedef struct question_model {
    float bias;
    float weight[EVIDENCE_FEATURES];
    float extra[EVIDENCE_EXTRAS];
} question_model;

/* Without vectors; with the passages' vectors; with cosines of sentences, too; of a passage in another
 * language than the question, whose words say nothing. */
extern const sentence_model sentence_by_words, sentence_by_vectors, sentence_by_cosine,
    sentence_foreign;
extern const question_model question_by_words, question_by_cosine, question_foreign;

/* Which sentences a reader should be shown: not the chance of one to be the answer by itself, but the order in which the few that fit
 * before a model hold it most often. Of sentences of one question alone; at most READING_LARGEST either way, whatever the features. */
#define READING_LARGEST 100.0f
float sentence_for_reading(const float *feature /* [EVIDENCE_FEATURES] */);

/* What question_by_cosine gets on top where question and passage are in this language; 0 for most. */
float question_language_bias(const char *lang);

#endif
