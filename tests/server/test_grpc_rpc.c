/* test_grpc_rpc - the wrapper over the gRPC core, by a server in this process that echoes, streams, waits and
 * refuses, and a client of the same core. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>
#include <pthread.h>
#include <unistd.h>

#include "google/rpc/error_details.pb-c.h"
#include "google/rpc/status.pb-c.h"
#include "server/grpc/rpc.h"
#include "tests/server/grpc_client.h"

#define SECOND INT64_C(1000000000)

/* What handlers and tests tell each other. */
static struct {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    int entered, seen_over, ends, destroyed, closed, go;
} shared = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

static void count(int *what)
{
    pthread_mutex_lock(&shared.lock);
    (*what)++;
    pthread_cond_broadcast(&shared.changed);
    pthread_mutex_unlock(&shared.lock);
}

static void wait_for(int *what, int at_least)
{
    pthread_mutex_lock(&shared.lock);
    while (*what < at_least)
        pthread_cond_wait(&shared.changed, &shared.lock);
    pthread_mutex_unlock(&shared.lock);
}

static int read_count(int *what)
{
    int n;

    pthread_mutex_lock(&shared.lock);
    n = *what;
    pthread_mutex_unlock(&shared.lock);
    return n;
}

static void echo(rpc_call *c, const ProtobufCMessage *request)
{
    rpc_send(c, request);
    rpc_finish(c, CAIRN_OK, NULL);
}

static void refuse(rpc_call *c, const ProtobufCMessage *request)
{
    const Google__Rpc__Status *s = (const Google__Rpc__Status *)request;
    cairn_error err;

    rpc_send(c, request); /* an error carries no message */
    rpc_finish(c, cairn_fail(&err, (cairn_status)s->code, "no luck: %s", s->message), &err);
    rpc_finish(c, CAIRN_OK, NULL); /* too late, does nothing */
}

static void count_up(rpc_call *c, const ProtobufCMessage *request)
{
    const Google__Rpc__Status *s = (const Google__Rpc__Status *)request;
    Google__Rpc__Status out = GOOGLE__RPC__STATUS__INIT;

    for (int32_t i = 0; i < s->code; i++) {
        out.code = i;
        if (!rpc_send(c, &out.base))
            return;
    }
    rpc_finish(c, CAIRN_OK, NULL);
}

/* Sends as long as somebody takes it. */
static void flood(rpc_call *c, const ProtobufCMessage *request)
{
    static char text[100000];
    Google__Rpc__Status out = GOOGLE__RPC__STATUS__INIT;

    (void)request;
    memset(text, 'x', sizeof text - 1);
    out.message = text;
    while (rpc_send(c, &out.base))
        ;
    count(&shared.seen_over);
    rpc_finish(c, CAIRN_ECANCELLED, NULL);
}

static void wait_until_over(rpc_call *c, const ProtobufCMessage *request)
{
    const volatile sig_atomic_t *over = rpc_cancel_flag(c);

    (void)request;
    count(&shared.entered);
    while (!__atomic_load_n(over, __ATOMIC_RELAXED))
        usleep(1000);
    count(&shared.seen_over);
    rpc_finish(c, CAIRN_ECANCELLED, NULL);
}

static void wait_until_told(rpc_call *c, const ProtobufCMessage *request)
{
    count(&shared.entered);
    wait_for(&shared.go, 1);
    echo(c, request);
}

static void add(rpc_call *c, const ProtobufCMessage *request)
{
    const Google__Rpc__Status *s = (const Google__Rpc__Status *)request;
    int64_t *sum = rpc_state(c);

    if (!sum) {
        sum = calloc(1, sizeof *sum);
        rpc_set_state(c, sum);
    }
    *sum += s->code;
    count(&shared.entered);
}

static void add_end(rpc_call *c)
{
    Google__Rpc__Status out = GOOGLE__RPC__STATUS__INIT;
    int64_t *sum = rpc_state(c);

    count(&shared.ends);
    out.code = sum ? (int32_t)*sum : -1;
    rpc_send(c, &out.base);
    rpc_finish(c, CAIRN_OK, NULL);
}

static void add_destroy(void *sum)
{
    free(sum);
    count(&shared.destroyed);
}

static void note_closed(rpc_call *c)
{
    (void)c;
    count(&shared.closed);
}

static void whoami(rpc_call *c, const ProtobufCMessage *request)
{
    Google__Rpc__Status out = GOOGLE__RPC__STATUS__INIT;
    char name[100];

    (void)request;
    out.message = rpc_client_name(c, name, sizeof name) ? name : rpc_peer(c);
    rpc_send(c, &out.base);
    rpc_finish(c, CAIRN_OK, NULL);
    if (out.message != name)
        free(out.message);
}

#define METHOD(name, ...) {.path = "/test.T/" name, .request = &google__rpc__status__descriptor, __VA_ARGS__}
static const rpc_method methods[] = {
    METHOD("Echo", .message = echo),
    METHOD("Fail", .message = refuse, .lane = RPC_QUICK),
    METHOD("Count", .message = count_up, .streams_out = true, .lane = RPC_QUICK),
    METHOD("Flood", .message = flood, .streams_out = true, .lane = RPC_QUICK),
    METHOD("Wait", .message = wait_until_over, .lane = RPC_QUICK, .closed = note_closed),
    METHOD("Told", .message = wait_until_told, .lane = RPC_LONG),
    METHOD("Add", .message = add, .end = add_end, .streams_in = true, .destroy = add_destroy,
           .lane = RPC_QUICK),
    METHOD("Secret", .message = echo, .role = 1),
    METHOD("Who", .message = whoami),
};

static rpc_code admit(void *ctx, rpc_call *c, const rpc_method *m, cairn_error *err)
{
    char token[64];

    (void)ctx;
    if (!m->role)
        return RPC_OK;
    if (!rpc_header(c, "authorization", token, sizeof token)) {
        cairn_fail(err, CAIRN_EUSAGE, "a token is needed");
        return RPC_UNAUTHENTICATED;
    }
    if (strcmp(token, "Bearer sesame")) {
        cairn_fail(err, CAIRN_EUSAGE, "not this token");
        return RPC_PERMISSION_DENIED;
    }
    return RPC_OK;
}

static rpc_server *server;
static char address[64];

static void start(const rpc_options *more, const rpc_tls *tls)
{
    rpc_options o = more ? *more : (rpc_options){0};
    cairn_error err;
    int port;

    o.methods = methods;
    o.n_methods = sizeof methods / sizeof *methods;
    o.admit = admit;
    shared.entered = shared.seen_over = shared.ends = shared.destroyed = shared.closed = shared.go = 0;
    assert_int_equal(rpc_server_create(&server, &o, &err), CAIRN_OK);
    if (rpc_server_listen(server, "127.0.0.1:0", tls, &port, &err))
        fail_msg("%s", err.text);
    assert_int_equal(rpc_server_start(server, &err), CAIRN_OK);
    snprintf(address, sizeof address, "127.0.0.1:%d", port);
}

static Google__Rpc__Status *parse(client_bytes *b)
{
    Google__Rpc__Status *s = b->data ? google__rpc__status__unpack(NULL, b->len, b->data) : NULL;

    free(b->data);
    return s;
}

static Google__Rpc__Status message(int32_t code, const char *text)
{
    Google__Rpc__Status s = GOOGLE__RPC__STATUS__INIT;

    s.code = code;
    s.message = (char *)text;
    return s;
}

/* A failed call's google.rpc.Status agrees with its code and names this reason. */
static void check_detail(client_bytes *detail, int code, const char *reason)
{
    Google__Rpc__Status *s = parse(detail);
    Google__Rpc__ErrorInfo *info;

    assert_non_null(s);
    assert_int_equal(s->code, code);
    assert_int_equal(s->n_details, 1);
    assert_string_equal(s->details[0]->type_url, "type.googleapis.com/google.rpc.ErrorInfo");
    info = google__rpc__error_info__unpack(NULL, s->details[0]->value.len, s->details[0]->value.data);
    assert_non_null(info);
    assert_string_equal(info->reason, reason);
    assert_string_equal(info->domain, "cairn");
    google__rpc__error_info__free_unpacked(info, NULL);
    google__rpc__status__free_unpacked(s, NULL);
}

static void note_wait(void *ctx, enum rpc_lane lane, int64_t ns)
{
    int *waits = ctx;

    assert_int_equal(lane, RPC_QUICK);
    assert_true(ns >= 0);
    count(waits);
}

/* Every message that takes a place in a lane tells how long it waited; one that needs none tells nothing. */
static void waits_for_a_lane_are_told(void **state)
{
    int waits = 0;
    grpc_client c;
    Google__Rpc__Status m = message(3, "");

    (void)state;
    start(&(rpc_options){.ctx = &waits, .waited = note_wait}, NULL);
    client_open(&c, address);
    for (int i = 0; i < 4; i++) {
        client_bytes b;
        client_call call;
        assert_int_equal(client_unary(&c, "/test.T/Echo", &m.base, &b, NULL), RPC_OK);
        free(b.data);
        client_begin(&call, &c, "/test.T/Fail", 0, NULL);
        client_send(&call, &m.base);
        client_half_close(&call);
        assert_false(client_receive(&call, &b));
        client_end(&call, NULL, NULL, 0);
    }
    assert_int_equal(read_count(&waits), 4);
    client_close(&c);
    rpc_server_destroy(server);
}

static void messages_come_back(void **state)
{
    grpc_client c;
    char *big = malloc(3000001);

    (void)state;
    start(NULL, NULL);
    client_open(&c, address);
    memset(big, 'a', 3000000);
    big[3000000] = '\0';
    for (int i = 0; i < 3; i++) {
        const char *const texts[] = {"", "h\xC3\xA9", big};
        Google__Rpc__Status m = message(i, texts[i]), *got;
        client_bytes b;
        assert_int_equal(client_unary(&c, "/test.T/Echo", &m.base, &b, NULL), RPC_OK);
        got = parse(&b);
        assert_int_equal(got->code, i);
        assert_string_equal(got->message, texts[i]);
        google__rpc__status__free_unpacked(got, NULL);
    }
    free(big);
    client_close(&c);
    rpc_server_destroy(server);
}

static void errors_say_what_and_why(void **state)
{
    static const struct {
        cairn_status status;
        int code;
        const char *reason;
    } rows[] = {
        {CAIRN_ENOTFOUND, RPC_NOT_FOUND, "NOT_FOUND"},
        {CAIRN_EUSAGE, RPC_INVALID_ARGUMENT, NULL},
        {CAIRN_ECORRUPT, RPC_DATA_LOSS, NULL},
        {CAIRN_EMODEL, RPC_FAILED_PRECONDITION, NULL},
        {CAIRN_EBUSY, RPC_UNAVAILABLE, NULL},
        {CAIRN_EIO, RPC_INTERNAL, NULL},
        {CAIRN_EUNSUPPORTED, RPC_UNIMPLEMENTED, NULL},
    };
    grpc_client c;

    (void)state;
    start(NULL, NULL);
    client_open(&c, address);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        Google__Rpc__Status m = message((int32_t)rows[i].status, "x\ny");
        client_bytes answer, detail;
        client_call call;
        char text[200];
        client_begin(&call, &c, "/test.T/Fail", 0, NULL);
        client_send(&call, &m.base);
        client_half_close(&call);
        assert_false(client_receive(&call, &answer));
        assert_int_equal(client_end(&call, &detail, text, sizeof text), rows[i].code);
        assert_non_null(strstr(text, "no luck: x"));
        assert_null(strchr(text, '\n'));
        if (rows[i].reason)
            check_detail(&detail, rows[i].code, rows[i].reason);
        else
            free(detail.data);
    }
    client_close(&c);
    rpc_server_destroy(server);
}

static int send_raw(grpc_client *c, const char *path, const void *data, size_t len, client_bytes *detail)
{
    client_call call;
    client_bytes answer = {0};

    client_begin(&call, c, path, 0, NULL);
    if (data)
        client_send_bytes(&call, data, len);
    client_half_close(&call);
    if (client_receive(&call, &answer))
        free(answer.data);
    return client_end(&call, detail, NULL, 0);
}

static void bad_requests_are_refused(void **state)
{
    static const struct {
        const char *name;
        size_t len;
        const char *bytes;
    } rows[] = {
        {"a length past the end", 3, "\x12\x7F\x41"},
        {"a varint that never ends", 11, "\x08\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF"},
        {"an unknown wire type", 2, "\x0F\x01"},
        {"text that is no UTF-8", 4, "\x12\x02\xC3\x28"},
        {"text that is no UTF-8, further in", 6, "\x1A\x04\x0A\x02\xFF\xFE"},
        {"field number 0", 2, "\x00\x01"},
    };
    grpc_client c;
    client_bytes detail;
    rpc_options o = {.max_message_bytes = 10000};
    char big[20000] = {0};

    (void)state;
    start(&o, NULL);
    client_open(&c, address);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        int code = send_raw(&c, "/test.T/Echo", rows[i].bytes, rows[i].len, &detail);
        if (code != RPC_INVALID_ARGUMENT)
            fail_msg("%s: code %d", rows[i].name, code);
        check_detail(&detail, RPC_INVALID_ARGUMENT, "MALFORMED_MESSAGE");
    }
    assert_int_equal(send_raw(&c, "/test.T/Echo", NULL, 0, &detail), RPC_INVALID_ARGUMENT);
    check_detail(&detail, RPC_INVALID_ARGUMENT, "NO_MESSAGE");
    assert_int_equal(send_raw(&c, "/test.T/Nothing", "", 0, &detail), RPC_UNIMPLEMENTED);
    check_detail(&detail, RPC_UNIMPLEMENTED, "NO_SUCH_METHOD");
    assert_int_equal(send_raw(&c, "/test.T/Echo", big, sizeof big, NULL), RPC_RESOURCE_EXHAUSTED);
    /* and the connection still works */
    assert_int_equal(send_raw(&c, "/test.T/Echo", "", 0, NULL), RPC_OK);
    client_close(&c);
    rpc_server_destroy(server);
}

static void memory_of_a_request_is_bounded(void **state)
{
    /* Empty messages in a repeated field: two bytes each, far more in memory. */
    size_t n = (size_t)8 << 20;
    uint8_t *data = malloc(n);

    (void)state;
    for (size_t i = 0; i < n; i += 2) {
        data[i] = 0x1A;
        data[i + 1] = 0;
    }
    assert_null(rpc_decode(&google__rpc__status__descriptor, data, n));
    rpc_decoded *d = rpc_decode(&google__rpc__status__descriptor, data, 2000);
    assert_non_null(d);
    assert_int_equal(((const Google__Rpc__Status *)rpc_decoded_message(d))->n_details, 1000);
    rpc_decoded_free(d);
    free(data);
}

static void streams_keep_their_order(void **state)
{
    Google__Rpc__Status m = message(1000, ""), *got;
    grpc_client c;
    client_call call;
    client_bytes b;
    int32_t n = 0;

    (void)state;
    start(NULL, NULL);
    client_open(&c, address);
    client_begin(&call, &c, "/test.T/Count", 0, NULL);
    client_send(&call, &m.base);
    client_half_close(&call);
    while (client_receive(&call, &b)) {
        got = parse(&b);
        assert_int_equal(got->code, n++);
        google__rpc__status__free_unpacked(got, NULL);
    }
    assert_int_equal(client_end(&call, NULL, NULL, 0), RPC_OK);
    assert_int_equal(n, 1000);
    client_close(&c);
    rpc_server_destroy(server);
}

static void client_streams_end_only_when_they_end(void **state)
{
    Google__Rpc__Status m = message(7, ""), *got;
    grpc_client c;
    client_call call;
    client_bytes b;

    (void)state;
    start(NULL, NULL);
    client_open(&c, address);
    client_begin(&call, &c, "/test.T/Add", 0, NULL);
    for (int i = 0; i < 10; i++)
        client_send(&call, &m.base);
    client_half_close(&call);
    assert_true(client_receive(&call, &b));
    got = parse(&b);
    assert_int_equal(got->code, 70);
    google__rpc__status__free_unpacked(got, NULL);
    assert_int_equal(client_end(&call, NULL, NULL, 0), RPC_OK);
    wait_for(&shared.destroyed, 1);
    assert_int_equal(read_count(&shared.ends), 1);
    /* one that breaks off has no end, and its state goes all the same */
    client_begin(&call, &c, "/test.T/Add", 0, NULL);
    client_send(&call, &m.base);
    wait_for(&shared.entered, 11);
    grpc_call_cancel(call.call, NULL);
    assert_int_equal(client_end(&call, NULL, NULL, 0), RPC_CANCELLED);
    wait_for(&shared.destroyed, 2);
    assert_int_equal(read_count(&shared.ends), 1);
    client_close(&c);
    rpc_server_destroy(server);
}

static void deadlines_and_cancellation_reach_the_handler(void **state)
{
    Google__Rpc__Status m = message(0, "");
    grpc_client c;
    client_call call;

    (void)state;
    start(NULL, NULL);
    client_open(&c, address);
    client_begin(&call, &c, "/test.T/Wait", 0, NULL);
    client_send(&call, &m.base);
    client_half_close(&call);
    wait_for(&shared.entered, 1);
    grpc_call_cancel(call.call, NULL);
    assert_int_equal(client_end(&call, NULL, NULL, 0), RPC_CANCELLED);
    wait_for(&shared.closed, 1);
    wait_for(&shared.seen_over, 1);
    client_begin(&call, &c, "/test.T/Wait", 500, NULL);
    client_send(&call, &m.base);
    client_half_close(&call);
    assert_int_equal(client_end(&call, NULL, NULL, 0), RPC_DEADLINE_EXCEEDED);
    wait_for(&shared.closed, read_count(&shared.entered));
    wait_for(&shared.seen_over, read_count(&shared.entered));
    client_close(&c);
    rpc_server_destroy(server);
}

static void tokens_are_asked_for(void **state)
{
    Google__Rpc__Status m = message(1, "");
    grpc_client c;
    client_bytes b;

    (void)state;
    start(NULL, NULL);
    client_open(&c, address);
    assert_int_equal(client_unary(&c, "/test.T/Secret", &m.base, &b, NULL), RPC_UNAUTHENTICATED);
    assert_null(b.data);
    assert_int_equal(client_unary(&c, "/test.T/Secret", &m.base, &b, "Bearer mellon"),
                     RPC_PERMISSION_DENIED);
    assert_int_equal(client_unary(&c, "/test.T/Secret", &m.base, &b, "Bearer sesame"), RPC_OK);
    free(b.data);
    client_close(&c);
    rpc_server_destroy(server);
}

/* One runs, one waits, the third is refused; the inline method goes on working. */
static void a_full_lane_refuses(void **state)
{
    rpc_options o = {.running = {[RPC_LONG] = 1}, .waiting = {[RPC_LONG] = 1}};
    Google__Rpc__Status m = message(1, "");
    grpc_client c[3];
    client_call call[2];
    client_bytes b;
    rpc_counts counts;

    (void)state;
    start(&o, NULL);
    for (int i = 0; i < 3; i++)
        client_open(&c[i], address);
    for (int i = 0; i < 2; i++) {
        client_begin(&call[i], &c[i], "/test.T/Told", 0, NULL);
        client_send(&call[i], &m.base);
        client_half_close(&call[i]);
    }
    wait_for(&shared.entered, 1);
    do { /* until the second one has taken the only place in line */
        usleep(1000);
        rpc_server_counts(server, &counts);
    } while (counts.waiting < 1);
    assert_int_equal(client_unary(&c[2], "/test.T/Told", &m.base, &b, NULL), RPC_RESOURCE_EXHAUSTED);
    assert_null(b.data);
    assert_int_equal(client_unary(&c[2], "/test.T/Echo", &m.base, &b, NULL), RPC_OK);
    free(b.data);
    rpc_server_counts(server, &counts);
    assert_true(counts.refused >= 1);
    count(&shared.go);
    for (int i = 0; i < 2; i++) {
        if (client_receive(&call[i], &b))
            free(b.data);
        assert_int_equal(client_end(&call[i], NULL, NULL, 0), RPC_OK);
    }
    for (int i = 0; i < 3; i++)
        client_close(&c[i]);
    rpc_server_destroy(server);
}

static void who_does_not_read_loses_the_call(void **state)
{
    Google__Rpc__Status m = message(0, "");
    grpc_client c;
    client_call call;

    (void)state;
    start(NULL, NULL);
    client_open(&c, address);
    client_begin(&call, &c, "/test.T/Flood", 0, NULL);
    client_send(&call, &m.base);
    client_half_close(&call);
    wait_for(&shared.seen_over, 1); /* the handler was let go although nothing was read */
    grpc_call_cancel(call.call, NULL);
    client_end(&call, NULL, NULL, 0);
    client_close(&c);
    rpc_server_destroy(server);
}

static void *stop_server(void *grace)
{
    rpc_server_stop(server, *(int64_t *)grace);
    return NULL;
}

static void stopping_lets_running_calls_end(void **state)
{
    Google__Rpc__Status m = message(5, "last");
    int64_t grace = 600 * SECOND;
    grpc_client c;
    client_call call;
    client_bytes b;
    pthread_t stopper;

    (void)state;
    start(NULL, NULL);
    client_open(&c, address);
    client_begin(&call, &c, "/test.T/Told", 0, NULL);
    client_send(&call, &m.base);
    client_half_close(&call);
    wait_for(&shared.entered, 1);
    pthread_create(&stopper, NULL, stop_server, &grace);
    count(&shared.go);
    assert_true(client_receive(&call, &b));
    free(b.data);
    assert_int_equal(client_end(&call, NULL, NULL, 0), RPC_OK);
    pthread_join(stopper, NULL);
    client_close(&c);
    rpc_server_destroy(server);
    /* without grace, what still runs is cancelled */
    start(NULL, NULL);
    client_open(&c, address);
    client_begin(&call, &c, "/test.T/Wait", 0, NULL);
    client_send(&call, &m.base);
    client_half_close(&call);
    wait_for(&shared.entered, 1);
    rpc_server_destroy(server);
    assert_int_equal(read_count(&shared.seen_over), 1);
    assert_int_not_equal(client_end(&call, NULL, NULL, 0), RPC_OK);
    client_close(&c);
}

/* A file of tests/server/tls. */
static char *pem(const char *name)
{
    char path[512], *text = calloc(1, 8192);
    FILE *f;

    snprintf(path, sizeof path, CAIRN_SOURCE_DIR "/tests/server/tls/%s", name);
    f = fopen(path, "r");
    assert_non_null(f);
    assert_true(fread(text, 1, 8191, f) > 0);
    fclose(f);
    return text;
}

/* The code of a call over TLS by a client with this certificate (NULL: none) and this idea of a CA. */
static int call_over_tls(const char *ca, const char *who, char *peer, size_t cap)
{
    char *roots = pem(ca), file[64], *key = NULL, *cert = NULL;
    Google__Rpc__Status m = message(1, ""), *got;
    grpc_ssl_pem_key_cert_pair pair;
    grpc_channel_credentials *creds;
    grpc_client c;
    client_bytes b;
    int code;

    if (who) {
        snprintf(file, sizeof file, "%s.key", who);
        key = pem(file);
        snprintf(file, sizeof file, "%s.pem", who);
        cert = pem(file);
    }
    pair = (grpc_ssl_pem_key_cert_pair){key, cert};
    creds = grpc_ssl_credentials_create(roots, who ? &pair : NULL, NULL, NULL);
    client_open_with(&c, address, creds, "localhost");
    code = client_unary(&c, "/test.T/Who", &m.base, &b, NULL);
    got = parse(&b);
    if (got) {
        snprintf(peer, cap, "%s", got->message);
        google__rpc__status__free_unpacked(got, NULL);
    }
    client_close(&c);
    grpc_channel_credentials_release(creds);
    free(roots);
    free(key);
    free(cert);
    return code;
}

/* New files count from the next handshake on; files that are none leave the old ones. */
static void tls_files_change_while_it_serves(void **state)
{
    char *cert = pem("server.pem"), *key = pem("server.key"), *other = pem("stranger.pem"),
         *other_key = pem("stranger.key"), peer[100];
    rpc_tls good = {cert, key, NULL}, strange = {other, other_key, NULL}, bad = {"no certificate", key, NULL};
    cairn_error err;

    (void)state;
    start(NULL, &good);
    assert_int_equal(call_over_tls("ca.pem", NULL, peer, sizeof peer), RPC_OK);
    assert_int_equal(rpc_server_reload(server, &strange, &err), CAIRN_OK);
    assert_int_equal(call_over_tls("ca.pem", NULL, peer, sizeof peer), RPC_UNAVAILABLE);
    assert_int_equal(rpc_server_reload(server, &good, &err), CAIRN_OK);
    assert_int_equal(call_over_tls("ca.pem", NULL, peer, sizeof peer), RPC_OK);
    rpc_server_reload(server, &bad, &err);
    assert_int_equal(call_over_tls("ca.pem", NULL, peer, sizeof peer), RPC_OK);
    rpc_server_destroy(server);
    free(cert);
    free(key);
    free(other);
    free(other_key);
}

static void tls_knows_both_sides(void **state)
{
    char *cert = pem("server.pem"), *key = pem("server.key"), *ca = pem("ca.pem"), peer[100] = "";
    rpc_tls one = {cert, key, NULL}, both = {cert, key, ca}, bad = {"no certificate", key, NULL};
    Google__Rpc__Status m = message(1, "");
    grpc_client plain;
    client_bytes b;
    rpc_server *refused;
    rpc_options o = {.methods = methods, .n_methods = 1};
    cairn_error err;

    (void)state;
    start(NULL, &one);
    assert_int_equal(call_over_tls("ca.pem", NULL, peer, sizeof peer), RPC_OK);
    assert_memory_equal(peer, "ipv4:127.0.0.1:", 15);
    assert_int_equal(call_over_tls("stranger.pem", NULL, peer, sizeof peer), RPC_UNAVAILABLE);
    client_open(&plain, address);
    assert_int_equal(client_unary(&plain, "/test.T/Who", &m.base, &b, NULL), RPC_UNAVAILABLE);
    client_close(&plain);
    rpc_server_destroy(server);
    start(NULL, &both);
    assert_int_equal(call_over_tls("ca.pem", "client", peer, sizeof peer), RPC_OK);
    assert_string_equal(peer, "anna");
    assert_int_equal(call_over_tls("ca.pem", NULL, peer, sizeof peer), RPC_UNAVAILABLE);
    assert_int_equal(call_over_tls("ca.pem", "stranger", peer, sizeof peer), RPC_UNAVAILABLE);
    rpc_server_destroy(server);
    assert_int_equal(rpc_server_create(&refused, &o, &err), CAIRN_OK);
    assert_int_not_equal(rpc_server_listen(refused, "127.0.0.1:0", &bad, NULL, &err), CAIRN_OK);
    rpc_server_destroy(refused);
    free(cert);
    free(key);
    free(ca);
}

static void an_address_in_use_is_said(void **state)
{
    rpc_options o = {.methods = methods, .n_methods = 1};
    rpc_server *second;
    cairn_error err;

    (void)state;
    start(NULL, NULL);
    assert_int_equal(rpc_server_create(&second, &o, &err), CAIRN_OK);
    assert_int_equal(rpc_server_listen(second, address, NULL, NULL, &err), CAIRN_EIO);
    assert_non_null(strstr(err.text, address));
    rpc_server_destroy(second);
    rpc_server_destroy(server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_come_back),
        cmocka_unit_test(waits_for_a_lane_are_told),
        cmocka_unit_test(errors_say_what_and_why),
        cmocka_unit_test(bad_requests_are_refused),
        cmocka_unit_test(memory_of_a_request_is_bounded),
        cmocka_unit_test(streams_keep_their_order),
        cmocka_unit_test(client_streams_end_only_when_they_end),
        cmocka_unit_test(deadlines_and_cancellation_reach_the_handler),
        cmocka_unit_test(tokens_are_asked_for),
        cmocka_unit_test(a_full_lane_refuses),
        cmocka_unit_test(who_does_not_read_loses_the_call),
        cmocka_unit_test(stopping_lets_running_calls_end),
        cmocka_unit_test(tls_knows_both_sides),
        cmocka_unit_test(tls_files_change_while_it_serves),
        cmocka_unit_test(an_address_in_use_is_said),
    };
    grpc_init(); /* one for all, so that the core is not started anew for each test */
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    grpc_shutdown_blocking();
    return failed;
}
