/* prefix_tree.c - see prefix_tree.h.
 *
 * Pages lie at multiples of KV_PAGE positions, edges begin anywhere. An edge of tokens [begin, end) holds
 * the pages of positions [begin rounded down, end): where it begins within a page, its first page holds
 * the tokens before it as well, because it was taken from a sequence that had them. So for each page of a
 * path the lowest node that holds it is the one to take it from:
 *
 *     page            0         1         2         3
 *     root -- A       |---------|-----|                   tokens   0 .. 100
 *             +-- B             |AAAAA====|====|          tokens 100 .. 150: its page 1 begins with A's
 *             +-- C             |AAAAA=|                  tokens 100 .. 110
 *
 * Laws (prefix_tree_broken):
 *   L1  an edge has at least one token, and begins where its parent ends
 *   L2  the children of a node begin with different tokens
 *   L3  an edge holds exactly the pages of its positions, each of which has a user
 *   L4  a node was used no earlier than any below it
 *   L5  the tree's counts are those of its nodes */
#include "generate/decode/prefix_tree.h"

#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "generate/decode/decoder_inside.h"

typedef struct node {
    struct node *up, *down, *next; /* parent, first child, next child of the parent */
    token_id *ids;                 /* the edge, [n] */
    size_t begin, n;
    kv_pages pages;
    uint64_t used;   /* the tree's clock when a sequence began or ended on it last */
    unsigned begun;  /* sequences that began with it after it was put there */
    bool saved;      /* a file has it, or nothing is to be gained by one */
} node;

struct prefix_tree {
    decoder *d;
    const kv_files *files;
    size_t max_tokens, n_tokens, n_nodes; /* without the root */
    uint64_t clock;
    node root;
};

static size_t end_of(const node *x)
{
    return x->begin + x->n;
}

/* Pages of positions [begin rounded down, end). */
static size_t pages_between(size_t begin, size_t end)
{
    return (end + KV_PAGE - 1) / KV_PAGE - begin / KV_PAGE;
}

static node *child_of(const node *x, token_id first)
{
    node *c = x->down;

    while (c && c->ids[0] != first)
        c = c->next;
    return c;
}

static void take_out(node *x)
{
    node **at = &x->up->down;

    while (*at != x)
        at = &(*at)->next;
    *at = x->next;
}

static void put_below(node *up, node *x)
{
    x->up = up;
    x->next = up->down;
    up->down = x;
}

/* It is in no list. */
static void free_node(prefix_tree *t, node *x)
{
    kv_pages_clear(&t->d->cache, &x->pages);
    free(x->ids);
    free(x);
}

cairn_status prefix_tree_create(prefix_tree **out, decoder *d, size_t max_tokens,
                                const kv_files *files, cairn_error *err)
{
    prefix_tree *t;

    *out = NULL;
    if (d->device)
        return cairn_fail(err, CAIRN_EUNSUPPORTED, "sequences on a device share nothing");
    t = calloc(1, sizeof *t);
    if (!t)
        return cairn_fail(err, CAIRN_ENOMEM, "beginnings of prompts");
    t->d = d;
    t->files = files;
    t->max_tokens = max_tokens;
    *out = t;
    return CAIRN_OK;
}

void prefix_tree_destroy(prefix_tree *t)
{
    if (!t)
        return;
    while (prefix_tree_drop(t))
        continue;
    free(t);
}

size_t prefix_tree_tokens(const prefix_tree *t)
{
    return t->n_tokens;
}

size_t prefix_tree_nodes(const prefix_tree *t)
{
    return t->n_nodes;
}

/* ---- walking ---- */

/* Down the path of ids[0, n). The last node of which at least one token matches (the root for none); *match
 * is how many tokens match in all, so its edge matches to the end when that is end_of. */
static node *walk(prefix_tree *t, const token_id *ids, size_t n, size_t *match)
{
    node *at = &t->root, *below;
    size_t pos = 0;

    while (pos < n && (below = child_of(at, ids[pos]))) {
        size_t same = 1;
        while (same < below->n && pos + same < n && below->ids[same] == ids[pos + same])
            same++;
        at = below;
        pos += same;
        if (same < below->n)
            break;
    }
    *match = pos;
    return at;
}

static void touch(prefix_tree *t, node *x)
{
    uint64_t now = ++t->clock;

    for (; x; x = x->up)
        x->used = now;
}

/* The pages of positions 0 .. end_of(x) into p, which is empty. */
static cairn_status gather(prefix_tree *t, const node *x, kv_pages *p)
{
    size_t n = pages_between(0, end_of(x)), to = n;
    uint32_t *ids = checked_malloc(n, sizeof *ids);
    cairn_status st;

    if (!ids)
        return CAIRN_ENOMEM;
    for (; x->up; x = x->up) { /* from below: the lowest node that holds a page has most of it */
        size_t first = x->begin / KV_PAGE;
        if (first < to) {
            memcpy(ids + first, x->pages.ids, (to - first) * sizeof *ids);
            to = first;
        }
    }
    st = kv_pages_append(&t->d->cache, p, ids, n, NULL);
    free(ids);
    return st;
}

/* ---- growing ---- */

/* A node below `up` (in no list yet) of n tokens and the pages from `pages` on. NULL: no memory. */
static node *make_node(prefix_tree *t, node *up, const token_id *ids, size_t n, const uint32_t *pages)
{
    node *x = calloc(1, sizeof *x);

    if (!x)
        return NULL;
    x->begin = end_of(up);
    x->n = n;
    x->up = up;
    x->used = up->used;
    x->ids = checked_malloc(n, sizeof *x->ids);
    if (!x->ids || kv_pages_append(&t->d->cache, &x->pages, pages,
                                   pages_between(x->begin, x->begin + n), NULL)) {
        free_node(t, x);
        return NULL;
    }
    memcpy(x->ids, ids, n * sizeof *ids);
    return x;
}

/* Make the first n tokens of x's edge a node of its own, above x. NULL: no memory; all is as before. */
static node *split(prefix_tree *t, node *x, size_t n)
{
    size_t cut = x->begin + n, skip = cut / KV_PAGE - x->begin / KV_PAGE;
    node *upper = make_node(t, x->up, x->ids, n, x->pages.ids);
    kv_pages rest = {0};

    if (upper && kv_pages_append(&t->d->cache, &rest, x->pages.ids + skip, x->pages.n - skip, NULL)) {
        free_node(t, upper);
        upper = NULL;
    }
    if (!upper)
        return NULL;
    upper->used = x->used;
    upper->begun = x->begun;
    take_out(x);
    put_below(upper->up, upper);
    put_below(upper, x);
    kv_pages_clear(&t->d->cache, &x->pages);
    x->pages = rest;
    x->n -= n;
    x->begin = cut;
    memmove(x->ids, x->ids + n, x->n * sizeof *x->ids);
    t->n_nodes++;
    return upper;
}

/* x, a leaf, goes on with n more tokens of the sequence. */
static bool lengthen(prefix_tree *t, node *x, const token_id *ids, size_t n, const uint32_t *pages)
{
    size_t end = end_of(x) + n, from = end_of(x) / KV_PAGE, keep = from - x->begin / KV_PAGE;
    token_id *more = checked_realloc(x->ids, x->n + n, sizeof *more);
    kv_pages all = {0};

    if (!more)
        return false;
    x->ids = more;
    /* The page it ends in, if any, is taken from the sequence, which has more of it. */
    if (kv_pages_append(&t->d->cache, &all, x->pages.ids, keep, NULL) ||
        kv_pages_append(&t->d->cache, &all, pages, pages_between(end_of(x), end), NULL)) {
        kv_pages_clear(&t->d->cache, &all);
        return false;
    }
    kv_pages_clear(&t->d->cache, &x->pages);
    x->pages = all;
    memcpy(x->ids + x->n, ids, n * sizeof *ids);
    x->n += n;
    return true;
}

void prefix_tree_put(prefix_tree *t, const decoder_sequence *s, const token_id *ids, size_t n)
{
    size_t match;
    node *at = walk(t, ids, n, &match);
    const uint32_t *pages = s->pages.ids + match / KV_PAGE;

    if (match < n && match < end_of(at) && !(at = split(t, at, match - at->begin)))
        return;
    if (match < n && at->up && !at->down && !at->begun) {
        if (!lengthen(t, at, ids + match, n - match, pages))
            return;
        t->n_tokens += n - match;
    } else if (match < n) {
        node *x = make_node(t, at, ids + match, n - match, pages);
        if (!x)
            return;
        put_below(at, x);
        t->n_tokens += n - match;
        t->n_nodes++;
        at = x;
    }
    touch(t, at);
    while (t->n_tokens > t->max_tokens && prefix_tree_drop(t))
        continue;
}

cairn_status prefix_tree_begin(prefix_tree *t, const token_id *ids, size_t n,
                               decoder_sequence **out, cairn_error *err)
{
    size_t match;
    node *at = walk(t, ids, n, &match);
    cairn_status st = decoder_sequence_create(out, t->d, err);

    if (st)
        return st;
    /* What is shared becomes a node of its own, so that it is known how often. */
    if (at->up && match < end_of(at) && !(at = split(t, at, match - at->begin)))
        return CAIRN_OK; /* no memory for that: the sequence begins with nothing */
    if (at->up && !gather(t, at, &(*out)->pages)) {
        (*out)->n_past = match;
        touch(t, at);
        for (; at->up; at = at->up)
            at->begun++;
    }
    if (t->files)
        kv_files_extend(t->files, t->d, *out, ids, n);
    return CAIRN_OK;
}

/* ---- shrinking ---- */

/* A page of it has no other user. */
static bool frees_a_page(const prefix_tree *t, const node *x)
{
    for (size_t i = 0; i < x->pages.n; i++)
        if (t->d->cache.users[x->pages.ids[i]] == 1)
            return true;
    return false;
}

/* Of the leaves below x; `any`: also those that free no page. */
static node *oldest_leaf(const prefix_tree *t, node *x, bool any)
{
    node *best = NULL;

    if (!x->down)
        return x->up && (any || frees_a_page(t, x)) ? x : NULL;
    for (node *c = x->down; c; c = c->next) {
        node *leaf = oldest_leaf(t, c, any);
        if (leaf && (!best || leaf->used < best->used))
            best = leaf;
    }
    return best;
}

bool prefix_tree_drop(prefix_tree *t)
{
    node *x = oldest_leaf(t, &t->root, false);

    if (!x)
        x = oldest_leaf(t, &t->root, true);
    if (!x)
        return false;
    take_out(x);
    t->n_tokens -= x->n;
    t->n_nodes--;
    free_node(t, x);
    return true;
}

/* ---- on disk ---- */

/* A node that several sequences began with and that is not known to be in a file, parents first. */
static node *unsaved(node *x)
{
    node *found = x->up && x->begun && !x->saved ? x : NULL;

    for (node *c = x->down; c && !found; c = c->next)
        found = unsaved(c);
    return found;
}

/* All tokens of the path to x, to be freed. */
static token_id *path_tokens(const node *x)
{
    token_id *ids = checked_malloc(end_of(x), sizeof *ids);

    for (; ids && x->up; x = x->up)
        memcpy(ids + x->begin, x->ids, x->n * sizeof *ids);
    return ids;
}

bool prefix_tree_save(prefix_tree *t)
{
    node *x;

    while (t->files && (x = unsaved(&t->root))) {
        token_id *ids = path_tokens(x);
        decoder_sequence s = {.n_past = end_of(x)};
        bool written = ids && !gather(t, x, &s.pages) &&
                       kv_files_keep(t->files, t->d, &s, ids, end_of(x));
        x->saved = true; /* or not worth a file, or it cannot be written: once is enough */
        kv_pages_clear(&t->d->cache, &s.pages);
        free(ids);
        if (written)
            return true;
    }
    return false;
}

/* ---- its laws ---- */

static const char *check_node(const prefix_tree *t, const node *x, size_t *tokens, size_t *nodes)
{
    for (const node *c = x->down; c; c = c->next) {
        const char *why;
        if (c->up != x || !c->n || c->begin != end_of(x))
            return "L1: an edge is empty or begins elsewhere";
        for (const node *other = c->next; other; other = other->next)
            if (other->ids[0] == c->ids[0])
                return "L2: two children begin with one token";
        if (c->pages.n != pages_between(c->begin, end_of(c)))
            return "L3: an edge holds other pages than its own";
        for (size_t i = 0; i < c->pages.n; i++)
            if (!t->d->cache.users[c->pages.ids[i]])
                return "L3: an edge holds a page that is free";
        if (c->used > x->used)
            return "L4: a node is older than one below it";
        *tokens += c->n;
        ++*nodes;
        why = check_node(t, c, tokens, nodes);
        if (why)
            return why;
    }
    return NULL;
}

const char *prefix_tree_broken(const prefix_tree *t)
{
    size_t tokens = 0, nodes = 0;
    const char *why = check_node(t, &t->root, &tokens, &nodes);

    if (!why && (tokens != t->n_tokens || nodes != t->n_nodes))
        why = "L5: the counts are wrong";
    return why;
}
