/* decode.c - request bytes to a message, with bounded memory.
 *
 * A few bytes of a message can stand for many of memory (an empty message in a repeated field is two bytes
 * on the wire and a structure and a pointer here), so everything protobuf-c allocates comes from an arena
 * with a maximum. protobuf-c checks lengths and tags but not that text is UTF-8; proto3 demands it, and the
 * engine relies on it, so the decoded message is walked once. Its depth is that of the type: no request
 * type of Cairn contains itself. */
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/utf8.h"
#include "server/grpc/rpc.h"

#define DECODE_MAX ((size_t)64 << 20)

struct rpc_decoded {
    arena memory;
    ProtobufCAllocator allocator;
    ProtobufCMessage *message;
};

static void *decode_alloc(void *ctx, size_t n)
{
    return arena_alloc(ctx, n ? n : 1);
}

static void decode_free(void *ctx, void *p)
{
    (void)ctx;
    (void)p; /* the arena goes as a whole */
}

static bool text_is_valid(const ProtobufCMessage *m);

/* One value of a field that is present. */
static bool value_is_valid(const ProtobufCFieldDescriptor *f, const void *value)
{
    if (f->type == PROTOBUF_C_TYPE_STRING) {
        const char *s = *(char *const *)value;
        return !s || utf8_valid(s, strlen(s));
    }
    if (f->type == PROTOBUF_C_TYPE_MESSAGE) {
        const ProtobufCMessage *m = *(ProtobufCMessage *const *)value;
        return !m || text_is_valid(m);
    }
    return true;
}

static bool text_is_valid(const ProtobufCMessage *m)
{
    const uint8_t *base = (const uint8_t *)m;

    for (unsigned i = 0; i < m->descriptor->n_fields; i++) {
        const ProtobufCFieldDescriptor *f = &m->descriptor->fields[i];
        if (f->type != PROTOBUF_C_TYPE_STRING && f->type != PROTOBUF_C_TYPE_MESSAGE)
            continue;
        if (f->label == PROTOBUF_C_LABEL_REPEATED) {
            size_t n = *(const size_t *)(base + f->quantifier_offset);
            const void *const *values = *(const void *const *const *)(base + f->offset);
            for (size_t k = 0; k < n; k++)
                if (!value_is_valid(f, &values[k]))
                    return false;
            continue;
        }
        if ((f->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) &&
            *(const uint32_t *)(base + f->quantifier_offset) != f->id)
            continue; /* another member of the union is set */
        if (!value_is_valid(f, base + f->offset))
            return false;
    }
    return true;
}

rpc_decoded *rpc_decode(const ProtobufCMessageDescriptor *type, const uint8_t *data, size_t len)
{
    static const uint8_t nothing[1];
    rpc_decoded *d = calloc(1, sizeof *d);

    if (!d)
        return NULL;
    arena_init(&d->memory, DECODE_MAX);
    d->allocator = (ProtobufCAllocator){decode_alloc, decode_free, &d->memory};
    d->message = protobuf_c_message_unpack(type, &d->allocator, len, data ? data : nothing);
    if (!d->message || !text_is_valid(d->message)) {
        rpc_decoded_free(d);
        return NULL;
    }
    return d;
}

const ProtobufCMessage *rpc_decoded_message(const rpc_decoded *d)
{
    return d->message;
}

void rpc_decoded_free(rpc_decoded *d)
{
    if (!d)
        return;
    arena_clear(&d->memory);
    free(d);
}
