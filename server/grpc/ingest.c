/* ingest.c - cairn.v1.Ingest: files in pieces, then one wait for the jobs that index them.
 *
 * A call's state is the file being received and the jobs of those that are complete. What is received is
 * written to disk piece by piece (service_upload); a call that breaks off leaves the files that were
 * complete and nothing of the one that was not. */
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "base/clock.h"
#include "cairn/v1/ingest.pb-c.h"
#include "server/grpc/jobs_wait.h"
#include "server/grpc/services.h"

#define FILES_MAX 1000
/* Bytes between two words of progress while receiving. */
#define RECEIVED_STEP ((uint64_t)1 << 20)

typedef struct sent_file {
    char *name;
    uint64_t job;
} sent_file;

typedef struct uploading {
    service_upload *current;
    char *collection;
    sent_file *files; /* complete, but the last one while `current` is open */
    size_t n;
    uint64_t received, told;
    int64_t began_ns;
} uploading;

static void upload_destroy(void *state)
{
    uploading *u = state;

    service_upload_abort(u->current);
    for (size_t i = 0; i < u->n; i++)
        free(u->files[i].name);
    free(u->files);
    free(u->collection);
    free(u);
}

static void tell_progress(rpc_call *c, const char *stage, uint64_t done, uint64_t total,
                          const char *current)
{
    Cairn__V1__UploadEvent event = CAIRN__V1__UPLOAD_EVENT__INIT;
    Cairn__V1__UploadProgress progress = CAIRN__V1__UPLOAD_PROGRESS__INIT;

    progress.stage = (char *)stage;
    progress.done = done;
    progress.total = total;
    progress.current = (char *)current;
    event.event_case = CAIRN__V1__UPLOAD_EVENT__EVENT_PROGRESS;
    event.progress = &progress;
    rpc_send(c, &event.base);
}

/* The state of this call, made with its first message; NULL, and the call finished, without memory. */
static uploading *state_of(rpc_call *c)
{
    uploading *u = rpc_state(c);

    if (u)
        return u;
    u = calloc(1, sizeof *u);
    if (!u) {
        rpc_finish(c, CAIRN_ENOMEM, NULL);
        return NULL;
    }
    u->began_ns = clock_mono_ns();
    rpc_set_state(c, u);
    return u;
}

static cairn_status finish_current(uploading *u, cairn_error *err)
{
    service_upload *current = u->current;

    if (!current)
        return CAIRN_OK;
    u->current = NULL;
    return service_upload_finish(current, &u->files[u->n - 1].job, err);
}

static cairn_status begin_file(rpc_call *c, uploading *u, const Cairn__V1__UploadFile *f, cairn_error *err)
{
    sent_file *grown;
    cairn_status st = finish_current(u, err);

    if (st)
        return st;
    if (u->collection && strcmp(u->collection, f->collection))
        return cairn_fail(err, CAIRN_EUSAGE, "one call uploads to one collection");
    if (u->n >= FILES_MAX)
        return cairn_fail(err, CAIRN_ELIMIT, "one call uploads %d files at most", FILES_MAX);
    grown = checked_realloc(u->files, u->n + 1, sizeof *grown);
    if (!grown)
        return cairn_fail(err, CAIRN_ENOMEM, "upload");
    u->files = grown;
    if (!u->collection)
        u->collection = strdup(f->collection);
    grown[u->n] = (sent_file){.name = strdup(f->name)};
    if (!u->collection || !grown[u->n].name) {
        free(grown[u->n].name);
        return cairn_fail(err, CAIRN_ENOMEM, "upload");
    }
    u->n++;
    return service_upload_begin(service_of(c), caller_of(c), f->collection, f->name, &u->current, err);
}

static cairn_status take_data(rpc_call *c, uploading *u, const ProtobufCBinaryData *data,
                              cairn_error *err)
{
    cairn_status st;

    if (!u->current)
        return cairn_fail(err, CAIRN_EUSAGE, "bytes came before the name of a file");
    st = service_upload_write(u->current, data->data, data->len, err);
    u->received += data->len;
    if (!st && u->received - u->told >= RECEIVED_STEP) {
        u->told = u->received;
        tell_progress(c, "receive", u->received, 0, u->files[u->n - 1].name);
    }
    return st;
}

static void upload(rpc_call *c, const ProtobufCMessage *request)
{
    const Cairn__V1__UploadRequest *q = (const Cairn__V1__UploadRequest *)request;
    uploading *u = state_of(c);
    cairn_error err = {0};
    cairn_status st;

    if (!u)
        return;
    switch (q->part_case) {
    case CAIRN__V1__UPLOAD_REQUEST__PART_FILE:
        if (!need(c, q->file->collection, SERVICE_WRITE))
            return;
        st = begin_file(c, u, q->file, &err);
        break;
    case CAIRN__V1__UPLOAD_REQUEST__PART_DATA:
        st = take_data(c, u, &q->data, &err);
        break;
    default:
        st = cairn_fail(&err, CAIRN_EUSAGE, "a message of an upload holds a file or data");
    }
    if (st)
        rpc_finish(c, st, &err);
}

typedef struct waiting {
    rpc_call *call;
    const char *name;
} waiting;

static void job_step(void *ctx, const service_job *job)
{
    waiting *w = ctx;

    if (job->state == SERVICE_JOB_RUNNING && *job->stage)
        tell_progress(w->call, job->stage, job->done, job->total, w->name);
}

static void add_failure(reply *r, Cairn__V1__UploadReport *out, const char *name, const char *reason)
{
    Cairn__V1__UploadFailure *f = reply_array(r, 1, sizeof *f);

    if (r->failed)
        return;
    cairn__v1__upload_failure__init(f);
    f->name = reply_text(r, name);
    f->reason = reply_bytes_text(r, reason, strlen(reason));
    out->failed[out->n_failed++] = f;
}

/* Wait for every file's job and count. False when the call is over. */
static bool wait_for_all(rpc_call *c, uploading *u, reply *r, Cairn__V1__UploadReport *out)
{
    for (size_t i = 0; i < u->n; i++) {
        waiting w = {c, u->files[i].name};
        service_job job = {0};
        cairn_error err = {0};
        cairn_status st = wait_for_job(c, u->files[i].job, job_step, &w, &job, &err);
        if (rpc_over(c))
            return false;
        if (st)
            add_failure(r, out, w.name, err.text);
        else if (job.failed)
            add_failure(r, out, w.name, job.problem);
        out->indexed += job.indexed;
        out->unchanged += job.unchanged;
        out->unread += st || (job.indexed + job.unchanged == 0);
        out->failed_inside += job.failed_inside;
        out->chunks += job.chunks;
        out->embedded += job.embedded;
    }
    return true;
}

static void upload_end(rpc_call *c)
{
    Cairn__V1__UploadEvent event = CAIRN__V1__UPLOAD_EVENT__INIT;
    Cairn__V1__UploadReport report = CAIRN__V1__UPLOAD_REPORT__INIT;
    uploading *u = state_of(c);
    cairn_error err = {0};
    cairn_status st = u ? finish_current(u, &err) : CAIRN_OK;
    reply r;

    if (!u)
        return;
    if (st) {
        rpc_finish(c, st, &err);
        return;
    }
    reply_init(&r);
    report.files = u->n;
    report.failed = reply_array(&r, u->n, sizeof *report.failed);
    if (!r.failed && !wait_for_all(c, u, &r, &report)) {
        reply_clear(&r);
        return;
    }
    report.seconds = (double)(clock_mono_ns() - u->began_ns) / 1e9;
    event.event_case = CAIRN__V1__UPLOAD_EVENT__EVENT_REPORT;
    event.report = &report;
    reply_end(c, &r, &event.base);
}

static const rpc_method methods[] = {
    {.path = "/cairn.v1.Ingest/Upload",
     .request = &cairn__v1__upload_request__descriptor,
     .role = SERVICE_WRITE,
     .lane = RPC_QUICK,
     .end_lane = RPC_WRITER,
     .streams_in = true,
     .streams_out = true,
     .message = upload,
     .end = upload_end,
     .destroy = upload_destroy},
};

const method_table ingest_methods = METHODS(methods);
