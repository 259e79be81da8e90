/* nodes.c - see nodes.h. */
#include "opensearch/nodes.h"

#include <stdlib.h>
#include <string.h>

#define FIRST_REST_NS   INT64_C(1000000000)
#define LONGEST_REST_NS INT64_C(30000000000)
#define PROBE_MS        1000
#define DOUBLINGS_MOST  16
#define USUAL_TIMES     8 /* what reading usually takes, times this, is not late yet */

void nodes_init(nodes *t)
{
    memset(t, 0, sizeof *t);
}

void nodes_clear(nodes *t)
{
    for (size_t i = 0; i < t->n; i++)
        free(t->url[i]);
    t->n = 0;
}

size_t nodes_pick(const nodes *t, size_t from, int64_t now_ns, bool *probe)
{
    size_t best = from % t->n;
    int64_t least = INT64_MAX;

    for (size_t i = 0; i < t->n; i++) {
        size_t node = (from + i) % t->n;
        int64_t to = atomic_load(&t->mark[node].rests_to_ns);
        if (to <= now_ns) {
            best = node;
            break;
        }
        if (to < least) {
            least = to;
            best = node;
        }
    }
    *probe = t->n > 1 && atomic_load(&t->mark[best].strikes) > 0;
    return best;
}

void nodes_answered(nodes *t, size_t node, int64_t took_ns)
{
    atomic_store(&t->at, node);
    atomic_store(&t->mark[node].strikes, 0);
    atomic_store(&t->mark[node].rests_to_ns, 0);
    if (took_ns > 0) {
        int64_t usual = atomic_load(&t->usual_ns);
        atomic_store(&t->usual_ns, usual ? usual + (took_ns - usual) / 8 : took_ns);
    }
}

void nodes_struck(nodes *t, size_t node, int64_t now_ns)
{
    unsigned strikes = atomic_fetch_add(&t->mark[node].strikes, 1);
    int64_t rest = FIRST_REST_NS << (strikes < DOUBLINGS_MOST ? strikes : DOUBLINGS_MOST);

    atomic_store(&t->mark[node].rests_to_ns, now_ns + (rest < LONGEST_REST_NS ? rest : LONGEST_REST_NS));
}

static int64_t doubled(int64_t first_ms, size_t round, int64_t most_ms)
{
    int64_t ms = first_ms << (round < DOUBLINGS_MOST ? round : DOUBLINGS_MOST);

    return ms < most_ms ? ms : most_ms;
}

int64_t nodes_probe_ms(size_t round, int64_t most_ms)
{
    return doubled(PROBE_MS, round, most_ms);
}

int64_t nodes_read_ms(const nodes *t, size_t round, int64_t first_ms, int64_t most_ms)
{
    int64_t usual_ms = USUAL_TIMES * (atomic_load(&t->usual_ns) / 1000000);

    if (first_ms < usual_ms)
        first_ms = usual_ms;
    return t->n > 1 ? doubled(first_ms < most_ms ? first_ms : most_ms, round, most_ms) : most_ms;
}
