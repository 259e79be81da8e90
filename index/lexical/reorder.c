/* reorder.c - recursive graph bisection.
 *
 * Dhulipala, Kabiljo, Karrer, Ottaviano, Pupyrev, Shalita: Compressing Graphs and Indexes with
 * Recursive Graph Bisection (KDD 2016), section 3; the way of doing it follows Mackenzie, Petri,
 * Moffat: Faster Index Reordering with Bipartite Graph Partitioning (SIGIR 2021).
 *
 * Rows and words are the two sides of a graph, postings its edges. A range of rows is cut into
 * halves so that each word has its rows on one side where it can: the cost of a word with d of its
 * rows among the n of a half is about d * log2(n / (d + 1)) bits of gaps there. Then each half is
 * cut, down to LEAF rows.
 *
 * One cut starts from the order at hand, which is a good one where rows came document by document,
 * and repeats up to ROUNDS times: every row has a bias, the sum over its words of the bits won per
 * row on the left less those on the right, and the median bias parts them. Rows on the wrong side
 * of it are exchanged, as many from either half, if they are further from it than MARGIN bits times
 * the number of the round (so that late rounds don't toil for crumbs, which is the annealing of the
 * 2021 paper; 0.5 cost 0.3 % of the bits, 0 a fifth more time for nothing). Only values are compared, so the result does not depend on threads.
 *
 * What makes it fast: words in fewer than `least` rows, or in more than a third of all, don't take
 * part; a subrange whose postings are few against its words is copied into a graph of its own with
 * words numbered anew, so that its tables stay in the caches; counts are corrected for the rows
 * that moved only; logarithms come from a table.
 *
 * Threads: the first cuts have their biases summed on all workers; once there are several ranges a
 * worker, each range is finished by one. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "index/lexical/postings.h"
#include "index/lexical/reader.h"

#define LEAF       16 /* rows that are not cut any further */
#define MARGIN     0.1f
#define ROUNDS     20
#define LOGS       4096
#define LEAST_ROWS 8   /* of a word that takes part, in a small index; grows to LEAST_MOST */
#define LEAST_MOST 1024
#define CHUNK_ROWS 2048 /* of a parallel loop */
#define STEP_ROWS  2048 /* of a cut that asks whether to go on */

static cairn_status no_memory(cairn_error *err)
{
    return cairn_fail(err, CAIRN_ENOMEM, "no memory to reorder rows");
}

/* ---- the graph ---- */

typedef struct graph {
    uint64_t *first; /* [n_rows + 1] */
    uint32_t *word;  /* [first[n_rows]] */
    uint32_t n_rows, n_words;
} graph;

static void graph_clear(graph *g)
{
    free(g->first);
    free(g->word);
    *g = (graph){0};
}

/* An input, with the number of each of its rows over all live rows; NULL: base + row. */
typedef struct reorder_input {
    const lexical_reader *reader;
    uint32_t *to; /* UINT32_MAX: deleted */
    uint32_t base;
} reorder_input;

static uint32_t plain_row(const reorder_input *in, uint32_t row)
{
    return in->to ? in->to[row] : in->base + row;
}

typedef struct graph_pass {
    const reorder_input *in;
    size_t n;
    graph *g;
    dict_iter *it;
    bool *more;
    postings *list;
    uint32_t least, most;
    bool fill; /* second pass: write the words; first: count them */
    pace_step_fn step;
    void *step_ctx;
} graph_pass;

static cairn_status take_list(graph_pass *p, size_t i, uint32_t word, cairn_error *err)
{
    const reorder_input *in = &p->in[i];
    cairn_status st = postings_open(p->list, in->reader, &p->it[i].term, pack_get(), err);

    for (uint32_t b = 0; b < p->list->n_blocks && !st; b++) {
        st = postings_block(p->list, b, err);
        for (uint32_t k = 0; k < p->list->n && !st; k++) {
            uint32_t row = plain_row(in, p->list->doc[k]);
            if (row == UINT32_MAX)
                continue;
            /* Counting fills first[row + 1], filling moves first[row] on. */
            if (p->fill)
                p->g->word[p->g->first[row]++] = word;
            else
                p->g->first[row + 1]++;
        }
    }
    return st;
}

/* Walk the words of all inputs in order; those that take part are numbered from 0. */
static cairn_status walk_words(graph_pass *p, cairn_error *err)
{
    cairn_status st = CAIRN_OK;
    uint32_t word = 0, since = 0;

    for (size_t i = 0; i < p->n && !st; i++) {
        dict_iter_init(&p->it[i], &p->in[i].reader->dict);
        st = dict_iter_next(&p->it[i], &p->more[i], err);
    }
    while (!st) {
        char text[ANALYZER_TERM_MAX];
        size_t len = 0, best = p->n;
        uint64_t df = 0;
        for (size_t i = 0; i < p->n; i++) {
            const dict_term *a = &p->it[i].term;
            int c;
            if (!p->more[i])
                continue;
            c = best == p->n ? -1 : memcmp(a->text, text, a->len < len ? a->len : len);
            if (c < 0 || (c == 0 && a->len < len)) {
                best = i;
                len = a->len;
                memcpy(text, a->text, len);
                df = a->df;
            } else if (c == 0 && a->len == len) {
                df += a->df;
            }
        }
        if (best == p->n)
            break;
        bool part = df >= p->least && df <= p->most;
        for (size_t i = best; i < p->n && !st; i++) {
            if (!p->more[i] || p->it[i].term.len != len || memcmp(p->it[i].term.text, text, len))
                continue;
            if (part)
                st = take_list(p, i, word, err);
            if (!st)
                st = dict_iter_next(&p->it[i], &p->more[i], err);
        }
        word += part;
        since += part ? (uint32_t)df : 1;
        if (!st && since > 100000) {
            since = 0;
            st = p->step ? p->step(p->step_ctx, 0, err) : CAIRN_OK;
        }
    }
    p->g->n_words = word;
    return st;
}

/* Rows with the words that take part in them. */
static cairn_status graph_read(graph *g, graph_pass *p, uint32_t n_rows, cairn_error *err)
{
    cairn_status st;

    *g = (graph){.n_rows = n_rows};
    p->g = g;
    g->first = calloc((size_t)n_rows + 2, sizeof *g->first);
    if (!g->first)
        return no_memory(err);
    p->fill = false;
    st = walk_words(p, err);
    if (st)
        return st;
    for (uint32_t r = 0; r < n_rows; r++)
        g->first[r + 1] += g->first[r];
    g->word = checked_malloc(g->first[n_rows] + 1, sizeof *g->word);
    if (!g->word)
        return no_memory(err);
    p->fill = true;
    st = walk_words(p, err);
    /* Filling moved each beginning to the next one's place. */
    memmove(g->first + 1, g->first, (size_t)n_rows * sizeof *g->first);
    g->first[0] = 0;
    return st;
}

/* ---- one cut ---- */

/* Tables by word, and by row of a range. */
typedef struct scratch {
    uint32_t *left, *right; /* [n_words] rows of the word in each half */
    float *won[2]; /* [n_words] bits that a row of the left half, of the right half, wins by being on
                      the left, against being on the right */
    uint32_t *number;       /* [n_words] of a word in a smaller graph, + 1; zero between uses */
    size_t cap;
} scratch;

typedef struct biased_row {
    float bias;
    uint32_t row;
} biased_row;

typedef struct bisection {
    pool *workers;
    float step_of[LOGS]; /* bits_more(d) */
    pace_step_fn step;
    void *step_ctx;
    scratch *by_worker; /* [pool_threads] */
    biased_row *biased; /* [2 * n_rows]: the part of a range is its own, and the same behind n_rows */
    uint32_t n_rows;
} bisection;

static void scratch_clear(scratch *s)
{
    free(s->left);
    free(s->right);
    free(s->won[0]);
    free(s->won[1]);
    free(s->number);
    *s = (scratch){0};
}

/* Room for n words; what was there is lost. */
static bool scratch_reserve(scratch *s, size_t n)
{
    if (n <= s->cap)
        return true;
    scratch_clear(s);
    s->left = checked_malloc(n, sizeof *s->left);
    s->right = checked_malloc(n, sizeof *s->right);
    s->won[0] = checked_malloc(n, sizeof *s->won[0]);
    s->won[1] = checked_malloc(n, sizeof *s->won[1]);
    s->number = calloc(n, sizeof *s->number);
    s->cap = s->left && s->right && s->won[0] && s->won[1] && s->number ? n : 0;
    return s->cap != 0;
}

/* f(d + 1) - f(d) for f(d) = d * log2(d + 1): what a half with d rows of a word saves by one more. */
static float bits_more(uint32_t d)
{
    double x = d;

    return (float)((x + 1) * log2(x + 2) - x * log2(x + 1));
}

static inline float step_of(const bisection *b, uint32_t d)
{
    return d < LOGS ? b->step_of[d] : log2f((float)d + 2) + 1.442695f;
}

static void count_rows(const graph *g, const uint32_t *rows, uint32_t n, uint32_t *count)
{
    memset(count, 0, g->n_words * sizeof *count);
    for (uint32_t i = 0; i < n; i++)
        for (uint64_t e = g->first[rows[i]]; e < g->first[rows[i] + 1]; e++)
            count[g->word[e]]++;
}

/* A row does not count itself, or it would stick to where it is. */
static void price_words(const bisection *b, const graph *g, scratch *s)
{
    for (uint32_t w = 0; w < g->n_words; w++) {
        uint32_t l = s->left[w], r = s->right[w];
        s->won[0][w] = step_of(b, l ? l - 1 : 0) - step_of(b, r);
        s->won[1][w] = step_of(b, l) - step_of(b, r ? r - 1 : 0);
    }
}

typedef struct bias_job {
    const graph *g;
    const scratch *s;
    const uint32_t *rows;
    uint32_t n;
    biased_row *out;
} bias_job;

static void bias_rows(const bias_job *j, uint32_t from, uint32_t to)
{
    for (uint32_t i = from; i < to; i++) {
        const float *won = j->s->won[i >= j->n / 2];
        uint32_t row = j->rows[i];
        uint64_t e = j->g->first[row], end = j->g->first[row + 1];
        float a = 0, b = 0;
        for (; e + 2 <= end; e += 2) {
            a += won[j->g->word[e]];
            b += won[j->g->word[e + 1]];
        }
        if (e < end)
            a += won[j->g->word[e]];
        j->out[i] = (biased_row){a + b, row};
    }
}

static void bias_chunk(void *ctx, size_t task, size_t worker)
{
    const bias_job *j = ctx;
    uint32_t from = (uint32_t)task * CHUNK_ROWS;
    uint32_t to = j->n - from < CHUNK_ROWS ? j->n : from + CHUNK_ROWS;

    (void)worker;
    bias_rows(j, from, to);
}

/* Greater bias first: it leans to the left; then the smaller row. */
static inline bool leans_left(const biased_row *a, const biased_row *b)
{
    return a->bias != b->bias ? a->bias > b->bias : a->row < b->row;
}

static void swap_biased(biased_row *a, biased_row *b)
{
    biased_row c = *a;
    *a = *b;
    *b = c;
}

/* Put the k rows that lean most to the left in front (Hoare's selection, median of three). */
static void select_left(biased_row *v, uint32_t n, uint32_t k)
{
    uint32_t lo = 0, hi = n;

    while (hi - lo > 1) {
        uint32_t mid = lo + (hi - lo) / 2, i = lo, j = hi - 1;
        if (leans_left(&v[mid], &v[lo]))
            swap_biased(&v[mid], &v[lo]);
        if (leans_left(&v[hi - 1], &v[mid])) {
            swap_biased(&v[hi - 1], &v[mid]);
            if (leans_left(&v[mid], &v[lo]))
                swap_biased(&v[mid], &v[lo]);
        }
        biased_row pivot = v[mid];
        for (;;) {
            while (leans_left(&v[i], &pivot))
                i++;
            while (leans_left(&pivot, &v[j]))
                j--;
            if (i >= j)
                break;
            swap_biased(&v[i++], &v[j--]);
        }
        /* [lo, i) does not lean less than the pivot, [i, hi) not more; i > lo since v[mid] moved. */
        if (i == lo)
            i++;
        if (k < i)
            hi = i;
        else
            lo = i;
        if (k == lo || k == hi)
            return;
    }
}

static void move_row(const graph *g, uint32_t row, uint32_t *from, uint32_t *to)
{
    for (uint64_t e = g->first[row]; e < g->first[row + 1]; e++) {
        from[g->word[e]]--;
        to[g->word[e]]++;
    }
}

/* The bias of the median row. */
static float median_bias(const biased_row *v, uint32_t n, biased_row *copy)
{
    uint32_t k = n / 2;
    float pivot;

    memcpy(copy, v, n * sizeof *copy);
    select_left(copy, n, k);
    pivot = copy[k].bias; /* of those behind, the one that leans most to the left */
    for (uint32_t i = k + 1; i < n; i++)
        pivot = copy[i].bias > pivot ? copy[i].bias : pivot;
    return pivot;
}

/* Gather the places of rows that are further than `margin` on the wrong side of the pivot; at most
 * `most`, those that lean most. The bias in `out` is turned so that greater leans more. */
static uint32_t strays(const biased_row *v, uint32_t n, float pivot, float margin, bool to_left,
                       biased_row *out)
{
    uint32_t found = 0;

    for (uint32_t i = 0; i < n; i++) {
        float over = to_left ? v[i].bias - pivot : pivot - v[i].bias;
        if (over > margin)
            out[found++] = (biased_row){over, i};
    }
    return found;
}

/* Exchange rows between the halves rows[0, half) and the rest. Returns how many pairs moved. */
static uint32_t exchange(const graph *g, scratch *s, const biased_row *v, biased_row *room,
                         uint32_t *rows, uint32_t n, float margin)
{
    uint32_t half = n / 2, n_right, n_left, pairs;
    float pivot = median_bias(v, n, room);
    biased_row *right = room, *left;

    /* From the left half to the right, and from the right to the left. */
    n_right = strays(v, half, pivot, margin, false, right);
    left = room + n_right;
    n_left = strays(v + half, n - half, pivot, margin, true, left);
    pairs = n_right < n_left ? n_right : n_left;
    if (!pairs)
        return 0;
    select_left(right, n_right, pairs);
    select_left(left, n_left, pairs);
    for (uint32_t i = 0; i < pairs; i++) {
        uint32_t *x = &rows[right[i].row], *y = &rows[half + left[i].row], z = *x;
        move_row(g, *x, s->left, s->right);
        move_row(g, *y, s->right, s->left);
        *x = *y;
        *y = z;
    }
    return pairs;
}

static int rising(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

/* Cut rows[0, n) at n / 2. `together`: all workers sum the biases. */
static cairn_status cut(bisection *b, const graph *g, uint32_t *rows, uint32_t n, scratch *s,
                        biased_row *biased, bool together, cairn_error *err)
{
    uint32_t half = n / 2, moved = 1;
    cairn_status st = CAIRN_OK;

    if (!scratch_reserve(s, g->n_words))
        return no_memory(err);
    count_rows(g, rows, half, s->left);
    count_rows(g, rows + half, n - half, s->right);
    for (unsigned round = 0; round < ROUNDS && moved; round++) {
        bias_job j = {g, s, rows, n, biased};
        if (b->step && n >= STEP_ROWS)
            st = b->step(b->step_ctx, 0, err);
        if (st)
            return st;
        price_words(b, g, s);
        if (together)
            pool_run(b->workers, (n + CHUNK_ROWS - 1) / CHUNK_ROWS, bias_chunk, &j);
        else
            bias_rows(&j, 0, n);
        moved = exchange(g, s, biased, biased + b->n_rows, rows, n, MARGIN * (float)round);
    }
    /* Rows of a half in their old order: the next cut begins from there. */
    qsort(rows, half, sizeof *rows, rising);
    qsort(rows + half, n - half, sizeof *rows, rising);
    return CAIRN_OK;
}

/* ---- the recursion ---- */

/* A graph of these rows alone, numbered from 0 in their order, without words that only one of them
 * has. */
static cairn_status graph_of(graph *out, const graph *g, const uint32_t *rows, uint32_t n,
                             scratch *s, cairn_error *err)
{
    uint64_t edges = 0;
    uint32_t n_words = 0;

    *out = (graph){.n_rows = n};
    if (!scratch_reserve(s, g->n_words))
        return no_memory(err);
    for (uint32_t i = 0; i < n; i++)
        for (uint64_t e = g->first[rows[i]]; e < g->first[rows[i] + 1]; e++)
            edges += ++s->number[g->word[e]] > 1;
    out->first = checked_malloc((size_t)n + 1, sizeof *out->first);
    out->word = checked_malloc(2 * edges + 1, sizeof *out->word);
    if (!out->first || !out->word) {
        for (uint32_t i = 0; i < n; i++)
            for (uint64_t e = g->first[rows[i]]; e < g->first[rows[i] + 1]; e++)
                s->number[g->word[e]] = 0;
        return no_memory(err);
    }
    /* left[w] is the new number of a word whose count is above 1. */
    for (uint32_t i = 0; i < n; i++)
        for (uint64_t e = g->first[rows[i]]; e < g->first[rows[i] + 1]; e++)
            s->left[g->word[e]] = UINT32_MAX;
    edges = 0;
    for (uint32_t i = 0; i < n; i++) {
        out->first[i] = edges;
        for (uint64_t e = g->first[rows[i]]; e < g->first[rows[i] + 1]; e++) {
            uint32_t w = g->word[e];
            if (s->number[w] < 2)
                continue;
            if (s->left[w] == UINT32_MAX)
                s->left[w] = n_words++;
            out->word[edges++] = s->left[w];
        }
    }
    out->first[n] = edges;
    out->n_words = n_words;
    for (uint32_t i = 0; i < n; i++)
        for (uint64_t e = g->first[rows[i]]; e < g->first[rows[i] + 1]; e++)
            s->number[g->word[e]] = 0;
    return CAIRN_OK;
}

static cairn_status finish_range(bisection *b, const graph *g, uint32_t *rows, uint32_t n,
                                 size_t worker, biased_row *biased, cairn_error *err);

/* The range in a graph of its own. */
static cairn_status finish_apart(bisection *b, const graph *g, uint32_t *rows, uint32_t n,
                                 size_t worker, biased_row *biased, cairn_error *err)
{
    graph own;
    uint32_t *inner = checked_malloc(2 * (size_t)n, sizeof *inner), *outer = inner ? inner + n : NULL;
    cairn_status st = inner ? graph_of(&own, g, rows, n, &b->by_worker[worker], err)
                            : no_memory(err);

    if (inner && !st) {
        memcpy(outer, rows, n * sizeof *outer);
        for (uint32_t i = 0; i < n; i++)
            inner[i] = i;
        st = finish_range(b, &own, inner, n, worker, biased, err);
        for (uint32_t i = 0; i < n && !st; i++)
            rows[i] = outer[inner[i]];
    }
    if (inner)
        graph_clear(&own);
    free(inner);
    return st;
}

/* Cut and go on with the halves, on this thread. */
static cairn_status finish_range(bisection *b, const graph *g, uint32_t *rows, uint32_t n,
                                 size_t worker, biased_row *biased, cairn_error *err)
{
    uint64_t edges = 0;
    cairn_status st;

    if (n <= LEAF)
        return CAIRN_OK;
    for (uint32_t i = 0; i < n; i++)
        edges += g->first[rows[i] + 1] - g->first[rows[i]];
    if (edges < 2 * (uint64_t)g->n_words && n < g->n_rows)
        return finish_apart(b, g, rows, n, worker, biased, err);
    st = cut(b, g, rows, n, &b->by_worker[worker], biased, false, err);
    if (!st)
        st = finish_range(b, g, rows, n / 2, worker, biased, err);
    if (!st)
        st = finish_range(b, g, rows + n / 2, n - n / 2, worker, biased + n / 2, err);
    return st;
}

typedef struct range_job {
    bisection *b;
    const graph *g;
    uint32_t *rows;
    uint32_t *begin; /* [ranges + 1] */
    cairn_status *status;
    cairn_error *error;
} range_job;

static void finish_task(void *ctx, size_t task, size_t worker)
{
    range_job *j = ctx;
    uint32_t from = j->begin[task], n = j->begin[task + 1] - from;

    j->status[task] = finish_apart(j->b, j->g, j->rows + from, n, worker, j->b->biased + from,
                                   &j->error[task]);
}

/* The first cuts together, then range by range. */
static cairn_status bisect(bisection *b, const graph *g, uint32_t *rows, cairn_error *err)
{
    enum { RANGES = 64 };
    uint32_t begin[RANGES + 1] = {0, g->n_rows};
    cairn_status status[RANGES] = {CAIRN_OK}, st = CAIRN_OK;
    cairn_error *error = calloc(RANGES, sizeof *error);
    size_t n = 1;

    if (!error)
        return no_memory(err);
    /* Always as many, so that the result does not depend on the threads. */
    while (n < RANGES && !st) {
        for (size_t i = n; i-- > 0;) {
            begin[2 * i + 2] = begin[i + 1];
            begin[2 * i + 1] = begin[i] + (begin[i + 1] - begin[i]) / 2;
            if (i)
                begin[2 * i] = begin[i];
        }
        for (size_t i = 0; i < n && !st; i++) {
            uint32_t from = begin[2 * i], len = begin[2 * i + 2] - from;
            if (len > LEAF)
                st = cut(b, g, rows + from, len, &b->by_worker[0], b->biased + from, true, err);
        }
        n *= 2;
    }
    if (!st) {
        range_job j = {b, g, rows, begin, status, error};
        pool_run(b->workers, RANGES, finish_task, &j);
        for (size_t i = 0; i < RANGES && !st; i++) {
            st = status[i];
            if (st && err)
                *err = error[i];
        }
    }
    free(error);
    return st;
}

/* Number the live rows of the inputs. */
static cairn_status number_rows(reorder_input *to, const lexical_merge_input *in, size_t n,
                                uint32_t *n_rows, cairn_error *err)
{
    uint64_t next = 0;

    for (size_t i = 0; i < n; i++) {
        uint32_t rows = in[i].reader->n_rows;
        to[i] = (reorder_input){.reader = in[i].reader, .base = (uint32_t)next};
        if (!in[i].deleted) {
            next += rows;
            continue;
        }
        to[i].to = checked_malloc((size_t)rows + 1, sizeof *to[i].to);
        if (!to[i].to)
            return no_memory(err);
        for (uint32_t row = 0; row < rows; row++)
            to[i].to[row] = row_set_has(in[i].deleted, row) ? UINT32_MAX : (uint32_t)next++;
    }
    if (next > ROWS_MAX)
        return cairn_fail(err, CAIRN_ELIMIT, "a merged segment would have more than %u rows",
                          ROWS_MAX);
    *n_rows = (uint32_t)next;
    return CAIRN_OK;
}

static cairn_status reorder(graph_pass *p, uint32_t n_rows, pool *workers, uint32_t *order,
                            cairn_error *err)
{
    bisection *b = calloc(1, sizeof *b);
    graph g = {0};
    cairn_status st = b ? graph_read(&g, p, n_rows, err) : no_memory(err);

    if (!st) {
        b->workers = workers;
        b->step = p->step;
        b->step_ctx = p->step_ctx;
        b->n_rows = n_rows;
        for (uint32_t d = 0; d < LOGS; d++)
            b->step_of[d] = bits_more(d);
        b->by_worker = calloc(pool_threads(workers), sizeof *b->by_worker);
        b->biased = checked_malloc(2 * (size_t)n_rows + 1, sizeof *b->biased);
        st = b->by_worker && b->biased ? bisect(b, &g, order, err) : no_memory(err);
    }
    for (size_t i = 0; b && b->by_worker && i < pool_threads(workers); i++)
        scratch_clear(&b->by_worker[i]);
    if (b) {
        free(b->by_worker);
        free(b->biased);
    }
    free(b);
    graph_clear(&g);
    return st;
}

cairn_status lexical_reorder(const lexical_merge_input *in, size_t n,
                             const lexical_merge_options *options, pool *workers, uint32_t *order,
                             cairn_error *err)
{
    uint32_t n_rows = 0, least;
    reorder_input *to = calloc(n + 1, sizeof *to);
    graph_pass p = {.in = to, .n = n};
    cairn_status st;

    p.it = checked_malloc(n, sizeof *p.it);
    p.more = calloc(n + 1, sizeof *p.more);
    p.list = checked_aligned(1, sizeof *p.list);
    st = to && p.it && p.more && p.list ? number_rows(to, in, n, &n_rows, err) : no_memory(err);
    if (!st) {
        least = n_rows / 4096;
        p.least = least < LEAST_ROWS ? LEAST_ROWS : least > LEAST_MOST ? LEAST_MOST : least;
        p.most = n_rows / 3;
        p.step = options ? options->step : NULL;
        p.step_ctx = options ? options->step_ctx : NULL;
        for (uint32_t i = 0; i < n_rows; i++)
            order[i] = i;
        st = reorder(&p, n_rows, workers, order, err);
    }
    for (size_t i = 0; to && i < n; i++)
        free(to[i].to);
    free(to);
    free(p.it);
    free(p.more);
    free(p.list);
    return st;
}
