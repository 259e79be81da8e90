/* passages.h - some passages of a cluster as a lexical index in memory, so that what walks our own
 * segments can walk them; private. */
#ifndef CAIRN_OPENSEARCH_PASSAGES_H
#define CAIRN_OPENSEARCH_PASSAGES_H

#include <jansson.h>

#include "index/lexical/lexical.h"

typedef struct os_passages os_passages; /* the memory that the reader reads */

typedef struct os_passage {
    const json_t *source;       /* what the cluster keeps of it */
    const lexical_taken *taken; /* of its texts; NULL: they are analysed */
} os_passage;

/* A passage's texts, borrowed from what the cluster keeps of it. */
lexical_doc os_passage_words(const json_t *source);
/* Row i is list[i]. `terms`: all that will be looked up; NULL: any may, and written forms. `an`: used where there are
 * terms. Close the reader, then free what it reads. */
cairn_status os_passages_open(const os_passage *list, size_t n, const char *const *terms, size_t n_terms, analyzer *an,
                              lexical_reader **out, os_passages **held, cairn_error *err);
void os_passages_free(os_passages *held); /* NULL is fine */

#endif
