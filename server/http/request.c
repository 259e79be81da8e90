/* request.c - a request on the listening thread: begun, read in, put in line, sent, logged, freed. The
 * thread never waits here. */
#include <arpa/inet.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/stop.h"
#include "server/http/connection.h"

#define DISCARDED ((size_t)1 << 20) /* read past a limit, so that the refusal can be read */

/* ---- holding ---- */

void request_hold(http_request *r)
{
    atomic_fetch_add(&r->holders, 1);
}

void request_drop(http_request *r)
{
    if (atomic_fetch_sub(&r->holders, 1) > 1)
        return;
    if (r->response)
        MHD_destroy_response(r->response);
    stream_drop(r->stream);
    service_upload_abort(r->upload);
    json_decref(r->args);
    bytes_clear(&r->body);
    free(r->path);
    free(r);
}

const char *request_header(const http_request *r, const char *name)
{
    return MHD_lookup_connection_value(r->connection, MHD_HEADER_KIND, name);
}

void request_resume(http_request *r)
{
    MHD_resume_connection(r->connection);
}

void request_answered(http_request *r)
{
    request_resume(r);
}

/* ---- beginning ---- */

static void take_peer(http_request *r)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(r->connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    const struct sockaddr *a = info ? info->client_addr : NULL;

    strcpy(r->peer, "unix");
    if (a && a->sa_family == AF_INET)
        inet_ntop(AF_INET, &((const struct sockaddr_in *)a)->sin_addr, r->peer, sizeof r->peer);
    else if (a && a->sa_family == AF_INET6)
        inet_ntop(AF_INET6, &((const struct sockaddr_in6 *)a)->sin6_addr, r->peer, sizeof r->peer);
}

static http_request *request_new(http *h, struct MHD_Connection *c, const char *url,
                                 const char *method)
{
    http_request *r = calloc(1, sizeof *r);
    const union MHD_ConnectionInfo *info;

    if (!r || !(r->path = strdup(url))) {
        free(r);
        return NULL;
    }
    r->h = h;
    r->connection = c;
    atomic_init(&r->holders, 1);
    snprintf(r->method, sizeof r->method, "%s", method);
    r->start_ns = clock_mono_ns();
    service_request_id(r->id);
    access_trace_of(request_header(r, "traceparent"), r->trace);
    take_peer(r);
    info = MHD_get_connection_info(c, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    r->conn = info ? info->socket_context : NULL;
    r->rest = "";
    connection_phase(h, r->conn, PHASE_BODY, r);
    return r;
}

/* With a CA for clients: does this one show a certificate that it signed? */
static bool client_is_known(const http_request *r)
{
    const union MHD_ConnectionInfo *info;
    unsigned problems = 0;

    if (!r->h->client_ca)
        return true;
    info = MHD_get_connection_info(r->connection, MHD_CONNECTION_INFO_GNUTLS_SESSION);
    return info && info->tls_session &&
           gnutls_certificate_verify_peers2(info->tls_session, &problems) == GNUTLS_E_SUCCESS &&
           !problems && gnutls_certificate_get_peers(info->tls_session, &(unsigned){0});
}

/* Content-Length and Content-Type; 0 or the status to refuse with. */
static unsigned judge_body(const http_request *r, cairn_error *err)
{
    const char *length = request_header(r, MHD_HTTP_HEADER_CONTENT_LENGTH);
    const char *type = request_header(r, MHD_HTTP_HEADER_CONTENT_TYPE);
    const char *coding = request_header(r, MHD_HTTP_HEADER_TRANSFER_ENCODING);
    bool any = coding || (length && strcmp(length, "0"));
    size_t max = r->route->max_body;

    if (!any)
        return 0;
    if (r->route->lane == LANE_UPLOAD)
        return 0; /* the upload counts */
    if (!max) {
        cairn_fail(err, CAIRN_EUSAGE, "%s %s takes no body", r->method, r->path);
        return MHD_HTTP_BAD_REQUEST;
    }
    if (length && strtoull(length, NULL, 10) > max) {
        cairn_fail(err, CAIRN_ELIMIT, "the body may have %zu bytes at most", max);
        return MHD_HTTP_CONTENT_TOO_LARGE;
    }
    if (r->route->lane == LANE_FORM) { /* which no page can send without telling where it is from */
        if (type && !strncasecmp(type, "multipart/form-data", 19))
            return 0;
        cairn_fail(err, CAIRN_EUSAGE, "the body must be of type multipart/form-data");
        return MHD_HTTP_UNSUPPORTED_MEDIA_TYPE;
    }
    if (!type || strncasecmp(type, "application/json", 16) || (type[16] && !strchr("; ", type[16]))) {
        cairn_fail(err, CAIRN_EUSAGE, "the body must be of type application/json");
        return MHD_HTTP_UNSUPPORTED_MEDIA_TYPE;
    }
    return 0;
}

static http_shape shape_of(const char *path)
{
    return !strncmp(path, "/v1/", 4) ? SHAPE_OPENAI : !strcmp(path, "/mcp") ? SHAPE_MCP : SHAPE_API;
}

/* Everything that headers can tell; 0 or the status to refuse with. */
static unsigned judge(http_request *r, cairn_error *err)
{
    bool other_method;
    unsigned status;

    r->shape = shape_of(r->path);
    r->route = route_find(r->method, r->path, &r->rest, &other_method);
    if (!r->route) {
        cairn_fail(err, CAIRN_ENOTFOUND, other_method ? "%s is not for %s" : "there is no %s for %s",
                   r->path, r->method);
        return other_method ? MHD_HTTP_METHOD_NOT_ALLOWED : MHD_HTTP_NOT_FOUND;
    }
    r->shape = r->route->shape;
    if (!client_is_known(r)) {
        cairn_fail(err, CAIRN_EUSAGE, "a client certificate is needed");
        return MHD_HTTP_FORBIDDEN;
    }
    status = guard_judge(r->h->guard, r, err);
    return status ? status : judge_body(r, err);
}

/* ---- sending ---- */

static void add_headers(http_request *r)
{
    respond_header(r, "X-Request-Id", r->id);
    respond_header(r, "X-Content-Type-Options", "nosniff");
    respond_header(r, "Referrer-Policy", "no-referrer");
    respond_header(r, "Cross-Origin-Resource-Policy", "same-origin");
    if (!MHD_get_response_header(r->response, MHD_HTTP_HEADER_CACHE_CONTROL))
        respond_header(r, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
    if (!MHD_get_response_header(r->response, "Content-Security-Policy"))
        respond_header(r, "Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'");
    if (service_draining(r->h->s))
        respond_header(r, MHD_HTTP_HEADER_CONNECTION, "close");
}

static enum MHD_Result send_answer(http_request *r)
{
    r->sent = true;
    connection_phase(r->h, r->conn, PHASE_SENDING, r);
    add_headers(r);
    return MHD_queue_response(r->connection, r->status, r->response);
}

static enum MHD_Result refuse(http_request *r, unsigned status, const char *text)
{
    r->refused = true;
    respond_refusal(r, status, text);
    return r->response ? send_answer(r) : MHD_NO;
}

static enum MHD_Result put_in_line(http_request *r)
{
    http_lane lane = r->route->lane;

    if (lane == LANE_NOW) {
        r->route->handler(r);
        return r->response ? send_answer(r) : MHD_NO;
    }
    connection_phase(r->h, r->conn, PHASE_WORK, r);
    MHD_suspend_connection(r->connection);
    request_hold(r);
    if (workers_add(r->h->workers, r, lane == LANE_SLOW ? LANE_SLOW : LANE_QUICK))
        return MHD_YES;
    request_drop(r);
    respond_refusal(r, MHD_HTTP_SERVICE_UNAVAILABLE, "too many requests wait already");
    request_resume(r);
    return MHD_YES;
}

/* ---- libmicrohttpd's calls ---- */

static enum MHD_Result begin(http *h, struct MHD_Connection *c, const char *url, const char *method,
                             void **state)
{
    http_request *r = request_new(h, c, url, method);
    cairn_error err = {0};
    const char *length;
    unsigned status;

    if (!r)
        return MHD_NO;
    *state = r;
    bytes_init(&r->body, LARGE_BODY);
    status = service_draining(h->s) ? MHD_HTTP_SERVICE_UNAVAILABLE : judge(r, &err);
    if (status)
        return refuse(r, status, err.text[0] ? err.text : "the server is shutting down");
    bytes_init(&r->body, r->route->max_body);
    if (r->route->lane == LANE_UPLOAD) {
        const char *collection = MHD_lookup_connection_value(c, MHD_GET_ARGUMENT_KIND, "collection");
        cairn_status st = service_need(&r->caller,
                                       collection && *collection
                                           ? collection
                                           : service_default_collection(h->s),
                                       r->route->role, &err);
        if (st)
            return refuse(r, MHD_HTTP_FORBIDDEN, err.text);
        st = service_upload_begin(h->s, &r->caller, collection, r->rest, &r->upload, &err);
        length = request_header(r, MHD_HTTP_HEADER_CONTENT_LENGTH);
        if (!st && length)
            st = service_upload_expect(r->upload, strtoull(length, NULL, 10), &err);
        if (st)
            return refuse(r, http_status_of(st), err.text);
        r->bounded = length != NULL;
    }
    return MHD_YES;
}

static enum MHD_Result take_body(http_request *r, const char *data, size_t *len)
{
    cairn_error err = {0};
    cairn_status st;
    size_t n = *len;

    *len = 0;
    connection_received(r->h, r->conn, n);
    if (r->response) { /* too much already: the rest is not kept */
        r->discarded += n;
        return r->bounded || r->discarded < DISCARDED ? MHD_YES : MHD_NO;
    }
    st = r->upload ? service_upload_write(r->upload, data, n, &err)
                   : bytes_append(&r->body, data, n);
    if (st && !err.text[0])
        cairn_fail(&err, st, "the body may have %zu bytes at most", r->route->max_body);
    if (st)
        respond_error(r, st, &err);
    return MHD_YES;
}

enum MHD_Result request_on_data(void *cls, struct MHD_Connection *c, const char *url,
                                const char *method, const char *version, const char *data,
                                size_t *len, void **state)
{
    http_request *r = *state;

    (void)version;
    if (!r)
        return begin(cls, c, url, method, state);
    if (*len)
        return take_body(r, data, len);
    if (r->response)
        return r->sent ? MHD_YES : send_answer(r);
    return put_in_line(r);
}

static void count(const http_request *r, double seconds)
{
    metrics *m = service_metrics(r->h->s);
    char labels[160];

    snprintf(labels, sizeof labels, "route=\"%s\",code=\"%u\"", r->route ? r->route->path : "none",
             r->status);
    metrics_add(m, "cairn_http_requests_total", "Requests answered.", labels, 1);
    snprintf(labels, sizeof labels, "route=\"%s\"", r->route ? r->route->path : "none");
    metrics_observe(m, "cairn_http_request_seconds", "Time from a request's headers to its end.",
                    labels, seconds);
}

static void log_access(const http_request *r, double seconds, bool broken_off)
{
    access_line_write(&(access_line){.request = r->id,
                                     .trace = r->trace,
                                     .method = r->method,
                                     .path = r->path,
                                     .status = (int)r->status,
                                     .seconds = seconds,
                                     .peer = r->peer,
                                     .caller = r->caller.name,
                                     .broken_off = broken_off});
}

void request_on_completed(void *cls, struct MHD_Connection *c, void **state,
                          enum MHD_RequestTerminationCode how)
{
    http_request *r = *state;
    double seconds;

    (void)cls;
    (void)c;
    if (!r)
        return;
    *state = NULL;
    if (how != MHD_REQUEST_TERMINATED_COMPLETED_OK)
        stop_raise(&r->cancel);
    connection_phase(r->h, r->conn, PHASE_IDLE, NULL);
    seconds = (double)(clock_mono_ns() - r->start_ns) / 1e9;
    count(r, seconds);
    log_access(r, seconds, how != MHD_REQUEST_TERMINATED_COMPLETED_OK);
    request_drop(r);
}
