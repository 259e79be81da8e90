/* inside.h - the inside of a `service`, for the files of this folder.
 *
 * Locks: `mutex` guards what it stands above; nothing is opened, closed or called back under it. */
#ifndef CAIRN_SERVER_INSIDE_H
#define CAIRN_SERVER_INSIDE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>

#include "server/limit.h"
#include "server/service.h"

/* ---- tokens.c ---- */

typedef struct token_table token_table;

/* A file that does not exist is an empty table. */
cairn_status token_table_read(token_table **out, const char *path, cairn_error *err);
void token_table_destroy(token_table *t); /* NULL is fine */
size_t token_table_size(const token_table *t);
/* Takes the same time whether and where the token is found. */
bool token_table_find(const token_table *t, const char *token, service_caller *out);
bool token_table_named(const token_table *t, const char *name, service_caller *out);

/* ---- jobs.c ---- */

typedef struct job_queue job_queue;

cairn_status job_queue_create(job_queue **out, service *s, size_t max_waiting, cairn_error *err);
/* No more jobs; the one that runs is told to stop, the waiting ones are dropped; waits for the end. */
void job_queue_drain(job_queue *q);
void job_queue_destroy(job_queue *q); /* NULL is fine; drains */

/* `who` NULL: the server itself. */
cairn_status job_queue_add(job_queue *q, const service_caller *who, const char *collection, const char *kind,
                           const char *const *paths, size_t n_paths, uint64_t *id,
                           cairn_error *err);

/* ---- service.c ---- */

#define SERVICE_PRINCIPALS_BYTES (SERVICE_NAME_BYTES + 512)

typedef struct lent {
    struct lent *next;
    cairn *c;
    char collection[SERVICE_NAME_BYTES];
    char principals[SERVICE_PRINCIPALS_BYTES]; /* whose eyes it has; "": it sees everything */
    uint64_t generation;
    bool used;
} lent;

struct service {
    char *home, *config_file, *collection, *token_file;
    char *embedder_option, *generator_option; /* NULL: the configuration's */
    size_t n_threads, max_upload_bytes, max_collection_bytes, max_memory_bytes;
    double per_second;
    limit *limit;
    atomic_int_least64_t gave_back_ns; /* quotas.c */
    int64_t tidied_ns; /* service_tidy's own */
    size_t tidied_bytes;
    cairn_models *models;
    cairn_pages *pages;
    metrics *metrics;
    struct audit_log *audit; /* NULL: none */
    job_queue *jobs;
    atomic_int_least64_t pressed_until_ns; /* monotonic; runs rest until then */
    atomic_bool draining;
    pthread_mutex_t mutex; /* of the rest */
    lent *handles;
    size_t n_lent;
    uint64_t generation;
    token_table *tokens;
    service_names names;
};

/* Options that open a collection of this service the way its jobs write to it. */
cairn_options service_writer_options(const service *s, const char *collection);
/* A collection's name: as cairn.h has it, checked before it becomes part of a path. */
cairn_status service_check_name(const char *name, cairn_error *err);
/* CAIRN_EFULL, with both figures, where the collection and its uploads fill what they may already, or would with
 * `more` bytes. */
cairn_status service_check_room(service *s, const char *collection, size_t more, cairn_error *err);
/* Every handle opened before is closed, now or when it comes back. */
void service_forget_handles(service *s);
/* Close the handles that nobody uses. */
void service_close_idle(service *s);

#endif
