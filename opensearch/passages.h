/* passages.h - some passages of a cluster as a lexical index in memory, so that what walks our own
 * segments can walk them; private. */
#ifndef CAIRN_OPENSEARCH_PASSAGES_H
#define CAIRN_OPENSEARCH_PASSAGES_H

#include <jansson.h>

#include "index/lexical/lexical.h"

typedef struct os_passages os_passages; /* the memory that the reader reads */

/* Row i is hits[i]._source. `terms`: an object whose keys are all that will be looked up; NULL: any
 * may, and written forms. `an`: used where there are terms. Close the reader, then free what it reads. */
cairn_status os_passages_open(const json_t *hits, const json_t *terms, analyzer *an, lexical_reader **out,
                              os_passages **held, cairn_error *err);
void os_passages_free(os_passages *held); /* NULL is fine */

#endif
