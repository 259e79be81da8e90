/* sandbox.c - what a parser of hostile files may still do.
 *
 *   resource limits   address space, CPU time of the process, no file may grow, no core, few
 *                     descriptors, no new processes (the last does not bind root; seccomp does)
 *   Landlock          no file system at all, except reading the folders below: fonts and CMaps
 *                     that Poppler opens while it works. From ABI 4 on no TCP, from 6 on no
 *                     abstract sockets or signals to others.
 *   seccomp           a list of what is allowed. What would be an attack (a socket, a program, a
 *                     process, tracing) kills the worker at once, so that it is seen and told.
 *                     Opening for writing gives EACCES. Everything unknown gives ENOSYS, because
 *                     glibc tries new calls (clone3, openat2, rseq) and falls back at that answer.
 *
 * The three overlap on purpose: each holds where the kernel lacks another. */
#include "ingest/extract/sandbox.h"

#include <errno.h>
#include <sched.h>
#include <seccomp.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "ingest/extract/landlock.h"
#include "ingest/extract/syscalls.h"

#define FOLDER (LANDLOCK_READ_FILE | LANDLOCK_READ_DIR)

static const landlock_rule readable[] = {
    {"/usr/share/poppler", FOLDER}, /* CMaps for CJK */
    {"/usr/share/fonts", FOLDER},
    {"/usr/local/share/fonts", FOLDER},
    {"/etc/fonts", FOLDER},
    {"/var/cache/fontconfig", FOLDER},
    {"/usr/share/fontconfig", FOLDER},
    {"/usr/share/zoneinfo", FOLDER},
    {"/etc/localtime", FOLDER},
    {"/usr/share/tesseract-ocr", FOLDER},
    {"/usr/share/tessdata", FOLDER},
};

static const int allowed_calls[] = {
    SCMP_SYS(read),
    SCMP_SYS(readv),
    SCMP_SYS(pread64),
    SCMP_SYS(preadv),
    SCMP_SYS(write),
    SCMP_SYS(writev),
    SCMP_SYS(recvmsg),
    SCMP_SYS(close),
    SCMP_SYS(lseek),
    SCMP_SYS(fstat),
    SCMP_SYS(stat),
    SCMP_SYS(lstat),
    SCMP_SYS(newfstatat),
    SCMP_SYS(statx),
    SCMP_SYS(access),
    SCMP_SYS(faccessat),
    SCMP_SYS(faccessat2),
    SCMP_SYS(readlink),
    SCMP_SYS(readlinkat),
    SCMP_SYS(getdents64),
    SCMP_SYS(getcwd),
    SCMP_SYS(fcntl),
    SCMP_SYS(dup),
    SCMP_SYS(poll),
    SCMP_SYS(ppoll),
    SCMP_SYS(munmap),
    SCMP_SYS(mremap),
    SCMP_SYS(madvise),
    SCMP_SYS(brk),
    SCMP_SYS(futex),
    SCMP_SYS(rt_sigaction),
    SCMP_SYS(rt_sigprocmask),
    SCMP_SYS(rt_sigreturn),
    SCMP_SYS(sigaltstack),
    SCMP_SYS(getpid),
    SCMP_SYS(gettid),
    SCMP_SYS(getuid),
    SCMP_SYS(geteuid),
    SCMP_SYS(getgid),
    SCMP_SYS(getegid),
    SCMP_SYS(clock_gettime),
    SCMP_SYS(clock_getres),
    SCMP_SYS(gettimeofday),
    SCMP_SYS(time),
    SCMP_SYS(clock_nanosleep),
    SCMP_SYS(nanosleep),
    SCMP_SYS(getrandom),
    SCMP_SYS(sched_yield),
    SCMP_SYS(sched_getaffinity),
    SCMP_SYS(sysinfo),
    SCMP_SYS(uname),
    SCMP_SYS(getrlimit),
    SCMP_SYS(getrusage),
    SCMP_SYS(alarm),
    SCMP_SYS(setitimer),
    SCMP_SYS(restart_syscall),
    SCMP_SYS(exit),
    SCMP_SYS(exit_group),
    SCMP_SYS(fadvise64),
    SCMP_SYS(set_robust_list),
};

/* Nothing honest does this while it reads a document. */
static const int deadly_calls[] = {
    SCMP_SYS(socket),
    SCMP_SYS(socketpair),
    SCMP_SYS(connect),
    SCMP_SYS(bind),
    SCMP_SYS(listen),
    SCMP_SYS(accept),
    SCMP_SYS(accept4),
    SCMP_SYS(sendto),
    SCMP_SYS(sendmsg),
    SCMP_SYS(sendmmsg),
    SCMP_SYS(execve),
    SCMP_SYS(execveat),
    SCMP_SYS(fork),
    SCMP_SYS(vfork),
    SCMP_SYS(ptrace),
    SCMP_SYS(process_vm_readv),
    SCMP_SYS(process_vm_writev),
    SCMP_SYS(kill),
    SCMP_SYS(tkill),
    SCMP_SYS(pidfd_open),
    SCMP_SYS(pidfd_getfd),
    SCMP_SYS(pidfd_send_signal),
    SCMP_SYS(mount),
    SCMP_SYS(umount2),
    SCMP_SYS(pivot_root),
    SCMP_SYS(chroot),
    SCMP_SYS(unshare),
    SCMP_SYS(setns),
    SCMP_SYS(bpf),
    SCMP_SYS(perf_event_open),
    SCMP_SYS(io_uring_setup),
    SCMP_SYS(userfaultfd),
    SCMP_SYS(keyctl),
    SCMP_SYS(add_key),
    SCMP_SYS(request_key),
    SCMP_SYS(init_module),
    SCMP_SYS(finit_module),
    SCMP_SYS(setuid),
    SCMP_SYS(setgid),
    SCMP_SYS(memfd_create),
    SCMP_SYS(unlink),
    SCMP_SYS(unlinkat),
    SCMP_SYS(rename),
    SCMP_SYS(renameat),
    SCMP_SYS(renameat2),
    SCMP_SYS(truncate),
    SCMP_SYS(ftruncate),
};

static int add_memory_rules(scmp_filter_ctx ctx)
{
    int rc = 0;

    /* No new code: every library was loaded before. */
    rc |= seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1,
                           SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
    rc |= seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EACCES), SCMP_SYS(mmap), 1,
                           SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, PROT_EXEC));
    rc |= seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1,
                           SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
    rc |= seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EACCES), SCMP_SYS(mprotect), 1,
                           SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, PROT_EXEC));
    return rc;
}

static int enter_seccomp(void)
{
    scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ERRNO(ENOSYS));
    int rc = 0;

    if (!ctx)
        return 0;
    rc |= syscalls_lists(ctx, allowed_calls, sizeof allowed_calls / sizeof *allowed_calls, deadly_calls,
                         sizeof deadly_calls / sizeof *deadly_calls);
    rc |= syscalls_open_to_read(ctx);
    rc |= seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EACCES), SCMP_SYS(creat), 0);
    rc |= add_memory_rules(ctx);
    /* A thread is refused mildly, a process is not. clone3 hides its flags: ENOSYS, by default. */
    rc |= seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EAGAIN), SCMP_SYS(clone), 1,
                           SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, CLONE_THREAD));
    rc |= seccomp_rule_add(ctx, SCMP_ACT_KILL_PROCESS, SCMP_SYS(clone), 1,
                           SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, 0));
    /* abort() signals its own process, and only that is allowed. */
    rc |= seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 1,
                           SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)getpid(), 0));
    rc |= seccomp_rule_add(ctx, SCMP_ACT_KILL_PROCESS, SCMP_SYS(tgkill), 1,
                           SCMP_A0(SCMP_CMP_NE, (scmp_datum_t)getpid(), 0));
    /* Limits may be read, not set. */
    rc |= seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(prlimit64), 1, SCMP_A2(SCMP_CMP_EQ, 0, 0));
    /* glib and sanitizers name memory and ask whether the terminal is one. */
    rc |= seccomp_rule_add(ctx, SCMP_ACT_ERRNO(ENOTTY), SCMP_SYS(ioctl), 0);
    rc |= seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EINVAL), SCMP_SYS(prctl), 0);
    if (!rc)
        rc = seccomp_load(ctx);
    seccomp_release(ctx);
    return rc == 0;
}

static unsigned set_limits(size_t max_memory)
{
    const struct {
        int what;
        rlim_t value;
    } limits[] = {
#ifndef CAIRN_SANITIZED /* a sanitizer reserves terabytes */
        {RLIMIT_AS, max_memory},
#endif
        {RLIMIT_CPU, 600}, /* the parent replaces a worker at 240 s */
        {RLIMIT_FSIZE, 0},       {RLIMIT_CORE, 0},     {RLIMIT_NOFILE, 64},
        {RLIMIT_NPROC, 0},       {RLIMIT_MSGQUEUE, 0}, {RLIMIT_MEMLOCK, 0},
    };
    unsigned set = 0;

    for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
        struct rlimit rl = {.rlim_cur = limits[i].value, .rlim_max = limits[i].value};
        set += setrlimit((__rlimit_resource_t)limits[i].what, &rl) == 0;
    }
    return set;
}

void sandbox_enter(size_t max_memory, wire_hello *out)
{
    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    out->limits = set_limits(max_memory);
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
        return; /* without it neither of the two is allowed */
    out->landlock_abi = (uint8_t)landlock_enter(readable, sizeof readable / sizeof *readable);
    out->seccomp = (uint8_t)enter_seccomp();
}
