/* drop.c - a collection taken away with all that is in it.
 *
 * The folder is renamed to a hidden name while the writer's lock is held, which is the moment it is gone;
 * its files are removed after that. A crash in between leaves the hidden folder, which the next drop
 * removes. Searches that run still have their mapped files; their handles are closed when they come
 * back. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/folders.h"
#include "server/inside.h"

#define GONE ".gone-"

/* FOLDER/NAME with all below it; nothing there is fine. */
static cairn_status remove_tree(const char *folder, const char *name, cairn_error *err)
{
    char *path;
    cairn_status st;

    if (asprintf(&path, "%s/%s", folder, name) < 0)
        return cairn_fail(err, CAIRN_ENOMEM, "collection");
    st = folders_remove(path, err);
    free(path);
    return st;
}

static int is_gone(const struct dirent *d)
{
    return !strncmp(d->d_name, GONE, strlen(GONE));
}

static cairn_status sweep(const char *collections, cairn_error *err)
{
    struct dirent **names;
    cairn_status st = CAIRN_OK;
    int n = scandir(collections, &names, is_gone, alphasort);

    if (n < 0)
        return cairn_fail_errno(err, errno, "read %s", collections);
    for (int i = 0; i < n; i++) {
        if (!st)
            st = remove_tree(collections, names[i]->d_name, err);
        free(names[i]);
    }
    free(names);
    return st;
}

/* Under the writer's lock, so that nobody writes into a folder that is gone. */
static cairn_status hide(service *s, const char *collections, const char *name, cairn_error *err)
{
    cairn_options o = service_writer_options(s, name);
    char id[SERVICE_ID_BYTES], *from = NULL, *to = NULL;
    cairn *c = NULL;
    cairn_status st;

    o.must_exist = true;
    o.wait_ns = 0;
    st = cairn_open(&c, &o, err);
    if (st)
        return st;
    service_request_id(id);
    if (asprintf(&from, "%s/%s", collections, name) < 0)
        from = NULL;
    if (asprintf(&to, "%s/" GONE "%s", collections, id) < 0)
        to = NULL;
    if (!from || !to)
        st = cairn_fail(err, CAIRN_ENOMEM, "collection");
    else if (rename(from, to))
        st = cairn_fail_errno(err, errno, "remove %s", from);
    cairn_close(c);
    free(from);
    free(to);
    return st;
}

cairn_status service_drop_collection(service *s, const char *name, cairn_error *err)
{
    char *collections = NULL, *uploads = NULL;
    cairn_status st = service_check_name(name, err);

    if (!st && !strcmp(name, s->collection))
        st = cairn_fail(err, CAIRN_EUSAGE, "%s is the server's default collection and stays", name);
    if (!st && atomic_load(&s->draining))
        st = cairn_fail(err, CAIRN_EBUSY, "the server is shutting down");
    if (st)
        return st;
    if (asprintf(&collections, "%s/collections", s->home) < 0)
        collections = NULL;
    if (asprintf(&uploads, "%s/uploads", s->home) < 0)
        uploads = NULL;
    if (!collections || !uploads)
        st = cairn_fail(err, CAIRN_ENOMEM, "collection");
    if (!st)
        st = hide(s, collections, name, err);
    if (!st) {
        service_forget_handles(s);
        st = sweep(collections, err);
    }
    if (!st)
        st = remove_tree(uploads, name, err);
    free(collections);
    free(uploads);
    return st;
}
