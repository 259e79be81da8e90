/* routes_batches.c - /v1/files and /v1/batches: files of requests for the background (batches.h), as OpenAI's
 * clients speak of them. */
#include <stdlib.h>
#include <string.h>

#include "server/http/batches.h"

#define NAME_BYTES 256

static void respond_object(http_request *r, cairn_status st, json_t *j, const cairn_error *err)
{
    if (st)
        respond_error(r, st, err);
    else
        respond_json(r, MHD_HTTP_OK, j);
}

/* ---- a form with a file ---- */

typedef struct form {
    bytes file;
    char name[NAME_BYTES], purpose[32];
    size_t purpose_len;
    bool any, too_large;
} form;

static enum MHD_Result take_part(void *ctx, enum MHD_ValueKind kind, const char *key,
                                 const char *filename, const char *type, const char *coding,
                                 const char *data, uint64_t off, size_t size)
{
    form *f = ctx;

    (void)kind, (void)type, (void)coding, (void)off;
    if (!strcmp(key, "purpose") && f->purpose_len + size < sizeof f->purpose) {
        memcpy(f->purpose + f->purpose_len, data, size);
        f->purpose_len += size;
    } else if (!strcmp(key, "file")) {
        f->any = true;
        if (filename && !f->name[0])
            snprintf(f->name, sizeof f->name, "%s", filename);
        f->too_large |= bytes_append(&f->file, data, size) != CAIRN_OK;
    }
    return f->too_large ? MHD_NO : MHD_YES;
}

static cairn_status read_form(http_request *r, form *f, cairn_error *err)
{
    struct MHD_PostProcessor *p = MHD_create_post_processor(r->connection, 65536, take_part, f);
    bool ok;

    if (!p)
        return cairn_fail(err, CAIRN_EUSAGE, "the body is no form: multipart/form-data with a boundary");
    ok = MHD_post_process(p, r->body.data ? r->body.data : "", r->body.len) == MHD_YES;
    ok = MHD_destroy_post_processor(p) == MHD_YES && ok;
    if (f->too_large)
        return cairn_fail(err, CAIRN_ELIMIT, "a file may have %zu bytes", BATCH_FILE_BYTES);
    if (!ok || !f->any)
        return cairn_fail(err, CAIRN_EUSAGE, "the form needs a part \"file\"");
    if (strcmp(f->purpose, "batch"))
        return cairn_fail(err, CAIRN_EUSAGE, "\"purpose\" is batch");
    return CAIRN_OK;
}

static void add_file(http_request *r)
{
    form f = {0};
    cairn_error err = {0};
    json_t *j = NULL;
    cairn_status st;

    bytes_init(&f.file, BATCH_FILE_BYTES);
    st = read_form(r, &f, &err);
    if (!st)
        st = batches_add_file(r->h->batches, &r->caller, f.name[0] ? f.name : "file.jsonl", "batch",
                              f.file.data ? f.file.data : "", f.file.len, &j, &err);
    respond_object(r, st, j, &err);
    bytes_clear(&f.file);
}

static void list_files(http_request *r)
{
    cairn_error err = {0};
    json_t *j = NULL;
    cairn_status st = batches_list(r->h->batches, &r->caller, true, &j, &err);

    respond_object(r, st, j, &err);
}

/* "file-..." or "file-.../content" */
static void show_file(http_request *r)
{
    const char *end = strchr(r->rest, '/');
    char id[BATCH_ID_BYTES], *data = NULL;
    size_t len = 0;
    cairn_error err = {0};
    json_t *j = NULL;
    cairn_status st;

    snprintf(id, sizeof id, "%.*s", end ? (int)(end - r->rest) : (int)strlen(r->rest), r->rest);
    if (end && strcmp(end, "/content")) {
        respond_refusal(r, MHD_HTTP_NOT_FOUND, "a file has nothing but its content");
        return;
    }
    if (!end) {
        st = batches_file(r->h->batches, &r->caller, id, &j, &err);
        respond_object(r, st, j, &err);
        return;
    }
    st = batches_content(r->h->batches, &r->caller, id, &data, &len, &err);
    if (st)
        respond_error(r, st, &err);
    else
        respond_text(r, MHD_HTTP_OK, "application/octet-stream", data, len);
    free(data);
}

static void drop_file(http_request *r)
{
    cairn_error err = {0};
    cairn_status st = batches_drop_file(r->h->batches, &r->caller, r->rest, &err);

    respond_object(r, st, st ? NULL : json_pack("{s:s,s:s,s:b}", "id", r->rest, "object", "file",
                                                "deleted", 1), &err);
}

/* ---- batches ---- */

typedef struct batch_args {
    const char *input_file_id, *endpoint, *completion_window;
    json_t *metadata;
} batch_args;

static bool good_endpoint(const char *endpoint)
{
    static const char *const known[] = {"/v1/chat/completions", "/v1/completions", "/v1/embeddings",
                                        "/v1/rerank"};

    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (!strcmp(endpoint, known[i]))
            return true;
    return false;
}

static void add_batch(http_request *r)
{
    batch_args a = {0};
    cairn_error err = {0};
    json_t *j = NULL;
    cairn_status st;
    static const arg_field fields[] = {
        ARG_FIELD(batch_args, "input_file_id", input_file_id, ARG_TEXT, true, 1, BATCH_ID_BYTES),
        ARG_FIELD(batch_args, "endpoint", endpoint, ARG_TEXT, true, 1, 64),
        ARG_FIELD(batch_args, "completion_window", completion_window, ARG_TEXT, false, 1, 16),
        ARG_FIELD(batch_args, "metadata", metadata, ARG_ANY, false, 0, 0),
    };

    st = args_read(r->args, fields, ARG_COUNT(fields), false, &a, &err);
    if (!st && !good_endpoint(a.endpoint))
        st = cairn_fail(&err, CAIRN_EUSAGE, "\"endpoint\" is /v1/chat/completions, /v1/completions, "
                                            "/v1/embeddings or /v1/rerank");
    if (!st && a.metadata && !json_is_object(a.metadata))
        st = cairn_fail(&err, CAIRN_EUSAGE, "\"metadata\" takes an object");
    if (!st)
        st = batches_add(r->h->batches, &r->caller, a.input_file_id, a.endpoint, a.metadata, &j, &err);
    respond_object(r, st, j, &err);
}

static void list_batches(http_request *r)
{
    cairn_error err = {0};
    json_t *j = NULL;
    cairn_status st = batches_list(r->h->batches, &r->caller, false, &j, &err);

    respond_object(r, st, j, &err);
}

static void show_batch(http_request *r)
{
    cairn_error err = {0};
    json_t *j = NULL;
    cairn_status st = batches_get(r->h->batches, &r->caller, r->rest, &j, &err);

    respond_object(r, st, j, &err);
}

/* POST .../cancel */
static void cancel_batch(http_request *r)
{
    const char *end = strchr(r->rest, '/');
    char id[BATCH_ID_BYTES];
    cairn_error err = {0};
    json_t *j = NULL;
    cairn_status st;

    if (!end || strcmp(end, "/cancel")) {
        respond_refusal(r, MHD_HTTP_NOT_FOUND, "a batch can be cancelled: POST /v1/batches/ID/cancel");
        return;
    }
    snprintf(id, sizeof id, "%.*s", (int)(end - r->rest), r->rest);
    st = batches_cancel(r->h->batches, &r->caller, id, &j, &err);
    respond_object(r, st, j, &err);
}

const http_route routes_batches[] = {
    {"POST", "/v1/files", LANE_FORM, SERVICE_READ, BATCH_FILE_BYTES + 65536, SHAPE_OPENAI, add_file},
    {"GET", "/v1/files", LANE_QUICK, SERVICE_READ, 0, SHAPE_OPENAI, list_files},
    {"GET", "/v1/files/*", LANE_QUICK, SERVICE_READ, 0, SHAPE_OPENAI, show_file},
    {"DELETE", "/v1/files/*", LANE_QUICK, SERVICE_READ, 0, SHAPE_OPENAI, drop_file},
    {"POST", "/v1/batches", LANE_QUICK, SERVICE_READ, SMALL_BODY, SHAPE_OPENAI, add_batch},
    {"GET", "/v1/batches", LANE_QUICK, SERVICE_READ, 0, SHAPE_OPENAI, list_batches},
    {"GET", "/v1/batches/*", LANE_QUICK, SERVICE_READ, 0, SHAPE_OPENAI, show_batch},
    {"POST", "/v1/batches/*", LANE_QUICK, SERVICE_READ, SMALL_BODY, SHAPE_OPENAI, cancel_batch},
    {0},
};
