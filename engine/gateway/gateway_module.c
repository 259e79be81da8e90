/* gateway_module.c - cairn-gateway.so: one request, or one file, over libcurl (see engine/gateway.h). */
#include <curl/curl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

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
    curl_off_t sent = 0;
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
    if (curl_easy_getinfo(h, CURLINFO_SIZE_UPLOAD_T, &sent) != CURLE_OK)
        sent = 1; /* not known: it may have left */
    curl_slist_free_all(headers);
    curl_easy_cleanup(h);
    if (code == CURLE_OK && (*text = reply.data ? bytes_detach(&reply, len) : strdup("")))
        return 0;
    snprintf(why, GATEWAY_WHY, "%s", code == CURLE_WRITE_ERROR ? "the reply is too long" : *detail ? detail
                                                                                                   : curl_easy_strerror(code));
    bytes_clear(&reply);
    return code == CURLE_ABORTED_BY_CALLBACK ? GATEWAY_CANCELLED : sent ? -1 : GATEWAY_UNSENT;
}

/* ---- a file ---- */

typedef struct fetching {
    gateway_fetch *f;
    CURL *h;
    uint64_t length, range_from; /* of the reply that is coming; UINT64_MAX: it does not say */
    char tag[GATEWAY_TAG];
    bool begun;
    const char *wrong; /* why it ended here */
} fetching;

/* The value of this header, without the white space around it; NULL: it is another one. */
static const char *value_of(const char *line, size_t n, const char *name, size_t *len)
{
    size_t skip = strlen(name);

    if (n <= skip || strncasecmp(line, name, skip) || line[skip] != ':')
        return NULL;
    for (line += skip + 1, n -= skip + 1; n && (*line == ' ' || *line == '\t'); n--)
        line++;
    while (n && strchr(" \t\r\n", line[n - 1]))
        n--;
    *len = n;
    return line;
}

static size_t take_header(char *line, size_t size, size_t n, void *ctx)
{
    fetching *k = ctx;
    char number[64];
    const char *v;
    size_t len;

    n *= size;
    if (n > 5 && !memcmp(line, "HTTP/", 5)) { /* after a redirect another reply begins */
        k->length = k->range_from = UINT64_MAX;
        k->tag[0] = '\0';
    } else if ((v = value_of(line, n, "ETag", &len)) && len < sizeof k->tag && *v == '"') { /* no weak one */
        snprintf(k->tag, sizeof k->tag, "%.*s", (int)len, v);
    } else if ((v = value_of(line, n, "Content-Length", &len)) && len < sizeof number) {
        snprintf(number, sizeof number, "%.*s", (int)len, v);
        k->length = strtoull(number, NULL, 10);
    } else if ((v = value_of(line, n, "Content-Range", &len)) && len < sizeof number) {
        snprintf(number, sizeof number, "%.*s", (int)len, v);
        if (!strncasecmp(number, "bytes ", 6))
            k->range_from = strtoull(number + 6, NULL, 10);
    }
    return n;
}

/* The first bytes of a reply: is it what was asked for, or all from the beginning? */
static bool begin_body(fetching *k)
{
    gateway_fetch *f = k->f;

    curl_easy_getinfo(k->h, CURLINFO_RESPONSE_CODE, &f->http);
    k->begun = true;
    if (f->http == 206 && k->range_from != f->have)
        k->wrong = "the server sends another part than was asked for";
    if (f->http != 206) {
        f->have = 0;
        if (ftruncate(f->fd, 0))
            k->wrong = "the file cannot be written";
    }
    f->total = k->length == UINT64_MAX ? 0 : f->have + k->length;
    memcpy(f->tag, k->tag, sizeof f->tag);
    if (f->total > f->most)
        k->wrong = "the file is larger than there is room for";
    return !k->wrong;
}

static size_t take_file(char *data, size_t size, size_t n, void *ctx)
{
    fetching *k = ctx;
    gateway_fetch *f = k->f;

    n *= size;
    if (!k->begun && !begin_body(k))
        return 0;
    if (n > f->most - f->have) {
        k->wrong = "the file is larger than there is room for";
        return 0;
    }
    for (size_t done = 0; done < n;) {
        ssize_t w = pwrite(f->fd, data + done, n - done, (off_t)f->have);
        if (w <= 0) {
            k->wrong = "the file cannot be written";
            return 0;
        }
        done += (size_t)w;
        f->have += (uint64_t)w;
    }
    if (f->progress)
        f->progress(f->progress_ctx, f->have, f->total);
    return n;
}

static int look_at_fetch(void *ctx, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
    const fetching *k = ctx;

    (void)a, (void)b, (void)c, (void)d;
    return k->f->cancel && *k->f->cancel;
}

static CURLcode perform_fetch(fetching *k, struct curl_slist *headers, char *why)
{
    gateway_fetch *f = k->f;
    CURL *h = k->h;

    curl_easy_setopt(h, CURLOPT_URL, f->url);
    curl_easy_setopt(h, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(h, CURLOPT_REDIR_PROTOCOLS_STR, f->secure_only ? "https" : "http,https");
    curl_easy_setopt(h, CURLOPT_FOLLOWLOCATION, 1L);
    curl_easy_setopt(h, CURLOPT_MAXREDIRS, 10L);
    curl_easy_setopt(h, CURLOPT_FAILONERROR, 1L);
    curl_easy_setopt(h, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(h, CURLOPT_NOPROXY, "127.0.0.1,localhost,::1");
    curl_easy_setopt(h, CURLOPT_USERAGENT, "cairn");
    curl_easy_setopt(h, CURLOPT_CONNECTTIMEOUT_MS, f->connect_ms);
    curl_easy_setopt(h, CURLOPT_LOW_SPEED_LIMIT, 1L);
    curl_easy_setopt(h, CURLOPT_LOW_SPEED_TIME, f->stall_s);
    curl_easy_setopt(h, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(h, CURLOPT_HEADERFUNCTION, take_header);
    curl_easy_setopt(h, CURLOPT_HEADERDATA, k);
    curl_easy_setopt(h, CURLOPT_WRITEFUNCTION, take_file);
    curl_easy_setopt(h, CURLOPT_WRITEDATA, k);
    curl_easy_setopt(h, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(h, CURLOPT_XFERINFOFUNCTION, look_at_fetch);
    curl_easy_setopt(h, CURLOPT_XFERINFODATA, k);
    curl_easy_setopt(h, CURLOPT_ERRORBUFFER, why);
    return curl_easy_perform(h);
}

/* Range, and If-Range where it is known which file the bytes belong to. NULL: no memory. */
static struct curl_slist *range_headers(const gateway_fetch *f)
{
    struct curl_slist *list = curl_slist_append(NULL, "Accept-Encoding: identity"), *more = list;
    char line[GATEWAY_TAG + 64];

    if (list && f->have) {
        snprintf(line, sizeof line, "Range: bytes=%llu-", (unsigned long long)f->have);
        more = curl_slist_append(list, line);
    }
    if (more && f->have && *f->tag) {
        snprintf(line, sizeof line, "If-Range: %s", f->tag);
        more = curl_slist_append(list, line);
    }
    if (!more)
        curl_slist_free_all(list);
    return more ? list : NULL;
}

static int fetch(gateway_fetch *f, char *why)
{
    char detail[CURL_ERROR_SIZE] = "";
    fetching k = {.f = f, .length = UINT64_MAX, .range_from = UINT64_MAX};
    struct curl_slist *headers;
    CURLcode code;

    pthread_once(&once, start);
    k.h = started ? NULL : curl_easy_init();
    headers = k.h ? range_headers(f) : NULL;
    if (!headers) {
        snprintf(why, GATEWAY_WHY, "no memory for a request");
        curl_easy_cleanup(k.h);
        return -1;
    }
    code = perform_fetch(&k, headers, detail);
    curl_easy_getinfo(k.h, CURLINFO_RESPONSE_CODE, &f->http);
    if (code == CURLE_OK && !k.begun)
        begin_body(&k); /* an empty one */
    curl_slist_free_all(headers);
    curl_easy_cleanup(k.h);
    if (code == CURLE_OK && !k.wrong)
        return 0;
    snprintf(why, GATEWAY_WHY, "%s", k.wrong ? k.wrong : *detail ? detail : curl_easy_strerror(code));
    if (code == CURLE_ABORTED_BY_CALLBACK)
        return GATEWAY_CANCELLED;
    return !k.wrong && (code == CURLE_PARTIAL_FILE || code == CURLE_RECV_ERROR || code == CURLE_SEND_ERROR ||
                        code == CURLE_GOT_NOTHING || code == CURLE_OPERATION_TIMEDOUT)
               ? GATEWAY_BROKEN
               : -1;
}

const gateway_module cairn_gateway_module = {GATEWAY_MODULE_VERSION, post, fetch};
