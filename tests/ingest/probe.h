/* probe.h - what the tests of this room share: a scratch folder, files in it, one extraction. */
#ifndef CAIRN_TESTS_INGEST_PROBE_H
#define CAIRN_TESTS_INGEST_PROBE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ingest/chunk.h"
#include "ingest/document.h"
#include "ingest/extractor.h"
#include "ingest/walk.h"

#define FIXTURES CAIRN_SOURCE_DIR "/fixtures/parse/"
#define WORKER   CAIRN_BINARY_DIR "/ingest/cairn-extract"

#ifdef CAIRN_SANITIZED
#define SLOWER 4 /* deadlines of honest work */
#else
#define SLOWER 1
#endif

static char probe_dir[64];

static inline int probe_setup(void **state)
{
    (void)state;
    strcpy(probe_dir, "/tmp/cairn-ingest-XXXXXX");
    return mkdtemp(probe_dir) ? chmod(probe_dir, 0755) : -1;
}

static inline int probe_remove(const char *path, const struct stat *sb, int flag, struct FTW *ftw)
{
    (void)sb;
    (void)flag;
    (void)ftw;
    return remove(path);
}

static inline int probe_teardown(void **state)
{
    (void)state;
    nftw(probe_dir, probe_remove, 16, FTW_DEPTH | FTW_PHYS);
    return 0;
}

/* A path below the scratch folder; lives until the 8th call after. */
static inline const char *probe_path(const char *name)
{
    static char paths[8][512];
    static unsigned next;
    char *p = paths[next++ % 8];

    snprintf(p, 512, "%s/%s", probe_dir, name);
    return p;
}

static inline const char *probe_file(const char *name, const void *data, size_t len)
{
    const char *path = probe_path(name);
    FILE *f = fopen(path, "wb");

    assert_non_null(f);
    assert_int_equal(fwrite(data, 1, len, f), len);
    assert_int_equal(fclose(f), 0);
    return path;
}

static inline extractor *probe_extractor(const char *program, int64_t deadline_ms)
{
    extractor_options opt = {.program = program, .deadline_ms = deadline_ms * SLOWER};
    extractor *ex;
    cairn_error err = {0};

    if (extractor_create(&ex, &opt, &err))
        fail_msg("%s", err.text);
    return ex;
}

static inline ingest_document *probe_read(extractor *ex, const char *path)
{
    ingest_document *doc;
    cairn_error err = {0};

    if (extractor_run(ex, path, &doc, &err))
        fail_msg("%s: %s", path, err.text);
    return doc;
}

/* The first block of this kind (0: any) that contains `words`. */
static inline const ingest_block *probe_block(const ingest_document *doc, int kind,
                                              const char *words)
{
    for (size_t i = 0; i < doc->n_blocks; i++)
        if ((!kind || (int)doc->blocks[i].kind == kind) && strstr(doc->blocks[i].text, words))
            return &doc->blocks[i];
    return NULL;
}

#endif
