/* batch.c - see batch.h. The transaction begins with the first write after a flush; the index
 * writers begin with the first row. A collection on a cluster has no segments: its rows go into the
 * transaction. */
#include "engine/batch.h"

#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "base/clock.h"
#include "retrieve/index.h"
#include "engine/columns.h"
#include "engine/labels.h"
#include "engine/likeness.h"
#include "engine/view.h"
#include "index/lexical/lexical.h"

#define CHUNK_ARENA_BYTES ((size_t)256 << 20)
#define REMOTE_BYTES     ((size_t)64 << 20) /* of a transaction on a cluster, before it is due */
#define PATHS_MAX         16 /* places whose words are searched */

/* An open segment of vectors. */
typedef struct vector_rows {
    vector_writer *writer;
    filter_writer *filter;
    chunk_id *chunk; /* [cap], n of them used */
    doc_id *doc;
    uint32_t n, cap;
} vector_rows;

struct batch {
    cairn *c;
    store_txn *txn;
    lexical_writer *lexical;
    filter_writer *filter;
    near_writer *near;
    chunk_id *row_chunk; /* [cap], n of them used: the rows of the open segment */
    doc_id *row_doc;
    uint32_t n, cap;
    /* Rows of chunks whose vectors are there already, with new columns. */
    view view; /* of the state before the transaction; open where there are such */
    vector_rows vectors, second; /* of the embedder, and of a second one (second.h) */
    size_t n_writes; /* documents, deletes and the like since the last flush */
    bool has_room;   /* looked at since then: cairn_check_room */
    int64_t since_ns;
};

cairn_status batch_create(batch **out, cairn *c, cairn_error *err)
{
    *out = calloc(1, sizeof **out);
    if (!*out)
        return cairn_fail(err, CAIRN_ENOMEM, "batch");
    (*out)->c = c;
    return CAIRN_OK;
}

static void drop_rows(vector_rows *v)
{
    vector_writer_destroy(v->writer);
    filter_writer_destroy(v->filter);
    v->writer = NULL;
    v->filter = NULL;
    v->n = 0;
}

static void drop_writers(batch *b)
{
    lexical_writer_destroy(b->lexical);
    filter_writer_destroy(b->filter);
    near_writer_destroy(b->near);
    b->lexical = NULL;
    b->filter = NULL;
    b->near = NULL;
    b->n = 0;
    drop_rows(&b->vectors);
    drop_rows(&b->second);
    view_close(&b->view);
}

void batch_destroy(batch *b)
{
    if (!b)
        return;
    store_txn_abort(b->txn);
    drop_writers(b);
    free(b->row_chunk);
    free(b->row_doc);
    free(b->vectors.chunk);
    free(b->vectors.doc);
    free(b->second.chunk);
    free(b->second.doc);
    free(b);
}

static cairn_status need_txn(batch *b, cairn_error *err)
{
    if (!b->txn) {
        cairn_status st = store_txn_begin(b->c->store, &b->txn, err);
        if (st)
            return st;
        b->since_ns = clock_mono_ns();
        b->n_writes = 0;
        b->has_room = false;
    }
    b->n_writes++;
    return CAIRN_OK;
}

/* Room for a row more in a pair of lists. */
static cairn_status need_pair(chunk_id **chunks, doc_id **docs, uint32_t n, uint32_t *cap,
                              cairn_error *err)
{
    uint32_t more = *cap ? *cap * 2 : 1024;

    if (n < *cap)
        return CAIRN_OK;
    chunk_id *c = checked_realloc(*chunks, more, sizeof *c);
    if (c)
        *chunks = c;
    doc_id *d = checked_realloc(*docs, more, sizeof *d);
    if (d)
        *docs = d;
    if (!c || !d)
        return cairn_fail(err, CAIRN_ENOMEM, "rows of a segment");
    *cap = more;
    return CAIRN_OK;
}

static cairn_status need_row(batch *b, cairn_error *err)
{
    cairn_status st = CAIRN_OK;

    if (b->c->remote)
        return need_pair(&b->row_chunk, &b->row_doc, b->n, &b->cap, err);
    if (!b->lexical) {
        lexical_writer_options o = {.memory_budget = (size_t)(b->c->settings.memory_mb * 1048576),
                                    .n_threads = b->c->n_threads,
                                    .spill_dir = b->c->dir};
        st = lexical_writer_create(&b->lexical, &o, err);
    }
    if (!st && !b->filter)
        st = filter_writer_create(&b->filter, err);
    if (!st && !b->near)
        st = near_writer_create(&b->near, err);
    return st ? st : need_pair(&b->row_chunk, &b->row_doc, b->n, &b->cap, err);
}

/* A document's path may name words ("lease-2025.pdf"); an import's id does not. */
static bool is_path(const char *uri)
{
    return uri[0] == '/';
}

/* What is the same in all rows of a document. */
typedef struct row_parts {
    const store_doc *doc;
    filter_row columns;
    const char *path; /* the words of all its places; "": those of a path are none */
} row_parts;

static cairn_status row_parts_of(const store_doc *doc, bool path_words, arena *memory,
                                 row_parts *out, cairn_error *err)
{
    cairn_status st = columns_of(doc, memory, &out->columns, err);

    out->doc = doc;
    out->path = path_words ? doc->uri : "";
    for (size_t i = 0; !st && path_words && i < out->columns.n_places && i < PATHS_MAX; i++) {
        out->path = arena_printf(memory, "%s\n%s", out->path, out->columns.places[i]);
        if (!out->path)
            st = cairn_fail(err, CAIRN_ENOMEM, "paths of a document");
    }
    return st;
}

/* The row goes where rows are searched. */
static cairn_status write_row(batch *b, chunk_id chunk, const lexical_doc *words, const filter_row *columns,
                              cairn_error *err)
{
    analyzer *a;
    cairn_status st;

    if (b->c->remote) {
        st = engine_analyzer(b->c, &a, err);
        return st ? st : b->c->remote->row_put(b->txn, a, chunk, words, columns, err);
    }
    st = lexical_writer_add(b->lexical, words, NULL, err);
    return st ? st : filter_writer_add(b->filter, columns, err);
}

static cairn_status add_row(batch *b, const row_parts *parts, chunk_id chunk, const char *heading,
                            const char *text, size_t len, cairn_error *err)
{
    const store_doc *doc = parts->doc;
    lexical_doc words = {.lang = doc->lang};
    cairn_status st = need_row(b, err);

    if (st)
        return st;
    words.field[LEXICAL_TITLE].text = doc->title;
    words.field[LEXICAL_TITLE].len = strlen(doc->title);
    if (*parts->path) {
        words.field[LEXICAL_PATH].text = parts->path;
        words.field[LEXICAL_PATH].len = strlen(parts->path);
    }
    words.field[LEXICAL_HEADINGS].text = heading;
    words.field[LEXICAL_HEADINGS].len = strlen(heading);
    words.field[LEXICAL_BODY].text = text;
    words.field[LEXICAL_BODY].len = len;
    st = write_row(b, chunk, &words, &parts->columns, err);
    if (st)
        return st;
    b->row_chunk[b->n] = chunk;
    b->row_doc[b->n] = doc->id;
    b->n++;
    return CAIRN_OK;
}

/* The signature of a document all of whose rows were added. */
static cairn_status add_signature(batch *b, doc_id doc, const near_sketch *sketch, cairn_error *err)
{
    near_signature s;

    return b->near && near_sketch_sign(sketch, &s) ? near_writer_add(b->near, doc, &s, err) : CAIRN_OK;
}

static cairn_status put_chunk(batch *b, const row_parts *parts, const ingest_chunk *x,
                              uint32_t ordinal, cairn_error *err)
{
    store_chunk chunk = {.doc = parts->doc->id,
                         .ordinal = ordinal,
                         .byte_start = x->byte_start,
                         .byte_end = x->byte_end,
                         .page_first = x->page_first,
                         .page_last = x->page_last,
                         .line_first = x->line_first,
                         .line_last = x->line_last,
                         .n_tokens = (uint32_t)x->n_tokens,
                         .heading = x->heading,
                         .text = x->text,
                         .text_len = x->len};
    chunk_id id;
    cairn_status st = store_chunk_put(b->txn, &chunk, &id, err);

    if (!st)
        st = store_pending_add(b->txn, &id, 1, err);
    if (!st)
        st = add_row(b, parts, id, x->heading, x->text, x->len, err);
    return st;
}

cairn_status batch_put(batch *b, const store_doc *doc, const ingest_chunk *chunks, size_t n,
                       doc_id replaces, bool path_words, cairn_error *err)
{
    store_doc put = *doc;
    row_parts parts;
    near_sketch sketch;
    arena memory;
    cairn_status st = need_txn(b, err);

    near_sketch_init(&sketch);
    put.meta_json = doc->meta_json ? doc->meta_json : "";
    if (!st && !b->has_room) { /* once for each commit */
        st = cairn_check_room(b->c, 0, err);
        b->has_room = !st;
    }
    if (!st && replaces)
        st = store_doc_delete(b->txn, replaces, err);
    put.indexed_ns = clock_wall_ns();
    if (!st)
        st = store_doc_put(b->txn, &put, &put.id, err);
    if (!st)
        st = store_failure_remove(b->txn, put.uri, err);
    arena_init(&memory, CHUNK_ARENA_BYTES);
    if (!st)
        st = row_parts_of(&put, path_words, &memory, &parts, err);
    for (size_t i = 0; !st && i < n; i++) {
        st = put_chunk(b, &parts, &chunks[i], (uint32_t)i, err);
        likeness_add(&sketch, chunks[i].text, chunks[i].len);
    }
    if (!st)
        st = add_signature(b, put.id, &sketch, err);
    arena_clear(&memory);
    return st;
}

cairn_status batch_vector(batch *b, const float *row, uint32_t dim, cairn_error *err)
{
    return b->c->remote->vectors_put(b->txn, &b->row_chunk[b->n - 1], row, 1, dim, err);
}

void batch_last(const batch *b, doc_id *doc, chunk_id *chunk)
{
    *doc = b->n ? b->row_doc[b->n - 1] : 0;
    *chunk = b->n ? b->row_chunk[b->n - 1] : 0;
}

static cairn_status sign_stored(batch *b, const store_snapshot *snapshot, doc_id doc, cairn_error *err)
{
    near_signature s;
    bool has;
    cairn_status st;

    if (!b->near)
        return CAIRN_OK;
    st = likeness_of_stored(snapshot, doc, &s, &has, err);
    return st || !has ? st : near_writer_add(b->near, doc, &s, err);
}

/* New rows for chunks of one document that are in the store already, and its signature. */
static cairn_status add_stored_rows(batch *b, const store_snapshot *snapshot, const store_doc *doc,
                                    const chunk_id *ids, size_t n, cairn_error *err)
{
    row_parts parts;
    arena texts, memory;
    cairn_status st;

    arena_init(&texts, CHUNK_ARENA_BYTES);
    arena_init(&memory, CHUNK_ARENA_BYTES);
    st = row_parts_of(doc, is_path(doc->uri), &memory, &parts, err);
    for (size_t i = 0; !st && i < n; i++) {
        store_chunk chunk;
        st = store_chunk_get(snapshot, ids[i], &chunk, &texts, err);
        if (!st)
            st = add_row(b, &parts, ids[i], chunk.heading, chunk.text, chunk.text_len, err);
        if (!st && !chunk.ordinal) /* with its first row, whether or not the others follow */
            st = sign_stored(b, snapshot, doc->id, err);
        arena_reset(&texts);
    }
    arena_clear(&texts);
    arena_clear(&memory);
    return st;
}

/* ---- vectors that are kept ---- */

/* The live row of a chunk among such vectors as they were before this transaction. */
static const vector_reader *find_vector(const store_segment *const *of, const vector_segment *vectors, size_t n,
                                        chunk_id chunk, uint32_t *row)
{
    for (size_t i = 0; i < n; i++)
        if (segment_chunk_row(of[i]->file, chunk, row) && !(of[i]->deleted && row_set_has(of[i]->deleted, *row)))
            return vectors[i].reader;
    return NULL;
}

static cairn_status put_row(batch *b, vector_rows *to, const float *row, uint32_t dim, vector_metric metric,
                            chunk_id chunk, doc_id doc, const filter_row *columns, cairn_error *err)
{
    vector_options o = engine_vector_options(b->c);
    cairn_status st = CAIRN_OK;

    if (!to->writer)
        st = vector_writer_create(&to->writer, dim, metric, &o, err);
    if (!st && !to->filter)
        st = filter_writer_create(&to->filter, err);
    if (!st)
        st = need_pair(&to->chunk, &to->doc, to->n, &to->cap, err);
    if (!st)
        st = vector_writer_add(to->writer, row, err);
    if (!st)
        st = filter_writer_add(to->filter, columns, err);
    if (!st) {
        to->chunk[to->n] = chunk;
        to->doc[to->n++] = doc;
    }
    return st;
}

static cairn_status keep_vector(batch *b, vector_rows *to, const vector_reader *r, uint32_t row, chunk_id chunk,
                                doc_id doc, const filter_row *columns, cairn_error *err)
{
    uint32_t dim = vector_reader_dim(r);
    float *v = checked_malloc(dim, sizeof *v);
    cairn_status st;

    if (!v)
        return cairn_fail(err, CAIRN_ENOMEM, "a vector");
    vector_reader_get(r, row, v);
    st = put_row(b, to, v, dim, vector_reader_metric(r), chunk, doc, columns, err);
    free(v);
    return st;
}

/* The rows of these chunks among the vectors carry what the document now says. */
static cairn_status keep_vectors(batch *b, const store_doc *doc, const chunk_id *ids, size_t n,
                                 cairn_error *err)
{
    filter_row columns;
    arena memory;
    cairn_status st = CAIRN_OK;

    if (b->c->remote) /* they stay beside the words that were put */
        return CAIRN_OK;
    if (!b->view.snapshot)
        st = view_open(b->c, &b->view, err);
    if (st || !(b->view.n_vector || b->view.n_second))
        return st;
    arena_init(&memory, CHUNK_ARENA_BYTES);
    st = columns_of(doc, &memory, &columns, err);
    for (size_t i = 0; !st && i < n; i++) {
        uint32_t row;
        const vector_reader *r = find_vector(b->view.vector_of, b->view.vector, b->view.n_vector, ids[i], &row);
        if (r)
            st = keep_vector(b, &b->vectors, r, row, ids[i], doc->id, &columns, err);
        r = st ? NULL : find_vector(b->view.second_of, b->view.second, b->view.n_second, ids[i], &row);
        if (r)
            st = keep_vector(b, &b->second, r, row, ids[i], doc->id, &columns, err);
    }
    if (!st)
        st = store_rows_tombstone(b->txn, SEGMENT_VECTOR, ids, n, err);
    arena_clear(&memory);
    return st;
}

/* ---- copies of other collections' documents ---- */

/* The vector of a chunk that was just put. */
static cairn_status put_vector(batch *b, const row_parts *parts, chunk_id chunk, const float *row, uint32_t dim,
                               cairn_error *err)
{
    if (b->c->remote)
        return b->c->remote->vectors_put(b->txn, &chunk, row, 1, dim, err);
    return put_row(b, &b->vectors, row, dim, VECTOR_COSINE, chunk, parts->doc->id, &parts->columns, err);
}

static const float *row_of(const batch_rows *v, size_t i)
{
    return v->dim && v->has[i] ? v->rows + i * v->dim : NULL;
}

static cairn_status copy_chunk(batch *b, const row_parts *parts, const store_chunk *from, const float *row, uint32_t dim,
                               const float *second, uint32_t second_dim, cairn_error *err)
{
    store_chunk chunk = *from;
    chunk_id id;
    cairn_status st;

    chunk.id = 0;
    chunk.doc = parts->doc->id;
    st = store_chunk_put(b->txn, &chunk, &id, err);
    if (!st && !row)
        st = store_pending_add(b->txn, &id, 1, err);
    if (!st)
        st = add_row(b, parts, id, chunk.heading, chunk.text, chunk.text_len, err);
    if (!st && row)
        st = put_vector(b, parts, id, row, dim, err);
    if (!st && second)
        st = put_row(b, &b->second, second, second_dim, VECTOR_COSINE, id, parts->doc->id, &parts->columns, err);
    return st;
}

cairn_status batch_copy(batch *b, const store_doc *doc, const store_chunk *chunks, size_t n, const batch_rows *vectors,
                        const batch_rows *second, doc_id replaces, cairn_error *err)
{
    store_doc put = *doc;
    row_parts parts;
    near_sketch sketch;
    arena memory;
    cairn_status st = need_txn(b, err);

    near_sketch_init(&sketch);
    put.id = 0;
    if (!st && replaces)
        st = store_doc_delete(b->txn, replaces, err);
    if (!st)
        st = store_doc_put(b->txn, &put, &put.id, err);
    arena_init(&memory, CHUNK_ARENA_BYTES);
    if (!st)
        st = row_parts_of(&put, is_path(put.uri), &memory, &parts, err);
    for (size_t i = 0; !st && i < n; i++) {
        st = copy_chunk(b, &parts, &chunks[i], row_of(vectors, i), vectors->dim, row_of(second, i), second->dim, err);
        likeness_add(&sketch, chunks[i].text, chunks[i].text_len);
    }
    if (!st)
        st = add_signature(b, put.id, &sketch, err);
    arena_clear(&memory);
    return st;
}

cairn_status batch_move(batch *b, const store_snapshot *snapshot, const store_doc *doc,
                        cairn_error *err)
{
    chunk_id *ids;
    size_t n;
    arena memory;
    cairn_status st = need_txn(b, err);

    arena_init(&memory, CHUNK_ARENA_BYTES);
    if (!st)
        st = store_doc_chunks(snapshot, doc->id, &ids, &n, &memory, err);
    if (!st)
        st = store_doc_update(b->txn, doc, err);
    if (!st)
        st = store_rows_tombstone(b->txn, SEGMENT_LEXICAL, ids, n, err);
    if (!st)
        st = add_stored_rows(b, snapshot, doc, ids, n, err);
    if (!st)
        st = keep_vectors(b, doc, ids, n, err);
    if (!st)
        st = store_failure_remove(b->txn, doc->uri, err);
    arena_clear(&memory);
    return st;
}

cairn_status batch_reindex(batch *b, const store_snapshot *snapshot, const chunk_id *chunks,
                           size_t n, cairn_error *err)
{
    arena memory;
    cairn_status st = need_txn(b, err);

    arena_init(&memory, CHUNK_ARENA_BYTES);
    for (size_t i = 0; !st && i < n; i++) {
        store_chunk chunk;
        store_doc doc;
        st = store_chunk_get(snapshot, chunks[i], &chunk, NULL, err);
        if (!st)
            st = store_doc_get(snapshot, chunk.doc, &doc, &memory, err);
        if (!st)
            st = add_stored_rows(b, snapshot, &doc, &chunks[i], 1, err);
        arena_reset(&memory);
    }
    arena_clear(&memory);
    return st;
}

cairn_status batch_delete(batch *b, doc_id doc, cairn_error *err)
{
    cairn_status st = need_txn(b, err);

    return st ? st : store_doc_delete(b->txn, doc, err);
}

cairn_status batch_find(batch *b, const char *uri, doc_id *id, cairn_error *err)
{
    cairn_status st = need_txn(b, err);

    *id = 0;
    if (st)
        return st;
    st = store_txn_doc_find(b->txn, uri, id, err);
    return st == CAIRN_ENOTFOUND ? CAIRN_OK : st;
}

cairn_status batch_failure(batch *b, const char *path, const char *reason, int64_t size,
                           int64_t mtime_ns, cairn_error *err)
{
    store_failure f = {.path = path, .reason = reason, .size = size, .mtime_ns = mtime_ns};
    cairn_status st = need_txn(b, err);

    return st ? st : store_failure_put(b->txn, &f, err);
}

cairn_status batch_forget_failure(batch *b, const char *path, cairn_error *err)
{
    cairn_status st = need_txn(b, err);

    return st ? st : store_failure_remove(b->txn, path, err);
}

cairn_status batch_meta(batch *b, const char *key, const void *data, size_t len, cairn_error *err)
{
    cairn_status st = need_txn(b, err);

    return st ? st : store_meta_put(b->txn, key, data, len, err);
}

bool batch_is_due(const batch *b)
{
    const settings *s = &b->c->settings;

    if (!b->txn)
        return false;
    if (b->c->remote && b->c->remote->held(b->txn) > REMOTE_BYTES)
        return true;
    return b->n >= (uint32_t)s->flush_chunks || (b->lexical && lexical_writer_full(b->lexical)) ||
           (double)(clock_mono_ns() - b->since_ns) > s->flush_seconds * 1e9;
}

/* Write the open segment's file and name it in the transaction. */
static cairn_status add_segment(batch *b, cairn_error *err)
{
    segment_writer *w;
    cairn_status st = segment_writer_create(&w, b->c->store, SEGMENT_LEXICAL, err);

    if (st)
        return st;
    st = lexical_writer_finish(b->lexical, segment_writer_sink(w), err);
    if (!st)
        st = filter_writer_finish(b->filter, segment_writer_sink(w), err);
    if (!st)
        st = near_writer_finish(b->near, segment_writer_sink(w), NULL, err);
    if (!st)
        st = segment_writer_finish(w, b->row_chunk, b->row_doc, b->n, err);
    if (st) {
        segment_writer_abandon(w);
        return st;
    }
    return store_segment_add(b->txn, w, NULL, err);
}

/* The same for vectors that are kept. */
static cairn_status add_vector_segment(batch *b, const vector_rows *v, bool aside, cairn_error *err)
{
    segment_writer *w;
    segment_id id;
    pool *workers;
    cairn_status st = engine_pool(b->c, &workers, err);

    if (!st)
        st = segment_writer_create(&w, b->c->store, SEGMENT_VECTOR, err);
    if (st)
        return st;
    st = vector_writer_finish(v->writer, segment_writer_sink(w), workers, err);
    if (!st)
        st = filter_writer_finish(v->filter, segment_writer_sink(w), err);
    if (!st)
        st = segment_writer_finish(w, v->chunk, v->doc, v->n, err);
    if (st) {
        segment_writer_abandon(w);
        return st;
    }
    st = store_segment_add(b->txn, w, &id, err);
    return st || !aside ? st : store_segment_set_aside(b->txn, id, true, err);
}

cairn_status batch_flush(batch *b, cairn_error *err)
{
    cairn_status st = CAIRN_OK;

    if (!b->txn)
        return CAIRN_OK;
    if (b->n && !b->c->remote)
        st = add_segment(b, err);
    if (!st && b->vectors.n)
        st = add_vector_segment(b, &b->vectors, false, err);
    if (!st && b->second.n)
        st = add_vector_segment(b, &b->second, true, err);
    if (st)
        store_txn_abort(b->txn);
    else
        st = store_txn_commit(b->txn, err);
    b->txn = NULL;
    drop_writers(b);
    return st;
}
