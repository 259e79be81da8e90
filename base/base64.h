/* base64.h - bytes as text and back (RFC 4648), by Nettle. */
#ifndef CAIRN_BASE_BASE64_H
#define CAIRN_BASE_BASE64_H

#include "base/bytes.h"

/* Append the n bytes as base64 (section 4), padded, without line ends. */
cairn_status base64_append(bytes *out, const void *data, size_t n);
/* The same in the alphabet for URLs and file names (section 5), without padding. */
cairn_status base64url_append(bytes *out, const void *data, size_t n);
/* Append what the text of section 4 stands for; white space in it is passed over, padding must be
 * there. CAIRN_EINPUT: it is none; out is as before then. */
cairn_status base64_decode(bytes *out, const char *text, size_t len);

#endif
