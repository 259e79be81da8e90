/* tags.c - cairn_tag and cairn_tags: what the user calls documents by.
 *
 * A tag is written into the document's record, into the columns of its rows (so that `tag:` and facets
 * see it), and under its uri (labels.h), from where it comes back with the file. */
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "engine/batch.h"
#include "engine/labels.h"

#define RECORD_BYTES ((size_t)256 << 20)
#define ALL_BYTES    ((size_t)4 << 30)

typedef struct tagging {
    cairn *c;
    batch *batch;
    store_snapshot *s;
    const char *const *add, *const *remove;
    size_t n_add, n_remove;
    size_t n_changed;
} tagging;

static size_t find_tag(const json_t *tags, const char *tag)
{
    size_t i, n = json_array_size(tags);

    for (i = 0; i < n; i++) {
        const char *have = json_string_value(json_array_get(tags, i));
        if (have && labels_same(have, tag))
            break;
    }
    return i;
}

/* Change the array; *changed says whether anything is another. */
static cairn_status change_array(const tagging *t, json_t *tags, bool *changed, cairn_error *err)
{
    *changed = false;
    for (size_t i = 0; i < t->n_remove; i++) {
        size_t at = find_tag(tags, t->remove[i]);
        if (at < json_array_size(tags)) {
            json_array_remove(tags, at);
            *changed = true;
        }
    }
    for (size_t i = 0; i < t->n_add; i++) {
        if (find_tag(tags, t->add[i]) < json_array_size(tags))
            continue;
        if (json_array_size(tags) >= LABELS_TAGS_MAX)
            return cairn_fail(err, CAIRN_ELIMIT, "a document has at most %d tags", LABELS_TAGS_MAX);
        if (json_array_append_new(tags, json_string(t->add[i])))
            return cairn_fail(err, CAIRN_ENOMEM, "tags");
        *changed = true;
    }
    return CAIRN_OK;
}

static cairn_status remember(const tagging *t, const char *uri, const json_t *tags,
                             cairn_error *err)
{
    char key[48], *text = json_array_size(tags) ? json_dumps(tags, JSON_COMPACT) : NULL;
    cairn_status st;

    labels_key(uri, key);
    if (json_array_size(tags) && !text)
        return cairn_fail(err, CAIRN_ENOMEM, "tags");
    st = batch_meta(t->batch, key, text, text ? strlen(text) : 0, err);
    free(text);
    return st;
}

/* Copies have the tags of the document that holds their passages. */
static cairn_status tag_document(tagging *t, const store_doc *doc, cairn_error *err)
{
    store_doc changed = *doc;
    doc_labels labels;
    arena memory;
    json_t *meta = NULL, *tags;
    bool any = false;
    cairn_status st;

    arena_init(&memory, RECORD_BYTES);
    st = labels_read(&changed, &memory, &labels, err);
    if (!st && labels.same_as) {
        st = store_doc_get(t->s, labels.same_as, &changed, &memory, err);
        if (!st)
            st = labels_read(&changed, &memory, &labels, err);
    }
    if (!st && !(meta = labels_object(&changed)))
        st = cairn_fail(err, CAIRN_ENOMEM, "tags");
    tags = json_object_get(meta, "user_tags");
    if (!st && !json_is_array(tags)) {
        tags = json_array();
        if (json_object_set_new(meta, "user_tags", tags))
            st = cairn_fail(err, CAIRN_ENOMEM, "tags");
    }
    if (!st)
        st = change_array(t, tags, &any, err);
    if (!st && any) {
        st = remember(t, changed.uri, tags, err);
        for (size_t i = 0; !st && i < labels.n_places; i++)
            st = remember(t, labels.places[i], tags, err);
        if (!json_array_size(tags))
            json_object_del(meta, "user_tags");
        changed.meta_json = labels_text(meta, &memory);
        if (!st && !changed.meta_json)
            st = cairn_fail(err, CAIRN_ENOMEM, "tags");
        if (!st)
            st = batch_move(t->batch, t->s, &changed, err);
        t->n_changed += !st;
    }
    json_decref(meta);
    arena_clear(&memory);
    return st;
}

static cairn_status flush_if_due(tagging *t, cairn_error *err)
{
    cairn_status st;

    if (!batch_is_due(t->batch))
        return CAIRN_OK;
    st = batch_flush(t->batch, err);
    store_snapshot_close(t->s);
    t->s = NULL;
    return st ? st : store_snapshot_open(t->c->store, &t->s, err);
}

/* Every document of the folder that has passages of its own; its copies elsewhere share its tags. */
static cairn_status tag_below(tagging *t, const char *folder, size_t *n_seen, cairn_error *err)
{
    store_snapshot *list;
    store_doc_iter *it;
    store_doc doc;
    doc_id *seen = NULL;
    size_t n = 0, cap = 0;
    arena memory;
    cairn_status st = store_snapshot_open(t->c->store, &list, err);

    if (st)
        return st;
    arena_init(&memory, RECORD_BYTES);
    st = store_doc_iter_open(list, folder, &it, err);
    while (!st && !(st = store_doc_iter_next(it, &doc, &memory, err))) {
        doc_labels labels;
        bool again = false;
        if (engine_is_below(doc.uri, folder)) {
            st = labels_read(&doc, &memory, &labels, err);
            ++*n_seen;
            doc_id id = labels.same_as ? labels.same_as : doc.id;
            /* Two copies of one document in the folder: it is written once. */
            for (size_t i = 0; (labels.same_as || labels.n_places) && i < n && !again; i++)
                again = seen[i] == id;
            if (!st && (labels.same_as || labels.n_places) && !again) {
                doc_id *more = checked_room(seen, n, &cap, sizeof *more);
                if (!more) {
                    st = cairn_fail(err, CAIRN_ENOMEM, "list of documents");
                    break;
                }
                seen = more;
                seen[n++] = id;
            }
            if (!st && !again)
                st = tag_document(t, &doc, err);
            if (!st)
                st = flush_if_due(t, err);
        }
        arena_reset(&memory);
    }
    if (st == CAIRN_ENOTFOUND)
        st = CAIRN_OK;
    store_doc_iter_close(it);
    store_snapshot_close(list);
    arena_clear(&memory);
    free(seen);
    return st;
}

static cairn_status read_tags(const char *const *typed, size_t n, arena *memory,
                              const char *const **out, cairn_error *err)
{
    const char **tags = arena_calloc(memory, n + 1, sizeof *tags);
    cairn_status st = tags ? CAIRN_OK : cairn_fail(err, CAIRN_ENOMEM, "tags");

    for (size_t i = 0; !st && i < n; i++)
        st = labels_tag(typed[i], memory, &tags[i], err);
    *out = tags;
    return st;
}

cairn_status cairn_tag(cairn *c, const char *name, const char *const *add, size_t n_add,
                       const char *const *remove, size_t n_remove, size_t *n_changed,
                       cairn_error *err)
{
    tagging t = {.c = c, .n_add = n_add, .n_remove = n_remove};
    store_doc doc;
    size_t n_seen = 0;
    arena memory;
    cairn_status st = engine_need_writer(c, err);

    *n_changed = 0;
    if (!st && !*name)
        st = cairn_fail(err, CAIRN_EUSAGE, "an empty name: say which document or folder");
    if (st)
        return st;
    arena_init(&memory, RECORD_BYTES);
    st = read_tags(add, n_add, &memory, &t.add, err);
    if (!st)
        st = read_tags(remove, n_remove, &memory, &t.remove, err);
    if (!st)
        st = batch_create(&t.batch, c, err);
    if (!st)
        st = store_snapshot_open(c->store, &t.s, err);
    if (!st) {
        st = engine_find_document(c, t.s, name, &doc, &memory, err);
        if (!st) {
            st = tag_document(&t, &doc, err);
        } else if (st == CAIRN_ENOTFOUND) {
            cairn_error not_found = err ? *err : (cairn_error){0};
            char *real = realpath(name, NULL);
            st = tag_below(&t, real ? real : name, &n_seen, err);
            free(real);
            if (!st && !n_seen) {
                st = CAIRN_ENOTFOUND;
                if (err)
                    *err = not_found;
            }
        }
    }
    if (!st)
        st = batch_flush(t.batch, err);
    if (!st)
        *n_changed = t.n_changed;
    store_snapshot_close(t.s);
    batch_destroy(t.batch);
    arena_clear(&memory);
    return st;
}

/* ---- counting ---- */

typedef struct counted {
    const char *tag;
    uint64_t documents;
    bool user;
} counted;

typedef struct counting {
    counted *at;
    size_t n, cap;
    arena memory; /* of the tags */
} counting;

static int by_tag(const void *a, const void *b)
{
    return strcmp(((const counted *)a)->tag, ((const counted *)b)->tag);
}

static cairn_status count_tag(counting *k, const char *tag, bool user, cairn_error *err)
{
    size_t low = 0, high = k->n;

    while (low < high) { /* sorted by bytes: a tag of another case is shown by itself */
        size_t mid = low + (high - low) / 2;
        int order = strcmp(k->at[mid].tag, tag);
        if (!order) {
            k->at[mid].documents++;
            k->at[mid].user |= user;
            return CAIRN_OK;
        }
        if (order < 0)
            low = mid + 1;
        else
            high = mid;
    }
    counted *more = checked_room(k->at, k->n, &k->cap, sizeof *more);
    if (!more)
        return cairn_fail(err, CAIRN_ENOMEM, "list of tags");
    k->at = more;
    memmove(&k->at[low + 1], &k->at[low], (k->n - low) * sizeof *k->at);
    k->at[low] = (counted){arena_strdup(&k->memory, tag), 1, user};
    k->n++;
    return k->at[low].tag ? CAIRN_OK : cairn_fail(err, CAIRN_ENOMEM, "list of tags");
}

cairn_status cairn_tags(cairn *c, const char *prefix,
                        bool (*fn)(void *ctx, const char *tag, uint64_t documents, bool user),
                        void *ctx, cairn_error *err)
{
    counting k = {0};
    store_snapshot *s;
    store_doc_iter *it;
    store_doc doc;
    arena memory;
    cairn_status st = engine_refresh_access(c, err);

    if (!st)
        st = store_snapshot_open(c->store, &s, err);
    if (st)
        return st;
    arena_init(&memory, RECORD_BYTES);
    arena_init(&k.memory, ALL_BYTES);
    st = store_doc_iter_open(s, prefix ? prefix : "", &it, err);
    while (!st && !(st = store_doc_iter_next(it, &doc, &memory, err))) {
        doc_labels labels;
        bool shown = engine_shows(c, doc.uri);
        st = labels_read(&doc, &memory, &labels, err);
        if (!st && labels.same_as) {
            st = store_doc_get(s, labels.same_as, &doc, &memory, err);
            if (!st)
                st = labels_read(&doc, &memory, &labels, err);
        }
        for (size_t i = 0; !st && shown && i < labels.n_tags; i++)
            st = count_tag(&k, labels.tags[i], i < labels.n_user, err);
        arena_reset(&memory);
    }
    store_doc_iter_close(it);
    store_snapshot_close(s);
    if (st == CAIRN_ENOTFOUND)
        st = CAIRN_OK;
    if (k.n)
        qsort(k.at, k.n, sizeof *k.at, by_tag);
    for (size_t i = 0; !st && i < k.n; i++)
        if (!fn(ctx, k.at[i].tag, k.at[i].documents, k.at[i].user))
            break;
    free(k.at);
    arena_clear(&k.memory);
    arena_clear(&memory);
    return st;
}
