/* syscalls.c - see syscalls.h. */
#include "ingest/extract/syscalls.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>

int syscalls_lists(scmp_filter_ctx ctx, const int *allowed, size_t n_allowed, const int *deadly,
                   size_t n_deadly)
{
    int rc = 0;

    for (size_t i = 0; i < n_allowed; i++)
        rc |= seccomp_rule_add(ctx, SCMP_ACT_ALLOW, allowed[i], 0);
    for (size_t i = 0; i < n_deadly; i++)
        rc |= seccomp_rule_add(ctx, SCMP_ACT_KILL_PROCESS, deadly[i], 0);
    return rc;
}

int syscalls_open_to_read(scmp_filter_ctx ctx)
{
    /* The kernel's own bit of O_TMPFILE: glibc's constant contains O_DIRECTORY, which an honest
     * reader of a folder sets. */
    const uint32_t tmpfile_bit = 020000000;
    const uint32_t writing = O_WRONLY | O_RDWR | O_CREAT | O_TRUNC | O_APPEND | tmpfile_bit;
    int rc = 0;

    rc |= seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(openat), 1,
                           SCMP_A2(SCMP_CMP_MASKED_EQ, writing, 0));
    rc |= seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(open), 1,
                           SCMP_A1(SCMP_CMP_MASKED_EQ, writing, 0));
    for (unsigned bit = 0; bit < 32; bit++)
        if (writing >> bit & 1) {
            uint32_t mask = 1u << bit;
            rc |= seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EACCES), SCMP_SYS(openat), 1,
                                   SCMP_A2(SCMP_CMP_MASKED_EQ, mask, mask));
            rc |= seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EACCES), SCMP_SYS(open), 1,
                                   SCMP_A1(SCMP_CMP_MASKED_EQ, mask, mask));
        }
    return rc;
}
