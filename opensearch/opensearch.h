/* opensearch.h - a collection on an OpenSearch cluster: documents, chunks and both ranked lists,
 * behind the interfaces of store/ (store_backend) and retrieve/ (retrieve_index).
 *
 * Three indexes hold a collection: PREFIX-documents-1, PREFIX-chunks-1, PREFIX-state-1; the number
 * is OPENSEARCH_MAPPING. docs/opensearch.md has their fields and the reasons. Nothing of a
 * collection is on this machine, so any number of processes on any number of machines may read, and
 * one at a time writes.
 *
 * Ids        a chunk's id is its document's times 2^20 plus its ordinal: one is found from the
 * other without asking. Writers    hold a lease in the state record: it is theirs until
 * OPENSEARCH_LEASE_S after their last commit, and who took over in the meantime makes their next
 * commit fail with CAIRN_EBUSY, nothing of it visible. The state record is the commit point
 * (txn.c). Snapshots  show the state as of the last commit when they were opened, but what a later
 * commit deletes is gone for them, too: a document or chunk that is not there any more is
 * CAIRN_ENOTFOUND. Errors     client.h's, beside those of store.h. */
#ifndef CAIRN_OPENSEARCH_OPENSEARCH_H
#define CAIRN_OPENSEARCH_OPENSEARCH_H

#include "opensearch/client.h"
#include "retrieve/search.h"
#include "store/store.h"

#define OPENSEARCH_MAPPING    1
#define OPENSEARCH_LEASE_S    60
#define OPENSEARCH_CHUNK_BITS 20 /* of a chunk's id, its ordinal */
#define OPENSEARCH_PREFIX_MAX 200
#define OPENSEARCH_DEPTH_MAX  10000 /* of a list */

typedef struct opensearch_options {
    client_options client;
    const char *prefix; /* of the indexes' names: lower-case letters, digits, - and _ */
    /* When the indexes are made: */
    unsigned shards, replicas;
    double k1, b;   /* of BM25 */
    double lease_s; /* 0: OPENSEARCH_LEASE_S */
    client_limits limits; /* of opening, and until opensearch_limit sets others */
} opensearch_options;

/* Make the indexes. CAIRN_EUSAGE: there are such already, or the prefix is none. */
cairn_status opensearch_create(const opensearch_options *o, cairn_error *err);
/* Remove them with all that is in them; fine where there are none. */
cairn_status opensearch_drop(const opensearch_options *o, cairn_error *err);

/* Open a collection that was created. CAIRN_ENOTFOUND: there is none of this prefix;
 * CAIRN_EUNSUPPORTED: of another mapping. Close with store_close. `so`: read_only and wait_ns
 * count. */
cairn_status opensearch_open(store **out, const opensearch_options *o, const store_options *so,
                             cairn_error *err);
/* Whether a store is one of this room's. */
bool opensearch_is(const store *s);
/* What every later call through this store heeds. */
void opensearch_limit(store *s, const client_limits *limits);
client_counts opensearch_counted(const store *s);
/* While on, a snapshot is opened without asking, as of the state that this store saw last, where that was seen whole.
 * Whoever answers from one asks retrieve_remote.is_current first: what it showed may be of before a commit. */
void opensearch_rely(store *s, bool on);

typedef struct opensearch_health {
    char status[16]; /* "green", "yellow", "red" */
    unsigned nodes;
    char version[32];
    uint64_t bytes; /* of all three indexes, replicas included */
    unsigned shards, replicas;
} opensearch_health;
cairn_status opensearch_health_get(store *s, opensearch_health *out, cairn_error *err);

/* Rows and vectors, in a transaction of such a store. */
extern const retrieve_writer opensearch_writer;
/* The cluster as an index, for the calls of one search; `snap` must outlive it. */
retrieve_index opensearch_index(const store_snapshot *snap);

/* ---- care ---- */

/* Remove chunks that belong to no document and documents whose chunks are not all there, and count
 * anew. The store must be the writer. */
cairn_status opensearch_repair(store *s, cairn_error *err);

/* A snapshot of the three indexes named `name` in repository `repository`, which is made as a file
 * system one at `location` where it is not there (location NULL: it must be there). */
cairn_status opensearch_backup(store *s, const char *repository, const char *location,
                               const char *name, cairn_error *err);
/* The collection of these options as it is in snapshot `name` of the repository, whatever it was called then; NULL: the newest
 * one of the same name. CAIRN_EUSAGE where there is one already, unless `replace`: it is removed once
 * the snapshot was found. */
cairn_status opensearch_restore(const opensearch_options *o, const char *repository,
                                const char *location, const char *name, bool replace,
                                cairn_error *err);

#endif
