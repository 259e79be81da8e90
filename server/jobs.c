/* jobs.c - one thread that writes: index runs, uploads, deletions, one after the other.
 *
 * What has not ended stands in a journal (jobs_journal.h): the next server lists it as interrupted, until the same is done or
 * INTERRUPTED_KEPT later ones are.
 *
 * A job stays in the list after its end, so that whoever began it can look; KEPT ended ones are
 * remembered. Its paths and its flags belong to the thread while it runs; what others see is `seen`,
 * changed under the lock with a version number that waiters compare. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/priority.h"
#include "base/stop.h"
#include "engine/care.h"
#include "server/inside.h"
#include "server/jobs_journal.h"

#define KEPT      200
#define INTERRUPTED_KEPT 50
#define JOB_STEPS 10 /* of priority, below those who ask */

typedef struct job {
    struct job *next; /* older */
    service_job seen;
    uint64_t version;
    char **paths; /* of an index run; of a deletion the document's name */
    size_t n_paths;
    volatile sig_atomic_t cancel;
    bool cut; /* it had not ended when the server was told to */
} job;

struct job_queue {
    service *s;
    size_t max_waiting;
    pthread_t thread;
    bool started;
    pthread_mutex_t mutex; /* of the rest */
    pthread_cond_t moved;
    job *newest;
    uint64_t last_id;
    size_t waiting;
    bool draining;
    jobs_journal *journal; /* NULL: none is kept */
};

const char *service_job_state_name(service_job_state state)
{
    static const char *const names[] = {"waiting", "running", "done", "failed", "cancelled", "interrupted"};

    return names[state];
}

static void job_free(job *j)
{
    for (size_t i = 0; i < j->n_paths; i++)
        free(j->paths[i]);
    free(j->paths);
    free(j);
}

static bool ended(const job *j)
{
    return j->seen.state >= SERVICE_JOB_DONE;
}

/* ---- under the lock ---- */

static void touch(job_queue *q, job *j)
{
    j->version++;
    pthread_cond_broadcast(&q->moved);
}

/* ---- the journal ---- */

static json_t *job_written(const job *j)
{
    json_t *paths = json_array();

    for (size_t i = 0; i < j->n_paths && strcmp(j->seen.kind, "retry") != 0; i++) /* whose files the store knows */
        json_array_append_new(paths, json_string(j->paths[i]));
    return json_pack("{s:I,s:s,s:s,s:s,s:o,s:I,s:I}", "id", (json_int_t)j->seen.id, "collection", j->seen.collection, "owner",
                     j->seen.owner, "kind", j->seen.kind, "paths", paths, "queued_ns", (json_int_t)j->seen.queued_ns, "started_ns",
                     (json_int_t)j->seen.started_ns);
}

/* Is it for the next server to tell that it was interrupted? */
static bool is_left(const job *j)
{
    return !ended(j) || j->seen.state == SERVICE_JOB_INTERRUPTED || (j->cut && j->seen.state == SERVICE_JOB_CANCELLED);
}

/* The newest first. */
static void keep_journal(job_queue *q)
{
    cairn_error err = {0};
    json_t *all;
    size_t interrupted = 0;

    if (!q->journal)
        return;
    all = json_array();
    for (const job *j = q->newest; all && j; j = j->next)
        if (is_left(j) && (!ended(j) || interrupted++ < INTERRUPTED_KEPT))
            json_array_append_new(all, job_written(j));
    if (!all || jobs_journal_write(q->journal, all, &err))
        log_write(LOG_LEVEL_WARN, "server", "jobs are not noted for a restart: %s", all ? err.text : "no memory");
    json_decref(all);
}

static bool same_work(const job *a, const job *b)
{
    if (strcmp(a->seen.kind, b->seen.kind) != 0 || strcmp(a->seen.collection, b->seen.collection) != 0 || a->n_paths != b->n_paths)
        return false;
    for (size_t i = 0; i < a->n_paths; i++)
        if (strcmp(a->paths[i], b->paths[i]) != 0)
            return false;
    return true;
}

/* Forget the interrupted ones whose work is done now. */
static void settle(job_queue *q, const job *done)
{
    for (job **at = &q->newest; *at;) {
        job *j = *at;
        if (j->seen.state != SERVICE_JOB_INTERRUPTED || !same_work(j, done)) {
            at = &j->next;
            continue;
        }
        *at = j->next;
        job_free(j);
    }
}

static void end(job_queue *q, job *j, service_job_state state)
{
    j->seen.state = state;
    j->seen.ended_ns = clock_wall_ns();
    if (state == SERVICE_JOB_DONE)
        settle(q, j);
    keep_journal(q);
    touch(q, j);
}

static job *find(const job_queue *q, uint64_t id)
{
    job *j = q->newest;

    while (j && j->seen.id != id)
        j = j->next;
    return j;
}

static void forget_old(job_queue *q)
{
    size_t n = 0;

    for (job **at = &q->newest; *at;) {
        job *j = *at;
        n += ended(j);
        if (!ended(j) || n <= KEPT) {
            at = &j->next;
            continue;
        }
        *at = j->next;
        job_free(j);
    }
}

/* The oldest that waits. */
static job *next_waiting(const job_queue *q)
{
    job *oldest = NULL;

    for (job *j = q->newest; j; j = j->next)
        if (j->seen.state == SERVICE_JOB_WAITING)
            oldest = j;
    return oldest;
}

/* ---- working ---- */

typedef struct working {
    job_queue *q;
    job *j;
} working;

static void on_progress(void *ctx, const cairn_progress *p)
{
    working *w = ctx;

    pthread_mutex_lock(&w->q->mutex);
    snprintf(w->j->seen.stage, sizeof w->j->seen.stage, "%s", p->stage);
    w->j->seen.done = p->done;
    w->j->seen.total = p->total;
    touch(w->q, w->j);
    pthread_mutex_unlock(&w->q->mutex);
}

static bool searches_wait(void *ctx)
{
    return service_pressed(ctx);
}

static cairn_status index_paths(working *w, cairn *c, cairn_index_report *report, cairn_error *err)
{
    cairn_index_options o = {.progress = on_progress,
                             .progress_ctx = w,
                             .give_way = searches_wait,
                             .give_way_ctx = w->q->s,
                             .cancel = &w->j->cancel,
                             .retry = !strcmp(w->j->seen.kind, "retry")};
    cairn_status st = cairn_index(c, (const char *const *)w->j->paths, w->j->n_paths, &o, report,
                                  err);

    /* Without an embedding model the words are indexed all the same: no failure of the job. */
    if (st == CAIRN_EMODEL) {
        log_write(LOG_LEVEL_WARN, "server", "job %llu: %s", (unsigned long long)w->j->seen.id,
                  err->text);
        st = CAIRN_OK;
    }
    return st;
}

/* What the run came to, under the lock. */
static void note_report(job *j, const cairn_index_report *r)
{
    j->seen.seen = r->seen;
    j->seen.indexed = r->indexed;
    j->seen.unchanged = r->unchanged + r->moved;
    j->seen.removed = r->removed;
    j->seen.unread = r->unread;
    j->seen.not_reached = r->not_reached;
    j->seen.failed = r->n_failed;
    j->seen.failed_inside = r->n_failed_inside;
    j->seen.chunks = r->chunks;
    j->seen.embedded = r->embedded;
    if (r->n_failed)
        snprintf(j->seen.problem, sizeof j->seen.problem, "%.200s: %.300s", r->failed[0].path,
                 r->failed[0].reason);
}

static void work(job_queue *q, job *j)
{
    cairn_options o = service_writer_options(q->s, j->seen.collection);
    working w = {q, j};
    cairn_index_report report = {0};
    cairn_error err = {0};
    size_t removed = 0;
    cairn *c = NULL;
    cairn_status st;

    o.must_exist = true;
    st = cairn_open(&c, &o, &err);
    if (!st && !strcmp(j->seen.kind, "delete"))
        st = cairn_delete(c, j->paths[0], &removed, &err);
    else if (!st)
        st = index_paths(&w, c, &report, &err);
    cairn_close(c);
    pthread_mutex_lock(&q->mutex);
    note_report(j, &report);
    j->seen.removed += removed;
    if (st && st != CAIRN_ECANCELLED)
        snprintf(j->seen.problem, sizeof j->seen.problem, "%s", err.text);
    end(q, j, !st ? SERVICE_JOB_DONE
              : st == CAIRN_ECANCELLED ? SERVICE_JOB_CANCELLED
                                       : SERVICE_JOB_FAILED);
    forget_old(q);
    pthread_mutex_unlock(&q->mutex);
    cairn_index_report_clear(&report);
    metrics_add(q->s->metrics, "cairn_jobs_total", "Index runs, uploads and deletions that ended.",
                st ? "result=\"failed\"" : "result=\"done\"", 1);
    log_write(st ? LOG_LEVEL_WARN : LOG_LEVEL_INFO, "server", "job ended%s%s", st ? ": " : "",
              st ? err.text : "");
}

static void *run(void *arg)
{
    job_queue *q = arg;

    /* Whoever waits for a search goes first; on an idle machine nothing is slower. Threads of an
     * index run and the extractor's processes are started from here and inherit it. */
    priority_lower(JOB_STEPS);
    pthread_mutex_lock(&q->mutex);
    while (!q->draining) {
        job *j = next_waiting(q);
        if (!j) {
            pthread_cond_wait(&q->moved, &q->mutex);
            continue;
        }
        j->seen.state = SERVICE_JOB_RUNNING;
        j->seen.started_ns = clock_wall_ns();
        q->waiting--;
        keep_journal(q);
        touch(q, j);
        pthread_mutex_unlock(&q->mutex);
        work(q, j);
        pthread_mutex_lock(&q->mutex);
    }
    pthread_mutex_unlock(&q->mutex);
    return NULL;
}

/* ---- what a server before this one left ---- */

static job *job_new(const service_caller *who, const char *collection, const char *kind, const char *const *paths, size_t n)
{
    job *j = calloc(1, sizeof *j);

    if (!j || !(j->paths = calloc(n + 1, sizeof *j->paths))) {
        free(j);
        return NULL;
    }
    snprintf(j->seen.collection, sizeof j->seen.collection, "%s", collection);
    snprintf(j->seen.kind, sizeof j->seen.kind, "%s", kind);
    snprintf(j->seen.owner, sizeof j->seen.owner, "%s", who ? who->name : "");
    j->seen.queued_ns = clock_wall_ns();
    for (size_t i = 0; i < n; i++) {
        if (!(j->paths[i] = strdup(paths[i]))) {
            job_free(j);
            return NULL;
        }
        j->n_paths++;
    }
    return j;
}

/* How the work of an interrupted job is taken up again. */
static void say_how(job *j)
{
    static const struct {
        const char *kind, *how;
    } ways[] = {
        {"index", "index the same again (POST /api/v1/index, or cairn index), which goes on where it stopped"},
        {"upload", "the file is kept: send it again, or index it where it lies"},
        {"retry", "try the files that could not be read again (POST /api/v1/retry)"},
        {"delete", "delete it again"},
    };
    const char *how = "ask for the same again", *path = j->n_paths ? j->paths[0] : "";
    char more[48] = "";

    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++)
        if (!strcmp(ways[i].kind, j->seen.kind))
            how = ways[i].how;
    if (j->n_paths > 1)
        snprintf(more, sizeof more, " and %zu more", j->n_paths - 1);
    snprintf(j->seen.problem, sizeof j->seen.problem, "the server ended before this job did (%.200s%s); what was committed is there. To finish, %s",
             path, more, how);
}

/* One of the journal; NULL: it does not parse. */
static job *job_read(const json_t *written)
{
    const char *collection = json_string_value(json_object_get(written, "collection"));
    const char *owner = json_string_value(json_object_get(written, "owner"));
    const char *kind = json_string_value(json_object_get(written, "kind"));
    const json_t *paths = json_object_get(written, "paths");
    size_t n = json_array_size(paths);
    const char **texts = calloc(n + 1, sizeof *texts);
    bool fine = texts && collection && owner && kind && json_integer_value(json_object_get(written, "id")) > 0;
    job *j = NULL;

    for (size_t i = 0; i < n && fine; i++)
        fine = (texts[i] = json_string_value(json_array_get(paths, i))) != NULL;
    if (fine)
        j = job_new(NULL, collection, kind, texts, n);
    free(texts);
    if (!j)
        return NULL;
    snprintf(j->seen.owner, sizeof j->seen.owner, "%s", owner);
    j->seen.id = (uint64_t)json_integer_value(json_object_get(written, "id"));
    j->seen.queued_ns = json_integer_value(json_object_get(written, "queued_ns"));
    j->seen.started_ns = json_integer_value(json_object_get(written, "started_ns"));
    j->seen.state = SERVICE_JOB_INTERRUPTED;
    say_how(j);
    return j;
}

/* Open the journal and list what the last server left. Without one jobs run all the same. */
static void take_interrupted(job_queue *q)
{
    cairn_error err = {0};
    json_t *left;

    if (jobs_journal_open(&q->journal, q->s->home, &err)) {
        log_write(LOG_LEVEL_WARN, "server", "jobs are not noted for a restart: %s", err.text);
        return;
    }
    left = jobs_journal_read(q->journal);
    for (size_t i = json_array_size(left); i--;) { /* the oldest first */
        job *j = job_read(json_array_get(left, i));
        if (!j)
            continue;
        j->next = q->newest;
        q->newest = j;
        q->last_id = j->seen.id > q->last_id ? j->seen.id : q->last_id;
        log_write(LOG_LEVEL_WARN, "server", "job %llu was interrupted", (unsigned long long)j->seen.id);
    }
    json_decref(left);
}

/* ---- the queue ---- */

cairn_status job_queue_create(job_queue **out, service *s, size_t max_waiting, cairn_error *err)
{
    job_queue *q = calloc(1, sizeof *q);
    pthread_condattr_t attr;

    *out = NULL;
    if (!q)
        return cairn_fail(err, CAIRN_ENOMEM, "job queue");
    q->s = s;
    q->max_waiting = max_waiting;
    pthread_mutex_init(&q->mutex, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&q->moved, &attr);
    pthread_condattr_destroy(&attr);
    take_interrupted(q);
    if (pthread_create(&q->thread, NULL, run, q)) {
        job_queue_destroy(q);
        return cairn_fail(err, CAIRN_EIO, "the thread for jobs could not be started");
    }
    q->started = true;
    *out = q;
    return CAIRN_OK;
}

void job_queue_drain(job_queue *q)
{
    bool join;

    pthread_mutex_lock(&q->mutex);
    q->draining = true;
    for (job *j = q->newest; j; j = j->next) {
        stop_raise(&j->cancel);
        j->cut = !ended(j);
        if (j->seen.state == SERVICE_JOB_WAITING)
            end(q, j, SERVICE_JOB_CANCELLED);
    }
    pthread_cond_broadcast(&q->moved);
    join = q->started;
    q->started = false;
    pthread_mutex_unlock(&q->mutex);
    if (join)
        pthread_join(q->thread, NULL);
}

void job_queue_destroy(job_queue *q)
{
    if (!q)
        return;
    job_queue_drain(q);
    while (q->newest) {
        job *j = q->newest;
        q->newest = j->next;
        job_free(j);
    }
    jobs_journal_close(q->journal);
    pthread_cond_destroy(&q->moved);
    pthread_mutex_destroy(&q->mutex);
    free(q);
}

cairn_status job_queue_add(job_queue *q, const service_caller *who, const char *collection, const char *kind,
                           const char *const *paths, size_t n_paths, uint64_t *id,
                           cairn_error *err)
{
    job *j = job_new(who, collection, kind, paths, n_paths);
    cairn_status st = CAIRN_OK;

    if (!j)
        return cairn_fail(err, CAIRN_ENOMEM, "job");
    pthread_mutex_lock(&q->mutex);
    if (q->draining)
        st = cairn_fail(err, CAIRN_EBUSY, "the server is shutting down");
    else if (q->waiting >= q->max_waiting)
        st = cairn_fail(err, CAIRN_EBUSY, "%zu jobs wait already: try again later", q->waiting);
    if (!st) {
        *id = j->seen.id = ++q->last_id;
        j->next = q->newest;
        q->newest = j;
        q->waiting++;
        keep_journal(q);
        touch(q, j);
    }
    pthread_mutex_unlock(&q->mutex);
    if (st)
        job_free(j);
    return st;
}

/* ---- what others see ---- */

/* The collection's name in force, when there is such a collection. */
static cairn_status check_collection(service *s, const char **collection, cairn_error *err)
{
    cairn *c;
    cairn_status st = service_acquire(s, NULL, *collection, &c, err);

    if (st)
        return st;
    service_release(s, c);
    if (!*collection || !**collection)
        *collection = s->collection;
    return CAIRN_OK;
}

cairn_status service_index(service *s, const service_caller *who, const char *collection,
                           const char *const *paths, size_t n_paths, uint64_t *id, cairn_error *err)
{
    cairn_status st = check_collection(s, &collection, err);

    if (!st && !n_paths)
        st = cairn_fail(err, CAIRN_EUSAGE, "no path to index");
    for (size_t i = 0; !st && i < n_paths; i++)
        if (paths[i][0] != '/')
            st = cairn_fail(err, CAIRN_EUSAGE, "the server takes absolute paths, not \"%s\"",
                            paths[i]);
    if (!st)
        st = service_check_room(s, collection, 0, err);
    if (!st)
        st = service_check_memory(s, err);
    return st ? st : job_queue_add(s->jobs, who, collection, "index", paths, n_paths, id, err);
}

cairn_status service_retry(service *s, const service_caller *who, const char *collection,
                           uint64_t *id, cairn_error *err)
{
    cairn_status_info info = {0};
    const char **paths = NULL;
    cairn *c;
    cairn_status st = service_acquire(s, who, collection, &c, err);

    if (st)
        return st;
    st = cairn_status_get(c, &info, err);
    service_release(s, c);
    if (!st && !info.n_failed)
        st = cairn_fail(err, CAIRN_ENOTFOUND, "every file could be read");
    if (!st && !(paths = calloc(info.n_failed, sizeof *paths)))
        st = cairn_fail(err, CAIRN_ENOMEM, "job");
    for (size_t i = 0; !st && i < info.n_failed; i++)
        paths[i] = info.failed[i].path;
    if (!collection || !*collection)
        collection = s->collection;
    if (!st)
        st = job_queue_add(s->jobs, who, collection, "retry", paths, info.n_failed, id, err);
    free(paths);
    cairn_status_clear(&info);
    return st;
}

/* May the caller read all that would go? */
static cairn_status check_covered(service *s, const service_caller *who, const char *collection,
                                  const char *uri_or_id, cairn_error *err)
{
    cairn *c;
    cairn_status st = service_acquire(s, who, collection, &c, err);

    if (st)
        return st;
    st = cairn_access_covers(c, uri_or_id, err);
    service_release(s, c);
    return st;
}

cairn_status service_delete(service *s, const service_caller *who, const char *collection,
                            const char *uri_or_id, uint64_t *id, cairn_error *err)
{
    cairn_status st = check_collection(s, &collection, err);

    if (!st)
        st = check_covered(s, who, collection, uri_or_id, err);
    return st ? st : job_queue_add(s->jobs, who, collection, "delete", &uri_or_id, 1, id, err);
}

void service_job_hide(const service_caller *who, service_job *job)
{
    if (who->role < SERVICE_ADMIN && strcmp(who->name, job->owner) && job->problem[0])
        snprintf(job->problem, sizeof job->problem, "not for you to read");
}

static cairn_status no_such_job(uint64_t id, cairn_error *err)
{
    return cairn_fail(err, CAIRN_ENOTFOUND, "there is no job %llu", (unsigned long long)id);
}

cairn_status service_job_get(service *s, uint64_t id, service_job *out, cairn_error *err)
{
    job *j;

    pthread_mutex_lock(&s->jobs->mutex);
    j = find(s->jobs, id);
    if (j)
        *out = j->seen;
    pthread_mutex_unlock(&s->jobs->mutex);
    return j ? CAIRN_OK : no_such_job(id, err);
}

size_t service_job_list(service *s, service_job *out, size_t max)
{
    size_t n = 0;

    pthread_mutex_lock(&s->jobs->mutex);
    for (job *j = s->jobs->newest; j && n < max; j = j->next)
        out[n++] = j->seen;
    pthread_mutex_unlock(&s->jobs->mutex);
    return n;
}

cairn_status service_job_cancel(service *s, uint64_t id, cairn_error *err)
{
    job_queue *q = s->jobs;
    job *j;

    pthread_mutex_lock(&q->mutex);
    j = find(q, id);
    if (j && !ended(j))
        stop_raise(&j->cancel);
    if (j && j->seen.state == SERVICE_JOB_WAITING) {
        q->waiting--;
        end(q, j, SERVICE_JOB_CANCELLED);
    }
    pthread_mutex_unlock(&q->mutex);
    return j ? CAIRN_OK : no_such_job(id, err);
}

cairn_status service_job_wait(service *s, uint64_t id, uint64_t *seen, int64_t wait_ns,
                              service_job *out, cairn_error *err)
{
    int64_t until = clock_mono_ns() + wait_ns;
    struct timespec ts = {(time_t)(until / 1000000000), (long)(until % 1000000000)};
    job_queue *q = s->jobs;
    job *j;
    int rc = 0;

    pthread_mutex_lock(&q->mutex);
    /* It may be forgotten while we wait, so it is looked up each time. */
    while ((j = find(q, id)) && !ended(j) && j->version <= *seen && !rc)
        rc = pthread_cond_timedwait(&q->moved, &q->mutex, &ts);
    if (j) {
        *out = j->seen;
        *seen = j->version;
    }
    pthread_mutex_unlock(&q->mutex);
    return j ? CAIRN_OK : no_such_job(id, err);
}
