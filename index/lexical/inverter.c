/* inverter.c - terms and their postings in memory, before they are written out (inverter_runs.c).
 *
 * Each term has its stream in a pool: slices that double in size, chained by a 4-byte address at
 * their end (16 bytes for the many terms that occur once, 2 KiB for the few that occur everywhere).
 * A row's words are first chained by term in `tokens`, then each of its terms gets one posting.
 *
 * Texts repeat their words, and the analyzer says which of its places a word came from: `memo`
 * keeps the term found for each, so that only the others are hashed and looked up. What a posting
 * needs of its term is kept apart from its text, two terms a cache line.
 */
#include "index/lexical/inverter_state.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/checked.h"
#include "base/varint.h"
#include "index/lexical/taken.h"

#define CHUNK_BITS 17
#define CHUNK      (1u << CHUNK_BITS)
#define NO_TOKEN   UINT32_MAX
#define NO_TERM   UINT32_MAX

static const uint16_t slice_size[] = {16, 24, 48, 96, 192, 384, 768, 1536, 2048};
#define LEVELS (sizeof slice_size / sizeof *slice_size)

static cairn_status no_memory(cairn_error *err)
{
    return cairn_fail(err, CAIRN_ENOMEM, "no memory for a lexical writer");
}

static void forget_places(inverter *v)
{
    memset(v->memo, 0xFF, (ANALYZER_PLACES + 1) * sizeof *v->memo);
}

cairn_status inverter_create(inverter **out, const char *dir, analyzer *a, cairn_error *err)
{
    inverter *v = calloc(1, sizeof *v);
    cairn_status st;

    *out = NULL;
    if (!v)
        return no_memory(err);
    v->dir = dir;
    v->fd = -1;
    bytes_init(&v->texts, UINT32_MAX);
    forms_table_init(&v->forms);
    v->n_slots = 1 << 12;
    v->slots = calloc(v->n_slots, sizeof *v->slots);
    v->memo = checked_malloc(ANALYZER_PLACES + 1, sizeof *v->memo);
    if (v->memo)
        forget_places(v);
    v->analyzer = a;
    v->borrowed = a != NULL;
    st = v->slots && v->memo ? CAIRN_OK : no_memory(err);
    if (!st && !a)
        st = analyzer_create(&v->analyzer, err);
    if (st) {
        inverter_destroy(v);
        return st;
    }
    if (!a)
        analyzer_on_form(v->analyzer, forms_table_add, &v->forms);
    *out = v;
    return CAIRN_OK;
}

/* Give back everything that a run is made of. */
void inverter_free_streams(inverter *v)
{
    for (size_t i = 0; i < v->cap_chunks; i++)
        munmap(v->chunks[i], CHUNK);
    free(v->chunks);
    free(v->terms);
    free(v->places);
    free(v->memo);
    free(v->slots);
    free(v->tokens);
    free(v->found);
    free(v->known);
    free(v->touched);
    bytes_clear(&v->texts);
    v->chunks = NULL;
    v->terms = NULL;
    v->places = NULL;
    v->slots = NULL;
    v->tokens = NULL;
    v->known = NULL;
    v->memo = v->found = v->touched = NULL;
    v->n_chunks = v->cap_chunks = v->n_chunk_slots = 0;
    v->n_terms = v->cap_terms = v->n_slots = 0;
    v->cap_tokens = v->cap_found = v->cap_touched = 0;
}

void inverter_destroy(inverter *v)
{
    if (!v)
        return;
    if (!v->borrowed)
        analyzer_destroy(v->analyzer);
    forms_table_clear(&v->forms);
    inverter_free_streams(v);
    free(v->wanted_slots);
    free(v->run_end);
    if (v->fd >= 0)
        close(v->fd);
    free(v);
}

cairn_status inverter_forms(inverter *v, forms_table *to, cairn_error *err)
{
    cairn_status st = analyzer_flush_forms(v->analyzer, err);
    return st ? st : forms_table_absorb(to, &v->forms, err);
}

void inverter_begin_anew(inverter *v)
{
    v->n_chunks = 0;
    v->chunk_used = 0;
    v->n_terms = 0;
    forget_places(v);
    bytes_reset(&v->texts);
    memset(v->slots, 0, v->n_slots * sizeof *v->slots);
}

bool inverter_broken(const inverter *v)
{
    return v->broken;
}

bool inverter_spilled(const inverter *v)
{
    return v->n_file_runs != 0;
}

uint64_t inverter_postings(const inverter *v)
{
    return v->n_postings;
}

size_t inverter_memory(const inverter *v)
{
    return v->n_chunks * CHUNK + v->texts.len + v->n_terms * (sizeof(term) + sizeof(term_place)) +
           v->n_slots * sizeof *v->slots + v->cap_tokens * sizeof(row_token) +
           (v->cap_found + v->cap_touched + ANALYZER_PLACES) * sizeof(uint32_t);
}

/* ---- slices ---- */

static inline uint8_t *at_address(const inverter *v, uint32_t address)
{
    return v->chunks[address >> CHUNK_BITS] + (address & (CHUNK - 1));
}

/* Begin a chunk, one that an earlier run used where there is one. */
static bool next_chunk(inverter *v)
{
    if ((v->n_chunks + 1) * CHUNK > POOL_MAX)
        return false;
    uint8_t **more = checked_room(v->chunks, v->n_chunks, &v->n_chunk_slots, sizeof *more);
    if (!more)
        return false;
    v->chunks = more;
    if (v->n_chunks == v->cap_chunks) {
        /* Not from malloc, whose arenas keep what a thread gave back. */
        void *chunk = mmap(NULL, CHUNK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (chunk == MAP_FAILED)
            return false;
        v->chunks[v->n_chunks] = chunk;
        v->cap_chunks++;
    }
    v->n_chunks++;
    v->chunk_used = 0;
    return true;
}

/* A new slice of this level. */
static bool new_slice(inverter *v, unsigned level, uint32_t *first, uint32_t *end)
{
    uint32_t size = slice_size[level];

    if ((!v->n_chunks || CHUNK - v->chunk_used < size) && !next_chunk(v))
        return false;
    *first = (uint32_t)((v->n_chunks - 1) << CHUNK_BITS) + v->chunk_used;
    *end = *first + size - 4;
    v->chunk_used += size;
    return true;
}

static bool put_byte(inverter *v, term *t, uint8_t byte)
{
    if (t->at == t->end) {
        uint32_t first, end;
        if (t->level + 1u < LEVELS)
            t->level++;
        if (!new_slice(v, t->level, &first, &end))
            return false;
        memcpy(at_address(v, t->end), &first, 4);
        t->at = first;
        t->end = end;
    }
    *at_address(v, t->at++) = byte;
    return true;
}

static bool put_varint(inverter *v, term *t, uint64_t x)
{
    if (t->end - t->at >= VARINT_MAX_BYTES) {
        uint8_t *p = at_address(v, t->at), *from = p;
        for (; x >= 0x80; x >>= 7)
            *p++ = (uint8_t)(x | 0x80);
        *p++ = (uint8_t)x;
        t->at += (uint32_t)(p - from);
        return true;
    }
    for (; x >= 0x80; x >>= 7)
        if (!put_byte(v, t, (uint8_t)(x | 0x80)))
            return false;
    return put_byte(v, t, (uint8_t)x);
}

/* Append the stream of term i to *out. */
cairn_status inverter_copy_stream(const inverter *v, uint32_t i, bytes *out)
{
    const term *t = &v->terms[i];
    uint32_t at = v->places[i].first;
    cairn_status st = CAIRN_OK;

    for (unsigned level = 0; !st; level += level + 1 < LEVELS) {
        uint32_t end = at + slice_size[level] - 4;
        if (end == t->end)
            return bytes_append(out, at_address(v, at), t->at - at);
        st = bytes_append(out, at_address(v, at), end - at);
        memcpy(&at, at_address(v, end), 4);
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

static bool grow_slots(inverter *v)
{
    size_t n = v->n_slots * 2;
    uint64_t *slots = calloc(n, sizeof *slots);
    if (!slots)
        return false;
    for (size_t i = 0; i < v->n_terms; i++) {
        size_t at = v->terms[i].hash & (n - 1);
        while (slots[at])
            at = (at + 1) & (n - 1);
        slots[at] = (uint64_t)v->terms[i].hash << 32 | (i + 1);
    }
    free(v->slots);
    v->slots = slots;
    v->n_slots = n;
    return true;
}

static bool grow_terms(inverter *v)
{
    size_t cap = v->cap_terms * 2 + 4096;
    term_place *places = checked_realloc(v->places, cap, sizeof *places);
    term *terms;

    if (!places)
        return false;
    v->places = places;
    if (cap > SIZE_MAX / sizeof *terms || !(terms = aligned_alloc(LINE, cap * sizeof *terms)))
        return false;
    if (v->n_terms)
        memcpy(terms, v->terms, v->n_terms * sizeof *terms);
    free(v->terms);
    v->terms = terms;
    v->cap_terms = cap;
    return true;
}

static bool add_term(inverter *v, const analyzer_token *tok, uint32_t hash, size_t slot)
{
    term_place place = {.text = (uint32_t)v->texts.len};
    term t = {.hash = hash, .len = (uint8_t)tok->len, .last_row = UINT32_MAX, .row_head = NO_TOKEN};

    if (v->n_terms == v->cap_terms && !grow_terms(v))
        return false;
    if (bytes_append(&v->texts, tok->term, tok->len) || !new_slice(v, 0, &place.first, &t.end))
        return false;
    t.at = place.first;
    memcpy(t.head, tok->term, tok->len < TERM_HEAD ? tok->len : TERM_HEAD);
    v->places[v->n_terms] = place;
    v->terms[v->n_terms++] = t;
    v->slots[slot] = (uint64_t)hash << 32 | v->n_terms;
    return v->n_terms * 2 <= v->n_slots || grow_slots(v);
}

static inline bool same_text(const inverter *v, uint32_t i, const analyzer_token *tok)
{
    const term *t = &v->terms[i];
    size_t head = tok->len < TERM_HEAD ? tok->len : TERM_HEAD;
    return t->len == tok->len && !memcmp(t->head, tok->term, head) &&
           (head == tok->len || !memcmp(v->texts.data + v->places[i].text, tok->term, tok->len));
}

/* The term of a token; NO_TERM without memory. */
static uint32_t find_term(inverter *v, const analyzer_token *tok, uint32_t hash)
{
    size_t slot = hash & (v->n_slots - 1);
    uint64_t x;

    while ((x = v->slots[slot])) {
        uint32_t i = (uint32_t)x - 1;
        if (x >> 32 == hash && same_text(v, i, tok))
            return i;
        slot = (slot + 1) & (v->n_slots - 1);
    }
    return add_term(v, tok, hash, slot) ? (uint32_t)v->n_terms - 1 : NO_TERM;
}

/* ---- the wanted ones ---- */

cairn_status inverter_want(inverter *v, const char *const *terms, size_t n, cairn_error *err)
{
    size_t n_slots = 16;

    while (n_slots < 2 * n)
        n_slots *= 2;
    v->wanted_slots = calloc(n_slots, sizeof *v->wanted_slots);
    if (!v->wanted_slots)
        return no_memory(err);
    v->chooses = true;
    v->wanted = terms;
    v->n_wanted = n;
    v->n_wanted_slots = n_slots;
    for (size_t i = 0; i < n; i++) {
        size_t at = hash_term(terms[i], strlen(terms[i])) & (n_slots - 1);
        while (v->wanted_slots[at])
            at = (at + 1) & (n_slots - 1);
        v->wanted_slots[at] = (uint32_t)i + 1;
    }
    analyzer_on_form(v->analyzer, NULL, NULL);
    return CAIRN_OK;
}

static bool is_wanted(const inverter *v, const analyzer_token *tok, uint32_t hash)
{
    for (size_t at = hash & (v->n_wanted_slots - 1); v->wanted_slots[at]; at = (at + 1) & (v->n_wanted_slots - 1)) {
        const char *term = v->wanted[v->wanted_slots[at] - 1];
        if (strlen(term) == tok->len && !memcmp(term, tok->term, tok->len))
            return true;
    }
    return false;
}

/* Find what is known of all tokens and ask for the memory they will need: the table of terms is
 * larger than the caches, so its misses are taken together. */
static bool prepare(inverter *v, const analyzer_token *tokens, size_t n)
{
    size_t mask = v->n_slots - 1;

    if (n > v->cap_found) {
        uint32_t *found = checked_realloc(v->found, n * 2, sizeof *found);
        bool *known;
        if (!found)
            return false;
        v->found = found;
        known = checked_realloc(v->known, n * 2, sizeof *known);
        if (!known)
            return false;
        v->known = known;
        v->cap_found = n * 2;
    }
    for (size_t i = 0; i < n; i++) {
        uint32_t *memo = &v->memo[tokens[i].place];
        if (tokens[i].fresh)
            *memo = NO_TERM; /* also for the tokens behind: take_token finds theirs, in order */
        v->known[i] = *memo != NO_TERM;
        if (v->known[i]) {
            v->found[i] = *memo;
            __builtin_prefetch(&v->terms[*memo], 1);
        } else {
            v->found[i] = hash_term(tokens[i].term, tokens[i].len);
            __builtin_prefetch(&v->slots[v->found[i] & mask]);
        }
    }
    for (size_t i = 0; i < n; i++) {
        uint64_t x = v->known[i] ? 0 : v->slots[v->found[i] & mask];
        if (x)
            __builtin_prefetch(&v->terms[(uint32_t)x - 1], 1);
    }
    return true;
}

/* ---- rows ---- */

/* Chain one word to its term. */
static inline bool add_token(inverter *v, const analyzer_token *tok, uint32_t i, unsigned field)
{
    uint32_t n = (uint32_t)v->n_tokens;
    term *t = &v->terms[i];

    if (tok->extra && t->row_head != NO_TOKEN && v->tokens[t->row_tail].field == field &&
        v->tokens[t->row_tail].position == tok->position)
        return true; /* fooFoo: once at its place */
    row_token *more = checked_room(v->tokens, v->n_tokens, &v->cap_tokens, sizeof *more);
    if (!more)
        return false;
    v->tokens = more;
    v->tokens[v->n_tokens++] = (row_token){tok->position, NO_TOKEN, (uint8_t)field};
    if (t->row_head != NO_TOKEN) {
        v->tokens[t->row_tail].next = n;
        t->row_tail = n;
        return true;
    }
    uint32_t *touched = checked_room(v->touched, v->n_touched, &v->cap_touched, sizeof *touched);
    if (!touched)
        return false;
    v->touched = touched;
    t->row_head = t->row_tail = n;
    v->touched[v->n_touched++] = i;
    return true;
}

/* Take the k-th token of a field whose tokens were prepared. */
static inline bool take_token(inverter *v, const analyzer_token *tok, size_t k, unsigned field)
{
    uint32_t i = v->found[k];

    if (!v->known[k]) {
        i = tok->guess ? NO_TERM : find_term(v, tok, i);
        if (tok->place)
            v->memo[tok->place] = i;
        if (i == NO_TERM)
            return tok->guess;
    }
    return tok->guess || add_token(v, tok, i, field);
}

/* A word that is once in the body and nowhere else, as most are. */
static inline bool add_once(inverter *v, term *t, uint32_t gap, uint32_t position)
{
    uint32_t room = t->end - t->at;
    uint8_t *p = at_address(v, t->at);

    if (gap < 0x40 && position < 0x80 && room >= 2) {
        p[0] = (uint8_t)(gap << 1 | 1);
        p[1] = (uint8_t)position;
        t->at += 2;
        return true;
    }
    if (gap < 0x2000 && position < 0x80 && room >= 3) {
        p[0] = (uint8_t)(gap << 1 | 0x81);
        p[1] = (uint8_t)(gap >> 6);
        p[2] = (uint8_t)position;
        t->at += 3;
        return true;
    }
    return put_varint(v, t, (uint64_t)gap << 1 | 1) && put_varint(v, t, position);
}

/* Write the posting of a term in this row. */
static bool add_posting(inverter *v, term *t, uint32_t row)
{
    const row_token *head = &v->tokens[t->row_head];
    uint32_t tf[LEXICAL_FIELDS] = {0}, left[LEXICAL_FIELDS], before = 0;
    uint64_t gap = row - t->last_row; /* from UINT32_MAX: row + 1 */
    unsigned fields = 0, field = 0;

    gap &= UINT32_MAX;
    if (head->next == NO_TOKEN && head->field == LEXICAL_BODY) {
        t->last_row = row;
        t->row_head = NO_TOKEN;
        return add_once(v, t, (uint32_t)gap, head->position);
    }
    for (uint32_t i = t->row_head; i != NO_TOKEN; i = v->tokens[i].next) {
        unsigned f = v->tokens[i].field;
        fields |= 1u << f;
        tf[f] += tf[f] < TF_MAX;
    }
    if (!put_varint(v, t, gap << 1) || !put_byte(v, t, (uint8_t)fields))
        return false;
    for (unsigned f = 0; f < LEXICAL_FIELDS; f++)
        if (tf[f] && !put_varint(v, t, tf[f]))
            return false;
    memcpy(left, tf, sizeof left);
    for (uint32_t i = t->row_head; i != NO_TOKEN; i = v->tokens[i].next) {
        const row_token *k = &v->tokens[i];
        if (k->field != field)
            before = 0;
        field = k->field;
        if (!left[field])
            continue;
        left[field]--;
        if (!put_varint(v, t, k->position - before))
            return false;
        before = k->position;
    }
    t->last_row = row;
    t->row_head = NO_TOKEN;
    return true;
}

/* The wanted terms of a row that was taken apart before. */
static bool add_taken(inverter *v, const lexical_taken *t, row_length *length)
{
    bool fine = true;

    memcpy(length->words, t->words, sizeof length->words);
    for (size_t i = 0; i < v->n_wanted && fine; i++) {
        analyzer_token tok = {.term = v->wanted[i], .len = (uint32_t)strlen(v->wanted[i])};
        size_t n;
        const uint32_t *places = lexical_taken_find(t, tok.term, tok.len, &n);
        uint32_t found = n ? find_term(v, &tok, hash_term(tok.term, tok.len)) : NO_TERM;
        fine = !n || found != NO_TERM;
        for (size_t k = 0; k < n && fine; k++) {
            tok.position = TAKEN_POSITION(places[k]);
            fine = add_token(v, &tok, found, TAKEN_FIELD(places[k]));
        }
    }
    return fine;
}

cairn_status inverter_add(inverter *v, const lexical_doc *doc, uint32_t row, row_length *length,
                          cairn_error *err)
{
    bool fine = true, taken = doc->taken && v->chooses;

    if (v->broken)
        return cairn_fail(err, CAIRN_EUSAGE, "this lexical writer failed before");
    *length = (row_length){0};
    v->n_tokens = v->n_touched = 0;
    if (taken)
        fine = add_taken(v, doc->taken, length);
    for (unsigned f = 0; f < LEXICAL_FIELDS && fine; f++) {
        const analyzer_token *tokens;
        size_t n;
        cairn_status st;
        if (taken || !doc->field[f].len)
            continue;
        st = analyzer_run(v->analyzer, doc->lang ? doc->lang : "", doc->field[f].text,
                          doc->field[f].len, &tokens, &n, err);
        if (st) {
            v->broken = v->n_touched != 0;
            forget_places(v); /* it may have put words there that were not seen here */
            return st;
        }
        fine = prepare(v, tokens, n);
        for (size_t i = 0; i < n && fine; i++) {
            if (!v->chooses || v->known[i] || is_wanted(v, &tokens[i], v->found[i]))
                fine = take_token(v, &tokens[i], i, f);
            /* Parts stand at the place of their word and don't make a text longer. A merge counts in
             * the same way, from positions. */
            if (!tokens[i].guess)
                length->words[f] = tokens[i].position + 1;
        }
    }
    for (size_t i = 0; i < v->n_touched && fine; i++) {
        if (i + 8 < v->n_touched) {
            const term *soon = &v->terms[v->touched[i + 8]];
            __builtin_prefetch(at_address(v, soon->at), 1);
        }
        fine = add_posting(v, &v->terms[v->touched[i]], row);
    }
    if (!fine) {
        v->broken = true;
        return cairn_fail(err, CAIRN_ENOMEM, "no memory for row %u of a lexical segment", row);
    }
    v->n_postings += v->n_touched;
    return CAIRN_OK;
}
