/* evidence_reading.h - a question and the passages for it, as evidence.c reads them; private to
 * evidence*.c. */
#ifndef CAIRN_RETRIEVE_EVIDENCE_READING_H
#define CAIRN_RETRIEVE_EVIDENCE_READING_H

#include "retrieve/evidence.h"
#include "retrieve/standing_inside.h"
#include "retrieve/tally.h"
#include "retrieve/terms.h"
#include "retrieve/way.h"

typedef struct asked_word {
    uint32_t start, end;
    double weight;
    bool name; /* or an identifier */
    bool number;
    size_t quantity; /* of the question, that it is a part of; SIZE_MAX: none */
    bool carried; /* from a chat, not typed */
    bool vote;    /* it names a vote, which minutes need not call so */
    bool direction; /* it names the way of a journey, "home" */
    bool leg;       /* ... or the end of it that is asked for, "leave" */
    int month;       /* that it names by itself, "October"; 0: none */
} asked_word;

typedef struct asked {
    const char *text;
    size_t len;
    const char *lang;
    answer_type type;
    unsigned units;
    asked_word *words; /* content words */
    size_t n;
    double total, rarest;
    quantity *quantities;
    size_t n_quantities;
    /* Words that say what is asked for, [thing, thing_end): of "how many daily visitors" the two,
     * of "what is the noise level of" the last one. Empty: the question does not say it so. */
    size_t thing, thing_end;
    bool counted; /* the first form */
    bool earlier; /* what was before is asked for */
    way_asked way;   /* of a journey that it asks about */
    bool vote;       /* it asks about a vote (tally.h) */
    tally_side side; /* ... and how many were on this side */
    size_t action; /* of the words, what it asks to do (question_action.h); SIZE_MAX: nothing */
    bool of_questions; /* it asks for questions */
    bool pays;      /* it asks for the time of a payment (question_action.h) */
} asked;

typedef struct reading {
    const evidence_passage *p;
    const char *lang;
    term_list terms, head;
    uint64_t *keys; /* [q->n]: the question's words as stems of this language; 0: none */
    bool *held;     /* [q->n]: the passage, its title or its heading has the word */
    bool *column;   /* [q->n]: it is the name of a column, and so in every row */
    text_span *sentences;
    size_t n_sentences;
    float *injection; /* [n_sentences]: injection_scores; in the arena */
    quantity *quantities;
    size_t n_quantities;
    bool table;
    standing_limit *limits; /* where the question has a date: from when and until when something holds, by dates with years */
    size_t n_limits;
} reading;

/* The passage as the question reads it; what it holds is freed by evidence_reading_clear, what lies in `a` with that. */
cairn_status evidence_read_passage(analyzer *an, const asked *q, const evidence_passage *p, arena *a, reading *r, cairn_error *err);
void evidence_reading_clear(reading *r);

/* Does sentence i ask, and nothing answer it: another question follows, or nothing does? */
bool evidence_only_asks(const reading *r, size_t i);
/* What the sentence names of the kind that the question asks for, as bytes of the passage, in reading order; in `a`. */
cairn_status evidence_mentions_in(const asked *q, const reading *r, const text_span *s, arena *a, text_span **out, size_t *n,
                                  cairn_error *err);
/* A kind that mentions can be looked for of. */
bool evidence_is_typed(answer_type t);
/* Is the sentence a line of a mail's head ("Date: ...")? */
bool evidence_is_mail_header(const reading *r, const text_span *s);
/* Of a question about a journey: 1 what is about the way that is asked about, -1 about another one, 0 neither. */
int evidence_agrees_on_way(const asked *q, const reading *r, const text_span *s);

/* Does a tally stand in the bytes, where the question asks about a vote? */
bool evidence_has_tally(const asked *q, const reading *r, size_t start, size_t end, tally *out);

/* Fill limits, and in held the words of days within them. */
cairn_status evidence_read_days(const asked *q, reading *r, arena *a, cairn_error *err);

/* Share of the question's weight in the bytes, and the weight of the rarest word missing, against the rarest of all. */
void evidence_cover(const asked *q, const reading *r, size_t start, size_t end, bool with_head, double *share, double *missing);
/* The question's numbers that are missing in the bytes. */
float evidence_numbers_missing(const asked *q, const reading *r, size_t start, size_t end);

/* Fill *q with the question, of which `lang` is the language ("": unknown); everything in `a`. */
cairn_status evidence_read_question(analyzer *an, const char *question,
                                    const evidence_params *params, const char *lang, arena *a,
                                    asked *q, cairn_error *err);

/* The terms that begin in bytes [start, end). */
void evidence_terms_between(const term_list *l, size_t start, size_t end, const text_term **at, size_t *n);

/* The first line of the table that a row belongs to; false: the bytes are no row, or that line itself. */
bool evidence_head_of_row(const reading *r, const text_span *row, text_span *head);
/* Does the line name the columns of a table below it? */
bool evidence_names_columns(const reading *r, const text_span *line);
/* Is the row's cell empty below the name of a column that the question has, and the row has not? */
bool evidence_row_is_blank(const asked *q, const reading *r, const text_span *head, const text_span *row);

/* Fill thing, thing_end and counted. */
void evidence_find_thing(asked *q);

/* Where a program gives a value to what the question asks of a function that it names: the passage and bytes of the value, and those of the
 * function's parameters. */
bool evidence_find_code_value(const asked *q, const reading *all, size_t n, size_t *function, text_span *defined, size_t *passage,
                              text_span *value);

/* What each passage loses for a designation of the question ("K2 Pro") that it does not hold:
 * another one is another thing, however alike all else is. off[n], log-odds. */
void evidence_weigh_designations(const asked *q, const evidence_passage *p, size_t n, float *off);

/* Log-odds off a sentence or a table's row that speaks of something else than the designations of the question: it has none of them, but one
 * that differs in its digits, or is another row of a table that no title says them of, or stands before what first names them. */
float evidence_off_subject(const asked *q, const evidence_passage *p, const text_span *s, bool row);

/* The question with its identifiers as the passages write them ("AB-1234" for "AB1234"); itself where there is none to change, NULL
 * without memory. */
const char *evidence_as_spelt(const char *question, const evidence_passage *p, size_t n, arena *a);

/* Words of the question that no passage has: the passages' words that are the same but for one letter stand for
 * them, in keys and held. */
void evidence_read_misspelt(const asked *q, reading *all, size_t n);

/* Of the question's names: what share the passage has, whether its document has any as far as it
 * was read, what share no passage has, and what share is in no document that belongs to the
 * passage's. A question that needs two documents has names that stand in either, and one of the two
 * speaks of the other; a name that was mistaken stands nowhere, or in a document of another matter.
 * features[n], of which EVIDENCE_NAMES.. are filled. */
cairn_status evidence_find_names(const asked *q, const reading *all, size_t n, arena *a,
                                 float (*features)[EVIDENCE_FEATURES], cairn_error *err);

#endif
