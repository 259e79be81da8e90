/* reflection.h - the descriptors of the services, by file and by name.
 *
 * Threads  any, once created: nothing changes. */
#ifndef CAIRN_SERVER_GRPC_REFLECTION_H
#define CAIRN_SERVER_GRPC_REFLECTION_H

#include <stdbool.h>

#include "base/status.h"

typedef struct reflection reflection;

cairn_status reflection_create(reflection **out, cairn_error *err);
void reflection_destroy(reflection *r); /* NULL is fine */
/* By its full name, "cairn.v1.Search". */
bool reflection_has_service(const reflection *r, const char *name);

#endif
