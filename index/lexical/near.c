/* near.c - words within a window.
 *
 * A window has a start D; span i must begin at a place in [D + lo_i, D + hi_i]. A sloppy phrase has
 * lo = its offset and hi = lo + slop, NEAR has lo = 0 and hi = what the window leaves behind the
 * span. Only starts at which some span stands at its lo are tried: moving a window right until one does
 * loses nothing. Two spans never share a place, which matters when a word is asked for twice; then an
 * assignment is sought by augmenting paths (Kuhn). */
#include <string.h>

#include "index/lexical/query.h"

typedef struct window {
    const query_span *spans;
    const near_places *places;
    size_t n;
    int64_t start;
    size_t at[NEAR_SPANS_MAX];      /* first place of each span not before the window */
    uint64_t taken[NEAR_SPANS_MAX]; /* the place given to a span, UINT64_MAX = none */
    uint64_t seen;                  /* spans asked to move in this round */
} window;

/* The first place of span i in the window, or n places when there is none. */
static size_t first_place(const window *w, size_t i)
{
    const near_places *p = &w->places[i];
    int64_t lo = w->start + w->spans[i].lo, hi = w->start + w->spans[i].hi;
    size_t k = w->at[i];

    while (k < p->n && (int64_t)p->at[k] < lo)
        k++;
    return k < p->n && (int64_t)p->at[k] <= hi ? k : p->n;
}

/* Give span i a place, moving others where that helps. */
static bool assign(window *w, size_t i)
{
    const near_places *p = &w->places[i];
    int64_t hi = w->start + w->spans[i].hi;

    w->seen |= (uint64_t)1 << i;
    for (size_t k = w->at[i]; k < p->n && (int64_t)p->at[k] <= hi; k++) {
        size_t owner = 0;
        while (owner < w->n && w->taken[owner] != p->at[k])
            owner++;
        if (owner == i)
            continue;
        if (owner < w->n && (w->seen >> owner & 1 || !assign(w, owner)))
            continue;
        w->taken[i] = p->at[k];
        return true;
    }
    return false;
}

static bool holds(window *w)
{
    bool apart = true;

    for (size_t i = 0; i < w->n; i++) {
        w->at[i] = first_place(w, i);
        if (w->at[i] == w->places[i].n)
            return false;
        w->taken[i] = w->places[i].at[w->at[i]];
        for (size_t j = 0; j < i; j++)
            apart = apart && w->taken[j] != w->taken[i];
    }
    if (apart)
        return true;
    memset(w->taken, 0xFF, sizeof w->taken);
    for (size_t i = 0; i < w->n; i++) {
        w->seen = 0;
        if (!assign(w, i))
            return false;
    }
    return true;
}

uint32_t near_count(const query_span *spans, const near_places *places, size_t n, uint32_t width,
                    void (*hit)(void *ctx, int64_t start), void *ctx)
{
    window w = {.spans = spans, .places = places, .n = n};
    size_t next[NEAR_SPANS_MAX] = {0}; /* the place of each span that starts the next window */
    int64_t from = INT64_MIN;
    uint32_t count = 0;

    for (;;) {
        int64_t start = INT64_MAX;
        for (size_t i = 0; i < n; i++) {
            const near_places *p = &places[i];
            while (next[i] < p->n && (int64_t)p->at[next[i]] - spans[i].lo < from)
                next[i]++;
            if (next[i] < p->n && (int64_t)p->at[next[i]] - spans[i].lo < start)
                start = (int64_t)p->at[next[i]] - spans[i].lo;
        }
        if (start == INT64_MAX)
            return count;
        w.start = start;
        memcpy(w.at, next, sizeof w.at);
        if (holds(&w)) {
            count += count < UINT32_MAX;
            if (hit)
                hit(ctx, start);
            from = start + width;
        } else {
            from = start + 1;
        }
    }
}
