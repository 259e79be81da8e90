/* faiss_load.c - find and open cairn-faiss.so: $CAIRN_FAISS, beside the program, where an installed
 * program has it, or in the build tree. */
#include "index/vector/faiss_module.h"

#include <dlfcn.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static const faiss_module *loaded;

static void *try_open(const char *dir, const char *rest, char *why, size_t cap)
{
    char path[PATH_MAX + 64];
    void *handle = NULL;

    if ((size_t)snprintf(path, sizeof path, "%s%s", dir, rest) >= sizeof path || access(path, R_OK))
        return NULL;
    handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!handle)
        snprintf(why, cap, "%s", dlerror());
    return handle;
}

static void *find_module(char *why, size_t cap)
{
    static const char *const places[] = {
        "/cairn-faiss.so",
        "/../lib/cairn/cairn-faiss.so",
        "/../index/cairn-faiss.so",
    };
    /* for a program that was linked with libcairn and lies elsewhere */
    static const char *const installed[] = {"/usr/local/lib/cairn", "/usr/lib/cairn"};
    const char *env = getenv("CAIRN_FAISS");
    char self[PATH_MAX];
    ssize_t n;

    snprintf(why, cap, "it is not installed");
    if (env && *env)
        return try_open(env, "", why, cap);
    n = readlink("/proc/self/exe", self, sizeof self - 1);
    if (n <= 0)
        return NULL;
    self[n] = 0;
    *strrchr(self, '/') = 0;
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        void *handle = try_open(self, places[i], why, cap);
        if (handle)
            return handle;
    }
    for (size_t i = 0; i < sizeof installed / sizeof *installed; i++) {
        void *handle = try_open(installed[i], "/cairn-faiss.so", why, cap);
        if (handle)
            return handle;
    }
    return NULL;
}

cairn_status faiss_module_get(const faiss_module **out, cairn_error *err)
{
    char why[256];
    cairn_status st = CAIRN_OK;

    pthread_mutex_lock(&lock);
    if (!loaded) {
        void *handle = find_module(why, sizeof why);
        const faiss_module *table = handle ? dlsym(handle, FAISS_MODULE_SYMBOL) : NULL;
        if (!handle)
            st = cairn_fail(err, CAIRN_EUNSUPPORTED,
                            "this needs the FAISS module cairn-faiss.so (%s): install it with the "
                            "program, or set CAIRN_FAISS to its path",
                            why);
        else if (!table || table->version != FAISS_MODULE_VERSION)
            st = cairn_fail(err, CAIRN_EUNSUPPORTED,
                            "the FAISS module found is not the one of this program: install both "
                            "anew, or set CAIRN_FAISS to the right one");
        if (st && handle)
            dlclose(handle);
        if (!st)
            loaded = table;
    }
    *out = loaded;
    pthread_mutex_unlock(&lock);
    return st;
}
