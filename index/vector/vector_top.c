/* vector_top.c - selection and sorting of hits, see vector_top.h. */
#include "index/vector/vector_top.h"

#include <string.h>

#define FEW 16u /* below this insertion is as fast */

static void insertion_sort(vector_hit *h, size_t n)
{
    for (size_t i = 1; i < n; i++) {
        vector_hit x = h[i];
        size_t j = i;
        for (; j > 0 && hit_better(&x, &h[j - 1]); j--)
            h[j] = h[j - 1];
        h[j] = x;
    }
}

/* Quickselect with the median of three as the pivot. */
void hits_select(vector_hit *h, size_t n, size_t keep)
{
    while (keep > 0 && keep < n) {
        if (n <= FEW) {
            insertion_sort(h, n);
            return;
        }
        size_t mid = n / 2, last = n - 1;
        if (hit_better(&h[mid], &h[0]))
            hit_swap(&h[mid], &h[0]);
        if (hit_better(&h[last], &h[0]))
            hit_swap(&h[last], &h[0]);
        if (hit_better(&h[last], &h[mid]))
            hit_swap(&h[last], &h[mid]);
        vector_hit pivot = h[mid];
        size_t i = 0, j = last;
        for (;;) { /* h[0] and h[last] stop the two runs */
            while (hit_better(&h[i], &pivot))
                i++;
            while (hit_better(&pivot, &h[j]))
                j--;
            if (i >= j)
                break;
            hit_swap(&h[i++], &h[j--]);
        }
        size_t better = j + 1; /* h[0, better) is not worse than the pivot, the rest not better */
        if (keep <= better) {
            n = better;
        } else {
            h += better;
            n -= better;
            keep -= better;
        }
    }
}

void hits_keep(vector_hit *h, size_t n, size_t keep, vector_hit *room)
{
    if (!keep || keep >= n)
        return;
    memcpy(room, h, n * sizeof *h);
    hits_select(room, n, keep);
    vector_hit worst = room[0];
    for (size_t i = 1; i < keep; i++)
        if (hit_better(&worst, &room[i]))
            worst = room[i];
    for (size_t i = 0, kept = 0; kept < keep; i++)
        if (!hit_better(&worst, &h[i]))
            h[kept++] = h[i];
}

/* Halves that are selected and then sorted: a compiled comparison, where qsort calls one. */
void hits_sort(vector_hit *h, size_t n)
{
    while (n > FEW) {
        size_t half = n / 2;
        hits_select(h, n, half);
        hits_sort(h, half);
        h += half;
        n -= half;
    }
    insertion_sort(h, n);
}

void top_list_shrink(top_list *t)
{
    if (t->n < t->keep)
        return;
    hits_select(t->hits, t->n, t->keep);
    t->n = t->keep;
    float least = INFINITY;
    for (size_t i = 0; i < t->n; i++)
        least = t->hits[i].score < least ? t->hits[i].score : least;
    t->least = least > t->least ? least : t->least;
}
