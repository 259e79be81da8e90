/* merge.c - several indexes into one, and the full check of one.
 *
 * Terms come from all dictionaries in order; each list is decoded, its rows renumbered, and encoded
 * again with the block maxima of the new neighbours. Row lengths are copied as they are, and totals
 * are counted anew where rows are dropped, so nothing that a score is made of changes, except that
 * the deleted rows no longer count: every score is that of an index that never had them. */
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "index/lexical/output.h"
#include "index/lexical/postings.h"

#define DROPPED UINT32_MAX

#define BUDGET_DEFAULT ((size_t)64 << 20)

typedef struct merge_part {
    const lexical_reader *r;
    uint32_t base;  /* new number of its row 0 when nothing is deleted */
    uint32_t *rows; /* new number of each row, or DROPPED; NULL: base + row */
    /* Of a part that loses rows: words of each field of each row that stays, which is one more than
     * its last position. NULL: its totals stay. */
    uint32_t *words;
    dict_iter it;
    bool more;
    postings list;
    postings_positions where;
} merge_part;

/* What a posting is besides its row, while its list is put in another order. */
typedef struct moved_posting {
    uint16_t tf[LEXICAL_FIELDS];
    uint64_t at; /* of its positions, the first */
} moved_posting;

typedef struct moved_list {
    uint64_t *keys, *room; /* [cap] row above, index into `rest` below; room for sorting */
    moved_posting *rest;
    size_t n, cap;
    uint32_t *positions;
    size_t n_positions, cap_positions;
} moved_list;

typedef struct merge_state {
    merge_part *part;
    size_t n;
    lexical_meta meta;
    uint8_t *columns;
    uint32_t *positions;
    size_t cap;
    moved_list moved;
    index_output out;
    const lexical_merge_options *options;
    pace pace;        /* a unit is a posting, a row of the tables or a written form */
    uint64_t stepped; /* bytes of lists that steps have told */
} merge_state;

static cairn_status no_memory(cairn_error *err)
{
    return cairn_fail(err, CAIRN_ENOMEM, "no memory to merge lexical segments");
}

/* The place of each live row in the order asked for; NULL where it is the plain one. */
static cairn_status invert_order(merge_state *m, const lexical_merge_input *in, uint32_t **out,
                                 cairn_error *err)
{
    const uint32_t *order = m->options->order;
    uint64_t n = 0;
    uint32_t *place;

    *out = NULL;
    if (!order)
        return CAIRN_OK;
    for (size_t i = 0; i < m->n; i++)
        for (uint32_t row = 0; row < in[i].reader->n_rows; row++)
            n += !in[i].deleted || !row_set_has(in[i].deleted, row);
    place = checked_malloc((size_t)n + 1, sizeof *place);
    if (!place)
        return no_memory(err);
    memset(place, 0xff, (size_t)n * sizeof *place);
    for (uint64_t i = 0; i < n; i++) {
        if (order[i] >= n || place[order[i]] != UINT32_MAX) {
            free(place);
            return cairn_fail(err, CAIRN_EUSAGE, "the order of a merge is no permutation");
        }
        place[order[i]] = (uint32_t)i;
    }
    *out = place;
    return CAIRN_OK;
}

/* Number the rows that stay; `place` may be NULL. */
static cairn_status number_rows(merge_state *m, const lexical_merge_input *in,
                                const uint32_t *place, cairn_error *err)
{
    uint64_t next = 0;

    for (size_t i = 0; i < m->n; i++) {
        merge_part *p = &m->part[i];
        p->r = in[i].reader;
        p->base = (uint32_t)next;
        if (in[i].deleted) {
            p->words = calloc((size_t)p->r->n_rows + 1, LEXICAL_FIELDS * sizeof *p->words);
            if (!p->words)
                return no_memory(err);
        }
        if (in[i].deleted || place) {
            p->rows = checked_malloc((size_t)p->r->n_rows + 1, sizeof *p->rows);
            if (!p->rows)
                return no_memory(err);
            for (uint32_t row = 0; row < p->r->n_rows; row++) {
                bool dead = in[i].deleted && row_set_has(in[i].deleted, row);
                p->rows[row] = dead ? DROPPED : place ? place[next] : (uint32_t)next;
                next += !dead;
            }
        } else {
            next += p->r->n_rows;
        }
        if (next > ROWS_MAX)
            return cairn_fail(err, CAIRN_ELIMIT, "a merged segment would have more than %u rows",
                              ROWS_MAX);
        dict_iter_init(&p->it, &p->r->dict);
        cairn_status st = pace_work(&m->pace, p->r->n_rows / 8, err);
        if (st)
            return st;
    }
    m->meta.n_rows = (uint32_t)next;
    return CAIRN_OK;
}

static size_t merged_language(merge_state *m, const lexical_lang *l)
{
    for (size_t i = 0; i < m->meta.n_langs; i++)
        if (!memcmp(m->meta.langs[i].code, l->code, 4))
            return i;
    if (m->meta.n_langs == LANGS_MAX)
        return 0;
    memcpy(m->meta.langs[m->meta.n_langs].code, l->code, 4);
    return m->meta.n_langs++;
}

/* lex.rows of the rows that stay, and the languages. */
static cairn_status copy_rows(merge_state *m, cairn_error *err)
{
    size_t n = m->meta.n_rows;
    cairn_status st;

    m->columns = checked_malloc(n + 1, LEXICAL_FIELDS + 1);
    if (!m->columns)
        return no_memory(err);
    for (size_t i = 0; i < m->n; i++) {
        const merge_part *p = &m->part[i];
        size_t old = p->r->n_rows;
        size_t lang[LANGS_MAX];
        for (size_t l = 0; l < p->r->n_langs; l++)
            lang[l] = SIZE_MAX;
        for (size_t row = 0; row < old; row++) {
            size_t to = p->rows ? p->rows[row] : p->base + row, l;
            if (p->rows && p->rows[row] == DROPPED)
                continue;
            for (size_t f = 0; f < LEXICAL_FIELDS; f++)
                m->columns[f * n + to] = reader_length(p->r, (unsigned)f, (uint32_t)row);
            l = reader_row_language(p->r, (uint32_t)row);
            if (l >= p->r->n_langs)
                return cairn_fail(err, CAIRN_ECORRUPT,
                                  "lex.rows: row %zu has no language; rebuild the index", row);
            if (lang[l] == SIZE_MAX)
                lang[l] = merged_language(m, &p->r->langs[l]);
            m->columns[LEXICAL_FIELDS * n + to] = (uint8_t)lang[l];
            m->meta.langs[lang[l]].rows++;
            if ((st = pace_work(&m->pace, 1, err)))
                return st;
        }
    }
    return CAIRN_OK;
}

static cairn_status reserve_positions(merge_state *m, size_t n, cairn_error *err)
{
    uint32_t *more;
    if (n <= m->cap)
        return CAIRN_OK;
    more = checked_realloc(m->positions, n * 2, sizeof *more);
    if (!more)
        return no_memory(err);
    m->positions = more;
    m->cap = n * 2;
    return CAIRN_OK;
}

/* So many postings are done: where that is enough, tell the caller the bytes that lists took. */
static cairn_status work(merge_state *m, uint64_t units, cairn_error *err)
{
    uint64_t made = m->out.post.size + m->out.pos.size, bytes = made - m->stepped;

    if ((m->pace.units += units) < PACE_UNITS)
        return CAIRN_OK;
    m->stepped = made;
    return pace_step(&m->pace, bytes, err);
}

/* ---- lists in another order ---- */

/* Keep the posting whose n positions are in m->positions until its list is whole. */
static cairn_status move_posting(merge_state *m, uint32_t row, const uint32_t tf[LEXICAL_FIELDS],
                                 size_t n, cairn_error *err)
{
    moved_list *l = &m->moved;

    if (l->n == l->cap) {
        size_t cap = l->cap * 2 + 4096;
        uint64_t *keys = checked_realloc(l->keys, cap, sizeof *keys);
        if (keys)
            l->keys = keys;
        uint64_t *room = checked_realloc(l->room, cap, sizeof *room);
        if (room)
            l->room = room;
        moved_posting *rest = checked_realloc(l->rest, cap, sizeof *rest);
        if (rest)
            l->rest = rest;
        if (!keys || !room || !rest)
            return no_memory(err);
        l->cap = cap;
    }
    if (l->n_positions + n > l->cap_positions) {
        size_t cap = (l->n_positions + n) * 2 + 4096;
        uint32_t *more = checked_realloc(l->positions, cap, sizeof *more);
        if (!more)
            return no_memory(err);
        l->positions = more;
        l->cap_positions = cap;
    }
    moved_posting *r = &l->rest[l->n];
    for (size_t f = 0; f < LEXICAL_FIELDS; f++)
        r->tf[f] = (uint16_t)(tf[f] < TF_MAX ? tf[f] : TF_MAX);
    r->at = l->n_positions;
    memcpy(l->positions + l->n_positions, m->positions, n * sizeof *m->positions);
    l->n_positions += n;
    l->keys[l->n] = (uint64_t)row << 32 | (uint32_t)l->n;
    l->n++;
    return CAIRN_OK;
}

/* Sort the keys by row: short lists by insertion, long ones by digits of 11 bits. */
static void sort_moved(moved_list *l, uint32_t n_rows)
{
    if (l->n <= 48) {
        for (size_t i = 1; i < l->n; i++) {
            uint64_t k = l->keys[i];
            size_t j = i;
            for (; j && l->keys[j - 1] > k; j--)
                l->keys[j] = l->keys[j - 1];
            l->keys[j] = k;
        }
        return;
    }
    for (unsigned shift = 32; shift < 64 && n_rows >> (shift - 32); shift += 11) {
        uint32_t at[2048] = {0}, sum = 0;
        uint64_t *other = l->room;
        for (size_t i = 0; i < l->n; i++)
            at[l->keys[i] >> shift & 2047]++;
        for (size_t d = 0; d < 2048; d++) {
            uint32_t n = at[d];
            at[d] = sum;
            sum += n;
        }
        for (size_t i = 0; i < l->n; i++)
            other[at[l->keys[i] >> shift & 2047]++] = l->keys[i];
        l->room = l->keys;
        l->keys = other;
    }
}

/* Give the list that was gathered to the encoder, rows rising. */
static cairn_status put_moved(merge_state *m, cairn_error *err)
{
    moved_list *l = &m->moved;
    cairn_status st = CAIRN_OK;

    sort_moved(l, m->meta.n_rows);
    for (size_t i = 0; i < l->n && !st; i++) {
        const moved_posting *r = &l->rest[(uint32_t)l->keys[i]];
        uint32_t tf[LEXICAL_FIELDS];
        for (size_t f = 0; f < LEXICAL_FIELDS; f++)
            tf[f] = r->tf[f];
        st = list_add(&m->out.lists, (uint32_t)(l->keys[i] >> 32), tf, l->positions + r->at, err);
        if (!st)
            st = work(m, 1, err);
    }
    l->n = l->n_positions = 0;
    return st;
}

/* Feed the list of part p's current term to the encoder. */
static cairn_status copy_list(merge_state *m, merge_part *p, cairn_error *err)
{
    postings *l = &p->list;
    cairn_status st = postings_open(l, p->r, &p->it.term, pack_get(), err);

    for (uint32_t b = 0; b < l->n_blocks && !st; b++) {
        st = postings_block(l, b, err);
        if (!st)
            st = postings_tf(l, err);
        if (!st)
            st = postings_positions_open(l, &p->where, err);
        if (!st)
            st = work(m, BLOCK, err);
        for (uint32_t i = 0; i < l->n && !st; i++) {
            uint32_t tf[LEXICAL_FIELDS], row = l->doc[i];
            size_t n = 0;
            row = p->rows ? p->rows[row] : p->base + row;
            if (p->rows && row == DROPPED)
                continue;
            if (p->where.start[i + 1] == p->where.start[i])
                return cairn_fail(err, CAIRN_ECORRUPT,
                                  "lex.post: a posting without a field; rebuild the index");
            st = reserve_positions(m, p->where.start[i + 1] - p->where.start[i], err);
            if (st)
                break;
            for (unsigned f = 0; f < LEXICAL_FIELDS; f++) {
                tf[f] = (uint32_t)postings_positions_get(l, &p->where, i, f, m->positions + n);
                n += tf[f];
                if (p->words && tf[f]) {
                    uint32_t *words = &p->words[(size_t)l->doc[i] * LEXICAL_FIELDS + f];
                    uint32_t most = m->positions[n - 1] + 1;
                    *words = most > *words ? most : *words;
                }
            }
            m->meta.n_postings++;
            st = m->options->order ? move_posting(m, row, tf, n, err)
                                   : list_add(&m->out.lists, row, tf, m->positions, err);
        }
    }
    return st;
}

/* The part with the smallest term, NULL at the end. */
static merge_part *smallest(merge_state *m)
{
    merge_part *best = NULL;

    for (size_t i = 0; i < m->n; i++) {
        merge_part *p = &m->part[i];
        const dict_term *a = &p->it.term, *b;
        int c;
        if (!p->more)
            continue;
        if (!best) {
            best = p;
            continue;
        }
        b = &best->it.term;
        c = memcmp(a->text, b->text, a->len < b->len ? a->len : b->len);
        if (c < 0 || (c == 0 && a->len < b->len))
            best = p;
    }
    return best;
}

/* All written forms together; those whose term is dropped go when the terms are known. */
static cairn_status gather_forms(merge_state *m, cairn_error *err)
{
    cairn_status st = CAIRN_OK;

    for (size_t i = 0; i < m->n && !st; i++) {
        const forms *f = &m->part[i].r->forms;
        forms_iter it;
        bool more = f->n != 0;
        if (more)
            st = forms_iter_seek(&it, f, "", 0, err);
        while (!st && more) {
            st = forms_iter_next(&it, &more, err);
            if (!st && more)
                st = forms_table_add(&m->out.written, it.form, it.form_len, it.term, it.term_len,
                                     (uint32_t)(it.count < UINT32_MAX ? it.count : UINT32_MAX),
                                     err);
            if (!st)
                st = pace_work(&m->pace, 4, err);
        }
    }
    return st;
}

static cairn_status merge_terms(merge_state *m, cairn_error *err)
{
    merge_part *p;
    cairn_status st = CAIRN_OK;

    for (size_t i = 0; i < m->n && !st; i++)
        st = dict_iter_next(&m->part[i].it, &m->part[i].more, err);
    while (!st && (p = smallest(m))) {
        char text[ANALYZER_TERM_MAX];
        size_t len = p->it.term.len;
        list_size size;
        uint64_t itself = 0; /* times the term was written as it is where it has no other form */
        memcpy(text, p->it.term.text, len);
        list_begin(&m->out.lists);
        for (size_t i = 0; i < m->n && !st; i++) {
            merge_part *q = &m->part[i];
            if (!q->more || q->it.term.len != len || memcmp(q->it.term.text, text, len))
                continue;
            if (!forms_listed(&q->r->forms, q->it.term.ordinal))
                itself += q->it.term.df;
            st = copy_list(m, q, err);
            if (!st)
                st = dict_iter_next(&q->it, &q->more, err);
        }
        if (!st && m->options->order)
            st = put_moved(m, err);
        if (st || !m->out.lists.df)
            continue;
        st = list_end(&m->out.lists, &size, err);
        if (!st)
            st = index_output_term(&m->out, text, len, &size, itself, err);
    }
    return st;
}

/* Words of field f in the rows of a part that stay. */
static uint64_t kept_total(const merge_part *p, size_t f)
{
    uint64_t total = 0;

    if (!p->words)
        return p->r->total[f];
    for (uint32_t row = 0; row < p->r->n_rows; row++)
        total += p->words[(size_t)row * LEXICAL_FIELDS + f]; /* 0 for a deleted one */
    return total;
}

cairn_status lexical_merge(const lexical_merge_input *in, size_t n, const section_sink *sink,
                           cairn_error *err)
{
    return lexical_merge_with(in, n, NULL, sink, err);
}

cairn_status lexical_merge_with(const lexical_merge_input *in, size_t n,
                                const lexical_merge_options *options, const section_sink *sink,
                                cairn_error *err)
{
    static const lexical_merge_options nothing;
    merge_state m = {.n = n, .options = options ? options : &nothing};
    const lexical_merge_options *o = m.options;
    lexical_params params;
    uint32_t *place = NULL;
    cairn_status st;

    m.pace = (pace){o->step, o->step_ctx, 0};
    index_output_init(&m.out);
    index_output_limit(&m.out, o->memory_budget ? o->memory_budget : BUDGET_DEFAULT, o->spill_dir);
    lexical_params_default(&params);
    memcpy(m.meta.weight, params.weight, sizeof params.weight);
    memcpy(m.meta.b, params.b, sizeof params.b);
    m.part = checked_aligned(n + 1, sizeof *m.part);
    if (!m.part) {
        st = no_memory(err);
        goto done;
    }
    memset(m.part, 0, n * sizeof *m.part);
    st = invert_order(&m, in, &place, err);
    if (!st)
        st = number_rows(&m, in, place, err);
    if (!st)
        st = copy_rows(&m, err);
    if (st)
        goto done;
    /* Totals are not known yet; any average serves the bounds as long as it is the one written
     * down. */
    for (size_t i = 0; i < n; i++)
        for (size_t f = 0; f < LEXICAL_FIELDS; f++)
            m.meta.total[f] += in[i].reader->total[f];
    st = gather_forms(&m, err);
    if (!st)
        st = index_output_begin(&m.out, &m.meta, m.columns, &m.pace, err);
    memset(m.meta.total, 0, sizeof m.meta.total);
    if (!st)
        st = merge_terms(&m, err);
    for (size_t i = 0; i < n && !st; i++) {
        for (size_t f = 0; f < LEXICAL_FIELDS; f++)
            m.meta.total[f] += kept_total(&m.part[i], f);
        st = pace_work(&m.pace, in[i].reader->n_rows / 8, err);
    }
    if (!st)
        st = index_output_emit(&m.out, &m.meta, m.columns, sink, err);
done:
    for (size_t i = 0; m.part && i < n; i++)
        free(m.part[i].rows);
    for (size_t i = 0; m.part && i < n; i++)
        free(m.part[i].words);
    free(m.part);
    free(place);
    free(m.columns);
    free(m.positions);
    free(m.moved.keys);
    free(m.moved.room);
    free(m.moved.rest);
    free(m.moved.positions);
    index_output_clear(&m.out);
    return st;
}

/* ---- the full check ---- */

/* What the bounds of a segment are made with. */
typedef struct bound_check {
    const uint8_t *codes;
    float inverse_k[256];
} bound_check;

/* No posting may have a greater share than its block and its list say. */
static bool bound_holds(const lexical_reader *r, const bound_check *c, const postings *l,
                        uint32_t b, uint32_t i)
{
    float tf = 0, ratio;

    for (unsigned f = 0; f < LEXICAL_FIELDS; f++)
        tf += l->fields >> f & 1 ? r->weight[f] * (float)l->tf[f][i] : 0;
    ratio = tf * c->inverse_k[c->codes[l->doc[i]]] * 0.99999f;
    return (!l->skips || (bound_code(ratio) <= postings_bound(l, b) &&
                          bound_code(ratio) <= postings_list_bound(l)));
}

static cairn_status verify_list(const lexical_reader *r, const dict_term *t, const bound_check *c,
                                postings *l, postings_positions *where, uint64_t *total,
                                cairn_error *err)
{
    cairn_status st = postings_open(l, r, t, &pack_scalar, err);

    for (uint32_t b = 0; b < l->n_blocks && !st; b++) {
        st = postings_block(l, b, err);
        if (!st)
            st = postings_tf(l, err);
        if (!st)
            st = postings_positions_open(l, where, err);
        for (uint32_t i = 0; i < l->n && !st; i++) {
            uint32_t n = 0;
            for (unsigned f = 0; f < LEXICAL_FIELDS; f++) {
                n += l->fields >> f & 1 ? l->tf[f][i] : 0;
                total[f] += l->fields >> f & 1 ? l->tf[f][i] : 0;
            }
            if (!n || !bound_holds(r, c, l, b, i))
                st = cairn_fail(err, CAIRN_ECORRUPT,
                                "lex.post: row %u of '%.*s' breaks its block's bounds; rebuild "
                                "the index",
                                l->doc[i], (int)t->len, t->text);
        }
    }
    return st;
}

cairn_status lexical_reader_verify(const lexical_reader *r, cairn_error *err)
{
    uint64_t total[LEXICAL_FIELDS] = {0}, n = 0;
    postings *l = checked_aligned(1, sizeof *l);
    postings_positions *where = malloc(sizeof *where);
    dict_iter it;
    bool more = true;
    row_lengths lengths = row_lengths_of(r->weight, r->b);
    bound_check c = {.codes = reader_codes(r)};
    cairn_status st = l && where && c.codes ? CAIRN_OK : no_memory(err);

    for (unsigned i = 0; i < 256; i++)
        c.inverse_k[i] =
            1 / bound_k((float)length_value((uint8_t)i), bound_typical(r->typical, &lengths));

    dict_iter_init(&it, &r->dict);
    while (!st && more) {
        st = dict_iter_next(&it, &more, err);
        if (st || !more)
            break;
        n += it.term.df;
        st = verify_list(r, &it.term, &c, l, where, total, err);
    }
    if (!st && (it.post != r->post_len || it.pos != r->pos_len || n != r->n_postings))
        st = cairn_fail(err, CAIRN_ECORRUPT,
                        "lex.dict: its lists do not fill lex.post and lex.pos; rebuild the index");
    for (size_t row = 0; row < r->n_rows && !st; row++)
        if (reader_row_language(r, (uint32_t)row) >= r->n_langs)
            st = cairn_fail(err, CAIRN_ECORRUPT,
                            "lex.rows: row %zu has no language; rebuild the "
                            "index",
                            row);
    if (!st)
        st = forms_verify(&r->forms, &r->dict, err);
    if (!st)
        st = ends_verify(&r->ends, &r->dict, &r->forms, err);
    free(l);
    free(where);
    return st;
}
