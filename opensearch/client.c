/* client.c - see client.h. */
#include "opensearch/client.h"

#include <dlfcn.h>
#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "base/base64.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/module.h"
#include "base/utf8.h"
#include "opensearch/around.h"
#include "opensearch/http.h"
#include "opensearch/nodes.h"

#define IDLE_MAX         16
#define FIRST_PAUSE_MS   100
#define LONGEST_PAUSE_MS 5000
#define NAP_MS           20 /* a pause looks at the cancel flag this often */
#define TIMEOUT_MS       30000
#define CONNECT_MS       5000
#define READ_MS          2000 /* of the first attempt at a request that only reads, where there is another node */
#define PATH_MOST        16384
#define SAID             300 /* bytes of a node's own words in a message */

struct client {
    const http_module *http;
    nodes nodes;
    around around;
    char *authorization, *ca_file;
    int64_t timeout_ms, connect_ms, retry_ms, read_ms;
    size_t reply_bytes;
    pthread_mutex_t mutex;
    http_connection *idle[IDLE_MAX];
    size_t n_idle;
    atomic_uint_fast64_t dice;
    atomic_uint_fast64_t requests, retries, fail_overs;
    atomic_int_fast64_t http_ns;
    atomic_int_fast64_t stop_ns; /* when a cancel flag was first seen set; 0: it is not */
};

/* ---- the module ---- */

static pthread_once_t once = PTHREAD_ONCE_INIT;
static const http_module *module;
static char module_why[256];

static void load(void)
{
    void *handle = module_open("cairn-http.so", "CAIRN_HTTP_MODULE", "opensearch", module_why,
                               sizeof module_why);
    const http_module *m = handle ? dlsym(handle, HTTP_MODULE_SYMBOL) : NULL;

    if (m && m->version == HTTP_MODULE_VERSION)
        module = m;
    else if (handle)
        snprintf(module_why, sizeof module_why, "it is of another version of this program");
}

/* ---- texts ---- */

json_t *client_text(const char *s, size_t len)
{
    json_t *j = json_stringn(s, len);
    bytes clean;

    if (j)
        return j;
    bytes_init(&clean, 4 * len + 16);
    for (size_t i = 0; i < len;) {
        uint32_t cp;
        char enc[4];
        i += utf8_decode(s + i, len - i, &cp, NULL);
        if (bytes_append(&clean, enc, utf8_encode(cp, enc)))
            break;
    }
    j = json_stringn(clean.data ? clean.data : "", clean.len);
    bytes_clear(&clean);
    return j;
}

static int dump(const char *data, size_t n, void *ctx)
{
    return bytes_append(ctx, data, n) ? -1 : 0;
}

cairn_status client_dump(bytes *out, const json_t *j, cairn_error *err)
{
    if (!j || json_dump_callback(j, dump, out, JSON_COMPACT | JSON_REAL_PRECISION(9)))
        return cairn_fail(err, CAIRN_ENOMEM, "a request to the cluster");
    return CAIRN_OK;
}

cairn_status client_dump_search(bytes *lines, json_t *head, json_t *body, cairn_error *err)
{
    cairn_status st = client_dump(lines, head, err);

    if (!st)
        st = bytes_append_byte(lines, '\n');
    if (!st)
        st = client_dump(lines, body, err);
    if (!st)
        st = bytes_append_byte(lines, '\n');
    json_decref(head);
    json_decref(body);
    return st;
}

/* ---- create ---- */

static bool take_urls(client *c, const char *urls, cairn_error *err)
{
    for (const char *p = urls; *p;) {
        size_t n = strcspn(p, ",");
        const char *next = p + n + (p[n] == ',');
        while (n && (*p == ' ' || *p == '\t'))
            p++, n--;
        while (n && (p[n - 1] == '/' || p[n - 1] == ' '))
            n--;
        if (n) {
            if (strncasecmp(p, "http://", 7) && strncasecmp(p, "https://", 8))
                return cairn_fail(
                           err, CAIRN_EUSAGE,
                           "\"%.*s\" is no address of a node: it begins with http:// or https://",
                           (int)n, p),
                       false;
            if (memchr(p, '@', n))
                return cairn_fail(err, CAIRN_EUSAGE,
                                  "a node's address holds no user or password: backend.user and "
                                  "backend.password_file say them"),
                       false;
            if (c->nodes.n == NODES_MAX)
                return cairn_fail(err, CAIRN_ELIMIT, "more than %d nodes are named", NODES_MAX),
                       false;
            if (!(c->nodes.url[c->nodes.n] = strndup(p, n)))
                return cairn_fail(err, CAIRN_ENOMEM, "addresses of nodes"), false;
            c->nodes.n++;
        }
        p = next;
    }
    if (!c->nodes.n)
        cairn_fail(err, CAIRN_EUSAGE,
                   "no node of the cluster is named: backend.url says where it is");
    return c->nodes.n > 0;
}

static cairn_status take_credentials(client *c, const client_options *o, cairn_error *err)
{
    cairn_status st = CAIRN_OK;
    bytes b;

    if (o->api_key && *o->api_key) {
        if (asprintf(&c->authorization, "ApiKey %s", o->api_key) < 0)
            return cairn_fail(err, CAIRN_ENOMEM, "credentials");
        return CAIRN_OK;
    }
    if (!o->user || !*o->user)
        return CAIRN_OK;
    bytes_init(&b, 16384);
    st = bytes_printf(&b, "%s:%s", o->user, o->password ? o->password : "");
    size_t plain = b.len;
    char *pair = st ? NULL : strndup(b.data, plain);
    bytes_reset(&b);
    st = pair ? bytes_append_str(&b, "Basic ") : CAIRN_ENOMEM;
    if (!st)
        st = base64_append(&b, pair, plain);
    if (!st)
        st = bytes_append_byte(&b, 0);
    if (pair)
        explicit_bzero(pair, plain);
    free(pair);
    if (!st)
        c->authorization = bytes_detach(&b, NULL);
    bytes_clear(&b);
    return c->authorization ? CAIRN_OK : cairn_fail(err, CAIRN_ENOMEM, "credentials");
}

cairn_status client_create(client **out, const client_options *o, cairn_error *err)
{
    client *c;
    cairn_status st;

    *out = NULL;
    if (!o->http)
        pthread_once(&once, load);
    if (!o->http && !module)
        return cairn_fail(err, CAIRN_EUNSUPPORTED,
                          "a collection on a cluster needs cairn-http.so: %s", module_why);
    c = calloc(1, sizeof *c);
    if (!c)
        return cairn_fail(err, CAIRN_ENOMEM, "client of a cluster");
    c->http = o->http ? o->http : module;
    pthread_mutex_init(&c->mutex, NULL);
    c->timeout_ms = o->timeout_ms > 0 ? o->timeout_ms : TIMEOUT_MS;
    c->connect_ms = o->connect_ms > 0 ? o->connect_ms : CONNECT_MS;
    c->reply_bytes = o->reply_bytes ? o->reply_bytes : CLIENT_REPLY_BYTES;
    c->retry_ms = o->retry_ms > 0 ? o->retry_ms : CLIENT_RETRY_MS;
    c->read_ms = o->read_ms > 0 ? o->read_ms : READ_MS;
    nodes_init(&c->nodes);
    around_init(&c->around);
    st = take_urls(c, o->urls ? o->urls : "", err) ? CAIRN_OK : err ? err->code : CAIRN_EUSAGE;
    if (!st)
        st = take_credentials(c, o, err);
    if (!st && o->ca_file && *o->ca_file && !(c->ca_file = strdup(o->ca_file)))
        st = cairn_fail(err, CAIRN_ENOMEM, "client of a cluster");
    if (st) {
        client_destroy(c);
        return st;
    }
    /* Many clients begin at different nodes. */
    uint64_t seed = (uint64_t)clock_mono_ns() ^ (uint64_t)(uintptr_t)c;
    atomic_store(&c->dice, seed * UINT64_C(0x9E3779B97F4A7C15) | 1);
    atomic_store(&c->nodes.at, (size_t)(seed >> 7) % c->nodes.n);
    *out = c;
    return CAIRN_OK;
}

void client_destroy(client *c)
{
    if (!c)
        return;
    for (size_t i = 0; i < c->n_idle; i++)
        c->http->close(c->idle[i]);
    nodes_clear(&c->nodes);
    around_clear(&c->around);
    if (c->authorization)
        explicit_bzero(c->authorization, strlen(c->authorization));
    free(c->authorization);
    free(c->ca_file);
    pthread_mutex_destroy(&c->mutex);
    free(c);
}

client_counts client_counted(const client *c)
{
    return (client_counts){c->requests, c->retries, c->fail_overs, c->http_ns};
}

/* ---- connections ---- */

static http_connection *borrow(client *c)
{
    http_connection *h = NULL;

    pthread_mutex_lock(&c->mutex);
    if (c->n_idle)
        h = c->idle[--c->n_idle];
    pthread_mutex_unlock(&c->mutex);
    return h ? h : c->http->open();
}

static void give_back(client *c, http_connection *h)
{
    pthread_mutex_lock(&c->mutex);
    if (c->n_idle < IDLE_MAX) {
        c->idle[c->n_idle++] = h;
        h = NULL;
    }
    pthread_mutex_unlock(&c->mutex);
    c->http->close(h);
}

/* ---- cancelling ---- */

bool client_is_cancelled(client *c, const client_limits *limits)
{
    int64_t now, since = 0;

    if (!limits->cancel || !*limits->cancel) {
        atomic_store(&c->stop_ns, 0);
        return false;
    }
    now = clock_mono_ns();
    if (atomic_compare_exchange_strong(&c->stop_ns, &since, now))
        since = now;
    return (now - since) / 1000000 >= limits->grace_ms;
}

typedef struct waiting {
    client *c;
    const client_limits *limits;
} waiting;

static bool stops_waiting(void *ctx)
{
    const waiting *w = ctx;

    return client_is_cancelled(w->c, w->limits);
}

/* ---- one attempt ---- */

/* Does the request change nothing, so that giving up and asking elsewhere costs nothing but time? */
static bool only_reads(const client_request *r)
{
    static const char *const ends[] = {"_search", "_msearch", "_mget", "_count"};
    size_t path = strcspn(r->path, "?");

    if (!strcmp(r->method, "GET"))
        return true;
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        size_t n = strlen(ends[i]);
        if (path > n && r->path[path - n - 1] == '/' && !memcmp(r->path + path - n, ends[i], n))
            return true;
    }
    return false;
}

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* Of one attempt in this round of all nodes. */
static int64_t attempt_ms(const client *c, const client_request *r, size_t round)
{
    int64_t timeout = r->timeout_ms > 0 ? r->timeout_ms : c->timeout_ms;

    return only_reads(r) ? nodes_read_ms(&c->nodes, round, c->read_ms, timeout) : timeout;
}

static http_end perform(client *c, http_connection *h, const client_request *r, size_t node, int64_t timeout_ms,
                        int64_t end_ns, http_answer *answer, char why[HTTP_WHY])
{
    int64_t now = clock_mono_ns(), left = (end_ns - now) / 1000000;
    http_call call = {.method = r->method,
                      .type = !r->body   ? NULL
                              : r->lines ? "application/x-ndjson"
                                         : "application/json",
                      .body = r->body,
                      .body_len = r->len,
                      .authorization = c->authorization,
                      .ca_file = c->ca_file,
                      .most_bytes = c->reply_bytes,
                      .connect_ms = (long)c->connect_ms,
                      .timeout_ms = (long)least(left, timeout_ms),
                      .cancelled = stops_waiting,
                      .cancelled_ctx = &(waiting){c, &r->limits}};
    char *url = NULL;
    http_end end;

    if (call.timeout_ms < 1)
        call.timeout_ms = 1;
    if (asprintf(&url, "%s%s", c->nodes.url[node], r->path) < 0) {
        snprintf(why, HTTP_WHY, "no memory for an address");
        return HTTP_FAILED;
    }
    call.url = url;
    atomic_fetch_add(&c->requests, 1);
    end = c->http->perform(h, &call, answer, why);
    atomic_fetch_add(&c->http_ns, clock_mono_ns() - now);
    free(url);
    return end;
}

/* Does a node that did not answer lately answer at all? Whatever it says. */
static http_end probe(client *c, http_connection *h, const client_request *r, size_t node, size_t round, int64_t end_ns,
                      char why[HTTP_WHY])
{
    client_request small = {.method = "GET", .path = "/", .limits = r->limits};
    http_answer answer = {0};
    http_end end = perform(c, h, &small, node, nodes_probe_ms(round, c->timeout_ms), end_ns, &answer, why);

    if (end == HTTP_ANSWERED)
        free(answer.body);
    /* Nothing of the request was sent. */
    return end == HTTP_BROKEN || end == HTTP_LATE ? HTTP_UNREACHABLE : end;
}

/* A node that cannot answer now, whatever is asked. */
static bool too_much(long status)
{
    return status == 429 || status == 502 || status == 503 || status == 504;
}

static uint64_t roll(client *c)
{
    uint64_t x = atomic_load(&c->dice), next;

    do {
        next = x;
        next ^= next << 13;
        next ^= next >> 7;
        next ^= next << 17;
    } while (!atomic_compare_exchange_weak(&c->dice, &x, next));
    return next;
}

/* False: the cancel flag was set. */
static bool pause_ms(client *c, int64_t ms, const client_limits *limits)
{
    while (ms > 0) {
        int64_t nap = ms < NAP_MS ? ms : NAP_MS;
        struct timespec t = {0, (long)nap * 1000000};
        if (client_is_cancelled(c, limits))
            return false;
        nanosleep(&t, NULL);
        ms -= nap;
    }
    return !client_is_cancelled(c, limits);
}

/* ---- what became of it ---- */

/* The reason in a node's own words: error.reason, or error.root_cause[0].reason, or the error
 * itself. */
static void said(const json_t *reply, char out[SAID], char type[64])
{
    const json_t *error = json_object_get(reply, "error");
    const json_t *root = json_array_get(json_object_get(error, "root_cause"), 0);
    const char *reason = json_string_value(json_object_get(root ? root : error, "reason"));
    const char *kind = json_string_value(json_object_get(root ? root : error, "type"));

    if (!reason)
        reason = json_string_value(error);
    snprintf(out, SAID, "%s", reason ? reason : "no reason is given");
    snprintf(type, 64, "%s", kind ? kind : "");
}

cairn_status client_refused(const char *what, long status, const json_t *reply, cairn_error *err)
{
    char reason[SAID], type[64];
    cairn_status st = CAIRN_EIO;

    said(reply, reason, type);
    if (status == 401 || status == 403)
        st = CAIRN_EUSAGE;
    if (strstr(reason, "flood-stage") || strstr(reason, "disk usage exceeded") ||
        strstr(reason, "No space left"))
        return cairn_fail(err, CAIRN_EFULL,
                          "%s: the cluster's disks are full (%s): make room there and try again",
                          what, reason);
    if (status == 401)
        return cairn_fail(
            err, st,
            "%s: the cluster does not know who is asking: backend.user and backend.password_file, "
            "or backend.api_key_file, say it",
            what);
    if (status == 403)
        return cairn_fail(err, st, "%s: not allowed there: %s", what, reason);
    if (status == 404)
        return cairn_fail(err, CAIRN_ENOTFOUND, "%s: %s", what, reason);
    if (status == 400)
        st = CAIRN_EUNSUPPORTED;
    if (status == 429 || (status >= 502 && status <= 504))
        st = CAIRN_EBUSY;
    return cairn_fail(err, st, "%s: the cluster answers %ld%s%s: %s", what, status,
                      *type ? ", " : "", type, reason);
}

static cairn_status parse(const http_answer *a, const char *node, json_t **reply, cairn_error *err)
{
    json_error_t where;

    *reply = NULL;
    if (!a->len)
        return CAIRN_OK;
    *reply = json_loadb(a->body, a->len, JSON_ALLOW_NUL, &where);
    /* Who does not let one in is often a proxy, in words of its own. */
    if (!*reply && (a->status == 401 || a->status == 403))
        return CAIRN_OK;
    return *reply ? CAIRN_OK
                  : cairn_fail(err, CAIRN_EIO, "%s answers %ld with what is no JSON (byte %d: %s)",
                               node, a->status, where.position, where.text);
}

static cairn_status ended(http_end end, const char *node, const char *why, cairn_error *err)
{
    switch (end) {
    case HTTP_CANCELLED:
        return cairn_fail(err, CAIRN_ECANCELLED, "stopped while waiting for %s", node);
    case HTTP_TOO_LONG:
        return cairn_fail(err, CAIRN_ELIMIT, "%s: %s", node, why);
    case HTTP_UNTRUSTED:
        return cairn_fail(err, CAIRN_EUSAGE,
                          "%s is not trusted: %s (backend.ca_file names the certificates to trust)",
                          node, why);
    case HTTP_LATE:
        return cairn_fail(err, CAIRN_ELIMIT, "%s did not answer in time: %s", node, why);
    case HTTP_FAILED:
        return cairn_fail(err, CAIRN_EUSAGE, "%s: %s", node, why);
    default:
        return cairn_fail(err, CAIRN_EIO, "%s: %s", node, why);
    }
}

/* ---- all attempts ---- */

typedef struct trying {
    int64_t end_ns;  /* when to give up */
    size_t failures; /* since the beginning */
    size_t next;     /* the node to ask, unless it rests */
    int64_t wait_s;  /* what the last node asked for */
} trying;

/* Ask the next node, one that did not answer lately after a probe; *node: which it was. */
static http_end attempt(client *c, http_connection *h, const client_request *r, const trying *t, size_t *node,
                        http_answer *answer, char why[HTTP_WHY])
{
    size_t round = t->failures / c->nodes.n;
    int64_t start = clock_mono_ns();
    bool doubtful;
    http_end end = HTTP_ANSWERED;

    *node = nodes_pick(&c->nodes, t->next, start, &doubtful);
    if (doubtful)
        end = probe(c, h, r, *node, round, t->end_ns, why);
    if (end == HTTP_ANSWERED)
        end = perform(c, h, r, *node, attempt_ms(c, r, round), t->end_ns, answer, why);
    if (end == HTTP_ANSWERED)
        nodes_answered(&c->nodes, *node, only_reads(r) ? clock_mono_ns() - start : 0);
    else if (end == HTTP_UNREACHABLE || end == HTTP_BROKEN || end == HTTP_LATE)
        nodes_struck(&c->nodes, *node, clock_mono_ns());
    return end;
}

/* A request that only reads was late: which nodes answer at all? Copies on the others are asked last from now on. */
static void look_around(client *c, http_connection *h, const client_request *r, const trying *t)
{
    client_request small = {.method = "GET", .path = AROUND_PATH, .limits = r->limits};
    around_list list = {0};

    for (size_t i = 0; i < c->nodes.n; i++) {
        char why[HTTP_WHY] = "";
        http_answer answer = {0};
        json_t *told = NULL;
        http_end end = perform(c, h, &small, i, least(nodes_probe_ms(0, c->timeout_ms), c->read_ms), t->end_ns, &answer, why);
        if (end == HTTP_CANCELLED)
            return;
        if (end == HTTP_ANSWERED) {
            parse(&answer, c->nodes.url[i], &told, NULL);
            free(answer.body);
            nodes_answered(&c->nodes, i, 0);
        }
        around_note(&list, told);
        json_decref(told);
    }
    around_set(&c->around, &list, clock_mono_ns());
    log_write(LOG_LEVEL_DEBUG, "opensearch", "%zu of %zu nodes answer", list.told, c->nodes.n);
}

/* Go to the next node; after a round of all of them, wait. False: no more attempts. */
static bool go_on(client *c, const client_request *r, trying *t, size_t node, cairn_error *err)
{
    size_t next = (node + 1) % c->nodes.n;
    int64_t pause = 0;

    t->failures++;
    t->next = next;
    atomic_compare_exchange_strong(&c->nodes.at, &node, next);
    if (c->nodes.n > 1)
        atomic_fetch_add(&c->fail_overs, 1);
    if (t->failures % c->nodes.n == 0) {
        size_t round = t->failures / c->nodes.n - 1;
        int64_t most = FIRST_PAUSE_MS << (round < 10 ? round : 10);
        most = most < LONGEST_PAUSE_MS ? most : LONGEST_PAUSE_MS;
        pause = most / 2 + (int64_t)(roll(c) % (uint64_t)(most / 2 + 1));
        if (pause < t->wait_s * 1000)
            pause = t->wait_s * 1000;
    }
    if (clock_mono_ns() + pause * 1000000 >= t->end_ns)
        return false;
    atomic_fetch_add(&c->retries, 1);
    if (pause_ms(c, pause, &r->limits))
        return true;
    cairn_fail(err, CAIRN_ECANCELLED, "stopped while waiting for the cluster");
    return false;
}

/* The request's own deadline leaves no time for another attempt. */
static cairn_status give_up(const char *node, cairn_error *err)
{
    return cairn_fail(err, CAIRN_ELIMIT,
                      "the time for this was up before %s, or another node, answered", node);
}

/* May the request be sent again after it ended so? */
static bool again(const client_request *r, http_end end)
{
    return end == HTTP_UNREACHABLE || ((end == HTTP_BROKEN || end == HTTP_LATE) && !r->once);
}

cairn_status client_call(client *c, const client_request *r, long *status, json_t **reply,
                         cairn_error *err)
{
    http_connection *h = borrow(c);
    trying t = {.end_ns = clock_mono_ns() + c->retry_ms * 1000000};
    bytes path, body; /* of the request as it is sent */
    cairn_status st = CAIRN_OK;

    bytes_init(&path, PATH_MOST);
    bytes_init(&body, CLIENT_REPLY_BYTES);
    *status = 0;
    *reply = NULL;
    if (!h)
        return cairn_fail(err, CAIRN_ENOMEM, "a connection to the cluster");
    if (r->limits.deadline_ns && r->limits.deadline_ns < t.end_ns)
        t.end_ns = r->limits.deadline_ns;
    t.next = atomic_load(&c->nodes.at);
    for (;;) {
        size_t node;
        http_answer answer;
        char why[HTTP_WHY] = "";
        client_request now;
        now = *r;
        st = only_reads(r) ? around_apply(&c->around, r, clock_mono_ns(), &now, &path, &body) : CAIRN_OK;
        if (st) {
            cairn_fail(err, st, "a request to the cluster");
            break;
        }
        http_end end = attempt(c, h, &now, &t, &node, &answer, why);
        bool retry = again(r, end);
        t.wait_s = 0;
        if (end == HTTP_LATE && c->nodes.n > 1 && only_reads(r))
            look_around(c, h, r, &t);
        if (end != HTTP_ANSWERED) {
            st = ended(end, c->nodes.url[node], why, err);
        } else {
            *status = answer.status;
            st = parse(&answer, c->nodes.url[node], reply, err);
            retry = st && !r->once;
            if (!st && too_much(answer.status)) {
                st = cairn_fail(err, CAIRN_EBUSY, "%s has too much to do (it answers %ld)",
                                c->nodes.url[node], answer.status);
                t.wait_s = answer.retry_after_s;
                /* 502 and 504 come from a proxy in between that may have passed the request on. */
                retry = !r->once || answer.status == 429 || answer.status == 503;
            }
            free(answer.body);
        }
        if (!st)
            break;
        json_decref(*reply);
        *reply = NULL;
        log_write(LOG_LEVEL_DEBUG, "opensearch", "%s%s", err ? err->text : "a request failed",
                  retry ? ", trying again" : "");
        if (!retry)
            break;
        if (!go_on(c, r, &t, node, err)) {
            if (client_is_cancelled(c, &r->limits))
                st = CAIRN_ECANCELLED;
            else if (t.end_ns == r->limits.deadline_ns)
                st = give_up(c->nodes.url[node], err);
            break;
        }
    }
    give_back(c, h);
    bytes_clear(&path);
    bytes_clear(&body);
    if (!st && (*status / 100 == 2 || *status == 404 || *status == 409))
        return CAIRN_OK;
    if (!st)
        st = client_refused(r->path, *status, *reply, err);
    json_decref(*reply);
    *reply = NULL;
    return st;
}

cairn_status client_json(client *c, const char *method, const char *path, json_t *body,
                         const client_limits *limits, long *status, json_t **reply,
                         cairn_error *err)
{
    client_request r = {.method = method, .path = path};
    cairn_status st;
    bytes b;

    bytes_init(&b, CLIENT_REPLY_BYTES);
    st = client_dump(&b, body, err);
    json_decref(body);
    if (limits)
        r.limits = *limits;
    r.body = b.data;
    r.len = b.len;
    if (!st)
        st = client_call(c, &r, status, reply, err);
    bytes_clear(&b);
    return st;
}
