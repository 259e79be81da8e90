/* fuse.h - several ranked lists made one.
 *
 * FUSE_RRF     score = sum over lists of weight / (k + rank) (Cormack, Clarke and Büttcher, SIGIR
 *              2009). Looks at ranks only.
 * FUSE_CONVEX  score = sum over lists of weight * (s - zero) / (best - zero) over that list's own
 *              scores, an item missing from a list counting 0 there; weights are scaled to sum 1
 *              (Bruch, Gai and Ingber, TOIS 2023). Keeps how much better the best is. `zero` is the
 *              score at a fixed rank, so that how deep a list was asked for changes nothing above it; what
 *              stands lower counts less than FUSE_TAIL, falling with its rank.
 *
 * An item that a list cannot hold, whatever is asked (of an embedding model that does not know its language), would lose
 * that list's weight against all others: there another list stands in with its own score (fuse_list.sole).
 *
 * Ties are broken by the better rank in the first list that holds either item, then by id, so the
 * result is one order whatever the machine. */
#ifndef CAIRN_RETRIEVE_FUSE_H
#define CAIRN_RETRIEVE_FUSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

#define FUSE_MAX_LISTS 4
#define FUSE_TAIL      1e-3

typedef enum fuse_method { FUSE_RRF = 0, FUSE_CONVEX = 1 } fuse_method;

typedef struct fuse_params {
    fuse_method method;
    double rrf_k;                  /* 0: 60 */
    double weight[FUSE_MAX_LISTS]; /* >= 0; all zero: equal */
    size_t zero_rank;              /* FUSE_CONVEX: whose score counts 0; 0, or a shorter list: the last one's */
} fuse_params;

typedef struct fuse_item {
    uint64_t id;
    float score; /* finite */
} fuse_item;

/* By falling score, each id at most once. */
typedef struct fuse_list {
    const fuse_item *items;
    size_t n;
    const bool *sole; /* [n]: list `sole_of` cannot hold the item, so that its weight counts here, too; NULL: none is so */
    size_t sole_of;
} fuse_list;

typedef struct fuse_hit {
    uint64_t id;
    float score;
    float list_score[FUSE_MAX_LISTS];   /* as given; 0 where the list does not hold it */
    uint32_t list_rank[FUSE_MAX_LISTS]; /* from 1; 0 where the list does not hold it */
} fuse_hit;

/* The best `max` items of the union, by falling score, into hits[max]. n_lists <= FUSE_MAX_LISTS.
 * CAIRN_EUSAGE for a negative weight or too many lists, CAIRN_ENOMEM. O(total items). */
cairn_status fuse_lists(const fuse_list *lists, size_t n_lists, const fuse_params *params,
                        size_t max, fuse_hit *hits, size_t *n_hits, cairn_error *err);

#endif
