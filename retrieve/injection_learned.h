/* injection_learned.h - how much a sentence is an order about answers, weighed by what was learned.
 *
 * A linear model over the parts that its words play (injection_roles.h), single and by twos, and
 * over how it breaks with the text around. The weights are in injection_weights.h, which
 * bench/learn_guard.py writes and says how they were learned.
 *
 * Threads  any. */
#ifndef CAIRN_RETRIEVE_INJECTION_LEARNED_H
#define CAIRN_RETRIEVE_INJECTION_LEARNED_H

#include <stddef.h>

#include "retrieve/injection_roles.h"
#include "retrieve/sentences.h"

/* Add to roles[n], which hold what injection_roles_of says of each sentence, how it stands to the
 * text: beside it, foreign to it, without a word of it. */
void injection_roles_around(const char *text, size_t len, const text_span *s, size_t n,
                            injection_roles *roles);

/* 0 .. 1 as injection_score: from the text's parts to what is kept out. */
float injection_learned(injection_roles roles);

#endif
