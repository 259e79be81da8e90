/* roots.c - see roots.h. */
#include "ingest/roots.h"

#include <mntent.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <xxhash.h>

#include "base/checked.h"

typedef struct root {
    char *path, *real; /* as named; where that led when it was seen last, or NULL */
    bool folder;       /* there, and a folder */
    dev_t dev;
    ino_t ino;
} root;

struct roots {
    root *at;
    size_t n;
    FILE *mounts;     /* NULL: the kernel does not say */
    uint64_t mounted; /* over the mounts at and below the named folders, in any order */
};

/* Look at one name; true when it is another folder than before, or none. */
static bool look(root *r)
{
    struct stat sb;
    bool folder = !stat(r->path, &sb) && S_ISDIR(sb.st_mode);
    bool same = folder == r->folder && (!folder || (sb.st_dev == r->dev && sb.st_ino == r->ino));

    if (same)
        return false;
    r->folder = folder;
    if (folder) {
        r->dev = sb.st_dev;
        r->ino = sb.st_ino;
        free(r->real);
        r->real = realpath(r->path, NULL);
    }
    return true;
}

bool roots_below(const char *path, const char *top)
{
    size_t n = strlen(top);

    return !strncmp(path, top, n) && (!path[n] || path[n] == '/' || (n && top[n - 1] == '/'));
}

static uint64_t mounted_now(roots *r)
{
    char text[16384];
    struct mntent m;
    uint64_t all = 0;

    rewind(r->mounts);
    while (getmntent_r(r->mounts, &m, text, sizeof text))
        for (size_t i = 0; i < r->n; i++)
            if (r->at[i].real && roots_below(m.mnt_dir, r->at[i].real)) {
                all += XXH3_64bits_withSeed(m.mnt_dir, strlen(m.mnt_dir),
                                            XXH3_64bits(m.mnt_fsname, strlen(m.mnt_fsname)));
                break;
            }
    return all;
}

roots *roots_create(const char *const *paths, size_t n)
{
    roots *r = calloc(1, sizeof *r);

    if (!r || !(r->at = checked_malloc(n ? n : 1, sizeof *r->at))) {
        free(r);
        return NULL;
    }
    memset(r->at, 0, n * sizeof *r->at);
    for (; r->n < n; r->n++) {
        if (!(r->at[r->n].path = strdup(paths[r->n]))) {
            roots_destroy(r);
            return NULL;
        }
        if (!look(&r->at[r->n]))
            r->at[r->n].real = realpath(paths[r->n], NULL); /* a file, or nothing */
    }
    r->mounts = setmntent("/proc/self/mounts", "re");
    if (r->mounts)
        r->mounted = mounted_now(r);
    return r;
}

void roots_destroy(roots *r)
{
    if (!r)
        return;
    for (size_t i = 0; i < r->n; i++) {
        free(r->at[i].path);
        free(r->at[i].real);
    }
    free(r->at);
    if (r->mounts)
        endmntent(r->mounts);
    free(r);
}

bool roots_changed(roots *r)
{
    struct pollfd p = {.fd = r->mounts ? fileno(r->mounts) : -1, .events = POLLPRI};
    bool changed = false;

    for (size_t i = 0; i < r->n; i++)
        changed |= look(&r->at[i]);
    if (r->mounts && (changed || (poll(&p, 1, 0) > 0 && p.revents & (POLLPRI | POLLERR)))) {
        uint64_t now = mounted_now(r);
        changed |= now != r->mounted;
        r->mounted = now;
    }
    return changed;
}

bool roots_hold(const roots *r, const char *folder)
{
    size_t n = strlen(folder);

    if (n == 1)
        n = 0; /* "/" */
    for (size_t i = 0; i < r->n; i++) {
        const root *at = &r->at[i];
        if (at->real && roots_below(folder, at->real))
            return true;
        if (at->real && !strncmp(at->real, folder, n) && at->real[n] == '/' && !strchr(at->real + n + 1, '/'))
            return true; /* where it lies; of a folder, too, which costs a look */
    }
    return false;
}

bool roots_is_named(const roots *r, const char *folder)
{
    for (size_t i = 0; i < r->n; i++)
        if (r->at[i].real && !strcmp(r->at[i].real, folder))
            return true;
    return false;
}

void roots_lost(roots *r, const char *path)
{
    for (size_t i = 0; i < r->n; i++)
        if (r->at[i].real && !strcmp(r->at[i].real, path))
            r->at[i].folder = false;
}
