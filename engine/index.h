/* index.h - cairn_index for callers in this room that want to see its walk. */
#ifndef CAIRN_ENGINE_INDEX_H
#define CAIRN_ENGINE_INDEX_H

#include "engine/engine.h"
#include "ingest/walk.h"

typedef struct index_hooks {
    void (*entered)(void *ctx, const char *path); /* a folder, before its names are read */
    void *ctx;
} index_hooks;

/* Key of store_meta: the absolute paths that runs were given, each ended by a NUL. */
#define META_ROOTS "roots"

/* How a run with these options (NULL: none) walks. */
walk_options index_walk_options(const cairn *c, const cairn_index_options *options);

/* As cairn_index. `hooks` may be NULL. */
cairn_status index_paths(cairn *c, const char *const *paths, size_t n_paths,
                         const cairn_index_options *options, const index_hooks *hooks,
                         cairn_index_report *report, cairn_error *err);

#endif
