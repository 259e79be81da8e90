/* model_draft.c - see model_draft.h. */
#include "generate/decode/model_draft.h"

#include <stdlib.h>
#include <string.h>

#define BEGIN  ((size_t)4)  /* tokens of the first proposal */
#define LEAST  ((size_t)24) /* proposed before it may fall silent */
#define SILENT 4            /* when fewer than one in so many holds */

struct model_draft {
    generator *small;
    size_t length;         /* of the next proposal */
    size_t proposed, held; /* in this answer */
};

static bool same_text(const tokenizer *a, const tokenizer *b, token_id id)
{
    size_t n, m;
    const char *x = tokenizer_raw(a, id, &n), *y = tokenizer_raw(b, id, &m);

    return x && y ? n == m && !memcmp(x, y, n) : x == y;
}

cairn_status model_draft_create(model_draft **out, generator *small, const generator *big,
                                cairn_error *err)
{
    model_draft *d = calloc(1, sizeof *d);
    cairn_status st = CAIRN_OK;

    *out = NULL;
    if (!d)
        st = cairn_fail(err, CAIRN_ENOMEM, "drafts");
    if (!st && small->n_pick != big->n_pick)
        st = cairn_fail(err, CAIRN_EMODEL, "%s drafts for %s, but has %zu tokens, not %zu: a draft model needs "
                                           "the same vocabulary", small->name, big->name, small->n_pick,
                        big->n_pick);
    for (size_t i = 0; !st && i < big->n_pick; i++)
        if (!same_text(small->tok, big->tok, (token_id)i))
            st = cairn_fail(err, CAIRN_EMODEL, "%s drafts for %s, but token %zu has another text: a draft model "
                                               "needs the same vocabulary", small->name, big->name, i);
    if (st) {
        generator_close(small);
        free(d);
        return st;
    }
    d->small = small;
    *out = d;
    return CAIRN_OK;
}

void model_draft_destroy(model_draft *d)
{
    if (!d)
        return;
    generator_close(d->small);
    free(d);
}

void model_draft_begin(model_draft *d)
{
    d->length = BEGIN;
    d->proposed = d->held = 0;
}

static token_id likeliest(const generator *g)
{
    size_t best = 0;

    for (size_t i = 1; i < g->n_pick; i++)
        if (g->logits[i] > g->logits[best])
            best = i;
    return (token_id)best;
}

/* The small model's sequence becomes the big one's and `last`; logits behind it. */
static bool follow(generator *g, const token_list *sequence, token_id last)
{
    size_t same = 0;

    while (same < sequence->n && same < g->sequence.n && same < g->n_exact &&
           g->sequence.ids[same] == sequence->ids[same])
        same++;
    generator_truncate(g, same);
    return !generator_feed(g, sequence->ids + same, sequence->n - same, DECODER_NO_LOGITS, NULL, NULL) &&
           !generator_feed(g, &last, 1, DECODER_LAST, g->logits, NULL);
}

size_t model_draft_propose(model_draft *d, const token_list *sequence, token_id last, size_t most,
                           token_id *draft)
{
    generator *g = d->small;
    size_t n = 0, want = d->length < most ? d->length : most;

    if (!want || (d->proposed >= LEAST && d->held * SILENT < d->proposed) ||
        sequence->n + 1 + want > decoder_ctx(g->dec) || !follow(g, sequence, last))
        return 0;
    for (;;) {
        draft[n++] = likeliest(g);
        if (n == want || tokenizer_is_eog(g->tok, draft[n - 1]) ||
            generator_feed(g, &draft[n - 1], 1, DECODER_LAST, g->logits, NULL))
            return n;
    }
}

void model_draft_judge(model_draft *d, size_t proposed, size_t held)
{
    d->proposed += proposed;
    d->held += held;
    d->length = held + 1;
}
