/* copies.c - see copies.h. */
#include "engine/copies.h"

#include <stdlib.h>
#include <string.h>

#include "base/checked.h"

#define GROUP_BYTES     ((size_t)256 << 20)
#define UNSETTLED_BYTES ((size_t)16 << 20)
#define HASH            16

struct written_doc {
    uint8_t hash[HASH];
    doc_id id; /* 0: free */
    char ext[32], mark[17];
    char mime[64];
};

typedef struct moved_copy {
    const char *from, *to;
} moved_copy;

static const uint8_t unknown[HASH];

cairn_status copies_init(copies *x, cairn *c, batch *b, const store_snapshot *s, cairn_error *err)
{
    const uint8_t *data;
    size_t len;
    arena memory;
    cairn_status st;

    *x = (copies){.c = c, .b = b};
    bytes_init(&x->unsettled, UNSETTLED_BYTES);
    arena_init(&x->memory, GROUP_BYTES);
    arena_init(&memory, UNSETTLED_BYTES + 65536);
    st = store_meta_get(s, META_UNSETTLED, &memory, &data, &len, err);
    if (!st)
        st = bytes_append(&x->unsettled, data, len - len % HASH);
    x->n_noted = x->unsettled.len;
    arena_clear(&memory);
    return st == CAIRN_ENOTFOUND ? CAIRN_OK : st;
}

void copies_clear(copies *x)
{
    bytes_clear(&x->unsettled);
    arena_clear(&x->memory);
    free(x->moved);
    x->moved = NULL;
    x->n_moved = x->moved_cap = 0;
    free(x->written);
    x->written = NULL;
    x->n_written = x->written_cap = 0;
}

static cairn_status unsettle(copies *x, const uint8_t hash[HASH], cairn_error *err)
{
    const char *d = x->unsettled.data;

    /* Copies of one file mostly follow each other: the last few are looked at, the rest may repeat. */
    for (size_t i = 0; i < 8 && (i + 1) * HASH <= x->unsettled.len; i++)
        if (!memcmp(d + x->unsettled.len - (i + 1) * HASH, hash, HASH))
            return CAIRN_OK;
    return bytes_append(&x->unsettled, hash, HASH)
               ? cairn_fail(err, CAIRN_ELIMIT, "more than a million groups of copies in one run")
               : CAIRN_OK;
}

cairn_status copies_note(copies *x, cairn_error *err)
{
    cairn_status st;

    if (x->unsettled.len == x->n_noted)
        return CAIRN_OK;
    st = batch_meta(x->b, META_UNSETTLED, x->unsettled.data, x->unsettled.len, err);
    x->n_noted = x->unsettled.len;
    return st;
}

/* ---- what the run wrote ---- */

/* The mark of the folder settings a document was read under. */
static void mark_of(const store_doc *d, char out[17])
{
    static const char key[] = "\"settings\":\"";
    const char *have = d->meta_json ? strstr(d->meta_json, key) : NULL;

    memset(out, 0, 17);
    if (have)
        memcpy(out, have + sizeof key - 1, strnlen(have + sizeof key - 1, 16));
}

static bool is_alike(const written_doc *w, const store_doc *d)
{
    char mark[17];

    mark_of(d, mark);
    return !memcmp(w->hash, d->hash, HASH) && !strcmp(w->ext, d->ext) &&
           !strcmp(w->mime, d->mime) && !strcmp(w->mark, mark);
}

static size_t first_slot(const copies *x, const uint8_t hash[HASH])
{
    uint64_t h;

    memcpy(&h, hash, sizeof h);
    return (size_t)h & (x->written_cap - 1);
}

static cairn_status grow_written(copies *x, cairn_error *err)
{
    size_t cap = x->written_cap ? x->written_cap * 2 : 256, was = x->written_cap;
    written_doc *old = x->written, *more = calloc(cap, sizeof *more);

    if (!more)
        return cairn_fail(err, CAIRN_ENOMEM, "list of documents");
    x->written = more;
    x->written_cap = cap;
    for (size_t i = 0; i < was; i++)
        if (old[i].id) {
            size_t at = first_slot(x, old[i].hash);
            while (more[at].id)
                at = (at + 1) & (cap - 1);
            more[at] = old[i];
        }
    free(old);
    return CAIRN_OK;
}

cairn_status copies_wrote(copies *x, const store_doc *doc, doc_id id, cairn_error *err)
{
    written_doc w = {.id = id};
    size_t at;

    if (!memcmp(doc->hash, unknown, HASH) || strlen(doc->ext) >= sizeof w.ext ||
        strlen(doc->mime) >= sizeof w.mime)
        return CAIRN_OK;
    if (2 * (x->n_written + 1) > x->written_cap) {
        cairn_status st = grow_written(x, err);
        if (st)
            return st;
    }
    memcpy(w.hash, doc->hash, HASH);
    strcpy(w.ext, doc->ext);
    strcpy(w.mime, doc->mime);
    mark_of(doc, w.mark);
    for (at = first_slot(x, w.hash); x->written[at].id; at = (at + 1) & (x->written_cap - 1))
        ;
    x->written[at] = w;
    x->n_written++;
    return CAIRN_OK;
}

/* ---- finding ---- */

static bool are_alike(const store_doc *a, const store_doc *b)
{
    char mark_a[17], mark_b[17];

    mark_of(a, mark_a);
    mark_of(b, mark_b);
    return !memcmp(a->hash, b->hash, HASH) && !strcmp(a->ext, b->ext) && !strcmp(a->mime, b->mime) &&
           !strcmp(mark_a, mark_b);
}

/* The ids of all documents with these bytes; the list is the caller's. */
static cairn_status list_by_hash(const store_snapshot *s, const uint8_t hash[HASH], doc_id **out,
                                 size_t *n, cairn_error *err)
{
    cairn_status st = CAIRN_OK;

    *out = NULL;
    *n = 0;
    for (size_t cap = 64;; cap *= 4) {
        doc_id *ids = checked_realloc(*out, cap, sizeof *ids);
        if (!ids) {
            st = cairn_fail(err, CAIRN_ENOMEM, "list of copies");
            break;
        }
        *out = ids;
        st = store_doc_by_hash(s, hash, ids, cap, n, err);
        if (st || *n < cap)
            break;
    }
    if (st) {
        free(*out);
        *out = NULL;
        *n = 0;
    }
    return st;
}

cairn_status copies_find(copies *x, const store_snapshot *s, const store_doc *doc,
                         copies_unfit_fn *unfit, void *ctx, doc_id *id, cairn_error *err)
{
    doc_id *ids;
    size_t n;
    arena memory;
    cairn_status st;

    *id = 0;
    if (!memcmp(doc->hash, unknown, HASH))
        return CAIRN_OK;
    for (size_t at = x->written_cap ? first_slot(x, doc->hash) : 0; x->written_cap && x->written[at].id;
         at = (at + 1) & (x->written_cap - 1))
        if (is_alike(&x->written[at], doc)) {
            *id = x->written[at].id;
            return CAIRN_OK;
        }
    st = list_by_hash(s, doc->hash, &ids, &n, err);
    arena_init(&memory, GROUP_BYTES);
    for (size_t i = 0; !st && !*id && i < n; i++) {
        store_doc d;
        doc_labels labels;
        doc_id now = 0;
        arena_reset(&memory);
        st = store_doc_get(s, ids[i], &d, &memory, err);
        if (!st)
            st = labels_read(&d, &memory, &labels, err);
        if (!st && strcmp(d.uri, doc->uri))
            st = unsettle(x, doc->hash, err);
        if (st || labels.same_as || !strcmp(d.uri, doc->uri) || !are_alike(&d, doc) ||
            (unfit && unfit(ctx, d.uri)))
            continue;
        st = batch_find(x->b, d.uri, &now, err); /* it may have gone in this batch */
        if (!st && now == d.id)
            *id = d.id;
    }
    arena_clear(&memory);
    free(ids);
    return st;
}

/* ---- writing ---- */

/* `meta` with same_as (0: without), and without what belongs to the document of the group. */
static cairn_status copy_meta(const store_doc *d, doc_id same_as, arena *memory, const char **out,
                              cairn_error *err)
{
    json_t *meta = labels_object(d);

    json_object_del(meta, "user_tags");
    json_object_del(meta, "places");
    json_object_del(meta, "same_as");
    if (same_as)
        json_object_set_new(meta, "same_as", json_integer((json_int_t)same_as));
    *out = meta ? labels_text(meta, memory) : NULL;
    json_decref(meta);
    return *out ? CAIRN_OK : cairn_fail(err, CAIRN_ENOMEM, "record of a copy");
}

cairn_status copies_put(copies *x, const store_doc *doc, doc_id of, doc_id replaces,
                        cairn_error *err)
{
    store_doc put = *doc;
    arena memory;
    cairn_status st;

    arena_init(&memory, GROUP_BYTES);
    st = copy_meta(doc, of, &memory, &put.meta_json, err);
    if (!st)
        st = batch_put(x->b, &put, NULL, 0, replaces, false, err);
    if (!st)
        st = unsettle(x, doc->hash, err);
    arena_clear(&memory);
    return st;
}

cairn_status copies_touch(copies *x, const store_doc *doc, cairn_error *err)
{
    return doc->meta_json && (strstr(doc->meta_json, "\"places\"") || strstr(doc->meta_json, "\"same_as\""))
               ? unsettle(x, doc->hash, err)
               : CAIRN_OK;
}

cairn_status copies_moved(copies *x, const char *from, const char *to, cairn_error *err)
{
    moved_copy *moved = checked_room(x->moved, x->n_moved, &x->moved_cap, sizeof *moved);

    if (!moved)
        return cairn_fail(err, CAIRN_ENOMEM, "list of copies");
    x->moved = moved;
    moved[x->n_moved] = (moved_copy){arena_strdup(&x->memory, from), arena_strdup(&x->memory, to)};
    if (!moved[x->n_moved].from || !moved[x->n_moved].to)
        return cairn_fail(err, CAIRN_ENOMEM, "list of copies");
    x->n_moved++;
    return CAIRN_OK;
}

/* Where the copy that stood at this uri when the run began is now. */
static const char *place_now(const copies *x, const char *uri)
{
    for (size_t i = 0; i < x->n_moved; i++)
        if (!strcmp(x->moved[i].from, uri))
            return x->moved[i].to;
    return uri;
}

/* The record `to` (of a copy) with the number and the tags of document `from`. */
static cairn_status take_over(copies *x, const store_snapshot *s, const store_doc *from,
                              const store_doc *to, const char *const *places, size_t n,
                              arena *memory, cairn_error *err)
{
    store_doc moved = *to;
    json_t *meta = labels_object(to), *old = labels_object(from), *tags, *list = json_array();
    cairn_status st = CAIRN_OK;

    json_object_del(meta, "same_as");
    tags = json_object_get(old, "user_tags");
    if (tags)
        json_object_set(meta, "user_tags", tags);
    for (size_t i = 0; i < n; i++)
        if (strcmp(place_now(x, places[i]), to->uri))
            json_array_append_new(list, json_string(places[i]));
    if (json_array_size(list))
        json_object_set(meta, "places", list);
    moved.id = from->id;
    moved.meta_json = meta && list ? labels_text(meta, memory) : NULL;
    if (!moved.meta_json)
        st = cairn_fail(err, CAIRN_ENOMEM, "record of a copy");
    json_decref(meta);
    json_decref(old);
    json_decref(list);
    if (!st)
        st = batch_delete(x->b, to->id, err);
    return st ? st : batch_move(x->b, s, &moved, err);
}

cairn_status copies_remove(copies *x, const store_snapshot *s, const store_doc *doc,
                           copies_unfit_fn *unfit, void *ctx, bool *moved, cairn_error *err)
{
    doc_labels labels;
    arena memory;
    bool done = false;
    cairn_status st;

    arena_init(&memory, GROUP_BYTES);
    st = labels_read(doc, &memory, &labels, err);
    if (!st)
        st = copies_touch(x, doc, err);
    for (size_t i = 0; !st && !done && i < labels.n_places; i++) {
        store_doc to;
        doc_id now;
        if (unfit && unfit(ctx, labels.places[i]))
            continue;
        st = store_doc_find(s, labels.places[i], &to, &memory, err);
        if (st == CAIRN_ENOTFOUND) /* the snapshot may know of the move */
            st = store_doc_find(s, place_now(x, labels.places[i]), &to, &memory, err);
        to.uri = place_now(x, labels.places[i]);
        if (!st)
            st = batch_find(x->b, to.uri, &now, err);
        if (st == CAIRN_ENOTFOUND || (!st && now != to.id)) {
            st = CAIRN_OK;
            continue;
        }
        if (!st)
            st = take_over(x, s, doc, &to, labels.places, labels.n_places, &memory, err);
        done = !st;
    }
    if (!st && !done)
        st = batch_delete(x->b, doc->id, err);
    if (moved)
        *moved = done;
    arena_clear(&memory);
    return st;
}

/* ---- settling ---- */

typedef struct group {
    store_doc *doc; /* [n], by uri */
    doc_labels *labels;
    size_t n;
    arena memory;
} group;

static int by_uri(const void *a, const void *b)
{
    return strcmp(((const store_doc *)a)->uri, ((const store_doc *)b)->uri);
}

static cairn_status load_group(group *g, const store_snapshot *s, const uint8_t hash[HASH],
                               cairn_error *err)
{
    doc_id *ids;
    size_t n;
    cairn_status st = list_by_hash(s, hash, &ids, &n, err);

    g->n = 0;
    if (!st) {
        g->doc = arena_calloc(&g->memory, n + 1, sizeof *g->doc);
        g->labels = arena_calloc(&g->memory, n + 1, sizeof *g->labels);
        if (!g->doc || !g->labels)
            st = cairn_fail(err, CAIRN_ENOMEM, "a group of copies");
    }
    for (size_t i = 0; !st && i < n; i++)
        st = store_doc_get(s, ids[i], &g->doc[g->n++], &g->memory, err);
    if (!st && g->n)
        qsort(g->doc, g->n, sizeof *g->doc, by_uri);
    for (size_t i = 0; !st && i < g->n; i++)
        st = labels_read(&g->doc[i], &g->memory, &g->labels[i], err);
    free(ids);
    return st;
}

/* Every tag that the user gave to one of the places. */
static cairn_status all_tags(const store_snapshot *s, const group *g, const size_t *at, size_t n,
                             json_t *tags, cairn_error *err)
{
    cairn_status st = CAIRN_OK;

    for (size_t i = 0; !st && i < n; i++) {
        json_t *more, *tag;
        size_t k;
        st = labels_remembered(s, g->doc[at[i]].uri, &more, err);
        json_array_foreach(more, k, tag) {
            bool there = false;
            size_t j;
            json_t *have;
            json_array_foreach(tags, j, have)
                there |= json_is_string(tag) && labels_same(json_string_value(have), json_string_value(tag));
            if (json_is_string(tag) && !there)
                json_array_append(tags, tag);
        }
        json_decref(more);
    }
    return st;
}

/* The copies at[0, n) of one document, by uri, become what copies.h says; `keep` has the passages. */
static cairn_status arrange(copies *x, const store_snapshot *s, group *g, const size_t *at, size_t n,
                            size_t keep, cairn_error *err)
{
    store_doc first = g->doc[at[0]];
    doc_id id = g->doc[keep].id;
    json_t *meta = labels_object(&first), *tags = json_array(), *places = json_array();
    const char *text;
    cairn_status st = all_tags(s, g, at, n, tags, err);

    for (size_t i = 1; i < n; i++)
        json_array_append_new(places, json_string(g->doc[at[i]].uri));
    json_object_del(meta, "same_as");
    json_object_del(meta, "places");
    json_object_del(meta, "user_tags");
    if (json_array_size(places))
        json_object_set(meta, "places", places);
    if (json_array_size(tags))
        json_object_set(meta, "user_tags", tags);
    text = meta ? labels_text(meta, &g->memory) : NULL;
    json_decref(meta);
    json_decref(tags);
    json_decref(places);
    if (!st && !text)
        st = cairn_fail(err, CAIRN_ENOMEM, "record of a copy");
    /* Their uris have to be free before the document takes the first of them. */
    for (size_t i = 0; !st && i < n; i++)
        if (at[i] != keep && (g->doc[at[i]].n_chunks || g->labels[at[i]].same_as != id || !i))
            st = batch_delete(x->b, g->doc[at[i]].id, err);
    first.id = id;
    first.meta_json = text;
    if (!st && (at[0] != keep || strcmp(text, g->doc[keep].meta_json)))
        st = batch_move(x->b, s, &first, err);
    for (size_t i = 1; !st && i < n; i++) {
        store_doc copy = g->doc[at[i]];
        if (at[i] != keep && !copy.n_chunks && g->labels[at[i]].same_as == id)
            continue; /* as it should be */
        st = copy_meta(&copy, id, &g->memory, &copy.meta_json, err);
        copy.id = 0;
        if (!st)
            st = batch_put(x->b, &copy, NULL, 0, 0, false, err);
    }
    return st;
}

/* A file that holds a copy which is dropped has to be read again, though it does not change. */
static cairn_status forget_around(copies *x, const store_snapshot *s, const char *uri, arena *memory, cairn_error *err)
{
    const char *inside = strstr(uri, "!/");
    char *path = inside ? arena_strndup(memory, uri, (size_t)(inside - uri)) : NULL;
    store_doc doc;
    doc_id now;
    cairn_status st;

    if (!inside)
        return CAIRN_OK;
    if (!path)
        return cairn_fail(err, CAIRN_ENOMEM, "a group of copies");
    st = store_doc_find(s, path, &doc, memory, err);
    if (!st)
        st = batch_find(x->b, path, &now, err);
    if (st || now != doc.id)
        return st == CAIRN_ENOTFOUND ? CAIRN_OK : st;
    memset(doc.hash, 0, sizeof doc.hash);
    doc.mtime_ns = -1;
    return batch_move(x->b, s, &doc, err);
}

static cairn_status settle_group(copies *x, const store_snapshot *s, group *g, cairn_error *err)
{
    size_t *at = arena_calloc(&g->memory, g->n + 1, sizeof *at);
    bool *done = arena_calloc(&g->memory, g->n + 1, sizeof *done);
    cairn_status st = at && done ? CAIRN_OK : cairn_fail(err, CAIRN_ENOMEM, "a group of copies");

    for (size_t i = 0; !st && i < g->n; i++) {
        size_t n = 0, keep = SIZE_MAX;
        if (done[i])
            continue;
        for (size_t k = i; k < g->n; k++) {
            bool whole = !g->labels[k].same_as;
            if (done[k] || !are_alike(&g->doc[i], &g->doc[k]))
                continue;
            done[k] = true;
            at[n++] = k;
            if (whole && (keep == SIZE_MAX || g->doc[k].id < g->doc[keep].id))
                keep = k; /* the oldest: its vectors are there */
        }
        if (keep != SIZE_MAX) {
            st = arrange(x, s, g, at, n, keep, err);
        } else { /* what they were copies of is gone: the files are read again */
            for (size_t k = 0; !st && k < n; k++) {
                st = batch_delete(x->b, g->doc[at[k]].id, err);
                if (!st)
                    st = forget_around(x, s, g->doc[at[k]].uri, &g->memory, err);
            }
        }
    }
    return st;
}

static int by_bytes(const void *a, const void *b)
{
    return memcmp(a, b, HASH);
}

cairn_status copies_settle(copies *x, cairn_error *err)
{
    store_snapshot *s = NULL;
    group g;
    size_t n = x->unsettled.len / HASH;
    uint8_t *hash = (uint8_t *)x->unsettled.data;
    cairn_status st = CAIRN_OK;

    if (!n)
        return CAIRN_OK;
    qsort(hash, n, HASH, by_bytes);
    arena_init(&g.memory, GROUP_BYTES);
    st = store_snapshot_open(x->c->store, &s, err);
    for (size_t i = 0; !st && i < n; i++) {
        if (i && !memcmp(hash + i * HASH, hash + (i - 1) * HASH, HASH))
            continue;
        arena_reset(&g.memory);
        st = load_group(&g, s, hash + i * HASH, err);
        if (!st)
            st = settle_group(x, s, &g, err);
        if (!st && batch_is_due(x->b)) {
            store_snapshot_close(s);
            s = NULL;
            st = batch_flush(x->b, err);
            if (!st)
                st = store_snapshot_open(x->c->store, &s, err);
        }
    }
    store_snapshot_close(s);
    arena_clear(&g.memory);
    if (!st)
        st = batch_meta(x->b, META_UNSETTLED, NULL, 0, err);
    if (!st)
        st = batch_flush(x->b, err);
    if (!st) {
        bytes_reset(&x->unsettled);
        x->n_noted = 0;
    }
    return st;
}
