/* encode.h - write posting lists and their positions.
 *
 * Use: begin, add each posting in row order, end; the bytes go to the spools given at init. */
#ifndef CAIRN_INDEX_LEXICAL_ENCODE_H
#define CAIRN_INDEX_LEXICAL_ENCODE_H

#include "base/bytes.h"
#include "index/lexical/format.h"
#include "index/lexical/spool.h"

typedef struct block_end {
    uint32_t last;      /* row */
    uint32_t post, pos; /* where the block and its positions begin */
    uint8_t bound;
} block_end;

typedef struct list_encoder {
    spool *post, *pos;            /* borrowed */
    const uint8_t *rows;          /* borrowed: [LEXICAL_FIELDS][n_rows] length codes */
    uint8_t *codes;               /* [n_rows]: code of the row's length that scores */
    uint32_t n_rows;              /* of the segment */
    float weight[LEXICAL_FIELDS]; /* for the bounds */
    float inverse_k[256];         /* 1 / bound_k of each code */
    uint8_t position_bits[256];   /* position_width of each code */
    bytes blocks;                 /* the blocks of this list so far */
    bytes positions;              /* their positions */
    bytes head;                   /* of the list, made at its end */
    block_end *ends;
    size_t n_ends, cap_ends;
    uint32_t n;      /* postings waiting for their block */
    uint32_t df;     /* postings of this list so far */
    uint32_t before; /* last row of the block before; UINT32_MAX: none */
    uint32_t doc[BLOCK];
    uint32_t tf[LEXICAL_FIELDS][BLOCK];
    uint32_t *gaps; /* positions of the waiting block, as gaps */
    size_t n_gaps, cap_gaps;
    uint8_t widths[LEXICAL_FIELDS][BLOCK]; /* of the waiting postings' positions, by length */
} list_encoder;

#define SINGLE_MAX 32

/* What the dictionary says of a list. */
typedef struct list_size {
    uint32_t df;
    bool plain;         /* fewer than 128 postings, in the body alone: no lead byte */
    uint64_t post, pos; /* bytes in lex.post and lex.pos */
    size_t single_len;  /* df 1: the posting, which lies in the dictionary */
    uint8_t single[SINGLE_MAX];
} list_size;

void list_encoder_init(list_encoder *e, spool *post, spool *pos);
void list_encoder_clear(list_encoder *e);
/* The weights, lengths ([LEXICAL_FIELDS][n_rows] codes, borrowed until the last list) and average
 * weighted length of a row that bounds are made with; before the first list. */
cairn_status list_encoder_lengths(list_encoder *e, const uint8_t *rows, uint32_t n_rows,
                                  const float weight[LEXICAL_FIELDS], const float b[LEXICAL_FIELDS],
                                  float typical, cairn_error *err);
void list_begin(list_encoder *e);
/* `positions` holds tf[0] + ... + tf[LEXICAL_FIELDS - 1] values, field by field, ascending in each;
 * every tf is <= TF_MAX and their sum is not 0. Rows ascend. */
cairn_status list_add(list_encoder *e, uint32_t row, const uint32_t tf[LEXICAL_FIELDS],
                      const uint32_t *positions, cairn_error *err);
/* The same with room for the positions, to be filled in as gaps: the first of each field as it is,
 * each other less the one before. *gaps is valid until the next call. */
cairn_status list_add_gaps(list_encoder *e, uint32_t row, const uint32_t tf[LEXICAL_FIELDS],
                           uint32_t **gaps, cairn_error *err);
cairn_status list_end(list_encoder *e, list_size *out, cairn_error *err);

/* Weight of each field's length. */
void length_weights(const float weight[LEXICAL_FIELDS], const float b[LEXICAL_FIELDS],
                    float out[LEXICAL_FIELDS]);
/* An average weighted length in the unit of row codes, as bounds are made with it. */
float bound_typical(float typical, const row_lengths *l);
/* Length codes of all rows. */
void fill_row_codes(const uint8_t *const column[LEXICAL_FIELDS],
                    const size_t stride[LEXICAL_FIELDS], uint32_t n_rows, const row_lengths *l,
                    uint8_t *out);

#endif
