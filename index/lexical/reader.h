/* reader.h - what an open lexical index knows; private to this folder. */
#ifndef CAIRN_INDEX_LEXICAL_READER_H
#define CAIRN_INDEX_LEXICAL_READER_H

#include <pthread.h>
#include <stdatomic.h>

#include "index/lexical/dict.h"
#include "index/lexical/ends.h"
#include "index/lexical/forms.h"
#include "index/lexical/format.h"

#define LANGS_MAX 255

typedef struct lexical_lang {
    char code[4];
    uint32_t rows;
} lexical_lang;

struct lexical_reader {
    dict dict;
    forms forms;
    ends ends; /* empty in an index from before it was written */
    const uint8_t *post, *pos; /* with their padding behind them */
    size_t post_len, pos_len;  /* without it */
    /* Length codes of each field, then the language: row r has column[i][r * stride[i]]. */
    const uint8_t *column[LEXICAL_FIELDS + 1];
    size_t stride[LEXICAL_FIELDS + 1]; /* 0: all rows have the same */
    uint32_t n_rows;
    uint64_t n_postings;
    uint64_t total[LEXICAL_FIELDS];
    /* In force when the block maxima were made. */
    float weight[LEXICAL_FIELDS], b[LEXICAL_FIELDS], typical;
    lexical_lang langs[LANGS_MAX];
    size_t n_langs;
    uint8_t by_rows[LANGS_MAX]; /* langs by falling row count */
    /* row_code of each row under the weights above, made by the first search. */
    _Atomic(uint8_t *) codes;
    pthread_mutex_t lock;
};

static inline uint8_t reader_length(const lexical_reader *r, unsigned field, uint32_t row)
{
    return r->column[field][row * r->stride[field]];
}
static inline uint8_t reader_row_language(const lexical_reader *r, uint32_t row)
{
    return reader_length(r, LEXICAL_FIELDS, row);
}

/* row_code of each row, three bytes of room behind them: under the reader's own weights, kept; NULL
 * without memory. */
const uint8_t *reader_codes(const lexical_reader *r);
/* The same under others, into out[n_rows + 3]. */
void reader_fill_codes(const lexical_reader *r, const row_lengths *l, uint8_t *out);

/* Everything lex.meta and lex.rows hold, for those who write them. */
typedef struct lexical_meta {
    uint32_t n_rows;
    uint64_t n_terms, n_postings, post_len, pos_len;
    uint64_t total[LEXICAL_FIELDS];
    float weight[LEXICAL_FIELDS], b[LEXICAL_FIELDS];
    float typical; /* average weighted length of a row, as the bounds were made with */
    lexical_lang langs[LANGS_MAX];
    size_t n_langs;
} lexical_meta;

cairn_status meta_emit(const lexical_meta *m, const section_sink *sink, cairn_error *err);
/* columns: [LEXICAL_FIELDS + 1][n_rows] */
cairn_status rows_emit(const uint8_t *columns, uint32_t n_rows, const section_sink *sink,
                       cairn_error *err);

#endif
