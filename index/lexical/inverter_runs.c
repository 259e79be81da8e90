/* inverter_runs.c - the runs that an inverter writes out, and reading them term by term.
 *
 * Spilling writes, for each term in byte order, its length in a byte, its bytes, the length of the
 * stream as a varint and the stream. Rows are absolute at the start of each stream, so a stream in
 * one run knows nothing of those before it, and a writer that spilled hands the list encoder the
 * same postings as one that did not. The pool, the table and the arrays are used again: after the
 * first run an inverter asks the system for no more memory. */
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "base/varint.h"
#include "index/lexical/inverter_state.h"
#include "index/lexical/spool.h"

#define SPILL_STEP ((size_t)256 << 10)
#define READ_LEAST ((size_t)16 << 10)

static cairn_status no_memory(cairn_error *err)
{
    return cairn_fail(err, CAIRN_ENOMEM, "no memory for a lexical writer");
}

/* ---- sorting ---- */

typedef struct sort_key {
    uint64_t prefix; /* first eight bytes, big-endian */
    uint32_t term;
} sort_key;

static uint64_t prefix_of(const char *text, size_t len)
{
    uint64_t prefix = 0;

    memcpy(&prefix, text, len < 8 ? len : 8);
    return __builtin_bswap64(prefix);
}

static int by_text(const void *a, const void *b, void *ctx)
{
    const inverter *v = ctx;
    const sort_key *x = a, *y = b;
    const term *s, *t;
    int c;

    if (x->prefix != y->prefix)
        return x->prefix < y->prefix ? -1 : 1;
    s = &v->terms[x->term];
    t = &v->terms[y->term];
    c = memcmp(v->texts.data + v->places[x->term].text, v->texts.data + v->places[y->term].text,
               s->len < t->len ? s->len : t->len);
    return c ? c : (s->len > t->len) - (s->len < t->len);
}

/* The terms by their bytes; malloced, NULL without memory. */
static uint32_t *sorted_terms(inverter *v)
{
    sort_key *keys = checked_malloc(v->n_terms, sizeof *keys);
    uint32_t *order = checked_malloc(v->n_terms, sizeof *order);

    if (!keys || !order) {
        free(keys);
        free(order);
        return NULL;
    }
    for (size_t i = 0; i < v->n_terms; i++) {
        keys[i] =
            (sort_key){prefix_of(v->texts.data + v->places[i].text, v->terms[i].len), (uint32_t)i};
    }
    qsort_r(keys, v->n_terms, sizeof *keys, by_text, v);
    for (size_t i = 0; i < v->n_terms; i++)
        order[i] = keys[i].term;
    free(keys);
    return order;
}

/* ---- spilling ---- */

static cairn_status write_run(inverter *v, const uint32_t *order, uint64_t *end, cairn_error *err)
{
    bytes out, stream;
    cairn_status st = CAIRN_OK;

    bytes_init(&out, SIZE_MAX / 2);
    bytes_init(&stream, POOL_MAX);
    for (size_t i = 0; i < v->n_terms && !st; i++) {
        const term *t = &v->terms[order[i]];
        bytes_reset(&stream);
        st = inverter_copy_stream(v, order[i], &stream);
        if (!st)
            st = bytes_append_byte(&out, t->len);
        if (!st)
            st = bytes_append(&out, v->texts.data + v->places[order[i]].text, t->len);
        if (!st)
            st = bytes_append_varint(&out, stream.len);
        if (!st)
            st = bytes_append(&out, stream.data, stream.len);
        if (st)
            cairn_fail(err, st, "no memory to write out postings");
        if (!st && (out.len >= SPILL_STEP || i + 1 == v->n_terms)) {
            st = spill_write(v->fd, out.data, out.len, err);
            *end += out.len;
            bytes_reset(&out);
        }
    }
    bytes_clear(&out);
    bytes_clear(&stream);
    return st;
}

cairn_status inverter_spill(inverter *v, bool last, cairn_error *err)
{
    uint32_t *order;
    uint64_t *ends, end = v->n_file_runs ? v->run_end[v->n_file_runs - 1] : 0;
    cairn_status st = CAIRN_OK;

    if (v->broken)
        return cairn_fail(err, CAIRN_EUSAGE, "this lexical writer failed before");
    if (v->n_terms) {
        v->broken = true; /* until the run is whole */
        ends = checked_realloc(v->run_end, v->n_file_runs + 1, sizeof *ends);
        if (!ends)
            return no_memory(err);
        v->run_end = ends;
        order = sorted_terms(v);
        if (!order)
            return no_memory(err);
        if (v->fd < 0)
            st = spill_open(&v->fd, v->dir, err);
        if (!st)
            st = write_run(v, order, &end, err);
        free(order);
        if (st)
            return st;
        v->run_end[v->n_file_runs++] = end;
        v->broken = false;
        inverter_begin_anew(v);
    }
    if (last) {
        inverter_free_streams(v);
        v->broken = true; /* nothing can be added any more */
    }
    return CAIRN_OK;
}

/* ---- runs ---- */

size_t inverter_runs(const inverter *v)
{
    return v->n_file_runs + (v->n_terms ? 1 : 0);
}

/* At least `want` bytes in the buffer, if the run has as many. */
static cairn_status fill(posting_run *r, size_t want, cairn_error *err)
{
    size_t left = r->filled - r->begin, n;
    cairn_status st;

    if (left >= want || r->next == r->end)
        return CAIRN_OK;
    memmove(r->buffer, r->buffer + r->begin, left);
    n = r->cap - left < r->end - r->next ? r->cap - left : (size_t)(r->end - r->next);
    st = spill_read(r->v->fd, r->next, r->buffer + left, n, err);
    r->begin = 0;
    r->filled = left + n;
    r->next += n;
    return st;
}

/* Stand on the next term. */
static cairn_status next_term(posting_run *r, cairn_error *err)
{
    r->term = NULL;
    if (r->order) {
        if (r->at == r->v->n_terms)
            return CAIRN_OK;
        r->term = r->v->texts.data + r->v->places[r->order[r->at]].text;
        r->len = r->v->terms[r->order[r->at]].len;
    } else {
        size_t used;
        cairn_status st = fill(r, 1 + ANALYZER_TERM_MAX + VARINT_MAX_BYTES, err);
        if (st || r->begin == r->filled)
            return st;
        r->len = r->buffer[r->begin];
        if (r->len > ANALYZER_TERM_MAX || r->filled - r->begin < 1 + r->len)
            return cairn_fail(err, CAIRN_EIO, "a temporary file of the index was changed");
        memcpy(r->text, r->buffer + r->begin + 1, r->len);
        r->term = r->text;
        r->begin += 1 + r->len;
        used = varint_decode(r->buffer + r->begin, r->buffer + r->filled, &r->stream);
        if (!used)
            return cairn_fail(err, CAIRN_EIO, "a temporary file of the index was changed");
        r->begin += used;
    }
    r->prefix = prefix_of(r->term, r->len);
    return CAIRN_OK;
}

cairn_status posting_run_open(posting_run *r, inverter *v, size_t i, size_t buffer,
                              cairn_error *err)
{
    *r = (posting_run){.v = v};
    if (i < v->n_file_runs) {
        r->cap = buffer > READ_LEAST ? buffer : READ_LEAST;
        r->buffer = malloc(r->cap);
        r->next = i ? v->run_end[i - 1] : 0;
        r->end = v->run_end[i];
    } else {
        r->order = sorted_terms(v);
    }
    return r->buffer || r->order ? next_term(r, err) : no_memory(err);
}

void posting_run_close(posting_run *r)
{
    free(r->buffer);
    free(r->order);
    *r = (posting_run){0};
}

cairn_status posting_run_take(posting_run *r, bytes *out, cairn_error *err)
{
    cairn_status st = CAIRN_OK;

    if (r->order) {
        st = inverter_copy_stream(r->v, r->order[r->at++], out);
        if (st)
            return cairn_fail(err, st, "no memory for a posting list");
        return next_term(r, err);
    }
    while (r->stream && !st) {
        size_t n;
        st = fill(r, 1, err);
        if (st)
            break;
        n = r->filled - r->begin;
        if (!n)
            return cairn_fail(err, CAIRN_EIO, "a temporary file of the index was changed");
        n = n < r->stream ? n : (size_t)r->stream;
        if (bytes_append(out, r->buffer + r->begin, n))
            return cairn_fail(err, CAIRN_ENOMEM, "no memory for a posting list");
        r->begin += n;
        r->stream -= n;
    }
    return st ? st : next_term(r, err);
}
