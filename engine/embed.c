/* embed.c - vectors for the chunks that wait. Groups of chunks go through the encoder, vectors
 * collect in an open vector segment; each flush writes the segment and takes its chunks off the
 * waiting list in one transaction, so a run that is stopped or killed loses one flush at most. */
#include "engine/embed.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "base/clock.h"
#include "engine/augment.h"
#include "retrieve/index.h"
#include "engine/columns.h"
#include "engine/literacy.h"
#include "engine/merge.h"
#include "engine/rebuild.h"
#include "index/vector/vector.h"

#define GROUP        16
#define FLUSH_ROWS   8192
#define CLUSTER_ROWS 2048 /* the same to a cluster: some 10 MiB of request */
#define FLUSH_NS     ((int64_t)20 * 1000000000)
#define TEXT_BYTES   ((size_t)64 << 20)
#define GROUP_MEMORY ((size_t)1 << 30)

cairn_status embed_prefix(bytes *out, const char *title, const char *heading)
{
    size_t title_len = strlen(title);
    cairn_status st;

    bytes_reset(out);
    st = bytes_append(out, title, title_len);
    if (title_len && !strncmp(heading, title, title_len))
        heading += title_len;
    while (!strncmp(heading, " > ", 3))
        heading += 3;
    if (!st && *heading) {
        if (out->len)
            st = bytes_append_str(out, ". ");
        if (!st)
            st = bytes_append_str(out, heading);
    }
    return !st && out->len ? bytes_append_str(out, "\n") : st;
}

cairn_status embed_text(bytes *out, const char *title, const char *heading, const char *text,
                        size_t len)
{
    cairn_status st = embed_prefix(out, title, heading);

    return st ? st : bytes_append(out, text, len);
}

/* The open vector segment, or the vectors on their way to a cluster. */
typedef struct vectors {
    run *r;
    encoder *e;
    vector_writer *writer;
    filter_writer *filter;
    chunk_id chunks[FLUSH_ROWS + GROUP];
    doc_id docs[FLUSH_ROWS + GROUP];
    uint32_t n;
    float *rows; /* [FLUSH_ROWS + GROUP][dim], for a cluster */
    int64_t since_ns;
    /* For vectors aside: what there is of each chunk id below n_seen (rebuild.h). NULL: for those that are searched. */
    uint8_t *seen;
    size_t n_seen;
    const char *stage; /* of the progress, which counts from done_before */
    size_t done_before;
    augmenter augmenter;
    char identity[AUGMENT_IDENTITY_BYTES];
} vectors;

static void drop(vectors *v)
{
    vector_writer_destroy(v->writer);
    filter_writer_destroy(v->filter);
    v->writer = NULL;
    v->filter = NULL;
    v->n = 0;
}

static cairn_status write_segment(vectors *v, segment_writer *w, cairn_error *err)
{
    pool *workers;
    cairn_status st = engine_pool(v->r->c, &workers, err);

    if (!st)
        st = vector_writer_finish(v->writer, segment_writer_sink(w), workers, err);
    if (!st)
        st = filter_writer_finish(v->filter, segment_writer_sink(w), err);
    if (!st)
        st = segment_writer_finish(w, v->chunks, v->docs, v->n, err);
    return st;
}

/* How fast vectors come, for who asks how long the rest takes. */
static cairn_status put_rate(vectors *v, store_txn *t, cairn_error *err)
{
    double seconds = (double)(clock_mono_ns() - v->since_ns) / 1e9;
    char text[32];
    int n = snprintf(text, sizeof text, "%.3g", v->n / (seconds > 1e-3 ? seconds : 1e-3));

    return store_meta_put(t, META_RATE, text, (size_t)n, err);
}

/* Of vectors aside: is there none of a chunk that can have one? */
static bool lacks(uint8_t seen)
{
    return (seen & (REBUILD_EXISTS | REBUILD_HAS_ASIDE | REBUILD_UNREAD)) == REBUILD_EXISTS;
}

/* Commit what t has of these vectors, or with an error so far none of it. */
static cairn_status finish(vectors *v, store_txn *t, cairn_status st, cairn_error *err)
{
    if (!st && !v->seen) /* those aside come by another model */
        st = put_rate(v, t, err);
    if (st)
        store_txn_abort(t);
    else
        st = store_txn_commit(t, err);
    if (!st)
        v->r->report->embedded += v->n;
    return st;
}

/* A model that was named for this run alone is the collection's from now on (engine_follow_embedder): whoever does not
 * name one again must not lose its vectors to the model of the settings. */
static cairn_status put_model(const run *r, store_txn *t, cairn_error *err)
{
    char path[PATH_MAX];
    const char *name = r->c->settings.embedder;

    if (!r->c->embedder_named)
        return CAIRN_OK;
    if (strchr(name, '/') && realpath(name, path))
        name = path; /* later processes stand elsewhere */
    return store_meta_put(t, META_EMBEDDER_MODEL, name, strlen(name), err);
}

/* The new segment takes its place: among those that are searched, whose chunks wait no longer, or aside. */
static cairn_status add_segment(vectors *v, store_txn *t, segment_writer *w, cairn_error *err)
{
    const char *identity = v->identity;
    segment_id id;
    cairn_status st = store_segment_add(t, w, &id, err);

    if (!st && v->seen)
        return store_segment_set_aside(t, id, true, err);
    if (!st)
        st = store_pending_remove(t, v->chunks, v->n, err);
    if (!st)
        st = put_model(v->r, t, err);
    return st ? st : store_meta_put(t, META_EMBEDDER, identity, strlen(identity), err);
}

static cairn_status flush_remote(vectors *v, cairn_error *err)
{
    store_txn *t;
    cairn_status st = store_txn_begin(v->r->c->store, &t, err);

    if (st)
        return st;
    st = v->r->c->remote->vectors_put(t, v->chunks, v->rows, v->n, (uint32_t)encoder_dim(v->e), err);
    if (!st)
        st = store_meta_put(t, META_EMBEDDER, v->identity, strlen(v->identity), err);
    if (!st)
        st = put_model(v->r, t, err);
    st = finish(v, t, st, err);
    v->n = 0;
    return st;
}

static cairn_status flush(vectors *v, cairn_error *err)
{
    segment_writer *w;
    store_txn *t = NULL;
    cairn_status st;

    if (!v->n)
        return CAIRN_OK;
    if (v->rows)
        return flush_remote(v, err);
    st = segment_writer_create(&w, v->r->c->store, SEGMENT_VECTOR, err);
    if (st)
        return st;
    st = write_segment(v, w, err);
    if (!st)
        st = store_txn_begin(v->r->c->store, &t, err);
    if (st) {
        segment_writer_abandon(w);
        return st;
    }
    st = add_segment(v, t, w, err);
    st = finish(v, t, st, err);
    if (!st && v->r->merger)
        merger_poll(v->r->merger);
    drop(v);
    return st;
}

static cairn_status open_writers(vectors *v, cairn_error *err)
{
    cairn_status st = CAIRN_OK;

    if (!v->n)
        v->since_ns = clock_mono_ns();
    if (v->r->c->remote) {
        if (!v->rows && !(v->rows = checked_malloc((FLUSH_ROWS + GROUP) * encoder_dim(v->e), sizeof *v->rows)))
            st = cairn_fail(err, CAIRN_ENOMEM, "vectors on their way");
        return st;
    }
    if (v->writer)
        return st;
    vector_options o = engine_vector_options(v->r->c);
    st = vector_writer_create(&v->writer, (uint32_t)encoder_dim(v->e), VECTOR_COSINE, &o, err);
    if (!st)
        st = filter_writer_create(&v->filter, err);
    v->since_ns = clock_mono_ns();
    return st;
}

static cairn_status add_row(vectors *v, chunk_id chunk, const store_doc *doc, const float *vector,
                            arena *memory, cairn_error *err)
{
    filter_row columns;
    size_t dim = encoder_dim(v->e);
    cairn_status st = CAIRN_OK;

    if (v->rows) {
        memcpy(v->rows + v->n * dim, vector, dim * sizeof *vector);
        v->chunks[v->n] = chunk;
        v->docs[v->n++] = doc->id;
        return CAIRN_OK;
    }
    st = columns_of(doc, memory, &columns, err);
    if (!st)
        st = vector_writer_add(v->writer, vector, err);
    if (!st)
        st = filter_writer_add(v->filter, &columns, err);
    if (!st) {
        v->chunks[v->n] = chunk;
        v->docs[v->n] = doc->id;
        v->n++;
    }
    return st;
}

/* Embed chunks[0, n), n <= GROUP, and add them to the open segment. */
static cairn_status embed_group(vectors *v, const store_snapshot *snapshot, const chunk_id *chunks,
                                size_t n, cairn_error *err)
{
    size_t dim = encoder_dim(v->e);
    float *out = calloc(n * dim, sizeof *out);
    encoder_text texts[GROUP];
    store_doc docs[GROUP];
    arena memory;
    bytes text;
    cairn_status st = open_writers(v, err);

    arena_init(&memory, GROUP_MEMORY);
    bytes_init(&text, TEXT_BYTES);
    if (!out)
        st = cairn_fail(err, CAIRN_ENOMEM, "vectors of %zu chunks", n);
    for (size_t i = 0; !st && i < n; i++) {
        store_chunk chunk;
        st = store_chunk_get(snapshot, chunks[i], &chunk, &memory, err);
        if (!st)
            st = store_doc_get(snapshot, chunk.doc, &docs[i], &memory, err);
        if (!st)
            st = augmenter_text(&v->augmenter, snapshot, &docs[i], &chunk, &text, err);
        if (st)
            break;
        if (!(texts[i].text = arena_strndup(&memory, text.data ? text.data : "", text.len)))
            st = cairn_fail(err, CAIRN_ENOMEM, "text of chunk %llu", (unsigned long long)chunks[i]);
        texts[i].len = text.len;
    }
    if (!st)
        st = engine_embed(v->r->c, texts, n, ENCODER_PASSAGE, NULL, out, err);
    for (size_t i = 0; !st && i < n; i++)
        st = add_row(v, chunks[i], &docs[i], out + i * dim, &memory, err);
    bytes_clear(&text);
    arena_clear(&memory);
    free(out);
    return st;
}

/* Vectors of another model are worthless beside the new ones: drop them, every chunk waits. */
static cairn_status drop_foreign_vectors(run *r, const char *identity, cairn_error *err)
{
    store_snapshot *snapshot;
    const uint8_t *have;
    store_txn *t = NULL;
    chunk_id ids[1024], after = 0;
    size_t len, n;
    arena memory;
    cairn_status st = store_snapshot_open(r->c->store, &snapshot, err);

    if (st)
        return st;
    arena_init(&memory, 4096);
    st = store_meta_get(snapshot, META_EMBEDDER, &memory, &have, &len, err);
    if (st == CAIRN_ENOTFOUND || (!st && len == strlen(identity) && !memcmp(have, identity, len))) {
        st = CAIRN_OK;
        goto done;
    }
    if (!st)
        st = store_txn_begin(r->c->store, &t, err);
    if (!st && r->c->remote) {
        st = r->c->remote->vectors_drop(t, err);
        goto commit;
    }
    for (size_t i = 0; !st && i < store_segment_count(snapshot); i++) {
        const store_segment *seg = store_segment_at(snapshot, i);
        if (seg->kind == SEGMENT_VECTOR)
            st = store_segment_remove(t, seg->id, err);
    }
    while (!st && !(st = store_chunk_next(snapshot, after, ids, 1024, &n, err)) && n) {
        st = store_pending_add(t, ids, n, err);
        after = ids[n - 1];
    }
commit:
    if (!st)
        st = store_meta_put(t, META_EMBEDDER, NULL, 0, err);
    if (!st)
        st = put_model(r, t, err);
    if (!st)
        st = store_txn_commit(t, err);
    else
        store_txn_abort(t);
done:
    arena_clear(&memory);
    store_snapshot_close(snapshot);
    return st;
}

/* Chunks without a vector, by rising id, greater than `after`; *n = 0 at the end. */
static cairn_status next_chunks(const vectors *v, const store_snapshot *snapshot, chunk_id after, chunk_id *ids,
                                size_t *n, cairn_error *err)
{
    if (!v->seen)
        return store_pending_next(snapshot, after, ids, GROUP, n, err);
    *n = 0;
    for (size_t id = (size_t)after + 1; id < v->n_seen && *n < GROUP; id++)
        if (lacks(v->seen[id]))
            ids[(*n)++] = id;
    return CAIRN_OK;
}

/* `pause` ends it after the first segment. */
static cairn_status embed_some(vectors *v, const store_snapshot *snapshot, size_t total, bool pause, size_t *done,
                               cairn_error *err)
{
    run *r = v->r;
    chunk_id ids[GROUP], after = 0;
    size_t n;
    cairn_status st;

    *done = 0;
    r->helpers = (unsigned)r->c->n_threads - 1; /* of the encoder */
    while (!(st = next_chunks(v, snapshot, after, ids, &n, err)) && n) {
        bool full = false;
        if (give_way_wanted(&r->way))
            n = 1; /* a shorter step */
        st = embed_group(v, snapshot, ids, n, err);
        after = ids[n - 1];
        *done += n;
        if (!st && (full = v->n >= (v->rows ? CLUSTER_ROWS : FLUSH_ROWS) || clock_mono_ns() - v->since_ns > FLUSH_NS))
            st = flush(v, err);
        run_progress(r, v->stage, v->done_before + *done, v->done_before + total, NULL, *done >= total);
        if (!st && run_cancelled(r))
            st = cairn_fail(err, CAIRN_ECANCELLED, "stopped after %zu of %zu vectors", *done, total);
        if (st || (full && pause))
            break;
    }
    r->helpers = 0;
    if (!st || st == CAIRN_ECANCELLED) {
        cairn_error flush_error;
        cairn_status flushed = flush(v, &flush_error);
        if (flushed) {
            st = flushed;
            if (err)
                *err = flush_error;
        }
    }
    return st;
}

static cairn_status embed_all(vectors *v, cairn_error *err)
{
    store_snapshot *snapshot;
    size_t done;
    cairn_status st = store_snapshot_open(v->r->c->store, &snapshot, err);

    if (st)
        return st;
    st = embed_some(v, snapshot, (size_t)store_snapshot_counts(snapshot).pending, false, &done, err);
    store_snapshot_close(snapshot);
    return st;
}

static cairn_status embed_aside(vectors *v, run_aside *how, size_t *left, cairn_error *err)
{
    store_snapshot *snapshot;
    size_t done = 0;
    cairn_status st = store_snapshot_open(v->r->c->store, &snapshot, err);

    *left = 0;
    if (st)
        return st;
    st = rebuild_survey(snapshot, NULL, 0, &v->seen, &v->n_seen, err);
    if (!st && how->reads)
        st = literacy_mark_unread(how->reads, snapshot, REBUILD_UNREAD, v->seen, v->n_seen, err);
    for (size_t id = 1; !st && id < v->n_seen; id++)
        *left += lacks(v->seen[id]);
    v->stage = how->stage;
    v->done_before = how->done;
    if (!st)
        st = embed_some(v, snapshot, *left, true, &done, err);
    *left -= done;
    how->done += done;
    store_snapshot_close(snapshot);
    return st;
}

static cairn_status vectors_create(vectors **out, run *r, cairn_error *err)
{
    vectors *v;
    encoder *e;
    cairn_status st = engine_encoder(r->c, &e, err);

    *out = NULL;
    if (st)
        return st;
    v = *out = calloc(1, sizeof *v);
    if (!v)
        return cairn_fail(err, CAIRN_ENOMEM, "open vector segment");
    v->r = r;
    v->e = e;
    v->stage = "embed";
    augment_identity(e, &r->c->settings, v->identity);
    return augmenter_init(&v->augmenter, r->c, r->options->cancel, err);
}

static void vectors_destroy(vectors *v)
{
    if (!v)
        return;
    augmenter_clear(&v->augmenter);
    drop(v);
    free(v->seen);
    free(v->rows);
    free(v);
}

cairn_status run_embed(run *r, cairn_error *err)
{
    vectors *v = NULL;
    store_snapshot *snapshot;
    uint64_t chunks;
    cairn_status st = store_snapshot_open(r->c->store, &snapshot, err);

    if (st)
        return st;
    chunks = store_snapshot_counts(snapshot).chunks;
    store_snapshot_close(snapshot);
    if (!chunks)
        return CAIRN_OK;
    st = vectors_create(&v, r, err);
    if (st == CAIRN_EMODEL)
        cairn_error_prefix(err, "words are indexed, but no vectors (--no-vectors indexes words "
                                "alone)");
    if (!st)
        st = drop_foreign_vectors(r, v->identity, err);
    if (!st)
        st = embed_all(v, err);
    vectors_destroy(v);
    return st;
}

cairn_status run_embed_aside(run *r, run_aside *how, size_t *left, cairn_error *err)
{
    vectors *v = NULL;
    cairn_status st = vectors_create(&v, r, err);

    *left = 0;
    if (!st)
        st = embed_aside(v, how, left, err);
    vectors_destroy(v);
    return st;
}
