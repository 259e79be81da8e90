/* expressions.c - see parser.h: expressions of a template, by recursive descent.
 *
 * Precedence, from loosest (Jinja 3.1, "Template Designer Documentation"): x if c else y, or, and,
 * not, comparisons and in, + -, ~, * / // %, unary -, then attributes, calls, filters and tests. */
#include <ctype.h>
#include <string.h>

#include "generate/template/parser.h"

/* Behind "(": the arguments of a call, to n->list and n->names. */
static bool arguments(parser *p, node *n)
{
    while (!p->st && !token_is_op(p, ")")) {
        const char *keyword = NULL;
        if (p->kind == TOKEN_NAME) {
            /* name = value: look for a lone = behind the name */
            size_t at = p->pos;
            while (at < p->len && isspace((unsigned char)p->s[at]))
                at++;
            if (at + 1 < p->len && p->s[at] == '=' && p->s[at + 1] != '=') {
                keyword = p->text;
                token_next(p);
                token_next(p);
            }
        }
        node *e = parse_expression(p);
        if (!e || !parse_push(p, &n->list, e) || !parse_push_name(p, n, keyword))
            return false;
        if (!token_accept_op(p, ","))
            break;
    }
    return token_expect_op(p, ")");
}

static node *list_display(parser *p, const char *closer, bool tuple)
{
    node *n = parse_node(p, NODE_LIST);
    bool comma = false;
    while (n && !p->st && !token_is_op(p, closer)) {
        node *e = parse_expression(p);
        if (!e || !parse_push(p, &n->list, e))
            return NULL;
        comma = token_accept_op(p, ",");
        if (!comma)
            break;
    }
    if (!n || !token_expect_op(p, closer))
        return NULL;
    return tuple && n->list.n == 1 && !comma ? n->list.v[0] : n;
}

static node *dict_display(parser *p)
{
    node *n = parse_node(p, NODE_DICT);
    while (n && !p->st && !token_is_op(p, "}")) {
        node *k = parse_expression(p);
        if (!k || !token_expect_op(p, ":"))
            return NULL;
        node *v = parse_expression(p);
        if (!v || !parse_push(p, &n->list, k) || !parse_push(p, &n->list, v))
            return NULL;
        if (!token_accept_op(p, ","))
            break;
    }
    return n && token_expect_op(p, "}") ? n : NULL;
}

static node *name_or_call(parser *p)
{
    static const struct {
        const char *name;
        int what; /* 0 none, 1 true, 2 false */
    } words[] = {{"none", 0}, {"None", 0}, {"true", 1}, {"True", 1}, {"false", 2}, {"False", 2}};
    const char *name = p->text;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (!strcmp(words[i].name, name)) {
            token_next(p);
            return parse_constant(p, words[i].what == 0   ? json_null()
                                     : words[i].what == 1 ? json_true()
                                                          : json_false());
        }
    node *n = parse_node(p, NODE_NAME);
    if (!n)
        return NULL;
    n->name = name;
    token_next(p);
    if (token_accept_op(p, "(")) {
        n->kind = NODE_CALL;
        if (!arguments(p, n))
            return NULL;
    }
    return n;
}

static node *primary(parser *p)
{
    if (p->st)
        return NULL;
    if (p->kind == TOKEN_NAME)
        return name_or_call(p);
    if (p->kind == TOKEN_STRING) {
        node *n = parse_constant(p, json_stringn(p->text, p->text_len));
        token_next(p);
        if (!p->st && p->kind == TOKEN_STRING)
            return parse_fail(p, "two strings without an operator", NULL);
        return n;
    }
    if (p->kind == TOKEN_INTEGER || p->kind == TOKEN_FLOAT) {
        json_t *v = p->kind == TOKEN_FLOAT ? json_real(p->number) : json_integer(p->integer);
        token_next(p);
        return parse_constant(p, v);
    }
    if (token_accept_op(p, "("))
        return list_display(p, ")", true);
    if (token_accept_op(p, "["))
        return list_display(p, "]", false);
    if (token_accept_op(p, "{"))
        return dict_display(p);
    return parse_fail(p, p->kind == TOKEN_END ? "an expression is missing" : "unexpected",
                      p->kind == TOKEN_OP ? p->op : NULL);
}

/* Behind "[": an index or a slice of a. */
static node *subscript(parser *p, node *a)
{
    node *n = parse_node(p, NODE_ITEM);
    if (!n)
        return NULL;
    n->a = a;
    if (!token_is_op(p, ":") && !(n->b = parse_expression(p)))
        return NULL;
    if (token_accept_op(p, ":")) {
        n->kind = NODE_SLICE;
        if (!token_is_op(p, ":") && !token_is_op(p, "]") && !(n->c = parse_expression(p)))
            return NULL;
        if (token_accept_op(p, ":") && !token_is_op(p, "]") && !(n->d = parse_expression(p)))
            return NULL;
    }
    return token_expect_op(p, "]") ? n : NULL;
}

static node *attribute(parser *p, node *a)
{
    node *n = parse_node(p, NODE_ATTR);
    if (!n)
        return NULL;
    n->a = a;
    if (p->kind == TOKEN_INTEGER && !p->st) { /* a.0 */
        n->kind = NODE_ITEM;
        n->b = primary(p);
        return n->b ? n : NULL;
    }
    n->name = token_expect_name(p);
    if (!n->name)
        return NULL;
    if (token_accept_op(p, "(")) {
        n->kind = NODE_METHOD;
        n->op = template_method_find(n->name);
        if (n->op < 0)
            return parse_fail(p, "unknown method", n->name);
        if (!arguments(p, n))
            return NULL;
    }
    return n;
}

/* A filter or test of a: its name, and the number that `find` has for it. */
static node *named(parser *p, node_kind kind, node *a, int (*find)(const char *), const char *unknown)
{
    node *n = parse_node(p, kind);
    if (!n)
        return NULL;
    n->a = a;
    n->name = token_expect_name(p);
    if (!n->name)
        return NULL;
    n->op = find(n->name);
    return n->op < 0 ? parse_fail(p, unknown, n->name) : n;
}

static node *filter(parser *p, node *a)
{
    node *n = named(p, NODE_FILTER, a, template_filter_find, "unknown filter");
    if (!n)
        return NULL;
    return token_accept_op(p, "(") && !arguments(p, n) ? NULL : n;
}

static node *postfix(parser *p, node *a)
{
    while (a && !p->st) {
        if (token_accept_op(p, "."))
            a = attribute(p, a);
        else if (token_accept_op(p, "["))
            a = subscript(p, a);
        else
            break;
    }
    return a;
}

static node *test(parser *p, node *a)
{
    bool negated = token_accept_name(p, "not");
    node *n = named(p, NODE_TEST, a, template_test_find, "unknown test");
    if (!n)
        return NULL;
    if (token_accept_op(p, "(")) {
        if (!arguments(p, n))
            return NULL;
    } else if (!p->st &&
               (p->kind == TOKEN_STRING || p->kind == TOKEN_INTEGER ||
                (p->kind == TOKEN_NAME && !token_is_name(p, "and") && !token_is_name(p, "or") &&
                 !token_is_name(p, "not") && !token_is_name(p, "else") && !token_is_name(p, "if") &&
                 !token_is_name(p, "is") && !token_is_name(p, "in")))) {
        node *e = postfix(p, primary(p)); /* is divisibleby 3 */
        if (!e || !parse_push(p, &n->list, e) || !parse_push_name(p, n, NULL))
            return NULL;
    }
    if (!negated)
        return n;
    node *opposite = parse_node(p, NODE_NOT);
    if (opposite)
        opposite->a = n;
    return opposite;
}

static node *unary(parser *p, bool with_filter)
{
    node *n;
    if (!parse_enter(p))
        return NULL;
    if (token_accept_op(p, "-")) {
        n = parse_node(p, NODE_NEGATE);
        if (n && !(n->a = unary(p, false)))
            n = NULL;
    } else if (token_accept_op(p, "+")) {
        n = unary(p, false);
    } else {
        n = postfix(p, primary(p));
    }
    while (n && with_filter && !p->st) {
        if (token_accept_op(p, "|"))
            n = postfix(p, filter(p, n));
        else if (token_accept_name(p, "is"))
            n = test(p, n);
        else
            break;
    }
    if (token_is_op(p, "**"))
        n = parse_fail(p, "unknown operator", "**");
    p->depth--;
    return p->st ? NULL : n;
}

static node *binary(parser *p, int level)
{
    static const char *const ops[3][5] = {{"+", "-"}, {"~"}, {"*", "/", "//", "%"}};
    if (level == 3)
        return unary(p, true);
    node *a = binary(p, level + 1);
    for (size_t i = 0; a && i < 5 && ops[level][i];) {
        if (!token_accept_op(p, ops[level][i])) {
            i++;
            continue;
        }
        node *n = parse_node(p, NODE_BINARY);
        if (!n)
            return NULL;
        n->op = strcmp(ops[level][i], "//") ? ops[level][i][0] : 'f';
        n->a = a;
        n->b = binary(p, level + 1);
        a = n->b ? n : NULL;
        i = 0;
    }
    return a;
}

/* The comparison operator that stands here, consumed; 0 if there is none. */
static char comparison(parser *p)
{
    static const struct {
        const char *op;
        char code;
    } ops[] = {{"==", '='}, {"!=", '!'}, {"<=", 'l'}, {">=", 'g'}, {"<", '<'}, {">", '>'}};
    for (size_t i = 0; i < sizeof ops / sizeof *ops; i++)
        if (token_accept_op(p, ops[i].op))
            return ops[i].code;
    if (token_accept_name(p, "in"))
        return 'i';
    if (token_is_name(p, "not")) {
        size_t at = p->pos;
        while (at < p->len && isspace((unsigned char)p->s[at]))
            at++;
        if (p->len - at > 2 && !memcmp(p->s + at, "in", 2) &&
            !isalnum((unsigned char)p->s[at + 2])) {
            token_next(p);
            token_next(p);
            return 'n';
        }
    }
    return 0;
}

static node *compare(parser *p)
{
    node *a = binary(p, 0), *n = NULL;
    char op, ops[32];
    size_t k = 0;
    while (a && (op = comparison(p)) != 0) {
        if (!n) {
            n = parse_node(p, NODE_COMPARE);
            if (!n)
                return NULL;
            n->a = a;
        }
        node *b = binary(p, 0);
        if (!b || !parse_push(p, &n->list, b))
            return NULL;
        if (k + 1 >= sizeof ops)
            return parse_fail(p, "too many comparisons in a row", NULL);
        ops[k++] = op;
    }
    if (n && !(n->ops = arena_strndup(&p->t->nodes, ops, k)))
        return parse_no_memory(p);
    return p->st ? NULL : n ? n : a;
}

static node *not_expression(parser *p)
{
    node *n = NULL;
    if (!parse_enter(p))
        return NULL;
    if (token_accept_name(p, "not")) {
        n = parse_node(p, NODE_NOT);
        if (n && !(n->a = not_expression(p)))
            n = NULL;
    } else {
        n = compare(p);
    }
    p->depth--;
    return n;
}

node *parse_and_or(parser *p, bool is_or)
{
    node *a = is_or ? parse_and_or(p, false) : not_expression(p);
    while (a && token_accept_name(p, is_or ? "or" : "and")) {
        node *n = parse_node(p, is_or ? NODE_OR : NODE_AND);
        if (!n)
            return NULL;
        n->a = a;
        n->b = is_or ? parse_and_or(p, false) : not_expression(p);
        a = n->b ? n : NULL;
    }
    return a;
}

node *parse_expression(parser *p)
{
    if (!parse_enter(p))
        return NULL;
    node *a = parse_and_or(p, true);
    while (a && token_accept_name(p, "if")) {
        node *n = parse_node(p, NODE_COND);
        if (!n)
            return NULL;
        n->a = a;
        n->b = parse_and_or(p, true);
        if (n->b && token_accept_name(p, "else"))
            n->c = parse_expression(p);
        a = n->b ? n : NULL;
    }
    p->depth--;
    return p->st ? NULL : a;
}
