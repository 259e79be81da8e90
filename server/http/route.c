/* route.c - from a method and a path to a handler. A few dozen routes: looked at one after the other. */
#include <string.h>

#include "server/http/http.h"

static const http_route *const tables[] = {routes_operation, routes_api,    routes_look, routes_chats,
                                         routes_openai,    routes_web,    routes_mcp,    routes_batches};

/* The path matches; *rest gets what a star stands for, or "". */
static bool matches(const char *pattern, const char *path, const char **rest)
{
    size_t n = strlen(pattern);

    *rest = "";
    if (n < 2 || strcmp(pattern + n - 2, "/*"))
        return !strcmp(pattern, path);
    if (strncmp(pattern, path, n - 1) || !path[n - 1])
        return false;
    *rest = path + n - 1;
    return true;
}

const http_route *route_find(const char *method, const char *path, const char **rest,
                             bool *other_method)
{
    *other_method = false;
    for (size_t t = 0; t < sizeof tables / sizeof *tables; t++)
        for (const http_route *r = tables[t]; r->method; r++) {
            if (!matches(r->path, path, rest))
                continue;
            if (!strcmp(r->method, method) || (!strcmp(method, "HEAD") && !strcmp(r->method, "GET")))
                return r;
            *other_method = true;
        }
    return NULL;
}
