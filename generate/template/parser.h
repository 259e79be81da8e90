/* parser.h - a chat template's text being read: what tokens.c, expressions.c and parse.c share.
 *
 * The first thing that goes wrong is kept in `st` and `err`; from there on every function returns
 * NULL or false and reads nothing more. Nodes and names live in the template's arena. */
#ifndef CAIRN_GENERATE_TEMPLATE_PARSER_H
#define CAIRN_GENERATE_TEMPLATE_PARSER_H

#include "generate/template/ast.h"

typedef enum token_kind {
    TOKEN_END,
    TOKEN_NAME,
    TOKEN_STRING,
    TOKEN_INTEGER,
    TOKEN_FLOAT,
    TOKEN_OP
} token_kind;

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
    char op[3];       /* of TOKEN_OP */
    const char *text; /* of a name or string */
    size_t text_len;
    double number;
    json_int_t integer;
    /* how the last tag ended */
    bool eat_all, eat_newline, line_start;
    cairn_status st;
    cairn_error *err;
} parser;

/* ---- tokens.c: nodes, and the words of a tag ---- */

/* Note what is wrong, with the line and a name where there is one. Always NULL. */
node *parse_fail(parser *p, const char *what, const char *name);
node *parse_no_memory(parser *p);

node *parse_node(parser *p, node_kind kind);
bool parse_push(parser *p, node_list *l, node *n);
bool parse_push_name(parser *p, node *n, const char *name);

/* A node of the value, which is taken over also where that fails. */
node *parse_constant(parser *p, json_t *v);

/* One nesting more, refused beyond CHAT_TEMPLATE_MAX_DEPTH; the caller takes it back from p->depth.
 */
bool parse_enter(parser *p);

/* The character `ahead` of the place, or 0. */
char token_peek(const parser *p, size_t ahead);

/* Read the next token of the tag; TOKEN_END behind its last. */
void token_next(parser *p);

bool token_is_op(const parser *p, const char *op);
bool token_is_name(const parser *p, const char *name);
bool token_accept_op(parser *p, const char *op);
bool token_accept_name(parser *p, const char *name);
bool token_expect_op(parser *p, const char *op);
const char *token_expect_name(parser *p);

/* ---- expressions.c ---- */

node *parse_expression(parser *p);

/* What stands between "or"s, or (is_or false) between "and"s: an expression without "if". */
node *parse_and_or(parser *p, bool is_or);

#endif
