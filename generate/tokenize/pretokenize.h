/* pretokenize.h - cut a text into the words that byte-level BPE works on.
 *
 * Each model family was trained with its own cut, given there as one regular expression or as several, each applied to
 * the pieces that the one before left; the expressions are quoted in pretokenize.c and pretokenize_cuts.c beside the
 * scanners that do the same in one pass. Categories (L*, M*, N*, P*, S*) and white space are Unicode's, from ICU. */
#ifndef CAIRN_GENERATE_TOKENIZE_PRETOKENIZE_H
#define CAIRN_GENERATE_TOKENIZE_PRETOKENIZE_H

#include <stdbool.h>
#include <stddef.h>

#define PRETOKENIZE_STEPS 8

typedef struct pretokenizer {
    const char *name;             /* tokenizer.ggml.pre */
    const struct cut_rule *rule;  /* cuts.h */
    bool ignore_merges;           /* a word that is a token is that token, whatever the merges say */
    bool add_bos;                 /* where the file does not say */
} pretokenizer;

/* How a tokenizer.json writes a cut down: expressions, those of its ByteLevel and Digits by names. */
#define PRETOKENIZE_GPT2  "ByteLevel"
#define PRETOKENIZE_DIGIT "Digits"

/* The one that does the same as these n expressions, or NULL. */
const pretokenizer *pretokenizer_by_steps(const char *const *steps, size_t n, bool ignore_merges);
/* NULL for a name that is not known. */
const pretokenizer *pretokenizer_find(const char *name, size_t len);
/* All known names, separated by spaces. */
const char *pretokenizer_names(void);

/* Where the pieces of each step end that the next word lies in; zeroed before a text's first word. */
typedef struct pretokenize_state {
    size_t ends[PRETOKENIZE_STEPS];
} pretokenize_state;

/* The end of the word that begins at `at` < len: 0, or where the word before ended. s is valid UTF-8. */
size_t pretokenize_next(const pretokenizer *p, pretokenize_state *state, const char *s, size_t len, size_t at);

#endif
