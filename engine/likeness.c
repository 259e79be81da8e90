/* likeness.c - see likeness.h. */
#include "engine/likeness.h"

#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "retrieve/shingles.h"

#define PASSAGE_BYTES ((size_t)256 << 20)

static void take(void *ctx, uint64_t shingle)
{
    near_sketch_add(ctx, shingle);
}

void likeness_add(near_sketch *s, const char *text, size_t len)
{
    shingles_each(text, len, take, s);
}

cairn_status likeness_of_stored(const store_snapshot *s, doc_id doc, near_signature *out, bool *has,
                                cairn_error *err)
{
    near_sketch sketch;
    arena list, texts;
    chunk_id *ids;
    size_t n = 0;
    cairn_status st;

    near_sketch_init(&sketch);
    arena_init(&list, PASSAGE_BYTES);
    arena_init(&texts, PASSAGE_BYTES);
    st = store_doc_chunks(s, doc, &ids, &n, &list, err);
    for (size_t i = 0; !st && i < n; i++) {
        store_chunk chunk;
        st = store_chunk_get(s, ids[i], &chunk, &texts, err);
        if (!st)
            likeness_add(&sketch, chunk.text, chunk.text_len);
        arena_reset(&texts);
    }
    arena_clear(&list);
    arena_clear(&texts);
    *has = !st && near_sketch_sign(&sketch, out);
    return st;
}

bool likeness_find(const view *v, doc_id doc, near_signature *out)
{
    uint32_t at;

    for (size_t i = 0; i < v->n_lexical; i++)
        if (v->near[i] && near_reader_find(v->near[i], doc, &at)) {
            *out = *near_reader_signature(v->near[i], at);
            return true;
        }
    return false;
}

bool likeness_is_whole(const view *v)
{
    for (size_t i = 0; i < v->n_lexical; i++)
        if (!v->near[i])
            return false;
    return !v->index;
}

bool likeness_is_missing(const segment_file *file)
{
    section_source source = segment_source(file);
    const uint8_t *data;
    size_t len;

    return !source.find(source.ctx, "near.meta", &data, &len);
}

/* ---- merging ---- */

static bool is_live(const uint64_t *deleted, uint32_t row)
{
    return !deleted || !row_set_has(deleted, row);
}

/* The documents of live rows are marked among those with a signature, then taken in order. */
static cairn_status take_read(const near_reader *r, const segment_file *file, uint32_t n_rows,
                              const uint64_t *deleted, near_writer *to, pace *pace, cairn_error *err)
{
    uint64_t *live = calloc(row_set_words(near_reader_docs(r)) + 1, sizeof *live);
    cairn_status st = live ? CAIRN_OK : cairn_fail(err, CAIRN_ENOMEM, "signatures of a merge");

    for (uint32_t row = 0, at; !st && row < n_rows; row++) {
        if (is_live(deleted, row) && near_reader_find(r, segment_row_doc(file, row), &at))
            live[at >> 6] |= (uint64_t)1 << (at & 63);
        st = pace_work(pace, 4, err);
    }
    for (uint32_t i = 0; !st && i < near_reader_docs(r); i++)
        if (row_set_has(live, i))
            st = near_writer_add(to, near_reader_doc(r, i), near_reader_signature(r, i), err);
    free(live);
    return st;
}

static int by_number(const void *a, const void *b)
{
    doc_id x = *(const doc_id *)a, y = *(const doc_id *)b;

    return x < y ? -1 : x > y;
}

static cairn_status take_made(const store_snapshot *s, const segment_file *file, uint32_t n_rows,
                              const uint64_t *deleted, near_writer *to, pace *pace, cairn_error *err)
{
    doc_id *docs = checked_malloc((size_t)n_rows + 1, sizeof *docs);
    size_t n = 0;
    cairn_status st = docs ? CAIRN_OK : cairn_fail(err, CAIRN_ENOMEM, "signatures of a merge");

    for (uint32_t row = 0; !st && row < n_rows; row++)
        if (is_live(deleted, row))
            docs[n++] = segment_row_doc(file, row);
    if (!st && n)
        qsort(docs, n, sizeof *docs, by_number);
    for (size_t i = 0; !st && i < n; i++) {
        near_signature signature;
        bool has = false;
        if (i && docs[i] == docs[i - 1])
            continue;
        st = likeness_of_stored(s, docs[i], &signature, &has, err);
        if (st == CAIRN_ENOTFOUND) /* deleted since the merge began */
            st = CAIRN_OK;
        if (!st && has)
            st = near_writer_add(to, docs[i], &signature, err);
        if (!st)
            st = pace_step(pace, 0, err);
    }
    free(docs);
    return st;
}

cairn_status likeness_merge(const store_snapshot *s, const segment_file *file, uint32_t n_rows,
                            const uint64_t *deleted, near_writer *to, pace *pace, cairn_error *err)
{
    section_source source = segment_source(file);
    near_reader *r;
    cairn_status st = near_reader_open(&r, &source, err);

    if (st)
        return st == CAIRN_ENOTFOUND ? take_made(s, file, n_rows, deleted, to, pace, err) : st;
    st = take_read(r, file, n_rows, deleted, to, pace, err);
    near_reader_close(r);
    return st;
}
