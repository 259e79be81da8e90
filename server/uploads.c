/* uploads.c - files that come over the network: HOME/uploads/COLLECTION/NAME.
 *
 * A file is written beside its place under a hidden name and renamed when it is whole, so that an
 * index run never sees half a file, and a connection that breaks leaves nothing. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/utf8.h"
#include "server/inside.h"

#define NAME_MAX_BYTES 1024

struct service_upload {
    service *s;
    char collection[SERVICE_NAME_BYTES];
    char *path, *temporary;
    int fd;
    size_t written;
    service_caller owner;
};

/* Parts between slashes: not empty, none that begins with a dot, no control characters. */
static bool good_name(const char *name)
{
    size_t len = strlen(name), part = 0;

    if (!len || len > NAME_MAX_BYTES || !utf8_valid(name, len))
        return false;
    for (size_t i = 0; i <= len; i++) {
        unsigned char c = (unsigned char)name[i];
        if (c == '/' || !c) {
            if (i == part || i - part > 200)
                return false;
            part = i + 1;
        } else if (c < 0x20 || c == 0x7f || (c == '.' && i == part)) {
            return false;
        }
    }
    return true;
}

/* The folders above `path`, from `from` bytes on. */
static cairn_status make_parents(char *path, size_t from, cairn_error *err)
{
    for (char *p = path + from; *p; p++) {
        cairn_status st = CAIRN_OK;
        if (*p != '/')
            continue;
        *p = '\0';
        if (mkdir(path, 0700) && errno != EEXIST)
            st = cairn_fail_errno(err, errno, "make folder %s", path);
        *p = '/';
        if (st)
            return st;
    }
    return CAIRN_OK;
}

void service_upload_abort(service_upload *u)
{
    if (!u)
        return;
    if (u->fd >= 0) {
        close(u->fd);
        unlink(u->temporary);
    }
    free(u->path);
    free(u->temporary);
    free(u);
}

/* A file that its sender could not read would be one that somebody else may. */
static cairn_status check_place(service_upload *u, const service_caller *who, cairn_error *err)
{
    bool allowed = false;
    cairn *c;
    cairn_status st = service_acquire(u->s, who, u->collection, &c, err);

    if (st)
        return st;
    st = cairn_access_allows(c, u->path, &allowed, err);
    service_release(u->s, c);
    if (!st && !allowed)
        st = cairn_fail(err, CAIRN_EUSAGE, "you may not put a file there");
    return st;
}

cairn_status service_check_room(service *s, const char *collection, size_t more, cairn_error *err)
{
    cairn *c;
    cairn_status st = service_acquire(s, NULL, collection, &c, err);

    if (st)
        return st;
    st = cairn_check_room(c, more, err);
    service_release(s, c);
    return st;
}

cairn_status service_upload_begin(service *s, const service_caller *who, const char *collection,
                                  const char *name, service_upload **out, cairn_error *err)
{
    service_upload *u = NULL;
    char id[SERVICE_ID_BYTES];
    cairn *c = NULL;
    cairn_status st;
    int slash;

    *out = NULL;
    if (!good_name(name))
        return cairn_fail(err, CAIRN_EUSAGE,
                          "a file's name has at most %d bytes of UTF-8 and no part that is empty or "
                          "begins with a dot", NAME_MAX_BYTES);
    st = service_acquire(s, NULL, collection, &c, err);
    service_release(s, c);
    if (st)
        return st;
    u = calloc(1, sizeof *u);
    if (!u)
        return cairn_fail(err, CAIRN_ENOMEM, "upload");
    u->s = s;
    u->fd = -1;
    if (who)
        u->owner = *who;
    snprintf(u->collection, sizeof u->collection, "%s",
             collection && *collection ? collection : s->collection);
    service_request_id(id);
    if (asprintf(&u->path, "%s/uploads/%s/%s", s->home, u->collection, name) < 0)
        u->path = NULL;
    slash = u->path ? (int)(strrchr(u->path, '/') - u->path) : 0;
    if (!u->path || asprintf(&u->temporary, "%.*s/.%s.part", slash, u->path, id) < 0) {
        u->temporary = NULL;
        st = cairn_fail(err, CAIRN_ENOMEM, "upload");
    }
    if (!st)
        st = check_place(u, who, err);
    if (!st)
        st = service_check_room(s, u->collection, 0, err);
    if (!st)
        st = service_check_memory(s, err);
    if (!st)
        st = make_parents(u->path, strlen(s->home) + 1, err);
    if (!st && (u->fd = open(u->temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600)) < 0)
        st = cairn_fail_errno(err, errno, "create %s", u->temporary);
    if (st)
        service_upload_abort(u);
    else
        *out = u;
    return st;
}

static cairn_status too_large(const service_upload *u, cairn_error *err)
{
    return cairn_fail(err, CAIRN_ELIMIT, "a file may have %zu bytes at most", u->s->max_upload_bytes);
}

cairn_status service_upload_expect(service_upload *u, uint64_t len, cairn_error *err)
{
    return len > u->s->max_upload_bytes ? too_large(u, err) : CAIRN_OK;
}

cairn_status service_upload_write(service_upload *u, const void *data, size_t len, cairn_error *err)
{
    const char *p = data;

    if (len > u->s->max_upload_bytes - u->written)
        return too_large(u, err);
    u->written += len;
    while (len) {
        ssize_t n = write(u->fd, p, len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return cairn_fail_errno(err, errno, "write %s", u->temporary);
        p += n;
        len -= (size_t)n;
    }
    return CAIRN_OK;
}

cairn_status service_upload_finish(service_upload *u, uint64_t *job, cairn_error *err)
{
    const char *path = u->path;
    cairn_status st = service_check_room(u->s, u->collection, 0, err); /* its bytes lie there already */

    if (!st && (fsync(u->fd) || rename(u->temporary, u->path)))
        st = cairn_fail_errno(err, errno, "keep %s", u->path);
    if (!st) {
        close(u->fd);
        u->fd = -1;
        st = job_queue_add(u->s->jobs, &u->owner, u->collection, "upload", &path, 1, job, err);
    }
    service_upload_abort(u);
    return st;
}
