/* segment_write.c - writing a segment file.
 *
 * Segment file, format 1. Integers are little-endian.
 *
 *   header, 64 bytes
 *   0   8   "CAIRNSEG"
 *   8   4   version, 1; readers refuse any other
 *   12  4   kind: 1 lexical, 2 vector
 *   16  8   segment id, the same as in the file's name
 *   24  4   rows
 *   28  28  reserved, 0
 *   56  8   XXH3-64 of bytes 0..55
 *
 *   sections, each at a multiple of 64, the gaps filled with 0
 *
 *   table of contents at a multiple of 64, 48 bytes a section, in file order
 *   0   16  name, padded with 0; at most 15 bytes
 *   16  8   offset    24  8  length    32  8  XXH3-64 of the bytes    40  8  reserved, 0
 *
 *   trailer, the last 64 bytes of the file, at a multiple of 64
 *   0   8   "CAIRNTOC"
 *   8   8   offset of the table   16  8  its length   24  4  number of sections   28  4  reserved
 *   32  8   XXH3-64 of the table  40  8  length of the whole file                 48  8  reserved
 *   56  8   XXH3-64 of the trailer's bytes 0..55
 *
 * Three sections are the store's: rows.chunks (8 bytes a row), rows.docs (8 bytes a row), and,
 * where chunk ids do not rise with the rows, rows.order: row numbers (4 bytes) by rising chunk id.
 *
 * The manifest keeps the file's length and the trailer's checksum, which covers the table's, which
 * covers the sections': a file of the same name with other content is not taken for ours.
 *
 * v1 since 0.1. To change it: add v2, keep reading v1, add a golden file to tests/store/golden/.
 *
 * Writing goes through a buffer to <id>.tmp; finish goes back for the header, syncs and closes.
 * The rename to <id>.seg happens in the transaction that names it (segment_writer_place). */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <xxhash.h>

#include "base/checked.h"
#include "store/room.h"

#define BUFFER_BYTES ((size_t)256 << 10)
#define WRITE_BEHIND ((uint64_t)4 << 20)

typedef struct toc_entry {
    char name[SECTION_NAME_MAX + 1];
    uint64_t at, len, hash;
} toc_entry;

struct segment_writer {
    store *s;
    segment_id id;
    segment_kind kind;
    char *tmp_path, *path;
    int fd;
    uint8_t *buffer;
    size_t buffered;
    uint64_t at; /* bytes written and buffered */
    uint64_t behind; /* bytes in the file that the disk has been asked to take */
    toc_entry *toc;
    size_t n_toc, cap_toc;
    bool in_section, store_section, finished;
    XXH3_state_t *hash;
    section_sink sink;
    cairn_error failed; /* the first failure; code CAIRN_OK = none */
    record_segment rec;
};

static cairn_status keep(segment_writer *w, cairn_status st, const cairn_error *mine,
                         cairn_error *err)
{
    if (st && !w->failed.code)
        w->failed = *mine;
    if (st && err)
        *err = w->failed;
    return st;
}

static cairn_status write_all(segment_writer *w, const uint8_t *p, size_t n, cairn_error *err)
{
    while (n) {
        ssize_t k = write(w->fd, p, n);
        if (k < 0 && errno == EINTR)
            continue;
        if (k < 0)
            return errno == EFBIG
                       ? cairn_fail(err, CAIRN_EFULL,
                                    "write %s: the limit on file sizes was reached (ulimit -f)", w->tmp_path)
                       : cairn_fail_errno(err, errno, "write %s", w->tmp_path);
        p += k;
        n -= (size_t)k;
    }
    return CAIRN_OK;
}

/* A large file goes to the disk while it is written, so that the sync at its end is short and
 * nobody waits behind it. */
static void write_behind(segment_writer *w, uint64_t in_file)
{
    if (in_file - w->behind < WRITE_BEHIND)
        return;
    sync_file_range(w->fd, (off_t)w->behind, (off_t)(in_file - w->behind), SYNC_FILE_RANGE_WRITE);
    w->behind = in_file;
}

static cairn_status flush(segment_writer *w, cairn_error *err)
{
    cairn_status st = write_all(w, w->buffer, w->buffered, err);
    w->buffered = 0;
    if (!st)
        write_behind(w, w->at);
    return st;
}

static cairn_status put(segment_writer *w, const void *data, size_t n, cairn_error *err)
{
    const uint8_t *p = data;

    w->at += n;
    if (n >= BUFFER_BYTES) {
        cairn_status st = flush(w, err);
        return st ? st : write_all(w, p, n, err);
    }
    if (w->buffered + n > BUFFER_BYTES) {
        cairn_status st = flush(w, err);
        if (st)
            return st;
    }
    if (n)
        memcpy(w->buffer + w->buffered, p, n);
    w->buffered += n;
    return CAIRN_OK;
}

static cairn_status align(segment_writer *w, cairn_error *err)
{
    static const uint8_t zeros[SEGMENT_ALIGN];
    size_t gap = (size_t)(-w->at & (SEGMENT_ALIGN - 1));
    return put(w, zeros, gap, err);
}

static cairn_status do_begin(segment_writer *w, const char *name, cairn_error *err)
{
    size_t len = strlen(name);

    if (w->finished || w->in_section)
        return cairn_fail(err, CAIRN_EUSAGE, "section %s begun at the wrong time", name);
    if (len < 1 || len > SECTION_NAME_MAX || (!w->store_section && !strncmp(name, "rows.", 5)))
        return cairn_fail(err, CAIRN_EUSAGE, "\"%s\" is no name for a section", name);
    for (size_t i = 0; i < w->n_toc; i++)
        if (!strcmp(w->toc[i].name, name))
            return cairn_fail(err, CAIRN_EUSAGE, "two sections are called %s", name);
    if (w->n_toc == SEGMENT_MAX_SECTIONS)
        return cairn_fail(err, CAIRN_ELIMIT, "%s: more than %d sections", w->tmp_path,
                          SEGMENT_MAX_SECTIONS);
    if (w->n_toc == w->cap_toc) {
        size_t cap = w->cap_toc ? w->cap_toc * 2 : 16;
        toc_entry *toc = checked_realloc(w->toc, cap, sizeof *toc);
        if (!toc)
            return cairn_fail(err, CAIRN_ENOMEM, "table of contents of %s", w->tmp_path);
        w->toc = toc;
        w->cap_toc = cap;
    }
    cairn_status st = align(w, err);
    if (st)
        return st;
    toc_entry *e = &w->toc[w->n_toc++];
    memset(e, 0, sizeof *e);
    memcpy(e->name, name, len);
    e->at = w->at;
    XXH3_64bits_reset(w->hash);
    w->in_section = true;
    return CAIRN_OK;
}

static cairn_status sink_begin(void *ctx, const char *name, cairn_error *err)
{
    segment_writer *w = ctx;
    cairn_error mine = w->failed;
    cairn_status st = mine.code ? mine.code : do_begin(w, name, &mine);
    return keep(w, st, &mine, err);
}

static cairn_status sink_write(void *ctx, const void *data, size_t n, cairn_error *err)
{
    segment_writer *w = ctx;
    cairn_error mine = w->failed;
    cairn_status st = mine.code;

    if (!st && !w->in_section)
        st = cairn_fail(&mine, CAIRN_EUSAGE, "%s: bytes outside of a section", w->tmp_path);
    if (!st && n) {
        XXH3_64bits_update(w->hash, data, n);
        st = put(w, data, n, &mine);
    }
    return keep(w, st, &mine, err);
}

static cairn_status sink_end(void *ctx, cairn_error *err)
{
    segment_writer *w = ctx;
    cairn_error mine = w->failed;
    cairn_status st = mine.code;

    if (!st && !w->in_section)
        st = cairn_fail(&mine, CAIRN_EUSAGE, "%s: end outside of a section", w->tmp_path);
    if (!st) {
        toc_entry *e = &w->toc[w->n_toc - 1];
        e->len = w->at - e->at;
        e->hash = XXH3_64bits_digest(w->hash);
        w->in_section = false;
    }
    return keep(w, st, &mine, err);
}

cairn_status segment_writer_create(segment_writer **out, store *s, segment_kind kind,
                                   cairn_error *err)
{
    *out = NULL;
    if (kind != SEGMENT_LEXICAL && kind != SEGMENT_VECTOR)
        return cairn_fail(err, CAIRN_EUSAGE, "unknown kind of segment %d", (int)kind);
    if (s->head.ops != &local_backend)
        return cairn_fail(err, CAIRN_EUNSUPPORTED, "%s keeps no segments", store_dir(s));
    if (!local_is_writer(s))
        return cairn_fail(err, CAIRN_EUSAGE, "%s is not open for writing", s->dir);
    segment_writer *w = calloc(1, sizeof *w);
    if (!w)
        return cairn_fail(err, CAIRN_ENOMEM, "segment writer");
    w->s = s;
    w->kind = kind;
    w->fd = -1;
    pthread_mutex_lock(&s->mutex);
    w->id = s->next_segment++;
    pthread_mutex_unlock(&s->mutex);
    w->sink = (section_sink){.ctx = w, .begin = sink_begin, .write = sink_write, .end = sink_end};
    w->tmp_path = store_segment_path(s, w->id, "tmp");
    w->path = store_segment_path(s, w->id, "seg");
    w->buffer = malloc(BUFFER_BYTES);
    w->hash = XXH3_createState();
    cairn_status st = CAIRN_OK;
    if (!w->tmp_path || !w->path || !w->buffer || !w->hash)
        st = cairn_fail(err, CAIRN_ENOMEM, "segment writer");
    if (!st) {
        w->fd = open(w->tmp_path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
        if (w->fd < 0)
            st = cairn_fail_errno(err, errno, "create %s", w->tmp_path);
    }
    static const uint8_t blank[SEGMENT_HEADER];
    if (!st)
        st = put(w, blank, sizeof blank, err);
    if (st) {
        segment_writer_abandon(w);
        return st;
    }
    *out = w;
    return CAIRN_OK;
}

const section_sink *segment_writer_sink(segment_writer *w)
{
    return &w->sink;
}

segment_id segment_writer_id(const segment_writer *w)
{
    return w->id;
}

uint64_t segment_writer_bytes(const segment_writer *w)
{
    return w->at;
}

store *segment_writer_store(const segment_writer *w)
{
    return w->s;
}

bool segment_writer_is_finished(const segment_writer *w)
{
    return w->finished;
}

static void writer_free(segment_writer *w)
{
    if (w->fd >= 0)
        close(w->fd);
    if (w->hash)
        XXH3_freeState(w->hash);
    free(w->buffer);
    free(w->toc);
    free(w->tmp_path);
    free(w->path);
    free(w);
}

void segment_writer_abandon(segment_writer *w)
{
    if (!w)
        return;
    if (w->tmp_path && w->fd >= 0)
        unlink(w->tmp_path);
    writer_free(w);
}

/* ---- finishing ---- */

typedef struct row_of_chunk {
    chunk_id chunk;
    uint32_t row;
} row_of_chunk;

static int by_chunk(const void *a, const void *b)
{
    const row_of_chunk *x = a, *y = b;
    return x->chunk < y->chunk ? -1 : x->chunk > y->chunk;
}

static cairn_status section_whole(segment_writer *w, const char *name, const void *data, size_t n,
                                  cairn_error *err)
{
    w->store_section = true;
    cairn_status st = sink_begin(w, name, err);
    w->store_section = false;
    if (!st)
        st = sink_write(w, data, n, err);
    return st ? st : sink_end(w, err);
}

/* rows.order, only where it is needed; also where doubles are found. */
static cairn_status write_order(segment_writer *w, const chunk_id *chunks, uint32_t n,
                                cairn_error *err)
{
    bool rising = true;

    for (uint32_t i = 0; i < n; i++) {
        if (chunks[i] == 0)
            return cairn_fail(err, CAIRN_EUSAGE, "row %" PRIu32 " has no chunk", i);
        if (i && chunks[i] <= chunks[i - 1])
            rising = false;
    }
    if (rising)
        return CAIRN_OK;
    row_of_chunk *pairs = checked_malloc(n, sizeof *pairs);
    uint32_t *order = checked_malloc(n, sizeof *order);
    cairn_status st = CAIRN_OK;
    if (!pairs || !order) {
        st = cairn_fail(err, CAIRN_ENOMEM, "row order of %" PRIu32 " rows", n);
        goto done;
    }
    for (uint32_t i = 0; i < n; i++)
        pairs[i] = (row_of_chunk){chunks[i], i};
    qsort(pairs, n, sizeof *pairs, by_chunk);
    for (uint32_t i = 0; i < n; i++) {
        order[i] = pairs[i].row;
        if (i && pairs[i].chunk == pairs[i - 1].chunk) {
            st = cairn_fail(err, CAIRN_EUSAGE, "chunk %" PRIu64 " has two rows", pairs[i].chunk);
            goto done;
        }
    }
    st = section_whole(w, "rows.order", order, (size_t)n * sizeof *order, err);
done:
    free(pairs);
    free(order);
    return st;
}

static void store_u32(uint8_t *p, uint32_t v)
{
    memcpy(p, &v, sizeof v);
}

static void store_u64(uint8_t *p, uint64_t v)
{
    memcpy(p, &v, sizeof v);
}

static cairn_status write_toc(segment_writer *w, cairn_error *err)
{
    uint8_t trailer[SEGMENT_TRAILER] = {0};
    size_t len = w->n_toc * SEGMENT_TOC_ENTRY;
    uint8_t *toc = calloc(len ? len : 1, 1);

    if (!toc)
        return cairn_fail(err, CAIRN_ENOMEM, "table of contents of %s", w->tmp_path);
    for (size_t i = 0; i < w->n_toc; i++) {
        uint8_t *p = toc + i * SEGMENT_TOC_ENTRY;
        memcpy(p, w->toc[i].name, sizeof w->toc[i].name);
        store_u64(p + 16, w->toc[i].at);
        store_u64(p + 24, w->toc[i].len);
        store_u64(p + 32, w->toc[i].hash);
    }
    cairn_status st = align(w, err);
    uint64_t toc_at = w->at;
    if (!st)
        st = put(w, toc, len, err);
    if (!st)
        st = align(w, err);
    memcpy(trailer, SEGMENT_TOC_MAGIC, 8);
    store_u64(trailer + 8, toc_at);
    store_u64(trailer + 16, len);
    store_u32(trailer + 24, (uint32_t)w->n_toc);
    store_u64(trailer + 32, XXH3_64bits(toc, len));
    store_u64(trailer + 40, w->at + SEGMENT_TRAILER);
    w->rec.file_hash = XXH3_64bits(trailer, SEGMENT_TRAILER - 8);
    store_u64(trailer + SEGMENT_TRAILER - 8, w->rec.file_hash);
    if (!st)
        st = put(w, trailer, sizeof trailer, err);
    free(toc);
    return st ? st : flush(w, err);
}

static cairn_status write_header(segment_writer *w, uint32_t n_rows, cairn_error *err)
{
    uint8_t h[SEGMENT_HEADER] = {0};

    memcpy(h, SEGMENT_MAGIC, 8);
    store_u32(h + 8, SEGMENT_FORMAT_VERSION);
    store_u32(h + 12, (uint32_t)w->kind);
    store_u64(h + 16, w->id);
    store_u32(h + 24, n_rows);
    store_u64(h + SEGMENT_HEADER - 8, XXH3_64bits(h, SEGMENT_HEADER - 8));
    if (lseek(w->fd, 0, SEEK_SET) != 0)
        return cairn_fail_errno(err, errno, "seek %s", w->tmp_path);
    cairn_status st = write_all(w, h, sizeof h, err);
    if (!st && fsync(w->fd))
        st = cairn_fail_errno(err, errno, "sync %s", w->tmp_path);
    return st;
}

cairn_status segment_writer_finish(segment_writer *w, const chunk_id *row_chunks,
                                   const doc_id *row_docs, uint32_t n_rows, cairn_error *err)
{
    cairn_error mine = w->failed;
    cairn_status st = mine.code;

    if (!st && (w->finished || w->in_section))
        st = cairn_fail(&mine, CAIRN_EUSAGE, "%s: finished at the wrong time", w->tmp_path);
    if (!st)
        st = section_whole(w, "rows.chunks", row_chunks, (size_t)n_rows * 8, &mine);
    if (!st)
        st = section_whole(w, "rows.docs", row_docs, (size_t)n_rows * 8, &mine);
    if (!st)
        st = write_order(w, row_chunks, n_rows, &mine);
    if (!st)
        st = write_toc(w, &mine);
    if (!st)
        st = write_header(w, n_rows, &mine);
    if (st)
        return keep(w, st, &mine, err);
    w->rec.kind = w->kind;
    w->rec.n_rows = n_rows;
    w->rec.n_deleted = 0;
    w->rec.file_bytes = w->at;
    w->finished = true;
    free(w->buffer);
    w->buffer = NULL;
    return CAIRN_OK;
}

cairn_status segment_writer_place(segment_writer *w, record_segment *rec, char **path,
                                  cairn_error *err)
{
    *path = NULL;
    if (rename(w->tmp_path, w->path)) {
        cairn_status st = cairn_fail_errno(err, errno, "rename %s", w->tmp_path);
        segment_writer_abandon(w);
        return st;
    }
    *rec = w->rec;
    *path = w->path;
    w->path = NULL;
    writer_free(w);
    return CAIRN_OK;
}
