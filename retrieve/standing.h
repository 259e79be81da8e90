/* standing.h - which of two statements holds now.
 *
 * Two documents may say different things of one matter, where the later corrects the earlier: a mail that moves a date,
 * the minutes of April against those of March, the second version of a price list. Here are the signs, one statement
 * against another: whether both speak of the same matter, which was written later, and whether the later one says that
 * something changes. What they say (a date, a sum) is compared by the caller, who knows what was asked.
 *
 * Signs are words of English, German, Spanish and French. Where in doubt, two statements are about different matters.
 *
 * Owns     nothing. One analyzer a thread.
 * Errors   CAIRN_ENOMEM alone. */
#ifndef CAIRN_RETRIEVE_STANDING_H
#define CAIRN_RETRIEVE_STANDING_H

#include "base/arena.h"
#include "index/text/analyzer.h"
#include "retrieve/sentences.h"

/* A sentence where it stands. */
typedef struct standing_text {
    const char *passage;
    size_t start, end;     /* the sentence */
    size_t before, after;  /* with its neighbours */
    size_t head_end;       /* of a table's row: of the line with the names of the columns; else 0 */
    const char *title, *heading, *uri, *lang; /* may be NULL or "" */
    int64_t date_ns, modified_ns;             /* of the document and of its file; 0: not known */
    const text_span *values;                  /* bytes of the passage that say what is asked for, and so tell no matter from another */
    size_t n_values;
} standing_text;

/* Does the question ask for what was said before ("originally", "the old price")? */
bool standing_asks_earlier(const char *question);
/* ... by saying no more than that it was ("How much was it before?", "before the rent went up", "used to cost")? */
bool standing_asks_before(const char *question);

/* In a sentence, is text[at.start, at.end) told as what was: struck out, "(before: A)", "until now it was A", "instead of A"? `last`: no other
 * value stands behind it; `timed`: it is a day or a time, of which "before" alone says something else. */
bool standing_is_earlier(const char *text, size_t len, text_span at, bool last, bool timed);
/* "instead of the 14", "statt 14", "en lugar de 14": the value that another one stands for. */
bool standing_is_instead(const char *text, text_span at);
/* The words of a sentence that are told so, where no value is asked for: "metres; it was feet". */
bool standing_earlier_phrase(const char *text, size_t len, text_span *out);

typedef enum standing_change {
    STANDING_NONE,
    STANDING_NOW,       /* "from now on", "ab sofort": what is said is new */
    STANDING_CHANGED,   /* "moves to", "correction", "supersedes" */
    STANDING_CANCELLED, /* in the sentence itself */
} standing_change;

/* The strongest sign in the sentence, its neighbours, the title and the heading. */
standing_change standing_change_of(const standing_text *t);

/* The same of a sentence against another one of its document: the sign stands in it, or in the label of its part ("Corrections"). */
standing_change standing_change_within(const standing_text *t);

typedef enum standing_time { STANDING_UNKNOWN, STANDING_BY_FILE, STANDING_BY_DATE } standing_time;

/* *order < 0: x was written before y. By versions ("v2") and dates in titles and names of files, then by the documents' dates; by
 * the times of the files alone that is a weak sign. */
standing_time standing_order(const standing_text *x, const standing_text *y, int *order);

/* The day that a title or the name of a file says, its month's or year's first where it says no more; 0: none. */
int64_t standing_date(const char *title, const char *uri);

/* The same of two sentences of one document, by the versions and dates of their entries: labels above them ("8 April 2025", "2.4") and
 * dates before them ("2025-04-08: ..."). False: these do not tell. */
bool standing_order_within(const standing_text *x, const standing_text *y, int *order);

/* The bytes of the date that a sentence at the beginning of a line begins with, of the day of its entry: "2025-04-08: ...". */
bool standing_entry_date(const standing_text *t, text_span *at);

/* Take a label that the sentence begins with off it: "8 April 2025" on a line above what was said. */
void standing_drop_label(standing_text *t);
/* Is the sentence itself such a label? */
bool standing_is_label(const standing_text *t);

#define STANDING_NO_DAY INT64_MIN

/* The day, counted from 1970 on, on which a sentence was written, as far as is known: its entry's, its document's, its file's. */
int64_t standing_written(const standing_text *t);

/* ---- days within which something holds ---- */

/* "From 1 May", "until 30 June 2026", "vom 1. März bis 31. Mai", "a partir del 1 de mayo": first and last day, both included;
 * INT64_MIN and INT64_MAX: open. */
typedef struct standing_days {
    int64_t from, until;
} standing_days;

typedef struct standing_limit {
    size_t start, end; /* bytes of the date or dates */
    standing_days days;
} standing_limit;

/* The limits in a sentence, in order, in `a`. A day without a year is the first one from two months before `written` on (before: behind
 * "since"); without a known day of writing it is no limit. Where the sentence says that a date changes ("moved from 3 to 5 May")
 * ranges and "until" are none. */
cairn_status standing_limits(const char *text, size_t len, int64_t written, arena *a, standing_limit **out, size_t *n, cairn_error *err);

/* The days of one of a sentence's values, which are in order: those of its clause, else what "then" and "before that" make of its
 * neighbour's, else those of the clause before it. False: there are none. */
bool standing_days_of(const char *text, size_t len, const text_span *values, size_t n_values, size_t which, const standing_limit *limits,
                      size_t n_limits, standing_days *out);

typedef enum standing_asked {
    STANDING_TODAY, /* what holds on the day of the question */
    STANDING_ON,    /* on a day that it names */
    STANDING_ANY    /* it asks for the days themselves, for what was or will be without saying when */
} standing_asked;

/* For which day a question is asked on `today`. */
standing_asked standing_day_asked(const char *question, int64_t today, int64_t *day);

/* ---- one matter or two ---- */

typedef struct standing_match {
    bool same;  /* both speak of the one matter that is asked about */
    bool own;   /* and both sentences have two words of the question or more */
    bool alike; /* and so much that the later one needs no word of change */
    bool goes_on; /* by standing right behind the other one alone */
} standing_match;

/* Two sentences of one document are compared without what stands around them, which they share; but "From 1 May it is 14 euros" right behind
 * the other one goes on about its matter. */
cairn_status standing_same_matter(analyzer *an, const char *question, const standing_text *x, const standing_text *y, bool one_document,
                                  standing_match *out, cairn_error *err);

/* Are both documents of one series by their titles, "Roof inspection" and "AW: Roof inspection", whatever their languages? */
cairn_status standing_one_series(analyzer *an, const standing_text *x, const standing_text *y, bool *one, cairn_error *err);

/* Do bytes [from, end) of the sentence, where another value stands, speak of nothing that the rest of it and the question do not speak
 * of? "12 euros until 31 March, and 14 euros from 1 April" and not "adults pay 12 euros, and children 6 euros from 1 April". */
cairn_status standing_same_subject(analyzer *an, const char *question, const standing_text *t, size_t from, bool *same, cairn_error *err);

/* In a sentence that changes a value, is text[at.start, at.end) the one that no longer holds: "from A to ...", "instead of A",
 * "not A but ..."? `last`: no other value stands behind it. */
bool standing_is_replaced(const char *text, text_span at, bool last);

#endif
