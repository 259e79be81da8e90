/* spool.c - memory first, then a file in TMPDIR (or /var/tmp) that has no name. */
#include "index/lexical/spool.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define IN_MEMORY ((size_t)32 << 20)

void spool_init(spool *s)
{
    *s = (spool){0};
    bytes_init(&s->head, IN_MEMORY * 2);
}

void spool_clear(spool *s)
{
    if (s->file)
        fclose(s->file);
    bytes_clear(&s->head);
    s->file = NULL;
    s->size = 0;
}

static cairn_status open_file(spool *s, cairn_error *err)
{
    const char *dir = getenv("TMPDIR");
    char path[512];
    int fd;

    if (!dir || !*dir || strlen(dir) > 400)
        dir = "/var/tmp";
    snprintf(path, sizeof path, "%s/cairn-spool-XXXXXX", dir);
    fd = mkstemp(path);
    if (fd < 0)
        return cairn_fail_errno(err, errno, "create a temporary file in %s", dir);
    unlink(path);
    s->file = fdopen(fd, "w+b");
    if (!s->file) {
        close(fd);
        return cairn_fail_errno(err, errno, "open a temporary file in %s", dir);
    }
    return CAIRN_OK;
}

static cairn_status drain(spool *s, cairn_error *err)
{
    cairn_status st = s->file ? CAIRN_OK : open_file(s, err);
    if (!st && s->head.len && fwrite(s->head.data, 1, s->head.len, s->file) != s->head.len)
        st = cairn_fail_errno(err, errno, "write a temporary file");
    bytes_reset(&s->head);
    return st;
}

cairn_status spool_write(spool *s, const void *data, size_t n, cairn_error *err)
{
    cairn_status st = CAIRN_OK;

    if (s->head.len + n > IN_MEMORY && (s->head.len || n > IN_MEMORY))
        st = drain(s, err);
    if (st)
        return st;
    s->size += n;
    if (n > IN_MEMORY) {
        if (fwrite(data, 1, n, s->file) != n)
            return cairn_fail_errno(err, errno, "write a temporary file");
        return CAIRN_OK;
    }
    st = bytes_append(&s->head, data, n);
    return st ? cairn_fail(err, st, "no memory to spool %zu bytes", n) : CAIRN_OK;
}

static cairn_status copy_file(spool *s, const section_sink *sink, cairn_error *err)
{
    static const size_t step = 1 << 20;
    char *buffer;
    size_t got;
    cairn_status st = drain(s, err);

    if (st)
        return st;
    buffer = malloc(step);
    if (!buffer)
        return cairn_fail(err, CAIRN_ENOMEM, "no memory to copy a section");
    rewind(s->file);
    while (!st && (got = fread(buffer, 1, step, s->file)) > 0)
        st = sink->write(sink->ctx, buffer, got, err);
    if (!st && ferror(s->file))
        st = cairn_fail_errno(err, errno, "read a temporary file");
    free(buffer);
    return st;
}

cairn_status spool_emit(spool *s, const section_sink *sink, const char *name, size_t pad,
                        cairn_error *err)
{
    static const uint8_t zeros[256];
    cairn_status st = sink->begin(sink->ctx, name, err);

    if (!st && s->file)
        st = copy_file(s, sink, err);
    else if (!st && s->head.len)
        st = sink->write(sink->ctx, s->head.data, s->head.len, err);
    if (!st && pad)
        st = sink->write(sink->ctx, zeros, pad, err);
    return st ? st : sink->end(sink->ctx, err);
}
