/* segment_read.c - opening, testing and searching a mapped segment file. The format is drawn in
 * segment_write.c.
 *
 * Opening reads header, trailer and table of contents and tests all of it: magic, version,
 * checksums, that every section lies inside the file, is aligned and overlaps no other. After that
 * a section's bytes may be handed out; only their content is still unproven, which the flags below
 * keep per section. Two threads that test the same section at once come to the same verdict, so
 * the flags need no lock. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include "base/checked.h"
#include "base/cursor.h"
#include "store/room.h"

enum { UNTESTED = 0, GOOD = 1, DAMAGED = 2 };

typedef struct section {
    char name[SECTION_NAME_MAX + 1];
    uint64_t at, len, hash;
    _Atomic int verdict;
} section;

struct segment_file {
    _Atomic unsigned refs;
    char *path;
    segment_id id;
    segment_kind kind;
    uint32_t n_rows;
    const uint8_t *base;
    size_t len;
    size_t verify_bytes;
    uint64_t trailer_hash;
    uint64_t toc_at;
    section *sections;
    size_t n_sections;
    const uint8_t *row_chunks, *row_docs; /* 8 bytes a row */
    const uint8_t *row_order;             /* 4 bytes a row, or NULL: chunks rise with the rows */
};

static cairn_status bad(const segment_file *f, const char *what, cairn_error *err)
{
    return cairn_fail(err, CAIRN_ECORRUPT, "%s: %s", f->path, what);
}

static void file_free(segment_file *f)
{
    if (!f)
        return;
    if (f->base)
        munmap((void *)f->base, f->len);
    free(f->sections);
    free(f->path);
    free(f);
}

static cairn_status map_whole(segment_file *f, cairn_error *err)
{
    struct stat sb;
    cairn_status st = CAIRN_OK;
    int fd = open(f->path, O_RDONLY | O_CLOEXEC);

    if (fd < 0 && errno == ENOENT)
        return cairn_fail(err, CAIRN_ENOTFOUND, "%s is missing", f->path);
    if (fd < 0)
        return cairn_fail_errno(err, errno, "open %s", f->path);
    if (fstat(fd, &sb)) {
        st = cairn_fail_errno(err, errno, "stat %s", f->path);
    } else if (!S_ISREG(sb.st_mode) || sb.st_size < SEGMENT_HEADER + SEGMENT_TRAILER) {
        st = bad(f, "too short for a segment file", err);
    } else {
        f->len = (size_t)sb.st_size;
        void *p = mmap(NULL, f->len, PROT_READ, MAP_SHARED, fd, 0);
        if (p == MAP_FAILED)
            st = cairn_fail_errno(err, errno, "map %s", f->path);
        else
            f->base = p;
    }
    close(fd);
    return st;
}

static cairn_status read_header(segment_file *f, cairn_error *err)
{
    cursor c;
    cursor_init(&c, f->base, SEGMENT_HEADER);
    const uint8_t *magic = cursor_take(&c, 8);
    uint32_t version = cursor_u32(&c);
    uint32_t kind = cursor_u32(&c);
    segment_id id = cursor_u64(&c);
    f->n_rows = cursor_u32(&c);
    cursor_seek(&c, SEGMENT_HEADER - 8);
    uint64_t hash = cursor_u64(&c);

    if (memcmp(magic, SEGMENT_MAGIC, 8))
        return bad(f, "not a segment file (its magic is wrong)", err);
    if (hash != XXH3_64bits(f->base, SEGMENT_HEADER - 8))
        return bad(f, "its header is damaged", err);
    if (version != SEGMENT_FORMAT_VERSION)
        return cairn_fail(err, CAIRN_EUNSUPPORTED,
                          "%s: segment format %" PRIu32 "; this program reads %d; cairn check "
                          "--repair makes the segment anew from the store",
                          f->path, version, SEGMENT_FORMAT_VERSION);
    if (kind != SEGMENT_LEXICAL && kind != SEGMENT_VECTOR)
        return bad(f, "a segment of an unknown kind", err);
    f->kind = (segment_kind)kind;
    if (id != f->id)
        return bad(f, "it holds another segment than its name says", err);
    return CAIRN_OK;
}

/* Table of contents: named, aligned, inside the file, in order, without overlap. */
static cairn_status read_toc(segment_file *f, cairn_error *err)
{
    cursor c;
    const size_t trailer = f->len - SEGMENT_TRAILER;
    cursor_init(&c, f->base + trailer, SEGMENT_TRAILER);
    const uint8_t *magic = cursor_take(&c, 8);
    uint64_t toc_at = cursor_u64(&c), toc_len = cursor_u64(&c);
    uint32_t n = cursor_u32(&c);
    cursor_skip(&c, 4);
    uint64_t toc_hash = cursor_u64(&c), file_len = cursor_u64(&c);
    cursor_seek(&c, SEGMENT_TRAILER - 8);
    uint64_t hash = cursor_u64(&c);

    if (memcmp(magic, SEGMENT_TOC_MAGIC, 8) ||
        hash != XXH3_64bits(f->base + trailer, SEGMENT_TRAILER - 8))
        return bad(f, "its trailer is damaged, or the file was cut short", err);
    f->trailer_hash = hash;
    if (file_len != f->len || n > SEGMENT_MAX_SECTIONS || toc_at < SEGMENT_HEADER ||
        toc_at > trailer || toc_len != (uint64_t)n * SEGMENT_TOC_ENTRY ||
        toc_len > trailer - toc_at)
        return bad(f, "its trailer makes no sense", err);
    if (toc_hash != XXH3_64bits(f->base + toc_at, toc_len))
        return bad(f, "its table of contents is damaged", err);
    f->sections = calloc(n ? n : 1, sizeof *f->sections);
    if (!f->sections)
        return cairn_fail(err, CAIRN_ENOMEM, "sections of %s", f->path);
    f->n_sections = n;
    f->toc_at = toc_at;
    cursor_init(&c, f->base + toc_at, toc_len);
    uint64_t end = SEGMENT_HEADER;
    for (size_t i = 0; i < n; i++) {
        section *s = &f->sections[i];
        memcpy(s->name, cursor_take(&c, sizeof s->name), sizeof s->name);
        s->at = cursor_u64(&c);
        s->len = cursor_u64(&c);
        s->hash = cursor_u64(&c);
        cursor_skip(&c, 8);
        if (s->name[sizeof s->name - 1] || !s->name[0] || s->at % SEGMENT_ALIGN || s->at < end ||
            s->at > toc_at || s->len > toc_at - s->at)
            return bad(f, "its table of contents makes no sense", err);
        end = s->at + s->len;
    }
    return CAIRN_OK;
}

static cairn_status read_rows(segment_file *f, cairn_error *err)
{
    size_t len;
    cairn_status st = segment_find(f, "rows.chunks", &f->row_chunks, &len, err);

    if (!st && len != (size_t)f->n_rows * 8)
        st = bad(f, "section rows.chunks has a wrong length", err);
    if (!st)
        st = segment_find(f, "rows.docs", &f->row_docs, &len, err);
    if (!st && len != (size_t)f->n_rows * 8)
        st = bad(f, "section rows.docs has a wrong length", err);
    if (st)
        return st == CAIRN_ENOTFOUND ? bad(f, "its row tables are missing", err) : st;
    st = segment_find(f, "rows.order", &f->row_order, &len, err);
    if (st == CAIRN_ENOTFOUND) {
        f->row_order = NULL;
        return CAIRN_OK;
    }
    if (!st && len != (size_t)f->n_rows * 4)
        st = bad(f, "section rows.order has a wrong length", err);
    return st;
}

/* What the header of the file behind a record says. */
static segment_kind file_kind(const record_segment *rec)
{
    return rec->kind == SEGMENT_ASIDE ? SEGMENT_VECTOR : rec->kind;
}

cairn_status segment_file_open(segment_file **out, const char *path, segment_id id,
                               const record_segment *expect, size_t verify_bytes, cairn_error *err)
{
    segment_file *f = calloc(1, sizeof *f);

    *out = NULL;
    if (!f)
        return cairn_fail(err, CAIRN_ENOMEM, "handle of %s", path);
    f->refs = 1;
    f->id = id;
    f->verify_bytes = verify_bytes;
    f->path = strdup(path);
    cairn_status st = f->path ? CAIRN_OK : cairn_fail(err, CAIRN_ENOMEM, "handle of %s", path);
    if (!st)
        st = map_whole(f, err);
    if (!st)
        st = read_header(f, err);
    if (!st)
        st = read_toc(f, err);
    if (!st && expect &&
        (expect->file_bytes != f->len || expect->file_hash != f->trailer_hash ||
         file_kind(expect) != f->kind || expect->n_rows != f->n_rows))
        st = bad(f, "it is not the file that was committed (size or checksum differ)", err);
    if (!st)
        st = read_rows(f, err);
    if (st) {
        file_free(f);
        return st;
    }
    *out = f;
    return CAIRN_OK;
}

segment_id segment_file_id(const segment_file *f)
{
    return f->id;
}

segment_kind segment_file_kind(const segment_file *f)
{
    return f->kind;
}

uint32_t segment_file_rows(const segment_file *f)
{
    return f->n_rows;
}

uint64_t segment_file_bytes(const segment_file *f)
{
    return f->len;
}

const uint8_t *segment_file_base(const segment_file *f)
{
    return f->base;
}

const char *segment_file_path(const segment_file *f)
{
    return f->path;
}

segment_file *segment_retain(const segment_file *f)
{
    segment_file *mine = (segment_file *)f;
    atomic_fetch_add(&mine->refs, 1);
    return mine;
}

void segment_release(segment_file *f)
{
    if (f && atomic_fetch_sub(&f->refs, 1) == 1)
        file_free(f);
}

static cairn_status section_test(const segment_file *f, section *s, cairn_error *err)
{
    if (s->verdict == UNTESTED)
        s->verdict = s->hash == XXH3_64bits(f->base + s->at, s->len) ? GOOD : DAMAGED;
    if (s->verdict == DAMAGED)
        return cairn_fail(err, CAIRN_ECORRUPT, "%s: section %s is damaged (its checksum is wrong)",
                          f->path, s->name);
    return CAIRN_OK;
}

cairn_status segment_find(const segment_file *f, const char *name, const uint8_t **data,
                          size_t *len, cairn_error *err)
{
    for (size_t i = 0; i < f->n_sections; i++) {
        section *s = &f->sections[i];
        if (strcmp(s->name, name))
            continue;
        if (s->len <= f->verify_bytes || s->verdict == DAMAGED) {
            cairn_status st = section_test(f, s, err);
            if (st)
                return st;
        }
        *data = f->base + s->at;
        *len = (size_t)s->len;
        return CAIRN_OK;
    }
    return cairn_fail(err, CAIRN_ENOTFOUND, "%s: no section %s", f->path, name);
}

static bool source_find(void *ctx, const char *name, const uint8_t **data, size_t *len)
{
    return segment_find(ctx, name, data, len, NULL) == CAIRN_OK;
}

section_source segment_source(const segment_file *f)
{
    section_source s = {.ctx = (void *)f, .find = source_find};
    return s;
}

const char *segment_damage(const segment_file *f)
{
    for (size_t i = 0; i < f->n_sections; i++)
        if (f->sections[i].verdict == DAMAGED)
            return f->sections[i].name;
    return NULL;
}

/* What lies between header, sections, table of contents and trailer is 0. */
static cairn_status verify_padding(const segment_file *f, cairn_error *err)
{
    uint64_t at = SEGMENT_HEADER;

    /* Before each section, before the table of contents, before the trailer. */
    for (size_t i = 0; i < f->n_sections + 2; i++) {
        uint64_t to = i < f->n_sections    ? f->sections[i].at
                      : i == f->n_sections ? f->toc_at
                                           : f->len - SEGMENT_TRAILER;
        for (; at < to; at++)
            if (f->base[at])
                return cairn_fail(err, CAIRN_ECORRUPT,
                                  "%s: byte %" PRIu64 " between two sections is not 0", f->path,
                                  at);
        at = i < f->n_sections ? to + f->sections[i].len : to + f->n_sections * SEGMENT_TOC_ENTRY;
    }
    return CAIRN_OK;
}

cairn_status segment_verify(const segment_file *f, cairn_error *err)
{
    for (size_t i = 0; i < f->n_sections; i++) {
        cairn_status st = section_test(f, &f->sections[i], err);
        if (st)
            return st;
    }
    return verify_padding(f, err);
}

size_t segment_section_count(const segment_file *f)
{
    return f->n_sections;
}

const char *segment_section_name(const segment_file *f, size_t i, uint64_t *len)
{
    if (len)
        *len = f->sections[i].len;
    return f->sections[i].name;
}

static uint64_t row_u64(const uint8_t *table, uint32_t row)
{
    uint64_t v;
    memcpy(&v, table + (size_t)row * 8, sizeof v);
    return v;
}

chunk_id segment_row_chunk(const segment_file *f, uint32_t row)
{
    return row < f->n_rows ? row_u64(f->row_chunks, row) : 0;
}

doc_id segment_row_doc(const segment_file *f, uint32_t row)
{
    return row < f->n_rows ? row_u64(f->row_docs, row) : 0;
}

/* The i-th row in order of chunk ids; a damaged order table gives some row, never a bad one. */
static uint32_t ordered_row(const segment_file *f, uint32_t i)
{
    uint32_t row = i;
    if (f->row_order)
        memcpy(&row, f->row_order + (size_t)i * 4, sizeof row);
    return row < f->n_rows ? row : 0;
}

bool segment_chunk_row(const segment_file *f, chunk_id chunk, uint32_t *row)
{
    uint32_t lo = 0, hi = f->n_rows;

    while (lo < hi) {
        uint32_t mid = lo + (hi - lo) / 2;
        uint32_t r = ordered_row(f, mid);
        chunk_id id = row_u64(f->row_chunks, r);
        if (id == chunk) {
            *row = r;
            return true;
        }
        if (id < chunk)
            lo = mid + 1;
        else
            hi = mid;
    }
    return false;
}
