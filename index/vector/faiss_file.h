/* faiss_file.h - read the vectors and ids out of a FAISS index file, by bytes.
 *
 * FAISS's own reader believes every size in the file, so files from outside are read here: the tree
 * of indexes is walked once with a checked cursor, every array is held against the bytes that are
 * there, and rows are then reconstructed one after the other straight from the mapping. Nothing of
 * a graph is needed, only stepped over.
 *
 * Read are Flat, IVF-Flat, IVF with a scalar quantizer (8 and 4 bits, fp16, bf16), IVF-PQ (8 and 4
 * bits), HNSW over Flat or a scalar quantizer, a scalar quantizer alone, and an id map around any
 * of them; inner product or L2. The layout is that of FAISS's index_write.cpp, 1.6 to 1.15,
 * little-endian and without padding; the table of each part stands above its reader in
 * faiss_file.c.
 *
 * Owns     itself; the bytes are borrowed and must stay.
 * Errors   CAIRN_EINPUT: not an index file, cut short, or sizes that contradict each other;
 *          CAIRN_EUNSUPPORTED: another kind of index, named by its four letters. */
#ifndef CAIRN_INDEX_VECTOR_FAISS_FILE_H
#define CAIRN_INDEX_VECTOR_FAISS_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

typedef enum faiss_kind {
    FAISS_FLAT,
    FAISS_SQ,
    FAISS_IVF_FLAT,
    FAISS_IVF_SQ,
    FAISS_IVF_PQ,
} faiss_kind;

/* Part of the mapping: n elements of a size that the name of the field says; no alignment. */
typedef struct faiss_array {
    const uint8_t *at;
    size_t n;
} faiss_array;

typedef struct faiss_inverted_list {
    const uint8_t *codes, *ids; /* rows * code_bytes; rows * int64 */
    size_t rows;
} faiss_inverted_list;

typedef struct faiss_file {
    faiss_kind kind; /* how rows are stored, below maps and graphs */
    char name[48];   /* "IDMap, HNSW, Flat" */
    uint32_t dim;
    uint64_t rows;
    bool l2;
    faiss_array flat; /* floats of FAISS_FLAT; codes of FAISS_SQ */
    size_t code_bytes;
    bool by_residual;
    /* IVF */
    size_t n_lists;
    faiss_array centroids;      /* floats, n_lists * dim */
    faiss_inverted_list *lists; /* [n_lists], owned */
    /* scalar quantizer */
    uint32_t sq_type;
    faiss_array sq_trained; /* floats */
    /* product quantizer */
    size_t pq_m, pq_bits;
    faiss_array pq_book; /* floats: pq_m * 2^pq_bits * (dim / pq_m) */
    faiss_array id_map;  /* int64; empty: ids as they are */
    /* where next stands */
    uint64_t at_row;
    size_t at_list, at_in_list;
} faiss_file;

/* Does this begin like a FAISS index of any kind? */
bool faiss_file_is(const void *data, size_t len);
cairn_status faiss_file_open(faiss_file **out, const void *data, size_t len, cairn_error *err);
void faiss_file_close(faiss_file *f); /* NULL is fine */
/* The next row into v[dim] and its id; `rows` calls give them all, in the order of the file.
 * CAIRN_ENOTFOUND at the end; CAIRN_EINPUT for an id outside the id map. */
cairn_status faiss_file_next(faiss_file *f, float *v, int64_t *id, cairn_error *err);
/* Copy n floats of an array, from element `first` on. */
void faiss_floats(const faiss_array *a, size_t first, size_t n, float *out);

#endif
