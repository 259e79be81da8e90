/* test_alloc.c - the n-th allocation fails, for n = 1, 2, 3... until a whole session passes. Each
 * failure must come out as CAIRN_ENOMEM, leak nothing (the asan build sees to that) and leave the
 * store as the last commit made it. */
#include "store_fixture.h"

void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t n);
void *__real_aligned_alloc(size_t align, size_t n);
char *__real_strdup(const char *s);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t n);
void *__wrap_aligned_alloc(size_t align, size_t n);
char *__wrap_strdup(const char *s);

static long countdown; /* 0: never fail */

static bool fails(void)
{
    return countdown > 0 && --countdown == 0;
}

void *__wrap_malloc(size_t n)
{
    return fails() ? NULL : __real_malloc(n);
}

void *__wrap_calloc(size_t n, size_t size)
{
    return fails() ? NULL : __real_calloc(n, size);
}

void *__wrap_realloc(void *p, size_t n)
{
    return fails() ? NULL : __real_realloc(p, n);
}

void *__wrap_aligned_alloc(size_t align, size_t n)
{
    return fails() ? NULL : __real_aligned_alloc(align, n);
}

char *__wrap_strdup(const char *s)
{
    return fails() ? NULL : __real_strdup(s);
}

static cairn_status put_one(store *s, const char *uri, segment_kind kind, cairn_error *err)
{
    store_txn *t;
    segment_writer *w = NULL;
    doc_id id;
    chunk_id rows[3];
    char text[800];
    store_doc d = {.uri = uri, .title = "title"};
    cairn_status st = store_txn_begin(s, &t, err);

    if (st)
        return st;
    st = store_doc_put(t, &d, &id, err);
    for (uint32_t i = 0; i < 3 && !st; i++) {
        store_chunk c = {.doc = id, .ordinal = i, .heading = "h", .text = text};
        c.text_len = prose(text, sizeof text, i);
        st = store_chunk_put(t, &c, &rows[i], err);
    }
    if (!st)
        st = store_pending_add(t, rows, 3, err);
    if (!st)
        st = segment_writer_create(&w, s, kind, err);
    if (!st) {
        const section_sink *k = segment_writer_sink(w);
        st = k->begin(k->ctx, "data", err);
        if (!st)
            st = k->write(k->ctx, text, 100, err);
        if (!st)
            st = k->end(k->ctx, err);
        chunk_id order[3] = {rows[2], rows[0], rows[1]};
        if (!st)
            st = segment_writer_finish(w, order, (doc_id[]){id, id, id}, 3, err);
        if (st)
            segment_writer_abandon(w);
        else
            st = store_segment_add(t, w, NULL, err);
    }
    if (st) {
        store_txn_abort(t);
        return st;
    }
    return store_txn_commit(t, err);
}

/* Read what there is; *docs the number of documents. */
static cairn_status look(store *s, uint64_t *docs, cairn_error *err)
{
    store_snapshot *snap;
    store_doc_iter *it = NULL;
    store_doc d;
    arena a;
    cairn_status st = store_snapshot_open(s, &snap, err);

    if (st)
        return st;
    *docs = store_snapshot_counts(snap).docs;
    arena_init(&a, 8 << 20);
    st = store_doc_iter_open(snap, "", &it, err);
    while (!st && !(st = store_doc_iter_next(it, &d, &a, err))) {
        chunk_id *ids;
        size_t n;
        store_chunk c;
        st = store_doc_chunks(snap, d.id, &ids, &n, &a, err);
        for (size_t i = 0; i < n && !st; i++)
            st = store_chunk_get(snap, ids[i], &c, &a, err);
    }
    store_doc_iter_close(it);
    arena_clear(&a);
    store_snapshot_close(snap);
    return st == CAIRN_ENOTFOUND ? CAIRN_OK : st;
}

static cairn_status session(const char *dir, unsigned *acknowledged, cairn_error *err)
{
    store *s;
    store_txn *t;
    uint64_t docs;
    char uri[40];
    store_options o = {.create = true};
    cairn_status st = store_open(&s, dir, &o, err);

    if (st)
        return st;
    for (int i = 0; i < 2 && !st; i++) {
        snprintf(uri, sizeof uri, "/%d", i);
        st = put_one(s, uri, i ? SEGMENT_VECTOR : SEGMENT_LEXICAL, err);
        *acknowledged += !st;
    }
    if (!st)
        st = look(s, &docs, err);
    if (!st) {
        doc_id id;
        st = store_txn_begin(s, &t, err);
        if (!st) {
            st = store_txn_doc_find(t, uri, &id, err);
            if (!st)
                st = store_doc_delete(t, id, err);
            if (!st)
                st = store_txn_commit(t, err);
            else
                store_txn_abort(t);
        }
        *acknowledged -= !st;
    }
    if (!st)
        st = store_compact(s, err);
    if (!st)
        st = store_check(s, true, NULL, NULL, err);
    store_close(s);
    return st;
}

static void memory_that_runs_out_loses_nothing(void **state)
{
    fixture *f = *state;
    unsigned acknowledged = 0;
    cairn_status st;
    unsigned n;

    store_close(f->store);
    f->store = NULL;
    bool reached = true;
    for (n = 1; reached; n++) {
        store_options o = {.create = true};
        uint64_t docs;
        remove_tree(f->dir);
        acknowledged = 0;
        countdown = n;
        st = session(f->dir, &acknowledged, &f->err);
        reached = countdown == 0; /* some failures are made up for */
        countdown = 0;
        if (st && st != CAIRN_ENOMEM)
            fail_msg("allocation %u: status %d: %s", n, st, f->err.text);
        OK(store_open(&f->store, f->dir, &o, &f->err));
        check_clean(f);
        OK(look(f->store, &docs, &f->err));
        assert_int_equal(docs, acknowledged);
        store_close(f->store);
        f->store = NULL;
        assert_true(n < 5000);
    }
    print_message("%u allocations failed, one after the other\n", n - 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {FIXTURE_TEST(memory_that_runs_out_loses_nothing)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
