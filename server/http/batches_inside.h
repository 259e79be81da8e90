/* batches_inside.h - the inside of batches, for batch_files.c (what lies in the folder), batches.c (the objects, opening and stopping)
 * and batch_work.c (the thread that works them off).
 *
 * Lock: `mutex` around the batches' objects and what lies in the folder; no request runs under it. */
#ifndef CAIRN_SERVER_HTTP_BATCHES_INSIDE_H
#define CAIRN_SERVER_HTTP_BATCHES_INSIDE_H

#include "server/http/batches.h"

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

/* ---- batch_files.c: HOME/batches ---- */

/* "file-" or "batch_" and 32 hexadecimal digits: what may become part of a path. */
bool batches_good_id(const char *id, const char *prefix);
void batches_make_id(const char *prefix, char out[BATCH_ID_BYTES]);
char *batches_path(const batches *b, const char *id, const char *suffix); /* malloced; NULL without memory */
/* All of it, on the disk when it returns. */
cairn_status batches_write(int fd, const char *data, size_t len, const char *path, cairn_error *err);
/* The record of a file or a batch, whole or not at all. */
cairn_status batches_put_json(const batches *b, const char *id, const json_t *j, cairn_error *err);
/* *data is malloced, with a NUL behind it. */
cairn_status batches_read(const char *path, char **data, size_t *len, cairn_error *err);
/* The record of a file that this caller may see. */
cairn_status batches_file_record(batches *b, const service_caller *who, const char *id, json_t **out,
                               cairn_error *err);
/* Under the lock. */
cairn_status batches_keep_file(batches *b, const char *owner, const char *name, const char *purpose,
                            const char *data, size_t len, json_t **out, cairn_error *err);
json_t *batches_list_files(batches *b, const service_caller *who);
bool batches_is_theirs(const service_caller *who, const json_t *object);
/* As the interface shows it. */
json_t *batches_shown(const json_t *object);
cairn_status batches_no_such(const char *what, const char *id, cairn_error *err);
/* For qsort of records: the newest first. */
int batches_by_age(const void *x, const void *y);

/* ---- batches.c ---- */

/* Under the lock; NULL where there is none. */
json_t *batches_find(const batches *b, const char *id);
void batches_set_status(batches *b, json_t *batch, const char *status);
bool batches_ended(const json_t *batch);

/* ---- batch_work.c ---- */

/* The thread: `arg` is the batches. */
void *batches_run(void *arg);

#endif
