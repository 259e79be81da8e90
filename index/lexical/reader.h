/* reader.h - what an open lexical index knows; private to this folder. */
#ifndef CAIRN_INDEX_LEXICAL_READER_H
#define CAIRN_INDEX_LEXICAL_READER_H

#include <pthread.h>
#include <stdatomic.h>

#include "index/lexical/dict.h"
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
    const uint8_t *post, *pos; /* with their padding behind them */
    size_t post_len, pos_len;  /* without it */
    const uint8_t *rows;       /* [LEXICAL_FIELDS + 1][n_rows]: length codes, then the language */
    uint32_t n_rows;
    uint64_t n_postings;
    uint64_t total[LEXICAL_FIELDS];
    /* In force when the block maxima were made. */
    float weight[LEXICAL_FIELDS], b[LEXICAL_FIELDS];
    lexical_lang langs[LANGS_MAX];
    size_t n_langs;
    uint8_t by_rows[LANGS_MAX]; /* langs by falling row count */
    /* Weighted length of each row under the weights above, made by the first search. */
    _Atomic(float *) lengths;
    pthread_mutex_t lock;
};

/* Fill out[n_rows] with the weighted lengths under `length_weight`. */
void reader_fill_lengths(const lexical_reader *r, const float length_weight[LEXICAL_FIELDS],
                         float *out);
/* The cached ones under the reader's own weights; NULL without memory. */
const float *reader_lengths(const lexical_reader *r);

/* Everything lex.meta and lex.rows hold, for those who write them. */
typedef struct lexical_meta {
    uint32_t n_rows;
    uint64_t n_terms, n_postings, post_len, pos_len;
    uint64_t total[LEXICAL_FIELDS];
    float weight[LEXICAL_FIELDS], b[LEXICAL_FIELDS];
    lexical_lang langs[LANGS_MAX];
    size_t n_langs;
} lexical_meta;

cairn_status meta_emit(const lexical_meta *m, const section_sink *sink, cairn_error *err);

#endif
