/* eval.c - expressions. Jinja's rules: an attribute is looked up as a key, a missing one is undefined,
 * and anything done to undefined except testing and printing it is an error. */
#include "generate/template/eval.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"

json_t *eval_fail(evaluation *e, cairn_status code, const char *fmt, ...)
{
    if (!e->st) {
        char text[256];
        va_list ap;
        va_start(ap, fmt);
        vsnprintf(text, sizeof text, fmt, ap);
        va_end(ap);
        e->st = cairn_fail(e->err, code, "chat template, line %d: %s", e->line, text);
    }
    return NULL;
}

json_t *eval_keep(evaluation *e, json_t *v)
{
    if (!v || json_array_append_new(e->keep, v))
        return eval_fail(e, CAIRN_ENOMEM, "memory ran out");
    return v;
}

json_t *eval_string(evaluation *e, const char *s, size_t len)
{
    e->made += len;
    if (e->made > CHAT_TEMPLATE_MAX_WORK)
        return eval_fail(e, CAIRN_ELIMIT, "the texts became too long");
    return eval_keep(e, json_stringn(s, len));
}

json_t *eval_take(evaluation *e, bytes *text)
{
    json_t *v = eval_string(e, text->data ? text->data : "", text->len);

    bytes_clear(text);
    return v;
}

static json_t *lookup(evaluation *e, const char *name)
{
    for (const scope *s = e->scope; s; s = s->up) {
        json_t *v = json_object_get(s->vars, name);
        if (v)
            return v;
    }
    return NULL;
}

json_t *eval_attribute(evaluation *e, json_t *of, const char *name, size_t len)
{
    if (!of)
        return eval_fail(e, CAIRN_EINPUT, "an undefined value has no \"%.*s\"", (int)len, name);
    return json_is_object(of) ? json_object_getn(of, name, len) : NULL;
}

/* Code points of a string as byte offsets: s[i] begins at the result. */
static size_t code_point_offset(const char *s, size_t len, size_t i)
{
    size_t at = 0;

    while (i-- && at < len) {
        uint32_t cp;
        at += utf8_decode(s + at, len - at, &cp, NULL);
    }
    return at;
}

static json_int_t length_of(const json_t *v)
{
    if (json_is_string(v))
        return (json_int_t)utf8_length(json_string_value(v), json_string_length(v));
    return (json_int_t)json_array_size(v);
}

static json_t *slice_piece(evaluation *e, json_t *of, json_int_t from, json_int_t to)
{
    if (json_is_string(of)) {
        const char *s = json_string_value(of);
        size_t len = json_string_length(of);
        size_t a = code_point_offset(s, len, (size_t)from);
        size_t b = code_point_offset(s, len, (size_t)to);
        return eval_string(e, s + a, b - a);
    }
    json_t *list = eval_keep(e, json_array());
    for (json_int_t i = from; list && i < to; i++)
        json_array_append(list, json_array_get(of, (size_t)i));
    return list;
}

static json_t *eval_index(evaluation *e, const node *n)
{
    json_t *of = eval_node(e, n->a), *at = eval_node(e, n->b);
    json_int_t i, len;

    if (e->st)
        return NULL;
    if (!of)
        return eval_fail(e, CAIRN_EINPUT, "an undefined value cannot be indexed");
    if (json_is_object(of) && json_is_string(at))
        return json_object_getn(of, json_string_value(at), json_string_length(at));
    if (!json_is_integer(at) || !(json_is_array(of) || json_is_string(of)))
        return NULL;
    i = json_integer_value(at);
    len = length_of(of);
    if (i < 0)
        i += len;
    if (i < 0 || i >= len)
        return NULL;
    if (json_is_array(of))
        return json_array_get(of, (size_t)i);
    return slice_piece(e, of, i, i + 1);
}

/* A bound of a slice as Python clips it. */
static json_int_t clip(const json_t *v, json_int_t absent, json_int_t len, json_int_t least,
                       json_int_t most)
{
    json_int_t i = absent;

    if (json_is_integer(v)) {
        i = json_integer_value(v);
        if (i < 0)
            i += len;
    }
    return i < least ? least : i > most ? most : i;
}

static json_t *eval_slice(evaluation *e, const node *n)
{
    json_t *of = eval_node(e, n->a), *part[3] = {NULL, NULL, NULL}, *list;
    json_int_t len, step = 1, from, to;

    for (int i = 0; i < 3; i++)
        if (n->args[i])
            part[i] = eval_node(e, n->args[i]);
    if (e->st)
        return NULL;
    if (!json_is_array(of) && !json_is_string(of))
        return eval_fail(e, CAIRN_EINPUT, "%s cannot be sliced", value_type_name(of));
    if (json_is_integer(part[2]))
        step = json_integer_value(part[2]);
    len = length_of(of);
    if (step == 1) {
        from = clip(part[0], 0, len, 0, len);
        to = clip(part[1], len, len, 0, len);
        return slice_piece(e, of, from, to < from ? from : to);
    }
    if (!step || json_is_string(of))
        return eval_fail(e, CAIRN_EINPUT, "this slice step has no meaning here");
    from = step > 0 ? clip(part[0], 0, len, 0, len) : clip(part[0], len - 1, len, -1, len - 1);
    to = step > 0 ? clip(part[1], len, len, 0, len)
                  : json_is_integer(part[1]) ? clip(part[1], 0, len, -1, len - 1) : -1;
    list = eval_keep(e, json_array());
    for (json_int_t i = from; list && (step > 0 ? i < to : i > to); i += step)
        json_array_append(list, json_array_get(of, (size_t)i));
    return list;
}

static bool contains(evaluation *e, const json_t *part, const json_t *whole)
{
    size_t i;
    const json_t *item;

    if (json_is_string(whole) && json_is_string(part))
        return memmem(json_string_value(whole), json_string_length(whole), json_string_value(part),
                      json_string_length(part)) != NULL;
    if (json_is_object(whole))
        return json_is_string(part) && json_object_getn(whole, json_string_value(part),
                                                        json_string_length(part));
    if (!json_is_array(whole)) {
        eval_fail(e, CAIRN_EINPUT, "\"in\" has no meaning for %s", value_type_name(whole));
        return false;
    }
    json_array_foreach(whole, i, item)
        if (value_equal(item, part))
            return true;
    return false;
}

static json_t *arithmetic(evaluation *e, int op, const json_t *a, const json_t *b)
{
    double x = json_number_value(a), y = json_number_value(b);
    json_int_t i = json_integer_value(a), j = json_integer_value(b), r = 0;
    bool whole = json_is_integer(a) && json_is_integer(b) && op != OP_DIV;

    if (!json_is_number(a) || !json_is_number(b))
        return eval_fail(e, CAIRN_EINPUT, "no arithmetic between %s and %s", value_type_name(a),
                         value_type_name(b));
    if ((op == OP_DIV || op == OP_FLOOR_DIV || op == OP_MOD) && y == 0)
        return eval_fail(e, CAIRN_EINPUT, "division by zero");
    if (!whole) {
        double v = op == OP_ADD   ? x + y
                   : op == OP_SUB ? x - y
                   : op == OP_MUL ? x * y
                   : op == OP_DIV ? x / y
                   : op == OP_FLOOR_DIV ? floor(x / y)
                                        : x - y * floor(x / y);
        return eval_keep(e, json_real(v));
    }
    if (op == OP_ADD ? __builtin_add_overflow(i, j, &r)
        : op == OP_SUB ? __builtin_sub_overflow(i, j, &r)
        : op == OP_MUL ? __builtin_mul_overflow(i, j, &r)
                       : (j == -1 && __builtin_sub_overflow(0, i, &r)))
        return eval_fail(e, CAIRN_EINPUT, "a number is too large");
    if (op == OP_FLOOR_DIV) {
        r = j == -1 ? -i : i / j;
        if (j != -1 && i % j && (i % j < 0) != (j < 0))
            r--;
    } else if (op == OP_MOD) {
        r = j == -1 ? 0 : i % j;
        if (r && (r < 0) != (j < 0))
            r += j;
    }
    return eval_keep(e, json_integer(r));
}

static json_t *concat(evaluation *e, const json_t *a, const json_t *b)
{
    bytes text;

    bytes_init(&text, CHAT_TEMPLATE_MAX_OUTPUT);
    if (value_print(a, &text) || value_print(b, &text)) {
        bytes_clear(&text);
        return eval_fail(e, CAIRN_ELIMIT, "a text became too long");
    }
    return eval_take(e, &text);
}

static json_t *eval_binary(evaluation *e, const node *n)
{
    json_t *a = eval_node(e, n->a), *b = eval_node(e, n->b), *list;
    int order;

    if (e->st)
        return NULL;
    switch (n->op) {
    case OP_EQ:
        return json_boolean(value_equal(a, b));
    case OP_NE:
        return json_boolean(!value_equal(a, b));
    case OP_IN:
        return json_boolean(contains(e, a, b));
    case OP_NOT_IN:
        return json_boolean(!contains(e, a, b));
    case OP_CONCAT:
        return concat(e, a, b);
    case OP_LT:
    case OP_LE:
    case OP_GT:
    case OP_GE:
        if (!value_compare(a, b, &order))
            return eval_fail(e, CAIRN_EINPUT, "%s and %s have no order", value_type_name(a),
                             value_type_name(b));
        return json_boolean(n->op == OP_LT   ? order < 0
                            : n->op == OP_LE ? order <= 0
                            : n->op == OP_GT ? order > 0
                                             : order >= 0);
    default:
        break;
    }
    if (n->op == OP_ADD && json_is_string(a) && json_is_string(b))
        return concat(e, a, b);
    if (n->op == OP_ADD && json_is_array(a) && json_is_array(b)) {
        list = eval_keep(e, json_copy(a));
        if (list)
            json_array_extend(list, b);
        return list;
    }
    return arithmetic(e, n->op, a, b);
}

void eval_arguments(evaluation *e, const node *n, call_args *out)
{
    *out = (call_args){.of = n};
    if (n->n_args > 16) {
        eval_fail(e, CAIRN_EINPUT, "too many arguments");
        return;
    }
    for (size_t i = 0; i < n->n_args && !e->st; i++) {
        json_t *v = eval_node(e, n->args[i]);
        if (n->keywords && n->keywords[i])
            out->named[i] = v;
        else
            out->positional[out->n++] = v;
    }
}

json_t *eval_argument(const call_args *a, size_t i, const char *name)
{
    if (i < a->n)
        return a->positional[i];
    for (size_t k = 0; name && a->of->keywords && k < a->of->n_args; k++)
        if (a->of->keywords[k] && !strcmp(a->of->keywords[k], name))
            return a->named[k];
    return NULL;
}

/* ---- functions ---- */

static json_t *call_range(evaluation *e, const call_args *a)
{
    json_int_t v[3] = {0, 0, 1};
    json_t *list;

    for (size_t i = 0; i < a->n && i < 3; i++) {
        if (!json_is_integer(a->positional[i]))
            return eval_fail(e, CAIRN_EINPUT, "range takes whole numbers");
        v[i] = json_integer_value(a->positional[i]);
    }
    if (a->n == 1) {
        v[1] = v[0];
        v[0] = 0;
    }
    if (!a->n || !v[2])
        return eval_fail(e, CAIRN_EINPUT, "range takes one to three numbers");
    list = eval_keep(e, json_array());
    for (json_int_t i = v[0]; list && (v[2] > 0 ? i < v[1] : i > v[1]); i += v[2]) {
        if (json_array_size(list) >= 100000)
            return eval_fail(e, CAIRN_ELIMIT, "a range is too long");
        json_array_append_new(list, json_integer(i));
    }
    return list;
}

/* namespace(a=1) and dict(a=1): an object with these keys. */
static json_t *call_dict(evaluation *e, const call_args *a)
{
    json_t *v = eval_keep(e, a->n && json_is_object(a->positional[0]) ? json_copy(a->positional[0])
                                                                      : json_object());

    for (size_t i = 0; v && a->of->keywords && i < a->of->n_args; i++)
        if (a->of->keywords[i] && a->named[i])
            json_object_set(v, a->of->keywords[i], a->named[i]);
    return v;
}

static json_t *call_function(evaluation *e, const char *name, const call_args *a)
{
    for (const macro_entry *m = e->macros; m; m = m->next)
        if (!strcmp(m->macro->text, name))
            return render_macro(e, m->macro, a);
    if (!strcmp(name, "range"))
        return call_range(e, a);
    if (!strcmp(name, "namespace") || !strcmp(name, "dict"))
        return call_dict(e, a);
    if (!strcmp(name, "raise_exception")) {
        const json_t *text = eval_argument(a, 0, "message");
        return eval_fail(e, CAIRN_EINPUT, "%s",
                         json_is_string(text) ? json_string_value(text) : "the template refused");
    }
    return eval_fail(e, CAIRN_EMODEL, "unknown function \"%s\"", name);
}

static json_t *eval_call(evaluation *e, const node *n)
{
    call_args a;
    json_t *of;

    if (n->a->kind == NODE_NAME) {
        eval_arguments(e, n, &a);
        return e->st ? NULL : call_function(e, n->a->text, &a);
    }
    if (n->a->kind != NODE_ATTR)
        return eval_fail(e, CAIRN_EMODEL, "only functions and methods can be called");
    of = eval_node(e, n->a->a);
    eval_arguments(e, n, &a);
    if (e->st)
        return NULL;
    if (!of)
        return eval_fail(e, CAIRN_EINPUT, "an undefined value has no \"%s\"", n->a->text);
    return eval_method(e, of, n->a->text, &a);
}

/* ---- all of them ---- */

static json_t *eval_container(evaluation *e, const node *n)
{
    json_t *v = eval_keep(e, n->kind == NODE_LIST ? json_array() : json_object());

    for (size_t i = 0; v && !e->st && i < n->n_args; i++) {
        json_t *item = eval_node(e, n->args[i]);
        if (n->kind == NODE_LIST) {
            json_array_append(v, item ? item : json_null());
        } else {
            json_t *value = eval_node(e, n->args[++i]);
            if (!json_is_string(item))
                return eval_fail(e, CAIRN_EINPUT, "a key must be a string");
            json_object_setn(v, json_string_value(item), json_string_length(item),
                             value ? value : json_null());
        }
    }
    return v;
}

static json_t *eval_negate(evaluation *e, const node *n)
{
    json_t *v = eval_node(e, n->a);

    if (json_is_real(v))
        return eval_keep(e, json_real(-json_real_value(v)));
    if (json_is_integer(v) && json_integer_value(v) != INT64_MIN)
        return eval_keep(e, json_integer(-json_integer_value(v)));
    return eval_fail(e, CAIRN_EINPUT, "%s cannot be negated", value_type_name(v));
}

static json_t *eval_applied(evaluation *e, const node *n)
{
    json_t *v = eval_node(e, n->a);
    call_args a;

    eval_arguments(e, n, &a);
    if (e->st)
        return NULL;
    if (n->kind == NODE_FILTER)
        return eval_filter(e, n->op, v, &a);
    return json_boolean(eval_test(e, n->op, v, &a) != n->negated);
}

static json_t *eval_any(evaluation *e, const node *n)
{
    json_t *v;

    switch (n->kind) {
    case NODE_LITERAL:
        return n->literal;
    case NODE_NAME:
        return lookup(e, n->text);
    case NODE_LIST:
    case NODE_DICT:
        return eval_container(e, n);
    case NODE_ATTR:
        v = eval_node(e, n->a);
        return e->st ? NULL : eval_attribute(e, v, n->text, strlen(n->text));
    case NODE_INDEX:
        return eval_index(e, n);
    case NODE_SLICE:
        return eval_slice(e, n);
    case NODE_CALL:
        return eval_call(e, n);
    case NODE_FILTER:
    case NODE_TEST:
        return eval_applied(e, n);
    case NODE_NOT:
        return json_boolean(!value_is_true(eval_node(e, n->a)));
    case NODE_NEGATE:
        return eval_negate(e, n);
    case NODE_AND:
        v = eval_node(e, n->a);
        return value_is_true(v) ? eval_node(e, n->b) : v;
    case NODE_OR:
        v = eval_node(e, n->a);
        return value_is_true(v) ? v : eval_node(e, n->b);
    case NODE_BINARY:
        return eval_binary(e, n);
    case NODE_CHOICE:
        if (value_is_true(eval_node(e, n->b)))
            return eval_node(e, n->a);
        return n->c ? eval_node(e, n->c) : NULL;
    default:
        return eval_fail(e, CAIRN_EMODEL, "a statement stands where a value should");
    }
}

json_t *eval_node(evaluation *e, const node *n)
{
    json_t *v;

    if (e->st)
        return NULL;
    if (++e->steps > CHAT_TEMPLATE_MAX_STEPS)
        return eval_fail(e, CAIRN_ELIMIT, "the template ran too long");
    if (++e->depth > 4 * CHAT_TEMPLATE_MAX_DEPTH)
        return eval_fail(e, CAIRN_ELIMIT, "calls are nested too deeply");
    e->line = n->line;
    v = eval_any(e, n);
    e->depth--;
    return e->st ? NULL : v;
}
