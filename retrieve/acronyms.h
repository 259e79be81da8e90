/* acronyms.h - short forms and what they stand for, as documents define them: "a large language model (LLM)" and
 * "LLM (large language model)".
 *
 * Which words before the parenthesis belong to it follows Schwartz and Hearst (Pacific Symposium on Biocomputing
 * 2003): the short form's letters are found from right to left, the first one at the beginning of a word, in at most
 * min(n + 5, 2 n) words for n letters. Letters are compared without regard to ASCII case.
 *
 * Owns     nothing: ranges of the text come out. Threads  any. Time O(len). */
#ifndef CAIRN_RETRIEVE_ACRONYMS_H
#define CAIRN_RETRIEVE_ACRONYMS_H

#include <stdbool.h>
#include <stddef.h>

typedef struct acronym_pair {
    const char *acronym, *meaning; /* parts of the text */
    size_t acronym_len, meaning_len;
} acronym_pair;

/* Could s[0, len) be a short form? 2 to 8 ASCII letters and digits, at least two of them capitals. */
bool acronym_like(const char *s, size_t len);
/* The next definition from *at on, which moves behind it; false: no more. */
bool acronym_next(const char *text, size_t len, size_t *at, acronym_pair *out);

#endif
