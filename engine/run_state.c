/* run_state.c - see run_state.h. */
#include "engine/care.h"
#include "engine/run_state.h"

#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"

#define EVERY_NS   1000000000
#define STATE_BYTES 4096

void run_state_init(run_state *s, const cairn *c)
{
    int n = snprintf(s->path, sizeof s->path, "%s/run.state", c->dir);
    int m = snprintf(s->tmp, sizeof s->tmp, "%s/run.state.new", c->dir);

    s->written_ns = 0;
    if (n < 0 || m < 0 || (size_t)n >= sizeof s->path || (size_t)m >= sizeof s->tmp)
        *s->path = 0;
}

void run_state_tell(run_state *s, const cairn_progress *p)
{
    int64_t now = clock_mono_ns();
    json_t *j;

    if (!*s->path || (s->written_ns && now - s->written_ns < EVERY_NS))
        return;
    s->written_ns = now;
    j = json_pack("{s:I,s:s,s:I,s:I,s:f,s:f}", "pid", (json_int_t)getpid(), "stage", p->stage, "done",
                  (json_int_t)p->done, "total", (json_int_t)p->total, "seconds", p->seconds,
                  "seconds_left", p->seconds_left);
    if (!json_dump_file(j, s->tmp, JSON_COMPACT)) /* a full disk shows itself where it matters */
        (void)!rename(s->tmp, s->path);
    json_decref(j);
}

void run_state_clear(run_state *s)
{
    if (s->written_ns && *s->path)
        unlink(s->path);
    s->written_ns = 0;
}

void run_state_read(const char *dir, cairn_running *out)
{
    char path[4096];
    int n = snprintf(path, sizeof path, "%s/run.state", dir);
    json_t *j;
    json_int_t pid;
    const char *stage;

    *out = (cairn_running){.seconds_left = -1};
    j = n > 0 && (size_t)n < sizeof path ? json_load_file(path, 0, NULL) : NULL;
    pid = json_integer_value(json_object_get(j, "pid"));
    stage = json_string_value(json_object_get(j, "stage"));
    if (stage && pid > 0 && pid <= INT32_MAX && (!kill((pid_t)pid, 0) || errno == EPERM)) {
        double seconds = json_number_value(json_object_get(j, "seconds"));
        json_int_t done = json_integer_value(json_object_get(j, "done")),
                   total = json_integer_value(json_object_get(j, "total"));
        out->active = true;
        out->pid = (long)pid;
        snprintf(out->stage, sizeof out->stage, "%.15s", stage);
        out->done = done > 0 ? (uint64_t)done : 0;
        out->total = total > 0 ? (uint64_t)total : 0;
        out->per_second = seconds > 0 ? (double)out->done / seconds : 0;
        out->seconds_left = json_number_value(json_object_get(j, "seconds_left"));
    }
    json_decref(j);
}
