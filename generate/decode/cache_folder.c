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
#include <xxhash.h>

#include "base/checked.h"

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
    cache_file *files = NULL, *more;
    size_t n = 0, cap = 0;
    uint64_t total = 0;
    struct dirent *e;

    if (!d)
        return;
    while ((e = readdir(d))) {
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
        if (n == cap) {
            more = checked_realloc(files, cap = 2 * cap + 64, sizeof *files);
            if (!more)
                break; /* those seen so far are swept */
            files = more;
        }
        memcpy(files[n].name, e->d_name, strlen(e->d_name) + 1); /* has_suffix: it fits */
        files[n].used_ns = (int64_t)sb.st_mtim.tv_sec * 1000000000 + sb.st_mtim.tv_nsec;
        files[n++].bytes = (uint64_t)sb.st_size;
        total += (uint64_t)sb.st_size;
    }
    if (n)
        qsort(files, n, sizeof *files, by_use);
    for (size_t i = 0; i < n && total > budget; i++)
        if (strcmp(files[i].name, keep)) {
            unlinkat(dirfd(d), files[i].name, 0);
            total -= files[i].bytes;
        }
    free(files);
    closedir(d);
}

bool cache_model_key(const gguf *g, uint64_t version, uint64_t mode, uint64_t *out)
{
    struct stat sb;
    size_t len;
    const uint8_t *front = gguf_front(g, &len);

    if (stat(gguf_path(g), &sb))
        return false;
    const uint64_t parts[] = {version, (uint64_t)sb.st_size, (uint64_t)sb.st_mtim.tv_sec,
                              (uint64_t)sb.st_mtim.tv_nsec, XXH3_64bits(front, len), mode};
    *out = XXH3_64bits(parts, sizeof parts);
    return true;
}

static bool read_all(int fd, uint8_t *data, size_t n)
{
    for (size_t have = 0; have < n;) {
        ssize_t r = pread(fd, data + have, n - have, (off_t)have);
        if (r <= 0)
            return false;
        have += (size_t)r;
    }
    return true;
}

uint8_t *cache_file_read(const char *path, size_t most, size_t *len)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    struct stat sb;
    uint8_t *data = NULL;
    uint64_t want;

    if (fd < 0)
        return NULL;
    if (cache_file_is_ours(fd) && !fstat(fd, &sb) && sb.st_size > 8 && (uint64_t)sb.st_size <= most)
        data = malloc((size_t)sb.st_size);
    if (data) {
        bool good = read_all(fd, data, (size_t)sb.st_size);
        *len = (size_t)sb.st_size - 8;
        if (good) {
            memcpy(&want, data + *len, 8);
            good = XXH3_64bits(data, *len) == want;
        }
        if (good) {
            cache_file_touch(fd);
        } else {
            free(data);
            data = NULL;
        }
    }
    close(fd);
    return data;
}

bool cache_file_write(const char *folder, const char *path, const char *suffix, uint64_t budget,
                      bytes *file)
{
    char temporary[PATH_MAX + 8];
    int fd;

    if (!cache_folder_make(folder))
        return false;
    snprintf(temporary, sizeof temporary, "%s" CACHE_TEMPORARY, path);
    fd = cache_open_temporary(temporary);
    if (fd < 0)
        return false;
    if (bytes_append_u64(file, XXH3_64bits(file->data, file->len)) ||
        !cache_write_all(fd, file->data, file->len, 0)) {
        unlink(temporary);
        close(fd);
        return false;
    }
    if (!cache_publish(fd, folder, temporary, path))
        return false;
    cache_folder_sweep(folder, suffix, budget, path + strlen(folder) + 1, NULL);
    return true;
}
