/* rewrite.h - a follow-up question made to stand by itself, by rules, from what was said before.
 *
 * "How deadly is it?" finds nothing. What it lacks is in the chat: the words of the earlier questions, the
 * later the heavier, and the rarest words of the last reply. They are carried over as words that may occur,
 * each at a fraction of the weight of a word that was asked, so the question as it was typed still leads and
 * a wrong guess costs little. How much is carried depends on how much the question points back: by a
 * pronoun or "what about" (English, German, French, Spanish, Italian), by having hardly a word of its own;
 * one with four words of its own and no pronoun gets half.
 *
 * "And the K1?", "Why?", "the second one?" are completed (follow_up.h): then the embedder gets the whole question, and the
 * words of that question count nearly as if they had been asked, but for those that were replaced.
 *
 * For the embedder the question gets the heaviest of these words at its end. Where the weights come from:
 * docs/retrieval.md.
 *
 * Owns     the result lives in the caller's arena; the texts of its clauses are parts of the turns.
 * Errors   CAIRN_ENOMEM, CAIRN_ECORRUPT. */
#ifndef CAIRN_RETRIEVE_REWRITE_H
#define CAIRN_RETRIEVE_REWRITE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "index/lexical/lexical.h"
#include "retrieve/follow_up.h"

typedef struct retrieve_turn {
    bool user; /* else the assistant */
    const char *text;
} retrieve_turn;

/* Data for the configuration file; rewrite_params_default fills it. */
typedef struct rewrite_params {
    float question_weight; /* of a word of an earlier question, for every one that holds it; 0.2 */
    float decay;           /* factor for each question further back; 0.7 */
    float reply_weight;    /* of the last reply's rarest word; 0.1 */
    size_t reply_words;    /* that count; 10 */
    float pointing, brief, complete; /* factors for questions with a pronoun, with at most two words of
                                        their own, and with four and no pronoun; 1.5, 1.5, 0.5 */
    float whole_weight; /* of a word of the completed question that was not typed; 0.8 */
    size_t words;      /* carried over at most; 32 */
    size_t text_words; /* of them for the embedder; 8 */
    /* Of a collection whose segments are not here: how many of `all` rows hold each form; NULL: the segments say. */
    cairn_status (*rows_with)(void *ctx, const char *const *forms, size_t n, uint64_t *rows, cairn_error *err);
    void *rows_with_ctx;
    double all;
    int year; /* that it is, for "what about last year?"; 0: the clock says */
} rewrite_params;

void rewrite_params_default(rewrite_params *p);

typedef struct retrieve_rewrite {
    const char *text; /* the question with the words it lacks; the question itself where there are none */
    lexical_clause *clauses; /* WORDS that SHOULD occur, a word each, with their weight as boost */
    size_t n_clauses;
    bool points_back; /* a pronoun or the like was found */
    const char *whole; /* the question as it was completed (follow_up.h), which `text` begins with; or NULL */
    const char *besides; /* the same for who writes the answer, with what was told left out ("..., besides Ann"); or NULL */
    follow_up_known known; /* what the last reply told, where it is not to be given again ("Who else?", "Why?"); a turn's text */
} retrieve_rewrite;

/* `turns` oldest first; only the last 8 questions and the last reply count, 2 KiB of each. Words that no
 * passage holds are left out. `lang` is the question's language or NULL: then the collection's one whose
 * function words it has most of. `params` NULL: defaults. */
cairn_status retrieve_rewrite_question(const char *question, const retrieve_turn *turns, size_t n,
                                       const lexical_segment *segments, size_t n_segments,
                                       const char *lang, const rewrite_params *params, analyzer *an,
                                       arena *a, retrieve_rewrite *out, cairn_error *err);

/* A question typed in capitals throughout (three words or more) in lower case, in the arena; any other as it
 * is. Embedders that tell case apart know few words in capitals: npl-vaswani with e5-small, vectors alone,
 * nDCG@10 0.315 as typed and 0.430 so. */
cairn_status retrieve_unshout(const char *text, size_t len, arena *a, const char **out, size_t *out_len,
                              cairn_error *err);

#define RETRIEVE_LANGUAGES 64

/* The languages of the passages of these segments, each once, into seen[max]; borrowed from the readers. */
size_t retrieve_languages(const lexical_segment *segments, size_t n_segments, const char **seen, size_t max);

/* The language of a question as far as its collection can tell: of the languages of the passages the one whose
 * function words it has most of, that of most passages where it has none; "" where nothing is known. Borrowed
 * from the readers. */
cairn_status retrieve_question_language(const char *question, size_t len, const lexical_segment *segments,
                                        size_t n_segments, analyzer *an, const char **out,
                                        cairn_error *err);
/* The same for the languages given, most passages first; *out is one of them, or "". */
cairn_status retrieve_language_among(const char *question, size_t len, const char *const *codes, size_t n_codes,
                                     analyzer *an, const char **out, cairn_error *err);
/* How many of its words are function words of the language. */
size_t retrieve_function_words(const char *question, size_t len, const char *lang);
/* The code, if it is of a language that questions are told to be in: static; NULL otherwise. */
const char *retrieve_common_language(const char *code);
/* A language of none of the passages: the question has two of its function words or more, and fewer of each of the
 * languages given. NULL: there is none. Static. */
const char *retrieve_foreign_language(const char *question, size_t len, const char *const *codes, size_t n_codes);

#endif
