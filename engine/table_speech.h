/* table_speech.h - the words around the figures of an answer out of a table, in the language of the question: "sum of Amount, 5 of 6
 * rows", "Summe von Betrag, 5 von 6 Zeilen". English where it has none of the others (German, French, Spanish). What cells and columns
 * say stays as it is written.
 *
 * Threads  any; no state. */
#ifndef CAIRN_ENGINE_TABLE_SPEECH_H
#define CAIRN_ENGINE_TABLE_SPEECH_H

#include <stddef.h>

#include "base/bytes.h"

typedef enum table_phrase {
    SAY_COUNT,
    SAY_SUM,
    SAY_MEAN,
    SAY_DISTINCT, /* different values */
    SAY_OF,       /* between one of these and a column's name */
    SAY_SHARE,    /* before the part and the whole */
    SAY_OUT_OF,   /* between them */
    SAY_TIMES,    /* behind a ratio */
    SAY_BY,       /* before the column that rows are taken together by */
    SAY_NONE,     /* of a list that has nothing */
    SAY_MORE,     /* behind the number of those that a list leaves out */
    SAY_UNSAID,   /* behind the number of rows with nothing in the cell that decides */
    SAY_PHRASES
} table_phrase;

const char *table_phrase_in(const char *lang, table_phrase what);
/* "5 of 6 rows". */
cairn_status table_say_rows(const char *lang, size_t n, size_t of, bytes *out);
/* A number as calculator_format writes it, with the decimal sign of the language. */
void table_say_decimals(const char *lang, char *number);

#endif
