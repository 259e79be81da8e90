/* dot.h - the dot product of two vectors of floats, summed in one order on every machine. */
#ifndef CAIRN_RETRIEVE_DOT_H
#define CAIRN_RETRIEVE_DOT_H

#include <stddef.h>

#define DOT_LANES 8

/* In lanes that the compiler may put side by side. */
static inline float dot(const float *x, const float *y, size_t n)
{
    float sums[DOT_LANES] = {0}, sum = 0;
    size_t i = 0;

    for (; i + DOT_LANES <= n; i += DOT_LANES)
        for (size_t l = 0; l < DOT_LANES; l++)
            sums[l] += x[i + l] * y[i + l];
    for (; i < n; i++)
        sum += x[i] * y[i];
    for (size_t l = 0; l < DOT_LANES; l++)
        sum += sums[l];
    return sum;
}

#endif
