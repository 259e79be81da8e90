/* workers.c - threads that run handlers, in two lines: what is quick, and what may take seconds. */
#include "base/stop.h"
#include "server/http/http.h"

#include <stdlib.h>

#include "base/clock.h"
#include "server/audit.h"

#define QUICK_LINE 1024
#define SLOW_LINE  128

typedef struct lane {
    http_request *first, **last;
    size_t n, max;
} lane;

struct workers {
    http *h;
    pthread_mutex_t mutex;
    pthread_cond_t more[2];
    lane lanes[2];
    bool stopping;
    pthread_t *threads;
    size_t n_threads;
};

typedef struct hire {
    workers *w;
    int which;
} hire;

static void observe_wait(const http_request *r, int which)
{
    int64_t wait_ns = clock_mono_ns() - r->queued_ns;

    if (!which)
        service_waited(r->h->s, wait_ns);
    metrics_observe(service_metrics(r->h->s), "cairn_http_wait_seconds",
                    "Time a request waited for a worker.",
                    which ? "lane=\"slow\"" : "lane=\"quick\"", (double)wait_ns / 1e9);
}

/* MCP's messages are told call by call (mcp_tools.c). */
static void audit(const http_request *r)
{
    if (service_audits(r->h->s) && r->route->role != SERVICE_NOBODY && r->shape != SHAPE_MCP)
        service_audit(r->h->s, &r->caller, "http", r->peer, r->id, r->path, r->args);
}

static void serve(http_request *r)
{
    cairn_error err;
    cairn_status st = CAIRN_OK;

    if (stop_raised(&r->cancel))
        st = cairn_fail(&err, CAIRN_ECANCELLED, "the client went away");
    if (!st && r->route->lane == LANE_SLOW)
        st = service_check_memory(r->h->s, &err);
    if (!st && r->shape != SHAPE_MCP) /* whose body is its own affair */
        st = args_collect(r, &err);
    if (st) {
        respond_error(r, st, &err);
    } else {
        audit(r);
        r->route->handler(r);
    }
    if (r->stream)
        stream_end(r);
    else
        request_answered(r);
}

static void *work(void *arg)
{
    hire *me = arg;
    workers *w = me->w;
    lane *l = &w->lanes[me->which];
    int which = me->which;

    free(me);
    pthread_mutex_lock(&w->mutex);
    for (;;) {
        http_request *r = l->first;
        if (!r) {
            if (w->stopping)
                break;
            pthread_cond_wait(&w->more[which], &w->mutex);
            continue;
        }
        l->first = r->next;
        if (!l->first)
            l->last = &l->first;
        l->n--;
        pthread_mutex_unlock(&w->mutex);
        observe_wait(r, which);
        serve(r);
        request_drop(r);
        pthread_mutex_lock(&w->mutex);
    }
    pthread_mutex_unlock(&w->mutex);
    return NULL;
}

static cairn_status start_thread(workers *w, int which, cairn_error *err)
{
    hire *me = malloc(sizeof *me);

    if (!me)
        return cairn_fail(err, CAIRN_ENOMEM, "worker");
    *me = (hire){w, which};
    if (pthread_create(&w->threads[w->n_threads], NULL, work, me)) {
        free(me);
        return cairn_fail(err, CAIRN_EIO, "a thread could not be started");
    }
    w->n_threads++;
    return CAIRN_OK;
}

cairn_status workers_create(workers **out, http *h, size_t n_quick, size_t n_slow, cairn_error *err)
{
    workers *w = calloc(1, sizeof *w);
    cairn_status st = CAIRN_OK;

    *out = NULL;
    if (!w)
        return cairn_fail(err, CAIRN_ENOMEM, "workers");
    w->h = h;
    pthread_mutex_init(&w->mutex, NULL);
    for (int i = 0; i < 2; i++) {
        pthread_cond_init(&w->more[i], NULL);
        w->lanes[i] = (lane){.max = i ? SLOW_LINE : QUICK_LINE};
        w->lanes[i].last = &w->lanes[i].first;
    }
    w->threads = calloc(n_quick + n_slow, sizeof *w->threads);
    if (!w->threads)
        st = cairn_fail(err, CAIRN_ENOMEM, "workers");
    for (size_t i = 0; !st && i < n_quick + n_slow; i++)
        st = start_thread(w, i >= n_quick, err);
    if (st)
        workers_destroy(w);
    else
        *out = w;
    return st;
}

bool workers_add(workers *w, http_request *r, http_lane which)
{
    int i = which == LANE_SLOW;
    lane *l = &w->lanes[i];
    bool room;

    r->next = NULL;
    r->queued_ns = clock_mono_ns();
    pthread_mutex_lock(&w->mutex);
    room = l->n < l->max;
    if (room) {
        *l->last = r;
        l->last = &r->next;
        l->n++;
        pthread_cond_signal(&w->more[i]);
    }
    pthread_mutex_unlock(&w->mutex);
    return room;
}

size_t workers_waiting(workers *w)
{
    size_t n;

    pthread_mutex_lock(&w->mutex);
    n = w->lanes[0].n + w->lanes[1].n;
    pthread_mutex_unlock(&w->mutex);
    return n;
}

void workers_destroy(workers *w)
{
    if (!w)
        return;
    pthread_mutex_lock(&w->mutex);
    w->stopping = true;
    for (int i = 0; i < 2; i++)
        pthread_cond_broadcast(&w->more[i]);
    pthread_mutex_unlock(&w->mutex);
    for (size_t i = 0; i < w->n_threads; i++)
        pthread_join(w->threads[i], NULL);
    for (int i = 0; i < 2; i++)
        pthread_cond_destroy(&w->more[i]);
    pthread_mutex_destroy(&w->mutex);
    free(w->threads);
    free(w);
}
