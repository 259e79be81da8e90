/* collection_copy.c - cairn_collection_copy: one collection read document by document and written to another, whatever
 * keeps either.
 *
 * The source is read once, from one snapshot. Each document gets a fingerprint of its record, passages and
 * vectors; their sum (order does not matter to it) is compared with that of the target, read again at the
 * end. A document that is in the target with the same record is passed over, so a copy goes on where it was stopped.
 *
 * No document is looked up in a collection elsewhere by a request of its own: which ones the source has is remembered as it is
 * read, and what the target has already is listed beside it, in the same order.
 *
 * Copies of a document (copies.h) name it by its number, which is another one in the target: they come in a
 * second pass, when all that they may name is there. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "base/checked.h"
#include "base/clock.h"
#include "engine/care.h"
#include "engine/cluster.h"
#include "engine/embedder.h"
#include "engine/labels.h"
#include "engine/index.h"
#include "engine/run.h"
#include "engine/search.h"
#include "engine/vectors.h"
#include "engine/view.h"

#define DOCUMENT_BYTES ((size_t)4 << 30) /* one with all its passages */
#define BLOCK_BYTES    ((size_t)4 << 30)
#define AHEAD          64   /* documents that are read together */
#define AHEAD_CHUNKS   1000 /* and passages, where the last document has not more */

typedef struct fingerprints {
    uint64_t low, high; /* sums */
    size_t documents, chunks, vectors;
} fingerprints;

/* Hashes of addresses. */
typedef struct uri_set {
    XXH128_hash_t *at;
    size_t n, cap;
} uri_set;

/* The target's documents as they were at the beginning, by address. */
typedef struct beside {
    store_snapshot *snapshot; /* NULL: the target is here, where looking up is cheap */
    store_doc_iter *it;
    arena memory; /* of the document at hand */
    store_doc doc;
    bool over;
} beside;

typedef struct copying {
    cairn *from, *to;
    view v;           /* of the source */
    uint32_t dim;     /* of its vectors */
    uint32_t second;  /* of those of a second embedder; 0: none go along */
    bool with_values; /* of vectors: both sides keep them as they are */
    run r;
    store_snapshot *there; /* of the target, renewed with each flush */
    beside listed;
    uri_set seen; /* of the source */
    size_t done, copied;
    fingerprints source;
} copying;

/* A document with everything that belongs to it. */
typedef struct whole {
    store_doc doc;
    store_chunk *chunks;
    float *rows; /* [n_chunks][dim] */
    bool *has;
    batch_rows second; /* of a second embedder */
    const char *same_as; /* uri of the document that it is a copy of, or NULL */
} whole;

/* ---- reading ---- */

/* The vector of a passage among segments of one kind. */
static bool vector_among(const store_segment *const *of, const vector_segment *vectors, size_t n, chunk_id chunk, float *out)
{
    for (size_t i = 0; i < n; i++) {
        uint32_t row;
        if (segment_chunk_row(of[i]->file, chunk, &row) && !(of[i]->deleted && row_set_has(of[i]->deleted, row))) {
            vector_reader_get(vectors[i].reader, row, out);
            return true;
        }
    }
    return false;
}

static bool local_vector(const view *v, chunk_id chunk, float *out)
{
    return vector_among(v->vector_of, v->vector, v->n_vector, chunk, out);
}

/* The vectors of a second embedder for a document's passages. */
static cairn_status read_second(const view *v, uint32_t dim, const store_doc *doc, batch_rows *out, arena *memory, cairn_error *err)
{
    chunk_id *ids;
    size_t n;
    cairn_status st = store_doc_chunks(v->snapshot, doc->id, &ids, &n, memory, err);

    if (st)
        return st;
    *out = (batch_rows){arena_calloc(memory, n * dim + 1, sizeof *out->rows), arena_calloc(memory, n + 1, sizeof *out->has), dim};
    if (!out->rows || !out->has)
        return cairn_fail(err, CAIRN_ENOMEM, "vectors of a second embedder");
    for (size_t i = 0; i < n; i++)
        out->has[i] = vector_among(v->second_of, v->second, v->n_second, ids[i], out->rows + i * dim);
    return CAIRN_OK;
}


/* Documents that are read together: of a collection elsewhere their passages come by one request, their vectors by
 * another. */
typedef struct ahead {
    store_doc_iter *it;
    arena memory; /* of the block */
    store_doc docs[AHEAD];
    size_t n, at;
    chunk_id *chunks; /* of all of them, [n_chunks], where there are vectors */
    float *rows;
    bool *has;
    size_t n_chunks;
    bool over;
} ahead;

static cairn_status fetch_ahead(const view *v, uint32_t dim, ahead *b, cairn_error *err)
{
    size_t total = 0;
    cairn_status st = CAIRN_OK;

    for (size_t i = 0; i < b->n; i++)
        total += b->docs[i].n_chunks;
    b->n_chunks = 0;
    b->chunks = arena_calloc(&b->memory, total + 1, sizeof *b->chunks);
    if (!b->chunks)
        return cairn_fail(err, CAIRN_ENOMEM, "%zu documents", b->n);
    for (size_t i = 0; i < b->n && !st; i++) {
        chunk_id *ids;
        size_t n;
        st = store_doc_chunks(v->snapshot, b->docs[i].id, &ids, &n, &b->memory, err);
        for (size_t k = 0; k < n && !st && b->n_chunks < total; k++)
            b->chunks[b->n_chunks++] = ids[k];
    }
    if (!st && b->n_chunks)
        st = store_prefetch(v->snapshot, b->chunks, b->n_chunks, err);
    if (st || !dim || !b->n_chunks)
        return st;
    b->rows = arena_calloc(&b->memory, b->n_chunks * dim, sizeof *b->rows);
    b->has = arena_calloc(&b->memory, b->n_chunks, sizeof *b->has);
    if (!b->rows || !b->has)
        return cairn_fail(err, CAIRN_ENOMEM, "vectors of %zu documents", b->n);
    return v->index->remote->vectors(v->index->ctx, b->chunks, b->n_chunks, dim, b->rows, b->has, err);
}

/* The next document; CAIRN_ENOTFOUND: there is none. */
static cairn_status next_document(const view *v, uint32_t dim, ahead *b, const store_doc **out, cairn_error *err)
{
    size_t chunks = 0;
    cairn_status st = CAIRN_OK;

    if (b->at == b->n && !b->over) {
        arena_reset(&b->memory);
        b->n = b->at = 0;
        b->rows = NULL;
        while (b->n < AHEAD && chunks < AHEAD_CHUNKS &&
               !(st = store_doc_iter_next(b->it, &b->docs[b->n], &b->memory, err)))
            chunks += b->docs[b->n++].n_chunks;
        b->over = st == CAIRN_ENOTFOUND;
        if (b->over)
            st = CAIRN_OK;
        if (!st && v->index && b->n)
            st = fetch_ahead(v, dim, b, err);
    }
    if (!st && b->at == b->n)
        return CAIRN_ENOTFOUND;
    *out = st ? NULL : &b->docs[b->at++];
    return st;
}

/* A document's passages stand side by side in the list. */
static bool fetched_vector(const ahead *b, uint32_t dim, const chunk_id *ids, size_t i, float *out)
{
    size_t first = 0;

    if (!b->rows)
        return false;
    while (first < b->n_chunks && b->chunks[first] != ids[0])
        first++;
    if (first + i >= b->n_chunks || b->chunks[first + i] != ids[i] || !b->has[first + i])
        return false;
    memcpy(out, b->rows + (first + i) * dim, dim * sizeof *out);
    return true;
}

static void ahead_close(ahead *b)
{
    store_doc_iter_close(b->it);
    arena_clear(&b->memory);
}

/* CAIRN_ENOTFOUND: the document went away while it was read. */
static cairn_status read_whole(const view *v, uint32_t dim, const ahead *b, const store_doc *doc, whole *w, arena *memory,
                               cairn_error *err)
{
    chunk_id *ids;
    size_t n = 0;
    doc_labels labels;
    store_doc original;
    cairn_status st = store_doc_chunks(v->snapshot, doc->id, &ids, &n, memory, err);

    *w = (whole){.doc = *doc};
    if (!st && n != doc->n_chunks)
        return cairn_fail(err, v->index ? CAIRN_ENOTFOUND : CAIRN_ECORRUPT, "document %s has %zu passages, not %u", doc->uri, n,
                          doc->n_chunks);
    w->chunks = arena_calloc(memory, n + 1, sizeof *w->chunks);
    w->rows = arena_calloc(memory, n * dim + 1, sizeof *w->rows);
    w->has = arena_calloc(memory, n + 1, sizeof *w->has);
    if (!st && (!w->chunks || !w->rows || !w->has))
        st = cairn_fail(err, CAIRN_ENOMEM, "document %s", doc->uri);
    for (size_t i = 0; !st && i < n; i++)
        st = store_chunk_get(v->snapshot, ids[i], &w->chunks[i], memory, err);
    for (size_t i = 0; !st && dim && i < n; i++)
        w->has[i] = v->index ? fetched_vector(b, dim, ids, i, w->rows + i * dim)
                             : local_vector(v, ids[i], w->rows + i * dim);
    if (!st)
        st = labels_read(doc, memory, &labels, err);
    if (!st && labels.same_as) {
        st = store_doc_get(v->snapshot, labels.same_as, &original, memory, err);
        w->same_as = st ? NULL : original.uri;
    }
    return st;
}

/* ---- fingerprints ---- */

static void take_text(XXH3_state_t *h, const char *s, size_t len)
{
    uint64_t n = len;

    XXH3_128bits_update(h, &n, sizeof n);
    XXH3_128bits_update(h, s, len);
}

static void take_numbers(XXH3_state_t *h, const uint64_t *v, size_t n)
{
    XXH3_128bits_update(h, v, n * sizeof *v);
}

/* The record's JSON without the number of the original. */
static cairn_status take_meta(XXH3_state_t *h, const whole *w, cairn_error *err)
{
    json_t *meta;
    char *text;

    if (!w->same_as) {
        take_text(h, w->doc.meta_json, strlen(w->doc.meta_json));
        return CAIRN_OK;
    }
    meta = labels_object(&w->doc);
    json_object_set_new(meta, "same_as", json_string(w->same_as));
    text = json_dumps(meta, JSON_COMPACT | JSON_SORT_KEYS);
    json_decref(meta);
    if (!text)
        return cairn_fail(err, CAIRN_ENOMEM, "document %s", w->doc.uri);
    take_text(h, text, strlen(text));
    free(text);
    return CAIRN_OK;
}

static cairn_status add_fingerprint(fingerprints *f, const whole *w, uint32_t dim, bool with_values, cairn_error *err)
{
    const store_doc *d = &w->doc;
    XXH3_state_t *h = XXH3_createState();
    XXH128_hash_t sum;
    cairn_status st;

    if (!h)
        return cairn_fail(err, CAIRN_ENOMEM, "a checksum");
    XXH3_128bits_reset(h);
    take_text(h, d->uri, strlen(d->uri));
    take_text(h, d->title, strlen(d->title));
    take_text(h, d->author, strlen(d->author));
    take_text(h, d->lang, strlen(d->lang));
    take_text(h, d->mime, strlen(d->mime));
    take_text(h, d->ext, strlen(d->ext));
    XXH3_128bits_update(h, d->hash, sizeof d->hash);
    take_numbers(h, (uint64_t[]){(uint64_t)d->size, (uint64_t)d->mtime_ns, (uint64_t)d->date_ns, (uint64_t)d->indexed_ns, d->n_pages,
                                 d->n_chunks},
                 6);
    st = take_meta(h, w, err);
    for (uint32_t i = 0; i < d->n_chunks && !st; i++) {
        const store_chunk *c = &w->chunks[i];
        take_numbers(h, (uint64_t[]){c->ordinal, c->byte_start, c->byte_end, c->page_first, c->page_last, c->line_first,
                                     c->line_last, c->n_tokens, dim ? w->has[i] : 0},
                     9);
        take_text(h, c->heading, strlen(c->heading));
        take_text(h, c->text, c->text_len);
        if (dim && w->has[i] && with_values)
            XXH3_128bits_update(h, w->rows + (size_t)i * dim, dim * sizeof(float));
        f->vectors += dim && w->has[i];
    }
    sum = XXH3_128bits_digest(h);
    XXH3_freeState(h);
    f->low += sum.low64;
    f->high += sum.high64;
    f->documents++;
    f->chunks += d->n_chunks;
    return st;
}

/* ---- writing ---- */

/* Is it there as it is here? */
static bool same_record(const store_doc *a, const store_doc *b, bool copy)
{
    return !strcmp(a->title, b->title) && !strcmp(a->author, b->author) && !strcmp(a->lang, b->lang) &&
           !strcmp(a->mime, b->mime) && !strcmp(a->ext, b->ext) && (copy || !strcmp(a->meta_json, b->meta_json)) &&
           !memcmp(a->hash, b->hash, 16) && a->size == b->size && a->mtime_ns == b->mtime_ns && a->date_ns == b->date_ns &&
           a->indexed_ns == b->indexed_ns && a->n_pages == b->n_pages && a->n_chunks == b->n_chunks;
}

/* The record with the number that the original has in the target. */
static cairn_status point_at(copying *k, whole *w, arena *memory, cairn_error *err)
{
    doc_id id = 0;
    json_t *meta;
    cairn_status st = batch_find(k->r.batch, w->same_as, &id, err);

    if (st)
        return st;
    meta = labels_object(&w->doc);
    json_object_set_new(meta, "same_as", json_integer((json_int_t)id));
    w->doc.meta_json = labels_text(meta, memory);
    json_decref(meta);
    return w->doc.meta_json ? CAIRN_OK : cairn_fail(err, CAIRN_ENOMEM, "document %s", w->doc.uri);
}

/* Stand at the beginning of the list again. */
static cairn_status list_anew(copying *k, cairn_error *err)
{
    if (!k->listed.snapshot)
        return CAIRN_OK;
    store_doc_iter_close(k->listed.it);
    k->listed.it = NULL;
    k->listed.over = false;
    k->listed.doc.uri = "";
    return store_doc_iter_open(k->listed.snapshot, "", &k->listed.it, err);
}

/* The document of this address in the target. A list in another order than the source's finds fewer, and those are looked up. */
static cairn_status find_there(copying *k, const char *uri, store_doc *out, bool *found, arena *memory, cairn_error *err)
{
    beside *l = &k->listed;
    cairn_status st = CAIRN_OK;

    while (l->snapshot && !l->over && !st && strcmp(l->doc.uri, uri) < 0) {
        arena_reset(&l->memory);
        st = store_doc_iter_next(l->it, &l->doc, &l->memory, err);
        l->over = st == CAIRN_ENOTFOUND;
        if (l->over)
            st = CAIRN_OK;
    }
    *found = !st && l->snapshot && !l->over && !strcmp(l->doc.uri, uri);
    if (*found)
        *out = l->doc;
    if (st || *found)
        return st;
    st = store_doc_find(k->there, uri, out, memory, err);
    *found = !st;
    return st == CAIRN_ENOTFOUND ? CAIRN_OK : st;
}

static cairn_status write_whole(copying *k, whole *w, arena *memory, cairn_error *err)
{
    store_doc there;
    bool found;
    cairn_status st = find_there(k, w->doc.uri, &there, &found, memory, err);

    if (!st && found && same_record(&there, &w->doc, w->same_as != NULL))
        return CAIRN_OK;
    if (!st && w->same_as)
        st = point_at(k, w, memory, err);
    if (!st && k->second)
        st = read_second(&k->v, k->second, &w->doc, &w->second, memory, err);
    if (!st)
        st = batch_copy(k->r.batch, &w->doc, w->chunks, w->doc.n_chunks, &(batch_rows){w->rows, w->has, k->dim}, &w->second,
                        found ? there.id : 0, err);
    if (!st)
        k->copied++;
    if (!st && batch_is_due(k->r.batch))
        st = run_flush(&k->r, &k->there, err);
    return st;
}

/* What the user gave to a uri is kept a second time under it. */
static cairn_status copy_tags(copying *k, const char *uri, arena *memory, cairn_error *err)
{
    const uint8_t *data;
    char key[48];
    size_t len;
    cairn_status st;

    labels_key(uri, key);
    st = store_meta_get(k->v.snapshot, key, memory, &data, &len, err);
    if (st == CAIRN_ENOTFOUND)
        return CAIRN_OK;
    return st ? st : batch_meta(k->r.batch, key, data, len, err);
}

static XXH128_hash_t hash_uri(const char *uri)
{
    return XXH3_128bits(uri, strlen(uri));
}

static cairn_status note_seen(uri_set *s, const char *uri, cairn_error *err)
{
    XXH128_hash_t *more = checked_room(s->at, s->n, &s->cap, sizeof *more);

    if (!more)
        return cairn_fail(err, CAIRN_ENOMEM, "%zu documents", s->n);
    s->at = more;
    s->at[s->n++] = hash_uri(uri);
    return CAIRN_OK;
}

static int by_hash(const void *a, const void *b)
{
    return XXH128_cmp(a, b);
}

/* One pass over the source: the documents that are copies of others, or those that are not. */
static cairn_status copy_documents(copying *k, bool copies, cairn_error *err)
{
    ahead b = {0};
    const store_doc *doc;
    arena memory;
    size_t total = (size_t)store_snapshot_counts(k->v.snapshot).docs;
    cairn_status st = list_anew(k, err);

    if (!st)
        st = store_doc_iter_open(k->v.snapshot, "", &b.it, err);
    if (st)
        return st;
    arena_init(&memory, DOCUMENT_BYTES);
    arena_init(&b.memory, BLOCK_BYTES);
    while (!(st = next_document(&k->v, k->dim, &b, &doc, err))) {
        doc_labels labels;
        whole w;
        st = labels_read(doc, &memory, &labels, err);
        if (!st && (labels.same_as != 0) == copies) {
            st = read_whole(&k->v, k->dim, &b, doc, &w, &memory, err);
            if (st == CAIRN_ENOTFOUND && k->v.index) { /* deleted meanwhile */
                arena_reset(&memory);
                continue;
            }
            if (!st)
                st = add_fingerprint(&k->source, &w, k->dim, k->with_values, err);
            if (!st)
                st = write_whole(k, &w, &memory, err);
            if (!st)
                st = note_seen(&k->seen, doc->uri, err);
            if (!st && labels.n_user)
                st = copy_tags(k, doc->uri, &memory, err);
            k->done++;
            run_progress(&k->r, "copy", k->done, total, doc->uri, false);
        }
        if (!st && run_cancelled(&k->r))
            st = cairn_fail(err, CAIRN_ECANCELLED, "stopped after %zu of %zu documents", k->done, total);
        if (st)
            break;
        arena_reset(&memory);
    }
    arena_clear(&memory);
    ahead_close(&b);
    return st == CAIRN_ENOTFOUND ? CAIRN_OK : st;
}

/* What the target has and the source has not leaves it. */
static cairn_status remove_others(copying *k, cairn_error *err)
{
    store_doc_iter *it;
    store_doc doc;
    arena memory;
    cairn_status st = store_doc_iter_open(k->there, "", &it, err);

    if (st)
        return st;
    if (k->seen.n)
        qsort(k->seen.at, k->seen.n, sizeof *k->seen.at, by_hash);
    arena_init(&memory, DOCUMENT_BYTES);
    while (!(st = store_doc_iter_next(it, &doc, &memory, err))) {
        XXH128_hash_t hash = hash_uri(doc.uri);
        if (!k->seen.n || !bsearch(&hash, k->seen.at, k->seen.n, sizeof hash, by_hash))
            st = batch_delete(k->r.batch, doc.id, err);
        if (st)
            break;
        arena_reset(&memory);
    }
    arena_clear(&memory);
    store_doc_iter_close(it);
    return st == CAIRN_ENOTFOUND ? CAIRN_OK : st;
}

typedef struct passing {
    copying *k;
    cairn_status st;
    cairn_error *err;
} passing;

static bool pass_failure(void *ctx, const store_failure *f)
{
    passing *p = ctx;

    p->st = batch_failure(p->k->r.batch, f->path, f->reason, f->size, f->mtime_ns, p->err);
    return !p->st;
}

/* Failures, and the values that a run looks at. */
static cairn_status copy_rest(copying *k, cairn_error *err)
{
    static const char *const keys[] = {META_EMBEDDER, META_EMBEDDER_MODEL, META_ROOTS, META_ASIDE};
    passing p = {.k = k, .err = err};
    arena memory;
    cairn_status st = store_failure_each(k->v.snapshot, pass_failure, &p, err);

    st = st ? st : p.st;
    arena_init(&memory, DOCUMENT_BYTES);
    for (size_t i = 0; !st && i < sizeof keys / sizeof *keys - !k->second; i++) {
        const uint8_t *data;
        size_t len;
        st = store_meta_get(k->v.snapshot, keys[i], &memory, &data, &len, err);
        if (!st)
            st = batch_meta(k->r.batch, keys[i], data, len, err);
        else if (st == CAIRN_ENOTFOUND && !strcmp(keys[i], META_EMBEDDER_MODEL) &&
                 !(st = store_meta_get(k->there, keys[i], &memory, &data, &len, err)))
            st = batch_meta(k->r.batch, keys[i], NULL, 0, err); /* another source's */
        if (st == CAIRN_ENOTFOUND)
            st = CAIRN_OK;
    }
    arena_clear(&memory);
    return st;
}

/* ---- comparing ---- */

static cairn_status read_target(copying *k, fingerprints *f, cairn_error *err)
{
    view v;
    ahead b = {0};
    const store_doc *doc;
    arena memory;
    cairn_status st = view_open(k->to, &v, err);

    if (st)
        return st;
    arena_init(&memory, DOCUMENT_BYTES);
    arena_init(&b.memory, BLOCK_BYTES);
    st = store_doc_iter_open(v.snapshot, "", &b.it, err);
    while (!st && !(st = next_document(&v, k->dim, &b, &doc, err))) {
        whole w;
        st = read_whole(&v, k->dim, &b, doc, &w, &memory, err);
        if (!st)
            st = add_fingerprint(f, &w, k->dim, k->with_values, err);
        run_progress(&k->r, "verify", f->documents, k->source.documents, doc->uri, false);
        if (!st && run_cancelled(&k->r))
            st = cairn_fail(err, CAIRN_ECANCELLED, "stopped while comparing");
        if (st)
            break;
        arena_reset(&memory);
    }
    if (st == CAIRN_ENOTFOUND)
        st = CAIRN_OK;
    ahead_close(&b);
    arena_clear(&memory);
    view_close(&v);
    return st;
}

static cairn_status compare(copying *k, cairn_error *err)
{
    fingerprints t = {0};
    const fingerprints *s = &k->source;
    cairn_status st = read_target(k, &t, err);

    if (st)
        return st;
    if (t.documents != s->documents || t.chunks != s->chunks || t.vectors != s->vectors)
        return cairn_fail(err, CAIRN_ECORRUPT,
                          "%s has %zu documents, %zu passages and %zu vectors, %s has %zu, %zu and %zu: copy again", k->to->collection,
                          t.documents, t.chunks, t.vectors, k->from->collection, s->documents, s->chunks, s->vectors);
    if (t.low != s->low || t.high != s->high)
        return cairn_fail(err, CAIRN_ECORRUPT, "%s has the documents of %s, but not their content (checksum %016" PRIx64
                                               "%016" PRIx64 ", not %016" PRIx64 "%016" PRIx64 "): remove it and copy again",
                          k->to->collection, k->from->collection, t.high, t.low, s->high, s->low);
    return CAIRN_OK;
}

/* ---- all of it ---- */

static cairn_status check_kinds(copying *k, cairn_error *err)
{
    vectors_identity id;
    bool own = false, any;
    cairn_status st = vectors_identity_get(k->v.snapshot, &id, &own, &any, err);

    if (!st && own)
        return cairn_fail(err, CAIRN_EUNSUPPORTED, "collection %s holds vectors of your own: import them where they should be",
                          k->from->collection);
    k->with_values = (cluster_has(k->from) || !strcmp(k->from->settings.vector_storage, "f32")) &&
                     (cluster_has(k->to) || !strcmp(k->to->settings.vector_storage, "f32"));
    return st;
}

static cairn_status open_both(copying *k, const cairn_options *where, const char *from, const char *to, cairn_error *err)
{
    cairn_options o = *where;
    cairn_status st;

    if (!strcmp(from, to))
        return cairn_fail(err, CAIRN_EUSAGE, "a collection is not copied to itself");
    o.principals = NULL;
    o.collection = from;
    o.read_only = true;
    st = cairn_open(&k->from, &o, err);
    o.collection = to;
    o.read_only = o.must_exist = false;
    if (!st)
        st = cairn_open(&k->to, &o, err);
    if (!st)
        st = view_open(k->from, &k->v, err);
    k->dim = st ? 0 : engine_dim(&k->v);
    return st ? st : check_kinds(k, err);
}

/* Do the vectors of a second embedder that are searched in the source go along? Not to a cluster, nor beside others. */
static cairn_status find_second(copying *k, cairn_error *err)
{
    embedder_aside here, there;
    arena memory;
    cairn_status st;

    if (!k->v.n_second || cluster_has(k->to))
        return CAIRN_OK;
    arena_init(&memory, DOCUMENT_BYTES);
    st = embedder_aside_get(k->v.snapshot, &memory, &here, err);
    if (!st)
        st = embedder_aside_get(k->there, &memory, &there, err);
    if (!st && here.identity && (!there.identity || !strcmp(here.identity, there.identity)))
        k->second = vector_reader_dim(k->v.second[0].reader);
    arena_clear(&memory);
    return st;
}

cairn_status cairn_collection_copy(const cairn_options *where, const char *from, const char *to,
                                   const cairn_index_options *options, cairn_collection_report *out, cairn_error *err)
{
    cairn_index_options o = options ? *options : (cairn_index_options){0};
    cairn_index_report report = {0};
    copying k = {0};
    int64_t start = clock_mono_ns();
    cairn_status st = open_both(&k, where, from, to, err), ended;

    *out = (cairn_collection_report){0};
    o.no_vectors = true;
    o.dry_run = false;
    if (!st) {
        cluster_limit(k.from, o.cancel, 0);
        cluster_limit(k.to, o.cancel, 0);
        st = run_begin(&k.r, k.to, &o, &report, err);
        if (!st)
            st = store_snapshot_open(k.to->store, &k.there, err);
        if (!st)
            st = find_second(&k, err);
        if (!st && cluster_has(k.to))
            st = store_snapshot_open(k.to->store, &k.listed.snapshot, err);
        arena_init(&k.listed.memory, DOCUMENT_BYTES);
        if (!st)
            st = copy_documents(&k, false, err);
        if (!st)
            st = copy_documents(&k, true, err);
        if (!st)
            st = remove_others(&k, err);
        if (!st)
            st = copy_rest(&k, err);
        store_doc_iter_close(k.listed.it);
        arena_clear(&k.listed.memory);
        store_snapshot_close(k.listed.snapshot);
        store_snapshot_close(k.there);
        free(k.seen.at);
        ended = run_end(&k.r, st, err);
        st = st ? st : ended;
        cluster_limit(k.to, o.cancel, 0);
        if (!st)
            st = compare(&k, err);
    }
    *out = (cairn_collection_report){.documents = k.source.documents,
                                     .copied = k.copied,
                                     .chunks = k.source.chunks,
                                     .vectors = k.source.vectors,
                                     .seconds = (double)(clock_mono_ns() - start) / 1e9};
    snprintf(out->checksum, sizeof out->checksum, "%016" PRIx64 "%016" PRIx64, k.source.high, k.source.low);
    cairn_index_report_clear(&report);
    view_close(&k.v);
    cairn_close(k.from);
    cairn_close(k.to);
    return st;
}
