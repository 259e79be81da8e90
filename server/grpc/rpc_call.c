/* rpc_call.c - a call: its references, what is sent to the client, how it ends, what a handler may ask of it. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <grpc/grpc_security.h>
#include <grpc/support/alloc.h>

#include "base/clock.h"
#include "google/rpc/error_details.pb-c.h"
#include "google/rpc/status.pb-c.h"
#include "server/grpc/rpc_inside.h"

/* What may wait to be sent to one client beyond the message under way. */
#define UNSENT_MAX ((size_t)8 << 20)

/* ---- codes ------------------------------------------------------------------------------------- */

rpc_code rpc_code_of(cairn_status status)
{
    switch (status) {
    case CAIRN_OK:
        return RPC_OK;
    case CAIRN_ENOTFOUND:
        return RPC_NOT_FOUND;
    case CAIRN_EUSAGE:
    case CAIRN_EINPUT:
        return RPC_INVALID_ARGUMENT;
    case CAIRN_ECORRUPT:
        return RPC_DATA_LOSS;
    case CAIRN_EMODEL:
        return RPC_FAILED_PRECONDITION;
    case CAIRN_ENOMEM:
    case CAIRN_EFULL:
    case CAIRN_ELIMIT:
        return RPC_RESOURCE_EXHAUSTED;
    case CAIRN_EBUSY:
        return RPC_UNAVAILABLE;
    case CAIRN_ECANCELLED:
        return RPC_CANCELLED;
    case CAIRN_EUNSUPPORTED:
        return RPC_UNIMPLEMENTED;
    case CAIRN_EIO:
    case CAIRN_STATUS_COUNT:
        break;
    }
    return RPC_INTERNAL;
}

/* "not found" to "NOT_FOUND": the form that google.rpc.ErrorInfo asks of a reason. */
static void reason_of(cairn_status status, char *out, size_t cap)
{
    const char *name = cairn_status_name(status);
    size_t n = 0;

    for (; name[n] && n + 1 < cap; n++)
        out[n] = (char)(name[n] >= 'a' && name[n] <= 'z' ? name[n] - 32
                        : name[n] >= 'A' && name[n] <= 'Z' ? name[n]
                                                           : '_');
    out[n] = '\0';
}

/* google.rpc.Status{code, text, [ErrorInfo{reason, "cairn"}]}; the empty slice without memory. */
static grpc_slice pack_status(rpc_code code, const char *reason, const char *text)
{
    Google__Rpc__ErrorInfo info = GOOGLE__RPC__ERROR_INFO__INIT;
    Google__Protobuf__Any any = GOOGLE__PROTOBUF__ANY__INIT, *anys[] = {&any};
    Google__Rpc__Status status = GOOGLE__RPC__STATUS__INIT;
    uint8_t packed[512];
    grpc_slice slice;

    info.reason = (char *)reason;
    info.domain = (char *)"cairn";
    any.type_url = (char *)"type.googleapis.com/google.rpc.ErrorInfo";
    if (google__rpc__error_info__get_packed_size(&info) > sizeof packed)
        return grpc_empty_slice();
    any.value.len = google__rpc__error_info__pack(&info, packed);
    any.value.data = packed;
    status.code = (int32_t)code;
    status.message = (char *)text;
    status.n_details = 1;
    status.details = anys;
    slice = grpc_slice_malloc(google__rpc__status__get_packed_size(&status));
    google__rpc__status__pack(&status, GRPC_SLICE_START_PTR(slice));
    return slice;
}

static void outgoing_free(outgoing *o)
{
    if (!o)
        return;
    grpc_byte_buffer_destroy(o->buffer);
    free(o);
}

void rpc_drop_unsent(rpc_call *c)
{
    while (c->unsent) {
        outgoing *o = c->unsent;
        c->unsent = o->next;
        outgoing_free(o);
    }
    c->unsent_tail = &c->unsent;
    c->unsent_bytes = 0;
}

/* ---- references -------------------------------------------------------------------------------- */

static void call_destroy(rpc_call *c)
{
    rpc_server *s = c->server;

    if (c->method && c->method->destroy && c->state)
        c->method->destroy(c->state);
    if (c->read)
        grpc_byte_buffer_destroy(c->read);
    rpc_drop_unsent(c);
    outgoing_free(c->sending);
    grpc_metadata_array_destroy(&c->headers);
    grpc_call_details_destroy(&c->details);
    grpc_slice_unref(c->detail);
    if (c->call)
        grpc_call_unref(c->call);
    pthread_mutex_lock(&s->lock);
    if (c->prev)
        c->prev->next = c->next;
    else
        s->calls = c->next;
    if (c->next)
        c->next->prev = c->prev;
    s->n_calls--;
    pthread_cond_broadcast(&s->changed);
    pthread_mutex_unlock(&s->lock);
    pthread_mutex_destroy(&c->lock);
    free(c->identity);
    free(c->text);
    free(c);
}

void rpc_ref(rpc_call *c)
{
    __atomic_add_fetch(&c->refs, 1, __ATOMIC_RELAXED);
}

bool rpc_try_ref(rpc_call *c)
{
    int refs = __atomic_load_n(&c->refs, __ATOMIC_RELAXED);

    while (refs > 0)
        if (__atomic_compare_exchange_n(&c->refs, &refs, refs + 1, true, __ATOMIC_ACQ_REL,
                                        __ATOMIC_RELAXED))
            return true;
    return false;
}

void rpc_unref(rpc_call *c)
{
    if (__atomic_sub_fetch(&c->refs, 1, __ATOMIC_ACQ_REL) == 0)
        call_destroy(c);
}

bool rpc_over(const rpc_call *c)
{
    return __atomic_load_n(&c->over, __ATOMIC_RELAXED) != 0;
}

const volatile sig_atomic_t *rpc_cancel_flag(const rpc_call *c)
{
    return &c->over;
}

/* ---- sending ----------------------------------------------------------------------------------- */

static void set_write(rpc_call *c, bool busy)
{
    c->write_busy = busy;
    __atomic_store_n(&c->write_since_ns, busy ? clock_mono_ns() : 0, __ATOMIC_RELAXED);
}

/* Start what can be started: one batch with the headers, the next message and, behind the last message, the
 * status, as far as these are due. Holds c->lock. */
static void call_pump(rpc_call *c)
{
    grpc_op ops[3] = {0};
    size_t n = 0;
    grpc_slice text;
    bool more = c->unsent && (c->answered || c->method->streams_out);

    if (c->write_busy || c->status_sent || (!more && !c->answered))
        return;
    if (!c->headers_sent) {
        ops[n].op = GRPC_OP_SEND_INITIAL_METADATA;
        ops[n].data.send_initial_metadata.metadata = &c->id;
        ops[n++].data.send_initial_metadata.count = c->has_id;
    }
    if (c->unsent) {
        c->sending = c->unsent;
        c->unsent = c->sending->next;
        if (!c->unsent)
            c->unsent_tail = &c->unsent;
        c->unsent_bytes -= c->sending->bytes;
        ops[n].op = GRPC_OP_SEND_MESSAGE;
        ops[n++].data.send_message.send_message = c->sending->buffer;
    }
    text = grpc_slice_from_static_string(c->text ? c->text : "");
    if (!c->unsent && c->answered) {
        ops[n].op = GRPC_OP_SEND_STATUS_FROM_SERVER;
        ops[n].data.send_status_from_server.status = (grpc_status_code)c->code;
        ops[n].data.send_status_from_server.status_details = &text;
        if (GRPC_SLICE_LENGTH(c->detail)) {
            c->trailer.key = grpc_slice_from_static_string("grpc-status-details-bin");
            c->trailer.value = c->detail;
            ops[n].data.send_status_from_server.trailing_metadata = &c->trailer;
            ops[n].data.send_status_from_server.trailing_metadata_count = 1;
        }
        n++;
        c->status_sent = true;
    }
    c->headers_sent = true;
    rpc_ref(c);
    set_write(c, true);
    HAND_OVER(&c->write_op);
    if (grpc_call_start_batch(c->call, ops, n, &c->write_op, NULL) != GRPC_CALL_OK) {
        set_write(c, false);
        grpc_call_cancel(c->call, NULL);
        __atomic_sub_fetch(&c->refs, 1, __ATOMIC_RELAXED); /* the caller holds one */
    }
}

void rpc_write_done(void *owner, bool ok)
{
    rpc_call *c = owner;

    pthread_mutex_lock(&c->lock);
    outgoing_free(c->sending);
    c->sending = NULL;
    set_write(c, false);
    if (!ok)
        rpc_drop_unsent(c);
    call_pump(c);
    pthread_mutex_unlock(&c->lock);
    rpc_unref(c);
}

bool rpc_send(rpc_call *c, const ProtobufCMessage *message)
{
    size_t n = protobuf_c_message_get_packed_size(message);
    outgoing *o;
    grpc_slice slice;
    bool kept = false, slow;

    if (rpc_over(c))
        return false;
    if (n > c->server->options.max_message_bytes) {
        rpc_finish_code(c, RPC_RESOURCE_EXHAUSTED, "MESSAGE_TOO_LARGE",
                        "the answer of %zu bytes is more than a message may hold (%zu): ask for less", n,
                        c->server->options.max_message_bytes);
        return false;
    }
    o = calloc(1, sizeof *o);
    if (!o) {
        rpc_finish(c, CAIRN_ENOMEM, NULL);
        return false;
    }
    slice = grpc_slice_malloc(n);
    protobuf_c_message_pack(message, GRPC_SLICE_START_PTR(slice));
    o->buffer = grpc_raw_byte_buffer_create(&slice, 1);
    o->bytes = n;
    grpc_slice_unref(slice);
    pthread_mutex_lock(&c->lock);
    slow = c->unsent_bytes > UNSENT_MAX;
    if (!c->answered && !slow) {
        *c->unsent_tail = o;
        c->unsent_tail = &o->next;
        c->unsent_bytes += n;
        call_pump(c);
        kept = true;
    }
    pthread_mutex_unlock(&c->lock);
    if (kept)
        return true;
    outgoing_free(o);
    if (slow)
        grpc_call_cancel_with_status(c->call, GRPC_STATUS_RESOURCE_EXHAUSTED,
                                     "the client reads more slowly than it asks", NULL);
    return false;
}

/* Takes over text (malloced, may be NULL) and detail. */
static void finish(rpc_call *c, rpc_code code, char *text, grpc_slice detail)
{
    pthread_mutex_lock(&c->lock);
    if (c->answered) {
        pthread_mutex_unlock(&c->lock);
        free(text);
        grpc_slice_unref(detail);
        return;
    }
    if (code != RPC_OK && !c->method->streams_out)
        rpc_drop_unsent(c); /* an error has no message */
    c->answered = true;
    c->code = code;
    c->text = text;
    c->detail = detail;
    call_pump(c);
    pthread_mutex_unlock(&c->lock);
}

void rpc_finish(rpc_call *c, cairn_status status, const cairn_error *err)
{
    char reason[64];
    const char *text = err && err->text[0] ? err->text : cairn_status_name(status);

    if (status == CAIRN_OK) {
        finish(c, RPC_OK, NULL, grpc_empty_slice());
        return;
    }
    reason_of(status, reason, sizeof reason);
    finish(c, rpc_code_of(status), strdup(text), pack_status(rpc_code_of(status), reason, text));
}

void rpc_finish_code(rpc_call *c, rpc_code code, const char *reason, const char *fmt, ...)
{
    cairn_error err;
    va_list ap;
    char text[sizeof err.text];

    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    cairn_fail(&err, CAIRN_OK, "%s", text); /* no control characters, cut at a character */
    finish(c, code, strdup(err.text), pack_status(code, reason, err.text));
}

bool rpc_answered(rpc_call *c)
{
    bool yes;

    pthread_mutex_lock(&c->lock);
    yes = c->answered;
    pthread_mutex_unlock(&c->lock);
    return yes;
}

/* ---- what a handler may ask -------------------------------------------------------------------- */

void *rpc_ctx(const rpc_call *c)
{
    return c->server->options.ctx;
}

rpc_server *rpc_server_of(const rpc_call *c)
{
    return c->server;
}

const rpc_method *rpc_method_of(const rpc_call *c)
{
    return c->method;
}

void *rpc_state(const rpc_call *c)
{
    return c->state;
}

void rpc_set_state(rpc_call *c, void *state)
{
    c->state = state;
}

void *rpc_identity(const rpc_call *c)
{
    return c->identity;
}

void rpc_set_identity(rpc_call *c, void *identity)
{
    free(c->identity);
    c->identity = identity;
}

void rpc_set_request_id(rpc_call *c, const char *id)
{
    c->id.key = grpc_slice_from_static_string("x-request-id");
    c->id.value = grpc_slice_from_static_buffer(id, strlen(id));
    c->has_id = true;
}

bool rpc_header(const rpc_call *c, const char *name, char *buf, size_t cap)
{
    for (size_t i = 0; i < c->headers.count; i++) {
        const grpc_metadata *m = &c->headers.metadata[i];
        size_t n = GRPC_SLICE_LENGTH(m->value);
        if (grpc_slice_str_cmp(m->key, name))
            continue;
        if (n >= cap)
            return false;
        memcpy(buf, GRPC_SLICE_START_PTR(m->value), n);
        buf[n] = '\0';
        return true;
    }
    return false;
}

char *rpc_peer(const rpc_call *c)
{
    char *peer = grpc_call_get_peer(c->call), *copy = peer ? strdup(peer) : NULL;

    gpr_free(peer);
    return copy;
}

bool rpc_client_name(const rpc_call *c, char *buf, size_t cap)
{
    grpc_auth_context *auth = grpc_call_auth_context(c->call);
    grpc_auth_property_iterator it;
    const grpc_auth_property *p;
    bool found = false;

    if (!auth)
        return false;
    it = grpc_auth_context_find_properties_by_name(auth, GRPC_X509_CN_PROPERTY_NAME);
    p = grpc_auth_property_iterator_next(&it);
    if (p && p->value_length < cap && grpc_auth_context_peer_is_authenticated(auth)) {
        memcpy(buf, p->value, p->value_length);
        buf[p->value_length] = '\0';
        found = true;
    }
    grpc_auth_context_release(auth);
    return found;
}
