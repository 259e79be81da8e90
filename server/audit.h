/* audit.h - who asked what: an optional log of its own, local, apart from the server's, which says nothing of
 * what was asked.
 *
 * A line is a JSON object: time, request, caller, peer, way (http, grpc, mcp), action and what was asked for. The
 * file is the owner's alone (0600). When it is full it becomes FILE.1, the one before FILE.2, up to
 * AUDIT_KEPT; what is older goes.
 *
 * Threads  any. */
#ifndef CAIRN_SERVER_AUDIT_H
#define CAIRN_SERVER_AUDIT_H

#include <jansson.h>

#include "server/service.h"

#define AUDIT_KEPT 5

typedef struct audit_log audit_log;

/* max_bytes 0: 64 MiB. */
cairn_status audit_open(audit_log **out, const char *path, size_t max_bytes, cairn_error *err);
void audit_close(audit_log *a); /* NULL is fine */

/* Note it; does nothing where the service has no audit log. `asked`: an object, borrowed. A line that cannot be
 * written is counted (cairn_audit_lost_total) and logged: the request is served all the same. */
void service_audit(service *s, const service_caller *who, const char *way, const char *peer,
                   const char *request, const char *action, const json_t *asked);
/* Is there one? For whoever would have to make `asked` first. */
bool service_audits(const service *s);

#endif
