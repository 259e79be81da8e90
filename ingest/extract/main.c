/* main.c - cairn-extract: takes files through a socket, gives blocks back; see ingest/wire.h.
 *
 * Not for people: it is started by extractor.c with its socket as descriptor 3. It loads its
 * libraries, locks itself in (sandbox.c), says hello, and then serves one request after another.
 * A parser that fails says so and the worker lives on; one that crashes takes the worker along,
 * which is what the worker is for. */
#include <errno.h>
#include <locale.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include <libxml/parser.h>
#include <libxml/xmlerror.h>
#include <unicode/uclean.h>
#include <unicode/ucnv.h>
#include <unicode/unorm2.h>

#include "ingest/extract/helper.h"
#include "ingest/extract/mail.h"
#include "ingest/extract/misbehave.h"
#include "ingest/extract/ocr.h"
#include "ingest/extract/ole.h"
#include "ingest/extract/parsers.h"
#include "ingest/extract/picture.h"
#include "ingest/extract/pdf_render.h"
#include "ingest/extract/sandbox.h"
#include "ingest/wire.h"

#define SOCKET_FD 3
#define SEND_AT   ((size_t)64 << 10)

#ifdef CAIRN_SANITIZED
/* The leak check needs to trace its own process, which the cage forbids. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
    return "detect_leaks=0:handle_segv=1:abort_on_error=1";
}
#endif

typedef struct channel {
    bytes out;
    bool broken;
} channel;

static cairn_status send_all(channel *ch)
{
    size_t at = 0;

    while (at < ch->out.len && !ch->broken) {
        ssize_t n = write(SOCKET_FD, ch->out.data + at, ch->out.len - at);
        if (n > 0)
            at += (size_t)n;
        else if (n < 0 && errno != EINTR)
            ch->broken = true;
    }
    bytes_reset(&ch->out);
    return ch->broken ? CAIRN_EIO : CAIRN_OK;
}

static cairn_status sent(channel *ch, cairn_status st, cairn_error *err)
{
    if (!st && ch->out.len >= SEND_AT)
        st = send_all(ch);
    return st ? cairn_fail(err, st, "the answer is too large to send") : CAIRN_OK;
}

static cairn_status send_block(void *ctx, const ingest_block *b, cairn_error *err)
{
    channel *ch = ctx;
    return sent(ch, wire_put_block(&ch->out, b), err);
}

static cairn_status send_text(void *ctx, document_field field, const char *key, const char *value,
                              size_t len, cairn_error *err)
{
    channel *ch = ctx;
    return sent(ch, wire_put_text(&ch->out, field, key, value, len), err);
}

static cairn_status send_number(void *ctx, document_field field, int64_t value, cairn_error *err)
{
    channel *ch = ctx;
    return sent(ch, wire_put_number(&ch->out, field, value), err);
}

static uint32_t deadline_ms; /* of the request in hand */

/* A second lock on the parent's deadline, which runs anew with each member: processor time, because what a
 * busy machine takes from us is not the file's fault. */
static void set_alarm(void)
{
    struct itimerval t = {.it_value = {.tv_sec = deadline_ms / 1000 + 5}};

    setitimer(ITIMER_PROF, &t, NULL);
    ocr_set_time((int64_t)deadline_ms * 7 / 10); /* the page in hand needs time to end */
    helper_set_time(deadline_ms / 10 * 7);
}

static cairn_status send_member(void *ctx, const emit_member_info *m, cairn_error *err)
{
    channel *ch = ctx;
    cairn_status st = wire_put_member(&ch->out, m);

    set_alarm();
    return sent(ch, st ? st : send_all(ch), err); /* told before it may bring us down */
}

static cairn_status send_member_end(void *ctx, cairn_status status, const char *reason,
                                    cairn_error *err)
{
    channel *ch = ctx;

    set_alarm();
    return sent(ch, wire_put_member_end(&ch->out, status, reason), err);
}

/* One frame and its descriptor; what the frame holds lives in buf. False at the end of the stream or of our
 * patience. */
static bool receive_request(char *buf, size_t room, wire_frame *f, int *fd)
{
    size_t have = 0;

    *fd = -1;
    for (;;) {
        union {
            struct cmsghdr align;
            char space[CMSG_SPACE(sizeof(int))];
        } control;
        struct iovec iov = {.iov_base = buf + have, .iov_len = room - have};
        struct msghdr msg = {.msg_iov = &iov,
                             .msg_iovlen = 1,
                             .msg_control = control.space,
                             .msg_controllen = sizeof control.space};
        ssize_t n = recvmsg(SOCKET_FD, &msg, MSG_CMSG_CLOEXEC);
        size_t used;

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        for (struct cmsghdr *cm = CMSG_FIRSTHDR(&msg); cm; cm = CMSG_NXTHDR(&msg, cm))
            if (cm->cmsg_level == SOL_SOCKET && cm->cmsg_type == SCM_RIGHTS && *fd < 0)
                memcpy(fd, CMSG_DATA(cm), sizeof *fd);
        have += (size_t)n;
        if (wire_take(buf, have, f, &used, NULL) || (!used && have == room))
            return false;
        if (used)
            return used == have && *fd >= 0;
    }
}

/* The whole file in memory, read-only; "" when it is empty, NULL when there is no room. */
static const char *map_file(int fd, uint64_t size)
{
    void *map;

    if (!size)
        return "";
    map = size > SIZE_MAX / 8 ? MAP_FAILED : mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);
    return map == MAP_FAILED ? NULL : map;
}

static void unmap_file(const char *map, uint64_t size)
{
    if (map && size)
        munmap((void *)(uintptr_t)map, size);
}

static void serve(channel *ch, const wire_request *r, int fd)
{
    block_sink sink = {.ctx = ch, .block = send_block, .text = send_text, .number = send_number,
                       .member = send_member, .member_end = send_member_end};
    parse_input in = {.name = r->name};
    emitter e;

    emitter_init(&e, &sink, r->max_text > SIZE_MAX / 8 ? SIZE_MAX / 8 : (size_t)r->max_text);
    deadline_ms = r->deadline_ms;
    set_alarm();
    in.data = map_file(fd, r->file_size);
    in.len = (size_t)r->file_size;
    if (!in.data)
        emit_fail(&e, CAIRN_ELIMIT, "does not fit the memory a parser may use");
    if (!e.status && !misbehave(&e, &in))
        parse_any(&e, &in);
    if (!e.status)
        emit_finish(&e);
    setitimer(ITIMER_PROF, &(struct itimerval){0}, NULL);
    bytes_reserve(&ch->out, 1024);
    if (e.status)
        wire_put_fail(&ch->out, e.status, e.error.text);
    else
        wire_put_done(&ch->out, e.n_blocks);
    send_all(ch);
    unmap_file(in.data, r->file_size);
    emitter_clear(&e);
}

static void serve_page(channel *ch, const wire_render *r, int fd)
{
    parse_input in = {.name = "", .data = map_file(fd, r->file_size), .len = (size_t)r->file_size};
    page_image image = {0};
    cairn_error err = {0};
    cairn_status st;

    deadline_ms = r->deadline_ms;
    set_alarm();
    st = in.data ? pdf_render(&in, &r->page, &image, &err)
                 : cairn_fail(&err, CAIRN_ELIMIT, "does not fit the memory a parser may use");
    setitimer(ITIMER_PROF, &(struct itimerval){0}, NULL);
    if (!st && (st = wire_put_image(&ch->out, &image)))
        cairn_fail(&err, st, "the page is too large as an image");
    if (st)
        wire_put_fail(&ch->out, st, err.text);
    send_all(ch);
    page_image_clear(&image);
    unmap_file(in.data, r->file_size);
}

/* What the frame asks for. False: nothing that we know. */
static bool serve_frame(channel *ch, const wire_frame *f, int fd)
{
    uint64_t size;

    if (f->type == WIRE_RENDER) {
        wire_render r;
        if (wire_get_render(f, &r, NULL))
            return false;
        serve_page(ch, &r, fd);
        size = r.file_size;
    } else {
        wire_request r;
        if (wire_get_request(f, &r, NULL))
            return false;
        serve(ch, &r, fd);
        size = r.file_size;
    }
    if (size > (4 << 20) || f->type == WIRE_RENDER) /* much memory goes back */
        malloc_trim((size_t)16 << 20);
    return true;
}

static void no_xml_errors(void *ctx, const char *fmt, ...)
{
    (void)ctx;
    (void)fmt;
}

static void warm_up(void)
{
    UErrorCode err = U_ZERO_ERROR;

    /* Keep memory between files: fresh pages cost more than most texts. */
    mallopt(M_MMAP_THRESHOLD, 32 << 20);
    mallopt(M_TRIM_THRESHOLD, 64 << 20);
    setlocale(LC_ALL, "C.UTF-8");
    tzset();
    u_init(&err);
    unorm2_getNFCInstance(&err);
    ucnv_close(ucnv_open("windows-1252", &err));
    xmlInitParser();
    xmlSetGenericErrorFunc(NULL, no_xml_errors);
    detect_warm_up();
    mail_warm_up();
    ole_warm_up();
    picture_warm_up();
}

static bool is_socket(int fd)
{
    int type;
    socklen_t len = sizeof type;
    return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) == 0 && type == SOCK_STREAM;
}

int main(int argc, char **argv)
{
    wire_hello hello = {.version = WIRE_VERSION};
    channel ch = {.broken = false};
    static char buf[WIRE_MAX_REQUEST];
    wire_frame f;
    int fd;

    if (argc < 2 || argc > 4 || !is_socket(SOCKET_FD)) {
        fprintf(stderr, "cairn-extract is started by cairn and has no use by itself\n");
        return 2;
    }
    signal(SIGXFSZ, SIG_IGN); /* a library's message to a file fails, and that is all */
    signal(SIGPIPE, SIG_IGN); /* who does not listen is noticed by the error */
    if (is_socket(HELPER_FD))
        helper_connect(HELPER_FD);
    syscall(SYS_close_range, HELPER_FD + 1, ~0u, 0);
    bytes_init(&ch.out, WIRE_MAX_PAYLOAD * 2);
    warm_up();
    if (argc > 2)
        ocr_load(argv[2], argc > 3);
    sandbox_enter(strtoull(argv[1], NULL, 10), &hello);
    wire_put_hello(&ch.out, &hello);
    send_all(&ch);
    while (!ch.broken && receive_request(buf, sizeof buf, &f, &fd)) {
        bool known = serve_frame(&ch, &f, fd);
        close(fd);
        if (!known || helper_is_lost())
            break;
    }
    bytes_clear(&ch.out);
    _exit(0);
}
