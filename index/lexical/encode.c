/* encode.c - posting lists, format 1. All integers little-endian, nothing aligned.
 *
 * A list of df postings has nb = ceil(df / 128) blocks; all but the last are full.
 *
 *   df < 128:   the postings as a tail (below), nothing else
 *   df >= 128:  8        pairs of the whole list
 *               16 x nb  skip table, an entry a block:
 *                        4  last row of the block
 *                        4  where the block begins, from the end of the table
 *                        8  pairs of the block
 *               ..       blocks
 *
 * Pairs: four times { frequency, length code }: every posting of the block has a weighted frequency
 * <= and a weighted length >= those of at least one pair, under the weights in lex.meta; 255 stands
 * for any frequency, 0,0 for an unused pair. A score can be no higher than its best pair's.
 *
 * A full block:
 *   4   header: bits 0-5 width of the gaps (0..24, or 32), then 5 bits each the widths of the
 *       frequencies in title, path, headings, body (0..16); bit 26: body frequencies are stored
 *       less one; bit 27: a list of exceptions follows
 *   4   where its positions begin, from those of the term
 *   ..  128 gaps, 128 frequencies of each field with a width above 0, packed (pack.h); a gap is the
 *       row less the row before less one, so rows cannot repeat
 *   ..  exceptions: count, then { index, 2 bytes body frequency }
 *
 * A tail: 4 bytes where its positions begin (left out when df < 128), then for each posting a
 * varint 2 * gap + simple. simple = once in the body, nowhere else; otherwise a byte with a bit per
 * field that has the word, then a varint frequency for each of them.
 *
 * Positions of a block: a byte, the width; then all positions packed, posting by posting, field by
 * field, each as the gap from the one before in its field (the first as it is). */
#include "index/lexical/encode.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "index/lexical/pack.h"

#define LIST_MAX ((size_t)UINT32_MAX)

void list_encoder_init(list_encoder *e, spool *post, spool *pos)
{
    memset(e, 0, sizeof *e);
    e->post = post;
    e->pos = pos;
    bytes_init(&e->blocks, LIST_MAX);
    bytes_init(&e->skips, LIST_MAX);
    bytes_init(&e->positions, LIST_MAX);
    bytes_init(&e->scratch, LIST_MAX);
}

void list_encoder_clear(list_encoder *e)
{
    bytes_clear(&e->blocks);
    bytes_clear(&e->skips);
    bytes_clear(&e->positions);
    bytes_clear(&e->scratch);
    free(e->gaps);
    free(e->codes);
}

void length_weights(const float weight[LEXICAL_FIELDS], const float b[LEXICAL_FIELDS],
                    float out[LEXICAL_FIELDS])
{
    for (size_t f = 0; f < LEXICAL_FIELDS; f++)
        out[f] = weight[f] * b[f];
}

cairn_status list_encoder_lengths(list_encoder *e, const uint8_t *rows, uint32_t n_rows,
                                  const float weight[LEXICAL_FIELDS], const float b[LEXICAL_FIELDS],
                                  float typical, cairn_error *err)
{
    float length_weight[LEXICAL_FIELDS];

    length_weights(weight, b, length_weight);
    memcpy(e->weight, weight, sizeof e->weight);
    e->typical = typical > 1 ? typical : 1;
    e->codes = malloc((size_t)n_rows + 1);
    if (!e->codes)
        return cairn_fail(err, CAIRN_ENOMEM, "no memory for the lengths of %u rows", n_rows);
    for (uint32_t i = 0; i < n_rows; i++) {
        float len = 0;
        for (size_t f = 0; f < LEXICAL_FIELDS; f++)
            len += length_weight[f] * (float)length_value(rows[f * (size_t)n_rows + i]);
        /* With a hair for the roundings of the sum. */
        if (len != floorf(len))
            len *= 0.999999f;
        e->codes[i] = length_code(len < 0x1p30f ? (uint32_t)len : 1u << 30);
    }
    return CAIRN_OK;
}

void list_begin(list_encoder *e)
{
    bytes_reset(&e->blocks);
    bytes_reset(&e->skips);
    bytes_reset(&e->positions);
    memset(e->best, 0, sizeof e->best);
    e->n = e->df = 0;
    e->n_gaps = 0;
    e->before = UINT32_MAX;
}

static cairn_status full(cairn_error *err, cairn_status st)
{
    return cairn_fail(err, st, "a posting list needs too much memory");
}

/* ---- pairs ---- */

typedef struct pair {
    uint32_t tf;
    uint8_t len;
} pair;

static float pair_score(const list_encoder *e, uint32_t tf, uint8_t len)
{
    if (tf >= PAIR_TF_ANY)
        return 1;
    return (float)tf / ((float)tf + 1.2f * (0.25f + 0.75f * (float)length_value(len) / e->typical));
}

/* Keep the pairs no other beats, longest first; then join neighbours until PAIRS are left. `most`
 * is the highest frequency of each length code, 0 = none. */
static void put_pairs(const list_encoder *e, const uint32_t most[256], uint8_t out[PAIR_BYTES])
{
    pair p[256];
    size_t n = 0;

    for (unsigned len = 0; len < 256; len++)
        if (most[len] && (!n || most[len] > p[n - 1].tf))
            p[n++] = (pair){most[len], (uint8_t)len};
    while (n > PAIRS) {
        size_t best = 0;
        float least = INFINITY;
        for (size_t i = 0; i + 1 < n; i++) {
            float joined = pair_score(e, p[i + 1].tf, p[i].len);
            float a = pair_score(e, p[i].tf, p[i].len);
            float b = pair_score(e, p[i + 1].tf, p[i + 1].len);
            float loss = joined - (a > b ? a : b);
            if (loss < least) {
                least = loss;
                best = i;
            }
        }
        p[best].tf = p[best + 1].tf;
        memmove(p + best + 1, p + best + 2, (n - best - 2) * sizeof *p);
        n--;
    }
    memset(out, 0, PAIR_BYTES);
    for (size_t i = 0; i < n && i < PAIRS; i++) {
        out[2 * i] = (uint8_t)(p[i].tf < PAIR_TF_ANY ? p[i].tf : PAIR_TF_ANY);
        out[2 * i + 1] = p[i].len;
    }
}

/* Pairs of the waiting block into out, and of the list so far into e->best. */
static void block_pairs(list_encoder *e, uint8_t out[PAIR_BYTES])
{
    uint32_t most[256] = {0};

    for (uint32_t i = 0; i < e->n; i++) {
        uint8_t code = e->codes[e->doc[i]];
        float tf = 0;
        uint32_t up;
        for (size_t f = 0; f < LEXICAL_FIELDS; f++)
            tf += e->weight[f] * (float)e->tf[f][i];
        /* Rounded up, with a hair for the roundings of the sum. */
        if (tf != floorf(tf))
            tf = ceilf(tf * 1.000001f);
        up = tf < PAIR_TF_ANY ? (uint32_t)tf : PAIR_TF_ANY;
        up = up ? up : 1;
        if (up > most[code])
            most[code] = up;
    }
    put_pairs(e, most, out);
    for (size_t i = 0; i < PAIRS; i++)
        if (e->best[2 * i] > most[e->best[2 * i + 1]])
            most[e->best[2 * i + 1]] = e->best[2 * i];
    put_pairs(e, most, e->best);
}

/* ---- blocks ---- */

static unsigned width_of(uint32_t v)
{
    return v ? 32 - (unsigned)__builtin_clz(v) : 0;
}

/* Append n packed values. */
static cairn_status put_packed(bytes *b, const uint32_t *v, size_t n, unsigned bits)
{
    size_t size = pack_bytes(n, bits);
    cairn_status st = bytes_reserve(b, size + 8);
    if (st)
        return st;
    pack_write(v, n, bits, (uint8_t *)b->data + b->len);
    b->len += size;
    b->data[b->len] = 0;
    return CAIRN_OK;
}

static cairn_status put_positions(list_encoder *e)
{
    uint32_t all = 0;
    unsigned bits;
    cairn_status st;

    for (size_t i = 0; i < e->n_gaps; i++)
        all |= e->gaps[i];
    bits = width_of(all);
    st = bytes_append_byte(&e->positions, (uint8_t)bits);
    if (!st)
        st = put_packed(&e->positions, e->gaps, e->n_gaps, bits);
    e->n_gaps = 0;
    return st;
}

/* The width for the body's frequencies that costs least with its exceptions: up to 32 of them. */
static unsigned body_width(const uint32_t *v, uint32_t *n_exceptions)
{
    uint32_t above[18] = {0}; /* above[b]: values wider than b bits */
    size_t least = SIZE_MAX;
    unsigned best = 16;

    for (size_t i = 0; i < BLOCK; i++)
        for (unsigned b = 0, w = width_of(v[i]); b < w; b++)
            above[b]++;
    for (unsigned b = 0; b <= 16; b++) {
        size_t cost = 16 * b + (above[b] ? 1 + 3 * (size_t)above[b] : 0);
        if (above[b] <= 32 && cost < least) {
            least = cost;
            best = b;
        }
    }
    *n_exceptions = above[best];
    return best;
}

static cairn_status put_full(list_encoder *e)
{
    uint32_t gap[BLOCK], body[BLOCK], exceptions, header, all = 0, minus = 1;
    unsigned bits, width[LEXICAL_FIELDS];
    uint32_t before = e->before;
    cairn_status st;

    for (size_t i = 0; i < BLOCK; i++) {
        gap[i] = e->doc[i] - before - 1;
        before = e->doc[i];
        all |= gap[i];
        minus &= e->tf[LEXICAL_BODY][i] != 0;
    }
    bits = width_of(all);
    if (bits > PACK_BITS_MAX)
        bits = 32;
    for (size_t f = 0; f < LEXICAL_BODY; f++) {
        all = 0;
        for (size_t i = 0; i < BLOCK; i++)
            all |= e->tf[f][i];
        width[f] = width_of(all);
    }
    for (size_t i = 0; i < BLOCK; i++)
        body[i] = e->tf[LEXICAL_BODY][i] - minus;
    width[LEXICAL_BODY] = body_width(body, &exceptions);
    header = bits | minus << 26 | (exceptions ? 1u << 27 : 0);
    for (size_t f = 0; f < LEXICAL_FIELDS; f++)
        header |= width[f] << (6 + 5 * f);
    st = bytes_append_u32(&e->blocks, header);
    if (!st)
        st = bytes_append_u32(&e->blocks, (uint32_t)e->positions.len);
    if (!st)
        st = put_packed(&e->blocks, gap, BLOCK, bits);
    for (size_t f = 0; f < LEXICAL_BODY && !st; f++)
        st = put_packed(&e->blocks, e->tf[f], BLOCK, width[f]);
    if (!st) {
        uint32_t low[BLOCK];
        for (size_t i = 0; i < BLOCK; i++)
            low[i] = body[i] & ((1u << width[LEXICAL_BODY]) - 1);
        st = put_packed(&e->blocks, low, BLOCK, width[LEXICAL_BODY]);
    }
    if (!st && exceptions)
        st = bytes_append_byte(&e->blocks, (uint8_t)exceptions);
    for (size_t i = 0; i < BLOCK && !st && exceptions; i++) {
        if (width_of(body[i]) <= width[LEXICAL_BODY])
            continue;
        st = bytes_append_byte(&e->blocks, (uint8_t)i);
        if (!st)
            st = bytes_append_u16(&e->blocks, (uint16_t)body[i]);
    }
    return st;
}

static cairn_status put_tail(list_encoder *e, bool with_offset)
{
    uint32_t before = e->before;
    cairn_status st = CAIRN_OK;

    if (with_offset)
        st = bytes_append_u32(&e->blocks, (uint32_t)e->positions.len);
    for (uint32_t i = 0; i < e->n && !st; i++) {
        uint64_t gap = e->doc[i] - before - 1;
        unsigned fields = 0;
        before = e->doc[i];
        for (unsigned f = 0; f < LEXICAL_FIELDS; f++)
            fields |= (e->tf[f][i] ? 1u : 0u) << f;
        if (fields == 1u << LEXICAL_BODY && e->tf[LEXICAL_BODY][i] == 1) {
            st = bytes_append_varint(&e->blocks, gap << 1 | 1);
            continue;
        }
        st = bytes_append_varint(&e->blocks, gap << 1);
        if (!st)
            st = bytes_append_byte(&e->blocks, (uint8_t)fields);
        for (unsigned f = 0; f < LEXICAL_FIELDS && !st; f++)
            if (e->tf[f][i])
                st = bytes_append_varint(&e->blocks, e->tf[f][i]);
    }
    return st;
}

/* Turn the waiting postings into a block. */
static cairn_status flush_block(list_encoder *e, bool only, cairn_error *err)
{
    uint8_t entry[SKIP_BYTES];
    cairn_status st;

    if (e->blocks.len > UINT32_MAX || e->positions.len > UINT32_MAX)
        return cairn_fail(err, CAIRN_ELIMIT,
                          "a posting list of more than 4 GiB; use smaller "
                          "segments");
    if (!only) {
        uint32_t last = e->doc[e->n - 1], at = (uint32_t)e->blocks.len;
        memcpy(entry, &last, 4);
        memcpy(entry + 4, &at, 4);
        block_pairs(e, entry + 8);
        st = bytes_append(&e->skips, entry, sizeof entry);
        if (st)
            return full(err, st);
    }
    st = e->n == BLOCK ? put_full(e) : put_tail(e, !only);
    if (!st)
        st = put_positions(e);
    if (st)
        return full(err, st);
    e->before = e->doc[e->n - 1];
    e->n = 0;
    return CAIRN_OK;
}

cairn_status list_add(list_encoder *e, uint32_t row, const uint32_t tf[LEXICAL_FIELDS],
                      const uint32_t *positions, cairn_error *err)
{
    size_t total = 0;

    if (e->n == BLOCK) {
        cairn_status st = flush_block(e, false, err);
        if (st)
            return st;
    }
    for (size_t f = 0; f < LEXICAL_FIELDS; f++) {
        e->tf[f][e->n] = tf[f];
        total += tf[f];
    }
    e->doc[e->n++] = row;
    e->df++;
    if (e->n_gaps + total > e->cap_gaps) {
        size_t cap = (e->n_gaps + total) * 2 + 1024;
        uint32_t *more = checked_realloc(e->gaps, cap, sizeof *more);
        if (!more)
            return full(err, CAIRN_ENOMEM);
        e->gaps = more;
        e->cap_gaps = cap;
    }
    for (size_t f = 0; f < LEXICAL_FIELDS; f++) {
        uint32_t before = 0;
        for (uint32_t i = 0; i < tf[f]; i++) {
            e->gaps[e->n_gaps++] = *positions - before;
            before = *positions++;
        }
    }
    return CAIRN_OK;
}

cairn_status list_end(list_encoder *e, list_size *out, cairn_error *err)
{
    bool only = e->df < BLOCK;
    cairn_status st = e->n ? flush_block(e, only, err) : CAIRN_OK;

    if (st)
        return st;
    out->df = e->df;
    out->post = e->blocks.len;
    out->pos = e->positions.len;
    if (!only) {
        out->post += PAIR_BYTES + e->skips.len;
        st = spool_write(e->post, e->best, PAIR_BYTES, err);
        if (!st)
            st = spool_write(e->post, e->skips.data, e->skips.len, err);
    }
    if (!st && e->blocks.len)
        st = spool_write(e->post, e->blocks.data, e->blocks.len, err);
    if (!st && e->positions.len)
        st = spool_write(e->pos, e->positions.data, e->positions.len, err);
    return st;
}
