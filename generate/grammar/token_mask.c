/* token_mask.c - see token_mask.h.
 *
 * The texts make a trie, stored depth first: behind a node stand its children, and it knows where what
 * begins with its text ends. So walking the array in order is walking the trie, and a text that dies at some
 * byte is passed over with all that begin with it in one step. */
#include "generate/grammar/token_mask.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/checked.h"

#define MAX_LENGTH 512 /* longer tokens are never allowed */
#define KEPT       32  /* masks */

/* A byte behind that of its parent. */
typedef struct trie_node {
    uint32_t end;   /* the node behind all below it */
    uint16_t depth; /* bytes up to here, itself included */
    uint8_t byte;
    token_id id;    /* a token of this text; TOKEN_NONE: none */
} trie_node;

struct token_trie {
    const tokenizer *tok;
    size_t n; /* ids */
    bytes text;
    uint32_t *at; /* [n] where the text of an id begins, or UINT32_MAX where it is never allowed */
    uint16_t *len;
    token_id *same; /* [n] another id of the same text, or TOKEN_NONE */
    trie_node *nodes;
    size_t n_nodes, cap_nodes;
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

typedef struct sorted_text {
    const char *text;
    uint16_t len;
    token_id id;
} sorted_text;

static int by_text(const void *a, const void *b)
{
    const sorted_text *x = a, *y = b;
    size_t n = x->len < y->len ? x->len : y->len;
    int c = memcmp(x->text, y->text, n);

    if (c)
        return c;
    if (x->len != y->len)
        return x->len < y->len ? -1 : 1;
    return (x->id > y->id) - (x->id < y->id);
}

/* The nodes of this text that the one before it, whose open nodes are path[0, depth), does not have. */
static bool append_text(token_trie *t, const sorted_text *s, uint32_t path[MAX_LENGTH], size_t *depth)
{
    size_t same = 0;
    trie_node *nodes;

    while (same < *depth && same < s->len && t->nodes[path[same]].byte == (uint8_t)s->text[same])
        same++;
    if (same == s->len) { /* a prefix comes before what it begins, so this is the text again */
        trie_node *x = &t->nodes[path[same - 1]];
        t->same[s->id] = x->id;
        x->id = s->id;
        return true;
    }
    while (*depth > same)
        t->nodes[path[--*depth]].end = (uint32_t)t->n_nodes;
    for (; *depth < s->len; ++*depth) {
        nodes = checked_room(t->nodes, t->n_nodes, &t->cap_nodes, sizeof *nodes);
        if (!nodes || t->n_nodes == UINT32_MAX)
            return false;
        t->nodes = nodes;
        path[*depth] = (uint32_t)t->n_nodes;
        nodes[t->n_nodes++] = (trie_node){.depth = (uint16_t)(*depth + 1),
                                          .byte = (uint8_t)s->text[*depth],
                                          .id = *depth + 1 == s->len ? s->id : TOKEN_NONE};
    }
    return true;
}

static cairn_status make_nodes(token_trie *t, cairn_error *err)
{
    sorted_text *v = checked_malloc(t->n, sizeof *v);
    uint32_t path[MAX_LENGTH];
    size_t n = 0, depth = 0;
    bool good = v != NULL;

    for (size_t i = 0; good && i < t->n; i++)
        if (t->at[i] != UINT32_MAX)
            v[n++] = (sorted_text){t->text.data + t->at[i], t->len[i], (token_id)i};
    if (n)
        qsort(v, n, sizeof *v, by_text);
    for (size_t i = 0; good && i < n; i++)
        good = append_text(t, &v[i], path, &depth);
    while (depth)
        t->nodes[path[--depth]].end = (uint32_t)t->n_nodes;
    free(v);
    return good ? CAIRN_OK : cairn_fail(err, CAIRN_ENOMEM, "texts of tokens");
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
    t->at = checked_malloc(n, sizeof *t->at);
    t->len = checked_malloc(n, sizeof *t->len);
    t->same = checked_malloc(n, sizeof *t->same);
    if (!t->at || !t->len || !t->same)
        st = cairn_fail(err, CAIRN_ENOMEM, "texts of tokens");
    for (size_t i = 0; !st && i < n; i++) {
        size_t at = t->text.len;
        st = tokenizer_piece(tok, (token_id)i, false, &t->text);
        if (st)
            st = cairn_fail(err, st, "texts of tokens");
        bool good = !st && t->text.len > at && t->text.len - at <= MAX_LENGTH &&
                    !tokenizer_is_eog(tok, (token_id)i);
        t->at[i] = good ? (uint32_t)at : UINT32_MAX;
        t->len[i] = good ? (uint16_t)(t->text.len - at) : 0;
        t->same[i] = TOKEN_NONE;
    }
    if (!st)
        st = make_nodes(t, err);
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
    free(t->at);
    free(t->len);
    free(t->same);
    free(t->nodes);
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

    memset(bits, 0, m->bytes);
    states[0] = m->state;
    for (size_t i = 0; i < t->n_nodes;) {
        const trie_node *x = &t->nodes[i];
        uint32_t next = m->a.step(m->a.ctx, states[x->depth - 1], x->byte);
        if (next == AUTOMATON_DEAD) {
            i = x->end;
            continue;
        }
        states[x->depth] = next;
        for (token_id id = x->id; id != TOKEN_NONE; id = t->same[id])
            bits[id >> 3] |= (uint8_t)(1 << (id & 7));
        i++;
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

/* The state behind the token's text, which is no end of an answer. */
static uint32_t state_after(token_mask *m, token_id id)
{
    const token_trie *t = m->t;
    uint32_t state = t->at[id] == UINT32_MAX ? AUTOMATON_DEAD : m->state;

    for (size_t i = 0; i < t->len[id] && state != AUTOMATON_DEAD; i++)
        state = m->a.step(m->a.ctx, state, (uint8_t)t->text.data[t->at[id] + i]);
    return state;
}

bool token_mask_allows(token_mask *m, token_id id)
{
    if (id < 0 || (size_t)id >= m->t->n || m->state == AUTOMATON_DEAD)
        return false;
    if (tokenizer_is_eog(m->t->tok, id))
        return m->a.accepts(m->a.ctx, m->state);
    return state_after(m, id) != AUTOMATON_DEAD;
}

size_t token_mask_forced(token_mask *m, char *out, size_t cap)
{
    uint32_t state = m->state;
    size_t n = 0;

    while (n < cap && state != AUTOMATON_DEAD && !m->a.accepts(m->a.ctx, state)) {
        uint32_t only = AUTOMATON_DEAD;
        for (unsigned b = 0; b < 256; b++) {
            uint32_t next = m->a.step(m->a.ctx, state, (uint8_t)b);
            if (next == AUTOMATON_DEAD)
                continue;
            if (only != AUTOMATON_DEAD)
                return n;
            only = next;
            out[n] = (char)b;
        }
        if (only == AUTOMATON_DEAD)
            return n;
        state = only;
        n++;
    }
    return n;
}

bool token_mask_accept(token_mask *m, token_id id)
{
    if (id < 0 || (size_t)id >= m->t->n || m->state == AUTOMATON_DEAD)
        return false;
    if (tokenizer_is_eog(m->t->tok, id))
        return m->a.accepts(m->a.ctx, m->state);
    m->state = state_after(m, id);
    return m->state != AUTOMATON_DEAD;
}
