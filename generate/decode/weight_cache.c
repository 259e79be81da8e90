/* weight_cache.c - see weight_cache.h.
 *
 * Cache file, version 1, little-endian. One file a model path, named by a checksum of the path.
 *
 *   at   size  field
 *   0    8     "CAIRNWTS"
 *   8    4     version: WEIGHT_CACHE_VERSION << 16 | STRIP_LAYOUT_VERSION
 *   12   4     bytes of the model file's path
 *   16   8     bytes of the model file
 *   24   8     its time of change, ns
 *   32   8     XXH3 of the model file up to its first tensor
 *   40   8     matrices n
 *   48   8     pieces p
 *   56   8     where the data begin, a multiple of 4096
 *   64   8     bytes of this file
 *   72         the path, padded with zeros to a multiple of 8
 *   ..   48 n  matrices: XXH3 of the tensor's name, its type, columns, rows, where its packed bytes
 *              stand, how many (8 bytes each)
 *   ..   8 p   XXH3 of each piece: strips of a matrix that fill about PIECE_BYTES
 *   ..   8     XXH3 of all bytes before
 *
 * A reader does not parse this: it knows what the front up to the checksums of the pieces must be,
 * since that follows from the model alone, and compares. Only the sweep reads a foreign file's path
 * (checked by cursor). To change the layout of strips: raise STRIP_LAYOUT_VERSION; old files are
 * then replaced. */
#include "generate/decode/weight_cache.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>
#include <xxhash.h>

#include "base/bytes.h"
#include "base/checked.h"
#include "base/cursor.h"
#include "base/log.h"
#include "generate/decode/cache_folder.h"
#include "generate/kernels/layout.h"

#define MAGIC                "CAIRNWTS"
#define WEIGHT_CACHE_VERSION 1u
#define FILE_VERSION         (WEIGHT_CACHE_VERSION << 16 | STRIP_LAYOUT_VERSION)
#define PATH_AT              72
#define PIECE_BYTES          ((size_t)1 << 20)
#define MAX_FRONT            ((size_t)64 << 20)
#define SUFFIX               ".weights"

/* Strips of one matrix that are packed, checked and written together. */
typedef struct piece {
    size_t matrix, first, n; /* strips */
    uint64_t at;             /* in the file */
    size_t bytes;
} piece;

typedef struct plan {
    const planned_matrix *list;
    size_t n;
    piece *pieces;
    size_t n_pieces;
    uint64_t *at; /* [n] where a matrix stands in the file */
    bytes front;  /* up to the checksums of the pieces */
    size_t data_at, file_bytes;
} plan;

struct weight_cache {
    void *mapping;
    size_t bytes;
    bool was_there;
    char path[PATH_MAX], temporary[PATH_MAX], folder[PATH_MAX];
    uint64_t budget;
    /* Of a file that is being written: */
    bool writing, failed;
    plan p;
    int fd;
    size_t next_piece; /* pieces before it are in the file */
    uint64_t *sums;    /* [pieces] */
    uint8_t *scratch;  /* the largest piece */
};

/* ---- what the file must be ---- */

static bool plan_pieces(plan *p)
{
    uint64_t at = p->data_at;

    p->n_pieces = 0;
    for (size_t i = 0; i < p->n; i++) {
        const matrix *m = p->list[i].m;
        size_t step = PIECE_BYTES / m->strip_bytes;
        if (step < 1)
            step = 1;
        for (size_t s = 0; s < m->strips; s += step) {
            size_t n = m->strips - s < step ? m->strips - s : step;
            if (p->pieces)
                p->pieces[p->n_pieces] = (piece){i, s, n, at + (uint64_t)s * m->strip_bytes,
                                                 n * m->strip_bytes};
            p->n_pieces++;
        }
        if (p->at)
            p->at[i] = at;
        /* Vectors are loaded aligned, so every matrix begins at a multiple of 64. */
        if (__builtin_add_overflow(at, (m->bytes + 63) & ~(uint64_t)63, &at))
            return false;
    }
    p->file_bytes = at;
    return at < INT64_MAX;
}

static cairn_status put_front(plan *p, const gguf *g, const char *path, const struct stat *model)
{
    size_t len;
    const uint8_t *front = gguf_front(g, &len);
    size_t path_len = strlen(path);
    cairn_status st = bytes_append(&p->front, MAGIC, 8);

    st = st ? st : bytes_append_u32(&p->front, FILE_VERSION);
    st = st ? st : bytes_append_u32(&p->front, (uint32_t)path_len);
    const uint64_t fields[] = {(uint64_t)model->st_size,
                               (uint64_t)model->st_mtim.tv_sec * 1000000000u +
                                   (uint64_t)model->st_mtim.tv_nsec,
                               XXH3_64bits(front, len),
                               p->n,
                               p->n_pieces,
                               p->data_at,
                               p->file_bytes};
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
        st = st ? st : bytes_append_u64(&p->front, fields[i]);
    st = st ? st : bytes_append(&p->front, path, path_len);
    st = st ? st : bytes_append_zeros(&p->front, -path_len & 7);
    for (size_t i = 0; i < p->n; i++) {
        const matrix *m = p->list[i].m;
        const char *name = p->list[i].t.name;
        const uint64_t record[] = {XXH3_64bits(name, strlen(name)), m->type, m->cols, m->rows,
                                   p->at[i], m->bytes};
        for (size_t j = 0; j < sizeof record / sizeof *record; j++)
            st = st ? st : bytes_append_u64(&p->front, record[j]);
    }
    return st;
}

static bool make_plan(plan *p, const planned_matrix *list, size_t n, const gguf *g,
                      const char *path, const struct stat *model)
{
    size_t front = PATH_AT + ((strlen(path) + 7) & ~(size_t)7) + 48 * n;

    *p = (plan){.list = list, .n = n};
    bytes_init(&p->front, MAX_FRONT);
    if (!plan_pieces(p)) /* counts them */
        return false;
    p->data_at = (front + 8 * p->n_pieces + 8 + 4095) & ~(size_t)4095;
    p->pieces = checked_malloc(p->n_pieces, sizeof *p->pieces);
    p->at = checked_malloc(n, sizeof *p->at);
    return p->pieces && p->at && p->data_at <= MAX_FRONT && plan_pieces(p) &&
           !put_front(p, g, path, model) && p->front.len == front;
}

static void clear_plan(plan *p)
{
    free(p->pieces);
    free(p->at);
    bytes_clear(&p->front);
}

/* ---- reading ---- */

typedef struct checking {
    const uint8_t *data;
    const plan *p;
    const uint8_t *sums;
    atomic_bool bad;
} checking;

static void check_piece(void *ctx, size_t task, size_t worker)
{
    checking *c = ctx;
    const piece *x = &c->p->pieces[task];
    uint64_t want;

    (void)worker;
    memcpy(&want, c->sums + 8 * task, sizeof want);
    if (XXH3_64bits(c->data + x->at, x->bytes) != want)
        atomic_store_explicit(&c->bad, true, memory_order_relaxed);
}

/* Map a file of the right size; NULL otherwise. */
static uint8_t *map_whole(int fd, size_t len)
{
    struct stat sb;
    void *m;

    if (fstat(fd, &sb) || !S_ISREG(sb.st_mode) || (uint64_t)sb.st_size != len)
        return NULL;
    m = mmap(NULL, len, PROT_READ, MAP_SHARED, fd, 0);
    if (m == MAP_FAILED)
        return NULL;
    madvise(m, len, MADV_HUGEPAGE); /* where the file system has large pages */
    return m;
}

static bool load(weight_cache *c, pool *workers)
{
    const plan *p = &c->p;
    const size_t sums = p->front.len, end = sums + 8 * p->n_pieces;
    int fd = open(c->path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    checking check = {.p = p};
    uint8_t *m = NULL;
    uint64_t want;
    bool good = false;

    if (fd < 0)
        return false;
    if (cache_file_is_ours(fd))
        m = map_whole(fd, p->file_bytes);
    if (m) {
        memcpy(&want, m + end, sizeof want);
        if (!memcmp(m, p->front.data, p->front.len) && XXH3_64bits(m, end) == want) {
            check.data = m;
            check.sums = m + sums;
            pool_run(workers, p->n_pieces, check_piece, &check);
            good = !atomic_load(&check.bad);
        }
    }
    if (good) {
        cache_file_touch(fd);
        c->mapping = m;
        c->bytes = p->file_bytes;
        c->was_there = true;
    } else {
        log_write(LOG_LEVEL_INFO, "generate", "%s is stale or damaged: it is made again", c->path);
        if (m)
            munmap(m, p->file_bytes);
    }
    close(fd);
    return good;
}

/* ---- writing ---- */

static bool has_room(const char *folder, size_t bytes)
{
    struct statvfs v;

    return !statvfs(folder, &v) && v.f_bavail * (uint64_t)v.f_frsize / 2 > bytes;
}

/* ---- what is stale or too much ---- */

/* The model that the cache file was made from is gone, or the file is none of ours. */
static bool is_stale(int folder, const char *name)
{
    uint8_t front[PATH_AT + PATH_MAX];
    char path[PATH_MAX];
    int fd = openat(folder, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    ssize_t n = fd < 0 ? -1 : pread(fd, front, sizeof front, 0);
    const uint8_t *text;
    uint32_t version, len;
    cursor c;

    if (fd >= 0)
        close(fd);
    if (n < 0)
        return false;
    cursor_init(&c, front, (size_t)n);
    text = cursor_take(&c, 8);
    version = cursor_u32(&c);
    len = cursor_u32(&c);
    if (c.failed || memcmp(text, MAGIC, 8) || version != FILE_VERSION)
        return true;
    cursor_seek(&c, PATH_AT);
    text = cursor_take(&c, len);
    if (!text || len >= sizeof path)
        return true;
    memcpy(path, text, len);
    path[len] = '\0';
    return access(path, F_OK) && errno == ENOENT;
}

/* Ready to take matrices: the file in its full length, mapped, and what putting needs. */
static bool begin(weight_cache *c)
{
    size_t largest = 0;

    if (c->p.file_bytes > c->budget || !has_room(c->folder, c->p.file_bytes))
        return false;
    for (size_t i = 0; i < c->p.n_pieces; i++)
        if (c->p.pieces[i].bytes > largest)
            largest = c->p.pieces[i].bytes;
    c->scratch = checked_aligned((largest + 63) & ~(size_t)63, 1);
    c->sums = checked_malloc(c->p.n_pieces, sizeof *c->sums);
    if (!c->scratch || !c->sums)
        return false;
    c->fd = cache_open_temporary(c->temporary);
    if (c->fd < 0)
        return false;
    if (ftruncate(c->fd, (off_t)c->p.file_bytes) ||
        !(c->mapping = map_whole(c->fd, c->p.file_bytes))) {
        unlink(c->temporary);
        close(c->fd);
        return false;
    }
    c->bytes = c->p.file_bytes;
    c->writing = true;
    return true;
}

bool weight_cache_put(weight_cache *c, size_t i)
{
    const planned_matrix *m = &c->p.list[i];

    for (; !c->failed && c->next_piece < c->p.n_pieces; c->next_piece++) {
        const piece *x = &c->p.pieces[c->next_piece];
        if (x->matrix != i)
            break;
        matrix_pack(m->m, &m->t, x->first, x->n, c->scratch, NULL);
        c->sums[c->next_piece] = XXH3_64bits(c->scratch, x->bytes);
        c->failed = !cache_write_all(c->fd, c->scratch, x->bytes, x->at);
        matrix_forget(&m->t, x->first, x->n);
    }
    if (!c->failed)
        m->m->data = (const uint8_t *)c->mapping + c->p.at[i];
    return !c->failed;
}

/* The front, with the checksums. */
static bool write_front(weight_cache *c)
{
    plan *p = &c->p;
    size_t end = p->front.len + 8 * p->n_pieces;

    return !bytes_append(&p->front, c->sums, 8 * p->n_pieces) &&
           !bytes_append_u64(&p->front, XXH3_64bits(p->front.data, end)) &&
           cache_write_all(c->fd, (const uint8_t *)p->front.data, p->front.len, 0);
}

void weight_cache_publish(weight_cache *c)
{
    bool whole = !c->failed && c->next_piece == c->p.n_pieces && write_front(c);

    c->writing = false;
    if (!whole) {
        log_write(LOG_LEVEL_WARN, "generate", "%s could not be kept", c->path);
        unlink(c->temporary);
        close(c->fd);
    } else if (cache_publish(c->fd, c->folder, c->temporary, c->path)) {
        cache_folder_sweep(c->folder, SUFFIX, c->budget, c->path + strlen(c->folder) + 1, is_stale);
    } else {
        log_write(LOG_LEVEL_WARN, "generate", "%s could not be kept: %s", c->path, strerror(errno));
    }
}

/* ---- the way in ---- */

static bool name_files(weight_cache *c, const char *folder, const char *model)
{
    XXH128_hash_t h = XXH3_128bits(model, strlen(model));
    int n = snprintf(c->folder, sizeof c->folder, "%s", folder);
    int m = snprintf(c->path, sizeof c->path, "%s/%016llx%016llx" SUFFIX, folder,
                     (unsigned long long)h.high64, (unsigned long long)h.low64);
    int t = snprintf(c->temporary, sizeof c->temporary, "%s" CACHE_TEMPORARY, c->path);

    return n > 0 && (size_t)n < sizeof c->folder && (size_t)m < sizeof c->path &&
           (size_t)t < sizeof c->temporary && cache_folder_make(folder);
}

bool weight_cache_open(weight_cache **out, const weight_cache_options *o, const gguf *g,
                       const planned_matrix *list, size_t n, pool *p)
{
    char model[PATH_MAX];
    struct stat sb;
    weight_cache *c;

    *out = NULL;
    if (!o || !o->folder || !o->budget_bytes || !realpath(gguf_path(g), model) || stat(model, &sb))
        return false;
    c = calloc(1, sizeof *c);
    if (!c)
        return false;
    c->budget = o->budget_bytes;
    if (!name_files(c, o->folder, model) || !make_plan(&c->p, list, n, g, model, &sb) ||
        !(load(c, p) || begin(c))) {
        weight_cache_close(c);
        return false;
    }
    for (size_t i = 0; c->was_there && i < n; i++)
        list[i].m->data = (const uint8_t *)c->mapping + c->p.at[i];
    *out = c;
    return true;
}

bool weight_cache_was_there(const weight_cache *c)
{
    return c->was_there;
}

void weight_cache_close(weight_cache *c)
{
    if (!c)
        return;
    if (c->writing)
        weight_cache_publish(c);
    if (c->mapping)
        munmap(c->mapping, c->bytes);
    clear_plan(&c->p);
    free(c->sums);
    free(c->scratch);
    free(c);
}
