/* merge_policy.c - see merge_policy.h. The lowest due tier goes first: its segments are many and
 * cheap to merge, and each costs every search its own look-ups. */
#include "engine/merge_policy.h"

/* A merged segment must stay below what one can hold. */
#define ROWS_MOST 0x7FFFFFFFu

static uint32_t live(const merge_candidate *s)
{
    return s->rows - s->deleted;
}

uint32_t merge_tier_rows(size_t tier)
{
    return tier + 1 < MERGE_TIERS ? (uint32_t)MERGE_SMALLEST << (2 * tier) : UINT32_MAX;
}

size_t merge_tier(const merge_candidate *s)
{
    size_t tier = 0;

    while (live(s) > merge_tier_rows(tier))
        tier++;
    return tier;
}

/* Those of s[0, n) in this tier, or all (tier == MERGE_TIERS), while they fit one segment. */
static size_t collect(const merge_candidate *s, size_t n, size_t tier, size_t out[MERGE_MOST])
{
    uint64_t rows = 0;
    size_t found = 0;

    for (size_t i = 0; i < n && found < MERGE_MOST; i++) {
        if ((tier < MERGE_TIERS && merge_tier(&s[i]) != tier) || rows + live(&s[i]) > ROWS_MOST)
            continue;
        rows += live(&s[i]);
        out[found++] = i;
    }
    return found;
}

size_t merge_choose(const merge_candidate *s, size_t n, bool all, size_t out[MERGE_MOST])
{
    size_t found;

    if (all) {
        found = collect(s, n, MERGE_TIERS, out);
        return found > 1 || (found == 1 && (s[out[0]].deleted || s[out[0]].outdated)) ? found : 0;
    }
    for (size_t i = 0; i < n; i++) {
        if (s[i].deleted > s[i].rows / 3) {
            out[0] = i;
            return 1;
        }
    }
    for (size_t tier = 0; tier < MERGE_TIERS; tier++) {
        found = collect(s, n, tier, out);
        if (found >= MERGE_FACTOR)
            return found;
    }
    for (size_t i = 0; i < n; i++) {
        if (s[i].outdated) {
            out[0] = i;
            return 1;
        }
    }
    return 0;
}
