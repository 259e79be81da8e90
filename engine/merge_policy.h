/* merge_policy.h - which segments to merge next: tiers.
 *
 * Segments of one kind fall into tiers by their live rows, each four times the one below; the first
 * holds up to MERGE_SMALLEST. A tier with MERGE_FACTOR segments is due: all of them become one,
 * some tiers up. So a row is rewritten about log_8(rows / rows a flush) times in its life, and a
 * collection has fewer than MERGE_FACTOR segments a tier. A segment of which more than a third is
 * deleted is due by itself, and so, when nothing else is, is one of an older format that a merge brings
 * up to date. */
#ifndef CAIRN_ENGINE_MERGE_POLICY_H
#define CAIRN_ENGINE_MERGE_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MERGE_FACTOR   8
#define MERGE_SMALLEST 1024
#define MERGE_TIERS    12  /* the last has no upper end */
#define MERGE_MOST     256 /* segments of one merge */

typedef struct merge_candidate {
    uint32_t rows, deleted;
    bool outdated; /* its columns are in an older format that a merge brings up to date */
} merge_candidate;

/* 0 .. MERGE_TIERS - 1 */
size_t merge_tier(const merge_candidate *s);
/* Live rows of the largest segment of a tier; UINT32_MAX for the last. */
uint32_t merge_tier_rows(size_t tier);
/* Indexes of what to merge next among s[0, n), rising, into out[MERGE_MOST]; returns how many, 0
 * when nothing is due. `all`: everything into one, unless it is one without
 * deletions already, and not outdated. */
size_t merge_choose(const merge_candidate *s, size_t n, bool all, size_t out[MERGE_MOST]);

#endif
