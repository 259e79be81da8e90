/* extractor.c - the parent's side of extraction: one worker, one file at a time, one deadline.
 *
 * The worker is started by posix_spawn (no fork of a process with threads and maps) with its socket
 * as descriptor 3 and /dev/null as the other three. A request goes out with the file's descriptor;
 * frames come back until DONE or FAIL. Anything else - end of stream, a broken frame, the deadline
 * - ends the worker, and the next file starts another.
 *
 * A worker is replaced after WORKER_MAX_FILES files or WORKER_MAX_CPU_NS of its own time, so that
 * small leaks of the parsers never add up and the resource limit on CPU (see sandbox.c) is never
 * met by honest work. */
#include "ingest/extractor.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <xxhash.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/utf8.h"
#include "ingest/build.h"
#include "ingest/plain.h"
#include "ingest/wire.h"

#define DEFAULT_DEADLINE_MS 60000
#define DEFAULT_MAX_TEXT    ((size_t)64 << 20)
#define DEFAULT_MAX_MEMORY  ((size_t)2 << 30)
#define START_DEADLINE_MS   30000
#define MEMBERS_DEADLINE    20 /* times that of a file, for a file with many inside */
#define POLL_MS             100 /* how fast a cancel is seen */
#define WORKER_MAX_FILES    2000
#define WORKER_MAX_CPU_NS   ((int64_t)240 * 1000000000)
#define READ_CHUNK          ((size_t)256 << 10)

struct extractor {
    char *program, *ocr; /* ocr: "" = off */
    bool ocr_images;
    int64_t deadline_ms;
    size_t max_text, max_memory;
    const atomic_bool *cancel;
    pid_t pid; /* 0 = no worker */
    pid_t convert; /* its cairn-convert; 0 = none */
    int sock;
    clockid_t cpu_clock;
    unsigned files;
    wire_hello hello;
    bytes in; /* received, not yet taken from in_at on */
    size_t in_at;
    uint32_t started, killed;
    int64_t delay_ns; /* that the worker had waited for a processor when its time began */
    bool lost; /* the worker was killed, not by us, before it said a word about this file */
};

/* ---- finding and starting the worker ---- */

static char *try_program(const char *dir, const char *rest)
{
    char *path = NULL;

    if (asprintf(&path, "%s%s", dir, rest) < 0)
        return NULL;
    if (!access(path, X_OK))
        return path;
    free(path);
    return NULL;
}

static cairn_status find_program(char **out, const char *named, cairn_error *err)
{
    static const char *const places[] = {
        "/cairn-extract",
        "/../libexec/cairn/cairn-extract",
        "/../ingest/cairn-extract",
    };
    const char *env = getenv("CAIRN_EXTRACT");
    char self[PATH_MAX];
    ssize_t n;

    if (!named && env && *env)
        named = env;
    if (named) {
        *out = try_program(named, "");
        return *out ? CAIRN_OK
                    : cairn_fail(err, CAIRN_EIO, "the extractor program %s cannot be run: %s",
                                 named, strerror(errno));
    }
    n = readlink("/proc/self/exe", self, sizeof self - 1);
    if (n > 0) {
        self[n] = 0;
        *strrchr(self, '/') = 0;
        for (size_t i = 0; i < sizeof places / sizeof *places; i++)
            if ((*out = try_program(self, places[i])) != NULL)
                return CAIRN_OK;
    }
    return cairn_fail(err, CAIRN_EIO,
                      "cairn-extract was not found in %s, %s/../libexec/cairn or %s/../ingest; "
                      "set CAIRN_EXTRACT to its path",
                      n > 0 ? self : "?", n > 0 ? self : "?", n > 0 ? self : "?");
}

cairn_status extractor_create(extractor **out, const extractor_options *options, cairn_error *err)
{
    static const extractor_options none;
    extractor *ex = calloc(1, sizeof *ex);
    cairn_status st;

    *out = NULL;
    if (!ex)
        return cairn_fail(err, CAIRN_ENOMEM, "an extractor");
    if (!options)
        options = &none;
    ex->sock = -1;
    ex->deadline_ms = options->deadline_ms > 0 ? options->deadline_ms : DEFAULT_DEADLINE_MS;
    if (ex->deadline_ms > INT32_MAX)
        ex->deadline_ms = INT32_MAX;
    ex->max_text = options->max_text ? options->max_text : DEFAULT_MAX_TEXT;
    ex->max_memory = options->max_memory ? options->max_memory : DEFAULT_MAX_MEMORY;
    ex->cancel = options->cancel;
    ex->ocr = strdup(options->ocr ? options->ocr : "");
    ex->ocr_images = options->ocr_images;
    bytes_init(&ex->in, WIRE_MAX_PAYLOAD + WIRE_HEADER + READ_CHUNK);
    st = ex->ocr ? find_program(&ex->program, options->program, err)
                 : cairn_fail(err, CAIRN_ENOMEM, "an extractor");
    if (st) {
        extractor_destroy(ex);
        return st;
    }
    *out = ex;
    return CAIRN_OK;
}

/* The worker has ended, so its cairn-convert ends. */
static void reap_convert(extractor *ex)
{
    int status;

    if (ex->convert)
        while (waitpid(ex->convert, &status, 0) < 0 && errno == EINTR)
            ;
    ex->convert = 0;
}

/* End the worker and say how it ended (*status as waitpid, *peak resident bytes). */
static void end_worker(extractor *ex, bool kill_it, int *status, size_t *peak)
{
    struct rusage use = {0};

    *status = 0;
    if (peak)
        *peak = 0;
    if (!ex->pid)
        return;
    if (kill_it) {
        kill(ex->pid, SIGKILL);
        ex->killed++;
    }
    close(ex->sock); /* an idle worker ends by itself at this */
    while (wait4(ex->pid, status, 0, &use) < 0 && errno == EINTR)
        ;
    if (peak)
        *peak = (size_t)use.ru_maxrss << 10;
    reap_convert(ex);
    ex->pid = 0;
    ex->sock = -1;
    bytes_reset(&ex->in);
    ex->in_at = 0;
}

void extractor_destroy(extractor *ex)
{
    int status;

    if (!ex)
        return;
    end_worker(ex, false, &status, NULL);
    bytes_clear(&ex->in);
    free(ex->program);
    free(ex->ocr);
    free(ex);
}

/* Start a program of ours with these sockets (-1: none) as its descriptors 3 and 4. */
static int spawn(pid_t *pid, const char *program, char *const argv[], int third, int fourth)
{
    /* Nothing of our environment is passed on. */
    char *envp[] = {(char *)"PATH=/usr/bin:/bin", (char *)"LC_ALL=C.UTF-8",
                    (char *)"HOME=/nonexistent", (char *)"OMP_THREAD_LIMIT=1", NULL};
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attr;
    sigset_t set;
    int rc;

    rc = posix_spawn_file_actions_init(&actions);
    if (rc)
        return rc;
    rc = posix_spawnattr_init(&attr);
    if (rc) {
        posix_spawn_file_actions_destroy(&actions);
        return rc;
    }
    /* Signals as at birth; its own group, so that Ctrl-C reaches the parent alone. */
    sigemptyset(&set);
    posix_spawnattr_setsigmask(&attr, &set);
    sigfillset(&set);
    posix_spawnattr_setsigdefault(&attr, &set);
    posix_spawnattr_setpgroup(&attr, 0);
    posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF |
                                        POSIX_SPAWN_SETPGROUP);
    rc = posix_spawn_file_actions_adddup2(&actions, third, 3);
    if (!rc && fourth >= 0)
        rc = posix_spawn_file_actions_adddup2(&actions, fourth, 4);
    for (int fd = 0; fd < 3 && !rc; fd++)
        if (fd != STDERR_FILENO || !getenv("CAIRN_EXTRACT_STDERR"))
            rc = posix_spawn_file_actions_addopen(&actions, fd, "/dev/null", O_RDWR, 0);
    if (!rc)
        rc = posix_spawn(pid, program, &actions, &attr, argv, envp);
    posix_spawnattr_destroy(&attr);
    posix_spawn_file_actions_destroy(&actions);
    if (rc)
        *pid = 0;
    return rc;
}

/* Two ends of a socket, both above the numbers that spawn gives out: dup2 onto itself would leave
 * close-on-exec set, and one end must not be written over by the other. */
static int socket_pair(int pair[2])
{
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair))
        return errno;
    for (int i = 0; i < 2; i++)
        if (pair[i] < 5) {
            int moved = fcntl(pair[i], F_DUPFD_CLOEXEC, 5), rc = errno;
            close(pair[i]);
            pair[i] = moved;
            if (moved < 0) {
                close(pair[!i]);
                return rc;
            }
        }
    return 0;
}

/* The worker's cairn-convert, beside it; without one, old office documents have no reader. Gives the worker's
 * end of their socket, or -1. */
static int spawn_convert(extractor *ex)
{
    char *argv[] = {(char *)"cairn-convert", NULL}, *program = NULL;
    int pair[2], n = (int)(strrchr(ex->program, '/') ? strrchr(ex->program, '/') - ex->program + 1 : 0);

    if (asprintf(&program, "%.*scairn-convert", n, ex->program) < 0)
        return -1;
    if (access(program, X_OK) || socket_pair(pair)) {
        free(program);
        return -1;
    }
    if (spawn(&ex->convert, program, argv, pair[1], -1)) {
        close(pair[0]);
        pair[0] = -1;
    }
    close(pair[1]);
    free(program);
    return pair[0];
}

static int spawn_worker(extractor *ex, int sock)
{
    char memory[32], *argv[] = {(char *)"cairn-extract", memory, *ex->ocr ? ex->ocr : NULL,
                                ex->ocr_images ? (char *)"images" : NULL, NULL};
    int convert = spawn_convert(ex), rc;

    snprintf(memory, sizeof memory, "%zu", ex->max_memory);
    rc = spawn(&ex->pid, ex->program, argv, sock, convert);
    if (convert >= 0)
        close(convert); /* the worker's alone: its end is the other's end */
    if (rc)
        reap_convert(ex);
    return rc;
}

/* ---- talking ---- */

static bool cancelled(const extractor *ex)
{
    return ex->cancel && atomic_load_explicit(ex->cancel, memory_order_relaxed);
}

/* Nanoseconds that the worker was ready to run and other processes ran instead (proc(5), schedstat). Time
 * that a busy machine, or our own low priority, took from it is not held against a file. */
static int64_t waited_ns(const extractor *ex)
{
    char path[64];
    long long ran, waited;
    FILE *f;
    bool known;

    snprintf(path, sizeof path, "/proc/%d/schedstat", (int)ex->pid);
    f = fopen(path, "re");
    if (!f)
        return 0;
    known = fscanf(f, "%lld %lld", &ran, &waited) == 2;
    fclose(f);
    return known ? waited : 0;
}

/* Wait until the socket is ready for `events`. CAIRN_ELIMIT at the deadline. */
static cairn_status wait_for(extractor *ex, short events, int64_t deadline_ns, cairn_error *err)
{
    for (;;) {
        struct pollfd p = {.fd = ex->sock, .events = events};
        int64_t left_ms = (deadline_ns - clock_mono_ns() + 999999) / 1000000;
        int rc;

        if (cancelled(ex))
            return cairn_fail(err, CAIRN_ECANCELLED, "cancelled");
        if (left_ms <= 0) {
            int64_t given = waited_ns(ex) - ex->delay_ns;
            if (given > MEMBERS_DEADLINE * ex->deadline_ms * 1000000)
                given = MEMBERS_DEADLINE * ex->deadline_ms * 1000000;
            left_ms = (deadline_ns + given - clock_mono_ns()) / 1000000;
        }
        if (left_ms <= 0)
            return cairn_fail(err, CAIRN_ELIMIT, "took longer than the %lld ms a file may take",
                              (long long)ex->deadline_ms);
        rc = poll(&p, 1, left_ms < POLL_MS ? (int)left_ms : POLL_MS);
        if (rc > 0)
            return CAIRN_OK;
        if (rc < 0 && errno != EINTR)
            return cairn_fail_errno(err, errno, "waiting for the extractor");
    }
}

/* The next frame; it lives until the next call. End of stream is CAIRN_EIO. */
static cairn_status receive(extractor *ex, wire_frame *f, int64_t deadline_ns, cairn_error *err)
{
    for (;;) {
        size_t used;
        ssize_t n;
        cairn_status st = wire_take(ex->in.data ? ex->in.data + ex->in_at : "",
                                    ex->in.len - ex->in_at, f, &used, err);
        if (st)
            return st;
        if (used) {
            ex->in_at += used;
            return CAIRN_OK;
        }
        if (ex->in_at) {
            memmove(ex->in.data, ex->in.data + ex->in_at, ex->in.len - ex->in_at);
            ex->in.len -= ex->in_at;
            ex->in_at = 0;
        }
        st = bytes_reserve(&ex->in, READ_CHUNK);
        if (st)
            return cairn_fail(err, st, "no room for what the extractor says");
        st = wait_for(ex, POLLIN, deadline_ns, err);
        if (st)
            return st;
        n = recv(ex->sock, ex->in.data + ex->in.len, READ_CHUNK, MSG_DONTWAIT);
        if (n > 0)
            ex->in.len += (size_t)n;
        else if (n == 0 || errno == ECONNRESET)
            return cairn_fail(err, CAIRN_EIO, "the extractor ended");
        else if (errno != EINTR && errno != EAGAIN)
            return cairn_fail_errno(err, errno, "reading from the extractor");
    }
}

/* A frame, with a descriptor beside its first bytes. */
static cairn_status send_frame(extractor *ex, const bytes *out, int fd, int64_t deadline_ns,
                               cairn_error *err)
{
    union {
        struct cmsghdr align;
        char buf[CMSG_SPACE(sizeof(int))];
    } control;
    struct iovec iov;
    struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
    struct cmsghdr *cm;
    size_t at = 0;
    cairn_status st = CAIRN_OK;

    memset(&control, 0, sizeof control);
    msg.msg_control = control.buf;
    msg.msg_controllen = sizeof control.buf;
    cm = CMSG_FIRSTHDR(&msg);
    cm->cmsg_level = SOL_SOCKET;
    cm->cmsg_type = SCM_RIGHTS;
    cm->cmsg_len = CMSG_LEN(sizeof fd);
    memcpy(CMSG_DATA(cm), &fd, sizeof fd);
    while (!st && at < out->len) {
        ssize_t n;

        iov.iov_base = out->data + at;
        iov.iov_len = out->len - at;
        n = sendmsg(ex->sock, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n > 0) {
            at += (size_t)n;
            msg.msg_control = NULL; /* the descriptor went with the first bytes */
            msg.msg_controllen = 0;
        } else if (errno == EAGAIN) {
            st = wait_for(ex, POLLOUT, deadline_ns, err);
        } else if (errno != EINTR) {
            st = cairn_fail(err, CAIRN_EIO, "asking the extractor: %s", strerror(errno));
        }
    }
    return st;
}

static cairn_status send_request(extractor *ex, const wire_request *r, int fd, int64_t deadline_ns,
                                 cairn_error *err)
{
    bytes out;
    cairn_status st;

    bytes_init(&out, WIRE_MAX_REQUEST);
    st = wire_put_request(&out, r);
    if (!st)
        st = send_frame(ex, &out, fd, deadline_ns, err);
    bytes_clear(&out);
    return st;
}

static cairn_status start_worker(extractor *ex, cairn_error *err)
{
    int pair[2], rc, status;
    wire_frame f;
    cairn_status st;

    rc = socket_pair(pair);
    if (rc)
        return cairn_fail(err, CAIRN_EIO, "a socket pair for the extractor: %s", strerror(rc));
    rc = spawn_worker(ex, pair[1]);
    close(pair[1]);
    if (rc) {
        close(pair[0]);
        return cairn_fail(err, CAIRN_EIO, "starting %s: %s", ex->program, strerror(rc));
    }
    ex->sock = pair[0];
    ex->files = 0;
    ex->started++;
    ex->delay_ns = 0;
    if (clock_getcpuclockid(ex->pid, &ex->cpu_clock))
        ex->cpu_clock = -1;
    st = receive(ex, &f, clock_mono_ns() + (int64_t)START_DEADLINE_MS * 1000000, err);
    if (!st)
        st = wire_get_hello(&f, &ex->hello, err);
    if (!st && ex->hello.version != WIRE_VERSION)
        st = cairn_fail(err, CAIRN_EIO, "it speaks version %u, this program version %d",
                        ex->hello.version, WIRE_VERSION);
    if (st) {
        end_worker(ex, true, &status, NULL);
        cairn_error_prefix(err, "starting %s", ex->program);
        if (st == CAIRN_ECANCELLED)
            return st;
        if (err)
            err->code = CAIRN_EIO;
        return CAIRN_EIO;
    }
    if (ex->started == 1 && (!ex->hello.seccomp || !ex->hello.landlock_abi))
        log_write(LOG_LEVEL_WARN, "ingest",
                  "extractor runs with less protection: seccomp %s, Landlock %s",
                  ex->hello.seccomp ? "on" : "missing", ex->hello.landlock_abi ? "on" : "missing");
    return CAIRN_OK;
}

static int64_t worker_cpu_ns(const extractor *ex)
{
    struct timespec ts;

    if (ex->cpu_clock == (clockid_t)-1 || clock_gettime(ex->cpu_clock, &ts))
        return 0;
    return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

static cairn_status ready_worker(extractor *ex, cairn_error *err)
{
    int status;

    if (ex->pid && waitpid(ex->pid, &status, WNOHANG) == ex->pid) { /* it died while idle */
        close(ex->sock);
        reap_convert(ex);
        ex->sock = -1;
        ex->pid = 0;
        bytes_reset(&ex->in);
        ex->in_at = 0;
    }
    if (ex->pid && (ex->files >= WORKER_MAX_FILES || worker_cpu_ns(ex) > WORKER_MAX_CPU_NS))
        end_worker(ex, false, &status, NULL);
    return ex->pid ? CAIRN_OK : start_worker(ex, err);
}

cairn_status extractor_describe(extractor *ex, extractor_cage *out, cairn_error *err)
{
    cairn_status st = ready_worker(ex, err);

    if (st)
        return st;
    *out = (extractor_cage){.seccomp = ex->hello.seccomp,
                            .landlock_abi = ex->hello.landlock_abi,
                            .limits = ex->hello.limits,
                            .workers_started = ex->started,
                            .workers_killed = ex->killed};
    return CAIRN_OK;
}

/* ---- one file ---- */

static cairn_status hash_fd(int fd, uint8_t hash[16], uint64_t *size, cairn_error *err)
{
    XXH3_state_t *state = XXH3_createState();
    XXH128_canonical_t canon;
    char *buf = malloc(READ_CHUNK);
    cairn_status st = CAIRN_OK;
    uint64_t at = 0;

    if (!state || !buf) {
        st = cairn_fail(err, CAIRN_ENOMEM, "hashing");
        goto done;
    }
    XXH3_128bits_reset(state);
    for (;;) {
        ssize_t n = pread(fd, buf, READ_CHUNK, (off_t)at);
        if (n == 0)
            break;
        if (n < 0) {
            if (errno == EINTR)
                continue;
            st = cairn_fail(err, CAIRN_EINPUT, "cannot be read: %s", strerror(errno));
            goto done;
        }
        XXH3_128bits_update(state, buf, (size_t)n);
        at += (uint64_t)n;
    }
    XXH128_canonicalFromHash(&canon, XXH3_128bits_digest(state));
    memcpy(hash, canon.digest, 16);
    *size = at;
done:
    XXH3_freeState(state);
    free(buf);
    return st;
}

/* O_NONBLOCK: a named pipe must not hang the open. */
static cairn_status open_regular(const char *path, int *out, struct stat *sb, cairn_error *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

    *out = -1;
    if (fd < 0)
        return cairn_fail(err, errno == ENOENT ? CAIRN_ENOTFOUND : CAIRN_EINPUT, "%s",
                          errno == ENOENT ? "vanished: no such file" : strerror(errno));
    if (fstat(fd, sb) || !S_ISREG(sb->st_mode)) {
        close(fd);
        return cairn_fail(err, CAIRN_EUNSUPPORTED, "not a regular file");
    }
    *out = fd;
    return CAIRN_OK;
}

cairn_status ingest_hash_file(const char *path, uint8_t hash[16], cairn_error *err)
{
    struct stat sb;
    uint64_t size;
    int fd;
    cairn_status st = open_regular(path, &fd, &sb, err);

    if (!st)
        st = hash_fd(fd, hash, &size, err);
    if (fd >= 0)
        close(fd);
    return st;
}

/* The worker is gone without an answer: find out why and say so. */
static cairn_status explain_end(extractor *ex, cairn_error *err)
{
    int status;
    size_t peak;

    bool silent = ex->in.len == 0 && ex->lost;

    end_worker(ex, false, &status, &peak);
    /* Killed from outside, or at its end by itself, before it took this file. */
    ex->lost = silent && ((WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) ||
                          (WIFEXITED(status) && !WEXITSTATUS(status)));
    ex->killed++;
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS)
        return cairn_fail(err, CAIRN_EINPUT,
                          "its parser was stopped: it asked the system for something forbidden");
    if (WIFSIGNALED(status) && (WTERMSIG(status) == SIGXCPU || WTERMSIG(status) == SIGPROF))
        return cairn_fail(err, CAIRN_ELIMIT, "took longer than the %lld ms a file may take",
                          (long long)ex->deadline_ms);
    if (peak >= ex->max_memory / 4 * 3)
        return cairn_fail(err, CAIRN_ELIMIT, "its parser needed more than %zu MiB of memory",
                          ex->max_memory >> 20);
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGBUS)
        return cairn_fail(err, CAIRN_EINPUT, "changed while it was read");
    if (WIFSIGNALED(status))
        return cairn_fail(err, CAIRN_EINPUT, "broken: its parser crashed (%s)",
                          strsignal(WTERMSIG(status)));
    return cairn_fail(err, CAIRN_EINPUT, "broken: its parser gave up (exit code %d)",
                      WEXITSTATUS(status));
}

/* Read the answer to a request into the builder. */
static cairn_status read_answer(extractor *ex, document_builder *b, int64_t deadline_ns,
                                cairn_error *err)
{
    block_sink sink = builder_sink(b);
    uint64_t blocks = 0;
    wire_state state = WIRE_MORE;
    int status;
    int64_t last_ns = clock_mono_ns() + MEMBERS_DEADLINE * ex->deadline_ms * 1000000;
    cairn_status st;

    for (;;) {
        wire_frame f;

        st = receive(ex, &f, deadline_ns, err);
        if (st == CAIRN_EIO)
            st = explain_end(ex, err);
        else if (!st) {
            ex->lost = false;
            st = wire_answer(&f, &sink, &blocks, &state, err);
            if (f.type == WIRE_MEMBER || f.type == WIRE_MEMBER_END) { /* each has time of its own */
                deadline_ns = clock_mono_ns() + ex->deadline_ms * 1000000;
                ex->delay_ns = waited_ns(ex);
            }
            if (deadline_ns > last_ns)
                deadline_ns = last_ns;
        }
        if (st || state == WIRE_FINISHED)
            break;
    }
    /* FAIL leaves a healthy worker. Any other failure in the middle of an answer does not. */
    if (st && state != WIRE_FINISHED)
        end_worker(ex, true, &status, NULL);
    else if (st == CAIRN_ELIMIT || st == CAIRN_ENOMEM)
        end_worker(ex, false, &status, NULL); /* its peak must not be held against the next file */
    return st;
}

const char *ingest_title_from_path(arena *a, const char *path)
{
    const char *name = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
    const char *dot = strrchr(name, '.');
    size_t len = dot && dot > name ? (size_t)(dot - name) : strlen(name);
    bytes clean;
    const char *title = NULL;

    bytes_init(&clean, SIZE_MAX / 4);
    if (emit_clean_text(&clean, name, len) == CAIRN_OK) {
        for (size_t i = 0; i < clean.len; i++)
            if (clean.data[i] == '\n' || clean.data[i] == '\t')
                clean.data[i] = ' ';
        title = arena_strndup(a, clean.data ? clean.data : "", clean.len);
    }
    bytes_clear(&clean);
    return title;
}

static cairn_status need_title(ingest_document *doc, const char *path, cairn_error *err)
{
    if (!doc->title[0] && !(doc->title = ingest_title_from_path(&doc->memory, path)))
        return cairn_fail(err, CAIRN_ENOMEM, "a title");
    return CAIRN_OK;
}

/* A worker that came down over one file in an archive has read those before it. */
static cairn_status salvage(document_builder *b, cairn_status st, const cairn_error *err)
{
    block_sink sink = builder_sink(b);
    char note[512];

    if (!builder_salvage(b, st, err->text))
        return st;
    snprintf(note, sizeof note, "read only in part, up to a file inside it: %.400s", err->text);
    return sink.text(sink.ctx, FIELD_NOTE, "", note, utf8_floor(note, strlen(note)), NULL);
}

static cairn_status extract_fd(extractor *ex, const char *path, int fd, const struct stat *sb,
                               const uint8_t hash[16], ingest_document **out, cairn_error *err)
{
    const char *name = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
    wire_request r = {.file_size = (uint64_t)sb->st_size,
                      .max_text = ex->max_text,
                      .deadline_ms = (uint32_t)ex->deadline_ms};
    document_builder b;
    ingest_document *doc;
    int64_t deadline_ns;
    cairn_status st;

    snprintf(r.name, sizeof r.name, "%s", name);
    /* A worker killed from outside while it idled is noticed only now: ask another, once. */
    for (int attempt = 0; attempt < 2; attempt++) {
        int status;

        st = builder_init(&b, ex->max_text, err);
        if (!st)
            st = ready_worker(ex, err);
        if (st)
            break;
        deadline_ns = clock_mono_ns() + ex->deadline_ms * 1000000;
        ex->delay_ns = waited_ns(ex);
        ex->lost = true; /* until it answers */
        ex->files++;
        st = send_request(ex, &r, fd, deadline_ns, err);
        if (st)
            end_worker(ex, true, &status, NULL);
        else
            st = read_answer(ex, &b, deadline_ns, err);
        if (!st || !ex->lost || st == CAIRN_ECANCELLED || st == CAIRN_ELIMIT)
            break;
        builder_clear(&b);
    }
    if (st && st != CAIRN_ECANCELLED && st != CAIRN_EIO && err)
        st = salvage(&b, st, err);
    if (!st)
        st = builder_finish(&b, &doc, err);
    if (st) {
        builder_clear(&b);
        return st;
    }
    memcpy(doc->hash, hash, 16);
    doc->size = (uint64_t)sb->st_size;
    doc->mtime_ns = (int64_t)sb->st_mtim.tv_sec * 1000000000 + sb->st_mtim.tv_nsec;
    st = need_title(doc, path, err);
    for (ingest_document *m = doc->members; m && !st; m = m->next)
        st = need_title(m, m->member, err);
    if (st) {
        ingest_document_free(doc);
        return st;
    }
    *out = doc;
    return CAIRN_OK;
}

cairn_status extractor_run(extractor *ex, const char *path, ingest_document **out, cairn_error *err)
{
    struct stat before, after;
    uint8_t hash[16];
    uint64_t size;
    int fd;
    cairn_status st;

    *out = NULL;
    st = open_regular(path, &fd, &before, err);
    if (!st)
        st = hash_fd(fd, hash, &size, err);
    if (!st)
        st = extract_fd(ex, path, fd, &before, hash, out, err);
    if (!st && (fstat(fd, &after) || (uint64_t)after.st_size != size ||
                before.st_size != after.st_size || before.st_mtim.tv_sec != after.st_mtim.tv_sec ||
                before.st_mtim.tv_nsec != after.st_mtim.tv_nsec)) {
        ingest_document_free(*out);
        *out = NULL;
        st = cairn_fail(err, CAIRN_EINPUT, "changed while it was read");
    }
    if (fd >= 0)
        close(fd);
    return st;
}

/* ---- one page ---- */

static cairn_status read_image(extractor *ex, page_image *out, int64_t deadline_ns, cairn_error *err)
{
    wire_frame f;
    bool failed = false;
    int status;
    cairn_status st = receive(ex, &f, deadline_ns, err);

    if (st == CAIRN_EIO)
        return explain_end(ex, err);
    ex->lost = false;
    if (!st)
        st = wire_get_image(&f, out, &failed, err);
    if (st && !failed)
        end_worker(ex, true, &status, NULL);
    return st;
}

static cairn_status render_fd(extractor *ex, int fd, const struct stat *sb, const page_request *want,
                              page_image *out, cairn_error *err)
{
    wire_render r = {.file_size = (uint64_t)sb->st_size,
                     .deadline_ms = (uint32_t)ex->deadline_ms,
                     .page = *want};
    bytes ask;
    cairn_status st;

    bytes_init(&ask, WIRE_MAX_REQUEST);
    st = wire_put_render(&ask, &r);
    for (int attempt = 0; attempt < 2 && !st; attempt++) { /* as in extract_fd */
        int64_t deadline_ns;
        int status;

        st = ready_worker(ex, err);
        if (st)
            break;
        deadline_ns = clock_mono_ns() + ex->deadline_ms * 1000000;
        ex->delay_ns = waited_ns(ex);
        ex->lost = true;
        ex->files++;
        st = send_frame(ex, &ask, fd, deadline_ns, err);
        if (st)
            end_worker(ex, true, &status, NULL);
        else
            st = read_image(ex, out, deadline_ns, err);
        if (!st || !ex->lost || attempt || st == CAIRN_ECANCELLED || st == CAIRN_ELIMIT)
            break;
        st = CAIRN_OK; /* the worker had been killed from outside: another, once */
    }
    bytes_clear(&ask);
    return st;
}

cairn_status extractor_render(extractor *ex, const char *path, const uint8_t hash[16],
                              const page_request *want, page_image *out, cairn_error *err)
{
    struct stat sb;
    uint8_t now[16];
    uint64_t size;
    int fd = -1;
    cairn_status st;

    *out = (page_image){0};
    if (!want->page || want->width < PAGE_IMAGE_WIDTH_MIN || want->width > PAGE_IMAGE_WIDTH_MAX ||
        want->passage_len > PAGE_IMAGE_TEXT_MAX || want->words_len > PAGE_IMAGE_TEXT_MAX)
        return cairn_fail(err, CAIRN_EUSAGE,
                          "a page from 1, %u to %u pixels wide, with at most %zu bytes to mark",
                          PAGE_IMAGE_WIDTH_MIN, PAGE_IMAGE_WIDTH_MAX, PAGE_IMAGE_TEXT_MAX);
    st = open_regular(path, &fd, &sb, err);
    if (!st && hash)
        st = hash_fd(fd, now, &size, err);
    if (!st && hash && (memcmp(now, hash, sizeof now) || size != (uint64_t)sb.st_size))
        st = cairn_fail(err, CAIRN_ENOTFOUND, "the file has changed since it was indexed");
    if (!st)
        st = render_fd(ex, fd, &sb, want, out, err);
    if (fd >= 0)
        close(fd);
    return st;
}

cairn_status extractor_run_text(const char *title, const char *text, size_t len,
                                ingest_document **out, cairn_error *err)
{
    document_builder b;
    block_sink sink;
    emitter e;
    XXH128_canonical_t canon;
    cairn_status st;

    *out = NULL;
    st = builder_init(&b, SIZE_MAX / 64, err);
    if (st)
        return st;
    sink = builder_sink(&b);
    emitter_init(&e, &sink, SIZE_MAX / 64);
    emit_from_source(&e, text, len);
    emit_field(&e, FIELD_MIME, "text/plain", 10);
    if (title)
        emit_field(&e, FIELD_TITLE, title, strlen(title));
    plain_blocks(&e, text, len);
    emit_finish(&e);
    st = e.status;
    if (st && err)
        *err = e.error;
    if (!st)
        st = builder_finish(&b, out, err);
    if (!st) {
        XXH128_canonicalFromHash(&canon, XXH3_128bits(text, len));
        memcpy((*out)->hash, canon.digest, 16);
        (*out)->size = len;
    }
    builder_clear(&b);
    emitter_clear(&e);
    return st;
}
