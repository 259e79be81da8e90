/* vectors.h - collections of the user's own vectors.
 *
 * Such a collection says so where others name their embedder (META_EMBEDDER): "own vectors, 384
 * dimensions, cosine". Texts cannot be embedded into it, and vectors cannot be imported among
 * texts: the two would be compared with each other. */
#ifndef CAIRN_ENGINE_VECTORS_H
#define CAIRN_ENGINE_VECTORS_H

#include "engine/engine.h"
#include "index/vector/vector_file.h"

typedef struct vectors_identity {
    uint32_t dim;
    vector_metric metric;
} vectors_identity;

/* Is this value of META_EMBEDDER one of the user's own vectors? `out` may be NULL. */
bool vectors_are_own(const void *data, size_t len, vectors_identity *out);
/* Write the value for META_EMBEDDER, with a NUL. */
#define VECTORS_IDENTITY_BYTES 64
void vectors_identity_text(const vectors_identity *id, char out[VECTORS_IDENTITY_BYTES]);
const char *vectors_metric_name(vector_metric metric);
/* What the snapshot's META_EMBEDDER says: *own false for an embedder or nothing; *any: there is a
 * value. */
cairn_status vectors_identity_get(const store_snapshot *s, vectors_identity *out, bool *own,
                                  bool *any, cairn_error *err);
/* CAIRN_EUSAGE where the collection holds the user's own vectors: no place for texts. */
cairn_status engine_refuse_own_vectors(cairn *c, cairn_error *err);

/* ---- rows out of a file (vector_source.c) ---- */

typedef struct vector_source vector_source;

/* One row; strings and numbers live until the next call. */
typedef struct vector_row {
    const char *id;           /* never empty */
    const char *title, *text; /* "" where the file says nothing */
    const float *v;
    uint32_t dim;
    uint64_t number; /* from 0: the row, or line less one */
    const char *bad; /* not NULL: why this row cannot be taken; the rest is then undefined */
} vector_row;

/* `file` "-" is standard input; ids_file may be NULL; ids_needed false: rows without an id (bare
 * JSON arrays) are fine and ids are numbers. Errors name the file. */
cairn_status vector_source_open(vector_source **out, const char *file, cairn_vector_format format,
                                const char *ids_file, bool ids_needed, cairn_error *err);
void vector_source_close(vector_source *s); /* NULL is fine */
/* CAIRN_ENOTFOUND at the end. */
cairn_status vector_source_next(vector_source *s, vector_row *out, cairn_error *err);
uint64_t vector_source_rows(const vector_source *s);  /* 0: not known */
uint64_t vector_source_bytes(const vector_source *s); /* of the file; 0: not known */
/* The metric of a FAISS index; false for other files. */
bool vector_source_metric(const vector_source *s, vector_metric *out);

#endif
