/* encode.h - write posting lists and their positions.
 *
 * Use: begin, add each posting in row order, end; the bytes go to the spools given at init. */
#ifndef CAIRN_INDEX_LEXICAL_ENCODE_H
#define CAIRN_INDEX_LEXICAL_ENCODE_H

#include "base/bytes.h"
#include "index/lexical/format.h"
#include "index/lexical/spool.h"

typedef struct list_encoder {
    spool *post, *pos;            /* borrowed */
    uint8_t *codes;               /* [rows] code of each row's weighted length, rounded down */
    float weight[LEXICAL_FIELDS]; /* for the pairs */
    float typical;                /* average weighted length: only steers which pairs are joined */
    bytes blocks;                 /* the blocks of this list so far */
    bytes skips;                  /* their skip entries */
    bytes positions;              /* their positions */
    bytes scratch;
    uint32_t n;      /* postings waiting for their block */
    uint32_t df;     /* postings of this list so far */
    uint32_t before; /* last row of the block before; UINT32_MAX: none */
    uint32_t doc[BLOCK];
    uint32_t tf[LEXICAL_FIELDS][BLOCK];
    uint32_t *gaps; /* positions of the waiting block, as gaps */
    size_t n_gaps, cap_gaps;
    uint8_t best[PAIR_BYTES]; /* pairs of the whole list */
} list_encoder;

typedef struct list_size {
    uint32_t df;
    uint64_t post, pos; /* bytes */
} list_size;

void list_encoder_init(list_encoder *e, spool *post, spool *pos);
void list_encoder_clear(list_encoder *e);
/* The weights, lengths ([LEXICAL_FIELDS][n_rows] codes) and average that block maxima are made
 * with; before the first list. */
cairn_status list_encoder_lengths(list_encoder *e, const uint8_t *rows, uint32_t n_rows,
                                  const float weight[LEXICAL_FIELDS], const float b[LEXICAL_FIELDS],
                                  float typical, cairn_error *err);
void list_begin(list_encoder *e);
/* `positions` holds tf[0] + ... + tf[LEXICAL_FIELDS - 1] values, field by field, ascending in each;
 * every tf is <= TF_MAX and their sum is not 0. Rows ascend. */
cairn_status list_add(list_encoder *e, uint32_t row, const uint32_t tf[LEXICAL_FIELDS],
                      const uint32_t *positions, cairn_error *err);
cairn_status list_end(list_encoder *e, list_size *out, cairn_error *err);

/* ratio of length weights to the largest field weight: what multiplies a field's length */
void length_weights(const float weight[LEXICAL_FIELDS], const float b[LEXICAL_FIELDS],
                    float out[LEXICAL_FIELDS]);

#endif
