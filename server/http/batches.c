/* batches.c - see batches.h. Lock: `mutex` around the batches' objects and what lies in the folder; no
 * request runs under it. */
#include "server/http/batches.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/utf8.h"

#define REQUESTS_MOST 50000
#define BATCHES_MOST  1000
#define FILES_MOST    4000
#define RESULT_BYTES  ((size_t)1 << 30)
#define PATIENCE_NS   ((int64_t)50 * 1000000)

struct batches {
    http *h;
    char *dir;
    pthread_t thread;
    bool started;
    pthread_mutex_t mutex; /* of the rest */
    pthread_cond_t changed;
    json_t *all; /* of batch objects, oldest first; with the members "owner" and "done" */
    bool stopping;
    http_request *running; /* the request at work; its batch: */
    char running_id[BATCH_ID_BYTES];
};

/* ---- files of the folder ---- */

static char *path_of(const batches *b, const char *id, const char *suffix)
{
    char *path;

    return asprintf(&path, "%s/%s%s", b->dir, id, suffix) < 0 ? NULL : path;
}

/* "file-" or "batch_" and 32 hexadecimal digits: what may become part of a path. */
static bool good_id(const char *id, const char *prefix)
{
    size_t n = strlen(prefix);

    return !strncmp(id, prefix, n) && strlen(id + n) == SERVICE_ID_BYTES - 1 &&
           strspn(id + n, "0123456789abcdef") == SERVICE_ID_BYTES - 1;
}

static void make_id(const char *prefix, char out[BATCH_ID_BYTES])
{
    char id[SERVICE_ID_BYTES];

    service_request_id(id);
    snprintf(out, BATCH_ID_BYTES, "%s%s", prefix, id);
}

static cairn_status write_all(int fd, const char *data, size_t len, const char *path, cairn_error *err)
{
    while (len) {
        ssize_t n = write(fd, data, len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return cairn_fail_errno(err, errno, "write %s", path);
        data += n;
        len -= (size_t)n;
    }
    return fsync(fd) ? cairn_fail_errno(err, errno, "write %s", path) : CAIRN_OK;
}

/* Whole or not at all. */
static cairn_status put(const batches *b, const char *id, const char *suffix, const char *data,
                        size_t len, cairn_error *err)
{
    char *path = path_of(b, id, suffix), *part = path_of(b, id, ".part");
    cairn_status st = CAIRN_OK;
    int fd = -1;

    if (!path || !part)
        st = cairn_fail(err, CAIRN_ENOMEM, "batch");
    if (!st && (fd = open(part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600)) < 0)
        st = cairn_fail_errno(err, errno, "create %s", part);
    if (!st)
        st = write_all(fd, data, len, part, err);
    if (fd >= 0)
        close(fd);
    if (!st && rename(part, path))
        st = cairn_fail_errno(err, errno, "keep %s", path);
    if (st && fd >= 0)
        unlink(part);
    free(path);
    free(part);
    return st;
}

static cairn_status put_json(const batches *b, const char *id, const json_t *j, cairn_error *err)
{
    char *text = json_dumps(j, JSON_COMPACT);
    cairn_status st = text ? put(b, id, ".json", text, strlen(text), err)
                           : cairn_fail(err, CAIRN_ENOMEM, "batch");

    free(text);
    return st;
}

static cairn_status read_whole(const char *path, char **data, size_t *len, cairn_error *err)
{
    FILE *f = fopen(path, "re");
    char buf[65536];
    size_t n;
    bytes all;
    cairn_status st = CAIRN_OK;

    *data = NULL;
    if (!f)
        return errno == ENOENT ? cairn_fail(err, CAIRN_ENOTFOUND, "there is no such file")
                               : cairn_fail_errno(err, errno, "open %s", path);
    bytes_init(&all, RESULT_BYTES);
    while (!st && (n = fread(buf, 1, sizeof buf, f)) > 0)
        if ((st = bytes_append(&all, buf, n)))
            cairn_fail(err, st, "%s is too large", path);
    if (!st && ferror(f))
        st = cairn_fail_errno(err, errno, "read %s", path);
    *len = all.len;
    if (!st && (bytes_append_byte(&all, 0) || !(*data = bytes_detach(&all, NULL))))
        st = cairn_fail(err, CAIRN_ENOMEM, "batch");
    bytes_clear(&all);
    fclose(f);
    return st;
}

static bool is_theirs(const service_caller *who, const json_t *object)
{
    const char *owner = json_string_value(json_object_get(object, "owner"));

    return who->role == SERVICE_ADMIN || (owner && !strcmp(owner, who->name));
}

/* As the interface shows it. */
static json_t *shown(const json_t *object)
{
    json_t *copy = json_deep_copy(object);

    json_object_del(copy, "owner");
    json_object_del(copy, "done");
    return copy;
}

static cairn_status no_such(const char *what, const char *id, cairn_error *err)
{
    return cairn_fail(err, CAIRN_ENOTFOUND, "there is no %s \"%.60s\"", what, id);
}

/* The record of a file that this caller may see. */
static cairn_status file_record(batches *b, const service_caller *who, const char *id, json_t **out,
                                cairn_error *err)
{
    char *path = good_id(id, "file-") ? path_of(b, id, ".json") : NULL, *text = NULL;
    size_t len;
    cairn_status st = path ? read_whole(path, &text, &len, err) : CAIRN_ENOTFOUND;

    *out = st ? NULL : json_loadb(text, len, 0, NULL);
    free(path);
    free(text);
    if (*out && is_theirs(who, *out))
        return CAIRN_OK;
    json_decref(*out);
    *out = NULL;
    return no_such("file", id, err);
}

static json_t *file_json(const char *id, const char *name, const char *purpose, const char *owner,
                         size_t len)
{
    return json_pack("{s:s,s:s,s:I,s:I,s:o,s:s,s:s,s:s}", "id", id, "object", "file", "bytes",
                     (json_int_t)len, "created_at", (json_int_t)time(NULL), "filename", json_str(name),
                     "purpose", purpose, "status", "processed", "owner", owner);
}

static int is_file(const struct dirent *d)
{
    size_t n = strlen(d->d_name);

    return n > 5 && !strncmp(d->d_name, "file-", 5) && !strcmp(d->d_name + n - 5, ".json");
}

static int is_batch(const struct dirent *d)
{
    size_t n = strlen(d->d_name);

    return n > 5 && !strncmp(d->d_name, "batch_", 6) && !strcmp(d->d_name + n - 5, ".json");
}

static size_t count_files(const batches *b)
{
    struct dirent **names;
    int n = scandir(b->dir, &names, is_file, NULL);

    for (int i = 0; i < n; i++)
        free(names[i]);
    if (n >= 0)
        free(names);
    return n < 0 ? 0 : (size_t)n;
}

static cairn_status add_file(batches *b, const char *owner, const char *name, const char *purpose,
                             const char *data, size_t len, json_t **out, cairn_error *err)
{
    char id[BATCH_ID_BYTES];
    json_t *j;
    cairn_status st;

    make_id("file-", id);
    j = file_json(id, name, purpose, owner, len);
    st = j ? put(b, id, "", data, len, err) : cairn_fail(err, CAIRN_ENOMEM, "file");
    if (!st)
        st = put_json(b, id, j, err);
    if (st)
        json_decref(j);
    else
        *out = j;
    return st;
}

cairn_status batches_add_file(batches *b, const service_caller *who, const char *name,
                              const char *purpose, const char *data, size_t len, json_t **out,
                              cairn_error *err)
{
    json_t *j = NULL;
    cairn_status st;

    *out = NULL;
    pthread_mutex_lock(&b->mutex);
    st = count_files(b) >= FILES_MOST
             ? cairn_fail(err, CAIRN_EFULL, "%d files are here already: delete some", FILES_MOST)
             : add_file(b, who->name, name, purpose, data, len, &j, err);
    pthread_mutex_unlock(&b->mutex);
    if (!st)
        *out = shown(j);
    json_decref(j);
    return st;
}

cairn_status batches_file(batches *b, const service_caller *who, const char *id, json_t **out,
                          cairn_error *err)
{
    json_t *j;
    cairn_status st = file_record(b, who, id, &j, err);

    *out = st ? NULL : shown(j);
    json_decref(j);
    return st;
}

cairn_status batches_content(batches *b, const service_caller *who, const char *id, char **data,
                             size_t *len, cairn_error *err)
{
    json_t *j;
    char *path;
    cairn_status st = file_record(b, who, id, &j, err);

    *data = NULL;
    json_decref(j);
    if (st)
        return st;
    path = path_of(b, id, "");
    st = path ? read_whole(path, data, len, err) : cairn_fail(err, CAIRN_ENOMEM, "file");
    free(path);
    return st;
}

static bool ended(const json_t *batch)
{
    static const char *const ends[] = {"completed", "failed", "cancelled"};
    const char *status = json_string_value(json_object_get(batch, "status"));

    for (size_t i = 0; i < 3; i++)
        if (!strcmp(status, ends[i]))
            return true;
    return false;
}

cairn_status batches_drop_file(batches *b, const service_caller *who, const char *id, cairn_error *err)
{
    static const char *const uses[] = {"input_file_id", "output_file_id", "error_file_id"};
    json_t *j, *batch;
    size_t i;
    cairn_status st = file_record(b, who, id, &j, err);

    json_decref(j);
    if (st)
        return st;
    pthread_mutex_lock(&b->mutex);
    json_array_foreach(b->all, i, batch)
        for (size_t u = 0; !st && u < 3 && !ended(batch); u++) {
            const char *used = json_string_value(json_object_get(batch, uses[u]));
            if (used && !strcmp(used, id))
                st = cairn_fail(err, CAIRN_EBUSY, "the batch %s needs this file",
                                json_string_value(json_object_get(batch, "id")));
        }
    for (int part = 0; !st && part < 2; part++) {
        char *path = path_of(b, id, part ? "" : ".json");
        if (path)
            unlink(path);
        free(path);
    }
    pthread_mutex_unlock(&b->mutex);
    return st;
}

/* ---- batches ---- */

/* Under the lock. */
static json_t *find(const batches *b, const char *id)
{
    json_t *batch;
    size_t i;

    json_array_foreach(b->all, i, batch)
        if (!strcmp(json_string_value(json_object_get(batch, "id")), id))
            return batch;
    return NULL;
}

static void set_status(batches *b, json_t *batch, const char *status)
{
    cairn_error err = {0};
    char at[40];

    json_object_set_new(batch, "status", json_string(status));
    snprintf(at, sizeof at, "%s_at", status);
    json_object_set_new(batch, at, json_integer((json_int_t)time(NULL)));
    if (put_json(b, json_string_value(json_object_get(batch, "id")), batch, &err))
        log_write(LOG_LEVEL_ERROR, "server", "batch: %s", err.text);
    pthread_cond_broadcast(&b->changed);
}

cairn_status batches_add(batches *b, const service_caller *who, const char *input_file,
                         const char *endpoint, const json_t *metadata, json_t **out,
                         cairn_error *err)
{
    char id[BATCH_ID_BYTES];
    json_t *j, *file;
    cairn_status st = file_record(b, who, input_file, &file, err);

    *out = NULL;
    json_decref(file);
    if (st)
        return st;
    make_id("batch_", id);
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
        st = put_json(b, id, j, err);
    if (!st) {
        json_array_append(b->all, j);
        *out = shown(j);
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
    batch = find(b, id);
    if (batch && is_theirs(who, batch))
        *out = shown(batch);
    pthread_mutex_unlock(&b->mutex);
    return *out ? CAIRN_OK : no_such("batch", id, err);
}

cairn_status batches_cancel(batches *b, const service_caller *who, const char *id, json_t **out,
                            cairn_error *err)
{
    json_t *batch;

    *out = NULL;
    pthread_mutex_lock(&b->mutex);
    batch = find(b, id);
    if (batch && is_theirs(who, batch)) {
        if (!ended(batch))
            set_status(b, batch, "cancelling");
        if (b->running && !strcmp(b->running_id, id))
            b->running->cancel = 1;
        *out = shown(batch);
    }
    pthread_mutex_unlock(&b->mutex);
    return *out ? CAIRN_OK : no_such("batch", id, err);
}

/* The newest first. */
static int by_age(const void *x, const void *y)
{
    json_int_t a = json_integer_value(json_object_get(*(json_t *const *)x, "created_at"));
    json_int_t b = json_integer_value(json_object_get(*(json_t *const *)y, "created_at"));

    return (a < b) - (a > b);
}

static json_t *list_files(batches *b, const service_caller *who)
{
    struct dirent **names;
    int n = scandir(b->dir, &names, is_file, alphasort);
    json_t **found = calloc(n > 0 ? (size_t)n : 1, sizeof *found), *list = json_array();
    size_t kept = 0;

    for (int i = 0; i < n; i++) {
        char id[BATCH_ID_BYTES];
        size_t len = strlen(names[i]->d_name) - 5;
        if (found && len < sizeof id) {
            memcpy(id, names[i]->d_name, len);
            id[len] = '\0';
            if (!file_record(b, who, id, &found[kept], NULL))
                kept++;
        }
        free(names[i]);
    }
    if (n >= 0)
        free(names);
    if (kept)
        qsort(found, kept, sizeof *found, by_age);
    for (size_t i = 0; i < kept; i++) {
        json_array_append_new(list, shown(found[i]));
        json_decref(found[i]);
    }
    free(found);
    return list;
}

cairn_status batches_list(batches *b, const service_caller *who, bool files, json_t **out,
                          cairn_error *err)
{
    json_t *list = NULL;

    pthread_mutex_lock(&b->mutex);
    if (files) {
        list = list_files(b, who);
    } else {
        list = json_array();
        for (size_t i = json_array_size(b->all); i-- > 0;)
            if (is_theirs(who, json_array_get(b->all, i)))
                json_array_append_new(list, shown(json_array_get(b->all, i)));
    }
    pthread_mutex_unlock(&b->mutex);
    *out = json_pack("{s:s,s:o,s:b}", "object", "list", "data", list, "has_more", 0);
    return *out ? CAIRN_OK : cairn_fail(err, CAIRN_ENOMEM, "list");
}

/* ---- working ---- */

/* One batch in the making, of which the thread has a copy. */
typedef struct working {
    batches *b;
    char id[BATCH_ID_BYTES];
    const char *endpoint; /* in `batch` */
    json_t *batch;
    const http_route *route;
    service_caller caller;
    char *input;
    size_t input_len, total;
    char output_id[BATCH_ID_BYTES], error_id[BATCH_ID_BYTES];
} working;

/* The next line of text[*at, len), without its break. */
static bool next_line(const char *text, size_t len, size_t *at, const char **line, size_t *n)
{
    const char *end;

    if (*at >= len)
        return false;
    *line = text + *at;
    end = memchr(*line, '\n', len - *at);
    *n = end ? (size_t)(end - *line) : len - *at;
    *at += *n + 1;
    return true;
}

static bool is_empty(const char *line, size_t n)
{
    while (n && strchr(" \t\r", line[n - 1]))
        n--;
    return !n;
}

/* What is wrong with a line; NULL: nothing. */
static const char *fault_of(const working *w, const json_t *j, const json_t *seen)
{
    const char *id = json_string_value(json_object_get(j, "custom_id"));
    const char *method = json_string_value(json_object_get(j, "method"));
    const char *url = json_string_value(json_object_get(j, "url"));
    const json_t *body = json_object_get(j, "body");

    if (!json_is_object(j))
        return "no JSON object";
    if (!id || !*id)
        return "no \"custom_id\"";
    if (json_object_get(seen, id))
        return "a \"custom_id\" that came before";
    if (!method || strcmp(method, "POST") || !url || strcmp(url, w->endpoint))
        return "another \"method\" or \"url\" than POST and the batch's endpoint";
    if (!json_is_object(body) || json_is_true(json_object_get(body, "stream")))
        return "no \"body\", or one that asks for a stream";
    return NULL;
}

/* The batch with what is wrong; it ends as failed. */
static void refuse(working *w, const char *code, const char *text, size_t line)
{
    batches *b = w->b;
    json_t *batch;

    pthread_mutex_lock(&b->mutex);
    batch = find(b, w->id);
    json_object_set_new(batch, "errors",
                        json_pack("{s:s,s:[{s:s,s:o,s:o}]}", "object", "list", "data", "code", code,
                                  "message", json_str(text), "line",
                                  line ? json_integer((json_int_t)line) : json_null()));
    set_status(b, batch, "failed");
    pthread_mutex_unlock(&b->mutex);
}

static bool validate(working *w)
{
    json_t *seen = json_object();
    size_t at = 0, n, number = 0;
    const char *line, *fault = NULL;

    while (!fault && next_line(w->input, w->input_len, &at, &line, &n)) {
        json_t *j;
        number++;
        if (is_empty(line, n))
            continue;
        j = json_loadb(line, n, JSON_REJECT_DUPLICATES, NULL);
        fault = fault_of(w, j, seen);
        if (!fault)
            json_object_set_new(seen, json_string_value(json_object_get(j, "custom_id")), json_true());
        json_decref(j);
        w->total++;
        if (!fault && w->total > REQUESTS_MOST)
            fault = "more requests than a batch takes (50000)";
    }
    json_decref(seen);
    if (fault)
        refuse(w, "invalid_request", fault, number);
    else if (!w->total)
        refuse(w, "empty_file", "the file holds no request", 0);
    return !fault && w->total;
}

/* A whole line at the end of a result file, on the disk when it returns. */
static cairn_status append(const batches *b, const char *id, const json_t *j, cairn_error *err)
{
    char *path = path_of(b, id, ""), *text = json_dumps(j, JSON_COMPACT | JSON_REAL_PRECISION(9));
    int fd = path ? open(path, O_WRONLY | O_APPEND | O_CLOEXEC) : -1;
    cairn_status st = CAIRN_OK;

    if (!path || !text)
        st = cairn_fail(err, CAIRN_ENOMEM, "batch");
    else if (fd < 0)
        st = cairn_fail_errno(err, errno, "open %s", path);
    if (!st) {
        size_t len = strlen(text);
        text[len] = '\n'; /* in place of its end: one write is a whole line */
        st = write_all(fd, text, len + 1, path, err);
    }
    if (fd >= 0)
        close(fd);
    free(path);
    free(text);
    return st;
}

/* Lines that are whole; what a crash cut off is cut away. */
static size_t count_lines(const batches *b, const char *id)
{
    char *path = *id ? path_of(b, id, "") : NULL, *text = NULL;
    size_t len = 0, whole = 0, n = 0;

    if (path && !read_whole(path, &text, &len, NULL)) {
        for (size_t i = 0; i < len; i++)
            if (text[i] == '\n') {
                n++;
                whole = i + 1;
            }
        if (whole < len && truncate(path, (off_t)whole))
            log_write(LOG_LEVEL_ERROR, "server", "batch: shorten %s: %s", path, strerror(errno));
    }
    free(path);
    free(text);
    return n;
}

/* Wait while others wait for workers: a batch is behind everybody. False: the server stops, or the batch is
 * being cancelled. */
static bool wait_turn(working *w)
{
    batches *b = w->b;
    bool go_on;

    pthread_mutex_lock(&b->mutex);
    for (;;) {
        int64_t until = clock_mono_ns() + PATIENCE_NS;
        struct timespec ts = {(time_t)(until / 1000000000), (long)(until % 1000000000)};
        const json_t *batch = find(b, w->id);
        go_on = !b->stopping && !strcmp(json_string_value(json_object_get(batch, "status")), "in_progress");
        if (!go_on || !workers_waiting(b->h->workers))
            break;
        pthread_cond_timedwait(&b->changed, &b->mutex, &ts);
    }
    pthread_mutex_unlock(&b->mutex);
    return go_on;
}

/* Run one request as a worker would; its answer as the interface's object, NULL when it was cancelled. */
static json_t *answer(working *w, const json_t *line)
{
    batches *b = w->b;
    http_request *r = calloc(1, sizeof *r);
    char *text = NULL;
    json_t *out = NULL;
    bool stopped;

    if (!r || !(r->path = strdup(w->endpoint))) {
        free(r);
        return NULL;
    }
    r->h = b->h;
    r->route = w->route;
    r->shape = w->route->shape;
    r->caller = w->caller;
    r->rest = "";
    r->args = json_incref(json_object_get(line, "body"));
    r->captured = &text;
    r->priority = -1;
    atomic_init(&r->holders, 1);
    strcpy(r->method, "POST");
    strcpy(r->peer, "batch");
    r->start_ns = clock_mono_ns();
    service_request_id(r->id);
    pthread_mutex_lock(&b->mutex);
    b->running = r;
    strcpy(b->running_id, w->id);
    pthread_mutex_unlock(&b->mutex);
    r->route->handler(r);
    pthread_mutex_lock(&b->mutex);
    b->running = NULL;
    stopped = r->cancel;
    pthread_mutex_unlock(&b->mutex);
    if (!stopped && text && !service_draining(b->h->s))
        out = json_pack("{s:s,s:O,s:{s:i,s:s,s:o},s:n}", "id", r->id, "custom_id",
                        json_object_get(line, "custom_id"), "response", "status_code", (int)r->status,
                        "request_id", r->id, "body", json_loads(text, JSON_DECODE_ANY, NULL), "error");
    free(text);
    request_drop(r);
    return out;
}

static bool is_good(const json_t *answer)
{
    return json_integer_value(json_object_get(json_object_get(answer, "response"), "status_code")) == 200;
}

/* A file for results, named in the batch from now on. */
static cairn_status need_file(working *w, char id[BATCH_ID_BYTES], const char *member, const char *name,
                              cairn_error *err)
{
    batches *b = w->b;
    json_t *file = NULL, *batch;
    cairn_status st;

    if (*id)
        return CAIRN_OK;
    pthread_mutex_lock(&b->mutex);
    st = add_file(b, json_string_value(json_object_get(w->batch, "owner")), name, "batch_output", "", 0,
                  &file, err);
    if (!st) {
        strcpy(id, json_string_value(json_object_get(file, "id")));
        batch = find(b, w->id);
        json_object_set_new(batch, member, json_string(id));
        st = put_json(b, w->id, batch, err);
    }
    pthread_mutex_unlock(&b->mutex);
    json_decref(file);
    return st;
}

static cairn_status keep(working *w, const json_t *made, cairn_error *err)
{
    bool good = is_good(made);
    char *id = good ? w->output_id : w->error_id;
    batches *b = w->b;
    json_t *counts;
    const char *member = good ? "completed" : "failed";
    cairn_status st = need_file(w, id, good ? "output_file_id" : "error_file_id",
                                good ? "output.jsonl" : "errors.jsonl", err);

    if (!st)
        st = append(b, id, made, err);
    if (st)
        return st;
    pthread_mutex_lock(&b->mutex);
    counts = json_object_get(find(b, w->id), "request_counts");
    json_object_set_new(counts, member,
                        json_integer(json_integer_value(json_object_get(counts, member)) + 1));
    pthread_mutex_unlock(&b->mutex);
    return CAIRN_OK;
}

/* The size in the record of a result file, once it is whole. */
static void seal(const batches *b, const char *id)
{
    char *path = *id ? path_of(b, id, "") : NULL, *record = *id ? path_of(b, id, ".json") : NULL,
         *text = NULL;
    struct stat info;
    size_t len;
    json_t *j;

    if (path && record && !stat(path, &info) && !read_whole(record, &text, &len, NULL) &&
        (j = json_loadb(text, len, 0, NULL))) {
        json_object_set_new(j, "bytes", json_integer((json_int_t)info.st_size));
        put_json(b, id, j, NULL);
        json_decref(j);
    }
    free(path);
    free(record);
    free(text);
}

static void finish(working *w)
{
    batches *b = w->b;
    json_t *batch, *counts;
    const char *status;
    json_int_t made;

    pthread_mutex_lock(&b->mutex);
    batch = find(b, w->id);
    status = json_string_value(json_object_get(batch, "status"));
    counts = json_object_get(batch, "request_counts");
    made = json_integer_value(json_object_get(counts, "completed")) +
           json_integer_value(json_object_get(counts, "failed"));
    seal(b, w->output_id);
    seal(b, w->error_id);
    if (!strcmp(status, "cancelling"))
        set_status(b, batch, "cancelled");
    else if (!b->stopping && !service_draining(b->h->s))
        set_status(b, batch, made == (json_int_t)w->total ? "completed" : "failed");
    pthread_mutex_unlock(&b->mutex);
}

/* The requests behind the first `done` ones. */
static cairn_status run_lines(working *w, size_t done, cairn_error *err)
{
    size_t at = 0, n, i = 0;
    const char *line;
    cairn_status st = CAIRN_OK;

    while (!st && next_line(w->input, w->input_len, &at, &line, &n)) {
        json_t *j, *made;
        if (is_empty(line, n) || i++ < done)
            continue;
        if (!wait_turn(w))
            break;
        j = json_loadb(line, n, 0, NULL);
        made = answer(w, j);
        json_decref(j);
        if (!made)
            break;
        st = keep(w, made, err);
        json_decref(made);
    }
    return st;
}

static void copy_id(const json_t *batch, const char *member, char out[BATCH_ID_BYTES])
{
    const char *id = json_string_value(json_object_get(batch, member));

    snprintf(out, BATCH_ID_BYTES, "%s", id && good_id(id, "file-") ? id : "");
}

/* What the batch needs: its owner's rights as they are now, its input, what it has done already. */
static bool prepare(working *w, size_t *done)
{
    const char *owner = json_string_value(json_object_get(w->batch, "owner"));
    const char *input = json_string_value(json_object_get(w->batch, "input_file_id")), *rest;
    service_caller admin = {.role = SERVICE_ADMIN};
    batches *b = w->b;
    json_t *batch, *counts;
    cairn_error err = {0};
    bool other;
    size_t good, bad;

    w->endpoint = json_string_value(json_object_get(w->batch, "endpoint"));
    w->route = route_find("POST", w->endpoint, &rest, &other);
    if (!owner || !input || !w->route ||
        service_caller_named(b->h->s, owner, &w->caller, &err) ||
        service_need(&w->caller, NULL, w->route->role, &err)) {
        refuse(w, "not_allowed", err.text[0] ? err.text : "the batch's record is not whole", 0);
        return false;
    }
    if (batches_content(b, &admin, input, &w->input, &w->input_len, &err)) {
        refuse(w, "no_input", err.text, 0);
        return false;
    }
    if (!validate(w))
        return false;
    copy_id(w->batch, "output_file_id", w->output_id);
    copy_id(w->batch, "error_file_id", w->error_id);
    good = count_lines(b, w->output_id);
    bad = count_lines(b, w->error_id);
    *done = good + bad;
    pthread_mutex_lock(&b->mutex);
    batch = find(b, w->id);
    counts = json_object_get(batch, "request_counts");
    json_object_set_new(counts, "total", json_integer((json_int_t)w->total));
    json_object_set_new(counts, "completed", json_integer((json_int_t)good));
    json_object_set_new(counts, "failed", json_integer((json_int_t)bad));
    if (strcmp(json_string_value(json_object_get(batch, "status")), "cancelling"))
        set_status(b, batch, "in_progress");
    pthread_mutex_unlock(&b->mutex);
    return true;
}

static void work(batches *b, json_t *batch)
{
    working w = {.b = b, .batch = batch};
    cairn_error err = {0};
    size_t done = 0;

    snprintf(w.id, sizeof w.id, "%s", json_string_value(json_object_get(batch, "id")));
    if (prepare(&w, &done)) {
        if (run_lines(&w, done, &err))
            refuse(&w, "not_kept", err.text, 0);
        else
            finish(&w);
    }
    free(w.input);
}

/* The oldest that is not over; a copy, for the thread. */
static json_t *next_batch(const batches *b)
{
    json_t *batch;
    size_t i;

    json_array_foreach(b->all, i, batch)
        if (!ended(batch))
            return json_deep_copy(batch);
    return NULL;
}

static void *run(void *arg)
{
    batches *b = arg;

    pthread_mutex_lock(&b->mutex);
    while (!b->stopping) {
        json_t *batch = service_draining(b->h->s) ? NULL : next_batch(b);
        if (!batch) {
            pthread_cond_wait(&b->changed, &b->mutex);
            continue;
        }
        pthread_mutex_unlock(&b->mutex);
        work(b, batch);
        json_decref(batch);
        pthread_mutex_lock(&b->mutex);
    }
    pthread_mutex_unlock(&b->mutex);
    return NULL;
}

/* ---- opening ---- */

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
        char *path = path_of(b, names[i]->d_name, ""), *text = NULL;
        size_t len;
        json_t *j = path && !read_whole(path, &text, &len, NULL) ? json_loadb(text, len, 0, NULL) : NULL;
        const char *id = json_string_value(json_object_get(j, "id"));
        if (id && good_id(id, "batch_") && json_is_string(json_object_get(j, "status")) &&
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
        qsort(found, kept, sizeof *found, by_age);
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
    if (!st && pthread_create(&b->thread, NULL, run, b))
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
        b->running->cancel = 1;
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
