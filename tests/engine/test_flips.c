/* test_flips.c - a changed byte anywhere in a segment, lexical or vector, is found by cairn_check;
 * and a segment that a newer program wrote is not damage: a search names it with its cure, and the
 * next run of cairn_index makes it anew. */
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

#include "engine/care.h"
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

/* A sink that says version 1000 where `section` begins. */
typedef struct newer {
    const section_sink *to;
    const char *section;
    bool at_start;
} newer;

static cairn_status newer_begin(void *ctx, const char *name, cairn_error *err)
{
    newer *n = ctx;

    n->at_start = n->section && !strcmp(name, n->section);
    return n->to->begin(n->to->ctx, name, err);
}

static cairn_status newer_write(void *ctx, const void *data, size_t len, cairn_error *err)
{
    newer *n = ctx;
    uint8_t copy[256];
    const uint32_t version = 1000;

    if (n->at_start) {
        assert_in_range(len, sizeof version, sizeof copy);
        memcpy(copy, data, len);
        memcpy(copy, &version, sizeof version);
        data = copy;
        n->at_start = false;
    }
    return n->to->write(n->to->ctx, data, len, err);
}

static cairn_status newer_end(void *ctx, cairn_error *err)
{
    newer *n = ctx;

    return n->to->end(n->to->ctx, err);
}

/* `section`: written as by a newer program; NULL: none. */
static void add_segment(fixture *f, segment_kind kind, char text[ROWS][512], const char *section)
{
    cairn_error err = {0};
    filter_row row = {.uri = "a", .title = "", .ext = "", .lang = "", .mime = "", .author = ""};
    filter_writer *columns;
    segment_writer *w;
    store_txn *t;

    must(segment_writer_create(&w, f->c->store, kind, &err), &err);
    newer n = {segment_writer_sink(w), section, false};
    section_sink sink = {&n, newer_begin, newer_write, newer_end};
    if (kind == SEGMENT_LEXICAL)
        write_lexical(&sink, text);
    else
        write_vectors(&sink);
    must(filter_writer_create(&columns, &err), &err);
    for (uint32_t i = 0; i < ROWS; i++)
        must(filter_writer_add(columns, &row, &err), &err);
    must(filter_writer_finish(columns, &sink, &err), &err);
    filter_writer_destroy(columns);
    must(segment_writer_finish(w, f->chunks, f->docs, ROWS, &err), &err);
    must(store_txn_begin(f->c->store, &t, &err), &err);
    must(store_segment_add(t, w, NULL, &err), &err);
    must(store_txn_commit(t, &err), &err);
}

static void make_fixture(fixture *f, const char *newer_words, const char *newer_vectors)
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
    add_segment(f, SEGMENT_LEXICAL, text, newer_words);
    add_segment(f, SEGMENT_VECTOR, text, newer_vectors);
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

    make_fixture(&f, NULL, NULL);
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

static size_t segments_of(const fixture *f, segment_kind kind)
{
    cairn_error err = {0};
    store_snapshot *s;
    size_t n = 0;

    must(store_snapshot_open(f->c->store, &s, &err), &err);
    for (size_t i = 0; i < store_segment_count(s); i++)
        n += store_segment_at(s, i)->kind == kind;
    store_snapshot_close(s);
    return n;
}

static cairn_status search(const fixture *f, size_t *n_hits, cairn_error *err)
{
    cairn_search_request request = {.query = "w1", .k = 5, .mode = CAIRN_LEXICAL};
    cairn_search_result *found = NULL;
    cairn_status st = cairn_search(f->c, &request, &found, err);

    *n_hits = st ? 0 : found->n_hits;
    cairn_search_result_free(found);
    return st;
}

static void a_newer_segment_is_named_and_made_anew(void **unused)
{
    static const struct {
        const char *words, *vectors;
    } cases[] = {{"flt.meta", NULL}, {NULL, "vec.meta"}, {NULL, "hnsw.meta"}, {NULL, "flt.meta"}};
    (void)unused;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        static fixture f;
        cairn_error err = {0};
        cairn_index_options words_only = {.no_vectors = true};
        cairn_index_report report;
        size_t n;
        make_fixture(&f, cases[i].words, cases[i].vectors);
        char empty[80];
        const char *folder = empty;
        snprintf(empty, sizeof empty, "%s/empty", f.home);
        assert_int_equal(mkdir(empty, 0700), 0);
        assert_int_equal(search(&f, &n, &err), CAIRN_EUNSUPPORTED);
        assert_non_null(strstr(err.text, "cairn index"));
        assert_int_equal(cairn_check(f.c, false, NULL, NULL, &err), CAIRN_ECORRUPT);
        must(cairn_index(f.c, &folder, 1, &words_only, &report, &err), &err);
        cairn_index_report_clear(&report);
        must(search(&f, &n, &err), &err);
        assert_int_equal(n, 5);
        assert_int_equal(segments_of(&f, SEGMENT_LEXICAL), 1);
        assert_int_equal(segments_of(&f, SEGMENT_VECTOR), cases[i].vectors ? 0 : 1);
        must(cairn_check(f.c, false, NULL, NULL, &err), &err);
        cairn_close(f.c);
        nftw(f.home, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_changed_byte_is_found_anywhere),
                                       cmocka_unit_test(a_newer_segment_is_named_and_made_anew)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
