/* ast.h - what a chat template is after parsing; only the files of this folder include it.
 *
 * parse.c       text -> nodes, refusing what is unknown by name; expressions.c and tokens.c are its parts
 * render.c      nodes + messages -> prompt
 * operations.c  elements, items, slices and operators of values; filters.c filters, tests and methods
 * values.c      values as text: str(), repr() and json.dumps() of Python
 *
 * A value is a json_t. Jinja's "undefined" is one immortal json_t of its own (TEMPLATE_UNDEFINED),
 * which is a JSON null to jansson and told apart by its address. */
#ifndef CAIRN_GENERATE_TEMPLATE_AST_H
#define CAIRN_GENERATE_TEMPLATE_AST_H

#include <stdint.h>

#include "base/arena.h"
#include "generate/template/chat_template.h"

typedef enum node_kind {
    /* statements */
    NODE_TEXT,     /* value */
    NODE_OUTPUT,   /* a */
    NODE_IF,       /* a condition, body, orelse */
    NODE_FOR,      /* names; a iterable, b filter or NULL; body, orelse */
    NODE_SET,      /* names[0] (and names[1]: attribute of a namespace); a value, or NULL: body */
    NODE_MACRO,    /* name; names parameters, list defaults (NULL: none); body */
    NODE_BREAK,
    NODE_CONTINUE,
    NODE_BLOCK,    /* body only */
    /* expressions */
    NODE_CONST,    /* value */
    NODE_NAME,     /* name */
    NODE_LIST,     /* list */
    NODE_DICT,     /* list: key, value, key, value */
    NODE_ATTR,     /* a . name */
    NODE_ITEM,     /* a [ b ] */
    NODE_SLICE,    /* a [ b : c : d ], each may be NULL */
    NODE_CALL,     /* name ( list, names ): a global function or a macro */
    NODE_METHOD,   /* a . name ( list, names ); op: its number */
    NODE_FILTER,   /* a | name ( list, names ); op */
    NODE_TEST,     /* a is name ( list ); op */
    NODE_NOT,
    NODE_NEGATE,
    NODE_AND,
    NODE_OR,
    NODE_BINARY,   /* op '+' '-' '*' '/' '%' '~' 'f' (//) */
    NODE_COMPARE,  /* a, then list[i] compared by ops[i] */
    NODE_COND      /* a if b else c (c may be NULL) */
} node_kind;

typedef struct node node;

typedef struct node_list {
    node **v;
    size_t n, cap;
} node_list;

struct node {
    node_kind kind;
    uint32_t line;
    int op;
    const char *name; /* NUL-terminated */
    json_t *value;
    node *a, *b, *c, *d;
    node_list list, body, orelse;
    const char **names; /* [n_names]; for calls: the keyword of list[i] or NULL */
    size_t n_names;
    const char *ops; /* of a comparison: '=' '!' '<' '>' 'l' (<=) 'g' (>=) 'i' (in) 'n' (not in) */
};

struct chat_template {
    char *text;
    arena nodes;
    node_list body;
    node_list macros;
    json_t *constants; /* array that keeps every constant alive */
};

extern json_t template_undefined;
#define TEMPLATE_UNDEFINED (&template_undefined)

/* Numbers of filters, tests and methods by name, or -1. */
int template_filter_find(const char *name);
int template_test_find(const char *name);
int template_method_find(const char *name);
bool template_function_known(const char *name);

/* values.c: append the value as Python's str(), repr() or json.dumps(ensure_ascii=False). An indent
 * below 0 means one line. False: out of memory or limits, or (dumps) undefined inside. */
bool template_str(bytes *out, const json_t *v);
bool template_repr(bytes *out, const json_t *v);
bool template_dumps(bytes *out, const json_t *v, int indent, int level);
bool template_truth(const json_t *v);
bool template_equal(const json_t *a, const json_t *b);
bool template_is_number(const json_t *v); /* bool counts, as in Python */
double template_number(const json_t *v);

/* operations.c and filters.c. Arguments are borrowed; keywords are looked up by name. A result is a new
 * reference, or NULL with a sentence in *why (static or in why_text). */
typedef struct call_args {
    json_t **v;
    const char **names; /* NULL entries are positional */
    size_t n;
} call_args;

typedef struct operation_error {
    cairn_status st; /* CAIRN_EINPUT unless memory or a limit is the reason */
    char text[200];
} operation_error;

json_t *template_filter(int op, json_t *v, const call_args *args, operation_error *e);
int template_test(int op, json_t *v, const call_args *args, operation_error *e); /* -1: error */
json_t *template_method(int op, json_t *v, const call_args *args, operation_error *e);
json_t *template_binary(int op, json_t *a, json_t *b, operation_error *e);
int template_compare(int op, json_t *a, json_t *b, operation_error *e); /* -1: error */
json_t *template_item(json_t *v, const json_t *key, operation_error *e);
json_t *template_slice(json_t *v, json_t *from, json_t *to, json_t *step, operation_error *e);
json_t *template_string(const char *s, size_t len);
/* The elements of a value to iterate over: a new array (characters of a string, keys of a dict). */
json_t *template_elements(json_t *v, operation_error *e);

#endif
