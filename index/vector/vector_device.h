/* vector_device.h - a scan of int8 codes on another processor (a CUDA device), given from above:
 * this folder knows only the table.
 *
 * The device holds copies of segments' codes and finds the best rows by their walk scores; true
 * scores are computed from the originals here, as after any scan. It finds what the processor's
 * scan finds, so it never changes an answer - unless it is told to stand in for graphs and inverted
 * lists as well, and then finds what those may miss.
 *
 * Opening the device and copying codes cost as much as many scans, so a segment is copied only once
 * the searches of it in this process have cost as much: then at most twice of what was best was
 * spent. Where anything fails the processor scans. */
#ifndef CAIRN_INDEX_VECTOR_DEVICE_H
#define CAIRN_INDEX_VECTOR_DEVICE_H

#include "index/vector/vector.h"

typedef struct vector_device_copy vector_device_copy; /* the device's own */

/* Codes as in vector_kernels.h; a row's score as in vector_format.h. */
typedef struct vector_device_rows {
    const uint8_t *code; /* [rows * stride] */
    const float *scale;  /* [rows] */
    const float *bias;   /* [rows] or NULL */
    uint32_t rows;
    size_t stride;
} vector_device_rows;

typedef struct vector_device_query {
    const int8_t *code; /* [stride] */
    float scale, offset;
    int32_t bias;
    const uint64_t *eligible; /* a bit a row; NULL: all rows */
    size_t keep;              /* 1 .. rows */
} vector_device_query;

/* Functions are called by any thread. */
typedef struct vector_device {
    void *ctx;
    bool at_once; /* copy every segment at its first search */
    bool instead; /* of graphs and inverted lists, too */
    /* Copy these rows to the device; their arrays live as long as the copy. *out NULL: there is
     * no device. */
    cairn_status (*place)(void *ctx, vector_device_copy **out, const vector_device_rows *rows,
                          cairn_error *err);
    void (*drop)(void *ctx, vector_device_copy *copy);
    /* The best `keep` rows, by falling score, then rising row, in no order: row and score of
     * hits[keep] and *n_hits are written. */
    cairn_status (*scan)(void *ctx, vector_device_copy *copy, const vector_device_query *q,
                         vector_hit *hits, size_t *n_hits, cairn_error *err);
} vector_device;

/* Let searches of this segment use the device from now on; `d` outlives the reader. Does nothing
 * for codes that are not int8. Before the reader's first search. CAIRN_ENOMEM. */
cairn_status vector_reader_use_device(vector_reader *r, const vector_device *d, cairn_error *err);
/* Whether the segment lies on the device. */
bool vector_reader_on_device(const vector_reader *r);

#endif
