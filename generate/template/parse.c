/* parse.c - a chat template's text to nodes: the text between tags, and block tags.
 *
 * Grammar and white-space rules: Jinja 3.1, "Template Designer Documentation". trim_blocks: the
 * newline behind a block tag goes. lstrip_blocks: blanks between the start of a line and a block
 * tag go. A minus sign inside a tag eats all white space on its side, a plus sign keeps it all. One
 * newline at the very end goes. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "generate/template/parser.h"

static bool expect_end(parser *p)
{
    if (!p->st && p->kind != TOKEN_END)
        parse_fail(p, "unexpected text at the end of a tag:",
                   p->kind == TOKEN_OP ? p->op
                   : p->text           ? p->text
                                       : "");
    return !p->st;
}

/* Parse up to a block tag named in `stops` (space-separated, NULL: the end of the text); the tag's
 * name goes to *stop and the parser stands behind it. */
static bool body(parser *p, node_list *out, const char *stops, const char **stop);

static node *if_block(parser *p)
{
    const char *stop = NULL;
    node *n = parse_node(p, NODE_IF);
    if (!n || !(n->a = parse_expression(p)) || !expect_end(p) ||
        !body(p, &n->body, "elif else endif", &stop))
        return NULL;
    if (!strcmp(stop, "elif")) {
        if (!parse_enter(p))
            return NULL;
        node *other = if_block(p);
        p->depth--;
        return other && parse_push(p, &n->orelse, other) ? n : NULL;
    }
    if (!strcmp(stop, "else") && (!expect_end(p) || !body(p, &n->orelse, "endif", &stop)))
        return NULL;
    return expect_end(p) ? n : NULL;
}

static node *for_block(parser *p)
{
    const char *stop = NULL;
    node *n = parse_node(p, NODE_FOR);
    if (!n)
        return NULL;
    bool parens = token_accept_op(p, "(");
    do {
        const char *name = token_expect_name(p);
        if (!name || !parse_push_name(p, n, name))
            return NULL;
    } while (token_accept_op(p, ","));
    if (parens && !token_expect_op(p, ")"))
        return NULL;
    if (!token_accept_name(p, "in"))
        return parse_fail(p, "expected", "in");
    if (!(n->a = parse_and_or(p, true)))
        return NULL;
    if (token_accept_name(p, "if") && !(n->b = parse_expression(p)))
        return NULL;
    if (token_is_name(p, "recursive"))
        return parse_fail(p, "unknown construct:", "for ... recursive");
    if (!expect_end(p) || !body(p, &n->body, "else endfor", &stop))
        return NULL;
    if (!strcmp(stop, "else") && (!expect_end(p) || !body(p, &n->orelse, "endfor", &stop)))
        return NULL;
    return expect_end(p) ? n : NULL;
}

static node *set_block(parser *p)
{
    const char *stop = NULL;
    node *n = parse_node(p, NODE_SET);
    const char *name = n ? token_expect_name(p) : NULL;
    if (!name || !parse_push_name(p, n, name))
        return NULL;
    if (token_accept_op(p, ".")) {
        name = token_expect_name(p);
        if (!name || !parse_push_name(p, n, name))
            return NULL;
    }
    if (token_is_op(p, ","))
        return parse_fail(p, "unknown construct:", "set of several names");
    if (token_accept_op(p, "=")) {
        n->a = parse_expression(p);
        return n->a && expect_end(p) ? n : NULL;
    }
    if (!expect_end(p) || !body(p, &n->body, "endset", &stop))
        return NULL;
    return expect_end(p) ? n : NULL;
}

static node *macro_block(parser *p)
{
    const char *stop = NULL;
    node *n = parse_node(p, NODE_MACRO);
    if (!n || !(n->name = token_expect_name(p)) || !token_expect_op(p, "("))
        return NULL;
    while (!p->st && !token_is_op(p, ")")) {
        const char *name = token_expect_name(p);
        node *value = NULL;
        if (!name || !parse_push_name(p, n, name))
            return NULL;
        if (token_accept_op(p, "=") && !(value = parse_expression(p)))
            return NULL;
        if (!parse_push(p, &n->list, value))
            return NULL;
        if (!token_accept_op(p, ","))
            break;
    }
    if (!token_expect_op(p, ")") || !expect_end(p) || !body(p, &n->body, "endmacro", &stop) ||
        !expect_end(p) || !parse_push(p, &p->t->macros, n))
        return NULL;
    return n;
}

static node *statement(parser *p)
{
    const char *name = token_expect_name(p), *stop = NULL;
    node *n = NULL;
    if (!name || !parse_enter(p))
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
        n = expect_end(p) ? parse_node(p, name[0] == 'b' ? NODE_BREAK : NODE_CONTINUE) : NULL;
    else if (!strcmp(name, "generation")) { /* marks the model's own words; prints its body */
        n = parse_node(p, NODE_BLOCK);
        if (n && (!expect_end(p) || !body(p, &n->body, "endgeneration", &stop) || !expect_end(p)))
            n = NULL;
    } else
        parse_fail(p, "unknown block tag", name);
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
    node *n = parse_constant(p, json_stringn(p->s + from, to - from));
    if (!n)
        return false;
    n->kind = NODE_TEXT;
    return parse_push(p, out, n);
}

static bool comment(parser *p)
{
    const char *end = memmem(p->s + p->pos + 2, p->len - p->pos - 2, "#}", 2);
    if (!end) {
        parse_fail(p, "a comment is not closed", NULL);
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
                parse_fail(p, "the text ends inside a block; missing one of:", stops);
            return !p->st;
        }
        char kind = p->s[tag + 1];
        if (kind == '#') {
            if (!comment(p))
                return false;
            continue;
        }
        p->pos += 2;
        p->pos += token_peek(p, 0) == '-' || token_peek(p, 0) == '+';
        p->closer = kind == '{' ? '}' : '%';
        p->brackets = 0;
        token_next(p);
        if (kind == '{') {
            node *n = parse_node(p, NODE_OUTPUT);
            if (!n || !(n->a = parse_expression(p)) || !expect_end(p) || !parse_push(p, out, n))
                return false;
            continue;
        }
        if (!p->st && p->kind == TOKEN_NAME && is_stop(stops, p->text)) {
            *stop = p->text;
            token_next(p);
            return !p->st;
        }
        node *n = statement(p);
        if (!n || !parse_push(p, out, n))
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
    const node *const parts[] = {n->a, n->b, n->c, n->d};
    const node_list *const lists[] = {&n->list, &n->body, &n->orelse};
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
        return cairn_fail(err, CAIRN_EMODEL,
                          "the chat template of %zu bytes is no UTF-8 text below "
                          "%zu bytes",
                          len, CHAT_TEMPLATE_MAX_TEXT);
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
    parser p = {.t = t, .s = t->text, .len = n, .line = 1, .line_start = true, .err = err};
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
