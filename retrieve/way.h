/* way.h - journeys: which way a question means ("our flight home", "the train to Porto") and which end of it ("when does it land?"), and
 * which way a line of a booking, a table's row or a sentence is about.
 *
 * Words of English, German, Spanish and French.
 *
 * Owns     nothing. Any thread. */
#ifndef CAIRN_RETRIEVE_WAY_H
#define CAIRN_RETRIEVE_WAY_H

#include <stdbool.h>
#include <stddef.h>

#include "retrieve/sentences.h"

typedef enum way_direction { WAY_ANY, WAY_OUT, WAY_BACK } way_direction;
typedef enum way_end { WAY_WHOLE, WAY_DEPARTS, WAY_ARRIVES } way_end;

typedef struct way_asked {
    bool travel;             /* it asks about a journey at all; else all is empty */
    text_span to, from;      /* bytes of the question: places */
    way_direction direction;
    way_end end;
} way_asked;

void way_read(const char *question, size_t len, way_asked *out);

/* Is the word one that names a direction, "home", "outbound"? */
way_direction way_direction_of(const char *word, size_t len);

/* Is the word one that names an end of a journey, "leaves", "arrival"? */
way_end way_end_named(const char *word, size_t len);
/* Does the text have a word for that end? */
bool way_has_end(const char *text, size_t len, way_end end);

/* What a place of a passage is about, by its sentence [start, end), the short line above it that names a direction, else the heading. */
way_direction way_of_place(const char *text, size_t start, size_t end, const char *heading);

/* The line that names the columns of the table that a row of a passage, at `start`, is in: the topmost of the rows in one block with it. */
bool way_head_of(const char *text, size_t start, size_t end, text_span *head);

/* Does the sentence, or the row below the line `head` that names its columns (NULL: none), go where the question says? < 0: the other way,
 * > 0: that way, 0: it does not say. */
int way_agrees(const way_asked *q, const char *question, const char *head, size_t head_len, const char *s, size_t len);

/* The end of the journey that a time at `at` of the sentence or row is of. */
way_end way_end_of(const char *head, size_t head_len, const char *s, size_t len, text_span at);

#endif
