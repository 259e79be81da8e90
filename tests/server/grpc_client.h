/* grpc_client.h - a small blocking gRPC client for tests and benchmarks: one connection, one thread.
 *
 *     grpc_client c;
 *     client_open(&c, "127.0.0.1:7000");
 *     int code = client_unary(&c, "/a.B/C", &request.base, &answer, NULL);
 *
 * Every wait is bounded by the call's deadline, so that a server that says nothing fails a test instead of
 * hanging it. */
#ifndef CAIRN_TESTS_SERVER_GRPC_CLIENT_H
#define CAIRN_TESTS_SERVER_GRPC_CLIENT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <grpc/byte_buffer_reader.h>
#include <grpc/grpc.h>
#include <grpc/grpc_security.h>
#include <grpc/support/alloc.h>
#include <grpc/support/time.h>
#include <protobuf-c/protobuf-c.h>

#define CLIENT_PATIENCE_MS 120000

typedef struct grpc_client {
    grpc_channel *channel;
    grpc_completion_queue *queue; /* for pluck */
} grpc_client;

typedef struct client_bytes {
    uint8_t *data; /* malloced */
    size_t len;
} client_bytes;

typedef struct client_call {
    grpc_client *client;
    grpc_call *call;
    grpc_metadata headers[2];
    grpc_metadata_array initial, trailing;
    grpc_status_code code;
    grpc_slice text;
    bool headers_received;
} client_call;

/* creds NULL: plain text. Each client has a connection of its own. */
static inline void client_open_with(grpc_client *c, const char *address, grpc_channel_credentials *creds,
                                    const char *server_name)
{
    grpc_channel_credentials *plain = creds ? NULL : grpc_insecure_credentials_create();
    grpc_arg args[3] = {
        {.type = GRPC_ARG_INTEGER, .key = (char *)GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL},
        {.type = GRPC_ARG_INTEGER, .key = (char *)GRPC_ARG_MAX_RECEIVE_MESSAGE_LENGTH},
        {.type = GRPC_ARG_STRING, .key = (char *)GRPC_SSL_TARGET_NAME_OVERRIDE_ARG},
    };
    grpc_channel_args list = {server_name ? 3 : 2, args};

    args[0].value.integer = 1;
    args[1].value.integer = -1;
    args[2].value.string = (char *)server_name;
    grpc_init();
    c->channel = grpc_channel_create(address, creds ? creds : plain, &list);
    c->queue = grpc_completion_queue_create_for_pluck(NULL);
    if (plain)
        grpc_channel_credentials_release(plain);
}

static inline void client_open(grpc_client *c, const char *address)
{
    client_open_with(c, address, NULL, NULL);
}

static inline void client_close(grpc_client *c)
{
    grpc_channel_destroy(c->channel);
    grpc_completion_queue_shutdown(c->queue);
    grpc_completion_queue_destroy(c->queue);
    grpc_shutdown_blocking();
}

/* Run a batch to its end; false where it failed. */
static inline bool client_batch(client_call *c, grpc_op *ops, size_t n)
{
    gpr_timespec never = gpr_inf_future(GPR_CLOCK_REALTIME);

    if (grpc_call_start_batch(c->call, ops, n, c, NULL) != GRPC_CALL_OK)
        return false;
    return grpc_completion_queue_pluck(c->client->queue, c, never, NULL).success;
}

/* deadline_ms 0: CLIENT_PATIENCE_MS. token NULL: none. The strings must outlive the call. */
static inline void client_begin(client_call *c, grpc_client *client, const char *path,
                                int64_t deadline_ms, const char *authorization)
{
    gpr_timespec at = gpr_time_add(
        gpr_now(GPR_CLOCK_MONOTONIC),
        gpr_time_from_millis(deadline_ms ? deadline_ms : CLIENT_PATIENCE_MS, GPR_TIMESPAN));
    grpc_op op = {.op = GRPC_OP_SEND_INITIAL_METADATA};

    memset(c, 0, sizeof *c);
    c->client = client;
    c->text = grpc_empty_slice();
    c->call = grpc_channel_create_call(client->channel, NULL, GRPC_PROPAGATE_DEFAULTS, client->queue,
                                       grpc_slice_from_static_string(path), NULL, at, NULL);
    grpc_metadata_array_init(&c->initial);
    grpc_metadata_array_init(&c->trailing);
    if (authorization) {
        c->headers[0].key = grpc_slice_from_static_string("authorization");
        c->headers[0].value = grpc_slice_from_static_string(authorization);
        op.data.send_initial_metadata.count = 1;
        op.data.send_initial_metadata.metadata = c->headers;
    }
    client_batch(c, &op, 1);
}

static inline bool client_send_bytes(client_call *c, const void *data, size_t len)
{
    grpc_slice slice = grpc_slice_from_copied_buffer(data, len);
    grpc_byte_buffer *buffer = grpc_raw_byte_buffer_create(&slice, 1);
    grpc_op op = {.op = GRPC_OP_SEND_MESSAGE};
    bool ok;

    op.data.send_message.send_message = buffer;
    ok = client_batch(c, &op, 1);
    grpc_byte_buffer_destroy(buffer);
    grpc_slice_unref(slice);
    return ok;
}

static inline bool client_send(client_call *c, const ProtobufCMessage *m)
{
    size_t n = protobuf_c_message_get_packed_size(m);
    uint8_t *data = malloc(n ? n : 1);
    bool ok;

    protobuf_c_message_pack(m, data);
    ok = client_send_bytes(c, data, n);
    free(data);
    return ok;
}

static inline bool client_half_close(client_call *c)
{
    grpc_op op = {.op = GRPC_OP_SEND_CLOSE_FROM_CLIENT};

    return client_batch(c, &op, 1);
}

/* The next message; false at the end of the stream. Free out->data. */
static inline bool client_receive(client_call *c, client_bytes *out)
{
    grpc_byte_buffer *buffer = NULL;
    grpc_byte_buffer_reader reader;
    grpc_op ops[2] = {{.op = GRPC_OP_RECV_MESSAGE}, {.op = GRPC_OP_RECV_INITIAL_METADATA}};
    grpc_slice all;
    bool first = !c->headers_received;

    *out = (client_bytes){0};
    ops[0].data.recv_message.recv_message = &buffer;
    ops[1].data.recv_initial_metadata.recv_initial_metadata = &c->initial;
    c->headers_received = true;
    if (!client_batch(c, ops, first ? 2 : 1) || !buffer) {
        if (buffer)
            grpc_byte_buffer_destroy(buffer);
        return false;
    }
    grpc_byte_buffer_reader_init(&reader, buffer);
    all = grpc_byte_buffer_reader_readall(&reader);
    out->len = GRPC_SLICE_LENGTH(all);
    out->data = malloc(out->len ? out->len : 1);
    memcpy(out->data, GRPC_SLICE_START_PTR(all), out->len);
    grpc_slice_unref(all);
    grpc_byte_buffer_reader_destroy(&reader);
    grpc_byte_buffer_destroy(buffer);
    return true;
}

/* Wait for the status and free the call. `detail` (may be NULL) gets grpc-status-details-bin; free its
 * data. `text` (may be NULL) gets the message, cut at cap. */
static inline int client_end(client_call *c, client_bytes *detail, char *text, size_t cap)
{
    grpc_op ops[2] = {{.op = GRPC_OP_RECV_STATUS_ON_CLIENT}, {.op = GRPC_OP_RECV_INITIAL_METADATA}};
    int code;

    ops[0].data.recv_status_on_client.trailing_metadata = &c->trailing;
    ops[0].data.recv_status_on_client.status = &c->code;
    ops[0].data.recv_status_on_client.status_details = &c->text;
    ops[1].data.recv_initial_metadata.recv_initial_metadata = &c->initial;
    client_batch(c, ops, c->headers_received ? 1 : 2);
    code = (int)c->code;
    if (text && cap) {
        size_t n = GRPC_SLICE_LENGTH(c->text) < cap - 1 ? GRPC_SLICE_LENGTH(c->text) : cap - 1;
        memcpy(text, GRPC_SLICE_START_PTR(c->text), n);
        text[n] = '\0';
    }
    if (detail)
        *detail = (client_bytes){0};
    for (size_t i = 0; detail && i < c->trailing.count; i++) {
        grpc_slice v = c->trailing.metadata[i].value;
        if (grpc_slice_str_cmp(c->trailing.metadata[i].key, "grpc-status-details-bin") || detail->data)
            continue;
        detail->len = GRPC_SLICE_LENGTH(v);
        detail->data = malloc(detail->len ? detail->len : 1);
        memcpy(detail->data, GRPC_SLICE_START_PTR(v), detail->len);
    }
    grpc_metadata_array_destroy(&c->initial);
    grpc_metadata_array_destroy(&c->trailing);
    grpc_slice_unref(c->text);
    grpc_call_unref(c->call);
    return code;
}

/* One request, at most one answer (answer->data NULL where there was none). Returns the code. */
static inline int client_unary(grpc_client *client, const char *path, const ProtobufCMessage *request,
                               client_bytes *answer, const char *authorization)
{
    client_call c;

    *answer = (client_bytes){0};
    client_begin(&c, client, path, 0, authorization);
    client_send(&c, request);
    client_half_close(&c);
    if (!client_receive(&c, answer))
        answer->data = NULL;
    return client_end(&c, NULL, NULL, 0);
}

#endif
