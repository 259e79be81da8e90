/* rpc_take.c - calls that come: who may make them, their messages, the lanes in which handlers run. */
#include <stdlib.h>
#include <string.h>

#include <grpc/byte_buffer_reader.h>

#include "base/clock.h"
#include "base/log.h"
#include "server/grpc/rpc_inside.h"

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

    if (rpc_over(c) || rpc_answered(c))
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
    if (c->server->options.asked)
        c->server->options.asked(c->server->options.ctx, c, rpc_decoded_message(d));
    c->method->message(c, rpc_decoded_message(d));
    rpc_decoded_free(d);
    if (c->method->streams_in && !rpc_over(c) && !rpc_answered(c))
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
    c->offered_ns = clock_mono_ns();
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
        if (s->options.waited)
            s->options.waited(s->options.ctx, which, clock_mono_ns() - c->offered_ns);
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
        rpc_drop_unsent(c);
    code = c->close_flag || !c->answered ? RPC_CANCELLED : c->code;
    pthread_mutex_unlock(&c->lock);
    __atomic_store_n(&c->over, 1, __ATOMIC_RELAXED);
    if (c->method->closed)
        c->method->closed(c);
    if (s->options.finished)
        s->options.finished(s->options.ctx, c, c->method->path ? c->method : NULL, code,
                            clock_mono_ns() - c->started_ns);
    __atomic_sub_fetch(&s->active, 1, __ATOMIC_RELAXED);
    __atomic_add_fetch(&s->served, 1, __ATOMIC_RELAXED);
    rpc_unref(c);
}

/* ---- new calls --------------------------------------------------------------------------------- */

/* Stands for every method that does not exist. */
static const rpc_method no_method;

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

/* Before the batch that waits for its end is under way: nobody else knows the call yet, so that what is found
 * out about the caller needs no lock. */
static rpc_code judge(rpc_call *c, const char **reason, cairn_error *err)
{
    rpc_server *s = c->server;
    rpc_code code;

    if (s->options.begun)
        s->options.begun(s->options.ctx, c);
    if (__atomic_load_n(&s->active, __ATOMIC_RELAXED) > s->options.max_calls) {
        __atomic_add_fetch(&s->refused, 1, __ATOMIC_RELAXED);
        *reason = "TOO_MANY_CALLS";
        cairn_fail(err, CAIRN_EBUSY, "the server has as many calls as it takes: try again");
        return RPC_RESOURCE_EXHAUSTED;
    }
    if (c->method == &no_method) {
        *reason = "NO_SUCH_METHOD";
        cairn_fail(err, CAIRN_ENOTFOUND, "this server has no such method");
        return RPC_UNIMPLEMENTED;
    }
    code = s->options.admit ? s->options.admit(s->options.ctx, c, c->method, err) : RPC_OK;
    *reason = code == RPC_UNAUTHENTICATED      ? "NO_TOKEN"
              : code == RPC_UNAVAILABLE        ? "BUSY"
              : code == RPC_RESOURCE_EXHAUSTED ? "TOO_MANY_CALLS"
                                               : "NOT_ALLOWED";
    return code;
}

static void new_done(void *owner, bool ok)
{
    rpc_call *c = owner;
    rpc_server *s = c->server;
    grpc_op close = {.op = GRPC_OP_RECV_CLOSE_ON_SERVER};
    cairn_error err = {0};
    const char *reason;
    rpc_code code;

    if (!ok) { /* the server stops */
        rpc_unref(c);
        return;
    }
    rpc_request_call(s);
    c->started_ns = clock_mono_ns();
    c->method = find_method(s, c->details.method);
    close.data.recv_close_on_server.cancelled = &c->close_flag;
    __atomic_add_fetch(&s->active, 1, __ATOMIC_RELAXED);
    code = judge(c, &reason, &err);
    rpc_ref(c); /* for this function; the first one is now that of the close batch */
    HAND_OVER(&c->close_op);
    if (grpc_call_start_batch(c->call, &close, 1, &c->close_op, NULL) != GRPC_CALL_OK) {
        __atomic_sub_fetch(&s->active, 1, __ATOMIC_RELAXED);
        rpc_unref(c);
        rpc_unref(c);
        return;
    }
    if (code != RPC_OK)
        rpc_finish_code(c, code, reason, "%s", err.text);
    else
        start_read(c);
    rpc_unref(c);
}

void rpc_request_call(rpc_server *s)
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
    c->write_op = (operation){rpc_write_done, c};
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
