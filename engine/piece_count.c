/* piece_count.c - see piece_count.h. The table is direct-mapped: a word takes the place of the one
 * that had its slot, so the frequent ones keep coming back and nothing has to be evicted. */
#include "engine/piece_count.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#define N_SLOTS    32768
#define WORD_BYTES 30

typedef struct slot {
    char word[WORD_BYTES];
    uint8_t len; /* 0: free */
    uint8_t pieces;
} slot;

struct piece_counter {
    const encoder *e;
    slot slots[N_SLOTS];
};

cairn_status piece_counter_create(piece_counter **out, const encoder *e, cairn_error *err)
{
    *out = calloc(1, sizeof **out);
    if (!*out)
        return cairn_fail(err, CAIRN_ENOMEM, "table of words");
    (*out)->e = e;
    return CAIRN_OK;
}

void piece_counter_destroy(piece_counter *p)
{
    free(p);
}

const encoder *piece_counter_encoder(const piece_counter *p)
{
    return p->e;
}

static size_t count_word(piece_counter *p, const char *w, size_t len)
{
    slot *s;
    size_t n;

    if (len > WORD_BYTES)
        return encoder_count_tokens(p->e, w, len);
    s = &p->slots[XXH3_64bits(w, len) % N_SLOTS];
    if (s->len == len && !memcmp(s->word, w, len))
        return s->pieces;
    n = encoder_count_tokens(p->e, w, len);
    if (n <= UINT8_MAX) {
        memcpy(s->word, w, len);
        s->len = (uint8_t)len;
        s->pieces = (uint8_t)n;
    }
    return n;
}

static inline int is_space(char c)
{
    return c == ' ' || c == '\n' || c == '\t' || c == '\r';
}

size_t piece_count(void *ctx, const char *text, size_t len)
{
    piece_counter *p = ctx;
    size_t n = 0, at = 0;

    while (at < len) {
        size_t end;
        while (at < len && is_space(text[at]))
            at++;
        for (end = at; end < len && !is_space(text[end]); end++)
            ;
        if (end > at)
            n += count_word(p, text + at, end - at);
        at = end;
    }
    return n;
}
