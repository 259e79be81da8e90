/* batch_files.c - files of requests and of answers, and the records of both, in HOME/batches. */
#include "server/http/batches_inside.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define FILES_MOST   4000
#define RESULT_BYTES ((size_t)1 << 30)

char *batches_path(const batches *b, const char *id, const char *suffix)
{
    char *path;

    return asprintf(&path, "%s/%s%s", b->dir, id, suffix) < 0 ? NULL : path;
}

/* "file-" or "batch_" and 32 hexadecimal digits: what may become part of a path. */
bool batches_good_id(const char *id, const char *prefix)
{
    size_t n = strlen(prefix);

    return !strncmp(id, prefix, n) && strlen(id + n) == SERVICE_ID_BYTES - 1 &&
           strspn(id + n, "0123456789abcdef") == SERVICE_ID_BYTES - 1;
}

void batches_make_id(const char *prefix, char out[BATCH_ID_BYTES])
{
    char id[SERVICE_ID_BYTES];

    service_request_id(id);
    snprintf(out, BATCH_ID_BYTES, "%s%s", prefix, id);
}

cairn_status batches_write(int fd, const char *data, size_t len, const char *path, cairn_error *err)
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
    char *path = batches_path(b, id, suffix), *part = batches_path(b, id, ".part");
    cairn_status st = CAIRN_OK;
    int fd = -1;

    if (!path || !part)
        st = cairn_fail(err, CAIRN_ENOMEM, "batch");
    if (!st && (fd = open(part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600)) < 0)
        st = cairn_fail_errno(err, errno, "create %s", part);
    if (!st)
        st = batches_write(fd, data, len, part, err);
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

cairn_status batches_put_json(const batches *b, const char *id, const json_t *j, cairn_error *err)
{
    char *text = json_dumps(j, JSON_COMPACT);
    cairn_status st = text ? put(b, id, ".json", text, strlen(text), err)
                           : cairn_fail(err, CAIRN_ENOMEM, "batch");

    free(text);
    return st;
}

cairn_status batches_read(const char *path, char **data, size_t *len, cairn_error *err)
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

bool batches_is_theirs(const service_caller *who, const json_t *object)
{
    const char *owner = json_string_value(json_object_get(object, "owner"));

    return who->role == SERVICE_ADMIN || (owner && !strcmp(owner, who->name));
}

/* As the interface shows it. */
json_t *batches_shown(const json_t *object)
{
    json_t *copy = json_deep_copy(object);

    json_object_del(copy, "owner");
    json_object_del(copy, "done");
    return copy;
}

cairn_status batches_no_such(const char *what, const char *id, cairn_error *err)
{
    return cairn_fail(err, CAIRN_ENOTFOUND, "there is no %s \"%.60s\"", what, id);
}

/* The record of a file that this caller may see. */
cairn_status batches_file_record(batches *b, const service_caller *who, const char *id, json_t **out,
                                cairn_error *err)
{
    char *path = batches_good_id(id, "file-") ? batches_path(b, id, ".json") : NULL, *text = NULL;
    size_t len;
    cairn_status st = path ? batches_read(path, &text, &len, err) : CAIRN_ENOTFOUND;

    *out = st ? NULL : json_loadb(text, len, 0, NULL);
    free(path);
    free(text);
    if (*out && batches_is_theirs(who, *out))
        return CAIRN_OK;
    json_decref(*out);
    *out = NULL;
    return batches_no_such("file", id, err);
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

cairn_status batches_keep_file(batches *b, const char *owner, const char *name, const char *purpose,
                             const char *data, size_t len, json_t **out, cairn_error *err)
{
    char id[BATCH_ID_BYTES];
    json_t *j;
    cairn_status st;

    batches_make_id("file-", id);
    j = file_json(id, name, purpose, owner, len);
    st = j ? put(b, id, "", data, len, err) : cairn_fail(err, CAIRN_ENOMEM, "file");
    if (!st)
        st = batches_put_json(b, id, j, err);
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
             : batches_keep_file(b, who->name, name, purpose, data, len, &j, err);
    pthread_mutex_unlock(&b->mutex);
    if (!st)
        *out = batches_shown(j);
    json_decref(j);
    return st;
}

cairn_status batches_file(batches *b, const service_caller *who, const char *id, json_t **out,
                          cairn_error *err)
{
    json_t *j;
    cairn_status st = batches_file_record(b, who, id, &j, err);

    *out = st ? NULL : batches_shown(j);
    json_decref(j);
    return st;
}

cairn_status batches_content(batches *b, const service_caller *who, const char *id, char **data,
                             size_t *len, cairn_error *err)
{
    json_t *j;
    char *path;
    cairn_status st = batches_file_record(b, who, id, &j, err);

    *data = NULL;
    json_decref(j);
    if (st)
        return st;
    path = batches_path(b, id, "");
    st = path ? batches_read(path, data, len, err) : cairn_fail(err, CAIRN_ENOMEM, "file");
    free(path);
    return st;
}

cairn_status batches_drop_file(batches *b, const service_caller *who, const char *id, cairn_error *err)
{
    static const char *const uses[] = {"input_file_id", "output_file_id", "error_file_id"};
    json_t *j, *batch;
    size_t i;
    cairn_status st = batches_file_record(b, who, id, &j, err);

    json_decref(j);
    if (st)
        return st;
    pthread_mutex_lock(&b->mutex);
    json_array_foreach(b->all, i, batch)
        for (size_t u = 0; !st && u < 3 && !batches_ended(batch); u++) {
            const char *used = json_string_value(json_object_get(batch, uses[u]));
            if (used && !strcmp(used, id))
                st = cairn_fail(err, CAIRN_EBUSY, "the batch %s needs this file",
                                json_string_value(json_object_get(batch, "id")));
        }
    for (int part = 0; !st && part < 2; part++) {
        char *path = batches_path(b, id, part ? "" : ".json");
        if (path)
            unlink(path);
        free(path);
    }
    pthread_mutex_unlock(&b->mutex);
    return st;
}

/* The newest first. */
int batches_by_age(const void *x, const void *y)
{
    json_int_t a = json_integer_value(json_object_get(*(json_t *const *)x, "created_at"));
    json_int_t b = json_integer_value(json_object_get(*(json_t *const *)y, "created_at"));

    return (a < b) - (a > b);
}

json_t *batches_list_files(batches *b, const service_caller *who)
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
            if (!batches_file_record(b, who, id, &found[kept], NULL))
                kept++;
        }
        free(names[i]);
    }
    if (n >= 0)
        free(names);
    if (kept)
        qsort(found, kept, sizeof *found, batches_by_age);
    for (size_t i = 0; i < kept; i++) {
        json_array_append_new(list, batches_shown(found[i]));
        json_decref(found[i]);
    }
    free(found);
    return list;
}
