/* limit.c - buckets that fill with time. */
#include "server/grpc/limit.h"

#include <pthread.h>
#include <stdlib.h>

#define PLACES 4096

typedef struct bucket {
    double calls; /* that may begin now */
    int64_t filled_ns;
} bucket;

struct limit {
    pthread_mutex_t lock;
    double per_second, most;
    bucket places[PLACES];
};

cairn_status limit_create(limit **out, double per_second, cairn_error *err)
{
    limit *l = calloc(1, sizeof *l);

    *out = l;
    if (!l)
        return cairn_fail(err, CAIRN_ENOMEM, "rate limits");
    pthread_mutex_init(&l->lock, NULL);
    l->per_second = per_second;
    l->most = per_second * 2 < 1 ? 1 : per_second * 2;
    for (size_t i = 0; i < PLACES; i++)
        l->places[i].calls = l->most;
    return CAIRN_OK;
}

void limit_destroy(limit *l)
{
    if (!l)
        return;
    pthread_mutex_destroy(&l->lock);
    free(l);
}

/* FNV-1a. */
static uint32_t place_of(const char *caller)
{
    uint32_t h = 2166136261u;

    for (; *caller; caller++)
        h = (h ^ (unsigned char)*caller) * 16777619u;
    return h % PLACES;
}

bool limit_take(limit *l, const char *caller, int64_t now_ns)
{
    bucket *b = &l->places[place_of(caller)];
    bool yes;

    pthread_mutex_lock(&l->lock);
    if (b->filled_ns)
        b->calls += (double)(now_ns - b->filled_ns) / 1e9 * l->per_second;
    if (b->calls > l->most)
        b->calls = l->most;
    b->filled_ns = now_ns;
    yes = b->calls >= 1;
    if (yes)
        b->calls -= 1;
    pthread_mutex_unlock(&l->lock);
    return yes;
}
