/* parse.c - a chat template's text to nodes, by recursive descent.
 *
 * Grammar and white-space rules: Jinja 3.1, "Template Designer Documentation". Precedence, from
 * loosest: x if c else y, or, and, not, comparisons and in, + -, ~, * / // %, unary -, then
 * attributes, calls, filters and tests. trim_blocks: the newline behind a block tag goes.
 * lstrip_blocks: blanks between the start of a line and a block tag go. A minus sign inside a tag
 * eats all white space on its side, a plus sign keeps it all. One newline at the very end goes. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "base/utf8.h"
#include "generate/template/ast.h"

typedef enum token_kind { TOKEN_END, TOKEN_NAME, TOKEN_STRING, TOKEN_INTEGER, TOKEN_FLOAT, TOKEN_OP } token_kind;

typedef struct parser {
    chat_template *t;
    const char *s;
    size_t len, pos;
    uint32_t line;
    unsigned depth;
    /* the tag being read */
    unsigned brackets;
    char closer; /* '}' or '%' */
    token_kind kind;
    char op[3];        /* of TOKEN_OP */
    const char *text;  /* of a name or string */
    size_t text_len;
    double number;
    json_int_t integer;
    /* how the last tag ended */
    bool eat_all, eat_newline, line_start;
    cairn_status st;
    cairn_error *err;
} parser;

static node *fail(parser *p, const char *what, const char *name)
{
    if (!p->st)
        p->st = cairn_fail(p->err, CAIRN_EMODEL, "chat template, line %u: %s%s%s", p->line, what,
                           name ? " " : "", name ? name : "");
    return NULL;
}

static node *out_of_memory(parser *p)
{
    if (!p->st)
        p->st = cairn_fail(p->err, CAIRN_ENOMEM, "chat template");
    return NULL;
}

static node *make(parser *p, node_kind kind)
{
    node *n = arena_calloc(&p->t->nodes, 1, sizeof *n);
    if (!n)
        return out_of_memory(p);
    n->kind = kind;
    n->line = p->line;
    return n;
}

static bool push(parser *p, node_list *l, node *n)
{
    if (l->n == l->cap) {
        size_t cap = l->cap ? 2 * l->cap : 4;
        node **v = arena_calloc(&p->t->nodes, cap, sizeof *v);
        if (!v) {
            out_of_memory(p);
            return false;
        }
        if (l->n)
            memcpy(v, l->v, l->n * sizeof *v);
        l->v = v;
        l->cap = cap;
    }
    l->v[l->n++] = n;
    return true;
}

static bool push_name(parser *p, node *n, const char *name)
{
    const char **v = arena_calloc(&p->t->nodes, n->n_names + 1, sizeof *v);
    if (!v) {
        out_of_memory(p);
        return false;
    }
    if (n->n_names)
        memcpy(v, n->names, n->n_names * sizeof *v);
    v[n->n_names++] = name;
    n->names = v;
    return true;
}

static node *constant(parser *p, json_t *v)
{
    if (!v || json_array_append_new(p->t->constants, v)) /* owns v from here, also on failure */
        return out_of_memory(p);
    node *n = make(p, NODE_CONST);
    if (n)
        n->value = v;
    return n;
}

/* ---- tokens ---- */

static char peek_char(const parser *p, size_t ahead)
{
    return p->pos + ahead < p->len ? p->s[p->pos + ahead] : 0;
}

static void read_string(parser *p, char quote)
{
    bytes b;
    bytes_init(&b, CHAT_TEMPLATE_MAX_TEXT);
    p->pos++;
    while (p->pos < p->len && p->s[p->pos] != quote && !p->st) {
        char c = p->s[p->pos++];
        if (c == '\n')
            p->line++;
        if (c == '\\' && p->pos < p->len) {
            char e = p->s[p->pos++];
            switch (e) {
            case 'n':
                c = '\n';
                break;
            case 't':
                c = '\t';
                break;
            case 'r':
                c = '\r';
                break;
            case '\\':
            case '\'':
            case '"':
                c = e;
                break;
            default: {
                char name[3] = { '\\', e, 0 };
                fail(p, "unknown escape in a string:", name);
            }
            }
        }
        if (bytes_append_byte(&b, (uint8_t)c))
            out_of_memory(p);
    }
    if (p->pos >= p->len)
        fail(p, "a string is not closed", NULL);
    p->pos++;
    p->kind = TOKEN_STRING;
    p->text_len = b.len;
    p->text = arena_strndup(&p->t->nodes, b.data ? b.data : "", b.len);
    if (!p->text)
        out_of_memory(p);
    bytes_clear(&b);
}

static void read_number(parser *p)
{
    char buf[64];
    size_t n = 0;
    bool real = false;
    while (n + 1 < sizeof buf) {
        char c = peek_char(p, 0);
        if (c == '.' && !real && isdigit((unsigned char)peek_char(p, 1)))
            real = true;
        else if (!isdigit((unsigned char)c))
            break;
        buf[n++] = c;
        p->pos++;
    }
    buf[n] = 0;
    if (n > 18 && !real)
        fail(p, "a number too large:", buf);
    p->kind = real ? TOKEN_FLOAT : TOKEN_INTEGER;
    p->number = strtod(buf, NULL);
    p->integer = strtoll(buf, NULL, 10);
}

/* Behind a tag: note what happens to the white space that follows. */
static void end_tag(parser *p, char sign, size_t width)
{
    p->pos += width;
    p->kind = TOKEN_END;
    p->eat_all = sign == '-';
    p->eat_newline = p->closer == '%' && sign != '+' && sign != '-';
}

static bool at_end_of_tag(parser *p)
{
    char c = peek_char(p, 0);
    size_t skip = c == '-' || c == '+';
    if (p->brackets || peek_char(p, skip) != p->closer || peek_char(p, skip + 1) != '}')
        return false;
    end_tag(p, skip ? c : 0, skip + 2);
    return true;
}

static void read_operator(parser *p)
{
    static const char *const two[] = { "==", "!=", "<=", ">=", "//", "**" };
    char c = peek_char(p, 0);
    p->kind = TOKEN_OP;
    memset(p->op, 0, sizeof p->op);
    for (size_t i = 0; i < sizeof two / sizeof *two; i++)
        if (c == two[i][0] && peek_char(p, 1) == two[i][1]) {
            memcpy(p->op, two[i], 2);
            p->pos += 2;
            return;
        }
    p->op[0] = c;
    if (!c || !strchr("+-*/%~<>=()[]{}.,:|", c)) {
        fail(p, "unexpected character", p->op);
        return;
    }
    if (strchr("([{", c))
        p->brackets++;
    if (strchr(")]}", c)) {
        if (!p->brackets)
            fail(p, "unexpected", p->op);
        else
            p->brackets--;
    }
    p->pos++;
}

static void next(parser *p)
{
    if (p->st)
        return;
    while (p->pos < p->len && isspace((unsigned char)p->s[p->pos]))
        p->line += p->s[p->pos++] == '\n';
    if (p->pos >= p->len) {
        fail(p, "a tag is not closed", NULL);
        return;
    }
    char c = p->s[p->pos];
    if (at_end_of_tag(p))
        return;
    if (isalpha((unsigned char)c) || c == '_') {
        size_t start = p->pos;
        while (isalnum((unsigned char)peek_char(p, 0)) || peek_char(p, 0) == '_')
            p->pos++;
        p->kind = TOKEN_NAME;
        p->text_len = p->pos - start;
        p->text = arena_strndup(&p->t->nodes, p->s + start, p->text_len);
        if (!p->text)
            out_of_memory(p);
    } else if (isdigit((unsigned char)c)) {
        read_number(p);
    } else if (c == '"' || c == '\'') {
        read_string(p, c);
    } else {
        read_operator(p);
    }
}

static bool is_op(const parser *p, const char *op)
{
    return !p->st && p->kind == TOKEN_OP && !strcmp(p->op, op);
}

static bool is_name(const parser *p, const char *name)
{
    return !p->st && p->kind == TOKEN_NAME && !strcmp(p->text, name);
}

static bool accept_op(parser *p, const char *op)
{
    if (!is_op(p, op))
        return false;
    next(p);
    return !p->st;
}

static bool accept_name(parser *p, const char *name)
{
    if (!is_name(p, name))
        return false;
    next(p);
    return !p->st;
}

static bool expect_op(parser *p, const char *op)
{
    if (accept_op(p, op))
        return true;
    fail(p, "expected", op);
    return false;
}

static const char *expect_identifier(parser *p)
{
    if (p->st || p->kind != TOKEN_NAME) {
        fail(p, "expected a name", NULL);
        return NULL;
    }
    const char *name = p->text;
    next(p);
    return name;
}

/* ---- expressions ---- */

static node *expression(parser *p);

static bool enter(parser *p)
{
    if (++p->depth > CHAT_TEMPLATE_MAX_DEPTH) {
        fail(p, "nested too deeply", NULL);
        return false;
    }
    return true;
}

/* Behind "(": the arguments of a call, to n->list and n->names. */
static bool arguments(parser *p, node *n)
{
    while (!p->st && !is_op(p, ")")) {
        const char *keyword = NULL;
        if (p->kind == TOKEN_NAME) {
            /* name = value: look for a lone = behind the name */
            size_t at = p->pos;
            while (at < p->len && isspace((unsigned char)p->s[at]))
                at++;
            if (at + 1 < p->len && p->s[at] == '=' && p->s[at + 1] != '=') {
                keyword = p->text;
                next(p);
                next(p);
            }
        }
        node *e = expression(p);
        if (!e || !push(p, &n->list, e) || !push_name(p, n, keyword))
            return false;
        if (!accept_op(p, ","))
            break;
    }
    return expect_op(p, ")");
}

static node *list_display(parser *p, const char *closer, bool tuple)
{
    node *n = make(p, NODE_LIST);
    bool comma = false;
    while (n && !p->st && !is_op(p, closer)) {
        node *e = expression(p);
        if (!e || !push(p, &n->list, e))
            return NULL;
        comma = accept_op(p, ",");
        if (!comma)
            break;
    }
    if (!n || !expect_op(p, closer))
        return NULL;
    return tuple && n->list.n == 1 && !comma ? n->list.v[0] : n;
}

static node *dict_display(parser *p)
{
    node *n = make(p, NODE_DICT);
    while (n && !p->st && !is_op(p, "}")) {
        node *k = expression(p);
        if (!k || !expect_op(p, ":"))
            return NULL;
        node *v = expression(p);
        if (!v || !push(p, &n->list, k) || !push(p, &n->list, v))
            return NULL;
        if (!accept_op(p, ","))
            break;
    }
    return n && expect_op(p, "}") ? n : NULL;
}

static node *name_or_call(parser *p)
{
    static const struct {
        const char *name;
        int what; /* 0 none, 1 true, 2 false */
    } words[] = { { "none", 0 }, { "None", 0 },  { "true", 1 },
                  { "True", 1 }, { "false", 2 }, { "False", 2 } };
    const char *name = p->text;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (!strcmp(words[i].name, name)) {
            next(p);
            return constant(p, words[i].what == 0   ? json_null()
                               : words[i].what == 1 ? json_true()
                                                    : json_false());
        }
    node *n = make(p, NODE_NAME);
    if (!n)
        return NULL;
    n->name = name;
    next(p);
    if (accept_op(p, "(")) {
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
        node *n = constant(p, json_stringn(p->text, p->text_len));
        next(p);
        if (!p->st && p->kind == TOKEN_STRING)
            return fail(p, "two strings without an operator", NULL);
        return n;
    }
    if (p->kind == TOKEN_INTEGER || p->kind == TOKEN_FLOAT) {
        json_t *v = p->kind == TOKEN_FLOAT ? json_real(p->number) : json_integer(p->integer);
        next(p);
        return constant(p, v);
    }
    if (accept_op(p, "("))
        return list_display(p, ")", true);
    if (accept_op(p, "["))
        return list_display(p, "]", false);
    if (accept_op(p, "{"))
        return dict_display(p);
    return fail(p, p->kind == TOKEN_END ? "an expression is missing" : "unexpected",
                p->kind == TOKEN_OP ? p->op : NULL);
}

/* Behind "[": an index or a slice of a. */
static node *subscript(parser *p, node *a)
{
    node *n = make(p, NODE_ITEM);
    if (!n)
        return NULL;
    n->a = a;
    if (!is_op(p, ":") && !(n->b = expression(p)))
        return NULL;
    if (accept_op(p, ":")) {
        n->kind = NODE_SLICE;
        if (!is_op(p, ":") && !is_op(p, "]") && !(n->c = expression(p)))
            return NULL;
        if (accept_op(p, ":") && !is_op(p, "]") && !(n->d = expression(p)))
            return NULL;
    }
    return expect_op(p, "]") ? n : NULL;
}

static node *attribute(parser *p, node *a)
{
    node *n = make(p, NODE_ATTR);
    if (!n)
        return NULL;
    n->a = a;
    if (p->kind == TOKEN_INTEGER && !p->st) { /* a.0 */
        n->kind = NODE_ITEM;
        n->b = primary(p);
        return n->b ? n : NULL;
    }
    n->name = expect_identifier(p);
    if (!n->name)
        return NULL;
    if (accept_op(p, "(")) {
        n->kind = NODE_METHOD;
        n->op = template_method_find(n->name);
        if (n->op < 0)
            return fail(p, "unknown method", n->name);
        if (!arguments(p, n))
            return NULL;
    }
    return n;
}

static node *filter(parser *p, node *a)
{
    node *n = make(p, NODE_FILTER);
    if (!n)
        return NULL;
    n->a = a;
    n->name = expect_identifier(p);
    if (!n->name)
        return NULL;
    n->op = template_filter_find(n->name);
    if (n->op < 0)
        return fail(p, "unknown filter", n->name);
    return accept_op(p, "(") && !arguments(p, n) ? NULL : n;
}

static node *postfix(parser *p, node *a)
{
    while (a && !p->st) {
        if (accept_op(p, "."))
            a = attribute(p, a);
        else if (accept_op(p, "["))
            a = subscript(p, a);
        else
            break;
    }
    return a;
}

static node *test(parser *p, node *a)
{
    bool negated = accept_name(p, "not");
    node *n = make(p, NODE_TEST);
    if (!n)
        return NULL;
    n->a = a;
    n->name = expect_identifier(p);
    if (!n->name)
        return NULL;
    n->op = template_test_find(n->name);
    if (n->op < 0)
        return fail(p, "unknown test", n->name);
    if (accept_op(p, "(")) {
        if (!arguments(p, n))
            return NULL;
    } else if (!p->st && (p->kind == TOKEN_STRING || p->kind == TOKEN_INTEGER ||
                          (p->kind == TOKEN_NAME && !is_name(p, "and") && !is_name(p, "or") &&
                           !is_name(p, "not") && !is_name(p, "else") && !is_name(p, "if") &&
                           !is_name(p, "is") && !is_name(p, "in")))) {
        node *e = postfix(p, primary(p)); /* is divisibleby 3 */
        if (!e || !push(p, &n->list, e) || !push_name(p, n, NULL))
            return NULL;
    }
    if (!negated)
        return n;
    node *not = make(p, NODE_NOT);
    if (not)
        not->a = n;
    return not;
}

static node *unary(parser *p, bool with_filter)
{
    node *n;
    if (!enter(p))
        return NULL;
    if (accept_op(p, "-")) {
        n = make(p, NODE_NEGATE);
        if (n && !(n->a = unary(p, false)))
            n = NULL;
    } else if (accept_op(p, "+")) {
        n = unary(p, false);
    } else {
        n = postfix(p, primary(p));
    }
    while (n && with_filter && !p->st) {
        if (accept_op(p, "|"))
            n = postfix(p, filter(p, n));
        else if (accept_name(p, "is"))
            n = test(p, n);
        else
            break;
    }
    if (is_op(p, "**"))
        n = fail(p, "unknown operator", "**");
    p->depth--;
    return p->st ? NULL : n;
}

static node *binary(parser *p, int level)
{
    static const char *const ops[3][5] = { { "+", "-" }, { "~" }, { "*", "/", "//", "%" } };
    if (level == 3)
        return unary(p, true);
    node *a = binary(p, level + 1);
    for (size_t i = 0; a && i < 5 && ops[level][i];) {
        if (!accept_op(p, ops[level][i])) {
            i++;
            continue;
        }
        node *n = make(p, NODE_BINARY);
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
    } ops[] = { { "==", '=' }, { "!=", '!' }, { "<=", 'l' },
                { ">=", 'g' }, { "<", '<' },  { ">", '>' } };
    for (size_t i = 0; i < sizeof ops / sizeof *ops; i++)
        if (accept_op(p, ops[i].op))
            return ops[i].code;
    if (accept_name(p, "in"))
        return 'i';
    if (is_name(p, "not")) {
        size_t at = p->pos;
        while (at < p->len && isspace((unsigned char)p->s[at]))
            at++;
        if (p->len - at > 2 && !memcmp(p->s + at, "in", 2) &&
            !isalnum((unsigned char)p->s[at + 2])) {
            next(p);
            next(p);
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
            n = make(p, NODE_COMPARE);
            if (!n)
                return NULL;
            n->a = a;
        }
        node *b = binary(p, 0);
        if (!b || !push(p, &n->list, b))
            return NULL;
        if (k + 1 >= sizeof ops)
            return fail(p, "too many comparisons in a row", NULL);
        ops[k++] = op;
    }
    if (n && !(n->ops = arena_strndup(&p->t->nodes, ops, k)))
        return out_of_memory(p);
    return p->st ? NULL : n ? n : a;
}

static node *not_expression(parser *p)
{
    node *n = NULL;
    if (!enter(p))
        return NULL;
    if (accept_name(p, "not")) {
        n = make(p, NODE_NOT);
        if (n && !(n->a = not_expression(p)))
            n = NULL;
    } else {
        n = compare(p);
    }
    p->depth--;
    return n;
}

static node *and_or(parser *p, bool is_or)
{
    node *a = is_or ? and_or(p, false) : not_expression(p);
    while (a && accept_name(p, is_or ? "or" : "and")) {
        node *n = make(p, is_or ? NODE_OR : NODE_AND);
        if (!n)
            return NULL;
        n->a = a;
        n->b = is_or ? and_or(p, false) : not_expression(p);
        a = n->b ? n : NULL;
    }
    return a;
}

static node *expression(parser *p)
{
    if (!enter(p))
        return NULL;
    node *a = and_or(p, true);
    while (a && accept_name(p, "if")) {
        node *n = make(p, NODE_COND);
        if (!n)
            return NULL;
        n->a = a;
        n->b = and_or(p, true);
        if (n->b && accept_name(p, "else"))
            n->c = expression(p);
        a = n->b ? n : NULL;
    }
    p->depth--;
    return p->st ? NULL : a;
}

/* ---- statements ---- */

static bool expect_end(parser *p)
{
    if (!p->st && p->kind != TOKEN_END)
        fail(p, "unexpected text at the end of a tag:",
             p->kind == TOKEN_OP ? p->op : p->text ? p->text : "");
    return !p->st;
}

/* Parse up to a block tag named in `stops` (space-separated, NULL: the end of the text); the tag's
 * name goes to *stop and the parser stands behind it. */
static bool body(parser *p, node_list *out, const char *stops, const char **stop);

static node *if_block(parser *p)
{
    const char *stop = NULL;
    node *n = make(p, NODE_IF);
    if (!n || !(n->a = expression(p)) || !expect_end(p) ||
        !body(p, &n->body, "elif else endif", &stop))
        return NULL;
    if (!strcmp(stop, "elif")) {
        if (!enter(p))
            return NULL;
        node *other = if_block(p);
        p->depth--;
        return other && push(p, &n->orelse, other) ? n : NULL;
    }
    if (!strcmp(stop, "else") && (!expect_end(p) || !body(p, &n->orelse, "endif", &stop)))
        return NULL;
    return expect_end(p) ? n : NULL;
}

static node *for_block(parser *p)
{
    const char *stop = NULL;
    node *n = make(p, NODE_FOR);
    if (!n)
        return NULL;
    bool parens = accept_op(p, "(");
    do {
        const char *name = expect_identifier(p);
        if (!name || !push_name(p, n, name))
            return NULL;
    } while (accept_op(p, ","));
    if (parens && !expect_op(p, ")"))
        return NULL;
    if (!accept_name(p, "in"))
        return fail(p, "expected", "in");
    if (!(n->a = and_or(p, true)))
        return NULL;
    if (accept_name(p, "if") && !(n->b = expression(p)))
        return NULL;
    if (is_name(p, "recursive"))
        return fail(p, "unknown construct:", "for ... recursive");
    if (!expect_end(p) || !body(p, &n->body, "else endfor", &stop))
        return NULL;
    if (!strcmp(stop, "else") && (!expect_end(p) || !body(p, &n->orelse, "endfor", &stop)))
        return NULL;
    return expect_end(p) ? n : NULL;
}

static node *set_block(parser *p)
{
    const char *stop = NULL;
    node *n = make(p, NODE_SET);
    const char *name = n ? expect_identifier(p) : NULL;
    if (!name || !push_name(p, n, name))
        return NULL;
    if (accept_op(p, ".")) {
        name = expect_identifier(p);
        if (!name || !push_name(p, n, name))
            return NULL;
    }
    if (is_op(p, ","))
        return fail(p, "unknown construct:", "set of several names");
    if (accept_op(p, "=")) {
        n->a = expression(p);
        return n->a && expect_end(p) ? n : NULL;
    }
    if (!expect_end(p) || !body(p, &n->body, "endset", &stop))
        return NULL;
    return expect_end(p) ? n : NULL;
}

static node *macro_block(parser *p)
{
    const char *stop = NULL;
    node *n = make(p, NODE_MACRO);
    if (!n || !(n->name = expect_identifier(p)) || !expect_op(p, "("))
        return NULL;
    while (!p->st && !is_op(p, ")")) {
        const char *name = expect_identifier(p);
        node *value = NULL;
        if (!name || !push_name(p, n, name))
            return NULL;
        if (accept_op(p, "=") && !(value = expression(p)))
            return NULL;
        if (!push(p, &n->list, value))
            return NULL;
        if (!accept_op(p, ","))
            break;
    }
    if (!expect_op(p, ")") || !expect_end(p) || !body(p, &n->body, "endmacro", &stop) ||
        !expect_end(p) || !push(p, &p->t->macros, n))
        return NULL;
    return n;
}

static node *statement(parser *p)
{
    const char *name = expect_identifier(p), *stop = NULL;
    node *n = NULL;
    if (!name || !enter(p))
        return NULL;
    if (!strcmp(name, "if"))
        n = if_block(p);
    else if (!strcmp(name, "for"))
        n = for_block(p);
    else if (!strcmp(name, "set"))
        n = set_block(p);
    else if (!strcmp(name, "macro"))
        n = macro_block(p);
    else if (!strcmp(name, "break") || !strcmp(name, "continue"))
        n = expect_end(p) ? make(p, name[0] == 'b' ? NODE_BREAK : NODE_CONTINUE) : NULL;
    else if (!strcmp(name, "generation")) { /* marks the model's own words; prints its body */
        n = make(p, NODE_BLOCK);
        if (n && (!expect_end(p) || !body(p, &n->body, "endgeneration", &stop) || !expect_end(p)))
            n = NULL;
    } else
        fail(p, "unknown block tag", name);
    p->depth--;
    return p->st ? NULL : n;
}

/* The start of the next tag at or behind pos, or len. */
static size_t find_tag(const parser *p)
{
    for (size_t i = p->pos; i + 1 < p->len; i++)
        if (p->s[i] == '{' && (p->s[i + 1] == '{' || p->s[i + 1] == '%' || p->s[i + 1] == '#'))
            return i;
    return p->len;
}

/* The literal text in front of the tag at `tag`, by the white-space rules. */
static bool text_before(parser *p, size_t tag, node_list *out)
{
    size_t from = p->pos, to = tag;
    bool line_start = p->line_start;
    if (p->eat_all) {
        while (from < to && isspace((unsigned char)p->s[from]))
            from++;
        line_start = from > p->pos && p->s[from - 1] == '\n';
    } else if (p->eat_newline && from < to && p->s[from] == '\n') {
        from++;
        line_start = true;
    }
    for (size_t i = p->pos; i < tag; i++)
        p->line += p->s[i] == '\n';
    if (tag < p->len) {
        char kind = p->s[tag + 1], sign = tag + 2 < p->len ? p->s[tag + 2] : 0;
        if (sign == '-') {
            while (to > from && isspace((unsigned char)p->s[to - 1]))
                to--;
        } else if (kind != '{' && sign != '+') {
            size_t blank = to;
            while (blank > from && (p->s[blank - 1] == ' ' || p->s[blank - 1] == '\t'))
                blank--;
            if (blank == from ? line_start : p->s[blank - 1] == '\n')
                to = blank;
        }
    }
    p->pos = tag;
    p->eat_all = p->eat_newline = p->line_start = false;
    if (to == from)
        return true;
    node *n = constant(p, json_stringn(p->s + from, to - from));
    if (!n)
        return false;
    n->kind = NODE_TEXT;
    return push(p, out, n);
}

static bool comment(parser *p)
{
    const char *end = memmem(p->s + p->pos + 2, p->len - p->pos - 2, "#}", 2);
    if (!end) {
        fail(p, "a comment is not closed", NULL);
        return false;
    }
    size_t stop = (size_t)(end - p->s);
    for (size_t i = p->pos; i < stop; i++)
        p->line += p->s[i] == '\n';
    p->eat_all = stop > p->pos + 2 && p->s[stop - 1] == '-';
    p->eat_newline = !p->eat_all && !(stop > p->pos + 2 && p->s[stop - 1] == '+');
    p->pos = stop + 2;
    return true;
}

static bool is_stop(const char *stops, const char *name)
{
    size_t n = strlen(name);
    for (const char *s = stops; s && (s = strstr(s, name)); s += n)
        if ((s == stops || s[-1] == ' ') && (s[n] == ' ' || !s[n]))
            return true;
    return false;
}

static bool body(parser *p, node_list *out, const char *stops, const char **stop)
{
    while (!p->st) {
        size_t tag = find_tag(p);
        if (!text_before(p, tag, out))
            return false;
        if (tag >= p->len) {
            if (stops)
                fail(p, "the text ends inside a block; missing one of:", stops);
            return !p->st;
        }
        char kind = p->s[tag + 1];
        if (kind == '#') {
            if (!comment(p))
                return false;
            continue;
        }
        p->pos += 2;
        p->pos += peek_char(p, 0) == '-' || peek_char(p, 0) == '+';
        p->closer = kind == '{' ? '}' : '%';
        p->brackets = 0;
        next(p);
        if (kind == '{') {
            node *n = make(p, NODE_OUTPUT);
            if (!n || !(n->a = expression(p)) || !expect_end(p) || !push(p, out, n))
                return false;
            continue;
        }
        if (!p->st && p->kind == TOKEN_NAME && is_stop(stops, p->text)) {
            *stop = p->text;
            next(p);
            return !p->st;
        }
        node *n = statement(p);
        if (!n || !push(p, out, n))
            return false;
    }
    return false;
}

/* The last look at the tree: how deep it is (chains such as a + b + c nest without brackets, and
 * rendering follows the nesting), and calls of functions that are neither known nor a macro. */
static cairn_status check(const chat_template *t, const node *n, unsigned depth, cairn_error *err)
{
    if (!n)
        return CAIRN_OK;
    if (depth > CHAT_TEMPLATE_MAX_DEPTH * 4)
        return cairn_fail(err, CAIRN_EMODEL, "chat template, line %u: nested too deeply", n->line);
    if (n->kind == NODE_CALL && !template_function_known(n->name)) {
        bool macro = false;
        for (size_t i = 0; i < t->macros.n; i++)
            macro = macro || !strcmp(t->macros.v[i]->name, n->name);
        if (!macro)
            return cairn_fail(err, CAIRN_EMODEL, "chat template, line %u: unknown function %s",
                              n->line, n->name);
    }
    const node *const parts[] = { n->a, n->b, n->c, n->d };
    const node_list *const lists[] = { &n->list, &n->body, &n->orelse };
    cairn_status st = CAIRN_OK;
    for (size_t i = 0; i < 4 && !st; i++)
        st = check(t, parts[i], depth + 1, err);
    for (size_t k = 0; k < 3; k++)
        for (size_t i = 0; i < lists[k]->n && !st; i++)
            st = check(t, lists[k]->v[i], depth + 1, err);
    return st;
}

cairn_status chat_template_compile(chat_template **out, const char *jinja, size_t len,
                                   cairn_error *err)
{
    *out = NULL;
    if (len > CHAT_TEMPLATE_MAX_TEXT || memchr(jinja, 0, len) || !utf8_valid(jinja, len))
        return cairn_fail(err, CAIRN_EMODEL, "the chat template of %zu bytes is no UTF-8 text below "
                          "%zu bytes", len, CHAT_TEMPLATE_MAX_TEXT);
    chat_template *t = calloc(1, sizeof *t);
    if (!t)
        return cairn_fail(err, CAIRN_ENOMEM, "chat template");
    arena_init(&t->nodes, (size_t)256 << 20);
    t->constants = json_array();
    t->text = malloc(len + 1);
    if (!t->constants || !t->text) {
        chat_template_destroy(t);
        return cairn_fail(err, CAIRN_ENOMEM, "chat template");
    }
    size_t n = 0;
    for (size_t i = 0; i < len; i++) { /* line ends become \n, as Jinja does */
        if (jinja[i] == '\r' && i + 1 < len && jinja[i + 1] == '\n')
            continue;
        t->text[n++] = jinja[i] == '\r' ? '\n' : jinja[i];
    }
    if (n && t->text[n - 1] == '\n')
        n--;
    t->text[n] = 0;
    parser p = { .t = t, .s = t->text, .len = n, .line = 1, .line_start = true, .err = err };
    body(&p, &t->body, NULL, NULL);
    for (size_t i = 0; i < t->body.n && !p.st; i++)
        p.st = check(t, t->body.v[i], 1, err);
    if (p.st) {
        chat_template_destroy(t);
        return p.st;
    }
    *out = t;
    return CAIRN_OK;
}

void chat_template_destroy(chat_template *t)
{
    if (!t)
        return;
    arena_clear(&t->nodes);
    json_decref(t->constants);
    free(t->text);
    free(t);
}
