/* jobs_wait.c - a call that waits for the thread that writes. */
#include "server/grpc/jobs_wait.h"

/* How soon a call that was cancelled is noticed. */
#define STEP_NS INT64_C(200000000)

cairn_status wait_for_job(rpc_call *c, uint64_t id, void (*step)(void *ctx, const service_job *job),
                          void *ctx, service_job *out, cairn_error *err)
{
    uint64_t seen = 0, before = 0;
    cairn_status st;

    do {
        if (rpc_over(c))
            return cairn_fail(err, CAIRN_ECANCELLED, "nobody waits for the job any longer");
        before = seen;
        st = service_job_wait(service_of(c), id, &seen, STEP_NS, out, err);
        if (st)
            return st;
        if (step && seen != before)
            step(ctx, out);
    } while (out->state < SERVICE_JOB_DONE);
    if (out->state == SERVICE_JOB_DONE)
        return CAIRN_OK;
    if (out->state == SERVICE_JOB_CANCELLED)
        return cairn_fail(err, CAIRN_EBUSY, "the job was stopped before its end");
    return cairn_fail(err, CAIRN_EINPUT, "%s", out->problem);
}
