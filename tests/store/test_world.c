/* test_world.c - the world around the store: other processes, full disks, folders that cannot be
 * written, memory that runs out, and files of earlier versions. */
#include "store_fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "base/clock.h"

static int wait_for(pid_t pid)
{
    int status;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + status;
}

/* ---- several processes ---- */

static void a_second_writer_is_told_who_writes(void **state)
{
    fixture *f = *state;
    int pipe_fd[2];

    fflush(NULL);
    assert_int_equal(pipe(pipe_fd), 0);
    pid_t pid = fork();
    if (pid == 0) {
        store *s;
        cairn_error err;
        char byte = 'x';
        int64_t start = clock_mono_ns();
        int code = 0;
        if (store_open(&s, f->dir, NULL, &err) != CAIRN_EBUSY || !strstr(err.text, f->dir))
            code = 1;
        store_options soon = {.wait_ns = 50000000};
        if (store_open(&s, f->dir, &soon, &err) != CAIRN_EBUSY ||
            clock_mono_ns() - start < 50000000)
            code = 2;
        store_options ro = {.read_only = true};
        if (store_open(&s, f->dir, &ro, &err) || store_is_writer(s) ||
            store_lock_writer(s, 0, &err) != CAIRN_EBUSY)
            code = 3;
        store_close(s);
        if (write(pipe_fd[1], &byte, 1) != 1)
            code = 4;
        store_options patient = {.wait_ns = -1};
        if (store_open(&s, f->dir, &patient, &err) || !store_is_writer(s))
            code = 5;
        store_close(s);
        _exit(code);
    }
    char byte;
    assert_int_equal(read(pipe_fd[0], &byte, 1), 1);
    close(pipe_fd[0]);
    close(pipe_fd[1]);
    store_unlock_writer(f->store);
    assert_int_equal(wait_for(pid), 0);
    OK(store_lock_writer(f->store, -1, &f->err));
    OK(store_lock_writer(f->store, 0, &f->err)); /* twice is fine */
    store_txn *t = begin(f);
    put_doc(f, t, "/x", "y", 1);
    OK(store_txn_commit(t, &f->err));
    store_unlock_writer(f->store);
    assert_int_equal(store_txn_begin(f->store, &t, &f->err), CAIRN_EUSAGE);
}

/* A reader in another process keeps its state while everything under it is deleted, merged away,
 * removed and compacted. */
static void readers_elsewhere_keep_their_state(void **state)
{
    fixture *f = *state;
    int go[2], ready[2];
    char byte = 0;
    segment_id seg;

    store_txn *t = begin(f);
    for (int i = 0; i < 20; i++) {
        char uri[40];
        snprintf(uri, sizeof uri, "/%d", i);
        put_prose(f, t, uri, 5, (unsigned)i + 1);
    }
    chunk_id rows[100];
    doc_id docs[100];
    for (uint32_t i = 0; i < 100; i++)
        rows[i] = i + 1, docs[i] = i / 5 + 1;
    OK(store_segment_add(t, make_segment(f, SEGMENT_LEXICAL, rows, docs, 100, "abc"), &seg,
                         &f->err));
    OK(store_txn_commit(t, &f->err));
    assert_int_equal(pipe(go), 0);
    assert_int_equal(pipe(ready), 0);
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        fixture child = {.dir = ""};
        store_options ro = {.read_only = true};
        snprintf(child.dir, sizeof child.dir, "%s", f->dir);
        arena_init(&child.arena, 64 << 20);
        store_snapshot *s;
        if (store_open(&child.store, child.dir, &ro, &child.err) ||
            store_snapshot_open(child.store, &s, &child.err))
            _exit(1);
        if (write(ready[1], "r", 1) != 1 || read(go[0], &byte, 1) != 1)
            _exit(2);
        const store_segment *g = store_segment_at(s, 0);
        if (store_segment_count(s) != 1 || g->n_deleted || segment_verify(g->file, NULL))
            _exit(3);
        for (int i = 0; i < 20; i++) {
            char uri[40];
            snprintf(uri, sizeof uri, "/%d", i);
            check_prose(&child, s, uri, 5, (unsigned)i + 1);
        }
        store_snapshot_close(s);
        if (store_snapshot_open(child.store, &s, &child.err))
            _exit(4);
        if (store_snapshot_counts(s).docs != 300 || store_segment_count(s) != 0)
            _exit(5);
        store_snapshot_close(s);
        store_close(child.store);
        _exit(0);
    }
    assert_int_equal(read(ready[0], &byte, 1), 1);
    t = begin(f);
    for (doc_id d = 1; d <= 20; d++)
        OK(store_doc_delete(t, d, &f->err));
    OK(store_segment_remove(t, seg, &f->err));
    OK(store_txn_commit(t, &f->err));
    assert_int_equal(count_files(f, "segments"), 0);
    for (int k = 0; k < 30; k++) { /* would reuse the pages, if it could */
        t = begin(f);
        for (int i = 0; i < 10; i++) {
            char uri[40];
            snprintf(uri, sizeof uri, "/new/%d/%d", k, i);
            put_prose(f, t, uri, 2, (unsigned)(k * 10 + i));
        }
        OK(store_txn_commit(t, &f->err));
    }
    OK(store_compact(f->store, &f->err));
    assert_int_equal(write(go[1], "g", 1), 1);
    assert_int_equal(wait_for(pid), 0);
    check_clean(f);
    close(go[0]), close(go[1]), close(ready[0]), close(ready[1]);
}

static void dead_readers_are_forgotten(void **state)
{
    fixture *f = *state;
    for (int i = 0; i < 10; i++) {
        fflush(NULL);
        pid_t pid = fork();
        if (pid == 0) {
            store *s;
            store_snapshot *snap;
            store_options ro = {.read_only = true};
            if (store_open(&s, f->dir, &ro, NULL) || store_snapshot_open(s, &snap, NULL))
                _exit(1);
            kill(getpid(), SIGKILL);
        }
        assert_int_equal(wait_for(pid), 1000 + SIGKILL);
    }
    for (int round = 0; round < 3; round++) { /* pages of a dead reader's state are used again */
        store_txn *t = begin(f);
        put_noise(f, t, "/n", 200000, 1);
        OK(store_txn_commit(t, &f->err));
        t = begin(f);
        doc_id d;
        OK(store_txn_doc_find(t, "/n", &d, &f->err));
        OK(store_doc_delete(t, d, &f->err));
        OK(store_txn_commit(t, &f->err));
        reopen(f, NULL);
    }
    store_usage u;
    OK(store_usage_get(f->store, false, &u, &f->err));
    assert_true(u.lmdb_bytes < 1000000);
    check_clean(f);
}

/* ---- threads ---- */

typedef struct reader_job {
    fixture *f;
    atomic_bool stop;
    atomic_int failed;
} reader_job;

static void *read_on(void *arg)
{
    reader_job *j = arg;
    while (!j->stop) {
        store_snapshot *s;
        arena a;
        store_doc_iter *it;
        store_doc d;
        uint64_t n = 0;
        arena_init(&a, 16 << 20);
        if (store_snapshot_open(j->f->store, &s, NULL)) {
            j->failed++;
            break;
        }
        if (store_doc_iter_open(s, "", &it, NULL) == CAIRN_OK) {
            while (store_doc_iter_next(it, &d, &a, NULL) == CAIRN_OK)
                n++;
            store_doc_iter_close(it);
        }
        if (n != store_snapshot_counts(s).docs)
            j->failed++;
        store_snapshot_close(s);
        arena_clear(&a);
    }
    return NULL;
}

static void readers_in_threads_see_whole_states(void **state)
{
    fixture *f = *state;
    store_options o = {.map_bytes = 1 << 20};
    reader_job j = {.f = f};
    pthread_t thread[3];

    reopen(f, &o);
    j.f = f;
    for (int i = 0; i < 3; i++)
        assert_int_equal(pthread_create(&thread[i], NULL, read_on, &j), 0);
    for (int i = 0; i < 60; i++) {
        char uri[40];
        snprintf(uri, sizeof uri, "/%d", i);
        store_txn *t = begin(f);
        put_prose(f, t, uri, 20, (unsigned)i);
        if (i % 3 == 2)
            OK(store_doc_delete(t, (doc_id)i, &f->err));
        OK(store_txn_commit(t, &f->err));
        if (i % 20 == 19)
            OK(store_compact(f->store, &f->err));
    }
    j.stop = true;
    for (int i = 0; i < 3; i++)
        pthread_join(thread[i], NULL);
    assert_int_equal(j.failed, 0);
    check_clean(f);
}

/* ---- no room ---- */

/* Write until the limit stops it; say how many documents were acknowledged. */
static unsigned write_until_full(store *s, cairn_status *why, cairn_error *err)
{
    fixture w = {.store = s};
    unsigned n = 0;

    for (*why = CAIRN_OK; !*why && n < 400; n++) {
        store_txn *t;
        segment_writer *sw = NULL;
        char uri[40], text[1200];
        store_doc d = {.uri = uri};
        doc_id id;
        chunk_id rows[10];
        doc_id docs[10];
        snprintf(uri, sizeof uri, "/%03u", n);
        *why = store_txn_begin(s, &t, err);
        if (*why)
            break;
        *why = store_doc_put(t, &d, &id, err);
        for (uint32_t i = 0; i < 10 && !*why; i++) {
            store_chunk c = {.doc = id, .ordinal = i, .text = text};
            c.text_len = prose(text, sizeof text, n * 1000 + i);
            docs[i] = id;
            *why = store_chunk_put(t, &c, &rows[i], err);
        }
        if (!*why)
            *why = segment_writer_create(&sw, s, SEGMENT_LEXICAL, err);
        if (!*why) {
            *why = segment_writer_finish(sw, rows, docs, 10, err);
            if (*why)
                segment_writer_abandon(sw);
            else
                *why = store_segment_add(t, sw, NULL, err);
        }
        if (*why) {
            store_txn_abort(t);
            break;
        }
        *why = store_txn_commit(t, err);
        if (*why)
            break;
    }
    (void)w;
    return n;
}

static void verify_full(fixture *f, unsigned n)
{
    store_snapshot *s = snapshot(f);
    assert_int_equal(store_snapshot_counts(s).docs, n);
    assert_int_equal(store_segment_count(s), n);
    for (unsigned i = 0; i < n; i++) {
        char uri[40];
        snprintf(uri, sizeof uri, "/%03u", i);
        check_prose(f, s, uri, 10, i);
        arena_reset(&f->arena);
    }
    store_snapshot_close(s);
    check_clean(f);
}

static void a_limit_on_file_sizes_loses_nothing(void **state)
{
    fixture *f = *state;
    int fd[2];
    unsigned n = 0;

    store_close(f->store);
    f->store = NULL;
    assert_int_equal(pipe(fd), 0);
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        store *s;
        cairn_error err = {0};
        cairn_status why;
        signal(SIGXFSZ, SIG_IGN);
        setrlimit(RLIMIT_FSIZE, &(struct rlimit){600000, 600000});
        if (store_open(&s, f->dir, NULL, &err))
            _exit(1);
        n = write_until_full(s, &why, &err);
        if (write(fd[1], &n, sizeof n) != (ssize_t)sizeof n)
            _exit(2);
        if (why != CAIRN_EFULL && why != CAIRN_EIO) {
            fprintf(stderr, "status %d: %s\n", why, err.text);
            _exit(3);
        }
        /* The same process reads on. */
        store_snapshot *snap;
        if (store_snapshot_open(s, &snap, &err) || store_snapshot_counts(snap).docs != n)
            _exit(4);
        store_snapshot_close(snap);
        if (store_compact(s, &err) && err.code != CAIRN_EFULL && err.code != CAIRN_EIO)
            _exit(5);
        store_close(s);
        _exit(0);
    }
    assert_int_equal(wait_for(pid), 0);
    assert_int_equal(read(fd[0], &n, sizeof n), sizeof n);
    assert_true(n > 5 && n < 400);
    OK(store_open(&f->store, f->dir, NULL, &f->err));
    verify_full(f, n);
}

static void a_full_disk_loses_nothing(void **state)
{
    fixture *f = *state;
    char home[400];
    cairn_status why;

    if (mkdir(f->dir, 0755) && errno != EEXIST)
        fail();
    snprintf(home, sizeof home, "%.380s-small", f->dir);
    assert_int_equal(mkdir(home, 0755), 0);
    if (mount("none", home, "tmpfs", 0, "size=1536k")) {
        rmdir(home);
        print_message("no permission to mount a small tmpfs: left out\n");
        skip();
    }
    store_close(f->store);
    f->store = NULL;
    char was[512];
    snprintf(was, sizeof was, "%s", f->dir);
    snprintf(f->dir, sizeof f->dir, "%s/home", home);
    store_options o = {.create = true};
    OK(store_open(&f->store, f->dir, &o, &f->err));
    unsigned n = write_until_full(f->store, &why, &f->err);
    print_message("full after %u documents: %s\n", n, f->err.text);
    assert_int_equal(why, CAIRN_EFULL);
    verify_full(f, n);
    reopen(f, NULL);
    verify_full(f, n);
    /* Room again: it goes on. */
    assert_int_equal(mount("none", home, "tmpfs", MS_REMOUNT, "size=16m"), 0);
    store_txn *t = begin(f);
    put_doc(f, t, "/more", "text", 3);
    OK(store_txn_commit(t, &f->err));
    check_clean(f);
    store_close(f->store);
    f->store = NULL;
    snprintf(f->dir, sizeof f->dir, "%s", was);
    assert_int_equal(umount(home), 0);
    rmdir(home);
}

/* ---- folders that cannot be written ---- */

static int read_only_checks(const char *dir)
{
    store *s;
    store_snapshot *snap;
    cairn_error err = {0};
    store_options ro = {.read_only = true};

    if (store_open(&s, dir, NULL, &err) != CAIRN_EIO || !strstr(err.text, dir))
        return 1;
    if (store_open(&s, dir, &ro, &err) || store_snapshot_open(s, &snap, &err)) {
        fprintf(stderr, "%s\n", err.text);
        return 2;
    }
    if (store_snapshot_counts(snap).docs != 1 || store_check(s, true, NULL, NULL, &err))
        return 3;
    store_snapshot_close(snap);
    if (store_lock_writer(s, 0, &err) != CAIRN_EIO)
        return 4;
    store_close(s);
    return 0;
}

static void a_home_that_cannot_be_written_can_be_read(void **state)
{
    fixture *f = *state;
    char base[512];

    store_txn *t = begin(f);
    put_doc(f, t, "/x", "y", 1);
    OK(store_txn_commit(t, &f->err));
    store_close(f->store);
    f->store = NULL;
    if (geteuid() == 0) {
        /* Root may write anywhere, so become nobody. */
        snprintf(base, sizeof base, "%s", f->dir);
        *strrchr(base, '/') = '\0';
        chmod(base, 0755);
    } else {
        chmod(f->dir, 0555);
    }
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        if (geteuid() == 0 && (setgid(65534) || setuid(65534)))
            _exit(9);
        _exit(read_only_checks(f->dir));
    }
    int code = wait_for(pid);
    chmod(f->dir, 0755);
    assert_int_equal(code, 0);
    /* While such a reader has a snapshot no one writes, and the other way round. */
    OK(store_open(&f->store, f->dir, NULL, &f->err));
    if (geteuid() == 0) {
        fflush(NULL);
        pid = fork();
        if (pid == 0) {
            store *s;
            store_snapshot *snap;
            store_options ro = {.read_only = true};
            if (setgid(65534) || setuid(65534) || store_open(&s, f->dir, &ro, NULL))
                _exit(1);
            _exit(store_snapshot_open(s, &snap, NULL) == CAIRN_EBUSY ? 0 : 2);
        }
        assert_int_equal(wait_for(pid), 0);
    }
}

/* ---- files of version 1 ---- */

static const uint8_t *file_bytes(const char *path, size_t *len)
{
    FILE *in = fopen(path, "rb");
    static uint8_t b[8192];
    assert_non_null(in);
    *len = fread(b, 1, sizeof b, in);
    fclose(in);
    return b;
}

/* The very bytes of format 1, and that they still open. CAIRN_GOLDEN=write makes the file. */
static void segment_format_1_is_kept(void **state)
{
    fixture *f = *state;
    static const char golden[] = CAIRN_SOURCE_DIR "/tests/store/golden/segment-v1.seg";
    segment_writer *w;
    segment_id id;
    size_t len;
    static uint8_t want[8192];

    store_txn *t = begin(f);
    put_doc(f, t, "/1", "a", 3);
    put_doc(f, t, "/2", "b", 1);
    OK(segment_writer_create(&w, f->store, SEGMENT_VECTOR, &f->err));
    const section_sink *k = segment_writer_sink(w);
    OK(k->begin(k->ctx, "empty", &f->err));
    OK(k->end(k->ctx, &f->err));
    OK(k->begin(k->ctx, "fifteen-letters", &f->err));
    for (uint8_t i = 0; i < 200; i++)
        OK(k->write(k->ctx, &i, 1, &f->err));
    OK(k->end(k->ctx, &f->err));
    OK(segment_writer_finish(w, (chunk_id[]){4, 1, 3}, (doc_id[]){2, 1, 1}, 3, &f->err));
    OK(store_segment_add(t, w, &id, &f->err));
    OK(store_txn_commit(t, &f->err));
    store_snapshot *s = snapshot(f);
    const char *path = segment_file_path(store_segment_at(s, 0)->file);
    const char *mode = getenv("CAIRN_GOLDEN");
    if (mode && !strcmp(mode, "write")) {
        const uint8_t *b = file_bytes(path, &len);
        FILE *out = fopen(golden, "wb");
        assert_non_null(out);
        fwrite(b, 1, len, out);
        fclose(out);
    }
    memcpy(want, file_bytes(golden, &len), sizeof want);
    size_t got_len;
    const uint8_t *got = file_bytes(path, &got_len);
    assert_int_equal(got_len, len);
    assert_memory_equal(got, want, len);
    store_snapshot_close(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FIXTURE_TEST(a_second_writer_is_told_who_writes),
        FIXTURE_TEST(readers_elsewhere_keep_their_state),
        FIXTURE_TEST(dead_readers_are_forgotten),
        FIXTURE_TEST(readers_in_threads_see_whole_states),
        FIXTURE_TEST(a_limit_on_file_sizes_loses_nothing),
        FIXTURE_TEST(a_full_disk_loses_nothing),
        FIXTURE_TEST(a_home_that_cannot_be_written_can_be_read),
        FIXTURE_TEST(segment_format_1_is_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
