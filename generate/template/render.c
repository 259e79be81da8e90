/* render.c - walk a template's nodes with the messages in hand.
 *
 * Variables live on one stack of frames. A for loop's turn, a set block and a macro's call open a
 * frame; if does not. `set` writes to the innermost frame, as in Jinja, so nothing leaks out of a
 * loop except through a namespace. A macro sees the outermost frame and its own.
 *
 * Every evaluated node counts against CHAT_TEMPLATE_MAX_STEPS, nesting is bounded, so a hostile
 * template ends with CAIRN_ELIMIT. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/checked.h"
#include "generate/template/ast.h"

typedef struct variable {
    const char *name;
    json_t *value;     /* owned */
    const node *macro; /* what the name calls, or NULL */
} variable;

typedef enum flow { FLOW_ON, FLOW_BREAK, FLOW_CONTINUE } flow;

typedef struct render {
    const chat_template *t;
    bytes *out;
    variable *vars;
    size_t n_vars, cap_vars;
    size_t frame;     /* where the innermost frame begins */
    size_t outermost; /* where the first frame above the global one begins, or SIZE_MAX */
    size_t globals;   /* the outermost frame's end, while in a macro; else SIZE_MAX */
    size_t base;      /* where the macro's own frames begin */
    json_t *spaces;   /* array of the namespaces, told from dicts by identity */
    size_t steps, work;
    unsigned depth;
    flow flow;
    cairn_status st;
    cairn_error *err;
} render;

static json_t *evaluate(render *r, const node *n);
static bool run(render *r, const node_list *l);

static json_t *fail(render *r, cairn_status st, uint32_t line, const char *what, const char *name)
{
    if (!r->st)
        r->st = cairn_fail(r->err, st, "chat template, line %u: %s%s%s", line, what,
                           name ? " " : "", name ? name : "");
    return NULL;
}

/* The result of an operation, or its failure. */
static json_t *check(render *r, const node *n, json_t *v, const operation_error *e)
{
    if (v) { /* all texts and lists made on the way count, alive or not */
        r->work += json_is_string(v) ? json_string_length(v) : 16 * json_array_size(v);
        if (r->work <= CHAT_TEMPLATE_MAX_WORK)
            return v;
        json_decref(v);
        return fail(r, CAIRN_ELIMIT, n->line, "texts grew too long", NULL);
    }
    return fail(r, e->st ? e->st : CAIRN_ENOMEM, n->line, e->text[0] ? e->text : "out of memory",
                NULL);
}

static bool count_step(render *r, const node *n)
{
    if (r->st)
        return false;
    if (++r->steps > CHAT_TEMPLATE_MAX_STEPS || r->depth > CHAT_TEMPLATE_MAX_DEPTH * 8) {
        fail(r, CAIRN_ELIMIT, n->line, "too many steps or nested too deeply", NULL);
        return false;
    }
    return true;
}

/* ---- variables ---- */

/* Open a frame; returns the one before, for close_frame. */
static size_t open_frame(render *r)
{
    size_t before = r->frame;
    r->frame = r->n_vars;
    if (r->outermost == SIZE_MAX)
        r->outermost = r->frame;
    return before;
}

static void pop_vars(render *r, size_t n);

static void close_frame(render *r, size_t before)
{
    pop_vars(r, r->frame);
    if (r->outermost == r->frame)
        r->outermost = SIZE_MAX;
    r->frame = before;
}

static bool push_var(render *r, const char *name, json_t *value)
{
    if (r->n_vars == r->cap_vars) {
        size_t cap = r->cap_vars ? 2 * r->cap_vars : 32;
        variable *v = checked_realloc(r->vars, cap, sizeof *v);
        if (!v) {
            json_decref(value);
            fail(r, CAIRN_ENOMEM, 0, "out of memory", NULL);
            return false;
        }
        r->vars = v;
        r->cap_vars = cap;
    }
    r->vars[r->n_vars++] = (variable){ name, value, NULL };
    return true;
}

static void pop_vars(render *r, size_t n)
{
    while (r->n_vars > n)
        json_decref(r->vars[--r->n_vars].value);
}

/* Takes over value. */
static bool set_var(render *r, const char *name, json_t *value)
{
    for (size_t i = r->frame; i < r->n_vars; i++)
        if (!strcmp(r->vars[i].name, name)) {
            json_decref(r->vars[i].value);
            r->vars[i].value = value;
            r->vars[i].macro = NULL;
            return true;
        }
    return push_var(r, name, value);
}

static const variable *find_var(const render *r, const char *name)
{
    for (size_t i = r->n_vars; i-- > r->base;)
        if (!strcmp(r->vars[i].name, name))
            return &r->vars[i];
    for (size_t i = r->base < r->globals ? r->base : r->globals; i-- > 0;)
        if (!strcmp(r->vars[i].name, name))
            return &r->vars[i];
    return NULL;
}

static json_t *get_var(const render *r, const char *name)
{
    const variable *v = find_var(r, name);
    return v ? json_incref(v->value) : TEMPLATE_UNDEFINED;
}

/* ---- calls ---- */

#define MAX_ARGUMENTS 32

typedef struct arguments {
    json_t *v[MAX_ARGUMENTS];
    call_args args;
} arguments;

static bool evaluate_arguments(render *r, const node *n, arguments *a)
{
    a->args = (call_args){ a->v, n->names, 0 };
    if (n->list.n > MAX_ARGUMENTS) {
        fail(r, CAIRN_ELIMIT, n->line, "too many arguments of", n->name);
        return false;
    }
    for (; a->args.n < n->list.n; a->args.n++)
        if (!(a->v[a->args.n] = evaluate(r, n->list.v[a->args.n])))
            return false;
    return true;
}

static void clear_arguments(arguments *a)
{
    for (size_t i = 0; i < a->args.n; i++)
        json_decref(a->v[i]);
}

static const char *const functions[] = { "raise_exception", "namespace", "range", "dict",
                                         "strftime_now" };

bool template_function_known(const char *name)
{
    for (size_t i = 0; i < sizeof functions / sizeof *functions; i++)
        if (!strcmp(functions[i], name))
            return true;
    return false;
}

static json_t *make_range(render *r, const node *n, const call_args *a)
{
    json_int_t v[3] = { 0, 0, 1 };
    json_t *out;
    for (size_t i = 0; i < a->n && i < 3; i++) {
        if (!json_is_integer(a->v[i]))
            return fail(r, CAIRN_EINPUT, n->line, "range needs whole numbers", NULL);
        v[a->n == 1 ? 1 : i] = json_integer_value(a->v[i]);
    }
    if (a->n == 0 || v[2] == 0)
        return fail(r, CAIRN_EINPUT, n->line, "range needs an end and a step other than 0", NULL);
    out = json_array();
    for (json_int_t i = v[0]; out && (v[2] > 0 ? i < v[1] : i > v[1]);) {
        if (json_array_size(out) >= 100000) { /* the bound of Jinja's own sandbox */
            json_decref(out);
            return fail(r, CAIRN_ELIMIT, n->line, "range is too long", NULL);
        }
        json_array_append_new(out, json_integer(i));
        if (__builtin_add_overflow(i, v[2], &i))
            break;
    }
    return out ? out : fail(r, CAIRN_ENOMEM, n->line, "out of memory", NULL);
}

static json_t *call_function(render *r, const node *n, const call_args *a)
{
    if (!strcmp(n->name, "raise_exception")) {
        const char *why = a->n ? json_string_value(a->v[0]) : NULL;
        if (!r->st)
            r->st = cairn_fail(r->err, CAIRN_EINPUT, "the chat template refuses these messages: %s",
                               why ? why : "(no reason given)");
        return NULL;
    }
    if (!strcmp(n->name, "range"))
        return make_range(r, n, a);
    if (!strcmp(n->name, "strftime_now")) {
        char buf[128];
        time_t now = time(NULL);
        struct tm tm;
        const char *format = a->n ? json_string_value(a->v[0]) : NULL;
        size_t len = format && localtime_r(&now, &tm) ? strftime(buf, sizeof buf, format, &tm) : 0;
        return template_string(buf, len);
    }
    json_t *o = json_object(); /* namespace, dict */
    for (size_t i = 0; o && i < a->n; i++) {
        if (a->names[i])
            json_object_set(o, a->names[i], a->v[i]);
        else if (json_is_object(a->v[i]))
            json_object_update(o, a->v[i]);
    }
    if (o && n->name[0] == 'n')
        json_array_append(r->spaces, o);
    return o ? o : fail(r, CAIRN_ENOMEM, n->line, "out of memory", NULL);
}

/* Run a body with the output going to a text of its own. */
static json_t *capture(render *r, const node *n)
{
    bytes own, *before = r->out;
    json_t *v = NULL;
    bytes_init(&own, CHAT_TEMPLATE_MAX_OUTPUT);
    r->out = &own;
    if (run(r, &n->body)) {
        v = template_string(own.data, own.len);
        r->work += own.len;
        if (!v)
            fail(r, CAIRN_ENOMEM, n->line, "out of memory", NULL);
    }
    r->out = before;
    bytes_clear(&own);
    return v;
}

static json_t *call_macro(render *r, const node *call, const node *m, const call_args *a)
{
    size_t frame = r->frame, globals = r->globals, base = r->base, n_vars = r->n_vars;
    json_t *result = NULL;
    flow before = r->flow;

    /* What stands before the first loop's or macro's frame is global. */
    if (globals == SIZE_MAX)
        r->globals = r->outermost == SIZE_MAX ? n_vars : r->outermost;
    r->base = r->frame = n_vars;
    size_t position = 0;
    for (size_t i = 0; i < m->n_names; i++) {
        json_t *v = NULL;
        size_t seen = 0;
        for (size_t k = 0; k < a->n && !v; k++)
            if (a->names[k] ? !strcmp(a->names[k], m->names[i]) : seen++ == position)
                v = json_incref(a->v[k]);
        position++;
        if (!v)
            v = m->list.v[i] ? evaluate(r, m->list.v[i]) : TEMPLATE_UNDEFINED;
        if (!v || !push_var(r, m->names[i], v))
            goto done;
    }
    if (a->n > m->n_names)
        fail(r, CAIRN_EINPUT, call->line, "too many arguments of macro", m->name);
    else
        result = capture(r, m);
done:
    pop_vars(r, n_vars);
    r->frame = frame;
    r->globals = globals;
    r->base = base;
    r->flow = before;
    return result;
}

/* ---- expressions ---- */

static json_t *truth(bool v)
{
    return v ? json_true() : json_false();
}

static json_t *evaluate_display(render *r, const node *n)
{
    json_t *out = n->kind == NODE_LIST ? json_array() : json_object();
    for (size_t i = 0; out && i < n->list.n; i++) {
        json_t *v = evaluate(r, n->list.v[i]);
        if (v && n->kind == NODE_DICT) {
            json_t *k = v;
            v = evaluate(r, n->list.v[++i]);
            if (v && !json_is_string(k))
                fail(r, CAIRN_EINPUT, n->line, "a key that is no text", NULL);
            else if (v)
                json_object_setn(out, json_string_value(k), json_string_length(k), v);
            json_decref(k);
        } else if (v) {
            json_array_append(out, v);
        }
        json_decref(v);
        if (r->st) {
            json_decref(out);
            return NULL;
        }
    }
    return out ? out : fail(r, CAIRN_ENOMEM, n->line, "out of memory", NULL);
}

static json_t *evaluate_access(render *r, const node *n)
{
    operation_error e = { 0 };
    json_t *a = evaluate(r, n->a), *key = NULL, *v = NULL;
    if (!a)
        return NULL;
    if (n->kind == NODE_ATTR) {
        if (a == TEMPLATE_UNDEFINED)
            fail(r, CAIRN_EINPUT, n->line, "an undefined value has no attribute", n->name);
        else if (!(v = json_incref(json_object_get(a, n->name))))
            v = TEMPLATE_UNDEFINED;
    } else if ((key = evaluate(r, n->b)) != NULL) {
        v = check(r, n, template_item(a, key, &e), &e);
    }
    json_decref(key);
    json_decref(a);
    return v;
}

static json_t *evaluate_slice(render *r, const node *n)
{
    operation_error e = { 0 };
    json_t *part[3] = { NULL }, *v = NULL, *a = evaluate(r, n->a);
    const node *const from[3] = { n->b, n->c, n->d };
    bool good = a != NULL;
    for (size_t i = 0; i < 3 && good; i++)
        if (from[i])
            good = (part[i] = evaluate(r, from[i])) != NULL;
    if (good)
        v = check(r, n, template_slice(a, part[0], part[1], part[2], &e), &e);
    for (size_t i = 0; i < 3; i++)
        json_decref(part[i]);
    json_decref(a);
    return v;
}

static json_t *evaluate_call(render *r, const node *n)
{
    operation_error e = { 0 };
    arguments a = { .args.n = 0 };
    json_t *v = NULL, *self = n->a ? evaluate(r, n->a) : NULL;
    if ((!n->a || self) && evaluate_arguments(r, n, &a)) {
        const variable *f = n->kind == NODE_CALL ? find_var(r, n->name) : NULL;
        switch (n->kind) {
        case NODE_CALL:
            if (f && f->macro)
                v = call_macro(r, n, f->macro, &a.args);
            else if (f || !template_function_known(n->name))
                fail(r, CAIRN_EINPUT, n->line, "not a function here:", n->name);
            else
                v = call_function(r, n, &a.args);
            break;
        case NODE_METHOD:
            v = check(r, n, template_method(n->op, self, &a.args, &e), &e);
            break;
        case NODE_FILTER:
            v = check(r, n, template_filter(n->op, self, &a.args, &e), &e);
            break;
        default: {
            int t = template_test(n->op, self, &a.args, &e);
            v = check(r, n, t < 0 ? NULL : truth(t), &e);
        }
        }
    }
    clear_arguments(&a);
    json_decref(self);
    return v;
}

static json_t *evaluate_binary(render *r, const node *n)
{
    operation_error e = { 0 };
    json_t *v = NULL, *b = NULL, *a = evaluate(r, n->a);
    if (a && (b = evaluate(r, n->b)) != NULL)
        v = check(r, n, template_binary(n->op, a, b, &e), &e);
    json_decref(a);
    json_decref(b);
    return v;
}

static json_t *evaluate_comparison(render *r, const node *n)
{
    operation_error e = { 0 };
    json_t *a = evaluate(r, n->a);
    int t = 1;
    for (size_t i = 0; a && t == 1 && i < n->list.n; i++) {
        json_t *b = evaluate(r, n->list.v[i]);
        t = b ? template_compare(n->ops[i], a, b, &e) : -1;
        json_decref(a);
        a = b;
    }
    json_decref(a);
    if (r->st)
        return NULL;
    return check(r, n, t < 0 ? NULL : truth(t), &e);
}

/* and, or: the value that decided, not a truth value. */
static json_t *evaluate_logic(render *r, const node *n)
{
    json_t *a = evaluate(r, n->a);
    if (!a || template_truth(a) == (n->kind == NODE_OR))
        return a;
    json_decref(a);
    return evaluate(r, n->b);
}

static json_t *evaluate_unary(render *r, const node *n)
{
    json_t *a = evaluate(r, n->a), *v = NULL;
    if (!a)
        return NULL;
    if (n->kind == NODE_NOT)
        v = truth(!template_truth(a));
    else if (json_is_real(a))
        v = json_real(-json_real_value(a));
    else if (template_is_number(a) && json_integer_value(a) != INT64_MIN)
        v = json_integer(json_is_integer(a) ? -json_integer_value(a) : -json_is_true(a));
    else
        fail(r, CAIRN_EINPUT, n->line, "minus of something that is no number", NULL);
    json_decref(a);
    return v;
}

static json_t *evaluate_kind(render *r, const node *n)
{
    json_t *v;
    bool yes;
    switch (n->kind) {
    case NODE_CONST:
        return json_incref(n->value);
    case NODE_NAME:
        return get_var(r, n->name);
    case NODE_LIST:
    case NODE_DICT:
        return evaluate_display(r, n);
    case NODE_ATTR:
    case NODE_ITEM:
        return evaluate_access(r, n);
    case NODE_SLICE:
        return evaluate_slice(r, n);
    case NODE_CALL:
    case NODE_METHOD:
    case NODE_FILTER:
    case NODE_TEST:
        return evaluate_call(r, n);
    case NODE_NOT:
    case NODE_NEGATE:
        return evaluate_unary(r, n);
    case NODE_AND:
    case NODE_OR:
        return evaluate_logic(r, n);
    case NODE_BINARY:
        return evaluate_binary(r, n);
    case NODE_COMPARE:
        return evaluate_comparison(r, n);
    case NODE_COND:
        v = evaluate(r, n->b);
        if (!v)
            return NULL;
        yes = template_truth(v);
        json_decref(v);
        return yes ? evaluate(r, n->a) : n->c ? evaluate(r, n->c) : TEMPLATE_UNDEFINED;
    default:
        return fail(r, CAIRN_EMODEL, n->line, "a statement where a value belongs", NULL);
    }
}

static json_t *evaluate(render *r, const node *n)
{
    if (!count_step(r, n))
        return NULL;
    r->depth++;
    json_t *v = evaluate_kind(r, n);
    r->depth--;
    return v;
}

/* ---- statements ---- */

static bool run_output(render *r, const node *n)
{
    json_t *v = evaluate(r, n->a);
    if (!v)
        return false;
    if (!template_str(r->out, v))
        fail(r, CAIRN_ELIMIT, n->line, "the prompt grew too large", NULL);
    json_decref(v);
    return !r->st;
}

static bool run_if(render *r, const node *n)
{
    json_t *v = evaluate(r, n->a);
    if (!v)
        return false;
    bool yes = template_truth(v);
    json_decref(v);
    return run(r, yes ? &n->body : &n->orelse);
}

/* The variables of one turn: the targets, and `loop`. */
static bool bind_turn(render *r, const node *n, json_t *item, const json_t *items, size_t i)
{
    size_t count = json_array_size(items);
    json_t *loop = json_pack("{sisisisisbsbsi}", "index", (int)i + 1, "index0", (int)i, "revindex",
                             (int)(count - i), "revindex0", (int)(count - i - 1), "first", i == 0,
                             "last", i + 1 == count, "length", (int)count);
    if (!loop) {
        fail(r, CAIRN_ENOMEM, n->line, "out of memory", NULL);
        return false;
    }
    if (i)
        json_object_set(loop, "previtem", json_array_get(items, i - 1));
    if (i + 1 < count)
        json_object_set(loop, "nextitem", json_array_get(items, i + 1));
    if (!push_var(r, "loop", loop))
        return false;
    if (n->n_names == 1)
        return push_var(r, n->names[0], json_incref(item));
    if (!json_is_array(item) || json_array_size(item) != n->n_names) {
        fail(r, CAIRN_EINPUT, n->line, "an element does not fit the names of the loop", NULL);
        return false;
    }
    for (size_t k = 0; k < n->n_names; k++)
        if (!push_var(r, n->names[k], json_incref(json_array_get(item, k))))
            return false;
    return true;
}

/* The elements for which the loop's own condition holds. */
static json_t *chosen(render *r, const node *n, json_t *all)
{
    json_t *out = json_array();
    for (size_t i = 0; out && !r->st && i < json_array_size(all); i++) {
        size_t before = open_frame(r);
        json_t *v = bind_turn(r, n, json_array_get(all, i), all, i) ? evaluate(r, n->b) : NULL;
        if (v && template_truth(v))
            json_array_append(out, json_array_get(all, i));
        json_decref(v);
        close_frame(r, before);
    }
    json_decref(all);
    if (r->st) {
        json_decref(out);
        return NULL;
    }
    return out;
}

static bool run_for(render *r, const node *n)
{
    operation_error e = { 0 };
    json_t *v = evaluate(r, n->a);
    json_t *items = v ? check(r, n, template_elements(v, &e), &e) : NULL;
    json_decref(v);
    if (items && n->b)
        items = chosen(r, n, items);
    if (!items)
        return false;
    size_t count = json_array_size(items);
    for (size_t i = 0; i < count && !r->st && r->flow != FLOW_BREAK; i++) {
        size_t before = open_frame(r);
        r->flow = FLOW_ON;
        if (bind_turn(r, n, json_array_get(items, i), items, i))
            run(r, &n->body);
        close_frame(r, before);
    }
    r->flow = FLOW_ON;
    json_decref(items);
    return !r->st && (count || run(r, &n->orelse));
}

static bool is_namespace(const render *r, const json_t *v)
{
    for (size_t i = 0; i < json_array_size(r->spaces); i++)
        if (json_array_get(r->spaces, i) == v)
            return true;
    return false;
}

static bool run_set(render *r, const node *n)
{
    json_t *v;
    if (n->a) {
        v = evaluate(r, n->a);
    } else {
        size_t before = open_frame(r);
        v = capture(r, n);
        close_frame(r, before);
    }
    if (!v)
        return false;
    if (n->n_names == 1)
        return set_var(r, n->names[0], v);
    json_t *space = get_var(r, n->names[0]);
    if (!is_namespace(r, space) || v == space)
        fail(r, CAIRN_EINPUT, n->line, "attributes can be set on a namespace only, not on",
             n->names[0]);
    else
        json_object_set(space, n->names[1], v);
    json_decref(v);
    json_decref(space);
    return !r->st;
}

/* A macro is a variable of the frame it stands in. */
static bool run_macro(render *r, const node *n)
{
    if (!set_var(r, n->name, TEMPLATE_UNDEFINED))
        return false;
    for (size_t i = r->n_vars; i-- > r->frame;)
        if (!strcmp(r->vars[i].name, n->name)) {
            r->vars[i].macro = n;
            break;
        }
    return true;
}

static bool run_node(render *r, const node *n)
{
    switch (n->kind) {
    case NODE_TEXT:
        if (bytes_append(r->out, json_string_value(n->value), json_string_length(n->value)))
            fail(r, CAIRN_ELIMIT, n->line, "the prompt grew too large", NULL);
        return !r->st;
    case NODE_OUTPUT:
        return run_output(r, n);
    case NODE_IF:
        return run_if(r, n);
    case NODE_FOR:
        return run_for(r, n);
    case NODE_SET:
        return run_set(r, n);
    case NODE_BLOCK:
        return run(r, &n->body);
    case NODE_BREAK:
    case NODE_CONTINUE:
        r->flow = n->kind == NODE_BREAK ? FLOW_BREAK : FLOW_CONTINUE;
        return true;
    case NODE_MACRO:
        return run_macro(r, n);
    default:
        fail(r, CAIRN_EMODEL, n->line, "a value where a statement belongs", NULL);
        return false;
    }
}

static bool run(render *r, const node_list *l)
{
    r->depth++;
    for (size_t i = 0; i < l->n && r->flow == FLOW_ON && !r->st; i++)
        if (count_step(r, l->v[i]))
            run_node(r, l->v[i]);
    r->depth--;
    return !r->st;
}

cairn_status chat_template_render(const chat_template *t, const json_t *messages,
                                  const json_t *tools, bool add_generation_prompt, const char *bos,
                                  const char *eos, bytes *out, cairn_error *err)
{
    render r = { .t = t, .out = out, 
                 .outermost = SIZE_MAX, .globals = SIZE_MAX, .err = err };
    size_t start = out->len;

    if (!json_is_array(messages))
        return cairn_fail(err, CAIRN_EINPUT, "messages must be a list of {role, content}");
    r.spaces = json_array();
    if (!r.spaces)
        return cairn_fail(err, CAIRN_ENOMEM, "chat template");
    if (push_var(&r, "messages", json_incref((json_t *)messages)) &&
        push_var(&r, "tools", tools ? json_incref((json_t *)tools) : json_null()) &&
        push_var(&r, "documents", json_null()) &&
        push_var(&r, "add_generation_prompt", truth(add_generation_prompt)) &&
        push_var(&r, "bos_token", template_string(bos, strlen(bos))) &&
        push_var(&r, "eos_token", template_string(eos, strlen(eos))))
        run(&r, &t->body);
    pop_vars(&r, 0);
    json_decref(r.spaces);
    free(r.vars);
    if (r.st) {
        out->len = start;
        if (out->data)
            out->data[start] = 0;
    }
    return r.st;
}
