/* services.h - what the services of cairn.v1 share: the front they stand on, who calls, replies.
 *
 * Each service is a file with its handlers and a table of its methods; methods.c joins the tables. A
 * handler reads its request, asks need() and lend(), calls the engine, builds a reply from an arena and
 * finishes the call. */
#ifndef CAIRN_SERVER_GRPC_SERVICES_H
#define CAIRN_SERVER_GRPC_SERVICES_H

#include "base/arena.h"
#include "server/access_line.h"
#include "server/grpc/health.h"
#include "server/grpc/reflection.h"
#include "server/grpc/rpc.h"
#include "server/service.h"

/* Rooms of one reply; what does not fit a message is refused by rpc_send anyway. */
#define REPLY_MAX ((size_t)64 << 20)

typedef struct front {
    service *s;
    rpc_server *server;
    health *health;
    reflection *reflection;
    bool is_unix, is_loopback;
} front;

/* What is known of a call from its beginning: its identity. */
typedef struct asker {
    service_caller who;         /* once it is admitted; before, nobody */
    char id[SERVICE_ID_BYTES];  /* also sent as "x-request-id" */
    char trace[TRACE_ID_BYTES]; /* W3C trace id, or "" */
} asker;

/* ---- record.c: the hooks of rpc_options, with a `front` as ctx --------------------------------- */

void record_begun(void *ctx, rpc_call *c);
/* In the audit log, where there is one (server/audit.h). */
void record_asked(void *ctx, rpc_call *c, const ProtobufCMessage *request);
void record_finished(void *ctx, rpc_call *c, const rpc_method *m, rpc_code code, int64_t ns);

#define PEER_BYTES 64
/* The address that a call comes from, without its port; "unix" for a socket's. */
void peer_of(const rpc_call *c, char out[PEER_BYTES]);

/* ---- who calls --------------------------------------------------------------------------------- */

front *front_of(const rpc_call *c);
service *service_of(const rpc_call *c);
/* Who calls: found out before the handler runs. */
const service_caller *caller_of(const rpc_call *c);

/* May the caller do this to the collection? Otherwise the call is finished with PERMISSION_DENIED. */
bool need(rpc_call *c, const char *collection, service_role role);
/* need(SERVICE_READ), then a handle, or NULL and the call finished. Give it back with give_back. */
cairn *lend(rpc_call *c, const char *collection);
/* Give a handle back, and where `st` is a failure finish the call with it; returns !st. */
bool give_back(rpc_call *c, cairn *handle, cairn_status st, const cairn_error *err);

/* ---- replies ----------------------------------------------------------------------------------- */

typedef struct reply {
    arena memory;
    bool failed; /* memory ran out: reply_send says so instead of sending half a reply */
} reply;

void reply_init(reply *r);
void reply_clear(reply *r);
/* Zeroed; never NULL for n == 0 or after a failure noted in r, but then nothing may be written. */
void *reply_array(reply *r, size_t n, size_t size);
/* The text as UTF-8: itself, or a copy with broken bytes replaced. NULL gives "". It is not changed by
 * whoever gets it; protobuf-c has no const. */
char *reply_text(reply *r, const char *s);
char *reply_bytes_text(reply *r, const char *s, size_t len); /* a NUL-terminated copy */
/* rpc_send, or a finished call where the reply failed; false when there is nothing more to do. */
bool reply_send(rpc_call *c, const reply *r, const ProtobufCMessage *m);
/* Send the one answer of a call, finish it and clear the reply. */
void reply_end(rpc_call *c, reply *r, const ProtobufCMessage *m);

/* ---- shared conversions (search.c) ------------------------------------------------------------- */

struct Cairn__V1__Hit;
/* hits of a result as an array of pointers; *n gets the count. */
struct Cairn__V1__Hit **reply_hits(reply *r, const cairn_search_result *result, size_t *n);
/* MODE_UNSPECIFIED is hybrid; false, and the call finished, for a number that is no mode. */
bool read_mode(rpc_call *c, int mode, cairn_mode *out);

/* ---- the tables -------------------------------------------------------------------------------- */

typedef struct method_table {
    const rpc_method *methods;
    size_t n;
} method_table;

extern const method_table search_methods, ask_methods, collections_methods, documents_methods,
    ingest_methods, models_methods, admin_methods, health_methods, reflection_methods;

#define METHODS(array) {array, sizeof array / sizeof *array}

#endif
