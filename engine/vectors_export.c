/* vectors_export.c - cairn_export_vectors: the live vectors of a collection into a file of
 * another's format.
 *
 * Rows go out in the order of their passages' numbers, which is the order in which they came,
 * however often segments were merged since. Both files are written beside their places under
 * another name, synced and renamed, the ids first: a file of vectors never stands there without its
 * ids. */
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/checked.h"
#include "base/clock.h"
#include "engine/search.h"
#include "engine/vectors.h"
#include "engine/view.h"
#include "index/vector/faiss_module.h"

#define BLOCK_ROWS  1024u
#define ROW_MEMORY  ((size_t)256 << 20)
#define SAMPLE_ROWS 65536u /* that FAISS learns from */

typedef struct exported_row {
    chunk_id chunk;
    uint32_t segment, row;
} exported_row;

/* A file that takes its place when it is whole. */
typedef struct new_file {
    char *path, *temporary;
    FILE *f;
} new_file;

typedef struct exporting {
    cairn *c;
    const cairn_export_vectors_options *o;
    view v;
    exported_row *rows;
    size_t n;
    uint32_t dim;
    bool own;
    int64_t start_ns, told_ns;
    new_file vectors, ids;
    float *block; /* of a collection elsewhere: rows from block_at on, as they were fetched */
    size_t block_at, block_n;
} exporting;

/* ---- files ---- */

static cairn_status new_file_open(new_file *n, const char *path, const char *suffix,
                                  cairn_error *err)
{
    if (asprintf(&n->path, "%s%s", path, suffix) < 0)
        n->path = NULL;
    if (!n->path || asprintf(&n->temporary, "%s.%ld.tmp", n->path, (long)getpid()) < 0) {
        n->temporary = NULL;
        return cairn_fail(err, CAIRN_ENOMEM, "file %s", path);
    }
    n->f = fopen(n->temporary, "wbe");
    if (!n->f) {
        int why = errno;
        free(n->temporary);
        n->temporary = NULL;
        return cairn_fail_errno(err, why, "write %s", n->path);
    }
    return CAIRN_OK;
}

static cairn_status write_failed(const new_file *n, cairn_error *err)
{
    return cairn_fail_errno(err, errno, "write %s", n->path);
}

/* All bytes on the disk. */
static cairn_status new_file_finish(new_file *n, cairn_error *err)
{
    FILE *f = n->f;

    if (!f)
        return CAIRN_OK;
    if (fflush(f) || fsync(fileno(f)))
        return write_failed(n, err);
    n->f = NULL;
    return fclose(f) ? write_failed(n, err) : CAIRN_OK;
}

static cairn_status new_file_publish(new_file *n, cairn_error *err)
{
    if (!n->temporary)
        return CAIRN_OK;
    if (rename(n->temporary, n->path))
        return write_failed(n, err);
    free(n->temporary);
    n->temporary = NULL;
    return CAIRN_OK;
}

static void new_file_clear(new_file *n)
{
    if (n->f)
        fclose(n->f);
    if (n->temporary)
        unlink(n->temporary);
    free(n->temporary);
    free(n->path);
}

/* ---- rows ---- */

static int by_chunk(const void *pa, const void *pb)
{
    const exported_row *a = pa, *b = pb;

    return (a->chunk > b->chunk) - (a->chunk < b->chunk);
}

static cairn_status no_vectors(const exporting *x, cairn_error *err)
{
    return cairn_fail(err, CAIRN_ENOTFOUND, "collection %s holds no vectors", x->c->collection);
}

/* All passages but those that wait for a vector; both come by rising number. */
static cairn_status list_elsewhere(exporting *x, cairn_error *err)
{
    chunk_id ids[BLOCK_ROWS], waiting[BLOCK_ROWS], after = 0, passed = 0;
    size_t n, n_waiting = 0, at = 0, cap = 0;
    cairn_status st = store_pending_next(x->v.snapshot, 0, waiting, BLOCK_ROWS, &n_waiting, err);

    x->dim = engine_dim(&x->v);
    if (!st && !x->dim)
        return no_vectors(x, err);
    while (!st && !(st = store_chunk_next(x->v.snapshot, after, ids, BLOCK_ROWS, &n, err)) && n) {
        if (x->n + n > cap) {
            exported_row *more = checked_realloc(x->rows, cap = 2 * cap + BLOCK_ROWS, sizeof *more);
            if (!more)
                return cairn_fail(err, CAIRN_ENOMEM, "list of %zu vectors", cap);
            x->rows = more;
        }
        for (size_t i = 0; i < n && !st; i++) {
            while (!st && n_waiting && waiting[at] < ids[i]) {
                passed = waiting[at];
                if (++at == n_waiting) {
                    st = store_pending_next(x->v.snapshot, passed, waiting, BLOCK_ROWS, &n_waiting, err);
                    at = 0;
                }
            }
            if (!st && !(n_waiting && waiting[at] == ids[i]))
                x->rows[x->n++] = (exported_row){.chunk = ids[i]};
        }
        after = ids[n - 1];
    }
    return st || x->n ? st : no_vectors(x, err);
}

static cairn_status list_rows(exporting *x, cairn_error *err)
{
    size_t total = 0;

    if (x->v.index)
        return list_elsewhere(x, err);

    for (size_t i = 0; i < x->v.n_vector; i++)
        total += x->v.vector_of[i]->n_rows - x->v.vector_of[i]->n_deleted;
    if (!total)
        return no_vectors(x, err);
    x->dim = vector_reader_dim(x->v.vector[0].reader);
    x->rows = checked_malloc(total, sizeof *x->rows);
    if (!x->rows)
        return cairn_fail(err, CAIRN_ENOMEM, "list of %zu vectors", total);
    for (uint32_t i = 0; i < x->v.n_vector; i++) {
        const store_segment *s = x->v.vector_of[i];
        if (vector_reader_dim(x->v.vector[i].reader) != x->dim)
            return cairn_fail(err, CAIRN_ECORRUPT, "segments of different dimensions; cairn check");
        for (uint32_t row = 0; row < s->n_rows && x->n < total; row++)
            if (!s->deleted || !row_set_has(s->deleted, row))
                x->rows[x->n++] = (exported_row){segment_row_chunk(s->file, row), i, row};
    }
    qsort(x->rows, x->n, sizeof *x->rows, by_chunk);
    return CAIRN_OK;
}

/* The block that row i is in. */
static cairn_status fetch_block(exporting *x, size_t i, cairn_error *err)
{
    const retrieve_index *index = x->v.index;
    chunk_id ids[BLOCK_ROWS] = {0};
    bool has[BLOCK_ROWS] = {false};
    size_t from = i - i % BLOCK_ROWS, n = x->n - from < BLOCK_ROWS ? x->n - from : BLOCK_ROWS;
    cairn_status st;

    if (!x->block && !(x->block = checked_malloc((size_t)BLOCK_ROWS * x->dim, sizeof *x->block)))
        return cairn_fail(err, CAIRN_ENOMEM, "vectors");
    for (size_t k = 0; k < n; k++)
        ids[k] = x->rows[from + k].chunk;
    x->block_n = 0;
    st = index->remote->vectors(index->ctx, ids, n, x->dim, x->block, has, err);
    for (size_t k = 0; k < n && !st; k++)
        if (!has[k])
            st = cairn_fail(err, CAIRN_EBUSY, "collection %s was changed while its vectors were written: run it again",
                            x->c->collection);
    if (!st) {
        x->block_at = from;
        x->block_n = n;
    }
    return st;
}

static cairn_status get_vector(exporting *x, size_t i, float *out, cairn_error *err)
{
    cairn_status st = CAIRN_OK;

    if (!x->v.index) {
        vector_reader_get(x->v.vector[x->rows[i].segment].reader, x->rows[i].row, out);
        return CAIRN_OK;
    }
    if (i < x->block_at || i >= x->block_at + x->block_n)
        st = fetch_block(x, i, err);
    if (!st)
        memcpy(out, x->block + (i - x->block_at) * x->dim, x->dim * sizeof *out);
    return st;
}

/* Tell how far it is; CAIRN_ECANCELLED when the caller wants to stop. */
static cairn_status step(exporting *x, size_t done, cairn_error *err)
{
    int64_t now = clock_mono_ns();
    cairn_progress p = {.stage = "export", .done = done, .total = x->n, .seconds_left = -1};

    if (engine_cancelled(x->o->cancel))
        return cairn_fail(err, CAIRN_ECANCELLED,
                          "stopped after %zu of %zu vectors; nothing was written", done, x->n);
    if (!x->o->progress || (done < x->n && now - x->told_ns < 100000000))
        return CAIRN_OK;
    x->told_ns = now;
    p.seconds = (double)(now - x->start_ns) / 1e9;
    if (done && p.seconds > 1)
        p.seconds_left = p.seconds * (double)(x->n - done) / (double)done;
    x->o->progress(x->o->progress_ctx, &p);
    return CAIRN_OK;
}

/* ---- ids ---- */

/* The document and the passage of a row, in the arena. */
static cairn_status get_document(const exporting *x, size_t i, store_doc *doc, store_chunk *chunk,
                                 bool text, arena *memory, cairn_error *err)
{
    cairn_status st =
        store_chunk_get(x->v.snapshot, x->rows[i].chunk, chunk, text ? memory : NULL, err);

    return st ? st : store_doc_get(x->v.snapshot, chunk->doc, doc, memory, err);
}

/* {"id": uri}, and of a collection of documents the passage's place in its own. */
static json_t *id_object(const exporting *x, const store_doc *doc, const store_chunk *chunk)
{
    json_t *j = json_pack("{s:o?}", "id", json_string(doc->uri));

    if (j && !x->own)
        json_object_set_new(j, "passage", json_integer(chunk->ordinal));
    return j;
}

static cairn_status put_line(new_file *n, json_t *j, cairn_error *err)
{
    cairn_status st = CAIRN_OK;

    if (!j)
        st = cairn_fail(err, CAIRN_ENOMEM, "a line of %s (or an id that is no text)", n->path);
    else if (json_dumpf(j, n->f, JSON_COMPACT | JSON_ENSURE_ASCII | JSON_REAL_PRECISION(9)) ||
             fputc('\n', n->f) == EOF)
        st = write_failed(n, err);
    json_decref(j);
    return st;
}

static cairn_status write_ids(exporting *x, cairn_error *err)
{
    cairn_status st = CAIRN_OK;
    store_doc doc;
    store_chunk chunk;
    arena memory;

    arena_init(&memory, ROW_MEMORY);
    for (size_t i = 0; !st && i < x->n; i++) {
        st = get_document(x, i, &doc, &chunk, false, &memory, err);
        if (!st)
            st = put_line(&x->ids, id_object(x, &doc, &chunk), err);
        if (!st && i % BLOCK_ROWS == 0 && engine_cancelled(x->o->cancel))
            st = step(x, 0, err);
        arena_reset(&memory);
    }
    arena_clear(&memory);
    return st;
}

/* The whole number that this uri is, written the one way it can be. */
static bool number_of(const char *uri, int64_t *out)
{
    char back[32];
    char *end;

    errno = 0;
    *out = strtoll(uri, &end, 10);
    snprintf(back, sizeof back, "%" PRId64, *out);
    return !errno && !strcmp(back, uri);
}

/* FAISS ids: the uris where all are whole numbers, *numbers then; NULL in *out where FAISS's own
 * count from 0 is the same. */
static cairn_status number_ids(exporting *x, int64_t **out, bool *numbers, cairn_error *err)
{
    int64_t *ids = checked_malloc(x->n, sizeof *ids);
    cairn_status st = CAIRN_OK;
    bool all = x->own, counted = true;
    store_doc doc;
    store_chunk chunk;
    arena memory;

    *out = NULL;
    *numbers = false;
    if (!ids)
        return cairn_fail(err, CAIRN_ENOMEM, "ids of %zu vectors", x->n);
    arena_init(&memory, ROW_MEMORY);
    for (size_t i = 0; !st && all && i < x->n; i++) {
        st = get_document(x, i, &doc, &chunk, false, &memory, err);
        all = !st && number_of(doc.uri, &ids[i]);
        counted &= all && ids[i] == (int64_t)i;
        arena_reset(&memory);
    }
    arena_clear(&memory);
    *numbers = all;
    if (st || !all || counted)
        free(ids);
    else
        *out = ids;
    return st;
}

/* ---- formats ---- */

static cairn_status write_raw(exporting *x, bool fvecs, cairn_error *err)
{
    float *v = checked_malloc(x->dim, sizeof *v);
    char header[VECTOR_NPY_HEADER];
    FILE *f = x->vectors.f;
    cairn_status st = v ? CAIRN_OK : cairn_fail(err, CAIRN_ENOMEM, "a vector");

    if (!st && !fvecs) {
        size_t n = vector_npy_header(header, x->n, x->dim);
        if (fwrite(header, 1, n, f) != n)
            st = write_failed(&x->vectors, err);
    }
    for (size_t i = 0; !st && i < x->n; i++) {
        st = get_vector(x, i, v, err);
        if (st)
            break;
        if ((fvecs && fwrite(&x->dim, sizeof x->dim, 1, f) != 1) ||
            fwrite(v, sizeof *v, x->dim, f) != x->dim)
            st = write_failed(&x->vectors, err);
        if (!st && ((i + 1) % BLOCK_ROWS == 0 || i + 1 == x->n))
            st = step(x, i + 1, err);
    }
    free(v);
    return st;
}

static json_t *row_object(exporting *x, const store_doc *doc, const store_chunk *chunk,
                          const float *v)
{
    json_t *j = id_object(x, doc, chunk), *list = json_array();

    for (uint32_t i = 0; list && i < x->dim; i++)
        json_array_append_new(list, json_real((double)v[i]));
    if (!j || json_object_set_new(j, "vector", list)) {
        json_decref(j);
        return NULL;
    }
    if (*doc->title && strcmp(doc->title, doc->uri) != 0)
        json_object_set_new(j, "title", json_string(doc->title));
    if (chunk->text_len)
        json_object_set_new(j, "text", json_stringn(chunk->text, chunk->text_len));
    return j;
}

static cairn_status write_lines(exporting *x, cairn_error *err)
{
    float *v = checked_malloc(x->dim, sizeof *v);
    cairn_status st = v ? CAIRN_OK : cairn_fail(err, CAIRN_ENOMEM, "a vector");
    store_doc doc;
    store_chunk chunk;
    arena memory;

    arena_init(&memory, ROW_MEMORY);
    for (size_t i = 0; !st && i < x->n; i++) {
        st = get_document(x, i, &doc, &chunk, true, &memory, err);
        if (!st)
            st = get_vector(x, i, v, err);
        if (!st) {
            st = put_line(&x->vectors, row_object(x, &doc, &chunk, v), err);
        }
        if (!st && ((i + 1) % BLOCK_ROWS == 0 || i + 1 == x->n))
            st = step(x, i + 1, err);
        arena_reset(&memory);
    }
    arena_clear(&memory);
    free(v);
    return st;
}

/* ---- FAISS ---- */

/* FAISS's factory string for the kind asked for. */
static cairn_status faiss_factory(const exporting *x, bool with_ids, char *out, size_t cap,
                                  size_t *n_sample, cairn_error *err)
{
    const char *kind = x->o->faiss_index ? x->o->faiss_index : "flat";
    size_t lists = (size_t)(4 * sqrt((double)x->n)), most = x->n / 39;

    lists = lists < most ? lists : most;
    lists = lists ? lists : 1;
    *n_sample = 0;
    if (!strcmp(kind, "flat")) {
        snprintf(out, cap, with_ids ? "IDMap,Flat" : "Flat");
        return CAIRN_OK;
    }
    if (!strcmp(kind, "hnsw")) {
        snprintf(out, cap, with_ids ? "IDMap,HNSW16,Flat" : "HNSW16,Flat");
        return CAIRN_OK;
    }
    *n_sample = lists * 48 < SAMPLE_ROWS ? SAMPLE_ROWS : lists * 48;
    if (!strcmp(kind, "ivf-flat")) {
        snprintf(out, cap, "IVF%zu,Flat", lists);
        return CAIRN_OK;
    }
    if (!strcmp(kind, "ivf-sq8")) {
        snprintf(out, cap, "IVF%zu,SQ8", lists);
        return CAIRN_OK;
    }
    if (strcmp(kind, "ivf-pq") != 0)
        return cairn_fail(err, CAIRN_EUSAGE,
                          "a FAISS index is flat, hnsw, ivf-flat, ivf-sq8 or ivf-pq, "
                          "not \"%s\"",
                          kind);
    if (x->n < 9984)
        return cairn_fail(err, CAIRN_EUSAGE,
                          "a product quantizer is learned from 9,984 vectors at least "
                          "and there are %zu: take ivf-sq8",
                          x->n);
    for (uint32_t part = 8; part > 0; part--)
        if (x->dim % part == 0) {
            snprintf(out, cap, "IVF%zu,PQ%unp", lists, x->dim / part);
            break;
        }
    return CAIRN_OK;
}

static cairn_status faiss_failed(const char *why, cairn_error *err)
{
    return cairn_fail(err, CAIRN_EIO, "%s", why);
}

static cairn_status faiss_learn(exporting *x, const faiss_module *faiss, faiss_model *model,
                                size_t n, cairn_error *err)
{
    float *sample;
    size_t floats;
    char why[FAISS_WHY];
    bool bad;
    cairn_status st = CAIRN_OK;

    n = n < x->n ? n : x->n;
    sample = checked_mul(n, x->dim, &floats) ? checked_malloc(floats, sizeof *sample) : NULL;
    if (!sample)
        return cairn_fail(err, CAIRN_ENOMEM, "a sample of %zu vectors", n);
    for (size_t i = 0; i < n && !st; i++)
        st = get_vector(x, (size_t)((uint64_t)i * x->n / n), sample + i * x->dim, err);
    bad = !st && faiss->learn(model, sample, n, why);
    free(sample);
    return bad ? faiss_failed(why, err) : st;
}

static cairn_status faiss_fill(exporting *x, const faiss_module *faiss, faiss_model *model,
                               const int64_t *ids, cairn_error *err)
{
    float *block = checked_malloc((size_t)BLOCK_ROWS * x->dim, sizeof *block);
    cairn_status st = block ? CAIRN_OK : cairn_fail(err, CAIRN_ENOMEM, "vectors");
    char why[FAISS_WHY];

    for (size_t i = 0; !st && i < x->n; i += BLOCK_ROWS) {
        size_t n = x->n - i < BLOCK_ROWS ? x->n - i : BLOCK_ROWS;
        for (size_t j = 0; j < n && !st; j++)
            st = get_vector(x, i + j, block + j * x->dim, err);
        if (!st && faiss->add(model, block, ids ? ids + i : NULL, n, why))
            st = faiss_failed(why, err);
        else if (!st)
            st = step(x, i + n, err);
    }
    free(block);
    return st;
}

/* *with_ids: the index carries the ids itself. */
static cairn_status write_faiss(exporting *x, bool *with_ids, cairn_error *err)
{
    bool l2 = !x->v.index && vector_reader_metric(x->v.vector[0].reader) == VECTOR_L2;
    const faiss_module *faiss;
    faiss_model *model = NULL;
    int64_t *ids = NULL;
    char factory[64], why[FAISS_WHY];
    size_t n_sample;
    cairn_status st = faiss_module_get(&faiss, err);

    if (!st)
        st = number_ids(x, &ids, with_ids, err);
    if (!st)
        st = faiss_factory(x, ids != NULL, factory, sizeof factory, &n_sample, err);
    if (!st && faiss->create(&model, x->dim, l2, factory, why))
        st = faiss_failed(why, err);
    if (!st && n_sample)
        st = faiss_learn(x, faiss, model, n_sample, err);
    if (!st)
        st = faiss_fill(x, faiss, model, ids, err);
    if (!st && faiss->write(model, x->vectors.temporary, why))
        st = faiss_failed(why, err);
    if (model)
        faiss->destroy(model);
    free(ids);
    return st;
}

static cairn_vector_format format_of(const char *file, cairn_vector_format format)
{
    static const struct {
        const char *end;
        cairn_vector_format format;
    } ends[] = {{"npy", CAIRN_VECTORS_NPY},
                {"fvecs", CAIRN_VECTORS_FVECS},
                {"jsonl", CAIRN_VECTORS_JSONL},
                {"faiss", CAIRN_VECTORS_FAISS}};
    char ext[16];

    engine_extension(file, ext, sizeof ext);
    for (size_t i = 0; format == CAIRN_VECTORS_BY_NAME && i < sizeof ends / sizeof *ends; i++)
        if (!strcmp(ext, ends[i].end))
            return ends[i].format;
    return format;
}

static cairn_status write_files(exporting *x, const char *file, cairn_vector_format format,
                                cairn_error *err)
{
    bool with_ids = format == CAIRN_VECTORS_JSONL;
    cairn_status st = new_file_open(&x->vectors, file, "", err);

    if (st)
        return st;
    if (format == CAIRN_VECTORS_JSONL)
        st = write_lines(x, err);
    else if (format == CAIRN_VECTORS_FAISS)
        st = write_faiss(x, &with_ids, err);
    else
        st = write_raw(x, format == CAIRN_VECTORS_FVECS, err);
    if (!st && !with_ids)
        st = new_file_open(&x->ids, file, ".ids.jsonl", err);
    if (!st && !with_ids)
        st = write_ids(x, err);
    if (!st)
        st = new_file_finish(&x->ids, err);
    if (!st)
        st = new_file_finish(&x->vectors, err);
    if (!st)
        st = new_file_publish(&x->ids, err);
    return st ? st : new_file_publish(&x->vectors, err);
}

cairn_status cairn_export_vectors(cairn *c, const char *file,
                                  const cairn_export_vectors_options *options,
                                  cairn_export_report *report, cairn_error *err)
{
    static const cairn_export_vectors_options nothing;
    exporting x = {.c = c, .o = options ? options : &nothing, .start_ns = clock_mono_ns()};
    cairn_vector_format format = format_of(file, x.o->format);
    vectors_identity id;
    bool any;
    cairn_status st;

    *report = (cairn_export_report){0};
    st = engine_need_whole(c, err);
    if (st)
        return st;
    if (format == CAIRN_VECTORS_BY_NAME || format == CAIRN_VECTORS_BVECS)
        return cairn_fail(err, CAIRN_EUSAGE,
                          "say in which format %s is to be written: npy, fvecs, jsonl or "
                          "faiss",
                          file);
    st = view_open(c, &x.v, err);
    if (!st)
        st = vectors_identity_get(x.v.snapshot, &id, &x.own, &any, err);
    if (!st)
        st = list_rows(&x, err);
    if (!st)
        st = write_files(&x, file, format, err);
    if (!st)
        *report = (cairn_export_report){x.n, x.dim, x.ids.path != NULL,
                                        (double)(clock_mono_ns() - x.start_ns) / 1e9};
    new_file_clear(&x.vectors);
    new_file_clear(&x.ids);
    free(x.rows);
    free(x.block);
    view_close(&x.v);
    return st;
}
