/* dict.h - the term dictionary: sorted by bytes, front-coded in blocks. */
#ifndef CAIRN_INDEX_LEXICAL_DICT_H
#define CAIRN_INDEX_LEXICAL_DICT_H

#include <stdbool.h>

#include "base/cursor.h"
#include "index/lexical/encode.h"
#include "index/lexical/format.h"

/* ---- write ---- */

typedef struct dict_writer {
    spool terms, index;
    bytes last; /* the term before */
    uint64_t n;
    uint64_t post, pos; /* where the next list begins */
} dict_writer;

void dict_writer_init(dict_writer *d);
void dict_writer_clear(dict_writer *d);
/* Terms ascend bytewise and never repeat. */
cairn_status dict_writer_add(dict_writer *d, const char *term, size_t len, const list_size *list,
                             cairn_error *err);
cairn_status dict_writer_emit(dict_writer *d, const section_sink *sink, cairn_error *err);

/* ---- read ---- */

typedef struct dict {
    const uint8_t *terms, *index; /* borrowed */
    size_t terms_len;
    uint64_t n; /* terms */
    size_t n_blocks;
    size_t post_len, pos_len; /* sections the lists must lie in, without their padding */
} dict;

/* Bits of post_at that tell how the list is written: it lies in lex.dict; it has no lead byte. */
#define POST_IN_DICT ((uint64_t)1 << 63)
#define POST_PLAIN   ((uint64_t)1 << 62)
#define POST_AT      (POST_PLAIN - 1)

/* A term and where its list lies; checked against the sections. */
typedef struct dict_term {
    char text[ANALYZER_TERM_MAX];
    size_t len;
    uint32_t df;
    uint64_t ordinal; /* 0, 1, 2, ... in the order of the dictionary */
    uint64_t post_at, pos_at; /* post_at with the bits above */
    uint64_t post_len, pos_len;
} dict_term;

/* The same without the text, for lists of many terms. */
typedef struct dict_place {
    uint32_t df;
    uint64_t post_at, pos_at;
    uint64_t post_len, pos_len;
} dict_place;

/* index_len must be what n demands; CAIRN_ECORRUPT otherwise. */
cairn_status dict_open(dict *d, const uint8_t *terms, size_t terms_len, const uint8_t *index,
                       size_t index_len, uint64_t n, size_t post_len, size_t pos_len,
                       cairn_error *err);
/* *found tells whether the term exists. */
cairn_status dict_find(const dict *d, const char *term, size_t len, dict_term *out, bool *found,
                       cairn_error *err);

typedef struct dict_iter {
    const dict *d;
    cursor c;
    uint64_t i; /* terms given so far */
    uint64_t post, pos;
    dict_term term;
} dict_iter;

/* Walk one block by itself, to skip those that a pattern cannot meet. */
typedef struct dict_block {
    const dict *d;
    cursor c;
    uint64_t post, pos;
    size_t left;   /* terms not given yet */
    size_t shared; /* bytes that `term` shares with the one before in this block */
    dict_term term;
} dict_block;

/* The first eight bytes of block i's first term, zeros behind a shorter one. */
const uint8_t *dict_block_head(const dict *d, size_t i);
cairn_status dict_block_enter(dict_block *b, const dict *d, size_t i, cairn_error *err);
/* Step to the next term; call it at most b->left times. */
cairn_status dict_block_next(dict_block *b, cairn_error *err);

void dict_iter_init(dict_iter *it, const dict *d);
/* Step to the next term; *more is false at the end. */
cairn_status dict_iter_next(dict_iter *it, bool *more, cairn_error *err);

#endif
