/* cache_folder.c - see cache_folder.h. */
#include "generate/decode/cache_folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAX_FILES 512 /* that a sweep looks at */

bool cache_folder_make(const char *path)
{
    char part[PATH_MAX];
    int n = snprintf(part, sizeof part, "%s", path);

    if (n < 1 || (size_t)n >= sizeof part)
        return false;
    for (char *p = part + 1; *p; p++)
        if (*p == '/') {
            *p = '\0';
            if (mkdir(part, 0700) && errno != EEXIST)
                return false;
            *p = '/';
        }
    return !mkdir(part, 0700) || errno == EEXIST;
}

bool cache_file_is_ours(int fd)
{
    struct stat sb;

    return !fstat(fd, &sb) && S_ISREG(sb.st_mode) && (sb.st_uid == geteuid() || !sb.st_uid) && !(sb.st_mode & 022);
}

void cache_file_touch(int fd)
{
    futimens(fd, NULL);
}

int cache_open_temporary(const char *path)
{
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
    struct stat held, named;

    if (fd < 0)
        return -1;
    if (flock(fd, LOCK_EX | LOCK_NB) || fstat(fd, &held) || !S_ISREG(held.st_mode) ||
        held.st_uid != geteuid() || stat(path, &named) || held.st_ino != named.st_ino ||
        ftruncate(fd, 0)) {
        close(fd);
        return -1;
    }
    return fd;
}

bool cache_write_all(int fd, const void *data, size_t n, uint64_t at)
{
    const uint8_t *from = data;

    while (n) {
        ssize_t w = pwrite(fd, from, n, (off_t)at);
        if (w < 0 && errno == EINTR)
            continue;
        if (w <= 0)
            return false;
        from += w;
        at += (uint64_t)w;
        n -= (size_t)w;
    }
    return true;
}

bool cache_publish(int fd, const char *folder, const char *temporary, const char *path)
{
    int dir = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool good = dir >= 0 && !fsync(fd) && !rename(temporary, path) && !fsync(dir);
    int why = errno;

    if (!good)
        unlink(temporary);
    if (dir >= 0)
        close(dir);
    close(fd);
    errno = why;
    return good;
}

typedef struct cache_file {
    char name[64];
    int64_t used_ns;
    uint64_t bytes;
} cache_file;

static int by_use(const void *a, const void *b)
{
    int64_t x = ((const cache_file *)a)->used_ns, y = ((const cache_file *)b)->used_ns;
    return (x > y) - (x < y);
}

static bool has_suffix(const char *name, const char *suffix)
{
    size_t n = strlen(name), s = strlen(suffix);
    return n > s && n < sizeof((cache_file *)0)->name && !strcmp(name + n - s, suffix);
}

/* A temporary file that nobody holds was left by a process that died. */
static void remove_abandoned(int folder, const char *name)
{
    int fd = openat(folder, name, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);

    if (fd < 0)
        return;
    if (!flock(fd, LOCK_EX | LOCK_NB))
        unlinkat(folder, name, 0);
    close(fd);
}

void cache_folder_sweep(const char *folder, const char *suffix, uint64_t budget, const char *keep,
                        bool (*stale)(int folder, const char *name))
{
    DIR *d = opendir(folder);
    cache_file files[MAX_FILES];
    size_t n = 0;
    uint64_t total = 0;
    struct dirent *e;

    if (!d)
        return;
    while ((e = readdir(d)) && n < MAX_FILES) {
        struct stat sb;
        if (has_suffix(e->d_name, CACHE_TEMPORARY)) {
            remove_abandoned(dirfd(d), e->d_name);
            continue;
        }
        if (!has_suffix(e->d_name, suffix) ||
            fstatat(dirfd(d), e->d_name, &sb, AT_SYMLINK_NOFOLLOW) || !S_ISREG(sb.st_mode))
            continue;
        if (stale && strcmp(e->d_name, keep) && stale(dirfd(d), e->d_name)) {
            unlinkat(dirfd(d), e->d_name, 0);
            continue;
        }
        memcpy(files[n].name, e->d_name, strlen(e->d_name) + 1); /* has_suffix: it fits */
        files[n].used_ns = (int64_t)sb.st_mtim.tv_sec * 1000000000 + sb.st_mtim.tv_nsec;
        files[n++].bytes = (uint64_t)sb.st_size;
        total += (uint64_t)sb.st_size;
    }
    qsort(files, n, sizeof *files, by_use);
    for (size_t i = 0; i < n && total > budget; i++)
        if (strcmp(files[i].name, keep)) {
            unlinkat(dirfd(d), files[i].name, 0);
            total -= files[i].bytes;
        }
    closedir(d);
}
