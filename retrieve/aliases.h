/* aliases.h - other names of a thing, as documents give them: "the heat pump, also known as an air conditioner in
 * reverse," and "the meter cabinet (formerly called the fuse box)". English, German, French, Spanish, Italian and Dutch.
 *
 * What follows the words that announce a name must be closed by a mark within ALIAS_WORDS words, or where it ends is
 * anybody's guess. Where the other name begins is not said by anything: it is the run of words before the
 * announcement, of which the caller takes as many as the question has, or those behind the last article.
 *
 * Owns     nothing: ranges of the text come out. Threads  any. */
#ifndef CAIRN_RETRIEVE_ALIASES_H
#define CAIRN_RETRIEVE_ALIASES_H

#include <stdbool.h>
#include <stddef.h>

#define ALIAS_WORDS 5 /* of a name at most */

typedef struct alias_pair {
    const char *before, *after; /* parts of the text; `before` may begin with words that are not of the name */
    size_t before_len, after_len;
} alias_pair;

/* The next announcement from *at on, which moves behind it; false: no more. */
bool alias_next(const char *text, size_t len, size_t *at, alias_pair *out);

/* The last n words of the text's; NULL where it has fewer. *out_len gets their bytes. */
const char *alias_last_words(const char *s, size_t len, size_t n, size_t *out_len);
/* The words behind its last article, or the capitalised ones at its end; NULL: it cannot be told. */
const char *alias_name_at_end(const char *s, size_t len, size_t *out_len);

#endif
