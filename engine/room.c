/* room.c - what a collection takes on disk, and whether more may come (limits.disk_mb). */
#include <fts.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "engine/cairn.h"
#include "engine/engine.h"

/* Bytes of the files below a folder, which need not be there. */
static uint64_t bytes_below(const char *path)
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

cairn_status cairn_check_room(cairn *c, uint64_t more, cairn_error *err)
{
    store_usage usage;
    uint64_t used;
    char *uploads;
    cairn_status st;

    if (!c->max_disk_bytes)
        return CAIRN_OK;
    st = store_usage_get(c->store, false, &usage, err);
    if (st)
        return st;
    if (asprintf(&uploads, "%s/uploads/%s", c->home, c->collection) < 0)
        return cairn_fail(err, CAIRN_ENOMEM, "room");
    used = usage.lmdb_bytes + usage.segment_bytes + bytes_below(uploads);
    free(uploads);
    if (used < c->max_disk_bytes && more <= c->max_disk_bytes - used)
        return CAIRN_OK;
    return cairn_fail(err, CAIRN_EFULL,
                      "the collection \"%s\" takes %llu of %llu MiB that it may take: delete documents, or ask for more room "
                      "(limits.disk_mb, and --collection-mb of the server)",
                      c->collection, (unsigned long long)(used >> 20), (unsigned long long)(c->max_disk_bytes >> 20));
}
