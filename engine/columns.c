/* columns.c - see columns.h. */
#include "engine/columns.h"

#include <stdlib.h>

#include "base/arena.h"
#include "base/checked.h"

#define DOCUMENT_BYTES ((size_t)256 << 20) /* one record, decoded */

filter_row columns_of(const store_doc *d)
{
    return (filter_row){.uri = d->uri,
                        .title = d->title,
                        .ext = d->ext,
                        .lang = d->lang,
                        .mime = d->mime,
                        .author = d->author,
                        .date_ns = d->date_ns,
                        .size = d->size,
                        .pages = d->n_pages};
}

cairn_status columns_fill(const store_snapshot *s, const segment_file *file, uint32_t n_rows,
                          const uint64_t *deleted, const filter_reader *r, pace *p,
                          filter_merge_fill *fill, cairn_error *err)
{
    int64_t *size;
    uint32_t *pages;
    doc_id last = 0;
    store_doc doc = {.size = -1};
    arena memory;
    cairn_status st = CAIRN_OK;

    *fill = (filter_merge_fill){NULL, NULL};
    if (filter_reader_has_numbers(r))
        return CAIRN_OK;
    size = checked_malloc((size_t)n_rows + 1, sizeof *size);
    pages = checked_malloc((size_t)n_rows + 1, sizeof *pages);
    if (!size || !pages) {
        free(size);
        free(pages);
        return cairn_fail(err, CAIRN_ENOMEM, "sizes and pages of %u rows", n_rows);
    }
    arena_init(&memory, DOCUMENT_BYTES);
    for (uint32_t row = 0; row < n_rows && !st; row++) {
        doc_id id = segment_row_doc(file, row);
        bool live = !(deleted && row_set_has(deleted, row));
        if (live && id != last) {
            arena_reset(&memory);
            st = store_doc_get(s, id, &doc, &memory, err);
            if (st == CAIRN_ENOTFOUND) { /* deleted since the merge began */
                doc = (store_doc){.size = -1};
                st = CAIRN_OK;
            }
            last = id;
            if (!st)
                st = pace_work(p, 128, err); /* a record read and decoded */
        }
        size[row] = live ? doc.size : -1;
        pages[row] = live ? doc.n_pages : 0;
    }
    arena_clear(&memory);
    *fill = (filter_merge_fill){size, pages};
    if (st)
        filter_merge_fill_clear(fill);
    return st;
}
