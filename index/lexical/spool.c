/* spool.c - memory first, then a temporary file without a name. */
#include "index/lexical/spool.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define IN_MEMORY ((size_t)32 << 20)
#define COPY_STEP ((size_t)1 << 20)

/* ---- temporary files ---- */

cairn_status spill_open(int *fd, const char *dir, cairn_error *err)
{
    const char *tmp = getenv("TMPDIR");
    char *path;

    if (tmp && *tmp)
        dir = tmp;
    else if (!dir)
        dir = "/var/tmp";
    *fd = open(dir, O_TMPFILE | O_RDWR | O_EXCL | O_CLOEXEC, 0600);
    if (*fd >= 0)
        return CAIRN_OK;
    /* File systems without O_TMPFILE answer in several ways. */
    if (asprintf(&path, "%s/cairn-spill-XXXXXX", dir) < 0)
        return cairn_fail(err, CAIRN_ENOMEM, "no memory for a path");
    *fd = mkostemp(path, O_CLOEXEC);
    if (*fd >= 0)
        unlink(path);
    free(path);
    return *fd >= 0 ? CAIRN_OK
                    : cairn_fail_errno(err, errno, "create a temporary file in %s", dir);
}

cairn_status spill_write(int fd, const void *data, size_t n, cairn_error *err)
{
    const uint8_t *p = data;

    while (n) {
        ssize_t k = write(fd, p, n);
        if (k < 0 && errno == EINTR)
            continue;
        if (k < 0)
            return cairn_fail_errno(err, errno,
                                    "write a temporary file of the index (free space there, or "
                                    "set TMPDIR to a folder that has it)");
        p += k;
        n -= (size_t)k;
    }
    return CAIRN_OK;
}

cairn_status spill_read(int fd, uint64_t at, void *out, size_t n, cairn_error *err)
{
    uint8_t *p = out;

    while (n) {
        ssize_t k = pread(fd, p, n, (off_t)at);
        if (k < 0 && errno == EINTR)
            continue;
        if (k < 0)
            return cairn_fail_errno(err, errno, "read a temporary file of the index");
        if (k == 0)
            return cairn_fail(err, CAIRN_EIO, "a temporary file of the index is cut short");
        p += k;
        at += (uint64_t)k;
        n -= (size_t)k;
    }
    return CAIRN_OK;
}

/* ---- spools ---- */

void spool_init(spool *s)
{
    *s = (spool){.fd = -1, .memory = IN_MEMORY};
    bytes_init(&s->head, SIZE_MAX / 2);
}

void spool_clear(spool *s)
{
    if (s->fd >= 0)
        close(s->fd);
    bytes_clear(&s->head);
    s->fd = -1;
    s->size = s->filed = 0;
}

void spool_reset(spool *s)
{
    if (s->fd >= 0)
        close(s->fd);
    bytes_reset(&s->head);
    s->fd = -1;
    s->size = s->filed = 0;
}

static cairn_status file_bytes(spool *s, const void *data, size_t n, cairn_error *err)
{
    cairn_status st = s->fd >= 0 ? CAIRN_OK : spill_open(&s->fd, s->dir, err);

    if (!st)
        st = spill_write(s->fd, data, n, err);
    if (!st)
        s->filed += n;
    return st;
}

static cairn_status drain(spool *s, cairn_error *err)
{
    cairn_status st = file_bytes(s, s->head.data, s->head.len, err);
    bytes_reset(&s->head);
    return st;
}

cairn_status spool_write(spool *s, const void *data, size_t n, cairn_error *err)
{
    cairn_status st = CAIRN_OK;

    if (n > s->memory - (s->head.len < s->memory ? s->head.len : s->memory) && s->head.len)
        st = drain(s, err);
    if (st)
        return st;
    s->size += n;
    if (n > s->memory)
        return file_bytes(s, data, n, err);
    st = bytes_append(&s->head, data, n);
    return st ? cairn_fail(err, st, "no memory to spool %zu bytes", n) : CAIRN_OK;
}

static cairn_status copy_file(spool *s, const section_sink *sink, cairn_error *err)
{
    uint8_t *buffer = malloc(COPY_STEP);
    cairn_status st = CAIRN_OK;

    if (!buffer)
        return cairn_fail(err, CAIRN_ENOMEM, "no memory to copy a section");
    for (uint64_t at = 0; at < s->filed && !st;) {
        size_t n = s->filed - at < COPY_STEP ? (size_t)(s->filed - at) : COPY_STEP;
        st = spill_read(s->fd, at, buffer, n, err);
        if (!st)
            st = sink->write(sink->ctx, buffer, n, err);
        at += n;
    }
    free(buffer);
    return st;
}

cairn_status spool_emit(spool *s, const section_sink *sink, const char *name, size_t pad,
                        cairn_error *err)
{
    static const uint8_t zeros[256];
    cairn_status st = sink->begin(sink->ctx, name, err);

    if (!st && s->filed)
        st = copy_file(s, sink, err);
    if (!st && s->head.len)
        st = sink->write(sink->ctx, s->head.data, s->head.len, err);
    if (!st && pad)
        st = sink->write(sink->ctx, zeros, pad, err);
    return st ? st : sink->end(sink->ctx, err);
}
