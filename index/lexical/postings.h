/* postings.h - read one posting list block by block.
 *
 * A list of fewer than 128 postings is one block; otherwise a table in front tells where each block
 * ends before anything is decoded. Every value read from the bytes is checked before it is used:
 * rows ascend and stay below n_rows, offsets stay inside the list.
 *
 * Owns     nothing; it borrows the reader's bytes. About 3.6 KiB: keep it in an arena.
 * Threads  one cursor per thread.
 * Errors   CAIRN_ECORRUPT; the cursor must not be used further. */
#ifndef CAIRN_INDEX_LEXICAL_POSTINGS_H
#define CAIRN_INDEX_LEXICAL_POSTINGS_H

#include <stdalign.h>

#include "index/lexical/dict.h"
#include "index/lexical/format.h"
#include "index/lexical/pack.h"

struct lexical_reader;

typedef struct postings {
    const struct lexical_reader *reader;
    const uint8_t *list, *end; /* the list; SECTION_PAD readable bytes follow unless df is 1 */
    const uint8_t *pos, *pos_end;
    const uint8_t *skips; /* last row of each block; NULL for a list of one */
    const uint8_t *bounds;
    const uint8_t *ends; /* where the blocks begin */
    const uint8_t *data; /* where those offsets count from */
    const pack_kernels *k;
    uint32_t df, n_rows, n_blocks;
    unsigned offset_bytes;
    bool plain;
    /* The block decoded last. */
    uint32_t block;        /* UINT32_MAX: none */
    uint32_t n;            /* its postings */
    bool once;             /* the posting of a list of one, whose position is a byte */
    unsigned others;       /* bit a field besides the body */
    const uint8_t *widths; /* of the groups: gaps and body */
    const uint8_t *freqs;  /* not yet unpacked */
    bool have_tf;
    unsigned fields; /* bit per field that may occur in the block; valid with have_tf */
    alignas(64) uint32_t doc[BLOCK];
    alignas(64) uint32_t tf[LEXICAL_FIELDS][BLOCK]; /* valid for `fields` only */
} postings;

/* Stand before the first block of a term's list. */
cairn_status postings_open(postings *p, const struct lexical_reader *r, const dict_term *t,
                           const pack_kernels *k, cairn_error *err);
/* Decode the rows of block i (frequencies follow with postings_tf). doc behind the n-th is filled
 * up with the last row to a multiple of 16. */
cairn_status postings_block(postings *p, uint32_t i, cairn_error *err);
/* Frequencies of the block: fills tf[f] for every f in p->fields. */
cairn_status postings_tf(postings *p, cairn_error *err);

/* The body's frequency in posting i of the block, without unpacking the others; only where
 * p->others is 0 and p->have_tf false. */
cairn_status postings_body_tf(const postings *p, uint32_t i, uint32_t *tf, cairn_error *err);

/* From the table of a list that has one (p->skips). */
static inline uint32_t postings_last(const postings *p, uint32_t block)
{
    return load_u32(p->skips + (size_t)block * 4);
}
/* The greatest share in the block, and in the list (format.h). */
static inline uint8_t postings_bound(const postings *p, uint32_t block)
{
    return p->bounds[block];
}
static inline uint8_t postings_list_bound(const postings *p)
{
    return p->list[1];
}

/* Positions of the block in force; after postings_tf. */
typedef struct postings_positions {
    const uint8_t *bits;
    unsigned width;            /* or BY_LENGTH */
    uint32_t start[BLOCK + 1]; /* first value of each posting; [n] = all */
    uint32_t bit[BLOCK];       /* where it begins */
} postings_positions;
cairn_status postings_positions_open(const postings *p, postings_positions *out, cairn_error *err);
/* Positions of posting i in field f into dst; returns how many (its frequency). dst has room for
 * them. */
size_t postings_positions_get(const postings *p, const postings_positions *pp, uint32_t i,
                              unsigned f, uint32_t *dst);

#endif
