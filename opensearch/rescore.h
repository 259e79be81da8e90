/* rescore.h - see rescore.c; private. */
#ifndef CAIRN_OPENSEARCH_RESCORE_H
#define CAIRN_OPENSEARCH_RESCORE_H

#include "opensearch/room.h"

/* Score the passages `ids`, which the snapshot has read, again, and put them first in the list, which holds them; those that
 * are met again (`again[i]`) are kept taken apart. terms[n_terms]: the question's; rows[]: how many rows of the collection hold each. */
cairn_status os_rescore(const os_question *q, const chunk_id *ids, const bool *again, size_t n, const char *const *terms,
                        const uint64_t *rows, size_t n_terms, retrieve_list *list, cairn_error *err);

#endif
