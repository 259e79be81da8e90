/* forms.c - written forms: counted in a table, written sorted and front-coded, format 1.
 *
 * lex.fidx:
 *   4   magic "CFRM"
 *   4   version, 1
 *   8   entries in lex.forms
 *   8   terms of the dictionary
 *   ..  a bit a term, low bits first: its forms are listed
 *   ..  for each block of 32 entries 8 bytes where it begins in lex.forms, then the first 8 bytes of
 *       its first form (zeros behind a shorter one)
 *
 * lex.forms, an entry:
 *   varint  bytes the form shares with the one before (0 for the first of a block)
 *   varint  bytes of the rest, then the rest
 *   varint  4 * cut + least(rest of term, 3); the term is the form without its last `cut` bytes and
 *           with the rest behind it
 *   varint  rest of term - 3, if that is 3 or more; then its bytes
 *   varint  count, >= 1
 *
 * Entries ascend by form, then by term, and never repeat. Every listed term has an entry that is
 * not itself; no other term has any. v1 since analyzer 2. */
#include "index/lexical/forms.h"

#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "base/varint.h"
#include "index/lexical/dict.h"

#define FORMS_MAGIC   0x4D524643u /* "CFRM" */
#define FORMS_VERSION 1u
#define FORMS_HEAD    24
#define INDEX_BYTES   16

/* ---- collect ---- */

void forms_table_init(forms_table *t)
{
    *t = (forms_table){.n_own = 0};
    bytes_init(&t->texts, UINT32_MAX);
}

void forms_table_clear(forms_table *t)
{
    free(t->pairs);
    free(t->slots);
    free(t->own);
    bytes_clear(&t->texts);
    forms_table_init(t);
}

size_t forms_table_memory(const forms_table *t)
{
    return t->cap * sizeof *t->pairs + t->texts.cap + t->n_slots * sizeof *t->slots +
           t->cap_own * sizeof *t->own;
}

static cairn_status no_memory(cairn_error *err)
{
    return cairn_fail(err, CAIRN_ENOMEM, "no memory for the written forms of words");
}

static uint64_t hash_bytes(uint64_t h, const char *s, size_t n)
{
    uint64_t v;
    h ^= n * 0x9E3779B97F4A7C15u;
    for (; n >= 8; s += 8, n -= 8) {
        memcpy(&v, s, 8);
        h = (h ^ v) * 0xFF51AFD7ED558CCDu;
        h ^= h >> 32;
    }
    v = 0;
    memcpy(&v, s, n);
    h = (h ^ v) * 0xFF51AFD7ED558CCDu;
    return (h ^ h >> 29) * 0xC4CEB9FE1A85EC53u;
}

/* Words that are their own term are kept as 32 bits of a hash, from which their place follows, and a
 * count: most are never asked for again, and one mistaken among some thousands of stems does no
 * harm. */
static inline size_t own_place(uint64_t v)
{
    return (size_t)((v >> 32) * 0x9E3779B1u & UINT32_MAX);
}

static uint64_t *own_slot(uint64_t *own, size_t cap, uint64_t v)
{
    size_t at = own_place(v) & (cap - 1);
    while (own[at] && own[at] >> 32 != v >> 32)
        at = (at + 1) & (cap - 1);
    return &own[at];
}

static cairn_status grow_own(forms_table *t, cairn_error *err)
{
    size_t cap = t->cap_own ? t->cap_own * 2 : 4096;
    uint64_t *own = checked_malloc(cap, sizeof *own);

    if (!own)
        return no_memory(err);
    memset(own, 0, cap * sizeof *own);
    for (size_t i = 0; i < t->cap_own; i++)
        if (t->own[i])
            *own_slot(own, cap, t->own[i]) = t->own[i];
    free(t->own);
    t->own = own;
    t->cap_own = cap;
    return CAIRN_OK;
}

static cairn_status drain_own(forms_table *t, cairn_error *err)
{
    cairn_status st = CAIRN_OK;

    while (2 * (t->n_own + t->n_queue) > t->cap_own && !st)
        st = grow_own(t, err);
    if (st)
        return st;
    for (size_t i = 0; i < t->n_queue; i++)
        __builtin_prefetch(&t->own[own_place(t->queue[i]) & (t->cap_own - 1)], 1);
    for (size_t i = 0; i < t->n_queue; i++) {
        uint64_t v = t->queue[i], *slot = own_slot(t->own, t->cap_own, v), sum;
        t->n_own += !*slot;
        sum = (*slot & UINT32_MAX) + (v & UINT32_MAX);
        *slot = (v >> 32) << 32 | (sum < UINT32_MAX ? sum : UINT32_MAX);
    }
    t->n_queue = 0;
    return CAIRN_OK;
}

static inline cairn_status add_own(forms_table *t, uint64_t v, cairn_error *err)
{
    t->queue[t->n_queue++] = v;
    return t->n_queue < FORMS_QUEUE ? CAIRN_OK : drain_own(t, err);
}

static inline uint64_t own_value(const char *s, size_t n, uint32_t count)
{
    return hash_bytes(0, s, n) >> 32 << 32 | count;
}

/* The queue must be empty. */
static uint32_t own_count(const forms_table *t, const char *s, size_t n)
{
    return t->cap_own ? (uint32_t)*own_slot(t->own, t->cap_own, own_value(s, n, 0)) : 0;
}

static inline const char *pair_form(const forms_table *t, const forms_pair *p)
{
    return t->texts.data + p->text;
}

/* dst[FORM_MAX] gets the term; returns its bytes. */
static size_t pair_term(const forms_table *t, const forms_pair *p, char dst[FORM_MAX])
{
    size_t kept = (size_t)p->len - p->cut;
    memcpy(dst, pair_form(t, p), kept);
    memcpy(dst + kept, pair_form(t, p) + p->len, p->rest);
    return kept + p->rest;
}

static cairn_status grow_pairs(forms_table *t, cairn_error *err)
{
    size_t cap = t->cap ? t->cap * 2 : 1024, n_slots = cap * 2;
    forms_pair *pairs = checked_realloc(t->pairs, cap, sizeof *pairs);
    uint32_t *slots;

    if (!pairs)
        return no_memory(err);
    t->pairs = pairs;
    slots = checked_malloc(n_slots, sizeof *slots);
    if (!slots)
        return no_memory(err);
    memset(slots, 0, n_slots * sizeof *slots);
    for (size_t i = 0; i < t->n; i++) {
        size_t at = pairs[i].hash & (n_slots - 1);
        while (slots[at])
            at = (at + 1) & (n_slots - 1);
        slots[at] = (uint32_t)i + 1;
    }
    free(t->slots);
    t->slots = slots;
    t->n_slots = n_slots;
    t->cap = cap;
    return CAIRN_OK;
}

cairn_status forms_table_add(void *table, const char *form, size_t form_len, const char *term,
                             size_t term_len, uint32_t count, cairn_error *err)
{
    forms_table *t = table;
    size_t kept = 0, at;
    uint32_t hash;
    forms_pair p;
    cairn_status st = CAIRN_OK;

    if (!count || !form_len || !term_len || form_len > FORM_MAX || term_len > FORM_MAX)
        return CAIRN_OK;
    if (form == term || (form_len == term_len && !memcmp(form, term, term_len)))
        return add_own(t, own_value(form, form_len, count), err);
    while (kept < form_len && kept < term_len && form[kept] == term[kept])
        kept++;
    p = (forms_pair){.len = (uint8_t)form_len,
                     .cut = (uint8_t)(form_len - kept),
                     .rest = (uint8_t)(term_len - kept)};
    hash = (uint32_t)(hash_bytes(hash_bytes(p.cut, form, form_len), term + kept, p.rest) >> 32);
    if (t->n == t->cap && (st = grow_pairs(t, err)))
        return st;
    for (at = hash & (t->n_slots - 1); t->slots[at]; at = (at + 1) & (t->n_slots - 1)) {
        forms_pair *have = &t->pairs[t->slots[at] - 1];
        if (have->hash == hash && have->len == p.len && have->cut == p.cut &&
            have->rest == p.rest && !memcmp(pair_form(t, have), form, form_len) &&
            !memcmp(pair_form(t, have) + p.len, term + kept, p.rest)) {
            have->count = have->count < UINT32_MAX - count ? have->count + count : UINT32_MAX;
            return CAIRN_OK;
        }
    }
    p.text = (uint32_t)t->texts.len;
    p.hash = hash;
    p.count = count;
    if (bytes_append(&t->texts, form, form_len) || bytes_append(&t->texts, term + kept, p.rest))
        return no_memory(err);
    t->pairs[t->n++] = p;
    t->slots[at] = (uint32_t)t->n;
    return CAIRN_OK;
}

cairn_status forms_table_absorb(forms_table *t, forms_table *from, cairn_error *err)
{
    cairn_status st = CAIRN_OK;

    for (size_t i = 0; i < from->n && !st; i++) {
        const forms_pair *p = &from->pairs[i];
        char term[FORM_MAX];
        size_t n = pair_term(from, p, term);
        st = forms_table_add(t, pair_form(from, p), p->len, term, n, p->count, err);
    }
    if (!st)
        st = drain_own(from, err);
    for (size_t i = 0; i < from->cap_own && !st; i++)
        if (from->own[i])
            st = add_own(t, from->own[i], err);
    if (!st)
        forms_table_clear(from);
    return st;
}

/* ---- write ---- */

static int compare(const void *a, size_t n, const void *b, size_t m)
{
    int c = memcmp(a, b, n < m ? n : m);
    return c ? c : (n > m) - (n < m);
}

static int by_term(const void *a, const void *b, void *ctx)
{
    const forms_table *t = ctx;
    const forms_pair *x = &t->pairs[*(const uint32_t *)a], *y = &t->pairs[*(const uint32_t *)b];
    char s[FORM_MAX], u[FORM_MAX];
    return compare(s, pair_term(t, x, s), u, pair_term(t, y, u));
}

static int by_form(const void *a, const void *b, void *ctx)
{
    const forms_table *t = ctx;
    const forms_pair *x = &t->pairs[*(const uint32_t *)a], *y = &t->pairs[*(const uint32_t *)b];
    int c = compare(pair_form(t, x), x->len, pair_form(t, y), y->len);
    return c ? c : by_term(a, b, ctx);
}

cairn_status forms_writer_init(forms_writer *w, forms_table *table, pace *p, cairn_error *err)
{
    cairn_status st = drain_own(table, err);

    *w = (forms_writer){.table = table, .n_pairs = table->n, .pace = p};
    if (st)
        return st;
    bytes_init(&w->listed, SIZE_MAX / 2);
    w->by_term = checked_malloc(table->n + 1, sizeof *w->by_term);
    if (!w->by_term)
        return no_memory(err);
    for (size_t i = 0; i < table->n; i++) {
        w->by_term[i] = (uint32_t)i;
        table->pairs[i].gone = true;
    }
    return pace_sort(w->by_term, table->n, sizeof *w->by_term, by_term, table, p, err);
}

void forms_writer_clear(forms_writer *w)
{
    free(w->by_term);
    w->by_term = NULL;
    bytes_clear(&w->listed);
}

/* The term as a form of its own: a pair that cuts nothing. */
static cairn_status add_itself(forms_table *t, const char *term, size_t len, uint64_t count,
                               cairn_error *err)
{
    forms_pair p = {.text = (uint32_t)t->texts.len,
                    .len = (uint8_t)len,
                    .count = count < UINT32_MAX ? (uint32_t)count : UINT32_MAX};

    if (t->n == t->cap) {
        cairn_status st = grow_pairs(t, err);
        if (st)
            return st;
    }
    if (bytes_append(&t->texts, term, len))
        return no_memory(err);
    t->pairs[t->n++] = p; /* not in slots: nothing is looked up any more */
    return CAIRN_OK;
}

cairn_status forms_writer_term(forms_writer *w, const char *term, size_t len, uint64_t more,
                               cairn_error *err)
{
    forms_table *t = w->table;
    bool listed = false;
    size_t byte = (size_t)(w->n_terms >> 3);
    char s[FORM_MAX];
    cairn_status st = CAIRN_OK;

    if (!(w->n_terms & 7) && bytes_append_byte(&w->listed, 0))
        return no_memory(err);
    while (w->at < w->n_pairs) {
        forms_pair *p = &t->pairs[w->by_term[w->at]];
        int c = compare(s, pair_term(t, p, s), term, len);
        if (c > 0)
            break;
        if (c == 0) {
            p->gone = false;
            listed = true;
        }
        w->at++;
    }
    if (listed) {
        uint64_t count = own_count(t, term, len) + more;
        w->listed.data[byte] |= (char)(1u << (w->n_terms & 7));
        if (count)
            st = add_itself(t, term, len, count, err);
    }
    w->n_terms++;
    return st;
}

static cairn_status append_entry(const forms_table *t, const forms_pair *p, const forms_pair *before,
                                 bytes *out)
{
    uint8_t head[4 * VARINT_MAX_BYTES + 2 * FORM_MAX], *q = head;
    const char *form = pair_form(t, p);
    size_t shared = 0;

    while (before && shared < p->len && shared < before->len &&
           form[shared] == pair_form(t, before)[shared])
        shared++;
    q += varint_encode(q, shared);
    q += varint_encode(q, p->len - shared);
    memcpy(q, form + shared, p->len - shared);
    q += p->len - shared;
    q += varint_encode(q, 4u * p->cut + (p->rest < 3 ? p->rest : 3u));
    if (p->rest >= 3)
        q += varint_encode(q, p->rest - 3u);
    memcpy(q, form + p->len, p->rest);
    q += p->rest;
    q += varint_encode(q, p->count);
    return bytes_append(out, head, (size_t)(q - head));
}

/* The two sections, in memory: forms are a few hundredths of an index. */
static cairn_status build(forms_writer *w, bytes *head, bytes *entries, forms_entry_fn entry,
                          void *ctx, cairn_error *err)
{
    const forms_table *t = w->table;
    const forms_pair *before = NULL;
    uint32_t *order = checked_malloc(t->n + 1, sizeof *order);
    uint64_t n = 0;
    cairn_status st;

    if (!order)
        return no_memory(err);
    for (size_t i = 0; i < t->n; i++)
        if (!t->pairs[i].gone)
            order[n++] = (uint32_t)i;
    st = pace_sort(order, n, sizeof *order, by_form, w->table, w->pace, err);
    if (!st && (bytes_append_u32(head, FORMS_MAGIC) || bytes_append_u32(head, FORMS_VERSION) ||
                bytes_append_u64(head, n) || bytes_append_u64(head, w->n_terms) ||
                (w->listed.len && bytes_append(head, w->listed.data, w->listed.len))))
        st = no_memory(err);
    for (uint64_t i = 0; i < n && !st; i++) {
        const forms_pair *p = &t->pairs[order[i]];
        if (i % FORMS_BLOCK == 0) {
            char first[8] = {0};
            memcpy(first, pair_form(t, p), p->len < 8 ? p->len : 8);
            before = NULL;
            if (bytes_append_u64(head, entries->len) || bytes_append(head, first, 8))
                st = no_memory(err);
        }
        if (!st && append_entry(t, p, before, entries))
            st = no_memory(err);
        if (!st) {
            char term[FORM_MAX];
            size_t len = pair_term(t, p, term);
            st = entry(ctx, pair_form(t, p), p->len, term, len, err);
        }
        if (!st)
            st = pace_work(w->pace, 4, err);
        before = p;
    }
    free(order);
    return st;
}

static cairn_status emit(const section_sink *sink, const char *name, const bytes *b,
                         cairn_error *err)
{
    cairn_status st = sink->begin(sink->ctx, name, err);
    if (!st && b->len)
        st = sink->write(sink->ctx, b->data, b->len, err);
    return st ? st : sink->end(sink->ctx, err);
}

cairn_status forms_writer_emit(forms_writer *w, const section_sink *sink, forms_entry_fn entry,
                               void *ctx, cairn_error *err)
{
    bytes head, entries;
    cairn_status st;

    bytes_init(&head, SIZE_MAX / 2);
    bytes_init(&entries, SIZE_MAX / 2);
    st = build(w, &head, &entries, entry, ctx, err);
    if (!st)
        st = emit(sink, "lex.fidx", &head, err);
    if (!st)
        st = emit(sink, "lex.forms", &entries, err);
    bytes_clear(&head);
    bytes_clear(&entries);
    return st;
}

/* ---- read ---- */

static cairn_status broken(cairn_error *err, const char *section, const char *what)
{
    return cairn_fail(err, CAIRN_ECORRUPT, "%s: %s; rebuild the index", section, what);
}

cairn_status forms_open(forms *f, const uint8_t *head, size_t head_len, const uint8_t *entries,
                        size_t entries_len, uint64_t n_terms, cairn_error *err)
{
    uint64_t listed = n_terms / 8 + (n_terms % 8 != 0), blocks;
    uint32_t version;
    cursor c;

    cursor_init(&c, head, head_len);
    if (cursor_u32(&c) != FORMS_MAGIC)
        return broken(err, "lex.fidx", "not the forms of an index");
    version = cursor_u32(&c);
    if (!c.failed && version != FORMS_VERSION)
        return cairn_fail(err, CAIRN_EUNSUPPORTED,
                          "lex.fidx: format %u, this program reads %u; rebuild the index", version,
                          FORMS_VERSION);
    *f = (forms){.entries = entries, .entries_len = entries_len, .n = cursor_u64(&c)};
    f->n_terms = cursor_u64(&c);
    if (c.failed || f->n_terms != n_terms || f->n > entries_len)
        return broken(err, "lex.fidx", "counts that do not fit");
    blocks = f->n / FORMS_BLOCK + (f->n % FORMS_BLOCK != 0);
    f->listed = cursor_take(&c, listed);
    if (c.failed || cursor_left(&c) / INDEX_BYTES != blocks || cursor_left(&c) % INDEX_BYTES)
        return broken(err, "lex.fidx", "a length that does not fit its counts");
    f->n_blocks = (size_t)blocks;
    f->index = cursor_take(&c, cursor_left(&c));
    return CAIRN_OK;
}

/* Most numbers here are one byte. */
static inline uint64_t next_varint(cursor *c)
{
    if (!c->failed && c->p < c->end && *c->p < 0x80)
        return *c->p++;
    return cursor_varint(c);
}

static uint64_t block_offset(const forms *f, size_t block)
{
    uint64_t v;
    memcpy(&v, f->index + INDEX_BYTES * block, 8);
    return v;
}

/* Stand before block i. */
static void enter_block(forms_iter *it, size_t block)
{
    it->i = (uint64_t)block * FORMS_BLOCK;
    it->form_len = 0;
    cursor_init(&it->c, it->f->entries, it->f->entries_len);
    if (block < it->f->n_blocks)
        cursor_seek(&it->c, block_offset(it->f, block));
}

void forms_iter_enter(forms_iter *it, const forms *f, size_t block)
{
    *it = (forms_iter){.f = f};
    enter_block(it, block);
}

const uint8_t *forms_block_head(const forms *f, size_t block)
{
    return f->index + INDEX_BYTES * block + 8;
}

cairn_status forms_iter_next(forms_iter *it, bool *more, cairn_error *err)
{
    cursor *c = &it->c;
    uint64_t shared, rest, cut;
    const uint8_t *text;

    *more = it->i < it->f->n;
    if (!*more)
        return CAIRN_OK;
    if (it->i % FORMS_BLOCK == 0) {
        it->form_len = 0;
        if (cursor_offset(c) != block_offset(it->f, (size_t)(it->i / FORMS_BLOCK)))
            c->failed = true;
    }
    shared = next_varint(c);
    rest = next_varint(c);
    text = cursor_take(c, rest);
    if (c->failed || shared > it->form_len || rest > FORM_MAX - shared || !(shared + rest))
        return broken(err, "lex.forms", "a broken entry");
    memcpy(it->form + shared, text, (size_t)rest);
    it->shared = (size_t)shared;
    it->form_len = (size_t)(shared + rest);
    cut = next_varint(c);
    rest = cut & 3;
    cut >>= 2;
    if (rest == 3)
        rest += next_varint(c);
    if (c->failed || cut > it->form_len || rest > FORM_MAX - (it->form_len - cut) ||
        !(it->form_len - cut + rest))
        return broken(err, "lex.forms", "a broken term");
    text = cursor_take(c, rest);
    it->count = next_varint(c);
    if (c->failed || !it->count)
        return broken(err, "lex.forms", "a broken count");
    it->term_len = it->form_len - (size_t)cut;
    memcpy(it->term, it->form, it->term_len);
    memcpy(it->term + it->term_len, text, (size_t)rest);
    it->term_len += (size_t)rest;
    it->i++;
    return CAIRN_OK;
}

/* The first eight bytes as a number that sorts like them. */
static uint64_t prefix_of(const void *s, size_t len)
{
    uint64_t v = 0;
    memcpy(&v, s, len < 8 ? len : 8);
    return __builtin_bswap64(v);
}

cairn_status forms_iter_seek(forms_iter *it, const forms *f, const char *from, size_t len,
                             cairn_error *err)
{
    size_t low = 0, high = f->n_blocks;
    uint64_t want = prefix_of(from, len);

    *it = (forms_iter){.f = f};
    /* The last block whose first form begins below `from`: one of the blocks behind may begin with
     * the same eight bytes, so they are walked through. */
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (prefix_of(f->index + INDEX_BYTES * mid + 8, 8) < want)
            low = mid + 1;
        else
            high = mid;
    }
    enter_block(it, low ? low - 1 : 0);
    while (len) {
        forms_iter before = *it;
        bool more;
        cairn_status st = forms_iter_next(it, &more, err);
        if (st)
            return st;
        if (!more || compare(it->form, it->form_len, from, len) >= 0) {
            *it = before;
            break;
        }
    }
    return CAIRN_OK;
}

/* One entry of the walk: its order and its term. */
static cairn_status verify_entry(const forms_iter *before, const forms_iter *it, const dict *d,
                                 uint8_t *seen, cairn_error *err)
{
    int c = before->i ? compare(before->form, before->form_len, it->form, it->form_len) : -1;
    dict_term *t;
    bool found;
    cairn_status st;

    if (c == 0)
        c = compare(before->term, before->term_len, it->term, it->term_len);
    if (c >= 0)
        return broken(err, "lex.forms", "entries out of order");
    if ((it->i - 1) % FORMS_BLOCK == 0 &&
        prefix_of(it->f->index + INDEX_BYTES * ((it->i - 1) / FORMS_BLOCK) + 8, 8) !=
            prefix_of(it->form, it->form_len))
        return broken(err, "lex.fidx", "a block that begins otherwise");
    t = malloc(sizeof *t);
    if (!t)
        return no_memory(err);
    st = dict_find(d, it->term, it->term_len, t, &found, err);
    if (!st && (!found || !forms_listed(it->f, t->ordinal)))
        st = broken(err, "lex.forms", "an entry whose term is not listed");
    if (!st && (it->form_len != it->term_len || memcmp(it->form, it->term, it->form_len)))
        seen[t->ordinal >> 3] |= (uint8_t)(1u << (t->ordinal & 7));
    free(t);
    return st;
}

cairn_status forms_verify(const forms *f, const dict *d, cairn_error *err)
{
    size_t n = (size_t)(f->n_terms / 8 + 1);
    forms_iter it, before;
    uint8_t *seen;
    bool more = true;
    cairn_status st;

    seen = calloc(n, 1);
    if (!seen)
        return no_memory(err);
    st = forms_iter_seek(&it, f, "", 0, err);
    while (!st && more) {
        before = it;
        st = forms_iter_next(&it, &more, err);
        if (!st && more)
            st = verify_entry(&before, &it, d, seen, err);
    }
    if (!st && cursor_left(&it.c))
        st = broken(err, "lex.forms", "bytes behind the last entry");
    if (!st && (f->n_terms % 8 ? f->listed[f->n_terms / 8] >> (f->n_terms % 8) : 0))
        st = broken(err, "lex.fidx", "bits behind the last term");
    if (!st && memcmp(seen, f->listed, (size_t)(f->n_terms / 8 + (f->n_terms % 8 != 0))))
        st = broken(err, "lex.fidx", "a listed term without a form");
    free(seen);
    return st;
}
