/* stopwords.h - function words by language: they stay in the index, but a question's don't score.
 */
#ifndef CAIRN_INDEX_TEXT_STOPWORDS_H
#define CAIRN_INDEX_TEXT_STOPWORDS_H

#include <stdbool.h>
#include <stddef.h>

/* Is the case-folded, unstemmed word s[0, n) a function word of `code` (ISO 639-1)? Languages
 * without a list have none. */
bool stopwords_has(const char *code, const char *s, size_t n);

/* Is it one in any language, those without a list included, or a form of a verb that stands for one ("darf", "could", "puede")?
 * Wider than the lists above, for whoever asks what is no name and no slip: it says nothing of scores. */
bool stopwords_any(const char *s, size_t n);

#define STOPWORDS_LANGUAGES 24
/* The languages with a list of either kind; NULL from `i` = their number on. */
const char *stopwords_language(size_t i);
/* Is it one of that language by either list? */
bool stopwords_wide(const char *code, const char *s, size_t n);

#endif
