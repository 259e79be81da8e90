/* encode.c - posting lists, format 2. All integers little-endian, nothing aligned.
 *
 * A list of df postings has nb = ceil(df / 128) blocks; all but the last are full.
 *
 *   df = 1:     in the dictionary (dict.c)
 *   df < 128:   one block
 *   df >= 128:  1        bytes of a block's offset, 1..4
 *               1        bound of the whole list
 *               4 x nb   last row of each block
 *               1 x nb   bound of each block (format.h)
 *               .. x nb  where each block begins, from the end of this table
 *               ..       blocks
 *
 * A block of n postings is G = ceil(n / 16) groups, the last perhaps short:
 *
 *   1     lead: bits 0-4 the base of the gaps' widths, then a bit each for title, path and
 * headings, set when any posting has the word there. A list of fewer than 128 postings with the
 * word in the body alone has no lead: the dictionary says so, the base follows from the segment's
 *         rows (short_base).
 *   G     a byte a group: low nibble the width of its gaps (0, or base + n), high nibble that of
 * its body frequencies (15 stands for 16)
 *   ..    for each other field: G nibbles, low first, the widths of its frequencies
 *   ..    gaps, group by group, each packed (pack.h) from a whole byte on: row less row before less
 * one
 *   ..    body frequencies, in the same way; less one when there are no other fields
 *   ..    frequencies of each other field
 *
 * Positions of a list of 128 and more: a byte, the bytes of an offset; nb offsets; blocks. Of a
 * shorter one: its block. Positions of a block: a byte, their width, or BY_LENGTH: each has as many
 * bits as the length of its field in its row allows for (position_width); then all positions
 * packed, posting by posting, field by field, each as the gap from the one before in its field (the
 * first as it is). */
#include "index/lexical/encode.h"

#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "base/varint.h"
#include "index/lexical/dict.h"
#include "index/lexical/pack.h"

#define LIST_MAX ((size_t)UINT32_MAX)

void list_encoder_init(list_encoder *e, spool *post, spool *pos)
{
    memset(e, 0, sizeof *e);
    e->post = post;
    e->pos = pos;
    bytes_init(&e->blocks, LIST_MAX);
    bytes_init(&e->positions, LIST_MAX);
    bytes_init(&e->head, LIST_MAX);
}

void list_encoder_clear(list_encoder *e)
{
    bytes_clear(&e->blocks);
    bytes_clear(&e->positions);
    bytes_clear(&e->head);
    free(e->ends);
    free(e->gaps);
    free(e->codes);
}

void length_weights(const float weight[LEXICAL_FIELDS], const float b[LEXICAL_FIELDS],
                    float out[LEXICAL_FIELDS])
{
    for (size_t f = 0; f < LEXICAL_FIELDS; f++)
        out[f] = weight[f] * b[f];
}

float bound_typical(float typical, const row_lengths *l)
{
    float t = l->unit > 0 ? typical / l->unit : 1;
    return t > 1 && t < 1e9f ? t : 1;
}

void fill_row_codes(const uint8_t *const column[LEXICAL_FIELDS],
                    const size_t stride[LEXICAL_FIELDS], uint32_t n_rows, const row_lengths *l,
                    uint8_t *out)
{
    static const size_t piece = 4096;
    float sum[4096], value[256];

    for (size_t from = 0; from < n_rows; from += piece) {
        size_t n = n_rows - from < piece ? n_rows - from : piece;
        memset(sum, 0, n * sizeof *sum);
        for (unsigned f = 0; f < LEXICAL_FIELDS; f++) {
            const uint8_t *code = column[f] + from * stride[f];
            if (l->ratio[f] == 0 || (!stride[f] && !*code))
                continue;
            for (unsigned i = 0; i < 256; i++)
                value[i] = l->ratio[f] * (float)length_value((uint8_t)i);
            for (size_t i = 0; i < n; i++)
                sum[i] += value[code[i * stride[f]]];
        }
        for (size_t i = 0; i < n; i++)
            out[from + i] = row_code(sum[i]);
    }
}

cairn_status list_encoder_lengths(list_encoder *e, const uint8_t *rows, uint32_t n_rows,
                                  const float weight[LEXICAL_FIELDS], const float b[LEXICAL_FIELDS],
                                  float typical, cairn_error *err)
{
    static const size_t stride[LEXICAL_FIELDS] = {1, 1, 1, 1};
    const uint8_t *column[LEXICAL_FIELDS];
    row_lengths l = row_lengths_of(weight, b);

    memcpy(e->weight, weight, sizeof e->weight);
    typical = bound_typical(typical, &l);
    e->rows = rows;
    e->n_rows = n_rows;
    e->codes = malloc((size_t)n_rows + 1);
    if (!e->codes)
        return cairn_fail(err, CAIRN_ENOMEM, "no memory for the lengths of %u rows", n_rows);
    for (size_t f = 0; f < LEXICAL_FIELDS; f++)
        column[f] = rows + f * (size_t)n_rows;
    fill_row_codes(column, stride, n_rows, &l, e->codes);
    for (unsigned c = 0; c < 256; c++) {
        e->inverse_k[c] = 1 / bound_k((float)length_value((uint8_t)c), typical);
        e->position_bits[c] = (uint8_t)position_width((uint8_t)c);
    }
    return CAIRN_OK;
}

void list_begin(list_encoder *e)
{
    bytes_reset(&e->blocks);
    bytes_reset(&e->positions);
    e->n = e->df = 0;
    e->n_gaps = e->n_ends = 0;
    e->before = UINT32_MAX;
}

static cairn_status full(cairn_error *err, cairn_status st)
{
    return cairn_fail(err, st, "a posting list needs too much memory");
}

static inline uint8_t *end_of(bytes *b)
{
    return (uint8_t *)b->data + b->len;
}

/* Take in what was written behind the end, up to `to`. */
static inline void extend(bytes *b, const uint8_t *to)
{
    b->len = (size_t)(to - (const uint8_t *)b->data);
    b->data[b->len] = 0;
}

/* ---- positions ---- */

/* Bits of all positions when each has the width its field's length calls for; SIZE_MAX when one
 * does not fit. `from` is the first field that occurs. */
static size_t bits_by_length(list_encoder *e, size_t from)
{
    const uint32_t *gap = e->gaps;
    size_t bits = 0;

    for (size_t f = from; f < LEXICAL_FIELDS; f++) {
        const uint8_t *length = e->rows + f * e->n_rows;
        for (uint32_t i = 0; i < e->n; i++)
            e->widths[f][i] = e->position_bits[length[e->doc[i]]];
    }
    if (from == LEXICAL_BODY && e->n_gaps == e->n) { /* once in each row */
        uint64_t over = 0;
        for (uint32_t i = 0; i < e->n; i++) {
            over |= (uint64_t)gap[i] >> e->widths[from][i];
            bits += e->widths[from][i];
        }
        return over ? SIZE_MAX : bits;
    }
    for (uint32_t i = 0; i < e->n; i++)
        for (size_t f = from; f < LEXICAL_FIELDS; f++) {
            unsigned width = e->widths[f][i];
            uint32_t tf = e->tf[f][i], all = 0;
            for (uint32_t j = 0; j < tf; j++)
                all |= *gap++;
            if ((uint64_t)all >> width)
                return SIZE_MAX;
            bits += (size_t)width * tf;
        }
    return bits;
}

static uint8_t *put_by_length(const list_encoder *e, size_t from, uint8_t *dst)
{
    const uint32_t *gap = e->gaps;
    uint64_t acc = 0;
    unsigned have = 0;

    for (uint32_t i = 0; i < e->n; i++)
        for (size_t f = from; f < LEXICAL_FIELDS; f++) {
            unsigned width = e->widths[f][i];
            for (uint32_t tf = e->tf[f][i]; tf; tf--) {
                acc |= (uint64_t)*gap++ << have;
                have += width;
                if (have >= 32) {
                    memcpy(dst, &acc, 4);
                    dst += 4;
                    acc >>= 32;
                    have -= 32;
                }
            }
        }
    memcpy(dst, &acc, 8);
    return dst + (have + 7) / 8;
}

static cairn_status put_positions(list_encoder *e, unsigned others)
{
    size_t from = others ? 0 : LEXICAL_BODY, by_length = bits_by_length(e, from), fixed;
    unsigned width;
    uint32_t all = 0;
    uint8_t *dst;
    cairn_status st = bytes_reserve(&e->positions, 4 * e->n_gaps + 16);

    if (st)
        return st;
    for (size_t i = 0; i < e->n_gaps; i++)
        all |= e->gaps[i];
    width = bit_width(all);
    fixed = width * e->n_gaps;
    dst = end_of(&e->positions);
    *dst++ = by_length <= fixed ? BY_LENGTH : (uint8_t)width;
    if (by_length <= fixed) {
        dst = put_by_length(e, from, dst);
    } else {
        pack_write(e->gaps, e->n_gaps, width, dst);
        dst += pack_bytes(e->n_gaps, width);
    }
    extend(&e->positions, dst);
    e->n_gaps = 0;
    return CAIRN_OK;
}

/* ---- blocks ---- */

/* Width of each group of v[n]. */
static void group_widths(const uint32_t *v, uint32_t n, uint8_t *width)
{
    for (uint32_t i = 0; i < n; i += GROUP) {
        uint32_t all = 0, end = i + GROUP < n ? i + GROUP : n;
        for (uint32_t j = i; j < end; j++)
            all |= v[j];
        *width++ = (uint8_t)bit_width(all);
    }
}

static uint8_t *put_groups(const uint32_t *v, uint32_t n, const uint8_t *width, uint8_t *dst)
{
    for (uint32_t i = 0; i < n; i += GROUP, width++) {
        uint32_t m = n - i < GROUP ? n - i : GROUP;
        pack_write(v + i, m, *width, dst);
        dst += pack_bytes(m, *width);
    }
    return dst;
}

/* The nibble of a frequency's width, and the width it stands for. */
static unsigned tf_nibble(uint8_t *width)
{
    if (*width < 15)
        return *width;
    *width = 16;
    return 15;
}

static uint8_t *put_tfs(const list_encoder *e, unsigned others, const uint32_t *body,
                        uint8_t width[LEXICAL_FIELDS][GROUPS], uint8_t *dst)
{
    dst = put_groups(body, e->n, width[LEXICAL_BODY], dst);
    for (unsigned f = 0; f < LEXICAL_BODY; f++)
        if (others >> f & 1)
            dst = put_groups(e->tf[f], e->n, width[f], dst);
    return dst;
}

/* The waiting postings, with a lead byte or without. */
static cairn_status put_block(list_encoder *e, bool plain, unsigned others)
{
    uint32_t gap[BLOCK], body[BLOCK], before = e->before, n = e->n;
    uint32_t groups = (n + GROUP - 1) / GROUP;
    uint8_t gap_width[GROUPS], width[LEXICAL_FIELDS][GROUPS], *dst;
    unsigned widest = 0, base;
    cairn_status st = bytes_reserve(&e->blocks, (size_t)n * (4 + 2 * LEXICAL_FIELDS) + 64);

    if (st)
        return st;
    dst = end_of(&e->blocks);
    for (uint32_t i = 0; i < n; i++) {
        gap[i] = e->doc[i] - before - 1;
        before = e->doc[i];
        body[i] = e->tf[LEXICAL_BODY][i] - !others;
    }
    group_widths(gap, n, gap_width);
    group_widths(body, n, width[LEXICAL_BODY]);
    for (uint32_t g = 0; g < groups; g++)
        widest = gap_width[g] > widest ? gap_width[g] : widest;
    base = plain ? short_base(e->n_rows) : widest > 15 ? widest - 15 : 0;
    if (!plain)
        *dst++ = (uint8_t)(base | others << 5);
    for (uint32_t g = 0; g < groups; g++) {
        unsigned nibble = 0;
        if (gap_width[g]) {
            nibble = gap_width[g] > base ? gap_width[g] - base : 1;
            gap_width[g] = (uint8_t)(base + nibble);
        }
        *dst++ = (uint8_t)(nibble | tf_nibble(&width[LEXICAL_BODY][g]) << 4);
    }
    for (unsigned f = 0; f < LEXICAL_BODY; f++) {
        if (!(others >> f & 1))
            continue;
        group_widths(e->tf[f], n, width[f]);
        for (uint32_t g = 0; g < groups; g += 2) {
            unsigned low = tf_nibble(&width[f][g]);
            unsigned high = g + 1 < groups ? tf_nibble(&width[f][g + 1]) : 0;
            *dst++ = (uint8_t)(low | high << 4);
        }
    }
    dst = put_groups(gap, n, gap_width, dst);
    dst = put_tfs(e, others, body, width, dst);
    extend(&e->blocks, dst);
    return CAIRN_OK;
}

/* The greatest share of the waiting postings. */
static uint8_t block_bound(const list_encoder *e, unsigned others)
{
    float most = 0;

    for (uint32_t i = 0; i < e->n; i++) {
        float tf = e->weight[LEXICAL_BODY] * (float)(int32_t)e->tf[LEXICAL_BODY][i], ratio;
        for (unsigned f = 0; f < LEXICAL_BODY; f++)
            if (others >> f & 1)
                tf += e->weight[f] * (float)(int32_t)e->tf[f][i];
        ratio = tf * e->inverse_k[e->codes[e->doc[i]]];
        most = ratio > most ? ratio : most;
    }
    return bound_code(most);
}

/* Turn the waiting postings into a block. */
static cairn_status flush_block(list_encoder *e, bool only, bool *plain, cairn_error *err)
{
    unsigned others = 0;
    block_end *end;
    cairn_status st;

    if (e->blocks.len > UINT32_MAX / 2 || e->positions.len > UINT32_MAX / 2)
        return cairn_fail(err, CAIRN_ELIMIT,
                          "a posting list of more than 2 GiB; use smaller segments");
    block_end *more = checked_room(e->ends, e->n_ends, &e->cap_ends, sizeof *more);
    if (!more)
        return full(err, CAIRN_ENOMEM);
    e->ends = more;
    for (unsigned f = 0; f < LEXICAL_BODY; f++) {
        uint32_t all = 0;
        for (uint32_t i = 0; i < e->n; i++)
            all |= e->tf[f][i];
        others |= all ? 1u << f : 0;
    }
    end = &e->ends[e->n_ends++];
    *end = (block_end){e->doc[e->n - 1], (uint32_t)e->blocks.len, (uint32_t)e->positions.len,
                       only ? 0 : block_bound(e, others)};
    *plain = only && !others;
    st = put_block(e, *plain, others);
    if (!st)
        st = put_positions(e, others);
    if (st)
        return full(err, st);
    e->before = e->doc[e->n - 1];
    e->n = 0;
    return CAIRN_OK;
}

cairn_status list_add_gaps(list_encoder *e, uint32_t row, const uint32_t tf[LEXICAL_FIELDS],
                           uint32_t **gaps, cairn_error *err)
{
    size_t total = 0;

    if (e->n == BLOCK) {
        bool plain;
        cairn_status st = flush_block(e, false, &plain, err);
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
    *gaps = e->gaps + e->n_gaps;
    e->n_gaps += total;
    return CAIRN_OK;
}

cairn_status list_add(list_encoder *e, uint32_t row, const uint32_t tf[LEXICAL_FIELDS],
                      const uint32_t *positions, cairn_error *err)
{
    uint32_t *gaps;
    cairn_status st = list_add_gaps(e, row, tf, &gaps, err);

    for (size_t f = 0; f < LEXICAL_FIELDS && !st; f++) {
        uint32_t before = 0;
        for (uint32_t i = 0; i < tf[f]; i++) {
            *gaps++ = *positions - before;
            before = *positions++;
        }
    }
    return st;
}

/* ---- lists ---- */

/* A list of one posting: its entry in the dictionary. */
static cairn_status end_single(list_encoder *e, list_size *out, cairn_error *err)
{
    uint64_t row = e->doc[0];
    unsigned fields = 0;
    uint8_t *p = out->single;
    cairn_status st = CAIRN_OK;

    for (unsigned f = 0; f < LEXICAL_FIELDS; f++)
        fields |= (e->tf[f][0] ? 1u : 0u) << f;
    if (fields == 1u << LEXICAL_BODY && e->tf[LEXICAL_BODY][0] == 1 && e->gaps[0] < 256) {
        p += varint_encode(p, row << 2 | DICT_ONCE);
        st = bytes_append_byte(&e->positions, (uint8_t)e->gaps[0]);
    } else {
        p += varint_encode(p, row << 2 | DICT_SINGLE);
        *p++ = (uint8_t)fields;
        for (unsigned f = 0; f < LEXICAL_FIELDS; f++)
            if (e->tf[f][0])
                p += varint_encode(p, e->tf[f][0]);
        st = put_positions(e, 1);
    }
    out->single_len = (size_t)(p - out->single);
    e->n = 0;
    return st ? full(err, st) : CAIRN_OK;
}

/* Bytes of an offset up to v. */
static unsigned offset_bytes(uint32_t v)
{
    return v >> 8 ? v >> 16 ? v >> 24 ? 4 : 3 : 2 : 1;
}

/* The table in front of a list's blocks, and that of its positions, into e->head. */
static cairn_status put_heads(list_encoder *e, size_t *post_len)
{
    size_t n = e->n_ends;
    const block_end *end = e->ends;
    unsigned post_bytes = offset_bytes(end[n - 1].post), pos_bytes = offset_bytes(end[n - 1].pos);
    cairn_status st;
    uint8_t *p;

    bytes_reset(&e->head);
    st = bytes_reserve(&e->head, 16 + n * 13);
    if (st)
        return st;
    p = (uint8_t *)e->head.data;
    *p++ = (uint8_t)post_bytes;
    *p = 0;
    for (size_t i = 0; i < n; i++)
        *p = end[i].bound > *p ? end[i].bound : *p;
    p++;
    for (size_t i = 0; i < n; i++, p += 4)
        memcpy(p, &end[i].last, 4);
    for (size_t i = 0; i < n; i++)
        *p++ = end[i].bound;
    for (size_t i = 0; i < n; i++, p += post_bytes)
        memcpy(p, &end[i].post, 4);
    *post_len = (size_t)(p - (const uint8_t *)e->head.data);
    *p++ = (uint8_t)pos_bytes;
    for (size_t i = 0; i < n; i++, p += pos_bytes)
        memcpy(p, &end[i].pos, 4);
    extend(&e->head, p);
    return CAIRN_OK;
}

cairn_status list_end(list_encoder *e, list_size *out, cairn_error *err)
{
    size_t post_head = 0, pos_head = 0;
    cairn_status st = CAIRN_OK;

    *out = (list_size){.df = e->df};
    if (e->df == 1)
        st = end_single(e, out, err);
    else if (e->n)
        st = flush_block(e, e->df < BLOCK, &out->plain, err);
    if (!st && e->df >= BLOCK) {
        st = put_heads(e, &post_head);
        if (st)
            return full(err, st);
        pos_head = e->head.len - post_head;
        st = spool_write(e->post, e->head.data, post_head, err);
        if (!st)
            st = spool_write(e->pos, e->head.data + post_head, pos_head, err);
    }
    out->post = post_head + e->blocks.len;
    out->pos = pos_head + e->positions.len;
    if (!st && e->blocks.len)
        st = spool_write(e->post, e->blocks.data, e->blocks.len, err);
    if (!st && e->positions.len)
        st = spool_write(e->pos, e->positions.data, e->positions.len, err);
    return st;
}
