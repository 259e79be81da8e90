/* eval_compare.h - two systems over the same queries, in one measure. */
#ifndef CAIRN_ENGINE_EVAL_COMPARE_H
#define CAIRN_ENGINE_EVAL_COMPARE_H

#include "engine/eval.h"

/* b[n] against a[n], n at least 1, by metrics_compare with the seed of all comparisons. `name` is borrowed. */
cairn_status eval_compare_values(const char *name, const double *a, const double *b, size_t n, cairn_comparison *out,
                                 cairn_error *err);

#endif
