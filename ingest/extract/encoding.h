/* encoding.h - any text encoding to UTF-8. */
#ifndef CAIRN_INGEST_EXTRACT_ENCODING_H
#define CAIRN_INGEST_EXTRACT_ENCODING_H

#include <stdbool.h>
#include <stddef.h>

#include "base/bytes.h"

typedef struct decoded {
    const char *text; /* UTF-8; either inside the input or in `own` */
    size_t len;
    bool in_place; /* text lies in the input, which is valid UTF-8 there */
    char name[48]; /* "UTF-8", "windows-1252"... */
    bytes own;
} decoded;

/* By byte order mark, then `charset` (may be NULL, may be wrong), then validity as UTF-8, then
 * ICU's detection on the first 64 KiB. Bytes without meaning become U+FFFD. */
cairn_status encoding_decode(decoded *out, const char *data, size_t len, const char *charset);
void encoding_clear(decoded *d);

/* More than a few control characters: no text in any 8-bit encoding. Looks at the first 64 KiB. */
bool encoding_looks_binary(const char *data, size_t len);

#endif
