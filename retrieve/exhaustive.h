/* exhaustive.h - is a question about all documents ("which of my contracts mention X?", "how many files
 * contain X?", "list all letters about X") rather than about what one of them says?
 *
 * Recognised by its words in English, German, Spanish and French: an opener (which, how many, list, welche,
 * cuántos, quels, ...), a word for documents, a word for mentioning, and what is mentioned behind it.
 *
 * Threads  any. */
#ifndef CAIRN_RETRIEVE_EXHAUSTIVE_H
#define CAIRN_RETRIEVE_EXHAUSTIVE_H

#include <stdbool.h>
#include <stddef.h>

typedef enum exhaustive_kind { EXHAUSTIVE_LIST, EXHAUSTIVE_COUNT } exhaustive_kind;

typedef struct exhaustive {
    exhaustive_kind kind;
    const char *lang;  /* "en", "de", "es" or "fr"; static */
    size_t start, end; /* bytes of the question: what is to be mentioned */
} exhaustive;

/* False: an ordinary question. */
bool exhaustive_parse(const char *question, size_t len, exhaustive *out);

#endif
