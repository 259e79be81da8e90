/* watched_merge.h - for tests of merges: a sink and a step that know of each other. They count the
 * steps before each section's first byte, and see whether anything is written once a step said no. */
#ifndef CAIRN_TESTS_WATCHED_MERGE_H
#define CAIRN_TESTS_WATCHED_MERGE_H

#include <string.h>

#include "base/pace.h"
#include "base/sections.h"

#define WATCHED_SECTIONS 32

typedef struct watched_merge {
    long stop_at; /* the step that says no, from 1 on; 0: none */
    long steps;   /* so far */
    long quiet;   /* of them before the first that told of bytes */
    bool stopped;
    long late; /* calls of step and sink after that */
    struct {
        char name[SECTION_NAME_MAX + 1];
        long begun, written; /* steps before it was begun, before its first byte; -1: none came */
    } section[WATCHED_SECTIONS];
    size_t n_sections;
} watched_merge;

static inline cairn_status watched_step(void *ctx, uint64_t bytes, cairn_error *err)
{
    watched_merge *w = ctx;

    w->late += w->stopped;
    if (w->quiet == w->steps && !bytes)
        w->quiet++;
    w->steps++;
    if (w->steps != w->stop_at)
        return CAIRN_OK;
    w->stopped = true;
    return cairn_fail(err, CAIRN_ECANCELLED, "stopped by the test");
}

static inline cairn_status watched_begin(void *ctx, const char *name, cairn_error *err)
{
    watched_merge *w = ctx;

    (void)err;
    w->late += w->stopped;
    if (w->n_sections == WATCHED_SECTIONS)
        return CAIRN_ELIMIT;
    strcpy(w->section[w->n_sections].name, name);
    w->section[w->n_sections].begun = w->steps;
    w->section[w->n_sections++].written = -1;
    return CAIRN_OK;
}

static inline cairn_status watched_write(void *ctx, const void *data, size_t n, cairn_error *err)
{
    watched_merge *w = ctx;

    (void)data;
    (void)err;
    w->late += w->stopped;
    if (n && w->n_sections && w->section[w->n_sections - 1].written < 0)
        w->section[w->n_sections - 1].written = w->steps;
    return CAIRN_OK;
}

static inline cairn_status watched_end(void *ctx, cairn_error *err)
{
    (void)err;
    ((watched_merge *)ctx)->late += ((watched_merge *)ctx)->stopped;
    return CAIRN_OK;
}

static inline section_sink watched_sink(watched_merge *w)
{
    return (section_sink){w, watched_begin, watched_write, watched_end};
}

/* Steps between the end of the section before and this one's first byte. */
static inline long watched_before(const watched_merge *w, const char *name)
{
    for (size_t i = 0; i < w->n_sections; i++)
        if (!strcmp(w->section[i].name, name))
            return w->section[i].written - (i ? w->section[i - 1].written : 0);
    return -1;
}

#endif
