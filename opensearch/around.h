/* around.h - which copies of a collection's shards are asked, after a search has come too late.
 *
 * The node that is asked passes a search on to copies on other nodes, and one of those may stand still where the asked one does
 * not. So when a request that only reads was late, every node is asked for its id; where some do not tell it, requests
 * that only read carry `preference=_prefer_nodes:...` with the ids of those that did, for AROUND_NS. The cluster itself leaves
 * such a node out after some half a minute or more.
 *
 * Threads  any. Times are of the monotonic clock and the caller's. */
#ifndef CAIRN_OPENSEARCH_AROUND_H
#define CAIRN_OPENSEARCH_AROUND_H

#include <pthread.h>

#include "opensearch/client.h"

#define AROUND_BYTES 4096
#define AROUND_NS    INT64_C(60000000000)
/* What a node tells its id by. */
#define AROUND_PATH "/_nodes/_local?filter_path=nodes.*.name"

typedef struct around {
    pthread_mutex_t mutex;
    char preference[AROUND_BYTES]; /* "": all are asked */
    int64_t until_ns;
} around;

/* While the nodes are asked. */
typedef struct around_list {
    char preference[AROUND_BYTES];
    size_t told, silent; /* nodes */
} around_list;

void around_init(around *a);
void around_clear(around *a);
/* A node's answer to AROUND_PATH, or NULL: it gave none. */
void around_note(around_list *l, const json_t *answer);
/* From now on; where all nodes told, or none, nothing is preferred. */
void around_set(around *a, const around_list *l, int64_t now_ns);
/* A request that only reads as it is sent now: *out is r, or another path and body in the buffers, which live as long as
 * it does. CAIRN_ENOMEM, without a sentence. */
cairn_status around_apply(around *a, const client_request *r, int64_t now_ns, client_request *out, bytes *path,
                          bytes *body);

#endif
