/* cuts.h - the scanners under pretokenize.h; only pretokenize.c and pretokenize_cuts.c include it. */
#ifndef CAIRN_GENERATE_TOKENIZE_CUTS_H
#define CAIRN_GENERATE_TOKENIZE_CUTS_H

#include "generate/tokenize/pretokenize.h"

/* The end of the piece that begins at `at` of s[0, len): what one expression matches there, or what lies before its
 * next match. s ends where the piece of the step before does. */
typedef size_t cut(const char *s, size_t len, size_t at);

typedef struct cut_rule {
    cut *steps[PRETOKENIZE_STEPS]; /* up to a NULL */
} cut_rule;

typedef enum char_class { AT_END, LETTER, NUMBER, SPACE, NEWLINE, OTHER } char_class;

/* Class and width of the character at s[at]; AT_END with width 0 behind the last one. */
char_class cut_class_at(const char *s, size_t len, size_t at, size_t *width);
/* The end of the run of `want` from `at`. */
size_t cut_run(const char *s, size_t len, size_t at, char_class want);
/* Bytes of the contraction at s[at] = ', or 0. */
size_t cut_contraction(const char *s, size_t len, size_t at, bool any_case);
/* White space from `at` on, by the last alternatives of most expressions. `newlines`: \s*[\r\n]+ comes first.
 * `stop_at_number`: a number ends the stretch, so white space before it is followed by nothing. */
size_t cut_white_space(const char *s, size_t len, size_t at, bool newlines, bool stop_at_number);

extern const cut_rule cut_gpt2, cut_smollm, cut_qwen2, cut_llama3;
/* pretokenize_cuts.c */
extern const cut_rule cut_tekken, cut_gpt4o, cut_qwen35, cut_seed_coder, cut_deepseek_llm, cut_deepseek_coder, cut_deepseek3,
    cut_bloom, cut_viking;

#endif
