/* writer.h - what the two halves of a lexical writer share: the jobs and the ring they lie in;
 * private. writer.c tells the whole story. */
#ifndef CAIRN_INDEX_LEXICAL_WRITER_H
#define CAIRN_INDEX_LEXICAL_WRITER_H

#include <pthread.h>

#include "index/lexical/inverter.h"
#include "index/lexical/output.h"

#define BLOCK_ROWS  256
#define BATCH_BYTES ((size_t)128 << 10)
#define BATCH_TERMS 4096

/* A row of a block: where its texts lie in job.text. */
typedef struct job_row {
    size_t at[LEXICAL_FIELDS], len[LEXICAL_FIELDS], lang; /* lang: NUL-terminated */
    row_length length;                                    /* the answer */
} job_row;

/* A term of a batch: its name and the streams of its runs in job.text. */
typedef struct job_term {
    size_t text, len;
    size_t first, n; /* of job.streams */
    list_size size;  /* the answer */
} job_term;

typedef struct job_stream {
    size_t at, len; /* in job.text */
} job_stream;

typedef struct job {
    bool encode, done;
    bytes text;
    job_row *rows; /* [BLOCK_ROWS] */
    uint32_t first_row, n_rows;
    job_term *terms; /* [BATCH_TERMS] */
    size_t n_terms;
    job_stream *streams;
    size_t n_streams, cap_streams;
    spool post, pos; /* lists of the batch, in memory */
    cairn_status status;
    cairn_error error;
} job;

typedef struct worker {
    lexical_writer *w;
    inverter *inverter;
    list_encoder lists;
    pthread_t thread;
    bool started;
} worker;

struct lexical_writer {
    size_t budget;
    char *dir;
    worker *workers;
    size_t n_workers;
    bool threaded;
    job *jobs;
    size_t n_jobs;
    uint64_t head, next, tail;
    bool stop;
    pthread_mutex_t lock;
    pthread_cond_t submitted, finished;
    job *open;  /* the block that is being filled; NULL: none */
    bytes rows; /* LEXICAL_FIELDS + 1 bytes a row */
    lexical_meta meta;
    index_output *out; /* while finishing */
    uint8_t *columns;  /* the same */
    bool broken;
};

/* A free job at the tail, emptied; an encoding one has room for BATCH_TERMS, the others for
 * BLOCK_ROWS. May wait for the oldest job and collect it. */
cairn_status writer_new_job(lexical_writer *w, bool encode, job **out, cairn_error *err);
/* Hand the job at the tail to the workers; without threads, do it. */
cairn_status writer_submit(lexical_writer *w, job *j, cairn_error *err);

/* ---- lists (writer_lists.c) ---- */

/* Encode the terms of a batch into its spools. */
cairn_status writer_encode(worker *k, job *j, cairn_error *err);
/* Submit the terms of all runs, batch by batch; jobs may still be at work when it returns. */
cairn_status writer_merge_runs(lexical_writer *w, cairn_error *err);

#endif
