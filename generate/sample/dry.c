/* dry.c - see dry.h. Runs are read backwards from the end: z[i] is how many tokens before text[n - i]
 * equal those that end the text, for all i in one pass (the Z algorithm: Gusfield, Algorithms on
 * Strings, Trees and Sequences, section 1.4). */
#include "generate/sample/dry.h"

#include <stdlib.h>

static int by_id_then_length(const void *a, const void *b)
{
    const dry_repeat *x = a, *y = b;

    if (x->id != y->id)
        return x->id < y->id ? -1 : 1;
    return x->length < y->length ? 1 : x->length > y->length ? -1 : 0;
}

size_t dry_repeats(const token_id *text, size_t n, size_t least,
                   bool (*is_breaker)(const void *ctx, token_id id), const void *ctx,
                   size_t *scratch, dry_repeat *out)
{
    size_t *z = scratch, limit = 0, found = 0, kept = 0;

#define BACK(i) text[n - 1 - (i)]
    while (limit < n && !is_breaker(ctx, BACK(limit)))
        limit++;
    if (limit < least)
        return 0;
    for (size_t i = 1, left = 0, right = 0; i < n; i++) {
        size_t k = i < right ? z[i - left] : 0;
        if (i + k >= right) {
            k = i < right ? right - i : 0;
            while (i + k < n && BACK(i + k) == BACK(k))
                k++;
            left = i;
            right = i + k;
        }
        z[i] = k;
        k = k < limit ? k : limit;
        if (k >= least)
            out[found++] = (dry_repeat){BACK(i - 1), k};
    }
#undef BACK
    qsort(out, found, sizeof *out, by_id_then_length);
    for (size_t i = 0; i < found; i++)
        if (!kept || out[kept - 1].id != out[i].id)
            out[kept++] = out[i];
    return kept;
}
