/* query_read.c - from a typed text to a tree. What does not parse as an operator falls through to
 * "words", so every text is a query.
 *
 * A recursive descent over the pieces that query_tokens.c and query_leaves.c read, whose depth the matched
 * parentheses bound. */
#include "retrieve/query_tokens.h"

#include <ctype.h>
#include <string.h>

#include "base/utf8.h"

#define NOTS_MAX     8  /* one behind the other */
#define NEAR_DEFAULT 10 /* words between, where NEAR does not say */

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

/* ---- fields ---- */

static query_node *read_sequence(query_reader *q, const char *end);
static query_node *read_group(query_reader *q);

/* Words of one field: title:word, title:"a phrase", title:(a group), title:a,b. */
static query_node *read_field_words(query_reader *q, const query_field *f, const char *value)
{
    const char *before = q->p;
    uint32_t mask = q->mask;
    query_node *any = NULL, *n;

    q->mask = f->mask;
    for (q->p = value;; q->p++) {
        const char *end;
        if (*q->p == '(' && query_partner_at(q, q->p)) {
            n = read_group(q);
        } else if (*q->p == '"') {
            n = query_read_phrase(q);
        } else if (*q->p == '/' && (end = query_regex_end(q, q->p)) &&
                   query_pattern_room(q, q->p, (size_t)(end - q->p))) {
            n = query_read_regex(q, end);
        } else { /* one word, to a comma */
            const char *stop = q->end, *comma = memchr(q->p, ',', (size_t)(query_word_end(q, q->p) - q->p));
            if (comma)
                q->end = comma;
            n = query_read_word(q);
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
        if (q->p >= q->end || *q->p != ',' || !query_has_room(q))
            break;
    }
    q->mask = mask;
    if (!n && any)
        n = any;
    if (!n) {
        q->p = before;
        return NULL;
    }
    if (q->n_ranges < QUERY_RANGES)
        q->ranges[q->n_ranges++] = (suggest_range){(size_t)(value - q->text), (size_t)(q->p - q->text), f->mask};
    n->required = true;
    return n;
}

/* ---- items ---- */

/* A group in parentheses; q->p stands on the one that opens. */
static query_node *read_group(query_reader *q)
{
    const char *close = q->text + query_partner_at(q, q->p) - 1, *end, *cut;
    query_node *n;

    q->p++;
    n = read_sequence(q, close);
    q->p = close + 1;
    end = cut = query_word_end(q, q->p);
    if (q->p < end && *q->p == '^') {
        float boost = 0;
        if (query_read_boost(q->p + 1, cut, &boost) && n)
            query_set_boost(n, boost);
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
    if (s >= q->end || !query_is_blank(*s))
        return false;
    while (s < q->end && query_is_blank(*s))
        s++;
    return !query_at_end(q, s) && query_has_room(q);
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
    const query_field *f;
    query_node *n = NULL;

    if (*p == '(' && query_partner_at(q, p))
        return read_group(q);
    if (!query_has_room(q))
        return query_read_word(q);
    f = query_field_at(q, p, &value);
    if (f && value < q->end && !query_at_end(q, value)) {
        if (f->mask && !q->in_filter)
            n = read_field_words(q, f, value);
        else if (f->op || f->field)
            n = query_read_filter(q, f, value);
        if (n)
            return n;
        end = query_word_end(q, p); /* no field term: the whole of it are words */
        q->p = end;
        return query_as_words(q, p, (size_t)(end - p));
    }
    if (*p == '"') {
        const char *before = q->p;
        n = query_read_phrase(q);
        if (n || q->p != before)
            return n;
    }
    if (*p == '/' && !q->in_filter && (end = query_regex_end(q, p)) &&
        query_pattern_room(q, p, (size_t)(end - p)))
        return query_read_regex(q, end);
    if (!q->in_filter && !q->mask && (n = query_read_when(q)))
        return n;
    return query_read_word(q);
}

/* A minus or a plus counts only in front of a letter, a quote, a group or a pattern: "-5 degrees" and
 * "co-op" are words. */
static bool sign_counts(const query_reader *q, const char *p)
{
    const char *s = p + 1;

    if (s >= q->end || !query_has_room(q))
        return false;
    return query_is_letter(*s) || *s == '"' || (*s == '(' && query_partner_at(q, s)) ||
           (*s == '*' && s + 1 < q->end && query_is_letter(s[1]));
}

static query_node *read_signed(query_reader *q)
{
    const char *behind, *start = q->p;
    char sign = *q->p;
    query_node *n;

    if (operator_at(q, q->p, "NOT", 3, &behind) && q->depth < NOTS_MAX) {
        query_node *not;
        q->p = behind;
        query_skip_blanks(q);
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
    if (n->kind == QUERY_WORDS && n->clause.text == start + 1 && query_field_at(q, start + 1, &behind))
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
    const char *end = query_word_end(q, q->p), *s;

    *n = NEAR_DEFAULT;
    if (end - q->p < 4 || memcmp(q->p, "NEAR", 4) || !query_has_room(q) || q->in_filter)
        return false;
    if (end - q->p > 4 && (q->p[4] != '/' || !query_read_count(q->p + 5, end, n)))
        return false;
    *n = *n < QUERY_SLOP_MAX ? *n : QUERY_SLOP_MAX;
    for (s = end; s < q->end && query_is_blank(*s);)
        s++;
    *behind = s;
    return s > end && !query_at_end(q, s) && !is_binary(q, s);
}

static bool is_near_part(const query_node *n)
{
    return !n->excluded &&
           (n->kind == QUERY_WORDS ||
            (n->kind == QUERY_CLAUSE && n->clause.kind == LEXICAL_WILDCARD) ||
            (n->kind == QUERY_CLAUSE && n->clause.kind == LEXICAL_PHRASE && !n->clause.slop));
}

static size_t count_patterns(const lexical_clause *c)
{
    size_t n = c->kind == LEXICAL_WILDCARD;

    for (size_t i = 0; i < c->n_parts; i++)
        n += count_patterns(&c->parts[i]);
    return n;
}

/* Make one NEAR of left (a part, or a NEAR already) and right. NULL: they don't go together. */
static query_node *join_near(query_reader *q, query_node *left, query_node *right, uint32_t words)
{
    bool more = left->kind == QUERY_CLAUSE && left->clause.kind == LEXICAL_NEAR && !left->excluded;
    size_t n = more ? left->clause.n_parts : 1;
    lexical_clause *parts;
    query_node *near;

    if ((!more && !is_near_part(left)) || !is_near_part(right) ||
        left->clause.field_mask != right->clause.field_mask || n == 8 ||
        count_patterns(&left->clause) + count_patterns(&right->clause) > LEXICAL_PHRASE_PATTERNS)
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

    for (query_skip_blanks(q); !n && !q->failed && q->p < q->end && !(*q->p == ')' && query_partner_at(q, q->p));
         query_skip_blanks(q))
        n = read_signed(q);
    return n;
}

static query_node *read_near(query_reader *q)
{
    query_node *left = read_something(q), *right, *near;
    const char *behind;
    uint32_t words;

    while (left && (query_skip_blanks(q), q->p < q->end) && near_at(q, &words, &behind)) {
        q->p = behind;
        right = read_something(q);
        if (!right)
            break;
        near = join_near(q, left, right, words);
        if (!near)
            query_remark(q, "NEAR takes words, phrases and up to three wildcards of one field; read as AND", "", 0, "");
        left = near ? near : two(q, QUERY_AND, left, right);
    }
    return left;
}

static query_node *read_and(query_reader *q)
{
    query_node *left = read_near(q), *right;
    const char *behind;

    while (left && (query_skip_blanks(q), q->p < q->end) && operator_at(q, q->p, "AND", 3, &behind)) {
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

    while (left && (query_skip_blanks(q), q->p < q->end) && operator_at(q, q->p, "OR", 2, &behind)) {
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
        if (!query_is_blank(*p) && (isalnum((unsigned char)*p) || strchr("()\"", *p)))
            return false;
    return true;
}

/* Items up to `end`, which is the end of the text or a parenthesis that closes. */
static query_node *read_sequence(query_reader *q, const char *end)
{
    query_node *seq = query_new_node(q, QUERY_SEQUENCE);

    for (query_skip_blanks(q); seq && q->p < end && !q->failed; query_skip_blanks(q)) {
        const char *before = q->p;
        query_node *n;
        if (*q->p == ')' && query_partner_at(q, q->p)) { /* none but ours stands here */
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
    if (!query_match_parentheses(q)) {
        q->failed = true;
        return NULL;
    }
    return read_sequence(q, q->end);
}
