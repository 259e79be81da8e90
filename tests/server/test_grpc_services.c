/* test_grpc_services - cairn.v1, health and reflection over a real collection without models. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cairn/v1/admin.pb-c.h"
#include "cairn/v1/ask.pb-c.h"
#include "cairn/v1/collections.pb-c.h"
#include "cairn/v1/documents.pb-c.h"
#include "cairn/v1/ingest.pb-c.h"
#include "cairn/v1/models.pb-c.h"
#include "cairn/v1/search.pb-c.h"
#include "google/protobuf/descriptor.pb-c.h"
#include "grpc/health/v1/health.pb-c.h"
#include "grpc/reflection/v1/reflection.pb-c.h"
#include "server/grpc/grpc_module.h"
#include "server/grpc/rpc.h"
#include "tests/server/grpc_client.h"

#define WAIT_NS INT64_C(120000000000)

typedef struct world {
    char top[64], home[96], config[96], docs[96];
    service *s;
    void *adapter;
    char address[ADAPTER_ADDRESS_BYTES];
    grpc_client client;
} world;

/* ---- a server over three documents ------------------------------------------------------------- */

static void write_text(const char *folder, const char *name, const char *text)
{
    char path[256];
    FILE *f;

    snprintf(path, sizeof path, "%s/%s", folder, name);
    f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    assert_int_equal(fclose(f), 0);
}

static void index_docs(world *w)
{
    const char *path = w->docs;
    service_job job;
    uint64_t id, seen = 0;
    cairn_error err;

    if (service_index(w->s, NULL, NULL, &path, 1, &id, &err))
        fail_msg("%s", err.text);
    do {
        assert_int_equal(service_job_wait(w->s, id, &seen, WAIT_NS, &job, &err), CAIRN_OK);
    } while (job.state < SERVICE_JOB_DONE);
    assert_int_equal(job.indexed, 3);
}

static void start_adapter(world *w, double per_second)
{
    adapter_options o = {0};
    cairn_error err;

    assert_int_equal(adapter_address_parse("127.0.0.1:0", &o.address, &err), CAIRN_OK);
    service_set_rate(w->s, per_second);
    if (grpc_module_adapter.start(w->s, &o, &w->adapter, w->address, &err))
        fail_msg("%s", err.text);
    client_open(&w->client, w->address);
}

static void stop_adapter(world *w)
{
    client_close(&w->client);
    grpc_module_adapter.stop(w->adapter);
}

static int set_up(void **state)
{
    world *w = calloc(1, sizeof *w);
    service_options o = {0};
    cairn_error err;

    assert_non_null(w);
    strcpy(w->top, "/tmp/cairn-grpc-XXXXXX");
    assert_non_null(mkdtemp(w->top));
    snprintf(w->home, sizeof w->home, "%s/home", w->top);
    snprintf(w->config, sizeof w->config, "%s/cairn.conf", w->top);
    snprintf(w->docs, sizeof w->docs, "%s/docs", w->top);
    assert_int_equal(mkdir(w->docs, 0700), 0);
    write_text(w->top, "cairn.conf", "[search]\nb = 0.7\n");
    write_text(w->docs, "a.txt", "The granite came from the quarry in autumn.\n");
    write_text(w->docs, "b.md", "# Tools\n\nA chisel splits granite along its grain. Gr\xC3\xBC\xC3\x9F"
                                "e aus M\xC3\xBCnchen.\n");
    write_text(w->docs, "c.txt", "Nothing about stone at all.\n");
    o.home = w->home;
    o.config_file = w->config;
    o.embedder = "/nonexistent/embedder";
    o.generator = "/nonexistent/generator";
    o.max_upload_bytes = 1 << 20;
    if (service_open(&w->s, &o, &err))
        fail_msg("%s", err.text);
    index_docs(w);
    start_adapter(w, 0);
    *state = w;
    return 0;
}

static int tear_down(void **state)
{
    world *w = *state;
    char command[128];

    stop_adapter(w);
    service_close(w->s);
    snprintf(command, sizeof command, "rm -rf '%s'", w->top);
    assert_int_equal(system(command), 0);
    free(w);
    return 0;
}

/* A unary call whose answer is of this type, unpacked; NULL unless the code is the one expected. */
static void *call(world *w, const char *path, const ProtobufCMessage *q,
                  const ProtobufCMessageDescriptor *type, int code)
{
    client_bytes b;
    int got = client_unary(&w->client, path, q, &b, NULL);
    void *m = NULL;

    if (got != code)
        fail_msg("%s: code %d instead of %d", path, got, code);
    if (code == RPC_OK) {
        assert_non_null(b.data);
        m = protobuf_c_message_unpack(type, NULL, b.len, b.data);
        assert_non_null(m);
    }
    free(b.data);
    return m;
}

static void drop(void *m)
{
    protobuf_c_message_free_unpacked(m, NULL);
}

/* ---- searching --------------------------------------------------------------------------------- */

static void search_finds_and_marks(void **state)
{
    world *w = *state;
    Cairn__V1__QueryRequest q = CAIRN__V1__QUERY_REQUEST__INIT;
    char *facets[] = {(char *)"ext"};
    Cairn__V1__QueryResponse *r;

    q.query = (char *)"granite";
    q.facets = facets;
    q.n_facets = 1;
    r = call(w, "/cairn.v1.Search/Query", &q.base, &cairn__v1__query_response__descriptor, RPC_OK);
    assert_int_equal(r->n_hits, 2);
    for (size_t i = 0; i < r->n_hits; i++) {
        const Cairn__V1__Hit *h = r->hits[i];
        assert_int_equal(h->rank, i + 1);
        assert_true(h->score > 0);
        assert_true(h->n_highlights > 0);
        assert_memory_equal(h->text + h->highlights[0]->start, "granite", 7);
        assert_int_equal(h->highlights[0]->end - h->highlights[0]->start, 7);
        assert_non_null(strstr(h->uri, w->docs));
    }
    assert_int_equal(r->mode, CAIRN__V1__MODE__MODE_LEXICAL); /* there is no model */
    assert_true(strlen(r->note) > 0);
    assert_int_equal(r->n_facets, 1);
    assert_int_equal(r->facets[0]->n_values, 2);
    drop(r);
    q.filter = (char *)"ext:md";
    q.mode = CAIRN__V1__MODE__MODE_LEXICAL;
    q.n_facets = 0;
    r = call(w, "/cairn.v1.Search/Query", &q.base, &cairn__v1__query_response__descriptor, RPC_OK);
    assert_int_equal(r->n_hits, 1);
    assert_string_equal(r->hits[0]->heading, "Tools");
    assert_int_equal(r->n_facets, 0);
    drop(r);
    q.query = (char *)"zirconium";
    r = call(w, "/cairn.v1.Search/Query", &q.base, &cairn__v1__query_response__descriptor, RPC_OK);
    assert_int_equal(r->n_hits, 0);
    drop(r);
}

static void search_refuses_what_makes_no_sense(void **state)
{
    world *w = *state;
    Cairn__V1__QueryRequest q = CAIRN__V1__QUERY_REQUEST__INIT;
    char *facets[] = {(char *)"colour"};

    q.query = (char *)"granite";
    q.k = 1001;
    call(w, "/cairn.v1.Search/Query", &q.base, NULL, RPC_INVALID_ARGUMENT);
    q.k = 10;
    q.mode = (Cairn__V1__Mode)77;
    call(w, "/cairn.v1.Search/Query", &q.base, NULL, RPC_INVALID_ARGUMENT);
    q.mode = CAIRN__V1__MODE__MODE_HYBRID;
    q.facets = facets;
    q.n_facets = 1;
    call(w, "/cairn.v1.Search/Query", &q.base, NULL, RPC_INVALID_ARGUMENT);
    q.n_facets = 0;
    q.collection = (char *)"elsewhere";
    call(w, "/cairn.v1.Search/Query", &q.base, NULL, RPC_NOT_FOUND);
    q.collection = (char *)"../default";
    call(w, "/cairn.v1.Search/Query", &q.base, NULL, RPC_INVALID_ARGUMENT);
}

static void stages_come_in_order(void **state)
{
    static const char *const names[] = {"lexical", "hybrid"};
    world *w = *state;
    Cairn__V1__QueryRequest q = CAIRN__V1__QUERY_REQUEST__INIT;
    client_call c;
    client_bytes b;
    size_t n = 0;

    q.query = (char *)"granite";
    client_begin(&c, &w->client, "/cairn.v1.Search/QueryStream", 0, NULL);
    client_send(&c, &q.base);
    client_half_close(&c);
    while (client_receive(&c, &b)) {
        Cairn__V1__QueryStage *s = cairn__v1__query_stage__unpack(NULL, b.len, b.data);
        assert_non_null(s);
        assert_true(n < 2);
        assert_string_equal(s->stage, names[n]);
        assert_int_equal(s->last, n == 1);
        assert_int_equal(s->result->n_hits, 2);
        n++;
        drop(s);
        free(b.data);
    }
    assert_int_equal(client_end(&c, NULL, NULL, 0), RPC_OK);
    assert_int_equal(n, 2);
}

/* ---- collections and documents ----------------------------------------------------------------- */

static void collections_are_made_and_listed(void **state)
{
    world *w = *state;
    Cairn__V1__ListCollectionsRequest all = CAIRN__V1__LIST_COLLECTIONS_REQUEST__INIT;
    Cairn__V1__CreateCollectionRequest make = CAIRN__V1__CREATE_COLLECTION_REQUEST__INIT;
    Cairn__V1__CollectionInfoRequest ask = CAIRN__V1__COLLECTION_INFO_REQUEST__INIT;
    Cairn__V1__ListCollectionsResponse *list;
    Cairn__V1__Collection *c;

    make.name = (char *)"annex";
    c = call(w, "/cairn.v1.Collections/Create", &make.base, &cairn__v1__collection__descriptor, RPC_OK);
    assert_string_equal(c->name, "annex");
    assert_int_equal(c->documents, 0);
    drop(c);
    make.name = (char *)"a/b";
    call(w, "/cairn.v1.Collections/Create", &make.base, NULL, RPC_INVALID_ARGUMENT);
    list = call(w, "/cairn.v1.Collections/List", &all.base,
                &cairn__v1__list_collections_response__descriptor, RPC_OK);
    assert_int_equal(list->n_names, 2);
    assert_string_equal(list->names[0], "annex");
    assert_string_equal(list->names[1], "default");
    drop(list);
    c = call(w, "/cairn.v1.Collections/Info", &ask.base, &cairn__v1__collection__descriptor, RPC_OK);
    assert_string_equal(c->name, "default");
    assert_int_equal(c->documents, 3);
    drop(c);
}

/* Gone with its uploads, for searches that had it open, too; a new one of the name is empty. */
static void a_collection_goes_with_all_it_has(void **state)
{
    world *w = *state;
    Cairn__V1__CreateCollectionRequest make = CAIRN__V1__CREATE_COLLECTION_REQUEST__INIT;
    Cairn__V1__DeleteCollectionRequest away = CAIRN__V1__DELETE_COLLECTION_REQUEST__INIT;
    Cairn__V1__CollectionInfoRequest ask = CAIRN__V1__COLLECTION_INFO_REQUEST__INIT;
    Cairn__V1__QueryRequest q = CAIRN__V1__QUERY_REQUEST__INIT;
    const char *path = w->docs;
    service_job job;
    uint64_t id, seen = 0;
    char left[160];
    cairn_error err;

    make.name = away.name = ask.name = q.collection = (char *)"annex";
    q.query = (char *)"granite";
    drop(call(w, "/cairn.v1.Collections/Create", &make.base, &cairn__v1__collection__descriptor, RPC_OK));
    assert_int_equal(service_index(w->s, NULL, "annex", &path, 1, &id, &err), CAIRN_OK);
    do {
        assert_int_equal(service_job_wait(w->s, id, &seen, WAIT_NS, &job, &err), CAIRN_OK);
    } while (job.state < SERVICE_JOB_DONE);
    drop(call(w, "/cairn.v1.Search/Query", &q.base, &cairn__v1__query_response__descriptor, RPC_OK));
    drop(call(w, "/cairn.v1.Collections/Delete", &away.base,
              &cairn__v1__delete_collection_response__descriptor, RPC_OK));
    call(w, "/cairn.v1.Search/Query", &q.base, NULL, RPC_NOT_FOUND);
    call(w, "/cairn.v1.Collections/Info", &ask.base, NULL, RPC_NOT_FOUND);
    call(w, "/cairn.v1.Collections/Delete", &away.base, NULL, RPC_NOT_FOUND);
    snprintf(left, sizeof left, "test \"$(ls -A '%s/collections')\" = default", w->home);
    assert_int_equal(system(left), 0);
    drop(call(w, "/cairn.v1.Collections/Create", &make.base, &cairn__v1__collection__descriptor, RPC_OK));
    Cairn__V1__QueryResponse *r = call(w, "/cairn.v1.Search/Query", &q.base,
                                       &cairn__v1__query_response__descriptor, RPC_OK);
    assert_int_equal(r->n_hits, 0);
    drop(r);
    away.name = (char *)"default";
    call(w, "/cairn.v1.Collections/Delete", &away.base, NULL, RPC_INVALID_ARGUMENT);
    away.name = (char *)"../collections";
    call(w, "/cairn.v1.Collections/Delete", &away.base, NULL, RPC_INVALID_ARGUMENT);
}

static void documents_come_page_by_page(void **state)
{
    static const char *const names[] = {"/a.txt", "/b.md", "/c.txt"};
    world *w = *state;
    Cairn__V1__ListDocumentsRequest q = CAIRN__V1__LIST_DOCUMENTS_REQUEST__INIT;
    Cairn__V1__ListDocumentsResponse *r;
    char token[4096] = "";
    size_t n = 0;

    q.page_size = 2;
    do {
        q.page_token = token;
        r = call(w, "/cairn.v1.Documents/List", &q.base,
                 &cairn__v1__list_documents_response__descriptor, RPC_OK);
        for (size_t i = 0; i < r->n_documents; i++, n++) {
            const char *uri = r->documents[i]->uri;
            assert_true(n < 3);
            assert_string_equal(uri + strlen(uri) - strlen(names[n]), names[n]);
            assert_string_equal(r->documents[i]->text, "");
        }
        assert_true(strlen(r->next_page_token) < sizeof token);
        strcpy(token, r->next_page_token);
        drop(r);
    } while (*token);
    assert_int_equal(n, 3);
    q.page_token = (char *)"no token";
    call(w, "/cairn.v1.Documents/List", &q.base, NULL, RPC_INVALID_ARGUMENT);
    q.page_token = (char *)"00";
    call(w, "/cairn.v1.Documents/List", &q.base, NULL, RPC_INVALID_ARGUMENT);
    q.page_token = (char *)"";
    q.page_size = 1001;
    call(w, "/cairn.v1.Documents/List", &q.base, NULL, RPC_INVALID_ARGUMENT);
}

static void a_document_comes_in_parts_and_goes(void **state)
{
    world *w = *state;
    Cairn__V1__GetDocumentRequest q = CAIRN__V1__GET_DOCUMENT_REQUEST__INIT;
    Cairn__V1__DeleteDocumentsRequest away = CAIRN__V1__DELETE_DOCUMENTS_REQUEST__INIT;
    Cairn__V1__DeleteDocumentsResponse *gone;
    Cairn__V1__Document *d, *whole;
    char path[256], joined[4096] = "";

    snprintf(path, sizeof path, "%s/b.md", w->docs);
    q.document = path;
    whole = call(w, "/cairn.v1.Documents/Get", &q.base, &cairn__v1__document__descriptor, RPC_OK);
    assert_non_null(strstr(whole->text, "chisel"));
    assert_int_equal(whole->text_bytes, strlen(whole->text));
    /* five bytes at a time, which may not cut a character */
    q.text_limit = 5;
    do {
        d = call(w, "/cairn.v1.Documents/Get", &q.base, &cairn__v1__document__descriptor, RPC_OK);
        assert_int_equal(d->text_offset, q.text_offset);
        assert_true(strlen(d->text) >= 4 || d->text_offset + strlen(d->text) == d->text_bytes);
        strcat(joined, d->text);
        q.text_offset += strlen(d->text);
        drop(d);
    } while (q.text_offset < whole->text_bytes);
    assert_string_equal(joined, whole->text);
    q.text_offset = UINT64_MAX;
    d = call(w, "/cairn.v1.Documents/Get", &q.base, &cairn__v1__document__descriptor, RPC_OK);
    assert_string_equal(d->text, "");
    drop(d);
    drop(whole);
    away.document = path;
    gone = call(w, "/cairn.v1.Documents/Delete", &away.base,
                &cairn__v1__delete_documents_response__descriptor, RPC_OK);
    assert_int_equal(gone->removed, 1);
    drop(gone);
    call(w, "/cairn.v1.Documents/Get", &q.base, NULL, RPC_NOT_FOUND);
}

/* ---- uploading --------------------------------------------------------------------------------- */

static void send_file(client_call *c, const char *name, const char *text, size_t piece)
{
    Cairn__V1__UploadRequest m = CAIRN__V1__UPLOAD_REQUEST__INIT;
    Cairn__V1__UploadFile f = CAIRN__V1__UPLOAD_FILE__INIT;

    f.name = (char *)name;
    m.part_case = CAIRN__V1__UPLOAD_REQUEST__PART_FILE;
    m.file = &f;
    client_send(c, &m.base);
    m.part_case = CAIRN__V1__UPLOAD_REQUEST__PART_DATA;
    for (size_t at = 0, n = strlen(text); at < n; at += piece) {
        m.data.len = piece < n - at ? piece : n - at;
        m.data.data = (uint8_t *)text + at;
        client_send(c, &m.base);
    }
}

static void uploads_are_indexed(void **state)
{
    world *w = *state;
    Cairn__V1__QueryRequest q = CAIRN__V1__QUERY_REQUEST__INIT;
    Cairn__V1__QueryResponse *r;
    Cairn__V1__UploadEvent *event = NULL;
    client_call c;
    client_bytes b;

    client_begin(&c, &w->client, "/cairn.v1.Ingest/Upload", 0, NULL);
    send_file(&c, "sent/basalt.txt", "Basalt is what is left of a lava flow.\n", 7);
    send_file(&c, "sent/slate.md", "# Slate\n\nSlate splits into plates.\n", 1000);
    client_half_close(&c);
    while (client_receive(&c, &b)) {
        if (event) {
            assert_int_equal(event->event_case, CAIRN__V1__UPLOAD_EVENT__EVENT_PROGRESS);
            drop(event);
        }
        event = cairn__v1__upload_event__unpack(NULL, b.len, b.data);
        assert_non_null(event);
        free(b.data);
    }
    assert_int_equal(client_end(&c, NULL, NULL, 0), RPC_OK);
    assert_non_null(event);
    assert_int_equal(event->event_case, CAIRN__V1__UPLOAD_EVENT__EVENT_REPORT);
    assert_int_equal(event->report->files, 2);
    assert_int_equal(event->report->indexed, 2);
    assert_int_equal(event->report->n_failed, 0);
    drop(event);
    q.query = (char *)"basalt lava";
    r = call(w, "/cairn.v1.Search/Query", &q.base, &cairn__v1__query_response__descriptor, RPC_OK);
    assert_int_equal(r->n_hits, 1);
    drop(r);
}

static int upload_one(world *w, const char *name, const char *text)
{
    client_call c;
    client_bytes b;

    client_begin(&c, &w->client, "/cairn.v1.Ingest/Upload", 0, NULL);
    send_file(&c, name, text, 100000);
    client_half_close(&c);
    while (client_receive(&c, &b))
        free(b.data);
    return client_end(&c, NULL, NULL, 0);
}

static void uploads_stay_in_their_place(void **state)
{
    static const char *const names[] = {"", "../escape.txt", "/etc/passwd", "a/../b", ".hidden", "a//b"};
    world *w = *state;
    Cairn__V1__UploadRequest m = CAIRN__V1__UPLOAD_REQUEST__INIT;
    client_call c;
    client_bytes b;
    char *big = malloc((1 << 20) + 2);

    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (upload_one(w, names[i], "x") != RPC_INVALID_ARGUMENT)
            fail_msg("taken: %s", names[i]);
    memset(big, 'x', (1 << 20) + 1);
    big[(1 << 20) + 1] = '\0';
    assert_int_equal(upload_one(w, "big.txt", big), RPC_RESOURCE_EXHAUSTED);
    free(big);
    /* bytes without a file */
    client_begin(&c, &w->client, "/cairn.v1.Ingest/Upload", 0, NULL);
    m.part_case = CAIRN__V1__UPLOAD_REQUEST__PART_DATA;
    client_send(&c, &m.base);
    client_half_close(&c);
    while (client_receive(&c, &b))
        free(b.data);
    assert_int_equal(client_end(&c, NULL, NULL, 0), RPC_INVALID_ARGUMENT);
}

/* ---- the rest ---------------------------------------------------------------------------------- */

static void status_counts(void **state)
{
    world *w = *state;
    Cairn__V1__StatusRequest q = CAIRN__V1__STATUS_REQUEST__INIT;
    Cairn__V1__StatusResponse *r = call(w, "/cairn.v1.Admin/Status", &q.base,
                                        &cairn__v1__status_response__descriptor, RPC_OK);

    assert_string_equal(r->version, cairn_version());
    assert_int_equal(r->documents, 3);
    assert_int_equal(r->calls_active, 1);
    assert_true(strlen(r->embedder->note) > 0);
    drop(r);
}

static void missing_models_are_said(void **state)
{
    world *w = *state;
    Cairn__V1__EmbedRequest e = CAIRN__V1__EMBED_REQUEST__INIT;
    Cairn__V1__RerankRequest k = CAIRN__V1__RERANK_REQUEST__INIT;
    Cairn__V1__GenerateRequest g = CAIRN__V1__GENERATE_REQUEST__INIT;
    Cairn__V1__AnswerRequest a = CAIRN__V1__ANSWER_REQUEST__INIT;
    char *texts[] = {(char *)"one"};

    e.texts = k.texts = texts;
    call(w, "/cairn.v1.Models/Embed", &e.base, NULL, RPC_INVALID_ARGUMENT); /* no text */
    e.n_texts = k.n_texts = 1;
    call(w, "/cairn.v1.Models/Embed", &e.base, NULL, RPC_FAILED_PRECONDITION);
    e.model = (char *)"/etc/passwd";
    call(w, "/cairn.v1.Models/Embed", &e.base, NULL, RPC_INVALID_ARGUMENT);
    k.model = (char *)"../a";
    call(w, "/cairn.v1.Models/Rerank", &k.base, NULL, RPC_INVALID_ARGUMENT);
    call(w, "/cairn.v1.Models/Generate", &g.base, NULL, RPC_INVALID_ARGUMENT);
    g.prompt = (char *)"Once";
    call(w, "/cairn.v1.Models/Generate", &g.base, NULL, RPC_FAILED_PRECONDITION);
    a.question = (char *)"Where did the granite come from?";
    call(w, "/cairn.v1.Ask/Answer", &a.base, NULL, RPC_FAILED_PRECONDITION);
    a.temperature = -1;
    call(w, "/cairn.v1.Ask/Answer", &a.base, NULL, RPC_INVALID_ARGUMENT);
}

static int health_of(world *w, const char *name, int code)
{
    Grpc__Health__V1__HealthCheckRequest q = GRPC__HEALTH__V1__HEALTH_CHECK_REQUEST__INIT;
    Grpc__Health__V1__HealthCheckResponse *r;
    int status;

    q.service = (char *)name;
    r = call(w, "/grpc.health.v1.Health/Check", &q.base,
             &grpc__health__v1__health_check_response__descriptor, code);
    status = r ? (int)r->status : -1;
    if (r)
        drop(r);
    return status;
}

static int watched(client_call *c)
{
    Grpc__Health__V1__HealthCheckResponse *r;
    client_bytes b;
    int status;

    assert_true(client_receive(c, &b));
    r = grpc__health__v1__health_check_response__unpack(NULL, b.len, b.data);
    assert_non_null(r);
    status = (int)r->status;
    drop(r);
    free(b.data);
    return status;
}

static void health_is_told_until_the_end(void **state)
{
    world *w = *state;
    Grpc__Health__V1__HealthCheckRequest q = GRPC__HEALTH__V1__HEALTH_CHECK_REQUEST__INIT;
    client_call stays, leaves;

    assert_int_equal(health_of(w, "", RPC_OK), 1);
    assert_int_equal(health_of(w, "cairn.v1.Search", RPC_OK), 1);
    health_of(w, "cairn.v1.Nothing", RPC_NOT_FOUND);
    client_begin(&leaves, &w->client, "/grpc.health.v1.Health/Watch", 0, NULL);
    client_send(&leaves, &q.base);
    client_half_close(&leaves);
    assert_int_equal(watched(&leaves), 1);
    grpc_call_cancel(leaves.call, NULL);
    assert_int_equal(client_end(&leaves, NULL, NULL, 0), RPC_CANCELLED);
    client_begin(&stays, &w->client, "/grpc.health.v1.Health/Watch", 0, NULL);
    client_send(&stays, &q.base);
    client_half_close(&stays);
    assert_int_equal(watched(&stays), 1);
    grpc_module_adapter.drain(w->adapter);
    assert_int_equal(watched(&stays), 2);
    assert_int_equal(client_end(&stays, NULL, NULL, 0), RPC_UNAVAILABLE);
}

/* ---- reflection -------------------------------------------------------------------------------- */

static Grpc__Reflection__V1__ServerReflectionResponse *
ask_reflection(client_call *c, const Grpc__Reflection__V1__ServerReflectionRequest *q)
{
    Grpc__Reflection__V1__ServerReflectionResponse *r;
    client_bytes b;

    client_send(c, &q->base);
    assert_true(client_receive(c, &b));
    r = grpc__reflection__v1__server_reflection_response__unpack(NULL, b.len, b.data);
    assert_non_null(r);
    free(b.data);
    return r;
}

/* Each file comes with its imports, and those stand before it. */
static void check_files(const Grpc__Reflection__V1__FileDescriptorResponse *files)
{
    char seen[64][100];
    size_t n = files->n_file_descriptor_proto;

    assert_true(n > 0 && n <= 64);
    for (size_t i = 0; i < n; i++) {
        Google__Protobuf__FileDescriptorProto *f = google__protobuf__file_descriptor_proto__unpack(
            NULL, files->file_descriptor_proto[i].len, files->file_descriptor_proto[i].data);
        assert_non_null(f);
        for (size_t d = 0; d < f->n_dependency; d++) {
            size_t at = 0;
            while (at < i && strcmp(seen[at], f->dependency[d]))
                at++;
            if (at == i)
                fail_msg("%s comes before its import %s", f->name, f->dependency[d]);
        }
        snprintf(seen[i], sizeof seen[i], "%s", f->name);
        drop(f);
    }
}

static void reflect_over(world *w, const char *path)
{
    Grpc__Reflection__V1__ServerReflectionRequest q =
        GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__INIT;
    Grpc__Reflection__V1__ServerReflectionResponse *services, *r;
    static const char *const symbols[] = {"cairn.v1.Search.Query", "cairn.v1.Facet.Value", "cairn.v1.Mode",
                                          "cairn.v1.Hit.uri", "grpc.health.v1.HealthCheckResponse.ServingStatus"};
    client_call c;

    client_begin(&c, &w->client, path, 0, NULL);
    q.message_request_case = GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__MESSAGE_REQUEST_LIST_SERVICES;
    q.list_services = (char *)"";
    services = ask_reflection(&c, &q);
    assert_int_equal(services->list_services_response->n_service, 10);
    q.message_request_case =
        GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__MESSAGE_REQUEST_FILE_CONTAINING_SYMBOL;
    for (size_t i = 0; i < 10; i++) {
        q.file_containing_symbol = services->list_services_response->service[i]->name;
        r = ask_reflection(&c, &q);
        check_files(r->file_descriptor_response);
        drop(r);
    }
    drop(services);
    for (size_t i = 0; i < sizeof symbols / sizeof *symbols; i++) {
        q.file_containing_symbol = (char *)symbols[i];
        r = ask_reflection(&c, &q);
        if (!r->file_descriptor_response)
            fail_msg("%s is not found", symbols[i]);
        check_files(r->file_descriptor_response);
        drop(r);
    }
    q.file_containing_symbol = (char *)"cairn.v1.Search.Nothing";
    r = ask_reflection(&c, &q);
    assert_int_equal(r->error_response->error_code, RPC_NOT_FOUND);
    drop(r);
    q.message_request_case = GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__MESSAGE_REQUEST_FILE_BY_FILENAME;
    q.file_by_filename = (char *)"cairn/v1/ask.proto";
    r = ask_reflection(&c, &q);
    assert_int_equal(r->file_descriptor_response->n_file_descriptor_proto, 2);
    drop(r);
    client_half_close(&c);
    assert_int_equal(client_end(&c, NULL, NULL, 0), RPC_OK);
}

static void reflection_tells_all(void **state)
{
    reflect_over(*state, "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo");
    reflect_over(*state, "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo");
}

/* ---- who may what ------------------------------------------------------------------------------ */

static void add_token(world *w, const char *name, service_role role, const char *collections,
                      char header[120])
{
    char file[128], token[80];
    cairn_error err;

    snprintf(file, sizeof file, "%s/tokens", w->home);
    if (service_token_add(file, name, role, collections, NULL, 0, token, &err))
        fail_msg("%s", err.text);
    snprintf(header, 120, "Bearer %s", token);
}

static int code_with(world *w, const char *path, const ProtobufCMessage *q, const char *header)
{
    client_bytes b;
    int code = client_unary(&w->client, path, q, &b, header);

    free(b.data);
    return code;
}

static void roles_bound_what_a_token_does(void **state)
{
    world *w = *state;
    Cairn__V1__QueryRequest search = CAIRN__V1__QUERY_REQUEST__INIT;
    Cairn__V1__DeleteDocumentsRequest away = CAIRN__V1__DELETE_DOCUMENTS_REQUEST__INIT;
    Cairn__V1__StatusRequest status = CAIRN__V1__STATUS_REQUEST__INIT;
    Cairn__V1__ListCollectionsRequest all = CAIRN__V1__LIST_COLLECTIONS_REQUEST__INIT;
    char reader[120], other[120], admin[120];

    add_token(w, "reader", SERVICE_READ, NULL, reader);
    add_token(w, "other", SERVICE_WRITE, "annex", other);
    add_token(w, "boss", SERVICE_ADMIN, NULL, admin);
    assert_int_equal(service_reload(w->s, NULL), CAIRN_OK);
    search.query = (char *)"granite";
    away.document = (char *)"/nothing";
    assert_int_equal(code_with(w, "/cairn.v1.Search/Query", &search.base, NULL), RPC_UNAUTHENTICATED);
    assert_int_equal(code_with(w, "/cairn.v1.Search/Query", &search.base, "Bearer nonsense"),
                     RPC_UNAUTHENTICATED);
    assert_int_equal(code_with(w, "/cairn.v1.Search/Query", &search.base, "Basic YTpi"),
                     RPC_UNAUTHENTICATED);
    assert_int_equal(code_with(w, "/cairn.v1.Search/Query", &search.base, reader), RPC_OK);
    assert_int_equal(code_with(w, "/cairn.v1.Search/Query", &search.base, other), RPC_PERMISSION_DENIED);
    assert_int_equal(code_with(w, "/cairn.v1.Documents/Delete", &away.base, reader),
                     RPC_PERMISSION_DENIED);
    assert_int_equal(code_with(w, "/cairn.v1.Documents/Delete", &away.base, other),
                     RPC_PERMISSION_DENIED);
    assert_int_equal(code_with(w, "/cairn.v1.Admin/Status", &status.base, reader), RPC_PERMISSION_DENIED);
    assert_int_equal(code_with(w, "/cairn.v1.Admin/Status", &status.base, admin), RPC_OK);
    assert_int_equal(code_with(w, "/cairn.v1.Collections/List", &all.base, other), RPC_OK);
    assert_int_equal(health_of(w, "", RPC_OK), 1); /* needs none */
}

static void callers_are_slowed_down(void **state)
{
    world *w = *state;
    Cairn__V1__StatusRequest status = CAIRN__V1__STATUS_REQUEST__INIT;

    stop_adapter(w);
    start_adapter(w, 0.001); /* one, and the next in a quarter of an hour */
    assert_int_equal(code_with(w, "/cairn.v1.Admin/Status", &status.base, NULL), RPC_OK);
    assert_int_equal(code_with(w, "/cairn.v1.Admin/Status", &status.base, NULL),
                     RPC_RESOURCE_EXHAUSTED);
    assert_int_equal(health_of(w, "", RPC_OK), 1);
}

/* ---- all at once ------------------------------------------------------------------------------- */

#define CLIENTS 8
#define ROUNDS  15

typedef struct worker {
    world *w;
    int number, wrong;
} worker;

static int quick_call(grpc_client *client, const char *path, const ProtobufCMessage *q)
{
    client_bytes b;
    int code = client_unary(client, path, q, &b, NULL);

    free(b.data);
    return code;
}

/* A stream that is cut off in the middle. */
static void cut_off(grpc_client *client, const ProtobufCMessage *q)
{
    client_call c;
    client_bytes b;

    client_begin(&c, client, "/cairn.v1.Search/QueryStream", 0, NULL);
    client_send(&c, q);
    client_half_close(&c);
    if (client_receive(&c, &b))
        free(b.data);
    grpc_call_cancel(c.call, NULL);
    client_end(&c, NULL, NULL, 0);
}

static void *work(void *arg)
{
    worker *me = arg;
    Cairn__V1__QueryRequest search = CAIRN__V1__QUERY_REQUEST__INIT;
    Cairn__V1__StatusRequest status = CAIRN__V1__STATUS_REQUEST__INIT;
    Cairn__V1__ListDocumentsRequest list = CAIRN__V1__LIST_DOCUMENTS_REQUEST__INIT;
    grpc_client client;
    client_call c;
    client_bytes b;
    char name[32], text[64];

    client_open(&client, me->w->address);
    search.query = (char *)"granite";
    for (int i = 0; i < ROUNDS; i++) {
        me->wrong += quick_call(&client, "/cairn.v1.Search/Query", &search.base) != RPC_OK;
        me->wrong += quick_call(&client, "/cairn.v1.Documents/List", &list.base) != RPC_OK;
        me->wrong += quick_call(&client, "/cairn.v1.Admin/Status", &status.base) != RPC_OK;
        cut_off(&client, &search.base);
    }
    snprintf(name, sizeof name, "from-%d.txt", me->number);
    client_begin(&c, &client, "/cairn.v1.Ingest/Upload", 0, NULL);
    /* Files with the same bytes would be one passage. */
    snprintf(text, sizeof text, "Gneiss is banded, said number %d.\n", me->number);
    send_file(&c, name, text, 5);
    client_half_close(&c);
    while (client_receive(&c, &b))
        free(b.data);
    me->wrong += client_end(&c, NULL, NULL, 0) != RPC_OK;
    client_close(&client);
    return NULL;
}

static void many_clients_are_served_at_once(void **state)
{
    world *w = *state;
    Cairn__V1__QueryRequest q = CAIRN__V1__QUERY_REQUEST__INIT;
    Cairn__V1__QueryResponse *r;
    pthread_t threads[CLIENTS];
    worker workers[CLIENTS];

    for (int i = 0; i < CLIENTS; i++) {
        workers[i] = (worker){.w = w, .number = i};
        assert_int_equal(pthread_create(&threads[i], NULL, work, &workers[i]), 0);
    }
    for (int i = 0; i < CLIENTS; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(workers[i].wrong, 0);
    }
    q.query = (char *)"gneiss";
    q.k = 100;
    r = call(w, "/cairn.v1.Search/Query", &q.base, &cairn__v1__query_response__descriptor, RPC_OK);
    assert_int_equal(r->n_hits, CLIENTS);
    drop(r);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(search_finds_and_marks),
        TEST(search_refuses_what_makes_no_sense),
        TEST(stages_come_in_order),
        TEST(collections_are_made_and_listed),
        TEST(a_collection_goes_with_all_it_has),
        TEST(documents_come_page_by_page),
        TEST(a_document_comes_in_parts_and_goes),
        TEST(uploads_are_indexed),
        TEST(uploads_stay_in_their_place),
        TEST(status_counts),
        TEST(missing_models_are_said),
        TEST(health_is_told_until_the_end),
        TEST(reflection_tells_all),
        TEST(roles_bound_what_a_token_does),
        TEST(callers_are_slowed_down),
        TEST(many_clients_are_served_at_once),
    };
    grpc_init(); /* one for all, so that the core is not started anew for each test */
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    grpc_shutdown_blocking();
    return failed;
}
