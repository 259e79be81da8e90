/* wholes.h - which words of a text stand together as one name: mail addresses, hosts and URLs, file
 * names, identifiers with underscores. Private to index/text.
 *
 *   ada.l@example.org          ada.l@example.org and example.org
 *   https://www.a.org/x/y?z=1. a.org/x/y?z=1 and a.org   (no scheme, no www, no sign at the end)
 *   max_open_files, std::map   themselves
 *   meeting-notes_v2.pdf       itself; a hyphen joins only beside a dot or an at sign
 *
 * They are found among the words that the text was parted into, by what stands between two of them,
 * so it makes no difference which way parted it. One of more than ANALYZER_TERM_MAX bytes, which
 * would have to be cut, or without a letter is none.
 *
 * Threads  no state. */
#ifndef CAIRN_INDEX_TEXT_WHOLES_H
#define CAIRN_INDEX_TEXT_WHOLES_H

#include "index/text/words.h"

typedef struct whole {
    uint32_t first;      /* index of its first word */
    uint32_t start, end; /* bytes of the text */
} whole;

/* The most that wholes_at gives. */
#define WHOLES_AT 64

/* Look at the chain of words that begins with the main word spans[i], i < n. out[*n_out] gets its
 * wholes by ascending `first`; returns the index of the first span behind the chain. */
size_t wholes_at(const uint8_t *text, const word_span *spans, size_t i, size_t n,
                 whole out[WHOLES_AT], size_t *n_out);

#endif
