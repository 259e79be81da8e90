/* client.c - search or ask a Cairn server from C: the gRPC core and what protoc-c makes of server/proto.
 *
 *     grpc_client search|ask ADDRESS TEXT
 *
 * One call, one thread, one completion queue that is plucked: each batch of operations is waited for. The
 * core hands over: the message received (destroyed here) and the status text (a slice, unreferenced
 * here); the metadata arrays are ours, what stands in them belongs to the call. */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <grpc/byte_buffer_reader.h>
#include <grpc/grpc.h>
#include <grpc/grpc_security.h>
#include <grpc/support/time.h>

#include "cairn/v1/ask.pb-c.h"
#include "cairn/v1/search.pb-c.h"

typedef struct rpc {
    grpc_channel *channel;
    grpc_completion_queue *queue;
    grpc_call *call;
} rpc;

static bool run(rpc *r, grpc_op *ops, size_t n)
{
    if (grpc_call_start_batch(r->call, ops, n, r, NULL) != GRPC_CALL_OK)
        return false;
    return grpc_completion_queue_pluck(r->queue, r, gpr_inf_future(GPR_CLOCK_REALTIME), NULL).success;
}

/* Begin a call with its one request. */
static void begin(rpc *r, const char *address, const char *method, const ProtobufCMessage *request,
                  gpr_timespec deadline)
{
    grpc_channel_credentials *plain = grpc_insecure_credentials_create();
    const char *token = getenv("CAIRN_TOKEN");
    char bearer[600];
    grpc_metadata header = {.key = grpc_slice_from_static_string("authorization")};
    grpc_slice packed = grpc_slice_malloc(protobuf_c_message_get_packed_size(request));
    grpc_byte_buffer *buffer;
    grpc_op ops[3] = {{.op = GRPC_OP_SEND_INITIAL_METADATA},
                      {.op = GRPC_OP_SEND_MESSAGE},
                      {.op = GRPC_OP_SEND_CLOSE_FROM_CLIENT}};

    grpc_init();
    r->channel = grpc_channel_create(address, plain, NULL);
    grpc_channel_credentials_release(plain);
    r->queue = grpc_completion_queue_create_for_pluck(NULL);
    r->call = grpc_channel_create_call(r->channel, NULL, GRPC_PROPAGATE_DEFAULTS, r->queue,
                                       grpc_slice_from_static_string(method), NULL, deadline, NULL);
    protobuf_c_message_pack(request, GRPC_SLICE_START_PTR(packed));
    buffer = grpc_raw_byte_buffer_create(&packed, 1);
    grpc_slice_unref(packed);
    ops[1].data.send_message.send_message = buffer;
    if (token) {
        snprintf(bearer, sizeof bearer, "Bearer %s", token);
        header.value = grpc_slice_from_static_string(bearer);
        ops[0].data.send_initial_metadata.count = 1;
        ops[0].data.send_initial_metadata.metadata = &header;
    }
    run(r, ops, 3); /* what went wrong shows in the status */
    grpc_byte_buffer_destroy(buffer);
}

/* The next message of the answer as one slice; false after the last. */
static bool receive(rpc *r, bool first, grpc_slice *out)
{
    grpc_metadata_array headers;
    grpc_byte_buffer *buffer = NULL;
    grpc_byte_buffer_reader reader;
    grpc_op ops[2] = {{.op = GRPC_OP_RECV_MESSAGE}, {.op = GRPC_OP_RECV_INITIAL_METADATA}};
    bool ok;

    grpc_metadata_array_init(&headers);
    ops[0].data.recv_message.recv_message = &buffer;
    ops[1].data.recv_initial_metadata.recv_initial_metadata = &headers;
    ok = run(r, ops, first ? 2 : 1) && buffer && grpc_byte_buffer_reader_init(&reader, buffer);
    if (ok) {
        *out = grpc_byte_buffer_reader_readall(&reader);
        grpc_byte_buffer_reader_destroy(&reader);
    }
    if (buffer)
        grpc_byte_buffer_destroy(buffer);
    grpc_metadata_array_destroy(&headers);
    return ok;
}

/* The names of the codes 0 to 16. */
static const char *const codes[] = {
    "OK",                  "CANCELLED",      "UNKNOWN",           "INVALID_ARGUMENT",
    "DEADLINE_EXCEEDED",   "NOT_FOUND",      "ALREADY_EXISTS",    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",  "FAILED_PRECONDITION", "ABORTED",      "OUT_OF_RANGE",
    "UNIMPLEMENTED",       "INTERNAL",       "UNAVAILABLE",       "DATA_LOSS",
    "UNAUTHENTICATED"};

/* Wait for the status, give everything back; 0 or 1 for the shell. */
static int end(rpc *r)
{
    grpc_metadata_array trailers;
    grpc_status_code code;
    grpc_slice text;
    grpc_op op = {.op = GRPC_OP_RECV_STATUS_ON_CLIENT};

    grpc_metadata_array_init(&trailers);
    op.data.recv_status_on_client.trailing_metadata = &trailers;
    op.data.recv_status_on_client.status = &code;
    op.data.recv_status_on_client.status_details = &text;
    run(r, &op, 1);
    if (code)
        fprintf(stderr, "%s: %.*s\n", code < 17 ? codes[code] : "UNKNOWN",
                (int)GRPC_SLICE_LENGTH(text), (const char *)GRPC_SLICE_START_PTR(text));
    grpc_slice_unref(text);
    grpc_metadata_array_destroy(&trailers);
    grpc_call_unref(r->call);
    grpc_channel_destroy(r->channel);
    grpc_completion_queue_shutdown(r->queue);
    grpc_completion_queue_destroy(r->queue);
    grpc_shutdown_blocking();
    return code ? 1 : 0;
}

static int search(const char *address, char *text)
{
    Cairn__V1__QueryRequest request = CAIRN__V1__QUERY_REQUEST__INIT;
    gpr_timespec soon = gpr_time_add(gpr_now(GPR_CLOCK_REALTIME), gpr_time_from_seconds(60, GPR_TIMESPAN));
    Cairn__V1__QueryResponse *answer;
    grpc_slice packed;
    rpc r;

    request.query = text;
    begin(&r, address, "/cairn.v1.Search/Query", &request.base, soon);
    if (receive(&r, true, &packed)) {
        answer = cairn__v1__query_response__unpack(NULL, GRPC_SLICE_LENGTH(packed),
                                                   GRPC_SLICE_START_PTR(packed));
        for (size_t i = 0; answer && i < answer->n_hits; i++)
            printf("%u\t%s\t%s\n", answer->hits[i]->rank, answer->hits[i]->uri, answer->hits[i]->heading);
        cairn__v1__query_response__free_unpacked(answer, NULL);
        grpc_slice_unref(packed);
    }
    return end(&r);
}

static void print_event(const Cairn__V1__AnswerEvent *event)
{
    if (event->event_case == CAIRN__V1__ANSWER_EVENT__EVENT_TEXT) {
        fputs(event->text, stdout);
        fflush(stdout);
    } else if (event->event_case == CAIRN__V1__ANSWER_EVENT__EVENT_DONE) {
        putchar('\n');
        for (size_t i = 0; i < event->done->n_citations; i++)
            printf("[%u]\t%s\t%s\n", event->done->citations[i]->number,
                   event->done->citations[i]->uri, event->done->citations[i]->text);
    }
}

static int ask(const char *address, char *text)
{
    Cairn__V1__AnswerRequest request = CAIRN__V1__ANSWER_REQUEST__INIT;
    grpc_slice packed;
    rpc r;

    request.question = text;
    begin(&r, address, "/cairn.v1.Ask/Answer", &request.base, gpr_inf_future(GPR_CLOCK_REALTIME));
    for (bool first = true; receive(&r, first, &packed); first = false) {
        Cairn__V1__AnswerEvent *event = cairn__v1__answer_event__unpack(
            NULL, GRPC_SLICE_LENGTH(packed), GRPC_SLICE_START_PTR(packed));
        if (event)
            print_event(event);
        cairn__v1__answer_event__free_unpacked(event, NULL);
        grpc_slice_unref(packed);
    }
    return end(&r);
}

int main(int argc, char **argv)
{
    if (argc == 4 && !strcmp(argv[1], "search"))
        return search(argv[2], argv[3]);
    if (argc == 4 && !strcmp(argv[1], "ask"))
        return ask(argv[2], argv[3]);
    fprintf(stderr, "usage: grpc_client search|ask ADDRESS TEXT\n");
    return 2;
}
