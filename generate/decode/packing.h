/* packing.h - a model's matrices brought into the kernels' order beside the first answers.
 *
 * Until a matrix has its packed bytes, products pack the strips they use from the model file
 * (matrix.h): results have the same bytes, a pass takes longer. So a model is ready at once, and a
 * thread of its own packs matrix after matrix, into the cache's file where there is one to be written
 * (weight_cache.h), else into memory, and gives the pages of the model file back.
 *
 * Nothing fails here: a matrix for which there is neither disk nor memory stays unpacked.
 *
 * Threads  one owner; the matrices may be multiplied with by any thread meanwhile. */
#ifndef CAIRN_GENERATE_DECODE_PACKING_H
#define CAIRN_GENERATE_DECODE_PACKING_H

#include "generate/decode/weight_cache.h"

typedef struct packing packing;

/* Begin. `cache` (NULL: none) is one that is to be written; it and the list are borrowed until
 * packing_close. Where no thread can be had, all is done before this returns. CAIRN_ENOMEM. */
cairn_status packing_start(packing **out, const planned_matrix *list, size_t n, weight_cache *cache,
                           cairn_error *err);
/* Wait until every matrix is packed (the cache's file may still be on its way to the disk). */
void packing_wait(packing *p); /* NULL is fine */
/* Wait until the cache's file is made (without one nothing is waited for), and free the memory of what was
 * packed into memory. NULL is fine. */
void packing_close(packing *p);

#endif
