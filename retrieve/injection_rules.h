/* injection_rules.h - the wordings that injection.c looks for.
 *
 * A rule has up to three groups of alternatives, divided by bars. Each group must occur, in order,
 * each beginning at most `window` bytes behind the end of the one before. Alternatives are
 * beginnings of words (of anything, for scripts without blanks between words). They are written as
 * injection.c folds a text: small letters, runs of blanks as one, quotation marks as blanks. */
#ifndef CAIRN_RETRIEVE_INJECTION_RULES_H
#define CAIRN_RETRIEVE_INJECTION_RULES_H

#include <stdbool.h>
#include <stddef.h>

#define INJECTION_GROUPS 3

typedef struct injection_rule {
    float score;
    bool first; /* the first group must begin the sentence (behind "please", "also", ...) */
    size_t window;
    const char *group[INJECTION_GROUPS];
} injection_rule;

extern const injection_rule injection_rules[];
extern const size_t injection_n_rules;

/* Strings that are the sign itself, wherever they stand; folded, so _ is a blank. */
typedef struct injection_sign {
    float score;
    const char *text;
} injection_sign;

extern const injection_sign injection_signs[];
extern const size_t injection_n_signs;

/* Beginnings of sentences that order somebody to say something; divided by bars, folded. */
extern const char injection_says[];

#endif
