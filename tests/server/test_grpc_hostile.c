/* test_grpc_hostile - what strangers send: bytes that are no messages, frames that are no HTTP/2, connections
 * that say nothing. The server answers its next honest client, and lets go of everything (under
 * AddressSanitizer the end of this program shows it). CAIRN_SEED replays a run. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "cairn/v1/search.pb-c.h"
#include "grpc/health/v1/health.pb-c.h"
#include "server/grpc/grpc_module.h"
#include "server/grpc/methods.h"
#include "server/grpc/rpc.h"
#include "tests/server/grpc_client.h"

#define STREAM_MAX 4096
#define STREAMS    1500
#define MESSAGES   20000
#define HALF_OPEN  400

static uint64_t seed;

static uint32_t draw(uint32_t n)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return (uint32_t)(seed >> 32) % n;
}

/* ---- a server ---------------------------------------------------------------------------------- */

typedef struct world {
    char top[64], home[96], config[96];
    service *s;
    void *adapter;
    char address[ADAPTER_ADDRESS_BYTES];
    uint16_t port;
    grpc_client client;
} world;

static int set_up(void **state)
{
    world *w = calloc(1, sizeof *w);
    service_options o = {.embedder = "/nonexistent/embedder", .generator = "/nonexistent/generator"};
    adapter_options listening = {0};
    cairn_error err;
    FILE *f;

    assert_non_null(w);
    strcpy(w->top, "/tmp/cairn-grpc-XXXXXX");
    assert_non_null(mkdtemp(w->top));
    snprintf(w->home, sizeof w->home, "%s/home", w->top);
    snprintf(w->config, sizeof w->config, "%s/cairn.conf", w->top);
    f = fopen(w->config, "w"); /* not the one of who runs the test */
    assert_non_null(f);
    assert_int_equal(fclose(f), 0);
    o.home = w->home;
    o.config_file = w->config;
    if (service_open(&w->s, &o, &err))
        fail_msg("%s", err.text);
    assert_int_equal(adapter_address_parse("127.0.0.1:0", &listening.address, &err), CAIRN_OK);
    if (grpc_module_adapter.start(w->s, &listening, &w->adapter, w->address, &err))
        fail_msg("%s", err.text);
    w->port = (uint16_t)atoi(strrchr(w->address, ':') + 1);
    client_open(&w->client, w->address);
    *state = w;
    return 0;
}

static int tear_down(void **state)
{
    world *w = *state;
    char command[128];

    client_close(&w->client);
    grpc_module_adapter.stop(w->adapter);
    service_close(w->s);
    snprintf(command, sizeof command, "rm -rf '%s'", w->top);
    assert_int_equal(system(command), 0);
    free(w);
    return 0;
}

static void still_serves(world *w)
{
    Cairn__V1__QueryRequest q = CAIRN__V1__QUERY_REQUEST__INIT;
    client_bytes b;

    q.query = (char *)"granite";
    assert_int_equal(client_unary(&w->client, "/cairn.v1.Search/Query", &q.base, &b, NULL), RPC_OK);
    free(b.data);
}

/* ---- messages ---------------------------------------------------------------------------------- */

/* Fields of random numbers, types and contents: often close to a message. */
static size_t random_fields(uint8_t *out, size_t cap)
{
    size_t n = 0;

    while (n + 40 < cap && draw(8)) {
        uint32_t wire = draw(10) < 9 ? (uint32_t[]){0, 1, 2, 2, 5}[draw(5)] : draw(8);
        out[n++] = (uint8_t)((1 + draw(15)) << 3 | wire);
        if (wire == 0) {
            while (draw(3))
                out[n++] = (uint8_t)(0x80 | draw(128));
            out[n++] = (uint8_t)draw(128);
            n = n > cap - 30 ? cap - 30 : n;
        } else if (wire == 2) {
            uint32_t len = draw(20);
            out[n++] = (uint8_t)(draw(20) ? len : draw(256));
            for (uint32_t i = 0; i < len; i++)
                out[n++] = (uint8_t)(draw(4) ? 'a' + draw(26) : draw(256));
        } else {
            for (uint32_t i = wire == 1 ? 8 : 4; i; i--)
                out[n++] = (uint8_t)draw(256);
        }
    }
    return n;
}

static void no_bytes_break_the_decoder(void **state)
{
    size_t n_methods, taken = 0;
    rpc_method *methods = methods_all(&n_methods);

    (void)state;
    assert_non_null(methods);
    for (int i = 0; i < MESSAGES; i++) {
        uint8_t made[600];
        size_t n = random_fields(made, sizeof made);
        uint8_t *exact = malloc(n ? n : 1); /* of just this size, so that a byte too far is seen */
        rpc_decoded *d;
        assert_non_null(exact);
        memcpy(exact, made, n);
        d = rpc_decode(methods[draw((uint32_t)n_methods)].request, exact, n);
        taken += d != NULL;
        rpc_decoded_free(d);
        free(exact);
    }
    assert_true(taken > MESSAGES / 100 && taken < MESSAGES); /* both ways were gone */
    free(methods);
}

/* ---- frames ------------------------------------------------------------------------------------ */

typedef struct stream {
    uint8_t data[STREAM_MAX];
    size_t n;
} stream;

static void put(stream *s, const void *data, size_t n)
{
    assert_true(s->n + n <= sizeof s->data);
    memcpy(s->data + s->n, data, n);
    s->n += n;
}

static void put_frame(stream *s, uint8_t type, uint8_t flags, uint32_t id, const void *data, size_t n)
{
    uint8_t head[9] = {(uint8_t)(n >> 16), (uint8_t)(n >> 8), (uint8_t)n, type, flags,
                       (uint8_t)(id >> 24), (uint8_t)(id >> 16), (uint8_t)(id >> 8), (uint8_t)id};

    put(s, head, sizeof head);
    put(s, data, n);
}

/* RFC 7541, 6.2.2: a literal without indexing, with a new name. Both shorter than 127 bytes. */
static void put_header(stream *s, const char *name, const char *value)
{
    uint8_t n = (uint8_t)strlen(name), m = (uint8_t)strlen(value);

    put(s, "\0", 1);
    put(s, &n, 1);
    put(s, name, n);
    put(s, &m, 1);
    put(s, value, m);
}

/* Preface, SETTINGS, and calls of a method each with one message: what an honest client sends. */
static void honest_stream(stream *s, const char *path, const ProtobufCMessage *m, uint32_t calls)
{
    s->n = 0;
    put(s, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 24);
    put_frame(s, 4, 0, 0, "", 0);
    for (uint32_t i = 0; i < calls; i++) {
        stream headers = {.n = 0};
        uint8_t body[300] = {0};
        size_t n = protobuf_c_message_get_packed_size(m);
        put_header(&headers, ":method", "POST");
        put_header(&headers, ":scheme", "http");
        put_header(&headers, ":path", path);
        put_header(&headers, ":authority", "localhost");
        put_header(&headers, "content-type", "application/grpc");
        put_header(&headers, "te", "trailers");
        put_frame(s, 1, 4, 1 + 2 * i, headers.data, headers.n);
        assert_true(n + 5 <= sizeof body);
        body[4] = (uint8_t)n; /* gRPC's prefix: not compressed, the length in four bytes */
        protobuf_c_message_pack(m, body + 5);
        put_frame(s, 0, 1, 1 + 2 * i, body, n + 5);
    }
}

static int connect_to(world *w)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(w->port)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
    return fd;
}

/* Send, look at what comes until it stops for `patience_ms`, go away. Returns whether `sign` was in it. */
static bool throw_at(world *w, const stream *s, int patience_ms, const char *sign)
{
    int fd = connect_to(w);
    struct pollfd p = {.fd = fd, .events = POLLIN};
    char got[65536];
    size_t n = 0;
    bool seen = false;

    (void)!send(fd, s->data, s->n, MSG_NOSIGNAL);
    while (!seen && n < sizeof got && poll(&p, 1, patience_ms) > 0) {
        ssize_t r = recv(fd, got + n, sizeof got - n, 0);
        if (r <= 0)
            break;
        n += (size_t)r;
        seen = sign && memmem(got, n, sign, strlen(sign));
    }
    close(fd);
    return seen;
}

static void change(stream *s)
{
    for (uint32_t k = 1 + draw(6); k; k--) {
        size_t at = draw((uint32_t)s->n), len = 1 + draw(40), from = draw((uint32_t)s->n);
        if (draw(10)) /* mostly behind the preface, where there is something to get wrong */
            at = at < 24 && s->n > 33 ? 24 + draw((uint32_t)s->n - 24) : at;
        switch (draw(6)) {
        case 0:
            s->data[at] ^= (uint8_t)(1u << draw(8));
            break;
        case 1:
            s->data[at] = (uint8_t)draw(256);
            break;
        case 2:
            s->n = at + 1;
            break;
        case 3: /* a piece again, elsewhere */
            if (from + len <= s->n && at + len <= s->n)
                memmove(s->data + at, s->data + from, len);
            break;
        case 4: /* a piece out */
            if (at + len < s->n) {
                memmove(s->data + at, s->data + at + len, s->n - at - len);
                s->n -= len;
            }
            break;
        default: /* a frame of any kind at the end */
            if (s->n + 9 + len <= sizeof s->data) {
                uint8_t junk[41];
                for (size_t i = 0; i < len; i++)
                    junk[i] = (uint8_t)draw(256);
                put_frame(s, (uint8_t)draw(12), (uint8_t)draw(256), draw(6), junk, len);
            }
        }
    }
}

static void no_frames_break_the_server(void **state)
{
    world *w = *state;
    Cairn__V1__QueryRequest q = CAIRN__V1__QUERY_REQUEST__INIT;
    Grpc__Health__V1__HealthCheckRequest h = GRPC__HEALTH__V1__HEALTH_CHECK_REQUEST__INIT;
    stream s;

    q.query = (char *)"granite quarry";
    /* Unchanged, these streams are answered: the changed ones are close to something. */
    honest_stream(&s, "/cairn.v1.Search/Query", &q.base, 1);
    assert_true(throw_at(w, &s, CLIENT_PATIENCE_MS, "grpc-status"));
    for (int i = 0; i < STREAMS; i++) {
        switch (draw(4)) {
        case 0:
            honest_stream(&s, "/grpc.health.v1.Health/Watch", &h.base, 1 + draw(4));
            break;
        case 1:
            honest_stream(&s, "/cairn.v1.Ingest/Upload", &q.base, 1 + draw(3));
            break;
        case 2:
            honest_stream(&s, "/cairn.v1.Search/Query", &q.base, 1 + draw(5));
            break;
        default:
            s.n = 1 + draw(500);
            for (size_t k = 0; k < s.n; k++)
                s.data[k] = (uint8_t)draw(256);
        }
        change(&s);
        throw_at(w, &s, draw(20) ? 0 : 5, NULL);
        if (i % 100 == 0)
            still_serves(w);
    }
    still_serves(w);
}

/* ---- connections ------------------------------------------------------------------------------- */

static void raise_descriptors(void)
{
    struct rlimit r;

    assert_int_equal(getrlimit(RLIMIT_NOFILE, &r), 0);
    r.rlim_cur = r.rlim_max;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &r), 0);
}

/* They say nothing, or the beginning of something. Others are served beside them, and in the end the server
 * hangs up. */
static void half_open_connections_hold_nobody(void **state)
{
    world *w = *state;
    static const char preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0";
    int fds[HALF_OPEN];
    char rest[1024];
    struct pollfd p;

    raise_descriptors();
    for (int i = 0; i < HALF_OPEN; i++) {
        fds[i] = connect_to(w);
        /* never a whole SETTINGS frame: that would be a connection like any other */
        (void)!send(fds[i], preface, (size_t)i % (sizeof preface - 1), MSG_NOSIGNAL);
        if (i % 100 == 0)
            still_serves(w);
    }
    still_serves(w);
    for (int i = 0; i < HALF_OPEN; i += HALF_OPEN / 4) {
        ssize_t r;
        do {
            p = (struct pollfd){.fd = fds[i], .events = POLLIN};
            assert_true(poll(&p, 1, CLIENT_PATIENCE_MS) > 0);
            r = recv(fds[i], rest, sizeof rest, 0);
        } while (r > 0); /* what the server says first */
    }
    for (int i = 0; i < HALF_OPEN; i++)
        close(fds[i]);
    still_serves(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_bytes_break_the_decoder),
        cmocka_unit_test_setup_teardown(no_frames_break_the_server, set_up, tear_down),
        cmocka_unit_test_setup_teardown(half_open_connections_hold_nobody, set_up, tear_down),
    };
    const char *env = getenv("CAIRN_SEED");

    seed = env ? strtoull(env, NULL, 10) : (uint64_t)time(NULL) * 2654435761u | 1;
    printf("CAIRN_SEED=%llu\n", (unsigned long long)seed);
    grpc_init();
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    grpc_shutdown_blocking();
    return failed;
}
