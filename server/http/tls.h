/* tls.h - the certificate that new connections get, which may be changed while the server runs.
 *
 * Threads  any. One HTTP adapter a process: libmicrohttpd hands no context to the function that chooses a
 *          certificate. */
#ifndef CAIRN_SERVER_HTTP_TLS_H
#define CAIRN_SERVER_HTTP_TLS_H

#include <gnutls/abstract.h>

#include "base/status.h"

/* Read a chain and its key, PEM files. CAIRN_EUSAGE where they are none or do not belong together: what was in
 * force stays so. */
cairn_status tls_read(const char *cert_file, const char *key_file, cairn_error *err);
/* No connection may be open any more. */
void tls_clear(void);
/* For MHD_OPTION_HTTPS_CERT_CALLBACK. */
gnutls_certificate_retrieve_function2 tls_give;

#endif
