/* client.h - JSON requests to a cluster: which node, how often, how long.
 *
 * A request goes to the node that answered last. Where that one cannot be reached, breaks off, stands still (nodes.h), or
 * answers 502, 503, 504 or 429, it goes to the next, and when all have been asked, again after a
 * pause that doubles each round up to 5 s (of which a random part is waited, so that many clients
 * don't come back at once; a Retry-After of the node counts where it is longer), until `retry_ms`
 * of client_options are over, the request's own deadline passes or its cancel flag is set. A
 * request that may not be carried out twice
 * (`once`) is not sent again when its fate is unknown: CAIRN_EIO then.
 *
 * Every request of this room names what it writes by id, or carries the sequence number that it
 * replaces, so repeating one does no harm.
 *
 * Owns     its connections; a reply is the caller's to json_decref.
 * Threads  any: each call borrows a connection.
 * Errors   CAIRN_EIO: no node answers; CAIRN_EBUSY: nodes answer that they have too much to do;
 *          CAIRN_ELIMIT: the deadline passed or the reply is too long; CAIRN_ECANCELLED;
 * CAIRN_EFULL: the cluster has no room on its disks; CAIRN_EUSAGE: it does not let us in, or the
 * request is wrong. An answer that is an error of another kind is returned with its status. */
#ifndef CAIRN_OPENSEARCH_CLIENT_H
#define CAIRN_OPENSEARCH_CLIENT_H

#include <jansson.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/status.h"

struct http_module;

#define CLIENT_RETRY_MS    60000               /* of all attempts at a request */
#define CLIENT_REPLY_BYTES ((size_t)256 << 20) /* of any reply, at most */

typedef struct client client;

/* NULL or 0: none or the usual. Copied. */
typedef struct client_options {
    const char *urls; /* with commas between; http:// or https:// */
    const char *user, *password;
    const char *api_key;
    const char *ca_file;
    int64_t timeout_ms; /* of one attempt; 30 s */
    int64_t connect_ms; /* 5 s */
    int64_t read_ms;    /* of the first attempt at a request that only reads, where another node is named; 2 s */
    int64_t retry_ms;   /* of all attempts; 60 s */
    size_t reply_bytes; /* of any reply; CLIENT_REPLY_BYTES */
    const struct http_module *http; /* who makes the requests; NULL: cairn-http.so */
} client_options;

typedef struct client_limits {
    const volatile sig_atomic_t *cancel;
    int64_t deadline_ns; /* on the monotonic clock; 0: none */
    int64_t grace_ms; /* that all requests together may still take after cancel was seen set */
} client_limits;

typedef struct client_request {
    const char *method; /* "GET" */
    const char *path;   /* from the slash on, escaped */
    const char *body;   /* NULL: none */
    size_t len;
    bool lines; /* the body is newline-delimited JSON */
    bool once;
    int64_t timeout_ms; /* of one attempt; 0: the client's */
    client_limits limits;
} client_request;

typedef struct client_counts {
    uint64_t requests, retries, fail_overs;
    int64_t http_ns; /* in HTTP attempts, waiting left out */
} client_counts;

cairn_status client_create(client **out, const client_options *options, cairn_error *err);
void client_destroy(client *c); /* NULL is fine */

/* Make a request. *status: of HTTP; *reply: parsed, NULL where the answer has no body. CAIRN_OK
 * means that a node answered with 2xx, 404 or 409, which the caller tells apart. */
cairn_status client_call(client *c, const client_request *r, long *status, json_t **reply,
                         cairn_error *err);
/* The same with a JSON body (taken over; NULL without memory, which is told). */
cairn_status client_json(client *c, const char *method, const char *path, json_t *body,
                         const client_limits *limits, long *status, json_t **reply,
                         cairn_error *err);
/* Put what the cluster says went wrong into *err: the status fits its type. */
cairn_status client_refused(const char *what, long status, const json_t *reply, cairn_error *err);
client_counts client_counted(const client *c);
/* Is the cancel flag of the limits set, and its grace over? */
bool client_is_cancelled(client *c, const client_limits *limits);

/* A JSON string of bytes that should be UTF-8; what is not becomes U+FFFD. NULL without memory. */
json_t *client_text(const char *s, size_t len);
/* Append compact JSON; floats with nine digits, which give the same float back. */
cairn_status client_dump(bytes *out, const json_t *j, cairn_error *err);

/* The same of a search of an _msearch: its head and its body, a line each. Both are taken over. */
cairn_status client_dump_search(bytes *lines, json_t *head, json_t *body, cairn_error *err);

#endif
