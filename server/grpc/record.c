/* record.c - what is kept of a call: its request id and trace, a line of the log, the audit,
 * metrics. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/audit.h"
#include "server/grpc/services.h"
#include "engine/json_text.h"

#define HEADER_BYTES 256 /* of a traceparent; a longer one is none of a version that exists */
#define DEPTH_MAX    8

void record_begun(void *ctx, rpc_call *c)
{
    char header[HEADER_BYTES];
    asker *a = calloc(1, sizeof *a);

    (void)ctx;
    if (!a)
        return;
    service_request_id(a->id);
    access_trace_of(rpc_header(c, "traceparent", header, sizeof header) ? header : NULL, a->trace);
    rpc_set_identity(c, a);
    rpc_set_request_id(c, a->id);
}

/* "ipv4:127.0.0.1:55814", "ipv6:%5B::1%5D:55814" or "ipv6:[::1]:55814", "unix:...". */
void peer_of(const rpc_call *c, char out[PEER_BYTES])
{
    char *peer = rpc_peer(c), *end;
    const char *start = peer ? peer : "";

    if (!strncmp(start, "unix", 4)) {
        strcpy(out, "unix");
        free(peer);
        return;
    }
    start = strchr(start, ':') ? strchr(start, ':') + 1 : start;
    start += *start == '[' ? 1 : !strncmp(start, "%5B", 3) ? 3 : 0;
    snprintf(out, PEER_BYTES, "%s", start);
    if ((end = strrchr(out, ':'))) /* one host is one caller, whatever its port */
        *end = '\0';
    if ((end = strpbrk(out, "]%")))
        *end = '\0';
    free(peer);
}

/* ---- the audit ---------------------------------------------------------------------------------
 */

static json_t *message_json(const ProtobufCMessage *m, int depth);

/* One value, or NULL where it is the default, or bytes. */
static json_t *value_json(const ProtobufCFieldDescriptor *f, const void *at, int depth)
{
    switch (f->type) {
    case PROTOBUF_C_TYPE_STRING: {
        const char *text = *(const char *const *)at;
        return text && *text ? json_str(text) : NULL;
    }
    case PROTOBUF_C_TYPE_MESSAGE: {
        const ProtobufCMessage *m = *(const ProtobufCMessage *const *)at;
        return m && depth < DEPTH_MAX ? message_json(m, depth + 1) : NULL;
    }
    case PROTOBUF_C_TYPE_BOOL:
        return *(const protobuf_c_boolean *)at ? json_true() : NULL;
    case PROTOBUF_C_TYPE_UINT32:
    case PROTOBUF_C_TYPE_INT32:
    case PROTOBUF_C_TYPE_ENUM: {
        int32_t v = *(const int32_t *)at;
        return v ? json_integer(f->type == PROTOBUF_C_TYPE_UINT32 ? (json_int_t)(uint32_t)v : v)
                 : NULL;
    }
    default:
        return NULL;
    }
}

static json_t *list_json(const ProtobufCFieldDescriptor *f, const void *items, size_t n, int depth)
{
    json_t *list;

    if (!n || (f->type != PROTOBUF_C_TYPE_STRING && f->type != PROTOBUF_C_TYPE_MESSAGE))
        return NULL;
    list = json_array();
    for (size_t i = 0; i < n; i++) {
        json_t *v = value_json(f, (const void *const *)items + i, depth);
        json_array_append_new(list, v ? v : json_null());
    }
    return list;
}

/* The fields that are not at their default, by their names in the .proto file. */
static json_t *message_json(const ProtobufCMessage *m, int depth)
{
    json_t *out = json_object();

    for (unsigned i = 0; i < m->descriptor->n_fields; i++) {
        const ProtobufCFieldDescriptor *f = &m->descriptor->fields[i];
        const char *base = (const char *)m, *at = base + f->offset;
        json_t *v;
        if ((f->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) &&
            *(const uint32_t *)(base + f->quantifier_offset) != f->id)
            continue;
        v = f->label == PROTOBUF_C_LABEL_REPEATED
                ? list_json(f, *(const void *const *)at,
                            *(const size_t *)(base + f->quantifier_offset), depth)
                : value_json(f, at, depth);
        if (v)
            json_object_set_new(out, f->name, v);
    }
    return out;
}

void record_asked(void *ctx, rpc_call *c, const ProtobufCMessage *request)
{
    const front *f = ctx;
    const rpc_method *m = rpc_method_of(c);
    const asker *a = rpc_identity(c);
    char peer[PEER_BYTES];
    json_t *asked;

    if (!service_audits(f->s) || m->role == SERVICE_NOBODY)
        return;
    asked = message_json(request, 0);
    if (!m->streams_in || json_object_size(asked)) { /* not each piece of a file */
        peer_of(c, peer);
        service_audit(f->s, &a->who, "grpc", peer, a->id, m->path, asked);
    }
    json_decref(asked);
}

/* ---- the end -----------------------------------------------------------------------------------
 */

/* Both labels are from small fixed sets: methods of the table, numbers of codes. */
static void count(const front *f, const char *method, rpc_code code, double seconds)
{
    char labels[160];

    snprintf(labels, sizeof labels, "method=\"%s\",code=\"%d\"", method, (int)code);
    metrics_add(service_metrics(f->s), "cairn_grpc_calls_total", "gRPC calls that ended.", labels,
                1);
    snprintf(labels, sizeof labels, "method=\"%s\"", method);
    metrics_observe(service_metrics(f->s), "cairn_grpc_seconds", "Duration of gRPC calls.", labels,
                    seconds);
}

void record_finished(void *ctx, rpc_call *c, const rpc_method *m, rpc_code code, int64_t ns)
{
    const front *f = ctx;
    const asker *a = rpc_identity(c);
    double seconds = (double)ns / 1e9;
    char peer[PEER_BYTES];

    count(f, m ? m->path + 1 : "unknown", code, seconds);
    if (!a)
        return;
    peer_of(c, peer);
    access_line_write(&(access_line){.request = a->id,
                                     .trace = a->trace,
                                     .method = "grpc",
                                     .path = m ? m->path : "unknown",
                                     .status = (int)code,
                                     .seconds = seconds,
                                     .peer = peer,
                                     .caller = a->who.name,
                                     .broken_off = code == RPC_CANCELLED});
}
