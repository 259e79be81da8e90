/* smime.c - see smime.h. */
#include "ingest/extract/smime.h"

#include <limits.h>
#include <stdint.h>

#include <gnutls/gnutls.h>
#include <gnutls/pkcs7.h>

GByteArray *smime_content(const void *data, size_t len)
{
    gnutls_datum_t in = {.data = (unsigned char *)(uintptr_t)data, .size = (unsigned)len}, inside = {0};
    GByteArray *out = NULL;
    gnutls_pkcs7_t p;

    if (len > UINT_MAX / 2 || gnutls_pkcs7_init(&p))
        return NULL;
    if (!gnutls_pkcs7_import(p, &in, GNUTLS_X509_FMT_DER) && !gnutls_pkcs7_get_embedded_data(p, 0, &inside) &&
        inside.size)
        out = g_byte_array_append(g_byte_array_sized_new(inside.size), inside.data, inside.size);
    gnutls_free(inside.data);
    gnutls_pkcs7_deinit(p);
    return out;
}
