/* grpc_adapter.c - gRPC as a way into the server: listening, who may call, metrics, draining. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/pool.h"
#include "server/grpc/grpc_module.h"
#include "server/grpc/methods.h"
#include "server/grpc/services.h"

#define PEM_MAX     ((size_t)1 << 20)
#define GRACE_NS    INT64_C(10000000000)
#define BEARER      "bearer "
#define TOKEN_BYTES 512

typedef struct grpc_state {
    front f;
    rpc_method *methods;
    size_t n_methods;
    char socket_path[108]; /* "": no unix socket */
    adapter_options options;
} grpc_state;

/* ---- who calls --------------------------------------------------------------------------------- */

static rpc_code admit(void *ctx, rpc_call *c, const rpc_method *m, cairn_error *err)
{
    front *f = ctx;
    char header[TOKEN_BYTES], peer[PEER_BYTES];
    const char *bearer = NULL;
    bool trusted = f->is_unix || (f->is_loopback && !service_has_tokens(f->s));
    asker *a = rpc_identity(c);
    service_caller *who;

    if (!a) {
        cairn_fail(err, CAIRN_ENOMEM, "caller");
        return RPC_RESOURCE_EXHAUSTED;
    }
    if (m->role == SERVICE_NOBODY)
        return RPC_OK;
    who = &a->who;
    if (rpc_header(c, "authorization", header, sizeof header) &&
        !strncasecmp(header, BEARER, strlen(BEARER)))
        bearer = header + strlen(BEARER);
    peer_of(c, peer);
    if (service_authorise(f->s, bearer, trusted, who, err))
        return service_check_rate(f->s, NULL, peer, err) ? RPC_RESOURCE_EXHAUSTED : RPC_UNAUTHENTICATED;
    if (service_check_rate(f->s, who, peer, err))
        return RPC_RESOURCE_EXHAUSTED;
    /* The collection is in the message, so the handler asks again; this much is certain already. */
    if (who->role < (service_role)m->role) {
        cairn_fail(err, CAIRN_EUSAGE, "%s may %s; this needs %s", who->name,
                   service_role_name(who->role), service_role_name((service_role)m->role));
        return RPC_PERMISSION_DENIED;
    }
    if ((m->lane == RPC_LONG || m->end_lane == RPC_WRITER) && service_check_memory(f->s, err))
        return RPC_UNAVAILABLE;
    return RPC_OK;
}

/* ---- listening --------------------------------------------------------------------------------- */

/* The whole file as text, malloced. */
static cairn_status read_pem(const char *path, char **out, cairn_error *err)
{
    FILE *f = fopen(path, "re");
    char *text = NULL;
    size_t n = 0;

    *out = NULL;
    if (!f)
        return cairn_fail_errno(err, errno, "open %s", path);
    text = malloc(PEM_MAX + 1);
    if (text)
        n = fread(text, 1, PEM_MAX + 1, f);
    fclose(f);
    if (!text)
        return cairn_fail(err, CAIRN_ENOMEM, "certificate");
    if (n > PEM_MAX) {
        free(text);
        return cairn_fail(err, CAIRN_ELIMIT, "%s is too large for a certificate or key", path);
    }
    text[n] = '\0';
    *out = text;
    return CAIRN_OK;
}

/* The files as texts; NULL where there is none. Free them in any case. */
static cairn_status read_files(const adapter_options *o, char *pem[3], cairn_error *err)
{
    const char *files[3] = {o->cert_file, o->key_file, o->client_ca_file};
    cairn_status st = CAIRN_OK;

    for (size_t i = 0; !st && o->cert_file && i < 3; i++)
        if (files[i])
            st = read_pem(files[i], &pem[i], err);
    return st;
}

static cairn_status reload(void *state, cairn_error *err)
{
    grpc_state *g = state;
    char *pem[3] = {0};
    cairn_status st = read_files(&g->options, pem, err);

    if (!st && g->options.cert_file)
        st = rpc_server_reload(g->f.server, &(rpc_tls){pem[0], pem[1], pem[2]}, err);
    for (size_t i = 0; i < 3; i++)
        free(pem[i]);
    return st;
}

static cairn_status listen_on(grpc_state *g, const adapter_options *o, int *port, cairn_error *err)
{
    const adapter_address *a = &o->address;
    char address[ADAPTER_ADDRESS_BYTES], *pem[3] = {0};
    cairn_status st = CAIRN_OK;

    g->options = *o;
    if (a->is_unix)
        snprintf(address, sizeof address, "unix:%s", a->path);
    else
        snprintf(address, sizeof address, a->is_ipv6 ? "[%s]:%u" : "%s:%u", a->host, a->port);
    st = read_files(o, pem, err);
    if (!st) {
        rpc_tls tls = {pem[0], pem[1], pem[2]};
        /* Only the owner may use the socket; its door is the file's mode. */
        mode_t before = umask(0077);
        st = rpc_server_listen(g->f.server, address, o->cert_file ? &tls : NULL, port, err);
        umask(before);
    }
    if (!st && a->is_unix)
        snprintf(g->socket_path, sizeof g->socket_path, "%s", a->path);
    for (size_t i = 0; i < 3; i++)
        free(pem[i]);
    return st;
}

/* The core stops listening for good when it has no descriptor left for a new connection, so take all the
 * system gives. */
static void raise_descriptors(void)
{
    struct rlimit r;

    if (!getrlimit(RLIMIT_NOFILE, &r) && r.rlim_cur < r.rlim_max) {
        r.rlim_cur = r.rlim_max;
        if (setrlimit(RLIMIT_NOFILE, &r))
            log_write(LOG_LEVEL_WARN, "server", "open files stay limited: %s", strerror(errno));
    }
}

static void stop(void *state)
{
    grpc_state *g = state;

    if (!g)
        return;
    rpc_server_destroy(g->f.server);
    if (*g->socket_path)
        unlink(g->socket_path);
    health_destroy(g->f.health);
    reflection_destroy(g->f.reflection);
    free(g->methods);
    free(g);
}

static void waited(void *ctx, enum rpc_lane lane, int64_t ns)
{
    const front *f = ctx;

    if (lane == RPC_QUICK)
        service_waited(f->s, ns);
}

static cairn_status make_server(grpc_state *g, cairn_error *err)
{
    size_t cpus = pool_online_cpus();
    rpc_options o = {.ctx = &g->f,
                     .admit = admit,
                     .begun = record_begun,
                     .waited = waited,
                     .asked = record_asked,
                     .finished = record_finished,
                     .running = {[RPC_QUICK] = cpus < 2 ? 4 : 2 * cpus,
                                 [RPC_LONG] = 4,
                                 [RPC_WRITER] = 4},
                     .waiting = {[RPC_QUICK] = 1024, [RPC_LONG] = 64, [RPC_WRITER] = 64}};

    g->methods = methods_all(&g->n_methods);
    if (!g->methods)
        return cairn_fail(err, CAIRN_ENOMEM, "gRPC server");
    o.methods = g->methods;
    o.n_methods = g->n_methods;
    return rpc_server_create(&g->f.server, &o, err);
}

static cairn_status start(service *s, const adapter_options *o, void **state,
                          char bound[ADAPTER_ADDRESS_BYTES], cairn_error *err)
{
    grpc_state *g;
    int port = 0;
    cairn_status st = adapter_check_safe(s, o, err);

    *state = NULL;
    if (st)
        return st;
    g = calloc(1, sizeof *g);
    if (!g)
        return cairn_fail(err, CAIRN_ENOMEM, "gRPC server");
    g->f.s = s;
    g->f.is_unix = o->address.is_unix;
    g->f.is_loopback = o->address.is_loopback;
    raise_descriptors();
    st = health_create(&g->f.health, err);
    if (!st)
        st = reflection_create(&g->f.reflection, err);
    if (!st)
        st = make_server(g, err);
    if (!st)
        st = listen_on(g, o, &port, err);
    if (!st)
        st = rpc_server_start(g->f.server, err);
    if (st) {
        stop(g);
        return st;
    }
    if (o->address.is_unix)
        snprintf(bound, ADAPTER_ADDRESS_BYTES, "unix:%s", o->address.path);
    else
        snprintf(bound, ADAPTER_ADDRESS_BYTES, o->address.is_ipv6 ? "[%s]:%d" : "%s:%d",
                 o->address.host, port);
    *state = g;
    return CAIRN_OK;
}

static void drain(void *state)
{
    grpc_state *g = state;

    health_drain(g->f.health);
    rpc_server_stop(g->f.server, GRACE_NS);
}

const adapter grpc_module_adapter = {
    .name = "grpc", .start = start, .reload = reload, .drain = drain, .stop = stop};
