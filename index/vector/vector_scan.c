/* vector_scan.c - score every eligible row of some segments and keep the best.
 *
 * Rows go in blocks of 64, one word of the row sets. A block most of whose rows are eligible is
 * scanned whole: the codes are read in order, as fast as the memory gives them. The eligible rows
 * of thinner blocks are gathered over many blocks and scored together, so that the kernel can fetch
 * rows ahead however few a block has.
 *
 * A score that cannot be among the best is dropped in vector code: the kernels compare 64 scores
 * with the bound at once. Where many rows are wanted the bound is guessed from every sixteenth block,
 * so that not much more than what is wanted is ever kept, and in the order of the rows; a guess that
 * too few rows reach costs a second scan.
 *
 * Blocks are shared out to the pool in runs of TASK_ROWS. Workers tell each other how good a row
 * must be: a bound that one of them reached with `keep` rows of its own holds for all. The answer
 * is the best `keep` in a total order (vector_top.h), so it depends neither on the number of
 * threads nor on how they share the work. */
#include "index/vector/vector_scan.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"

#define BLOCK_ROWS     64u
#define TASK_ROWS      8192u        /* a multiple of BLOCK_ROWS */
#define PARALLEL_BYTES (512u << 10) /* below this a scan is not worth waking anybody */
#define DENSE_ROWS     24u          /* of 64: from here on a block is scanned whole */
#define GATHER_ROWS    64u          /* rows of thin blocks scored together */
#define GUESS_STEP     16u          /* blocks a block of the sample */
#define GUESS_KEEP     256u         /* rows wanted from which a guess pays, */
#define GUESS_SHARE    8u           /* ... of so many times more */
#define GUESS_MARGIN   1.5          /* times what is wanted should be above the guess, */
#define GUESS_MORE     32u          /* ... and so many of the sample, whose rows are alike side by side */

size_t vector_count_eligible(const vector_segment *s)
{
    uint32_t rows = s->reader->codes.rows;
    size_t whole = rows / 64;

    if (!s->allowed && !s->deleted)
        return rows;
    size_t n = vector_kernels_get()->count(s->allowed, s->deleted, whole);
    if (rows & 63) /* bits past the last row do not count */
        n += (size_t)__builtin_popcountll(eligible_word(s, rows, whole));
    return n;
}

typedef struct scan_task {
    uint32_t segment, first, end; /* rows [first, end); first is a multiple of 64 */
} scan_task;

typedef struct scan_job {
    const vector_kernels *kernels;
    const vector_scan *scan;
    const scan_task *tasks;
    top_list *tops;      /* one a worker */
    _Atomic float bound; /* no row below this is among the best of all */
} scan_job;

/* Take over what other workers found out, and tell them. */
static void share_bound(scan_job *j, top_list *t)
{
    float bound = atomic_load_explicit(&j->bound, memory_order_relaxed);

    while (t->least > bound &&
           !atomic_compare_exchange_weak_explicit(&j->bound, &bound, t->least, memory_order_relaxed,
                                                  memory_order_relaxed))
        ;
    t->least = bound > t->least ? bound : t->least;
}

static void offer(top_list *t, uint64_t mask, uint32_t segment, const uint32_t *rows,
                  uint32_t first, const float *scores)
{
    for (; mask; mask &= mask - 1) {
        uint32_t i = (uint32_t)__builtin_ctzll(mask);
        if (scores[i] >= t->least)
            top_list_add(t, (vector_hit){segment, rows ? rows[i] : first + i, scores[i]});
    }
}

static void scan_block(const scan_job *j, top_list *t, const vector_codes *c, uint32_t segment,
                       uint32_t first, uint64_t bits)
{
    const vector_query *q = j->scan->code;
    uint32_t span = 64 - (uint32_t)__builtin_clzll(bits); /* stays inside the section */
    int32_t dots[BLOCK_ROWS];
    float scores[BLOCK_ROWS];

    j->kernels->code[c->kind]->scan(c->code + (size_t)first * c->stride, c->stride, span, q->code,
                                    c->stride, q->bias, dots);
    uint64_t mask = j->kernels->select(dots, c->scale + first, c->bias ? c->bias + first : NULL,
                                       span, q->scale, q->offset, t->least, scores);
    offer(t, mask & bits, segment, NULL, first, scores);
}

/* Score rows[0, n), n <= GATHER_ROWS. */
static void scan_gathered(const scan_job *j, top_list *t, const vector_codes *c, uint32_t segment,
                          const uint32_t *rows, uint32_t n)
{
    const vector_query *q = j->scan->code;
    int32_t dots[GATHER_ROWS];
    float scores[GATHER_ROWS], scales[GATHER_ROWS], biases[GATHER_ROWS];

    j->kernels->code[c->kind]->gather(c->code, c->stride, rows, n, q->code, c->stride, q->bias,
                                      dots);
    for (uint32_t i = 0; i < n; i++)
        scales[i] = c->scale[rows[i]];
    for (uint32_t i = 0; c->bias && i < n; i++)
        biases[i] = c->bias[rows[i]];
    uint64_t mask = j->kernels->select(dots, scales, c->bias ? biases : NULL, n, q->scale,
                                       q->offset, t->least, scores);
    offer(t, mask, segment, rows, 0, scores);
}

static void scan_codes(const scan_job *j, top_list *t, const scan_task *task)
{
    const vector_segment *s = &j->scan->segments[task->segment];
    const vector_codes *c = &s->reader->codes;
    uint32_t rows[GATHER_ROWS + BLOCK_ROWS], n = 0;

    for (uint32_t first = task->first; first < task->end; first += BLOCK_ROWS) {
        uint64_t bits = eligible_word(s, c->rows, first / 64);
        if (!bits)
            continue;
        if ((uint32_t)__builtin_popcountll(bits) >= DENSE_ROWS) {
            scan_block(j, t, c, task->segment, first, bits);
            continue;
        }
        for (; bits; bits &= bits - 1)
            rows[n++] = first + (uint32_t)__builtin_ctzll(bits);
        if (n >= GATHER_ROWS) {
            scan_gathered(j, t, c, task->segment, rows, GATHER_ROWS);
            n -= GATHER_ROWS;
            memmove(rows, rows + GATHER_ROWS, n * sizeof *rows);
        }
    }
    if (n)
        scan_gathered(j, t, c, task->segment, rows, n);
}

static void scan_originals(const scan_job *j, top_list *t, const scan_task *task)
{
    const vector_segment *s = &j->scan->segments[task->segment];
    const vector_reader *r = s->reader;

    for (uint32_t first = task->first; first < task->end; first += BLOCK_ROWS)
        for (uint64_t bits = eligible_word(s, r->codes.rows, first / 64); bits; bits &= bits - 1) {
            uint32_t row = first + (uint32_t)__builtin_ctzll(bits);
            float score =
                vector_true_score(&r->originals, r->metric, j->kernels, row, j->scan->query);
            if (score >= t->least)
                top_list_add(t, (vector_hit){task->segment, row, score});
        }
}

static void scan_run(void *ctx, size_t task, size_t worker)
{
    scan_job *j = ctx;
    top_list *t = &j->tops[worker];

    share_bound(j, t);
    if (j->scan->code)
        scan_codes(j, t, &j->tasks[task]);
    else
        scan_originals(j, t, &j->tasks[task]);
}

/* Split the segments into tasks; *bytes gets what a scan reads. NULL when memory ran out. */
static scan_task *make_tasks(const vector_scan *s, size_t *n, size_t *bytes)
{
    size_t count = 0;

    *bytes = 0;
    *n = 0;
    for (size_t i = 0; i < s->n_segments; i++) {
        const vector_reader *r = s->segments[i].reader;
        if (!s->which[i])
            continue;
        count += (r->codes.rows + (size_t)TASK_ROWS - 1) / TASK_ROWS;
        *bytes += r->codes.rows * (s->code ? r->codes.stride : r->originals.stride);
    }
    scan_task *tasks = checked_malloc(count, sizeof *tasks);
    for (uint32_t i = 0; tasks && i < s->n_segments; i++) {
        uint32_t rows = s->segments[i].reader->codes.rows;
        for (uint32_t first = 0; s->which[i] && first < rows; first += TASK_ROWS)
            tasks[(*n)++] =
                (scan_task){i, first, rows - first > TASK_ROWS ? first + TASK_ROWS : rows};
    }
    return tasks;
}

/* A score that somewhat more than s->keep rows reach, most likely; -INFINITY: all may. */
static float guess_bound(const vector_scan *s)
{
    const scan_job job = {.kernels = vector_kernels_get(), .scan = s};
    const size_t keep = (size_t)(GUESS_MARGIN * (double)s->keep / GUESS_STEP) + GUESS_MORE;
    size_t rows = 0, seen = 0, cap = top_list_cap(keep);

    for (size_t i = 0; i < s->n_segments; i++)
        rows += s->which[i] ? s->segments[i].reader->codes.rows : 0;
    if (!s->code || s->keep < GUESS_KEEP || rows / GUESS_SHARE < s->keep)
        return -INFINITY;
    vector_hit *space = checked_malloc(cap, sizeof *space);
    if (!space)
        return -INFINITY;
    top_list t = {space, 0, keep, cap, -INFINITY};
    for (uint32_t i = 0; i < s->n_segments; i++) {
        const vector_codes *c = &s->segments[i].reader->codes;
        for (size_t first = 0; s->which[i] && first < c->rows; first += BLOCK_ROWS * GUESS_STEP) {
            uint64_t bits = eligible_word(&s->segments[i], c->rows, first / 64);
            seen += (size_t)__builtin_popcountll(bits);
            if (bits)
                scan_block(&job, &t, c, i, (uint32_t)first, bits);
        }
    }
    top_list_shrink(&t);
    free(space);
    return seen >= 2 * keep ? t.least : -INFINITY;
}

/* The best of what the workers' lists hold, at the front of `space`. */
static size_t take_tops(const scan_job *job, size_t n_tops, vector_hit *space)
{
    const size_t keep = job->scan->keep;
    size_t n = 0;

    for (size_t t = 0; t < n_tops; t++) { /* close the gaps between the workers' lists */
        memmove(space + n, job->tops[t].hits, job->tops[t].n * sizeof *space);
        n += job->tops[t].n;
    }
    if (n <= keep)
        return n;
    vector_hit *room = checked_malloc(n, sizeof *room);
    if (room)
        hits_keep(space, n, keep, room);
    else
        hits_select(space, n, keep);
    free(room);
    return keep;
}

cairn_status vector_scan_run(const vector_scan *s, pool *workers, vector_hit *found,
                             size_t *n_found, cairn_error *err)
{
    size_t n_tasks, bytes, places, cap = top_list_cap(s->keep), n = 0;
    float bound = s->bound ? *s->bound : guess_bound(s);
    scan_task *tasks = make_tasks(s, &n_tasks, &bytes);

    if (bytes < PARALLEL_BYTES || n_tasks == 1)
        workers = NULL;
    size_t n_tops = pool_threads(workers);
    top_list *tops = checked_malloc(n_tops, sizeof *tops);
    vector_hit *space = NULL;
    if (checked_mul(n_tops, cap, &places))
        space = checked_malloc(places, sizeof *space);
    if (!tasks || !tops || !space) {
        free(tasks);
        free(tops);
        free(space);
        return cairn_fail(err, CAIRN_ENOMEM, "candidates of a vector search");
    }
    for (bool again = true; again;) {
        for (size_t t = 0; t < n_tops; t++)
            tops[t] = (top_list){space + t * cap, 0, s->keep, cap, bound};
        scan_job job = {vector_kernels_get(), s, tasks, tops, bound};
        pool_run(workers, n_tasks, scan_run, &job);
        n = take_tops(&job, n_tops, space);
        again = !s->bound && n < s->keep && bound > -INFINITY;
        bound = -INFINITY;
    }
    memcpy(found + *n_found, space, n * sizeof *space);
    *n_found += n;
    free(tasks);
    free(tops);
    free(space);
    return CAIRN_OK;
}
