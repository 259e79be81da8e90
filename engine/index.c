/* index.c - cairn_index: bring the collection up to date with files and folders.
 *
 * 1. The documents known below the given paths are read from the store.
 * 2. The walk lists the files there. Same size and time: unchanged. The rest is to be read.
 * 3. A new file with the bytes of a known one that is gone was moved: its record and its words are
 *    rewritten, its vectors stay.
 * 4. What is known and gone leaves.
 * 5. The rest is extracted on several threads and written in order, batch by batch. Equal bytes
 *    under the same path only update the record.
 * Then vectors and merges (run.c). */
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/checked.h"
#include "engine/extract_queue.h"
#include "engine/index.h"
#include "engine/run.h"
#include "engine/vectors.h"
#include "ingest/extractor.h"
#include "ingest/walk.h"

#define PLAN_BYTES  ((size_t)8 << 30)
#define ROOTS_BYTES ((size_t)64 << 10)

typedef struct known_doc {
    store_doc doc;
    bool seen; /* still there, or taken by a move */
    bool kept; /* of a file inside a changed one: still in it */
} known_doc;

typedef struct todo {
    const char *path;
    int64_t size, mtime_ns;
    known_doc *old; /* the document of this path, changed; NULL = a new path */
} todo;

typedef struct plan {
    run *r;
    const index_hooks *hooks; /* may be NULL */
    arena memory;
    store_snapshot *snapshot;
    known_doc *known; /* by path */
    size_t n_known, known_cap;
    todo *todo;
    size_t n_todo, todo_cap;
    char **roots;
    size_t n_roots;
    cairn_status status; /* of the walk's callbacks */
    cairn_error error;
} plan;

static bool is_below(const char *path, const char *folder)
{
    size_t n = strlen(folder);

    if (strncmp(path, folder, n))
        return false;
    return path[n] == '\0' || path[n] == '/' || (n && folder[n - 1] == '/') ||
           (path[n] == '!' && path[n + 1] == '/'); /* a file inside a file */
}

/* Is nothing there any more? Of a file inside a file, the outermost one is looked for. */
static bool is_gone(const char *uri)
{
    char path[STORE_URI_MAX + 1];
    bool gone = access(uri, F_OK) && (errno == ENOENT || errno == ENOTDIR);

    for (const char *at = uri; gone && (at = strstr(at, "!/")); at += 2) {
        if ((size_t)(at - uri) >= sizeof path)
            break;
        memcpy(path, uri, (size_t)(at - uri));
        path[at - uri] = 0;
        gone = access(path, F_OK) != 0;
    }
    return gone;
}

static int by_uri(const void *a, const void *b)
{
    return strcmp(((const known_doc *)a)->doc.uri, ((const known_doc *)b)->doc.uri);
}

static known_doc *find_known(plan *p, const char *uri)
{
    known_doc key = {.doc = {.uri = uri}};

    return p->n_known ? bsearch(&key, p->known, p->n_known, sizeof key, by_uri) : NULL;
}

/* The first known document inside file `path`; more follow up to *end. */
static size_t find_inside(const plan *p, const char *path, size_t *end)
{
    size_t low = 0, high = p->n_known, n = strlen(path);

    while (low < high) {
        size_t mid = low + (high - low) / 2;
        const char *uri = p->known[mid].doc.uri;
        int order = strncmp(uri, path, n);
        if (!order)
            order = strncmp(uri + n, "!/", 2);
        if (order < 0)
            low = mid + 1;
        else
            high = mid;
    }
    for (*end = low; *end < p->n_known; ++*end) {
        const char *uri = p->known[*end].doc.uri;
        if (strncmp(uri, path, n) || strncmp(uri + n, "!/", 2))
            break;
    }
    return low;
}

static cairn_status push_known(plan *p, const store_doc *doc, cairn_error *err)
{
    if (p->n_known == p->known_cap) {
        size_t cap = p->known_cap ? p->known_cap * 2 : 256;
        known_doc *more = checked_realloc(p->known, cap, sizeof *more);
        if (!more)
            return cairn_fail(err, CAIRN_ENOMEM, "list of known documents");
        p->known = more;
        p->known_cap = cap;
    }
    p->known[p->n_known++] = (known_doc){.doc = *doc};
    return CAIRN_OK;
}

static cairn_status load_known_below(plan *p, const char *root, cairn_error *err)
{
    store_doc_iter *it;
    store_doc doc;
    cairn_status st = store_doc_iter_open(p->snapshot, root, &it, err);

    if (st)
        return st;
    while (!(st = store_doc_iter_next(it, &doc, &p->memory, err)))
        if (is_below(doc.uri, root) && (st = push_known(p, &doc, err)))
            break;
    store_doc_iter_close(it);
    return st == CAIRN_ENOTFOUND ? CAIRN_OK : st;
}

/* Absolute paths without links; one that does not exist is a failure of the report, and what is
 * known below it stays: a drive that is not mounted must not empty the index. */
static cairn_status resolve_roots(plan *p, const char *const *paths, size_t n, cairn_error *err)
{
    p->roots = calloc(n + 1, sizeof *p->roots);
    if (!p->roots)
        return cairn_fail(err, CAIRN_ENOMEM, "list of paths");
    for (size_t i = 0; i < n; i++) {
        char *real = realpath(paths[i], NULL);
        if (!real) {
            cairn_error why;
            cairn_status st;
            cairn_fail(&why, CAIRN_EINPUT, "%s", strerror(errno));
            p->r->report->missing++;
            st = run_fail(p->r, paths[i], why.text, err);
            if (st)
                return st;
            continue;
        }
        p->roots[p->n_roots++] = real; /* also one inside another: it may be hidden there */
    }
    return CAIRN_OK;
}

static cairn_status load_known(plan *p, cairn_error *err)
{
    cairn_status st = CAIRN_OK;
    size_t kept = 0;

    for (size_t i = 0; !st && i < p->n_roots; i++) {
        const cairn_index_options *o = p->r->options;
        if (!o->only)
            st = load_known_below(p, p->roots[i], err);
        for (size_t k = 0; !st && k < o->n_only; k++)
            if (is_below(o->only[k], p->roots[i]))
                st = load_known_below(p, o->only[k], err);
    }
    if (p->n_known)
        qsort(p->known, p->n_known, sizeof *p->known, by_uri);
    /* A later root may hold an earlier one: drop the repeats. */
    for (size_t i = 0; i < p->n_known; i++)
        if (!kept || strcmp(p->known[kept - 1].doc.uri, p->known[i].doc.uri))
            p->known[kept++] = p->known[i];
    p->n_known = kept;
    return st;
}

static cairn_status push_todo(plan *p, const walk_entry *e, known_doc *old, cairn_error *err)
{
    char *path = arena_strdup(&p->memory, e->path);

    if (path && p->n_todo == p->todo_cap) {
        size_t cap = p->todo_cap ? p->todo_cap * 2 : 256;
        todo *more = checked_realloc(p->todo, cap, sizeof *more);
        if (more) {
            p->todo = more;
            p->todo_cap = cap;
        } else {
            path = NULL;
        }
    }
    if (!path)
        return cairn_fail(err, CAIRN_ENOMEM, "list of files");
    p->todo[p->n_todo++] = (todo){path, e->size, e->mtime_ns, old};
    p->r->bytes_total += (uint64_t)e->size;
    return CAIRN_OK;
}

/* A file that failed before and has not changed fails again without being read. */
static cairn_status known_failure(plan *p, const walk_entry *e, bool *failed, cairn_error *err)
{
    store_failure f;
    cairn_status st = store_failure_find(p->snapshot, e->path, &f, &p->memory, err);

    *failed = false;
    if (st == CAIRN_ENOTFOUND)
        return CAIRN_OK;
    if (!st && f.size == e->size && f.mtime_ns == e->mtime_ns) {
        *failed = true;
        st = run_fail(p->r, e->path, f.reason, err);
    }
    return st;
}

static bool found_file(void *ctx, const walk_entry *e)
{
    plan *p = ctx;
    run *r = p->r;
    known_doc *old = find_known(p, e->path);
    bool failed = false;

    r->report->seen++;
    if (old) {
        size_t end;
        old->seen = true;
        for (size_t i = find_inside(p, e->path, &end); i < end; i++)
            p->known[i].seen = true; /* reading it says what became of them */
    }
    if (old && old->doc.size == e->size && old->doc.mtime_ns == e->mtime_ns) {
        r->report->unchanged++;
    } else {
        if (!old)
            p->status = known_failure(p, e, &failed, &p->error);
        if (!p->status && !failed)
            p->status = push_todo(p, e, old, &p->error);
    }
    run_progress(r, "scan", r->report->seen, 0, e->path, false);
    if (!p->status && run_cancelled(r))
        p->status = cairn_fail(&p->error, CAIRN_ECANCELLED, "stopped while listing files");
    return !p->status;
}

static void not_walked(void *ctx, const char *path, cairn_status code, const char *reason)
{
    plan *p = ctx;

    (void)code;
    if (!p->status)
        p->status = run_fail(p->r, path, reason, &p->error);
    /* What lies below an unreadable folder is unknown, not gone. */
    for (size_t i = 0; i < p->n_known; i++)
        if (is_below(p->known[i].doc.uri, path))
            p->known[i].seen = true;
}

static void entered(void *ctx, const char *path)
{
    plan *p = ctx;

    p->hooks->entered(p->hooks->ctx, path);
}

static void left_out(void *ctx, const char *path, bool folder, const char *reason)
{
    plan *p = ctx;

    run_event(p->r, &(cairn_index_event){
                        .kind = "skip", .path = path, .folder = folder, .reason = reason});
}

walk_options index_walk_options(const cairn *c, const cairn_index_options *options)
{
    static const cairn_index_options none;
    const cairn_index_options *o = options ? options : &none;
    const settings *s = &c->settings;

    return (walk_options){.max_file_bytes = (int64_t)(s->max_file_mb * 1e6),
                          .hidden = o->hidden || !strcmp(s->hidden, "on"),
                          .no_ignore_files = o->no_ignore_files || !strcmp(s->ignore_files, "off"),
                          .ignore_file = *s->ignore_file ? s->ignore_file : NULL,
                          .exclude = o->exclude,
                          .include = o->include,
                          .only = o->only,
                          .n_only = o->n_only};
}

static cairn_status walk_all(plan *p, cairn_error *err)
{
    const cairn_index_options *o = p->r->options;
    walk_options w = index_walk_options(p->r->c, o);
    cairn_status st;

    w.entered = p->hooks ? entered : NULL;
    w.skipped = o->dry_run && o->event ? left_out : NULL;
    st = ingest_walk((const char *const *)p->roots, p->n_roots, &w, found_file, not_walked, p, err);
    if (p->status) {
        if (err)
            *err = p->error;
        return p->status;
    }
    return st;
}

/* Remember what runs are given, for who asks why a file was not found. The oldest are forgotten. */
static cairn_status remember_roots(plan *p, cairn_error *err)
{
    const uint8_t *data = NULL;
    size_t len = 0;
    bytes all;
    bool changed = false;
    cairn_status st = store_meta_get(p->snapshot, META_ROOTS, &p->memory, &data, &len, err);

    if (st && st != CAIRN_ENOTFOUND)
        return st;
    st = CAIRN_OK;
    bytes_init(&all, 4 * ROOTS_BYTES);
    if (len <= ROOTS_BYTES && (!len || !data[len - 1]))
        st = bytes_append(&all, data ? data : (const uint8_t *)"", len);
    for (size_t i = 0; !st && i < p->n_roots; i++) {
        bool there = false;
        for (size_t at = 0; at < all.len && !there; at += strlen(all.data + at) + 1)
            there = !strcmp(all.data + at, p->roots[i]);
        if (!there && strlen(p->roots[i]) < ROOTS_BYTES)
            st = bytes_append(&all, p->roots[i], strlen(p->roots[i]) + 1);
        changed |= !there;
    }
    if (!st && changed) {
        size_t skip = 0;
        while (all.len - skip > ROOTS_BYTES)
            skip += strlen(all.data + skip) + 1;
        st = batch_meta(p->r->batch, META_ROOTS, all.data + skip, all.len - skip, err);
    }
    bytes_clear(&all);
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

    for (size_t i = find_inside(p, from, &end); i < end; i++)
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
        if (st)
            break;
    }
    store_doc_iter_close(it);
    bytes_clear(&uri);
    return st == CAIRN_ENOTFOUND ? CAIRN_OK : st;
}

/* Record document `old` under the todo's path. */
static cairn_status move_document(plan *p, const todo *t, const store_doc *old, cairn_error *err)
{
    store_doc moved = *old;
    char ext[32];
    cairn_status st;

    engine_extension(t->path, ext, sizeof ext);
    moved.uri = t->path;
    moved.ext = ext;
    moved.mtime_ns = t->mtime_ns;
    st = p->r->options->dry_run ? CAIRN_OK : batch_move(p->r->batch, p->snapshot, &moved, err);
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
        if (!memcmp(hash, gone[low]->doc.hash, sizeof hash))
            return gone[low];
    }
    return NULL;
}

/* New paths whose bytes are those of a known document that is gone. They leave the list. */
static cairn_status find_moves(plan *p, cairn_error *err)
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
            st = move_document(p, &t, &from->doc, err);
            p->r->bytes_done += (uint64_t)t.size;
            if (!st && p->r->batch && batch_is_due(p->r->batch))
                st = run_flush(p->r, &p->snapshot, err);
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

static cairn_status remove_gone(plan *p, cairn_error *err)
{
    cairn_status st = CAIRN_OK;

    for (size_t i = 0; !st && i < p->n_known; i++) {
        if (p->known[i].seen)
            continue;
        if (!p->r->options->dry_run)
            st = batch_delete(p->r->batch, p->known[i].doc.id, err);
        if (!st) {
            p->r->report->removed++;
            run_event(p->r,
                      &(cairn_index_event){.kind = "remove", .path = p->known[i].doc.uri});
        }
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
        below |= is_below(f->path, g->p->roots[i]);
    for (size_t i = 0; i < o->n_only; i++)
        below |= is_below(f->path, o->only[i]);
    if (below && is_gone(f->path))
        g->status = batch_forget_failure(g->p->r->batch, f->path, g->err);
    return !g->status;
}

/* Files that could not be read before and are gone now are no failures any more. */
static cairn_status forget_gone_failures(plan *p, cairn_error *err)
{
    forgetting g = {.p = p, .err = err};
    cairn_status st = store_failure_each(p->snapshot, forget_failure_if_gone, &g, err);

    return st ? st : g.status;
}

/* A document elsewhere with these bytes whose own file is gone: the file came from there. */
static cairn_status find_gone_twin(plan *p, const uint8_t hash[16], store_doc *out, bool *found,
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
        k = find_known(p, out->uri);
        if (k || out->uri[0] != '/' || !is_gone(out->uri))
            continue;
        /* The same twin may have been taken by an earlier file of this run. */
        st = batch_find(p->r->batch, out->uri, &now, err);
        *found = !st && now == out->id;
    }
    return st;
}

/* Remove what was inside file `path` and is not marked as kept. */
static cairn_status drop_inside(plan *p, const char *path, cairn_error *err)
{
    size_t end;
    cairn_status st = CAIRN_OK;

    for (size_t i = find_inside(p, path, &end); !st && i < end; i++)
        if (!p->known[i].kept) {
            st = batch_delete(p->r->batch, p->known[i].doc.id, err);
            p->known[i].kept = true; /* not twice */
        }
    return st;
}

static cairn_status write_failure(plan *p, const todo *t, const extracted *x, cairn_error *err)
{
    run *r = p->r;
    /* What a change of permissions may cure is tried again next time. */
    bool retry = access(t->path, R_OK) || x->status == CAIRN_EIO || x->status == CAIRN_ENOMEM;
    cairn_status st = run_fail(r, t->path, x->error.text, err);

    if (!st && t->old && x->status == CAIRN_ENOTFOUND) {
        st = batch_delete(r->batch, t->old->doc.id, err);
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
 * extractor's note, and the format's own metadata. Malloced; NULL without memory. */
static char *describe(const ingest_document *d)
{
    json_t *meta = json_object();
    char *text;

    json_object_set_new(meta, "positions",
                        json_string(d->positions == INGEST_POSITIONS_FILE ? "file" : "text"));
    if (*d->note)
        json_object_set_new(meta, "note", json_string(d->note));
    for (size_t i = 0; i < d->n_meta; i++)
        json_object_set_new(meta, d->meta[i].key, json_string(d->meta[i].value));
    text = json_dumps(meta, JSON_COMPACT);
    json_decref(meta);
    return text;
}

static void tell_todo(run *r, const todo *t)
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

/* A file inside the todo's file. Equal bytes under the same name stay as they are. */
static cairn_status write_member(plan *p, const todo *t, const extracted_member *m, bytes *uri,
                                 cairn_error *err)
{
    run *r = p->r;
    const ingest_document *d = m->document;
    char ext[32], *meta;
    store_doc doc;
    known_doc *old;
    doc_id now;
    cairn_status st;

    bytes_reset(uri);
    if (bytes_printf(uri, "%s!/%s", t->path, d->member) || uri->len > STORE_URI_MAX)
        return run_fail(r, t->path, "holds a file whose path is too long", err);
    if (d->status == CAIRN_EUNSUPPORTED)
        return CAIRN_OK; /* the list of names has it */
    if (d->status) {
        st = run_fail(r, uri->data, d->reason, err);
        return st ? st : batch_failure(r->batch, uri->data, d->reason, (int64_t)d->size, -1, err);
    }
    old = find_known(p, uri->data);
    if (old && !old->kept && !memcmp(old->doc.hash, d->hash, sizeof d->hash)) {
        old->kept = true;
        return CAIRN_OK;
    }
    if (old)
        old->kept = true; /* replaced here */
    st = batch_find(r->batch, uri->data, &now, err); /* of two with one name the last one counts */
    meta = describe(d);
    doc = record_of(uri->data, d, ext, meta);
    if (!st)
        st = batch_put(r->batch, &doc, m->chunks, m->n_chunks, now, true, err);
    free(meta);
    if (!st)
        r->report->chunks += m->n_chunks;
    return st;
}

/* What is told of files inside a changed file is told anew. */
static cairn_status forget_failures_inside(plan *p, const char *path, cairn_error *err)
{
    forgetting g = {.p = p, .err = err, .inside = path};
    cairn_status st = store_failure_each(p->snapshot, forget_failure_inside, &g, err);

    return st ? st : g.status;
}

static cairn_status write_members(plan *p, const todo *t, const extracted *x, cairn_error *err)
{
    bytes uri;
    cairn_status st = CAIRN_OK;

    bytes_init(&uri, 2 * STORE_URI_MAX);
    if (t->old)
        st = forget_failures_inside(p, t->path, err);
    for (size_t i = 0; !st && i < x->n_members; i++)
        st = write_member(p, t, &x->members[i], &uri, err);
    bytes_clear(&uri);
    return st ? st : drop_inside(p, t->path, err);
}

static cairn_status write_document(plan *p, const todo *t, const extracted *x, cairn_error *err)
{
    run *r = p->r;
    const ingest_document *d = x->document;
    char ext[32];
    store_doc doc, twin;
    char *meta;
    bool moved = false;
    cairn_status st = CAIRN_OK;

    if (t->old && !memcmp(t->old->doc.hash, d->hash, sizeof doc.hash)) {
        store_doc same = t->old->doc;
        same.mtime_ns = d->mtime_ns;
        same.size = (int64_t)d->size;
        r->report->unchanged++;
        return batch_touch(r->batch, &same, err);
    }
    if (!t->old)
        st = find_gone_twin(p, d->hash, &twin, &moved, err);
    if (st)
        return st;
    if (moved)
        return move_document(p, t, &twin, err);
    meta = describe(d);
    doc = record_of(t->path, d, ext, meta);
    st = batch_put(r->batch, &doc, x->chunks, x->n_chunks, t->old ? t->old->doc.id : 0, true, err);
    free(meta);
    if (!st) {
        r->report->indexed++;
        r->report->chunks += x->n_chunks;
        tell_todo(r, t);
        st = write_members(p, t, x, err);
    }
    return st;
}

/* The next result. While it is long in coming, what was read before becomes searchable in time.
 * NULL with CAIRN_OK when the run was cancelled. */
static extracted *wait_for_next(plan *p, extract_queue *q, cairn_status *st, cairn_error *err)
{
    extracted *x = NULL;

    *st = CAIRN_OK;
    while (!*st && !run_cancelled(p->r) && !(x = extract_queue_next(q)))
        if (batch_is_due(p->r->batch))
            *st = run_flush(p->r, &p->snapshot, err);
    return run_cancelled(p->r) ? NULL : x;
}

static cairn_status read_all(plan *p, cairn_error *err)
{
    run *r = p->r;
    const char **paths = checked_malloc(p->n_todo, sizeof *paths);
    extract_queue *q = NULL;
    cairn_status st;

    if (!paths)
        return cairn_fail(err, CAIRN_ENOMEM, "list of files");
    for (size_t i = 0; i < p->n_todo; i++)
        paths[i] = p->todo[i].path;
    st = extract_queue_start(&q, r->c, paths, p->n_todo, err);
    for (size_t i = 0; !st && i < p->n_todo; i++) {
        extracted *x = wait_for_next(p, q, &st, err);
        if (!x) {
            if (st)
                break;
            st = cairn_fail(err, CAIRN_ECANCELLED, "stopped after %zu of %zu files", i, p->n_todo);
            break;
        }
        if (x->status == CAIRN_OK)
            st = write_document(p, &p->todo[i], x, err);
        else
            st = write_failure(p, &p->todo[i], x, err);
        extract_queue_done(q);
        r->bytes_done += (uint64_t)p->todo[i].size;
        if (!st && batch_is_due(r->batch))
            st = run_flush(r, &p->snapshot, err);
        run_progress(r, "index", i + 1, p->n_todo, p->todo[i].path, i + 1 == p->n_todo);
    }
    extract_queue_stop(q);
    free(paths);
    return st;
}

static cairn_status index_files(run *r, const char *const *paths, size_t n,
                                const index_hooks *hooks, cairn_error *err)
{
    plan p = {.r = r, .hooks = hooks};
    cairn_status st;

    arena_init(&p.memory, PLAN_BYTES);
    st = store_snapshot_open(r->c->store, &p.snapshot, err);
    if (!st)
        st = resolve_roots(&p, paths, n, err);
    if (!st)
        st = load_known(&p, err);
    if (!st)
        st = walk_all(&p, err);
    if (!st)
        st = find_moves(&p, err);
    if (!st)
        st = remove_gone(&p, err);
    if (!st && r->options->dry_run) {
        for (size_t i = 0; i < p.n_todo; i++)
            tell_todo(r, &p.todo[i]);
        r->report->indexed = p.n_todo;
    } else {
        if (!st)
            st = forget_gone_failures(&p, err);
        if (!st && !r->options->only)
            st = remember_roots(&p, err);
        if (!st && p.n_todo)
            st = read_all(&p, err);
    }
    store_snapshot_close(p.snapshot);
    for (size_t i = 0; i < p.n_roots; i++)
        free(p.roots[i]);
    free(p.roots);
    free(p.known);
    free(p.todo);
    arena_clear(&p.memory);
    return st;
}

cairn_status index_paths(cairn *c, const char *const *paths, size_t n_paths,
                         const cairn_index_options *options, const index_hooks *hooks,
                         cairn_index_report *report, cairn_error *err)
{
    run r;
    cairn_status st = run_begin(&r, c, options, report, err);

    if (!st)
        st = engine_refuse_own_vectors(c, err);
    if (!st)
        st = index_files(&r, paths, n_paths, hooks, err);
    return run_end(&r, st, err);
}

cairn_status cairn_index(cairn *c, const char *const *paths, size_t n_paths,
                         const cairn_index_options *options, cairn_index_report *report,
                         cairn_error *err)
{
    return index_paths(c, paths, n_paths, options, NULL, report, err);
}
