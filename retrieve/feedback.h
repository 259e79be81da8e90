/* feedback.h - the list of vectors scored again by a direction between the question's and that of what was found first.
 *
 * The first FEEDBACK_HITS passages of the fused list, which words and vectors chose together, are taken to speak of
 * what is meant: q' = (1 - share) q + share m, where m is the direction of their mean, each weighed by how near its
 * score is to the best one's (Rocchio 1971; for vectors of passages Li et al., TOIS 2023). Only hits of the list are
 * scored, so nothing is searched a second time. */
#ifndef CAIRN_RETRIEVE_FEEDBACK_H
#define CAIRN_RETRIEVE_FEEDBACK_H

#include "base/arena.h"
#include "retrieve/index.h"

#define FEEDBACK_HITS 5

typedef struct feedback_from {
    const retrieve_index *index; /* whose `vector` gives the hits' vectors */
    const retrieve_list *list;   /* with places */
    const float *question;       /* [dim] */
    uint32_t dim;
    bool second;  /* the list is of the second model's vectors */
    double share; /* 0..1 */
} feedback_from;

/* The list by q', by falling score, in the arena. */
typedef struct feedback_list {
    fuse_item *items; /* [n]; NULL: none of the first hits is in the list, which stays as it is */
    uint32_t *rank;   /* [n]: from 1, where the item stands in the list itself */
    bool *sole;       /* [n]: as in the list; NULL where that is */
    struct feedback_room *room; /* of feedback_prepare */
} feedback_list;

/* Room for feedback_score, in the arena: two lists may then be scored at the same time. */
cairn_status feedback_prepare(const feedback_from *from, arena *a, feedback_list *out, cairn_error *err);
/* first[n_first]: the fused hits, best first; list_rank[l] says where they stand in the list. O(n dim). */
void feedback_score(const feedback_from *from, const fuse_hit *first, size_t n_first, size_t l,
                    feedback_list *out);

#endif
