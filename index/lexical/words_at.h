/* words_at.h - one word's rows and positions, read forward; private.
 *
 * Owns     its cursor and a buffer of positions: words_at_clear. A cleared or zeroed one has no list. */
#ifndef CAIRN_INDEX_LEXICAL_WORDS_AT_H
#define CAIRN_INDEX_LEXICAL_WORDS_AT_H

#include "index/lexical/postings.h"

typedef struct words_at {
    postings *p; /* NULL: no list */
    postings_positions where;
    uint32_t where_block;   /* block `where` was opened for */
    uint32_t block, i;      /* stand on posting i of this block */
    uint32_t offset, index; /* for the caller: of the word in a phrase */
    uint32_t *pos;          /* positions in the field looked at */
    size_t n_pos, cap;
} words_at;

cairn_status words_at_open(words_at *w, const lexical_reader *r, const dict_term *t,
                           cairn_error *err);
void words_at_clear(words_at *w);
/* Move to the first row >= target; *row is UINT32_MAX at the end. Forward only. */
cairn_status words_at_seek(words_at *w, uint32_t target, uint32_t *row, cairn_error *err);
/* Fill pos with the positions of its row in field f. */
cairn_status words_at_positions(words_at *w, unsigned f, cairn_error *err);

#endif
