/* test_kill.c - kill -9 at random moments loses nothing that was acknowledged.
 *
 * A child opens the store, puts and deletes documents, adds, merges and removes segments and
 * compacts, and writes one line into a pipe after each commit. The parent kills it after a random
 * time, then opens the store, runs store_check(deep) and compares: every acknowledged document is
 * there with its text, every acknowledged delete is done. The one operation in flight may or may
 * not have happened. The next child goes on from there.
 *
 * CAIRN_KILLS sets the number (default 220), CAIRN_SEED replays the choices. */
#include "store_fixture.h"

#include <errno.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>

enum { DOCS = 64 };

/* What the parent believes: 0 absent, else the text's seed. */
static unsigned acked[DOCS];

typedef struct message {
    int doc;       /* -1: nothing about a document */
    unsigned seed; /* 0 deleted */
    int done;      /* 0 about to happen, 1 committed */
} message;

static unsigned rnd(unsigned *x)
{
    *x = *x * 1664525u + 1013904223u;
    return *x >> 8;
}

#define MUST(call)                                                                                 \
    do {                                                                                           \
        if (call) {                                                                                \
            fprintf(stderr, "child: %s: %s\n", #call, err.text);                                   \
            _exit(9);                                                                              \
        }                                                                                          \
    } while (0)

static void tell(int fd, int doc, unsigned seed, int done)
{
    message m = {doc, seed, done};
    if (write(fd, &m, sizeof m) != (ssize_t)sizeof m)
        _exit(8);
}

static void child_put(store *s, int fd, unsigned x)
{
    cairn_error err = {0};
    store_txn *t;
    doc_id old, id;
    char uri[32], text[700];
    int doc = (int)(rnd(&x) % DOCS);
    unsigned seed = rnd(&x) | 1;
    uint32_t n = 1 + rnd(&x) % 4;
    store_doc d = {.uri = uri, .n_pages = n};

    snprintf(uri, sizeof uri, "/doc/%d", doc);
    tell(fd, doc, seed, 0);
    MUST(store_txn_begin(s, &t, &err));
    if (store_txn_doc_find(t, uri, &old, &err) == CAIRN_OK)
        MUST(store_doc_delete(t, old, &err));
    memcpy(d.hash, &seed, sizeof seed);
    MUST(store_doc_put(t, &d, &id, &err));
    chunk_id rows[4];
    doc_id docs[4];
    for (uint32_t i = 0; i < n; i++) {
        store_chunk c = {.doc = id, .ordinal = i, .text = text};
        c.text_len = prose(text, sizeof text, seed + i);
        MUST(store_chunk_put(t, &c, &rows[i], &err));
        docs[i] = id;
    }
    MUST(store_pending_add(t, rows, n, &err));
    segment_writer *w;
    MUST(segment_writer_create(&w, s, SEGMENT_LEXICAL, &err));
    const section_sink *k = segment_writer_sink(w);
    MUST(k->begin(k->ctx, "data", &err));
    MUST(k->write(k->ctx, text, sizeof text, &err));
    MUST(k->end(k->ctx, &err));
    MUST(segment_writer_finish(w, rows, docs, n, &err));
    MUST(store_segment_add(t, w, NULL, &err));
    MUST(store_txn_commit(t, &err));
    tell(fd, doc, seed, 1);
}

static void child_delete(store *s, int fd, unsigned x)
{
    cairn_error err = {0};
    store_txn *t;
    doc_id id;
    char uri[32];
    int doc = (int)(rnd(&x) % DOCS);

    snprintf(uri, sizeof uri, "/doc/%d", doc);
    tell(fd, doc, 0, 0);
    MUST(store_txn_begin(s, &t, &err));
    if (store_txn_doc_find(t, uri, &id, &err) == CAIRN_OK)
        MUST(store_doc_delete(t, id, &err));
    MUST(store_txn_commit(t, &err));
    tell(fd, doc, 0, 1);
}

/* All living rows of all segments into one. */
static void child_merge(store *s, int fd)
{
    cairn_error err = {0};
    store_snapshot *snap;
    store_txn *t;
    chunk_id rows[DOCS * 64];
    doc_id docs[DOCS * 64];
    segment_id in[512];
    uint32_t n = 0;
    size_t n_in = 0;

    MUST(store_snapshot_open(s, &snap, &err));
    for (size_t i = 0; i < store_segment_count(snap) && i < 512; i++) {
        const store_segment *g = store_segment_at(snap, i);
        in[n_in++] = g->id;
        for (uint32_t r = 0; r < g->n_rows; r++)
            if (!g->deleted || !row_set_has(g->deleted, r)) {
                rows[n] = segment_row_chunk(g->file, r);
                docs[n++] = segment_row_doc(g->file, r);
            }
    }
    segment_writer *w;
    MUST(segment_writer_create(&w, s, SEGMENT_LEXICAL, &err));
    MUST(segment_writer_finish(w, rows, docs, n, &err));
    store_snapshot_close(snap);
    MUST(store_txn_begin(s, &t, &err));
    MUST(store_segment_merge(t, w, in, n_in, NULL, &err));
    MUST(store_txn_commit(t, &err));
    tell(fd, -1, 0, 1);
}

static void child(const char *dir, int fd, unsigned x)
{
    cairn_error err = {0};
    store *s;

    MUST(store_open(&s, dir, &(store_options){.wait_ns = 5000000000}, &err));
    for (;;) {
        unsigned what = rnd(&x) % 20;
        if (what < 12)
            child_put(s, fd, x);
        else if (what < 16)
            child_delete(s, fd, x);
        else if (what < 19)
            child_merge(s, fd);
        else
            MUST(store_compact(s, &err));
    }
}

/* What the store holds of a document: its seed, or 0; whole or the test fails. */
static unsigned seed_of(fixture *f, store_snapshot *s, int doc)
{
    char uri[32], text[700];
    store_doc d;
    unsigned seed;
    chunk_id *ids;
    size_t n;

    snprintf(uri, sizeof uri, "/doc/%d", doc);
    arena_reset(&f->arena);
    cairn_status st = store_doc_find(s, uri, &d, &f->arena, &f->err);
    if (st == CAIRN_ENOTFOUND)
        return 0;
    OK(st);
    memcpy(&seed, d.hash, sizeof seed);
    OK(store_doc_chunks(s, d.id, &ids, &n, &f->arena, &f->err));
    assert_int_equal(n, d.n_pages);
    for (size_t i = 0; i < n; i++) {
        store_chunk c;
        OK(store_chunk_get(s, ids[i], &c, &f->arena, &f->err));
        size_t len = prose(text, sizeof text, seed + (unsigned)i);
        assert_int_equal(c.text_len, len);
        assert_memory_equal(c.text, text, len);
        /* Its row is alive in exactly one segment. */
        int alive = 0;
        for (size_t g = 0; g < store_segment_count(s); g++) {
            const store_segment *seg = store_segment_at(s, g);
            uint32_t row;
            if (segment_chunk_row(seg->file, ids[i], &row))
                alive += !seg->deleted || !row_set_has(seg->deleted, row);
        }
        assert_int_equal(alive, 1);
    }
    return seed;
}

static void verify(fixture *f, const message *flight)
{
    OK(store_open(&f->store, f->dir, NULL, &f->err));
    check_clean(f);
    store_snapshot *s = snapshot(f);
    unsigned docs = 0;
    for (int i = 0; i < DOCS; i++) {
        unsigned got = seed_of(f, s, i);
        if (got != acked[i] && flight->doc == i && !flight->done && got == flight->seed)
            acked[i] = got; /* committed, killed before it could say so */
        if (got != acked[i])
            fail_msg("document %d: seed %u, acknowledged %u", i, got, acked[i]);
        docs += got != 0;
    }
    assert_int_equal(store_snapshot_counts(s).docs, docs);
    assert_int_equal(count_files(f, "segments"), store_segment_count(s));
    store_snapshot_close(s);
    store_close(f->store);
    f->store = NULL;
}

static void kills_lose_nothing(void **state)
{
    fixture *f = *state;
    unsigned seed = seed_of_the_day(), commits = 0;
    const char *env = getenv("CAIRN_KILLS");
    int kills = env ? atoi(env) : 220;

    store_close(f->store);
    f->store = NULL;
    memset(acked, 0, sizeof acked);
    for (int k = 0; k < kills; k++) {
        int fd[2];
        message m, flight = {.doc = -1};
        assert_int_equal(pipe(fd), 0);
        unsigned child_seed = rnd(&seed);
        long ns = (long)(rnd(&seed) % 60) * 1000000 + (long)(rnd(&seed) % 1000) * 1000;
        fflush(NULL);
        pid_t pid = fork();
        if (pid == 0) {
            close(fd[0]);
            child(f->dir, fd[1], child_seed);
        }
        close(fd[1]);
        nanosleep(&(struct timespec){.tv_nsec = ns}, NULL);
        kill(pid, SIGKILL);
        while (read(fd[0], &m, sizeof m) == (ssize_t)sizeof m) {
            if (m.doc >= 0)
                flight = m;
            if (m.doc >= 0 && m.done)
                acked[m.doc] = m.seed;
            commits += m.done != 0;
        }
        close(fd[0]);
        int status;
        waitpid(pid, &status, 0);
        assert_true(WIFSIGNALED(status)); /* killed, not failed by itself */
        verify(f, &flight);
    }
    print_message("%d kills, %u commits acknowledged\n", kills, commits);
    OK(store_open(&f->store, f->dir, NULL, &f->err));
}

int main(void)
{
    const struct CMUnitTest tests[] = {FIXTURE_TEST(kills_lose_nothing)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
