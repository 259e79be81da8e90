/* view.h - one snapshot of the store with a reader open on every segment: what a search walks.
 *
 * Readers are kept across views, because segments never change: only the segments that came since
 * the last view are opened.
 *
 * Owns     a view owns its snapshot; the cache owns the readers and keeps their files mapped.
 * Threads  view_open and view_close belong to the handle's thread; a view may be read by many. */
#ifndef CAIRN_ENGINE_VIEW_H
#define CAIRN_ENGINE_VIEW_H

#include "engine/engine.h"
#include "index/filter/filter.h"
#include "index/lexical/lexical.h"
#include "index/near/near.h"
#include "index/vector/vector.h"
#include "retrieve/search.h"

typedef struct view {
    uint64_t **hidden; /* [n_hidden], owned: deleted rows and those that the handle may not see */
    size_t n_hidden;
    store_snapshot *snapshot;
    /* n_lexical of each: segment, its search entry (allowed = NULL), its filter columns, its signatures */
    const store_segment **lexical_of;
    lexical_segment *lexical;
    const filter_reader **lexical_filter;
    const near_reader **near; /* NULL where the segment has no signatures of documents */
    size_t n_lexical;
    const store_segment **vector_of;
    vector_segment *vector;
    const filter_reader **vector_filter;
    size_t n_vector;
    /* The same of a second embedder's vectors, where they are searched (second.h); n_second 0 otherwise. */
    const store_segment **second_of;
    vector_segment *second;
    const filter_reader **second_filter;
    size_t n_second;
    char *second_model, *second_identity; /* owned; NULL: there is none */
    /* Of a collection on a cluster, which has no segments: what answers in their place; NULL otherwise. */
    const retrieve_index *index;
    retrieve_index on_cluster;
} view;

cairn_status view_open(cairn *c, view *out, cairn_error *err);
/* On a cluster the state that the handle saw last is taken without asking. Before anything of the view is told,
 * view_is_current must have said yes. Elsewhere the same as view_open. */
cairn_status view_open_relying(cairn *c, view *out, cairn_error *err);
cairn_status view_is_current(const view *v, bool *current, cairn_error *err);
void view_close(view *v); /* a zeroed view is fine */

void view_cache_destroy(view_cache *cache); /* NULL is fine */
/* Close the readers of segments that are gone, before a merge's inputs should leave the disk. */
void view_cache_trim(cairn *c, const view *keep);

#endif
