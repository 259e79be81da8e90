/* methods.h - the table of all methods, as rpc_options takes it. */
#ifndef CAIRN_SERVER_GRPC_METHODS_H
#define CAIRN_SERVER_GRPC_METHODS_H

#include "server/grpc/rpc.h"

/* Malloced; NULL without memory. */
rpc_method *methods_all(size_t *n);

#endif
