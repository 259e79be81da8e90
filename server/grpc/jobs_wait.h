/* jobs_wait.h - wait for a writing job on behalf of a call. */
#ifndef CAIRN_SERVER_GRPC_JOBS_WAIT_H
#define CAIRN_SERVER_GRPC_JOBS_WAIT_H

#include "server/grpc/services.h"

/* Until the job has ended or the call has. `step` (may be NULL) sees each change. CAIRN_OK: it is done;
 * CAIRN_ECANCELLED: it or the call was cancelled - the job goes on in the second case, for it may be
 * others' as well; else it failed, with its reason in err. */
cairn_status wait_for_job(rpc_call *c, uint64_t id, void (*step)(void *ctx, const service_job *job),
                          void *ctx, service_job *out, cairn_error *err);

#endif
