/* writer_lists.c - from the runs of all inverters to lists: the runs are walked side by side in the order of
 * their terms, the streams of each term are gathered into batches, and a worker puts the postings of a
 * batch in order of their rows and encodes them. */
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "base/varint.h"
#include "index/lexical/writer.h"

static cairn_status no_memory(cairn_error *err)
{
    return cairn_fail(err, CAIRN_ENOMEM, "no memory for a lexical writer");
}

/* ---- encoding a batch ---- */

/* Reading a stream. Its bytes are our own, so they are only asserted by the bounds. */
typedef struct stream_cursor {
    const uint8_t *p, *end;
    uint32_t row;
    bool simple;
} stream_cursor;

/* Stand on the next posting's row; UINT32_MAX at the end. */
static void stream_next(stream_cursor *c)
{
    uint64_t v;

    if (c->p >= c->end) {
        c->row = UINT32_MAX;
        return;
    }
    if (*c->p < 0x80)
        v = *c->p++;
    else
        c->p += varint_decode(c->p, c->end, &v);
    c->row += (uint32_t)(v >> 1);
    c->simple = v & 1;
}

static inline const uint8_t *read_varint(const uint8_t *p, const uint8_t *end, uint32_t *out)
{
    uint64_t v;

    if (*p < 0x80) {
        *out = *p;
        return p + 1;
    }
    p += varint_decode(p, end, &v);
    *out = (uint32_t)v;
    return p;
}

/* Give the posting at hand to the encoder and step. */
static cairn_status encode_posting(worker *k, stream_cursor *c, cairn_error *err)
{
    uint32_t tf[LEXICAL_FIELDS] = {0}, *gaps;
    size_t total = 1;
    cairn_status st;

    if (c->simple) {
        tf[LEXICAL_BODY] = 1;
    } else {
        unsigned fields = *c->p++;
        total = 0;
        for (unsigned f = 0; f < LEXICAL_FIELDS; f++) {
            if (!(fields >> f & 1))
                continue;
            c->p = read_varint(c->p, c->end, &tf[f]);
            total += tf[f];
        }
    }
    st = list_add_gaps(&k->lists, c->row, tf, &gaps, err);
    if (st)
        return st;
    for (size_t i = 0; i < total; i++)
        c->p = read_varint(c->p, c->end, &gaps[i]);
    stream_next(c);
    return CAIRN_OK;
}

/* Encode the postings of n streams, rows rising over all of them. Each worker takes whole blocks
 * of rows, so long runs of postings come from one stream. */
static cairn_status encode_streams(worker *k, stream_cursor *c, size_t n, cairn_error *err)
{
    cairn_status st = CAIRN_OK;

    for (;;) {
        size_t best = 0;
        uint32_t second = UINT32_MAX;
        for (size_t i = 1; i < n; i++) {
            if (c[i].row < c[best].row) {
                second = c[best].row;
                best = i;
            } else if (c[i].row < second) {
                second = c[i].row;
            }
        }
        if (st || c[best].row == UINT32_MAX)
            return st;
        while (!st && c[best].row < second)
            st = encode_posting(k, &c[best], err);
    }
}

cairn_status writer_encode(worker *k, job *j, cairn_error *err)
{
    stream_cursor few[64], *c = few;
    size_t cap = sizeof few / sizeof *few;
    cairn_status st = CAIRN_OK;

    k->lists.post = &j->post;
    k->lists.pos = &j->pos;
    for (size_t i = 0; i < j->n_terms && !st; i++) {
        job_term *t = &j->terms[i];
        if (t->n > cap) {
            stream_cursor *more = checked_realloc(c == few ? NULL : c, t->n, sizeof *more);
            if (!more) {
                st = no_memory(err);
                break;
            }
            c = more;
            cap = t->n;
        }
        for (size_t s = 0; s < t->n; s++) {
            const job_stream *at = &j->streams[t->first + s];
            const uint8_t *p = (const uint8_t *)j->text.data + at->at;
            c[s] = (stream_cursor){.p = p, .end = p + at->len, .row = UINT32_MAX};
            stream_next(&c[s]);
        }
        list_begin(&k->lists);
        st = encode_streams(k, c, t->n, err);
        if (!st)
            st = list_end(&k->lists, &t->size, err);
    }
    if (c != few)
        free(c);
    return st;
}

/* ---- gathering batches ---- */

/* The runs of all inverters, the one with the smallest term on top of a heap. */
typedef struct run_heap {
    posting_run *runs, **heap;
    size_t n_runs, n;
} run_heap;

static int compare_runs(const posting_run *a, const posting_run *b)
{
    int c;

    if (a->prefix != b->prefix)
        return a->prefix < b->prefix ? -1 : 1;
    c = memcmp(a->term, b->term, a->len < b->len ? a->len : b->len);
    return c ? c : (a->len > b->len) - (a->len < b->len);
}

/* The run at `i` may stand too high. */
static void sift_down(run_heap *h, size_t i)
{
    for (;;) {
        size_t least = i;
        for (size_t c = 2 * i + 1; c <= 2 * i + 2 && c < h->n; c++)
            if (compare_runs(h->heap[c], h->heap[least]) < 0)
                least = c;
        if (least == i)
            return;
        posting_run *r = h->heap[i];
        h->heap[i] = h->heap[least];
        h->heap[least] = r;
        i = least;
    }
}

static void close_runs(run_heap *h)
{
    for (size_t i = 0; h->runs && i < h->n_runs; i++)
        posting_run_close(&h->runs[i]);
    free(h->runs);
    free(h->heap);
}

static cairn_status open_runs(lexical_writer *w, run_heap *h, cairn_error *err)
{
    size_t total = 0, buffer;
    cairn_status st = CAIRN_OK;

    *h = (run_heap){0};
    for (size_t i = 0; i < w->n_workers; i++)
        total += inverter_runs(w->workers[i].inverter);
    h->runs = checked_malloc(total, sizeof *h->runs);
    h->heap = checked_malloc(total, sizeof *h->heap);
    if (!h->runs || !h->heap)
        return no_memory(err);
    buffer = w->budget / 8 / (total + 1);
    for (size_t i = 0; i < w->n_workers; i++) {
        inverter *v = w->workers[i].inverter;
        for (size_t r = 0, n = inverter_runs(v); r < n && !st; r++) {
            posting_run *run = &h->runs[h->n_runs];
            st = posting_run_open(run, v, r, buffer, err);
            h->n_runs++;
            if (!st && run->term)
                h->heap[h->n++] = run;
        }
    }
    for (size_t i = h->n / 2; i-- > 0 && !st;)
        sift_down(h, i);
    return st;
}

/* Take the smallest term of all runs with its streams into the batch. */
static cairn_status gather_term(run_heap *h, job *j, cairn_error *err)
{
    job_term *t = &j->terms[j->n_terms];
    cairn_status st;

    *t = (job_term){.text = j->text.len, .len = h->heap[0]->len, .first = j->n_streams};
    st = bytes_append(&j->text, h->heap[0]->term, t->len);
    if (st)
        return no_memory(err);
    while (!st && h->n) {
        posting_run *r = h->heap[0];
        job_stream *s;
        if (r->len != t->len || memcmp(r->term, j->text.data + t->text, t->len))
            break;
        job_stream *more = checked_room(j->streams, j->n_streams, &j->cap_streams, sizeof *more);
        if (!more)
            return no_memory(err);
        j->streams = more;
        s = &j->streams[j->n_streams++];
        s->at = j->text.len;
        st = posting_run_take(r, &j->text, err);
        s->len = j->text.len - s->at;
        t->n++;
        if (!r->term)
            h->heap[0] = h->heap[--h->n];
        sift_down(h, 0);
    }
    j->n_terms++;
    return st;
}

cairn_status writer_merge_runs(lexical_writer *w, cairn_error *err)
{
    run_heap h;
    cairn_status st = open_runs(w, &h, err);

    while (!st && h.n) {
        job *j;
        st = writer_new_job(w, true, &j, err);
        while (!st && h.n && j->n_terms < BATCH_TERMS && j->text.len < BATCH_BYTES)
            st = gather_term(&h, j, err);
        if (!st)
            st = writer_submit(w, j, err);
    }
    close_runs(&h);
    return st;
}
