/* spm.c - SentencePiece BPE (Kudo and Richardson, arXiv:1808.06226): pieces have scores, and of all
 * neighbours whose union is a piece the one of the highest score, leftmost first, is joined.
 *
 * Spaces are written U+2581. The text is not cut into words first: a piece may hold spaces. What
 * stays a single character without a piece is spelt in byte tokens <0x00> .. <0xFF>; so are bytes
 * that are no UTF-8, which therefore survive a round trip. */
#include <inttypes.h>
#include <stdio.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/checked.h"
#include "base/utf8.h"
#include "generate/tokenize/model.h"

#define NO_SYMBOL UINT32_MAX
#define SPACE_BYTES "\xE2\x96\x81"

cairn_status spm_load(tokenizer *t, const gguf *g, cairn_error *err)
{
    cairn_status st = gguf_need_array(g, "tokenizer.ggml.scores", GGUF_F32, &t->scores, err);
    if (st)
        return st;
    if (t->scores->n != t->n_vocab)
        return cairn_fail(err, CAIRN_EMODEL, "%s: %" PRIu64 " tokenizer.ggml.scores for %zu tokens",
                          gguf_path(g), t->scores->n, t->n_vocab);
    t->add_bos = gguf_get_bool(g, "tokenizer.ggml.add_bos_token", true);
    t->space_prefix = gguf_get_bool(g, "tokenizer.ggml.add_space_prefix", true);
    for (int b = 0; b < 256; b++) {
        char name[8];
        int n = snprintf(name, sizeof name, "<0x%02X>", b);
        uint32_t id = piece_table_find(&t->table, name, (size_t)n);
        t->byte_ids[b] = id == PIECE_NONE ? TOKEN_NONE : (token_id)id;
    }
    return CAIRN_OK;
}

static float score_of(const tokenizer *t, uint32_t id)
{
    float f;
    memcpy(&f, t->scores->data + 4 * (size_t)id, sizeof f);
    return f;
}

typedef struct symbol {
    uint32_t at, len; /* bytes in the text; len 0: joined into the one before */
    uint32_t prev, next;
    uint32_t id; /* of a joined symbol; PIECE_NONE for a character not looked up yet */
} symbol;

typedef struct chance {
    float score;
    uint32_t left, right; /* symbols */
    uint32_t len, id;     /* of the union */
} chance;

typedef struct work {
    const tokenizer *t;
    const char *text;
    symbol *symbols;
    size_t n;
    chance *heap;
    size_t n_heap, cap_heap;
} work;

static bool before(const chance *a, const chance *b)
{
    return a->score != b->score ? a->score > b->score : a->left < b->left;
}

static bool heap_push(work *w, chance c)
{
    if (w->n_heap == w->cap_heap) {
        size_t cap = w->cap_heap ? 2 * w->cap_heap : 256;
        chance *h = checked_realloc(w->heap, cap, sizeof *h);
        if (!h)
            return false;
        w->heap = h;
        w->cap_heap = cap;
    }
    size_t i = w->n_heap++;
    while (i > 0 && before(&c, &w->heap[(i - 1) / 2])) {
        w->heap[i] = w->heap[(i - 1) / 2];
        i = (i - 1) / 2;
    }
    w->heap[i] = c;
    return true;
}

static chance heap_pop(work *w)
{
    chance top = w->heap[0], last = w->heap[--w->n_heap];
    size_t i = 0;
    for (;;) {
        size_t child = 2 * i + 1;
        if (child >= w->n_heap)
            break;
        if (child + 1 < w->n_heap && before(&w->heap[child + 1], &w->heap[child]))
            child++;
        if (!before(&w->heap[child], &last))
            break;
        w->heap[i] = w->heap[child];
        i = child;
    }
    if (w->n_heap)
        w->heap[i] = last;
    return top;
}

static bool push_pair(work *w, uint32_t left, uint32_t right)
{
    if (left == NO_SYMBOL || right == NO_SYMBOL)
        return true;
    uint32_t len = w->symbols[left].len + w->symbols[right].len;
    uint32_t id = piece_table_find(&w->t->table, w->text + w->symbols[left].at, len);
    return id == PIECE_NONE || heap_push(w, (chance){ score_of(w->t, id), left, right, len, id });
}

static bool cut_into_characters(work *w, size_t len)
{
    w->symbols = checked_malloc(len, sizeof *w->symbols);
    if (!w->symbols)
        return false;
    for (size_t i = 0; i < len; w->n++) {
        uint32_t cp;
        bool valid;
        size_t width = utf8_decode(w->text + i, len - i, &cp, &valid);
        if (!valid)
            width = 1;
        w->symbols[w->n] = (symbol){ (uint32_t)i, (uint32_t)width, (uint32_t)w->n - 1,
                                     (uint32_t)w->n + 1, PIECE_NONE };
        i += width;
    }
    w->symbols[w->n - 1].next = NO_SYMBOL;
    return true;
}

static cairn_status emit(const work *w, const symbol *s, token_list *out)
{
    const tokenizer *t = w->t;
    uint32_t id = s->id;
    if (id == PIECE_NONE)
        id = piece_table_find(&t->table, w->text + s->at, s->len);
    if (id != PIECE_NONE)
        return token_list_push(out, (token_id)id);
    cairn_status st = CAIRN_OK;
    for (uint32_t i = 0; i < s->len && !st; i++) {
        token_id byte = t->byte_ids[(uint8_t)w->text[s->at + i]];
        if (byte == TOKEN_NONE)
            byte = t->unk;
        if (byte != TOKEN_NONE)
            st = token_list_push(out, byte);
    }
    return st;
}

static cairn_status join(work *w, token_list *out)
{
    for (uint32_t i = 1; i < w->n; i++)
        if (!push_pair(w, i - 1, i))
            return CAIRN_ENOMEM;
    while (w->n_heap) {
        chance c = heap_pop(w);
        symbol *left = &w->symbols[c.left], *right = &w->symbols[c.right];
        if (!left->len || !right->len || left->len + right->len != c.len)
            continue;
        left->len = c.len;
        left->id = c.id;
        left->next = right->next;
        right->len = 0;
        if (right->next != NO_SYMBOL)
            w->symbols[right->next].prev = c.left;
        if (!push_pair(w, left->prev, c.left) || !push_pair(w, c.left, left->next))
            return CAIRN_ENOMEM;
    }
    cairn_status st = CAIRN_OK;
    for (uint32_t i = 0; i != NO_SYMBOL && !st; i = w->symbols[i].next)
        st = emit(w, &w->symbols[i], out);
    return st;
}

cairn_status spm_encode(const tokenizer *t, const char *s, size_t len, bool first, token_list *out)
{
    bytes text;
    cairn_status st = CAIRN_OK;
    work w = { .t = t };

    if (len == 0)
        return CAIRN_OK;
    bytes_init(&text, 3 * TOKENIZER_MAX_TEXT + 3);
    if (first && t->space_prefix)
        st = bytes_append(&text, SPACE_BYTES, 3);
    for (size_t i = 0; i < len && !st;) {
        const char *space = memchr(s + i, ' ', len - i);
        size_t n = space ? (size_t)(space - s) - i : len - i;
        st = bytes_append(&text, s + i, n);
        if (!st && space)
            st = bytes_append(&text, SPACE_BYTES, 3);
        i += n + (space != NULL);
    }
    w.text = text.data;
    if (!st)
        st = cut_into_characters(&w, text.len) ? join(&w, out) : CAIRN_ENOMEM;
    free(w.symbols);
    free(w.heap);
    bytes_clear(&text);
    return st;
}
