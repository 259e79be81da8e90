/* http.h - the inside of the HTTP adapter: one request from its first byte to its last.
 *
 *   listen.c   libmicrohttpd: sockets, TLS, what a connection may cost; calls the steps below on its
 *              one thread, which reads and writes for everybody and never waits for anything else
 *   guard.c    may this request be served at all: Host, Origin, token, rate
 *   route.c    which handler a method and a path belong to
 *   workers.c  threads that run handlers; two lines, so that answers being written never hold up a
 *              search
 *   respond.c  results, errors in each API's shape, streams
 *   query.c    parameters from a query string or a JSON body (server/args.h reads them)
 *
 * A request is taken in whole (bounded), judged, put in line, handled by a worker, and sent by the
 * listening thread while the worker does other things: a slow client costs memory, never a thread.
 *
 * Owns     a request is held by its connection and by the worker that handles it; the last one frees.
 * Threads  the listening thread has the request until it is in line, then the worker has it until it is
 *          answered. `cancel` may be set and read by any. */
#ifndef CAIRN_SERVER_HTTP_HTTP_H
#define CAIRN_SERVER_HTTP_HTTP_H

#include <jansson.h>
#include <microhttpd.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>

#include "base/bytes.h"
#include "server/access_line.h"
#include "server/adapter.h"
#include "server/args.h"
#include "engine/json_text.h"

typedef struct http http;
typedef struct http_request http_request;
typedef struct http_stream http_stream;
typedef struct connection connection;
typedef struct batches batches; /* batches.h */

/* ---- routes (route.c) ---- */

typedef enum http_lane {
    LANE_NOW,    /* on the listening thread: nothing that takes time */
    LANE_QUICK,  /* searches, looking at documents */
    LANE_SLOW,   /* whatever generates or embeds, or waits */
    LANE_UPLOAD, /* the body goes to a file; then LANE_QUICK */
    LANE_FORM,   /* the body is a form with a file, which the handler reads; else LANE_QUICK */
    LANE_COUNT
} http_lane;

typedef enum http_shape { SHAPE_API, SHAPE_OPENAI, SHAPE_MCP } http_shape; /* of errors */

typedef void http_handler(http_request *r);

typedef struct http_route {
    const char *method;
    const char *path; /* ends in a slash and a star: whatever follows is r->rest, not empty */
    http_lane lane;
    service_role role; /* SERVICE_NOBODY: no token needed */
    size_t max_body;   /* 0: no body */
    http_shape shape;
    http_handler *handler;
} http_route;

#define SMALL_BODY ((size_t)1 << 20)
#define LARGE_BODY ((size_t)16 << 20)

/* NULL when there is none: *other_method says whether the path exists under another method. */
const http_route *route_find(const char *method, const char *path, const char **rest,
                             bool *other_method);

/* Ended by a route without a method. */
extern const http_route routes_operation[], routes_api[], routes_look[], routes_chats[], routes_openai[],
    routes_web[], routes_mcp[], routes_batches[];

/* ---- a request ---- */

struct http_request {
    http *h;
    struct MHD_Connection *connection;
    connection *conn;
    const http_route *route; /* NULL: refused before one was found */
    http_shape shape;
    char id[SERVICE_ID_BYTES];
    char trace[TRACE_ID_BYTES]; /* W3C trace id, or "" */
    char method[12];
    char *path;       /* decoded */
    const char *rest; /* in path */
    char peer[64];
    service_caller caller;
    bytes body;
    json_t *args; /* an object: the query string's and the body's members; see args_collect */
    service_upload *upload;
    size_t discarded; /* of the body, after what is wrong with it was known */
    bool bounded;     /* the body is an upload's, and says how long it is: not too long */
    int64_t start_ns, queued_ns;
    char **captured; /* of a request of a batch, which nobody waits for: gets its answer; else NULL */
    int priority; /* of what a model makes for it; below 0: after what others wait for */
    volatile sig_atomic_t cancel; /* the client went away, or the server shuts down */
    atomic_int holders;
    bool started;  /* the access handler has seen its headers */
    bool in_line;  /* handed to a worker */
    bool refused;  /* answered before the body was read */
    /* the answer */
    struct MHD_Response *response;
    unsigned status;
    bool sent; /* handed to libmicrohttpd */
    http_stream *stream;
    http_request *next; /* in a lane */
};

void request_hold(http_request *r);
void request_drop(http_request *r);
const char *request_header(const http_request *r, const char *name); /* NULL when absent */

/* ---- guard.c ---- */

typedef struct guard guard;

cairn_status guard_create(guard **out, const adapter_options *o, cairn_error *err);
void guard_destroy(guard *g); /* NULL is fine */
/* 0, or the HTTP status to refuse with; *err says why. Fills r->caller. */
unsigned guard_judge(guard *g, http_request *r, cairn_error *err);
/* Is this a name or number by which a client on this machine reaches us? For tests. */
bool guard_host_ok(const guard *g, const char *host);
bool guard_origin_ok(const guard *g, const char *origin, const char *host);

/* ---- workers.c ---- */

typedef struct workers workers;

cairn_status workers_create(workers **out, http *h, size_t n_quick, size_t n_slow,
                            cairn_error *err);
/* False when the line is full. The worker drops one hold of the request when it is done. */
bool workers_add(workers *w, http_request *r, http_lane lane);
size_t workers_waiting(workers *w);
/* Nothing may be in line or running any more. NULL is fine. */
void workers_destroy(workers *w);

/* ---- respond.c: called by handlers; each request is answered once ---- */

unsigned http_status_of(cairn_status st);
/* Steals j. */
void respond_json(http_request *r, unsigned status, json_t *j);
/* Copies. */
void respond_text(http_request *r, unsigned status, const char *type, const char *text, size_t len);
/* Text of the program, not copied; `etag` may be NULL. */
void respond_static(http_request *r, const char *type, const char *data, size_t len,
                    const char *etag);
void respond_empty(http_request *r, unsigned status);
void respond_error(http_request *r, cairn_status st, const cairn_error *err);
/* Read the request's arguments by these fields, and no others; false after answering what is wrong with them. */
bool request_args(http_request *r, const arg_field *fields, size_t n, void *out);
void respond_refusal(http_request *r, unsigned status, const char *text);
void respond_header(http_request *r, const char *name, const char *value);

/* Server-sent events: begun instead of an answer; what is put is sent as the client takes it. A put
 * after the client went away, or beyond what is buffered for one that does not read, is false. */
bool stream_begin(http_request *r);
/* event NULL: data alone. Steals j. */
bool stream_put(http_request *r, const char *event, json_t *j);
bool stream_put_text(http_request *r, const char *text);
void stream_end(http_request *r);
/* In-stream error in the request's shape. */
void stream_error(http_request *r, cairn_status st, const cairn_error *err);
/* respond.c's side of freeing */
void stream_drop(http_stream *s);

/* ---- query.c ---- */

/* r->args from the query string and, where there is one, the JSON body. */
cairn_status args_collect(http_request *r, cairn_error *err);
/* ---- listen.c ---- */

struct http {
    service *s;
    guard *guard;
    workers *workers;
    batches *batches;
    struct MHD_Daemon *daemon;
    int listening;
    adapter_options options;
    bool is_tls;
    char *client_ca; /* PEM text, which libmicrohttpd borrows */
    char *unix_path;
    pthread_mutex_t mutex; /* of the rest */
    pthread_cond_t changed;
    connection *connections;
    size_t n_connections, n_ended, max_connections, n_running;
    pthread_t sweeper;
    bool sweeping, stopping;
};

/* The worker is done with an answer that is no stream: let the listening thread send it. */
void request_answered(http_request *r);
/* Wake the connection of a stream (its own lock held). */
void request_resume(http_request *r);

#endif
