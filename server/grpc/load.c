/* load.c - the adapter as the program sees it: it finds and opens cairn-grpc.so when gRPC is asked for, at
 * $CAIRN_GRPC, beside the program, where an installed program has it, or in the build tree. */
#include <dlfcn.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "server/grpc/grpc_module.h"

/* Only the program's own thread starts adapters, so no lock is needed. */
static const adapter *loaded;

static void *open_at(const char *folder, const char *rest, char *why, size_t cap)
{
    char path[PATH_MAX + 64];
    void *handle;

    if ((size_t)snprintf(path, sizeof path, "%s%s", folder, rest) >= sizeof path || access(path, R_OK))
        return NULL;
    handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!handle)
        snprintf(why, cap, "%s", dlerror());
    return handle;
}

static void *find_module(char *why, size_t cap)
{
    static const char *const places[] = {"/cairn-grpc.so", "/../lib/cairn/cairn-grpc.so",
                                         "/../server/cairn-grpc.so"};
    const char *env = getenv("CAIRN_GRPC");
    char self[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    void *handle = NULL;

    snprintf(why, cap, "it is not installed");
    if (env && *env)
        return open_at(env, "", why, cap);
    if (n <= 0)
        return NULL;
    self[n] = '\0';
    *strrchr(self, '/') = '\0';
    for (size_t i = 0; !handle && i < sizeof places / sizeof *places; i++)
        handle = open_at(self, places[i], why, cap);
    return handle;
}

static cairn_status load(cairn_error *err)
{
    const grpc_module *module;
    char why[300];
    void *handle;

    if (loaded)
        return CAIRN_OK;
    handle = find_module(why, sizeof why);
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
