/* load.c - the adapter as the program sees it: it opens cairn-grpc.so when gRPC is asked for. */
#include <dlfcn.h>

#include "base/module.h"
#include "server/grpc/grpc_module.h"

/* Only the program's own thread starts adapters, so no lock is needed. */
static const adapter *loaded;

static cairn_status load(cairn_error *err)
{
    const grpc_module *module;
    char why[300];
    void *handle;

    if (loaded)
        return CAIRN_OK;
    handle = module_open("cairn-grpc.so", "CAIRN_GRPC", "server", why, sizeof why);
    if (!handle)
        return cairn_fail(err, CAIRN_EUNSUPPORTED,
                          "gRPC needs the module cairn-grpc.so (%s): install it with the program, or "
                          "set CAIRN_GRPC to its path", why);
    module = dlsym(handle, GRPC_MODULE_SYMBOL);
    if (!module || module->version != GRPC_MODULE_VERSION) {
        dlclose(handle);
        return cairn_fail(err, CAIRN_EUNSUPPORTED,
                          "the gRPC module found is not the one of this program: install both anew, or "
                          "set CAIRN_GRPC to the right one");
    }
    loaded = module->adapter;
    return CAIRN_OK;
}

static cairn_status start(service *s, const adapter_options *options, void **state,
                          char bound[ADAPTER_ADDRESS_BYTES], cairn_error *err)
{
    cairn_status st = load(err);

    return st ? st : loaded->start(s, options, state, bound, err);
}

static cairn_status reload(void *state, cairn_error *err)
{
    return loaded->reload ? loaded->reload(state, err) : CAIRN_OK;
}

static void drain(void *state)
{
    loaded->drain(state);
}

static void stop(void *state)
{
    loaded->stop(state);
}

extern const adapter grpc_adapter;

const adapter grpc_adapter = {
    .name = "grpc", .start = start, .reload = reload, .drain = drain, .stop = stop};
