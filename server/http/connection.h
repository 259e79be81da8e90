/* connection.h - what a connection is doing and since when, so that slow ones can be ended.
 *
 * libmicrohttpd ends a connection that is silent for its timeout, but one that sends a byte now and
 * then is never silent ("slow loris"). So each phase has a bound of its own; and when connections run
 * short, those that wait longest without having said what they want go first.
 *
 * Threads  the listening thread and the sweeper; the http's lock. */
#ifndef CAIRN_SERVER_HTTP_CONNECTION_H
#define CAIRN_SERVER_HTTP_CONNECTION_H

#include "server/http/http.h"

typedef enum connection_phase_kind {
    PHASE_OPENED,  /* no request yet */
    PHASE_BODY,    /* headers are there */
    PHASE_WORK,    /* in line or at a worker */
    PHASE_SENDING, /* the answer, or a stream */
    PHASE_IDLE     /* between requests */
} connection_phase_kind;

/* r: the request that the connection has from now on; NULL: none. */
void connection_phase(http *h, connection *c, connection_phase_kind phase, http_request *r);
void connection_received(http *h, connection *c, size_t bytes);

/* libmicrohttpd's calls; cls is the http. */
void connection_on_change(void *cls, struct MHD_Connection *c, void **context,
                          enum MHD_ConnectionNotificationCode what);
enum MHD_Result request_on_data(void *cls, struct MHD_Connection *c, const char *url,
                                const char *method, const char *version, const char *data,
                                size_t *len, void **state);
void request_on_completed(void *cls, struct MHD_Connection *c, void **state,
                          enum MHD_RequestTerminationCode how);

/* A thread that ends slow connections and tells requests whose client is gone. */
cairn_status connection_sweep_start(http *h, cairn_error *err);
void connection_sweep_stop(http *h);
/* Set `cancel` of every request at work. */
void connection_cancel_all(http *h);

#endif
