/* rpc_inside.h - the inside of gRPC's calls, for the three files that touch the gRPC C core: rpc_call.c (a call:
 * references, sending, its end), rpc_take.c (calls that come, and the lanes), rpc.c (the server).
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
#ifndef CAIRN_SERVER_GRPC_RPC_INSIDE_H
#define CAIRN_SERVER_GRPC_RPC_INSIDE_H

#include <pthread.h>

#include <grpc/grpc.h>

#include "server/grpc/rpc.h"

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
    int64_t offered_ns; /* to its lane */
    rpc_call *prev, *next; /* the server's list; under server.lock */

    pthread_mutex_t lock;
    outgoing *unsent, **unsent_tail, *sending;
    size_t unsent_bytes;
    bool write_busy, headers_sent, status_sent;
    int64_t write_since_ns; /* atomic; of the write under way; 0: none */
    rpc_code code;
    char *text;           /* owned */
    grpc_slice detail;    /* google.rpc.Status; empty where the code says it all */
    grpc_metadata trailer, id;
    bool has_id;
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

/* ---- rpc_call.c ---- */

/* For one who found the call in the server's list, where it stands a moment longer than it lives. */
bool rpc_try_ref(rpc_call *c);
/* Send nothing more. Holds c->lock. */
void rpc_drop_unsent(rpc_call *c);
bool rpc_answered(rpc_call *c);
/* What a call's write_op does. */
void rpc_write_done(void *owner, bool ok);

/* ---- rpc_take.c ---- */

/* Be ready for one more new call. */
void rpc_request_call(rpc_server *s);

#endif
