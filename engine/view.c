/* view.c - see view.h. The cache is a plain array: a collection has tens of segments, not more. */
#include "engine/view.h"

#include <stdlib.h>

#include "engine/access.h"
#include "engine/cluster.h"
#include "engine/second.h"
#include "engine/vector_device.h"

typedef struct cached {
    segment_id id;
    segment_file *file; /* retained */
    lexical_reader *lexical;
    vector_reader *vector;
    filter_reader *filter;
    near_reader *near;
    /* Of a handle for principals: the rows that the rules hide, for the rules of that version. */
    uint64_t *hidden;
    bool any_hidden;
    uint64_t rules; /* 0: not looked at yet */
} cached;

struct view_cache {
    cached *items;
    size_t n, cap;
};

static void cached_close(cached *x)
{
    lexical_reader_close(x->lexical);
    vector_reader_close(x->vector);
    filter_reader_close(x->filter);
    near_reader_close(x->near);
    segment_release(x->file);
    free(x->hidden);
}

void view_cache_destroy(view_cache *cache)
{
    if (!cache)
        return;
    for (size_t i = 0; i < cache->n; i++)
        cached_close(&cache->items[i]);
    free(cache->items);
    free(cache);
}

void view_cache_trim(cairn *c, const view *keep)
{
    view_cache *cache = c->views;
    size_t kept = 0;

    if (!cache)
        return;
    for (size_t i = 0; i < cache->n; i++) {
        bool used = false;
        for (size_t j = 0; keep && j < store_segment_count(keep->snapshot); j++)
            used |= store_segment_at(keep->snapshot, j)->id == cache->items[i].id;
        if (used)
            cache->items[kept++] = cache->items[i];
        else
            cached_close(&cache->items[i]);
    }
    cache->n = kept;
}

static cairn_status open_words(cached *x, const section_source *source, cairn_error *err)
{
    cairn_status st = lexical_reader_open(&x->lexical, source, err), near;

    if (st)
        return st;
    near = near_reader_open(&x->near, source, err);
    return near == CAIRN_ENOTFOUND ? CAIRN_OK : near;
}

/* Open the readers of a segment that is not in the cache yet. */
static cairn_status cached_open(const cairn *c, cached *x, const store_segment *seg,
                                cairn_error *err)
{
    const vector_device *device = engine_vector_device(&c->settings);
    section_source source = segment_source(seg->file);
    cairn_status st;

    *x = (cached){.id = seg->id, .file = segment_retain(seg->file)};
    st = filter_reader_open(&x->filter, &source, err);
    if (!st && seg->kind == SEGMENT_LEXICAL)
        st = open_words(x, &source, err);
    else if (!st)
        st = vector_reader_open(&x->vector, &source, err);
    if (!st && x->vector && device)
        st = vector_reader_use_device(x->vector, device, err);
    if (st && segment_damage(seg->file))
        cairn_fail(err, CAIRN_ECORRUPT, "%s: section %s is damaged; cairn check --repair rebuilds it",
                   segment_file_path(seg->file), segment_damage(seg->file));
    else if (st == CAIRN_EUNSUPPORTED)
        cairn_fail(err, st,
                   "collection %s was indexed by another version of this program: run cairn index "
                   "on anything in it and it is brought up to date from the store",
                   c->collection);
    else if (st)
        cairn_error_prefix(err, "%s", segment_file_path(seg->file));
    if (st)
        cached_close(x);
    return st;
}

static cairn_status find_cached(cairn *c, const store_segment *seg, cached **out, cairn_error *err)
{
    view_cache *cache = c->views;
    cairn_status st;

    for (size_t i = 0; i < cache->n; i++) {
        if (cache->items[i].id == seg->id) {
            *out = &cache->items[i];
            return CAIRN_OK;
        }
    }
    if (cache->n == cache->cap) {
        size_t cap = cache->cap ? cache->cap * 2 : 16;
        cached *items = realloc(cache->items, cap * sizeof *items);
        if (!items)
            return cairn_fail(err, CAIRN_ENOMEM, "segment readers");
        cache->items = items;
        cache->cap = cap;
    }
    st = cached_open(c, &cache->items[cache->n], seg, err);
    if (!st)
        *out = &cache->items[cache->n++];
    return st;
}

/* Which rows of the segment the rules hide. */
static cairn_status look_at_rules(const cairn *c, cached *x, cairn_error *err)
{
    size_t words = row_set_words(filter_reader_rows(x->filter));
    cairn_status st;

    if (x->rules == access_version(c->access))
        return CAIRN_OK;
    if (!x->hidden && !(x->hidden = calloc(words + 1, sizeof *x->hidden)))
        return cairn_fail(err, CAIRN_ENOMEM, "hidden rows");
    st = access_hidden(c->access, x->filter, x->hidden, &x->any_hidden, err);
    if (!st)
        x->rules = access_version(c->access);
    return st;
}

/* What the handle may not see is deleted to whoever walks the view. */
static cairn_status hide(const cairn *c, view *v, cached *x, const store_segment *seg,
                         const uint64_t **deleted, cairn_error *err)
{
    size_t words = row_set_words(seg->n_rows);
    uint64_t *bits;
    cairn_status st;

    *deleted = seg->deleted;
    if (!c->access)
        return CAIRN_OK;
    st = look_at_rules(c, x, err);
    if (st || !x->any_hidden)
        return st;
    if (filter_reader_rows(x->filter) != seg->n_rows)
        return cairn_fail(err, CAIRN_ECORRUPT, "%s: columns of %u rows beside %u rows",
                          segment_file_path(seg->file), filter_reader_rows(x->filter), seg->n_rows);
    bits = calloc(words + 1, sizeof *bits);
    if (!bits)
        return cairn_fail(err, CAIRN_ENOMEM, "hidden rows");
    for (size_t w = 0; w < words; w++)
        bits[w] = x->hidden[w] | (seg->deleted ? seg->deleted[w] : 0);
    v->hidden[v->n_hidden++] = bits;
    *deleted = bits;
    return CAIRN_OK;
}

static cairn_status view_allocate(view *v, size_t n)
{
    n = n ? n : 1;
    v->hidden = calloc(n, sizeof *v->hidden);
    v->lexical_of = calloc(n, sizeof *v->lexical_of);
    v->lexical = calloc(n, sizeof *v->lexical);
    v->lexical_filter = calloc(n, sizeof *v->lexical_filter);
    v->near = calloc(n, sizeof *v->near);
    v->vector_of = calloc(n, sizeof *v->vector_of);
    v->vector = calloc(n, sizeof *v->vector);
    v->vector_filter = calloc(n, sizeof *v->vector_filter);
    v->second_of = calloc(n, sizeof *v->second_of);
    v->second = calloc(n, sizeof *v->second);
    v->second_filter = calloc(n, sizeof *v->second_filter);
    return v->hidden && v->lexical_of && v->lexical && v->lexical_filter && v->near && v->vector_of && v->vector &&
                   v->vector_filter && v->second_of && v->second && v->second_filter
               ? CAIRN_OK
               : CAIRN_ENOMEM;
}

static cairn_status view_add(cairn *c, view *v, const store_segment *seg, cairn_error *err)
{
    cached *x = NULL;
    const uint64_t *deleted = NULL;
    cairn_status st = find_cached(c, seg, &x, err);
    size_t i;

    if (!st)
        st = hide(c, v, x, seg, &deleted, err);
    if (st)
        return st;
    if (seg->kind == SEGMENT_LEXICAL) {
        i = v->n_lexical++;
        v->lexical_of[i] = seg;
        v->lexical[i] = (lexical_segment){.reader = x->lexical, .deleted = deleted};
        v->lexical_filter[i] = x->filter;
        v->near[i] = x->near;
    } else if (seg->kind == SEGMENT_ASIDE) {
        i = v->n_second++;
        v->second_of[i] = seg;
        v->second[i] = (vector_segment){.reader = x->vector, .deleted = deleted};
        v->second_filter[i] = x->filter;
    } else {
        i = v->n_vector++;
        v->vector_of[i] = seg;
        v->vector[i] = (vector_segment){.reader = x->vector, .deleted = deleted};
        v->vector_filter[i] = x->filter;
    }
    return CAIRN_OK;
}

/* The second embedder's vectors are no part of the view where too many are missing. */
static cairn_status leave_out_half(view *v, cairn_error *err)
{
    bool enough;
    cairn_status st = second_is_enough(v, &enough, err);

    if (st || enough)
        return st;
    v->n_second = 0;
    free(v->second_model);
    free(v->second_identity);
    v->second_model = v->second_identity = NULL;
    return CAIRN_OK;
}

cairn_status view_open(cairn *c, view *v, cairn_error *err)
{
    cairn_status st;
    size_t n;

    *v = (view){0};
    if (!c->views && !(c->views = calloc(1, sizeof *c->views)))
        return cairn_fail(err, CAIRN_ENOMEM, "segment readers");
    st = c->remote ? CAIRN_OK : engine_refresh_access(c, err);
    if (!st)
        st = store_snapshot_open(c->store, &v->snapshot, err);
    if (st)
        return st;
    if (c->remote) {
        v->on_cluster = cluster_index(v->snapshot);
        v->index = &v->on_cluster;
        st = engine_hide(c, v->index, err);
    }
    n = store_segment_count(v->snapshot);
    if (view_allocate(v, n))
        st = cairn_fail(err, CAIRN_ENOMEM, "view of %zu segments", n);
    if (!st)
        st = engine_follow_embedder(c, v->snapshot, err);
    if (!st && !c->remote)
        st = second_find(c, v->snapshot, &v->second_model, &v->second_identity, err);
    for (size_t i = 0; !st && i < n; i++)
        if (store_segment_at(v->snapshot, i)->kind != SEGMENT_ASIDE || v->second_model)
            st = view_add(c, v, store_segment_at(v->snapshot, i), err);
    if (!st && v->second_model)
        st = leave_out_half(v, err);
    if (st)
        view_close(v);
    else
        view_cache_trim(c, v);
    return st;
}

cairn_status view_open_relying(cairn *c, view *v, cairn_error *err)
{
    cairn_status st;

    cluster_rely(c, true);
    st = view_open(c, v, err);
    cluster_rely(c, false);
    return st;
}

cairn_status view_is_current(const view *v, bool *current, cairn_error *err)
{
    *current = true;
    return v->index ? v->index->remote->is_current(v->index->ctx, current, err) : CAIRN_OK;
}

void view_close(view *v)
{
    store_snapshot_close(v->snapshot);
    for (size_t i = 0; i < v->n_hidden; i++)
        free(v->hidden[i]);
    free(v->hidden);
    free(v->lexical_of);
    free(v->lexical);
    free(v->lexical_filter);
    free(v->near);
    free(v->vector_of);
    free(v->vector);
    free(v->vector_filter);
    free(v->second_of);
    free(v->second);
    free(v->second_filter);
    free(v->second_model);
    free(v->second_identity);
    *v = (view){0};
}
