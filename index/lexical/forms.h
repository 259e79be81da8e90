/* forms.h - the words as they were written: what a dictionary of stems cannot show.
 *
 * The dictionary holds terms ("organis"); people read and type forms ("organisation"). This part of
 * an index lists, sorted, the forms of every term that has a form other than itself, each with how
 * often it was written. A term that is not listed is its own and only form; one that is listed has
 * exactly the forms given, so a stem that nobody wrote is not among them. Together both lists are
 * every word of the collection: wildcards, completions and corrections read them.
 *
 * Forms are case-folded and keep their accents. Counts are occurrences; a merge adds them up, and
 * leaves those of deleted rows in as long as their term lives. Forms of more than FORM_MAX bytes are
 * not kept.
 *
 * Threads  a table belongs to one thread; what is read is shared. */
#ifndef CAIRN_INDEX_LEXICAL_FORMS_H
#define CAIRN_INDEX_LEXICAL_FORMS_H

#include <stdbool.h>

#include "base/bytes.h"
#include "base/cursor.h"
#include "base/pace.h"
#include "base/sections.h"
#include "index/text/analyzer.h"

#define FORM_MAX ANALYZER_TERM_MAX
#define FORMS_QUEUE 64

/* ---- collect ---- */

typedef struct forms_pair {
    uint32_t text; /* the form in texts, the rest of the term behind it */
    uint32_t hash, count;
    uint8_t len, cut, rest; /* term = form without its last `cut` bytes, then `rest` bytes */
    bool gone;              /* its term is in no dictionary */
} forms_pair;

typedef struct forms_table {
    forms_pair *pairs; /* forms that differ from their terms */
    size_t n, cap;
    bytes texts;
    uint32_t *slots; /* pair + 1, 0 = empty; a power of two */
    size_t n_slots;
    uint64_t *own; /* words that are their own term: hash above, count below */
    size_t n_own, cap_own;
    uint64_t queue[FORMS_QUEUE]; /* on their way there: the table is larger than the caches */
    size_t n_queue;
} forms_table;

void forms_table_init(forms_table *t);
void forms_table_clear(forms_table *t);
size_t forms_table_memory(const forms_table *t);
/* Count a form of a term; an analyzer_form_fn with the table as its context. */
cairn_status forms_table_add(void *table, const char *form, size_t form_len, const char *term,
                             size_t term_len, uint32_t count, cairn_error *err);
/* Add what `from` holds, and empty it. */
cairn_status forms_table_absorb(forms_table *t, forms_table *from, cairn_error *err);

/* ---- write ---- */

typedef struct forms_writer {
    forms_table *table; /* borrowed */
    uint32_t *by_term;  /* pairs in the order of their terms */
    size_t n_pairs, at; /* of by_term; below `at` terms were met */
    bytes listed;       /* a bit a term of the dictionary */
    uint64_t n_terms;
    pace *pace;         /* borrowed; NULL: nobody looks */
} forms_writer;

cairn_status forms_writer_init(forms_writer *w, forms_table *table, pace *p, cairn_error *err);
void forms_writer_clear(forms_writer *w);
/* The next term of the dictionary, in its order; `more`: how often it stands as its own form beyond
 * what the table knows, counted if the term is listed. */
cairn_status forms_writer_term(forms_writer *w, const char *term, size_t len, uint64_t more,
                               cairn_error *err);
/* Told of each entry in the order in which it is written. */
typedef cairn_status (*forms_entry_fn)(void *ctx, const char *form, size_t form_len,
                                       const char *term, size_t term_len, cairn_error *err);
cairn_status forms_writer_emit(forms_writer *w, const section_sink *sink, forms_entry_fn entry,
                               void *ctx, cairn_error *err);

/* ---- read ---- */

typedef struct forms {
    const uint8_t *listed, *index, *entries; /* borrowed */
    size_t entries_len, n_blocks;
    uint64_t n, n_terms;
} forms;

/* `head` is section lex.fidx, `entries` lex.forms. */
cairn_status forms_open(forms *f, const uint8_t *head, size_t head_len, const uint8_t *entries,
                        size_t entries_len, uint64_t n_terms, cairn_error *err);
/* Are the forms of the dictionary's i-th term listed? If not, the term is its only form. */
static inline bool forms_listed(const forms *f, uint64_t i)
{
    return i < f->n_terms && (f->listed[i >> 3] >> (i & 7) & 1);
}

typedef struct forms_iter {
    const forms *f;
    cursor c;
    uint64_t i; /* entries given or stepped over */
    size_t shared; /* bytes that `form` shares with the one before in its block */
    char form[FORM_MAX], term[FORM_MAX];
    size_t form_len, term_len;
    uint64_t count;
} forms_iter;

/* Before the first form >= from[0, len); len 0 = before all. The same form may come several times,
 * with different terms. */
cairn_status forms_iter_seek(forms_iter *it, const forms *f, const char *from, size_t len,
                             cairn_error *err);
/* Before the first form of block i, to skip blocks that a pattern cannot meet. */
void forms_iter_enter(forms_iter *it, const forms *f, size_t block);
/* The first eight bytes of block i's first form, zeros behind a shorter one. */
const uint8_t *forms_block_head(const forms *f, size_t block);
/* Entries a block. */
#define FORMS_BLOCK 32
/* Step to the next; *more is false at the end. */
cairn_status forms_iter_next(forms_iter *it, bool *more, cairn_error *err);

/* Walk everything: order, counts, and that listed terms and entries belong together. */
struct dict;
cairn_status forms_verify(const forms *f, const struct dict *d, cairn_error *err);

#endif
