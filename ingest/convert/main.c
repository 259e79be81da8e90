/* main.c - cairn-convert: starts the helper programs of helpers.h for one worker, each in a cage.
 *
 * A worker may start nothing itself (extract/sandbox.c). Beside each runs one of these: it takes a request
 * and the file's bytes from the worker, gives them to a program as its standard input, and what the program
 * writes goes back. The worker is not believed: it can name a task and bytes, nothing else.
 *
 * The cage, of this process and of all it starts:
 *   Landlock          the programs of the list may be run; they, the system's libraries and their own
 *                     tables may be read; nothing can be written, no TCP, no signals to others
 *   seccomp           a list of what is allowed; sockets, tracing and the like kill; a program cannot start
 *                     another process
 *   resource limits   of a program: 1 GiB of address space, processor time, no file may grow, no core
 *   here              the time of the request, and CONVERT_MAX_OUTPUT bytes of output
 *
 * When the worker ends, however it ends, its end of the socket closes, the program in hand is killed, and
 * this ends as well. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/clock.h"
#include "ingest/convert/convert.h"
#include "ingest/extract/landlock.h"
#include "ingest/extract/syscalls.h"

#define SOCKET_FD    3
#define PROGRAM_MEM  ((rlim_t)1 << 30)
#define READ_CHUNK   ((size_t)64 << 10)
#define TAGS_LIFE    5000 /* files that one ctags reads */

#ifdef CAIRN_SANITIZED
/* The leak check needs to trace its own process, which the cage forbids. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
    return "detect_leaks=0";
}
#endif

/* ---- the cage ---- */

static const int allowed_calls[] = {
    SCMP_SYS(read), SCMP_SYS(readv), SCMP_SYS(pread64), SCMP_SYS(write), SCMP_SYS(writev),
    SCMP_SYS(close), SCMP_SYS(close_range), SCMP_SYS(lseek), SCMP_SYS(fstat), SCMP_SYS(stat),
    SCMP_SYS(lstat), SCMP_SYS(newfstatat), SCMP_SYS(statx), SCMP_SYS(access), SCMP_SYS(faccessat),
    SCMP_SYS(faccessat2), SCMP_SYS(readlink), SCMP_SYS(readlinkat), SCMP_SYS(getdents64),
    SCMP_SYS(getcwd), SCMP_SYS(fcntl), SCMP_SYS(dup), SCMP_SYS(dup2), SCMP_SYS(dup3),
    SCMP_SYS(pipe2), SCMP_SYS(poll), SCMP_SYS(ppoll), SCMP_SYS(select), SCMP_SYS(pselect6),
    SCMP_SYS(mmap), SCMP_SYS(mprotect), SCMP_SYS(munmap), SCMP_SYS(mremap), SCMP_SYS(madvise),
    SCMP_SYS(brk), SCMP_SYS(futex), SCMP_SYS(rt_sigaction), SCMP_SYS(rt_sigprocmask),
    SCMP_SYS(rt_sigreturn), SCMP_SYS(sigaltstack), SCMP_SYS(getpid), SCMP_SYS(getppid),
    SCMP_SYS(gettid), SCMP_SYS(getuid), SCMP_SYS(geteuid), SCMP_SYS(getgid), SCMP_SYS(getegid),
    SCMP_SYS(clock_gettime), SCMP_SYS(clock_getres), SCMP_SYS(gettimeofday), SCMP_SYS(time),
    SCMP_SYS(times), SCMP_SYS(clock_nanosleep), SCMP_SYS(nanosleep), SCMP_SYS(getrandom),
    SCMP_SYS(sched_yield), SCMP_SYS(sched_getaffinity), SCMP_SYS(sysinfo), SCMP_SYS(uname),
    SCMP_SYS(getrlimit), SCMP_SYS(setrlimit), SCMP_SYS(prlimit64), SCMP_SYS(getrusage),
    SCMP_SYS(exit), SCMP_SYS(exit_group), SCMP_SYS(restart_syscall), SCMP_SYS(fadvise64),
    SCMP_SYS(arch_prctl), SCMP_SYS(set_tid_address), SCMP_SYS(set_robust_list), SCMP_SYS(rseq),
    SCMP_SYS(prctl), SCMP_SYS(seccomp), SCMP_SYS(execve), SCMP_SYS(wait4), SCMP_SYS(kill),
    SCMP_SYS(tgkill), SCMP_SYS(memfd_create), SCMP_SYS(ftruncate),
};

static const int deadly_calls[] = {
    SCMP_SYS(socket), SCMP_SYS(socketpair), SCMP_SYS(connect), SCMP_SYS(bind), SCMP_SYS(listen),
    SCMP_SYS(accept), SCMP_SYS(accept4), SCMP_SYS(sendto), SCMP_SYS(sendmsg), SCMP_SYS(sendmmsg),
    SCMP_SYS(ptrace), SCMP_SYS(process_vm_readv), SCMP_SYS(process_vm_writev), SCMP_SYS(mount),
    SCMP_SYS(umount2), SCMP_SYS(pivot_root), SCMP_SYS(chroot), SCMP_SYS(unshare), SCMP_SYS(setns),
    SCMP_SYS(bpf), SCMP_SYS(perf_event_open), SCMP_SYS(io_uring_setup), SCMP_SYS(userfaultfd),
    SCMP_SYS(keyctl), SCMP_SYS(add_key), SCMP_SYS(request_key), SCMP_SYS(init_module),
    SCMP_SYS(finit_module), SCMP_SYS(setuid), SCMP_SYS(setgid), SCMP_SYS(execveat),
};

static bool enter_seccomp(void)
{
    scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ERRNO(ENOSYS));
    int rc = 0;

    if (!ctx)
        return false;
    rc |= syscalls_lists(ctx, allowed_calls, sizeof allowed_calls / sizeof *allowed_calls, deadly_calls,
                         sizeof deadly_calls / sizeof *deadly_calls);
    rc |= syscalls_open_to_read(ctx);
    /* fork of ours; no namespaces. What it starts loses clone, too (forbid_processes). */
    rc |= seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(clone), 1,
                           SCMP_A0(SCMP_CMP_MASKED_EQ, 0x7E020000u, 0));
    rc |= seccomp_rule_add(ctx, SCMP_ACT_ERRNO(ENOTTY), SCMP_SYS(ioctl), 0);
    if (!rc)
        rc = seccomp_load(ctx);
    seccomp_release(ctx);
    return rc == 0;
}

/* A second filter over the first, in the child alone. */
static bool forbid_processes(void)
{
    static const int calls[] = {SCMP_SYS(clone), SCMP_SYS(clone3), SCMP_SYS(fork), SCMP_SYS(vfork),
                                SCMP_SYS(memfd_create), SCMP_SYS(kill)};
    scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ALLOW);
    int rc = 0;

    if (!ctx)
        return false;
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++)
        rc |= seccomp_rule_add(ctx, SCMP_ACT_KILL_PROCESS, calls[i], 0);
    if (!rc)
        rc = seccomp_load(ctx);
    seccomp_release(ctx);
    return rc == 0;
}

static void enter_cage(void)
{
    const uint64_t folder = LANDLOCK_READ_FILE | LANDLOCK_READ_DIR;
    landlock_rule rules[64] = {
        {"/usr/lib", folder | LANDLOCK_RUN}, {"/lib", folder | LANDLOCK_RUN},
        {"/usr/lib64", folder | LANDLOCK_RUN}, {"/lib64", folder | LANDLOCK_RUN},
        {"/etc/ld.so.cache", LANDLOCK_READ_FILE}, {"/etc/localtime", LANDLOCK_READ_FILE},
        {"/usr/share/zoneinfo", folder},
    };
    const helper_program *p;
    size_t n = 7;

    for (size_t i = 0; (p = helper_program_at(i)) && n < 60; i++) {
        rules[n++] = (landlock_rule){p->path, LANDLOCK_READ_FILE | LANDLOCK_RUN};
        for (size_t k = 0; k < 2 && p->folders[k]; k++)
            rules[n++] = (landlock_rule){p->folders[k], folder};
    }
    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
        return;
    landlock_enter(rules, n);
    enter_seccomp();
}

/* ---- a program ---- */

typedef struct child {
    pid_t pid;
    int in, out; /* pipes; in is -1 where it reads a file of ours */
} child;

static void limit(__rlimit_resource_t what, rlim_t value)
{
    struct rlimit rl = {.rlim_cur = value, .rlim_max = value};

    setrlimit(what, &rl);
}

static void run_program(const helper_program *p, int in, int out, uint32_t cpu_seconds)
{
    static char *const envp[] = {(char *)"PATH=/usr/bin:/bin", (char *)"LC_ALL=C.UTF-8",
                                 (char *)"HOME=/nonexistent", NULL};
    int null = open("/dev/null", O_RDONLY | O_CLOEXEC); /* Landlock may say no: then closed */

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    limit(RLIMIT_CPU, cpu_seconds);
    limit(RLIMIT_FSIZE, 0);
    limit(RLIMIT_NOFILE, 32);
    signal(SIGPIPE, SIG_DFL);
    if (dup2(in, 0) < 0 || dup2(out, 1) < 0)
        _exit(127);
    if (null >= 0)
        dup2(null, 2);
    else
        close(2);
    syscall(SYS_close_range, 3, ~0u, 0);
    if (!forbid_processes())
        _exit(127);
    limit(RLIMIT_AS, PROGRAM_MEM); /* last: a sanitizer has more, and wants to allocate until here */
    execve(p->path, (char *const *)(uintptr_t)p->argv, envp);
    _exit(127);
}

/* `file`: read as its standard input; -1: a pipe, whose end is c->in. */
static bool start(child *c, const helper_program *p, int file, uint32_t cpu_seconds)
{
    int in[2] = {-1, -1}, out[2];

    *c = (child){.in = -1, .out = -1};
    if (file < 0 && pipe2(in, O_CLOEXEC))
        return false;
    if (pipe2(out, O_CLOEXEC)) {
        if (file < 0)
            close(in[0]), close(in[1]);
        return false;
    }
    c->pid = fork();
    if (!c->pid)
        run_program(p, file < 0 ? in[0] : file, out[1], cpu_seconds);
    close(out[1]);
    if (file < 0)
        close(in[0]);
    c->in = in[1];
    c->out = out[0];
    return c->pid > 0;
}

static int end(child *c, bool kill_it)
{
    int status = -1;

    if (c->in >= 0)
        close(c->in);
    if (c->out >= 0)
        close(c->out);
    if (c->pid > 0) {
        if (kill_it)
            kill(c->pid, SIGKILL);
        while (waitpid(c->pid, &status, 0) < 0 && errno == EINTR)
            ;
    }
    *c = (child){.in = -1, .out = -1};
    return status;
}

/* One step of talk with a program until `deadline_ns`: write from in[*at..), read to *out. */
typedef enum talk { TALK_MORE, TALK_END, TALK_TIME, TALK_LIMIT, TALK_GONE } talk;

static talk exchange(child *c, const char *in, size_t len, size_t *at, bytes *out,
                     int64_t deadline_ns)
{
    struct pollfd p[3] = {{.fd = c->out, .events = POLLIN},
                          {.fd = SOCKET_FD, .events = POLLRDHUP},
                          {.fd = *at < len ? c->in : -1, .events = POLLOUT}};
    int64_t left_ms = (deadline_ns - clock_mono_ns() + 999999) / 1000000;
    ssize_t n;
    int rc;

    if (left_ms <= 0)
        return TALK_TIME;
    rc = poll(p, 3, left_ms > INT32_MAX ? INT32_MAX : (int)left_ms);
    if (rc < 0)
        return errno == EINTR ? TALK_MORE : TALK_END;
    if (p[1].revents)
        return TALK_GONE; /* the worker; it says nothing while it waits for an answer */
    if (p[2].revents & POLLOUT) {
        n = write(c->in, in + *at, len - *at < READ_CHUNK ? len - *at : READ_CHUNK);
        if (n > 0)
            *at += (size_t)n;
        else if (n < 0 && errno != EINTR && errno != EAGAIN)
            return TALK_END;
    } else if (p[2].revents) {
        return TALK_END;
    }
    if (p[0].revents) {
        if (out->len >= CONVERT_MAX_OUTPUT || bytes_reserve(out, READ_CHUNK))
            return TALK_LIMIT;
        n = read(c->out, out->data + out->len, READ_CHUNK);
        if (n > 0)
            out->len += (size_t)n;
        else if (n == 0 || errno != EINTR)
            return TALK_END;
    }
    return TALK_MORE;
}

static convert_status status_of(talk t)
{
    if (t == TALK_GONE)
        _exit(0); /* what runs has our death as its signal */
    return t == TALK_TIME ? CONVERT_TIME : t == TALK_LIMIT ? CONVERT_LIMIT : CONVERT_FAILED;
}

/* One program over one file: memfd -> bytes. */
static convert_status run_once(const helper_program *p, const convert_request *r, int file,
                               bytes *out)
{
    int64_t deadline_ns = clock_mono_ns() + (int64_t)r->limit_ms * 1000000;
    child c;
    talk t = TALK_MORE;
    int status;

    bytes_reset(out);
    if (lseek(file, 0, SEEK_SET) || !start(&c, p, file, r->limit_ms / 1000 + 2))
        return CONVERT_FAILED;
    while (t == TALK_MORE)
        t = exchange(&c, NULL, 0, &(size_t){0}, out, deadline_ns);
    if (t == TALK_GONE) {
        end(&c, true);
        _exit(0);
    }
    status = end(&c, t != TALK_END);
    if (t != TALK_END)
        return status_of(t);
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGXCPU)
        return CONVERT_TIME;
    return WIFEXITED(status) && !WEXITSTATUS(status) ? CONVERT_OK : CONVERT_FAILED;
}

/* ---- ctags, which stays ---- */

static child tags;
static unsigned tags_files;

static const helper_program *program_for(helper_task task, size_t nth)
{
    const helper_program *p;

    for (size_t i = 0; (p = helper_program_at(i)); i++)
        if (p->task == task && helper_is_installed(p) && !nth--)
            return p;
    return NULL;
}

/* Its last line for a file says so. */
static bool is_complete(const bytes *out)
{
    static const char last[] = "\"_type\": \"completed\"";
    size_t at = out->len > 200 ? out->len - 200 : 0;

    return out->len && out->data[out->len - 1] == '\n' &&
           memmem(out->data + at, out->len - at, last, sizeof last - 1) != NULL;
}

static convert_status run_tags(const helper_program *p, const convert_request *r, const char *data,
                               bytes *out)
{
    int64_t deadline_ns = clock_mono_ns() + (int64_t)r->limit_ms * 1000000;
    talk t = TALK_MORE;
    bytes in;
    size_t at = 0;

    bytes_reset(out);
    if (tags.pid && ++tags_files > TAGS_LIFE)
        end(&tags, true);
    if (!tags.pid) {
        tags_files = 0;
        if (!start(&tags, p, -1, 3600))
            return CONVERT_FAILED;
    }
    bytes_init(&in, CONVERT_MAX_INPUT + 4096);
    if (bytes_printf(&in, "{\"command\":\"generate-tags\",\"filename\":\"input.%s\",\"size\":%llu}\n",
                     r->extension, (unsigned long long)r->size) ||
        bytes_append(&in, data, r->size))
        t = TALK_LIMIT;
    while (t == TALK_MORE && !is_complete(out))
        t = exchange(&tags, in.data, in.len, &at, out, deadline_ns);
    bytes_clear(&in);
    if (t == TALK_MORE)
        return CONVERT_OK;
    end(&tags, true);
    return status_of(t);
}

/* ---- the worker ---- */

static bool read_all(void *to, size_t n)
{
    for (size_t at = 0; at < n;) {
        ssize_t got = read(SOCKET_FD, (char *)to + at, n - at);
        if (got > 0)
            at += (size_t)got;
        else if (got == 0 || errno != EINTR)
            return false;
    }
    return true;
}

static bool write_all(int fd, const void *from, size_t n)
{
    for (size_t at = 0; at < n;) {
        ssize_t put = write(fd, (const char *)from + at, n - at);
        if (put > 0)
            at += (size_t)put;
        else if (put < 0 && errno != EINTR)
            return false;
    }
    return true;
}

static bool request_ok(const convert_request *r)
{
    if (r->magic != CONVERT_MAGIC || r->task < HELPER_DOC || r->task >= HELPER_END ||
        r->size > CONVERT_MAX_INPUT || !memchr(r->extension, 0, sizeof r->extension))
        return false;
    for (const char *s = r->extension; *s; s++)
        if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+_", *s))
            return false;
    return true;
}

/* The programs for the task in turn, until one can read the file. */
static convert_status convert(const convert_request *r, const char *data, bytes *out,
                              char program[16])
{
    const helper_program *p = program_for((helper_task)r->task, 0);
    convert_status st = CONVERT_MISSING;
    int file;

    if (!p)
        return CONVERT_MISSING;
    snprintf(program, 16, "%s", p->name);
    if (r->task == HELPER_TAGS)
        return run_tags(p, r, data, out);
    file = memfd_create("document", MFD_CLOEXEC);
    if (file < 0 || !write_all(file, data, r->size)) {
        if (file >= 0)
            close(file);
        return CONVERT_FAILED;
    }
    for (size_t i = 0; (p = program_for((helper_task)r->task, i)); i++) {
        st = run_once(p, r, file, out);
        if (!st)
            snprintf(program, 16, "%s", p->name);
        if (st != CONVERT_FAILED)
            break;
    }
    close(file);
    return st;
}

static bool serve(bytes *data, bytes *out)
{
    convert_request r;
    convert_answer a = {.magic = CONVERT_MAGIC};

    if (!read_all(&r, sizeof r) || !request_ok(&r))
        return false;
    bytes_clear(data);
    if (bytes_reserve(data, r.size + 1) || !read_all(data->data, r.size))
        return false;
    a.status = convert(&r, data->data, out, a.program);
    a.size = a.status ? 0 : out->len;
    bytes_clear(data);
    return write_all(SOCKET_FD, &a, sizeof a) && write_all(SOCKET_FD, out->data, a.size);
}

int main(void)
{
    int type;
    socklen_t len = sizeof type;
    bytes data, out;

    if (getsockopt(SOCKET_FD, SOL_SOCKET, SO_TYPE, &type, &len) || type != SOCK_STREAM) {
        fprintf(stderr, "cairn-convert is started by cairn and has no use by itself\n");
        return 2;
    }
    syscall(SYS_close_range, SOCKET_FD + 1, ~0u, 0);
    fcntl(SOCKET_FD, F_SETFD, FD_CLOEXEC);
    signal(SIGPIPE, SIG_IGN);
    limit(RLIMIT_CORE, 0);
    limit(RLIMIT_NOFILE, 64);
    tags = (child){.in = -1, .out = -1};
    bytes_init(&data, CONVERT_MAX_INPUT + 1);
    bytes_init(&out, CONVERT_MAX_OUTPUT + 2 * READ_CHUNK);
    enter_cage();
    while (serve(&data, &out))
        if (out.cap > (4u << 20))
            bytes_clear(&out);
    end(&tags, true);
    bytes_clear(&data);
    bytes_clear(&out);
    return 0;
}
