/* faiss_load.c - open cairn-faiss.so, once. */
#include "index/vector/faiss_module.h"

#include <dlfcn.h>
#include <pthread.h>

#include "base/module.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static const faiss_module *loaded;

cairn_status faiss_module_get(const faiss_module **out, cairn_error *err)
{
    char why[256];
    cairn_status st = CAIRN_OK;

    pthread_mutex_lock(&lock);
    if (!loaded) {
        void *handle = module_open("cairn-faiss.so", "CAIRN_FAISS", "index", why, sizeof why);
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
