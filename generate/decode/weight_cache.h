/* weight_cache.h - the packed weights of a model kept in a file, so that the next process maps them
 * instead of repacking.
 *
 * A cache file belongs to one model file (its path, size, time of change and a checksum of its
 * metadata) and to one version of the packed layout; the layout is the same for every CPU row. It
 * is mapped read-only, so any number of processes share one copy in memory. Every byte is checked
 * against its checksum before use: a file that is damaged, cut short, somebody else's or of another
 * model is ignored and replaced. It can be deleted at any time.
 *
 * Writing: packed pieces go to a temporary file which is used at once; a thread of its own syncs
 * it, renames it into place and then removes what is stale (caches of models that are gone) or
 * over the budget (least recently used first). A killed process leaves at most the temporary file,
 * which the next writer takes over. Two writers at once: the second packs into memory as if there
 * were no cache.
 *
 * Nothing here fails: where the cache cannot be read or written, the caller packs into memory.
 *
 * Threads  one owner; the mapping may be read by any thread until weight_cache_close. */
#ifndef CAIRN_GENERATE_DECODE_WEIGHT_CACHE_H
#define CAIRN_GENERATE_DECODE_WEIGHT_CACHE_H

#include "base/pool.h"
#include "generate/formats/gguf.h"
#include "generate/kernels/matrix.h"

typedef struct weight_cache_options {
    const char *folder;    /* made where it is missing; NULL: no cache */
    uint64_t budget_bytes; /* of all cache files together; 0: no cache */
} weight_cache_options;

/* A matrix planned (matrix_plan) but not yet filled, and the tensor (or some rows of one) that it
 * comes from. */
typedef struct planned_matrix {
    matrix *m;
    tensor t;
} planned_matrix;

typedef struct weight_cache weight_cache;

/* Point the data of all n matrices into the cache, reading or else writing its file. False (and
 * *out NULL, the matrices untouched): there is no cache to be had. `g` must be a file on disk. */
bool weight_cache_attach(weight_cache **out, const weight_cache_options *o, const gguf *g,
                         const planned_matrix *list, size_t n, pool *p);
/* The file was there already (and not written by this attach). */
bool weight_cache_was_there(const weight_cache *c);
/* Unmap; waits until a file just written is safe on disk. NULL is fine. */
void weight_cache_close(weight_cache *c);

#endif
