/* query_read.c - from a typed text to a tree. What does not parse as an operator falls through to
 * "words", so every text is a query.
 *
 * Parentheses are matched first, in one pass: those that open where an item may begin and that have
 * a partner are structure; all others are signs between words. Then a recursive descent whose depth
 * the matched parentheses bound. */
#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/utf8.h"
#include "index/lexical/automaton.h"
#include "retrieve/query_tree.h"

#define DEPTH_MAX    24   /* of parentheses */
#define NOTS_MAX     8    /* one behind the other */
#define EXPRESSION_BYTES ((size_t)4 << 20) /* to read a regular expression */
#define PATTERNS_MAX 16   /* wildcards, fuzzy words and expressions of one query */
#define NEAR_DEFAULT 10   /* words between, where NEAR does not say */
#define SLOP_MAX     1000 /* of a phrase or NEAR, as typed */

typedef struct known_field {
    const char *name;
    filter_field field;
    filter_op op;
    uint32_t mask; /* a field of words; 0: a filter */
} known_field;

static const known_field fields[] = {
    {"title", FILTER_TITLE, FILTER_WORD, 1u << LEXICAL_TITLE},
    {"heading", 0, 0, 1u << LEXICAL_HEADINGS},
    {"body", 0, 0, 1u << LEXICAL_BODY},
    {"path", FILTER_URI, FILTER_CONTAINS, 0},
    {"dir", FILTER_URI, FILTER_DIR, 0},
    {"ext", FILTER_EXT, FILTER_EQ, 0},
    {"lang", FILTER_LANG, FILTER_EQ, 0},
    {"tag", FILTER_TAG, FILTER_EQ, 0},
    {"type", FILTER_MIME, FILTER_PREFIX, 0},
    {"mime", FILTER_MIME, FILTER_PREFIX, 0},
    {"from", FILTER_AUTHOR, FILTER_CONTAINS, 0},
    {"author", FILTER_AUTHOR, FILTER_CONTAINS, 0},
    {"date", FILTER_DATE, FILTER_RANGE, 0},
    {"size", FILTER_SIZE, FILTER_RANGE, 0},
    {"pages", FILTER_PAGES, FILTER_RANGE, 0},
};

void query_remark(query_reader *q, const char *before, const char *item, size_t len,
                  const char *after)
{
    if (q->note)
        return;
    len = len > 60 ? utf8_floor(item, 60) : len;
    q->note = arena_printf(q->a, "%s%.*s%s", before, (int)len, item, after);
    q->failed |= !q->note;
}

/* ---- nodes ---- */

query_node *query_new_node(query_reader *q, query_kind kind)
{
    query_node *n = q->spare;

    if (n)
        q->spare = n->next;
    else
        n = arena_alloc(q->a, sizeof *n);
    if (!n) {
        q->failed = true;
        return NULL;
    }
    *n = (query_node){.kind = kind, .index = -1};
    return n;
}

void query_append(query_node *parent, query_node *child)
{
    child->next = NULL;
    if (parent->last)
        parent->last->next = child;
    else
        parent->first = child;
    parent->last = child;
    parent->n++;
}

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

static bool has_room(const query_reader *q)
{
    return q->n_leaves + 2 <= RETRIEVE_QUERY_MAX_TERMS;
}

/* ---- characters ---- */

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\v' || c == '\f';
}

static bool is_letter(char c)
{
    return isalpha((unsigned char)c) || (uint8_t)c >= 0x80;
}

/* Whether there is anything to look for: a letter, a digit, anything beyond ASCII. */
static bool has_content(const char *s, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (is_letter(s[i]) || isdigit((unsigned char)s[i]))
            return true;
    return false;
}

static uint32_t partner_at(const query_reader *q, const char *p)
{
    return q->partner ? q->partner[p - q->text] : 0;
}

/* Whether an item ends at p: at a blank, the end, or a parenthesis that closes a group. */
static bool at_end(const query_reader *q, const char *p)
{
    return p >= q->end || is_blank(*p) || (*p == ')' && partner_at(q, p));
}

static const char *word_end(const query_reader *q, const char *p)
{
    while (!at_end(q, p))
        p++;
    return p;
}

static void skip_blanks(query_reader *q)
{
    while (q->p < q->end && is_blank(*q->p))
        q->p++;
}

/* At a quote: the text inside, and *after behind the closing one. NULL when it never closes. */
static const char *quoted(const query_reader *q, const char *p, size_t *len, const char **after)
{
    const char *close = memchr(p + 1, '"', (size_t)(q->end - p - 1));

    if (!close)
        return NULL;
    *len = (size_t)(close - p - 1);
    *after = close + 1;
    return p + 1;
}

/* At a slash: the end of a regular expression, behind its second slash, which only a blank, a
 * parenthesis that closes, a boost or the end may follow. NULL: it is a path or the like. */
static const char *regex_end(const query_reader *q, const char *p)
{
    const char *s = p + 1;

    while (s < q->end && *s != '/' && !is_blank(*s))
        s += *s == '\\' && s + 1 < q->end ? 2 : 1;
    if (s >= q->end || *s != '/' || s == p + 1)
        return NULL;
    s++;
    return s == q->end || is_blank(*s) || *s == ')' || *s == '^' ? s : NULL;
}

static const known_field *field_at(const query_reader *q, const char *p, const char **value)
{
    const char *name = p;

    while (p < q->end && isalpha((unsigned char)*p))
        p++;
    if (p == q->end || *p != ':' || p == name)
        return NULL;
    *value = p + 1;
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
        if (strlen(fields[i].name) == (size_t)(p - name) &&
            strncasecmp(fields[i].name, name, (size_t)(p - name)) == 0)
            return &fields[i];
    return NULL;
}

/* ---- parentheses ---- */

typedef struct open_one {
    uint32_t at;
    bool structure;
} open_one;

/* Where the item that begins at p may be followed by a parenthesis that opens: behind signs and
 * the name of a field; strings in quotes and slashes are passed over whole. */
static const char *pass_prefix(const query_reader *q, const char *p, bool *begins)
{
    const char *value, *after;
    const known_field *f;
    size_t len;

    *begins = true;
    if ((*p == '-' || *p == '+') && p + 1 < q->end)
        p++;
    f = field_at(q, p, &value);
    if (f && value < q->end && !is_blank(*value))
        p = value;
    if (*p == '"' && quoted(q, p, &len, &after))
        p = after;
    else if (*p == '/' && (after = regex_end(q, p)))
        p = after;
    else
        return p;
    *begins = false;
    return p;
}

static bool match_parentheses(query_reader *q)
{
    size_t n = (size_t)(q->end - q->text), n_open = 0, depth = 0;
    uint32_t *partner;
    open_one *open;
    bool begins = true;

    q->partner = NULL;
    if (!memchr(q->text, '(', n))
        return true;
    partner = arena_calloc(q->a, n + 1, sizeof *partner);
    open = arena_alloc(q->a, (n + 1) * sizeof *open);
    if (!partner || !open)
        return false;
    for (const char *p = q->text; p < q->end;) {
        if (is_blank(*p)) {
            begins = true;
            p++;
            continue;
        }
        if (begins)
            p = pass_prefix(q, p, &begins);
        if (p >= q->end || is_blank(*p))
            continue;
        if (*p == '(') {
            bool structure = begins && depth < DEPTH_MAX;
            if (begins && !structure)
                query_remark(q, "parentheses this deep were not read", "", 0, "");
            open[n_open++] = (open_one){(uint32_t)(p - q->text), structure};
            depth += structure;
            begins = structure;
        } else {
            begins = false;
            if (*p == ')' && n_open) {
                open_one o = open[--n_open];
                depth -= o.structure;
                if (o.structure) {
                    partner[o.at] = (uint32_t)(p - q->text) + 1;
                    partner[p - q->text] = o.at + 1;
                }
            }
        }
        p++;
    }
    while (n_open--)
        if (open[n_open].structure)
            query_remark(q, "a parenthesis is not closed: ", q->text + open[n_open].at,
                         n - open[n_open].at, "");
    q->partner = partner;
    return true;
}

/* ---- suffixes ---- */

/* A number of a boost: digits with at most one point. */
static bool read_boost(const char *s, const char *end, float *out)
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

static bool read_count(const char *s, const char *end, uint32_t *out)
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

    if (!caret || caret == s || !read_boost(caret + 1, *end, &boost))
        return 0;
    *end = caret;
    return boost;
}

static void set_boost(query_node *n, float boost)
{
    if (boost <= 0)
        return;
    n->clause.boost = n->clause.boost > 0 ? n->clause.boost * boost : boost;
    for (query_node *c = n->first; c; c = c->next)
        set_boost(c, boost);
}

/* ---- leaves ---- */

static query_node *as_words(query_reader *q, const char *s, size_t len)
{
    if (!has_content(s, len))
        return NULL;
    if (q->in_filter) {
        query_remark(q, "a filter takes field:value terms; ignored: ", s, len, "");
        return NULL;
    }
    return new_leaf(q, QUERY_WORDS, LEXICAL_WORDS, s, len);
}

/* A pattern's letters and signs: nothing that would part words. */
static bool is_pattern_text(const char *s, size_t len)
{
    bool letter = false;

    for (size_t i = 0; i < len; i++) {
        letter = letter || is_letter(s[i]) || isdigit((unsigned char)s[i]);
        if (!is_letter(s[i]) && !isdigit((unsigned char)s[i]) && !strchr("*?'", s[i]))
            return false;
        if (s[i] == '*' && i && s[i - 1] == '*')
            return false;
    }
    return letter;
}

static bool is_pattern_part(char c)
{
    return is_letter(c) || isdigit((unsigned char)c) || c == '*' || c == '?';
}

/* Whether the word is a wildcard pattern: a star, or a question mark between letters. A question mark
 * at the end is a question, a star between digits a product. */
static bool is_wildcard(const char *s, size_t len)
{
    bool any = false, letter = false;

    for (size_t i = 0; i < len; i++) {
        letter = letter || is_letter(s[i]);
        any = any || s[i] == '*' ||
              (s[i] == '?' && i && i + 1 < len && is_pattern_part(s[i - 1]) &&
               is_pattern_part(s[i + 1]));
    }
    return any && (letter || (len > 1 && s[len - 1] == '*' && !memchr(s, '*', len - 1)));
}

static bool pattern_room(query_reader *q, const char *s, size_t len)
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
        (tilde + 1 < *end && !read_count(tilde + 1, *end, &n)))
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

static query_node *read_word(query_reader *q)
{
    const char *s = q->p, *end = word_end(q, s), *cut = end;
    query_node *n = NULL;
    float boost;
    unsigned edits;

    q->p = end;
    while (s < end && *s == '"') { /* of a quote that never closes */
        query_remark(q, "a quote is not closed: read as words: ", s + 1, (size_t)(end - s - 1), "");
        cut = end;
        s++;
    }
    if (!has_content(s, (size_t)(end - s)))
        return NULL;
    if (q->in_filter || !has_room(q))
        return as_words(q, s, (size_t)(end - s));
    boost = cut_boost(s, &cut);
    while (!boost && cut > s && strchr(",.;:!?", cut[-1])) /* of the sentence around it */
        cut--;
    edits = cut_edits(q, s, &cut);
    if (edits && edits < 3 && utf8_length(s, (size_t)(cut - s)) <= AUTOMATON_FUZZY_MAX &&
        pattern_room(q, s, (size_t)(cut - s))) {
        n = new_leaf(q, QUERY_CLAUSE, LEXICAL_FUZZY, s, (size_t)(cut - s));
        if (n)
            n->clause.edits = edits;
    } else if (!edits && is_wildcard(s, (size_t)(cut - s))) {
        if (!is_pattern_text(s, (size_t)(cut - s)))
            query_remark(q, "no single word is like this; read as words: ", s, (size_t)(cut - s),
                         "");
        else if (pattern_room(q, s, (size_t)(cut - s)))
            n = new_leaf(q, QUERY_CLAUSE, LEXICAL_WILDCARD, s, (size_t)(cut - s));
    }
    if (!n)
        n = as_words(q, s, (size_t)((boost > 0 || edits ? cut : end) - s));
    if (n && is_operator_word(s, (size_t)(end - s)))
        query_remark(q, "read as a word, since it stands between no two things: ", s,
                     (size_t)(end - s), "");
    if (n) {
        set_boost(n, boost);
        q->n_leaves += n->kind == QUERY_CLAUSE || boost > 0;
    }
    return n;
}

/* A quoted phrase at p with "~n" and "^n" behind it. NULL with q->p unmoved when it never closes. */
static query_node *read_phrase(query_reader *q)
{
    size_t len;
    const char *after, *s = quoted(q, q->p, &len, &after), *end, *cut;
    query_node *n;
    uint32_t slop = 0;
    float boost = 0;

    if (!s)
        return NULL;
    end = cut = word_end(q, after);
    q->p = after;
    if (after < end && (*after == '~' || *after == '^')) {
        if (*after == '^')
            boost = read_boost(after + 1, end, &boost) ? boost : 0;
        else
            boost = cut_boost(after, &cut);
        if (*after == '^' ? boost > 0 : read_count(after + 1, cut, &slop)) {
            q->p = end;
        } else {
            boost = 0;
            slop = 0;
        }
    }
    if (!has_content(s, len))
        return NULL;
    if (q->in_filter)
        return as_words(q, s, len);
    n = new_leaf(q, QUERY_CLAUSE, LEXICAL_PHRASE, s, len);
    if (n) {
        n->clause.slop = slop < SLOP_MAX ? slop : SLOP_MAX;
        n->required = true;
        set_boost(n, boost);
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

static query_node *read_regex(query_reader *q, const char *end)
{
    const char *s = q->p + 1, *cut, *stop;
    query_node *n;

    stop = cut = word_end(q, end);
    if (!is_expression(q, s, (size_t)(end - 1 - s))) {
        q->p = end;
        return as_words(q, s, (size_t)(end - 1 - s));
    }
    n = new_leaf(q, QUERY_CLAUSE, LEXICAL_REGEX, s, (size_t)(end - 1 - s));
    q->p = end;
    if (end < stop && *end == '^') {
        float boost = 0;
        if (read_boost(end + 1, cut, &boost) && n)
            set_boost(n, boost);
        q->p = stop;
    }
    q->n_leaves++;
    return n;
}

/* ---- fields ---- */

/* One value of a list, quoted or up to a comma or the item's end; *at moves behind it. */
static bool read_value(const query_reader *q, const char **at, const char **s, size_t *len)
{
    const char *p = *at;

    if (p < q->end && *p == '"') {
        *s = quoted(q, p, len, at);
        return *s && *len && (at_end(q, *at) || **at == ',');
    }
    while (!at_end(q, p) && *p != ',')
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
    if (f == FILTER_DATE ? query_read_dates(s, len, out)
                         : query_read_numbers(s, len, f == FILTER_SIZE, out))
        return true;
    query_remark(q, "\"", s, len,
                 f == FILTER_DATE   ? "\" is no date such as 2025-09 or 2025-09-01/2025-09-30"
                 : f == FILTER_SIZE ? "\" is no size such as >10mb, <=500k or 1mb..5mb"
                                    : "\" is no number of pages such as 12, >=10 or 3..20");
    return false;
}

/* The values behind "field:" as a predicate. NULL: this is no field term after all. */
static query_node *read_filter(query_reader *q, const known_field *f, const char *value)
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
    if (!at_end(q, value))
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

static query_node *read_sequence(query_reader *q, const char *end);
static query_node *read_group(query_reader *q);

/* Words of one field: title:word, title:"a phrase", title:(a group), title:a,b. */
static query_node *read_field_words(query_reader *q, const known_field *f, const char *value)
{
    const char *before = q->p;
    uint32_t mask = q->mask;
    query_node *any = NULL, *n;

    q->mask = f->mask;
    for (q->p = value;; q->p++) {
        const char *end;
        if (*q->p == '(' && partner_at(q, q->p)) {
            n = read_group(q);
        } else if (*q->p == '"') {
            n = read_phrase(q);
        } else if (*q->p == '/' && (end = regex_end(q, q->p)) &&
                   pattern_room(q, q->p, (size_t)(end - q->p))) {
            n = read_regex(q, end);
        } else { /* one word, to a comma */
            const char *stop = q->end, *comma = memchr(q->p, ',', (size_t)(word_end(q, q->p) - q->p));
            if (comma)
                q->end = comma;
            n = read_word(q);
            q->end = stop;
        }
        if (!n)
            break;
        if (n->kind == QUERY_WORDS)
            q->n_leaves++;
        if (any || (q->p < q->end && *q->p == ',')) {
            if (!any)
                any = query_new_node(q, QUERY_OR);
            if (any)
                query_append(any, n);
            n = any;
        }
        if (q->p >= q->end || *q->p != ',' || !has_room(q))
            break;
    }
    q->mask = mask;
    if (!n && any)
        n = any;
    if (!n) {
        q->p = before;
        return NULL;
    }
    n->required = true;
    return n;
}

/* ---- items ---- */

/* A group in parentheses; q->p stands on the one that opens. */
static query_node *read_group(query_reader *q)
{
    const char *close = q->text + partner_at(q, q->p) - 1, *end, *cut;
    query_node *n;

    q->p++;
    n = read_sequence(q, close);
    q->p = close + 1;
    end = cut = word_end(q, q->p);
    if (q->p < end && *q->p == '^') {
        float boost = 0;
        if (read_boost(q->p + 1, cut, &boost) && n)
            set_boost(n, boost);
        q->p = end;
    }
    if (n && !n->first)
        return NULL;
    return n;
}

/* The operator word that stands at p as an item by itself, with something behind it. */
static bool operator_at(const query_reader *q, const char *p, const char *name, size_t len,
                        const char **behind)
{
    const char *s = p + len;

    if ((size_t)(q->end - p) < len || memcmp(p, name, len))
        return false;
    *behind = s;
    if (s >= q->end || !is_blank(*s))
        return false;
    while (s < q->end && is_blank(*s))
        s++;
    return !at_end(q, s) && has_room(q);
}

/* Whether what stands at p would be read as an operator between two items. */
static bool is_binary(const query_reader *q, const char *p)
{
    const char *behind;

    return operator_at(q, p, "AND", 3, &behind) || operator_at(q, p, "OR", 2, &behind);
}

static query_node *read_signed(query_reader *q);

/* What the item at q->p is; NULL: nothing to look for (q->p has moved behind it). */
static query_node *read_item(query_reader *q)
{
    const char *p = q->p, *value, *end;
    const known_field *f;
    query_node *n = NULL;

    if (*p == '(' && partner_at(q, p))
        return read_group(q);
    if (!has_room(q))
        return read_word(q);
    f = field_at(q, p, &value);
    if (f && value < q->end && !at_end(q, value)) {
        if (f->mask && !q->in_filter)
            n = read_field_words(q, f, value);
        else if (f->op || f->field)
            n = read_filter(q, f, value);
        if (n)
            return n;
        end = word_end(q, p); /* no field term: the whole of it are words */
        q->p = end;
        return as_words(q, p, (size_t)(end - p));
    }
    if (*p == '"') {
        const char *before = q->p;
        n = read_phrase(q);
        if (n || q->p != before)
            return n;
    }
    if (*p == '/' && !q->in_filter && (end = regex_end(q, p)) &&
        pattern_room(q, p, (size_t)(end - p)))
        return read_regex(q, end);
    return read_word(q);
}

/* A minus or a plus counts only in front of a letter, a quote, a group or a pattern: "-5 degrees" and
 * "co-op" are words. */
static bool sign_counts(const query_reader *q, const char *p)
{
    const char *s = p + 1;

    if (s >= q->end || !has_room(q))
        return false;
    return is_letter(*s) || *s == '"' || (*s == '(' && partner_at(q, s)) ||
           (*s == '*' && s + 1 < q->end && is_letter(s[1]));
}

static query_node *read_signed(query_reader *q)
{
    const char *behind, *start = q->p;
    char sign = *q->p;
    query_node *n;

    if (operator_at(q, q->p, "NOT", 3, &behind) && q->depth < NOTS_MAX) {
        query_node *not;
        q->p = behind;
        skip_blanks(q);
        q->depth++;
        n = read_signed(q);
        q->depth--;
        if (!n)
            return NULL;
        q->n_leaves++;
        not = query_new_node(q, QUERY_NOT);
        if (not)
            query_append(not, n);
        return not;
    }
    if ((sign != '-' && sign != '+') || !sign_counts(q, q->p))
        return read_item(q);
    q->p++;
    n = read_item(q);
    if (!n)
        return NULL;
    if (n->kind == QUERY_WORDS && n->clause.text == start + 1 && field_at(q, start + 1, &behind))
        return n; /* an unreadable field term stays words */
    if (q->in_filter && n->kind != QUERY_FILTER)
        return n;
    if (n->required && sign == '-')
        n->required = false;
    n->excluded = sign == '-';
    n->required = n->required || sign == '+';
    q->n_leaves++;
    return n;
}

/* ---- operators between items ---- */

/* NEAR or NEAR/n at q->p. */
static bool near_at(query_reader *q, uint32_t *n, const char **behind)
{
    const char *end = word_end(q, q->p), *s;

    *n = NEAR_DEFAULT;
    if (end - q->p < 4 || memcmp(q->p, "NEAR", 4) || !has_room(q) || q->in_filter)
        return false;
    if (end - q->p > 4 && (q->p[4] != '/' || !read_count(q->p + 5, end, n)))
        return false;
    *n = *n < SLOP_MAX ? *n : SLOP_MAX;
    for (s = end; s < q->end && is_blank(*s);)
        s++;
    *behind = s;
    return s > end && !at_end(q, s) && !is_binary(q, s);
}

static bool is_near_part(const query_node *n)
{
    return !n->excluded &&
           (n->kind == QUERY_WORDS ||
            (n->kind == QUERY_CLAUSE && n->clause.kind == LEXICAL_PHRASE && !n->clause.slop));
}

/* Make one NEAR of left (a part, or a NEAR already) and right. NULL: they don't go together. */
static query_node *join_near(query_reader *q, query_node *left, query_node *right, uint32_t words)
{
    bool more = left->kind == QUERY_CLAUSE && left->clause.kind == LEXICAL_NEAR && !left->excluded;
    size_t n = more ? left->clause.n_parts : 1;
    lexical_clause *parts;
    query_node *near;

    if ((!more && !is_near_part(left)) || !is_near_part(right) ||
        left->clause.field_mask != right->clause.field_mask || n == 8)
        return NULL;
    parts = arena_alloc(q->a, (n + 1) * sizeof *parts);
    if (!parts) {
        q->failed = true;
        return NULL;
    }
    memcpy(parts, more ? left->clause.parts : &left->clause, n * sizeof *parts);
    parts[n] = right->clause;
    near = more ? left : query_new_node(q, QUERY_CLAUSE);
    if (!near)
        return NULL;
    near->clause.kind = LEXICAL_NEAR;
    near->clause.field_mask = right->clause.field_mask;
    near->clause.text = parts[0].text;
    near->clause.len = parts[0].len;
    near->clause.parts = parts;
    near->clause.n_parts = n + 1;
    near->clause.slop = words > near->clause.slop ? words : near->clause.slop;
    near->required = true;
    q->n_leaves++;
    return near;
}

static query_node *two(query_reader *q, query_kind kind, query_node *left, query_node *right)
{
    query_node *n = left->kind == kind && !left->required && !left->excluded
                        ? left
                        : query_new_node(q, kind);

    if (!n)
        return left;
    if (n != left)
        query_append(n, left);
    query_append(n, right);
    return n;
}

/* The next item that says something, up to `end`. */
static query_node *read_something(query_reader *q)
{
    query_node *n = NULL;

    for (skip_blanks(q); !n && !q->failed && q->p < q->end && !(*q->p == ')' && partner_at(q, q->p));
         skip_blanks(q))
        n = read_signed(q);
    return n;
}

static query_node *read_near(query_reader *q)
{
    query_node *left = read_something(q), *right, *near;
    const char *behind;
    uint32_t words;

    while (left && (skip_blanks(q), q->p < q->end) && near_at(q, &words, &behind)) {
        q->p = behind;
        right = read_something(q);
        if (!right)
            break;
        near = join_near(q, left, right, words);
        if (!near)
            query_remark(q, "NEAR takes words and phrases of one field; read as AND", "", 0, "");
        left = near ? near : two(q, QUERY_AND, left, right);
    }
    return left;
}

static query_node *read_and(query_reader *q)
{
    query_node *left = read_near(q), *right;
    const char *behind;

    while (left && (skip_blanks(q), q->p < q->end) && operator_at(q, q->p, "AND", 3, &behind)) {
        q->p = behind;
        right = read_near(q);
        if (!right)
            break;
        left = two(q, QUERY_AND, left, right);
        q->n_leaves++;
    }
    return left;
}

static query_node *read_or(query_reader *q)
{
    query_node *left = read_and(q), *right;
    const char *behind;

    while (left && (skip_blanks(q), q->p < q->end) && operator_at(q, q->p, "OR", 2, &behind)) {
        q->p = behind;
        right = read_and(q);
        if (!right)
            break;
        left = two(q, QUERY_OR, left, right);
        q->n_leaves++;
    }
    return left;
}

/* Whether b's words can be joined to the run a: plain words behind each other. */
static bool joins(const query_node *a, const query_node *b)
{
    if (!a || a->kind != QUERY_WORDS || b->kind != QUERY_WORDS || a->required || a->excluded ||
        b->required || b->excluded || a->clause.boost > 0 || b->clause.boost > 0 ||
        a->clause.field_mask != b->clause.field_mask)
        return false;
    for (const char *p = a->clause.text + a->clause.len; p < b->clause.text; p++)
        if (!is_blank(*p) && (isalnum((unsigned char)*p) || strchr("()\"", *p)))
            return false;
    return true;
}

/* Items up to `end`, which is the end of the text or a parenthesis that closes. */
static query_node *read_sequence(query_reader *q, const char *end)
{
    query_node *seq = query_new_node(q, QUERY_SEQUENCE);

    for (skip_blanks(q); seq && q->p < end && !q->failed; skip_blanks(q)) {
        const char *before = q->p;
        query_node *n;
        if (*q->p == ')' && partner_at(q, q->p)) { /* none but ours stands here */
            break;
        }
        n = read_or(q);
        if (n && joins(seq->last, n)) {
            seq->last->clause.len =
                (size_t)(n->clause.text + n->clause.len - seq->last->clause.text);
            n->next = q->spare;
            q->spare = n;
        } else if (n) {
            query_append(seq, n);
        }
        if (q->p == before) /* never stand still */
            q->p++;
    }
    return seq;
}

query_node *query_read(query_reader *q, const char *text, size_t len, bool in_filter)
{
    q->text = q->p = text;
    q->end = text + len;
    q->in_filter = in_filter;
    q->mask = 0;
    if (!match_parentheses(q)) {
        q->failed = true;
        return NULL;
    }
    return read_sequence(q, q->end);
}
