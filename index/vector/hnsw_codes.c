/* hnsw_codes.c - the 4-bit codes that a graph over int8 codes is walked along.
 *
 * A walk reads some hundred rows that lie anywhere; what it costs is lines of the cache. A 4-bit
 * code is half as long as an int8 code and tells the ranks of a walk nearly as well, because the
 * best few dozen are scored again afterwards. They are made from the int8 codes, whose error is a
 * sixteenth of theirs: so a graph needs nothing but the segment's codes. A merge that copies the
 * codes of a graph's rows copies their walk codes, too.
 *
 * Below HNSW_WALK_MIN_DIM components an int8 code is a line or two and the 4-bit one saves nothing.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "index/vector/hnsw_build.h"

#define HNSW_WALK_MIN_DIM 128u
#define CODE_ROWS         256u /* rows a task */

bool hnsw_wants_walk_codes(const vector_codes *codes)
{
    return codes->kind == VECTOR_CODE_I8 && codes->dim >= HNSW_WALK_MIN_DIM;
}

vector_codes hnsw_walk_codes_of(const vector_codes *codes)
{
    return vector_codes_of(VECTOR_CODE_I4, codes->dim, codes->full_dim, codes->metric);
}

void hnsw_decode(const vector_codes *codes, uint32_t row, float *out)
{
    const uint8_t *code = codes->code + (size_t)row * codes->stride;
    float scale = codes->scale[row];

    for (uint32_t i = 0; i < codes->dim; i++)
        out[i] = (float)((int32_t)code[i] - 128) * scale;
}

typedef struct code_job {
    const vector_codes *walk, *codes;
    float *work;             /* [workers * 2 * dim] */
    const hnsw_graph *old;   /* has the walk codes of some rows, or NULL */
    const uint32_t *old_row; /* [codes->rows] HNSW_NONE: not in `old` */
} code_job;

static void code_task(void *ctx, size_t task, size_t worker)
{
    const code_job *j = ctx;
    uint32_t first = (uint32_t)task * CODE_ROWS, dim = j->codes->dim;
    float *row = j->work + worker * 2 * dim;

    for (uint32_t r = first; r < first + CODE_ROWS && r < j->codes->rows; r++) {
        uint32_t from = j->old ? j->old_row[r] : HNSW_NONE;
        if (from != HNSW_NONE) {
            memcpy((uint8_t *)j->walk->code + r * j->walk->stride,
                   j->old->walk_code + from * j->walk->stride, j->walk->stride);
            ((float *)j->walk->scale)[r] = j->old->walk_scale[from];
            continue;
        }
        hnsw_decode(j->codes, r, row);
        vector_encode(j->walk, row, row + dim, (uint8_t *)j->walk->code + r * j->walk->stride,
                      (float *)j->walk->scale + r, NULL);
    }
}

cairn_status hnsw_walk_codes(vector_codes *walk, const vector_codes *codes, const hnsw_base *base,
                             pace *steps, pool *workers, cairn_error *err)
{
    bool copies = base && base->same_codes && base->graph->walk_code;
    uint32_t *old_row = copies ? checked_malloc(codes->rows, sizeof *old_row) : NULL;
    cairn_status st;

    code_job job = {walk, codes, checked_malloc(pool_threads(workers), 2 * (size_t)codes->dim * 4),
                    old_row ? base->graph : NULL, old_row};

    if (old_row) { /* without memory for it all are made */
        memset(old_row, 0xff, codes->rows * sizeof *old_row);
        for (uint32_t r = 0; r < base->graph->rows; r++)
            if (base->new_row[r] < codes->rows)
                old_row[base->new_row[r]] = r;
    }
    *walk = hnsw_walk_codes_of(codes);
    walk->rows = codes->rows;
    walk->code = checked_large(codes->rows, walk->stride);
    walk->scale = checked_aligned(codes->rows, sizeof *walk->scale);
    walk->bias = codes->bias;
    if (!job.work || !walk->code || !walk->scale)
        st = cairn_fail(err, CAIRN_ENOMEM, "codes for the graph of %" PRIu32 " vectors",
                        codes->rows);
    else
        st = pace_run(steps, workers, ((size_t)codes->rows + CODE_ROWS - 1) / CODE_ROWS, code_task,
                      &job, err);
    free(job.work);
    free(old_row);
    if (st) {
        free((void *)walk->code);
        free((void *)walk->scale);
        *walk = (vector_codes){0};
    }
    return st;
}

cairn_status hnsw_verify_walk(const hnsw_graph *g, const vector_codes *codes, cairn_error *err)
{
    vector_codes walk = hnsw_walk_codes_of(codes);
    uint8_t *code = checked_malloc(walk.stride, 1);
    float *row = checked_malloc(codes->dim, 2 * sizeof *row), scale;
    cairn_status st = CAIRN_OK;

    if (!code || !row)
        st = cairn_fail(err, CAIRN_ENOMEM, "checking a graph of %" PRIu32 " rows", g->rows);
    for (uint32_t r = 0; g->walk_code && r < g->rows && !st; r++) {
        hnsw_decode(codes, r, row);
        vector_encode(&walk, row, row + codes->dim, code, &scale, NULL);
        if (memcmp(&scale, &g->walk_scale[r], sizeof scale) != 0 ||
            memcmp(code, g->walk_code + (size_t)r * walk.stride, walk.stride) != 0)
            st = cairn_fail(err, CAIRN_ECORRUPT,
                            "graph: the walk code of row %" PRIu32 " does not belong to it", r);
    }
    free(code);
    free(row);
    return st;
}
