/* test_flips.c - a changed byte anywhere in a segment, lexical or vector, is found by cairn_check.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>
#include <fcntl.h>
#include <ftw.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/view.h"
#include "index/lexical/lexical.h"

#define ROWS 200u
#define DIM  16u
/* Places that are changed in each file. */
#ifdef CAIRN_SANITIZED
#define FLIPS 300u
#else
#define FLIPS 1500u
#endif

typedef struct fixture {
    char home[64];
    cairn *c;
    chunk_id chunks[ROWS];
    doc_id docs[ROWS];
    char path[2][1024]; /* the segment files */
} fixture;

static uint64_t state = 88172645463325252u;

static uint64_t next_random(void)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
}

static void must(cairn_status st, const cairn_error *err)
{
    if (st)
        fail_msg("%s", err->text);
}

static int remove_entry(const char *path, const struct stat *info, int type, struct FTW *ftw)
{
    return remove(path);
}

static size_t words(char *dst, size_t size)
{
    size_t n = 0;
    for (unsigned i = 0; i < 40 && n + 16 < size; i++) {
        uint64_t u = next_random() % 300;
        n += (size_t)snprintf(dst + n, size - n, "w%u ", (unsigned)(u * u / 300));
    }
    return n;
}

static void put_documents(fixture *f, char text[ROWS][512])
{
    cairn_error err = {0};
    store_doc doc = {
        .uri = "a", .title = "", .author = "", .lang = "", .mime = "", .ext = "", .meta_json = ""};
    doc_id id;
    store_txn *t;

    must(store_txn_begin(f->c->store, &t, &err), &err);
    must(store_doc_put(t, &doc, &id, &err), &err);
    for (uint32_t i = 0; i < ROWS; i++) {
        store_chunk chunk = {.doc = id, .ordinal = i, .heading = "", .text = text[i]};
        chunk.text_len = words(text[i], sizeof text[i]);
        must(store_chunk_put(t, &chunk, &f->chunks[i], &err), &err);
        f->docs[i] = id;
    }
    must(store_txn_commit(t, &err), &err);
}

static void write_lexical(const section_sink *sink, char text[ROWS][512])
{
    cairn_error err = {0};
    lexical_writer *w;

    must(lexical_writer_create(&w, NULL, &err), &err);
    for (uint32_t i = 0; i < ROWS; i++) {
        lexical_doc d = {.lang = "en"};
        d.field[LEXICAL_BODY].text = text[i];
        d.field[LEXICAL_BODY].len = strlen(text[i]);
        must(lexical_writer_add(w, &d, NULL, &err), &err);
    }
    must(lexical_writer_finish(w, sink, &err), &err);
    lexical_writer_destroy(w);
}

static void write_vectors(const section_sink *sink)
{
    cairn_error err = {0};
    vector_options o = {.index = VECTOR_HNSW, .force = true};
    vector_writer *w;

    must(vector_writer_create(&w, DIM, VECTOR_COSINE, &o, &err), &err);
    for (uint32_t i = 0; i < ROWS; i++) {
        float v[DIM];
        for (uint32_t j = 0; j < DIM; j++)
            v[j] = (float)(next_random() % 2000) - 1000;
        must(vector_writer_add(w, v, &err), &err);
    }
    must(vector_writer_finish(w, sink, NULL, &err), &err);
    vector_writer_destroy(w);
}

static void add_segment(fixture *f, segment_kind kind, char text[ROWS][512])
{
    cairn_error err = {0};
    filter_row row = {.uri = "a", .title = "", .ext = "", .lang = "", .mime = "", .author = ""};
    filter_writer *columns;
    segment_writer *w;
    store_txn *t;

    must(segment_writer_create(&w, f->c->store, kind, &err), &err);
    if (kind == SEGMENT_LEXICAL)
        write_lexical(segment_writer_sink(w), text);
    else
        write_vectors(segment_writer_sink(w));
    must(filter_writer_create(&columns, &err), &err);
    for (uint32_t i = 0; i < ROWS; i++)
        must(filter_writer_add(columns, &row, &err), &err);
    must(filter_writer_finish(columns, segment_writer_sink(w), &err), &err);
    filter_writer_destroy(columns);
    must(segment_writer_finish(w, f->chunks, f->docs, ROWS, &err), &err);
    must(store_txn_begin(f->c->store, &t, &err), &err);
    must(store_segment_add(t, w, NULL, &err), &err);
    must(store_txn_commit(t, &err), &err);
}

static void make_fixture(fixture *f)
{
    static char text[ROWS][512];
    cairn_error err = {0};
    cairn_options o = {.home = f->home, .n_threads = 1, .config_file = "/dev/null"};
    const char *base = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
    store_snapshot *s;

    snprintf(f->home, sizeof f->home, "%s/cairn-flips-XXXXXX", base);
    assert_non_null(mkdtemp(f->home));
    must(cairn_open(&f->c, &o, &err), &err);
    put_documents(f, text);
    add_segment(f, SEGMENT_LEXICAL, text);
    add_segment(f, SEGMENT_VECTOR, text);
    must(store_snapshot_open(f->c->store, &s, &err), &err);
    assert_int_equal(store_segment_count(s), 2);
    for (size_t i = 0; i < 2; i++)
        snprintf(f->path[i], sizeof f->path[i], "%s",
                 segment_file_path(store_segment_at(s, i)->file));
    store_snapshot_close(s);
}

static void look(fixture *f, const char *path, uint64_t at, size_t *missed)
{
    cairn_error err = {0};
    uint8_t was, changed;
    int fd = open(path, O_RDWR);

    assert_true(fd >= 0);
    assert_int_equal(pread(fd, &was, 1, (off_t)at), 1);
    changed = was ^ (uint8_t)(1u << next_random() % 8);
    assert_int_equal(pwrite(fd, &changed, 1, (off_t)at), 1);
    if (!cairn_check(f->c, false, NULL, NULL, &err)) {
        print_message("%s: byte %llu: %02x instead of %02x was not noticed\n", path,
                      (unsigned long long)at, changed, was);
        ++*missed;
    }
    assert_int_equal(pwrite(fd, &was, 1, (off_t)at), 1);
    close(fd);
}

static void a_changed_byte_is_found_anywhere(void **unused)
{
    static fixture f;
    cairn_error err = {0};
    size_t missed = 0;
    (void)unused;

    make_fixture(&f);
    must(cairn_check(f.c, false, NULL, NULL, &err), &err);
    for (size_t i = 0; i < 2; i++) {
        struct stat info;
        uint64_t size, step;
        assert_int_equal(stat(f.path[i], &info), 0);
        size = (uint64_t)info.st_size;
        step = size / FLIPS + 1;
        for (uint64_t at = 0; at < size; at += step)
            look(&f, f.path[i], at + next_random() % (size - at < step ? size - at : step),
                 &missed);
        for (uint64_t at = 0; at < 64; at++) { /* header and trailer whole */
            look(&f, f.path[i], at, &missed);
            look(&f, f.path[i], size - 1 - at, &missed);
        }
    }
    must(cairn_check(f.c, false, NULL, NULL, &err), &err);
    assert_int_equal(missed, 0);
    cairn_close(f.c);
    nftw(f.home, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_changed_byte_is_found_anywhere)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
