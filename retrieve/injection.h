/* injection.h - does a piece of a document speak to a language model instead of to its reader?
 *
 * A document is data, whatever it says; this only finds text that tries to be more, so that it can
 * be kept out of a prompt: orders to ignore instructions, orders about "your response", role play
 * and jail breaks, imitated chat markers and delimiters, messages "to you, the assistant" or to any
 * machine that reads, orders about what whoever asks is to be told, or told in place of what is
 * written, requests for the system prompt, orders to build foreign code in, characters that cannot
 * be seen, orders behind an encoding. Beside the wordings, the table of injection_rules.h, kinds of
 * signs count together (injection_intent.h), and a linear model weighs the parts that a sentence's
 * words play with its break with the text around (injection_learned.h). English, German, Spanish, French, Russian, Arabic and Chinese; the
 * commonest forms in Italian, Portuguese, Dutch, Polish, Turkish and Japanese.
 *
 * A rule is no proof: 0.5 and more is kept out of evidence, 0.3 and more is not shown beside
 * evidence. A sentence of a letter that asks for something "in your reply" is kept out, too; the
 * rest of the letter stays.
 *
 * Threads  any. */
#ifndef CAIRN_RETRIEVE_INJECTION_H
#define CAIRN_RETRIEVE_INJECTION_H

#include <stdbool.h>
#include <stddef.h>

#include "retrieve/injection_roles.h"
#include "retrieve/sentences.h"

#define INJECTION_SENTENCE 0.5f
#define INJECTION_BESIDE   0.3f

/* What one sentence does. */
typedef struct injection_reading {
    float score; /* 0 .. 1, by rules, signs and intents */
    bool says;   /* it begins with an order to tell, answer, write, recommend */
    bool drops;  /* it sets aside what was said before, and no more */
    injection_roles roles; /* the parts that its words play; not yet weighed in `score` */
} injection_reading;

/* 0 .. 1 for one sentence or a short text; of a longer one the first 4 KiB count. */
float injection_score(const char *text, size_t len);

injection_reading injection_read(const char *text, size_t len);

/* The same for the sentences s[n] of a text, each weighed with how it stands to the others:
 * score[n]. What stands in one planted block with a
 * sentence that is kept out (between its marks, behind its heading, between two such sentences) is
 * kept out with it; injection_block.c has the rules. */
void injection_scores(const char *text, size_t len, const text_span *s, size_t n, float *score);

#endif
