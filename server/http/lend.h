/* lend.h - a handle for the length of one request. */
#ifndef CAIRN_SERVER_HTTP_LEND_H
#define CAIRN_SERVER_HTTP_LEND_H

#include "server/http/http.h"

/* The collection's handle if the caller may do that with it; else the refusal is answered and NULL
 * returned. */
cairn *lend_handle(http_request *r, const char *collection, service_role role);
/* Give it back after a call that ended with st. */
void lend_back(http_request *r, cairn *c, cairn_status st);
/* Is the collection (NULL: the default one) open to the caller? Answers the refusal. */
bool lend_allowed(http_request *r, const char *collection, service_role role);

#endif
