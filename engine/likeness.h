/* likeness.h - signatures of documents (index/near/near.h), made of their passages' shingles (retrieve/shingles.h).
 *
 * A document's signature stands in the segment that holds its words, so it comes and goes with them. Passages are
 * sketched one by one: the two shingles that lie across a border of passages count only where passages overlap. That
 * moves the estimate by less than its deviation; what is said to a user is measured on the whole texts.
 *
 * Errors   those of the store, CAIRN_ENOMEM. */
#ifndef CAIRN_ENGINE_LIKENESS_H
#define CAIRN_ENGINE_LIKENESS_H

#include "engine/view.h"
#include "index/near/near.h"

/* How much less than the likeness asked for an estimate may be and the pair is still measured: four deviations. */
#define LIKENESS_MARGIN 0.25

/* Add a passage's shingles. */
void likeness_add(near_sketch *s, const char *text, size_t len);
/* The signature of a document that the store has; *has false: its text is too short. */
cairn_status likeness_of_stored(const store_snapshot *s, doc_id doc, near_signature *out, bool *has,
                                cairn_error *err);
/* The signature that stands in a segment of the view; false: none does. */
bool likeness_find(const view *v, doc_id doc, near_signature *out);
/* Have all segments with words signatures? Not so on a cluster, and before the first merge of an old collection. */
bool likeness_is_whole(const view *v);
/* Has a segment of words no signatures yet? */
bool likeness_is_missing(const segment_file *file);

/* Take the signatures of a segment's live documents into a merge, made from the store where the segment has none. */
cairn_status likeness_merge(const store_snapshot *s, const segment_file *file, uint32_t n_rows,
                            const uint64_t *deleted, near_writer *to, pace *pace, cairn_error *err);

#endif
