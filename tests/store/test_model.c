/* test_model.c - random operations against a plain array. CAIRN_SEED replays a run. */
#include "store_fixture.h"

enum { DOCS = 40, MAX_CHUNKS = 12, STEPS = 600 };

typedef struct model_doc {
    bool there;
    doc_id id;
    unsigned seed;
    uint32_t n;
    chunk_id chunk[MAX_CHUNKS];
    bool pending[MAX_CHUNKS];
    int rows[MAX_CHUNKS][3]; /* living rows by kind, 0 or 1 */
} model_doc;

typedef struct model {
    model_doc doc[DOCS];
    unsigned x;
} model;

static unsigned rnd(model *m, unsigned below)
{
    m->x = m->x * 1664525u + 1013904223u;
    return (m->x >> 8) % below;
}

static void uri_of(char *uri, size_t size, int i)
{
    /* Some longer than a key. */
    snprintf(uri, size, "/%.*s/%d", i % 3 ? 5 : 300,
             "aaaaaaaaaabbbbbbbbbbaaaaaaaaaabbbbbbbbbbaaaaaaaaaabbbbbbbbbbaaaaaaaaaabbbbbbbbbb"
             "aaaaaaaaaabbbbbbbbbbaaaaaaaaaabbbbbbbbbbaaaaaaaaaabbbbbbbbbbaaaaaaaaaabbbbbbbbbb"
             "aaaaaaaaaabbbbbbbbbbaaaaaaaaaabbbbbbbbbbaaaaaaaaaabbbbbbbbbbaaaaaaaaaabbbbbbbbbb",
             i);
}

/* Sizes from nothing to several pages. */
static size_t text_of(char *text, size_t size, unsigned seed, uint32_t i)
{
    size_t want = (seed + i) % 7 == 0 ? 0 : (seed + i) % 5 == 0 ? 9000 : 40 + (seed + i * 97) % 900;
    return want < 30 ? 0 : prose(text, want < size ? want : size, seed + i);
}

static void model_put(fixture *f, model *m, store_txn *t, int i)
{
    model_doc *d = &m->doc[i];
    char uri[400], text[9100];

    uri_of(uri, sizeof uri, i);
    if (d->there)
        OK(store_doc_delete(t, d->id, &f->err));
    memset(d, 0, sizeof *d);
    d->seed = rnd(m, 1u << 20) | 1;
    d->n = rnd(m, MAX_CHUNKS);
    d->there = true;
    store_doc put = {.uri = uri, .title = "t", .size = (int64_t)d->seed};
    memcpy(put.hash, &d->seed, sizeof d->seed);
    OK(store_doc_put(t, &put, &d->id, &f->err));
    for (uint32_t k = 0; k < d->n; k++) {
        store_chunk c = {.doc = d->id, .ordinal = k * 3, .text = text, .n_tokens = d->seed + k};
        c.text_len = text_of(text, sizeof text, d->seed, k);
        OK(store_chunk_put(t, &c, &d->chunk[k], &f->err));
        if (rnd(m, 2)) {
            d->pending[k] = true;
            OK(store_pending_add(t, &d->chunk[k], 1, &f->err));
        }
    }
}

/* A segment of the given kind over every chunk that has no living row of it. */
static void model_segment(fixture *f, model *m, store_txn *t, int kind)
{
    chunk_id rows[DOCS * MAX_CHUNKS];
    doc_id docs[DOCS * MAX_CHUNKS];
    uint32_t n = 0;

    for (int i = 0; i < DOCS; i++)
        for (uint32_t k = 0; m->doc[i].there && k < m->doc[i].n; k++) {
            model_doc *d = &m->doc[i];
            if (d->rows[k][kind] || rnd(m, 3) == 0)
                continue;
            d->rows[k][kind] = 1;
            rows[n] = d->chunk[k];
            docs[n++] = d->id;
            if (kind == SEGMENT_VECTOR && d->pending[k]) {
                d->pending[k] = false;
                OK(store_pending_remove(t, &d->chunk[k], 1, &f->err));
            }
        }
    for (uint32_t k = n; k > 1; k--) { /* shuffled, so that rows.order is used */
        uint32_t r = rnd(m, k);
        chunk_id c = rows[k - 1];
        doc_id d = docs[k - 1];
        rows[k - 1] = rows[r], docs[k - 1] = docs[r];
        rows[r] = c, docs[r] = d;
    }
    OK(store_segment_add(t, make_segment(f, (segment_kind)kind, rows, docs, n, "x"), NULL,
                         &f->err));
}

/* Merge some segments of a kind, as the snapshot before the transaction saw them. */
static void model_merge(fixture *f, model *m, int kind)
{
    static chunk_id rows[100000];
    static doc_id docs[100000];
    segment_id in[64];
    size_t n_in = 0;
    uint32_t n = 0;
    store_snapshot *s = snapshot(f);

    for (size_t i = 0; i < store_segment_count(s) && n_in < 64; i++) {
        const store_segment *g = store_segment_at(s, i);
        if ((int)g->kind != kind || rnd(m, 3) == 0)
            continue;
        in[n_in++] = g->id;
        for (uint32_t r = 0; r < g->n_rows; r++)
            if (!g->deleted || !row_set_has(g->deleted, r)) {
                rows[n] = segment_row_chunk(g->file, r);
                docs[n++] = segment_row_doc(g->file, r);
            }
    }
    store_snapshot_close(s);
    segment_writer *w = make_segment(f, (segment_kind)kind, rows, docs, n, "merged");
    if (rnd(m, 2)) { /* something dies while the merge runs */
        int i = (int)rnd(m, DOCS);
        store_txn *t = begin(f);
        if (m->doc[i].there)
            OK(store_doc_delete(t, m->doc[i].id, &f->err));
        m->doc[i].there = false;
        OK(store_txn_commit(t, &f->err));
    }
    store_txn *t = begin(f);
    OK(store_segment_merge(t, w, in, n_in, NULL, &f->err));
    OK(store_txn_commit(t, &f->err));
}

static void model_step(fixture *f, model *m)
{
    unsigned what = rnd(m, 100);
    int i = (int)rnd(m, DOCS), kind = 1 + (int)rnd(m, 2);
    model saved = *m;

    if (what >= 70 && what < 80) {
        model_merge(f, m, kind);
        return;
    }
    if (what >= 96) {
        if (what < 98)
            OK(store_compact(f->store, &f->err));
        reopen(f, NULL);
        return;
    }
    store_txn *t = begin(f);
    if (what < 45) {
        for (unsigned k = 0; k <= what % 4; k++)
            model_put(f, m, t, (i + (int)k) % DOCS);
    } else if (what < 60) {
        if (m->doc[i].there)
            OK(store_doc_delete(t, m->doc[i].id, &f->err));
        m->doc[i].there = false;
    } else if (what < 70) {
        model_segment(f, m, t, kind);
    } else if (m->doc[i].there) {
        model_doc *d = &m->doc[i];
        OK(store_rows_tombstone(t, (segment_kind)kind, d->chunk, d->n, &f->err));
        for (uint32_t k = 0; k < d->n; k++)
            d->rows[k][kind] = 0;
    }
    if (rnd(m, 8) == 0) {
        unsigned x = m->x;
        store_txn_abort(t);
        *m = saved;
        m->x = x;
    } else {
        OK(store_txn_commit(t, &f->err));
    }
}

static void compare_doc(fixture *f, store_snapshot *s, const model_doc *d, const char *uri)
{
    store_doc got;
    chunk_id *ids;
    size_t n;
    static char text[9100];

    OK(store_doc_find(s, uri, &got, &f->arena, &f->err));
    assert_true(got.id == d->id && got.size == (int64_t)d->seed && got.n_chunks == d->n);
    OK(store_doc_chunks(s, d->id, &ids, &n, &f->arena, &f->err));
    assert_int_equal(n, d->n);
    for (uint32_t k = 0; k < d->n; k++) {
        store_chunk c;
        assert_int_equal(ids[k], d->chunk[k]);
        OK(store_chunk_get(s, ids[k], &c, &f->arena, &f->err));
        size_t len = text_of(text, sizeof text, d->seed, k);
        assert_true(c.ordinal == k * 3 && c.n_tokens == d->seed + k && c.text_len == len);
        assert_memory_equal(c.text, text, len);
        int alive[3] = {0};
        for (size_t g = 0; g < store_segment_count(s); g++) {
            const store_segment *seg = store_segment_at(s, g);
            uint32_t row;
            if (segment_chunk_row(seg->file, ids[k], &row))
                alive[seg->kind] += !seg->deleted || !row_set_has(seg->deleted, row);
        }
        assert_int_equal(alive[1], d->rows[k][1]);
        assert_int_equal(alive[2], d->rows[k][2]);
    }
}

static void compare(fixture *f, const model *m)
{
    store_snapshot *s = snapshot(f);
    uint64_t docs = 0, chunks = 0, pending = 0;
    char uri[400];
    store_doc got;

    arena_reset(&f->arena);
    for (int i = 0; i < DOCS; i++) {
        const model_doc *d = &m->doc[i];
        uri_of(uri, sizeof uri, i);
        if (!d->there) {
            assert_int_equal(store_doc_find(s, uri, &got, &f->arena, &f->err), CAIRN_ENOTFOUND);
            continue;
        }
        docs++;
        chunks += d->n;
        for (uint32_t k = 0; k < d->n; k++)
            pending += d->pending[k];
        compare_doc(f, s, d, uri);
    }
    store_counts c = store_snapshot_counts(s);
    assert_true(c.docs == docs && c.chunks == chunks && c.pending == pending);
    store_snapshot_close(s);
}

static void random_operations_match_a_plain_array(void **state)
{
    fixture *f = *state;
    static model m;

    memset(&m, 0, sizeof m);
    m.x = seed_of_the_day();
    for (int step = 0; step < STEPS; step++) {
        model_step(f, &m);
        if (step % 5 == 0)
            compare(f, &m);
        if (step % 50 == 0)
            check_clean(f);
    }
    compare(f, &m);
    check_clean(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {FIXTURE_TEST(random_operations_match_a_plain_array)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
