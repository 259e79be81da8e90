/* module.c - what cairn-grpc.so shows to the program that opens it (load.c). */
#include "server/grpc/grpc_module.h"

extern const grpc_module cairn_grpc_module;

const grpc_module cairn_grpc_module = {GRPC_MODULE_VERSION, &grpc_module_adapter};
