/* cluster.h - a collection that is kept on a cluster (opensearch/): from settings to a store, and what the rest of
 * the engine asks of one.
 *
 * The collection's folder here holds collection.conf, which says where it is, and what belongs to this machine
 * (conversations, the run's state). */
#ifndef CAIRN_ENGINE_CLUSTER_H
#define CAIRN_ENGINE_CLUSTER_H

#include "engine/care.h"
#include "engine/engine.h"
#include "retrieve/index.h"

bool cluster_is_chosen(const settings *s);
/* Is the open collection on a cluster? */
bool cluster_has(const cairn *c);
/* Open the handle's store there. */
cairn_status cluster_open(cairn *c, const store_options *so, cairn_error *err);
/* The cluster as an index over a snapshot of the handle's store. */
retrieve_index cluster_index(const store_snapshot *s);
/* Remove what belongs to no document, and count anew. */
cairn_status cluster_repair(cairn *c, cairn_error *err);
/* A snapshot by the cluster itself: `where` is a folder of its path.repo, or "repository:NAME". */
cairn_status cluster_backup(cairn *c, const char *where, const cairn_index_options *options, cairn_copy_report *out,
                            cairn_error *err);
/* The collection of a handle that is only described, from such a snapshot; the handle is open, to be read, afterwards. */
cairn_status cluster_restore(cairn *c, const char *where, bool replace, const cairn_index_options *options, cairn_copy_report *out,
                             cairn_error *err);
/* What calls on the cluster heed from now on; NULL: the flag that the handle was opened with, 0: no deadline. Does nothing
 * without a cluster. */
void cluster_limit(cairn *c, const volatile sig_atomic_t *cancel, int64_t deadline_ns);
/* While on, snapshots are opened without asking how the collection is, as the handle saw it last. */
void cluster_rely(cairn *c, bool on);
/* The same for a run, whose work counts as far as it came: after `cancel` there are some seconds to commit it in. */
void cluster_limit_gently(cairn *c, const volatile sig_atomic_t *cancel);

#endif
