/* vectors_import.c - cairn_import_vectors: each row of a file becomes a document of one passage
 * with its vector.
 *
 * Rows are put into the open batch (document, passage, words if there are any) and into an open
 * vector segment. The batch is flushed first, then the segment is written and its passages taken
 * off the waiting list in one transaction; what lies between in a crash is a document that waits
 * for its vector, and the next run of the same import gives it one. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "base/checked.h"
#include "base/clock.h"
#include "engine/columns.h"
#include "engine/merge.h"
#include "engine/run.h"
#include "engine/vectors.h"
#include "retrieve/index.h"

#define SEGMENT_ROWS  65536u
#define SEGMENT_BYTES ((size_t)256 << 20)
#define SEGMENT_NS    ((int64_t)60 * 1000000000)
#define ROW_MEMORY    ((size_t)256 << 20)

typedef struct importing {
    run *r;
    const char *file;
    vector_source *source;
    store_snapshot *before; /* the state since the last flush */
    vectors_identity identity;
    bool declared; /* META_EMBEDDER says so already */
    vector_writer *writer;
    filter_writer *filter;
    chunk_id *chunks; /* [cap], n of them used: rows of the open vector segment */
    doc_id *docs;
    uint32_t n, cap;
    int64_t since_ns;
    XXH3_state_t *hashing;
} importing;

static void drop_segment(importing *m)
{
    vector_writer_destroy(m->writer);
    filter_writer_destroy(m->filter);
    m->writer = NULL;
    m->filter = NULL;
    m->n = 0;
}

static cairn_status write_segment(importing *m, segment_writer *w, cairn_error *err)
{
    pool *workers;
    cairn_status st = engine_pool(m->r->c, &workers, err);

    if (!st)
        st = vector_writer_finish(m->writer, segment_writer_sink(w), workers, err);
    if (!st)
        st = filter_writer_finish(m->filter, segment_writer_sink(w), err);
    if (!st)
        st = segment_writer_finish(w, m->chunks, m->docs, m->n, err);
    return st;
}

/* Commit the documents, then their vectors. */
static cairn_status flush(importing *m, cairn_error *err)
{
    segment_writer *w;
    store_txn *t = NULL;
    cairn_status st = run_flush(m->r, &m->before, err);

    if (st || !m->n)
        return st;
    st = segment_writer_create(&w, m->r->c->store, SEGMENT_VECTOR, err);
    if (st)
        return st;
    st = write_segment(m, w, err);
    if (!st)
        st = store_txn_begin(m->r->c->store, &t, err);
    if (st) {
        segment_writer_abandon(w);
        return st;
    }
    st = store_segment_add(t, w, NULL, err);
    if (!st)
        st = store_pending_remove(t, m->chunks, m->n, err);
    if (st)
        store_txn_abort(t);
    else
        st = store_txn_commit(t, err);
    if (!st)
        m->r->report->embedded += m->n;
    drop_segment(m);
    merger_poll(m->r->merger);
    return st;
}

static cairn_status need_segment(importing *m, cairn_error *err)
{
    cairn_status st = CAIRN_OK;

    if (!m->writer) {
        vector_options o = engine_vector_options(m->r->c);
        st = vector_writer_create(&m->writer, m->identity.dim, m->identity.metric, &o, err);
        if (!st)
            st = filter_writer_create(&m->filter, err);
        m->since_ns = clock_mono_ns();
    }
    if (st || m->n < m->cap)
        return st;
    uint32_t cap = m->cap ? m->cap * 2 : 1024;
    chunk_id *chunks = checked_realloc(m->chunks, cap, sizeof *chunks);
    if (chunks)
        m->chunks = chunks;
    doc_id *docs = checked_realloc(m->docs, cap, sizeof *docs);
    if (docs)
        m->docs = docs;
    if (!chunks || !docs)
        return cairn_fail(err, CAIRN_ENOMEM, "rows of a segment");
    m->cap = cap;
    return CAIRN_OK;
}

/* The name of the row's content: components and texts. */
static void hash_row(XXH3_state_t *state, const vector_row *row, uint8_t out[16])
{
    XXH128_canonical_t name;

    XXH3_128bits_reset(state);
    XXH3_128bits_update(state, row->v, (size_t)row->dim * sizeof *row->v);
    XXH3_128bits_update(state, row->title, strlen(row->title) + 1);
    XXH3_128bits_update(state, row->text, strlen(row->text) + 1);
    XXH128_canonicalFromHash(&name, XXH3_128bits_digest(state));
    memcpy(out, name.digest, 16);
}

/* Is document `id` this very row, with its vector in place? */
static cairn_status is_unchanged(importing *m, doc_id id, const uint8_t hash[16], bool *same,
                                 cairn_error *err)
{
    store_doc old;
    chunk_id *chunks, waiting;
    size_t n, n_waiting = 0;
    arena memory;
    cairn_status st;

    *same = false;
    arena_init(&memory, ROW_MEMORY);
    st = store_doc_get(m->before, id, &old, &memory, err);
    if (!st && !memcmp(old.hash, hash, 16)) {
        st = store_doc_chunks(m->before, id, &chunks, &n, &memory, err);
        if (!st && n == 1)
            st = store_pending_next(m->before, chunks[0] - 1, &waiting, 1, &n_waiting, err);
        *same = !st && n == 1 && (!n_waiting || waiting != chunks[0]);
    }
    arena_clear(&memory);
    return st == CAIRN_ENOTFOUND ? CAIRN_OK : st; /* made by this very run */
}

static cairn_status declare(importing *m, cairn_error *err)
{
    char text[VECTORS_IDENTITY_BYTES];

    if (m->declared)
        return CAIRN_OK;
    vectors_identity_text(&m->identity, text);
    m->declared = true;
    return batch_meta(m->r->batch, META_EMBEDDER, text, strlen(text), err);
}

/* A collection elsewhere takes the row with its document, and by its direction alone. */
static cairn_status send_vector(importing *m, const vector_row *row, cairn_error *err)
{
    float *unit = checked_malloc(row->dim, sizeof *unit);
    double square = 0;
    cairn_status st;

    if (!unit)
        return cairn_fail(err, CAIRN_ENOMEM, "a vector");
    for (uint32_t i = 0; i < row->dim; i++)
        square += (double)row->v[i] * (double)row->v[i];
    for (uint32_t i = 0; i < row->dim; i++)
        unit[i] = (float)((double)row->v[i] / sqrt(square));
    st = batch_vector(m->r->batch, unit, row->dim, err);
    m->r->report->embedded += !st;
    free(unit);
    return st;
}

static bool has_direction(const vector_row *row)
{
    double square = 0;

    for (uint32_t i = 0; i < row->dim; i++)
        square += (double)row->v[i] * (double)row->v[i];
    return isnormal(square);
}

static cairn_status put_row(importing *m, const vector_row *row, const uint8_t hash[16],
                            doc_id replaces, cairn_error *err)
{
    store_doc doc = {.uri = row->id,
                     .title = *row->title ? row->title : row->id,
                     .lang = "",
                     .mime = "application/x-vector",
                     .ext = "",
                     .size = (int64_t)((size_t)row->dim * sizeof *row->v)};
    ingest_chunk chunk = {.text = row->text, .len = strlen(row->text), .heading = ""};
    filter_row columns;
    cairn_status st = declare(m, err);

    memcpy(doc.hash, hash, sizeof doc.hash);
    chunk.byte_end = chunk.len;
    if (!st)
        st = batch_put(m->r->batch, &doc, &chunk, 1, replaces, false, err);
    if (!st && m->r->c->remote) {
        m->r->report->indexed++;
        m->r->report->chunks++;
        return send_vector(m, row, err);
    }
    if (!st)
        st = need_segment(m, err);
    if (!st)
        st = vector_writer_add(m->writer, row->v, err);
    if (!st)
        st = columns_of(&doc, NULL, &columns, err); /* without JSON, nothing goes into an arena */
    if (!st)
        st = filter_writer_add(m->filter, &columns, err);
    if (st)
        return st;
    batch_last(m->r->batch, &m->docs[m->n], &m->chunks[m->n]);
    m->n++;
    m->r->report->indexed++;
    m->r->report->chunks++;
    return CAIRN_OK;
}

static cairn_status take_row(importing *m, const vector_row *row, cairn_error *err)
{
    char why[128];
    uint8_t hash[16];
    doc_id replaces;
    bool same = false;
    cairn_status st;

    m->r->report->seen++;
    if (row->bad)
        return run_fail(m->r, RUN_FAILED_FILE, m->file, row->bad, err);
    if (row->dim != m->identity.dim) {
        snprintf(why, sizeof why, "line %" PRIu64 ": %u dimensions where the others have %u",
                 row->number + 1, row->dim, m->identity.dim);
        return run_fail(m->r, RUN_FAILED_FILE, m->file, why, err);
    }
    if (strlen(row->id) > STORE_URI_MAX) {
        snprintf(why, sizeof why, "row %" PRIu64 ": an id of more than %d bytes", row->number,
                 (int)STORE_URI_MAX);
        return run_fail(m->r, RUN_FAILED_FILE, m->file, why, err);
    }
    if (m->r->c->remote && !has_direction(row)) {
        snprintf(why, sizeof why, "row %" PRIu64 ": a vector without a direction, which a cluster does not take", row->number);
        return run_fail(m->r, RUN_FAILED_FILE, m->file, why, err);
    }
    hash_row(m->hashing, row, hash);
    st = batch_find(m->r->batch, row->id, &replaces, err);
    if (!st && replaces)
        st = is_unchanged(m, replaces, hash, &same, err);
    if (st)
        return st;
    if (same) {
        m->r->report->unchanged++;
        return CAIRN_OK;
    }
    return put_row(m, row, hash, replaces, err);
}

static bool segment_is_due(const importing *m)
{
    return m->n && (m->n >= SEGMENT_ROWS || vector_writer_memory(m->writer) >= SEGMENT_BYTES ||
                    clock_mono_ns() - m->since_ns > SEGMENT_NS);
}

/* The collection must hold vectors like these, or nothing. */
static cairn_status settle_identity(importing *m, const cairn_import_vectors_options *o,
                                    uint32_t dim, cairn_error *err)
{
    static const vector_metric chosen[] = {VECTOR_COSINE, VECTOR_COSINE, VECTOR_DOT, VECTOR_L2};
    const char *collection = m->r->c->collection;
    vectors_identity have;
    vector_metric metric;
    bool own, any;
    cairn_status st = vectors_identity_get(m->before, &have, &own, &any, err);

    if (st)
        return st;
    if ((any && !own) || (!any && store_snapshot_counts(m->before).docs))
        return cairn_fail(
            err, CAIRN_EUSAGE,
            "collection %s holds documents, whose vectors cannot be mixed with yours: import "
            "into another one with --collection",
            collection);
    if (!vector_source_metric(m->source, &metric))
        metric = VECTOR_COSINE;
    if (own)
        metric = have.metric;
    if (o->similarity != CAIRN_SIMILARITY_DEFAULT)
        metric = chosen[o->similarity];
    if (m->r->c->remote && metric != VECTOR_COSINE)
        return cairn_fail(err, CAIRN_EUNSUPPORTED,
                          "a collection on a cluster compares vectors by cosine, not by %s: import with --metric cosine, "
                          "or into an embedded collection",
                          vectors_metric_name(metric));
    if (own && (have.dim != dim || have.metric != metric))
        return cairn_fail(
            err, CAIRN_EUSAGE,
            "collection %s holds vectors of %u dimensions compared by %s, not of %u by %s: "
            "import into another one with --collection",
            collection, have.dim, vectors_metric_name(have.metric), dim,
            vectors_metric_name(metric));
    m->identity = (vectors_identity){dim, metric};
    m->declared = own;
    return CAIRN_OK;
}

static cairn_status import_rows(importing *m, const cairn_import_vectors_options *o,
                                cairn_error *err)
{
    uint64_t total = vector_source_rows(m->source), done = 0;
    bool settled = false;
    vector_row row;
    cairn_status st;

    while (!(st = vector_source_next(m->source, &row, err))) {
        if (!settled && !row.bad) {
            st = settle_identity(m, o, row.dim, err);
            settled = true;
        }
        if (!st)
            st = take_row(m, &row, err);
        if (!st && segment_is_due(m))
            st = flush(m, err);
        else if (!st && batch_is_due(m->r->batch))
            st = run_flush(m->r, &m->before, err);
        done++;
        run_progress(m->r, "import", (size_t)done, (size_t)total, NULL, done == total);
        if (!st && run_cancelled(m->r))
            st = cairn_fail(err, CAIRN_ECANCELLED, "stopped after %" PRIu64 " vectors", done);
        if (st)
            break;
    }
    if (st == CAIRN_ENOTFOUND)
        st = CAIRN_OK;
    if (!st || st == CAIRN_ECANCELLED) {
        cairn_error why;
        cairn_status flushed = flush(m, &why);
        if (flushed) {
            st = flushed;
            if (err)
                *err = why;
        }
    }
    return st;
}

cairn_status cairn_import_vectors(cairn *c, const char *file,
                                  const cairn_import_vectors_options *options,
                                  cairn_index_report *report, cairn_error *err)
{
    static const cairn_import_vectors_options nothing;
    const cairn_import_vectors_options *o = options ? options : &nothing;
    cairn_index_options run_options = o->run;
    importing m = {.file = file};
    run r;
    cairn_status st;

    run_options.no_vectors = true; /* nothing is embedded */
    st = run_begin(&r, c, &run_options, report, err);

    m.r = &r;
    m.hashing = XXH3_createState();
    if (!st && !m.hashing)
        st = cairn_fail(err, CAIRN_ENOMEM, "import");
    if (!st)
        st = vector_source_open(&m.source, file, o->format, o->ids_file, true, err);
    if (!st)
        st = store_snapshot_open(c->store, &m.before, err);
    if (!st)
        st = import_rows(&m, o, err);
    store_snapshot_close(m.before);
    vector_source_close(m.source);
    drop_segment(&m);
    XXH3_freeState(m.hashing);
    free(m.chunks);
    free(m.docs);
    return run_end(&r, st, err);
}
