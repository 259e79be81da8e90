/* rpc.c - the server: its options in the core's words, certificates, threads, stopping. */
#include <stdlib.h>
#include <string.h>

#include <grpc/grpc_security.h>
#include <grpc/support/log.h>
#include <grpc/support/time.h>

#include "base/clock.h"
#include "base/log.h"
#include "server/grpc/rpc_inside.h"

#define NS_PER_MS 1000000
#define NS_PER_S  1000000000
/* Requests for a new call that lie ready in the core; more calls wait inside it for their turn. */
#define REQUESTED 64

/* ---- the process ------------------------------------------------------------------------------- */

/* The core's own log goes where ours goes. What it calls an error is mostly a peer that misbehaves. */
static void core_log(gpr_log_func_args *args)
{
    log_write(args->severity == GPR_LOG_SEVERITY_ERROR ? LOG_LEVEL_INFO : LOG_LEVEL_DEBUG, "server",
              "grpc: %s", args->message);
}

static void core_init(void)
{
    gpr_set_log_function(core_log);
    grpc_init();
}

/* ---- the server -------------------------------------------------------------------------------- */

/* Cancel calls whose client has taken nothing for too long. */
static void cut_stalled(rpc_server *s)
{
    int64_t now = clock_mono_ns();
    rpc_call *stalled[64];
    size_t n = 0;

    pthread_mutex_lock(&s->lock);
    for (rpc_call *c = s->calls; c && n < sizeof stalled / sizeof *stalled; c = c->next) {
        int64_t since = __atomic_load_n(&c->write_since_ns, __ATOMIC_RELAXED);
        if (!since || now - since < s->options.stall_ns || rpc_over(c))
            continue;
        if (rpc_try_ref(c))
            stalled[n++] = c;
    }
    pthread_mutex_unlock(&s->lock);
    for (size_t i = 0; i < n; i++) {
        grpc_call_cancel_with_status(stalled[i]->call, GRPC_STATUS_RESOURCE_EXHAUSTED,
                                     "the client takes nothing", NULL);
        rpc_unref(stalled[i]);
    }
}

static void *serve(void *arg)
{
    rpc_server *s = arg;

    for (;;) {
        gpr_timespec wake = gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC),
                                         gpr_time_from_millis(1000, GPR_TIMESPAN));
        grpc_event e = grpc_completion_queue_next(s->queue, wake, NULL);
        if (e.type == GRPC_QUEUE_SHUTDOWN)
            return NULL;
        if (e.type == GRPC_QUEUE_TIMEOUT) {
            cut_stalled(s);
            continue;
        }
        operation *op = e.tag;
        TAKE_OVER(op);
        op->done(op->owner, e.success != 0);
    }
}

static void set_defaults(rpc_options *o)
{
    for (size_t i = 0; i < RPC_LANES; i++) {
        o->running[i] = o->running[i] ? o->running[i] : 2;
        o->waiting[i] = o->waiting[i] ? o->waiting[i] : 256;
    }
    o->max_calls = o->max_calls ? o->max_calls : 4096;
    o->max_message_bytes = o->max_message_bytes ? o->max_message_bytes : (size_t)4 << 20;
    o->max_streams = o->max_streams ? o->max_streams : 256;
    o->stall_ns = o->stall_ns ? o->stall_ns : (int64_t)30 * NS_PER_S;
    o->handshake_ns = o->handshake_ns ? o->handshake_ns : (int64_t)10 * NS_PER_S;
    o->keepalive_ns = o->keepalive_ns ? o->keepalive_ns : (int64_t)60 * NS_PER_S;
    o->idle_ns = o->idle_ns ? o->idle_ns : (int64_t)600 * NS_PER_S;
}

static int milliseconds(int64_t ns)
{
    int64_t ms = ns / NS_PER_MS;

    return ms < 1 ? 1 : ms > INT32_MAX ? INT32_MAX : (int)ms;
}

static grpc_server *make_core_server(const rpc_options *o)
{
    /* A compressed message of a few kilobytes can unpack to gigabytes: only plain ones are taken. */
    const struct {
        const char *key;
        int value;
    } settings[] = {
        {GRPC_ARG_MAX_RECEIVE_MESSAGE_LENGTH, (int)o->max_message_bytes},
        {GRPC_ARG_MAX_SEND_MESSAGE_LENGTH, (int)o->max_message_bytes},
        {GRPC_ARG_MAX_CONCURRENT_STREAMS, (int)o->max_streams},
        {GRPC_ARG_MAX_METADATA_SIZE, 16 << 10},
        {GRPC_ARG_SERVER_HANDSHAKE_TIMEOUT_MS, milliseconds(o->handshake_ns)},
        {GRPC_ARG_KEEPALIVE_TIME_MS, milliseconds(o->keepalive_ns)},
        {GRPC_ARG_KEEPALIVE_TIMEOUT_MS, milliseconds(o->handshake_ns)},
        {GRPC_ARG_MAX_CONNECTION_IDLE_MS, milliseconds(o->idle_ns)},
        {GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, 10000},
        {GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1},
        {GRPC_ARG_ALLOW_REUSEPORT, 0},
        {GRPC_COMPRESSION_CHANNEL_ENABLED_ALGORITHMS_BITSET, 1 << GRPC_COMPRESS_NONE},
        {GRPC_ARG_ENABLE_CHANNELZ, 0},
    };
    grpc_arg args[sizeof settings / sizeof *settings];
    grpc_channel_args list = {sizeof args / sizeof *args, args};

    for (size_t i = 0; i < list.num_args; i++) {
        args[i].type = GRPC_ARG_INTEGER;
        args[i].key = (char *)settings[i].key;
        args[i].value.integer = settings[i].value;
    }
    return grpc_server_create(&list, NULL);
}

static void shutdown_done(void *owner, bool ok)
{
    rpc_server *s = owner;

    (void)ok;
    pthread_mutex_lock(&s->lock);
    s->shut = true;
    pthread_cond_broadcast(&s->changed);
    pthread_mutex_unlock(&s->lock);
}

/* The order of grpc_slice_str_cmp: the shorter one first, then by bytes. */
static int compare_paths(const void *a, const void *b)
{
    const char *x = (*(const rpc_method *const *)a)->path, *y = (*(const rpc_method *const *)b)->path;
    size_t n = strlen(x), m = strlen(y);

    return n != m ? (n < m ? -1 : 1) : strcmp(x, y);
}

cairn_status rpc_server_create(rpc_server **out, const rpc_options *options, cairn_error *err)
{
    rpc_server *s = calloc(1, sizeof *s);
    pthread_condattr_t monotonic;

    *out = NULL;
    if (!s)
        return cairn_fail(err, CAIRN_ENOMEM, "gRPC server");
    s->options = *options;
    set_defaults(&s->options);
    s->shutdown_op = (operation){shutdown_done, s};
    pthread_mutex_init(&s->lock, NULL);
    pthread_mutex_init(&s->tls_mutex, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&s->changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
    for (size_t i = 0; i < RPC_LANES; i++) {
        lane *l = &s->lanes[i];
        l->tail = &l->first;
        l->max_running = s->options.running[i];
        l->max_waiting = s->options.waiting[i];
    }
    s->n_threads = 2;
    for (size_t i = RPC_QUICK; i < RPC_LANES; i++)
        s->n_threads += s->options.running[i];
    core_init();
    s->server = make_core_server(&s->options);
    s->queue = grpc_completion_queue_create_for_next(NULL);
    grpc_server_register_completion_queue(s->server, s->queue, NULL);
    s->threads = calloc(s->n_threads, sizeof *s->threads);
    s->by_path = calloc(s->options.n_methods + 1, sizeof *s->by_path);
    if (!s->threads || !s->by_path) {
        rpc_server_destroy(s);
        return cairn_fail(err, CAIRN_ENOMEM, "gRPC server");
    }
    for (size_t i = 0; i < s->options.n_methods; i++)
        s->by_path[i] = &s->options.methods[i];
    qsort(s->by_path, s->options.n_methods, sizeof *s->by_path, compare_paths);
    *out = s;
    return CAIRN_OK;
}

/* Called by the core before each handshake. */
static grpc_ssl_certificate_config_reload_status give_files(
    void *ctx, grpc_ssl_server_certificate_config **config)
{
    rpc_server *s = ctx;
    grpc_ssl_certificate_config_reload_status st = GRPC_SSL_CERTIFICATE_CONFIG_RELOAD_UNCHANGED;

    pthread_mutex_lock(&s->tls_mutex);
    if (s->tls_fresh) {
        grpc_ssl_pem_key_cert_pair pair = {s->tls[1], s->tls[0]};
        /* Debian's core aborts without roots (an assertion its build leaves in); where no client is asked
         * for a certificate they serve for nothing, and our own certificate is one that parses. */
        *config = grpc_ssl_server_certificate_config_create(s->tls[2] ? s->tls[2] : s->tls[0], &pair, 1);
        st = *config ? GRPC_SSL_CERTIFICATE_CONFIG_RELOAD_NEW : GRPC_SSL_CERTIFICATE_CONFIG_RELOAD_FAIL;
        s->tls_fresh = false;
    }
    pthread_mutex_unlock(&s->tls_mutex);
    return st;
}

cairn_status rpc_server_reload(rpc_server *s, const rpc_tls *tls, cairn_error *err)
{
    const char *given[3] = {tls->certificate, tls->key, tls->client_ca};
    char *copies[3] = {0};
    bool whole = true;

    for (int i = 0; i < 3; i++)
        whole &= !given[i] || (copies[i] = strdup(given[i]));
    pthread_mutex_lock(&s->tls_mutex);
    for (int i = 0; whole && i < 3; i++) {
        char *old = s->tls[i];
        s->tls[i] = copies[i];
        copies[i] = old;
    }
    s->tls_fresh |= whole;
    pthread_mutex_unlock(&s->tls_mutex);
    for (int i = 0; i < 3; i++)
        free(copies[i]);
    return whole ? CAIRN_OK : cairn_fail(err, CAIRN_ENOMEM, "certificate");
}

cairn_status rpc_server_listen(rpc_server *s, const char *address, const rpc_tls *tls, int *port,
                               cairn_error *err)
{
    grpc_server_credentials *creds;
    int bound;

    if (tls) {
        cairn_status st = rpc_server_reload(s, tls, err);
        if (st)
            return st;
        /* The core owns the options from here, and asks for the files at each handshake. */
        creds = grpc_ssl_server_credentials_create_with_options(
            grpc_ssl_server_credentials_create_options_using_config_fetcher(
                tls->client_ca ? GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY
                               : GRPC_SSL_DONT_REQUEST_CLIENT_CERTIFICATE,
                give_files, s));
    } else {
        creds = grpc_insecure_server_credentials_create();
    }
    if (!creds)
        return cairn_fail(err, CAIRN_EINPUT, "gRPC on %s: the certificate or key cannot be used",
                          address);
    bound = grpc_server_add_http2_port(s->server, address, creds);
    grpc_server_credentials_release(creds);
    if (!bound)
        return cairn_fail(err, CAIRN_EIO,
                          "gRPC cannot listen on %s: is the address in use, or the certificate no "
                          "PEM text?",
                          address);
    if (port)
        *port = strncmp(address, "unix:", 5) ? bound : 0;
    return CAIRN_OK;
}

cairn_status rpc_server_start(rpc_server *s, cairn_error *err)
{
    size_t n = 0;

    grpc_server_start(s->server);
    s->started = true;
    for (; n < s->n_threads; n++)
        if (pthread_create(&s->threads[n], NULL, serve, s))
            break;
    if (n < s->n_threads) {
        s->n_threads = n;
        return cairn_fail(err, CAIRN_ENOMEM, "gRPC threads");
    }
    for (size_t i = 0; i < REQUESTED; i++)
        rpc_request_call(s);
    return CAIRN_OK;
}

/* Wait until the core has let go and no call is left, at most ns (< 0: for ever). */
static bool wait_empty(rpc_server *s, int64_t ns)
{
    int64_t until = clock_mono_ns() + (ns > 0 ? ns : 0);
    struct timespec at = {until / NS_PER_S, until % NS_PER_S};
    bool empty;

    pthread_mutex_lock(&s->lock);
    while (!s->shut || s->n_calls) {
        if (ns < 0)
            pthread_cond_wait(&s->changed, &s->lock);
        else if (pthread_cond_timedwait(&s->changed, &s->lock, &at))
            break;
    }
    empty = s->shut && !s->n_calls;
    pthread_mutex_unlock(&s->lock);
    return empty;
}

void rpc_server_stop(rpc_server *s, int64_t grace_ns)
{
    if (s->stopped)
        return;
    s->stopped = true;
    if (s->started && s->n_threads) {
        HAND_OVER(&s->shutdown_op);
        grpc_server_shutdown_and_notify(s->server, s->queue, &s->shutdown_op);
        if (!wait_empty(s, grace_ns > 0 ? grace_ns : 0)) {
            grpc_server_cancel_all_calls(s->server);
            wait_empty(s, -1);
        }
    }
    grpc_completion_queue_shutdown(s->queue);
    for (size_t i = 0; s->started && i < s->n_threads; i++)
        pthread_join(s->threads[i], NULL);
}

void rpc_server_destroy(rpc_server *s)
{
    if (!s)
        return;
    rpc_server_stop(s, 0);
    grpc_server_destroy(s->server);
    grpc_completion_queue_destroy(s->queue);
    grpc_shutdown_blocking();
    pthread_cond_destroy(&s->changed);
    pthread_mutex_destroy(&s->lock);
    pthread_mutex_destroy(&s->tls_mutex);
    for (int i = 0; i < 3; i++)
        free(s->tls[i]);
    free(s->threads);
    free(s->by_path);
    free(s);
}

size_t rpc_message_limit(const rpc_server *s)
{
    return s->options.max_message_bytes;
}

void rpc_server_counts(rpc_server *s, rpc_counts *out)
{
    *out = (rpc_counts){0};
    out->active = __atomic_load_n(&s->active, __ATOMIC_RELAXED);
    out->served = __atomic_load_n(&s->served, __ATOMIC_RELAXED);
    out->refused = __atomic_load_n(&s->refused, __ATOMIC_RELAXED);
    pthread_mutex_lock(&s->lock);
    for (size_t i = 0; i < RPC_LANES; i++)
        out->waiting += s->lanes[i].waiting;
    pthread_mutex_unlock(&s->lock);
}
