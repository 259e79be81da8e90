/* rpc.h - remote calls over the gRPC C core, for handlers that know messages and nothing of gRPC.
 *
 * A server is a table of methods. The client's request message arrives decoded; the handler answers with
 * rpc_send and rpc_finish, at once or later, on any thread.
 *
 *     static void echo(rpc_call *c, const ProtobufCMessage *request)
 *     {
 *         rpc_send(c, request);
 *         rpc_finish(c, CAIRN_OK, NULL);
 *     }
 *
 * Owns     A request and its strings live until the handler returns. rpc_send copies what it sends. A call
 *          lives until it has ended and its handler has returned; who keeps it longer takes rpc_ref and
 *          gives it back with rpc_unref. rpc_call.state belongs to the method: `destroy` frees it.
 * Threads  Handlers of one call never run at the same time; handlers of different calls do. rpc_send,
 *          rpc_finish, rpc_over and the references may be used from any thread. `closed` may run while a
 *          handler of the same call does.
 * Lanes    A method that takes time names a lane. Each lane runs so many handlers at once and lets so many
 *          calls wait; beyond that a call is refused with RESOURCE_EXHAUSTED. Two threads are never in a
 *          lane, so that health checks, cancellations and deadlines are always seen to.
 * Slow     No handler waits for a client: what cannot be sent yet is kept, up to a bound, and a client that
 *          takes nothing for `stall_ns`, or asks for more than it reads, loses its call.
 * Errors   A cairn_status becomes a gRPC code (rpc_code_of) and a google.rpc.Status with an ErrorInfo whose
 *          reason is the status' name in capitals and whose domain is "cairn". */
#ifndef CAIRN_SERVER_GRPC_RPC_H
#define CAIRN_SERVER_GRPC_RPC_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <protobuf-c/protobuf-c.h>

#include "base/status.h"

typedef struct rpc_server rpc_server;
typedef struct rpc_call rpc_call;

/* The codes of the protocol, as far as Cairn sends them. */
typedef enum rpc_code {
    RPC_OK = 0,
    RPC_CANCELLED = 1,
    RPC_UNKNOWN = 2,
    RPC_INVALID_ARGUMENT = 3,
    RPC_DEADLINE_EXCEEDED = 4,
    RPC_NOT_FOUND = 5,
    RPC_ALREADY_EXISTS = 6,
    RPC_PERMISSION_DENIED = 7,
    RPC_RESOURCE_EXHAUSTED = 8,
    RPC_FAILED_PRECONDITION = 9,
    RPC_ABORTED = 10,
    RPC_UNIMPLEMENTED = 12,
    RPC_INTERNAL = 13,
    RPC_UNAVAILABLE = 14,
    RPC_DATA_LOSS = 15,
    RPC_UNAUTHENTICATED = 16
} rpc_code;

enum rpc_lane {
    RPC_INLINE, /* takes no time: run where the event was seen; must not block */
    RPC_QUICK,  /* milliseconds: searches, lists */
    RPC_LONG,   /* seconds: models */
    RPC_WRITER, /* waits for its turn to write, and for the end of it */
    RPC_LANES
};

typedef struct rpc_method {
    const char *path;                         /* "/cairn.v1.Search/Query" */
    const ProtobufCMessageDescriptor *request; /* what the client sends */
    int role;                                 /* for `admit`; means nothing here */
    enum rpc_lane lane;     /* of `message` */
    enum rpc_lane end_lane; /* of `end` */
    bool streams_in;  /* the client sends any number of messages, then ends */
    bool streams_out; /* each rpc_send goes out at once */
    void (*message)(rpc_call *c, const ProtobufCMessage *request);
    void (*end)(rpc_call *c);    /* streams_in: the client has sent its last message */
    void (*closed)(rpc_call *c); /* the call has ended, however it did; NULL: nothing to do */
    void (*destroy)(void *state); /* NULL: nothing to do */
} rpc_method;

typedef struct rpc_options {
    const rpc_method *methods;
    size_t n_methods;
    void *ctx; /* for the handlers (rpc_ctx) and the two functions here */
    /* A call has come; what it sets as its identity is there in all that follows. NULL: nothing. */
    void (*begun)(void *ctx, rpc_call *c);
    /* May this caller call this method? Not RPC_OK refuses, with err's text. NULL: everybody may. */
    rpc_code (*admit)(void *ctx, rpc_call *c, const rpc_method *m, cairn_error *err);
    /* A message has waited so long for a place in its lane. NULL: nothing. */
    void (*waited)(void *ctx, enum rpc_lane lane, int64_t ns);
    /* A message is about to be handled. NULL: nothing. */
    void (*asked)(void *ctx, rpc_call *c, const ProtobufCMessage *request);
    /* A call has ended. `m` is NULL for a method that does not exist. */
    void (*finished)(void *ctx, rpc_call *c, const rpc_method *m, rpc_code code, int64_t ns);
    size_t running[RPC_LANES], waiting[RPC_LANES]; /* 0: 2 and 256 */
    size_t max_calls;            /* at once; 0: 4096 */
    size_t max_message_bytes;    /* of a request and of a response; 0: 4 MiB */
    size_t max_streams;          /* calls at once on one connection; 0: 256 */
    int64_t stall_ns;            /* 0: 30 s */
    int64_t handshake_ns;        /* until a connection has said what it wants; 0: 10 s */
    int64_t keepalive_ns;        /* a silent connection is asked whether it lives; 0: 60 s */
    int64_t idle_ns;             /* a connection without calls is closed; 0: 10 min */
} rpc_options;

/* PEM files' contents; client_ca NULL: no client certificate is asked for, else one is required. */
typedef struct rpc_tls {
    const char *certificate, *key, *client_ca;
} rpc_tls;

cairn_status rpc_server_create(rpc_server **out, const rpc_options *options, cairn_error *err);
/* Listen on "127.0.0.1:7000", "[::1]:0", "unix:/run/cairn.sock". *port (may be NULL) is the one bound; 0 for
 * a unix socket. tls NULL: plain text. Before rpc_server_start only. */
/* Other files for the connections from now on; those that cannot be used leave the old ones in force. */
cairn_status rpc_server_reload(rpc_server *s, const rpc_tls *tls, cairn_error *err);
cairn_status rpc_server_listen(rpc_server *s, const char *address, const rpc_tls *tls, int *port,
                               cairn_error *err);
cairn_status rpc_server_start(rpc_server *s, cairn_error *err);
/* Take no more calls, let the running ones end for up to grace_ns, cancel the rest, and wait until all
 * handlers have returned. */
void rpc_server_stop(rpc_server *s, int64_t grace_ns);
/* Stops with no grace where rpc_server_stop was not called. */
void rpc_server_destroy(rpc_server *s);

typedef struct rpc_counts {
    uint64_t active, served, refused; /* calls now, calls ended, calls refused as too many */
    uint64_t waiting;                 /* in the lanes, now */
} rpc_counts;
void rpc_server_counts(rpc_server *s, rpc_counts *out);

/* max_message_bytes as it is in force. */
size_t rpc_message_limit(const rpc_server *s);

/* ---- in a handler ------------------------------------------------------------------------------ */

void *rpc_ctx(const rpc_call *c);
rpc_server *rpc_server_of(const rpc_call *c);
const rpc_method *rpc_method_of(const rpc_call *c);
void *rpc_state(const rpc_call *c);
void rpc_set_state(rpc_call *c, void *state);
/* What `begun` and `admit` found out about the caller: malloced, freed with the call. */
void *rpc_identity(const rpc_call *c);
void rpc_set_identity(rpc_call *c, void *identity);
/* Sent with the first answer as "x-request-id"; before anything is sent. `id` lives as long as the call. */
void rpc_set_request_id(rpc_call *c, const char *id);
/* The first value of this lower-case header, NUL-terminated in buf[cap]; false where there is none or it is
 * too long. */
bool rpc_header(const rpc_call *c, const char *name, char *buf, size_t cap);
/* Who calls, as "ipv4:127.0.0.1:55814"; malloced, NULL without memory. */
char *rpc_peer(const rpc_call *c);
/* The common name of the verified client certificate; false where there is none. */
bool rpc_client_name(const rpc_call *c, char *buf, size_t cap);

/* False when the call has ended (cancelled, past its deadline, too slow): nothing more needs doing. */
bool rpc_send(rpc_call *c, const ProtobufCMessage *message);
/* Ends the call. Later sends and finishes do nothing. A status of CAIRN_OK takes no err. */
void rpc_finish(rpc_call *c, cairn_status status, const cairn_error *err);
void rpc_finish_code(rpc_call *c, rpc_code code, const char *reason, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
/* The client is gone, has cancelled or does not wait any longer. */
bool rpc_over(const rpc_call *c);
/* The same as a flag that the engine's requests take; it lives as long as the call. */
const volatile sig_atomic_t *rpc_cancel_flag(const rpc_call *c);
void rpc_ref(rpc_call *c);
void rpc_unref(rpc_call *c);

rpc_code rpc_code_of(cairn_status status);

/* Decode bytes into a message whose memory is bounded; the message lives until rpc_decoded_free. NULL when
 * they are no such message, hold text that is not UTF-8, or would take too much memory. */
typedef struct rpc_decoded rpc_decoded;
rpc_decoded *rpc_decode(const ProtobufCMessageDescriptor *type, const uint8_t *data, size_t len);
const ProtobufCMessage *rpc_decoded_message(const rpc_decoded *d);
void rpc_decoded_free(rpc_decoded *d);

#endif
