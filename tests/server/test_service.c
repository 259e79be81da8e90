/* test_service.c - the service by itself, over a real collection without models: handles lent to
 * threads, tokens and roles, jobs, uploads, reloading, draining. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <pthread.h>

#include "server/adapter.h"
#include "server/audit.h"

#define WAIT_NS ((int64_t)120 * 1000000000)

typedef struct world {
    char top[64], home[96], config[96], notes[96];
    service *s;
} world;

static void write_text(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");

    assert_non_null(f);
    fputs(text, f);
    assert_int_equal(fclose(f), 0);
}

static void open_it(world *w)
{
    service_options o = {.home = w->home,
                         .config_file = w->config,
                         .embedder = "/nonexistent/embedder",
                         .generator = "/nonexistent/generator",
                         .max_upload_bytes = 1000,
                         .max_jobs = 3};
    cairn_error err;

    if (service_open(&w->s, &o, &err))
        fail_msg("%s", err.text);
}

static int set_up(void **state)
{
    world *w = calloc(1, sizeof *w);

    assert_non_null(w);
    strcpy(w->top, "/tmp/cairn-service-XXXXXX");
    assert_non_null(mkdtemp(w->top));
    snprintf(w->home, sizeof w->home, "%s/home", w->top);
    snprintf(w->config, sizeof w->config, "%s/cairn.conf", w->top);
    snprintf(w->notes, sizeof w->notes, "%s/notes.txt", w->top);
    write_text(w->config, "[search]\nb = 0.7\n");
    write_text(w->notes, "The granite came from the quarry in autumn.\n");
    open_it(w);
    *state = w;
    return 0;
}

static int tear_down(void **state)
{
    world *w = *state;
    char command[128];

    service_close(w->s);
    snprintf(command, sizeof command, "rm -rf '%s'", w->top);
    assert_int_equal(system(command), 0);
    free(w);
    return 0;
}

static service_job wait_for(world *w, uint64_t id)
{
    service_job job;
    uint64_t seen = 0;
    cairn_error err;

    do {
        if (service_job_wait(w->s, id, &seen, WAIT_NS, &job, &err))
            fail_msg("%s", err.text);
    } while (job.state < SERVICE_JOB_DONE);
    return job;
}

static void index_notes(world *w)
{
    const char *path = w->notes;
    service_job job;
    uint64_t id;
    cairn_error err;

    if (service_index(w->s, NULL, NULL, &path, 1, &id, &err))
        fail_msg("%s", err.text);
    job = wait_for(w, id);
    if (job.state != SERVICE_JOB_DONE)
        fail_msg("%s", job.problem);
    assert_int_equal(job.indexed + job.unchanged, 1);
}

static size_t hits(world *w, const char *query)
{
    cairn_search_request q = {.query = query, .mode = CAIRN_LEXICAL};
    cairn_search_result *found = NULL;
    size_t n = SIZE_MAX;
    cairn *c;

    if (service_acquire(w->s, NULL, NULL, &c, NULL))
        return n;
    if (!cairn_search(c, &q, &found, NULL))
        n = found->n_hits;
    cairn_search_result_free(found);
    service_release(w->s, c);
    return n;
}

/* ---- handles ---- */

static void *search_often(void *arg)
{
    for (int i = 0; i < 20; i++)
        if (hits(arg, "granite") != 1)
            return "wrong";
    return NULL;
}

static void threads_search_while_a_job_writes(void **state)
{
    world *w = *state;
    const char *path = w->notes;
    pthread_t t[4];
    void *wrong;
    uint64_t id;

    index_notes(w);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&t[i], NULL, search_often, w), 0);
    assert_int_equal(service_index(w->s, NULL, "default", &path, 1, &id, NULL), CAIRN_OK);
    for (size_t i = 0; i < 4; i++) {
        pthread_join(t[i], &wrong);
        assert_null(wrong);
    }
    assert_int_equal(wait_for(w, id).state, SERVICE_JOB_DONE);
}

static void unknown_collections_are_refused(void **state)
{
    world *w = *state;
    static const char *const names[] = {"none", "../default", ".hidden", "a/b"};
    cairn_error err;
    cairn *c;

    for (size_t i = 0; i < 4; i++) {
        cairn_status st = service_acquire(w->s, NULL, names[i], &c, &err);
        assert_int_equal(st, i ? CAIRN_EUSAGE : CAIRN_ENOTFOUND);
        assert_null(c);
    }
    assert_int_equal(service_create_collection(w->s, "../x", &err), CAIRN_EUSAGE);
    assert_int_equal(service_create_collection(w->s, "none", &err), CAIRN_OK);
    assert_int_equal(service_acquire(w->s, NULL, "none", &c, &err), CAIRN_OK);
    service_discard(w->s, c);
}

static bool join_name(void *ctx, const char *name)
{
    strcat(strcat(ctx, name), " ");
    return true;
}

static void collections_are_listed(void **state)
{
    world *w = *state;
    char names[256] = "";

    assert_int_equal(service_create_collection(w->s, "b", NULL), CAIRN_OK);
    assert_int_equal(service_create_collection(w->s, "a", NULL), CAIRN_OK);
    assert_int_equal(service_each_collection(w->s, join_name, names, NULL), CAIRN_OK);
    assert_string_equal(names, "a b default ");
}

/* ---- tokens ---- */

static void tokens_say_who_calls(void **state)
{
    world *w = *state;
    char file[128], reader[80], writer[80], changed[80];
    struct stat info;
    service_caller who;
    cairn_error err;

    snprintf(file, sizeof file, "%s/tokens", w->home);
    assert_false(service_has_tokens(w->s));
    assert_int_equal(service_token_add(file, "ann", SERVICE_READ, "default,b", NULL, 0, reader, &err), 0);
    assert_int_equal(service_token_add(file, "bob", SERVICE_WRITE, NULL, NULL, 0, writer, &err), 0);
    assert_int_equal(service_token_add(file, "a b", SERVICE_READ, NULL, NULL, 0, changed, &err),
                     CAIRN_EUSAGE);
    assert_int_equal(stat(file, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0600);
    assert_int_equal(service_reload(w->s, &err), CAIRN_OK);
    assert_true(service_has_tokens(w->s));

    assert_int_equal(service_authorise(w->s, reader, false, &who, &err), CAIRN_OK);
    assert_string_equal(who.name, "ann");
    assert_int_equal(service_need(&who, "default", SERVICE_READ, &err), CAIRN_OK);
    assert_int_equal(service_need(&who, "b", SERVICE_READ, &err), CAIRN_OK);
    assert_int_equal(service_need(&who, "defaul", SERVICE_READ, &err), CAIRN_EUSAGE);
    assert_int_equal(service_need(&who, "default", SERVICE_WRITE, &err), CAIRN_EUSAGE);
    assert_int_equal(service_authorise(w->s, writer, false, &who, &err), CAIRN_OK);
    assert_int_equal(service_need(&who, "anything", SERVICE_WRITE, &err), CAIRN_OK);
    assert_int_equal(service_need(&who, NULL, SERVICE_ADMIN, &err), CAIRN_EUSAGE);

    strcpy(changed, reader);
    changed[20] = changed[20] == 'A' ? 'B' : 'A';
    assert_int_equal(service_authorise(w->s, changed, false, &who, &err), CAIRN_EUSAGE);
    assert_int_equal(who.role, SERVICE_NOBODY);
    assert_int_equal(service_authorise(w->s, NULL, false, &who, &err), CAIRN_EUSAGE);
    assert_int_equal(service_authorise(w->s, NULL, true, &who, &err), CAIRN_OK);
    assert_int_equal(who.role, SERVICE_ADMIN);
}

static void broken_token_files_change_nothing(void **state)
{
    static const char *const texts[] = {"ann read\n", "ann king 00\n", "ann read 00\n"};
    world *w = *state;
    char file[128], token[80];
    service_caller who;
    cairn_error err;

    snprintf(file, sizeof file, "%s/tokens", w->home);
    assert_int_equal(service_token_add(file, "ann", SERVICE_ADMIN, NULL, NULL, 0, token, &err), 0);
    assert_int_equal(service_reload(w->s, &err), CAIRN_OK);
    for (size_t i = 0; i < 3; i++) {
        write_text(file, texts[i]);
        assert_int_equal(service_reload(w->s, &err), CAIRN_EUSAGE);
        assert_non_null(strstr(err.text, "line 1"));
        assert_int_equal(service_authorise(w->s, token, false, &who, &err), CAIRN_OK);
    }
    write_text(file, "# nobody\n");
    assert_int_equal(chmod(file, 0666), 0);
    assert_int_equal(service_reload(w->s, &err), CAIRN_EUSAGE);
}

/* ---- jobs ---- */

static void jobs_index_and_delete(void **state)
{
    world *w = *state;
    service_job list[8];
    const char *relative = "notes.txt";
    uint64_t id;
    cairn_error err;

    index_notes(w);
    assert_int_equal(hits(w, "granite"), 1);
    assert_int_equal(service_index(w->s, NULL, NULL, &relative, 1, &id, &err), CAIRN_EUSAGE);
    assert_int_equal(service_delete(w->s, NULL, NULL, w->notes, &id, &err), CAIRN_OK);
    assert_int_equal(wait_for(w, id).removed, 1);
    assert_int_equal(hits(w, "granite"), 0);
    assert_int_equal(service_delete(w->s, NULL, NULL, w->notes, &id, &err), CAIRN_OK);
    assert_int_equal(wait_for(w, id).state, SERVICE_JOB_FAILED);
    assert_int_equal(service_job_list(w->s, list, 8), 3);
    assert_int_equal(list[0].id, id);
    assert_int_equal(service_job_get(w->s, 99, &list[0], &err), CAIRN_ENOTFOUND);
    assert_int_equal(service_job_cancel(w->s, 99, &err), CAIRN_ENOTFOUND);
}

static void uploads_are_whole_or_not_there(void **state)
{
    static const char *const bad[] = {"", "../x.txt", "a/../x", "/x", "a//b", ".x", "a/.x", "x\n"};
    world *w = *state;
    service_upload *u;
    char path[256], big[600];
    service_job job;
    uint64_t id;
    cairn_error err;

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (service_upload_begin(w->s, NULL, NULL, bad[i], &u, &err) != CAIRN_EUSAGE)
            fail_msg("took \"%s\"", bad[i]);
    assert_int_equal(service_upload_begin(w->s, NULL, NULL, "in/shale.txt", &u, &err), CAIRN_OK);
    assert_int_equal(service_upload_write(u, "Shale splits ", 13, &err), CAIRN_OK);
    assert_int_equal(service_upload_write(u, "easily.\n", 8, &err), CAIRN_OK);
    assert_int_equal(service_upload_finish(u, &id, &err), CAIRN_OK);
    job = wait_for(w, id);
    assert_string_equal(job.kind, "upload");
    assert_int_equal(job.indexed, 1);
    assert_int_equal(hits(w, "shale"), 1);

    memset(big, 'x', sizeof big);
    assert_int_equal(service_upload_begin(w->s, NULL, NULL, "big.txt", &u, &err), CAIRN_OK);
    assert_int_equal(service_upload_write(u, big, sizeof big, &err), CAIRN_OK);
    assert_int_equal(service_upload_write(u, big, sizeof big, &err), CAIRN_ELIMIT);
    service_upload_abort(u);
    snprintf(path, sizeof path, "[ -z \"$(find '%s/uploads' -name '*.part' -o -name 'big*')\" ]",
             w->home);
    assert_int_equal(system(path), 0);
}

static void a_reload_takes_a_new_configuration(void **state)
{
    world *w = *state;
    cairn *c;
    cairn_error err;

    index_notes(w);
    write_text(w->config, "[search]\nb = nonsense\n");
    assert_int_equal(service_reload(w->s, &err), CAIRN_EUSAGE);
    assert_int_equal(hits(w, "granite"), 1); /* by a handle opened before */
    assert_int_equal(service_acquire(w->s, NULL, NULL, &c, &err), CAIRN_OK);
    write_text(w->config, "[search]\nb = 0.5\n");
    assert_int_equal(service_reload(w->s, &err), CAIRN_OK);
    service_release(w->s, c);
    assert_int_equal(hits(w, "granite"), 1);
}

static void draining_ends_everything(void **state)
{
    world *w = *state;
    const char *path = w->notes;
    service_job job;
    uint64_t id;
    cairn *c;
    cairn_error err;

    assert_int_equal(service_index(w->s, NULL, NULL, &path, 1, &id, &err), CAIRN_OK);
    service_drain(w->s);
    assert_int_equal(service_job_get(w->s, id, &job, &err), CAIRN_OK);
    assert_true(job.state >= SERVICE_JOB_DONE);
    assert_int_equal(service_acquire(w->s, NULL, NULL, &c, &err), CAIRN_EBUSY);
    assert_int_equal(service_index(w->s, NULL, NULL, &path, 1, &id, &err), CAIRN_EBUSY);
    service_drain(w->s);
}

/* ---- addresses and metrics ---- */

static void addresses_are_parsed(void **state)
{
    static const struct {
        const char *text, *host;
        uint16_t port;
        bool loopback;
    } good[] = {{"127.0.0.1:80", "127.0.0.1", 80, true}, {"localhost:1", "127.0.0.1", 1, true},
                {"7880", "127.0.0.1", 7880, true},       {":0", "127.0.0.1", 0, true},
                {"[::1]:9", "::1", 9, true},             {"0.0.0.0:9", "0.0.0.0", 9, false},
                {"[::]:9", "::", 9, false},              {"10.1.2.3:65535", "10.1.2.3", 65535, false}};
    static const char *const bad[] = {"", "host:80", "1.2.3.4", "1.2.3.4:", "1.2.3.4:65536",
                                      "::1:80", "[::1]", "1.2.3.4:-1", "unix:", "1.2.3.4:8x"};
    world *w = *state;
    adapter_options o = {0};
    adapter_address a;
    cairn_error err;

    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        if (adapter_address_parse(good[i].text, &a, &err))
            fail_msg("%s", err.text);
        assert_string_equal(a.host, good[i].host);
        assert_int_equal(a.port, good[i].port);
        assert_int_equal(a.is_loopback, good[i].loopback);
        o.address = a;
        assert_int_equal(adapter_check_safe(w->s, &o, &err),
                         good[i].loopback ? CAIRN_OK : CAIRN_EUSAGE);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (adapter_address_parse(bad[i], &a, &err) != CAIRN_EUSAGE)
            fail_msg("took \"%s\"", bad[i]);
    assert_int_equal(adapter_address_parse("unix:/run/x.sock", &a, &err), CAIRN_OK);
    assert_true(a.is_unix);
    assert_string_equal(a.path, "/run/x.sock");
    /* beyond this machine: TLS alone is not enough, nor half of it */
    assert_int_equal(adapter_address_parse("0.0.0.0:1", &o.address, &err), CAIRN_OK);
    o.cert_file = "cert.pem";
    assert_int_equal(adapter_check_safe(w->s, &o, &err), CAIRN_EUSAGE);
    o.key_file = "key.pem";
    assert_int_equal(adapter_check_safe(w->s, &o, &err), CAIRN_EUSAGE);
    assert_non_null(strstr(err.text, "token"));
}

static void metrics_are_written_as_prometheus_reads_them(void **state)
{
    world *w = *state;
    metrics *m = service_metrics(w->s);
    size_t len = 0;
    char *text;

    metrics_add(m, "t_total", "Things.", "kind=\"a\"", 2);
    metrics_add(m, "t_total", "Things.", "kind=\"b\"", 1);
    metrics_add(m, "t_total", "Things.", "kind=\"a\"", 1);
    metrics_set(m, "t_now", "Now.", "", 7);
    metrics_observe(m, "t_seconds", "Time.", "", 0.002);
    metrics_observe(m, "t_seconds", "Time.", "", 1000);
    text = metrics_text(m, &len);
    assert_non_null(text);
    assert_int_equal(strlen(text), len);
    assert_non_null(strstr(text, "# TYPE t_total counter\nt_total{kind=\"a\"} 3\n"
                                 "t_total{kind=\"b\"} 1\n"));
    assert_non_null(strstr(text, "# TYPE t_now gauge\nt_now 7\n"));
    assert_non_null(strstr(text, "t_seconds_bucket{le=\"0.001\"} 0\n"
                                 "t_seconds_bucket{le=\"0.0025\"} 1\n"));
    assert_non_null(strstr(text, "t_seconds_bucket{le=\"+Inf\"} 2\n"));
    assert_non_null(strstr(text, "t_seconds_count 2\n"));
    free(text);
}

/* Long waits count for a moment, short ones never. */
static void long_waits_press(void **state)
{
    world *w = *state;
    bool pressed = false;

    assert_false(service_pressed(w->s));
    for (int64_t ms = 0; ms < 10; ms++)
        service_waited(w->s, ms * 1000000);
    assert_false(service_pressed(w->s));
    for (int tries = 0; !pressed && tries < 1000; tries++) { /* this thread may stand still for longer than the moment */
        service_waited(w->s, 10000000);
        pressed = service_pressed(w->s);
    }
    assert_true(pressed);
}

/* A full file is set aside, and no more than AUDIT_KEPT are. */
static void the_audit_log_is_set_aside_when_it_is_full(void **state)
{
    world *w = *state;
    service_caller who = {.name = "ann", .role = SERVICE_READ};
    json_t *asked = json_pack("{s:s}", "q", "granite");
    char path[512], name[600];
    cairn_error err;
    struct stat info;
    service *s;

    snprintf(path, sizeof path, "%s/audit", w->home);
    service_audit(w->s, &who, "http", "", "", "search", asked); /* there is none: nothing happens */
    assert_int_not_equal(stat(path, &info), 0);
    assert_int_equal(service_open(&s, &(service_options){.home = w->home, .embedder = "/none", .audit_file = path,
                                                         .max_audit_bytes = 400}, &err), CAIRN_OK);
    for (int i = 0; i < 40; i++)
        service_audit(s, &who, "http", "127.0.0.1", "1", "search", asked);
    service_close(s);
    for (int i = 0; i <= AUDIT_KEPT + 1; i++) {
        snprintf(name, sizeof name, i ? "%s.%d" : "%s", path, i);
        if (i > AUDIT_KEPT) {
            assert_int_not_equal(stat(name, &info), 0);
            continue;
        }
        assert_int_equal(stat(name, &info), 0);
        assert_true(info.st_size > 0 && info.st_size <= 400);
        assert_int_equal(info.st_mode & 0777, 0600);
    }
    json_decref(asked);
}

int main(void)
{
#define IN_A_WORLD(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        IN_A_WORLD(threads_search_while_a_job_writes),
        IN_A_WORLD(unknown_collections_are_refused),
        IN_A_WORLD(collections_are_listed),
        IN_A_WORLD(tokens_say_who_calls),
        IN_A_WORLD(broken_token_files_change_nothing),
        IN_A_WORLD(jobs_index_and_delete),
        IN_A_WORLD(uploads_are_whole_or_not_there),
        IN_A_WORLD(a_reload_takes_a_new_configuration),
        IN_A_WORLD(draining_ends_everything),
        IN_A_WORLD(addresses_are_parsed),
        IN_A_WORLD(metrics_are_written_as_prometheus_reads_them),
        IN_A_WORLD(long_waits_press),
        IN_A_WORLD(the_audit_log_is_set_aside_when_it_is_full),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
