/* shared_model.c - see shared_model.h.
 *
 * The line of a model is a list of waiters, each on its thread's stack: the first is served when the
 * model is free. A waiter looks at its cancel flag, which a signal handler or another thread sets
 * without waking anybody, every LOOK_NS. Locks: a list's mutex, then never another; a line's mutex
 * alone. Opening happens in one's turn, so that a slow model holds up nobody who wants another. */
#include "engine/shared_model.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "engine/engine.h"
#include "engine/model.h"
#include "engine/model_caches.h"
#include "engine/taught.h"

#define LOOK_NS ((int64_t)20 * 1000000)

typedef struct waiter {
    struct waiter *next;
} waiter;

struct shared_model {
    shared_model *next;
    cairn_models *home;
    model_kind kind;
    char *path;
    pool *workers; /* owned, but for private models */
    encoder *encoder;
    text_memo *memo; /* of the encoder; NULL before it is needed */
    generator *generator;
    batcher *batcher; /* of a generator that is shared */
    sparse_encoder *sparse;
    atomic_bool opened; /* one of the three is there and stays as it is */
    pthread_mutex_t mutex; /* of the line */
    pthread_cond_t moved;
    bool taken;
    waiter *first, **last;
};

struct cairn_models {
    pthread_mutex_t mutex; /* of the list, the count and the shares */
    shared_model *list;
    size_t n_threads, in_use;
    struct share_use *shares; /* of memory, of whoever has any */
    settings settings; /* where caches are */
    pool *borrowed;    /* of private models */
};

/* ---- shares of the memory ---- */

typedef struct share_use {
    struct share_use *next;
    size_t bytes;
    char who[];
} share_use;

static share_use **find_share(cairn_models *m, const char *who)
{
    share_use **at = &m->shares;

    while (*at && strcmp((*at)->who, who))
        at = &(*at)->next;
    return at;
}

static cairn_status add_share(share_use **at, const memory_share *share, size_t bytes, cairn_error *err)
{
    size_t used = *at ? (*at)->bytes : 0, len = strlen(share->who);

    if (used > share->most_bytes || bytes > share->most_bytes - used) /* a bound may have been lowered */
        return cairn_fail(err, CAIRN_EBUSY,
                          "answers from the collection \"%s\" use %zu of the %zu MiB that they may use: try again later",
                          share->who, used >> 20, share->most_bytes >> 20);
    if (!*at && !(*at = calloc(1, sizeof **at + len + 1)))
        return cairn_fail(err, CAIRN_ENOMEM, "share of the memory");
    if (!(*at)->bytes)
        memcpy((*at)->who, share->who, len + 1);
    (*at)->bytes += bytes;
    return CAIRN_OK;
}

cairn_status models_take_share(cairn_models *m, const memory_share *share, size_t bytes, cairn_error *err)
{
    cairn_status st;

    if (!share->most_bytes)
        return CAIRN_OK;
    if (bytes > share->most_bytes)
        return cairn_fail(err, CAIRN_ELIMIT,
                          "the question needs %zu MiB for keys and values, and answers from the collection \"%s\" may use "
                          "%zu: ask for a shorter answer, or raise limits.memory_mb",
                          (bytes >> 20) + 1, share->who, share->most_bytes >> 20);
    pthread_mutex_lock(&m->mutex);
    st = add_share(find_share(m, share->who), share, bytes, err);
    pthread_mutex_unlock(&m->mutex);
    return st;
}

void models_give_share(cairn_models *m, const memory_share *share, size_t bytes)
{
    share_use **at, *mine;

    if (!share->most_bytes)
        return;
    pthread_mutex_lock(&m->mutex);
    at = find_share(m, share->who);
    mine = *at;
    mine->bytes -= bytes;
    if (!mine->bytes) {
        *at = mine->next;
        free(mine);
    }
    pthread_mutex_unlock(&m->mutex);
}

/* ---- */

static cairn_status create(cairn_models **out, cairn_error *err)
{
    cairn_models *m = calloc(1, sizeof *m);

    *out = m;
    if (!m)
        return cairn_fail(err, CAIRN_ENOMEM, "models");
    pthread_mutex_init(&m->mutex, NULL);
    return CAIRN_OK;
}

cairn_status cairn_models_create(cairn_models **out, const char *config_file, size_t n_threads,
                                 cairn_error *err)
{
    cairn_status st = create(out, err);

    if (st)
        return st;
    (*out)->n_threads = n_threads;
    st = engine_read_settings(&(*out)->settings, config_file, err);
    if (st) {
        cairn_models_destroy(*out);
        *out = NULL;
    }
    return st;
}

cairn_status models_create_private(cairn_models **out, const settings *s, pool *workers,
                                   cairn_error *err)
{
    cairn_status st = create(out, err);

    if (st)
        return st;
    (*out)->settings = *s;
    (*out)->borrowed = workers;
    return CAIRN_OK;
}

void cairn_models_destroy(cairn_models *m)
{
    if (!m)
        return;
    while (m->list) {
        shared_model *s = m->list;
        m->list = s->next;
        encoder_close(s->encoder);
        text_memo_destroy(s->memo);
        batcher_destroy(s->batcher);
        generator_close(s->generator);
        sparse_encoder_close(s->sparse);
        if (!m->borrowed)
            pool_destroy(s->workers);
        pthread_cond_destroy(&s->moved);
        pthread_mutex_destroy(&s->mutex);
        free(s->path);
        free(s);
    }
    pthread_mutex_destroy(&m->mutex);
    free(m);
}

size_t cairn_models_in_use(cairn_models *m)
{
    size_t n;

    pthread_mutex_lock(&m->mutex);
    n = m->in_use;
    pthread_mutex_unlock(&m->mutex);
    return n;
}

void shared_model_count(shared_model *s, bool more)
{
    pthread_mutex_lock(&s->home->mutex);
    s->home->in_use += more ? 1 : (size_t)-1;
    pthread_mutex_unlock(&s->home->mutex);
}

cairn_models *shared_model_home(shared_model *s)
{
    return s->home;
}

encoder *shared_model_encoder(const shared_model *s)
{
    return s->encoder;
}

generator *shared_model_generator(const shared_model *s)
{
    return s->generator;
}

batcher *shared_model_batcher(const shared_model *s)
{
    return s->batcher;
}

sparse_encoder *shared_model_sparse(const shared_model *s)
{
    return s->sparse;
}

text_memo *shared_model_memo(shared_model *s)
{
    if (!s->memo && s->encoder)
        s->memo = text_memo_create(encoder_dim(s->encoder));
    return s->memo;
}

/* ---- the line ---- */

void shared_model_cond_init(pthread_cond_t *c)
{
    pthread_condattr_t attr;

    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(c, &attr);
    pthread_condattr_destroy(&attr);
}

void shared_model_sleep(pthread_cond_t *c, pthread_mutex_t *mutex, int64_t deadline_ns)
{
    int64_t until = clock_mono_ns() + LOOK_NS;
    struct timespec ts;

    if (deadline_ns && deadline_ns < until)
        until = deadline_ns;
    ts.tv_sec = (time_t)(until / 1000000000);
    ts.tv_nsec = (long)(until % 1000000000);
    pthread_cond_timedwait(c, mutex, &ts);
}

static void leave_line(shared_model *s, const waiter *w)
{
    waiter **at = &s->first;

    while (*at != w)
        at = &(*at)->next;
    *at = w->next;
    if (s->last == &w->next)
        s->last = at;
}

cairn_status shared_model_enter(shared_model *s, const volatile sig_atomic_t *cancel,
                                int64_t deadline_ns, cairn_error *err)
{
    waiter me = {NULL};
    cairn_status st = CAIRN_OK;

    shared_model_count(s, true);
    pthread_mutex_lock(&s->mutex);
    *s->last = &me;
    s->last = &me.next;
    while (s->taken || s->first != &me) {
        if (engine_cancelled(cancel))
            st = cairn_fail(err, CAIRN_ECANCELLED, "stopped while waiting for the model");
        else if (deadline_ns && clock_mono_ns() >= deadline_ns)
            st = cairn_fail(err, CAIRN_EBUSY, "the model was busy with other questions until the "
                                              "time was up");
        if (st)
            break;
        shared_model_sleep(&s->moved, &s->mutex, deadline_ns);
    }
    leave_line(s, &me);
    if (st)
        pthread_cond_broadcast(&s->moved); /* the next may be first now */
    else
        s->taken = true;
    pthread_mutex_unlock(&s->mutex);
    if (st)
        shared_model_count(s, false);
    return st;
}

void shared_model_leave(shared_model *s)
{
    pthread_mutex_lock(&s->mutex);
    s->taken = false;
    pthread_cond_broadcast(&s->moved);
    pthread_mutex_unlock(&s->mutex);
    shared_model_count(s, false);
}

/* ---- the list ---- */

static shared_model *add(cairn_models *m, model_kind kind, const char *path)
{
    shared_model *s = calloc(1, sizeof *s);

    if (!s || !(s->path = strdup(path))) {
        free(s);
        return NULL;
    }
    s->home = m;
    s->kind = kind;
    s->last = &s->first;
    pthread_mutex_init(&s->mutex, NULL);
    shared_model_cond_init(&s->moved);
    s->next = m->list;
    m->list = s;
    return s;
}

static shared_model *find_or_add(cairn_models *m, model_kind kind, const char *path)
{
    shared_model *s;

    pthread_mutex_lock(&m->mutex);
    for (s = m->list; s; s = s->next)
        if (s->kind == kind && !strcmp(s->path, path))
            break;
    if (!s)
        s = add(m, kind, path);
    pthread_mutex_unlock(&m->mutex);
    return s;
}

/* With the adapter for answers; without it where the file is another model after all, or it computes on a device. */
static cairn_status open_answerer(shared_model *s, generator_options *o, cairn_error *err)
{
    taught_adapter taught;
    decoder_adapter adapter = {.path = "the adapter for answers", .scale = 1};
    cairn_status st = CAIRN_EUNSUPPORTED;

    if (taught_for(s->path, &taught)) {
        adapter.data = taught.data;
        adapter.len = taught.len;
        o->adapters = &adapter;
        o->n_adapters = 1;
        st = generator_open(&s->generator, s->path, o, NULL);
        if (!st && strcmp(generator_name(s->generator), taught.model) != 0) {
            generator_close(s->generator);
            st = CAIRN_EMODEL;
        }
        o->adapters = NULL;
        o->n_adapters = 0;
    }
    return st == CAIRN_EUNSUPPORTED || st == CAIRN_EMODEL ? generator_open(&s->generator, s->path, o, err)
           : st                                           ? cairn_fail(err, st, "%s", s->path)
                                                          : st;
}

/* In one's turn. */
static cairn_status open_model(shared_model *s, cairn_error *err)
{
    cairn_status st = CAIRN_OK;

    if (atomic_load(&s->opened))
        return CAIRN_OK;
    if (s->home->borrowed)
        s->workers = s->home->borrowed;
    else if (!s->workers)
        st = pool_create(&s->workers, s->home->n_threads, err);
    if (!st && s->kind == MODEL_ENCODER) {
        generator_options cached = {0};
        model_caches caches;
        engine_model_caches(&s->home->settings, &caches, &cached);
        encoder_options o = {.pool = s->workers, .weights = &cached.weights};
        st = encoder_open(&s->encoder, s->path, &o, err);
    } else if (!st && s->kind == MODEL_SPARSE) {
        st = sparse_encoder_open(&s->sparse, s->path, s->workers, 0, err);
    } else if (!st) {
        generator_options o = {.pool = s->workers};
        model_caches caches;
        const char *draft = s->home->settings.draft;
        char draft_path[8192];
        engine_model_caches(&s->home->settings, &caches, &o);
        if (*draft && s->home->borrowed) { /* a batch of many takes no drafts of a model */
            st = cairn_model_path(draft, draft_path, sizeof draft_path, err);
            o.draft = draft_path;
        }
        if (!st)
            st = s->kind == MODEL_ANSWERER ? open_answerer(s, &o, err) : generator_open(&s->generator, s->path, &o, err);
        if (!st && !s->home->borrowed)
            st = batcher_create(&s->batcher, s->generator,
                                &(batcher_options){.n_threads = s->home->n_threads,
                                                   .kv_bytes = (size_t)(s->home->settings.context_memory_mb * (1 << 20))},
                                err);
        if (st) {
            generator_close(s->generator);
            s->generator = NULL;
        }
    }
    if (!st)
        atomic_store(&s->opened, true);
    return engine_model_status(st, err);
}

cairn_status models_get(cairn_models *m, model_kind kind, const char *name,
                        const volatile sig_atomic_t *cancel, shared_model **out, cairn_error *err)
{
    char path[8192];
    shared_model *s = NULL;
    cairn_status st = cairn_model_path(name, path, sizeof path, err);

    *out = NULL;
    if (!st && !(s = find_or_add(m, kind, path)))
        st = cairn_fail(err, CAIRN_ENOMEM, "model %s", name);
    if (!st && !atomic_load(&s->opened)) {
        st = shared_model_enter(s, cancel, 0, err);
        if (st)
            return st;
        st = open_model(s, err);
        shared_model_leave(s);
    }
    if (!st)
        *out = s;
    return st;
}
