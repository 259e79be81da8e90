/* neighbours.c - see neighbours.h. Sums run in one order on every machine. */
#include "retrieve/neighbours.h"

#include <math.h>

#include "base/checked.h"
#include "retrieve/dot.h"

#define NEAREST   3
#define SHARPNESS 10.0f

/* The mean share of the passages most like i; its own where there are none. */
static float mean_nearby(const float *shares, const float *like, size_t n, size_t i)
{
    size_t nearest[NEAREST], found = 0;
    float sum = 0;

    for (size_t j = 0; j < n; j++) {
        size_t at = found;
        if (j == i || isnan(like[j]))
            continue;
        while (at && like[nearest[at - 1]] < like[j])
            at--;
        if (at == NEAREST)
            continue;
        for (size_t k = found < NEAREST ? found : NEAREST - 1; k > at; k--)
            nearest[k] = nearest[k - 1];
        nearest[at] = j;
        found += found < NEAREST;
    }
    for (size_t k = 0; k < found; k++)
        sum += shares[nearest[k]];
    return found ? sum / (float)found : shares[i];
}

static void find_centre(const float *shares, const float *const *vectors, size_t n, size_t dim,
                        float *centre)
{
    for (size_t i = 0; i < n; i++) {
        float weight = expf(SHARPNESS * (shares[i] - 1));
        for (size_t d = 0; vectors[i] && d < dim; d++)
            centre[d] += weight * vectors[i][d];
    }
}

cairn_status neighbours_even_out(float *shares, const float *const *vectors, size_t n, size_t dim,
                                 const neighbours_params *params, arena *a, cairn_error *err)
{
    float *centre = arena_calloc(a, dim + 1, sizeof *centre),
          *like = arena_calloc(a, n + 1, sizeof *like);
    float *nearby = arena_calloc(a, n + 1, sizeof *nearby),
          *central = arena_calloc(a, n + 1, sizeof *central);
    float least = INFINITY, most = -INFINITY, own = 1 - params->neighbours - params->centre;

    if (!centre || !like || !nearby || !central)
        return cairn_fail(err, CAIRN_ENOMEM, "likeness of passages");
    find_centre(shares, vectors, n, dim, centre);
    for (size_t i = 0; i < n; i++) {
        if (!vectors[i])
            continue;
        for (size_t j = 0; j < n; j++)
            like[j] = vectors[j] ? dot(vectors[i], vectors[j], dim) : NAN;
        nearby[i] = mean_nearby(shares, like, n, i);
        central[i] = dot(vectors[i], centre, dim);
        least = central[i] < least ? central[i] : least;
        most = central[i] > most ? central[i] : most;
    }
    for (size_t i = 0; i < n; i++)
        if (vectors[i])
            shares[i] = own * shares[i] + params->neighbours * nearby[i] +
                        params->centre * (most > least ? (central[i] - least) / (most - least) : 1);
    return CAIRN_OK;
}
