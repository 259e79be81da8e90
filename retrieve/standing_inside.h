/* standing_inside.h - what the files of standing.h share: signs in folded text, and which day a text says it is of.
 *
 * Owns     nothing. Any thread. */
#ifndef CAIRN_RETRIEVE_STANDING_INSIDE_H
#define CAIRN_RETRIEVE_STANDING_INSIDE_H

#include "retrieve/standing.h"

#define STANDING_FOLDED 1024 /* bytes of a text that is looked through for signs */
#define STANDING_ARENA  ((size_t)16 << 20)

/* Day, version: what a title, a name or a label says. */
typedef struct standing_stamp {
    int year, month, day; /* 0: not said */
    double version;       /* < 0: none; 2.10 is behind 2.9 */
} standing_stamp;

/* In small letters, line ends as blanks; the first STANDING_FOLDED bytes. */
const char *standing_fold(const char *s, size_t len, char out[STANDING_FOLDED + 1]);
/* Does one of the entries stand in the folded text as whole words? '~' at its end lets the word go on. */
bool standing_has_entry(const char *text, const char *const *entries, size_t n);
/* A word of change ("moves to", "Korrektur"); of what is new ("now", "ab sofort"). */
bool standing_has_change(const char *folded);

/* The last part of a path. */
const char *standing_name_of(const char *uri);
void standing_stamp_day(int64_t ns, standing_stamp *s);
/* The number of whole days from 1970 on. */
int64_t standing_day_number(int year, int month, int day);

/* The line above a sentence that is a label of its part of the passage ("Corrections", "8 April 2025"), else the heading where it is one
 * alone; false: none. */
bool standing_label(const standing_text *t, text_span *line, const char **text);

#endif
