/* postings.c - decode the lists that encode.c draws. */
#include "index/lexical/postings.h"

#include <string.h>

#include "index/lexical/reader.h"

/* Gaps of at most 24 bits cannot carry a row past 32 (ROWS_MAX); wider ones are added one by one.
 */
#define FAST_WIDTH 24

static cairn_status broken(const postings *p, const char *what, cairn_error *err)
{
    return cairn_fail(err, CAIRN_ECORRUPT, "lex.post: %s in a list of %u rows; rebuild the index",
                      what, p->df);
}

cairn_status postings_open(postings *p, const lexical_reader *r, const dict_term *t,
                           const pack_kernels *k, cairn_error *err)
{
    bool inside = t->post_at & POST_IN_DICT;

    p->reader = r;
    p->list = (inside ? r->dict.terms : r->post) + (t->post_at & POST_AT);
    p->end = p->list + t->post_len;
    p->pos = r->pos + t->pos_at;
    p->pos_end = p->pos + t->pos_len;
    p->k = k;
    p->df = t->df;
    p->n_rows = r->n_rows;
    p->n_blocks = (uint32_t)(((uint64_t)t->df + BLOCK - 1) / BLOCK);
    p->plain = t->post_at & POST_PLAIN;
    p->once = false;
    p->block = UINT32_MAX;
    p->n = 0;
    p->skips = p->bounds = p->ends = NULL;
    p->data = p->list;
    if (t->df > r->n_rows)
        return broken(p, "more rows than the segment has", err);
    if (t->df >= BLOCK) {
        size_t n = p->n_blocks;
        p->offset_bytes = t->post_len < 2 ? 0 : p->list[0];
        if (p->offset_bytes < 1 || p->offset_bytes > 4 ||
            t->post_len < 2 + n * (5 + (uint64_t)p->offset_bytes))
            return broken(p, "a cut table of blocks", err);
        p->skips = p->list + 2;
        p->bounds = p->skips + 4 * n;
        p->ends = p->bounds + n;
        p->data = p->ends + n * p->offset_bytes;
    }
    return CAIRN_OK;
}

/* An offset of `bytes` bytes; what follows the table keeps the load inside the section. */
static inline uint32_t offset_at(const uint8_t *table, size_t i, unsigned bytes)
{
    return load_u32(table + i * bytes) & (uint32_t)(UINT64_MAX >> (64 - 8 * bytes));
}

/* A varint of at most 32 bits at *at; false when it is cut or too large. */
static bool take(const uint8_t **at, const uint8_t *end, uint32_t *out)
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

/* The posting of a list of one, which lies in the dictionary. */
static cairn_status read_single(postings *p, cairn_error *err)
{
    const uint8_t *at = p->list;
    uint64_t v = 0;
    unsigned shift = 0, fields = 1u << LEXICAL_BODY;

    while (at < p->end && shift < 35) {
        v |= (uint64_t)(*at & 0x7F) << shift;
        shift += 7;
        if (*at++ < 0x80)
            break;
    }
    p->once = (v & 3) == DICT_ONCE;
    if (v >> 2 >= p->n_rows)
        return broken(p, "a row out of range", err);
    if (!p->once)
        fields = at < p->end ? *at++ : 0;
    if (!fields || fields >> LEXICAL_FIELDS)
        return broken(p, "an unknown field", err);
    for (unsigned f = 0; f < LEXICAL_FIELDS; f++) {
        uint32_t tf = 1;
        if (!(fields >> f & 1))
            continue;
        if (!p->once && (!take(&at, p->end, &tf) || !tf || tf > TF_MAX))
            return broken(p, "a bad frequency", err);
        p->tf[f][0] = tf;
    }
    for (unsigned i = 0; i < GROUP; i++)
        p->doc[i] = (uint32_t)(v >> 2);
    p->fields = fields;
    p->have_tf = true;
    return CAIRN_OK;
}

/* The low n bytes. */
static inline uint64_t low_bytes(uint64_t v, size_t n)
{
    return n < 8 ? v & ((1ull << 8 * n) - 1) : v;
}

/* Bytes of the groups of these widths, the last of `last` values. */
static inline size_t groups_bytes(uint64_t widths, size_t n_groups, uint32_t last)
{
    unsigned final = widths >> 8 * (n_groups - 1) & 0xFF;
    uint64_t even = widths & 0x00FF00FF00FF00FFu, odd = widths >> 8 & 0x00FF00FF00FF00FFu;
    size_t sum = (size_t)((even + odd) * 0x0001000100010001u >> 48);
    return 2 * (sum - final) + pack_bytes(last, final);
}

/* Rows of groups with gaps wider than FAST_WIDTH. */
static bool wide_rows(postings *p, const uint8_t *src, uint64_t widths, size_t n_groups,
                      uint32_t prev)
{
    uint64_t row = prev == UINT32_MAX ? 0 : (uint64_t)prev + 1;

    pack_scalar.unpack(src, widths, n_groups, 0, p->doc);
    for (size_t i = 0; i < p->n; i++) {
        row += p->doc[i];
        if (row >= p->n_rows)
            return false;
        p->doc[i] = (uint32_t)row++;
    }
    return true;
}

/* Decode the rows of the n postings at src. */
static cairn_status read_rows(postings *p, const uint8_t *src, uint32_t prev, cairn_error *err)
{
    size_t n_groups = (p->n + GROUP - 1) / GROUP, head = n_groups;
    unsigned base = short_base(p->n_rows), lead;
    uint64_t widths;

    p->others = 0;
    if (!p->plain) {
        if (src >= p->end)
            return broken(p, "a cut block", err);
        lead = *src++;
        base = lead & 31;
        p->others = lead >> 5;
        head += (size_t)__builtin_popcount(p->others) * ((n_groups + 1) / 2);
    }
    if ((size_t)(p->end - src) < head || base > 17)
        return broken(p, "a cut block", err);
    p->widths = src;
    widths = gap_widths(low_bytes(load_u64(src), n_groups) & 0x0F0F0F0F0F0F0F0Fu, base);
    src += head;
    p->freqs = src + groups_bytes(widths, n_groups, p->n - GROUP * ((uint32_t)n_groups - 1));
    if (p->freqs > p->end)
        return broken(p, "a cut block", err);
    if (base <= FAST_WIDTH - 15)
        p->k->unpack_docs(src, widths, n_groups, prev, p->doc);
    else if (!wide_rows(p, src, widths, n_groups, prev))
        return broken(p, "a row out of range", err);
    for (uint32_t i = p->n; i % GROUP; i++)
        p->doc[i] = p->doc[p->n - 1];
    return CAIRN_OK;
}

cairn_status postings_block(postings *p, uint32_t i, cairn_error *err)
{
    uint32_t prev = UINT32_MAX, last, at;
    cairn_status st;

    if (p->block == i)
        return CAIRN_OK;
    p->block = UINT32_MAX;
    p->have_tf = false;
    if (!p->skips) {
        p->n = p->df;
        st = p->df == 1 ? read_single(p, err) : read_rows(p, p->list, prev, err);
        if (!st && p->doc[p->n - 1] >= p->n_rows)
            st = broken(p, "a row out of range", err);
        p->block = st ? UINT32_MAX : i;
        return st;
    }
    last = postings_last(p, i);
    at = offset_at(p->ends, i, p->offset_bytes);
    if (i)
        prev = postings_last(p, i - 1);
    if (last >= p->n_rows || (i && prev >= last) || at > (size_t)(p->end - p->data))
        return broken(p, "a bad table of blocks", err);
    p->n = p->df - i * BLOCK < BLOCK ? p->df - i * BLOCK : BLOCK;
    st = read_rows(p, p->data + at, prev, err);
    if (st)
        return st;
    if (p->doc[p->n - 1] != last)
        return broken(p, "a block that ends elsewhere than its table says", err);
    p->block = i;
    return CAIRN_OK;
}

cairn_status postings_tf(postings *p, cairn_error *err)
{
    size_t n_groups = (p->n + GROUP - 1) / GROUP;
    uint32_t last = p->n - GROUP * ((uint32_t)n_groups - 1);
    const uint8_t *src = p->freqs, *nibbles;
    uint64_t widths;

    if (p->have_tf) /* that of a list of one, which has no widths */
        return CAIRN_OK;
    nibbles = p->widths + n_groups;
    widths = low_bytes(load_u64(p->widths), n_groups) >> 4 & 0x0F0F0F0F0F0F0F0Fu;
    widths = tf_widths(widths);
    if ((size_t)(p->end - src) < groups_bytes(widths, n_groups, last))
        return broken(p, "cut frequencies", err);
    p->k->unpack(src, widths, n_groups, !p->others, p->tf[LEXICAL_BODY]);
    src += groups_bytes(widths, n_groups, last);
    for (unsigned f = 0; f < LEXICAL_BODY && p->others; f++) {
        uint64_t spread = 0;
        if (!(p->others >> f & 1))
            continue;
        for (size_t g = 0; g < n_groups; g++)
            spread |= (uint64_t)(nibbles[g / 2] >> 4 * (g % 2) & 15) << 8 * g;
        nibbles += (n_groups + 1) / 2;
        widths = tf_widths(spread);
        if ((size_t)(p->end - src) < groups_bytes(widths, n_groups, last))
            return broken(p, "cut frequencies", err);
        p->k->unpack(src, widths, n_groups, 0, p->tf[f]);
        src += groups_bytes(widths, n_groups, last);
    }
    p->fields = p->others | 1u << LEXICAL_BODY;
    p->have_tf = true;
    return CAIRN_OK;
}

cairn_status postings_body_tf(const postings *p, uint32_t i, uint32_t *tf, cairn_error *err)
{
    size_t n_groups = (p->n + GROUP - 1) / GROUP, g = i / GROUP, bit;
    uint64_t widths =
        tf_widths(low_bytes(load_u64(p->widths), n_groups) >> 4 & 0x0F0F0F0F0F0F0F0Fu);
    unsigned width = widths >> 8 * g & 0xFF;

    bit = 8 * groups_bytes(low_bytes(widths, g), GROUPS, GROUP) + i % GROUP * width;
    if ((size_t)(p->end - p->freqs) < (bit + width + 7) / 8)
        return broken(p, "cut frequencies", err);
    *tf = pack_read(p->freqs, bit, width) + 1;
    return CAIRN_OK;
}

/* ---- positions ---- */

static inline unsigned width_in(const postings *p, const postings_positions *pp, uint32_t i,
                                unsigned f)
{
    return pp->width == BY_LENGTH ? position_width(reader_length(p->reader, f, p->doc[i]))
                                  : pp->width;
}

cairn_status postings_positions_open(const postings *p, postings_positions *out, cairn_error *err)
{
    const uint8_t *at = p->pos;
    size_t left = (size_t)(p->pos_end - at);
    uint32_t total = 0;
    uint64_t bits = 0;

    if (p->skips) {
        unsigned bytes = left ? *at : 0;
        size_t table = 1 + (size_t)bytes * p->n_blocks, from;
        if (bytes < 1 || bytes > 4 || table > left)
            goto broken;
        from = table + offset_at(at + 1, p->block, bytes);
        if (from >= left)
            goto broken;
        at += from;
        left -= from;
    }
    if (!left)
        goto broken;
    out->width = p->once ? 8 : *at;
    out->bits = at + !p->once;
    left -= !p->once;
    if (out->width > 32 && out->width != BY_LENGTH)
        goto broken;
    for (uint32_t i = 0; i < p->n; i++) {
        out->start[i] = total;
        out->bit[i] = (uint32_t)bits;
        for (unsigned f = 0; f < LEXICAL_FIELDS; f++)
            if (p->fields >> f & 1 && p->tf[f][i]) {
                total += p->tf[f][i];
                bits += (uint64_t)p->tf[f][i] * width_in(p, out, i, f);
            }
    }
    out->start[p->n] = total;
    if (left >= (bits + 7) / 8)
        return CAIRN_OK;
broken:
    return cairn_fail(err, CAIRN_ECORRUPT, "lex.pos: cut positions; rebuild the index");
}

size_t postings_positions_get(const postings *p, const postings_positions *pp, uint32_t i,
                              unsigned f, uint32_t *dst)
{
    size_t at = pp->bit[i], n;
    uint32_t pos = 0;
    unsigned width;

    if (!(p->fields >> f & 1) || !p->tf[f][i])
        return 0;
    for (unsigned g = 0; g < f; g++)
        if (p->fields >> g & 1 && p->tf[g][i])
            at += (size_t)p->tf[g][i] * width_in(p, pp, i, g);
    n = p->tf[f][i];
    width = width_in(p, pp, i, f);
    for (size_t j = 0; j < n; j++, at += width) {
        pos += pack_read(pp->bits, at, width);
        dst[j] = pos;
    }
    return n;
}
