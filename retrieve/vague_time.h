/* vague_time.h - times that are no date: "at the end of June", "on Tuesday between 8 and 12", "the third working day of each
 * month", "within six weeks", "in the first winter".
 *
 * They answer "when" where a text has no date. Words of English, German, Spanish and French, and the commonest of Russian; a month or a day of the
 * week counts as it is written in its language (with a capital in English and German), a span of time only behind or
 * before a word that makes it a time ("within six weeks", "30 days before").
 *
 * Threads  any; no state. */
#ifndef CAIRN_RETRIEVE_VAGUE_TIME_H
#define CAIRN_RETRIEVE_VAGUE_TIME_H

#include "retrieve/quantity.h"
#include "retrieve/sentences.h"

/* The places in text[0, len), in order; at most `most`, of which n_quantities + len / 2 are enough. Returns how many. */
size_t vague_times(const char *text, size_t len, const quantity *quantities, size_t n_quantities, text_span *out, size_t most);

#endif
