/* routes_operation.c - for whoever looks after the server: health, readiness, metrics. */
#include <stdlib.h>
#include <string.h>

#include "server/http/http.h"

static void alive(http_request *r)
{
    respond_text(r, MHD_HTTP_OK, "text/plain", "ok\n", 3);
}

static void ready(http_request *r)
{
    cairn_error err = {0};
    cairn_status st = service_ready(r->h->s, &err);

    if (st)
        respond_error(r, st, &err);
    else
        alive(r);
}

static void health(http_request *r)
{
    cairn_error err = {0};
    cairn_status st = service_ready(r->h->s, &err);

    respond_json(r, st ? MHD_HTTP_SERVICE_UNAVAILABLE : MHD_HTTP_OK,
                 json_pack("{s:s,s:s,s:o}", "status", st ? "unavailable" : "ok", "version",
                           cairn_version(), "reason", json_str(st ? err.text : NULL)));
}

static void show_metrics(http_request *r)
{
    metrics *m = service_metrics(r->h->s);
    size_t len = 0, connections;
    char *text;

    pthread_mutex_lock(&r->h->mutex);
    connections = r->h->n_connections;
    pthread_mutex_unlock(&r->h->mutex);
    metrics_set(m, "cairn_http_connections", "Open connections.", "", (double)connections);
    metrics_set(m, "cairn_http_waiting", "Requests that wait for a worker.", "",
                (double)workers_waiting(r->h->workers));
    metrics_set(m, "cairn_index_runs_rest", "1 while searches stand in line for long, so that index runs rest.", "",
                service_pressed(r->h->s));
    metrics_set(m, "cairn_models_in_use", "Calls that wait for a model or work in one.", "",
                (double)cairn_models_in_use(service_models(r->h->s)));
    text = metrics_text(m, &len);
    if (text)
        respond_text(r, MHD_HTTP_OK, "text/plain; version=0.0.4; charset=utf-8", text, len);
    else
        respond_refusal(r, MHD_HTTP_INTERNAL_SERVER_ERROR, "no memory for the metrics");
    free(text);
}

const http_route routes_operation[] = {
    {"GET", "/livez", LANE_NOW, SERVICE_NOBODY, 0, SHAPE_API, alive},
    {"GET", "/readyz", LANE_QUICK, SERVICE_NOBODY, 0, SHAPE_API, ready},
    {"GET", "/health", LANE_QUICK, SERVICE_NOBODY, 0, SHAPE_API, health},
    {"GET", "/metrics", LANE_NOW, SERVICE_READ, 0, SHAPE_API, show_metrics},
    {0},
};
