/* segment.h - immutable files of named, checksummed sections: what the index rooms write once and
 * then only map.
 *
 * A segment holds rows 0 .. n_rows - 1. Each row stands for one chunk of one document; the sections
 * hold whatever an index knows about the rows. The file never changes after it was written: deletes
 * are tombstones in LMDB (see store.h), merges write a new file.
 *
 * Writing   segment_writer_create -> sections through segment_writer_sink -> segment_writer_finish
 *           -> store_segment_add or store_segment_merge in a transaction. Until that commits, the
 *           file is an orphan, which the next writer removes.
 * Reading   a store_snapshot hands out store_segments (store.h), each with its segment_file. A
 *           caller that keeps an index reader across snapshots keeps the file with segment_retain.
 *
 * Checks    Opening a file checks header, table of contents and trailer (a few hundred bytes). The
 *           bytes of a section are checked at the first segment_find that asks for it when it is at
 *           most `verify_bytes` long (store_options, 1 MiB unless told otherwise), and that verdict
 *           is remembered for the life of the mapping. Longer sections are checked by
 *           segment_verify and by store_check(deep), so that a cold search on a large store does
 *           not read every byte; readers length-check what they follow in any case.
 * Threads   a segment_writer belongs to one thread; a segment_file may be shared by all.
 * Format    docs/store.md, and the table in segment_write.c. */
#ifndef CAIRN_STORE_SEGMENT_H
#define CAIRN_STORE_SEGMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/sections.h"
#include "base/status.h"

typedef uint64_t doc_id;     /* never reused; 0 = none */
typedef uint64_t chunk_id;   /* never reused; 0 = none */
typedef uint64_t segment_id; /* never reused; 0 = none */

/* SEGMENT_ASIDE stands in a manifest alone: a file of vectors that nobody searches at present, because another
 * embedder made them than those that are searched (store_segment_set_aside). */
typedef enum segment_kind { SEGMENT_LEXICAL = 1, SEGMENT_VECTOR = 2, SEGMENT_ASIDE = 3 } segment_kind;

#define SEGMENT_FORMAT_VERSION 1
#define SEGMENT_MAX_SECTIONS   1024

struct store;
typedef struct segment_file segment_file;     /* a mapped segment, counted references */
typedef struct segment_writer segment_writer; /* a segment that is being written */

/* ---- writing ---- */

/* Start a segment file. The store must hold the writer lock. The writer belongs to the caller until
 * store_segment_add / store_segment_merge takes it over or segment_writer_abandon drops it. May be
 * used outside of a transaction and on another thread than the transaction's. */
cairn_status segment_writer_create(segment_writer **out, struct store *s, segment_kind kind,
                                   cairn_error *err);
/* Where index rooms put their sections. Names that start with "rows." belong to the store. The sink
 * lives as long as the writer. After a failed call every later call fails with the same status. */
const section_sink *segment_writer_sink(segment_writer *w);
/* The id the segment will have. */
segment_id segment_writer_id(const segment_writer *w);
uint64_t segment_writer_bytes(const segment_writer *w); /* written so far */
/* Write row tables and table of contents, fsync. row_chunks[n_rows] must be distinct and not 0;
 * row_docs[n_rows] names each row's document. n_rows may be 0. */
cairn_status segment_writer_finish(segment_writer *w, const chunk_id *row_chunks,
                                   const doc_id *row_docs, uint32_t n_rows, cairn_error *err);
/* Remove the temporary file and free the writer. NULL is fine. */
void segment_writer_abandon(segment_writer *w);

/* ---- reading ---- */

segment_id segment_file_id(const segment_file *f);
segment_kind segment_file_kind(const segment_file *f);
uint32_t segment_file_rows(const segment_file *f);
uint64_t segment_file_bytes(const segment_file *f); /* size of the file */
const char *segment_file_path(const segment_file *f);

/* Keep the mapping alive past its snapshot (the file may be unlinked meanwhile; the bytes stay).
 * Each retain is paid back with one release. */
segment_file *segment_retain(const segment_file *f);
void segment_release(segment_file *f); /* NULL is fine */

/* The bytes of a section: 64-byte aligned, alive as long as the file is. CAIRN_ENOTFOUND: no such
 * section. CAIRN_ECORRUPT: its checksum is wrong (the text names file and section). */
cairn_status segment_find(const segment_file *f, const char *name, const uint8_t **data,
                          size_t *len, cairn_error *err);
/* The same behind base/sections.h. `find` answers false for a damaged section too; segment_damage
 * tells which one. The source is borrowed from the file. */
section_source segment_source(const segment_file *f);
/* Name of the first section found damaged so far, or NULL. */
const char *segment_damage(const segment_file *f);
/* Check every section now, whatever its size, and the padding between them. CAIRN_ECORRUPT names the
 * first damaged one. */
cairn_status segment_verify(const segment_file *f, cairn_error *err);

size_t segment_section_count(const segment_file *f);
/* Name and length of section i in file order; i < segment_section_count. */
const char *segment_section_name(const segment_file *f, size_t i, uint64_t *len);

/* 0 when `row` is out of range. */
chunk_id segment_row_chunk(const segment_file *f, uint32_t row);
doc_id segment_row_doc(const segment_file *f, uint32_t row);
/* The row of a chunk in this segment, dead or alive. O(log n). */
bool segment_chunk_row(const segment_file *f, chunk_id chunk, uint32_t *row);

#endif
