/* rescore.h - see rescore.c; private. */
#ifndef CAIRN_OPENSEARCH_RESCORE_H
#define CAIRN_OPENSEARCH_RESCORE_H

#include "opensearch/room.h"

/* Score the passages in `hits` (their _source) again, and put them first in the list, which holds
 * them. rows[]: how many rows of the collection hold each term of `index` (term: its place). */
cairn_status os_rescore(const os_question *q, const json_t *hits, const json_t *index,
                        const uint64_t *rows, retrieve_list *list, cairn_error *err);

#endif
