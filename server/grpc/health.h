/* health.h - who watches the server's health. A `health` lives as long as the front.
 *
 * Threads  any. */
#ifndef CAIRN_SERVER_GRPC_HEALTH_H
#define CAIRN_SERVER_GRPC_HEALTH_H

#include "base/status.h"

typedef struct health health;

cairn_status health_create(health **out, cairn_error *err);
void health_destroy(health *h); /* NULL is fine */
/* From now on NOT_SERVING: who watches is told, and their calls end with UNAVAILABLE. */
void health_drain(health *h);

#endif
