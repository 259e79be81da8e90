/* word_list.h - lists of words as one text, for rules that read questions and sentences: the words
 * stand between single blanks, one before the first and one behind the last (" the a an "). */
#ifndef CAIRN_RETRIEVE_WORD_LIST_H
#define CAIRN_RETRIEVE_WORD_LIST_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

/* Is the word, which has no blank in it, one of the list, as it is written? "" is in none. */
static inline bool word_list_has(const char *list, const char *word, size_t len)
{
    for (const char *p = list + 1; len && *p;) {
        size_t n = strcspn(p, " ");
        if (n == len && !memcmp(p, word, n))
            return true;
        p += n + (p[n] == ' ');
    }
    return false;
}

#endif
