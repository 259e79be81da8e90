/* normaliser.h - what a tokenizer.json of type Unigram does to a text before the model sees it:
 * normalisers one after the other, then words, each cut out of what they leave.
 *
 * The reference is the library tokenizers (0.23), whose precompiled map is not SentencePiece's:
 * there the longest run of bytes counts wherever it stands, here only one that makes up a grapheme
 * cluster of less than six bytes, and of several that begin there the shortest, for the whole
 * cluster.
 *
 * Owns     the texts of its steps.
 * Threads  immutable once filled.
 * Errors   CAIRN_ENOMEM, CAIRN_ELIMIT. */
#ifndef CAIRN_GENERATE_TOKENIZE_NORMALISER_H
#define CAIRN_GENERATE_TOKENIZE_NORMALISER_H

#include <stdbool.h>
#include <stddef.h>

#include "base/bytes.h"
#include "base/status.h"
#include "generate/tokenize/charsmap.h"

#define NORMALISER_STEPS 16
#define WORD_SIGN        "\xE2\x96\x81" /* U+2581, which stands for a space */

typedef struct text_step {
    enum {
        TEXT_MAP,       /* by `map` */
        TEXT_REPLACE,   /* each `from` by `to` */
        TEXT_SQUEEZE,   /* two spaces and more by `to` */
        TEXT_BLANKS,    /* two characters of white space and more, and a line break or tab alone, by `to` */
        TEXT_COMPOSE,   /* to Unicode's NFC, or with `compatible` NFKC */
        TEXT_STRIP,     /* white space at the ends */
        TEXT_LOWERCASE, /* each character alone */
    } kind;
    bool left, right; /* TEXT_STRIP */
    bool compatible;  /* TEXT_COMPOSE */
    bytes from, to;   /* TEXT_MAP: `from` is the map's bytes */
    charsmap map;
} text_step;

/* Zero: no steps; the whole text is one word. */
typedef struct normaliser {
    text_step steps[NORMALISER_STEPS];
    size_t n;
    bool cut_at_white_space; /* which is dropped */
    bool cut_at_sign;        /* in front of each WORD_SIGN, once spaces are such */
    enum {
        SIGN_NEVER,
        SIGN_ALWAYS,
        SIGN_FIRST
    } sign; /* is put in front of: no stretch, each, that which begins the text */
} normaliser;

void normaliser_clear(normaliser *n);
/* out := s[0, len) after all steps; broken UTF-8 becomes U+FFFD first, so what comes out is
 * well-formed. `spare` is overwritten. */
cairn_status normaliser_run(const normaliser *n, const char *s, size_t len, bytes *out,
                            bytes *spare);

typedef cairn_status word_fn(void *ctx, const char *word, size_t len);
/* What a normalised text consists of, word by word. `first`: it begins the text. `spare` holds the
 * words while they are handed out. */
cairn_status normaliser_words(const normaliser *n, const char *s, size_t len, bool first,
                              bytes *spare, word_fn *fn, void *ctx);

#endif
