/* health.c - grpc.health.v1: is the server, or one of its services, there?
 *
 * A watcher stands in the list from its request until its call is closed; the list holds a reference. */
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "grpc/health/v1/health.pb-c.h"
#include "server/grpc/services.h"

#define SERVING     GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__SERVING_STATUS__SERVING
#define NOT_SERVING GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__SERVING_STATUS__NOT_SERVING
#define NO_SERVICE  GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__SERVING_STATUS__SERVICE_UNKNOWN

typedef struct watcher {
    struct watcher *next;
    rpc_call *call;
} watcher;

struct health {
    pthread_mutex_t lock;
    bool draining;
    watcher *watchers;
};

cairn_status health_create(health **out, cairn_error *err)
{
    health *h = calloc(1, sizeof *h);

    *out = h;
    if (!h)
        return cairn_fail(err, CAIRN_ENOMEM, "health");
    pthread_mutex_init(&h->lock, NULL);
    return CAIRN_OK;
}

void health_destroy(health *h)
{
    if (!h)
        return;
    pthread_mutex_destroy(&h->lock);
    free(h);
}

static void tell(rpc_call *c, int status)
{
    Grpc__Health__V1__HealthCheckResponse out = GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__INIT;

    out.status = (Grpc__Health__V1__HealthCheckResponse__ServingStatus)status;
    rpc_send(c, &out.base);
}

static void end_watch(rpc_call *c)
{
    tell(c, NOT_SERVING);
    rpc_finish_code(c, RPC_UNAVAILABLE, "DRAINING", "the server is shutting down");
}

void health_drain(health *h)
{
    watcher *all;

    pthread_mutex_lock(&h->lock);
    h->draining = true;
    all = h->watchers;
    h->watchers = NULL;
    pthread_mutex_unlock(&h->lock);
    while (all) {
        watcher *w = all;
        all = w->next;
        end_watch(w->call);
        rpc_unref(w->call);
        free(w);
    }
}

static bool is_draining(health *h)
{
    bool yes;

    pthread_mutex_lock(&h->lock);
    yes = h->draining;
    pthread_mutex_unlock(&h->lock);
    return yes;
}

static const char *service_asked_for(const ProtobufCMessage *request)
{
    return ((const Grpc__Health__V1__HealthCheckRequest *)request)->service;
}

static bool is_known(rpc_call *c, const char *service)
{
    return !*service || reflection_has_service(front_of(c)->reflection, service);
}

static void check(rpc_call *c, const ProtobufCMessage *request)
{
    const char *service = service_asked_for(request);

    if (!is_known(c, service)) {
        rpc_finish_code(c, RPC_NOT_FOUND, "NOT_FOUND", "there is no service %.100s", service);
        return;
    }
    tell(c, is_draining(front_of(c)->health) ? NOT_SERVING : SERVING);
    rpc_finish(c, CAIRN_OK, NULL);
}

static void watch(rpc_call *c, const ProtobufCMessage *request)
{
    health *h = front_of(c)->health;
    watcher *w = calloc(1, sizeof *w);

    if (!w) {
        rpc_finish(c, CAIRN_ENOMEM, NULL);
        return;
    }
    tell(c, is_known(c, service_asked_for(request)) ? SERVING : NO_SERVICE);
    rpc_ref(c);
    w->call = c;
    pthread_mutex_lock(&h->lock);
    /* A call that closed before this line is not removed by `closed` any more; one that closes behind it
     * is. */
    if (!h->draining && !rpc_over(c)) {
        w->next = h->watchers;
        h->watchers = w;
        w = NULL;
    }
    pthread_mutex_unlock(&h->lock);
    if (w) {
        end_watch(c);
        rpc_unref(c);
        free(w);
    }
}

static void watch_closed(rpc_call *c)
{
    health *h = front_of(c)->health;
    watcher *found = NULL;

    pthread_mutex_lock(&h->lock);
    for (watcher **at = &h->watchers; *at; at = &(*at)->next) {
        if ((*at)->call != c)
            continue;
        found = *at;
        *at = found->next;
        break;
    }
    pthread_mutex_unlock(&h->lock);
    if (found)
        rpc_unref(c);
    free(found);
}

static const rpc_method methods[] = {
    {.path = "/grpc.health.v1.Health/Check",
     .request = &grpc__health__v1__health_check_request__descriptor,
     .role = SERVICE_NOBODY,
     .message = check},
    {.path = "/grpc.health.v1.Health/Watch",
     .request = &grpc__health__v1__health_check_request__descriptor,
     .role = SERVICE_NOBODY,
     .streams_out = true,
     .message = watch,
     .closed = watch_closed},
};

const method_table health_methods = METHODS(methods);
