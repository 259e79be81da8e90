/* token_mask.c - see token_mask.h.
 *
 * The texts are sorted, and each knows how many bytes it has in common with the one before: walking
 * them in order is walking a trie depth first. A text that dies at some byte lets all that share
 * this byte be passed over. */
#include "generate/grammar/token_mask.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/checked.h"

#define MAX_LENGTH 512 /* longer tokens are never allowed */
#define KEPT       32  /* masks */

typedef struct piece {
    uint32_t at;
    uint16_t len, common; /* with the piece before */
    token_id id;
} piece;

struct token_trie {
    const tokenizer *tok;
    size_t n; /* ids */
    bytes text;
    piece *pieces; /* by text */
    size_t n_pieces;
    uint32_t *of; /* [n] piece of an id, or UINT32_MAX */
};

typedef struct kept_mask {
    uint32_t state;
    uint64_t used;
    uint8_t *bits;
} kept_mask;

struct token_mask {
    const token_trie *t;
    automaton a;
    uint32_t state;
    uint64_t clock;
    kept_mask kept[KEPT];
    size_t bytes; /* of a mask */
};

typedef struct sorted_piece {
    piece p;
    const char *text;
} sorted_piece;

static int by_text(const void *a, const void *b)
{
    const sorted_piece *x = a, *y = b;
    size_t n = x->p.len < y->p.len ? x->p.len : y->p.len;
    int c = memcmp(x->text, y->text, n);

    if (c)
        return c;
    if (x->p.len != y->p.len)
        return x->p.len < y->p.len ? -1 : 1;
    return (x->p.id > y->p.id) - (x->p.id < y->p.id);
}

static cairn_status sort_pieces(token_trie *t, cairn_error *err)
{
    sorted_piece *v = checked_malloc(t->n_pieces, sizeof *v);

    if (!v)
        return cairn_fail(err, CAIRN_ENOMEM, "texts of tokens");
    for (size_t i = 0; i < t->n_pieces; i++)
        v[i] = (sorted_piece){t->pieces[i], t->text.data + t->pieces[i].at};
    qsort(v, t->n_pieces, sizeof *v, by_text);
    for (size_t i = 0; i < t->n_pieces; i++) {
        size_t same = 0;
        while (i && same < v[i].p.len && same < v[i - 1].p.len &&
               v[i].text[same] == v[i - 1].text[same])
            same++;
        t->pieces[i] = v[i].p;
        t->pieces[i].common = (uint16_t)same;
        t->of[v[i].p.id] = (uint32_t)i;
    }
    free(v);
    return CAIRN_OK;
}

cairn_status token_trie_create(token_trie **out, const tokenizer *tok, size_t n, cairn_error *err)
{
    token_trie *t = calloc(1, sizeof *t);
    cairn_status st = CAIRN_OK;

    *out = NULL;
    if (!t)
        return cairn_fail(err, CAIRN_ENOMEM, "texts of tokens");
    t->tok = tok;
    t->n = n;
    bytes_init(&t->text, (size_t)256 << 20);
    t->pieces = checked_malloc(n, sizeof *t->pieces);
    t->of = checked_malloc(n, sizeof *t->of);
    if (!t->pieces || !t->of)
        st = cairn_fail(err, CAIRN_ENOMEM, "texts of tokens");
    for (size_t i = 0; !st && i < n; i++) {
        size_t at = t->text.len;
        t->of[i] = UINT32_MAX;
        st = tokenizer_piece(tok, (token_id)i, false, &t->text);
        if (st)
            st = cairn_fail(err, st, "texts of tokens");
        else if (t->text.len > at && t->text.len - at <= MAX_LENGTH &&
                 !tokenizer_is_eog(tok, (token_id)i))
            t->pieces[t->n_pieces++] =
                (piece){(uint32_t)at, (uint16_t)(t->text.len - at), 0, (token_id)i};
    }
    if (!st)
        st = sort_pieces(t, err);
    if (st) {
        token_trie_destroy(t);
        return st;
    }
    *out = t;
    return CAIRN_OK;
}

void token_trie_destroy(token_trie *t)
{
    if (!t)
        return;
    bytes_clear(&t->text);
    free(t->pieces);
    free(t->of);
    free(t);
}

/* ---- masks ---- */

cairn_status token_mask_create(token_mask **out, const token_trie *t, automaton a, cairn_error *err)
{
    token_mask *m = calloc(1, sizeof *m);

    *out = m;
    if (!m) {
        automaton_destroy(&a);
        return cairn_fail(err, CAIRN_ENOMEM, "mask of tokens");
    }
    m->t = t;
    m->a = a;
    m->state = AUTOMATON_START;
    m->bytes = t->n / 8 + 1;
    for (size_t i = 0; i < KEPT; i++) {
        m->kept[i].state = AUTOMATON_DEAD;
        m->kept[i].bits = calloc(m->bytes, 1);
        if (!m->kept[i].bits) {
            token_mask_destroy(m);
            *out = NULL;
            return cairn_fail(err, CAIRN_ENOMEM, "mask of tokens");
        }
    }
    return CAIRN_OK;
}

void token_mask_destroy(token_mask *m)
{
    if (!m)
        return;
    automaton_destroy(&m->a);
    for (size_t i = 0; i < KEPT; i++)
        free(m->kept[i].bits);
    free(m);
}

static void fill_mask(token_mask *m, uint8_t *bits)
{
    const token_trie *t = m->t;
    uint32_t states[MAX_LENGTH + 1];
    size_t dead = SIZE_MAX; /* bytes of the piece before, with the one that had no step */

    memset(bits, 0, m->bytes);
    states[0] = m->state;
    for (size_t i = 0; i < t->n_pieces; i++) {
        const piece *p = &t->pieces[i];
        const char *text = t->text.data + p->at;
        size_t d = p->common;
        if (d >= dead)
            continue;
        for (dead = SIZE_MAX; d < p->len; d++) {
            states[d + 1] = m->a.step(m->a.ctx, states[d], (uint8_t)text[d]);
            if (states[d + 1] == AUTOMATON_DEAD) {
                dead = d + 1;
                break;
            }
        }
        if (dead == SIZE_MAX)
            bits[p->id >> 3] |= (uint8_t)(1 << (p->id & 7));
    }
    if (m->a.accepts(m->a.ctx, m->state))
        for (size_t i = 0; i < t->n; i++)
            if (tokenizer_is_eog(t->tok, (token_id)i))
                bits[i >> 3] |= (uint8_t)(1 << (i & 7));
}

const uint8_t *token_mask_allowed(token_mask *m)
{
    kept_mask *oldest = &m->kept[0];

    m->clock++;
    for (size_t i = 0; i < KEPT; i++) {
        kept_mask *k = &m->kept[i];
        if (k->state == m->state && m->state != AUTOMATON_DEAD) {
            k->used = m->clock;
            return k->bits;
        }
        if (k->used < oldest->used)
            oldest = k;
    }
    oldest->used = m->clock;
    oldest->state = m->state;
    if (m->state == AUTOMATON_DEAD)
        memset(oldest->bits, 0, m->bytes);
    else
        fill_mask(m, oldest->bits);
    return oldest->bits;
}

bool token_mask_accept(token_mask *m, token_id id)
{
    const token_trie *t = m->t;
    const piece *p;

    if (id < 0 || (size_t)id >= t->n || m->state == AUTOMATON_DEAD)
        return false;
    if (tokenizer_is_eog(t->tok, id))
        return m->a.accepts(m->a.ctx, m->state);
    if (t->of[id] == UINT32_MAX) {
        m->state = AUTOMATON_DEAD;
        return false;
    }
    p = &t->pieces[t->of[id]];
    for (size_t i = 0; i < p->len && m->state != AUTOMATON_DEAD; i++)
        m->state = m->a.step(m->a.ctx, m->state, (uint8_t)t->text.data[p->at + i]);
    return m->state != AUTOMATON_DEAD;
}
