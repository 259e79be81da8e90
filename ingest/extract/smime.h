/* smime.h - the message inside a signed one (RFC 8551: application/pkcs7-mime), by GnuTLS. */
#ifndef CAIRN_INGEST_EXTRACT_SMIME_H
#define CAIRN_INGEST_EXTRACT_SMIME_H

#include <stdbool.h>
#include <stddef.h>

#include <gmime/gmime.h>

/* The MIME entity that was signed, taken out of CMS signed data. Who signed it is not asked: it is read like any other
 * text. NULL: no signed data, or none inside. To be freed with g_byte_array_unref. */
GByteArray *smime_content(const void *data, size_t len);

#endif
