/* worker.h - the worker of an extractor, for extractor.c alone: a process that reads files (extract/main.c), its
 * socket, and the frames on it.
 *
 * Owns     the process, its cairn-convert and the socket, from worker_ready to worker_end.
 * Threads  those of the extractor: one owner. */
#ifndef CAIRN_INGEST_WORKER_H
#define CAIRN_INGEST_WORKER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

#include "base/bytes.h"
#include "base/status.h"
#include "ingest/extractor.h"
#include "ingest/wire.h"

#define WORKER_READ_CHUNK       ((size_t)256 << 10)
#define WORKER_MEMBERS_DEADLINE 20 /* times that of a file, for a file with many inside */

struct extractor {
    char *program, *ocr; /* ocr: "" = off */
    bool ocr_images;
    int64_t deadline_ms;
    size_t max_text, max_memory;
    const atomic_bool *cancel;
    pid_t pid; /* 0 = no worker */
    pid_t convert; /* its cairn-convert; 0 = none */
    int sock;
    clockid_t cpu_clock;
    unsigned files;
    wire_hello hello;
    bytes in; /* received, not yet taken from in_at on */
    size_t in_at;
    uint32_t started, killed;
    const give_way *way; /* NULL: it is never held */
    int64_t paid_ns;     /* processor time of it for which others have been let through; < 0: not known */
    int64_t rested_ns;   /* that it was held since its time began */
    int64_t delay_ns; /* that the worker had waited for a processor when its time began */
    bool lost; /* the worker was killed, not by us, before it said a word about this file */
};

/* The program: `named`, else $CAIRN_EXTRACT, else beside this one or where it is installed. The caller frees. */
cairn_status worker_find_program(char **out, const char *named, cairn_error *err);
/* A worker that runs: the one there is, or a new one where it has ended or done enough. */
cairn_status worker_ready(extractor *ex, cairn_error *err);
/* End the worker and say how it ended (*status as waitpid, *peak resident bytes, NULL = not wanted). */
void worker_end(extractor *ex, bool kill_it, int *status, size_t *peak);
/* It is gone without an answer: find out why and say so. */
cairn_status worker_explain_end(extractor *ex, cairn_error *err);

/* Nanoseconds that it was ready to run and other processes ran instead: not held against a file. */
int64_t worker_waited_ns(const extractor *ex);
/* A frame, with a descriptor beside its first bytes. */
cairn_status worker_send(extractor *ex, const bytes *out, int fd, int64_t deadline_ns, cairn_error *err);
/* The next frame; it lives until the next call. End of stream is CAIRN_EIO, the deadline CAIRN_ELIMIT. */
cairn_status worker_receive(extractor *ex, wire_frame *f, int64_t deadline_ns, cairn_error *err);

#endif
