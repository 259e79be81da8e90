/* nodes.h - which node of a cluster is asked next.
 *
 * All requests go to the node that answered last. One that does not answer rests for a while, 1 s and twice as long each
 * time, up to 30 s; the others are asked meanwhile. When its rest is over it is only asked for an answer to anything at all
 * (a probe) before a request is entrusted to it.
 *
 * A process that stands still still takes connections: its kernel does. So a request that only reads is given to the
 * first node for a short time, to the next for the same, and in each further round for twice as long: a cluster that is
 * merely slow has its time in the end.
 *
 * Threads  any. Times are of the monotonic clock and the caller's, so that tests need not wait. */
#ifndef CAIRN_OPENSEARCH_NODES_H
#define CAIRN_OPENSEARCH_NODES_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NODES_MAX 64

typedef struct nodes {
    char *url[NODES_MAX];
    size_t n;
    atomic_size_t at; /* the node that answered last */
    struct {
        atomic_uint strikes;             /* times that it did not answer since it did */
        atomic_int_fast64_t rests_to_ns; /* 0: not at all */
    } mark[NODES_MAX];
    atomic_int_fast64_t usual_ns; /* that reading takes, a running mean */
} nodes;

void nodes_init(nodes *t);
void nodes_clear(nodes *t);
/* The first from `from` on (any number; it is taken modulo n) that does not rest; where all do, the one that does first
 * again. *probe: it has to answer something small before. */
size_t nodes_pick(const nodes *t, size_t from, int64_t now_ns, bool *probe);
/* It answered, and whatever took so long only read where took_ns is not 0. */
void nodes_answered(nodes *t, size_t node, int64_t took_ns);
void nodes_struck(nodes *t, size_t node, int64_t now_ns);
/* How long a node is given in this round, the first being 0: for something small, and for a request that only reads,
 * of which `first_ms` is the least. At most `most_ms`. */
int64_t nodes_probe_ms(size_t round, int64_t most_ms);
int64_t nodes_read_ms(const nodes *t, size_t round, int64_t first_ms, int64_t most_ms);

#endif
