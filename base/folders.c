/* folders.c - see folders.h. */
#include "base/folders.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PIECE_BYTES ((size_t)1 << 20)

static int remove_one(const char *path, const struct stat *sb, int type, struct FTW *where)
{
    (void)sb;
    (void)type;
    (void)where;
    return remove(path);
}

cairn_status folders_remove(const char *path, cairn_error *err)
{
    if (nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT) && errno != ENOENT)
        return cairn_fail_errno(err, errno, "remove %s", path);
    return CAIRN_OK;
}

uint64_t folders_bytes(const char *path)
{
    char *const roots[] = {(char *)(uintptr_t)path, NULL};
    FTS *walk = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
    FTSENT *e;
    uint64_t total = 0;

    while (walk && (e = fts_read(walk)))
        if (e->fts_info == FTS_F)
            total += (uint64_t)e->fts_statp->st_size;
    if (walk)
        fts_close(walk);
    return total;
}

cairn_status folders_sync(const char *path, cairn_error *err)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    cairn_status st = CAIRN_OK;

    if (fd < 0)
        return cairn_fail_errno(err, errno, "open %s", path);
    if (fsync(fd))
        st = cairn_fail_errno(err, errno, "sync %s", path);
    close(fd);
    return st;
}

/* All bytes of one descriptor to the other, by the kernel where it can. */
static int copy_bytes(int in, int out)
{
    char *buffer = NULL;
    ssize_t n;

    while ((n = copy_file_range(in, NULL, out, NULL, (size_t)1 << 30, 0)) > 0)
        ;
    if (n == 0)
        return 0;
    if (errno != EXDEV && errno != EINVAL && errno != ENOSYS && errno != EOPNOTSUPP &&
        errno != EPERM)
        return -1;
    buffer = malloc(PIECE_BYTES);
    if (!buffer)
        return -1;
    while ((n = read(in, buffer, PIECE_BYTES)) > 0)
        for (ssize_t at = 0, w; at < n; at += w) {
            w = write(out, buffer + at, (size_t)(n - at));
            if (w < 0) {
                n = -1;
                break;
            }
        }
    free(buffer);
    return n < 0 ? -1 : 0;
}

cairn_status folders_copy_file(const char *from, const char *to, cairn_error *err)
{
    int in = open(from, O_RDONLY | O_CLOEXEC | O_NOFOLLOW), out;
    cairn_status st = CAIRN_OK;
    struct stat sb;

    if (in < 0 && errno == ENOENT)
        return cairn_fail(err, CAIRN_ENOTFOUND, "%s does not exist", from);
    if (in < 0)
        return cairn_fail_errno(err, errno, "open %s", from);
    out =
        fstat(in, &sb) ? -1 : open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, sb.st_mode & 0777);
    if (out < 0)
        st = cairn_fail_errno(err, errno, "create %s", to);
    else if (copy_bytes(in, out) || fsync(out))
        st = cairn_fail_errno(err, errno, "write %s", to);
    if (out >= 0 && close(out) && !st)
        st = cairn_fail_errno(err, errno, "close %s", to);
    close(in);
    return st;
}

static cairn_status copy_entry(const char *from, const char *to, const char *name,
                               bool (*go_on)(void *ctx), void *ctx, cairn_error *err)
{
    char *a = NULL, *b = NULL;
    cairn_status st = CAIRN_OK;
    struct stat sb;

    if (asprintf(&a, "%s/%s", from, name) < 0)
        return cairn_fail(err, CAIRN_ENOMEM, "path in %s", from);
    if (asprintf(&b, "%s/%s", to, name) < 0) {
        free(a);
        return cairn_fail(err, CAIRN_ENOMEM, "path in %s", to);
    }
    if (lstat(a, &sb))
        st = errno == ENOENT ? CAIRN_OK
                             : cairn_fail_errno(err, errno, "look at %s", a); /* gone meanwhile */
    else if (S_ISDIR(sb.st_mode))
        st = folders_copy(a, b, go_on, ctx, err);
    else if (S_ISREG(sb.st_mode))
        st = go_on && !go_on(ctx) ? cairn_fail(err, CAIRN_ECANCELLED, "copy of %s", from)
                                  : folders_copy_file(a, b, err);
    free(a);
    free(b);
    return st;
}

cairn_status folders_copy(const char *from, const char *to, bool (*go_on)(void *ctx), void *ctx,
                          cairn_error *err)
{
    cairn_status st = CAIRN_OK;
    DIR *d = opendir(from);

    if (!d && errno == ENOENT)
        return cairn_fail(err, CAIRN_ENOTFOUND, "%s does not exist", from);
    if (!d)
        return cairn_fail_errno(err, errno, "open %s", from);
    if (mkdir(to, 0700))
        st = cairn_fail_errno(err, errno, "make the folder %s", to);
    for (struct dirent *e; !st && (errno = 0, e = readdir(d));)
        if (strcmp(e->d_name, ".") && strcmp(e->d_name, ".."))
            st = copy_entry(from, to, e->d_name, go_on, ctx, err);
    if (!st && errno)
        st = cairn_fail_errno(err, errno, "read %s", from);
    closedir(d);
    return st ? st : folders_sync(to, err);
}

cairn_status folders_place(const char *fresh, const char *path, bool *exchanged, cairn_error *err)
{
    char *aside = NULL;

    *exchanged = false;
    if (renameat2(AT_FDCWD, fresh, AT_FDCWD, path, RENAME_NOREPLACE) == 0)
        return CAIRN_OK;
    if (errno == EEXIST && renameat2(AT_FDCWD, fresh, AT_FDCWD, path, RENAME_EXCHANGE) == 0) {
        *exchanged = true;
        return CAIRN_OK;
    }
    if (errno != EINVAL && errno != ENOSYS)
        return cairn_fail_errno(err, errno, "rename %s to %s", fresh, path);
    /* A file system without these flags: by way of a third name. */
    if (access(path, F_OK))
        return rename(fresh, path) ? cairn_fail_errno(err, errno, "rename %s to %s", fresh, path)
                                   : CAIRN_OK;
    if (asprintf(&aside, "%s.aside", fresh) < 0)
        return cairn_fail(err, CAIRN_ENOMEM, "path %s", fresh);
    cairn_status st = CAIRN_OK;
    if (rename(path, aside))
        st = cairn_fail_errno(err, errno, "rename %s", path);
    else if (rename(fresh, path)) {
        st = cairn_fail_errno(err, errno, "rename %s to %s", fresh, path);
        (void)rename(aside, path);
    } else if (rename(aside, fresh))
        st = cairn_fail_errno(err, errno, "rename %s", aside);
    else
        *exchanged = true;
    free(aside);
    return st;
}
