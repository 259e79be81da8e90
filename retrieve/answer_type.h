/* answer_type.h - what kind of thing a question asks for, and where a sentence mentions one.
 *
 * Read from the question's own words (who, how many, wann, cuánto cuesta, сколько, 多少, ...) in
 * English, German, Spanish and French, with the commonest forms of Russian, Arabic and Chinese. What
 * is not recognised is ANSWER_OTHER, which any sentence may answer.
 *
 * Owns     mentions live in the caller's arena. Any thread. */
#ifndef CAIRN_RETRIEVE_ANSWER_TYPE_H
#define CAIRN_RETRIEVE_ANSWER_TYPE_H

#include "retrieve/quantity.h"
#include "retrieve/sentences.h"

typedef enum answer_type {
    ANSWER_OTHER,
    ANSWER_COUNT,   /* how many */
    ANSWER_MONEY,   /* what does it cost */
    ANSWER_SHARE,   /* what percentage */
    ANSWER_MEASURE, /* how long, high, heavy, hot */
    ANSWER_DATE,    /* when, which year */
    ANSWER_TIME,    /* at what time */
    ANSWER_WHO,
    ANSWER_WHERE,
    ANSWER_WHY,
    ANSWER_YES_NO,
    ANSWER_CODE,    /* which telephone number, address of mail, code: signs that say nothing by themselves */
    ANSWER_TYPES /* how many */
} answer_type;

answer_type answer_type_of(const char *question, size_t len);
/* The classes of unit that an answer may have, as bits 1 << unit_class: "what does it weigh" is not answered by
 * 24 months. Of a code ANSWER_MAIL, where an address of mail is asked for. 0: any, or the question is not for a measure. */
#define ANSWER_MAIL 1u
unsigned answer_units_of(const char *question, size_t len);
/* Of a date, does it ask for the month or the day, so that a bare year is none? */
bool answer_asks_month(const char *question, size_t len);
const char *answer_type_name(answer_type t);

/* The places in text[0, len) that could be an answer of this type, in order; of a measure, numbers whose unit
 * is of a class in `units` (0: any) or not known. `quantities` are the text's. For types without mentions
 * of their own (OTHER, WHY, YES_NO) none. */
cairn_status answer_mentions(answer_type t, unsigned units, const char *text, size_t len,
                             const quantity *quantities, size_t n_quantities, arena *a,
                             text_span **out, size_t *n, cairn_error *err);
/* Whether texts of this language show names by capitals, so that a missing name means something. */
bool answer_names_visible(const char *lang);

#endif
