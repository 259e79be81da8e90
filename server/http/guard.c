/* guard.c - may this request be served at all?
 *
 * Host: a page of another site can have its name point at 127.0.0.1 and then talk to us as if it were
 * our own page (DNS rebinding), but it cannot change the Host header, which still holds that name. So
 * a host is a numeric address, "localhost", or a name that was configured.
 * Origin and Sec-Fetch-Site: a request that a page of another site makes says so; none is served, and
 * no answer carries a CORS header.
 * Rate: a bucket of tokens for each caller (its token's name, else its address). */
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "server/http/http.h"

#define BUCKETS 1024

typedef struct bucket {
    char who[SERVICE_NAME_BYTES];
    double tokens;
    int64_t at_ns;
} bucket;

struct guard {
    char *hosts; /* comma-separated, as configured */
    char own_host[128];
    bool is_unix;
    double per_second;
    pthread_mutex_t mutex; /* of the rest */
    bucket buckets[BUCKETS];
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
    g->per_second = o->requests_per_second;
    pthread_mutex_init(&g->mutex, NULL);
    *out = g;
    return CAIRN_OK;
}

void guard_destroy(guard *g)
{
    if (!g)
        return;
    pthread_mutex_destroy(&g->mutex);
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

/* ---- token and rate ---- */

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

/* A page that starts asks several things at once. */
static double capacity(const guard *g)
{
    return g->per_second > 0.5 ? g->per_second * 2 : 1;
}

/* The bucket of this caller, or the one unused for longest. */
static bucket *find_bucket(guard *g, const char *who, int64_t now)
{
    bucket *oldest = &g->buckets[0];

    for (size_t i = 0; i < BUCKETS; i++) {
        if (!strcmp(g->buckets[i].who, who))
            return &g->buckets[i];
        if (g->buckets[i].at_ns < oldest->at_ns)
            oldest = &g->buckets[i];
    }
    snprintf(oldest->who, sizeof oldest->who, "%s", who);
    oldest->tokens = capacity(g);
    oldest->at_ns = now;
    return oldest;
}

static bool take_token(guard *g, const char *who)
{
    int64_t now;
    bucket *b;
    bool ok;

    if (g->per_second <= 0)
        return true;
    pthread_mutex_lock(&g->mutex);
    now = clock_mono_ns();
    b = find_bucket(g, who, now);
    b->tokens += (double)(now - b->at_ns) / 1e9 * g->per_second;
    b->at_ns = now;
    if (b->tokens > capacity(g))
        b->tokens = capacity(g);
    ok = b->tokens >= 1;
    if (ok)
        b->tokens -= 1;
    pthread_mutex_unlock(&g->mutex);
    return ok;
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
    if (!take_token(g, r->peer)) {
        cairn_fail(err, CAIRN_EBUSY, "more requests than %g a second", g->per_second);
        return MHD_HTTP_TOO_MANY_REQUESTS;
    }
    if (r->route->role == SERVICE_NOBODY)
        return 0;
    if (service_authorise(r->h->s, bearer_of(r), trusted, &r->caller, err))
        return MHD_HTTP_UNAUTHORIZED;
    if (service_need(&r->caller, NULL, r->route->role, err))
        return MHD_HTTP_FORBIDDEN;
    return 0;
}
