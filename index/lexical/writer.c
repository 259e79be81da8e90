/* writer.c - collect terms in memory, then write the sections.
 *
 * Each term has a stream of bytes in a pool: slices that double in size, chained by a 4-byte
 * address at their end (16 bytes for the many terms that occur once, 2 KiB for the few that occur
 * everywhere). A row's words are first chained by term in `tokens`, then each of its terms gets one
 * posting:
 *
 *   varint  2 * (row - row before) + simple     simple: once in the body, nowhere else
 *   byte    bit per field, then a varint frequency for each of them (unless simple)
 *   varints positions, field by field, as gaps
 *
 * finish() sorts the terms and runs every stream through the list encoder. */
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "base/varint.h"
#include "index/lexical/output.h"

#define CHUNK_BITS 20
#define CHUNK      (1u << CHUNK_BITS)
#define POOL_MAX   ((size_t)3 << 30)
#define NO_TOKEN   UINT32_MAX

#define TERM_HEAD 26

typedef struct term {
    uint32_t text; /* offset in texts */
    uint32_t hash;
    uint32_t first;              /* address of the first slice */
    uint32_t at, end;            /* where the next byte goes; end = address of the slice's link */
    uint32_t last_row;           /* of the last posting; UINT32_MAX before the first */
    uint32_t row_head, row_tail; /* this row's tokens, while it is being added */
    uint8_t len, level;
    char head[TERM_HEAD]; /* the first bytes again, to compare without another cache miss */
} term;

typedef struct row_token {
    uint32_t position, next;
    uint8_t field;
} row_token;

struct lexical_writer {
    analyzer *analyzer;
    size_t budget;
    uint8_t **chunks;
    size_t n_chunks, cap_chunks;
    uint32_t chunk_used; /* of the last chunk */
    bytes texts;
    term *terms;
    size_t n_terms, cap_terms;
    uint64_t *slots; /* hash above, term + 1 below, 0 = empty; a power of two, at most half full */
    size_t n_slots;
    row_token *tokens;
    size_t n_tokens, cap_tokens;
    uint32_t *hashes; /* of the tokens of one field */
    size_t cap_hashes;
    uint32_t *touched; /* terms of this row */
    size_t n_touched, cap_touched;
    bytes rows; /* LEXICAL_FIELDS + 1 bytes a row */
    lexical_meta meta;
    bool broken;
};

static const uint16_t slice_size[] = {16, 24, 48, 96, 192, 384, 768, 1536, 2048};
#define LEVELS (sizeof slice_size / sizeof *slice_size)

cairn_status lexical_writer_create(lexical_writer **out, const lexical_writer_options *options,
                                   cairn_error *err)
{
    lexical_writer *w = calloc(1, sizeof *w);
    lexical_params p;
    cairn_status st;

    *out = NULL;
    if (!w)
        return cairn_fail(err, CAIRN_ENOMEM, "no memory for a lexical writer");
    w->budget = options && options->memory_budget ? options->memory_budget : (size_t)256 << 20;
    bytes_init(&w->texts, UINT32_MAX);
    bytes_init(&w->rows, SIZE_MAX / 2);
    lexical_params_default(&p);
    memcpy(w->meta.weight, p.weight, sizeof p.weight);
    memcpy(w->meta.b, p.b, sizeof p.b);
    w->n_slots = 1 << 12;
    w->slots = calloc(w->n_slots, sizeof *w->slots);
    st = w->slots ? analyzer_create(&w->analyzer, err)
                  : cairn_fail(err, CAIRN_ENOMEM, "no memory for a lexical writer");
    if (st) {
        lexical_writer_destroy(w);
        return st;
    }
    *out = w;
    return CAIRN_OK;
}

void lexical_writer_destroy(lexical_writer *w)
{
    if (!w)
        return;
    analyzer_destroy(w->analyzer);
    for (size_t i = 0; i < w->n_chunks; i++)
        free(w->chunks[i]);
    free(w->chunks);
    free(w->terms);
    free(w->slots);
    free(w->tokens);
    free(w->hashes);
    free(w->touched);
    bytes_clear(&w->texts);
    bytes_clear(&w->rows);
    free(w);
}

uint32_t lexical_writer_rows(const lexical_writer *w)
{
    return w->meta.n_rows;
}

size_t lexical_writer_memory(const lexical_writer *w)
{
    return w->n_chunks * CHUNK + w->texts.cap + w->cap_terms * sizeof(term) +
           w->n_slots * sizeof *w->slots + w->rows.cap + w->cap_tokens * sizeof(row_token) +
           (w->cap_hashes + w->cap_touched) * sizeof(uint32_t);
}

bool lexical_writer_full(const lexical_writer *w)
{
    return lexical_writer_memory(w) >= w->budget || w->meta.n_rows >= ROWS_MAX;
}

/* ---- slices ---- */

static inline uint8_t *at_address(const lexical_writer *w, uint32_t address)
{
    return w->chunks[address >> CHUNK_BITS] + (address & (CHUNK - 1));
}

/* A new slice of this level. */
static bool new_slice(lexical_writer *w, unsigned level, uint32_t *first, uint32_t *end)
{
    uint32_t size = slice_size[level];

    if (!w->n_chunks || CHUNK - w->chunk_used < size) {
        if (w->n_chunks == w->cap_chunks) {
            size_t cap = w->cap_chunks * 2 + 16;
            uint8_t **more = checked_realloc(w->chunks, cap, sizeof *more);
            if (!more)
                return false;
            w->chunks = more;
            w->cap_chunks = cap;
        }
        if ((w->n_chunks + 1) * CHUNK > POOL_MAX)
            return false;
        w->chunks[w->n_chunks] = malloc(CHUNK);
        if (!w->chunks[w->n_chunks])
            return false;
        w->n_chunks++;
        w->chunk_used = 0;
    }
    *first = (uint32_t)((w->n_chunks - 1) << CHUNK_BITS) + w->chunk_used;
    *end = *first + size - 4;
    w->chunk_used += size;
    return true;
}

static bool put_byte(lexical_writer *w, term *t, uint8_t v)
{
    if (t->at == t->end) {
        uint32_t first, end;
        if (t->level + 1u < LEVELS)
            t->level++;
        if (!new_slice(w, t->level, &first, &end))
            return false;
        memcpy(at_address(w, t->end), &first, 4);
        t->at = first;
        t->end = end;
    }
    *at_address(w, t->at++) = v;
    return true;
}

static bool put_varint(lexical_writer *w, term *t, uint64_t v)
{
    if (t->end - t->at >= VARINT_MAX_BYTES) {
        uint8_t *p = at_address(w, t->at), *from = p;
        for (; v >= 0x80; v >>= 7)
            *p++ = (uint8_t)(v | 0x80);
        *p++ = (uint8_t)v;
        t->at += (uint32_t)(p - from);
        return true;
    }
    for (; v >= 0x80; v >>= 7)
        if (!put_byte(w, t, (uint8_t)(v | 0x80)))
            return false;
    return put_byte(w, t, (uint8_t)v);
}

/* Copy a term's stream out. */
static cairn_status read_stream(const lexical_writer *w, const term *t, bytes *out)
{
    uint32_t at = t->first;
    cairn_status st = CAIRN_OK;

    bytes_reset(out);
    for (unsigned level = 0; !st; level += level + 1 < LEVELS) {
        uint32_t end = at + slice_size[level] - 4;
        if (end == t->end)
            return bytes_append(out, at_address(w, at), t->at - at);
        st = bytes_append(out, at_address(w, at), end - at);
        memcpy(&at, at_address(w, end), 4);
    }
    return st;
}

/* ---- terms ---- */

static uint32_t hash_term(const char *s, size_t n)
{
    uint64_t h = n * 0x9E3779B97F4A7C15u;
    uint64_t v;
    for (; n >= 8; s += 8, n -= 8) {
        memcpy(&v, s, 8);
        h = (h ^ v) * 0xFF51AFD7ED558CCDu;
        h ^= h >> 32;
    }
    v = 0;
    memcpy(&v, s, n);
    h = (h ^ v) * 0xFF51AFD7ED558CCDu;
    h ^= h >> 29;
    return (uint32_t)(h * 0xC4CEB9FE1A85EC53u >> 32);
}

static bool grow_slots(lexical_writer *w)
{
    size_t n = w->n_slots * 2;
    uint64_t *slots = calloc(n, sizeof *slots);
    if (!slots)
        return false;
    for (size_t i = 0; i < w->n_terms; i++) {
        size_t at = w->terms[i].hash & (n - 1);
        while (slots[at])
            at = (at + 1) & (n - 1);
        slots[at] = (uint64_t)w->terms[i].hash << 32 | (i + 1);
    }
    free(w->slots);
    w->slots = slots;
    w->n_slots = n;
    return true;
}

static bool add_term(lexical_writer *w, const analyzer_token *tok, uint32_t hash, size_t slot)
{
    term t = {.text = (uint32_t)w->texts.len,
              .hash = hash,
              .len = (uint8_t)tok->len,
              .last_row = UINT32_MAX,
              .row_head = NO_TOKEN};

    if (w->n_terms == w->cap_terms) {
        size_t cap = w->cap_terms * 2 + 4096;
        term *more = checked_realloc(w->terms, cap, sizeof *more);
        if (!more)
            return false;
        w->terms = more;
        w->cap_terms = cap;
    }
    if (bytes_append(&w->texts, tok->term, tok->len) || !new_slice(w, 0, &t.first, &t.end))
        return false;
    t.at = t.first;
    memcpy(t.head, tok->term, tok->len < TERM_HEAD ? tok->len : TERM_HEAD);
    w->terms[w->n_terms++] = t;
    w->slots[slot] = (uint64_t)hash << 32 | w->n_terms;
    return w->n_terms * 2 <= w->n_slots || grow_slots(w);
}

static inline bool same_text(const lexical_writer *w, const term *t, const analyzer_token *tok)
{
    size_t head = tok->len < TERM_HEAD ? tok->len : TERM_HEAD;
    if (t->len != tok->len)
        return false;
    for (size_t i = 0; i < head; i++) /* short: cheaper than a call */
        if (t->head[i] != tok->term[i])
            return false;
    return head == tok->len || !memcmp(w->texts.data + t->text, tok->term, tok->len);
}

/* The term of a token; UINT32_MAX without memory. */
static uint32_t find_term(lexical_writer *w, const analyzer_token *tok, uint32_t hash)
{
    size_t slot = hash & (w->n_slots - 1);
    uint64_t v;

    while ((v = w->slots[slot])) {
        uint32_t i = (uint32_t)v - 1;
        if (v >> 32 == hash && same_text(w, &w->terms[i], tok))
            return i;
        slot = (slot + 1) & (w->n_slots - 1);
    }
    return add_term(w, tok, hash, slot) ? (uint32_t)w->n_terms - 1 : UINT32_MAX;
}

/* Hash all tokens and ask for the memory they will need: the table of terms is larger than the
 * caches, so its misses are taken together. */
static bool prepare(lexical_writer *w, const analyzer_token *tokens, size_t n)
{
    size_t mask = w->n_slots - 1;

    if (n > w->cap_hashes) {
        uint32_t *more = checked_realloc(w->hashes, n * 2, sizeof *more);
        if (!more)
            return false;
        w->hashes = more;
        w->cap_hashes = n * 2;
    }
    for (size_t i = 0; i < n; i++) {
        w->hashes[i] = hash_term(tokens[i].term, tokens[i].len);
        __builtin_prefetch(&w->slots[w->hashes[i] & mask]);
    }
    for (size_t i = 0; i < n; i++) {
        uint64_t v = w->slots[w->hashes[i] & mask];
        if (v)
            __builtin_prefetch(&w->terms[(uint32_t)v - 1]);
    }
    return true;
}

/* ---- rows ---- */

/* Chain one word to its term. */
static bool add_token(lexical_writer *w, const analyzer_token *tok, uint32_t hash, unsigned field)
{
    uint32_t i = find_term(w, tok, hash), n = (uint32_t)w->n_tokens;
    term *t;

    if (i == UINT32_MAX)
        return false;
    t = &w->terms[i];
    if (w->n_tokens == w->cap_tokens) {
        size_t cap = w->cap_tokens * 2 + 1024;
        row_token *more = checked_realloc(w->tokens, cap, sizeof *more);
        if (!more)
            return false;
        w->tokens = more;
        w->cap_tokens = cap;
    }
    w->tokens[w->n_tokens++] = (row_token){tok->position, NO_TOKEN, (uint8_t)field};
    if (t->row_head != NO_TOKEN) {
        w->tokens[t->row_tail].next = n;
        t->row_tail = n;
        return true;
    }
    if (w->n_touched == w->cap_touched) {
        size_t cap = w->cap_touched * 2 + 1024;
        uint32_t *more = checked_realloc(w->touched, cap, sizeof *more);
        if (!more)
            return false;
        w->touched = more;
        w->cap_touched = cap;
    }
    t->row_head = t->row_tail = n;
    w->touched[w->n_touched++] = i;
    return true;
}

/* Write the posting of a term in this row. */
static bool add_posting(lexical_writer *w, term *t, uint32_t row)
{
    uint32_t tf[LEXICAL_FIELDS] = {0}, left[LEXICAL_FIELDS], before = 0;
    uint64_t gap = row - t->last_row; /* from UINT32_MAX: row + 1 */
    unsigned fields = 0, field = 0;

    gap &= UINT32_MAX;
    for (uint32_t i = t->row_head; i != NO_TOKEN; i = w->tokens[i].next) {
        unsigned f = w->tokens[i].field;
        fields |= 1u << f;
        tf[f] += tf[f] < TF_MAX;
    }
    if (fields == 1u << LEXICAL_BODY && tf[LEXICAL_BODY] == 1) {
        if (!put_varint(w, t, gap << 1 | 1))
            return false;
    } else {
        if (!put_varint(w, t, gap << 1) || !put_byte(w, t, (uint8_t)fields))
            return false;
        for (unsigned f = 0; f < LEXICAL_FIELDS; f++)
            if (tf[f] && !put_varint(w, t, tf[f]))
                return false;
    }
    memcpy(left, tf, sizeof left);
    for (uint32_t i = t->row_head; i != NO_TOKEN; i = w->tokens[i].next) {
        const row_token *k = &w->tokens[i];
        if (k->field != field)
            before = 0;
        field = k->field;
        if (!left[field])
            continue;
        left[field]--;
        if (!put_varint(w, t, k->position - before))
            return false;
        before = k->position;
    }
    t->last_row = row;
    t->row_head = NO_TOKEN;
    return true;
}

/* Index of a language in the segment's list; the 255th and later count as unknown. */
static uint8_t language_index(lexical_writer *w, const char *lang)
{
    lexical_lang *l = w->meta.langs;
    char code[4] = {0};

    for (size_t i = 0; lang && i < 3 && lang[i] && lang[i] != '-' && lang[i] != '_'; i++)
        code[i] = (char)(lang[i] >= 'A' && lang[i] <= 'Z' ? lang[i] | 0x20 : lang[i]);
    for (size_t i = 0; i < w->meta.n_langs; i++)
        if (!memcmp(l[i].code, code, 4))
            return (uint8_t)i;
    if (w->meta.n_langs == LANGS_MAX)
        return 0;
    memcpy(l[w->meta.n_langs].code, code, 4);
    return (uint8_t)w->meta.n_langs++;
}

cairn_status lexical_writer_add(lexical_writer *w, const lexical_doc *doc, uint32_t *row_out,
                                cairn_error *err)
{
    uint8_t row_bytes[LEXICAL_FIELDS + 1];
    uint32_t row = w->meta.n_rows;
    uint64_t length[LEXICAL_FIELDS] = {0};
    bool fine = true;

    if (w->broken)
        return cairn_fail(err, CAIRN_EUSAGE, "this lexical writer failed before");
    if (row >= ROWS_MAX)
        return cairn_fail(err, CAIRN_ELIMIT, "a segment holds at most %u rows", ROWS_MAX);
    w->n_tokens = w->n_touched = 0;
    for (unsigned f = 0; f < LEXICAL_FIELDS && fine; f++) {
        const analyzer_token *tokens;
        size_t n;
        cairn_status st;
        if (!doc->field[f].len)
            continue;
        st = analyzer_run(w->analyzer, doc->lang ? doc->lang : "", doc->field[f].text,
                          doc->field[f].len, &tokens, &n, err);
        if (st) {
            w->broken = w->n_touched != 0;
            return st;
        }
        fine = prepare(w, tokens, n);
        for (size_t i = 0; i < n && fine; i++)
            fine = add_token(w, &tokens[i], w->hashes[i], f);
        length[f] = n;
    }
    for (size_t i = 0; i < w->n_touched && fine; i++) {
        if (i + 8 < w->n_touched) {
            const term *soon = &w->terms[w->touched[i + 8]];
            __builtin_prefetch(at_address(w, soon->at), 1);
        }
        fine = add_posting(w, &w->terms[w->touched[i]], row);
    }
    for (unsigned f = 0; f < LEXICAL_FIELDS; f++)
        row_bytes[f] = length_code((uint32_t)length[f]);
    row_bytes[LEXICAL_FIELDS] = language_index(w, doc->lang);
    fine = fine && !bytes_append(&w->rows, row_bytes, sizeof row_bytes);
    if (!fine) {
        w->broken = true;
        return cairn_fail(err, CAIRN_ENOMEM, "no memory for row %u of a lexical segment", row);
    }
    w->meta.langs[row_bytes[LEXICAL_FIELDS]].rows++;
    for (unsigned f = 0; f < LEXICAL_FIELDS; f++)
        w->meta.total[f] += length[f];
    w->meta.n_postings += w->n_touched;
    w->meta.n_rows++;
    if (row_out)
        *row_out = row;
    return CAIRN_OK;
}

/* ---- finish ---- */

typedef struct sort_key {
    uint64_t prefix; /* first eight bytes, big-endian */
    uint32_t term;
} sort_key;

static int by_text(const void *a, const void *b, void *ctx)
{
    const lexical_writer *w = ctx;
    const sort_key *x = a, *y = b;
    const term *s, *t;
    int c;

    if (x->prefix != y->prefix)
        return x->prefix < y->prefix ? -1 : 1;
    s = &w->terms[x->term];
    t = &w->terms[y->term];
    c = memcmp(w->texts.data + s->text, w->texts.data + t->text, s->len < t->len ? s->len : t->len);
    return c ? c : (s->len > t->len) - (s->len < t->len);
}

static sort_key *sorted_terms(lexical_writer *w)
{
    sort_key *keys = checked_malloc(w->n_terms, sizeof *keys);
    if (!keys)
        return NULL;
    for (size_t i = 0; i < w->n_terms; i++) {
        const term *t = &w->terms[i];
        const uint8_t *s = (const uint8_t *)w->texts.data + t->text;
        uint64_t prefix = 0;
        for (unsigned j = 0; j < 8; j++)
            prefix = prefix << 8 | (j < t->len ? s[j] : 0);
        keys[i] = (sort_key){prefix, (uint32_t)i};
    }
    qsort_r(keys, w->n_terms, sizeof *keys, by_text, w);
    return keys;
}

/* Run one stream through the encoder. Its bytes are our own, so they are only asserted. */
static cairn_status encode_stream(const bytes *stream, list_encoder *e, uint32_t **positions,
                                  size_t *cap, list_size *size, cairn_error *err)
{
    const uint8_t *p = (const uint8_t *)stream->data, *end = p + stream->len;
    uint32_t row = UINT32_MAX;
    cairn_status st = CAIRN_OK;

    list_begin(e);
    while (p < end && !st) {
        uint32_t tf[LEXICAL_FIELDS] = {0};
        size_t total = 1, n = 0;
        uint64_t v;
        p += varint_decode(p, end, &v);
        row += (uint32_t)(v >> 1);
        if (v & 1) {
            tf[LEXICAL_BODY] = 1;
        } else {
            unsigned fields = *p++;
            total = 0;
            for (unsigned f = 0; f < LEXICAL_FIELDS; f++) {
                if (!(fields >> f & 1))
                    continue;
                p += varint_decode(p, end, &v);
                tf[f] = (uint32_t)v;
                total += tf[f];
            }
        }
        if (total > *cap) {
            uint32_t *more = checked_realloc(*positions, total * 2, sizeof *more);
            if (!more)
                return cairn_fail(err, CAIRN_ENOMEM, "no memory for positions");
            *positions = more;
            *cap = total * 2;
        }
        for (unsigned f = 0; f < LEXICAL_FIELDS; f++) {
            uint32_t before = 0;
            for (uint32_t i = 0; i < tf[f]; i++) {
                p += varint_decode(p, end, &v);
                before += (uint32_t)v;
                (*positions)[n++] = before;
            }
        }
        st = list_add(e, row, tf, *positions, err);
    }
    return st ? st : list_end(e, size, err);
}

cairn_status lexical_writer_finish(lexical_writer *w, const section_sink *sink, cairn_error *err)
{
    index_output out;
    bytes stream;
    sort_key *keys = NULL;
    uint8_t *columns = NULL;
    uint32_t *positions = NULL;
    size_t cap = 0, n = w->meta.n_rows;
    cairn_status st = CAIRN_OK;

    if (w->broken)
        return cairn_fail(err, CAIRN_EUSAGE, "this lexical writer failed or finished before");
    w->broken = true;
    index_output_init(&out);
    bytes_init(&stream, POOL_MAX);
    columns = checked_malloc(n + 1, LEXICAL_FIELDS + 1);
    keys = sorted_terms(w);
    if (!columns || !keys) {
        st = cairn_fail(err, CAIRN_ENOMEM, "no memory to finish a lexical segment");
        goto done;
    }
    for (size_t i = 0; i < n; i++)
        for (size_t f = 0; f <= LEXICAL_FIELDS; f++)
            columns[f * n + i] = (uint8_t)w->rows.data[i * (LEXICAL_FIELDS + 1) + f];
    st = index_output_begin(&out, &w->meta, columns, err);
    for (size_t i = 0; i < w->n_terms && !st; i++) {
        const term *t = &w->terms[keys[i].term];
        list_size size;
        st = read_stream(w, t, &stream);
        if (st) {
            cairn_fail(err, st, "no memory for a posting list");
            break;
        }
        st = encode_stream(&stream, &out.lists, &positions, &cap, &size, err);
        if (!st)
            st = dict_writer_add(&out.dict, w->texts.data + t->text, t->len, &size, err);
    }
    if (!st)
        st = index_output_emit(&out, &w->meta, columns, sink, err);
done:
    free(keys);
    free(columns);
    free(positions);
    bytes_clear(&stream);
    index_output_clear(&out);
    return st;
}
