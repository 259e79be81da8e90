/* ast.h - a compiled chat template: a tree of nodes in one arena. Private to this folder.
 *
 * Statements are linked by `next`. Expressions hang on a, b, c and args. Names and strings borrow
 * from the arena. */
#ifndef CAIRN_GENERATE_TEMPLATE_AST_H
#define CAIRN_GENERATE_TEMPLATE_AST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "generate/template/chat_template.h"

typedef enum node_kind {
    /* statements */
    NODE_TEXT,      /* text */
    NODE_OUTPUT,    /* a */
    NODE_IF,        /* a: condition, body, other */
    NODE_FOR,       /* names[0..n_names), a: iterable, b: filter or NULL, body, other */
    NODE_SET,       /* a: target (name or attribute), b: value */
    NODE_SET_BLOCK, /* a: target, body */
    NODE_MACRO,     /* text: name, names: parameters, args: defaults (NULL entries), body */
    NODE_BREAK,
    NODE_CONTINUE,
    NODE_BLOCK, /* body: a tag pair without meaning here, such as {% generation %} */
    /* expressions */
    NODE_LITERAL, /* literal */
    NODE_NAME,    /* text */
    NODE_LIST,    /* args */
    NODE_DICT,    /* args: key, value, key, value */
    NODE_ATTR,    /* a.text */
    NODE_INDEX,   /* a[b] */
    NODE_SLICE,   /* a[args[0]:args[1]:args[2]], NULL where left out */
    NODE_CALL,    /* a(args); keywords[i] names args[i] or is NULL */
    NODE_FILTER,  /* a | op(args) */
    NODE_TEST,    /* a is op(args); negated */
    NODE_NOT,     /* not a */
    NODE_NEGATE,  /* -a */
    NODE_AND,
    NODE_OR,
    NODE_BINARY, /* a op b; op is a token kind of parse.c */
    NODE_CHOICE, /* a if b else c (c NULL: nothing) */
} node_kind;

typedef enum binary_op {
    OP_ADD,
    OP_SUB,
    OP_MUL,
    OP_DIV,
    OP_FLOOR_DIV,
    OP_MOD,
    OP_CONCAT,
    OP_EQ,
    OP_NE,
    OP_LT,
    OP_LE,
    OP_GT,
    OP_GE,
    OP_IN,
    OP_NOT_IN,
} binary_op;

typedef struct node node;
struct node {
    node_kind kind;
    int line;
    int op; /* binary_op, or the index of a filter or test in its table */
    bool negated;
    const char *text;
    size_t len;
    json_t *literal; /* owned by the template */
    node *a, *b, *c;
    node **args;
    const char **keywords;
    size_t n_args;
    const char **names;
    size_t n_names;
    node *body, *other, *next;
};

struct chat_template {
    arena memory;
    node *root;
    json_t *literals; /* an array that keeps every literal alive */
};

/* Names the interpreter knows (eval.c): the index, or -1. */
int template_find_filter(const char *name, size_t len);
int template_find_test(const char *name, size_t len);

#endif
