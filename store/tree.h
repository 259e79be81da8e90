/* tree.h - reading LMDB's B+ tree without trusting a byte of it.
 *
 * LMDB follows the page numbers, offsets and sizes that it finds in its file without testing them,
 * and its pages have no checksum: a damaged file makes it crash. So this room reads through its
 * own walker, which tests every field before it uses it, and shows LMDB itself only pages that
 * passed the same tests (tree_guard, before every write). LMDB keeps what it is good at: the
 * commit, the copy-on-write, the page reuse and the table of readers.
 *
 * The page format is that of LMDB 0.9 (data version 1, 64-bit, little-endian); any other version
 * number is refused. docs/store.md draws it.
 *
 * Owns     nothing. A tree BORROWS a mapping of the file, and the caller pins its state with an
 *          LMDB read transaction.
 * Threads  a tree without `seen` may be read by many threads; a cursor belongs to one.
 * Errors   CAIRN_ECORRUPT names file and page. */
#ifndef CAIRN_STORE_TREE_H
#define CAIRN_STORE_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

#define TREE_MAX_DEPTH  32
#define TREE_MAX_KEY    511
#define TREE_META_BYTES 152 /* page header and meta data that tree_meta_read needs */

/* One B+ tree in the file: the records, or LMDB's list of free pages. */
typedef struct tree_root {
    uint64_t page;  /* TREE_NO_PAGE: empty */
    uint32_t depth; /* levels, leaf included */
    uint64_t branch_pages, leaf_pages, overflow_pages, entries;
} tree_root;

#define TREE_NO_PAGE UINT64_MAX

/* What a meta page says. */
typedef struct tree_meta {
    uint32_t page_bytes;
    uint64_t last_page;
    uint64_t txn; /* number of the transaction that wrote it */
    tree_root free, main;
} tree_meta;

typedef struct tree {
    const uint8_t *base;
    uint64_t n_pages; /* pages that are in the file AND below the meta page's last page */
    uint32_t page_bytes;
    tree_meta meta;
    const char *path; /* for messages */
    uint64_t *seen;   /* NULL, or a bitset of pages that passed the tests already */
} tree;

/* Parse bytes[0, len) as meta page number `index` (0 or 1). CAIRN_ECORRUPT, or CAIRN_EUNSUPPORTED
 * for another LMDB format. */
cairn_status tree_meta_read(const uint8_t *bytes, size_t len, unsigned index, const char *path,
                            tree_meta *out, cairn_error *err);
/* Read both meta pages of an open file and give the newer one. */
cairn_status tree_meta_of_file(int fd, uint64_t file_bytes, const char *path, tree_meta *out,
                               cairn_error *err);

/* Value of a key in the main tree, borrowed from the mapping. CAIRN_ENOTFOUND (no text written). */
cairn_status tree_get(const tree *t, const void *key, size_t key_len, const uint8_t **value,
                      size_t *value_len, cairn_error *err);

typedef struct tree_cursor {
    const tree *t;
    bool end;
    uint32_t depth;
    uint64_t page[TREE_MAX_DEPTH];
    uint32_t at[TREE_MAX_DEPTH];
    const uint8_t *key, *value; /* of the record it stands on, borrowed */
    size_t key_len, value_len;
} tree_cursor;

/* Stand on the first record with a key >= the one given; c->end when there is none. */
cairn_status tree_seek(tree_cursor *c, const tree *t, const void *key, size_t key_len,
                       cairn_error *err);
/* Step once; at the end nothing happens. */
cairn_status tree_next(tree_cursor *c, cairn_error *err);

/* Test every page that LMDB may touch when it reads, puts or deletes this key: the path from the
 * root and two neighbours on each side at every level. Needs t->seen. */
cairn_status tree_guard(const tree *t, const void *key, size_t key_len, cairn_error *err);
/* Test the list of free pages, which LMDB reads when it allocates. */
cairn_status tree_guard_free(const tree *t, cairn_error *err);

/* Walk everything: each page's form, the order of the keys, the page counts, and that no page is
 * used twice or both used and free. Calls `report` for each problem found (page 0 = the whole
 * file). Stops below a broken page, goes on beside it. */
typedef void tree_report(void *ctx, uint64_t page, const char *text);
typedef struct tree_totals {
    uint64_t used, free, lost; /* pages; lost: neither used nor listed free */
    uint64_t problems;
} tree_totals;
cairn_status tree_check(const tree *t, tree_report *report, void *ctx, tree_totals *out,
                        cairn_error *err);

#endif
