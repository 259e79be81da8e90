/* guard.c - may this request be served at all?
 *
 * Host: a page of another site can have its name point at 127.0.0.1 and then talk to us as if it were
 * our own page (DNS rebinding), but it cannot change the Host header, which still holds that name. So
 * a host is a numeric address, "localhost", or a name that was configured.
 * Origin and Sec-Fetch-Site: a request that a page of another site makes says so; none is served, and
 * no answer carries a CORS header.
 * Rate: of each caller (its token's name, else its address), over all ways together. */
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "server/http/http.h"

struct guard {
    char *hosts; /* comma-separated, as configured */
    char own_host[128];
    bool is_unix;
};

cairn_status guard_create(guard **out, const adapter_options *o, cairn_error *err)
{
    guard *g = calloc(1, sizeof *g);

    *out = NULL;
    if (!g || !(g->hosts = strdup(o->hosts ? o->hosts : ""))) {
        free(g);
        return cairn_fail(err, CAIRN_ENOMEM, "guard");
    }
    strcpy(g->own_host, o->address.host);
    g->is_unix = o->address.is_unix;
    *out = g;
    return CAIRN_OK;
}

void guard_destroy(guard *g)
{
    if (!g)
        return;
    free(g->hosts);
    free(g);
}

/* ---- Host and Origin ---- */

/* The name in "name", "name:port" or "[address]:port"; false when it is none of these. */
static bool split_host(const char *host, char name[256])
{
    const char *end = host + strlen(host), *port;
    size_t len;

    if (*host == '[') {
        const char *close = strchr(host, ']');
        if (!close)
            return false;
        len = (size_t)(close - host - 1);
        host++;
        port = close + 1;
    } else {
        port = strchr(host, ':');
        if (!port)
            port = end;
        len = (size_t)(port - host);
    }
    if (!len || len >= 256 || (*port && *port != ':'))
        return false;
    if (*port == ':' && strspn(port + 1, "0123456789") != strlen(port + 1))
        return false;
    memcpy(name, host, len);
    name[len] = '\0';
    return true;
}

static bool is_numeric(const char *name)
{
    unsigned char address[sizeof(struct in6_addr)];

    return inet_pton(AF_INET, name, address) == 1 || inet_pton(AF_INET6, name, address) == 1;
}

static bool is_listed(const char *list, const char *name)
{
    size_t len = strlen(name);

    while (*list) {
        size_t n = strcspn(list, ",");
        if (n == len && !strncasecmp(list, name, n))
            return true;
        list += n + (list[n] == ',');
    }
    return false;
}

bool guard_host_ok(const guard *g, const char *host)
{
    char name[256];

    if (g->is_unix)
        return true;
    return host && split_host(host, name) &&
           (!strcasecmp(name, "localhost") || is_numeric(name) || is_listed(g->hosts, name));
}

bool guard_origin_ok(const guard *g, const char *origin, const char *host)
{
    const char *rest;

    if (!origin)
        return true;
    if (!strncmp(origin, "http://", 7))
        rest = origin + 7;
    else if (!strncmp(origin, "https://", 8))
        rest = origin + 8;
    else
        return false;
    return host && !strcasecmp(rest, host) && guard_host_ok(g, rest);
}

/* A browser says where a request came from; a program says nothing. Only following a link to a page
 * is fine from elsewhere. */
static bool site_ok(const http_request *r)
{
    const char *site = request_header(r, "Sec-Fetch-Site");
    const char *mode = request_header(r, "Sec-Fetch-Mode");

    if (!site || !strcmp(site, "same-origin") || !strcmp(site, "none"))
        return true;
    return mode && !strcmp(mode, "navigate") && !strcmp(r->method, "GET") &&
           r->route->role == SERVICE_NOBODY;
}

/* ---- token ---- */

static const char *bearer_of(const http_request *r)
{
    const char *v = request_header(r, "Authorization");

    if (!v || strncasecmp(v, "Bearer ", 7))
        return NULL;
    v += 7;
    while (*v == ' ')
        v++;
    return v;
}

unsigned guard_judge(guard *g, http_request *r, cairn_error *err)
{
    const char *host = request_header(r, "Host");
    bool trusted = g->is_unix || !service_has_tokens(r->h->s);

    if (!guard_host_ok(g, host)) {
        cairn_fail(err, CAIRN_EUSAGE, "this server is not called \"%.200s\" (--hostname adds a name)",
                   host ? host : "");
        return MHD_HTTP_MISDIRECTED_REQUEST;
    }
    if (!guard_origin_ok(g, request_header(r, "Origin"), host) || !site_ok(r)) {
        cairn_fail(err, CAIRN_EUSAGE, "requests made by pages of other sites are not served");
        return MHD_HTTP_FORBIDDEN;
    }
    if (r->route->role == SERVICE_NOBODY)
        return service_check_rate(r->h->s, NULL, r->peer, err) ? MHD_HTTP_TOO_MANY_REQUESTS : 0;
    if (service_authorise(r->h->s, bearer_of(r), trusted, &r->caller, err))
        return service_check_rate(r->h->s, NULL, r->peer, err) ? MHD_HTTP_TOO_MANY_REQUESTS
                                                                 : MHD_HTTP_UNAUTHORIZED;
    if (service_check_rate(r->h->s, &r->caller, r->peer, err))
        return MHD_HTTP_TOO_MANY_REQUESTS;
    if (service_need(&r->caller, NULL, r->route->role, err))
        return MHD_HTTP_FORBIDDEN;
    return 0;
}
