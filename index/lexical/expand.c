/* expand.c - from a pattern to the dictionary terms it stands for, and to one list of rows.
 *
 *   1. The automaton walks every segment's dictionary. Blocks whose terms all share a beginning that
 *      the automaton refuses are passed over by their heads alone, many at once; inside a block the states of
 *      the shared bytes are kept, so only the bytes that differ are read.
 *   2. Words as they were written, where that is not their term (forms.h), are walked the same way, so
 *      that what a person sees is what a pattern is held against; a word that fits stands for its
 *      term in every segment. A fuzzy word stands for its own stems too.
 *      A pattern that begins with * or ? and ends in letters is asked of the words with that ending
 *      alone (ends.h), wherever they are few.
 *   3. When the terms' postings are more than the query may read, the terms with fewest edits and
 *      then the most frequent ones are kept, counted over all segments.
 *   4. In each segment the postings of the terms left are added up, row by row, in the order of the
 *      terms, so that the sums do not depend on anything else. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/checked.h"
#include "index/lexical/automaton.h"
#include "index/lexical/forms.h"
#include "index/lexical/postings.h"
#include "index/lexical/query.h"
#include "index/text/fold.h"

#define TERMS_MAX   (1u << 20) /* that one pattern may meet, all segments together */
#define DERIVED_MAX 16384      /* stems met through the forms of their words */
/* Fewer postings are sorted, more go into an array of all rows: sorting takes about a hundred times as
 * long a posting as looking through the array takes a row. */
#define SORT_BELOW(rows) (16 + (uint64_t)(rows) / 100)

/* A term of one segment that fits. */
typedef struct met {
    uint32_t text, len; /* in expander.texts */
    uint32_t edits;
    bool sure; /* some word of this segment that fits is written so, not only its stem */
    bool kept;
    float factor; /* on its frequencies; 0: by its edits */
    dict_place at;
} met;

/* A stem whose written forms fit. */
typedef struct derived {
    uint32_t text, len, edits;
} derived;

typedef struct term_list {
    met *at;
    size_t n, cap;
} term_list;

typedef struct expander {
    query_expansion *x;
    const query_plan *plan;
    const lexical_segment *segments;
    size_t n;
    automaton a;
    unsigned letters; /* of a fuzzy word */
    bytes texts;
    term_list *lists; /* [segment] */
    size_t n_met;
    derived *derived; /* [DERIVED_MAX] */
    size_t n_derived;
    uint16_t *slots; /* [2 * DERIVED_MAX]: a hash table of index + 1 */
    cairn_error *err;
} expander;

static cairn_status no_memory(expander *e)
{
    return cairn_fail(e->err, CAIRN_ENOMEM, "no memory to expand a pattern");
}

static const char *text_of(const expander *e, uint32_t at)
{
    return e->texts.data + at;
}

static int compare(const void *a, size_t n, const void *b, size_t m)
{
    int c = memcmp(a, b, n < m ? n : m);
    return c ? c : (n > m) - (n < m);
}

static cairn_status add_term(expander *e, size_t s, const dict_term *t, unsigned edits, bool sure)
{
    term_list *l = &e->lists[s];

    if (e->n_met == TERMS_MAX) {
        e->x->n_left_out++;
        return CAIRN_OK;
    }
    met *more = checked_room(l->at, l->n, &l->cap, sizeof *more);
    if (!more)
        return no_memory(e);
    l->at = more;
    l->at[l->n] = (met){.text = (uint32_t)e->texts.len,
                        .len = (uint32_t)t->len,
                        .edits = edits,
                        .sure = sure,
                        .at = {t->df, t->post_at, t->pos_at, t->post_len, t->pos_len}};
    if (bytes_append(&e->texts, t->text, t->len))
        return no_memory(e);
    l->n++;
    e->n_met++;
    return CAIRN_OK;
}

/* ---- the walk ---- */

/* Sorted words in blocks, of which the first eight bytes of the first word are known. */
typedef struct word_blocks {
    const void *of;
    size_t n, segment;
    const uint8_t *(*head)(const void *of, size_t i);
    bool accents; /* words may carry accents that the automaton does not see */
    cairn_status (*walk)(expander *e, const struct word_blocks *b, size_t i);
} word_blocks;

/* Whether no word of the blocks lo .. hi - 1 can be accepted: what their heads share is refused. */
static bool may_skip(expander *e, const word_blocks *b, size_t lo, size_t hi)
{
    const uint8_t *head = b->head(b->of, lo);
    uint8_t plain[8] = {0};

    if (hi == b->n)
        return false;
    if (b->accents) {
        for (size_t i = 0; i < 8 && head[i] < 0x80; i++)
            plain[i] = head[i];
        head = plain;
    }
    return automaton_may_skip(&e->a, head, b->head(b->of, hi));
}

/* Halve the range until a part of it is refused or is one block. */
static cairn_status walk_blocks(expander *e, const word_blocks *b, size_t lo, size_t hi)
{
    size_t mid = lo + (hi - lo) / 2;
    cairn_status st;

    if (lo == hi || may_skip(e, b, lo, hi))
        return CAIRN_OK;
    if (hi - lo == 1)
        return b->walk(e, b, lo);
    st = walk_blocks(e, b, lo, mid);
    return st ? st : walk_blocks(e, b, mid, hi);
}

static const uint8_t *dict_head(const void *of, size_t i)
{
    return dict_block_head(of, i);
}

static cairn_status walk_dict_block(expander *e, const word_blocks *blocks, size_t i)
{
    const forms *f = &e->segments[blocks->segment].reader->forms;
    dict_block b;
    automaton_walk w;
    cairn_status st = dict_block_enter(&b, blocks->of, i, e->err);

    automaton_walk_init(&w, &e->a);
    for (uint64_t t = (uint64_t)i * DICT_BLOCK; !st && b.left; t++) {
        unsigned accepts;
        st = dict_block_next(&b, e->err);
        if (st)
            break;
        accepts = automaton_walk_word(&w, b.term.text, b.term.len, b.shared);
        if (accepts)
            st = add_term(e, blocks->segment, &b.term, accepts - 1, !forms_listed(f, t));
    }
    return st;
}

/* What a pattern that may begin with anything ends in: its last letters, at least two. */
static size_t known_ending(const query_expansion *x, char out[16])
{
    size_t from = x->len, n = 0;

    if (x->kind != LEXICAL_WILDCARD || (x->text[0] != '*' && x->text[0] != '?'))
        return 0;
    while (from && x->len - from < 16 && isascii(x->text[from - 1]) &&
           isalnum((unsigned char)x->text[from - 1]))
        from--;
    for (; from < x->len; from++)
        out[n++] = (char)tolower((unsigned char)x->text[from]);
    return n < 2 ? 0 : n;
}

/* All blocks, or where the ending is known those that hold it. */
static cairn_status walk_words(expander *e, const word_blocks *b, ends_kind kind)
{
    const lexical_reader *r = e->segments[b->segment].reader;
    char ending[16];
    size_t len = known_ending(e->x, ending);
    uint64_t *only = NULL;
    cairn_status st = CAIRN_OK;

    if (len)
        st = ends_find(&r->ends, kind, ending, len, &only, e->err);
    if (st || !only)
        return st ? st : walk_blocks(e, b, 0, b->n);
    for (size_t i = 0; i < b->n && !st; i++)
        if (only[i >> 6] >> (i & 63) & 1)
            st = b->walk(e, b, i);
    free(only);
    return st;
}

static cairn_status walk_terms(expander *e, size_t s)
{
    const dict *d = &e->segments[s].reader->dict;

    return walk_words(e, &(word_blocks){d, d->n_blocks, s, dict_head, false, walk_dict_block},
                      ENDS_TERMS);
}

/* ---- stems of written forms ---- */

static size_t derived_slot(const expander *e, const char *stem, size_t len)
{
    uint64_t h = len;

    for (size_t i = 0; i < len; i++)
        h = (h ^ (uint8_t)stem[i]) * 0x100000001B3u;
    h ^= h >> 32;
    for (size_t at = h % (2 * DERIVED_MAX);; at = (at + 1) % (2 * DERIVED_MAX)) {
        const derived *d = e->slots[at] ? &e->derived[e->slots[at] - 1] : NULL;
        if (!d || (d->len == len && !memcmp(text_of(e, d->text), stem, len)))
            return at;
    }
}

/* A stem that a written form of it stands for, `edits` away from the pattern. */
static cairn_status add_derived(expander *e, const char *stem, size_t len, unsigned edits)
{
    size_t slot;

    if (!e->slots) {
        e->slots = calloc(2 * DERIVED_MAX, sizeof *e->slots);
        e->derived = checked_malloc(DERIVED_MAX, sizeof *e->derived);
        if (!e->slots || !e->derived)
            return no_memory(e);
    }
    slot = derived_slot(e, stem, len);
    if (e->slots[slot]) {
        derived *d = &e->derived[e->slots[slot] - 1];
        d->edits = edits < d->edits ? edits : d->edits;
        return CAIRN_OK;
    }
    if (e->n_derived == DERIVED_MAX) {
        e->x->n_left_out++;
        return CAIRN_OK;
    }
    e->derived[e->n_derived++] = (derived){(uint32_t)e->texts.len, (uint32_t)len, edits};
    e->slots[slot] = (uint16_t)e->n_derived;
    return bytes_append(&e->texts, stem, len) ? no_memory(e) : CAIRN_OK;
}

/* How the word's form is held against the pattern: without its accents. */
static unsigned form_accepts(expander *e, automaton_walk *w, const char *form, size_t len,
                             size_t shared)
{
    char plain[FOLD_MAX];

    for (size_t i = 0; i < len; i++)
        if ((uint8_t)form[i] >= 0x80) {
            automaton_walk_init(w, &e->a);
            return automaton_accepts(&e->a, plain, fold_marks(form, len, plain));
        }
    return automaton_walk_word(w, form, len, shared);
}

static const uint8_t *forms_head(const void *of, size_t i)
{
    return forms_block_head(of, i);
}

static cairn_status walk_forms_block(expander *e, const word_blocks *blocks, size_t i)
{
    char before[FORM_MAX];
    size_t before_len = 0;
    automaton_walk w;
    forms_iter it;
    cairn_status st = CAIRN_OK;

    automaton_walk_init(&w, &e->a);
    forms_iter_enter(&it, blocks->of, i);
    for (size_t k = 0; k < FORMS_BLOCK && !st; k++) {
        size_t shared = 0;
        unsigned accepts;
        bool more;
        st = forms_iter_next(&it, &more, e->err);
        if (st || !more)
            break;
        while (shared < before_len && shared < it.form_len && before[shared] == it.form[shared])
            shared++;
        accepts = form_accepts(e, &w, it.form, it.form_len, shared);
        memcpy(before, it.form, it.form_len);
        before_len = it.form_len;
        if (accepts)
            st = add_derived(e, it.term, it.term_len, accepts - 1);
    }
    return st;
}

static cairn_status walk_forms(expander *e, size_t s)
{
    const forms *f = &e->segments[s].reader->forms;

    return walk_words(e, &(word_blocks){f, f->n_blocks, s, forms_head, true, walk_forms_block},
                      ENDS_FORMS);
}

/* A fuzzy word's own stems are no edit away from it. */
static cairn_status derive_from_word(expander *e, analyzer *an, const char *const *langs,
                                     size_t n_langs)
{
    cairn_status st = CAIRN_OK;

    for (size_t l = 0; l < n_langs && !st; l++) {
        const analyzer_token *t;
        size_t n;
        st = analyzer_run(an, langs[l], e->x->text, e->x->len, &t, &n, e->err);
        if (!st && n == 1)
            st = add_derived(e, t[0].term, t[0].len, 0);
    }
    return st;
}

static met *find_met(expander *e, term_list *l, size_t n, const char *text, size_t len)
{
    size_t low = 0, high = n;

    while (low < high) {
        size_t mid = (low + high) / 2;
        int c = compare(text_of(e, l->at[mid].text), l->at[mid].len, text, len);
        if (!c)
            return &l->at[mid];
        if (c < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return NULL;
}

static int by_text(const void *a, const void *b, void *ctx)
{
    const met *x = a, *y = b;
    const expander *e = ctx;
    return compare(text_of(e, x->text), x->len, text_of(e, y->text), y->len);
}

/* Join the derived stems to the terms of segment s, which stay in the order of their texts. */
static cairn_status join_derived(expander *e, size_t s)
{
    term_list *l = &e->lists[s];
    size_t direct = l->n;
    cairn_status st = CAIRN_OK;

    for (size_t i = 0; i < e->n_derived && !st; i++) {
        const derived *d = &e->derived[i];
        met *have = find_met(e, l, direct, text_of(e, d->text), d->len);
        dict_term t;
        bool found;
        if (have) {
            have->edits = have->sure && have->edits < d->edits ? have->edits : d->edits;
            have->sure = true;
            continue;
        }
        st = dict_find(&e->segments[s].reader->dict, text_of(e, d->text), d->len, &t, &found,
                       e->err);
        if (!st && found)
            st = add_term(e, s, &t, d->edits, true);
    }
    if (!st && l->n > direct)
        qsort_r(l->at, l->n, sizeof *l->at, by_text, e);
    return st;
}

/* ---- which terms to keep ---- */

/* A distinct term over all segments. */
typedef struct distinct {
    uint32_t text, len, edits;
    bool sure, kept;
    uint64_t df;
} distinct;

static int by_worth(const void *a, const void *b, void *ctx)
{
    const distinct *x = *(const distinct *const *)a, *y = *(const distinct *const *)b;
    const expander *e = ctx;
    if (x->edits != y->edits)
        return x->edits < y->edits ? -1 : 1;
    if (x->df != y->df)
        return x->df > y->df ? -1 : 1;
    return compare(text_of(e, x->text), x->len, text_of(e, y->text), y->len);
}

/* The least text that the segments' lists, from at[s] on, have next; NULL at their ends. */
static const met *least_of(const expander *e, const size_t *at)
{
    const met *least = NULL;

    for (size_t s = 0; s < e->n; s++) {
        const met *m = at[s] < e->lists[s].n ? &e->lists[s].at[at[s]] : NULL;
        if (m && (!least || compare(text_of(e, m->text), m->len, text_of(e, least->text),
                                    least->len) < 0))
            least = m;
    }
    return least;
}

/* Merge the segments' lists into distinct terms, ascending; or, with `back`, tell the lists what was
 * decided of each. */
static size_t merge_lists(expander *e, size_t *at, distinct *all, bool back)
{
    const met *least;
    size_t n = 0;

    memset(at, 0, e->n * sizeof *at);
    for (; (least = least_of(e, at)); n++) {
        uint32_t text = least->text, len = least->len;
        distinct *d = &all[n];
        if (!back)
            *d = (distinct){.text = text, .len = len, .edits = UINT32_MAX};
        for (size_t s = 0; s < e->n; s++) {
            met *m = at[s] < e->lists[s].n ? &e->lists[s].at[at[s]] : NULL;
            if (!m || compare(text_of(e, m->text), m->len, text_of(e, text), len))
                continue;
            at[s]++;
            if (back) {
                m->kept = d->kept;
                m->edits = d->edits;
                continue;
            }
            d->df += m->at.df;
            d->sure = d->sure || m->sure;
            if (m->sure && m->edits < d->edits)
                d->edits = m->edits;
        }
    }
    return n;
}

static cairn_status show_terms(expander *e, distinct *const *best, size_t n)
{
    query_expansion *x = e->x;
    size_t most = x->words_only ? x->words_only : EXPANSION_SHOWN;

    x->shown = arena_calloc(e->plan->memory, n < most ? n + 1 : most, sizeof *x->shown);
    if (!x->shown)
        return no_memory(e);
    for (size_t i = 0; i < n && i < most; i++) {
        const char *text =
            arena_strndup(e->plan->memory, text_of(e, best[i]->text), best[i]->len);
        if (!text)
            return no_memory(e);
        x->shown[x->n_shown++] =
            (expansion_shown){text, best[i]->len, best[i]->df, best[i]->edits};
    }
    return CAIRN_OK;
}

static cairn_status choose_terms(expander *e, uint64_t *postings_left)
{
    query_expansion *x = e->x;
    size_t *at = calloc(e->n + 1, sizeof *at), n, n_sure = 0, kept = 0;
    distinct *all = checked_malloc(e->n_met + 1, sizeof *all);
    distinct **best = checked_malloc(e->n_met + 1, sizeof(distinct *));
    cairn_status st = at && all && best ? CAIRN_OK : no_memory(e);

    if (!st) {
        n = merge_lists(e, at, all, false);
        for (size_t i = 0; i < n; i++)
            if (all[i].sure)
                best[n_sure++] = &all[i];
        qsort_r(best, n_sure, sizeof *best, by_worth, e);
        for (; kept < n_sure && best[kept]->df <= *postings_left; kept++) {
            *postings_left -= best[kept]->df;
            best[kept]->kept = true;
        }
        merge_lists(e, at, all, true);
        x->n_terms = n_sure;
        x->n_left_out += n_sure - kept;
        st = show_terms(e, best, n_sure);
    }
    free(at);
    free(all);
    free(best);
    return st;
}

/* ---- rows ---- */

static float factor_of(const expander *e, const met *m)
{
    float letters = (float)e->letters;

    if (m->factor > 0)
        return m->factor;
    if (!m->edits)
        return 1;
    return letters > (float)m->edits ? 1 - (float)m->edits / letters : 1 / (2 * letters + 1);
}

/* The terms that are kept, in order. */
static cairn_status keep_terms(expander *e, size_t s, uint64_t *total)
{
    term_list *l = &e->lists[s];
    expansion_list *out = &e->x->in[s];
    expansion_term *terms = arena_calloc(e->plan->memory, l->n + 1, sizeof *terms);

    if (!terms)
        return no_memory(e);
    *total = 0;
    for (size_t i = 0; i < l->n; i++)
        if (l->at[i].kept) {
            terms[out->n_terms++] = (expansion_term){l->at[i].at, factor_of(e, &l->at[i])};
            *total += l->at[i].at.df;
        }
    out->terms = terms;
    return CAIRN_OK;
}

typedef struct row_tf {
    uint32_t row, order;
    float tf;
} row_tf;

static int by_row(const void *a, const void *b)
{
    const row_tf *x = a, *y = b;
    if (x->row != y->row)
        return x->row < y->row ? -1 : 1;
    return (x->order > y->order) - (x->order < y->order);
}

/* Where the postings of a pattern go: an array of all rows, or a list to be sorted. */
typedef struct gathering {
    float *sum;
    row_tf *some;
    size_t n;
} gathering;

static cairn_status gather_term(expander *e, const lexical_reader *r, const expansion_term *t,
                                const query_plane *plane, postings *p, float *tf, gathering *g)
{
    const pack_kernels *k = pack_get();
    dict_term place = {.df = t->at.df,
                       .post_at = t->at.post_at,
                       .pos_at = t->at.pos_at,
                       .post_len = t->at.post_len,
                       .pos_len = t->at.pos_len};
    cairn_status st = postings_open(p, r, &place, k, e->err);

    for (uint32_t b = 0; b < p->n_blocks && !st; b++) {
        int add = 0;
        st = postings_block(p, b, e->err);
        if (!st)
            st = postings_tf(p, e->err);
        if (st)
            break;
        for (unsigned f = 0; f < LEXICAL_FIELDS; f++)
            if (p->fields >> f & 1 && plane->weight[f] > 0) {
                k->weigh(p->tf[f], plane->weight[f], add, tf);
                add = 1;
            }
        if (!add)
            continue;
        if (g->sum) {
            for (uint32_t i = 0; i < p->n; i++)
                g->sum[p->doc[i]] += t->factor * tf[i];
            continue;
        }
        for (uint32_t i = 0; i < p->n; i++) {
            g->some[g->n] = (row_tf){p->doc[i], (uint32_t)g->n, t->factor * tf[i]};
            g->n++;
        }
    }
    return st;
}

static void *aligned(arena *a, size_t bytes)
{
    char *p = arena_alloc(a, bytes + 63);
    return p ? (void *)(((uintptr_t)p + 63) & ~(uintptr_t)63) : NULL;
}

static bool reserve_rows(expander *e, expansion_list *out, size_t n)
{
    size_t room = (n + 15) & ~(size_t)15;

    out->row = aligned(e->plan->memory, room * sizeof *out->row);
    out->tf = aligned(e->plan->memory, room * sizeof *out->tf);
    return out->row && out->tf;
}

/* The list behind its last row: valid rows for kernels that read whole registers. */
static void pad_rows(expansion_list *out)
{
    for (uint32_t i = out->n_rows; i & 15; i++) {
        out->row[i] = out->row[out->n_rows - 1];
        out->tf[i] = 0;
    }
}

static cairn_status rows_of_sums(expander *e, const float *sum, uint32_t rows, expansion_list *out)
{
    uint32_t n = 0;

    for (uint32_t i = 0; i < rows; i++)
        n += sum[i] > 0;
    if (!n)
        return CAIRN_OK;
    if (!reserve_rows(e, out, n))
        return no_memory(e);
    for (uint32_t i = 0; i < rows; i++)
        if (sum[i] > 0) {
            out->row[out->n_rows] = i;
            out->tf[out->n_rows++] = sum[i];
        }
    pad_rows(out);
    return CAIRN_OK;
}

static cairn_status rows_of_some(expander *e, row_tf *some, size_t n, expansion_list *out)
{
    if (!n)
        return CAIRN_OK;
    if (!reserve_rows(e, out, n))
        return no_memory(e);
    qsort(some, n, sizeof *some, by_row);
    for (size_t i = 0, j; i < n; i = j) {
        float tf = 0;
        for (j = i; j < n && some[j].row == some[i].row; j++)
            tf += some[j].tf;
        if (!(tf > 0))
            continue;
        out->row[out->n_rows] = some[i].row;
        out->tf[out->n_rows++] = tf;
    }
    if (out->n_rows)
        pad_rows(out);
    return CAIRN_OK;
}

static cairn_status gather_rows(expander *e, size_t s)
{
    const lexical_reader *r = e->segments[s].reader;
    const query_plane *plane = &e->plan->planes[e->x->plane];
    expansion_list *out = &e->x->in[s];
    postings *p = checked_aligned(1, sizeof *p);
    float *tf = checked_aligned(BLOCK, sizeof *tf);
    gathering g = {0};
    uint64_t total = 0;
    cairn_status st = p && tf ? keep_terms(e, s, &total) : no_memory(e);

    if (!st && total < SORT_BELOW(r->n_rows))
        g.some = checked_malloc((size_t)total + 1, sizeof *g.some);
    else if (!st)
        g.sum = calloc((size_t)r->n_rows + 1, sizeof *g.sum);
    if (!st && !g.some && !g.sum)
        st = no_memory(e);
    for (size_t i = 0; i < out->n_terms && !st; i++)
        st = gather_term(e, r, &out->terms[i], plane, p, tf, &g);
    if (!st)
        st = g.sum ? rows_of_sums(e, g.sum, r->n_rows, out) : rows_of_some(e, g.some, g.n, out);
    e->x->df += out->n_rows;
    free(g.sum);
    free(g.some);
    free(p);
    free(tf);
    return st;
}

/* ---- all of it ---- */

/* *fits is false when the text is no pattern; then x->problem says why. */
static cairn_status make_automaton(expander *e, bool *fits)
{
    query_expansion *x = e->x;
    cairn_error why = {0};
    arena *memory = e->plan->memory;
    cairn_status st;

    if (x->kind == LEXICAL_FUZZY)
        st = automaton_fuzzy(&e->a, memory, x->text, x->len, x->edits, &why);
    else if (x->kind == LEXICAL_REGEX)
        st = automaton_regex(&e->a, memory, x->text, x->len, &why);
    else
        st = automaton_wildcard(&e->a, memory, x->text, x->len, &why);
    e->letters = e->a.length;
    *fits = st == CAIRN_OK;
    if (st != CAIRN_EUSAGE && st != CAIRN_ELIMIT)
        return st ? cairn_fail(e->err, st, "%s", why.text) : CAIRN_OK;
    x->problem = arena_strdup(memory, why.text);
    return x->problem ? CAIRN_OK : no_memory(e);
}

static void clear(expander *e)
{
    for (size_t s = 0; e->lists && s < e->n; s++)
        free(e->lists[s].at);
    free(e->lists);
    free(e->derived);
    free(e->slots);
    bytes_clear(&e->texts);
    automaton_clear(&e->a);
}

cairn_status expansion_make(query_expansion *x, const query_plan *plan, analyzer *an,
                            const char *const *langs, size_t n_langs,
                            const lexical_segment *segments, size_t n, uint64_t *postings_left,
                            cairn_error *err)
{
    expander e = {.x = x, .plan = plan, .segments = segments, .n = n, .err = err};
    bool fits;
    cairn_status st = make_automaton(&e, &fits);

    bytes_init(&e.texts, UINT32_MAX);
    x->in = arena_calloc(plan->memory, n + 1, sizeof *x->in);
    e.lists = calloc(n + 1, sizeof *e.lists);
    if (!st && (!x->in || !e.lists))
        st = no_memory(&e);
    if (st || !fits)
        goto done;
    for (size_t s = 0; s < n && !st; s++)
        st = walk_terms(&e, s);
    for (size_t s = 0; s < n && !st; s++)
        st = walk_forms(&e, s);
    if (!st && x->kind == LEXICAL_FUZZY)
        st = derive_from_word(&e, an, langs, n_langs);
    for (size_t s = 0; s < n && !st; s++)
        st = join_derived(&e, s);
    if (!st)
        st = choose_terms(&e, postings_left);
    for (size_t s = 0; s < n && !st && !x->words_only; s++)
        st = gather_rows(&e, s);
done:
    clear(&e);
    return st;
}

cairn_status expansion_of_words(query_expansion *x, const query_plan *plan,
                                const expansion_word *words, size_t n_words,
                                const lexical_segment *segments, size_t n, uint64_t *postings_left,
                                cairn_error *err)
{
    expander e = {.x = x, .plan = plan, .segments = segments, .n = n, .err = err};
    cairn_status st = CAIRN_OK;

    bytes_init(&e.texts, UINT32_MAX);
    x->in = arena_calloc(plan->memory, n + 1, sizeof *x->in);
    e.lists = calloc(n + 1, sizeof *e.lists);
    if (!x->in || !e.lists)
        st = no_memory(&e);
    for (size_t s = 0; s < n && !st; s++)
        for (size_t i = 0; i < n_words && !st; i++) {
            dict_term t;
            bool found;
            st = dict_find(&segments[s].reader->dict, words[i].text, words[i].len, &t, &found, err);
            if (st || !found)
                continue;
            st = add_term(&e, s, &t, 0, true);
            if (!st && e.lists[s].n)
                e.lists[s].at[e.lists[s].n - 1].factor = words[i].factor;
        }
    if (!st)
        st = choose_terms(&e, postings_left);
    for (size_t s = 0; s < n && !st; s++)
        st = gather_rows(&e, s);
    clear(&e);
    return st;
}
