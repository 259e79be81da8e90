/* reader.h - whether the evidence answers the question, as the generator has read it.
 *
 * Before a language model writes its first word it holds, at the last token of the prompt, whether the texts above answer the
 * question: a straight line through the state behind one of its middle layers tells it better than anything that
 * the model says of it, and the prompt has to be read anyway. The line, and what it weighs beside
 * the evidence's own odds, were learned for one model and one prompt (reader_weights.c); for others there is none. */
#ifndef CAIRN_ENGINE_READER_H
#define CAIRN_ENGINE_READER_H

#include "engine/ask.h"

#define READER_WIDTH 896

typedef struct reader_weights {
    const char *model, *prompt; /* general.name, and a compiled-in prompt */
    size_t n_layers, width, layer;
    float weight[READER_WIDTH], bias; /* of the state, before any norm */
    float evidence, reading, offset;  /* log-odds = evidence * its log-odds + reading * the line + offset */
} reader_weights;

extern const reader_weights reader_known[];
extern const size_t reader_n_known;

/* The weights for this question's generator and prompt; NULL where there are none, or more than the evidence and the question
 * would stand in the prompt (earlier turns, facts). */
const reader_weights *reader_of(const asking *a);
/* The chance that the question is answered, by both. */
float reader_chance(const reader_weights *w, float answerable, const float *state);

#endif
