/* test_cage - a worker that misbehaves is stopped and reported, and the run goes on. */
#include "tests/ingest/probe.h"

#include <signal.h>
#include <stdatomic.h>
#include <sys/wait.h>
#include <time.h>

#define BAD_WORKER CAIRN_BINARY_DIR "/tests/ingest/cairn-extract-misbehave"

static const struct {
    const char *word;
    cairn_status status;
    const char *reason; /* part of the sentence; NULL = any */
} rows[] = {
    {"loop", CAIRN_ELIMIT, "took longer"},
    {"sleep", CAIRN_ELIMIT, "took longer"},
#ifndef CAIRN_SANITIZED
    {"memory", CAIRN_ELIMIT, NULL},
#endif
    {"fork", CAIRN_EINPUT, "forbidden"},
    {"exec", CAIRN_EINPUT, "forbidden"},
    {"socket", CAIRN_EINPUT, "forbidden"},
    {"kill", CAIRN_EINPUT, "forbidden"},
    {"write", CAIRN_EINPUT, "write: Permission denied"},
    {"read", CAIRN_EINPUT, "read: Permission denied"},
    {"code", CAIRN_EINPUT, "code: Permission denied"},
    {"limits", CAIRN_EINPUT, "limits: "},
    {"crash", CAIRN_EINPUT, NULL},
    {"abort", CAIRN_EINPUT, "crashed"},
    {"exit", CAIRN_EINPUT, "exit code 7"},
    {"garbage", CAIRN_EINPUT, NULL},
    {"flood", CAIRN_ELIMIT, "text"},
};

/* The next file is none the worse. A busy machine may need longer for it than a short deadline
 * allows. */
static void reads_on(extractor *ex)
{
    ingest_document *doc;
    cairn_error err = {0};
    cairn_status st;
    int tries = 0;

    do
        st = extractor_run(ex, probe_file("good.txt", "All is well.\n", 13), &doc, &err);
    while (st == CAIRN_ELIMIT && strstr(err.text, "took longer") && ++tries < 100);
    if (st)
        fail_msg("%s", err.text);
    assert_string_equal(doc->blocks[0].text, "All is well.");
    ingest_document_free(doc);
}

static void every_misdeed_is_stopped(void **state)
{
    extractor *patient, *hasty; /* the latter for what only its deadline ends */
    extractor_options opt = {.program = BAD_WORKER,
                             .deadline_ms = 120000,
                             .max_memory = (size_t)512 << 20,
                             .max_text = (size_t)4 << 20};
    extractor_cage cage;
    cairn_error err = {0};
    (void)state;

    if (extractor_create(&patient, &opt, &err) || extractor_describe(patient, &cage, &err))
        fail_msg("%s", err.text);
    if (!cage.seccomp || !cage.landlock_abi) {
        print_message("this kernel lacks seccomp or Landlock; nothing to test\n");
        extractor_destroy(patient);
        skip();
    }
    opt.deadline_ms = 700 * SLOWER;
    if (extractor_create(&hasty, &opt, &err))
        fail_msg("%s", err.text);
    unlink("/tmp/cairn-misbehaved");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        bool endless = rows[i].reason && !strcmp(rows[i].reason, "took longer");
        extractor *ex = endless ? hasty : patient;
        char text[64];
        ingest_document *doc;
        int n = snprintf(text, sizeof text, "misbehave: %s\n", rows[i].word);
        cairn_status st = extractor_run(ex, probe_file("bad.txt", text, (size_t)n), &doc, &err);

        if (st != rows[i].status)
            fail_msg("%s: status %d, %s", rows[i].word, (int)st, err.text);
        if (rows[i].reason && !strstr(err.text, rows[i].reason))
            fail_msg("%s: %s", rows[i].word, err.text);
        if (strstr(err.text, "DONE"))
            fail_msg("%s was possible", rows[i].word);
        reads_on(ex);
    }
    assert_int_equal(access("/tmp/cairn-misbehaved", F_OK), -1);
    extractor_destroy(patient);
    extractor_destroy(hasty);
}

static void shipped_worker_has_no_such_switch(void **state)
{
    extractor *ex = probe_extractor(WORKER, 60000);
    (void)state;
    ingest_document *doc = probe_read(ex, probe_file("ask.txt", "misbehave: exit\n", 16));

    assert_string_equal(doc->blocks[0].text, "misbehave: exit");
    ingest_document_free(doc);
    extractor_destroy(ex);
}

static void idle_worker_killed_from_outside(void **state)
{
    extractor *ex = probe_extractor(WORKER, 60000);
    extractor_cage cage;
    cairn_error err = {0};
    char cmd[128];
    (void)state;

    for (int i = 0; i < 3; i++) {
        ingest_document_free(probe_read(ex, probe_file("a.txt", "text", 4)));
        snprintf(cmd, sizeof cmd, "/proc/self/task/%d/children", (int)getpid());
        FILE *f = fopen(cmd, "r");
        int pid, n = 0;
        while (f && fscanf(f, "%d", &pid) == 1) { /* the worker and its cairn-convert */
            kill(pid, SIGKILL);
            n++;
        }
        if (f)
            fclose(f);
        if (!n) {
            extractor_destroy(ex);
            skip(); /* a kernel without this list */
        }
        usleep(20000 * i);
    }
    ingest_document_free(probe_read(ex, probe_path("a.txt")));
    assert_int_equal(extractor_describe(ex, &cage, &err), CAIRN_OK);
    assert_int_equal(cage.workers_started, 4);
    extractor_destroy(ex);
}

static void cancel_is_seen_soon(void **state)
{
    atomic_bool cancel = true;
    extractor_options opt = {.program = BAD_WORKER, .deadline_ms = 60000, .cancel = &cancel};
    extractor *ex;
    ingest_document *doc;
    cairn_error err = {0};
    (void)state;

    assert_int_equal(extractor_create(&ex, &opt, &err), CAIRN_OK);
    assert_int_equal(extractor_run(ex, probe_file("l.txt", "misbehave: loop\n", 16), &doc, &err),
                     CAIRN_ECANCELLED);
    atomic_store(&cancel, false);
    ingest_document_free(probe_read(ex, probe_file("g.txt", "good", 4)));
    extractor_destroy(ex);
}

static struct {
    int held; /* times that the worker was seen standing still */
    bool then_cancel;
    atomic_bool cancel;
} others;

static bool somebody_waits(void *ctx)
{
    siginfo_t child = {0};

    (void)ctx;
    if (!waitid(P_ALL, 0, &child, WSTOPPED | WNOHANG | WNOWAIT) && child.si_pid)
        others.held++;
    if (others.held < 120) /* of ten milliseconds and more: longer than the deadline */
        return true;
    atomic_store(&others.cancel, others.then_cancel);
    return false;
}

/* While somebody waits the worker stands still most of the time, which is not held against its file. */
static void who_goes_first_holds_the_worker(void **state)
{
    give_way way = {somebody_waits, NULL};
    extractor_options opt = {.program = BAD_WORKER, .deadline_ms = 1000 * SLOWER, .cancel = &others.cancel, .way = &way};
    extractor *ex;
    ingest_document *doc;
    cairn_error err = {0};
    (void)state;

    others.then_cancel = true;
    assert_int_equal(extractor_create(&ex, &opt, &err), CAIRN_OK);
    assert_int_equal(extractor_run(ex, probe_file("l.txt", "misbehave: loop\n", 16), &doc, &err), CAIRN_ECANCELLED);
    assert_true(others.held >= 120);
    others.then_cancel = false; /* the next worker is held, too, and reads all the same */
    others.held = 0;
    atomic_store(&others.cancel, false);
    ingest_document_free(probe_read(ex, probe_file("g.txt", "good", 4)));
    extractor_destroy(ex);
}

static void missing_program_is_named(void **state)
{
    extractor_options opt = {.program = "/nonexistent/cairn-extract"};
    extractor *ex;
    cairn_error err = {0};
    (void)state;

    assert_int_equal(extractor_create(&ex, &opt, &err), CAIRN_EIO);
    assert_non_null(strstr(err.text, "/nonexistent/cairn-extract"));
    opt.program = "/bin/false"; /* a program that is no worker */
    assert_int_equal(extractor_create(&ex, &opt, &err), CAIRN_OK);
    ingest_document *doc;
    assert_int_equal(extractor_run(ex, FIXTURES "notes.md", &doc, &err), CAIRN_EIO);
    extractor_destroy(ex);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_misdeed_is_stopped),
        cmocka_unit_test(shipped_worker_has_no_such_switch),
        cmocka_unit_test(idle_worker_killed_from_outside),
        cmocka_unit_test(cancel_is_seen_soon),
        cmocka_unit_test(who_goes_first_holds_the_worker),
        cmocka_unit_test(missing_program_is_named),
    };
    return cmocka_run_group_tests(tests, probe_setup, probe_teardown);
}
