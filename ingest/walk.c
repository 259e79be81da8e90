/* walk.c - a depth-first walk over open directory descriptors.
 *
 * Each folder is opened relative to its parent's descriptor with O_NOFOLLOW, so a folder swapped
 * for a link while we walk is not followed out of the tree. Its names are read whole and sorted,
 * then visited; only the descriptors on the way down are open (at most WALK_MAX_DEPTH).
 *
 * Loops: the (device, inode) of every entered folder is kept in a hash set and none is entered
 * twice, whatever links or bind mounts lead to it. */
#include "ingest/walk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/checked.h"

typedef struct folder_id {
    uint64_t dev, ino;
} folder_id;

typedef struct walker {
    walk_options opt;
    walk_fn *found;
    walk_fail_fn *failed;
    void *ctx;
    cairn_error *err;
    bytes path;      /* of the entry in hand */
    folder_id *seen; /* open addressing; ino 0 = free */
    size_t n_seen, seen_cap;
} walker;

static const char *const ignored_names[] = {
    /* version control */
    ".git",
    ".hg",
    ".svn",
    ".bzr",
    ".jj",
    "CVS",
    "_darcs",
    /* packages and build caches */
    "node_modules",
    "bower_components",
    "__pycache__",
    ".tox",
    ".venv",
    ".mypy_cache",
    ".pytest_cache",
    ".gradle",
    ".cache",
    ".ccache",
    ".eggs",
    ".terraform",
    ".next",
    ".nuxt",
    "CMakeFiles",
    ".ipynb_checkpoints",
    /* file managers and systems */
    ".DS_Store",
    "Thumbs.db",
    "desktop.ini",
    "$RECYCLE.BIN",
    "System Volume Information",
    "lost+found",
    ".Trash",
    ".Trashes",
    ".fseventsd",
    ".Spotlight-V100",
};

bool walk_is_ignored(const char *name)
{
    for (size_t i = 0; i < sizeof ignored_names / sizeof *ignored_names; i++)
        if (!strcmp(name, ignored_names[i]))
            return true;
    return false;
}

static bool left_out(const walker *w, const char *name)
{
    return (!w->opt.hidden && name[0] == '.') || (!w->opt.no_ignores && walk_is_ignored(name));
}

/* True when the folder is new. Without memory it says "seen", which is safe. */
static bool enter_once(walker *w, uint64_t dev, uint64_t ino)
{
    size_t i;

    if (w->n_seen * 2 >= w->seen_cap) {
        size_t cap = w->seen_cap ? w->seen_cap * 2 : 64;
        folder_id *more = checked_malloc(cap, sizeof *more);
        if (!more)
            return false;
        memset(more, 0, cap * sizeof *more);
        for (size_t k = 0; k < w->seen_cap; k++)
            if (w->seen[k].ino) {
                i = (w->seen[k].ino * 0x9E3779B97F4A7C15u ^ w->seen[k].dev) & (cap - 1);
                while (more[i].ino)
                    i = (i + 1) & (cap - 1);
                more[i] = w->seen[k];
            }
        free(w->seen);
        w->seen = more;
        w->seen_cap = cap;
    }
    i = (ino * 0x9E3779B97F4A7C15u ^ dev) & (w->seen_cap - 1);
    for (; w->seen[i].ino; i = (i + 1) & (w->seen_cap - 1))
        if (w->seen[i].ino == ino && w->seen[i].dev == dev)
            return false;
    w->seen[i].dev = dev;
    w->seen[i].ino = ino;
    w->n_seen++;
    return true;
}

static void report(walker *w, cairn_status code, const char *reason)
{
    if (w->failed)
        w->failed(w->ctx, w->path.data, code, reason);
}

static void report_errno(walker *w, int errnum)
{
    report(w, errnum == ENOENT ? CAIRN_ENOTFOUND : CAIRN_EINPUT,
           errnum == ENOENT ? "vanished while it was looked at" : strerror(errnum));
}

static const char *special_kind(mode_t mode)
{
    if (S_ISFIFO(mode))
        return "a named pipe, not a regular file";
    if (S_ISSOCK(mode))
        return "a socket, not a regular file";
    if (S_ISCHR(mode) || S_ISBLK(mode))
        return "a device, not a regular file";
    return "not a regular file";
}

static cairn_status give_file(walker *w, const struct stat *sb)
{
    walk_entry e = {
        .path = w->path.data,
        .size = sb->st_size,
        .mtime_ns = (int64_t)sb->st_mtim.tv_sec * 1000000000 + sb->st_mtim.tv_nsec,
        .dev = (uint64_t)sb->st_dev,
        .ino = (uint64_t)sb->st_ino,
    };

    if (e.size > w->opt.max_file_bytes) {
        char reason[96];
        snprintf(reason, sizeof reason, "%lld MiB, larger than the limit of %lld MiB",
                 (long long)(e.size >> 20), (long long)(w->opt.max_file_bytes >> 20));
        report(w, CAIRN_ELIMIT, reason);
        return CAIRN_OK;
    }
    if (!w->found(w->ctx, &e))
        return cairn_fail(w->err, CAIRN_ECANCELLED, "the walk was stopped");
    return CAIRN_OK;
}

typedef struct name_list {
    char **at;
    size_t n, cap;
} name_list;

static void names_clear(name_list *l)
{
    for (size_t i = 0; i < l->n; i++)
        free(l->at[i]);
    free(l->at);
}

static int by_bytes(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Every name of the folder, sorted. Closes fd. Errors of reading are reported, not returned. */
static cairn_status read_names(walker *w, int fd, name_list *l)
{
    DIR *dir = fdopendir(fd);
    struct dirent *ent;

    if (!dir) {
        report_errno(w, errno);
        close(fd);
        return CAIRN_OK;
    }
    while (errno = 0, (ent = readdir(dir)) != NULL) {
        if (!strcmp(ent->d_name, ".") || !strcmp(ent->d_name, "..") || left_out(w, ent->d_name))
            continue;
        if (l->n == l->cap) {
            size_t cap = l->cap ? l->cap * 2 : 32;
            char **more = checked_realloc(l->at, cap, sizeof *more);
            if (!more)
                goto nomem;
            l->at = more;
            l->cap = cap;
        }
        l->at[l->n] = strdup(ent->d_name);
        if (!l->at[l->n])
            goto nomem;
        l->n++;
    }
    if (errno)
        report_errno(w, errno);
    closedir(dir);
    if (l->n)
        qsort(l->at, l->n, sizeof *l->at, by_bytes);
    return CAIRN_OK;
nomem:
    closedir(dir);
    return cairn_fail(w->err, CAIRN_ENOMEM, "the names in a folder");
}

static cairn_status walk_folder(walker *w, int fd, unsigned depth);

/* w->path names the entry `name` of the folder dirfd (or, for a named path, AT_FDCWD and itself).
 */
static cairn_status visit(walker *w, int dirfd, const char *name, bool follow, unsigned depth)
{
    struct stat sb;
    int fd;

    if (fstatat(dirfd, name, &sb, follow ? 0 : AT_SYMLINK_NOFOLLOW)) {
        if (follow && (errno == ENOENT || errno == ELOOP))
            report(w, CAIRN_ENOTFOUND,
                   errno == ELOOP ? "a loop of symbolic links" : "a symbolic link to nothing");
        else
            report_errno(w, errno);
        return CAIRN_OK;
    }
    if (S_ISREG(sb.st_mode))
        return give_file(w, &sb);
    if (S_ISLNK(sb.st_mode))
        return CAIRN_OK;
    if (!S_ISDIR(sb.st_mode)) {
        report(w, CAIRN_EUNSUPPORTED, special_kind(sb.st_mode));
        return CAIRN_OK;
    }
    if (depth >= WALK_MAX_DEPTH) {
        report(w, CAIRN_ELIMIT, "more than 256 folders deep");
        return CAIRN_OK;
    }
    fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | (follow ? 0 : O_NOFOLLOW));
    if (fd < 0 || fstat(fd, &sb)) {
        report_errno(w, errno);
        if (fd >= 0)
            close(fd);
        return CAIRN_OK;
    }
    if (!enter_once(w, (uint64_t)sb.st_dev, (uint64_t)sb.st_ino)) {
        close(fd);
        return CAIRN_OK;
    }
    return walk_folder(w, fd, depth);
}

/* Owns fd. */
static cairn_status walk_folder(walker *w, int fd, unsigned depth)
{
    name_list names = {0};
    size_t len = w->path.len;
    int names_fd = fcntl(fd, F_DUPFD_CLOEXEC, 0); /* fdopendir takes its descriptor over */
    cairn_status st = CAIRN_OK;

    if (names_fd < 0)
        report_errno(w, errno);
    else
        st = read_names(w, names_fd, &names);
    for (size_t i = 0; i < names.n && !st; i++) {
        w->path.data[w->path.len = len] = 0;
        if ((len && w->path.data[len - 1] != '/' && bytes_append(&w->path, "/", 1)) ||
            bytes_append_str(&w->path, names.at[i])) {
            w->path.data[w->path.len = len] = 0;
            report(w, CAIRN_ELIMIT, "a path that is too long");
            continue;
        }
        st = visit(w, fd, names.at[i], w->opt.follow_symlinks, depth + 1);
    }
    w->path.data[w->path.len = len] = 0;
    names_clear(&names);
    close(fd);
    return st;
}

/* True when walking `root` reaches `path` by itself. Both are real paths. */
static bool reached_from(const walker *w, const char *root, const char *path)
{
    size_t n = strlen(root);
    char name[NAME_MAX + 1];
    const char *p;

    if (!strcmp(root, path))
        return true;
    if (n == 1)
        n = 0; /* "/" */
    if (strncmp(root, path, n) != 0 || path[n] != '/')
        return false;
    for (p = path + n; *p == '/';) {
        size_t len = strcspn(++p, "/");
        if (len > NAME_MAX)
            return false;
        memcpy(name, p, len);
        name[len] = 0;
        if (left_out(w, name))
            return false;
        p += len;
    }
    return true;
}

cairn_status ingest_walk(const char *const *paths, size_t n, const walk_options *options,
                         walk_fn *found, walk_fail_fn *failed, void *ctx, cairn_error *err)
{
    walker w = {.found = found, .failed = failed, .ctx = ctx, .err = err};
    char **roots = calloc(n ? n : 1, sizeof *roots);
    size_t n_roots = 0;
    cairn_status st = CAIRN_OK;

    if (options)
        w.opt = *options;
    if (w.opt.max_file_bytes <= 0)
        w.opt.max_file_bytes = WALK_MAX_FILE_BYTES;
    bytes_init(&w.path, (size_t)1 << 20);
    if (!roots)
        return cairn_fail(err, CAIRN_ENOMEM, "the paths of a walk");
    for (size_t i = 0; i < n; i++) {
        char *real = realpath(paths[i], NULL);
        if (real)
            roots[n_roots++] = real;
        else if (failed)
            failed(ctx, paths[i], errno == ENOENT ? CAIRN_ENOTFOUND : CAIRN_EINPUT,
                   strerror(errno));
    }
    qsort(roots, n_roots, sizeof *roots, by_bytes);
    for (size_t i = 0; i < n_roots && !st; i++) {
        bool covered = false;
        for (size_t k = 0; k < i && !covered; k++)
            covered = reached_from(&w, roots[k], roots[i]);
        if (covered)
            continue;
        bytes_reset(&w.path);
        if (bytes_append_str(&w.path, roots[i])) {
            st = cairn_fail(err, CAIRN_ENOMEM, "a path");
            break;
        }
        st = visit(&w, AT_FDCWD, roots[i], true, 0);
    }
    for (size_t i = 0; i < n_roots; i++)
        free(roots[i]);
    free(roots);
    free(w.seen);
    bytes_clear(&w.path);
    return st;
}
