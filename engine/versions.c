/* versions.c - which documents are versions of one: cairn_versions, and the versions of hits.
 *
 * cairn_duplicates looks at the whole collection; here one document is asked for. Its signature stands in the segment of
 * its words; documents that share a key with it and whose signatures are alike enough are compared exactly, the most
 * alike first, by the Jaccard index of their word triples. Where segments have no signatures (a cluster, a collection of
 * an earlier version that was not merged yet) the document's own words, from three places of its text, are a query by
 * words instead: a text that is nearly the same is among the best for it. */
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "engine/care.h"
#include "engine/labels.h"
#include "engine/likeness.h"
#include "engine/search.h"
#include "retrieve/shingles.h"

#define TEXT_BYTES   ((size_t)64 << 20)
#define WORK_BYTES   ((size_t)1 << 30)
#define SAMPLES      3
#define SAMPLE_BYTES 400
#define CANDIDATES   40 /* documents that are compared; of a query: passages */
#define FEW_SHINGLES NEAR_FEW

static cairn_status shingles_of(const view *v, const store_doc *d, arena *memory, bytes *text, shingle_set *out,
                                cairn_error *err)
{
    cairn_status st;

    bytes_reset(text);
    st = engine_document_text(v->snapshot, d, text, memory, err);
    return st ? st : shingles_make(text->data ? text->data : "", text->len, memory, out, err);
}

/* Words from the beginning, the middle and the end. */
static char *sample(const bytes *text, arena *memory)
{
    size_t n = text->len;
    bytes out;
    char *copy = NULL;

    bytes_init(&out, (SAMPLE_BYTES + 8) * SAMPLES);
    for (size_t i = 0; i < SAMPLES; i++) {
        size_t at = n > SAMPLES * SAMPLE_BYTES ? utf8_floor(text->data, i * (n - SAMPLE_BYTES) / (SAMPLES - 1))
                                               : i * SAMPLE_BYTES;
        size_t len = at < n ? n - at : 0;
        if (len > SAMPLE_BYTES)
            len = utf8_floor(text->data + at, SAMPLE_BYTES);
        if (len && (bytes_append(&out, text->data + at, len) || bytes_append_str(&out, " ")))
            break;
    }
    copy = arena_strndup(memory, out.data ? out.data : "", out.len);
    bytes_clear(&out);
    return copy;
}

static int newest_first(const void *a, const void *b)
{
    const cairn_copy *x = a, *y = b;

    if (x->mtime_ns != y->mtime_ns)
        return x->mtime_ns > y->mtime_ns ? -1 : 1;
    return strcmp(x->uri, y->uri);
}

/* ---- candidates ---- */

typedef struct candidate {
    doc_id doc;
    double likeness; /* estimated */
} candidate;

typedef struct candidates {
    candidate at[CANDIDATES]; /* the most alike first */
    size_t n, most;
    doc_id own;
    double least;
    const near_signature *signature;
} candidates;

static bool is_known(const candidates *c, doc_id doc)
{
    for (size_t i = 0; i < c->n; i++)
        if (c->at[i].doc == doc)
            return true;
    return false;
}

static bool add_candidate(void *ctx, uint64_t doc, const near_signature *s)
{
    candidates *c = ctx;
    double likeness = near_likeness(c->signature, s);
    size_t i;

    if (doc == c->own || likeness < c->least || is_known(c, doc))
        return true;
    if (c->n == c->most && likeness <= c->at[c->n - 1].likeness)
        return true;
    c->n += c->n < c->most;
    for (i = c->n - 1; i && c->at[i - 1].likeness < likeness; i--)
        c->at[i] = c->at[i - 1];
    c->at[i] = (candidate){doc, likeness};
    return true;
}

/* By the signatures that are stored. */
static cairn_status find_by_signature(const view *v, const store_doc *doc, candidates *out, cairn_error *err)
{
    near_signature s;
    bool has = likeness_find(v, doc->id, &s);
    cairn_status st = has ? CAIRN_OK : likeness_of_stored(v->snapshot, doc->id, &s, &has, err);

    out->signature = &s;
    for (size_t i = 0; !st && has && i < v->n_lexical; i++)
        near_reader_matches(v->near[i], &s, add_candidate, out);
    out->signature = NULL; /* it was this function's */
    return st;
}

/* By a query. */
static cairn_status find_by_words(cairn *c, const view *v, const bytes *text, candidates *out, arena *work,
                                  cairn_error *err)
{
    engine_query e = {.plain = true, .mode = RETRIEVE_LEXICAL, .k = CANDIDATES, .depth = CANDIDATES,
                      .budget_ms = -1, .as_listed = true};
    retrieve_result found = {0};
    retrieve_query query;
    cairn_status st;

    e.text = sample(text, work);
    st = e.text ? engine_search_with(c, v, &e, work, &query, &found, NULL, err)
                : cairn_fail(err, CAIRN_ENOMEM, "versions of a document");
    for (size_t i = 0; !st && i < found.n_hits && out->n < out->most; i++)
        if (found.hits[i].doc != out->own && !is_known(out, found.hits[i].doc))
            out->at[out->n++] = (candidate){found.hits[i].doc, 1};
    return st;
}

/* The candidates that are as alike as asked for, measured. */
static cairn_status compare(const cairn *c, const view *v, const store_doc *doc, const shingle_set *own, double near,
                            const candidates *found, arena *memory, cairn_copy *out, size_t *n, cairn_error *err)
{
    arena work;
    bytes text;
    cairn_status st = CAIRN_OK;

    arena_init(&work, WORK_BYTES);
    bytes_init(&text, TEXT_BYTES);
    for (size_t i = 0; !st && i < found->n; i++) {
        shingle_set other = {0};
        store_doc d;
        double likeness;
        st = store_doc_get(v->snapshot, found->at[i].doc, &d, memory, err);
        if (st == CAIRN_ENOTFOUND || (!st && !engine_shows(c, d.uri))) {
            st = CAIRN_OK; /* its segment still has rows of it; or the handle may not see it */
            continue;
        }
        if (!st)
            st = shingles_of(v, &d, &work, &text, &other, err);
        likeness = st ? 0 : (double)shingles_jaccard(own, &other);
        if (!st && likeness >= near)
            out[(*n)++] = (cairn_copy){.doc = d.id,
                                       .uri = d.uri,
                                       .title = d.title,
                                       .mtime_ns = d.mtime_ns,
                                       .same_bytes = !memcmp(d.hash, doc->hash, sizeof d.hash),
                                       .likeness = likeness};
        arena_reset(&work);
    }
    bytes_clear(&text);
    arena_clear(&work);
    return st;
}

cairn_status engine_versions(cairn *c, const view *v, const store_doc *doc, double near, size_t most, arena *memory,
                             cairn_copy **out, size_t *n, cairn_error *err)
{
    candidates found = {.own = doc->id, .least = near - LIKENESS_MARGIN, .most = most < CANDIDATES ? most : CANDIDATES};
    bool whole = likeness_is_whole(v);
    shingle_set own = {0};
    arena work;
    bytes text;
    cairn_status st = CAIRN_OK;

    *n = 0;
    *out = arena_calloc(memory, CANDIDATES + 1, sizeof **out);
    if (!*out)
        return cairn_fail(err, CAIRN_ENOMEM, "versions of a document");
    arena_init(&work, WORK_BYTES);
    bytes_init(&text, TEXT_BYTES);
    if (whole)
        st = find_by_signature(v, doc, &found, err);
    if (!st && (found.n || !whole)) /* most documents stand alone: then no text is read */
        st = shingles_of(v, doc, &work, &text, &own, err);
    if (!st && !whole && own.n >= FEW_SHINGLES)
        st = find_by_words(c, v, &text, &found, &work, err);
    if (!st)
        st = compare(c, v, doc, &own, near, &found, memory, *out, n, err);
    if (*n)
        qsort(*out, *n, sizeof **out, newest_first);
    bytes_clear(&text);
    arena_clear(&work);
    return st;
}

/* The documents themselves, and their copies as records of their own. */
static cairn_status add_places(const view *v, const store_doc *doc, arena *memory, cairn_copy *all, size_t *n,
                               cairn_error *err)
{
    doc_labels labels;
    cairn_status st = labels_read(doc, memory, &labels, err);

    for (size_t i = 0; !st && i < labels.n_places && *n < 2 * CANDIDATES; i++) {
        store_doc d;
        st = store_doc_find(v->snapshot, labels.places[i], &d, memory, err);
        if (!st)
            all[(*n)++] = (cairn_copy){d.id, d.uri, d.title, d.mtime_ns, true, 1};
        if (st == CAIRN_ENOTFOUND)
            st = CAIRN_OK;
    }
    return st;
}

cairn_status cairn_versions(cairn *c, const char *uri_or_id, double near, cairn_copies_fn *fn, void *ctx,
                            size_t *n_groups, cairn_error *err)
{
    view v = {0};
    store_doc doc;
    doc_labels labels;
    cairn_copy *all = NULL, *versions;
    size_t n = 0, n_versions = 0;
    arena memory;
    cairn_status st = engine_need_whole(c, err);

    *n_groups = 0;
    if (!st)
        st = view_open(c, &v, err);
    if (st)
        return st;
    arena_init(&memory, WORK_BYTES);
    st = engine_find_document(c, v.snapshot, uri_or_id, &doc, &memory, err);
    if (!st)
        st = labels_read(&doc, &memory, &labels, err);
    if (!st && labels.same_as)
        st = store_doc_get(v.snapshot, labels.same_as, &doc, &memory, err);
    if (!st && !(all = arena_calloc(&memory, 3 * CANDIDATES + 2, sizeof *all)))
        st = cairn_fail(err, CAIRN_ENOMEM, "versions of a document");
    if (!st) {
        all[n++] = (cairn_copy){doc.id, doc.uri, doc.title, doc.mtime_ns, true, 1};
        st = add_places(&v, &doc, &memory, all, &n, err);
    }
    if (!st && near < 1)
        st = engine_versions(c, &v, &doc, near, CANDIDATES, &memory, &versions, &n_versions, err);
    if (!st && n_versions)
        memcpy(all + n, versions, n_versions * sizeof *all);
    n += st ? 0 : n_versions;
    if (!st && n > 1) {
        qsort(all, n, sizeof *all, newest_first);
        *n_groups = 1;
        fn(ctx, all, n);
    }
    arena_clear(&memory);
    view_close(&v);
    return st;
}

cairn_status engine_present_versions(cairn *c, const view *v, size_t most, cairn_search_result *out,
                                     cairn_error *err)
{
    cairn_status st = CAIRN_OK;

    for (size_t i = 0; !st && i < out->n_hits; i++) {
        cairn_hit *h = &out->hits[i];
        store_chunk chunk = {.id = h->chunk, .doc = h->doc};
        store_doc doc;
        size_t j = 0;
        while (j < i && out->hits[j].doc != h->doc)
            j++;
        if (j < i) { /* another passage of a document that was looked at */
            h->versions = out->hits[j].versions;
            h->n_versions = out->hits[j].n_versions;
            continue;
        }
        st = store_doc_shown(v->snapshot, &chunk, &doc, out->memory, err);
        if (!st)
            st = engine_versions(c, v, &doc, CAIRN_NEAR, most, out->memory, &h->versions, &h->n_versions, err);
    }
    return st;
}
