/* extractor.c - the parent's side of extraction: one file at a time, one deadline, one worker (worker.h), which
 * the next file replaces where this one brought it down. */
#include "ingest/extractor.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <xxhash.h>

#include "base/clock.h"
#include "base/utf8.h"
#include "ingest/build.h"
#include "ingest/plain.h"
#include "ingest/worker.h"

#define DEFAULT_DEADLINE_MS 60000
#define DEFAULT_MAX_TEXT    ((size_t)64 << 20)
#define DEFAULT_MAX_MEMORY  ((size_t)2 << 30)

cairn_status extractor_create(extractor **out, const extractor_options *options, cairn_error *err)
{
    static const extractor_options none;
    extractor *ex = calloc(1, sizeof *ex);
    cairn_status st;

    *out = NULL;
    if (!ex)
        return cairn_fail(err, CAIRN_ENOMEM, "an extractor");
    if (!options)
        options = &none;
    ex->sock = -1;
    ex->deadline_ms = options->deadline_ms > 0 ? options->deadline_ms : DEFAULT_DEADLINE_MS;
    if (ex->deadline_ms > INT32_MAX)
        ex->deadline_ms = INT32_MAX;
    ex->max_text = options->max_text ? options->max_text : DEFAULT_MAX_TEXT;
    ex->max_memory = options->max_memory ? options->max_memory : DEFAULT_MAX_MEMORY;
    ex->cancel = options->cancel;
    ex->way = options->way;
    ex->ocr = strdup(options->ocr ? options->ocr : "");
    ex->ocr_images = options->ocr_images;
    bytes_init(&ex->in, WIRE_MAX_PAYLOAD + WIRE_HEADER + WORKER_READ_CHUNK);
    st = ex->ocr ? worker_find_program(&ex->program, options->program, err)
                 : cairn_fail(err, CAIRN_ENOMEM, "an extractor");
    if (st) {
        extractor_destroy(ex);
        return st;
    }
    *out = ex;
    return CAIRN_OK;
}

void extractor_destroy(extractor *ex)
{
    int status;

    if (!ex)
        return;
    worker_end(ex, false, &status, NULL);
    bytes_clear(&ex->in);
    free(ex->program);
    free(ex->ocr);
    free(ex);
}

cairn_status extractor_describe(extractor *ex, extractor_cage *out, cairn_error *err)
{
    cairn_status st = worker_ready(ex, err);

    if (st)
        return st;
    *out = (extractor_cage){.seccomp = ex->hello.seccomp,
                            .landlock_abi = ex->hello.landlock_abi,
                            .limits = ex->hello.limits,
                            .workers_started = ex->started,
                            .workers_killed = ex->killed};
    return CAIRN_OK;
}

/* ---- one file ---- */

static cairn_status hash_fd(int fd, uint8_t hash[16], uint64_t *size, cairn_error *err)
{
    XXH3_state_t *state = XXH3_createState();
    XXH128_canonical_t canon;
    char *buf = malloc(WORKER_READ_CHUNK);
    cairn_status st = CAIRN_OK;
    uint64_t at = 0;

    if (!state || !buf) {
        st = cairn_fail(err, CAIRN_ENOMEM, "hashing");
        goto done;
    }
    XXH3_128bits_reset(state);
    for (;;) {
        ssize_t n = pread(fd, buf, WORKER_READ_CHUNK, (off_t)at);
        if (n == 0)
            break;
        if (n < 0) {
            if (errno == EINTR)
                continue;
            st = cairn_fail(err, CAIRN_EINPUT, "cannot be read: %s", strerror(errno));
            goto done;
        }
        XXH3_128bits_update(state, buf, (size_t)n);
        at += (uint64_t)n;
    }
    XXH128_canonicalFromHash(&canon, XXH3_128bits_digest(state));
    memcpy(hash, canon.digest, 16);
    *size = at;
done:
    XXH3_freeState(state);
    free(buf);
    return st;
}

/* O_NONBLOCK: a named pipe must not hang the open. */
static cairn_status open_regular(const char *path, int *out, struct stat *sb, cairn_error *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

    *out = -1;
    if (fd < 0)
        return cairn_fail(err, errno == ENOENT ? CAIRN_ENOTFOUND : CAIRN_EINPUT, "%s",
                          errno == ENOENT ? "vanished: no such file" : strerror(errno));
    if (fstat(fd, sb) || !S_ISREG(sb->st_mode)) {
        close(fd);
        return cairn_fail(err, CAIRN_EUNSUPPORTED, "not a regular file");
    }
    *out = fd;
    return CAIRN_OK;
}

cairn_status ingest_hash_file(const char *path, uint8_t hash[16], cairn_error *err)
{
    struct stat sb;
    uint64_t size;
    int fd;
    cairn_status st = open_regular(path, &fd, &sb, err);

    if (!st)
        st = hash_fd(fd, hash, &size, err);
    if (fd >= 0)
        close(fd);
    return st;
}

static cairn_status send_request(extractor *ex, const wire_request *r, int fd, int64_t deadline_ns,
                                 cairn_error *err)
{
    bytes out;
    cairn_status st;

    bytes_init(&out, WIRE_MAX_REQUEST);
    st = wire_put_request(&out, r);
    if (!st)
        st = worker_send(ex, &out, fd, deadline_ns, err);
    bytes_clear(&out);
    return st;
}

/* Read the answer to a request into the builder. */
static cairn_status read_answer(extractor *ex, document_builder *b, int64_t deadline_ns,
                                cairn_error *err)
{
    block_sink sink = builder_sink(b);
    uint64_t blocks = 0;
    wire_state state = WIRE_MORE;
    int status;
    int64_t last_ns = clock_mono_ns() + WORKER_MEMBERS_DEADLINE * ex->deadline_ms * 1000000;
    cairn_status st;

    for (;;) {
        wire_frame f;

        st = worker_receive(ex, &f, deadline_ns, err);
        if (st == CAIRN_EIO)
            st = worker_explain_end(ex, err);
        else if (!st) {
            ex->lost = false;
            st = wire_answer(&f, &sink, &blocks, &state, err);
            if (f.type == WIRE_MEMBER || f.type == WIRE_MEMBER_END) { /* each has time of its own */
                deadline_ns = clock_mono_ns() + ex->deadline_ms * 1000000;
                ex->delay_ns = worker_waited_ns(ex);
                last_ns += ex->rested_ns;
                ex->rested_ns = 0;
            }
            if (deadline_ns > last_ns)
                deadline_ns = last_ns;
        }
        if (st || state == WIRE_FINISHED)
            break;
    }
    /* FAIL leaves a healthy worker. Any other failure in the middle of an answer does not. */
    if (st && state != WIRE_FINISHED)
        worker_end(ex, true, &status, NULL);
    else if (st == CAIRN_ELIMIT || st == CAIRN_ENOMEM)
        worker_end(ex, false, &status, NULL); /* its peak must not be held against the next file */
    return st;
}

const char *ingest_title_from_path(arena *a, const char *path)
{
    const char *name = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
    const char *dot = strrchr(name, '.');
    size_t len = dot && dot > name ? (size_t)(dot - name) : strlen(name);
    bytes clean;
    const char *title = NULL;

    bytes_init(&clean, SIZE_MAX / 4);
    if (emit_clean_text(&clean, name, len) == CAIRN_OK) {
        for (size_t i = 0; i < clean.len; i++)
            if (clean.data[i] == '\n' || clean.data[i] == '\t')
                clean.data[i] = ' ';
        title = arena_strndup(a, clean.data ? clean.data : "", clean.len);
    }
    bytes_clear(&clean);
    return title;
}

static cairn_status need_title(ingest_document *doc, const char *path, cairn_error *err)
{
    if (!doc->title[0] && !(doc->title = ingest_title_from_path(&doc->memory, path)))
        return cairn_fail(err, CAIRN_ENOMEM, "a title");
    return CAIRN_OK;
}

/* A worker that came down over one file in an archive has read those before it. */
static cairn_status salvage(document_builder *b, cairn_status st, const cairn_error *err)
{
    block_sink sink = builder_sink(b);
    char note[512];

    if (!builder_salvage(b, st, err->text))
        return st;
    snprintf(note, sizeof note, "read only in part, up to a file inside it: %.400s", err->text);
    return sink.text(sink.ctx, FIELD_NOTE, "", note, utf8_floor(note, strlen(note)), NULL);
}

static cairn_status extract_fd(extractor *ex, const char *path, int fd, const struct stat *sb,
                               const uint8_t hash[16], ingest_document **out, cairn_error *err)
{
    const char *name = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
    wire_request r = {.file_size = (uint64_t)sb->st_size,
                      .max_text = ex->max_text,
                      .deadline_ms = (uint32_t)ex->deadline_ms};
    document_builder b;
    ingest_document *doc;
    int64_t deadline_ns;
    cairn_status st;

    snprintf(r.name, sizeof r.name, "%s", name);
    /* A worker killed from outside while it idled is noticed only now: ask another, once. */
    for (int attempt = 0; attempt < 2; attempt++) {
        int status;

        st = builder_init(&b, ex->max_text, err);
        if (!st)
            st = worker_ready(ex, err);
        if (st)
            break;
        deadline_ns = clock_mono_ns() + ex->deadline_ms * 1000000;
        ex->delay_ns = worker_waited_ns(ex);
        ex->rested_ns = 0;
        ex->lost = true; /* until it answers */
        ex->files++;
        st = send_request(ex, &r, fd, deadline_ns, err);
        if (st)
            worker_end(ex, true, &status, NULL);
        else
            st = read_answer(ex, &b, deadline_ns, err);
        if (!st || !ex->lost || st == CAIRN_ECANCELLED || st == CAIRN_ELIMIT)
            break;
        builder_clear(&b);
    }
    if (st && st != CAIRN_ECANCELLED && st != CAIRN_EIO && err)
        st = salvage(&b, st, err);
    if (!st)
        st = builder_finish(&b, &doc, err);
    if (st) {
        builder_clear(&b);
        return st;
    }
    memcpy(doc->hash, hash, 16);
    doc->size = (uint64_t)sb->st_size;
    doc->mtime_ns = clock_stored_ns(sb->st_mtim);
    st = need_title(doc, path, err);
    for (ingest_document *m = doc->members; m && !st; m = m->next)
        st = need_title(m, m->member, err);
    if (st) {
        ingest_document_free(doc);
        return st;
    }
    *out = doc;
    return CAIRN_OK;
}

/* As poppler looks for it: the header stands somewhere in the first KiB. */
static bool is_pdf(int fd)
{
    char head[1024];
    ssize_t n = pread(fd, head, sizeof head, 0);

    return n > 0 && memmem(head, (size_t)n, "%PDF-", 5);
}

/* A page that takes too long to draw, or too much memory, is drawn for recognition alone: the document's own text is
 * read by a worker that recognises nothing. */
static cairn_status extract_unrecognised(extractor *ex, const char *path, int fd, const struct stat *sb,
                                         const uint8_t hash[16], ingest_document **out, cairn_error *err)
{
    static const char note[] = "scans in it were not recognised: that took too long or too much memory";
    static char off[] = "";
    char *ocr = ex->ocr, *both;
    int status;
    cairn_status st;

    if (ex->pid)
        worker_end(ex, true, &status, NULL);
    ex->ocr = off;
    st = extract_fd(ex, path, fd, sb, hash, out, err);
    if (ex->pid)
        worker_end(ex, true, &status, NULL);
    ex->ocr = ocr;
    if (st)
        return st;
    both = arena_printf(&(*out)->memory, "%s%s%s", (*out)->note, *(*out)->note ? "; " : "", note);
    if (both)
        (*out)->note = both;
    return CAIRN_OK;
}

cairn_status extractor_run(extractor *ex, const char *path, ingest_document **out, cairn_error *err)
{
    struct stat before, after;
    uint8_t hash[16];
    uint64_t size;
    int fd;
    cairn_status st;

    *out = NULL;
    st = open_regular(path, &fd, &before, err);
    if (!st)
        st = hash_fd(fd, hash, &size, err);
    if (!st)
        st = extract_fd(ex, path, fd, &before, hash, out, err);
    if (st == CAIRN_ELIMIT && *ex->ocr && is_pdf(fd))
        st = extract_unrecognised(ex, path, fd, &before, hash, out, err);
    if (!st && (fstat(fd, &after) || (uint64_t)after.st_size != size ||
                before.st_size != after.st_size || before.st_mtim.tv_sec != after.st_mtim.tv_sec ||
                before.st_mtim.tv_nsec != after.st_mtim.tv_nsec)) {
        ingest_document_free(*out);
        *out = NULL;
        st = cairn_fail(err, CAIRN_EINPUT, "changed while it was read");
    }
    if (fd >= 0)
        close(fd);
    return st;
}

/* ---- one page ---- */

static cairn_status read_image(extractor *ex, page_image *out, int64_t deadline_ns, cairn_error *err)
{
    wire_frame f;
    bool failed = false;
    int status;
    cairn_status st = worker_receive(ex, &f, deadline_ns, err);

    if (st == CAIRN_EIO)
        return worker_explain_end(ex, err);
    ex->lost = false;
    if (!st)
        st = wire_get_image(&f, out, &failed, err);
    if (st && !failed)
        worker_end(ex, true, &status, NULL);
    return st;
}

static cairn_status render_fd(extractor *ex, int fd, const struct stat *sb, const page_request *want,
                              page_image *out, cairn_error *err)
{
    wire_render r = {.file_size = (uint64_t)sb->st_size,
                     .deadline_ms = (uint32_t)ex->deadline_ms,
                     .page = *want};
    bytes ask;
    cairn_status st;

    bytes_init(&ask, WIRE_MAX_REQUEST);
    st = wire_put_render(&ask, &r);
    for (int attempt = 0; attempt < 2 && !st; attempt++) { /* as in extract_fd */
        int64_t deadline_ns;
        int status;

        st = worker_ready(ex, err);
        if (st)
            break;
        deadline_ns = clock_mono_ns() + ex->deadline_ms * 1000000;
        ex->delay_ns = worker_waited_ns(ex);
        ex->lost = true;
        ex->files++;
        st = worker_send(ex, &ask, fd, deadline_ns, err);
        if (st)
            worker_end(ex, true, &status, NULL);
        else
            st = read_image(ex, out, deadline_ns, err);
        if (!st || !ex->lost || attempt || st == CAIRN_ECANCELLED || st == CAIRN_ELIMIT)
            break;
        st = CAIRN_OK; /* the worker had been killed from outside: another, once */
    }
    bytes_clear(&ask);
    return st;
}

cairn_status extractor_render(extractor *ex, const char *path, const uint8_t hash[16],
                              const page_request *want, page_image *out, cairn_error *err)
{
    struct stat sb;
    uint8_t now[16];
    uint64_t size;
    int fd = -1;
    cairn_status st;

    *out = (page_image){0};
    if (!want->page || want->width < PAGE_IMAGE_WIDTH_MIN || want->width > PAGE_IMAGE_WIDTH_MAX ||
        want->passage_len > PAGE_IMAGE_TEXT_MAX || want->words_len > PAGE_IMAGE_TEXT_MAX)
        return cairn_fail(err, CAIRN_EUSAGE,
                          "a page from 1, %u to %u pixels wide, with at most %zu bytes to mark",
                          PAGE_IMAGE_WIDTH_MIN, PAGE_IMAGE_WIDTH_MAX, PAGE_IMAGE_TEXT_MAX);
    st = open_regular(path, &fd, &sb, err);
    if (!st && hash)
        st = hash_fd(fd, now, &size, err);
    if (!st && hash && (memcmp(now, hash, sizeof now) || size != (uint64_t)sb.st_size))
        st = cairn_fail(err, CAIRN_ENOTFOUND, "the file has changed since it was indexed");
    if (!st)
        st = render_fd(ex, fd, &sb, want, out, err);
    if (fd >= 0)
        close(fd);
    return st;
}

cairn_status extractor_run_text(const char *title, const char *text, size_t len,
                                ingest_document **out, cairn_error *err)
{
    document_builder b;
    block_sink sink;
    emitter e;
    XXH128_canonical_t canon;
    cairn_status st;

    *out = NULL;
    st = builder_init(&b, SIZE_MAX / 64, err);
    if (st)
        return st;
    sink = builder_sink(&b);
    emitter_init(&e, &sink, SIZE_MAX / 64);
    emit_from_source(&e, text, len);
    emit_field(&e, FIELD_MIME, "text/plain", 10);
    if (title)
        emit_field(&e, FIELD_TITLE, title, strlen(title));
    plain_blocks(&e, text, len);
    emit_finish(&e);
    st = e.status;
    if (st && err)
        *err = e.error;
    if (!st)
        st = builder_finish(&b, out, err);
    if (!st) {
        XXH128_canonicalFromHash(&canon, XXH3_128bits(text, len));
        memcpy((*out)->hash, canon.digest, 16);
        (*out)->size = len;
    }
    builder_clear(&b);
    emitter_clear(&e);
    return st;
}
