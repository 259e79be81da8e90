/* http.h - one HTTP request: what the module cairn-http.so (http/http_module.c, libcurl) does for
 * client.c.
 *
 * libcurl brings thirty libraries, so it is in a module that is opened when a collection on a
 * cluster is. The module makes one attempt; which node is asked, and whether again, is client.c's
 * business.
 *
 * Threads  a connection belongs to one thread at a time; it keeps its TCP (or TLS, HTTP/2)
 * connections alive between requests. */
#ifndef CAIRN_OPENSEARCH_HTTP_H
#define CAIRN_OPENSEARCH_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HTTP_MODULE_VERSION 2u
#define HTTP_MODULE_SYMBOL  "cairn_http_module"
#define HTTP_WHY            256 /* bytes of a sentence about a failure */

typedef struct http_connection http_connection;

/* How an attempt ended. */
typedef enum http_end {
    HTTP_ANSWERED,    /* there is a status; any */
    HTTP_UNREACHABLE, /* no connection was made: nothing was sent */
    HTTP_BROKEN,   /* the connection broke, or the reply is none: the request may have been carried
                      out */
    HTTP_LATE,     /* the time was up; likewise */
    HTTP_TOO_LONG, /* the reply passed most_bytes */
    HTTP_CANCELLED,
    HTTP_UNTRUSTED, /* the certificate did not hold, or no TLS was possible */
    HTTP_FAILED     /* memory, or an address that is none */
} http_end;

typedef struct http_call {
    const char *method, *url;
    const char *type; /* of the body; NULL: no body */
    const char *body;
    size_t body_len;
    const char *authorization; /* the header's value; NULL: none */
    const char *ca_file;       /* certificates to trust; NULL: the system's */
    size_t most_bytes;         /* of the reply's body */
    long connect_ms, timeout_ms;
    bool (*cancelled)(void *ctx); /* asked at least once a second; may be NULL */
    void *cancelled_ctx;
} http_call;

typedef struct http_answer {
    long status;
    char *body; /* malloced, NUL-terminated */
    size_t len;
    long retry_after_s; /* of the header; 0: none */
    long version;       /* 11, 20 */
} http_answer;

typedef struct http_module {
    unsigned version;
    http_connection *(*open)(void); /* NULL without memory */
    void (*close)(http_connection *c);
    /* *answer is filled for HTTP_ANSWERED; otherwise `why` gets a sentence. */
    http_end (*perform)(http_connection *c, const http_call *call, http_answer *answer,
                        char why[HTTP_WHY]);
} http_module;

#endif
