/* batches.c - see batches.h: the batches' objects, opening, stopping. */
#include "base/stop.h"
#include "server/http/batches_inside.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/log.h"

#define BATCHES_MOST 1000

/* ---- batches ---- */

bool batches_ended(const json_t *batch)
{
    static const char *const ends[] = {"completed", "failed", "cancelled"};
    const char *status = json_string_value(json_object_get(batch, "status"));

    for (size_t i = 0; i < 3; i++)
        if (!strcmp(status, ends[i]))
            return true;
    return false;
}

/* Under the lock. */
json_t *batches_find(const batches *b, const char *id)
{
    json_t *batch;
    size_t i;

    json_array_foreach(b->all, i, batch)
        if (!strcmp(json_string_value(json_object_get(batch, "id")), id))
            return batch;
    return NULL;
}

void batches_set_status(batches *b, json_t *batch, const char *status)
{
    cairn_error err = {0};
    char at[40];

    json_object_set_new(batch, "status", json_string(status));
    snprintf(at, sizeof at, "%s_at", status);
    json_object_set_new(batch, at, json_integer((json_int_t)time(NULL)));
    if (batches_put_json(b, json_string_value(json_object_get(batch, "id")), batch, &err))
        log_write(LOG_LEVEL_ERROR, "server", "batch: %s", err.text);
    pthread_cond_broadcast(&b->changed);
}

cairn_status batches_add(batches *b, const service_caller *who, const char *input_file,
                         const char *endpoint, const json_t *metadata, json_t **out,
                         cairn_error *err)
{
    char id[BATCH_ID_BYTES];
    json_t *j, *file;
    cairn_status st = batches_file_record(b, who, input_file, &file, err);

    *out = NULL;
    json_decref(file);
    if (st)
        return st;
    batches_make_id("batch_", id);
    j = json_pack("{s:s,s:s,s:s,s:n,s:s,s:s,s:s,s:n,s:n,s:I,s:{s:i,s:i,s:i},s:O?,s:s,s:i}", "id", id,
                  "object", "batch", "endpoint", endpoint, "errors", "input_file_id", input_file,
                  "completion_window", "24h", "status", "validating", "output_file_id",
                  "error_file_id", "created_at", (json_int_t)time(NULL), "request_counts", "total", 0,
                  "completed", 0, "failed", 0, "metadata", metadata, "owner", who->name, "done", 0);
    if (!j)
        return cairn_fail(err, CAIRN_ENOMEM, "batch");
    pthread_mutex_lock(&b->mutex);
    if (json_array_size(b->all) >= BATCHES_MOST)
        st = cairn_fail(err, CAIRN_EBUSY, "%d batches are here already", BATCHES_MOST);
    if (!st)
        st = batches_put_json(b, id, j, err);
    if (!st) {
        json_array_append(b->all, j);
        *out = batches_shown(j);
        pthread_cond_broadcast(&b->changed);
    }
    pthread_mutex_unlock(&b->mutex);
    json_decref(j);
    return st;
}

cairn_status batches_get(batches *b, const service_caller *who, const char *id, json_t **out,
                         cairn_error *err)
{
    json_t *batch;

    *out = NULL;
    pthread_mutex_lock(&b->mutex);
    batch = batches_find(b, id);
    if (batch && batches_is_theirs(who, batch))
        *out = batches_shown(batch);
    pthread_mutex_unlock(&b->mutex);
    return *out ? CAIRN_OK : batches_no_such("batch", id, err);
}

cairn_status batches_cancel(batches *b, const service_caller *who, const char *id, json_t **out,
                            cairn_error *err)
{
    json_t *batch;

    *out = NULL;
    pthread_mutex_lock(&b->mutex);
    batch = batches_find(b, id);
    if (batch && batches_is_theirs(who, batch)) {
        if (!batches_ended(batch))
            batches_set_status(b, batch, "cancelling");
        if (b->running && !strcmp(b->running_id, id))
            stop_raise(&b->running->cancel);
        *out = batches_shown(batch);
    }
    pthread_mutex_unlock(&b->mutex);
    return *out ? CAIRN_OK : batches_no_such("batch", id, err);
}

cairn_status batches_list(batches *b, const service_caller *who, bool files, json_t **out,
                          cairn_error *err)
{
    json_t *list = NULL;

    pthread_mutex_lock(&b->mutex);
    if (files) {
        list = batches_list_files(b, who);
    } else {
        list = json_array();
        for (size_t i = json_array_size(b->all); i-- > 0;)
            if (batches_is_theirs(who, json_array_get(b->all, i)))
                json_array_append_new(list, batches_shown(json_array_get(b->all, i)));
    }
    pthread_mutex_unlock(&b->mutex);
    *out = json_pack("{s:s,s:o,s:b}", "object", "list", "data", list, "has_more", 0);
    return *out ? CAIRN_OK : cairn_fail(err, CAIRN_ENOMEM, "list");
}

/* ---- opening ---- */

static int is_batch(const struct dirent *d)
{
    size_t n = strlen(d->d_name);

    return n > 5 && !strncmp(d->d_name, "batch_", 6) && !strcmp(d->d_name + n - 5, ".json");
}

static cairn_status load(batches *b, cairn_error *err)
{
    struct dirent **names;
    int n = scandir(b->dir, &names, is_batch, alphasort);
    json_t **found = calloc(n > 0 ? (size_t)n : 1, sizeof *found);
    size_t kept = 0;

    if (n < 0 || !found) {
        free(found);
        return n < 0 ? cairn_fail_errno(err, errno, "read %s", b->dir)
                     : cairn_fail(err, CAIRN_ENOMEM, "batches");
    }
    for (int i = 0; i < n; i++) {
        char *path = batches_path(b, names[i]->d_name, ""), *text = NULL;
        size_t len;
        json_t *j = path && !batches_read(path, &text, &len, NULL) ? json_loadb(text, len, 0, NULL) : NULL;
        const char *id = json_string_value(json_object_get(j, "id"));
        if (id && batches_good_id(id, "batch_") && json_is_string(json_object_get(j, "status")) &&
            json_is_object(json_object_get(j, "request_counts")))
            found[kept++] = j;
        else
            json_decref(j);
        free(path);
        free(text);
        free(names[i]);
    }
    free(names);
    if (kept)
        qsort(found, kept, sizeof *found, batches_by_age);
    for (size_t i = kept; i-- > 0;)
        json_array_append_new(b->all, found[i]);
    free(found);
    return CAIRN_OK;
}

cairn_status batches_open(batches **out, http *h, cairn_error *err)
{
    batches *b = calloc(1, sizeof *b);
    pthread_condattr_t attr;
    cairn_status st = CAIRN_OK;

    *out = NULL;
    if (!b)
        return cairn_fail(err, CAIRN_ENOMEM, "batches");
    b->h = h;
    pthread_mutex_init(&b->mutex, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&b->changed, &attr);
    pthread_condattr_destroy(&attr);
    b->all = json_array();
    if (asprintf(&b->dir, "%s/batches", service_home(h->s)) < 0)
        b->dir = NULL;
    if (!b->all || !b->dir)
        st = cairn_fail(err, CAIRN_ENOMEM, "batches");
    if (!st && mkdir(b->dir, 0700) && errno != EEXIST)
        st = cairn_fail_errno(err, errno, "make folder %s", b->dir);
    if (!st)
        st = load(b, err);
    if (!st && pthread_create(&b->thread, NULL, batches_run, b))
        st = cairn_fail(err, CAIRN_EIO, "a thread could not be started");
    b->started = !st;
    if (st)
        batches_close(b);
    else
        *out = b;
    return st;
}

void batches_stop(batches *b)
{
    bool join;

    pthread_mutex_lock(&b->mutex);
    b->stopping = true;
    if (b->running)
        stop_raise(&b->running->cancel);
    join = b->started;
    b->started = false;
    pthread_cond_broadcast(&b->changed);
    pthread_mutex_unlock(&b->mutex);
    if (join)
        pthread_join(b->thread, NULL);
}

void batches_close(batches *b)
{
    if (!b)
        return;
    batches_stop(b);
    json_decref(b->all);
    pthread_cond_destroy(&b->changed);
    pthread_mutex_destroy(&b->mutex);
    free(b->dir);
    free(b);
}
