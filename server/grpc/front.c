/* front.c - what the handlers stand on: who calls, handles lent, replies built. */
#include "server/grpc/services.h"

#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"

front *front_of(const rpc_call *c)
{
    return rpc_ctx(c);
}

service *service_of(const rpc_call *c)
{
    return front_of(c)->s;
}

const service_caller *caller_of(const rpc_call *c)
{
    const asker *a = rpc_identity(c);

    return &a->who;
}

bool need(rpc_call *c, const char *collection, service_role role)
{
    const char *name = collection && *collection ? collection
                                                 : service_default_collection(service_of(c));
    cairn_error err = {0};

    if (!service_need(caller_of(c), name, role, &err))
        return true;
    rpc_finish_code(c, RPC_PERMISSION_DENIED, "NOT_ALLOWED", "%s", err.text);
    return false;
}

cairn *lend(rpc_call *c, const char *collection)
{
    cairn_error err = {0};
    cairn_status st;
    cairn *handle;

    if (!need(c, collection, SERVICE_READ))
        return NULL;
    st = service_acquire(service_of(c), caller_of(c), collection, &handle, &err);
    if (st)
        rpc_finish(c, st, &err);
    return st ? NULL : handle;
}

bool give_back(rpc_call *c, cairn *handle, cairn_status st, const cairn_error *err)
{
    if (st == CAIRN_ECORRUPT || st == CAIRN_EIO || st == CAIRN_EUNSUPPORTED)
        service_discard(service_of(c), handle);
    else
        service_release(service_of(c), handle);
    if (st)
        rpc_finish(c, st, err);
    return !st;
}

void reply_init(reply *r)
{
    arena_init(&r->memory, REPLY_MAX);
    r->failed = false;
}

void reply_clear(reply *r)
{
    arena_clear(&r->memory);
}

void *reply_array(reply *r, size_t n, size_t size)
{
    void *p = arena_calloc(&r->memory, n ? n : 1, size);

    r->failed |= !p;
    return p;
}

char *reply_bytes_text(reply *r, const char *s, size_t len)
{
    char *copy;
    bytes clean;

    if (utf8_valid(s, len)) {
        copy = arena_strndup(&r->memory, s, len);
    } else {
        bytes_init(&clean, REPLY_MAX);
        copy = utf8_sanitize(&clean, s, len) ? NULL
                                             : arena_strndup(&r->memory, clean.data, clean.len);
        bytes_clear(&clean);
    }
    r->failed |= !copy;
    return copy ? copy : (char *)protobuf_c_empty_string;
}

char *reply_text(reply *r, const char *s)
{
    size_t len = s ? strlen(s) : 0;

    if (!len)
        return (char *)protobuf_c_empty_string;
    return utf8_valid(s, len) ? (char *)s : reply_bytes_text(r, s, len);
}

bool reply_send(rpc_call *c, const reply *r, const ProtobufCMessage *m)
{
    if (!r->failed)
        return rpc_send(c, m);
    rpc_finish_code(c, RPC_RESOURCE_EXHAUSTED, "OUT_OF_MEMORY",
                    "the answer takes more memory than one call may: ask for less");
    return false;
}

void reply_end(rpc_call *c, reply *r, const ProtobufCMessage *m)
{
    if (reply_send(c, r, m))
        rpc_finish(c, CAIRN_OK, NULL);
    reply_clear(r);
}
