/* compound.c - parts of a compound, and the compounds of a word; see compound.h.
 *
 * The words of a collection are the dictionary's terms whose forms are not listed, and the listed
 * forms (forms.h). A part is looked up in both, in each segment.
 *
 * To find the compounds of a word, the blocks of words are walked that may hold one that ends in it
 * (ends.h) or begins with it: once, whatever the number of words asked for, and all blocks where an
 * index has no list of endings. Two tables of bits, for the last two bytes of terms and the first two
 * of forms, pass nearly every word over. German and Dutch stemmers change the end of a word alone, so a compound's term
 * ends in the term of its last part, and one letter of a form is one letter of its term. The most
 * frequent candidates are then parted. */
#include "index/lexical/compound.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "index/lexical/dict.h"
#include "index/lexical/reader.h"
#include "index/lexical/suggest.h"
#include "index/text/stopwords.h"

#define PART_LETTERS   4  /* of a part but the last: shorter ones are mostly endings and prefixes */
#define LAST_LETTERS   3  /* Haustür, Arbeitstag */
#define WORD_MAX       64 /* bytes of a word that is parted */
#define LOOKUPS_MAX    400   /* for the parts of one word */
#define CANDIDATES_MAX 65536 /* kept by the walk */
#define CHECKED_MAX    150   /* candidates parted for one word of the question */

typedef struct linking {
    const char *lang;
    const char *elements[7]; /* between two parts; NULL-terminated */
    const char *dropped;     /* what the first part may have lost: Schule, Schulhof */
} linking;

static const linking languages[] = {
    {"de", {"s", "es", "n", "en", "er", "e", NULL}, "e"},
    {"nl", {"s", "en", "e", NULL}, NULL},
};

static const linking *linking_of(const char *lang)
{
    for (size_t i = 0; lang && i < sizeof languages / sizeof *languages; i++)
        if (!strcmp(languages[i].lang, lang))
            return &languages[i];
    return NULL;
}

bool compound_language(const char *lang)
{
    return linking_of(lang) != NULL;
}

static bool begins_letter(char c)
{
    return ((uint8_t)c & 0xC0) != 0x80;
}

static size_t letters(const char *s, size_t len)
{
    size_t n = 0;
    for (size_t i = 0; i < len; i++)
        n += begins_letter(s[i]);
    return n;
}

/* Bytes of the first n letters; len if there are fewer. */
static size_t bytes_of(const char *s, size_t len, size_t n)
{
    size_t i = 0;
    while (i < len && (n || !begins_letter(s[i])))
        n -= begins_letter(s[i++]);
    return i;
}

/* ---- known words ---- */

/* The term of a single word; *len 0 when it is none. */
static cairn_status term_of(const compound_words *w, const char *form, size_t form_len,
                            char term[ANALYZER_TERM_MAX], size_t *len, cairn_error *err)
{
    const analyzer_token *t;
    size_t n;
    cairn_status st = analyzer_run(w->a, w->lang, form, form_len, &t, &n, err);

    *len = 0;
    if (st || n != 1)
        return st;
    *len = t[0].len;
    memcpy(term, t[0].term, t[0].len);
    return CAIRN_OK;
}

/* A last part is known too by another form of its term. */
static cairn_status count_last(const compound_words *w, const char *form, size_t len,
                               uint64_t *count, cairn_error *err)
{
    char term[ANALYZER_TERM_MAX];
    size_t term_len;
    cairn_status st;

    *count = 0;
    if (stopwords_has(w->lang, form, len))
        return CAIRN_OK;
    st = suggest_count(w->segments, w->n, form, len, count, err);
    if (st || *count)
        return st;
    st = term_of(w, form, len, term, &term_len, err);
    for (size_t s = 0; s < w->n && !st && term_len; s++) {
        dict_term t;
        bool found;
        st = dict_find(&w->segments[s].reader->dict, term, term_len, &t, &found, err);
        *count += !st && found ? t.df : 0;
    }
    return st;
}

/* The known word that stands before another as s[0, len): itself, with a linking element behind it,
 * or without its last letter. The most frequent one; *count 0: none. */
static cairn_status find_modifier(const compound_words *w, const char *s, size_t len,
                                  char best[FORM_MAX + 1], size_t *best_len, uint64_t *count,
                                  cairn_error *err)
{
    const linking *l = linking_of(w->lang);
    char form[FORM_MAX + 1];
    cairn_status st = CAIRN_OK;

    *count = 0;
    if (len >= FORM_MAX)
        return CAIRN_OK;
    for (int way = -2; !st && (way < 0 || l->elements[way]); way++) {
        const char *link = way < 0 ? "" : l->elements[way];
        size_t n = len, cut = strlen(link);
        uint64_t c;
        if (way == -2 && !l->dropped)
            continue;
        if (cut >= n || memcmp(s + n - cut, link, cut))
            continue;
        memcpy(form, s, n -= cut);
        if (way == -2)
            form[n++] = *l->dropped;
        if (letters(form, n) < PART_LETTERS || stopwords_has(w->lang, form, n))
            continue;
        st = suggest_count(w->segments, w->n, form, n, &c, err);
        if (st || c <= *count)
            continue;
        *count = c;
        *best_len = n;
        memcpy(best, form, n);
        best[n] = 0;
    }
    return st;
}

/* ---- parting ---- */

typedef struct parting {
    const compound_words *w;
    const char *form;
    size_t len, lookups;
    compound_split now, *best;
    double log_now, log_best; /* sum of the parts' log frequencies; mean of the best way's */
    cairn_error *err;
} parting;

/* Part form[at, len), the parts before it being p->now. */
static cairn_status part_from(parting *p, size_t at)
{
    const char *rest = p->form + at;
    size_t left = p->len - at, n = p->now.n;
    uint64_t count;
    cairn_status st = CAIRN_OK;

    if (n && letters(rest, left) >= LAST_LETTERS) {
        st = count_last(p->w, rest, left, &count, p->err);
        double mean = count ? (p->log_now + log((double)count)) / (double)(n + 1) : -1;
        if (!st && count && mean > p->log_best) {
            p->log_best = mean;
            *p->best = p->now;
            memcpy(p->best->part[n], rest, left);
            p->best->part[n][left] = 0;
            p->best->len[n] = left;
            p->best->n = n + 1;
        }
    }
    for (size_t end = bytes_of(rest, left, PART_LETTERS - 1);
         n + 1 < COMPOUND_PARTS_MAX && end < left && !st; end++) {
        double log_before = p->log_now;
        if (!begins_letter(rest[end]) || letters(rest + end, left - end) < LAST_LETTERS)
            continue;
        if (p->lookups++ == LOOKUPS_MAX)
            break;
        st = find_modifier(p->w, rest, end, p->now.part[n], &p->now.len[n], &count, p->err);
        if (st || !count)
            continue;
        p->now.n = n + 1;
        p->log_now += log((double)count);
        st = part_from(p, at + end);
        p->now.n = n;
        p->log_now = log_before;
    }
    return st;
}

cairn_status compound_part(const compound_words *w, const char *form, size_t len,
                           compound_split *out, cairn_error *err)
{
    parting p = {.w = w, .form = form, .len = len, .best = out, .log_best = -1, .err = err};
    uint64_t whole;
    cairn_status st;

    out->n = 0;
    if (!compound_language(w->lang) || len > WORD_MAX ||
        letters(form, len) < PART_LETTERS + LAST_LETTERS)
        return CAIRN_OK;
    st = suggest_count(w->segments, w->n, form, len, &whole, err);
    if (!st && whole)
        p.log_best = log((double)whole) - 1e-9; /* a draw is parted */
    return st ? st : part_from(&p, 0);
}

/* ---- compounds of a word ---- */

/* Does the form end in the word, behind a known word? */
static cairn_status ends_with(const compound_words *w, const char *form, size_t len,
                              const char *term, size_t term_len, const compound_search *word,
                              bool *ends, cairn_error *err)
{
    const char *head = word->form, *head_term = word->term;
    size_t head_len = word->form_len, head_term_len = word->term_len;
    size_t before, at, same = bytes_of(head, head_len, letters(head_term, head_term_len));
    char modifier[FORM_MAX + 1], own[ANALYZER_TERM_MAX];
    size_t n, own_len;
    uint64_t count;
    cairn_status st;

    *ends = false;
    if (term_len <= head_term_len ||
        memcmp(term + term_len - head_term_len, head_term, head_term_len))
        return CAIRN_OK;
    before = letters(term, term_len - head_term_len);
    at = bytes_of(form, len, before);
    if (before < PART_LETTERS - 1 || at >= len || len > WORD_MAX)
        return CAIRN_OK;
    /* Natur does not end in Tür, though their terms do: Türen has its letters, or is a word. */
    if (len - at < same || memcmp(form + at, head, same)) {
        st = suggest_count(w->segments, w->n, form + at, len - at, &count, err);
        if (!st && count)
            st = term_of(w, form + at, len - at, own, &own_len, err);
        if (st || !count || own_len != head_term_len || memcmp(own, head_term, own_len))
            return st;
    }
    st = find_modifier(w, form, at, modifier, &n, &count, err);
    *ends = !st && count;
    return st;
}

/* Does the form begin with the word, and is the rest, behind a linking element, known? */
static cairn_status begins_with(const compound_words *w, const char *form, size_t len,
                                const compound_search *word, bool *begins, cairn_error *err)
{
    const linking *l = linking_of(w->lang);
    cairn_status st = CAIRN_OK;

    *begins = false;
    for (int way = -1; !*begins && !st && (way < 0 || l->elements[way]); way++) {
        const char *link = way < 0 ? "" : l->elements[way];
        size_t at = word->form_len + strlen(link);
        uint64_t count;
        if (at >= len || memcmp(form + word->form_len, link, strlen(link)) ||
            !begins_letter(form[at]) || letters(form + at, len - at) < PART_LETTERS)
            continue;
        st = count_last(w, form + at, len - at, &count, err);
        *begins = !st && count;
    }
    return st;
}

static bool may_end(const compound_search *q, const char *term, size_t len)
{
    return q->term_len >= 2 && len > q->term_len + PART_LETTERS - 2 &&
           !memcmp(term + len - q->term_len, q->term, q->term_len);
}

static bool may_begin(const compound_search *q, const char *form, size_t len)
{
    return q->form_len >= PART_LETTERS && len >= q->form_len + PART_LETTERS &&
           !memcmp(form, q->form, q->form_len);
}

cairn_status compound_holds(const compound_words *w, const compound_search *word, const char *form,
                            size_t len, const char *term, size_t term_len, bool *holds,
                            cairn_error *err)
{
    cairn_status st = CAIRN_OK;

    *holds = false;
    if (len > WORD_MAX)
        return CAIRN_OK;
    if (may_end(word, term, term_len))
        st = ends_with(w, form, len, term, term_len, word, holds, err);
    if (!st && !*holds && may_begin(word, form, len))
        st = begins_with(w, form, len, word, holds, err);
    return st;
}

/* A word of the collection that may be a compound of one asked for. */
typedef struct candidate {
    uint32_t text; /* in walk.texts: the form, then the term */
    uint8_t form_len, term_len, word;
    bool first;
    uint64_t count;
} candidate;

typedef struct walk {
    const compound_words *w;
    compound_search *words;
    size_t n_words;
    uint64_t ends[1024], begins[1024]; /* a bit for two bytes */
    candidate *at;
    size_t n, cap;
    bytes texts;
    cairn_error *err;
} walk;

static cairn_status no_memory(cairn_error *err)
{
    return cairn_fail(err, CAIRN_ENOMEM, "no memory to find compounds");
}

static size_t pair_of(const char *s)
{
    return (size_t)((uint8_t)s[0] << 8 | (uint8_t)s[1]);
}

static bool has_bit(const uint64_t *bits, size_t i)
{
    return bits[i >> 6] >> (i & 63) & 1;
}

static cairn_status add_candidate(walk *k, const char *form, size_t form_len, const char *term,
                                  size_t term_len, size_t word, bool first, uint64_t count)
{
    if (k->n == CANDIDATES_MAX)
        return CAIRN_OK;
    candidate *more = checked_room(k->at, k->n, &k->cap, sizeof *more);
    if (!more)
        return no_memory(k->err);
    k->at = more;
    k->at[k->n++] = (candidate){.text = (uint32_t)k->texts.len,
                                .form_len = (uint8_t)form_len,
                                .term_len = (uint8_t)term_len,
                                .word = (uint8_t)word,
                                .first = first,
                                .count = count};
    if (bytes_append(&k->texts, form, form_len) || bytes_append(&k->texts, term, term_len))
        return no_memory(k->err);
    return CAIRN_OK;
}

/* A word of the collection against all that are asked for. */
static inline cairn_status meet(walk *k, const char *form, size_t form_len, const char *term,
                                size_t term_len, uint64_t count)
{
    cairn_status st = CAIRN_OK;
    bool ends, begins;

    if (form_len < PART_LETTERS + LAST_LETTERS - 1 || form_len > WORD_MAX || term_len < 2)
        return CAIRN_OK;
    ends = has_bit(k->ends, pair_of(term + term_len - 2));
    begins = has_bit(k->begins, pair_of(form));
    for (size_t i = 0; (ends || begins) && i < k->n_words && !st; i++) {
        const compound_search *q = &k->words[i];
        if (ends && may_end(q, term, term_len))
            st = add_candidate(k, form, form_len, term, term_len, i, false, count);
        if (!st && begins && may_begin(q, form, form_len))
            st = add_candidate(k, form, form_len, term, term_len, i, true, count);
    }
    return st;
}

/* The terms of a block whose only form they are. */
static cairn_status walk_dict_block(walk *k, const lexical_reader *r, size_t block)
{
    dict_block b;
    cairn_status st = dict_block_enter(&b, &r->dict, block, k->err);

    for (uint64_t i = (uint64_t)block * DICT_BLOCK; !st && b.left; i++) {
        st = dict_block_next(&b, k->err);
        if (!st && !forms_listed(&r->forms, i))
            st = meet(k, b.term.text, b.term.len, b.term.text, b.term.len, b.term.df);
    }
    return st;
}

static cairn_status walk_forms_block(walk *k, const lexical_reader *r, size_t block)
{
    forms_iter f;
    bool more = true;
    cairn_status st = CAIRN_OK;

    forms_iter_enter(&f, &r->forms, block);
    for (size_t i = 0; i < FORMS_BLOCK && !st; i++) {
        st = forms_iter_next(&f, &more, k->err);
        if (st || !more)
            break;
        st = meet(k, f.form, f.form_len, f.term, f.term_len, f.count);
    }
    return st;
}

/* Sorted words in blocks, of which the first eight bytes of the first word are known. */
typedef struct word_blocks {
    const lexical_reader *r;
    size_t n;
    ends_kind by_term;
    const uint8_t *(*head)(const lexical_reader *r, size_t i);
    cairn_status (*walk)(walk *k, const lexical_reader *r, size_t block);
} word_blocks;

static const uint8_t *dict_head(const lexical_reader *r, size_t i)
{
    return dict_block_head(&r->dict, i);
}

static const uint8_t *forms_head(const lexical_reader *r, size_t i)
{
    return forms_block_head(&r->forms, i);
}

/* Set the bits of the blocks that may hold words which begin so. */
static void mark_beginning(const word_blocks *b, const char *word, size_t len, uint64_t *blocks)
{
    size_t low = 0, high = b->n, n = len < 8 ? len : 8;

    while (low < high) { /* the first block that begins so or above */
        size_t mid = low + (high - low) / 2;
        if (memcmp(b->head(b->r, mid), word, n) < 0)
            low = mid + 1;
        else
            high = mid;
    }
    for (size_t i = low ? low - 1 : 0; i < b->n; i++) {
        if (i >= low && memcmp(b->head(b->r, i), word, n) > 0)
            break;
        blocks[i >> 6] |= (uint64_t)1 << (i & 63);
    }
}

/* Set the bits of the blocks that may hold a compound of a word asked for; all where that is not known. */
static cairn_status mark_blocks(const walk *k, const word_blocks *b, uint64_t *blocks)
{
    for (size_t i = 0; i < k->n_words; i++) {
        const compound_search *q = &k->words[i];
        uint64_t *found;
        cairn_status st;
        if (q->term_len < 2 || q->form_len < 2)
            continue;
        st = ends_find(&b->r->ends, b->by_term, q->term, q->term_len, &found, k->err);
        if (st)
            return st;
        if (!found) {
            memset(blocks, 0xff, row_set_words((uint32_t)b->n) * sizeof *blocks);
            return CAIRN_OK;
        }
        for (size_t w = 0; w < row_set_words((uint32_t)b->n); w++)
            blocks[w] |= found[w];
        free(found);
        mark_beginning(b, q->form, q->form_len, blocks);
    }
    return CAIRN_OK;
}

static cairn_status walk_words(walk *k, const word_blocks *b)
{
    uint64_t *blocks = calloc(row_set_words((uint32_t)b->n) + 1, sizeof *blocks);
    cairn_status st = blocks ? mark_blocks(k, b, blocks) : no_memory(k->err);

    for (size_t i = 0; i < b->n && !st; i++)
        if (row_set_has(blocks, (uint32_t)i))
            st = b->walk(k, b->r, i);
    free(blocks);
    return st;
}

static cairn_status walk_segment(walk *k, const lexical_reader *r)
{
    cairn_status st = walk_words(
        k, &(word_blocks){r, r->dict.n_blocks, ENDS_TERMS, dict_head, walk_dict_block});

    return st ? st
              : walk_words(k, &(word_blocks){r, r->forms.n_blocks, ENDS_FORM_TERMS, forms_head,
                                             walk_forms_block});
}

static int same_first(const void *a, const void *b, void *ctx)
{
    const candidate *x = a, *y = b;
    const char *texts = ctx;
    size_t n = (size_t)x->form_len + x->term_len, m = (size_t)y->form_len + y->term_len;
    int c;

    if (x->word != y->word)
        return x->word < y->word ? -1 : 1;
    if (x->first != y->first)
        return x->first ? 1 : -1;
    c = memcmp(texts + x->text, texts + y->text, n < m ? n : m);
    c = c ? c : (n > m) - (n < m);
    return c ? c : x->form_len - y->form_len;
}

static int frequent_first(const void *a, const void *b, void *ctx)
{
    const candidate *x = a, *y = b;
    if (x->word == y->word && x->count != y->count)
        return x->count > y->count ? -1 : 1;
    return same_first(a, b, ctx);
}

/* Add up what several segments have of the same word, and bring the frequent ones to the front. */
static void merge_candidates(walk *k)
{
    size_t n = 0;

    if (!k->n)
        return;
    qsort_r(k->at, k->n, sizeof *k->at, same_first, k->texts.data);
    for (size_t i = 0; i < k->n; i++) {
        if (n && !same_first(&k->at[n - 1], &k->at[i], k->texts.data))
            k->at[n - 1].count += k->at[i].count;
        else
            k->at[n++] = k->at[i];
    }
    k->n = n;
    qsort_r(k->at, k->n, sizeof *k->at, frequent_first, k->texts.data);
}

static int by_text(const void *a, const void *b)
{
    const compound_term *x = a, *y = b;
    int c = memcmp(x->text, y->text, x->len < y->len ? x->len : y->len);
    c = c ? c : (x->len > y->len) - (x->len < y->len);
    return c ? c : x->first - y->first;
}

/* Sort by text; a term that the word both ends and begins counts as one that it ends. */
static void sort_found(compound_search *q)
{
    size_t n = 0;

    if (q->n)
        qsort(q->found, q->n, sizeof *q->found, by_text);
    for (size_t i = 0; i < q->n; i++)
        if (!n || q->found[n - 1].len != q->found[i].len ||
            memcmp(q->found[n - 1].text, q->found[i].text, q->found[i].len))
            q->found[n++] = q->found[i];
    q->n = n;
}

static cairn_status check_candidates(walk *k, size_t word, size_t from, size_t to, arena *memory)
{
    compound_search *q = &k->words[word];
    cairn_status st = CAIRN_OK;

    q->found = arena_calloc(memory, COMPOUND_FOUND_MAX, sizeof *q->found);
    if (!q->found)
        return no_memory(k->err);
    for (size_t i = from; i < to && i - from < CHECKED_MAX && q->n < COMPOUND_FOUND_MAX && !st;
         i++) {
        const candidate *c = &k->at[i];
        const char *form = k->texts.data + c->text, *term = form + c->form_len;
        bool fits = false;
        if (c->first)
            st = begins_with(k->w, form, c->form_len, q, &fits, k->err);
        else
            st = ends_with(k->w, form, c->form_len, term, c->term_len, q, &fits, k->err);
        if (st || !fits)
            continue;
        q->found[q->n] =
            (compound_term){arena_strndup(memory, term, c->term_len), c->term_len, c->first};
        if (!q->found[q->n++].text)
            st = no_memory(k->err);
    }
    if (!st)
        sort_found(q);
    return st;
}

cairn_status compound_find(const compound_words *w, compound_search *words, size_t n, arena *memory,
                           cairn_error *err)
{
    walk *k = checked_malloc(1, sizeof *k);
    cairn_status st = CAIRN_OK;

    if (!k)
        return no_memory(err);
    *k = (walk){.w = w,
                .words = words,
                .n_words = n < COMPOUND_WORDS_MAX ? n : COMPOUND_WORDS_MAX,
                .err = err};
    bytes_init(&k->texts, UINT32_MAX);
    for (size_t i = 0; i < k->n_words; i++) {
        compound_search *q = &words[i];
        size_t last, first;
        q->n = 0;
        if (q->term_len < 2 || q->form_len < 2)
            continue;
        last = pair_of(q->term + q->term_len - 2);
        first = pair_of(q->form);
        k->ends[last >> 6] |= (uint64_t)1 << (last & 63);
        k->begins[first >> 6] |= (uint64_t)1 << (first & 63);
    }
    for (size_t s = 0; s < w->n && !st; s++)
        st = walk_segment(k, w->segments[s].reader);
    if (!st)
        merge_candidates(k);
    for (size_t i = 0, to; i < k->n && !st; i = to) {
        to = i;
        while (to < k->n && k->at[to].word == k->at[i].word)
            to++;
        st = check_candidates(k, k->at[i].word, i, to, memory);
    }
    free(k->at);
    bytes_clear(&k->texts);
    free(k);
    return st;
}
