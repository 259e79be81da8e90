/* device.c - open the device's module once, and remember what came of it. */
#include "generate/decode/device.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/module.h"

static pthread_once_t once = PTHREAD_ONCE_INIT;
static const device_backend *backend;
static cairn_status failure;
static cairn_error reason;
static char name[160] = "cpu";

static cairn_status open_backend(cairn_error *err)
{
    char why[256], own[128];
    void *handle = module_open("cairn-cuda.so", "CAIRN_CUDA", "generate", why, sizeof why);
    const device_backend *b = handle ? dlsym(handle, DEVICE_SYMBOL) : NULL;
    cairn_status st;

    if (!handle)
        return cairn_fail(
            err, CAIRN_EUNSUPPORTED,
            "there is no CUDA module cairn-cuda.so (%s): build it with -DCAIRN_CUDA=ON, "
            "or set CAIRN_CUDA to its path",
            why);
    if (!b || b->version != DEVICE_VERSION) {
        dlclose(handle);
        return cairn_fail(
            err, CAIRN_EUNSUPPORTED,
            "the CUDA module found is not the one of this program: install both anew");
    }
    st = b->open(own, sizeof own, err);
    if (st) {
        dlclose(handle);
        return st;
    }
    snprintf(name, sizeof name, "cuda: %s", own);
    backend = b;
    return CAIRN_OK;
}

bool device_is_required(void)
{
    const char *want = getenv("CAIRN_DEVICE");

    return want && !strcmp(want, "cuda");
}

static void look(void)
{
    const char *want = getenv("CAIRN_DEVICE");

    if (want && !strcmp(want, "cpu"))
        return;
    if (want && *want && !device_is_required() && strcmp(want, "auto")) {
        failure = cairn_fail(&reason, CAIRN_EUSAGE,
                             "CAIRN_DEVICE is \"%s\": it can be auto, cpu or cuda", want);
        return;
    }
    failure = open_backend(&reason);
    if (failure && !device_is_required()) {
        log_write(LOG_LEVEL_DEBUG, "generate", "%s", reason.text);
        failure = CAIRN_OK;
    }
}

cairn_status device_get(const device_backend **out, cairn_error *err)
{
    pthread_once(&once, look);
    *out = backend;
    if (failure && err)
        *err = reason;
    return failure;
}

cairn_status device_take_model(device_weights **out, const decoder_model *m, cairn_error *err)
{
    const device_backend *b;
    cairn_error why;
    cairn_status st = device_get(&b, err);

    *out = NULL;
    if (st || !b)
        return st;
    if (!decoder_shape_is_plain(decoder_model_shape(m))) {
        if (device_is_required())
            return cairn_fail(err, CAIRN_EUNSUPPORTED, "%s models do not run on a device yet",
                              decoder_model_shape(m)->arch_name);
        return CAIRN_OK;
    }
    decoder_model_settle(m);
    st = b->weights_create(out, m, &why);
    if (st && device_is_required()) {
        if (err)
            *err = why;
        return st;
    }
    if (st)
        log_write(LOG_LEVEL_WARN, "generate", "%s: the processor does the work", why.text);
    return CAIRN_OK;
}

void device_drop_model(device_weights *w)
{
    if (w)
        backend->weights_destroy(w);
}

const char *device_name(void)
{
    pthread_once(&once, look);
    return name;
}
