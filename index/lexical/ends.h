/* ends.h - the words of an index by their endings: where to look for *ung without walking them all.
 *
 * For the dictionary's terms, for the written forms (forms.h), and for the forms by their terms: in
 * which blocks of 32 stand words that end so. What is found is a little more than that, blocks to
 * be looked through.
 *
 * Forms are taken without their accents, as patterns are held against them; terms as they are. The
 * third list is there only where compounds are (German and Dutch rows).
 *
 * Threads  a writer belongs to one thread; what is read is shared. */
#ifndef CAIRN_INDEX_LEXICAL_ENDS_H
#define CAIRN_INDEX_LEXICAL_ENDS_H

#include <stdbool.h>

#include "base/bytes.h"
#include "base/pace.h"
#include "base/sections.h"
#include "index/lexical/dict.h"
#include "index/lexical/forms.h"

#define ENDS_WORDS 32 /* a block of the dictionary or of the forms */

typedef enum ends_kind {
    ENDS_TERMS,      /* dictionary terms */
    ENDS_FORMS,      /* entries of the forms, by the form */
    ENDS_FORM_TERMS, /* the same by the entry's term */
    ENDS_KINDS
} ends_kind;

/* ---- write ---- */

typedef struct ends_writer {
    struct {
        uint64_t *key; /* [n] of word i */
        size_t n, cap;
    } of[ENDS_KINDS];
} ends_writer;

void ends_writer_clear(ends_writer *w); /* zeros are an empty one */
/* The next word of this kind. */
cairn_status ends_writer_add(ends_writer *w, ends_kind kind, const char *word, size_t len,
                             cairn_error *err);
/* Section lex.ends. Memory: 8 bytes a word of each kind, 8 more a word of the largest. */
cairn_status ends_writer_emit(ends_writer *w, const section_sink *sink, pace *p, cairn_error *err);

/* ---- read ---- */

typedef struct ends_list {
    const uint8_t *heads, *bits; /* borrowed; see ends.c */
    size_t n, n_groups, bits_len;
} ends_list;

typedef struct ends {
    ends_list of[ENDS_KINDS]; /* n 0: there is none */
    const uint8_t *data;      /* the whole section */
    size_t len;
} ends;

/* `data` is section lex.ends, which has a list for all of the terms and forms or none. */
cairn_status ends_open(ends *e, const uint8_t *data, size_t len, uint64_t n_terms, uint64_t n_forms,
                       cairn_error *err);
/* Is it what a writer would write for these words? */
cairn_status ends_verify(const ends *e, const dict *d, const forms *f, cairn_error *err);

/* The blocks that hold all words that end in the suffix, a bit each, for the caller to free; NULL:
 * there is no list, or it says so many blocks that a walk over all is as quick. */
cairn_status ends_find(const ends *e, ends_kind kind, const char *suffix, size_t len,
                       uint64_t **blocks, cairn_error *err);

#endif
