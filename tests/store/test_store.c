/* test_store.c - round trips through documents, chunks, segments and the rest, with reopening. */
#include "store_fixture.h"

#include <errno.h>
#include <sys/wait.h>

static void documents_come_back_as_they_went_in(void **state)
{
    fixture *f = *state;
    store_doc d = {.uri = "/a/b.txt",
                   .title = "A title",
                   .author = "Someone",
                   .lang = "de",
                   .mime = "text/plain",
                   .ext = "txt",
                   .meta_json = "{\"k\":1}",
                   .size = 123,
                   .mtime_ns = -5,
                   .date_ns = INT64_MAX,
                   .indexed_ns = INT64_MIN,
                   .hash = {1, 2, 3},
                   .n_pages = 7};
    store_doc got;
    doc_id id, ids[4];
    size_t n;

    store_txn *t = begin(f);
    OK(store_doc_put(t, &d, &id, &f->err));
    assert_int_equal(store_doc_put(t, &d, NULL, &f->err), CAIRN_EUSAGE);
    store_chunk c = {.doc = id,
                     .ordinal = 0,
                     .byte_start = 3,
                     .byte_end = 99,
                     .page_first = 1,
                     .page_last = 2,
                     .line_first = 4,
                     .line_last = 5,
                     .n_tokens = 6,
                     .heading = "A > B",
                     .text = "some words, some words, some words",
                     .text_len = 34};
    chunk_id cid;
    OK(store_chunk_put(t, &c, &cid, &f->err));
    assert_int_equal(store_chunk_put(t, &c, NULL, &f->err), CAIRN_EUSAGE);
    c.ordinal = 1;
    c.text = "";
    c.text_len = 0;
    c.heading = NULL;
    OK(store_chunk_put(t, &c, NULL, &f->err));
    OK(store_meta_put(t, "key", "va\0lue", 6, &f->err));
    OK(store_txn_commit(t, &f->err));
    reopen(f, NULL);

    store_snapshot *s = snapshot(f);
    OK(store_doc_find(s, "/a/b.txt", &got, &f->arena, &f->err));
    assert_int_equal(got.id, id);
    assert_string_equal(got.title, d.title);
    assert_string_equal(got.author, d.author);
    assert_string_equal(got.lang, d.lang);
    assert_string_equal(got.mime, d.mime);
    assert_string_equal(got.ext, d.ext);
    assert_string_equal(got.meta_json, d.meta_json);
    assert_int_equal(got.size, 123);
    assert_int_equal(got.mtime_ns, -5);
    assert_true(got.date_ns == INT64_MAX && got.indexed_ns == INT64_MIN);
    assert_memory_equal(got.hash, d.hash, 16);
    assert_int_equal(got.n_pages, 7);
    assert_int_equal(got.n_chunks, 2);
    OK(store_doc_by_hash(s, d.hash, ids, 4, &n, &f->err));
    assert_int_equal(n, 1);
    assert_int_equal(ids[0], id);
    chunk_id *chunks;
    OK(store_doc_chunks(s, id, &chunks, &n, &f->arena, &f->err));
    assert_int_equal(n, 2);
    assert_int_equal(chunks[0], cid);
    store_chunk gc;
    OK(store_chunk_get(s, cid, &gc, &f->arena, &f->err));
    assert_string_equal(gc.text, "some words, some words, some words");
    assert_string_equal(gc.heading, "A > B");
    assert_true(gc.byte_end == 99 && gc.page_last == 2 && gc.line_first == 4 && gc.n_tokens == 6);
    OK(store_chunk_get(s, cid, &gc, NULL, &f->err));
    assert_int_equal(gc.text_len, 34);
    OK(store_chunk_get(s, chunks[1], &gc, &f->arena, &f->err));
    assert_string_equal(gc.text, "");
    assert_string_equal(gc.heading, "");
    const uint8_t *v;
    OK(store_meta_get(s, "key", &f->arena, &v, &n, &f->err));
    assert_int_equal(n, 6);
    assert_memory_equal(v, "va\0lue", 6);
    assert_int_equal(store_meta_get(s, "none", &f->arena, &v, &n, &f->err), CAIRN_ENOTFOUND);
    assert_int_equal(store_doc_get(s, 99, &got, &f->arena, &f->err), CAIRN_ENOTFOUND);
    assert_int_equal(store_chunk_get(s, 99, &gc, &f->arena, &f->err), CAIRN_ENOTFOUND);
    store_counts k = store_snapshot_counts(s);
    assert_true(k.docs == 1 && k.chunks == 2 && k.text_bytes == 34);
    store_snapshot_close(s);
    check_clean(f);
}

static void updates_move_a_document(void **state)
{
    fixture *f = *state;
    store_txn *t = begin(f);
    doc_id a = put_doc(f, t, "/old", "words", 3), other = put_doc(f, t, "/other", "words", 1),
           found;
    store_doc d = {.id = a, .uri = "/new", .title = "T", .hash = {9}};
    store_doc clash = {.id = a, .uri = "/other"};

    OK(store_doc_update(t, &d, &f->err));
    assert_int_equal(store_doc_update(t, &clash, &f->err), CAIRN_EUSAGE);
    assert_int_equal(store_txn_doc_find(t, "/old", &found, &f->err), CAIRN_ENOTFOUND);
    OK(store_txn_doc_find(t, "/new", &found, &f->err));
    assert_int_equal(found, a);
    d.id = 77;
    d.uri = "/x";
    assert_int_equal(store_doc_update(t, &d, &f->err), CAIRN_ENOTFOUND);
    OK(store_txn_commit(t, &f->err));
    store_snapshot *s = snapshot(f);
    store_doc got;
    OK(store_doc_get(s, a, &got, &f->arena, &f->err));
    assert_int_equal(got.n_chunks, 3);
    store_snapshot_close(s);
    t = begin(f);
    OK(store_doc_delete(t, a, &f->err));
    OK(store_doc_delete(t, other, &f->err));
    assert_int_equal(store_doc_delete(t, a, &f->err), CAIRN_ENOTFOUND);
    OK(store_txn_commit(t, &f->err));
    s = snapshot(f);
    store_counts k = store_snapshot_counts(s);
    assert_true(k.docs == 0 && k.chunks == 0 && k.text_bytes == 0);
    store_snapshot_close(s);
    check_clean(f);
}

static void uris_list_in_order_under_a_prefix(void **state)
{
    fixture *f = *state;
    char long_uri[3][600];
    store_txn *t = begin(f);

    put_doc(f, t, "/b/2", "x", 1);
    put_doc(f, t, "/a", "x", 1);
    put_doc(f, t, "/b/1\nnewline", "x", 1);
    put_doc(f, t, "/b", "x", 1);
    for (int i = 0; i < 3; i++) { /* agree in more bytes than a key holds */
        memset(long_uri[i], 'z', sizeof long_uri[i]);
        snprintf(long_uri[i] + 500, 50, "%s", i == 2 ? "other" : i ? "same1" : "same0");
        put_doc(f, t, long_uri[i], "x", 1);
    }
    OK(store_txn_commit(t, &f->err));
    store_snapshot *s = snapshot(f);
    static const struct {
        const char *prefix;
        size_t n;
        const char *first;
    } rows[] = {{"", 7, "/a"}, {"/b", 3, "/b"}, {"/b/", 2, "/b/1\nnewline"}, {"/c", 0, NULL}};
    for (size_t r = 0; r < sizeof rows / sizeof *rows; r++) {
        store_doc_iter *it;
        store_doc d;
        size_t n = 0;
        OK(store_doc_iter_open(s, rows[r].prefix, &it, &f->err));
        while (!store_doc_iter_next(it, &d, &f->arena, &f->err))
            if (n++ == 0)
                assert_string_equal(d.uri, rows[r].first);
        assert_int_equal(n, rows[r].n);
        store_doc_iter_close(it);
    }
    store_doc_iter *it;
    store_doc d;
    size_t n = 0;
    long_uri[0][504] = '\0'; /* ..."same" */
    OK(store_doc_iter_open(s, long_uri[0], &it, &f->err));
    while (!store_doc_iter_next(it, &d, &f->arena, &f->err))
        n++;
    assert_int_equal(n, 2);
    store_doc_iter_close(it);
    store_snapshot_close(s);
    check_clean(f);
}

static bool count_failure(void *ctx, const store_failure *fl)
{
    size_t *n = ctx;
    assert_string_equal(fl->reason, *n ? "second" : "changed");
    (*n)++;
    return true;
}

static void failures_and_pending_are_kept(void **state)
{
    fixture *f = *state;
    store_txn *t = begin(f);
    store_failure fl = {.path = "/p1", .reason = "first", .size = 5, .mtime_ns = 6};
    chunk_id ids[8], none = 999;
    size_t n = 0;

    OK(store_failure_put(t, &fl, &f->err));
    fl.reason = "changed";
    OK(store_failure_put(t, &fl, &f->err));
    OK(store_failure_put(t, &(store_failure){.path = "/p2", .reason = "second"}, &f->err));
    doc_id d = put_doc(f, t, "/d", "text", 3);
    OK(store_pending_add(t, (chunk_id[]){1, 2, 3, 2}, 4, &f->err));
    assert_int_equal(store_pending_add(t, &none, 1, &f->err), CAIRN_EUSAGE);
    OK(store_pending_remove(t, (chunk_id[]){2, 999}, 2, &f->err));
    OK(store_txn_commit(t, &f->err));
    store_snapshot *s = snapshot(f);
    OK(store_failure_each(s, count_failure, &n, &f->err));
    assert_int_equal(n, 2);
    OK(store_failure_find(s, "/p1", &fl, &f->arena, &f->err));
    assert_true(fl.size == 5 && fl.mtime_ns == 6);
    OK(store_pending_next(s, 0, ids, 8, &n, &f->err));
    assert_true(n == 2 && ids[0] == 1 && ids[1] == 3);
    OK(store_pending_next(s, 1, ids, 8, &n, &f->err));
    assert_true(n == 1 && ids[0] == 3);
    assert_int_equal(store_snapshot_counts(s).pending, 2);
    assert_int_equal(store_snapshot_counts(s).failures, 2);
    store_snapshot_close(s);
    t = begin(f);
    OK(store_doc_delete(t, d, &f->err));
    OK(store_failure_remove(t, "/p1", &f->err));
    OK(store_failure_remove(t, "/p1", &f->err));
    OK(store_txn_commit(t, &f->err));
    s = snapshot(f);
    assert_int_equal(store_snapshot_counts(s).pending, 0);
    assert_int_equal(store_snapshot_counts(s).failures, 1);
    store_snapshot_close(s);
    check_clean(f);
}

static void segments_carry_sections_and_tombstones(void **state)
{
    fixture *f = *state;
    store_txn *t = begin(f);
    doc_id d1 = put_doc(f, t, "/1", "one", 2), d2 = put_doc(f, t, "/2", "two", 2);
    chunk_id rows[] = {4, 1, 3, 2};
    doc_id docs[] = {d2, d1, d2, d1};
    segment_id lex, vec;

    OK(store_segment_add(t, make_segment(f, SEGMENT_LEXICAL, rows, docs, 4, "payload"), &lex,
                         &f->err));
    OK(store_segment_add(t, make_segment(f, SEGMENT_VECTOR, rows, docs, 4, "vectors"), &vec,
                         &f->err));
    OK(store_txn_commit(t, &f->err));
    store_snapshot *before = snapshot(f);
    t = begin(f);
    OK(store_rows_tombstone(t, SEGMENT_LEXICAL, (chunk_id[]){3, 77}, 2, &f->err));
    OK(store_doc_delete(t, d1, &f->err));
    OK(store_txn_commit(t, &f->err));
    reopen_beside(f);
    store_snapshot *s = snapshot(f);
    assert_int_equal(store_segment_count(s), 2);
    const store_segment *a = store_segment_at(s, 0), *b = store_segment_at(s, 1);
    assert_true(a->id == lex && a->kind == SEGMENT_LEXICAL && a->n_rows == 4 && a->n_deleted == 3);
    assert_true(b->id == vec && b->kind == SEGMENT_VECTOR && b->n_deleted == 2);
    assert_int_equal(a->deleted[0], 2 | 8 | 4);
    assert_int_equal(b->deleted[0], 2 | 8);
    assert_null(store_segment_at(before, 0)->deleted);
    const uint8_t *data;
    size_t len;
    OK(segment_find(a->file, "data", &data, &len, &f->err));
    assert_int_equal(len, 7);
    assert_memory_equal(data, "payload", 7);
    assert_int_equal((uintptr_t)data % 64, 0);
    assert_int_equal(segment_find(a->file, "nothing", &data, &len, &f->err), CAIRN_ENOTFOUND);
    section_source src = segment_source(b->file);
    assert_true(src.find(src.ctx, "data", &data, &len));
    assert_memory_equal(data, "vectors", 7);
    for (uint32_t r = 0; r < 4; r++) {
        uint32_t back;
        assert_int_equal(segment_row_chunk(a->file, r), rows[r]);
        assert_int_equal(segment_row_doc(a->file, r), docs[r]);
        assert_true(segment_chunk_row(a->file, rows[r], &back) && back == r);
    }
    assert_int_equal(segment_row_chunk(a->file, 4), 0);
    uint32_t row;
    assert_false(segment_chunk_row(a->file, 9, &row));
    /* A merge carries over what died while it ran; the inputs' mapping lives on. */
    segment_writer *w =
        make_segment(f, SEGMENT_LEXICAL, (chunk_id[]){3, 4}, (doc_id[]){d2, d2}, 2, "m");
    segment_file *kept = segment_retain(a->file);
    store_snapshot_close(s);
    t = begin(f);
    OK(store_segment_merge(t, w, &lex, 1, &lex, &f->err));
    OK(store_segment_remove(t, vec, &f->err));
    assert_int_equal(store_segment_remove(t, vec, &f->err), CAIRN_ENOTFOUND);
    OK(store_txn_commit(t, &f->err));
    s = snapshot(f);
    assert_int_equal(store_segment_count(s), 1);
    assert_int_equal(store_segment_at(s, 0)->n_deleted, 1);
    assert_int_equal(store_segment_at(s, 0)->deleted[0], 1);
    OK(segment_verify(kept, &f->err));
    assert_int_not_equal(access(segment_file_path(kept), F_OK), 0);
    segment_release(kept);
    OK(segment_verify(store_segment_at(before, 1)->file, &f->err));
    store_snapshot_close(s);
    store_snapshot_close(before);
    check_clean(f);
}

static void vectors_stand_aside_and_come_back(void **state)
{
    fixture *f = *state;
    store_txn *t = begin(f);
    doc_id d1 = put_doc(f, t, "/1", "one", 1), d2 = put_doc(f, t, "/2", "two", 1);
    chunk_id rows[] = {1, 2};
    doc_id docs[] = {d1, d2};
    segment_id words, vectors;

    OK(store_segment_add(t, make_segment(f, SEGMENT_LEXICAL, rows, docs, 2, "w"), &words, &f->err));
    OK(store_segment_add(t, make_segment(f, SEGMENT_VECTOR, rows, docs, 2, "v"), &vectors, &f->err));
    assert_int_equal(store_segment_set_aside(t, words, true, &f->err), CAIRN_EUSAGE);
    assert_int_equal(store_segment_set_aside(t, 99, true, &f->err), CAIRN_ENOTFOUND);
    OK(store_segment_set_aside(t, vectors, true, &f->err));
    OK(store_txn_commit(t, &f->err));
    reopen_beside(f);
    store_snapshot *s = snapshot(f);
    assert_int_equal(store_segment_at(s, 1)->kind, SEGMENT_ASIDE);
    OK(segment_verify(store_segment_at(s, 1)->file, &f->err));
    store_snapshot_close(s);
    /* What dies, dies there, too. */
    t = begin(f);
    OK(store_rows_tombstone(t, SEGMENT_VECTOR, (chunk_id[]){1}, 1, &f->err));
    OK(store_doc_delete(t, d2, &f->err));
    OK(store_txn_commit(t, &f->err));
    t = begin(f);
    OK(store_segment_set_aside(t, vectors, false, &f->err));
    OK(store_txn_commit(t, &f->err));
    reopen_beside(f);
    s = snapshot(f);
    assert_int_equal(store_segment_at(s, 1)->kind, SEGMENT_VECTOR);
    assert_int_equal(store_segment_at(s, 1)->n_deleted, 2);
    assert_int_equal(store_segment_at(s, 0)->n_deleted, 1);
    store_snapshot_close(s);
    check_clean(f);
}

static void rows_of_chunks_deleted_meanwhile_are_dead_on_arrival(void **state)
{
    fixture *f = *state;
    store_txn *t = begin(f);
    doc_id d1 = put_doc(f, t, "/1", "one", 1), d2 = put_doc(f, t, "/2", "two", 1);
    segment_writer *w =
        make_segment(f, SEGMENT_VECTOR, (chunk_id[]){1, 2}, (doc_id[]){d1, d2}, 2, "v");

    OK(store_txn_commit(t, &f->err));
    t = begin(f);
    OK(store_doc_delete(t, d1, &f->err));
    OK(store_txn_commit(t, &f->err));
    t = begin(f);
    OK(store_segment_add(t, w, NULL, &f->err));
    OK(store_txn_commit(t, &f->err));
    store_snapshot *s = snapshot(f);
    assert_int_equal(store_segment_at(s, 0)->n_deleted, 1);
    assert_int_equal(store_segment_at(s, 0)->deleted[0], 1);
    store_snapshot_close(s);
    check_clean(f);
}

static void sinks_refuse_misuse(void **state)
{
    fixture *f = *state;
    segment_writer *w;

    OK(segment_writer_create(&w, f->store, SEGMENT_LEXICAL, &f->err));
    const section_sink *k = segment_writer_sink(w);
    assert_int_equal(k->write(k->ctx, "x", 1, &f->err), CAIRN_EUSAGE);
    assert_int_equal(k->begin(k->ctx, "good", &f->err), CAIRN_EUSAGE); /* failed for good */
    segment_writer_abandon(w);
    static const char *const names[] = {"", "sixteen-letters!", "rows.x"};
    for (int i = 0; i < 3; i++) {
        OK(segment_writer_create(&w, f->store, SEGMENT_LEXICAL, &f->err));
        k = segment_writer_sink(w);
        assert_int_equal(k->begin(k->ctx, names[i], NULL), CAIRN_EUSAGE);
        segment_writer_abandon(w);
    }
    OK(segment_writer_create(&w, f->store, SEGMENT_LEXICAL, &f->err));
    assert_int_equal(
        segment_writer_finish(w, (chunk_id[]){2, 5, 2}, (doc_id[]){1, 1, 1}, 3, &f->err),
        CAIRN_EUSAGE);
    segment_writer_abandon(w);
    OK(segment_writer_create(&w, f->store, SEGMENT_LEXICAL, &f->err));
    store_txn *t = begin(f);
    assert_int_equal(store_segment_add(t, w, NULL, &f->err), CAIRN_EUSAGE); /* not finished */
    store_txn_abort(t);
    check_clean(f);
}

static void aborted_transactions_leave_nothing(void **state)
{
    fixture *f = *state;
    store_txn *t = begin(f);
    segment_id id;

    put_doc(f, t, "/gone", "text", 2);
    segment_writer *w =
        make_segment(f, SEGMENT_LEXICAL, (chunk_id[]){1, 2}, (doc_id[]){1, 1}, 2, "x");
    OK(store_segment_add(t, w, &id, &f->err));
    store_txn_abort(t);
    store_snapshot *s = snapshot(f);
    assert_int_equal(store_snapshot_counts(s).docs, 0);
    assert_int_equal(store_segment_count(s), 0);
    store_snapshot_close(s);
    assert_int_equal(count_files(f, "segments"), 0);
    check_clean(f);
}

static void a_full_map_grows(void **state)
{
    fixture *f = *state;
    store_options o = {.map_bytes = 1 << 20};

    reopen(f, &o);
    store_snapshot *pinned = snapshot(f);
    for (int i = 0; i < 40; i++) { /* in steps: grows ahead of need, beside an open snapshot */
        char uri[32];
        snprintf(uri, sizeof uri, "/%d", i);
        store_txn *t = begin(f);
        put_noise(f, t, uri, 300000, (unsigned)i);
        OK(store_txn_commit(t, &f->err));
    }
    assert_int_equal(store_snapshot_counts(pinned).docs, 0);
    store_snapshot_close(pinned);
    check_clean(f);
}

static cairn_status write_much(void *ctx, store_txn *t, cairn_error *err)
{
    fixture *f = ctx;
    f->runs++;
    for (int i = 0; i < 20; i++) {
        char uri[32];
        store_doc d = {.uri = uri};
        snprintf(uri, sizeof uri, "/much/%d", i);
        doc_id id;
        cairn_status st = store_doc_put(t, &d, &id, err);
        static char noise[300000];
        unsigned x = (unsigned)i + 1;
        for (size_t k = 0; k < sizeof noise; k++)
            noise[k] = (char)((x = x * 1664525u + 1013904223u) >> 24);
        store_chunk c = {.doc = id, .text = noise, .text_len = sizeof noise};
        if (!st)
            st = store_chunk_put(t, &c, NULL, err);
        if (st)
            return st;
    }
    return CAIRN_OK;
}

static void store_write_runs_again_in_a_larger_map(void **state)
{
    fixture *f = *state;
    store_options o = {.map_bytes = 1 << 20};
    store_txn *t;

    reopen(f, &o);
    OK(store_txn_begin(f->store, &t, &f->err));
    assert_int_equal(write_much(f, t, &f->err), CAIRN_ELIMIT);
    assert_int_equal(store_txn_commit(t, &f->err), CAIRN_ELIMIT);
    f->runs = 0;
    OK(store_write(f->store, write_much, f, &f->err));
    assert_true(f->runs > 1);
    store_snapshot *s = snapshot(f);
    assert_int_equal(store_snapshot_counts(s).docs, 20);
    store_snapshot_close(s);
    check_clean(f);
}

static void dictionaries_pack_better_and_old_ones_stay(void **state)
{
    fixture *f = *state;
    store_usage u;

    for (int i = 0; i < 60; i++) {
        char uri[32];
        snprintf(uri, sizeof uri, "/prose/%d", i);
        store_txn *t = begin(f);
        put_prose(f, t, uri, 40, (unsigned)i + 1);
        OK(store_txn_commit(t, &f->err));
    }
    OK(store_usage_get(f->store, true, &u, &f->err));
    assert_true(u.dictionaries >= 1);
    store_snapshot *s = snapshot(f);
    uint64_t before = u.stored_text, text = store_snapshot_counts(s).text_bytes;
    uint64_t version = store_snapshot_version(s);
    check_clean(f);
    OK(store_compact(f->store, &f->err));
    OK(store_usage_get(f->store, true, &u, &f->err));
    assert_true(u.stored_text <= before);
    print_message("text %llu, packed %llu, after compaction %llu\n", (unsigned long long)text,
                  (unsigned long long)before, (unsigned long long)u.stored_text);
    /* The snapshot from before still reads the old file, texts and all. */
    check_prose(f, s, "/prose/3", 40, 4);
    check_prose(f, s, "/prose/59", 40, 60);
    store_snapshot_close(s);
    check_clean(f);
    reopen(f, NULL);
    s = snapshot(f);
    check_prose(f, s, "/prose/3", 40, 4);
    check_prose(f, s, "/prose/59", 40, 60);
    assert_true(store_snapshot_version(s) > version);
    store_snapshot_close(s);
    assert_int_equal(count_files(f, "."), 4); /* store.mdb, its lock, write.lock, segments */
    store_txn *t = begin(f);
    put_prose(f, t, "/after", 10, 7);
    OK(store_txn_commit(t, &f->err));
    check_clean(f);
}

static void stores_that_are_not_there_are_not_found(void **state)
{
    fixture *f = *state;
    char dir[600];
    store *s;

    snprintf(dir, sizeof dir, "%s/none", f->dir);
    assert_int_equal(store_open(&s, dir, NULL, &f->err), CAIRN_ENOTFOUND);
    store_options ro = {.read_only = true, .create = true};
    assert_int_equal(store_open(&s, dir, &ro, &f->err), CAIRN_ENOTFOUND);
    assert_int_not_equal(access(dir, F_OK), 0);
    assert_int_equal(mkdir(dir, 0755), 0);
    assert_int_equal(store_open(&s, dir, NULL, &f->err), CAIRN_ENOTFOUND);
    assert_int_equal(rmdir(dir), 0); /* still empty */
}

static void a_store_does_not_survive_fork(void **state)
{
    fixture *f = *state;
    pid_t pid = fork();

    if (pid == 0) {
        store_snapshot *s;
        store_txn *t;
        bool good = store_snapshot_open(f->store, &s, NULL) == CAIRN_EUSAGE &&
                    store_txn_begin(f->store, &t, NULL) == CAIRN_EUSAGE &&
                    store_compact(f->store, NULL) == CAIRN_EUSAGE;
        store_close(f->store);
        _exit(good ? 0 : 1);
    }
    int status;
    waitpid(pid, &status, 0);
    assert_int_equal(status, 0);
    check_clean(f); /* still the writer, still whole */
    store_txn *t = begin(f);
    put_doc(f, t, "/x", "y", 1);
    OK(store_txn_commit(t, &f->err));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FIXTURE_TEST(documents_come_back_as_they_went_in),
        FIXTURE_TEST(updates_move_a_document),
        FIXTURE_TEST(uris_list_in_order_under_a_prefix),
        FIXTURE_TEST(failures_and_pending_are_kept),
        FIXTURE_TEST(segments_carry_sections_and_tombstones),
        FIXTURE_TEST(vectors_stand_aside_and_come_back),
        FIXTURE_TEST(rows_of_chunks_deleted_meanwhile_are_dead_on_arrival),
        FIXTURE_TEST(sinks_refuse_misuse),
        FIXTURE_TEST(aborted_transactions_leave_nothing),
        FIXTURE_TEST(a_full_map_grows),
        FIXTURE_TEST(store_write_runs_again_in_a_larger_map),
        FIXTURE_TEST(dictionaries_pack_better_and_old_ones_stay),
        FIXTURE_TEST(stores_that_are_not_there_are_not_found),
        FIXTURE_TEST(a_store_does_not_survive_fork),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
