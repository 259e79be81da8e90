/* convert.h - what a worker and its cairn-convert say to each other over a socket of their own.
 *
 * Both are of one build on one machine: the structures go as they lie in memory. A request is followed by
 * `size` bytes of the file, an answer by `size` bytes of what the program wrote. */
#ifndef CAIRN_INGEST_CONVERT_H
#define CAIRN_INGEST_CONVERT_H

#include <stdint.h>

#include "ingest/helpers.h"

#define CONVERT_MAGIC      0x31545643u
#define CONVERT_MAX_INPUT  ((uint64_t)256 << 20)
#define CONVERT_MAX_OUTPUT ((uint64_t)64 << 20)

typedef enum convert_status {
    CONVERT_OK = 0,
    CONVERT_MISSING, /* no program for it is installed */
    CONVERT_FAILED,  /* each said that it cannot read this, or crashed */
    CONVERT_TIME,    /* stopped at limit_ms */
    CONVERT_LIMIT,   /* it wrote more than CONVERT_MAX_OUTPUT */
    CONVERT_GONE,    /* never sent: cairn-convert itself has ended */
} convert_status;

typedef struct convert_request {
    uint32_t magic, task; /* a helper_task */
    uint32_t limit_ms, reserved;
    uint64_t size;
    char extension[16]; /* of the file's name, for HELPER_TAGS: letters, digits, '+', '_' */
} convert_request;

typedef struct convert_answer {
    uint32_t magic, status;
    uint64_t size;
    char program[16]; /* that gave the answer */
} convert_answer;

#endif
