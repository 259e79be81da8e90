/* query_match.c - a filter asked of one document, for listings: what retrieve/search.c asks of all
 * rows of a segment at once. */
#include "retrieve/query.h"

static bool holds(const retrieve_query *q, const lexical_node *n, const filter_row *row)
{
    switch (n->kind) {
    case LEXICAL_NODE_AND:
        for (size_t i = 0; i < n->n_parts; i++)
            if (!holds(q, &n->parts[i], row))
                return false;
        return true;
    case LEXICAL_NODE_OR:
        for (size_t i = 0; i < n->n_parts; i++)
            if (holds(q, &n->parts[i], row))
                return true;
        return false;
    case LEXICAL_NODE_NOT:
        return !holds(q, &n->parts[0], row);
    case LEXICAL_NODE_ROWS:
        return filter_matches(row, &(filter_expr){&q->predicates[n->clause], 1});
    default: /* words: a filter has none */
        return false;
    }
}

bool retrieve_filter_matches(const retrieve_query *q, const filter_row *row)
{
    if (!filter_matches(row, &q->filter))
        return false;
    for (size_t i = 0; i < q->n_clauses; i++)
        if (q->clauses[i].kind == LEXICAL_TREE && !holds(q, q->clauses[i].tree, row))
            return false;
    return true;
}
