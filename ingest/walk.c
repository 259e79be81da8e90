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
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <linux/magic.h>

#include "base/bytes.h"
#include "base/checked.h"
#include "base/clock.h"
#include "ingest/rules.h"

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
    rules ignore, exclude, include;
    folder_id own;      /* of opt.own; ino 0: there is none */
    bool in_repository; /* the folder in hand, or one above it, holds .git */
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

/* Copies that editors keep beside a file (report.txt~, #report.txt#), Word's note of who has it open (~$report.docx),
 * and what a browser has not loaded whole. */
static bool is_passing(const char *name)
{
    static const char *const ends[] = {"~", ".crdownload", ".part"};
    size_t len = strlen(name);

    if (!strncmp(name, "~$", 2) || (len > 2 && name[0] == '#' && name[len - 1] == '#'))
        return true;
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        size_t n = strlen(ends[i]);
        if (len > n && !strcmp(name + len - n, ends[i]))
            return true;
    }
    return false;
}

bool walk_is_ignored(const char *name)
{
    if (is_passing(name))
        return true;
    for (size_t i = 0; i < sizeof ignored_names / sizeof *ignored_names; i++)
        if (!strcmp(name, ignored_names[i]))
            return true;
    return false;
}

/* Files that say of the folder they lie in that a program can make it again. */
static const struct {
    const char *name, *says;
} markers[] = {
    {"CACHEDIR.TAG", "a cache folder"},
    {"CMakeCache.txt", "a build tree of CMake"},
    {"meson-private", "a build tree of Meson"},
    {"pyvenv.cfg", "a virtual environment of Python"},
};

static bool is_kernel_fs(int fd)
{
    static const unsigned long kinds[] = {
        PROC_SUPER_MAGIC,   SYSFS_MAGIC,   DEBUGFS_MAGIC,      TRACEFS_MAGIC, SECURITYFS_MAGIC,
        CGROUP_SUPER_MAGIC, CGROUP2_SUPER_MAGIC, BPF_FS_MAGIC, DEVPTS_SUPER_MAGIC,
        0x6165676CUL /* pstore */, 0x62656570UL /* configfs */,
    };
    struct statfs fs;

    if (fstatfs(fd, &fs))
        return false;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if ((unsigned long)fs.f_type == kinds[i])
            return true;
    return false;
}

static void skip(const walker *w, bool folder, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
static void skip(const walker *w, bool folder, const char *fmt, ...)
{
    char reason[1024];
    va_list ap;

    if (!w->opt.skipped)
        return;
    va_start(ap, fmt);
    vsnprintf(reason, sizeof reason, fmt, ap);
    va_end(ap);
    w->opt.skipped(w->ctx, w->path.data, folder, reason);
}

/* Is w->path, whose last part is `name`, not to be looked at? Says so. */
static bool left_out(const walker *w, const char *name, bool folder)
{
    rules_reason why;

    if (rules_check(&w->exclude, w->path.data, folder, &why) == RULES_IGNORE) {
        skip(w, folder, "excluded by %s", why.pattern);
        return true;
    }
    switch (rules_check(&w->ignore, w->path.data, folder, &why)) {
    case RULES_IGNORE:
        skip(w, folder, "ignored by %s line %zu: %s", why.source, why.line, why.pattern);
        return true;
    case RULES_TAKE:
        break;
    case RULES_SILENT:
        if (!w->opt.no_ignores && walk_is_ignored(name)) {
            skip(w, folder, "left out by its name");
            return true;
        }
        if (!w->opt.hidden && name[0] == '.') {
            skip(w, folder, "hidden");
            return true;
        }
    }
    if (!folder && w->opt.include &&
        rules_check(&w->include, w->path.data, false, NULL) != RULES_IGNORE) {
        skip(w, folder, "not among what is to be included");
        return true;
    }
    return false;
}

static int compare_paths(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Does one of opt.only lie at, above or below w->path? */
static bool is_wanted(walker *w)
{
    const char *const *only = w->opt.only;
    char *path = w->path.data;
    size_t low = 0, high = w->opt.n_only, len = w->path.len;

    if (!only)
        return true;
    for (char *at = path + 1; at <= path + len; at++) /* itself and the folders above */
        if (*at == '/' || !*at) {
            char was = *at;
            bool hit;
            *at = 0;
            hit = bsearch(&path, only, w->opt.n_only, sizeof *only, compare_paths) != NULL;
            *at = was;
            if (hit)
                return true;
        }
    if (len == 1)
        return w->opt.n_only > 0;
    while (low < high) { /* the first one that is not less than "path/" */
        size_t mid = low + (high - low) / 2;
        int order = strncmp(only[mid], path, len);
        if (order < 0 || (!order && (unsigned char)only[mid][len] < '/'))
            low = mid + 1;
        else
            high = mid;
    }
    return low < w->opt.n_only && !strncmp(only[low], path, len) &&
           only[low][len] == '/';
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
        .mtime_ns = clock_stored_ns(sb->st_mtim),
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
        if (!strcmp(ent->d_name, ".") || !strcmp(ent->d_name, ".."))
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
    if (S_ISLNK(sb.st_mode) || (depth && left_out(w, name, S_ISDIR(sb.st_mode))))
        return CAIRN_OK;
    if (S_ISREG(sb.st_mode))
        return give_file(w, &sb);
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
    if (w->own.ino && (uint64_t)sb.st_dev == w->own.dev && (uint64_t)sb.st_ino == w->own.ino) {
        if (depth)
            skip(w, true, "the index itself");
        else
            report(w, CAIRN_EINPUT, "the index itself is not indexed");
        close(fd);
        return CAIRN_OK;
    }
    if (!enter_once(w, (uint64_t)sb.st_dev, (uint64_t)sb.st_ino)) {
        close(fd);
        return CAIRN_OK;
    }
    return walk_folder(w, fd, depth);
}

static bool has_name(const name_list *l, const char *name)
{
    return l->n && bsearch(&name, l->at, l->n, sizeof *l->at, by_bytes);
}

/* Push an ignore file; one that cannot be used is reported and says nothing. */
static void push_ignore_file(walker *w, int fd, const char *name)
{
    cairn_error err = {0};

    if (rules_push_file(&w->ignore, fd, name, w->path.data, &err))
        report(w, err.code, err.text);
}

static void push_ignore_files(walker *w, int fd, const name_list *names)
{
    if (w->opt.no_ignore_files)
        return;
    if (has_name(names, ".git")) {
        w->in_repository = true;
        push_ignore_file(w, fd, ".git/info/exclude");
    }
    if (w->in_repository && has_name(names, ".gitignore"))
        push_ignore_file(w, fd, ".gitignore");
    if (has_name(names, ".cairnignore"))
        push_ignore_file(w, fd, ".cairnignore");
}

/* A folder inside a named one that says it can be made again, or whose files are the kernel's. */
static bool is_worthless(const walker *w, int fd, const name_list *names, unsigned depth)
{
    rules_reason why;

    if (!depth || w->opt.no_ignores ||
        rules_check(&w->ignore, w->path.data, true, &why) == RULES_TAKE)
        return false;
    if (is_kernel_fs(fd)) {
        skip(w, true, "a file system of the kernel");
        return true;
    }
    for (size_t i = 0; i < sizeof markers / sizeof *markers; i++)
        if (has_name(names, markers[i].name)) {
            skip(w, true, "%s: it holds %s", markers[i].says, markers[i].name);
            return true;
        }
    return false;
}

static cairn_status visit_names(walker *w, int fd, const name_list *names, unsigned depth)
{
    size_t len = w->path.len;
    cairn_status st = CAIRN_OK;

    for (size_t i = 0; i < names->n && !st; i++) {
        w->path.data[w->path.len = len] = 0;
        if ((len && w->path.data[len - 1] != '/' && bytes_append(&w->path, "/", 1)) ||
            bytes_append_str(&w->path, names->at[i])) {
            w->path.data[w->path.len = len] = 0;
            report(w, CAIRN_ELIMIT, "a path that is too long");
            continue;
        }
        if (is_wanted(w))
            st = visit(w, fd, names->at[i], w->opt.follow_symlinks, depth + 1);
    }
    w->path.data[w->path.len = len] = 0;
    return st;
}

/* Owns fd. */
static cairn_status walk_folder(walker *w, int fd, unsigned depth)
{
    name_list names = {0};
    size_t n_ignore = w->ignore.n;
    bool in_repository = w->in_repository;
    int names_fd;
    cairn_status st = CAIRN_OK;

    if (w->opt.entered)
        w->opt.entered(w->ctx, w->path.data);
    names_fd = fcntl(fd, F_DUPFD_CLOEXEC, 0); /* fdopendir takes its descriptor over */
    if (names_fd < 0)
        report_errno(w, errno);
    else
        st = read_names(w, names_fd, &names);
    if (!st && !is_worthless(w, fd, &names, depth)) {
        push_ignore_files(w, fd, &names);
        st = visit_names(w, fd, &names, depth);
    }
    rules_pop(&w->ignore, n_ignore);
    w->in_repository = in_repository;
    names_clear(&names);
    close(fd);
    return st;
}

/* The ignore files of the folders above `root`, outermost first. */
static cairn_status push_rules_above(walker *w, const char *root)
{
    char path[PATH_MAX];
    size_t len = strlen(root);

    w->in_repository = false;
    if (w->opt.no_ignore_files || len >= sizeof path || len < 2)
        return CAIRN_OK;
    for (size_t i = 0; i < len; i++) {
        name_list names = {0};
        const char *const look_for[] = {".cairnignore", ".git", ".gitignore"};
        int fd;
        if (root[i] != '/')
            continue;
        memcpy(path, root, i ? i : 1);
        path[i ? i : 1] = 0;
        fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0)
            continue; /* a folder one may pass through and not read */
        names.at = calloc(3, sizeof *names.at);
        for (int k = 0; names.at && k < 3; k++)
            if (!faccessat(fd, look_for[k], F_OK, AT_SYMLINK_NOFOLLOW))
                names.at[names.n++] = strdup(look_for[k]);
        bytes_reset(&w->path);
        if (!names.at || bytes_append_str(&w->path, path)) {
            names_clear(&names);
            close(fd);
            return cairn_fail(w->err, CAIRN_ENOMEM, "the rules above %s", root);
        }
        push_ignore_files(w, fd, &names);
        names_clear(&names);
        close(fd);
    }
    return CAIRN_OK;
}

/* Walk from one named path. */
static cairn_status walk_root(walker *w, const char *root)
{
    size_t base = strlen(root) > 1 ? strlen(root) : 0;
    const char *exclude = w->opt.exclude ? w->opt.exclude : "",
               *include = w->opt.include ? w->opt.include : "";
    cairn_status st = CAIRN_OK;

    if (w->opt.ignore_file && !w->opt.no_ignore_files)
        st = rules_push_path(&w->ignore, w->opt.ignore_file, base, w->err);
    if (!st)
        st = push_rules_above(w, root);
    if (!st)
        st = rules_push(&w->exclude, "exclude", base, exclude, strlen(exclude), w->err);
    if (!st)
        st = rules_push(&w->include, "include", base, include, strlen(include), w->err);
    bytes_reset(&w->path);
    if (!st && bytes_append_str(&w->path, root))
        st = cairn_fail(w->err, CAIRN_ENOMEM, "a path");
    if (!st && is_wanted(w))
        st = visit(w, AT_FDCWD, root, true, 0);
    rules_pop(&w->ignore, 0);
    rules_pop(&w->exclude, 0);
    rules_pop(&w->include, 0);
    return st;
}

static void walker_init(walker *w)
{
    struct stat sb;

    if (w->opt.own && !stat(w->opt.own, &sb))
        w->own = (folder_id){(uint64_t)sb.st_dev, (uint64_t)sb.st_ino};
    if (w->opt.max_file_bytes <= 0)
        w->opt.max_file_bytes = WALK_MAX_FILE_BYTES;
    bytes_init(&w->path, (size_t)1 << 20);
    rules_init(&w->ignore);
    rules_init(&w->exclude);
    rules_init(&w->include);
}

static void walker_clear(walker *w)
{
    free(w->seen);
    bytes_clear(&w->path);
    rules_clear(&w->ignore);
    rules_clear(&w->exclude);
    rules_clear(&w->include);
}

typedef struct reaching {
    const char *path;
    bool reached;
} reaching;

static void reach_folder(void *ctx, const char *path)
{
    reaching *r = ctx;
    r->reached |= !strcmp(path, r->path);
}

static bool reach_file(void *ctx, const walk_entry *e)
{
    reaching *r = ctx;
    r->reached |= !strcmp(e->path, r->path);
    return !r->reached;
}

/* True when walking `root` reaches `path` by itself. Both are real paths. */
static bool reached_from(const walker *w, const char *root, const char *path)
{
    size_t n = strlen(root);
    reaching r = {.path = path};
    walker inner = {.opt = w->opt, .found = reach_file, .ctx = &r};

    if (!strcmp(root, path))
        return true;
    if (n == 1)
        n = 0; /* "/" */
    if (strncmp(root, path, n) != 0 || path[n] != '/')
        return false;
    inner.opt.only = &path;
    inner.opt.n_only = 1;
    inner.opt.entered = reach_folder;
    inner.opt.skipped = NULL;
    walker_init(&inner);
    walk_root(&inner, root); /* its status says only that it was stopped */
    walker_clear(&inner);
    return r.reached;
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
    walker_init(&w);
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
        if (!covered)
            st = walk_root(&w, roots[i]);
    }
    for (size_t i = 0; i < n_roots; i++)
        free(roots[i]);
    free(roots);
    walker_clear(&w);
    return st;
}
