/* packing.c - see packing.h. One thread, from the first matrix to the last, in the order in which a
 * pass needs them. */
#include "generate/decode/packing.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#define AT_ONCE ((size_t)4 << 20) /* bytes */

struct packing {
    const planned_matrix *list;
    size_t n;
    weight_cache *cache;
    weight_heap *heap; /* of matrices that the cache did not take */
    pthread_t thread;
    bool has_thread;
    atomic_bool stop; /* nobody will use what goes to memory */
    pthread_mutex_t lock;
    pthread_cond_t change;
    bool packed; /* all of them; under the lock */
};

/* Into memory, giving back what was read as it goes. */
static void fill(packing *p, const planned_matrix *x)
{
    uint8_t *data = matrix_take(x->m, p->heap);
    size_t step = AT_ONCE / x->m->strip_bytes + 1;

    for (size_t i = 0; data && i < x->m->strips; i += step) {
        size_t n = x->m->strips - i < step ? x->m->strips - i : step;
        matrix_pack(x->m, &x->t, i, n, data + i * x->m->strip_bytes, NULL);
        matrix_forget(&x->t, i, n);
    }
    if (data)
        x->m->data = data;
}

static void *run(void *arg)
{
    packing *p = arg;

    for (size_t i = 0; i < p->n && !(atomic_load(&p->stop) && !p->cache); i++) {
        const planned_matrix *x = &p->list[i];
        if (!p->cache || !weight_cache_put(p->cache, i))
            fill(p, x);
        /* Beginnings and ends of pages, and what was read meanwhile. */
        matrix_forget(&x->t, 0, x->m->strips);
    }
    pthread_mutex_lock(&p->lock);
    p->packed = true;
    pthread_cond_broadcast(&p->change);
    pthread_mutex_unlock(&p->lock);
    if (p->cache)
        weight_cache_publish(p->cache);
    return NULL;
}

cairn_status packing_start(packing **out, const planned_matrix *list, size_t n, weight_cache *cache,
                           cairn_error *err)
{
    packing *p = calloc(1, sizeof *p);
    cairn_status st;

    *out = NULL;
    if (!p)
        return cairn_fail(err, CAIRN_ENOMEM, "packing of weights");
    st = weight_heap_create(&p->heap, err);
    if (st) {
        free(p);
        return st;
    }
    p->list = list;
    p->n = n;
    p->cache = cache;
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->change, NULL);
    p->has_thread = !pthread_create(&p->thread, NULL, run, p);
    if (!p->has_thread)
        run(p);
    *out = p;
    return CAIRN_OK;
}

void packing_wait(packing *p)
{
    if (!p)
        return;
    pthread_mutex_lock(&p->lock);
    while (!p->packed)
        pthread_cond_wait(&p->change, &p->lock);
    pthread_mutex_unlock(&p->lock);
}

void packing_close(packing *p)
{
    if (!p)
        return;
    atomic_store(&p->stop, true);
    if (p->has_thread)
        pthread_join(p->thread, NULL);
    pthread_cond_destroy(&p->change);
    pthread_mutex_destroy(&p->lock);
    weight_heap_destroy(p->heap);
    free(p);
}
