/* watch_fanotify.c - one mark for a whole file system; see watch_way.h.
 *
 * The kernel tells of every folder of the file system, by its handle (a number of the file system's that stays with the
 * folder whatever it is called) and the name in it. What is ours is a set of handles: the folders that the walk
 * entered. So what happens elsewhere, in folders that rules leave out or in Cairn's own store costs one look into a
 * table and nothing else, and where a folder of ours lies now is asked only when something happened in it. No inode is
 * kept in the kernel's memory, and a folder that moves needs nothing at all.
 *
 * The set holds 52 bits of a hash of file system and handle, and the number of the mount by which the walk came there: a
 * folder may be seen by several, and its path depends on that. Two folders with equal hashes are one folder too
 * many to look at, which costs a look.
 *
 * Needs CAP_SYS_ADMIN (a mark on a file system) and CAP_DAC_READ_SEARCH (opening a handle), both of the first user
 * namespace, and Linux 5.9. Not every file system has handles that lead back to a path (overlayfs), and the subvolumes
 * of btrfs share one file system under several numbers: each mount is tried once, when the walk comes to it, with the
 * folder itself.
 *
 * A mount is opened only while events are read, so that a disk can be unmounted. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fanotify.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <linux/magic.h>
#include <xxhash.h>

#include "base/checked.h"
#include "ingest/watch_way.h"

#define EVENTS                                                                                     \
    (FAN_CLOSE_WRITE | FAN_CREATE | FAN_DELETE | FAN_MOVED_FROM | FAN_MOVED_TO | FAN_ATTRIB | FAN_ONDIR)
#define MAX_PLACES 4095

/* Slots of the set: 0 is free, 1 was removed, others hold a hash and, in the low bits, a place. */
#define SLOT_FREE    0
#define SLOT_REMOVED 1
#define PLACE_BITS   12
#define PLACE_MASK   (((uint64_t)1 << PLACE_BITS) - 1)

typedef union handle {
    struct file_handle h;
    char bytes[sizeof(struct file_handle) + MAX_HANDLE_SZ];
} handle;

/* A mount that the walk came to. */
typedef struct place {
    int mount;     /* the kernel's number of it; -1: it tells none, and dev counts */
    uint64_t dev;
    uint64_t fsid;
    char *path;    /* where it is mounted */
    char why[120]; /* it has no mark, or "" */
    int fd;        /* of path, while events are read, or -1 */
} place;

struct watch_fanotify {
    int fd;
    watch_ear ear;
    place *places;
    size_t n_places, places_cap;
    uint64_t *slots; /* [cap], cap a power of two */
    size_t cap, used, n;
    char **ends; /* folders whose removal is told, and their slots */
    uint64_t *ends_slot;
    size_t n_ends, ends_cap;
};

cairn_status watch_fanotify_open(watch_fanotify **out, const watch_ear *ear, cairn_error *err)
{
    watch_fanotify *w = calloc(1, sizeof *w);

    *out = NULL;
    if (!w)
        return cairn_fail(err, CAIRN_ENOMEM, "a watch of file systems");
    w->ear = *ear;
    w->fd = fanotify_init(FAN_CLASS_NOTIF | FAN_CLOEXEC | FAN_NONBLOCK | FAN_REPORT_DFID_NAME | FAN_UNLIMITED_MARKS,
                          O_RDONLY);
    if (w->fd < 0) {
        const char *why = errno == EPERM    ? "it needs the capabilities CAP_SYS_ADMIN and CAP_DAC_READ_SEARCH"
                          : errno == EINVAL ? "this kernel's tells no names (from 5.9 on it does)"
                          : errno == ENOSYS ? "this kernel has none"
                                            : strerror(errno);
        cairn_status st = cairn_fail(err, CAIRN_EUNSUPPORTED, "fanotify: %s", why);
        free(w);
        return st;
    }
    *out = w;
    return CAIRN_OK;
}

static void forget_places(watch_fanotify *w)
{
    for (size_t i = 0; i < w->n_places; i++)
        free(w->places[i].path);
    for (size_t i = 0; i < w->n_ends; i++)
        free(w->ends[i]);
    w->n_places = w->n_ends = 0;
}

void watch_fanotify_close(watch_fanotify *w)
{
    if (!w)
        return;
    close(w->fd);
    forget_places(w);
    free(w->places);
    free(w->ends);
    free(w->ends_slot);
    free(w->slots);
    free(w);
}

int watch_fanotify_fd(const watch_fanotify *w)
{
    return w->fd;
}

size_t watch_fanotify_folders(const watch_fanotify *w)
{
    return w->n;
}

void watch_fanotify_begin(watch_fanotify *w)
{
    /* The numbers of mounts are given again, so they are asked again. */
    forget_places(w);
    if (w->cap)
        memset(w->slots, 0, w->cap * sizeof *w->slots);
    w->used = w->n = 0;
}

/* ---- the set of folders ---- */

static uint64_t hash_of(uint64_t fsid, const void *bytes, size_t n)
{
    uint64_t h = XXH3_64bits_withSeed(bytes, n, fsid) & ~PLACE_MASK;

    return h ? h : (uint64_t)1 << PLACE_BITS;
}

/* The slot of a hash, or NULL. */
static uint64_t *find(const watch_fanotify *w, uint64_t hash)
{
    if (w->cap)
        for (size_t i = (hash >> PLACE_BITS) & (w->cap - 1); w->slots[i] != SLOT_FREE; i = (i + 1) & (w->cap - 1))
            if ((w->slots[i] & ~PLACE_MASK) == hash)
                return &w->slots[i];
    return NULL;
}

static void put(uint64_t *slots, size_t cap, uint64_t value)
{
    size_t i = (value >> PLACE_BITS) & (cap - 1);

    while (slots[i] != SLOT_FREE)
        i = (i + 1) & (cap - 1);
    slots[i] = value;
}

static bool grow(watch_fanotify *w)
{
    size_t cap = 64;
    uint64_t *more;

    while (cap < (w->n + 1) * 2)
        cap *= 2;
    more = checked_malloc(cap, sizeof *more);
    if (!more)
        return false;
    memset(more, 0, cap * sizeof *more);
    for (size_t i = 0; i < w->cap; i++)
        if (w->slots[i] > SLOT_REMOVED)
            put(more, cap, w->slots[i]);
    free(w->slots);
    w->slots = more;
    w->cap = cap;
    w->used = w->n;
    return true;
}

static void forget(watch_fanotify *w, uint64_t *slot)
{
    *slot = SLOT_REMOVED;
    w->n--;
}

/* ---- mounts ---- */

/* Where mount number `id` is mounted; false: the kernel does not say. */
static bool mounted_at(int id, char *out, size_t size)
{
    FILE *f = fopen("/proc/self/mountinfo", "re");
    char *line = NULL, at[PATH_MAX];
    size_t cap = 0;
    bool found = false;

    while (f && !found && getline(&line, &cap, f) > 0) {
        int this;
        if (sscanf(line, "%d %*d %*s %*s %4095s", &this, at) != 2 || this != id)
            continue;
        /* Blanks and the like are written as \040. */
        size_t n = 0;
        for (const char *p = at; *p && n + 1 < size; n++)
            if (*p == '\\' && p[1] && p[2] && p[3]) {
                out[n] = (char)((p[1] - '0') << 6 | (p[2] - '0') << 3 | (p[3] - '0'));
                p += 4;
            } else {
                out[n] = *p++;
            }
        out[n] = 0;
        found = true;
    }
    free(line);
    if (f)
        fclose(f);
    return found;
}

/* The path of an open folder; false: it has none any more. */
static bool path_of(int fd, char out[PATH_MAX])
{
    char link[40];
    struct stat sb;
    ssize_t n;

    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    n = readlink(link, out, PATH_MAX - 1);
    if (n <= 0 || out[0] != '/' || fstat(fd, &sb) || !sb.st_nlink)
        return false;
    out[n] = 0;
    return true;
}

/* Where the folder of this handle lies, as seen from the mount. errno is ESTALE when it is gone. */
static bool resolve(place *p, handle *h, char out[PATH_MAX])
{
    bool ok;
    int fd;

    if (p->fd < 0)
        p->fd = open(p->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (p->fd < 0)
        return false;
    fd = open_by_handle_at(p->fd, &h->h, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return false;
    ok = path_of(fd, out);
    close(fd);
    if (!ok)
        errno = ESTALE;
    return ok;
}

static void close_places(watch_fanotify *w)
{
    for (size_t i = 0; i < w->n_places; i++)
        if (w->places[i].fd >= 0) {
            close(w->places[i].fd);
            w->places[i].fd = -1;
        }
}

static void refuse(place *p, const char *why)
{
    snprintf(p->why, sizeof p->why, "%s", why);
}

/* Can the file system of `path` be followed by a mark? Places it. */
static void try_place(watch_fanotify *w, place *p, const char *path, handle *h)
{
    char seen[PATH_MAX];
    struct statfs fs;

    if (statfs(path, &fs)) {
        refuse(p, strerror(errno));
    } else if (fs.f_type == BTRFS_SUPER_MAGIC) {
        refuse(p, "btrfs: subvolumes share one file system");
    } else if (!resolve(p, h, seen)) {
        refuse(p, errno == EPERM ? "it needs the capability CAP_DAC_READ_SEARCH"
                                 : "its folders cannot be found by their handles");
    } else if (strcmp(seen, path)) {
        refuse(p, "its folders have other paths by their handles");
    } else if (fanotify_mark(w->fd, FAN_MARK_ADD | FAN_MARK_FILESYSTEM, EVENTS, AT_FDCWD, path)) {
        refuse(p, errno == EPERM ? "it needs the capability CAP_SYS_ADMIN" : strerror(errno));
    } else {
        memcpy(&p->fsid, &fs.f_fsid, sizeof p->fsid);
    }
    if (p->fd >= 0) {
        close(p->fd);
        p->fd = -1;
    }
}

static place *find_place(const watch_fanotify *w, int mount, uint64_t dev)
{
    for (size_t i = w->n_places; i-- > 0;)
        if (w->places[i].mount == mount && (mount >= 0 || w->places[i].dev == dev))
            return &w->places[i];
    return NULL;
}

/* NULL without memory, or when there are too many. */
static place *new_place(watch_fanotify *w, int mount, uint64_t dev, const char *path)
{
    char top[PATH_MAX];
    place *p;

    if (w->n_places >= MAX_PLACES)
        return NULL;
    if (w->n_places == w->places_cap) {
        size_t cap = w->places_cap ? w->places_cap * 2 : 4;
        place *more = checked_realloc(w->places, cap, sizeof *more);
        if (!more)
            return NULL;
        w->places = more;
        w->places_cap = cap;
    }
    p = &w->places[w->n_places];
    *p = (place){.mount = mount, .dev = dev, .fd = -1};
    p->path = strdup(mount >= 0 && mounted_at(mount, top, sizeof top) ? top : path);
    if (!p->path)
        return NULL;
    w->n_places++;
    return p;
}

bool watch_fanotify_place(const watch_fanotify *w, size_t i, watch_place *out)
{
    if (i >= w->n_places)
        return false;
    *out = (watch_place){.path = w->places[i].path,
                         .way = *w->places[i].why ? WATCH_BY_INOTIFY : WATCH_BY_FANOTIFY,
                         .why = *w->places[i].why ? w->places[i].why : NULL};
    return true;
}

/* ---- folders ---- */

/* Be told when the folder itself is removed. Without memory that is seen by its name alone. */
static void tell_its_end(watch_fanotify *w, const char *path, uint64_t hash)
{
    if (fanotify_mark(w->fd, FAN_MARK_ADD | FAN_MARK_ONLYDIR, FAN_DELETE_SELF | FAN_ONDIR, AT_FDCWD, path))
        return;
    for (size_t i = 0; i < w->n_ends; i++)
        if (w->ends_slot[i] == hash)
            return;
    if (w->n_ends == w->ends_cap) {
        size_t cap = w->ends_cap ? w->ends_cap * 2 : 4;
        char **more = checked_realloc(w->ends, cap, sizeof *more);
        uint64_t *slots;
        if (!more)
            return;
        w->ends = more;
        slots = checked_realloc(w->ends_slot, cap, sizeof *slots);
        if (!slots)
            return;
        w->ends_slot = slots;
        w->ends_cap = cap;
    }
    if ((w->ends[w->n_ends] = strdup(path)))
        w->ends_slot[w->n_ends++] = hash;
}

watch_added watch_fanotify_add(watch_fanotify *w, const char *path, bool ends, bool full)
{
    handle h = {.h = {.handle_bytes = MAX_HANDLE_SZ}};
    uint64_t hash, *slot;
    int mount = -1;
    place *p;

    if (name_to_handle_at(AT_FDCWD, path, &h.h, &mount, 0)) {
        struct stat sb;
        if (errno == ENOENT || errno == ENOTDIR || stat(path, &sb))
            return WATCH_GONE;
        if (!find_place(w, -1, (uint64_t)sb.st_dev) && (p = new_place(w, -1, (uint64_t)sb.st_dev, path)))
            refuse(p, "its folders have no handles");
        return WATCH_ELSEWHERE;
    }
    p = find_place(w, mount, 0);
    if (!p && (p = new_place(w, mount, 0, path)))
        try_place(w, p, path, &h);
    if (!p || *p->why)
        return WATCH_ELSEWHERE;
    if ((w->used + 1) * 4 > w->cap * 3 && !grow(w))
        return WATCH_REFUSED;
    hash = hash_of(p->fsid, h.h.f_handle, h.h.handle_bytes);
    slot = find(w, hash);
    if (slot) {
        *slot = hash | (uint64_t)(p - w->places);
    } else if (full) {
        return WATCH_REFUSED;
    } else {
        put(w->slots, w->cap, hash | (uint64_t)(p - w->places));
        w->n++;
        w->used++;
    }
    if (ends)
        tell_its_end(w, path, hash);
    return WATCH_ADDED;
}

/* ---- events ---- */

/* What an event says, checked: which folder, and the name in it. */
typedef struct told {
    uint64_t mask, fsid, hash;
    handle folder;
    const char *name; /* "." or "": the folder itself */
} told;

/* The records behind the head `e` of an event, up to `end`. False: it names no folder, as an event of a file that has no
 * name any more. */
static bool read_told(const struct fanotify_event_metadata *e, const char *at, const char *end, told *out)
{

    while (at < end && (size_t)(end - at) >= sizeof(struct fanotify_event_info_fid)) {
        const struct fanotify_event_info_fid *info = (const void *)at;
        const struct file_handle *h = (const void *)info->handle;
        const char *stop = at + info->hdr.len, *name;

        if (info->hdr.len < sizeof *info + sizeof *h || stop > end)
            return false;
        if (info->hdr.info_type == FAN_EVENT_INFO_TYPE_DFID_NAME || info->hdr.info_type == FAN_EVENT_INFO_TYPE_DFID) {
            if (h->handle_bytes > MAX_HANDLE_SZ || h->handle_bytes > (size_t)(stop - (const char *)h->f_handle))
                return false;
            name = (const char *)h->f_handle + h->handle_bytes;
            out->mask = e->mask;
            memcpy(&out->fsid, &info->fsid, sizeof out->fsid);
            memcpy(&out->folder, h, sizeof *h + h->handle_bytes);
            out->hash = hash_of(out->fsid, h->f_handle, h->handle_bytes);
            out->name = info->hdr.info_type == FAN_EVENT_INFO_TYPE_DFID_NAME && memchr(name, 0, (size_t)(stop - name))
                            ? name
                            : "";
            return true;
        }
        at = stop;
    }
    return false;
}

/* The rights of a folder changed that we could not enter: its parent is to be looked at, if that is ours. */
static void rights_changed(watch_fanotify *w, told *t)
{
    char path[PATH_MAX], *slash;

    for (size_t i = 0; i < w->n_places; i++) {
        place *p = &w->places[i];
        handle above = {.h = {.handle_bytes = MAX_HANDLE_SZ}};
        int mount;
        if (*p->why || p->fsid != t->fsid || !resolve(p, &t->folder, path) || !(slash = strrchr(path, '/')) || !slash[1])
            continue;
        *slash = 0;
        if (!name_to_handle_at(AT_FDCWD, *path ? path : "/", &above.h, &mount, 0) &&
            find(w, hash_of(p->fsid, above.h.f_handle, above.h.handle_bytes))) {
            w->ear.changed(w->ear.ctx, *path ? path : "/", slash + 1);
            return;
        }
    }
}

static void folder_ended(watch_fanotify *w, uint64_t hash)
{
    uint64_t *slot = find(w, hash);

    if (slot)
        forget(w, slot);
    for (size_t i = 0; i < w->n_ends; i++)
        if (w->ends_slot[i] == hash) {
            w->ear.ended(w->ear.ctx, w->ends[i]);
            free(w->ends[i]);
            w->n_ends--;
            w->ends[i] = w->ends[w->n_ends];
            w->ends_slot[i] = w->ends_slot[w->n_ends];
            return;
        }
}

static void take_event(watch_fanotify *w, const struct fanotify_event_metadata *e, const char *at, const char *end)
{
    char path[PATH_MAX];
    uint64_t *slot;
    told t;

    if (e->mask & FAN_Q_OVERFLOW) {
        w->ear.lost(w->ear.ctx, "events were lost");
        return;
    }
    if (!read_told(e, at, end, &t))
        return;
    if (e->mask & FAN_DELETE_SELF) {
        folder_ended(w, t.hash);
        return;
    }
    slot = find(w, t.hash);
    if (!slot) {
        if ((e->mask & (FAN_ATTRIB | FAN_ONDIR)) == (FAN_ATTRIB | FAN_ONDIR))
            rights_changed(w, &t);
        return;
    }
    if (!resolve(&w->places[*slot & PLACE_MASK], &t.folder, path)) {
        if (errno == ESTALE) /* removed since: its parent tells */
            forget(w, slot);
        return;
    }
    if (!w->ear.changed(w->ear.ctx, path, strcmp(t.name, ".") ? t.name : ""))
        forget(w, slot);
}

void watch_fanotify_drain(watch_fanotify *w)
{
    char buf[65536] __attribute__((aligned(8)));
    ssize_t n;

    while ((n = read(w->fd, buf, sizeof buf)) > 0 || (n < 0 && errno == EINTR)) {
        struct fanotify_event_metadata e;
        for (const char *at = buf; n > 0 && (size_t)(buf + n - at) >= sizeof e; at += e.event_len) {
            memcpy(&e, at, sizeof e); /* its length is a multiple of four, and its mask has eight bytes */
            if (e.vers != FANOTIFY_METADATA_VERSION || e.metadata_len < sizeof e || e.event_len < e.metadata_len ||
                e.event_len > (size_t)(buf + n - at)) {
                w->ear.lost(w->ear.ctx, "the kernel speaks another language of events");
                break;
            }
            take_event(w, &e, at + e.metadata_len, at + e.event_len);
            if (e.fd >= 0)
                close(e.fd);
        }
    }
    close_places(w);
}
