/* tree.c - the checked walker over LMDB's pages. See tree.h for why it exists.
 *
 * A page (LMDB 0.9, 64-bit). All integers little-endian, offsets from the page's start:
 *
 *   at  size  field
 *   0   8     its own page number
 *   8   2     unused
 *   10  2     flags: 1 branch, 2 leaf, 4 overflow, 8 meta; exactly one is set here
 *   12  2     lower: end of the offset table          (overflow: 12, 4 = number of pages)
 *   14  2     upper: start of the nodes
 *   16  2 x n offsets of the nodes, in key order; n = (lower - 16) / 2
 *
 * A node, at an even offset:
 *
 *   0   4     leaf: size of the value;  branch: low 32 bits of the child's page number
 *   4   2     leaf: flags, 1 = the value is on overflow pages;  branch: bits 32..47 of the child
 *   6   2     size of the key
 *   8   ..    key, then (leaf) the value, or the 8-byte number of its first overflow page
 *
 * The first key of a branch page is empty and stands for "less than everything". We use neither
 * duplicate keys nor named sub-databases, so their flags are refused as damage.
 *
 * A page is tested whole when it is entered (page_test): after that its nodes can be followed
 * without another test, because every offset and size in it was seen to stay inside the page and
 * every child to stay inside the file. The test costs about as much as the binary search. */
#include "store/tree.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/checked.h"
#include "base/cursor.h"

enum { PAGE_BRANCH = 1, PAGE_LEAF = 2, PAGE_OVERFLOW = 4, PAGE_META = 8 };
enum { NODE_BIG = 1 };
enum { PAGE_HEADER = 16, NODE_HEADER = 8 };

#define LMDB_MAGIC     0xBEEFC0DEu
#define LMDB_VERSION   1u
#define DB_INTEGER_KEY 0x08u

static uint16_t get16(const uint8_t *p)
{
    uint16_t v;
    memcpy(&v, p, sizeof v);
    return v;
}

static uint32_t get32(const uint8_t *p)
{
    uint32_t v;
    memcpy(&v, p, sizeof v);
    return v;
}

static uint64_t get64(const uint8_t *p)
{
    uint64_t v;
    memcpy(&v, p, sizeof v);
    return v;
}

/* ---- meta pages ---- */

static void read_root(cursor *c, tree_root *r, uint32_t *pad, uint16_t *flags)
{
    *pad = cursor_u32(c);
    *flags = cursor_u16(c);
    r->depth = cursor_u16(c);
    r->branch_pages = cursor_u64(c);
    r->leaf_pages = cursor_u64(c);
    r->overflow_pages = cursor_u64(c);
    r->entries = cursor_u64(c);
    r->page = cursor_u64(c);
}

static bool root_makes_sense(const tree_root *r, uint64_t last_page)
{
    if (r->page == TREE_NO_PAGE)
        return r->depth == 0 && r->entries == 0;
    return r->page >= 2 && r->page <= last_page && r->depth >= 1 && r->depth <= TREE_MAX_DEPTH;
}

cairn_status tree_meta_read(const uint8_t *bytes, size_t len, unsigned index, const char *path,
                            tree_meta *out, cairn_error *err)
{
    cursor c;
    uint32_t pad;
    uint16_t free_flags, main_flags;

    memset(out, 0, sizeof *out);
    cursor_init(&c, bytes, len);
    uint64_t number = cursor_u64(&c);
    cursor_skip(&c, 2);
    uint16_t page_flags = cursor_u16(&c);
    cursor_skip(&c, 4);
    uint32_t magic = cursor_u32(&c);
    uint32_t version = cursor_u32(&c);
    cursor_skip(&c, 16); /* fixed address and map size: not used */
    read_root(&c, &out->free, &pad, &free_flags);
    out->page_bytes = pad;
    read_root(&c, &out->main, &pad, &main_flags);
    out->last_page = cursor_u64(&c);
    out->txn = cursor_u64(&c);
    if (c.failed)
        return cairn_fail(err, CAIRN_ECORRUPT, "%s: cut short before the end of its meta pages",
                          path);
    if (magic != LMDB_MAGIC || !(page_flags & PAGE_META) || number != index)
        return cairn_fail(err, CAIRN_ECORRUPT, "%s: meta page %u is not an LMDB meta page", path,
                          index);
    if (version != LMDB_VERSION)
        return cairn_fail(err, CAIRN_EUNSUPPORTED, "%s: LMDB data format %u; this build reads %u",
                          path, version, LMDB_VERSION);
    uint32_t size = out->page_bytes;
    if (size < 512 || size > 65536 || (size & (size - 1)) || out->last_page < 1 ||
        out->last_page > (UINT64_MAX >> 17) || (free_flags & 0xff) != DB_INTEGER_KEY ||
        (main_flags & 0xff) != 0 || !root_makes_sense(&out->free, out->last_page) ||
        !root_makes_sense(&out->main, out->last_page))
        return cairn_fail(err, CAIRN_ECORRUPT, "%s: meta page %u is damaged", path, index);
    return CAIRN_OK;
}

cairn_status tree_meta_of_file(int fd, uint64_t file_bytes, const char *path, tree_meta *out,
                               cairn_error *err)
{
    uint8_t page[TREE_META_BYTES];
    tree_meta meta[2];

    if (file_bytes < 2 * 512)
        return cairn_fail(err, CAIRN_ECORRUPT,
                          "%s: only %" PRIu64 " bytes long, cut short before its meta pages", path,
                          file_bytes);
    for (unsigned i = 0; i < 2; i++) {
        off_t at = i ? (off_t)meta[0].page_bytes : 0;
        ssize_t n = pread(fd, page, sizeof page, at);
        if (n < 0)
            return cairn_fail_errno(err, errno, "read %s", path);
        cairn_status st = tree_meta_read(page, (size_t)n, i, path, &meta[i], err);
        if (st)
            return st;
    }
    if (meta[1].page_bytes != meta[0].page_bytes)
        return cairn_fail(err, CAIRN_ECORRUPT, "%s: its meta pages disagree on the page size",
                          path);
    *out = meta[1].txn > meta[0].txn ? meta[1] : meta[0];
    return CAIRN_OK;
}

/* ---- pages ---- */

static cairn_status page_bad(const tree *t, uint64_t page, const char *what, cairn_error *err)
{
    return cairn_fail(err, CAIRN_ECORRUPT, "%s: page %" PRIu64 " is damaged: %s", t->path, page,
                      what);
}

/* n_pages comes from the file's size, so a page below it can be read. */
static const uint8_t *page_at(const tree *t, uint64_t page)
{
    if (page >= t->n_pages)
        return NULL;
    return t->base + page * t->page_bytes;
}

static uint32_t page_nodes(const uint8_t *p)
{
    return (uint32_t)(get16(p + 12) - PAGE_HEADER) / 2;
}

static const uint8_t *page_node(const uint8_t *p, uint32_t i)
{
    return p + get16(p + PAGE_HEADER + 2 * i);
}

static uint64_t node_child(const uint8_t *n)
{
    return get32(n) | (uint64_t)get16(n + 4) << 32;
}

static uint32_t node_key_len(const uint8_t *n)
{
    return get16(n + 6);
}

/* The first thing wrong with a page, or NULL. */
static const char *page_fault(const tree *t, const uint8_t *p, uint64_t page, bool leaf)
{
    const uint32_t size = t->page_bytes;

    if (get64(p) != page)
        return "it carries another page's number";
    if (get16(p + 10) != (leaf ? PAGE_LEAF : PAGE_BRANCH))
        return leaf ? "it is not a leaf page" : "it is not a branch page";
    uint32_t lower = get16(p + 12), upper = get16(p + 14);
    if (upper == 0 && size == 65536)
        upper = size;
    if (lower < PAGE_HEADER + 2 || lower % 2 || lower > upper || upper > size)
        return "its bounds make no sense";
    uint32_t n = page_nodes(p);
    for (uint32_t i = 0; i < n; i++) {
        uint32_t off = get16(p + PAGE_HEADER + 2 * i);
        if (off < upper || off % 2 || off + NODE_HEADER > size)
            return "a node lies outside of it";
        const uint8_t *node = p + off;
        uint32_t room = size - off - NODE_HEADER;
        uint32_t key = node_key_len(node);
        if (key > TREE_MAX_KEY || key > room)
            return "a key is too long";
        room -= key;
        if (!leaf) {
            uint64_t child = node_child(node);
            if (child < 2 || child >= t->n_pages)
                return "it points outside of the file";
            continue;
        }
        uint16_t flags = get16(node + 4);
        if (key == 0 || flags & ~NODE_BIG)
            return "a node is of an unknown kind";
        if (flags & NODE_BIG ? room < 8 : room < get32(node))
            return "a value is too long";
    }
    return NULL;
}

static bool seen_test(const tree *t, uint64_t page)
{
    return t->seen && t->seen[page >> 6] >> (page & 63) & 1;
}

static void seen_set(const tree *t, uint64_t page)
{
    if (t->seen)
        t->seen[page >> 6] |= UINT64_C(1) << (page & 63);
}

/* Enter a page: its bytes, whole and tested. */
static cairn_status page_enter(const tree *t, uint64_t page, bool leaf, const uint8_t **out,
                               cairn_error *err)
{
    const uint8_t *p = page_at(t, page);

    if (!p)
        return page_bad(t, page, "it lies past the end of the file, which was cut short", err);
    if (!seen_test(t, page)) {
        const char *fault = page_fault(t, p, page, leaf);
        if (fault)
            return page_bad(t, page, fault, err);
        seen_set(t, page);
    } else if (get16(p + 10) != (leaf ? PAGE_LEAF : PAGE_BRANCH)) {
        return page_bad(t, page, "it hangs at two levels of the tree", err);
    }
    *out = p;
    return CAIRN_OK;
}

/* The value of a node of a tested leaf page. */
static cairn_status node_value(const tree *t, const uint8_t *node, const uint8_t **value,
                               size_t *len, uint64_t *first_page, uint32_t *n_pages,
                               cairn_error *err)
{
    const uint8_t *data = node + NODE_HEADER + node_key_len(node);
    uint32_t size = get32(node);

    *first_page = 0;
    *n_pages = 0;
    *len = size;
    if (!(get16(node + 4) & NODE_BIG)) {
        *value = data;
        return CAIRN_OK;
    }
    uint64_t page = get64(data);
    const uint8_t *p = page >= 2 ? page_at(t, page) : NULL;
    if (!p)
        return page_bad(t, page, "a long value lies past the end of the file", err);
    if (get64(p) != page || get16(p + 10) != PAGE_OVERFLOW)
        return page_bad(t, page, "it should hold a long value and does not", err);
    uint64_t pages = get32(p + 12);
    uint64_t need = ((uint64_t)size + PAGE_HEADER + t->page_bytes - 1) / t->page_bytes;
    if (pages < need || pages > t->n_pages - page)
        return page_bad(t, page, "the length of its long value makes no sense", err);
    *value = p + PAGE_HEADER;
    *first_page = page;
    *n_pages = (uint32_t)pages;
    return CAIRN_OK;
}

/* ---- searching ---- */

static int compare(const void *a, size_t a_len, const void *b, size_t b_len)
{
    int c = memcmp(a, b, a_len < b_len ? a_len : b_len);
    if (c)
        return c;
    return a_len < b_len ? -1 : a_len > b_len;
}

/* First node in [from, n) whose key is >= the one given. */
static uint32_t lower_bound(const uint8_t *p, uint32_t from, const void *key, size_t key_len)
{
    uint32_t lo = from, hi = page_nodes(p);
    while (lo < hi) {
        uint32_t mid = lo + (hi - lo) / 2;
        const uint8_t *n = page_node(p, mid);
        if (compare(n + NODE_HEADER, node_key_len(n), key, key_len) < 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

/* The child of a branch page under which the key lives: the last one whose key is <= it. */
static uint32_t branch_slot(const uint8_t *p, const void *key, size_t key_len)
{
    uint32_t i = lower_bound(p, 1, key, key_len);
    if (i < page_nodes(p)) {
        const uint8_t *n = page_node(p, i);
        if (compare(n + NODE_HEADER, node_key_len(n), key, key_len) == 0)
            return i;
    }
    return i - 1;
}

/* Fill key and value from the leaf position, or move on while it is past its page's last node. */
static cairn_status cursor_settle(tree_cursor *c, cairn_error *err)
{
    const tree *t = c->t;
    const uint8_t *p;
    uint32_t level = c->depth - 1;
    cairn_status st = page_enter(t, c->page[level], true, &p, err);

    if (st)
        return st;
    if (c->at[level] >= page_nodes(p)) {
        do {
            if (level == 0) {
                c->end = true;
                return CAIRN_OK;
            }
            level--;
            st = page_enter(t, c->page[level], false, &p, err);
            if (st)
                return st;
        } while (++c->at[level] >= page_nodes(p));
        for (; level + 1 < c->depth; level++) {
            c->page[level + 1] = node_child(page_node(p, c->at[level]));
            c->at[level + 1] = 0;
            st = page_enter(t, c->page[level + 1], level + 2 == c->depth, &p, err);
            if (st)
                return st;
        }
    }
    const uint8_t *node = page_node(p, c->at[c->depth - 1]);
    uint64_t first;
    uint32_t n;
    c->key = node + NODE_HEADER;
    c->key_len = node_key_len(node);
    return node_value(t, node, &c->value, &c->value_len, &first, &n, err);
}

cairn_status tree_seek(tree_cursor *c, const tree *t, const void *key, size_t key_len,
                       cairn_error *err)
{
    const tree_root *root = &t->meta.main;
    const uint8_t *p;

    memset(c, 0, sizeof *c);
    c->t = t;
    c->depth = root->depth;
    if (root->page == TREE_NO_PAGE) {
        c->end = true;
        return CAIRN_OK;
    }
    c->page[0] = root->page;
    for (uint32_t level = 0;; level++) {
        bool leaf = level + 1 == c->depth;
        cairn_status st = page_enter(t, c->page[level], leaf, &p, err);
        if (st) {
            c->end = true;
            return st;
        }
        if (leaf) {
            c->at[level] = lower_bound(p, 0, key, key_len);
            break;
        }
        c->at[level] = branch_slot(p, key, key_len);
        c->page[level + 1] = node_child(page_node(p, c->at[level]));
    }
    cairn_status st = cursor_settle(c, err);
    if (st)
        c->end = true;
    return st;
}

cairn_status tree_next(tree_cursor *c, cairn_error *err)
{
    if (c->end)
        return CAIRN_OK;
    c->at[c->depth - 1]++;
    cairn_status st = cursor_settle(c, err);
    if (st)
        c->end = true;
    return st;
}

cairn_status tree_get(const tree *t, const void *key, size_t key_len, const uint8_t **value,
                      size_t *value_len, cairn_error *err)
{
    tree_cursor c;
    cairn_status st = tree_seek(&c, t, key, key_len, err);

    if (st)
        return st;
    if (c.end || compare(c.key, c.key_len, key, key_len) != 0)
        return CAIRN_ENOTFOUND;
    *value = c.value;
    *value_len = c.value_len;
    return CAIRN_OK;
}

/* ---- guarding LMDB ---- */

/* When a page becomes too empty LMDB merges it with a direct neighbour; two on each side leave room
 * for a merged page to be merged once more by the next deletes of the same transaction. */
enum { GUARD_REACH = 2 };

static cairn_status guard_neighbours(const tree *t, const uint8_t *p, uint32_t at, bool leaf,
                                     cairn_error *err)
{
    uint32_t n = page_nodes(p);
    uint32_t from = at > GUARD_REACH ? at - GUARD_REACH : 0;
    uint32_t to = at + GUARD_REACH < n ? at + GUARD_REACH : n - 1;
    const uint8_t *child;

    for (uint32_t i = from; i <= to; i++) {
        cairn_status st = page_enter(t, node_child(page_node(p, i)), leaf, &child, err);
        if (st)
            return st;
    }
    return CAIRN_OK;
}

cairn_status tree_guard(const tree *t, const void *key, size_t key_len, cairn_error *err)
{
    const tree_root *root = &t->meta.main;
    uint64_t page = root->page;
    const uint8_t *p;

    if (page == TREE_NO_PAGE)
        return CAIRN_OK;
    for (uint32_t level = 0;; level++) {
        bool leaf = level + 1 == root->depth;
        cairn_status st = page_enter(t, page, leaf, &p, err);
        if (st)
            return st;
        if (leaf) {
            uint32_t at = lower_bound(p, 0, key, key_len);
            if (at == page_nodes(p))
                return CAIRN_OK;
            const uint8_t *value;
            size_t len;
            uint64_t first;
            uint32_t n;
            return node_value(t, page_node(p, at), &value, &len, &first, &n, err);
        }
        uint32_t at = branch_slot(p, key, key_len);
        st = guard_neighbours(t, p, at, level + 2 == root->depth, err);
        if (st)
            return st;
        page = node_child(page_node(p, at));
    }
}

/* ---- walking everything ---- */

typedef struct walk {
    const tree *t;
    const tree_root *root;
    bool integer_keys;     /* the list of free pages: 8-byte keys compared as numbers */
    uint64_t *used, *free; /* bitsets of pages, or NULL: do not account */
    tree_report *report;
    void *ctx;
    uint64_t problems, n_free;
    uint64_t branch_pages, leaf_pages, overflow_pages, entries;
    const uint8_t *last_key; /* of the previous leaf node, borrowed */
    size_t last_len;
} walk;

static void walk_problem(walk *w, uint64_t page, const char *text)
{
    w->problems++;
    if (w->report)
        w->report(w->ctx, page, text);
}

/* Returns false when the page was in use already. */
static bool walk_use(walk *w, uint64_t page)
{
    if (!w->used)
        return true;
    uint64_t bit = UINT64_C(1) << (page & 63);
    if (w->used[page >> 6] & bit) {
        walk_problem(w, page, "it is used twice");
        return false;
    }
    w->used[page >> 6] |= bit;
    return true;
}

static int walk_compare(const walk *w, const uint8_t *a, size_t a_len, const uint8_t *b,
                        size_t b_len)
{
    if (!w->integer_keys || a_len != 8 || b_len != 8)
        return compare(a, a_len, b, b_len);
    uint64_t x = get64(a), y = get64(b);
    return x < y ? -1 : x > y;
}

/* A record of the free list: a count and that many page numbers, falling. */
static void walk_free_list(walk *w, uint64_t page, const uint8_t *value, size_t len)
{
    uint64_t n = len >= 8 ? get64(value) : UINT64_MAX;
    uint64_t last = UINT64_MAX;

    if (n > len / 8 - (len >= 8)) {
        walk_problem(w, page, "a list of free pages is longer than its record");
        return;
    }
    for (uint64_t i = 0; i < n; i++) {
        uint64_t f = get64(value + 8 + 8 * i);
        if (f < 2 || f > w->t->meta.last_page || f >= last) {
            walk_problem(w, page, "a list of free pages makes no sense");
            return;
        }
        last = f;
        w->n_free++;
        if (!w->free)
            continue;
        uint64_t bit = UINT64_C(1) << (f & 63);
        if (w->free[f >> 6] & bit)
            walk_problem(w, f, "it is listed free twice");
        w->free[f >> 6] |= bit;
    }
}

static void walk_leaf(walk *w, uint64_t page, const uint8_t *p)
{
    uint32_t n = page_nodes(p);

    w->leaf_pages++;
    for (uint32_t i = 0; i < n; i++) {
        const uint8_t *node = page_node(p, i), *value;
        const uint8_t *key = node + NODE_HEADER;
        size_t key_len = node_key_len(node), len;
        uint64_t first;
        uint32_t pages;
        cairn_error err;

        if (w->last_key && walk_compare(w, w->last_key, w->last_len, key, key_len) >= 0)
            walk_problem(w, page, "its keys are out of order");
        w->last_key = key;
        w->last_len = key_len;
        w->entries++;
        if (node_value(w->t, node, &value, &len, &first, &pages, &err)) {
            walk_problem(w, page, "a long value of it is damaged");
            continue;
        }
        w->overflow_pages += pages;
        for (uint32_t k = 0; k < pages; k++)
            walk_use(w, first + k);
        if (w->integer_keys) {
            if (key_len != 8)
                walk_problem(w, page, "a list of free pages has a key of a wrong length");
            walk_free_list(w, page, value, len);
        }
    }
}

static void walk_page(walk *w, uint64_t page, uint32_t level)
{
    bool leaf = level + 1 == w->root->depth;
    const uint8_t *p = page_at(w->t, page);
    const char *fault = p ? page_fault(w->t, p, page, leaf)
                          : "it lies past the end of the file, which was cut short";

    if (fault) {
        walk_problem(w, page, fault);
        return;
    }
    if (!walk_use(w, page))
        return;
    if (leaf) {
        walk_leaf(w, page, p);
        return;
    }
    w->branch_pages++;
    uint32_t n = page_nodes(p);
    for (uint32_t i = 0; i < n; i++) {
        const uint8_t *node = page_node(p, i);
        if (i > 1) {
            const uint8_t *prev = page_node(p, i - 1);
            if (walk_compare(w, prev + NODE_HEADER, node_key_len(prev), node + NODE_HEADER,
                             node_key_len(node)) >= 0)
                walk_problem(w, page, "its keys are out of order");
        }
        if (i > 0 && w->last_key && w->last_len &&
            walk_compare(w, w->last_key, w->last_len, node + NODE_HEADER, node_key_len(node)) >= 0)
            walk_problem(w, page, "a key lies on the wrong side of its branch");
        walk_page(w, node_child(node), level + 1);
    }
}

static void walk_tree(walk *w)
{
    const tree_root *r = w->root;

    if (r->page != TREE_NO_PAGE)
        walk_page(w, r->page, 0);
    if (w->problems == 0 && (w->branch_pages != r->branch_pages || w->leaf_pages != r->leaf_pages ||
                             w->overflow_pages != r->overflow_pages || w->entries != r->entries))
        walk_problem(w, 0, "the meta page's counts of pages and records are wrong");
}

static void guard_free_report(void *ctx, uint64_t page, const char *text)
{
    const char **first = ctx;
    (void)page;
    if (!*first)
        *first = text;
}

cairn_status tree_guard_free(const tree *t, cairn_error *err)
{
    const char *first = NULL;
    walk w = {.t = t,
              .root = &t->meta.free,
              .integer_keys = true,
              .report = guard_free_report,
              .ctx = &first};

    walk_tree(&w);
    if (w.problems)
        return cairn_fail(err, CAIRN_ECORRUPT,
                          "%s: its list of free pages is damaged (%s); the documents may be whole, "
                          "but writing would not be safe",
                          t->path, first ? first : "unknown");
    return CAIRN_OK;
}

cairn_status tree_check(const tree *t, tree_report *report, void *ctx, tree_totals *out,
                        cairn_error *err)
{
    size_t words = (size_t)(t->meta.last_page / 64 + 1);
    uint64_t *used = NULL, *free_set = NULL;
    cairn_status st = CAIRN_OK;

    memset(out, 0, sizeof *out);
    /* A last page far beyond the file is damage, and must not become a huge allocation. */
    if (t->meta.last_page > t->n_pages + (UINT64_C(1) << 24)) {
        out->problems++;
        if (report)
            report(ctx, 0, "the file is much shorter than its meta page says");
        return CAIRN_OK;
    }
    used = calloc(words, sizeof *used);
    free_set = calloc(words, sizeof *free_set);
    if (!used || !free_set) {
        st = cairn_fail(err, CAIRN_ENOMEM, "page sets of %s", t->path);
        goto done;
    }
    used[0] |= 3; /* the meta pages */
    walk w = {.t = t, .root = &t->meta.main, .used = used, .report = report, .ctx = ctx};
    walk f = {.t = t,
              .root = &t->meta.free,
              .integer_keys = true,
              .used = used,
              .free = free_set,
              .report = report,
              .ctx = ctx};
    walk_tree(&w);
    walk_tree(&f);
    out->problems = w.problems + f.problems;
    for (size_t i = 0; i < words; i++) {
        if (used[i] & free_set[i]) {
            out->problems++;
            if (report)
                report(ctx, i * 64 + (uint64_t)__builtin_ctzll(used[i] & free_set[i]),
                       "it is in use and listed free");
        }
        out->used += (uint64_t)__builtin_popcountll(used[i]);
        out->free += (uint64_t)__builtin_popcountll(free_set[i] & ~used[i]);
    }
    uint64_t all = t->meta.last_page + 1;
    out->lost = all > out->used + out->free ? all - out->used - out->free : 0;
done:
    free(used);
    free(free_set);
    return st;
}
