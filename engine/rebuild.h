/* rebuild.h - indexes made again from the store, for repair and for segments of another version.
 *
 * Everything in a segment can be made again from the store: words from the chunks' texts, vectors
 * by embedding. */
#ifndef CAIRN_ENGINE_REBUILD_H
#define CAIRN_ENGINE_REBUILD_H

#include "engine/run.h"

enum {
    REBUILD_HAS_WORDS = 1,
    REBUILD_HAS_VECTOR = 2,
    REBUILD_WAITS = 4,
    REBUILD_EXISTS = 8,
    REBUILD_HAS_ASIDE = 16, /* a vector of the embedder that is aside (embedder.h) */
    REBUILD_UNREAD = 32     /* the embedder that is aside cannot read it: set by literacy_mark_unread, never by the survey */
};

/* (*seen)[id] tells, for each chunk id below *n_ids, what there is of it; the caller frees. The
 * segments of leave_out, and those that could not be opened, count as not there. */
cairn_status rebuild_survey(const store_snapshot *s, const segment_id *leave_out, size_t n,
                            uint8_t **seen, size_t *n_ids, cairn_error *err);
/* Take segments out of the manifest, noting in the store that rows are missing now. */
cairn_status rebuild_drop(cairn *c, const segment_id *ids, size_t n, cairn_error *err);
/* New rows for the chunks whose words are in no segment, and waiting marks for those without a
 * vector. `r` (may be NULL) is told how far it is and may cancel; a later call goes on. */
cairn_status rebuild_missing(cairn *c, run *r, cairn_error *err);
/* Before a run: where segments are there that another version of the program wrote, or a rebuild was
 * cut off, do the two above. */
cairn_status rebuild_due(run *r, cairn_error *err);

#endif
