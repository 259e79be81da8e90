/* near.c - see near.h: sketches, and the sections written.
 *
 * Integers are little-endian; a segment has n documents with a signature.
 *
 *   section      size       content
 *   near.meta    16         u32 version (1), n, bins (64), bands (21); other values are refused
 *   near.docs    8n         u64 number of each document, rising, none 0
 *   near.sigs    128n       u16 x 64 a document, in that order
 *   near.bands   21 x 8n    a band after the other: u32 key, u32 place among the documents; by key, then place
 *
 * v1 since 0.1. */
#include "index/near/near_format.h"

#include <stdlib.h>
#include <string.h>

#include "base/checked.h"

static uint64_t mix(uint64_t h)
{
    h = (h ^ (h >> 33)) * 0xFF51AFD7ED558CCDu;
    h = (h ^ (h >> 33)) * 0xC4CEB9FE1A85EC53u;
    return h ^ (h >> 33);
}

void near_sketch_init(near_sketch *s)
{
    memset(s->least, 0xFF, sizeof s->least);
    s->n = 0;
}

void near_sketch_add(near_sketch *s, uint64_t shingle)
{
    uint64_t h = mix(shingle);
    uint32_t *least = &s->least[h >> 58], v = (uint32_t)h & 0x7FFFFFFF; /* an empty bin is larger */

    if (v < *least)
        *least = v;
    s->n++;
}

bool near_sketch_sign(const near_sketch *s, near_signature *out)
{
    if (s->n < NEAR_FEW)
        return false;
    for (size_t i = 0; i < NEAR_BINS; i++) {
        size_t steps = 0;
        while (s->least[(i + steps) % NEAR_BINS] == UINT32_MAX)
            steps++; /* ends: there are shingles */
        out->v[i] = (uint16_t)mix(s->least[(i + steps) % NEAR_BINS] + ((uint64_t)steps << 32));
    }
    return true;
}

double near_likeness(const near_signature *a, const near_signature *b)
{
    size_t equal = 0;

    for (size_t i = 0; i < NEAR_BINS; i++)
        equal += a->v[i] == b->v[i];
    return (double)equal / NEAR_BINS;
}

uint32_t near_key(const near_signature *s, size_t band)
{
    const uint16_t *v = s->v + band * NEAR_ROWS;

    return (uint32_t)(mix((uint64_t)v[0] | (uint64_t)v[1] << 16 | (uint64_t)v[2] << 32 | (uint64_t)band << 48) >> 32);
}

/* ---- the writer ---- */

typedef struct near_doc {
    uint64_t doc;
    size_t order; /* of adding */
    near_signature s;
} near_doc;

struct near_writer {
    near_doc *docs;
    size_t n, cap;
};

cairn_status near_writer_create(near_writer **out, cairn_error *err)
{
    *out = calloc(1, sizeof **out);
    return *out ? CAIRN_OK : cairn_fail(err, CAIRN_ENOMEM, "signatures of documents");
}

void near_writer_destroy(near_writer *w)
{
    if (w)
        free(w->docs);
    free(w);
}

size_t near_writer_memory(const near_writer *w)
{
    return w->cap * sizeof *w->docs;
}

cairn_status near_writer_add(near_writer *w, uint64_t doc, const near_signature *s, cairn_error *err)
{
    near_doc *docs = checked_room(w->docs, w->n, &w->cap, sizeof *docs);

    if (!docs)
        return cairn_fail(err, CAIRN_ENOMEM, "signatures of documents");
    w->docs = docs;
    if (w->n == NEAR_MAX_DOCS)
        return cairn_fail(err, CAIRN_ELIMIT, "too many documents in a segment");
    docs[w->n] = (near_doc){doc, w->n, *s};
    w->n++;
    return CAIRN_OK;
}

static int by_doc(const void *a, const void *b)
{
    const near_doc *x = a, *y = b;

    if (x->doc != y->doc)
        return x->doc < y->doc ? -1 : 1;
    return x->order < y->order ? -1 : x->order > y->order;
}

static int by_key(const void *a, const void *b)
{
    const near_slot *x = a, *y = b;

    if (x->key != y->key)
        return x->key < y->key ? -1 : 1;
    return x->place < y->place ? -1 : x->place > y->place;
}

static cairn_status write_meta(const near_writer *w, const section_sink *sink, cairn_error *err)
{
    uint32_t meta[4] = {NEAR_FORMAT_VERSION, (uint32_t)w->n, NEAR_BINS, NEAR_BANDS};
    cairn_status st = sink->begin(sink->ctx, "near.meta", err);

    if (!st)
        st = sink->write(sink->ctx, meta, sizeof meta, err);
    return st ? st : sink->end(sink->ctx, err);
}

static cairn_status write_docs(const near_writer *w, const section_sink *sink, cairn_error *err)
{
    cairn_status st = sink->begin(sink->ctx, "near.docs", err);

    for (size_t i = 0; !st && i < w->n; i++)
        st = sink->write(sink->ctx, &w->docs[i].doc, sizeof w->docs[i].doc, err);
    if (!st)
        st = sink->end(sink->ctx, err);
    if (!st)
        st = sink->begin(sink->ctx, "near.sigs", err);
    for (size_t i = 0; !st && i < w->n; i++)
        st = sink->write(sink->ctx, &w->docs[i].s, sizeof w->docs[i].s, err);
    return st ? st : sink->end(sink->ctx, err);
}

static cairn_status write_bands(const near_writer *w, const section_sink *sink, pace *pace, cairn_error *err)
{
    near_slot *slots = checked_malloc(w->n + 1, sizeof *slots);
    cairn_status st = slots ? sink->begin(sink->ctx, "near.bands", err)
                            : cairn_fail(err, CAIRN_ENOMEM, "bands of signatures");

    for (size_t band = 0; !st && band < NEAR_BANDS; band++) {
        for (size_t i = 0; i < w->n; i++)
            slots[i] = (near_slot){near_key(&w->docs[i].s, band), (uint32_t)i};
        if (w->n)
            qsort(slots, w->n, sizeof *slots, by_key);
        st = sink->write(sink->ctx, slots, w->n * sizeof *slots, err);
        if (!st)
            st = pace_step(pace, 0, err);
    }
    free(slots);
    return st ? st : sink->end(sink->ctx, err);
}

cairn_status near_writer_finish(near_writer *w, const section_sink *sink, pace *pace, cairn_error *err)
{
    size_t n = 0;
    cairn_status st;

    if (w->n)
        qsort(w->docs, w->n, sizeof *w->docs, by_doc);
    for (size_t i = 0; i < w->n; i++)
        if (!n || w->docs[n - 1].doc != w->docs[i].doc)
            w->docs[n++] = w->docs[i];
    w->n = n;
    st = write_meta(w, sink, err);
    if (!st)
        st = write_docs(w, sink, err);
    return st ? st : write_bands(w, sink, pace, err);
}
