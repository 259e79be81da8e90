/* service.h - what every way into the server stands on: collections, models, who may do what, jobs,
 * metrics, draining. HTTP, gRPC and MCP are thin layers over this.
 *
 *     service *s;
 *     service_open(&s, &(service_options){.home = home}, &err);
 *     service_caller who;
 *     if (service_authorise(s, bearer, false, &who, &err)) ...        refuse
 *     if (service_need(&who, "notes", SERVICE_READ, &err)) ...        refuse
 *     service_acquire(s, "notes", &c, &err);
 *     cairn_search(c, ...);
 *     service_release(s, c);
 *
 * Owns     handles that nobody uses, the models, the writer's thread. Handles lent out must be back
 *          before service_close.
 * Threads  any, for every function but service_open and service_close. A handle lent out belongs to
 *          the thread that has it.
 * Errors   CAIRN_EBUSY: draining, or a queue is full: try again later. Others as cairn.h says. */
#ifndef CAIRN_SERVER_SERVICE_H
#define CAIRN_SERVER_SERVICE_H

#include "engine/cairn.h"
#include "engine/pages.h"
#include "engine/runtime.h"
#include "server/metrics.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SERVICE_NAME_BYTES 104 /* a collection's or a caller's name with its NUL */
#define VERSIONS_COMPARED  8 /* for a hit, where its versions are asked for */
#define SERVICE_ID_BYTES   33  /* a request id: 32 hexadecimal digits and a NUL */

typedef struct service service;

typedef struct service_options {
    const char *home, *config_file, *collection; /* as cairn_options; the collection asked for when a
                                                    request names none */
    const char *embedder, *generator;            /* the same */
    size_t n_threads;       /* of each model; 0: one a CPU */
    const char *token_file; /* NULL: HOME/tokens */
    size_t max_upload_bytes; /* of one file; 0: 256 MiB */
    size_t max_jobs;         /* waiting at once; 0: 100 */
    const char *audit_file;  /* who asked what (audit.h); NULL: nowhere */
    size_t max_audit_bytes;  /* of the file before it is set aside; 0: 64 MiB */
    size_t max_memory_bytes; /* of the process, without files that are mapped: beyond it only searches are served; 0:
                                no bound */
    double requests_per_second; /* of one caller, over all ways; 0: no bound */
    size_t max_collection_bytes; /* on disk, uploads too: beyond it nothing is taken in; 0: no bound */
} service_options;

/* Creates the default collection where it does not exist. */
cairn_status service_open(service **out, const service_options *options, cairn_error *err);
/* Drains first, if nobody did. NULL is fine. */
void service_close(service *s);

/* ---- collections ------------------------------------------------------------------------------ */

typedef struct service_caller service_caller;

/* Lend a read-only handle of a collection (NULL or "": the default one), which sees what the caller may read;
 * `who` NULL: the server itself, and everything, as an admin does. CAIRN_ENOTFOUND where there is none. */
cairn_status service_acquire(service *s, const service_caller *who, const char *collection,
                             cairn **out, cairn_error *err);
/* Give it back; NULL is fine. */
void service_release(service *s, cairn *c);
/* Give back a handle that answered CAIRN_ECORRUPT, CAIRN_EIO or CAIRN_EUNSUPPORTED: it is closed, so
 * that the next request opens the collection anew. */
void service_discard(service *s, cairn *c);

/* Call fn for the name of each collection, sorted; false stops. */
cairn_status service_each_collection(service *s, bool (*fn)(void *ctx, const char *name), void *ctx,
                                     cairn_error *err);
cairn_status service_create_collection(service *s, const char *name, cairn_error *err);
/* With all that is in it, uploads too. CAIRN_EUSAGE for the default one, CAIRN_EBUSY while it is written. */
cairn_status service_drop_collection(service *s, const char *name, cairn_error *err);
const char *service_default_collection(const service *s);
const char *service_home(const service *s);

/* Pages as images, drawn for everybody. */
cairn_pages *service_pages(service *s);

/* The models behind every handle, and the names of those configured. */
cairn_models *service_models(service *s);
typedef struct service_names {
    char embedder[1024], generator[1024];
} service_names;
void service_model_names(service *s, service_names *out);
/* The first reranker of the catalogue that is on this machine; CAIRN_EMODEL where there is none. */
cairn_status service_reranker(char *out, size_t cap, cairn_error *err);

/* ---- who may do what -------------------------------------------------------------------------- */

typedef enum service_role { SERVICE_NOBODY, SERVICE_READ, SERVICE_WRITE, SERVICE_ADMIN } service_role;

struct service_caller {
    char name[SERVICE_NAME_BYTES]; /* of the token, or "local" */
    service_role role;
    char collections[512]; /* comma-separated; "": all */
    char groups[512];      /* comma-separated, of which the token is a member */
    double rate;           /* requests a second of its own; 0: as many as others */
};

/* Who holds this token? `bearer` is the token alone, NULL where none was sent. `trusted`: the caller
 * came through a door that only the owner of the home can use (a unix socket), and is its admin
 * without a token. Over loopback without any token configured the caller is an admin, too: give
 * `trusted` then as well, see service_has_tokens. CAIRN_EUSAGE with a sentence for the caller
 * otherwise. */
cairn_status service_authorise(service *s, const char *bearer, bool trusted, service_caller *out,
                               cairn_error *err);
bool service_has_tokens(service *s);
/* May this caller do that to the collection (NULL: to none in particular)? */
cairn_status service_need(const service_caller *who, const char *collection, service_role role,
                          cairn_error *err);
/* Make a token of 256 random bits, note its hash in the file and give the token itself, which is
 * nowhere else. `collections` NULL: all; `groups` NULL: none; `rate` 0: as many requests a second as others. */
cairn_status service_token_add(const char *token_file, const char *name, service_role role,
                               const char *collections, const char *groups, double rate,
                               char token[80], cairn_error *err);
/* Who a token of that name is now, "local" as well; CAIRN_ENOTFOUND where there is none any more. */
cairn_status service_caller_named(service *s, const char *name, service_caller *out, cairn_error *err);
const char *service_role_name(service_role role);
bool service_role_parse(const char *text, service_role *out);

/* ---- quotas ----------------------------------------------------------------------------------- */

/* Book a request of this caller, known by its token's name, else by the address it comes from (`who` may be NULL).
 * CAIRN_EBUSY beyond its bound. */
cairn_status service_check_rate(service *s, const service_caller *who, const char *peer,
                                cairn_error *err);
/* The bound of whoever has none of its own; before requests come. */
void service_set_rate(service *s, double per_second);
/* Is there memory for what needs a model or writes? Gives back what it can first; CAIRN_EBUSY with both figures. */
cairn_status service_check_memory(service *s, cairn_error *err);
/* Bytes that are the process's own now, without files that are mapped. */
size_t service_memory(void);
/* To be called often, by one thread: what the C library keeps of a rush that is over goes back to the system, every ten
 * seconds at most. */
void service_tidy(service *s);

/* ---- searches before index runs ---------------------------------------------------------------- */

/* A quick request (a search, a list) stood so long in line for a thread. While such waits are long, index runs rest
 * (base/give_way.h). */
void service_waited(service *s, int64_t wait_ns);
/* Were they, within the last moments? */
bool service_pressed(const service *s);

/* ---- jobs: everything that writes ------------------------------------------------------------- */

typedef enum service_job_state {
    SERVICE_JOB_WAITING,
    SERVICE_JOB_RUNNING,
    SERVICE_JOB_DONE,
    SERVICE_JOB_FAILED,
    SERVICE_JOB_CANCELLED,
    SERVICE_JOB_INTERRUPTED /* the server ended first; `problem` says how to go on */
} service_job_state;

typedef struct service_job {
    uint64_t id;
    char collection[SERVICE_NAME_BYTES];
    char owner[SERVICE_NAME_BYTES]; /* the token's name, "local", or "" for the server's own */
    char kind[16]; /* "index", "upload", "retry" or "delete" */
    service_job_state state;
    char stage[16]; /* as cairn_progress */
    size_t done, total;
    /* As cairn_index_report, but that `unchanged` counts the moved, too, and `failed` all failures. */
    size_t seen, indexed, unchanged, unread, not_reached, removed, failed, failed_inside, chunks, embedded;
    char problem[512]; /* why it failed, or why the first file did; "" */
    int64_t queued_ns, started_ns, ended_ns; /* since 1970; 0: not yet */
} service_job;

/* One job runs at a time, in the order they came; each sees what the ones before it did. */
cairn_status service_index(service *s, const service_caller *who, const char *collection,
                           const char *const *paths, size_t n_paths, uint64_t *job,
                           cairn_error *err);
/* Read the files again that could not be read; CAIRN_ENOTFOUND where there are none that `who` may know of. */
cairn_status service_retry(service *s, const service_caller *who, const char *collection,
                           uint64_t *job, cairn_error *err);
/* What `who` may not read can't be removed either (cairn_access_covers). */
cairn_status service_delete(service *s, const service_caller *who, const char *collection,
                            const char *uri_or_id, uint64_t *job, cairn_error *err);
/* The job as the caller may know it: what names files is told to its owner and to admins. */
void service_job_hide(const service_caller *who, service_job *job);
/* CAIRN_ENOTFOUND: no such job, or ended long ago. */
cairn_status service_job_get(service *s, uint64_t id, service_job *out, cairn_error *err);
/* The newest first, at most `max`; returns how many. */
size_t service_job_list(service *s, service_job *out, size_t max);
cairn_status service_job_cancel(service *s, uint64_t id, cairn_error *err);
/* Return when the job is further than *seen (its state or progress), has ended, or the time is up;
 * *seen is a version: begin with 0. */
cairn_status service_job_wait(service *s, uint64_t id, uint64_t *seen, int64_t wait_ns,
                              service_job *out, cairn_error *err);
const char *service_job_state_name(service_job_state state);

/* A file that comes in pieces: into HOME/uploads/COLLECTION/NAME, whole or not at all, then indexed by
 * a job. `name` may hold folders; no "..", no hidden part. */
typedef struct service_upload service_upload;
/* CAIRN_EUSAGE where the caller could not read the file afterwards. */
cairn_status service_upload_begin(service *s, const service_caller *who, const char *collection,
                                  const char *name, service_upload **out, cairn_error *err);
/* So many bytes are to come, says who sends them. CAIRN_ELIMIT as below. */
cairn_status service_upload_expect(service_upload *u, uint64_t len, cairn_error *err);
/* CAIRN_ELIMIT: larger than max_upload_bytes. */
cairn_status service_upload_write(service_upload *u, const void *data, size_t len,
                                  cairn_error *err);
/* Both end the upload. */
cairn_status service_upload_finish(service_upload *u, uint64_t *job, cairn_error *err);
void service_upload_abort(service_upload *u); /* NULL is fine */

/* ---- running ---------------------------------------------------------------------------------- */

metrics *service_metrics(service *s);
void service_request_id(char out[SERVICE_ID_BYTES]);
/* Read tokens and configuration again; handles lent out before are closed when they come back. */
cairn_status service_reload(service *s, cairn_error *err);
/* From now on service_acquire and new jobs answer CAIRN_EBUSY; the running job stops after what it
 * has at hand. Safe to call twice. */
void service_drain(service *s);
bool service_draining(service *s);
/* CAIRN_OK when the default collection answers. */
cairn_status service_ready(service *s, cairn_error *err);

#ifdef __cplusplus
}
#endif
#endif
