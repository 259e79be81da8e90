/* helper.h - asking cairn-convert for what no library of ours reads (ingest/helpers.h).
 *
 * The socket is there before the worker locks itself in; without it every request is CONVERT_MISSING. */
#ifndef CAIRN_INGEST_EXTRACT_HELPER_H
#define CAIRN_INGEST_EXTRACT_HELPER_H

#include "base/bytes.h"
#include "ingest/convert/convert.h"
#include "ingest/emit.h"

#define HELPER_FD 4

/* Take the socket, when there is one. */
void helper_connect(int fd);
/* cairn-convert has ended: the worker should, too, so that both are begun anew. */
bool helper_is_lost(void);
/* Time of each request from now on. */
void helper_set_time(uint32_t ms);
/* data[0, len) through the task's programs; what they wrote is in *out, and who it was in program[16] (may be NULL).
 * `name` gives the extension. */
convert_status helper_run(helper_task task, const char *name, const char *data, size_t len,
                          bytes *out, char *program);
/* The failure in words, into the emitter. */
cairn_status helper_fail(emitter *e, helper_task task, convert_status st, const char *mime);

#endif
