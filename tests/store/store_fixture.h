/* store_fixture.h - a fresh store in a temporary folder for each test, and short ways to fill it.
 */
#ifndef CAIRN_TESTS_STORE_FIXTURE_H
#define CAIRN_TESTS_STORE_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "store/store.h"

typedef struct fixture {
    char dir[512];
    store *store;
    arena arena;
    cairn_error err;
    int runs;
} fixture;

#define OK(call)                                                                                   \
    do {                                                                                           \
        cairn_status st_ = (call);                                                                 \
        if (st_)                                                                                   \
            fail_msg("%s:%d: %s: %s", __FILE__, __LINE__, #call, f->err.text);                     \
    } while (0)

#define FIXTURE_TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

static inline int remove_one(const char *path, const struct stat *sb, int type, struct FTW *w)
{
    (void)sb, (void)type, (void)w;
    return remove(path);
}

static inline void remove_tree(const char *dir)
{
    nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* Memory-backed where there is such a place: a killed process needs no disk to lose its memory. */
static inline void temp_dir(char *dir, size_t size)
{
    const char *base = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
    const char *env = getenv("CAIRN_TEST_TMP");
    snprintf(dir, size, "%s/cairn-store-XXXXXX", env ? env : base);
    if (!mkdtemp(dir))
        abort();
}

static inline int fixture_setup(void **state)
{
    fixture *f = calloc(1, sizeof *f);
    char base[300];

    if (!f)
        return -1;
    temp_dir(base, sizeof base);
    snprintf(f->dir, sizeof f->dir, "%s/home", base);
    arena_init(&f->arena, (size_t)256 << 20);
    store_options o = {.create = true};
    *state = f;
    if (store_open(&f->store, f->dir, &o, &f->err)) {
        fprintf(stderr, "%s\n", f->err.text);
        return -1;
    }
    return 0;
}

static inline int fixture_teardown(void **state)
{
    fixture *f = *state;
    store_close(f->store);
    arena_clear(&f->arena);
    *strrchr(f->dir, '/') = '\0';
    remove_tree(f->dir);
    free(f);
    return 0;
}

static inline void reopen(fixture *f, const store_options *o)
{
    store_close(f->store);
    f->store = NULL;
    OK(store_open(&f->store, f->dir, o, &f->err));
}

/* Open a second handle and drop the first, while snapshots of the first may be open. */
static inline void reopen_beside(fixture *f)
{
    store *second;
    store_options ro = {.read_only = true};
    OK(store_open(&second, f->dir, &ro, &f->err));
    store_close(second);
}

static inline store_txn *begin(fixture *f)
{
    store_txn *t;
    OK(store_txn_begin(f->store, &t, &f->err));
    return t;
}

static inline store_snapshot *snapshot(fixture *f)
{
    store_snapshot *s;
    OK(store_snapshot_open(f->store, &s, &f->err));
    return s;
}

static inline void print_problem(void *ctx, const store_problem *p)
{
    (void)ctx;
    print_message("problem: %s: %s: %s\n", p->file, p->part, p->text);
}

static inline void check_clean(fixture *f)
{
    OK(store_check(f->store, true, print_problem, NULL, &f->err));
}

/* A document with n chunks of this text. */
static inline doc_id put_doc(fixture *f, store_txn *t, const char *uri, const char *text,
                             uint32_t n)
{
    store_doc d = {.uri = uri, .title = uri};
    doc_id id;
    OK(store_doc_put(t, &d, &id, &f->err));
    for (uint32_t i = 0; i < n; i++) {
        store_chunk c = {.doc = id, .ordinal = i, .text = text, .text_len = strlen(text)};
        OK(store_chunk_put(t, &c, NULL, &f->err));
    }
    return id;
}

static inline void put_noise(fixture *f, store_txn *t, const char *uri, size_t len, unsigned seed)
{
    char *text = malloc(len);
    store_doc d = {.uri = uri};
    doc_id id;
    assert_non_null(text);
    for (size_t i = 0; i < len; i++)
        text[i] = (char)((seed = seed * 1664525u + 1013904223u) >> 24);
    OK(store_doc_put(t, &d, &id, &f->err));
    store_chunk c = {.doc = id, .text = text, .text_len = len};
    OK(store_chunk_put(t, &c, NULL, &f->err));
    free(text);
}

/* Sentences of a small vocabulary, the same for the same seed. */
static inline size_t prose(char *dst, size_t size, unsigned seed)
{
    static const char *const words[] = {
        "mountain", "river", "the",  "of",     "a",      "path",   "stone", "cairn", "traveller",
        "leads",    "marks", "when", "winter", "closes", "valley", "and",   "slope", "above",
        "follows",  "old",   "map",  "shows",  "no",     "bridge", "until", "ford"};
    size_t n = 0;
    while (n + 20 < size) {
        seed = seed * 1664525u + 1013904223u;
        n += (size_t)snprintf(dst + n, size - n, "%s%s", words[(seed >> 16) % 26],
                              (seed >> 8) % 11 ? " " : ". ");
    }
    return n;
}

static inline void put_prose(fixture *f, store_txn *t, const char *uri, uint32_t n, unsigned seed)
{
    store_doc d = {.uri = uri};
    doc_id id;
    char text[1200];
    OK(store_doc_put(t, &d, &id, &f->err));
    for (uint32_t i = 0; i < n; i++) {
        store_chunk c = {.doc = id, .ordinal = i, .text = text};
        c.text_len = prose(text, sizeof text, seed * 1000 + i);
        OK(store_chunk_put(t, &c, NULL, &f->err));
    }
}

static inline void check_prose(fixture *f, store_snapshot *s, const char *uri, uint32_t n,
                               unsigned seed)
{
    store_doc d;
    chunk_id *ids;
    size_t got;
    char text[1200];
    OK(store_doc_find(s, uri, &d, &f->arena, &f->err));
    OK(store_doc_chunks(s, d.id, &ids, &got, &f->arena, &f->err));
    assert_int_equal(got, n);
    for (uint32_t i = 0; i < n; i++) {
        store_chunk c;
        size_t len = prose(text, sizeof text, seed * 1000 + i);
        OK(store_chunk_get(s, ids[i], &c, &f->arena, &f->err));
        assert_int_equal(c.text_len, len);
        assert_memory_equal(c.text, text, len);
    }
}

/* A finished segment with one section "data". */
static inline segment_writer *make_segment(fixture *f, segment_kind kind, const chunk_id *rows,
                                           const doc_id *docs, uint32_t n, const char *data)
{
    segment_writer *w;
    OK(segment_writer_create(&w, f->store, kind, &f->err));
    const section_sink *k = segment_writer_sink(w);
    OK(k->begin(k->ctx, "data", &f->err));
    OK(k->write(k->ctx, data, strlen(data), &f->err));
    OK(k->end(k->ctx, &f->err));
    OK(segment_writer_finish(w, rows, docs, n, &f->err));
    return w;
}

static inline size_t count_files(fixture *f, const char *sub)
{
    char path[600];
    size_t n = 0;
    snprintf(path, sizeof path, "%s/%s", f->dir, sub);
    DIR *d = opendir(path);
    assert_non_null(d);
    for (struct dirent *e; (e = readdir(d));)
        n += e->d_name[0] != '.';
    closedir(d);
    return n;
}

/* Path of the LMDB file. */
static inline void lmdb_path(const fixture *f, char *path, size_t size)
{
    DIR *d = opendir(f->dir);
    path[0] = '\0';
    for (struct dirent *e; d && (e = readdir(d));) {
        size_t n = strlen(e->d_name);
        if (n > 4 && !strcmp(e->d_name + n - 4, ".mdb"))
            snprintf(path, size, "%s/%s", f->dir, e->d_name);
    }
    if (d)
        closedir(d);
}

static inline unsigned seed_of_the_day(void)
{
    const char *s = getenv("CAIRN_SEED");
    unsigned seed = s ? (unsigned)strtoul(s, NULL, 10) : (unsigned)getpid() * 2654435761u;
    print_message("CAIRN_SEED=%u\n", seed);
    return seed;
}

#endif
