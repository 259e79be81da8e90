/* bench_grpc.c - calls a second and their latency over gRPC, against a server that runs. JSON lines, one a
 * setting.
 *
 *   bench_grpc --address HOST:PORT [--connections 1,8,64] [--seconds 5] [--query TEXT]... [--mode lexical|hybrid]
 *              [--k 10] [--pid SERVER] [--method check|search]
 *
 * Each connection has one call under way, all of them on one thread. Two methods in turn, or one of them: `search` is
 * cairn.v1.Search/Query, `check` is grpc.health.v1.Health/Check, which does nothing: the limit of the way
 * itself. With --pid, the server's CPU time for each call is told as well. */
#include <getopt.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <grpc/byte_buffer_reader.h>
#include <grpc/grpc.h>
#include <grpc/grpc_security.h>
#include <grpc/support/time.h>

#include "base/clock.h"
#include "cairn/v1/search.pb-c.h"
#include "grpc/health/v1/health.pb-c.h"

#define CONNECTIONS_MAX 1024
#define QUERIES_MAX     64
#define WARM_NS         ((int64_t)2 * 1000000000)
#define SAMPLES_MAX     ((size_t)1 << 22)

typedef struct settings {
    const char *address;
    const char *queries[QUERIES_MAX];
    size_t n_queries;
    Cairn__V1__Mode mode;
    uint32_t k;
    double seconds;
    long pid;
    const char *method; /* NULL: both */
} settings;

typedef struct connection {
    grpc_channel *channel;
    grpc_call *call;
    grpc_byte_buffer *request, *answer;
    grpc_metadata_array headers, trailers;
    grpc_status_code code;
    grpc_slice text;
    int64_t began_ns;
} connection;

typedef struct bench {
    const settings *s;
    grpc_completion_queue *queue;
    connection connections[CONNECTIONS_MAX];
    size_t n;
    grpc_slice requests[QUERIES_MAX];
    size_t n_requests, next;
    const char *path;
    float *samples; /* milliseconds */
    size_t n_samples, errors;
    uint64_t answer_bytes;
} bench;

static void begin_call(bench *b, connection *c)
{
    grpc_op ops[6] = {{.op = GRPC_OP_SEND_INITIAL_METADATA}, {.op = GRPC_OP_SEND_MESSAGE},
                      {.op = GRPC_OP_SEND_CLOSE_FROM_CLIENT}, {.op = GRPC_OP_RECV_INITIAL_METADATA},
                      {.op = GRPC_OP_RECV_MESSAGE}, {.op = GRPC_OP_RECV_STATUS_ON_CLIENT}};

    c->call = grpc_channel_create_call(c->channel, NULL, GRPC_PROPAGATE_DEFAULTS, b->queue,
                                       grpc_slice_from_static_string(b->path), NULL,
                                       gpr_inf_future(GPR_CLOCK_REALTIME), NULL);
    c->request = grpc_raw_byte_buffer_create(&b->requests[b->next++ % b->n_requests], 1);
    grpc_metadata_array_init(&c->headers);
    grpc_metadata_array_init(&c->trailers);
    c->answer = NULL;
    ops[1].data.send_message.send_message = c->request;
    ops[3].data.recv_initial_metadata.recv_initial_metadata = &c->headers;
    ops[4].data.recv_message.recv_message = &c->answer;
    ops[5].data.recv_status_on_client.trailing_metadata = &c->trailers;
    ops[5].data.recv_status_on_client.status = &c->code;
    ops[5].data.recv_status_on_client.status_details = &c->text;
    c->began_ns = clock_mono_ns();
    if (grpc_call_start_batch(c->call, ops, 6, c, NULL) != GRPC_CALL_OK) {
        fprintf(stderr, "bench_grpc: a call could not be started\n");
        exit(1);
    }
}

static void end_call(bench *b, connection *c, bool counts)
{
    if (c->code && !b->errors++)
        fprintf(stderr, "bench_grpc: %.*s\n", (int)GRPC_SLICE_LENGTH(c->text),
                (const char *)GRPC_SLICE_START_PTR(c->text));
    if (counts && b->n_samples < SAMPLES_MAX)
        b->samples[b->n_samples++] = (float)((double)(clock_mono_ns() - c->began_ns) / 1e6);
    if (c->answer) {
        b->answer_bytes += grpc_byte_buffer_length(c->answer);
        grpc_byte_buffer_destroy(c->answer);
    }
    grpc_byte_buffer_destroy(c->request);
    grpc_metadata_array_destroy(&c->headers);
    grpc_metadata_array_destroy(&c->trailers);
    grpc_slice_unref(c->text);
    grpc_call_unref(c->call);
}

/* CPU time of the server so far, or 0. */
static double server_cpu(long pid)
{
    char path[64];
    unsigned long user = 0, system = 0;
    FILE *f;

    snprintf(path, sizeof path, "/proc/%ld/stat", pid);
    f = pid ? fopen(path, "r") : NULL;
    if (!f)
        return 0;
    if (fscanf(f, "%*d (%*[^)]) %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &system) != 2)
        user = system = 0;
    fclose(f);
    return (double)(user + system) / (double)sysconf(_SC_CLK_TCK);
}

static int by_value(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;

    return x < y ? -1 : x > y;
}

static void report(bench *b, const char *method, double seconds, double cpu)
{
    size_t n = b->n_samples;

    qsort(b->samples, n, sizeof *b->samples, by_value);
    printf("{\"bench\":\"grpc\",\"method\":\"%s\",\"connections\":%zu,\"calls\":%zu,\"errors\":%zu,\"per_s\":%.0f,"
           "\"p50_ms\":%.3f,\"p99_ms\":%.3f,\"answer_bytes\":%.0f,\"server_cpu_us\":%.1f}\n",
           method, b->n, n, b->errors, (double)n / seconds, n ? (double)b->samples[n / 2] : 0.0,
           n ? (double)b->samples[n - 1 - n / 100] : 0.0, n ? (double)b->answer_bytes / (double)n : 0.0,
           n ? cpu * 1e6 / (double)n : 0.0);
    fflush(stdout);
}

/* Run one method for its time, after a tenth of it that is not counted, and at least WARM_NS: with hundreds of connections the
 * calls that wait for these to be made would be more than the slowest hundredth. */
static void run(bench *b, const char *method)
{
    int64_t tenth = (int64_t)(b->s->seconds * 1e8), warm = clock_mono_ns() + (tenth > WARM_NS ? tenth : WARM_NS),
            until = warm + (int64_t)(b->s->seconds * 1e9);
    double cpu = 0;
    size_t under_way = b->n;
    bool counting = false;

    b->n_samples = b->errors = 0;
    for (size_t i = 0; i < b->n; i++)
        begin_call(b, &b->connections[i]);
    while (under_way) {
        grpc_event e = grpc_completion_queue_next(b->queue, gpr_inf_future(GPR_CLOCK_REALTIME), NULL);
        connection *c = e.tag;
        int64_t now = clock_mono_ns();
        if (!counting && now >= warm) {
            counting = true;
            b->answer_bytes = 0;
            cpu = server_cpu(b->s->pid);
        }
        end_call(b, c, counting && now < until);
        if (now < until)
            begin_call(b, c);
        else
            under_way--;
    }
    report(b, method, b->s->seconds, server_cpu(b->s->pid) - cpu);
}

static void pack_request(bench *b, const ProtobufCMessage *m)
{
    grpc_slice s = grpc_slice_malloc(protobuf_c_message_get_packed_size(m));

    protobuf_c_message_pack(m, GRPC_SLICE_START_PTR(s));
    b->requests[b->n_requests++] = s;
}

static void drop_requests(bench *b)
{
    while (b->n_requests)
        grpc_slice_unref(b->requests[--b->n_requests]);
}

static void pack_queries(bench *b)
{
    for (size_t i = 0; i < b->s->n_queries; i++) {
        Cairn__V1__QueryRequest q = CAIRN__V1__QUERY_REQUEST__INIT;
        q.query = (char *)b->s->queries[i];
        q.mode = b->s->mode;
        q.k = b->s->k;
        pack_request(b, &q.base);
    }
}

static void run_connections(bench *b, size_t n)
{
    grpc_arg own = {.type = GRPC_ARG_INTEGER, .key = (char *)GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL};
    grpc_channel_args args = {1, &own};
    grpc_channel_credentials *plain = grpc_insecure_credentials_create();
    Grpc__Health__V1__HealthCheckRequest check = GRPC__HEALTH__V1__HEALTH_CHECK_REQUEST__INIT;

    own.value.integer = 1; /* a connection for each channel */
    b->n = n;
    for (size_t i = 0; i < n; i++)
        b->connections[i].channel = grpc_channel_create(b->s->address, plain, &args);
    if (!b->s->method || !strcmp(b->s->method, "check")) {
        pack_request(b, &check.base);
        b->path = "/grpc.health.v1.Health/Check";
        run(b, "check");
        drop_requests(b);
    }
    if (!b->s->method || !strcmp(b->s->method, "search")) {
        pack_queries(b);
        b->path = "/cairn.v1.Search/Query";
        run(b, "search");
        drop_requests(b);
    }
    for (size_t i = 0; i < n; i++)
        grpc_channel_destroy(b->connections[i].channel);
    grpc_channel_credentials_release(plain);
}

static int usage(void)
{
    fprintf(stderr, "usage: bench_grpc --address HOST:PORT [--connections 1,8,64] [--seconds S] "
                    "[--query TEXT]... [--mode lexical|hybrid] [--k N] [--pid SERVER] "
                    "[--method check|search]\n");
    return 2;
}

int main(int argc, char **argv)
{
    static const struct option options[] = {
        {"address", 1, 0, 'a'}, {"connections", 1, 0, 'c'}, {"seconds", 1, 0, 's'}, {"query", 1, 0, 'q'},
        {"mode", 1, 0, 'm'},    {"k", 1, 0, 'k'},           {"pid", 1, 0, 'p'},     {"method", 1, 0, 'w'}, {0}};
    settings s = {.mode = CAIRN__V1__MODE__MODE_LEXICAL, .seconds = 5, .k = 10};
    const char *connections = "1,8,64";
    bench *b = calloc(1, sizeof *b);
    int opt;

    while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
        switch (opt) {
        case 'a':
            s.address = optarg;
            break;
        case 'c':
            connections = optarg;
            break;
        case 's':
            s.seconds = atof(optarg);
            break;
        case 'q':
            if (s.n_queries < QUERIES_MAX)
                s.queries[s.n_queries++] = optarg;
            break;
        case 'm':
            s.mode = strcmp(optarg, "hybrid") ? CAIRN__V1__MODE__MODE_LEXICAL : CAIRN__V1__MODE__MODE_HYBRID;
            break;
        case 'k':
            s.k = (uint32_t)atoi(optarg);
            break;
        case 'p':
            s.pid = atol(optarg);
            break;
        case 'w':
            s.method = optarg;
            break;
        default:
            return usage();
        }
    }
    if (!s.address || s.seconds <= 0 || !b)
        return usage();
    if (!s.n_queries)
        s.queries[s.n_queries++] = "the";
    b->s = &s;
    b->samples = malloc(SAMPLES_MAX * sizeof *b->samples);
    if (!b->samples)
        return 1;
    grpc_init();
    b->queue = grpc_completion_queue_create_for_next(NULL);
    for (const char *p = connections; *p;) {
        char *end;
        unsigned long n = strtoul(p, &end, 10);
        if (end == p || !n || n > CONNECTIONS_MAX)
            return usage();
        run_connections(b, n);
        p = *end ? end + 1 : end;
    }
    grpc_completion_queue_shutdown(b->queue);
    grpc_completion_queue_destroy(b->queue);
    grpc_shutdown_blocking();
    free(b->samples);
    free(b);
    return 0;
}
