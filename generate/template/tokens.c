/* tokens.c - see parser.h: the words of a template's tags, and the nodes made of them.
 *
 * A tag ends with its own closer outside all brackets; a sign in front of the closer says what
 * happens to the white space that follows. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "generate/template/parser.h"

node *parse_fail(parser *p, const char *what, const char *name)
{
    if (!p->st)
        p->st = cairn_fail(p->err, CAIRN_EMODEL, "chat template, line %u: %s%s%s", p->line, what,
                           name ? " " : "", name ? name : "");
    return NULL;
}

node *parse_no_memory(parser *p)
{
    if (!p->st)
        p->st = cairn_fail(p->err, CAIRN_ENOMEM, "chat template");
    return NULL;
}

node *parse_node(parser *p, node_kind kind)
{
    node *n = arena_calloc(&p->t->nodes, 1, sizeof *n);
    if (!n)
        return parse_no_memory(p);
    n->kind = kind;
    n->line = p->line;
    return n;
}

bool parse_push(parser *p, node_list *l, node *n)
{
    if (l->n == l->cap) {
        size_t cap = l->cap ? 2 * l->cap : 4;
        node **v = arena_calloc(&p->t->nodes, cap, sizeof *v);
        if (!v) {
            parse_no_memory(p);
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

bool parse_push_name(parser *p, node *n, const char *name)
{
    const char **v = arena_calloc(&p->t->nodes, n->n_names + 1, sizeof *v);
    if (!v) {
        parse_no_memory(p);
        return false;
    }
    if (n->n_names)
        memcpy(v, n->names, n->n_names * sizeof *v);
    v[n->n_names++] = name;
    n->names = v;
    return true;
}

node *parse_constant(parser *p, json_t *v)
{
    if (!v || json_array_append_new(p->t->constants, v)) /* owns v from here, also on failure */
        return parse_no_memory(p);
    node *n = parse_node(p, NODE_CONST);
    if (n)
        n->value = v;
    return n;
}

bool parse_enter(parser *p)
{
    if (++p->depth > CHAT_TEMPLATE_MAX_DEPTH) {
        parse_fail(p, "nested too deeply", NULL);
        return false;
    }
    return true;
}

/* ---- tokens ---- */

char token_peek(const parser *p, size_t ahead)
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
                char name[3] = {'\\', e, 0};
                parse_fail(p, "unknown escape in a string:", name);
            }
            }
        }
        if (bytes_append_byte(&b, (uint8_t)c))
            parse_no_memory(p);
    }
    if (p->pos >= p->len)
        parse_fail(p, "a string is not closed", NULL);
    p->pos++;
    p->kind = TOKEN_STRING;
    p->text_len = b.len;
    p->text = arena_strndup(&p->t->nodes, b.data ? b.data : "", b.len);
    if (!p->text)
        parse_no_memory(p);
    bytes_clear(&b);
}

static void read_number(parser *p)
{
    char buf[64];
    size_t n = 0;
    bool real = false;
    while (n + 1 < sizeof buf) {
        char c = token_peek(p, 0);
        if (c == '.' && !real && isdigit((unsigned char)token_peek(p, 1)))
            real = true;
        else if (!isdigit((unsigned char)c))
            break;
        buf[n++] = c;
        p->pos++;
    }
    buf[n] = 0;
    if (n > 18 && !real)
        parse_fail(p, "a number too large:", buf);
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
    char c = token_peek(p, 0);
    size_t skip = c == '-' || c == '+';
    if (p->brackets || token_peek(p, skip) != p->closer || token_peek(p, skip + 1) != '}')
        return false;
    end_tag(p, skip ? c : 0, skip + 2);
    return true;
}

static void read_operator(parser *p)
{
    static const char *const two[] = {"==", "!=", "<=", ">=", "//", "**"};
    char c = token_peek(p, 0);
    p->kind = TOKEN_OP;
    memset(p->op, 0, sizeof p->op);
    for (size_t i = 0; i < sizeof two / sizeof *two; i++)
        if (c == two[i][0] && token_peek(p, 1) == two[i][1]) {
            memcpy(p->op, two[i], 2);
            p->pos += 2;
            return;
        }
    p->op[0] = c;
    if (!c || !strchr("+-*/%~<>=()[]{}.,:|", c)) {
        parse_fail(p, "unexpected character", p->op);
        return;
    }
    if (strchr("([{", c))
        p->brackets++;
    if (strchr(")]}", c)) {
        if (!p->brackets)
            parse_fail(p, "unexpected", p->op);
        else
            p->brackets--;
    }
    p->pos++;
}

void token_next(parser *p)
{
    if (p->st)
        return;
    while (p->pos < p->len && isspace((unsigned char)p->s[p->pos]))
        p->line += p->s[p->pos++] == '\n';
    if (p->pos >= p->len) {
        parse_fail(p, "a tag is not closed", NULL);
        return;
    }
    char c = p->s[p->pos];
    if (at_end_of_tag(p))
        return;
    if (isalpha((unsigned char)c) || c == '_') {
        size_t start = p->pos;
        while (isalnum((unsigned char)token_peek(p, 0)) || token_peek(p, 0) == '_')
            p->pos++;
        p->kind = TOKEN_NAME;
        p->text_len = p->pos - start;
        p->text = arena_strndup(&p->t->nodes, p->s + start, p->text_len);
        if (!p->text)
            parse_no_memory(p);
    } else if (isdigit((unsigned char)c)) {
        read_number(p);
    } else if (c == '"' || c == '\'') {
        read_string(p, c);
    } else {
        read_operator(p);
    }
}

bool token_is_op(const parser *p, const char *op)
{
    return !p->st && p->kind == TOKEN_OP && !strcmp(p->op, op);
}

bool token_is_name(const parser *p, const char *name)
{
    return !p->st && p->kind == TOKEN_NAME && !strcmp(p->text, name);
}

bool token_accept_op(parser *p, const char *op)
{
    if (!token_is_op(p, op))
        return false;
    token_next(p);
    return !p->st;
}

bool token_accept_name(parser *p, const char *name)
{
    if (!token_is_name(p, name))
        return false;
    token_next(p);
    return !p->st;
}

bool token_expect_op(parser *p, const char *op)
{
    if (token_accept_op(p, op))
        return true;
    parse_fail(p, "expected", op);
    return false;
}

const char *token_expect_name(parser *p)
{
    if (p->st || p->kind != TOKEN_NAME) {
        parse_fail(p, "expected a name", NULL);
        return NULL;
    }
    const char *name = p->text;
    token_next(p);
    return name;
}
