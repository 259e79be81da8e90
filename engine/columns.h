/* columns.h - from the store's documents to the filter columns of their rows.
 *
 * Errors   those of the store, CAIRN_ENOMEM. */
#ifndef CAIRN_ENGINE_COLUMNS_H
#define CAIRN_ENGINE_COLUMNS_H

#include "index/filter/filter.h"
#include "store/store.h"

/* What each row of the document carries; borrows its texts, tags and places live in the arena. */
cairn_status columns_of(const store_doc *d, arena *memory, filter_row *out, cairn_error *err);

/* The numbers, a row of `file`, for columns written before those existed: the parts of *fill become
 * arrays of n_rows for the caller to clear. Rows whose document is gone, and
 * those in `deleted` (may be NULL), are unknown. Where the reader has the numbers itself, all stay
 * NULL. Time: a look-up in the store for each run of rows of one document; `p` may be NULL. */
cairn_status columns_fill(const store_snapshot *s, const segment_file *file, uint32_t n_rows,
                          const uint64_t *deleted, const filter_reader *r, pace *p,
                          filter_merge_fill *fill, cairn_error *err);

#endif
