/* rpc.c - the only file that touches the gRPC C core.
 *
 * Who owns what, by the core's rules (1.51):
 *   grpc_call            ours from the moment the "new call" event succeeds, until grpc_call_unref; unref of a
 *                        call that has not ended cancels it.
 *   call details         the slices are ours: grpc_call_details_destroy.
 *   metadata received    the array is ours (grpc_metadata_array_destroy), its keys and values belong to the
 *                        call and die with it.
 *   message received     the byte buffer is ours from the event on; NULL stands for "no more".
 *   message sent         the core takes the slices; the byte buffer stays ours and must outlive the event.
 *   trailing metadata    the core takes references of its own when the batch starts; ours are given back with
 *                        the event.
 *   status details       copied when the batch starts.
 *   a batch              exactly one event for it comes out of the queue, also when the call was cancelled; no
 *                        batch may start on a queue that was shut down.
 *
 * A call's life: one reference is held from the request for a new call to the event of its RECV_CLOSE batch,
 * which comes whatever happens; one more for each other batch under way, for a place in a lane and for each
 * rpc_ref. At zero everything is given back. At most one read and one write batch are under way.
 *
 * Threads: all of them wait on one completion queue, and the one that gets an event handles it, the handler
 * included, so that a search costs no further change of threads. A lane's bound keeps two of them free.
 *
 * Locks: `server.lock` (lanes, list of calls, stop) and `call.lock` (what is to be sent) are never held
 * together. Batches start under call.lock: the core only queues events meanwhile and never calls us. */
#include "server/grpc/rpc.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <grpc/byte_buffer_reader.h>
#include <grpc/grpc.h>
#include <grpc/grpc_security.h>
#include <grpc/support/alloc.h>
#include <grpc/support/log.h>
#include <grpc/support/time.h>

#include "base/clock.h"
#include "base/log.h"
#include "google/rpc/error_details.pb-c.h"
#include "google/rpc/status.pb-c.h"

/* ThreadSanitizer does not see the core's own locks, so it is told what passes from the thread that starts an
 * operation to the one that gets its event. */
#ifdef __SANITIZE_THREAD__
#include <sanitizer/tsan_interface.h>
#define HAND_OVER(op) __tsan_release(op)
#define TAKE_OVER(op) __tsan_acquire(op)
#else
#define HAND_OVER(op) ((void)0)
#define TAKE_OVER(op) ((void)0)
#endif

#define NS_PER_MS 1000000
#define NS_PER_S  1000000000
/* Requests for a new call that lie ready in the core; more calls wait inside it for their turn. */
#define REQUESTED 64
/* What may wait to be sent to one client beyond the message under way. */
#define UNSENT_MAX ((size_t)8 << 20)

/* What the core hands back with an event: a member of a call or of the server. */
typedef struct operation {
    void (*done)(void *owner, bool ok);
    void *owner;
} operation;

typedef struct outgoing {
    struct outgoing *next;
    grpc_byte_buffer *buffer;
    size_t bytes;
} outgoing;

struct rpc_call {
    rpc_server *server;
    const rpc_method *method;
    void *state, *identity;
    grpc_call *call;
    grpc_call_details details;
    grpc_metadata_array headers;
    operation new_op, read_op, write_op, close_op;
    int refs; /* atomic */
    grpc_byte_buffer *read; /* arrived, not yet handled */
    bool at_end;            /* what waits in the lane is the end of the client's stream */
    bool answered;          /* rpc_finish was called; under lock, set once */
    int close_flag;
    volatile sig_atomic_t over; /* atomic */
    int64_t started_ns;
    rpc_call *lane_next;
    rpc_call *prev, *next; /* the server's list; under server.lock */

    pthread_mutex_t lock;
    outgoing *unsent, **unsent_tail, *sending;
    size_t unsent_bytes;
    bool write_busy, headers_sent, status_sent;
    int64_t write_since_ns; /* atomic; of the write under way; 0: none */
    rpc_code code;
    char *text;           /* owned */
    grpc_slice detail;    /* google.rpc.Status; empty where the code says it all */
    grpc_metadata trailer;
};

typedef struct lane {
    size_t running, max_running, waiting, max_waiting;
    rpc_call *first, **tail;
} lane;

struct rpc_server {
    rpc_options options;
    grpc_server *server;
    grpc_completion_queue *queue;
    pthread_t *threads;
    size_t n_threads;
    bool started, stopped;
    operation shutdown_op;

    pthread_mutex_t lock;
    pthread_cond_t changed;
    lane lanes[RPC_LANES];
    rpc_call *calls;  /* all, also those requested and not yet come */
    size_t n_calls;
    bool shut;        /* the core has let go of every connection */
    const rpc_method **by_path; /* sorted */
    uint64_t active, served, refused; /* atomic */
    pthread_mutex_t tls_mutex;        /* of the rest */
    char *tls[3];                     /* certificate, key, CA of clients; PEM */
    bool tls_fresh;                   /* the core has not seen them yet */
};

static void request_call(rpc_server *s);
static void call_pump(rpc_call *c);

/* ---- the process ------------------------------------------------------------------------------- */

/* The core's own log goes where ours goes. What it calls an error is mostly a peer that misbehaves. */
static void core_log(gpr_log_func_args *args)
{
    log_write(args->severity == GPR_LOG_SEVERITY_ERROR ? LOG_LEVEL_INFO : LOG_LEVEL_DEBUG, "server",
              "grpc: %s", args->message);
}

static void core_init(void)
{
    gpr_set_log_function(core_log);
    grpc_init();
}

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

/* Holds c->lock, or nobody else knows c. */
static void drop_unsent(rpc_call *c)
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
    drop_unsent(c);
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

/* For one who found the call in the server's list, where it stands a moment longer than it lives. */
static bool try_ref(rpc_call *c)
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
    if (!c->headers_sent)
        ops[n++].op = GRPC_OP_SEND_INITIAL_METADATA;
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

static void write_done(void *owner, bool ok)
{
    rpc_call *c = owner;

    pthread_mutex_lock(&c->lock);
    outgoing_free(c->sending);
    c->sending = NULL;
    set_write(c, false);
    if (!ok)
        drop_unsent(c);
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
        drop_unsent(c); /* an error has no message */
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

const void *rpc_identity(const rpc_call *c)
{
    return c->identity;
}

void rpc_set_identity(rpc_call *c, void *identity)
{
    free(c->identity);
    c->identity = identity;
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

/* ---- receiving, and the lanes ------------------------------------------------------------------ */

static void start_read(rpc_call *c)
{
    grpc_op op = {.op = GRPC_OP_RECV_MESSAGE};

    op.data.recv_message.recv_message = &c->read;
    rpc_ref(c);
    HAND_OVER(&c->read_op);
    if (grpc_call_start_batch(c->call, &op, 1, &c->read_op, NULL) != GRPC_CALL_OK) {
        grpc_call_cancel(c->call, NULL);
        rpc_unref(c);
    }
}

static bool answered(rpc_call *c)
{
    bool yes;

    pthread_mutex_lock(&c->lock);
    yes = c->answered;
    pthread_mutex_unlock(&c->lock);
    return yes;
}

static rpc_decoded *decode_read(rpc_call *c)
{
    grpc_byte_buffer_reader reader;
    rpc_decoded *d = NULL;

    if (grpc_byte_buffer_reader_init(&reader, c->read)) {
        grpc_slice all = grpc_byte_buffer_reader_readall(&reader);
        d = rpc_decode(c->method->request, GRPC_SLICE_START_PTR(all), GRPC_SLICE_LENGTH(all));
        grpc_slice_unref(all);
        grpc_byte_buffer_reader_destroy(&reader);
    }
    grpc_byte_buffer_destroy(c->read);
    c->read = NULL;
    return d;
}

/* Let the handler have what has arrived. */
static void call_run(rpc_call *c)
{
    rpc_decoded *d;

    if (rpc_over(c) || answered(c))
        return;
    if (c->at_end) {
        c->method->end(c);
        return;
    }
    d = decode_read(c);
    if (!d) {
        rpc_finish_code(c, RPC_INVALID_ARGUMENT, "MALFORMED_MESSAGE",
                        "the request is no %s, or holds text that is not UTF-8",
                        c->method->request->name);
        return;
    }
    c->method->message(c, rpc_decoded_message(d));
    rpc_decoded_free(d);
    if (c->method->streams_in && !rpc_over(c) && !answered(c))
        start_read(c);
}

/* Takes over a reference. Runs c, or lets it wait for its lane; a thread that has run one call takes the
 * next that waits. */
static void lane_offer(rpc_call *c)
{
    rpc_server *s = c->server;
    enum rpc_lane which = c->at_end ? c->method->end_lane : c->method->lane;
    lane *l = &s->lanes[which];

    if (which == RPC_INLINE) {
        call_run(c);
        rpc_unref(c);
        return;
    }
    pthread_mutex_lock(&s->lock);
    if (l->running >= l->max_running) {
        bool room = l->waiting < l->max_waiting;
        if (room) {
            c->lane_next = NULL;
            *l->tail = c;
            l->tail = &c->lane_next;
            l->waiting++;
        }
        pthread_mutex_unlock(&s->lock);
        if (!room) {
            __atomic_add_fetch(&s->refused, 1, __ATOMIC_RELAXED);
            rpc_finish_code(c, RPC_RESOURCE_EXHAUSTED, "TOO_MANY_CALLS",
                            "the server has as much to do as it takes: try again");
            rpc_unref(c);
        }
        return;
    }
    l->running++;
    while (c) {
        pthread_mutex_unlock(&s->lock);
        call_run(c);
        rpc_unref(c);
        pthread_mutex_lock(&s->lock);
        c = l->first;
        if (c) {
            l->first = c->lane_next;
            if (!l->first)
                l->tail = &l->first;
            l->waiting--;
        }
    }
    l->running--;
    pthread_mutex_unlock(&s->lock);
}

static void read_done(void *owner, bool ok)
{
    rpc_call *c = owner;

    if (!ok || !c->read) {
        /* A stream that broke off also ends without a message: only a half-close is an end. */
        bool broken = !ok || grpc_call_failed_before_recv_message(c->call);
        if (c->method->streams_in && !broken) {
            c->at_end = true;
            lane_offer(c); /* with this batch's reference */
            return;
        }
        rpc_finish_code(c, RPC_INVALID_ARGUMENT, "NO_MESSAGE", "the request holds no message");
        rpc_unref(c);
        return;
    }
    lane_offer(c);
}

static void close_done(void *owner, bool ok)
{
    rpc_call *c = owner;
    rpc_server *s = c->server;
    rpc_code code;

    (void)ok;
    pthread_mutex_lock(&c->lock);
    if (c->close_flag || !c->answered)
        drop_unsent(c);
    code = c->close_flag || !c->answered ? RPC_CANCELLED : c->code;
    pthread_mutex_unlock(&c->lock);
    __atomic_store_n(&c->over, 1, __ATOMIC_RELAXED);
    if (c->method->closed)
        c->method->closed(c);
    if (s->options.finished)
        s->options.finished(s->options.ctx, c->method->path ? c->method : NULL, code,
                            clock_mono_ns() - c->started_ns);
    __atomic_sub_fetch(&s->active, 1, __ATOMIC_RELAXED);
    __atomic_add_fetch(&s->served, 1, __ATOMIC_RELAXED);
    rpc_unref(c);
}

/* ---- new calls --------------------------------------------------------------------------------- */

/* Stands for every method that does not exist. */
static const rpc_method no_method;

/* The order of grpc_slice_str_cmp: the shorter one first, then by bytes. */
static int compare_paths(const void *a, const void *b)
{
    const char *x = (*(const rpc_method *const *)a)->path, *y = (*(const rpc_method *const *)b)->path;
    size_t n = strlen(x), m = strlen(y);

    return n != m ? (n < m ? -1 : 1) : strcmp(x, y);
}

static const rpc_method *find_method(const rpc_server *s, grpc_slice path)
{
    size_t low = 0, high = s->options.n_methods;

    while (low < high) {
        size_t mid = (low + high) / 2;
        int order = grpc_slice_str_cmp(path, s->by_path[mid]->path);
        if (!order)
            return s->by_path[mid];
        if (order < 0)
            high = mid;
        else
            low = mid + 1;
    }
    return &no_method;
}

static void new_done(void *owner, bool ok)
{
    rpc_call *c = owner;
    rpc_server *s = c->server;
    grpc_op close = {.op = GRPC_OP_RECV_CLOSE_ON_SERVER};
    cairn_error err = {0};
    rpc_code code;

    if (!ok) { /* the server stops */
        rpc_unref(c);
        return;
    }
    request_call(s);
    c->started_ns = clock_mono_ns();
    c->method = find_method(s, c->details.method);
    close.data.recv_close_on_server.cancelled = &c->close_flag;
    __atomic_add_fetch(&s->active, 1, __ATOMIC_RELAXED);
    rpc_ref(c); /* for this function; the first one is now that of the close batch */
    HAND_OVER(&c->close_op);
    if (grpc_call_start_batch(c->call, &close, 1, &c->close_op, NULL) != GRPC_CALL_OK) {
        __atomic_sub_fetch(&s->active, 1, __ATOMIC_RELAXED);
        rpc_unref(c);
        rpc_unref(c);
        return;
    }
    if (__atomic_load_n(&s->active, __ATOMIC_RELAXED) > s->options.max_calls) {
        __atomic_add_fetch(&s->refused, 1, __ATOMIC_RELAXED);
        rpc_finish_code(c, RPC_RESOURCE_EXHAUSTED, "TOO_MANY_CALLS",
                        "the server has as many calls as it takes: try again");
    } else if (c->method == &no_method) {
        rpc_finish_code(c, RPC_UNIMPLEMENTED, "NO_SUCH_METHOD", "this server has no such method");
    } else if (s->options.admit &&
               (code = s->options.admit(s->options.ctx, c, c->method, &err)) != RPC_OK) {
        rpc_finish_code(c, code,
                        code == RPC_UNAUTHENTICATED      ? "NO_TOKEN"
                        : code == RPC_RESOURCE_EXHAUSTED ? "TOO_MANY_CALLS"
                                                         : "NOT_ALLOWED",
                        "%s", err.text);
    } else {
        start_read(c);
    }
    rpc_unref(c);
}

static void request_call(rpc_server *s)
{
    rpc_call *c = calloc(1, sizeof *c);

    if (!c) {
        log_write(LOG_LEVEL_ERROR, "server", "no memory for another call: fewer are taken at once");
        return;
    }
    c->server = s;
    c->method = &no_method;
    c->refs = 1;
    c->unsent_tail = &c->unsent;
    c->detail = grpc_empty_slice();
    c->new_op = (operation){new_done, c};
    c->read_op = (operation){read_done, c};
    c->write_op = (operation){write_done, c};
    c->close_op = (operation){close_done, c};
    pthread_mutex_init(&c->lock, NULL);
    grpc_call_details_init(&c->details);
    grpc_metadata_array_init(&c->headers);
    pthread_mutex_lock(&s->lock);
    c->next = s->calls;
    if (c->next)
        c->next->prev = c;
    s->calls = c;
    s->n_calls++;
    pthread_mutex_unlock(&s->lock);
    HAND_OVER(&c->new_op);
    if (grpc_server_request_call(s->server, &c->call, &c->details, &c->headers, s->queue, s->queue,
                                 &c->new_op) != GRPC_CALL_OK)
        rpc_unref(c);
}

/* ---- the server -------------------------------------------------------------------------------- */

/* Cancel calls whose client has taken nothing for too long. */
static void cut_stalled(rpc_server *s)
{
    int64_t now = clock_mono_ns();
    rpc_call *stalled[64];
    size_t n = 0;

    pthread_mutex_lock(&s->lock);
    for (rpc_call *c = s->calls; c && n < sizeof stalled / sizeof *stalled; c = c->next) {
        int64_t since = __atomic_load_n(&c->write_since_ns, __ATOMIC_RELAXED);
        if (!since || now - since < s->options.stall_ns || rpc_over(c))
            continue;
        if (try_ref(c))
            stalled[n++] = c;
    }
    pthread_mutex_unlock(&s->lock);
    for (size_t i = 0; i < n; i++) {
        grpc_call_cancel_with_status(stalled[i]->call, GRPC_STATUS_RESOURCE_EXHAUSTED,
                                     "the client takes nothing", NULL);
        rpc_unref(stalled[i]);
    }
}

static void *serve(void *arg)
{
    rpc_server *s = arg;

    for (;;) {
        gpr_timespec wake = gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC),
                                         gpr_time_from_millis(1000, GPR_TIMESPAN));
        grpc_event e = grpc_completion_queue_next(s->queue, wake, NULL);
        if (e.type == GRPC_QUEUE_SHUTDOWN)
            return NULL;
        if (e.type == GRPC_QUEUE_TIMEOUT) {
            cut_stalled(s);
            continue;
        }
        operation *op = e.tag;
        TAKE_OVER(op);
        op->done(op->owner, e.success != 0);
    }
}

static void set_defaults(rpc_options *o)
{
    for (size_t i = 0; i < RPC_LANES; i++) {
        o->running[i] = o->running[i] ? o->running[i] : 2;
        o->waiting[i] = o->waiting[i] ? o->waiting[i] : 256;
    }
    o->max_calls = o->max_calls ? o->max_calls : 4096;
    o->max_message_bytes = o->max_message_bytes ? o->max_message_bytes : (size_t)4 << 20;
    o->max_streams = o->max_streams ? o->max_streams : 256;
    o->stall_ns = o->stall_ns ? o->stall_ns : (int64_t)30 * NS_PER_S;
    o->handshake_ns = o->handshake_ns ? o->handshake_ns : (int64_t)10 * NS_PER_S;
    o->keepalive_ns = o->keepalive_ns ? o->keepalive_ns : (int64_t)60 * NS_PER_S;
    o->idle_ns = o->idle_ns ? o->idle_ns : (int64_t)600 * NS_PER_S;
}

static int milliseconds(int64_t ns)
{
    int64_t ms = ns / NS_PER_MS;

    return ms < 1 ? 1 : ms > INT32_MAX ? INT32_MAX : (int)ms;
}

static grpc_server *make_core_server(const rpc_options *o)
{
    /* A compressed message of a few kilobytes can unpack to gigabytes: only plain ones are taken. */
    const struct {
        const char *key;
        int value;
    } settings[] = {
        {GRPC_ARG_MAX_RECEIVE_MESSAGE_LENGTH, (int)o->max_message_bytes},
        {GRPC_ARG_MAX_SEND_MESSAGE_LENGTH, (int)o->max_message_bytes},
        {GRPC_ARG_MAX_CONCURRENT_STREAMS, (int)o->max_streams},
        {GRPC_ARG_MAX_METADATA_SIZE, 16 << 10},
        {GRPC_ARG_SERVER_HANDSHAKE_TIMEOUT_MS, milliseconds(o->handshake_ns)},
        {GRPC_ARG_KEEPALIVE_TIME_MS, milliseconds(o->keepalive_ns)},
        {GRPC_ARG_KEEPALIVE_TIMEOUT_MS, milliseconds(o->handshake_ns)},
        {GRPC_ARG_MAX_CONNECTION_IDLE_MS, milliseconds(o->idle_ns)},
        {GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, 10000},
        {GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1},
        {GRPC_ARG_ALLOW_REUSEPORT, 0},
        {GRPC_COMPRESSION_CHANNEL_ENABLED_ALGORITHMS_BITSET, 1 << GRPC_COMPRESS_NONE},
        {GRPC_ARG_ENABLE_CHANNELZ, 0},
    };
    grpc_arg args[sizeof settings / sizeof *settings];
    grpc_channel_args list = {sizeof args / sizeof *args, args};

    for (size_t i = 0; i < list.num_args; i++) {
        args[i].type = GRPC_ARG_INTEGER;
        args[i].key = (char *)settings[i].key;
        args[i].value.integer = settings[i].value;
    }
    return grpc_server_create(&list, NULL);
}

static void shutdown_done(void *owner, bool ok)
{
    rpc_server *s = owner;

    (void)ok;
    pthread_mutex_lock(&s->lock);
    s->shut = true;
    pthread_cond_broadcast(&s->changed);
    pthread_mutex_unlock(&s->lock);
}

cairn_status rpc_server_create(rpc_server **out, const rpc_options *options, cairn_error *err)
{
    rpc_server *s = calloc(1, sizeof *s);
    pthread_condattr_t monotonic;

    *out = NULL;
    if (!s)
        return cairn_fail(err, CAIRN_ENOMEM, "gRPC server");
    s->options = *options;
    set_defaults(&s->options);
    s->shutdown_op = (operation){shutdown_done, s};
    pthread_mutex_init(&s->lock, NULL);
    pthread_mutex_init(&s->tls_mutex, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&s->changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
    for (size_t i = 0; i < RPC_LANES; i++) {
        lane *l = &s->lanes[i];
        l->tail = &l->first;
        l->max_running = s->options.running[i];
        l->max_waiting = s->options.waiting[i];
    }
    s->n_threads = 2;
    for (size_t i = RPC_QUICK; i < RPC_LANES; i++)
        s->n_threads += s->options.running[i];
    core_init();
    s->server = make_core_server(&s->options);
    s->queue = grpc_completion_queue_create_for_next(NULL);
    grpc_server_register_completion_queue(s->server, s->queue, NULL);
    s->threads = calloc(s->n_threads, sizeof *s->threads);
    s->by_path = calloc(s->options.n_methods + 1, sizeof *s->by_path);
    if (!s->threads || !s->by_path) {
        rpc_server_destroy(s);
        return cairn_fail(err, CAIRN_ENOMEM, "gRPC server");
    }
    for (size_t i = 0; i < s->options.n_methods; i++)
        s->by_path[i] = &s->options.methods[i];
    qsort(s->by_path, s->options.n_methods, sizeof *s->by_path, compare_paths);
    *out = s;
    return CAIRN_OK;
}

/* Called by the core before each handshake. */
static grpc_ssl_certificate_config_reload_status give_files(
    void *ctx, grpc_ssl_server_certificate_config **config)
{
    rpc_server *s = ctx;
    grpc_ssl_certificate_config_reload_status st = GRPC_SSL_CERTIFICATE_CONFIG_RELOAD_UNCHANGED;

    pthread_mutex_lock(&s->tls_mutex);
    if (s->tls_fresh) {
        grpc_ssl_pem_key_cert_pair pair = {s->tls[1], s->tls[0]};
        /* Debian's core aborts without roots (an assertion its build leaves in); where no client is asked
         * for a certificate they serve for nothing, and our own certificate is one that parses. */
        *config = grpc_ssl_server_certificate_config_create(s->tls[2] ? s->tls[2] : s->tls[0], &pair, 1);
        st = *config ? GRPC_SSL_CERTIFICATE_CONFIG_RELOAD_NEW : GRPC_SSL_CERTIFICATE_CONFIG_RELOAD_FAIL;
        s->tls_fresh = false;
    }
    pthread_mutex_unlock(&s->tls_mutex);
    return st;
}

cairn_status rpc_server_reload(rpc_server *s, const rpc_tls *tls, cairn_error *err)
{
    const char *given[3] = {tls->certificate, tls->key, tls->client_ca};
    char *copies[3] = {0};
    bool whole = true;

    for (int i = 0; i < 3; i++)
        whole &= !given[i] || (copies[i] = strdup(given[i]));
    pthread_mutex_lock(&s->tls_mutex);
    for (int i = 0; whole && i < 3; i++) {
        char *old = s->tls[i];
        s->tls[i] = copies[i];
        copies[i] = old;
    }
    s->tls_fresh |= whole;
    pthread_mutex_unlock(&s->tls_mutex);
    for (int i = 0; i < 3; i++)
        free(copies[i]);
    return whole ? CAIRN_OK : cairn_fail(err, CAIRN_ENOMEM, "certificate");
}

cairn_status rpc_server_listen(rpc_server *s, const char *address, const rpc_tls *tls, int *port,
                               cairn_error *err)
{
    grpc_server_credentials *creds;
    int bound;

    if (tls) {
        cairn_status st = rpc_server_reload(s, tls, err);
        if (st)
            return st;
        /* The core owns the options from here, and asks for the files at each handshake. */
        creds = grpc_ssl_server_credentials_create_with_options(
            grpc_ssl_server_credentials_create_options_using_config_fetcher(
                tls->client_ca ? GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY
                               : GRPC_SSL_DONT_REQUEST_CLIENT_CERTIFICATE,
                give_files, s));
    } else {
        creds = grpc_insecure_server_credentials_create();
    }
    if (!creds)
        return cairn_fail(err, CAIRN_EINPUT, "gRPC on %s: the certificate or key cannot be used",
                          address);
    bound = grpc_server_add_http2_port(s->server, address, creds);
    grpc_server_credentials_release(creds);
    if (!bound)
        return cairn_fail(err, CAIRN_EIO,
                          "gRPC cannot listen on %s: is the address in use, or the certificate no "
                          "PEM text?",
                          address);
    if (port)
        *port = strncmp(address, "unix:", 5) ? bound : 0;
    return CAIRN_OK;
}

cairn_status rpc_server_start(rpc_server *s, cairn_error *err)
{
    size_t n = 0;

    grpc_server_start(s->server);
    s->started = true;
    for (; n < s->n_threads; n++)
        if (pthread_create(&s->threads[n], NULL, serve, s))
            break;
    if (n < s->n_threads) {
        s->n_threads = n;
        return cairn_fail(err, CAIRN_ENOMEM, "gRPC threads");
    }
    for (size_t i = 0; i < REQUESTED; i++)
        request_call(s);
    return CAIRN_OK;
}

/* Wait until the core has let go and no call is left, at most ns (< 0: for ever). */
static bool wait_empty(rpc_server *s, int64_t ns)
{
    int64_t until = clock_mono_ns() + (ns > 0 ? ns : 0);
    struct timespec at = {until / NS_PER_S, until % NS_PER_S};
    bool empty;

    pthread_mutex_lock(&s->lock);
    while (!s->shut || s->n_calls) {
        if (ns < 0)
            pthread_cond_wait(&s->changed, &s->lock);
        else if (pthread_cond_timedwait(&s->changed, &s->lock, &at))
            break;
    }
    empty = s->shut && !s->n_calls;
    pthread_mutex_unlock(&s->lock);
    return empty;
}

void rpc_server_stop(rpc_server *s, int64_t grace_ns)
{
    if (s->stopped)
        return;
    s->stopped = true;
    if (s->started && s->n_threads) {
        HAND_OVER(&s->shutdown_op);
        grpc_server_shutdown_and_notify(s->server, s->queue, &s->shutdown_op);
        if (!wait_empty(s, grace_ns > 0 ? grace_ns : 0)) {
            grpc_server_cancel_all_calls(s->server);
            wait_empty(s, -1);
        }
    }
    grpc_completion_queue_shutdown(s->queue);
    for (size_t i = 0; s->started && i < s->n_threads; i++)
        pthread_join(s->threads[i], NULL);
}

void rpc_server_destroy(rpc_server *s)
{
    if (!s)
        return;
    rpc_server_stop(s, 0);
    grpc_server_destroy(s->server);
    grpc_completion_queue_destroy(s->queue);
    grpc_shutdown_blocking();
    pthread_cond_destroy(&s->changed);
    pthread_mutex_destroy(&s->lock);
    pthread_mutex_destroy(&s->tls_mutex);
    for (int i = 0; i < 3; i++)
        free(s->tls[i]);
    free(s->threads);
    free(s->by_path);
    free(s);
}

size_t rpc_message_limit(const rpc_server *s)
{
    return s->options.max_message_bytes;
}

void rpc_server_counts(rpc_server *s, rpc_counts *out)
{
    *out = (rpc_counts){0};
    out->active = __atomic_load_n(&s->active, __ATOMIC_RELAXED);
    out->served = __atomic_load_n(&s->served, __ATOMIC_RELAXED);
    out->refused = __atomic_load_n(&s->refused, __ATOMIC_RELAXED);
    pthread_mutex_lock(&s->lock);
    for (size_t i = 0; i < RPC_LANES; i++)
        out->waiting += s->lanes[i].waiting;
    pthread_mutex_unlock(&s->lock);
}
