/* index_roots.c - the files and folders that a run was given (index_plan.h), and what is remembered of them.
 *
 * Lists of paths in the store's values, each path ended by a NUL: META_ROOTS of all, META_MOUNTED of those that were
 * mount points when they were indexed last. A path of the latter that lies on the file system of its parent now has lost
 * its own: what is known below stays until it is mounted again, or until no document is left there. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "engine/index_plan.h"

#define META_MOUNTED "mounted_roots"
#define LIST_BYTES   ((size_t)64 << 10)

static bool is_mounted(const char *path)
{
    struct stat here, above;
    char *parent = NULL;
    bool mounted = false;

    if (asprintf(&parent, "%s/..", path) >= 0)
        mounted = !stat(path, &here) && !stat(parent, &above) && S_ISDIR(here.st_mode) && here.st_dev != above.st_dev;
    free(parent);
    return mounted;
}

/* The list of this key; empty where there is none. Borrowed from the plan's memory. */
static cairn_status read_list(plan *p, const char *key, const char **out, size_t *len, cairn_error *err)
{
    const uint8_t *data = NULL;
    cairn_status st = store_meta_get(p->snapshot, key, &p->memory, &data, len, err);

    if (st == CAIRN_ENOTFOUND || (!st && (*len > LIST_BYTES || (*len && data[*len - 1])))) {
        *len = 0;
        st = CAIRN_OK;
    }
    *out = (const char *)data;
    return st;
}

static bool is_listed(const char *list, size_t len, const char *path)
{
    for (size_t at = 0; at < len; at += strlen(list + at) + 1)
        if (!strcmp(list + at, path))
            return true;
    return false;
}

/* Is any document known below the folder? */
static cairn_status has_documents(plan *p, const char *folder, bool *out, cairn_error *err)
{
    store_doc_iter *it;
    store_doc doc;
    cairn_status st = store_doc_iter_open(p->snapshot, folder, &it, err);

    *out = false;
    if (st)
        return st;
    while (!*out && !(st = store_doc_iter_next(it, &doc, &p->memory, err)))
        *out = plan_is_below(doc.uri, folder);
    store_doc_iter_close(it);
    return st == CAIRN_ENOTFOUND ? CAIRN_OK : st;
}

static cairn_status fail(plan *p, const char *path, const char *reason, cairn_error *err)
{
    p->r->report->missing++;
    return run_fail(p->r, RUN_FAILED_PLACE, path, reason, err);
}

cairn_status plan_resolve_roots(plan *p, const char *const *paths, size_t n, cairn_error *err)
{
    const char *were = NULL;
    size_t len = 0;
    cairn_status st = read_list(p, META_MOUNTED, &were, &len, err);

    p->roots = calloc(n + 1, sizeof *p->roots);
    p->kept = calloc(n + 1, sizeof *p->kept);
    p->mounted = calloc(n + 1, sizeof *p->mounted);
    if (!p->roots || !p->kept || !p->mounted)
        return cairn_fail(err, CAIRN_ENOMEM, "list of paths");
    for (size_t i = 0; !st && i < n; i++) {
        char *real = realpath(paths[i], NULL);
        bool mounted, known = false;
        if (!real) {
            st = fail(p, paths[i], strerror(errno), err);
            continue;
        }
        mounted = is_mounted(real);
        if (!mounted && is_listed(were, len, real))
            st = has_documents(p, real, &known, err);
        if (known) {
            p->kept[p->n_kept++] = real;
            if (!st)
                st = fail(p, paths[i], "the file system that was mounted there is not; its documents are kept (cairn "
                                       "delete forgets them)", err);
            continue;
        }
        p->mounted[p->n_roots] = mounted;
        p->roots[p->n_roots++] = real; /* also one inside another: it may be hidden there */
    }
    return st;
}

bool plan_is_kept(const plan *p, const char *uri)
{
    for (size_t i = 0; i < p->n_kept; i++)
        if (plan_is_below(uri, p->kept[i]))
            return true;
    return false;
}

/* The list with this run's paths: `mounts`, of those alone that are mount points, without the others. The oldest are
 * forgotten where there are too many. */
static cairn_status remember(plan *p, const char *key, bool mounts, cairn_error *err)
{
    const char *list = NULL;
    size_t len = 0;
    bytes all;
    bool changed = false;
    cairn_status st = read_list(p, key, &list, &len, err);

    bytes_init(&all, 4 * LIST_BYTES);
    for (size_t at = 0; !st && at < len; at += strlen(list + at) + 1) {
        bool gone = false;
        for (size_t i = 0; mounts && i < p->n_roots; i++)
            gone |= !p->mounted[i] && !strcmp(p->roots[i], list + at);
        if (!gone)
            st = bytes_append(&all, list + at, strlen(list + at) + 1);
        changed |= gone;
    }
    for (size_t i = 0; !st && i < p->n_roots; i++) {
        if ((mounts && !p->mounted[i]) || is_listed(all.data, all.len, p->roots[i]))
            continue;
        if (strlen(p->roots[i]) < LIST_BYTES)
            st = bytes_append(&all, p->roots[i], strlen(p->roots[i]) + 1);
        changed = true;
    }
    if (!st && changed) {
        size_t skip = 0;
        while (all.len - skip > LIST_BYTES)
            skip += strlen(all.data + skip) + 1;
        st = batch_meta(p->r->batch, key, all.len ? all.data + skip : "", all.len - skip, err);
    }
    bytes_clear(&all);
    return st;
}

cairn_status plan_remember_roots(plan *p, cairn_error *err)
{
    cairn_status st = remember(p, META_ROOTS, false, err);

    return st ? st : remember(p, META_MOUNTED, true, err);
}

void plan_forget_roots(plan *p)
{
    for (size_t i = 0; i < p->n_roots; i++)
        free(p->roots[i]);
    for (size_t i = 0; i < p->n_kept; i++)
        free(p->kept[i]);
    free(p->roots);
    free(p->kept);
    free(p->mounted);
}
