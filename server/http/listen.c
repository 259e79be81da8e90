/* listen.c - the HTTP adapter: its socket, its libmicrohttpd daemon, draining and stopping. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/pool.h"
#include "server/http/batches.h"
#include "server/http/connection.h"
#include "server/http/http_adapter.h"
#include "server/http/tls.h"

#define MAX_CONNECTIONS 2048
#define SPARE_FILES     128 /* that the store, models and uploads need */
#define SILENT_SECONDS  30u
#define CONNECTION_BYTES ((size_t)32 << 10) /* for headers */
#define GRACE_NS        ((int64_t)10 * 1000000000)
#define SLOW_WORKERS    8
#define PEM_BYTES       ((size_t)1 << 20)

/* ---- the socket ---- */

/* A socket file that nobody listens on any more is left over. */
static cairn_status clear_stale(const char *path, const struct sockaddr_un *a, cairn_error *err)
{
    struct stat info;
    int fd, rc;

    if (lstat(path, &info))
        return CAIRN_OK;
    if (!S_ISSOCK(info.st_mode))
        return cairn_fail(err, CAIRN_EUSAGE, "%s is there and no socket", path);
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return cairn_fail_errno(err, errno, "socket");
    rc = connect(fd, (const struct sockaddr *)a, sizeof *a);
    close(fd);
    if (!rc)
        return cairn_fail(err, CAIRN_EBUSY, "another process listens on %s", path);
    return unlink(path) ? cairn_fail_errno(err, errno, "remove %s", path) : CAIRN_OK;
}

static cairn_status listen_unix(http *h, char bound[ADAPTER_ADDRESS_BYTES], cairn_error *err)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    const char *path = h->options.address.path;
    cairn_status st;
    mode_t before;
    int rc;

    strcpy(a.sun_path, path); /* of the same size */
    st = clear_stale(path, &a, err);
    if (st)
        return st;
    h->listening = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (h->listening < 0)
        return cairn_fail_errno(err, errno, "socket");
    before = umask(0177); /* whoever can open it is the owner */
    rc = bind(h->listening, (struct sockaddr *)&a, sizeof a);
    umask(before);
    if (rc || listen(h->listening, 1024))
        return cairn_fail_errno(err, errno, "listen on %s", path);
    h->unix_path = strdup(path);
    snprintf(bound, ADAPTER_ADDRESS_BYTES, "unix:%s", path);
    return CAIRN_OK;
}

static cairn_status listen_tcp(http *h, char bound[ADAPTER_ADDRESS_BYTES], cairn_error *err)
{
    const adapter_address *at = &h->options.address;
    struct sockaddr_in6 six = {.sin6_family = AF_INET6, .sin6_port = htons(at->port)};
    struct sockaddr_in four = {.sin_family = AF_INET, .sin_port = htons(at->port)};
    struct sockaddr *a = at->is_ipv6 ? (struct sockaddr *)&six : (struct sockaddr *)&four;
    socklen_t len = at->is_ipv6 ? sizeof six : sizeof four;
    int on = 1;

    if (inet_pton(a->sa_family, at->host,
                  at->is_ipv6 ? (void *)&six.sin6_addr : (void *)&four.sin_addr) != 1)
        return cairn_fail(err, CAIRN_EUSAGE, "%s is no numeric address", at->host);
    h->listening = socket(a->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (h->listening < 0)
        return cairn_fail_errno(err, errno, "socket");
    setsockopt(h->listening, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(h->listening, a, len) || listen(h->listening, 1024) ||
        getsockname(h->listening, a, &len))
        return cairn_fail_errno(err, errno, "listen on %s port %u", at->host, at->port);
    snprintf(bound, ADAPTER_ADDRESS_BYTES, at->is_ipv6 ? "[%s]:%u" : "%s:%u", at->host,
             ntohs(at->is_ipv6 ? six.sin6_port : four.sin_port));
    return CAIRN_OK;
}

/* ---- the daemon ---- */

static cairn_status read_pem(const char *path, char **out, cairn_error *err)
{
    bytes text;
    char buf[4096];
    size_t n;
    FILE *f;
    cairn_status st = CAIRN_OK;

    if (!path)
        return CAIRN_OK;
    f = fopen(path, "re");
    if (!f)
        return cairn_fail_errno(err, errno, "open %s", path);
    bytes_init(&text, PEM_BYTES);
    while (!st && (n = fread(buf, 1, sizeof buf, f)) > 0)
        if (bytes_append(&text, buf, n))
            st = cairn_fail(err, CAIRN_ELIMIT, "%s is too large for a certificate", path);
    if (!st && (ferror(f) || !text.len))
        st = cairn_fail(err, CAIRN_EIO, "%s could not be read, or is empty", path);
    if (!st)
        *out = bytes_detach(&text, NULL);
    bytes_clear(&text);
    fclose(f);
    return st;
}

static void log_trouble(void *ctx, const char *fmt, va_list ap)
{
    char text[512];

    (void)ctx;
    vsnprintf(text, sizeof text, fmt, ap);
    text[strcspn(text, "\n")] = '\0';
    log_write(LOG_LEVEL_DEBUG, "server", "http: %s", text);
}

/* As many connections as there are files for. */
static size_t choose_limit(size_t want)
{
    struct rlimit files;
    size_t most;

    if (!want)
        want = MAX_CONNECTIONS;
    if (getrlimit(RLIMIT_NOFILE, &files))
        return want;
    if (files.rlim_cur < want + SPARE_FILES && files.rlim_cur < files.rlim_max) {
        files.rlim_cur = files.rlim_max < want + SPARE_FILES ? files.rlim_max : want + SPARE_FILES;
        setrlimit(RLIMIT_NOFILE, &files);
    }
    most = files.rlim_cur > 2 * SPARE_FILES ? files.rlim_cur - SPARE_FILES : files.rlim_cur / 2;
    return want < most ? want : most;
}

static cairn_status start_daemon(http *h, cairn_error *err)
{
    unsigned flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG;
    struct MHD_OptionItem tls[5];
    size_t n = 0;

    if (h->options.cert_file) {
        flags |= MHD_USE_TLS;
        tls[n++] = (struct MHD_OptionItem){MHD_OPTION_HTTPS_CERT_CALLBACK, 0,
                                            (void *)(uintptr_t)tls_give};
        tls[n++] = (struct MHD_OptionItem){
            MHD_OPTION_HTTPS_PRIORITIES, 0,
            (void *)(uintptr_t) "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2"};
        if (h->client_ca)
            tls[n++] = (struct MHD_OptionItem){MHD_OPTION_HTTPS_MEM_TRUST, 0, h->client_ca};
    }
    tls[n] = (struct MHD_OptionItem){MHD_OPTION_END, 0, NULL};
    if (h->options.address.is_ipv6)
        flags |= MHD_USE_IPv6;
    /* The logger comes first: the options behind it may already have something to say. */
    h->daemon = MHD_start_daemon(
        flags, 0, NULL, NULL, request_on_data, h, MHD_OPTION_EXTERNAL_LOGGER, log_trouble, NULL,
        MHD_OPTION_LISTEN_SOCKET, h->listening, MHD_OPTION_CONNECTION_LIMIT,
        (unsigned)h->max_connections, MHD_OPTION_CONNECTION_TIMEOUT, SILENT_SECONDS,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, CONNECTION_BYTES, MHD_OPTION_NOTIFY_COMPLETED,
        request_on_completed, h, MHD_OPTION_NOTIFY_CONNECTION, connection_on_change, h,
        MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_SIGPIPE_HANDLED_BY_APP, 1, MHD_OPTION_ARRAY, tls,
        MHD_OPTION_END);
    if (!h->daemon)
        return cairn_fail(err, CAIRN_EUSAGE,
                          "the HTTP server could not start%s",
                          h->options.cert_file ? ": is TLS set up rightly?" : "");
    return CAIRN_OK;
}

/* ---- the adapter ---- */

static void http_stop(void *state)
{
    http *h = state;

    if (!h)
        return;
    connection_cancel_all(h);
    if (h->batches)
        batches_stop(h->batches);
    workers_destroy(h->workers); /* what was in line is answered; connections are awake again */
    if (h->daemon) {
        MHD_stop_daemon(h->daemon);
        h->listening = -1; /* closed by it, or by http_drain */
    }
    connection_sweep_stop(h);
    if (h->listening >= 0)
        close(h->listening);
    if (h->unix_path)
        unlink(h->unix_path);
    batches_close(h->batches);
    guard_destroy(h->guard);
    pthread_cond_destroy(&h->changed);
    pthread_mutex_destroy(&h->mutex);
    free(h->unix_path);
    tls_clear();
    free(h->client_ca);
    free(h);
}

static http *http_new(service *s, const adapter_options *o)
{
    http *h = calloc(1, sizeof *h);
    pthread_condattr_t attr;

    if (!h)
        return NULL;
    h->s = s;
    h->options = *o;
    h->listening = -1;
    h->max_connections = choose_limit(o->max_connections);
    pthread_mutex_init(&h->mutex, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&h->changed, &attr);
    pthread_condattr_destroy(&attr);
    return h;
}

static cairn_status http_start(service *s, const adapter_options *o, void **state,
                               char bound[ADAPTER_ADDRESS_BYTES], cairn_error *err)
{
    size_t cpus = pool_online_cpus();
    http *h = NULL;
    cairn_status st = adapter_check_safe(s, o, err);

    *state = NULL;
    if (!st && !(h = http_new(s, o)))
        st = cairn_fail(err, CAIRN_ENOMEM, "HTTP server");
    if (!st)
        st = guard_create(&h->guard, o, err);
    if (!st && o->cert_file)
        st = tls_read(o->cert_file, o->key_file, err);
    if (!st)
        st = read_pem(o->client_ca_file, &h->client_ca, err);
    if (!st)
        st = o->address.is_unix ? listen_unix(h, bound, err) : listen_tcp(h, bound, err);
    if (!st)
        st = workers_create(&h->workers, h, cpus < 2 ? 2 : cpus, SLOW_WORKERS, err);
    if (!st)
        st = batches_open(&h->batches, h, err);
    if (!st)
        st = connection_sweep_start(h, err);
    if (!st)
        st = start_daemon(h, err);
    if (st)
        http_stop(h);
    else
        *state = h;
    return st;
}

/* Wait until no request runs or the time is up. */
static bool wait_idle(http *h, int64_t until)
{
    struct timespec ts = {(time_t)(until / 1000000000), (long)(until % 1000000000)};
    bool idle;
    int rc = 0;

    pthread_mutex_lock(&h->mutex);
    while (h->n_running && !rc)
        rc = pthread_cond_timedwait(&h->changed, &h->mutex, &ts);
    idle = !h->n_running;
    pthread_mutex_unlock(&h->mutex);
    return idle;
}

static void http_drain(void *state)
{
    http *h = state;
    int fd = MHD_quiesce_daemon(h->daemon);

    if (fd >= 0)
        close(fd);
    batches_stop(h->batches);
    if (!wait_idle(h, clock_mono_ns() + GRACE_NS)) {
        connection_cancel_all(h);
        wait_idle(h, clock_mono_ns() + GRACE_NS / 2);
    }
}

/* Connections that are open keep the certificate that they began with. */
static cairn_status http_reload(void *state, cairn_error *err)
{
    const http *h = state;

    return h->options.cert_file ? tls_read(h->options.cert_file, h->options.key_file, err) : CAIRN_OK;
}

const adapter http_adapter = {.name = "http",
                              .default_address = "127.0.0.1:7880",
                              .start = http_start,
                              .reload = http_reload,
                              .drain = http_drain,
                              .stop = http_stop};
