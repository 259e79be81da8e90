/* segments.c - the embedded index (index.h): the lexical and vector segments of one snapshot.
 *
 * Required phrases, exclusions and conditions are the lexical index's business. For the vector list
 * they are carried over as a set of chunks: the rows that the lexical index says satisfy them.
 * Filters inside conditions become sets of rows before. */
#include "retrieve/segments.h"

#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "base/clock.h"

static chunk_id file_chunk(const void *ctx, uint32_t row)
{
    return segment_row_chunk(ctx, row);
}

static doc_id file_doc(const void *ctx, uint32_t row)
{
    return segment_row_doc(ctx, row);
}

static bool file_row(const void *ctx, chunk_id chunk, uint32_t *row)
{
    return segment_chunk_row(ctx, chunk, row);
}

retrieve_rows retrieve_rows_of_file(const segment_file *f)
{
    return (retrieve_rows){.ctx = f, .chunk = file_chunk, .doc = file_doc, .row = file_row};
}

static void *scratch(const segments_search *s, size_t n, size_t size, cairn_status *st,
                     cairn_error *err)
{
    void *p = arena_calloc(s->ask->a, n ? n : 1, size);

    if (!p && !*st)
        *st = cairn_fail(err, CAIRN_ENOMEM, "search");
    return p;
}

/* ---- filter ---- */

/* The rows that `expr` allows; NULL in *out when it allows all. */
static cairn_status allowed_rows(segments_search *s, const filter_expr *expr, const filter_reader *filter,
                                 uint32_t n_rows, const uint64_t **out, uint32_t *n_allowed, cairn_error *err)
{
    cairn_status st = CAIRN_OK;
    uint64_t *bits;

    *out = NULL;
    *n_allowed = n_rows;
    if (!expr->n)
        return CAIRN_OK;
    bits = scratch(s, row_set_words(n_rows), sizeof *bits, &st, err);
    if (st)
        return st;
    *n_allowed = 0;
    if (filter)
        st = filter_eval(filter, expr, bits, n_allowed, err);
    *out = bits;
    return st;
}

static uint64_t count_live(const uint64_t *deleted, uint32_t n_rows)
{
    uint64_t n = n_rows;

    if (deleted)
        for (size_t w = 0; w < row_set_words(n_rows); w++)
            n -= (uint64_t)__builtin_popcountll(deleted[w]);
    return n;
}

/* The query's filter, and what the model can read. */
static cairn_status both_hold(segments_search *s, const filter_expr *readable, filter_expr *out, cairn_error *err)
{
    const filter_expr *filter = &s->ask->query->filter;
    cairn_status st = CAIRN_OK;
    filter_predicate *all = scratch(s, filter->n + readable->n, sizeof *all, &st, err);

    if (st)
        return st;
    if (filter->n)
        memcpy(all, filter->predicates, filter->n * sizeof *all);
    if (readable->n)
        memcpy(all + filter->n, readable->predicates, readable->n * sizeof *all);
    *out = (filter_expr){all, filter->n + readable->n};
    return CAIRN_OK;
}

static cairn_status filter_vectors(segments_search *s, const retrieve_vector_segment *segs, size_t n_segs,
                                   const filter_expr *readable, vector_segment **out, cairn_error *err)
{
    filter_expr expr;
    cairn_status st = both_hold(s, readable, &expr, err);
    uint32_t n;

    *out = scratch(s, n_segs, sizeof **out, &st, err);
    for (size_t i = 0; !st && i < n_segs; i++) {
        const retrieve_vector_segment *seg = &segs[i];
        (*out)[i] = (vector_segment){.reader = seg->reader, .deleted = seg->deleted};
        st = allowed_rows(s, &expr, seg->filter, vector_reader_rows(seg->reader), &(*out)[i].allowed, &n, err);
    }
    return st;
}

static cairn_status apply_filter(segments_search *s, cairn_error *err)
{
    const retrieve_corpus *c = s->corpus;
    cairn_status st = CAIRN_OK;
    uint32_t n;

    s->lexical = scratch(s, c->n_lexical, sizeof *s->lexical, &st, err);
    for (size_t i = 0; !st && i < c->n_lexical; i++) {
        const retrieve_lexical_segment *seg = &c->lexical[i];
        uint32_t rows = lexical_reader_rows(seg->reader);
        s->lexical[i] = (lexical_segment){.reader = seg->reader, .deleted = seg->deleted};
        st = allowed_rows(s, &s->ask->query->filter, seg->filter, rows, &s->lexical[i].allowed, &n, err);
        s->out->n_rows += count_live(seg->deleted, rows);
        s->out->n_allowed += n;
    }
    if (!st)
        st = filter_vectors(s, c->vector, c->n_vector, &s->ask->readable, &s->vector, err);
    return st || !s->ask->second
               ? st
               : filter_vectors(s, c->second, c->n_second, &s->ask->second_readable, &s->second, err);
}

/* ---- conditions ---- */

/* A copy of the node in which filters are sets of rows: sets[predicate] has one a segment. */
static cairn_status fill_node(segments_search *s, const lexical_node *from,
                              const uint64_t *const *const *sets, lexical_node *to,
                              cairn_error *err)
{
    cairn_status st = CAIRN_OK;
    lexical_node *parts;

    *to = *from;
    if (from->kind == LEXICAL_NODE_ROWS)
        to->rows = sets[from->clause];
    if (!from->n_parts)
        return CAIRN_OK;
    parts = scratch(s, from->n_parts, sizeof *parts, &st, err);
    for (size_t i = 0; !st && i < from->n_parts; i++)
        st = fill_node(s, &from->parts[i], sets, &parts[i], err);
    to->parts = parts;
    return st;
}

/* The rows of predicate p alone, in every lexical segment. */
static cairn_status predicate_rows(segments_search *s, const filter_predicate *p,
                                   const uint64_t *const **out, cairn_error *err)
{
    const retrieve_corpus *c = s->corpus;
    filter_expr expr = {p, 1};
    cairn_status st = CAIRN_OK;
    const uint64_t **sets = scratch(s, c->n_lexical, sizeof *sets, &st, err);

    for (size_t i = 0; !st && i < c->n_lexical; i++) {
        const retrieve_lexical_segment *seg = &c->lexical[i];
        uint64_t *bits =
            scratch(s, row_set_words(lexical_reader_rows(seg->reader)), sizeof *bits, &st, err);
        if (!st && seg->filter)
            st = filter_eval(seg->filter, &expr, bits, NULL, err);
        sets[i] = bits;
    }
    *out = sets;
    return st;
}

static cairn_status fill_conditions(segments_search *s, cairn_error *err)
{
    const retrieve_query *q = s->ask->query;
    cairn_status st = CAIRN_OK;
    lexical_clause *own;
    const uint64_t *const **sets;

    s->clauses = q->clauses;
    if (!q->n_predicates)
        return CAIRN_OK;
    sets = scratch(s, q->n_predicates, sizeof *sets, &st, err);
    own = scratch(s, q->n_clauses, sizeof *own, &st, err);
    for (size_t i = 0; !st && i < q->n_predicates; i++)
        st = predicate_rows(s, &q->predicates[i], &sets[i], err);
    for (size_t i = 0; !st && i < q->n_clauses; i++) {
        own[i] = q->clauses[i];
        if (own[i].kind == LEXICAL_TREE) {
            lexical_node *root = scratch(s, 1, sizeof *root, &st, err);
            if (!st)
                st = fill_node(s, q->clauses[i].tree, sets, root, err);
            own[i].tree = root;
        }
    }
    s->clauses = own;
    return st;
}

/* The lexical rows that are live, allowed and satisfy what is required and excluded. */
static cairn_status constrained_rows(segments_search *s, uint64_t ***out, cairn_error *err)
{
    lexical_query q = {s->clauses, s->ask->query->n_clauses, s->ask->lang};
    cairn_status st = CAIRN_OK;
    uint64_t **rows = scratch(s, s->corpus->n_lexical, sizeof *rows, &st, err);

    for (size_t i = 0; !st && i < s->corpus->n_lexical; i++)
        rows[i] = scratch(s, row_set_words(lexical_reader_rows(s->corpus->lexical[i].reader)),
                          sizeof **rows, &st, err);
    if (!st)
        st = lexical_match(s->ask->an, s->lexical, s->corpus->n_lexical, &q,
                           &s->ask->params->lexical, rows, err);
    *out = rows;
    return st;
}

/* ---- words ---- */

/* Rows with one score come by rising chunk id: their own order is by segment and row, which a merge
 * changes, and with it nothing that a reader sees should change. */
static void settle_ties(retrieve_list *list, size_t n)
{
    fuse_item *items = list->items;

    for (size_t i = 1; i < n; i++) {
        fuse_item item = items[i];
        doc_id doc = list->docs[i];
        uint64_t place = list->places ? list->places[i] : 0;
        size_t j = i;
        for (; j && items[j - 1].score == item.score && items[j - 1].id > item.id; j--) {
            items[j] = items[j - 1];
            list->docs[j] = list->docs[j - 1];
            if (list->places)
                list->places[j] = list->places[j - 1];
        }
        items[j] = item;
        list->docs[j] = doc;
        if (list->places)
            list->places[j] = place;
    }
}

static void put_hit(retrieve_list *list, size_t i, const retrieve_rows *rows, uint32_t segment, uint32_t row, float score)
{
    list->items[i] = (fuse_item){rows->chunk(rows->ctx, row), score};
    list->docs[i] = rows->doc(rows->ctx, row);
    if (list->places)
        list->places[i] = (uint64_t)segment << 32 | row;
}

/* The list has its n hits, or st says why not. */
static cairn_status end_list(retrieve_list *list, size_t n, int64_t start_ns, cairn_status st)
{
    if (!st)
        settle_ties(list, n);
    list->n = n;
    list->ns = clock_mono_ns() - start_ns;
    return st;
}

/* A list to be made: what it needs of the search's memory is there before. */
typedef struct making {
    segments_search *s;
    retrieve_list *list;
    lexical_hit *words; /* [depth]; of the list of words */
    vector_hit *hits;   /* [depth]; of one of vectors, and what follows */
    const retrieve_vector_segment *segs;
    vector_segment *narrowed;
    size_t n_segs;
    const float *question;
    uint32_t dim;
    cairn_status st;
    cairn_error err;
} making;

static cairn_status prepare_words(segments_search *s, making *m, cairn_error *err)
{
    cairn_status st = CAIRN_OK;
    size_t depth = s->ask->params->depth;
    retrieve_list *list = &s->out->words;

    *m = (making){.s = s, .list = list};
    m->words = scratch(s, depth, sizeof *m->words, &st, err);
    list->items = scratch(s, depth, sizeof *list->items, &st, err);
    list->docs = scratch(s, depth, sizeof *list->docs, &st, err);
    return st;
}

static void search_words(making *m)
{
    const segments_search *s = m->s;
    const retrieve_ask *ask = s->ask;
    lexical_query q = {s->clauses, ask->query->n_clauses, ask->lang};
    int64_t start = clock_mono_ns();
    size_t n = 0;

    m->st = lexical_search(ask->an, s->lexical, s->corpus->n_lexical, &q, &ask->params->lexical,
                           ask->params->depth, m->words, &n, &m->err);
    for (size_t i = 0; !m->st && i < n; i++) {
        const lexical_hit *h = &m->words[i];
        put_hit(m->list, i, &s->corpus->lexical[h->segment].rows, h->segment, h->row, h->score);
    }
    m->st = end_list(m->list, n, start, m->st);
}

/* ---- all matches ---- */

/* A condition that any of the query's scoring words is there. */
static cairn_status any_word(segments_search *s, const lexical_clause *clauses, size_t n,
                             lexical_clause *out, cairn_error *err)
{
    cairn_status st = CAIRN_OK;
    lexical_node *leaves = scratch(s, n, sizeof *leaves, &st, err);
    lexical_node *root = scratch(s, 1, sizeof *root, &st, err);

    if (st)
        return st;
    *root = (lexical_node){.kind = LEXICAL_NODE_OR, .parts = leaves};
    for (size_t i = 0; i < n; i++)
        if (clauses[i].occur == LEXICAL_SHOULD && clauses[i].kind != LEXICAL_TREE)
            leaves[root->n_parts++] =
                (lexical_node){.kind = LEXICAL_NODE_CLAUSE, .any = true, .clause = (uint32_t)i};
    *out = (lexical_clause){.kind = LEXICAL_TREE, .tree = root};
    return CAIRN_OK;
}

static cairn_status find_matches(segments_search *s, const lexical_clause *clauses, size_t n,
                                 cairn_error *err)
{
    cairn_status st = CAIRN_OK;
    lexical_clause *own = scratch(s, n + 1, sizeof *own, &st, err), any;
    uint64_t **rows = scratch(s, s->corpus->n_lexical, sizeof *rows, &st, err);

    for (size_t i = 0; !st && i < s->corpus->n_lexical; i++)
        rows[i] = scratch(s, row_set_words(lexical_reader_rows(s->corpus->lexical[i].reader)),
                          sizeof **rows, &st, err);
    if (!st)
        st = any_word(s, clauses, n, &any, err);
    if (st)
        return st;
    if (n)
        memcpy(own, clauses, n * sizeof *own);
    if (!s->ask->query->has_required && any.tree->n_parts)
        own[n++] = any;
    lexical_query q = {.clauses = own, .n = n, .lang_hint = s->ask->lang};
    st = lexical_match(s->ask->an, s->lexical, s->corpus->n_lexical, &q, &s->ask->params->lexical,
                       rows, err);
    s->out->matches = rows;
    return st;
}

/* ---- vectors ---- */

/* Whether the lexical rows of `chunk` satisfy the query's required and excluded clauses: `rows[i]`
 * is the set of rows of lexical segment i that do. */
static bool chunk_is_allowed(const segments_search *s, uint64_t *const *rows, chunk_id chunk)
{
    for (size_t i = 0; i < s->corpus->n_lexical; i++) {
        const retrieve_rows *map = &s->corpus->lexical[i].rows;
        const uint64_t *deleted = s->corpus->lexical[i].deleted;
        uint32_t row;
        if (map->row(map->ctx, chunk, &row) && !(deleted && row_set_has(deleted, row)))
            return row_set_has(rows[i], row);
    }
    return false;
}

/* Narrow vector segments to the chunks that the words' constraints leave. */
static cairn_status constrain_vectors(segments_search *s, const retrieve_vector_segment *segs, size_t n_segs,
                                      vector_segment *narrowed, cairn_error *err)
{
    cairn_status st = s->constrained ? CAIRN_OK : constrained_rows(s, &s->constrained, err);

    for (size_t i = 0; !st && i < n_segs; i++) {
        const retrieve_vector_segment *seg = &segs[i];
        uint32_t n = vector_reader_rows(seg->reader);
        uint64_t *bits = scratch(s, row_set_words(n), sizeof *bits, &st, err);
        const uint64_t *was = narrowed[i].allowed;
        for (uint32_t row = 0; !st && row < n; row++) {
            if (was && !row_set_has(was, row))
                continue;
            if (chunk_is_allowed(s, s->constrained, seg->rows.chunk(seg->rows.ctx, row)))
                bits[row >> 6] |= (uint64_t)1 << (row & 63);
        }
        narrowed[i].allowed = bits;
    }
    return st;
}

static cairn_status prepare_vectors(segments_search *s, bool second, making *m, cairn_error *err)
{
    const retrieve_corpus *c = s->corpus;
    const retrieve_ask *ask = s->ask;
    size_t depth = ask->params->depth;
    cairn_status st = CAIRN_OK;

    *m = second ? (making){.s = s,
                           .list = &s->out->second,
                           .segs = c->second,
                           .narrowed = s->second,
                           .n_segs = c->n_second,
                           .question = ask->second,
                           .dim = ask->second_dim}
                : (making){.s = s,
                           .list = &s->out->vectors,
                           .segs = c->vector,
                           .narrowed = s->vector,
                           .n_segs = c->n_vector,
                           .question = ask->question,
                           .dim = ask->dim};
    m->hits = scratch(s, depth, sizeof *m->hits, &st, err);
    m->list->items = scratch(s, depth, sizeof *m->list->items, &st, err);
    m->list->docs = scratch(s, depth, sizeof *m->list->docs, &st, err);
    m->list->places = scratch(s, depth, sizeof *m->list->places, &st, err);
    if (!st && (ask->query->has_required || ask->query->has_excluded))
        st = constrain_vectors(s, m->segs, m->n_segs, m->narrowed, err);
    return st;
}

static void search_vectors(making *m)
{
    const retrieve_ask *ask = m->s->ask;
    int64_t start = clock_mono_ns();
    size_t n = 0;

    m->st = vector_search(m->narrowed, m->n_segs, m->question, m->dim, ask->params->depth,
                          &ask->params->vector, ask->workers, m->hits, &n, &m->err);
    for (size_t i = 0; !m->st && i < n; i++) {
        const vector_hit *h = &m->hits[i];
        put_hit(m->list, i, &m->segs[h->segment].rows, h->segment, h->row, h->score);
    }
    m->st = end_list(m->list, n, start, m->st);
}

/* Mark what of a list of vectors, of rows in segs[n_segs], the other model cannot read. */
static cairn_status mark_sole(segments_search *s, const retrieve_vector_segment *segs, size_t n_segs,
                              const filter_expr *other, retrieve_list *list, cairn_error *err)
{
    cairn_status st = CAIRN_OK;
    const uint64_t **read = scratch(s, n_segs, sizeof *read, &st, err);
    uint32_t n;

    list->sole = scratch(s, list->n, sizeof *list->sole, &st, err);
    for (size_t i = 0; !st && i < n_segs; i++)
        st = allowed_rows(s, other, segs[i].filter, vector_reader_rows(segs[i].reader), &read[i], &n, err);
    for (size_t i = 0; !st && i < list->n; i++)
        list->sole[i] = !row_set_has(read[list->places[i] >> 32], (uint32_t)list->places[i]);
    return st;
}

static cairn_status mark_both_sole(segments_search *s, cairn_error *err)
{
    const retrieve_ask *ask = s->ask;
    cairn_status st = CAIRN_OK;

    if (!ask->question || !ask->second)
        return CAIRN_OK;
    if (ask->second_readable.n)
        st = mark_sole(s, s->corpus->vector, s->corpus->n_vector, &ask->second_readable, &s->out->vectors, err);
    if (!st && ask->readable.n)
        st = mark_sole(s, s->corpus->second, s->corpus->n_second, &ask->readable, &s->out->second, err);
    return st;
}

static void make_task(void *ctx, size_t task, size_t worker)
{
    making *m = (making *)ctx + task;

    (void)worker;
    if (m->hits)
        search_vectors(m);
    else
        search_words(m);
}

/* The lists that are asked for: those of two models side by side, each on a thread, since one alone is
 * better shared by all. */
static cairn_status make_lists(segments_search *s, cairn_error *err)
{
    const retrieve_ask *ask = s->ask;
    making all[3];
    size_t n = 0;
    cairn_status st = CAIRN_OK;

    if (ask->question)
        st = prepare_vectors(s, false, &all[n++], err);
    if (!st && ask->second)
        st = prepare_vectors(s, true, &all[n++], err);
    if (!st && ask->words)
        st = prepare_words(s, &all[n++], err);
    if (st)
        return st;
    s->out->side_by_side = ask->question && ask->second && pool_threads(ask->workers) > 1;
    pool_run(s->out->side_by_side ? ask->workers : NULL, n, make_task, all);
    for (size_t i = 0; i < n; i++)
        if (all[i].st) {
            if (err)
                *err = all[i].err;
            return all[i].st;
        }
    return CAIRN_OK;
}

/* ---- documents ---- */

/* Keep the documents with the smallest chunks, n <= k of them, by rising chunk; returns the new n.
 * A document that is kept already moves down if this chunk is a smaller one of its own. */
static size_t keep_document(retrieve_hit *hits, size_t n, size_t k, chunk_id chunk, doc_id doc)
{
    size_t at = 0;

    if (n == k && (!k || chunk >= hits[n - 1].chunk))
        return n;
    while (at < n && hits[at].doc != doc)
        at++;
    if (at < n && hits[at].chunk <= chunk)
        return n;
    if (at == n && n < k)
        n++;
    else if (at == n)
        at--; /* the last falls out */
    for (; at && hits[at - 1].chunk > chunk; at--)
        hits[at] = hits[at - 1];
    hits[at] = (retrieve_hit){.chunk = chunk, .doc = doc};
    return n;
}

static int by_doc(const void *x, const void *y)
{
    const doc_id a = *(const doc_id *)x, b = *(const doc_id *)y;

    return (a > b) - (a < b);
}

/* Documents, rising, a document once or several times. */
typedef struct doc_list {
    doc_id *ids;
    size_t n, cap;
} doc_list;

static bool list_has(const doc_list *l, doc_id doc)
{
    return l->n && bsearch(&doc, l->ids, l->n, sizeof *l->ids, by_doc);
}

/* Those of which a passage, allowed by the filter, is not among `rows`. */
static cairn_status list_barred(const segments_search *s, uint64_t *const *rows, doc_list *out, cairn_error *err)
{
    for (size_t i = 0; i < s->corpus->n_lexical; i++) {
        const retrieve_lexical_segment *seg = &s->corpus->lexical[i];
        const uint64_t *allowed = s->lexical[i].allowed;
        for (uint32_t row = 0; row < lexical_reader_rows(seg->reader); row++) {
            doc_id doc;
            doc_id *more;
            if (row_set_has(rows[i], row) || (seg->deleted && row_set_has(seg->deleted, row)) ||
                (allowed && !row_set_has(allowed, row)))
                continue;
            doc = seg->rows.doc(seg->rows.ctx, row);
            if (out->n && out->ids[out->n - 1] == doc)
                continue;
            more = checked_room(out->ids, out->n, &out->cap, sizeof *more);
            if (!more)
                return cairn_fail(err, CAIRN_ENOMEM, "search");
            out->ids = more;
            out->ids[out->n++] = doc;
        }
    }
    if (out->n)
        qsort(out->ids, out->n, sizeof *out->ids, by_doc);
    return CAIRN_OK;
}

/* Take what belongs to these documents from the sets of rows, one a segment. */
static void take_from(const segments_search *s, const doc_list *docs, uint64_t *const *rows)
{
    for (size_t i = 0; docs->n && rows && i < s->corpus->n_lexical; i++) {
        const retrieve_rows *map = &s->corpus->lexical[i].rows;
        for (uint32_t row = 0; row < lexical_reader_rows(s->corpus->lexical[i].reader); row++)
            if (row_set_has(rows[i], row) && list_has(docs, map->doc(map->ctx, row)))
                rows[i][row >> 6] &= ~((uint64_t)1 << (row & 63));
    }
}

static bool excludes_words(const retrieve_query *q)
{
    for (size_t i = 0; i < q->n_clauses; i++)
        if (q->clauses[i].kind != LEXICAL_TREE && q->clauses[i].occur >= LEXICAL_MUST_NOT)
            return true;
    return false;
}

/* A query of filters and conditions alone: the first chunk of each document allowed, in the order
 * of indexing. What is excluded is so from a document as a whole. */
static cairn_status list_documents(segments_search *s, cairn_error *err)
{
    size_t k = s->ask->k;
    cairn_status st = CAIRN_OK;
    uint64_t **rows = NULL;
    doc_list barred = {0};
    size_t n = 0;

    if (s->ask->query->has_required || s->ask->query->has_excluded)
        st = constrained_rows(s, &rows, err);
    s->out->documents = scratch(s, k, sizeof *s->out->documents, &st, err);
    if (!st && rows && excludes_words(s->ask->query))
        st = list_barred(s, rows, &barred, err);
    if (!st && rows) {
        take_from(s, &barred, rows);
        take_from(s, &barred, s->out->matches);
    }
    for (size_t i = 0; !st && i < s->corpus->n_lexical; i++) {
        const retrieve_lexical_segment *seg = &s->corpus->lexical[i];
        const uint64_t *allowed = rows ? rows[i] : s->lexical[i].allowed;
        for (uint32_t row = 0; row < lexical_reader_rows(seg->reader); row++) {
            if ((seg->deleted && row_set_has(seg->deleted, row)) ||
                (allowed && !row_set_has(allowed, row)))
                continue;
            n = keep_document(s->out->documents, n, k, seg->rows.chunk(seg->rows.ctx, row),
                              seg->rows.doc(seg->rows.ctx, row));
        }
    }
    s->out->n_documents = n;
    free(barred.ids);
    return st;
}

/* ---- why ---- */

static cairn_status explain(void *ctx, const retrieve_ask *ask, retrieve_result *found_hits,
                            cairn_error *err)
{
    segments_search *s = ctx;
    lexical_query q = {
        .clauses = s->clauses, .n = s->ask->query->n_clauses, .lang_hint = s->ask->lang};
    cairn_status st = CAIRN_OK;
    size_t n = found_hits->n_hits, n_found = 0;
    lexical_hit *found = scratch(s, n, sizeof *found, &st, err);
    size_t *of = scratch(s, n, sizeof *of, &st, err);
    lexical_explanation *why = scratch(s, 1, sizeof *why, &st, err), told;

    for (size_t i = 0; !st && i < n; i++) {
        const retrieve_hit *h = &found_hits->hits[i];
        for (size_t l = 0; h->lexical_rank && l < s->corpus->n_lexical; l++) {
            const retrieve_rows *rows = &s->corpus->lexical[l].rows;
            const uint64_t *deleted = s->corpus->lexical[l].deleted;
            uint32_t row;
            if (!rows->row(rows->ctx, h->chunk, &row) || (deleted && row_set_has(deleted, row)))
                continue;
            of[n_found] = i;
            found[n_found++] = (lexical_hit){(uint32_t)l, row, h->lexical_score};
            break;
        }
    }
    if (!st)
        st = lexical_explain(s->ask->an, s->lexical, s->corpus->n_lexical, &q,
                             &s->ask->params->lexical, found, n_found, s->ask->a, &told, err);
    if (st)
        return st;
    *why = told;
    why->reasons = scratch(s, n, sizeof *why->reasons, &st, err);
    for (size_t i = 0; !st && i < n_found; i++)
        why->reasons[of[i]] = told.reasons[i];
    found_hits->explained = why;
    return st;
}

static cairn_status lists(void *ctx, const retrieve_ask *ask, retrieve_lists *out, cairn_error *err)
{
    segments_search *s = ctx;
    int64_t start = clock_mono_ns();
    cairn_status st;

    s->ask = ask;
    s->out = out;
    st = apply_filter(s, err);
    out->filter_ns = clock_mono_ns() - start;
    if (!st)
        st = fill_conditions(s, err);
    if (!st && ask->params->matches)
        st = find_matches(s, s->clauses, ask->words ? ask->query->n_clauses : 0, err);
    if (!st && ask->documents)
        return list_documents(s, err);
    if (!st)
        st = make_lists(s, err);
    return st ? st : mark_both_sole(s, err);
}

static const float *vector_at(void *ctx, bool second, uint64_t place, float *room)
{
    const retrieve_corpus *c = ((const segments_search *)ctx)->corpus;
    const vector_reader *r = (second ? c->second : c->vector)[place >> 32].reader;
    const float *row = vector_reader_row(r, (uint32_t)place);

    if (!row && room)
        vector_reader_get(r, (uint32_t)place, room);
    return row ? row : room;
}

retrieve_index segments_index(segments_search *s, const retrieve_corpus *corpus)
{
    *s = (segments_search){.corpus = corpus};
    return (retrieve_index){s, lists, explain, NULL, vector_at};
}
