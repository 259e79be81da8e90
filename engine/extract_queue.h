/* extract_queue.h - files to chunks on several threads, handed back in the order asked for.
 *
 * Each thread drives one extractor process (ingest/extractor.h). At most a window of files is ahead
 * of the consumer, so memory stays bounded however long the list is.
 *
 * Owns     the results until extract_queue_done gives them back; the list of files is borrowed.
 * Threads  one consumer. */
#ifndef CAIRN_ENGINE_EXTRACT_QUEUE_H
#define CAIRN_ENGINE_EXTRACT_QUEUE_H

#include "base/give_way.h"
#include "engine/engine.h"
#include "engine/piece_count.h"
#include "ingest/chunk.h"
#include "ingest/document.h"

/* A file inside the file: its document (borrowed from the outer one) and passages. One that failed has
 * no passages; document->status says so. */
typedef struct extracted_member {
    const ingest_document *document;
    ingest_chunk *chunks;
    size_t n_chunks;
} extracted_member;

typedef struct extracted {
    ingest_document *document; /* NULL when status is not CAIRN_OK */
    ingest_chunk *chunks;
    size_t n_chunks;
    extracted_member *members;
    size_t n_members;
    cairn_status status;
    cairn_error error;
    arena memory; /* of the chunks and members */
} extracted;

typedef struct extract_queue extract_queue;

/* A file and the settings it is read with, both borrowed. */
typedef struct extract_item {
    const char *path;
    const settings *s;
} extract_item;

/* Make chunks for the encoder of `c` (which may be missing: pieces are then guessed). `way`, borrowed, is the run's:
 * while others wait, the threads and their extractors rest. */
cairn_status extract_queue_start(extract_queue **out, cairn *c, const give_way *way, const extract_item *items, size_t n,
                                 cairn_error *err);
/* The result for the next path; waits for it, but no more than a tenth of a second: then NULL, so
 * that the caller can look at the clock and its cancel flag, and ask again. */
extracted *extract_queue_next(extract_queue *q);
/* Free the result that extract_queue_next gave last. */
void extract_queue_done(extract_queue *q);
/* Stop the threads and free everything. NULL is fine. */
void extract_queue_stop(extract_queue *q);

/* How chunks of a document with this title are cut: its pieces and the title's must fit the
 * encoder together. pieces may be NULL (no encoder: pieces are guessed) and lives longer. */
chunk_options engine_chunk_options(const settings *s, piece_counter *pieces, const char *title,
                                   const char *file_name);

#endif
