/* admin.c - cairn.v1.Admin: how the server and a collection are. */
#include "cairn/v1/admin.pb-c.h"
#include "engine/care.h"
#include "server/grpc/services.h"

#define FAILURES_MAX 1000

static void fill_failures(reply *r, Cairn__V1__StatusResponse *out, const cairn_status_info *info)
{
    size_t n = info->n_failed < FAILURES_MAX ? info->n_failed : FAILURES_MAX;
    Cairn__V1__Failure *all = reply_array(r, n, sizeof *all);
    Cairn__V1__Failure **list = reply_array(r, n, sizeof *list);

    if (r->failed)
        return;
    for (size_t i = 0; i < n; i++) {
        cairn__v1__failure__init(&all[i]);
        all[i].path = reply_text(r, info->failed[i].path);
        all[i].reason = reply_text(r, info->failed[i].reason);
        list[i] = &all[i];
    }
    out->failures = list;
    out->n_failures = n;
}

static void fill_model(reply *r, Cairn__V1__ModelStatus *out, const char *name, const char *path,
                       const char *note)
{
    cairn__v1__model_status__init(out);
    out->name = reply_text(r, name);
    out->path = reply_text(r, path);
    out->note = reply_text(r, note);
}

static void status(rpc_call *c, const ProtobufCMessage *request)
{
    const char *collection = ((const Cairn__V1__StatusRequest *)request)->collection;
    Cairn__V1__StatusResponse out = CAIRN__V1__STATUS_RESPONSE__INIT;
    Cairn__V1__ModelStatus embedder, generator;
    cairn_status_info info = {0};
    cairn_error err = {0};
    rpc_counts counts;
    cairn *handle;
    reply r;

    if (!need(c, collection, SERVICE_ADMIN) || !(handle = lend(c, collection)))
        return;
    if (give_back(c, handle, cairn_status_get(handle, &info, &err), &err)) {
        reply_init(&r);
        rpc_server_counts(rpc_server_of(c), &counts);
        out.version = reply_text(&r, info.version);
        out.collection = reply_text(&r, info.collection);
        out.cpu = reply_text(&r, info.cpu);
        out.threads = (uint32_t)info.n_threads;
        fill_model(&r, &embedder, info.embedder_name, info.embedder, info.embedder_note);
        fill_model(&r, &generator, info.generator_name, info.generator, info.generator_note);
        out.embedder = &embedder;
        out.generator = &generator;
        out.documents = info.documents;
        out.chunks = info.chunks;
        out.vectors = info.vectors;
        out.pending_vectors = info.pending_vectors;
        out.segments = info.segments;
        out.deleted_rows = info.deleted_rows;
        out.disk_bytes = info.disk_bytes;
        out.text_bytes = info.text_bytes;
        out.merge_due = info.merge_due;
        fill_failures(&r, &out, &info);
        out.calls_active = counts.active;
        out.calls_served = counts.served;
        reply_end(c, &r, &out.base);
    }
    cairn_status_clear(&info);
}

static const rpc_method methods[] = {
    {.path = "/cairn.v1.Admin/Status",
     .request = &cairn__v1__status_request__descriptor,
     .role = SERVICE_ADMIN,
     .lane = RPC_QUICK,
     .message = status},
};

const method_table admin_methods = METHODS(methods);
