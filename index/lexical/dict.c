/* dict.c - the term dictionary, format 2.
 *
 * lex.index: for each block of 32 terms, 8 bytes where it begins in lex.dict and the first 8 bytes
 * of its first term (zeros behind a shorter one), so that a search rarely leaves the index.
 * lex.dict, a block: varint where the first term's list begins in lex.post, varint the same in
 * lex.pos; then for each term
 *
 *   1       low nibble: bytes it shares with the term before (0 for the first of a block), high
 *           nibble: bytes of the rest; 15 for 15 and more
 *   varint  the bytes shared less 15, if the low nibble is 15
 *   varint  the bytes of the rest less 15, if the high nibble is 15
 *   ..      the rest
 *   varint  4 * n + kind, and by the kind:
 *           PLAIN   n + 2 rows, fewer than 128, in the body alone
 *           LIST    n + 2 rows
 *                   both: varint bytes of its posting list, varint bytes of its positions
 *           ONCE    one row: n, once in the body; its position is a byte in lex.pos
 *           SINGLE  one row: n; a byte with a bit a field that has the word, a varint frequency for
 *                   each, varint bytes of its positions
 *
 * Lists lie in the order of their terms without gaps, so the lengths place them all. Terms ascend
 * strictly; a term has 1 .. ANALYZER_TERM_MAX bytes. */
#include "index/lexical/dict.h"

#include <string.h>

#include "base/checked.h"
#include "base/varint.h"

#define INDEX_BYTES 16

/* ---- write ---- */

void dict_writer_init(dict_writer *d)
{
    memset(d, 0, sizeof *d);
    spool_init(&d->terms);
    spool_init(&d->index);
    bytes_init(&d->last, ANALYZER_TERM_MAX + 1);
}

void dict_writer_clear(dict_writer *d)
{
    spool_clear(&d->terms);
    spool_clear(&d->index);
    bytes_clear(&d->last);
}

cairn_status dict_writer_add(dict_writer *d, const char *term, size_t len, const list_size *list,
                             cairn_error *err)
{
    uint8_t head[8 * VARINT_MAX_BYTES + ANALYZER_TERM_MAX + SINGLE_MAX], *p = head;
    size_t shared = 0, rest;
    cairn_status st = CAIRN_OK;

    if (d->n % DICT_BLOCK == 0) {
        uint64_t at = d->terms.size;
        uint8_t entry[INDEX_BYTES] = {0};
        for (size_t i = 0; i < 8; i++)
            entry[i] = (uint8_t)(at >> (8 * i));
        memcpy(entry + 8, term, len < 8 ? len : 8);
        st = spool_write(&d->index, entry, sizeof entry, err);
        p += varint_encode(p, d->post);
        p += varint_encode(p, d->pos);
    } else {
        while (shared < len && shared < d->last.len && term[shared] == d->last.data[shared])
            shared++;
    }
    rest = len - shared;
    *p++ = (uint8_t)((shared < 15 ? shared : 15) | (rest < 15 ? rest : 15) << 4);
    if (shared >= 15)
        p += varint_encode(p, shared - 15);
    if (rest >= 15)
        p += varint_encode(p, rest - 15);
    memcpy(p, term + shared, rest);
    p += rest;
    if (list->df == 1) {
        memcpy(p, list->single, list->single_len);
        p += list->single_len;
        if ((list->single[0] & 3) != DICT_ONCE)
            p += varint_encode(p, list->pos);
    } else {
        p += varint_encode(p,
                           (uint64_t)(list->df - 2) << 2 | (list->plain ? DICT_PLAIN : DICT_LIST));
        p += varint_encode(p, list->post);
        p += varint_encode(p, list->pos);
    }
    if (!st)
        st = spool_write(&d->terms, head, (size_t)(p - head), err);
    if (st)
        return st;
    bytes_reset(&d->last);
    st = bytes_append(&d->last, term, len);
    if (st)
        return cairn_fail(err, st, "no memory for the dictionary");
    d->post += list->post;
    d->pos += list->pos;
    d->n++;
    return CAIRN_OK;
}

cairn_status dict_writer_emit(dict_writer *d, const section_sink *sink, cairn_error *err)
{
    cairn_status st = spool_emit(&d->terms, sink, "lex.dict", 0, err);
    return st ? st : spool_emit(&d->index, sink, "lex.index", 0, err);
}

/* ---- read ---- */

cairn_status dict_open(dict *d, const uint8_t *terms, size_t terms_len, const uint8_t *index,
                       size_t index_len, uint64_t n, size_t post_len, size_t pos_len,
                       cairn_error *err)
{
    uint64_t blocks = n / DICT_BLOCK + (n % DICT_BLOCK != 0);

    if (n > terms_len || index_len % INDEX_BYTES || blocks != index_len / INDEX_BYTES)
        return cairn_fail(err, CAIRN_ECORRUPT,
                          "lex.index: %zu bytes for %llu terms; rebuild the index", index_len,
                          (unsigned long long)n);
    *d = (dict){terms, index, terms_len, n, (size_t)blocks, post_len, pos_len};
    return CAIRN_OK;
}

static cairn_status broken(cairn_error *err, size_t at)
{
    return cairn_fail(err, CAIRN_ECORRUPT, "lex.dict: broken near byte %zu; rebuild the index", at);
}

/* Most numbers here are one byte. */
static inline uint64_t next_varint(cursor *c)
{
    if (!c->failed && c->p < c->end && *c->p < 0x80)
        return *c->p++;
    return cursor_varint(c);
}

static inline uint8_t next_byte(cursor *c)
{
    return !c->failed && c->p < c->end ? *c->p++ : cursor_u8(c);
}

/* The first eight bytes of a term as a number that sorts like them. */
static uint64_t prefix_of(const void *term, size_t len)
{
    uint64_t v = 0;
    memcpy(&v, term, len < 8 ? len : 8);
    return __builtin_bswap64(v);
}

/* Stand a cursor on block i and read its head. */
static bool enter_block(const dict *d, size_t i, cursor *c, uint64_t *post, uint64_t *pos)
{
    cursor at;
    cursor_init(&at, d->index + INDEX_BYTES * i, 8);
    cursor_init(c, d->terms, d->terms_len);
    cursor_seek(c, cursor_u64(&at));
    *post = next_varint(c);
    *pos = next_varint(c);
    return !c->failed && *post <= d->post_len && *pos <= d->pos_len;
}

/* Most numbers here are one byte. */
static inline bool take_varint(const uint8_t **p, const uint8_t *end, uint64_t *out)
{
    size_t n;

    if (*p < end && **p < 0x80) {
        *out = *(*p)++;
        return true;
    }
    n = varint_decode(*p, end, out);
    *p += n;
    return n != 0;
}

/* A term as it is written. */
typedef struct entry {
    uint64_t shared, rest;
    const uint8_t *text; /* the rest */
    uint32_t df;
    uint64_t post_at, post_len, pos_len; /* post_len of a list in lex.post: 0 for one in lex.dict */
    size_t single_len;                   /* bytes of that one */
} entry;

/* The fields, frequencies and bytes of positions of a posting that lies in the dictionary. */
static bool take_single(const uint8_t **p, const uint8_t *end, uint64_t *pos_len)
{
    unsigned fields = *p < end ? *(*p)++ : 0;
    uint64_t tf;

    if (!fields || fields >> LEXICAL_FIELDS)
        return false;
    for (; fields; fields &= fields - 1)
        if (!take_varint(p, end, &tf))
            return false;
    return take_varint(p, end, pos_len);
}

/* Read the term at *at, whose list lies at post and pos; its lengths are within the sections. */
static inline bool read_entry(const dict *d, const uint8_t **at, uint64_t post, uint64_t pos,
                              entry *e)
{
    const uint8_t *p = *at, *end = d->terms + d->terms_len, *list;
    uint64_t more, v;

    if (p >= end)
        return false;
    e->shared = *p & 15;
    e->rest = *p++ >> 4;
    if (e->shared == 15) {
        if (!take_varint(&p, end, &more) || more > ANALYZER_TERM_MAX)
            return false;
        e->shared += more;
    }
    if (e->rest == 15) {
        if (!take_varint(&p, end, &more) || more > ANALYZER_TERM_MAX)
            return false;
        e->rest += more;
    }
    if (e->shared + e->rest > ANALYZER_TERM_MAX || !(e->shared + e->rest) ||
        e->rest > (size_t)(end - p))
        return false;
    e->text = p;
    list = p += e->rest;
    e->df = 1;
    e->post_len = 0;
    e->pos_len = 1;
    if (!take_varint(&p, end, &v))
        return false;
    if ((v & 3) == DICT_SINGLE) {
        if (!take_single(&p, end, &e->pos_len))
            return false;
    } else if ((v & 3) != DICT_ONCE) {
        if ((v >> 2) + 2 > ((v & 3) == DICT_PLAIN ? BLOCK - 1 : ROWS_MAX) ||
            !take_varint(&p, end, &e->post_len) || !take_varint(&p, end, &e->pos_len))
            return false;
        e->df = (uint32_t)(v >> 2) + 2;
    }
    if (e->df == 1)
        e->post_at = POST_IN_DICT | (uint64_t)(list - d->terms);
    else
        e->post_at = post | ((v & 3) == DICT_PLAIN ? POST_PLAIN : 0);
    e->single_len = (size_t)(p - list);
    *at = p;
    return e->post_len <= d->post_len - post && e->pos_len <= d->pos_len - pos;
}

static void place_term(dict_term *t, const entry *e, uint64_t pos)
{
    t->df = e->df;
    t->post_at = e->post_at;
    t->pos_at = pos;
    t->post_len = e->df == 1 ? e->single_len : e->post_len;
    t->pos_len = e->pos_len;
}

/* Read the term behind the cursor; t holds the one before. */
static bool read_term(const dict *d, cursor *c, dict_term *t, uint64_t *post, uint64_t *pos)
{
    entry e;

    if (c->failed || !read_entry(d, &c->p, *post, *pos, &e) || e.shared > t->len)
        return false;
    memcpy(t->text + e.shared, e.text, (size_t)e.rest);
    t->len = (size_t)(e.shared + e.rest);
    place_term(t, &e, *pos);
    *post += e.post_len;
    *pos += e.pos_len;
    return true;
}

static int compare(const void *a, size_t n, const void *b, size_t m)
{
    int c = memcmp(a, b, n < m ? n : m);
    return c ? c : (n > m) - (n < m);
}

/* Look a term up in block i. Terms are compared without writing them out: `match` bytes of the term
 * asked for are those of the one before, which sorts below it. */
static cairn_status find_in_block(const dict *d, size_t i, const char *term, size_t len,
                                  dict_term *out, bool *found, cairn_error *err)
{
    size_t match = 0, before = 0, first = i * DICT_BLOCK;
    uint64_t post, pos;
    cursor c;

    if (!enter_block(d, i, &c, &post, &pos))
        return broken(err, cursor_offset(&c));
    for (size_t j = first; j < first + DICT_BLOCK && j < d->n; j++) {
        entry e;
        size_t k = 0;
        if (!read_entry(d, &c.p, post, pos, &e) || e.shared > before)
            return broken(err, cursor_offset(&c));
        if (e.shared < match)
            return CAIRN_OK; /* above it */
        if (e.shared == match) {
            while (k < e.rest && match + k < len && e.text[k] == (uint8_t)term[match + k])
                k++;
            match += k;
            if (k < e.rest && (match == len || e.text[k] > (uint8_t)term[match]))
                return CAIRN_OK;
            if (k == e.rest && match == len) {
                memcpy(out->text, term, len);
                out->len = len;
                out->ordinal = j;
                place_term(out, &e, pos);
                *found = true;
                return CAIRN_OK;
            }
        }
        before = (size_t)(e.shared + e.rest);
        post += e.post_len;
        pos += e.pos_len;
    }
    return CAIRN_OK;
}

cairn_status dict_find(const dict *d, const char *term, size_t len, dict_term *out, bool *found,
                       cairn_error *err)
{
    size_t low = 0, high = d->n_blocks; /* the block before `high` may hold it */
    uint64_t post, pos, prefix;
    cursor c;

    *found = false;
    if (!len || len > ANALYZER_TERM_MAX)
        return CAIRN_OK;
    prefix = prefix_of(term, len);
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        uint64_t n, first = prefix_of(d->index + INDEX_BYTES * mid + 8, 8);
        const uint8_t *text;
        if (first != prefix) {
            if (first < prefix)
                low = mid + 1;
            else
                high = mid;
            continue;
        }
        if (len < 8) { /* no NUL is in a term: the block's first one it is */
            low = mid + 1;
            break;
        }
        if (!enter_block(d, mid, &c, &post, &pos))
            return broken(err, cursor_offset(&c));
        n = next_byte(&c);
        if (n & 15) /* the first of a block shares nothing */
            return broken(err, cursor_offset(&c));
        n = n >> 4 == 15 ? 15 + next_varint(&c) : n >> 4;
        text = cursor_take(&c, n);
        if (c.failed)
            return broken(err, cursor_offset(&c));
        if (compare(text, (size_t)n, term, len) <= 0)
            low = mid + 1;
        else
            high = mid;
    }
    if (!low)
        return CAIRN_OK;
    return find_in_block(d, low - 1, term, len, out, found, err);
}

const uint8_t *dict_block_head(const dict *d, size_t i)
{
    return d->index + INDEX_BYTES * i + 8;
}

cairn_status dict_block_enter(dict_block *b, const dict *d, size_t i, cairn_error *err)
{
    uint64_t before = (uint64_t)i * DICT_BLOCK;

    b->d = d;
    b->left = (size_t)(d->n - before < DICT_BLOCK ? d->n - before : DICT_BLOCK);
    b->term.len = b->shared = 0;
    return enter_block(d, i, &b->c, &b->post, &b->pos) ? CAIRN_OK
                                                       : broken(err, cursor_offset(&b->c));
}

cairn_status dict_block_next(dict_block *b, cairn_error *err)
{
    cursor ahead = b->c;

    b->shared = next_byte(&ahead) & 15; /* read_term checks it */
    if (b->shared == 15)
        b->shared += (size_t)next_varint(&ahead);
    if (!read_term(b->d, &b->c, &b->term, &b->post, &b->pos))
        return broken(err, cursor_offset(&b->c));
    b->left--;
    return CAIRN_OK;
}

void dict_iter_init(dict_iter *it, const dict *d)
{
    memset(it, 0, sizeof *it);
    it->d = d;
}

cairn_status dict_iter_next(dict_iter *it, bool *more, cairn_error *err)
{
    char before[ANALYZER_TERM_MAX];
    size_t n = it->term.len;

    *more = it->i < it->d->n;
    if (!*more)
        return CAIRN_OK;
    memcpy(before, it->term.text, n);
    if (it->i % DICT_BLOCK == 0) {
        uint64_t post = it->post, pos = it->pos;
        if (!enter_block(it->d, (size_t)(it->i / DICT_BLOCK), &it->c, &it->post, &it->pos) ||
            (it->i && (post != it->post || pos != it->pos)))
            return broken(err, cursor_offset(&it->c));
        it->term.len = 0;
    }
    if (!read_term(it->d, &it->c, &it->term, &it->post, &it->pos) ||
        (it->i && compare(before, n, it->term.text, it->term.len) >= 0) ||
        (it->i % DICT_BLOCK == 0 &&
         prefix_of(it->d->index + INDEX_BYTES * (size_t)(it->i / DICT_BLOCK) + 8, 8) !=
             prefix_of(it->term.text, it->term.len)))
        return broken(err, cursor_offset(&it->c));
    it->term.ordinal = it->i++;
    return CAIRN_OK;
}
