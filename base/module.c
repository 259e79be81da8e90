/* module.c - see module.h. */
#include "base/module.h"

#include <dlfcn.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void *try_open(const char *path, char *why, size_t cap)
{
    void *handle = NULL;

    if (access(path, R_OK))
        return NULL;
    handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!handle)
        snprintf(why, cap, "%s", dlerror());
    return handle;
}

void *module_open(const char *file, const char *env, const char *room, char *why, size_t cap)
{
    const char *pinned = getenv(env);
    char self[PATH_MAX], path[2 * PATH_MAX];
    ssize_t n;

    snprintf(why, cap, "it is not installed");
    if (pinned && *pinned)
        return try_open(pinned, why, cap);
    n = readlink("/proc/self/exe", self, sizeof self - 1);
    if (n <= 0)
        return NULL;
    self[n] = 0;
    *strrchr(self, '/') = 0;
    for (int i = 0; i < 5; i++) {
        const char *dir = i < 3 ? self : i == 3 ? "/usr/local/lib/cairn" : "/usr/lib/cairn";
        const char *below = i == 1 ? "/../lib/cairn" : i == 2 ? "/../" : "";
        int len = snprintf(path, sizeof path, "%s%s%s/%s", dir, below, i == 2 ? room : "", file);
        void *handle = len > 0 && (size_t)len < sizeof path ? try_open(path, why, cap) : NULL;
        if (handle)
            return handle;
    }
    return NULL;
}
