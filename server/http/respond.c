/* respond.c - answers: JSON, text, errors in each API's shape, and streams of events.
 *
 * A stream is a buffer between the worker that writes and the listening thread that sends. When it is
 * empty its connection sleeps (suspended) and the next put wakes it. Lock: the stream's, around both
 * suspending and resuming, so that neither can overtake the other. */
#include <stdlib.h>
#include <string.h>

#include "base/stop.h"
#include "server/http/http.h"

#define STREAM_BYTES ((size_t)8 << 20) /* of a client that does not read */
#define BLOCK_BYTES  16384

/* ---- JSON ---- */

static char *dump(json_t *j)
{
    char *text = j ? json_dumps(j, JSON_COMPACT | JSON_REAL_PRECISION(9)) : NULL;

    json_decref(j);
    return text;
}

/* ---- whole answers ---- */

static void set_response(http_request *r, unsigned status, struct MHD_Response *response)
{
    if (r->response)
        MHD_destroy_response(r->response);
    r->response = response;
    r->status = status;
}

void respond_header(http_request *r, const char *name, const char *value)
{
    if (r->response)
        MHD_add_response_header(r->response, name, value);
}

void respond_text(http_request *r, unsigned status, const char *type, const char *text, size_t len)
{
    set_response(r, status,
                 MHD_create_response_from_buffer(len, (void *)(uintptr_t)text,
                                                 MHD_RESPMEM_MUST_COPY));
    respond_header(r, MHD_HTTP_HEADER_CONTENT_TYPE, type);
}

void respond_static(http_request *r, const char *type, const char *data, size_t len,
                    const char *etag)
{
    const char *have = request_header(r, "If-None-Match");

    if (etag && have && !strcmp(have, etag)) {
        respond_empty(r, MHD_HTTP_NOT_MODIFIED);
    } else {
        set_response(r, MHD_HTTP_OK,
                     MHD_create_response_from_buffer(len, (void *)(uintptr_t)data,
                                                     MHD_RESPMEM_PERSISTENT));
        respond_header(r, MHD_HTTP_HEADER_CONTENT_TYPE, type);
    }
    if (etag)
        respond_header(r, MHD_HTTP_HEADER_ETAG, etag);
}

void respond_empty(http_request *r, unsigned status)
{
    set_response(r, status, MHD_create_response_from_buffer(0, "", MHD_RESPMEM_PERSISTENT));
}

void respond_json(http_request *r, unsigned status, json_t *j)
{
    char *text = dump(j);

    if (!text) {
        respond_refusal(r, MHD_HTTP_INTERNAL_SERVER_ERROR, "making the answer failed");
        return;
    }
    if (r->captured) {
        free(*r->captured);
        *r->captured = text;
        r->status = status;
        return;
    }
    set_response(r, status,
                 MHD_create_response_from_buffer(strlen(text), text, MHD_RESPMEM_MUST_FREE));
    respond_header(r, MHD_HTTP_HEADER_CONTENT_TYPE, "application/json");
}

/* ---- errors ---- */

unsigned http_status_of(cairn_status st)
{
    switch (st) {
    case CAIRN_OK:
        return MHD_HTTP_OK;
    case CAIRN_ENOTFOUND:
        return MHD_HTTP_NOT_FOUND;
    case CAIRN_EUSAGE:
        return MHD_HTTP_BAD_REQUEST;
    case CAIRN_EINPUT:
        return MHD_HTTP_UNPROCESSABLE_CONTENT;
    case CAIRN_EMODEL:
    case CAIRN_EBUSY:
    case CAIRN_ENOMEM:
        return MHD_HTTP_SERVICE_UNAVAILABLE;
    case CAIRN_EFULL:
        return MHD_HTTP_INSUFFICIENT_STORAGE;
    case CAIRN_ELIMIT:
        return MHD_HTTP_CONTENT_TOO_LARGE;
    case CAIRN_ECANCELLED:
        return 499; /* the client closed the request */
    case CAIRN_EUNSUPPORTED:
        return MHD_HTTP_NOT_IMPLEMENTED;
    default:
        return MHD_HTTP_INTERNAL_SERVER_ERROR;
    }
}

static const char *openai_type(unsigned status)
{
    switch (status) {
    case MHD_HTTP_UNAUTHORIZED:
        return "authentication_error";
    case MHD_HTTP_FORBIDDEN:
        return "permission_error";
    case MHD_HTTP_TOO_MANY_REQUESTS:
        return "rate_limit_error";
    default:
        return status < 500 ? "invalid_request_error" : "server_error";
    }
}

static json_t *error_json(const http_request *r, unsigned status, const char *name,
                          const char *text)
{
    switch (r->shape) {
    case SHAPE_OPENAI:
        return json_pack("{s:{s:o,s:s,s:n,s:s}}", "error", "message", json_str(text), "type",
                         openai_type(status), "param", "code", name);
    case SHAPE_MCP:
        return json_pack("{s:s,s:n,s:{s:i,s:o}}", "jsonrpc", "2.0", "id", "error", "code", -32600,
                         "message", json_str(text));
    default:
        return json_pack("{s:{s:s,s:o,s:s}}", "error", "code", name, "message", json_str(text),
                         "request", r->id);
    }
}

static void respond_problem(http_request *r, unsigned status, const char *name, const char *text)
{
    respond_json(r, status, error_json(r, status, name, text));
    if (status == MHD_HTTP_SERVICE_UNAVAILABLE || status == MHD_HTTP_TOO_MANY_REQUESTS)
        respond_header(r, MHD_HTTP_HEADER_RETRY_AFTER, "1");
    if (status == MHD_HTTP_UNAUTHORIZED)
        respond_header(r, MHD_HTTP_HEADER_WWW_AUTHENTICATE, "Bearer realm=\"cairn\"");
}

void respond_error(http_request *r, cairn_status st, const cairn_error *err)
{
    respond_problem(r, http_status_of(st), cairn_status_name(st),
                    err && err->text[0] ? err->text : cairn_status_name(st));
}

bool request_args(http_request *r, const arg_field *fields, size_t n, void *out)
{
    cairn_error err = {0};
    cairn_status st = args_read(r->args, fields, n, true, out, &err);

    if (st)
        respond_error(r, st, &err);
    return !st;
}

void respond_refusal(http_request *r, unsigned status, const char *text)
{
    const char *name = status == MHD_HTTP_UNAUTHORIZED        ? "unauthorised"
                       : status == MHD_HTTP_FORBIDDEN         ? "forbidden"
                       : status == MHD_HTTP_NOT_FOUND         ? "not found"
                       : status == MHD_HTTP_TOO_MANY_REQUESTS ? "rate"
                                                              : "refused";

    respond_problem(r, status, name, text);
}

/* ---- streams ---- */

struct http_stream {
    pthread_mutex_t mutex;
    http_request *r; /* held while the worker writes and while the response lives */
    bytes data;
    size_t sent; /* bytes of data */
    bool ended, sleeping, broken;
};

static void reclaim(http_stream *s)
{
    if (s->sent < s->data.len)
        return;
    bytes_reset(&s->data);
    s->sent = 0;
}

/* libmicrohttpd wants more bytes. */
static ssize_t send_some(void *ctx, uint64_t pos, char *out, size_t max)
{
    http_stream *s = ctx;
    ssize_t n = 0;

    (void)pos;
    pthread_mutex_lock(&s->mutex);
    if (s->sent < s->data.len) {
        size_t left = s->data.len - s->sent;
        n = (ssize_t)(left < max ? left : max);
        memcpy(out, s->data.data + s->sent, (size_t)n);
        s->sent += (size_t)n;
        reclaim(s);
    } else if (s->broken) {
        n = MHD_CONTENT_READER_END_WITH_ERROR;
    } else if (s->ended) {
        n = MHD_CONTENT_READER_END_OF_STREAM;
    } else {
        s->sleeping = true;
        MHD_suspend_connection(s->r->connection);
    }
    pthread_mutex_unlock(&s->mutex);
    return n;
}

bool stream_begin(http_request *r)
{
    http_stream *s = calloc(1, sizeof *s);
    struct MHD_Response *response;

    if (!s)
        return false;
    pthread_mutex_init(&s->mutex, NULL);
    bytes_init(&s->data, STREAM_BYTES);
    s->r = r;
    response = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, BLOCK_BYTES, send_some, s, NULL);
    if (!response) {
        stream_drop(s);
        return false;
    }
    set_response(r, MHD_HTTP_OK, response);
    respond_header(r, MHD_HTTP_HEADER_CONTENT_TYPE, "text/event-stream");
    respond_header(r, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
    respond_header(r, "X-Accel-Buffering", "no");
    r->stream = s;
    request_answered(r);
    return true;
}

static void wake(http_stream *s)
{
    if (!s->sleeping)
        return;
    s->sleeping = false;
    request_resume(s->r);
}

bool stream_put_text(http_request *r, const char *text)
{
    http_stream *s = r->stream;
    bool ok;

    pthread_mutex_lock(&s->mutex);
    ok = !stop_raised(&r->cancel) && !s->broken && !bytes_append_str(&s->data, text);
    if (!ok) {
        stop_raise(&r->cancel);
        s->broken = true;
    }
    wake(s);
    pthread_mutex_unlock(&s->mutex);
    return ok;
}

bool stream_put(http_request *r, const char *event, json_t *j)
{
    char *text = dump(j);
    bytes line;
    bool ok = false;

    bytes_init(&line, STREAM_BYTES);
    if (text && !(event ? bytes_printf(&line, "event: %s\n", event) : CAIRN_OK) &&
        !bytes_append_str(&line, "data: ") && !bytes_append_str(&line, text) &&
        !bytes_append_str(&line, "\n\n"))
        ok = stream_put_text(r, line.data);
    bytes_clear(&line);
    free(text);
    return ok;
}

void stream_error(http_request *r, cairn_status st, const cairn_error *err)
{
    stream_put(r, r->shape == SHAPE_API ? "error" : NULL,
               error_json(r, http_status_of(st), cairn_status_name(st),
                          err && err->text[0] ? err->text : cairn_status_name(st)));
}

void stream_end(http_request *r)
{
    http_stream *s = r->stream;

    pthread_mutex_lock(&s->mutex);
    s->ended = true;
    wake(s);
    pthread_mutex_unlock(&s->mutex);
}

void stream_drop(http_stream *s)
{
    if (!s)
        return;
    bytes_clear(&s->data);
    pthread_mutex_destroy(&s->mutex);
    free(s);
}
