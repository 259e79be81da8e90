/* duplicates.c - cairn_duplicates: documents with the same bytes, and versions of one document.
 *
 * Same bytes: equal hashes. Versions: the sets of word triples of two texts (retrieve/shingles.h) are alike.
 * Not every pair is compared: each text has a signature (index/near/near.h), which stands in the segment of its words
 * or is made here; texts that share a key are candidates, and those whose signatures are alike enough are compared
 * exactly. */
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/checked.h"
#include "engine/care.h"
#include "engine/likeness.h"
#include "retrieve/shingles.h"

#define ALL_BYTES    ((size_t)8 << 30)
#define TEXT_BYTES   ((size_t)256 << 20)

typedef struct entry {
    doc_id id;
    const char *uri, *title;
    int64_t when_ns;
    uint8_t hash[16];
    uint32_t chunks;
    near_signature signature;
    bool has_signature;
    size_t group; /* union-find: the entry it hangs from */
    double likeness; /* to the group's newest */
} entry;

typedef struct comparing {
    view v;
    const store_snapshot *s; /* the view's */
    arena memory; /* of all entries */
    entry *e;
    size_t n, cap;
    double near;
    const volatile sig_atomic_t *cancel;
} comparing;

static size_t root_of(comparing *x, size_t i)
{
    while (x->e[i].group != i)
        i = x->e[i].group = x->e[x->e[i].group].group;
    return i;
}

static void join(comparing *x, size_t a, size_t b)
{
    a = root_of(x, a);
    b = root_of(x, b);
    x->e[a > b ? a : b].group = a < b ? a : b;
}

/* ---- texts ---- */

static cairn_status shingles_of(const comparing *x, doc_id id, arena *memory, shingle_set *out,
                                cairn_error *err)
{
    store_doc d;
    bytes text;
    cairn_status st = store_doc_get(x->s, id, &d, memory, err);

    bytes_init(&text, TEXT_BYTES);
    if (!st)
        st = engine_document_text(x->s, &d, &text, memory, err);
    if (!st)
        st = shingles_make(text.data ? text.data : "", text.len, memory, out, err);
    bytes_clear(&text);
    return st;
}

/* ---- reading the collection ---- */

static cairn_status read_entries(comparing *x, cairn_error *err)
{
    store_doc_iter *it;
    store_doc d;
    cairn_status st = store_doc_iter_open(x->s, "", &it, err);

    if (st)
        return st;
    while (!(st = store_doc_iter_next(it, &d, &x->memory, err))) {
        if (x->n == x->cap) {
            size_t cap = x->cap ? x->cap * 2 : 256;
            entry *more = checked_realloc(x->e, cap, sizeof *more);
            if (!more) {
                st = cairn_fail(err, CAIRN_ENOMEM, "list of documents");
                break;
            }
            x->e = more;
            x->cap = cap;
        }
        x->e[x->n] = (entry){.id = d.id,
                             .uri = d.uri,
                             .title = d.title,
                             .when_ns = d.mtime_ns,
                             .chunks = strstr(d.meta_json, "\"same_as\"") ? 1 : d.n_chunks,
                             .group = x->n,
                             .likeness = 1};
        memcpy(x->e[x->n].hash, d.hash, sizeof d.hash);
        x->n++;
    }
    store_doc_iter_close(it);
    return st == CAIRN_ENOTFOUND ? CAIRN_OK : st;
}

static int by_hash(const void *a, const void *b, void *ctx)
{
    const comparing *x = ctx;
    size_t i = *(const size_t *)a, j = *(const size_t *)b;
    int order = memcmp(x->e[i].hash, x->e[j].hash, 16);

    return order ? order : i < j ? -1 : i > j;
}

/* Join equal hashes; only the first of them is signed. */
static cairn_status join_equal(comparing *x, cairn_error *err)
{
    static const uint8_t unknown[16];
    size_t *order = checked_malloc(x->n + 1, sizeof *order);

    if (!order)
        return cairn_fail(err, CAIRN_ENOMEM, "list of documents");
    for (size_t i = 0; i < x->n; i++)
        order[i] = i;
    qsort_r(order, x->n, sizeof *order, by_hash, x);
    for (size_t i = 1; i < x->n; i++)
        if (!memcmp(x->e[order[i]].hash, x->e[order[i - 1]].hash, 16) &&
            memcmp(x->e[order[i]].hash, unknown, 16))
            join(x, order[i], order[i - 1]);
    free(order);
    return CAIRN_OK;
}

static cairn_status sign_all(comparing *x, cairn_error *err)
{
    bool whole = likeness_is_whole(&x->v);
    cairn_status st = CAIRN_OK;

    for (size_t i = 0; !st && i < x->n; i++) {
        entry *e = &x->e[i];
        if (e->group != i || !e->chunks)
            continue;
        e->has_signature = likeness_find(&x->v, e->id, &e->signature);
        if (e->has_signature || whole) /* or it is too short */
            continue;
        st = engine_cancelled(x->cancel) ? cairn_fail(err, CAIRN_ECANCELLED, "stopped")
                                         : likeness_of_stored(x->s, e->id, &e->signature, &e->has_signature, err);
    }
    return st;
}

/* ---- candidates ---- */

typedef struct band_key {
    uint32_t key;
    size_t entry;
} band_key;

static int by_key(const void *a, const void *b)
{
    const band_key *x = a, *y = b;

    if (x->key != y->key)
        return x->key < y->key ? -1 : 1;
    return x->entry < y->entry ? -1 : x->entry > y->entry;
}

/* Entries of one bucket, each against the first. */
static cairn_status compare_bucket(comparing *x, const band_key *k, size_t n, arena *first_memory,
                                   arena *memory, cairn_error *err)
{
    shingle_set first, other;
    bool have = false;
    cairn_status st = CAIRN_OK;

    for (size_t i = 1; !st && i < n; i++) {
        if (root_of(x, k[i].entry) == root_of(x, k[0].entry) ||
            near_likeness(&x->e[k[0].entry].signature, &x->e[k[i].entry].signature) < x->near - LIKENESS_MARGIN)
            continue;
        if (!have)
            st = shingles_of(x, x->e[k[0].entry].id, first_memory, &first, err);
        have = true;
        if (!st)
            st = shingles_of(x, x->e[k[i].entry].id, memory, &other, err);
        if (!st && (double)shingles_jaccard(&first, &other) >= x->near)
            join(x, k[i].entry, k[0].entry);
        arena_reset(memory);
    }
    arena_reset(first_memory);
    return st;
}

static cairn_status join_near(comparing *x, cairn_error *err)
{
    band_key *keys = checked_malloc(x->n + 1, sizeof *keys);
    arena a, b;
    cairn_status st = keys ? CAIRN_OK : cairn_fail(err, CAIRN_ENOMEM, "list of documents");

    arena_init(&a, 2 * TEXT_BYTES);
    arena_init(&b, 2 * TEXT_BYTES);
    for (size_t band = 0; !st && band < NEAR_BANDS; band++) {
        size_t n = 0;
        for (size_t i = 0; i < x->n; i++)
            if (x->e[i].has_signature)
                keys[n++] = (band_key){near_key(&x->e[i].signature, band), i};
        if (n)
            qsort(keys, n, sizeof *keys, by_key);
        for (size_t i = 0, end; !st && i < n; i = end) {
            for (end = i + 1; end < n && keys[end].key == keys[i].key;)
                end++;
            if (end - i > 1)
                st = compare_bucket(x, keys + i, end - i, &a, &b, err);
        }
        if (!st && engine_cancelled(x->cancel))
            st = cairn_fail(err, CAIRN_ECANCELLED, "stopped");
    }
    arena_clear(&a);
    arena_clear(&b);
    free(keys);
    return st;
}

/* ---- groups ---- */

static int by_group(const void *a, const void *b, void *ctx)
{
    const comparing *x = ctx;
    const entry *i = &x->e[*(const size_t *)a], *j = &x->e[*(const size_t *)b];

    if (i->group != j->group)
        return i->group < j->group ? -1 : 1;
    if (i->when_ns != j->when_ns)
        return i->when_ns > j->when_ns ? -1 : 1;
    return strcmp(i->uri, j->uri);
}

/* How alike each of a group is to its newest. */
static cairn_status measure(comparing *x, const size_t *group, size_t n, cairn_error *err)
{
    const entry *newest = &x->e[group[0]];
    shingle_set first, other;
    arena a, b;
    cairn_status st = CAIRN_OK;
    bool have = false;

    arena_init(&a, 2 * TEXT_BYTES);
    arena_init(&b, 2 * TEXT_BYTES);
    for (size_t i = 1; !st && i < n; i++) {
        entry *e = &x->e[group[i]];
        if (!memcmp(e->hash, newest->hash, 16))
            continue;
        if (!have)
            st = shingles_of(x, newest->id, &a, &first, err);
        have = true;
        if (!st)
            st = shingles_of(x, e->id, &b, &other, err);
        if (!st)
            e->likeness = (double)shingles_jaccard(&first, &other);
        arena_reset(&b);
    }
    arena_clear(&a);
    arena_clear(&b);
    return st;
}

static cairn_status give_groups(comparing *x, cairn_copies_fn *fn, void *ctx, size_t *n_groups,
                                cairn_error *err)
{
    size_t *order = checked_malloc(x->n + 1, sizeof *order);
    cairn_copy *copies = checked_malloc(x->n + 1, sizeof *copies);
    bool go_on = true;
    cairn_status st = order && copies ? CAIRN_OK
                                      : cairn_fail(err, CAIRN_ENOMEM, "list of documents");

    for (size_t i = 0; !st && i < x->n; i++) {
        order[i] = i;
        x->e[i].group = root_of(x, i);
    }
    if (!st)
        qsort_r(order, x->n, sizeof *order, by_group, x);
    for (size_t i = 0, end; !st && go_on && i < x->n; i = end) {
        for (end = i + 1; end < x->n && x->e[order[end]].group == x->e[order[i]].group;)
            end++;
        if (end - i < 2)
            continue;
        st = measure(x, order + i, end - i, err);
        for (size_t k = i; k < end; k++) {
            const entry *e = &x->e[order[k]];
            copies[k - i] = (cairn_copy){
                .doc = e->id,
                .uri = e->uri,
                .title = e->title,
                .mtime_ns = e->when_ns,
                .same_bytes = !memcmp(e->hash, x->e[order[i]].hash, 16),
                .likeness = e->likeness};
        }
        if (!st) {
            ++*n_groups;
            go_on = fn(ctx, copies, end - i);
        }
    }
    free(order);
    free(copies);
    return st;
}

cairn_status cairn_duplicates(cairn *c, double near, const volatile sig_atomic_t *cancel,
                              cairn_copies_fn *fn, void *ctx, size_t *n_groups, cairn_error *err)
{
    comparing x = {.near = near, .cancel = cancel};
    cairn_status st = engine_need_whole(c, err);

    *n_groups = 0;
    if (!st)
        st = view_open(c, &x.v, err);
    if (st)
        return st;
    x.s = x.v.snapshot;
    arena_init(&x.memory, ALL_BYTES);
    st = read_entries(&x, err);
    if (!st)
        st = join_equal(&x, err);
    if (!st && near < 1)
        st = sign_all(&x, err);
    if (!st && near < 1)
        st = join_near(&x, err);
    if (!st)
        st = give_groups(&x, fn, ctx, n_groups, err);
    free(x.e);
    arena_clear(&x.memory);
    view_close(&x.v);
    return st;
}
