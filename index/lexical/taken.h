/* taken.h - a row's texts taken apart once: its terms in order and where each of them stands, for an index of a few terms
 * (lexical_writer_options.wanted) that is made of the same rows again and again.
 *
 * Owns     one block of memory, 2 to 4 bytes a byte of text.
 * Errors   CAIRN_ENOMEM; CAIRN_ELIMIT: a text of 2^30 words or more, or 4 GiB of them. */
#ifndef CAIRN_INDEX_LEXICAL_TAKEN_H
#define CAIRN_INDEX_LEXICAL_TAKEN_H

#include "index/lexical/lexical.h"

struct lexical_taken {
    uint32_t words[LEXICAL_FIELDS];
    uint32_t n_terms;
    const uint32_t *text;  /* [n_terms + 1] where the i-th term begins in `texts`; ascending by its bytes */
    const uint32_t *first; /* [n_terms + 1] in `places` */
    const uint32_t *places; /* field << 30 | position, ascending, each once */
    const char *texts;
};
_Static_assert(LEXICAL_FIELDS <= 4, "two bits a field");

#define TAKEN_FIELD(place)    ((place) >> 30)
#define TAKEN_POSITION(place) ((place) & ((1u << 30) - 1))

cairn_status lexical_taken_make(lexical_taken **out, analyzer *a, const lexical_doc *doc, cairn_error *err);
void lexical_taken_free(lexical_taken *t); /* NULL is fine */
/* The places of a term; *n 0: it is not there. */
const uint32_t *lexical_taken_find(const lexical_taken *t, const char *term, size_t len, size_t *n);

#endif
