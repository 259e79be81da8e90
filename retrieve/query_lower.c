/* query_lower.c - from the tree of a query to what the index searches.
 *
 * What the index can say with clauses side by side (words that may occur, things that must, things that
 * must not) stays flat, which is the fast way. Only what cannot be said so (an OR among required
 * things, a NOT inside an OR) becomes a condition: a TREE clause over the same leaves, which then
 * merely score. */
#include <string.h>

#include "retrieve/query_tree.h"

/* Scoring and testing clauses; conditions; one for the plain words. */
#define CLAUSES_MAX (2 * RETRIEVE_QUERY_MAX_TERMS + 1)

typedef struct lowering {
    query_reader *q;
    retrieve_query *out;
    filter_predicate *flat; /* of out->filter */
    bytes words;            /* plain words, one clause for all */
    bytes plain;            /* for the embedder */
    size_t n_leaves;
} lowering;

static bool is_blank(char c)
{
    return c && strchr(" \t\n\r\v\f", c);
}

/* Behind what is there, with one blank wherever there are some. */
static void append_spaced(lowering *l, bytes *to, const char *s, size_t len)
{
    if (len && to->len)
        l->q->failed |= bytes_append_byte(to, ' ') != CAIRN_OK;
    for (size_t i = 0; i < len;) {
        size_t n = 0;
        while (i + n < len && !is_blank(s[i + n]))
            n++;
        l->q->failed |= bytes_append(to, s + i, n) != CAIRN_OK;
        for (i += n, n = i; i < len && is_blank(s[i]); i++)
            ;
        if (i > n && i < len)
            l->q->failed |= bytes_append_byte(to, ' ') != CAIRN_OK;
    }
}

/* ---- leaves ---- */

static const char *keep(lowering *l, const char *s, size_t len)
{
    char *copy = arena_strndup(l->q->a, s, len);

    l->q->failed |= !copy;
    return copy ? copy : "";
}

/* The leaf's clause, made at its first mention; a mention that scores wins over one that tests. False:
 * there are too many, and the leaf says nothing. */
static bool emit(lowering *l, query_node *n, lexical_occur occur)
{
    retrieve_query *out = l->out;

    if (n->index >= 0) {
        lexical_clause *have = &out->clauses[n->index];
        if (have->occur == LEXICAL_TEST)
            have->occur = occur;
        return true;
    }
    if (l->n_leaves == RETRIEVE_QUERY_MAX_TERMS) {
        query_remark(l->q, "more terms than a query may have; left out: ", n->clause.text,
                     n->clause.len, "");
        return false;
    }
    l->n_leaves++;
    n->index = (int)out->n_clauses;
    n->clause.text = keep(l, n->clause.text, n->clause.len);
    n->clause.occur = occur;
    out->clauses[out->n_clauses++] = n->clause;
    return true;
}

static void add_predicate(lowering *l, query_node *n, bool negated)
{
    filter_predicate p = n->predicate;

    if (l->out->filter.n == RETRIEVE_QUERY_MAX_TERMS)
        return;
    p.negated = negated;
    l->flat[l->out->filter.n++] = p;
    l->out->filter.predicates = l->flat;
}

/* ---- conditions ---- */

static bool to_condition(lowering *l, query_node *n, bool negated, lexical_node *out);

/* The children for which `pick` holds, as one node of this kind. False: they say nothing. */
static bool join(lowering *l, query_node *n, bool (*pick)(const query_node *), lexical_node_kind kind,
                 bool negated, lexical_node *out)
{
    lexical_node *parts = arena_calloc(l->q->a, n->n + 1, sizeof *parts);
    size_t count = 0;

    if (!parts) {
        l->q->failed = true;
        return false;
    }
    for (query_node *c = n->first; c; c = c->next)
        if (!pick || pick(c))
            count += to_condition(l, c, negated, &parts[count]);
    if (count == 1)
        *out = parts[0];
    else
        *out = (lexical_node){.kind = kind, .parts = parts, .n_parts = count};
    return count > 0;
}

static bool binds(const query_node *n)
{
    return query_is_required(n) || query_is_excluded(n);
}

static bool scores_alone(const query_node *n)
{
    return query_is_required(n) && !query_is_excluded(n) && n->kind != QUERY_FILTER;
}

static bool is_optional(const query_node *n)
{
    return !binds(n);
}

static bool any_child(const query_node *n, bool (*pick)(const query_node *))
{
    for (const query_node *c = n->first; c; c = c->next)
        if (pick(c))
            return true;
    return false;
}

/* What is required and not excluded must hold; where nothing but filters is required, one of the
 * optional items too. */
static bool sequence_condition(lowering *l, query_node *n, bool negated, lexical_node *out)
{
    lexical_node *parts = arena_calloc(l->q->a, 2, sizeof *parts);
    size_t count = 0;

    if (!parts) {
        l->q->failed = true;
        return false;
    }
    count += any_child(n, binds) &&
             join(l, n, binds, LEXICAL_NODE_AND, negated, &parts[count]);
    if (!any_child(n, scores_alone) && any_child(n, is_optional))
        count += join(l, n, is_optional, LEXICAL_NODE_OR, negated, &parts[count]);
    if (count == 1)
        *out = parts[0];
    else
        *out = (lexical_node){.kind = LEXICAL_NODE_AND, .parts = parts, .n_parts = count};
    return count > 0;
}

static bool has_blank(const query_node *n)
{
    for (size_t i = 0; i < n->clause.len; i++)
        if (is_blank(n->clause.text[i]))
            return true;
    return false;
}

/* `not`: the leaf itself is negated. */
static bool leaf_condition(lowering *l, query_node *n, bool negated, bool not, lexical_node *out)
{
    retrieve_query *q = l->out;

    if (n->kind != QUERY_FILTER) {
        if (!emit(l, n, negated ? LEXICAL_TEST : LEXICAL_SHOULD))
            return false;
        *out = (lexical_node){.kind = LEXICAL_NODE_CLAUSE,
                              .clause = (uint32_t)n->index,
                              /* of a run any word will do, of one word its parts must all stand */
                              .any = n->kind == QUERY_WORDS && (not || has_blank(n))};
        return true;
    }
    if (n->index < 0) {
        if (q->n_predicates == RETRIEVE_QUERY_MAX_TERMS)
            return false;
        n->index = (int)q->n_predicates;
        q->predicates[q->n_predicates++] = n->predicate;
    }
    *out = (lexical_node){.kind = LEXICAL_NODE_ROWS, .clause = (uint32_t)n->index};
    return true;
}

/* `negated`: under an odd number of negations, where words don't score. */
static bool to_condition(lowering *l, query_node *n, bool negated, lexical_node *out)
{
    bool not = n->excluded != (n->kind == QUERY_NOT), says;
    bool inside = negated != not;
    lexical_node *part;

    switch (n->kind) {
    case QUERY_NOT:
        says = n->first->first || n->first->excluded
                   ? to_condition(l, n->first, inside, out)
                   : leaf_condition(l, n->first, inside, true, out);
        break;
    case QUERY_AND:
        says = join(l, n, NULL, LEXICAL_NODE_AND, inside, out);
        break;
    case QUERY_OR:
        says = join(l, n, NULL, LEXICAL_NODE_OR, inside, out);
        break;
    case QUERY_SEQUENCE:
        says = sequence_condition(l, n, inside, out);
        break;
    default:
        says = leaf_condition(l, n, inside, not, out);
        break;
    }
    if (!says || !not)
        return says;
    if (out->kind == LEXICAL_NODE_NOT) { /* not not */
        *out = out->parts[0];
        return true;
    }
    part = arena_alloc(l->q->a, sizeof *part);
    if (!part) {
        l->q->failed = true;
        return false;
    }
    *part = *out;
    *out = (lexical_node){.kind = LEXICAL_NODE_NOT, .parts = part, .n_parts = 1};
    return true;
}

static void add_tree(lowering *l, const lexical_node *made)
{
    lexical_node *root = arena_alloc(l->q->a, sizeof *root);

    if (!root) {
        l->q->failed = true;
        return;
    }
    *root = *made;
    if (l->out->n_clauses + 1 >= CLAUSES_MAX) /* each tree took an operator: there are no more */
        return;
    l->out->clauses[l->out->n_clauses++] = (lexical_clause){.kind = LEXICAL_TREE, .tree = root};
    l->out->has_required = true;
}

/* ---- flat where it can be ---- */

static void lower_sequence(lowering *l, query_node *n, bool top);

static void may(lowering *l, query_node *n);

static void require_condition(lowering *l, query_node *n)
{
    lexical_node node;

    if (to_condition(l, n, false, &node))
        add_tree(l, &node);
    may(l, n); /* what scores without being a part of the condition */
}

static void exclude(lowering *l, query_node *n);

static void require(lowering *l, query_node *n)
{
    switch (n->kind) {
    case QUERY_WORDS:
    case QUERY_CLAUSE:
        emit(l, n, LEXICAL_MUST);
        break;
    case QUERY_FILTER:
        add_predicate(l, n, false);
        break;
    case QUERY_NOT:
        exclude(l, n->first);
        break;
    case QUERY_AND:
        for (query_node *c = n->first; c; c = c->next)
            if (query_is_excluded(c))
                exclude(l, c->kind == QUERY_NOT && !c->excluded ? c->first : c);
            else
                require(l, c);
        break;
    case QUERY_SEQUENCE:
        lower_sequence(l, n, false);
        break;
    default:
        require_condition(l, n);
        break;
    }
}

/* Whether "none of its items" is what the sequence's negation means. */
static bool is_plain_choice(const query_node *n)
{
    return n->kind == QUERY_OR || (n->kind == QUERY_SEQUENCE && !any_child(n, binds));
}

/* n must not hold; its own sign is read already. */
static void exclude(lowering *l, query_node *n)
{
    lexical_node node, *not;

    if (n->kind == QUERY_WORDS || n->kind == QUERY_CLAUSE) {
        emit(l, n, LEXICAL_MUST_NOT);
    } else if (n->kind == QUERY_FILTER) {
        add_predicate(l, n, true);
    } else if (n->kind == QUERY_NOT) {
        require(l, n->first);
    } else if (n->kind == QUERY_SEQUENCE && n->n == 1 && !query_is_excluded(n->first)) {
        exclude(l, n->first);
    } else if (is_plain_choice(n) && !any_child(n, query_is_excluded)) {
        for (query_node *c = n->first; c; c = c->next)
            exclude(l, c);
    } else {
        bool excluded = n->excluded;
        n->excluded = false;
        not = arena_alloc(l->q->a, sizeof *not);
        l->q->failed |= !not;
        if (not && to_condition(l, n, true, &node)) {
            *not = node;
            add_tree(l, &(lexical_node){.kind = LEXICAL_NODE_NOT, .parts = not, .n_parts = 1});
        }
        n->excluded = excluded;
    }
}

/* Words, phrases and patterns of which any may hold, whatever stands beside them. */
static bool is_simple(const query_node *n)
{
    if (query_is_excluded(n) || n->kind == QUERY_FILTER || n->kind == QUERY_AND)
        return false;
    for (const query_node *c = n->first; c; c = c->next)
        if (!is_simple(c) || (n->kind == QUERY_SEQUENCE && binds(c)))
            return false;
    return true;
}

static bool is_complex_option(const query_node *n)
{
    return is_optional(n) && !is_simple(n);
}

/* All that scores in n may. */
static void may(lowering *l, query_node *n)
{
    if (query_is_excluded(n) || n->kind == QUERY_FILTER)
        return;
    if (n->index >= 0)
        ; /* in a condition already */
    else if (n->kind == QUERY_WORDS && !n->clause.field_mask && !(n->clause.boost > 0))
        append_spaced(l, &l->words, n->clause.text, n->clause.len);
    else if (n->kind == QUERY_WORDS || n->kind == QUERY_CLAUSE)
        emit(l, n, LEXICAL_SHOULD);
    for (query_node *c = n->first; c; c = c->next)
        may(l, c);
}

/* The items of a sequence that must hold. At the top, words alone need no condition: a row that none of
 * them meets is not found anyway. */
static void lower_sequence(lowering *l, query_node *n, bool top)
{
    bool choose = !any_child(n, scores_alone) && any_child(n, is_optional);
    lexical_node node;

    if (top && n->n == 1 && n->first->kind == QUERY_SEQUENCE && is_optional(n->first)) {
        lower_sequence(l, n->first, true);
        return;
    }
    for (query_node *c = n->first; c; c = c->next) {
        if (query_is_excluded(c))
            exclude(l, c->kind == QUERY_NOT && !c->excluded ? c->first : c);
        else if (query_is_required(c))
            require(l, c);
    }
    if (choose && !(top && !any_child(n, is_complex_option)) &&
        join(l, n, is_optional, LEXICAL_NODE_OR, false, &node))
        add_tree(l, &node);
    for (query_node *c = n->first; c; c = c->next)
        if (is_optional(c))
            may(l, c);
}

/* ---- the embedder's text ---- */

/* Of a pattern only the beginning of a word says something. */
static void add_plain_clause(lowering *l, const lexical_clause *c)
{
    bool beginning = c->len > 3 && memchr(c->text, '*', c->len) == c->text + c->len - 1 &&
                     !memchr(c->text, '?', c->len);

    if (c->n_parts)
        for (size_t i = 0; i < c->n_parts; i++)
            add_plain_clause(l, &c->parts[i]);
    else if (c->kind == LEXICAL_WILDCARD)
        append_spaced(l, &l->plain, c->text, beginning ? c->len - 1 : 0);
    else if (c->kind == LEXICAL_WORDS || c->kind == LEXICAL_PHRASE || c->kind == LEXICAL_FUZZY)
        append_spaced(l, &l->plain, c->text, c->len);
}

static void add_plain(lowering *l, const query_node *n)
{
    if (query_is_excluded(n))
        return;
    if (n->kind == QUERY_WORDS || n->kind == QUERY_CLAUSE)
        add_plain_clause(l, &n->clause);
    for (const query_node *x = n->first; x; x = x->next)
        add_plain(l, x);
}

/* ---- all of it ---- */

/* The filter's tree restricts: its conditions hold no words. */
static void lower_filter(lowering *l, query_node *n)
{
    for (query_node *c = n->first; c; c = c->next) {
        if (query_is_excluded(c))
            exclude(l, c->kind == QUERY_NOT && !c->excluded ? c->first : c);
        else if (c->kind == QUERY_SEQUENCE)
            lower_filter(l, c);
        else
            require(l, c);
    }
}

static void summarise(lowering *l)
{
    retrieve_query *out = l->out;
    size_t n_words = 0;

    for (size_t i = 0; i < l->words.len; i++)
        n_words += l->words.data[i] == ' ';
    if (n_words >= LEXICAL_WORDS_MAX)
        query_remark(l->q, "only the first 4096 words are searched for", "", 0, "");
    if (l->words.len)
        out->clauses[out->n_clauses++] =
            (lexical_clause){.text = keep(l, l->words.data, l->words.len), .len = l->words.len};
    out->text_len = l->plain.len;
    out->text = keep(l, l->plain.data ? l->plain.data : "", l->plain.len);
    for (size_t i = 0; i < out->n_clauses; i++) {
        const lexical_clause *c = &out->clauses[i];
        if (c->kind == LEXICAL_TREE)
            continue;
        out->has_required |= c->occur == LEXICAL_MUST;
        out->has_excluded |= c->occur == LEXICAL_MUST_NOT;
        out->has_words |= c->occur < LEXICAL_MUST_NOT;
    }
}

cairn_status query_lower(query_reader *q, query_node *typed, query_node *filter, retrieve_query *out,
                         cairn_error *err)
{
    lowering l = {.q = q, .out = out};

    bytes_init(&l.words, 4 * RETRIEVE_QUERY_MAX_BYTES);
    bytes_init(&l.plain, 4 * RETRIEVE_QUERY_MAX_BYTES);
    out->clauses = arena_calloc(q->a, CLAUSES_MAX + 1, sizeof *out->clauses);
    out->predicates = arena_calloc(q->a, RETRIEVE_QUERY_MAX_TERMS + 1, sizeof *out->predicates);
    l.flat = arena_calloc(q->a, RETRIEVE_QUERY_MAX_TERMS + 1, sizeof *l.flat);
    q->failed |= !out->clauses || !out->predicates || !l.flat;
    if (!q->failed && typed) {
        lower_sequence(&l, typed, true);
        add_plain(&l, typed);
    }
    if (!q->failed && filter)
        lower_filter(&l, filter);
    if (!q->failed)
        summarise(&l);
    bytes_clear(&l.words);
    bytes_clear(&l.plain);
    return q->failed ? cairn_fail(err, CAIRN_ENOMEM, "query") : CAIRN_OK;
}
