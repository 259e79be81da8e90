/* routes_web.c - the page and what belongs to it, from the program itself (server/web/, compiled in).
 *
 * The policy allows what this server serves and nothing else: no inline script or style, no frame, no
 * other host. A document's text reaches the page as JSON and becomes text nodes. */
#include <string.h>

#include "server/http/http.h"
#include "server/http/web_files.h"

static void serve(http_request *r, const char *name)
{
    for (const web_file *f = web_files; f->name; f++) {
        if (strcmp(f->name, name))
            continue;
        respond_static(r, f->type, (const char *)f->data, f->len, f->etag);
        respond_header(r, "Content-Security-Policy",
                       "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; "
                       "connect-src 'self'; manifest-src 'self'; base-uri 'none'; "
                       "form-action 'none'; frame-ancestors 'none'");
        respond_header(r, MHD_HTTP_HEADER_CACHE_CONTROL, "no-cache");
        respond_header(r, "X-Frame-Options", "DENY");
        respond_header(r, "Cross-Origin-Opener-Policy", "same-origin");
        respond_header(r, "Permissions-Policy", "camera=(), microphone=(), geolocation=()");
        return;
    }
    respond_refusal(r, MHD_HTTP_NOT_FOUND, "there is no such page");
}

static void page(http_request *r)
{
    serve(r, "index.html");
}

static void file(http_request *r)
{
    serve(r, r->rest);
}

static void openapi(http_request *r)
{
    serve(r, "openapi.json");
}

const http_route routes_web[] = {
    {"GET", "/", LANE_NOW, SERVICE_NOBODY, 0, SHAPE_API, page},
    {"GET", "/web/*", LANE_NOW, SERVICE_NOBODY, 0, SHAPE_API, file},
    {"GET", "/api/v1/openapi.json", LANE_NOW, SERVICE_NOBODY, 0, SHAPE_API, openapi},
    {0},
};
