/* syscalls.h - what the two cages of this room, the worker's (sandbox.c) and that of its converters
 * (convert/main.c), have in common in their lists of system calls (seccomp(2)). */
#ifndef CAIRN_INGEST_EXTRACT_SYSCALLS_H
#define CAIRN_INGEST_EXTRACT_SYSCALLS_H

#include <seccomp.h>
#include <stddef.h>

/* Allowed, whatever the arguments; and those that kill the process. 0 or what libseccomp says, as below. */
int syscalls_lists(scmp_filter_ctx ctx, const int *allowed, size_t n_allowed, const int *deadly,
                   size_t n_deadly);
/* open and openat: for reading, allowed; for writing, EACCES. */
int syscalls_open_to_read(scmp_filter_ctx ctx);

#endif
