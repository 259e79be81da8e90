/* near.h - which documents of a segment have nearly the same words: MinHash signatures and a table of bands.
 *
 * A document's set of shingles (hashes of word triples, made by whoever has the text) is sketched as NEAR_BINS numbers
 * of 16 bits (Broder 1997) by one permutation with a bin a number; empty bins take the value of the next one to their
 * right (Shrivastava and Li, ICML 2014). The share of equal numbers estimates the Jaccard index of two sets, with a
 * deviation of at most 0.063. NEAR_BANDS times NEAR_ROWS of them make keys; documents that share a key are candidates
 * (Leskovec et al., Mining of Massive Datasets, 3.4): two sets of likeness 0.7 meet with probability 0.9998, two of
 * 0.2 with 0.15.
 *
 * Documents are named by numbers of the caller's, never 0. Who is alive is the caller's business, too.
 *
 * Owns     a writer copies what it is given; a reader borrows its source's bytes.
 * Threads  one writer a thread; readers are immutable and shared.
 * Errors   CAIRN_ECORRUPT for broken sections, CAIRN_EUNSUPPORTED for a newer format, CAIRN_ENOMEM. */
#ifndef CAIRN_INDEX_NEAR_H
#define CAIRN_INDEX_NEAR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/pace.h"
#include "base/sections.h"
#include "base/status.h"

#define NEAR_BINS  64
#define NEAR_ROWS  3
#define NEAR_BANDS (NEAR_BINS / NEAR_ROWS)
#define NEAR_FEW   8 /* sets of fewer shingles are alike by chance: they have no signature */

typedef struct near_sketch {
    uint32_t least[NEAR_BINS];
    uint64_t n; /* shingles, repeated ones counted */
} near_sketch;

typedef struct near_signature {
    uint16_t v[NEAR_BINS];
} near_signature;

void near_sketch_init(near_sketch *s);
void near_sketch_add(near_sketch *s, uint64_t shingle);
/* false: too few shingles. */
bool near_sketch_sign(const near_sketch *s, near_signature *out);

/* Estimated Jaccard index, 0 .. 1. */
double near_likeness(const near_signature *a, const near_signature *b);
/* A band's key, band < NEAR_BANDS. */
uint32_t near_key(const near_signature *s, size_t band);

/* ---- writing ---- */

typedef struct near_writer near_writer;

cairn_status near_writer_create(near_writer **out, cairn_error *err);
/* A document that is added twice keeps its first signature. */
cairn_status near_writer_add(near_writer *w, uint64_t doc, const near_signature *s, cairn_error *err);
size_t near_writer_memory(const near_writer *w);
/* Writes the sections "near.meta", "near.docs", "near.sigs" and "near.bands". The writer is spent afterwards. `pace`
 * (may be NULL) steps once a band. */
cairn_status near_writer_finish(near_writer *w, const section_sink *sink, pace *pace, cairn_error *err);
void near_writer_destroy(near_writer *w); /* NULL is fine */

/* ---- reading ---- */

typedef struct near_reader near_reader;

/* CAIRN_ENOTFOUND: the segment has no such sections. */
cairn_status near_reader_open(near_reader **out, const section_source *source, cairn_error *err);
void near_reader_close(near_reader *r); /* NULL is fine */
uint32_t near_reader_docs(const near_reader *r);
/* Document i, in rising order; i < near_reader_docs. */
uint64_t near_reader_doc(const near_reader *r, uint32_t i);
/* Its signature, borrowed. */
const near_signature *near_reader_signature(const near_reader *r, uint32_t i);
/* Where document `doc` stands; false: it has no signature here. O(log n). */
bool near_reader_find(const near_reader *r, uint64_t doc, uint32_t *i);
/* Every document that shares a key with `s`, itself included, once for each key shared. fn answers false to stop.
 * O(NEAR_BANDS log n) and a call a match. */
typedef bool near_match_fn(void *ctx, uint64_t doc, const near_signature *s);
void near_reader_matches(const near_reader *r, const near_signature *s, near_match_fn *fn, void *ctx);

#endif
