/* weight_cache.h - the packed weights of a model kept in a file, so that the next process maps them
 * instead of repacking.
 *
 * A cache file belongs to one model file (its path, size, time of change and a checksum of its
 * metadata) and to one version of the packed layout; the layout is the same for every CPU row. It
 * is mapped read-only, so any number of processes share one copy in memory. Every byte is checked
 * against its checksum before use: a file that is damaged, cut short, somebody else's or of another
 * model is ignored and replaced. It can be deleted at any time.
 *
 * Writing: matrices go one by one to a temporary file, where each can be used as soon as it is there;
 * at the end the file is synced, renamed into place, and what is stale (caches of models that are gone)
 * or over the budget (least recently used first) is removed. Who writes, and when, is packing.c's
 * business. A killed process leaves at most the temporary file, which the next writer takes over. Two
 * writers at once: the second packs into memory as if there were no cache.
 *
 * Nothing here fails: where the cache cannot be read or written, the caller packs into memory.
 *
 * Threads  one owner at a time; the mapping may be read by any thread until weight_cache_close. */
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

/* The cache file of g's n matrices. Where it is there and good, their data point into it; else it is to
 * be written (weight_cache_was_there tells). False and *out NULL: there is no cache to be had. `g` must be
 * a file on disk; list and what it names must live until the cache is published or closed. */
bool weight_cache_open(weight_cache **out, const weight_cache_options *o, const gguf *g,
                       const planned_matrix *list, size_t n, pool *p);
/* Pack matrix i of the list into the file, and point its data there. False: that failed (the disk is
 * full), no file will come of it, and neither this matrix nor a later one can be put. */
bool weight_cache_put(weight_cache *c, size_t i);
/* All have been put: make the file last, under its name. After a failure, or before all have been put:
 * remove it. What was put stays where it is. To be called once. */
void weight_cache_publish(weight_cache *c);
/* The file was there already. */
bool weight_cache_was_there(const weight_cache *c);
/* Unmap. A file that was to be written is published or removed before. NULL is fine. */
void weight_cache_close(weight_cache *c);

#endif
