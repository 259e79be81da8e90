/* look.h - what others need to know of routes_look.c. */
#ifndef CAIRN_SERVER_HTTP_LOOK_H
#define CAIRN_SERVER_HTTP_LOOK_H

#include "server/http/http.h"

/* Is this server reached from its own machine alone, so that it may open documents there? */
bool look_can_open(const http_request *r);

#endif
