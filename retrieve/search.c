/* search.c - filter, words, vectors, fusion: in this order, each stage timed.
 *
 * Required phrases, exclusions and conditions are the lexical index's business. For the vector list
 * they are carried over as a set of chunks: the rows that the lexical index says satisfy them. Filters
 * inside conditions become sets of rows before. */
#include "retrieve/search.h"

#include <string.h>

#include "base/clock.h"

#define DEFAULT_DEPTH 1000

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

void retrieve_params_default(retrieve_params *p)
{
    *p = (retrieve_params){.depth = DEFAULT_DEPTH,
                           .fusion = {.method = FUSE_CONVEX, .weight = {0.4, 0.6}}};
    lexical_params_default(&p->lexical);
}

/* One search on its way. */
typedef struct searching {
    const retrieve_corpus *corpus;
    const retrieve_query *query;
    const retrieve_params *params;
    const char *lang;
    analyzer *an;
    pool *workers;
    arena *a;
    retrieve_result *out;
    lexical_segment *lexical; /* with the filter's rows */
    const lexical_clause *clauses; /* the query's, conditions with the rows of their filters */
    vector_segment *vector;
    fuse_item *items[2]; /* words, vectors */
    doc_id *docs[2];
    size_t n_items[2];
} searching;

static void *scratch(searching *s, size_t n, size_t size, cairn_status *st, cairn_error *err)
{
    void *p = arena_calloc(s->a, n ? n : 1, size);

    if (!p && !*st)
        *st = cairn_fail(err, CAIRN_ENOMEM, "search");
    return p;
}

/* ---- filter ---- */

/* The rows a filter allows; NULL in *out when it allows all. */
static cairn_status allowed_rows(searching *s, const filter_reader *filter, uint32_t n_rows,
                                 const uint64_t **out, uint32_t *n_allowed, cairn_error *err)
{
    cairn_status st = CAIRN_OK;
    uint64_t *bits;

    *out = NULL;
    *n_allowed = n_rows;
    if (!s->query->filter.n)
        return CAIRN_OK;
    bits = scratch(s, row_set_words(n_rows), sizeof *bits, &st, err);
    if (st)
        return st;
    *n_allowed = 0;
    if (filter)
        st = filter_eval(filter, &s->query->filter, bits, n_allowed, err);
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

static cairn_status apply_filter(searching *s, cairn_error *err)
{
    const retrieve_corpus *c = s->corpus;
    cairn_status st = CAIRN_OK;
    uint32_t n;

    s->lexical = scratch(s, c->n_lexical, sizeof *s->lexical, &st, err);
    s->vector = scratch(s, c->n_vector, sizeof *s->vector, &st, err);
    for (size_t i = 0; !st && i < c->n_lexical; i++) {
        const retrieve_lexical_segment *seg = &c->lexical[i];
        uint32_t rows = lexical_reader_rows(seg->reader);
        s->lexical[i] = (lexical_segment){.reader = seg->reader, .deleted = seg->deleted};
        st = allowed_rows(s, seg->filter, rows, &s->lexical[i].allowed, &n, err);
        s->out->n_rows += count_live(seg->deleted, rows);
        s->out->n_allowed += n;
    }
    for (size_t i = 0; !st && i < c->n_vector; i++) {
        const retrieve_vector_segment *seg = &c->vector[i];
        s->vector[i] = (vector_segment){.reader = seg->reader, .deleted = seg->deleted};
        st = allowed_rows(s, seg->filter, vector_reader_rows(seg->reader), &s->vector[i].allowed,
                          &n, err);
    }
    return st;
}

/* ---- conditions ---- */

/* A copy of the node in which filters are sets of rows: sets[predicate] has one a segment. */
static cairn_status fill_node(searching *s, const lexical_node *from,
                              const uint64_t *const *const *sets, lexical_node *to, cairn_error *err)
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
static cairn_status predicate_rows(searching *s, const filter_predicate *p,
                                   const uint64_t *const **out, cairn_error *err)
{
    const retrieve_corpus *c = s->corpus;
    filter_expr expr = {p, 1};
    cairn_status st = CAIRN_OK;
    const uint64_t **sets = scratch(s, c->n_lexical, sizeof *sets, &st, err);

    for (size_t i = 0; !st && i < c->n_lexical; i++) {
        const retrieve_lexical_segment *seg = &c->lexical[i];
        uint64_t *bits = scratch(s, row_set_words(lexical_reader_rows(seg->reader)), sizeof *bits,
                                 &st, err);
        if (!st && seg->filter)
            st = filter_eval(seg->filter, &expr, bits, NULL, err);
        sets[i] = bits;
    }
    *out = sets;
    return st;
}

static cairn_status fill_conditions(searching *s, cairn_error *err)
{
    const retrieve_query *q = s->query;
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
static cairn_status constrained_rows(searching *s, uint64_t ***out, cairn_error *err)
{
    lexical_query q = {s->clauses, s->query->n_clauses, s->lang};
    cairn_status st = CAIRN_OK;
    uint64_t **rows = scratch(s, s->corpus->n_lexical, sizeof *rows, &st, err);

    for (size_t i = 0; !st && i < s->corpus->n_lexical; i++)
        rows[i] = scratch(s, row_set_words(lexical_reader_rows(s->corpus->lexical[i].reader)),
                          sizeof **rows, &st, err);
    if (!st)
        st = lexical_match(s->an, s->lexical, s->corpus->n_lexical, &q, &s->params->lexical, rows,
                           err);
    *out = rows;
    return st;
}

/* ---- words ---- */

/* Rows with one score come by rising chunk id: their own order is by segment and row, which a merge
 * changes, and with it nothing that a reader sees should change. */
static void settle_ties(fuse_item *items, doc_id *docs, size_t n)
{
    for (size_t i = 1; i < n; i++) {
        fuse_item item = items[i];
        doc_id doc = docs[i];
        size_t j = i;
        for (; j && items[j - 1].score == item.score && items[j - 1].id > item.id; j--) {
            items[j] = items[j - 1];
            docs[j] = docs[j - 1];
        }
        items[j] = item;
        docs[j] = doc;
    }
}

static cairn_status search_words(searching *s, cairn_error *err)
{
    lexical_query q = {s->clauses, s->query->n_clauses, s->lang};
    cairn_status st = CAIRN_OK;
    size_t depth = s->params->depth;
    lexical_hit *hits = scratch(s, depth, sizeof *hits, &st, err);
    int64_t start = clock_mono_ns();
    size_t n = 0;

    s->items[0] = scratch(s, depth, sizeof *s->items[0], &st, err);
    s->docs[0] = scratch(s, depth, sizeof *s->docs[0], &st, err);
    if (!st)
        st = lexical_search(s->an, s->lexical, s->corpus->n_lexical, &q, &s->params->lexical, depth,
                            hits, &n, err);
    for (size_t i = 0; !st && i < n; i++) {
        const retrieve_rows *rows = &s->corpus->lexical[hits[i].segment].rows;
        s->items[0][i] = (fuse_item){rows->chunk(rows->ctx, hits[i].row), hits[i].score};
        s->docs[0][i] = rows->doc(rows->ctx, hits[i].row);
    }
    if (!st)
        settle_ties(s->items[0], s->docs[0], n);
    s->n_items[0] = n;
    s->out->n_lexical = n;
    s->out->lexical_ns = clock_mono_ns() - start;
    return st;
}

/* ---- all matches ---- */

/* A condition that any of the query's scoring words is there. */
static cairn_status any_word(searching *s, const lexical_clause *clauses, size_t n,
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

static cairn_status find_matches(searching *s, const lexical_clause *clauses, size_t n,
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
    if (!s->query->has_required && any.tree->n_parts)
        own[n++] = any;
    lexical_query q = {.clauses = own, .n = n, .lang_hint = s->lang};
    st = lexical_match(s->an, s->lexical, s->corpus->n_lexical, &q, &s->params->lexical, rows, err);
    s->out->matches = rows;
    return st;
}

/* ---- vectors ---- */

/* Whether the lexical rows of `chunk` satisfy the query's required and excluded clauses: `rows[i]`
 * is the set of rows of lexical segment i that do. */
static bool chunk_is_allowed(const searching *s, uint64_t *const *rows, chunk_id chunk)
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

/* Narrow the vector segments to the chunks that the words' constraints leave. */
static cairn_status constrain_vectors(searching *s, cairn_error *err)
{
    uint64_t **rows;
    cairn_status st = constrained_rows(s, &rows, err);

    for (size_t i = 0; !st && i < s->corpus->n_vector; i++) {
        const retrieve_vector_segment *seg = &s->corpus->vector[i];
        uint32_t n = vector_reader_rows(seg->reader);
        uint64_t *bits = scratch(s, row_set_words(n), sizeof *bits, &st, err);
        const uint64_t *was = s->vector[i].allowed;
        for (uint32_t row = 0; !st && row < n; row++) {
            if (was && !row_set_has(was, row))
                continue;
            if (chunk_is_allowed(s, rows, seg->rows.chunk(seg->rows.ctx, row)))
                bits[row >> 6] |= (uint64_t)1 << (row & 63);
        }
        s->vector[i].allowed = bits;
    }
    return st;
}

/* On failure of the embedder the words answer alone: *embedded says so, out->note why. */
static cairn_status search_vectors(searching *s, bool *embedded, cairn_error *err)
{
    const retrieve_corpus *c = s->corpus;
    size_t depth = s->params->depth, n = 0;
    cairn_status st = CAIRN_OK;
    cairn_error why = {0};
    float *question = scratch(s, c->dim, sizeof *question, &st, err);
    vector_hit *hits = scratch(s, depth, sizeof *hits, &st, err);
    int64_t start = clock_mono_ns();

    *embedded = false;
    s->items[1] = scratch(s, depth, sizeof *s->items[1], &st, err);
    s->docs[1] = scratch(s, depth, sizeof *s->docs[1], &st, err);
    if (st)
        return st;
    if (c->embed(c->embed_ctx, s->query->text, s->query->text_len, question, &why)) {
        s->out->note = arena_printf(s->a, "searched by words alone: %s", why.text);
        return CAIRN_OK;
    }
    *embedded = true;
    s->out->embed_ns = clock_mono_ns() - start;
    start = clock_mono_ns();
    if (s->query->has_required || s->query->has_excluded)
        st = constrain_vectors(s, err);
    if (!st)
        st = vector_search(s->vector, c->n_vector, question, c->dim, depth, &s->params->vector,
                           s->workers, hits, &n, err);
    for (size_t i = 0; !st && i < n; i++) {
        const retrieve_rows *rows = &c->vector[hits[i].segment].rows;
        s->items[1][i] = (fuse_item){rows->chunk(rows->ctx, hits[i].row), hits[i].score};
        s->docs[1][i] = rows->doc(rows->ctx, hits[i].row);
    }
    if (!st)
        settle_ties(s->items[1], s->docs[1], n);
    s->n_items[1] = n;
    s->out->n_vector = n;
    s->out->vector_ns = clock_mono_ns() - start;
    return st;
}

/* ---- fusion ---- */

static doc_id doc_of(const searching *s, const fuse_hit *h)
{
    for (size_t l = 0; l < 2; l++)
        if (h->list_rank[l])
            return s->docs[l][h->list_rank[l] - 1];
    return 0;
}

static cairn_status fuse(searching *s, bool words, bool vectors, size_t k, cairn_error *err)
{
    fuse_list lists[2] = {{s->items[0], s->n_items[0]}, {s->items[1], s->n_items[1]}};
    fuse_params one = {.method = FUSE_CONVEX, .weight = {words ? 1 : 0, vectors ? 1 : 0}};
    cairn_status st = CAIRN_OK;
    fuse_hit *fused = scratch(s, k, sizeof *fused, &st, err);
    int64_t start = clock_mono_ns();
    size_t n = 0;

    s->out->hits = scratch(s, k, sizeof *s->out->hits, &st, err);
    if (!st)
        st = fuse_lists(lists, 2, words && vectors ? &s->params->fusion : &one, k, fused, &n, err);
    for (size_t i = 0; !st && i < n; i++) {
        const fuse_hit *f = &fused[i];
        s->out->hits[i] = (retrieve_hit){
            .chunk = f->id,
            .doc = doc_of(s, f),
            /* A single list shows its own scores. */
            .score = words && vectors ? f->score : f->list_score[words ? 0 : 1],
            .lexical_score = f->list_score[0],
            .vector_score = f->list_score[1],
            .lexical_rank = f->list_rank[0],
            .vector_rank = f->list_rank[1],
            .fused_rank = (uint32_t)i + 1};
    }
    s->out->n_hits = n;
    s->out->fuse_ns = clock_mono_ns() - start;
    return st;
}

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

/* A query of filters and conditions alone: the first chunk of each document allowed, in the order of
 * indexing. */
static cairn_status list_documents(searching *s, size_t k, cairn_error *err)
{
    cairn_status st = CAIRN_OK;
    uint64_t **rows = NULL;
    size_t n = 0;

    if (s->query->has_required || s->query->has_excluded)
        st = constrained_rows(s, &rows, err);
    s->out->hits = scratch(s, k, sizeof *s->out->hits, &st, err);
    s->out->mode = RETRIEVE_LEXICAL;
    for (size_t i = 0; !st && i < s->corpus->n_lexical; i++) {
        const retrieve_lexical_segment *seg = &s->corpus->lexical[i];
        const uint64_t *allowed = rows ? rows[i] : s->lexical[i].allowed;
        for (uint32_t row = 0; row < lexical_reader_rows(seg->reader); row++) {
            if ((seg->deleted && row_set_has(seg->deleted, row)) ||
                (allowed && !row_set_has(allowed, row)))
                continue;
            n = keep_document(s->out->hits, n, k, seg->rows.chunk(seg->rows.ctx, row),
                              seg->rows.doc(seg->rows.ctx, row));
        }
    }
    s->out->n_hits = n;
    return st;
}

/* Why the hits that words found score what they do. */
static cairn_status explain(searching *s, cairn_error *err)
{
    lexical_query q = {.clauses = s->clauses, .n = s->query->n_clauses, .lang_hint = s->lang};
    cairn_status st = CAIRN_OK;
    size_t n = s->out->n_hits, n_found = 0;
    lexical_hit *found = scratch(s, n, sizeof *found, &st, err);
    size_t *of = scratch(s, n, sizeof *of, &st, err);
    lexical_explanation *why = scratch(s, 1, sizeof *why, &st, err), told;

    for (size_t i = 0; !st && i < n; i++) {
        const retrieve_hit *h = &s->out->hits[i];
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
        st = lexical_explain(s->an, s->lexical, s->corpus->n_lexical, &q, &s->params->lexical,
                             found, n_found, s->a, &told, err);
    if (st)
        return st;
    *why = told;
    why->reasons = scratch(s, n, sizeof *why->reasons, &st, err);
    for (size_t i = 0; !st && i < n_found; i++)
        why->reasons[of[i]] = told.reasons[i];
    s->out->explained = why;
    return st;
}

static void add_note(searching *s, const char *note)
{
    if (!s->out->note)
        s->out->note = note;
    else if (note)
        s->out->note = arena_printf(s->a, "%s; %s", s->out->note, note);
}

cairn_status retrieve_search(const retrieve_corpus *corpus, const retrieve_query *query,
                             retrieve_mode mode, size_t k, const char *lang,
                             const retrieve_params *params, analyzer *an, pool *workers, arena *a,
                             retrieve_result *out, cairn_error *err)
{
    retrieve_params defaults;
    searching s = {.corpus = corpus,
                   .query = query,
                   .params = params ? params : &defaults,
                   .lang = lang,
                   .an = an,
                   .workers = workers,
                   .a = a,
                   .out = out};
    bool words = mode != RETRIEVE_VECTOR, vectors = mode != RETRIEVE_LEXICAL;
    int64_t start = clock_mono_ns();
    cairn_status st;

    *out = (retrieve_result){.mode = mode};
    retrieve_params_default(&defaults);
    if (vectors && (!corpus->n_vector || !corpus->embed)) {
        vectors = false;
        words = true;
        out->note = "searched by words alone: there are no vectors yet";
    }
    st = apply_filter(&s, err);
    out->filter_ns = clock_mono_ns() - start;
    if (!st)
        st = fill_conditions(&s, err);
    if (!st && s.params->matches)
        st = find_matches(&s, s.clauses, mode == RETRIEVE_VECTOR ? 0 : query->n_clauses, err);
    if (!st && !query->has_words && (query->filter.n || query->has_required)) {
        out->note = query->note;
        st = list_documents(&s, k, err);
        out->total_ns = clock_mono_ns() - start;
        return st;
    }
    if (!query->text_len)
        vectors = false; /* exclusions alone, or nothing at all: no direction to search in */
    if (!st && vectors)
        st = search_vectors(&s, &vectors, err);
    if (!vectors)
        words = true;
    if (!st && words)
        st = search_words(&s, err);
    add_note(&s, query->note);
    out->mode = words && vectors ? RETRIEVE_HYBRID : words ? RETRIEVE_LEXICAL : RETRIEVE_VECTOR;
    if (!st)
        st = fuse(&s, words, vectors, k, err);
    if (!st && words && s.params->explain)
        st = explain(&s, err);
    out->total_ns = clock_mono_ns() - start;
    return st;
}
