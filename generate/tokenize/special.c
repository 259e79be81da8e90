/* special.c - see special.h. */
#include "generate/tokenize/special.h"

#include <stdlib.h>

#include "base/checked.h"

static int falling(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return x < y ? 1 : x > y ? -1 : 0;
}

cairn_status special_set_init(special_set *s, const uint32_t *ids, size_t n, piece_text *text,
                              const void *ctx)
{
    memset(s, 0, sizeof *s);
    if (n == 0)
        return CAIRN_OK;
    uint32_t max = 0;
    for (size_t i = 0; i < n; i++)
        max = ids[i] > max ? ids[i] : max;
    s->lengths = checked_malloc(n, sizeof *s->lengths);
    if (!s->lengths || !piece_table_init(&s->table, n, (size_t)max + 1, 0, text, ctx)) {
        special_set_clear(s);
        return CAIRN_ENOMEM;
    }
    for (size_t i = 0; i < n; i++) {
        size_t len;
        text(ctx, ids[i], &len);
        s->lengths[i] = (uint32_t)len;
        if (len)
            piece_table_add(&s->table, ids[i]);
    }
    qsort(s->lengths, n, sizeof *s->lengths, falling);
    for (size_t i = 0; i < n; i++)
        if (s->lengths[i] && (!s->n_lengths || s->lengths[s->n_lengths - 1] != s->lengths[i]))
            s->lengths[s->n_lengths++] = s->lengths[i];
    for (size_t i = 0; i < n; i++) {
        size_t len, k = 0;
        const char *p = text(ctx, ids[i], &len);
        while (k < s->n_lengths && s->lengths[k] != len)
            k++;
        if (len)
            s->starts[(uint8_t)p[0]] |= UINT64_C(1) << (k < 63 ? k : 63);
    }
    return CAIRN_OK;
}

void special_set_clear(special_set *s)
{
    piece_table_clear(&s->table);
    free(s->lengths);
    memset(s, 0, sizeof *s);
}

static bool push_hit(special_hits *h, special_hit hit)
{
    if (h->n == h->cap) {
        size_t cap = h->cap ? 2 * h->cap : 16;
        special_hit *v = checked_realloc(h->v, cap, sizeof *v);
        if (!v)
            return false;
        h->v = v;
        h->cap = cap;
    }
    h->v[h->n++] = hit;
    return true;
}

static int by_position(const void *a, const void *b)
{
    const special_hit *x = a, *y = b;
    return x->at < y->at ? -1 : x->at > y->at;
}

/* Positions of the bytes that begin some token. */
static bool candidates(const special_set *s, const char *text, size_t len, uint32_t **out,
                       size_t *n)
{
    size_t cap = 0;
    *out = NULL;
    *n = 0;
    for (size_t i = 0; i < len; i++) {
        if (!s->starts[(uint8_t)text[i]])
            continue;
        if (*n == cap) {
            cap = cap ? 2 * cap : 256;
            uint32_t *v = checked_realloc(*out, cap, sizeof *v);
            if (!v)
                return false;
            *out = v;
        }
        (*out)[(*n)++] = (uint32_t)i;
    }
    return true;
}

static bool is_claimed(const uint8_t *claimed, size_t i)
{
    return claimed[i >> 3] >> (i & 7) & 1;
}

cairn_status special_find(const special_set *s, const char *text, size_t len,
                          bool (*wanted)(const void *ctx, uint32_t id), const void *ctx,
                          special_hits *hits)
{
    uint32_t *at = NULL;
    uint8_t *claimed = NULL;
    size_t n = 0;
    cairn_status st = CAIRN_OK;

    if (!s->n_lengths || len == 0)
        return CAIRN_OK;
    if (!candidates(s, text, len, &at, &n))
        st = CAIRN_ENOMEM;
    if (!st && n && !(claimed = calloc(len / 8 + 1, 1)))
        st = CAIRN_ENOMEM;
    for (size_t k = 0; k < s->n_lengths && n && !st; k++) {
        size_t want = s->lengths[k];
        uint64_t bit = UINT64_C(1) << (k < 63 ? k : 63);
        for (size_t c = 0; c < n && !st; c++) {
            size_t i = at[c];
            if (!(s->starts[(uint8_t)text[i]] & bit) || want > len - i)
                continue;
            /* What was claimed before is at least as long, so an overlap shows at one end. */
            if (is_claimed(claimed, i) || is_claimed(claimed, i + want - 1))
                continue;
            uint32_t id = piece_table_find(&s->table, text + i, want);
            if (id == PIECE_NONE || !wanted(ctx, id))
                continue;
            for (size_t j = i; j < i + want; j++)
                claimed[j >> 3] |= (uint8_t)(1u << (j & 7));
            if (!push_hit(hits, (special_hit){ i, want, id }))
                st = CAIRN_ENOMEM;
        }
    }
    free(at);
    free(claimed);
    if (hits->n)
        qsort(hits->v, hits->n, sizeof *hits->v, by_position);
    return st;
}
