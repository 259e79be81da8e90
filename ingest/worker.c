/* worker.c - the worker of an extractor: started, talked to, ended. See worker.h.
 *
 * It is started by posix_spawn (no fork of a process with threads and maps) with its socket as descriptor 3 and
 * /dev/null as the other three. A request goes out with the file's descriptor; frames come back. Anything
 * else - end of stream, a broken frame, the deadline - ends it.
 *
 * It is replaced after WORKER_MAX_FILES files or WORKER_MAX_CPU_NS of its own time, so that small leaks of the
 * parsers never add up and the resource limit on CPU (extract/sandbox.c) is never met by honest work. */
#include "ingest/worker.h"

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
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"

#define START_DEADLINE_MS 30000
#define POLL_MS           100 /* how fast a cancel is seen */
#define LET_MS            10  /* the same for others who wait, once they do */
#define LET_NS            ((int64_t)5 * 1000000) /* of work between two rests */
#define WORKER_MAX_FILES  2000
#define WORKER_MAX_CPU_NS ((int64_t)240 * 1000000000)

/* ---- finding the program ---- */

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

cairn_status worker_find_program(char **out, const char *named, cairn_error *err)
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

/* ---- starting and ending ---- */

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
void worker_end(extractor *ex, bool kill_it, int *status, size_t *peak)
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
int64_t worker_waited_ns(const extractor *ex)
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

static int64_t worker_cpu_ns(const extractor *ex)
{
    struct timespec ts;

    if (ex->cpu_clock == (clockid_t)-1 || clock_gettime(ex->cpu_clock, &ts))
        return 0;
    return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

/* While others wait, the worker stands still for what it has worked. Should we die meanwhile, it does not stay like
 * that: the kernel ends a stopped process group that lost its parent (SIGHUP). */
static bool let_others_through(extractor *ex)
{
    int64_t cpu;

    if (!give_way_wanted(ex->way)) {
        ex->paid_ns = -1;
        return false;
    }
    cpu = worker_cpu_ns(ex);
    if (ex->paid_ns < 0)
        ex->paid_ns = cpu;
    if (cpu - ex->paid_ns < LET_NS || kill(ex->pid, SIGSTOP))
        return true;
    ex->rested_ns += give_way_rest(ex->way, cpu - ex->paid_ns);
    kill(ex->pid, SIGCONT);
    ex->paid_ns = cpu;
    return true;
}

/* Wait until the socket is ready for `events`. CAIRN_ELIMIT at the deadline. */
static cairn_status wait_for(extractor *ex, short events, int64_t deadline_ns, cairn_error *err)
{
    for (;;) {
        struct pollfd p = {.fd = ex->sock, .events = events};
        int most_ms = let_others_through(ex) ? LET_MS : POLL_MS;
        int64_t left_ms = (deadline_ns + ex->rested_ns - clock_mono_ns() + 999999) / 1000000;
        int rc;

        if (cancelled(ex))
            return cairn_fail(err, CAIRN_ECANCELLED, "cancelled");
        if (left_ms <= 0) {
            int64_t given = worker_waited_ns(ex) - ex->delay_ns;
            if (given > WORKER_MEMBERS_DEADLINE * ex->deadline_ms * 1000000)
                given = WORKER_MEMBERS_DEADLINE * ex->deadline_ms * 1000000;
            left_ms = (deadline_ns + ex->rested_ns + given - clock_mono_ns()) / 1000000;
        }
        if (left_ms <= 0)
            return cairn_fail(err, CAIRN_ELIMIT, "took longer than the %lld ms a file may take",
                              (long long)ex->deadline_ms);
        rc = poll(&p, 1, left_ms < most_ms ? (int)left_ms : most_ms);
        if (rc > 0)
            return CAIRN_OK;
        if (rc < 0 && errno != EINTR)
            return cairn_fail_errno(err, errno, "waiting for the extractor");
    }
}

/* The next frame; it lives until the next call. End of stream is CAIRN_EIO. */
cairn_status worker_receive(extractor *ex, wire_frame *f, int64_t deadline_ns, cairn_error *err)
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
        st = bytes_reserve(&ex->in, WORKER_READ_CHUNK);
        if (st)
            return cairn_fail(err, st, "no room for what the extractor says");
        st = wait_for(ex, POLLIN, deadline_ns, err);
        if (st)
            return st;
        n = recv(ex->sock, ex->in.data + ex->in.len, WORKER_READ_CHUNK, MSG_DONTWAIT);
        if (n > 0)
            ex->in.len += (size_t)n;
        else if (n == 0 || errno == ECONNRESET)
            return cairn_fail(err, CAIRN_EIO, "the extractor ended");
        else if (errno != EINTR && errno != EAGAIN)
            return cairn_fail_errno(err, errno, "reading from the extractor");
    }
}

/* A frame, with a descriptor beside its first bytes. */
cairn_status worker_send(extractor *ex, const bytes *out, int fd, int64_t deadline_ns,
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

/* ---- one that is ready ---- */

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
    ex->delay_ns = ex->rested_ns = 0;
    ex->paid_ns = -1;
    if (clock_getcpuclockid(ex->pid, &ex->cpu_clock))
        ex->cpu_clock = -1;
    st = worker_receive(ex, &f, clock_mono_ns() + (int64_t)START_DEADLINE_MS * 1000000, err);
    if (!st)
        st = wire_get_hello(&f, &ex->hello, err);
    if (!st && ex->hello.version != WIRE_VERSION)
        st = cairn_fail(err, CAIRN_EIO, "it speaks version %u, this program version %d",
                        ex->hello.version, WIRE_VERSION);
    if (st) {
        worker_end(ex, true, &status, NULL);
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

cairn_status worker_ready(extractor *ex, cairn_error *err)
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
        worker_end(ex, false, &status, NULL);
    return ex->pid ? CAIRN_OK : start_worker(ex, err);
}

/* The worker is gone without an answer: find out why and say so. */
cairn_status worker_explain_end(extractor *ex, cairn_error *err)
{
    int status;
    size_t peak;

    bool silent = ex->in.len == 0 && ex->lost;

    worker_end(ex, false, &status, &peak);
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
