/* test_client - what can go wrong between Cairn and a cluster, by a node that answers as it is told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "opensearch/room.h"
#include "tests/opensearch/fake_node.h"

#define STEPS(...)                                                                                \
    static const fake_step steps[] = {__VA_ARGS__};                                               \
    const size_t n_steps = sizeof steps / sizeof *steps

#define MANY_STEPS 4096 /* more than a slow machine makes of them */

static fake_node node;

static client *connect_to(const char *urls, client_options o)
{
    cairn_error err = {0};
    client *c;

    o.urls = urls;
    if (!o.retry_ms)
        o.retry_ms = 600000; /* generous: what is tested ends before */
    if (client_create(&c, &o, &err))
        fail_msg("%s", err.text);
    return c;
}

static client *begin(const fake_step *steps, size_t n, client_options o)
{
    char url[64];

    fake_start(&node, steps, n);
    snprintf(url, sizeof url, "http://127.0.0.1:%u", node.port);
    return connect_to(url, o);
}

static void end(client *c)
{
    client_destroy(c);
    fake_stop(&node);
}

static cairn_status get(client *c, client_request r, json_t **reply, cairn_error *err)
{
    long status;

    r.method = r.method ? r.method : "GET";
    r.path = "/x";
    return client_call(c, &r, &status, reply, err);
}

static void busy_nodes_are_asked_again(void **state)
{
    (void)state;
    STEPS({FAKE_REPLY, 503, NULL, "{}"}, {FAKE_REPLY, 429, "Retry-After: 1\r\n", "{}"}, {FAKE_REPLY, 502, NULL, "{}"},
          {FAKE_REPLY, 200, NULL, "{\"a\":1}"});
    client *c = begin(steps, n_steps, (client_options){0});
    json_t *reply;
    cairn_error err;

    assert_int_equal(get(c, (client_request){0}, &reply, &err), CAIRN_OK);
    assert_int_equal(json_integer_value(json_object_get(reply, "a")), 1);
    assert_int_equal(node.n_requests, 4);
    assert_int_equal(client_counted(c).retries, 3);
    json_decref(reply);
    end(c);
}

static void broken_answers_are_asked_for_again(void **state)
{
    (void)state;
    STEPS({FAKE_HANG_UP, 0, NULL, NULL}, {FAKE_CUT, 0, NULL, NULL}, {FAKE_NOISE, 0, NULL, NULL},
          {FAKE_REPLY, 200, NULL, "<html>proxy</html>"}, {FAKE_REPLY, 200, NULL, "{\"a\":2}"});
    client *c = begin(steps, n_steps, (client_options){0});
    json_t *reply;
    cairn_error err;

    assert_int_equal(get(c, (client_request){0}, &reply, &err), CAIRN_OK);
    assert_int_equal(json_integer_value(json_object_get(reply, "a")), 2);
    assert_int_equal(node.n_requests, 5);
    json_decref(reply);
    end(c);
}

/* What may not be done twice is not sent again when its fate is unknown. */
static void once_means_once(void **state)
{
    (void)state;
    STEPS({FAKE_HANG_UP, 0, NULL, NULL}, {FAKE_REPLY, 200, NULL, "{}"});
    client *c = begin(steps, n_steps, (client_options){0});
    json_t *reply;
    cairn_error err;

    assert_int_equal(get(c, (client_request){.once = true}, &reply, &err), CAIRN_EIO);
    assert_null(reply);
    assert_int_equal(node.n_requests, 1);
    end(c);
}

static void another_node_is_asked(void **state)
{
    (void)state;
    STEPS({FAKE_KEEP, 200, NULL, "{\"a\":3}"}, {FAKE_KEEP, 200, NULL, "{\"a\":4}"});
    unsigned short dead;
    int fd = fake_bind(&dead); /* bound, so nobody else has it, and not listening */
    char urls[128];
    json_t *reply;
    cairn_error err;
    client *c;

    fake_start(&node, steps, n_steps);
    snprintf(urls, sizeof urls, "http://127.0.0.1:%u, http://127.0.0.1:%u/", dead, node.port);
    c = connect_to(urls, (client_options){0});
    assert_int_equal(get(c, (client_request){.once = true}, &reply, &err), CAIRN_OK);
    json_decref(reply);
    /* The one that answered is asked first from now on, over the connection that is there. */
    uint64_t before = client_counted(c).requests;
    assert_int_equal(get(c, (client_request){0}, &reply, &err), CAIRN_OK);
    assert_int_equal(json_integer_value(json_object_get(reply, "a")), 4);
    assert_int_equal(client_counted(c).requests, before + 1);
    assert_int_equal(node.n_connections, 1);
    json_decref(reply);
    close(fd);
    end(c);
}

/* A node that stands still takes the connection and says nothing. Its time here is an hour, which nobody waits for:
 * whichever of both is asked first, the other one answers. */
static void a_standing_node_is_left(void **state)
{
    (void)state;
    static const fake_step silent[MANY_STEPS] = {[0 ... MANY_STEPS - 1] = {FAKE_SILENT, 0, NULL, NULL}};
    static const fake_step answers[MANY_STEPS] = {[0 ... MANY_STEPS - 1] = {FAKE_REPLY, 200, NULL, "{\"a\":6}"}};
    static fake_node standing;
    char urls[128];

    fake_start(&standing, silent, MANY_STEPS);
    fake_start(&node, answers, MANY_STEPS);
    snprintf(urls, sizeof urls, "http://127.0.0.1:%u,http://127.0.0.1:%u", standing.port, node.port);
    for (int i = 0; i < 8; i++) {
        client *c = connect_to(urls, (client_options){.timeout_ms = 3600000, .retry_ms = 7200000, .read_ms = 50});
        json_t *reply;
        cairn_error err;
        assert_int_equal(get(c, (client_request){0}, &reply, &err), CAIRN_OK);
        assert_int_equal(json_integer_value(json_object_get(reply, "a")), 6);
        json_decref(reply);
        client_destroy(c);
    }
    fake_stop(&standing);
    fake_stop(&node);
}

/* Once a search was late and a node does not tell its id, searches name those that do: in an address, and in the head of
 * each search of many. What writes, and what is no search, stays as it is. */
static void copies_elsewhere_are_preferred(void **state)
{
    (void)state;
    static const fake_step silent[MANY_STEPS] = {[0 ... MANY_STEPS - 1] = {FAKE_SILENT, 0, NULL, NULL}};
    static const fake_step answers[MANY_STEPS] = {
        [0 ... MANY_STEPS - 1] = {FAKE_REPLY, 200, NULL, "{\"nodes\":{\"id-B\":{\"name\":\"b\"},\"&x=\":{}}}"}};
    static const char many[] = "{\"index\":\"c\"}\n{\"size\":1}\n{\"index\":\"d\"}\n{}\n";
    static const char want[] = "{\"index\":\"c\",\"preference\":\"_prefer_nodes:id-B\"}\n{\"size\":1}\n"
                               "{\"index\":\"d\",\"preference\":\"_prefer_nodes:id-B\"}\n{}\n";
    static const struct {
        const char *method, *path, *begins;
    } others[] = {
        {"POST", "/c/_search", "POST /c/_search?preference=_prefer_nodes:id-B HTTP"},
        {"POST", "/c/_count?a=1", "POST /c/_count?a=1&preference=_prefer_nodes:id-B HTTP"},
        {"GET", "/c/_doc/7", "GET /c/_doc/7?preference=_prefer_nodes:id-B HTTP"},
        {"PUT", "/c/_doc/7", "PUT /c/_doc/7 HTTP"},
        {"GET", "/_cluster/health", "GET /_cluster/health HTTP"},
    };
    bool late = false;

    while (!late) { /* a client begins anywhere */
        static fake_node standing;
        char urls[128];
        client_request r = {.method = "POST", .path = "/_msearch", .body = many, .len = sizeof many - 1, .lines = true};
        json_t *reply;
        cairn_error err;
        long status;
        fake_start(&standing, silent, MANY_STEPS);
        fake_start(&node, answers, MANY_STEPS);
        snprintf(urls, sizeof urls, "http://127.0.0.1:%u,http://127.0.0.1:%u", standing.port, node.port);
        client *c = connect_to(urls, (client_options){.timeout_ms = 3600000, .retry_ms = 7200000, .read_ms = 1000});
        assert_int_equal(client_call(c, &r, &status, &reply, &err), CAIRN_OK);
        json_decref(reply);
        late = node.n_requests > 1;
        assert_string_equal(node.body[node.n_requests - 1], late ? want : many);
        for (size_t i = 0; late && i < sizeof others / sizeof *others; i++) {
            r = (client_request){.method = others[i].method, .path = others[i].path};
            assert_int_equal(client_call(c, &r, &status, &reply, &err), CAIRN_OK);
            json_decref(reply);
            assert_memory_equal(node.request[node.n_requests - 1], others[i].begins, strlen(others[i].begins));
        }
        client_destroy(c);
        fake_stop(&standing);
        fake_stop(&node);
    }
}

static void no_node_answers(void **state)
{
    unsigned short dead;
    int fd = fake_bind(&dead);
    char url[64];
    json_t *reply;
    cairn_error err;
    client *c;

    (void)state;
    snprintf(url, sizeof url, "http://127.0.0.1:%u", dead);
    c = connect_to(url, (client_options){.retry_ms = 300});
    assert_int_equal(get(c, (client_request){0}, &reply, &err), CAIRN_EIO);
    assert_non_null(strstr(err.text, url));
    client_destroy(c);
    close(fd);
}

static void a_slow_node_meets_the_deadline(void **state)
{
    (void)state;
    STEPS({FAKE_SILENT, 0, NULL, NULL}, {FAKE_SILENT, 0, NULL, NULL}, {FAKE_SILENT, 0, NULL, NULL});
    client *c = begin(steps, n_steps, (client_options){0});
    client_request r = {.limits = {.deadline_ns = clock_mono_ns() + 300000000}};
    json_t *reply;
    cairn_error err;

    assert_int_equal(get(c, r, &reply, &err), CAIRN_ELIMIT);
    end(c);
}

static void a_flag_stops_it(void **state)
{
    (void)state;
    STEPS({FAKE_CANCEL, 0, NULL, NULL});
    static volatile sig_atomic_t flag;
    client *c = begin(steps, n_steps, (client_options){0});
    json_t *reply;
    cairn_error err;

    flag = 0;
    node.flag = &flag;
    assert_int_equal(get(c, (client_request){.limits = {.cancel = &flag}}, &reply, &err), CAIRN_ECANCELLED);
    assert_int_equal(node.n_requests, 1);
    end(c);
}

/* What a run has collected may still be written for a while after the signal. */
static void a_flag_gives_grace(void **state)
{
    (void)state;
    STEPS({FAKE_SET, 503, NULL, "{}"}, {FAKE_REPLY, 200, NULL, "{\"a\":5}"}, {FAKE_REPLY, 503, NULL, "{}"}, {FAKE_REPLY, 200, NULL, "{}"});
    static volatile sig_atomic_t flag;
    client *c = begin(steps, n_steps, (client_options){0});
    json_t *reply;
    cairn_error err;

    flag = 0;
    node.flag = &flag;
    assert_int_equal(get(c, (client_request){.limits = {.cancel = &flag, .grace_ms = 3600000}}, &reply, &err), CAIRN_OK);
    assert_int_equal(json_integer_value(json_object_get(reply, "a")), 5);
    json_decref(reply);
    assert_int_equal(node.n_requests, 2);
    assert_int_equal(get(c, (client_request){.limits = {.cancel = &flag}}, &reply, &err), CAIRN_ECANCELLED);
    end(c);
}

static void a_long_reply_is_refused(void **state)
{
    (void)state;
    STEPS({FAKE_LONG, 5000, NULL, NULL}, {FAKE_REPLY, 200, NULL, "{}"});
    client *c = begin(steps, n_steps, (client_options){.reply_bytes = 4096});
    json_t *reply;
    cairn_error err;

    assert_int_equal(get(c, (client_request){0}, &reply, &err), CAIRN_ELIMIT);
    assert_int_equal(node.n_requests, 1); /* it would be as long again */
    end(c);
}

static void errors_are_told_in_words(void **state)
{
    static const struct {
        int status;
        const char *body;
        cairn_status st;
        const char *says;
    } answers[] = {
        {401, "{}", CAIRN_EUSAGE, "backend.user"},
        {401, "<html>Unauthorized</html>", CAIRN_EUSAGE, "backend.user"},
        {403, "{\"error\":{\"type\":\"security_exception\",\"reason\":\"no permissions\"}}", CAIRN_EUSAGE, "no permissions"},
        {403, "{\"error\":{\"root_cause\":[{\"type\":\"cluster_block_exception\",\"reason\":\"index [x] blocked by: [TOO_MANY_REQUESTS/12/"
              "disk usage exceeded flood-stage watermark]\"}]}}",
         CAIRN_EFULL, "disks are full"},
        {400, "{\"error\":{\"root_cause\":[{\"type\":\"parsing_exception\",\"reason\":\"unknown query\"}]}}", CAIRN_EUNSUPPORTED,
         "unknown query"},
        {500, "[]", CAIRN_EIO, "500"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
        fake_step step = {FAKE_REPLY, answers[i].status, NULL, answers[i].body};
        client *c = begin(&step, 1, (client_options){0});
        json_t *reply;
        cairn_error err = {0};
        assert_int_equal(get(c, (client_request){0}, &reply, &err), answers[i].st);
        if (!strstr(err.text, answers[i].says))
            fail_msg("%d: %s", answers[i].status, err.text);
        end(c);
    }
}

static void credentials_go_in_a_header_alone(void **state)
{
    (void)state;
    STEPS({FAKE_REPLY, 200, NULL, "{}"}, {FAKE_REPLY, 401, NULL, "{}"});
    client *c = begin(steps, n_steps, (client_options){.user = "ann", .password = "open sesame"});
    json_t *reply;
    cairn_error err;

    assert_int_equal(get(c, (client_request){0}, &reply, &err), CAIRN_OK);
    json_decref(reply);
    assert_non_null(strstr(node.request[0], "\r\nAuthorization: Basic YW5uOm9wZW4gc2VzYW1l\r\n"));
    assert_int_equal(get(c, (client_request){0}, &reply, &err), CAIRN_EUSAGE);
    assert_null(strstr(err.text, "sesame"));
    assert_null(strstr(err.text, "YW5u"));
    end(c);
    assert_int_equal(client_create(&c, &(client_options){.urls = "http://ann:open@127.0.0.1"}, &err), CAIRN_EUSAGE);
    assert_null(strstr(err.text, "open@"));
    assert_int_equal(client_create(&c, &(client_options){.urls = "ftp://127.0.0.1"}, &err), CAIRN_EUSAGE);
    assert_int_equal(client_create(&c, &(client_options){.urls = " , "}, &err), CAIRN_EUSAGE);
}

/* ---- a transaction that fails ---- */

/* What it sent is removed, if not at once then before the next one begins: under ids of no document, passages would
 * take the places of others. */
static void what_a_failed_transaction_sent_is_removed(void **state)
{
    (void)state;
    STEPS({FAKE_REPLY, 200, NULL, "{\"hits\":{\"hits\":[]}}"},
          {FAKE_REPLY, 200, NULL, "{\"errors\":true,\"items\":[{\"index\":{\"status\":400,\"error\":{\"type\":\"x\",\"reason\":\"bad\"}}}]}"},
          {FAKE_REPLY, 200, NULL, "{}"}, {FAKE_REPLY, 500, NULL, "{\"error\":{\"type\":\"x\",\"reason\":\"not now\"}}"},
          {FAKE_REPLY, 200, NULL, "{}"}, {FAKE_REPLY, 200, NULL, "{\"failures\":[]}"});
    struct os_store s = {.head = {&opensearch_backend}, .client = begin(steps, n_steps, (client_options){0}), .name = (char *)"x",
                         .prefix = (char *)"x", .documents = (char *)"x-d", .chunks = (char *)"x-c", .state = (char *)"x-s",
                         .retry_ms = CLIENT_RETRY_MS, .is_writer = true, .lease_ms = 60000};
    store_doc doc = {.uri = "/a", .title = "a", .author = "", .lang = "", .mime = "", .ext = "", .meta_json = ""};
    cairn_error err = {0};
    store_txn *t;
    doc_id id;

    s.held = (os_state){.next_doc = 5, .lent = 100, .removing = json_array(), .lease_until_ms = INT64_MAX / 2};
    assert_int_equal(store_txn_begin((store *)&s, &t, &err), CAIRN_OK);
    if (store_doc_put(t, &doc, &id, &err))
        fail_msg("%s", err.text);
    assert_int_equal(id, 5);
    assert_int_not_equal(store_txn_commit(t, &err), CAIRN_OK);
    assert_int_equal(node.n_requests, 4);
    assert_int_equal(s.left.from, 5);
    assert_int_equal(s.left.to, 6);
    assert_int_equal(store_txn_begin((store *)&s, &t, &err), CAIRN_OK);
    assert_int_equal(node.n_requests, 6);
    assert_non_null(strstr(node.body[5], "\"gte\":5,\"lt\":6"));
    assert_int_equal(s.left.to, 0);
    store_txn_abort(t);
    os_state_clear(&s.held);
    end(s.client);
}

/* ---- bulk ---- */

static void bulk_sends_again_what_was_refused(void **state)
{
    (void)state;
    STEPS({FAKE_REPLY, 200, NULL,
           "{\"errors\":true,\"items\":[{\"index\":{\"status\":201}},{\"update\":{\"status\":429,\"error\":{\"reason\":\"full\"}}},"
           "{\"delete\":{\"status\":404}},{\"index\":{\"status\":503}}]}"},
          {FAKE_REPLY, 200, NULL, "{\"errors\":false,\"items\":[{\"update\":{\"status\":200}},{\"index\":{\"status\":201}}]}"});
    struct os_store s = {.client = begin(steps, n_steps, (client_options){0}), .name = (char *)"x", .retry_ms = CLIENT_RETRY_MS};
    cairn_error err = {0};
    bytes lines;

    bytes_init(&lines, 4096);
    assert_int_equal(bytes_append_str(&lines, "{\"index\":{\"_id\":\"1\"}}\n{\"a\":1}\n{\"update\":{\"_id\":\"2\"}}\n{\"doc\":{}}\n"
                                              "{\"delete\":{\"_id\":\"3\"}}\n{\"index\":{\"_id\":\"4\"}}\n{\"a\":4}\n"),
                     CAIRN_OK);
    if (os_bulk(&s, &lines, true, &err))
        fail_msg("%s", err.text);
    assert_int_equal(node.n_requests, 2);
    assert_string_equal(node.body[1], "{\"update\":{\"_id\":\"2\"}}\n{\"doc\":{}}\n{\"index\":{\"_id\":\"4\"}}\n{\"a\":4}\n");
    bytes_clear(&lines);
    end(s.client);
}

/* HTTP 200 says nothing of the searches in it either; and a store without time to wait tells what failed. */
static void searches_that_failed_for_want_of_a_node_are_asked_again(void **state)
{
    (void)state;
    STEPS({FAKE_REPLY, 200, NULL, "{\"responses\":[{\"status\":200,\"hits\":{}},{\"status\":503,\"error\":{\"type\":\"no_shard\"}}]}"},
          {FAKE_REPLY, 200, NULL, "{\"responses\":[{\"status\":200,\"_shards\":{\"failed\":1}},{\"status\":200}]}"},
          {FAKE_REPLY, 200, NULL, "{\"responses\":[{\"status\":200},{\"status\":200}]}"},
          {FAKE_REPLY, 200, NULL, "{\"responses\":[{\"status\":429,\"error\":{\"type\":\"rejected\",\"reason\":\"queue full\"}}]}"});
    struct os_store s = {.client = begin(steps, n_steps, (client_options){0}), .name = (char *)"x", .retry_ms = CLIENT_RETRY_MS};
    struct os_snapshot snap = {.s = &s};
    json_t *responses = NULL;
    cairn_error err = {0};
    bytes lines;

    bytes_init(&lines, 4096);
    assert_int_equal(bytes_append_str(&lines, "{}\n{}\n{}\n{}\n"), CAIRN_OK);
    assert_int_equal(os_msearch(&snap, &lines, &responses, &err), CAIRN_OK);
    assert_int_equal(node.n_requests, 3);
    assert_int_equal(os_check_response(json_array_get(responses, 1), &err), CAIRN_OK);
    json_decref(responses);
    s.retry_ms = 0;
    assert_int_equal(os_msearch(&snap, &lines, &responses, &err), CAIRN_OK);
    assert_int_equal(os_check_response(json_array_get(responses, 0), &err), CAIRN_EBUSY);
    json_decref(responses);
    bytes_clear(&lines);
    end(s.client);
}

static void bulk_tells_of_an_item_that_fails(void **state)
{
    static const struct {
        const char *reply;
        cairn_status st;
        const char *says;
    } bad[] = {
        {"{\"errors\":true,\"items\":[{\"index\":{\"status\":400,\"error\":{\"type\":\"strict_dynamic_mapping_exception\",\"reason\":"
         "\"not allowed\"}}}]}",
         CAIRN_EUNSUPPORTED, "not allowed"},
        {"{\"errors\":true,\"items\":[{\"update\":{\"status\":404,\"error\":{\"type\":\"document_missing_exception\",\"reason\":\"document "
         "missing\"}}}]}",
         CAIRN_ENOTFOUND, "document missing"},
        {"{\"errors\":true,\"items\":[{\"index\":{\"status\":429,\"error\":{\"type\":\"cluster_block_exception\",\"reason\":\"index [x] "
         "blocked by: [TOO_MANY_REQUESTS/12/disk usage exceeded flood-stage watermark]\"}}}]}",
         CAIRN_EFULL, "disks are full"},
        {"{\"errors\":false,\"items\":[]}", CAIRN_EIO, "0 writes"},
        {"{}", CAIRN_EIO, "0 writes"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        fake_step step = {FAKE_REPLY, 200, NULL, bad[i].reply};
        struct os_store s = {.client = begin(&step, 1, (client_options){0}), .name = (char *)"x"};
        cairn_error err = {0};
        bytes lines;
        bytes_init(&lines, 4096);
        assert_int_equal(bytes_append_str(&lines, "{\"index\":{\"_id\":\"1\"}}\n{\"a\":1}\n"), CAIRN_OK);
        assert_int_equal(os_bulk(&s, &lines, true, &err), bad[i].st);
        if (!strstr(err.text, bad[i].says))
            fail_msg("%zu: %s", i, err.text);
        bytes_clear(&lines);
        end(s.client);
    }
}

/* ---- the state record ---- */

static void a_lost_answer_is_known_again(void **state)
{
    (void)state;
    STEPS({FAKE_HANG_UP, 0, NULL, NULL}, {FAKE_REPLY, 409, NULL, "{}"}, {FAKE_ECHO, 0, NULL, NULL});
    struct os_store s = {.client = begin(steps, n_steps, (client_options){0}), .name = (char *)"x", .state = (char *)"x-state-1"};
    os_state record = {.next_doc = 5, .lent = 9, .seq_no = 1, .primary_term = 1, .removing = json_array(), .owner = "me"};
    cairn_error err = {0};

    if (os_state_write(&s, &record, &err))
        fail_msg("%s", err.text);
    assert_int_equal(record.seq_no, 7);
    assert_int_equal(record.primary_term, 3);
    os_state_clear(&record);
    end(s.client);
}

static void another_writer_is_told_apart(void **state)
{
    (void)state;
    STEPS({FAKE_REPLY, 409, NULL, "{}"},
          {FAKE_REPLY, 200, NULL,
           "{\"_seq_no\":7,\"_primary_term\":3,\"_source\":{\"state\":{\"owner\":\"somebody\",\"stamp\":\"other\",\"languages\":{},"
           "\"removing\":[],\"version\":3}}}"});
    struct os_store s = {.client = begin(steps, n_steps, (client_options){0}), .name = (char *)"x", .state = (char *)"x-state-1"};
    os_state record = {.seq_no = 1, .primary_term = 1, .removing = json_array(), .owner = "me"};
    cairn_error err = {0};

    assert_int_equal(os_state_write(&s, &record, &err), CAIRN_EBUSY);
    assert_non_null(strstr(err.text, "somebody"));
    os_state_clear(&record);
    end(s.client);
}

static void a_broken_record_is_refused(void **state)
{
    static const char *const records[] = {"{\"_source\":{\"state\":5}}", "{\"_source\":{}}", "{}", "[]",
                                          "{\"_source\":{\"state\":{\"owner\":\"\",\"stamp\":\"\",\"languages\":[],\"removing\":[]}}}"};

    (void)state;
    for (size_t i = 0; i < sizeof records / sizeof *records; i++) {
        fake_step step = {FAKE_REPLY, 200, NULL, records[i]};
        struct os_store s = {.client = begin(&step, 1, (client_options){0}), .name = (char *)"x", .state = (char *)"x-state-1"};
        os_state record;
        cairn_error err = {0};
        assert_int_equal(os_state_read(&s, &record, &err), CAIRN_ECORRUPT);
        os_state_clear(&record);
        end(s.client);
    }
}

#define STATE_NOW(version)                                                                                                     \
    "{\"_index\":\"x-s\",\"_id\":\"state\",\"found\":true,\"_source\":{\"state\":{\"owner\":\"\",\"stamp\":\"\",\"languages\":{},"     \
    "\"removing\":[],\"version\":" #version ",\"shown\":" #version "}}}"
#define RULES_NOW(data) "{\"_index\":\"x-s\",\"_id\":\"access\",\"found\":true,\"_source\":{\"data\":\"" data "\"}}"

/* A search may begin on what was seen before: the request for its hits tells whether that still holds. */
static void what_was_relied_on_is_proved(void **state)
{
    (void)state;
    STEPS({FAKE_REPLY, 200, NULL, "{\"docs\":[" STATE_NOW(3) "," RULES_NOW("QQ==") "]}"},
          {FAKE_REPLY, 200, NULL, "{\"docs\":[{\"_index\":\"x-d\",\"_id\":\"7\",\"found\":false}," STATE_NOW(3) "," RULES_NOW("QQ==") "]}"},
          {FAKE_REPLY, 200, NULL, "{\"docs\":[" STATE_NOW(3) "," RULES_NOW("Qg==") "]}"},
          {FAKE_REPLY, 200, NULL, "{\"docs\":[" STATE_NOW(4) "," RULES_NOW("Qg==") "]}"});
    struct os_store s = {.head = {&opensearch_backend}, .client = begin(steps, n_steps, (client_options){0}), .name = (char *)"x",
                         .prefix = (char *)"x", .documents = (char *)"x-d", .chunks = (char *)"x-c", .state = (char *)"x-s"};
    cairn_error err = {0};
    store_snapshot *snap;
    doc_id id = 7;
    bool current;

    opensearch_rely((store *)&s, true);
    assert_int_equal(store_snapshot_open((store *)&s, &snap, &err), CAIRN_OK); /* nothing was seen: it asks */
    assert_int_equal(node.n_requests, 1);
    assert_int_equal(os_is_current(os_snapshot_of(snap), &current, &err), CAIRN_OK);
    assert_true(current);
    assert_int_equal(node.n_requests, 1);
    store_snapshot_close(snap);

    assert_int_equal(store_snapshot_open((store *)&s, &snap, &err), CAIRN_OK); /* it does not */
    assert_int_equal(node.n_requests, 1);
    assert_string_equal(os_snapshot_of(snap)->rules, "A");
    assert_int_equal(os_fetch(os_snapshot_of(snap), NULL, 0, &id, 1, &err), CAIRN_OK);
    assert_int_equal(os_is_current(os_snapshot_of(snap), &current, &err), CAIRN_OK);
    assert_true(current);
    assert_int_equal(node.n_requests, 2);
    store_snapshot_close(snap);

    assert_int_equal(store_snapshot_open((store *)&s, &snap, &err), CAIRN_OK);
    assert_int_equal(os_is_current(os_snapshot_of(snap), &current, &err), CAIRN_OK); /* other rules since */
    assert_false(current);
    assert_int_equal(node.n_requests, 3);
    store_snapshot_close(snap);

    assert_int_equal(store_snapshot_open((store *)&s, &snap, &err), CAIRN_OK); /* forgotten: it asks */
    assert_int_equal(node.n_requests, 4);
    assert_string_equal(os_snapshot_of(snap)->rules, "B");
    assert_int_equal(os_snapshot_of(snap)->state.version, 4);
    store_snapshot_close(snap);
    json_decref(s.kept_chunks);
    json_decref(s.kept_docs);
    json_decref(s.kept_values);
    os_state_see(&s, NULL, NULL);
    end(s.client);
}

static void broken_text_becomes_text(void **state)
{
    json_t *j = client_text("a\xff" "b", 3);

    (void)state;
    assert_string_equal(json_string_value(j), "a\xef\xbf\xbd" "b");
    json_decref(j);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(busy_nodes_are_asked_again),
        cmocka_unit_test(broken_answers_are_asked_for_again),
        cmocka_unit_test(once_means_once),
        cmocka_unit_test(another_node_is_asked),
        cmocka_unit_test(a_standing_node_is_left),
        cmocka_unit_test(copies_elsewhere_are_preferred),
        cmocka_unit_test(no_node_answers),
        cmocka_unit_test(a_slow_node_meets_the_deadline),
        cmocka_unit_test(a_flag_stops_it),
        cmocka_unit_test(a_flag_gives_grace),
        cmocka_unit_test(a_long_reply_is_refused),
        cmocka_unit_test(errors_are_told_in_words),
        cmocka_unit_test(credentials_go_in_a_header_alone),
        cmocka_unit_test(bulk_sends_again_what_was_refused),
        cmocka_unit_test(searches_that_failed_for_want_of_a_node_are_asked_again),
        cmocka_unit_test(what_a_failed_transaction_sent_is_removed),
        cmocka_unit_test(bulk_tells_of_an_item_that_fails),
        cmocka_unit_test(a_lost_answer_is_known_again),
        cmocka_unit_test(another_writer_is_told_apart),
        cmocka_unit_test(a_broken_record_is_refused),
        cmocka_unit_test(what_was_relied_on_is_proved),
        cmocka_unit_test(broken_text_becomes_text),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
