/* page_match.c - see page_match.h. */
#include "ingest/extract/page_match.h"

#include <glib.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "base/utf8.h"

#define TABLE_BITS 13
#define CANDIDATES 64 /* places of the passage tried for one place of the page */
#define DECOMPOSED 18 /* the longest, of one character */

void letters_clear(letters *l)
{
    free(l->cp);
    free(l->place);
    *l = (letters){0};
}

static cairn_status put_letter(letters *l, uint32_t cp, uint32_t place)
{
    if (l->n == l->cap) {
        size_t cap = l->cap ? l->cap * 2 : 1024;
        uint32_t *more = checked_realloc(l->cp, cap, sizeof *more);
        if (!more)
            return CAIRN_ENOMEM;
        l->cp = more;
        more = checked_realloc(l->place, cap, sizeof *more);
        if (!more)
            return CAIRN_ENOMEM;
        l->place = more;
        l->cap = cap;
    }
    l->cp[l->n] = cp;
    l->place[l->n++] = place;
    return CAIRN_OK;
}

cairn_status letters_add(letters *l, const char *text, size_t len, uint32_t place)
{
    cairn_status st = CAIRN_OK;

    for (size_t i = 0; i < len && !st;) {
        gunichar parts[DECOMPOSED];
        uint32_t cp;
        size_t n;

        i += utf8_decode(text + i, len - i, &cp, NULL);
        n = g_unichar_fully_decompose(cp, TRUE, parts, DECOMPOSED);
        for (size_t k = 0; k < n && k < DECOMPOSED && !st; k++)
            if (g_unichar_isalnum(parts[k]))
                st = put_letter(l, g_unichar_tolower(parts[k]), place);
    }
    return st;
}

static size_t slot_of(const uint32_t *cp, size_t n)
{
    uint64_t h = 0xCBF29CE484222325u; /* FNV-1a over code points */

    for (size_t i = 0; i < n; i++)
        h = (h ^ cp[i]) * 0x100000001B3u;
    return (size_t)(h >> (64 - TABLE_BITS));
}

/* The longest stretch that begins at page[at] and anywhere in the passage. */
static size_t longest(const letters *page, size_t at, const letters *passage, const uint32_t *first,
                      const uint32_t *next, size_t gram)
{
    size_t best = 0, tried = 0;

    for (uint32_t k = first[slot_of(page->cp + at, gram)]; k && tried < CANDIDATES;
         k = next[k - 1], tried++) {
        size_t n = 0, q = k - 1;
        while (at + n < page->n && q + n < passage->n && page->cp[at + n] == passage->cp[q + n])
            n++;
        if (n > best)
            best = n;
    }
    return best;
}

cairn_status page_match(const letters *page, const letters *passage, bool *covered)
{
    size_t gram = passage->n < MATCH_GRAM ? passage->n : MATCH_GRAM;
    size_t least = passage->n < MATCH_RUN ? passage->n : MATCH_RUN;
    uint32_t *first, *next;

    memset(covered, 0, page->n * sizeof *covered);
    if (!gram || page->n < least)
        return CAIRN_OK;
    first = calloc((size_t)1 << TABLE_BITS, sizeof *first); /* place + 1 of a gram; 0: none */
    next = calloc(passage->n, sizeof *next);
    if (!first || !next) {
        free(first);
        free(next);
        return CAIRN_ENOMEM;
    }
    for (size_t q = passage->n - gram + 1; q-- > 0;) {
        size_t slot = slot_of(passage->cp + q, gram);
        next[q] = first[slot];
        first[slot] = (uint32_t)q + 1;
    }
    for (size_t at = 0; at + gram <= page->n;) {
        size_t n = longest(page, at, passage, first, next, gram);
        if (n < least) {
            at++;
            continue;
        }
        memset(covered + at, true, n);
        at += n;
    }
    free(first);
    free(next);
    return CAIRN_OK;
}
