/* output.h - the sections of an index while they grow, for the writer and for merges. */
#ifndef CAIRN_INDEX_LEXICAL_OUTPUT_H
#define CAIRN_INDEX_LEXICAL_OUTPUT_H

#include "index/lexical/dict.h"
#include "index/lexical/encode.h"
#include "index/lexical/ends.h"
#include "index/lexical/forms.h"
#include "index/lexical/reader.h"

typedef struct index_output {
    spool post, pos;
    dict_writer dict;
    list_encoder lists; /* writes to post and pos */
    forms_table written; /* the forms; filled before begin */
    forms_writer forms;
    ends_writer ends;
    bool compounds; /* some rows are of a language that has them */
} index_output;

void index_output_init(index_output *o);
/* Keep about so many bytes in memory, the rest in temporary files in `dir` (see spool.h). */
void index_output_limit(index_output *o, size_t memory, const char *dir);
void index_output_clear(index_output *o);
/* columns: lex.rows as it will be written. The pace is kept for what follows and may be NULL. */
cairn_status index_output_begin(index_output *o, lexical_meta *m, const uint8_t *columns, pace *p,
                                cairn_error *err);
/* The average weighted length of a row: what bounds are made with, lexical_meta's `typical`. */
float index_output_typical(const lexical_meta *m);
/* The next term, with the list that was just encoded; `itself`: see forms_writer_term. */
cairn_status index_output_term(index_output *o, const char *term, size_t len, const list_size *list,
                               uint64_t itself, cairn_error *err);
/* Fills in m's counts of terms and bytes and writes all sections. */
cairn_status index_output_emit(index_output *o, lexical_meta *m, const uint8_t *columns,
                               const section_sink *sink, cairn_error *err);

#endif
