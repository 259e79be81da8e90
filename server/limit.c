/* limit.c - see limit.h. */
#include "server/limit.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BUCKETS    1024
#define NAME_BYTES 112

typedef struct bucket {
    char who[NAME_BYTES];
    double tokens;
    int64_t at_ns;
} bucket;

struct limit {
    pthread_mutex_t mutex;
    bucket buckets[BUCKETS];
};

cairn_status limit_create(limit **out, cairn_error *err)
{
    limit *l = calloc(1, sizeof *l);

    *out = l;
    if (!l)
        return cairn_fail(err, CAIRN_ENOMEM, "rate limits");
    pthread_mutex_init(&l->mutex, NULL);
    return CAIRN_OK;
}

void limit_destroy(limit *l)
{
    if (!l)
        return;
    pthread_mutex_destroy(&l->mutex);
    free(l);
}

/* A page that starts asks several things at once. */
static double capacity(double per_second)
{
    return per_second > 0.5 ? per_second * 2 : 1;
}

/* The bucket of this caller, or the one unused for longest. */
static bucket *find_bucket(limit *l, const char *who, double per_second, int64_t now_ns)
{
    bucket *oldest = &l->buckets[0];

    for (size_t i = 0; i < BUCKETS; i++) {
        if (!strcmp(l->buckets[i].who, who))
            return &l->buckets[i];
        if (l->buckets[i].at_ns < oldest->at_ns)
            oldest = &l->buckets[i];
    }
    snprintf(oldest->who, sizeof oldest->who, "%s", who);
    oldest->tokens = capacity(per_second);
    oldest->at_ns = now_ns;
    return oldest;
}

bool limit_take(limit *l, const char *caller, double per_second, int64_t now_ns)
{
    char who[NAME_BYTES];
    bucket *b;
    bool yes;

    snprintf(who, sizeof who, "%s", caller);
    pthread_mutex_lock(&l->mutex);
    b = find_bucket(l, who, per_second, now_ns);
    b->tokens += (double)(now_ns - b->at_ns) / 1e9 * per_second;
    b->at_ns = now_ns;
    if (b->tokens > capacity(per_second))
        b->tokens = capacity(per_second);
    yes = b->tokens >= 1;
    if (yes)
        b->tokens -= 1;
    pthread_mutex_unlock(&l->mutex);
    return yes;
}
