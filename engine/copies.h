/* copies.h - documents with the same bytes: stored once, known under all their places.
 *
 * Of a group with equal hash, extension, type and folder settings one document has passages and vectors; its
 * record lists the others as `places`, and its rows carry them, so that a filter by folder finds it in each. The
 * others are records without passages that say `same_as`. The document of the group stands under the first uri in
 * byte order, so that a collection looks the same however it came to be.
 *
 * Changes come in two steps. A run writes and removes records, keeping passages of a group alive as long as one place
 * is left, and notes the hashes it touched; copies_settle then puts each of those groups in order. The notes are
 * committed with the records (META_UNSETTLED), so a run that was cut off is settled by the next one.
 *
 * Owns     its list of hashes. Threads: the run's. Errors: those of the store, CAIRN_ENOMEM. */
#ifndef CAIRN_ENGINE_COPIES_H
#define CAIRN_ENGINE_COPIES_H

#include "engine/batch.h"
#include "engine/labels.h"

#define META_UNSETTLED "unsettled"

/* What a run wrote: looked up before the store sees it. */
typedef struct written_doc written_doc;

typedef struct copies {
    cairn *c;
    batch *b;       /* borrowed */
    bytes unsettled; /* 16 bytes a hash */
    size_t n_noted;  /* bytes of it that the batch knows */
    written_doc *written; /* open addressing by hash */
    size_t n_written, written_cap;
    struct moved_copy *moved; /* copies that went to another uri in this run */
    size_t n_moved, moved_cap;
    arena memory; /* of their uris */
} copies;

/* Takes over what an earlier run left unsettled. */
cairn_status copies_init(copies *x, cairn *c, batch *b, const store_snapshot *s, cairn_error *err);
void copies_clear(copies *x);

/* Is this place out of the question for the passages of its group (gone, changed, being removed)? May be NULL. */
typedef bool copies_unfit_fn(void *ctx, const char *uri);

/* The document that `doc` (with hash, ext, mime and meta) is a copy of: *id, or 0. */
cairn_status copies_find(copies *x, const store_snapshot *s, const store_doc *doc,
                         copies_unfit_fn *unfit, void *ctx, doc_id *id, cairn_error *err);
/* Put `doc` as a copy of document `of`, in place of document `replaces` (0: of none). */
cairn_status copies_put(copies *x, const store_doc *doc, doc_id of, doc_id replaces,
                        cairn_error *err);
/* Remember a document with passages that the batch put as `id`. */
cairn_status copies_wrote(copies *x, const store_doc *doc, doc_id id, cairn_error *err);
/* Take a document out. Where it holds the passages of others, one of those takes them over. *moved (may be NULL)
 * says whether its number lives on under another uri. */
cairn_status copies_remove(copies *x, const store_snapshot *s, const store_doc *doc,
                           copies_unfit_fn *unfit, void *ctx, bool *moved, cairn_error *err);
/* A copy (a file inside a file that moved) is at another uri now; the document of its group still names the old one. */
cairn_status copies_moved(copies *x, const char *from, const char *to, cairn_error *err);
/* The group of this document has to be looked at. Documents without copies are passed over. */
cairn_status copies_touch(copies *x, const store_doc *doc, cairn_error *err);

/* Before a flush: let the batch know what is unsettled. */
cairn_status copies_note(copies *x, cairn_error *err);
/* Put the groups in order; the batch must have been flushed, and is flushed here. */
cairn_status copies_settle(copies *x, cairn_error *err);

#endif
