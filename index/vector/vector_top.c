/* vector_top.c - selection and sorting of hits, see vector_top.h. */
#include "index/vector/vector_top.h"

#include <stdlib.h>

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

static int by_score(const void *pa, const void *pb)
{
    const vector_hit *a = pa, *b = pb;

    return hit_better(a, b) ? -1 : hit_better(b, a) ? 1 : 0;
}

void hits_sort(vector_hit *h, size_t n)
{
    if (n <= 2 * FEW)
        insertion_sort(h, n);
    else
        qsort(h, n, sizeof *h, by_score);
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
