/* page_match.h - which lines of a page a passage was made of.
 *
 * A passage is the page's text after cleaning: hyphens at line ends gone, cells joined, running
 * heads left out. So letters and digits alone are compared, decomposed, without accents and case; a
 * stretch of at least MATCH_RUN of them that both hold (or the whole passage, where it is shorter)
 * is found by its first MATCH_GRAM letters. Lines with letters in such a stretch are lines of the
 * passage. */
#ifndef CAIRN_INGEST_EXTRACT_PAGE_MATCH_H
#define CAIRN_INGEST_EXTRACT_PAGE_MATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

#define MATCH_RUN  24
#define MATCH_GRAM 8

/* Letters of a text, folded, with the place each came from. */
typedef struct letters {
    uint32_t *cp;
    uint32_t *place; /* the number of a line or a character, as the maker of the letters counts */
    size_t n, cap;
} letters;

void letters_clear(letters *l);
/* Append the letters of UTF-8 text[0, len), all of one place. CAIRN_ENOMEM. */
cairn_status letters_add(letters *l, const char *text, size_t len, uint32_t place);

/* covered[page->n]: is this letter of the page one of the passage? CAIRN_ENOMEM. */
cairn_status page_match(const letters *page, const letters *passage, bool *covered);

#endif
