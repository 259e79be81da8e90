/* test_copy.c - a snapshot written as a store of its own, while the source goes on. */
#include "store_fixture.h"

#include <sys/stat.h>

typedef struct source {
    doc_id doc[3];
    chunk_id chunks[3];
    doc_id docs[3];
} source;

/* Three documents of prose, one segment with a row for each one's first chunk. */
static void fill(fixture *f, source *s)
{
    static const char *const uris[] = {"/a", "/b", "/c"};
    store_txn *t = begin(f);

    for (unsigned i = 0; i < 3; i++)
        put_prose(f, t, uris[i], 40, i + 1);
    OK(store_txn_commit(t, &f->err));
    store_snapshot *snap = snapshot(f);
    for (unsigned i = 0; i < 3; i++) {
        store_doc d;
        chunk_id *ids;
        size_t n;
        OK(store_doc_find(snap, uris[i], &d, &f->arena, &f->err));
        OK(store_doc_chunks(snap, d.id, &ids, &n, &f->arena, &f->err));
        s->doc[i] = s->docs[i] = d.id;
        s->chunks[i] = ids[0];
    }
    store_snapshot_close(snap);
    segment_writer *w = make_segment(f, SEGMENT_LEXICAL, s->chunks, s->docs, 3, "first segment");
    t = begin(f);
    OK(store_segment_add(t, w, NULL, &f->err));
    OK(store_doc_delete(t, s->doc[1], &f->err)); /* a tombstone */
    OK(store_meta_put(t, "key", "value", 5, &f->err));
    OK(store_txn_commit(t, &f->err));
}

static void make_folder(const fixture *f, const char *name, char *path, size_t size)
{
    snprintf(path, size, "%s-%s", f->dir, name);
    assert_int_equal(mkdir(path, 0755), 0);
}

static void check_copy(fixture *f, const char *path, uint64_t generation)
{
    store_options ro = {.read_only = true};
    store *copy, *was = f->store;
    store_doc d;
    uint64_t newest;

    OK(store_generation_newest(path, &newest, &f->err));
    assert_int_equal(newest, generation);
    OK(store_open(&copy, path, &ro, &f->err));
    f->store = copy;
    check_clean(f);
    store_snapshot *snap = snapshot(f);
    assert_int_equal(store_snapshot_counts(snap).docs, 2);
    check_prose(f, snap, "/a", 40, 1);
    check_prose(f, snap, "/c", 40, 3);
    assert_int_equal(store_doc_find(snap, "/b", &d, &f->arena, NULL), CAIRN_ENOTFOUND);
    assert_int_equal(store_doc_find(snap, "/later", &d, &f->arena, NULL), CAIRN_ENOTFOUND);
    assert_int_equal(store_segment_count(snap), 1);
    const store_segment *seg = store_segment_at(snap, 0);
    assert_int_equal(seg->n_deleted, 1);
    assert_true(row_set_has(seg->deleted, 1));
    const uint8_t *data;
    size_t len;
    OK(segment_find(seg->file, "data", &data, &len, &f->err));
    assert_int_equal(len, strlen("first segment"));
    assert_memory_equal(data, "first segment", len);
    OK(store_meta_get(snap, "key", &f->arena, &data, &len, &f->err));
    assert_memory_equal(data, "value", 5);
    store_snapshot_close(snap);
    store_close(copy);
    f->store = was;
}

static void a_copy_is_the_state_of_its_snapshot(void **state)
{
    fixture *f = *state;
    source s;
    char one[600], two[600];
    store_copy_report r;

    fill(f, &s);
    store_snapshot *snap = snapshot(f);
    /* The source goes on: a document more, the segment replaced and its file unlinked. */
    store_txn *t = begin(f);
    put_prose(f, t, "/later", 5, 9);
    OK(store_txn_commit(t, &f->err));
    segment_id old = store_segment_at(snap, 0)->id;
    segment_writer *w = make_segment(f, SEGMENT_LEXICAL, s.chunks, s.docs, 3, "merged segment");
    t = begin(f);
    OK(store_segment_merge(t, w, &old, 1, NULL, &f->err));
    OK(store_txn_commit(t, &f->err));
    assert_int_equal(access(segment_file_path(store_segment_at(snap, 0)->file), F_OK), -1);

    make_folder(f, "one", one, sizeof one);
    OK(store_copy(snap, one, 7, NULL, NULL, NULL, &r, &f->err));
    assert_int_equal(r.bytes_linked, 0);
    assert_true(r.bytes > 8192);
    check_copy(f, one, 7);
    make_folder(f, "two", two, sizeof two);
    OK(store_copy(snap, two, 8, one, NULL, NULL, &r, &f->err));
    assert_int_equal(r.bytes_linked, segment_file_bytes(store_segment_at(snap, 0)->file));
    remove_tree(one); /* a link of its own stays */
    check_copy(f, two, 8);
    store_snapshot_close(snap);

    /* A copy is a store that can be written to. */
    store_options rw = {0};
    store *was = f->store;
    OK(store_open(&f->store, two, &rw, &f->err));
    t = begin(f);
    put_prose(f, t, "/more", 3, 4);
    OK(store_txn_commit(t, &f->err));
    check_clean(f);
    store_close(f->store);
    f->store = was;
    remove_tree(two);
}

static bool not_far(void *ctx, uint64_t done, uint64_t total)
{
    assert_true(done <= total);
    return ++*(int *)ctx < 2;
}

static void it_can_be_ended(void **state)
{
    fixture *f = *state;
    source s;
    char one[600];
    store_copy_report r;
    int steps = 0;

    fill(f, &s);
    store_snapshot *snap = snapshot(f);
    make_folder(f, "one", one, sizeof one);
    assert_int_equal(store_copy(snap, one, 1, NULL, not_far, &steps, &r, &f->err),
                     CAIRN_ECANCELLED);
    assert_int_equal(steps, 2);
    store_snapshot_close(snap);
    remove_tree(one);
}

/* A damaged segment of the earlier copy is written anew, one of the source refused. */
static void damage_is_not_passed_on(void **state)
{
    fixture *f = *state;
    source s;
    char one[600], two[600], three[600], file[700];
    store_copy_report r;

    fill(f, &s);
    store_snapshot *snap = snapshot(f);
    make_folder(f, "one", one, sizeof one);
    OK(store_copy(snap, one, 1, NULL, NULL, NULL, &r, &f->err));
    snprintf(file, sizeof file, "%s/segments/%016llx.seg", one,
             (unsigned long long)store_segment_at(snap, 0)->id);
    FILE *damaged = fopen(file, "r+");
    assert_non_null(damaged);
    fseek(damaged, 64, SEEK_SET); /* the first byte of the first section */
    fputc('X' ^ 0x55, damaged);
    fclose(damaged);
    make_folder(f, "two", two, sizeof two);
    OK(store_copy(snap, two, 1, one, NULL, NULL, &r, &f->err));
    assert_int_equal(r.bytes_linked, 0);
    check_copy(f, two, 1);

    damaged = fopen(segment_file_path(store_segment_at(snap, 0)->file), "r+");
    assert_non_null(damaged);
    fseek(damaged, 64, SEEK_SET);
    fputc('X' ^ 0x55, damaged);
    fclose(damaged);
    make_folder(f, "three", three, sizeof three);
    assert_int_equal(store_copy(snap, three, 1, NULL, NULL, NULL, &r, &f->err), CAIRN_ECORRUPT);
    store_snapshot_close(snap);
    remove_tree(one);
    remove_tree(two);
    remove_tree(three);
}

int main(void)
{
    const struct CMUnitTest tests[] = {FIXTURE_TEST(a_copy_is_the_state_of_its_snapshot),
                                       FIXTURE_TEST(it_can_be_ended),
                                       FIXTURE_TEST(damage_is_not_passed_on)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
