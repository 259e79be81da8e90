/* batch.h - the open segment: documents on their way into the store.
 *
 * Documents, their chunks and their index rows collect in one transaction; batch_flush writes the
 * segment file and commits both at once, so a document is visible with its words or not at all.
 * Nothing is acknowledged before batch_flush returned CAIRN_OK.
 *
 * Owns     its transaction and writers. Destroying a batch drops what was not flushed.
 * Threads  one: the transaction belongs to the thread of the first write. */
#ifndef CAIRN_ENGINE_BATCH_H
#define CAIRN_ENGINE_BATCH_H

#include "engine/engine.h"
#include "ingest/chunk.h"

typedef struct batch batch;

cairn_status batch_create(batch **out, cairn *c, cairn_error *err);
void batch_destroy(batch *b); /* NULL is fine */

/* Add a document with its chunks, in place of document `replaces` (0 = of none). `path_words`: the
 * uri is a path whose words are searchable (not so for the ids of an import). */
cairn_status batch_put(batch *b, const store_doc *doc, const ingest_chunk *chunks, size_t n,
                       doc_id replaces, bool path_words, cairn_error *err);
/* Vectors of passages, where has[i]: rows[n][dim]; dim 0: none. */
typedef struct batch_rows {
    float *rows;
    bool *has;
    uint32_t dim;
} batch_rows;

/* Add a document of another collection as it is there, its passages, and their vectors; those of a second embedder go aside. */
cairn_status batch_copy(batch *b, const store_doc *doc, const store_chunk *chunks, size_t n, const batch_rows *vectors,
                        const batch_rows *second, doc_id replaces, cairn_error *err);
/* The vector of the row added last, in a collection elsewhere: row[dim], of unit length. */
cairn_status batch_vector(batch *b, const float *row, uint32_t dim, cairn_error *err);
/* The document and the chunk of the row added last. */
void batch_last(const batch *b, doc_id *doc, chunk_id *chunk);
/* Document doc->id is now as `doc` says, under another uri or with other tags: new rows for its words
 * and for its vectors, which are not made again. `snapshot` must show the document as it was, and of
 * one document this is done once between two flushes. */
cairn_status batch_move(batch *b, const store_snapshot *snapshot, const store_doc *doc,
                        cairn_error *err);
cairn_status batch_delete(batch *b, doc_id doc, cairn_error *err);
/* The document with this uri, also one that this batch put: *id, or 0 when there is none. */
cairn_status batch_find(batch *b, const char *uri, doc_id *id, cairn_error *err);
cairn_status batch_failure(batch *b, const char *path, const char *reason, int64_t size,
                           int64_t mtime_ns, cairn_error *err);
cairn_status batch_forget_failure(batch *b, const char *path, cairn_error *err);
/* New rows for chunks that lost theirs: repair. */
cairn_status batch_reindex(batch *b, const store_snapshot *snapshot, const chunk_id *chunks,
                           size_t n, cairn_error *err);
cairn_status batch_meta(batch *b, const char *key, const void *data, size_t len, cairn_error *err);

/* The batch is large or old enough by the settings. */
bool batch_is_due(const batch *b);
/* Commit what was collected; fine when there is nothing. The batch can go on. */
cairn_status batch_flush(batch *b, cairn_error *err);

#endif
