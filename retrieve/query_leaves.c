/* query_leaves.c - words, phrases, patterns and filters of a typed query, with their boosts. What does not
 * parse as one falls through to words. */
#include "retrieve/query_tokens.h"

#include <ctype.h>
#include <string.h>

#include "base/utf8.h"
#include "index/lexical/automaton.h"

#define EXPRESSION_BYTES ((size_t)4 << 20) /* to read a regular expression */
#define PATTERNS_MAX     16                /* wildcards, fuzzy words and expressions of one query */

/* A leaf with this text. */
static query_node *new_leaf(query_reader *q, query_kind kind, lexical_kind how, const char *s,
                            size_t len)
{
    query_node *n = query_new_node(q, kind);

    if (!n)
        return NULL;
    n->clause = (lexical_clause){.kind = how, .field_mask = q->mask, .text = s, .len = len};
    return n;
}

bool query_has_room(const query_reader *q)
{
    return q->n_leaves + 2 <= RETRIEVE_QUERY_MAX_TERMS;
}

/* ---- suffixes ---- */

/* A number of a boost: digits with at most one point. */
bool query_read_boost(const char *s, const char *end, float *out)
{
    double v = 0, unit = 1;
    bool point = false;

    if (s == end || end - s > 8)
        return false;
    for (; s < end; s++) {
        if (*s == '.' && !point) {
            point = true;
            continue;
        }
        if (!isdigit((unsigned char)*s))
            return false;
        v = v * 10 + (*s - '0');
        unit *= point ? 10 : 1;
    }
    v /= unit;
    if (!(v > 0) || v > 1000)
        return false;
    *out = (float)v;
    return true;
}

bool query_read_count(const char *s, const char *end, uint32_t *out)
{
    if (s == end || end - s > 6)
        return false;
    for (*out = 0; s < end; s++) {
        if (!isdigit((unsigned char)*s))
            return false;
        *out = *out * 10 + (uint32_t)(*s - '0');
    }
    return true;
}

/* Take "^number" off [s, *end). */
static float cut_boost(const char *s, const char **end)
{
    const char *caret = memrchr(s, '^', (size_t)(*end - s));
    float boost;

    if (!caret || caret == s || !query_read_boost(caret + 1, *end, &boost))
        return 0;
    *end = caret;
    return boost;
}

void query_set_boost(query_node *n, float boost)
{
    if (boost <= 0)
        return;
    n->clause.boost = n->clause.boost > 0 ? n->clause.boost * boost : boost;
    for (query_node *c = n->first; c; c = c->next)
        query_set_boost(c, boost);
}

/* ---- leaves ---- */

query_node *query_as_words(query_reader *q, const char *s, size_t len)
{
    if (!query_has_content(s, len))
        return NULL;
    if (q->in_filter) {
        query_remark(q, "a filter takes field:value terms; ignored: ", s, len, "");
        return NULL;
    }
    return new_leaf(q, QUERY_WORDS, LEXICAL_WORDS, s, len);
}

/* A pattern's letters and signs: nothing that would part words but the signs inside names that are
 * indexed whole (index/text/wholes.h), where a hyphen joins only beside a dot or an at sign. */
static bool is_pattern_text(const char *s, size_t len)
{
    bool letter = false, joins = memchr(s, '.', len) || memchr(s, '@', len);

    for (size_t i = 0; i < len; i++) {
        letter = letter || query_is_letter(s[i]) || isdigit((unsigned char)s[i]);
        if (!query_is_letter(s[i]) && !isdigit((unsigned char)s[i]) &&
            !strchr(joins ? "*?'._@-" : "*?'_", s[i]))
            return false;
        if (s[i] == '*' && i && s[i - 1] == '*')
            return false;
    }
    return letter;
}

static bool is_pattern_part(char c)
{
    return query_is_letter(c) || isdigit((unsigned char)c) || c == '*' || c == '?';
}

/* Whether the word is a wildcard pattern: a star, or a question mark between letters. A question mark
 * at the end is a question, a star between digits a product. */
static bool is_wildcard(const char *s, size_t len)
{
    bool any = false, letter = false;

    for (size_t i = 0; i < len; i++) {
        letter = letter || query_is_letter(s[i]);
        any = any || s[i] == '*' ||
              (s[i] == '?' && i && i + 1 < len && is_pattern_part(s[i - 1]) &&
               is_pattern_part(s[i + 1]));
    }
    return any && (letter || (len > 1 && s[len - 1] == '*' && !memchr(s, '*', len - 1)));
}

bool query_pattern_room(query_reader *q, const char *s, size_t len)
{
    if (q->n_patterns < PATTERNS_MAX) {
        q->n_patterns++;
        return true;
    }
    query_remark(q, "more patterns than a query may have; read as words: ", s, len, "");
    return false;
}

/* "word~", "word~1", "word~2" of the word [s, end): the edits, and *end cut; 0: it is none. */
static unsigned cut_edits(query_reader *q, const char *s, const char **end)
{
    const char *tilde = memrchr(s, '~', (size_t)(*end - s));
    uint32_t n = 0;
    size_t letters;

    if (!tilde || tilde == s || !is_pattern_text(s, (size_t)(tilde - s)) ||
        memchr(s, '*', (size_t)(tilde - s)) || memchr(s, '?', (size_t)(tilde - s)) ||
        (tilde + 1 < *end && !query_read_count(tilde + 1, *end, &n)))
        return 0;
    letters = utf8_length(s, (size_t)(tilde - s));
    if (tilde + 1 == *end)
        n = letters < 6 ? 1 : 2;
    if (n > 2) {
        query_remark(q, "at most two edits are allowed: ", s, (size_t)(*end - s), "");
        n = 2;
    }
    *end = tilde;
    return n ? n : 3; /* ~0 is the word itself */
}

static bool is_operator_word(const char *s, size_t len)
{
    return (len == 3 && (!memcmp(s, "AND", 3) || !memcmp(s, "NOT", 3))) ||
           (len == 2 && !memcmp(s, "OR", 2));
}

query_node *query_read_word(query_reader *q)
{
    const char *s = q->p, *end = query_word_end(q, s), *cut = end;
    query_node *n = NULL;
    float boost;
    unsigned edits;

    q->p = end;
    while (s < end && *s == '"') { /* of a quote that never closes */
        query_remark(q, "a quote is not closed: read as words: ", s + 1, (size_t)(end - s - 1), "");
        cut = end;
        s++;
    }
    if (!query_has_content(s, (size_t)(end - s)))
        return NULL;
    if (q->in_filter || !query_has_room(q))
        return query_as_words(q, s, (size_t)(end - s));
    boost = cut_boost(s, &cut);
    while (!boost && cut > s && strchr(",.;:!?", cut[-1])) /* of the sentence around it */
        cut--;
    edits = cut_edits(q, s, &cut);
    if (edits && edits < 3 && utf8_length(s, (size_t)(cut - s)) <= AUTOMATON_FUZZY_MAX &&
        query_pattern_room(q, s, (size_t)(cut - s))) {
        n = new_leaf(q, QUERY_CLAUSE, LEXICAL_FUZZY, s, (size_t)(cut - s));
        if (n)
            n->clause.edits = edits;
    } else if (!edits && is_wildcard(s, (size_t)(cut - s))) {
        if (!is_pattern_text(s, (size_t)(cut - s)))
            query_remark(q, "no single word is like this; read as words: ", s, (size_t)(cut - s),
                         "");
        else if (query_pattern_room(q, s, (size_t)(cut - s)))
            n = new_leaf(q, QUERY_CLAUSE, LEXICAL_WILDCARD, s, (size_t)(cut - s));
    }
    if (!n)
        n = query_as_words(q, s, (size_t)((boost > 0 || edits ? cut : end) - s));
    if (n && is_operator_word(s, (size_t)(end - s)))
        query_remark(q, "read as a word, since it stands between no two things: ", s,
                     (size_t)(end - s), "");
    if (n) {
        query_set_boost(n, boost);
        q->n_leaves += n->kind == QUERY_CLAUSE || boost > 0;
    }
    return n;
}

/* The pieces of a phrase that holds patterns, runs of words and patterns in turn; none where it holds none
 * or they do not fit. */
static void take_pieces(query_reader *q, query_node *n)
{
    const char *s = n->clause.text, *end = s + n->clause.len, *run = s;
    lexical_clause *parts = NULL;
    size_t n_parts = 0, patterns = 0;

    for (const char *p = s, *stop; p < end; p = stop) {
        const char *cut;
        while (p < end && query_is_blank(*p))
            p++;
        for (stop = p; stop < end && !query_is_blank(*stop); stop++)
            ;
        for (cut = stop; cut > p && strchr(",.;:!", cut[-1]); cut--)
            ;
        if (!is_wildcard(p, (size_t)(cut - p)) || !is_pattern_text(p, (size_t)(cut - p)) ||
            patterns == LEXICAL_PHRASE_PATTERNS || !query_pattern_room(q, p, (size_t)(cut - p)))
            continue;
        patterns++;
        if (!parts)
            parts = arena_calloc(q->a, 2 * LEXICAL_PHRASE_PATTERNS + 1, sizeof *parts);
        if (!parts) {
            q->failed = true;
            return;
        }
        if (query_has_content(run, (size_t)(p - run)))
            parts[n_parts++] = (lexical_clause){.text = run, .len = (size_t)(p - run)};
        parts[n_parts++] =
            (lexical_clause){.kind = LEXICAL_WILDCARD, .text = p, .len = (size_t)(cut - p)};
        run = cut;
    }
    if (parts && query_has_content(run, (size_t)(end - run)))
        parts[n_parts++] = (lexical_clause){.text = run, .len = (size_t)(end - run)};
    n->clause.parts = parts;
    n->clause.n_parts = n_parts;
}

/* A quoted phrase at p with "~n" and "^n" behind it. NULL with q->p unmoved when it never closes. */
query_node *query_read_phrase(query_reader *q)
{
    size_t len;
    const char *after, *s = query_quoted(q, q->p, &len, &after), *end, *cut;
    query_node *n;
    uint32_t slop = 0;
    float boost = 0;

    if (!s)
        return NULL;
    end = cut = query_word_end(q, after);
    q->p = after;
    if (after < end && (*after == '~' || *after == '^')) {
        if (*after == '^')
            boost = query_read_boost(after + 1, end, &boost) ? boost : 0;
        else
            boost = cut_boost(after, &cut);
        if (*after == '^' ? boost > 0 : query_read_count(after + 1, cut, &slop)) {
            q->p = end;
        } else {
            boost = 0;
            slop = 0;
        }
    }
    if (!query_has_content(s, len))
        return NULL;
    if (q->in_filter)
        return query_as_words(q, s, len);
    n = new_leaf(q, QUERY_CLAUSE, LEXICAL_PHRASE, s, len);
    if (n) {
        n->clause.slop = slop < QUERY_SLOP_MAX ? slop : QUERY_SLOP_MAX;
        take_pieces(q, n);
        n->required = true;
        query_set_boost(n, boost);
        q->n_leaves++;
    }
    return n;
}

/* Whether the index will take the expression; if not, a remark says why. */
static bool is_expression(query_reader *q, const char *s, size_t len)
{
    automaton a = {0};
    cairn_error why = {0};
    arena memory;
    bool fine;

    arena_init(&memory, EXPRESSION_BYTES);
    fine = !automaton_regex(&a, &memory, s, len, &why);
    if (!fine)
        query_remark(q, "read as words: ", why.text, strlen(why.text), "");
    automaton_clear(&a);
    arena_clear(&memory);
    return fine;
}

query_node *query_read_regex(query_reader *q, const char *end)
{
    const char *s = q->p + 1, *cut, *stop;
    query_node *n;

    stop = cut = query_word_end(q, end);
    if (!is_expression(q, s, (size_t)(end - 1 - s))) {
        q->p = end;
        return query_as_words(q, s, (size_t)(end - 1 - s));
    }
    n = new_leaf(q, QUERY_CLAUSE, LEXICAL_REGEX, s, (size_t)(end - 1 - s));
    q->p = end;
    if (end < stop && *end == '^') {
        float boost = 0;
        if (query_read_boost(end + 1, cut, &boost) && n)
            query_set_boost(n, boost);
        q->p = stop;
    }
    q->n_leaves++;
    return n;
}

/* ---- filters ---- */

/* One value of a list, quoted or up to a comma or the item's end; *at moves behind it. */
static bool read_value(const query_reader *q, const char **at, const char **s, size_t *len)
{
    const char *p = *at;

    if (p < q->end && *p == '"') {
        *s = query_quoted(q, p, len, at);
        return *s && *len && (query_at_end(q, *at) || **at == ',');
    }
    while (!query_at_end(q, p) && *p != ',')
        p++;
    *s = *at;
    *len = (size_t)(p - *at);
    *at = p;
    return *len > 0;
}

static const char *keep(query_reader *q, const char *s, size_t len)
{
    char *copy = arena_strndup(q->a, s, len);

    q->failed |= !copy;
    return copy ? copy : "";
}

static bool read_range(query_reader *q, filter_field f, const char *s, size_t len,
                       filter_value *out)
{
    bool number = f == FILTER_SIZE || f == FILTER_PAGES;

    if (number ? query_read_numbers(s, len, f == FILTER_SIZE, out)
               : query_read_dates(s, len, q->today, out))
        return true;
    query_remark(q, "\"", s, len,
                 !number ? "\" is no date such as 2025-09, last-week or 2025-09-01/2025-09-30"
                 : f == FILTER_SIZE ? "\" is no size such as >10mb, <=500k or 1mb..5mb"
                                    : "\" is no number of pages such as 12, >=10 or 3..20");
    return false;
}

/* The values behind "field:" as a predicate. NULL: this is no field term after all. */
query_node *query_read_filter(query_reader *q, const query_field *f, const char *value)
{
    filter_predicate p = {f->field, f->op, false, NULL, 0};
    filter_value values[32] = {{0}}, *own;
    query_node *n;

    do {
        const char *s;
        size_t len;
        if (p.n_values == 32 || !read_value(q, &value, &s, &len))
            return NULL;
        filter_value *v = &values[p.n_values++];
        if (f->op == FILTER_RANGE) {
            if (!read_range(q, f->field, s, len, v))
                return NULL;
            continue;
        }
        if (f->field == FILTER_EXT && *s == '.' && len > 1) {
            s++;
            len--;
        }
        v->text = keep(q, s, len);
        if (p.op == FILTER_CONTAINS && f->field == FILTER_URI && strpbrk(v->text, "*?"))
            p.op = FILTER_GLOB;
    } while (value < q->end && *value == ',' && value++);
    if (!query_at_end(q, value))
        return NULL;
    own = arena_alloc(q->a, p.n_values * sizeof *own);
    n = query_new_node(q, QUERY_FILTER);
    if (!own || !n) {
        q->failed = true;
        return NULL;
    }
    memcpy(own, values, p.n_values * sizeof *own);
    p.values = own;
    n->predicate = p;
    q->n_leaves++;
    q->p = value;
    return n;
}
