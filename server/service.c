/* service.c - handles to lend, callers to judge, reloading and draining. Jobs: jobs.c; tokens:
 * tokens.c. */
#include "engine/care.h"
#include "server/service.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/pool.h"
#include "engine/model.h"
#include "server/audit.h"
#include "server/inside.h"

#define READY_NS       ((int64_t)5 * 1000000000) /* for a collection on a cluster to answer */
#define MAX_IDLE       8 /* handles of one collection that nobody uses */
/* A queue of T ms grows by T times the share of the processor that a run takes: below this one by less than the 20 ms
 * that a search may wait for a run. A busy queue shows itself many times within the second figure. */
#define LONG_WAIT_NS ((int64_t)10 * 1000000)
#define PRESSED_NS   ((int64_t)1000 * 1000000)
#define DEFAULT_UPLOAD ((size_t)256 << 20)
#define DEFAULT_JOBS   100

/* ---- names and paths ---- */

cairn_status service_check_name(const char *name, cairn_error *err)
{
    size_t n = strlen(name);

    if (n && n < SERVICE_NAME_BYTES && name[0] != '.' && !strchr(name, '/') && n <= 100)
        return CAIRN_OK;
    return cairn_fail(err, CAIRN_EUSAGE, "a collection's name has 1 to 100 bytes, no / and no dot "
                                         "in front");
}

static const char *or_default(const service *s, const char *collection)
{
    return collection && *collection ? collection : s->collection;
}

/* Searches share the models; each has its caller's thread and one beside it, for the second embedder and its list, where
 * there is a CPU for it. While many are at work it is not used (base/pool.h). */
#define READER_THREADS 2

static size_t reader_threads(const service *s)
{
    size_t most = s->n_threads ? s->n_threads : pool_online_cpus();

    return most < READER_THREADS ? most : READER_THREADS;
}

static cairn_options reader_options(const service *s, const char *collection)
{
    return (cairn_options){.home = s->home,
                           .collection = collection,
                           .config_file = s->config_file,
                           .embedder = s->embedder_option,
                           .generator = s->generator_option,
                           .n_threads = reader_threads(s),
                           .read_only = true,
                           .models = s->models,
                           .max_disk_bytes = s->max_collection_bytes};
}

/* A job opens an encoder of its own: a question never waits for a passage's vector. */
cairn_options service_writer_options(const service *s, const char *collection)
{
    return (cairn_options){.home = s->home,
                           .collection = collection,
                           .config_file = s->config_file,
                           .embedder = s->embedder_option,
                           .generator = s->generator_option,
                           .n_threads = s->n_threads,
                           .wait_ns = (int64_t)30 * 1000000000,
                           .max_disk_bytes = s->max_collection_bytes};
}

/* ---- lending handles ---- */

/* Take out of the list, under the lock: an idle handle of the collection, opened since the last
 * reload. */
static lent *take_idle(service *s, const char *collection, const char *principals)
{
    for (lent *l = s->handles; l; l = l->next)
        if (!l->used && l->generation == s->generation && !strcmp(l->collection, collection) &&
            !strcmp(l->principals, principals)) {
            l->used = true;
            return l;
        }
    return NULL;
}

/* The caller's name and groups, as rules know them; "" for whoever sees everything. */
static void principals_of(const service_caller *who, char out[SERVICE_PRINCIPALS_BYTES])
{
    out[0] = '\0';
    if (who && who->role < SERVICE_ADMIN)
        snprintf(out, SERVICE_PRINCIPALS_BYTES, "%s%s%s", who->name, who->groups[0] ? "," : "",
                 who->groups);
}

static cairn_status lend_new(service *s, const char *collection, const char *principals, lent **out,
                             cairn_error *err)
{
    cairn_options o = reader_options(s, collection);
    lent *l = calloc(1, sizeof *l);
    cairn_status st;

    if (!l)
        return cairn_fail(err, CAIRN_ENOMEM, "handle");
    o.principals = *principals ? principals : NULL;
    strcpy(l->principals, principals);
    pthread_mutex_lock(&s->mutex);
    l->generation = s->generation; /* before opening: a reload meanwhile makes it old */
    pthread_mutex_unlock(&s->mutex);
    st = cairn_open(&l->c, &o, err);
    if (st) {
        free(l);
        return st;
    }
    snprintf(l->collection, sizeof l->collection, "%s", collection);
    l->used = true;
    pthread_mutex_lock(&s->mutex);
    l->next = s->handles;
    s->handles = l;
    pthread_mutex_unlock(&s->mutex);
    *out = l;
    return CAIRN_OK;
}

cairn_status service_acquire(service *s, const service_caller *who, const char *collection,
                             cairn **out, cairn_error *err)
{
    const char *name = or_default(s, collection);
    char principals[SERVICE_PRINCIPALS_BYTES];
    lent *l = NULL;
    cairn_status st = service_check_name(name, err);

    *out = NULL;
    if (st)
        return st;
    if (atomic_load(&s->draining))
        return cairn_fail(err, CAIRN_EBUSY, "the server is shutting down");
    principals_of(who, principals);
    pthread_mutex_lock(&s->mutex);
    l = take_idle(s, name, principals);
    pthread_mutex_unlock(&s->mutex);
    if (!l)
        st = lend_new(s, name, principals, &l, err);
    if (!st)
        *out = l->c;
    return st;
}

/* Take the handle back; returns it when it is to be closed. */
static lent *take_back(service *s, const cairn *c, bool close_it)
{
    lent **at = &s->handles, *mine;
    size_t idle = 0;

    while ((*at)->c != c)
        at = &(*at)->next;
    mine = *at;
    for (lent *l = s->handles; l; l = l->next)
        idle += !l->used && !strcmp(l->collection, mine->collection);
    mine->used = false;
    if (!close_it && mine->generation == s->generation && idle < MAX_IDLE)
        return NULL;
    *at = mine->next;
    return mine;
}

static void give_back(service *s, cairn *c, bool close_it)
{
    lent *old;

    if (!c)
        return;
    pthread_mutex_lock(&s->mutex);
    old = take_back(s, c, close_it);
    pthread_mutex_unlock(&s->mutex);
    if (old)
        cairn_close(old->c);
    free(old);
}

void service_release(service *s, cairn *c)
{
    give_back(s, c, false);
}

void service_discard(service *s, cairn *c)
{
    give_back(s, c, true);
}

/* Close what nobody uses and was opened before the last reload. */
static void close_idle(service *s, bool all)
{
    lent *old = NULL;

    pthread_mutex_lock(&s->mutex);
    for (lent **at = &s->handles; *at;) {
        lent *l = *at;
        if (l->used || (!all && l->generation == s->generation)) {
            at = &l->next;
            continue;
        }
        *at = l->next;
        l->next = old;
        old = l;
    }
    pthread_mutex_unlock(&s->mutex);
    while (old) {
        lent *next = old->next;
        cairn_close(old->c);
        free(old);
        old = next;
    }
}

void service_close_idle(service *s)
{
    close_idle(s, true);
}

void service_forget_handles(service *s)
{
    pthread_mutex_lock(&s->mutex);
    s->generation++;
    pthread_mutex_unlock(&s->mutex);
    close_idle(s, false);
}

/* ---- collections ---- */

static int is_collection(const struct dirent *d)
{
    return d->d_name[0] != '.';
}

cairn_status service_each_collection(service *s, bool (*fn)(void *ctx, const char *name), void *ctx,
                                     cairn_error *err)
{
    struct dirent **names;
    char *dir;
    bool more = true;
    int n;

    if (asprintf(&dir, "%s/collections", s->home) < 0)
        return cairn_fail(err, CAIRN_ENOMEM, "collections");
    n = scandir(dir, &names, is_collection, alphasort);
    if (n < 0) {
        cairn_status st = cairn_fail_errno(err, errno, "read %s", dir);
        free(dir);
        return st;
    }
    for (int i = 0; i < n; i++) {
        if (more)
            more = fn(ctx, names[i]->d_name);
        free(names[i]);
    }
    free(names);
    free(dir);
    return CAIRN_OK;
}

cairn_status service_create_collection(service *s, const char *name, cairn_error *err)
{
    cairn_options o = service_writer_options(s, name);
    cairn *c;
    cairn_status st = service_check_name(name, err);

    if (!st && atomic_load(&s->draining))
        st = cairn_fail(err, CAIRN_EBUSY, "the server is shutting down");
    if (!st)
        st = cairn_open(&c, &o, err);
    if (!st)
        cairn_close(c);
    return st;
}

const char *service_home(const service *s)
{
    return s->home;
}

const char *service_default_collection(const service *s)
{
    return s->collection;
}

cairn_pages *service_pages(service *s)
{
    return s->pages;
}

cairn_models *service_models(service *s)
{
    return s->models;
}

void service_model_names(service *s, service_names *out)
{
    pthread_mutex_lock(&s->mutex);
    *out = s->names;
    pthread_mutex_unlock(&s->mutex);
}

/* ---- searches before index runs ---- */

void service_waited(service *s, int64_t wait_ns)
{
    if (wait_ns >= LONG_WAIT_NS)
        atomic_store_explicit(&s->pressed_until_ns, clock_mono_ns() + PRESSED_NS, memory_order_relaxed);
}

bool service_pressed(const service *s)
{
    return clock_mono_ns() < atomic_load_explicit(&s->pressed_until_ns, memory_order_relaxed);
}

metrics *service_metrics(service *s)
{
    return s->metrics;
}

/* ---- callers ---- */

bool service_has_tokens(service *s)
{
    bool any;

    pthread_mutex_lock(&s->mutex);
    any = token_table_size(s->tokens) > 0;
    pthread_mutex_unlock(&s->mutex);
    return any;
}

cairn_status service_authorise(service *s, const char *bearer, bool trusted, service_caller *out,
                               cairn_error *err)
{
    bool found = false;

    *out = (service_caller){.name = "local", .role = SERVICE_ADMIN};
    if (trusted)
        return CAIRN_OK;
    *out = (service_caller){.role = SERVICE_NOBODY};
    if (!bearer || !*bearer)
        return cairn_fail(err, CAIRN_EUSAGE, "a token is needed: Authorization: Bearer TOKEN");
    pthread_mutex_lock(&s->mutex);
    found = token_table_find(s->tokens, bearer, out);
    pthread_mutex_unlock(&s->mutex);
    return found ? CAIRN_OK : cairn_fail(err, CAIRN_EUSAGE, "this token is not known here");
}

cairn_status service_caller_named(service *s, const char *name, service_caller *out, cairn_error *err)
{
    bool found;

    pthread_mutex_lock(&s->mutex);
    found = token_table_named(s->tokens, name, out);
    pthread_mutex_unlock(&s->mutex);
    if (!found && strcmp(name, "local"))
        return cairn_fail(err, CAIRN_ENOTFOUND, "there is no token \"%.100s\" any more", name);
    if (!found)
        *out = (service_caller){.name = "local", .role = SERVICE_ADMIN};
    return CAIRN_OK;
}

static bool names_collection(const char *list, const char *name)
{
    size_t len = strlen(name);

    while (*list) {
        size_t n = strcspn(list, ",");
        if (n == len && !memcmp(list, name, n))
            return true;
        list += n + (list[n] == ',');
    }
    return false;
}

cairn_status service_need(const service_caller *who, const char *collection, service_role role,
                          cairn_error *err)
{
    if (who->role < role)
        return cairn_fail(err, CAIRN_EUSAGE, "this needs a token of role %s, yours is of role %s",
                          service_role_name(role), service_role_name(who->role));
    if (collection && *who->collections && !names_collection(who->collections, collection))
        return cairn_fail(err, CAIRN_EUSAGE, "your token is not for the collection \"%s\"",
                          collection);
    return CAIRN_OK;
}

void service_request_id(char out[SERVICE_ID_BYTES])
{
    unsigned char random[(SERVICE_ID_BYTES - 1) / 2];

    if (getrandom(random, sizeof random, 0) != (ssize_t)sizeof random)
        memset(random, 0, sizeof random);
    for (size_t i = 0; i < sizeof random; i++)
        snprintf(out + 2 * i, 3, "%02x", random[i]);
}

/* ---- opening and closing ---- */

static char *copy_or_null(const char *text)
{
    return text ? strdup(text) : NULL;
}

/* What the configuration says about models, asked of the default collection; the home, once. */
static cairn_status read_names(service *s, cairn_error *err)
{
    cairn_status_info info;
    service_names names;
    cairn *c = NULL;
    cairn_status st = service_acquire(s, NULL, NULL, &c, err);

    if (st)
        return st;
    st = cairn_status_get(c, &info, err);
    if (!st && !s->home && !(s->home = strdup(info.home)))
        st = cairn_fail(err, CAIRN_ENOMEM, "service");
    if (!st) {
        snprintf(names.embedder, sizeof names.embedder, "%s", info.embedder_name);
        snprintf(names.generator, sizeof names.generator, "%s", info.generator_name);
        pthread_mutex_lock(&s->mutex);
        s->names = names;
        pthread_mutex_unlock(&s->mutex);
    }
    cairn_status_clear(&info);
    service_release(s, c);
    return st;
}

static cairn_status open_default(service *s, cairn_error *err)
{
    cairn_options o = service_writer_options(s, s->collection);
    cairn *c;
    cairn_status st;

    o.read_only = true;
    st = cairn_open(&c, &o, err);
    if (st == CAIRN_ENOTFOUND) {
        o.read_only = false;
        st = cairn_open(&c, &o, err);
    }
    if (!st)
        cairn_close(c);
    return st ? st : read_names(s, err);
}

static cairn_status copy_options(service *s, const service_options *o, cairn_error *err)
{
    const char *name = o->collection ? o->collection : "default";

    s->home = copy_or_null(o->home);
    s->config_file = copy_or_null(o->config_file);
    s->embedder_option = copy_or_null(o->embedder);
    s->generator_option = copy_or_null(o->generator);
    s->collection = strdup(name);
    s->token_file = copy_or_null(o->token_file);
    s->n_threads = o->n_threads;
    s->max_collection_bytes = o->max_collection_bytes;
    s->max_memory_bytes = o->max_memory_bytes;
    s->per_second = o->requests_per_second;
    s->max_upload_bytes = o->max_upload_bytes ? o->max_upload_bytes : DEFAULT_UPLOAD;
    if (!s->collection || (o->home && !s->home) || (o->config_file && !s->config_file) ||
        (o->token_file && !s->token_file) || (o->embedder && !s->embedder_option) ||
        (o->generator && !s->generator_option))
        return cairn_fail(err, CAIRN_ENOMEM, "service");
    return service_check_name(name, err);
}

cairn_status service_open(service **out, const service_options *options, cairn_error *err)
{
    service *s = calloc(1, sizeof *s);
    cairn_status st;

    *out = NULL;
    if (!s)
        return cairn_fail(err, CAIRN_ENOMEM, "service");
    pthread_mutex_init(&s->mutex, NULL);
    st = copy_options(s, options, err);
    if (!st)
        st = metrics_create(&s->metrics, err);
    if (!st)
        st = limit_create(&s->limit, err);
    if (!st && options->audit_file)
        st = audit_open(&s->audit, options->audit_file, options->max_audit_bytes, err);
    if (!st)
        st = cairn_models_create(&s->models, s->config_file, s->n_threads, err);
    if (!st)
        st = cairn_pages_open(&s->pages, err);
    if (!st)
        st = open_default(s, err);
    if (!st && !s->token_file && asprintf(&s->token_file, "%s/tokens", s->home) < 0) {
        s->token_file = NULL;
        st = cairn_fail(err, CAIRN_ENOMEM, "service");
    }
    if (!st)
        st = token_table_read(&s->tokens, s->token_file, err);
    if (!st)
        st = job_queue_create(&s->jobs, s, options->max_jobs ? options->max_jobs : DEFAULT_JOBS,
                              err);
    if (st)
        service_close(s);
    else
        *out = s;
    return st;
}

void service_drain(service *s)
{
    atomic_store(&s->draining, true);
    if (s->jobs)
        job_queue_drain(s->jobs);
}

bool service_draining(service *s)
{
    return atomic_load(&s->draining);
}

void service_close(service *s)
{
    if (!s)
        return;
    service_drain(s);
    job_queue_destroy(s->jobs);
    close_idle(s, true);
    cairn_pages_close(s->pages);
    cairn_models_destroy(s->models);
    audit_close(s->audit);
    metrics_destroy(s->metrics);
    limit_destroy(s->limit);
    token_table_destroy(s->tokens);
    pthread_mutex_destroy(&s->mutex);
    free(s->home);
    free(s->config_file);
    free(s->collection);
    free(s->token_file);
    free(s->embedder_option);
    free(s->generator_option);
    free(s);
}

cairn_status service_reload(service *s, cairn_error *err)
{
    token_table *fresh, *old;
    cairn_options o = reader_options(s, s->collection);
    cairn *c;
    cairn_status st = token_table_read(&fresh, s->token_file, err);

    if (st)
        return st;
    st = cairn_open(&c, &o, err); /* a configuration that cannot be read changes nothing */
    if (st) {
        token_table_destroy(fresh);
        return st;
    }
    cairn_close(c);
    pthread_mutex_lock(&s->mutex);
    old = s->tokens;
    s->tokens = fresh;
    s->generation++;
    pthread_mutex_unlock(&s->mutex);
    token_table_destroy(old);
    close_idle(s, false);
    st = read_names(s, err);
    if (!st)
        log_write(LOG_LEVEL_INFO, "server", "configuration and tokens read again");
    return st;
}

cairn_status service_ready(service *s, cairn_error *err)
{
    cairn *c;
    cairn_status st = service_acquire(s, NULL, NULL, &c, err);

    if (!st) {
        st = cairn_ready(c, READY_NS, err);
        service_release(s, c);
    }
    return st;
}

typedef struct first_reranker {
    char *out;
    size_t cap;
    bool found;
} first_reranker;

static void look_for_reranker(void *ctx, const char *name, const char *use, const char *path)
{
    first_reranker *f = ctx;

    if (f->found || !path || strncmp(use, "reranker", 8))
        return;
    snprintf(f->out, f->cap, "%s", name);
    f->found = true;
}

cairn_status service_reranker(char *out, size_t cap, cairn_error *err)
{
    first_reranker f = {out, cap, false};

    cairn_model_catalogue(look_for_reranker, &f);
    return f.found ? CAIRN_OK
                   : cairn_fail(err, CAIRN_EMODEL, "no reranker is on this machine: scripts/fetch-models "
                                                   "brings splade-tiny");
}
