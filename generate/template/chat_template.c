/* chat_template.c - from a template's text to its tree: a lexer inside the tags, and a parser by
 * recursive descent in Jinja's order of precedence.
 *
 * White space as in transformers: trim_blocks (the first line break behind a block tag goes),
 * lstrip_blocks (blanks between the start of a line and a block tag go), and the minus signs in
 * tags. Expressions {{ }} are touched by the minus signs alone.
 *
 * Reference: the Jinja 3.1 documentation, "Template Designer Documentation". */
#include "generate/template/chat_template.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "generate/template/ast.h"

#define TREE_BYTES ((size_t)64 << 20)
#define MAX_ARGS   256

typedef enum token_kind {
    T_END, /* of the tag */
    T_NAME,
    T_STRING,
    T_INTEGER,
    T_FLOAT,
    T_SYMBOL, /* one or two characters in text */
} token_kind;

typedef struct token {
    token_kind kind;
    const char *text;
    size_t len;
    int line;
} token;

typedef struct parser {
    chat_template *t;
    const char *p, *end; /* not read yet */
    const char *start;
    int line;
    int depth;
    bool strip_next;  /* the tag before ended in '-': white space in front of the next text goes */
    bool trim_next;   /* it was a block tag: one line break goes */
    token token;      /* current token inside a tag */
    const char *tag_close; /* "%}" or "}}" */
    bool tag_strips;       /* the tag just closed ended in '-' */
    cairn_status st;
    cairn_error *err;
} parser;

static void fail(parser *k, const char *what, const char *text, size_t len)
{
    if (!k->st)
        k->st = cairn_fail(k->err, CAIRN_EMODEL, "chat template, line %d: %s%s%.*s%s", k->line,
                           what, text ? " \"" : "", text ? (int)(len > 60 ? 60 : len) : 0,
                           text ? text : "", text ? "\"" : "");
}

static node *new_node(parser *k, node_kind kind)
{
    node *n = arena_calloc(&k->t->memory, 1, sizeof *n);

    if (!n) {
        if (!k->st)
            k->st = cairn_fail(k->err, CAIRN_ENOMEM, "chat template");
        /* A spare node lets the parser unwind without tests at every step. */
        static _Thread_local node spare;
        spare = (node){.kind = kind};
        return &spare;
    }
    n->kind = kind;
    n->line = k->line;
    return n;
}

/* ---- tokens inside a tag ---- */

static bool at(const parser *k, const char *s)
{
    size_t n = strlen(s);

    return (size_t)(k->end - k->p) >= n && !memcmp(k->p, s, n);
}

static void skip_space(parser *k)
{
    while (k->p < k->end && isspace((unsigned char)*k->p)) {
        if (*k->p == '\n')
            k->line++;
        k->p++;
    }
}

/* The end of a tag: its closing mark, perhaps with a minus or plus in front. */
static bool at_close(const parser *k)
{
    return at(k, k->tag_close) ||
           (k->p < k->end && (*k->p == '-' || *k->p == '+') && k->p + 1 < k->end &&
            (size_t)(k->end - k->p) >= 3 && !memcmp(k->p + 1, k->tag_close, 2));
}

static void scan_string(parser *k)
{
    char quote = *k->p++;

    k->token = (token){T_STRING, k->p, 0, k->line};
    while (k->p < k->end && *k->p != quote) {
        if (*k->p == '\n')
            k->line++;
        k->p += *k->p == '\\' && k->p + 1 < k->end ? 2 : 1;
    }
    k->token.len = (size_t)(k->p - k->token.text);
    if (k->p < k->end)
        k->p++;
    else
        fail(k, "a string is not closed", NULL, 0);
}

static void scan_number(parser *k)
{
    k->token = (token){T_INTEGER, k->p, 0, k->line};
    while (k->p < k->end && (isdigit((unsigned char)*k->p) || *k->p == '_'))
        k->p++;
    if (k->p + 1 < k->end && *k->p == '.' && isdigit((unsigned char)k->p[1])) {
        k->token.kind = T_FLOAT;
        k->p++;
        while (k->p < k->end && isdigit((unsigned char)*k->p))
            k->p++;
    }
    k->token.len = (size_t)(k->p - k->token.text);
}

static void next_token(parser *k)
{
    static const char *const pairs[] = {"==", "!=", "<=", ">=", "//", "**"};

    skip_space(k);
    k->token = (token){T_END, k->p, 0, k->line};
    if (k->st || k->p >= k->end) {
        if (!k->st)
            fail(k, "a tag is not closed", NULL, 0);
        return;
    }
    if (at_close(k))
        return;
    if (*k->p == '"' || *k->p == '\'') {
        scan_string(k);
        return;
    }
    if (isdigit((unsigned char)*k->p)) {
        scan_number(k);
        return;
    }
    k->token.text = k->p;
    if (isalpha((unsigned char)*k->p) || *k->p == '_') {
        k->token.kind = T_NAME;
        while (k->p < k->end && (isalnum((unsigned char)*k->p) || *k->p == '_'))
            k->p++;
        k->token.len = (size_t)(k->p - k->token.text);
        return;
    }
    k->token.kind = T_SYMBOL;
    k->token.len = 1;
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++)
        if (at(k, pairs[i]))
            k->token.len = 2;
    k->p += k->token.len;
}

static bool is_text(const token *t, token_kind kind, const char *s)
{
    return t->kind == kind && t->len == strlen(s) && !memcmp(t->text, s, t->len);
}

static bool is_name(const parser *k, const char *s)
{
    return is_text(&k->token, T_NAME, s);
}

static bool is_symbol(const parser *k, const char *s)
{
    return is_text(&k->token, T_SYMBOL, s);
}

static bool take_symbol(parser *k, const char *s)
{
    if (!is_symbol(k, s))
        return false;
    next_token(k);
    return true;
}

static bool take_name(parser *k, const char *s)
{
    if (!is_name(k, s))
        return false;
    next_token(k);
    return true;
}

static void need_symbol(parser *k, const char *s)
{
    if (!take_symbol(k, s))
        fail(k, "unexpected", k->token.text, k->token.len ? k->token.len : 2);
}

static const char *copy_text(parser *k, const char *s, size_t len)
{
    const char *c = arena_strndup(&k->t->memory, s, len);

    if (!c && !k->st)
        k->st = cairn_fail(k->err, CAIRN_ENOMEM, "chat template");
    return c ? c : "";
}

static const char *need_identifier(parser *k)
{
    const char *s = "";

    if (k->token.kind == T_NAME)
        s = copy_text(k, k->token.text, k->token.len);
    else
        fail(k, "a name is missing before", k->token.text, k->token.len ? k->token.len : 2);
    next_token(k);
    return s;
}

/* ---- expressions ---- */

static node *parse_expression(parser *k);

static node *literal(parser *k, json_t *value)
{
    node *n = new_node(k, NODE_LITERAL);

    if (!value || json_array_append_new(k->t->literals, value)) {
        if (!k->st)
            k->st = cairn_fail(k->err, CAIRN_EMODEL, "chat template, line %d: bad literal", k->line);
        return n;
    }
    n->literal = value;
    return n;
}

/* \n, \t, \r, \\, quotes; an unknown escape keeps its backslash, as in Python. */
static json_t *unescape(parser *k, const token *t)
{
    char *out = arena_alloc(&k->t->memory, t->len + 1);
    size_t n = 0;

    if (!out)
        return NULL;
    for (size_t i = 0; i < t->len; i++) {
        char c = t->text[i];
        if (c == '\\' && i + 1 < t->len) {
            static const char from[] = "ntr\\'\"", to[] = "\n\t\r\\'\"";
            const char *hit = strchr(from, t->text[i + 1]);
            if (hit) {
                c = to[hit - from];
                i++;
            } else if (t->text[i + 1] == '\n') {
                i++;
                continue;
            }
        }
        out[n++] = c;
    }
    return json_stringn(out, n);
}

static node *list_of(parser *k, node_kind kind, node **items, size_t n)
{
    node *list = new_node(k, kind);

    list->args = arena_calloc(&k->t->memory, n + 1, sizeof *list->args);
    if (!list->args) {
        if (!k->st)
            k->st = cairn_fail(k->err, CAIRN_ENOMEM, "chat template");
        return list;
    }
    if (n)
        memcpy(list->args, items, n * sizeof *items);
    list->n_args = n;
    return list;
}

static bool room(parser *k, size_t n)
{
    if (n + 2 <= MAX_ARGS)
        return true;
    fail(k, "a list is too long", NULL, 0);
    return false;
}

/* Behind "[". */
static node *parse_list(parser *k)
{
    node *items[MAX_ARGS];
    size_t n = 0;

    while (!k->st && !is_symbol(k, "]") && room(k, n)) {
        items[n++] = parse_expression(k);
        if (!take_symbol(k, ","))
            break;
    }
    need_symbol(k, "]");
    return list_of(k, NODE_LIST, items, n);
}

/* Behind "{". */
static node *parse_dict(parser *k)
{
    node *items[MAX_ARGS];
    size_t n = 0;

    while (!k->st && !is_symbol(k, "}") && room(k, n)) {
        items[n++] = parse_expression(k);
        need_symbol(k, ":");
        items[n++] = parse_expression(k);
        if (!take_symbol(k, ","))
            break;
    }
    need_symbol(k, "}");
    return list_of(k, NODE_DICT, items, n);
}

/* Behind "(": an expression in parentheses, or a tuple (kept as a list). */
static node *parse_parenthesis(parser *k)
{
    node *items[MAX_ARGS];
    size_t n = 0;
    bool tuple = is_symbol(k, ")");

    while (!k->st && !is_symbol(k, ")") && room(k, n)) {
        items[n++] = parse_expression(k);
        if (!take_symbol(k, ","))
            break;
        tuple = true;
    }
    need_symbol(k, ")");
    return tuple || !n ? list_of(k, NODE_LIST, items, n) : items[0];
}

static node *parse_name(parser *k)
{
    node *n;

    if (is_name(k, "true") || is_name(k, "True"))
        n = literal(k, json_true());
    else if (is_name(k, "false") || is_name(k, "False"))
        n = literal(k, json_false());
    else if (is_name(k, "none") || is_name(k, "None"))
        n = literal(k, json_null());
    else {
        n = new_node(k, NODE_NAME);
        n->text = copy_text(k, k->token.text, k->token.len);
    }
    next_token(k);
    return n;
}

static node *parse_atom(parser *k)
{
    token t = k->token;
    node *n;

    switch (t.kind) {
    case T_STRING: {
        bytes joined;
        next_token(k);
        n = literal(k, unescape(k, &t));
        /* Strings side by side are one string. */
        bytes_init(&joined, CHAT_TEMPLATE_MAX_TEXT);
        while (!k->st && k->token.kind == T_STRING) {
            json_t *more = unescape(k, &k->token);
            bytes_reset(&joined);
            if (bytes_append(&joined, json_string_value(n->literal), json_string_length(n->literal)) ||
                bytes_append(&joined, json_string_value(more), json_string_length(more)))
                fail(k, "a string is too long", NULL, 0);
            json_decref(more);
            next_token(k);
            n = literal(k, json_stringn(joined.data ? joined.data : "", joined.len));
        }
        bytes_clear(&joined);
        return n;
    }
    case T_INTEGER:
        next_token(k);
        return literal(k, json_integer(strtoll(copy_text(k, t.text, t.len), NULL, 10)));
    case T_FLOAT:
        next_token(k);
        return literal(k, json_real(strtod(copy_text(k, t.text, t.len), NULL)));
    case T_NAME:
        return parse_name(k);
    default:
        break;
    }
    if (take_symbol(k, "["))
        return parse_list(k);
    if (take_symbol(k, "{"))
        return parse_dict(k);
    if (take_symbol(k, "("))
        return parse_parenthesis(k);
    fail(k, "an expression is missing before", t.text, t.len ? t.len : 2);
    return new_node(k, NODE_LIST);
}

/* Behind "(": arguments into n->args and n->keywords. */
static void parse_arguments(parser *k, node *n)
{
    node *items[MAX_ARGS];
    const char *names[MAX_ARGS];
    size_t count = 0;

    while (!k->st && !is_symbol(k, ")") && room(k, count)) {
        const char *after = k->p;
        names[count] = NULL;
        while (after < k->end && isspace((unsigned char)*after))
            after++;
        if (k->token.kind == T_NAME && after + 1 < k->end && after[0] == '=' && after[1] != '=') {
            names[count] = copy_text(k, k->token.text, k->token.len);
            next_token(k);
            next_token(k);
        }
        items[count++] = parse_expression(k);
        if (!take_symbol(k, ","))
            break;
    }
    need_symbol(k, ")");
    n->args = list_of(k, NODE_LIST, items, count)->args;
    n->keywords = arena_calloc(&k->t->memory, count + 1, sizeof *n->keywords);
    if (!n->keywords || !n->args)
        return;
    for (size_t i = 0; i < count; i++)
        n->keywords[i] = names[i];
    n->n_args = count;
}

/* Behind "[": an index or a slice of `of`. */
static node *parse_subscript(parser *k, node *of)
{
    node *parts[3] = {NULL, NULL, NULL}, *n;
    size_t colons = 0;

    if (!is_symbol(k, ":"))
        parts[0] = parse_expression(k);
    while (!k->st && colons < 2 && take_symbol(k, ":")) {
        colons++;
        if (!is_symbol(k, ":") && !is_symbol(k, "]"))
            parts[colons] = parse_expression(k);
    }
    need_symbol(k, "]");
    n = colons ? list_of(k, NODE_SLICE, parts, 3) : new_node(k, NODE_INDEX);
    n->a = of;
    n->b = colons ? NULL : parts[0];
    return n;
}

static node *parse_postfix(parser *k)
{
    node *n = parse_atom(k), *outer;

    while (!k->st) {
        if (take_symbol(k, ".")) {
            outer = new_node(k, NODE_ATTR);
            outer->a = n;
            outer->text = need_identifier(k);
        } else if (take_symbol(k, "[")) {
            outer = parse_subscript(k, n);
        } else if (take_symbol(k, "(")) {
            outer = new_node(k, NODE_CALL);
            outer->a = n;
            parse_arguments(k, outer);
        } else {
            break;
        }
        n = outer;
    }
    return n;
}

/* | filter and is test, which bind closer than any operator. */
static node *parse_filtered(parser *k, node *n)
{
    while (!k->st) {
        node *outer;
        token t;
        bool filter = is_symbol(k, "|");
        if (!filter && !is_name(k, "is"))
            break;
        next_token(k);
        outer = new_node(k, filter ? NODE_FILTER : NODE_TEST);
        outer->a = n;
        if (!filter)
            outer->negated = take_name(k, "not");
        t = k->token;
        if (t.kind != T_NAME) {
            fail(k, "a filter or test is missing before", t.text, t.len ? t.len : 2);
            break;
        }
        outer->op = filter ? template_find_filter(t.text, t.len) : template_find_test(t.text, t.len);
        if (outer->op < 0)
            fail(k, filter ? "unknown filter" : "unknown test", t.text, t.len);
        next_token(k);
        if (take_symbol(k, "(")) {
            parse_arguments(k, outer);
        } else if (!filter && (k->token.kind == T_STRING || k->token.kind == T_INTEGER)) {
            node *one[1] = {parse_atom(k)};
            outer->args = list_of(k, NODE_LIST, one, 1)->args;
            outer->n_args = 1;
        }
        n = outer;
    }
    return n;
}

static node *parse_unary(parser *k)
{
    node *n;

    if (++k->depth > CHAT_TEMPLATE_MAX_DEPTH)
        fail(k, "nested too deeply", NULL, 0);
    if (!k->st && take_symbol(k, "-")) {
        n = new_node(k, NODE_NEGATE);
        n->a = parse_unary(k);
    } else if (!k->st) {
        if (is_symbol(k, "+"))
            next_token(k);
        n = parse_filtered(k, parse_postfix(k));
    } else {
        n = new_node(k, NODE_LIST);
    }
    k->depth--;
    return n;
}

static node *binary(parser *k, binary_op op, node *a, node *b)
{
    node *n = new_node(k, NODE_BINARY);

    n->op = op;
    n->a = a;
    n->b = b;
    return n;
}

static node *parse_product(parser *k)
{
    node *n = parse_unary(k);

    while (!k->st) {
        if (take_symbol(k, "*"))
            n = binary(k, OP_MUL, n, parse_unary(k));
        else if (take_symbol(k, "//"))
            n = binary(k, OP_FLOOR_DIV, n, parse_unary(k));
        else if (take_symbol(k, "/"))
            n = binary(k, OP_DIV, n, parse_unary(k));
        else if (take_symbol(k, "%"))
            n = binary(k, OP_MOD, n, parse_unary(k));
        else
            break;
    }
    return n;
}

/* a ~ b binds closer than + in Jinja. */
static node *parse_concat(parser *k)
{
    node *n = parse_product(k);

    while (!k->st && take_symbol(k, "~"))
        n = binary(k, OP_CONCAT, n, parse_product(k));
    return n;
}

static node *parse_sum(parser *k)
{
    node *n = parse_concat(k);

    while (!k->st) {
        if (take_symbol(k, "+"))
            n = binary(k, OP_ADD, n, parse_concat(k));
        else if (take_symbol(k, "-"))
            n = binary(k, OP_SUB, n, parse_concat(k));
        else
            break;
    }
    return n;
}

static node *parse_comparison(parser *k)
{
    static const struct {
        const char *symbol;
        binary_op op;
    } ops[] = {{"==", OP_EQ}, {"!=", OP_NE}, {"<=", OP_LE}, {">=", OP_GE}, {"<", OP_LT}, {">", OP_GT}};
    node *n = parse_sum(k), *chain = NULL;

    while (!k->st) {
        int op = -1;
        node *right, *pair;
        for (size_t i = 0; i < sizeof ops / sizeof *ops && op < 0; i++)
            if (take_symbol(k, ops[i].symbol))
                op = (int)ops[i].op;
        if (op < 0 && take_name(k, "in"))
            op = OP_IN;
        if (op < 0 && is_name(k, "not")) {
            next_token(k);
            if (!take_name(k, "in"))
                fail(k, "\"in\" is missing behind \"not\"", NULL, 0);
            op = OP_NOT_IN;
        }
        if (op < 0)
            break;
        right = parse_sum(k);
        pair = binary(k, (binary_op)op, n, right);
        /* a < b < c means a < b and b < c. */
        if (chain) {
            node *both = new_node(k, NODE_AND);
            both->a = chain;
            both->b = pair;
            pair = both;
        }
        chain = pair;
        n = right;
    }
    return chain ? chain : n;
}

static node *parse_not(parser *k)
{
    node *n;

    if (!is_name(k, "not"))
        return parse_comparison(k);
    next_token(k);
    if (++k->depth > CHAT_TEMPLATE_MAX_DEPTH)
        fail(k, "nested too deeply", NULL, 0);
    n = new_node(k, NODE_NOT);
    if (!k->st)
        n->a = parse_not(k);
    k->depth--;
    return n;
}

static node *parse_and(parser *k)
{
    node *n = parse_not(k);

    while (!k->st && take_name(k, "and")) {
        node *both = new_node(k, NODE_AND);
        both->a = n;
        both->b = parse_not(k);
        n = both;
    }
    return n;
}

static node *parse_or(parser *k)
{
    node *n = parse_and(k);

    while (!k->st && take_name(k, "or")) {
        node *either = new_node(k, NODE_OR);
        either->a = n;
        either->b = parse_and(k);
        n = either;
    }
    return n;
}

static node *parse_expression(parser *k)
{
    node *n;

    if (++k->depth > CHAT_TEMPLATE_MAX_DEPTH)
        fail(k, "nested too deeply", NULL, 0);
    n = k->st ? new_node(k, NODE_LIST) : parse_or(k);
    while (!k->st && take_name(k, "if")) {
        node *choice = new_node(k, NODE_CHOICE);
        choice->a = n;
        choice->b = parse_or(k);
        if (take_name(k, "else"))
            choice->c = parse_expression(k);
        n = choice;
    }
    k->depth--;
    return n;
}

/* ---- statements ---- */

/* Step over the end of a tag and remember what it does to the text behind it. */
static void close_tag(parser *k, bool block)
{
    if (k->st)
        return;
    if (k->token.kind != T_END) {
        fail(k, "unexpected", k->token.text, k->token.len);
        return;
    }
    k->strip_next = *k->p == '-';
    k->trim_next = block && *k->p != '+';
    k->p += *k->p == '-' || *k->p == '+' ? 3 : 2;
}

/* Where the next tag begins, or the end. */
static const char *find_tag(const parser *k)
{
    for (const char *p = k->p; p + 1 < k->end; p++)
        if (*p == '{' && (p[1] == '{' || p[1] == '%' || p[1] == '#'))
            return p;
    return k->end;
}

static void count_lines(parser *k, const char *from, const char *to)
{
    for (; from < to; from++)
        k->line += *from == '\n';
}

/* The text in front of a tag, cut by the rules of white space; NULL when nothing is left. */
static node *take_text(parser *k)
{
    const char *tag = find_tag(k), *a = k->p, *b = tag;
    bool block = tag < k->end && tag[1] != '{';
    node *n;

    if (k->strip_next) {
        while (a < b && isspace((unsigned char)*a))
            a++;
    } else if (k->trim_next && a < b && *a == '\n') {
        a++;
    }
    if (tag + 2 < k->end && tag[2] == '-') {
        while (b > a && isspace((unsigned char)b[-1]))
            b--;
    } else if (block && !(tag + 2 < k->end && tag[2] == '+')) {
        const char *line = b;
        while (line > a && (line[-1] == ' ' || line[-1] == '\t'))
            line--;
        /* Only when nothing but blanks stand before the tag on its line. */
        if (line == k->start || line[-1] == '\n')
            b = line;
    }
    k->strip_next = k->trim_next = false;
    count_lines(k, k->p, tag);
    k->p = tag;
    if (a >= b)
        return NULL;
    n = new_node(k, NODE_TEXT);
    n->text = copy_text(k, a, (size_t)(b - a));
    n->len = (size_t)(b - a);
    return n;
}

static void skip_comment(parser *k)
{
    const char *p = k->p + 2;

    while (p + 1 < k->end && !(p[0] == '#' && p[1] == '}'))
        p++;
    if (p + 1 >= k->end) {
        fail(k, "a comment is not closed", NULL, 0);
        return;
    }
    k->strip_next = p[-1] == '-';
    k->trim_next = true;
    count_lines(k, k->p, p);
    k->p = p + 2;
}

/* Open a tag: its first token is current afterwards. */
static void open_tag(parser *k, const char *close)
{
    k->tag_close = close;
    k->p += 2;
    if (k->p < k->end && (*k->p == '-' || *k->p == '+'))
        k->p++;
    next_token(k);
}

static node *parse_body(parser *k, const char *const *ends, const char **found);

static node *parse_if(parser *k)
{
    static const char *const ends[] = {"elif", "else", "endif", NULL};
    static const char *const last[] = {"endif", NULL};
    node *n = new_node(k, NODE_IF);
    const char *found = NULL;

    n->a = parse_expression(k);
    close_tag(k, true);
    n->body = parse_body(k, ends, &found);
    if (k->st)
        return n;
    if (!strcmp(found, "elif")) {
        if (++k->depth > CHAT_TEMPLATE_MAX_DEPTH)
            fail(k, "nested too deeply", NULL, 0);
        else
            n->other = parse_if(k); /* takes the endif too */
        k->depth--;
        return n;
    }
    close_tag(k, true);
    if (!strcmp(found, "else")) {
        n->other = parse_body(k, last, &found);
        close_tag(k, true);
    }
    return n;
}

static node *parse_for(parser *k)
{
    static const char *const ends[] = {"else", "endfor", NULL};
    static const char *const last[] = {"endfor", NULL};
    node *n = new_node(k, NODE_FOR);
    const char *names[16], *found = NULL;
    bool parenthesis = take_symbol(k, "(");

    do {
        if (n->n_names < 16)
            names[n->n_names++] = need_identifier(k);
        else
            fail(k, "too many names in a loop", NULL, 0);
    } while (!k->st && take_symbol(k, ","));
    if (parenthesis)
        need_symbol(k, ")");
    n->names = arena_calloc(&k->t->memory, 16, sizeof *n->names);
    if (n->names)
        memcpy(n->names, names, n->n_names * sizeof *names);
    if (!take_name(k, "in"))
        fail(k, "\"in\" is missing before", k->token.text, k->token.len ? k->token.len : 2);
    n->a = parse_or(k); /* without the inline if, whose word here begins the filter */
    if (take_name(k, "if"))
        n->b = parse_expression(k);
    if (is_name(k, "recursive"))
        fail(k, "recursive loops are not known", NULL, 0);
    close_tag(k, true);
    n->body = parse_body(k, ends, &found);
    close_tag(k, true);
    if (!k->st && !strcmp(found, "else")) {
        n->other = parse_body(k, last, &found);
        close_tag(k, true);
    }
    return n;
}

static node *parse_set(parser *k)
{
    static const char *const ends[] = {"endset", NULL};
    const char *found;
    node *n = new_node(k, NODE_SET);

    n->a = parse_postfix(k);
    if (!k->st && n->a->kind != NODE_NAME && n->a->kind != NODE_ATTR)
        fail(k, "only a name or an attribute can be set", NULL, 0);
    if (take_symbol(k, "=")) {
        n->b = parse_expression(k);
        close_tag(k, true);
        return n;
    }
    n->kind = NODE_SET_BLOCK;
    close_tag(k, true);
    n->body = parse_body(k, ends, &found);
    close_tag(k, true);
    return n;
}

static node *parse_macro(parser *k)
{
    static const char *const ends[] = {"endmacro", NULL};
    const char *names[MAX_ARGS], *found;
    node *defaults[MAX_ARGS] = {NULL}, *n = new_node(k, NODE_MACRO);
    size_t count = 0;

    n->text = need_identifier(k);
    need_symbol(k, "(");
    while (!k->st && !is_symbol(k, ")") && room(k, count)) {
        names[count] = need_identifier(k);
        if (take_symbol(k, "="))
            defaults[count] = parse_expression(k);
        count++;
        if (!take_symbol(k, ","))
            break;
    }
    need_symbol(k, ")");
    close_tag(k, true);
    n->args = list_of(k, NODE_LIST, defaults, count)->args;
    n->names = arena_calloc(&k->t->memory, count + 1, sizeof *n->names);
    if (n->names && count)
        memcpy(n->names, names, count * sizeof *names);
    n->n_names = n->n_args = count;
    n->body = parse_body(k, ends, &found);
    close_tag(k, true);
    return n;
}

static node *parse_statement(parser *k)
{
    static const char *const generation[] = {"endgeneration", NULL};
    const char *found;
    token t = k->token;
    node *n;

    if (t.kind != T_NAME) {
        fail(k, "a statement is missing", NULL, 0);
        return new_node(k, NODE_BLOCK);
    }
    next_token(k);
    if (is_text(&t, T_NAME, "if"))
        return parse_if(k);
    if (is_text(&t, T_NAME, "for"))
        return parse_for(k);
    if (is_text(&t, T_NAME, "set"))
        return parse_set(k);
    if (is_text(&t, T_NAME, "macro"))
        return parse_macro(k);
    if (is_text(&t, T_NAME, "break") || is_text(&t, T_NAME, "continue")) {
        n = new_node(k, is_text(&t, T_NAME, "break") ? NODE_BREAK : NODE_CONTINUE);
        close_tag(k, true);
        return n;
    }
    if (is_text(&t, T_NAME, "generation")) {
        n = new_node(k, NODE_BLOCK);
        close_tag(k, true);
        n->body = parse_body(k, generation, &found);
        close_tag(k, true);
        return n;
    }
    fail(k, "unknown statement", t.text, t.len);
    return new_node(k, NODE_BLOCK);
}

/* Statements up to a tag whose word is in `ends` (*found says which; its tag is open behind the
 * word), or up to the end of the text where ends is NULL. */
static node *parse_body(parser *k, const char *const *ends, const char **found)
{
    node *first = NULL, **last = &first;

    if (++k->depth > CHAT_TEMPLATE_MAX_DEPTH)
        fail(k, "nested too deeply", NULL, 0);
    while (!k->st) {
        node *n = take_text(k);
        if (n) {
            *last = n;
            last = &n->next;
        }
        if (k->p >= k->end) {
            if (ends)
                fail(k, "missing at the end:", ends[0], strlen(ends[0]));
            break;
        }
        if (k->p[1] == '#') {
            skip_comment(k);
            continue;
        }
        if (k->p[1] == '{') {
            open_tag(k, "}}");
            n = new_node(k, NODE_OUTPUT);
            n->a = parse_expression(k);
            close_tag(k, false);
        } else {
            open_tag(k, "%}");
            for (size_t i = 0; ends && ends[i]; i++) {
                if (is_name(k, ends[i])) {
                    *found = ends[i];
                    next_token(k);
                    k->depth--;
                    return first;
                }
            }
            n = parse_statement(k);
        }
        *last = n;
        last = &n->next;
    }
    k->depth--;
    return first;
}

cairn_status chat_template_compile(chat_template **out, const char *jinja, size_t len,
                                   cairn_error *err)
{
    chat_template *t;
    parser k = {.line = 1, .err = err};
    const char *found;

    *out = NULL;
    if (len > CHAT_TEMPLATE_MAX_TEXT)
        return cairn_fail(err, CAIRN_ELIMIT, "the chat template is longer than %zu bytes",
                          CHAT_TEMPLATE_MAX_TEXT);
    t = calloc(1, sizeof *t);
    if (!t)
        return cairn_fail(err, CAIRN_ENOMEM, "chat template");
    arena_init(&t->memory, TREE_BYTES);
    t->literals = json_array();
    /* keep_trailing_newline is off: one line break at the very end goes. */
    if (len && jinja[len - 1] == '\n')
        len--;
    k.t = t;
    k.start = k.p = arena_strndup(&t->memory, jinja, len);
    if (!t->literals || !k.p) {
        chat_template_destroy(t);
        return cairn_fail(err, CAIRN_ENOMEM, "chat template");
    }
    k.end = k.p + len;
    t->root = parse_body(&k, NULL, &found);
    if (k.st) {
        chat_template_destroy(t);
        return k.st;
    }
    *out = t;
    return CAIRN_OK;
}

void chat_template_destroy(chat_template *t)
{
    if (!t)
        return;
    json_decref(t->literals);
    arena_clear(&t->memory);
    free(t);
}
