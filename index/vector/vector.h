/* vector.h - the vectors of one segment: write, read, search, merge.
 *
 * A segment's vectors have one dimension and one metric and are rows 0 .. n - 1. Each row is kept
 * twice: the original (float, or half as long and rounded), and a code of 8, 4 or 1 bits a
 * component. A search walks the codes (straight through them all, or along an HNSW graph where the
 * segment has one) and then computes the exact score of the best few from the originals, so the
 * scores that come out are always the true ones.
 *
 * Higher scores are better. VECTOR_COSINE stores every row at unit length (the caller's query is
 * scaled too), so a score is the cosine, -1 .. 1; VECTOR_DOT takes rows as they are, and so does
 * VECTOR_L2, whose score is the negative squared Euclidean distance.
 *
 * Owns     a writer owns copies of its rows; a reader borrows the bytes of its source and must be
 *          closed before they go away.
 * Threads  a writer belongs to one thread (finish uses the pool it is given). A reader is
 *          immutable: any number of threads may search it.
 * Errors   CAIRN_EUSAGE: dimension or metric do not fit together, a NaN or infinite component;
 *          CAIRN_ECORRUPT: the sections break the format of vector_format.h. */
#ifndef CAIRN_INDEX_VECTOR_H
#define CAIRN_INDEX_VECTOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/pace.h"
#include "base/pool.h"
#include "base/sections.h"
#include "base/status.h"

#define VECTOR_MAX_DIM  16384u
#define VECTOR_MAX_ROWS 0x7fffffffu

typedef enum vector_metric { VECTOR_COSINE = 0, VECTOR_DOT = 1, VECTOR_L2 = 2 } vector_metric;

/* How the originals are stored. What is rounded here is rounded for good: scores are exact for the
 * rounded rows. */
typedef enum vector_storage {
    VECTOR_F32 = 0,
    VECTOR_F16 = 1,  /* components up to 65,504 */
    VECTOR_BF16 = 2, /* the range of float, 8 bits of precision */
    VECTOR_I8 = 3,   /* 8 bits a component, one scale a row */
} vector_storage;

/* What a search walks over before it looks at originals. */
typedef enum vector_code_kind {
    VECTOR_CODE_I8 = 0, /* a byte a component */
    VECTOR_CODE_I4 = 1, /* half a byte, after a rotation */
    VECTOR_CODE_B1 = 2, /* a bit, after a rotation; needs some hundred rows rescored */
} vector_code_kind;

/* What speeds a segment's search up beside the codes. */
typedef enum vector_choice {
    VECTOR_AUTO, /* by the number of rows */
    VECTOR_SCAN,
    VECTOR_HNSW,
    VECTOR_IVF_FLAT, /* inverted lists (ivf.h) from IVF_MIN_ROWS rows on */
    VECTOR_IVF_SQ8,
    VECTOR_IVF_PQ,
} vector_choice;

/* An int8 code of fewer components is a line or two, and the 4-bit one saves nothing. */
#define VECTOR_SHORT_DIM 128u

/* How a segment is built. Zero in a field means the default. */
typedef struct vector_options {
    vector_choice index;
    vector_storage storage;
    vector_code_kind codes; /* with inverted lists always VECTOR_CODE_I8 of all components */
    bool short_codes; /* 4-bit codes instead of int8 ones where rows are scanned, not walked, and have
                         VECTOR_SHORT_DIM components or more: half to read */
    uint32_t code_dim; /* make codes of the first so many components (Matryoshka); default all */
    uint32_t n_lists;  /* of an inverted file; default 4 * sqrt(rows) */
    size_t hnsw_from_rows;    /* build the graph from this many rows on; default: where a scan is
                                 predicted to take longer than 10 ms (vector_plan.h) */
    uint32_t m;               /* links a row on upper layers, twice that on layer 0; 2..64, default 24 */
    uint32_t ef_construction; /* candidates kept while inserting; 8..4096, default 200 */
    bool force;               /* build the graph or lists however few rows there are */
    uint64_t seed;            /* of the layer draw; default 42 */
    bool rebuild;             /* a merge: make graph or lists afresh, whatever the inputs have */
} vector_options;

/* ---- writing ---- */

typedef struct vector_writer vector_writer;

/* dim is 1..VECTOR_MAX_DIM. `options` may be NULL. */
cairn_status vector_writer_create(vector_writer **out, uint32_t dim, vector_metric metric,
                                  const vector_options *options, cairn_error *err);
/* Append one row, v[dim]. Rows number 0, 1, 2, ... in the order of the calls. A row of zeros is
 * allowed and scores 0 against everything. */
cairn_status vector_writer_add(vector_writer *w, const float *v, cairn_error *err);
uint32_t vector_writer_rows(const vector_writer *w);
size_t vector_writer_memory(const vector_writer *w); /* bytes held */
/* Write the sections ("vec.*" and, with a graph, "hnsw.*").
 * The graph is built on `workers` (NULL: this thread alone). The writer is spent afterwards: only
 * destroy it. The same rows give the same bytes, on any number of threads. */
cairn_status vector_writer_finish(vector_writer *w, const section_sink *sink, pool *workers,
                                  cairn_error *err);
void vector_writer_destroy(vector_writer *w); /* NULL is fine */

/* ---- reading ---- */

typedef struct vector_reader vector_reader;

cairn_status vector_reader_open(vector_reader **out, const section_source *source,
                                cairn_error *err);
void vector_reader_close(vector_reader *r); /* NULL is fine */
uint32_t vector_reader_rows(const vector_reader *r);
uint32_t vector_reader_dim(const vector_reader *r);
vector_metric vector_reader_metric(const vector_reader *r);
vector_storage vector_reader_storage(const vector_reader *r);
vector_code_kind vector_reader_codes(const vector_reader *r);
uint32_t vector_reader_code_dim(const vector_reader *r);
bool vector_reader_has_graph(const vector_reader *r);
bool vector_reader_has_lists(const vector_reader *r);
/* Copy row `row` (< rows) to out[dim], as stored: unit length under VECTOR_COSINE, up to the
 * rounding of the storage. */
void vector_reader_get(const vector_reader *r, uint32_t row, float *out);
/* The same where it lies, as long as the reader does; NULL: it is stored as something else than floats. */
const float *vector_reader_row(const vector_reader *r, uint32_t row);
/* Exact score of row `row` for query[dim]; under VECTOR_COSINE the caller scales the query itself.
 */
float vector_reader_score(const vector_reader *r, uint32_t row, const float *query);

/* ---- searching ---- */

typedef struct vector_segment {
    const vector_reader *reader;
    const uint64_t *deleted; /* rows never returned; NULL: none */
    const uint64_t *allowed; /* the only rows returned; NULL: all */
} vector_segment;

typedef struct vector_hit {
    uint32_t segment, row; /* segment: index into the array searched */
    float score;           /* exact */
} vector_hit;

/* Zero in a field means the default. */
typedef struct vector_params {
    size_t ef;        /* HNSW candidates a segment; default max(512, candidates rescored) */
    size_t rescore;   /* candidates scored exactly, at least k; the default goes by the codes:
                         vector_rescore_default; where product quantizers choose them k + max(128,
                         2 k). Never more than ef where only ef is given */
    bool no_graph;    /* scan even where there is a graph or an inverted file */
    bool no_scan;     /* use them even where a scan is predicted to be cheaper; for measurements */
    uint32_t n_probe; /* lists of an inverted file read; default 1/32 of them, at least 16 */
    float slack;      /* a walk ends when what waits is this share farther away than the k-th best:
                         hnsw_end; default 0.18; below 0: never. Inner products know no distance. */
} vector_params;

/* Candidates worth rescoring for the best k of so many rows. `codes`, `code_dim` and `dim` as in
 * the segments. */
size_t vector_rescore_default(vector_code_kind codes, uint32_t code_dim, uint32_t dim, size_t rows,
                              size_t k);

/* The k best rows over all segments, by falling score, ties by rising (segment, row). hits has
 * room for k; *n_hits gets the number found, fewer than k only when fewer rows are eligible.
 * query[dim] is the caller's, any length under VECTOR_COSINE. Every segment must have this
 * dimension and the same metric. `params` and `workers` may be NULL.
 * Cost: a scan reads the codes of the eligible rows; a graph search touches about 20 * ef rows.
 * What is predicted to be cheaper is done, segment by segment (vector_plan.h). */
cairn_status vector_search(const vector_segment *segments, size_t n_segments, const float *query,
                           uint32_t dim, size_t k, const vector_params *params, pool *workers,
                           vector_hit *hits, size_t *n_hits, cairn_error *err);
/* The same from the originals of every eligible row: the definition of the right answer. */
cairn_status vector_search_exact(const vector_segment *segments, size_t n_segments,
                                 const float *query, uint32_t dim, size_t k, pool *workers,
                                 vector_hit *hits, size_t *n_hits, cairn_error *err);

/* ---- merging and checking ---- */

typedef struct vector_merge_input {
    const vector_reader *reader;
    const uint64_t *deleted; /* NULL: none */
} vector_merge_input;

/* One segment of the live rows of in[0], then those of in[1], and so on, each in order. The result
 * gets a graph by the same rule as a new segment; the largest graph among the inputs is kept, freed
 * of its deleted rows, and the other rows are inserted into it (built afresh when more than a third
 * of it was deleted). All inputs must agree on dimension and metric. CAIRN_ECORRUPT: that graph's
 * lists are broken; `rebuild` does without it. */
cairn_status vector_merge(const vector_merge_input *in, size_t n, const vector_options *options,
                          const section_sink *sink, pool *workers, cairn_error *err);
/* The same with steps (pace.h) every few milliseconds, by the caller's thread, all through the
 * building of a graph; only while FAISS trains centroids there are none. `steps` may be NULL. */
cairn_status vector_merge_with(const vector_merge_input *in, size_t n,
                               const vector_options *options, const section_sink *sink, pace *steps,
                               pool *workers, cairn_error *err);

/* The options with which a merge gives this segment the storage, codes and kind of index it has. */
vector_options vector_options_of(const vector_reader *r);
/* How many live rows the graph does not lead to; 0 without a graph. A merge mends that. */
cairn_status vector_count_unreachable(const vector_reader *r, const uint64_t *deleted, uint32_t *n,
                                      cairn_error *err);

/* Check every invariant of the graph (hnsw.h lists them), the codes against the originals and the
 * originals for finiteness: O(rows). CAIRN_ECORRUPT names the first violation. */
cairn_status vector_verify(const vector_reader *r, cairn_error *err);

#endif
