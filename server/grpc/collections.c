/* collections.c - cairn.v1.Collections: what there is to search. */
#include <string.h>

#include "cairn/v1/collections.pb-c.h"
#include "engine/care.h"
#include "server/grpc/services.h"

typedef struct name_list {
    rpc_call *call;
    reply *r;
    char **names;
    size_t n, cap;
} name_list;

static bool add_name(void *ctx, const char *name)
{
    name_list *l = ctx;

    if (service_need(caller_of(l->call), name, SERVICE_READ, NULL))
        return true; /* not for this caller's eyes */
    if (l->n == l->cap) {
        size_t cap = l->cap ? 2 * l->cap : 16;
        char **grown = reply_array(l->r, cap, sizeof *grown);
        if (l->r->failed)
            return false;
        if (l->n)
            memcpy(grown, l->names, l->n * sizeof *grown);
        l->names = grown;
        l->cap = cap;
    }
    l->names[l->n++] = reply_bytes_text(l->r, name, strlen(name));
    return !l->r->failed;
}

static void list(rpc_call *c, const ProtobufCMessage *request)
{
    Cairn__V1__ListCollectionsResponse out = CAIRN__V1__LIST_COLLECTIONS_RESPONSE__INIT;
    cairn_error err = {0};
    cairn_status st;
    reply r;
    name_list l = {.call = c, .r = &r};

    (void)request;
    reply_init(&r);
    st = service_each_collection(service_of(c), add_name, &l, &err);
    if (st) {
        rpc_finish(c, st, &err);
        reply_clear(&r);
        return;
    }
    out.names = l.names;
    out.n_names = l.n;
    reply_end(c, &r, &out.base);
}

static void send_info(rpc_call *c, const char *name)
{
    Cairn__V1__Collection out = CAIRN__V1__COLLECTION__INIT;
    cairn_status_info info = {0};
    cairn_error err = {0};
    cairn *handle = lend(c, name);
    reply r;

    if (!handle)
        return;
    if (give_back(c, handle, cairn_status_get(handle, &info, &err), &err)) {
        reply_init(&r);
        out.name = reply_text(&r, info.collection);
        out.documents = info.documents;
        out.chunks = info.chunks;
        out.vectors = info.vectors;
        out.pending_vectors = info.pending_vectors;
        out.failures = info.failures;
        out.segments = info.segments;
        out.disk_bytes = info.disk_bytes;
        out.text_bytes = info.text_bytes;
        reply_end(c, &r, &out.base);
    }
    cairn_status_clear(&info);
}

static void info(rpc_call *c, const ProtobufCMessage *request)
{
    send_info(c, ((const Cairn__V1__CollectionInfoRequest *)request)->name);
}

static void create(rpc_call *c, const ProtobufCMessage *request)
{
    const char *name = ((const Cairn__V1__CreateCollectionRequest *)request)->name;
    cairn_error err = {0};
    cairn_status st;

    if (!need(c, name, SERVICE_ADMIN))
        return;
    st = service_create_collection(service_of(c), name, &err);
    if (st)
        rpc_finish(c, st, &err);
    else
        send_info(c, name);
}

static void drop(rpc_call *c, const ProtobufCMessage *request)
{
    const char *name = ((const Cairn__V1__DeleteCollectionRequest *)request)->name;
    Cairn__V1__DeleteCollectionResponse out = CAIRN__V1__DELETE_COLLECTION_RESPONSE__INIT;
    cairn_error err = {0};
    cairn_status st;

    if (!need(c, name, SERVICE_ADMIN))
        return;
    st = service_drop_collection(service_of(c), name, &err);
    if (!st)
        rpc_send(c, &out.base);
    rpc_finish(c, st, &err);
}

static const rpc_method methods[] = {
    {.path = "/cairn.v1.Collections/List",
     .request = &cairn__v1__list_collections_request__descriptor,
     .role = SERVICE_READ,
     .lane = RPC_QUICK,
     .message = list},
    {.path = "/cairn.v1.Collections/Info",
     .request = &cairn__v1__collection_info_request__descriptor,
     .role = SERVICE_READ,
     .lane = RPC_QUICK,
     .message = info},
    {.path = "/cairn.v1.Collections/Create",
     .request = &cairn__v1__create_collection_request__descriptor,
     .role = SERVICE_ADMIN,
     .lane = RPC_QUICK,
     .message = create},
    {.path = "/cairn.v1.Collections/Delete",
     .request = &cairn__v1__delete_collection_request__descriptor,
     .role = SERVICE_ADMIN,
     .lane = RPC_WRITER,
     .message = drop},
};

const method_table collections_methods = METHODS(methods);
