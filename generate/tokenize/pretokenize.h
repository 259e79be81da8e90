/* pretokenize.h - cut a text into the words that byte-level BPE works on.
 *
 * Each model family was trained with its own cut, given there as a regular expression; the
 * expressions are quoted in pretokenize.c beside the scanners that do the same in one pass.
 * Letters (L*), numbers (N*) and white space are Unicode's, from ICU. */
#ifndef CAIRN_GENERATE_TOKENIZE_PRETOKENIZE_H
#define CAIRN_GENERATE_TOKENIZE_PRETOKENIZE_H

#include <stdbool.h>
#include <stddef.h>

typedef struct pretokenizer {
    const char *name;    /* tokenizer.ggml.pre */
    bool gpt2;           /* GPT-2's expression; else that of Llama 3 and Qwen 2 */
    bool lone_digits;    /* every number character is a stretch of its own, before anything else */
    unsigned max_digits; /* numbers in a word, for the expression that is not GPT-2's */
    bool ignore_merges;  /* a word that is a token is that token, whatever the merges say */
    bool add_bos;        /* where the file does not say */
} pretokenizer;

/* How a tokenizer.json writes a cut down: expressions, each applied to the pieces that the one before left. Those of
 * its ByteLevel and Digits have names here. */
#define PRETOKENIZE_STEPS 8
#define PRETOKENIZE_GPT2  "ByteLevel"
#define PRETOKENIZE_DIGIT "Digits"

/* The one that does the same as these n expressions, or NULL. */
const pretokenizer *pretokenizer_by_steps(const char *const *steps, size_t n, bool ignore_merges);
/* NULL for a name that is not known. */
const pretokenizer *pretokenizer_find(const char *name, size_t len);
/* All known names, separated by spaces. */
const char *pretokenizer_names(void);
/* The end of the word that begins at `at` < len. s is valid UTF-8. */
size_t pretokenize_next(const pretokenizer *p, const char *s, size_t len, size_t at);

#endif
