/* routes_api.c - /api/v1: search, suggest, ask, documents, jobs, collections, status. The contract is
 * server/web/openapi.json. */
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "engine/answer_json.h"
#include "engine/care.h"
#include "engine/chats.h"
#include "server/http/lend.h"
#include "server/http/look.h"
#include "server/present.h"

#define QUERY_BYTES 8192
#define LIST_MOST   1000
#define TURNS_MOST  100
#define PATHS_MOST  1000
#define JOBS_SHOWN  100
#define JOB_WAIT_NS ((int64_t)15 * 1000000000) /* then a comment keeps the connection warm */

/* ---- search and suggest ---- */

typedef struct search_args {
    const char *q, *collection, *filter, *facets;
    size_t k, facet_values;
    cairn_mode mode;
    bool explain, typing, versions;
} search_args;

static const arg_field search_fields[] = {
    ARG_FIELD(search_args, "q", q, ARG_TEXT, true, 0, QUERY_BYTES),
    ARG_FIELD(search_args, "collection", collection, ARG_TEXT, false, 0, 100),
    ARG_FIELD(search_args, "filter", filter, ARG_TEXT, false, 0, QUERY_BYTES),
    ARG_FIELD(search_args, "facets", facets, ARG_TEXT, false, 0, 200),
    ARG_FIELD(search_args, "k", k, ARG_SIZE, false, 1, LIST_MOST),
    ARG_FIELD(search_args, "facet_values", facet_values, ARG_SIZE, false, 1, LIST_MOST),
    ARG_FIELD(search_args, "mode", mode, ARG_MODE, false, 0, 0),
    ARG_FIELD(search_args, "explain", explain, ARG_BOOL, false, 0, 0),
    ARG_FIELD(search_args, "typing", typing, ARG_BOOL, false, 0, 0),
    ARG_FIELD(search_args, "versions", versions, ARG_BOOL, false, 0, 0),
};

static void observe_search(http_request *r, const cairn_search_result *found)
{
    static const char help[] = "Time of a search by stage.";
    metrics *m = service_metrics(r->h->s);

    metrics_observe(m, "cairn_search_seconds", help, "stage=\"all\"", found->took_ms / 1e3);
    metrics_observe(m, "cairn_search_seconds", help, "stage=\"lexical\"", found->lexical_ms / 1e3);
    if (found->embed_ms > 0)
        metrics_observe(m, "cairn_search_seconds", help, "stage=\"embed\"", found->embed_ms / 1e3);
    if (found->vector_ms > 0)
        metrics_observe(m, "cairn_search_seconds", help, "stage=\"vector\"", found->vector_ms / 1e3);
}

static void search(http_request *r)
{
    search_args a = {.k = 10};
    cairn_search_result *found = NULL;
    cairn_error err = {0};
    cairn_status st;
    cairn *c;

    if (!request_args(r, search_fields, ARG_COUNT(search_fields), &a) ||
        !(c = lend_handle(r, a.collection, SERVICE_READ)))
        return;
    st = cairn_search(c,
                      &(cairn_search_request){.query = a.q,
                                              .filter = a.filter,
                                              .k = a.k,
                                              .mode = a.mode,
                                              .explain = a.explain,
                                              .as_you_type = a.typing,
                                              .versions = a.versions ? VERSIONS_COMPARED : 0,
                                              .facets = a.facets && *a.facets ? a.facets : NULL,
                                              .facet_values = a.facet_values,
                                              .cancel = &r->cancel},
                      &found, &err);
    if (st) {
        respond_error(r, st, &err);
    } else {
        observe_search(r, found);
        respond_json(r, MHD_HTTP_OK, present_search(a.q, found, a.explain));
    }
    cairn_search_result_free(found);
    lend_back(r, c, st);
}

static void suggest(http_request *r)
{
    search_args a = {.k = 10};
    cairn_suggestions *found = NULL;
    cairn_error err = {0};
    cairn_status st;
    cairn *c;
    static const arg_field fields[] = {
        ARG_FIELD(search_args, "q", q, ARG_TEXT, true, 0, QUERY_BYTES),
        ARG_FIELD(search_args, "collection", collection, ARG_TEXT, false, 0, 100),
        ARG_FIELD(search_args, "k", k, ARG_SIZE, false, 1, 100),
    };

    if (!request_args(r, fields, ARG_COUNT(fields), &a) || !(c = lend_handle(r, a.collection, SERVICE_READ)))
        return;
    st = cairn_suggest(c, a.q, a.k, &found, &err);
    if (st)
        respond_error(r, st, &err);
    else
        respond_json(r, MHD_HTTP_OK, present_suggestions(found));
    cairn_suggestions_free(found);
    lend_back(r, c, st);
}

/* ---- ask ---- */

typedef struct ask_args {
    const char *question, *collection, *filter, *chat;
    cairn_mode mode;
    double temperature;
    size_t seed, max_tokens, tools;
    bool stream, extractive;
    json_t *history;
} ask_args;

static const arg_field ask_fields[] = {
    ARG_FIELD(ask_args, "question", question, ARG_TEXT, true, 1, QUERY_BYTES),
    ARG_FIELD(ask_args, "collection", collection, ARG_TEXT, false, 0, 100),
    ARG_FIELD(ask_args, "filter", filter, ARG_TEXT, false, 0, QUERY_BYTES),
    ARG_FIELD(ask_args, "chat", chat, ARG_TEXT, false, 0, CAIRN_CHAT_ID - 1),
    ARG_FIELD(ask_args, "mode", mode, ARG_MODE, false, 0, 0),
    ARG_FIELD(ask_args, "extractive", extractive, ARG_BOOL, false, 0, 0),
    ARG_FIELD(ask_args, "temperature", temperature, ARG_NUMBER, false, 0, 10),
    ARG_FIELD(ask_args, "seed", seed, ARG_SIZE, false, 0, 9007199254740991.0),
    ARG_FIELD(ask_args, "max_tokens", max_tokens, ARG_SIZE, false, 1, 100000),
    ARG_FIELD(ask_args, "tools", tools, ARG_SIZE, false, 0, CAIRN_STEPS_MAX),
    ARG_FIELD(ask_args, "stream", stream, ARG_BOOL, false, 0, 0),
    ARG_FIELD(ask_args, "history", history, ARG_LIST, false, 0, TURNS_MOST),
};

/* The turns borrow from the list. */
static cairn_status read_history(const json_t *list, cairn_turn turns[TURNS_MOST], size_t *n,
                                 cairn_error *err)
{
    *n = json_array_size(list);
    for (size_t i = 0; i < *n; i++) {
        const json_t *turn = json_array_get(list, i);
        const char *role = json_string_value(json_object_get(turn, "role"));
        const char *content = json_string_value(json_object_get(turn, "content"));
        if (!role || !content || (strcmp(role, "user") && strcmp(role, "assistant")))
            return cairn_fail(err, CAIRN_EUSAGE,
                              "\"history\" is a list of {\"role\":\"user\"|\"assistant\","
                              "\"content\":TEXT}");
        turns[i] = (cairn_turn){role, content};
    }
    return CAIRN_OK;
}

static bool put_token(void *ctx, const char *text, size_t len)
{
    return stream_put(ctx, "token", json_pack("{s:o}", "text", json_text(text, len)));
}

/* With what was read for it, more than what it cites, and what was kept out. */
static json_t *answer_json(const cairn_answer *a)
{
    json_t *j = present_answer(a);

    json_object_set_new(j, "evidence", present_evidence(a));
    json_object_set_new(j, "planted", answer_planted_json(a));
    return j;
}

static void answer(http_request *r, cairn *c, const cairn_ask_request *q, const char *chat,
                   bool stream)
{
    cairn_answer *a = NULL;
    cairn_error err = {0};
    cairn_status st;

    if (stream && !stream_begin(r)) {
        respond_refusal(r, MHD_HTTP_SERVICE_UNAVAILABLE, "no memory for a stream");
        return;
    }
    st = chat ? cairn_chat_ask(c, chat, q, stream ? put_token : NULL, r, &a, &err)
              : cairn_ask(c, q, stream ? put_token : NULL, r, &a, &err);
    if (st && stream)
        stream_error(r, st, &err);
    else if (st)
        respond_error(r, st, &err);
    else if (stream)
        stream_put(r, "answer", answer_json(a));
    else
        respond_json(r, MHD_HTTP_OK, answer_json(a));
    cairn_answer_free(a);
}

static void ask(http_request *r)
{
    ask_args a = {0};
    cairn_turn turns[TURNS_MOST];
    cairn_error err = {0};
    cairn_status st;
    size_t n;
    cairn *c;

    if (!request_args(r, ask_fields, ARG_COUNT(ask_fields), &a))
        return;
    if (a.chat && !*a.chat)
        a.chat = NULL;
    st = read_history(a.history, turns, &n, &err);
    if (!st && a.chat && n)
        st = cairn_fail(&err, CAIRN_EUSAGE, "\"chat\" knows what was said before: no \"history\"");
    if (!st && a.chat && a.tools)
        st = cairn_fail(&err, CAIRN_EUSAGE, "\"tools\" answer one question, not a \"chat\"");
    if (st) {
        respond_error(r, st, &err);
        return;
    }
    if (!(c = lend_handle(r, a.collection, a.chat ? SERVICE_ADMIN : SERVICE_READ)))
        return;
    answer(r, c,
           &(cairn_ask_request){.question = a.question,
                                .filter = a.filter,
                                .mode = a.mode,
                                .history = turns,
                                .n_history = n,
                                .temperature = (float)a.temperature,
                                .seed = a.seed,
                                .max_tokens = a.max_tokens,
                                .extractive = a.extractive,
                                .tools = a.tools, /* nobody is there to say yes: none that writes */
                                .cancel = &r->cancel},
           a.chat, a.stream);
    lend_back(r, c, CAIRN_OK);
}

/* ---- documents ---- */

typedef struct document_args {
    const char *collection, *prefix, *after, *uri;
    size_t limit, start, end;
} document_args;

typedef struct listing {
    json_t *all;
    const char *after;
    size_t left;
    bool more;
} listing;

static bool take_document(void *ctx, const cairn_document *d)
{
    listing *l = ctx;

    if (l->after && strcmp(d->uri, l->after) <= 0)
        return true;
    if (!l->left) {
        l->more = true;
        return false;
    }
    l->left--;
    json_array_append_new(l->all, present_document(d));
    return true;
}

static void list_documents(http_request *r)
{
    document_args a = {.limit = 100};
    listing l = {0};
    cairn_error err = {0};
    cairn_status st;
    cairn *c;
    static const arg_field fields[] = {
        ARG_FIELD(document_args, "collection", collection, ARG_TEXT, false, 0, 100),
        ARG_FIELD(document_args, "prefix", prefix, ARG_TEXT, false, 0, QUERY_BYTES),
        ARG_FIELD(document_args, "after", after, ARG_TEXT, false, 0, QUERY_BYTES),
        ARG_FIELD(document_args, "limit", limit, ARG_SIZE, false, 1, LIST_MOST),
    };

    if (!request_args(r, fields, ARG_COUNT(fields), &a) || !(c = lend_handle(r, a.collection, SERVICE_READ)))
        return;
    l = (listing){.all = json_array(), .after = a.after, .left = a.limit};
    st = cairn_list(c, a.prefix, take_document, &l, &err);
    if (st)
        respond_error(r, st, &err);
    else
        respond_json(r, MHD_HTTP_OK,
                     json_pack("{s:O,s:b}", "documents", l.all, "more", (int)l.more));
    json_decref(l.all);
    lend_back(r, c, st);
}

static void one_document(http_request *r, bool with_text)
{
    document_args a = {.end = SIZE_MAX};
    cairn_document *d = NULL;
    cairn_error err = {0};
    cairn_status st;
    cairn *c;
    json_t *j;
    static const arg_field fields[] = {
        ARG_FIELD(document_args, "collection", collection, ARG_TEXT, false, 0, 100),
        ARG_FIELD(document_args, "uri", uri, ARG_TEXT, true, 1, QUERY_BYTES),
        ARG_FIELD(document_args, "start", start, ARG_SIZE, false, 0, 4294967295.0),
        ARG_FIELD(document_args, "end", end, ARG_SIZE, false, 0, 4294967295.0),
    };

    if (!request_args(r, fields, with_text ? 4 : 2, &a) ||
        !(c = lend_handle(r, a.collection, SERVICE_READ)))
        return;
    st = cairn_get(c, a.uri, &d, &err);
    if (st) {
        respond_error(r, st, &err);
    } else {
        j = present_document(d);
        if (with_text) {
            size_t start = utf8_floor(d->text, a.start < d->text_len ? a.start : d->text_len);
            size_t end = utf8_floor(d->text, a.end < d->text_len ? a.end : d->text_len);
            if (end < start)
                end = start;
            json_object_set_new(j, "start", json_integer((json_int_t)start));
            json_object_set_new(j, "end", json_integer((json_int_t)end));
            json_object_set_new(j, "length", json_integer((json_int_t)d->text_len));
            json_object_set_new(j, "text", json_text(d->text + start, end - start));
        }
        respond_json(r, MHD_HTTP_OK, j);
    }
    cairn_document_free(d);
    lend_back(r, c, st);
}

static void show_document(http_request *r)
{
    one_document(r, false);
}

static void show_text(http_request *r)
{
    one_document(r, true);
}

/* ---- jobs ---- */

static json_t *job_json(const http_request *r, const service_job *job)
{
    service_job mine = *job;

    service_job_hide(&r->caller, &mine);
    return present_job(&mine);
}

static void answer_job(http_request *r, cairn_status st, uint64_t id, cairn_error *err)
{
    char where[64];
    service_job job;

    if (!st)
        st = service_job_get(r->h->s, id, &job, err);
    if (st) {
        respond_error(r, st, err);
        return;
    }
    snprintf(where, sizeof where, "/api/v1/jobs/%llu", (unsigned long long)id);
    respond_json(r, MHD_HTTP_ACCEPTED, job_json(r, &job));
    respond_header(r, MHD_HTTP_HEADER_LOCATION, where);
}

static void delete_document(http_request *r)
{
    document_args a = {0};
    uint64_t id = 0;
    cairn_error err = {0};
    cairn_status st;
    static const arg_field fields[] = {
        ARG_FIELD(document_args, "collection", collection, ARG_TEXT, false, 0, 100),
        ARG_FIELD(document_args, "uri", uri, ARG_TEXT, true, 1, QUERY_BYTES),
    };

    if (!request_args(r, fields, ARG_COUNT(fields), &a) || !lend_allowed(r, a.collection, SERVICE_WRITE))
        return;
    st = service_delete(r->h->s, &r->caller, a.collection, a.uri, &id, &err);
    answer_job(r, st, id, &err);
}

static void upload(http_request *r)
{
    service_upload *u = r->upload;
    uint64_t id = 0;
    cairn_error err = {0};
    cairn_status st;

    r->upload = NULL;
    st = service_upload_finish(u, &id, &err);
    answer_job(r, st, id, &err);
}

typedef struct index_args {
    const char *collection;
    json_t *paths;
} index_args;

/* Paths of the server's own disk: for its admin alone. */
static void index_paths(http_request *r)
{
    index_args a = {0};
    const char *paths[PATHS_MOST];
    size_t n;
    uint64_t id = 0;
    cairn_error err = {0};
    cairn_status st = CAIRN_OK;
    static const arg_field fields[] = {
        ARG_FIELD(index_args, "collection", collection, ARG_TEXT, false, 0, 100),
        ARG_FIELD(index_args, "paths", paths, ARG_LIST, true, 1, PATHS_MOST),
    };

    if (!request_args(r, fields, ARG_COUNT(fields), &a) || !lend_allowed(r, a.collection, SERVICE_ADMIN))
        return;
    n = json_array_size(a.paths);
    for (size_t i = 0; !st && i < n; i++)
        if (!(paths[i] = json_string_value(json_array_get(a.paths, i))))
            st = cairn_fail(&err, CAIRN_EUSAGE, "\"paths\" is a list of texts");
    if (!st)
        st = service_index(r->h->s, &r->caller, a.collection, paths, n, &id, &err);
    answer_job(r, st, id, &err);
}

/* "12" or "12/events"; 0 when it is none of these. */
static uint64_t parse_job(const char *rest, bool *events)
{
    char *end;
    unsigned long long id;

    if (*rest < '1' || *rest > '9' || strlen(rest) > 26)
        return 0;
    id = strtoull(rest, &end, 10);
    *events = !strcmp(end, "/events");
    return *end && !*events ? 0 : id;
}

/* The job that the path names, if it is of a collection the caller may see. */
static bool find_job(http_request *r, service_job *job, bool *events)
{
    cairn_error err = {0};
    uint64_t id = parse_job(r->rest, events);
    cairn_status st = id ? service_job_get(r->h->s, id, job, &err)
                         : cairn_fail(&err, CAIRN_ENOTFOUND, "\"%s\" is no job", r->rest);

    if (st)
        respond_error(r, st, &err);
    return !st && lend_allowed(r, job->collection, r->route->role);
}

/* Each follower has a worker; the others are for questions. */
static atomic_int followers;
#define FOLLOWERS_MOST 4

/* Events until the job has ended or the client is gone. */
static void follow_job(http_request *r, service_job *job)
{
    uint64_t seen = 0, before = 0;
    cairn_error err = {0};

    if (!stream_begin(r)) {
        respond_refusal(r, MHD_HTTP_SERVICE_UNAVAILABLE, "no memory for a stream");
        return;
    }
    for (;;) {
        cairn_status st = service_job_wait(r->h->s, job->id, &seen, JOB_WAIT_NS, job, &err);
        bool ended = !st && job->state >= SERVICE_JOB_DONE;
        if (st) {
            stream_error(r, st, &err);
            return;
        }
        if (seen == before && !ended && stream_put_text(r, ": waiting\n\n"))
            continue;
        before = seen;
        if (!stream_put(r, "job", job_json(r, job)) || ended)
            return;
    }
}

static void show_job(http_request *r)
{
    service_job job;
    bool events = false;

    if (!find_job(r, &job, &events))
        return;
    if (events && atomic_fetch_add(&followers, 1) < FOLLOWERS_MOST)
        follow_job(r, &job);
    else if (events)
        respond_refusal(r, MHD_HTTP_SERVICE_UNAVAILABLE, "too many follow jobs: ask for the job now "
                                                         "and then");
    else
        respond_json(r, MHD_HTTP_OK, job_json(r, &job));
    if (events)
        atomic_fetch_sub(&followers, 1);
}

static void cancel_job(http_request *r)
{
    service_job job;
    bool events = false;
    cairn_error err = {0};

    if (!find_job(r, &job, &events))
        return;
    answer_job(r, service_job_cancel(r->h->s, job.id, &err), job.id, &err);
}

static void list_jobs(http_request *r)
{
    service_job *jobs = calloc(JOBS_SHOWN, sizeof *jobs);
    size_t n = jobs ? service_job_list(r->h->s, jobs, JOBS_SHOWN) : 0;
    json_t *all = json_array();

    for (size_t i = 0; i < n; i++)
        if (!service_need(&r->caller, jobs[i].collection, SERVICE_READ, NULL))
            json_array_append_new(all, job_json(r, &jobs[i]));
    free(jobs);
    respond_json(r, MHD_HTTP_OK, json_pack("{s:o}", "jobs", all));
}

/* ---- who may read what ---- */

typedef struct access_args {
    const char *collection, *rules;
} access_args;

static void put_rules(http_request *r)
{
    access_args a = {0};
    cairn_error err = {0};
    cairn_status st;
    cairn *c;
    static const arg_field fields[] = {
        ARG_FIELD(access_args, "collection", collection, ARG_TEXT, false, 0, 100),
        ARG_FIELD(access_args, "rules", rules, ARG_TEXT, true, 0, (double)SMALL_BODY),
    };

    if (!request_args(r, fields, ARG_COUNT(fields), &a) || !(c = lend_handle(r, a.collection, SERVICE_ADMIN)))
        return;
    st = cairn_access_write(c, a.rules, strlen(a.rules), &err);
    if (st)
        respond_error(r, st, &err);
    else
        respond_json(r, MHD_HTTP_OK, json_pack("{s:s}", "rules", a.rules));
    lend_back(r, c, CAIRN_OK);
}

static void show_rules(http_request *r)
{
    access_args a = {0};
    cairn_error err = {0};
    char *rules = NULL;
    cairn_status st;
    cairn *c;
    static const arg_field fields[] = {
        ARG_FIELD(access_args, "collection", collection, ARG_TEXT, false, 0, 100),
    };

    if (!request_args(r, fields, ARG_COUNT(fields), &a) || !(c = lend_handle(r, a.collection, SERVICE_ADMIN)))
        return;
    st = cairn_access_read(c, &rules, &err);
    if (st)
        respond_error(r, st, &err);
    else
        respond_json(r, MHD_HTTP_OK, json_pack("{s:o}", "rules", json_str(rules)));
    free(rules);
    lend_back(r, c, CAIRN_OK);
}

/* ---- collections and status ---- */

typedef struct collection_args {
    const char *name;
} collection_args;

typedef struct naming {
    http_request *r;
    json_t *all;
} naming;

static bool take_name(void *ctx, const char *name)
{
    naming *n = ctx;

    if (!service_need(&n->r->caller, name, SERVICE_READ, NULL))
        json_array_append_new(n->all, json_str(name));
    return true;
}

static void list_collections(http_request *r)
{
    naming n = {r, json_array()};
    cairn_error err = {0};
    cairn_status st = service_each_collection(r->h->s, take_name, &n, &err);

    if (st)
        respond_error(r, st, &err);
    else
        respond_json(r, MHD_HTTP_OK,
                     json_pack("{s:O,s:s}", "collections", n.all, "default",
                               service_default_collection(r->h->s)));
    json_decref(n.all);
}

static void create_collection(http_request *r)
{
    collection_args a = {0};
    cairn_error err = {0};
    cairn_status st;
    static const arg_field fields[] = {
        ARG_FIELD(collection_args, "name", name, ARG_TEXT, true, 1, 100),
    };

    if (!request_args(r, fields, ARG_COUNT(fields), &a) || !lend_allowed(r, a.name, SERVICE_ADMIN))
        return;
    st = service_create_collection(r->h->s, a.name, &err);
    if (st)
        respond_error(r, st, &err);
    else
        respond_json(r, MHD_HTTP_CREATED, json_pack("{s:s}", "name", a.name));
}

static void show_status(http_request *r)
{
    document_args a = {0};
    cairn_status_info info = {0};
    cairn_error err = {0};
    cairn_status st;
    cairn *c;
    static const arg_field fields[] = {
        ARG_FIELD(document_args, "collection", collection, ARG_TEXT, false, 0, 100),
    };

    if (!request_args(r, fields, ARG_COUNT(fields), &a) || !(c = lend_handle(r, a.collection, SERVICE_READ)))
        return;
    st = cairn_status_get(c, &info, &err);
    if (st) {
        respond_error(r, st, &err);
    } else {
        json_t *j = present_status(&info);
        json_object_set_new(j, "caller",
                            json_pack("{s:s,s:s,s:b}", "name", r->caller.name, "role",
                                      service_role_name(r->caller.role), "can_open",
                                      (int)look_can_open(r)));
        respond_json(r, MHD_HTTP_OK, j);
    }
    cairn_status_clear(&info);
    lend_back(r, c, st);
}

const http_route routes_api[] = {
    {"GET", "/api/v1/search", LANE_QUICK, SERVICE_READ, 0, SHAPE_API, search},
    {"POST", "/api/v1/search", LANE_QUICK, SERVICE_READ, SMALL_BODY, SHAPE_API, search},
    {"GET", "/api/v1/suggest", LANE_QUICK, SERVICE_READ, 0, SHAPE_API, suggest},
    {"POST", "/api/v1/ask", LANE_SLOW, SERVICE_READ, SMALL_BODY, SHAPE_API, ask},
    {"GET", "/api/v1/documents", LANE_QUICK, SERVICE_READ, 0, SHAPE_API, list_documents},
    {"GET", "/api/v1/document", LANE_QUICK, SERVICE_READ, 0, SHAPE_API, show_document},
    {"GET", "/api/v1/document/text", LANE_QUICK, SERVICE_READ, 0, SHAPE_API, show_text},
    {"DELETE", "/api/v1/document", LANE_QUICK, SERVICE_WRITE, 0, SHAPE_API, delete_document},
    {"PUT", "/api/v1/uploads/*", LANE_UPLOAD, SERVICE_WRITE, 0, SHAPE_API, upload},
    {"POST", "/api/v1/index", LANE_QUICK, SERVICE_ADMIN, SMALL_BODY, SHAPE_API, index_paths},
    {"GET", "/api/v1/jobs", LANE_QUICK, SERVICE_READ, 0, SHAPE_API, list_jobs},
    {"GET", "/api/v1/jobs/*", LANE_SLOW, SERVICE_READ, 0, SHAPE_API, show_job},
    {"DELETE", "/api/v1/jobs/*", LANE_QUICK, SERVICE_WRITE, 0, SHAPE_API, cancel_job},
    {"GET", "/api/v1/collections", LANE_QUICK, SERVICE_READ, 0, SHAPE_API, list_collections},
    {"POST", "/api/v1/collections", LANE_QUICK, SERVICE_ADMIN, SMALL_BODY, SHAPE_API,
     create_collection},
    {"GET", "/api/v1/access", LANE_QUICK, SERVICE_ADMIN, 0, SHAPE_API, show_rules},
    {"PUT", "/api/v1/access", LANE_QUICK, SERVICE_ADMIN, SMALL_BODY, SHAPE_API, put_rules},
    {"GET", "/api/v1/status", LANE_QUICK, SERVICE_READ, 0, SHAPE_API, show_status},
    {0},
};
