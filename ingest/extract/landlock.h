/* landlock.h - the file system as a process may still see it (landlock(7)).
 *
 * From ABI 4 on no TCP, from 6 on no abstract sockets of others and no signals to others. */
#ifndef CAIRN_INGEST_EXTRACT_LANDLOCK_H
#define CAIRN_INGEST_EXTRACT_LANDLOCK_H

#include <stddef.h>
#include <stdint.h>

#define LANDLOCK_RUN       (1ull << 0)
#define LANDLOCK_READ_FILE (1ull << 2)
#define LANDLOCK_READ_DIR  (1ull << 3)

typedef struct landlock_rule {
    const char *path; /* a folder with all below it, or a file; what is not there is passed over */
    uint64_t allowed;
} landlock_rule;

/* From now on only what the rules allow; for the whole thread and all it starts. It needs
 * PR_SET_NO_NEW_PRIVS. Gives the kernel's ABI; 0: it has no Landlock, and nothing is confined. */
int landlock_enter(const landlock_rule *rules, size_t n);

#endif
