/* vector_scan.h - what the scan, the search and the planner share; nobody else includes it. */
#ifndef CAIRN_INDEX_VECTOR_SCAN_H
#define CAIRN_INDEX_VECTOR_SCAN_H

#include "index/vector/vector_format.h"
#include "index/vector/vector_top.h"

/* Which rows of word w may be returned, with the bits past the last row off. */
static inline uint64_t eligible_word(const vector_segment *s, uint32_t rows, size_t w)
{
    uint64_t bits = s->allowed ? s->allowed[w] : ~(uint64_t)0;

    if (s->deleted)
        bits &= ~s->deleted[w];
    if (w == rows / 64)
        bits &= ((uint64_t)1 << (rows & 63)) - 1;
    return bits;
}

/* How many rows of the segment may be returned. */
size_t vector_count_eligible(const vector_segment *s);

typedef struct vector_scan {
    const vector_segment *segments;
    size_t n_segments;
    const bool *which;        /* [n_segments]: the segments to scan, of codes alike */
    const vector_query *code; /* NULL: score from the originals */
    const float *query;       /* [dim], for the originals */
    size_t keep;              /* >= 1 */
    const float *bound;       /* rows that score less are not wanted; NULL: all are */
} vector_scan;

/* Put the best `keep` rows of these segments behind found[*n_found], in no order. `found` has room
 * for them. */
cairn_status vector_scan_run(const vector_scan *s, pool *workers, vector_hit *found,
                             size_t *n_found, cairn_error *err);

/* Put the best `keep` rows of this segment behind found[*n_found], in no order, by a device
 * (vector_device.c). false: there is none, or this search, which costs `ns` here, does not pay
 * there; nothing was found. q: the query for r->codes, which are int8. */
bool vector_device_search(const vector_segment *s, uint32_t segment, const vector_query *q,
                          size_t eligible, double ns, size_t keep, vector_hit *found,
                          size_t *n_found);
/* Whether a device may stand in for the segment's graph or lists. */
bool vector_device_instead(const vector_reader *r);

#endif
