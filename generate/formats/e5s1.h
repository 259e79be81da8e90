/* e5s1.h - read the "E5S1" file of the default embedder (multilingual-e5-small, Q4_0).
 *
 * One file holds the shape, the unigram vocabulary with log-probabilities, the normalisation table
 * and the tensors. The layout is drawn in e5s1.c. Tensors are presented under their names in the
 * file ("emb.word", "l0.q.w", ...) with dims[0] the row length: matrices have rows = outputs.
 *
 * Owns     the mapping; tensor data, pieces and scores are BORROWED from it until e5s1_close.
 * Threads  immutable after open.
 * Errors   CAIRN_EMODEL (also: no such file) with path, field and offset; CAIRN_EIO. */
#ifndef CAIRN_GENERATE_FORMATS_E5S1_H
#define CAIRN_GENERATE_FORMATS_E5S1_H

#include "base/status.h"
#include "generate/formats/tensor.h"

typedef struct e5s1 e5s1;

typedef struct e5s1_shape {
    uint32_t hidden, layers, heads, ff; /* 384, 12, 12, 1536 */
    uint32_t vocab;                     /* rows of emb.word: 250,037 */
    uint32_t positions;                 /* rows of emb.pos: 512; row 0 is the first token */
    uint32_t token_types;               /* 2 */
    float norm_eps;
    uint32_t quant_block; /* 32 */
    uint32_t n_pieces;    /* 250,002 */
    uint32_t bos, eos, pad, unk;
} e5s1_shape;

cairn_status e5s1_open(e5s1 **out, const char *path, cairn_error *err);
cairn_status e5s1_open_memory(e5s1 **out, const void *data, size_t len, const char *name,
                              cairn_error *err);
void e5s1_close(e5s1 *e); /* NULL is fine */

const char *e5s1_path(const e5s1 *e);
const e5s1_shape *e5s1_get_shape(const e5s1 *e);

/* Piece id < n_pieces: its UTF-8 bytes (U+2581 for a space) and log-probability. */
const char *e5s1_piece(const e5s1 *e, uint32_t id, size_t *len);
float e5s1_score(const e5s1 *e, uint32_t id);
/* The normalisation table: entries by rising code point, each `cp` -> n code points. The walk is
 * over checked bytes; start with *pos = 0, false at the end. to_le: n little-endian u32, unaligned. */
bool e5s1_normal_next(const e5s1 *e, size_t *pos, uint32_t *cp, uint32_t *n, const uint8_t **to_le);
size_t e5s1_normal_count(const e5s1 *e);

size_t e5s1_tensor_count(const e5s1 *e);
const tensor *e5s1_tensor_at(const e5s1 *e, size_t i);
const tensor *e5s1_find(const e5s1 *e, const char *name); /* NULL when absent */
/* The tensor, which must have this type and exactly rows x cols elements (rows 1 for a vector). */
cairn_status e5s1_need(const e5s1 *e, const char *name, tensor_type type, uint64_t cols,
                       uint64_t rows, const tensor **out, cairn_error *err);

#endif
