/* test_operators.c - random trees of every operator over random collections, against a reference that
 * looks at the texts themselves: words from the analyzer, then plain loops; patterns by a recursive
 * matcher, POSIX regular expressions and the textbook table of edit distances. Which rows are
 * found must agree with the reference, and the fast search with the exhaustive one, scores included. */
#include "tests/index/lexical/corpus.h"

#include <locale.h>
#include <math.h>
#include <regex.h>

#include "base/arena.h"
#include "base/utf8.h"
#include "index/lexical/automaton.h"

#define ROWS_MOST    120
#define SEGMENTS     3
#define WORDS_MOST   24
#define CLAUSES_MOST 24
#define NODES_MOST   64
#define SPANS_MOST   8

typedef struct token {
    char term[ANALYZER_TERM_MAX];
    uint32_t len, position;
    char form[ANALYZER_TERM_MAX]; /* as it is written, without case and accents */
} token;

typedef struct text_row {
    token *words[LEXICAL_FIELDS];
    size_t n[LEXICAL_FIELDS];
} text_row;

typedef struct collection {
    test_index ix[SEGMENTS];
    lexical_segment seg[SEGMENTS];
    text_row row[SEGMENTS][ROWS_MOST];
    uint32_t rows[SEGMENTS];
    uint64_t *filter[4][SEGMENTS];
    size_t n;
    const char *langs[4];
    size_t n_langs;
    analyzer *an;
} collection;

static char *words_pool[64];
static size_t n_pool;

/* A vocabulary of short words that are near each other, with endings that stemmers take off. */
static void make_pool(random_state *r)
{
    static const char *const parts[] = {"a",  "b", "c", "e",  "ab", "ca", "be", "\xC3\xA9",
                                        "\xD0\xB6", "\xD0\xB2", "o", "t", "st", "ra"};
    static const char *const ends[] = {"", "", "", "s", "ed", "ing", "ation"};

    for (n_pool = 0; n_pool < 64; n_pool++) {
        char w[64] = "";
        for (size_t i = 1 + random_below(r, 4); i; i--)
            strcat(w, parts[random_below(r, sizeof parts / sizeof *parts)]);
        strcat(w, ends[random_below(r, sizeof ends / sizeof *ends)]);
        free(words_pool[n_pool]);
        words_pool[n_pool] = strdup(w);
    }
}

static const char *some_word(random_state *r)
{
    return words_pool[random_word(r, n_pool)];
}

/* The word without case and accents, as patterns are. */
static void plain_word(const char *s, char *dst)
{
    for (; *s; s++)
        if (!strncmp(s, "\xC3\xA9", 2)) {
            *dst++ = 'e';
            s++;
        } else {
            *dst++ = *s;
        }
    *dst = 0;
}

static void keep_tokens(collection *c, text_row *row, size_t f, const char *lang, const char *text)
{
    const analyzer_token *t;
    size_t n;

    assert_int_equal(analyzer_run(c->an, lang, text, strlen(text), &t, &n, NULL), CAIRN_OK);
    row->words[f] = calloc(n + 1, sizeof(token));
    row->n[f] = n;
    for (size_t i = 0; i < n; i++) {
        memcpy(row->words[f][i].term, t[i].term, t[i].len);
        row->words[f][i].len = t[i].len;
        row->words[f][i].position = t[i].position;
        assert_true(t[i].end - t[i].start < ANALYZER_TERM_MAX);
        {
            char word[ANALYZER_TERM_MAX] = "";
            memcpy(word, text + t[i].start, t[i].end - t[i].start);
            plain_word(word, row->words[f][i].form);
        }
    }
}

static void make_collection(collection *c, random_state *r)
{
    static const char *const langs[] = {"en", "de", ""};
    static const size_t most[LEXICAL_FIELDS] = {4, 2, 3, WORDS_MOST};

    memset(c, 0, sizeof *c);
    assert_int_equal(analyzer_create(&c->an, NULL), CAIRN_OK);
    make_pool(r);
    c->n = 1 + random_below(r, SEGMENTS);
    for (size_t s = 0; s < c->n; s++) {
        lexical_writer *w;
        section_sink sink = memory_sink(&c->ix[s].sections);
        assert_int_equal(lexical_writer_create(&w, NULL, NULL), CAIRN_OK);
        c->rows[s] = (uint32_t)random_below(r, ROWS_MOST);
        for (size_t i = 0; i < c->rows[s]; i++) {
            char text[LEXICAL_FIELDS][2048] = {""};
            const char *lang = langs[random_below(r, 3)];
            lexical_doc d = {.lang = lang};
            size_t l = 0;
            for (size_t f = 0; f < LEXICAL_FIELDS; f++) {
                for (size_t k = random_below(r, most[f]); k; k--) {
                    strcat(text[f], some_word(r));
                    strcat(text[f], random_below(r, 8) ? " " : ", ");
                }
                d.field[f].text = text[f];
                d.field[f].len = strlen(text[f]);
                keep_tokens(c, &c->row[s][i], f, lang, text[f]);
            }
            while (l < c->n_langs && strcmp(c->langs[l], lang))
                l++;
            if (l == c->n_langs)
                c->langs[c->n_langs++] = lang;
            assert_int_equal(lexical_writer_add(w, &d, NULL, NULL), CAIRN_OK);
        }
        assert_int_equal(lexical_writer_finish(w, &sink, NULL), CAIRN_OK);
        lexical_writer_destroy(w);
        index_open(&c->ix[s]);
        c->seg[s].reader = c->ix[s].reader;
        for (size_t k = 0; k < 4; k++) {
            c->filter[k][s] = calloc(row_set_words(c->rows[s]) + 1, 8);
            for (uint32_t i = 0; i < c->rows[s]; i++)
                if (!random_below(r, k + 2))
                    c->filter[k][s][i >> 6] |= 1ull << (i & 63);
        }
        if (random_below(r, 2))
            c->seg[s].deleted = c->filter[2][s];
        if (!random_below(r, 3))
            c->seg[s].allowed = c->filter[0][s];
    }
    if (!c->n_langs)
        c->langs[c->n_langs++] = "";
}

static void free_collection(collection *c)
{
    for (size_t s = 0; s < c->n; s++) {
        index_close(&c->ix[s]);
        for (size_t i = 0; i < c->rows[s]; i++)
            for (size_t f = 0; f < LEXICAL_FIELDS; f++)
                free(c->row[s][i].words[f]);
        for (size_t k = 0; k < 4; k++)
            free(c->filter[k][s]);
    }
    analyzer_destroy(c->an);
}

/* ---- random queries ---- */

typedef struct asked {
    lexical_clause clause[CLAUSES_MOST + 1], part[CLAUSES_MOST][3];
    char text[CLAUSES_MOST][256], part_text[CLAUSES_MOST][3][128];
    lexical_node node[NODES_MOST];
    size_t n_nodes;
    lexical_query query;
    const collection *c;
} asked;

static void random_pattern(random_state *r, char *dst, size_t cap)
{
    const char *w = some_word(r);
    size_t n = 0;

    for (size_t i = 0; w[i] && n + 8 < cap; i++) {
        bool start = ((uint8_t)w[i] & 0xC0) != 0x80;
        if (start && !random_below(r, 4)) {
            dst[n++] = random_below(r, 2) ? '*' : '?';
            if (random_below(r, 2)) {
                while (((uint8_t)w[i + 1] & 0xC0) == 0x80)
                    i++;
                continue;
            }
        }
        dst[n++] = w[i];
    }
    if (!random_below(r, 3))
        dst[n++] = '*';
    dst[n] = 0;
    if (!n)
        strcpy(dst, "a*");
}

/* What POSIX extended expressions mean too. */
static void random_regex(random_state *r, char *dst, size_t cap, unsigned depth)
{
    static const char *const atoms[] = {"a", "b", "c", "e", ".", "[a-c]", "[^ae]", "st", "s", "t"};
    static const char *const repeats[] = {"", "", "", "*", "+", "?", "{2}", "{1,3}", "{0,1}", "{1,}"};

    for (size_t i = 1 + random_below(r, 4); i && strlen(dst) + 40 < cap; i--) {
        if (depth && !random_below(r, 4)) {
            strcat(dst, "(");
            random_regex(r, dst, cap - 24, depth - 1);
            if (random_below(r, 2)) {
                strcat(dst, "|");
                random_regex(r, dst, cap - 16, depth - 1);
            }
            strcat(dst, ")");
        } else {
            strcat(dst, atoms[random_below(r, 10)]);
            if (strlen(dst) > 2 && !strcmp(dst + strlen(dst) - 2, "st"))
                continue;
        }
        strcat(dst, repeats[random_below(r, 10)]);
    }
}

/* A word, or a pattern that some word fits and few others do: inside a phrase it stands for 64 terms. */
static void random_piece(asked *q, random_state *r, size_t i, size_t k, bool pattern)
{
    const char *word = some_word(r);
    size_t cut = 0;

    for (int tries = 0; pattern && strlen(word) < 5 && tries < 200; tries++)
        word = some_word(r);
    pattern = pattern && strlen(word) >= 5;
    if (pattern)
        cut = 1 + random_below(r, 2);
    cut += cut && (word[strlen(word) - cut] & 0xC0) == 0x80; /* not into a letter */
    snprintf(q->part_text[i][k], 128, "%.*s%s", (int)(strlen(word) - cut), word, pattern ? "*" : "");
    q->part[i][k] = (lexical_clause){.kind = pattern ? LEXICAL_WILDCARD : LEXICAL_WORDS,
                                     .text = q->part_text[i][k],
                                     .len = strlen(q->part_text[i][k])};
}

static void random_clause(asked *q, random_state *r, size_t i, lexical_occur occur)
{
    lexical_clause *c = &q->clause[i];
    char *text = q->text[i];

    *c = (lexical_clause){.occur = occur, .kind = (lexical_kind)random_below(r, LEXICAL_TREE)};
    *text = 0;
    switch (c->kind) {
    case LEXICAL_PHRASE:
        for (size_t k = 1 + random_below(r, 3); k; k--) {
            strcat(text, some_word(r));
            strcat(text, " ");
        }
        c->slop = random_below(r, 2) ? (uint32_t)random_below(r, 6) : 0;
        if (!random_below(r, 3)) { /* of pieces, one of them a pattern */
            c->parts = q->part[i];
            c->n_parts = 2 + random_below(r, 2);
            for (size_t k = 0; k < c->n_parts; k++)
                random_piece(q, r, i, k, k == 1);
        }
        break;
    case LEXICAL_NEAR:
        c->n_parts = 1 + random_below(r, 3);
        c->slop = (uint32_t)random_below(r, 6);
        c->parts = q->part[i];
        for (size_t k = 0; k < c->n_parts; k++) {
            snprintf(q->part_text[i][k], 128, random_below(r, 4) ? "%s" : "%s %s", some_word(r),
                     some_word(r));
            q->part[i][k] = (lexical_clause){.text = q->part_text[i][k],
                                             .len = strlen(q->part_text[i][k])};
            if (!k && !random_below(r, 3))
                random_piece(q, r, i, k, true);
        }
        break;
    case LEXICAL_WILDCARD:
        random_pattern(r, text, 256);
        break;
    case LEXICAL_REGEX:
        random_regex(r, text, 200, 2);
        break;
    case LEXICAL_FUZZY:
        c->edits = 1 + (unsigned)random_below(r, 2);
        /* fall through */
    default:
        strcpy(text, random_below(r, 20) ? some_word(r) : "zzz");
        break;
    }
    c->text = text;
    c->len = strlen(text);
    if (!random_below(r, 4))
        c->field_mask = 1 + (uint32_t)random_below(r, LEXICAL_ALL_FIELDS);
    if (!random_below(r, 4))
        c->boost = 0.1f + (float)random_below(r, 50) / 10;
}

static lexical_node random_node(asked *q, random_state *r, unsigned depth, bool negated)
{
    lexical_node node = {.kind = LEXICAL_NODE_CLAUSE};
    size_t kind = depth ? random_below(r, 6) : random_below(r, 3);

    if (kind == 0 && q->n_nodes + 4 < NODES_MOST) {
        static const uint64_t *sets[NODES_MOST][SEGMENTS];
        size_t k = random_below(r, 4);
        for (size_t s = 0; s < q->c->n; s++)
            sets[q->n_nodes][s] = random_below(r, 8) ? q->c->filter[k][s] : NULL;
        node.kind = LEXICAL_NODE_ROWS;
        node.rows = sets[q->n_nodes];
        q->n_nodes++; /* keeps the set's place */
        return node;
    }
    if (kind < 3 || q->n_nodes + 4 >= NODES_MOST || q->query.n == CLAUSES_MOST) {
        if (q->query.n < CLAUSES_MOST)
            random_clause(q, r, q->query.n++,
                          negated || !random_below(r, 5) ? LEXICAL_TEST : LEXICAL_SHOULD);
        node.clause = (uint32_t)q->query.n - 1;
        node.any = random_below(r, 2);
        return node;
    }
    node.kind = kind == 3   ? LEXICAL_NODE_NOT
                : kind == 4 ? LEXICAL_NODE_AND
                            : LEXICAL_NODE_OR;
    node.n_parts = kind == 3 ? 1 : 1 + random_below(r, 3);
    node.parts = &q->node[q->n_nodes];
    q->n_nodes += node.n_parts;
    for (size_t i = 0; i < node.n_parts; i++)
        ((lexical_node *)node.parts)[i] =
            random_node(q, r, depth - 1, negated != (node.kind == LEXICAL_NODE_NOT));
    return node;
}

static void random_query(asked *q, random_state *r, const collection *c)
{
    memset(q, 0, sizeof *q);
    q->c = c;
    q->query.clauses = q->clause;
    for (size_t i = random_below(r, 4); i; i--)
        random_clause(q, r, q->query.n++, (lexical_occur)random_below(r, 3));
    if (random_below(r, 3) || !q->query.n) {
        lexical_node *root = &q->node[q->n_nodes++];
        *root = random_node(q, r, 4, false);
        q->clause[q->query.n] = (lexical_clause){.kind = LEXICAL_TREE, .tree = root};
        q->query.n++;
    }
}

/* ---- the reference ---- */

static bool is_term(const token *t, const char *term, size_t len)
{
    return t->len == len && !memcmp(t->term, term, len);
}

static bool glob(const char *p, const char *s)
{
    if (!*p)
        return !*s;
    if (*p == '*')
        return glob(p + 1, s) || (*s && glob(p, s + 1));
    if (!*s)
        return false;
    if (*p == '?') {
        s++;
        while (((uint8_t)*s & 0xC0) == 0x80)
            s++;
        return glob(p + 1, s);
    }
    return *p == *s && glob(p + 1, s + 1);
}

/* Optimal string alignment distance by its table. */
static unsigned edit_distance(const char *a, const char *b)
{
    uint32_t x[64], y[64];
    size_t n = 0, m = 0;
    unsigned d[65][65];

    for (size_t i = 0; a[i];)
        i += utf8_decode(a + i, strlen(a) - i, &x[n++], NULL);
    for (size_t i = 0; b[i];)
        i += utf8_decode(b + i, strlen(b) - i, &y[m++], NULL);
    for (size_t i = 0; i <= n; i++)
        for (size_t j = 0; j <= m; j++) {
            if (!i || !j) {
                d[i][j] = (unsigned)(i + j);
                continue;
            }
            d[i][j] = d[i - 1][j - 1] + (x[i - 1] != y[j - 1]);
            if (d[i - 1][j] + 1 < d[i][j])
                d[i][j] = d[i - 1][j] + 1;
            if (d[i][j - 1] + 1 < d[i][j])
                d[i][j] = d[i][j - 1] + 1;
            if (i > 1 && j > 1 && x[i - 1] == y[j - 2] && x[i - 2] == y[j - 1] &&
                d[i - 2][j - 2] + 1 < d[i][j])
                d[i][j] = d[i - 2][j - 2] + 1;
        }
    return d[n][m];
}

static bool form_fits(const lexical_clause *q, const char *form)
{
    char word[256], whole[300];
    regex_t re;
    bool fits;

    plain_word(q->text, word);
    if (q->kind == LEXICAL_WILDCARD)
        return glob(word, form);
    if (q->kind == LEXICAL_FUZZY)
        return edit_distance(word, form) <= q->edits;
    snprintf(whole, sizeof whole, "^(%s)$", word);
    assert_int_equal(regcomp(&re, whole, REG_EXTENDED | REG_NOSUB), 0);
    fits = regexec(&re, form, 0, NULL, 0) == 0;
    regfree(&re);
    return fits;
}

/* The distinct words of the collection, and whether the pattern at hand stands for their terms. */
#define DISTINCT_MOST 4096
static struct {
    const token *word[DISTINCT_MOST];
    size_t n;
    /* Of the query's clauses, and behind those of the pattern inside each. */
    bool known[2 * CLAUSES_MOST], fits[2 * CLAUSES_MOST][DISTINCT_MOST];
} vocabulary;

static void collect_words(const collection *c)
{
    vocabulary.n = 0;
    for (size_t s = 0; s < c->n; s++)
        for (size_t i = 0; i < c->rows[s]; i++)
            for (size_t f = 0; f < LEXICAL_FIELDS; f++)
                for (size_t k = 0; k < c->row[s][i].n[f]; k++) {
                    const token *w = &c->row[s][i].words[f][k];
                    size_t j = 0;
                    while (j < vocabulary.n && (strcmp(vocabulary.word[j]->form, w->form) ||
                                                !is_term(vocabulary.word[j], w->term, w->len)))
                        j++;
                    if (j < vocabulary.n)
                        continue;
                    assert_true(j < DISTINCT_MOST);
                    vocabulary.word[vocabulary.n++] = w;
                }
}

/* Whether some word of the collection that is written as the pattern says has this term. */
static bool fits_pattern(const collection *c, const lexical_clause *q, size_t clause,
                         const token *t)
{
    bool *fits = vocabulary.fits[clause];

    for (size_t i = 0; i < vocabulary.n && !vocabulary.known[clause]; i++)
        fits[i] = form_fits(q, vocabulary.word[i]->form);
    vocabulary.known[clause] = true;
    for (size_t i = 0; i < vocabulary.n; i++)
        if (fits[i] && is_term(vocabulary.word[i], t->term, t->len))
            return true;
    for (size_t l = 0; q->kind == LEXICAL_FUZZY && l < c->n_langs; l++) {
        const analyzer_token *own; /* or it is a stem of the word itself */
        size_t n;
        assert_int_equal(analyzer_run(c->an, c->langs[l], q->text, q->len, &own, &n, NULL), 0);
        if (n == 1 && is_term(t, own[0].term, own[0].len))
            return true;
    }
    return false;
}

static bool stands(const text_row *row, size_t f, const token *t, int64_t position)
{
    for (size_t i = 0; i < row->n[f]; i++)
        if ((int64_t)row->words[f][i].position == position &&
            is_term(&row->words[f][i], t->term, t->len))
            return true;
    return false;
}

/* Spans (runs of tokens) with bounds on where they may begin. */
typedef struct spans {
    token word[16];
    const lexical_clause *pattern[16]; /* instead of a word */
    size_t first[SPANS_MOST], n[SPANS_MOST], count;
    int64_t lo[SPANS_MOST], hi[SPANS_MOST];
    size_t clause; /* whose */
} spans;

static bool stands_pattern(const collection *c, const text_row *row, size_t f, const spans *s,
                           size_t word, int64_t position)
{
    for (size_t i = 0; i < row->n[f]; i++)
        if ((int64_t)row->words[f][i].position == position &&
            fits_pattern(c, s->pattern[word], CLAUSES_MOST + s->clause, &row->words[f][i]))
            return true;
    return false;
}

static bool can_place(const collection *c, const text_row *row, size_t f, const spans *s, size_t i, int64_t start,
                      int64_t *taken)
{
    if (i == s->count || i == SPANS_MOST)
        return true;
    for (int64_t p = start + s->lo[i]; p <= start + s->hi[i]; p++) {
        bool fits = true;
        for (size_t j = 0; j < i; j++)
            fits = fits && taken[j] != p;
        for (size_t j = 0; j < s->n[i]; j++)
            fits = fits && (s->pattern[s->first[i] + j]
                                ? stands_pattern(c, row, f, s, s->first[i] + j, p + (int64_t)j)
                                : stands(row, f, &s->word[s->first[i] + j], p + (int64_t)j));
        taken[i] = p;
        if (fits && can_place(c, row, f, s, i + 1, start, taken))
            return true;
    }
    return false;
}

static void add_tokens(const collection *c, size_t lang, const char *text, spans *s, bool apart)
{
    const analyzer_token *t;
    size_t n, at = s->count ? s->first[s->count - 1] + s->n[s->count - 1] : 0;

    assert_int_equal(analyzer_run(c->an, c->langs[lang], text, strlen(text), &t, &n, NULL), 0);
    for (size_t i = 0; i < n; i++) {
        token *w = &s->word[at + i];
        memcpy(w->term, t[i].term, t[i].len);
        w->len = t[i].len;
        if (apart || !i) {
            s->first[s->count] = at + i;
            s->n[s->count++] = 0;
        }
        s->n[s->count - 1]++;
    }
}

static void add_pattern(const lexical_clause *pattern, spans *s)
{
    size_t at = s->count ? s->first[s->count - 1] + s->n[s->count - 1] : 0;

    s->pattern[at] = pattern;
    s->first[s->count] = at;
    s->n[s->count++] = 1;
}

static bool near_in_row(const collection *c, const lexical_clause *q, size_t clause,
                        const text_row *row, uint32_t mask)
{
    for (size_t l = 0; l < c->n_langs; l++) {
        spans s = {.clause = clause};
        int64_t taken[SPANS_MOST], words = 0;
        if (q->kind == LEXICAL_PHRASE && !q->n_parts)
            add_tokens(c, l, q->text, &s, true);
        for (size_t i = 0; i < q->n_parts; i++)
            if (q->parts[i].kind == LEXICAL_WILDCARD)
                add_pattern(&q->parts[i], &s);
            else
                add_tokens(c, l, q->parts[i].text, &s, q->kind == LEXICAL_PHRASE);
        for (size_t i = 0; i < s.count; i++)
            words += (int64_t)s.n[i];
        for (size_t i = 0; i < s.count; i++) {
            s.lo[i] = q->kind == LEXICAL_PHRASE ? (int64_t)i : 0;
            s.hi[i] = q->kind == LEXICAL_PHRASE ? (int64_t)i + q->slop
                                                : words + q->slop - (int64_t)s.n[i];
        }
        for (size_t f = 0; f < LEXICAL_FIELDS && s.count; f++)
            for (int64_t start = -20; mask >> f & 1 && start <= (int64_t)row->n[f]; start++)
                if (can_place(c, row, f, &s, 0, start, taken))
                    return true;
    }
    return false;
}

static bool clause_in_row(const collection *c, const lexical_clause *q, size_t clause,
                          const text_row *row)
{
    uint32_t mask = q->field_mask ? q->field_mask : LEXICAL_ALL_FIELDS;

    if (q->kind == LEXICAL_PHRASE || q->kind == LEXICAL_NEAR)
        return near_in_row(c, q, clause, row, mask);
    for (size_t f = 0; f < LEXICAL_FIELDS; f++)
        for (size_t i = 0; mask >> f & 1 && i < row->n[f]; i++) {
            if (q->kind != LEXICAL_WORDS && fits_pattern(c, q, clause, &row->words[f][i]))
                return true;
            for (size_t l = 0; q->kind == LEXICAL_WORDS && l < c->n_langs; l++) {
                const analyzer_token *t;
                size_t n;
                assert_int_equal(analyzer_run(c->an, c->langs[l], q->text, q->len, &t, &n, NULL),
                                 0);
                assert_int_equal(n, 1);
                if (is_term(&row->words[f][i], t[0].term, t[0].len))
                    return true;
            }
        }
    return false;
}

static bool node_in_row(const asked *q, const lexical_node *node, size_t s, uint32_t row)
{
    bool all = true, any = false;

    if (node->kind == LEXICAL_NODE_CLAUSE)
        return clause_in_row(q->c, &q->clause[node->clause], node->clause, &q->c->row[s][row]);
    if (node->kind == LEXICAL_NODE_ROWS)
        return node->rows[s] && row_set_has(node->rows[s], row);
    for (size_t i = 0; i < node->n_parts; i++) {
        bool v = node_in_row(q, &node->parts[i], s, row);
        all = all && v;
        any = any || v;
    }
    return node->kind == LEXICAL_NODE_NOT ? !any : node->kind == LEXICAL_NODE_AND ? all : any;
}

/* 0: not found; 1: satisfies the query's conditions; 2: and a word scores it. */
static int row_is_found(const asked *q, size_t s, uint32_t row)
{
    bool scored = false;
    const lexical_segment *seg = &q->c->seg[s];

    if ((seg->deleted && row_set_has(seg->deleted, row)) ||
        (seg->allowed && !row_set_has(seg->allowed, row)))
        return 0;
    for (size_t i = 0; i < q->query.n; i++) {
        const lexical_clause *c = &q->clause[i];
        bool has;
        if (c->kind == LEXICAL_TREE) {
            if (!node_in_row(q, c->tree, s, row))
                return 0;
            continue;
        }
        if (c->occur == LEXICAL_TEST)
            continue;
        has = clause_in_row(q->c, c, i, &q->c->row[s][row]);
        if ((c->occur == LEXICAL_MUST && !has) || (c->occur == LEXICAL_MUST_NOT && has))
            return 0;
        scored = scored || (has && c->occur != LEXICAL_MUST_NOT);
    }
    return scored ? 2 : 1;
}

/* ---- the property ---- */

static void describe(const asked *q)
{
    for (size_t i = 0; i < q->query.n; i++) {
        print_message("clause %zu: occur %d kind %d mask %x slop %u edits %u parts %zu: %s", i,
                      q->clause[i].occur, q->clause[i].kind, q->clause[i].field_mask,
                      q->clause[i].slop, q->clause[i].edits, q->clause[i].n_parts,
                      q->clause[i].text ? q->clause[i].text : "(tree)");
        for (size_t k = 0; k < q->clause[i].n_parts; k++)
            print_message(" [%s]", q->clause[i].parts[k].text);
        print_message("\n");
    }
}

static void check_query(const asked *q)
{
    static lexical_hit a[SEGMENTS * ROWS_MOST], b[SEGMENTS * ROWS_MOST];
    static uint8_t found[SEGMENTS][ROWS_MOST];
    uint64_t *match[SEGMENTS];
    const collection *c = q->c;
    bool trees = q->clause[q->query.n - 1].kind == LEXICAL_TREE;
    cairn_error err = {0};
    size_t n, m;

    memset(vocabulary.known, 0, sizeof vocabulary.known);
    if (lexical_search(c->an, c->seg, c->n, &q->query, NULL, SEGMENTS * ROWS_MOST, a, &n, &err))
        fail_msg("search: %s", err.text);
    memset(found, 0, sizeof found);
    for (size_t i = 0; i < n; i++)
        found[a[i].segment][a[i].row] = a[i].score > 0 ? 2 : 1;
    for (size_t s = 0; s < c->n; s++) {
        match[s] = calloc(row_set_words(c->rows[s]) + 1, 8);
        assert_non_null(match[s]);
    }
    if (lexical_match(c->an, c->seg, c->n, &q->query, NULL, match, &err))
        fail_msg("match: %s", err.text);
    for (size_t s = 0; s < c->n; s++)
        for (uint32_t row = 0; row < c->rows[s]; row++) {
            int want = row_is_found(q, s, row);
            if (row_set_has(match[s], row) != (want > 0)) {
                describe(q);
                fail_msg("row %zu/%u: matched %d, not %d", s, row, row_set_has(match[s], row), want);
            }
            if (want == 1 && !trees)
                want = 0;
            if (found[s][row] != want) {
                describe(q);
                fail_msg("row %zu/%u: found %d, not %d", s, row, found[s][row], want);
            }
        }
    for (size_t s = 0; s < c->n; s++)
        free(match[s]);
    for (size_t k = 1; k < 400; k *= 7) {
        if (lexical_search(c->an, c->seg, c->n, &q->query, NULL, k, a, &n, &err) ||
            lexical_search_exhaustive(c->an, c->seg, c->n, &q->query, NULL, k, b, &m, &err))
            fail_msg("%s", err.text);
        if (n != m)
            describe(q);
        assert_int_equal(n, m);
        for (size_t i = 0; i < n; i++) {
            if (a[i].segment == b[i].segment && a[i].row == b[i].row && a[i].score == b[i].score)
                continue;
            describe(q);
            fail_msg("hit %zu of %zu: %u/%u %.9g, exhaustive %u/%u %.9g", i, k, a[i].segment,
                     a[i].row, (double)a[i].score, b[i].segment, b[i].row, (double)b[i].score);
        }
    }
}

static void random_trees_find_what_the_texts_hold(void **state)
{
    static collection c;
    static asked q;
    random_state r = random_seeded();
    (void)state;

    for (size_t round = 0; round < 12; round++) {
        make_collection(&c, &r);
        collect_words(&c);
        for (size_t i = 0; i < 60; i++) {
            random_query(&q, &r, &c);
            check_query(&q);
        }
        free_collection(&c);
    }
}

/* A pattern is one word with many spellings: idf of the rows that hold any, frequencies added up, those
 * of a fuzzy match less by its edits' share of the letters. */
static void patterns_score_as_one_word(void **state)
{
    static const char *const texts[] = {"house houses horse", "mouse", "tree", "tree tree"};
    test_index ix = {0};
    lexical_segment seg = {0};
    section_sink sink = memory_sink(&ix.sections);
    lexical_writer *w;
    lexical_hit hit[4];
    lexical_clause c = {.kind = LEXICAL_WILDCARD, .text = "ho*", .len = 3};
    lexical_query q = {&c, 1, ""};
    double idf1 = log(1 + (4 - 1 + 0.5) / 1.5), idf2 = log(1 + (4 - 2 + 0.5) / 2.5);
    double norm = 1.2 * (0.25 + 0.75 * 3 / (7 / 4.0)), norm1 = 1.2 * (0.25 + 0.75 / (7 / 4.0));
    size_t n;
    (void)state;

    assert_int_equal(lexical_writer_create(&w, NULL, NULL), CAIRN_OK);
    for (size_t i = 0; i < 4; i++) {
        lexical_doc d = {.lang = ""};
        d.field[LEXICAL_BODY].text = texts[i];
        d.field[LEXICAL_BODY].len = strlen(texts[i]);
        assert_int_equal(lexical_writer_add(w, &d, NULL, NULL), CAIRN_OK);
    }
    assert_int_equal(lexical_writer_finish(w, &sink, NULL), CAIRN_OK);
    lexical_writer_destroy(w);
    index_open(&ix);
    seg.reader = ix.reader;
    assert_int_equal(lexical_search(NULL, &seg, 1, &q, NULL, 4, hit, &n, NULL), CAIRN_OK);
    assert_int_equal(n, 1);
    assert_true(fabs((double)hit[0].score - idf1 * 3 / (3 + norm)) < 1e-5);
    c = (lexical_clause){.kind = LEXICAL_FUZZY, .text = "house", .len = 5, .edits = 1};
    assert_int_equal(lexical_search(NULL, &seg, 1, &q, NULL, 4, hit, &n, NULL), CAIRN_OK);
    assert_int_equal(n, 2); /* house; houses, horse and mouse at one edit of five letters */
    assert_int_equal(hit[0].row, 0);
    assert_true(fabs((double)hit[0].score - idf2 * 2.6 / (2.6 + norm)) < 1e-5);
    assert_true(fabs((double)hit[1].score - idf2 * 0.8 / (0.8 + norm1)) < 1e-5);
    index_close(&ix);
}

/* ---- automata by themselves ---- */

static void automata_accept_what_references_do(void **state)
{
    random_state r = random_seeded();
    (void)state;

    for (size_t round = 0; round < 400; round++) {
        lexical_clause q = {.kind = (lexical_kind)(LEXICAL_WILDCARD + random_below(&r, 3))};
        char text[256] = "";
        automaton a;
        arena memory;
        cairn_error err = {0};
        cairn_status st;
        if (round % 50 == 0)
            make_pool(&r);
        arena_init(&memory, 1 << 24);
        q.edits = 1 + (unsigned)random_below(&r, 2);
        q.text = text;
        if (q.kind == LEXICAL_WILDCARD) {
            random_pattern(&r, text, sizeof text);
            st = automaton_wildcard(&a, &memory, text, strlen(text), &err);
        } else if (q.kind == LEXICAL_REGEX) {
            random_regex(&r, text, 200, 3);
            st = automaton_regex(&a, &memory, text, strlen(text), &err);
        } else {
            strcpy(text, some_word(&r));
            st = automaton_fuzzy(&a, &memory, text, strlen(text), q.edits, &err);
        }
        if (st == CAIRN_ELIMIT && q.kind == LEXICAL_REGEX) { /* chance nested its repeats too deep */
            automaton_clear(&a);
            arena_clear(&memory);
            continue;
        }
        if (st)
            fail_msg("%s: %s", text, err.text);
        for (size_t i = 0; i < 64; i++) {
            char word[256], own[256];
            unsigned accepts;
            plain_word(words_pool[i], word);
            plain_word(text, own);
            accepts = automaton_accepts(&a, word, strlen(word));
            if ((accepts > 0) != form_fits(&q, word))
                fail_msg("kind %d '%s' edits %u: word '%s' accepted: %u", q.kind, text, q.edits,
                         word, accepts);
            if (q.kind == LEXICAL_FUZZY && accepts)
                assert_int_equal(accepts - 1, edit_distance(own, word));
        }
        automaton_clear(&a);
        arena_clear(&memory);
    }
}

static void bad_expressions_say_why(void **state)
{
    static const struct {
        const char *text;
        cairn_status want;
    } cases[] = {
        {"(a", CAIRN_EUSAGE},          {"a)", CAIRN_EUSAGE},      {"*a", CAIRN_EUSAGE},
        {"[a", CAIRN_EUSAGE},          {"[z-a]", CAIRN_EUSAGE},   {"a{2", CAIRN_EUSAGE},
        {"a{3,2}", CAIRN_EUSAGE},      {"a{99999}", CAIRN_EUSAGE}, {"a\\", CAIRN_EUSAGE},
        {"a{1000}", CAIRN_ELIMIT},     {"((a{30}){30}){30}", CAIRN_ELIMIT},
        {"(((()){1000}){1000}){1000}", CAIRN_ELIMIT}, {"a*{2}", CAIRN_EUSAGE},
        {"", CAIRN_OK},                {"a||b", CAIRN_OK},        {"[]a]", CAIRN_OK},
        {"(a|a)*(a|a)*(a|a)*b", CAIRN_OK}, {"\\d{4}", CAIRN_OK},   {"[^\\d]", CAIRN_OK},
        {"\\W", CAIRN_OK},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        automaton a;
        arena memory;
        cairn_error err = {0};
        cairn_status st;
        arena_init(&memory, 1 << 24);
        st = automaton_regex(&a, &memory, cases[i].text, strlen(cases[i].text), &err);
        if (st != cases[i].want)
            fail_msg("/%s/: %d (%s), not %d", cases[i].text, st, err.text, cases[i].want);
        automaton_clear(&a);
        arena_clear(&memory);
    }
}

/* Expressions that make backtracking matchers or eager tables explode. */
static void hostile_expressions_stay_small(void **state)
{
    static const char *const cases[] = {"(a|a)*(a|a)*(a|a)*b", "(.*a){12}.*b", "(a|b)*a(a|b){40}",
                                        "((((a*)*)*)*)*b", "(a?){60}a{60}"};
    char word[129];
    (void)state;

    memset(word, 'a', 128);
    word[128] = 0;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        automaton a;
        arena memory;
        cairn_error err = {0};
        arena_init(&memory, 1 << 24);
        if (automaton_regex(&a, &memory, cases[i], strlen(cases[i]), &err))
            fail_msg("/%s/: %s", cases[i], err.text);
        for (unsigned k = 0; k < 3000; k++) {
            word[k * 7 % 128] = k & 1 ? 'a' : 'b'; /* more states than the table holds */
            automaton_accepts(&a, word, 128);
        }
        assert_true(a.n_states <= a.max_states);
        automaton_clear(&a);
        arena_clear(&memory);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(automata_accept_what_references_do),
        cmocka_unit_test(bad_expressions_say_why),
        cmocka_unit_test(hostile_expressions_stay_small),
        cmocka_unit_test(patterns_score_as_one_word),
        cmocka_unit_test(random_trees_find_what_the_texts_hold),
    };
    if (!setlocale(LC_ALL, "C.UTF-8")) /* the reference's expressions count characters */
        return 77;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
