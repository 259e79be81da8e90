/* methods.c - all services in one table. */
#include "server/grpc/methods.h"

#include <stdlib.h>
#include <string.h>

#include "server/grpc/services.h"

static const method_table *const tables[] = {
    &search_methods, &ask_methods,   &collections_methods, &documents_methods,  &ingest_methods,
    &models_methods, &admin_methods, &health_methods,      &reflection_methods,
};

rpc_method *methods_all(size_t *n)
{
    rpc_method *all;
    size_t count = 0;

    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++)
        count += tables[i]->n;
    all = calloc(count, sizeof *all);
    *n = 0;
    for (size_t i = 0; all && i < sizeof tables / sizeof *tables; i++) {
        memcpy(all + *n, tables[i]->methods, tables[i]->n * sizeof *all);
        *n += tables[i]->n;
    }
    return all;
}
