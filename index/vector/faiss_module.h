/* faiss_module.h - what Cairn asks of FAISS, as a table that a module of its own exports.
 *
 * FAISS, OpenBLAS and OpenMP take several milliseconds to load and start, more than a whole search.
 * So they are linked into cairn-faiss.so alone, which is opened on the first build of an IVF index
 * or the first export to a FAISS file; a search never needs it. The module's side is
 * faiss/faiss_module.c, over FAISS's C interface.
 *
 * Owns     a faiss_model is freed with destroy.
 * Threads  encode may run on many threads at once; everything else belongs to one. FAISS and
 * OpenBLAS use one thread each: parallel work is shared out by our pool. Errors   the functions
 * return 0, or anything else with a sentence in `why`. No C++ exception passes. */
#ifndef CAIRN_INDEX_VECTOR_FAISS_MODULE_H
#define CAIRN_INDEX_VECTOR_FAISS_MODULE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

#define FAISS_MODULE_VERSION 1u
#define FAISS_MODULE_SYMBOL  "cairn_faiss_module"
#define FAISS_WHY            256 /* bytes of `why` */

typedef struct faiss_model faiss_model;

/* What to learn: centroids of n_lists lists and, with pq_bytes, a product quantizer of that many
 * bytes a row (dim is a multiple of it) over the residuals. n_sample is at least 39 * n_lists, and
 * 9,984 for a product quantizer, or FAISS warns on standard error. */
typedef struct faiss_training {
    uint32_t dim, n_lists, pq_bytes;
    bool l2; /* nearest by Euclidean distance, else by inner product */
    uint32_t iterations;
    uint32_t seed;
    const float *sample; /* [n_sample * dim] */
    size_t n_sample;
} faiss_training;

typedef struct faiss_module {
    uint32_t version;
    int (*train)(faiss_model **out, const faiss_training *t, char *why);
    /* The model as the bytes of a FAISS index file without rows, malloced; and back. The bytes
     * given to load must be our own: FAISS's reader believes what it reads. pq_bytes as trained. */
    int (*save)(const faiss_model *m, char **bytes, size_t *len, char *why);
    int (*load)(faiss_model **out, const void *bytes, size_t len, uint32_t pq_bytes, char *why);
    /* List (and code, [n * pq_bytes]) of each of the rows x[n * dim]. */
    int (*encode)(const faiss_model *m, const float *x, size_t n, uint32_t *list, uint8_t *code,
                  char *why);
    /* Any index by FAISS's factory string, to be filled with rows and written. */
    int (*create)(faiss_model **out, uint32_t dim, bool l2, const char *factory, char *why);
    int (*learn)(faiss_model *m, const float *x, size_t n, char *why);
    /* ids NULL: numbered on from the rows that are there. */
    int (*add)(faiss_model *m, const float *x, const int64_t *ids, size_t n, char *why);
    int (*write)(const faiss_model *m, const char *path, char *why);
    void (*destroy)(faiss_model *m); /* NULL is fine */
} faiss_module;

/* The table; loads the module on the first call. CAIRN_EUNSUPPORTED with the cure when it is not
 * installed. Any thread. */
cairn_status faiss_module_get(const faiss_module **out, cairn_error *err);

#endif
