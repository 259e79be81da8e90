/* eval_text.h - how near one text is to another, as answers are measured against accepted ones.
 *
 * Words are the analyzer's without stemming: case, punctuation and width do not count. Exact match and token F1
 * are SQuAD's (Rajpurkar et al., 2016, section 6.1) without dropping articles, which other languages do not have;
 * ROUGE-L is Lin's F measure with beta 1; BLEU is that of a sentence, to runs of four words, with one added to
 * the counts of runs of two and more (Lin and Och, 2004). All are 0 .. 1, and 0 without memory.
 *
 * Owns     what it gives lies in the arena. Any thread. */
#ifndef CAIRN_ENGINE_EVAL_TEXT_H
#define CAIRN_ENGINE_EVAL_TEXT_H

#include "base/arena.h"
#include "index/text/analyzer.h"

/* The words of a text as hashes: compared as numbers. */
typedef struct eval_words {
    uint64_t *hash;
    size_t n;
} eval_words;

cairn_status eval_words_of(analyzer *an, const char *text, arena *memory, eval_words *out, cairn_error *err);
/* Does the text hold the part as a run of words? Never where the part has none. */
bool eval_holds(const eval_words *text, const eval_words *part);
double eval_token_f1(const eval_words *a, const eval_words *b, arena *memory);
double eval_rouge_l(const eval_words *a, const eval_words *b, arena *memory);
double eval_bleu(const eval_words *a, const eval_words *b, arena *memory); /* a against the reference b */

/* 1 less the edits (insertions, deletions and substitutions of code points; Levenshtein, 1966) as a share of the longer text, of which
 * the first EVAL_EDIT_MAX code points count. 1 for two empty ones. */
#define EVAL_EDIT_MAX 4096
double eval_edit_similarity(const char *a, const char *b, arena *memory);

#endif
