/* bpe.c - byte-level byte pair encoding (GPT-2; Sennrich et al., arXiv:1508.07909).
 *
 * A word of bytes starts as one symbol a byte; of all neighbours that have a merge the one of the
 * lowest rank, leftmost first, becomes one symbol, until none is left. Files spell bytes in a
 * printable alphabet (0x20 is U+0120); here everything is turned back to bytes once, at load.
 *
 * Symbols are token ids, so a merge is one probe of a table from a pair of ids to (rank, id): no
 * strings are touched while merging. Bytes that have no token get ids behind the vocabulary; they
 * take part and then vanish, as they do in the reference. A merge whose result is no token is not
 * applied.
 *
 * Short words scan for the lowest rank; longer ones keep a heap, so that a hostile "word" of a
 * megabyte costs n log n. A word that is a token, and which merging gives back as that token,
 * needs no merging at all: what is known of a token is remembered (`whole`, one byte a token,
 * written at most once with one value, hence safe between threads as relaxed atomics).
 *
 * Loading is measured: 151,936 tokens and 151,387 merges must stay below 50 ms of CPU. */
#include <inttypes.h>
#include <stdlib.h>
#include <unicode/unorm2.h>
#include <unicode/ustring.h>

#include "base/checked.h"
#include "base/utf8.h"
#include "generate/tokenize/model.h"
#include "generate/tokenize/pretokenize.h"

#define NO_SYMBOL UINT32_MAX
#define SHORT_WORD 24
#define MAX_MERGE 4096

typedef struct merge {
    uint32_t left, right; /* left NO_SYMBOL: free slot */
    uint32_t rank, to;
} merge;

enum { WHOLE_UNKNOWN = 0, WHOLE_YES = 1, WHOLE_NO = 2 };

struct bpe {
    const pretokenizer *pre;
    const UNormalizer2 *nfc; /* a text is brought to NFC first, or NULL; ICU's own */
    char *raw;         /* the bytes of all symbols, one after the other */
    uint32_t *raw_at;  /* [n_symbols + 1] */
    size_t n_symbols;  /* the vocabulary, then bytes without a token */
    piece_table table; /* symbols by their bytes */
    uint32_t byte_symbol[256];
    merge *merges;
    size_t merge_mask;
    uint8_t *whole; /* [n_vocab] WHOLE_*; atomic */
};

void bpe_destroy(bpe *b)
{
    if (!b)
        return;
    piece_table_clear(&b->table);
    free(b->raw);
    free(b->raw_at);
    free(b->merges);
    free(b->whole);
    free(b);
}

static const char *raw_text(const void *ctx, uint32_t id, size_t *len)
{
    const bpe *b = ctx;
    *len = b->raw_at[id + 1] - b->raw_at[id];
    return b->raw + b->raw_at[id];
}

/* The alphabet: code point -> byte, or -1. Printable Latin-1 stands for itself, the other 68 bytes
 * for U+0100 and up, in order. */
#define ALPHABET_END (0x100 + 68)
static void make_alphabet(int16_t byte_of[ALPHABET_END])
{
    int next = 0x100;
    memset(byte_of, 0xFF, ALPHABET_END * sizeof *byte_of);
    for (int b = 0; b < 256; b++) {
        bool itself = (b >= 0x21 && b <= 0x7E) || (b >= 0xA1 && b <= 0xAC) || b >= 0xAE;
        byte_of[itself ? b : next++] = (int16_t)b;
    }
}

/* Turn alphabet text back to bytes; returns the number, or SIZE_MAX for text outside of it. dst has
 * room for len. */
static size_t to_bytes(const int16_t *byte_of, const char *s, size_t len, char *dst)
{
    size_t n = 0;
    for (size_t i = 0; i < len;) {
        uint32_t c = (uint8_t)s[i];
        if (c < 0x80) {
            i++;
        } else if ((c & 0xFC) == 0xC0 || (c & 0xFC) == 0xC4) {
            /* U+0080 .. U+017F: all that the alphabet needs */
            if (len - i < 2 || ((uint8_t)s[i + 1] & 0xC0) != 0x80)
                return SIZE_MAX;
            c = (c & 0x1F) << 6 | ((uint8_t)s[i + 1] & 0x3F);
            i += 2;
        } else {
            return SIZE_MAX;
        }
        if (c >= ALPHABET_END || byte_of[c] < 0)
            return SIZE_MAX;
        dst[n++] = (char)byte_of[c];
    }
    return n;
}

static cairn_status load_symbols(tokenizer *t, bpe *b, const int16_t *byte_of, cairn_error *err)
{
    size_t total = 256;
    for (size_t i = 0; i < t->n_vocab; i++)
        if (!checked_add(total, t->text[i].len, &total))
            return cairn_fail(err, CAIRN_EMODEL, "tokens too long");
    b->raw = total < UINT32_MAX ? malloc(total) : NULL;
    b->raw_at = checked_malloc(t->n_vocab + 257, sizeof *b->raw_at);
    b->whole = calloc(t->n_vocab, 1);
    if (!b->raw || !b->raw_at || !b->whole ||
        !piece_table_init(&b->table, t->n_vocab + 256, t->n_vocab + 256, 0, raw_text, b))
        return cairn_fail(err, CAIRN_ENOMEM, "vocabulary of %zu tokens", t->n_vocab);
    uint32_t at = b->raw_at[0] = 0;
    for (uint32_t i = 0; i < t->n_vocab; i++) {
        gguf_string s = t->text[i];
        size_t n = SIZE_MAX;
        if (token_type_of(t, (token_id)i) == TOKEN_NORMAL)
            n = to_bytes(byte_of, s.data, s.len, b->raw + at);
        if (n == SIZE_MAX) { /* special tokens are spelt as they are */
            memcpy(b->raw + at, s.data, s.len);
            n = s.len;
        }
        b->raw_at[i + 1] = at += (uint32_t)n;
    }
    piece_table_add_all(&b->table, (uint32_t)t->n_vocab);
    b->n_symbols = t->n_vocab;
    for (unsigned c = 0; c < 256; c++) {
        char byte = (char)c;
        b->byte_symbol[c] = piece_table_find(&b->table, &byte, 1);
        if (b->byte_symbol[c] != PIECE_NONE)
            continue;
        b->raw[at] = byte;
        b->raw_at[b->n_symbols + 1] = ++at;
        b->byte_symbol[c] = (uint32_t)b->n_symbols;
        piece_table_add(&b->table, (uint32_t)b->n_symbols++);
    }
    return CAIRN_OK;
}

static size_t merge_slot(const bpe *b, uint32_t left, uint32_t right)
{
    uint64_t h = ((uint64_t)left << 32 | right) * UINT64_C(0x9E3779B97F4A7C15);
    size_t i = (size_t)(h >> 32 ^ h >> 12) & b->merge_mask;
    while (b->merges[i].left != NO_SYMBOL &&
           (b->merges[i].left != left || b->merges[i].right != right))
        i = (i + 1) & b->merge_mask;
    return i;
}

static const merge *find_merge(const bpe *b, uint32_t left, uint32_t right)
{
    const merge *m = &b->merges[merge_slot(b, left, right)];
    return m->left == NO_SYMBOL ? NULL : m;
}

/* A merge of the file on its way: the searches for its three pieces are started for a batch of
 * them, so that waiting for memory overlaps. */
typedef struct pending {
    uint64_t hash[3]; /* left, right, both */
    uint32_t at, left, right; /* bytes in the batch's buffer */
    uint32_t rank;
} pending;

enum { BATCH = 32 };

static void add_merges(bpe *b, const pending *p, size_t n, const char *raw)
{
    for (size_t i = 0; i < n; i++) {
        const char *s = raw + p[i].at;
        uint32_t left = piece_table_find_hashed(&b->table, p[i].hash[0], s, p[i].left);
        uint32_t right = piece_table_find_hashed(&b->table, p[i].hash[1], s + p[i].left, p[i].right);
        uint32_t to =
            piece_table_find_hashed(&b->table, p[i].hash[2], s, p[i].left + p[i].right);
        if (left == PIECE_NONE || right == PIECE_NONE || to == PIECE_NONE)
            continue;
        size_t slot = merge_slot(b, left, right);
        if (b->merges[slot].left == NO_SYMBOL)
            b->merges[slot] = (merge){ left, right, p[i].rank, to };
    }
}

static bool alloc_merges(bpe *b, uint64_t n)
{
    size_t slots = 64;
    while (slots < n + n / 2)
        slots *= 2;
    b->merges = checked_malloc(slots, sizeof *b->merges);
    if (!b->merges)
        return false;
    memset(b->merges, 0xFF, slots * sizeof *b->merges);
    b->merge_mask = slots - 1;
    return true;
}

static cairn_status load_merges(bpe *b, const gguf_kv *kv, const int16_t *byte_of,
                                const char *path, cairn_error *err)
{
    static const size_t room = (size_t)BATCH * MAX_MERGE;
    pending batch[BATCH];
    size_t pos = 0, n = 0, used = 0;

    if (kv->n >= UINT32_MAX / 2)
        return cairn_fail(err, CAIRN_EMODEL, "%s: too many merges", path);
    char *raw = malloc(room);
    if (!raw || !alloc_merges(b, kv->n)) {
        free(raw);
        return cairn_fail(err, CAIRN_ENOMEM, "%s: %" PRIu64 " merges", path, kv->n);
    }
    for (uint32_t rank = 0; rank < kv->n; rank++) {
        gguf_string s = gguf_array_next_string(kv, &pos);
        const char *space = s.len > 1 ? memchr(s.data + 1, ' ', s.len - 1) : NULL;
        if (!space || s.len > MAX_MERGE) {
            free(raw);
            return cairn_fail(err, CAIRN_EMODEL, "%s: tokenizer.ggml.merges[%" PRIu32
                              "] is no pair of pieces", path, rank);
        }
        size_t n1 = (size_t)(space - s.data), n2 = s.len - n1 - 1;
        char *to = raw + used;
        size_t l = to_bytes(byte_of, s.data, n1, to);
        size_t r = l == SIZE_MAX ? l : to_bytes(byte_of, space + 1, n2, to + l);
        if (r == SIZE_MAX)
            continue;
        batch[n++] = (pending){ { piece_table_prepare(&b->table, to, l),
                                  piece_table_prepare(&b->table, to + l, r),
                                  piece_table_prepare(&b->table, to, l + r) },
                                (uint32_t)used, (uint32_t)l, (uint32_t)r, rank };
        used += l + r;
        if (n == BATCH) {
            add_merges(b, batch, n, raw);
            n = used = 0;
        }
    }
    add_merges(b, batch, n, raw);
    free(raw);
    return CAIRN_OK;
}

cairn_status bpe_load(tokenizer *t, const gguf *g, cairn_error *err)
{
    const gguf_kv *merges;
    gguf_string pre = gguf_get_string(g, "tokenizer.ggml.pre");
    int16_t byte_of[ALPHABET_END];
    bpe *b = t->bpe = calloc(1, sizeof *b);

    if (!b)
        return cairn_fail(err, CAIRN_ENOMEM, "%s: tokenizer", gguf_path(g));
    b->pre = pre.data ? pretokenizer_find(pre.data, pre.len) : pretokenizer_find("gpt-2", 5);
    if (!b->pre)
        return cairn_fail(err, CAIRN_EMODEL, "%s: tokenizer.ggml.pre is %.*s; Cairn knows %s",
                          gguf_path(g), (int)(pre.len < 64 ? pre.len : 64), pre.data,
                          pretokenizer_names());
    if (gguf_get_bool(g, "cairn.tokenizer.nfc", false)) {
        UErrorCode failed = U_ZERO_ERROR;
        b->nfc = unorm2_getNFCInstance(&failed);
        if (U_FAILURE(failed))
            return cairn_fail(err, CAIRN_EIO, "%s: ICU has no table of NFC: %s", gguf_path(g), u_errorName(failed));
    }
    t->add_bos = gguf_get_bool(g, "tokenizer.ggml.add_bos_token", b->pre->add_bos);
    cairn_status st = gguf_need_array(g, "tokenizer.ggml.merges", GGUF_STRING, &merges, err);
    if (st)
        return st;
    make_alphabet(byte_of);
    st = load_symbols(t, b, byte_of, err);
    return st ? st : load_merges(b, merges, byte_of, gguf_path(g), err);
}

cairn_status bpe_piece(const tokenizer *t, token_id id, bytes *out)
{
    size_t len;
    const char *p = raw_text(t->bpe, (uint32_t)id, &len);
    return bytes_append(out, p, len);
}

/* The heap's idea of a merge that may be possible: stale when the symbols have changed since. */
typedef struct chance {
    uint32_t rank, at; /* order: rank, then position */
    uint32_t left, right, to;
} chance;

typedef struct symbol {
    uint32_t id; /* NO_SYMBOL: merged into the one before */
    uint32_t prev, next;
} symbol;

/* What long words need; grown once, freed by bpe_encode. */
typedef struct scratch {
    symbol *symbols;
    chance *heap;
    size_t n_heap, cap_heap, cap_symbols;
} scratch;

static bool before(const chance *a, const chance *b)
{
    return a->rank != b->rank ? a->rank < b->rank : a->at < b->at;
}

static bool heap_push(scratch *s, chance c)
{
    if (s->n_heap == s->cap_heap) {
        size_t cap = s->cap_heap ? 2 * s->cap_heap : 256;
        chance *h = checked_realloc(s->heap, cap, sizeof *h);
        if (!h)
            return false;
        s->heap = h;
        s->cap_heap = cap;
    }
    size_t i = s->n_heap++;
    while (i > 0 && before(&c, &s->heap[(i - 1) / 2])) {
        s->heap[i] = s->heap[(i - 1) / 2];
        i = (i - 1) / 2;
    }
    s->heap[i] = c;
    return true;
}

static chance heap_pop(scratch *s)
{
    chance top = s->heap[0], last = s->heap[--s->n_heap];
    size_t i = 0;
    for (;;) {
        size_t child = 2 * i + 1;
        if (child >= s->n_heap)
            break;
        if (child + 1 < s->n_heap && before(&s->heap[child + 1], &s->heap[child]))
            child++;
        if (!before(&s->heap[child], &last))
            break;
        s->heap[i] = s->heap[child];
        i = child;
    }
    if (s->n_heap)
        s->heap[i] = last;
    return top;
}

static bool push_pair(const bpe *b, scratch *s, uint32_t at)
{
    uint32_t next = s->symbols[at].next;
    if (next == NO_SYMBOL)
        return true;
    const merge *m = find_merge(b, s->symbols[at].id, s->symbols[next].id);
    return !m || heap_push(s, (chance){ m->rank, at, m->left, m->right, m->to });
}

static cairn_status emit(const tokenizer *t, uint32_t symbol, token_list *out)
{
    return symbol < t->n_vocab ? token_list_push(out, (token_id)symbol) : CAIRN_OK;
}

static cairn_status merge_long(const tokenizer *t, scratch *s, const char *w, size_t n,
                               token_list *out)
{
    const bpe *b = t->bpe;
    if (s->cap_symbols < n) {
        symbol *v = checked_realloc(s->symbols, n, sizeof *v);
        if (!v)
            return CAIRN_ENOMEM;
        s->symbols = v;
        s->cap_symbols = n;
    }
    for (size_t i = 0; i < n; i++)
        s->symbols[i] = (symbol){ b->byte_symbol[(uint8_t)w[i]], (uint32_t)i - 1,
                                  i + 1 < n ? (uint32_t)i + 1 : NO_SYMBOL };
    s->n_heap = 0;
    for (uint32_t i = 0; i + 1 < n; i++)
        if (!push_pair(b, s, i))
            return CAIRN_ENOMEM;
    while (s->n_heap) {
        chance c = heap_pop(s);
        symbol *left = &s->symbols[c.at];
        if (left->id != c.left || left->next == NO_SYMBOL || s->symbols[left->next].id != c.right)
            continue;
        symbol *right = &s->symbols[left->next];
        left->id = c.to;
        left->next = right->next;
        right->id = NO_SYMBOL;
        if (left->next != NO_SYMBOL)
            s->symbols[left->next].prev = c.at;
        if (!push_pair(b, s, c.at) || (c.at > 0 && !push_pair(b, s, left->prev)))
            return CAIRN_ENOMEM;
    }
    cairn_status st = CAIRN_OK;
    for (uint32_t i = 0; i != NO_SYMBOL && !st; i = s->symbols[i].next)
        st = emit(t, s->symbols[i].id, out);
    return st;
}

static cairn_status merge_short(const tokenizer *t, const char *w, size_t n, token_list *out)
{
    const bpe *b = t->bpe;
    uint32_t id[SHORT_WORD];
    const merge *pair[SHORT_WORD]; /* of id[i] and id[i + 1] */

    for (size_t i = 0; i < n; i++)
        id[i] = b->byte_symbol[(uint8_t)w[i]];
    for (size_t i = 0; i + 1 < n; i++)
        pair[i] = find_merge(b, id[i], id[i + 1]);
    for (;;) {
        size_t best = n;
        for (size_t i = 0; i + 1 < n; i++)
            if (pair[i] && (best == n || pair[i]->rank < pair[best]->rank))
                best = i;
        if (best == n)
            break;
        id[best] = pair[best]->to;
        n--;
        memmove(id + best + 1, id + best + 2, (n - best - 1) * sizeof *id);
        if (n > best + 2)
            memmove(pair + best + 1, pair + best + 2, (n - best - 2) * sizeof *pair);
        if (best + 1 < n)
            pair[best] = find_merge(b, id[best], id[best + 1]);
        if (best > 0)
            pair[best - 1] = find_merge(b, id[best - 1], id[best]);
    }
    cairn_status st = CAIRN_OK;
    for (size_t i = 0; i < n && !st; i++)
        st = emit(t, id[i], out);
    return st;
}

static cairn_status encode_word(const tokenizer *t, scratch *s, const char *w, size_t n,
                                token_list *out)
{
    bpe *b = t->bpe;
    uint32_t id = piece_table_find(&b->table, w, n);
    uint8_t known = WHOLE_NO;

    if (id < t->n_vocab) {
        known = b->pre->ignore_merges ? WHOLE_YES : __atomic_load_n(&b->whole[id], __ATOMIC_RELAXED);
        if (known == WHOLE_YES)
            return token_list_push(out, (token_id)id);
    }
    size_t first = out->n;
    cairn_status st = n <= SHORT_WORD ? merge_short(t, w, n, out) : merge_long(t, s, w, n, out);
    if (!st && known == WHOLE_UNKNOWN) {
        bool whole = out->n == first + 1 && out->ids[first] == (token_id)id;
        __atomic_store_n(&b->whole[id], whole ? WHOLE_YES : WHOLE_NO, __ATOMIC_RELAXED);
    }
    return st;
}

static cairn_status encode_words(const tokenizer *t, const char *s, size_t len, token_list *out)
{
    pretokenize_state state = { 0 };
    scratch sc = { 0 };
    cairn_status st = CAIRN_OK;

    for (size_t at = 0; at < len && !st;) {
        size_t end = pretokenize_next(t->bpe->pre, &state, s, len, at);
        st = encode_word(t, &sc, s + at, end - at, out);
        at = end;
    }
    free(sc.symbols);
    free(sc.heap);
    return st;
}

/* Most text is in NFC already. Texts are bounded (TOKENIZER_MAX_TEXT), and NFC makes no text longer than three times
 * as many bytes (Unicode Standard Annex 15, "Maximum Expansion Factor"). */
static cairn_status encode_composed(const tokenizer *t, const char *s, size_t len, token_list *out)
{
    const UNormalizer2 *nfc = t->bpe->nfc;
    UErrorCode failed = U_ZERO_ERROR;
    UChar *wide, *composed = NULL;
    int32_t n = 0, n_composed, bytes = 0;
    char *narrow = NULL;
    cairn_status st = CAIRN_ENOMEM;

    if (len > INT32_MAX / 8)
        return CAIRN_ELIMIT;
    wide = checked_malloc(len + 1, sizeof *wide);
    if (wide)
        u_strFromUTF8(wide, (int32_t)len + 1, &n, s, (int32_t)len, &failed);
    if (wide && U_SUCCESS(failed) && unorm2_isNormalized(nfc, wide, n, &failed)) {
        free(wide);
        return encode_words(t, s, len, out);
    }
    composed = checked_malloc(3 * len + 1, sizeof *composed);
    narrow = malloc(3 * len + 1);
    if (wide && composed && narrow) {
        n_composed = unorm2_normalize(nfc, wide, n, composed, (int32_t)(3 * len + 1), &failed);
        u_strToUTF8(narrow, (int32_t)(3 * len + 1), &bytes, composed, n_composed, &failed);
        st = U_SUCCESS(failed) ? encode_words(t, narrow, (size_t)bytes, out) : CAIRN_ENOMEM;
    }
    free(wide);
    free(composed);
    free(narrow);
    return st;
}

cairn_status bpe_encode(const tokenizer *t, const char *s, size_t len, token_list *out)
{
    return t->bpe->nfc ? encode_composed(t, s, len, out) : encode_words(t, s, len, out);
}
