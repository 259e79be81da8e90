/* batch_work.c - the one thread that works batches off, a request at a time. */
#include "base/stop.h"
#include "server/http/batches_inside.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"

#define REQUESTS_MOST 50000
#define PATIENCE_NS   ((int64_t)50 * 1000000)

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
    batch = batches_find(b, w->id);
    json_object_set_new(batch, "errors",
                        json_pack("{s:s,s:[{s:s,s:o,s:o}]}", "object", "list", "data", "code", code,
                                  "message", json_str(text), "line",
                                  line ? json_integer((json_int_t)line) : json_null()));
    batches_set_status(b, batch, "failed");
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
    char *path = batches_path(b, id, ""), *text = json_dumps(j, JSON_COMPACT | JSON_REAL_PRECISION(9));
    int fd = path ? open(path, O_WRONLY | O_APPEND | O_CLOEXEC) : -1;
    cairn_status st = CAIRN_OK;

    if (!path || !text)
        st = cairn_fail(err, CAIRN_ENOMEM, "batch");
    else if (fd < 0)
        st = cairn_fail_errno(err, errno, "open %s", path);
    if (!st) {
        size_t len = strlen(text);
        text[len] = '\n'; /* in place of its end: one write is a whole line */
        st = batches_write(fd, text, len + 1, path, err);
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
    char *path = *id ? batches_path(b, id, "") : NULL, *text = NULL;
    size_t len = 0, whole = 0, n = 0;

    if (path && !batches_read(path, &text, &len, NULL)) {
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

/* Wait while others wait for workers, or for memory: a batch is behind everybody. False: the server stops, or the batch is
 * being cancelled. */
static bool wait_turn(working *w)
{
    batches *b = w->b;
    bool go_on;

    pthread_mutex_lock(&b->mutex);
    for (;;) {
        int64_t until = clock_mono_ns() + PATIENCE_NS;
        struct timespec ts = {(time_t)(until / 1000000000), (long)(until % 1000000000)};
        const json_t *batch = batches_find(b, w->id);
        go_on = !b->stopping && !strcmp(json_string_value(json_object_get(batch, "status")), "in_progress");
        if (!go_on || (!workers_waiting(b->h->workers) && !service_check_memory(b->h->s, NULL)))
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
    stopped = stop_raised(&r->cancel);
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
    st = batches_keep_file(b, json_string_value(json_object_get(w->batch, "owner")), name, "batch_output", "", 0,
                  &file, err);
    if (!st) {
        strcpy(id, json_string_value(json_object_get(file, "id")));
        batch = batches_find(b, w->id);
        json_object_set_new(batch, member, json_string(id));
        st = batches_put_json(b, w->id, batch, err);
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
    counts = json_object_get(batches_find(b, w->id), "request_counts");
    json_object_set_new(counts, member,
                        json_integer(json_integer_value(json_object_get(counts, member)) + 1));
    pthread_mutex_unlock(&b->mutex);
    return CAIRN_OK;
}

/* The size in the record of a result file, once it is whole. */
static void seal(const batches *b, const char *id)
{
    char *path = *id ? batches_path(b, id, "") : NULL, *record = *id ? batches_path(b, id, ".json") : NULL,
         *text = NULL;
    struct stat info;
    size_t len;
    json_t *j;

    if (path && record && !stat(path, &info) && !batches_read(record, &text, &len, NULL) &&
        (j = json_loadb(text, len, 0, NULL))) {
        json_object_set_new(j, "bytes", json_integer((json_int_t)info.st_size));
        batches_put_json(b, id, j, NULL);
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
    batch = batches_find(b, w->id);
    status = json_string_value(json_object_get(batch, "status"));
    counts = json_object_get(batch, "request_counts");
    made = json_integer_value(json_object_get(counts, "completed")) +
           json_integer_value(json_object_get(counts, "failed"));
    seal(b, w->output_id);
    seal(b, w->error_id);
    if (!strcmp(status, "cancelling"))
        batches_set_status(b, batch, "cancelled");
    else if (!b->stopping && !service_draining(b->h->s))
        batches_set_status(b, batch, made == (json_int_t)w->total ? "completed" : "failed");
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

    snprintf(out, BATCH_ID_BYTES, "%s", id && batches_good_id(id, "file-") ? id : "");
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
    batch = batches_find(b, w->id);
    counts = json_object_get(batch, "request_counts");
    json_object_set_new(counts, "total", json_integer((json_int_t)w->total));
    json_object_set_new(counts, "completed", json_integer((json_int_t)good));
    json_object_set_new(counts, "failed", json_integer((json_int_t)bad));
    if (strcmp(json_string_value(json_object_get(batch, "status")), "cancelling"))
        batches_set_status(b, batch, "in_progress");
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
        if (!batches_ended(batch))
            return json_deep_copy(batch);
    return NULL;
}

void *batches_run(void *arg)
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
