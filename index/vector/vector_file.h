/* vector_file.h - vectors in the binary files of others: .npy, .fvecs, .bvecs and FAISS indexes.
 *
 *   .npy    NumPy's format 1 to 3, two dimensions (or one: a single vector), C order; f2, f4, f8,
 * i1 or u1, either byte order .fvecs  rows of an int32 dimension and that many floats,
 * little-endian; the same dimension everywhere .bvecs  the same with bytes FAISS   what
 * faiss_file.h reads
 *
 * Owns     itself; the bytes are borrowed and must stay.
 * Errors   CAIRN_EINPUT: not such a file, or cut short; CAIRN_EUNSUPPORTED: another element type,
 * order or kind of index. The sentence does not name the file: the caller does. */
#ifndef CAIRN_INDEX_VECTOR_FILE_H
#define CAIRN_INDEX_VECTOR_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

typedef enum vector_file_kind {
    VECTOR_FILE_NPY,
    VECTOR_FILE_FVECS,
    VECTOR_FILE_BVECS,
    VECTOR_FILE_FAISS,
} vector_file_kind;

typedef struct vector_file vector_file;

cairn_status vector_file_open(vector_file **out, const void *data, size_t len,
                              vector_file_kind kind, cairn_error *err);
void vector_file_close(vector_file *f);         /* NULL is fine */
uint32_t vector_file_dim(const vector_file *f); /* 1 .. VECTOR_MAX_DIM */
uint64_t vector_file_rows(const vector_file *f);
/* A FAISS index says how its rows are compared; false for the others. *l2: by distance, not by
 * inner product. */
bool vector_file_metric(const vector_file *f, bool *l2);
/* What it is, for a person: ".npy of f4", "FAISS HNSW, Flat". */
const char *vector_file_name(const vector_file *f);
/* The next row into v[dim] and its id: the row's number, in a FAISS index its own id.
 * CAIRN_ENOTFOUND behind the last. Components may be NaN or infinite: the caller checks. */
cairn_status vector_file_next(vector_file *f, float *v, int64_t *id, cairn_error *err);

/* The header of a .npy file (format 1) of rows x dim float, little-endian: its length, at most
 * VECTOR_NPY_HEADER, a multiple of 64. */
#define VECTOR_NPY_HEADER 128
size_t vector_npy_header(char out[VECTOR_NPY_HEADER], uint64_t rows, uint32_t dim);

#endif
