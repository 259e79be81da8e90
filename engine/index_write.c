/* index_write.c - see index_plan.h: documents that were read, the files inside them, and those that
 * could not be read, on their way into the batch. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/index_plan.h"
#include "engine/labels.h"
#include "ingest/page_starts.h"

#define INSIDE_BYTES ((size_t)64 << 20)

/* Remove what was inside file `path` and is not marked as kept. */
static cairn_status drop_inside(plan *p, const char *path, cairn_error *err)
{
    size_t end;
    cairn_status st = CAIRN_OK;

    for (size_t i = plan_find_inside(p, path, &end); !st && i < end; i++)
        if (!p->known[i].kept) {
            st = copies_remove(&p->copies, p->snapshot, &p->known[i].doc, plan_is_unfit, p, NULL,
                               err);
            p->known[i].kept = true; /* not twice */
        }
    return st;
}

cairn_status plan_write_failure(plan *p, const todo *t, const extracted *x, cairn_error *err)
{
    run *r = p->r;
    /* What a change of permissions may cure is tried again next time. */
    bool retry = access(t->path, R_OK) || x->status == CAIRN_EIO || x->status == CAIRN_ENOMEM;
    cairn_status st = run_fail(r, RUN_FAILED_FILE, t->path, x->error.text, err);

    if (!st && t->old && x->status == CAIRN_ENOTFOUND) {
        st = copies_remove(&p->copies, p->snapshot, &t->old->doc, plan_is_unfit, p, NULL, err);
        r->report->removed++;
        run_event(r, &(cairn_index_event){.kind = "remove", .path = t->path});
        return st ? st : drop_inside(p, t->path, err);
    }
    /* A file that was readable before keeps its old text until it can be read again. */
    if (!st)
        st = batch_failure(r->batch, t->path, x->error.text, t->size, retry ? -1 : t->mtime_ns,
                           err);
    return st;
}

/* What the store keeps of a document beside its fields: which bytes positions count, the
 * extractor's note, the format's own metadata, tags of the user and of the file. Malloced. */
static cairn_status describe(plan *p, const todo *t, const char *uri, const ingest_document *d,
                             const ingest_chunk *chunks, size_t n_chunks, char **text, cairn_error *err)
{
    bytes starts;
    json_t *meta = json_object(), *remembered, *own = *d->member ? NULL : labels_of_file(uri);
    cairn_status st = labels_remembered(p->snapshot, uri, &remembered, err);

    json_object_set_new(meta, "positions",
                        json_string(d->positions == INGEST_POSITIONS_FILE ? "file" : "text"));
    if (*d->note)
        json_object_set_new(meta, "note", json_string(d->note));
    for (size_t i = 0; i < d->n_meta; i++)
        json_object_set_new(meta, d->meta[i].key, json_string(d->meta[i].value));
    bytes_init(&starts, PAGE_STARTS_MAX + 1);
    if (!st && page_starts_write(d, chunks, n_chunks, &starts))
        st = cairn_fail(err, CAIRN_ENOMEM, "metadata of %s", uri);
    if (starts.len)
        json_object_set_new(meta, PAGE_STARTS_KEY, json_stringn(starts.data, starts.len));
    bytes_clear(&starts);
    if (d->created_ns)
        json_object_set_new(meta, "created_ns", json_integer((json_int_t)d->created_ns));
    if (*t->conf->mark)
        json_object_set_new(meta, "settings", json_string(t->conf->mark));
    if (own)
        json_object_set_new(meta, "file_tags", own);
    if (remembered)
        json_object_set_new(meta, "user_tags", remembered);
    *text = st ? NULL : json_dumps(meta, JSON_COMPACT);
    json_decref(meta);
    return st || *text ? st : cairn_fail(err, CAIRN_ENOMEM, "metadata of %s", uri);
}

void plan_tell_todo(run *r, const todo *t)
{
    run_event(r, &(cairn_index_event){
                     .kind = t->old ? "change" : "add", .path = t->path, .size = t->size});
}

/* The record of a document that was read from `uri`. `meta` is malloced and belongs to the record. */
static store_doc record_of(const char *uri, const ingest_document *d, char ext[32], char *meta)
{
    store_doc doc = {.uri = uri,
                     .title = d->title,
                     .author = d->author,
                     .lang = d->lang,
                     .mime = d->mime,
                     .ext = ext,
                     .meta_json = meta,
                     .size = (int64_t)d->size,
                     .mtime_ns = d->mtime_ns,
                     .date_ns = d->date_ns ? d->date_ns : d->mtime_ns,
                     .n_pages = d->n_pages};

    engine_extension(uri, ext, 32);
    memcpy(doc.hash, d->hash, sizeof doc.hash);
    return doc;
}

/* Put a document in place of `old` (NULL: the store has none in this run's snapshot), whose number is `replaces`
 * unless it is 0; as a copy where its bytes are in the collection already. */
static cairn_status put(plan *p, const store_doc *doc, const ingest_chunk *chunks, size_t n,
                        const store_doc *old, doc_id replaces, cairn_error *err)
{
    doc_id of, id;
    bool moved;
    cairn_status st = copies_find(&p->copies, p->snapshot, doc, plan_is_unfit, p, &of, err);

    if (!st && old && old->id == replaces) { /* other places may go on with its passages */
        st = copies_remove(&p->copies, p->snapshot, old, plan_is_unfit, p, &moved, err);
        replaces = 0;
    }
    if (!st && of)
        return copies_put(&p->copies, doc, of, replaces, err);
    if (!st)
        st = batch_put(p->r->batch, doc, chunks, n, replaces, true, err);
    if (!st)
        st = batch_find(p->r->batch, doc->uri, &id, err);
    if (!st)
        st = copies_wrote(&p->copies, doc, id, err);
    if (!st)
        p->r->report->chunks += n;
    return st;
}

/* A file inside the todo's file. Equal bytes under the same name stay as they are. */
static cairn_status write_member(plan *p, const todo *t, const extracted_member *m, bytes *uri,
                                 cairn_error *err)
{
    run *r = p->r;
    const ingest_document *d = m->document;
    char ext[32], *meta = NULL;
    store_doc doc;
    known_doc *old;
    doc_id now;
    cairn_status st;

    bytes_reset(uri);
    if (bytes_printf(uri, "%s!/%s", t->path, d->member) || uri->len > STORE_URI_MAX)
        return run_fail(r, RUN_FAILED_INSIDE, t->path, "holds a file whose path is too long", err);
    if (d->status == CAIRN_EUNSUPPORTED)
        return CAIRN_OK; /* the list of names has it */
    if (d->status) {
        st = run_fail(r, RUN_FAILED_INSIDE, uri->data, d->reason, err);
        return st ? st : batch_failure(r->batch, uri->data, d->reason, (int64_t)d->size, -1, err);
    }
    old = plan_find_known(p, uri->data);
    if (old && !old->kept && !t->anew && !plan_is_copy(&old->doc) && !memcmp(old->doc.hash, d->hash, sizeof d->hash)) {
        old->kept = true;
        return CAIRN_OK;
    }
    if (old)
        old->kept = true; /* replaced here */
    st = batch_find(r->batch, uri->data, &now, err); /* of two with one name the last one counts */
    if (!st)
        st = describe(p, t, uri->data, d, m->chunks, m->n_chunks, &meta, err);
    doc = record_of(uri->data, d, ext, meta);
    if (!st)
        st = put(p, &doc, m->chunks, m->n_chunks, old && now ? &old->doc : NULL, now, err);
    free(meta);
    return st;
}

static cairn_status write_members(plan *p, const todo *t, const extracted *x, cairn_error *err)
{
    bytes uri;
    cairn_status st = CAIRN_OK;

    bytes_init(&uri, 2 * STORE_URI_MAX);
    if (t->old)
        st = plan_forget_failures_inside(p, t->path, err);
    for (size_t i = 0; !st && i < x->n_members; i++)
        st = write_member(p, t, &x->members[i], &uri, err);
    bytes_clear(&uri);
    return st ? st : drop_inside(p, t->path, err);
}

/* Is what copy `doc` is a copy of still there, after what this run did? */
static cairn_status has_original(plan *p, const store_doc *doc, arena *memory, bool *out, cairn_error *err)
{
    doc_labels labels;
    store_doc original;
    doc_id now = 0;
    cairn_status st = labels_read(doc, memory, &labels, err);

    *out = true;
    if (st || !labels.same_as)
        return st;
    st = store_doc_get(p->snapshot, labels.same_as, &original, memory, err);
    if (!st)
        st = batch_find(p->r->batch, original.uri, &now, err);
    *out = !st && now == original.id;
    return st == CAIRN_ENOTFOUND ? CAIRN_OK : st;
}

/* Can the files inside `path` stay as they are? Not where one is a copy of a document that this run took out: while the
 * file around it counted as changed, the copy could not take over the passages. */
static cairn_status is_whole_inside(plan *p, const char *path, bool *out, cairn_error *err)
{
    char inside[STORE_URI_MAX + 3]; /* not the path alone, with which other files may begin */
    size_t n = (size_t)snprintf(inside, sizeof inside, "%s!/", path);
    store_doc_iter *it;
    store_doc doc;
    arena memory;
    cairn_status st;

    *out = true;
    st = store_doc_iter_open(p->snapshot, inside, &it, err);
    if (st)
        return st;
    arena_init(&memory, INSIDE_BYTES);
    while (*out && !(st = store_doc_iter_next(it, &doc, &memory, err))) {
        if (!strncmp(doc.uri, inside, n) && plan_is_copy(&doc))
            st = has_original(p, &doc, &memory, out, err);
        if (st)
            break;
        arena_reset(&memory);
    }
    store_doc_iter_close(it);
    arena_clear(&memory);
    return st == CAIRN_ENOTFOUND ? CAIRN_OK : st;
}

/* The todo's file has the bytes it had, whatever its times say. */
static cairn_status keep_document(plan *p, const todo *t, const ingest_document *d, cairn_error *err)
{
    store_doc same = t->old->doc;
    size_t end;

    same.mtime_ns = d->mtime_ns;
    same.date_ns = d->date_ns ? d->date_ns : d->mtime_ns;
    same.size = (int64_t)d->size;
    t->old->changed = false; /* from now on passages may be left to it and to what is inside it */
    for (size_t i = plan_find_inside(p, t->path, &end); i < end; i++)
        p->known[i].changed = false;
    p->r->report->unchanged++;
    return batch_move(p->r->batch, p->snapshot, &same, err); /* its rows carry the times */
}

cairn_status plan_write_document(plan *p, const todo *t, const extracted *x, cairn_error *err)
{
    run *r = p->r;
    const ingest_document *d = x->document;
    char ext[32];
    store_doc doc, twin;
    char *meta;
    bool moved = false, whole;
    cairn_status st = CAIRN_OK;

    if (t->old && !t->anew && !plan_is_copy(&t->old->doc) && !memcmp(t->old->doc.hash, d->hash, sizeof doc.hash)) {
        st = is_whole_inside(p, t->path, &whole, err);
        if (st || whole)
            return st ? st : keep_document(p, t, d, err);
    }
    if (!t->old)
        st = plan_find_gone_twin(p, d->hash, &twin, &moved, err);
    if (!st && moved)
        st = is_whole_inside(p, twin.uri, &moved, err);
    if (st)
        return st;
    if (moved)
        return plan_move_document(p, t, &twin, err);
    st = describe(p, t, t->path, d, x->chunks, x->n_chunks, &meta, err);
    if (st)
        return st;
    doc = record_of(t->path, d, ext, meta);
    st = put(p, &doc, x->chunks, x->n_chunks, t->old ? &t->old->doc : NULL,
             t->old ? t->old->doc.id : 0, err);
    free(meta);
    if (!st) {
        r->report->indexed++;
        plan_tell_todo(r, t);
        st = write_members(p, t, x, err);
    }
    return st;
}
