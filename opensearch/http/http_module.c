/* http_module.c - cairn-http.so: one request over libcurl (see opensearch/http.h).
 *
 * Redirects are not followed and only http and https are spoken: an answer must not lead the
 * credentials elsewhere. A cluster is reached directly, past any proxy of the environment, when it
 * is on this machine. */
#include <curl/curl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "opensearch/http.h"

#define AUTHORIZATION_BYTES 8192

struct http_connection {
    CURL *easy;
};

static pthread_once_t once = PTHREAD_ONCE_INIT;
static CURLcode started;

static void start(void)
{
    started = curl_global_init(CURL_GLOBAL_DEFAULT);
}

static http_connection *open_connection(void)
{
    http_connection *c = calloc(1, sizeof *c);

    pthread_once(&once, start);
    if (c && !started)
        c->easy = curl_easy_init();
    if (c && c->easy)
        return c;
    free(c);
    return NULL;
}

static void close_connection(http_connection *c)
{
    if (!c)
        return;
    curl_easy_cleanup(c->easy);
    free(c);
}

static size_t take(char *data, size_t size, size_t n, void *ctx)
{
    /* Anything but n says that the reply is longer than may be. */
    return bytes_append(ctx, data, size * n) ? 0 : size * n;
}

static int look_at_cancel(void *ctx, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
    const http_call *call = ctx;

    (void)a, (void)b, (void)c, (void)d;
    return call->cancelled && call->cancelled(call->cancelled_ctx);
}

static bool add_header(struct curl_slist **list, const char *name, const char *value)
{
    char line[AUTHORIZATION_BYTES];
    int n = snprintf(line, sizeof line, "%s: %s", name, value);
    struct curl_slist *more =
        n > 0 && (size_t)n < sizeof line ? curl_slist_append(*list, line) : NULL;

    if (more)
        *list = more;
    return more != NULL;
}

static bool headers_of(const http_call *call, struct curl_slist **list)
{
    *list = NULL;
    return (!call->type || add_header(list, "Content-Type", call->type)) &&
           /* No round trip to ask whether a body may come. */
           add_header(list, "Expect", "") && add_header(list, "Accept", "application/json") &&
           (!call->authorization || add_header(list, "Authorization", call->authorization));
}

static void set_up(CURL *h, const http_call *call, struct curl_slist *headers, bytes *reply,
                   char *why)
{
    curl_easy_reset(h); /* options, not connections */
    curl_easy_setopt(h, CURLOPT_URL, call->url);
    curl_easy_setopt(h, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(h, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(h, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(h, CURLOPT_NOPROXY, "127.0.0.1,localhost,::1");
    curl_easy_setopt(h, CURLOPT_USERAGENT, "cairn");
    curl_easy_setopt(h, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_2TLS);
    curl_easy_setopt(h, CURLOPT_TCP_KEEPALIVE, 1L);
    curl_easy_setopt(h, CURLOPT_TCP_NODELAY, 1L);
    curl_easy_setopt(h, CURLOPT_SSL_VERIFYPEER, 1L);
    curl_easy_setopt(h, CURLOPT_SSL_VERIFYHOST, 2L);
    if (call->ca_file)
        curl_easy_setopt(h, CURLOPT_CAINFO, call->ca_file);
    curl_easy_setopt(h, CURLOPT_CONNECTTIMEOUT_MS, call->connect_ms);
    curl_easy_setopt(h, CURLOPT_TIMEOUT_MS, call->timeout_ms);
    curl_easy_setopt(h, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(h, CURLOPT_CUSTOMREQUEST, call->method);
    if (call->body) {
        curl_easy_setopt(h, CURLOPT_POSTFIELDS, call->body);
        curl_easy_setopt(h, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)call->body_len);
    } else if (!strcmp(call->method, "HEAD")) {
        curl_easy_setopt(h, CURLOPT_NOBODY, 1L);
    }
    curl_easy_setopt(h, CURLOPT_WRITEFUNCTION, take);
    curl_easy_setopt(h, CURLOPT_WRITEDATA, reply);
    curl_easy_setopt(h, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(h, CURLOPT_XFERINFOFUNCTION, look_at_cancel);
    curl_easy_setopt(h, CURLOPT_XFERINFODATA, (void *)call);
    curl_easy_setopt(h, CURLOPT_ERRORBUFFER, why);
}

static http_end end_of(CURLcode code)
{
    switch (code) {
    case CURLE_OK:
        return HTTP_ANSWERED;
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_CONNECT:
        return HTTP_UNREACHABLE;
    case CURLE_OPERATION_TIMEDOUT:
        return HTTP_LATE;
    case CURLE_WRITE_ERROR:
        return HTTP_TOO_LONG;
    case CURLE_ABORTED_BY_CALLBACK:
        return HTTP_CANCELLED;
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CIPHER:
        return HTTP_UNTRUSTED;
    case CURLE_URL_MALFORMAT:
    case CURLE_OUT_OF_MEMORY:
        return HTTP_FAILED;
    default:
        return HTTP_BROKEN;
    }
}

static http_end perform(http_connection *c, const http_call *call, http_answer *answer,
                        char why[HTTP_WHY])
{
    char detail[CURL_ERROR_SIZE] = "";
    struct curl_slist *headers;
    curl_off_t wait = 0;
    long sent = 0;
    http_end end = HTTP_FAILED;
    bytes reply;
    CURLcode code;

    *answer = (http_answer){0};
    if (!headers_of(call, &headers)) {
        curl_slist_free_all(headers);
        snprintf(why, HTTP_WHY, "no memory for a request, or a header of more than %d bytes",
                 AUTHORIZATION_BYTES);
        return HTTP_FAILED;
    }
    bytes_init(&reply, call->most_bytes);
    set_up(c->easy, call, headers, &reply, detail);
    code = curl_easy_perform(c->easy);
    end = end_of(code);
    curl_easy_getinfo(c->easy, CURLINFO_REQUEST_SIZE, &sent);
    if (end == HTTP_LATE && !sent) /* it never came to a connection, an old one included */
        end = HTTP_UNREACHABLE;
    if (code == CURLE_OK) {
        curl_easy_getinfo(c->easy, CURLINFO_RESPONSE_CODE, &answer->status);
        curl_easy_getinfo(c->easy, CURLINFO_HTTP_VERSION, &answer->version);
        if (curl_easy_getinfo(c->easy, CURLINFO_RETRY_AFTER, &wait) == CURLE_OK && wait > 0)
            answer->retry_after_s = wait < 3600 ? (long)wait : 3600;
        answer->body = reply.data ? bytes_detach(&reply, &answer->len) : strdup("");
        if (!answer->body)
            end = HTTP_FAILED;
    }
    if (end != HTTP_ANSWERED)
        snprintf(why, HTTP_WHY, "%s",
                 end == HTTP_TOO_LONG ? "the reply is longer than may be"
                 : *detail            ? detail
                                      : curl_easy_strerror(code));
    curl_easy_setopt(c->easy, CURLOPT_ERRORBUFFER, NULL);
    curl_slist_free_all(headers);
    bytes_clear(&reply);
    return end;
}

extern const http_module cairn_http_module;
const http_module cairn_http_module = {HTTP_MODULE_VERSION, open_connection, close_connection,
                                       perform};
