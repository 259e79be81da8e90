/* test_audit.c - the audit of the vectors on real collections: a graph that lost rows and one that
 * was badly built are found, mended through the store, and the result is in the status. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>
#include <ftw.h>
#include <unistd.h>

#include "engine/care.h"
#include "engine/merge.h"
#include "engine/view.h"
#include "tests/index/vector/memory_sections.h"

#define DIM 24u

#ifdef CAIRN_SANITIZED
#define ROWS 6000u
#else
#define ROWS 20000u
#endif

static uint64_t rng;

typedef struct fixture {
    char home[64];
    cairn *c;
    doc_id doc[2];
    chunk_id *chunks; /* [ROWS]: the first half of document 0, the second of document 1 */
} fixture;

static void must(cairn_status st, const cairn_error *err)
{
    if (st)
        fail_msg("%s", err->text);
}

static void open_cairn(fixture *f)
{
    cairn_error err = {0};
    cairn_options o = {.home = f->home, .n_threads = 2, .config_file = "/dev/null"};

    must(cairn_open(&f->c, &o, &err), &err);
}

static int remove_entry(const char *path, const struct stat *info, int type, struct FTW *ftw)
{
    return remove(path);
}

static void close_fixture(fixture *f)
{
    cairn_close(f->c);
    free(f->chunks);
    nftw(f->home, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

/* Two documents of ROWS / 2 chunks each. */
static void make_fixture(fixture *f)
{
    cairn_error err = {0};
    store_txn *t;

    *f = (fixture){.home = "/tmp/cairn-audit-XXXXXX"};
    assert_non_null(mkdtemp(f->home));
    open_cairn(f);
    f->chunks = calloc(ROWS, sizeof *f->chunks);
    assert_non_null(f->chunks);
    must(store_txn_begin(f->c->store, &t, &err), &err);
    for (uint32_t i = 0; i < ROWS; i++) {
        uint32_t d = i >= ROWS / 2;
        store_doc doc = {.uri = d ? "b" : "a",
                         .title = "",
                         .author = "",
                         .lang = "",
                         .mime = "",
                         .ext = "",
                         .meta_json = ""};
        if (i % (ROWS / 2) == 0)
            must(store_doc_put(t, &doc, &f->doc[d], &err), &err);
        store_chunk chunk = {
            .doc = f->doc[d], .ordinal = i % (ROWS / 2), .heading = "", .text = "x", .text_len = 1};
        must(store_chunk_put(t, &chunk, &f->chunks[i], &err), &err);
    }
    must(store_txn_commit(t, &err), &err);
}

/* Points with structure: a centre and noise. */
static void add_vectors(vector_writer *w, uint32_t rows)
{
    cairn_error err = {0};
    float v[DIM];

    for (uint32_t r = 0; r < rows; r++) {
        uint64_t centre = 7 + test_random(&rng) % 40;
        for (uint32_t i = 0; i < DIM; i++)
            v[i] = (float)(test_uniform(&centre) - 0.5 + 1.5 * (test_uniform(&rng) - 0.5));
        must(vector_writer_add(w, v, &err), &err);
    }
}

/* Take every link to rows [first, end) out of the lists of layer 0. */
static void cut_links(memory_sections *mem, uint32_t rows, uint32_t first, uint32_t end)
{
    uint32_t *link0 = (uint32_t *)memory_get(mem, "hnsw.link0")->data;

    for (uint32_t r = 0; r < rows; r++)
        for (uint32_t i = 0, n = 0; i < 32; i++) {
            uint32_t to = link0[r * 32 + i];
            link0[r * 32 + i] = UINT32_MAX;
            if (to != UINT32_MAX && (to < first || to >= end))
                link0[r * 32 + n++] = to;
        }
}

/* A vector segment of chunks[first, first + rows), its bytes changed by `spoil` before they are
 * written. */
static void add_segment(fixture *f, uint32_t first, uint32_t rows, const vector_options *o,
                        void (*spoil)(memory_sections *mem, uint32_t rows))
{
    cairn_error err = {0};
    memory_sections mem = {0};
    section_sink sink = memory_sink(&mem);
    segment_writer *w;
    vector_writer *vectors;
    filter_writer *columns;
    filter_row empty = {.uri = "a", .title = "", .ext = "", .lang = "", .mime = "", .author = ""};
    doc_id *docs = calloc(rows, sizeof *docs);
    pool *workers;
    store_txn *t;

    assert_non_null(docs);
    must(engine_pool(f->c, &workers, &err), &err);
    must(vector_writer_create(&vectors, DIM, VECTOR_COSINE, o, &err), &err);
    add_vectors(vectors, rows);
    must(vector_writer_finish(vectors, &sink, workers, &err), &err);
    vector_writer_destroy(vectors);
    if (spoil)
        spoil(&mem, rows);
    must(segment_writer_create(&w, f->c->store, SEGMENT_VECTOR, &err), &err);
    const section_sink *out = segment_writer_sink(w);
    for (size_t i = 0; i < mem.n; i++) {
        must(out->begin(out->ctx, mem.at[i].name, &err), &err);
        must(out->write(out->ctx, mem.at[i].data, mem.at[i].len, &err), &err);
        must(out->end(out->ctx, &err), &err);
    }
    memory_clear(&mem);
    must(filter_writer_create(&columns, &err), &err);
    for (uint32_t r = 0; r < rows; r++) {
        must(filter_writer_add(columns, &empty, &err), &err);
        docs[r] = f->doc[first + r >= ROWS / 2];
    }
    must(filter_writer_finish(columns, out, &err), &err);
    filter_writer_destroy(columns);
    must(segment_writer_finish(w, f->chunks + first, docs, rows, &err), &err);
    must(store_txn_begin(f->c->store, &t, &err), &err);
    must(store_segment_add(t, w, NULL, &err), &err);
    must(store_txn_commit(t, &err), &err);
    free(docs);
}

static cairn_audit status_audit(fixture *f)
{
    cairn_error err = {0};
    cairn_status_info info;
    cairn_audit a;

    must(cairn_status_get(f->c, &info, &err), &err);
    a = info.audit;
    cairn_status_clear(&info);
    return a;
}

static uint64_t count_vectors(fixture *f)
{
    cairn_error err = {0};
    cairn_status_info info;

    must(cairn_status_get(f->c, &info, &err), &err);
    uint64_t n = info.vectors;
    cairn_status_clear(&info);
    return n;
}

static void verify_all(fixture *f)
{
    cairn_error err = {0};
    view v;

    must(view_open(f->c, &v, &err), &err);
    for (size_t i = 0; i < v.n_vector; i++)
        must(vector_verify(v.vector[i].reader, &err), &err);
    view_close(&v);
}

static void lose_thirty(memory_sections *mem, uint32_t rows)
{
    cut_links(mem, rows, 10, 40);
}

static void rows_out_of_reach_are_counted_and_mended(void **state)
{
    vector_options o = {.force = true, .m = 16, .ef_construction = 32};
    cairn_error err = {0};
    cairn_audit a;
    fixture f;

    make_fixture(&f);
    assert_false(status_audit(&f).known);
    must(cairn_audit_vectors(f.c, false, NULL, &a, &err), &err); /* nothing there: nothing missed */
    assert_true(a.known && a.recall10 == 1 && a.samples == 0 && a.vectors == 0);

    add_segment(&f, 0, 1500, &o, lose_thirty);
    must(cairn_audit_vectors(f.c, false, NULL, &a, &err), &err);
    /* One of the thirty may be the entry, which needs no link. */
    assert_in_range(a.unreachable, 29, 30);
    assert_int_equal(a.repaired, 0);
    assert_int_equal(a.vectors, 1500);
    assert_in_range(a.samples, 1, 200);
    assert_int_equal(status_audit(&f).unreachable, a.unreachable);

    must(cairn_audit_vectors(f.c, true, NULL, &a, &err), &err);
    assert_int_equal(a.unreachable, 0);
    assert_int_equal(a.repaired, 1);
    assert_true(a.recall10 > 0.95);
    assert_int_equal(a.vectors, 1500);
    cairn_close(f.c);
    open_cairn(&f); /* it is in the store, not in the handle */
    a = status_audit(&f);
    assert_true(a.known && a.unreachable == 0 && a.repaired == 1);
    assert_int_equal(count_vectors(&f), 1500);
    verify_all(&f);
    close_fixture(&f);
}

static void break_lists(memory_sections *mem, uint32_t rows)
{
    cut_links(mem, rows, 10, 40);
    ((uint32_t *)memory_get(mem, "hnsw.link0")->data)[700 * 32] = 700; /* links itself */
}

static void broken_lists_are_made_afresh(void **state)
{
    vector_options o = {.force = true, .m = 16, .ef_construction = 32};
    cairn_error err = {0};
    cairn_audit a;
    fixture f;

    make_fixture(&f);
    add_segment(&f, 0, 1500, &o, break_lists);
    must(cairn_audit_vectors(f.c, true, NULL, &a, &err), &err);
    assert_int_equal(a.unreachable, 0);
    assert_int_equal(a.repaired, 1);
    verify_all(&f);
    close_fixture(&f);
}

static void a_bad_graph_is_rebuilt_at_the_end_of_a_run(void **state)
{
    vector_options bad = {.force = true, .m = 2, .ef_construction = 8};
    cairn_index_report report = {0};
    cairn_index_options options = {0};
    cairn_error err = {0};
    cairn_audit a, again;
    uint64_t before, after;
    fixture f;
    run r;

    make_fixture(&f);
    add_segment(&f, 0, ROWS, &bad, NULL);
    must(cairn_audit_vectors(f.c, false, NULL, &a, &err), &err);
    print_message("m 2, ef 8: recall@10 %.4f of %u vectors\n", a.recall10, ROWS);
    if (a.recall10 >= 0.95) { /* this build or CPU scans so few rows: there is nothing to see */
        close_fixture(&f);
        skip();
    }
    /* The run that follows sees no change since then, and leaves it. */
    must(run_begin(&r, f.c, &options, &report, &err), &err);
    must(run_audit(&r, false, true, &err), &err);
    assert_int_equal(status_audit(&f).measured_ns, a.measured_ns);
    /* Half of the vectors go: now it is due, and the graph is replaced. */
    store_txn *t;
    must(store_txn_begin(f.c->store, &t, &err), &err);
    must(store_doc_delete(t, f.doc[1], &err), &err);
    must(store_txn_commit(t, &err), &err);
    must(run_audit(&r, false, true, &err), &err);
    again = status_audit(&f);
    print_message("after: recall@10 %.4f of %llu\n", again.recall10,
                  (unsigned long long)again.vectors);
    assert_true(again.measured_ns > a.measured_ns);
    assert_int_equal(again.vectors, ROWS / 2);
    assert_int_equal(again.repaired, 1);
    assert_true(again.recall10 >= 0.95);
    assert_int_equal(count_vectors(&f), ROWS / 2);
    verify_all(&f);
    merger_destroy(r.merger);
    batch_destroy(r.batch);
    cairn_index_report_clear(&report);
    must(cairn_compact(f.c, NULL, &before, &after, &err), &err);
    assert_int_equal(count_vectors(&f), ROWS / 2);
    close_fixture(&f);
}

/* A repaired segment is stored and coded as it was. */
static void a_repair_keeps_the_kind(void **state)
{
    vector_options o = {.force = true,
                        .m = 16,
                        .ef_construction = 32,
                        .storage = VECTOR_F16,
                        .codes = VECTOR_CODE_I4,
                        .code_dim = 16};
    cairn_error err = {0};
    cairn_audit a;
    fixture f;
    view v;

    make_fixture(&f);
    add_segment(&f, 0, 1500, &o, lose_thirty);
    must(cairn_audit_vectors(f.c, true, NULL, &a, &err), &err);
    assert_int_equal(a.repaired, 1);
    must(view_open(f.c, &v, &err), &err);
    vector_options now = vector_options_of(v.vector[0].reader);
    assert_int_equal(now.storage, VECTOR_F16);
    assert_int_equal(now.codes, VECTOR_CODE_I4);
    assert_int_equal(now.code_dim, 16);
    assert_true(now.force && now.index == VECTOR_HNSW && now.m == 16);
    view_close(&v);
    verify_all(&f);
    close_fixture(&f);
}

static void no_samples_means_no_audit(void **state)
{
    vector_options o = {.force = true, .m = 16, .ef_construction = 32};
    cairn_error err = {0};
    uint64_t before, after;
    fixture f;

    make_fixture(&f);
    add_segment(&f, 0, 200, &o, NULL);
    f.c->settings.audit_samples = 0;
    must(cairn_compact(f.c, NULL, &before, &after, &err), &err);
    assert_false(status_audit(&f).known);
    f.c->settings.audit_samples = 50;
    must(cairn_compact(f.c, NULL, &before, &after, &err), &err);
    assert_true(status_audit(&f).known);
    assert_int_equal(status_audit(&f).samples, 50);
    close_fixture(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_out_of_reach_are_counted_and_mended),
        cmocka_unit_test(broken_lists_are_made_afresh),
        cmocka_unit_test(a_bad_graph_is_rebuilt_at_the_end_of_a_run),
        cmocka_unit_test(a_repair_keeps_the_kind),
        cmocka_unit_test(no_samples_means_no_audit),
    };

    rng = test_seed();
    print_message("CAIRN_SEED=%llu\n", (unsigned long long)rng);
    return cmocka_run_group_tests_name("audit", tests, NULL, NULL);
}
