/* batches.h - files of requests that are worked off in the background, as OpenAI's batch interface has them.
 *
 * A file is HOME/batches/file-ID with file-ID.json beside it (name, owner, time); a batch is batch_ID.json. Its
 * answers go to a file of their own, a line each, written and synced before the next request begins: so after
 * a crash or a restart a batch goes on behind the last whole line.
 *
 * One thread works, on one request at a time, behind whatever else waits for a model or a worker. A batch has the
 * rights that its owner has while it runs, not those of when it was made.
 *
 * Owns     what lies in HOME/batches. Files and batches are seen by their owner and by admins.
 * Threads  any. */
#ifndef CAIRN_SERVER_HTTP_BATCHES_H
#define CAIRN_SERVER_HTTP_BATCHES_H

#include "server/http/http.h"

#define BATCH_FILE_BYTES LARGE_BODY
#define BATCH_ID_BYTES   48

typedef struct batches batches;

/* What an earlier process left is gone on with. */
cairn_status batches_open(batches **out, http *h, cairn_error *err);
/* The request at work is cancelled; its batch stays as it is for the next process. */
void batches_stop(batches *b);
/* Stops, and frees. NULL is fine. */
void batches_close(batches *b);

/* Each gives the object as the interface shows it, a new reference in *out. CAIRN_ENOTFOUND also for what is
 * another's. */
cairn_status batches_add_file(batches *b, const service_caller *who, const char *name,
                              const char *purpose, const char *data, size_t len, json_t **out,
                              cairn_error *err);
cairn_status batches_file(batches *b, const service_caller *who, const char *id, json_t **out,
                          cairn_error *err);
/* Its bytes, malloced. */
cairn_status batches_content(batches *b, const service_caller *who, const char *id, char **data,
                             size_t *len, cairn_error *err);
/* CAIRN_EBUSY while a batch needs it. */
cairn_status batches_drop_file(batches *b, const service_caller *who, const char *id, cairn_error *err);
cairn_status batches_add(batches *b, const service_caller *who, const char *input_file,
                         const char *endpoint, const json_t *metadata, json_t **out,
                         cairn_error *err);
cairn_status batches_get(batches *b, const service_caller *who, const char *id, json_t **out,
                         cairn_error *err);
cairn_status batches_cancel(batches *b, const service_caller *who, const char *id, json_t **out,
                            cairn_error *err);
/* The newest first, "files" or "batches". */
cairn_status batches_list(batches *b, const service_caller *who, bool files, json_t **out,
                          cairn_error *err);

#endif
