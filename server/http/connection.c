/* connection.c - see connection.h. */
#include "server/http/connection.h"

#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>

#include "base/clock.h"
#include "base/stop.h"

#define SECOND      ((int64_t)1000000000)
#define SWEEP_NS    (SECOND / 4)
#define HEADERS_NS  (10 * SECOND) /* from opening to the end of the first request's headers */
#define IDLE_NS     (60 * SECOND)
#define BODY_NS     (20 * SECOND) /* and then a second more for each so many bytes: */
#define BODY_BYTES  8192
#define YOUNG_NS    (SECOND / 2) /* a connection this new is not ended to make room */
#define GONE_NS     (2 * SECOND) /* what it sent before it hung up is read by then */

struct connection {
    connection *next, **at;
    int fd;
    connection_phase_kind phase;
    int64_t since_ns;
    size_t received;
    http_request *r; /* while it has one */
    bool ended;      /* shut down by us; libmicrohttpd will notice */
};

void connection_phase(http *h, connection *c, connection_phase_kind phase, http_request *r)
{
    if (!c)
        return;
    pthread_mutex_lock(&h->mutex);
    if (!c->r != !r) {
        h->n_running += r ? 1 : (size_t)-1;
        pthread_cond_broadcast(&h->changed);
    }
    c->phase = phase;
    c->since_ns = clock_mono_ns();
    c->received = 0;
    c->r = r;
    pthread_mutex_unlock(&h->mutex);
}

void connection_received(http *h, connection *c, size_t bytes)
{
    if (!c)
        return;
    pthread_mutex_lock(&h->mutex);
    c->received += bytes;
    pthread_mutex_unlock(&h->mutex);
}

/* ---- under the lock ---- */

static void end(http *h, connection *c, const char *why)
{
    char labels[64];

    if (c->ended)
        return;
    c->ended = true;
    h->n_ended++;
    shutdown(c->fd, SHUT_RDWR);
    snprintf(labels, sizeof labels, "why=\"%s\"", why);
    metrics_add(service_metrics(h->s), "cairn_http_connections_ended_total",
                "Connections ended because they were slow or room was needed.", labels, 1);
}

/* Most connections are taken: the one that has waited longest without a request makes room. False when
 * there is room, or none to be made. */
static bool make_room(http *h)
{
    int64_t now = clock_mono_ns();
    connection *oldest = NULL;

    if (h->n_connections - h->n_ended <= h->max_connections - h->max_connections / 8)
        return false;

    for (connection *c = h->connections; c; c = c->next)
        if (!c->ended && (c->phase == PHASE_OPENED || c->phase == PHASE_IDLE) &&
            now - c->since_ns > YOUNG_NS && (!oldest || c->since_ns < oldest->since_ns))
            oldest = c;
    if (oldest)
        end(h, oldest, "room");
    return oldest != NULL;
}

static bool is_slow(const connection *c, int64_t now)
{
    int64_t age = now - c->since_ns;

    switch (c->phase) {
    case PHASE_OPENED:
        return age > HEADERS_NS;
    case PHASE_BODY:
        return age > BODY_NS + (int64_t)(c->received / BODY_BYTES) * SECOND;
    case PHASE_IDLE:
        return age > IDLE_NS;
    default:
        return false;
    }
}

static bool is_gone(const connection *c)
{
    struct pollfd p = {.fd = c->fd, .events = POLLRDHUP};

    return poll(&p, 1, 0) > 0 && (p.revents & (POLLRDHUP | POLLHUP | POLLERR));
}

static void sweep(http *h)
{
    int64_t now = clock_mono_ns();

    for (connection *c = h->connections; c; c = c->next) {
        bool asked = c->phase == PHASE_WORK || c->phase == PHASE_SENDING;
        if (!c->ended && is_slow(c, now))
            end(h, c, "slow");
        else if (!c->ended && !asked && now - c->since_ns > GONE_NS && is_gone(c))
            end(h, c, "gone");
        if (c->r && asked && is_gone(c))
            stop_raise(&c->r->cancel);
    }
    while (make_room(h))
        ;
}

/* ---- */

void connection_on_change(void *cls, struct MHD_Connection *mhd, void **context,
                          enum MHD_ConnectionNotificationCode what)
{
    http *h = cls;
    connection *c = *context;

    if (what == MHD_CONNECTION_NOTIFY_STARTED) {
        const union MHD_ConnectionInfo *info =
            MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD);
        if (!info || !(c = calloc(1, sizeof *c)))
            return;
        c->fd = info->connect_fd;
        c->since_ns = clock_mono_ns();
        *context = c;
        pthread_mutex_lock(&h->mutex);
        c->next = h->connections;
        c->at = &h->connections;
        if (c->next)
            c->next->at = &c->next;
        h->connections = c;
        h->n_connections++;
        make_room(h);
        pthread_mutex_unlock(&h->mutex);
    } else if (c) {
        pthread_mutex_lock(&h->mutex);
        *c->at = c->next;
        if (c->next)
            c->next->at = c->at;
        h->n_connections--;
        h->n_ended -= c->ended;
        pthread_mutex_unlock(&h->mutex);
        free(c);
        *context = NULL;
    }
}

static void *sweep_often(void *arg)
{
    http *h = arg;
    struct timespec ts;
    int64_t until;

    pthread_mutex_lock(&h->mutex);
    while (!h->stopping) {
        until = clock_mono_ns() + SWEEP_NS;
        ts = (struct timespec){(time_t)(until / SECOND), (long)(until % SECOND)};
        pthread_cond_timedwait(&h->changed, &h->mutex, &ts);
        if (clock_mono_ns() < until)
            continue;
        sweep(h);
        pthread_mutex_unlock(&h->mutex);
        service_tidy(h->s);
        pthread_mutex_lock(&h->mutex);
    }
    pthread_mutex_unlock(&h->mutex);
    return NULL;
}

cairn_status connection_sweep_start(http *h, cairn_error *err)
{
    if (pthread_create(&h->sweeper, NULL, sweep_often, h))
        return cairn_fail(err, CAIRN_EIO, "a thread could not be started");
    h->sweeping = true;
    return CAIRN_OK;
}

void connection_sweep_stop(http *h)
{
    pthread_mutex_lock(&h->mutex);
    h->stopping = true;
    pthread_cond_broadcast(&h->changed);
    pthread_mutex_unlock(&h->mutex);
    if (h->sweeping)
        pthread_join(h->sweeper, NULL);
    h->sweeping = false;
}

void connection_cancel_all(http *h)
{
    pthread_mutex_lock(&h->mutex);
    for (connection *c = h->connections; c; c = c->next)
        if (c->r)
            stop_raise(&c->r->cancel);
    pthread_mutex_unlock(&h->mutex);
}
