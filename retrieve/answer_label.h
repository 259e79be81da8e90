/* answer_label.h - "in which box ...?": the label of one among several things of a kind, as a text has it.
 *
 * A question with "which" (welche, quel, qué, ...) before a noun asks for one of the things that the noun means. Where these are
 * labelled, "Box 7", "caja B", "room 204", "Regal Nr. 3", the label is the answer. Of several labels in one sentence the one is
 * taken that the question's other words stand with: behind a colon they belong to the label before it, a label never reaches over
 * another one or over the end of a clause. */
#ifndef CAIRN_RETRIEVE_ANSWER_LABEL_H
#define CAIRN_RETRIEVE_ANSWER_LABEL_H

#include "index/text/analyzer.h"
#include "retrieve/sentences.h"

typedef struct answer_label {
    text_span whole; /* "Box 7" */
    text_span sign;  /* "7" */
} answer_label;

/* The label that answers `question` in text[0, len), which is written in `lang` ("": not known). False: it asks for none, the
 * text has none, or two of them alike near. */
bool answer_label_find(analyzer *an, const char *question, const char *lang, const char *text, size_t len, answer_label *out);

/* The same of a table's row: the cell below a name of a column that is the noun, where the cell is a sign ("7") or a label. Spans
 * are of the row. */
bool answer_label_in_row(analyzer *an, const char *question, const char *lang, const char *head, size_t head_len, const char *row,
                         size_t row_len, answer_label *out);

/* Has text[0, len) the sign as a word of its own? Large and small letters are alike. */
bool answer_label_is_in(const char *text, size_t len, const char *sign, size_t sign_len);

#endif
