/* language.h - the language of a text, by CLD2's tables. */
#ifndef CAIRN_INGEST_LANGUAGE_H
#define CAIRN_INGEST_LANGUAGE_H

#include <stdbool.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Puts an ISO 639 code ("de"; both kinds of Chinese are "zh") into lang and returns true, or ""
 * and false when there is too little to tell. `text` must be valid UTF-8. A few words are enough
 * where the script is telling; Latin text needs about five words.
 * Threads: reentrant. */
bool language_detect(const char *text, size_t len, char lang[8]);

#ifdef __cplusplus
}
#endif
#endif
