/* jobs_journal.h - which jobs have begun and not ended, kept beside the collections, so that those of a server that was killed can be
 * told after it.
 *
 * HOME/jobs.json is a list of objects (jobs.c says of what), replaced whole; HOME/jobs.lock is held while a server keeps it. A second
 * server of the same home keeps none.
 *
 * Threads  one at a time. */
#ifndef CAIRN_SERVER_JOBS_JOURNAL_H
#define CAIRN_SERVER_JOBS_JOURNAL_H

#include <jansson.h>

#include "base/status.h"

typedef struct jobs_journal jobs_journal;

/* CAIRN_EBUSY: another server has it. */
cairn_status jobs_journal_open(jobs_journal **out, const char *home, cairn_error *err);
/* What the last server left, a list that the caller releases; an unreadable file is an empty one. */
json_t *jobs_journal_read(const jobs_journal *j);
/* `jobs` is borrowed. */
cairn_status jobs_journal_write(jobs_journal *j, const json_t *jobs, cairn_error *err);
void jobs_journal_close(jobs_journal *j); /* NULL is fine */

#endif
