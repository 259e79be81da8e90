/* extractor.h - bytes of an unknown file to a document, through a worker process that may die.
 *
 * An extractor owns one `cairn-extract` process. Files are opened here and their descriptors are
 * handed over one at a time; the worker can read that descriptor and nothing else of interest (no
 * network, no new process, no writing; see docs/ingest.md). What comes back is checked as hostile
 * input. A worker that crashes, hangs past the deadline, eats too much memory or talks nonsense is
 * killed, the file is reported, and the next file gets a new worker.
 *
 * Threads  one extractor per thread; any number of extractors in a process. */
#ifndef CAIRN_INGEST_EXTRACTOR_H
#define CAIRN_INGEST_EXTRACTOR_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/give_way.h"
#include "base/status.h"
#include "ingest/document.h"
#include "ingest/page_image.h"

typedef struct extractor extractor;

typedef struct extractor_options {
    /* The worker program. NULL: $CAIRN_EXTRACT, else `cairn-extract` beside the running program,
     * in ../libexec/cairn/ or in ../ingest/ of it, in this order. */
    const char *program;
    int64_t deadline_ms; /* wall time a file may take; 0 = 60,000 */
    size_t max_text;     /* bytes of text a document may give; 0 = 64 MiB */
    size_t max_memory;   /* address space of the worker in bytes; 0 = 2 GiB */
    /* Languages in which text is recognised on pages of PDFs that have none, as Tesseract writes them
     * ("eng+deu"); NULL or "": none is. */
    const char *ocr;
    bool ocr_images; /* and in images */
    const atomic_bool
        *cancel; /* may be NULL; polled while waiting: the file ends as CAIRN_ECANCELLED */
    /* While others wait the worker is held (SIGSTOP) as give_way.h says; such rests are not held against a file.
     * NULL: it never is. */
    const give_way *way;
} extractor_options;

/* What the worker says about its own cage, for `cairn doctor` and logs. */
typedef struct extractor_cage {
    int seccomp;      /* 1 = filter in force */
    int landlock_abi; /* 0 = kernel without Landlock */
    uint32_t limits;  /* resource limits that could be set, as a count */
    uint32_t workers_started, workers_killed;
} extractor_cage;

/* `options` may be NULL. The worker starts with the first file.
 * Errors: CAIRN_ENOTFOUND when no worker program is found (the text says where it was looked for).
 */
cairn_status extractor_create(extractor **out, const extractor_options *options, cairn_error *err);
void extractor_destroy(extractor *ex); /* NULL is fine; ends the worker */

/* Read the file at `path`. The document is the caller's (ingest_document_free). The sentence in
 * *err reads as a reason beside the path ("encrypted: a password is needed") and does not repeat
 * it. CAIRN_OK            also for an empty file or a PDF without text: n_blocks = 0, note says why
 *   CAIRN_ENOTFOUND     it vanished
 *   CAIRN_EINPUT        unreadable, broken, encrypted, changed while it was read, or its parser
 *                       crashed
 *   CAIRN_EUNSUPPORTED  binary or a format without a parser; the text names the type
 *   CAIRN_ELIMIT        deadline, memory or text limit
 *   CAIRN_EIO           the worker cannot be started
 *   CAIRN_ECANCELLED    *cancel became true */
cairn_status extractor_run(extractor *ex, const char *path, ingest_document **out,
                           cairn_error *err);

/* Page want->page of the PDF at `path` as an image, with the lines of want->passage marked. `hash`, where it is
 * not NULL, is what ingest_hash_file must say of the file. The image is the caller's (page_image_clear).
 *   CAIRN_EUSAGE        a width or a text out of bounds (page_image.h)
 *   CAIRN_ENOTFOUND     the file is gone, or no longer the one of the hash
 *   CAIRN_EINPUT, CAIRN_EUNSUPPORTED (not a PDF), CAIRN_ELIMIT, CAIRN_EIO, CAIRN_ECANCELLED  as
 *                       extractor_run */
cairn_status extractor_render(extractor *ex, const char *path, const uint8_t hash[16],
                              const page_request *want, page_image *out, cairn_error *err);

/* As extractor_run from memory, for imports: no process, no detection. Broken UTF-8 becomes U+FFFD.
 * Paragraphs are divided at empty lines. `title` may be NULL. hash is that of text[0, len). */
cairn_status extractor_run_text(const char *title, const char *text, size_t len,
                                ingest_document **out, cairn_error *err);

/* XXH3-128 of a file's bytes without extracting it, in canonical order, to recognise moved and
 * touched files. Refuses anything but a regular file. */
cairn_status ingest_hash_file(const char *path, uint8_t hash[16], cairn_error *err);

/* The file's name without folders and extension, as a title of last resort. In the arena; NULL without
 * memory. */
const char *ingest_title_from_path(arena *a, const char *path);

/* Facts about the worker; starts it when there is none. */
cairn_status extractor_describe(extractor *ex, extractor_cage *out, cairn_error *err);

#endif
