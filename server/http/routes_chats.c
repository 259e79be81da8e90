/* routes_chats.c - /api/v1/chats: the conversations that a collection keeps (engine/chats.h). They
 * are what its owner asked, so they are for its admin alone: on a server without tokens that is who
 * sits at this machine. */
#include <stdlib.h>
#include <string.h>

#include "engine/chats.h"
#include "server/http/lend.h"
#include "server/present.h"

typedef struct chat_args {
    const char *collection, *title, *format;
} chat_args;

static const arg_field collection_field =
    ARG_FIELD(chat_args, "collection", collection, ARG_TEXT, false, 0, 100);

/* What a request names: a conversation, or what is to be exported of it, and the collection that keeps it. */
typedef struct chat_call {
    cairn *c;
    chat_args args;
    char id[CAIRN_CHAT_ID];
    bool export;
} chat_call;

/* "ID" or "ID/export". False: neither, answered. */
static bool take_id(http_request *r, chat_call *k)
{
    size_t n = strspn(r->rest, "0123456789abcdef");

    k->export = n == CAIRN_CHAT_ID - 1 && !strcmp(r->rest + n, "/export");
    if (n != CAIRN_CHAT_ID - 1 || (r->rest[n] && !k->export)) {
        respond_refusal(r, MHD_HTTP_NOT_FOUND, "a conversation's id has 16 hexadecimal digits");
        return false;
    }
    memcpy(k->id, r->rest, n);
    return true;
}

/* Id (where the path has one), arguments, handle. False: answered; else give the handle back with lend_back. */
static bool begin(http_request *r, const arg_field *fields, size_t n, chat_call *k)
{
    *k = (chat_call){0};
    return (!*r->rest || take_id(r, k)) && request_args(r, fields, n, &k->args) &&
           (k->c = lend_handle(r, k->args.collection, SERVICE_ADMIN));
}

static json_t *present_chat(const cairn_chat *c)
{
    return json_pack("{s:o,s:o,s:I,s:I,s:I}", "id", json_str(c->id), "title", json_str(c->title),
                     "created_ns", (json_int_t)c->created_ns, "changed_ns",
                     (json_int_t)c->changed_ns, "turns", (json_int_t)c->n_turns);
}

static json_t *present_turn(const cairn_chat_turn *t)
{
    cairn_answer a = {.citations = (cairn_citation *)(uintptr_t)t->citations,
                      .n_citations = t->n_citations};

    return json_pack("{s:I,s:I,s:o,s:o,s:o,s:b,s:b,s:o}", "n", (json_int_t)t->n, "asked_ns",
                     (json_int_t)t->asked_ns, "question", json_str(t->question), "answer",
                     json_str(t->text), "model", json_str(t->model), "refused", (int)t->refused,
                     "extractive", (int)t->extractive, "citations", present_citations(&a));
}

static bool take_chat(void *ctx, const cairn_chat *chat)
{
    return !json_array_append_new(ctx, present_chat(chat));
}

static void list_chats(http_request *r)
{
    cairn_error err = {0};
    json_t *all;
    cairn_status st;
    chat_call k;

    if (!begin(r, &collection_field, 1, &k))
        return;
    all = json_array();
    st = cairn_chat_list(k.c, take_chat, all, &err);
    if (st)
        respond_error(r, st, &err);
    else
        respond_json(r, MHD_HTTP_OK, json_pack("{s:O}", "chats", all));
    json_decref(all);
    lend_back(r, k.c, st);
}

static void create_chat(http_request *r)
{
    static const arg_field fields[] = {
        ARG_FIELD(chat_args, "collection", collection, ARG_TEXT, false, 0, 100),
        ARG_FIELD(chat_args, "title", title, ARG_TEXT, false, 0, CAIRN_CHAT_TITLE_MAX),
    };
    cairn_error err = {0};
    cairn_status st;
    chat_call k;

    if (!begin(r, fields, ARG_COUNT(fields), &k))
        return;
    st = cairn_chat_create(k.c, k.args.title, k.id, &err);
    if (st)
        respond_error(r, st, &err);
    else
        respond_json(r, MHD_HTTP_CREATED, json_pack("{s:s}", "id", k.id));
    lend_back(r, k.c, st);
}

static void rename_chat(http_request *r)
{
    static const arg_field fields[] = {
        ARG_FIELD(chat_args, "collection", collection, ARG_TEXT, false, 0, 100),
        ARG_FIELD(chat_args, "title", title, ARG_TEXT, true, 1, CAIRN_CHAT_TITLE_MAX),
    };
    cairn_error err = {0};
    cairn_status st;
    chat_call k;

    if (!begin(r, fields, ARG_COUNT(fields), &k))
        return;
    st = k.export ? cairn_fail(&err, CAIRN_ENOTFOUND, "only a conversation has a title")
                  : cairn_chat_rename(k.c, k.id, k.args.title, &err);
    if (st)
        respond_error(r, st, &err);
    else
        respond_json(r, MHD_HTTP_OK,
                     json_pack("{s:s,s:o}", "id", k.id, "title", json_str(k.args.title)));
    lend_back(r, k.c, st);
}

static void delete_chat(http_request *r)
{
    cairn_error err = {0};
    cairn_status st;
    chat_call k;

    if (!begin(r, &collection_field, 1, &k))
        return;
    st = k.export ? cairn_fail(&err, CAIRN_ENOTFOUND, "only a conversation can be deleted")
                  : cairn_chat_delete(k.c, k.id, &err);
    if (st)
        respond_error(r, st, &err);
    else
        respond_json(r, MHD_HTTP_OK, json_pack("{s:s}", "deleted", k.id));
    lend_back(r, k.c, st);
}

static cairn_status give_export(http_request *r, cairn *c, const char *id, cairn_error *err)
{
    size_t len;
    char *text;
    cairn_status st = cairn_chat_export(c, id, CAIRN_CHAT_MARKDOWN, &text, &len, err);

    if (st)
        return st;
    respond_text(r, MHD_HTTP_OK, "text/markdown; charset=utf-8", text, len);
    free(text);
    return CAIRN_OK;
}

static cairn_status give_chat(http_request *r, cairn *c, const char *id, cairn_error *err)
{
    cairn_conversation *v;
    json_t *turns, *j;
    cairn_status st = cairn_chat_get(c, id, &v, err);

    if (st)
        return st;
    turns = json_array();
    for (size_t i = 0; i < v->chat.n_turns; i++)
        json_array_append_new(turns, present_turn(&v->turns[i]));
    j = present_chat(&v->chat);
    json_object_set_new(j, "turns", turns);
    respond_json(r, MHD_HTTP_OK, j);
    cairn_chat_free(v);
    return CAIRN_OK;
}

static void show_chat(http_request *r)
{
    cairn_error err = {0};
    cairn_status st;
    chat_call k;

    if (!begin(r, &collection_field, 1, &k))
        return;
    st = k.export ? give_export(r, k.c, k.id, &err) : give_chat(r, k.c, k.id, &err);
    if (st)
        respond_error(r, st, &err);
    lend_back(r, k.c, st);
}

const http_route routes_chats[] = {
    {"GET", "/api/v1/chats", LANE_QUICK, SERVICE_ADMIN, 0, SHAPE_API, list_chats},
    {"POST", "/api/v1/chats", LANE_QUICK, SERVICE_ADMIN, SMALL_BODY, SHAPE_API, create_chat},
    {"GET", "/api/v1/chats/*", LANE_QUICK, SERVICE_ADMIN, 0, SHAPE_API, show_chat},
    {"PATCH", "/api/v1/chats/*", LANE_QUICK, SERVICE_ADMIN, SMALL_BODY, SHAPE_API, rename_chat},
    {"DELETE", "/api/v1/chats/*", LANE_QUICK, SERVICE_ADMIN, 0, SHAPE_API, delete_chat},
    {0},
};
