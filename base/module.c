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
    const char *const places[][3] = {{self, "", ""},
                                     {self, "/../lib/cairn", ""},
                                     {self, "/../", room},
                                     {"/usr/local/lib/cairn", "", ""},
                                     {"/usr/lib/cairn", "", ""}};
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        int len = snprintf(path, sizeof path, "%s%s%s/%s", places[i][0], places[i][1], places[i][2],
                           file);
        void *handle = len > 0 && (size_t)len < sizeof path ? try_open(path, why, cap) : NULL;
        if (handle)
            return handle;
    }
    return NULL;
}
