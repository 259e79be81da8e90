/* eval.h - the running template: shared by the statements (render.c), the operators (eval.c) and
 * the library of filters, tests and methods (library.c). Private to this folder. */
#ifndef CAIRN_GENERATE_TEMPLATE_EVAL_H
#define CAIRN_GENERATE_TEMPLATE_EVAL_H

#include "generate/template/ast.h"
#include "generate/template/value.h"

typedef struct scope scope;
struct scope {
    scope *up;
    json_t *vars; /* owned */
};

typedef struct macro_entry {
    const node *macro;
    struct macro_entry *next;
} macro_entry;

typedef enum jump { JUMP_NONE, JUMP_BREAK, JUMP_CONTINUE } jump;

typedef struct evaluation {
    const chat_template *t;
    bytes *out;
    json_t *keep; /* an array that owns every value made on the way */
    scope *scope;
    macro_entry *macros;
    arena memory; /* of macro entries */
    size_t steps;
    size_t made; /* bytes of the strings in keep */
    int depth;
    jump jump;
    int line;
    cairn_status st;
    cairn_error *err;
} evaluation;

/* Arguments of a call, evaluated. */
typedef struct call_args {
    json_t *positional[16];
    size_t n;
    const node *of; /* for keywords */
    json_t *named[16];
} call_args;

/* Record the first failure; returns NULL (undefined) so that `return eval_fail(...)` reads well. */
json_t *eval_fail(evaluation *e, cairn_status code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* Own a new value until the end; NULL is an allocation failure. */
json_t *eval_keep(evaluation *e, json_t *v);
json_t *eval_string(evaluation *e, const char *s, size_t len);
/* Take what is in `text` as a new string and clear it. */
json_t *eval_take(evaluation *e, bytes *text);

json_t *eval_node(evaluation *e, const node *n);
json_t *eval_attribute(evaluation *e, json_t *of, const char *name, size_t len);
void eval_arguments(evaluation *e, const node *n, call_args *out);
/* Argument i, or by name; NULL when it was not given. */
json_t *eval_argument(const call_args *a, size_t i, const char *name);

json_t *eval_filter(evaluation *e, int filter, json_t *v, const call_args *a);
bool eval_test(evaluation *e, int test, json_t *v, const call_args *a);
json_t *eval_method(evaluation *e, json_t *of, const char *name, const call_args *a);

/* Statements up to the end of the list or a jump. */
void render_nodes(evaluation *e, const node *n);
json_t *render_macro(evaluation *e, const node *macro, const call_args *a);

#endif
