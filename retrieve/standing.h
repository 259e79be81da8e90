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
} standing_text;

/* Does the question ask for what was said before ("originally", "the old price")? */
bool standing_asks_earlier(const char *question);

typedef enum standing_change {
    STANDING_NONE,
    STANDING_NOW,       /* "from now on", "ab sofort": what is said is new */
    STANDING_CHANGED,   /* "moves to", "correction", "supersedes" */
    STANDING_CANCELLED, /* in the sentence itself */
} standing_change;

/* The strongest sign in the sentence, its neighbours, the title and the heading. */
standing_change standing_change_of(const standing_text *t);

typedef enum standing_time { STANDING_UNKNOWN, STANDING_BY_FILE, STANDING_BY_DATE } standing_time;

/* *order < 0: x was written before y. By versions ("v2") and dates in titles and names of files, then by the documents' dates; by
 * the times of the files alone that is a weak sign. */
standing_time standing_order(const standing_text *x, const standing_text *y, int *order);

/* The day that a title or the name of a file says, its month's or year's first where it says no more; 0: none. */
int64_t standing_date(const char *title, const char *uri);

/* Do both speak of the one matter that is asked about? *alike: so much that the later one needs no word of change. */
cairn_status standing_same_matter(analyzer *an, const char *question, const standing_text *x, const standing_text *y, bool *same,
                                  bool *alike, cairn_error *err);

/* In a sentence that changes a value, is text[at.start, at.end) the one that no longer holds: "from A to ...", "instead of A",
 * "not A but ..."? `last`: no other value stands behind it. */
bool standing_is_replaced(const char *text, text_span at, bool last);

#endif
