/* suggest.h - what a person may have meant: completions and corrections from the words of the
 * collection.
 *
 * Words are surface forms (forms.h), never stems; how often each was written, over all segments,
 * ranks them.
 *
 *   completion  the most frequent forms that begin with what was typed
 *   correction  forms within one or two edits (automaton.h) of a word that nobody wrote, or hardly
 *               anybody: by ln(count) - 4 * edits, one more for the same first letter, and ln(1 + rows that
 *               hold it with the other words of the question), so that the words decide together
 *
 * A question's word is left alone where
 *
 *   it is a function word of any language (stopwords_any)
 *   the question is in a language of which the collection holds hardly a row: its words are no slips of others
 *   only a correction of two edits is there and the word has fewer than eight letters, its first letter is another, or it
 *     is a name (a capital inside of the question)
 *   no correction stands in a row with another word of the question more often than by chance: what is like a word that
 *     nobody wrote is then another word. But for slips of the hand: two neighbours exchanged, a letter doubled or a double
 *     one halved, in five letters and more. Where the collection has no word of the question, all others must be
 *     corrected, to words that stand together
 *
 * Measured in docs/lexical.md. Deleted rows count until a merge drops them.
 *
 * Owns     results live in the caller's arena.
 * Errors   CAIRN_ECORRUPT, CAIRN_ENOMEM. */
#ifndef CAIRN_INDEX_LEXICAL_SUGGEST_H
#define CAIRN_INDEX_LEXICAL_SUGGEST_H

#include "base/arena.h"
#include "index/lexical/lexical.h"

typedef struct suggest_word {
    const char *text; /* NUL-terminated */
    size_t len;
    uint64_t count;
    unsigned edits; /* 0 for a completion */
} suggest_word;

/* The k most frequent forms that begin with prefix[0, len), equal counts by text; the prefix itself is
 * among them when it is a form. words[k]. */
cairn_status suggest_complete(const lexical_segment *segments, size_t n, const char *prefix,
                              size_t len, size_t k, arena *memory, suggest_word *words,
                              size_t *n_words, cairn_error *err);
/* The k best corrections of one word by the formula above without the other words; none for a word of
 * less than three letters. */
cairn_status suggest_correct(const lexical_segment *segments, size_t n, const char *word,
                             size_t len, size_t k, arena *memory, suggest_word *words,
                             size_t *n_words, cairn_error *err);
/* How often this form was written. */
cairn_status suggest_count(const lexical_segment *segments, size_t n, const char *form, size_t len,
                           uint64_t *count, cairn_error *err);
/* Bytes of a typed question whose words are looked for in these fields alone: what stands behind "title:". */
typedef struct suggest_range {
    size_t start, end;
    uint32_t field_mask;
} suggest_range;

/* A typed question with its misspelt words replaced; *out NULL when there is nothing to correct. Words
 * with signs of the query language (field:value, wildcards, /.../) and its operators (AND, NOT) are left alone, but for those
 * in `ranges`: a word there that its fields do not hold is corrected to one that they do. */
cairn_status suggest_query(analyzer *a, const lexical_segment *segments, size_t n,
                           const char *text, size_t len, const suggest_range *ranges, size_t n_ranges,
                           arena *memory, const char **out, cairn_error *err);

/* What corrections ask of a collection whose dictionary is not here. */
typedef struct suggest_source {
    void *ctx;
    /* Rows that hold one of the word's stems, those of the stem with most of them. */
    cairn_status (*rows)(void *ctx, const char *word, size_t len, uint64_t *rows, cairn_error *err);
    /* As suggest_correct. */
    cairn_status (*near)(void *ctx, const char *word, size_t len, size_t k, arena *memory,
                         suggest_word *words, size_t *n_words, cairn_error *err);
    /* rows[i]: those that hold words[i] and all words of `others`, by their stems. */
    cairn_status (*together)(void *ctx, const suggest_word *words, size_t n, const char *others,
                             uint64_t *rows, cairn_error *err);
    /* Rows that hold the word in one of the fields; needed where there are ranges. */
    cairn_status (*in_fields)(void *ctx, uint32_t field_mask, const char *word, size_t len, uint64_t *rows,
                              cairn_error *err);
    /* Rows of a language ("": of none), and all; all 0: not known. NULL: nothing is known of languages. */
    void (*languages)(void *ctx, const char *code, uint64_t *rows, uint64_t *all);
} suggest_source;
/* suggest_query over such a one. */
cairn_status suggest_query_from(analyzer *a, const suggest_source *from, const char *text, size_t len,
                                const suggest_range *ranges, size_t n_ranges, arena *memory, const char **out,
                                cairn_error *err);
/* Corrections of a word by suggest_correct's rules among words that are at hand, each with its count:
 * words[0, *n_words), of which the k best are left, best first. */
cairn_status suggest_rank(const char *word, size_t len, size_t k, arena *memory, suggest_word *words,
                          size_t *n_words, cairn_error *err);

/* The last word of a text that is still being typed: false when there is none that can be completed
 * (a blank at the end, a sign of the query language in it). */
bool suggest_last_word(const char *text, size_t len, size_t *start);

#endif
