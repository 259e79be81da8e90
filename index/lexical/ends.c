/* ends.c - words by their endings, format 1; see ends.h.
 *
 * The key of a word is its last eight bytes, the last one first, and zeros behind a shorter word.
 * Words in the order of (key, number) are cut into groups of 64, and of each group the key of the
 * first word and the blocks of its words are kept: the order of a group's words is not, which costs
 * the look at some blocks too many and saves half of the bits that the words' numbers take.
 *
 * lex.ends:
 *   4   magic "CEND"
 *   4   version, 1
 *   48  for each of the three kinds 8 bytes words (0: no list) and 8 bytes the length of its bits
 *   then for each kind that has words
 *   ..  for each group 8 bytes the key of its first word, high byte first, and 4 bytes where the
 * group begins in the bits
 *   ..  bits, low ones first: a group's blocks ascending, of each the distance from the one before
 * (the first: from 0) as distance >> low zeros, a one, and the low bits of the distance. A group
 * begins at a byte. low = floor(log2(blocks / 64)), 0 for fewer 8   zeros (of the bits' length), so
 * that eight bytes can be read anywhere
 *
 * v1 since 0.1; an index without the section is walked. */
#include "index/lexical/ends.h"

#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "index/text/fold.h"

#define ENDS_MAGIC   0x444E4543u /* "CEND" */
#define ENDS_VERSION 1u
#define ENDS_GROUP   64
#define KEY_BYTES    8
#define HEAD_BYTES   12
#define PADDING      8
/* Of all blocks, those worth looking through one by one instead of walking. */
#define WORTH(blocks) ((blocks) / 2 + 8)

_Static_assert(ENDS_WORDS == DICT_BLOCK && ENDS_WORDS == FORMS_BLOCK, "a number says the block");

static cairn_status no_memory(cairn_error *err)
{
    return cairn_fail(err, CAIRN_ENOMEM, "no memory for words by their endings");
}

static uint64_t key_of(const char *word, size_t len)
{
    uint64_t key = 0;

    for (size_t i = 0; i < KEY_BYTES; i++)
        key = key << 8 | (i < len ? (uint8_t)word[len - 1 - i] : 0);
    return key;
}

static size_t parts_of(size_t n, size_t size)
{
    return n / size + (n % size != 0);
}

/* Bits of a distance that are written as they are. */
static unsigned low_bits(size_t n_blocks)
{
    unsigned low = 0;

    while (n_blocks / ENDS_GROUP >> (low + 1))
        low++;
    return low;
}

/* ---- write ---- */

void ends_writer_clear(ends_writer *w)
{
    for (size_t k = 0; k < ENDS_KINDS; k++)
        free(w->of[k].key);
    memset(w, 0, sizeof *w);
}

cairn_status ends_writer_add(ends_writer *w, ends_kind kind, const char *word, size_t len,
                             cairn_error *err)
{
    char plain[FOLD_MAX];
    uint64_t *key = checked_room(w->of[kind].key, w->of[kind].n, &w->of[kind].cap, sizeof *key);
    bool ascii = true;

    if (!key)
        return no_memory(err);
    if (w->of[kind].n == UINT32_MAX)
        return cairn_fail(err, CAIRN_ELIMIT, "an index of more than %u words", UINT32_MAX);
    w->of[kind].key = key;
    for (size_t i = 0; i < len; i++)
        ascii = ascii && (uint8_t)word[i] < 0x80;
    if (kind == ENDS_FORMS && !ascii) {
        len = fold_marks(word, len, plain);
        word = plain;
    }
    key[w->of[kind].n++] = key_of(word, len);
    return CAIRN_OK;
}

/* Sort the numbers of n words by their keys, a byte at a time from the lowest. by_key and room are
 * [n]; *sorted is whichever holds them at last. */
static cairn_status sort_keys(const uint64_t *key, size_t n, uint32_t *by_key, uint32_t *room,
                              uint32_t **sorted, pace *p, cairn_error *err)
{
    cairn_status st = CAIRN_OK;

    for (size_t i = 0; i < n; i++)
        by_key[i] = (uint32_t)i;
    for (unsigned shift = 0; shift < 64 && !st; shift += 8) {
        size_t at[256] = {0}, sum = 0;
        uint32_t *other = by_key;
        for (size_t i = 0; i < n; i++)
            at[key[i] >> shift & 255]++;
        for (size_t d = 0; d < 256; d++) {
            size_t count = at[d];
            at[d] = sum;
            sum += count;
        }
        for (size_t i = 0; i < n; i++)
            room[at[key[by_key[i]] >> shift & 255]++] = by_key[i];
        by_key = room;
        room = other;
        st = pace_work(p, n / 4, err);
    }
    *sorted = by_key;
    return st;
}

static int by_number(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

typedef struct bit_writer {
    bytes out;
    uint64_t word;
    unsigned n; /* bits in it, fewer than 8 between calls */
    bool failed;
} bit_writer;

static void put_bits(bit_writer *w, uint64_t v, unsigned n)
{
    w->word |= v << w->n;
    for (w->n += n; w->n >= 8; w->n -= 8, w->word >>= 8)
        w->failed |= bytes_append_byte(&w->out, (uint8_t)w->word) != CAIRN_OK;
}

static void put_group(bit_writer *w, uint32_t *numbers, size_t n, unsigned low)
{
    uint32_t before = 0;

    qsort(numbers, n, sizeof *numbers, by_number);
    for (size_t i = 0; i < n; i++) {
        uint32_t block = numbers[i] / ENDS_WORDS, far = block - before;
        uint32_t high = far >> low;
        for (; high >= 32; high -= 32)
            put_bits(w, 0, 32);
        put_bits(w, (uint64_t)1 << high, high + 1);
        put_bits(w, far & (((uint64_t)1 << low) - 1), low);
        before = block;
    }
    if (w->n)
        put_bits(w, 0, 8 - w->n);
}

/* Heads and bits of one kind; `numbers` are sorted by key. */
static cairn_status make_list(const uint64_t *key, uint32_t *numbers, size_t n, bytes *heads,
                              bytes *bits, pace *p, cairn_error *err)
{
    bit_writer w = {.failed = false};
    unsigned low = low_bits(parts_of(n, ENDS_WORDS));
    cairn_status st = CAIRN_OK;

    bytes_init(&w.out, UINT32_MAX);
    for (size_t i = 0; i < n && !st && !w.failed; i += ENDS_GROUP) {
        uint64_t first = __builtin_bswap64(key[numbers[i]]);
        w.failed |=
            bytes_append(heads, &first, KEY_BYTES) || bytes_append_u32(heads, (uint32_t)w.out.len);
        put_group(&w, numbers + i, n - i < ENDS_GROUP ? n - i : ENDS_GROUP, low);
        st = pace_work(p, 8 * ENDS_GROUP, err);
    }
    w.failed |= bytes_append_u64(&w.out, 0) != CAIRN_OK;
    *bits = w.out;
    return st || !w.failed ? st : no_memory(err);
}

static cairn_status put(const section_sink *sink, const void *data, size_t n, cairn_error *err)
{
    return n ? sink->write(sink->ctx, data, n, err) : CAIRN_OK;
}

cairn_status ends_writer_emit(ends_writer *w, const section_sink *sink, pace *p, cairn_error *err)
{
    uint32_t head[2] = {ENDS_MAGIC, ENDS_VERSION};
    uint64_t sizes[2 * ENDS_KINDS];
    bytes heads[ENDS_KINDS], bits[ENDS_KINDS];
    size_t most = 0;
    uint32_t *room, *sorted;
    cairn_status st = CAIRN_OK;

    for (size_t k = 0; k < ENDS_KINDS; k++) {
        bytes_init(&heads[k], SIZE_MAX / 2);
        bytes_init(&bits[k], SIZE_MAX / 2);
        most = w->of[k].n > most ? w->of[k].n : most;
    }
    room = checked_malloc(most, 2 * sizeof *room);
    if (!room)
        st = no_memory(err);
    for (size_t k = 0; k < ENDS_KINDS && !st; k++) {
        size_t n = w->of[k].n;
        if (n)
            st = sort_keys(w->of[k].key, n, room, room + most, &sorted, p, err);
        if (n && !st)
            st = make_list(w->of[k].key, sorted, n, &heads[k], &bits[k], p, err);
        sizes[2 * k] = n;
        sizes[2 * k + 1] = bits[k].len;
    }
    if (!st)
        st = sink->begin(sink->ctx, "lex.ends", err);
    if (!st)
        st = put(sink, head, sizeof head, err);
    if (!st)
        st = put(sink, sizes, sizeof sizes, err);
    for (size_t k = 0; k < ENDS_KINDS && !st; k++) {
        st = put(sink, heads[k].data, heads[k].len, err);
        if (!st)
            st = put(sink, bits[k].data, bits[k].len, err);
    }
    for (size_t k = 0; k < ENDS_KINDS; k++) {
        bytes_clear(&heads[k]);
        bytes_clear(&bits[k]);
    }
    free(room);
    return st ? st : sink->end(sink->ctx, err);
}

/* ---- read ---- */

static cairn_status broken(cairn_error *err, const char *what)
{
    return cairn_fail(err, CAIRN_ECORRUPT, "lex.ends: %s; rebuild the index", what);
}

cairn_status ends_open(ends *e, const uint8_t *data, size_t len, uint64_t n_terms, uint64_t n_forms,
                       cairn_error *err)
{
    const uint64_t words[ENDS_KINDS] = {n_terms, n_forms, n_forms};
    uint32_t version;
    cursor c;

    *e = (ends){.data = data, .len = len};
    cursor_init(&c, data, len);
    if (cursor_u32(&c) != ENDS_MAGIC)
        return broken(err, "not words by their endings");
    version = cursor_u32(&c);
    if (!c.failed && version != ENDS_VERSION)
        return cairn_fail(err, CAIRN_EUNSUPPORTED,
                          "lex.ends: format %u, this program reads %u; rebuild the index", version,
                          ENDS_VERSION);
    for (size_t k = 0; k < ENDS_KINDS; k++) {
        uint64_t n = cursor_u64(&c), bits = cursor_u64(&c);
        if (c.failed || n > UINT32_MAX || (n && n != words[k]) || bits > len ||
            bits < (n ? PADDING : 0))
            return broken(err, "counts that do not fit");
        e->of[k].n = (size_t)n;
        e->of[k].n_groups = parts_of((size_t)n, ENDS_GROUP);
        e->of[k].bits_len = (size_t)bits;
    }
    for (size_t k = 0; k < ENDS_KINDS; k++) {
        e->of[k].heads = cursor_take(&c, HEAD_BYTES * (uint64_t)e->of[k].n_groups);
        e->of[k].bits = cursor_take(&c, e->of[k].bits_len);
    }
    if (c.failed || cursor_left(&c))
        return broken(err, "a length that does not fit its counts");
    return CAIRN_OK;
}

static uint64_t group_key(const ends_list *l, size_t group)
{
    uint64_t v;

    memcpy(&v, l->heads + HEAD_BYTES * group, KEY_BYTES);
    return __builtin_bswap64(v);
}

/* The first group whose key is at least `key`, or above it. */
static size_t group_from(const ends_list *l, uint64_t key, bool above)
{
    size_t low = 0, high = l->n_groups;

    while (low < high) {
        size_t mid = low + (high - low) / 2;
        uint64_t head = group_key(l, mid);
        if (head < key || (above && head == key))
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

/* Set the bits of a group's blocks. */
static bool read_group(const ends_list *l, size_t group, uint64_t *blocks)
{
    size_t n_blocks = parts_of(l->n, ENDS_WORDS), left = l->n - group * ENDS_GROUP;
    unsigned low = low_bits(n_blocks);
    uint64_t at, end = 8 * (uint64_t)(l->bits_len - PADDING), block = 0;
    uint32_t begin;

    memcpy(&begin, l->heads + HEAD_BYTES * group + KEY_BYTES, sizeof begin);
    at = 8 * (uint64_t)begin;
    left = left < ENDS_GROUP ? left : ENDS_GROUP;
    for (; left; left--) {
        uint64_t word = 0, high = 0;
        while (at < end) { /* zeros up to a one */
            memcpy(&word, l->bits + at / 8, 8);
            word >>= at % 8;
            if (word)
                break;
            high += 64 - at % 8;
            at += 64 - at % 8;
        }
        if (at >= end)
            return false;
        high += (uint64_t)__builtin_ctzll(word);
        at += (uint64_t)__builtin_ctzll(word) + 1;
        if (at + low > end)
            return false;
        memcpy(&word, l->bits + at / 8, 8);
        block += high << low | (word >> at % 8 & (((uint64_t)1 << low) - 1));
        at += low;
        if (block >= n_blocks)
            return false;
        blocks[block >> 6] |= (uint64_t)1 << (block & 63);
    }
    return true;
}

cairn_status ends_find(const ends *e, ends_kind kind, const char *suffix, size_t len,
                       uint64_t **blocks, cairn_error *err)
{
    const ends_list *l = &e->of[kind];
    unsigned rest = len < KEY_BYTES ? 8 * (KEY_BYTES - (unsigned)len) : 0;
    uint64_t lo = key_of(suffix, len),
             hi = rest < 64 ? lo | (((uint64_t)1 << rest) - 1) : UINT64_MAX;
    size_t from = group_from(l, lo, false), to = group_from(l, hi, true);
    size_t n_blocks = parts_of(l->n, ENDS_WORDS), n = 0;

    *blocks = NULL;
    from = from ? from - 1 : 0; /* it may end so */
    if (!l->n || to - from > n_blocks)
        return CAIRN_OK;
    *blocks = calloc(row_set_words((uint32_t)n_blocks) + 1, sizeof **blocks);
    if (!*blocks)
        return no_memory(err);
    for (size_t g = from; g < to; g++)
        if (!read_group(l, g, *blocks)) {
            free(*blocks);
            *blocks = NULL;
            return broken(err, "a group of words that are not there");
        }
    for (size_t i = 0; i < row_set_words((uint32_t)n_blocks); i++)
        n += (size_t)__builtin_popcountll((*blocks)[i]);
    if (n > WORTH(n_blocks)) {
        free(*blocks);
        *blocks = NULL;
    }
    return CAIRN_OK;
}

/* ---- check ---- */

/* A sink that compares. */
typedef struct comparing {
    const uint8_t *at;
    size_t left;
    bool same;
} comparing;

static cairn_status compare_begin(void *ctx, const char *name, cairn_error *err)
{
    (void)ctx;
    (void)name;
    (void)err;
    return CAIRN_OK;
}

static cairn_status compare_write(void *ctx, const void *data, size_t n, cairn_error *err)
{
    comparing *c = ctx;

    (void)err;
    c->same = c->same && n <= c->left && !memcmp(c->at, data, n);
    c->at += c->same ? n : 0;
    c->left -= c->same ? n : 0;
    return CAIRN_OK;
}

static cairn_status compare_end(void *ctx, cairn_error *err)
{
    (void)ctx;
    (void)err;
    return CAIRN_OK;
}

cairn_status ends_verify(const ends *e, const dict *d, const forms *f, cairn_error *err)
{
    ends_writer again = {0};
    comparing c = {e->data, e->len, true};
    section_sink sink = {&c, compare_begin, compare_write, compare_end};
    dict_iter t;
    forms_iter it;
    bool more = true;
    cairn_status st = CAIRN_OK;

    if (!e->data)
        return CAIRN_OK;
    dict_iter_init(&t, d);
    while (!st && more) {
        st = dict_iter_next(&t, &more, err);
        if (!st && more)
            st = ends_writer_add(&again, ENDS_TERMS, t.term.text, t.term.len, err);
    }
    forms_iter_enter(&it, f, 0);
    for (more = f->n != 0; !st && more;) {
        st = forms_iter_next(&it, &more, err);
        if (!st && more)
            st = ends_writer_add(&again, ENDS_FORMS, it.form, it.form_len, err);
        if (!st && more && e->of[ENDS_FORM_TERMS].n)
            st = ends_writer_add(&again, ENDS_FORM_TERMS, it.term, it.term_len, err);
    }
    if (!st)
        st = ends_writer_emit(&again, &sink, NULL, err);
    if (!st && (!c.same || c.left))
        st = broken(err, "other words than the dictionary's and the forms'");
    ends_writer_clear(&again);
    return st;
}
