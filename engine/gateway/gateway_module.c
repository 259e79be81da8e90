/* gateway_module.c - cairn-gateway.so: one request over libcurl (see engine/gateway.h). */
#include <curl/curl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "engine/gateway.h"

static pthread_once_t once = PTHREAD_ONCE_INIT;
static CURLcode started;

static void start(void)
{
    started = curl_global_init(CURL_GLOBAL_DEFAULT);
}

static size_t take(char *data, size_t size, size_t n, void *ctx)
{
    /* Anything but n says that the reply is longer than may be. */
    return bytes_append(ctx, data, size * n) ? 0 : size * n;
}

static int look_at_cancel(void *ctx, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
    const gateway_request *r = ctx;

    (void)a, (void)b, (void)c, (void)d;
    return r->cancel && *r->cancel;
}

static struct curl_slist *headers_of(const gateway_request *r)
{
    struct curl_slist *list = curl_slist_append(NULL, "Content-Type: application/json"), *more;
    char *line = NULL;

    if (list && r->key && *r->key) {
        more = asprintf(&line, "Authorization: Bearer %s", r->key) < 0 ? NULL : curl_slist_append(list, line);
        free(line);
        if (!more) {
            curl_slist_free_all(list);
            return NULL;
        }
        list = more;
    }
    return list;
}

static CURLcode perform(CURL *h, const gateway_request *r, struct curl_slist *headers, bytes *reply, char *why)
{
    curl_easy_setopt(h, CURLOPT_URL, r->url);
    curl_easy_setopt(h, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(h, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(h, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(h, CURLOPT_NOPROXY, "127.0.0.1,localhost,::1");
    curl_easy_setopt(h, CURLOPT_USERAGENT, "cairn");
    curl_easy_setopt(h, CURLOPT_CONNECTTIMEOUT_MS, r->connect_ms);
    curl_easy_setopt(h, CURLOPT_TIMEOUT_MS, r->timeout_ms);
    curl_easy_setopt(h, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(h, CURLOPT_POSTFIELDS, r->body);
    curl_easy_setopt(h, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)r->body_len);
    curl_easy_setopt(h, CURLOPT_WRITEFUNCTION, take);
    curl_easy_setopt(h, CURLOPT_WRITEDATA, reply);
    curl_easy_setopt(h, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(h, CURLOPT_XFERINFOFUNCTION, look_at_cancel);
    curl_easy_setopt(h, CURLOPT_XFERINFODATA, (void *)r);
    curl_easy_setopt(h, CURLOPT_ERRORBUFFER, why);
    return curl_easy_perform(h);
}

static int post(const gateway_request *r, long *http, char **text, size_t *len, char *why)
{
    char detail[CURL_ERROR_SIZE] = "";
    struct curl_slist *headers;
    CURLcode code;
    bytes reply;
    CURL *h;

    *text = NULL;
    pthread_once(&once, start);
    h = started ? NULL : curl_easy_init();
    headers = h ? headers_of(r) : NULL;
    if (!headers) {
        snprintf(why, GATEWAY_WHY, "no memory for a request");
        curl_easy_cleanup(h);
        return -1;
    }
    bytes_init(&reply, r->most_bytes);
    code = perform(h, r, headers, &reply, detail);
    if (code == CURLE_OK)
        curl_easy_getinfo(h, CURLINFO_RESPONSE_CODE, http);
    curl_slist_free_all(headers);
    curl_easy_cleanup(h);
    if (code == CURLE_OK && (*text = reply.data ? bytes_detach(&reply, len) : strdup("")))
        return 0;
    snprintf(why, GATEWAY_WHY, "%s", code == CURLE_WRITE_ERROR ? "the reply is too long" : *detail ? detail
                                                                                                   : curl_easy_strerror(code));
    bytes_clear(&reply);
    return code == CURLE_ABORTED_BY_CALLBACK ? GATEWAY_CANCELLED : -1;
}

const gateway_module cairn_gateway_module = {GATEWAY_MODULE_VERSION, post};
