/* grpc_module.h - what the program and cairn-grpc.so agree on. The module is of the program's own build: it
 * calls the service and the engine inside the program, whose symbols are exported for it. */
#ifndef CAIRN_SERVER_GRPC_MODULE_H
#define CAIRN_SERVER_GRPC_MODULE_H

#include "server/adapter.h"

#define GRPC_MODULE_VERSION 1
#define GRPC_MODULE_SYMBOL  "cairn_grpc_module"

typedef struct grpc_module {
    int version;
    const adapter *adapter;
} grpc_module;

/* The adapter itself (grpc_adapter.c); the program knows it as `grpc_adapter` (load.c). */
extern const adapter grpc_module_adapter;

#endif
