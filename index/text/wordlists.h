/* wordlists.h - words of a user's own, from text files: stop words and synonyms.
 *
 * Stop words, a word a line: it does not score in a question; "-word" takes a word of the built-in
 * lists back in. Synonyms, a rule a line, in the form that Lucene and Solr read:
 *
 *   car, automobile, motor car     each of them also finds the others
 *   colour => color, hue           the left words find the right ones instead
 *   a\, b                          a sign that is meant as it is
 *
 * Both sides may have several words. In both files # begins a comment and empty lines are fine.
 * Words are compared case-folded, as they are written, not stemmed.
 *
 * Owns     a list owns all its texts; it is immutable and may be shared between threads.
 * Errors   CAIRN_EUSAGE naming the file and line, CAIRN_ELIMIT beyond the limits below. */
#ifndef CAIRN_INDEX_TEXT_WORDLISTS_H
#define CAIRN_INDEX_TEXT_WORDLISTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

#define WORDLIST_BYTES_MAX   ((size_t)16 << 20) /* of a file */
#define SYNONYM_WORDS_MAX    8                  /* of one side's phrase */
#define SYNONYM_PHRASES_MAX  64                 /* of a line */

typedef struct stop_list stop_list;

/* `name` of the file, for errors. */
cairn_status stop_list_parse(stop_list **out, const char *text, size_t len, const char *name,
                             cairn_error *err);
void stop_list_destroy(stop_list *l); /* NULL is fine */
typedef enum stop_verdict { STOP_UNSAID, STOP_YES, STOP_NO } stop_verdict;
/* `form`: case-folded (analyzer_form). */
stop_verdict stop_list_find(const stop_list *l, const char *form, size_t len);

typedef struct synonyms synonyms;

typedef struct synonym_match {
    size_t n_words;      /* of the question that it covers */
    const char *phrases; /* n of them, NUL-terminated, one behind the other */
    size_t n;
    bool keep;     /* the words themselves still count */
    uint32_t line; /* of the first rule */
} synonym_match;

cairn_status synonyms_parse(synonyms **out, const char *text, size_t len, const char *name,
                            cairn_error *err);
void synonyms_destroy(synonyms *s); /* NULL is fine */
/* The rule for most of the words at the front of forms[0, n), each case-folded and NUL-terminated. */
bool synonyms_find(const synonyms *s, const char *const *forms, size_t n, synonym_match *out);

#endif
