/* reflection.c - grpc.reflection.v1 and v1alpha: what services there are, so that grpcurl and its like need
 * no .proto files.
 *
 * The descriptors were compiled in (server/proto/descriptors.h), a file each. A file is sent with all it
 * imports, those first, because clients build them in the order they come.
 *
 * The two versions of the protocol are one message with two names: same fields, same numbers. Requests are
 * read and answers written as v1 for both. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "google/protobuf/descriptor.pb-c.h"
#include "grpc/reflection/v1/reflection.pb-c.h"
#include "server/grpc/services.h"
#include "server/proto/descriptors.h"

typedef Google__Protobuf__FileDescriptorProto descriptor_file;
typedef Google__Protobuf__DescriptorProto descriptor_message;
typedef Grpc__Reflection__V1__ServerReflectionRequest reflection_request;
typedef Grpc__Reflection__V1__ServerReflectionResponse reflection_response;

typedef struct known_file {
    Google__Protobuf__FileDescriptorSet *set; /* of this one file */
    descriptor_file *file;                    /* in it */
    uint8_t *packed;
    size_t len;
} known_file;

struct reflection {
    known_file *files;
    size_t n_files;
    char **services; /* full names */
    size_t n_services;
};

void reflection_destroy(reflection *r)
{
    if (!r)
        return;
    for (size_t i = 0; i < r->n_files; i++) {
        google__protobuf__file_descriptor_set__free_unpacked(r->files[i].set, NULL);
        free(r->files[i].packed);
    }
    for (size_t i = 0; i < r->n_services; i++)
        free(r->services[i]);
    free(r->services);
    free(r->files);
    free(r);
}

static bool is_served(const descriptor_file *f)
{
    return !strncmp(f->package, "cairn.", 6) || !strncmp(f->package, "grpc.", 5);
}

static cairn_status note_services(reflection *r, const descriptor_file *f, cairn_error *err)
{
    for (size_t i = 0; is_served(f) && i < f->n_service; i++) {
        char **grown = realloc(r->services, (r->n_services + 1) * sizeof *grown);
        if (!grown)
            return cairn_fail(err, CAIRN_ENOMEM, "descriptors");
        r->services = grown;
        if (asprintf(&grown[r->n_services], "%s.%s", f->package, f->service[i]->name) < 0)
            return cairn_fail(err, CAIRN_ENOMEM, "descriptors");
        r->n_services++;
    }
    return CAIRN_OK;
}

static cairn_status add_file(reflection *r, const proto_descriptor *d, cairn_error *err)
{
    known_file *k = &r->files[r->n_files];

    k->set = google__protobuf__file_descriptor_set__unpack(NULL, d->len, d->set);
    r->n_files++;
    if (!k->set || k->set->n_file != 1)
        return cairn_fail(err, CAIRN_ECORRUPT, "a descriptor compiled in cannot be read");
    k->file = k->set->file[0];
    k->len = google__protobuf__file_descriptor_proto__get_packed_size(k->file);
    k->packed = malloc(k->len);
    if (!k->packed)
        return cairn_fail(err, CAIRN_ENOMEM, "descriptors");
    google__protobuf__file_descriptor_proto__pack(k->file, k->packed);
    return note_services(r, k->file, err);
}

cairn_status reflection_create(reflection **out, cairn_error *err)
{
    reflection *r = calloc(1, sizeof *r);
    size_t n = 0;
    cairn_status st = CAIRN_OK;

    *out = NULL;
    while (proto_descriptors[n].set)
        n++;
    if (r)
        r->files = calloc(n, sizeof *r->files);
    if (!r || !r->files)
        st = cairn_fail(err, CAIRN_ENOMEM, "descriptors");
    for (size_t i = 0; !st && i < n; i++)
        st = add_file(r, &proto_descriptors[i], err);
    if (st)
        reflection_destroy(r);
    else
        *out = r;
    return st;
}

bool reflection_has_service(const reflection *r, const char *name)
{
    for (size_t i = 0; i < r->n_services; i++)
        if (!strcmp(r->services[i], name))
            return true;
    return false;
}

/* ---- finding ----------------------------------------------------------------------------------- */

static const known_file *file_by_name(const reflection *r, const char *name)
{
    for (size_t i = 0; i < r->n_files; i++)
        if (!strcmp(r->files[i].file->name, name))
            return &r->files[i];
    return NULL;
}

/* `symbol` is `name`, or something inside it: gives what stands behind the dot, "" for itself. */
static const char *inside(const char *symbol, const char *name)
{
    size_t n = strlen(name);

    if (!n || strncmp(symbol, name, n) || (symbol[n] && symbol[n] != '.'))
        return NULL;
    return symbol[n] ? symbol + n + 1 : symbol + n;
}

static bool message_holds(const descriptor_message *m, const char *symbol)
{
    const char *rest = inside(symbol, m->name);

    if (!rest)
        return false;
    if (!*rest)
        return true;
    for (size_t i = 0; i < m->n_field; i++)
        if (!strcmp(rest, m->field[i]->name))
            return true;
    for (size_t i = 0; i < m->n_enum_type; i++)
        if (!strcmp(rest, m->enum_type[i]->name))
            return true;
    for (size_t i = 0; i < m->n_nested_type; i++)
        if (message_holds(m->nested_type[i], rest))
            return true;
    return false;
}

static bool service_holds(const Google__Protobuf__ServiceDescriptorProto *s, const char *symbol)
{
    const char *rest = inside(symbol, s->name);

    if (!rest || !*rest)
        return rest != NULL;
    for (size_t i = 0; i < s->n_method; i++)
        if (!strcmp(rest, s->method[i]->name))
            return true;
    return false;
}

static bool file_holds(const descriptor_file *f, const char *symbol)
{
    const char *rest = inside(symbol, f->package);

    if (!rest || !*rest)
        return false;
    for (size_t i = 0; i < f->n_message_type; i++)
        if (message_holds(f->message_type[i], rest))
            return true;
    for (size_t i = 0; i < f->n_enum_type; i++)
        if (!strcmp(rest, f->enum_type[i]->name))
            return true;
    for (size_t i = 0; i < f->n_service; i++)
        if (service_holds(f->service[i], rest))
            return true;
    return false;
}

static const known_file *file_by_symbol(const reflection *r, const char *symbol)
{
    for (size_t i = 0; i < r->n_files; i++)
        if (file_holds(r->files[i].file, symbol))
            return &r->files[i];
    return NULL;
}

/* ---- answering --------------------------------------------------------------------------------- */

/* k with everything it imports, each once, imports first. `list` has room for all files. */
static void collect(const reflection *r, const known_file *k, ProtobufCBinaryData *list, size_t *n)
{
    for (size_t i = 0; i < *n; i++)
        if (list[i].data == k->packed)
            return;
    for (size_t i = 0; i < k->file->n_dependency; i++) {
        const known_file *other = file_by_name(r, k->file->dependency[i]);
        if (other)
            collect(r, other, list, n);
    }
    list[(*n)++] = (ProtobufCBinaryData){k->len, k->packed};
}

static void answer_error(reflection_response *out, Grpc__Reflection__V1__ErrorResponse *error, int code,
                         const char *text)
{
    grpc__reflection__v1__error_response__init(error);
    error->error_code = code;
    error->error_message = (char *)text;
    out->message_response_case =
        GRPC__REFLECTION__V1__SERVER_REFLECTION_RESPONSE__MESSAGE_RESPONSE_ERROR_RESPONSE;
    out->error_response = error;
}

static void answer_services(const reflection *known, reply *r, reflection_response *out)
{
    Grpc__Reflection__V1__ListServiceResponse *list = reply_array(r, 1, sizeof *list);
    Grpc__Reflection__V1__ServiceResponse *all = reply_array(r, known->n_services, sizeof *all);
    Grpc__Reflection__V1__ServiceResponse **pointers = reply_array(r, known->n_services,
                                                                   sizeof *pointers);

    if (r->failed)
        return;
    grpc__reflection__v1__list_service_response__init(list);
    for (size_t i = 0; i < known->n_services; i++) {
        grpc__reflection__v1__service_response__init(&all[i]);
        all[i].name = known->services[i];
        pointers[i] = &all[i];
    }
    list->service = pointers;
    list->n_service = known->n_services;
    out->message_response_case =
        GRPC__REFLECTION__V1__SERVER_REFLECTION_RESPONSE__MESSAGE_RESPONSE_LIST_SERVICES_RESPONSE;
    out->list_services_response = list;
}

static void answer_file(const reflection *known, reply *r, reflection_response *out,
                        Grpc__Reflection__V1__ErrorResponse *error, const known_file *k)
{
    Grpc__Reflection__V1__FileDescriptorResponse *files = reply_array(r, 1, sizeof *files);
    ProtobufCBinaryData *list = reply_array(r, known->n_files, sizeof *list);

    if (!k) {
        answer_error(out, error, RPC_NOT_FOUND, "there is no such file or symbol");
        return;
    }
    if (r->failed)
        return;
    grpc__reflection__v1__file_descriptor_response__init(files);
    collect(known, k, list, &files->n_file_descriptor_proto);
    files->file_descriptor_proto = list;
    out->message_response_case =
        GRPC__REFLECTION__V1__SERVER_REFLECTION_RESPONSE__MESSAGE_RESPONSE_FILE_DESCRIPTOR_RESPONSE;
    out->file_descriptor_response = files;
}

static void reflect(rpc_call *c, const ProtobufCMessage *request)
{
    const reflection *known = front_of(c)->reflection;
    const reflection_request *q = (const reflection_request *)request;
    reflection_response out = GRPC__REFLECTION__V1__SERVER_REFLECTION_RESPONSE__INIT;
    Grpc__Reflection__V1__ErrorResponse error;
    reply r;

    reply_init(&r);
    out.valid_host = q->host;
    out.original_request = (reflection_request *)q;
    switch (q->message_request_case) {
    case GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__MESSAGE_REQUEST_LIST_SERVICES:
        answer_services(known, &r, &out);
        break;
    case GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__MESSAGE_REQUEST_FILE_BY_FILENAME:
        answer_file(known, &r, &out, &error, file_by_name(known, q->file_by_filename));
        break;
    case GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__MESSAGE_REQUEST_FILE_CONTAINING_SYMBOL:
        answer_file(known, &r, &out, &error, file_by_symbol(known, q->file_containing_symbol));
        break;
    default: /* proto3 has no extensions to tell of */
        answer_error(&out, &error, RPC_NOT_FOUND, "there are no extensions here");
    }
    reply_send(c, &r, &out.base);
    reply_clear(&r);
}

static void reflect_end(rpc_call *c)
{
    rpc_finish(c, CAIRN_OK, NULL);
}

static const rpc_method methods[] = {
    {.path = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
     .request = &grpc__reflection__v1__server_reflection_request__descriptor,
     .role = SERVICE_NOBODY,
     .streams_in = true,
     .streams_out = true,
     .message = reflect,
     .end = reflect_end},
    {.path = "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
     .request = &grpc__reflection__v1__server_reflection_request__descriptor,
     .role = SERVICE_NOBODY,
     .streams_in = true,
     .streams_out = true,
     .message = reflect,
     .end = reflect_end},
};

const method_table reflection_methods = METHODS(methods);
