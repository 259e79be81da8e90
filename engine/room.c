/* room.c - what a collection takes on disk, and whether more may come (limits.disk_mb). */
#include <stdio.h>
#include <stdlib.h>

#include "base/folders.h"
#include "engine/cairn.h"
#include "engine/engine.h"

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
    used = usage.lmdb_bytes + usage.segment_bytes + folders_bytes(uploads);
    free(uploads);
    if (used < c->max_disk_bytes && more <= c->max_disk_bytes - used)
        return CAIRN_OK;
    return cairn_fail(err, CAIRN_EFULL,
                      "the collection \"%s\" takes %llu of %llu MiB that it may take: delete documents, or ask for more room "
                      "(limits.disk_mb, and --collection-mb of the server)",
                      c->collection, (unsigned long long)(used >> 20), (unsigned long long)(c->max_disk_bytes >> 20));
}
