/* index_moves.c - see index_plan.h: files that moved keep their documents, passages and vectors; those
 * that are gone leave. */
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "base/utf8.h"
#include "engine/index_plan.h"
#include "engine/labels.h"
#include "ingest/extractor.h"

/* What the user called the file is remembered under its new path. */
static cairn_status move_tags(plan *p, const store_doc *old, const char *to, cairn_error *err)
{
    char key[48];
    json_t *tags;
    char *text;
    cairn_status st = labels_remembered(p->snapshot, old->uri, &tags, err);

    if (st || !tags)
        return st;
    text = json_dumps(tags, JSON_COMPACT);
    json_decref(tags);
    labels_key(old->uri, key);
    st = text ? batch_meta(p->r->batch, key, NULL, 0, err)
              : cairn_fail(err, CAIRN_ENOMEM, "tags of a file");
    labels_key(to, key);
    if (!st)
        st = batch_meta(p->r->batch, key, text, strlen(text), err);
    free(text);
    return st;
}

/* The files inside a file that moved go with it. */
static cairn_status move_inside(plan *p, const char *from, const char *to, cairn_error *err)
{
    size_t n = strlen(from), end;
    bytes uri;
    store_doc_iter *it;
    store_doc doc;
    cairn_status st;

    for (size_t i = plan_find_inside(p, from, &end); i < end; i++)
        p->known[i].seen = true;
    if (p->r->options->dry_run)
        return CAIRN_OK;
    bytes_init(&uri, 2 * STORE_URI_MAX + 4);
    st = bytes_printf(&uri, "%s!/", from);
    if (!st)
        st = store_doc_iter_open(p->snapshot, uri.data, &it, err);
    if (st) {
        bytes_clear(&uri);
        return st;
    }
    while (!(st = store_doc_iter_next(it, &doc, &p->memory, err))) {
        doc_id now;
        store_doc moved = doc;
        if (strncmp(doc.uri, from, n) || strncmp(doc.uri + n, "!/", 2))
            continue;
        st = batch_find(p->r->batch, doc.uri, &now, err);
        if (!st && now != doc.id)
            continue; /* taken by an earlier file of this run */
        bytes_reset(&uri);
        if (!st)
            st = bytes_printf(&uri, "%s%s", to, doc.uri + n);
        moved.uri = uri.data;
        if (!st)
            st = batch_move(p->r->batch, p->snapshot, &moved, err);
        if (!st)
            st = copies_touch(&p->copies, &doc, err);
        if (!st && plan_is_copy(&doc))
            st = copies_moved(&p->copies, doc.uri, moved.uri, err);
        if (!st)
            st = move_tags(p, &doc, moved.uri, err);
        if (st)
            break;
    }
    store_doc_iter_close(it);
    bytes_clear(&uri);
    return st == CAIRN_ENOTFOUND ? CAIRN_OK : st;
}

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? slash + 1 : path;
}

/* The title of a document that moves: a new one where it was the name of its file, whole as that of source
 * code or without the extension. */
static const char *new_title(plan *p, const store_doc *old, const char *to)
{
    const char *was = ingest_title_from_path(&p->memory, old->uri);

    if (!strcmp(base_name(old->uri), old->title) && utf8_valid(base_name(to), strlen(base_name(to))))
        return base_name(to);
    return was && !strcmp(was, old->title) ? ingest_title_from_path(&p->memory, to) : old->title;
}

/* Record document `old` under the todo's path. */
cairn_status plan_move_document(plan *p, const todo *t, const store_doc *old, cairn_error *err)
{
    store_doc moved = *old;
    char ext[32];
    cairn_status st;

    engine_extension(t->path, ext, sizeof ext);
    moved.uri = t->path;
    moved.title = new_title(p, old, t->path);
    moved.ext = ext;
    moved.mtime_ns = t->mtime_ns;
    if (old->date_ns == old->mtime_ns) /* it has no date of its own */
        moved.date_ns = t->mtime_ns;
    st = p->r->options->dry_run ? CAIRN_OK : batch_move(p->r->batch, p->snapshot, &moved, err);
    if (!st && !p->r->options->dry_run)
        st = copies_touch(&p->copies, old, err);
    if (!st && !p->r->options->dry_run)
        st = move_tags(p, old, t->path, err);
    if (!st) {
        p->r->report->moved++;
        run_event(p->r,
                  &(cairn_index_event){.kind = "move", .path = t->path, .from = old->uri});
        st = move_inside(p, old->uri, t->path, err);
    }
    return st;
}

static int by_size(const void *a, const void *b)
{
    int64_t x = (*(known_doc *const *)a)->doc.size, y = (*(known_doc *const *)b)->doc.size;

    return x < y ? -1 : x > y;
}

/* The known documents that are gone, by size. The list is the caller's. */
static known_doc **list_gone(plan *p, size_t *n)
{
    known_doc **gone = checked_malloc(p->n_known + 1, sizeof *gone);

    *n = 0;
    for (size_t i = 0; gone && i < p->n_known; i++)
        if (!p->known[i].seen)
            gone[(*n)++] = &p->known[i];
    if (*n)
        qsort(gone, *n, sizeof *gone, by_size);
    return gone;
}

/* The document among them that had the bytes of this new file. NULL: none. */
static known_doc *gone_twin(known_doc *const *gone, size_t n, const todo *t)
{
    uint8_t hash[16];
    bool hashed = false;
    size_t low = 0, high = n;

    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (gone[mid]->doc.size < t->size)
            low = mid + 1;
        else
            high = mid;
    }
    for (; low < n && gone[low]->doc.size == t->size; low++) {
        if (gone[low]->seen)
            continue;
        if (!hashed && ingest_hash_file(t->path, hash, NULL))
            break; /* the reading stage will say what is wrong with it */
        hashed = true;
        if (!memcmp(hash, gone[low]->doc.hash, sizeof hash) && !plan_is_copy(&gone[low]->doc))
            return gone[low]; /* a copy has nothing to keep, and what it is a copy of may go in this run */
    }
    return NULL;
}

/* New paths whose bytes are those of a known document that is gone. They leave the list. */
cairn_status plan_find_moves(plan *p, cairn_error *err)
{
    cairn_status st = CAIRN_OK;
    size_t kept = 0, n_gone;
    known_doc **gone = list_gone(p, &n_gone);

    if (!gone)
        return cairn_fail(err, CAIRN_ENOMEM, "list of documents that are gone");
    for (size_t i = 0; i < p->n_todo; i++) {
        todo t = p->todo[i];
        known_doc *from = !st && !t.old ? gone_twin(gone, n_gone, &t) : NULL;
        if (!st && from) {
            from->seen = true;
            st = plan_move_document(p, &t, &from->doc, err);
            p->r->bytes_done += (uint64_t)t.size;
            if (!st && p->r->batch && batch_is_due(p->r->batch))
                st = plan_flush(p, err);
            run_progress(p->r, "move", p->r->report->moved, 0, t.path, false);
        } else {
            p->todo[kept++] = t;
        }
        if (!st && run_cancelled(p->r))
            st = cairn_fail(err, CAIRN_ECANCELLED, "stopped while looking for moved files");
    }
    p->n_todo = kept;
    free(gone);
    return st;
}

cairn_status plan_retag(plan *p, cairn_error *err)
{
    cairn_status st = CAIRN_OK;

    for (size_t i = 0; !st && i < p->n_known; i++) {
        store_doc doc = p->known[i].doc;
        json_t *meta, *tags;
        if (!p->known[i].retag)
            continue;
        meta = labels_object(&doc);
        tags = labels_of_file(doc.uri);
        if (tags)
            json_object_set_new(meta, "file_tags", tags);
        else
            json_object_del(meta, "file_tags");
        doc.meta_json = labels_text(meta, &p->memory);
        json_decref(meta);
        if (!doc.meta_json)
            return cairn_fail(err, CAIRN_ENOMEM, "tags of a file");
        st = batch_move(p->r->batch, p->snapshot, &doc, err);
        if (!st && batch_is_due(p->r->batch))
            st = plan_flush(p, err);
    }
    return st;
}

cairn_status plan_remove_gone(plan *p, cairn_error *err)
{
    cairn_status st = CAIRN_OK;

    for (size_t i = 0; !st && i < p->n_known; i++) {
        if (p->known[i].seen)
            continue;
        if (!p->r->options->dry_run)
            st = copies_remove(&p->copies, p->snapshot, &p->known[i].doc, plan_is_unfit, p, NULL, err);
        if (!st) {
            p->r->report->removed++;
            run_event(p->r,
                      &(cairn_index_event){.kind = "remove", .path = p->known[i].doc.uri});
        }
    }
    return st;
}

/* A document elsewhere with these bytes whose own file is gone: the file came from there. */
cairn_status plan_find_gone_twin(plan *p, const uint8_t hash[16], store_doc *out, bool *found,
                                   cairn_error *err)
{
    doc_id ids[8];
    size_t n = 0;
    cairn_status st = store_doc_by_hash(p->snapshot, hash, ids, 8, &n, err);

    *found = false;
    for (size_t i = 0; !st && !*found && i < n; i++) {
        known_doc *k;
        doc_id now;
        st = store_doc_get(p->snapshot, ids[i], out, &p->memory, err);
        if (st)
            break;
        k = plan_find_known(p, out->uri);
        if (k || out->uri[0] != '/' || plan_is_copy(out) || !plan_is_gone(out->uri))
            continue;
        /* The same twin may have been taken by an earlier file of this run. */
        st = batch_find(p->r->batch, out->uri, &now, err);
        *found = !st && now == out->id;
    }
    return st;
}
/* The plan and the status of forgetting, for the store's callback. */
typedef struct forgetting {
    plan *p;
    const char *inside; /* of forget_failure_inside: the file around */
    cairn_error *err;
    cairn_status status;
} forgetting;
static bool forget_failure_inside(void *ctx, const store_failure *f)
{
    forgetting *g = ctx;
    size_t n = strlen(g->inside);

    if (!strncmp(f->path, g->inside, n) && !strncmp(f->path + n, "!/", 2))
        g->status = batch_forget_failure(g->p->r->batch, f->path, g->err);
    return !g->status;
}

static bool forget_failure_if_gone(void *ctx, const store_failure *f)
{
    forgetting *g = ctx;
    const cairn_index_options *o = g->p->r->options;
    bool below = false;

    for (size_t i = 0; !o->only && i < g->p->n_roots; i++)
        below |= plan_is_below(f->path, g->p->roots[i]);
    for (size_t i = 0; i < o->n_only; i++)
        below |= plan_is_below(f->path, o->only[i]);
    if (below && plan_is_gone(f->path))
        g->status = batch_forget_failure(g->p->r->batch, f->path, g->err);
    return !g->status;
}

/* Files that could not be read before and are gone now are no failures any more. */
cairn_status plan_forget_gone_failures(plan *p, cairn_error *err)
{
    forgetting g = {.p = p, .err = err};
    cairn_status st = store_failure_each(p->snapshot, forget_failure_if_gone, &g, err);

    return st ? st : g.status;
}

/* What is told of files inside a changed file is told anew. */
cairn_status plan_forget_failures_inside(plan *p, const char *path, cairn_error *err)
{
    forgetting g = {.p = p, .err = err, .inside = path};
    cairn_status st = store_failure_each(p->snapshot, forget_failure_inside, &g, err);

    return st ? st : g.status;
}
