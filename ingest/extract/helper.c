/* helper.c - see helper.h. What comes back was written by a program that read a hostile file: its size is
 * bounded here, its content is the parser's business. */
#include "ingest/extract/helper.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int helper_fd = -1;
static uint32_t limit_ms = 30000;
static bool lost;

void helper_connect(int fd)
{
    helper_fd = fd;
}

bool helper_is_lost(void)
{
    return lost;
}

void helper_set_time(uint32_t ms)
{
    limit_ms = ms;
}

static bool write_all(const void *from, size_t n)
{
    for (size_t at = 0; at < n;) {
        ssize_t put = write(helper_fd, (const char *)from + at, n - at);
        if (put > 0)
            at += (size_t)put;
        else if (put < 0 && errno != EINTR)
            return false;
    }
    return true;
}

static bool read_all(void *to, size_t n)
{
    for (size_t at = 0; at < n;) {
        ssize_t got = read(helper_fd, (char *)to + at, n - at);
        if (got > 0)
            at += (size_t)got;
        else if (got == 0 || errno != EINTR)
            return false;
    }
    return true;
}

static void take_extension(char out[16], const char *name)
{
    const char *dot = strrchr(name, '.');
    size_t n = 0;

    for (dot = dot ? dot + 1 : name; *dot && n < 15; dot++)
        if ((isalnum((unsigned char)*dot) && (unsigned char)*dot < 0x80) || *dot == '+' || *dot == '_')
            out[n++] = *dot;
    out[n] = 0;
}

/* One request and its answer. False: the other side is gone or broke the rules. */
static bool ask(const convert_request *r, const char *data, bytes *out, convert_answer *a)
{
    if (!write_all(r, sizeof *r) || !write_all(data, r->size) || !read_all(a, sizeof *a) ||
        a->magic != CONVERT_MAGIC || a->status > CONVERT_LIMIT ||
        a->size > CONVERT_MAX_OUTPUT + (1u << 20) || !memchr(a->program, 0, sizeof a->program) ||
        bytes_reserve(out, a->size + 1) || !read_all(out->data, a->size))
        return false;
    out->len = a->size;
    out->data[out->len] = 0;
    return true;
}

convert_status helper_run(helper_task task, const char *name, const char *data, size_t len,
                          bytes *out, char *program)
{
    convert_request r = {
        .magic = CONVERT_MAGIC, .task = task, .limit_ms = limit_ms, .size = len};
    convert_answer a = {0};

    bytes_reset(out);
    if (program)
        *program = 0;
    if (helper_fd < 0)
        return CONVERT_MISSING;
    if (len > CONVERT_MAX_INPUT)
        return CONVERT_LIMIT;
    take_extension(r.extension, name);
    if (!ask(&r, data, out, &a)) {
        close(helper_fd);
        helper_fd = -1;
        lost = true;
        return CONVERT_GONE;
    }
    if (program)
        memcpy(program, a.program, sizeof a.program);
    return (convert_status)a.status;
}

cairn_status helper_fail(emitter *e, helper_task task, convert_status st, const char *mime)
{
    switch (st) {
    case CONVERT_MISSING:
        return emit_fail(e, CAIRN_EUNSUPPORTED, "%s: no converter for it is installed (apt install %s)", mime,
                         helper_cure(task));
    case CONVERT_TIME:
        return emit_fail(e, CAIRN_ELIMIT, "%s: its converter took longer than a file may take", mime);
    case CONVERT_LIMIT:
        return emit_fail(e, CAIRN_ELIMIT, "%s: larger, or with more text, than a converter may take",
                         mime);
    case CONVERT_GONE:
        return emit_fail(e, CAIRN_EINPUT, "its converter was stopped from outside; index it again");
    default:
        return emit_fail(e, CAIRN_EINPUT, "broken: no converter can read it as %s", mime);
    }
}
