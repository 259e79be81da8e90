/* stopwords.h - function words by language: they stay in the index, but a question's don't score.
 */
#ifndef CAIRN_INDEX_TEXT_STOPWORDS_H
#define CAIRN_INDEX_TEXT_STOPWORDS_H

#include <stdbool.h>
#include <stddef.h>

/* Is the case-folded, unstemmed word s[0, n) a function word of `code` (ISO 639-1)? Languages
 * without a list have none. */
bool stopwords_has(const char *code, const char *s, size_t n);

#endif
