/* columns.c - see columns.h. */
#include "engine/columns.h"

#include <stdlib.h>

#include "base/arena.h"
#include "base/checked.h"
#include "engine/labels.h"

#define DOCUMENT_BYTES ((size_t)256 << 20) /* one record, decoded */

cairn_status columns_of(const store_doc *d, arena *memory, filter_row *out, cairn_error *err)
{
    doc_labels labels;
    cairn_status st = labels_read(d, memory, &labels, err);

    *out = (filter_row){.uri = d->uri,
                        .title = d->title,
                        .ext = d->ext,
                        .lang = d->lang,
                        .mime = d->mime,
                        .author = d->author,
                        .date_ns = d->date_ns,
                        .size = d->size,
                        .pages = d->n_pages,
                        .tags = labels.tags,
                        .n_tags = labels.n_tags,
                        .places = labels.places,
                        .n_places = labels.n_places,
                        .modified_ns = d->mtime_ns,
                        .created_ns = labels.created_ns};
    return st;
}

static bool fill_alloc(filter_merge_fill *fill, uint32_t n_rows)
{
    size_t n = (size_t)n_rows + 1;

    fill->size = checked_malloc(n, sizeof *fill->size);
    fill->pages = checked_malloc(n, sizeof *fill->pages);
    fill->modified = checked_malloc(n, sizeof *fill->modified);
    fill->created = checked_malloc(n, sizeof *fill->created);
    return fill->size && fill->pages && fill->modified && fill->created;
}

cairn_status columns_fill(const store_snapshot *s, const segment_file *file, uint32_t n_rows,
                          const uint64_t *deleted, const filter_reader *r, pace *p,
                          filter_merge_fill *fill, cairn_error *err)
{
    static const filter_row unknown = {.size = -1};
    filter_row columns = unknown;
    doc_id last = 0;
    arena memory;
    cairn_status st = CAIRN_OK;

    *fill = (filter_merge_fill){0};
    if (filter_reader_has_times(r))
        return CAIRN_OK;
    if (!fill_alloc(fill, n_rows)) {
        filter_merge_fill_clear(fill);
        return cairn_fail(err, CAIRN_ENOMEM, "numbers of %u rows", n_rows);
    }
    arena_init(&memory, DOCUMENT_BYTES);
    for (uint32_t row = 0; row < n_rows && !st; row++) {
        doc_id id = segment_row_doc(file, row);
        bool live = !(deleted && row_set_has(deleted, row));
        if (live && id != last) {
            store_doc doc;
            arena_reset(&memory);
            columns = unknown;
            st = store_doc_get(s, id, &doc, &memory, err);
            if (!st)
                st = columns_of(&doc, &memory, &columns, err);
            if (st == CAIRN_ENOTFOUND) /* deleted since the merge began */
                st = CAIRN_OK;
            last = id;
            if (!st)
                st = pace_work(p, 128, err); /* a record read and decoded */
        }
        fill->size[row] = live ? columns.size : -1;
        fill->pages[row] = live ? columns.pages : 0;
        fill->modified[row] = live ? columns.modified_ns : 0;
        fill->created[row] = live ? columns.created_ns : 0;
    }
    arena_clear(&memory);
    if (st)
        filter_merge_fill_clear(fill);
    return st;
}
