/* index.c - cairn_index: bring the collection up to date with files and folders.
 *
 * 1. The documents known below the given paths are read from the store.
 * 2. The walk lists the files there. Same size and time: unchanged. The rest is to be read.
 * 3. A new file with the bytes of a known one that is gone was moved: its record and its words are
 *    rewritten, its vectors stay.
 * 4. What is known and gone leaves.
 * 5. The rest is extracted on several threads and written in order, batch by batch. Equal bytes
 *    under the same path only update the record; those of another document make a copy (copies.h).
 * Then vectors and merges (run.c). */
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/checked.h"
#include "engine/index_plan.h"
#include "engine/labels.h"
#include "engine/vectors.h"
#include "ingest/extractor.h"
#include "ingest/walk.h"

#define PLAN_BYTES  ((size_t)8 << 30)

bool plan_is_below(const char *path, const char *folder)
{
    return !strcmp(path, folder) || engine_is_below(path, folder);
}

/* Is nothing there any more? Of a file inside a file, the outermost one is looked for. */
bool plan_is_gone(const char *uri)
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

cairn_status plan_flush(plan *p, cairn_error *err)
{
    cairn_status st = copies_note(&p->copies, err);

    return st ? st : run_flush(p->r, &p->snapshot, err);
}

bool plan_is_copy(const store_doc *d)
{
    return strstr(d->meta_json, "\"same_as\"") != NULL;
}

bool plan_is_unfit(void *ctx, const char *uri)
{
    plan *p = ctx;
    const known_doc *k = plan_find_known(p, uri);

    return k ? !k->seen || k->changed : plan_is_gone(uri);
}

static int by_uri(const void *a, const void *b)
{
    return strcmp(((const known_doc *)a)->doc.uri, ((const known_doc *)b)->doc.uri);
}

known_doc *plan_find_known(plan *p, const char *uri)
{
    known_doc key = {.doc = {.uri = uri}};

    return p->n_known ? bsearch(&key, p->known, p->n_known, sizeof key, by_uri) : NULL;
}

/* The first known document inside file `path`; more follow up to *end. */
size_t plan_find_inside(const plan *p, const char *path, size_t *end)
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
        if (plan_is_below(doc.uri, root) && (st = push_known(p, &doc, err)))
            break;
    store_doc_iter_close(it);
    return st == CAIRN_ENOTFOUND ? CAIRN_OK : st;
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
            if (plan_is_below(o->only[k], p->roots[i]))
                st = load_known_below(p, o->only[k], err);
    }
    if (p->n_known)
        qsort(p->known, p->n_known, sizeof *p->known, by_uri);
    /* A later root may hold an earlier one: drop the repeats. */
    for (size_t i = 0; i < p->n_known; i++)
        if (!kept || strcmp(p->known[kept - 1].doc.uri, p->known[i].doc.uri))
            p->known[kept++] = p->known[i];
    p->n_known = kept;
    for (size_t i = 0; i < kept; i++)
        p->known[i].seen = plan_is_kept(p, p->known[i].doc.uri);
    return st;
}

static cairn_status push_todo(plan *p, const walk_entry *e, known_doc *old, const folder_conf *conf,
                              bool anew, cairn_error *err)
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
    p->todo[p->n_todo++] = (todo){.path = path, .size = e->size, .mtime_ns = e->mtime_ns, .old = old, .conf = conf, .anew = anew};
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
        st = run_fail(p->r, RUN_FAILED_FILE, e->path, f.reason, err);
    }
    return st;
}

static bool found_file(void *ctx, const walk_entry *e)
{
    plan *p = ctx;
    run *r = p->r;
    known_doc *old = plan_find_known(p, e->path);
    const folder_conf *conf = NULL;
    bool failed = false, anew = false;

    p->status = folder_settings_find(p->folders, e->path, &conf, &p->error);
    if (p->status)
        return false;
    anew = old && !labels_has_mark(&old->doc, conf->mark);

    r->report->seen++;
    if (old) {
        size_t end;
        old->seen = true;
        old->changed = anew || old->doc.size != e->size || old->doc.mtime_ns != e->mtime_ns;
        for (size_t i = plan_find_inside(p, e->path, &end); i < end; i++) {
            p->known[i].seen = true; /* reading it says what became of them */
            p->known[i].changed = old->changed;
        }
    }
    if (old && !old->changed) {
        r->report->unchanged++;
        old->retag = labels_file_changed(&old->doc, e->path);
    } else {
        if (!old && !r->options->retry)
            p->status = known_failure(p, e, &failed, &p->error);
        if (!p->status && !failed)
            p->status = push_todo(p, e, old, conf, anew, &p->error);
    }
    run_progress(r, "scan", r->report->seen, 0, e->path, false);
    if (!p->status && run_cancelled(r))
        p->status = cairn_fail(&p->error, CAIRN_ECANCELLED, "stopped while listing files");
    return !p->status;
}

static void not_walked(void *ctx, const char *path, cairn_status code, const char *reason)
{
    plan *p = ctx;

    struct stat sb;
    const bool file = !lstat(path, &sb) && S_ISREG(sb.st_mode); /* one that is too large */

    (void)code;
    p->r->report->seen += file;
    if (!p->status)
        p->status = run_fail(p->r, file ? RUN_FAILED_FILE : RUN_FAILED_PLACE, path, reason, &p->error);
    /* What lies below an unreadable folder is unknown, not gone. */
    for (size_t i = 0; i < p->n_known; i++)
        if (plan_is_below(p->known[i].doc.uri, path))
            p->known[i].seen = true;
}

/* The file of a folder's settings that says nothing, for what is wrong in it. */
static void bad_settings(void *ctx, const char *path, const char *reason)
{
    plan *p = ctx;

    if (!p->status)
        p->status = run_fail(p->r, RUN_FAILED_PLACE, path, reason, &p->error);
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
                          .own = c->collections,
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

/* The next result. While it is long in coming, what was read before becomes searchable in time.
 * NULL with CAIRN_OK when the run was cancelled. */
static extracted *wait_for_next(plan *p, extract_queue *q, cairn_status *st, cairn_error *err)
{
    extracted *x = NULL;

    *st = CAIRN_OK;
    while (!*st && !run_cancelled(p->r) && !(x = extract_queue_next(q)))
        if (batch_is_due(p->r->batch))
            *st = plan_flush(p, err);
    return run_cancelled(p->r) ? NULL : x;
}

static cairn_status read_all(plan *p, cairn_error *err)
{
    run *r = p->r;
    extract_item *items = checked_malloc(p->n_todo, sizeof *items);
    extract_queue *q = NULL;
    cairn_status st;

    if (!items)
        return cairn_fail(err, CAIRN_ENOMEM, "list of files");
    for (size_t i = 0; i < p->n_todo; i++)
        items[i] = (extract_item){p->todo[i].path, &p->todo[i].conf->s};
    st = extract_queue_start(&q, r->c, &r->way, items, p->n_todo, err);
    for (size_t i = 0; !st && i < p->n_todo; i++) {
        extracted *x = wait_for_next(p, q, &st, err);
        if (!x) {
            if (st)
                break;
            st = cairn_fail(err, CAIRN_ECANCELLED, "stopped after %zu of %zu files", i, p->n_todo);
            break;
        }
        if (x->status == CAIRN_OK)
            st = plan_write_document(p, &p->todo[i], x, err);
        else
            st = plan_write_failure(p, &p->todo[i], x, err);
        extract_queue_done(q);
        r->bytes_done += (uint64_t)p->todo[i].size;
        if (!st && batch_is_due(r->batch))
            st = plan_flush(p, err);
        run_progress(r, "index", i + 1, p->n_todo, p->todo[i].path, i + 1 == p->n_todo);
    }
    extract_queue_stop(q);
    free(items);
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
        st = folder_settings_create(&p.folders, r->c, bad_settings, &p, err);
    if (!st)
        st = copies_init(&p.copies, r->c, r->batch, p.snapshot, err);
    if (!st)
        st = plan_resolve_roots(&p, paths, n, err);
    if (!st)
        st = load_known(&p, err);
    if (!st)
        st = walk_all(&p, err);
    if (!st)
        st = plan_find_moves(&p, err);
    if (!st)
        st = plan_remove_gone(&p, err);
    if (!st && !r->options->dry_run)
        st = plan_retag(&p, err);
    if (!st && r->options->dry_run) {
        for (size_t i = 0; i < p.n_todo; i++)
            plan_tell_todo(r, &p.todo[i]);
        r->report->indexed = p.n_todo;
    } else {
        if (!st)
            st = plan_forget_gone_failures(&p, err);
        if (!st && !r->options->only)
            st = plan_remember_roots(&p, err);
        if (!st && p.n_todo)
            st = read_all(&p, err);
        if (!st)
            st = plan_flush(&p, err);
        if (!st)
            st = copies_settle(&p.copies, err);
        else if (st == CAIRN_ECANCELLED && copies_note(&p.copies, NULL))
            st = CAIRN_ENOMEM;
    }
    copies_clear(&p.copies);
    store_snapshot_close(p.snapshot);
    folder_settings_destroy(p.folders);
    plan_forget_roots(&p);
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
