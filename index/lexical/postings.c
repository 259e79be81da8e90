/* postings.c - decode the lists that encode.c draws. */
#include "index/lexical/postings.h"

#include <string.h>

#include "index/lexical/reader.h"

static cairn_status broken(const postings *p, const char *what, cairn_error *err)
{
    return cairn_fail(err, CAIRN_ECORRUPT, "lex.post: %s in a list of %u rows; rebuild the index",
                      what, p->df);
}

cairn_status postings_open(postings *p, const lexical_reader *r, const dict_term *t,
                           const pack_kernels *k, cairn_error *err)
{
    p->list = r->post + t->post_at;
    p->end = p->list + t->post_len;
    p->pos = r->pos + t->pos_at;
    p->pos_end = p->pos + t->pos_len;
    p->k = k;
    p->df = t->df;
    p->n_rows = r->n_rows;
    p->n_blocks = (uint32_t)(((uint64_t)t->df + BLOCK - 1) / BLOCK);
    p->block = UINT32_MAX;
    p->n = 0;
    p->skips = NULL;
    p->data = p->list;
    if (t->df > r->n_rows)
        return broken(p, "more rows than the segment has", err);
    if (t->df >= BLOCK) {
        uint64_t head = PAIR_BYTES + (uint64_t)p->n_blocks * SKIP_BYTES;
        if (t->post_len < head)
            return broken(p, "a cut skip table", err);
        p->skips = p->list + PAIR_BYTES;
        p->data = p->list + head;
    }
    return CAIRN_OK;
}

/* A varint of at most 32 bits at *at; false when it is cut or too large. (Inline: a call per value
 * was a tenth of a search over small segments.) */
static inline bool take(const uint8_t **at, const uint8_t *end, uint32_t *out)
{
    const uint8_t *p = *at;
    uint32_t v = 0;

    for (unsigned shift = 0; shift < 35 && p < end; shift += 7) {
        uint32_t b = *p++;
        v |= (b & 0x7F) << shift;
        if (b < 0x80) {
            *out = v;
            *at = p;
            return shift < 28 || b < 16;
        }
    }
    return false;
}

/* Postings of a tail, frequencies included. */
static cairn_status read_tail(postings *p, const uint8_t *at, uint32_t prev, uint32_t n,
                              cairn_error *err)
{
    const uint8_t *end = p->end;
    uint64_t row = prev == UINT32_MAX ? 0 : (uint64_t)prev + 1; /* the least possible */
    unsigned seen = 0;

    for (uint32_t i = 0; i < n; i++) {
        uint32_t v;
        if (!take(&at, end, &v))
            return broken(p, "a cut tail", err);
        row += v >> 1;
        if (row >= p->n_rows)
            return broken(p, "a row out of range", err);
        p->doc[i] = (uint32_t)row++;
        for (unsigned f = 0; f < LEXICAL_FIELDS; f++)
            p->tf[f][i] = 0;
        if (v & 1) {
            p->tf[LEXICAL_BODY][i] = 1;
            seen |= 1u << LEXICAL_BODY;
        } else {
            unsigned fields = at < end ? *at++ : 0;
            if (!fields || fields >> LEXICAL_FIELDS)
                return broken(p, "an unknown field", err);
            for (unsigned f = 0; f < LEXICAL_FIELDS; f++) {
                if (!(fields >> f & 1))
                    continue;
                if (!take(&at, end, &v) || !v || v > TF_MAX)
                    return broken(p, "a bad frequency", err);
                p->tf[f][i] = v;
            }
            seen |= fields;
        }
    }
    p->fields = seen;
    p->have_tf = true;
    return CAIRN_OK;
}

/* Rows stored as raw gaps of 32 bits. */
static bool wide_docs(postings *p, const uint8_t *src, uint32_t prev)
{
    uint64_t row = prev == UINT32_MAX ? 0 : (uint64_t)prev + 1;
    for (size_t i = 0; i < BLOCK; i++) {
        row += load_u32(src + 4 * i);
        if (row >= p->n_rows)
            return false;
        p->doc[i] = (uint32_t)row++;
    }
    return true;
}

cairn_status postings_block(postings *p, uint32_t i, cairn_error *err)
{
    uint32_t prev = UINT32_MAX, last, at;
    size_t left, need;
    const uint8_t *src;
    unsigned bits;
    cairn_status st;

    if (p->block == i)
        return CAIRN_OK;
    p->block = UINT32_MAX;
    p->have_tf = false;
    if (!p->skips) {
        p->pos_at = 0;
        st = read_tail(p, p->list, prev, p->df, err);
        p->n = p->df;
        p->block = st ? UINT32_MAX : i;
        return st;
    }
    last = postings_last(p, i);
    at = load_u32(p->skips + (size_t)i * SKIP_BYTES + 4);
    if (i)
        prev = postings_last(p, i - 1);
    left = (size_t)(p->end - p->data);
    if (last >= p->n_rows || (i && prev >= last) || at > left || left - at < 4)
        return broken(p, "a bad skip table", err);
    src = p->data + at;
    left -= at;
    if (p->df - i * BLOCK < BLOCK) {
        p->n = p->df - i * BLOCK;
        p->pos_at = load_u32(src);
        st = read_tail(p, src + 4, prev, p->n, err);
        if (st)
            return st;
    } else {
        if (left < 8)
            return broken(p, "a cut block", err);
        p->n = BLOCK;
        p->header = load_u32(src);
        p->pos_at = load_u32(src + 4);
        bits = p->header & 63;
        need = 8 + 16 * (size_t)bits;
        if ((bits > PACK_BITS_MAX && bits != 32) || left < need || p->header >> 28)
            return broken(p, "a bad block header", err);
        if (bits == 32) {
            if (!wide_docs(p, src + 8, prev))
                return broken(p, "a row out of range", err);
        } else {
            p->k->unpack_docs(src + 8, bits, prev, p->doc);
        }
        p->freqs = src + need;
    }
    if (p->doc[p->n - 1] != last)
        return broken(p, "a block that ends elsewhere than its skip entry says", err);
    p->block = i;
    return CAIRN_OK;
}

cairn_status postings_tf(postings *p, cairn_error *err)
{
    const uint8_t *src = p->freqs;
    size_t left;

    if (p->have_tf)
        return CAIRN_OK;
    left = (size_t)(p->end - src);
    p->fields = 0;
    for (unsigned f = 0; f < LEXICAL_FIELDS; f++) {
        unsigned bits = p->header >> (6 + 5 * f) & 31;
        if (bits > 16 || left < 16 * (size_t)bits)
            return broken(p, "bad frequencies", err);
        if (bits || f == LEXICAL_BODY) {
            p->k->unpack(src, bits, p->tf[f]);
            p->fields |= 1u << f;
        }
        src += 16 * bits;
        left -= 16 * (size_t)bits;
    }
    if (p->header >> 27 & 1) {
        size_t n = left ? *src++ : 0;
        if (!n || left - 1 < 3 * n)
            return broken(p, "a cut list of exceptions", err);
        for (; n--; src += 3) {
            if (src[0] >= BLOCK)
                return broken(p, "an exception out of range", err);
            p->tf[LEXICAL_BODY][src[0]] = src[1] | (uint32_t)src[2] << 8;
        }
    }
    if (p->header >> 26 & 1)
        for (size_t i = 0; i < BLOCK; i++)
            p->tf[LEXICAL_BODY][i]++;
    p->have_tf = true;
    return CAIRN_OK;
}

cairn_status postings_positions_open(const postings *p, postings_positions *out, cairn_error *err)
{
    size_t left = (size_t)(p->pos_end - p->pos);
    uint64_t total = 0;

    for (uint32_t i = 0; i < p->n; i++) {
        out->start[i] = (uint32_t)total;
        for (unsigned f = 0; f < LEXICAL_FIELDS; f++)
            if (p->fields >> f & 1)
                total += p->tf[f][i];
    }
    out->start[p->n] = (uint32_t)total;
    if (p->pos_at >= left)
        return cairn_fail(err, CAIRN_ECORRUPT,
                          "lex.pos: an offset out of range; rebuild the index");
    out->width = p->pos[p->pos_at];
    out->bits = p->pos + p->pos_at + 1;
    left -= p->pos_at + 1;
    if (out->width > 32 || left < (total * out->width + 7) / 8)
        return cairn_fail(err, CAIRN_ECORRUPT, "lex.pos: cut positions; rebuild the index");
    return CAIRN_OK;
}

size_t postings_positions_get(const postings *p, const postings_positions *pp, uint32_t i,
                              unsigned f, uint32_t *dst)
{
    uint32_t at = pp->start[i], n, pos = 0;

    if (!(p->fields >> f & 1))
        return 0;
    for (unsigned g = 0; g < f; g++)
        if (p->fields >> g & 1)
            at += p->tf[g][i];
    n = p->tf[f][i];
    for (uint32_t j = 0; j < n; j++) {
        pos += pack_read(pp->bits, at + j, pp->width);
        dst[j] = pos;
    }
    return n;
}
