/* automaton.h - which words a pattern accepts: wildcards, edit distance, regular expressions.
 *
 * A pattern becomes a non-deterministic automaton of at most AUTOMATON_POSITIONS positions, which
 * is made deterministic only where words lead (lazily, as Thompson's construction is run by
 * modern engines): a word of n characters costs n table look-ups once its states are known and never
 * more than n steps over the set of positions, whatever the pattern. Nothing here is exponential.
 *
 *   wildcard   * any run, ? one character
 *   fuzzy      the words within 1 or 2 edits (insertion, deletion, substitution, and the exchange of two
 *              neighbours as one edit: Damerau in the restricted form, "optimal string
 *              alignment"); the automaton of Schulz and Mihov (Fast String Correction with
 *              Levenshtein Automata, 2002), its rows kept as bit masks (Wu and Manber 1992)
 *   regex      . [a-z] [^a-z] \d \w \s \D \W \S ( ) | * + ? {m} {m,} {m,n} and \ before a sign; it must match
 *              the whole word; positions after Glushkov 1961
 *
 * Characters are code points. Letters of a pattern are folded as the analyzer folds those of
 * words, but not stemmed.
 *
 * Owns     everything lives in the caller's arena but the table of states, which automaton_clear
 *          frees.
 * Threads  one automaton a thread: walking fills its table. */
#ifndef CAIRN_INDEX_LEXICAL_AUTOMATON_H
#define CAIRN_INDEX_LEXICAL_AUTOMATON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/status.h"

#define AUTOMATON_POSITIONS 320
#define AUTOMATON_WORDS     (AUTOMATON_POSITIONS / 64)
/* Longest word of a fuzzy search, in code points. */
#define AUTOMATON_FUZZY_MAX 62
/* States kept; beyond that the table is emptied and filled anew. Where a pattern tells many classes
 * of characters apart it is fewer, but always more than a word has letters. */
#define AUTOMATON_STATES     4096
#define AUTOMATON_STATES_MIN 256
#define AUTOMATON_WALK_BYTES 128 /* longest word of a walk: a dictionary's */

typedef struct automaton_set {
    uint64_t w[AUTOMATON_WORDS];
} automaton_set;

/* A run of code points; used while a pattern is read. */
typedef struct automaton_range {
    uint32_t lo, hi; /* inclusive */
} automaton_range;

typedef struct automaton_state {
    automaton_set at;    /* positions just read; of a fuzzy one: its rows of bits */
    automaton_set reach; /* positions that may be read next */
    uint32_t next;       /* in the chain of its hash bucket */
    uint8_t accepts;     /* 0 no, else 1 + edits */
} automaton_state;

typedef struct automaton {
    bool fuzzy;
    unsigned edits, length; /* of a fuzzy one */
    /* Classes: code points between two bounds behave alike. */
    uint32_t *bound;
    size_t n_bounds;
    uint16_t ascii[128];
    size_t n_classes; /* n_bounds + 1 */
    automaton_set *of_class;
    automaton_set first, last, *follow;
    size_t n_positions;
    bool nullable;
    /* The deterministic part: state 0 is dead, 1 is the start. */
    automaton_state *states; /* [max_states] */
    uint32_t *steps;         /* [max_states][n_classes] */
    uint32_t *buckets;
    size_t n_states, max_states;
} automaton;

#define AUTOMATON_DEAD  0u
#define AUTOMATON_START 1u
#define AUTOMATON_FULL  UINT32_MAX /* the table is full: automaton_flush, then the word again */

/* CAIRN_EUSAGE with a sentence for a person when the text is no such pattern, CAIRN_ELIMIT when it
 * is too large. Clear *a also after a failure. */
cairn_status automaton_wildcard(automaton *a, arena *memory, const char *text, size_t len,
                                cairn_error *err);
cairn_status automaton_fuzzy(automaton *a, arena *memory, const char *text, size_t len,
                             unsigned edits, cairn_error *err);
cairn_status automaton_regex(automaton *a, arena *memory, const char *text, size_t len,
                             cairn_error *err);
void automaton_clear(automaton *a);

uint32_t automaton_new_step(automaton *a, uint32_t state, size_t class);
size_t automaton_class_of(const automaton *a, uint32_t cp);
void automaton_flush(automaton *a);

/* From `state` over one code point. */
static inline uint32_t automaton_step(automaton *a, uint32_t state, uint32_t cp)
{
    size_t class = cp < 128 ? a->ascii[cp] : automaton_class_of(a, cp);
    uint32_t next = a->steps[state * a->n_classes + class];
    return next != AUTOMATON_FULL ? next : automaton_new_step(a, state, class);
}

/* 0: the word is not accepted; else 1 + the edits it took. */
unsigned automaton_accepts(automaton *a, const char *word, size_t len);

/* Over words in order, each of which shares its first bytes with the one before. */
typedef struct automaton_walk {
    automaton *a;
    bool fresh;                               /* no word was walked yet */
    size_t dead;                              /* bytes of the last word that were refused */
    uint32_t state[AUTOMATON_WALK_BYTES + 1]; /* behind so many bytes of the last word */
} automaton_walk;

void automaton_walk_init(automaton_walk *w, automaton *a);
/* As automaton_accepts. len <= AUTOMATON_WALK_BYTES; `shared` bytes are those of the word before. */
unsigned automaton_walk_word(automaton_walk *w, const char *text, size_t len, size_t shared);
/* Whether no word from one that begins with `head` to one that begins with `next` can be accepted
 * (eight bytes each, zeros behind a shorter word). */
bool automaton_may_skip(automaton *a, const uint8_t head[8], const uint8_t next[8]);

/* The regular expression's positions (regex.c). */
typedef struct automaton_classes {
    automaton_range *range; /* of all positions, one behind the other */
    uint32_t *end;          /* of each position */
    size_t n, cap;
} automaton_classes;
cairn_status regex_positions(automaton *a, automaton_classes *c, arena *memory, const char *text,
                             size_t len, cairn_error *err);

static inline bool set_has(const automaton_set *s, size_t i)
{
    return s->w[i >> 6] >> (i & 63) & 1;
}
static inline void set_put(automaton_set *s, size_t i)
{
    s->w[i >> 6] |= (uint64_t)1 << (i & 63);
}
static inline void set_join(automaton_set *s, const automaton_set *o)
{
    for (size_t i = 0; i < AUTOMATON_WORDS; i++)
        s->w[i] |= o->w[i];
}

#endif
